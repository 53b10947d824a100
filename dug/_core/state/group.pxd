# How group.py is compiled.

cimport cython

from dug._core.facts.function cimport Function
from dug._core.facts.memo cimport Memo, NodeMemos
from dug._core.state.bits cimport Bits
from dug._core.state.lock cimport Lock
from dug._core.state.scenario cimport ActiveTweaks, Tweak, make_active, make_tweak


@cython.final
cdef public class CacheGroup [object DugGroup, type DugGroup_Type]:
    cdef public Lock lock
    cdef public Bits bits
    cdef public object mark, redefined, doubts, check, caches, views, opened, by_serial, _serials, released
    cdef public long long generation, filings
    cdef public long early
    cdef public dict _function_bits, _handles, blocked, _watches
    cdef public ActiveTweaks untweaked
    cdef object __weakref__
    cpdef object bit_of(self, object target)
    cpdef object node_bits(self, Function function)
    @cython.locals(caches=tuple, handles=dict)
    cpdef _release_all(self, list taken)
    @cython.locals(handle=Tweak, made=Tweak)
    cpdef Tweak intern(self, object target, object spec, Tweak beneath)
    @cython.locals(newest=Tweak)
    cpdef ActiveTweaks scenario(self, dict content)
    @cython.locals(made=ActiveTweaks)
    cpdef ActiveTweaks make_scenario(self, Tweak newest, frozenset serials, dict content, object mask)
