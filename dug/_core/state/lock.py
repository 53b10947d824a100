"""The locks of cache groups: `make_lock`, `free_locks`, `renew_lock`; and `Lock`, which they are where the engine is compiled.

To take a free `Lock` and to give it back is to write two fields, with no lock of the system.  That is safe where it is compiled:
the interpreter lets other threads run between the steps of Python code, and not inside compiled code that calls none.  Where all
runs as Python, `threading.RLock` is used.

`_is_inside_engine` tells whether an interrupt struck in code of the engine.  It has `acquire`, `release`, `_wait`, `renew`.
"""

import sys
from _thread import allocate_lock
from collections.abc import Iterable
from threading import RLock
from types import FrameType
from typing import Any

from ..native import machine
from ..native.choose import COMPILED


class Lock:
    """A lock that its holder may take again, as with `threading.RLock`."""

    __slots__ = ("_count", "_gate", "_is_open", "_owner", "_waiting")

    def __init__(self) -> None:
        self._owner = 0
        """The thread that holds it, 0 for none."""
        self._count = 0
        self.renew()

    def acquire(self) -> None:
        """Takes the lock, waiting for it if need be."""
        me = machine.thread_ident()
        if self._owner == me:
            self._count += 1
            return
        if self._owner:
            self._wait()
        self._owner = me
        self._count = 1

    def _wait(self) -> None:
        while self._owner:
            self._waiting += 1
            try:
                self._gate.acquire()
            finally:
                self._waiting -= 1
            self._is_open = False

    def release(self) -> None:
        """Gives the lock back."""
        self._count -= 1
        if not self._count:
            self._owner = 0
            if self._waiting and not self._is_open:
                self._is_open = True
                self._gate.release()

    def __enter__(self) -> bool:
        self.acquire()
        return True

    def __exit__(self, *_: object) -> None:
        if not self._is_owned():
            raise RuntimeError("this thread does not hold the lock")
        self.release()

    def _is_owned(self) -> bool:
        """True when this thread holds the lock; named as in `threading.RLock`."""
        return self._owner == machine.thread_ident()

    def renew(self) -> None:
        """Forgets the waiters, in a child process, where they do not exist; the old gate may be in the middle of a step."""
        self._gate: Any = allocate_lock()
        """Waiters sleep here; it is opened once for each release."""
        self._gate.acquire()
        self._is_open = False
        self._waiting: int = 0


make_lock: Any = Lock if COMPILED else RLock
"""Makes a lock that its holder may take again."""

_PACKAGE = __name__.partition(".")[0] + "."
_ENGINE = __name__.rpartition(".state.")[0] + "."
_GENERATED = "<dug "
"""The beginning of the file name of source that the engine generates."""


def free_locks(locks: Iterable[Any]) -> None:
    """Frees the locks that an interrupt left taken: those that this thread holds.  For callers that hold none themselves.

    An interrupt may strike when a lock is taken and the ``with`` that frees it has not begun.  Not so in compiled code, and
    nobody asks here for the locks that it alone takes.  In code of the user's that the engine runs, all locks are left as they
    are: a finalizer may run wherever the garbage collector does, and an argument is compared, under a lock that the engine still
    needs.  An interrupt that goes on from there is cleaned up after further out.

    Complexity: O(locks); where one of them is held, O(frames around).
    """
    held = [lock for lock in locks if lock._is_owned()]
    if not held or _is_inside_engine(sys._getframe()):
        return
    for lock in held:
        while lock._is_owned():
            lock.__exit__(None, None, None)


def _is_inside_engine(frame: FrameType | None) -> bool:
    """True when a frame of the engine is around one of the user's."""
    is_users = False
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if is_users and name.startswith(_ENGINE):
            return True
        is_users = is_users or not (name.startswith(_PACKAGE) or frame.f_code.co_filename.startswith(_GENERATED))
        frame = frame.f_back
    return False


def renew_lock(lock: Any) -> None:
    """Makes a lock that this thread holds forget its waiters: in a child process, where they do not exist."""
    if hasattr(lock, "renew"):
        lock.renew()
        return
    times = lock._release_save()[0]
    lock._at_fork_reinit()
    for _ in range(times):
        lock.acquire()
