# How open_context.py is compiled.

cimport cython

from dug._core.facts.memo cimport Memo
from dug._core.state.group cimport CacheGroup
cimport dug._core.native.machine as machine
from dug._core.state.view cimport View
from dug._core.steps.frame cimport OpenContext, Run, _AnyFrame
from dug._core.steps.leaving cimport watch

cdef object DEFAULT_FRAME, LATE, NO_HOMES, PUT, Ended, current


@cython.locals(entry=OpenContext)
cpdef OpenContext open_context(object context, _AnyFrame outer, View view, list openings, object method, object back)

@cython.locals(entry=OpenContext)
cpdef object frame_here()

@cython.locals(entry=OpenContext)
cpdef object outer_here()

cdef bint _leave_ended(OpenContext entry) except -1

cpdef close_context(OpenContext entry)

@cython.locals(closed=object, inner=OpenContext)
cdef _settle_outward(OpenContext entry)

@cython.locals(outer=_AnyFrame, group=CacheGroup, runs=long, spent=double)
cdef _pass_runs_on(OpenContext entry)

cpdef leave(OpenContext entry)

@cython.locals(inner=OpenContext)
cpdef step_back(OpenContext entry)

cpdef settle(OpenContext entry)

@cython.locals(then=_AnyFrame, run=Run)
cpdef note(_AnyFrame frame, View view, Memo memo, object start=*)
