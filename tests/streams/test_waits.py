"""How operators wait and end: cancellation, closing, circles, time, and what rests on what."""

from __future__ import annotations

import asyncio
import gc
import math
from contextlib import suppress
from typing import Any

import anyio
import pytest
import trio
import trio.testing
from support.sync_points import in_thread, settle

import dug
from dug import streams

SEVERAL: dict[str, Any] = {
    "zip": streams.zip,
    "zip_longest": streams.zip_longest,
    "merge": streams.merge,
    "latest": streams.latest,
}
ONE: dict[str, Any] = {
    "scan": lambda stream: streams.scan(max, stream),
    "filter": lambda stream: streams.filter(lambda _: True, stream),
    "take": lambda stream: streams.take(stream, 9),
    "timeout": lambda stream: streams.timeout(stream, 1_000),
    "batch": lambda stream: streams.batch(stream, 1),
    "window": lambda stream: streams.window(stream, 1),
}
ALL = {**SEVERAL, **{name: lambda first, _, make=make: make(first) for name, make in ONE.items()}}


def count_tasks():
    """Return how many tasks there are on the loop in force."""
    with suppress(RuntimeError):
        return len(asyncio.all_tasks())
    return trio.lowlevel.current_statistics().tasks_living


async def read(cursor, into):
    """Read a cursor to its end."""
    async for item in cursor:
        into.append(item)


@pytest.mark.parametrize("name", ALL)
def test_leaving_the_block_closes_what_an_operator_opened(name, feeds, run):
    """After ``async with`` the generators of an operator's streams have been closed, and no task is left."""

    async def main():
        before = count_tasks()
        with dug.Context():
            async with ALL[name](feeds.stream("a"), feeds.stream("b")) as cursor, anyio.create_task_group() as group:
                group.start_soon(read, cursor, [])
                await settle()
                group.cancel_scope.cancel()
            return sorted(feeds.log), count_tasks() - before

    log, left = run(main)

    assert log in (["close a", "close b", "open a", "open b"], ["close a", "open a"])
    assert left == 0


@pytest.mark.parametrize("name", ALL)
def test_a_dropped_operator_leaves_its_streams(name, feeds, run):
    """A cursor that a loop drops closes the generators of its streams soon."""

    async def main():
        with dug.Context():
            cursor = ALL[name](feeds.stream("a"), feeds.stream("b"))
            await settle()
            opened = len(feeds.log)
            del cursor
            gc.collect()
            await settle()
            return opened, len(feeds.log)

    opened, both = run(main)

    assert both == 2 * opened


@pytest.mark.parametrize("name", SEVERAL)
def test_an_error_closes_the_other_streams(name, feeds, run):
    """When one stream fails the generators of the others have been closed as the error arrives."""

    async def main():
        with dug.Context():
            cursor = SEVERAL[name](feeds.stream("a"), feeds.stream("b"))
            async with anyio.create_task_group() as group:
                group.start_soon(fail_soon)
                with pytest.raises(OSError, match="gone"):
                    await cursor.__anext__()
                return list(feeds.log), [item async for item in cursor]

    async def fail_soon():
        await settle()
        feeds.send("a", OSError("gone"))

    log, rest = run(main)

    assert sorted(log) == ["close a", "close b", "open a", "open b"]
    assert rest == []


def test_zip_closes_the_longer_streams_at_its_end(feeds, run):
    """A zip that ends with its shortest stream has closed the others by then."""

    async def main():
        with dug.Context():
            async with anyio.create_task_group() as group:
                cursor = streams.zip(feeds.stream("a"), feeds.stream("b"))
                group.start_soon(end_soon)
                await read(cursor, [])
                return list(feeds.log)

    async def end_soon():
        await settle()
        feeds.end("a")

    assert sorted(run(main)) == ["close a", "close b", "open a", "open b"]


@pytest.mark.parametrize("name", ALL)
def test_a_cancelled_wait_loses_no_item(name, feeds, run):
    """Who is cancelled while an operator waits loses nothing: the next asker gets what the first would have got."""

    async def main():
        got: list[Any] = []
        with dug.Context():
            async with ALL[name](feeds.stream("a"), feeds.stream("b")) as cursor:
                for number in range(3):
                    for feed in ("a", "b"):
                        async with anyio.create_task_group() as group:
                            group.start_soon(read, cursor, got)
                            await settle()
                            group.cancel_scope.cancel()
                        if f"open {feed}" in feeds.log:
                            feeds.send(feed, number)
                async with anyio.create_task_group() as group:
                    group.start_soon(read, cursor, got)
                    await settle()
                    group.cancel_scope.cancel()
        return got

    got = run(main)

    if name == "latest":
        assert got == [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)]
    elif name == "merge":
        assert got == [0, 0, 1, 1, 2, 2]
    else:
        kind = {"zip": lambda number: (number, number), "zip_longest": lambda number: (number, number)}
        kind |= dict.fromkeys(("batch", "window"), lambda number: (number,))
        assert got == [kind.get(name, lambda number: number)(number) for number in range(3)]


