"""Every way in which one thread can be stopped once while another does all it has to do.

`explore` runs a first action in a thread of its own, stops it at one place of the package, lets a second action run in another
thread up to its end, or until it waits for the first, and then lets the first go on. It does so once for each place that the
first action comes to. Nothing is left to chance, so what it finds is found again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from attrs import define, field

import dug

PACKAGE = str(Path(dug.__file__).parent)
HELD_UP_S, LONGEST_S = 0.005, 0.2
"""When the second action is taken to wait for a lock: soon where the first holds the group's."""
World = TypeVar("World")


@define(eq=False)
class Stop:
    """One place to stop at, by its number, and what to do there."""

    place: int
    lock: Any
    blocked: dict[int, Any]
    second: Callable[[], object]
    is_fine: bool
    passed: int = 0
    thread: Thread | None = None
    errors: list[BaseException] = field(factory=list)

    def trace(self, frame: Any, event: str, _: object) -> Any:
        """Count the places of the package, and stop at the one that is meant."""
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = self.is_fine
        if event in ("line", "opcode") and self.thread is None:
            if self.passed == self.place:
                self.interrupt()
            self.passed += 1
        return self.trace

    def interrupt(self) -> None:
        """Run the second action until it has ended, or waits."""
        self.thread = Thread(target=self._run, args=(self.second,), daemon=True)
        self.thread.start()
        last = time.monotonic() + (HELD_UP_S if self.lock._is_owned() else LONGEST_S)
        while self.thread.is_alive() and not self.blocked and time.monotonic() < last:
            time.sleep(0)

    def run(self, first: Callable[[], object]) -> None:
        """Run the first action."""
        sys.settrace(self.trace)
        try:
            self._run(first)
        finally:
            sys.settrace(None)

    def _run(self, action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as exc:  # noqa: BLE001  told to the test
            self.errors.append(exc)


def explore(
    set_up: Callable[[], tuple[World, dug.Cache]],
    first: Callable[[World], object],
    second: Callable[[World], object],
    *,
    is_fine: bool = False,
    stride: int = 1,
) -> Iterator[World]:
    """Yield the rest of a new world after each way to interrupt the first action once by the second.

    Places are lines, `is_fine` stops in the middle of lines as well; `stride` leaves some out.
    """
    place = 0
    while True:
        world, cache = set_up()
        group = cache.group
        stop = Stop(place, group.lock, group.blocked, lambda world=world: second(world), is_fine)
        thread = Thread(target=stop.run, args=(lambda world=world: first(world),), daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive(), f"the first action hangs when it is stopped at place {place}"
        if stop.thread is None:
            return
        stop.thread.join(20)
        assert not stop.thread.is_alive(), f"the second action hangs when the first is stopped at place {place}"
        for error in stop.errors:
            error.add_note(f"stopped at place {place}")
            raise error
        yield world
        place += stride
