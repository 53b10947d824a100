# How sync_driver.py is compiled.  The classes have names of their own here, as those that the file imports come through the doors.

cimport cython

from dug._core.facts.function cimport Function as CFunction
from dug._core.facts.memo cimport Memo as CMemo, NodeMemos as CHome
cimport dug._core.native.machine as machine
from dug._core.state.view cimport View as CView
from dug._core.steps.begin cimport begin
from dug._core.steps.finish cimport complete
from dug._core.steps.frame cimport Run as CRun, _AnyFrame
from dug._core.steps.open_context cimport note
from dug._core.steps.verify cimport Check as CCheck, verify
cimport dug._functions.stacks as stacks

cdef bint COMPILED
cdef object BENEATH, DEFAULT_FRAME, Ended, PUT, Joined, current, IN_THREAD


@cython.locals(
    place=_AnyFrame, run=CRun, own=CRun, view=CView, memo=CMemo, held=CMemo, started=double, check=CCheck, function=CFunction, args=tuple)
cpdef CMemo fetch(object frame, object key, CHome known=*)
cdef object _begin(object frame, object key, CHome known=*)
cpdef _note_failure(object frame, object view, object failed)
cpdef tuple what_runs(CRun run)

@cython.locals(read=CMemo, function=CFunction)
cdef CMemo _complete(CRun run, CCheck check)

cdef bint _is_open(_AnyFrame frame) except -1