@pytest.mark.parametrize("name", ["merge", "latest"])
def test_waiting_for_several_streams_takes_no_task(name, feeds, run):
    """While merge or latest waits for three streams there are as many tasks as while a reader waits for one."""

    async def main():
        with dug.Context():
            readers = [feeds.stream(feed).open() for feed in "abc"]
            return await count_while(readers[0].__anext__), await count_while(SEVERAL[name](*readers).__anext__)

    alone, several = run(main)

    assert alone == several


async def count_while(wait):
    """Return how many tasks there are while one waits."""
    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await settle()
        group.cancel_scope.cancel()
        return count_tasks()


@pytest.mark.parametrize("name", SEVERAL)
def test_a_reader_that_is_woken_by_two_streams_goes_on_once(name, feeds, run):
    """Items of two streams in one turn wake a waiting operator, and none is lost or given twice."""

    async def main():
        got: list[Any] = []
        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(read, SEVERAL[name](feeds.stream("a"), feeds.stream("b")), got)
                for number in range(3):
                    await settle()
                    feeds.send("a", number)
                    feeds.send("b", number)
                await settle()
                feeds.end("a", "b")
        return got

    rows = [(number, number) for number in range(3)]
    assert run(main) == ([0, 0, 1, 1, 2, 2] if name == "merge" else rows)


def test_a_circle_through_all_streams_of_a_merge_is_a_cycle_error(run):
    """A merge of which every stream waits for its own items raises CycleError with their names."""

    @dug.source
    async def whole():
        async for item in streams.merge(left(), right()):
            yield item

    @dug.memoize
    async def left():
        async for item in whole():
            yield item

    @dug.memoize
    async def right():
        async for item in whole():
            yield item

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError, match=r"whole\(\)"):
            await whole().list()

    run(main)


def test_a_circle_through_a_zip_is_a_cycle_error(run):
    """A zip that waits for its own items raises CycleError, though its other stream has some."""

    @dug.source
    async def numbers():
        for number in range(3):
            yield number

    @dug.memoize
    async def pairs():
        async for pair in streams.zip(numbers(), pairs()):
            yield pair

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError, match="pairs"):
            await pairs().list()

    run(main)


@pytest.mark.parametrize("is_direct", [True, False])
def test_feedback_through_a_merge_is_no_circle(is_direct, feeds, run):
    """A merge of a stream and of what is made of its own items goes on as long as the stream does."""

    @dug.source
    async def numbers():
        async with streams.merge(feeds.stream("a"), numbers() if is_direct else halved()) as cursor:
            async for number in cursor:
                if number % 2 == 0 or not is_direct:
                    yield number // 2 if is_direct else number

    @dug.memoize
    async def halved():
        async for number in numbers():
            if number and number % 2 == 0:
                yield number // 2

    async def main():
        got: list[Any] = []
        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(read, numbers(), got)
                for number in (24, 7, 2) if not is_direct else (24, 7, 4):
                    await settle()
                    feeds.send("a", number)
                await settle()
                group.cancel_scope.cancel()
        return got

    assert run(main) == ([24, 12, 6, 3, 7, 2, 1] if not is_direct else [12, 6, 3, 2, 1])


def test_streams_that_feed_each_other_are_closed_when_nobody_else_reads_them(feeds, run):
    """A stream whose last readers are made of its own items is closed as its last other reader leaves."""

    @dug.source
    async def numbers():
        async with streams.merge(feeds.stream("a"), halved()) as cursor:
            async for number in cursor:
                yield number

    @dug.memoize
    async def halved():
        async for number in numbers():
            if number > 1:
                yield number // 2

    async def main():
        before = count_tasks()
        with dug.Context():
            async with numbers().open() as reader, anyio.create_task_group() as group:
                group.start_soon(reader.__anext__)
                await settle()
                feeds.send("a", 5)
            await settle()
            return list(feeds.log), count_tasks() - before

    assert run(main) == (["open a", "close a"], 0)


def test_what_an_operator_reads_is_a_dependency(run):
    """A memoised function that reads through an operator runs again when what it read changed, and only then."""
    log = []

    @dug.memoize
    def rate():
        return 2

    @dug.source
    async def numbers():
        for number in range(10):
            yield number

    @dug.memoize
    async def scaled():
        async for number in numbers():
            yield number * (rate() if number >= 5 else 1)

    @dug.memoize
    async def sums(count):
        log.append(count)
        async with streams.take(streams.zip(numbers(), streams.window(scaled(), 2)), count) as cursor:
            return [number + sum(pair) async for number, pair in cursor]

    async def main():
        with dug.Context():
            before = await sums(3), await sums(6)
            log.clear()
            with dug.Context({rate.node(): 3}):
                return before, (await sums(3), await sums(6))

    before, inside = run(main)

    assert before == ([1, 4, 7], [1, 4, 7, 10, 18, 27])
    assert inside == ([1, 4, 7], [1, 4, 7, 10, 23, 38])
    assert log == [6]


