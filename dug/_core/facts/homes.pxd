# How homes.py is compiled.

cimport cython

from dug._core.facts.function cimport Function
from dug._core.facts.memo cimport Memo, NodeMemos
cimport dug._core.native.machine as machine

cdef object BENEATH


@cython.locals(plain=tuple)
cpdef object args_of(object key)

cpdef Function function_of(object key)

cdef object find_args(NodeMemos home)

@cython.locals(function=Function)
cpdef leave_key(NodeMemos home, object args)


cdef public class Homes [object DugHomes, type DugHomes_Type]:
    cdef public dict tables
    cdef public long long serial
    @cython.locals(nodes=dict)
    cpdef NodeMemos get(self, object key, object args=*)
    @cython.locals(nodes=dict, home=NodeMemos, serial=cython.longlong)
    cpdef NodeMemos put(self, object key, NodeMemos made, object args=*)
    @cython.locals(nodes=dict)
    cpdef bint take_out(self, NodeMemos home)
    cpdef _forget(self, object function, dict nodes)
    @cython.locals(nodes=dict, home=NodeMemos, tables=dict, gone=list)
    cpdef list take_all(self)
    cpdef move_to(self, Homes made, object cache)
    cpdef let_go(self)
    cpdef Homes make_empty(self)
    @cython.locals(nodes=dict, home=NodeMemos)
    cpdef take_apart(self)


@cython.locals(home=NodeMemos, reads=tuple)
cpdef untrack(Homes homes, Memo memo)

@cython.locals(read=Memo)
cdef bint _are_shown(tuple reads) except -1

cpdef track_again(object gone)

cpdef show_memo(Memo memo)

@cython.locals(memo=Memo, newest=Memo)
cpdef show_node(NodeMemos home)
