"""A day of a `Live` is recorded, and a `Live` in its replay shows the same, without a source."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

import dug
from dug import replay
from dug.live import Live


class Desk:
    """A feed of prices, a price, a rate that is no input, and what is shown of them; `runs` lists the sources that ran."""

    def __init__(self):
        self.runs = runs = []

        @dug.source
        async def feed(ticker):
            runs.append(ticker)
            for price in (10, 20, 30):
                await anyio.lowlevel.checkpoint()
                yield price

        @dug.source
        def price(ticker):
            raise LookupError(ticker)

        @dug.source
        def rate():
            runs.append("rate")
            return 2

        @dug.memoize
        def value():
            return rate() * price("A")

        @dug.memoize
        async def awaited():
            return -value()

        @dug.memoize
        async def steps():
            yield value()
            yield value() + 1

        self.feed, self.price, self.rate, self.value, self.awaited, self.steps = feed, price, rate, value, awaited, steps

    def make_live(self, **options):
        """Return a Live that begins with a price of 1, and shows the value."""
        live = Live({self.price.node("A"): 1}, policy="block", **options)
        live.output(self.value.node())
        return live

    async def follow(self, live):
        """Feed the prices, which are read in the context that ticks, and return what is shown."""
        with live.context:
            live.feed(self.price.node("A"), self.feed("A"))
        return [(update.tick, update.node, update.value) async for update in live.updates(until_fed=True)]


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


def record(desk, path, run):
    """Record a day of a Live, and return what it has shown."""

    async def main():
        async with desk.make_live() as live:
            with replay.record(live.context, path, clock=lambda: 0.0):  # at a speed, all items are due at once
                return await desk.follow(live)

    shown = run(main)
    desk.runs.clear()
    return shown


@pytest.mark.parametrize("speed", [None, 1.0])
def test_a_live_in_a_replay_shows_what_it_showed_then(path, run, speed):
    """Each tick of the recorded feed gives the value that it gave then, and no source runs; also at a speed."""
    desk = Desk()
    then = record(desk, path, run)

    async def main():
        with replay.open(path).replay(desk.value.node(), speed=speed):
            async with desk.make_live() as live:
                return await desk.follow(live)

    assert run(main) == then
    assert [value for _, _, value in then][-3:] == [20, 40, 60]
    assert desk.runs == []


def test_every_kind_of_output_asks_the_recording(path, run):
    """So do outputs in a thread, of coroutine functions and of streams, which are asked beside the ticks."""
    desk = Desk()
    record(desk, path, run)

    async def main():
        with replay.open(path).replay(), ThreadPoolExecutor(1) as pool:
            async with Live({desk.price.node("A"): 5}) as live:
                report = dug.memoize(lambda: f"worth {desk.value()}")
                for node, executor in [(report.node(), pool), (desk.awaited.node(), None), (desk.steps.node(), None)]:
                    live.output(node, executor=executor)
                updates = live.updates()
                return sorted([str((await anext(updates)).value) for _ in range(4)])

    assert run(main) == ["-10", "10", "11", "worth 10"]
    assert desk.runs == []


def test_what_ifs_and_frozen_contexts_of_a_live_in_a_replay(path, run):
    """A what-if on the context that ticks, around it, and in a frozen context, stands on the recording."""
    desk = Desk()
    record(desk, path, run)

    with replay.open(path).replay():
        live = desk.make_live()
        assert [update.value for update in live.step()] == [2]
        with live.context, dug.Context({desk.rate.node(): 100}):
            assert desk.value() == 100
            live.push(desk.price.node("A"), 3)
            assert [update.value for update in live.step()] == [6]
            assert desk.value() == 300
        assert live.freeze().run(desk.value) == 6
        with dug.Context({desk.rate.node(): 7}):
            live.push(desk.price.node("A"), 4)
            assert [update.value for update in live.step()] == [8]
    assert desk.runs == []


def test_a_source_that_is_not_covered_is_refused_in_a_tick(path, run):
    """A source that the recording does not know, and one decorated since, is an update with the error, and does not run."""
    desk = Desk()
    record(desk, path, run)

    with replay.open(path).replay():
        live = Live()
        live.output(desk.price.node("B"))
        late = dug.source(lambda: desk.runs.append("late"))
        live.output(dug.memoize(lambda: [late()]).node())
        errors = [type(update.error) for update in live.step()]

    assert errors == [replay.UncoveredError] * 2
    assert desk.runs == []
