"""A `dug.live.Live` on a page: `LiveSubject`, the nodes of its last tick; `Ticking`, its outputs, its inputs and its counters.

Both ask what the `Live` says of itself: that takes no tick, and runs nothing.

`_tell_output` and `_tell_inputs` are the rows.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from .._functions.proxy import show_key
from .._text.counts import count
from .._text.values import describe_error, drop_main, show_whole
from ..live import Counters, InputCounters, Live, LiveOutput
from ._panel import MovingPanel
from ._rates import Rates, write_rate
from ._sheets import MOST_ROWS, Part, tell_line, tell_table
from ._subjects import ContextSubject
from ._taken import Taken

_LENGTH = 200
"""How many characters of a value are shown."""
_COUNTED = ("ticks", "pushes", "pushed", "conflated", "dropped", "dropped_ticks", "refreshed", "skipped")


class LiveSubject(ContextSubject):
    """The context of a `Live`, as its last tick left it."""

    kind = "live"

    def __init__(self, live: Live) -> None:
        super().__init__(live.context)
        self.live = live

    @property
    def title(self) -> str:
        return repr(self.live)[1:-1]


class Ticking(MovingPanel):
    """How a `Live` ticks: ``live``."""

    name, title = "live", "Live"

    def __init__(self, live: Live) -> None:
        self._live = live
        self._rates = Rates()

    def look(self, taken: Taken, before: Sequence[Part]) -> list[Part]:  # noqa: ARG002  it tells all anew
        live, find_name = self._live, taken.find_name
        counters, outputs = live.counters, live.outputs
        told = [name for name in _COUNTED if name != "ticks"]
        counted: dict[Hashable, int] = {name: getattr(counters, name) for name in _COUNTED}
        rates = self._rates.look({**counted, **{output: output.counters.refreshed for output in outputs}})
        columns = ["output", "value", "state", "of tick", "behind", "a second", "refreshed", "skipped", "every"]
        shown = tell_table(
            columns, [_tell_output(one, live.tick, rates) for one in outputs[:MOST_ROWS]], find_name, title="Outputs",
            more=_say_more(len(outputs)),
        )  # fmt: skip
        for row, output in zip(shown["rows"], outputs, strict=False):
            if output.last is not None and output.last.error is not None:
                row["cells"][1]["class"] = "failed"
        rows = [[name.replace("_", " "), f"{counted[name]:,}", write_rate(rates.get(name))] for name in told]
        return [
            tell_line(_say(live, rates.get("ticks"))),
            shown,
            self._tell_inputs(counters, find_name),
            tell_table(["counted", "so far", "a second"], rows, find_name, title="Counters"),
        ]

    def _tell_inputs(self, counters: Counters, find_name: Any) -> Part:
        given, fed = self._live.inputs, self._live.fed
        keys = dict.fromkeys([*given, *counters.inputs])
        columns = ["input", "value", "pushed", "conflated", "dropped", "feeds"]
        rows = _tell_inputs(list(islice(keys, MOST_ROWS)), given, counters.inputs, fed)
        return tell_table(columns, rows, find_name, title="Inputs", more=_say_more(len(keys)))

    def is_busy(self, query: Mapping[str, str]) -> bool:  # noqa: ARG002  its counters move whatever is asked
        return not self._live.is_closed


def _say(live: Live, rate: float | None) -> str:
    """Returns how far a `Live` is, in one line."""
    pace = "" if rate is None else f", {write_rate(rate)} a second"
    room = "" if live.policy == "latest" else f" of at most {live.size:,}"
    mixed = f", {count(live.fed.count(None), 'feed')} of several inputs" if None in live.fed else ""
    closed = ", closed" if live.is_closed else ""
    return f"tick {live.tick:,}{pace}; {count(live.pending, 'tick')}{room} pending, policy {live.policy!r}{mixed}{closed}"


def _tell_output(output: LiveOutput[Any], tick: int, rates: Mapping[Hashable, float]) -> list[str]:
    last, counters, state = output.last, output.counters, output.state
    value = at = behind = ""
    if last is not None:
        value = show_whole(last.value, _LENGTH) if last.error is None else describe_error(last.error)
        at = f"{last.tick:,}"
        behind = "" if state == "reads" else f"{max(0, tick - last.tick):,}"  # that of a stream is of the tick that gave it
    every = f"{output.every:g} s" if output.every else ""
    pace, refreshed, skipped = write_rate(rates.get(output)), f"{counters.refreshed:,}", f"{counters.skipped:,}"
    return [drop_main(show_key(output.node)), value, state, at, behind, pace, refreshed, skipped, every]


def _tell_inputs(
    keys: Sequence[Any], given: Mapping[Any, Any], counted: Mapping[Any, InputCounters], fed: Sequence[Any]
) -> Iterator[list[str]]:
    for key in keys:
        counters = counted.get(key, InputCounters())
        value = show_whole(given[key], _LENGTH) if key in given else "as its function gives it"
        numbers = [f"{number:,}" for number in (counters.pushed, counters.conflated, counters.dropped)]
        yield [drop_main(show_key(key)), value, *numbers, str(fed.count(key) or "")]


def _say_more(number: int) -> str:
    return f"{number - MOST_ROWS:,} more" if number > MOST_ROWS else ""
