"""A cursor on a synchronous stream: `SyncReader`, which pulls the items that nobody has pulled; `fetch_mark_here`.

Reading never waits but for a thread that pulls from the same tape.

It pulls in the frame of the reader (`_pull_in`), or waits for the thread that pulls (`_wait`).
"""

from contextlib import suppress
from typing import Any, Self, TypeVar

from .._core.read import Joined, Key, Memo, current
from . import stacks
from .any_reader import AnyReader
from .pulled_tape import PulledTape, find_tape
from .reader import find_mark, find_reach
from .stacks import continue_on_new_stack
from .sync_driver import ThreadWait
from .tape import Tape

T_co = TypeVar("T_co", covariant=True)


class SyncReader(AnyReader[T_co]):
    """Reads the items of a synchronous stream in order; an iterator, and a context manager that leaves the stream at its end.

    Several threads may read one stream, each with a reader of its own.
    """

    _end = StopIteration

    def _find_own(self, position: int) -> Tape:
        """Returns the tape of this very scenario."""
        return find_tape(self._stream, self._view, self.frame, position)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T_co:
        position = self.position
        if self._stream.items is not None:
            if position >= self._length or self._is_closed:
                raise StopIteration
            self.position = position + 1
            return self._stream.items[position]  # type: ignore[no-any-return]  # an item
        if position >= self._limit:
            try:
                while not (is_ready := self._find_limit()):
                    if is_ready is None:
                        self._stop()
                    self._pull()
            except BaseException:
                del self  # see `failure.empty_own_frames`
                raise
        self.position = position = position + 1
        if self._reach is not None and self._reach.position < position:
            self._reach.position = position
        kept = self._kept
        return kept.values[position - 1 - kept.base]  # type: ignore[no-any-return]  # an item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        tape = getattr(self, "_tape", None)
        if tape is not None:
            tape.leave(self._ticket)

    def close(self) -> None:
        """Leaves the stream; its generator is closed at once, if nobody else reads."""
        super().close()

    def _pull(self) -> None:
        """Has its tape give one more item, or waits for the thread that is at it."""
        tape: Any = self._tape
        place: Any = current.get()
        around = place.run
        args: Any = place, self._stream.node._key, tape, self.position
        try:
            if stacks.lacks_room(0 if around is None else around.depth + 1):
                is_pulled = continue_on_new_stack(_pull_in, *args)
            else:
                is_pulled = _pull_in(*args)
            if not is_pulled:
                _wait(self.frame if around is None else place, tape)
        finally:
            del self, tape, place, around, args  # see `failure.empty_own_frames`


def _pull_in(place: Any, _key: Key, tape: PulledTape, position: int) -> bool:
    """Pulls in the frame in force; False when another thread is at it."""
    try:
        return tape.pull(position, place.run)
    finally:
        del place, tape  # as above


def _wait(frame: Any, tape: PulledTape) -> None:
    """Waits for the thread that pulls from a tape.

    Raises:
        CycleError: the generator waits for the asker, directly or through others.
    """
    run = tape.run
    if run is None:
        return
    wait = ThreadWait(frame, run)
    try:
        if wait.join(Joined(run)):
            tape.sleepers.append(wait)
            if tape.gate.locked():  # else it was woken before it was on the list
                wait.sleep()
    finally:
        wait.end()
        with suppress(ValueError):
            tape.sleepers.remove(wait)
        del frame, tape, run, wait  # as above


def fetch_mark_here(frame: Any, key: Key, known: object = None) -> Memo:  # noqa: ARG001  as in `fetch`
    """Returns the mark that covers what a run of the node around has read of a synchronous stream; the driver of its marks.

    Raises:
        LookupError: the stream ends sooner; who verifies takes that for a change.
    """
    run, position, is_end = find_reach(frame, key)
    with SyncReader[Any](key[0].body, frame=run) as reader:
        for _ in reader:
            if reader.position >= position and not is_end:
                break
        return find_mark(reader, position)
