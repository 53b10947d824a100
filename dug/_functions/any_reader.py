"""What readers of all streams have in common: `AnyReader` finds items in a scenario, on whatever tape has them there.

It begins on the tape whose first mark answers in its scenario, whoever pumped that, and goes on as long as the marks do.  At the
first one that does not it *forks*: it goes on, at the same item, on the tape of its own scenario.  Each mark that it passes is
noted as a read.  `reader` waits for what a pump gives.

`LATEST` and `OLDEST` say where to begin, `was_read_last` which read came last; `_find_reach` says how far the run of a reader
has read.  Its steps: `_look` for the next item, `_look_further` on another tape, `_pass` marks (`_pass_marks`, `_follow`),
`_switch` tape, `_join_running`, `_stop` and `_leave`; `_find_limit`, `_find_differing`, `_is_behind` and `_is_dropped` say how
far a tape serves.  It reads what is known by `_read_own`, and checks that a source gives the same again (`_check_repeats`).
"""

from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary, ref

from .._core.drive import INVALID, Serving, bits_read, frame_to_ask, note, note_no_answer
from .._core.read import DEAD, DEFAULT_FRAME, LIVE, BitSet, Memo, Run, Tweak, current, find_answer, is_same
from ..errors import DroppedError, StreamChangedError, say_node
from .stream_bumps import view_beneath
from .stream_driver import make_aside
from .sync_driver import fetch
from .tape import CLOSED, FAILED, OPEN, Kept, Reach, Tape, is_forgotten, tape_of

if TYPE_CHECKING:
    from .stream_shape import StreamShape

T_co = TypeVar("T_co", covariant=True)


def was_read_last(reads: dict[Memo, Any], memo: Memo | None) -> bool:
    """Whether a memo was read last, by any thread of a run; False when another thread reads one at the same time."""
    try:
        return memo is not None and next(reversed(reads), None) is memo
    except RuntimeError:  # the other one is the last
        return False


