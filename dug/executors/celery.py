"""Sweeps on the workers of a Celery app: `CeleryExecutor` here, `register` there; everything told and answered is JSON.

A task is a batch of scenarios, and is found by its name.  It is acknowledged when it is done, so the batch of a process that
died, or of a machine that is gone, goes to another worker.  Who begins a batch says so where results are kept, and nobody begins
one a second time: who waits for it hears that it was lost, and asks for each of its scenarios alone, as often as the sweep says.
So a scenario that kills its process is delivered twice for each attempt, and never without end.

`_Pool` is the workers of an app, `_Sent` a batch that was sent; `_answer` answers it in the worker, unless `_was_begun`.
`result` waits for it.
"""

from typing import Any, Literal

from .._extras.packages import import_extra
from .._text.values import show
from ..errors import WorkerLostError
from ._pools import AnyPool
from ._worker import answer

__all__ = ["CeleryExecutor", "register"]

TASK = "dug.answer"
"""The name of the task on every app."""
_LOST = {"lost": True}
_BEGUN = "DUG_BEGUN"
"""The state of a task that a worker has begun."""


def register(app: Any) -> Any:
    """Lets the workers of a Celery app answer sweeps: adds the task ``dug.answer``.

    Call it where the tasks of the app are, and start its workers as before.  They import what a sweep names, so their code must
    be that of the sweep.  The task takes JSON, which must be among the ``accept_content`` of the app; nothing is unpickled.

    Args:
        app: a ``celery.Celery``.

    Returns:
        The task.

    .. versionadded:: 0.1.0
    """
    # Not shared: it would be a task of all other apps of this process, too.
    options = {"serializer": "json", "ignore_result": False, "acks_late": True, "reject_on_worker_lost": True}
    return app.task(name=TASK, bind=True, shared=False, **options)(_answer)


def _answer(task: Any, message: dict[str, Any]) -> dict[str, Any]:
    """Answers a batch, in the worker."""
    if message.get("pickles"):
        raise ValueError("a message for Celery has no pickles")
    if _was_begun(task):
        return _LOST  # the process that had it is gone, maybe by it
    return answer(message)


def _was_begun(task: Any) -> bool:
    """True for a batch that another process has begun; notes that this one does else."""
    number = task.request.id
    if number is None:  # somebody calls it
        return False
    if task.backend.get_state(number) == _BEGUN:
        return True
    task.update_state(state=_BEGUN)
    return False


class CeleryExecutor:
    """Runs the scenarios of a sweep on the workers of a Celery app, on which `register` was called.

    Args:
        app: the ``celery.Celery``, with a broker and a result backend.
        queue: the queue from which its workers take sweeps; None: the usual one.
        workers: how many batches they run at one time; None asks them, which takes a second.
        ship: how they get the base of a sweep, a file: ``"path"``, where they see the temporary folder of this process;
            ``"bytes"``, with each batch.
        timeout: a batch that has no answer after so many seconds is lost; None: a worker that is gone with its machine is waited
            for until the broker gives its batch to another one.

    Raises:
        ImportError: Celery is not installed; the message says what to type.
        TypeError: it is not a Celery app.

    Example:
        >>> from celery import Celery
        >>> from dug.executors.celery import CeleryExecutor
        >>> CeleryExecutor(Celery("risk", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1"), workers=8)
        <dug.executors.celery.CeleryExecutor on risk>

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        app: Any,
        *,
        queue: str | None = None,
        workers: int | None = None,
        ship: Literal["path", "bytes"] = "path",
        timeout: float | None = None,
    ) -> None:
        import_extra("celery", "celery", "CeleryExecutor")
        if not hasattr(app, "send_task"):
            raise TypeError(f"{show(app)} is not a Celery app. Write CeleryExecutor(app).")
        if ship not in ("path", "bytes"):
            raise ValueError(f"ship must be 'path' or 'bytes', not {show(ship)}.")
        self.app, self.queue, self.timeout = app, queue, timeout
        self._workers, self._ship = workers, ship

    def __repr__(self) -> str:
        return f"<dug.executors.celery.CeleryExecutor on {self.app.main}>"

    def _as_pool(self) -> AnyPool:
        return _Pool(self, self._count_workers(), self._ship)

    def _count_workers(self) -> int:
        """Returns how many batches the workers run at one time.

        Raises:
            RuntimeError: no worker answers.
        """
        if self._workers is None:
            said: dict[str, Any] = self.app.control.inspect().stats() or {}
            if not said:
                raise RuntimeError(f"No worker of {self!r} answers. Start one: celery -A <module of the app> worker.")
            self._workers = sum(one.get("pool", {}).get("max-concurrency") or 1 for one in said.values())
        return self._workers


class _Pool(AnyPool):
    """The workers of an app."""

    pickles = False
    can_retry = True
    no_limit = (
        "the processes of Celery belong to its workers: start these with --time-limit, after which a scenario is lost, or "
        "give CeleryExecutor(app, timeout=) the seconds of a batch."
    )

    def __init__(self, executor: CeleryExecutor, workers: int, ship: str) -> None:
        self._executor, self.workers, self.ships = executor, workers, ship

    def submit(self, message: Any) -> "_Sent":
        executor = self._executor
        return _Sent(executor.app.send_task(TASK, (message,), queue=executor.queue, serializer="json"), executor)

    def is_loss(self, error: BaseException) -> bool:
        return isinstance(error, WorkerLostError)


class _Sent:
    """A batch that was sent."""

    def __init__(self, sent: Any, executor: CeleryExecutor) -> None:
        self._sent, self._executor = sent, executor

    def result(self) -> dict[str, Any]:
        """Returns the answer.

        Raises:
            WorkerLostError: the worker died, or the batch had been with one that died, or there is no answer in time.
            RuntimeError: a worker does not know the task.
        """
        # Optional packages: imported where they are used; the first comes with the other.
        from billiard.exceptions import WorkerLostError as Died
        from celery.exceptions import (
            NotRegistered,  # as above
            TimeLimitExceeded,  # as above
        )
        from celery.exceptions import TimeoutError as Late  # as above

        executor = self._executor
        try:
            said: dict[str, Any] = self._sent.get(timeout=executor.timeout, disable_sync_subtasks=False)
        except Died as exc:
            raise WorkerLostError(str(exc)) from exc
        except TimeLimitExceeded as exc:
            raise WorkerLostError("its process was killed by the time limit of the worker") from exc
        except NotRegistered as exc:
            raise RuntimeError(
                f"A worker of {executor!r} does not know the task {TASK}. Call dug.executors.celery.register(app) where the "
                "tasks of the app are, and start the workers again."
            ) from exc
        except Late as exc:
            self.cancel()
            raise WorkerLostError(f"there was no answer in {executor.timeout:g} seconds") from exc
        self._sent.forget()
        if said == _LOST:
            raise WorkerLostError("the worker that had it is gone")
        return said

    def cancel(self) -> None:
        """Lets a batch not begin, if no worker has begun it."""
        self._sent.revoke()
