# How releasing.py is compiled.

cimport cython

from dug._core.facts.homes cimport track_again
from dug._core.facts.memo cimport Memo, NodeMemos


cpdef list release(object cache, object serial)

@cython.locals(memo=Memo, plain=Memo, newest=Memo, home=NodeMemos, shared=list, odd=list)
cdef tuple _take_lone(object serial, object waiting, list taken, list bare)

@cython.locals(home=NodeMemos)
cdef _take_out(object cache, Memo memo)

@cython.locals(memo=Memo, read=Memo, home=NodeMemos, released=set, now=list, reads=list)
cdef _put_off(object cache, object memos, object taken)
