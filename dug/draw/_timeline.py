"""Lays the runs of a graph along a line of time, from how long each took: `timeline`.

A graph knows how long a run took, with and without its callees, and not when it began nor which of its readers began it.  So the
place of a bar is a reconstruction: a node lies in the first reader whose run had time for it, and the bars of one run follow each
other in the order of its reads.  Where the runs below overlapped (the run by itself took nothing), those that do not fit
behind each other begin together.  The width of a bar is what was measured.

`_Run` is a node that ran; `_collect` and `_choose` find in which reader each lies, `_lay_out` and `_make_bar` place the bars.
"""

from collections.abc import Sequence

from attrs import define, field

from ._drawable import Described, Drawable
from ._trace_events import Bar, order_bars, read_seconds, to_ticks, write_trace

LAYOUT = (
    "reconstructed: widths are measured seconds; a run lies in the first reader that had time for it, and beside the others in "
    "the order of reads. When a run began, in which thread, and what overlapped in part is not known."
)
_RAN = frozenset({"computed", "inherited", "failed", "tweaked"})


@define(eq=False)
class _Run:
    """A node that ran, with the runs that lie in it."""

    fact: Described
    width: int
    """What was measured, in ticks."""
    reach: int
    """How wide it is drawn: wider than measured by what rounding adds."""
    children: list[int] = field(factory=list)
    is_inside: bool = False
    readers: int = 0


def timeline(graph: Drawable, *, title: str = "dug") -> str:
    """Returns the runs of a graph as trace events of Chrome, as JSON text: for Perfetto, speedscope and the like.

    A node is one bar, as wide as its run took; who read its value later has none of it.  Nodes that did not run have no bar.
    A graph does not know when a run began: the order of the bars, and which of several readers has a run in it, are
    reconstructed, and the text says so.  A recording has real times, see `dug.replay.Recording.timeline`.

    Args:
        graph: the graph of a context or of a file.
        title: what the runs are called.

    Complexity: O(n log n) in nodes and reads.

    .. versionadded:: 0.1.0
    """
    runs = _collect(graph)
    bars = _lay_out(runs)
    return write_trace(bars, title=f"{title} (reconstructed: start times are not known)", said={"layout": LAYOUT})


def _collect(graph: Drawable) -> list[_Run]:
    """Returns the runs, each with those that lie in it; dependencies come first."""
    facts = {fact.node: fact for fact in graph.facts}
    runs: list[_Run] = []
    places: dict[object, int] = {}
    for node in graph:
        fact = facts[node]
        if fact.state not in _RAN or (fact.state == "tweaked" and not fact.seconds):  # one that is tweaked to a value
            continue
        seconds, own = read_seconds(fact.seconds), read_seconds(fact.own_seconds)
        width = to_ticks(seconds)
        reads = [places[read] for read in graph.dependencies(node) if read in places]
        for read in reads:
            runs[read].readers += 1
        children = _choose(runs, reads, width - to_ticks(own), is_one_by_one=own > 0)
        below = [runs[read].reach for read in children]
        places[node] = len(runs)
        runs.append(_Run(fact, width, max([width, sum(below)] if own > 0 else [width, *below]), children))
    return runs


def _choose(runs: Sequence[_Run], reads: Sequence[int], room: int, *, is_one_by_one: bool) -> list[int]:
    """Returns which of the nodes that a run read lie in it: those that are in no other, as far as it had time for them."""
    left = room + len(reads)  # one tick each for rounding
    fits = set()
    for read in sorted(reads, key=lambda read: -runs[read].width):
        run = runs[read]
        if not run.is_inside and run.width <= left:
            run.is_inside = True
            fits.add(read)
            left -= run.width if is_one_by_one else 0
    return [read for read in reads if read in fits]


def _lay_out(runs: Sequence[_Run]) -> list[Bar]:
    """Returns the bars: those that lie in no other behind each other, and inside of each its own."""
    bars: list[Bar] = []
    keys: list[tuple[int, int]] = []
    at = 0
    for place, root in enumerate(runs):
        if root.is_inside:
            continue
        pending: list[tuple[int, int, int | None]] = [(place, at, None)]
        at += root.reach
        while pending:  # without recursion, as chains are long
            one, start, around = pending.pop()
            run = runs[one]
            keys.append((start, len(bars)))
            bars.append(_make_bar(run, start, around))
            pending.extend(reversed(_place_children(runs, run, start, len(bars) - 1)))
    return list(order_bars(bars, keys))


def _place_children(runs: Sequence[_Run], run: _Run, start: int, around: int) -> list[tuple[int, int, int | None]]:
    placed: list[tuple[int, int, int | None]] = []
    at = start
    for child in run.children:
        if at + runs[child].reach > start + run.reach:
            at = start
        placed.append((child, at, around))
        at += runs[child].reach
    return placed


def _make_bar(run: _Run, start: int, around: int | None) -> Bar:
    fact = run.fact
    said: dict[str, object] = {"own_seconds": round(read_seconds(fact.own_seconds), 9), "read_by": run.readers}
    if fact.state != "computed":
        said["state"] = fact.state
    if fact.is_source:
        said["source"] = True
    if fact.error is not None:
        said["error"] = fact.error
    return Bar(str(fact.node), fact.function, start, start + run.reach, around, "", said)
