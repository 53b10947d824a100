/* The call path, compiled: a call of a memoised function up to a hit.

   The pure-Python call of binding.py is the specification, and a dict that of Homes.  A call here looks its arguments up in the
   table of the frame in force, notes the read of the memo at hand, and returns the value.  Everything else goes to the driver in Python: a miss, an
   argument without a hash, and (through the generated function) every call that is not made of plain parameters.

   Invariants:
   - whenever an argument is hashed or compared, its own code may run: it may change the table, which is then searched again, or
     take it from the frame, so that whoever searches holds it;
   - a Call never changes after it was made, not even for the garbage collector: no cycle is made of Calls and tuples alone;
   - the objects of the engine (frames, memos) are Python objects with slots, whose offsets are read when the module is set up;
   - an Awaitable is awaited once, and looks for a hit when it is, not when it is made, as a coroutine would; where it finds
     none it hands all over to a coroutine.

   It is for the main interpreter, as the modules are that Cython compiles; in any other dug takes the pure path.  A build of
   Python without a GIL turns it on to import this: tables, free list and engine rely on it.  */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stddef.h>
#include <math.h>

#if PY_VERSION_HEX < 0x030C0000
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_BOOL T_BOOL
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

#define SPARES 32
#define SPARE_RUNS 64
#define MOST_FRAMES 500 /* in one thread, before a call goes on in another; and at most half of what is allowed */
#ifdef Py_C_RECURSION_LIMIT
#define MOST_C_CALLS Py_C_RECURSION_LIMIT
#elif defined(C_RECURSION_LIMIT)
#define MOST_C_CALLS C_RECURSION_LIMIT /* 3.12 */
#endif
#define MOST_PARAMETERS 15 /* of a function whose calls are looked up here */

/* The slots of the engine's objects that are read here: the class, by its name in set_layout(), and the name of the slot. */
#define EACH_SLOT(X) \
    X(frame, view) X(frame, outer) X(frame, call) X(frame, homes) X(frame, reads) X(frame, inner_nodes) X(frame, closed_footprint) X(frame, runs) \
    X(frame, child_seconds) X(frame, transient) X(frame, driver) \
    X(run, key) X(run, handle) X(run, home) X(run, generation) X(run, unfileable) X(run, opened) X(run, failed_check_reads) \
    X(run, depth) X(run, thread) X(run, has_task) X(run, task) X(run, waits) X(run, held_up) X(run, is_done) X(run, memo) X(run, made) \
    X(entry, run) X(entry, context) X(entry, openings) X(entry, entries) X(entry, closed) X(entry, back) X(entry, watch) X(entry, token) \
    X(wait, frame) X(wait, run) X(wait, thread) X(wait, holders) X(wait, result) \
    X(memo, home) X(memo, value) X(memo, dependencies) X(memo, footprint) X(memo, footprint_beneath) X(memo, restriction) \
    X(memo, seconds) X(memo, own_seconds) X(memo, status) X(memo, found_in) X(memo, open_footprint) X(memo, verifies) X(memo, failure) X(memo, call) \
    X(memo, origin) X(memo, made) X(memo, inner_nodes) \
    X(home, key) X(home, _owner) X(home, _args) X(home, here) X(home, token) X(home, plain) X(home, variants) X(home, newest) X(home, readers) X(home, alive) \
    X(home, has_failed) X(home, shown) X(home, open_run) X(home, open_runs) X(home, link) X(home, _prune_at) \
    X(view, parent) X(view, layers) X(view, inside) X(view, tweaks) X(view, cache) X(view, group) X(view, delta) X(view, max_depth) X(view, listeners) \
    X(tweaks, serials) X(tweaks, serial) X(tweaks, after) X(tweaks, content) X(tweaks, mask) X(tweaks, open_mask) X(tweaks, running) X(tweaks, newest) X(tweaks, _restrictions) \
    X(cache, beneath) X(cache, homes) X(cache, quick) X(cache, holds_beneath) X(cache, _count) X(cache, _read) X(cache, _token) \
    X(group, lock) X(group, mark) X(group, views) X(group, generation) X(group, filings) X(group, released) X(group, blocked) X(group, _function_bits) X(group, early) \
    X(call, due) X(call, failures) X(subscription, of_runs) \
    X(function, body) X(function, binding) X(function, is_async) X(function, eq) X(function, nodes) X(function, mark) X(function, kind) \
    X(binding, keywords) X(handle, spec) X(handle, memo) X(handle, target) X(handle, serial) X(handle, bit) X(handle, scenarios) X(handle, prune_at) X(spec, kind)

