/* Homes: the table of the nodes of a cache, in which every call looks first; and what spares the garbage collector these nodes.

   A node is a home, a memo, a tuple of reads and a list of readers.  A program may have millions, and the collector would look at
   them again and again, as often as new ones come.  So they are untracked when a memo is filed.  The table shows the collector
   what they refer to, so that a circle through a value, an argument or a function is still found.

   A home whose arguments can refer to nothing has no key, which would be one tuple more for the collector: it has the arguments
   (`_args`, the only one itself) and the `Owner` that stands for the function in this table.  Python gets the key when it asks.

   Invariants:
   - a home is found by the elements of its key alone, so that a call makes no tuple to look one up; whenever an argument is hashed
     or compared, its own code may run and change the table, which is then searched again;
   - nobody uses a home or a memo of a cache without holding the cache: else what only they refer to would be taken for garbage
     together with the cache;
   - a reference of an untracked object is shown once, or not at all: those of a home in the table; those of a memo in a place of
     its own home; those of its reads, a tuple that no other memo has; those of an owner.  One that is not shown keeps a circle
     alive, no more;
   - a home whose references may lead to something tracked says so in its slot `shown`: when a memo that is filed has a value, or a
     read, that is tracked, when a reader is tracked, and when a memo is at hand that may be;
   - what leaves its place is tracked again: a memo, and a home that leaves the table with all that is in it;
   - all stays in its place until the collector clears the table: between the finalizers and that, it looks once more;
   - the homes in a table of a subclass (of a local function, of a file) have a key and stay tracked. */

typedef struct {
    PyObject_HEAD
    PyObject *function; /* shown by the table; nobody but its homes and the table holds an owner */
} Owner;

typedef struct {
    Py_hash_t hash;
    PyObject *home; /* NULL where it was taken out */
} Place;

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *module;  /* keeps the state */
    Place *places;     /* in the order in which the homes came */
    int32_t *index;    /* by the low bits of the hash, or the next free one: the number of a place, or NOWHERE */
    Py_ssize_t size;   /* of the index: a power of two, or 0 */
    Py_ssize_t full;   /* how many places were given, of two thirds of the size */
    Py_ssize_t used;   /* places with a home */
    Py_ssize_t tail;   /* no place from here on has one */
    size_t version;    /* grows with every change */
    PyObject *owners; /* a dict: the owner of each function; NULL until there is one */
    Owner *last;      /* the owner that was asked for last, borrowed */
    char is_moved;    /* its homes are in another table: nobody puts one in here */
    Py_ssize_t sweep_at;   /* how many owners there may be until those without homes are forgotten */
} Homes;

/* A call that is looked up: the elements of its key, what was found last, and the key where it was needed. */
typedef struct {
    PyObject *const *elements; /* borrowed: the function, and its arguments */
    Py_ssize_t count;
    PyObject *key;   /* NULL until somebody asked */
    Homes *searched; /* the table in which it was looked up, borrowed; NULL before that */
    size_t version;  /* that of the table then: while it is the same, the rest holds */
    Py_hash_t hash;
    PyObject *home; /* borrowed from the table; NULL when there was none */
} Asked;

#define NOWHERE (-1)

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


static void
owner_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    Py_DECREF(((Owner *)op)->function);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyType_Slot owner_slots[] = {
    {Py_tp_doc, "Stands for a function in a table of homes."},
    {Py_tp_dealloc, owner_dealloc},
    {0, NULL},
};

static PyType_Spec owner_spec = {
    .name = "dug._core.native._caccel.Owner",
    .basicsize = sizeof(Owner),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = owner_slots,
};

static inline uint64_t
mix(uint64_t mixed, Py_hash_t lane)
{
    mixed += (uint64_t)lane * 14029467366897019727U;
    mixed = (mixed << 31) | (mixed >> 33);
    return mixed * 11400714785074694791U;
}

