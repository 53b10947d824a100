"""Continues a deep evaluation on a fresh thread's stack (`is_deep`, `continue_on_new_stack`), and passes interrupts to it.

So memory bounds the depth, not one stack.

The interpreter limits how deep a thread may call: by a count that ``sys.setrecursionlimit`` sets and, whatever that is, by the
size of the C stack.  Here a call that finds half of its thread's stack used up is made in a new thread, for which this one waits.
The ContextVars go along and come back.  A `threading.local` does not: code below may find it empty.

An interrupt (Ctrl-C) reaches the main thread, which waits; it is raised in the thread that works, as it would be without this.

`_Continuation` is one part of the evaluation, in a thread of its own; `has_room` and `lacks_room` say how much is left;
`_bring_to_end` makes the call there.  Its parts: `start_roomy`, `run`, `wait`, `cancel`, `_raise_below`, `_end_process` of a
forked child, and `_tell_why`.
"""

import os
import sys
from _thread import allocate_lock
from collections.abc import Callable
from contextvars import Context as Variables
from contextvars import copy_context
from threading import Thread, get_ident
from typing import Any, NoReturn, TypeVar

from .._core.drive import ORIGINS, guard, here
from .._core.read import Node
from .stack_room import FEW_RUNS, LITTLE_ROOM_BYTES, ROOM_BYTES, forget_others, frees_deep, is_low, roomy, small

T = TypeVar("T")

_NOT_AT_WORK: set[int] = set()
"""Threads that wait for a deeper one.  In CPython 3.11 an exception sent to one reaches the thread that it starts, too early."""
_SENDING = allocate_lock()
"""Held by a thread that sends an exception to one at work, and by one that stops being at work."""

MAX_FRAMES = 400
"""How many Python frames a stack may hold when a call still goes on there; the interpreter's own limit is 1,000.  If that
was set lower, two fifths of it."""
PATIENCE_S, HASTE_S = 1.0, 0.01
"""How long to wait in one go: an interrupt that came just before is seen afterwards; and when one is to be passed on."""


def lacks_room(depth: int) -> bool:
    """True when a call that is made inside of so many runs should be made on another stack."""
    if not depth:
        return bool(small) and frees_deep()
    return (not (depth - 1) & 7 or bool(small)) and is_deep(depth - 1)


