"""What a batch asks of other processes: `OtherProcesses`, which answers with an `Outcome` for each node.

Those that answer are in `executors`, which stands above: the package hands its `find_others` to contexts.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from attrs import frozen

from .._core.read import Failure, Node, View


@frozen(eq=False)
class Outcome:
    """What a node gave elsewhere."""

    node: Node[Any]
    value: Any = None
    failure: Failure | None = None
    origin: Node[Any] | None = None
    """The node in which the error began."""
    recomputed: int = 0
    """How many runs the batch took of which this is the first node."""


class OtherProcesses(Protocol):
    """Computes nodes of a view on an executor whose workers are other processes."""

    def list_steps(self, view: View, nodes: Sequence[Node[Any]]) -> Sequence[Sequence[Node[Any]]]:
        """Returns the nodes to ask first, a step after the other, so that a store has what the others read."""

    def ask(
        self, view: View, nodes: Sequence[Node[Any]], store: Any, steps: Sequence[Sequence[Node[Any]]]
    ) -> Iterator[Outcome | None]:
        """Yields what nodes give in a view, in their order; first None for each node of the steps."""


FindOthers = Callable[[Any], OtherProcesses | None]
"""Returns the other processes of an executor; None if it runs calls in this one."""
