"""A generator that is far enough ahead writes on all the same where its readers wait for what it holds up."""

from __future__ import annotations

import anyio.lowlevel
import pytest

import dug
from dug import streams


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    """Let a cursor for which a pump waits look again at once."""
    monkeypatch.setattr("dug.streams._pause.PATIENCE_S", 0.001)


@pytest.fixture
def desk():
    """Make a source that keeps two numbers, a stream that is at most three ahead, and one that gives a sum of ten each."""

    class Desk:
        @dug.source(keep=2, name="desk:numbers")
        async def numbers():
            for number in range(30):
                yield number

        @dug.memoize(ahead=3, name="desk:same")
        async def same():
            async for number in Desk.numbers():
                yield number

        @dug.memoize(name="desk:sums")
        async def sums():
            total = 0
            async for number in Desk.numbers():
                total += number
                if number % 10 == 9:
                    yield total

    return Desk


async def _read(cursor):
    async with cursor:
        return [item async for item in cursor]


def test_a_memoised_function_reads_two_streams_of_one_source_in_turn(run, desk):
    """A function gets the last sum while it holds back, by what is ahead of it, the source that the sums are made of."""

    @dug.memoize(name="desk:both")
    async def both():
        async with desk.same().open() as numbers:
            first = await anext(numbers)
            return first, await desk.sums().last(), [number async for number in numbers]

    async def main():
        with dug.Context():
            return await both()

    assert run(main) == (0, sum(range(30)), list(range(1, 30)))


def test_whoever_closes_the_circle_the_generator_writes_on(run, desk):
    """A generator that waits for room by then is told when somebody begins to wait for its reader."""

    @dug.memoize(name="desk:later")
    async def later():
        async with desk.same().open() as numbers, desk.sums().open() as sums:
            found = [await anext(numbers)]
            for _ in range(50):  # until the generators have come as far as they do by themselves
                await anyio.lowlevel.checkpoint()
            return found + [one async for one in sums]

    async def main():
        with dug.Context():
            return await later()

    assert run(main) == [0, sum(range(10)), sum(range(20)), sum(range(30))]


def test_an_operator_outside_of_every_function_lets_a_generator_write_on(run, desk):
    """Zip pairs what is at most three ahead with sums of ten of the same numbers, and does not wait for ever."""

    async def main():
        with dug.Context():
            return await _read(streams.zip(desk.same(), desk.sums()))

    assert run(main) == [(0, sum(range(10))), (1, sum(range(20))), (2, sum(range(30)))]


def test_a_slow_reader_still_holds_a_generator_back(run, desk):
    """Where nobody waits for what it holds up, a generator is no further ahead than it was told."""
    written = []

    @dug.memoize(ahead=3, name="desk:noted")
    async def noted():
        async for number in desk.numbers():
            written.append(number)
            yield number

    async def main():
        with dug.Context():
            async with noted().open() as numbers:
                for taken in range(1, 8):
                    await anext(numbers)
                    for _ in range(50):
                        await anyio.lowlevel.checkpoint()
                    assert len(written) <= taken + 3 + 1

    run(main)
