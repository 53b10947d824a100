"""What the user's code raised: `find_ending` says with which error its tapes end, or that its task ends as it was to.

`is_of_run` tells the errors of the run itself from those of other runs, with which tapes end as with any error.

`_is_stray` tells a cancellation that nobody asked for.
"""

from typing import Any

from ..._functions.async_driver import backend
from ..._text.values import describe_error
from ._errors import ClaimLostError, RunCancelledError, RunGoneError, ServerLostError, ServicesError


def find_ending(raised: BaseException, what: str, task: Any = None) -> Exception | None:
    """Returns the error with which tapes end; None where the task was cancelled, or the process is to end.

    Args:
        raised: what a body or a generator raised.
        what: the step and its run, for messages.
        task: the task in which it ran, to see whether somebody cancelled that.
    """
    if isinstance(raised, Exception):
        return raised
    if _holds(raised, (KeyboardInterrupt, SystemExit)) or (isinstance(raised, GeneratorExit) and not _has_loop()):
        return None
    if _holds(raised, backend().CANCELLED):
        return _say(raised, f"{what} awaited something that was cancelled, and did not catch that. "
                    "Catch asyncio.CancelledError around that await.") if _is_stray(task) else None  # fmt: skip
    return _say(raised, f"{what} raised {describe_error(raised)}, which is not an Exception. Raise one that is.")


def is_of_run(raised: BaseException, run: str, server: str) -> bool:
    """True for an error of services that is about this run, and not about another one that a body uses, or a tape ended with."""
    if isinstance(raised, ServerLostError):
        return raised.server == server
    if isinstance(raised, (RunGoneError, RunCancelledError, ClaimLostError)):
        return getattr(raised, "run", None) == run  # one that was read from a tape has no attributes
    return isinstance(raised, ServicesError)


def _holds(raised: BaseException, kinds: Any) -> bool:
    """True for an exception of these kinds, and for a group with one."""
    if isinstance(raised, BaseExceptionGroup):
        return raised.subgroup(kinds) is not None
    return isinstance(raised, kinds)


def _has_loop() -> bool:
    """False where a body is closed because its loop is gone."""
    try:
        backend().find_loop()
    except RuntimeError:
        return False
    return True


def _is_stray(task: Any) -> bool:
    """True for a cancellation that a body raised though nobody cancelled its task, which asyncio lets it do."""
    count = getattr(task, "cancelling", None)
    return count is not None and not count()


def _say(raised: BaseException, text: str) -> ServicesError:
    return ServicesError(text).with_traceback(raised.__traceback__)
