/* Views: what a context adds to the view around it in the common case, compiled: values of a few nodes that it gives no value yet.

   `view.enter`, with `_add_values`, and `CacheGroup.make_scenario` are the specification.  Whatever is not common is left to them;
   the tweaks that were interned by then are held by the context, where they look first. */

#define MOST_VALUES 4 /* of a context whose view is made here */

/* Adds one value to the tweaks in force: DONE, and `content` is a copy with it; DONE with NULL when it is in force already. */
static int
add_value(State *st, PyObject *group, PyObject *around, PyObject *alone, PyObject *target, PyObject *spec, PyObject **added)
{
    *added = NULL;
    if (SLOT(spec, spec_kind) != st->value_kind) {
        return NOT_COMMON;
    }
    PyObject *handle = Py_XNewRef(PyDict_GetItemWithError(alone, target));
    if (handle == NULL && PyErr_Occurred()) {
        return FAILED;
    }
    if (handle == NULL || SLOT(handle, handle_spec) != spec) {
        Py_XSETREF(handle, PyObject_CallMethodObjArgs(group, st->name_intern, target, spec, Py_None, NULL));
        if (handle == NULL || PyDict_SetItem(alone, target, handle) < 0) {
            Py_XDECREF(handle);
            return FAILED;
        }
    }
    PyObject *met = PyDict_GetItemWithError(SLOT(around, tweaks_content), target);
    if (met != NULL || PyErr_Occurred()) { /* the same one, or one that this is put over */
        int came = met == NULL ? FAILED : met == handle ? DONE : NOT_COMMON;
        Py_DECREF(handle);
        return came;
    }
    *added = handle;
    return DONE;
}

/* Returns the interned scenario of some tweaks more than are in force around, and their bits; NULL also when it is not common. */
static PyObject *
add_up_scenario(State *st, PyObject *group, PyObject *around, PyObject *const *added, Py_ssize_t count, PyObject **delta)
{
    PyObject *content = PyDict_Copy(SLOT(around, tweaks_content)), *serials = PyFrozenSet_New(SLOT(around, tweaks_serials));
    PyObject *newest = SLOT(around, tweaks_newest), *bits = Py_NewRef(SLOT(added[0], handle_bit)), *made = NULL, *noted = NULL;
    int failed = content == NULL || serials == NULL;
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        if (i > 0) {
            Py_SETREF(bits, PyNumber_Or(bits, SLOT(added[i], handle_bit)));
        }
        int is_newer = newest == Py_None ? 1 : PyObject_RichCompareBool(SLOT(added[i], handle_serial), SLOT(newest, handle_serial), Py_GT);
        newest = is_newer > 0 ? added[i] : newest;
        failed = bits == NULL || is_newer < 0 || PyDict_SetItem(content, SLOT(added[i], handle_target), added[i]) < 0 ||
                 PySet_Add(serials, SLOT(added[i], handle_serial)) < 0;
    }
    PyObject *known = failed ? NULL : PyDict_GetItemWithError(SLOT(newest, handle_scenarios), serials);
    PyObject *mask = failed || PyErr_Occurred() || known != NULL ? NULL : PyNumber_Or(SLOT(around, tweaks_mask), bits);
    PyObject *sieve = mask == NULL ? NULL : PyNumber_Or(mask, st->one), *running = sieve == NULL ? NULL : PyDict_New();
    PyObject *restrictions = running == NULL ? NULL : PyDict_New();
    if (known != NULL) {
        made = PyObject_CallNoArgs(known);
        if (made == Py_None) { /* one that is gone: it is replaced under the lock */
            Py_CLEAR(made);
        }
    }
    else if (restrictions != NULL && (made = copy_model(st->tweaks_model)) != NULL) {
        SET(made, tweaks_newest, Py_NewRef(newest));
        SET(made, tweaks_serials, Py_NewRef(serials));
        SET(made, tweaks_content, Py_NewRef(content));
        SET(made, tweaks_mask, Py_NewRef(mask));
        SET(made, tweaks_open_mask, Py_NewRef(sieve));
        SET(made, tweaks_running, Py_NewRef(running));
        SET(made, tweaks__restrictions, Py_NewRef(restrictions));
        SET(made, tweaks_serial, PyIter_Next(st->numbers));
        noted = PyWeakref_NewRef(made, NULL);
        if (noted == NULL || PyDict_SetDefault(SLOT(newest, handle_scenarios), serials, noted) != noted) {
            Py_CLEAR(made); /* another thread was quicker */
        }
        else if (PyDict_GET_SIZE(SLOT(newest, handle_scenarios)) >= PyLong_AsSsize_t(SLOT(newest, handle_prune_at))) {
            PyObject *done = PyObject_CallMethodOneArg(group, st->name__prune, newest);
            if (done == NULL) {
                Py_CLEAR(made);
            }
            Py_XDECREF(done);
        }
    }
    Py_XDECREF(noted);
    Py_XDECREF(mask);
    Py_XDECREF(sieve);
    Py_XDECREF(running);
    Py_XDECREF(restrictions);
    Py_XDECREF(content);
    Py_XDECREF(serials);
    if (made == NULL) {
        Py_CLEAR(bits);
    }
    *delta = bits;
    return made;
}

