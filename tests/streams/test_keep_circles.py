"""Operators that read one stream with ``keep=`` twice: where its pump and the operator wait for each other, that is an error."""

from __future__ import annotations

import asyncio

import anyio.lowlevel
import pytest

import dug
from dug import streams


@pytest.fixture
def make():
    """Make a stream of numbers with some ``keep=``, one of each tenth of them, and one that reads that."""

    def make(keep):
        @dug.source(keep=keep, name="desk:numbers")
        async def numbers():
            for number in range(100):
                yield number

        @dug.memoize(name="desk:tenths")
        async def tenths():
            async for number in numbers():
                if number % 10 == 9:
                    yield number

        @dug.memoize(name="desk:further")
        async def further():
            async for number in tenths():
                yield number

        return numbers, tenths, further

    return make


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    """Let a cursor for which a pump waits look again at once."""
    monkeypatch.setattr("dug.streams._pause.PATIENCE_S", 0.001)


async def _read(cursor):
    async with cursor:
        return [item async for item in cursor]


def _check(caught, *names):
    assert [str(node) for node in caught.value.path] == [f"desk:{name}()" for name in (*names, names[0])]
    [note] = caught.value.__notes__
    assert note.startswith("desk:numbers() has keep=8 and waits for its slowest reader.")


@pytest.mark.parametrize("operator", [streams.zip, streams.zip_longest])
def test_two_readers_of_one_stream_that_are_too_far_apart_are_a_circle(run, make, operator):
    """An operator outside of memoised functions that holds back the stream it waits for raises CycleError, which names it."""
    numbers, _, _ = make(8)

    async def main():
        with dug.Context():
            await _read(operator(numbers().open(30), numbers()))

    with pytest.raises(dug.CycleError) as caught:
        run(main)

    _check(caught, "numbers")


def test_an_operator_of_an_operator_is_a_circle_too(run, make):
    """The readers of the operators that an operator reads count as its own."""
    numbers, _, _ = make(8)

    async def main():
        with dug.Context():
            tens = streams.filter(lambda number: number % 10 == 9, numbers())
            await _read(streams.take(streams.zip(tens, numbers()), 5))

    with pytest.raises(dug.CycleError) as caught:
        run(main)

    _check(caught, "numbers")


def test_a_circle_through_other_streams_names_them(run, make):
    """Streams between the two readers are in the path, and the note names the one that keeps too little."""
    numbers, tenths, further = make(8)

    async def main(stream):
        with dug.Context():
            await _read(streams.zip(stream(), numbers()))

    with pytest.raises(dug.CycleError) as caught:
        run(main, tenths)
    _check(caught, "tenths", "numbers")
    with pytest.raises(dug.CycleError) as caught:
        run(main, further)
    _check(caught, "further", "tenths", "numbers")


def test_a_circle_in_a_memoised_function_has_the_note_whoever_closes_it(run, make):
    """With memoised streams between, the error of a memoised function says which stream keeps too little as well."""
    numbers, _, further = make(8)

    @dug.memoize(name="desk:pairs")
    async def pairs():
        return await _read(streams.zip(further(), numbers()))

    async def main():
        with dug.Context():
            await pairs()

    with pytest.raises(dug.CycleError) as caught:
        run(main)

    assert [note for note in caught.value.__notes__ if note.startswith("desk:numbers() has keep=8 and waits")]


def test_readers_that_are_near_enough_finish(run, make):
    """What the stream keeps is enough for the distance of two readers: they get all items."""
    numbers, tenths, _ = make(95)

    async def main():
        with dug.Context():
            return await _read(streams.zip(tenths(), numbers())), await _read(streams.zip(numbers().open(80), numbers()))

    assert run(main) == ([(10 * n + 9, n) for n in range(10)], [(n + 80, n) for n in range(20)])


def test_merging_a_stream_with_one_of_it_is_no_circle(run, make):
    """An operator that takes whatever comes never holds back what it waits for."""
    numbers, _, further = make(8)

    async def main():
        with dug.Context():
            return sorted(await _read(streams.merge(further(), numbers())))

    assert run(main) == sorted([*range(100), *range(9, 100, 10)])


def test_a_stream_that_waits_for_the_operator_as_well_as_the_outside_is_no_circle(run, make):
    """A cursor that holds back one stream while it waits for a slow one goes on when that gives its item."""
    numbers, _, _ = make(8)
    gate = []

    @dug.source
    async def slow():
        while not gate:
            await anyio.lowlevel.checkpoint()
        yield "now"

    async def main():
        with dug.Context():
            async with numbers().open() as first, streams.zip(slow(), numbers()) as pairs:
                for _ in range(8):
                    await anext(first)
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
                gate.append(True)
                return await anext(pairs)

    assert run(main) == ("now", 0)


def test_a_circle_through_another_thread_is_found(make):
    """A pump in another thread that waits for an operator here is found as well."""
    numbers, _, _ = make(8)

    async def read_far_apart(ctx):
        with ctx:
            await _read(streams.zip(numbers().open(30), numbers()))

    async def main():
        with dug.Context() as ctx:
            async with numbers().open(7):  # this loop has the pump
                await asyncio.to_thread(lambda: asyncio.run(read_far_apart(ctx)))

    with pytest.raises(dug.CycleError) as caught:
        asyncio.run(main())

    _check(caught, "numbers")


def test_a_pump_learns_of_each_item_that_its_slowest_reader_takes(run, make):
    """Readers that are less than ``keep=`` items apart never wait for each other, by hand and in a memoised function."""
    numbers, tenths, _ = make(95)

    async def read():
        async with tenths().open() as ahead, numbers().open() as behind:
            return [(await anext(ahead), await anext(behind)) for _ in range(10)]

    async def main():
        with dug.Context():
            by_hand = await read()
        with dug.Context():
            return by_hand, await dug.memoize(read)()

    pairs = [(10 * n + 9, n) for n in range(10)]
    assert run(main) == (pairs, pairs)
