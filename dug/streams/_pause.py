"""What a cursor waits for when it has no item to give: `Pause`, one sleep that several tapes, tasks and a moment can end.

No task is made for that.  The waits for the tapes hold up the run of the cursor, so that circles are found; as any one item lets
the cursor go on, each of several waits is optional, and only when all of them would close a circle is nothing left to wait for.

`_SharedWait` is one of these waits.  `last` sleeps, `end_by` adds a moment, `_enter` the waits, `wake` ends.
"""

from typing import Any

from .._core.drive import PATIENCE_S, DriverWait
from .._core.read import Frame, Joined, Run
from .._functions.async_driver import backend
from .._functions.reader import Reader, is_here, leave_wait
from ._stuck import check_room


class _SharedWait(DriverWait):
    """One of several waits of an asker; each of them ends the sleep."""

    __slots__ = ("is_joined", "sleep")

    def __init__(self, frame: Frame, run: Run, sleep: Any) -> None:
        super().__init__(frame, run, None)
        self.sleep = sleep
        self.is_joined = False

    def join(self, joined: Joined) -> bool:
        """Begins to wait, as said above, and notes whether it did."""
        self.is_joined = super().join(joined)
        return self.is_joined

    def wake(self) -> None:
        """Lets the asker go on."""
        self.sleep.wake()


class Pause:
    """What one cursor, and those that it reads, wait for at a moment."""

    def __init__(self) -> None:
        self.readers: list[Reader[Any]] = []
        """Those of which the next item has still to come."""
        self.works: list[Any] = []
        """Groups of tasks (`_tasks.Work`), of which the next one has still to end."""
        self.until: float | None = None
        """The moment at which to look again, by the clock of the loop."""
        self.is_turn = False
        """True to look again in the next turn of the loop."""
        self.own: list[Reader[Any]] = []
        """The readers of the cursor for which pumps may have to wait."""
        self._sleep: Any = None
        self._is_awaited = False
        """True when a pump waits for one of these."""

    def end_by(self, moment: float) -> None:
        """Makes it last no longer than to a moment."""
        self.until = moment if self.until is None else min(self.until, moment)

    async def last(self) -> None:
        """Returns when there may be something to give.

        Raises:
            CycleError: nothing will ever come, as each stream waits for the asker, or for another reader of the cursor to go on.
        """
        self._sleep = sleep = backend().Sleep()
        entered: list[Any] = []
        try:
            for reader in self.own:
                reader.pause = self
            is_long = not self.is_turn and self._enter(entered, sleep)
            if is_long and self.own and not self.works and self.until is None:
                self._is_awaited = check_room(self.readers, self.own)
            await sleep.last(self._find_seconds() if is_long else 0.0)  # a turn of the loop in any case
        finally:
            for tape, wait in entered:
                leave_wait(tape, wait)
            for work in self.works:
                if sleep in work.sleeps:
                    work.sleeps.remove(sleep)
            for reader in self.own:
                reader.pause = None

    def wake(self) -> None:
        """Lets the cursor look again, from any thread."""
        self._sleep.wake()

    def _enter(self, entered: list[Any], sleep: Any) -> bool:
        """Begins all waits; False when there may be an item by now."""
        for work in self.works:
            work.sleeps.append(sleep)
        is_optional = len(self.readers) > 1 or bool(self.works) or self.until is not None
        for reader in self.readers:
            if not self._enter_one(reader, entered, sleep, is_optional=is_optional):
                return False
        is_stuck = not (self.works or self.until is not None or any(wait.is_joined for _, wait in entered))
        if is_stuck and not self._enter_one(self.readers[0], entered, sleep, is_optional=False):
            return False
        return not any(work.has_news for work in self.works)

    def _enter_one(self, reader: Reader[Any], entered: list[Any], sleep: Any, *, is_optional: bool) -> bool:
        found = reader._enter_wait(lambda frame, run: _SharedWait(frame, run, sleep), is_optional=is_optional)
        if found is not None:
            entered.append(found)
        return found is not None

    def _find_seconds(self) -> float | None:
        """Returns how long to sleep at most: a loop that has pumps of ours may be left, and what waits for us be waited for."""
        seconds = None if self.until is None else max(0.0, self.until - backend().find_time())
        if not self._is_awaited and all(_is_pumped_here(reader) for reader in self.readers):
            return seconds
        return PATIENCE_S if seconds is None else min(seconds, PATIENCE_S)


def _is_pumped_here(reader: Reader[Any]) -> bool:
    tape = reader._tape
    task = None if tape is None or tape.run is None else tape.run.task
    return task is not None and is_here(task, reader._loop)
