"""Makes scenarios, one after the other as they are asked for: `ladder`, one node at a time, and `grid`, all combinations.

They hold the nodes and their tweaks, and make each scenario when it is asked for.

`Ladder` and `Grid` are what they return.
"""

from collections.abc import Iterable, Iterator, Mapping, Sized
from itertools import product
from math import prod
from typing import Any

from attrs import frozen

from ._contexts.scenario import Scenario, label_of
from ._text.values import show

__all__ = ["Grid", "Ladder", "grid", "ladder"]


@frozen(eq=False, repr=False)
class Ladder:
    """One scenario for each node and direction; made by `ladder`.  It has a length where its nodes have one."""

    nodes: Iterable[Any]
    """The nodes to tweak, one after the other."""
    up: Any
    """The first tweak of each node."""
    down: Any = None
    """The second tweak of each node; None for one direction only."""

    def __iter__(self) -> Iterator[Scenario]:
        return (Scenario(tweaks, name) for name, tweaks in self.drafts())

    def drafts(self) -> Iterator[tuple[str, dict[Any, Any]]]:
        """The names and tweaks of the scenarios, which may turn out not to be possible."""
        for node in self.nodes:
            yield f"{label_of(node)} up", {node: self.up}
            if self.down is not None:
                yield f"{label_of(node)} down", {node: self.down}

    def __len__(self) -> int:
        if not isinstance(self.nodes, Sized):
            raise TypeError("This ladder has no length, because its nodes have none. Give it a list of nodes.")
        return len(self.nodes) * (1 if self.down is None else 2)

    def __repr__(self) -> str:
        down = "" if self.down is None else f", {show(self.down)}"
        return f"ladder({show(self.nodes)}, {show(self.up)}{down})"


@frozen(eq=False, repr=False)
class Grid:
    """One scenario for each combination of values; made by `grid`.  It has a length, and can be iterated again."""

    axes: Mapping[Any, tuple[Any, ...]]
    """The tweaks of each node."""

    def __iter__(self) -> Iterator[Scenario]:
        return (Scenario(tweaks) for _, tweaks in self.drafts())

    def drafts(self) -> Iterator[tuple[None, dict[Any, Any]]]:
        """The tweaks of the scenarios, which may turn out not to be possible; they have no names."""
        for values in product(*self.axes.values()):
            yield None, dict(zip(self.axes, values, strict=True))

    def __len__(self) -> int:
        return prod(map(len, self.axes.values()))

    def __repr__(self) -> str:
        return f"grid({show(dict(self.axes))})"


def ladder(nodes: Iterable[Any], up: Any, down: Any = None) -> Ladder:
    """Returns scenarios that tweak one node each: to `up`, and when `down` is given to `down` after that.

    The name of a scenario is the text of its node and the direction: ``market:spot('AAPL') up``.  The sweep of a ladder with both
    directions has `Sweep.central`.

    Args:
        nodes: nodes, or memoised functions for all nodes of each; taken one by one as the scenarios are asked for.
        up: the tweak of each, usually a bump: ``dug.shift(0.01)``.
        down: the same the other way; None for one direction only.

    Raises:
        TypeError: `nodes` cannot be iterated.

    Example:
        >>> import dug
        >>> from dug.scenarios import ladder
        >>> @dug.memoize(name="market:rate")
        ... def rate():
        ...     return 0.0625
        >>> [scenario.name for scenario in ladder([rate.node()], dug.shift(0.5), dug.shift(-0.5))]
        ['market:rate() up', 'market:rate() down']
    """
    if isinstance(nodes, (str, bytes)) or not isinstance(nodes, Iterable):
        raise TypeError(f"ladder() takes several nodes, and {show(nodes)} is one. Write ladder([f.node(x)], up).")
    return Ladder(nodes, up, down)


def grid(axes: Mapping[Any, Iterable[Any]]) -> Grid:
    """Returns scenarios for all combinations of values, those of the last node changing first.

    A scenario has no name of its own, so that its tweaks name its result: ``market:spot('AAPL') = 101.0, market:rate() = 0.05``.

    Args:
        axes: for each node (or memoised function) the values, bumps or replacements it is tweaked to.

    Raises:
        TypeError: `axes` is not a mapping, or the values of a node cannot be iterated.
    """
    if not isinstance(axes, Mapping):
        raise TypeError(f"grid() takes a mapping of nodes to values, not {show(axes)}. Write grid({{f.node(x): [1, 2]}}).")
    return Grid({key: _values_of(key, values) for key, values in axes.items()})


def _values_of(key: Any, values: Any) -> tuple[Any, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        one = show(values)
        raise TypeError(f"grid() takes several values of {label_of(key)}, not {one}. Write [{one}] for just one.")
    return tuple(values)
