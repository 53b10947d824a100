"""Reads tapes: `read_values`, the values of a tape from a position, in any process; `TapeStream`, a stream of them.

`_fetch` makes the trip; `Place` says what reads a tape and from where; `Lease` tells the server that a reader is there;
`_CountedReader` leaves its position behind.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any
from weakref import ref

from attrs import field, frozen

from ..._contexts.context import Context
from ..._contexts.current import open_contexts
from ..._core.read import OpenContext, current
from ..._functions.memoize import source
from ..._functions.reader import Reader
from ..._functions.stream import Stream
from ..._functions.stream_driver import make_aside
from .._errors import FlowError
from ._claims import NOBODY_WAITS, Link
from ._entries import Entry
from ._errors import TamperedError
from ._lost import Watch

AT_ONCE = 32
"""How many entries one trip brings at most."""
LOOK_S = 5.0
"""After so long a reader looks again, though nobody told it of anything."""


@frozen
class Place:
    """What reads a tape, and from where."""

    tape: str
    first: int = 0
    reader: str = ""
    """By which name the server knows it, if writers are to wait for it."""
    lease_ms: int = 0
    """How long they wait for one that gives no sign of life; 0: as long as the run is there."""
    owner: str = ""
    """Who has the step that the reader is, if it is one: writers wait for no other."""
    say_dropped: Callable[[int], Exception] = field(kw_only=True)
    """Makes the error for values that are not kept any more, of the first one that is."""


async def read_values(link: Link, place: Place) -> AsyncGenerator[Any, None]:
    """Yields the values of a tape from a position on, as they come.

    Raises:
        RunGoneError: the run is not there.
        RunCancelledError: it was cancelled.
        TamperedError: an entry was not written for its place, or is missing.
        Exception: that with which the tape ends.
    """
    position, step = place.first, link.plan.step_of(place.tape)
    watch = Watch(link, step, LOOK_S)
    with link.server.listen(link.run, f"s:{step.name}") as bell:
        while True:
            found = await link.server.ask(_fetch, link, place, position)
            for entry in found:
                if entry.is_last:
                    if entry.error is not None:
                        raise entry.error
                    return
                first = entry.end - len(entry.values)
                if first > position:
                    raise _say_missing(link, place, position, first)
                for value in entry.values[position - first :]:
                    position += 1
                    yield value
            if not found:
                await bell.wait(LOOK_S)
                await watch.look()


def _say_missing(link: Link, place: Place, position: int, first: int) -> Exception:
    if place.tape in link.plan.keep:
        return place.say_dropped(first)
    return TamperedError(link.run, place.tape, position, f"is missing; the next one is {first}")


def _fetch(link: Link, place: Place, position: int) -> list[Entry]:
    """Makes the trip, in a thread."""
    names, tape, server = link.names, place.tape, link.server
    keys = [names.run, names.tape(tape), names.readers(tape), names.step(link.plan.step_of(tape).name)]
    if place.owner:
        keys.append(names.step(place.reader))
    message = f"{link.run}/r:{tape}"
    args = [position, AT_ONCE, place.reader, place.lease_ms, server.keys.news, message, server.ttl_ms, tape, place.owner]
    word, *found = server.run("read", keys, args)
    link.check(word)
    if word == b"torn":
        raise TamperedError(link.run, tape, position, "is missing: somebody removed it, or the server evicts keys")
    entries = []
    for at, fields in found[0]:
        entry = link.sealing.read(tape, at.decode(), fields[1]) if len(fields) == 2 else None
        if entry is None:
            raise TamperedError(link.run, tape, position, None if link.sealing.signing else "was not written by a service")
        entries.append(entry)
    return entries


class Lease:
    """Tells the server that a reader in this process is there, for as long as it is held."""

    def __init__(self, link: Link, tapes: tuple[str, ...], reader: str) -> None:
        self._link, self._reader = link, reader
        self.tapes = tapes
        """The tapes that it reads, and whose writers wait for it."""
        self.keys = link.lasting_keys

    def prolong(self) -> None:
        """Prolongs the lease; a thread does so again and again."""
        for tape in self.tapes:
            self._note(tape)

    def _note(self, tape: str, *position: int) -> None:
        link, server = self._link, self._link.server
        keys = [link.names.run, link.names.readers(tape)]
        server.scripts["lease"](keys, [self._reader, server.lease_ms, server.ttl_ms, *position])

    def end(self) -> None:
        """Lets nobody wait for the reader any more; does not wait for the server."""
        server = self._link.server
        server.threads.held.pop(self, None)
        if self.tapes:
            server.post(self._forget)

    def _forget(self) -> None:
        link, server = self._link, self._link.server
        for tape in self.tapes:  # it is not deleted: a read that is under way would bring it back
            server.trip(self._note, tape, NOBODY_WAITS)
            server.publish(link.run, f"r:{tape}")


class _Opened:
    """Where a reader is, also after it is gone."""

    __slots__ = ("position", "reader")

    def __init__(self, reader: "ref[Reader[Any]]") -> None:
        self.reader, self.position = reader, 0


class _CountedReader(Reader[Any]):
    """A reader that leaves its position behind, and says when it waits for a value."""

    opened: _Opened | None = None
    on_sleep: Callable[[], object] | None = None

    async def _sleep(self) -> None:
        if self.on_sleep is not None:
            self.on_sleep()
        await super()._sleep()

    def __del__(self) -> None:
        if self.opened is not None:
            self.opened.position = self.position
        super().__del__()


def _not_over() -> None:
    """Returns why a stream cannot be read any more: it can."""


class TapeStream(Stream[Any]):
    """A stream of the values of a tape: a source of this process, read in a context of its own wherever it is read."""

    __slots__ = ("_context", "_find_end", "_offset", "_opened", "_view", "failures", "on_sleep")

    def __init__(
        self,
        link: Link,
        place: Place,
        context: Context,
        *,
        keep: int | None,
        find_end: Callable[[], Exception | None] = _not_over,
    ) -> None:
        failures: list[Exception] = []

        async def values() -> AsyncGenerator[Any, None]:
            try:
                async with aclosing(read_values(link, place)) as found:
                    async for value in found:
                        yield value
            except Exception as exc:
                failures.append(exc)
                raise

        values.__module__, values.__qualname__ = "dug.flow.services", f"{link.plan.flow}.{place.tape}"
        node = source(keep=keep)(values).node()
        super().__init__(node, node._function.stream, ())
        self._context, self._view, self._find_end = context, context._here(), find_end
        self._offset = place.first
        self.failures = failures
        """The error with which the tape ended, if it did."""
        self._opened: list[_Opened] = []
        """The last two readers."""
        self.on_sleep: Callable[[], object] | None = None
        """Called when a reader waits for a value."""

    def _read(self, start: Any) -> Reader[Any]:
        reader = _CountedReader(self, start, self._find_frame())
        reader.opened, reader.on_sleep = _Opened(ref(reader)), self.on_sleep
        self._opened = [*self._opened[-1:], reader.opened]
        return reader

    @property
    def is_read_once(self) -> bool:
        """Whether one reader was opened, and no more."""
        return len(self._opened) == 1

    def find_position(self) -> int:
        """Returns how many values of the tape its last reader has taken, also one that is gone."""
        if not self._opened:
            return self._offset
        last = self._opened[-1]
        reader = last.reader()
        return self._offset + (last.position if reader is None else reader.position)

    @property
    def state(self) -> str:
        frame = self._find_frame()
        return super().state if frame is None else self.state_in(frame.view)

    def __repr__(self) -> str:
        return f"<Stream {self._said}>"

    def _find_frame(self) -> OpenContext | None:
        """Returns where it is read: None for the scenario in force, if that is one of its context, else the context's own."""
        over = self._find_end()
        if over is not None:
            raise over
        if self._context in open_contexts():
            return None
        run = current.get().run
        if run is not None:
            raise FlowError(f"{run.key[0]} reads {self._said}. Enter the context of the run around the call.")
        return make_aside(self._view, None, self._context)
