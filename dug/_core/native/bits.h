/* Sets of bits, compiled: the class of those that have high bits, and sums of many.

   `sparse.PureSparse` is the specification; a chunk has 64 bits here, and a set is a plain int while it has no bit above the 63rd.
   Nothing here runs other code. */

#define PLAIN_BITS 63 /* as many as a long long that is not negative has */

typedef struct {
    uint64_t bits;
    uint32_t number; /* which 64 bits of the set they are */
} Chunk;

typedef struct {
    PyObject_VAR_HEAD
    Py_hash_t hash; /* -1 until somebody asks */
    Chunk chunks[1];
} Sparse;

/* A set, whichever class it has. */
typedef struct {
    const Chunk *chunks;
    Py_ssize_t count;
    int is_endless; /* a negative int: all bits beyond the first chunk are in it */
    Chunk own;
} Bits;

typedef enum { AND, OR, XOR } Operator;

static void
sparse_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static inline int
is_sparse(PyObject *op)
{
    return Py_TYPE(op)->tp_dealloc == sparse_dealloc;
}

/* Looks at a set: 1 when it is one, 0 for another object, -1 for an int that no set is. */
static int
look_at_bits(PyObject *op, Bits *bits)
{
    bits->is_endless = 0;
    if (is_sparse(op)) {
        bits->chunks = ((Sparse *)op)->chunks;
        bits->count = Py_SIZE(op);
        return 1;
    }
    if (!PyLong_Check(op)) {
        return 0;
    }
    int over;
    long long value = PyLong_AsLongLongAndOverflow(op, &over);
    if (over) {
        PyErr_SetString(PyExc_OverflowError, "a set with high bits cannot be an int");
        return -1;
    }
    bits->own = (Chunk){(uint64_t)value, 0};
    bits->chunks = &bits->own;
    bits->count = value != 0;
    bits->is_endless = value < 0;
    return 1;
}

/* Returns the place of the first chunk, from a place on, with a number or a higher one: in O(log) of the chunks passed over. */
static Py_ssize_t
seek(const Bits *in, Py_ssize_t from, uint32_t number)
{
    Py_ssize_t step = 1, low = from, high = from;
    while (high < in->count && in->chunks[high].number < number) {
        low = high + 1;
        high += step;
        step *= 2;
    }
    high = high < in->count ? high : in->count;
    while (low < high) {
        Py_ssize_t middle = low + (high - low) / 2;
        if (in->chunks[middle].number < number) {
            low = middle + 1;
        }
        else {
            high = middle;
        }
    }
    return low;
}

/* True when two sets have a bit in common. */
static int
meet(const Bits *left, const Bits *right)
{
    Py_ssize_t i = 0, j = 0;
    if (left->is_endless || right->is_endless) { /* the other one has bits beyond the first chunk, or is such a one, too */
        const Bits *other = left->is_endless ? right : left;
        if (other->is_endless || (other->count > 0 && other->chunks[other->count - 1].number > 0)) {
            return 1;
        }
    }
    while (i < left->count && j < right->count) {
        uint32_t ours = left->chunks[i].number, theirs = right->chunks[j].number;
        if (ours == theirs) {
            if (left->chunks[i++].bits & right->chunks[j++].bits) {
                return 1;
            }
        }
        else if (ours < theirs) {
            i = seek(left, i, theirs);
        }
        else {
            j = seek(right, j, ours);
        }
    }
    return 0;
}

/* Returns how many chunks the result of an operator has, and writes them if there is a place for them; whether it equals an operand. */
static Py_ssize_t
combine_chunks(const Bits *left, const Bits *right, Operator kind, Chunk *into, int *is_left, int *is_right)
{
    Py_ssize_t i = 0, j = 0, count = 0;
    *is_left = !left->is_endless;
    *is_right = !right->is_endless;
    while (i < left->count || j < right->count) {
        uint64_t ours = left->is_endless ? ~(uint64_t)0 : 0, theirs = right->is_endless ? ~(uint64_t)0 : 0;
        int has_left = i < left->count && (j == right->count || left->chunks[i].number <= right->chunks[j].number);
        int has_right = j < right->count && (i == left->count || right->chunks[j].number <= left->chunks[i].number);
        uint32_t number = has_left ? left->chunks[i].number : right->chunks[j].number;
        if (kind == AND && has_left != has_right && !left->is_endless && !right->is_endless) {
            if (has_left) {
                *is_left = 0;
                i = j == right->count ? left->count : seek(left, i, right->chunks[j].number);
            }
            else {
                *is_right = 0;
                j = i == left->count ? right->count : seek(right, j, left->chunks[i].number);
            }
            continue;
        }
        ours = has_left ? left->chunks[i++].bits : ours;
        theirs = has_right ? right->chunks[j++].bits : theirs;
        uint64_t both = kind == AND ? ours & theirs : kind == OR ? ours | theirs : ours ^ theirs;
        *is_left &= both == ours;
        *is_right &= both == theirs;
        if (both != 0) {
            if (into != NULL) {
                into[count] = (Chunk){both, number};
            }
            count++;
        }
    }
    return count;
}

