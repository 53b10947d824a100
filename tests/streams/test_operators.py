"""The operators of ``dug.streams``: what each gives, in what order, up to which end, and with which errors."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from support.sync_points import settle

import dug
from dug import streams
from dug.streams import Cursor


@pytest.fixture
def p() -> SimpleNamespace:
    """A program: ``numbers`` counts, ``odd`` keeps every other one, ``broken`` raises after some items."""

    @dug.source
    async def numbers(count):
        for number in range(count):
            yield number

    @dug.memoize
    async def odd(count):
        async for number in numbers(count):
            if number % 2:
                yield number

    @dug.source
    async def broken(count):
        for number in range(count):
            yield number
        raise OSError("gone")

    return SimpleNamespace(numbers=numbers, odd=odd, broken=broken)


async def collect(cursor):
    """Return the items of a cursor, and the error that ended it."""
    items = []
    try:
        async with cursor:
            async for item in cursor:
                items.append(item)  # noqa: PERF401  an error may come after them
    except OSError as exc:
        return items, str(exc)
    return items


def add(one, other):
    """Return a sum."""
    return one + other


CASES: dict[str, tuple[Any, Any]] = {
    "zip": (lambda p: streams.zip(p.numbers(5), p.odd(5)), [(0, 1), (1, 3)]),
    "zip of one": (lambda p: streams.zip(p.numbers(2)), [(0,), (1,)]),
    "zip of none": (lambda _: streams.zip(), []),
    "zip with an empty one": (lambda p: streams.zip(p.numbers(5), p.numbers(0)), []),
    "zip of one stream twice": (lambda p: streams.zip(p.numbers(3), p.numbers(3)), [(0, 0), (1, 1), (2, 2)]),
    "zip with an error": (lambda p: streams.zip(p.numbers(5), p.broken(2)), ([(0, 0), (1, 1)], "gone")),
    "zip_longest": (lambda p: streams.zip_longest(p.odd(4), p.numbers(4), fill=-1), [(1, 0), (3, 1), (-1, 2), (-1, 3)]),
    "zip_longest without fill": (lambda p: streams.zip_longest(p.numbers(1), p.numbers(0)), [(0, None)]),
    "zip_longest of none": (lambda _: streams.zip_longest(), []),
    "zip_longest with an error": (lambda p: streams.zip_longest(p.numbers(0), p.broken(1)), ([(None, 0)], "gone")),
    "merge of one": (lambda p: streams.merge(p.numbers(3)), [0, 1, 2]),
    "merge of none": (lambda _: streams.merge(), []),
    "merge of empty ones": (lambda p: streams.merge(p.numbers(0), p.odd(1)), []),
    "latest of none": (lambda _: streams.latest(), []),
    "latest with an empty one": (lambda p: streams.latest(p.numbers(3), p.numbers(0)), []),
    "scan": (lambda p: streams.scan(add, p.numbers(5)), [0, 1, 3, 6, 10]),
    "scan with a start": (lambda p: streams.scan(add, p.numbers(4), 10), [10, 11, 13, 16]),
    "scan of an empty one": (lambda p: streams.scan(add, p.numbers(0), 10), []),
    "scan with an error": (lambda p: streams.scan(add, p.broken(2)), ([0, 1], "gone")),
    "filter": (lambda p: streams.filter(lambda number: number % 3, p.numbers(7)), [1, 2, 4, 5]),
    "filter with an error": (lambda p: streams.filter(bool, p.broken(3)), ([1, 2], "gone")),
    "take": (lambda p: streams.take(p.numbers(5), 2), [0, 1]),
    "take of more than there are": (lambda p: streams.take(p.numbers(2), 5), [0, 1]),
    "take of none": (lambda p: streams.take(p.numbers(2), 0), []),
    "take before an error": (lambda p: streams.take(p.broken(2), 2), [0, 1]),
    "take up to an error": (lambda p: streams.take(p.broken(2), 3), ([0, 1], "gone")),
    "timeout": (lambda p: streams.timeout(p.numbers(3), 1_000), [0, 1, 2]),
    "timeout with an error": (lambda p: streams.timeout(p.broken(1), 1_000), ([0], "gone")),
    "batch": (lambda p: streams.batch(p.numbers(5), 2), [(0, 1), (2, 3), (4,)]),
    "batch that comes out even": (lambda p: streams.batch(p.numbers(4), 2), [(0, 1), (2, 3)]),
    "batch with time enough": (lambda p: streams.batch(p.numbers(3), 2, seconds=1_000), [(0, 1), (2,)]),
    "batch with an error": (lambda p: streams.batch(p.broken(3), 2), ([(0, 1), (2,)], "gone")),
    "window": (lambda p: streams.window(p.numbers(4), 3), [(0, 1, 2), (1, 2, 3)]),
    "window that is too long": (lambda p: streams.window(p.numbers(2), 3), []),
    "window with an error": (lambda p: streams.window(p.broken(3), 2), ([(0, 1), (1, 2)], "gone")),
    "operators of operators": (
        lambda p: streams.zip(streams.filter(bool, p.numbers(5)), streams.scan(add, streams.take(p.numbers(9), 3))),
        [(1, 0), (2, 1), (3, 3)],
    ),
    "an operator of a reader": (lambda p: streams.zip(p.numbers(5).open(3), p.numbers(5)), [(3, 0), (4, 1)]),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operator_gives_what_it_says(name, p, run):
    """Each operator gives its items, and an error after those before it; a second time from the tapes that are there."""
    make, expected = CASES[name]

    async def main():
        with dug.Context():
            return await collect(make(p)), await collect(make(p))

    assert run(main) == (expected, expected)


@pytest.mark.parametrize("name", CASES)
def test_an_operator_within_a_memoised_function_gives_the_same(name, p, run):
    """A memoised generator that reads through an operator gives its items, and is computed once."""
    make, expected = CASES[name]
    started = []

    @dug.source
    async def result():
        started.append(name)
        async with make(p) as cursor:
            async for item in cursor:
                yield item

    async def main():
        with dug.Context():
            return await collect(result().open()), await collect(result().open())

    assert run(main) == (expected, expected)
    assert len(started) == (2 if isinstance(expected, tuple) else 1)


def test_merge_gives_every_item_of_each_stream_in_its_order(p, run):
    """A merge of 3 and of 200 items gives 203, those of each stream in their order."""

    async def main():
        with dug.Context():
            return await collect(streams.merge(p.numbers(3), p.odd(400)))

    items = run(main)
    assert len(items) == 203
    assert [item for item in items if item % 2] == sorted([1, *range(1, 400, 2)])


def test_merge_takes_streams_that_have_items_in_turn(p, run):
    """Of streams of which the items are there, merge gives one each in turn."""

    async def main():
        with dug.Context():
            await p.numbers(5).list(), await p.odd(7).list()
            return await collect(streams.merge(p.numbers(5), p.odd(7)))

    assert run(main) == [0, 1, 1, 3, 2, 5, 3, 4]


def test_merge_gives_the_items_before_an_error(p, run):
    """An error of one stream comes after all items of that stream."""

    async def main():
        with dug.Context():
            items, error = await collect(streams.merge(p.broken(3), p.numbers(1)))
            return sorted(items), error

    assert run(main) == ([0, 0, 1, 2], "gone")


def test_latest_gives_one_tuple_for_what_has_come(feeds, run):
    """What came since the last tuple makes one tuple, of the last item of each stream."""

    async def main():
        got = []
        with dug.Context():
            async with streams.latest(feeds.stream("a"), feeds.stream("b")) as cursor:
                await settle()
                feeds.send("a", 1)
                for sent in ({"b": [10]}, {"a": [2, 3]}, {"a": [4], "b": [20]}):
                    for name, items in sent.items():
                        feeds.send(name, *items)
                    await settle()
                    got.append(await cursor.__anext__())
                feeds.end("a", "b")
                return got, await collect(cursor)

    assert run(main) == ([(1, 10), (3, 10), (4, 20)], [])


@pytest.mark.parametrize("depth", [1, 5])
def test_latest_shows_no_item_beside_what_is_made_of_an_older_one(depth, feeds, run):
    """A stream and one that is made of it over some stages change together, whatever lies between them."""

    @dug.memoize
    async def stage(number):
        async for item in stage(number - 1) if number else feeds.stream("a"):
            yield item + 1

    async def main():
        got: list[Any] = []
        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(read, streams.latest(feeds.stream("a"), stage(depth)), got)
                for item in range(0, 30, 10):
                    await settle()
                    feeds.send("a", item)
                await settle()
                feeds.end("a")
        return got

    async def read(cursor, into):
        async for item in cursor:
            into.append(item)

    assert run(main) == [(item, item + depth + 1) for item in range(0, 30, 10)]


def test_latest_does_not_wait_for_a_stage_that_waits(feeds, run):
    """A stage that waits for the outside holds latest up for some turns of the loop only."""

    @dug.memoize
    async def slow():
        async for item in feeds.stream("a"):
            if item > 1:
                await anyio.sleep_forever()
            yield item

    async def main():
        with dug.Context():
            async with streams.latest(feeds.stream("a"), slow()) as cursor:
                await settle()
                feeds.send("a", 1)
                first = await cursor.__anext__()
                feeds.send("a", 2)
                return first, await cursor.__anext__()

    assert run(main) == ((1, 1), (2, 1))


def test_latest_gives_what_came_before_an_error(feeds, run):
    """An error of a stream comes after the tuple of the items before it."""

    async def main():
        with dug.Context():
            cursor = streams.latest(feeds.stream("a"), feeds.stream("b"))
            await settle()
            feeds.send("a", 1)
            feeds.send("b", 10, OSError("gone"))
            await settle()
            return await collect(cursor)

    assert run(main) == ([(1, 10)], "gone")


def test_the_readers_of_an_operator_stay_in_their_scenario(p, run):
    """A cursor reads in the scenario in which it was made, wherever it is asked."""

    async def main():
        with dug.Context():
            with dug.Context({p.numbers.node(3): [7, 8]}):
                inside = streams.zip(p.numbers(3), p.odd(3))
            return await collect(inside), await collect(streams.zip(p.numbers(3), p.odd(3)))

    assert run(main) == ([(7, 7)], [(0, 1)])


WRONG = {
    "zip": (lambda p: streams.zip(p.numbers(1), [1]), "zip reads streams, not [1]. Give it a stream."),
    "merge": (lambda _: streams.merge(some_items()), "Make it one: dug.streams.share(...)"),
    "scan": (lambda p: streams.scan(p.numbers(1), add), "a function and then a stream"),
    "filter": (lambda p: streams.filter(collect, p.numbers(1)), "is awaited"),
    "take": (lambda p: streams.take(p.numbers(1), -1), "at least 0, not -1"),
    "batch": (lambda p: streams.batch(p.numbers(1), 0), "at least 1, not 0"),
    "batch seconds": (lambda p: streams.batch(p.numbers(1), 1, seconds=0), "more than 0, not 0"),
    "window": (lambda p: streams.window(p.numbers(1), True), "not True"),
    "timeout": (lambda p: streams.timeout(p.numbers(1), float("nan")), "more than 0, not nan"),
}


async def some_items():
    """Give items that no stream has."""
    yield 1


@pytest.mark.parametrize("name", WRONG)
def test_what_an_operator_cannot_read_is_refused(name, p, run):
    """An operator says what it takes, and what to type, before it reads anything."""
    make, message = WRONG[name]

    async def main():
        with dug.Context(), pytest.raises(TypeError, match=re.escape(message)):
            make(p)

    run(main)


def test_an_operator_says_what_it_reads(p, run):
    """The text of a cursor names its operator and its streams."""

    async def main():
        with dug.Context():
            async with streams.take(streams.zip(p.numbers(3)), 1) as cursor:
                assert isinstance(cursor, Cursor)
                return repr(cursor)

    text = run(main)

    assert text.startswith("<dug.streams.take of <dug.streams.zip of <")
    assert "numbers(3)" in text
