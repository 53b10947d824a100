/* Runs that have ended are used again: one is made for each node that is computed, and it is large.  A spare one is memory alone:
   it has been emptied, and the collector does not know it. */

#define SPARE_RUNS 32

static PyObject *spare_runs[SPARE_RUNS];
static int count_of_spare_runs;

static PyObject *
alloc_run(PyTypeObject *type, Py_ssize_t count)
{
    if (type != the_state->run_type || count_of_spare_runs == 0) {
        return PyType_GenericAlloc(type, count);
    }
    PyObject *run = spare_runs[--count_of_spare_runs];
    memset((char *)run + sizeof(PyObject), 0, (size_t)type->tp_basicsize - sizeof(PyObject));
    PyObject_Init(run, type);
    PyObject_GC_Track(run);
    return run;
}

static void
free_run(void *run)
{
    if (Py_IS_TYPE((PyObject *)run, the_state->run_type) && count_of_spare_runs < SPARE_RUNS) {
        spare_runs[count_of_spare_runs++] = run;
    }
    else {
        PyObject_GC_Del(run);
    }
}
