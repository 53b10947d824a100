# How cache.py is compiled.

cimport cython

from dug._core.facts.extra cimport Extra
from dug._core.facts.function cimport Function
from dug._core.facts.homes cimport args_of, function_of, Homes, leave_key, track_again, untrack
from dug._core.facts.memo cimport Memo, NodeMemos
cimport dug._core.native.machine as machine
from dug._core.state.group cimport CacheGroup
from dug._core.state.scenario cimport ActiveTweaks

cdef object BENEATH


cdef public class Cache [object DugCache, type DugCache_Type]:
    cdef public Cache beneath
    cdef public Homes homes, quick
    cdef public object keeper, locals, stale, _token, _gone
    cdef public CacheGroup _group
    cdef public bint holds_beneath
    cdef public Py_ssize_t _count
    cdef public dict _emptied, _read
    cdef object __weakref__
    cpdef Homes homes_of(self, Function function)
    @cython.locals(function=Function)
    cpdef NodeMemos find_home(self, object key, object args=*)
    @cython.locals(home=NodeMemos)
    cpdef NodeMemos home_of(self, object key)
    @cython.locals(home=NodeMemos, made=NodeMemos, function=Function)
    cpdef NodeMemos make_home(self, object key, object args)
    @cython.locals(home=NodeMemos, first=Memo, known=Memo, extra=Extra)
    cpdef Memo file(self, Memo memo, ActiveTweaks tweaks)
    @cython.locals(home=NodeMemos, other=NodeMemos, read=Memo, old=Memo, reads=tuple, before=tuple, number=Py_ssize_t)
    cpdef _add_readers(self, Memo memo, Memo known)
    @cython.locals(home=NodeMemos, old=Memo, known=set, restriction=frozenset)
    cpdef _insert(self, Memo memo)
    @cython.locals(known=set)
    cpdef _index(self, object serial, Memo memo)
    @cython.locals(home=NodeMemos)
    cpdef remove(self, Memo memo, int status)
    @cython.locals(home=NodeMemos)
    cpdef widen(self, Memo memo, object footprint)
    cpdef _discount(self, Memo memo)
    @cython.locals(others=set)
    cpdef _unindex(self, Memo memo)
    cpdef _drop_tried_again(self, Memo memo, ActiveTweaks tweaks)
