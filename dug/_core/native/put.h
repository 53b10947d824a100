/* Put: ``PUT[frame]`` puts a frame in force, and returns the token of the context variable; Python raises no interrupt after it.

   CPython 3.11 may collect garbage wherever it allocates, also while it sets a context variable.  A finalizer that sets one there
   frees the table that is being copied, and the process crashes.  So the collector waits for these few allocations; from 3.12 on
   it runs between bytecodes only. */

static PyObject *
put(PyObject *Py_UNUSED(self), PyObject *frame)
{
#if PY_VERSION_HEX < 0x030C0000
    int collects = PyGC_Disable();
    PyObject *token = PyContextVar_Set(the_state->current, frame);
    if (collects) {
        PyGC_Enable();
    }
    return token;
#else
    return PyContextVar_Set(the_state->current, frame);
#endif
}

static PyType_Slot put_slots[] = {
    {Py_tp_doc, "Puts a frame in force."},
    {Py_mp_subscript, put},
    {0, NULL},
};

static PyType_Spec put_spec = {
    .name = "dug._core.native._caccel.Put",
    .basicsize = sizeof(PyObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = put_slots,
};
