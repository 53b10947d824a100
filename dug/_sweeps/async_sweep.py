"""`AsyncSweep`, a sweep that is awaited or iterated with ``async for``: starts, cancels and awaits a task for each scenario.

Each scenario runs in a task of its own, on the loop of the task that awaits the sweep, which starts them, waits for the oldest
and yields it.  When that task is cancelled, it cancels the scenarios in flight and goes on after they have ended; so does
`AsyncSweep.aclose`.  An iteration that is dropped can only cancel them, because it cannot await.  The next iteration asks the
cancelled scenarios again.  The code shared with other sweeps is in `sweep`, asyncio and trio are in `_functions/loops`.

`_Attempt` is one attempt at a job, in a task (`_answer`); `_Iteration` one ``async for``; `_find_bounds` says how many run at
once.  `_ask` begins and waits: `_start_new`, `_start_idle`, `_answer_oldest`, `_answer_base`, `_find_answer`, `_settle_on_loop`;
`_cancel`, `_leave`, `_stop` and `_give_up` end.  `_complete`, `_find_async` and `_wait` are the rest.
"""

import sys
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Generator
from functools import partial
from typing import Any, Generic, Self, TypeVar

from attrs import define

from .._batch.call_site import AHEAD, CallSite
from .._batch.progress import Reporter
from .._functions.async_driver import backend
from .job import Job
from .results import Result, Targets
from .sweep import AnySweep, Scenarios
from .world import Base, World

T = TypeVar("T")
V = TypeVar("V")

AT_ONCE = 64
"""How many scenarios run at the same time by default if their number is not known."""


@define(eq=False)
class _Attempt(Generic[V]):
    """One attempt to run a job, in a task of its own."""

    task: Any = None
    outcome: Result[V] | BaseException | None = None
    """Its result; None if it was cancelled before it began."""
    has_ended: bool = False


