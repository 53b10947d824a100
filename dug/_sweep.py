"""Asks the same nodes under many scenarios: `sweep`.

A `Sweep` owns the scenarios that it has drawn and not yet handed out, in their order, and the last one before these, so that the
next finds what it shares with that; only the thread that iterates touches it.
How one scenario is asked is in `_question`, and what becomes of the answers in `_results`.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import partial
from itertools import repeat
from operator import itemgetter, sub
from typing import Any, Protocol, TypeVar, overload

from ._context import Context
from ._core._frame import frame_in_force
from ._core._memo import Failure
from ._core._node import Node, show
from ._progress import Progress, Reporter, make_reporter
from ._question import Caller, Question, call_from, make_context
from ._results import Result, Results, Targets, subtract
from ._tweaks import Scenario, show_key, title
from .scenarios import Ladder

K = TypeVar("K")
R = TypeVar("R")
V = TypeVar("V")

# A type checker takes a literal mapping of names to tweaks of different kinds for a mapping to objects, hence the Any.
Scenarios = Mapping[Any, Any] | Iterable[Mapping[Any, Any] | Scenario]

_AHEAD = 4
"""How many scenarios are taken for each worker before the first of them is handed out: enough that none waits for a slow one."""


class Executor(Protocol):
    """What can run a call elsewhere: `submit` returns something whose ``result()`` waits for what the call returns."""

    def submit(self, fn: Callable[[], Any], /) -> Any:
        """Schedules ``fn()``."""


@overload
def sweep(
    target: Node[R], scenarios: Scenarios, *, executor: Executor | None = None, progress: Progress = None
) -> "Sweep[R]": ...
@overload
def sweep(  # type: ignore[overload-overlap]  # a mapping whose labels are nodes is a mapping first
    target: Mapping[K, Node[R]], scenarios: Scenarios, *, executor: Executor | None = None, progress: Progress = None
) -> "Sweep[dict[K, R]]": ...
@overload
def sweep(
    target: Iterable[Node[R]], scenarios: Scenarios, *, executor: Executor | None = None, progress: Progress = None
) -> "Sweep[tuple[R, ...]]": ...
def sweep(target: Any, scenarios: Any, *, executor: Executor | None = None, progress: Progress = None) -> "Sweep[Any]":
    """Returns what nodes give under many scenarios: a `Result` for each, in their order, computed as iterating asks for them.

    A scenario is in force inside the context around the call to `sweep`, and is one outermost call, whatever the number of
    targets.  An error is part of the result that it belongs to, and stops nothing.

    Args:
        target: a node, several, or a mapping of labels to nodes; the values come in the same shape.
        scenarios: mappings of tweaks or `Scenario` objects, or a mapping of names to them.  They are taken one by one as they
            are needed, so that a generator may make them.  `dug.scenarios` has the usual ones.
        executor: what runs them, several at a time: anything with ``submit``, such as a
            ``concurrent.futures.ThreadPoolExecutor``.  A few scenarios for each worker are taken ahead.
        progress: True for a bar (needs tqdm), or a function that is called with how many results are there and how many there
            will be, which is None where the scenarios have no length.

    Raises:
        NoContextError: called outside a context.
        TypeError: the target is no node, the scenarios cannot be iterated, or the executor has no ``submit``.
        ImportError: ``progress=True``, and tqdm is not installed; the message says what to type.

    Example:
        >>> import dug
        >>> @dug.memoize(name="market:spot")
        ... def spot(ticker):
        ...     return 100.0
        >>> with dug.Context():
        ...     for result in dug.sweep(spot.node("AAPL"), [{spot.node("AAPL"): 101.0}, {spot.node("MSFT"): 50.0}]):
        ...         print(result.name, "->", result.value)
        market:spot('AAPL') = 101.0 -> 101.0
        market:spot('MSFT') = 50.0 -> 100.0
    """
    caller = call_from(frame_in_force("dug.sweep()"))
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(f"{show(executor)} is no executor, it has no submit(). Give a concurrent.futures.ThreadPoolExecutor().")
    return Sweep(_read_targets(target), _check_scenarios(scenarios), caller, executor, make_reporter(progress))


class Sweep(Results[V]):
    """The results of a `sweep`, and how they differ."""

    def __init__(
        self, targets: Targets[V], scenarios: Scenarios, caller: Caller, executor: Executor | None, reporter: Reporter
    ) -> None:
        super().__init__(targets)
        self._scenarios = scenarios
        self._items = caller.call(_iterate, scenarios)
        self._caller = caller
        self._executor = executor
        self._width = _find_width(executor)
        self._reporter = reporter
        self._drawn: deque[Question[V]] = deque()
        self._answered: Question[V] | None = None
        self._is_drained = False
        self._broken: Failure | None = None
        self._base: Result[V] | None = None

    @property
    def base(self) -> Result[V]:
        """What the targets give in the context around, with none of the scenarios; asked when it is first looked at, and kept."""
        if self._base is None:
            question = self._make_question("base", self._caller.call(Context))
            self._base = question.answer()
            question.close()
        return self._base

    def diff(self) -> Results[Any]:
        """Returns the difference that each scenario makes: ``value - base value`` for each target.

        A target that failed, under the scenario or in the base, has its error in the place of a difference, and so has one whose
        values cannot be subtracted.  What was recomputed and how long it took are the scenario's.
        """
        return _Differences(self)

    def central(self) -> Results[Any]:
        """Returns the central difference for each node of a `ladder`: ``(value up - value down) / 2`` for each target.

        It is the change for one bump, in which the curvature cancels.  After ``shift(h)`` and ``shift(-h)``, divide it by h for a
        derivative.  A result is named after its node; what was recomputed and how long it took are the sums of both directions.

        Raises:
            TypeError: the scenarios are not a ladder with two directions.
        """
        ladder = self._scenarios
        if not isinstance(ladder, Ladder) or ladder.down is None:
            raise TypeError("central() needs a scenario up and one down for each node. Sweep over ladder(nodes, up, down).")
        return _CentralDifferences(self, ladder)

    def _find_total(self) -> int | None:
        return _find_length(self._scenarios)

    def _make_next(self) -> Result[V] | None:
        self._reporter.begin(self._find_total())
        self._hand_newest()
        while len(self._drawn) < self._width and not self._is_drained:
            self._draw()
            self._hand_newest()
        if self._drawn:
            return self._answer_oldest()
        self._close_answered()
        self._reporter.close()
        if self._broken is not None:
            raise self._broken.error.with_traceback(self._broken.traceback)
        return None

    def _answer_oldest(self) -> Result[V]:
        question = self._drawn[0]
        if self._answered is not None and not question.is_akin(self._answered):
            self._close_answered()  # nothing to find there, and it would be in the way
        result = question.answer()
        self._close_answered()
        self._answered = self._drawn.popleft()  # not before it is answered: what was interrupted is asked again
        return result

    def _announce(self) -> None:
        self._reporter.tell(len(self._kept), self._find_total())

    def _draw(self) -> None:
        """Takes one scenario more."""
        try:
            name, tweaks = self._caller.call(next, self._items)
        except StopIteration:
            self._is_drained = True
        except BaseException as exc:  # noqa: BLE001  raised in its place, after the results of the scenarios before
            self._is_drained, self._broken = True, Failure(exc, exc.__traceback__)
        else:
            context = self._caller.call(make_context, tweaks, name)
            name = self._make_unique(self._find_name(context) if name is None else name)
            self._drawn.append(self._make_question(name, context))

    def _make_question(self, name: Any, context: Context | Failure) -> Question[V]:
        return Question(self._caller, self._targets, name, context)

    def _close_answered(self) -> None:
        """Lets go of the scenario that was answered last, and of what was computed under its tweaks."""
        if self._answered is not None:
            self._answered.close()
            self._answered = None

    def _hand_newest(self) -> None:
        """Lets the executor, if there is one, work on what was drawn last; those before are with it already."""
        if self._drawn and self._executor is not None:
            self._drawn[-1].hand_to(self._executor)

    def _find_name(self, context: Context | Failure) -> str:
        if isinstance(context, Failure):
            return f"scenario {len(self._kept) + len(self._drawn) + 1}"
        return title(context._scenario)


class _Differences(Results[Any]):
    """What each scenario of a sweep changes."""

    def __init__(self, swept: Sweep[Any]) -> None:
        super().__init__(swept._targets)
        self._swept = swept

    def _find_total(self) -> int | None:
        return self._swept._find_total()

    def _make_next(self) -> Result[Any] | None:
        result = self._swept._find(len(self._kept))
        if result is None:
            return None
        values, failures = subtract(result, self._swept.base, sub)
        return Result(result.name, result.scenario, values, result.recomputed, result.seconds, failures, self._targets)


class _CentralDifferences(Results[Any]):
    """What each node of a ladder changes."""

    def __init__(self, swept: Sweep[Any], ladder: Ladder) -> None:
        super().__init__(swept._targets)
        self._swept = swept
        self._nodes = ladder.nodes

    def _find_total(self) -> int | None:
        return _find_length(self._nodes)

    def _make_next(self) -> Result[Any] | None:
        up = self._swept._find(2 * len(self._kept))
        down = self._swept._find(2 * len(self._kept) + 1)
        if up is None or down is None:
            return None
        values, failures = subtract(up, down, _halve_difference)
        assert up.scenario is not None  # noqa: S101  a ladder makes its scenarios itself
        name = self._make_unique(show_key(next(iter(up.scenario.tweaks))))
        recomputed, seconds = up.recomputed + down.recomputed, up.seconds + down.seconds
        return Result(name, None, values, recomputed, seconds, failures, self._targets)


def _halve_difference(up: Any, down: Any) -> Any:
    return (up - down) / 2


def _read_targets(target: Any) -> Targets[Any]:
    """Returns the nodes that a user named, and in what they come back.

    Raises:
        TypeError: one of them is no node.
    """
    if isinstance(target, Mapping):
        nodes = dict(target)
        shape: Callable[[Any], Any] = partial(_by_label, tuple(nodes))
    elif isinstance(target, Iterable) and not callable(target) and not isinstance(target, str):
        order = tuple(map(_check_node, target))
        nodes, shape = dict(zip(order, order, strict=True)), partial(_in_order, order)
    else:
        nodes, shape = {_check_node(target): target}, itemgetter(target)
    return Targets({label: _check_node(node) for label, node in nodes.items()}, shape)


def _check_node(target: Any) -> Node[Any]:
    if not isinstance(target, Node):
        raise TypeError(f"{show(target)} is not a node. A sweep takes nodes: write f.node(x), or [f.node(x), g.node()].")
    if target._function.is_async:
        raise TypeError(f"{target!r} is of a coroutine function, which a sweep cannot await. Enter a Context for each scenario.")
    return target


def _in_order(nodes: tuple[Any, ...], values: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple(map(values.__getitem__, nodes))


def _by_label(labels: tuple[Any, ...], values: Mapping[Any, Any]) -> dict[Any, Any]:
    return {label: values[label] for label in labels}


def _check_scenarios(scenarios: Any) -> Any:
    """Refuses what is one scenario, or none at all."""
    first = next(iter(scenarios), None) if isinstance(scenarios, Mapping) else None
    if isinstance(scenarios, Scenario) or callable(first):  # a node or a function is no name
        raise TypeError(f"A sweep takes many scenarios, and {show(scenarios)} is one. Write [{{f.node(x): value}}] for just one.")
    if not isinstance(scenarios, Iterable):
        raise TypeError(f"A sweep takes scenarios one by one, and {show(scenarios)} has none. Write [{{f.node(x): value}}, ...].")
    return scenarios


def _iterate(scenarios: Scenarios) -> Iterator[tuple[Any, Any]]:
    """Returns pairs of a name (None: its own, or the text of its tweaks) and tweaks."""
    return iter(scenarios.items()) if isinstance(scenarios, Mapping) else zip(repeat(None), scenarios)


def _find_length(items: Any) -> int | None:
    try:
        return len(items) if isinstance(items, Sized) else None
    except TypeError:  # a ladder of nodes that have no length
        return None


def _find_width(executor: Any) -> int:
    """Returns how many scenarios may be drawn and not yet handed out: one for nobody else to run, a few for each worker."""
    if executor is None:
        return 1
    workers = getattr(executor, "_max_workers", None)  # as the executors of the standard library call it
    return _AHEAD * (workers if isinstance(workers, int) else os.cpu_count() or 1)
