"""What a sweep needs of an executor whose workers are other processes: `AnyPool`; `StandardPool` for the standard library's.

An executor of dug's own has a method ``_as_pool``; others have an adapter in the file that bears their name.  See `_finding`.

`OverdueError` says that a scenario took too long; `has_session` tells a notebook, whose functions no other process finds.
"""

import sys
from concurrent.futures import BrokenExecutor, Future
from typing import Any

from ._worker import answer


class OverdueError(Exception):
    """A scenario took longer than it may, and its worker was killed; the text says so, as a sentence without its end."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number
        """Its place in the message."""


class AnyPool:
    """Answers messages (`_remote`) elsewhere."""

    workers: int
    """How many messages are answered at the same time."""
    pickles: bool = True
    """Whether messages and answers are pickled anyway; else they are JSON."""
    ships: str = "path"
    """How the base goes, see `Base.ships`."""
    knows_session: bool = False
    """Whether workers have what is defined in a session without a file, such as a notebook."""
    batch_seconds: float = 0.05
    """A batch is worth so much work: a message costs a part of a millisecond here."""
    can_retry: bool = False
    """Whether the pool goes on after it has lost a worker."""
    remedy: str = ""
    """What to type where it does not."""
    no_limit: str = "nothing here can do that."
    """Why it kills no worker, as the end of a sentence."""

    def submit(self, message: Any) -> Any:
        """Has a message answered; returns a future with ``result()`` and ``cancel()``."""
        raise NotImplementedError

    def submit_alone(self, message: Any) -> Any:
        """Has a message answered that lost its worker; a pool where it could harm others has nothing beside it then."""
        return self.submit(message)

    def is_loss(self, error: BaseException) -> bool:
        """True when a future's error says that the worker which was at the message has ended."""
        raise NotImplementedError

    def limit(self, seconds: float) -> None:  # noqa: ARG002  of those that can
        """Has the worker of each scenario killed that takes longer; the future has an `OverdueError` then.

        Raises:
            TypeError: the pool kills no worker.
        """
        raise TypeError(
            f"timeout= kills the process of a scenario that takes longer, and {self.no_limit} "
            "Use dug.executors.processes.Processes()."
        )


class StandardPool(AnyPool):
    """A `concurrent.futures.ProcessPoolExecutor`, which breaks as a whole when a worker ends."""

    remedy = "Use dug.executors.processes.Processes(), which replaces a worker that ends and loses one scenario."
    no_limit = "a ProcessPoolExecutor breaks as a whole when one of its processes ends."

    def __init__(self, executor: Any) -> None:
        self._executor = executor
        self.workers = executor._max_workers
        self.knows_session = executor._mp_context.get_start_method() == "fork"

    def submit(self, message: Any) -> Any:
        try:
            return self._executor.submit(answer, message)
        except BrokenExecutor as exc:
            broken: Future[Any] = Future()
            broken.set_exception(exc)
            return broken

    def is_loss(self, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)


def has_session() -> bool:
    """True in a session without a file, such as a notebook, whose functions no fresh process finds."""
    return not hasattr(sys.modules.get("__main__"), "__file__")
