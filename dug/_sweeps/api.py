"""`sweep` as users and type checkers see it: overloads and documentation only; `arguments` reads what it is given."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

from .._core.read import Node, frame_in_force

if TYPE_CHECKING:
    from .._batch.call_site import Executor as _Submits
    from .._batch.progress import Progress
    from ..executors.celery import CeleryExecutor
    from .async_sweep import AsyncSweep
    from .sweep import Scenarios, Sweep

    Executor: TypeAlias = _Submits | CeleryExecutor

K = TypeVar("K")
R = TypeVar("R")


# A node of a coroutine function also matches the plain overloads, so its overloads come first; and a mapping is an iterable.
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Node[Coroutine[Any, Any, R]], scenarios: Scenarios, *, limit: int | None = None, progress: Progress = None
) -> AsyncSweep[R]: ...
@overload
def sweep(
    target: Node[R],
    scenarios: Scenarios,
    *,
    executor: Executor | None = None,
    progress: Progress = None,
    batch: int | None = None,
    retries: int | None = None,
    ship: Literal["path", "bytes", "store"] | None = None,
    timeout: float | None = None,
) -> Sweep[R]: ...
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Mapping[K, Node[Coroutine[Any, Any, R]]], scenarios: Scenarios, *, limit: int | None = None, progress: Progress = None
) -> AsyncSweep[dict[K, R]]: ...
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Mapping[K, Node[R]],
    scenarios: Scenarios,
    *,
    executor: Executor | None = None,
    progress: Progress = None,
    batch: int | None = None,
    retries: int | None = None,
    ship: Literal["path", "bytes", "store"] | None = None,
    timeout: float | None = None,
) -> Sweep[dict[K, R]]: ...
@overload
def sweep(  # type: ignore[overload-overlap]
    target: Iterable[Node[Coroutine[Any, Any, R]]], scenarios: Scenarios, *, limit: int | None = None, progress: Progress = None
) -> AsyncSweep[tuple[R, ...]]: ...
@overload
def sweep(
    target: Iterable[Node[R]],
    scenarios: Scenarios,
    *,
    executor: Executor | None = None,
    progress: Progress = None,
    batch: int | None = None,
    retries: int | None = None,
    ship: Literal["path", "bytes", "store"] | None = None,
    timeout: float | None = None,
) -> Sweep[tuple[R, ...]]: ...
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
    target: Any,
    scenarios: Any,
    *,
    executor: Executor | None = None,
    limit: int | None = None,
    progress: Progress = None,
    batch: int | None = None,
    retries: int | None = None,
    ship: Literal["path", "bytes", "store"] | None = None,
    timeout: float | None = None,
) -> Sweep[Any] | AsyncSweep[Any]:
    """Returns the results of nodes under many scenarios: a `Result` for each, in their order, computed during iteration.

    A scenario is in force inside the context around the call to `sweep`, and is one outermost call, whatever the number of
    targets.  An error is part of the result that it belongs to, and stops nothing.

    If a target is of a coroutine function, the scenarios run at the same time, the targets of each too, and the results must
    be awaited or iterated with ``async for``; see `AsyncSweep`.

    Args:
        target: a node, several, or a mapping of labels to nodes; the values come in the same shape.
        scenarios: mappings of tweaks or `Scenario` objects, or a mapping of names to them.  They are taken one by one as they
            are needed, so that a generator may make them.  `dug.scenarios` has the usual ones.
        executor: runs the scenarios, several at a time: anything with ``submit``, such as a
            ``concurrent.futures.ThreadPoolExecutor``.  A few scenarios for each worker are taken ahead.  With
            `dug.executors.processes.Processes`, a ``concurrent.futures.ProcessPoolExecutor``, a ``distributed.Client`` of Dask or
            a `dug.executors.celery.CeleryExecutor`, other processes compute them: the base is asked here, once, and goes to each.
        limit: where a target is of a coroutine function: how many scenarios run at the same time.  None for all, or for 64 of
            those that have no length, such as a generator's.  A few for each of them are taken ahead.
        progress: True for a bar (needs tqdm or rich), or a function that is called with how many results are there and how many
            there will be, which is None where the scenarios have no length.
        batch: for other processes: how many scenarios go to one together.  None for as many as take some 50 milliseconds, on
            Dask 200, and at most so many that each worker gets four batches.
        retries: for other processes: how often a scenario that lost its worker is sent again, by itself; 2 if it is not said.
        ship: for other processes: how they get the base.  ``"path"``: they read one file, in a folder that all of them see;
            ``"bytes"``: it is sent to them; ``"store"``: they ask the store of the context for what they need of it, and keep
            there what they run.  None as the executor does.
        timeout: for `dug.executors.processes.Processes`: how many seconds a scenario may take.  One that takes longer has a
            TimeoutError; its worker is killed and replaced, and what was sent with it is sent again.

    Raises:
        NoContextError: called outside a context.
        ContextError: other processes are to compute it, and a node is running; or ``ship="store"``, and there is no store.
        StoreError: workers cannot open the store.
        TweakError: while iterating: a tweak, around or of a scenario, cannot go to other processes, such as a bump by a lambda;
            the message says what to type.
        CodeDiffersError: while iterating: the other processes have other code.
        TypeError: the target is not a node, the scenarios cannot be iterated, or the executor has no ``submit``; an executor for
            a coroutine function, or a limit for others; a timeout for an executor that kills no worker.
        ValueError: the limit or the batch is less than 1, retries are less than 0, there is no such way to ship,
            or the timeout is not more than 0.
        ImportError: ``progress=True``, and neither tqdm nor rich is installed; the message says what to type.

    .. versionchanged:: 0.1.0
       Processes, `batch`, `retries`, `ship` and `timeout`.

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
    frame = frame_in_force("dug.sweep()")
    from .arguments import make_sweep  # when it is needed first: it brings all that answers, and most programs never sweep
    from .elsewhere import Elsewhere  # likewise

    return make_sweep(frame, target, scenarios, executor, limit, progress, Elsewhere(batch, retries, ship, timeout))
