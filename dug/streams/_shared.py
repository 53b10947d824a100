"""The operator `share`, which makes a stream of any async iterable: a source whose pump iterates over it."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, TypeVar

from .._functions.any_reader import AnyReader
from .._functions.memoize import source
from .._functions.stream import AnyStream, Stream
from .._text.values import show
from ._cursor import Cursor

T = TypeVar("T")


def share(items: AsyncIterable[T], *, ahead: int = 256, keep: int | None = None) -> Stream[T]:
    """Returns a stream of the items of an async iterable, which is read once for all who read the stream.

    It is the stream of a new `source`, so what-ifs share it, and other operators read it.

    * Order: that of the iterable.
    * Errors: as for any stream, each reader gets the error after the items before it.
    * Cancellation: when the last reader leaves, the iteration is cancelled, and what it iterates over is closed.  What was given
      so far stays, for who needs no more.  Who does iterates again from the start; an iterator, such as an async generator,
      cannot begin again, and raises RuntimeError then.
    * Complexity: O(1) for each item; one task.

    Args:
        items: an async iterable; an iterator belongs to the stream from now on.
        ahead: how many items may be read before the fastest reader; as for `memoize`.
        keep: how many items are kept; None for all.

    Raises:
        TypeError: `items` is not an async iterable, or is read by dug already, or an option is not a number of items.
        NoContextError: there is no context, in which a stream must be read.

    .. versionadded:: 0.1.0
    """
    if isinstance(items, (AnyStream, AnyReader, Cursor)):
        raise TypeError(f"{show(items)} needs no dug.streams.share. For many readers of it, write a memoised async generator.")
    if not hasattr(items, "__aiter__"):
        raise TypeError(f"dug.streams.share takes an async iterable, not {show(items)}. Write an async generator that gives it.")
    begun = False

    async def shared() -> AsyncIterator[T]:
        nonlocal begun
        iterator = items.__aiter__()
        if iterator is items and begun:
            raise RuntimeError(
                f"{show(items)} was closed when the last reader of its stream left, and cannot begin again. "
                "Keep a reader open, or share an object whose __aiter__ begins anew."
            )
        begun = True
        try:
            async for item in iterator:
                yield item
        finally:
            await _close(iterator)

    name = getattr(items, "__name__", type(items).__name__)
    shared.__module__, shared.__qualname__ = "dug.streams", f"share.<locals>.{name}"
    stream: Stream[T] = source(ahead=ahead, keep=keep)(shared)()
    return stream


async def _close(iterator: Any) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        await close()
