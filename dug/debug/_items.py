"""The items of streams as they are made: `Hooks` lets the generators of streams tell a check of each item.

A stream that is read already has a generator that began before, and tells nothing: the check finds its items when its node is
asked for.

`_Items` tells of the items of one run of a generator.
"""

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

from .._functions.stream import AnyStream
from .._inspect.stream_wrappers import Wrapper, unwrap, wrap

Note = Callable[[AnyStream[Any], int, Any], None]
"""Takes a stream, the position of an item, and the item."""


class Hooks:
    """What a check has put around the generators of streams; for many threads."""

    def __init__(self, note: Note) -> None:
        self.note: Note | None = note
        self._lock = Lock()
        self._hooks: dict[AnyStream[Any], Wrapper] = {}

    def hook(self, stream: AnyStream[Any]) -> None:
        """Lets generators of a stream that begin from now on tell of their items."""
        with self._lock:
            if stream not in self._hooks and stream._body is not None and self.note is not None:
                self._hooks[stream] = wrap(stream, partial(_Items, self, stream))

    def unhook(self) -> None:
        """Ends it, for generators that go on too."""
        with self._lock:
            self.note = None
            for stream, hook in self._hooks.items():
                unwrap(stream, hook)
            self._hooks.clear()


class _Items:
    """Tells of the items of one run of a generator."""

    __slots__ = ("_hooks", "_position", "_stream")

    def __init__(self, hooks: Hooks, stream: AnyStream[Any]) -> None:
        self._hooks, self._stream = hooks, stream
        self._position = 0

    def take(self, item: Any) -> None:
        """Tells of the next item."""
        note = self._hooks.note
        if note is not None:
            note(self._stream, self._position, item)
        self._position += 1

    def end(self, error: Exception | None) -> None:
        """Tells nothing: what an item was changed to later shows at the end of the check."""
