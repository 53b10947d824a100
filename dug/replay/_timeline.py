"""Lays the runs of a recording along a line of time, by when they ended and how long they took: `make_timeline`.

Each run is noted by the thread that it ended in, after the runs that it led to, so what read a run and lasted longer is around
it.  How long a run took is exact; that it ended was noticed a little later, so that it seems to begin later, too.  Where a run
stands out of the one around it for that reason, or into the next one of a thread that can have no two at a time, it is cut.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from ..draw._trace_events import TICKS, Bar, order_bars, to_ticks, write_trace
from ._errors import RecordingError
from ._log import Line, read_log
from ._trace import Trace

LAYOUT = "measured: when each run ended, how long it took, and in which thread, as the recording noted them."
_SLACK = TICKS // 100
"""How much later the end of one run was noticed than that of another, in ticks, at the most."""
_MOST_TRIED = 64
"""How many readers of one run are looked at, those first that ended soonest after it."""


def make_timeline(trace: Trace) -> str:
    """Returns the runs of a recording as trace events of Chrome, as JSON text.

    Complexity: O(n log n) in runs and reads.

    Raises:
        RecordingError: it has no run with a time.
    """
    lines = _read_runs(trace)
    if not lines:
        what = "no run of which a time is known: nothing ran while it was made, or an earlier dug wrote it"
        raise RecordingError(f"{trace.path} has {what}. Record anew: dug record module:function --to FILE.")
    bars = [_make_bar(trace, line) for line in lines]
    _nest(bars, lines)
    _part([bar for bar, line in zip(bars, lines, strict=True) if not line.get("task")])
    keys = [(bar.start, -bar.end, -place) for place, bar in enumerate(bars)]
    return write_trace(list(order_bars(bars, keys)), title=trace.path.name, said={"layout": LAYOUT})


def _read_runs(trace: Trace) -> list[Line]:
    """Returns the lines of runs, sorted by their ends."""
    found: list[Line] = []
    reads: dict[int, Any] = {}
    for line, _ in read_log(trace.path):
        if line.get("is") == "memo":
            reads[line["n"]] = line.get("reads", ())
        if "took" in line and line.get("n") in trace.entries:
            found.append({"reads": reads.get(line["n"], ()), **line})
    return sorted(found, key=lambda line: float(line["ended"]))


def _make_bar(trace: Trace, line: Line) -> Bar:
    entry = trace.entries[line["n"]]
    end = max(0, to_ticks(line["ended"]))
    start = max(0, min(end, to_ticks(line["ended"] - line["took"])))
    said: dict[str, object] = {"state": "failed"} if "error" in line else {}
    if entry.is_source:
        said["source"] = True
    if "shown" in line:
        said["failed" if "error" in line else "value"] = str(line["shown"])
    return Bar(entry.text, entry.name[0], start, end, None, str(line["thread"]), said)


def _nest(bars: Sequence[Bar], lines: Sequence[Line]) -> None:
    """Finds the run around each one, from those that ended last to those within them, and cuts what stands out of it."""
    readers: dict[int, list[int]] = {}
    for place, line in enumerate(lines):
        for read in line["reads"]:
            readers.setdefault(read, []).append(place)
    for place in reversed(range(len(bars))):
        bar = bars[place]
        those = readers.get(lines[place]["n"], [])
        first = bisect_left(those, place)
        for reader in those[first : first + _MOST_TRIED]:
            around = bars[reader]
            if around.track == bar.track and around.start <= bar.start + _SLACK and around.start <= bar.end:
                bar.around, bar.start = reader, max(bar.start, around.start)
                break


def _part(bars: Sequence[Bar]) -> None:
    """Ends each run that no task had where the next one of its thread begins, unless that lies within it."""
    opened: dict[str, list[Bar]] = {}
    for bar in sorted(bars, key=lambda bar: (bar.start, -bar.end)):
        those = opened.setdefault(bar.track, [])
        while those and those[-1].end < bar.end:
            last = those.pop()
            last.end = min(last.end, bar.start)
        those.append(bar)
