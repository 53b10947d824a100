"""Tasks on asyncio: `launch` drives a run in one, `TaskWait` waits and passes a cancellation on; `gather`, `start`, `end`."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import Context as Variables
from typing import Any

from ..._core.drive import INVALID, PATIENCE_S, DriverWait, abandon
from ..._core.read import Frame, Run
from ..._extras.packages import find_loaded

CANCELLED = asyncio.CancelledError
Event = asyncio.Event
find_loop = asyncio.get_running_loop

Drive = Callable[[Run], Coroutine[Any, Any, None]]


class _Task(asyncio.Task[None]):
    """A task that other loops and threads can cancel: it drives a run, or a scenario of a sweep.

    It is made without the loop's task factory: an eager one would begin it inside the asker.
    """

    __slots__ = ("run",)
    run: Run | None
    """The run that it drives, while it may not have begun; None for a scenario of a sweep."""

    def cancel_threadsafe(self) -> None:
        """Cancels the task; from any thread."""
        loop = self.get_loop()
        if asyncio._get_running_loop() is loop:
            self.cancel()
        else:
            _call_soon(loop, self.cancel)

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancels the task, also at the user's own cancellation; from the thread of its loop."""
        if self.run is not None:
            self.add_done_callback(_abandon_unstarted)
        return super().cancel(msg)

    def is_lost(self) -> bool:
        """True when the loop is closed or was left, or the task was cancelled before it began, so that the run will not end.

        A loop that was left may be run again: then runs that were begun again in between count.
        """
        return self.done() or self.get_loop().is_closed() or not self.get_loop().is_running()


class TaskWait(DriverWait):
    """One asker that sleeps in its own task until the run that it waits for has ended; any thread can wake it."""

    __slots__ = ("loop", "woken")

    def __init__(self, frame: Frame, run: Run) -> None:
        self.frame, self.run, self.thread = frame, run, None
        self.holders, self.result, self.failure = (), None, None
        self.is_optional, self.differs = False, 0
        self.loop = loop = asyncio.get_running_loop()
        self.woken: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        """Ends the sleep."""
        if asyncio._get_running_loop() is self.loop:
            self._set()
        else:
            _call_soon(self.loop, self._set)

    def _set(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)

    def sleep(self) -> Awaitable[None]:
        """Returns an awaitable: until the run is done or, for one on another loop or thread, that loop is gone."""
        return self.woken if _is_on(self.run, self.loop) else self._watch()

    async def _watch(self) -> None:
        while not self.woken.done() and not self.run.is_lost():
            await asyncio.wait([self.woken], timeout=PATIENCE_S)

    async def leave(self, reason: BaseException) -> None:
        """Ends the wait of a cancelled asker; the last asker cancels the run, and returns after that has ended."""
        run, task = self.run, self.run.task
        if self.leave_wait() and task is not None and not run.is_done:
            run.unfileable = INVALID  # a value that a body gives after its cancellation is not a value of its node
            if isinstance(task, _Task) and isinstance(reason, CANCELLED) and _is_on(run, asyncio._get_running_loop()):
                with _shielded():
                    await _end(task)
            else:
                task.cancel_threadsafe()
        self.abandon_if_lost()


def launch(frame: Frame, run: Run, drive: Drive) -> TaskWait:
    """Drives a run to its end in a task of its own, and returns the asker's wait for it."""
    wait = TaskWait(frame, run)
    wait.join_own()
    driven = drive(run)
    try:
        run.task = task = _Task(driven, loop=wait.loop, name=str(run.key[0]))
    except BaseException:
        driven.close()
        wait.leave_wait()
        abandon(run)
        raise
    task.run = run
    return wait


def _abandon_unstarted(task: "asyncio.Task[None]") -> None:
    """Abandons a run whose task was cancelled before it began: nothing else reports that it ended."""
    assert isinstance(task, _Task)  # noqa: S101  only those have it called
    run, task.run = task.run, None
    if run is not None and not run.is_done:
        abandon(run)


async def _end(task: "asyncio.Task[None]") -> None:
    """Cancels a task, and returns when it has ended.

    A task that is cancelled already, because its loop is about to close, may clean up first.  If a timeout of its own cancelled
    it, it goes on afterwards, and is cancelled then.
    """
    while not task.done():
        if not task.cancelling():
            task.cancel()
        await asyncio.wait([task], timeout=PATIENCE_S)


async def run_in_thread(call: Callable[..., Any], *args: Any) -> Any:
    """Returns the result of a blocking call made in a thread: a worker of anyio if that is in use, as the call may need one."""
    return await (find_loaded("anyio.to_thread", "run_sync") or asyncio.to_thread)(call, *args)


def _is_on(run: Run, loop: asyncio.AbstractEventLoop | None) -> bool:
    """True when a task of `loop` drives a run."""
    return isinstance(run.task, _Task) and run.task.get_loop() is loop


def _shielded() -> AbstractContextManager[object]:
    """Shields from anyio, which re-delivers a cancellation at every await; a second explicit cancellation still gets through."""
    scope = find_loaded("anyio", "CancelScope")
    return nullcontext() if scope is None else scope(shield=True)


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: Any) -> None:
    """Schedules a call on another loop; does nothing if that is closed, as nobody waits there any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


async def gather(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Returns the results of coroutines that run at the same time; when one raises, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in coroutines]
    return [task.result() for task in tasks]


def start(call: Callable[[], Coroutine[Any, Any, None]], variables: Variables, on_end: Callable[[], object]) -> _Task:
    """Lets ``call()`` run in a task of its own, in which `variables` are in force; `on_end` is called on this loop after it."""
    task = _Task(call(), context=variables)
    task.run = None
    task.add_done_callback(lambda _: on_end())
    return task


async def end(tasks: Iterable[_Task]) -> None:
    """Cancels tasks that were started on this loop, and waits for them, also when the caller is cancelled in between."""
    pending: set[asyncio.Task[None]] = set(tasks)
    for task in pending:
        task.cancel()
    cancelled: BaseException | None = None
    while pending:
        try:
            await asyncio.wait(pending)
        except CANCELLED as exc:
            cancelled = exc
        pending = {task for task in pending if not task.done()}
    if cancelled is not None:
        raise cancelled
