/* Runs: the common case of the two verbs and of the synchronous driver, compiled.

   `begin.begin`, `finish.finish`, `steps/verify` and `sync_driver.fetch` are the specification.  Here a case is looked at first and
   changed afterwards: whatever is not common (a listener, a layered cache, a bump, a failure, an invalidation in between, somebody
   else's run, a lock that another thread holds) is left to the function in Python before anything was changed.

   waits.h explains the results of these functions. */

/* An error of a key's own __hash__ or __eq__: the specification meets it again and reports it properly, unless it is an interrupt. */
static int
leave_error(void)
{
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) {
        return FAILED;
    }
    PyErr_Clear();
    return NOT_COMMON;
}

/* Returns a new object with the slots of a model, which has no others. */
static PyObject *
copy_model(PyObject *model)
{
    PyTypeObject *type = Py_TYPE(model);
    PyObject *made = type->tp_alloc(type, 0);
    for (Py_ssize_t at = sizeof(PyObject); made != NULL && at < type->tp_basicsize; at += (Py_ssize_t)sizeof(PyObject *)) {
        *(PyObject **)((char *)made + at) = Py_XNewRef(*(PyObject **)((char *)model + at));
    }
    return made;
}

/* Returns a run with the slots of the model: one that is not in use any more, or a new one.

   It is untracked: the function that drives it here holds it to its end, so that it is in no circle until then. */
static PyObject *
make_run(State *st)
{
    if (st->spare_runs > 0) {
        return st->spare_run[--st->spare_runs];
    }
    PyObject *run = copy_model(st->run_model);
    if (run != NULL) {
        hide(run);
    }
    return run;
}

/* Lets go of a run that has ended: it is kept for the next one, or tracked if somebody else holds it. */
static void
let_run_go(State *st, PyObject *run)
{
    PyTypeObject *type = Py_TYPE(run);
    if (Py_REFCNT(run) > 1 || (PyObject *)type != st->run_type || st->spare_runs == SPARE_RUNS ||
        *PyObject_GET_WEAKREFS_LISTPTR(run) != NULL) {
        show(run);
        Py_DECREF(run);
        return;
    }
    for (Py_ssize_t at = sizeof(PyObject); at < type->tp_basicsize; at += (Py_ssize_t)sizeof(PyObject *)) {
        PyObject **slot = (PyObject **)((char *)run + at), *value = *(PyObject **)((char *)st->run_model + at);
        if (*slot != value) {
            set_slot(slot, Py_XNewRef(value));
        }
    }
    if (Py_REFCNT(run) > 1 || st->spare_runs == SPARE_RUNS) { /* what was freed ran code */
        show(run);
        Py_DECREF(run);
        return;
    }
    st->spare_run[st->spare_runs++] = run;
}

static inline double
now(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyTime_t time = 0;
    PyTime_PerfCounterRaw(&time);
    return PyTime_AsSecondsDouble(time);
#else
    return _PyTime_AsSecondsDouble(_PyTime_GetPerfCounter());
#endif
}

/* `NodeMemos.recall`: returns the memo of a node that is at hand for a scenario, borrowed; NULL, mostly without an error. */
static inline PyObject *
recall(State *st, PyObject *home, PyObject *tweaks)
{
    PyObject *memo = SLOT(home, home_plain);
    if (memo != Py_None) {
        int masked = overlaps(SLOT(memo, memo_open_footprint), SLOT(tweaks, tweaks_open_mask));
        if (masked <= 0) {
            return masked < 0 ? NULL : memo;
        }
    }
    memo = SLOT(home, home_here);
    if (memo == Py_None || SLOT(memo, memo_status) != st->live) {
        return NULL;
    }
    if (SLOT(memo, memo_found_in) != SLOT(tweaks, tweaks_serial)) {
        PyObject *after = SLOT(tweaks, tweaks_after);
        if (after == Py_None || SLOT(memo, memo_found_in) != PyTuple_GET_ITEM(after, 0) ||
            overlaps(SLOT(memo, memo_footprint), PyTuple_GET_ITEM(after, 1)) != 0) {
            return NULL;
        }
        SET(memo, memo_found_in, Py_NewRef(SLOT(tweaks, tweaks_serial)));
    }
    return memo;
}

/* `begin.serve`: keeps a memo that answers at hand. */
static int
serve(State *st, PyObject *view, PyObject *memo)
{
    PyObject *tweaks = SLOT(view, view_tweaks), *home = SLOT(memo, memo_home);
    if (SLOT(memo, memo_call) != Py_None) {
        return 0;
    }
    int masked = overlaps(SLOT(memo, memo_open_footprint), SLOT(tweaks, tweaks_open_mask));
    if (masked < 0) {
        return -1;
    }
    if ((masked || SLOT(home, home_plain) != memo) && SLOT(memo, memo_status) == st->live) {
        if (!is_hidden(memo) || PyObject_IS_GC(SLOT(memo, memo_value))) {
            SET(home, home_shown, Py_NewRef(Py_True));
        }
        SET(memo, memo_found_in, Py_NewRef(SLOT(tweaks, tweaks_serial)));
        SET(home, home_here, Py_NewRef(memo));
    }
    return 0;
}

/* True when all arguments are plain: no NaN, nothing with a hash of its own. */
static int
is_plain(PyObject *const *elements, Py_ssize_t count)
{
    for (Py_ssize_t i = 1; i < count; i++) {
        PyObject *element = elements[i];
        if (!(PyLong_CheckExact(element) || PyUnicode_CheckExact(element) || PyBool_Check(element) || element == Py_None ||
              PyBytes_CheckExact(element) || (PyFloat_CheckExact(element) && !isnan(PyFloat_AS_DOUBLE(element))))) {
            return 0;
        }
    }
    return 1;
}

/* True when a node has memos that read tweaks: the only one itself, or several in a dict. */
static inline int
has_variants(PyObject *variants)
{
    return variants != Py_None && (!PyDict_CheckExact(variants) || PyDict_GET_SIZE(variants) > 0);
}

/* Returns the restriction of a footprint that meets a tweak: `scenario.ActiveTweaks.restrict`. */
static PyObject *
restrict_to(State *st, PyObject *tweaks, PyObject *footprint)
{
    PyObject *read = PyNumber_And(footprint, SLOT(tweaks, tweaks_mask)), *found = NULL;
    int is_all = read == NULL ? -1 : PyObject_RichCompareBool(read, SLOT(tweaks, tweaks_mask), Py_EQ);
    if (is_all == 0) {
        found = PyDict_GetItemWithError(SLOT(tweaks, tweaks__restrictions), read);
    }
    else if (is_all > 0) {
        found = SLOT(tweaks, tweaks_serials);
    }
    Py_XDECREF(read);
    if (found != NULL || PyErr_Occurred()) {
        return Py_XNewRef(found);
    }
    return PyObject_CallMethodOneArg(tweaks, st->name_restrict, footprint);
}

/* True when a memo read just the tweaks of a scenario that its footprint meets; -1 for an error. */
static int
fits(State *st, PyObject *memo, PyObject *tweaks)
{
    PyObject *restriction = SLOT(memo, memo_restriction);
    int met = overlaps(SLOT(memo, memo_footprint), SLOT(tweaks, tweaks_mask));
    if (met <= 0) {
        return met < 0 ? -1 : PySet_GET_SIZE(restriction) == 0;
    }
    PyObject *here = restrict_to(st, tweaks, SLOT(memo, memo_footprint));
    int same = here == NULL ? -1 : here == restriction ? 1 : PyObject_RichCompareBool(here, restriction, Py_EQ);
    Py_XDECREF(here);
    return same;
}

