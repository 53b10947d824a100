"""Goes on with a deep evaluation on the stack of a fresh thread, so that depth is bounded by memory and not by one stack.

The interpreter limits how deep a thread may call: by a count that ``sys.setrecursionlimit`` sets and, whatever that is, by the
size of the C stack.  Here a call that finds half of its thread's stack used up is made in a new thread, for which this one waits.
The ContextVars go along and come back.  What is `threading.local` does not: code below may find it empty.

An interrupt (Ctrl-C) reaches the main thread, which waits; it is raised where the work is done, as it would be without this.
"""

import sys
from _thread import allocate_lock
from collections.abc import Callable
from contextvars import Context, copy_context
from threading import Thread, get_ident
from typing import Any, TypeVar

from ._core._frame import ORIGINS, here

T = TypeVar("T")

HALF = 400
"""Of how many Python frames a stack may hold when a call still goes on there; the interpreter's own limit is 1,000."""


def is_deep() -> bool:
    """True when this thread has used up its part of the stack.

    Complexity: O(frames of this thread, up to `HALF`).
    """
    try:
        sys._getframe(HALF)
    except ValueError:
        return False
    return True


def go_deeper(call: Callable[..., T], *args: Any) -> T:
    """Returns ``call(*args)``, made in a new thread.

    Raises:
        RecursionError: the system has no thread left.
    """
    deeper = _Deeper(call, args)
    try:
        deeper.start()
    except RuntimeError as exc:  # the system has no more
        raise RecursionError("There is no thread left in which to go deeper: see max_depth of dug.Context.") from exc
    deeper.wait()
    _take_over(deeper.variables)
    if deeper.error is not None:
        error, deeper.error = deeper.error, None
        try:
            raise error
        finally:
            del error  # its traceback holds this frame
    value: T = deeper.value
    return value


class _Deeper(Thread):
    """One part of a deep evaluation."""

    def __init__(self, call: Callable[..., Any], args: tuple[Any, ...]) -> None:
        super().__init__(name="dug, deeper")
        self.variables = copy_context()
        self.origin = here()
        self.value: Any = None
        self.error: BaseException | None = None
        self._work: list[Any] = [call, *args]
        self._is_done = False
        self._gate = allocate_lock()  # `join` takes the thread for ended when it is interrupted
        self._gate.acquire()

    def run(self) -> None:
        """Makes the call."""
        ORIGINS[get_ident()] = self.origin
        work, self._work = self._work, []
        try:
            self.value = self.variables.run(*work)
        except BaseException as exc:  # noqa: BLE001  raised where it is waited for
            self.error = exc
        finally:
            del ORIGINS[get_ident()]
            self._is_done = True
            self._gate.release()

    def wait(self) -> None:
        """Returns when the call has ended; an interrupt meanwhile is raised in the thread in which the work is done."""
        interrupt: type[BaseException] | None = None
        while not self._is_done:
            try:
                self._gate.acquire(timeout=-1 if interrupt is None else 0.01)
            except BaseException as exc:  # noqa: BLE001  it is passed on
                interrupt = type(exc)
            if interrupt is not None and self._raise_below(interrupt):
                interrupt = None

    def _raise_below(self, kind: type[BaseException]) -> bool:
        """Raises an exception in the last of the threads that work for the same one; False when there is none yet."""
        from ctypes import c_ulong, py_object, pythonapi  # only for an interrupt

        below = [ident for ident, origin in ORIGINS.copy().items() if origin == self.origin]
        return bool(below) and pythonapi.PyThreadState_SetAsyncExc(c_ulong(below[-1]), py_object(kind)) == 1


def _take_over(variables: Context) -> None:
    """Sets here what was set there."""
    for variable, value in variables.items():
        if variable.get(None) is not value:
            variable.set(value)
