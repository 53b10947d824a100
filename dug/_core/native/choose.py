"""Chooses between what is compiled and the pure path: `compiled`, `find_compiled`, `make_hits`, `make_untracked`, `make_lock`.

`compiled` is the call path (`module.c`), or None where the pure one is in use.  The modules of the engine that have a ``.pxd``
beside them are compiled as they stand, into folders here which are named as theirs, and are used together with it.

``DUG_NO_EXTENSIONS=1`` asks for the pure one; a build without a C compiler has no other.
"""

from importlib import import_module
from os import environ
from threading import RLock
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


make_hits: Any = dict if compiled is None else compiled.Hits
"""Makes the table in which a view keeps its hits."""


def _select_hits(hits: dict[Any, Any], bits: int) -> dict[Any, Any]:
    return {key: memo for key, memo in hits.copy().items() if not memo.footprint & bits}


select_hits: Any = _select_hits if compiled is None else compiled.Hits.select
"""Returns those of the hits of a view whose footprint has none of the given bits, in a table of their own."""

make_untracked: Any = (lambda _states: None) if compiled is None else compiled.Untracked
"""Makes what answers to the garbage collector for the nodes in a table that it does not track; None where it tracks them all."""

untrack: Any = (lambda _untracked, _memo: None) if compiled is None else compiled.untrack
"""Spares the garbage collector a memo that was just filed, and its home."""

track_again: Any = (lambda _gone: None) if compiled is None else compiled.track_again
"""Has the garbage collector look again at memos that left their places, and at homes that left the table of a cache."""

make_lock: Any = RLock if compiled is None else compiled.Lock
"""Makes a lock that its holder may take again."""


def renew_lock(lock: Any) -> None:
    """Makes a lock that this thread holds forget its waiters: in a child process, where they do not exist."""
    if hasattr(lock, "renew"):
        lock.renew()
        return
    times = lock._release_save()[0]
    lock._at_fork_reinit()
    for _ in range(times):
        lock.acquire()
