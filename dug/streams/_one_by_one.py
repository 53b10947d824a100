"""Operators that look at the items of one stream one by one: `scan`, `filter`, `take`, `timeout`.

`_Scan`, `_Filter`, `_Take` and `_Timeout` are their cursors.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from .._functions.async_driver import backend
from .._functions.reader import PENDING
from ._cursor import Cursor, Readable, check_count, check_is_plain, check_seconds
from ._pause import Pause

T = TypeVar("T")
S = TypeVar("S")

_NONE_YET: Any = object()


class _Scan(Cursor[Any]):
    operator = "scan"

    def __init__(self, fn: Callable[[Any, Any], Any], stream: Any, state: Any) -> None:
        super().__init__(stream)
        self._fn, self._state = fn, state

    def _poll(self) -> Any:
        item = self._inputs[0]._poll()
        if item is PENDING:
            return PENDING
        self._state = item if self._state is _NONE_YET else self._fn(self._state, item)
        return self._state


class _Filter(Cursor[Any]):
    operator = "filter"

    def __init__(self, fn: Callable[[Any], Any], stream: Any) -> None:
        super().__init__(stream)
        self._fn = fn

    def _poll(self) -> Any:
        fn, poll = self._fn, self._inputs[0]._poll
        while (item := poll()) is not PENDING and not fn(item):
            pass
        return item


class _Take(Cursor[Any]):
    operator = "take"

    def __init__(self, stream: Any, count: int) -> None:
        super().__init__(stream)
        self._left = count

    def _poll(self) -> Any:
        if not self._left:
            raise StopAsyncIteration
        item = self._inputs[0]._poll()
        if item is not PENDING:
            self._left -= 1
        return item


class _Timeout(Cursor[Any]):
    operator = "timeout"

    def __init__(self, stream: Any, seconds: float) -> None:
        super().__init__(stream)
        self._seconds = seconds
        self._until: float | None = None

    def _poll(self) -> Any:
        item = self._inputs[0]._poll()
        if item is not PENDING:
            self._until = None
            return item
        now = backend().find_time()
        if self._until is None:
            self._until = now + self._seconds
        elif now >= self._until:
            raise TimeoutError(f"{self._inputs[0]!r} has given no item for {self._seconds} s.")
        return PENDING

    def _add_to(self, pause: Pause) -> None:
        super()._add_to(pause)
        if self._until is not None:
            pause.end_by(self._until)


@overload
def scan(fn: Callable[[T, T], T], stream: Readable[T]) -> Cursor[T]: ...
@overload
def scan(fn: Callable[[S, T], S], stream: Readable[T], start: S) -> Cursor[S]: ...
def scan(fn: Callable[[Any, Any], Any], stream: Readable[Any], start: Any = _NONE_YET) -> Cursor[Any]:
    """Returns a cursor that gives ``fn(state, item)`` for each item of a stream, and keeps it as the next state.

    * Order: that of the stream; as many items.
    * Errors: those of the stream and of `fn` come after the items before them, and end it.
    * Cancellation: loses no item, and no state.
    * Complexity: one call of `fn` for each item; no task.

    Args:
        fn: a plain function; it gets the state, and must not change that in place, as it was given to whoever reads.
        stream: a stream, a reader, or what another operator gives; a reader or cursor is closed with it.
        start: the first state; left out, the first item is, and is given as it is.

    Raises:
        TypeError: `fn` is not a plain function, or `stream` something else.

    .. versionadded:: 0.1.0
    """
    check_is_plain("scan", fn)
    return _Scan(fn, stream, start)


def filter(fn: Callable[[T], object], stream: Readable[T]) -> Cursor[T]:
    """Returns a cursor that gives the items of a stream for which ``fn(item)`` is true.

    * Order: that of the stream.
    * Errors: those of the stream and of `fn` come after the items before them, and end it.
    * Cancellation: loses no item.
    * Complexity: one call of `fn` for each item of the stream; no task.

    Args:
        fn: a plain function.
        stream: as for `scan`.

    Raises:
        TypeError: as for `scan`.

    .. versionadded:: 0.1.0
    """
    check_is_plain("filter", fn)
    return _Filter(fn, stream)


def take(stream: Readable[T], count: int) -> Cursor[T]:
    """Returns a cursor that gives the first items of a stream; it does not look for what comes after them.

    * Order: that of the stream.  It ends after so many items, or with the stream, and closes that when it is asked for more.
    * Errors: the stream's error comes after the items before it, and ends it.
    * Cancellation: loses no item.
    * Complexity: O(1) for each item; no task.

    Args:
        stream: as for `scan`.
        count: how many items.

    Raises:
        TypeError: `count` is not a number of items, or `stream` something else.

    .. versionadded:: 0.1.0
    """
    check_count("take", count, least=0)
    return _Take(stream, count)


def timeout(stream: Readable[T], seconds: float) -> Cursor[T]:
    """Returns a cursor that gives the items of a stream, and raises when somebody has waited for one too long.

    The time counts from the moment when the item was first asked for and was not there, so a consumer may be as slow as it likes.

    * Order: that of the stream.
    * Errors: TimeoutError, and the stream's error, come after the items before them, and end it.
      To go on after a silence, put ``asyncio.timeout`` around ``anext(reader)``: a cancelled wait loses no item.
    * Cancellation: loses no item; the time goes on.
    * Complexity: O(1) for each item; no task, one timer for each wait.  Whether it raises depends on the time: a memoised
      function that uses `timeout` should be a `source`.

    Args:
        stream: as for `scan`.
        seconds: how long to wait for one item.

    Raises:
        TypeError: `seconds` is not a time to wait, or `stream` something else.

    .. versionadded:: 0.1.0
    """
    check_seconds("timeout", seconds)
    return _Timeout(stream, seconds)
