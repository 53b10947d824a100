"""Chooses between what is compiled and the pure path: `compiled`, `find_compiled`, `untrack`, `track_again`, `make_lock`.

`compiled` is the call path (`module.c`), or None where the pure one is in use.  The modules of the engine that have a ``.pxd``
beside them are compiled as they stand, into folders here which are named as theirs, and are used together with it.

``DUG_NO_EXTENSIONS=1`` asks for the pure one; a build without a C compiler has no other.
"""

import sys
from collections.abc import Iterable
from importlib import import_module
from os import environ
from threading import RLock
from types import FrameType
from typing import Any

from . import __path__ as _HERE  # noqa: N812  a constant


def _load() -> Any:
    if environ.get("DUG_NO_EXTENSIONS"):
        return None
    try:
        return import_module("._caccel", __package__)
    except ImportError:
        return None


compiled = _load()
COMPILED = compiled is not None
"""True when the compiled call path is in use."""


def find_compiled(package: str) -> list[str]:
    """Returns the folder of what is compiled of a package, for an import to look there first; none on the pure path."""
    return [f"{_HERE[0]}/{package.rpartition('.')[2]}"] if COMPILED else []


untrack: Any = (lambda _homes, _memo: None) if compiled is None else compiled.untrack
"""Spares the garbage collector a memo that was just filed, and its home."""

track_again: Any = (lambda _gone: None) if compiled is None else compiled.track_again
"""Has the garbage collector look again at memos that left their places, and at homes that left the table of a cache."""

make_lock: Any = RLock if compiled is None else compiled.Lock
"""Makes a lock that its holder may take again."""


_PACKAGE = __name__.partition(".")[0] + "."
_ENGINE = __name__.rpartition(".native.")[0] + "."
_GENERATED = "<dug "
"""The beginning of the file name of source that the engine generates."""


def free_locks(locks: Iterable[Any]) -> None:
    """Frees the locks that an interrupt left taken: those that this thread holds.  For callers that hold none themselves.

    An interrupt may strike when a lock is taken and the ``with`` that frees it has not begun.  In code of the user's that the
    engine runs, all locks are left as they are: a finalizer may run wherever the garbage collector does, and an argument is
    compared, under a lock that the engine still needs.  An interrupt that goes on from there is cleaned up after further out.

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
