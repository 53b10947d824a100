/* Lock: guards a cache group.  Its holder may take it again, as with threading.RLock; unlike that one it can be asked
   whether another thread holds it, which costs C code nothing. */

typedef struct {
    PyObject_HEAD
    unsigned long owner; /* the thread that holds it, 0 for none; read and written with the GIL held */
    unsigned long count;
    unsigned long waiting;
    PyThread_type_lock gate; /* waiters sleep here; opened once for each release */
    int is_open;
} Lock;

static int
lock_acquire(Lock *self)
{
    unsigned long me = PyThread_get_thread_ident();
    if (self->owner == me) {
        self->count++;
        return 0;
    }
    while (self->owner != 0) {
        self->waiting++;
        Py_BEGIN_ALLOW_THREADS
        PyThread_acquire_lock(self->gate, WAIT_LOCK);
        Py_END_ALLOW_THREADS
        self->is_open = 0;
        self->waiting--;
    }
    self->owner = me;
    self->count = 1;
    return 0;
}

static void
lock_release(Lock *self)
{
    if (self->owner != PyThread_get_thread_ident()) { /* an interrupt that a finalizer under it met has freed it */
        return;
    }
    if (--self->count == 0) {
        self->owner = 0;
        if (self->waiting > 0 && !self->is_open) {
            self->is_open = 1;
            PyThread_release_lock(self->gate);
        }
    }
}

/* True when this thread could take the lock without waiting. */
static inline int
lock_is_free(Lock *self)
{
    return self->owner == 0 || self->owner == PyThread_get_thread_ident();
}

static PyObject *
lock_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    Lock *self = (Lock *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->gate = PyThread_allocate_lock();
    if (self->gate == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    PyThread_acquire_lock(self->gate, NOWAIT_LOCK);
    return (PyObject *)self;
}

static void
lock_dealloc(Lock *self)
{
    PyTypeObject *type = Py_TYPE(self);
    if (self->gate != NULL) {
        PyThread_free_lock(self->gate);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
lock_enter(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    lock_acquire((Lock *)self);
    Py_RETURN_TRUE;
}

static PyObject *
lock_exit(PyObject *op, PyObject *Py_UNUSED(args))
{
    Lock *self = (Lock *)op;
    if (self->owner != PyThread_get_thread_ident()) {
        PyErr_SetString(PyExc_RuntimeError, "this thread does not hold the lock");
        return NULL;
    }
    lock_release(self);
    Py_RETURN_NONE;
}

static PyObject *
lock_is_owned(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    return PyBool_FromLong(((Lock *)op)->owner == PyThread_get_thread_ident());
}

/* In a child process: the waiters are not there.  The old gate is left alone, as one of them may have been in the middle of it. */
static PyObject *
lock_renew(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Lock *self = (Lock *)op;
    PyThread_type_lock gate = PyThread_allocate_lock();
    if (gate == NULL) {
        return PyErr_NoMemory();
    }
    PyThread_acquire_lock(gate, NOWAIT_LOCK);
    self->gate = gate;
    self->is_open = 0;
    self->waiting = 0;
    Py_RETURN_NONE;
}

static PyMethodDef lock_methods[] = {
    {"__enter__", lock_enter, METH_NOARGS, "Takes the lock, waiting for it if need be."},
    {"__exit__", lock_exit, METH_VARARGS, "Gives the lock back."},
    {"renew", lock_renew, METH_NOARGS, "Forgets the waiters, in a child process, where they do not exist."},
    {"_is_owned", lock_is_owned, METH_NOARGS, "True when this thread holds the lock; named as in threading.RLock."},
    {NULL},
};

static PyType_Slot lock_slots[] = {
    {Py_tp_doc, "A lock that its holder may take again."},
    {Py_tp_new, lock_new},
    {Py_tp_dealloc, lock_dealloc},
    {Py_tp_methods, lock_methods},
    {0, NULL},
};

static PyType_Spec lock_spec = {
    .name = "dug._core.native._caccel.Lock",
    .basicsize = sizeof(Lock),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = lock_slots,
};
