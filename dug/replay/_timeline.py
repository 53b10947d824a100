"""Lays the runs of a recording along a line of time, by when they ended and how long they took: `make_timeline`.

Each run is noted by the thread that it ended in, after the runs that it led to.  How long it took is exact; that it ended was
noticed a little later, so that it seems to begin later, too.  So what lies in a run of a thread is told by how much of its time
it did not take itself; what lies in a run of a task, by what that read and when.

`_read_runs` reads the ends, `_nest` finds the run around each (`_adopt`, `_part`), `_make_bar` makes its bar.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from ..draw._trace_events import TICKS, Bar, order_bars, read_seconds, to_ticks, write_trace
from ._errors import RecordingError
from ._log import Line, read_log
from ._trace import Trace

LAYOUT = "measured: when each run ended, how long it took, and in which thread, as the recording noted them."
_SLACK = TICKS // 100
"""How much later the end of one run was noticed than that of another, in ticks, at the most."""
_ROUNDING = 1e-8
"""By how many seconds the times of runs may not add up, as they are written in whole nanoseconds."""
_PARTS = 5
"""What is written of a run: when it ended, how long it took, with and without those it led to, its thread, if in a task."""
_MOST = 1e18
"""More nanoseconds than any run takes."""
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
        number = line.get("n")
        if not isinstance(number, int) or number not in trace.entries:
            continue
        if line.get("is") == "memo":
            said = line.get("reads")
            reads[number] = [one for one in said if isinstance(one, int)] if isinstance(said, list) else []
        if "ran" in line:
            found.append({**line, **_read_run(line["ran"]), "reads": reads.get(number, ())})
    return sorted(found, key=lambda line: float(line["ended"]))


def _read_run(said: object) -> Line:
    """Returns the times of a run in seconds, its thread, and whether a task had it; a file may say anything."""
    parts = said if isinstance(said, list) and len(said) == _PARTS else [0] * _PARTS
    times = [read_seconds(one / 1e9) if isinstance(one, (int, float)) and abs(one) < _MOST else 0.0 for one in parts[:3]]
    return {**dict(zip(("ended", "took", "own"), times, strict=True)), "thread": parts[3], "task": bool(parts[4])}


def _make_bar(trace: Trace, line: Line) -> Bar:
    entry = trace.entries[line["n"]]
    end = to_ticks(line["ended"])
    start = max(0, min(end, to_ticks(line["ended"] - line["took"])))
    said: dict[str, object] = {"state": "failed"} if "error" in line else {}
    if entry.is_source:
        said["source"] = True
    if "shown" in line:
        said["failed" if "error" in line else "value"] = str(line["shown"])
    return Bar(entry.text, entry.name[0], start, end, None, str(line["thread"]), said)


def _nest(bars: Sequence[Bar], lines: Sequence[Line]) -> None:
    """Finds the run around each one, and begins that no later than what is in it."""
    roots: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        those = roots.setdefault(bars[place].track, [])
        if not line.get("task"):
            _adopt(bars, lines, place, those)
        those.append(place)
    readers: dict[int, list[int]] = {}
    for place, line in enumerate(lines):
        for read in line["reads"] if line.get("task") else ():
            readers.setdefault(read, []).append(place)
    for place, bar in enumerate(bars):
        those = readers.get(lines[place]["n"], []) if bar.around is None else []
        first = bisect_left(those, place)
        for reader in those[first : first + _MOST_TRIED]:
            around = bars[reader]
            if around.track == bar.track and around.start <= min(bar.start + _SLACK, bar.end):
                _put(bar, bars, reader)
                break


def _adopt(bars: Sequence[Bar], lines: Sequence[Line], place: int, roots: list[int]) -> None:
    """Puts into a run that no task had those that ended last in its thread before it, up to the time that it did not take itself.

    A thread ends such runs one in the other, and a run knows to a billionth of a second what those in it took.
    """
    line, bar = lines[place], bars[place]
    below, reads, width, end = line["took"] - line["own"], set(line["reads"]), bar.end - bar.start, 0
    while roots and below > _ROUNDING:
        last = bars[roots[-1]]
        took = lines[roots[-1]]["took"]
        if took > below + _ROUNDING or not (lines[roots[-1]]["n"] in reads or last.start >= bar.start):
            break
        _put(last, bars, place)
        below -= took
        end = max(end, last.end)
        roots.pop()
    bar.end = max(bar.start + width, end)


def _put(bar: Bar, bars: Sequence[Bar], around: int) -> None:
    bar.around = around
    bars[around].start = min(bar.start, bars[around].start)


def _part(bars: Sequence[Bar]) -> None:
    """Ends each run that no task had where the next one of its thread begins, unless that lies within it."""
    opened: dict[str, list[Bar]] = {}
    for bar in sorted(bars, key=lambda bar: (bar.start, -bar.end)):
        those = opened.setdefault(bar.track, [])
        while those and those[-1].end < bar.end:
            last = those.pop()
            last.end = min(last.end, bar.start)
        those.append(bar)
