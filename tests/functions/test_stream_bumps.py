"""Bumps of streams: what-ifs that change the items of a stream and start nothing again, on loops and without."""

from __future__ import annotations

import gc
import weakref
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

import dug
from dug import streams


@pytest.fixture
def log() -> list[Any]:
    """What ran, in order."""
    return []


@pytest.fixture
def p(log) -> SimpleNamespace:
    """A program without a loop: ``mids`` reads ``ticks``, and ``rate`` from item 5 on; ``head`` and ``total`` read ``mids``."""

    @dug.source
    def ticks(count):
        log.append("ticks")
        yield from range(count)

    @dug.memoize
    def rate():
        return 2

    @dug.memoize
    def mids(count):
        log.append("mids")
        for tick in ticks(count):
            yield tick * (rate() if tick >= 5 else 1)

    @dug.memoize
    def head(count, wanted):
        log.append("head")
        return tuple(islice(mids(count), wanted))

    @dug.memoize
    def total(count):
        log.append("total")
        return sum(mids(count))

    return SimpleNamespace(ticks=ticks, rate=rate, mids=mids, head=head, total=total)


@pytest.fixture
def q(log) -> SimpleNamespace:
    """The same on a loop."""

    @dug.source
    async def ticks(count):
        log.append("ticks")
        for number in range(count):
            yield number

    @dug.memoize
    def rate():
        return 2

    @dug.memoize
    async def mids(count):
        log.append("mids")
        async for tick in ticks(count):
            yield tick * (rate() if tick >= 5 else 1)

    @dug.memoize
    async def total(count):
        log.append("total")
        return sum([mid async for mid in mids(count)])

    return SimpleNamespace(ticks=ticks, rate=rate, mids=mids, total=total)


PLAIN = [0, 1, 2, 3, 4, 10, 12, 14]


def add_up(stream):
    """Give running totals."""
    total = 0
    for item in stream:
        total += item
        yield total


async def add_up_there(stream):
    """Give running totals on a loop."""
    total = 0
    async for item in stream:
        total += item
        yield total


def test_each_changes_every_item_and_starts_nothing_again(p, log):
    """Under ``each`` all items of a stream are changed for its readers, and its own generator does not run again."""
    with dug.Context():
        before = p.total(8)
        log.clear()
        with dug.Context({p.mids.node(8): streams.each(lambda mid, more: mid + more, 100)}):
            inside = p.mids(8).list(), p.total(8)
        after = p.total(8), p.mids(8).list()

    assert before == sum(PLAIN)
    assert inside == ([item + 100 for item in PLAIN], before + 800)
    assert after == (before, PLAIN)
    assert log == ["total"]


def test_a_source_that_is_first_read_under_a_bump_serves_all(p, log):
    """A stream that is read under a bump first is read outside of it from the same run."""
    with dug.Context():
        with dug.Context({p.ticks.node(8): dug.shift(1)}):
            inside = p.ticks(8).list()
        outside = p.ticks(8).list()

    assert (inside, outside) == ([1, 2, 3, 4, 5, 6, 7, 8], list(range(8)))
    assert log == ["ticks"]


def test_a_bump_gets_the_stream_and_gives_another(p, log):
    """The function of a bump is a generator function of the stream, which may keep a state and give fewer items."""
    with dug.Context():
        p.total(8)
        log.clear()
        with dug.Context({p.mids.node(8): dug.bump(add_up)}):
            totals = p.mids(8).list()
        with dug.Context({p.mids.node(8): dug.bump(islice, 2, 4)}):
            part = p.mids(8).list(), p.total(8)

    assert totals == [0, 1, 3, 6, 10, 20, 32, 46]
    assert part == ([2, 3], 5)
    assert log == ["total"]


def test_shift_and_scale_change_each_item(p):
    """``shift`` and ``scale`` of a stream, or of a stream function, are meant item by item."""
    with dug.Context():
        with dug.Context({p.mids.node(3): dug.shift(10)}):
            shifted = p.mids(3).list()
        with dug.Context({p.ticks: dug.scale(3)}):
            scaled = p.ticks(3).list(), p.mids(3).list()

    assert shifted == [10, 11, 12]
    assert scaled == ([0, 3, 6], [0, 3, 12])


