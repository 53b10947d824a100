"""Streams: what type checkers see of generator functions."""

from collections.abc import AsyncIterator, Generator, Iterator
from typing import assert_type

import dug
from dug.streams import LATEST, Stream, SyncStream


@dug.memoize
async def numbers(count: int) -> AsyncIterator[int]:
    """Give numbers."""
    for number in range(count):
        yield number


@dug.source(keep=3)
async def lines(name: str) -> AsyncIterator[str]:
    """Give lines."""
    yield name


class Desk:
    """Has a stream."""

    @dug.memoize
    async def prices(self) -> AsyncIterator[float]:
        """Give prices."""
        yield 1.0


async def main() -> None:
    """Read them."""
    assert_type(numbers(3), Stream[int])
    assert_type(await numbers(3).first(), int)
    assert_type(await lines("a").list(), list[str])
    assert_type(await Desk().prices().last(), float)
    async for number in numbers(3):
        assert_type(number, int)
    async with lines("a").open(LATEST) as reader:
        async for line in reader:
            assert_type(line, str)


@dug.memoize
def rows(count: int) -> Iterator[int]:
    """Give rows."""
    yield from range(count)


@dug.source(keep=3)
def texts(name: str) -> Generator[str, None, None]:
    """Give texts."""
    yield name


def read() -> None:
    """Read them without a loop."""
    assert_type(rows(3), SyncStream[int])
    assert_type(rows(3).first(), int)
    assert_type(texts("a").list(), list[str])
    for row in rows(3):
        assert_type(row, int)
    with texts("a").open(LATEST) as reader:
        assert_type(next(reader), str)
