"""What the tests of live inputs share: `show`, the ticks and values of updates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dug.live import Update


def show(updates: Iterable[Update[Any]]) -> list[tuple[int, Any]]:
    """Return the tick and the value, or the error, of each update."""
    return [(update.tick, update.value if update.error is None else update.error) for update in updates]
