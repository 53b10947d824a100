/* Awaitable: one call of a memoised coroutine function, to be awaited once. */

/* BEGUN while a hit is looked for; ENDED with that, when all else is up to `inner`, if there is one. */
enum { NEW, BEGUN, ENDED };

typedef struct {
    PyObject_HEAD
    Call *call;
    PyObject *key;
    PyObject *inner; /* the driver's coroutine, once there was no hit; kept to the end, as it may be the code that runs */
    PyObject *weakrefs;
    int stage;
} Awaitable;

static PyObject *
make_awaitable(Call *call, PyObject *key)
{
    State *st = the_state;
    Awaitable *self;
    if (st->spares > 0) {
        self = (Awaitable *)st->spare[--st->spares];
        Py_INCREF(st->awaitable_type);
        _Py_NewReference((PyObject *)self);
    }
    else {
        self = PyObject_GC_New(Awaitable, st->awaitable_type);
        if (self == NULL) {
            return NULL;
        }
    }
    self->call = (Call *)Py_NewRef(call);
    self->key = Py_NewRef(key);
    self->inner = self->weakrefs = NULL;
    self->stage = NEW;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* Sets the error of an operation that needs a coroutine that has not begun. */
static void
refuse_awaitable(Awaitable *self)
{
    int is_begun = self->stage == BEGUN;
    PyErr_SetString(is_begun ? PyExc_ValueError : PyExc_RuntimeError,
                    is_begun ? "coroutine already executing" : "cannot reuse already awaited coroutine");
}

/* Answers from a hit, or gets the driver's coroutine: 1 for an answer, 0 for a coroutine, -1 for an error. */
static int
awaitable_begin(Awaitable *self, PyObject *sent, PyObject **result)
{
    if (self->stage != NEW) {
        refuse_awaitable(self);
        return -1;
    }
    if (sent != Py_None) {
        PyErr_SetString(PyExc_TypeError, "can't send non-None value to a just-started coroutine");
        return -1;
    }
    PyObject *frame = get_frame(), *const *elements = ((PyTupleObject *)self->key)->ob_item;
    PyObject *args = frame == NULL ? NULL : take_args(self->call, elements + 1, PyTuple_GET_SIZE(self->key) - 1);
    if (args == NULL) {
        Py_XDECREF(frame);
        return -1;
    }
    self->stage = BEGUN;
    Home *known = NULL;
    *result = find_hit(self->call, frame, args, &known);
    Py_XDECREF((PyObject *)known);
    let_args_go(self->call, args);
    if (*result == NULL && !PyErr_Occurred()) {
        self->inner = ask_driver(self->call, frame, self->key, NULL);
    }
    self->stage = ENDED;
    Py_DECREF(frame);
    return *result != NULL ? 1 : self->inner != NULL ? 0 : -1;
}

static PySendResult
awaitable_send(PyObject *op, PyObject *sent, PyObject **result)
{
    Awaitable *self = (Awaitable *)op;
    *result = NULL;
    if (self->inner == NULL) {
        int found = awaitable_begin(self, sent, result);
        if (found != 0) {
            return found > 0 ? PYGEN_RETURN : PYGEN_ERROR;
        }
    }
    PySendResult outcome = PyIter_Send(self->inner, sent, result);
    if (outcome == PYGEN_RETURN) {
        *result = take_value(*result);
    }
    return *result == NULL ? PYGEN_ERROR : outcome;
}

/* Turns the result of a send into that of a generator's method: a yielded value, or StopIteration. */
static PyObject *
as_method_result(PySendResult outcome, PyObject *result)
{
    if (outcome == PYGEN_RETURN && result != NULL) {
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        Py_DECREF(result);
        if (stop != NULL) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
        return NULL;
    }
    return result;
}

static PyObject *
awaitable_send_method(PyObject *self, PyObject *sent)
{
    PyObject *result;
    PySendResult outcome = awaitable_send(self, sent, &result);
    return as_method_result(outcome, result);
}

static PyObject *
awaitable_next(PyObject *self)
{
    return awaitable_send_method(self, Py_None);
}

static PyObject *
awaitable_iter(PyObject *op)
{
    Awaitable *self = (Awaitable *)op;
    PyObject *waits = self->inner == NULL ? Py_NewRef(Py_None) : PyObject_GetAttr(self->inner, the_state->name_cr_await);
    Py_XDECREF(waits);
    if (waits == Py_None) {
        return Py_NewRef(op);
    }
    if (waits != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "coroutine is being awaited already");
    }
    return NULL;
}