/* Returns a hash of the elements of a key, mixed as those of a tuple are; -1 for an element without one. */
static inline Py_hash_t
hash_elements(PyObject *const *elements, Py_ssize_t count)
{
    uint64_t mixed = 2870177450012600261U;
    for (Py_ssize_t i = 0; i < count; i++) {
        unsigned long number;
        Py_hash_t lane = is_small(elements[i], &number) ? (Py_hash_t)number : PyObject_Hash(elements[i]); /* as an int has it */
        if (lane == -1) {
            return -1;
        }
        mixed = mix(mixed, lane);
    }
    Py_hash_t hash = (Py_hash_t)(mixed ^ mixed >> 29);
    return hash == -1 ? -2 : hash;
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

/* Returns the key of a call, borrowed from it. */
static PyObject *
key_asked(Asked *asked)
{
    if (asked->key == NULL) {
        asked->key = make_key(asked->elements, asked->count);
    }
    return asked->key;
}

/* Returns the arguments of a node without a key, borrowed, and how many they are. */
static inline PyObject *const *
args_of(State *st, PyObject *home, Py_ssize_t *count)
{
    PyObject **args = &SLOT(home, home__args);
    if (PyTuple_Check(*args)) {
        *count = PyTuple_GET_SIZE(*args);
        return ((PyTupleObject *)*args)->ob_item;
    }
    *count = 1;
    return args;
}

/* Returns the first element of the key of a node, borrowed: its function, but for a node beneath a tweak. */
static inline PyObject *
function_of(State *st, PyObject *home)
{
    PyObject *key = SLOT(home, home_key);
    return key != NULL ? PyTuple_GET_ITEM(key, 0) : ((Owner *)SLOT(home, home__owner))->function;
}

/* Returns the key of a node. */
static PyObject *
key_of(State *st, PyObject *home)
{
    if (SLOT(home, home_key) != NULL) {
        return Py_NewRef(SLOT(home, home_key));
    }
    if (SLOT(home, home__owner) == NULL || SLOT(home, home__args) == NULL) {
        PyErr_SetString(PyExc_AttributeError, "key");
        return NULL;
    }
    Py_ssize_t count;
    PyObject *const *args = args_of(st, home, &count);
    PyObject *key = PyTuple_New(count + 1);
    if (key != NULL) {
        PyTuple_SET_ITEM(key, 0, Py_NewRef(function_of(st, home)));
        for (Py_ssize_t i = 0; i < count; i++) {
            PyTuple_SET_ITEM(key, i + 1, Py_NewRef(args[i]));
        }
    }
    return key;
}

/* `NodeMemos.__getattr__`: the key, where there is none in its slot. */
static PyObject *
get_key(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    if (count != 2 || !PyUnicode_Check(args[1]) || PyUnicode_CompareWithASCIIString(args[1], "key") != 0 ||
        (PyObject *)Py_TYPE(args[0]) != st->home_type) {
        PyErr_SetObject(PyExc_AttributeError, count == 2 ? args[1] : Py_None);
        return NULL;
    }
    return key_of(st, args[0]);
}

/* True (1) when the key of a node has these elements, 0 when not, -1 for an error; may run the code of arguments. */
static int
has_elements(State *st, PyObject *home, PyObject *const *elements, Py_ssize_t count)
{
    PyObject *key = SLOT(home, home_key);
    Py_ssize_t own_count;
    PyObject *const *own;
    if (key != NULL) {
        own = ((PyTupleObject *)key)->ob_item;
        own_count = PyTuple_GET_SIZE(key);
    }
    else if (function_of(st, home) == elements[0]) {
        own = args_of(st, home, &own_count);
        elements++;
        count--;
    }
    else {
        return 0;
    }
    if (own_count != count) {
        return 0;
    }
    int same = 1;
    for (Py_ssize_t i = 0; same > 0 && i < count; i++) {
        if (own[i] != elements[i]) {
            same = PyObject_RichCompareBool(own[i], elements[i], Py_EQ);
        }
    }
    return same;
}

/* True (1) or false (0) when two arguments can be compared without any code: the same object, or short ints; else -1. */
static inline int
is_same_at_once(PyObject *own, PyObject *element)
{
    unsigned long one, other;
    if (own == element) {
        return 1;
    }
    return is_small(own, &one) && is_small(element, &other) ? one == other : -1;
}

/* `has_elements`, as far as it runs no code: -1 when it may have to. */
static inline int
has_elements_at_once(State *st, PyObject *home, PyObject *const *elements, Py_ssize_t count)
{
    Py_ssize_t own_count;
    if (SLOT(home, home_key) != NULL) {
        return -1;
    }
    PyObject *const *own = args_of(st, home, &own_count);
    if (function_of(st, home) != elements[0] || own_count != count - 1) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < own_count; i++) {
        int same = is_same_at_once(own[i], elements[i + 1]);
        if (same <= 0) {
            return same;
        }
    }
    return 1;
}

