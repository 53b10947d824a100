"""Interrupts (Ctrl-C): puts one at every line or bytecode of dug, and sends real ones to a process that asks what-ifs.

Run it as a script: ``python tests/interrupts.py 500``.  It starts a process that enters, asks, tweaks and sweeps for ever, sends
it so many SIGINTs at random moments, and looks after each what that left.  It exits with an error when one came out as another
error, left a context in force, or left a value, a lock or a run that is not as it was.

``DUG_EVERY_PLACE=1 python -m pytest -m slow tests/core/test_interrupts.py`` strikes at each place, and not at some of them.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from inspect import CO_GENERATOR
from opcode import opname
from pathlib import Path
from types import FrameType
from typing import Any, Self

import dug

HOME = str(Path(dug.__file__).parent) + os.sep
EVERY_PLACE = "DUG_EVERY_PLACE" in os.environ
"""True to try each place, which takes some minutes; else the slow tests try some, always the same ones."""
PATIENCE_S = 20.0
"""How long something may take before it counts as hanging; only a fault takes as long."""

_UNRAISABLE = ("__del__", "_drain_first")
"""Finalizers, and callbacks of the garbage collector: Python prints exceptions raised there, and goes on."""


class Interrupter:
    """Raises KeyboardInterrupt at the n-th place that is reached in dug's own code, or in that of a function of the test's.

    Args:
        number: which place, from 1 on.
        by: ``line`` for the beginnings of lines, ``opcode`` for each bytecode; either with the calls and returns of functions.
            ``try`` for the lines that hold nothing but that word, which CPython 3.11 lets no handler around guard.
        also: a function whose frames count too.
        within: the names of the functions whose places count; none for all.
    """

    def __init__(self, number: int, by: str, also: Callable[..., Any] | None = None, within: tuple[str, ...] = ()) -> None:
        self.number = number
        self.seen = 0
        self.place = ""
        self._by = by
        self._within = within
        self._closing: list[FrameType] = []
        self._also = None if also is None else also.__code__

    @property
    def has_struck(self) -> bool:
        """True when there was such a place."""
        return self.seen >= self.number

    def __enter__(self) -> Self:
        sys.settrace(self._enter_frame)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _enter_frame(self, frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith((HOME, "<dug call")) and code is not self._also:
            return None
        if self._within and code.co_name not in self._within:
            return None
        if any(one.f_code.co_name in _UNRAISABLE for one in list_frames(frame)):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = self._by != "opcode", self._by == "opcode"
        return self._look(frame, event, arg) if code is not self._also else self._look

    def _look(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "exception":
            if issubclass(arg[0], GeneratorExit):
                self._closing.append(frame)
            return self._look
        if frame in self._closing or (event == "call" and frame.f_lasti > 0 and frame.f_code.co_flags & CO_GENERATOR):
            return self._look  # nothing can be raised in a generator that is being closed
        if event == "return" and opname[frame.f_code.co_code[frame.f_lasti]] == "YIELD_VALUE":
            return self._look  # no handler of a signal runs between an await that is suspended and the loop
        if event == "opcode" and opname[frame.f_code.co_code[frame.f_lasti]] in {"PRECALL", "CALL"}:
            return self._look  # CPython 3.11 keeps the names of the keywords that it has put aside for a call, and crashes later
        if self._by == "try" and (event != "line" or opname[frame.f_code.co_code[frame.f_lasti]] != "NOP"):
            return self._look
        self.seen += 1
        if self.seen == self.number:
            sys.settrace(None)
            self.place = f"{frame.f_code.co_name}:{frame.f_lineno} at {event} {frame.f_lasti}"
            raise KeyboardInterrupt
        return self._look


def list_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and the nearest of those that led to it."""
    for _ in range(12):
        if frame is not None:
            yield frame
            frame = frame.f_back


def choose_places(count: int, most: int) -> list[int]:
    """Return the numbers of so many of the places, the same ones each time; of all of them where the environment says so."""
    every = range(1, count + 1)
    return list(every) if count <= most or EVERY_PLACE else sorted(random.Random(count).sample(every, most))


