"""A bump of a stream that changes each item by itself: `each`."""

from collections.abc import Callable
from typing import Any

from .._contexts.kinds import Each
from .._text.values import show


def each(fn: Callable[..., Any], *args: Any) -> Each:
    """Returns a tweak that makes each item of a stream ``fn(item, *args)``; ``dug.shift`` and ``dug.scale`` do so too.

    The stream is read where others read it without the tweak, so that its generator is not started again.

    Args:
        fn: a function of an item; for a stream that is read on a loop it may be a coroutine function.  What it reads is traced.
        args: its other arguments.

    Raises:
        TypeError: `fn` is not callable.

    .. versionadded:: 0.1.0
    """
    if not callable(fn):
        raise TypeError(f"each() takes a function of an item, not {show(fn)}. To add a number, write dug.shift({show(fn)}).")
    return Each.of(fn, args)
