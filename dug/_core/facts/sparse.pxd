# How sparse.py is compiled.  Places and numbers of chunks are C's integers.  Whatever holds bits is an object, or an object that is
# known to be an int, as C would cut bits off without a word.

cimport cython

cdef Py_ssize_t WIDTH
cdef Py_ssize_t _WINDOW


cdef class Sparse:
    cdef cython.py_int _low, _bits  # which cannot be part of a circle: the garbage collector need not know of the set
    cdef Py_ssize_t _start
    cdef Py_hash_t _hash


@cython.final
cdef class Scattered(Sparse):
    cdef dict _chunks


cpdef object make_bit(Py_ssize_t place)

@cython.locals(made=Sparse)
cdef Sparse _make_near(cython.py_int low, Py_ssize_t start, cython.py_int bits)

@cython.locals(made=Scattered)
cdef Scattered _scatter(cython.py_int low, dict chunks)

cdef Sparse _with_low(Sparse high, cython.py_int low)

@cython.locals(zeros=Py_ssize_t)
cdef object _from(cython.py_int low, Py_ssize_t start, cython.py_int bits)

cdef Py_ssize_t _count_zeros(cython.py_int bits)

@cython.locals(number=Py_ssize_t, rest=object, chunk=object, chunks=dict)
cdef dict _cut(Py_ssize_t start, cython.py_int bits)

@cython.locals(first=Py_ssize_t, number=Py_ssize_t, zeros=Py_ssize_t, near=cython.py_int, beyond=cython.py_int)
cdef object _from_chunks(cython.py_int low, dict chunks)

@cython.locals(chunk=object)
cdef dict _drop_empty(dict chunks)

@cython.locals(far=Scattered)
cdef dict _chunks_of(Sparse bits)

cdef dict _copy_chunks(Sparse bits)

cdef object _check(object bits, object least)

cdef bint _is_same(Sparse left, Sparse right)

cdef object _or_operand(object made, Sparse ours, Sparse theirs)

@cython.locals(low=object)
cdef object _meet(Sparse ours, object other)

@cython.locals(low=object, apart=Py_ssize_t, bits=object)
cdef object _meet_near(Sparse ours, Sparse theirs)

@cython.locals(low=object, chunks=dict, number=Py_ssize_t, within=Py_ssize_t, bits=object, rest=object)
cdef object _meet_mixed(Scattered far, Sparse near)

@cython.locals(low=object, few=dict, many=dict, both=dict)
cdef object _meet_scattered(Scattered ours, Scattered theirs)

@cython.locals(theirs=Sparse, low=object, first=Sparse, second=Sparse, apart=Py_ssize_t, both=dict)
cdef object _join(Sparse ours, object other)

@cython.locals(theirs=Sparse, both=dict, chunk=object)
cdef object _differ(Sparse ours, object other)

@cython.locals(low=object, high=list, last=object, bits=object, one=Sparse)
cpdef object union(object sets, object known=*)

@cython.locals(both=object)
cdef object _join_ints(object ours, object theirs)

@cython.locals(chunks=dict, start=Py_ssize_t, window=object, bits=Sparse)
cdef object _add_up(object low, list sets)

@cython.locals(chunk=object, known=object)
cdef void _add(dict chunks, dict others)

cpdef object without(object bits, object others)

@cython.locals(places=list, lowest=object)
cpdef list list_places(object bits)
