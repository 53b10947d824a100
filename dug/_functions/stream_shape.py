"""The protocol of a stream, `StreamShape`, for its readers, tapes and drivers, which stand below it and cannot import it.

It is read by type checkers only.
"""

from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from .._core.read import Function, Node, NodeMemos, Run
from .tape import Reach


class StreamShape(Protocol):
    """A stream, as those who read or write its tapes see it; `stream.AnyStream` has the meaning of each part."""

    node: Node[Any]
    is_beneath: bool
    is_source: bool
    ahead: int
    keep: int | None
    eq: Callable[[Any, Any], bool] | None
    items: tuple[Any, ...] | None
    marks: Function
    pumps: Function
    tapes: dict[Run, Any]  # of `Tape`, and of its subclass for a synchronous stream
    reaches: WeakKeyDictionary[NodeMemos, Reach]

    def make_items(self, run: Run) -> Any:
        """Returns the generator for a pump, or what a store gives in its place."""
