/* The call path, compiled: what a call of a memoised function does up to a hit.

   The pure-Python call of _binding.py is the specification, and a dict that of Hits.  A call here looks its arguments up in the
   hits of the frame in force, notes the read, and returns the value.  Everything else goes to the driver in Python: a miss, an
   argument without a hash, and (through the generated function) every call that is not made of plain parameters.

   Invariants:
   - Hits finds a key by the elements alone, so that a call makes no tuple to look one up; whenever an argument is hashed or
     compared, its own code may run: it may change the table, which is then searched anew, or take it from the frame, so that
     whoever searches holds it;
   - a Call never changes after it was made, not even for the garbage collector: no cycle is made of Calls and tuples alone;
   - the objects of the engine (frames, memos) are Python objects with slots, whose offsets are read when the module is set up;
   - an Awaitable is awaited once, and looks for a hit when it is, not when it is made, as a coroutine would; where it finds
     none it hands all over to a coroutine.

   Each interpreter has a module of its own, and shares nothing.  A build of Python without a GIL turns it on to import this:
   tables, free list and engine rely on it.  */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <stddef.h>

#if PY_VERSION_HEX < 0x030C0000
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

#define SPARES 32
#define MOST_PARAMETERS 15 /* of a function whose calls are looked up here */

typedef struct {
    PyObject *call_type;
    PyObject *awaitable_type;
    PyObject *hits_type;
    PyObject *current;    /* the ContextVar of _frame.py */
    PyObject *entry_type; /* the two kinds of frames */
    PyObject *run_type;
    PyObject *memo_type;
    PyObject *hits_name;
    Py_ssize_t hits, reads; /* offsets in both kinds of frames */
    Py_ssize_t value;       /* offset in a memo */
    PyObject *spare[SPARES]; /* Awaitables not in use, without their class: one is made for each call and lives for a moment */
    int spares;
} State;

static struct PyModuleDef accel_module;

typedef struct {
    Py_hash_t hash;
    PyObject *key;  /* NULL where nothing ever was, or DELETED */
    PyObject *memo; /* NULL when deleted */
} Slot;

typedef struct {
    PyObject_HEAD
    Slot *table;
    Py_ssize_t size; /* a power of two, or 0 */
    Py_ssize_t used; /* slots with a memo */
    Py_ssize_t full; /* slots that are not NULL */
    size_t version;  /* grows with every change of the keys */
} Hits;

#define DELETED ((PyObject *)&accel_module)

/* Returns a hash of the elements of a key, mixed as those of a tuple are; -1 for an element without one. */
static Py_hash_t
hash_elements(PyObject *const *elements, Py_ssize_t count)
{
    uint64_t mixed = 2870177450012600261U;
    for (Py_ssize_t i = 0; i < count; i++) {
        Py_hash_t lane = PyObject_Hash(elements[i]);
        if (lane == -1) {
            return -1;
        }
        mixed += (uint64_t)lane * 14029467366897019727U;
        mixed = (mixed << 31) | (mixed >> 33);
        mixed *= 11400714785074694791U;
    }
    Py_hash_t hash = (Py_hash_t)(mixed ^ mixed >> 29);
    return hash == -1 ? -2 : hash;
}

/* True (1) when the elements of a key are these, 0 when not, -1 for an error; may run the code of arguments. */
static int
has_elements(PyObject *key, PyObject *const *elements, Py_ssize_t count)
{
    if (PyTuple_GET_SIZE(key) != count) {
        return 0;
    }
    int same = 1;
    Py_INCREF(key);
    for (Py_ssize_t i = 0; same > 0 && i < count; i++) {
        if (PyTuple_GET_ITEM(key, i) != elements[i]) {
            same = PyObject_RichCompareBool(PyTuple_GET_ITEM(key, i), elements[i], Py_EQ);
        }
    }
    Py_DECREF(key);
    return same;
}

