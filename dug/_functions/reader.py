"""A cursor on a stream: `Reader`, an `AnyReader` that waits on a loop for what a pump gives.

`fetch_mark` is the driver of marks: a verification reads as far as the reader went.

`find_mark` and `find_reach` find, without waiting, what the engine and the operators on streams look at; `is_here` and
`leave_wait` belong to the wait.  `_poll` looks for an item, `_sleep` and `_enter_wait` wait for it, `aclose` ends.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar

from .._core.read import Joined, Key, Memo, Run
from ..errors import CycleError
from .any_reader import AnyReader, Latest
from .async_driver import backend
from .stream_driver import explain_keep, find_pumped, start_pump
from .stream_misuse import OF_READER, Misused
from .tape import CLOSED, Mark, Tape, tape_of

if TYPE_CHECKING:
    from .stream_shape import StreamShape

T_co = TypeVar("T_co", covariant=True)

PENDING: Any = object()
"""What a reader answers with that has to wait for its next item."""


class Reader(Misused, AnyReader[T_co]):
    """Reads the items of a stream in order; an async iterator, and an async context manager that leaves the stream at its end."""

    _end = StopAsyncIteration
    _answers = OF_READER

    def __init__(self, stream: "StreamShape", start: "int | Latest" = 0, frame: Any = None) -> None:
        self._tape: Tape | None = None  # for `__del__`
        self._loop = backend().find_loop()
        super().__init__(stream, start, frame)

    def _find_own(self, position: int) -> Tape:
        """Returns the tape of this very scenario; starts its pump where there is none."""
        stream = self._stream
        around = tape_of(self._run)
        if around is not None and around.state == CLOSED and self._tape is not None:  # its pump is about to be cancelled
            return self._tape
        found = find_pumped(stream, self._view, self.frame, position)
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
        if position >= self._limit:
            if self._stream.items is not None:
                if position >= self._length or self._is_closed:
                    raise StopAsyncIteration
                self.position = position + 1
                return self._stream.items[position]
            is_ready = self._find_limit()
            if is_ready is None:
                self._stop()
            if not is_ready:
                return PENDING
        kept = self._kept
        self.position = position = position + 1
        reach = self._reach
        if reach is not None and reach.position < position:
            reach.position = position
        return kept.values[position - 1 - kept.base]

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
            joined = Joined(run, is_optional=is_optional, differs=self._find_differing(run))
            is_joined = not is_own and wait.join(joined)
            if not is_joined and (run.is_done or not is_optional):
                return None
        except CycleError as exc:
            explain_keep(exc, run)
            raise
        tape.sleepers.append(wait)
        if self._is_behind(tape):  # by now: its pump may be in another thread, and have seen no sleeper
            leave_wait(tape, wait)
            return None
        return tape, wait


def leave_wait(tape: Tape, wait: Any) -> None:
    """Ends a wait for the next item."""
    wait.leave_wait()
    if wait in tape.sleepers:
        tape.sleepers.remove(wait)


def is_here(task: Any, loop: object) -> bool:
    """True when a task is on a loop."""
    return (task.get_loop() if hasattr(task, "get_loop") else task.token) is loop


async def fetch_mark(frame: Any, key: Key) -> Memo:
    """Returns the mark that covers what a run of the node around has read of a stream; the driver of marks.

    Raises:
        LookupError: the stream ends sooner; who verifies takes that for a change.
    """
    run, position, is_end = find_reach(frame, key)
    async with Reader[Any](key[0].body, frame=run) as reader:
        async for _ in reader:
            if reader.position >= position and not is_end:
                break
        return find_mark(reader, position)


def find_reach(frame: Any, key: Key) -> tuple[Run, int, bool]:
    """Returns the run that asks for a mark, how far its node has read the stream before, and whether that saw the end."""
    run: Run | None = None if frame is None else frame.run
    stream = key[0].body
    if run is None:
        raise TypeError(f"{key[0]} is a mark of a stream and cannot be called. Read the stream.")
    reach = stream.reaches.get(run.home)
    if reach is None:
        raise LookupError(f"nobody knows how far {run.key[0]} has read {stream.node}")
    return run, reach.position, reach.is_end


def find_mark(reader: AnyReader[Any], position: int) -> Memo:
    """Returns the last mark that a reader has passed, which has read up to a position, or to the end."""
    memo = reader._noted
    if memo is None or memo.failure is not None or not isinstance(memo.value, Mark):
        raise LookupError("its stream has no such mark")
    if reader.position < position and not memo.value.is_end:
        raise LookupError("its stream ends sooner")
    return memo
