"""Runs of coroutine functions on trio; see `dug._backends`."""

import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial
from typing import Any

import trio

from .._core._finish import abandon, give_up
from .._core._flight import PATIENCE_S, Joined, Wait, join, join_own, outcome_of, part
from .._core._frame import UNTRUE, Frame, Run, current

CANCELLED = trio.Cancelled
Event = trio.Event
find_loop = trio.lowlevel.current_trio_token

Drive = Callable[[Run], Coroutine[Any, Any, None]]


class _Task:
    """A system task that may be cancelled from other threads: one that drives a run, or a scenario of a sweep."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.token = trio.lowlevel.current_trio_token()

    async def carry(self, call: Callable[[], Coroutine[Any, Any, None]], on_end: Callable[[], object]) -> None:
        """Awaits ``call()``; a system task must let nothing out but its own cancellation."""
        try:
            with self.scope:
                await call()
        finally:
            on_end()
            self.ended.set()

    def cancel(self, run: Run | None = None) -> None:  # noqa: ARG002  the other backend needs it
        """Cancels the task; from any thread."""
        _run_there(self.token, self.scope.cancel)

    def is_lost(self) -> bool:
        """True when the trio run is over, so that this one will never end."""
        return not _run_soon(self.token, _nothing)


class _Sleeper:
    """One asker that sleeps in its own task until it is woken from any thread."""

    def __init__(self) -> None:
        self.woken = trio.Event()
        self.token = trio.lowlevel.current_trio_token()

    def wake(self) -> None:
        """Ends the sleep."""
        _run_there(self.token, self.woken.set)


async def fly(frame: Frame, run: Run, drive: Drive) -> Any:
    """Drives a run to its end in a system task of its own, and returns what came of it."""
    sleeper = _Sleeper()
    wait = join_own(frame, run, sleeper.wake)
    context = copy_context()
    context.run(current.set, run)
    run.task = task = _Task()
    try:
        on_end = partial(abandon, run)  # nothing to do, unless it was cancelled before it began
        trio.lowlevel.spawn_system_task(task.carry, partial(drive, run), on_end, context=context)
    except BaseException:  # the trio run is about to end
        part(wait)
        abandon(run)
        raise
    try:
        await sleeper.woken.wait()
    except BaseException as exc:
        await _leave(wait, exc)
        raise
    part(wait)
    return outcome_of(wait)


async def wait(frame: Frame, joined: Joined) -> None:
    """Waits for a run that somebody else drives; for one on another loop or thread, also until that is gone."""
    sleeper = _Sleeper()
    begun = join(frame, joined, sleeper.wake, thread=None)
    if begun is None:
        return
    run = joined.run
    try:
        if _is_on(run, sleeper.token):
            await sleeper.woken.wait()
        while not sleeper.woken.is_set() and not run.is_lost():
            with trio.move_on_after(PATIENCE_S):
                await sleeper.woken.wait()
    except BaseException as exc:
        await _leave(begun, exc)
        raise
    part(begun)
    joined.failure = begun.failure
    give_up(run)


async def _leave(wait: Wait, reason: BaseException) -> None:
    """Ends the wait of an asker that is cancelled; the last one cancels the run, and goes on after that has ended."""
    run, task = wait.run, wait.run.task
    if part(wait) and task is not None and not run.is_done:
        run.tainted = UNTRUE  # what a body makes of its cancellation is no value of its node
        task.cancel(run)
        if isinstance(task, _Task) and isinstance(reason, CANCELLED) and _is_on(run, trio.lowlevel.current_trio_token()):
            with trio.CancelScope(shield=True):
                await task.ended.wait()
    give_up(run)


async def call_aside(call: Callable[..., Any], *args: Any) -> Any:
    """Returns what a blocking call gives in a thread: in one of anyio where that is in use, since the call may count on it."""
    threads: Any = sys.modules.get("anyio.to_thread", trio.to_thread)
    return await threads.run_sync(call, *args)


def _is_on(run: Run, token: trio.lowlevel.TrioToken) -> bool:
    """True when a task of the trio run with this token drives a run."""
    return isinstance(run.task, _Task) and run.task.token is token


async def gather(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Returns the results of coroutines that run at the same time; when one raises, the others are cancelled."""
    results: list[Any] = [None] * len(coroutines)

    async def keep(position: int, coroutine: Coroutine[Any, Any, Any]) -> None:
        results[position] = await coroutine

    async with trio.open_nursery() as nursery:
        for position, coroutine in enumerate(coroutines):
            nursery.start_soon(keep, position, coroutine)
    return results


def start(call: Callable[[], Coroutine[Any, Any, None]], variables: Variables, on_end: Callable[[], object]) -> _Task:
    """Lets ``call()`` run in a system task, in which `variables` are in force; `on_end` is called on this loop after it."""
    task = _Task()
    trio.lowlevel.spawn_system_task(task.carry, call, on_end, context=variables)
    return task


async def end(tasks: Iterable[_Task]) -> None:
    """Cancels tasks that were started on this loop, and waits for them, also when who waits is cancelled meanwhile."""
    waiting = tuple(tasks)
    for task in waiting:
        task.cancel()
    with trio.CancelScope(shield=True):
        for task in waiting:
            await task.ended.wait()


def _run_there(token: trio.lowlevel.TrioToken, call: Callable[[], object]) -> None:
    """Makes a call in a trio run: at once from a task of it, soon from elsewhere, not at all when it is over."""
    if trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token() is token:
        call()
    else:
        _run_soon(token, call)


def _run_soon(token: trio.lowlevel.TrioToken, call: Callable[[], object]) -> bool:
    """Runs `call` in the thread of a trio run; False when that run is over."""
    try:
        token.run_sync_soon(call)
    except trio.RunFinishedError:
        return False
    return True


def _nothing() -> None:
    """Asks whether a trio run still takes calls."""
