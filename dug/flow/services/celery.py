"""Processors of services on the workers of a Celery app: `dispatch_to` sends them there, `register` lets workers perform them.

A message is the name of a processor and the id of a run.  The body runs inside the task, which is acknowledged when the step has
ended: a message whose process or machine is gone comes again.  Whoever gets a message while another process has the step looks
again after a lease, so that no loss of a process leaves a step to nobody.

`_perform` does so there, in a thread of its own (`_in_a_thread`).
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ..._extras.packages import import_extra
from ..._functions.async_driver import backend
from ..._text.values import show
from ._crew import Dispatch
from ._errors import RunGoneError, ServerLostError, ServicesError
from ._looking import RUNNING
from ._services import Services

__all__ = ["dispatch_to", "register"]

TASK = "dug.perform"
"""The name of the task, unless another one is said."""

_logger = logging.getLogger("dug")


def dispatch_to(app: Any, *, queue: str | None = None, task: str = TASK) -> Dispatch:
    """Returns what ``Services(dispatch=...)`` takes to have processors performed by the workers of a Celery app.

    Args:
        app: the ``celery.Celery``, with a broker; it needs no result backend.
        queue: the queue from which those workers take messages; None: the usual one.
        task: the name with which `register` was called.

    Raises:
        ImportError: Celery is not installed; the message says what to type.
        TypeError: it is not a Celery app.

    Example:
        >>> from celery import Celery
        >>> from dug.flow.services import Services
        >>> from dug.flow.services.celery import dispatch_to
        >>> app = Celery("etl", broker="redis://localhost:6379/1")
        >>> services = Services("redis://localhost:6379/0", namespace="etl", dispatch=dispatch_to(app))

    .. versionadded:: 0.1.0
    """
    _check_app(app, "dispatch_to(app)")

    def send(processor: str, run: str) -> None:
        app.send_task(task, (processor, run), queue=queue, serializer="json", ignore_result=True)

    async def dispatch(processor: str, run: str) -> None:
        await _in_a_thread(send, processor, run)  # a broker may let it wait

    return dispatch


def register(app: Any, services: Services, *, task: str = TASK) -> Any:
    """Lets the workers of a Celery app perform the processors that are registered with these services.

    Call it where the tasks of the app are, and start its workers as before: pools of processes, of threads, and ``solo`` do.
    A worker process or thread is at work on one processor until that has ended, so with ``keep=`` there must be as many as a run
    has processors.  A soft time limit is for a body that hangs: it ends the streams of one that computes with Celery's
    ``SoftTimeLimitExceeded``, and gives one that waits to the next worker, which goes on at its last checkpoint.

    Args:
        app: a ``celery.Celery``.
        services: those whose processors are performed, which must be sent by services with the same server, namespace and key.
        task: the name of the task: several services of one app need several.

    Returns:
        The task.

    Raises:
        ServicesError: other services were registered with this name.

    .. versionadded:: 0.1.0
    """
    _check_app(app, "register(app, services)")
    if not isinstance(services, Services):
        raise TypeError(f"{show(services)} are not Services. Write register(app, services).")
    # Celery keeps the first of two tasks that have one name.
    registered = vars(app).setdefault("_dug_services", {})
    if task in registered:
        if registered[task][0] is not services:
            raise ServicesError(f"the app has {task!r} for other services. Write register(app, services, task='...').")
        return registered[task][1]

    def perform(this: Any, processor: str, run: str) -> None:
        _perform(this, services, processor, run)

    options = {"serializer": "json", "ignore_result": True, "acks_late": True, "reject_on_worker_lost": True, "max_retries": None}
    # Not shared: it would be a task of all other apps of this process, too.
    made = app.task(name=task, bind=True, shared=False, **options)(perform)
    registered[task] = services, made
    return made


def _perform(task: Any, services: Services, processor: str, run: str) -> None:
    """Performs a processor, in the worker; a step that another process has is looked at again later."""
    from celery.exceptions import SoftTimeLimitExceeded  # optional package: imported where it is used

    pause = services._server.lease_ms / 1000
    try:
        asyncio.run(services.perform(processor, run))
        state = services.status(run)
    except RunGoneError as exc:
        _logger.info("%s", exc)
        return
    except (ServerLostError, SoftTimeLimitExceeded) as exc:  # the limit, where the body waited: where it computes, it hears of it
        raise task.retry(exc=exc, countdown=pause) from exc
    if state.state == "open" and any(step.processor == processor and step.state == RUNNING for step in state.steps):
        raise task.retry(countdown=pause)


def _check_app(app: Any, what: str) -> None:
    import_extra("celery", "celery", what.partition("(")[0])
    if not hasattr(app, "send_task"):
        raise TypeError(f"{show(app)} is not a Celery app. Write {what}.")


async def _in_a_thread(call: Callable[..., Any], *args: Any) -> Any:
    """Returns what a call that blocks returns; of its own thread, as a pool would not outlive the fork of a worker."""
    future: Future[Any] = Future()
    sleep = backend().Sleep()
    future.add_done_callback(lambda _: sleep.wake())

    def make() -> None:
        try:
            future.set_result(call(*args))
        except Exception as exc:  # noqa: BLE001  raised by who waits
            future.set_exception(exc)

    threading.Thread(target=make, name="dug-dispatch", daemon=True).start()
    await sleep.last(None)
    return future.result()
