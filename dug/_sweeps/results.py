"""`Result`, one scenario's values and errors; `Results`, a lazy sequence with `to_frame`; `Targets`; `subtract` of two results.

A result keeps the values and errors of its nodes, and neither the context that they ran in nor its memos: the frames of an
error's traceback are emptied.  `Results` keeps every result, so that it can be iterated again.  `sweep` and
`async_sweep` ask.
"""

from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from attrs import frozen

from .._batch.kept_failure import keep_failure, let_go
from .._contexts.scenario import Scenario
from .._core.read import Failure, Node
from .._extras.packages import import_pandas
from .._inspect.table import make_frame
from .._text.values import LONGEST, number_alike, show, text_of

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R")
V = TypeVar("V")


@frozen(eq=False)
class Targets(Generic[V]):
    """The nodes that a sweep asks, by label; without labels, by themselves."""

    nodes: Mapping[Any, Node[Any]]
    shape: Callable[[Mapping[Any, Any]], V]
    """Shapes values by label as the user named the nodes: one value, a tuple or a dict."""


@frozen(eq=False, repr=False)
class Result(Generic[V]):
    """The values and errors of the targets of a sweep under one scenario.

    ``result[target]`` is the value of one target, named by its node or, where the sweep was given a mapping, by its label; where
    that target failed, it raises the error.
    """

    name: Any
    """The scenario's: its own, or its key in the mapping that the sweep was given, or the text of its tweaks."""
    scenario: Scenario | None
    """The tweaks; None if they were not possible, and for a difference between two scenarios."""
    values: Mapping[Any, Any]
    """The value of each target, by node or label; those that failed are missing."""
    recomputed: int
    """How many bodies, replacements and bumps ran."""
    seconds: float
    """How long it took."""
    _failures: Mapping[Any, Failure]
    _targets: Targets[V]
    _world: Any = None
    """The world in which it was taken; see `world`."""

    @property
    def value(self) -> V:
        """The values of the targets: a value for a node, a tuple for several, a dict for a mapping.

        Raises:
            Exception: a target failed; the first one's error.
        """
        for label in self._failures:
            self[label]
        return self._targets.shape(self.values)

    @property
    def errors(self) -> Mapping[Any, BaseException]:
        """The error of each target that failed, by node or label; `value` raises another exception that says the same."""
        let_go(self._failures.values())
        return {label: failure.shown for label, failure in self._failures.items()}

    @property
    def error(self) -> BaseException | None:
        """The first of the errors; None when there is none."""
        return next(iter(self.errors.values()), None)

    @overload
    def __getitem__(self, target: Node[Coroutine[Any, Any, R]]) -> R: ...
    @overload
    def __getitem__(self, target: Node[R]) -> R: ...
    @overload
    def __getitem__(self, target: Any) -> Any: ...
    def __getitem__(self, target: Any) -> Any:
        failure = self._failures.get(target)
        if failure is not None:
            with failure.serve() as served:
                raise served.pop()
        if target not in self.values:
            known = ", ".join([text_of(label, 200) for label in self._targets.nodes])
            raise KeyError(f"{text_of(target, 200)} is not a target of this sweep. Its targets: {known}.")
        return self.values[target]

    __iter__ = None  # or Python would iterate a class with __getitem__ by asking for the targets 0, 1, 2...

    def outcome(self) -> Any:
        """Returns `value`, with the errors of failed targets in the place of their values."""
        return self._targets.shape({**self.values, **self.errors})

    def __repr__(self) -> str:
        what = show(self.outcome())
        return f"<Result {show(self.name)}: {what}, {self.recomputed} recomputed in {self.seconds:.3g} s>"


