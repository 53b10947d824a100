"""A cursor on a stream: `AnyReader` finds items in the scenario in which it was opened, on whatever tape has them there.

It begins on the tape whose first mark answers in its scenario, whoever pumped that, and goes on as long as the marks do.  At the
first one that does not it *forks*: it goes on, at the same item, on the tape of its own scenario.  Each mark that it passes is
noted as a read.  `Reader` waits on a loop for what a pump gives.  `fetch_mark` is the driver of marks: a verification reads as
far as the reader went.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, Self, TypeVar
from weakref import ref

from .._core.drive import INVALID, Serving, frame_to_ask, note, note_no_answer
from .._core.read import LIVE, Joined, Key, Memo, Run, current, find_answer, is_same
from ..errors import CycleError, DroppedError, StreamChangedError
from .async_driver import backend
from .stream_driver import explain_keep, find_pumped, start_pump
from .sync_driver import fetch
from .tape import CLOSED, FAILED, OPEN, Mark, Reach, Tape, is_forgotten, tape_of

T_co = TypeVar("T_co", covariant=True)


class Latest:
    """The type of `LATEST`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "dug.streams.LATEST"


PENDING: Any = object()
"""What a reader answers with that has to wait for its next item."""

LATEST = Latest()
"""Says to `Stream.open` to begin with the next item that comes."""


