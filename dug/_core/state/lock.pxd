# How lock.py is compiled.

cimport cython

cimport dug._core.native.machine as machine


@cython.final
cdef class Lock:
    cdef unsigned long _owner
    cdef long _count, _waiting
    cdef bint _is_open
    cdef object _gate
    cpdef acquire(self)
    cdef _wait(self)
    cpdef release(self)
    cpdef bint _is_owned(self)
    cpdef renew(self)
