"""The plan of a replay, by the trace of the recording: `make_plan`, `ReplayPlan`, `Step`; nothing runs, and nothing is imported.

The trace tells what every node read in the recording.  Changed code may read other nodes, so the plan is what the recorded code
would do.

`Replacing` is what would be tweaked, `_sort` puts the entries in order, `_write` makes lines of a tree.  `_make_step` makes a
`Step` of an entry.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from .._core.read import Node
from .._inspect.table import Table
from .._text.counts import count
from .._text.sheet import Line, Sheet
from .._text.values import drop_main
from ._served import Served
from ._trace import Entry, Trace

RUNS, RECORDED, MISSING, REPLACED = "runs", "recorded", "missing", "replaced"


@frozen
class Step:
    """A node that a replay would ask for."""

    node: Node[Any] | str
    """The node where its function is imported here, else its text."""
    how: str
    """``runs``, ``recorded`` (the recording gives it), ``missing`` (it must not run, and the recording cannot give it), or
    ``replaced`` (a tweak stands in its place)."""
    reason: str
    """What the recording gives, or why it cannot; the tweak of a node."""


class ReplayPlan(Table[Step]):
    """What a replay would run and what it would take from the recording, dependencies first; `tree` shows what reads what."""

    def __init__(self, rows: Sequence[Step], lines: Sequence[str]) -> None:
        super().__init__(
            rows, {"node": lambda row: row.node, "how": lambda row: row.how, "because": lambda row: row.reason}
        )
        self._lines = tuple(lines)

    @property
    def runs(self) -> tuple[Node[Any] | str, ...]:
        """The nodes that run."""
        return tuple(row.node for row in self if row.how == RUNS)

    @property
    def recorded(self) -> tuple[Node[Any] | str, ...]:
        """The nodes that the recording gives."""
        return tuple(row.node for row in self if row.how == RECORDED)

    @property
    def missing(self) -> tuple[Node[Any] | str, ...]:
        """The nodes that a replay refuses."""
        return tuple(row.node for row in self if row.how == MISSING)

    def tree(self) -> str:
        """Returns the plan as lines of text: each target, and below each node those that it read.

        A node with several readers is written once in full.
        """
        return "\n".join(self._lines) + "\n"

    def _sheet(self) -> Sheet:
        return super()._sheet() if self else Sheet([Line("the recording knows none of the nodes")])


@frozen(eq=False)
class Replacing:
    """The tweaks that would be in force in a replay."""

    nodes: Mapping[Entry, tuple[str, bool]]
    """By entry: the text of the tweak, and whether the node beneath it is asked for."""
    functions: Mapping[str, tuple[str, bool]]
    """The same by the name of a function."""

    def find(self, entry: Entry) -> tuple[str, bool] | None:
        """Returns the tweak that a node meets."""
        return self.nodes.get(entry) or self.functions.get(entry.name[0])


def make_plan(trace: Trace, targets: Sequence[Entry], served: Served, replacing: Replacing) -> ReplayPlan:
    """Returns the plan for asking for some entries.

    Complexity: linear in the nodes and edges of the trace below them.
    """

    def is_leaf(entry: Entry) -> bool:
        tweak = replacing.find(entry)
        return served.covers(entry) if tweak is None or tweak[1] else True

    entries = trace.walk(targets, is_leaf)
    steps = {entry: _make_step(trace, entry, served, replacing.find(entry)) for entry in entries}
    read = {one for entry in entries if not is_leaf(entry) for one in trace.reads_of(entry)}
    tops = [entry for entry in dict.fromkeys(targets) if entry not in read] or list(dict.fromkeys(targets))
    return ReplayPlan([steps[entry] for entry in _sort(trace, steps, tops)], list(_write(trace, steps, tops)))


def _make_step(trace: Trace, entry: Entry, served: Served, tweak: tuple[str, bool] | None) -> Step:
    node = entry.find_node() or entry.text
    if tweak is not None and not tweak[1]:
        return Step(node, REPLACED, tweak[0])
    if tweak is not None:
        beneath = _make_step(trace, entry, served, None)
        return evolve(beneath, reason=", ".join([*([beneath.reason] if beneath.reason else []), f"then {tweak[0]}"]))
    if served.covers(entry):
        return Step(node, RECORDED, _tell_given(trace, entry))
    if served.is_needed(entry):
        return Step(node, MISSING, served.tell_gap(entry))
    return Step(node, RUNS, "" if entry.line else "the recording does not know what it reads")


def _tell_given(trace: Trace, entry: Entry) -> str:
    items = entry.items
    if items is not None:
        return f"{count(len(items.pieces), 'item')}{'' if items.end is not None else ', and not its end'}"
    return trace.text_of(entry)


def _leads(trace: Trace, steps: dict[Entry, Step], entry: Entry) -> list[Entry]:
    return [] if steps[entry].how in {RECORDED, REPLACED} else [one for one in trace.reads_of(entry) if one in steps]


def _sort(trace: Trace, steps: dict[Entry, Step], tops: Sequence[Entry]) -> Iterator[Entry]:
    """Yields the entries, each after what it reads; without recursion, as chains are long."""
    opened: set[Entry] = set()
    for top in tops:
        if top in opened:
            continue
        opened.add(top)
        stack = [(top, iter(_leads(trace, steps, top)))]
        while stack:
            entry, reads = stack[-1]
            for read in reads:
                if read not in opened:
                    opened.add(read)
                    stack.append((read, iter(_leads(trace, steps, read))))
                    break
            else:
                stack.pop()
                yield entry


def _write(trace: Trace, steps: dict[Entry, Step], tops: Sequence[Entry]) -> Iterator[str]:
    """Yields a line for each entry below its first reader, and a short one below each other."""
    seen: set[Entry] = set()
    pending = [(entry, "", "") for entry in reversed(tops)]
    while pending:
        entry, before, indent = pending.pop()
        step = steps[entry]
        name = drop_main(entry.text)
        if entry in seen:
            yield f"{before}also {name}"
            continue
        seen.add(entry)
        yield f"{before}{name}: {step.how}{f', {step.reason}' if step.reason else ''}"
        reads = _leads(trace, steps, entry)
        for place, read in reversed(list(enumerate(reads))):
            is_last = place == len(reads) - 1
            branch, bar = ("└── ", "    ") if is_last else ("├── ", "│   ")
            pending.append((read, indent + branch, indent + bar))
