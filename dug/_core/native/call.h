/* Call: how one memoised function is called, up to a hit; and the classes whose instances are called so. */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    State *state;
    PyObject *module;   /* keeps the state */
    PyObject *function; /* the first element of its keys */
    PyObject *names;    /* of its parameters, interned; NULL when its calls are not made of plain parameters */
    PyObject *defaults; /* one for each parameter; the type of a Call where there is none */
    PyObject *slow;     /* the generated function, which knows every kind of parameter, and raises the error of a wrong call */
    PyObject *fetch;    /* the driver: fetch(frame, key) returns the memo; for a coroutine function, a coroutine of it */
    Py_ssize_t positional_only; /* how many parameters cannot be named */
    Py_ssize_t positional;      /* how many can be given by position */
    int is_async;
} Call;

/* Returns a new reference to the frame in force; none once the module was taken apart with all that is garbage at exit. */
static inline PyObject *
get_frame(State *st)
{
    PyObject *frame = NULL;
    if (st->current == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the call path is not set up");
    }
    else if (PyContextVar_Get(st->current, NULL, &frame) < 0) {
        return NULL;
    }
    return frame;
}

/* Returns the memo at hand for a call in a table of a cache: a new reference, or NULL, mostly without an error. */
static inline PyObject *
find_in(State *st, PyObject *homes, PyObject *cache, PyObject *frame, Asked *asked)
{
    PyObject *memo = NULL, *nodes = SLOT(asked->elements[0], function_nodes);
    if (nodes != Py_None) { /* a local function */
        homes = SLOT(cache, cache_homes) == homes ? PyDict_GetItemWithError(nodes, SLOT(cache, cache__token)) : NULL;
    }
    if (homes == NULL || !PyObject_TypeCheck(homes, (PyTypeObject *)st->homes_type)) {
        return NULL;
    }
    Py_INCREF(homes); /* the code of an argument may take it away */
    if (look_up(st, (Homes *)homes, asked) == 0) {
        memo = asked->home == NULL ? NULL : Py_XNewRef(recall(st, asked->home, SLOT(SLOT(frame, frame_view), view_tweaks)));
    }
    else if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear(); /* no hash: the driver reports it properly */
    }
    Py_DECREF(homes);
    return memo;
}

/* Returns the value of the memo at hand for a call made in a frame, with the read noted; NULL, mostly without an error, when there
   is none. */
static PyObject *
find_hit(State *st, PyObject *frame, Asked *asked)
{
    PyObject *memo = NULL, *value = NULL, *entry = NULL;
    PyObject *kind = (PyObject *)Py_TYPE(frame);
    if (kind != st->run_type && kind != st->entry_type) { /* the default frame */
        entry = PyObject_GetAttr(frame, st->name_entry);
        if (entry == NULL || (PyObject *)Py_TYPE(entry) != st->entry_type) {
            Py_XDECREF(entry);
            return NULL;
        }
        frame = entry;
    }
    PyObject *homes = SLOT(frame, frame_homes), *cache = Py_NewRef(SLOT(SLOT(frame, frame_view), view_cache)), *over = cache;
    memo = find_in(st, homes, cache, frame, asked);
    while (memo == NULL && SLOT(over, cache_beneath) != Py_None && homes == SLOT(cache, cache_homes) && !PyErr_Occurred() &&
           (asked->home == NULL || !has_variants(SLOT(asked->home, home_variants)))) { /* else one of these comes first */
        over = SLOT(over, cache_beneath);
        memo = find_in(st, SLOT(over, cache_homes), over, frame, asked);
    }
    Py_DECREF(cache);
    if (memo != NULL && (PyObject *)Py_TYPE(memo) == st->memo_type) {
        PyObject *reads = SLOT(frame, frame_reads);
        if (reads == Py_None ||
            (PyDict_CheckExact(reads) ? PyDict_SetItem(reads, memo, Py_None) : PyObject_SetItem(reads, memo, Py_None)) == 0) {
            value = Py_XNewRef(SLOT(memo, memo_value));
        }
    }
    Py_XDECREF(memo);
    Py_XDECREF(entry);
    return value;
}

