/* Call: what is called of one memoised function, how its arguments are filled in, and a call up to a hit. */

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    PyObject *function; /* the first element of its keys */
    PyObject *names;    /* of its parameters, interned; NULL when its calls are not made of plain parameters */
    PyObject *defaults; /* one for each parameter; the type of a Call where there is none */
    PyObject *slow;     /* the generated function, which knows every kind of parameter, and raises the error of a wrong call */
    PyObject *fetch;    /* the driver: fetch(frame, key) returns the memo; for a coroutine function, a coroutine of it */
    Py_ssize_t positional_only; /* how many parameters cannot be named */
    Py_ssize_t positional;      /* how many can be given by position */
    int is_local; /* the function has the homes of its nodes itself */
    long long serial; /* of the homes in which it was looked up last */
    PyObject *scratch; /* a tuple for the arguments of a call while they are looked up, empty before and after; NULL where none is needed */
    PyObject *nodes;  /* those of the function there, borrowed: they are there for as long as these have that serial */
} Call;

/* Returns a new reference to the frame in force. */
static inline PyObject *
get_frame(void)
{
    PyObject *frame = NULL;
    if (the_state->current == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "the call path is not set up");
    }
    else if (PyContextVar_Get(the_state->current, NULL, &frame) < 0) {
        return NULL;
    }
    return frame;
}

static PyObject *
make_tuple(PyObject *first, PyObject *const *args, Py_ssize_t count)
{
    Py_ssize_t at = first != NULL;
    PyObject *made = PyTuple_New(count + at);
    if (made != NULL && first != NULL) {
        PyTuple_SET_ITEM(made, 0, Py_NewRef(first));
    }
    for (Py_ssize_t i = 0; made != NULL && i < count; i++) {
        PyTuple_SET_ITEM(made, i + at, Py_NewRef(args[i]));
    }
    return made;
}

/* Returns the value of a memo, which may be in a file yet. */
static PyObject *
value_of(PyObject *memo)
{
    return ((Memo *)memo)->is_stored ? PyObject_CallMethod(memo, "take_value", NULL) : Py_NewRef(((Memo *)memo)->value);
}

/* Returns the memo at hand for a call among the homes of a cache: a new reference, or NULL, mostly without an error.  `found`, which
   is NULL before, is then the home of the node there, if it has one: a new reference too. */
static PyObject *
find_in(Call *self, PyObject *homes, Cache *cache, Frame *frame, PyObject *args, Home **found)
{
    PyObject *memo = NULL, *home = NULL, *table = NULL;
    if (self->is_local) {
        table = (PyObject *)cache->homes == homes ? PyObject_GetAttr(self->function, the_state->name_nodes) : NULL;
        homes = table == NULL || !PyDict_CheckExact(table) ? NULL : PyDict_GetItemWithError(table, cache->_token);
    }
    if (homes != NULL && PyObject_TypeCheck(homes, the_state->homes_type)) {
        if (((Homes *)homes)->serial != self->serial) {
            self->nodes = PyDict_GetItemWithError(((Homes *)homes)->tables, self->function);
            self->serial = self->nodes == NULL ? 0 : ((Homes *)homes)->serial;
        }
        PyObject *nodes = Py_XNewRef(self->nodes);
        home = nodes == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(nodes, args)); /* the code of an argument may run */
        Py_XDECREF(nodes);
    }
    if (home != NULL) {
        PyObject *tweaks = Py_NewRef((PyObject *)frame->view->tweaks); /* a finalizer may give the frame another view */
        memo = the_state->recall(home, (struct DugTweaks *)tweaks, 0);
        Py_DECREF(tweaks);
        if (memo == Py_None) {
            Py_CLEAR(memo);
        }
    }
    else if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear(); /* no hash: the driver reports it properly */
    }
    Py_XDECREF(table);
    *found = (Home *)home;
    return memo;
}

/* Returns the value of the memo at hand for a call made in a frame, with the read noted; NULL, mostly without an error, when there
   is none: then `known` is the home of the node in the cache of the frame, if it has one. */
