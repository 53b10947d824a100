"""`Columns`, the facts about the nodes of a context or a file without their edges: a table of many nodes needs no graph.

Immutable data: `context_columns` fills it for a context, `snapshot/_look` for a file.  A node has the name by which a `LazyGraph`
knows it: its key in a context, its text in a file.
"""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from attrs import frozen

P = TypeVar("P", bound=Hashable)


@frozen(eq=False)
class Columns(Generic[P]):
    """Facts about nodes, a list for each kind of fact; a node has the same place in each.  `graph.Fact` says what they are."""

    names: Sequence[P]
    functions: Sequence[str]
    states: Sequence[str]
    sources: Sequence[bool]
    seconds: Sequence[float]
    own_seconds: Sequence[float]
    times_read: Sequence[int]
    sizes: Sequence[int | None]

    def __len__(self) -> int:
        return len(self.names)