class AnyReader(Generic[T_co]):
    """What readers of all streams have in common: where they are, and how they get from mark to mark and from tape to tape."""

    _end: type[Exception]
    """What says that there are no more items."""

    def __init__(self, stream: Any, start: "int | Latest" = 0, frame: Any = None) -> None:
        self._tape: Tape | None = None
        key = stream.node._key
        self.frame = frame = frame_to_ask(current.get() if frame is None else frame, key)
        if frame.driver is not None:
            raise TypeError(f"{stream.node} is a stream, and dug.testing evaluates no streams.")
        memo = fetch(frame, key)
        self._stream = stream = memo.value
        self._view = frame.view
        self._generation = self._view.group.generation
        self._number = -1
        """That of the last mark that it passed."""
        self._noted: Memo | None = None
        self._before: Tape | None = None
        """For a source: the tape that it read before, whose items the present one must repeat."""
        self._is_closed = False
        self._ticket = object()
        self._reach: Reach | None = None
        self._saw_open = False
        self.position = self._limit = 0
        self._length = 0 if stream.items is None else len(stream.items)
        if stream.items is None:
            if self._run is not None:
                self._reach = stream.reaches.setdefault(self._run.home, Reach())
            self._begin(start)
        elif start is LATEST:
            self.position = self._length
        else:
            self.position = start  # type: ignore[assignment]  # a number

    def _begin(self, start: "int | Latest") -> None:
        if start is LATEST:
            if self._run is not None and not _is_of_source(self._run):
                raise TypeError(
                    f"{self._stream.node} is opened at LATEST within {self._run.key[0]}, whose value would depend on the time. "
                    "Open it at 0 there, or make that a @dug.source."
                )
            self._read_own()
            assert self._tape is not None  # noqa: S101  it has just switched to it
            self.position = self._limit = self._tape.end
            return
        self.position = self._limit = start  # type: ignore[assignment]  # a number
        if not self._look(0):
            self._read_own()

    @property
    def _run(self) -> Run | None:
        run: Run | None = self.frame.run
        return run

    def __repr__(self) -> str:
        return f"<Reader of {self._stream.node} before item {self.position}>"

    def close(self) -> None:
        """Leaves the stream; its generator is closed soon, if nobody else reads."""
        self._leave()

    def skip_dropped(self) -> None:
        """Goes on to the first item that its tape still keeps."""
        if self._tape is not None:
            self.position = self._limit = max(self.position, self._tape.base)

    def _leave(self) -> Any:
        tape, self._tape, self._is_closed = self._tape, None, True
        self._limit = self.position
        return None if tape is None else tape.leave(self._ticket)

    def _stop(self) -> None:
        """Ends the iteration, with the error of the stream if it failed."""
        tape: Any = self._tape
        if self._reach is not None:
            self._reach.is_end = True
        if tape is None:
            raise self._end
        error, memo = tape.error, tape.marks[self._number] if 0 <= self._number < len(tape.marks) else None
        self.close()
        if tape.state != FAILED:
            raise self._end
        frame = self.frame
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
            del error, memo, tape, frame

    def _switch(self, tape: Tape) -> None:
        if tape is self._tape:
            return
        before = self._tape
        tape.readers[self._ticket] = ref(self)
        self._saw_open = tape.state == OPEN
        self._tape = tape
        if before is not None:
            before.leave(self._ticket)
            is_checked = self._stream.is_source and self.position > 0 and not before.base and not tape.base
            self._before = before if is_checked else self._before

    def _look(self, number: int) -> bool:
        """Passes the mark of this number, where one answers; False where none does."""
        tape, view = self._tape, self._view
        memo: Memo | None = None
        is_own = tape is not None and tape.scenario == view.tweaks.serial and number < len(tape.marks)
        if is_own and tape is not None:
            memo = tape.marks[number]
            is_new = memo is None or memo.failure is not None
            if is_new and not self._saw_open:
                memo, is_own = None, False
            elif memo is not None and self._generation == view.group.generation and is_forgotten(memo):
                memo, is_own = None, False  # by an invalidation before it was opened
        if not is_own:
            memo = find_answer(view, (self._stream.marks, number))
            if memo is None or not memo.serves(self.frame.call):
                return False
            if memo.failure is None:
                self._switch(memo.value.tape)
        self._number = number
        self._note(memo)
        return True

    def _note(self, memo: Memo | None) -> None:
        """Notes a mark as a read; the one before it need not be noted too, if nothing was read in between."""
        frame = self.frame
        run = frame.run
        if run is not None and (memo is None or memo.status != LIVE):
            run.unfileable = INVALID
        reads = frame.reads
        if memo is None or reads is None:
            return
        if self._noted is not None and reads and next(reversed(reads)) is self._noted:
            del reads[self._noted]
        note(frame, self._view, memo)
        self._noted = memo

    def _read_own(self) -> None:
        """Goes on, on the tape of this very scenario."""
        tape = self._find_own()
        self._number = -1
        self._switch(tape)

    def _find_own(self) -> Tape:
        """Returns the tape of this very scenario, which somebody writes or will write."""
        raise NotImplementedError

    def _find_limit(self) -> bool:
        """Finds how far it may read without a look; False when it must wait."""
        position = self.position
        while True:
            tape = self._tape
            if tape is None:  # it was closed
                return True
            number = self._number
            end = tape.end_of(number) if number >= 0 else 0
            if position < end:
                self._check_item(tape, position)
                if self._before is not None:
                    self._check_repeats(self._before, tape)
                self._limit = min(end, position + max(1, (tape.keep or tape.ahead) // 4))
                tape.give_room()
                return True
            if number + 1 < len(tape.starts):
                if self._look(number + 1):
                    continue
            elif tape.state == OPEN:
                return False
            elif tape.state != CLOSED:
                return True
            self._read_own()
            if self._tape is tape:
                return False

    def _check_item(self, tape: Tape, position: int) -> None:
        """Raises DroppedError for an item that is not kept any more."""
        if position < tape.base:
            raise DroppedError(self._stream.node, position, tape.base, tape.keep)

    def _check_repeats(self, before: Tape, tape: Tape) -> None:
        """Compares what a source that was started again gives with what it gave before.

        Raises:
            StreamChangedError: it gives other items.
        """
        self._before = None
        count = min(self.position, before.end)
        for number, (one, other) in enumerate(zip(before.values[:count], tape.values, strict=False)):
            if one is not other and not is_same(one, other, self._stream.eq):
                raise StreamChangedError(self._stream.node, number)


class Reader(AnyReader[T_co]):
    """Reads the items of a stream in order; an async iterator, and an async context manager that leaves the stream at its end."""

    _end = StopAsyncIteration

    def __init__(self, stream: Any, start: "int | Latest" = 0, frame: Any = None) -> None:
        self._tape: Tape | None = None  # for `__del__`
        self._loop = backend().find_loop()
        super().__init__(stream, start, frame)

    def _find_own(self) -> Tape:
        """Returns the tape of this very scenario; starts its pump where there is none."""
        stream = self._stream
        around = tape_of(self._run)
        if around is not None and around.state == CLOSED and self._tape is not None:  # its pump is about to be cancelled
            return self._tape
        found = find_pumped(stream, self._view, self.frame.call)
        if type(found) is not Run:
            return found  # type: ignore[return-value]  # a tape
        tape = Tape(found, stream.ahead, stream.keep)
        start_pump(stream, found, tape)
        return tape

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        while (item := self._poll()) is PENDING:
            await self._sleep()
        return item  # type: ignore[no-any-return]  # it is what the generator gave

    def _poll(self) -> Any:
        """Returns the next item, or `PENDING` while that has still to come.

        Raises:
            StopAsyncIteration: there is none.
        """
        position = self.position
        if self._stream.items is not None:
            if position >= self._length or self._is_closed:
                raise StopAsyncIteration
            self.position = position + 1
            return self._stream.items[position]
        if position >= self._limit:
            if not self._find_limit():
                return PENDING
            if position >= self._limit:
                self._stop()
        self.position = position = position + 1
        if self._reach is not None and self._reach.position < position:
            self._reach.position = position
        tape: Any = self._tape
        return tape.values[position - 1 - tape.base]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        tape = getattr(self, "_tape", None)
        if tape is None:
            return
        # The collector may run inside the loop's select, where nothing notices that something became ready: so the loop is woken.
        soon = getattr(self._loop, "call_soon_threadsafe", None) or self._loop.run_sync_soon
        with suppress(RuntimeError):  # the loop is over, and so is the pump
            soon(tape.leave, self._ticket)

    async def aclose(self) -> None:
        """Leaves the stream; returns when its generator is closed, if nobody else reads."""
        task = self._leave()
        if task is not None and not task.is_lost() and is_here(task, self._loop):
            await backend().wait_ended([task])

    async def _sleep(self) -> None:
        """Waits until its tape has more, or has ended."""
        entered = self._enter_wait(backend().TaskWait)
        if entered is None:
            await backend().Sleep().last(0.0)  # a turn of the loop in any case
            return
        tape, wait = entered
        try:
            await wait.sleep()
        finally:
            leave_wait(tape, wait)

    def _enter_wait(self, make: Callable[[Any, Run], Any], *, is_optional: bool = False) -> "tuple[Tape, Any] | None":
        """Begins to wait for the next item; None when there may be something to read by now.

        An optional wait that would close a circle keeps the reader waiting for its item, but holds nobody up.

        Raises:
            CycleError: the stream waits for the asker, directly or through others, and the wait is not optional.
        """
        tape: Any = self._tape
        tape.give_room()
        run = tape.run
        if run is None:
            return None
        is_own = run is self.frame  # whoever waits for another's item has a run in between
        if is_own and not is_optional:
            raise CycleError((self._stream.node, self._stream.node))
        wait = make(self.frame, run)
        try:
            is_joined = not is_own and wait.join(Joined(run, is_optional=is_optional))
            if not is_joined and (run.is_done or not is_optional):
                return None
        except CycleError as exc:
            if tape.room is not None and tape.keep is not None:
                exc.add_note(explain_keep(tape))
            raise
        tape.sleepers.append(wait)
        return tape, wait


def leave_wait(tape: Tape, wait: Any) -> None:
    """Ends a wait for the next item."""
    wait.leave_wait()
    if wait in tape.sleepers:
        tape.sleepers.remove(wait)


def _is_of_source(run: Run) -> bool:
    """True when a run is of a source, or pumps one."""
    function = run.key[0]
    return bool(function.is_source or getattr(function.body, "is_source", False))


def is_here(task: Any, loop: object) -> bool:
    """True when a task is on a loop."""
    return (task.get_loop() if hasattr(task, "get_loop") else task.token) is loop


async def fetch_mark(frame: Any, key: Key) -> Memo:
    """Returns the mark that covers what a run of the node around has read of a stream; the driver of marks.

    Raises:
        LookupError: the stream ends sooner; who verifies takes that for a change.
    """
    run: Run | None = None if frame is None else frame.run
    stream = key[0].body
    if run is None:
        raise TypeError(f"{key[0]} is a mark of a stream and cannot be called. Read the stream.")
    reach = stream.reaches.get(run.home)
    if reach is None:
        raise LookupError(f"nobody knows how far {run.key[0]} has read {stream.node}")
    async with Reader[Any](stream, frame=run) as reader:
        return await _read_to(reader, reach.position, is_end=reach.is_end)


async def _read_to(reader: Reader[Any], position: int, *, is_end: bool) -> Memo:
    """Lets a reader read up to a position, or to the end, and returns the last mark that it passed."""
    async for _ in reader:
        if reader.position >= position and not is_end:
            break
    memo = reader._noted
    if memo is None or memo.failure is not None or not isinstance(memo.value, Mark):
        raise LookupError("its stream has no such mark")
    if reader.position < position and not memo.value.is_end:
        raise LookupError("its stream ends sooner")
    return memo
