/* Untracked: spares the garbage collector the nodes of a cache, and answers for them.

   A node is a home, a memo, a tuple of reads and a list of readers.  A program may have millions, and the collector would look at
   them again and again, as often as new ones come.  So they are untracked when a memo is filed; only the key stays tracked.  The
   cache holds one object of this type, which shows the collector what they refer to, so that a circle through a value, an argument
   or a function is still found.

   Invariants:
   - nobody uses a home or a memo of a cache without holding the cache: else what only they refer to would be taken for garbage
     together with the cache;
   - a reference of an untracked object is shown once, or not at all: those of a home in the table; those of a memo in a place of
     its own home; those of its reads, a tuple that no other memo has.  One that is not shown keeps a circle alive, no more;
   - a home whose references besides its key may lead to something tracked says so in its slot `shown`: when a memo that is filed
     has a value, or a read, that is tracked, and when a reader is tracked;
   - what leaves its place is tracked again: a memo, and a home that leaves the table with all that is in it;
   - all stays in its place until the collector clears this object: between the finalizers and that, it looks once more. */

typedef struct {
    PyObject_HEAD
    PyObject *homes; /* the table of a cache: a dict */
    PyObject *held;   /* once the cache is finalized: a list of the untracked homes in it, which the collector does not clear */
} Untracked;

static inline int
is_hidden(PyObject *object)
{
    return !PyObject_GC_IsTracked(object);
}

static inline void
hide(PyObject *object)
{
    if (!is_hidden(object)) {
        PyObject_GC_UnTrack(object);
    }
}

static inline void
show(PyObject *object)
{
    if (is_hidden(object)) {
        PyObject_GC_Track(object);
    }
}

static inline int
is_memo_of(State *st, PyObject *memo, PyObject *home)
{
    return PyObject_TypeCheck(memo, (PyTypeObject *)st->memo_type) && SLOT(memo, memo_home) == home;
}

typedef int (*memo_act)(State *st, PyObject *memo, visitproc visit, void *arg);

/* Calls a function with each memo in the places of a home, once; returns its first result that is not 0. */
static int
each_memo(State *st, PyObject *home, memo_act act, visitproc visit, void *arg)
{
    PyObject *plain = SLOT(home, home_plain), *newest = SLOT(home, home_newest), *variants = SLOT(home, home_variants);
    int stop = is_memo_of(st, plain, home) ? act(st, plain, visit, arg) : 0;
    if (!stop && newest != plain && is_memo_of(st, newest, home)) {
        stop = act(st, newest, visit, arg);
    }
    if (!stop && variants != plain && variants != newest && is_memo_of(st, variants, home)) {
        stop = act(st, variants, visit, arg);
    }
    PyObject *alike, *memo;
    Py_ssize_t at = 0, within;
    while (!stop && PyDict_CheckExact(variants) && PyDict_Next(variants, &at, NULL, &alike)) {
        within = 0;
        while (!stop && PyDict_Next(alike, &within, NULL, &memo)) {
            if (memo != plain && memo != newest && is_memo_of(st, memo, home)) {
                stop = act(st, memo, visit, arg);
            }
        }
    }
    return stop;
}

/* True (1) when a memo is tracked, or refers to something tracked besides its home. */
static int
is_tracked_memo(State *st, PyObject *memo, visitproc Py_UNUSED(visit), void *Py_UNUSED(arg))
{
    PyObject *reads = SLOT(memo, memo_dependencies);
    if (!is_hidden(memo) || PyObject_IS_GC(SLOT(memo, memo_value))) { /* a value may be tracked later: a dict is, once it is filled */
        return 1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(reads); i++) {
        if (!is_hidden(PyTuple_GET_ITEM(reads, i))) {
            return 1;
        }
    }
    return 0;
}

static void
hide_memo(State *st, PyObject *memo)
{
    PyObject *reads = SLOT(memo, memo_dependencies), *made = SLOT(memo, memo_made), *inner = SLOT(memo, memo_inner_nodes);
    if ((PyObject *)Py_TYPE(memo) == st->memo_type && SLOT(memo, memo_failure) == Py_None && SLOT(memo, memo_call) == Py_None && PyTuple_GET_SIZE(made) == 0 &&
        PyTuple_GET_SIZE(inner) == 0) {
        if (PyTuple_GET_SIZE(reads) > 0) {
            hide(reads);
        }
        hide(memo);
    }
}

