"""The contexts in force at the call site: `current_context`, and helpers for services."""

from types import TracebackType

from .._core.drive import close_entry, find_exit, frame_here, is_within, unwind, watched
from .._core.read import OUTSIDE, Entry, Frame, entries_around, frame_in_force
from ..errors import NoContextError
from .context import Context


def current_context() -> Context:
    """Returns the innermost context in force.

    Raises:
        NoContextError: there is none.
    """
    frame: Frame | None = frame_in_force("dug.current_context()", frame_here())
    while frame is not None and not isinstance(frame, Entry):
        frame = frame.outer
    if frame is None:
        raise NoContextError('dug.current_context() was called outside a dug.Context. Wrap the call in "with dug.Context():".')
    context: Context = frame.context
    return context


class outermost:  # noqa: N801  used as a function is
    """Enters `context` as an outermost one, whatever context is in force around, an activated default included."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._entry: Entry | None = None

    def __enter__(self) -> Context:
        method, back = find_exit(self), frame_here()
        self._entry = self._context._open_inside(None, method, back)
        return self._context

    @watched
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        entry, self._entry = self._entry, None
        if entry is not None and is_within(entry):
            unwind(entry)
        elif entry is not None:
            close_entry(entry)


def open_contexts() -> tuple[Context, ...]:
    """Returns the contexts in force, the innermost first and an activated one last; one entered twice is there twice."""
    around = [entry.context for entry in entries_around(frame_here())]
    if OUTSIDE.entry is not None and frame_here() is OUTSIDE:
        around.append(OUTSIDE.entry.context)
    return tuple(around)