static PyObject *
make_sparse(PyTypeObject *type, Py_ssize_t count)
{
    Sparse *made = PyObject_NewVar(Sparse, type, count);
    if (made != NULL) {
        made->hash = -1;
    }
    return (PyObject *)made;
}

/* Returns the set of one chunk, or of none. */
static PyObject *
make_small(PyTypeObject *type, Chunk chunk)
{
    if (chunk.bits == 0 || (chunk.number == 0 && chunk.bits >> PLAIN_BITS == 0)) {
        return PyLong_FromUnsignedLongLong(chunk.bits);
    }
    PyObject *made = make_sparse(type, 1);
    if (made != NULL) {
        ((Sparse *)made)->chunks[0] = chunk;
    }
    return made;
}

static PyObject *
combine(PyObject *left, PyObject *right, Operator kind)
{
    Bits ours, theirs;
    int is_left, is_right, fits = look_at_bits(left, &ours);
    fits = fits > 0 ? look_at_bits(right, &theirs) : fits;
    if (fits <= 0) {
        return fits < 0 ? NULL : Py_NewRef(Py_NotImplemented);
    }
    if (kind != AND && (ours.is_endless || theirs.is_endless)) {
        PyErr_SetString(PyExc_OverflowError, "a set with high bits cannot be an int");
        return NULL;
    }
    Py_ssize_t count = combine_chunks(&ours, &theirs, kind, NULL, &is_left, &is_right);
    if (is_left || is_right) {
        return Py_NewRef(is_left ? left : right);
    }
    PyTypeObject *type = Py_TYPE(is_sparse(left) ? left : right);
    if (count <= 1) {
        Chunk only = {0, 0};
        combine_chunks(&ours, &theirs, kind, &only, &is_left, &is_right);
        return make_small(type, only);
    }
    PyObject *made = make_sparse(type, count);
    if (made != NULL) {
        combine_chunks(&ours, &theirs, kind, ((Sparse *)made)->chunks, &is_left, &is_right);
    }
    return made;
}

static PyObject *
sparse_and(PyObject *left, PyObject *right)
{
    return combine(left, right, AND);
}

static PyObject *
sparse_or(PyObject *left, PyObject *right)
{
    return combine(left, right, OR);
}

static PyObject *
sparse_xor(PyObject *left, PyObject *right)
{
    return combine(left, right, XOR);
}

static PyObject *
sparse_compare(PyObject *left, PyObject *right, int op)
{
    if (op != Py_EQ && op != Py_NE) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    int same = left == right;
    if (!same && is_sparse(left) && is_sparse(right) && Py_SIZE(left) == Py_SIZE(right)) {
        same = 1;
        for (Py_ssize_t i = 0; same && i < Py_SIZE(left); i++) {
            const Chunk *ours = &((Sparse *)left)->chunks[i], *theirs = &((Sparse *)right)->chunks[i];
            same = ours->bits == theirs->bits && ours->number == theirs->number;
        }
    }
    return PyBool_FromLong(same == (op == Py_EQ));
}

static Py_hash_t
sparse_hash(PyObject *op)
{
    Sparse *self = (Sparse *)op;
    if (self->hash == -1) {
        uint64_t hash = 0x345678;
        for (Py_ssize_t i = 0; i < Py_SIZE(op); i++) {
            hash = (hash ^ self->chunks[i].bits ^ ((uint64_t)self->chunks[i].number << 17)) * 0x9E3779B97F4A7C15u;
            hash ^= hash >> 29;
        }
        self->hash = (Py_hash_t)hash == -1 ? -2 : (Py_hash_t)hash;
    }
    return self->hash;
}

static PyObject *
sparse_bit(PyObject *type, PyObject *place)
{
    long long value = PyLong_AsLongLong(place);
    if (value < 0 || value >> 6 > UINT32_MAX) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_OverflowError, "no set has such a bit");
        }
        return NULL;
    }
    return make_small((PyTypeObject *)type, (Chunk){(uint64_t)1 << (value & 63), (uint32_t)(value >> 6)});
}