/* `find.match`, for a node none of whose memos answers only within its call: DONE with the memo, or with NULL. */
static int
match_common(State *st, PyObject *home, PyObject *tweaks, PyObject **found)
{
    PyObject *plain = SLOT(home, home_plain), *variants = SLOT(home, home_variants), *several, *footprint, *alike;
    Py_ssize_t at = 0;
    *found = NULL;
    if (plain != Py_None) {
        int masked = overlaps(SLOT(plain, memo_footprint), SLOT(tweaks, tweaks_mask));
        if (masked <= 0) {
            *found = masked < 0 ? NULL : Py_NewRef(plain);
            return masked < 0 ? FAILED : DONE;
        }
    }
    if (!has_variants(variants)) {
        return DONE;
    }
    if (!PyDict_CheckExact(variants)) {
        Py_INCREF(variants);
        int same = fits(st, variants, tweaks);
        *found = same > 0 ? Py_NewRef(variants) : NULL;
        Py_DECREF(variants);
        return same < 0 ? FAILED : DONE;
    }
    several = PyDict_Copy(variants); /* a restriction may be made by Python, and then others may file */
    int failed = several == NULL;
    while (!failed && *found == NULL && PyDict_Next(several, &at, &footprint, &alike)) {
        int met = overlaps(footprint, SLOT(tweaks, tweaks_mask));
        PyObject *restriction = met < 0 ? NULL : met ? restrict_to(st, tweaks, footprint) : Py_NewRef(st->no_tweaks);
        *found = restriction == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(alike, restriction));
        failed = restriction == NULL || PyErr_Occurred();
        Py_XDECREF(restriction);
    }
    Py_XDECREF(several);
    if (failed) {
        Py_CLEAR(*found);
    }
    return failed ? FAILED : DONE;
}

/* True when a scenario may tweak a node: then its key has to be looked up among the tweaks. */
static int
may_be_tweaked(State *st, PyObject *group, PyObject *tweaks, PyObject *function)
{
    if (PyDict_GET_SIZE(SLOT(tweaks, tweaks_content)) == 0) {
        return 0;
    }
    PyObject *bits = PyDict_GetItemWithError(SLOT(group, group__function_bits), SLOT(function, function_mark));
    return bits == NULL ? (PyErr_Occurred() ? -1 : 0) : overlaps(bits, SLOT(tweaks, tweaks_mask));
}

/* Finds the memo of a node that answers in a view, but for one at hand; DONE with it or with NULL. */
static int
find_filed(State *st, PyObject *view, Asked *asked, PyObject *home, PyObject *call, PyObject **found)
{
    PyObject *tweaks = SLOT(view, view_tweaks), *content = SLOT(tweaks, tweaks_content), *function = asked->elements[0];
    int may = may_be_tweaked(st, SLOT(view, view_group), tweaks, function);
    if (may < 0) {
        return FAILED;
    }
    if (may) {
        PyObject *key = key_asked(asked), *handle = key == NULL ? NULL : PyDict_GetItemWithError(content, key);
        if (handle == NULL && !PyErr_Occurred()) {
            handle = PyDict_GetItemWithError(content, function);
        }
        if (handle == NULL && PyErr_Occurred()) {
            return FAILED;
        }
        if (handle != NULL && SLOT(SLOT(handle, handle_spec), spec_kind) != st->value_kind) {
            return NOT_COMMON;
        }
        if (handle != NULL) {
            PyObject *memo = SLOT(handle, handle_memo), *place = memo == Py_None ? NULL : SLOT(memo, memo_home);
            int is_here = place != NULL && SLOT(place, home_token) == SLOT(SLOT(view, view_cache), cache__token) && SLOT(place, home_alive) == Py_True;
            *found = is_here ? Py_NewRef(memo) : PyObject_CallFunctionObjArgs(st->value_memo, view, key, handle, NULL);
            return *found == NULL ? FAILED : DONE;
        }
    }
    if (home == NULL) {
        return DONE;
    }
    if (SLOT(home, home_has_failed) != Py_False) {
        *found = PyObject_CallFunctionObjArgs(st->match, home, tweaks, call, NULL);
        return *found == NULL ? FAILED : DONE;
    }
    return match_common(st, home, tweaks, found);
}

static int
tell_watcher(PyObject *watcher, PyObject *run)
{
    PyObject *told = watcher == NULL ? Py_NewRef(Py_None) : PyObject_CallOneArg(watcher, run);
    Py_XDECREF(told);
    return told == NULL ? -1 : 0;
}

static PyObject *
count_up(PyObject *number, long more)
{
    long value = PyLong_AsLong(number);
    return value == -1 && PyErr_Occurred() ? NULL : PyLong_FromLong(value + more);
}

/* `frame.here`: returns the number of the thread that a call made here belongs to. */
static PyObject *
get_thread(State *st)
{
    PyObject *number = PyLong_FromUnsignedLong(PyThread_get_thread_ident());
    if (number != NULL && PyDict_GET_SIZE(st->origins) > 0) {
        PyObject *origin = PyDict_GetItemWithError(st->origins, number);
        if (origin != NULL) {
            Py_SETREF(number, Py_NewRef(origin));
        }
    }
    return number;
}

/* True when nothing was filed or forgotten, since `filings` was read, that matters to a run begun now. */
static int
may_register(State *st, PyObject *group, PyObject *home, PyObject *filings)
{
    return lock_is_free((Lock *)SLOT(group, group_lock)) && SLOT(group, group_filings) == filings &&
           SLOT(home, home_alive) == Py_True && SLOT(home, home_open_runs) == st->zero;
}

/* Makes a run of a node that is not in flight, and enters it among those that are. */
static int
register_run(State *st, PyObject *frame, PyObject *view, PyObject *home, PyObject *filings, PyObject **found)
{
    PyObject *group = SLOT(view, view_group), *call = SLOT(frame, frame_call);
    PyObject *around = run_of(st, frame), *depth = around == Py_None ? Py_NewRef(st->zero) : count_up(SLOT(around, run_depth), 1);
    PyObject *run = make_run(st), *reads = PyDict_New(), *thread = get_thread(st);
    call = call == Py_None ? copy_model(st->outer_call_model) : Py_NewRef(call);
    if (run == NULL || reads == NULL || thread == NULL || call == NULL || depth == NULL) {
        Py_XDECREF(run);
        Py_XDECREF(depth);
        Py_XDECREF(reads);
        Py_XDECREF(thread);
        Py_XDECREF(call);
        return FAILED;
    }
    SET(run, frame_view, Py_NewRef(view));
    SET(run, frame_outer, Py_NewRef(frame));
    SET(run, frame_call, call);
    SET(run, frame_homes, Py_NewRef(SLOT(frame, frame_homes)));
    SET(run, frame_reads, reads);
    SET(run, run_home, Py_NewRef(home)); /* which has the key */
    SET(run, run_generation, Py_NewRef(SLOT(group, group_generation)));
    SET(run, run_thread, thread);
    SET(run, run_depth, depth);
    SET(run, run_has_task, Py_NewRef(SLOT(function_of(st, home), function_is_async)));
    *found = run;
    if (st->began != NULL && may_register(st, group, home, filings) && tell_watcher(st->began, run) < 0) {
        return FAILED;
    }
    if (PyLong_AsLong(depth) > PyLong_AsLong(SLOT(view, view_max_depth))) {
        return NOT_COMMON;
    }
    /* From here on no other code runs.  A run that is watched looks in no table, see `steps/watch`. */
    if (!may_register(st, group, home, filings) || SLOT(frame, frame_homes) != SLOT(SLOT(view, view_cache), cache_quick)) {
        return NOT_COMMON;
    }
    if (PyDict_SetItem(SLOT(SLOT(view, view_tweaks), tweaks_running), home, run) < 0) {
        return FAILED;
    }
    SET(home, home_open_run, Py_NewRef(run));
    SET(home, home_open_runs, Py_NewRef(st->one));
    return RUNS;
}

