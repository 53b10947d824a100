"""Writes runs as the trace events of Chrome, which Perfetto and speedscope open: `write_trace`, of `Bar`s along a line of time.

Times are whole ticks of an eighth of a microsecond: sums of these are exact in the floats of every reader, so that no rounding
makes a bar stand out of the one around it.  A bar lies within another one only where that node read it; what overlaps otherwise
has a row of its own.  Only complete events (``X``) and names (``M``) are written, as some readers know no others.

`_find_rows` and `_Rows` give each bar its row, `_write_bar` and `_write_meta` write an event, `read_seconds` and `to_ticks` read
times, `order_bars` sorts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

from attrs import define, field

from .._text.values import shorten

TICKS = 8_000_000
"""How many ticks there are in a second."""
_LONGEST = 1_000
"""How many characters of a text are written."""
_PID = 1
_MOST_SECONDS = 1e9
"""30 years: more would not be exact any more."""


@define(eq=False)
class Bar:
    """A run, from one tick to another."""

    name: str
    function: str
    start: int
    end: int
    around: int | None = None
    """The place of the run that it belongs into, if one is known."""
    track: str = ""
    """The thread; empty if none is known."""
    said: dict[str, object] = field(factory=dict)
    """What a reader shows of it when it is picked."""


def read_seconds(said: object) -> float:
    """Returns seconds as a file says them; 0 for anything else, as a file may say anything."""
    return said if isinstance(said, (int, float)) and 0 <= said <= _MOST_SECONDS else 0.0


def to_ticks(seconds: float) -> int:
    """Returns seconds as ticks."""
    return round(seconds * TICKS)


def write_trace(bars: Sequence[Bar], *, title: str, said: Mapping[str, object]) -> str:
    """Returns bars as JSON; they are in the order of their starts, each after the one around it.

    Complexity: O(bars log bars).
    """
    rows = _find_rows(bars)
    numbers = {row: number for number, row in enumerate(sorted(set(rows)), 1)}
    events = [_write_meta("process_name", 0, {"name": _make_plain(title)})]
    for (track, row), number in numbers.items():
        name = f"{track or 'runs'}{'' if not row else f', at the same time {row + 1}'}"
        events.append(_write_meta("thread_name", number, {"name": name}))
        events.append(_write_meta("thread_sort_index", number, {"sort_index": number}))
    events += [_write_bar(bar, numbers[row]) for bar, row in zip(bars, rows, strict=True)]
    lines = ",\n".join(events)
    about = _write({"made by": "dug", **said})
    return f'{{"displayTimeUnit": "ms",\n"otherData": {about},\n"traceEvents": [\n{lines}\n]}}\n'


def _find_rows(bars: Sequence[Bar]) -> list[tuple[str, int]]:
    """Returns the track and the row of each bar: that of the bar around where that is the last one open, else a free one."""
    found: list[tuple[str, int]] = []
    open_bars: dict[tuple[str, int], list[int]] = {}
    tracks: dict[str, _Rows] = {}
    for place, bar in enumerate(bars):
        row = None if bar.around is None else found[bar.around]
        if row is None or row[0] != bar.track or not _is_last_open(bars, open_bars[row], bar):
            row = bar.track, tracks.setdefault(bar.track, _Rows()).take(bar.start, bar.end)
            open_bars[row] = []
        open_bars[row].append(place)
        found.append(row)
    return found


def _is_last_open(bars: Sequence[Bar], opened: list[int], bar: Bar) -> bool:
    """True when the bar around a bar is the innermost one that is open at its start, and lasts until its end."""
    while opened and opened[-1] != bar.around and bars[opened[-1]].end <= bar.start:
        opened.pop()
    return bool(opened) and opened[-1] == bar.around and bars[opened[-1]].end >= bar.end


class _Rows:
    """The rows of one track: which are free, and until when the others are taken."""

    def __init__(self) -> None:
        self._taken: list[tuple[int, int]] = []
        self._free: list[int] = []
        self._count = 0

    def take(self, start: int, end: int) -> int:
        """Returns the first row that is free at `start`, and takes it until `end`."""
        while self._taken and self._taken[0][0] <= start:
            heappush(self._free, heappop(self._taken)[1])
        if not self._free:
            self._free.append(self._count)
            self._count += 1
        row = heappop(self._free)
        heappush(self._taken, (end, row))
        return row


def _write_bar(bar: Bar, number: int) -> str:
    event = {
        "name": _make_plain(bar.name),
        "cat": _make_plain(bar.function),
        "ph": "X",
        "ts": bar.start / 8,
        "dur": (bar.end - bar.start) / 8,
        "pid": _PID,
        "tid": number,
        "args": {name: _make_plain(value) if isinstance(value, str) else value for name, value in bar.said.items()},
    }
    return _write(event)


def _write_meta(kind: str, number: int, said: Mapping[str, object]) -> str:
    return _write({"name": kind, "ph": "M", "pid": _PID, "tid": number, "args": said})


def _make_plain(text: str) -> str:
    """Returns a text that is not too long, and that every reader of JSON takes."""
    return shorten(text, _LONGEST).encode("utf-8", "replace").decode("utf-8")


def _write(event: Mapping[str, Any]) -> str:
    return json.dumps(event)


def order_bars(bars: Sequence[Bar], keys: Sequence[Any]) -> Iterator[Bar]:
    """Yields bars sorted by keys; the place of the bar around each becomes that in the new order."""
    order = sorted(range(len(bars)), key=keys.__getitem__)
    places = {old: new for new, old in enumerate(order)}
    for old in order:
        bar = bars[old]
        bar.around = None if bar.around is None else places[bar.around]
        yield bar
