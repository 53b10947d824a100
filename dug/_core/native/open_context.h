/* Entries: entering and leaving a context in the common case, compiled: outside of every run and driver, by a ``with`` statement that
   holds the ``__exit__``.

   `open_context.open_context` with `OpenContext.enlist`, `open_context.leave`, and `steps/leaving` are the specification.  Whatever is not common is left to
   them before anything was changed. */

static int
has_listeners(State *st, PyObject *view)
{
    PyObject *listeners = SLOT(view, view_listeners);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(listeners); i++) {
        if (PyList_GET_SIZE(PyTuple_GET_ITEM(listeners, i)) > 0) {
            return 1;
        }
    }
    return 0;
}

/* True for an entry of a context outside of every run and driver; no frame around, None, counts as one. */
static int
is_common_frame(State *st, PyObject *frame)
{
    return frame == Py_None || ((PyObject *)Py_TYPE(frame) == st->entry_type && SLOT(frame, entry_run) == Py_None &&
                                SLOT(frame, frame_driver) == Py_None && PyList_CheckExact(SLOT(frame, entry_entries)));
}

static PyObject *
take_homes(PyObject *entry, PyObject *ended)
{
    return PyObject_SetAttrString(entry, "homes", ended) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef take_homes_method = {"take_homes", take_homes, METH_O, NULL};

/* Returns the callback that takes the table from an entry when the statement that holds `method` has ended: `leaving.watch`. */
static PyObject *
watch_statement(State *st, PyObject *method, PyObject *entry)
{
    PyObject *act = PyCFunction_New(&take_homes_method, entry);
    PyObject *watch = act == NULL ? NULL : PyObject_CallFunctionObjArgs(st->ended_class, method, act, NULL);
    Py_XDECREF(act);
    return watch;
}

/* Fills a new entry and registers it with its context and the frame around. */
static int
enlist(State *st, PyObject *entry, PyObject *outer, PyObject *view, PyObject *openings)
{
    if (PyList_Append(openings, entry) < 0) {
        return -1;
    }
    if (outer != Py_None && PyList_Append(SLOT(outer, entry_entries), entry) < 0) {
        PyList_SetSlice(openings, PyList_GET_SIZE(openings) - 1, PyList_GET_SIZE(openings), NULL);
        return -1;
    }
    if (has_listeners(st, view)) { /* looked at last: a new listener refreshes the noted entries */
        PyObject *done = PyObject_CallMethodOneArg(entry, st->name_refresh, Py_None);
        Py_XDECREF(done);
        return done == NULL ? -1 : 0;
    }
    SET(entry, frame_homes, Py_NewRef(SLOT(SLOT(view, view_cache), cache_quick)));
    return 0;
}

/* Returns a new entry, not in force yet; NULL without an error when its statement has ended. */
static PyObject *
make_entry(State *st, PyObject *context, PyObject *outer, PyObject *view, PyObject *openings, PyObject *noted)
{
    PyObject *method = PyObject_CallNoArgs(noted); /* held until the entry has its table */
    PyObject *entries = method == NULL ? NULL : PyList_New(0), *entry = entries == NULL ? NULL : copy_model(st->entry_model);
    PyObject *watch = entry == NULL || method == Py_None ? NULL : watch_statement(st, method, entry);
    if (watch != NULL) {
        SET(entry, frame_view, Py_NewRef(view));
        SET(entry, frame_outer, Py_NewRef(outer));
        SET(entry, frame_call, Py_NewRef(outer == Py_None ? Py_None : SLOT(outer, frame_call)));
        SET(entry, entry_context, Py_NewRef(context));
        SET(entry, entry_openings, Py_NewRef(openings));
        SET(entry, entry_entries, Py_NewRef(entries));
        SET(entry, entry_watch, Py_NewRef(watch));
    }
    if (watch == NULL || enlist(st, entry, outer, view, openings) < 0) {
        Py_CLEAR(entry);
    }
    Py_XDECREF(entries);
    Py_XDECREF(watch);
    Py_XDECREF(method);
    return entry;
}

/* open_context((context, outer, view, openings, method)): the entry, not in force yet, or None. */
static PyObject *
open_context(PyObject *module, PyObject *args)
{
    State *st = PyModule_GetState(module);
    if (!PyTuple_CheckExact(args) || PyTuple_GET_SIZE(args) != 5) {
        PyErr_SetString(PyExc_TypeError, "open_context[] takes five things");
        return NULL;
    }
    PyObject *const *parts = &PyTuple_GET_ITEM(args, 0);
    if (st->entry_model == NULL || parts[4] == Py_None || !is_common_frame(st, parts[1]) || !PyList_CheckExact(parts[3])) {
        Py_RETURN_NONE;
    }
    PyObject *entry = make_entry(st, parts[0], parts[1], parts[2], parts[3], parts[4]);
    return entry != NULL ? entry : PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static int
strike_out(PyObject *entries, PyObject *entry)
{
    for (Py_ssize_t i = PyList_GET_SIZE(entries) - 1; i >= 0; i--) {
        if (PyList_GET_ITEM(entries, i) == entry) {
            return PyList_SetSlice(entries, i, i + 1, NULL);
        }
    }
    return 0;
}

/* Adds the runs under a context to the counts of the entry around it; the lock is free. */
static int
pass_runs_on(State *st, PyObject *entry, PyObject *outer)
{
    PyObject *runs = PyNumber_Add(SLOT(outer, frame_runs), SLOT(entry, frame_runs));
    PyObject *spent = runs == NULL ? NULL : PyNumber_Add(SLOT(outer, frame_child_seconds), SLOT(entry, frame_child_seconds));
    PyObject *none = spent == NULL ? NULL : PyFloat_FromDouble(0.0);
    if (none == NULL) {
        Py_XDECREF(runs);
        Py_XDECREF(spent);
        return -1;
    }
    SET(outer, frame_runs, runs);
    SET(outer, frame_child_seconds, spent);
    SET(entry, frame_runs, Py_NewRef(st->zero));
    SET(entry, frame_child_seconds, none);
    return 0;
}

/* Closes the entry in force and puts the one around it in force again: 1 when it did, 0 when the case is not common, -1 for an error. */
static int
quick_leave(State *st, PyObject *entry)
{
    if (st->entry_model == NULL || entry == Py_None || !is_common_frame(st, entry) || SLOT(entry, entry_back) != Py_None ||
        !PyList_CheckExact(SLOT(entry, entry_openings))) {
        return 0;
    }
    PyObject *outer = Py_NewRef(SLOT(entry, frame_outer)), *active = PyObject_GetAttr(st->default_frame, st->name_entry);
    int has_run = SLOT(entry, frame_runs) != st->zero;
    int fits = active != NULL && is_common_frame(st, outer) && (outer == Py_None || SLOT(outer, entry_closed) == Py_False);
    if (fits && has_run) {
        Lock *lock = (Lock *)SLOT(SLOT(SLOT(entry, frame_view), view_group), group_lock);
        fits = lock_is_free(lock);
    }
    int failed = active == NULL;
    if (fits) {
        SET(entry, entry_closed, Py_NewRef(Py_True));
        failed = strike_out(SLOT(entry, entry_openings), entry) < 0 || (outer != Py_None && strike_out(SLOT(outer, entry_entries), entry) < 0) ||
                 (has_run && outer != Py_None && pass_runs_on(st, entry, outer) < 0);
        PyObject *token = failed ? NULL : put(st, outer == Py_None || outer == active ? st->default_frame : outer);
        failed = token == NULL;
        Py_XDECREF(token);
    }
    Py_DECREF(outer);
    Py_XDECREF(active);
    return failed ? -1 : fits;
}

static PyObject *
leave_method(PyObject *module, PyObject *entry)
{
    int came = quick_leave(PyModule_GetState(module), entry);
    return came < 0 ? NULL : PyBool_FromLong(came);
}

/* Watched: an ``__exit__`` that is another bound method for each statement; `leaving._Watched` is the specification. */

typedef struct {
    PyObject_HEAD
    PyObject *function;
} Watched;

/* Returns the key of a place: the frame, and the instruction in it. */
static PyObject *
make_place(PyFrameObject *frame)
{
    PyObject *id = PyLong_FromVoidPtr(frame), *at = id == NULL ? NULL : PyLong_FromLong(PyFrame_GetLasti(frame));
    PyObject *place = at == NULL ? NULL : PyTuple_Pack(2, id, at);
    Py_XDECREF(id);
    Py_XDECREF(at);
    return place;
}

static PyObject *
watched_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *function;
    if (!PyArg_ParseTuple(args, "O", &function)) {
        return NULL;
    }
    Watched *self = (Watched *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->function = Py_NewRef(function);
    }
    return (PyObject *)self;
}

static int
watched_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Watched *)op)->function);
    return 0;
}