/* `cache.Cache.homes_of`: returns the table with the nodes of a function. */
static PyObject *
homes_of(State *st, PyObject *cache, PyObject *function)
{
    PyObject *nodes = SLOT(function, function_nodes);
    if (nodes == Py_None) {
        return Py_NewRef(SLOT(cache, cache_homes));
    }
    PyObject *homes = PyDict_GetItemWithError(nodes, SLOT(cache, cache__token));
    if (homes != NULL || PyErr_Occurred()) {
        return Py_XNewRef(homes);
    }
    return PyObject_CallMethodOneArg(cache, st->name_homes_of, function);
}

/* `Cache.home_of`: returns the home of a node, made when it is new. */
static PyObject *
make_home(State *st, PyObject *cache, Homes *homes, Asked *asked)
{
    PyObject *made = copy_model(st->home_model);
    if (made == NULL || name_home(st, homes, made, asked) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    SET(made, home_token, Py_NewRef(SLOT(cache, cache__token)));
    if (are_untracked(st, (PyObject *)homes)) {
        hide(made);
    }
    if (SLOT(asked->elements[0], function_nodes) != Py_None) {
        PyObject *link = PyWeakref_NewRef(made, NULL);
        if (link == NULL) {
            Py_DECREF(made);
            return NULL;
        }
        SET(made, home_link, link);
    }
    int failed = look_up(st, homes, asked) < 0; /* last: making it may have run code */
    if (!failed && asked->home != NULL) {
        Py_SETREF(made, Py_NewRef(asked->home));
    }
    else if (failed || homes->is_moved || put_in(homes, asked->hash, made) < 0) { /* when it has moved, no error: Python puts it in */
        Py_CLEAR(made);
    }
    return made;
}

/* True when a call made in a frame looks in the table of its cache: nothing is in doubt, and no driver, listener or replacement. */
static inline int
is_quick(State *st, PyObject *frame, PyObject *cache)
{
    PyObject *homes = SLOT(cache, cache_homes);
    return SLOT(frame, frame_homes) == homes && SLOT(cache, cache_quick) == homes && (PyObject *)Py_TYPE(homes) == st->homes_type;
}

/* Drains the group of a view, if there is anything to drain: -1 for an error. */
static int
drain(State *st, PyObject *group)
{
    if (PyObject_Size(SLOT(group, group_released)) == 0) {
        return 0;
    }
    PyObject *drained = PyObject_CallMethodNoArgs(group, st->name_drain);
    Py_XDECREF(drained);
    return drained == NULL ? -1 : 0;
}

/* `begin.begin`: DONE with the memo that answers or a `Joined`, RUNS with a run to drive. */
static int
quick_begin(State *st, PyObject *frame, Asked *asked, PyObject **found)
{
    PyTypeObject *kind = Py_TYPE(frame);
    *found = NULL;
    if (((PyObject *)kind != st->run_type && (PyObject *)kind != st->entry_type) || SLOT(frame, frame_driver) != Py_None ||
        (asked->key != NULL && !PyTuple_CheckExact(asked->key)) || asked->count == 0 ||
        (PyObject *)Py_TYPE(asked->elements[0]) != st->function_class) {
        return NOT_COMMON;
    }
    PyObject *view = Py_NewRef(SLOT(frame, frame_view)), *cache = SLOT(view, view_cache);
    PyObject *group = SLOT(view, view_group), *call = SLOT(frame, frame_call), *filings, *home = NULL, *homes = NULL;
    int result = NOT_COMMON;
    if (SLOT(cache, cache_beneath) != Py_None || (call != Py_None && SLOT(call, call_due) != Py_None)) {
        Py_DECREF(view);
        return NOT_COMMON;
    }
    int drained = drain(st, group);
    filings = Py_NewRef(SLOT(group, group_filings));
    if (drained < 0) {
        goto error;
    }
    if (!is_quick(st, frame, cache)) {
        goto end;
    }
    homes = homes_of(st, cache, asked->elements[0]);
    if (homes == NULL) {
        goto error;
    }
    if (look_up(st, (Homes *)homes, asked) < 0) {
        goto error;
    }
    if (asked->home != NULL) {
        home = Py_NewRef(asked->home);
        *found = Py_XNewRef(recall(st, home, SLOT(view, view_tweaks)));
        if (*found != NULL) {
            result = DONE;
            goto end;
        }
        if (PyErr_Occurred()) {
            goto error;
        }
    }
    else if (!is_plain(asked->elements, asked->count)) {
        PyObject *key = key_asked(asked), *full = key == NULL ? NULL : PyObject_CallFunctionObjArgs(st->in_full, frame, key, NULL);
        Py_XDECREF(full);
        if (full != key || key == NULL) {
            goto error;
        }
    }
    result = find_filed(st, view, asked, home, call, found);
    if (result != DONE) {
        if (result == FAILED) {
            goto error;
        }
        Py_CLEAR(*found);
        goto end;
    }
    if (*found != NULL && *found != Py_None) {
        goto answered;
    }
    Py_CLEAR(*found);
    if (home == NULL && (home = make_home(st, cache, (Homes *)homes, asked)) == NULL) {
        goto error;
    }
    if (SLOT(home, home_open_runs) != st->zero) {
        result = join_run(st, frame, view, home, found);
        if (result == FAILED) {
            goto error;
        }
        goto end;
    }
    result = register_run(st, frame, view, home, filings, found);
    if (result != RUNS) {
        if (*found != NULL) {
            show(*found); /* a watcher may hold it */
        }
        Py_CLEAR(*found);
    }
    if (result == FAILED) {
        goto error;
    }
    goto end;
answered:
    result = DONE;
    if (SLOT(*found, memo_failure) != Py_None || (PyObject *)Py_TYPE(*found) != st->memo_type) {
        result = NOT_COMMON; /* Python raises it, or reads its value */
        Py_CLEAR(*found);
    }
    else if (serve(st, view, *found) < 0) {
        goto error;
    }
    goto end;
error:
    Py_CLEAR(*found);
    result = leave_error();
end:
    Py_DECREF(view);
    Py_DECREF(filings);
    Py_XDECREF(home);
    Py_XDECREF(homes);
    return result;
}

/* Puts a memo among those of a node that read tweaks, by footprint and restriction. */
static int
put_among(PyObject *variants, PyObject *footprint, PyObject *restriction, PyObject *memo)
{
    PyObject *alike = PyDict_GetItemWithError(variants, footprint);
    if (alike != NULL || PyErr_Occurred()) {
        return alike == NULL ? -1 : PyDict_SetItem(alike, restriction, memo);
    }
    alike = PyDict_New();
    int failed = alike == NULL || PyDict_SetItem(alike, restriction, memo) < 0 || PyDict_SetItem(variants, footprint, alike) < 0;
    Py_XDECREF(alike);
    return failed ? -1 : 0;
}

/* `NodeMemos.put_variant`, for a memo whose place is free. */
static int
put_variant(State *st, PyObject *home, PyObject *memo)
{
    PyObject *lone = SLOT(home, home_variants);
    if (lone == Py_None) {
        SET(home, home_variants, Py_NewRef(memo));
        return 0;
    }
    if (!PyDict_CheckExact(lone)) {
        PyObject *several = PyDict_New();
        if (several == NULL || put_among(several, SLOT(lone, memo_footprint), SLOT(lone, memo_restriction), lone) < 0) {
            Py_XDECREF(several);
            return -1;
        }
        SET(home, home_variants, several);
    }
    return put_among(SLOT(home, home_variants), SLOT(memo, memo_footprint), SLOT(memo, memo_restriction), memo);
}

/* Files a memo under the tweaks that it read: the part of `cache.Cache._insert` for one that read any. */
static int
insert_variant(State *st, PyObject *cache, PyObject *home, PyObject *memo, PyObject *restriction)
{
    PyObject *serial;
    if (put_variant(st, home, memo) < 0) {
        return -1;
    }
    PyObject *serials = PyObject_GetIter(restriction);
    int failed = serials == NULL;
    while (!failed && (serial = PyIter_Next(serials)) != NULL) {
        PyObject *readers = PyDict_GetItemWithError(SLOT(cache, cache__read), serial);
        PyObject *link = SLOT(home, home_link);
        Py_ssize_t more = readers == NULL ? 1 : PySet_GET_SIZE(readers) + 1;
        if (link != Py_None && (more & (more - 1)) != 0) {
            failed = PySet_Add(readers, link) < 0;
        }
        else if (link != Py_None) { /* the first, or time to look for those that are gone */
            PyObject *done = PyObject_CallMethodObjArgs(cache, st->name__index, serial, memo, NULL);
            failed = done == NULL;
            Py_XDECREF(done);
        }
        else if (readers != NULL) {
            failed = PySet_Add(readers, memo) < 0;
        }
        else {
            readers = PySet_New(NULL);
            failed = readers == NULL || PySet_Add(readers, memo) < 0 || PyDict_SetItem(SLOT(cache, cache__read), serial, readers) < 0;
            Py_XDECREF(readers);
        }
        Py_DECREF(serial);
    }
    Py_XDECREF(serials);
    return failed || PyErr_Occurred() ? -1 : 0;
}

/* Adds a node to the readers of one that it read. */
static int
add_reader(State *st, PyObject *other, PyObject *reader)
{
    PyObject *readers = SLOT(other, home_readers), *home = reader;
    if (SLOT(home, home_link) != Py_None) {
        reader = SLOT(home, home_link);
    }
    else if (!is_hidden(home) && SLOT(other, home_shown) == Py_False) {
        SET(other, home_shown, Py_NewRef(Py_True));
    }
    if (readers == Py_None) {
        SET(other, home_readers, Py_NewRef(reader));
        return 0;
    }
    if (readers == reader) {
        return 0;
    }
    if (!PyList_CheckExact(readers) && !PyAnySet_CheckExact(readers)) { /* the second */
        PyObject *both = PyList_New(2);
        if (both == NULL) {
            return -1;
        }
        PyList_SET_ITEM(both, 0, Py_NewRef(readers));
        PyList_SET_ITEM(both, 1, Py_NewRef(reader));
        if (is_hidden(other)) {
            hide(both);
        }
        SET(other, home_readers, both);
        return 0;
    }
    Py_ssize_t most = PyLong_AsSsize_t(SLOT(other, home__prune_at));
    if (PyAnySet_CheckExact(readers) && PySet_GET_SIZE(readers) < most) {
        return PySet_Add(readers, reader);
    }
    if (PyList_CheckExact(readers) && PyList_GET_SIZE(readers) < most) {
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(readers); i++) {
            if (PyList_GET_ITEM(readers, i) == reader) {
                return 0;
            }
        }
        return PyList_Append(readers, reader);
    }
    PyObject *done = PyObject_CallMethodOneArg(other, st->name_add_reader, home);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* `cache.Cache._add_readers`: adds the node of a memo to the readers of its dependencies. */
static int
add_readers(State *st, PyObject *cache, PyObject *home, PyObject *reads, PyObject *known)
{
    PyObject *token = SLOT(cache, cache__token), *before = known == Py_None ? NULL : SLOT(known, memo_dependencies);
    Py_ssize_t count = PyTuple_GET_SIZE(reads);
    if (before != NULL && PyTuple_GET_SIZE(before) != count) {
        before = NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *read = PyTuple_GET_ITEM(reads, i), *old = before == NULL ? NULL : PyTuple_GET_ITEM(before, i);
        PyObject *other = SLOT(read, memo_home);
        if (read == old || (old != NULL && other == SLOT(old, memo_home) && SLOT(other, home_token) == token)) {
            continue;
        }
        if (add_reader(st, other, home) < 0) {
            return -1;
        }
    }
    return 0;
}

/* True when every read is filed in this cache and alive, so that its home gets the reader. */
static int
are_here(State *st, PyObject *cache, PyObject *reads)
{
    PyObject *token = SLOT(cache, cache__token);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(reads); i++) {
        PyObject *other = SLOT(PyTuple_GET_ITEM(reads, i), memo_home);
        if (SLOT(other, home_token) != token || SLOT(other, home_alive) != Py_True) {
            return 0;
        }
    }
    return 1;
}

