"""Which nodes have other values in another context: `Comparison`, from the targets down to the tweaks; nothing runs.

The walk begins at the targets and goes on from a node that differs to what it read on either side.  It stops at a node that one
side tweaks to a value, because nothing below it matters, and at everything that is the same on both sides.  A node that only one
side read has changed only when it rests on a tweak that the other side does not have.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from attrs import define, frozen

from .._core.read import Key, Memo, Node, Tweak, View, is_as_before
from .._text.values import describe_error, show, show_whole
from .context_graph import build_graph
from .graph import Fact, Graph
from .node_states import NodeStates, list_reads
from .record import Record
from .table import Table

_SIBLINGS = 3
"""How many changed reads of one node are printed for each function."""
_INDENT = 12
"""How far lines are indented at most, in levels."""
_RUN = 20
"""How many nodes that changed one because of the other are printed in a row; of more, the first and the last."""

_ERROR = 400
"""How much of two errors is compared."""


@frozen(eq=False)
class Change:
    """A node that has another value in the other context."""

    node: Node[Any]
    before: Record | None
    """What this context knows of it; None where it was not needed."""
    after: Record | None
    """What the other context knows of it; None where it was not needed."""
    tweak: str | None
    """What the two contexts say of it, when they tweak it otherwise; None when it only followed."""

    def __str__(self) -> str:
        why = f"  ({self.tweak})" if self.tweak else ""
        before, after = _outcome(self.before), _outcome(self.after)
        note = _note_likeness(self) if before == after else ""
        return f"{self.node}: {before} -> {after}{note}{why}"


class Comparison(Table[Change]):
    """What differs between two contexts, each target followed by what made it differ, down to the tweaks.

    ``print`` tells it as a story, indented; `to_frame` has a row for each node that changed, and `graph` has these nodes with the
    edges between them, as they are in the other context.
    """

    def __init__(self, changes: Sequence[Change], targets: Sequence[Key], reads: dict[Key, "_Difference"], view: View) -> None:
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
        self._found = reads
        self._view = view

    @property
    def nodes(self) -> tuple[Node[Any], ...]:
        """The nodes that changed, from the targets down."""
        return tuple(change.node for change in self)

    @property
    def tweaks(self) -> tuple[Node[Any], ...]:
        """Those of them that the two contexts tweak otherwise."""
        return tuple(change.node for change in self if change.tweak)

    @cached_property
    def graph(self) -> Graph[Node[Any]]:
        """The nodes that changed, with the edges between them and what is known of them in the other context."""
        keys = {change.node._key: change.node for change in self}
        known = build_graph(self._view, keys)
        edges = {node: [keys[read] for read in self._found[key].changed] for key, node in keys.items()}
        facts: list[Fact[Node[Any]]] = [known.fact(node) for node in keys.values()]
        return Graph(facts, edges)

    def __str__(self) -> str:
        lines = [line for target in self._targets for line in self._tell(target, set())]
        return "\n".join(lines)

    def _tell(self, target: Key, told: set[Key]) -> Iterator[str]:
        """The story of one target: a line for a node that changed, and below it what it read."""
        pending: list[tuple[int, Key | str]] = [(0, target)]
        while pending:
            depth, key = pending.pop()
            indent = "  " * min(depth, _INDENT)
            if isinstance(key, str):
                yield f"{indent}{key}"
                continue
            difference = self._found[key]
            if difference.change is None:
                yield f"{indent}{Node._of(key)}: the same"
            elif key in told:
                yield f"{indent}{Node._of(key)}: see above"
            else:
                told.add(key)
                yield f"{indent}{difference.change}"
                row = self._find_row(key, told)
                if len(row) > _RUN:
                    told.update(row[: 1 - _RUN // 2])
                    middle = f"... {len(row) - _RUN // 2 + 1:,} more, each because of the next"
                    pending += [(depth + 2, row[1 - _RUN // 2]), (depth + 1, middle)]
                else:
                    pending.extend((depth + 1, line) for line in reversed(_fold(difference, self._found)))

    def _find_row(self, key: Key, told: set[Key]) -> list[Key]:
        """Returns the nodes below one that changed in a row: each read one that changed, and is not tweaked itself."""
        row: list[Key] = []
        while len(self._found[key].changed) == 1:
            key = self._found[key].changed[0]
            change = self._found[key].change
            if key in told or change is None or change.tweak is not None:
                break
            row.append(key)
        return row


@define(eq=False)
class _Difference:
    """A node on both sides."""

    change: Change | None
    """None when it is the same."""
    changed: list[Key]
    """What it read that changed."""
    unchanged: int = 0
    """How much it read that did not."""


def compare(ctx: Any, other: Any, targets: Sequence[Node[Any]]) -> Comparison:
    """Returns what differs between two contexts below some nodes.

    Raises:
        KeyError: one of them does not know a target.
        TypeError: there is no target, or the other is no context.
    """
    if not targets:
        raise TypeError("There is nothing to compare. Name at least one node: ctx.compare(other, f.node(x)).")
    if not hasattr(other, "_here"):
        raise TypeError(f"{show(other)} is no context. Write ctx.compare(other_ctx, f.node(x)).")
    for node in targets:
        ctx.memo(node), other.memo(node)
    return _Walk(ctx._here(), other._here()).compare([node._key for node in targets])


class _Walk:
    """A walk over two views from the same nodes."""

    def __init__(self, before: View, after: View) -> None:
        self._before, self._after = NodeStates(before), NodeStates(after)
        handles = before.in_force.handles ^ after.in_force.handles
        # Bits are those of one registry: contexts that share no cache have none in common.
        self._differing = Tweak.bits_of(handles) if before.registry is after.registry else 0
        self._is_shared = before.registry is after.registry
        self._found: dict[Key, _Difference] = {}

    def compare(self, targets: list[Key]) -> Comparison:
        pending, order = list(reversed(targets)), []
        while pending:
            key = pending.pop()
            if key not in self._found:
                difference = self._found[key] = self._find_difference(key)
                if difference.change is not None:
                    order.append(difference.change)
                    pending.extend(reversed(difference.changed))
        return Comparison(order, targets, self._found, self._after.view)

    def _find_difference(self, key: Key) -> _Difference:
        before, after = self._before.memo(key), self._after.memo(key)
        if not self._has_changed(key, before, after):
            return _Difference(None, [])
        old, new = self._before.handle(key), self._after.handle(key)
        tweak = None if self._is_same_tweak(old, new) else _describe_tweaks(old, new)
        change = Change(Node._of(key), self._before.record(key), self._after.record(key), tweak)
        if any(handle is not None and handle.spec.is_value for handle in (old, new)):
            return _Difference(change, [])
        read = dict.fromkeys(read for memo in (after, before) if memo is not None for read in list_reads(memo))
        changed = [one for one in read if self._has_changed(one, self._before.memo(one), self._after.memo(one))]
        return _Difference(change, changed, len(read) - len(changed))

    def _has_changed(self, key: Key, before: Memo | None, after: Memo | None) -> bool:
        if before is after:
            return False
        if before is None or after is None:
            known = before or after
            return known is not None and bool(known.footprint & self._differing)
        if before.failure is not None or after.failure is not None:
            return before.failure is None or after.failure is None or not _is_alike(before, after)
        return not is_as_before(key, before, after)

    def _is_same_tweak(self, old: Tweak | None, new: Tweak | None) -> bool:
        if old is None or new is None:
            return old is new
        if self._is_shared:
            return old is new
        return old.spec.meaning == new.spec.meaning


def _is_alike(before: Memo, after: Memo) -> bool:
    """True when two nodes failed alike."""
    assert before.failure is not None  # noqa: S101  the caller saw it
    assert after.failure is not None  # noqa: S101  the caller saw it
    one, other = before.failure.error, after.failure.error
    return one is other or (type(one) is type(other) and show_whole(one, _ERROR) == show_whole(other, _ERROR))


def _fold(difference: _Difference, found: dict[Key, _Difference]) -> list[Key | str]:
    """What is told below a node: what it read that changed, of each function what moved most, and how much did not change."""
    by_function: dict[Any, list[Key]] = {}
    for key in difference.changed:
        by_function.setdefault(key[0], []).append(key)
    told: set[Key] = set()
    for keys in by_function.values():
        told.update(sorted(keys, key=lambda key: -_measure(found[key].change))[:_SIBLINGS])
    lines: list[Key | str] = [key for key in difference.changed if key in told]
    more = {function: len(keys) - _SIBLINGS for function, keys in by_function.items() if len(keys) > _SIBLINGS}
    lines += [f"... {number:,} more of {function} changed" for function, number in more.items()]
    if difference.unchanged and lines:
        lines.append(f"... {difference.unchanged:,} unchanged")
    return lines


def _measure(change: Change | None) -> float:
    """Returns how far a number moved; 0 for all else."""
    if change is None or change.before is None or change.after is None:
        return 0.0
    before, after = change.before.value, change.after.value
    if type(before) not in {int, float} or type(after) not in {int, float}:
        return 0.0
    try:
        moved = abs(float(after) - float(before))
    except OverflowError:
        return math.inf
    return 0.0 if math.isnan(moved) else moved


def _describe_tweaks(old: Tweak | None, new: Tweak | None) -> str:
    if old is None:
        return _describe(new)
    return f"{_describe(old)} -> {_describe(new)}"


def _describe(handle: Tweak | None) -> str:
    """Says what a tweak says, short."""
    return "untweaked" if handle is None else handle.spec.label()


def _note_likeness(change: Change) -> str:
    """Says why a change does not show in the text of its values."""
    before, after = _content(change.before), _content(change.after)
    if before is not None and before is after:
        return "  (one object, which may have been changed in place)"
    return "  (they differ where the text does not show it)"


def _content(record: Record | None) -> Any:
    return None if record is None else record.value if record.error is None else record.error


def _outcome(record: Record | None) -> str:
    if record is None:
        return "not read"
    return show(record.value) if record.error is None else describe_error(record.error)
