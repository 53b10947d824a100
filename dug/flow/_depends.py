"""Dependencies of a function, which no input gives: `Depends`; `call` and `call_async` resolve them, and close them at the end.

A dependency is made once in a run of the function that asks for it, however often it is asked for, and closed when the run ends,
the last one first.  A memoised function is called like any other; so it becomes a node that the run has read.

`find_dependencies` and `read_hints` read a signature, `open_dependencies` makes them (`_open`), `needs_await` tells whether a
function must be awaited.  `_find` finds what one parameter depends on, `_walk` all that a function does.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Any, get_type_hints

from attrs import frozen

from .._functions.async_driver import is_awaited
from .._text.values import show


@frozen
class Depends:
    """Says what gives a parameter: ``x: Annotated[T, Depends(f)]``, or ``x: T = Depends(f)``.

    A generator function gives what it yields, and goes on when the run ends; a memoised one gives its stream.  A dependency may
    have dependencies.

    Args:
        fn: a function, a generator function, or a coroutine or async generator function in a flow that is awaited.
    """

    fn: Callable[..., Any]


def find_dependencies(fn: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Returns the functions that give the parameters of a function, by parameter."""
    try:
        return dict(_find(fn))
    except TypeError:  # it has no hash
        return dict(_find.__wrapped__(fn))


def needs_await(fn: Callable[..., Any]) -> bool:
    """Returns whether a function must be awaited: it, or what it depends on, is a coroutine function, or it gives items."""
    return inspect.isgeneratorfunction(fn) or any(map(_is_async, [fn, *_walk(fn, ())]))


def call(fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Returns what a function returns, with its dependencies."""
    if not find_dependencies(fn):
        return fn(*args, **kwargs)
    with ExitStack() as stack:
        return fn(*args, **kwargs, **_open(fn, stack, {}, kwargs))


async def call_async(fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Returns what a function returns, awaited where it is a coroutine function, with its dependencies."""
    async with AsyncExitStack() as stack:
        made = fn(*args, **kwargs, **await open_dependencies(fn, stack, {}, kwargs))
        return await made if is_awaited(made) else made


def _open(fn: Callable[..., Any], stack: ExitStack, made: dict[Any, Any], given: Any = ()) -> dict[str, Any]:
    needed = {name: needed for name, needed in find_dependencies(fn).items() if name not in given}
    for needed_fn in needed.values():
        if needed_fn not in made:
            arguments = _open(needed_fn, stack, made)
            if _is_opened(needed_fn, inspect.isgeneratorfunction):
                made[needed_fn] = stack.enter_context(contextmanager(needed_fn)(**arguments))
            else:
                made[needed_fn] = needed_fn(**arguments)
    return {name: made[needed_fn] for name, needed_fn in needed.items()}


async def open_dependencies(
    fn: Callable[..., Any], stack: AsyncExitStack, made: dict[Any, Any], given: Any = ()
) -> dict[str, Any]:
    """Returns the dependencies of a function by parameter, awaited where they are; the stack closes them.

    Args:
        fn: the function.
        stack: closes them.
        made: what was made before for the same run, by function.
        given: parameters that something else gives.
    """
    needed = {name: needed for name, needed in find_dependencies(fn).items() if name not in given}
    for needed_fn in needed.values():
        if needed_fn not in made:
            arguments = await open_dependencies(needed_fn, stack, made)
            if _is_opened(needed_fn, inspect.isasyncgenfunction):
                made[needed_fn] = await stack.enter_async_context(asynccontextmanager(needed_fn)(**arguments))
            elif _is_opened(needed_fn, inspect.isgeneratorfunction):
                made[needed_fn] = stack.enter_context(contextmanager(needed_fn)(**arguments))
            else:
                found = needed_fn(**arguments)
                made[needed_fn] = await found if is_awaited(found) else found
    return {name: made[needed_fn] for name, needed_fn in needed.items()}


def _is_opened(fn: Callable[..., Any], is_kind: Callable[[Any], bool]) -> bool:
    """True for a generator function, whose generator is closed; a memoised one gives a stream, which is a value."""
    return is_kind(fn) and getattr(fn, "_self_function", None) is None


@lru_cache(maxsize=10_000)
def _find(fn: Callable[..., Any]) -> tuple[tuple[str, Callable[..., Any]], ...]:
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # some builtins have no signature
        return ()
    hints = read_hints(fn) if any(one.annotation is not one.empty for one in parameters) else {}
    found = []
    for one in parameters:
        marks = [*getattr(hints.get(one.name), "__metadata__", ()), one.default]
        mark = next((mark for mark in marks if isinstance(mark, Depends)), None)
        if mark is not None and not callable(mark.fn):
            raise TypeError(f"Depends() takes a function, not {show(mark.fn)}. Write {one.name}=Depends(function).")
        if mark is not None:
            found.append((one.name, mark.fn))
    return tuple(found)


def read_hints(fn: Callable[..., Any]) -> dict[str, Any]:
    """Returns the annotations of a function by parameter, with their notes; nothing where they cannot be read."""
    plain = fn if inspect.isroutine(fn) or inspect.isclass(fn) else getattr(fn, "__wrapped__", None) or type(fn).__call__
    try:
        return get_type_hints(plain, include_extras=True)
    except (NameError, TypeError):  # an annotation that cannot be read says nothing
        return dict(getattr(plain, "__annotations__", {}))


def _walk(fn: Callable[..., Any], around: tuple[Any, ...]) -> Iterator[Callable[..., Any]]:
    """Yields all that a function depends on.

    Raises:
        ValueError: a dependency depends on itself.
    """
    if fn in around:
        raise ValueError(f"{show(fn)} depends on itself. Break the circle of its Depends().")
    for needed in find_dependencies(fn).values():
        yield needed
        yield from _walk(needed, (*around, fn))


def _is_async(fn: Callable[..., Any]) -> bool:
    called = getattr(type(fn), "__call__", None)  # noqa: B004
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    return any(is_kind(one) for is_kind in kinds for one in (fn, called))