/* Untracks a memo that was just filed under a home of the table, and the home. */
static void
hide_node(State *st, PyObject *home, PyObject *memo)
{
    int shown = 0;
    hide_memo(st, memo);
    if (is_hidden(home)) {
        shown = is_tracked_memo(st, memo, NULL, NULL);
    }
    else {
        PyObject *readers = SLOT(home, home_readers);
        if (PyList_CheckExact(readers)) {
            hide(readers);
            shown = 1;
        }
        hide(home);
        shown = shown || each_memo(st, home, is_tracked_memo, NULL, NULL);
    }
    if (shown) {
        SET(home, home_shown, Py_NewRef(Py_True));
    }
}

/* True when the nodes in a table are untracked. */
static inline int
are_untracked(PyObject *untracked, PyObject *homes)
{
    return untracked != Py_None && ((Untracked *)untracked)->homes == homes;
}

static int
traverse_memo(State *st, PyObject *memo, visitproc visit, void *arg)
{
    if (!is_hidden(memo)) { /* each place of it is shown by itself */
        return 0;
    }
    PyObject *reads = SLOT(memo, memo_dependencies);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(reads) && is_hidden(reads); i++) {
        Py_VISIT(PyTuple_GET_ITEM(reads, i));
    }
    Py_VISIT(SLOT(memo, memo_value));
    return 0;
}

static int
traverse_node(State *st, PyObject *home, visitproc visit, void *arg)
{
    PyObject *readers = SLOT(home, home_readers), *variants = SLOT(home, home_variants);
    Py_VISIT(SLOT(home, home_key));
    if (PyDict_CheckExact(variants)) { /* which shows the tracked memos in it */
        Py_VISIT(variants);
    }
    if (SLOT(home, home_open_run) != Py_None) {
        Py_VISIT(SLOT(home, home_open_run));
    }
    if (!PyList_CheckExact(readers)) { /* the only one, or a set of many */
        Py_VISIT(readers);
    }
    if (SLOT(home, home_shown) == Py_False) {
        return 0;
    }
    if (PyList_CheckExact(readers) && !is_hidden(readers)) {
        Py_VISIT(readers);
    }
    else if (PyList_CheckExact(readers)) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(readers); i++) {
            Py_VISIT(PyList_GET_ITEM(readers, i));
        }
    }
    PyObject *places[] = {SLOT(home, home_plain), SLOT(home, home_newest), variants};
    for (int i = 0; i < 3; i++) { /* the same memo may be in two of them */
        if (PyObject_TypeCheck(places[i], (PyTypeObject *)st->memo_type)) {
            Py_VISIT(places[i]);
        }
    }
    return each_memo(st, home, traverse_memo, visit, arg);
}

static int
untracked_traverse(Untracked *self, visitproc visit, void *arg)
{
    State *st = PyType_GetModuleState(Py_TYPE(self));
    PyObject *home;
    Py_ssize_t at = 0;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->homes);
    while (st != NULL && self->homes != NULL && PyDict_Next(self->homes, &at, NULL, &home)) {
        if ((PyObject *)Py_TYPE(home) == st->home_type && is_hidden(home)) {
            int stop = traverse_node(st, home, visit, arg);
            if (stop) {
                return stop;
            }
        }
    }
    return 0;
}

static int
show_memo(State *st, PyObject *memo, visitproc Py_UNUSED(visit), void *Py_UNUSED(arg))
{
    PyObject *reads = SLOT(memo, memo_dependencies), *home = SLOT(memo, memo_home);
    if (is_hidden(memo)) {
        if (PyTuple_GET_SIZE(reads) > 0) {
            show(reads);
        }
        show(memo);
        if (SLOT(home, home_newest) == memo) { /* it waits to be verified, and keeps that place */
            SET(home, home_shown, Py_NewRef(Py_True));
        }
    }
    return 0;
}

static void
show_node(State *st, PyObject *home)
{
    if (is_hidden(home)) {
        if (PyList_CheckExact(SLOT(home, home_readers))) {
            show(SLOT(home, home_readers));
        }
        each_memo(st, home, show_memo, NULL, NULL);
        show(home);
    }
}

