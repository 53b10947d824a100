"""What looks show of streams: their nodes, with the items that are known, and never a mark or a pump."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import dug


@pytest.fixture
def p() -> SimpleNamespace:
    """A program: ``mids`` reads ``ticks``, and ``rate`` from item 5 on; ``total`` reads ``mids``."""

    @dug.source(name="ticks")
    async def ticks():
        for number in range(10):
            yield number

    @dug.memoize(name="rate")
    def rate():
        return 2

    @dug.memoize(name="mids")
    async def mids():
        async for tick in ticks():
            yield tick * (rate() if tick >= 5 else 1)

    @dug.memoize(name="total")
    async def total():
        return sum([mid async for mid in mids()])

    return SimpleNamespace(ticks=ticks, rate=rate, mids=mids, total=total)


def short(one):
    """Return something as text, in which nodes have no module."""
    return str(one).replace(f"{__name__}:", "")


def names_of(nodes):
    """Return nodes as texts, sorted."""
    return sorted(map(short, nodes))


def test_the_graph_has_streams_and_no_marks(p, run):
    """``ctx.graph`` and ``ctx.states`` have the node of a stream, which read what its marks read."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            return ctx.graph(), ctx.states()

    graph, states = run(main)

    assert names_of(graph.nodes) == ["mids()", "rate()", "ticks()", "total()"]
    assert names_of(graph.dependencies(p.mids.node())) == ["rate()", "ticks()"]
    assert names_of(graph.dependencies(p.total.node())) == ["mids()"]
    assert len(states) == 4


def test_the_record_of_a_stream_tells_what_its_marks_read(p, run):
    """``ctx.memo`` of a stream has the stream for its value, and the dependencies and dependents of its marks."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            records = [ctx.memo(node) for node in (p.mids.node(), p.rate.node())]
            return [(names_of(one.dependencies), names_of(one.dependents)) for one in records]

    assert run(main) == [(["rate()", "ticks()"], ["total()"]), ([], ["mids()"])]


def test_an_explanation_counts_items_and_names_the_stream(p, run):
    """``ctx.explain`` says how many items of a stream are known, and goes through the stream to a tweak."""

    async def main():
        with dug.Context(), dug.Context({p.rate.node(): 3}) as ctx:
            await p.total()
            return short(ctx.explain(p.total.node())), short(ctx.explain(p.mids.node()))

    total, mids = run(main)

    assert "mids() = <Stream mids(): 10 items, ended>" in total
    assert "rests on rate(), tweaked to 3 here\n    by way of mids()" in total
    assert "ticks() = <Stream ticks(): 10 items, ended>" in mids
    assert "mark" not in total + mids


def test_an_open_stream_says_how_far_it_is(p, run):
    """A look at a stream that somebody reads says how many items there are, and that more may come."""

    @dug.source(name="endless", ahead=3)
    async def endless():
        number = 0
        while True:
            yield number
            number += 1

    async def main():
        with dug.Context() as ctx:
            endless()
            before = short(ctx.explain(endless.node()))
            async with endless().open() as reader:
                await anext(reader)
                return before, short(ctx.explain(endless.node()))

    before, after = run(main)

    assert before.startswith("endless() = <Stream endless()>")
    assert after.startswith("endless() = <Stream endless(): 3 items so far, open>")


def test_a_stream_that_failed_is_a_failure_of_its_node(run):
    """``ctx.failures`` and ``ctx.states`` have the node of a stream that raised, as the origin of its readers' errors."""

    @dug.memoize(name="broken")
    async def broken():
        yield 1
        raise ValueError("no more")

    @dug.memoize(name="total")
    async def total():
        return sum([one async for one in broken()])

    async def main():
        with dug.Context() as ctx:
            with pytest.raises(ValueError, match="no more"):
                await total()
            failures = [(short(one.node), short(one.origin)) for one in ctx.failures()]
            return sorted(failures), short(ctx.explain(total.node())), {short(row.node): row.state for row in ctx.states()}

    failures, text, states = run(main)

    assert failures == [("broken()", "broken()"), ("total()", "broken()")]
    assert states == {"broken()": "failed", "total()": "failed"}
    assert "the error began in broken()" in text


def test_a_comparison_names_the_first_item_that_differs(p, run):
    """``ctx.compare`` follows a change through a stream, and says at which item it begins."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            with dug.Context({p.rate.node(): 3}) as other:
                await p.total()
                return ctx.compare(other, p.total.node())

    comparison = run(main)

    assert names_of(comparison.nodes) == ["mids()", "rate()", "total()"]
    assert "item 5: 10 -> 15" in short(comparison)


def test_a_what_if_that_gives_the_same_items_changes_no_stream(p, run):
    """A stream that read something else and gave the same items counts as unchanged."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            with dug.Context({p.ticks.node(): list(range(10))}) as other:
                await p.total()
                return ctx.compare(other, p.mids.node()).nodes

    assert "mids()" not in names_of(run(main))


def test_a_plan_names_the_stream(p, run):
    """``ctx.plan`` says which streams may run again, and no mark."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            ctx.invalidate(p.rate)
            return ctx.plan(p.total.node())

    assert names_of(row.node for row in run(main)) == ["mids()", "rate()", "total()"]


def test_the_state_of_a_stream_is_that_of_its_items(p, run):
    """A stream is computed in a what-if that changes its items, and inherited in one that does not."""

    async def main():
        states = []
        with dug.Context():
            await p.total()
            for target in (p.rate, p.total):
                with dug.Context({target.node(): 3}) as ctx:
                    await p.mids().list()
                    states.append({short(row.node): row.state for row in ctx.states()})
        return states

    first, second = run(main)

    assert (first["mids()"], first["ticks()"]) == ("computed", "inherited")
    assert second["mids()"] == "inherited"


def test_nobody_hears_of_marks(p, run):
    """Events are of the nodes of streams: one when a stream is made, one when its generator has ended; none of marks."""
    events: list[Any] = []

    async def main():
        with dug.Context() as ctx, ctx.listen(lambda event: events.append((event.kind, short(event.node)))):
            await p.total()

    run(main)

    assert {name for _, name in events} == {"mids()", "rate()", "ticks()", "total()"}
    assert events.count(("computed", "mids()")) == 2


def test_what_was_dropped_still_counts_as_read(run):
    """A look at a stream with ``keep=`` names all nodes that its generator has read, also for items that are dropped."""

    @dug.memoize(name="price")
    def price(number):
        return number

    @dug.memoize(name="prices", keep=2)
    async def prices():
        for number in range(20):
            yield price(number)

    async def main():
        with dug.Context() as ctx:
            await prices().list()
            return ctx.memo(prices.node()), short(ctx.explain(prices.node())), len(ctx.states())

    record, text, count = run(main)

    assert len(record.dependencies) == 20
    assert text.startswith("prices() = <Stream prices(): 20 items, ended>")
    assert count == 21
