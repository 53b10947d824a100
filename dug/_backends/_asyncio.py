"""Runs of coroutine functions on asyncio; see `dug._backends`."""

import asyncio
from _thread import get_ident
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any

from .._core._finish import abandon, give_up
from .._core._flight import PATIENCE_S, Joined, Wait, join, join_own, part
from .._core._frame import Frame, Run, current

CANCELLED = asyncio.CancelledError

Drive = Callable[[Run], Coroutine[Any, Any, None]]


class _Task:
    """The task that drives a run, for those who wait on other loops and threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
        self._loop, self.task, self._thread = loop, task, get_ident()

    def cancel(self) -> None:
        """Cancels the run; from any thread."""
        if get_ident() == self._thread:
            self.task.cancel()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.task.cancel)

    def is_lost(self) -> bool:
        """True when the loop is closed, so that the run will never end."""
        return self._loop.is_closed()


class _Sleeper:
    """One asker that sleeps in its own task until it is woken from any thread."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._future: asyncio.Future[None] = self.loop.create_future()

    def wake(self) -> None:
        """Ends the sleep."""
        if get_ident() == self._thread:
            self._set()
        elif not self.loop.is_closed():  # else nobody sleeps there any more
            self.loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def sleep(self, run: Run) -> None:
        """Sleeps until woken; for a run on another loop or thread, also until that is gone."""
        if run.thread == self._thread:
            await self._future
            return
        while not self._future.done() and not run.is_lost():
            await asyncio.wait([self._future], timeout=PATIENCE_S)


async def fly(frame: Frame, run: Run, drive: Drive) -> Any:
    """Drives a run to its end in a task of its own, and returns what came of it."""
    sleeper = _Sleeper()
    wait = join_own(frame, run, sleeper.wake)
    context = copy_context()
    context.run(current.set, run)
    task = sleeper.loop.create_task(drive(run), context=context)
    task.add_done_callback(lambda _: abandon(run))  # nothing to do, unless it was cancelled before it began
    run.task = _Task(sleeper.loop, task)
    await _sleep(sleeper, wait)
    return run.outcome


async def wait(frame: Frame, joined: Joined) -> None:
    """Waits for a run that somebody else drives."""
    sleeper = _Sleeper()
    begun = join(frame, joined, sleeper.wake, thread=None)
    if begun is not None:
        await _sleep(sleeper, begun)


async def _sleep(sleeper: _Sleeper, wait: Wait) -> None:
    """Sleeps through a wait; the last asker that is cancelled cancels the run, and returns after it has ended."""
    run = wait.run
    try:
        await sleeper.sleep(run)
    except BaseException as exc:
        task = run.task
        if part(wait) and task is not None and not run.is_done:
            task.cancel()
            if isinstance(task, _Task) and isinstance(exc, CANCELLED) and run.thread == get_ident():
                await asyncio.wait([task.task])
        raise
    part(wait)
    give_up(run)


async def gather(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Returns the results of coroutines that run at the same time; when one raises, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in coroutines]
    return [task.result() for task in tasks]
