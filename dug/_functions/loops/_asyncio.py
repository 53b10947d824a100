"""Tasks on asyncio: `launch` drives a run in one, `TaskWait` waits and passes a cancellation on; `Sleep`, `gather`, `start`.

Also `take_turn`, `run_in_thread`, `end` and `wait_ended`, as `loops` lists them; `_Turn` says whether a run may begin at once
(`_may_begin_now`), `_hold` keeps a task alive.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context as Variables
from functools import partial
from sys import exception
from threading import local
from typing import Any

from ..._core.drive import INVALID, PATIENCE_S, DriverWait, abandon
from ..._core.read import Frame, Run
from ..._extras.packages import find_loaded
from ..sync_driver import has_room
from ._tasks import CAN_BEGIN_NOW, LaterTask, Task, begin_now, call_soon

CANCELLED = asyncio.CancelledError
Event = asyncio.Event
find_loop = asyncio.get_running_loop

RUNS_A_TURN = 99
"""How many runs begin, one after the other or inside one another, before one begins in a turn of the loop of its own."""

Drive = Callable[[Run], Coroutine[Any, Any, None]]


class TaskWait(DriverWait):
    """One asker that sleeps in its own task until the run that it waits for has ended; any thread can wake it."""

    __slots__ = ("is_over", "loop", "woken")

    def __init__(self, frame: Frame, run: Run) -> None:
        self.frame, self.run, self.thread = frame, run, None
        self.holders, self.result, self.failure = (), None, None
        self.is_optional, self.differs = False, 0
        self.loop = asyncio.get_running_loop()
        self.is_over = False
        """True when there is nothing to sleep for any more."""
        self.woken: asyncio.Future[None] | None = None
        """What a sleeper waits for."""

    def wake(self) -> None:
        """Ends the sleep."""
        if asyncio._get_running_loop() is self.loop:
            self._set()
        else:
            call_soon(self.loop, self._set)

    def _set(self) -> None:
        self.is_over = True
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)

    def sleep(self) -> Awaitable[None]:
        """Returns an awaitable: until the run is done or, for one on another loop or thread, that loop is gone."""
        self.woken = woken = self.loop.create_future()
        if self.is_over:
            woken.set_result(None)
        return woken if _is_on(self.run, self.loop) else self._watch(woken)

    async def _watch(self, woken: "asyncio.Future[None]") -> None:
        while not woken.done() and not self.run.is_lost():
            await asyncio.wait([woken], timeout=PATIENCE_S)

    async def leave(self, reason: BaseException) -> None:
        """Ends the wait of a cancelled asker; the last asker cancels the run, and returns after that has ended."""
        run, task = self.run, self.run.task
        if self.leave_wait() and task is not None and not run.is_done:
            run.unfileable = INVALID  # a value that a body gives after its cancellation is not a value of its node
            if isinstance(task, Task) and isinstance(reason, CANCELLED) and _is_on(run, asyncio._get_running_loop()):
                with _shielded():
                    await _end(task)
            else:
                task.cancel_threadsafe()
        self.abandon_if_lost()


class Sleep:
    """The sleep of one asker that any of several waits ends, from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken: asyncio.Future[None] = self._loop.create_future()

    def wake(self) -> None:
        """Ends the sleep, also one that has not begun."""
        if asyncio._get_running_loop() is self._loop:
            self._set()
        else:
            call_soon(self._loop, self._set)

    def _set(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    async def last(self, seconds: float | None) -> None:
        """Returns when somebody ended it, or after so many seconds."""
        timer = None if seconds is None else self._loop.call_later(seconds, self._set)
        try:
            await self._woken
        finally:
            if timer is not None:
                timer.cancel()


async def take_turn() -> None:
    """Lets the other tasks of the loop have a turn."""
    await asyncio.sleep(0)


def find_time() -> float:
    """Returns the time of this loop's clock, in seconds."""
    return asyncio.get_running_loop().time()


class _Turn(local):
    """How many runs may still begin in a thread while their askers run, before one begins in a turn of its own."""

    left = RUNS_A_TURN


_turn = _Turn()


def launch(frame: Frame, run: Run, drive: Drive) -> TaskWait:
    """Drives a run to its end in a task of its own, and returns the asker's wait for it, which may be over."""
    wait: Any = TaskWait(frame, run)
    driven: Any = None
    task: Any = None
    try:
        wait.join_own()
        driven = drive(run)
        if _may_begin_now():
            task = begin_now(driven, wait.loop, run.key[0])
            if task is not None and run.is_done:  # the loop ends it
                wait.is_over = False
                task.add_done_callback(partial(_end_sleep, wait))
        else:
            task = LaterTask(driven, loop=wait.loop, name=str(run.key[0]))
            task.run = run
        if not run.is_done:
            run.task = task
        return wait  # type: ignore[no-any-return]  # see above
    except BaseException:
        if driven is not None:
            driven.close()
        wait.leave_wait()
        abandon(run)
        raise
    finally:
        del frame, run, wait, driven, task  # see `failure.empty_own_frames`


def _end_sleep(wait: TaskWait, _task: object) -> None:
    wait._set()


def _may_begin_now() -> bool:
    """True when a run may begin while its asker runs; now and then none may, so that the loop is not kept from its other tasks.

    While the asker handles an exception, errors of the body would get that for their context; and a body needs a stack.
    """
    _turn.left -= 1
    if _turn.left < 0:
        _turn.left = RUNS_A_TURN
        return False
    return CAN_BEGIN_NOW and exception() is None and has_room() and asyncio.current_task() is not None


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
    return isinstance(run.task, Task) and run.task.get_loop() is loop


def _shielded() -> AbstractContextManager[object]:
    """Shields from anyio, which re-delivers a cancellation at every await; a second explicit cancellation still gets through."""
    scope = find_loaded("anyio", "CancelScope")
    return nullcontext() if scope is None else scope(shield=True)


async def gather(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Returns the results of coroutines that run at the same time; when one raises, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in coroutines]
    return [task.result() for task in tasks]


def start(call: Callable[[], Coroutine[Any, Any, None]], variables: Variables, on_end: Callable[[], object]) -> Task:
    """Lets ``call()`` run in a task of its own, in which `variables` are in force; `on_end` is called on this loop after it."""
    task = Task(call(), context=variables)
    task.add_done_callback(lambda _: on_end())
    _hold(task)
    return task


def is_stopped(task: Any, error: BaseException) -> bool:
    """True when an exception ends a task from outside, and is none of the user's: somebody cancelled it, or its loop is gone."""
    if isinstance(error, GeneratorExit):  # thrown in where the coroutine is closed, and then no task of its own runs
        return asyncio._get_running_loop() is None or asyncio.current_task() is not task
    return isinstance(error, CANCELLED) and bool(task.cancelling())


# By loop, the tasks that were started and go on: asyncio itself does not hold them.  One that waits for what only it leads to
# would be collected in the middle, together with its last reader, which then could not end it.
_started: dict[asyncio.AbstractEventLoop, set[Task]] = {}


def _hold(task: Task) -> None:
    """Keeps a task until it has ended, or its loop was closed and another task is started."""
    for loop in tuple(_started):
        if loop.is_closed():
            _started.pop(loop, None)
    _started.setdefault(task.get_loop(), set()).add(task)
    task.add_done_callback(_let_go)


def _let_go(task: "asyncio.Task[None]") -> None:
    held = _started.get(task.get_loop(), set())
    held.discard(task)
    if not held:
        _started.pop(task.get_loop(), None)


async def end(tasks: Iterable[Task]) -> None:
    """Cancels tasks that were started on this loop, and waits for them, also when the caller is cancelled in between."""
    ending = tuple(tasks)
    for task in ending:
        task.cancel()
    await wait_ended(ending)


async def wait_ended(tasks: Iterable[Task]) -> None:
    """Waits for tasks that were cancelled on this loop, also when the caller is cancelled in between."""
    pending: set[asyncio.Task[None]] = set(tasks)  # those that are done too: what they called when they ended comes first
    cancelled: BaseException | None = None
    while pending:
        try:
            await asyncio.wait(pending)
        except CANCELLED as exc:
            cancelled = exc
        pending = {task for task in pending if not task.done()}
    if cancelled is not None:
        raise cancelled
