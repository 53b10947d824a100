"""What one run of a stream wrote so far: `Tape`, its items and marks; `Mark`, the value of one.

A tape has one writer, its pump (`stream_driver`), and any number of readers (`reader`), each with a position of its own.  It
holds no scenario once it has ended, so that the memos of its marks keep no tweak alive.

`Kept` is what a tape keeps: its items, its marks with their starts, its end.  `Reach` is how far the runs of a node have read a
stream, `Holder` a reader as its tape sees it; `is_same_prefix` tells whether a tape has the items of an older one.  `Tape` wakes
readers and pump (`wake`, `_wake_pump`, `give_room`, `has_room`), knows the reader that sets the pace (`find_pacer`, `find_bound`,
`list_readers`) and closes (`leave`, `close`); `is_of` a view in whose scenario and cache it is written, `is_true` until what it
rests on is invalidated.  `_fill` sets a tape up; `urge` has the pump write one more, `tell_awaited` says who waits.
"""

from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet, ref

from .._core.drive import INVALID
from .._core.read import FORGOTTEN, LIVE, Memo, Run, View, is_same

OPEN, ENDED, FAILED, CLOSED = "open", "ended", "failed", "closed"
"""The states of a tape: its pump goes on; the generator ended; it raised; the last reader left before either."""


class Holder(Protocol):
    """A reader, as its tape sees it."""

    position: int
    frame: Any

    def look_again(self) -> None:
        """Lets it tell its tape where it is with its next item."""


class Kept:
    """What a tape keeps: its items, and its marks with their starts.

    The pump appends to it, a mark before the items that rest on it; where some are dropped, another one takes its place.  So a
    reader in another thread that takes it once sees places that belong together.
    """

    __slots__ = ("base", "first", "marks", "starts", "values")

    def __init__(self, base: int, values: list[Any], first: int, marks: "list[Memo | None]", starts: list[int]) -> None:
        self.base = base
        """The position of the first item that is kept."""
        self.values = values
        self.first = first
        """The number of the first mark that is kept."""
        self.marks = marks
        """The memos of the marks; None for an error that no memo keeps."""
        self.starts = starts
        """Where each mark begins."""

    @property
    def end(self) -> int:
        """How many items there were."""
        return self.base + len(self.values)

    @property
    def count(self) -> int:
        """How many marks there were."""
        return self.first + len(self.marks)

    def find_mark(self, number: int) -> "Memo | None":
        """Returns the memo of a mark that is kept."""
        return self.marks[number - self.first]

    def end_of(self, number: int) -> int:
        """Returns where the range of a mark ends, as far as it is known."""
        end = self.base + len(self.values)  # first: a mark is noted before its items
        starts, place = self.starts, number + 1 - self.first
        return starts[max(0, place)] if place < len(starts) else end

    def trim(self, base: int, number: int) -> "Kept":
        """Returns what is left from a position on, with the mark of the item before it, or an earlier one."""
        gone = max(0, min(bisect_right(self.starts, max(0, base - 1)) - 1, number - self.first))
        return Kept(base, self.values[base - self.base :], self.first + gone, self.marks[gone:], self.starts[gone:])