def test_a_bump_on_a_running_stream_forks_nothing(p, log):
    """A what-if by a bump, while somebody reads the stream, reads on from the same run of the generator; so does the outside."""
    with dug.Context(), p.mids(8).open() as outer:
        items = [next(outer), next(outer)]
        with dug.Context({p.mids.node(8): dug.scale(10)}), p.mids(8).open() as inner:
            inside = [next(inner) for _ in range(6)]
        items += list(outer)

    assert (items, inside) == (PLAIN, [0, 10, 20, 30, 40, 100])
    assert log == ["mids", "ticks"]


def test_what_is_read_late_beneath_a_bump_is_read_late_above_it(p, log):
    """A tweak of what the stream reads from item 5 on reruns no reader of two bumped items."""
    with dug.Context(), dug.Context({p.mids.node(8): dug.shift(1)}):
        before = p.head(8, 2), p.mids(8).list()
        log.clear()
        with dug.Context({p.rate.node(): 3}):
            inside = p.head(8, 2), p.mids(8).list()

    assert before == ((1, 2), [item + 1 for item in PLAIN])
    assert inside == ((1, 2), [1, 2, 3, 4, 5, 16, 19, 22])
    assert log == ["mids"]


def test_what_the_function_of_a_bump_reads_is_traced(p):
    """A node that ``each`` asks for is a dependency of the items."""
    with dug.Context(), dug.Context({p.ticks.node(3): streams.each(lambda tick: tick + p.rate())}):
        before = p.ticks(3).list()
        with dug.Context({p.rate.node(): 5}):
            inside = p.ticks(3).list()

    assert (before, inside) == ([2, 3, 4], [5, 6, 7])


def test_bumps_compose_from_the_outside_in(p, log):
    """A bump in a context acts on that of the context around, of the node and of its function, and on a list."""
    node = p.mids.node(3)
    with dug.Context():
        with dug.Context({node: dug.shift(1)}), dug.Context({node: dug.scale(10)}):
            nested = p.mids(3).list()
            with dug.Context({p.mids: dug.shift(1)}):
                of_all = p.mids(3).list(), p.mids(2).list()
        with dug.Context({p.mids: dug.shift(1)}), dug.Context({node: dug.scale(10)}):
            over = p.mids(3).list()
        with dug.Context({node: [5]}), dug.Context({node: dug.shift(1)}):
            listed = p.mids(3).list()
        with dug.Context({node: dug.shift(1)}), dug.Context({node: dug.UNTWEAKED}):
            untweaked = p.mids(3).list()

    assert nested == [10, 20, 30]
    assert of_all == ([11, 21, 31], [1, 2])
    assert over == [10, 20, 30]
    assert listed == [6]
    assert untweaked == [0, 1, 2]


def test_readers_that_get_equal_items_are_not_run_again(p, log):
    """A bump that changes no item, and an equal bump in another context, rerun no reader."""
    bump = dug.shift(1)
    with dug.Context():
        p.total(8)
        log.clear()
        with dug.Context({p.mids.node(8): streams.each(lambda mid: mid)}):
            p.total(8)
        assert "total" not in log
        with dug.Context({p.mids.node(8): bump}):
            p.total(8)
        log.clear()
        with dug.Context({p.mids.node(8): dug.shift(1)}):
            p.total(8)

    assert log in ([], ["total"])


def test_an_invalidation_reaches_who_reads_above_a_bump(p):
    """After the source beneath a bump gives other items, so does the bumped stream."""
    outside = [1, 2]

    @dug.source
    def numbers():
        yield from tuple(outside)

    @dug.memoize
    def total():
        return sum(numbers())

    with dug.Context(), dug.Context({numbers.node(): dug.shift(10)}) as ctx:
        before = total()
        outside.append(3)
        ctx.invalidate(numbers)

        assert (before, total()) == (23, 36)


def test_an_error_of_the_function_comes_after_the_items_before_it(p):
    """An exception of a bump's function reaches the readers as any exception of a generator does."""

    def divide(item):
        return 6 // (2 - item)

    with dug.Context(), dug.Context({p.mids.node(8): streams.each(divide)}):
        with p.mids(8).open() as reader:
            items = [next(reader), next(reader)]
            with pytest.raises(ZeroDivisionError):
                next(reader)
        with pytest.raises(ZeroDivisionError):
            p.total(8)

    assert items == [3, 6]


def test_a_function_that_gives_no_items_is_told_what_to_write(p):
    """A bump whose function takes an item, or returns no items, raises TypeError with the node and both spellings."""

    def double(stream):
        return 2

    with (
        dug.Context(),
        dug.Context({p.mids.node(3): dug.bump(double)}),
        pytest.raises(TypeError, match=r"mids\(3\) is bumped by double.*yield item.*each\(double\)"),
    ):
        p.total(3)