/* Finds the home of a node: 1 when there is one, 0 when not, -1 for an error; sets the hash of the key. */
static int
find_place(State *st, Homes *self, PyObject *const *elements, Py_ssize_t count, Py_hash_t *hash, Place **found)
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
        if (self->index[i] == NOWHERE) {
            return 0;
        }
        Place *place = &self->places[self->index[i]];
        if (place->hash == *hash && place->home != NULL) {
            int same = has_elements_at_once(st, place->home, elements, count);
            if (same < 0) {
                PyObject *home = Py_NewRef(place->home);
                same = has_elements(st, home, elements, count);
                Py_DECREF(home);
                if (same < 0) {
                    return -1;
                }
                if (self->version != version) {
                    goto again;
                }
            }
            if (same) {
                *found = place;
                return 1;
            }
        }
    }
}

/* Looks a call up in a table, unless nothing has changed there since the last time: -1 for an error. */
static int
look_up(State *st, Homes *self, Asked *asked)
{
    if (asked->searched != self || asked->version != self->version) {
        Place *place;
        int found = find_place(st, self, asked->elements, asked->count, &asked->hash, &place);
        if (found < 0) {
            return -1;
        }
        asked->searched = self;
        asked->version = self->version;
        asked->home = found ? place->home : NULL;
    }
    return 0;
}

/* Finds the home of a key, as `find_place` does. */
static int
find_key(State *st, Homes *self, PyObject *key, Py_hash_t *hash, Place **found)
{
    if (!PyTuple_Check(key)) {
        PyErr_Format(PyExc_TypeError, "a key is a tuple, not %R", key);
        return -1;
    }
    return find_place(st, self, ((PyTupleObject *)key)->ob_item, PyTuple_GET_SIZE(key), hash, found);
}

static inline void
note_place(Homes *self, Py_ssize_t number)
{
    size_t mask = (size_t)self->size - 1, i = (size_t)self->places[number].hash & mask;
    while (self->index[i] != NOWHERE) {
        i = (i + 1) & mask;
    }
    self->index[i] = (int32_t)number;
}

/* Makes room for more homes, with the places of those that were taken out. */
static int
resize(Homes *self)
{
    Py_ssize_t size = 8, full = 0;
    while (size < self->used * 2 + 1) {
        size *= 2;
    }
    Place *places = PyMem_Malloc((size_t)(size / 3 * 2 + 1) * sizeof(Place));
    int32_t *index = places == NULL || size > INT32_MAX ? NULL : PyMem_Malloc((size_t)size * sizeof(int32_t));
    if (index == NULL) {
        PyMem_Free(places);
        PyErr_NoMemory();
        return -1;
    }
    memset(index, 0xff, (size_t)size * sizeof(int32_t));
    for (Py_ssize_t at = 0; at < self->full; at++) {
        if (self->places[at].home != NULL) {
            places[full++] = self->places[at];
        }
    }
    PyMem_Free(self->places);
    PyMem_Free(self->index);
    self->places = places;
    self->index = index;
    self->size = size;
    self->tail = self->full = full;
    self->version++;
    for (Py_ssize_t at = 0; at < full; at++) {
        note_place(self, at);
    }
    return 0;
}

/* Puts in a home that was not found with this hash; runs no other code. */
static int
put_in(Homes *self, Py_hash_t hash, PyObject *home)
{
    if (self->full >= self->size / 3 * 2 && resize(self) < 0) {
        return -1;
    }
    self->places[self->full] = (Place){hash, Py_NewRef(home)};
    note_place(self, self->full);
    self->tail = ++self->full;
    self->used++;
    self->version++;
    return 0;
}

/* Takes the home out of a place, and returns it. */
static PyObject *
empty_place(Homes *self, Place *place)
{
    PyObject *home = place->home;
    place->home = NULL;
    self->used--;
    self->version++;
    if (self->used == 0 && self->size > 8) { /* it may have been large */
        PyMem_Free(self->places);
        PyMem_Free(self->index);
        self->places = NULL;
        self->index = NULL;
        self->size = self->tail = self->full = 0;
    }
    return home;
}