static int
watched_clear(PyObject *op)
{
    Py_CLEAR(((Watched *)op)->function);
    return 0;
}

static void
watched_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    watched_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
watched_get(PyObject *op, PyObject *instance, PyObject *Py_UNUSED(owner))
{
    PyObject *function = ((Watched *)op)->function;
    State *st = PyType_GetModuleState(Py_TYPE(op));
    if (instance == NULL || instance == Py_None) {
        return Py_NewRef(function);
    }
    PyObject *method = PyMethod_New(function, instance);
    PyFrameObject *frame = PyEval_GetFrame();
    if (method == NULL || frame == NULL || st->asked == NULL) {
        return method;
    }
    PyObject *methods = PyObject_GetAttr(st->asked, st->name_methods), *place = methods == NULL ? NULL : make_place(frame);
    PyObject *noted = place == NULL ? NULL : PyWeakref_NewRef(method, NULL);
    int failed = noted == NULL || PyDict_SetItem(methods, place, noted) < 0;
    if (!failed && PyDict_GET_SIZE(methods) > 16) {
        PyObject *done = PyObject_CallOneArg(st->forget_gone, methods);
        failed = done == NULL;
        Py_XDECREF(done);
    }
    Py_XDECREF(methods);
    Py_XDECREF(place);
    Py_XDECREF(noted);
    if (failed) {
        Py_CLEAR(method);
    }
    return method;
}

