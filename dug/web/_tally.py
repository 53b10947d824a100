"""`Tally` counts the results of a sweep, each once, however often somebody looks: failures, retries, and who computed what."""

from typing import Any

from attrs import define, field

from .._inspect.context_details import read_number
from .._sweeps.levels import target_label
from .._sweeps.results import Result
from .._sweeps.standing import Standing
from .._text.differences import tell_difference
from .._text.values import describe_error, number_alike

HERE = "this process"


@define(eq=False)
class Worker:
    """What one process computed."""

    scenarios: int = 0
    failed: int = 0
    runs: int = 0
    seconds: float = 0.0


@define(eq=False)
class Tally:
    """What has become of the scenarios of a sweep."""

    _sweep: Any
    results: list[Result[Any]] = field(factory=list)
    failed: list[int] = field(factory=list)
    """The places of the results in which a target failed."""
    retried: int = 0
    """How many results there are of scenarios that were sent more than once."""
    workers: dict[str, Worker] = field(factory=dict)
    errors: dict[str, list[int]] = field(factory=dict)
    """By the text of an error, the places of the results that have it."""
    _labels: dict[Any, str] = field(factory=dict)

    def follow(self) -> Standing:
        """Takes what is new, and returns how the sweep stands."""
        standing: Standing = self._sweep._stand(len(self.results))
        for result in standing.results:
            self._count(result)
        return standing

    @property
    def labels(self) -> dict[Any, str]:
        """The text of each target."""
        if not self._labels:
            nodes = self._sweep._targets.nodes
            self._labels = dict(zip(nodes, number_alike(list(map(target_label, nodes))), strict=True))
        return self._labels

    def _count(self, result: Result[Any]) -> None:
        place, failures = len(self.results), result._failures
        worker = self.workers.setdefault(result.worker or HERE, Worker())
        worker.scenarios += 1
        worker.runs += result.recomputed
        worker.seconds += result.seconds
        self.retried += result.attempts > 1
        if failures:
            worker.failed += 1
            self.failed.append(place)
        for text in dict.fromkeys([describe_error(failure.error) for failure in failures.values()]):
            self.errors.setdefault(text, []).append(place)
        self.results.append(result)

    def find_base(self, place: int) -> Result[Any] | None:
        """Returns the base of a result, if it is known."""
        base: Result[Any] | None = self._sweep._see_base(self.results[place])
        return base

    def find_move(self, place: int, label: Any) -> float | None:
        """Returns how far a target moved from its base, where both are numbers."""
        base = self.find_base(place)
        pair = [None if one is None else read_number(one.values.get(label)) for one in (base, self.results[place])]
        return None if pair[0] is None or pair[1] is None else pair[1] - pair[0]

    def tell_change(self, place: int, label: Any) -> str:
        """Returns how a target differs from its base; nothing where nobody can say."""
        move = self.find_move(place, label)
        if move is not None:
            return f"{move:+.4g}" if move else "0"
        base, result = self.find_base(place), self.results[place]
        if base is None or label not in base.values or label not in result.values:
            return ""
        return tell_difference(base.values[label], result.values[label])
