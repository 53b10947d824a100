"""Sets of bits (footprints, masks), low and high: `make_bit`, `union`, `without`, `list_places`; `Sparse`, `Unions`.

An int is as long as its highest bit.  If sets were ints alone, a book of which each of 100,000 leaves was tweaked once would keep
100,000 ints of up to 12 kB for its leaves.  So a set is a plain int only as long as all of its bits are low ones, as in most
programs; any other is a `Sparse`: an int of the low bits, and the high ones.  Where these are near each other it has the place of
the first and an int of all from there on; otherwise, as `Scattered`, those of their chunks that are not empty.  Each set has one
form only, so that two are equal only when both are of one class.  With ``&``, ``|`` and ``^`` the classes mix; a set from which
others are taken away is ``bits ^ (bits & others)``, as nothing but an int has a complement.

A result that equals an operand which is a `Sparse` is that operand, and a union is one of the sets that it is made of where that
equals it, so that equal sets are often one object.  They meet, join and differ chunk by chunk (`_meet_near`, `_join`, `_add_up`).

Compiled as `sparse.pxd` says, bits are Python's ints here, too; places and numbers of chunks are C's.
"""

from collections.abc import Iterable
from sys import getsizeof
from typing import TypeAlias

WIDTH = 1024
"""How many bits are low, and how many a chunk of high ones has at most; high ones within so many are near each other."""
_LIMIT = pow(2, WIDTH)
_LEAST = -_LIMIT
_FULL = _LIMIT - 1
_WINDOW = 256  # how far apart sets may begin to be added up as one int


class Sparse:
    """An immutable set of bits of which some are high; of this class itself, if these are near each other."""

    __slots__ = ("_bits", "_hash", "_low", "_start")
    _low: int
    """The low bits."""
    _start: int
    """The place of the first high bit."""
    _bits: int
    """All bits from there on."""
    _hash: int

    def places(self) -> list[int]:
        """Returns the places of the bits, the lowest first."""
        high = sorted(_chunks_of(self).items()) if isinstance(self, Scattered) else [(0, self._bits)]
        return list_places(self._low) + [
            self._start + number * WIDTH + place for number, chunk in high for place in list_places(chunk)
        ]

    def bit_count(self) -> int:
        """Returns the number of bits."""
        return self._low.bit_count() + sum([chunk.bit_count() for chunk in _chunks_of(self).values()])

    def __and__(self, other: "BitSet") -> "BitSet":
        return _meet(self, other)

    def __rand__(self, other: "BitSet") -> "BitSet":
        return _meet(self, other)

    def __or__(self, other: "BitSet") -> "BitSet":
        return _join(self, other)

    def __ror__(self, other: "BitSet") -> "BitSet":
        return _join(self, other)

    def __xor__(self, other: "BitSet") -> "BitSet":
        return _differ(self, other)

    def __rxor__(self, other: "BitSet") -> "BitSet":
        return _differ(self, other)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sparse) and _is_same(self, other)

    def __hash__(self) -> int:
        if not self._hash:
            high = frozenset(_chunks_of(self).items()) if isinstance(self, Scattered) else self._bits
            self._hash = hash((self._low, self._start, high))
        return self._hash

    def __sizeof__(self) -> int:
        """Returns the bytes that it takes with its ints and its dict, which the garbage collector need not see."""
        chunks = _chunks_of(self) if isinstance(self, Scattered) else {}
        own = [part for part in (self._low, self._bits, *chunks, *chunks.values()) if part > 256]  # of the others there is one
        return object.__sizeof__(self) + sum(map(getsizeof, own)) + (getsizeof(chunks) if chunks else 0)


class Scattered(Sparse):
    """A set of which high bits are far from each other; the first and the bits from there on are 0."""

    __slots__ = ("_chunks",)
    _chunks: dict[int, int]
    """By number, those of the high bits that are not empty."""


BitSet: TypeAlias = int | Sparse
"""A set of bits."""


def make_bit(place: int) -> BitSet:
    """Returns the set of one bit, by its place: ``1 << place``, if that is a low one."""
    return pow(2, place) if place < WIDTH else _make_near(0, place, 1)  # C would cut off 1 << place


def _make_near(low: int, start: int, bits: int) -> Sparse:
    made = Sparse.__new__(Sparse)
    made._low = low
    made._start = start
    made._bits = bits
    made._hash = 0
    return made


def _scatter(low: int, chunks: dict[int, int]) -> Scattered:
    made = Scattered.__new__(Scattered)
    made._low = low
    made._start = 0
    made._bits = 0
    made._hash = 0
    made._chunks = chunks
    return made


