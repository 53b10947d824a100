/* The call path: a call of a memoised function up to a hit; and what else must be written in C.

   A call here looks its arguments up among the homes of the frame in force, notes the read of the memo at hand, and returns the
   value.  Everything else goes to the driver: a miss, an argument without a hash, and (through the generated function) every
   call that is not made of plain parameters.  The rules of the engine are not here: those are the Python files, compiled as they stand.

   Invariants:
   - whenever an argument is hashed or compared, its own code may run: it may change the table, or take it from the frame, so that
     whoever searches holds it;
   - a Call never changes after it was made, not even for the garbage collector: no cycle is made of Calls and tuples alone;
   - the objects of the engine are laid out as Cython writes into a header for each of their compiled files (``memo.h`` for ``memo.py``);
   - an Awaitable is awaited once, and looks for a hit when it is, not when it is made, as a coroutine would; where it finds
     none it hands all over to a coroutine.

   It is for the main interpreter, as the modules are that Cython compiles; in any other all runs as Python.  A build of
   Python without a GIL turns it on to import this: homes, free list and engine rely on it.  */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stddef.h>

#if PY_VERSION_HEX < 0x030C0000
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

#define CYTHON_EXTERN_C extern
#include "../facts/memo.h"
#include "../facts/homes.h"
#include "../state/scenario.h"
#include "../state/group.h"
#include "../state/cache.h"
#include "../state/view.h"
#include "../steps/frame.h"

#define SPARES 32
#define MOST_PARAMETERS 15 /* of a function whose calls are looked up here */

typedef struct DugHome Home;
typedef struct DugHomes Homes;
typedef struct DugMemo Memo;
typedef struct DugCache Cache;
typedef struct DugFrame Frame;

/* Names of attributes that are asked for here, made once: each new string of a name takes a place in the interpreter's cache. */
#define EACH_NAME(X) X(throw) X(close) X(value) X(cr_await) X(cr_running) X(__name__) X(entry) X(nodes)

/* What `fetch` is given of a node that was looked up: Cython passes what may be left out so. */
typedef struct {
    int count;
    PyObject *home;
} Known;

/* There is one, as there is one main interpreter. */
typedef struct {
    PyTypeObject *call_type, *awaitable_type, *put_type;
    PyTypeObject *run_type, *entry_type, *memo_type, *home_type, *homes_type; /* those of the engine; NULL until set_up() */
    PyTypeObject *check_type;     /* NULL until set_driver() */
    PyObject *current;            /* the ContextVar of frame.py */
    PyObject *absent;             /* the home that stands for none */
    PyObject *fetch_object;       /* the synchronous driver */
    PyObject *(*recall)(PyObject *home, struct DugTweaks *tweaks, int);
    PyObject *(*fetch)(PyObject *frame, PyObject *key, int, Known *known); /* `fetch_object`, called as C */
#define X(name) PyObject *name_##name;
    EACH_NAME(X)
#undef X
    PyObject *spare[SPARES]; /* Awaitables not in use, without their class: one is made for each call and lives for a moment */
    int spares;
} State;

static State the_only;
static State *const the_state = &the_only;

#include "put.h"
#include "collector.h"
#include "spare.h"
#include "call.h"
#include "awaitable.h"
#include "callable.h"

/* Returns a function that a compiled module exports. */
static void *
find_exported(PyObject *module, const char *name)
{
    PyObject *all = PyObject_GetAttrString(module, "__pyx_capi__"), *capsule = all == NULL ? NULL : PyMapping_GetItemString(all, name);
    void *found = capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule));
    Py_XDECREF(all);
    Py_XDECREF(capsule);
    return found;
}