static PyObject *
find_hit(Call *self, PyObject *place, PyObject *args, Home **known)
{
    PyObject *memo = NULL, *value = NULL, *entry = NULL;
    if (!Py_IS_TYPE(place, the_state->run_type) && !Py_IS_TYPE(place, the_state->entry_type)) { /* the default frame */
        place = entry = PyObject_GetAttr(place, the_state->name_entry);
        if (entry == NULL || !Py_IS_TYPE(entry, the_state->entry_type)) {
            Py_XDECREF(entry);
            return NULL;
        }
    }
    Frame *frame = (Frame *)place;
    PyObject *homes = Py_NewRef(frame->homes), *kept = Py_NewRef((PyObject *)frame->view->cache);
    Cache *cache = (Cache *)kept, *over = cache;
    memo = find_in(self, homes, cache, frame, args, known);
    Home *above = *known;
    while (memo == NULL && (PyObject *)over->beneath != Py_None && homes == (PyObject *)cache->homes && !PyErr_Occurred() &&
           (above == NULL || above->variants == Py_None)) { /* else one of these comes first */
        Home *beneath = NULL;
        over = over->beneath;
        memo = find_in(self, (PyObject *)over->homes, over, frame, args, &beneath);
        if (above != *known) {
            Py_XDECREF(above);
        }
        above = beneath;
    }
    if (above != *known) {
        Py_XDECREF(above);
    }
    if (memo != NULL) {
        PyObject *reads = frame->reads;
        if (reads == Py_None ||
            (PyDict_CheckExact(reads) ? PyDict_SetItem(reads, memo, Py_None) : PyObject_SetItem(reads, memo, Py_None)) == 0) {
            value = Py_NewRef(((Memo *)memo)->value);
        }
    }
    Py_XDECREF(memo);
    Py_XDECREF(entry);
    Py_DECREF(homes);
    Py_DECREF(kept);
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

/* Fills in the arguments of a call, borrowed; 0 when the generated function must do it.  Inline, as in `call_with`: a hit takes
   5 % longer where it is called. */
static inline Py_ALWAYS_INLINE int
fill_in(Call *self, PyObject **filled, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    Py_ssize_t count = PyTuple_GET_SIZE(self->names);
    Py_ssize_t given = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    if (nargs > self->positional) {
        return 0;
    }
    memcpy(filled, args, (size_t)nargs * sizeof(PyObject *));
    if (nargs == count && given == 0) {
        return 1;
    }
    memset(filled + nargs, 0, (size_t)(count - nargs) * sizeof(PyObject *));
    for (Py_ssize_t i = 0; i < given; i++) {
        Py_ssize_t at = find_parameter(self, PyTuple_GET_ITEM(kwnames, i));
        if (at < 0 || filled[at] != NULL) {
            return 0;
        }
        filled[at] = args[nargs + i];
    }
    for (Py_ssize_t i = nargs; i < count; i++) {
        if (filled[i] == NULL) {
            filled[i] = PyTuple_GET_ITEM(self->defaults, i);
            if (filled[i] == (PyObject *)the_state->call_type) {
                return 0;
            }
        }
    }
    return 1;
}

/* Asks the driver for a key: a memo, or for a coroutine function a coroutine; `known` is the home of the node, NULL where it has
   none. */
static PyObject *
ask_driver(Call *self, PyObject *frame, PyObject *key, Home *known)
{
    if (self->fetch == the_state->fetch_object) {
        Known given = {1, known == NULL ? the_state->absent : (PyObject *)known};
        return the_state->fetch(frame, key, 0, &given);
    }
    PyObject *asked[] = {NULL, frame, key};
    return PyObject_Vectorcall(self->fetch, asked + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
}

/* Turns the memo that the driver returned, if it did, into its value. */
static PyObject *
take_value(PyObject *memo)
{
    PyObject *value = NULL;
    if (memo != NULL && PyObject_TypeCheck(memo, the_state->memo_type)) {
        value = value_of(memo);
    }
    else if (memo != NULL) {
        PyErr_Format(PyExc_TypeError, "the driver returned %R, which is not a memo", memo);
    }
    Py_XDECREF(memo);
    return value;
}

/* What a call is found by among the nodes of its function: `args_of`; to be given back with `let_args_go`. */
static inline PyObject *
take_args(Call *self, PyObject *const *args, Py_ssize_t count)
{
    PyObject *scratch = self->scratch;
    if (count == 1 && !PyTuple_Check(args[0])) {
        return Py_NewRef(args[0]);
    }
    if (scratch == NULL || Py_REFCNT(scratch) > 1 || PyTuple_GET_SIZE(scratch) != count) { /* a call within that of an argument */
        return make_tuple(NULL, args, count);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyTuple_SET_ITEM(scratch, i, Py_NewRef(args[i]));
    }
    return Py_NewRef(scratch);
}

static inline void
let_args_go(Call *self, PyObject *args)
{
    if (args != self->scratch) {
        Py_XDECREF(args);
        return;
    }
    if (Py_REFCNT(args) > 2) { /* an argument was compared with it, and somebody holds it now: a frame of a traceback does */
        self->scratch = NULL;
        PyObject_GC_Track(args);
        Py_DECREF(args);
        Py_DECREF(args);
        return;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) {
        PyObject *one = PyTuple_GET_ITEM(args, i);
        PyTuple_SET_ITEM(args, i, NULL);
        Py_DECREF(one);
    }
    Py_DECREF(args); /* last: only then it may be used again */
}
