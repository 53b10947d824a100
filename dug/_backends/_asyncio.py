"""Runs of coroutine functions on asyncio; see `dug._backends`."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import Context as Variables
from contextvars import copy_context
from typing import Any

from .._core._finish import abandon, give_up
from .._core._flight import PATIENCE_S, Joined, Wait, join, join_own, outcome_of, part
from .._core._frame import UNTRUE, Frame, Run, current

CANCELLED = asyncio.CancelledError
Event = asyncio.Event
find_loop = asyncio.get_running_loop

Drive = Callable[[Run], Coroutine[Any, Any, None]]


class _Task:
    """A task that may be cancelled from other loops and threads: one that drives a run, or a scenario of a sweep."""

    __slots__ = ("loop", "task")

    def __init__(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
        self.loop, self.task = loop, task

    def cancel(self, run: Run | None = None) -> None:
        """Cancels the task, which drives `run` if it drives one; from any thread."""
        if asyncio._get_running_loop() is self.loop:
            self.task.cancel()
        else:
            _call_soon(self.loop, self._cancel_there, run)

    def _cancel_there(self, run: Run | None) -> None:
        self.task.cancel()
        if run is not None:
            self.task.add_done_callback(lambda _: give_up(run))  # if it had not begun, nothing of it will say that it ended

    def is_lost(self) -> bool:
        """True when the loop is closed or was left, or the task was cancelled before it began, so that the run will not end.

        A loop that was left may be run again: then what has been begun anew meanwhile counts.
        """
        return self.task.done() or self.loop.is_closed() or not self.loop.is_running()


class _Sleeper:
    """One asker that sleeps in its own task until it is woken from any thread."""

    __slots__ = ("_loop", "woken")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.woken: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        """Ends the sleep."""
        if asyncio._get_running_loop() is self._loop:
            self._set()
        else:
            _call_soon(self._loop, self._set)

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
    driven = drive(run)
    try:
        run.task = _Task(loop, loop.create_task(driven, context=context))
    except BaseException:
        driven.close()
        part(wait)
        abandon(run)
        raise
    try:
        await sleeper.woken
    except BaseException as exc:
        await _leave(wait, exc)
        raise
    part(wait)
    return outcome_of(wait)


async def wait(frame: Frame, joined: Joined) -> None:
    """Waits for a run that somebody else drives; for one on another loop or thread, also until that is gone."""
    loop = asyncio.get_running_loop()
    sleeper = _Sleeper(loop)
    begun = join(frame, joined, sleeper.wake, thread=None)
    if begun is None:
        return
    run = joined.run
    try:
        if _is_on(run, loop):
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
    run, task = wait.run, wait.run.task
    if part(wait) and task is not None and not run.is_done:
        run.tainted = UNTRUE  # what a body makes of its cancellation is no value of its node
        if isinstance(task, _Task) and isinstance(reason, CANCELLED) and _is_on(run, asyncio._get_running_loop()):
            with _shielded():
                await _end(task.task)
        else:
            task.cancel(run)
    give_up(run)


async def _end(task: "asyncio.Task[None]") -> None:
    """Cancels a task, and returns when it has ended.

    One that is cancelled already, because its loop is about to close, is left to clean up.  If that was a timeout of its own, it
    goes on afterwards, and is cancelled then.
    """
    while not task.done():
        if not task.cancelling():
            task.cancel()
        await asyncio.wait([task], timeout=PATIENCE_S)


async def call_aside(call: Callable[..., Any], *args: Any) -> Any:
    """Returns what a blocking call gives in a thread: in one of anyio where that is in use, since the call may count on it."""
    anyio_threads = sys.modules.get("anyio.to_thread")
    return await (asyncio.to_thread if anyio_threads is None else anyio_threads.run_sync)(call, *args)


def _is_on(run: Run, loop: asyncio.AbstractEventLoop | None) -> bool:
    """True when a task of `loop` drives a run."""
    return isinstance(run.task, _Task) and run.task.loop is loop


def _shielded() -> AbstractContextManager[object]:
    """Keeps off the cancellations of anyio, which come again and again; who cancels a second time by himself is heard."""
    anyio = sys.modules.get("anyio")
    return nullcontext() if anyio is None else anyio.CancelScope(shield=True)


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: Any) -> None:
    """Makes a call on another loop, or none when that is closed: nobody waits there any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


async def gather(coroutines: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Returns the results of coroutines that run at the same time; when one raises, the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in coroutines]
    return [task.result() for task in tasks]


def start(call: Callable[[], Coroutine[Any, Any, None]], variables: Variables, on_end: Callable[[], object]) -> _Task:
    """Lets ``call()`` run in a task of its own, in which `variables` are in force; `on_end` is called on this loop after it."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(call(), context=variables)
    task.add_done_callback(lambda _: on_end())
    return _Task(loop, task)


async def end(tasks: Iterable[_Task]) -> None:
    """Cancels tasks that were started on this loop, and waits for them, also when who waits is cancelled meanwhile."""
    pending = {one.task for one in tasks}
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