/* Functions left to Python, and objects of the engine to compare with or copy: the arguments of set_callbacks(). */
#define EACH_CALLBACK(X) \
    X(fetch) X(add_up) X(match) X(value_memo) X(in_full) X(own_bits) X(join_own) X(join) X(leave_wait) X(finish) X(file_verified) X(fail) X(candidates) X(holds) X(is_as_before) X(raise_later) \
    X(what_runs) X(mark_in_thread) X(note) X(raise_failure) X(deeper) X(origins) X(outer_call_model) X(joined_class) X(wait_class) X(function_class) X(run_model) X(memo_model) X(home_model) \
    X(consumable) X(no_homes) X(late) X(no_tweaks) X(live) X(stale) X(dead) X(value_kind) X(entry_model) X(ended_class) X(default_frame) X(give_up) X(view_model) X(tweaks_model) X(numbers)

/* Names of attributes that are asked for here, made once: each new string of a name takes a place in the interpreter's cache. */
#define EACH_NAME(X) \
    X(add_reader) X(homes) X(homes_of) X(_index) X(restrict) X(drain) X(wake) X(throw) X(close) X(value) X(cr_await) X(cr_running) X(__name__) X(refresh) X(entry) X(methods) \
    X(_scenario) X(specs) X(_given_cache) X(_last) X(_entries) X(_keep_up) X(_view_inside) X(intern) X(alone) X(add) X(_prune)

#include "bits.h"

#define SLOT(object, field) (*(PyObject **)((char *)(object) + st->at.field))

typedef struct {
    PyObject *call_type;
    PyObject *awaitable_type;
    PyObject *homes_type;
    PyObject *owner_type;
    PyObject *lock_type;
    PyObject *watched_type;
    PyObject *asked, *forget_gone; /* of leaving.py; NULL until note_statements() */
    PyObject *current;    /* the ContextVar of frame.py */
    PyObject *entry_type; /* the two kinds of frames */
    PyObject *run_type;
    PyObject *memo_type;
    PyObject *home_type;
#define X(name) PyObject *name_##name;
    EACH_NAME(X)
#undef X
    PyObject *zero, *one;
    PyObject *began, *ended; /* the callbacks of watch(); NULL for nothing */
    PyObject *quick_fetch; /* fetch() of this module: the driver of the calls that are run here */
#define X(callback) PyObject *callback;
    EACH_CALLBACK(X) /* NULL until set_callbacks() */
#undef X
    struct {
#define X(class, name) Py_ssize_t class##_##name;
        EACH_SLOT(X)
#undef X
    } at; /* the offsets of these slots */
    PyObject *spare[SPARES]; /* Awaitables not in use, without their class: one is made for each call and lives for a moment */
    int spares;
    PyObject *spare_run[SPARE_RUNS]; /* runs not in use, untracked, with the slots of the model */
    int spare_runs;
} State;

static struct PyModuleDef accel_module;
#include "lock.h"
#include "stack.h"
#include "current.h"
#include "waits.h"
#include "homes.h"
#include "run.h"
#include "call.h"
#include "awaitable.h"
#include "open_context.h"
#include "view.h"

/* Finds the offset of a slot of a class; -1 when it has none. */
static Py_ssize_t
find_offset(PyObject *type, const char *name)
{
    PyObject *descriptor = PyObject_GetAttrString(type, name);
    Py_ssize_t offset = -1;
    if (descriptor != NULL && Py_IS_TYPE(descriptor, &PyMemberDescr_Type)) {
        offset = ((PyMemberDescrObject *)descriptor)->d_member->offset;
    }
    else if (descriptor != NULL) {
        PyErr_Format(PyExc_TypeError, "%R has no slot %s", type, name);
    }
    Py_XDECREF(descriptor);
    return offset;
}