/* Returns the position of the parameter that a keyword names, or -1; the names of a call are usually interned. */
static Py_ssize_t
find_parameter(Call *self, PyObject *name)
{
    Py_ssize_t count = PyTuple_GET_SIZE(self->names);
    for (Py_ssize_t i = self->positional_only; i < count; i++) {
        if (PyTuple_GET_ITEM(self->names, i) == name) {
            return i;
        }
    }
    for (Py_ssize_t i = PyUnicode_CheckExact(name) ? self->positional_only : count; i < count; i++) {
        if (PyUnicode_Compare(PyTuple_GET_ITEM(self->names, i), name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Fills in the elements of the key of a call, borrowed; 0 when the generated function must do it. */
static int
fill_elements(Call *self, PyObject **elements, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t count = PyTuple_GET_SIZE(self->names);
    Py_ssize_t given = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    if (nargs > self->positional) {
        return 0;
    }
    elements[0] = self->function;
    memcpy(elements + 1, args, (size_t)nargs * sizeof(PyObject *));
    if (nargs == count && given == 0) {
        return 1;
    }
    memset(elements + 1 + nargs, 0, (size_t)(count - nargs) * sizeof(PyObject *));
    for (Py_ssize_t i = 0; i < given; i++) {
        Py_ssize_t at = find_parameter(self, PyTuple_GET_ITEM(kwnames, i));
        if (at < 0 || elements[at + 1] != NULL) {
            return 0;
        }
        elements[at + 1] = args[nargs + i];
    }
    for (Py_ssize_t i = nargs; i < count; i++) {
        if (elements[i + 1] == NULL) {
            elements[i + 1] = PyTuple_GET_ITEM(self->defaults, i);
            if (elements[i + 1] == self->state->call_type) {
                return 0;
            }
        }
    }
    return 1;
}

/* Asks the driver for a key: a memo, or for a coroutine function a coroutine. */
static PyObject *
ask_driver(Call *self, PyObject *frame, PyObject *key)
{
    PyObject *asked[] = {NULL, frame, key};
    return PyObject_Vectorcall(self->fetch, asked + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

static PyObject *make_awaitable(Call *call, PyObject *key);

static PyObject *
call_filled(Call *self, PyObject *const *elements, Py_ssize_t count)
{
    State *st = self->state;
    PyObject *key, *value;
    if (self->is_async) {
        key = make_key(elements, count);
        value = key == NULL ? NULL : make_awaitable(self, key);
        Py_XDECREF(key);
        return value;
    }
    PyObject *frame = get_frame(st);
    if (frame == NULL) {
        return NULL;
    }
    Asked asked = {.elements = elements, .count = count};
    value = find_hit(st, frame, &asked);
    if (value == NULL && !PyErr_Occurred()) {
        PyObject *memo = self->fetch == st->quick_fetch ? quick_fetch(st, frame, &asked)
                         : key_asked(&asked) == NULL    ? NULL
                                                        : ask_driver(self, frame, asked.key);
        if (memo != NULL && (PyObject *)Py_TYPE(memo) == st->memo_type) {
            value = Py_XNewRef(SLOT(memo, memo_value));
        }
        else if (memo != NULL) {
            PyErr_Format(PyExc_TypeError, "the driver returned %R, which is not a memo", memo);
        }
        Py_XDECREF(memo);
        Py_XDECREF(asked.key);
    }
    Py_DECREF(frame);
    return value;
}

static PyObject *
call_vectorcall(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *self = (Call *)op;
    PyObject *elements[1 + MOST_PARAMETERS], *value;
    Py_INCREF(self); /* an argument's own code may redefine the function during the call */
    if (self->names != NULL && fill_elements(self, elements, args, PyVectorcall_NARGS(nargsf), kwnames)) {
        value = call_filled(self, elements, 1 + PyTuple_GET_SIZE(self->names));
    }
    else {
        value = PyObject_Vectorcall(self->slow, args, nargsf, kwnames);
    }
    Py_DECREF(self);
    return value;
}

static PyObject *
call_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *keywords[] = {"function", "names", "defaults", "positional_only",
                               "positional", "slow", "fetch", "is_async", NULL};
    PyObject *function, *names, *defaults, *slow, *fetch;
    Py_ssize_t positional_only, positional;
    int is_async;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO!nnOOp", keywords, &function, &names, &PyTuple_Type, &defaults,
                                     &positional_only, &positional, &slow, &fetch, &is_async)) {
        return NULL;
    }
    if (names != Py_None && (!PyTuple_CheckExact(names) || PyTuple_GET_SIZE(names) != PyTuple_GET_SIZE(defaults) ||
                             positional_only < 0 || positional_only > positional || positional > PyTuple_GET_SIZE(names))) {
        PyErr_SetString(PyExc_TypeError, "names must be a tuple as long as defaults and no shorter than positional, or None");
        return NULL;
    }
    PyObject *module = PyType_GetModule(type);
    if (module == NULL) {
        return NULL;
    }
    Call *self = (Call *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->vectorcall = call_vectorcall;
    self->module = Py_NewRef(module);
    self->state = PyModule_GetState(module);
    self->function = Py_NewRef(function);
    self->names = names == Py_None || PyTuple_GET_SIZE(names) > MOST_PARAMETERS ? NULL : Py_NewRef(names);
    self->defaults = Py_NewRef(defaults);
    self->slow = Py_NewRef(slow);
    self->fetch = Py_NewRef(fetch);
    self->positional_only = positional_only;
    self->positional = positional;
    self->is_async = is_async;
    return (PyObject *)self;
}

static int
call_traverse(Call *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
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
    Py_CLEAR(self->module);
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

static PyObject *
decorated_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    PyObject *call = extension_of(self)->call;
    if (call == NULL) {
        PyErr_SetString(PyExc_ReferenceError, "the garbage collector has taken this function apart");
        return NULL;
    }
    return call_vectorcall(call, args, nargsf, kwnames);
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
    PyObject *bases = PyTuple_Pack(1, base);
    if (bases == NULL) {
        return NULL;
    }
    PyObject *made = PyType_FromModuleAndSpec(module, &spec, bases);
    Py_DECREF(bases);
    if (made != NULL && PyObject_DelAttrString(made, "_dug_call") < 0) { /* nobody but attach() may set it */
        Py_CLEAR(made);
    }
    return made;
}

static PyObject *
attach(PyObject *module, PyObject *args)
{
    State *st = PyModule_GetState(module);
    PyObject *instance, *call;
    if (!PyArg_ParseTuple(args, "OO!", &instance, st->call_type, &call)) {
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
    extension->vectorcall = decorated_vectorcall;
    Py_XSETREF(extension->call, Py_NewRef(call));
    Py_RETURN_NONE;
}
