"""``dug.streams.map`` and ``share``: what they give, how many tasks they take, and that none is left."""

from __future__ import annotations

import gc
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from support.sync_points import Gate, settle

import dug
from dug import streams


@dug.source
async def numbers(count: int) -> Any:
    """Count."""
    for number in range(count):
        yield number


@dug.source
async def broken(count: int) -> Any:
    """Count, and raise."""
    for number in range(count):
        yield number
    raise OSError("gone")


async def double(number):
    """Return twice a number, some turns later for small ones."""
    for _ in range(5 - number):
        await anyio.lowlevel.checkpoint()
    return 2 * number


async def collect(cursor):
    """Return the items of a cursor, and the error that ended it."""
    items = []
    try:
        async with cursor:
            async for item in cursor:
                items.append(item)  # noqa: PERF401  an error may come after them
    except (OSError, ValueError) as exc:
        return items, str(exc)
    return items


@pytest.mark.parametrize("concurrency", [1, 3, 100])
@pytest.mark.parametrize("fn", [double, lambda number: 2 * number])
def test_map_gives_the_results_in_the_order_of_the_items(fn, concurrency, run):
    """A map over items of which the later ones are done sooner keeps their order, for coroutine and plain functions."""

    async def main():
        with dug.Context():
            return await collect(streams.map(fn, numbers(5), concurrency=concurrency))

    assert run(main) == [0, 2, 4, 6, 8]


def test_an_unordered_map_gives_the_results_as_they_come(run):
    """With ``ordered=False`` what is done sooner comes sooner, and nothing is lost."""

    async def main():
        with dug.Context():
            return await collect(streams.map(double, numbers(5), concurrency=5, ordered=False))

    items = run(main)

    assert items[0] == 8
    assert sorted(items) == [0, 2, 4, 6, 8]


def test_map_works_on_so_many_items_at_a_time(run):
    """No more than ``concurrency`` items are worked on, also while their results are not taken."""
    gate = None

    async def wait(number):
        await gate.wait()
        return number

    async def main():
        nonlocal gate
        gate = Gate()
        with dug.Context():
            async with streams.map(wait, numbers(10), concurrency=3) as cursor, anyio.create_task_group() as group:
                group.start_soon(cursor.__anext__)
                await settle()
                first = gate.inside
                gate.open()
                await settle()
                return first, gate.passed, gate.most

    assert run(main) == (3, 3, 3)


def test_the_error_of_an_item_comes_after_the_results_before_it(run):
    """A failing item ends a map after the results before it; what runs besides is cancelled first."""
    begun, ended = [], []

    async def work(number):
        begun.append(number)
        try:
            if number == 2:
                await settle()
                raise ValueError("two")
            if number > 2:
                await anyio.sleep_forever()
        finally:
            ended.append(number)
        return number

    async def main():
        with dug.Context():
            return await collect(streams.map(work, numbers(10), concurrency=4)), sorted(ended)

    assert run(main) == (([0, 1], "two"), [0, 1, 2, 3, 4, 5])
    assert sorted(begun) == [0, 1, 2, 3, 4, 5]


def test_a_generator_exit_of_an_item_is_its_error(run, caplog):
    """A function that raises GeneratorExit ends a map with that very exception, and no loop."""
    error = GeneratorExit("odd")

    async def work(number):
        await anyio.lowlevel.checkpoint()
        if number == 2:
            raise error
        return number

    async def main():
        with dug.Context(), pytest.raises(GeneratorExit) as caught:
            await collect(streams.map(work, numbers(5)))
        gc.collect()
        return caught.value

    assert run(main) is error
    assert not caplog.records


@pytest.mark.parametrize("ordered", [True, False])
def test_the_error_of_the_stream_comes_after_all_results(ordered, run):
    """What a stream gave before it failed is worked on to its end before its error comes."""

    async def main():
        with dug.Context():
            return await collect(streams.map(double, broken(3), concurrency=9, ordered=ordered))

    items, error = run(main)

    assert (sorted(items), error) == ([0, 2, 4], "gone")


def test_a_cancelled_wait_loses_no_result(run):
    """Who is cancelled while a map works loses nothing, and no task is cancelled."""

    async def main():
        gate = Gate()

        async def work(number):
            await gate.wait()
            return number

        with dug.Context():
            async with streams.map(work, numbers(3), concurrency=2) as cursor:
                async with anyio.create_task_group() as group:
                    group.start_soon(cursor.__anext__)
                    await settle()
                    group.cancel_scope.cancel()
                gate.open()
                return [item async for item in cursor]

    assert run(main) == [0, 1, 2]


