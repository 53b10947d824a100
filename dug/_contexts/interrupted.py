"""Leaves or changes a context when an interrupt stopped the ordinary way; `Context` calls it."""

from typing import Any

from .._core.drive import (
    BINDING,
    close_entry,
    leave_interrupted,
    let_go,
    renew_within,
    settle_within,
    step_back,
    unwind,
)
from .._core.read import Entry, Registry, View, entries_around
from ..errors import ContextError
from .scenario import Scenario


def leave_out_of_order(ctx: Any, frame: Any, error: BaseException | None) -> None:
    """Leaves a context that is not the one in force in `frame`; an interrupt in flight goes on, and no other error.

    Raises:
        ContextError: contexts were left in another order than that of entering.
    """
    is_interrupt = isinstance(error, BaseException) and not isinstance(error, (Exception, GeneratorExit))
    if isinstance(frame, Entry) and frame.context is ctx:
        step_back(frame)
        if is_interrupt:
            return
        raise ContextError(f"{ctx!r} was left already, by another task or thread. Enter and leave a context in the same one.")
    mine = next((entry for entry in entries_around(frame) if entry.context is ctx), None)
    if error is not None and mine is not None and mine.run is not frame.run:
        unwind(mine)  # an interrupt hit the engine between two steps: the runs inside are dead
        return
    if is_interrupt:
        if mine is not None:
            leave_interrupted(mine)
        return
    if mine is not None and mine.run is frame.run:
        close_entry(mine)
        reason = "a context inside it is still open, and stays open"
    else:
        reason = "it is not open here"
    raise ContextError(
        f"{ctx!r} was left out of order: {reason}. "
        "Leave contexts in the reverse order of entering; a generator must not keep one open across a yield."
    )


def renew_all(ctx: Any, before: Scenario, last: View | None) -> None:
    """Shows the present tweaks of a context in every open entry of it; doing it twice is harmless."""
    let_go(ctx._held, before.specs, ctx._scenario.specs)
    ctx._last = None
    for entry in tuple(ctx._entries):
        if entry.has_ended():  # by an interrupt, in a task that asks no more
            close_entry(entry)
    for entry in tuple(ctx._entries):
        settle_within(entry)
    for entry in tuple(ctx._entries):
        renew_within(entry)
    if ctx._last is None and last is not None:
        ctx._last = ctx._derive(last.parent, last.cache, last.inside)


def free_all_locks(making: Any) -> None:
    """Frees locks that an interrupt left taken; no lock is held where a context is entered or changed."""
    Registry.free_locks()
    for lock in (making, BINDING):
        while lock._is_owned():
            lock.__exit__(None, None, None)


class locks_freed:  # noqa: N801  used as a function is
    """Calls `free_all_locks` when its body is interrupted."""

    def __init__(self, making: Any) -> None:
        self._making = making

    def __enter__(self) -> None:
        """Begins a section that may be interrupted."""

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is not None:
            free_all_locks(self._making)