/* `choose.untrack`: untracks a memo that was just filed, and its home, if the cache has them untracked. */
static PyObject *
untrack(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    if (count != 2 || !PyObject_TypeCheck(args[1], (PyTypeObject *)st->memo_type) ||
        (args[0] != Py_None && (PyObject *)Py_TYPE(args[0]) != st->untracked_type)) {
        PyErr_SetString(PyExc_TypeError, "untrack() takes what answers for the nodes of a cache, and a memo in it");
        return NULL;
    }
    PyObject *home = SLOT(args[1], memo_home);
    if (args[0] != Py_None && SLOT(home, home_link) == Py_None && SLOT(home, home_alive) == Py_True &&
        is_memo_of(st, args[1], home)) {
        hide_node(st, home, args[1]);
    }
    Py_RETURN_NONE;
}

/* `choose.track_again`: tracks memos that leave their places, and homes that leave the table with all that is in them. */
static PyObject *
track_again(PyObject *module, PyObject *gone)
{
    State *st = PyModule_GetState(module);
    PyObject *several = PySequence_Fast(gone, "track_again() takes homes and memos");
    for (Py_ssize_t i = 0; several != NULL && i < PySequence_Fast_GET_SIZE(several); i++) {
        PyObject *one = PySequence_Fast_GET_ITEM(several, i);
        if ((PyObject *)Py_TYPE(one) == st->home_type) {
            show_node(st, one);
        }
        else if ((PyObject *)Py_TYPE(one) == st->memo_type) {
            show_memo(st, one, NULL, NULL);
        }
    }
    Py_XDECREF(several);
    return several == NULL ? NULL : Py_NewRef(Py_None);
}

/* `releasing.release`, for the memos that are the only ones of their nodes with tweaks, and read one: takes them out, into the
   lists `taken` and, where nothing else is left of a node, `bare`.  Returns all others of those noted. */
static PyObject *
take_lone(PyObject *module, PyObject *args)
{
    State *st = PyModule_GetState(module);
    PyObject *noted, *taken, *bare, *others = PyList_New(0), *one, *each = NULL;
    if (others == NULL || !PyArg_ParseTuple(args, "O!O!O!", &PySet_Type, &noted, &PyList_Type, &taken, &PyList_Type, &bare) ||
        (each = PyObject_GetIter(noted)) == NULL) {
        Py_XDECREF(others);
        return NULL;
    }
    int failed = 0;
    while (!failed && (one = PyIter_Next(each)) != NULL) {
        PyObject *home = (PyObject *)Py_TYPE(one) == st->memo_type ? SLOT(one, memo_home) : NULL;
        if (home == NULL || SLOT(home, home_variants) != one || PySet_GET_SIZE(SLOT(one, memo_restriction)) != 1) {
            failed = PyList_Append(others, one) < 0;
        }
        else {
            PyObject *plain = SLOT(home, home_plain);
            failed = PyList_Append(taken, one) < 0 || (plain == Py_None && PyList_Append(bare, one) < 0);
            SET(one, memo_status, Py_NewRef(st->dead));
            if (SLOT(home, home_newest) == one) {
                SET(home, home_newest, Py_NewRef(plain));
            }
            SET(home, home_variants, Py_NewRef(Py_None));
            show_memo(st, one, NULL, NULL);
        }
        Py_DECREF(one);
    }
    Py_DECREF(each);
    if (failed || PyErr_Occurred()) {
        Py_CLEAR(others);
    }
    return others;
}

static int
collect_memo(State *Py_UNUSED(st), PyObject *memo, visitproc Py_UNUSED(visit), void *list)
{
    return PyList_Append((PyObject *)list, memo);
}

/* Empties a home, and puts all that it held into a list; nothing is freed yet, as that may run any code. */
static int
empty_state(State *st, PyObject *home, PyObject *gone)
{
    PyObject **places[] = {&SLOT(home, home_plain), &SLOT(home, home_variants), &SLOT(home, home_newest), &SLOT(home, home_readers)};
    for (int i = 0; i < 4; i++) {
        if (*places[i] == NULL) { /* the collector has cleared it */
            return 0;
        }
    }
    if (each_memo(st, home, collect_memo, NULL, gone) != 0) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        if (PyList_Append(gone, *places[i]) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < 4; i++) {
        set_slot(places[i], Py_NewRef(Py_None));
    }
    return 0;
}