/* Forgets the owners of functions that have no nodes here any more. */
static int
sweep_owners(Homes *self)
{
    PyObject *function, *owner, *gone = PyList_New(0);
    Py_ssize_t at = 0;
    int failed = gone == NULL;
    while (!failed && PyDict_Next(self->owners, &at, &function, &owner)) {
        failed = Py_REFCNT(owner) == 1 && PyList_Append(gone, function) < 0;
    }
    self->last = NULL;
    for (Py_ssize_t i = 0; !failed && i < PyList_GET_SIZE(gone); i++) {
        failed = PyDict_DelItem(self->owners, PyList_GET_ITEM(gone, i)) < 0;
    }
    Py_ssize_t size = PyDict_GET_SIZE(self->owners);
    self->sweep_at = size < 16 ? 32 : 2 * size;
    Py_XDECREF(gone);
    return failed ? -1 : 0;
}

/* Returns what stands for a function in a table. */
static PyObject *
owner_of(State *st, Homes *self, PyObject *function)
{
    if (self->last != NULL && self->last->function == function) {
        return Py_NewRef((PyObject *)self->last);
    }
    if (self->owners == NULL && (self->owners = PyDict_New()) == NULL) {
        return NULL;
    }
    PyObject *found = PyDict_GetItemWithError(self->owners, function);
    if (found == NULL && !PyErr_Occurred()) {
        if (PyDict_GET_SIZE(self->owners) >= self->sweep_at && sweep_owners(self) < 0) {
            return NULL;
        }
        PyTypeObject *type = (PyTypeObject *)st->owner_type;
        Owner *made = (Owner *)type->tp_alloc(type, 0);
        if (made == NULL) {
            return NULL;
        }
        made->function = Py_NewRef(function);
        int failed = PyDict_SetItem(self->owners, function, (PyObject *)made) < 0;
        found = failed ? NULL : (PyObject *)made; /* the dict holds it */
        Py_DECREF(made);
    }
    self->last = (Owner *)found;
    return Py_XNewRef(found);
}

/* True when the arguments of a call can refer to nothing, so that a home needs no key. */
static int
are_atoms(PyObject *const *elements, Py_ssize_t count)
{
    for (Py_ssize_t i = 1; i < count; i++) {
        if (PyObject_IS_GC(elements[i])) {
            return 0;
        }
    }
    return 1;
}

/* Gives a new home its key, or what stands for it. */
static int
name_home(State *st, Homes *self, PyObject *home, Asked *asked)
{
    Py_ssize_t count = asked->count;
    if (asked->key != NULL ? !PyTuple_CheckExact(asked->key) : 0) { /* a key that carries another one */
        SET(home, home_key, Py_NewRef(asked->key));
        return 0;
    }
    if ((PyObject *)Py_TYPE(self) != st->homes_type || !are_atoms(asked->elements, count)) {
        PyObject *key = key_asked(asked);
        if (key == NULL) {
            return -1;
        }
        SET(home, home_key, Py_NewRef(key));
        return 0;
    }
    PyObject *owner = owner_of(st, self, asked->elements[0]);
    PyObject *args = owner == NULL ? NULL : count == 2 ? Py_NewRef(asked->elements[1]) : make_key(asked->elements + 1, count - 1);
    if (args == NULL) {
        Py_XDECREF(owner);
        return -1;
    }
    if (count != 2 && count > 1) {
        hide(args);
    }
    SET(home, home_key, NULL);
    SET(home, home__owner, owner);
    SET(home, home__args, args);
    return 0;
}

