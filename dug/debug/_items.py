"""The items of streams as they are made: `Hooks` lets the generators of streams tell a check of each item.

A stream that is read already has a generator that began before, and tells nothing: the check finds its items when its node is
asked for.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .._functions.stream import AnyStream

Note = Callable[[AnyStream[Any], int, Any], None]
"""Takes a stream, the position of an item, and the item."""


class Hooks:
    """What a check has put around the generators of streams."""

    def __init__(self, note: Note) -> None:
        self._note: Note | None = note
        self._before: dict[AnyStream[Any], tuple[Any, Any]] = {}

    def hook(self, stream: AnyStream[Any]) -> None:
        """Lets generators of a stream that begin from now on tell of their items."""
        if stream in self._before or stream._body is None:
            return
        bump = stream._bump
        watch = self._watch_async if hasattr(stream, "__aiter__") else self._watch

        def watched(node: Any, body: Any, made: Any) -> Any:
            return watch(stream, made if bump is None else bump(node, body, made))

        self._before[stream] = bump, watched
        stream._bump = watched

    def unhook(self) -> None:
        """Ends it, for generators that go on too."""
        self._note = None
        for stream, (bump, watched) in self._before.items():
            if stream._bump is watched:
                stream._bump = bump
        self._before.clear()

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