@pytest.mark.parametrize("how", ["block", "drop"])
def test_closing_a_map_cancels_its_tasks(how, run):
    """After ``async with`` the tasks of a map have ended, and soon after it was dropped."""

    async def main():
        gate = Gate()

        async def work(_number):
            await gate.wait()

        with dug.Context():
            cursor: Any = streams.map(work, numbers(9), concurrency=4)
            async with anyio.create_task_group() as group:
                group.start_soon(cursor.__anext__)
                await settle()
                group.cancel_scope.cancel()
            inside = gate.inside
            if how == "block":
                await cursor.aclose()
            else:
                del cursor
                gc.collect()
                await settle()
            return inside, gate.inside

    assert run(main) == (4, 0)


def test_what_a_mapped_function_reads_is_a_dependency(run):
    """A memoised generator that maps a function rests on what that read, and on nothing before it did."""
    log = []

    @dug.memoize
    def rate():
        return 2

    @dug.memoize
    async def price(number):
        await anyio.lowlevel.checkpoint()
        return number * (rate() if number >= 50 else 1)

    @dug.memoize
    async def prices():
        log.append("prices")
        async with streams.map(price, numbers(100), concurrency=4) as cursor:
            async for item in cursor:
                yield item

    @dug.memoize
    async def head(count):
        log.append(count)
        return [item async for item in streams.take(prices(), count)]

    async def main():
        with dug.Context():
            before = await head(5), sum(await head(100))
            log.clear()
            with dug.Context({rate.node(): 3}):
                return before, (await head(5), sum(await head(100)))

    before, inside = run(main)
    late = sum(range(50, 100))

    assert before == ([0, 1, 2, 3, 4], sum(range(50)) + 2 * late)
    assert inside == ([0, 1, 2, 3, 4], sum(range(50)) + 3 * late)
    assert log == ["prices", 100]


def test_what_is_read_in_another_order_is_a_dependency_too(run):
    """A body that reads in several tasks may read in another order the next time: each item rests on all that it read."""
    late = False

    @dug.memoize
    async def doubled(number):
        return 2 * number

    @dug.memoize
    def rate():
        return 1

    @dug.memoize
    async def prices():
        yield 0
        early = rate() if late else None
        await doubled(1)
        yield 1
        yield 2 * (early or rate())

    async def main():
        nonlocal late
        with dug.Context():
            found = [await prices().list()]
            late = True
            with dug.Context({rate.node(): 10}):
                found.append(await prices().list())
                with dug.Context({rate.node(): 100}):
                    found.append(await prices().list())
                found.append(await prices().list())
            return found

    assert run(main) == [[0, 1, 2], [0, 1, 20], [0, 1, 200], [0, 1, 20]]


def test_what_follows_a_cancellation_answers_no_later_reader(run):
    """What a generator gives after it closed a map that still worked is not taken for true after an invalidation."""
    rates = [1]

    @dug.source
    def rate():
        return rates[0]

    @dug.memoize
    async def slow(number):
        if number:
            await anyio.sleep_forever()
        return number

    @dug.memoize
    async def prices():
        async with streams.map(slow, numbers(3), concurrency=2) as cursor:
            yield await cursor.__anext__()
            async with anyio.create_task_group() as group:
                group.start_soon(cursor.__anext__)
                await settle()
                group.cancel_scope.cancel()
        yield rate()

    async def main():
        with dug.Context() as ctx:
            before = await prices().list()
            rates[0] = 2
            ctx.invalidate(rate)
            return before, await prices().list()

    assert run(main) == ([0, 1], [0, 2])


def test_items_that_were_read_stay_those_of_their_mark(run):
    """A run that gives fewer items before it is cancelled does not make a reader of more items look up to date."""
    outside = [1, 2, 3]

    @dug.source(ahead=1)
    async def items():
        for item in tuple(outside):
            await settle()
            yield item

    @dug.memoize
    async def head(count):
        async with streams.take(items(), count) as cursor:
            return [item async for item in cursor]

    async def main():
        with dug.Context() as ctx:
            found = [await head(2)]
            async with items().open(2) as reader, anyio.create_task_group() as group:
                group.start_soon(reader.__anext__)
                await settle_a_little()
                group.cancel_scope.cancel()
            outside[:] = [7, 8, 9]
            ctx.invalidate(items)
            return [*found, await head(2)]

    async def settle_a_little():
        for _ in range(10):
            await anyio.lowlevel.checkpoint()

    assert run(main) == [[1, 2], [7, 8]]


def test_a_task_of_a_map_that_waits_for_the_map_is_a_cycle_error(run):
    """A mapped function that waits for an item which comes after its own result gets CycleError."""

    @dug.memoize
    async def looping():
        async with streams.map(wait_for_it, numbers(3), concurrency=2) as cursor:
            async for item in cursor:
                yield item

    async def wait_for_it(_number):
        return await looping().first()

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError, match="looping"):
            await looping().list()

    run(main)