def strike_everywhere(
    by: str, act: Callable[[], Any], *, most: int = sys.maxsize, also: Callable[..., Any] | None = None
) -> Iterator[tuple[str, BaseException | None]]:
    """Do something again and again, interrupted at one place after the other; yield the place and the outcome.

    It is done once to the end, to count the places; `most` says of how many of them each is tried.
    """
    with Interrupter(sys.maxsize, by, also) as counter:
        act()
    yield "", None
    for number in choose_places(counter.seen, most):
        came: BaseException | None = None
        interrupter = Interrupter(number, by, also)
        try:
            with interrupter:
                act()
        except BaseException as exc:  # noqa: BLE001  what came out is looked at
            came = exc
        if interrupter.has_struck:  # else there are fewer, as something was kept from before
            yield interrupter.place, came


def in_thread(call: Callable[[], Any]) -> Any:
    """Return the result of a call in another thread; one that waits for ever is an error."""
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(call()), daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    assert outcome, "another thread hangs, or failed"
    return outcome[0]


# The process that is interrupted.


@dug.memoize
def rate(of: int = 0) -> int:
    """Return an input."""
    return 2


@dug.memoize
def level() -> int:
    """Return an input that is invalidated."""
    return 1


@dug.memoize
def value(of: int = 0) -> int:
    """Return the requested value."""
    return rate(of) * 10 * level()


@dug.memoize
def whatif(of: int) -> int:
    """Ask a what-if inside a node."""
    with dug.Context(tweaks={rate.node(of): of}):
        return value(of)


def ask_for_ever(base: dug.Context, again: dug.Context, changing: dug.Context) -> None:
    """Enter, ask, tweak and sweep."""
    turn = 0
    while True:
        turn += 1
        with base:
            with again:
                value()
            with dug.Context(tweaks={rate.node(turn % 7): turn}):
                value(turn % 7)
            with changing:
                changing.tweak({rate.node(8): turn, rate.node(9): turn})
                value(8) + value(9)
            whatif(turn)
            base.invalidate(level.node())
            for _ in dug.sweep(value.node(3), [{rate.node(3): turn + i} for i in range(3)]):
                pass
            base.run_all([value.node(i) for i in range(4)])
        base.run(value, turn)
        again.activate()
        value()
        again.deactivate()
        if turn % 50 == 0:
            base.clear()


def find_fault(came: BaseException | None, base: dug.Context, again: dug.Context, changing: dug.Context) -> str:
    """Return the fault after an interrupt, or nothing."""
    if not isinstance(came, KeyboardInterrupt):
        return f"{came!r} came out"
    if dug._core.steps.frame.DEFAULT_FRAME.entry is not None:
        again.deactivate()
    try:
        return f"outside of every context, value() gives {value()}"
    except dug.NoContextError:
        pass
    with base:
        if (value(), value(3)) != (20, 20):
            return f"in the base, value() gives {value()} and value(3) {value(3)}"
        with changing:
            if value(8) != value(9):
                return f"a tweak of two nodes shows in one: {value(8)}, {value(9)}"
        with again:
            if value() != 50:
                return f"under a tweak, value() gives {value()}"
    if in_thread(lambda: (base.run(value), again.run(rate), base.run(value, -1))) != (20, 5, 20):
        return "another thread gets other values"
    return ""


def be_interrupted(times: int) -> None:
    """Ask for ever, and report faults after each interrupt."""
    base, again = dug.Context(name="base"), dug.Context(tweaks={rate.node(): 5}, name="again")
    changing = dug.Context(name="changing")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for _ in range(times):
        came: BaseException | None = None
        try:
            print("ready", flush=True)
            ask_for_ever(base, again, changing)
        except BaseException as exc:  # noqa: BLE001  what came out is looked at
            came = exc
        fault = find_fault(came, base, again, changing)
        del came
        print(fault.replace("\n", " ") or "right", flush=True)


def run(times: int, seed: int) -> list[str]:
    """Send so many interrupts to a process, and return its reports."""
    chance, said = random.Random(seed), []
    command = [sys.executable, __file__, "--interrupted", str(times)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for _ in range(times):
                line = process.stdout.readline()
                assert line == "ready\n", f"the process said {line!r}"
                time.sleep(chance.uniform(0.0002, 0.02))  # the moment is random here
                process.send_signal(signal.SIGINT)
                said.append(process.stdout.readline().strip())
        finally:
            process.kill()
    return said


if __name__ == "__main__":
    if sys.argv[1:2] == ["--interrupted"]:
        be_interrupted(int(sys.argv[2]))
        sys.exit()
    answers = run(int(sys.argv[1]) if len(sys.argv) > 1 else 500, seed=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    faults = [answer for answer in answers if answer != "right"]
    print(f"{'compiled' if dug.COMPILED else 'pure'}: {len(answers)} interrupts, {len(faults)} left something behind")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))
