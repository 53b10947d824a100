"""Tasks on trio: `launch` drives a run in one, `TaskWait` waits and passes a cancellation on; `Sleep`, `gather`, `start`.

`_Task` is a task in a nursery that waits for nothing else, cancelled by its scope; also `run_in_thread`, `end`, `wait_ended`, as
`loops` lists them.
"""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextvars import Context as Variables
from contextvars import copy_context
from functools import partial
from math import inf
from typing import Any

import trio

from ..._core.drive import INVALID, PATIENCE_S, DriverWait, abandon
from ..._core.read import Frame, Run
from ..._extras.packages import find_loaded

CANCELLED = trio.Cancelled
Event = trio.Event
find_loop = trio.lowlevel.current_trio_token
take_turn = trio.lowlevel.checkpoint
find_time = trio.current_time

Drive = Callable[[Run], Coroutine[Any, Any, None]]


class _Task:
    """A system task that other threads can cancel: it drives a run, or a scenario of a sweep."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.token = trio.lowlevel.current_trio_token()
        self.task: Any = None
        """The task of trio, once it was made."""

    async def carry(self, call: Callable[[], Coroutine[Any, Any, None]], on_end: Callable[[], object]) -> None:
        """Awaits ``call()``; a system task may let only its own cancellation propagate."""
        try:
            with self.scope:
                await call()
        except GeneratorExit:  # what it drove has noted whose it was
            pass
        finally:
            on_end()
            self.ended.set()
            self.task = None  # its context leads to what it drove, as do the variables here, see `failure.empty_own_frames`
            del self, call, on_end

    async def wait_ended(self) -> None:
        """Returns when the task has ended, also when an interrupt ended it before its first line, which nothing reports."""
        while not self.ended.is_set() and (self.task is None or self.task.coro.cr_frame is not None):
            with trio.move_on_after(PATIENCE_S):
                await self.ended.wait()

    def cancel_threadsafe(self) -> None:
        """Cancels the task; from any thread."""
        _run_there(self.token, self.scope.cancel)

    def is_lost(self) -> bool:
        """True when the trio run is over, so that the task will never end."""
        return not _run_soon(self.token, _nothing)


class TaskWait(DriverWait):
    """One asker that sleeps in its own task until the run that it waits for has ended; any thread can wake it."""

    __slots__ = ("token", "woken")
    is_over = False
    """A system task begins when the loop comes to it, so each asker sleeps."""

    def __init__(self, frame: Frame, run: Run) -> None:
        super().__init__(frame, run, None)
        self.token = trio.lowlevel.current_trio_token()
        self.woken = trio.Event()

    def wake(self) -> None:
        """Ends the sleep."""
        _run_there(self.token, self.woken.set)

    async def sleep(self) -> None:
        """Returns when the run has ended, or its loop or thread is gone."""
        if _is_on(self.run, self.token):
            await self.woken.wait()
        while not self.woken.is_set() and not self.run.is_lost():
            with trio.move_on_after(PATIENCE_S):
                await self.woken.wait()

    async def leave(self, reason: BaseException) -> None:
        """Ends the wait of a cancelled asker; the last asker cancels the run, and returns after that has ended."""
        run, task = self.run, self.run.task
        if self.leave_wait() and task is not None and not run.is_done:
            run.unfileable = INVALID  # a value that a body gives after its cancellation is not a value of its node
            task.cancel_threadsafe()
            if isinstance(task, _Task) and isinstance(reason, CANCELLED) and _is_on(run, trio.lowlevel.current_trio_token()):
                with trio.CancelScope(shield=True):
                    await task.wait_ended()
        self.abandon_if_lost()


class Sleep:
    """The sleep of one asker that any of several waits ends, from any thread."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._woken = trio.Event()

    def wake(self) -> None:
        """Ends the sleep, also one that has not begun."""
        _run_there(self._token, self._woken.set)

    async def last(self, seconds: float | None) -> None:
        """Returns when somebody ended it, or after so many seconds."""
        with trio.move_on_after(inf if seconds is None else seconds):
            await self._woken.wait()


def launch(frame: Frame, run: Run, drive: Drive) -> TaskWait:
    """Drives a run to its end in a system task of its own, and returns the asker's wait for it."""
    wait = TaskWait(frame, run)
    wait.join_own()
    run.task = task = _Task()
    try:
        on_end = partial(abandon, run)  # nothing to do, unless it was cancelled before it began
        task.task = trio.lowlevel.spawn_system_task(task.carry, partial(drive, run), on_end, context=copy_context())
    except BaseException:  # the trio run is about to end
        wait.leave_wait()
        abandon(run)
        raise
    return wait


async def run_in_thread(call: Callable[..., Any], *args: Any) -> Any:
    """Returns the result of a blocking call made in a thread: a worker of anyio if that is in use, as the call may need one."""
    return await (find_loaded("anyio.to_thread", "run_sync") or trio.to_thread.run_sync)(call, *args)


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
    task.task = trio.lowlevel.spawn_system_task(task.carry, call, on_end, context=variables)
    return task


def is_stopped(task: Any, error: BaseException) -> bool:
    """True when an exception ends a task from outside, and is none of the user's: somebody cancelled it, or its loop is gone."""
    if isinstance(error, GeneratorExit):  # thrown in where the coroutine is closed, and then no task of its own runs
        return trio.lowlevel.current_task() is not task.task
    return isinstance(error, CANCELLED)


async def end(tasks: Iterable[_Task]) -> None:
    """Cancels tasks that were started on this loop, and waits for them, also when the caller is cancelled in between."""
    ending = tuple(tasks)
    for task in ending:
        task.cancel_threadsafe()
    await wait_ended(ending)


async def wait_ended(tasks: Iterable[_Task]) -> None:
    """Waits for tasks that were cancelled on this loop, also when the caller is cancelled in between."""
    with trio.CancelScope(shield=True):
        for task in tasks:
            await task.wait_ended()


def _run_there(token: trio.lowlevel.TrioToken, call: Callable[[], object]) -> None:
    """Makes a call in a trio run: at once from one of its tasks, soon from elsewhere; never when the run is over."""
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
