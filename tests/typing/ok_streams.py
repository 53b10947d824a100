"""Streams: what type checkers see of generator functions."""

from collections.abc import AsyncIterator, Generator, Iterator
from typing import assert_type

import dug
from dug import streams
from dug.streams import LATEST, Cursor, Stream, SyncStream


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


async def double(number: int) -> float:
    """Give twice a number."""
    return 2.0 * number


async def combine() -> None:
    """Read them through operators."""
    assert_type(streams.zip(numbers(3), lines("a")), Cursor[tuple[int, str]])
    assert_type(streams.latest(numbers(3), lines("a"), Desk().prices()), Cursor[tuple[int, str, float]])
    assert_type(streams.merge(numbers(3), numbers(4).open()), Cursor[int])
    assert_type(streams.batch(streams.filter(bool, lines("a")), 3, seconds=1), Cursor[tuple[str, ...]])
    assert_type(streams.scan(lambda state, line: state + len(line), lines("a"), 0), Cursor[int])
    assert_type(streams.map(double, streams.take(numbers(3), 2), concurrency=2), Cursor[float])
    assert_type(streams.map(len, lines("a")), Cursor[int])
    assert_type(streams.share(double_all()), Stream[float])
    async with streams.window(numbers(3), 2) as cursor:
        async for pair in cursor:
            assert_type(pair, tuple[int, ...])


async def double_all() -> AsyncIterator[float]:
    """Give something that no stream has."""
    yield await double(1)
