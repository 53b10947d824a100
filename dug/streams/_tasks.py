"""The operator `map`, which calls a function on items in tasks of its own; `Work`, its tasks.

It begins tasks when it is asked for an item and at no other moment, so a consumer that stops asking has at most `concurrency` of
them running.  What a task reads is read in the scenario, and by the run, in which the cursor was made.

`_Map` is its cursor, `_Job` the work on one item.  `_await_value` awaits what the function gave.  `Work` has `begin`,
`take_first`, `take_any`, `list_tasks`, `cancel_soon`; `_take_items` takes items for it.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar, overload

from .._functions.async_driver import backend, is_awaited
from .._functions.reader import PENDING
from .._text.values import show
from ._cursor import Cursor, Readable, check_count
from ._pause import Pause

T = TypeVar("T")
R = TypeVar("R")


class _Job:
    """The work on one item: its task while that runs, and then the result."""

    __slots__ = ("awaitable", "error", "is_done", "task", "value")

    def __init__(self) -> None:
        self.awaitable: Any = None
        """What its task will await, until that begins."""
        self.task: Any = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.is_done = False


class Work:
    """The tasks of one `map`, apart from its cursor, so that a cursor that is dropped is freed while they run."""

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self._fn = fn
        self._variables = copy_context()
        self._loop = backend().find_loop()
        self.jobs: dict[_Job, None] = {}
        """Those whose results were not taken yet, in the order of their items."""
        self._done: deque[_Job] = deque()
        """Those that have ended, in the order in which they did, whether or not their results were taken."""
        self.sleeps: list[Any] = []
        """The sleeps of askers, which the end of a task ends."""
        self.has_news = False
        """True when a task has ended since the last look."""

    def begin(self, item: Any) -> None:
        """Begins the work on an item; a plain function has ended when this returns."""
        job = _Job()
        self.jobs[job] = None
        try:
            job.value = self._variables.run(self._fn, item)
        except Exception as exc:  # noqa: BLE001  it is raised in its turn
            job.error = exc
        if job.error is None and is_awaited(job.value):
            job.awaitable, job.value = job.value, None
            job.task = backend().start(partial(_await_value, job), self._variables.copy(), partial(self._end, job))
        else:
            job.is_done = True
            self._done.append(job)

    def _end(self, job: _Job) -> None:
        if job.awaitable is not None:
            job.error = RuntimeError("its task was cancelled before it began")
            getattr(job.awaitable, "close", bool)()
        job.is_done, job.task, job.awaitable, self.has_news = True, None, None, True
        self._done.append(job)
        for sleep in self.sleeps:
            sleep.wake()

    def take_first(self) -> _Job | None:
        """Returns the work on the first item, if it has ended, and forgets it."""
        self.has_news = False
        self._done.clear()
        job = next(iter(self.jobs), None)
        if job is None or not job.is_done:
            return None
        del self.jobs[job]
        return job

    def take_any(self) -> _Job | None:
        """Returns the work that has ended first, and forgets it."""
        self.has_news = False
        if not self._done:
            return None
        job = self._done.popleft()
        del self.jobs[job]
        return job

    def list_tasks(self) -> list[Any]:
        """Returns the tasks that run."""
        return [job.task for job in self.jobs if job.task is not None]

    def cancel_soon(self) -> None:
        """Cancels what runs, wherever the collector may run: see `Reader.__del__`."""
        soon = getattr(self._loop, "call_soon_threadsafe", None) or self._loop.run_sync_soon
        for task in self.list_tasks():
            with suppress(RuntimeError):  # the loop is over
                soon(task.cancel_threadsafe)


async def _await_value(job: _Job) -> None:
    """Awaits what the function gave, in a task."""
    awaitable, job.awaitable = job.awaitable, None
    try:
        job.value = await awaitable
    except BaseException as exc:
        job.error = exc
        if isinstance(exc, backend().CANCELLED):
            raise
    finally:
        del job, awaitable  # see `failure.empty_own_frames`


class _Map(Cursor[Any]):
    operator = "map"

    def __init__(self, fn: Callable[[Any], Any], stream: Any, concurrency: int, *, is_ordered: bool) -> None:
        super().__init__(stream)
        self._work = Work(fn)
        self._concurrency = concurrency
        self._take_done = self._work.take_first if is_ordered else self._work.take_any
        self._over: Exception | None = None
        """What ended the stream, for when all its items are done."""

    def _poll(self) -> Any:
        for item in self._take_items():
            self._work.begin(item)
        job = self._take_done()
        if job is None:
            if self._over is not None and not self._work.jobs:
                raise self._over
            return PENDING
        if job.error is None:
            return job.value
        error, job = job.error, None
        try:
            raise error
        finally:
            del error

    def _take_items(self) -> Iterator[Any]:
        """Yields the items that are there, as long as work on one more may begin."""
        while self._over is None and len(self._work.jobs) < self._concurrency:
            try:
                item = self._inputs[0]._poll()
            except Exception as exc:  # noqa: BLE001  its end, or an error, comes after the work on what was before it
                self._over = exc
                return
            if item is PENDING:
                return
            yield item

    def _add_to(self, pause: Pause) -> None:
        if self._over is None and len(self._work.jobs) < self._concurrency:
            super()._add_to(pause)
        if self._work.jobs:
            pause.works.append(self._work)

    def close(self) -> None:
        """Leaves the stream and cancels the tasks."""
        super().close()
        work = getattr(self, "_work", None)
        if work is not None:
            tasks = work.list_tasks()
            work.jobs.clear()
            for task in tasks:
                task.cancel_threadsafe()
            self._ending += tasks

    def __del__(self) -> None:
        work = getattr(self, "_work", None)
        if work is not None:
            work.cancel_soon()


@overload
def map(
    fn: Callable[[T], Awaitable[R]], stream: Readable[T], *, concurrency: int = 1, ordered: bool = True
) -> Cursor[R]: ...
@overload
def map(fn: Callable[[T], R], stream: Readable[T], *, concurrency: int = 1, ordered: bool = True) -> Cursor[R]: ...
def map(
    fn: Callable[[Any], Any], stream: Readable[Any], *, concurrency: int = 1, ordered: bool = True
) -> Cursor[Any]:
    """Returns a cursor that gives ``fn(item)``, awaited if it can be, for each item of a stream, on several items at a time.

    What `fn` reads counts for the memoised function in which this is called.

    * Order: that of the stream; with ``ordered=False`` that in which the results are there, which depends on the time: a
      memoised function that uses it so should be a `source`.
    * Errors: that of an item comes after the results before it, and ends it; so does the stream's error.  The other tasks are
      cancelled then, and have ended when the error arrives.
    * Cancellation: a cancelled wait cancels no task and loses no result.  Closing the cursor cancels them.
    * Complexity: a task for each item for which `fn` gives something to await, at most `concurrency` at a time, begun when an
      item is asked for; so many results are kept.  O(1) for each item.

    Args:
        fn: a function of an item, plain or to be awaited.
        stream: a stream, a reader, or what another operator gives; a reader or cursor is closed with it.
        concurrency: on how many items it works at a time.
        ordered: whether results come in the order of their items.

    Raises:
        TypeError: `fn` is not a function, `concurrency` is not a number of items, or `stream` something else.

    .. versionadded:: 0.1.0
    """
    if not callable(fn):
        raise TypeError(f"dug.streams.map takes a function and then a stream, not {show(fn)} first.")
    check_count("map", concurrency)
    return _Map(fn, stream, concurrency, is_ordered=ordered)
