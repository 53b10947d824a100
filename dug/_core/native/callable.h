/* How a Call is made and called, with one vectorcall for each kind of function; and the classes whose instances are called so. */

typedef PyObject *(*Answer)(Call *self, PyObject *const *filled, Py_ssize_t count);

/* Answers a call of a synchronous function: at once where there is a hit, else by the driver. */
static PyObject *
answer_now(Call *self, PyObject *const *filled, Py_ssize_t count)
{
    PyObject *key, *value = NULL, *frame = get_frame(), *args = frame == NULL ? NULL : take_args(self, filled, count);
    Home *known = NULL;
    if (args != NULL) {
        value = find_hit(self, frame, args, &known);
        let_args_go(self, args);
    }
    if (value == NULL && !PyErr_Occurred() && (key = make_tuple(self->function, filled, count)) != NULL) {
        value = take_value(ask_driver(self, frame, key, known));
        Py_DECREF(key);
    }
    Py_XDECREF((PyObject *)known);
    Py_XDECREF(frame);
    return value;
}

/* Answers a call of a coroutine function, by an object that looks for a hit when it is awaited. */
static PyObject *
answer_later(Call *self, PyObject *const *filled, Py_ssize_t count)
{
    PyObject *key = make_tuple(self->function, filled, count), *made = key == NULL ? NULL : make_awaitable(self, key);
    Py_XDECREF(key);
    return made;
}

/* Inline, so that each vectorcall calls its answer directly. */
static inline Py_ALWAYS_INLINE PyObject *
call_with(Answer answer, PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *self = (Call *)op;
    PyObject *filled[MOST_PARAMETERS], *value;
    Py_INCREF(self); /* an argument's own code may redefine the function during the call */
    if (self->names != NULL && fill_in(self, filled, args, PyVectorcall_NARGS(nargsf), kwnames)) {
        value = answer(self, filled, PyTuple_GET_SIZE(self->names));
    }
    else {
        value = PyObject_Vectorcall(self->slow, args, nargsf, kwnames);
    }
    Py_DECREF(self);
    return value;
}

static PyObject *
call_vectorcall(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    return call_with(answer_now, op, args, nargsf, kwnames);
}

static PyObject *
await_vectorcall(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    return call_with(answer_later, op, args, nargsf, kwnames);
}

static PyObject *
call_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"function", "names", "defaults", "positional_only",
                               "positional", "slow", "fetch", "is_async", "is_local", NULL};
    PyObject *function, *names, *defaults, *slow, *fetch;
    Py_ssize_t positional_only, positional;
    int is_async, is_local;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!nnOOpp", keywords, &function, &names, &PyTuple_Type, &defaults,
                                     &positional_only, &positional, &slow, &fetch, &is_async, &is_local)) {
        return NULL;
    }
    if (names != Py_None && (!PyTuple_CheckExact(names) || PyTuple_GET_SIZE(names) != PyTuple_GET_SIZE(defaults) ||
                             positional_only < 0 || positional_only > positional || positional > PyTuple_GET_SIZE(names))) {
        PyErr_SetString(PyExc_TypeError, "names must be a tuple as long as defaults and no shorter than positional, or None");
        return NULL;
    }
    Call *self = (Call *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = is_async ? await_vectorcall : call_vectorcall;
    self->function = Py_NewRef(function);
    self->names = names == Py_None || PyTuple_GET_SIZE(names) > MOST_PARAMETERS ? NULL : Py_NewRef(names);
    self->defaults = Py_NewRef(defaults);
    self->slow = Py_NewRef(slow);
    self->fetch = Py_NewRef(fetch);
    self->positional_only = positional_only;
    self->positional = positional;
    self->is_local = is_local;
    self->serial = 0;
    self->nodes = NULL;
    int needs_scratch = PY_VERSION_HEX < 0x030E0000 && self->names != NULL && PyTuple_GET_SIZE(names) > 0; /* from then on a tuple keeps its hash */
    self->scratch = needs_scratch ? PyTuple_New(PyTuple_GET_SIZE(names)) : NULL;
    if (self->scratch != NULL) {
        PyObject_GC_UnTrack(self->scratch); /* it leads nowhere */
    }
    PyErr_Clear();
    return (PyObject *)self;
}

static int
call_traverse(Call *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->function);
    Py_VISIT(self->names);
    Py_VISIT(self->defaults);
    Py_VISIT(self->slow);
    Py_VISIT(self->fetch);
    return 0;
}