static PyObject *
sparse_places(PyObject *op, PyObject *Py_UNUSED(none))
{
    PyObject *places = PyList_New(0);
    for (Py_ssize_t i = 0; places != NULL && i < Py_SIZE(op); i++) {
        const Chunk *chunk = &((Sparse *)op)->chunks[i];
        for (int within = 0; places != NULL && within < 64; within++) {
            if (chunk->bits >> within & 1) {
                PyObject *place = PyLong_FromLongLong((long long)chunk->number * 64 + within);
                if (place == NULL || PyList_Append(places, place) < 0) {
                    Py_CLEAR(places);
                }
                Py_XDECREF(place);
            }
        }
    }
    return places;
}

static PyObject *
sparse_bit_count(PyObject *op, PyObject *Py_UNUSED(none))
{
    long long count = 0;
    for (Py_ssize_t i = 0; i < Py_SIZE(op); i++) {
        for (uint64_t left = ((Sparse *)op)->chunks[i].bits; left != 0; left &= left - 1) {
            count++;
        }
    }
    return PyLong_FromLongLong(count);
}

static PyMethodDef sparse_methods[] = {
    {"bit", sparse_bit, METH_O | METH_CLASS, "bit(place)\n--\n\nReturns the set of one bit: a plain int for a low one."},
    {"places", sparse_places, METH_NOARGS, "places()\n--\n\nReturns the places of the bits, the lowest first."},
    {"bit_count", sparse_bit_count, METH_NOARGS, "bit_count()\n--\n\nReturns the number of bits."},
    {NULL},
};

static PyType_Slot sparse_slots[] = {
    {Py_tp_doc, "An immutable set of bits of which some are high."},
    {Py_tp_dealloc, sparse_dealloc},
    {Py_tp_richcompare, sparse_compare},
    {Py_tp_hash, sparse_hash},
    {Py_tp_methods, sparse_methods},
    {Py_nb_and, sparse_and},
    {Py_nb_or, sparse_or},
    {Py_nb_xor, sparse_xor},
    {0, NULL},
};

static PyType_Spec sparse_spec = {
    .name = "dug._core.native._caccel.Sparse",
    .basicsize = offsetof(Sparse, chunks),
    .itemsize = sizeof(Chunk),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sparse_slots,
};

/* True when two sets of bits have one in common, -1 for an error. */
static inline int
overlaps(PyObject *bits, PyObject *others)
{
    if (PyLong_CheckExact(bits) && PyLong_CheckExact(others)) {
        int over, overs;
        long long left = PyLong_AsLongLongAndOverflow(bits, &over), right = PyLong_AsLongLongAndOverflow(others, &overs);
        if (!over && !overs) {
            return (left & right) != 0;
        }
    }
    Bits left, right;
    if (look_at_bits(bits, &left) <= 0 || look_at_bits(others, &right) <= 0) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "not a set of bits");
        }
        return -1;
    }
    return meet(&left, &right);
}

/* Adds bits to a set of bits, which it takes over; equal sets stay one object. */
static PyObject *
union_of(PyObject *bits, PyObject *more)
{
    if (bits == NULL || bits == more) {
        return bits;
    }
    if (PyLong_CheckExact(bits) && PyLong_CheckExact(more)) {
        int over, overs;
        long long left = PyLong_AsLongLongAndOverflow(bits, &over), right = PyLong_AsLongLongAndOverflow(more, &overs);
        if (!over && !overs) {
            if ((left | right) == left) {
                return bits;
            }
            Py_DECREF(bits);
            return (left | right) == right ? Py_NewRef(more) : PyLong_FromLongLong(left | right);
        }
    }
    PyObject *both = PyNumber_Or(bits, more);
    Py_DECREF(bits);
    return both;
}

/* The space in which a sum is made: all its chunks by their number, and a mark for each that is not empty; empty between two sums. */
typedef struct {
    uint64_t *chunks, *marks;
    size_t size; /* how many chunks there is space for: a multiple of 64 */
} Scratch;

typedef struct {
    Scratch *scratch;
    PyObject *plain;   /* of the sets that are ints; owned */
    PyObject *largest; /* of the others */
    PyObject *last;
    Py_ssize_t count; /* how many chunks the others have together */
    size_t first, end; /* the marks between which theirs are */
} Sum;

