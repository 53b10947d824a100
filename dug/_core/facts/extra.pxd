# How extra.py is compiled.

cimport cython


@cython.freelist(8)
cdef public class OuterCall [object DugOuterCall, type DugOuterCall_Type]:
    cdef public object failures, adopted, due
    cdef public bint is_closed
    cdef object __weakref__
    cpdef adopt(self, object memo)
    cpdef note(self, object memo)


cdef public class Extra [object DugExtra, type DugExtra_Type]:
    cdef public object failure, read_starts
    cdef public OuterCall call
    cdef public tuple inner_nodes, made