class AsyncSweep(AnySweep[V]):
    """The results of a `sweep` of coroutine functions.

    ``await`` completes them and returns them: they can be iterated, compared and looked at then.  ``async for`` gives each result
    in the order of the scenarios, as soon as it is there.  Results are kept, so that awaiting or iterating again computes
    nothing; one task at a time.

    The base is asked first, alone: nodes that no scenario changes then have memos, and do not run for each of the scenarios that
    run at the same time.

    Cancelling the task that awaits or iterates cancels the scenarios in flight and waits for them.  Leaving an ``async for``
    early cancels them; to wait for them too, leave it inside ``async with contextlib.aclosing(dug.sweep(...)) as sweep:``.
    """

    def __init__(self, targets: Targets[V], scenarios: Scenarios, site: CallSite, limit: int | None, reporter: Reporter) -> None:
        super().__init__(targets, scenarios, site, reporter)
        self._limit, self._window = _find_bounds(limit, self._find_total())
        self._idle: deque[Job[V]] = deque()
        self._attempts: dict[Job[V], _Attempt[V]] = {}
        self._running: set[_Attempt[V]] = set()
        self._loop: Any = None
        self._change: Any = None
        self._iterations = 0
        self._is_asking = False
        self._is_left = False

    def __await__(self) -> Generator[Any, Any, Self]:
        return self._complete().__await__()

    def __aiter__(self) -> AsyncIterator[Result[V]]:
        return _Iteration(self)

    @property
    def base(self) -> Result[V]:
        """The result of the targets in the context around, with none of the scenarios; asked for first of all.

        Raises:
            TypeError: nothing was awaited yet.
            ContextError: the results are of several worlds; or it is gone.
        """
        if not self._bases.known:
            raise _make_not_awaited("base")
        return self._find_common_base() or self._bases.known[-1].read(self._call_site)

    def _take_base(self, world: World) -> Base[V] | None:  # noqa: ARG002  nothing can be asked here, in whatever world
        return None

    async def aclose(self) -> None:
        """Cancels the scenarios in flight and waits for them; a later iteration asks for them again."""
        await self._ask(self._stop())

    def _make_next(self) -> Result[V] | None:
        if self._is_drained and not self._drawn:
            return self._end()
        raise _make_not_awaited("result")

    async def _complete(self) -> Self:
        """Asks for all results that are missing."""
        async for _ in self:
            pass
        return self

    async def _find_async(self, position: int) -> Result[V] | None:
        self._let_go()
        if not self._bases.known:
            await self._ask(self._answer_base(None))
        if position >= len(self._kept) and not self._is_complete:
            self._begin_asking()
            result = await self._ask(self._answer_oldest())
            world = None if result is None else result._world
            if world is not None and world.generation is not None and self._bases.find(world) is None:
                await self._ask(self._answer_base(world))  # the context around was tweaked in between
            self._keep(result)
        return self._kept[position] if position < len(self._kept) else None

    async def _ask(self, answer: Coroutine[Any, Any, T]) -> T:
        """Awaits an answer; if it is cancelled, stops all scenarios in flight.

        Raises:
            RuntimeError: another task does so already.
        """
        if self._is_asking:
            answer.close()
            raise RuntimeError(
                f"{self!r} is awaited by another task already. Await it in one, and hand its results to the others."
            )
        self._is_asking = True
        try:
            self._settle_on_loop()
            if self._is_left:
                await self._stop()
            return await answer
        except GeneratorExit:  # nobody waits any more, and nothing can be awaited
            self._leave()
            raise
        except BaseException:
            answer.close()
            await self._stop()
            raise
        finally:
            self._is_asking = False

    async def _answer_base(self, world: World | None) -> None:
        """Asks for the base, alone: nodes that no scenario changes then have memos, and no scenario runs them."""
        job = self._make_base_job(world)
        self._idle.appendleft(job)
        while (result := self._find_answer(job)) is None:
            self._start_idle()
            await self._wait()
        assert job.world is not None  # noqa: S101  no tweaks are always possible
        self._bases.add(job.world, result)
        self._lose(job)
        job.close()

    async def _answer_oldest(self) -> Result[V] | None:
        self._call_site.check()  # runs begun before go on, but nobody records them
        while True:
            self._hand_out_kept()
            self._start_idle()
            self._start_new()
            if not self._drawn:
                return self._end()
            job = self._take_oldest()
            result = self._find_answer(job)
            if result is not None:
                return result
            await self._wait()

    def _find_answer(self, job: Job[V]) -> Result[V] | None:
        """Returns the result of a job, if it is there.

        Raises:
            BaseException: a node raised something other than an `Exception`, or cancelled itself.
        """
        attempt = self._attempts.get(job)
        if attempt is None or not attempt.has_ended:
            return None
        if isinstance(attempt.outcome, Result):
            return attempt.outcome  # kept in mind until it is handed out: an interrupt may come before that
        del self._attempts[job]
        if attempt.outcome is None:
            self._idle.appendleft(job)
            self._start_idle()
            return None
        raise attempt.outcome

    def _lose(self, job: Job[V]) -> None:
        self._attempts.pop(job, None)

    def _start_new(self) -> None:
        """Takes and starts as many scenarios as there is room for."""
        while len(self._running) < self._limit and len(self._drawn) < self._window and not self._is_drained:
            job = self._draw()
            if job is not None:
                self._start(job)

    def _start_idle(self) -> None:
        """Starts the drawn scenarios that are not in flight, as far as there is room."""
        while self._idle and len(self._running) < self._limit:
            self._start(self._idle.popleft())

    def _start(self, job: Job[V]) -> None:
        loop, variables = backend(), job.variables()
        attempt = self._attempts[job] = _Attempt()
        self._running.add(attempt)
        attempt.task = loop.start(partial(_answer, loop, job, attempt), variables, partial(self._note_end, attempt))

    def _note_end(self, attempt: _Attempt[V]) -> None:
        """Wakes the waiter; does nothing for abandoned scenarios."""
        if attempt in self._running:
            self._running.remove(attempt)
            attempt.has_ended = True
            self._change.set()

    async def _wait(self) -> None:
        """Waits until something in flight has ended."""
        self._change = backend().Event()
        await self._change.wait()

    def _settle_on_loop(self) -> None:
        """Abandons scenarios in flight on another loop, which may be gone, so that this loop asks them again."""
        loop = backend().find_loop()
        if loop is not self._loop:
            self._cancel()
            self._give_up()
            self._loop = loop

    def _leave(self) -> None:
        """Cancels the scenarios in flight; the next caller waits for them."""
        self._is_left = True
        self._cancel()

    def _cancel(self) -> None:
        for attempt in tuple(self._running):
            attempt.task.cancel_threadsafe()

    async def _stop(self) -> None:
        """Cancels the scenarios in flight, and waits for them."""
        tasks = [attempt.task for attempt in self._running]
        self._give_up()
        await backend().end(tasks)

    def _give_up(self) -> None:
        """Forgets the scenarios in flight, so that they are asked again."""
        self._is_left = False
        self._running.clear()
        self._attempts = {job: one for job, one in self._attempts.items() if isinstance(one.outcome, Result)}
        for attempt in self._attempts.values():
            attempt.has_ended = True
        self._idle = deque(job for job in self._drawn if job not in self._attempts)


def _make_not_awaited(what: str) -> TypeError:
    return TypeError(
        f"The {what} is not there yet, because a target is of a coroutine function. "
        'Type "results = await dug.sweep(...)", or "async for result in dug.sweep(...):".'
    )


class _Iteration(AsyncIterator[Result[V]]):
    """One ``async for`` over a sweep; when the last one ends, the scenarios in flight are cancelled."""

    def __init__(self, swept: AsyncSweep[V]) -> None:
        self._swept = swept
        self._position = 0
        swept._iterations += 1

    async def __anext__(self) -> Result[V]:
        result = await self._swept._find_async(self._position)
        if result is None:
            raise StopAsyncIteration
        self._position += 1
        return result

    def __del__(self) -> None:
        swept = self._swept
        swept._iterations -= 1
        if swept._running and not swept._iterations and not swept._is_asking:
            swept._leave()


async def _answer(loop: Any, job: Job[V], attempt: _Attempt[V]) -> None:
    """Runs one job in its own task; only cancellation propagates."""
    try:
        attempt.outcome = await job.answer_async(loop)
    except BaseException as exc:
        attempt.outcome = exc
        if isinstance(exc, loop.CANCELLED):
            raise


def _find_bounds(limit: int | None, total: int | None) -> tuple[int, int]:
    """Returns how many scenarios may run at the same time, and how many may be taken and not yet handed out."""
    if limit is None and total is not None:
        return sys.maxsize, sys.maxsize
    at_once = AT_ONCE if limit is None else limit
    return at_once, 1 + AHEAD * (at_once - 1)  # one is waited for
