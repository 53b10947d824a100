# How function.py is compiled.

cimport cython


cdef public class Function [object DugFunction, type DugFunction_Type]:
    cdef public object name, body, kind, eq, version, options, fetch, ask, newest, at_first_run, reached, bits, mark, store, stream, _binding
    cdef public object digest, ignored
    cdef public bint owned, is_replaced, renamed, is_async, is_simple, was_importable
    cdef public list wrappers
    cdef public tuple changed, named
    cdef public Py_ssize_t length
    cdef public dict nodes
    cdef object __weakref__
