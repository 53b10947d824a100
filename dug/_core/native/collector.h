/* What shows the garbage collector the nodes that it does not track: see `facts/homes.py`, which decides which these are.

   Invariants:
   - nobody uses a home or a memo of a cache without holding the cache: else what only they refer to would be taken for garbage
     together with the cache;
   - a reference of an untracked object is shown once, or not at all: those of a home in a table; those of a memo in a place of
     its own home; those of its reads, a tuple that no other memo has.  One that is not shown keeps a circle alive, no more;
   - a home whose references may lead to something tracked says so in its field `shown`;
   - all stays in its place until the cache is taken apart, which tracks it again first. */

static traverseproc traverse_tables; /* that of Homes as it is compiled */

static inline int
is_hidden(PyObject *object)
{
    return !PyObject_GC_IsTracked(object);
}

static inline int
is_memo_of(State *st, PyObject *memo, Home *home)
{
    return PyObject_TypeCheck(memo, st->memo_type) && ((Memo *)memo)->home == home;
}

static int
traverse_memo(PyObject *op, visitproc visit, void *arg)
{
    Memo *memo = (Memo *)op;
    if (!is_hidden(op)) { /* each place of it is shown by itself */
        return 0;
    }
    if (is_hidden(memo->dependencies)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(memo->dependencies); i++) {
            Py_VISIT(PyTuple_GET_ITEM(memo->dependencies, i));
        }
    }
    Py_VISIT(memo->value);
    return 0;
}

/* Shows what the memos in the places of a home refer to, each memo once. */
static int
traverse_memos(State *st, Home *home, visitproc visit, void *arg)
{
    PyObject *plain = (PyObject *)home->plain, *newest = (PyObject *)home->newest, *variants = home->variants, *alike, *memo;
    PyObject *places[] = {plain, newest == plain ? NULL : newest, variants == plain || variants == newest ? NULL : variants};
    Py_ssize_t at = 0, within;
    int stop = 0;
    for (int i = 0; !stop && i < 3; i++) {
        stop = places[i] != NULL && is_memo_of(st, places[i], home) ? traverse_memo(places[i], visit, arg) : 0;
    }
    while (!stop && PyDict_CheckExact(variants) && PyDict_Next(variants, &at, NULL, &alike)) {
        within = 0;
        while (!stop && PyDict_Next(alike, &within, NULL, &memo)) {
            if (memo != plain && memo != newest && is_memo_of(st, memo, home)) {
                stop = traverse_memo(memo, visit, arg);
            }
        }
    }
    return stop;
}

static int
traverse_node(State *st, Home *home, visitproc visit, void *arg)
{
    PyObject *readers = home->readers;
    int is_hidden_list = PyList_CheckExact(readers) && is_hidden(readers);
    Py_VISIT(home->_key);
    Py_VISIT(home->open_run);
    Py_VISIT(home->waiting);
    if (PyDict_CheckExact(home->variants)) { /* which shows the tracked memos in it */
        Py_VISIT(home->variants);
    }
    if (!is_hidden_list) { /* the only one, a set of many, or a list that shows them itself */
        Py_VISIT(readers);
    }
    for (Py_ssize_t i = 0; is_hidden_list && i < PyList_GET_SIZE(readers); i++) { /* some may have left the table since */
        Py_VISIT(PyList_GET_ITEM(readers, i));
    }
    if (!home->shown) {
        return 0;
    }
    PyObject *places[] = {(PyObject *)home->plain, (PyObject *)home->newest, (PyObject *)home->here, home->variants};
    for (int i = 0; i < 4; i++) { /* the same memo may be in several of them */
        if (PyObject_TypeCheck(places[i], st->memo_type)) {
            Py_VISIT(places[i]);
        }
    }
    return traverse_memos(st, home, visit, arg);
}

static int
traverse_homes(PyObject *op, visitproc visit, void *arg)
{
    State *st = the_state;
    PyObject *tables = ((Homes *)op)->tables, *nodes, *home;
    Py_ssize_t at = 0, within;
    int stop = traverse_tables(op, visit, arg);
    while (!stop && PyDict_CheckExact(tables) && PyDict_Next(tables, &at, NULL, &nodes)) {
        within = 0;
        while (!stop && PyDict_CheckExact(nodes) && PyDict_Next(nodes, &within, NULL, &home)) {
            stop = is_hidden(home) && Py_IS_TYPE(home, st->home_type) ? traverse_node(st, (Home *)home, visit, arg) : 0;
        }
    }
    return stop;
}
