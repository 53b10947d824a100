"""Keeps a process consistent that is forked while threads compute: `guard` has locks taken, and repaired in the child.

The child has exactly the filed memos, and no waiters.

A child has the memory of its parent and of its threads only the one that forked.  So before a fork every lock of dug's is taken,
in the order in which they nest, and nothing is copied in the middle of a step.  In the child they are new; runs that other
threads drive are dead, so that askers begin them again; waiters in other threads are gone.  The runs around the fork go on, in
the contexts in force there, and all memos answer.  In the parent nothing changes.

Callers of `guard` come in the order of their locks: a lock that is taken under another one is registered after it.

`_before`, `_in_parent` and `_in_child` are the three hooks of a fork; `_Party` is one owner of locks, `_Gone` stands for a task
that is not there, `_repair_group` unregisters the dead runs of a group.  `_repair` ends in the child what the parent's threads
did, run by run (`_unregister`, `_catch_up`).
"""

import os
from collections.abc import Callable, Iterable, Iterator
from threading import current_thread, get_ident
from typing import Any

from attrs import frozen

from ..state.cache import BINDING
from ..state.group import CacheGroup
from ..state.lock import make_lock, renew_lock
from .frame import ORIGINS, Run, Wait, current, here
from .open_context import MAKING, open_entries, renew_within, settle_within


@frozen(eq=False, repr=False)
class _Party:
    """An owner of locks, with a repair for the child."""

    locks: Callable[[], Iterable[Any]]
    repair: Callable[[], object]


class _Gone:
    """The task, in a forked process, of a run that another thread of the parent drove."""

    def cancel_threadsafe(self) -> None:
        """Cancels nothing: nothing is at work."""

    def is_lost(self) -> bool:
        """True: it will never end."""
        return True


_GONE = _Gone()


_parties: list[_Party] = []
_held: list[Any] = []
"""The locks that the forking thread has taken, while it forks."""
_forking = make_lock()


def guard(locks: Callable[[], Iterable[Any]], repair: Callable[[], object]) -> None:
    """Has `locks` taken around each fork, after all registered before, and `repair` called in the child while they are taken."""
    _parties.append(_Party(locks, repair))


def _before() -> None:
    _forking.__enter__()
    for party in _parties:
        for lock in party.locks():
            lock.__enter__()
            _held.append(lock)


def _in_parent() -> None:
    while _held:
        _held.pop().__exit__(None, None, None)
    _forking.__exit__(None, None, None)


def _in_child() -> None:
    for lock in (_forking, *_held):
        renew_lock(lock)
    try:
        for party in _parties:
            party.repair()
    finally:
        _in_parent()


def _own_locks() -> Iterator[Any]:
    """The locks of contexts and caches, in the order in which they nest."""
    yield MAKING
    yield BINDING
    for group in CacheGroup.all():  # nobody makes another one now
        yield group.lock


def _repair() -> None:
    """Ends in a child the work of its parent's threads."""
    around = list(_runs_around())
    driven = set(_driven_here(around))
    thread, origin = get_ident(), here()
    for group in CacheGroup.all():
        _repair_group(group, {*around}, driven, origin)
    for run in around:
        if run.thread == origin:
            run.thread = thread
    ORIGINS.clear()
    _catch_up()


def _runs_around() -> Iterator[Run]:
    """The runs around the fork, the innermost first."""
    frame: Any = current.get()
    while isinstance(getattr(frame, "run", None), Run):
        yield frame.run
        frame = frame.run.outer


def _driven_here(around: Iterable[Run]) -> Iterator[Run]:
    """The runs around that this thread, and no other, drives."""
    first, origin = getattr(current_thread(), "started_from", None), here()  # a thread that goes on with a deep evaluation
    for run in around:
        if run is first or run.thread != origin:
            return
        yield run


def _repair_group(group: CacheGroup, around: set[Run], driven: set[Run], origin: int) -> None:
    dead = set()
    for run in [run for active in group.list_scenarios() for run in active.running.values()]:
        if run not in driven:
            _unregister(run)
            if run.thread != origin and run not in around:
                dead.add(run)
                run.waits, run.task = None, _GONE
    for run in driven:
        if run.view.group is group:
            _let_go(run, dead, origin)
    waiting = group.blocked.pop(origin, None)
    group.blocked.clear()
    if isinstance(waiting, Wait):
        group.blocked[get_ident()] = waiting
        waiting.thread = get_ident()


def _unregister(run: Run) -> None:
    """Takes a run out of those in flight, so that nobody joins it; if it goes on, it is filed as any other."""
    home, running = run.home, run.view.tweaks.running
    if running.get(home) is run:
        del running[home]
        home.open_runs = max(home.open_runs - 1, 0)
    if home.open_run is run:
        home.open_run = None


def _let_go(run: Run, dead: set[Run], origin: int) -> None:
    """Removes the waits for a run in other threads, and their holds on it."""
    for waits in (run.waits, run.held_up):
        for wait in tuple(waits or ()):
            if wait.thread not in (None, origin) or wait.run in dead:
                waits.remove(wait)  # type: ignore[union-attr]  # there is one in it


def _catch_up() -> None:
    """Shows a tweak in the entries in force here that another thread was about to show."""
    for entry in reversed(list(open_entries())):  # the outermost first
        if entry.context is not None and entry.context._is_behind(entry):
            settle_within(entry)
            renew_within(entry)


guard(_own_locks, _repair)
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
