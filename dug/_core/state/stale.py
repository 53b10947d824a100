"""Which memos of a cache wait to be verified: those of a node (`make_newest`), and how many of all nodes (`Stale`).

An invalidation takes memos out of force whose values may still hold.  They wait until somebody asks for the node, which may be
never, so the oldest are evicted when there are too many: more than were ever in force at an invalidation.

The memos of a node under different tweaks wait side by side, as each may hold in its own scenario only.

`find_waiting` looks whether some memo of a node waits, `take_waiting` takes it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..facts.memo import LIVE, STALE, Memo, NodeMemos

if TYPE_CHECKING:
    from .scenario import ActiveTweaks

LEAST = 1_000
"""At least so many may wait in every cache."""


def make_newest(memo: Memo) -> list[Memo]:
    """Has verification start from a memo of its node; returns those that waited and met the same tweaks, which wait no more.

    One that was taken out of force waits beside a newest that is in force still.
    """
    home, old = memo.home, memo.home.newest
    waiting = list(home.waiting or ())
    if old is not None and old is not memo and old.status == STALE:
        waiting.append(old)
    kept = [other for other in waiting if other.restriction != memo.restriction]
    if old is not None and old is not memo and old.status == LIVE and memo.status == STALE:
        kept.append(memo)
    else:
        home.newest = memo
    home.waiting, home.shown = kept or None, True  # a new list: whoever is to release the old one may hold it
    return [other for other in waiting if other.restriction == memo.restriction]


def find_waiting(home: NodeMemos, tweaks: "ActiveTweaks") -> list[Memo]:
    """Returns those that would answer in a scenario if they were in force still, by footprints that get no new bits meanwhile."""
    return [memo for memo in home.waiting or () if memo.restriction == tweaks.restrict(memo.footprint)]


def take_waiting(home: NodeMemos) -> list[Memo]:
    """Takes out the memos of a node that wait, and returns them."""
    taken, home.waiting = list(home.waiting or ()), None
    if home.newest is not None and home.newest.status == STALE:
        taken.append(home.newest)
        home.newest = home.plain
    return taken


class Stale:
    """The nodes that have memos which wait."""

    __slots__ = ("_count", "_homes", "_most")

    def __init__(self) -> None:
        self._homes: OrderedDict[Any, int] = OrderedDict()
        """How many memos of each wait; those that came last at the end.  Of a local function, the links."""
        self._count = 0
        self._most = LEAST

    def allow(self, count: int) -> None:
        """Raises the number that may wait."""
        self._most = max(self._most, count)

    def note(self, home: NodeMemos) -> None:
        """Notes how many memos of a node wait now."""
        self.discard(home)
        count = len(home.waiting or ()) + (home.newest is not None and home.newest.status == STALE)
        if count:
            self._homes[home.link or home] = count
            self._count += count

    def discard(self, home: NodeMemos) -> None:
        """Notes that a node has none."""
        self._count -= self._homes.pop(home.link or home, 0)

    def pop_excess(self) -> Iterator[NodeMemos]:
        """Yields the nodes whose memos have waited longest while there are too many."""
        while self._count > self._most:
            noted, count = self._homes.popitem(last=False)
            self._count -= count
            home: NodeMemos | None = noted() if type(noted) is ref else noted
            if home is not None:
                yield home

    def clear(self) -> None:
        """Forgets them all."""
        self._homes.clear()
        self._count = 0
        self._most = LEAST