class Latest:
    """The type of `LATEST`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "dug.streams.LATEST"


LATEST = Latest()
"""Says to `Stream.open` to begin with the next item that comes."""

OLDEST: Any = Latest()
"""Says to a reader to begin with the first item that is kept."""


class AnyReader(Generic[T_co]):
    """What readers of all streams have in common: where they are, and how they get from mark to mark and from tape to tape."""

    _end: type[Exception]
    """What says that there are no more items."""

    def __init__(self, stream: "StreamShape", start: "int | Latest" = 0, frame: Any = None) -> None:
        self._tape: Tape | None = None
        self.pause: Any = None
        """The pause in which the cursor that has it sleeps, to be woken when a pump begins to wait for it."""
        key = stream.node._key
        self.frame: Any = frame_to_ask(current.get() if frame is None else frame, key)
        frame = self.frame
        if frame.driver is not None:
            raise TypeError(f"{say_node(stream.node)} is a stream, and dug.testing evaluates no streams.")
        self._view: Any = frame.view
        if stream.is_beneath:  # in the scenario without the bump that reads it
            self._view = view_beneath(frame.view, key)
            memo = fetch(make_aside(self._view, frame.call), key)
            note(frame, self._view, memo)
        else:
            memo = fetch(frame, key)
        self._stream = stream = memo.value
        self._number = -1
        """That of the last mark that it passed."""
        self._passed: Memo | None = None
        """The memo of that mark; None for an error that no memo keeps."""
        self._noted: Memo | None = None
        self._noted_number = -1
        self._before: Tape | None = None
        """For a source: the tape that it read before, whose items the present one must repeat."""
        self._own: Tape | None = None
        """The tape of its own scenario, or one that was finished in another and answers in it as a whole."""
        self._is_closed = False
        self._ticket = object()
        self._reach: Reach | None = None
        self._saw_open = self._saw_true = False
        """Whether its tape went on when it came there, and whether nothing that this rests on had been invalidated."""
        self.position = self._limit = 0
        self._seen: tuple[Any, ...] = ()
        """Its tape, and how far that was, when it last looked."""
        self._kept: Any = None
        """What its tape kept when it last looked: all items up to the limit."""
        self._length = 0 if stream.items is None else len(stream.items)
        if stream.items is None:
            if self._run is not None:
                self._reach = _find_reach(self, stream, self._run)
            self._begin(start)
        elif start is LATEST:
            self.position = self._length
        else:
            self.position = 0 if start is OLDEST else start  # type: ignore[assignment]  # a number

    def _begin(self, start: "int | Latest") -> None:
        if start is LATEST:
            if self._run is not None and not is_of_source(self._run):
                raise TypeError(
                    f"{say_node(self._stream.node)} is opened at LATEST within {self._run.key[0]}, whose value would depend "
                    "on the time. Open it at 0 there, or make that a @dug.source."
                )
            if not self._join_running():
                self._read_own(-1)
            assert self._tape is not None  # noqa: S101  it has just switched to it
            self.position = self._limit = self._tape.end
            return
        is_oldest = start is OLDEST
        self.position = self._limit = 0 if is_oldest else start  # type: ignore[assignment]  # a number
        if not self._look(0) and not (is_oldest and self._join_running()):
            self._read_own(-1 if is_oldest else self.position)
        if is_oldest and self._tape is not None:
            self.position = self._limit = self._tape.base

    @property
    def _run(self) -> Run | None:
        run: Run | None = self.frame.run
        return run

    def __repr__(self) -> str:
        return f"<Reader of {say_node(self._stream.node)} before item {self.position}>"

    def close(self) -> None:
        """Leaves the stream; its generator is closed soon, if nobody else reads."""
        self._leave()
        self._noted = None  # as in `_leave`

    def _leave(self) -> Any:
        tape, self._tape, self._is_closed = self._tape, None, True
        self._limit = self.position
        self.frame, self._view = DEFAULT_FRAME, None  # the traceback of an error may hold the reader, and must hold no context
        self._passed = self._kept = self._before = None
        self._seen = ()
        return None if tape is None else tape.leave(self._ticket)

    def _stop(self) -> None:
        """Ends the iteration, with the error of the stream if it failed."""
        tape: Any = self._tape
        if self._reach is not None:
            self._reach.is_end = True
        if tape is None:
            raise self._end
        error, memo, frame = tape.error, self._passed, self.frame
        self._leave()
        if tape.state != FAILED:
            raise self._end
        try:
            if memo is not None and memo.failure is not None and frame.run is not None:
                if not memo.serves(frame.call):
                    frame.call.adopt(memo)
                with memo.failure.serve(frame.run, memo) as served:
                    raise served.pop()
            if memo is None:
                note_no_answer(frame, error)
            with Serving(error) as served:
                error = None
                raise served.pop()
        finally:
            del self, error, memo, tape, frame

    def _switch(self, tape: Tape) -> None:
        if tape is self._tape:
            return
        before = self._tape
        tape.readers[self._ticket] = ref(self)
        self._saw_open, self._saw_true = tape.state == OPEN, tape.is_true()
        self._tape = tape
        if before is not None:
            before.leave(self._ticket)
            self._before = before if self._stream.is_source and self.position > before.base else self._before

    def look_again(self) -> None:
        """Lets it tell its tape where it is with its next item, and its cursor look: the pump has begun to wait for it."""
        self._limit = self.position
        if self.pause is not None:
            self.pause.wake()

    def _look(self, number: int) -> bool:
        """Passes the mark of this number, where one answers; False where none does."""
        tape: Any = self._tape
        view = self._view
        memo: Memo | None = None
        kept: Any = None if tape is None else tape.kept
        is_there = kept is not None and number < kept.first + len(kept.marks)
        is_own = is_there and (tape is self._own or tape.is_of(view))
        if is_own:
            memo = kept.find_mark(number)
            if not self._saw_open and (memo is None or memo.failure is not None or memo.status == DEAD):
                memo, is_own = None, False  # filed nowhere, or not for long
            elif memo is not None and not self._saw_true and is_forgotten(memo):
                memo, is_own = None, False  # by an invalidation before it came here
        if not is_own:
            memo = find_answer(view, (self._stream.marks, number))
            if memo is None or not memo.serves(self.frame.call):
                return False
            if not (is_there and kept.find_mark(number) is memo):
                if memo.value is None:  # an error, and its tape is gone
                    return False
                self._switch(memo.value.tape)
        self._pass(number, memo)
        return True

    def _pass(self, number: int, memo: Memo | None) -> None:
        """Passes a mark, and notes it as a read; the one before it need not be noted too, if nothing was read in between.

        Who went on to another tape passes its first marks again, and these do not rest on the one that was passed before.
        """
        self._number, self._passed = number, memo
        frame = self.frame
        run = frame.run
        if run is not None and (memo is None or memo.status != LIVE):
            run.unfileable = INVALID
        reads = frame.reads
        if memo is None or reads is None:
            return
        if number > self._noted_number >= 0 and was_read_last(reads, self._noted):
            del reads[self._noted]
        if memo.failure is None and memo.value.tape.keep is not None:
            memo.value.tape.frames.add(ref(frame))
        note(frame, self._view, memo)
        self._noted, self._noted_number = memo, number

    def _join_running(self) -> bool:
        """Goes on, on a tape that is being written, if all that this has so far answers here; False when there is none.

        So it is found by who comes before the first mark, or after that was dropped, or wants no item of before.
        """
        stream, view = self._stream, self._view
        for tape in tuple(stream.tapes.values()):
            kept = tape.kept
            number = kept.count - 1
            if tape.state == OPEN and number < 0 and stream.is_source:
                self._number = -1
                self._switch(tape)
                return True
            memo = kept.marks[-1] if tape.state == OPEN and number >= 0 else None
            if memo is None or not memo.serves(self.frame.call):
                continue
            if find_answer(view, (stream.marks, number)) is memo:
                self._switch(tape)
                self._pass(number, memo)
                return True
        return False

    def _follow(self) -> bool:
        """Goes on, on the tape to which its mark has passed, as the one that it reads was closed; False when there is none."""
        tape = self._tape
        if tape is None or tape.state != CLOSED or self._number < 0:
            return False
        memo = find_answer(self._view, (self._stream.marks, self._number))
        if memo is None or memo.failure is not None or memo.value.tape is tape or memo.value.tape.state == CLOSED:
            return False
        self._switch(memo.value.tape)
        return True

    def _read_own(self, position: int) -> None:
        """Goes on, on the tape of this very scenario, which keeps the item at a position; a source that runs goes before that."""
        if self._follow() or (self._stream.is_source and self._join_running()):
            return
        self._own = tape = self._find_own(position)
        self._number = -1
        self._switch(tape)

    def _find_own(self, position: int) -> Tape:
        """Returns the tape of this very scenario, which somebody writes or will write; one that keeps the item at a position."""
        raise NotImplementedError

    def _find_limit(self) -> bool | None:
        """Finds how far it may read without a look; False when it must wait, None at the end.

        Whoever asks does not look at the limit for that: the pump may take it back, from another thread (`look_again`).
        """
        position = self.position
        while True:
            tape = self._tape
            if tape is None:  # it was closed
                return None
            state, kept = tape.state, tape.kept  # in this order: the end comes after the last item
            end = kept.base + len(kept.values)
            count = kept.first + len(kept.marks)
            self._seen = tape, state, end, count
            end = self._pass_marks(tape, kept, count)
            if self._tape is not tape:
                continue
            is_last = self._number + 1 >= count
            if position < end:
                if not self._is_dropped(kept, position):
                    self._check_repeats(kept)
                    self._set_limit(tape, kept, end)
                    return True
            elif is_last and state == OPEN and self._may_wait(tape):
                return False
            elif is_last and state not in (OPEN, CLOSED):
                return None
            if is_last and self._look_further(position):
                continue
            self._read_own(position)
            if self._tape is tape:
                return False

    def _pass_marks(self, tape: Tape, kept: Kept, count: int) -> int:
        """Passes the marks, of so many, that its next item rests on; returns where the range of the last one ends."""
        if self._number < kept.first:  # the first mark that is left rests on those before it
            self._number = max(self._number, kept.first - 1)
        end = kept.end_of(self._number)
        while self.position >= end and self._number + 1 < count and self._look(self._number + 1) and self._tape is tape:
            end = kept.end_of(self._number)
        return end

    def _look_further(self, position: int) -> bool:
        """Passes a mark that its tape has not come to, where an earlier reader of this scenario has left one on another tape."""
        memo = find_answer(self._view, (self._stream.marks, self._number + 1))
        return (
            memo is not None and memo.failure is None and memo.value.start <= position and self._look(self._number + 1)
        )

    def _set_limit(self, tape: Tape, kept: Kept, end: int) -> None:
        """Lets it read some items without a look, and its pump go on."""
        self._kept = kept
        self._limit = min(end, self.position + max(1, (tape.keep or tape.ahead) // 4))
        if tape.room:
            tape.give_room()
        if tape.keep is not None and tape.room:  # the pump may wait for this reader, and is told of each item
            self._limit = self.position + 1

    def _may_wait(self, tape: Tape) -> bool:
        """True unless what its generator has read is something else here, or had been invalidated when the reader came.

        Its next item would not be one of this scenario then, and it may be long in coming.
        """
        if not self._saw_true:
            return False
        run = tape.run
        differing = 0 if run is None else self._find_differing(run)
        return run is None or not differing or not bits_read(run) & differing

    def _find_differing(self, run: Run) -> BitSet:
        """Returns the bits of the targets that the scenario of a pump and the reader's tweak differently; none for a source.

        A source that runs serves all scenarios up to its next mark.
        """
        there, here = run.view.tweaks, self._view.tweaks
        return 0 if there is here or self._stream.is_source else Tweak.bits_of(there.handles ^ here.handles)

    def _is_behind(self, tape: Tape) -> bool:
        """True when its tape has got on since it looked."""
        kept = tape.kept
        return self._seen != (tape, tape.state, kept.end, kept.count)

    def _is_dropped(self, kept: Kept, position: int) -> bool:
        """True for an item that is not kept any more, of a stream that can be run again.

        Raises:
            DroppedError: it is of a source.
        """
        if position < kept.base and self._stream.is_source:
            raise DroppedError(self._stream.node, position, kept.base, self._stream.keep)
        return position < kept.base

    def _check_repeats(self, new: Kept) -> None:
        """Compares what a source that was started again gives with what it gave before, as far as both are kept.

        Raises:
            StreamChangedError: it gives other items.
        """
        if self._before is None:
            return
        old, self._before = self._before.kept, None
        for number in range(max(old.base, new.base), min(self.position, old.end)):
            one, other = old.values[number - old.base], new.values[number - new.base]
            if one is not other and not is_same(one, other, self._stream.eq):
                raise StreamChangedError(self._stream.node, number)


def _find_reach(reader: AnyReader[Any], stream: "StreamShape", run: Run) -> Reach:
    """Returns where a reader says how far its run has read; notes one that the body of a stream opened, for the end of that."""
    tape = tape_of(run)
    if tape is None:
        return stream.reaches.setdefault(run.home, Reach())
    tape.opened.add(reader)
    if tape.reached is None:
        tape.reached = WeakKeyDictionary()
    return tape.reached.setdefault(stream, Reach())


def is_of_source(run: Run) -> bool:
    """True when a run is of a source, or pumps one."""
    function = run.key[0]
    return bool(function.is_source or getattr(function.body, "is_source", False))
