"""Runs of coroutine functions on asyncio; see `dug._backends`."""

import asyncio
from _thread import get_ident
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any

from .._core._finish import give_up
from .._core._flight import PATIENCE_S, Joined, Wait, join, join_own, outcome_of, part
from .._core._frame import Frame, Run, current

CANCELLED = asyncio.CancelledError

Drive = Callable[[Run], Coroutine[Any, Any, None]]


class _Task:
    """The task that drives a run, for those who wait on other loops and threads."""

    __slots__ = ("_loop", "_thread", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
        self._loop, self.task, self._thread = loop, task, get_ident()

    def cancel(self) -> None:
        """Cancels the run; from any thread."""
        if get_ident() == self._thread:
            self.task.cancel()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.task.cancel)

    def is_lost(self) -> bool:
        """True when the loop is closed, or the task was cancelled before it began, so that the run will never end."""
        return self._loop.is_closed() or self.task.done()


class _Sleeper:
    """One asker that sleeps in its own task until it is woken from any thread."""

    __slots__ = ("_loop", "_thread", "woken")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = get_ident()
        self.woken: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        """Ends the sleep."""
        if get_ident() == self._thread:
            self._set()
        elif not self._loop.is_closed():  # else nobody sleeps there any more
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


async def fly(frame: Frame, run: Run, drive: Drive) -> Any:
    """Drives a run to its end in a task of its own, and returns what came of it."""
    loop = asyncio.get_running_loop()
    sleeper = _Sleeper(loop)
    wait = join_own(frame, run, sleeper.wake)
    context = copy_context()
    context.run(current.set, run)
    run.task = _Task(loop, loop.create_task(drive(run), context=context))
    try:
        await sleeper.woken
    except BaseException as exc:
        await _leave(wait, exc)
        raise
    part(wait)
    return outcome_of(wait)


async def wait(frame: Frame, joined: Joined) -> None:
    """Waits for a run that somebody else drives; for one on another loop or thread, also until that is gone."""
    sleeper = _Sleeper(asyncio.get_running_loop())
    begun = join(frame, joined, sleeper.wake, thread=None)
    if begun is None:
        return
    run = joined.run
    try:
        if run.thread == get_ident():
            await sleeper.woken
        while not sleeper.woken.done() and not run.is_lost():
            await asyncio.wait([sleeper.woken], timeout=PATIENCE_S)
    except BaseException as exc:
        await _leave(begun, exc)
        raise
    part(begun)
    joined.failure = begun.failure
    give_up(run)


async def _leave(wait: Wait, reason: BaseException) -> None:
    """Ends the wait of an asker that is cancelled; the last one cancels the run, and goes on after that has ended."""
    run = wait.run
    if part(wait) and run.task is not None and not run.is_done:
        run.task.cancel()
        if isinstance(run.task, _Task) and isinstance(reason, CANCELLED) and run.thread == get_ident():
            await asyncio.wait([run.task.task])
    give_up(run)


async def gather(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Returns the results of coroutines that run at the same time; when one raises, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in coroutines]
    return [task.result() for task in tasks]
