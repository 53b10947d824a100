"""Which memos get the first bits of many nodes: `Spread` finds them in one pass, as `walks.Walk` does for one target.

A context may tweak 100,000 nodes for the first time.  A walk for each of them would pass through what they all lead to as often,
so here each memo that one of them leads to is looked at once: it gets the bits of all nodes that it, or a memo that it read, ran.

A group does so under its lock.  `bits_of` a memo; `_reach`, `_find_below` and `_list_below` go through readers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..facts.binding import Key
from ..facts.memo import LIVE, Memo, NodeMemos
from ..facts.node import plain_key
from ..facts.sparse import BitSet, union

if TYPE_CHECKING:
    from .protocols import CacheShape


class Spread:
    """The memos that some nodes lead to, and the bits of the nodes for each of them."""

    def __init__(self, caches: "Sequence[CacheShape]", given: Mapping[Key, BitSet]) -> None:
        self.memos: dict[Memo, CacheShape] = {}
        """Every live memo that may depend on one of the nodes, with its cache."""
        self._given = given
        self._roots: dict[NodeMemos, BitSet] = {}
        self._below: dict[Memo, BitSet] = {}
        for home, cache in self._reach(caches):
            self.memos.update((memo, cache) for memo in home.memos())

    def bits_of(self, memo: Memo) -> tuple[BitSet, BitSet]:
        """Returns the new bits of a memo: of all nodes that it depends on, and of those that it depends on by its reads."""
        below = self._find_below(memo)
        return below | self._roots.get(memo.home, 0), below

    def _reach(self, caches: "Sequence[CacheShape]") -> Iterator[tuple[NodeMemos, "CacheShape"]]:
        """Yields the homes of the nodes, and all that read them, directly or through others."""
        pending, seen = list(self._given), set(self._given)
        for key in pending:
            for cache in caches:
                home = cache.find_home(key)
                if home is not None:
                    if key in self._given:
                        self._roots[home] = self._given[key]
                        yield home, cache
                    for reader in home.live_readers():
                        yield reader, cache
                        if reader.key not in seen:
                            seen.add(reader.key)
                            pending.append(reader.key)

    def _find_below(self, memo: Memo) -> BitSet:
        """Returns the bits of the nodes that the reads of a memo depend on; without recursion, as chains are long."""
        known, stack = self._below, [memo]
        while stack:
            reader = stack[-1]
            if reader not in known:
                reads = [read for read in reader.dependencies if read not in known]
                unknown = [read for read in reads if read.status != LIVE or read in self.memos]
                if unknown:
                    stack += unknown
                    continue
                known[reader] = union(self._list_below(reader))
            stack.pop()
        return known[memo]

    def _list_below(self, reader: Memo) -> Iterable[BitSet]:
        """The bits that each read of a memo brings, and those of nodes that its run led to and that are no reads of it."""
        known, roots, own = self._below, self._roots, reader.home.key
        found = list[BitSet]()
        for read in reader.dependencies:
            bits = known.get(read)
            if bits is not None:
                found.append(bits)
                key = read.home.key
                if key[0] is not own[0] or key != own:  # a bump depends on its own node: the reads of that one decide
                    found.append(self._given.get(key, 0) if read.status != LIVE else roots.get(read.home, 0))
        for key in reader.inner_nodes:
            if key in self._given:  # it met no tweak there, as it was never tweaked
                found.append(self._given[key])
        if reader.made:
            found += [bit for key, bit in self._given.items() if plain_key(key)[0].mark in reader.made]
        return found
