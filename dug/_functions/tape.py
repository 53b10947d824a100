"""What one run of a stream wrote so far: `Tape`, its items and marks; `Mark`, the value of one.

A tape has one writer, its pump (`stream_driver`), and any number of readers (`reader`), each with a position of its own.  It
holds no scenario once it has ended, so that the memos of its marks keep no tweak alive.
"""

from collections.abc import Callable
from typing import Any, Protocol
from weakref import ref

from .._core.drive import INVALID
from .._core.read import FORGOTTEN, LIVE, Memo, Run, is_same

OPEN, ENDED, FAILED, CLOSED = "open", "ended", "failed", "closed"
"""The states of a tape: its pump goes on; the generator ended; it raised; the last reader left before either."""


class Holder(Protocol):
    """A reader, as its tape sees it."""

    position: int
    frame: Any


class Tape:
    """The items that one run of a stream gave, and the marks that say on what they rest."""

    __slots__ = (
        "__weakref__", "ahead", "base", "error", "keep", "known", "marks", "readers", "room", "run", "scenario", "sleepers",
        "starts", "state", "values",
    )  # fmt: skip

    def __init__(self, run: Run, ahead: int, keep: int | None) -> None:
        self.run: Run | None = run
        """The run of its pump; None once that has ended."""
        self.scenario = run.view.tweaks.serial
        self.ahead, self.keep = ahead, keep
        self.values: list[Any] = []
        self.base = 0
        """The position of the first item that is kept."""
        self.marks: list[Memo | None] = []
        """The memos of the marks; None for an error that no memo keeps."""
        self.starts: list[int] = []
        """Where each mark begins."""
        self.state = OPEN
        self.error: BaseException | None = None
        self.known: set[Memo] = set()
        """What the marks rest on."""
        self.readers: dict[object, ref[Any]] = {}
        """Weakly, by their tickets: whoever breaks out of a loop drops the reader, and so leaves."""
        self.sleepers: list[Any] = []
        """The waits of readers for the next item."""
        self.room: Any = None
        """The wait of the pump until readers have gone on."""

    def __reduce__(self) -> Any:
        raise TypeError("The tape of a stream cannot be pickled. Keep a list of its items.")

    @property
    def end(self) -> int:
        """How many items it has had."""
        return self.base + len(self.values)

    def end_of(self, number: int) -> int:
        """Returns where the range of a mark ends, as far as it is known."""
        return self.starts[number + 1] if number + 1 < len(self.starts) else self.end

    def is_true(self) -> bool:
        """True unless something that its items rest on was invalidated since."""
        last = self.marks[-1] if self.marks else None
        reads = () if self.run is None else tuple(self.run.reads)
        return (last is None or last.status == LIVE) and all(read.status == LIVE for read in reads)

    def wake(self) -> None:
        """Lets readers that wait for an item go on."""
        sleepers, self.sleepers = self.sleepers, []
        for wait in sleepers:
            wait.leave_wait()  # its task has not gone on yet, and waits no more: else feedback would look like a circle
            wait.wake()

    def leave(self, ticket: object) -> Any:
        """Lets a reader go; cancels the pump when it was the last, and returns the pump's task then."""
        self.readers.pop(ticket, None)
        run = self.run
        if self.state == OPEN and run is not None:
            task = run.task
            unread = self._find_unread()
            for tape in unread:
                tape.close()
            if unread:
                return task
        self.give_room()
        return None

    def close(self) -> None:
        """Cancels the pump."""
        run = self.run
        if self.state == OPEN and run is not None:
            self.state = CLOSED
            run.unfileable = INVALID
            if run.task is not None:
                run.task.cancel_threadsafe()

    def find_bound(self) -> int | None:
        """Returns how many items the pump may write before it has to look again; None for any number, as nobody reads."""
        if self.keep is not None:
            slowest = self.find_slowest()
            return None if slowest is None else slowest.position + self.keep
        positions = [reader.position for reader in self._open_readers()]
        return max(positions) + self.ahead if positions else None

    def find_slowest(self) -> Any:
        """Returns the reader that is behind all others; None when nobody reads."""
        return min(self._open_readers(), key=_position, default=None)

    def has_room(self) -> bool:
        """True when the pump may write one more item."""
        bound = self.find_bound()
        return bound is None or self.end < bound

    def give_room(self) -> None:
        """Lets the pump go on, if readers have made room."""
        room = self.room
        if room is not None and self.has_room():
            self.room = None
            room.leave_wait()
            room.wake()

    def trim(self) -> None:
        """Drops the items that neither `keep` nor a reader keeps; in lots, so that it is O(1) for each item."""
        if self.keep is not None and len(self.values) > 2 * self.keep:
            positions = [reader.position - self.base for reader in self._open_readers()]
            gone = min([len(self.values) - self.keep, *positions])
            del self.values[:gone]
            self.base += gone

    def _find_unread(self) -> "set[Tape]":
        """Returns it and the tapes whose pumps read it, if nobody else does: streams may read each other's items."""
        known, pending = {self}, [self]
        while pending:
            for one in tuple(pending.pop().readers.values()):
                reader = one()
                tape = None if reader is None else tape_of(reader.frame.run)
                if tape is None:
                    return set()
                if tape not in known:
                    known.add(tape)
                    pending.append(tape)
        return known

    def _open_readers(self) -> list[Any]:
        found = [reader for one in tuple(self.readers.values()) if (reader := one()) is not None]
        return [reader for reader in found if reader.frame.run is None or not reader.frame.run.is_done]


def is_forgotten(memo: Memo) -> bool:
    """True for a mark that rests on something which was invalidated since."""
    return memo.status != LIVE and bool(memo.footprint & FORGOTTEN)


def tape_of(run: Run | None) -> "Tape | None":
    """Returns the tape that a run writes, if it is a pump."""
    stream = None if run is None else getattr(run.key[0], "body", None)
    tapes = getattr(stream, "tapes", None)
    return tapes.get(run) if isinstance(tapes, dict) else None


def _position(reader: Holder) -> int:
    return reader.position


class Reach:
    """How far the runs of a node have read a stream, for those who verify its memo."""

    __slots__ = ("is_end", "position")

    def __init__(self) -> None:
        self.position, self.is_end = 0, False


class Mark:
    """The value of a mark: its place on the tape."""

    __slots__ = ("is_end", "number", "tape")

    def __init__(self, tape: Tape, number: int, *, is_end: bool) -> None:
        self.tape, self.number, self.is_end = tape, number, is_end

    def __reduce__(self) -> Any:
        raise TypeError("The mark of a stream cannot be pickled. Keep a list of the items.")

    def __repr__(self) -> str:
        start = self.tape.starts[self.number]
        return f"<end after {start} items>" if self.is_end else f"<items from {start} on>"


def is_same_prefix(old: Mark, new: Mark, eq: Callable[[Any, Any], bool] | None) -> bool:
    """True when a tape has, up to the end of a mark's range, the items that an older one had.

    A tape that has not come so far yet counts as another: what a reader saw of the older one is not known here.
    """
    before, now = old.tape, new.tape
    if before is now and old.number == new.number:
        return True
    if before.base or now.base:  # some are not kept
        return False
    length = before.end_of(old.number)
    if now.end < length:
        return False
    if old.is_end and not (new.is_end and now.end == length):
        return False
    return all(is_same(one, other, eq) for one, other in zip(before.values[:length], now.values, strict=False))
