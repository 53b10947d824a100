"""What turns a call of a memoised function into a node: `parts_of_call`; and whether that is still the same: `Edge`.

The kept run of a caller names the nodes that it asked for, with all their arguments.  The body that asked wrote the call in its
own way: with a default left out, or with arguments by name.  So the fingerprint of a caller counts the parameters of its callees
with their defaults, and their options for keys: when one of these changes, the same body asks for another node.
"""

from collections.abc import Iterator
from typing import Any
from weakref import ref

from attrs import define

from ..._core.read import Function
from ..proxy import MemoizedClassMethod, MemoizedStaticMethod


def parts_of_call(function: Function, memoized: object) -> Iterator[tuple[str, Any]]:
    """Yields what decides which node a call of a memoised function means, each with its place.

    Args:
        function: the function that is called.
        memoized: the decorated function through which a caller comes to it.
    """
    place = f"call of {function.name}"
    given = function.binding.signature.parameters.values()
    yield f"{place}: parameters", tuple((one.name, one.kind.name) for one in given)
    for one in given:
        if one.default is not one.empty:
            yield f"{place}: default {one.name}", one.default
    typed, keys, ignore = function.options or (False, (), ())
    stream = "" if function.stream is None else type(function.stream).__name__
    yield f"{place}: options", (_bound_as(memoized), bool(typed), tuple(sorted(ignore)), bool(function.is_async), stream)
    for name, fn in keys:
        yield f"{place}: key of {name}", fn


def _bound_as(memoized: object) -> str:
    """Returns what a call through a class or an instance puts before the arguments."""
    if isinstance(memoized, MemoizedStaticMethod):
        return "static method"
    return "class method" if isinstance(memoized, MemoizedClassMethod) else "function"


@define(eq=False)
class Edge:
    """A memoised function that another one reaches, as it was called when this was noted."""

    function: "ref[Function]"
    signature: Any
    options: Any

    @classmethod
    def of(cls, function: Function) -> "Edge":
        """Notes how a function is called now."""
        return cls(ref(function), function.binding.signature, function.options)

    def holds(self) -> bool:
        """True while the name of the function was not given to another definition, which may be called differently."""
        function = self.function()
        return function is None or (function.binding.signature is self.signature and function.options is self.options)
