/* Objects of which a run makes some are used again when they have ended: to make them anew takes longer than to fill them in, and has the
   collector look for garbage more often.  A spare one is memory alone: it has been emptied, and the collector does not know it. */

#define MOST_SPARE 1024

typedef struct {
    int most, count;
    PyObject *objects[MOST_SPARE];
} Spare;

static inline PyObject *
take_spare(Spare *spare, PyTypeObject *own, PyTypeObject *type, Py_ssize_t count)
{
    if (type != own || spare->count == 0) {
        return PyType_GenericAlloc(type, count);
    }
    PyObject *made = spare->objects[--spare->count];
    memset((char *)made + sizeof(PyObject), 0, (size_t)type->tp_basicsize - sizeof(PyObject));
    PyObject_Init(made, type);
    PyObject_GC_Track(made);
    return made;
}

static inline void
keep_spare(Spare *spare, PyTypeObject *own, void *ended)
{
    if (Py_IS_TYPE((PyObject *)ended, own) && spare->count < spare->most) {
        spare->objects[spare->count++] = ended;
    }
    else {
        PyObject_GC_Del(ended);
    }
}

/* alloc_run() and free_run() for a class, and so on, with how many are kept. */
#define EACH_SPARE(X) X(run, 256) X(check, 256) X(memo, MOST_SPARE) X(home, MOST_SPARE)
#define X(name, most) \
    static Spare spare_##name = {most}; \
    static PyObject *alloc_##name(PyTypeObject *type, Py_ssize_t count) { return take_spare(&spare_##name, the_state->name##_type, type, count); } \
    static void free_##name(void *ended) { keep_spare(&spare_##name, the_state->name##_type, ended); }
EACH_SPARE(X)
#undef X
