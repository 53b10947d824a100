"""Leaves an entry around whatever interrupted runs left in force inside it: `unwind`, `leave_interrupted`, `is_within`."""

from typing import Any

from .finish import abandon
from .frame import Frame, OpenContext, Run, current
from .open_context import close_context, leave


def unwind(entry: OpenContext) -> None:
    """Leaves an entry, and everything that is left inside it of interrupted runs."""
    frame = current.get()
    while frame is not entry:
        if isinstance(frame, Run):
            abandon(frame)
        elif not frame.closed:
            close_context(frame)
        frame = _around(frame)
        current.set(frame)
    leave(entry)


def leave_interrupted(entry: OpenContext) -> None:
    """Leaves an entry while an interrupt is on its way out of it, with entries inside it that will never be left.

    An entry whose statement still runs stays in force: that of a generator's caller, which the interrupt may not reach.
    """
    frame = current.get()
    while frame is not entry:
        if isinstance(frame, OpenContext) and not frame.closed and frame.watch is not None and not frame.has_ended():
            close_context(entry)
            return
        frame = _around(frame)
    unwind(entry)


def is_within(entry: OpenContext) -> bool:
    """True when an entry is in force, or around the entry in force."""
    frame = current.get()
    while frame is not entry and isinstance(frame, (OpenContext, Run)):
        frame = _around(frame)
    return frame is entry


def _around(frame: Frame) -> Any:
    return frame.back if isinstance(frame, OpenContext) and frame.back is not None else frame.outer
