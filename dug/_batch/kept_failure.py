"""Keeps the error of a call without the objects in its frames: `keep_failure`; `let_go` for frames that end later.

A frame is emptied with those of its callers, up to one that is running.  `_empty_frames` goes through all that the error leads
to.
"""

from collections.abc import Iterable
from gc import get_referents
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from traceback import walk_tb
from types import FrameType

from .._core.read import Failure

_CAN_BE_SUSPENDED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


def keep_failure(error: Exception) -> Failure:
    """Returns how a call failed, for keeping: without the frame that called, and with the others emptied.

    The error is the user's own, and its traceback shows where it came from; the frames' variables, a context and its results
    among them, can go.
    """
    traceback = error.__traceback__ and error.__traceback__.tb_next
    _empty_frames(error)
    return Failure.of(error.with_traceback(traceback), traceback)


def let_go(failures: Iterable[Failure]) -> None:
    """Empties the frames that led to failures and have ended since these were kept."""
    for failure in failures:
        if failure.raised is not None:
            _empty_frames(failure.raised)


def _empty_frames(error: BaseException) -> None:
    """Empties the ended frames of everything that an error leads to."""
    frames: set[FrameType] = set()
    errors: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is not None and id(one) not in errors:
            errors.add(id(one))
            for frame, _ in walk_tb(one.__traceback__):
                _empty(frame, frames)
            pending += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]


def _empty(frame: FrameType | None, seen: set[FrameType]) -> None:
    """Empties a frame and the frames of its callers, up to one that is running.

    A suspended frame is left alone: emptying it would close somebody's generator or coroutine.
    """
    while frame is not None and frame not in seen:
        seen.add(frame)
        if not frame.f_code.co_flags & _CAN_BE_SUSPENDED or _has_ended(frame):
            try:
                frame.clear()
            except RuntimeError:
                return
        frame = frame.f_back


def _has_ended(frame: FrameType) -> bool:
    """True when a generator or coroutine ran to its end: its frame is its own from then on, and refers to its code."""
    return frame.f_code in get_referents(frame)
