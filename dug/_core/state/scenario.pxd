# How scenario.py is compiled.

cimport cython

from dug._core.facts.memo cimport Memo, NodeMemos, ScenarioBase
cimport dug._core.native.machine as machine


@cython.final
cdef public class Tweak [object DugTweak, type DugTweak_Type]:
    cdef public object target, spec, beneath, bit, watch
    cdef public long long serial
    cdef public bint is_value, is_untweak
    cdef public Memo memo
    cdef public dict scenarios
    cdef public Py_ssize_t prune_at
    cdef object __weakref__
    cpdef object key_beneath(self, object key)
    @cython.locals(memo=Memo)
    cpdef Memo memo_of(self, NodeMemos home)


@cython.final
cdef public class ActiveTweaks(ScenarioBase) [object DugTweaks, type DugTweaks_Type]:
    cdef public Tweak newest
    cdef public frozenset serials
    cdef public dict content, running
    cdef public object mask
    cdef public dict _restrictions
    cdef public object _handles, _by_place
    cdef object __weakref__
    cpdef Tweak handle_of(self, object key)
    @cython.locals(read=object)
    cpdef frozenset restrict(self, object footprint)


@cython.locals(made=Tweak)
cpdef Tweak make_tweak(object target, object spec, object beneath, long long serial, object bit)

@cython.locals(made=ActiveTweaks)
cpdef ActiveTweaks make_active(Tweak newest, frozenset serials, dict content, object mask)


@cython.locals(changed=list, found=list, targets=list, specs=list, number=Py_ssize_t)
cpdef object find_changed(object before, object now)
