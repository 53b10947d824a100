"""What the tests of live inputs share: `show`, the ticks and values of updates; `watch_waits`, for pushes that wait for room."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Condition
from typing import Any

from dug.live import Live, Update
from support.sync_points import Signal


def show(updates: Iterable[Update[Any]]) -> list[tuple[int, Any]]:
    """Return the tick and the value, or the error, of each update."""
    return [(update.tick, update.value if update.error is None else update.error) for update in updates]


def watch_waits(live: Live) -> Signal:
    """Return a signal that is set when a push waits for room; call it before the first push."""
    waits = Signal()

    class Watched(Condition):
        def wait(self, timeout: float | None = None) -> bool:
            waits.set()
            return super().wait(timeout)

    live._backlog._changed = Watched()
    return waits
