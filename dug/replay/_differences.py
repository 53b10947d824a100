"""Compares a context with a recording: `find_differences`, `Differences`; a node differs where the digest of its value does.

A difference begins in a node that differs and has read none that does: there the code has changed, or the outside.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from .._contexts.context import Context
from .._core.read import Node
from .._inspect.record import Record, check_node, find_record
from .._inspect.table import Table
from .._text.counts import count
from .._text.sheet import Line, Sheet
from .._text.values import drop_main
from ._content import text_of_error, text_of_value
from ._entries import digest_of_record
from ._trace import Entry, Trace

FIRST, CARRIED, NEW = "first", "carried", "new"


@frozen
class Differing:
    """A node that has another value than in the recording, or was not in it."""

    node: Node[Any]
    kind: str
    """``first``, ``carried`` or ``new``."""
    before: str
    """The recorded value as text; empty for a new node."""
    now: str
    reason: str
    """Of which nodes a carried difference comes; which nodes one in which it begins did not read before, or reads no more."""


class Differences(Table[Differing]):
    """The nodes with other values than in the recording: those in which a difference begins, then the others, then new ones."""

    def __init__(self, rows: Sequence[Differing], unknown: Sequence[Node[Any]], compared: int) -> None:
        super().__init__(
            rows,
            {
                "node": lambda row: row.node,
                "kind": lambda row: row.kind,
                "before": lambda row: row.before,
                "now": lambda row: row.now,
                "because": lambda row: row.reason,
            },
        )
        self._unknown, self._compared = tuple(unknown), compared

    @property
    def first(self) -> tuple[Node[Any], ...]:
        """The nodes that differ although all that they read is as it was: there the change is."""
        return self._list(FIRST)

    @property
    def carried(self) -> tuple[Node[Any], ...]:
        """The nodes that differ and read a node that differs."""
        return self._list(CARRIED)

    @property
    def new(self) -> tuple[Node[Any], ...]:
        """The nodes that are not in the recording."""
        return self._list(NEW)

    @property
    def unknown(self) -> tuple[Node[Any], ...]:
        """The nodes that cannot be compared: no digest was recorded of them, or their value has no codec."""
        return self._unknown

    def _list(self, kind: str) -> tuple[Node[Any], ...]:
        return tuple(row.node for row in self if row.kind == kind)

    @property
    def title(self) -> str:
        """How many nodes were compared, and how many differ."""
        counts = ", ".join(f"{len(self._list(kind)):,} {kind}" for kind in (FIRST, CARRIED, NEW))
        told = f"{count(self._compared, 'node')} compared: {counts if self else 'no difference'}"
        if self._unknown:
            told += f"; {len(self._unknown):,} cannot be compared, such as {drop_main(str(self._unknown[0]))}"
        return told

    def _sheet(self) -> Sheet:
        return Sheet([Line(self.title, is_title=True), *(super()._sheet().parts if self else [])])


def find_differences(trace: Trace, ctx: Context, targets: Iterable[Node[Any]]) -> Differences:
    """Returns the differences between a context and a recording, below some nodes or in all that are known.

    Complexity: linear in the nodes and the size of their values.
    """
    graph, view = ctx.graph(*map(check_node, targets)), ctx._here()
    records = {node: record for node in graph.order if (record := find_record(view, node)) is not None}
    entries = {node: trace.find(node) for node in records}
    digests = {node: digest_of_record(record) for node, record in records.items()}
    changed, unknown, new = set(), [], []
    for node, entry in entries.items():
        before = None if entry is None else trace.digest_of(entry)
        if entry is None or not entry.line:
            new.append(node)
        elif before is None or digests[node] is None:
            unknown.append(node)
        elif before != digests[node]:
            changed.add(node)
    rows = [_make_row(trace, records[node], entries[node], changed) for node in records if node in changed]
    rows.sort(key=lambda row: row.kind != FIRST)
    rows += [Differing(node, NEW, "", _tell(records[node]), "") for node in new]
    return Differences(rows, unknown, len(records))


def _make_row(trace: Trace, record: Record, entry: Entry | None, changed: set[Node[Any]]) -> Differing:
    assert entry is not None  # noqa: S101  the node was recorded
    causes = [drop_main(str(read)) for read in record.dependencies if read in changed]
    if causes:
        return Differing(record.node, CARRIED, trace.text_of(entry), _tell(record), ", ".join(causes))
    return Differing(record.node, FIRST, trace.text_of(entry), _tell(record), _tell_reads(trace, record, entry))


def _tell_reads(trace: Trace, record: Record, entry: Entry) -> str:
    """Returns which nodes a node reads now and did not before, and the other way round."""
    before = {one.name: drop_main(one.text) for one in trace.reads_of(entry)}
    now = {found.name if (found := trace.find(read)) else ("", str(read)): drop_main(str(read)) for read in record.dependencies}
    parts = [f"reads {text}, too" for name, text in now.items() if name not in before]
    parts += [f"reads {text} no more" for name, text in before.items() if name not in now]
    return ", ".join(parts)


def _tell(record: Record) -> str:
    return text_of_value(record.value) if record.error is None else text_of_error(record.error)
