# How leaving.py is compiled.

cimport cython

from dug._core.native cimport machine


cdef class _Watched:
    cdef object _function
    cdef object __weakref__


@cython.locals(methods=dict)
cpdef object find_exit(object instance)

cdef object _forget_gone(dict methods)
