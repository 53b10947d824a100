"""What a function of a flow gives as a stream: `Output`, an item for a named output; `open_items`, all items of one run.

A *processor* is a function that gives items: a generator function, an async one, or any function with named outputs.  Its node is
a stream of what it yields; each of its outputs is a node that picks the items of its name.

`pick` picks the items of one output, `gives_items` tells a generator function.  `_check` takes an item out of its `Output`, or
refuses it.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Any, Generic, TypeVar

from attrs import frozen

from .._functions.async_driver import is_awaited
from .._functions.proxy import name_of
from .._functions.stream import AnyStream, Stream
from .._text.values import show
from ._depends import open_dependencies
from ._errors import FlowError

V_co = TypeVar("V_co", covariant=True)


@frozen
class Output(Generic[V_co]):
    """An item for one of the outputs of a processor: ``yield Output("good", row)``, or returned, alone or several in a list."""

    name: str
    """The name of the output."""
    value: V_co
    """The item."""


def gives_items(fn: Callable[..., Any]) -> bool:
    """Returns whether a function gives items by itself: a generator function, async or not, memoised or not."""
    called = getattr(type(fn), "__call__", None)  # noqa: B004
    kinds = (inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    return any(is_kind(one) for is_kind in kinds for one in (fn, called))


async def open_items(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], outputs: Collection[str] = ()
) -> AsyncGenerator[Any, None]:
    """Yields what a processor gives, with its dependencies, which are closed at its end.

    Raises:
        FlowError: an item is for no output that the processor has.
    """
    async with AsyncExitStack() as stack:
        made = fn(*args, **kwargs, **await open_dependencies(fn, stack, {}, kwargs))
        if isinstance(made, Stream):  # of a memoised function
            made = await stack.enter_async_context(made.open())
        elif inspect.isasyncgen(made):
            await stack.enter_async_context(aclosing(made))
        else:
            for item in _list_items(await made if is_awaited(made) else made):
                yield _check(fn, item, outputs)
            return
        async for item in made:
            yield _check(fn, item, outputs)


async def pick(**named: Stream[Output[Any]]) -> AsyncGenerator[Any, None]:
    """Yields the items of one output of a processor: the function of the node of an output."""
    [(name, stream)] = named.items()
    async with stream.open() as reader:
        async for item in reader:
            if item.name == name:
                yield item.value


def _list_items(given: Any) -> Iterable[Any]:
    if given is None:
        return ()
    is_many = inspect.isgenerator(given) or isinstance(given, (list, tuple, AnyStream))
    return given if is_many else (given,)


def _check(fn: Callable[..., Any], item: Any, outputs: Collection[str]) -> Any:
    """Returns an item as it goes into the stream of the processor."""
    if isinstance(item, Output):
        if item.name in outputs:
            return item
        has = f"has the outputs {', '.join(sorted(outputs))}" if outputs else "has no named outputs"
        raise FlowError(
            f"{name_of(fn)} gave an item for {item.name!r}, and {has}. Write flow.add(fn, outputs=[{item.name!r}, ...])."
        )
    if len(outputs) > 1:
        raise FlowError(f"{name_of(fn)} gave {show(item)}, for no output. Write Output({min(outputs)!r}, ...) around it.")
    return Output(next(iter(outputs)), item) if outputs else item