/* True when the nodes in a table are untracked. */
static inline int
are_untracked(State *st, PyObject *homes)
{
    return (PyObject *)Py_TYPE(homes) == st->homes_type;
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
    PyObject *places[] = {SLOT(home, home_plain), SLOT(home, home_newest), variants, SLOT(home, home_here)};
    for (int i = 0; i < 4; i++) { /* the same memo may be in several of them */
        if (PyObject_TypeCheck(places[i], (PyTypeObject *)st->memo_type)) {
            Py_VISIT(places[i]);
        }
    }
    return each_memo(st, home, traverse_memo, visit, arg);
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

/* `choose.untrack`: untracks a memo that was just filed, and its home, if those in the table are. */
static PyObject *
untrack(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    State *st = PyModule_GetState(module);
    if (count != 2 || !PyObject_TypeCheck(args[1], (PyTypeObject *)st->memo_type) ||
        !PyObject_TypeCheck(args[0], (PyTypeObject *)st->homes_type)) {
        PyErr_SetString(PyExc_TypeError, "untrack() takes a table of homes, and a memo of one in it");
        return NULL;
    }
    PyObject *home = SLOT(args[1], memo_home);
    if (are_untracked(st, args[0]) && SLOT(home, home_link) == Py_None && SLOT(home, home_alive) == Py_True &&
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
            if (SLOT(home, home_here) == one) {
                SET(home, home_here, Py_NewRef(Py_None));
            }
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

#define PLACES 5

/* Empties the homes among these, and their memos of what they read: a memo that somebody still holds frees no chain when it goes.

   What is freed may run any code, which finds nothing in a home that was emptied; the caller holds the others. */
static int
take_states_apart(State *st, PyObject *homes)
{
    PyObject *none = PyTuple_New(0);
    for (Py_ssize_t i = 0; none != NULL && i < PyList_GET_SIZE(homes); i++) {
        PyObject *home = PyList_GET_ITEM(homes, i), *alike, *memo;
        if ((PyObject *)Py_TYPE(home) != st->home_type) {
            continue;
        }
        PyObject **places[PLACES] = {&SLOT(home, home_plain), &SLOT(home, home_newest), &SLOT(home, home_here), &SLOT(home, home_variants),
                                     &SLOT(home, home_readers)};
        PyObject *taken[PLACES];
        for (int n = 0; n < PLACES; n++) {
            taken[n] = *places[n]; /* NULL when the collector has cleared it */
            *places[n] = taken[n] == NULL ? NULL : Py_NewRef(Py_None);
        }
        PyObject *several = taken[3];
        Py_ssize_t at = 0, within;
        PyObject *all = several != NULL && PyDict_CheckExact(several) ? PyList_New(0) : NULL;
        while (all != NULL && PyDict_Next(several, &at, NULL, &alike)) {
            within = 0;
            while (PyDict_Next(alike, &within, NULL, &memo)) {
                if (PyList_Append(all, memo) < 0) {
                    PyErr_Clear();
                }
            }
        }
        Py_ssize_t more = all == NULL ? 0 : PyList_GET_SIZE(all);
        for (Py_ssize_t n = 0; n < PLACES + more; n++) {
            memo = n < PLACES ? taken[n] : PyList_GET_ITEM(all, n - PLACES);
            if (memo != NULL && is_memo_of(st, memo, home) && SLOT(memo, memo_dependencies) != NULL &&
                PyTuple_GET_SIZE(SLOT(memo, memo_dependencies)) > 0) {
                SET(memo, memo_dependencies, Py_NewRef(none));
            }
        }
        Py_XDECREF(all);
        for (int n = 0; n < PLACES; n++) {
            Py_XDECREF(taken[n]);
        }
    }
    Py_XDECREF(none);
    return none == NULL ? -1 : 0;
}

/* The state, also for an instance of a subclass; when the collector takes all apart at exit, its types are gone first. */
static inline State *
state_of(PyObject *op)
{
    return ((Homes *)op)->state;
}

static PyObject *
homes_list_all(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Homes *self = (Homes *)op;
    PyObject *all = PyList_New(0);
    for (Py_ssize_t i = 0; all != NULL && i < self->full; i++) {
        PyObject *home = self->places[i].home;
        if (home != NULL && PyList_Append(all, home) < 0) {
            Py_CLEAR(all);
        }
    }
    return all;
}

static PyObject *
homes_list_of(PyObject *op, PyObject *function)
{
    Homes *self = (Homes *)op;
    State *st = state_of(op);
    PyObject *found = PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < self->full; i++) {
        PyObject *home = self->places[i].home;
        if (home != NULL && function_of(st, home) == function && PyList_Append(found, home) < 0) {
            Py_CLEAR(found);
        }
    }
    return found;
}

static PyObject *
homes_get(PyObject *op, PyObject *const *args, Py_ssize_t count)
{
    Py_hash_t hash;
    Place *place;
    if (count < 1 || count > 2) {
        PyErr_SetString(PyExc_TypeError, "get() takes a key, and what else to return");
        return NULL;
    }
    int found = find_key(state_of(op), (Homes *)op, args[0], &hash, &place);
    return found < 0 ? NULL : Py_NewRef(found ? place->home : count == 2 ? args[1] : Py_None);
}

/* Returns the home of a key, which is put in when there is none. */
static PyObject *
homes_setdefault(PyObject *op, PyObject *const *args, Py_ssize_t count)
{
    State *st = state_of(op);
    Py_hash_t hash;
    Place *place;
    if (count != 2 || (PyObject *)Py_TYPE(args[1]) != st->home_type) {
        PyErr_SetString(PyExc_TypeError, "setdefault() takes a key and a home");
        return NULL;
    }
    int found = find_key(st, (Homes *)op, args[0], &hash, &place);
    if (found < 0 || (found == 0 && put_in((Homes *)op, hash, args[1]) < 0)) {
        return NULL;
    }
    return Py_NewRef(found ? place->home : args[1]);
}

static PyObject *
homes_take_out(PyObject *op, PyObject *home)
{
    State *st = state_of(op);
    Py_hash_t hash;
    Place *place;
    if ((PyObject *)Py_TYPE(home) != st->home_type) {
        PyErr_SetString(PyExc_TypeError, "take_out() takes a home");
        return NULL;
    }
    PyObject *key = key_of(st, home);
    int found = key == NULL ? -1 : find_key(st, (Homes *)op, key, &hash, &place);
    Py_XDECREF(key);
    if (found <= 0 || place->home != home) {
        return found < 0 ? NULL : Py_NewRef(Py_False);
    }
    Py_DECREF(empty_place((Homes *)op, place));
    return Py_NewRef(Py_True);
}

/* Takes out the home that came last, and returns it with its key. */
static PyObject *
homes_popitem(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Homes *self = (Homes *)op;
    if (self->used == 0) {
        PyErr_SetString(PyExc_KeyError, "there is no home");
        return NULL;
    }
    Py_ssize_t at = self->tail - 1;
    while (self->places[at].home == NULL) {
        at--;
    }
    self->tail = at + 1;
    PyObject *key = key_of(state_of(op), self->places[at].home);
    PyObject *pair = key == NULL ? NULL : PyTuple_Pack(2, key, self->places[at].home);
    Py_XDECREF(key);
    if (pair != NULL && at < self->full && self->places[at].home == PyTuple_GET_ITEM(pair, 1)) { /* making it may have run code */
        Py_DECREF(empty_place(self, &self->places[at]));
    }
    return pair;
}

/* move_to(made, cache): moves all homes to an empty table, which becomes that of a cache, so that those who still look here find
   nothing; in one step, for other threads and for an interrupt. */
static PyObject *
homes_move_to(PyObject *op, PyObject *const *args, Py_ssize_t count)
{
    State *st = state_of(op);
    Homes *self = (Homes *)op;
    if (count != 2 || !PyObject_TypeCheck(args[0], (PyTypeObject *)st->homes_type) || ((Homes *)args[0])->size != 0) {
        PyErr_SetString(PyExc_TypeError, "move_to() takes an empty table, and a cache");
        return NULL;
    }
    Homes *made = (Homes *)args[0];
    if (PyObject_SetAttr(args[1], st->name_homes, args[0]) < 0) {
        return NULL;
    }
    made->places = self->places;
    made->index = self->index;
    made->size = self->size;
    made->used = self->used;
    made->tail = made->full = self->full;
    made->owners = self->owners;
    made->sweep_at = self->sweep_at;
    made->version = self->version + 1;
    self->places = NULL;
    self->index = NULL;
    self->size = self->used = self->tail = self->full = 0;
    self->owners = NULL;
    self->last = NULL;
    self->version++;
    self->is_moved = 1;
    Py_RETURN_NONE;
}

/* Empties homes that are tracked; the others wait for the end of the table, as the collector may still look. */
static PyObject *
homes_take_apart(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    State *st = state_of(op);
    if (!are_untracked(st, op)) {
        PyObject *all = homes_list_all(op, NULL);
        int failed = all == NULL || take_states_apart(st, all) < 0;
        Py_XDECREF(all);
        if (failed) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static Py_ssize_t
homes_length(PyObject *self)
{
    return ((Homes *)self)->used;
}

static PyObject *
homes_sizeof(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t((size_t)Py_TYPE(self)->tp_basicsize + (size_t)((Homes *)self)->size * (sizeof(int32_t) + sizeof(Place) * 2 / 3));
}

static int
homes_traverse(PyObject *op, visitproc visit, void *arg)
{
    Homes *self = (Homes *)op;
    State *st = state_of(op);
    PyObject *owner;
    Py_ssize_t at = 0;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->module);
    Py_VISIT(self->owners);
    while (self->owners != NULL && PyDict_Next(self->owners, &at, NULL, &owner)) {
        Py_VISIT(((Owner *)owner)->function);
    }
    for (Py_ssize_t i = 0; i < self->full; i++) {
        PyObject *home = self->places[i].home;
        if (home == NULL) {
            continue;
        }
        if ((PyObject *)Py_TYPE(home) == st->home_type && is_hidden(home)) {
            int stop = traverse_node(st, home, visit, arg);
            if (stop) {
                return stop;
            }
        }
        else {
            Py_VISIT(home);
        }
    }
    return 0;
}

/* Takes the nodes apart: not when the cache is finalized, for then the collector looks once more, and what is in no place is not shown. */
static int
homes_clear(PyObject *op)
{
    Homes *self = (Homes *)op;
    State *st = state_of(op);
    Place *places = self->places;
    int32_t *index = self->index;
    Py_ssize_t full = self->full;
    PyObject *owners = self->owners, *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    PyObject *all = st->home_type != NULL && self->used > 0 ? homes_list_all(op, NULL) : PyList_New(0);
    self->places = NULL;
    self->index = NULL;
    self->size = self->used = self->tail = self->full = 0;
    self->owners = NULL;
    self->last = NULL;
    self->version++;
    if (all == NULL || (PyList_GET_SIZE(all) > 0 && take_states_apart(st, all) < 0)) {
        PyErr_WriteUnraisable(op);
    }
    for (Py_ssize_t i = 0; i < full; i++) {
        Py_XDECREF(places[i].home);
    }
    PyMem_Free(places);
    PyMem_Free(index);
    Py_XDECREF(all);
    Py_XDECREF(owners);
    PyErr_Clear();
    PyErr_Restore(kind, error, traceback);
    return 0;
}

static void
homes_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    homes_clear(op);
    PyObject *module = ((Homes *)op)->module;
    type->tp_free(op);
    Py_DECREF(type);
    Py_XDECREF(module); /* last: it keeps the state */
}

static PyObject *
homes_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *module = PyType_GetModuleByDef(type, &accel_module);
    if (module == NULL) {
        return NULL;
    }
    if (PyTuple_GET_SIZE(args) > 0 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0)) {
        PyErr_SetString(PyExc_TypeError, "Homes() takes no arguments");
        return NULL;
    }
    Homes *self = (Homes *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->module = Py_NewRef(module);
        self->state = PyModule_GetState(module);
    }
    return (PyObject *)self;
}

