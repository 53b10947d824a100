"""A thread pool whose workers see the submitter's context: `ContextThreadPoolExecutor`."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

__all__ = ["ContextThreadPoolExecutor"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class ContextThreadPoolExecutor(ThreadPoolExecutor):
    """A `concurrent.futures.ThreadPoolExecutor` that carries the context in force to its workers.

    Calls given to `submit` and `map` run in a copy of the submitter's context variables, the context of dug among them, as with
    ``asyncio.to_thread``.  Their reads count as reads of the running node that submits them; it must wait for them.

    Example:
        >>> import dug
        >>> from dug.executors.threads import ContextThreadPoolExecutor
        >>> @dug.memoize
        ... def double(x):
        ...     return 2 * x
        >>> with dug.Context(), ContextThreadPoolExecutor(2) as pool:
        ...     list(pool.map(double, [1, 2, 3]))
        [2, 4, 6]
    """

    def submit(self, fn: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_R]:
        """Schedules ``fn(*args, **kwargs)`` in the submitter's context and returns its future."""
        return super().submit(partial(copy_context().run, fn, *args, **kwargs))
