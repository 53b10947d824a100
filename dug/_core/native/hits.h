/* Hits: the table in which a view keeps the memos that answered. */

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

/* Finds the slot with a key: 1 when there is one, 0 when not, -1 for an error; sets the hash of the key. */
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

/* Takes out the memos of local functions, without a look at the arguments in their keys. */
static PyObject *
hits_drop_local(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Hits *self = (Hits *)op;
    State *st = PyType_GetModuleState(Py_TYPE(op));
    PyObject *gone = PyList_New(0); /* released last, as that may run code which changes the table */
    for (Py_ssize_t i = 0; gone != NULL && i < self->size; i++) {
        PyObject *key = self->table[i].memo == NULL ? NULL : self->table[i].key;
        while (key != NULL && PyTuple_GET_SIZE(key) > 1 && (PyObject *)Py_TYPE(PyTuple_GET_ITEM(key, 0)) != st->function_class &&
               PyTuple_Check(PyTuple_GET_ITEM(key, 1))) {
            key = PyTuple_GET_ITEM(key, 1); /* beneath a tweak */
        }
        PyObject *function = key == NULL || PyTuple_GET_SIZE(key) == 0 ? NULL : PyTuple_GET_ITEM(key, 0);
        if (function == NULL || (PyObject *)Py_TYPE(function) != st->function_class || SLOT(function, function_nodes) == Py_None) {
            continue;
        }
        size_t version = self->version;
        Slot *slot = &self->table[i];
        PyObject *pair = PyTuple_Pack(2, slot->key, slot->memo);
        int failed = pair == NULL || PyList_Append(gone, pair) < 0;
        Py_XDECREF(pair);
        if (failed || self->version != version) {
            break; /* no memory, or other code ran: the next call removes the rest */
        }
        Py_DECREF(slot->key);
        Py_DECREF(slot->memo);
        slot->key = DELETED;
        slot->memo = NULL;
        self->used--;
        self->version++;
    }
    Py_XDECREF(gone);
    return gone == NULL ? NULL : Py_NewRef(Py_None);
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

/* Returns the memos whose footprint has none of the bits, in a table of their own; runs no other code. */
static PyObject *
hits_select(PyObject *op, PyObject *bits)
{
    Hits *self = (Hits *)op, *made = (Hits *)Py_TYPE(op)->tp_alloc(Py_TYPE(op), 0);
    State *st = PyType_GetModuleState(Py_TYPE(op));
    Py_ssize_t size = 8;
    while (size < self->used * 3) {
        size *= 2;
    }
    if (made == NULL || (made->table = PyMem_Calloc((size_t)size, sizeof(Slot))) == NULL) {
        Py_XDECREF(made);
        return PyErr_NoMemory();
    }
    made->size = size;
    for (Py_ssize_t at = 0; at < self->size; at++) {
        Slot *slot = &self->table[at];
        int differs = slot->memo == NULL ? 1 : overlaps(SLOT(slot->memo, memo_footprint), bits);
        if (differs < 0) {
            Py_DECREF(made);
            return NULL;
        }
        if (!differs) {
            size_t i = (size_t)slot->hash & (size_t)(size - 1);
            while (made->table[i].key != NULL) {
                i = (i + 1) & (size_t)(size - 1);
            }
            made->table[i] = (Slot){slot->hash, Py_NewRef(slot->key), Py_NewRef(slot->memo)};
            made->used = ++made->full;
        }
    }
    return (PyObject *)made;
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
    {"drop_local", hits_drop_local, METH_NOARGS, "Takes out the memos of local functions."},
    {"select", hits_select, METH_O, "Returns the memos whose footprint has none of the bits, in a table of their own."},
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
    .name = "dug._core.native._caccel.Hits",
    .basicsize = sizeof(Hits),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = hits_slots,
};
