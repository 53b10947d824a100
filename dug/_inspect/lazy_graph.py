"""The interface of `explain`, `compare` and `failures` to a context or a file: `LazyGraph`, and `Detail`, one node of it.

A `graph.Graph` has all its facts when it is made.  Here each is found when it is asked for, so that a question about one node of
a million costs what its answer has.  A value becomes text when that is printed, and not before.

What is told is said once, above this file; where it comes from is said once for each kind of graph: `context_details` has
contexts, `snapshot/_details` has files.  A lazy graph serves one look: what it found it does not find again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

from attrs import frozen

from .graph import Fact

P = TypeVar("P")
N = TypeVar("N")
K = TypeVar("K")
T = TypeVar("T")

HERE = "here"
"""Where a tweak is, or a value is from, that no context around has."""


@frozen
class Said:
    """A tweak in words."""

    sentence: str
    """Its effect, such as ``tweaked to 3``."""
    short: str
    """The same in a word or two."""
    place: str
    """In which context it is said: `HERE`, or ``in`` one around."""

    def __str__(self) -> str:
        return f"{self.sentence} {self.place}"


@frozen
class Masked:
    """The facts about a masked node."""

    known: str
    """Where it answers, and with what."""
    tweaks: Collection[Hashable]
    """Those in force here that it is masked by."""


class Detail(ABC, Generic[P, N, K]):
    """The facts about one node; each is found when it is asked for."""

    __slots__ = ()

    @property
    @abstractmethod
    def node(self) -> N:
        """The node as users have it; inside, where it is hashed at each step, it has a name (P) that is hashed sooner."""

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
        """Where it is said to be untweaked, if it is."""

    @property
    @abstractmethod
    def provider(self) -> str:
        """Which context answers with the same: `HERE` when no one around does."""

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
        """Why the value itself cannot be had, where there is one."""
        return None

    def __str__(self) -> str:
        return str(self.node)

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
        """Returns the facts about a node; also of one that is not there."""

    @abstractmethod
    def failed(self) -> Iterable[tuple[int, N, N, Any]]:
        """Returns the failures: how many steps away the error began, the node, that in which it began, and how it failed."""

    @abstractmethod
    def list_facts(self, nodes: Iterable[P]) -> list[Fact[N]]:
        """Returns the facts of nodes, as the whole graph has them."""

    @abstractmethod
    def say(self, tweak: Any) -> Said:
        """Puts a tweak of this graph into words."""

    @abstractmethod
    def is_value(self, tweak: Any) -> bool:
        """True for a tweak that says a value, so that the body of a node that meets it does not run."""

    @abstractmethod
    def tweaks_of(self, node: P) -> Collection[Hashable]:
        """Returns the tweaks in force on which the value of a node rests."""

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

    def tell_code(self, node: P) -> str | None:  # noqa: ARG002  contexts have one code
        """Says that the function of a node is not the same in both; None when it is, or is one object."""
        return None

    def tell_doubt(self, node: P) -> str:  # noqa: ARG002  contexts have all values
        """Says why a change may be none; empty where it is one for sure."""
        return ""


class Origins(Generic[T]):
    """Where errors began: the last node that failed with each, followed from a node to the one that it had the error from.

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
