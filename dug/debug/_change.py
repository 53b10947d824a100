"""One value that was changed after it had been returned: `Change`, as the check reports it."""

from typing import Any

from attrs import frozen

from .._core.read import Node
from ..errors import say_node


@frozen
class Change:
    """One value, or one item of a stream, that was changed after it had been returned.

    .. versionadded:: 0.1.0
    """

    node: Node[Any]
    """The node whose value it is; the first one, if several return the same object."""
    place: str
    """Where in the value the first difference is, such as ``[2].x``; empty for the value itself: its type, or its length."""
    suspects: tuple[Node[Any], ...] = ()
    """The nodes that had read it and ran since it was last seen unchanged; none if code outside of nodes must have done it."""
    position: int | None = None
    """For an item of a stream, its position."""

    @property
    def name(self) -> str:
        """The name of the value in a message."""
        what = "the value" if self.position is None else f"item {self.position}"
        return f"{what} of {say_node(self.node)}"

    def __str__(self) -> str:
        at = f" at {self.place}" if self.place else ""
        read = ", ".join(map(say_node, self.suspects[:8])) + (", ..." if len(self.suspects) > 8 else "")
        who = (
            f"Suspects, which read it and ran since it was last seen unchanged: {read}."
            if self.suspects
            else "No node that read it ran since it was last seen unchanged: the caller changed it, or code that had kept it."
        )
        return f"{self.name} was changed{at} after it was returned. {who}"
