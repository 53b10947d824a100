"""The order of the day among streams that are read on one loop: `Order`, and `Reading`, one stream that is being read.

An item waits until the earlier items of the other streams were given, and then some turns of the loop more, in which the last
one comes through to whoever uses it.  Only a reader that asks can get an item: after more turns those that do not ask are no
longer waited for, until they ask again.  So a program goes on that reads its streams in another order than then.

Of the readings that wait, the one whose item is the earliest watches the turns; each other one sleeps until that is itself.

A reading waits in `take_turn`, `_wait_for_earlier` and `_wait`; `is_due` and `find_watcher` decide.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

from .._functions.async_driver import backend

SETTLING = 8
"""How many turns of the loop an item waits after that of another stream."""
PATIENCE = 64
"""How many turns it waits for earlier ones that nobody asks for."""


class Order:
    """Which items of the streams on one loop are still to come."""

    def __init__(self, firsts: Mapping[Any, int]) -> None:
        self.awaited: dict[Any, int] = dict(firsts)
        """The next place of each stream that is waited for: by its entry before it is read, by its reading then."""
        self.asking: dict[Reading, Any] = {}
        """The readings that wait, and the sleep of each that sleeps."""
        self.last: Reading | None = None
        """The reading that gave the last item."""
        self.given = 0
        """How many items were given."""

    def is_due(self, place: int) -> bool:
        """True when nobody is waited for who has an earlier item."""
        return all(other >= place for other in self.awaited.values())

    def find_watcher(self) -> "Reading | None":
        """Returns the reading that watches the turns."""
        return min(self.asking, key=self.awaited.__getitem__, default=None)

    def wake_watcher(self) -> None:
        """Ends the sleep of the reading that is the next to watch."""
        watcher = self.find_watcher()
        if watcher is not None and self.asking[watcher] is not None:
            self.asking[watcher].wake()

    def stop_waiting(self, place: int) -> None:
        """Waits no longer for those who have an earlier item."""
        self.awaited = {one: other for one, other in self.awaited.items() if other >= place}


class Reading:
    """One stream that is being read."""

    def __init__(self, order: Order, entry: Any) -> None:
        self._order = order
        order.awaited.pop(entry, None)

    async def take_turn(self, place: int, following: int | None, wait_until_due: Awaitable[None]) -> None:
        """Returns when it is time for the item in a place of the file; `following` is the place of the next one."""
        order = self._order
        order.awaited[self], order.asking[self] = place, None
        try:
            await wait_until_due
            await self._wait(place)
            order.last, order.given = self, order.given + 1
        finally:
            del order.asking[self], order.awaited[self]
            if following is not None:
                order.awaited[self] = following
            order.wake_watcher()

    async def _wait(self, place: int) -> None:
        order, settled = self._order, 0
        while True:
            if not order.is_due(place):
                await self._wait_for_earlier(place)
            elif order.last in {None, self} or settled == order.given:
                return
            else:
                settled = order.given
                for _ in range(SETTLING):
                    await backend().take_turn()

    async def _wait_for_earlier(self, place: int) -> None:
        """Returns when something has changed among those who have an earlier item, or when they are no longer waited for."""
        order = self._order
        if order.find_watcher() is not self:
            order.asking[self] = sleep = backend().Sleep()
            await sleep.last(None)
            return
        for _ in range(PATIENCE):
            await backend().take_turn()
            if order.is_due(place):
                return
        if order.find_watcher() is self:
            order.stop_waiting(place)

    def close(self) -> None:
        """Lets nobody wait for it."""
        self._order.awaited.pop(self, None)
        self._order.wake_watcher()
