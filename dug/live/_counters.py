"""What a `Live` has counted so far, as values: `Counters` of all of it; `InputCounters` and `OutputCounters` of one node.

`_tabulate` makes the table that is shown.
"""

from collections.abc import Mapping
from typing import Any

from attrs import asdict, field, fields, frozen

from .._core.read import Node
from .._functions.proxy import show_key
from .._inspect.table import make_rows
from .._text.sheet import Line, Rows, Sheet
from .._text.shown import Shown


@frozen
class InputCounters:
    """What became of the values that were pushed for one node."""

    pushed: int = 0
    """How many values were pushed."""
    conflated: int = 0
    """How many were in no tick, because a later one replaced them while they waited."""
    dropped: int = 0
    """How many of these were in a tick that was dropped."""


@frozen
class OutputCounters:
    """How often one output was asked for."""

    refreshed: int = 0
    """How often its value, or an error, was there."""
    skipped: int = 0
    """How many ticks it was not asked for in."""
    behind: int = 0
    """How many ticks had come, when its last value was there, since the one that it was made from."""


@frozen
class Counters(Shown):
    """What a `Live` has counted so far."""

    pushes: int
    """How many pushes were taken in; the three that follow count the values in them, as those of each input do."""
    pushed: int
    """How many values were pushed."""
    conflated: int
    """How many of these were in no tick, because a later one of the same node replaced them while they waited."""
    dropped: int
    """How many of the conflated ones were in a tick that was dropped."""
    ticks: int
    """How many ticks there were."""
    dropped_ticks: int
    """How many ticks were dropped, as too many waited."""
    refreshed: int
    """How often the value of an output, or its error, was there; all outputs together."""
    skipped: int
    """How many ticks outputs were not asked for in; all outputs together."""
    behind: int
    """How many ticks the output that is furthest behind was behind, when its last value was there."""
    inputs: Mapping[Any, InputCounters] = field(repr=False)
    """By what was pushed for: a node, or a function that was replaced."""
    outputs: Mapping[Node[Any], OutputCounters] = field(repr=False)
    """By node."""

    def _sheet(self) -> Sheet:
        counted = {name: value for name, value in asdict(self, recurse=False).items() if isinstance(value, int)}
        rows = [[name.replace("_", " "), f"{value:,}"] for name, value in counted.items()]
        parts = [_tabulate("input", InputCounters, self.inputs), _tabulate("output", OutputCounters, self.outputs)]
        return Sheet([Line("dug.live.Counters", is_title=True), Rows(["counter", "so far"], rows), *parts])


def _tabulate(what: str, kind: type[Any], counted: Mapping[Any, Any]) -> Rows | Line:
    """Returns a table of what was counted by node."""
    if not counted:
        return Line(f"nothing was counted of an {what}")
    names = [one.name for one in fields(kind)]
    rows = ([show_key(node), *[f"{getattr(one, name):,}" for name in names]] for node, one in counted.items())
    return make_rows([what, *names], rows, len(counted))