/* True when somebody hears that a node was computed, or its older value kept: Python tells them. */
static int
is_heard(State *st, PyObject *view)
{
    PyObject *listeners = SLOT(view, view_listeners);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(listeners); i++) {
        PyObject *subscriptions = PyTuple_GET_ITEM(listeners, i);
        for (Py_ssize_t j = 0; j < PyList_GET_SIZE(subscriptions); j++) {
            if (SLOT(PyList_GET_ITEM(subscriptions, j), subscription_of_runs) == Py_True) {
                return 1;
            }
        }
    }
    return 0;
}

static int
is_common_run(State *st, PyObject *run, PyObject *value)
{
    PyObject *view = SLOT(run, frame_view), *home = SLOT(run, run_home), *group = SLOT(view, view_group);
    PyObject *outer = SLOT(run, frame_outer), *kind = (PyObject *)Py_TYPE(value);
    int is_simple = PyFloat_CheckExact(value) || PyLong_CheckExact(value) || PyUnicode_CheckExact(value);
    for (Py_ssize_t i = 0; !is_simple && i < PyTuple_GET_SIZE(st->consumable); i++) {
        if (PyTuple_GET_ITEM(st->consumable, i) == kind) {
            return 0;
        }
    }
    if (!is_simple && PyIter_Check(value)) {
        return 0;
    }
    return !is_heard(st, view) && SLOT(run, run_opened) == Py_False && SLOT(run, run_made) == Py_None && SLOT(run, run_is_done) == Py_False && SLOT(run, run_handle) == Py_None &&
           SLOT(run, frame_inner_nodes) == Py_None && SLOT(run, frame_closed_footprint) == st->zero && SLOT(run, frame_transient) == Py_False &&
           SLOT(run, run_unfileable) == st->zero && SLOT(run, frame_homes) == SLOT(SLOT(view, view_cache), cache_quick) &&
           SLOT(run, run_generation) == SLOT(group, group_generation) && outer != Py_None &&
           SLOT(SLOT(run, frame_call), call_due) == Py_None && Py_SIZE(SLOT(SLOT(run, frame_call), call_failures)) == 0 &&
           SLOT(home, home_alive) == Py_True && SLOT(home, home_has_failed) == Py_False &&
           SLOT(home, home_open_runs) == st->one && SLOT(home, home_open_run) == run &&
           SLOT(SLOT(view, view_cache), cache_beneath) == Py_None &&
           (PyObject *)Py_TYPE(function_of(st, home)) == st->function_class;
}

