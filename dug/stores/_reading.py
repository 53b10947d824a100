"""Asks again for what a kept run has read of streams: `Readers` has a reader for each stream, which goes on from span to span.

A reader stays open from the first span on, until the body that may have to run has opened its own: so no generator is closed and
begun again in between, which a source could not repeat.  That is why nothing is kept that reads a stream with ``keep=``, whose
pump waits for its slowest reader.

`KeptRead` and `KeptSpan` stand for a read of a kept run (`make_read`), `Asked` for what was asked in a check; `read_now` runs a
coroutine that waits for nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from .._core.drive import note
from .._core.read import INNER, Function, Key, Memo, NodeMemos, Run
from .._functions.reader import Reader, find_mark
from .._functions.sync_driver import fetch
from .._functions.sync_reader import SyncReader
from .._functions.tape import Mark, Reach
from ._digest import NO_DIGEST, digest_of
from ._items import digest_span
from ._path import Span, Told


class KeptRead(Memo):
    """Stands for what a run of another process read, by the digest of what that gave."""

    __slots__ = ("digest", "of_tweaks")
    digest: bytes
    of_tweaks: Mapping[object, bytes]
    """As the keeper has them."""

    def knows_same(self, new: Memo) -> bool:
        """True when a memo of today gives what was read then."""
        digest = digest_of(new, self.of_tweaks)
        return digest == self.digest and digest != NO_DIGEST


class Readers:
    """The readers that one look has opened, by the nodes of their streams."""

    def __init__(self, *, are_of_body: bool) -> None:
        self._open: dict[Key, Any] = {}
        self._are_of_body = are_of_body
        """Whether how far they get counts as how far the body has read."""

    async def read(self, run: Run, key: Key, span: Span) -> Memo:
        """Returns the mark that covers a span of the stream of a node; waits for nothing if that is a synchronous one.

        Raises:
            LookupError: the stream is not one of which a kept run can have read items.
        """
        reader: Any = self._open.get(key)
        if reader is None:
            stream = fetch(run, key).take_value()
            if stream.items is not None or stream.keep is not None:
                raise LookupError("a kept run has read no such stream")
            reader = self._open[key] = (Reader if key[0].stream.is_async else SyncReader)(stream, span.first, run)
            if not self._are_of_body:
                reader._reach = None
        needed = span.end + span.is_end
        while reader.position < needed:
            try:
                await reader.__anext__() if type(reader) is Reader else next(reader)
            except (StopAsyncIteration, StopIteration):
                break
        mark = find_mark(reader, 0)
        if not self._are_of_body:
            note(run, run.view, mark)  # it may have passed that for another kept run
        return mark

    def close(self) -> None:
        """Leaves the streams."""
        readers, self._open = self._open, {}
        for reader in readers.values():
            reader.close()


class Asked:
    """What was asked for in a check that has failed."""

    def __init__(self, reads: Iterable[Memo], of_tweaks: Mapping[object, bytes]) -> None:
        self._of_tweaks = of_tweaks
        self._memos: dict[Key, Memo] = {}
        self._marks: dict[Key, Memo] = {}
        """The last mark of each stream, by its node."""
        for memo in reads:
            if type(memo.value) is Mark:
                self._marks[memo.home.find_function().body.node._key] = memo
            else:
                self._memos[memo.home.find_key()] = memo

    def digest(self, key: Key, span: Span | None) -> bytes | None:
        """Returns the digest of what a node gave, or a span of its stream; `NO_DIGEST` or None where it cannot be told."""
        memo = (self._memos if span is None else self._marks).get(key)
        if memo is None:
            return None
        return digest_of(memo, self._of_tweaks) if span is None else digest_span(memo, span)


def read_now(question: Any) -> Any:
    """Returns the result of a coroutine that waits for nothing.

    Raises:
        LookupError: it does wait.
    """
    try:
        question.send(None)
    except StopIteration as done:
        return done.value
    question.close()
    raise LookupError("it must be waited for")


class KeptSpan(KeptRead):
    """Stands for the items of a stream that a run of another process read."""

    __slots__ = ("home_of_reader", "span")
    home_of_reader: NodeMemos
    span: Span

    def knows_same(self, new: Memo) -> bool:
        """True when the items up to a mark of today are those that were read then."""
        if digest_span(new, self.span) != self.digest:
            return False
        reach = new.home.find_function().body.reaches.setdefault(self.home_of_reader, Reach())
        reach.position, reach.is_end = max(reach.position, self.span.end), reach.is_end or self.span.is_end
        return True


def make_read(cache: Any, key: Key, told: Told, home: NodeMemos, of_tweaks: Mapping[object, bytes]) -> KeptRead:
    """Returns what stands for a read of a kept run, for the engine to verify.

    Args:
        cache: that of the run which looks for it.
        key: the node that was read, or the stream.
        told: the read.
        home: that of the run.
        of_tweaks: as the keeper has them.
    """
    if told.span is None:
        read = KeptRead(cache.find_home(key) or NodeMemos(key, None), None, 0)
    else:
        spans = _AWAITED if key[0].stream.is_async else _HERE
        read = KeptSpan(NodeMemos((spans, key, *told.span), None), None, 0)
        read.home_of_reader, read.span = home, told.span
    read.digest, read.of_tweaks = told.digest, of_tweaks
    read.is_stored = True
    return read


async def _fetch_span(run: Any, key: Key) -> Memo:
    """Returns the mark that covers a span; the driver of those that are awaited."""
    return await run.recalled.readers.read(run, key[1], Span(*key[2:]))  # type: ignore[no-any-return]  # a memo


def _fetch_span_here(run: Any, key: Key) -> Memo:
    """Returns the mark that covers a span; the driver of those of synchronous streams."""
    return read_now(_fetch_span(run, key))  # type: ignore[no-any-return]  # a memo


def _make_function(driver: Any, *, is_async: bool) -> Function:
    function = Function("dug.stores:span", driver, INNER)
    function.is_async, function.fetch, function.ask, function.stream = is_async, driver, driver, driver
    return function


_AWAITED = _make_function(_fetch_span, is_async=True)
_HERE = _make_function(_fetch_span_here, is_async=False)
"""The functions of which the spans of streams are nodes, to the engine; they are in no cache."""
