"""Writes the items of streams as their generators give them: `ItemWriter`; what is known of a stream, `items_of`, `token_of`.

An item that a generator gave before the recording began is written as it is when the recording hears of it.  Each run of a
generator has a number of its own in the file, and the last one counts.  What a what-if makes of a
stream that is not a source is left out.

`_Run` follows one run of a generator; `open_stream_of` finds the stream that a node has as its value.  `follow` follows a stream,
`_catch_up` writes the items that were given before, `write_item` and `write_end` write lines.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from traceback import format_exception
from typing import Any
from weakref import WeakKeyDictionary

from attrs import define

from .._functions.stream import AnyStream
from .._inspect.record import Record
from .._inspect.stream_nodes import StreamMemo
from .._inspect.stream_wrappers import Wrapper, unwrap, wrap
from .._portable.errors import arguments_of
from .._portable.nodes import clean
from .._portable.rows import ErrorRow
from .._text.values import name_type
from ..codec import CodecError, encode
from ._content import put_content, words_of_error
from ._log import Line, Log


def open_stream_of(record: Record) -> AnyStream[Any] | None:
    """Returns the stream that is the value of a node, if a generator gives its items."""
    value: Any = record._memo.value
    return value if isinstance(value, AnyStream) and value.items is None else None


def items_of(record: Record) -> Any:
    """Returns the value of a node, or the items of a stream that has ended.

    Raises:
        CodecError: the stream has not ended, or does not keep its first items.
    """
    value: Any = record.value
    if not isinstance(value, AnyStream):
        return value
    if value.items is not None:
        return list(value.items)
    memo = record._memo
    if not isinstance(memo, StreamMemo) or not memo.is_end:
        raise CodecError("it is a stream that has not ended")
    return _list_known(memo)


def token_of(record: Record) -> object:
    """Returns what tells the memo of a record from others of the node."""
    memo = record._memo
    if isinstance(memo, StreamMemo):
        return id(memo.value), memo.count, memo.is_end, memo.failure is None
    return id(memo), memo.seconds, memo.restriction


def _list_known(memo: StreamMemo) -> list[Any]:
    if memo.kept.base:
        raise CodecError("it is a stream that does not keep its first items")
    return list(memo.kept.values[: memo.count])


class ItemWriter:
    """Writes items, for as long as it is not closed."""

    def __init__(
        self, log: Log, now: Callable[[], float], report: Callable[[str, Exception], object], is_here: Callable[[], bool]
    ) -> None:
        self._log, self._now, self._report, self._is_here = log, now, report, is_here
        self._runs = 0
        self._longest: dict[int, int] = {}
        """How many items of each stream are in its longest run."""
        self._followed: WeakKeyDictionary[AnyStream[Any], Wrapper] = WeakKeyDictionary()

    def follow(self, record: Record, stream: AnyStream[Any], number: int) -> None:
        """Writes what is known of a stream that is not written yet, and from now on each item that its generator gives."""
        memo = record._memo
        if isinstance(memo, StreamMemo) and memo.count > self._longest.get(number, 0):
            self._catch_up(memo, number)
        if stream not in self._followed:
            begin = partial(self._begin_here, number, is_source=record.node._function.is_source)
            self._followed[stream] = wrap(stream, begin)

    @property
    def is_open(self) -> bool:
        """True while there is a file to write to: a generator that began before the end goes on."""
        return self._log.is_mine()

    def close(self) -> None:
        """Lets streams be as they were."""
        for stream, wrapper in tuple(self._followed.items()):
            unwrap(stream, wrapper)
        self._followed.clear()

    def _catch_up(self, memo: StreamMemo, number: int) -> None:
        run = self._begin(number)
        try:
            items = _list_known(memo)
        except CodecError as exc:
            self._append({**run.make_line("item", self._now()), "absent": str(exc)}, ())
            return
        for item in items:
            run.take(item)
        if memo.is_end or memo.failure is not None:
            run.end(None if memo.failure is None else memo.failure.error)

    def _begin_here(self, number: int, *, is_source: bool) -> "_Run":
        """Begins to write a run of a generator, in the frame in which that begins."""
        return self._begin(number, is_left_out=not (is_source or self._is_here()))

    def _begin(self, number: int, *, is_left_out: bool = False) -> "_Run":
        self._runs += 1
        return _Run(self, number, self._runs, is_left_out)

    def write_item(self, item: Any, run: "_Run") -> None:
        """Writes the next item of a run."""
        line = run.make_line("item", self._now())
        parts: tuple[Any, ...] = ()
        try:
            parts = put_content(line, encode(item))
        except CodecError as exc:
            line["absent"] = str(exc)
        run.position += 1
        if self._append(line, parts) and run.written == line["p"]:
            run.written += 1
            self._longest[run.number] = max(self._longest.get(run.number, 0), run.written)

    def write_end(self, run: "_Run", error: BaseException | None) -> None:
        """Writes the end of a run, or the error that took its place."""
        line = run.make_line("done", self._now())
        if error is not None:
            trace = ""
            with suppress(Exception):  # an exception whose text cannot be made
                trace = "".join(format_exception(error))
            row = ErrorRow(0, name_type(error), clean(error), clean(trace), arguments_of(error))
            line["error"] = words_of_error(row, error)
        self._append(line, ())

    def _append(self, line: Line, parts: tuple[Any, ...]) -> bool:
        """Writes a line; False when it is not in the file."""
        if not self._log.is_mine():
            return False
        try:
            self._log.append(line, parts)
        except Exception as exc:  # noqa: BLE001  a stream goes on whatever happens to its recording
            self._report(f"item {line['p']} of a stream", exc)
            return False
        return True


@define(eq=False)
class _Run:
    """One run of a generator, as its follower."""

    writer: ItemWriter
    number: int
    """That of the node."""
    run: int
    is_left_out: bool = False
    """True for one of a what-if inside the recorded context."""
    position: int = 0
    """How many items it has given."""
    written: int = 0
    """How many of these are in the file, from the first one on."""

    def make_line(self, kind: str, now: float) -> Line:
        """Returns what a line of an item, or of the end, begins with."""
        return {"is": kind, "n": self.number, "r": self.run, "p": self.position, "at": now}

    def take(self, item: Any) -> None:
        """Writes the next item."""
        if not self.is_left_out and self.writer.is_open:
            self.writer.write_item(item, self)

    def end(self, error: BaseException | None) -> None:
        """Writes the end."""
        if not self.is_left_out and self.writer.is_open:
            self.writer.write_end(self, error)
