"""What a sweep needs of an executor whose workers are other processes: `AnyPool`; `StandardPool` for the standard library's.

An executor of dug's own has a method ``_as_pool``; others have an adapter in the file that bears their name.  See `_finding`.
"""

import sys
from concurrent.futures import BrokenExecutor, Future
from typing import Any

from ._worker import answer


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
    can_retry: bool = False
    """Whether the pool goes on after it has lost a worker."""
    remedy: str = ""
    """What to type where it does not."""

    def submit(self, message: Any) -> Any:
        """Has a message answered; returns a future with ``result()`` and ``cancel()``."""
        raise NotImplementedError

    def submit_alone(self, message: Any) -> Any:
        """Has a message answered that lost its worker; a pool where it could harm others has nothing beside it then."""
        return self.submit(message)

    def is_loss(self, error: BaseException) -> bool:
        """True when a future's error says that the worker which was at the message has ended."""
        raise NotImplementedError


class StandardPool(AnyPool):
    """A `concurrent.futures.ProcessPoolExecutor`, which breaks as a whole when a worker ends."""

    remedy = "Use dug.executors.processes.Processes(), which replaces a worker that ends and loses one scenario."

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
