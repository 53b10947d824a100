"""The tasks of asyncio that drive runs: `begin_now` begins one while its asker runs, `LaterTask` when the loop comes to it.

A body that waits for nothing, because it computes or finds what it reads, ends before `begin_now` returns, and costs no trip
through the loop.  Whether it waits or not, and from its first line on, the body has a task of its own: `asyncio.current_task`,
time limits and cancel scopes inside it know no other, and cancelling the asker does not concern it.

From Python 3.12 on, asyncio begins tasks so.  For 3.11 `_begin_by_hand` does: it runs the body up to its first wait with a task
that was made and not initialised in force, which is initialised only if the body waits, or looks at it.

`Task` can be cancelled from other threads; `call_soon` has another thread's loop call something; `_Blank`, `_initialise` and
`_reach_second_wait` are parts of the way by hand.  `_drive_rest` drives what is left of a body.
"""

import asyncio
import sys
from collections.abc import Coroutine, Generator
from contextlib import suppress
from contextvars import copy_context
from inspect import CORO_RUNNING, CORO_SUSPENDED, getcoroutinestate
from sys import getrefcount
from types import coroutine
from typing import Any

from ..._core.drive import abandon
from ..._core.read import Run

Driven = Coroutine[Any, Any, None]


class Task(asyncio.Task[None]):
    """A task that other loops and threads can cancel: it drives a run, or a scenario of a sweep."""

    __slots__ = ("start",)
    start: Any
    """How it began, on 3.11: a `_Start`; in a blank task, what is needed to make one."""

    def cancel_threadsafe(self) -> None:
        """Cancels the task; from any thread."""
        loop = self.get_loop()
        if asyncio._get_running_loop() is loop:
            self.cancel()
        else:
            call_soon(loop, self.cancel)

    def is_lost(self) -> bool:
        """True when the loop is closed or was left, or the task was cancelled before it began, so that the run will not end.

        A loop that was left may be run again: then runs that were begun again in between count.
        """
        return self.done() or self.get_loop().is_closed() or not self.get_loop().is_running()


class LaterTask(Task):
    """A task that begins when the loop comes to it."""

    __slots__ = ("run",)
    run: Run | None
    """The run that it drives, while it may not have begun."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancels the task, also at the user's own cancellation; from the thread of its loop."""
        if self.run is not None:
            self.add_done_callback(_abandon_unstarted)
        return super().cancel(msg)


def _abandon_unstarted(task: "asyncio.Task[None]") -> None:
    """Abandons a run whose task was cancelled before it began: nothing else reports that it ended."""
    assert isinstance(task, LaterTask)  # noqa: S101  only those have it called
    run, task.run = task.run, None
    if run is not None and not run.is_done:
        abandon(run)


def call_soon(loop: asyncio.AbstractEventLoop, call: Any, *args: Any) -> None:
    """Schedules a call on another loop; does nothing if that is closed, as nobody waits there any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _begin_eagerly(driven: Driven, loop: asyncio.AbstractEventLoop, function: object) -> Task | None:
    """Runs a coroutine up to its first wait, in a task of its own that goes on with it; returns the task, or None at the end."""
    task = Task(driven, loop=loop, name=str(function), eager_start=True)  # type: ignore[call-arg]  # from 3.12 on
    try:
        return None if task.done() else task
    finally:
        del driven, task  # its variables lead to the run, see `failure.empty_own_frames`


_OVER: Any = object()


class _Start:
    """How far the coroutine of a task came before the task's first step in the loop."""

    __slots__ = ("driven", "is_cancelled", "waiting")

    def __init__(self, driven: Driven) -> None:
        self.driven = driven
        self.waiting: Any = None
        """What the coroutine waits for: a future, or None for a turn of the loop; `_OVER` when it has ended."""
        self.is_cancelled = False
        """True when it has ended by a cancellation."""


