"""`Bell`, on which a task waits for news from another thread, such as those of the server."""

from collections.abc import Sequence
from typing import Any, Self

from ..._functions.async_driver import backend

Topic = tuple[str | None, str]
"""A run, and what of it."""


class Bell:
    """Lets a task sleep until another thread, or the server, says that something changed; a ring before the sleep counts."""

    __slots__ = ("__weakref__", "_bells", "_is_rung", "_sleep", "_topics")

    def __init__(self, topics: "Sequence[Topic]" = (), bells: "dict[Topic, dict[Bell, None]] | None" = None) -> None:
        self._topics, self._bells = topics, {} if bells is None else bells
        self._is_rung = False
        self._sleep: Any = None

    def ring(self) -> None:
        """Wakes the task; from any thread."""
        self._is_rung = True
        sleep = self._sleep
        if sleep is not None:
            sleep.wake()

    async def wait(self, seconds: float | None) -> None:
        """Returns when it was rung since the last wait, or after so many seconds."""
        if not self._is_rung:
            self._sleep = sleep = backend().Sleep()
            try:
                if not self._is_rung:  # between the look and the note of the sleep
                    await sleep.last(seconds)
            finally:
                self._sleep = None
        self._is_rung = False

    def __enter__(self) -> Self:
        for topic in self._topics:
            self._bells.setdefault(topic, {})[self] = None
        return self

    def __exit__(self, *_: object) -> None:
        for topic in self._topics:
            known = self._bells.get(topic, {})
            known.pop(self, None)
            if not known:
                self._bells.pop(topic, None)
