# The machine's own means: what machine.py does the plain way.  machine.py itself is not compiled: compiled modules ``cimport`` this
# file, and each of their calls ``machine.x()`` is the C function here.

from cpython.object cimport PyObject

cdef extern from *:
    """
    #include <math.h>
    static inline double dug_now(void) {
    #if PY_VERSION_HEX >= 0x030D0000
        PyTime_t time = 0;
        PyTime_PerfCounterRaw(&time);
        return PyTime_AsSecondsDouble(time);
    #else
        return _PyTime_AsSecondsDouble(_PyTime_GetPerfCounter());
    #endif
    }
    static inline PyObject *dug_handled(void) {
        PyObject *error = PyErr_GetHandledException();
        return error == NULL ? Py_NewRef(Py_None) : error;
    }
    static inline PyObject *dug_traceback_of(PyObject *error) {
        PyObject *traceback = PyException_GetTraceback(error); /* a compiled function has its entry when it ends */
        return traceback == NULL ? Py_NewRef(Py_None) : traceback;
    }
    static inline int dug_hides(void) { return 1; }
    static inline void dug_hide(PyObject *one) { PyObject_GC_UnTrack(one); }
    static inline void dug_show(PyObject *one) {
        if (!PyObject_GC_IsTracked(one)) { PyObject_GC_Track(one); }
    }
    static inline int dug_is_hidden(PyObject *one) { return !PyObject_GC_IsTracked(one); }
    static inline int dug_are_atoms(PyObject *key) {
        for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(key); i++) {
            if (PyObject_IS_GC(PyTuple_GET_ITEM(key, i))) { return 0; }
        }
        return 1;
    }
    static inline PyObject *dug_get_variable(PyObject *variable) {
        PyObject *value = NULL;
        return PyContextVar_Get(variable, NULL, &value) < 0 ? NULL : value;
    }
    static inline int dug_put_back(PyObject *variable, PyObject *token) {
    #if PY_VERSION_HEX < 0x030C0000
        int collects = PyGC_Disable(); /* as in put.h */
        int result = PyContextVar_Reset(variable, token);
        if (collects) { PyGC_Enable(); }
        return result;
    #else
        return PyContextVar_Reset(variable, token);
    #endif
    }
    static inline int dug_is_plain(PyObject *key) {
        for (Py_ssize_t i = 1; i < PyTuple_GET_SIZE(key); i++) {
            PyObject *one = PyTuple_GET_ITEM(key, i);
            if (!(PyLong_CheckExact(one) || PyUnicode_CheckExact(one) || PyBool_Check(one) || one == Py_None || PyBytes_CheckExact(one) ||
                  (PyFloat_CheckExact(one) && PyFloat_AS_DOUBLE(one) == PyFloat_AS_DOUBLE(one)))) {
                return 0;
            }
        }
        return PyTuple_CheckExact(key);
    }
    static inline int dug_is_simple(PyObject *value) {
        return PyFloat_CheckExact(value) || PyLong_CheckExact(value) || PyUnicode_CheckExact(value) || PyBool_Check(value);
    }
    static inline int dug_compare(PyObject *old, PyObject *now) {
        if (!dug_is_simple(old) && old != Py_None) { return -1; }
        if (Py_TYPE(old) != Py_TYPE(now)) { return 0; }
        if (PyFloat_CheckExact(old)) {
            double was = PyFloat_AS_DOUBLE(old), is = PyFloat_AS_DOUBLE(now);
            return was != was ? is != is : was == is && !signbit(was) == !signbit(is);
        }
        int same = old == now ? 1 : PyObject_RichCompareBool(old, now, Py_EQ);
        return same < 0 ? -2 : same;
    }
    static inline int dug_any_in(PyObject *lists) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(lists); i++) {
            if (PyList_GET_SIZE(PyTuple_GET_ITEM(lists, i))) { return 1; }
        }
        return 0;
    }
    static inline PyObject *dug_get_frame(int depth) { /* a compiled function has no frame */
        PyFrameObject *frame = (PyFrameObject *)Py_XNewRef((PyObject *)PyEval_GetFrame());
        while (frame != NULL && --depth > 0) { Py_SETREF(frame, PyFrame_GetBack(frame)); }
        return frame == NULL ? Py_NewRef(Py_None) : (PyObject *)frame;
    }
    static inline int dug_is_ending(void) {
    #if PY_VERSION_HEX >= 0x030D0000
        return Py_IsFinalizing();
    #else
        return _Py_IsFinalizing();
    #endif
    }
    static inline PyObject *dug_first(PyObject *key) { return Py_NewRef(PyTuple_GET_ITEM(key, 0)); }
    static inline PyObject *dug_follow(PyObject *weak) {
    #if PY_VERSION_HEX >= 0x030D0000
        PyObject *found = NULL;
        int failed = PyWeakref_GetRef(weak, &found) < 0;
        return failed || found != NULL ? found : Py_NewRef(Py_None);
    #else
        return Py_XNewRef(PyWeakref_GetObject(weak));
    #endif
    }
    static inline PyObject *dug_make_key(PyObject *function, PyObject *args) {
        Py_ssize_t count = PyTuple_Check(args) ? PyTuple_GET_SIZE(args) : -1;
        PyObject *key = PyTuple_New(count < 0 ? 2 : count + 1);
        if (key == NULL) { return NULL; }
        PyTuple_SET_ITEM(key, 0, Py_NewRef(function));
        if (count < 0) { PyTuple_SET_ITEM(key, 1, Py_NewRef(args)); }
        for (Py_ssize_t i = 0; i < count; i++) { PyTuple_SET_ITEM(key, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i))); }
        return key;
    }
    static inline PyObject *dug_call_by_name(PyObject *body, PyObject *key, PyObject *names) {
        Py_ssize_t placed = PyTuple_GET_SIZE(key) - 1 - PyTuple_GET_SIZE(names);
        return PyObject_Vectorcall(body, ((PyTupleObject *)key)->ob_item + 1, (size_t)placed, names);
    }
    static inline PyObject *dug_keys_of(PyObject *table) {
        PyObject *made = PyTuple_New(PyDict_GET_SIZE(table)), *key, *value;
        Py_ssize_t at = 0, count = 0;
        while (made != NULL && count < PyTuple_GET_SIZE(made) && PyDict_Next(table, &at, &key, &value)) {
            PyTuple_SET_ITEM(made, count++, Py_NewRef(key));
        }
        return made;
    }
    #if PY_VERSION_HEX >= 0x030C0000
    static inline digit *dug_digits(PyObject *bits) { return ((PyLongObject *)bits)->long_value.ob_digit; }
    static inline Py_ssize_t dug_count_digits(PyObject *bits) {
        return (Py_ssize_t)(((PyLongObject *)bits)->long_value.lv_tag >> 3);
    }
    #else
    static inline digit *dug_digits(PyObject *bits) { return ((PyLongObject *)bits)->ob_digit; }
    static inline Py_ssize_t dug_count_digits(PyObject *bits) { return Py_ABS(Py_SIZE(bits)); }
    #endif
    static inline PyObject *dug_find_changed(PyObject *before, PyObject *now) {
        PyObject *found, *key, *other, *was, *is;
        Py_ssize_t at = 0, beside = 0;
        if (!PyDict_CheckExact(before) || !PyDict_CheckExact(now)) { return Py_NewRef(Py_None); }
        found = PyList_New(0);
        while (found != NULL && PyDict_Next(before, &at, &key, &was)) {
            if (!PyDict_Next(now, &beside, &other, &is) || key != other) {
                Py_SETREF(found, Py_NewRef(Py_None));
                break;
            }
            if (was != is && PyList_Append(found, key) < 0) { Py_CLEAR(found); }
        }
        return found;
    }
    static inline PyObject *dug_join(PyObject *bits, PyObject *others) {
        if (PyLong_CheckExact(bits) && PyLong_CheckExact(others)) {
            Py_ssize_t count = dug_count_digits(bits), more = dug_count_digits(others), i = 0;
            digit *own = dug_digits(bits), *other = dug_digits(others);
            while (i < more && i < count && !(other[i] & ~own[i])) { i++; }
            if (i == more) { return Py_NewRef(bits); }
        }
        return PyNumber_Or(bits, others);
    }
    static inline int dug_overlap(PyObject *bits, PyObject *others) {
        if (PyLong_CheckExact(bits) && PyLong_CheckExact(others)) {
            Py_ssize_t count = dug_count_digits(bits), more = dug_count_digits(others);
            digit *own = dug_digits(bits), *other = dug_digits(others);
            count = count < more ? count : more;
            for (Py_ssize_t i = 0; i < count; i++) {
                if (own[i] & other[i]) { return 1; }
            }
            return 0;
        }
        PyObject *both = PyNumber_And(bits, others);
        int met = both == NULL ? -1 : PyObject_IsTrue(both);
        Py_XDECREF(both);
        return met;
    }
    """
    ctypedef bint flag "unsigned char"  # a truth value in one byte
    int compare "dug_compare"(object old, object new) except -2
    bint is_simple "dug_is_simple"(object value)
    bint is_tuple "PyTuple_Check"(object one)
    bint is_ending "dug_is_ending"()
    object first "dug_first"(object key)
    object follow "dug_follow"(object weak)
    tuple make_key "dug_make_key"(object function, object args)
    int put_back "dug_put_back"(object variable, object token) except -1
    object get_variable "dug_get_variable"(object variable)
    bint is_plain "dug_is_plain"(object key)
    bint may_iterate "PyIter_Check"(object value)
    bint any_in "dug_any_in"(tuple lists)
    object get_frame "dug_get_frame"(int depth)
    object call_by_name "dug_call_by_name"(object body, tuple key, tuple names)
    tuple keys_of "dug_keys_of"(dict table)
    bint overlap "dug_overlap"(object bits, object others) except -1
    object join "dug_join"(object bits, object others)
    dict make_table "__Pyx_PyDict_NewPresized"(Py_ssize_t count)
    object find_changed "dug_find_changed"(object before, object now)
    double now "dug_now"()
    object handled "dug_handled"()
    object traceback_of "dug_traceback_of"(object error)
    unsigned long thread_ident "PyThread_get_thread_ident"()
    void hide "dug_hide"(object one)
    void show "dug_show"(object one)
    bint hides "dug_hides"()
    bint is_hidden "dug_is_hidden"(object one)
    bint are_atoms "dug_are_atoms"(tuple key)
    bint may_be_tracked "PyObject_IS_GC"(object one)
