# How view.py is compiled.

cimport cython

from dug._core.facts.memo cimport Memo

cdef object BENEATH
from dug._core.state.cache cimport Cache
from dug._core.state.group cimport CacheGroup
from dug._core.state.scenario cimport ActiveTweaks, Tweak


@cython.final
cdef public class View [object DugView, type DugView_Type]:
    cdef public View parent
    cdef public object layers
    cdef public ActiveTweaks tweaks
    cdef public Cache cache
    cdef public CacheGroup group
    cdef public object delta
    cdef public tuple listeners, keep
    cdef public object inside
    cdef public long max_depth
    cdef public object _fixed
    cdef object __weakref__
    cpdef Tweak handle_of(self, object key)
    cpdef bint matches(self, Memo memo)


@cython.locals(handle=Tweak)
cpdef object own_bits(View view, object key)
