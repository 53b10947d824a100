"""The value of a memoised generator: `SyncStream`, which is read without await; and `SyncStreamKind`, as in `stream`.

Its verbs: `open`, `first`, `last`, `seek`, `list`.
"""

import inspect
from types import GeneratorType
from typing import Any, TypeVar

from ..errors import say_node
from .any_reader import OLDEST, Latest
from .stream import AnyStream, StreamKind, check_start
from .stream_bumps import as_generator
from .stream_misuse import OF_SYNC_STREAM
from .sync_reader import SyncReader, fetch_mark_here

T_co = TypeVar("T_co", covariant=True)


class SyncStream(AnyStream[T_co]):
    """What a memoised generator gives: read it from the start, as often as you like, in any number of threads.

    It is read in the scenario in force, lazily: the generator runs once for all who read there, in the thread of whoever asks
    first for an item, and no further than somebody reads.
    """

    __slots__ = ()
    _answers = OF_SYNC_STREAM

    def __iter__(self) -> SyncReader[T_co]:
        return SyncReader(self)

    def open(self, start: "int | Latest" = 0) -> SyncReader[T_co]:
        """Returns a reader that begins with an item: ``with stream.open() as reader`` leaves the stream at its end.

        Args:
            start: the position of the item, or `dug.streams.LATEST` for the first that nobody has read, outside of memoised
                functions.
        """
        check_start(start)
        return SyncReader(self, start)

    def first(self) -> T_co:
        """Returns the first item.

        Raises:
            LookupError: there is none.
        """
        return self.seek(0)

    def seek(self, number: int) -> T_co:
        """Returns the item at a position; the generator runs as far as that.

        Raises:
            LookupError: the stream ends before it.
        """
        with self.open(number) as reader:
            for value in reader:
                return value
        raise LookupError(f"{say_node(self.node)} ends before item {number}.")

    def last(self) -> T_co:
        """Returns the last item; the generator runs to its end.

        Raises:
            LookupError: there is none.
        """
        found: Any = None
        position = 0
        with SyncReader[T_co](self, OLDEST) as reader:
            for value in reader:
                found, position = value, reader.position
        if not position:
            raise LookupError(f"{say_node(self.node)} is empty.")
        return found  # type: ignore[no-any-return]  # an item

    def list(self) -> list[T_co]:
        """Returns all items; the generator runs to its end."""
        with self.open() as reader:
            return [*reader]


class SyncStreamKind(StreamKind):
    """What the decorator of a generator function was told of its streams."""

    __slots__ = ()

    generator_type = GeneratorType
    stream_type = SyncStream
    is_async = False
    what = "a generator function"
    is_one = staticmethod(inspect.isgeneratorfunction)
    fetch_mark = staticmethod(fetch_mark_here)
    as_generator = staticmethod(as_generator)