/* The same for a class that set_layout() got by name. */
static Py_ssize_t
find_slot_of(PyObject *classes, const char *class, const char *name)
{
    PyObject *type = PyDict_GetItemString(classes, class);
    if (type == NULL || !PyType_Check(type)) {
        PyErr_Format(PyExc_TypeError, "set_layout() was not told the class of a %s", class);
        return -1;
    }
    return find_offset(type, name);
}

static PyObject *
set_layout(PyObject *module, PyObject *args)
{
    State *st = PyModule_GetState(module);
    PyObject *current, *entry, *classes;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyContextVar_Type, &current, &PyType_Type, &entry, &PyDict_Type, &classes)) {
        return NULL;
    }
#define X(class, name) \
    st->at.class##_##name = find_slot_of(classes, #class, #name); \
    if (st->at.class##_##name < 0) { \
        return NULL; \
    } \
    if (strcmp(#class, "frame") == 0 && find_offset(entry, #name) != st->at.class##_##name) { \
        PyErr_SetString(PyExc_TypeError, "the two kinds of frames differ"); \
        return NULL; \
    }
    EACH_SLOT(X)
#undef X
    Py_XSETREF(st->current, Py_NewRef(current));
    Py_XSETREF(st->entry_type, Py_NewRef(entry));
    Py_XSETREF(st->run_type, Py_NewRef(PyDict_GetItemString(classes, "run")));
    Py_XSETREF(st->memo_type, Py_NewRef(PyDict_GetItemString(classes, "memo")));
    Py_XSETREF(st->home_type, Py_NewRef(PyDict_GetItemString(classes, "home")));
    return Py_NewRef(st->awaitable_type);
}

