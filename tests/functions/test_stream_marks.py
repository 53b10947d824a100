"""Marks of streams: which ones a generator needs, of several streams that it reads, again or for the first time."""

from __future__ import annotations

import pytest

import dug
from dug._functions.tape import Mark


@pytest.fixture
def p():
    """A stream with a mark for each item, and one that reads one node."""

    class Program:
        @staticmethod
        @dug.memoize
        def step(number):
            return 10

        @staticmethod
        @dug.memoize
        def rate():
            return 1

        @staticmethod
        @dug.memoize
        async def steps():
            for number in range(6):
                yield Program.step(number) + number

        @staticmethod
        @dug.memoize
        async def rates():
            yield Program.rate()

    return Program


def _marks(stream):
    """Return the memos of the marks that answer, the last one first."""
    with dug.Context() as here:
        last = stream.find_last_mark(here._here())
    found = [last]
    while found[-1].value.number:
        found += [one for one in found[-1].dependencies if type(one.value) is Mark and one.home.key[0] is stream.marks]
    return found


@pytest.mark.parametrize("is_first", [True, False])
def test_a_mark_of_one_stream_does_not_stand_for_one_of_another(run, p, is_first):
    """An item that rests on many marks of one stream and on few of another changes with what the other has read."""

    @dug.memoize
    async def joined():
        if is_first:
            few = await p.rates().first()
        many = await p.steps().seek(4)
        if not is_first:
            few = await p.rates().first()
        yield few * many

    async def main():
        with dug.Context():
            found = [await joined().list()]
            with dug.Context({p.rate.node(): 2}):
                found.append(await joined().list())
            with dug.Context({p.step.node(4): 20}):
                found.append(await joined().list())
            with dug.Context({p.step.node(1): 20}):
                found.append(await joined().list())
            return found

    assert run(main) == [[14], [28], [24], [14]]


def test_a_mark_that_is_known_of_one_stream_is_news_of_another(run, p):
    """What a generator reads of a second stream after many items of the first is a dependency of its next item."""

    @dug.memoize
    async def chained():
        async for item in p.steps():
            yield item
        async for item in p.rates():
            yield item

    async def main():
        with dug.Context():
            found = [await chained().last()]
            with dug.Context({p.rate.node(): 2}):
                found.append(await chained().last())
            return found

    assert run(main) == [1, 2]


def test_what_is_read_again_makes_no_mark(run, p):
    """A generator that reads a stream from its start at each item makes a mark when that reads something new, and at the end."""

    @dug.memoize
    async def sums():
        for count in (6, 3, 6, 1):
            async with p.steps().open() as reader:
                yield sum([await anext(reader) for _ in range(count)])

    async def main():
        with dug.Context():
            assert await sums().list() == [75, 33, 75, 10]
            return len(_marks(sums()))

    assert run(main) == 3


def test_a_mark_rests_on_the_last_mark_that_was_read_of_a_stream(run, p):
    """Of several readers of one stream that a generator has, the mark of the one that is furthest on is enough."""

    @dug.memoize
    async def pairs():
        async with p.steps().open() as one, p.steps().open() as other:
            ahead = [await anext(one) for _ in range(5)]
            yield await anext(other), ahead[-1]

    async def main():
        with dug.Context():
            await pairs().list()
            _, mark, _ = _marks(pairs())
            return [one.value.number for one in mark.dependencies if one.home.key[0] is p.steps().marks]

    [number] = run(main)
    assert number == 5
