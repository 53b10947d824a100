"""A pool of worker processes that replaces those that end: `Processes`.

Each worker has a thread here that sends it one call at a time, so that the pool knows which call a worker was at when it ended:
that call alone is lost.  The pool of the standard library cannot tell, and breaks as a whole.

`_Crew` is those workers and threads, `_Worker` one process, `_Call` a call; `_run`, `_receive` and `say_exit` are on this side,
`_work` and `_compute` in the worker; `_Pool` is how a sweep sees it.  `_begin` and `_serve` are of the crew's threads, `submit`,
`shutdown`, `terminate` and `join` of the pool.
"""

import os
import pickle
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from contextvars import Context as Variables
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from types import TracebackType
from typing import Any, ParamSpec, TypeVar
from weakref import finalize

from attrs import define, field, frozen

from .._core.read import DEFAULT_FRAME
from .._text.values import show
from ..errors import WorkerLostError
from ._pools import AnyPool, OverdueError
from ._worker import answer

__all__ = ["Processes"]

_END = b"end"
"""What a worker is sent last; no pickle is so."""
_LOOK_S = 3_600.0
"""The clock is looked at that often: nobody can wait for as long as a user may say."""
_MARK = b"@"
"""How a worker begins to say where in a call it is; no pickle does."""
_P = ParamSpec("_P")
_R = TypeVar("_R")


@frozen(eq=False)
class _Call:
    """A call on its way to a worker."""

    future: Future[Any]
    data: bytes
    limit: float | None
    """After how many seconds a part of it is given up, with its worker; None for never."""