/* set_up(current, memo, homes, frame): where frames and memos are found: the ContextVar, and the modules of the engine. */
static PyObject *
set_up(PyObject *Py_UNUSED(module), PyObject *args)
{
    State *st = the_state;
    PyObject *current, *memo, *homes, *frame;
    if (!PyArg_ParseTuple(args, "O!OOO", &PyContextVar_Type, &current, &memo, &homes, &frame)) {
        return NULL;
    }
    struct {
        PyObject *module;
        const char *name;
        PyTypeObject **type;
    } types[] = {{memo, "Memo", &st->memo_type}, {memo, "NodeMemos", &st->home_type}, {homes, "Homes", &st->homes_type},
                 {frame, "Run", &st->run_type}, {frame, "OpenContext", &st->entry_type}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        *types[i].type = (PyTypeObject *)PyObject_GetAttrString(types[i].module, types[i].name);
        if (*types[i].type == NULL) {
            return NULL;
        }
    }
    st->recall = find_exported(memo, "recall");
    Py_XSETREF(st->absent, PyObject_GetAttrString(memo, "ABSENT"));
    traverse_tables = st->homes_type->tp_traverse;
    st->homes_type->tp_traverse = traverse_homes;
    Py_XSETREF(st->current, Py_NewRef(current));
    return st->recall == NULL || st->absent == NULL ? NULL : Py_NewRef((PyObject *)st->awaitable_type);
}

/* set_driver(driver): the module of the synchronous driver; gives it a `fetch` for Python that is no entry in a traceback. */
static PyObject *
set_driver(PyObject *module, PyObject *driver)
{
    the_state->check_type = (PyTypeObject *)PyObject_GetAttrString(driver, "Check");
    the_state->fetch = the_state->check_type == NULL ? NULL : find_exported(driver, "fetch");
    Py_XSETREF(the_state->fetch_object, the_state->fetch == NULL ? NULL : PyObject_GetAttrString(module, "fetch"));
    int failed = the_state->fetch_object == NULL || PyObject_SetAttrString(driver, "fetch", the_state->fetch_object) < 0;
#define X(name, most) if (!failed) { the_state->name##_type->tp_alloc = alloc_##name, the_state->name##_type->tp_free = free_##name; }
    EACH_SPARE(X)
#undef X
    return failed ? NULL : Py_NewRef(Py_None);
}

static PyObject *
fetch(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || the_state->fetch == NULL) {
        PyErr_SetString(PyExc_TypeError, "fetch() takes a frame and a key, once there is a driver");
        return NULL;
    }
    return the_state->fetch(args[0], args[1], 0, NULL);
}

static PyMethodDef accel_methods[] = {
    {"set_up", set_up, METH_VARARGS, "set_up(current, memo, homes, frame)\n--\n\nSays where frames and memos are found; returns the class of awaitables."},
    {"set_driver", set_driver, METH_O, "set_driver(driver)\n--\n\nSays which module has the synchronous driver."},
    {"fetch", (PyCFunction)(void (*)(void))fetch, METH_FASTCALL, "fetch(frame, key)\n--\n\nThe synchronous driver."},
    {"make_class", make_class, METH_VARARGS,
     "make_class(base, name, doc, is_method)\n--\n\nReturns a subclass of base whose instances can be given a Call with attach."},
    {"attach", attach, METH_VARARGS,
     "attach(instance, call)\n--\n\nMakes calls of an instance of a made class go to call."},
    {NULL},
};

static PyTypeObject *
make_type(PyObject *module, PyType_Spec *spec)
{
    return (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
}

static int
accel_exec(PyObject *module)
{
    State *st = the_state;
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError, "only the main interpreter has a compiled call path");
        return -1;
    }
    if (st->call_type != NULL) {
        PyErr_SetString(PyExc_ImportError, "the compiled call path is loaded once in a process");
        return -1;
    }
#define X(name) \
    st->name_##name = PyUnicode_InternFromString(#name); \
    if (st->name_##name == NULL) { \
        return -1; \
    }
    EACH_NAME(X)
#undef X
    st->awaitable_type = make_type(module, &awaitable_spec);
    st->put_type = make_type(module, &put_spec);
    st->call_type = make_type(module, &call_spec);
    PyObject *put = st->put_type == NULL ? NULL : PyType_GenericAlloc(st->put_type, 0);
    if (put == NULL || st->awaitable_type == NULL || st->call_type == NULL ||
        PyModule_AddObjectRef(module, "PUT", put) < 0) {
        return -1;
    }
    return PyModule_AddObjectRef(module, "Call", (PyObject *)st->call_type);
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

static struct PyModuleDef accel_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_caccel",
    .m_doc = "The call path in C, and what Python cannot do; `choose` says whether it is in use.",
    .m_methods = accel_methods,
    .m_slots = accel_slots,
};

PyMODINIT_FUNC
PyInit__caccel(void)
{
    return PyModuleDef_Init(&accel_module);
}