static PyObject *
set_callbacks(PyObject *module, PyObject *callbacks)
{
    State *st = PyModule_GetState(module);
    PyObject *callback;
    if (!PyDict_CheckExact(callbacks) || st->current == NULL) {
        PyErr_SetString(PyExc_TypeError, "set_callbacks() takes a dict, after set_layout()");
        return NULL;
    }
#define X(name) \
    callback = PyDict_GetItemString(callbacks, #name); \
    if (callback == NULL) { \
        PyErr_SetString(PyExc_KeyError, #name); \
        return NULL; \
    } \
    Py_XSETREF(st->name, Py_NewRef(callback));
    EACH_CALLBACK(X)
#undef X
    Py_XSETREF(st->quick_fetch, find_sets() < 0 ? NULL : PyObject_GetAttrString(module, "fetch"));
    return st->quick_fetch == NULL ? NULL : Py_NewRef(Py_None);
}

static PyObject *
note_statements(PyObject *module, PyObject *args)
{
    State *st = PyModule_GetState(module);
    PyObject *asked, *forget_gone;
    if (!PyArg_ParseTuple(args, "OO", &asked, &forget_gone)) {
        return NULL;
    }
    Py_XSETREF(st->asked, Py_NewRef(asked));
    Py_XSETREF(st->forget_gone, Py_NewRef(forget_gone));
    return Py_NewRef(st->watched_type);
}

static PyObject *
begin_method(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    PyObject *found;
    if (count != 2 || st->run_model == NULL) {
        PyErr_SetString(PyExc_TypeError, "begin() takes a frame and a key, after set_callbacks()");
        return NULL;
    }
    if (!PyTuple_Check(args[1])) {
        PyErr_Format(PyExc_TypeError, "a key is a tuple, not %R", args[1]);
        return NULL;
    }
    Asked asked = {.elements = ((PyTupleObject *)args[1])->ob_item, .count = PyTuple_GET_SIZE(args[1]), .key = args[1]};
    int result = quick_begin(st, args[0], &asked, &found);
    if (result == RUNS) {
        show(found); /* it is driven elsewhere */
    }
    return result == FAILED ? NULL : result == NOT_COMMON ? Py_NewRef(Py_None) : found;
}

static PyObject *
finish_method(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    PyObject *memo;
    if (count != 3 || (PyObject *)Py_TYPE(args[0]) != st->run_type || st->run_model == NULL) {
        PyErr_SetString(PyExc_TypeError, "finish() takes a run, a value and seconds, after set_callbacks()");
        return NULL;
    }
    double seconds = PyFloat_AsDouble(args[2]);
    if (seconds == -1.0 && PyErr_Occurred()) {
        return NULL;
    }
    int result = quick_finish(st, args[0], args[1], seconds, NULL, &memo);
    return result == FAILED ? NULL : result == NOT_COMMON ? Py_NewRef(Py_None) : memo;
}

static PyObject *
watch_method(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    if (count != 0 && count != 2) {
        PyErr_SetString(PyExc_TypeError, "watch() takes two callables, or nothing");
        return NULL;
    }
    Py_XSETREF(st->began, count == 0 ? NULL : Py_NewRef(args[0]));
    Py_XSETREF(st->ended, count == 0 ? NULL : Py_NewRef(args[1]));
    Py_RETURN_NONE;
}

static PyObject *
join_own_method(PyObject *module, PyObject *wait)
{
    State *st = PyModule_GetState(module);
    int result = st->join_own != NULL && is_wait(st, wait) ? enter_wait(st, wait) : FAILED;
    return result == NOT_COMMON ? PyObject_CallOneArg(st->join_own, wait) : result == FAILED ? NULL : Py_NewRef(Py_None);
}

static PyObject *
join_method(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    if (count != 2 || st->join == NULL) {
        PyErr_SetString(PyExc_TypeError, "join() takes a wait and whether it is optional, after set_callbacks()");
        return NULL;
    }
    int result = is_wait(st, args[0]) ? quick_join(st, args[0]) : FAILED;
    return result == NOT_COMMON ? PyObject_Vectorcall(st->join, args, 2, NULL) : result == FAILED ? NULL : Py_NewRef(Py_True);
}

static PyObject *
leave_wait_method(PyObject *module, PyObject *wait)
{
    State *st = PyModule_GetState(module);
    int result = st->leave_wait != NULL && is_wait(st, wait) ? quick_leave_wait(st, wait) : FAILED;
    return result == NOT_COMMON ? PyObject_CallOneArg(st->leave_wait, wait) : result == FAILED ? NULL : PyBool_FromLong(result == LAST);
}

static PyObject *
fetch_method(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    if (count != 2 || st->run_model == NULL) {
        PyErr_SetString(PyExc_TypeError, "fetch() takes a frame and a key, after set_callbacks()");
        return NULL;
    }
    if (!PyTuple_Check(args[1])) {
        PyErr_Format(PyExc_TypeError, "a key is a tuple, not %R", args[1]);
        return NULL;
    }
    Asked asked = {.elements = ((PyTupleObject *)args[1])->ob_item, .count = PyTuple_GET_SIZE(args[1]), .key = args[1]};
    PyObject *frame = args[0] == Py_None ? get_frame(st) : Py_NewRef(args[0]);
    PyObject *memo = frame == NULL ? NULL : quick_fetch(st, frame, &asked);
    Py_XDECREF(frame);
    return memo;
}

static PyObject *
has_room(PyObject *module, PyObject *Py_UNUSED(none))
{
    return PyBool_FromLong(!has_used(PyModule_GetState(module), NULL, 4));
}

static PyMethodDef accel_methods[] = {
    {"set_layout", set_layout, METH_VARARGS,
     "set_layout(current, entry, classes)\n--\n\nSays where frames and memos are found: the ContextVar, and the classes of the engine."},
    {"set_callbacks", set_callbacks, METH_O, "set_callbacks(callbacks)\n--\n\nSays what is left to Python, by name; from then on runs are begun and finished here."},
    {"begin", (PyCFunction)(void (*)(void))begin_method, METH_FASTCALL,
     "begin(frame, key)\n--\n\nReturns a memo or a run, or None when the case is not common."},
    {"finish", (PyCFunction)(void (*)(void))finish_method, METH_FASTCALL,
     "finish(run, value, seconds)\n--\n\nReturns the memo that was filed, or None when the case is not common."},
    {"watch", (PyCFunction)(void (*)(void))watch_method, METH_FASTCALL,
     "watch(began, ended)\n--\n\nFor tests: calls the one with each run that is begun here, the other when it is filed here."},
    {"join_own", join_own_method, METH_O, "join_own(wait)\n--\n\nBegins the wait of an asker for the run that it opened."},
    {"join", (PyCFunction)(void (*)(void))join_method, METH_FASTCALL,
     "join(wait, is_optional)\n--\n\nBegins the wait of an asker; False when there is nothing to wait for."},
    {"leave_wait", leave_wait_method, METH_O, "leave_wait(wait)\n--\n\nEnds a wait; True when nobody waits for the run any more."},
    {"fetch", (PyCFunction)(void (*)(void))fetch_method, METH_FASTCALL,
     "fetch(frame, key)\n--\n\nThe synchronous driver: returns the memo of a call."},
    {"has_room", has_room, METH_NOARGS,
     "has_room()\n--\n\nTrue when this thread has most of its frames, and much of its stack, left."},
    {"note_statements", note_statements, METH_VARARGS,
     "note_statements(asked, forget_gone)\n--\n\nSays where the methods that statements have asked for are noted; returns Watched."},
    {"put", put_method, METH_O, "put(frame)\n--\n\nPuts a frame in force, and returns the token of the context variable."},
    {"find_exit", find_exit, METH_O, "find_exit(instance)\n--\n\nReturns the ``__exit__`` held by the statement that calls ``__enter__``."},
    {"open_context", open_context, METH_O,
     "open_context((context, outer, view, openings, method))\n--\n\nReturns an entry that is not in force yet, or None when the case is not common."},
    {"enter", enter_method, METH_O, "enter(scope)\n--\n\nEnters a scope by a statement; False when the case is not common."},
    {"exit", exit_method, METH_O, "exit(scope)\n--\n\nLeaves the entry in force if it is one of the scope; False when the case is not common."},
    {"enter_view", (PyCFunction)(void (*)(void))enter_view, METH_FASTCALL,
     "enter_view(parent, layers, held, listeners, max_depth)\n--\n\nReturns a view in the cache of the one around, or None when the case is not common."},
    {"leave", leave_method, METH_O, "leave(entry)\n--\n\nLeaves the entry in force; False when the case is not common."},
    {"untrack", (PyCFunction)(void (*)(void))untrack, METH_FASTCALL,
     "untrack(homes, memo)\n--\n\nSpares the garbage collector a memo that was just filed, and its home."},
    {"get_key", (PyCFunction)(void (*)(void))get_key, METH_FASTCALL,
     "get_key(home, name)\n--\n\nReturns the key of a home that has none in its slot."},
    {"take_lone", take_lone, METH_VARARGS,
     "take_lone(noted, taken, bare)\n--\n\nTakes out memos that are the only ones of their nodes with a tweak; returns the others."},
    {"track_again", track_again, METH_O,
     "track_again(gone)\n--\n\nHas the garbage collector look again at memos and homes that have left their places."},
    {"make_class", make_class, METH_VARARGS,
     "make_class(base, name, doc, is_method)\n--\n\nReturns a subclass of base whose instances can be given a Call with attach."},
    {"attach", attach, METH_VARARGS,
     "attach(instance, call)\n--\n\nMakes calls of an instance of a made class go to call."},
    {NULL},
};

static int
accel_exec(PyObject *module)
{
    State *st = PyModule_GetState(module);
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "only the main interpreter has a compiled call path");
        return -1;
    }
#define X(name) \
    st->name_##name = PyUnicode_InternFromString(#name); \
    if (st->name_##name == NULL) { \
        return -1; \
    }
    EACH_NAME(X)
#undef X
    st->zero = PyLong_FromLong(0);
    st->one = PyLong_FromLong(1);
    st->lock_type = PyType_FromModuleAndSpec(module, &lock_spec, NULL);
    st->call_type = PyType_FromModuleAndSpec(module, &call_spec, NULL);
    st->awaitable_type = PyType_FromModuleAndSpec(module, &awaitable_spec, NULL);
    st->homes_type = PyType_FromModuleAndSpec(module, &homes_spec, NULL);
    st->owner_type = PyType_FromModuleAndSpec(module, &owner_spec, NULL);
    st->watched_type = PyType_FromModuleAndSpec(module, &watched_spec, NULL);
    if (st->zero == NULL || st->one == NULL || st->lock_type == NULL || st->call_type == NULL || st->awaitable_type == NULL ||
        st->homes_type == NULL || st->owner_type == NULL || st->watched_type == NULL) {
        return -1;
    }
    if (PyModule_AddObjectRef(module, "Homes", st->homes_type) < 0 || PyModule_AddObjectRef(module, "Lock", st->lock_type) < 0) {
        return -1;
    }
    return PyModule_AddObjectRef(module, "Call", st->call_type);
}

