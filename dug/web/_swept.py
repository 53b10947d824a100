"""`Swept`, the view of a sweep: how far it is, what runs, what failed, who computed what, and its results beside their bases.

It looks: no scenario is taken because somebody does.

Rows, pages of rows and texts of tweaks are told by `_tell_value`, `_tell_pages` and `_tell_tweaks`; the counting is in `_tally`.
`_Told` is what was told last.  `_tell_progress`, `_tell_workers`, `_tell_results` and `_tell_scenario` tell its parts, `_choose`
and `_list_choices` which values.  `_recall_results` tells results again when there are more, `_tabulate` makes rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any

from attrs import frozen

from .._inspect.record import tabulate_tweaks
from .._text.counts import count
from .._text.sheet import Sheet
from .._text.values import describe_error, in_seconds, show, show_str
from ._heat import tell_heat
from ._panel import Panel
from ._sheets import Cell, Part, tell_line, tell_links, tell_sheet, tell_table, tell_text
from ._taken import AskError, Taken, read_place
from ._tally import SweepRun, Tally
from ._texts import tell_time

_ROWS = 100
"""How many results are shown together."""
_LISTED = 20
"""How many running scenarios, errors and workers are listed."""
_TARGETS = 8
"""How many targets have columns."""
_PATIENCE = 9
"""How many times as long as telling the results took they stay as they are."""
_NAME = 120
"""How much of the name of a scenario is shown."""

Query = Mapping[str, str]


@frozen
class _Told:
    """What was told of the results last."""

    asked: Any
    results: int
    """How many there were."""
    parts: list[Part]
    rest_until: float


class Swept(Panel):
    """A sweep: ``sweep``, ``sweep?show=failed``, ``sweep?show=moved`` and, of one scenario, ``sweep?scenario=3``."""

    name, title = "sweep", "Sweep"
    is_first = True

    def __init__(self, sweep: SweepRun) -> None:
        self._tally = Tally(sweep)
        self._is_over = False
        self._told: _Told | None = None

    def tell(self, taken: Taken, query: Query) -> list[Part]:
        standing = self._tally.follow()
        self._is_over = standing.is_over
        if "scenario" in query:
            return self._tell_scenario(taken, read_place(query, "scenario", 0))
        return [*self._tell_progress(standing), *self._recall_results(standing, query), *self._tell_workers()]

    def is_busy(self, query: Query) -> bool:
        return not self._is_over and "scenario" not in query

    # How far it is

    def _tell_progress(self, standing: Any) -> Iterator[Part]:
        tally, done = self._tally, len(self._tally.results)
        total = done if standing.total is None and standing.is_over else standing.total
        yield {"kind": "meter", "label": "scenarios done", "done": done, "total": total}
        stages = [one.stage for one in standing.open]
        retried = tally.retried + sum(one.attempts > 1 for one in standing.open)
        counts = [len(tally.failed), retried, *(stages.count(stage) for stage in ("running", "computed", "waiting"))]
        left = "" if standing.seconds_left is None else tell_time(standing.seconds_left)
        cells = [*[f"{number:,}" for number in counts], tell_time(standing.seconds), left]
        yield tell_table(["failed", "retried", "running", "computed", "waiting", "took", "left"], [cells], _no_name)
        if standing.error:
            yield tell_text("The scenarios end with an error", standing.error)
        running = [one for one in standing.open if one.stage == "running"]
        if running:
            rows = [(show_str(one.name, _NAME), str(one.attempts)) for one in running[:_LISTED]]
            yield tell_table(["scenario", "attempt"], rows, _no_name, title="What runs now", more=_say_more(len(running)))
        if tally.errors:
            errors = [(self._link(places[0], text), f"{len(places):,}") for text, places in list(tally.errors.items())[:_LISTED]]
            more = _say_more(len(tally.errors))
            yield tell_table(["error", "scenarios"], errors, _no_name, title="What failed", more=more)

    def _tell_workers(self) -> Iterator[Part]:
        workers = self._tally.workers
        rows = [
            (name, f"{one.scenarios:,}", f"{one.failed:,}", f"{one.runs:,}", in_seconds(one.seconds))
            for name, one in list(workers.items())[:_LISTED]
        ]
        if rows:
            columns = ["worker", "scenarios", "failed", "runs", "computed for"]
            yield tell_table(columns, rows, _no_name, title="Who computed it", more=_say_more(len(workers)))

    # The results

    def _tell_results(self, standing: Any, query: Query) -> Iterator[Part]:
        tally = self._tally
        if not tally.results:
            yield tell_line("There are no results yet: scenarios run when the sweep is iterated.")
            return
        labels = list(tally.labels)
        target = min(read_place(query, "target", 0), len(labels) - 1)
        if standing.grid is not None and len(standing.grid.sizes) == 2:
            yield from tell_heat(tally, standing.grid, target, query)
        places = self._choose(query, labels[target])
        first = min(read_place(query, "first", 0), len(places))
        yield tell_links("sweep", self._list_choices(), {name: said for name, said in query.items() if name != "first"})
        yield self._tabulate(places[first : first + _ROWS], f"of {count(len(places), 'result')}" if places else "")
        yield from _tell_pages(query, first, len(places))
        if not any(tally.find_base(place) for place in places[first : first + _ROWS]):
            yield tell_line("Nobody has asked for the base yet, so there are no differences: sweep.base asks for it.")

    def _recall_results(self, standing: Any, query: Query) -> list[Part]:
        """Returns what is told of the results, again when there are more: at most a tenth of the time goes into that."""
        tally = self._tally
        has_base = bool(tally.results) and tally.find_base(len(tally.results) - 1) is not None
        asked = sorted(query.items()), standing.is_over, has_base
        begun = monotonic()
        told = self._told
        if told is None or told.asked != asked or (told.results < len(tally.results) and begun >= told.rest_until):
            parts, ended = list(self._tell_results(standing, query)), monotonic()
            self._told = told = _Told(asked, len(tally.results), parts, ended + _PATIENCE * (ended - begun))
        return told.parts

    def _choose(self, query: Query, label: Any) -> Sequence[int]:
        """Returns the places of the results to be shown."""
        tally = self._tally
        if query.get("show") == "failed":
            return tally.failed
        places = range(len(tally.results))
        if query.get("show") != "moved":
            return places
        return sorted(places, key=lambda place: -abs(tally.find_move(place, label) or 0.0))

    def _list_choices(self) -> Iterator[tuple[str, Query]]:
        yield "In their order", {}
        yield f"Failed ({len(self._tally.failed):,})", {"show": "failed"}
        for number, text in enumerate(list(self._tally.labels.values())[:_TARGETS]):
            yield f"Largest change of {text} first", {"show": "moved", "target": str(number)}

    def _tabulate(self, places: Sequence[int], more: str) -> Part:
        shown = dict(list(self._tally.labels.items())[:_TARGETS])
        columns = [column for text in shown.values() for column in (text, "change")]
        rows = [
            [
                self._link(place, show_str(self._tally.results[place].name, _NAME)),
                *[cell for label in shown for cell in self._tell_target(place, label)],
                f"{self._tally.results[place].recomputed:,}",
                in_seconds(self._tally.results[place].seconds),
            ]
            for place in places
        ]
        return tell_table(["scenario", *columns, "runs", "took"], rows, _no_name, title="Results", more=more)

    def _tell_target(self, place: int, label: Any) -> tuple[Any, str]:
        return _tell_value(self._tally.results[place], label), self._tally.tell_change(place, label)

    def _link(self, place: int, text: str) -> Cell:
        return Cell(text, self.name, {"scenario": str(place)})

    # One scenario

    def _tell_scenario(self, taken: Taken, place: int) -> list[Part]:
        tally = self._tally
        if place >= len(tally.results):
            raise AskError(404, f"scenario {place} has no result yet")
        result, base = tally.results[place], tally.find_base(place)
        rows = [
            (text, "" if base is None else show(base.values.get(label)), *self._tell_target(place, label))
            for label, text in tally.labels.items()
        ]
        where = f"at {result.worker}, " if result.worker else ""
        sent = f", sent {count(result.attempts, 'time')}" if result.attempts > 1 else ""
        said = f"{where}{count(result.recomputed, 'run')} in {in_seconds(result.seconds)}{sent}"
        return [
            tell_links(self.name, [("All scenarios", {})], {"scenario": ""}),
            {**tell_line(show_str(result.name, 1_000)), "is_title": True},
            tell_line(said),
            *_tell_tweaks(taken, result),
            tell_table(["target", "base", "value", "change"], rows, taken.find_name),
            *[tell_text(f"Traceback of {tally.labels[label]}", one.text) for label, one in result._failures.items()],
        ]


def _tell_value(result: Any, label: Any) -> Any:
    failure = result._failures.get(label)
    if failure is not None:
        return Cell(f"failed: {describe_error(failure.error)}", shade="failed")
    return show(result.values[label]) if label in result.values else ""


def _tell_tweaks(taken: Taken, result: Any) -> list[Part]:
    if result.scenario is None:
        return [tell_line("Its tweaks are not possible.")]
    tweaks = [tweak for layer in result.scenario.layers for tweak in layer.items()]
    return tell_sheet(Sheet([tabulate_tweaks(tweaks)]), taken.find_name) if tweaks else [tell_line("It has no tweaks.")]


def _tell_pages(query: Query, first: int, total: int) -> Iterator[Part]:
    pages = [("Those before", first - _ROWS), ("Those after", first + _ROWS)]
    choices = [(text, {**query, "first": str(max(0, place))}) for text, place in pages if -_ROWS < place < total]
    if choices:
        yield tell_line(f"{first + 1:,} to {min(total, first + _ROWS):,}")
        yield tell_links("sweep", choices, {})


def _say_more(total: int) -> str:
    return f"{total - _LISTED:,} more" if total > _LISTED else ""


def _no_name(text: str) -> None:  # noqa: ARG001  names of scenarios are not nodes
    return None
