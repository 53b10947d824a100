"""Operators that read several streams as their items come: `merge`, `latest`.  What they give depends on the time.

`_Merge` and `_Latest` are their cursors.  Each polls in `_poll`; `latest` keeps the last item of each.
"""

from typing import Any, TypeVar, overload

from .._functions.reader import PENDING
from ._cursor import Cursor, Readable
from ._pause import Pause
from ._settling import is_stirring

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

_NONE_YET: Any = object()

MOST_TURNS = 16
"""How many turns of the loop `latest` waits for what is on its way."""


class _Merge(Cursor[Any]):
    """Polls its inputs in turn, beginning after the one that gave the last item."""

    operator = "merge"

    def __init__(self, *readables: Any) -> None:
        super().__init__(*readables)
        self._turn = 0

    def _poll(self) -> Any:
        inputs = self._inputs
        left = len(inputs)
        while left:
            left -= 1
            self._turn %= len(inputs)
            one = inputs[self._turn]
            try:
                item = one._poll()
            except StopAsyncIteration:
                self._drop(one)
                continue
            self._turn += 1
            if item is not PENDING:
                return item
        if not inputs:
            raise StopAsyncIteration
        return PENDING


class _Latest(Cursor[Any]):
    """Has the last item of each input, and an error for when these have been given."""

    operator = "latest"

    def __init__(self, *readables: Any) -> None:
        super().__init__(*readables)
        self._row = [_NONE_YET] * len(self._inputs)
        self._places = list(enumerate(self._inputs))
        self._error: BaseException | None = None
        self._has_news = False
        self._turns = 0

    def _poll(self) -> Any:
        if self._error is None:
            self._read()
        if self._has_news and not any(item is _NONE_YET for item in self._row):
            if self._error is None and self._turns < MOST_TURNS and is_stirring(self._find_pending().readers):
                self._turns += 1
                return PENDING
            self._has_news, self._turns = False, 0
            return tuple(self._row)
        if self._error is not None:
            error, self._error = self._error, None
            try:
                raise error
            finally:
                del error
        if not self._inputs or any(item is _NONE_YET for item in self._find_ended()):
            raise StopAsyncIteration
        return PENDING

    def _read(self) -> None:
        """Takes what has come, up to an error."""
        for place, one in tuple(self._places):
            try:
                while (item := one._poll()) is not PENDING:
                    self._row[place], self._has_news = item, True
            except StopAsyncIteration:
                self._places.remove((place, one))
                self._drop(one)
            except Exception as exc:  # noqa: BLE001  it comes after what came before it
                self._error = exc
                return

    def _find_pending(self) -> Pause:
        pause = Pause()
        super()._add_to(pause)
        return pause

    def _add_to(self, pause: Pause) -> None:
        super()._add_to(pause)
        pause.is_turn = pause.is_turn or self._turns > 0

    def _find_ended(self) -> list[Any]:
        """Returns the last items of the streams that have ended."""
        going = {place for place, _ in self._places}
        return [item for place, item in enumerate(self._row) if place not in going]


def merge(*streams: Readable[A]) -> Cursor[A]:
    """Returns a cursor that gives the items of all streams as they come.

    * Order: that of each stream is kept.  Streams of which items are there give one each, in turn.  Else the order is that in
      which the items came, which depends on the time: a memoised function that uses `merge` should be a `source`.
    * Errors: a stream's error comes after the items of that stream, and ends it; the others are closed then.
    * Cancellation: loses no item.
    * Complexity: O(1) for each item while all streams have some, O(streams) where it must look for one; no task, one wait.
      Feedback through one of the streams is not a circle, as long as another can go on.

    Args:
        streams: streams, readers, or what other operators give; readers and cursors are closed with it.

    Raises:
        TypeError: something else was given.

    .. versionadded:: 0.1.0
    """
    return _Merge(*streams)


@overload
def latest(first: Readable[A], /) -> Cursor[tuple[A]]: ...
@overload
def latest(first: Readable[A], second: Readable[B], /) -> Cursor[tuple[A, B]]: ...
@overload
def latest(first: Readable[A], second: Readable[B], third: Readable[C], /) -> Cursor[tuple[A, B, C]]: ...
@overload
def latest(*streams: Readable[Any]) -> Cursor[tuple[Any, ...]]: ...
def latest(*streams: Readable[Any]) -> Cursor[Any]:
    """Returns a cursor that gives a tuple of the last item of each stream, whenever one of them has a new one.

    What has come when it is asked makes one tuple, so items that came while nobody asked are left out but for the last of each
    stream.  It begins when each stream has given an item.  What is made of an item is waited for, through any number of memoised
    streams, so that no tuple has an item beside what was made of an older one; but no longer than some turns of the loop, if one
    of these waits for the outside.

    * Order: that of each stream is kept; which items meet depends on the time: a memoised function that uses `latest` should be a
      `source`.  It ends with the last stream, or with one that ends without any item.
    * Errors: a stream's error comes after the tuple of what came before it, and ends it.
    * Cancellation: loses nothing, as `merge`.
    * Complexity: O(new items + streams that it reads, directly or through others) for each tuple; no task, one wait.

    Args:
        streams: as for `merge`.

    Raises:
        TypeError: as for `merge`.

    .. versionadded:: 0.1.0
    """
    return _Latest(*streams)