def test_bumps_that_cannot_be_are_refused_where_they_are_stated(p, q):
    """Coroutine functions, async generators on streams without a loop, and ``each`` on other nodes are refused by name."""

    async def coroutine(stream):
        return stream

    with pytest.raises(dug.TweakError, match=r"mids\(3\).*a generator function of the stream"):
        dug.Context({p.mids.node(3): dug.bump(coroutine)})
    with pytest.raises(dug.TweakError, match="an async generator function"):
        dug.Context({q.mids: dug.bump(coroutine)})
    with pytest.raises(dug.TweakError, match="plain function of an item"):
        dug.Context({p.mids: streams.each(coroutine)})
    with pytest.raises(dug.TweakError, match="without async"):
        dug.Context({p.mids: dug.bump(add_up_there)})
    with pytest.raises(dug.TweakError, match=r"dug\.bump\(abs\)"):
        dug.Context({p.rate.node(): streams.each(abs)})
    with dug.Context():
        mark = dug.Node._of((p.mids(3).marks, 0))
    with pytest.raises(dug.TweakError, match="part of a stream"):
        dug.Context({mark: dug.shift(1)})
    with pytest.raises(TypeError, match=r"dug\.shift\(3\)"):
        streams.each(3)


def test_each_shows_itself_as_it_is_written():
    """The text of the tweak is the call that makes it."""
    assert repr(streams.each(abs)) == "each(abs)"
    assert repr(streams.each(divmod, 3)) == "each(divmod, 3)"


def test_a_dropped_bump_is_freed(p):
    """What only the tweak of a stream holds is freed when its context is dropped."""

    class Amount(float):
        pass

    amount = Amount(3)
    gone = weakref.ref(amount)
    with dug.Context():
        p.total(8)
        with dug.Context({p.mids.node(8): dug.shift(amount)}):
            p.total(8)
        del amount
        p.head(8, 1)
        gc.collect()

        assert gone() is None


def test_bumps_of_streams_on_a_loop(run, q, log):
    """On asyncio and trio a stream is bumped by item, by a generator function, and by an operator, and nothing starts again."""

    async def slowly(item):
        return item + 1

    async def main():
        with dug.Context():
            results = [await q.total(8)]
            log.clear()
            for tweak in (
                dug.scale(10),
                streams.each(slowly),
                dug.bump(add_up_there),
                dug.bump(lambda stream: streams.filter(bool, stream)),
                dug.bump(lambda stream: [7]),
            ):
                with dug.Context({q.mids.node(8): tweak}):
                    results.append((await q.mids(8).list(), await q.total(8)))
            return results

    plain, scaled, added, totals, filtered, listed = run(main)

    assert plain == sum(PLAIN)
    assert scaled == ([10 * item for item in PLAIN], 10 * plain)
    assert added == ([item + 1 for item in PLAIN], plain + 8)
    assert totals == ([0, 1, 3, 6, 10, 20, 32, 46], 118)
    assert filtered == (PLAIN[1:], plain)
    assert listed == ([7], 7)
    assert set(log) == {"total"}


def test_a_bump_on_a_running_stream_on_a_loop(run, q, log):
    """A what-if by a bump on a stream that is being read shares its pump, and readers outside go on."""

    async def main():
        with dug.Context():
            async with q.mids(8).open() as outer:
                items = [await anext(outer), await anext(outer)]
                with dug.Context({q.ticks.node(8): dug.shift(1)}):
                    inside = await q.mids(8).list(), await q.ticks(8).list()
                return [*items, *[item async for item in outer]], inside

    items, inside = run(main)

    assert items == PLAIN
    assert inside == ([1, 2, 3, 4, 10, 12, 14, 16], list(range(1, 9)))
    assert log.count("ticks") == 1


def test_an_error_beneath_a_bump_on_a_loop_is_the_very_one(run):
    """The exception of the stream beneath passes through a bump, and a wrong function is told what to write."""
    error = OSError("gone")

    @dug.source
    async def broken():
        yield 1
        raise error

    async def main():
        with dug.Context():
            with dug.Context({broken.node(): dug.shift(1)}), pytest.raises(OSError, match="gone") as caught:
                await broken().list()
            with dug.Context({broken.node(): dug.bump(lambda stream: 5)}), pytest.raises(TypeError, match="async for"):
                await broken().list()
            return caught.value

    assert run(main) is error