/* Makes the memo of a common run: with its footprint and restriction, filed nowhere yet. */
static int
make_memo(State *st, PyObject *run, PyObject *value, double seconds, PyObject *held, PyObject **made)
{
    PyObject *view = SLOT(run, frame_view), *tweaks = SLOT(view, view_tweaks), *group = SLOT(view, view_group);
    PyObject *function = function_of(st, SLOT(run, run_home)), *read, *ignored, *memo = NULL;
    PyObject *restriction = NULL, *footprint = NULL, *beneath = NULL;
    PyObject *noted = SLOT(run, frame_reads), *reads = PyTuple_New(PyDict_GET_SIZE(noted)), *before = SLOT(SLOT(run, run_home), home_newest);
    Py_ssize_t position = 0, count = 0;
    int result = FAILED, failed = reads == NULL;
    Sum sum = {st->add_up, Py_NewRef(st->zero)};
    while (!failed && PyDict_Next(noted, &position, &read, &ignored)) {
        if (count == PyTuple_GET_SIZE(reads)) { /* the rest is what finalizers asked for since: allocating may run them */
            break;
        }
        PyTuple_SET_ITEM(reads, count++, Py_NewRef(read));
        failed = add_bits(&sum, SLOT(read, memo_footprint)) < 0;
    }
    beneath = take_sum(&sum, before == Py_None ? NULL : SLOT(before, memo_footprint_beneath)); /* most runs of a node read what it read before */
    if (failed || beneath == NULL) {
        goto end;
    }
    if (count == 0 && SLOT(group, group_early) != st->zero &&
        PyUnicode_CompareWithASCIIString(SLOT(function, function_kind), "source") == 0) { /* it may get a bit */
        result = NOT_COMMON;
        goto end;
    }
    int forgotten = overlaps(beneath, st->one);
    if (forgotten != 0 || !are_here(st, SLOT(view, view_cache), reads)) {
        result = forgotten < 0 ? FAILED : NOT_COMMON;
        goto end;
    }
    footprint = Py_NewRef(beneath);
    PyObject *bits = SLOT(group, group__function_bits);
    if (PyDict_GET_SIZE(bits) > 0) {
        PyObject *own = PyDict_GetItemWithError(bits, SLOT(function, function_mark));
        if (own != NULL) {
            PyObject *key = key_of(st, SLOT(run, run_home));
            own = key == NULL ? NULL : PyObject_CallFunctionObjArgs(st->own_bits, view, key, NULL);
            Py_XDECREF(key);
            footprint = own == NULL ? NULL : union_of(footprint, own);
            Py_XDECREF(own);
        }
        if (footprint == NULL || PyErr_Occurred()) {
            goto end;
        }
    }
    int met = overlaps(footprint, SLOT(tweaks, tweaks_mask));
    restriction = met < 0 ? NULL : met ? restrict_to(st, tweaks, footprint) : Py_NewRef(st->no_tweaks);
    memo = restriction == NULL ? NULL : copy_model(st->memo_model);
    if (memo == NULL) {
        goto end;
    }
    if (held != NULL) {
        SET(memo, memo_seconds, Py_NewRef(SLOT(held, memo_seconds)));
        SET(memo, memo_own_seconds, Py_NewRef(SLOT(held, memo_own_seconds)));
        SET(memo, memo_made, Py_NewRef(SLOT(held, memo_made)));
    }
    else {
        double spent = PyFloat_AsDouble(SLOT(run, frame_child_seconds));
        SET(memo, memo_seconds, PyFloat_FromDouble(seconds));
        SET(memo, memo_own_seconds, spent == 0.0 ? Py_XNewRef(SLOT(memo, memo_seconds)) : PyFloat_FromDouble(seconds - spent));
        if (SLOT(memo, memo_seconds) == NULL || SLOT(memo, memo_own_seconds) == NULL) {
            goto end;
        }
    }
    SET(memo, memo_home, Py_NewRef(SLOT(run, run_home)));
    SET(memo, memo_value, Py_NewRef(value));
    SET(memo, memo_dependencies, Py_NewRef(reads));
    SET(memo, memo_footprint_beneath, Py_NewRef(beneath));
    SET(memo, memo_footprint, Py_NewRef(footprint));
    SET(memo, memo_restriction, Py_NewRef(restriction));
    if (!met) {
        SET(memo, memo_open_footprint, Py_NewRef(footprint));
    }
    *made = Py_NewRef(memo);
    result = DONE;
end:
    Py_XDECREF(memo);
    Py_XDECREF(reads);
    Py_XDECREF(beneath);
    Py_XDECREF(footprint);
    Py_XDECREF(restriction);
    return result;
}

/* True when the place of a memo is free, 0 when it is taken, -1 for an error. */
static int
has_place(State *st, PyObject *home, PyObject *memo)
{
    PyObject *variants = SLOT(home, home_variants), *newest = SLOT(home, home_newest), *restriction = SLOT(memo, memo_restriction);
    if (newest != Py_None && SLOT(newest, memo_status) == st->stale) {
        return 0;
    }
    if (PySet_GET_SIZE(restriction) == 0) {
        return SLOT(home, home_plain) == Py_None;
    }
    if (!has_variants(variants)) {
        return 1;
    }
    if (!PyDict_CheckExact(variants)) {
        int same = PyObject_RichCompareBool(SLOT(variants, memo_footprint), SLOT(memo, memo_footprint), Py_EQ);
        same = same <= 0 ? same : PyObject_RichCompareBool(SLOT(variants, memo_restriction), restriction, Py_EQ);
        return same < 0 ? -1 : !same;
    }
    PyObject *alike = PyDict_GetItemWithError(variants, SLOT(memo, memo_footprint));
    if (alike == NULL || PyDict_GET_SIZE(alike) == 0) {
        return PyErr_Occurred() ? -1 : 1;
    }
    int stands = PyDict_Contains(alike, restriction);
    return stands < 0 ? -1 : !stands;
}

/* Gives a memo the origin of the older one whose value it carries; under the lock, so that both have one. */
static int
share_origin(State *st, PyObject *memo, PyObject *held)
{
    if (SLOT(held, memo_origin) == Py_None) {
        PyObject *origin = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);
        if (origin == NULL) {
            return -1;
        }
        SET(held, memo_origin, origin);
    }
    SET(memo, memo_origin, Py_NewRef(SLOT(held, memo_origin)));
    return 0;
}