class _Blank(Task):
    """A task that is not initialised yet: it becomes a `Task` when somebody looks at it, or has to wait."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        _initialise(self)
        return getattr(self, name)

    def __repr__(self) -> str:
        _initialise(self)
        return repr(self)

    def __await__(self) -> Generator[Any, None, None]:
        _initialise(self)
        return self.__await__()

    __iter__ = __await__


_start_of: Any = Task.start


def _initialise(task: Task) -> None:
    """Makes a task of a blank one; from its first step in the loop on, which is its second, it drives the coroutine."""
    driven, loop, function, variables = _start_of.__get__(task)
    task.__class__ = Task
    start = task.start = _Start(driven)
    rest = _drive_rest(start)
    rest.send(None)  # the loop must find it begun: a cancellation would else end it before its first line
    Task.__init__(task, rest, loop=loop, name=str(function), context=variables)


@coroutine
def _drive_rest(start: _Start) -> Generator[Any, None, None]:
    """Drives a coroutine from its first wait on, for a task that yields to the loop what is yielded here."""
    error: BaseException | None = None
    try:
        yield
    except asyncio.CancelledError as exc:  # a task throws nothing else in its first step
        error = exc  # thrown further outside of this handler: it would be the context of others
    if start.waiting is _OVER:
        if start.is_cancelled or error is not None:
            raise asyncio.CancelledError
        return
    waiting, start.waiting = start.waiting, None
    if error is not None and asyncio.isfuture(waiting) and waiting.cancel(*error.args):
        error = None  # it comes from there, as it would from what any task waits for
    first_waits = _reach_second_wait(start.driven, waiting, error)
    error = None  # its traceback holds this frame
    if (yield from first_waits):
        return
    try:
        yield from start.driven
    except ValueError:
        if getcoroutinestate(start.driven) != CORO_RUNNING:  # the collector closes it, as below
            raise


def _reach_second_wait(driven: Driven, waiting: Any, error: BaseException | None) -> Generator[Any, None, bool]:
    """Yields what a coroutine waits for already, or throws an error into it there; returns whether it has ended."""
    has_waited = waiting is None  # that was a turn of the loop, and this is the next
    while error is not None or not has_waited:
        if error is None:
            if asyncio.isfuture(waiting):
                waiting._asyncio_future_blocking = True
            try:
                yield waiting
            except BaseException as exc:  # noqa: BLE001  thrown further outside of this handler as well
                error = exc
            has_waited = True
        elif getcoroutinestate(driven) != CORO_SUSPENDED:
            return True  # the collector closes the coroutine before its task, which may go in the middle of that
        else:
            try:
                waiting, has_waited = driven.throw(error), False
            except StopIteration:
                return True
            finally:
                error = None  # its traceback holds this frame
    return False


def _begin_by_hand(driven: Driven, loop: asyncio.AbstractEventLoop, function: object) -> Task | None:
    """`_begin_eagerly` for 3.11; also returns the task when the coroutine has ended and somebody holds it: the loop ends it."""
    tasks: Any = asyncio.tasks._current_tasks  # type: ignore[attr-defined]
    asker, variables, is_cancelled = tasks[loop], copy_context(), False
    task: Task = _new(_Blank)
    task.start = driven, loop, function, variables
    try:
        try:
            tasks[loop] = task
            waiting = variables.run(next, driven.__await__(), _OVER)
        except (asyncio.CancelledError, GeneratorExit):
            waiting, is_cancelled = _OVER, True
        tasks[loop] = asker
    except BaseException:  # an interrupt, maybe on the line above
        tasks[loop] = asker
        raise
    try:
        if waiting is _OVER:
            if type(task) is _Blank and getrefcount(task) == 2:  # this frame and the call
                return None
        elif asyncio.isfuture(waiting):
            waiting._asyncio_future_blocking = False  # until the loop is told of the wait: others may wait for it as well
        if type(task) is _Blank:
            _initialise(task)
        task.start.waiting, task.start.is_cancelled = waiting, is_cancelled
        return task
    finally:
        del driven, task, variables, waiting, asker  # as above


_new: Any = _Blank.__new__
begin_now = _begin_eagerly if sys.version_info >= (3, 12) else _begin_by_hand
CAN_BEGIN_NOW = sys.version_info >= (3, 12) or asyncio.Task.__module__ == "_asyncio"
"""False on 3.11 where somebody put the tasks in Python in the place of those in C: they look at themselves."""
