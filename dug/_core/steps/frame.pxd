# How frame.py is compiled.

cimport cython

from dug._core.facts.function cimport Function
from dug._core.facts.homes cimport Homes, function_of
from dug._core.facts.memo cimport Memo, NodeMemos
from dug._core.facts.extra cimport OuterCall
from dug._core.state.scenario cimport Tweak
from dug._core.state.view cimport View
cimport dug._core.native.machine as machine

cdef object BENEATH


cdef public class _AnyFrame [object DugFrame, type DugFrame_Type]
cdef public class Run(_AnyFrame) [object DugRun, type DugRun_Type]


cdef public class _AnyFrame [object DugFrame, type DugFrame_Type]:
    cdef public View view
    cdef public object outer
    cdef public OuterCall call
    cdef public object homes, reads, inner_nodes, closed_footprint, driver
    cdef public long runs
    cdef public double child_seconds
    cdef public bint transient
    cdef object __weakref__
    @cython.locals(view=View)
    cpdef refresh(self, Run run)


@cython.final
cdef public class OpenContext(_AnyFrame) [object DugEntry, type DugEntry_Type]:
    cdef public object context, openings, entries, late_reads, back, watch, token
    cdef public bint closed
    cdef public Run run
    cpdef enlist(self)
    cpdef bint has_ended(self)


@cython.final
cdef public class Run(_AnyFrame) [object DugRun, type DugRun_Type]:
    cdef public object key, entries, failed_check_reads, held_up, late_reads, made, recalled, served, task, watched, waits
    cdef public long long body, generation
    cdef public Tweak handle
    cdef public bint has_task, is_beneath, is_done, opened
    cdef public NodeMemos home
    cdef public Memo memo
    cdef public long depth
    cdef public unsigned long thread
    cdef public int unfileable
    @cython.locals(around=Run, place=_AnyFrame, function=Function)
    cdef begin(self, View view, object outer, OuterCall call, object key, Tweak handle, NodeMemos home)


cdef public class Joined [object DugJoined, type DugJoined_Type]:
    cdef public Run run
    cdef public bint is_optional
    cdef public object differs


cdef public class Wait [object DugWait, type DugWait_Type]:
    cdef public object frame, thread, differs, holders, result, failure
    cdef public Run run
    cdef public bint is_optional


@cython.locals(ident=cython.ulong)
cpdef unsigned long here()
@cython.locals(entry=OpenContext)
cpdef Run run_of(_AnyFrame frame)

