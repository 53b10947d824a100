"""How the results of a sweep are told apart: `Levels`, the levels of an index, for plain scenarios, grids and ladders; labels.

A result knows how many scenarios came before its own; the place in a grid or on a ladder follows from that alone, so that no
text has to be read.

`GridLevels`, `LadderLevels` and `NameLevels`; `levels_of` picks one.  `node_label` and `target_label` are texts; a `Placed`
result tells its place, an `Answered` one its values.
"""

from collections.abc import Mapping, Sequence, Sized
from typing import Any, Protocol

from attrs import define

from .._contexts.scenario import Scenario, label_of
from .._core.read import Node
from .._text.values import LONGEST, show, show_str
from ..scenarios import Grid, Ladder

UP, DOWN = "up", "down"


class Placed(Protocol):
    """A result, as far as it tells its place."""

    @property
    def name(self) -> Any:
        """The name of its scenario."""

    @property
    def scenario(self) -> Scenario | None:
        """The tweaks; None if they were not possible."""

    @property
    def _number(self) -> int:
        """How many scenarios come before its own."""


class Answered(Placed, Protocol):
    """A result, as far as it tells its values."""

    @property
    def values(self) -> Mapping[Any, Any]:
        """The value of each target that did not fail."""


@define(eq=False)
class GridLevels:
    """One level for each axis of a grid, with the values of that axis."""

    _grid: Grid

    @property
    def names(self) -> tuple[str, ...]:
        """The axes."""
        return tuple(map(label_of, self._grid.axes))

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(map(len, self._grid.axes.values()))

    def values(self) -> tuple[tuple[Any, ...], ...]:
        """Returns the values of each axis, those without a hash as their text."""
        return tuple(tuple(map(_index_value, values)) for values in self._grid.axes.values())

    def place(self, result: Placed) -> tuple[int, ...]:
        """Returns which value of each axis a result belongs to; the last axis changes first."""
        number, places = result._number, list[int]()
        for size in reversed(self.sizes):
            number, place = divmod(number, size)
            places.append(place)
        return tuple(reversed(places))

    def list_rows(self, results: Sequence[Placed]) -> list[tuple[Any, ...]]:
        """Returns the values of the axes for each result."""
        axes = self.values()
        return [tuple(axis[place] for axis, place in zip(axes, self.place(result), strict=True)) for result in results]


@define(eq=False)
class LadderLevels:
    """The node of each rung, and the direction."""

    _ladder: Ladder
    names = ("node", "direction")

    @property
    def width(self) -> int:
        """How many directions each node has."""
        return 1 if self._ladder.down is None else 2

    def list_rows(self, results: Sequence[Placed]) -> list[tuple[str, str]]:
        """Returns the label of the node and the direction of each result; a node that came before has a number."""
        labels: dict[int, str] = {}
        for result in results:
            rung = result._number // self.width
            if rung not in labels:
                labels[rung] = _number_if_known(node_label(result), set(labels.values()))
        places = [divmod(result._number, self.width) for result in results]
        return [(labels[rung], DOWN if direction else UP) for rung, direction in places]


class NameLevels:
    """One level: the name of the scenario, or of the node of a central difference."""

    def __init__(self, name: str) -> None:
        self.names = (name,)

    def list_rows(self, results: Sequence[Placed]) -> list[tuple[Any]]:
        """Returns the name of each result."""
        return [(result.name,) for result in results]


Levels = GridLevels | LadderLevels | NameLevels


def levels_of(scenarios: Any) -> Levels:
    """Returns the levels for the results of these scenarios."""
    if isinstance(scenarios, Grid) and scenarios.axes:
        return GridLevels(scenarios)
    return LadderLevels(scenarios) if isinstance(scenarios, Ladder) else NameLevels("scenario")


def node_label(result: Placed) -> str:
    """Returns the label of the node that a rung of a ladder tweaks; a tweak that was not possible has only its name."""
    if result.scenario is None:
        return str(result.name).removesuffix(f" {UP}").removesuffix(f" {DOWN}")
    return label_of(next(iter(result.scenario.tweaks)))


def target_label(label: Any) -> str:
    """Returns the label of a target as text: of a node without the module if that is the script or notebook itself."""
    return show_str(label_of(label) if isinstance(label, Node) else label, LONGEST)


def _number_if_known(label: str, known: set[str]) -> str:
    unique, number = label, 1
    while unique in known:
        number += 1
        unique = f"{label} ({number})"
    return unique


def _index_value(value: Any) -> Any:
    """Returns the value of an axis as an index can hold it: one without a hash as its text."""
    try:
        hash(value)
    except TypeError:
        return show(value)
    return value


def find_length(items: Any) -> int | None:
    """Returns how many items there are, or None if that is unknown without taking them."""
    try:
        return len(items) if isinstance(items, Sized) else None
    except TypeError:  # a ladder of nodes that have no length
        return None