def _with_low(high: Sparse, low: int) -> Sparse:
    """Returns the set of the high bits of one, and of low bits."""
    if low == high._low:
        return high
    return _scatter(low, _chunks_of(high)) if isinstance(high, Scattered) else _make_near(low, high._start, high._bits)


def _from(low: int, start: int, bits: int) -> BitSet:
    """Returns the set of low bits, and of high ones from a place on."""
    if not bits:
        return low
    zeros = _count_zeros(bits)
    if bits.bit_length() - zeros > WIDTH:
        return _scatter(low, _cut(start, bits))
    return _make_near(low, start + zeros, bits >> zeros if zeros else bits)


def _count_zeros(bits: int) -> int:
    """Returns the place of the lowest bit."""
    return 0 if bits & 1 else (bits & -bits).bit_length() - 1


def _cut(start: int, bits: int) -> dict[int, int]:
    """Returns the chunks of bits that begin at a place."""
    number = start // WIDTH
    rest = bits << (start % WIDTH)
    if start % WIDTH + bits.bit_length() <= WIDTH:
        return {number: rest}
    chunks = {}
    while rest:
        chunk = rest & _FULL
        if chunk:
            chunks[number] = chunk
        rest >>= WIDTH
        number += 1
    return chunks


def _from_chunks(low: int, chunks: dict[int, int]) -> BitSet:
    """Returns the set of low bits and of chunks, none of which is empty; it takes the dict over."""
    if len(chunks) > 2:
        return _scatter(low, chunks)
    first = 0
    for number in chunks:
        if first == 0 or number < first:
            first = number
    if first == 0:
        return low
    near = chunks[first]
    if len(chunks) == 1:
        return _from(low, first * WIDTH, near)
    zeros = _count_zeros(near)
    beyond = chunks.get(first + 1)
    if beyond is None or beyond.bit_length() > zeros:
        return _scatter(low, chunks)
    return _make_near(low, first * WIDTH + zeros, (near >> zeros) | (beyond << (WIDTH - zeros)))


def _drop_empty(chunks: dict[int, int]) -> dict[int, int]:
    for number in [number for number, chunk in chunks.items() if not chunk]:
        del chunks[number]
    return chunks


def _chunks_of(bits: Sparse) -> dict[int, int]:
    """Returns the chunks of the high bits, to be read only where they are those of a `Scattered`."""
    if isinstance(bits, Scattered):
        far = bits
        return far._chunks
    return _cut(bits._start, bits._bits)


def _copy_chunks(bits: Sparse) -> dict[int, int]:
    return _chunks_of(bits).copy() if isinstance(bits, Scattered) else _cut(bits._start, bits._bits)


def _check(bits: int, least: int) -> int:
    if not least <= bits < _LIMIT:
        raise OverflowError("a set with high bits cannot be an int")
    return bits


def _is_same(left: Sparse, right: Sparse) -> bool:
    if left is right:
        return True
    if left._start != right._start or left._bits != right._bits or left._low != right._low:
        return False
    return not isinstance(left, Scattered) or _chunks_of(left) == _chunks_of(right)


def _or_operand(made: BitSet, ours: Sparse, theirs: Sparse) -> BitSet:
    """Returns the operand that equals a result, or the result."""
    if isinstance(made, Sparse):
        if _is_same(made, ours):
            return ours
        if _is_same(made, theirs):
            return theirs
    return made


def _meet(ours: Sparse, other: BitSet) -> BitSet:
    """Returns the bits that a set has in common with another, or with an int; one that is negative has all high bits."""
    if not isinstance(other, Sparse):
        low = ours._low & _check(other, _LEAST)
        return low if other >= 0 else _with_low(ours, low)
    if isinstance(ours, Scattered):
        return _meet_scattered(ours, other) if isinstance(other, Scattered) else _meet_mixed(ours, other)
    return _meet_mixed(other, ours) if isinstance(other, Scattered) else _meet_near(ours, other)


def _meet_near(ours: Sparse, theirs: Sparse) -> BitSet:
    low = ours._low & theirs._low
    if ours._start < theirs._start:
        ours, theirs = theirs, ours
    apart = ours._start - theirs._start
    bits = ours._bits & (theirs._bits >> apart) if apart < WIDTH else 0
    return _or_operand(_from(low, ours._start, bits), ours, theirs) if bits else low