static int
accel_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *st = PyModule_GetState(module);
    Py_VISIT(st->call_type);
    Py_VISIT(st->awaitable_type);
    Py_VISIT(st->homes_type);
    Py_VISIT(st->current);
    Py_VISIT(st->entry_type);
    Py_VISIT(st->run_type);
    Py_VISIT(st->memo_type);
    Py_VISIT(st->home_type);
    Py_VISIT(st->owner_type);
    Py_VISIT(st->watched_type);
    Py_VISIT(st->asked);
    Py_VISIT(st->forget_gone);
    Py_VISIT(st->lock_type);
    Py_VISIT(st->quick_fetch);
    Py_VISIT(st->began);
    Py_VISIT(st->ended);
#define X(callback) Py_VISIT(st->callback);
    EACH_CALLBACK(X)
#undef X
    return 0;
}

static int
accel_clear(PyObject *module)
{
    State *st = PyModule_GetState(module);
    while (st->spares > 0) {
        PyObject_GC_Del(st->spare[--st->spares]);
    }
    while (st->spare_runs > 0) {
        Py_DECREF(st->spare_run[--st->spare_runs]);
    }
    Py_CLEAR(st->call_type);
    Py_CLEAR(st->awaitable_type);
    Py_CLEAR(st->homes_type);
    Py_CLEAR(st->current);
    Py_CLEAR(st->entry_type);
    Py_CLEAR(st->run_type);
    Py_CLEAR(st->memo_type);
    Py_CLEAR(st->home_type);
    Py_CLEAR(st->owner_type);
    Py_CLEAR(st->watched_type);
    Py_CLEAR(st->asked);
    Py_CLEAR(st->forget_gone);
    Py_CLEAR(st->lock_type);
    Py_CLEAR(st->quick_fetch);
    Py_CLEAR(st->began);
    Py_CLEAR(st->ended);
#define X(name) Py_CLEAR(st->name_##name);
    EACH_NAME(X)
#undef X
    Py_CLEAR(st->zero);
    Py_CLEAR(st->one);
#define X(callback) Py_CLEAR(st->callback);
    EACH_CALLBACK(X)
#undef X
    return 0;
}

static PyModuleDef_Slot accel_slots[] = {
    {Py_mod_exec, accel_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static void
accel_free(void *module)
{
    accel_clear(module);
}

static struct PyModuleDef accel_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_caccel",
    .m_doc = "The call path, compiled; `choose` chooses between it and the pure one.",
    .m_size = sizeof(State),
    .m_methods = accel_methods,
    .m_slots = accel_slots,
    .m_traverse = accel_traverse,
    .m_clear = accel_clear,
    .m_free = accel_free,
};

PyMODINIT_FUNC
PyInit__caccel(void)
{
    return PyModuleDef_Init(&accel_module);
}
