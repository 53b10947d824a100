"""What follows the items of a stream as its generator gives them: `Wrapper`; `wrap` puts one around it, `unwrap` takes it off.

Checks and recordings may be around one stream in any number, and end in any order.  A stream that is read already has a
generator that began before, and tells nothing.

A `Follower` takes the items and the end; `_follow` and `_follow_async` are the generators around.  `_followed` lends a follower
for one run.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from threading import Lock
from typing import Any, Protocol

from .._functions.stream import AnyStream

_changing = Lock()
"""Held while a wrapper is put on, or taken off: threads may do so at the same time."""


class Follower(Protocol):
    """Gets what one run of a generator gives."""

    def take(self, item: Any) -> None:
        """Gets the next item, before any reader does."""

    def end(self, error: Exception | None) -> None:
        """Gets the end, or the error that took its place; not of a generator that was closed."""


class Wrapper:
    """Stands for the bump of a stream, and has each run of its generator followed; by nobody when it was taken off."""

    __slots__ = ("before", "begin")

    def __init__(self, before: Any, begin: Callable[[], Follower]) -> None:
        self.before = before
        """The bump, or another wrapper."""
        self.begin: Callable[[], Follower] | None = begin

    def __call__(self, node: Any, body: Any, made: Any) -> Any:
        begin = self.begin
        given = made if self.before is None else self.before(node, body, made)
        if begin is None:
            return given
        return _follow_async(given, begin) if hasattr(given, "__aiter__") else _follow(given, begin)


def wrap(stream: AnyStream[Any], begin: Callable[[], Follower]) -> Wrapper:
    """Has the generators of a stream that begin from now on followed: by what `begin` gives when each of them begins."""
    with _changing:
        wrapper = stream._bump = Wrapper(stream._bump, begin)
    return wrapper


def unwrap(stream: AnyStream[Any], wrapper: Wrapper) -> None:
    """Takes a wrapper off, and those that had to stay while it was on."""
    with _changing:
        wrapper.begin = None
        stream._bump = _drop_ended(stream._bump)
        one = stream._bump
        while type(one) is Wrapper:
            one.before = _drop_ended(one.before)
            one = one.before


def _drop_ended(bump: Any) -> Any:
    while type(bump) is Wrapper and bump.begin is None:
        bump = bump.before
    return bump


def _follow(made: Any, begin: Callable[[], Follower]) -> Iterator[Any]:
    with closing(made), _followed(begin) as follower:
        for item in made:
            follower.take(item)
            yield item


async def _follow_async(made: Any, begin: Callable[[], Follower]) -> AsyncIterator[Any]:
    async with aclosing(made):
        with _followed(begin) as follower:
            async for item in made:
                follower.take(item)
                yield item


@contextmanager
def _followed(begin: Callable[[], Follower]) -> Iterator[Follower]:
    """Lends a follower for one run of a generator, and tells it how that ended."""
    follower = begin()
    try:
        yield follower
    except Exception as exc:
        follower.end(exc)
        raise
    else:
        follower.end(None)