/* Takes a run out of those in flight and files its memo; under the lock. */
static int
file(State *st, PyObject *run, PyObject *memo, int has_run)
{
    PyObject *view = SLOT(run, frame_view), *home = SLOT(run, run_home), *cache = SLOT(view, view_cache);
    PyObject *group = SLOT(view, view_group), *outer = SLOT(run, frame_outer), *known = Py_NewRef(SLOT(home, home_newest));
    PyObject *count = count_up(SLOT(cache, cache__count), 1), *filings = count_up(SLOT(group, group_filings), 1);
    PyObject *runs = count_up(SLOT(outer, frame_runs), PyLong_AsLong(SLOT(run, frame_runs)) + has_run);
    double longer = PyFloat_AsDouble(has_run ? SLOT(memo, memo_seconds) : SLOT(run, frame_child_seconds));
    PyObject *spent = PyFloat_FromDouble(PyFloat_AsDouble(SLOT(outer, frame_child_seconds)) + longer);
    int failed = count == NULL || filings == NULL || runs == NULL || spent == NULL ||
                 PyDict_DelItem(SLOT(SLOT(view, view_tweaks), tweaks_running), home) < 0;
    if (failed) {
        Py_XDECREF(count);
        Py_XDECREF(filings);
        Py_XDECREF(runs);
        Py_XDECREF(spent);
        Py_DECREF(known);
        return -1;
    }
    SET(run, run_is_done, Py_NewRef(Py_True));
    SET(run, frame_homes, Py_NewRef(st->no_homes));
    SET(run, frame_driver, Py_NewRef(st->late));
    SET(home, home_open_runs, Py_NewRef(st->zero));
    SET(home, home_open_run, Py_NewRef(Py_None));
    SET(outer, frame_runs, runs);
    SET(outer, frame_child_seconds, spent);
    SET(run, run_memo, Py_NewRef(memo));
    SET(cache, cache__count, count);
    SET(group, group_filings, filings);
    if (PySet_GET_SIZE(SLOT(memo, memo_restriction)) == 0) {
        SET(home, home_plain, Py_NewRef(memo));
    }
    else {
        failed = insert_variant(st, cache, home, memo, SLOT(memo, memo_restriction)) < 0;
    }
    SET(home, home_newest, Py_NewRef(memo));
    if (!failed && SLOT(home, home_link) == Py_None && are_untracked(st, SLOT(cache, cache_homes))) {
        hide_node(st, home, memo); /* first: a reader that is tracked has to be shown */
    }
    failed = failed || add_readers(st, cache, home, SLOT(memo, memo_dependencies), known) < 0;
    Py_DECREF(known);
    return failed ? -1 : 0;
}

/* `finish.finish` and, with an older memo that held, `finish.file_verified`: DONE with the memo that was filed. */
static int
quick_finish(State *st, PyObject *run, PyObject *value, double seconds, PyObject *held, PyObject **made)
{
    PyObject *memo = NULL, *known = NULL, *home = Py_NewRef(SLOT(run, run_home));
    PyObject *view = SLOT(run, frame_view), *group = SLOT(view, view_group), *filings = Py_NewRef(SLOT(group, group_filings));
    int result = NOT_COMMON;
    *made = NULL;
    if (lock_is_free((Lock *)SLOT(group, group_lock)) && is_common_run(st, run, value)) {
        result = make_memo(st, run, value, seconds, held, &memo);
    }
    if (result != DONE) {
        goto end;
    }
    lock_acquire((Lock *)SLOT(group, group_lock));
    /* Preparing took memory, so the garbage collector may have run code, or another thread: checked again.  Who gives
       a first bit counts as filing, and the memo would be without that bit. */
    int fits = SLOT(group, group_filings) == filings && is_common_run(st, run, value) &&
               are_here(st, SLOT(view, view_cache), SLOT(memo, memo_dependencies));
    fits = fits ? has_place(st, home, memo) : 0;
    if (fits > 0) {
        known = Py_NewRef(SLOT(home, home_newest)); /* released after the lock */
        int failed = (held != NULL && share_origin(st, memo, held) < 0) || file(st, run, memo, held == NULL) < 0;
        result = failed || tell_watcher(st->ended, run) < 0 ? FAILED : DONE;
    }
    else {
        result = fits < 0 ? FAILED : NOT_COMMON;
    }
    lock_release((Lock *)SLOT(group, group_lock));
    if (result == DONE && serve(st, view, memo) < 0) {
        result = FAILED;
    }
    if (result == DONE && SLOT(run, run_waits) != Py_None && wake_waiters(st, run, memo) < 0) {
        result = FAILED;
    }
    if (result == DONE) {
        *made = Py_NewRef(memo);
    }
end:
    Py_XDECREF(memo);
    Py_XDECREF(known);
    Py_DECREF(home);
    Py_DECREF(filings);
    return result;
}

static PyObject *quick_fetch(State *st, PyObject *frame, Asked *asked);

/* Asks for the node of a home in a run. */
static PyObject *
fetch_again(State *st, PyObject *run, PyObject *home)
{
    PyObject *elements[1 + MOST_PARAMETERS], *key = Py_XNewRef(SLOT(home, home_key)), *memo = NULL;
    Py_ssize_t count = 0;
    if (key == NULL) {
        PyObject *const *args = args_of(st, home, &count);
        if (count <= MOST_PARAMETERS) {
            elements[0] = function_of(st, home);
            memcpy(elements + 1, args, (size_t)count * sizeof(PyObject *));
            Asked asked = {.elements = elements, .count = count + 1};
            PyObject *cache = SLOT(SLOT(run, frame_view), view_cache), *homes = SLOT(cache, cache_homes);
            if (SLOT(home, home_token) == SLOT(cache, cache__token) && SLOT(home, home_alive) == Py_True && are_untracked(st, homes)) {
                asked.searched = (Homes *)homes; /* it is there */
                asked.version = ((Homes *)homes)->version;
                asked.home = home;
            }
            memo = quick_fetch(st, run, &asked);
            Py_XDECREF(asked.key);
            return memo;
        }
        key = key_of(st, home);
    }
    if (key != NULL) {
        Asked asked = {.elements = ((PyTupleObject *)key)->ob_item, .count = PyTuple_GET_SIZE(key), .key = key};
        memo = quick_fetch(st, run, &asked);
        Py_DECREF(key);
    }
    return memo;
}


/* True when a value can replace an older one, as far as that can be told without user code; -1 when it cannot. */
static int
is_same_plain(PyObject *old, PyObject *new)
{
    if (Py_TYPE(old) != Py_TYPE(new)) {
        return 0;
    }
    if (PyLong_CheckExact(old) || PyUnicode_CheckExact(old) || PyBool_Check(old) || old == Py_None) {
        return PyObject_RichCompareBool(old, new, Py_EQ);
    }
    if (PyFloat_CheckExact(old)) {
        double was = PyFloat_AS_DOUBLE(old), is = PyFloat_AS_DOUBLE(new);
        return isnan(was) ? isnan(is) != 0 : was == is && !signbit(was) == !signbit(is);
    }
    return -1;
}

