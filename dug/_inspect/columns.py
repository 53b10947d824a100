"""`Columns`, the facts about the nodes of a context or a file without their edges: a table of many nodes needs no graph.

Immutable data: `context_columns` fills it for a context, `snapshot/_look` for a file.  A node has the name by which a `LazyGraph`
knows it: its key in a context, its text in a file.
"""

from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from attrs import frozen

from .graph import Fact

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

    def list_facts(self) -> list[Fact[P]]:
        """Returns the same as facts about nodes that are known by these names; nothing says how one failed."""
        columns = self.functions, self.states, self.sources, self.seconds, self.own_seconds, self.times_read, self.sizes
        return [
            Fact(name, function, function.partition(":")[0], *rest)
            for name, function, *rest in zip(self.names, *columns, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.names)