static void
call_dealloc(Call *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->function);
    Py_CLEAR(self->names);
    Py_CLEAR(self->defaults);
    Py_CLEAR(self->slow);
    Py_CLEAR(self->fetch);
    Py_CLEAR(self->scratch);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef call_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(Call, vectorcall), Py_READONLY, NULL},
    {NULL},
};

static PyType_Slot call_slots[] = {
    {Py_tp_doc, "How one memoised function is called."},
    {Py_tp_new, call_new},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_traverse, call_traverse},
    {Py_tp_dealloc, call_dealloc},
    {Py_tp_members, call_members},
    {0, NULL},
};

static PyType_Spec call_spec = {
    .name = "dug._core.native._caccel.Call",
    .basicsize = sizeof(Call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = call_slots,
};

/* After the fields of its base class in an instance. */
typedef struct {
    vectorcallfunc vectorcall;
    PyObject *call; /* as in a slot of a Python class, so that its code traverses and clears it; NULL once it did */
} Extension;

static inline Extension *
extension_of(PyObject *self)
{
    return (Extension *)((char *)self + Py_TYPE(self)->tp_basicsize - sizeof(Extension));
}

/* Returns what an instance is called by: a borrowed reference. */
static inline PyObject *
call_of(PyObject *self)
{
    PyObject *call = extension_of(self)->call;
    if (call == NULL) {
        PyErr_SetString(PyExc_ReferenceError, "the garbage collector has taken this function apart");
    }
    return call;
}

static PyObject *
decorated_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyObject *call = call_of(self);
    return call == NULL ? NULL : call_vectorcall(call, args, nargsf, kwnames);
}

static PyObject *
decorated_await_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyObject *call = call_of(self);
    return call == NULL ? NULL : await_vectorcall(call, args, nargsf, kwnames);
}

static PyObject *
make_class(PyObject *module, PyObject *args)
{
    PyObject *base;
    const char *name, *doc;
    int is_method; /* called on an instance, it may be given that as the first argument, so that nothing is bound for the call */
    if (!PyArg_ParseTuple(args, "O!ssp", &PyType_Type, &base, &name, &doc, &is_method)) {
        return NULL;
    }
    Py_ssize_t size = ((PyTypeObject *)base)->tp_basicsize;
    PyMemberDef members[] = {
        {"__vectorcalloffset__", Py_T_PYSSIZET, size + (Py_ssize_t)offsetof(Extension, vectorcall), Py_READONLY, NULL},
        {"_dug_call", Py_T_OBJECT_EX, size + (Py_ssize_t)offsetof(Extension, call), 0, NULL},
        {NULL},
    };
    PyType_Slot slots[] = {
        {Py_tp_doc, (void *)doc},
        {Py_tp_call, PyVectorcall_Call},
        {Py_tp_members, members},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = name,
        .basicsize = (int)(size + sizeof(Extension)),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | (is_method ? Py_TPFLAGS_METHOD_DESCRIPTOR : 0),
        .slots = slots,
    };
    PyObject *bases = PyTuple_Pack(1, base), *made = bases == NULL ? NULL : PyType_FromModuleAndSpec(module, &spec, bases);
    Py_XDECREF(bases);
    if (made != NULL && PyObject_DelAttrString(made, "_dug_call") < 0) { /* nobody but attach() may set it */
        Py_CLEAR(made);
    }
    return made;
}

static PyObject *
attach(PyObject *module, PyObject *args)
{
    PyObject *instance, *call;
    if (!PyArg_ParseTuple(args, "OO!", &instance, the_state->call_type, &call)) {
        return NULL;
    }
    PyTypeObject *type = Py_TYPE(instance);
    int is_heap = PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE); /* those of this module: its own, which do not fit, and made ones */
    if (!is_heap || PyType_GetModule(type) != module ||
        type->tp_vectorcall_offset != type->tp_basicsize - (Py_ssize_t)sizeof(Extension)) {
        PyErr_SetString(PyExc_TypeError, "attach() takes an instance of a class of make_class()");
        return NULL;
    }
    Extension *extension = extension_of(instance);
    extension->vectorcall = ((Call *)call)->vectorcall == await_vectorcall ? decorated_await_vectorcall : decorated_vectorcall;
    Py_XSETREF(extension->call, Py_NewRef(call));
    Py_RETURN_NONE;
}