def _meet_mixed(far: Scattered, near: Sparse) -> BitSet:
    low = far._low & near._low
    chunks = far._chunks
    number = near._start // WIDTH
    within = near._start % WIDTH
    bits = (chunks.get(number, 0) >> within) & near._bits
    rest = near._bits >> (WIDTH - within)
    if rest:
        bits |= (chunks.get(number + 1, 0) & rest) << (WIDTH - within)
    return _with_low(near, low) if bits == near._bits else _from(low, near._start, bits)


def _meet_scattered(ours: Scattered, theirs: Scattered) -> BitSet:
    low = ours._low & theirs._low
    few = ours._chunks
    many = theirs._chunks
    if len(few) > len(many):
        few, many = many, few
    both = {number: chunk & many[number] for number, chunk in few.items() if number in many}
    return _or_operand(_from_chunks(low, _drop_empty(both)), ours, theirs) if both else low


def _join(ours: Sparse, other: BitSet) -> BitSet:
    """Returns the bits of both sets."""
    if not isinstance(other, Sparse):
        return _with_low(ours, ours._low | _check(other, 0))
    theirs = other
    low = ours._low | theirs._low
    if not isinstance(ours, Scattered) and not isinstance(theirs, Scattered):
        first, second = ours, theirs
        if first._start > second._start:
            first, second = second, first
        apart = second._start - first._start
        if apart < WIDTH:
            return _or_operand(_from(low, first._start, first._bits | (second._bits << apart)), ours, theirs)
    both = _copy_chunks(ours)
    _add(both, _chunks_of(theirs))
    return _or_operand(_from_chunks(low, both), ours, theirs)


def _differ(ours: Sparse, other: BitSet) -> BitSet:
    """Returns the bits of one of both sets only."""
    if not isinstance(other, Sparse):
        return _with_low(ours, ours._low ^ _check(other, 0))
    theirs = other
    both = _copy_chunks(ours)
    for number, chunk in _chunks_of(theirs).items():
        both[number] = both.get(number, 0) ^ chunk
    return _or_operand(_from_chunks(ours._low ^ theirs._low, _drop_empty(both)), ours, theirs)


def union(sets: Iterable[BitSet], known: BitSet = 0) -> BitSet:
    """Returns the set of all bits of several sets: `known`, or one of them, if that equals it."""
    low = 0
    high: list[Sparse] = []
    last: BitSet = 0
    for bits in sets:
        if not isinstance(bits, Sparse):
            low = _join_ints(low, _check(bits, 0))
        elif bits is not last:
            last = one = bits
            low = low | one._low if one._low else low
            high.append(one)
    if not high:
        return known if known == low else low
    total = _add_up(low, high)
    if isinstance(total, Sparse):
        for same in (known, *high):
            if isinstance(same, Sparse) and _is_same(same, total):
                return same
    return total


def _join_ints(ours: int, theirs: int) -> int:
    """Returns the bits of both, which is the one or the other where that equals them."""
    both = ours | theirs
    return ours if both == ours else theirs if both == theirs else both


def _add_up(low: int, sets: list[Sparse]) -> BitSet:
    """Returns the set of low bits, and of the high ones of sets.

    Sets whose bits are near each other often stand in the order of these: while they do not begin far apart, they are added to a
    short int, and only that to the chunks.
    """
    chunks: dict[int, int] = {}
    start = 0
    window = 0
    for bits in sets:
        if isinstance(bits, Scattered):
            _add(chunks, _chunks_of(bits))
        elif 0 <= bits._start - start < _WINDOW:
            window |= bits._bits << (bits._start - start)
        else:
            if window:
                _add(chunks, _cut(start, window))
            start = bits._start
            window = bits._bits
    if not chunks:
        return _from(low, start, window)
    if window:
        _add(chunks, _cut(start, window))
    return _from_chunks(low, chunks)


def _add(chunks: dict[int, int], others: dict[int, int]) -> None:
    for number, chunk in others.items():
        known = chunks.get(number)
        chunks[number] = chunk if known is None else known | chunk


class Unions(dict[tuple[BitSet, BitSet], BitSet]):
    """By pair of sets, their union: equal pairs have one object."""

    def __missing__(self, pair: tuple[BitSet, BitSet]) -> BitSet:
        both = self[pair] = union(pair)
        return both


def without(bits: BitSet, others: BitSet) -> BitSet:
    """Returns the bits of a set that are not in another."""
    return bits ^ (bits & others)


def list_places(bits: BitSet) -> list[int]:
    """Returns the places of the bits of a set, the lowest first."""
    if isinstance(bits, Sparse):
        return bits.places()
    places = []
    while bits:
        lowest = bits & -bits
        places.append(lowest.bit_length() - 1)
        bits ^= lowest
    return places
