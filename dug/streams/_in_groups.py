"""Operators that give several items of one stream together: `batch`, `window`.

`_Batch` and `_Window` are their cursors.
"""

from collections import deque
from typing import Any, TypeVar

from .._functions.async_driver import backend
from .._functions.reader import PENDING
from ._cursor import Cursor, Readable, check_count, check_seconds
from ._pause import Pause

T = TypeVar("T")


class _Batch(Cursor[Any]):
    """Has the items of the next batch, and the end or error for when they have been given."""

    operator = "batch"

    def __init__(self, stream: Any, count: int, seconds: float | None) -> None:
        super().__init__(stream)
        self._count, self._seconds = count, seconds
        self._items: list[Any] = []
        self._until = 0.0
        self._error: BaseException | None = None

    def _poll(self) -> Any:
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error
        poll, items = self._inputs[0]._poll, self._items
        while len(items) < self._count:
            try:
                item = poll()
            except (Exception, StopAsyncIteration) as exc:
                if not items:
                    raise
                self._error = exc
                break
            if item is PENDING:
                if self._seconds is None or not items or backend().find_time() < self._until:
                    return PENDING
                break
            if self._seconds is not None and not items:
                self._until = backend().find_time() + self._seconds
            items.append(item)
        self._items = []
        return tuple(items)

    def _add_to(self, pause: Pause) -> None:
        super()._add_to(pause)
        if self._seconds is not None and self._items:
            pause.end_by(self._until)


class _Window(Cursor[Any]):
    operator = "window"

    def __init__(self, stream: Any, count: int) -> None:
        super().__init__(stream)
        self._items: deque[Any] = deque(maxlen=count)
        self._count = count

    def _poll(self) -> Any:
        poll, items = self._inputs[0]._poll, self._items
        while (item := poll()) is not PENDING:
            items.append(item)
            if len(items) == self._count:
                return tuple(items)
        return PENDING


def batch(stream: Readable[T], count: int, *, seconds: float | None = None) -> Cursor[tuple[T, ...]]:
    """Returns a cursor that gives the items of a stream in tuples of `count`; the last one may be shorter.

    * Order: that of the stream; each item is in one batch, and no batch is empty.
    * Errors: the stream's error comes after a batch of the items before it, and ends it.
    * Cancellation: the items of a batch that is half filled are kept for the next asker.
    * Complexity: O(1) for each item, O(count) memory; no task.  With `seconds` it depends on the time how the items are divided:
      a memoised function that uses it so should be a `source`.

    Args:
        stream: a stream, a reader, or what another operator gives; a reader or cursor is closed with it.
        count: the number of items in a batch.
        seconds: how long a batch may wait for its other items, once its first was taken; None for as long as it takes.

    Raises:
        TypeError: `count` is not a number of items, `seconds` is not a time to wait, or `stream` something else.

    .. versionadded:: 0.1.0
    """
    check_count("batch", count)
    if seconds is not None:
        check_seconds("batch", seconds)
    return _Batch(stream, count, seconds)


def window(stream: Readable[T], count: int) -> Cursor[tuple[T, ...]]:
    """Returns a cursor that gives, from item ``count - 1`` of a stream on, a tuple of each item and the ones before it.

    * Order: that of the stream; a stream with fewer items gives nothing.
    * Errors: the stream's error comes after the windows before it, and ends it.
    * Cancellation: loses no item.
    * Complexity: O(count) for each item, and O(count) memory; no task.

    Args:
        stream: as for `batch`.
        count: the number of items in a window.

    Raises:
        TypeError: as for `batch`.

    .. versionadded:: 0.1.0
    """
    check_count("window", count)
    return _Window(stream, count)
