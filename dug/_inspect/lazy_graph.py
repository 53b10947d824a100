"""What `explain`, `compare` and `failures` ask of a context or file: `LazyGraph`, `Detail`, `Pair`; `Origins` traces errors.

A `graph.Graph` has all its facts when it is made.  Here each is found when it is asked for, so that a question about one node of
a million takes time in proportion to its answer.  A value becomes text only when it is printed.

The modules above this file word the answers, once; each kind of graph finds the facts: `context_details` for contexts,
`snapshot/_details` for files.  A lazy graph serves one look, and keeps the facts that it has found.

`Said` is a tweak in words, `Masked` the facts about a masked node.  The methods here are the protocol, such as `find_masked`,
`tell_plan`, `tell_likeness`, `provider`, `untweaked`; `Origins` has `find` and `follow`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

from attrs import frozen

from .._text.values import drop_main
from .graph import Fact

P = TypeVar("P")
N = TypeVar("N")
K = TypeVar("K")
T = TypeVar("T")

HERE = "here"
"""The place of a tweak or value that belongs to this context or file, and not to a context around."""


@frozen
class Said:
    """A tweak in words."""

    sentence: str
    """Its effect, such as ``tweaked to 3``."""
    short: str
    """The same in a word or two."""
    place: str
    """The context that states it: `HERE`, or ``in`` and the name of one around."""

    def __str__(self) -> str:
        return f"{self.sentence} {self.place}"


@frozen
class Masked:
    """The facts about a masked node."""

    known: str
    """The context in which it answers, and its value there."""
    tweaks: Collection[Hashable]
    """The tweaks in force here that mask it."""


class Detail(ABC, Generic[P, N, K]):
    """The facts about one node; each is found when it is asked for."""

    __slots__ = ()

    @property
    @abstractmethod
    def node(self) -> N:
        """The node as users have it; inside, a walk uses a name (P) that is quicker to hash."""

    @property
    @abstractmethod
    def known(self) -> K | None:
        """The record of the node for callers of the context or the file; None if there is none."""

    @property
    @abstractmethod
    def answers(self) -> bool:
        """True when there is a value or an error here."""

    @property
    @abstractmethod
    def state(self) -> str:
        """One of `graph.STATES`."""

    @property
    @abstractmethod
    def function(self) -> str:
        """``module:qualname``, or the name that it was given."""

    @property
    @abstractmethod
    def is_source(self) -> bool:
        """True when it reads the outside world."""

    @property
    @abstractmethod
    def value(self) -> str:
        """The value as text, empty when there is none."""

    @property
    @abstractmethod
    def number(self) -> float | None:
        """The value where it is a plain number."""

    @property
    @abstractmethod
    def error(self) -> str | None:
        """The error as text, when it failed."""

    @property
    @abstractmethod
    def reads(self) -> Sequence[P]:
        """Its dependencies, in that order; of a node that does not answer, its last known ones."""

    @property
    @abstractmethod
    def seconds(self) -> float:
        """How long its run took, with its callees."""

    @property
    @abstractmethod
    def own_seconds(self) -> float:
        """How long its run took by itself."""

    @property
    @abstractmethod
    def tweak(self) -> Hashable | None:
        """The tweak that it meets, if that changes anything; `LazyGraph.say` puts it into words."""

    @property
    @abstractmethod
    def untweaked(self) -> str | None:
        """The context that states ``UNTWEAKED`` for it, if one does."""

    @property
    @abstractmethod
    def provider(self) -> str:
        """The outermost context that answers with the same memo: `HERE` if none around does."""

    @property
    @abstractmethod
    def error_way(self) -> Sequence[P]:
        """Of one that failed: the nodes through which the error came, from this one to the one in which it began."""

    @property
    @abstractmethod
    def place(self) -> str | None:
        """Of one that failed: the file and line that raised."""

    @property
    def absent(self) -> str | None:
        """Why its value cannot be read, if it has one and that is so."""
        return None

    def __str__(self) -> str:
        return drop_main(str(self.node))

    @property
    def outcome(self) -> str:
        """The text after the name of the node: its value, its error, or else its state."""
        if self.error is not None:
            return f" raised {self.error}"
        return f" = {self.value}" if self.answers else f": {self.state}"


class LazyGraph(ABC, Generic[P, N, K]):
    """Nodes and the facts about them in one context or one file."""

    @abstractmethod
    def detail(self, node: P) -> Detail[P, N, K]:
        """Returns the facts about a node, also about one that is not in the graph."""

    @abstractmethod
    def failed(self) -> Iterable[tuple[int, N, N, Any]]:
        """Returns the failures: for each, how many steps away its error began, the node, the origin, and the failure."""

    @abstractmethod
    def list_facts(self, nodes: Iterable[P]) -> list[Fact[N]]:
        """Returns the facts of nodes, as the whole graph has them."""

    @abstractmethod
    def say(self, tweak: Any) -> Said:
        """Puts a tweak of this graph into words."""

    @abstractmethod
    def is_value(self, tweak: Any) -> bool:
        """True for a tweak to a value, under which the body does not run."""

    @abstractmethod
    def tweaks_of(self, node: P) -> Collection[Hashable]:
        """Returns the tweaks in force that the value of a node depends on."""

    @abstractmethod
    def find_resting(self, tweaks: Collection[Any]) -> Callable[[P], bool]:
        """Returns a test: whether the known memo of a node depends on one of these tweaks."""

    # Of a node that does not answer

    @abstractmethod
    def find_masked(self, node: P) -> Masked:
        """Returns the facts about a masked node."""

    @abstractmethod
    def tell_absence(self, node: P) -> Iterator[str]:
        """Yields why a node that is not masked has no value here."""

    @abstractmethod
    def tell_plan(self, node: P) -> Iterator[str]:
        """Yields the consequences of asking for a node now, as far as they can be known."""

    # Two graphs

    @abstractmethod
    def beside(self, after: Self) -> "Pair[P]":
        """Returns the comparison of this graph with another one of its kind."""


class Pair(ABC, Generic[P]):
    """Two lazy graphs side by side."""

    @abstractmethod
    def has_changed(self, node: P) -> bool:
        """True when a node that answers in both is not the same in both."""

    @abstractmethod
    def find_apart(self) -> Callable[[P], bool]:
        """Returns a test: whether a node on either side depends on something that they tweak differently."""

    @abstractmethod
    def is_tweaked_alike(self, node: P) -> bool:
        """True when a node meets the same tweak in both, or none."""

    @abstractmethod
    def tell_likeness(self, node: P) -> str:
        """Says why the two values of a node that has changed may look the same."""

    def tell_difference(self, node: P) -> str:  # noqa: ARG002  a file has no values
        """Says how two frames or arrays differ; empty for other values."""
        return ""

    def tell_code(self, node: P) -> str | None:  # noqa: ARG002  contexts have one code
        """Says that the function of a node differs between the two; None if it does not."""
        return None

    def tell_doubt(self, node: P) -> str:  # noqa: ARG002  contexts have all values
        """Says why a node may be unchanged after all; empty if it has changed for sure."""
        return ""


class Origins(Generic[T]):
    """Finds where errors began: follows each from a failed node to the node that it came from, down to the last one.

    Args:
        passed_from: gives the node that a failed node had its error from; None when the error is its own.
    """

    def __init__(self, passed_from: Callable[[T], T | None]) -> None:
        self._passed_from = passed_from
        self.known: dict[T, tuple[T, int]] = {}
        """The results so far, so that several calls walk over each node once."""

    def find(self, failed: T) -> tuple[T, int]:
        """Returns the node in which an error began, and how many steps away that is."""
        way = self._follow(failed, self.known)
        origin, steps = self.known.get(way[-1], (way[-1], 0))
        self.known.update((one, (origin, steps + distance)) for distance, one in enumerate(reversed(way)))
        return self.known[failed]

    def follow(self, failed: T) -> list[T]:
        """Returns the path of an error, from the last node that failed to the one in which it began."""
        return self._follow(failed, ())

    def _follow(self, failed: T, known: Collection[T]) -> list[T]:
        way = {failed: None}
        last = failed
        while last not in known:
            passed = self._passed_from(last)
            if passed is None or passed in way:  # contexts inside nodes may close a circle
                break
            way[passed] = None
            last = passed
        return list(way)