class Results(Generic[V]):
    """Results in the order of their scenarios, each made when it is first asked for, and kept.

    Iterating gives each as soon as it is there, and can be repeated; one thread at a time.  ``results[name]`` is the result of
    one scenario, and ``len(results)`` their number, if that is known before all are made.
    """

    def __init__(self, targets: Targets[V]) -> None:
        self._targets = targets
        self._kept: list[Result[V]] = []
        self._names: set[Any] = set()
        self._is_complete = False

    def _make_next(self) -> Result[V] | None:
        """Returns the next result after the kept ones; None when there is none."""
        raise NotImplementedError

    def _find_total(self) -> int | None:
        """Returns how many results there will be; None if that is unknown."""
        raise NotImplementedError

    def _announce(self) -> None:
        """Tells the progress reporter that there is one more result."""

    def __iter__(self) -> Iterator[Result[V]]:
        return _Iteration(self)

    def __len__(self) -> int:
        total = len(self._kept) if self._is_complete else self._find_total()
        if total is None:
            raise TypeError("The number of scenarios is not known yet, because their iterator has no length. Iterate first.")
        return total

    def __bool__(self) -> bool:
        return self._find(0) is not None

    def __getitem__(self, name: Any) -> Result[V]:
        for result in self:
            if result.name == name:
                return result
        raise KeyError(f"There is no scenario {show(name)} in {self!r}.")

    def to_dict(self) -> dict[Any, Any]:
        """Returns the values of each scenario, by its name: `Result.value`, with errors in the place of values that failed."""
        return {result.name: result.outcome() for result in self}

    def to_frame(self) -> "pd.DataFrame":
        """Returns a pandas frame: a row for each scenario, a column for each target, and ``recomputed``, ``seconds``, ``error``.

        A row is named after its scenario, a column after its label or the text of its node.  A target that failed has no value
        (None, NaN among numbers); ``error`` has the first error of a row, or None.

        Raises:
            ImportError: pandas is not installed; the message says what to type.
        """
        pandas = import_pandas()
        rows = [_row(result, self._targets) for result in self]
        columns = [*number_alike([text_of(label, LONGEST) for label in self._targets.nodes]), "recomputed", "seconds", "error"]
        names = [result.name for result in self]
        index = make_frame(lambda dtype: pandas.Index(names, dtype=dtype, name="scenario", tupleize_cols=False))
        return make_frame(lambda dtype: pandas.DataFrame(rows, index=index, columns=columns, dtype=dtype))

    def _find(self, position: int) -> Result[V] | None:
        if position >= len(self._kept) and not self._is_complete:
            self._let_go()
            self._keep(self._make_next())
        return self._kept[position] if position < len(self._kept) else None

    def _keep(self, result: Result[V] | None) -> None:
        """Makes and keeps the next result; None when there is none."""
        if result is None:
            self._is_complete = True
        else:
            self._kept.append(result)
            self._announce()

    def _let_go(self) -> None:
        """Empties the frames of the newest result's errors, now that they have ended: they hold the results themselves."""
        if self._kept:
            let_go(self._kept[-1]._failures.values())

    def _make_unique(self, name: Any) -> Any:
        """Returns a name that no other result has, and reserves it."""
        unique = self._find_unique(name)
        self._names.add(unique)
        return unique

    def _find_unique(self, name: Any) -> Any:
        """Returns a name that no other result has: adds a number to one that is taken."""
        unique, number = name, 1
        while unique in self._names:
            number += 1
            unique = f"{text_of(name, 200)} ({number})"
        return unique

    def __repr__(self) -> str:
        total = len(self._kept) if self._is_complete else self._find_total()
        of = "unknown" if total is None else total
        return f"<{type(self).__name__} of {_count(self._targets)}, {len(self._kept)} of {of} scenarios done>"


class _Iteration(Iterator[Result[V]]):
    """One iteration; not a generator: an error would keep the frame of a suspended one alive."""

    def __init__(self, results: Results[V]) -> None:
        self._results = results
        self._position = 0

    def __next__(self) -> Result[V]:
        result = self._results._find(self._position)
        if result is None:
            raise StopIteration
        self._position += 1
        return result


def subtract(one: Result[V], other: Result[V], take: Callable[[Any, Any], Any]) -> tuple[dict[Any, Any], dict[Any, Failure]]:
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


def _row(result: Result[Any], targets: Targets[Any]) -> tuple[Any, ...]:
    values = [result.values.get(label) for label in targets.nodes]
    return *values, result.recomputed, result.seconds, result.error


def _count(targets: Targets[Any]) -> str:
    return f"{len(targets.nodes)} node{'s' if len(targets.nodes) != 1 else ''}"
