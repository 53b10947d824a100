"""What a `Live` is fed from: `Feed`, an async iterable that a task reads, of which each item is a push.

A feed that has to wait for room waits in its task.  Its error ends it, and is shown as an update.
"""

from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any

from .._functions.async_driver import backend
from ._backlog import BacklogError

PUSHES_A_TURN = 16
"""How many items a feed pushes at most, before the other tasks of the loop have a turn."""


class Feed:
    """An async iterable, the node that it gives the values of if it is one node's, and the task that reads it."""

    def __init__(self, node: Any, items: Any) -> None:
        self.node, self._items = node, items
        self._variables = copy_context()
        self.task: Any = None
        self.is_over = False

    def start(
        self, push: Callable[..., Awaitable[None]], on_error: Callable[[Exception], object], on_end: Callable[[], object]
    ) -> None:
        """Begins to read, in a task of its own."""
        self.task = backend().start(partial(self._read, push, on_error), self._variables.copy(), partial(self._note_end, on_end))

    async def _read(self, push: Callable[..., Awaitable[None]], on_error: Callable[[Exception], object]) -> None:
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
        except Exception as exc:  # noqa: BLE001  it is shown as an update
            on_error(exc)
        finally:
            if hasattr(iterator, "aclose"):
                await iterator.aclose()

    def _note_end(self, on_end: Callable[[], object]) -> None:
        self.is_over, self.task = True, None
        on_end()