static int
enlarge(Scratch *scratch, size_t least)
{
    size_t size = scratch->size == 0 ? 1024 : scratch->size;
    while (size < least) {
        size *= 2;
    }
    uint64_t *chunks = PyMem_Realloc(scratch->chunks, size * sizeof(uint64_t));
    uint64_t *marks = chunks == NULL ? NULL : PyMem_Realloc(scratch->marks, size / 64 * sizeof(uint64_t));
    scratch->chunks = chunks == NULL ? scratch->chunks : chunks;
    if (marks == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    scratch->marks = marks;
    memset(chunks + scratch->size, 0, (size - scratch->size) * sizeof(uint64_t));
    memset(marks + scratch->size / 64, 0, (size - scratch->size) / 64 * sizeof(uint64_t));
    scratch->size = size;
    return 0;
}

static int
add_chunks(Sum *sum, const Chunk *chunks, Py_ssize_t count)
{
    Scratch *scratch = sum->scratch;
    size_t first = chunks[0].number, end = chunks[count - 1].number;
    if (end >= scratch->size && enlarge(scratch, end + 1) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        uint64_t *known = &scratch->chunks[chunks[i].number];
        if (*known == 0) {
            sum->count++;
            scratch->marks[chunks[i].number / 64] |= (uint64_t)1 << (chunks[i].number & 63);
        }
        *known |= chunks[i].bits;
    }
    sum->first = sum->end == 0 || first / 64 < sum->first ? first / 64 : sum->first;
    sum->end = end / 64 + 1 > sum->end ? end / 64 + 1 : sum->end;
    return 0;
}

/* Adds a set to a sum; the set must stay alive until the sum was taken. */
static inline int
add_bits(Sum *sum, PyObject *bits)
{
    if (PyLong_CheckExact(bits)) {
        sum->plain = union_of(sum->plain, bits);
        return sum->plain == NULL ? -1 : 0;
    }
    if (bits == sum->last) {
        return 0;
    }
    if (!is_sparse(bits)) {
        PyErr_SetString(PyExc_TypeError, "not a set of bits");
        return -1;
    }
    sum->last = bits;
    if (sum->largest == NULL || Py_SIZE(bits) >= Py_SIZE(sum->largest)) {
        sum->largest = bits;
    }
    return add_chunks(sum, ((Sparse *)bits)->chunks, Py_SIZE(bits));
}

static int
is_sum(const Sum *sum, PyObject *bits)
{
    if (bits == NULL || !is_sparse(bits) || Py_SIZE(bits) != sum->count) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < sum->count; i++) {
        const Chunk *chunk = &((Sparse *)bits)->chunks[i];
        if (chunk->number >= sum->scratch->size || sum->scratch->chunks[chunk->number] != chunk->bits) {
            return 0;
        }
    }
    return 1;
}

/* Takes the chunks out of the space, into `into` if there is such a place. */
static void
clear_out(Sum *sum, Chunk *into)
{
    Scratch *scratch = sum->scratch;
    for (size_t mark = sum->first; mark < sum->end; mark++) {
        for (uint64_t left = scratch->marks[mark], number = mark * 64; left != 0; left >>= 1, number++) {
            if (left & 1) {
                if (into != NULL) {
                    *into++ = (Chunk){scratch->chunks[number], (uint32_t)number};
                }
                scratch->chunks[number] = 0;
            }
        }
        scratch->marks[mark] = 0;
    }
}

/* Returns a sum, which begins anew; `known`, if that is a set that equals it. */
static PyObject *
take_sum(Sum *sum, PyObject *known)
{
    PyObject *total = NULL;
    Bits plain;
    if (sum->plain == NULL || sum->largest == NULL) { /* after an error, or of ints alone */
        total = Py_XNewRef(sum->plain);
    }
    else if (look_at_bits(sum->plain, &plain) > 0 && (plain.count == 0 || add_chunks(sum, plain.chunks, 1) == 0)) {
        total = is_sum(sum, known) ? known : is_sum(sum, sum->largest) ? sum->largest : NULL;
        total = total != NULL ? Py_NewRef(total) : make_sparse(Py_TYPE(sum->largest), sum->count);
    }
    int is_new = total != NULL && sum->largest != NULL && total != known && total != sum->largest;
    clear_out(sum, is_new ? ((Sparse *)total)->chunks : NULL);
    Py_CLEAR(sum->plain);
    return total;
}

static PyObject *
sum_up(Scratch *scratch, PyObject *zero, PyObject *sets)
{
    Sum sum = {scratch, Py_NewRef(zero)};
    PyObject *all = PySequence_Fast(sets, "union() takes sets of bits");
    int failed = all == NULL;
    for (Py_ssize_t i = 0; !failed && i < PySequence_Fast_GET_SIZE(all); i++) {
        failed = add_bits(&sum, PySequence_Fast_GET_ITEM(all, i)) < 0;
    }
    PyObject *total = take_sum(&sum, NULL);
    if (failed) {
        Py_CLEAR(total);
    }
    Py_XDECREF(all);
    return total;
}
