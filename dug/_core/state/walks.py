"""The walk from a target's memos to all memos computed from it: `Walk` follows readers, and collects them in `Walk.touched`.

A group walks under its lock, to give a target its first bit or to forget the memos that ran it.

`homes_of` lists the homes of a target, `concerns` says whether a memo ran it.  `touch_roots` begins, `follow` goes on;
`rests_on_touched` and `is_about` decide.  `_touch` notes a memo; `_is_shielded` says that it met a tweak of its own node.

A context may tweak 100,000 nodes for the first time.  A walk for each of them would pass through what they all lead to as often.
So `Spread` finds in one pass which memos get the first bits of many nodes: each memo that one of them leads to is looked at once,
and gets the bits of all nodes that it, or a memo that it read, ran.  `bits_of` a memo; `_reach`, `_find_below` and `_list_below`
go through readers.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..facts.binding import Key
from ..facts.function import Function
from ..facts.memo import LIVE, Memo, NodeMemos
from ..facts.node import BENEATH, plain_key
from ..facts.sparse import BitSet, union

if TYPE_CHECKING:
    from ..facts.tweak import Target
    from .protocols import CacheShape


class Walk:
    """One walk from the memos of a target to all live memos that depend on them."""

    def __init__(
        self,
        caches: "Sequence[CacheShape]",
        target: "Target",
        roots: set[Key],
        *,
        reads_tweak_of: Callable[[Key, Memo], bool],
        forgets: bool = False,
        is_rebound: bool = False,
    ) -> None:
        self.touched: dict[Memo, CacheShape] = {}
        self.visited_roots: list[NodeMemos] = []
        self.callers: dict[NodeMemos, None] = {}
        """The direct readers of the target, if calls of it mean other nodes from now on."""
        self._caches = caches
        self._reads_tweak_of = reads_tweak_of
        self._target = target
        self._roots = roots
        self._reached = set(roots)
        self._resting = set[Memo]()
        """Those of the touched memos that are known to have read one."""
        self._forgets = forgets
        self._is_rebound = is_rebound

    def is_about(self, memo: Memo) -> bool:
        """True when a memo ran the target: as its node, or as one of a function that its run decorated."""
        mark = self._function.mark
        return mark in memo.made or concerns(self._target, plain_key(memo.home.key))

    @property
    def _function(self) -> Function:
        return self._target if isinstance(self._target, Function) else plain_key(self._target)[0]

    def touch_roots(self) -> None:
        """Touches every live memo of the target itself."""
        for cache in self._caches:
            for key in self._roots:
                home = cache.find_home(key)
                if home is not None:
                    self.visited_roots.append(home)
                    self.touched.update((memo, cache) for memo in home.memos() if not self._is_shielded(memo))

    def _is_shielded(self, memo: Memo) -> bool:
        """True when a memo met a tweak of its own node, and so did not ask for a tweak of its function.

        Until a function is tweaked for the first time, a memo that met a tweak met one of its own node.
        """
        return not self._forgets and memo.body != 0 and isinstance(self._target, Function)

    def follow(self) -> None:
        """Touches every live memo that depends on a touched one, from reader to reader.

        A node is looked at again whenever one of its memos is touched: different memos of one node depend on different ones.
        """
        pending = deque(self._roots)
        while pending:
            key = pending.popleft()
            for cache in self._caches:
                home = cache.find_home(key)
                for reader in () if home is None else home.live_readers():
                    if self._touch(reader, cache, is_caller=self._is_rebound and key in self._roots):
                        pending.append(reader.key)

    def _touch(self, reader: NodeMemos, cache: "CacheShape", *, is_caller: bool) -> bool:
        """Touches the memos of a node that depend on touched ones, all of a caller's; True when that is news to its readers."""
        before, is_first = len(self.touched), reader.key not in self._reached
        leads_on = reader.has_lost
        if self._forgets and reader.key[0] is BENEATH and reader.key[1] in self._roots:
            self.visited_roots.append(reader)
            self.touched.update((memo, cache) for memo in reader.memos())
            leads_on = True
        elif is_caller:
            self.callers[reader] = None
            self.touched.update((memo, cache) for memo in reader.memos())
            leads_on = True
        elif reader.plain is None and not reader.variants:
            leads_on = True
        else:
            while True:  # a bump depends on a memo of its own node
                found = [memo for memo in reader.memos() if memo not in self.touched and self.rests_on_touched(memo)]
                if not found:
                    break
                self.touched.update((memo, cache) for memo in found)
                self._resting.update(found)
                self._reached.add(reader.key)
        is_news = len(self.touched) > before or (is_first and leads_on)
        if is_news:
            self._reached.add(reader.key)
        return is_news

    def rests_on_touched(self, memo: Memo) -> bool:
        """True when a memo read a touched one, directly or through memos that are gone and were not visited by themselves.

        Complexity: O(its reads), the more quickly the sooner one is touched.
        """
        if memo in self._resting:
            return True
        seen, pending, mark, is_touched = {memo}, [memo], self._function.mark, self.touched.__contains__
        while pending:
            reader = pending.pop()
            if mark in reader.made or any(self._concerns_inner(reader, key) for key in reader.inner_nodes):
                return True
            own = reader.home.key
            if any(read.home.key != own for read in filter(is_touched, reader.dependencies)):  # the quickest way to look at many
                return True
            for read in reader.dependencies:
                is_gone = read.status != LIVE
                if is_touched(read) or (is_gone and self._is_gone_root(read)):
                    if read.home.key != own:
                        return True
                elif not is_gone:
                    continue
                if read not in seen:  # gone, or of the node itself beneath a tweak: its reads decide
                    seen.add(read)
                    pending.append(read)
        return False

    def _concerns_inner(self, memo: Memo, key: Key) -> bool:
        """True when a memo's run opened a context and ran a node of the target there, which may have met the target's tweak.

        A node that met a tweak of its own did not ask for a tweak of its function, see `_is_shielded`.
        """
        if self._forgets:
            return concerns(self._target, plain_key(key))
        return concerns(self._target, key) and not self._reads_tweak_of(key, memo)

    def _is_gone_root(self, memo: Memo) -> bool:
        """True for a memo of the target itself that would be touched if it still were in a cache."""
        key = memo.home.key
        return concerns(self._target, plain_key(key) if self._forgets else key) and not self._is_shielded(memo)


def homes_of(cache: "CacheShape", target: "Target") -> Iterator[NodeMemos]:
    """The memos of a node, or of each node of a function, in one cache."""
    if not isinstance(target, Function):
        home = cache.find_home(target)
        return iter(() if home is None else (home,))
    homes = cache.homes_of(target) if target.is_local else cache.homes
    return iter(homes.list_of(target))


def concerns(target: "Target", key: Key) -> bool:
    """True when a key is of the target: of the node, or of one of the function's."""
    return key[0] is target or key == target


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
