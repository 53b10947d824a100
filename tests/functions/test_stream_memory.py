"""Streams with ``keep=``: what a tape drops, who still learns of a change, and who comes late."""

from __future__ import annotations

import gc
import itertools
import tracemalloc
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from support.sync_points import settle

import dug
from dug._functions.any_reader import AnyReader
from dug._functions.tape import Mark, Tape
from dug.streams import LATEST


def count_marks():
    """Return how many marks are alive."""
    gc.collect()
    return sum(isinstance(one, Mark) for one in gc.get_objects())


def make_quotes(**options):
    """Return a function, and an endless stream that reads a new node of it at each item."""

    @dug.memoize
    def quote(number):
        return number

    @dug.memoize(**options)
    async def quotes():
        for number in itertools.count():
            yield quote(number)

    return quote, quotes


def test_an_endless_stream_that_reads_a_new_node_at_each_item_keeps_few_marks(run):
    """With ``keep=`` the marks of dropped items are dropped: their number does not grow with the items."""
    _, quotes = make_quotes(keep=20)

    async def main():
        counts = []
        with dug.Context():
            async with quotes().open() as reader:
                async for item in reader:
                    if item % 200 == 199:
                        counts.append(count_marks())
                    if item == 800:
                        break
        return counts

    counts = run(main)

    assert max(counts) <= 4 * 20


def test_an_endless_stream_that_reads_a_ticking_node_keeps_no_memos(run):
    """A stream with ``keep=`` that reads a node which is invalidated before each item holds no more after 1,000 items."""
    now = 0

    @dug.source
    def clock():
        return now

    @dug.memoize(keep=10)
    async def times():
        while True:
            yield clock()

    async def main():
        nonlocal now
        sizes = []
        with dug.Context() as ctx:
            async with times().open() as reader:
                async for _ in reader:
                    now += 1
                    ctx.invalidate(clock)
                    if now % 100 == 0:
                        sizes.append((len(ctx.cache), count_marks()))
                    if now == 400:
                        break
        return sizes

    sizes = run(main)

    assert max(sizes) <= (4, 30)


def test_a_reader_learns_of_what_a_dropped_mark_had_read(run):
    """A memoised reader runs again when a node is invalidated or tweaked that was read for items which are not kept any more."""
    prices = dict.fromkeys(range(400), 1)

    @dug.source
    def price(number):
        return prices[number]

    @dug.memoize(keep=10)
    async def values():
        for number in range(400):
            yield price(number)

    @dug.memoize
    async def total():
        return sum([value async for value in values()])

    async def main():
        with dug.Context() as ctx:
            results = [await total()]
            with dug.Context({price.node(0): 100}):
                results.append(await total())
            with dug.Context({price.node(399): 100}):
                results.append(await total())
            results.append(await total())
            prices[5] = 1_000
            ctx.invalidate(price.node(5))
            results.append(await total())
        return results

    assert run(main) == [400, 499, 499, 400, 1_399]


def test_a_stream_of_a_stream_learns_of_what_a_dropped_mark_had_read(run):
    """What rests on dropped marks by way of another stream with ``keep=`` is found by a tweak and by an invalidation as well."""
    prices = dict.fromkeys(range(300), 1)

    @dug.source
    def price(number):
        return prices[number]

    @dug.memoize(keep=10)
    async def values():
        for number in range(300):
            yield price(number)

    @dug.memoize(keep=7)
    async def sums():
        total = 0
        async for value in values():
            total += value
            if total % 2:
                yield total

    @dug.memoize
    async def newest():
        found = 0
        async for value in sums():
            found = value
        return found

    async def main():
        with dug.Context() as ctx:
            results = [await newest()]
            with dug.Context({price.node(3): 3}):
                results.append(await newest())
            results.append(await newest())
            prices[4] = 11
            ctx.invalidate(price.node(4))
            results.append(await newest())
        return results

    assert run(main) == [299, 301, 299, 309]


def test_marks_are_kept_while_a_run_that_has_read_them_goes_on(run):
    """A memoised reader that has left a stream, and goes on, learns of a first tweak, though the stream has gone far on."""
    log: list[str] = []

    @dug.memoize
    def price(number):
        return 1

    @dug.memoize(keep=5)
    async def values():
        for number in range(200):
            yield price(number)

    @dug.memoize
    async def head():
        log.append("head")
        async with values().open() as reader:
            found = [await anext(reader) for _ in range(3)]
        while "tweak" not in log:
            await anyio.lowlevel.checkpoint()
        return sum(found)

    async def ask(results):
        results.append(await head())

    async def main():
        results: list[int] = []
        with dug.Context():
            async with values().open() as outer, anyio.create_task_group() as group:
                group.start_soon(ask, results)
                await settle()
                results += [await anext(outer) for _ in range(150)][:1]
                with dug.Context({price.node(1): 5}):
                    log.append("tweak")
                    await settle()
                    results.append(await head())
            return [*results, await head()]

    assert run(main) == [1, 3, 7, 3]
    assert log == ["head", "tweak", "head"]