/* `verify.find_changed` of one read: true when asking again for the read node gives the same value; -1 for an error of the engine. */
static int
holds(State *st, PyObject *run, PyObject *read)
{
    PyObject *view = SLOT(run, frame_view), *cache = SLOT(view, view_cache), *memo = NULL;
    PyObject *home = Py_NewRef(SLOT(read, memo_home)), *function = function_of(st, home);
    int same = 0, known = 0;
    if (SLOT(read, memo_failure) != Py_None) {
        goto end;
    }
    if ((PyObject *)Py_TYPE(function) != st->function_class) { /* a key beneath a tweak */
        PyObject *answer = PyObject_CallFunctionObjArgs(st->holds, run, read, NULL);
        same = answer == NULL ? -1 : answer == Py_True;
        Py_XDECREF(answer);
        goto end;
    }
    if (SLOT(home, home_token) == SLOT(cache, cache__token) && SLOT(home, home_alive) == Py_True && SLOT(run, frame_homes) == SLOT(cache, cache_homes)) {
        memo = Py_XNewRef(recall(st, home, SLOT(view, view_tweaks)));
        known = memo == NULL && PyErr_Occurred() ? -1 : 0;
    }
    if (memo != NULL) {
        known = PyDict_SetItem(SLOT(run, frame_reads), memo, Py_None);
    }
    else if (known == 0 && SLOT(function, function_is_async) == Py_False) {
        if (Py_EnterRecursiveCall(" while an older value is verified") == 0) {
            memo = fetch_again(st, run, home);
            Py_LeaveRecursiveCall();
        }
        known = memo == NULL ? -1 : 0;
    }
    if (known == 0 && memo != NULL) {
        same = memo == read || (SLOT(read, memo_origin) != Py_None && SLOT(read, memo_origin) == SLOT(memo, memo_origin));
        if (!same) {
            /* A memo of another class has its value elsewhere, and only Python knows where. */
            int is_plain_pair = (PyObject *)Py_TYPE(read) == st->memo_type && (PyObject *)Py_TYPE(memo) == st->memo_type;
            same = is_plain_pair && SLOT(function, function_eq) == Py_None
                       ? is_same_plain(SLOT(read, memo_value), SLOT(memo, memo_value)) : -1;
        }
        if (same < 0) {
            PyObject *key = key_of(st, home);
            PyObject *answer = key == NULL ? NULL : PyObject_CallFunctionObjArgs(st->is_as_before, key, read, memo, NULL);
            Py_XDECREF(key);
            known = answer == NULL ? -1 : 0;
            same = answer == Py_True;
            Py_XDECREF(answer);
        }
    }
    if (known < 0) { /* a read that cannot be verified has changed; anything but an Exception is due where the body asks for it */
        PyObject *kind, *error, *traceback, *noted = Py_NewRef(Py_None);
        same = 0;
        PyErr_Fetch(&kind, &error, &traceback);
        PyErr_NormalizeException(&kind, &error, &traceback);
        if (!PyErr_GivenExceptionMatches(kind, PyExc_Exception)) {
            if (traceback != NULL) {
                PyException_SetTraceback(error, traceback);
            }
            PyObject *key = key_of(st, home);
            Py_SETREF(noted, key == NULL ? NULL : PyObject_CallFunctionObjArgs(st->raise_later, run, key, error, NULL));
            Py_XDECREF(key);
        }
        same = noted == NULL ? -1 : 0;
        Py_XDECREF(noted);
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
    }
end:
    Py_XDECREF(memo);
    Py_DECREF(home);
    return same;
}

/* `verify.forget_reads`: starts again after a read turned out to have changed. */
static int
forget_reads(State *st, PyObject *run)
{
    PyObject *noted = SLOT(run, frame_reads);
    if (SLOT(run, run_has_task) == Py_False && Py_REFCNT(noted) == 1) {
        PyDict_Clear(noted); /* only a task asks what they were */
    }
    else {
        PyObject *anew = PyDict_New();
        if (anew == NULL) {
            return -1;
        }
        SET(run, run_failed_check_reads, noted);
        SLOT(run, frame_reads) = anew;
    }
    SET(run, run_unfileable, Py_NewRef(st->zero));
    return 0;
}

/* True when all reads of an older memo still hold here, 0 when not, -1 for an error. */
static int
verify(State *st, PyObject *run, PyObject *candidate)
{
    PyObject *view = SLOT(run, frame_view), *reads = Py_NewRef(SLOT(candidate, memo_dependencies));
    int same = 1;
    for (Py_ssize_t i = 0; same > 0 && i < PyTuple_GET_SIZE(reads); i++) {
        PyObject *read = PyTuple_GET_ITEM(reads, i);
        int differs = overlaps(SLOT(read, memo_open_footprint), SLOT(SLOT(view, view_tweaks), tweaks_open_mask));
        if (differs == 0 && SLOT(SLOT(view, view_cache), cache_quick) == SLOT(SLOT(view, view_cache), cache_homes)) { /* else one is in doubt */
            same = PyDict_SetItem(SLOT(run, frame_reads), read, Py_None) < 0 ? -1 : 1;
        }
        else {
            same = differs < 0 ? -1 : holds(st, run, read);
        }
        if (same == 0 && forget_reads(st, run) < 0) {
            same = -1;
        }
    }
    Py_DECREF(reads);
    return same;
}

/* `find.find_masked`, where no view around tweaks the node itself: DONE with the memo, or with NULL. */
static int
find_masked(State *st, PyObject *view, PyObject *home, PyObject **found)
{
    PyObject *around = SLOT(view, view_parent);
    int came = DONE;
    *found = NULL;
    while (came == DONE && *found == NULL && around != Py_None) {
        int may = SLOT(around, view_cache) != SLOT(view, view_cache) ? 1
                  : may_be_tweaked(st, SLOT(view, view_group), SLOT(around, view_tweaks), function_of(st, home));
        came = may < 0 ? FAILED : may ? NOT_COMMON : match_common(st, home, SLOT(around, view_tweaks), found);
        around = SLOT(around, view_parent);
    }
    return came;
}

/* `verify.candidates`: returns older memos worth verifying for a run, likeliest first. */
static PyObject *
candidates(State *st, PyObject *run)
{
    PyObject *view = SLOT(run, frame_view), *home = SLOT(run, run_home), *cache = SLOT(view, view_cache), *masked;
    PyObject *plain = SLOT(home, home_plain), *newest = SLOT(home, home_newest);
    if (SLOT(cache, cache_holds_beneath) != Py_False || SLOT(cache, cache_beneath) != Py_None || SLOT(run, run_handle) != Py_None) {
        return PyObject_CallOneArg(st->candidates, run);
    }
    if (!has_variants(SLOT(home, home_variants)) && (plain == newest || plain == Py_None)) {
        return newest != Py_None && SLOT(newest, memo_verifies) == st->zero ? PyTuple_Pack(1, newest) : PyTuple_New(0);
    }
    int came = SLOT(home, home_has_failed) == Py_False ? find_masked(st, view, home, &masked) : NOT_COMMON;
    if (came != DONE) {
        return came == FAILED ? NULL : PyObject_CallOneArg(st->candidates, run);
    }
    PyObject *found[] = {masked == NULL ? Py_None : masked, SLOT(home, home_plain), SLOT(home, home_newest)}, *chosen = PyList_New(0);
    int failed = chosen == NULL;
    for (int i = 0; !failed && i < 3; i++) {
        PyObject *memo = found[i];
        int is_new = i == 0 || (memo != found[0] && (i == 1 || memo != found[1]));
        if (memo != Py_None && is_new && SLOT(memo, memo_verifies) == st->zero && SLOT(memo, memo_status) != st->dead) {
            failed = PyList_Append(chosen, memo) < 0;
        }
    }
    Py_XDECREF(masked);
    if (failed) {
        Py_CLEAR(chosen);
    }
    return chosen;
}

/* Runs the code of a run: usually the body of its function. */
static PyObject *
run_body(State *st, PyObject *run)
{
    PyObject *home = Py_NewRef(SLOT(run, run_home)), *key = SLOT(home, home_key), *function = function_of(st, home), *value = NULL;
    PyObject *keywords = SLOT(SLOT(function, function_binding), binding_keywords);
    Py_ssize_t given = key == NULL ? 0 : PyTuple_GET_SIZE(key) - 1;
    PyObject *const *args = key == NULL ? args_of(st, home, &given) : ((PyTupleObject *)key)->ob_item + 1;
    if (keywords != Py_None && PyTuple_GET_SIZE(keywords) <= given) { /* else the function was defined again since the key was made */
        PyObject *body = Py_NewRef(SLOT(function, function_body));
        Py_ssize_t named = PyTuple_GET_SIZE(keywords);
        Py_INCREF(keywords); /* the body may define the function again */
        value = PyObject_Vectorcall(body, args, (size_t)(given - named), named ? keywords : NULL);
        Py_DECREF(keywords);
        Py_DECREF(body);
        Py_DECREF(home);
        return value;
    }
    Py_DECREF(home);
    PyObject *asked = PyObject_CallOneArg(st->what_runs, run);
    if (asked != NULL) {
        value = PyObject_Call(PyTuple_GET_ITEM(asked, 0), PyTuple_GET_ITEM(asked, 1), PyTuple_GET_ITEM(asked, 2));
        Py_DECREF(asked);
    }
    return value;
}

