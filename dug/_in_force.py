"""Which contexts are in force where this is asked: `current_context`, and what services need besides."""

from collections.abc import Iterator
from contextlib import contextmanager

from ._context import Context
from ._core import _entry as entries
from ._core._entry import entries_around
from ._core._frame import OUTSIDE, Entry, Frame, current, frame_in_force
from .errors import NoContextError


def current_context() -> Context:
    """Returns the innermost context in force.

    Raises:
        NoContextError: there is none.
    """
    frame: Frame | None = frame_in_force("dug.current_context()")
    while frame is not None and not isinstance(frame, Entry):
        frame = frame.outer
    if frame is None:
        raise NoContextError('dug.current_context() was called outside a dug.Context. Wrap the call in "with dug.Context():".')
    context: Context = frame.context
    return context


@contextmanager
def outermost(context: Context) -> Iterator[Context]:
    """Enters `context` as an outermost one, whatever is in force around, an activated default included."""
    token = current.set(OUTSIDE)
    try:
        entry = context._open_inside(None)
        try:
            yield context
        finally:
            entries.close_entry(entry)
    finally:
        current.reset(token)


def open_contexts() -> tuple[Context, ...]:
    """Returns the contexts in force, the innermost first and an activated one last; one entered twice is there twice."""
    around = [entry.context for entry in entries_around(current.get())]
    if OUTSIDE.entry is not None and current.get() is OUTSIDE:
        around.append(OUTSIDE.entry.context)
    return tuple(around)
