"""A bump of a stream that changes each item by itself: `each`.

`Each` is the tweak.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from .._contexts.kinds import Bump
from .._core.read import Function, Node, Target
from .._functions.proxy import name_of
from .._functions.stream_bumps import give_each
from .._text.values import show
from ..errors import TweakError


@frozen(eq=False, repr=False)
class Each(Bump):
    """A tweak of a stream: each item is ``fn(item, *args)``; made by `each`."""

    def check(self, target: Target) -> None:
        """Refuses a target that is not a stream."""
        function = target if isinstance(target, Function) else target[0]
        if function.stream is None:
            fn = name_of(self.args[0])
            named = function if isinstance(target, Function) else Node[Any]._of(target)
            raise TweakError(f"{named} is not a stream and has no items. Write dug.bump({fn}), a function of its value.")

    def __repr__(self) -> str:
        fn, *others = self.args
        return f"each({', '.join([name_of(fn), *map(show, others)])})"


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
    return Each(fn=give_each, args=(fn, *args))