static PyObject *
awaitable_throw(PyObject *op, PyObject *args)
{
    Awaitable *self = (Awaitable *)op;
    if (self->inner == NULL) {
        if (self->stage != NEW) {
            refuse_awaitable(self);
            return NULL;
        }
        self->inner = ask_driver(self->call, Py_None, self->key, NULL);
        if (self->inner == NULL) {
            return NULL;
        }
        self->stage = ENDED;
    }
    PyObject *throw = PyObject_GetAttr(self->inner, the_state->name_throw);
    PyObject *result = throw == NULL ? NULL : PyObject_CallObject(throw, args);
    Py_XDECREF(throw);
    if (result == NULL && PyErr_ExceptionMatches(PyExc_StopIteration)) { /* the driver caught the exception, and is done */
        PyObject *kind, *error, *traceback;
        PyErr_Fetch(&kind, &error, &traceback);
        PyErr_NormalizeException(&kind, &error, &traceback);
        PyObject *memo = PyObject_GetAttr(error, the_state->name_value);
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
        return memo == NULL ? NULL : as_method_result(PYGEN_RETURN, take_value(memo));
    }
    return result;
}

static PyObject *
awaitable_close(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Awaitable *self = (Awaitable *)op;
    if (self->inner != NULL) {
        return PyObject_CallMethodNoArgs(self->inner, the_state->name_close);
    }
    if (self->stage == BEGUN) {
        refuse_awaitable(self);
        return NULL;
    }
    self->stage = ENDED;
    Py_RETURN_NONE;
}

static PyObject *
awaitable_name(PyObject *self, void *Py_UNUSED(closure))
{
    Call *call = ((Awaitable *)self)->call;
    return PyObject_GetAttr(call->slow, the_state->name___name__);
}

static PyObject *
awaitable_await(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *inner = ((Awaitable *)self)->inner;
    return Py_NewRef(inner == NULL ? Py_None : inner);
}

static PyObject *
awaitable_running(PyObject *op, void *Py_UNUSED(closure))
{
    Awaitable *self = (Awaitable *)op;
    if (self->inner != NULL) {
        return PyObject_GetAttr(self->inner, the_state->name_cr_running);
    }
    return PyBool_FromLong(self->stage == BEGUN);
}

static PyObject *
awaitable_repr(PyObject *self)
{
    PyObject *name = awaitable_name(self, NULL);
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("<coroutine object %U at %p>", name, self);
    Py_XDECREF(name);
    return text;
}

static void
awaitable_finalize(PyObject *op)
{
    Awaitable *self = (Awaitable *)op;
    if (self->stage != NEW) {
        return;
    }
    PyObject *kind, *value, *traceback;
    PyErr_Fetch(&kind, &value, &traceback);
    PyObject *name = awaitable_name(op, NULL);
    if (name == NULL || PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%U' was never awaited", name) < 0) {
        PyErr_WriteUnraisable(op);
    }
    Py_XDECREF(name);
    PyErr_Restore(kind, value, traceback);
}

static int
awaitable_traverse(Awaitable *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->call);
    Py_VISIT(self->key);
    Py_VISIT(self->inner);
    return 0;
}

static int
awaitable_clear(Awaitable *self)
{
    self->stage = ENDED;
    Py_CLEAR(self->key);
    Py_CLEAR(self->inner);
    return 0;
}

static void
awaitable_dealloc(Awaitable *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->stage == NEW && PyObject_CallFinalizerFromDealloc((PyObject *)self) < 0) {
        return;
    }
    Call *call = self->call;
    State *st = the_state;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs((PyObject *)self);
    }
    awaitable_clear(self);
    /* An object is finalized once only: it cannot be used again. */
    if (st->spares < SPARES && st->awaitable_type == type && !PyObject_GC_IsFinalized((PyObject *)self)) {
        st->spare[st->spares++] = (PyObject *)self;
    }
    else {
        PyObject_GC_Del(self);
    }
    Py_DECREF(type);
    Py_DECREF(call);
}

static PyMemberDef awaitable_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Awaitable, weakrefs), Py_READONLY, NULL},
    {NULL},
};

static PyGetSetDef awaitable_getset[] = {
    {"__name__", awaitable_name, NULL, NULL, NULL},
    {"__qualname__", awaitable_name, NULL, NULL, NULL},
    {"cr_await", awaitable_await, NULL, NULL, NULL},
    {"cr_running", awaitable_running, NULL, NULL, NULL},
    {NULL},
};

static PyMethodDef awaitable_methods[] = {
    {"send", awaitable_send_method, METH_O, NULL},
    {"throw", awaitable_throw, METH_VARARGS, NULL},
    {"close", awaitable_close, METH_NOARGS, NULL},
    {NULL},
};

static PyType_Slot awaitable_slots[] = {
    {Py_tp_doc, "One call of a memoised coroutine function, to be awaited once."},
    {Py_am_await, awaitable_iter},
    {Py_am_send, awaitable_send},
    {Py_tp_iternext, awaitable_next},
    {Py_tp_repr, awaitable_repr},
    {Py_tp_finalize, awaitable_finalize},
    {Py_tp_traverse, awaitable_traverse},
    {Py_tp_clear, awaitable_clear},
    {Py_tp_dealloc, awaitable_dealloc},
    {Py_tp_members, awaitable_members},
    {Py_tp_getset, awaitable_getset},
    {Py_tp_methods, awaitable_methods},
    {0, NULL},
};

static PyType_Spec awaitable_spec = {
    .name = "dug._core.native._caccel.Awaitable",
    .basicsize = sizeof(Awaitable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = awaitable_slots,
};