/* Finds the slot with a key: 1 when there is one, 0 when not, -1 for an error; gives the hash of the key. */
static int
find_slot(Hits *self, PyObject *const *elements, Py_ssize_t count, Py_hash_t *hash, Slot **found)
{
    *hash = hash_elements(elements, count);
    if (*hash == -1) {
        return -1;
    }
again:
    if (self->size == 0) {
        return 0;
    }
    size_t version = self->version;
    size_t mask = (size_t)self->size - 1;
    for (size_t i = (size_t)*hash & mask;; i = (i + 1) & mask) {
        Slot *slot = &self->table[i];
        if (slot->key == NULL) {
            return 0;
        }
        if (slot->hash == *hash && slot->key != DELETED) {
            int same = has_elements(slot->key, elements, count);
            if (same < 0) {
                return -1;
            }
            if (self->version != version) {
                goto again;
            }
            if (same) {
                *found = slot;
                return 1;
            }
        }
    }
}

static int
resize(Hits *self)
{
    Py_ssize_t size = 8;
    while (size < self->used * 3) {
        size *= 2;
    }
    Slot *table = PyMem_Calloc((size_t)size, sizeof(Slot));
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t at = 0; at < self->size; at++) {
        if (self->table[at].memo != NULL) {
            size_t i = (size_t)self->table[at].hash & (size_t)(size - 1);
            while (table[i].key != NULL) {
                i = (i + 1) & (size_t)(size - 1);
            }
            table[i] = self->table[at];
        }
    }
    PyMem_Free(self->table);
    self->table = table;
    self->size = size;
    self->full = self->used;
    self->version++;
    return 0;
}

/* Does the same for a tuple. */
static int
find_key(Hits *self, PyObject *key, Py_hash_t *hash, Slot **found)
{
    if (!PyTuple_Check(key)) {
        PyErr_Format(PyExc_TypeError, "a key is a tuple, not %R", key);
        return -1;
    }
    return find_slot(self, ((PyTupleObject *)key)->ob_item, PyTuple_GET_SIZE(key), hash, found);
}

static int
hits_assign(PyObject *op, PyObject *key, PyObject *memo)
{
    Hits *self = (Hits *)op;
    Py_hash_t hash;
    Slot *slot;
    if (memo == NULL) {
        PyErr_SetString(PyExc_TypeError, "use pop()");
        return -1;
    }
    int found = find_key(self, key, &hash, &slot);
    if (found < 0) {
        return -1;
    }
    if (found) {
        Py_SETREF(slot->memo, Py_NewRef(memo));
        return 0;
    }
    if ((self->full + 1) * 3 > self->size * 2 && resize(self) < 0) {
        return -1;
    }
    size_t mask = (size_t)self->size - 1, i = (size_t)hash & mask;
    while (self->table[i].key != NULL && self->table[i].key != DELETED) {
        i = (i + 1) & mask;
    }
    self->full += self->table[i].key == NULL;
    self->used++;
    self->version++;
    self->table[i] = (Slot){hash, Py_NewRef(key), Py_NewRef(memo)};
    return 0;
}

static PyObject *
hits_get(PyObject *self, PyObject *key)
{
    Py_hash_t hash;
    Slot *slot;
    int found = find_key((Hits *)self, key, &hash, &slot);
    return found < 0 ? NULL : Py_NewRef(found ? slot->memo : Py_None);
}

static int
hits_clear(Hits *self)
{
    Slot *table = self->table;
    Py_ssize_t size = self->size;
    self->table = NULL;
    self->size = self->used = self->full = 0;
    self->version++;
    for (Py_ssize_t i = 0; i < size; i++) {
        if (table[i].memo != NULL) {
            Py_DECREF(table[i].key);
            Py_DECREF(table[i].memo);
        }
    }
    PyMem_Free(table);
    return 0;
}

static PyObject *
hits_clear_method(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    hits_clear((Hits *)self);
    Py_RETURN_NONE;
}

