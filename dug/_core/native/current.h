/* The context variable that holds the frame in force: `put` and `put_back`. */

/* CPython 3.11 may collect garbage wherever it allocates, also while it sets a context variable.  A finalizer that sets one there
   frees the table that is being copied, and the process crashes.  So the collector waits for these few allocations; from 3.12 on
   it runs between bytecodes only. */
#if PY_VERSION_HEX < 0x030C0000
#define HOLD_COLLECTOR int collects = PyGC_Disable();
#define FREE_COLLECTOR if (collects) { PyGC_Enable(); }
#else
#define HOLD_COLLECTOR
#define FREE_COLLECTOR
#endif

/* Puts a frame in force; returns the token that `put_back` takes. */
static inline PyObject *
put(State *st, PyObject *frame)
{
    HOLD_COLLECTOR
    PyObject *token = PyContextVar_Set(st->current, frame);
    FREE_COLLECTOR
    return token;
}

static PyObject *
put_method(PyObject *module, PyObject *frame)
{
    return put(PyModule_GetState(module), frame);
}

/* Puts the frame in force again that was so before; -1 for an error. */
static inline int
put_back(State *st, PyObject *token)
{
    HOLD_COLLECTOR
    int result = PyContextVar_Reset(st->current, token);
    FREE_COLLECTOR
    return result;
}
