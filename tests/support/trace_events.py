"""`read_trace` reads trace events and holds them against the rules of their format; `Bar`, one of them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, NamedTuple


class Bar(NamedTuple):
    """A complete event, and the names of those around it, the outermost first."""

    name: str
    start: float
    end: float
    row: str
    around: tuple[str, ...]
    said: dict[str, Any]


def read_trace(text: str) -> dict[str, Bar]:
    """Return the bars by their names, in the order of the file; refuse what a reader of the format might refuse."""
    events = json.loads(text)["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["ph"] == "M" and event["name"] == "thread_name"}
    opened: dict[int, list[tuple[str, float]]] = defaultdict(list)
    bars: dict[str, Bar] = {}
    last = 0.0
    for event in events:
        assert type(event["pid"]) is type(event["tid"]) is int
        assert isinstance(event["name"], str)
        assert event["ph"] in ("X", "M"), event
        if event["ph"] == "M":
            continue
        start, end = event["ts"], event["ts"] + event["dur"]
        assert last <= start <= end, event
        assert event["tid"] in names, event
        last = start
        around = opened[event["tid"]]
        while around and around[-1][1] <= start and (around[-1][1] < end or start == end):
            around.pop()
        assert not around or end <= around[-1][1], (event, around)
        bars[event["name"]] = Bar(
            event["name"], start, end, names[event["tid"]], tuple(name for name, _ in around), event["args"]
        )
        around.append((event["name"], end))
    return bars
