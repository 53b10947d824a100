"""Compares two `LazyGraph`s, from the targets down to the tweaks: `compare`, `Comparison` and its text, `Change`; `_Walk`.

Which nodes have other values in another context or file; nothing runs.  The facts of each side, and whether two values differ,
come from `lazy_graph.Pair`: `_ContextPair` in `context_details`, `_SavedPair` in `snapshot/_details`.  The walk begins at the
targets and goes on from a node that differs to its dependencies on either side.  It stops at a node that one side tweaks to a
value, because nothing below it matters, and at a node that is the same on both sides.  A node that only one side read has
changed only if it depends on a tweak that the other side does not have, or is a target.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Generic

from attrs import define, field, frozen

from .graph import Graph
from .lazy_graph import Detail, K, LazyGraph, N, P
from .table import Table

_SIBLINGS = 3
"""How many changed reads of one node are printed for each function."""
_INDENT = 12
"""How far lines are indented at most, in levels."""
_RUN = 20
"""How long a chain of nodes, each changed because of the next, is printed whole; of a longer one, its two ends."""
_CAUSES = 2
"""How many dependencies of a node are named as the cause of its change."""


@frozen(eq=False)
class Change(Generic[N, K]):
    """A node that has another value in the other context or file."""

    node: N
    before: K | None
    """Its record in this context or file (a `Record`, a `SavedNode`); None if there is none."""
    after: K | None
    """Its record in the other one; None if there is none."""
    tweak: str | None
    """Its tweaks on both sides, if they differ; None when it only followed."""
    because: str
    """The cause of the difference: a tweak, another code, a dependency, or the outside."""
    doubt: str
    """Why it may be unchanged, if that is not known; empty if it has changed for sure."""
    depth: int
    """How many changed nodes it is below a target."""
    is_last: bool = field(repr=False)
    """True when nothing that it read has changed."""
    _old: Detail[Any, N, K] = field(repr=False)
    _new: Detail[Any, N, K] = field(repr=False)
    _likeness: str = field(repr=False)

    @property
    def texts(self) -> tuple[str, str]:
        """Its old and its new value, as text."""
        return _outcome(self._old), _outcome(self._new)

    @property
    def moved(self) -> float:
        """How far a number moved; 0 for all else."""
        before, after = self._old.number, self._new.number
        if before is None or after is None:
            return 0.0
        moved = abs(after - before)
        return 0.0 if math.isnan(moved) else moved

    def __str__(self) -> str:
        why = self.tweak or (self.because if self.is_last else "")
        before, after = self.texts
        note = f"  ({self._likeness})" if before == after else ""
        return f"{self.node}: {before} -> {after}{note}{f'  ({why})' if why else ''}"


class Comparison(Table[Change[N, K]], Generic[N, K]):
    """The differences between two contexts or files, each target followed by the nodes that made it differ, down to the tweaks.

    ``print`` shows it indented; `to_frame` has a row for each node that changed, and `graph` has these nodes with the
    edges between them, as they are in the other one.
    """

    def __init__(
        self,
        changes: Sequence[Change[N, K]],
        targets: Sequence[Any],
        found: "dict[Any, _Difference[Any, N, K]]",
        graph: LazyGraph[Any, N, K],
    ) -> None:
        super().__init__(
            changes,
            {
                "node": lambda change: change.node,
                "before": lambda change: _content(change.before),
                "after": lambda change: _content(change.after),
                "tweak": lambda change: change.tweak,
            },
        )
        self._targets = targets
        self._found = found
        self._graph = graph

    @property
    def nodes(self) -> tuple[N, ...]:
        """The nodes that changed, from the targets down."""
        return tuple(change.node for change in self)

    @property
    def tweaks(self) -> tuple[N, ...]:
        """Those of them that the two sides tweak differently."""
        return tuple(change.node for change in self if change.tweak)

    @cached_property
    def graph(self) -> Graph[N]:
        """The nodes that changed, with the edges between them and their facts in the other context or file."""
        names = {name: found.change.node for name, found in self._found.items() if found.change is not None}
        edges = {node: [names[read] for read in self._found[name].changed] for name, node in names.items()}
        return Graph(self._graph.list_facts(names), edges)

    def __str__(self) -> str:
        told: set[Any] = set()
        return "\n".join(line for target in self._targets for line in self._tell(target, told))

    def _tell(self, target: Any, told: set[Any]) -> Iterator[str]:
        """The lines of one target: a line for each node that changed, and below it its dependencies."""
        pending: list[tuple[int, Any]] = [(0, target)]
        while pending:
            depth, node = pending.pop()
            indent = "  " * min(depth, _INDENT)
            if isinstance(node, _Line):
                yield f"{indent}{node.text}"
                continue
            difference = self._found[node]
            if difference.change is None:
                yield f"{indent}{self._graph.detail(node)}: the same"
            elif node in told:
                yield f"{indent}{self._graph.detail(node)}: see above"
            else:
                told.add(node)
                yield f"{indent}{difference.change}"
                row = self._find_row(node, told)
                if len(row) > _RUN:
                    told.update(row[: 1 - _RUN // 2])
                    middle = _Line(f"... {len(row) - _RUN // 2 + 1:,} more, each because of the next")
                    pending += [(depth + 2, row[1 - _RUN // 2]), (depth + 1, middle)]
                else:
                    pending.extend((depth + 1, line) for line in reversed(self._fold(difference)))

    def _find_row(self, node: Any, told: set[Any]) -> list[Any]:
        """Returns the nodes below one that changed in a row: each read one that changed, and is not tweaked itself."""
        row: list[Any] = []
        while len(self._found[node].changed) == 1:
            node = self._found[node].changed[0]
            change = self._found[node].change
            if node in told or change is None or change.tweak is not None:
                break
            row.append(node)
        return row

    def _fold(self, difference: "_Difference[Any, N, K]") -> list[Any]:
        """Returns the lines below a node: its changed dependencies, of each function those that moved most, and how many more."""
        by_function: dict[str, list[Any]] = {}
        for node in difference.changed:
            by_function.setdefault(self._graph.detail(node).function, []).append(node)
        told: set[Any] = set()
        for nodes in by_function.values():
            few = nodes if len(nodes) <= _SIBLINGS else sorted(nodes, key=lambda node: -self._measure(node))[:_SIBLINGS]
            told.update(few)
        lines: list[Any] = [node for node in difference.changed if node in told]
        more = {function: len(nodes) - _SIBLINGS for function, nodes in by_function.items() if len(nodes) > _SIBLINGS}
        lines += [_Line(f"... {number:,} more of {function} changed") for function, number in more.items()]
        if difference.unchanged and lines:
            lines.append(_Line(f"... {difference.unchanged:,} unchanged"))
        return lines

    def _measure(self, node: Any) -> float:
        change = self._found[node].change
        return 0.0 if change is None else change.moved


@frozen
class _Line:
    """A line of text that is not a node."""

    text: str


@define(eq=False)
class _Difference(Generic[P, N, K]):
    """A node on both sides."""

    change: Change[N, K] | None
    """None when it is the same."""
    changed: list[P]
    """Its dependencies that changed."""
    unchanged: int = 0
    """How many of its dependencies did not."""


def compare(before: LazyGraph[P, N, K], after: LazyGraph[P, N, K], targets: Sequence[P]) -> Comparison[N, K]:
    """Returns the differences between two graphs of one kind below some nodes, each of which is listed, also when it is the same.

    Complexity: linear in the nodes that changed and their dependencies, up to the comparison of two values.
    """
    return _Walk(before, after, targets).compare(targets)


def compare_all(before: LazyGraph[P, N, K], after: LazyGraph[P, N, K], nodes: Sequence[P]) -> Comparison[N, K]:
    """Returns all differences between two graphs of one kind, from changed nodes that nothing read.

    Args:
        before: one graph.
        after: the other.
        nodes: all nodes of both, each before its dependencies.
    """
    walk = _Walk(before, after, nodes)
    return walk.compare(nodes, tells_same=False)


class _Walk(Generic[P, N, K]):
    """A walk over two graphs from the same nodes."""

    def __init__(self, before: LazyGraph[P, N, K], after: LazyGraph[P, N, K], targets: Sequence[P]) -> None:
        self._before, self._after = before, after
        self._pair = before.beside(after)
        self._is_apart = self._pair.find_apart()
        self._targets = frozenset(targets)
        self._found: dict[P, _Difference[P, N, K]] = {}

    def compare(self, targets: Sequence[P], *, tells_same: bool = True) -> Comparison[N, K]:
        order: list[Change[N, K]] = []
        tops = []
        for target in targets:
            if target not in self._found:
                self._walk(target, order)
                if self._found[target].change is not None:
                    tops.append(target)
        return Comparison(order, targets if tells_same else tops, self._found, self._after)

    def _walk(self, target: P, order: list[Change[N, K]]) -> None:
        pending = [(target, 0)]
        while pending:
            node, depth = pending.pop()
            if node not in self._found:
                difference = self._found[node] = self._find_difference(node, depth)
                if difference.change is not None:
                    order.append(difference.change)
                    pending.extend((read, depth + 1) for read in reversed(difference.changed))

    def _find_difference(self, node: P, depth: int) -> _Difference[P, N, K]:
        if not self._has_changed(node):
            return _Difference(None, [])
        before, after = self._before.detail(node), self._after.detail(node)
        tweak = None if self._pair.is_tweaked_alike(node) else self._tell_tweaks(before, after)
        changed: list[P] = []
        unchanged = 0
        if not (self._is_value(self._before, before) or self._is_value(self._after, after)):
            read = dict.fromkeys(read for one in (after, before) if one.answers for read in one.reads)
            changed = [one for one in read if self._has_changed(one)]
            unchanged = len(read) - len(changed)
        change = Change(
            after.node,
            before.known,
            after.known,
            tweak,
            self._find_cause(node, tweak, changed) if after.answers else "",
            self._pair.tell_doubt(node),
            depth,
            not changed,
            before,
            after,
            self._pair.tell_likeness(node),
        )
        return _Difference(change, changed, unchanged)

    def _has_changed(self, node: P) -> bool:
        before, after = self._before.detail(node), self._after.detail(node)
        if before.answers != after.answers:
            return node in self._targets or self._is_apart(node)
        return before.answers and self._pair.has_changed(node)

    @staticmethod
    def _is_value(graph: LazyGraph[P, N, K], one: Detail[P, N, K]) -> bool:
        """True for a node that is tweaked to a value: nothing below it matters."""
        return one.tweak is not None and graph.is_value(one.tweak)

    def _tell_tweaks(self, before: Detail[P, N, K], after: Detail[P, N, K]) -> str:
        now = "untweaked" if after.tweak is None else self._after.say(after.tweak).short
        return now if before.tweak is None else f"{self._before.say(before.tweak).short} -> {now}"

    def _find_cause(self, node: P, tweak: str | None, changed: list[P]) -> str:
        """Returns why a node changed: a tweak, its code, dependencies that changed, or the outside."""
        after = self._after.detail(node)
        if tweak is not None and after.tweak is not None:
            return "a tweak"
        reasons = [str(self._after.detail(read)) for read in changed[:_CAUSES]]
        if len(changed) > _CAUSES:
            reasons.append(f"{len(changed) - _CAUSES:,} more")
        code = self._pair.tell_code(node)
        first = [*([] if code is None else [code]), *([] if tweak is None else ["a tweak that is gone"])]
        return ", ".join([*first, *reasons]) or ("the outside" if after.is_source else "it ran again")


def _content(known: Any) -> Any:
    return None if known is None else known.value if known.error is None else known.error


def _outcome(detail: Detail[Any, Any, Any]) -> str:
    if detail.error is not None:
        return f"failed: {detail.error}"
    return detail.value if detail.answers else "not read" if detail.state == "not-run" else detail.state