def is_deep(depth: int) -> bool:
    """True when this thread has used up its part of the frames that the interpreter allows, or of its stack.

    `depth` is how many runs are open; at the first few it does not ask for the stack.

    Complexity: O(frames of this thread, up to `MAX_FRAMES`).
    """
    try:
        sys._getframe(min(MAX_FRAMES, sys.getrecursionlimit() * 2 // 5))
    except ValueError:
        return (depth > 1 or bool(small)) and is_low(depth)
    return True


def has_room() -> bool:
    """True when this thread has most of its frames, and much of its stack, left, for a body that could run elsewhere as well."""
    try:
        sys._getframe(min(MAX_FRAMES // 2, sys.getrecursionlimit() // 5))
    except ValueError:
        return not is_low(FEW_RUNS)
    return False


def continue_on_new_stack(call: Callable[..., T], *args: Any) -> T:
    """Returns ``call(*args)``, made in a new thread.

    Raises:
        RecursionError: the system has no thread left.
    """
    deeper, own = _Continuation(call, args), get_ident()
    try:
        with _SENDING:
            _NOT_AT_WORK.add(own)
        _bring_to_end(deeper)
    finally:
        _NOT_AT_WORK.discard(own)
    if not deeper.is_done:  # a signal handler forked this process, which has no such thread
        return continue_on_new_stack(call, *args)
    _take_over(deeper.variables)
    error, value = deeper.error, deeper.value
    deeper.let_go()
    if error is not None:
        try:
            raise error
        finally:
            del error, args, deeper  # its traceback holds this frame
    return value  # type: ignore[no-any-return]  # what `call` returned


def _bring_to_end(deeper: "_Continuation") -> None:
    """Makes the call of a new thread; once it has begun, an interrupt is passed on to the thread that works."""
    interrupt: type[BaseException] | None = None
    try:
        deeper.start_roomy()
    except RuntimeError as exc:  # the system has no more
        raise RecursionError("There is no thread left in which to go deeper: see max_depth of dug.Context.") from exc
    except BaseException as exc:
        if deeper.cancel():
            raise
        interrupt = type(exc)
    while True:  # between the one `try` and the other the interpreter raises no interrupt
        try:
            deeper.wait(interrupt)
            break
        except BaseException as exc:  # noqa: BLE001  it is passed on
            interrupt = type(exc)


class _Continuation(Thread):
    """One part of a deep evaluation."""

    def __init__(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        super().__init__(name="dug, deeper")
        self.variables = copy_context()
        self.origin = here()
        self.value: Any = None
        self.error: BaseException | None = None
        self.started_from = getattr(args[0], "run", None) if args else None
        """The run from which it goes on, for a fork."""
        self._asked: Any = args[1] if args else None
        self.is_done = False
        self._work: list[tuple[Any, ...]] = [(call, *args)]  # the thread that does it takes it out
        self._process = os.getpid()
        self._gate = allocate_lock()  # `join` takes the thread for ended when it is interrupted
        self._gate.acquire()

    def cancel(self) -> bool:
        """Cancels the call; False if it has begun already."""
        try:
            self._work.pop()
        except IndexError:
            return False
        return True

    def let_go(self) -> None:
        """Lets go of its outcome and of what leads to contexts: tracebacks lead here, see `failure.empty_own_frames`."""
        self.value = self.error = self.started_from = self._asked = None
        self.variables = Variables()

    def start_roomy(self) -> None:
        """Starts it with a stack size of our own, as the program's may be small; with a smaller one if memory is short.

        Raises:
            RuntimeError: the system has no thread left.
        """
        try:
            with roomy(ROOM_BYTES):
                self.start()
        except RuntimeError:
            with roomy(LITTLE_ROOM_BYTES, at_most=True):
                self.start()

    def run(self) -> None:
        """Makes the call."""
        ident = get_ident()
        try:
            work = self._work.pop()
        except IndexError:
            return
        try:
            ORIGINS[ident] = self.origin
            try:
                self.value = self.variables.run(*work)
            finally:
                with _SENDING:
                    ORIGINS.pop(ident, None)  # no interrupt is sent here any more; one that was sent is raised now
        except BaseException as exc:  # noqa: BLE001  raised where it is waited for
            self.error = exc
        del work
        ORIGINS.pop(ident, None)  # should the interrupt have come before
        if self._process != os.getpid():
            self._end_process()
        self.is_done = True
        self._gate.release()

    def _end_process(self) -> NoReturn:
        """Ends a process that was forked inside of this call: the thread that waits for the value is in its parent."""
        status: Any = self.error.code if isinstance(self.error, SystemExit) else 1
        try:
            if not isinstance(self.error, SystemExit):
                self._tell_why()
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
        finally:
            os._exit(0 if status is None else status if isinstance(status, int) else 1)

    def _tell_why(self) -> None:
        if sys.stderr is None:
            return
        if self.error is not None:
            from traceback import print_exception  # only here

            print_exception(self.error)
        sys.stderr.write(
            f"dug: process {os.getpid()} was forked deep in an evaluation and cannot return to its callers: the caller of "
            f"{Node._of(self._asked)!r} waits in another thread, and a fork copies none but the one that forks. "
            "The process ends here, with exit code 1. End it with os._exit() where its work is done.\n"
        )

    def wait(self, interrupt: type[BaseException] | None) -> None:
        """Returns when the call has ended; raises an interrupt in the thread that works."""
        while not self.is_done and self._process == os.getpid():
            if interrupt is not None and self._raise_below(interrupt):
                interrupt = None
            self._gate.acquire(timeout=PATIENCE_S if interrupt is None else HASTE_S)
        if interrupt is not None and self.is_done and self.error is None:
            self.error = interrupt()

    def _raise_below(self, kind: type[BaseException]) -> bool:
        """Raises an exception in the last of the threads that work for this one; False when there is none yet."""
        from ctypes import c_ulong, py_object, pythonapi  # only for an interrupt

        with _SENDING:
            last = [ident for ident, origin in ORIGINS.copy().items() if origin == self.origin][-1:]
            is_at_work = bool(last) and last[0] not in _NOT_AT_WORK
            return is_at_work and pythonapi.PyThreadState_SetAsyncExc(c_ulong(last[0]), py_object(kind)) == 1


def _leave_to_child() -> None:
    """Resets a forked process: of its parent's threads it has one only."""
    global _SENDING  # noqa: PLW0603  another thread of the parent may have held it
    _SENDING = allocate_lock()
    _NOT_AT_WORK.clear()
    forget_others()


def _take_over(variables: Variables) -> None:
    """Sets here the variables that were set there."""
    for variable, value in variables.items():
        if variable.get(None) is not value:
            variable.set(value)


guard(tuple, _leave_to_child)
