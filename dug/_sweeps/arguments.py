"""Checks the arguments of `sweep`: `make_sweep` makes a `Sweep`, or an `AsyncSweep` if a target is of a coroutine function.

The targets become nodes and their shape (`_read_targets`, `_check_node`), the scenarios are checked, and an executor of other
processes makes it a `RemoteSweep` (`_find_pool`, `_make_remote`).  `_must_be_awaited` tells a target of a coroutine function.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

from .._batch.call_site import call_site_of, check_elsewhere, check_executor
from .._batch.progress import Progress, make_reporter
from .._contexts.scenario import Scenario
from .._core.read import Frame, Node
from .._text.values import show
from .async_sweep import AsyncSweep
from .elsewhere import Elsewhere
from .results import Targets
from .sweep import Sweep


def make_sweep(  # noqa: PLR0917  in the order of `sweep`
    frame: Frame,
    target: Any,
    scenarios: Any,
    executor: Any,
    limit: int | None,
    progress: Progress,
    said: Elsewhere,
) -> Sweep[Any] | AsyncSweep[Any]:
    """Returns the sweep of a call of `sweep` in `frame`; `sweep` documents the arguments and their errors."""
    call_site = call_site_of(frame)
    pool = None if executor is None else _find_pool(executor)
    if pool is None:
        check_executor(executor)
        said.refuse()
    targets = _read_targets(target)
    if _must_be_awaited(targets, executor, limit):
        return AsyncSweep(targets, _check_scenarios(scenarios), call_site, limit, make_reporter(progress))
    if pool is not None:
        return _make_remote(frame, targets, _check_scenarios(scenarios), call_site, pool, make_reporter(progress), said)
    return Sweep(targets, _check_scenarios(scenarios), call_site, executor, make_reporter(progress))


def _find_pool(executor: Any) -> Any:
    from ..executors._finding import find_pool  # brings all that other processes need, and few sweeps use them

    return find_pool(executor)


def _make_remote(  # noqa: PLR0917  in the order of `sweep`
    frame: Frame,
    targets: Targets[Any],
    scenarios: Any,
    call_site: Any,
    pool: Any,
    reporter: Any,
    said: Elsewhere,
) -> Sweep[Any]:
    """Returns a sweep on other processes.

    Raises:
        ContextError: as for `check_elsewhere`; or there is no store where one is to be used.
        ValueError: as for `Elsewhere.check`.
    """
    from .remote_sweep import RemoteSweep  # as above

    check_elsewhere(frame)
    said.check()
    return RemoteSweep(targets, scenarios, call_site, pool, reporter, said)


def _read_targets(target: Any) -> Targets[Any]:
    """Returns the nodes that a user named, and the shape of their results.

    Raises:
        TypeError: one of them is not a node.
    """
    if isinstance(target, Mapping):
        nodes = dict(target)
        shape: Callable[[Any], Any] = partial(_by_label, tuple(nodes))
    elif isinstance(target, Iterable) and not callable(target) and not isinstance(target, (str, bytes)):
        order = tuple(map(_check_node, target))
        nodes, shape = dict(zip(order, order, strict=True)), partial(_in_order, order)
    else:
        nodes, shape = {_check_node(target): target}, itemgetter(target)
    return Targets({label: _check_node(node) for label, node in nodes.items()}, shape)


def _check_node(target: Any) -> Node[Any]:
    if not isinstance(target, Node):
        raise TypeError(f"{show(target)} is not a node. A sweep takes nodes: write f.node(x), or [f.node(x), g.node()].")
    if target._function.stream is not None:
        raise TypeError(
            f"{target} is a stream, which is read in the scenario in force, so that a sweep of it has no values. "
            "Sweep a memoised function that reads it, and returns what you want of its items."
        )
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
    """Refuses a single scenario, and anything that is not a collection of scenarios."""
    first = next(iter(scenarios), None) if isinstance(scenarios, Mapping) else None
    if isinstance(scenarios, Scenario) or callable(first):  # a node or a function is not a name
        raise TypeError(f"A sweep takes many scenarios, and {show(scenarios)} is one. Write [{{f.node(x): value}}] for just one.")
    if isinstance(scenarios, (str, bytes)) or not isinstance(scenarios, Iterable):
        raise TypeError(f"A sweep takes scenarios one by one, and {show(scenarios)} has none. Write [{{f.node(x): value}}, ...].")
    return scenarios
