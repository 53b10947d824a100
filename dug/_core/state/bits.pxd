# How bits.py is compiled.

cimport cython

from dug._core.facts.function cimport Function


cdef class Bits:
    cdef public dict by_function
    cdef public dict _named
    cdef public list _by_place, _spare
    cdef public Py_ssize_t _given, _recent
    cdef object __weakref__
    cpdef object of(self, object target)
    @cython.locals(function=Function)
    cpdef dict _kept_for(self, object target)
