"""Bumps of streams: what their functions give, as generators, and the scenario beneath a bump (`view_beneath`).

The stream that such a function gets is read in that scenario, which has all tweaks in force but the bump.  So it is the one that
others read there: its tape is shared, and its generator is not started again.

`give_each` bumps item by item, `as_generator` and `as_async_generator` make what a user's function returns a generator,
`check_function` refuses others.  `_refuse` words the errors.
"""

import inspect
import operator
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .._core.read import Key, Node, TweakSpec, View
from .._text.values import show
from ..errors import TweakError, say_node
from .async_driver import is_awaited
from .proxy import name_of


def view_beneath(view: View, key: Key) -> View:
    """Returns a view in which a node meets the tweak beneath the one that it meets in `view`, or none."""
    handle, content = view.tweaks.handle_of(key), view.tweaks.content.copy()
    if handle is None:
        return view
    under, target = handle.beneath(), key if key in content else key[0]
    content.pop(key, None)
    if under is None:  # then the node meets no tweak of its function either
        content.pop(key[0], None)
    elif target is not key or under is not content.get(key[0]):
        content[target] = under
    tweaks = view.group.scenario(content)
    beneath = View.__new__(View)
    beneath.fill(None, (), tweaks, view.cache, view.group, 0, view.listeners, view.keep, None, view.max_depth)
    view.group.views.add(beneath)
    return beneath


def give_each(stream: Any, fn: Callable[..., Any], *args: Any) -> Any:
    """Returns a generator of ``fn(item, *args)`` for each item of a stream, of the stream's own kind."""
    return _give_each(stream, fn, args) if hasattr(stream, "__iter__") else _give_each_async(stream, fn, args)


def _give_each(stream: Any, fn: Callable[..., Any], args: tuple[Any, ...]) -> Iterator[Any]:
    for item in stream:
        yield fn(item, *args)


async def _give_each_async(stream: Any, fn: Callable[..., Any], args: tuple[Any, ...]) -> AsyncIterator[Any]:
    async for item in stream:
        value = fn(item, *args)
        yield await value if is_awaited(value) else value


def call_of(spec: TweakSpec) -> tuple[Any, tuple[Any, ...]]:
    """Returns the function of a bump that gets the stream, and its other arguments; `shift` and `scale` change each item."""
    if spec.fn in (operator.add, operator.mul) and len(spec.args) == 1:
        return give_each, (spec.fn, *spec.args)
    return spec.fn, spec.args


def as_generator(node: Node[Any], fn: Any, made: Any) -> Iterator[Any]:
    """Gives the items of what the function of a bump returned.

    Raises:
        TypeError: it returned something else than an iterable.
    """
    if not hasattr(made, "__iter__") or isinstance(made, (str, bytes)):
        raise _refuse(node, fn, made, "def")
    yield from made


async def as_async_generator(node: Node[Any], fn: Any, made: Any) -> AsyncIterator[Any]:
    """Gives the items of what the function of a bump returned, for a stream that is read on a loop.

    Raises:
        TypeError: it returned something else than an iterable, async or not.
    """
    if hasattr(made, "__aiter__"):
        try:
            async for item in made:
                yield item
        finally:
            if hasattr(made, "aclose"):
                await made.aclose()
    elif hasattr(made, "__iter__") and not isinstance(made, (str, bytes)):
        for item in made:
            yield item
    else:
        raise _refuse(node, fn, made, "async def")


def _refuse(node: Node[Any], fn: Any, made: Any, definition: str) -> TypeError:
    name = name_of(fn).rpartition(":")[2].rpartition(".")[2]
    name = name if name.isidentifier() else "fn"
    loop = "async for" if definition.startswith("async") else "for"
    return TypeError(
        f"{say_node(node)} is bumped by {name}, which returned {show(made)}: no items. It gets the stream and gives the new one: "
        f"{definition} {name}(stream): {loop} item in stream: yield item. To change each item, write dug.streams.each({name})."
    )


def check_function(target: Any, bump: TweakSpec, *, is_async: bool) -> None:
    """Raises TweakError for a bump of a stream, or of a stream function, whose function cannot give its items."""
    fn, args = call_of(bump)
    fn = args[0] if fn is give_each else fn
    is_each = bump.fn is give_each
    if inspect.iscoroutinefunction(fn) and not (is_each and is_async):
        kind = "an async generator function" if is_async else "a generator function"
        instead = "a plain function of an item" if is_each else f"{kind} of the stream"
        raise TweakError(f"{target} is a stream, and {name_of(fn)} a coroutine function. Give {instead}.")
    if inspect.isasyncgenfunction(fn) and not is_async:
        raise TweakError(f"{target} is read without await, and {name_of(fn)} gives its items on a loop. Write it without async.")
