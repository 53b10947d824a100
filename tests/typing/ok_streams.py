"""Streams: what type checkers see of async generator functions."""

from collections.abc import AsyncIterator
from typing import assert_type

import dug
from dug.streams import LATEST, Stream


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