/* Takes out the method that a frame asked for at its present place: 1 when there is one. */
static int
take_asked(PyObject *methods, PyFrameObject *frame, PyObject **noted)
{
    PyObject *place = make_place(frame);
    *noted = place == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(methods, place));
    int failed = PyErr_Occurred() != NULL || (*noted != NULL && PyDict_DelItem(methods, place) < 0);
    Py_XDECREF(place);
    if (failed) {
        Py_CLEAR(*noted);
        return -1;
    }
    return *noted != NULL;
}

/* find_exit(instance): `leaving.find_exit`. */
static PyObject *
find_exit(PyObject *module, PyObject *instance)
{
    State *st = PyModule_GetState(module);
    PyObject *methods = st->asked == NULL ? NULL : PyObject_GetAttr(st->asked, st->name_methods), *noted = NULL;
    if (methods == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    PyFrameObject *frame = PyEval_GetFrame(); /* that of ``__enter__`` */
    frame = frame == NULL || PyDict_GET_SIZE(methods) == 0 ? NULL : PyFrame_GetBack(frame);
    int found = 0;
    while (frame != NULL && (found = take_asked(methods, frame, &noted)) == 0) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        int is_of_subclass = PyUnicode_CompareWithASCIIString(code->co_name, "__enter__") == 0;
        Py_DECREF(code);
        Py_SETREF(frame, is_of_subclass ? PyFrame_GetBack(frame) : NULL);
    }
    Py_XDECREF(frame);
    Py_DECREF(methods);
    if (found > 0) {
        PyObject *method = PyObject_CallNoArgs(noted);
        if (method == NULL) {
            Py_CLEAR(noted);
        }
        else if (!PyMethod_Check(method) || PyMethod_GET_SELF(method) != instance) {
            Py_SETREF(noted, NULL);
        }
        Py_XDECREF(method);
    }
    return noted != NULL ? noted : PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

/* True (1) when a view shows the present scenario of a scope inside the frame around; -1 for an error. */
static int
is_up_to_date(State *st, PyObject *scope, PyObject *view, PyObject *outer)
{
    PyObject *scenario = PyObject_GetAttr(scope, st->name__scenario);
    PyObject *layers = scenario == NULL ? NULL : PyObject_GetAttr(scenario, st->name_specs);
    int fits = layers == NULL ? -1 : SLOT(view, view_layers) == layers && SLOT(view, view_parent) == (outer == Py_None ? Py_None : SLOT(outer, frame_view));
    Py_XDECREF(scenario);
    Py_XDECREF(layers);
    return fits;
}

/* True (1) when the last view of a scope is its view inside the frame around: `scope._view_inside`; -1 for an error. */
static int
is_at_hand(State *st, PyObject *scope, PyObject *view, PyObject *outer)
{
    PyObject *given = PyObject_GetAttr(scope, st->name__given_cache);
    int fits = given == NULL ? -1 : SLOT(view, view_inside) == Py_None && (given == Py_None || given == SLOT(view, view_cache));
    Py_XDECREF(given);
    return fits <= 0 ? fits : is_up_to_date(st, scope, view, outer);
}

/* Returns the entry that a scope is entered inside, or None for nothing around; NULL without an error when the case is not common. */
static PyObject *
find_outer(State *st)
{
    PyObject *frame = get_frame(st);
    if (frame == st->default_frame && frame != NULL) {
        Py_SETREF(frame, PyObject_GetAttr(st->default_frame, st->name_entry));
    }
    else if (frame != NULL && ((PyObject *)Py_TYPE(frame) != st->entry_type || SLOT(frame, frame_homes) == SLOT(frame, entry_watch))) {
        Py_CLEAR(frame); /* a run, or an entry whose statement has ended: its table is gone */
    }
    if (frame != NULL && !is_common_frame(st, frame)) {
        Py_CLEAR(frame);
    }
    return frame;
}

/* Puts an entry in force, and brings it up to date if the scope or the entry around has changed since it was noted. */
static int
put_in_force(State *st, PyObject *scope, PyObject *entry, PyObject *outer)
{
    int fits = is_up_to_date(st, scope, SLOT(entry, frame_view), outer);
    if (fits == 0) {
        PyObject *done = PyObject_CallMethodOneArg(scope, st->name__keep_up, entry);
        fits = done == NULL ? -1 : 0;
        Py_XDECREF(done);
    }
    PyObject *token = fits < 0 ? NULL : put(st, entry);
    if (token == NULL) {
        return -1;
    }
    SET(entry, entry_token, token);
    return 0;
}

/* Returns the view of a scope inside the frame around: the last one, or one that is derived now. */
static PyObject *
find_view(State *st, PyObject *scope, PyObject *outer)
{
    PyObject *view = PyObject_GetAttr(scope, st->name__last);
    int fits = view == NULL ? -1 : view == Py_None ? 0 : is_at_hand(st, scope, view, outer);
    if (fits == 0) {
        Py_SETREF(view, PyObject_CallMethodOneArg(scope, st->name__view_inside, outer));
        fits = view == NULL ? -1 : PyObject_SetAttr(scope, st->name__last, view);
    }
    if (fits < 0) {
        Py_CLEAR(view);
    }
    return view;
}

/* Cleans up after an error of entering, an interrupt for example; the entry is NULL where there is none yet. */
static void
take_back(State *st, PyObject *entry)
{
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyObject *done = PyObject_CallFunctionObjArgs(st->give_up, entry == NULL ? Py_None : entry, kind, NULL);
    Py_XDECREF(done);
    if (done != NULL) { /* else this error is raised */
        PyErr_Restore(kind, error, traceback);
        return;
    }
    Py_XDECREF(kind);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
}

/* enter(scope): `scope._open_inside` for ``__enter__``, which calls it; False when the case is not common. */
static PyObject *
enter_method(PyObject *module, PyObject *scope)
{
    State *st = PyModule_GetState(module);
    PyObject *outer = st->entry_model == NULL ? NULL : find_outer(st), *view = NULL, *openings = NULL, *noted = NULL, *entry = NULL;
    if (outer != NULL && (openings = PyObject_GetAttr(scope, st->name__entries)) != NULL && PyList_CheckExact(openings) &&
        (noted = find_exit(module, scope)) != NULL && noted != Py_None) {
        view = find_view(st, scope, outer);
        entry = view == NULL ? NULL : make_entry(st, scope, outer, view, openings, noted);
        if (entry == NULL ? PyErr_Occurred() != NULL : put_in_force(st, scope, entry, outer) < 0) {
            take_back(st, entry);
        }
    }
    Py_XDECREF(outer);
    Py_XDECREF(view);
    Py_XDECREF(openings);
    Py_XDECREF(noted);
    Py_XDECREF(entry);
    return PyErr_Occurred() ? NULL : PyBool_FromLong(entry != NULL);
}

/* exit(scope): leaves the entry in force if it is one of the scope, inside another; False when the case is not common. */
static PyObject *
exit_method(PyObject *module, PyObject *scope)
{
    State *st = PyModule_GetState(module);
    PyObject *entry = st->entry_model == NULL ? NULL : get_frame(st);
    int came = 0;
    if (entry != NULL && (PyObject *)Py_TYPE(entry) == st->entry_type && SLOT(entry, entry_context) == scope &&
        SLOT(entry, entry_closed) == Py_False && SLOT(entry, frame_outer) != Py_None && SLOT(entry, frame_homes) != SLOT(entry, entry_watch)) {
        came = quick_leave(st, entry);
        if (came > 0) {
            SET(entry, entry_watch, Py_NewRef(Py_None));
            SET(entry, entry_token, Py_NewRef(Py_None));
        }
    }
    Py_XDECREF(entry);
    return came < 0 || PyErr_Occurred() ? NULL : PyBool_FromLong(came);
}

static PyType_Slot watched_slots[] = {
    {Py_tp_doc, "An ``__exit__`` that is another bound method for each statement."},
    {Py_tp_new, watched_new},
    {Py_tp_traverse, watched_traverse},
    {Py_tp_clear, watched_clear},
    {Py_tp_dealloc, watched_dealloc},
    {Py_tp_descr_get, watched_get},
    {0, NULL},
};

static PyType_Spec watched_spec = {
    .name = "dug._core.native._caccel.Watched",
    .basicsize = sizeof(Watched),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = watched_slots,
};
