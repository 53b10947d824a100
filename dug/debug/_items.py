"""The items of streams as they are made: `Hooks` lets the generators of streams tell a check of each item.

A stream that is read already has a generator that began before, and tells nothing: the check finds its items when its node is
asked for.  Checks may be around one stream in any number, and end in any order.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from threading import Lock
from typing import Any

from .._functions.stream import AnyStream

Note = Callable[[AnyStream[Any], int, Any], None]
"""Takes a stream, the position of an item, and the item."""


class _Hook:
    """Stands for the bump of a stream, and passes on what that makes by way of a check; by no way when the check has ended."""

    __slots__ = ("beneath", "watch")

    def __init__(self, beneath: Any, watch: Callable[[Any], Any]) -> None:
        self.beneath = beneath
        self.watch: Callable[[Any], Any] | None = watch

    def __call__(self, node: Any, body: Any, made: Any) -> Any:
        watch = self.watch
        bumped = made if self.beneath is None else self.beneath(node, body, made)
        return bumped if watch is None else watch(bumped)


class Hooks:
    """What a check has put around the generators of streams; for many threads."""

    def __init__(self, note: Note) -> None:
        self._note: Note | None = note
        self._lock = Lock()
        self._hooks: dict[AnyStream[Any], _Hook] = {}

    def hook(self, stream: AnyStream[Any]) -> None:
        """Lets generators of a stream that begin from now on tell of their items."""
        watch = self._watch_async if hasattr(stream, "__aiter__") else self._watch
        with self._lock:
            if stream not in self._hooks and stream._body is not None and self._note is not None:
                stream._bump = self._hooks[stream] = _Hook(stream._bump, partial(watch, stream))

    def unhook(self) -> None:
        """Ends it, for generators that go on too."""
        with self._lock:
            self._note = None
            for stream, hook in self._hooks.items():
                hook.watch = None
                while type(stream._bump) is _Hook and stream._bump.watch is None:  # those beneath may have ended before
                    stream._bump = stream._bump.beneath
            self._hooks.clear()

    def _tell(self, stream: AnyStream[Any], position: int, item: Any) -> None:
        note = self._note
        if note is not None:
            note(stream, position, item)

    def _watch(self, stream: AnyStream[Any], made: Any) -> Iterator[Any]:
        position = 0
        try:
            for item in made:
                self._tell(stream, position, item)
                position += 1
                yield item
        finally:
            made.close()

    async def _watch_async(self, stream: AnyStream[Any], made: Any) -> AsyncIterator[Any]:
        position = 0
        try:
            async for item in made:
                self._tell(stream, position, item)
                position += 1
                yield item
        finally:
            await made.aclose()
