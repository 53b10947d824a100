# How finish.py is compiled.

cimport cython

from dug._core.facts.function cimport Function
from dug._core.facts.memo cimport Memo, NodeMemos
from dug._core.facts.extra cimport OuterCall
cimport dug._core.native.machine as machine
from dug._core.state.cache cimport Cache
from dug._core.state.group cimport CacheGroup
from dug._core.state.scenario cimport ActiveTweaks, Tweak
from dug._core.state.view cimport View, own_bits
from dug._core.steps.begin cimport serve, take_out
from dug._core.steps.frame cimport Run, _AnyFrame

cdef object BENEATH, FORGOTTEN
cdef frozenset NO_TWEAKS


@cython.locals(
    view=View, call=OuterCall, home=NodeMemos, group=CacheGroup, place=NodeMemos, reads=tuple, outer=_AnyFrame, memo=Memo,
    known=NodeMemos, displaced=object)
cpdef Memo finish(Run run, object value, double seconds, object failure=*, Memo held=*)

cpdef Memo complete(Run run, object value, double seconds)

cpdef Memo file_verified(Run run, Memo candidate)

cpdef object check_value(Run run, object value)

cpdef bint is_consumable(object value)

cdef object _find_origin(Memo held)

@cython.locals(memo=Memo)
cdef _restrict_failure(Run run, Memo memo, object failure)

@cython.locals(read=Memo)
cdef bint _is_true_still(Run run, NodeMemos home, tuple reads)

@cython.locals(read=Memo, bits=object, others=list, known=object)
cdef object _add_up(Run run, tuple reads)

@cython.locals(memo=Memo)
cdef Memo _make_memo(Run run, object value, object below, tuple reads, Memo held)

@cython.locals(view=View, home=NodeMemos, footprint=object, group=CacheGroup, function=Function)
cdef Memo _place(Run run, object value, object below, tuple reads)

@cython.locals(read=Memo, below=object)
cdef object _add_up_beneath(Run run, tuple reads)

@cython.locals(memo=Memo)
cdef Memo _new_memo(
    NodeMemos home, object value, long long body, tuple reads, object footprint, object below, frozenset restriction)
