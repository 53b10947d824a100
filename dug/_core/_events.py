"""The events of a context: one `Event` for each thing that happens to a node.

``hit``: a memo answered.  ``computed``: a body, a replacement or a bump ran.  ``reused``: an older value was verified through its
dependencies and kept.  ``failed``: it ran and raised.  ``tweaked``, ``invalidated``: a user did so.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import frozen

from ._node import Node

_logger = logging.getLogger("dug")


@frozen
class Event:
    """One thing that happened to a node."""

    kind: str
    """``hit``, ``computed``, ``reused``, ``failed``, ``tweaked`` or ``invalidated``."""
    node: Node[Any] | Any
    """The node; for a tweak or an invalidation of a whole function, the function."""
    seconds: float = 0.0
    """How long the run took, with its callees."""
    error: BaseException | None = None
    """The exception of a failed run."""


Listener = Callable[[Event], object]


def deliver(listeners: list[Listener], event: Event) -> None:
    """Passes `event` to each listener; removes and logs one that raises, and breaks nothing."""
    for listener in tuple(listeners):
        try:
            listener(event)
        except Exception:
            with suppress(ValueError):  # it failed in another thread as well, which removed it
                listeners.remove(listener)
            _logger.exception("A listener failed on %r and was removed.", event)
