"""`EventLog` records the events of a context in order, and lists which nodes were computed, reused, failed or invalidated.

The list `EventLog.events` is the only state; everything else is read from it.

`hits`, `tweaked`, `count` and `clear` are among its methods; `_hear` listens.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from .._contexts.context import Context
from .._core.read import Event, Node
from .._functions.proxy import function_of
from .._text.values import show


class EventLog:
    """A log of the events of `ctx`, kept while the ``with`` block is open.

    The log does not enter the context: it listens, whoever enters the context.
    It may be opened again later, and then goes on where it ended.

    Args:
        ctx: The context to listen to.

    Attributes:
        events: The events in order; each has a `kind`, a `node`, `seconds` and an `error`.

    Example:
        >>> import dug
        >>> @dug.memoize
        ... def double(x):
        ...     return 2 * x
        >>> with dug.Context() as ctx, EventLog(ctx) as log:
        ...     double(1) + double(1)
        4
        >>> log.count(double), len(log.hits)
        (1, 1)
    """

    def __init__(self, ctx: Context) -> None:
        if not isinstance(ctx, Context):
            raise TypeError(f"{show(ctx)} is not a context. Write EventLog(ctx).")
        self.events: list[Event] = []
        self._ends: list[Event] = []
        """Those that say that the generator of a stream has ended, of which another one says that it was made."""
        self._ctx = ctx
        self._listening: AbstractContextManager[object] | None = None

    def __enter__(self) -> Self:
        if self._listening is not None:
            raise RuntimeError(f"{self!r} is open already; give each `with` its own EventLog.")
        listening = self._ctx.listen(self._hear)
        listening.__enter__()
        self._listening = listening
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.__exit__(exc_type, exc, traceback)

    def __repr__(self) -> str:
        kinds = [event.kind for event in self.events]
        counts = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
        return f"<EventLog: {', '.join(counts) or 'no events'}>"

    @property
    def computed(self) -> list[Node[Any]]:
        """The nodes whose body, replacement or bump ran to a value, in the order they finished; a stream as it was made."""
        ends = set(map(id, self._ends))
        return [event.node for event in self.events if event.kind == "computed" and id(event) not in ends]

    @property
    def hits(self) -> list[Node[Any]]:
        """The nodes that were served from memory, once for each time."""
        return self._nodes("hit")

    @property
    def reused(self) -> list[Node[Any]]:
        """The nodes whose older value was verified through their dependencies, and kept."""
        return self._nodes("reused")

    @property
    def failed(self) -> list[Node[Any]]:
        """The nodes that ran and raised, in the order they finished."""
        return self._nodes("failed")

    @property
    def tweaked(self) -> list[Node[Any] | Callable[..., Any]]:
        """The nodes tweaked or untweaked while the log was open."""
        return self._nodes("tweaked")

    @property
    def invalidated(self) -> list[Node[Any] | Callable[..., Any]]:
        """The nodes invalidated while the log was open."""
        return self._nodes("invalidated")

    def count(self, key: Node[Any] | Callable[..., Any]) -> int:
        """Returns how often a node, or any node of a memoised function, was computed.

        Raises:
            TypeError: `key` is neither.
        """
        if isinstance(key, Node):
            return self.computed.count(key)
        function = function_of(key)
        if function is None:
            raise TypeError(f"count() takes a node or a memoised function, not {key!r}. For a method, name it on its class.")
        return sum(node._function is function for node in self.computed)

    def clear(self) -> None:
        """Forgets the events so far; an open log goes on listening."""
        self.events.clear()
        self._ends.clear()

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event.node, Node) and event.node._function.stream is not None:
            from .._functions.stream_driver import is_end_told  # there is a stream, which has loaded it

            if is_end_told():
                self._ends.append(event)

    def _nodes(self, kind: str) -> list[Any]:
        return [event.node for event in self.events if event.kind == kind]