/* `HeldTweaks.alone`. */
static PyObject *
find_alone(State *st, PyObject *held, PyObject *mark)
{
    if (PyDict_GET_SIZE(held) > 0) {
        return PyObject_CallMethodOneArg(held, st->name_alone, mark);
    }
    PyObject *made = PyDict_New(), *alone = made == NULL ? NULL : Py_XNewRef(PyDict_SetDefault(held, mark, made));
    Py_XDECREF(made);
    return alone;
}

/* Returns the scenario of a layer over the one around, and the bits that it adds; NULL also when it is not common. */
static PyObject *
find_scenario(State *st, PyObject *group, PyObject *around, PyObject *layer, PyObject *held, PyObject **delta)
{
    PyObject *added[MOST_VALUES], *target, *spec, *one;
    Py_ssize_t at = 0, count = 0;
    int came = DONE;
    *delta = NULL;
    if (PyDict_GET_SIZE(layer) == 0) {
        *delta = Py_NewRef(st->zero);
        return Py_NewRef(around);
    }
    PyObject *alone = find_alone(st, held, SLOT(group, group_mark)), *scenario = NULL;
    if (alone == NULL || !PyDict_CheckExact(alone)) {
        came = alone == NULL ? FAILED : NOT_COMMON;
    }
    while (came == DONE && PyDict_Next(layer, &at, &target, &spec)) {
        came = add_value(st, group, around, alone, target, spec, &one);
        if (one != NULL) {
            added[count++] = one;
        }
    }
    if (came == DONE && count == 0) {
        *delta = Py_NewRef(st->zero);
        scenario = Py_NewRef(around);
    }
    else if (came == DONE) {
        scenario = add_up_scenario(st, group, around, added, count, delta);
    }
    while (count > 0) {
        Py_DECREF(added[--count]);
    }
    Py_XDECREF(alone);
    return scenario;
}

/* Returns the listeners of a context inside a view. */
static PyObject *
join_listeners(PyObject *around, PyObject *listeners)
{
    Py_ssize_t count = PyTuple_GET_SIZE(around);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyTuple_GET_ITEM(around, i) == listeners) {
            return Py_NewRef(around);
        }
    }
    PyObject *all = PyTuple_New(count + 1);
    for (Py_ssize_t i = 0; all != NULL && i <= count; i++) {
        PyTuple_SET_ITEM(all, i, Py_NewRef(i < count ? PyTuple_GET_ITEM(around, i) : listeners));
    }
    return all;
}

/* enter_view(parent, layers, held, listeners, max_depth): a view in the cache of the one around, or None. */
static PyObject *
enter_view(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    if (count != 5) {
        PyErr_SetString(PyExc_TypeError, "enter_view() takes five arguments");
        return NULL;
    }
    PyObject *parent = args[0], *layers = args[1], *held = args[2];
    if (st->view_model == NULL || !PyTuple_CheckExact(layers) || PyTuple_GET_SIZE(layers) != 1 || !PyDict_CheckExact(PyTuple_GET_ITEM(layers, 0)) ||
        PyDict_GET_SIZE(PyTuple_GET_ITEM(layers, 0)) > MOST_VALUES) {
        Py_RETURN_NONE;
    }
    PyObject *group = SLOT(parent, view_group), *delta, *view = NULL;
    PyObject *scenario = find_scenario(st, group, SLOT(parent, view_tweaks), PyTuple_GET_ITEM(layers, 0), held, &delta);
    if (scenario == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    }
    PyObject *heard = join_listeners(SLOT(parent, view_listeners), args[3]);
    if (heard != NULL && (view = copy_model(st->view_model)) != NULL) {
        SET(view, view_parent, Py_NewRef(parent));
        SET(view, view_layers, Py_NewRef(layers));
        SET(view, view_tweaks, Py_NewRef(scenario));
        SET(view, view_cache, Py_NewRef(SLOT(parent, view_cache)));
        SET(view, view_group, Py_NewRef(group));
        SET(view, view_delta, Py_NewRef(delta));
        SET(view, view_listeners, Py_NewRef(heard));
        SET(view, view_max_depth, Py_NewRef(args[4] == Py_None ? SLOT(parent, view_max_depth) : args[4]));
        PyObject *done = PyObject_CallMethodOneArg(SLOT(group, group_views), st->name_add, view);
        if (done == NULL) {
            Py_CLEAR(view);
        }
        Py_XDECREF(done);
    }
    if (view != NULL && scenario != SLOT(parent, view_tweaks)) {
        PyObject *after = PyTuple_Pack(2, SLOT(SLOT(parent, view_tweaks), tweaks_serial), delta);
        if (after == NULL) {
            Py_CLEAR(view);
        }
        else {
            SET(scenario, tweaks_after, after);
        }
    }
    Py_DECREF(scenario);
    Py_DECREF(delta);
    Py_XDECREF(heard);
    return view;
}