def test_a_deadlock_by_keep_is_found_when_another_reader_becomes_the_slowest(run):
    """A generator that waits for its slowest reader looks again when that is another one, which here waits for the generator."""

    @dug.memoize(keep=1)
    async def numbers():
        for number in range(100):
            yield number

    @dug.memoize
    async def total():
        return sum([number async for number in numbers()])

    @dug.memoize
    async def both():
        async with numbers().open() as reader:
            return await anext(reader) + await total()

    async def main():
        with dug.Context():
            async with numbers().open() as first, anyio.create_task_group() as group:
                await anext(first)
                group.start_soon(expect_circle)
                await settle()
                with pytest.raises(dug.CycleError, match="both"):
                    [number async for number in first]

    async def expect_circle():
        with pytest.raises(dug.CycleError, match="both"):
            await both()

    run(main)


def test_memory_stays_flat_over_many_items(run):
    """A stream with ``keep=100`` needs no more memory for its last items than for its first ones."""

    @dug.source(keep=100)
    async def numbers():
        for number in range(4_000):
            yield number

    async def main():
        sizes = []
        with dug.Context():
            tracemalloc.start()
            try:
                async for number in numbers():
                    if number % 1_000 == 999:
                        gc.collect()
                        sizes.append(tracemalloc.get_traced_memory()[0])
            finally:
                tracemalloc.stop()
        return sizes

    sizes = run(main)

    assert max(sizes[1:]) <= 1.1 * sizes[0] + 10_000


@pytest.mark.slow
def test_memory_stays_flat_over_150_000_items(run):
    """A source of 150,000 items with ``keep=100``, through a stream of it, takes as much memory at its end as at its start."""

    @dug.source(keep=100)
    async def numbers():
        for number in range(150_000):
            yield number

    @dug.memoize(keep=100)
    async def doubled():
        async for number in numbers():
            yield 2 * number

    async def main():
        sizes = []
        with dug.Context():
            tracemalloc.start()
            try:
                async for number in doubled():
                    if number % 60_000 == 59_998:
                        gc.collect()
                        sizes.append(tracemalloc.get_traced_memory()[0])
            finally:
                tracemalloc.stop()
        return sizes

    sizes = run(main)

    assert max(sizes) <= 1.1 * min(sizes) + 10_000


def test_who_comes_late_to_a_memoised_stream_runs_it_anew(run):
    """A stream with ``keep=`` that is no source is run again for a reader that wants items which are not kept any more."""
    log = []

    @dug.memoize(keep=5)
    async def numbers():
        log.append("numbers")
        for number in range(100):
            yield number

    async def main():
        with dug.Context():
            async with numbers().open() as early:
                for _ in range(50):
                    await anext(early)
                late = await numbers().list()
                return late, [number async for number in early]

    late, rest = run(main)

    assert late == list(range(100))
    assert rest == list(range(50, 100))
    assert log == ["numbers", "numbers"]


def test_who_comes_late_finds_what_is_kept_without_another_run(run):
    """A reader that opens a stream at an item which is still kept, or asks for the last one, reads it from there."""
    log = []

    @dug.memoize
    def price(number):
        return number

    @dug.memoize(keep=5)
    async def numbers():
        log.append("numbers")
        for number in range(100):
            yield price(number)

    async def main():
        with dug.Context():
            await numbers().list()
            return await numbers().seek(97), await numbers().last(), numbers().state

    assert run(main) == (97, 99, "ended")
    assert log == ["numbers"]


def test_what_is_kept_is_found_in_a_what_if_after_a_late_reader(run):
    """A reader in a what-if finds the items that a finished run still keeps, also after a later run of the same stream."""

    @dug.memoize
    def price(number):
        return number

    @dug.memoize(keep=5)
    async def numbers():
        for number in range(100):
            yield price(number)

    @dug.memoize
    def other():
        return 1

    @dug.memoize
    async def near_the_end():
        return await numbers().seek(97)

    async def main():
        with dug.Context():
            lists = [await numbers().list() for _ in range(2)]
            with dug.Context({other.node(): 2}):
                results = [await numbers().seek(97), await near_the_end()]
            with dug.Context({price.node(90): 0, price.node(97): 5}):
                return lists[0] == lists[1], [*results, await numbers().seek(97)]

    assert run(main) == (True, [97, 97, 5])


