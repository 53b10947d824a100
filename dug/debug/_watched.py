"""One value that is watched: `Watched`, what it contained when it was last seen, and who has read it since.

`_take_down` writes its content down; a value that cannot be looked at has none.
"""

from typing import Any

from .._core.read import Memo, Node
from ._contents import Entry, find_change, is_opaque, take

_LOOKS = 3
"""How often a value must differ in a row: another thread may just be filling a cache in it."""


class Watched:
    """A value, and what it contained; holds it alive, so that its id stays its own."""

    __slots__ = ("changed_at", "contents", "is_item", "memos", "node", "position", "readers", "suspects", "value")

    def __init__(self, value: Any, node: Node[Any], position: int | None = None) -> None:
        self.value = value
        self.node = node
        self.position = position
        self.memos: set[Memo] = set()
        """The memos whose value it is."""
        self.readers: dict[Node[Any], None] = {}
        """Who has read it, and ran, since it was last seen unchanged."""
        self.suspects: tuple[Node[Any], ...] = ()
        self.changed_at: str | None = None
        """Where it differed when it was first seen to."""
        self.contents: list[Entry] | None = _take_down(value)
        """What it contained; None if it could not be looked at so far."""

    @property
    def is_opaque(self) -> bool:
        """True when some part of it cannot be looked into."""
        return self.contents is None or is_opaque(self.contents)

    def look(self) -> str | None:
        """Returns the place at which it differs from what it contained; what was filled counts from now on."""
        place = None
        for _ in range(_LOOKS):
            now = _take_down(self.value)
            if now is None:
                return None
            place = None if self.contents is None else find_change(self.contents, now)
            if place is None:
                self.contents = now
                return None
        return place


def _take_down(value: Any) -> list[Entry] | None:
    """Returns the content of a value; None if it cannot be looked at, as when another thread is changing it."""
    try:
        return take(value)
    except Exception:  # noqa: BLE001  the user's class, which may raise anything: a check must not break what it watches
        return None
