"""How type checkers read a set of tweaks: `Bumps`, `Others` and `Values`, the three overloads of whatever takes one.

Python has no word for a dict each of whose values fits its own key.  What can be said is: a value fits some key of the dict, so
that a dict of nodes of one type is checked whole, and a dict of nodes of several types takes a value of any of these.

Imported by type checkers alone.  `Bumps` comes first, as mypy explains an error by the first overload, and `Values` last, as
pyright explains it by the last; a test has what both say of right and of wrong dicts.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from .._core.read import Node
from .._functions.proxy import _Memoized
from .kinds import Bump, Untweaked

K = TypeVar("K")
V = TypeVar("V")

Decorated = _Memoized[..., Any]
D = TypeVar("D", bound=Decorated)
Replacement = Callable[..., Any]
Change = Bump | Untweaked


class ValueOfTheNode:
    """Stands, in what mypy says, for the type of the value that a node has; nothing is one."""


class _WithAnyKeys(Protocol):
    """A mapping whose keys are of a type that has all nodes in it: `Any`, or what unlike keys have in common to mypy."""

    def __getitem__(self, key: Node[ValueOfTheNode], /) -> Any: ...
    def __len__(self) -> int: ...


# A dict that is written out would take the type of its keys from a parameter, and be one with any keys, whatever is in it.  It
# does not where the members of a union say different things of the keys, as these two do; so they stand together.
Bumps = Mapping[Node[Any] | Decorated, Change | ValueOfTheNode] | _WithAnyKeys
"""Bumps of nodes and functions alike, whatever their values are; and variables of which a type checker knows less."""

Others = (
    Mapping[D, Replacement | Change]
    | Mapping[Node[list[V]], list[Any]]  # to mypy [1] is a list of int, also where one of float is wanted
    | Mapping[Node[dict[K, V]], dict[Any, Any]]
    | Mapping[Node[list[V]] | Decorated, list[Any] | Replacement | Change]
    | Mapping[Node[Coroutine[Any, Any, V]] | Decorated, V | Replacement | Change]
    | Mapping[Node[Coroutine[Any, Any, V]], V | Change]
    | Mapping[Node[V] | Decorated, V | Replacement | Change]
)
"""Functions, nodes beside functions, nodes of coroutine functions, and lists and dicts that are written out."""

Values = Mapping[Node[V], V | Change]
"""Values of nodes."""