/* Empties the homes among these, and their memos of what they read: a memo that is still a hit frees no chain when it goes. */
static int
take_states_apart(State *st, PyObject *homes)
{
    PyObject *none = PyTuple_New(0), *gone = PyList_New(0);
    int failed = none == NULL || gone == NULL;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(homes); i++) {
        PyObject *home = PyList_GET_ITEM(homes, i);
        failed = (PyObject *)Py_TYPE(home) == st->home_type && empty_state(st, home, gone) < 0;
    }
    Py_ssize_t count = failed ? 0 : PyList_GET_SIZE(gone);
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        PyObject *memo = PyList_GET_ITEM(gone, i);
        if (PyObject_TypeCheck(memo, (PyTypeObject *)st->memo_type) && SLOT(memo, memo_dependencies) != NULL) {
            failed = PyList_Append(gone, SLOT(memo, memo_dependencies)) < 0;
            SET(memo, memo_dependencies, Py_NewRef(none));
        }
    }
    Py_XDECREF(gone);
    Py_XDECREF(none);
    return failed ? -1 : 0;
}

/* `memo.take_apart`: a thread on its way out may still add some homes, so this goes through a list of them. */
static PyObject *
take_apart(PyObject *module, PyObject *homes)
{
    if (!PyDict_Check(homes)) {
        PyErr_SetString(PyExc_TypeError, "take_apart() takes a dict");
        return NULL;
    }
    PyObject *all = PyDict_Values(homes);
    int failed = all == NULL || take_states_apart(PyModule_GetState(module), all) < 0;
    Py_XDECREF(all);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* Holds the untracked homes until they are taken apart, for the collector may clear the table first. */
static PyObject *
untracked_hold(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Untracked *self = (Untracked *)op;
    PyObject *all = self->homes == NULL ? PyList_New(0) : PyDict_Values(self->homes), *held = PyList_New(0);
    int failed = all == NULL || held == NULL;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(all); i++) {
        failed = is_hidden(PyList_GET_ITEM(all, i)) && PyList_Append(held, PyList_GET_ITEM(all, i)) < 0;
    }
    Py_XDECREF(all);
    if (failed) {
        Py_XDECREF(held);
        return NULL;
    }
    hide(held);
    set_slot(&self->held, held);
    Py_RETURN_NONE;
}

/* Takes the nodes apart: not when the cache is finalized, for then the collector looks once more, and what is in no place is not shown. */
static int
untracked_clear(Untracked *self)
{
    State *st = PyType_GetModuleState(Py_TYPE(self));
    PyObject *homes = self->homes, *held = self->held, *kind, *error, *traceback;
    self->homes = self->held = NULL;
    if (homes != NULL && st != NULL && st->home_type != NULL && st->memo_type != NULL) {
        PyErr_Fetch(&kind, &error, &traceback);
        PyObject *all = PyDict_Values(homes);
        if (all == NULL || take_states_apart(st, all) < 0 || (held != NULL && take_states_apart(st, held) < 0)) {
            PyErr_WriteUnraisable((PyObject *)self);
        }
        Py_XDECREF(all);
        PyErr_Restore(kind, error, traceback);
    }
    Py_XDECREF(held);
    Py_XDECREF(homes);
    return 0;
}

static void
untracked_dealloc(Untracked *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    untracked_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
untracked_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *homes;
    if (kwargs != NULL || !PyArg_ParseTuple(args, "O!:Untracked", &PyDict_Type, &homes)) {
        PyErr_SetString(PyExc_TypeError, "Untracked() takes a dict");
        return NULL;
    }
    Untracked *self = (Untracked *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->homes = Py_NewRef(homes);
    }
    return (PyObject *)self;
}

static PyMethodDef untracked_methods[] = {
    {"hold", untracked_hold, METH_NOARGS, "Holds the untracked homes until they are taken apart: the cache is being finalized."},
    {NULL},
};

static PyType_Slot untracked_slots[] = {
    {Py_tp_doc, "Answers to the garbage collector for the nodes of a cache that it does not track."},
    {Py_tp_new, untracked_new},
    {Py_tp_traverse, untracked_traverse},
    {Py_tp_clear, untracked_clear},
    {Py_tp_dealloc, untracked_dealloc},
    {Py_tp_methods, untracked_methods},
    {0, NULL},
};

static PyType_Spec untracked_spec = {
    .name = "dug._core.native._caccel.Untracked",
    .basicsize = sizeof(Untracked),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = untracked_slots,
};
