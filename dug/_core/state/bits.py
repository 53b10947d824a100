"""Which bit of a footprint belongs to which target: `Bits`, for one cache group.

A target gets its bit the first time that it is tweaked or untweaked; a few sources get theirs early, see
`group.CacheGroup.give_early_bit`.  A local function keeps its bits and those of its nodes itself, so that they are freed with it;
its bits are given again once no memo has them.

`function_of` gives the function of a target, of which the bits of its nodes go together.  `next` gives a bit, `find_targets` its
targets, `keep` gives a target one, `_find_spare` finds one that is free again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from ..facts.function import Function
from ..facts.memo import Memo
from ..facts.node import plain_key
from ..facts.sparse import BitSet, list_places, make_bit, union, without

if TYPE_CHECKING:
    from ..facts.tweak import Target

LEAST = 64
"""At least so many bits are given to local functions before a search for those of functions that are gone."""

_NONE: dict[Any, BitSet] = {}


def function_of(target: "Target") -> Function:
    """Returns the function that a target is, or is a node of."""
    return target if isinstance(target, Function) else plain_key(target)[0]


class Bits:
    """The bits that were given so far."""

    __slots__ = ("__weakref__", "_by_place", "_given", "_named", "_recent", "_spare", "by_function")

    def __init__(self) -> None:
        self.by_function: dict[ref[Function], BitSet] = {}
        """By the mark of a function: its bits, and those of all its nodes."""
        self._named: dict[Target, BitSet] = {}
        self._by_place: list[Target | None] = []
        """By the place of its bit: a target whose function has a name."""
        self._given = 0
        self._recent = 0
        """How many were given to local functions since the last search for those of functions that are gone."""
        self._spare: list[BitSet] = []

    def of(self, target: "Target") -> BitSet:
        """Returns the bit of a target, 0 when it has none."""
        bit = self._named.get(target)  # where nearly all are
        return self._kept_for(target).get(target, 0) if bit is None else bit

    def find_targets(self, bits: BitSet) -> "list[Target]":
        """Returns the targets that have these bits.

        Complexity: O(bits), and O(targets) of local functions.
        """
        named = self._by_place
        found = [target for place in list_places(bits) if place < len(named) and (target := named[place]) is not None]
        for mark in self.by_function.copy():
            function = mark()
            if function is not None and function.bits is not None:
                found += [target for target, bit in function.bits.get(self, _NONE).copy().items() if bit & bits]
        return found

    def keep(self, target: "Target", bit: BitSet) -> None:
        """Gives a target a bit; a reader that finds it there may rely on the footprints of all existing memos."""
        self.keep_all({target: bit})

    def keep_all(self, given: "Mapping[Any, BitSet]") -> None:
        """`keep` for several targets."""
        by_mark: dict[ref[Function], list[BitSet]] = {}
        for target, bit in given.items():
            by_mark.setdefault(function_of(target).mark, []).append(bit)
        for mark, bits in by_mark.items():
            self.by_function[mark] = union([self.by_function.get(mark, 0), *bits])
        for target, bit in given.items():
            self._enter(function_of(target), target, bit)

    def _enter(self, function: Function, target: "Target", bit: BitSet) -> None:
        if function.is_local and function.bits is None:
            function.bits = WeakKeyDictionary()
        if function.bits is not None:
            function.bits.setdefault(self, {})[target] = bit
        else:
            (place,) = list_places(bit)
            self._by_place += [None] * (place + 1 - len(self._by_place))
            self._by_place[place] = target
            self._named[target] = bit  # last

    def next(self, target: "Target", memos: Callable[[], Iterable[Memo]]) -> BitSet:
        """Returns a bit that no memo has in its footprint; bit 0 belongs to no target, see `FORGOTTEN` and `open_mask`.

        Args:
            target: the node or function that gets it.
            memos: returns every memo that there is.

        Complexity: O(1), and O(memos) whenever half as many were given to local functions as there are.
        """
        self._recent += function_of(target).is_local
        if not self._spare and self._recent > max(LEAST, self._given // 2):
            self._recent = 0
            self._spare = list(self._find_spare(memos))
        if self._spare:
            return self._spare.pop()
        self._given += 1
        return make_bit(self._given)

    def _kept_for(self, target: "Target") -> "dict[Target, BitSet]":
        function = function_of(target)
        if not function.is_local:
            return self._named
        bits: dict[Target, BitSet] = _NONE if function.bits is None else function.bits.get(self, _NONE)
        return bits

    def _find_spare(self, memos: Callable[[], Iterable[Memo]]) -> Iterator[BitSet]:
        """Yields the bits of local functions that are gone, except those that some memo still has.

        A run in flight may have one, too.  Its memo then has a bit too many in its footprint, and is computed once too often.
        """
        gone = {mark: bits for mark, bits in self.by_function.copy().items() if mark() is None}
        spare = union(gone.values())
        for memo in memos() if spare else ():
            spare = without(without(spare, memo.footprint), memo.footprint_below)
        for mark, bits in gone.items():
            left = without(bits, spare)
            if left:
                self.by_function[mark] = left  # searched again the next time
            else:
                del self.by_function[mark]
        yield from map(make_bit, list_places(spare))
