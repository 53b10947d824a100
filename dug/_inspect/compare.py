"""Compares two `LazyGraph`s, from the targets down to the tweaks: `compare`, `Comparison`; `_GraphWalk`.

Which nodes have other values in another context or file; nothing runs.  The facts of each side, and whether two values differ,
come from `lazy_graph.Pair`: `_ContextPair` in `context_details`, `_SavedPair` in `snapshot/_details`.  The walk begins at the
targets and goes on from a node that differs to its dependencies on either side.  It stops at a node that one side tweaks to a
value, because nothing below it matters, and at a node that is the same on both sides.  A node that only one side read has
changed only if it depends on a tweak that the other side does not have, or is a target.

`compare_all` compares whole graphs, without targets.  `_find_difference` compares one node, `_find_cause` finds what lies below.
"""

from collections.abc import Sequence
from functools import cache, cached_property, partial
from typing import Any, Generic

from .._text.sheet import Outline, Sheet
from .change import Change, Difference
from .graph import Graph
from .lazy_graph import Detail, K, LazyGraph, N, P
from .story import COLUMNS, tell_story
from .table import Table

_CAUSES = 2
"""How many dependencies of a node are named as the cause of its change."""


class Comparison(Table[Change[N, K]], Generic[N, K]):
    """The differences between two contexts or files, each target followed by the nodes that made it differ, down to the tweaks.

    ``print`` and a notebook show it as a story of at most 30 lines, in which nodes of one function that changed in the same way
    share a line.  `to_frame` has a row for each node that changed, and `graph` has these nodes with the edges between them, as
    they are in the other one.
    """

    def __init__(
        self,
        changes: Sequence[Change[N, K]],
        targets: Sequence[Any],
        found: "dict[Any, Difference[Any, N, K]]",
        graph: LazyGraph[Any, N, K],
        *,
        full: bool,
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
        self._is_full = full

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

    def _sheet(self) -> Sheet:
        return Sheet([Outline(COLUMNS, tell_story(self._targets, self._found, self._graph.detail, full=self._is_full))])


def compare(
    before: LazyGraph[P, N, K], after: LazyGraph[P, N, K], targets: Sequence[P], *, full: bool = False
) -> Comparison[N, K]:
    """Returns the differences between two graphs of one kind below some nodes, each of which is listed, also when it is the same.

    Args:
        before: one graph.
        after: the other.
        targets: the nodes.
        full: whether its text has a line for each node that changed.

    Complexity: linear in the nodes that changed and their dependencies, up to the comparison of two values.
    """
    return _GraphWalk(before, after, targets).compare(targets, full=full)


def compare_all(
    before: LazyGraph[P, N, K], after: LazyGraph[P, N, K], nodes: Sequence[P], *, full: bool = False
) -> Comparison[N, K]:
    """Returns all differences between two graphs of one kind, from changed nodes that nothing read.

    Args:
        before: one graph.
        after: the other.
        nodes: all nodes of both, each before its dependencies.
        full: as for `compare`.
    """
    walk = _GraphWalk(before, after, nodes)
    return walk.compare(nodes, tells_same=False, full=full)


class _GraphWalk(Generic[P, N, K]):
    """A walk over two graphs from the same nodes."""

    def __init__(self, before: LazyGraph[P, N, K], after: LazyGraph[P, N, K], targets: Sequence[P]) -> None:
        self._before, self._after = before, after
        self._pair = before.beside(after)
        self._is_apart = self._pair.find_apart()
        self._targets = frozenset(targets)
        self._found: dict[P, Difference[P, N, K]] = {}

    def compare(self, targets: Sequence[P], *, tells_same: bool = True, full: bool) -> Comparison[N, K]:
        order: list[Change[N, K]] = []
        tops = []
        for target in targets:
            if target not in self._found:
                self._walk(target, order)
                if self._found[target].change is not None:
                    tops.append(target)
        return Comparison(order, targets if tells_same else tops, self._found, self._after, full=full)

    def _walk(self, target: P, order: list[Change[N, K]]) -> None:
        pending = [(target, 0)]
        while pending:
            node, depth = pending.pop()
            if node not in self._found:
                difference = self._found[node] = self._find_difference(node, depth)
                if difference.change is not None:
                    order.append(difference.change)
                    pending.extend((read, depth + 1) for read in reversed(difference.changed))

    def _find_difference(self, node: P, depth: int) -> Difference[P, N, K]:
        if not self._has_changed(node):
            return Difference(None, [])
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
            cache(partial(self._pair.tell_difference, node)),
        )
        return Difference(change, changed, unchanged)

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
