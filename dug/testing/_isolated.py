"""`isolated`, a decorator that runs a test function in a fresh context each time; `fresh_context`, which enters one.

`_isolate` wraps the function.
"""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from .._contexts.context import Context
from .._contexts.current import outermost

P = ParamSpec("P")
R = TypeVar("R")


def fresh_context() -> outermost:
    """Returns a context manager that enters a new outermost context, whatever context is in force around."""
    return outermost(Context())


def isolated() -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Returns a decorator that runs each call of a function in a fresh context, which it drops afterwards.

    The context is an outermost one: it sees neither tweaks nor results of a context around the call.
    Put it under Hypothesis's ``@given``, so that each example begins with nothing remembered.  (A fixture
    would give one context to all examples of a test, which Hypothesis therefore refuses.)  The signature
    stays, so the arguments of ``@given`` and pytest's fixtures arrive as before.  Inside,
    ``dug.current_context()`` is the context.

    Raises:
        TypeError: the decorated object is a coroutine function, or a test on which ``@given`` was put already.

    Example:
        >>> import dug
        >>> @dug.memoize
        ... def double(x):
        ...     return 2 * x
        >>> @isolated()
        ... def check(x):
        ...     assert double(x) == x + x
        >>> check(3)
    """
    return _isolate


def _isolate(fn: Callable[P, R]) -> Callable[P, R]:
    """Returns `fn` with a fresh context around each call."""
    name = getattr(fn, "__qualname__", repr(fn))
    if getattr(fn, "is_hypothesis_test", False):
        raise TypeError(f"@isolated() is above @given on {name}, where all examples share one context. Put it under @given.")
    if inspect.iscoroutinefunction(fn) or inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise TypeError(f"@isolated() cannot be put on {name}: it runs plain functions only, whose call ends when it returns.")

    @functools.wraps(fn)
    def run_isolated(*args: P.args, **kwargs: P.kwargs) -> R:
        with fresh_context():
            return fn(*args, **kwargs)

    return run_isolated
