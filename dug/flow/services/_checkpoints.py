"""What a processor says of where it may begin again: `checkpoint` and `last_checkpoint`, which its body calls.

Outside of services they do nothing, so that the same function runs in a flow of one process.

`Recorder` is who drives the body.
"""

from contextvars import ContextVar
from typing import Any, Protocol

NOTHING: Any = object()


class Recorder(Protocol):
    """Who drives the body."""

    def record(self, state: Any) -> None:
        """Notes a state, with what was read and given so far."""

    def recall(self, otherwise: Any) -> Any:
        """Returns the state of the last checkpoint."""


# The one variable of services: a body is told nothing of who drives it, and several run in one process.
recording: ContextVar[Recorder | None] = ContextVar("dug.flow.services.recording", default=None)


def checkpoint(state: Any) -> None:
    """Says that `state` is all that the body of a processor knows, of all that it has read and given so far.

    If its process is gone, the body is called again, gets the state from `last_checkpoint`, and its streams begin where it was.
    Outside of services this does nothing.

    Args:
        state: what ``dug.codec`` can write; it is written at once, so it may be changed later.

    Raises:
        CodecError: it cannot be written.

    Example:
        >>> from dug.flow.services import checkpoint, last_checkpoint
        >>> async def totals(rows):
        ...     total = last_checkpoint(0)
        ...     async for row in rows:
        ...         total += row
        ...         yield total
        ...         checkpoint(total)

    .. versionadded:: 0.1.0
    """
    recorder = recording.get()
    if recorder is not None:
        recorder.record(state)


def last_checkpoint(otherwise: Any) -> Any:
    """Returns the state that the body of a processor noted last, before its process was gone; `otherwise` where it begins.

    Call it before the first item is read.

    .. versionadded:: 0.1.0
    """
    recorder = recording.get()
    return otherwise if recorder is None else recorder.recall(otherwise)