class Processes(Executor):
    """A pool of worker processes, for `dug.sweep` and for calls of your own.

    A worker that ends while it is at a call (it was killed, ran out of memory, crashed) is replaced, and the call's future has
    a `WorkerLostError`; no other call is lost.  Workers start with the first call.  As everywhere in `multiprocessing`, a script
    that makes a pool does so under ``if __name__ == "__main__":``, and a worker cannot start processes of its own.

    Args:
        workers: how many; the default is one for each CPU.
        start: ``"spawn"`` for fresh interpreters that import the modules of what they are sent; ``"fork"`` for copies of this
            process, which have everything that is defined here, a notebook's cells included.  Do not fork where other threads
            run, and not on macOS; Windows cannot.

    Raises:
        ValueError: there is no such way to start, or fewer than one worker.

    .. versionadded:: 0.1.0

    Example:
        >>> from dug.executors.processes import Processes
        >>> with Processes(2) as pool:  # doctest: +SKIP
        ...     sweep = dug.sweep(book.node(), scenarios, executor=pool)
        ...     sweep.to_frame()
    """

    def __init__(self, workers: int | None = None, *, start: str = "spawn") -> None:
        if start not in ("spawn", "fork"):
            raise ValueError(f"start must be 'spawn' or 'fork', not {show(start)}.")
        if workers is not None and (not isinstance(workers, int) or workers < 1):
            raise ValueError(f"workers must be how many processes there are, at least 1, not {show(workers)}.")
        self._workers = workers or os.cpu_count() or 1
        self._start = start
        self._crew: _Crew | None = None
        self._is_shut = False
        self._lock = Lock()
        self._clock = monotonic

    @property
    def workers(self) -> int:
        """How many worker processes there are."""
        return self._workers

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Schedules ``fn(*args, **kwargs)`` in a worker, to which all of it is pickled, and returns its future.

        Raises:
            RuntimeError: the pool was shut down.
        """
        return self._submit(pickle.dumps((fn, args, kwargs, False), protocol=4), None)

    def _submit(self, data: bytes, limit: float | None) -> Future[Any]:
        with self._lock:
            if self._is_shut:
                raise RuntimeError("This pool was shut down. Make another one: Processes().")
            if self._crew is None:
                self._crew = _Crew(self._start, self._workers, self._clock)
                finalize(self, self._crew.close)
            call = _Call(Future(), data, limit)
            self._crew.calls.put(call)
            return call.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  as in its base
        """Ends the workers after the calls that were submitted; see `concurrent.futures.Executor.shutdown`."""
        with self._lock:
            self._is_shut = True
            crew = self._crew
        if crew is not None:
            if cancel_futures:
                crew.cancel()
            crew.close()
            if wait:
                crew.join()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt) and self._crew is not None:
            self._crew.cancel()
            self._crew.terminate()
        self.shutdown(cancel_futures=error is not None)

    def _as_pool(self) -> AnyPool:
        return _Pool(self)

    def __repr__(self) -> str:
        return f"Processes({self._workers}, start={self._start!r})"


class _Pool(AnyPool):
    """A `Processes` as a sweep sees it."""

    def __init__(self, executor: Processes) -> None:
        self._executor = executor
        self.workers = executor.workers
        self.knows_session = executor._start == "fork"
        self.can_retry = True
        self._seconds: float | None = None

    def limit(self, seconds: float) -> None:
        self._seconds = seconds

    def submit(self, message: Any) -> Future[Any]:
        if self._seconds is None:
            return self._executor.submit(answer, message)
        return self._executor._submit(pickle.dumps((answer, (message,), {}, True), protocol=4), self._seconds)

    def is_loss(self, error: BaseException) -> bool:
        return isinstance(error, WorkerLostError)


@define(eq=False)
class _Worker:
    """One worker process, and the connection to it."""

    process: Any
    connection: Connection


@define(eq=False)
class _Crew:
    """The workers of a pool, and the threads that send them their calls; knows nothing of the pool, which may be dropped."""

    _start: str
    _count: int
    _clock: Callable[[], float]
    calls: "SimpleQueue[_Call | None]" = field(factory=SimpleQueue)
    _workers: dict[int, _Worker] = field(factory=dict)
    _threads: list[Thread] = field(factory=list)
    _lock: Any = field(factory=Lock)
    _is_ended: bool = False

    def __attrs_post_init__(self) -> None:
        for number in range(self._count):  # all processes before the first thread: a fork copies no other threads
            self._begin(number)
        for number in range(self._count):
            thread = Thread(target=self._serve, args=(number,), name=f"dug-processes-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def cancel(self) -> None:
        """Cancels the calls that have not begun."""
        while not self.calls.empty():
            call = self.calls.get()
            if call is not None:
                call.future.cancel()

    def close(self) -> None:
        """Lets the workers end after the calls that are there."""
        for _ in self._threads:
            self.calls.put(None)

    def join(self) -> None:
        """Waits until they have ended."""
        for thread in self._threads:
            thread.join()

    def terminate(self) -> None:
        """Ends the workers now."""
        self._is_ended = True
        for worker in list(self._workers.values()):
            worker.process.terminate()

    def _begin(self, number: int) -> _Worker:
        context: Any = get_context(self._start)
        with self._lock:
            ours, theirs = context.Pipe()
            inherited = [ours, *(worker.connection for worker in self._workers.values())] if self._start == "fork" else []
            process = context.Process(target=_work, args=(theirs, inherited), daemon=True)
            process.start()
            theirs.close()
            worker = self._workers[number] = _Worker(process, ours)
            return worker

    def _serve(self, number: int) -> None:
        """Sends one worker its calls, one after the other."""
        while (call := self.calls.get()) is not None:
            if call.future.set_running_or_notify_cancel():
                worker = self._workers[number]
                if not worker.process.is_alive() and not self._is_ended:
                    worker.connection.close()
                    worker = self._begin(number)
                _run(worker, call, self._clock)
            del call  # what it holds must not wait for the next one
        worker = self._workers[number]
        with suppress(OSError):  # it has ended already
            worker.connection.send_bytes(_END)
        worker.process.join()
        worker.connection.close()


def _run(worker: _Worker, call: _Call, clock: Callable[[], float]) -> None:
    """Sends a call to a worker, and its outcome to the future."""
    process, future = worker.process, call.future
    try:
        worker.connection.send_bytes(call.data)
        is_done, outcome = pickle.loads(_receive(worker, call, clock))  # noqa: S301  of a process that this one started
    except (EOFError, OSError):
        process.join()
        future.set_exception(WorkerLostError(f"Worker process {process.pid} {say_exit(process.exitcode)} during a call."))
    except OverdueError as exc:
        process.kill()
        process.join()
        future.set_exception(exc)
    except BaseException as exc:  # noqa: BLE001  a result that cannot be read here
        future.set_exception(exc)
    else:
        (future.set_result if is_done else future.set_exception)(outcome)


def _receive(worker: _Worker, call: _Call, clock: Callable[[], float]) -> bytes:
    """Returns the outcome of a call.

    Raises:
        OverdueError: the part of it that the worker is at takes longer than the limit.
    """
    part: int | None = None
    deadline = 0.0
    while True:
        left = None if part is None else min(max(0.0, deadline - clock()), _LOOK_S)
        if not wait([worker.connection, worker.process.sentinel], left):
            assert part is not None  # noqa: S101  else it waits for ever
            if clock() >= deadline:
                said_so = f"It took longer than {call.limit:g} seconds, and worker process {worker.process.pid} was killed"
                raise OverdueError(part, said_so)
            continue
        said = worker.connection.recv_bytes()
        if not said.startswith(_MARK):
            return said
        part = int(said[1:]) if len(said) > 1 else None
        deadline = clock() + (call.limit or 0.0)


def say_exit(code: int | None) -> str:
    """Returns how a process ended, as the end of a sentence."""
    if code is not None and code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"ended with exit code {code}"


def _work(connection: Connection, inherited: list[Connection]) -> None:
    """Answers calls, in the worker, until the other end is closed."""
    for one in inherited:  # of the process that was forked: it would never see the end of them
        one.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group, and the pool decides
    active: Any = DEFAULT_FRAME.entry
    if active is not None:  # of the process that was forked: no scenario is inside of it
        Variables().run(active.context.deactivate)
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):  # this process's parent is gone
            return
        if data == _END:
            return
        connection.send_bytes(_compute(data, connection))


def _tell(connection: Connection, part: int | None) -> None:
    """Says which part of a call begins, in the worker; None after the last."""
    connection.send_bytes(_MARK if part is None else b"%b%d" % (_MARK, part))


def _compute(data: bytes, connection: Connection) -> bytes:
    try:
        fn, args, kwargs, is_timed = pickle.loads(data)  # noqa: S301  of the process that started this one
        if is_timed:
            kwargs["tell"] = partial(_tell, connection)
        return pickle.dumps((True, fn(*args, **kwargs)), protocol=4)
    except BaseException as exc:  # noqa: BLE001  it is the outcome of the call
        try:
            pickle.loads(data_of := pickle.dumps((False, exc), protocol=4))  # noqa: S301  it was made here
        except Exception:  # noqa: BLE001  an odd exception
            return pickle.dumps((False, RuntimeError(f"{type(exc).__name__}: {exc}")), protocol=4)
        return data_of
