"""What a `Live` is fed from: `Feed`, an async iterable that a task reads, of which each item is a push.

A feed that has to wait for room waits in its task.  Its error ends it; nothing comes out of its task but a
cancellation, as what comes out of a task ends a whole loop.

`read_feed` reads what ``feed(key, *items)`` says.
"""

from collections.abc import AsyncIterable, Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any

from .._core.read import Node
from .._functions.async_driver import backend
from .._text.values import show
from ._backlog import BacklogError

PUSHES_A_TURN = 16
"""How many items a feed pushes at most, before the other tasks of the loop have a turn."""


def read_feed(key: Any, items: tuple[Any, ...]) -> "Feed":
    """Returns what ``feed(key, *items)`` says.

    Raises:
        TypeError: what should give the items is not an async iterable; the message says what to type.
    """
    if len(items) > 1 or (not items and isinstance(key, Node)):
        raise TypeError("Write live.feed(node, async_iterable) or live.feed(async_iterable_of_mappings).")
    source = items[0] if items else key
    if not isinstance(source, AsyncIterable):
        whom = f" for {show(key)}" if items else ""
        if callable(source):
            advice = "Write an async generator function and call it."
        elif items:
            advice = "Write: for value in values: live.push(node, value). Or write an async generator function and call it."
        else:
            advice = "Write live.feed(node, async_iterable), or push the values."
        raise TypeError(f"feed() takes an async iterable{whom}, not {show(source)}. {advice}")
    return Feed(key if items else None, source)


class Feed:
    """An async iterable, the node that it gives the values of if it is one node's, and the task that reads it."""

    def __init__(self, node: Any, items: Any) -> None:
        self.node, self._items = node, items
        self._variables = copy_context()
        self.task: Any = None

    def start(
        self, push: Callable[..., Awaitable[None]], on_error: Callable[[BaseException], object], on_end: Callable[[], object]
    ) -> None:
        """Begins to read, in a task of its own; `on_error` is called with what the iterable raises."""
        self.task = backend().start(partial(self._read, push, on_error), self._variables.copy(), partial(self._note_end, on_end))

    async def _read(self, push: Callable[..., Awaitable[None]], on_error: Callable[[BaseException], object]) -> None:
        iterator: Any = None
        try:
            iterator, pushed = aiter(self._items), 0
            async for item in iterator:
                try:
                    await (push(item) if self.node is None else push(self.node, item))
                except BacklogError as exc:  # the policy refuses this one
                    on_error(exc)
                pushed += 1
                if pushed % PUSHES_A_TURN == 0:  # items that need no wait must not keep the loop from its other tasks
                    await backend().Sleep().last(0.0)
        except BaseException as exc:
            on_error(exc)
            if isinstance(exc, backend().CANCELLED):
                raise
        finally:
            await _close(iterator, on_error)

    def _note_end(self, on_end: Callable[[], object]) -> None:
        self.task = None
        on_end()


async def _close(iterator: Any, on_error: Callable[[BaseException], object]) -> None:
    """Closes what was read, if it can be closed."""
    try:
        if hasattr(iterator, "aclose"):
            await iterator.aclose()
    except BaseException as exc:
        if is_cancellation(exc):
            raise
        on_error(exc)


def is_cancellation(exc: BaseException) -> bool:
    """True for what ends a task from outside."""
    if isinstance(exc, GeneratorExit):  # by the collector, where no loop may be left to ask
        return True
    return isinstance(exc, backend().CANCELLED)
