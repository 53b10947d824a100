"""What an exception leaves in the runs that it passes through: `mark_unfileable`, `why_unfileable`, and `raise_due`."""

from ..facts.binding import Key
from ..facts.extra import OuterCall
from .frame import DefaultFrame, Frame, Run

CANCELLED, INVALID = 1, 2
"""Why a run is unfileable: it caught a cancellation, so that its value depends on timing and goes only to those who ask at the
same time; or a circle, an interrupt or an invalidation passed through it, so that its value goes to nobody else."""


def mark_unfileable(frame: Frame | DefaultFrame | None, how: int) -> None:
    """Marks the run of `frame` as unfileable: something without a memo passed through it."""
    run = None if frame is None else frame.run
    if run is not None:
        run.unfileable = max(run.unfileable, how)


def why_unfileable(error: BaseException | None) -> int:
    """Returns the mark of the runs that an exception passes through, if no memo keeps it; no exception means a run given up."""
    if error is None or isinstance(error, (Exception, KeyboardInterrupt, SystemExit, GeneratorExit)):
        return INVALID
    return CANCELLED


def raise_due(call: OuterCall, run: Run | None, key: Key | None) -> None:
    """Raises the exception of a node's verification, when `run` now asks for the node `key`; for None, that of any node."""
    assert call.due is not None  # noqa: S101  the caller saw it
    due = call.due.get(run)
    if due is not None and key in (None, due[0]):
        del call.due[run]
        error = due[1]
        try:
            raise error
        finally:
            del due, error  # its traceback holds this frame: a circle would keep the tweaks of the run
