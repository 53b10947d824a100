"""Which nodes of a cache have an older memo that waits to be verified: `Stale`, which bounds their number.

An invalidation takes memos out of force whose values may still hold.  They wait until somebody asks for the node, which may be
never, so the oldest are evicted when there are too many: more than were ever in force at an invalidation.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any
from weakref import ref

from ..facts.memo import STALE, NodeMemos

LEAST = 1_000
"""At least so many may wait in every cache."""


class Stale:
    """The nodes whose newest memo is stale."""

    __slots__ = ("_homes", "_most")

    def __init__(self) -> None:
        self._homes: OrderedDict[Any, None] = OrderedDict()  # the oldest first; of a local function, the links
        self._most = LEAST

    def allow(self, count: int) -> None:
        """Raises the number that may wait."""
        self._most = max(self._most, count)

    def add(self, home: NodeMemos) -> None:
        """Notes that the newest memo of a node has become stale."""
        noted = home.link or home
        if noted in self._homes:
            self._homes.move_to_end(noted)
        else:
            self._homes[noted] = None

    def discard(self, home: NodeMemos) -> None:
        """Notes that the newest memo is another one now."""
        self._homes.pop(home.link or home, None)

    def pop_excess(self) -> Iterator[NodeMemos]:
        """Yields those that have waited longest while there are too many."""
        while len(self._homes) > self._most:
            noted = self._homes.popitem(last=False)[0]
            home: NodeMemos | None = noted() if type(noted) is ref else noted
            if home is not None and home.newest is not None and home.newest.status == STALE:
                yield home

    def clear(self) -> None:
        """Forgets them all."""
        self._homes.clear()
        self._most = LEAST
