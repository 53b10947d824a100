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
    cpdef fill(
        self, View parent, object layers, ActiveTweaks tweaks, Cache cache, CacheGroup group, object delta, tuple listeners, tuple keep,
        object inside, long max_depth)
    cpdef Tweak handle_of(self, object key)
    cpdef bint matches(self, Memo memo)


@cython.locals(handle=Tweak)
cpdef object own_bits(View view, object key)

@cython.locals(group=CacheGroup, around=ActiveTweaks, tweaks=ActiveTweaks, view=View, heard=tuple, keep=tuple)
cpdef View enter(View parent, object layers, object held, Cache cache, list listeners, object inside=*, object max_depth=*)

@cython.locals(content=dict, alone=dict, added=list, handle=Tweak, newest=Tweak)
cdef object _add_values(CacheGroup group, ActiveTweaks around, object layer, object held)
