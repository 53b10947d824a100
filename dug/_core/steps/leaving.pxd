# How leaving.py is compiled.

cimport cython

cimport dug._core.native.machine as machine


cdef class _Watched:
    cdef object _function
    cdef object __weakref__


@cython.locals(methods=dict)
cpdef object find_exit(object instance)

cpdef object watch(object method, object entry)

cdef object _forget_gone(dict methods)
