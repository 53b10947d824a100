"""Operators that read several streams in step: `zip`, `zip_longest`.

`_Zip` and `_ZipLongest` are their cursors.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, overload

from .._functions.reader import PENDING
from ._cursor import Cursor, Input, Readable

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class _Zip(Cursor[Any]):
    """Keeps the row that it fills, so that a wait in the middle loses nothing."""

    operator = "zip"

    def __init__(self, *readables: Any) -> None:
        super().__init__(*readables)
        self._row: list[Any] = []

    def _poll(self) -> Any:
        row, inputs = self._row, self._inputs
        if not inputs:
            raise StopAsyncIteration
        while len(row) < len(inputs):
            item = inputs[len(row)]._poll()
            if item is PENDING:
                return PENDING
            row.append(item)
        self._row = []
        return tuple(row)

    def _list_pending(self) -> Sequence[Input]:
        return [self._inputs[len(self._row)]]


class _ZipLongest(Cursor[Any]):
    """Has None in the place of an input that has ended."""

    operator = "zip_longest"

    def __init__(self, *readables: Any, fill: Any) -> None:
        super().__init__(*readables)
        self._places: list[Input | None] = list(self._inputs)
        self._fill = fill
        self._row: list[Any] = []

    def _poll(self) -> Any:
        row, places = self._row, self._places
        while len(row) < len(places):
            item, place = self._fill, places[len(row)]
            if place is not None:
                try:
                    item = place._poll()
                except StopAsyncIteration:
                    places[len(row)] = None
                    self._drop(place)
                if item is PENDING:
                    return PENDING
            row.append(item)
        self._row = []
        if not self._inputs:
            raise StopAsyncIteration
        return tuple(row)

    def _list_pending(self) -> Sequence[Input]:
        place = self._places[len(self._row)]
        assert place is not None  # noqa: S101  it answered that its item has still to come
        return [place]


@overload
def zip(first: Readable[A], /) -> Cursor[tuple[A]]: ...
@overload
def zip(first: Readable[A], second: Readable[B], /) -> Cursor[tuple[A, B]]: ...
@overload
def zip(first: Readable[A], second: Readable[B], third: Readable[C], /) -> Cursor[tuple[A, B, C]]: ...
@overload
def zip(*streams: Readable[Any]) -> Cursor[tuple[Any, ...]]: ...
def zip(*streams: Readable[Any]) -> Cursor[Any]:
    """Returns a cursor that gives a tuple of the first item of each stream, then of the second, and so on.

    * Order: that of the streams.  It ends with the shortest, and closes the others then.
    * Errors: a stream's error comes after the rows before it, and ends it.
    * Cancellation: a row that is half filled is kept for the next asker.
    * Complexity: O(streams) for each row; no task.

    Args:
        streams: streams, readers, or what other operators give; readers and cursors are closed with it.

    Raises:
        TypeError: something else was given.

    .. versionadded:: 0.1.0
    """
    return _Zip(*streams)


def zip_longest(*streams: Readable[Any], fill: Any = None) -> Cursor[tuple[Any, ...]]:
    """Returns a cursor as `zip` does, which goes on up to the end of the longest stream.

    * Order: that of the streams; `fill` stands where a stream has ended.
    * Errors, cancellation and complexity are those of `zip`.

    Args:
        streams: as for `zip`.
        fill: what takes the place of items that a stream does not have.

    Raises:
        TypeError: as for `zip`.

    .. versionadded:: 0.1.0
    """
    return _ZipLongest(*streams, fill=fill)
