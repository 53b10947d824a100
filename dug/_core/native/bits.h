/* Sets of bits: the common case, in which they are short ints.  All others are left to sparse.py, which is compiled as well.

   Nothing of that runs other code. */

#define SETS "dug._core.facts.sparse"
#define OVERLAPS "int (PyObject *, PyObject *, int __pyx_skip_dispatch)"

static int (*sets_overlap)(PyObject *, PyObject *, int); /* overlaps() of sparse.py, once find_sets() was called */

/* Finds the functions for other sets. */
static int
find_sets(void)
{
    PyObject *module = PyImport_ImportModule(SETS), *functions = NULL, *found = NULL;
    functions = module == NULL ? NULL : PyObject_GetAttrString(module, "__pyx_capi__");
    found = functions == NULL ? NULL : PyMapping_GetItemString(functions, "overlaps");
    void *pointer = found == NULL ? NULL : PyCapsule_GetPointer(found, OVERLAPS);
    if (pointer != NULL) {
        sets_overlap = (int (*)(PyObject *, PyObject *, int))pointer;
    }
    Py_XDECREF(module);
    Py_XDECREF(functions);
    Py_XDECREF(found);
    return pointer == NULL ? -1 : 0;
}

/* True for an int that is not negative and has few bits, of which it tells the value. */
static inline int
is_small(PyObject *bits, unsigned long *value)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyLong_CheckExact(bits) || !PyUnstable_Long_IsCompact((PyLongObject *)bits)) {
        return 0;
    }
    Py_ssize_t number = PyUnstable_Long_CompactValue((PyLongObject *)bits);
#else
    if (!PyLong_CheckExact(bits) || Py_SIZE(bits) < 0 || Py_SIZE(bits) > 1) {
        return 0;
    }
    Py_ssize_t number = Py_SIZE(bits) == 0 ? 0 : (Py_ssize_t)((PyLongObject *)bits)->ob_digit[0];
#endif
    *value = (unsigned long)number;
    return number >= 0;
}

/* True when two sets of bits have one in common, -1 for an error. */
static inline int
overlaps(PyObject *bits, PyObject *others)
{
    unsigned long one, other;
    if (is_small(bits, &one) && is_small(others, &other)) {
        return (one & other) != 0;
    }
    if (PyLong_CheckExact(bits) && PyLong_CheckExact(others)) {
        int over, overs;
        long long left = PyLong_AsLongLongAndOverflow(bits, &over), right = PyLong_AsLongLongAndOverflow(others, &overs);
        if (!over && !overs) {
            return (left & right) != 0;
        }
    }
    return sets_overlap(bits, others, 0); /* a dug that was imported has found it */
}

/* Adds bits to a set of bits, which it takes over; equal sets stay one object. */
static PyObject *
union_of(PyObject *bits, PyObject *more)
{
    if (bits == NULL || bits == more) {
        return bits;
    }
    if (PyLong_CheckExact(bits) && PyLong_CheckExact(more)) {
        int over, overs;
        long long left = PyLong_AsLongLongAndOverflow(bits, &over), right = PyLong_AsLongLongAndOverflow(more, &overs);
        if (!over && !overs) {
            if ((left | right) == left) {
                return bits;
            }
            Py_DECREF(bits);
            return (left | right) == right ? Py_NewRef(more) : PyLong_FromLongLong(left | right);
        }
    }
    PyObject *both = PyNumber_Or(bits, more), *known = bits;
    int is_known = both == NULL ? -1 : PyObject_RichCompareBool(both, bits, Py_EQ);
    if (is_known == 0) {
        known = more;
        is_known = PyObject_RichCompareBool(both, more, Py_EQ);
    }
    if (is_known > 0) {
        Py_SETREF(both, Py_NewRef(known));
    }
    Py_DECREF(bits);
    return both;
}

typedef struct {
    PyObject *add_up; /* of sparse.py; borrowed */
    PyObject *plain;  /* of the sets that are ints; owned */
    PyObject *others; /* a list of those that are none, or NULL; owned */
    PyObject *last;   /* of these */
} Sum;

/* Adds a set to a sum. */
static inline int
add_bits(Sum *sum, PyObject *bits)
{
    if (PyLong_CheckExact(bits)) {
        sum->plain = union_of(sum->plain, bits);
        return sum->plain == NULL ? -1 : 0;
    }
    if (bits == sum->last) {
        return 0;
    }
    sum->last = bits;
    if (sum->others == NULL && (sum->others = PyList_New(0)) == NULL) {
        return -1;
    }
    return PyList_Append(sum->others, bits);
}

/* Returns a sum, which begins anew; `known`, if that is a set that equals it. */
static PyObject *
take_sum(Sum *sum, PyObject *known)
{
    PyObject *total = NULL;
    if (sum->plain == NULL || sum->others == NULL) { /* after an error, or of ints alone */
        int is_known = sum->plain != NULL && known != NULL && PyObject_RichCompareBool(sum->plain, known, Py_EQ) > 0;
        total = Py_XNewRef(is_known ? known : sum->plain);
    }
    else if (PyList_Append(sum->others, sum->plain) == 0) {
        total = PyObject_CallFunctionObjArgs(sum->add_up, sum->others, known, NULL);
    }
    Py_CLEAR(sum->plain);
    Py_CLEAR(sum->others);
    return total;
}
