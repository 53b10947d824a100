"""`Tally` counts the results of a sweep, each once, however often somebody looks: failures, retries, and who computed what.

`SweepRun` is what is asked of the sweep, `Worker` what one process computed.  `follow` takes what is new, `find_move` and
`tell_change` compare a target with its base.
"""

from functools import cached_property
from typing import Any, Protocol

from attrs import define, field

from .._core.read import View
from .._inspect.context_details import read_number
from .._text.differences import tell_difference
from .._text.values import describe_error

HERE = "this process"


class SweepRun(Protocol):
    """What a page asks of a sweep; sweeps stand on many floors, so that a page does not import them."""

    def _stand(self, first: int) -> Any:
        """Returns how it stands, with its results from a place on."""
        ...

    def _see_base(self, result: Any) -> Any:
        """Returns the base of a result, if it is known."""
        ...

    def _list_labels(self) -> dict[Any, str]:
        """Returns the text of each target."""
        ...

    def _see_view(self) -> View:
        """Returns the scenario around it."""
        ...


@define(eq=False)
class Worker:
    """What one process computed."""

    scenarios: int = 0
    failed: int = 0
    runs: int = 0
    seconds: float = 0.0


@define(eq=False, slots=False)
class Tally:
    """What has become of the scenarios of a sweep."""

    _sweep: SweepRun
    results: list[Any] = field(factory=list)
    failed: list[int] = field(factory=list)
    """The places of the results in which a target failed."""
    retried: int = 0
    """How many results there are of scenarios that were sent more than once."""
    workers: dict[str, Worker] = field(factory=dict)
    errors: dict[str, list[int]] = field(factory=dict)
    """By the text of an error, the places of the results that have it."""

    def follow(self) -> Any:
        """Takes what is new, and returns how the sweep stands."""
        standing = self._sweep._stand(len(self.results))
        for result in standing.results:
            self._count(result)
        return standing

    @cached_property
    def labels(self) -> dict[Any, str]:
        """The text of each target."""
        return self._sweep._list_labels()

    def _count(self, result: Any) -> None:
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

    def find_base(self, place: int) -> Any:
        """Returns the base of a result, if it is known; else None."""
        return self._sweep._see_base(self.results[place])

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