/* Finds an older memo that holds, or runs the body: returns the filed memo. */
static PyObject *
compute(State *st, PyObject *run, double *started)
{
    PyObject *older = candidates(st, run), *memo = NULL;
    int same = older == NULL ? -1 : 0;
    Py_ssize_t count = older == NULL ? 0 : PySequence_Fast_GET_SIZE(older);
    for (Py_ssize_t i = 0; same == 0 && i < count; i++) {
        PyObject *candidate = PySequence_Fast_GET_ITEM(older, i);
        same = verify(st, run, candidate);
        if (same > 0) {
            int result = NOT_COMMON;
            if ((PyObject *)Py_TYPE(candidate) == st->memo_type) { /* else its value is not in its slot */
                result = quick_finish(st, run, SLOT(candidate, memo_value), 0.0, candidate, &memo);
            }
            if (result == NOT_COMMON) {
                memo = PyObject_CallFunctionObjArgs(st->file_verified, run, candidate, NULL);
            }
        }
    }
    Py_XDECREF(older);
    if (same != 0) {
        return memo;
    }
    if (count > 0) {
        *started = now();
    }
    PyObject *value = run_body(st, run);
    if (value == NULL) {
        return NULL;
    }
    double seconds = now() - *started;
    if (quick_finish(st, run, value, seconds, NULL, &memo) == NOT_COMMON) {
        memo = PyObject_CallFunction(st->finish, "OOd", run, value, seconds);
    }
    Py_DECREF(value);
    return memo;
}

/* `open_context.note`: notes a read that was asked for in a frame in this view, though it may have another by now. */
static int
note_read(State *st, PyObject *frame, PyObject *view, PyObject *memo)
{
    PyObject *reads = SLOT(frame, frame_reads);
    if (SLOT(frame, frame_view) == view && reads == Py_None) {
        return 0;
    }
    if (SLOT(frame, frame_view) == view && PyDict_CheckExact(reads)) {
        return PyDict_SetItem(reads, memo, Py_None);
    }
    PyObject *noted = PyObject_CallFunctionObjArgs(st->note, frame, view, memo, NULL);
    Py_XDECREF(noted);
    return noted == NULL ? -1 : 0;
}

/* Files the error of a run, notes that in the asking frame, and leaves the error as it was. */
static void
file_failure(State *st, PyObject *frame, PyObject *view, PyObject *run, double seconds)
{
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyErr_NormalizeException(&kind, &error, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(error, traceback);
    }
    PyObject *memo = PyObject_CallFunction(st->fail, "OOd", run, error, seconds);
    if (memo == NULL || (memo != Py_None && note_read(st, frame, view, memo) < 0)) {
        Py_DECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
    }
    else {
        PyErr_Restore(kind, error, traceback);
    }
    Py_XDECREF(memo);
}

/* Returns how many runs are open around a call made in a frame. */
static long
depth_of(State *st, PyObject *frame)
{
    if ((PyObject *)Py_TYPE(frame) != st->run_type && (PyObject *)Py_TYPE(frame) != st->entry_type) {
        return 0;
    }
    PyObject *run = run_of(st, frame);
    return run == Py_None ? 0 : PyLong_AsLong(SLOT(run, run_depth)) + 1;
}

/* True when this thread has used up one of so many parts of the frames that the interpreter allows, of which calls in C take some as
   well, or has little stack left for a call made in `frame`; NULL for one inside of many runs. */
static inline int
has_used(State *st, PyObject *frame, int parts)
{
    PyThreadState *thread = PyThreadState_Get();
    volatile char mark = 0; /* its address is the current end of the stack */
    int most = 2 * MOST_FRAMES / parts;
#if PY_VERSION_HEX >= 0x030C0000
    int limit = thread->py_recursion_limit, calls = MOST_C_CALLS - thread->c_recursion_remaining - calls_taken_off;
    int frames = limit - thread->py_recursion_remaining;
    if (calls > most || calls > MOST_C_CALLS / parts) {
        return 1;
    }
#else
    int limit = thread->recursion_limit, frames = limit - thread->recursion_remaining;
#endif
    if (frames > most || frames > limit / parts) {
        return 1;
    }
    uintptr_t here = (uintptr_t)&mark;
    return here < enough_above && lacks_stack(here, frame == NULL ? FEW_RUNS : depth_of(st, frame));
}

/* `stacks.is_deep`. */
static inline int
is_deep(State *st, PyObject *frame)
{
    return has_used(st, frame, 2);
}

/* `sync_driver.fetch`: returns the memo of a call made in a frame, with the read noted. */
static PyObject *
quick_fetch(State *st, PyObject *frame, Asked *asked)
{
    PyObject *found = NULL, *memo, *view = NULL;
    int result = NOT_COMMON;
    if (is_deep(st, frame)) {
        return key_asked(asked) == NULL ? NULL : PyObject_CallFunctionObjArgs(st->deeper, st->quick_fetch, frame, asked->key, NULL);
    }
    if ((PyObject *)Py_TYPE(frame) == st->run_type || (PyObject *)Py_TYPE(frame) == st->entry_type) {
        view = Py_NewRef(SLOT(frame, frame_view));
        result = quick_begin(st, frame, asked, &found);
    }
    if (result == DONE && (PyObject *)Py_TYPE(found) != st->memo_type) { /* somebody else's run: this thread has to wait */
        Py_DECREF(found);
        result = NOT_COMMON;
    }
    if (result == NOT_COMMON || result == FAILED) {
        Py_XDECREF(view);
        return result == FAILED || key_asked(asked) == NULL ? NULL : PyObject_CallFunctionObjArgs(st->fetch, frame, asked->key, NULL);
    }
    memo = found;
    if (result == RUNS) {
        PyObject *token = put(st, found);
        double started = now();
        memo = token == NULL ? NULL : compute(st, found, &started);
        if (memo == NULL) {
            file_failure(st, frame, view, found, now() - started);
        }
        if (token != NULL) {
            PyObject *kind, *error, *traceback;
            PyErr_Fetch(&kind, &error, &traceback);
            if (put_back(st, token) < 0) {
                Py_CLEAR(memo);
                Py_XDECREF(kind);
                Py_XDECREF(error);
                Py_XDECREF(traceback);
            }
            else {
                PyErr_Restore(kind, error, traceback);
            }
            Py_DECREF(token);
        }
        let_run_go(st, found);
        if (memo != NULL && (PyObject *)Py_TYPE(frame) == st->run_type && SLOT(frame, run_has_task) == Py_True) {
            PyObject *set = PyObject_CallFunctionObjArgs(st->mark_in_thread, frame, memo, NULL);
            Py_XDECREF(set);
            if (set == NULL) {
                Py_CLEAR(memo);
            }
        }
    }
    if (memo != NULL && note_read(st, frame, view, memo) < 0) {
        Py_CLEAR(memo);
    }
    Py_DECREF(view);
    if (memo != NULL && SLOT(memo, memo_failure) != Py_None) { /* another call's, which came first */
        PyObject *never = PyObject_CallFunctionObjArgs(st->raise_failure, frame, memo, NULL);
        Py_XDECREF(never);
        Py_CLEAR(memo);
    }
    return memo;
}
