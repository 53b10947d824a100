"""Writes the items of streams as their generators give them: `ItemWriter`; what is known of a stream, `items_of`, `token_of`.

An item that a generator gave before the recording began is written as it is when the recording hears of it.  Each run of a
generator has a number of its own in the file, and the last one counts.  What a what-if makes of a
stream that is no source is left out.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from traceback import format_exception
from typing import Any
from weakref import ref

from attrs import define

from .._functions.stream import AnyStream
from .._inspect.record import Record
from .._inspect.stream_nodes import StreamMemo
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
        self._followed: dict[int, _Wrapper] = {}
        """By the identity of the stream, which may be gone, and another one be in its place."""

    def follow(self, record: Record, stream: AnyStream[Any], number: int) -> None:
        """Writes what is known of a stream that is not written yet, and from now on each item that its generator gives."""
        memo = record._memo
        if isinstance(memo, StreamMemo) and memo.count > self._longest.get(number, 0):
            self._catch_up(memo, number)
        known = self._followed.get(id(stream))
        if known is None or known.stream() is not stream:
            self._wrap(stream, number, is_source=record.node._function.is_source)

    def close(self) -> None:
        """Lets streams be as they were."""
        for wrapper in self._followed.values():
            wrapper.take_off()
        self._followed.clear()

    def _wrap(self, stream: AnyStream[Any], number: int, *, is_source: bool) -> None:
        name = "_body" if stream._bump is None else "_bump"  # a bump makes a generator of any iterable
        tell = self._tell_async if hasattr(stream, "__aiter__") else self._tell
        wrapper = _Wrapper(ref(stream), name, getattr(stream, name), lambda made: tell(made, number, is_source=is_source))
        self._followed[id(stream)] = wrapper
        setattr(stream, name, wrapper)

    def _catch_up(self, memo: StreamMemo, number: int) -> None:
        run = self._begin(number)
        try:
            items = _list_known(memo)
        except CodecError as exc:
            self._append({**run.make_line("item", self._now()), "absent": str(exc)}, ())
            return
        for item in items:
            self._write_item(item, run)
        if memo.is_end or memo.failure is not None:
            self._write_end(run, None if memo.failure is None else memo.failure.error)

    def _begin(self, number: int, *, is_left_out: bool = False) -> "_Run":
        self._runs += 1
        return _Run(number, self._runs, is_left_out)

    async def _tell_async(self, made: Any, number: int, *, is_source: bool) -> AsyncIterator[Any]:
        run = self._begin(number, is_left_out=not (is_source or self._is_here()))
        try:
            async for item in made:
                self._write_item(item, run)
                yield item
        except Exception as exc:
            self._write_end(run, exc)
            raise
        else:
            self._write_end(run, None)
        finally:
            await made.aclose()

    def _tell(self, made: Any, number: int, *, is_source: bool) -> Iterator[Any]:
        run = self._begin(number, is_left_out=not (is_source or self._is_here()))
        try:
            for item in made:
                self._write_item(item, run)
                yield item
        except Exception as exc:
            self._write_end(run, exc)
            raise
        else:
            self._write_end(run, None)
        finally:
            made.close()

    def _write_item(self, item: Any, run: "_Run") -> None:
        if run.is_left_out:
            return
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

    def _write_end(self, run: "_Run", error: BaseException | None) -> None:
        if run.is_left_out:
            return
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
    """One run of a generator."""

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


@define(eq=False)
class _Wrapper:
    """What gives the items of a stream while a recording follows it; recordings may end in any order."""

    stream: "ref[AnyStream[Any]]"
    name: str
    before: Any
    """What gave them before."""
    tell: Callable[[Any], Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.tell(self.before(*args, **kwargs))

    def take_off(self) -> None:
        """Has the stream give its items as before, through those that were put on since."""
        holder: Any = self.stream()
        name = self.name
        while holder is not None and getattr(holder, name) is not self:
            holder, name = getattr(holder, name), "before"
            if not isinstance(holder, _Wrapper):
                return
        if holder is not None:
            setattr(holder, name, self.before)