class Tape:
    """The items that one run of a stream gave, and the marks that say on what they rest."""

    __slots__ = (
        "__weakref__", "_cache", "_scenario", "ahead", "awaited", "error", "frames", "is_held", "is_untrue", "keep", "kept",
        "known", "known_marks", "opened", "reached", "readers", "rests", "room", "run", "sleepers", "state", "urged",
    )  # fmt: skip

    def __init__(self, run: Run, ahead: int, keep: int | None) -> None:
        self._fill(run, ahead, keep)

    def _fill(self, run: Run | None, ahead: int, keep: int | None) -> None:
        self.run = run
        """The run of its pump; None once that has ended."""
        view = None if run is None else run.view
        self._scenario = 0 if view is None else view.tweaks.serial
        self._cache = None if view is None else ref(view.cache)
        """Weakly, where its marks are filed; None for a tape that came in from a file, which is of no scenario."""
        self.ahead, self.keep = ahead, keep
        self.kept = Kept(0, [], 0, [], [])
        self.state = OPEN
        self.error: BaseException | None = None
        self.is_untrue = False
        """True once a mark could not be filed, because what it rests on was invalidated."""
        self.known: set[Memo] = set()
        """What the marks rest on, but for marks of other streams."""
        self.known_marks: dict[object, int] = {}
        """By the function of these: the number of the last one; it rests on all before."""
        self.rests: list[Memo] = []
        """What the marks that were dropped had read, see `trimming`."""
        self.readers: dict[object, ref[Any]] = {}
        """Weakly, by their tickets: whoever breaks out of a loop drops the reader, and so leaves."""
        self.opened: WeakSet[Any] = WeakSet()
        """The readers that the body opened: its end closes them."""
        self.reached: WeakKeyDictionary[Any, Reach] | None = None
        """How far the body has read other streams; None while it has opened none, and when it is over."""
        self.is_held = False
        """True while a store gives its items, in the place of the generator."""
        self.frames: set[ref[Any]] = set()
        """Where marks of it were read by those that are computed, weakly."""
        self.sleepers: list[Any] = []
        """The waits of readers for the next item."""
        self.room: list[Any] = []
        """The wait of the pump until readers have gone on, for the one who takes it out to wake; another list for each wait."""
        self.awaited: Any = None
        """The reader that this wait is for, weakly: the one that set the pace then."""
        self.urged = False
        """True when the pump has to write on all the same, as its readers wait for what it holds up."""

    def __reduce__(self) -> Any:
        raise TypeError("The tape of a stream cannot be pickled. Keep a list of its items.")

    @property
    def base(self) -> int:
        """The position of the first item that is kept."""
        return self.kept.base

    @property
    def end(self) -> int:
        """How many items it has had."""
        return self.kept.end

    def is_of(self, view: View) -> bool:
        """True when it is written in the scenario of a view and in its cache, so that all its marks answer there."""
        return self._scenario == view.tweaks.serial and self._cache is not None and self._cache() is view.cache

    def is_true(self) -> bool:
        """True unless something that its items rest on was invalidated since."""
        run, marks = self.run, self.kept.marks  # once: another thread may end it
        last = marks[-1] if marks else None
        if self.is_untrue or (last is not None and last.status != LIVE) or (run is not None and run.unfileable):
            return False
        return run is None or all(read.status == LIVE for read in tuple(run.reads))

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
        if self.state == FAILED and not self.readers:
            self.error = None  # its traceback has frames; who comes later is served the failure of its mark
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
        pacer = self.find_pacer()
        return None if pacer is None else pacer.position + (self.ahead if self.keep is None else self.keep)

    def find_pacer(self) -> Any:
        """Returns the reader that sets the pace: with ``keep=`` the slowest, else the fastest; None when nobody reads."""
        find = max if self.keep is None else min
        return find(self.list_readers(), key=_position, default=None)

    def has_room(self) -> bool:
        """True when the pump may write one more item."""
        bound = self.find_bound()
        return bound is None or self.end < bound

    def give_room(self) -> None:
        """Lets the pump go on, if readers have made room; or look again, if it must wait for another one by now."""
        room, awaited = self.room, self.awaited
        if room and (self.has_room() or (awaited is not None and awaited() is not self.find_pacer())):
            self._wake_pump(room)

    def urge(self) -> None:
        """Lets the pump write one more item, whether or not there is room."""
        self.urged = True
        self._wake_pump(self.room)

    def _wake_pump(self, room: list[Any]) -> None:
        with suppress(IndexError):  # another thread was quicker, and the pump may be in its next wait by now
            wait = room.pop()
            wait.leave_wait()
            wait.wake()

    def tell_awaited(self) -> None:
        """Lets the reader that sets the pace know that the pump waits for it; its operator too, which may wait for another."""
        reader = None if self.awaited is None else self.awaited()
        if reader is None:
            return
        if self.keep is not None:
            reader.look_again()
        elif (pause := reader.pause) is not None:
            pause.wake()

    def list_readers(self) -> list[Any]:
        """Returns its readers, but for those of runs that have ended."""
        found = [reader for one in tuple(self.readers.values()) if (reader := one()) is not None]
        return [reader for reader in found if reader.frame.run is None or not reader.frame.run.is_done]

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

    __slots__ = ("_longest", "is_end", "number", "start", "tape")

    def __init__(self, tape: Tape, number: int, start: int, *, is_end: bool) -> None:
        self.tape, self.number, self.start, self.is_end = tape, number, start, is_end
        self._longest: Kept | None = None
        """What an earlier tape had, while the present one has less: its readers may have read all that."""

    def move(self, tape: Tape) -> None:
        """Makes it a place on a later tape, which goes on where the present one stopped."""
        self._longest = self.find_kept()
        self.tape = tape

    def find_kept(self) -> Kept:
        """Returns what the tape has in its range and before, or an earlier tape, if that had more."""
        now, longest = self.tape.kept, self._longest
        if longest is None or longest.end_of(self.number) <= now.end_of(self.number):
            self._longest = None
            return now
        return longest

    def __reduce__(self) -> Any:
        raise TypeError("The mark of a stream cannot be pickled. Keep a list of the items.")

    def __repr__(self) -> str:
        return f"<end after {self.start} items>" if self.is_end else f"<items from {self.start} on>"


def is_same_prefix(old: Mark, new: Mark, eq: Callable[[Any, Any], bool] | None) -> bool:
    """True when a tape has, up to the end of a mark's range, the items that an older one had.

    A tape that has not come so far yet counts as another: what a reader saw of the older one is not known here.
    """
    if old.tape is new.tape and old.number == new.number:
        return True
    before, now = old.find_kept(), new.find_kept()
    if before.base or now.base:  # some are not kept
        return False
    length = before.end_of(old.number)
    if now.end < length:
        return False
    if old.is_end and not (new.is_end and now.end == length):
        return False
    return all(is_same(one, other, eq) for one, other in zip(before.values[:length], now.values, strict=False))
