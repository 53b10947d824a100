"""What a `Live` says of itself: what waits, what is fed, and where each output is."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

import pytest

import dug
from dug.live import Live
from dug.testing import EventLog


class Later:
    """An executor that runs a call when the test says so."""

    def __init__(self):
        self.calls = []

    def submit(self, call):
        """Keep a call."""
        self.calls.append(call)
        return Future()


@pytest.mark.parametrize(("policy", "pending"), [("latest", 1), ("batch", 2), ("block", 3), ("drop_oldest", 2), ("error", 3)])
def test_a_live_says_its_policy_and_what_waits(book, make, policy, pending):
    """The policy, the room and the number of the ticks that wait are there to be read."""
    live = make(policy=policy, size=2 if policy == "drop_oldest" else 3)
    for name, price in [("A", 2), ("B", 3), ("A", 4)]:
        live.push(book.spot.node(name), price)

    assert (live.policy, live.size, live.pending) == (policy, 2 if policy == "drop_oldest" else 3, pending)
    live.step()
    assert live.pending == pending - 1


def test_an_output_says_what_it_gave_last(book, make):
    """The last value of an output is there with its tick, also where it was no news."""
    live = make()
    output = live.output(book.twice.node("A"))
    assert output.last is None
    live.step(), live.push(book.spot.node("B"), 5)

    assert live.step() == []
    assert (output.last.value, output.last.tick, output.last.error) == (2, 1, None)


def test_an_output_says_the_error_that_it_gave_last(make):
    """An error stands in the place of the value, until there is one."""

    @dug.source
    def quote():
        raise LookupError("no quote")

    live = make()
    output = live.output(quote.node())
    live.step()

    assert (output.last.value, str(output.last.error)) == (None, "no quote")
    live.push(quote.node(), 7), live.step()
    assert (output.last.value, output.last.error) == (7, None)


def test_an_output_says_where_it_is(book, make, clock):
    """An output is current, waits for its time, or is in flight beside the ticks."""
    later = Later()
    live = make()
    fast, slow = live.output(book.total.node(), every=1.0), live.output(book.twice.node("A"), executor=later)
    assert (fast.state, slow.state) == ("waits", "waits")
    live.step()
    assert (fast.state, slow.state) == ("current", "in flight")
    live.push(book.spot.node("A"), 5), live.step()
    assert (fast.state, fast.last.tick, slow.state) == ("waits", 0, "in flight")

    later.calls.pop()(), clock.advance(1.0), live.step()
    later.calls.pop()(), live.step()
    assert (fast.state, slow.state, slow.last.value) == ("current", "current", 10)


def test_a_stream_reads_until_it_has_ended():
    """The output of a stream reads while items may come."""

    @dug.memoize
    async def items():
        yield 1

    async def main():
        async with Live() as live:
            output = live.output(items.node())
            before = output.state
            between = [output.state async for _ in live.updates(until_fed=True)]
            return [before, *between, output.state]

    assert asyncio.run(main()) == ["waits", "reads", "current"]


async def nothing():
    """Give nothing."""
    for item in ():
        yield item


def test_a_live_says_what_is_fed_until_it_is_closed(book, make):
    """Feeds that have not ended are named by their nodes."""
    live = make()
    live.feed(book.spot.node("A"), nothing()), live.feed(nothing())

    assert (live.fed, live.is_closed) == ((book.spot.node("A"), None), False)
    live.close()
    assert live.is_closed


def test_looking_at_a_live_runs_nothing(book, make):
    """What a `Live` says of itself takes no tick and computes no node."""
    live = make()
    output = live.output(book.total.node())
    live.push(book.spot.node("A"), 5)
    with EventLog(live.context) as log:
        assert [live.pending, live.policy, live.fed, live.inputs, live.counters.pushes, output.last, output.state][0] == 1

    assert (log.computed, live.tick) == ([], 0)
