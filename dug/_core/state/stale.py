"""Which nodes of a cache have an older memo that waits to be verified: `Stale`, which bounds their number.

An invalidation takes memos out of force whose values may still hold.  They wait until somebody asks for the node, which may be
never, so the oldest are evicted when there are too many: more than were ever in force at an invalidation.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any
from weakref import ref

from ..facts.memo import STALE, State

LEAST = 1_000
"""At least so many may wait in every cache."""


class Stale:
    """The states whose newest memo is stale."""

    __slots__ = ("_most", "_states")

    def __init__(self) -> None:
        self._states: OrderedDict[Any, None] = OrderedDict()  # the oldest first; of a local function, the links
        self._most = LEAST

    def allow(self, count: int) -> None:
        """Raises the number that may wait."""
        self._most = max(self._most, count)

    def add(self, state: State) -> None:
        """Notes that the newest memo of a node has become stale."""
        noted = state.link or state
        if noted in self._states:
            self._states.move_to_end(noted)
        else:
            self._states[noted] = None

    def discard(self, state: State) -> None:
        """Notes that the newest memo is another one now."""
        self._states.pop(state.link or state, None)

    def pop_excess(self) -> Iterator[State]:
        """Yields those that have waited longest while there are too many."""
        while len(self._states) > self._most:
            noted = self._states.popitem(last=False)[0]
            state: State | None = noted() if type(noted) is ref else noted
            if state is not None and state.newest is not None and state.newest.status == STALE:
                yield state

    def clear(self) -> None:
        """Forgets them all."""
        self._states.clear()
        self._most = LEAST
