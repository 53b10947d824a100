"""Compares a context with a recording: `find_differences`, `Differences`; a node differs where the digest of its value does.

A difference begins in a node that differs and has read none that does: there the code has changed, or the outside.

`Differing` is one node; `_find_doubts` finds those that cannot be compared, `_tell_reads` what it reads now and did not.
`_make_row` words one.
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
        """The nodes that cannot be compared, and the targets that the context does not know.

        Of those no digest was recorded, or their value has no codec, or the recording has several nodes that are written so.
        """
        return self._unknown

    def _list(self, kind: str) -> tuple[Node[Any], ...]:
        return tuple(row.node for row in self if row.kind == kind)

    @property
    def title(self) -> str:
        """How many nodes were compared, and how many differ."""
        counts = ", ".join(f"{len(self._list(kind)):,} {kind}" for kind in (FIRST, CARRIED, NEW))
        none = "no difference" if self._compared else "nothing was asked for in this context"
        told = f"{count(self._compared, 'node')} compared: {counts if self else none}"
        if self._unknown:
            told += f"; {len(self._unknown):,} cannot be compared, such as {drop_main(str(self._unknown[0]))}"
        return told

    def _sheet(self) -> Sheet:
        return Sheet([Line(self.title, is_title=True), *(super()._sheet().parts if self else [])])


def find_differences(trace: Trace, ctx: Context, targets: Iterable[Node[Any]]) -> Differences:
    """Returns the differences between a context and a recording, below some nodes or in all that are known.

    Complexity: linear in the nodes and the size of their values.
    """
    wanted = list(map(check_node, targets))
    graph, view = ctx.graph(*wanted), ctx._here()
    records = {node: record for node in graph.order if (record := find_record(view, node)) is not None}
    entries = {node: trace.find(node) for node in records}
    changed, new = set(), []
    unknown = [node for node in wanted if node not in records]
    for node, entry in entries.items():
        before, now = None if entry is None else trace.digest_of(entry), digest_of_record(records[node])
        if (entry is None and not trace.has_text(str(node))) or (entry is not None and not entry.line):
            new.append(node)
        elif entry is None or entry.is_twin or before is None or now is None:
            unknown.append(node)
        elif before != now:
            changed.add(node)
    doubts = _find_doubts(records, changed, set(unknown))
    rows = [_make_row(trace, records[node], entries[node], changed, doubts) for node in records if node in changed]
    rows.sort(key=lambda row: row.kind != FIRST)
    rows += [Differing(node, NEW, "", _tell(records[node]), "") for node in new]
    return Differences(rows, unknown, len(records))


def _find_doubts(records: dict[Node[Any], Record], changed: set[Node[Any]], unknown: set[Node[Any]]) -> dict[Node[Any], bool]:
    """Returns the nodes that cannot be compared, by whether a difference may have come to them from a node that they read."""
    doubts: dict[Node[Any], bool] = {}
    for node, record in records.items():  # each after what it reads
        if node in unknown:
            doubts[node] = any(read in changed or doubts.get(read, False) for read in record.dependencies)
    return doubts


def _make_row(
    trace: Trace, record: Record, entry: Entry | None, changed: set[Node[Any]], doubts: dict[Node[Any], bool]
) -> Differing:
    assert entry is not None  # noqa: S101  the node was recorded
    before, now, reads = trace.text_of(entry), _tell(record), record.dependencies
    uncompared = {read: f"{drop_main(str(read))}, which cannot be compared" for read in reads if read in doubts}
    causes = [uncompared.get(read, drop_main(str(read))) for read in reads if read in changed or doubts.get(read, False)]
    if causes:
        return Differing(record.node, CARRIED, before, now, ", ".join(causes))
    parts = [_tell_reads(trace, record, entry), *(f"reads {text}" for text in uncompared.values())]
    return Differing(record.node, FIRST, before, now, ", ".join(filter(None, parts)))


def _tell_reads(trace: Trace, record: Record, entry: Entry) -> str:
    """Returns which nodes a node reads now and did not before, and the other way round."""
    before = {one.name: drop_main(one.text) for one in trace.reads_of(entry)}
    now = {found.name if (found := trace.find(read)) else ("", str(read)): drop_main(str(read)) for read in record.dependencies}
    parts = [f"reads {text}, too" for name, text in now.items() if name not in before]
    parts += [f"reads {text} no more" for name, text in before.items() if name not in now]
    return ", ".join(parts)


def _tell(record: Record) -> str:
    return text_of_value(record.value) if record.error is None else text_of_error(record.error)