static PyMethodDef homes_methods[] = {
    {"get", (PyCFunction)(void (*)(void))homes_get, METH_FASTCALL, "Returns the home of a key, or None."},
    {"setdefault", (PyCFunction)(void (*)(void))homes_setdefault, METH_FASTCALL, "Returns the home of a key; puts this one in when there is none."},
    {"take_out", homes_take_out, METH_O, "Takes out a home; False when it is not here."},
    {"popitem", homes_popitem, METH_NOARGS, "Takes out a home, and returns it with its key."},
    {"list_all", homes_list_all, METH_NOARGS, "Returns every home."},
    {"list_of", homes_list_of, METH_O, "Returns the homes of the nodes of a function."},
    {"move_to", (PyCFunction)(void (*)(void))homes_move_to, METH_FASTCALL, "Moves all homes to an empty table, which becomes that of a cache."},
    {"take_apart", homes_take_apart, METH_NOARGS, "Empties the homes of a cache that is gone."},
    {"__sizeof__", homes_sizeof, METH_NOARGS, NULL},
    {NULL},
};

static PyMemberDef homes_members[] = {
    {"is_moved", Py_T_BOOL, offsetof(Homes, is_moved), Py_READONLY, NULL},
    {NULL},
};

static PyType_Slot homes_slots[] = {
    {Py_tp_doc, "The homes of nodes by their keys: a dict, as far as a cache needs one."},
    {Py_tp_new, homes_new},
    {Py_mp_length, homes_length},
    {Py_tp_traverse, homes_traverse},
    {Py_tp_clear, homes_clear},
    {Py_tp_dealloc, homes_dealloc},
    {Py_tp_methods, homes_methods},
    {Py_tp_members, homes_members},
    {0, NULL},
};

static PyType_Spec homes_spec = {
    .name = "dug._core.native._caccel.Homes",
    .basicsize = sizeof(Homes),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = homes_slots,
};
