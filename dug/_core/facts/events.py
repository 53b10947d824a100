"""The events of a context, an `Event` for each thing that happens to a node; `deliver` passes it on to each `Subscription`.

``hit``: a memo answered.  ``computed``: a body, a replacement or a bump ran.  ``reused``: an older value was verified through its
dependencies and kept.  ``failed``: it ran and raised.  ``tweaked``, ``invalidated``: a user did so.

`hand_in` gives the value of a run to each listener that takes it before others have it.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from attrs import field, frozen

from .function import Function
from .node import Node

_logger = logging.getLogger("dug")

INNER = "inner"
"""The kind of functions whose nodes are parts of others, of which nobody hears: the marks and pumps of streams."""

KINDS = ("hit", "computed", "reused", "failed", "tweaked", "invalidated")


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
    _find: Callable[[], Any] | None = field(default=None, eq=False, repr=False)

    @property
    def record(self) -> Any:
        """The record of the memo that the node has now in the scenario of the event, as ``ctx.memo(node)`` gives it.

        It is looked up when it is asked for: an event keeps no value alive.  None when there is none (any more), and for a tweak
        or an invalidation.

        .. versionadded:: 0.1.0
        """
        return None if self._find is None else self._find()


Listener = Callable[[Event], object]


@frozen(eq=False, repr=False)
class Subscription:
    """A listener, and which events it hears."""

    listener: Listener
    kinds: frozenset[str] = frozenset(KINDS)
    only: str | None = None
    """The kind of function, ``source`` or ``function``, whose events it hears; None for both."""
    find: Callable[[Callable[[], Any], Node[Any]], Any] | None = None
    """Returns the record of a node in a view, of which it gets a weak reference."""
    take: Callable[[Any, Node[Any], Any], object] | None = None
    """Gets the view, the node and the value of each run that ends well, before anybody else has the value."""

    def hears(self, kind: str, function: Function) -> bool:
        """True when it hears events of this kind of nodes of this function."""
        return kind in self.kinds and function.kind != INNER and self.only in (None, function.kind)


def hand_in(subscriptions: list[Subscription], view: Any, node: Node[Any], value: Any) -> None:
    """Gives the value of a run to each listener that takes it before others have it; removes and logs one that raises."""
    for subscription in tuple(subscriptions):
        if subscription.take is not None and node._function.kind != INNER:
            try:
                subscription.take(view, node, value)
            except Exception:
                with suppress(ValueError):  # it failed in another thread as well, which removed it
                    subscriptions.remove(subscription)
                _logger.exception("A listener failed on the value of %r and was removed.", node)


def deliver(subscriptions: list[Subscription], event: Event, function: Function, view: Callable[[], Any] | None) -> None:
    """Passes an event of a function's node to each listener that hears it; removes and logs one that raises.

    Args:
        subscriptions: the listeners of one context.
        event: what happened.
        function: the function of its node.
        view: a weak reference to the scenario in which the node has a record; None when it has none.
    """
    for subscription in tuple(subscriptions):
        if not subscription.hears(event.kind, function):
            continue
        try:
            told = event
            if view is not None and subscription.find is not None:  # a copy by hand, as `evolve` takes three times as long
                told = Event(event.kind, event.node, event.seconds, event.error, partial(subscription.find, view, event.node))
            subscription.listener(told)
        except Exception:
            with suppress(ValueError):  # it failed in another thread as well, which removed it
                subscriptions.remove(subscription)
            _logger.exception("A listener failed on %r and was removed.", event)