def test_operators_read_a_map(run):
    """A map is read by other operators, and reads them."""

    async def main():
        with dug.Context():
            doubled = streams.map(double, streams.filter(lambda number: number % 2, numbers(6)), concurrency=2)
            return await collect(streams.zip(doubled, numbers(6)))

    assert run(main) == [(2, 0), (6, 1), (10, 2)]


class Feed:
    """An async iterable that can be iterated over again, and counts how often it was."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def __aiter__(self):
        self.log.append("begin")
        try:
            for number in range(100):
                await anyio.lowlevel.checkpoint()
                yield number
        finally:
            self.log.append("end")


def test_share_reads_an_iterable_once_for_all_readers(run):
    """Readers of a shared iterable, at once and later, in a what-if too, get all items, and it is iterated over once."""

    async def main():
        feed, got = Feed(), []

        async def read(stream):
            got.append(await stream.list())

        with dug.Context():
            stream = streams.share(feed)
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(read, stream)
            with dug.Context({numbers.node(3): [1]}):
                await read(stream)
            return got, feed.log

    got, log = run(main)

    assert got == [list(range(100))] * 4
    assert log == ["begin", "end"]


def test_share_closes_what_nobody_reads(run):
    """When the last reader of a shared iterable has left, the iteration has ended; one that can begins again."""

    async def main():
        feed = Feed()
        with dug.Context():
            stream = streams.share(feed, ahead=1)
            async with stream.open() as reader:
                first = await reader.__anext__()
            closed = list(feed.log)
            return first, closed, await stream.list()

    first, closed, items = run(main)

    assert first == 0
    assert closed == ["begin", "end"]
    assert items == list(range(100))


def test_a_shared_iterator_cannot_begin_again(run):
    """Who needs more of a shared generator that was closed is told so."""

    async def main():
        with dug.Context():
            stream = streams.share(Feed().__aiter__(), ahead=1)
            first = await stream.first()
            assert await stream.first() == first
            with pytest.raises(RuntimeError, match="cannot begin again"):
                await stream.list()
            return first

    assert run(main) == 0


def test_share_makes_other_iterables_fit_for_operators(run):
    """A source merges a stream and a foreign generator, and closes both."""

    @dug.source
    async def both():
        async with streams.merge(numbers(3), streams.share(Feed())) as cursor:
            async for item in cursor:
                yield item

    async def main():
        with dug.Context():
            return sorted(await both().list())

    assert run(main) == sorted([*range(3), *range(100)])


def test_a_shared_error_reaches_each_reader(run):
    """Each reader of a shared iterable gets its error after the items before it."""

    async def failing():
        yield 1
        raise OSError("gone")

    async def main():
        with dug.Context():
            stream = streams.share(failing())
            assert "failing" in repr(stream)
            return await collect(streams.zip(stream, stream))

    assert run(main) == ([(1, 1)], "gone")


@pytest.mark.parametrize("what", ["list", "stream", "cursor", "concurrency", "order"])
def test_what_map_and_share_do_not_take_is_refused(what, run):
    """Map and share say what they take, and what to write."""

    async def main():
        with dug.Context():
            calls = {
                "list": (lambda: streams.share([1]), "async iterable, not"),
                "stream": (lambda: streams.share(numbers(3)), "needs no dug.streams.share"),
                "cursor": (lambda: streams.share(streams.zip(numbers(3))), "needs no dug.streams.share"),
                "concurrency": (lambda: streams.map(double, numbers(3), concurrency=0), "at least 1, not 0"),
                "order": (lambda: streams.map(numbers(3), double), "a function and then a stream"),
            }
            call, message = calls[what]
            with pytest.raises(TypeError, match=message):
                call()

    run(main)


def test_an_item_rests_on_its_mark_though_the_reader_went_on_to_another_tape(run):
    """What a stream gives while its reader waits on a tape of its own rests on what the item before was read from."""
    outside, gates = [1, 2], []

    @dug.source
    def leaf(number):
        return outside[number]

    @dug.memoize
    async def items():
        await gates[-1].wait()
        for number in range(2):
            yield leaf(number)

    async def double(item):
        await settle()  # meanwhile the reader comes to the first mark of its own tape
        return 2 * item

    @dug.memoize
    async def doubled():
        async with streams.map(double, items(), concurrency=2) as cursor:
            async for item in cursor:
                yield item

    async def main():
        gates.append(anyio.Event())
        gates[-1].set()
        with dug.Context() as ctx:
            assert await items().list() == [1, 2]
            gates.append(anyio.Event())
            with dug.Context({leaf.node(1): 5}):
                async with doubled().open() as reader:
                    assert await anext(reader) == 2
                    gates[-1].set()
                    assert [item async for item in reader] == [10]
            outside[0] = 7
            ctx.invalidate(leaf.node(0))
            with dug.Context({leaf.node(1): 5}):
                assert await doubled().list() == [14, 10]

    run(main)