def test_a_late_reader_of_a_source_that_reads_nodes_gets_a_dropped_error_in_any_scenario(run):
    """A source with ``keep=`` is not begun twice: who comes late, in a what-if too, gets DroppedError."""
    log = []

    @dug.memoize
    def price(number):
        return number

    @dug.source(keep=5)
    async def numbers():
        log.append("numbers")
        for number in range(100):
            yield price(number)

    @dug.memoize
    def other():
        return 1

    async def main():
        with dug.Context():
            async with numbers().open() as early:
                for _ in range(60):
                    await anext(early)
                for tweaks in ({}, {other.node(): 2}):
                    with dug.Context(tweaks), pytest.raises(dug.DroppedError, match="item 0"):
                        await numbers().first()
                return await anext(early)

    assert run(main) == 60
    assert log == ["numbers"]


def test_latest_in_a_what_if_reads_the_source_that_runs(run):
    """A reader that is opened at LATEST in a what-if reads the tape of the context around, and starts no source."""
    log = []

    @dug.source
    async def numbers():
        log.append("numbers")
        for number in range(1_000):
            yield number
            await settle()

    @dug.memoize
    def other():
        return 1

    async def main():
        with dug.Context():
            async with numbers().open() as outer:
                await anext(outer)
                with dug.Context({other.node(): 2}):
                    async with numbers().open(LATEST) as inner:
                        return await anext(inner)

    assert run(main) > 0
    assert log == ["numbers"]


def test_a_source_that_was_begun_again_elsewhere_is_gone_on_with(run):
    """Who reads on after all readers of a source had left goes on, in any scenario, on the run that somebody began again."""
    log: list[Any] = []

    @dug.source(ahead=1)
    async def numbers():
        log.append("numbers")
        for number in range(100):
            yield number

    @dug.memoize
    def other():
        return 1

    async def main():
        with dug.Context():
            assert await numbers().first() == 0
            async with numbers().open() as outer:
                found = [await anext(outer) for _ in range(10)]
                with dug.Context({other.node(): 2}):
                    async with numbers().open() as inner:
                        return found, [await anext(inner) for _ in range(20)]

    outer, inner = run(main)

    assert (outer, inner) == (list(range(10)), list(range(20)))
    assert log == ["numbers", "numbers"]


@pytest.fixture
def _told_at_the_worst_time(monkeypatch):
    """Each reader is told to look again right after it has found how far it may read, as a pump in another thread may do."""
    look = AnyReader._find_limit

    def look_and_be_told(reader):
        found = look(reader)
        reader.look_again()
        return found

    monkeypatch.setattr(AnyReader, "_find_limit", look_and_be_told)


@pytest.mark.usefixtures("_told_at_the_worst_time")
@pytest.mark.parametrize("keep", [None, 1, 3])
def test_a_reader_that_is_told_to_look_again_reads_to_the_end(keep, run):
    """A pump of another thread that begins to wait for a reader does not end the iteration of that."""

    @dug.source(keep=keep)
    async def numbers():
        for number in range(8):
            yield number

    @dug.memoize
    async def doubled():
        async for number in numbers():
            yield 2 * number

    async def main():
        with dug.Context():
            assert await doubled().list() == [0, 2, 4, 6, 8, 10, 12, 14]

    run(main)


@pytest.mark.usefixtures("_told_at_the_worst_time")
def test_a_reader_of_a_synchronous_stream_that_is_told_to_look_again_reads_to_the_end():
    """Nor that of a synchronous stream."""

    @dug.source(keep=2)
    def numbers():
        yield from range(8)

    with dug.Context():
        assert list(numbers()) == [0, 1, 2, 3, 4, 5, 6, 7]


class Waiting:
    """A wait of a pump, as its tape sees it."""

    is_woken = False

    def leave_wait(self):
        """Do nothing: it is entered nowhere."""

    def wake(self):
        """Note it."""
        self.is_woken = True


@pytest.mark.parametrize("is_taken", [False, True], ids=["by one thread", "by two"])
def test_a_thread_that_gives_room_late_takes_no_later_wait_away(is_taken):
    """A pump that waits again, while a thread is about to wake it from its wait before, can still be woken."""
    first, second = Waiting(), Waiting()

    class Watched(Tape):
        def has_room(self):  # in one thread; meanwhile another one wakes the pump, and that waits again
            if is_taken:
                self.room.pop().wake()
            self.room = [second]
            return True

    tape = Watched.__new__(Watched)
    tape._fill(None, 1, 1)
    tape.room = [first]
    tape.give_room()

    assert first.is_woken
    assert tape.room == [second]
    assert not second.is_woken
