# How memo.py is compiled.

cimport cython

from dug._core.facts.extra cimport Extra, OuterCall
cimport dug._core.native.machine as machine
from dug._core.native.machine cimport flag


cdef public class ScenarioBase [object DugScenarioBase, type DugScenarioBase_Type]:
    cdef public long long serial
    cdef public object open_mask
    cdef public object after


cdef public class Memo [object DugMemo, type DugMemo_Type]:
    cdef public NodeMemos home
    cdef public object value
    cdef public tuple dependencies
    cdef public object footprint, footprint_below, open_footprint
    cdef public frozenset restriction
    cdef public object origin
    cdef public Extra extra
    cdef public float seconds, own_seconds
    cdef public long long body, found_in
    cdef public unsigned char status
    cdef public flag is_stored, must_run, opened, transient
    cdef fill(
        self, NodeMemos home, object value, long long body, tuple dependencies, object footprint, object footprint_below,
        frozenset restriction)
    cpdef Extra make_extra(self)
    cpdef bint verifies(self, long long body)
    @cython.locals(extra=Extra)
    cpdef bint serves(self, OuterCall call)
    cpdef object take_value(self)
    cpdef bint is_readable(self)
    cpdef object knows_same(self, Memo new)


@cython.final
cdef public class NodeMemos [object DugHome, type DugHome_Type]:
    cdef public object _key, _owner, _args, token
    cdef public Memo plain, newest, here
    cdef public object variants, readers, open_run, link
    cdef public list waiting
    cdef public long long forgotten
    cdef public int open_runs
    cdef public int _prune_at
    cdef public bint alive, has_failed, has_lost, shown
    cdef object __weakref__

    cdef fill(self, object key, object token)
    cpdef object find_key(self)
    cpdef object find_function(self)
    @cython.locals(memo=Memo, after=tuple, before=cython.longlong)
    cpdef Memo recall(self, ScenarioBase tweaks)
    cpdef keep_at_hand(self, Memo memo, ScenarioBase tweaks)
    @cython.locals(before=Memo, old=Memo, read=Memo, known=tuple, place=Py_ssize_t)
    cpdef object find_sum(self, tuple reads)
    cpdef Memo find_variant(self, object footprint, object restriction)
    @cython.locals(old=Memo, lone=object)
    cpdef Memo put_variant(self, Memo memo)
    cpdef bint take_variant(self, Memo memo)
    cpdef add_reader(self, NodeMemos reader)
    cpdef discard_reader(self, NodeMemos reader)
    cpdef bint is_new(self)
    cpdef bint is_empty(self)
    @cython.locals(memo=Memo)
    cpdef take_apart(self)


cpdef Memo recall(NodeMemos home, ScenarioBase tweaks)