def test_a_what_if_in_the_middle_of_an_operator_shares_what_was_read(feeds, run):
    """A what-if on a stream made by an operator goes on from the items that its tweak cannot have changed."""

    @dug.memoize
    def factor():
        return 1

    @dug.memoize
    async def sums():
        async with streams.scan(lambda one, other: one + other, feeds.stream("a")) as cursor:
            async for total in cursor:
                yield total * (factor() if total > 3 else 1)

    async def main():
        with dug.Context():
            async with sums().open() as outer, anyio.create_task_group() as group:
                got: list[Any] = []
                group.start_soon(read, outer, got)
                await settle()
                feeds.send("a", 1, 2, 3)
                await settle()
                with dug.Context({factor.node(): 10}):
                    async with streams.take(sums(), 3) as inner:
                        again = [total async for total in inner]
                group.cancel_scope.cancel()
                return got, again

    assert run(main) == ([1, 3, 6], [1, 3, 60])
    assert feeds.log == ["open a", "close a"]


class Clock:
    """Runs on trio, where waiting takes no time as nothing else happens, and says how long it took by that clock."""

    @staticmethod
    def run(main: Any) -> Any:
        """Return what a coroutine function returns."""
        return in_thread(lambda: trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)))


def test_a_consumer_may_be_busy_while_nothing_comes(feeds):
    """A consumer that is busy for 4 s, and a stream that gives nothing for an hour, end nothing."""

    async def main():
        got: list[Any] = []
        with dug.Context():
            async with streams.merge(feeds.stream("a"), feeds.stream("b")) as cursor, anyio.create_task_group() as group:
                group.start_soon(send_seldom)
                async for item in cursor:
                    await trio.sleep(4)
                    got.append(item)
        return got, trio.current_time() > 3_600

    async def send_seldom():
        for number in range(3):
            await trio.sleep(1_800)
            feeds.send("ab"[number % 2], number)
        feeds.end("a", "b")

    assert Clock.run(main) == ([0, 1, 2], True)


def test_a_batch_is_given_when_its_time_is_over(feeds):
    """A batch waits for its other items as long as it may since its first, and an empty one for ever."""

    async def main():
        got: list[Any] = []
        with dug.Context():
            async with streams.batch(feeds.stream("a"), 3, seconds=10) as cursor, anyio.create_task_group() as group:
                group.start_soon(send_in_time)
                async for batch in cursor:
                    got.append((batch, math.floor(trio.current_time() - started)))  # noqa: PERF401  timed as it comes
        return got

    async def send_in_time():
        for wait, number in ((100, 0), (9, 1), (2, 2), (1, 3), (1, 4), (30, 5)):
            await trio.sleep(wait)
            feeds.send("a", number)
        feeds.end("a")

    async def timed():
        nonlocal started
        started = trio.current_time()
        return await main()

    started = 0.0
    assert Clock.run(timed) == [((0, 1), 110), ((2, 3, 4), 113), ((5,), 143)]


def test_a_timeout_counts_while_somebody_waits(feeds):
    """A timeout lets a consumer be as slow as it likes, and raises when it has waited for an item for so long."""

    async def main():
        got: list[Any] = []
        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(send_in_time)
                with pytest.raises(TimeoutError, match="no item for 10 s"):
                    await read_slowly(got)
        return got

    async def read_slowly(got):
        async for item in streams.timeout(feeds.stream("a"), 10):
            got.append(item)
            await trio.sleep(50)

    async def send_in_time():
        for wait, number in ((9, 0), (1, 1), (57, 2)):
            await trio.sleep(wait)
            feeds.send("a", number)

    assert Clock.run(main) == [0, 1, 2]
    assert feeds.log == ["open a", "close a"]


def test_a_timeout_inside_a_merge_ends_it(feeds):
    """A merge wakes up for the time of one of its streams, and closes the others when that is over."""

    async def main():
        with dug.Context():
            cursor = streams.merge(feeds.stream("a"), streams.timeout(feeds.stream("b"), 10))
            with pytest.raises(TimeoutError):
                await cursor.__anext__()
        return sorted(feeds.log)

    assert Clock.run(main) == ["close a", "close b", "open a", "open b"]


def test_a_timeout_on_asyncio_raises(feeds):
    """A timeout raises on asyncio too, where a timer of the loop ends the wait."""

    async def main():
        with dug.Context(), pytest.raises(TimeoutError):
            await streams.timeout(feeds.stream("a"), 0.001).__anext__()

    in_thread(lambda: asyncio.run(main()))
