"""Tells what moved, from the targets down to the causes, on one screen: `tell_story`.

A *unit* of a story is one node that changed, or all nodes of one function that changed in the same way, folded into one line with
their number.  Each unit is told once, below the first that read one of its nodes, so that a story is as long as the functions are
many, and not the nodes.  Of the nodes of a unit those that moved most are named.  A story that is longer than a screen is folded
more, and at last loses its middle: its ends are the targets and the causes.

`_Unit` is one of them, `_Story` words it; `_tell_moves` names how far numbers moved, `_are_alike` what can be folded.  `_gather`
gathers the units, `_tell_below`, `_tell_rest`, `_tell_node` and `_tell_folded` write lines.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from .._text.sheet import Entry
from .._text.values import drop_main
from .change import Change, Difference

COLUMNS = ("node", "before", "after", "moved", "because")
_LINES = 30
"""How many lines a story has at most."""
_FOLDS = ((3, 3), (1, 1), (1, 0))
"""How many nodes of one function are told one by one, and how many movers are named: the first pair that does is taken."""
_NAMED = 6
"""How many nodes that are told elsewhere are named."""
_ALIKE = 1e-6
"""How much two moves may differ, as a part of them, and still count as one."""


Details = Callable[[Any], object]
"""Names a node by its details."""
Moves = Mapping[Any, Difference[Any, Any, Any]]
"""By name, every node that changed and every target."""


def tell_story(targets: Sequence[Any], found: Moves, details: Details, *, full: bool) -> list[Entry]:
    """Returns the lines of a story, as entries of an outline with the columns `COLUMNS`.

    Args:
        targets: the nodes to begin with.
        found: by name, every node that changed and every target.
        details: gives the details of a node, whose text is its own.
        full: whether each node has a line of its own, however many there are.
    """
    if full:
        return list(_Story(targets, found, details, few=len(found), movers=0).tell())
    for few, movers in _FOLDS:
        told = list(_Story(targets, found, details, few=few, movers=movers).tell())
        if len(told) <= _LINES:
            return told
    tail = _LINES // 3
    left_out = len(told) - _LINES + 1
    return [*told[: _LINES - tail - 1], _say(0, f"... {left_out:,} more lines: full=True has them all"), *told[-tail:]]


@frozen(eq=False)
class _Unit:
    """Nodes that have one line: a node by itself, or several of one function that changed in one way."""

    nodes: list[Any]
    is_folded: bool


class _Story:
    """One way to tell what changed."""

    def __init__(self, targets: Sequence[Any], found: Moves, details: Details, *, few: int, movers: int) -> None:
        self._targets = list(dict.fromkeys(targets))
        self._found = found
        self._details = details
        self._movers = movers
        self._is_roomy = few > 1
        self._unit_of: dict[Any, _Unit] = {}
        for nodes in self._gather():
            units = [_Unit(nodes, True)] if len(nodes) > few else [_Unit([node], False) for node in nodes]
            self._unit_of.update((node, unit) for unit in units for node in unit.nodes)

    def _gather(self) -> list[list[Any]]:
        """Returns the nodes that can share a line: of one function, changed in one way, and targets apart from the others."""
        targets = frozenset(self._targets)
        groups: dict[Any, list[Any]] = {}
        for node, found in self._found.items():
            if (change := found.change) is not None:
                key = (change.function, change.kind, change.tweak is not None, node in targets)
                groups.setdefault(key, []).append(node)
        return list(groups.values())

    def tell(self) -> Iterator[Entry]:
        """Yields the lines: each unit below the first that read it."""
        told: set[_Unit] = set()
        same = [target for target in self._targets if self._found[target].change is None]
        for target in self._targets:
            if self._found[target].change is not None and self._unit_of[target] not in told:
                yield from self._tell_below(self._unit_of[target], told)
        few = same if self._is_roomy or len(same) == 1 else []
        yield from [_say(0, f"{self._details(target)}: the same") for target in few]
        if len(few) < len(same):
            yield _say(0, f"{len(same):,} targets: the same")

    def _tell_below(self, unit: _Unit, told: set[_Unit]) -> Iterator[Entry]:
        pending: list[tuple[int, _Unit | str]] = [(0, unit)]
        while pending:
            depth, one = pending.pop()
            if isinstance(one, str):
                yield _say(depth, one)
            elif one not in told:
                told.add(one)
                yield from self._tell_folded(one, depth) if one.is_folded else [self._tell_node(one.nodes[0], depth)]
                below = dict.fromkeys([self._unit_of[read] for node in one.nodes for read in self._found[node].changed])
                lines: list[_Unit | str] = [read for read in below if read not in told]
                if self._is_roomy and not one.is_folded:
                    lines += self._tell_rest(one.nodes[0], [read for read in below if read in told])
                pending += [(depth + 1, line) for line in reversed(lines)]

    def _tell_rest(self, node: Any, again: Sequence[_Unit]) -> Iterator[str]:
        """Yields the lines about what a node read and what is not below it: told already, or unchanged."""
        if again:
            more = f" and {len(again) - _NAMED:,} more" if len(again) > _NAMED else ""
            yield f"see above: {', '.join(map(self._name, again[:_NAMED]))}{more}"
        found = self._found[node]
        if found.unchanged and found.changed:
            yield f"... {found.unchanged:,} unchanged"

    def _tell_node(self, node: Any, depth: int, before: str = "") -> Entry:
        change = self._change(node)
        because = "; ".join([said for said in (change.note, change.why) if said])
        return Entry(depth, f"{before}{change}", [f"{before}{change.name}", *change.texts, _tell_move(change.numbers), because])

    def _tell_folded(self, unit: _Unit, depth: int) -> Iterator[Entry]:
        """Yields the line of several nodes, and one for each of those that moved most."""
        changes = [self._change(node) for node in unit.nodes]
        first = changes[0]
        how, is_alike = _tell_moves([change.numbers for change in changes])
        tweaks = {change.tweak for change in changes}
        why = "" if first.tweak is None else first.tweak if len(tweaks) == 1 else "each tweaked in its own way"
        name = self._name(unit)
        text = f"{name} {first.kind}{f' by {how}' if how else ''}{f'  ({why})' if why else ''}"
        yield Entry(depth, text, [name, *(["", first.kind, how] if first.kind != "moved" else ["", "", how]), why])
        if not is_alike:
            by_size = sorted(unit.nodes, key=lambda node: -_measure(self._change(node).numbers))
            word = "most: " if first.kind == "moved" else "such as: "
            yield from [self._tell_node(node, depth + 1, word) for node in by_size[: self._movers]]

    def _name(self, unit: _Unit) -> str:
        change = self._change(unit.nodes[0])
        return f"{len(unit.nodes):,} nodes of {drop_main(change.function)}" if unit.is_folded else change.name

    def _change(self, node: Any) -> Change[Any, Any]:
        change = self._found[node].change
        assert change is not None  # noqa: S101  units are of nodes that changed
        return change


def _say(depth: int, text: str) -> Entry:
    """Returns a line that is not a node."""
    return Entry(depth, text, [text])


def _measure(numbers: tuple[float, float] | None) -> float:
    """Returns how far a number moved; 0 for all else."""
    return 0.0 if numbers is None else abs(numbers[1] - numbers[0])


def _tell_move(numbers: tuple[float, float] | None) -> str:
    return "" if numbers is None else f"{numbers[1] - numbers[0]:+.4g}"


def _tell_moves(moves: Sequence[tuple[float, float] | None]) -> tuple[str, bool]:
    """Returns how far several numbers moved, and whether all moved alike: by one difference, or by one part of themselves."""
    pairs = [pair for pair in moves if pair is not None]
    if len(pairs) < len(moves):
        return "", False
    differences = sorted([now - was for was, now in pairs])
    if _are_alike(differences):
        return f"{differences[0]:+.4g} each", True
    if all(was for was, _ in pairs) and _are_alike(sorted([now / was - 1 for was, now in pairs])):
        return f"{100 * (pairs[0][1] / pairs[0][0] - 1):+.4g}% each", True
    return f"{differences[0]:+.4g} to {differences[-1]:+.4g}", False


def _are_alike(numbers: Sequence[float]) -> bool:
    """True when the first and the last of sorted numbers are one number, but for the last digits."""
    return math.isclose(numbers[0], numbers[-1], rel_tol=_ALIKE)
