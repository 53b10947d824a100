"""`Clock`, a clock that stands still until a test says how much later it is; nothing that goes by it sleeps for real.

Alarms are called in the order of their moments, and those of one moment in the order in which they were set, by the thread that
lets the time go on.

`Alarm` is one of these, which can be cancelled.  `advance`, `jump`, `call_at` and `sleep` are its verbs.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from threading import Lock

from .._functions.async_driver import backend
from .._text.values import show


class Alarm:
    """A call that a `Clock` makes at some moment."""

    def __init__(self, moment: float, call: Callable[[], object], on_cancel: Callable[[], object]) -> None:
        self.moment = moment
        """When it is made."""
        self._call: Callable[[], object] | None = call
        self._on_cancel = on_cancel

    def cancel(self) -> None:
        """Lets it not be made, if it was not made yet."""
        call, self._call = self._call, None
        if call is not None:
            self._on_cancel()

    def ring(self) -> None:
        """Makes the call, once."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Clock:
    """A clock for tests: calling it gives the time in seconds, which goes on only by `advance`.

    Give it to what takes a clock, such as ``dug.live.Live(..., clock=clock)``.  All methods can be called from any thread.

    Example:
        >>> from dug.testing import Clock
        >>> clock = Clock()
        >>> alarm = clock.call_at(1.5, lambda: print("half past one"))
        >>> clock.advance(2)
        half past one
        >>> clock()
        2.0

    .. versionadded:: 0.1.0
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = float(start)
        self._lock = Lock()
        self._alarms: list[tuple[float, int, Alarm]] = []
        self._numbers = count()

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Lets time go on, and makes the calls that are due on the way, each at its moment.

        Raises:
            ValueError: `seconds` is not a number from 0 on.
        """
        if not isinstance(seconds, (int, float)) or not seconds >= 0:
            raise ValueError(f"A clock goes on by a number of seconds, not by {show(seconds)}. Write clock.advance(0.5).")
        until = self._now + seconds
        while (alarm := self._take(until)) is not None:
            alarm.ring()

    def jump(self) -> bool:
        """Lets time go on to the next call that is due, and makes that; returns False if there is none."""
        alarm = self._take(None)
        if alarm is None:
            return False
        alarm.ring()
        return True

    def call_at(self, moment: float, call: Callable[[], object]) -> Alarm:
        """Makes a call when that moment has come, at once if it has; returns an alarm that can be cancelled."""
        alarm = Alarm(moment, call, self._drop_cancelled)
        with self._lock:
            is_over = moment <= self._now
            if not is_over:
                heappush(self._alarms, (moment, next(self._numbers), alarm))
        if is_over:
            alarm.ring()
        return alarm

    async def sleep(self, seconds: float) -> None:
        """Returns when the clock is so many seconds further; on asyncio and trio."""
        sleep = backend().Sleep()
        alarm = self.call_at(self._now + seconds, sleep.wake)
        try:
            await sleep.last(None)
        finally:
            alarm.cancel()

    def _take(self, until: float | None) -> Alarm | None:
        """Returns the next alarm that may ring, up to a moment, and sets the time to its own, or without one to that moment."""
        with self._lock:
            while self._alarms and (until is None or self._alarms[0][0] <= until):
                moment, _, alarm = heappop(self._alarms)
                if alarm._call is not None:
                    self._now = moment
                    return alarm
            if until is not None:  # under the lock: an alarm that is set meanwhile is found above, or rings at once
                self._now = max(self._now, until)
            return None

    def _drop_cancelled(self) -> None:
        with self._lock:
            self._alarms = [entry for entry in self._alarms if entry[2]._call is not None]
            heapify(self._alarms)

    def __repr__(self) -> str:
        return f"<dug.testing.Clock at {self._now:g} s>"
