"""A running flow on a page: `FlowSubject`, the nodes of its run; `Running`, its graph with rates and lag on the lines, and marks.

The run is held weakly: a page that is open keeps no stream going.  Looking reads tapes as they are, and starts none.

`FlowRun` is what is asked of the run; `_draw` makes the graph, `_tabulate` the tables, `_count` counts items given and taken.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol
from weakref import ref

from .._contexts.context import Context
from .._core.read import Node
from .._text.palette import LOOKS
from .._text.values import shorten, visible
from ._layers import arrange
from ._panel import MovingPanel
from ._pictures import MOST_BOXES
from ._rates import Rates, write_rate
from ._sheets import MOST_ROWS, Part, tell_line, tell_table
from ._subjects import ContextSubject
from ._taken import Taken
from ._texts import LONGEST_NAME, clean

_LAST = 20
"""How many marks of each stream are listed."""
_SHORT = 33
"""How many characters of an error are in a box."""
_OVER = "Nobody has the run any more, so it is over. This is how it was when it was looked at last."
_COLUMNS = ("name", "state", "items", "a second", "behind", "marks", "reads", "error")


class FlowRun(Protocol):
    """What a page asks of a `dug.flow.RunningFlow`; flows stand on many floors, so that a page does not import them."""

    @property
    def context(self) -> Context:
        """The context of the run."""
        ...

    @property
    def is_closed(self) -> bool:
        """True once the run was ended."""
        ...

    def node(self, name: str) -> Node[Any]:
        """Returns the node of a name."""
        ...

    def graph(self) -> Any:
        """Returns the wiring, with how far each name has come."""
        ...

    def marks(self, last: int = 20) -> Any:
        """Returns the marks of each stream."""
        ...


class FlowSubject(ContextSubject):
    """The context of a run of a flow."""

    kind = "flow run"

    def __init__(self, run: FlowRun) -> None:
        super().__init__(run.context)
        self._title = repr(run)[1:-1]

    @property
    def title(self) -> str:
        return self._title


class Running(MovingPanel):
    """How far a run has come: ``flow``."""

    name, title = "flow", "Flow"

    def __init__(self, run: FlowRun) -> None:
        self._run = ref(run)
        self._rates = Rates()
        self._goes_on = True

    def look(self, taken: Taken, before: Sequence[Part]) -> Sequence[Part]:
        run = self._run()
        if run is not None:
            return self._look(run, taken)
        self._goes_on = False
        over = tell_line(_OVER)
        return before if before[:1] == [over] else [over, *before]

    def _look(self, run: FlowRun, taken: Taken) -> list[Part]:
        graph = run.graph()
        rates = self._rates.look(_count(graph))
        names = {name: _find_name(taken, run.node(name)) for name in graph.nodes}
        states = Counter(state.state for state in graph.states)
        self._goes_on = not run.is_closed and states["open"] > 0
        said = [f"{states[state]:,} {state}" for state in LOOKS if states[state]]
        closed = ["closed"] if run.is_closed else []
        marks = [(mark.name, f"{mark.number:,}", f"{mark.start:,}", ", ".join(mark.reads)) for mark in run.marks(_LAST)]
        listed = tell_table(("name", "mark", "from item", "rests on"), marks, taken.find_name, more=_say_more(len(marks)))
        return [
            tell_line(", ".join(said + closed)),
            _draw(graph, rates, names),
            _tabulate(graph, rates, names, taken),
            {"kind": "folded", "title": f"Marks, the last {_LAST} of each stream", "parts": [listed]},
        ]

    def is_busy(self, query: Mapping[str, str]) -> bool:  # noqa: ARG002  it may go on whatever is asked
        return self._goes_on


def _find_name(taken: Taken, node: Node[Any]) -> str | None:
    """Returns the name in an address of a node; None if the page does not have it."""
    place = taken.find_place(node)
    return None if place is None else taken.refer_to(place)["name"]


def _count(graph: Any) -> dict[Hashable, int]:
    """Returns how many items each name has given, and how many of them each reader has taken."""
    counts: dict[Hashable, int] = {}
    for state in graph.states:
        if state.items is not None:
            counts[state.name] = state.items
            counts.update({(state.name, reader): state.items - behind for reader, behind in state.behind.items()})
    return counts


def _draw(graph: Any, rates: Mapping[Hashable, float], names: Mapping[str, str | None]) -> Part:
    """Returns the picture; words on a line say how many items a second its reader takes, and how many it has not taken yet."""
    if len(graph) > MOST_BOXES:
        return tell_line(f"{len(graph):,} names are too many for a picture.")
    order, states = graph.order, {state.name: state for state in graph.states}
    places = arrange(order, {name: graph.dependencies(name) for name in order})
    numbers = {name: str(number) for number, name in enumerate(order)}
    boxes = [
        {
            "name": numbers[name],
            "node": names[name],
            "text": clean(name, LONGEST_NAME),
            "state": states[name].state,
            "note": clean(_note(states[name], rates.get(name)), LONGEST_NAME),
            "column": places[name][0],
            "row": places[name][1],
        }
        for name in order
    ]
    lines = [
        [numbers[read], numbers[name], ", ".join(filter(None, [_pace(rates.get((read, name))), graph.word_on(read, name)]))]
        for name in order
        for read in graph.dependencies(name)
    ]
    return {"kind": "picture", "title": "How far it has come", "boxes": boxes, "lines": lines}


def _note(state: Any, rate: float | None) -> str:
    """Returns the words in a box under its name."""
    if state.error is not None:
        return visible(shorten(state.error, _SHORT))
    items = "" if state.items is None else f", {state.items:,} item{'' if state.items == 1 else 's'}"
    pace = f", {_pace(rate)}" if rate is not None and state.state == "open" else ""
    return f"{state.state}{items}{pace}"


def _pace(rate: float | None) -> str:
    return "" if rate is None else f"{write_rate(rate)} a second"


def _tabulate(graph: Any, rates: Mapping[Hashable, float], names: Mapping[str, str | None], taken: Taken) -> Part:
    states = graph.states[:MOST_ROWS]
    rows = [
        (
            state.name,
            state.state,
            "" if state.items is None else f"{state.items:,}",
            write_rate(rates.get(state.name)) if state.state == "open" else "",
            f"{max(state.behind.values()):,}" if state.behind else "",
            "" if state.marks is None else f"{state.marks:,}",
            ", ".join(state.reads),
            state.error or "",
        )
        for state in states
    ]
    table = tell_table(_COLUMNS, rows, taken.find_name, title="Streams", more=_say_more(len(graph)))
    for row, state in zip(table["rows"], states, strict=True):
        row["cells"][0].pop("name", None)  # a name of the flow may have the text of another node
        if names[state.name] is not None:
            row["cells"][0]["name"] = names[state.name]
        if state.state == "failed":
            row["cells"][1]["class"] = row["cells"][-1]["class"] = "failed"
    return table


def _say_more(number: int) -> str:
    return f"{number - MOST_ROWS:,} more" if number > MOST_ROWS else ""