static PyObject *
hits_pop(PyObject *op, PyObject *args)
{
    Hits *self = (Hits *)op;
    PyObject *key, *otherwise;
    Py_hash_t hash;
    Slot *slot;
    if (!PyArg_ParseTuple(args, "OO", &key, &otherwise)) {
        return NULL;
    }
    int found = find_key(self, key, &hash, &slot);
    if (found <= 0) {
        return found < 0 ? NULL : Py_NewRef(otherwise);
    }
    PyObject *old = slot->key, *memo = slot->memo;
    slot->key = DELETED;
    slot->memo = NULL;
    self->used--;
    self->version++;
    Py_DECREF(old);
    return memo;
}

static PyObject *
hits_update(PyObject *self, PyObject *other)
{
    PyObject *key, *memo;
    Py_ssize_t position = 0;
    if (!PyDict_CheckExact(other)) {
        PyErr_SetString(PyExc_TypeError, "update() takes a dict");
        return NULL;
    }
    while (PyDict_Next(other, &position, &key, &memo)) {
        Py_INCREF(key);
        Py_INCREF(memo);
        int failed = hits_assign(self, key, memo);
        Py_DECREF(key);
        Py_DECREF(memo);
        if (failed) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static Py_ssize_t
hits_length(PyObject *self)
{
    return ((Hits *)self)->used;
}

static PyObject *
hits_sizeof(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(sizeof(Hits) + (size_t)((Hits *)self)->size * sizeof(Slot));
}

static int
hits_traverse(Hits *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    for (Py_ssize_t i = 0; i < self->size; i++) {
        if (self->table[i].memo != NULL) {
            Py_VISIT(self->table[i].key);
            Py_VISIT(self->table[i].memo);
        }
    }
    return 0;
}

static void
hits_dealloc(Hits *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    hits_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef hits_methods[] = {
    {"get", hits_get, METH_O, "Returns the memo of a key, or None."},
    {"pop", hits_pop, METH_VARARGS, "Takes out the memo of a key and returns it, or what else to return."},
    {"clear", hits_clear_method, METH_NOARGS, "Takes out all memos."},
    {"update", hits_update, METH_O, "Takes over the memos of a dict."},
    {"__sizeof__", hits_sizeof, METH_NOARGS, NULL},
    {NULL},
};

static PyType_Slot hits_slots[] = {
    {Py_tp_doc, "Memos by key: a dict, as far as a view needs one."},
    {Py_mp_ass_subscript, hits_assign},
    {Py_mp_length, hits_length},
    {Py_tp_traverse, hits_traverse},
    {Py_tp_clear, hits_clear},
    {Py_tp_dealloc, hits_dealloc},
    {Py_tp_methods, hits_methods},
    {0, NULL},
};

static PyType_Spec hits_spec = {
    .name = "dug._core._caccel.Hits",
    .basicsize = sizeof(Hits),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = hits_slots,
};

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall;
    State *state;
    PyObject *module;   /* keeps the state */
    PyObject *function; /* the first element of its keys */
    PyObject *names;    /* of its parameters, interned; NULL when its calls are not made of plain parameters */
    PyObject *defaults; /* one for each parameter; the type of a Call where there is none */
    PyObject *slow;     /* the generated function, which knows every kind of parameter, and raises what a wrong call raises */
    PyObject *fetch;    /* the driver: fetch(frame, key) returns the memo; for a coroutine function, a coroutine of the value */
    Py_ssize_t positional_only; /* how many parameters cannot be named */
    Py_ssize_t positional;      /* how many can be given by position */
    int is_async;
} Call;

static inline PyObject *
slot_at(PyObject *object, Py_ssize_t offset)
{
    return *(PyObject **)((char *)object + offset);
}

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

/* Returns the value of the hit for the elements of a key in a frame, with the read noted; NULL, mostly without an error, when
   there is none. */
static PyObject *
find_hit(State *st, PyObject *frame, PyObject *const *elements, Py_ssize_t count)
{
    PyObject *memo = NULL, *value = NULL;
    PyObject *kind = (PyObject *)Py_TYPE(frame);
    int has_reads = kind == st->run_type || kind == st->entry_type;
    /* Held: the code of an argument may give the frame another view, and this one goes with the last who holds it. */
    PyObject *hits = has_reads ? Py_XNewRef(slot_at(frame, st->hits)) : PyObject_GetAttr(frame, st->hits_name);
    if (hits != NULL && (PyObject *)Py_TYPE(hits) == st->hits_type) {
        Py_hash_t hash;
        Slot *slot;
        int found = find_slot((Hits *)hits, elements, count, &hash, &slot);
        if (found > 0) {
            memo = Py_NewRef(slot->memo);
        }
        else if (found < 0 && PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear(); /* no hash: the driver says it properly */
        }
    }
    Py_XDECREF(hits);
    if (memo == NULL) {
        return NULL;
    }
    if ((PyObject *)Py_TYPE(memo) == st->memo_type) {
        PyObject *reads = has_reads ? slot_at(frame, st->reads) : NULL;
        if (reads == NULL || reads == Py_None || PyDict_SetItem(reads, memo, Py_None) == 0) {
            value = Py_XNewRef(slot_at(memo, st->value));
        }
    }
    Py_DECREF(memo);
    return value;
}

/* Returns the position of the parameter that a keyword names, or -1; the names of a call are interned, nearly always. */
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

/* Fills in the elements of the key of a call, borrowed; 0 when the generated function must see to it. */
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

static PyObject *
make_key(PyObject *const *elements, Py_ssize_t count)
{
    PyObject *key = PyTuple_New(count);
    for (Py_ssize_t i = 0; key != NULL && i < count; i++) {
        PyTuple_SET_ITEM(key, i, Py_NewRef(elements[i]));
    }
    return key;
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
    value = find_hit(st, frame, elements, count);
    if (value == NULL && !PyErr_Occurred()) {
        key = make_key(elements, count);
        PyObject *memo = key == NULL ? NULL : ask_driver(self, frame, key);
        if (memo != NULL && (PyObject *)Py_TYPE(memo) == st->memo_type) {
            value = Py_XNewRef(slot_at(memo, st->value));
        }
        else if (memo != NULL) {
            PyErr_Format(PyExc_TypeError, "the driver returned %R, which is no memo", memo);
        }
        Py_XDECREF(memo);
        Py_XDECREF(key);
    }
    Py_DECREF(frame);
    return value;
}

static PyObject *
call_vectorcall(PyObject *op, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    Call *self = (Call *)op;
    PyObject *elements[1 + MOST_PARAMETERS], *value;
    Py_INCREF(self); /* an argument's own code may redefine the function meanwhile */
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
    .name = "dug._core._caccel.Call",
    .basicsize = sizeof(Call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = call_slots,
};

/* BEGUN while a hit is looked for; ENDED with that, when all else is up to `inner`, if there is one. */
enum { NEW, BEGUN, ENDED };

typedef struct {
    PyObject_HEAD
    Call *call;
    PyObject *key;
    PyObject *inner; /* the driver's coroutine, once there was no hit; kept to the end, as it may be what runs */
    PyObject *weakrefs;
    int stage;
} Awaitable;

static PyObject *
make_awaitable(Call *call, PyObject *key)
{
    State *st = call->state;
    Awaitable *self;
    if (st->spares > 0) {
        self = (Awaitable *)st->spare[--st->spares];
        Py_INCREF(st->awaitable_type);
        _Py_NewReference((PyObject *)self);
    }
    else {
        self = PyObject_GC_New(Awaitable, (PyTypeObject *)st->awaitable_type);
        if (self == NULL) {
            return NULL;
        }
    }
    self->call = (Call *)Py_NewRef(call);
    self->key = Py_NewRef(key);
    self->inner = self->weakrefs = NULL;
    self->stage = NEW;
    PyObject_GC_Track(self);
    return (PyObject *)self;
}

/* Sets the error of what can only be done to a coroutine that has not begun. */
static void
refuse_awaitable(Awaitable *self)
{
    if (self->stage == BEGUN) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
    }
    else {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    }
}

/* Answers from a hit, or gets the driver's coroutine: 1 for an answer, 0 for a coroutine, -1 for an error. */
static int
awaitable_begin(Awaitable *self, PyObject *sent, PyObject **result)
{
    State *st = self->call->state;
    if (self->stage != NEW) {
        refuse_awaitable(self);
        return -1;
    }
    if (sent != Py_None) {
        PyErr_SetString(PyExc_TypeError, "can't send non-None value to a just-started coroutine");
        return -1;
    }
    PyObject *frame = get_frame(st);
    if (frame == NULL) {
        return -1;
    }
    self->stage = BEGUN;
    *result = find_hit(st, frame, ((PyTupleObject *)self->key)->ob_item, PyTuple_GET_SIZE(self->key));
    if (*result == NULL && !PyErr_Occurred()) {
        self->inner = ask_driver(self->call, frame, self->key);
    }
    self->stage = ENDED;
    Py_DECREF(frame);
    return *result != NULL ? 1 : self->inner != NULL ? 0 : -1;
}

static PySendResult
awaitable_send(PyObject *op, PyObject *sent, PyObject **result)
{
    Awaitable *self = (Awaitable *)op;
    *result = NULL;
    if (self->inner == NULL) {
        int found = awaitable_begin(self, sent, result);
        if (found != 0) {
            return found > 0 ? PYGEN_RETURN : PYGEN_ERROR;
        }
    }
    return PyIter_Send(self->inner, sent, result);
}

/* Turns what was sent into what a generator's method returns: a value that was yielded, or StopIteration. */
static PyObject *
as_method_result(PySendResult outcome, PyObject *result)
{
    if (outcome == PYGEN_RETURN) {
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        Py_DECREF(result);
        if (stop != NULL) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
        return NULL;
    }
    return result;
}

static PyObject *
awaitable_send_method(PyObject *self, PyObject *sent)
{
    PyObject *result;
    PySendResult outcome = awaitable_send(self, sent, &result);
    return as_method_result(outcome, result);
}

static PyObject *
awaitable_next(PyObject *self)
{
    return awaitable_send_method(self, Py_None);
}

static PyObject *
awaitable_iter(PyObject *op)
{
    Awaitable *self = (Awaitable *)op;
    PyObject *waits = self->inner == NULL ? Py_NewRef(Py_None) : PyObject_GetAttrString(self->inner, "cr_await");
    Py_XDECREF(waits);
    if (waits == Py_None) {
        return Py_NewRef(op);
    }
    if (waits != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "coroutine is being awaited already");
    }
    return NULL;
}

static PyObject *
awaitable_throw(PyObject *op, PyObject *args)
{
    Awaitable *self = (Awaitable *)op;
    if (self->inner == NULL) {
        if (self->stage != NEW) {
            refuse_awaitable(self);
            return NULL;
        }
        self->inner = ask_driver(self->call, Py_None, self->key);
        if (self->inner == NULL) {
            return NULL;
        }
        self->stage = ENDED;
    }
    PyObject *throw = PyObject_GetAttrString(self->inner, "throw");
    PyObject *result = throw == NULL ? NULL : PyObject_CallObject(throw, args);
    Py_XDECREF(throw);
    return result;
}

static PyObject *
awaitable_close(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Awaitable *self = (Awaitable *)op;
    if (self->inner != NULL) {
        return PyObject_CallMethod(self->inner, "close", NULL);
    }
    if (self->stage == BEGUN) {
        refuse_awaitable(self);
        return NULL;
    }
    self->stage = ENDED;
    Py_RETURN_NONE;
}

static PyObject *
awaitable_name(PyObject *self, void *Py_UNUSED(closure))
{
    return PyObject_GetAttrString(((Awaitable *)self)->call->slow, "__name__");
}

static PyObject *
awaitable_await(PyObject *self, void *Py_UNUSED(closure))
{
    PyObject *inner = ((Awaitable *)self)->inner;
    return Py_NewRef(inner == NULL ? Py_None : inner);
}

static PyObject *
awaitable_running(PyObject *op, void *Py_UNUSED(closure))
{
    Awaitable *self = (Awaitable *)op;
    if (self->inner != NULL) {
        return PyObject_GetAttrString(self->inner, "cr_running");
    }
    return PyBool_FromLong(self->stage == BEGUN);
}

static PyObject *
awaitable_repr(PyObject *self)
{
    PyObject *name = awaitable_name(self, NULL);
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("<coroutine object %U at %p>", name, self);
    Py_XDECREF(name);
    return text;
}

static void
awaitable_finalize(PyObject *op)
{
    Awaitable *self = (Awaitable *)op;
    if (self->stage != NEW) {
        return;
    }
    PyObject *kind, *value, *traceback;
    PyErr_Fetch(&kind, &value, &traceback);
    PyObject *name = awaitable_name(op, NULL);
    if (name == NULL || PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%U' was never awaited", name) < 0) {
        PyErr_WriteUnraisable(op);
    }
    Py_XDECREF(name);
    PyErr_Restore(kind, value, traceback);
}

static int
awaitable_traverse(Awaitable *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->call);
    Py_VISIT(self->key);
    Py_VISIT(self->inner);
    return 0;
}

