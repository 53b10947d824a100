"""Streams that are read beside each other in a replay: their items come in the order of the day, and nobody waits for ever."""

from __future__ import annotations

from itertools import pairwise

import anyio
import pytest

import dug
from dug import replay
from dug.live import Live

NAMES = "ABC"
DAY = [("C", 0), ("A", 0), ("A", 1), ("B", 0), ("C", 1), ("A", 2), ("B", 1), ("B", 2), ("C", 2)]
"""What came, in its order."""


class Market:
    """A source of streams that give the items of `DAY`, one after the other, and what reads them."""

    def __init__(self):
        self.came = 0

        @dug.source
        async def quotes(name):
            for place, (whose, item) in enumerate(DAY):
                if whose == name:
                    while self.came < place:
                        await anyio.lowlevel.checkpoint()
                    self.came = place + 1
                    yield item

        @dug.source
        def last(name):
            raise LookupError(name)

        @dug.memoize
        def row():
            return tuple(last(name) for name in NAMES)

        self.quotes, self.last, self.row = quotes, last, row

    async def follow(self, live):
        """Feed all streams into a live context, each push a tick, and return the rows that were shown."""
        live.output(self.row.node())
        updates = live.updates(until_fed=True)
        await anext(updates)
        with live.context:
            for name in NAMES:
                live.feed(self.last.node(name), self.quotes(name))
        return [update.value async for update in updates]

    async def read(self, name):
        """Return all items of a stream."""
        return [item async for item in self.quotes(name)]

    def make_live(self):
        """Return a live context in which nothing has come."""
        return Live({self.last.node(name): None for name in NAMES}, policy="block")


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


@pytest.fixture
def market(path, run):
    """A market of which a day was recorded."""
    market = Market()

    async def record_day():
        async with market.make_live() as live:
            with replay.record(live.context, path):
                await market.follow(live)

    run(record_day)
    return market


@pytest.mark.parametrize("speed", [None, 1e9])
def test_several_feeds_come_in_the_order_of_the_day(run, path, market, speed):
    """Feeds of a Live in a replay push as they did then, at once, and at a speed at which all of them are late."""

    async def replay_day():
        with replay.open(path).replay(speed=speed):
            async with market.make_live() as live:
                return await market.follow(live)

    rows = run(replay_day)
    changed = [[at for at in range(3) if one[at] != other[at]] for one, other in pairwise([(None,) * 3, *rows])]

    assert [(NAMES[at], row[at]) for row, (at,) in zip(rows, changed, strict=True)] == DAY


def test_an_item_comes_through_before_the_next(run, path, market):
    """An item that passes through two more streams is not overtaken by the next one of the day, which passes through none."""

    @dug.memoize
    async def passed(name):
        async for item in market.quotes(name):
            yield item

    @dug.memoize
    async def passed_twice(name):
        async for item in passed(name):
            yield item

    seen = []

    async def read(name, stream):
        nonlocal seen
        async for item in stream(name):
            seen += [(name, item)]

    async def replay_day():
        with replay.open(path).replay():
            async with anyio.create_task_group() as tasks:
                for name, stream in zip(NAMES, [passed_twice, market.quotes, passed], strict=True):
                    tasks.start_soon(read, name, stream)

    run(replay_day)

    assert seen == DAY


def test_streams_are_read_one_after_the_other(run, path, market):
    """A program that reads a stream to its end, then another, gets all items, also of one that it has begun and left."""

    async def replay_day():
        with replay.open(path).replay():
            begun = aiter(market.quotes("C"))
            first = await anext(begun)
            return [first, await market.read("A"), await market.read("B"), [item async for item in begun]]

    assert run(replay_day) == [0, [0, 1, 2], [0, 1, 2], [1, 2]]


def test_a_reader_that_waits_for_others_is_not_waited_for(run, path, market):
    """Where one reader goes on only when another stream has ended, that one ends."""

    async def replay_day():
        ended = anyio.Event()
        seen = []

        async def read_slowly():
            async for item in market.quotes("A"):
                seen.append(item)
                await ended.wait()

        with replay.open(path).replay():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(read_slowly)
                seen.append(await market.read("C"))
                ended.set()
        return seen

    assert run(replay_day) == [0, [0, 1, 2], 1, 2]


def test_a_stream_alone_waits_for_nobody(run, path, monkeypatch):
    """Where no other stream was recorded, the order asks the loop for nothing."""

    @dug.source
    async def alone():
        for item in range(3):
            yield item

    async def read_day(ctx):
        with ctx:
            return [item async for item in alone()]

    async def record_day():
        with replay.record(ctx := dug.Context(), path):
            return await read_day(ctx)

    run(record_day)
    monkeypatch.setattr("dug.replay._order.backend", None)

    assert run(lambda: read_day(replay.open(path).replay())) == [0, 1, 2]
