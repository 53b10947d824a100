"""Asks the same nodes under many scenarios: `sweep`.

A `Sweep` asks in the thread that iterates, or on an executor; an `AsyncSweep` asks what must be awaited.
What it has in common with others is in `_swept`.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar, overload

from ._async_sweep import AsyncSweep
from ._caller import Caller, Executor, call_from, check_executor, find_width
from ._core._frame import frame_in_force
from ._core._node import Node, show
from ._progress import Progress, Reporter, make_reporter
from ._results import Result, Targets
from ._swept import Scenarios, Swept
from ._tweaks import Scenario

K = TypeVar("K")
R = TypeVar("R")
V = TypeVar("V")


# A node of a coroutine function is one of coroutines, so what is said of those comes first; and a mapping is an iterable.
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Node[Coroutine[Any, Any, R]], scenarios: Scenarios, *, limit: int | None = None, progress: Progress = None
) -> AsyncSweep[R]: ...
@overload
def sweep(
    target: Node[R], scenarios: Scenarios, *, executor: Executor | None = None, progress: Progress = None
) -> "Sweep[R]": ...
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Mapping[K, Node[Coroutine[Any, Any, R]]], scenarios: Scenarios, *, limit: int | None = None, progress: Progress = None
) -> AsyncSweep[dict[K, R]]: ...
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Mapping[K, Node[R]], scenarios: Scenarios, *, executor: Executor | None = None, progress: Progress = None
) -> "Sweep[dict[K, R]]": ...
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Iterable[Node[Coroutine[Any, Any, R]]], scenarios: Scenarios, *, limit: int | None = None, progress: Progress = None
) -> AsyncSweep[tuple[R, ...]]: ...
@overload
def sweep(
    target: Iterable[Node[R]], scenarios: Scenarios, *, executor: Executor | None = None, progress: Progress = None
) -> "Sweep[tuple[R, ...]]": ...
# Some to be awaited and some not: a type checker has no word for that, and the limit says it.
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Mapping[K, Node[Any]], scenarios: Scenarios, *, limit: int, progress: Progress = None
) -> AsyncSweep[dict[K, Any]]: ...
@overload
def sweep(
    target: Iterable[Node[Any]], scenarios: Scenarios, *, limit: int, progress: Progress = None
) -> AsyncSweep[tuple[Any, ...]]: ...
def sweep(
    target: Any, scenarios: Any, *, executor: Executor | None = None, limit: int | None = None, progress: Progress = None
) -> "Sweep[Any] | AsyncSweep[Any]":
    """Returns what nodes give under many scenarios: a `Result` for each, in their order, computed as iterating asks for them.

    A scenario is in force inside the context around the call to `sweep`, and is one outermost call, whatever the number of
    targets.  An error is part of the result that it belongs to, and stops nothing.

    When a target is of a coroutine function, the scenarios run at the same time, the targets of each too, and the results are to
    be awaited or iterated with ``async for``; see `AsyncSweep`.

    Args:
        target: a node, several, or a mapping of labels to nodes; the values come in the same shape.
        scenarios: mappings of tweaks or `Scenario` objects, or a mapping of names to them.  They are taken one by one as they
            are needed, so that a generator may make them.  `dug.scenarios` has the usual ones.
        executor: what runs them, several at a time: anything with ``submit``, such as a
            ``concurrent.futures.ThreadPoolExecutor``.  A few scenarios for each worker are taken ahead.
        limit: where a target is of a coroutine function: how many scenarios run at the same time.  None for all, or for 64 of
            those that have no length, such as a generator's.  A few for each of them are taken ahead.
        progress: True for a bar (needs tqdm or rich), or a function that is called with how many results are there and how many
            there will be, which is None where the scenarios have no length.

    Raises:
        NoContextError: called outside a context.
        TypeError: the target is no node, the scenarios cannot be iterated, or the executor has no ``submit``; an executor for a
            coroutine function, or a limit for others.
        ValueError: the limit is less than 1.
        ImportError: ``progress=True``, and neither tqdm nor rich is installed; the message says what to type.

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
    check_executor(executor)
    targets = _read_targets(target)
    if _must_be_awaited(targets, executor, limit):
        return AsyncSweep(targets, _check_scenarios(scenarios), caller, limit, make_reporter(progress))
    return Sweep(targets, _check_scenarios(scenarios), caller, executor, make_reporter(progress))


class Sweep(Swept[V]):
    """The results of a `sweep`."""

    def __init__(
        self, targets: Targets[V], scenarios: Scenarios, caller: Caller, executor: Executor | None, reporter: Reporter
    ) -> None:
        super().__init__(targets, scenarios, caller, reporter)
        self._executor = executor
        self._width = find_width(executor)

    @property
    def base(self) -> Result[V]:
        """What the targets give in the context around, with none of the scenarios; asked when it is first looked at, and kept."""
        if self._base is None:
            question = self._make_base_question()
            self._base = question.answer()
            question.close()
        return self._base

    def _make_next(self) -> Result[V] | None:
        self._reporter.begin(self._find_total())
        self._hand_newest()
        while len(self._drawn) < self._width and not self._is_drained:
            self._draw()
            self._hand_newest()
        if not self._drawn:
            return self._end()
        result = self._take_oldest().answer()
        self._hand_out()
        return result

    def _hand_newest(self) -> None:
        """Lets the executor, if there is one, work on what was drawn last; those before are with it already."""
        if self._drawn and self._executor is not None:
            self._drawn[-1].hand_to(self._executor)


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
    return target


def _must_be_awaited(targets: Targets[Any], executor: object, limit: object) -> bool:
    """True when a target is of a coroutine function.

    Raises:
        TypeError: there is an executor for such targets, or a limit for others.
        ValueError: the limit is less than 1.
    """
    awaited = next((node for node in targets.nodes.values() if node._function.is_async), None)
    if awaited is not None and executor is not None:
        raise TypeError(
            f"{awaited!r} is of a coroutine function, which no executor can run. "
            "Leave executor= out; limit= says how many scenarios run at the same time."
        )
    if awaited is None and limit is not None:
        raise TypeError(
            "limit= is for targets of coroutine functions, and there is none here. "
            f"For threads, write executor=concurrent.futures.ThreadPoolExecutor({limit})."
        )
    if limit is not None:
        _check_limit(limit)
    return awaited is not None


def _check_limit(limit: Any) -> None:
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise TypeError(f"limit must be how many scenarios run at the same time, not {show(limit)}. Write limit=10.")
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}: no scenario would run.")


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
