/* Waits: an asker of a node that a task computes; the common case of `steps/waits`, which is the specification.

   Where nothing else is said, a function here and in run.h reports by its result: DONE, NOT_COMMON (nothing was
   changed and no error is set: the function in Python sees to it) or FAILED. */

enum { FAILED = -1, NOT_COMMON = 0, DONE = 1, RUNS = 2 };

static inline void
set_slot(PyObject **slot, PyObject *value)
{
    PyObject *old = *slot;
    *slot = value;
    Py_XDECREF(old);
}

#define SET(object, field, value) set_slot(&SLOT(object, field), value)

/* The part of `begin._join_or_open` for a node that a task computes in this scenario, not around the call: DONE with a `Joined`. */
static int
join_run(State *st, PyObject *frame, PyObject *view, PyObject *home, PyObject **found)
{
    PyObject *tweaks = SLOT(view, view_tweaks), *other = PyDict_GetItemWithError(SLOT(tweaks, tweaks_running), home);
    if (other == NULL || SLOT(other, run_has_task) != Py_True) {
        return PyErr_Occurred() ? FAILED : NOT_COMMON;
    }
    while (frame != Py_None) { /* is it around? */
        if ((PyObject *)Py_TYPE(frame) == st->run_type && SLOT(frame, run_home) == home) {
            return NOT_COMMON;
        }
        frame = SLOT(frame, frame_outer);
    }
    *found = PyObject_CallOneArg(st->joined_class, other);
    return *found == NULL ? FAILED : DONE;
}

/* Returns the innermost run of a frame, borrowed, or None. */
static inline PyObject *
run_of(State *st, PyObject *frame)
{
    return (PyObject *)Py_TYPE(frame) == st->run_type ? frame : SLOT(frame, entry_run);
}

/* True for a `Wait`; sets an error for anything else. */
static int
is_wait(State *st, PyObject *wait)
{
    if (!PyObject_TypeCheck(wait, (PyTypeObject *)st->wait_class)) {
        PyErr_Format(PyExc_TypeError, "%R is not a wait", wait);
        return 0;
    }
    return 1;
}

/* Notes a wait on its run, and on the run that it holds up: a task's own, around which nobody waits with it. */
static int
enter_wait(State *st, PyObject *wait)
{
    PyObject *run = SLOT(wait, wait_run), *holder = run_of(st, SLOT(wait, wait_frame));
    PyObject *group = SLOT(SLOT(run, frame_view), view_group);
    if (SLOT(wait, wait_thread) != Py_None || (holder != Py_None && SLOT(holder, run_has_task) != Py_True)) {
        return NOT_COMMON;
    }
    PyObject *waits = SLOT(run, run_waits) == Py_None ? PyList_New(0) : Py_NewRef(SLOT(run, run_waits));
    PyObject *held_up = NULL, *holders = NULL;
    int result = FAILED;
    if (holder != Py_None) {
        held_up = SLOT(holder, run_held_up) == Py_None ? PySet_New(NULL) : Py_NewRef(SLOT(holder, run_held_up));
        holders = PyTuple_Pack(1, holder);
    }
    if (waits == NULL || (holder != Py_None && (held_up == NULL || holders == NULL))) {
        goto end;
    }
    /* From here on no other code runs. */
    result = NOT_COMMON;
    if (!lock_is_free((Lock *)SLOT(group, group_lock)) || SLOT(run, run_is_done) != Py_False ||
        (SLOT(run, run_waits) != Py_None && SLOT(run, run_waits) != waits) ||
        (held_up != NULL && SLOT(holder, run_held_up) != Py_None && SLOT(holder, run_held_up) != held_up)) {
        goto end;
    }
    result = FAILED;
    if (PyList_Append(waits, wait) < 0 || (held_up != NULL && PySet_Add(held_up, wait) < 0)) {
        goto end;
    }
    SET(run, run_waits, Py_NewRef(waits));
    if (held_up != NULL) {
        SET(holder, run_held_up, Py_NewRef(held_up));
        SET(wait, wait_holders, Py_NewRef(holders));
    }
    result = DONE;
end:
    Py_XDECREF(waits);
    Py_XDECREF(held_up);
    Py_XDECREF(holders);
    return result;
}

/* `waits.join` where nothing that the run waits for, and no blocked thread, could close a circle. */
static int
quick_join(State *st, PyObject *wait)
{
    PyObject *run = SLOT(wait, wait_run), *group = SLOT(SLOT(run, frame_view), view_group), *held_up = SLOT(run, run_held_up);
    if ((held_up != Py_None && PySet_GET_SIZE(held_up) != 0) || PyDict_GET_SIZE(SLOT(group, group_blocked)) != 0) {
        return NOT_COMMON;
    }
    return enter_wait(st, wait);
}

/* `waits.leave_wait`: ends a wait; DONE when others still wait, LAST when nobody does. */
enum { LAST = 2 };

static int
quick_leave_wait(State *st, PyObject *wait)
{
    PyObject *run = SLOT(wait, wait_run), *holders = SLOT(wait, wait_holders), *waits = SLOT(run, run_waits);
    PyObject *group = SLOT(SLOT(run, frame_view), view_group);
    if (SLOT(wait, wait_thread) != Py_None || !lock_is_free((Lock *)SLOT(group, group_lock))) {
        return NOT_COMMON;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(holders); i++) {
        PyObject *held_up = SLOT(PyTuple_GET_ITEM(holders, i), run_held_up);
        if (held_up != Py_None && PySet_Discard(held_up, wait) < 0) {
            return FAILED;
        }
    }
    for (Py_ssize_t i = 0; waits != Py_None && i < PyList_GET_SIZE(waits); i++) {
        if (PyList_GET_ITEM(waits, i) == wait) {
            if (PyList_SetSlice(waits, i, i + 1, NULL) < 0) {
                return FAILED;
            }
            break;
        }
    }
    return waits == Py_None || PyList_GET_SIZE(waits) == 0 ? LAST : DONE;
}

/* `waits.wake_waiters` for a memo that is not a failure: wakes all waiters of a finished run. */
static int
wake_waiters(State *st, PyObject *run, PyObject *memo)
{
    PyObject *waits = SLOT(run, run_waits), *all = PyList_AsTuple(waits);
    if (all == NULL) {
        return FAILED;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(all); i++) {
        PyObject *wait = PyTuple_GET_ITEM(all, i);
        SET(wait, wait_result, Py_NewRef(memo));
        PyObject *woken = PyObject_CallMethodNoArgs(wait, st->name_wake);
        if (woken == NULL) {
            Py_DECREF(all);
            return FAILED;
        }
        Py_DECREF(woken);
    }
    SET(run, run_waits, Py_NewRef(Py_None)); /* last: after an interrupt, abandoning the run wakes them all */
    Py_DECREF(all);
    return DONE;
}
