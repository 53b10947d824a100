"""Shared by the tests of coroutine functions and threads: runs that cannot hang a build, and ways to order events without time.

Nothing here waits for a while: a test names the events that must happen before it goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.lowlevel

BACKENDS = ["asyncio", "trio"]
PATIENCE_S = 30.0
"""How long a test may take before it counts as hanging; only a failing one takes as long."""


def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Return ``function(*args)``, called in a thread of its own that is given up when it hangs."""
    return Worker(function, *args).result()


def run_on(backend: str, main: Callable[..., Any], *args: Any) -> Any:
    """Return what the coroutine function `main` returns on a new loop of `backend`, which is given up when it hangs."""
    return in_thread(lambda: anyio.run(main, *args, backend=backend))


class Worker(threading.Thread):
    """A thread that keeps its result; a hanging one does not keep the process."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        super().__init__(daemon=True)
        self._call = function, args
        self._value: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Call the function."""
        function, args = self._call
        try:
            self._value = function(*args)
        except BaseException as exc:  # noqa: BLE001  raised again where the result is asked for
            self.error = exc

    def end(self) -> None:
        """Wait for the end of the thread."""
        self.join(PATIENCE_S)
        assert not self.is_alive(), "a thread hangs"

    def result(self) -> Any:
        """Return the result of the function, or raise its error."""
        self.end()
        if self.error is not None:
            raise self.error
        return self._value


class Signal(threading.Event):
    """An event between threads; waiting for it fails rather than hangs."""

    def wait_here(self) -> None:
        """Block this thread until the event is set."""
        assert self.wait(PATIENCE_S), "nobody sets an event that a thread waits for"

    async def wait_there(self) -> None:
        """Wait without blocking the loop; can be cancelled."""
        while not self.is_set():
            await anyio.lowlevel.checkpoint()
            await anyio.sleep(0.001)  # no thread that would outlive a loop which is left; the outcome does not depend on it


async def settle() -> None:
    """Let every other task of this loop go on until it waits for something."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


class Gate:
    """A place where bodies wait: counts how many are there, and how many were there at the same time."""

    def __init__(self) -> None:
        self.inside = self.most = self.passed = 0
        self._open = anyio.Event()

    async def wait(self) -> None:
        """Stay at the gate until it opens."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self._open.wait()
            self.passed += 1
        finally:
            self.inside -= 1

    def open(self) -> None:
        """Let all go on, now and later."""
        self._open.set()

    def close(self) -> None:
        """Make bodies wait again, and count from zero."""
        self.most = self.passed = 0
        self._open = anyio.Event()
