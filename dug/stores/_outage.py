"""`Outage` asks a server that may be gone, or a database that may be locked: a failure begins a pause; `Seldom`.

A pause lasts a second at first and twice as long after each further failure, at most half a minute; an answer ends it.  So a
server that is gone costs a computation little, and one that is back is in use again soon.

`ask` and `attempt` ask; `is_paused`, `has_failed` and `_pause` are about the pause, `_warn` tells.
"""

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from ._forks import begin_anew_in_children

R = TypeVar("R")

_logger = logging.getLogger("dug")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
BETWEEN_WARNINGS_S = 60.0


class Seldom:
    """Lets something be said once a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: float | None = None
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Makes a new lock, in a forked child."""
        self._lock = Lock()

    def is_due(self) -> bool:
        """Returns True where it was not said for a minute; the caller says it now."""
        now = self._clock()
        with self._lock:
            is_due = self._said is None or now - self._said >= BETWEEN_WARNINGS_S
            if is_due:
                self._said = now
        return is_due


class Outage:
    """Asks one server, from any thread, and counts how often it failed.

    Args:
        server: how warnings name the server, or the database.
        failures: the exceptions that mean that the server gave no answer; others pass.
        clock: gives the time in seconds.
        tell: says of a failure what happened and what to do about it.
    """

    def __init__(
        self,
        server: str,
        failures: tuple[type[Exception], ...],
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Exception], str] | None = None,
    ) -> None:
        self.failed = 0
        """How many asks the server did not answer."""
        self._failures, self._clock = failures, clock
        self._tell = tell or (lambda exc: f"{server} does not answer ({type(exc).__name__}: {exc}).")
        self._pause_s = 0.0
        self._until: float | None = None
        self._told = Seldom(clock)
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Makes a new lock, in a forked child; a pause goes on there."""
        self._lock = Lock()

    @property
    def is_paused(self) -> bool:
        """True while nobody asks, after a failure."""
        return self._until is not None and self._clock() < self._until

    @property
    def has_failed(self) -> bool:
        """True from a failure to the next answer, also between pauses."""
        return self._until is not None

    def ask(self, call: Callable[[], R], otherwise: R) -> R:
        """Returns ``call()``; `otherwise` while it is paused, or where there is no answer, which is told once a minute."""
        if self.is_paused:
            return otherwise
        try:
            return self.attempt(call)
        except self._failures as exc:
            self._warn(exc)
            return otherwise

    def attempt(self, call: Callable[[], R]) -> R:
        """Returns ``call()``, whether or not it is paused; a failure passes, and a longer pause begins."""
        try:
            answer = call()
        except self._failures:
            self._pause()
            raise
        if self._until is not None:
            with self._lock:
                self._until, self._pause_s = None, 0.0
        return answer

    def _pause(self) -> None:
        with self._lock:
            self.failed += 1
            self._pause_s = min(2 * self._pause_s or FIRST_PAUSE_S, LONGEST_PAUSE_S)
            self._until = self._clock() + self._pause_s

    def _warn(self, exc: Exception) -> None:
        if self._told.is_due():
            said = "%s Until then dug computes what it would take from there, and keeps nothing there."
            _logger.warning(said, self._tell(exc))
