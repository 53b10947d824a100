"""How the results of a sweep differ: `Differences` from their bases, `CentralDifferences` of the two directions of a ladder.

`_subtract` takes them target by target, failures included.
"""

from collections.abc import Callable
from operator import sub
from typing import Any, TypeVar

from attrs import evolve

from .._batch.kept_failure import keep_failure
from .._core.read import Failure
from ..scenarios import Ladder
from .levels import NameLevels, find_length, node_label
from .results import Result, Results
from .world import BaseGoneError

V = TypeVar("V")


class Differences(Results[Any]):
    """The change that each scenario of a sweep makes."""

    def __init__(
        self,
        swept: Results[Any],
        find_base: Callable[[Result[Any]], Result[Any]],
        knows_base: Callable[[Result[Any]], bool],
    ) -> None:
        super().__init__(swept._targets, swept._levels)
        self._swept, self._find_base, self._knows_base = swept, find_base, knows_base

    def _find_total(self) -> int | None:
        return self._swept._find_total()

    def _has_numbers(self) -> bool:
        return self._swept._has_numbers()

    def _is_ready(self, place: int) -> bool:
        return place < len(self._swept._kept) and self._knows_base(self._swept._kept[place])

    def _make_next(self) -> Result[Any] | None:
        result = self._swept._find(len(self._kept))
        if result is None:
            return None
        values: Any = {}
        failures: Any = result._failures
        if len(failures) < len(self._targets.nodes):
            try:
                values, failures = _subtract(result, self._find_base(result), sub)
            except BaseGoneError as exc:
                failures = dict.fromkeys(self._targets.nodes, keep_failure(exc))
        return evolve(result, values=values, failures=failures, world=None)


class CentralDifferences(Results[Any]):
    """The change for each node of a ladder."""

    def __init__(self, swept: Results[Any], ladder: Ladder, are_of_one_world: Callable[[int], bool]) -> None:
        super().__init__(swept._targets, NameLevels("node"))
        self._swept, self._are_of_one_world = swept, are_of_one_world
        self._nodes = ladder.nodes

    def _find_total(self) -> int | None:
        return find_length(self._nodes)

    def _is_ready(self, place: int) -> bool:
        return 2 * place + 1 < len(self._swept._kept)

    def _make_next(self) -> Result[Any] | None:
        up = self._swept._find(2 * len(self._kept))
        down = self._swept._find(2 * len(self._kept) + 1)
        if up is None or down is None:
            return None
        values, failures = _subtract(up, down, _halve_difference)
        if values and not self._are_of_one_world(2 * len(self._kept)):
            failures = dict.fromkeys(self._targets.nodes, _refuse_pair(up, down))
            values = {}
        name = self._make_unique(node_label(up))
        recomputed, seconds = up.recomputed + down.recomputed, up.seconds + down.seconds
        return Result(name, None, values, recomputed, seconds, failures, self._targets)


def _subtract(one: Result[V], other: Result[V], take: Callable[[Any, Any], Any]) -> tuple[dict[Any, Any], dict[Any, Failure]]:
    """Returns ``take(value, other value)`` for each target, and the failures of the others: of a value, or of `take`."""
    values: dict[Any, Any] = {}
    failures: dict[Any, Failure] = {}
    for label in one._targets.nodes:
        failure = one._failures.get(label) or other._failures.get(label)
        if failure is not None:
            failures[label] = failure
            continue
        try:
            values[label] = take(one.values[label], other.values[label])
        except Exception as exc:  # noqa: BLE001  a difference that cannot be taken hides no other one
            failures[label] = keep_failure(exc)
    return values, failures


def _refuse_pair(up: Result[Any], down: Result[Any]) -> Failure:
    error = BaseGoneError(
        f"The context around the sweep was changed, or something in it invalidated, cleared or redefined, between the results "
        f"of {up.name!r} and {down.name!r}. Sweep again to compare them."
    )
    return Failure.of(error, None)


def _halve_difference(up: Any, down: Any) -> Any:
    return (up - down) / 2