static int
awaitable_clear(Awaitable *self)
{
    self->stage = ENDED;
    Py_CLEAR(self->key);
    Py_CLEAR(self->inner);
    return 0;
}

static void
awaitable_dealloc(Awaitable *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->stage == NEW && PyObject_CallFinalizerFromDealloc((PyObject *)self) < 0) {
        return;
    }
    Call *call = self->call;
    State *st = call->state;
    PyObject_GC_UnTrack(self);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs((PyObject *)self);
    }
    awaitable_clear(self);
    /* One that was finalized once would never be again: it is of no more use. */
    if (st->spares < SPARES && st->awaitable_type == (PyObject *)type && !PyObject_GC_IsFinalized((PyObject *)self)) {
        st->spare[st->spares++] = (PyObject *)self;
    }
    else {
        PyObject_GC_Del(self);
    }
    Py_DECREF(type);
    Py_DECREF(call); /* last: it keeps the state */
}

static PyMemberDef awaitable_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(Awaitable, weakrefs), Py_READONLY, NULL},
    {NULL},
};

static PyGetSetDef awaitable_getset[] = {
    {"__name__", awaitable_name, NULL, NULL, NULL},
    {"__qualname__", awaitable_name, NULL, NULL, NULL},
    {"cr_await", awaitable_await, NULL, NULL, NULL},
    {"cr_running", awaitable_running, NULL, NULL, NULL},
    {NULL},
};

