"""Sets of bits, as footprints and masks are: `make_bit`, `union`, `Unions`, `without`; `Sparse` is a set that has high bits.

An int is as long as its highest bit.  If sets were ints alone, a book of which each of 100,000 leaves was tweaked once would keep
100,000 ints of up to 12 kB for its leaves.  So a set is a plain int only as long as all of its bits are low ones, as in most
programs; any other is a `Sparse`, which is as long as it has chunks that are not empty.  Two sets are equal only when both are of
one class.  With ``&``, ``|`` and ``^`` they mix; a set from which others are taken away is ``bits ^ (bits & others)``, as nothing
but an int has a complement.

The compiled class keeps 64 bits in a chunk and the pure one 256, and a set is an int as long as it has bits of the first chunk
only.  A result that equals an operand which is a `Sparse` is that operand, so that equal sets are often one object.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

from ..native.choose import compiled

WIDTH = 256
"""How many bits a chunk has; of the first one, which a plain int can be, too."""
_LIMIT = 1 << WIDTH


class PureSparse:
    """An immutable set of bits of which some are high; the specification of the compiled `Sparse`."""

    __slots__ = ("_chunks", "_hash")

    def __init__(self, chunks: dict[int, int]) -> None:
        self._chunks = chunks
        """By number, those that are not empty; among them one with a number above 0."""
        self._hash = 0

    @staticmethod
    def bit(place: int) -> "BitSet":
        """Returns the set of one bit."""
        at, within = divmod(place, WIDTH)
        return _make({at: 1 << within})

    def places(self) -> list[int]:
        """Returns the places of the bits, the lowest first."""
        return [at * WIDTH + place for at, chunk in sorted(self._chunks.items()) for place in list_places(chunk)]

    def bit_count(self) -> int:
        """Returns the number of bits."""
        return sum(map(int.bit_count, self._chunks.values()))

    def __and__(self, other: "BitSet") -> "BitSet":
        mine = self._chunks
        if isinstance(other, int):
            if other >= 0:
                return mine.get(0, 0) & (other if other < _LIMIT else _check(other, least=0))
            low = mine.get(0, 0) & _check(other, least=-_LIMIT)
            return self._unless_same({**mine, 0: low} if low or 0 in mine else mine)
        theirs = other._chunks
        if mine.keys().isdisjoint(theirs):  # nearly always, where a scenario of few tweaks asks whether a memo answers
            return 0
        few, many = (mine, theirs) if len(mine) <= len(theirs) else (theirs, mine)
        both = {at: chunk & many[at] for at, chunk in few.items() if at in many}
        return self._unless_same(both, other) if any(both.values()) else 0

    def __or__(self, other: "BitSet") -> "BitSet":
        both = self._chunks.copy()
        for at, chunk in _chunks_of(other).items():
            both[at] = both.get(at, 0) | chunk
        return self._unless_same(both, other)

    def __xor__(self, other: "BitSet") -> "BitSet":
        both = self._chunks.copy()
        for at, chunk in _chunks_of(other).items():
            both[at] = both.get(at, 0) ^ chunk
        return self._unless_same(both, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def _unless_same(self, chunks: dict[int, int], other: "BitSet" = 0) -> "BitSet":
        """Returns the set with these chunks: this one or the other, if it equals that."""
        if not all(chunks.values()):
            chunks = {at: chunk for at, chunk in chunks.items() if chunk}
        if chunks == self._chunks:
            return self
        return other if isinstance(other, PureSparse) and chunks == other._chunks else _make(chunks)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, PureSparse) and self._chunks == other._chunks)

    def __hash__(self) -> int:
        if not self._hash:
            self._hash = hash(frozenset(self._chunks.items()))
        return self._hash


BitSet: TypeAlias = int | PureSparse
"""A set of bits."""


def _make(chunks: dict[int, int]) -> BitSet:
    """Returns the set with these chunks, none of which is empty."""
    return PureSparse(chunks) if len(chunks) > 1 or (chunks and 0 not in chunks) else chunks.get(0, 0)


def _chunks_of(bits: BitSet) -> dict[int, int]:
    if isinstance(bits, PureSparse):
        return bits._chunks
    return {0: _check(bits, least=0)} if bits else {}


def _check(bits: int, *, least: int) -> int:
    if not least <= bits < _LIMIT:
        raise OverflowError("a set with high bits cannot be an int")
    return bits


def _pure_union(sets: Iterable[BitSet]) -> BitSet:
    several = list(sets)
    high, chunks = [bits for bits in several if isinstance(bits, PureSparse)], dict[int, int]()
    low: BitSet = reduce(or_, [bits for bits in several if not isinstance(bits, PureSparse)], 0)
    if not high:
        return low
    for bits in high:
        for at, chunk in bits._chunks.items():
            chunks[at] = chunks.get(at, 0) | chunk
    for at, chunk in _chunks_of(low).items():
        chunks[at] = chunks.get(at, 0) | chunk
    for bits in high:
        if bits._chunks == chunks:
            return bits
    return PureSparse(chunks)


Sparse: Any = PureSparse if compiled is None else compiled.Sparse
"""The class in use of sets that have high bits."""

make_bit: Any = PureSparse.bit if compiled is None else compiled.Sparse.bit
"""Returns the set of one bit, by its place: ``1 << place``, if that is a low one."""

union: Any = _pure_union if compiled is None else compiled.union
"""Returns the set of all bits of several sets, in as many steps as these have chunks, and their union."""


class Unions(dict[tuple[BitSet, BitSet], BitSet]):
    """By pair of sets, their union: equal pairs have one object."""

    def __missing__(self, pair: tuple[BitSet, BitSet]) -> BitSet:
        both = self[pair] = pair[0] | pair[1]
        return both


def without(bits: BitSet, others: BitSet) -> BitSet:
    """Returns the bits of a set that are not in another."""
    return bits ^ (bits & others)


def list_places(bits: BitSet) -> list[int]:
    """Returns the places of the bits of a set, the lowest first."""
    if not isinstance(bits, int):
        return bits.places()
    places = []
    while bits:
        lowest = bits & -bits
        places.append(lowest.bit_length() - 1)
        bits ^= lowest
    return places
