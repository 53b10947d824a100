"""What errors of functions of a flow say besides: the name of the function there, and what it took for a stream, or not.

`note_stage` adds the notes; `_takes_for_stream` recognises the error.  `_explain` words them.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .._functions.stream import Stream
from .._text.values import show

_OF_STREAMS = frozenset({"first", "last", "list", "open", "seek"})


def note_stage(
    exc: Exception,
    stage: str,
    fn: Callable[..., Any] | None = None,
    read: tuple[Sequence[Any], Mapping[str, Any]] = ((), {}),
) -> None:
    """Adds to an error which function of a flow raised it, if no function before it did.

    Args:
        exc: the error.
        stage: what the function is called.
        fn: the function, if what it got may be a stream.
        read: what it got, by position and by name.
    """
    if any(note.startswith("Raised by ") for note in getattr(exc, "__notes__", ())):
        return
    exc.add_note(f"Raised by {stage}.")
    if fn is not None and isinstance(exc, (TypeError, AttributeError)):
        for note in _explain(exc, fn, *read):
            exc.add_note(note)


def _explain(exc: Exception, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[str]:
    """Yields what to type for arguments that the function takes for a stream and that are none, or the other way round."""
    text = str(exc)
    for name, given in _name(fn, args, kwargs):
        if isinstance(given, Stream):
            if "'Stream'" in text:
                yield (
                    f"{name!r} is a stream here: read it in an async function, by 'async for item in {name}'; "
                    f"or give it one value, by flow.insert({name!r}, value)."
                )
        elif _takes_for_stream(exc, text, given):
            yield (
                f"{name!r} is the value {show(given)} here, and no stream: give its items to flow.start({{{name!r}: items}}), "
                f"or give the name {name!r} a generator function."
            )


def _name(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the arguments by parameter."""
    try:
        yield from inspect.signature(fn).bind_partial(*args, **kwargs).arguments.items()
    except (TypeError, ValueError):  # it does not tell its parameters
        yield from kwargs.items()


def _takes_for_stream(exc: Exception, text: str, given: object) -> bool:
    """True when an error comes from reading a value as a stream."""
    if isinstance(exc, AttributeError):
        return exc.name in _OF_STREAMS and exc.obj is given
    kind = type(given).__name__
    return text.endswith((f"__aiter__ method, got {kind}", f"{kind!r} object is not an async iterable")) or (
        text.startswith("dug.streams.") and show(given) in text
    )