static PyMethodDef awaitable_methods[] = {
    {"send", awaitable_send_method, METH_O, NULL},
    {"throw", awaitable_throw, METH_VARARGS, NULL},
    {"close", awaitable_close, METH_NOARGS, NULL},
    {NULL},
};

static PyType_Slot awaitable_slots[] = {
    {Py_tp_doc, "One call of a memoised coroutine function, to be awaited once."},
    {Py_am_await, awaitable_iter},
    {Py_am_send, awaitable_send},
    {Py_tp_iternext, awaitable_next},
    {Py_tp_repr, awaitable_repr},
    {Py_tp_finalize, awaitable_finalize},
    {Py_tp_traverse, awaitable_traverse},
    {Py_tp_clear, awaitable_clear},
    {Py_tp_dealloc, awaitable_dealloc},
    {Py_tp_members, awaitable_members},
    {Py_tp_getset, awaitable_getset},
    {Py_tp_methods, awaitable_methods},
    {0, NULL},
};

static PyType_Spec awaitable_spec = {
    .name = "dug._core._caccel.Awaitable",
    .basicsize = sizeof(Awaitable),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = awaitable_slots,
};

/* Behind whatever its base class keeps in an instance. */
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
    if (!PyArg_ParseTuple(args, "O!ss", &PyType_Type, &base, &name, &doc)) {
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
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
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

static PyObject *
set_up(PyObject *module, PyObject *args)
{
    State *st = PyModule_GetState(module);
    PyObject *current, *entry, *run, *memo;
    if (!PyArg_ParseTuple(args, "O!O!O!O!", &PyContextVar_Type, &current, &PyType_Type, &entry, &PyType_Type, &run, &PyType_Type,
                          &memo)) {
        return NULL;
    }
    st->hits = find_offset(entry, "hits");
    st->reads = find_offset(entry, "reads");
    st->value = find_offset(memo, "value");
    if (st->hits < 0 || st->reads < 0 || st->value < 0) {
        return NULL;
    }
    if (find_offset(run, "hits") != st->hits || find_offset(run, "reads") != st->reads) {
        PyErr_SetString(PyExc_TypeError, "the two kinds of frames differ");
        return NULL;
    }
    Py_XSETREF(st->current, Py_NewRef(current));
    Py_XSETREF(st->entry_type, Py_NewRef(entry));
    Py_XSETREF(st->run_type, Py_NewRef(run));
    Py_XSETREF(st->memo_type, Py_NewRef(memo));
    return Py_NewRef(st->awaitable_type);
}

static PyMethodDef accel_methods[] = {
    {"set_up", set_up, METH_VARARGS,
     "set_up(current, entry, run, memo)\n--\n\nSays where frames and memos are found: the ContextVar, and the classes of the engine."},
    {"make_class", make_class, METH_VARARGS,
     "make_class(base, name, doc)\n--\n\nReturns a subclass of base whose instances can be given a Call with attach."},
    {"attach", attach, METH_VARARGS,
     "attach(instance, call)\n--\n\nMakes calls of an instance of a made class go to call."},
    {NULL},
};

static int
accel_exec(PyObject *module)
{
    State *st = PyModule_GetState(module);
    st->hits_name = PyUnicode_InternFromString("hits");
    st->call_type = PyType_FromModuleAndSpec(module, &call_spec, NULL);
    st->awaitable_type = PyType_FromModuleAndSpec(module, &awaitable_spec, NULL);
    st->hits_type = PyType_FromModuleAndSpec(module, &hits_spec, NULL);
    if (st->hits_name == NULL || st->call_type == NULL || st->awaitable_type == NULL || st->hits_type == NULL) {
        return -1;
    }
    if (PyModule_AddObjectRef(module, "Hits", st->hits_type) < 0) {
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
    Py_VISIT(st->hits_type);
    Py_VISIT(st->current);
    Py_VISIT(st->entry_type);
    Py_VISIT(st->run_type);
    Py_VISIT(st->memo_type);
    return 0;
}

static int
accel_clear(PyObject *module)
{
    State *st = PyModule_GetState(module);
    while (st->spares > 0) {
        PyObject_GC_Del(st->spare[--st->spares]);
    }
    Py_CLEAR(st->call_type);
    Py_CLEAR(st->awaitable_type);
    Py_CLEAR(st->hits_type);
    Py_CLEAR(st->current);
    Py_CLEAR(st->entry_type);
    Py_CLEAR(st->run_type);
    Py_CLEAR(st->memo_type);
    Py_CLEAR(st->hits_name);
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
    .m_doc = "The call path, compiled; `_accel` chooses between it and the pure one.",
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
