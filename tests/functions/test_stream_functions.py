"""Memoised async generators: streams, their readers and their pumps, on asyncio and on trio."""

from __future__ import annotations

import asyncio
import gc
import pickle
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
import sniffio
import trio
from support.sync_points import settle

import dug
from dug.streams import LATEST, Reader, Stream


@pytest.fixture
def log() -> list[str]:
    """What ran, in order."""
    return []


@pytest.fixture
def p(log) -> SimpleNamespace:
    """A program: ``mids`` reads ``ticks``, and ``rate`` from item 50 on; ``head`` and ``total`` read ``mids``."""

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
            yield tick * (rate() if tick >= 50 else 1)

    @dug.memoize
    async def head(count, wanted):
        log.append("head")
        found = []
        async for mid in mids(count):
            found.append(mid)
            if len(found) == wanted:
                break
        return tuple(found)

    @dug.memoize
    async def total(count):
        log.append("total")
        return sum([mid async for mid in mids(count)])

    return SimpleNamespace(ticks=ticks, rate=rate, mids=mids, head=head, total=total)


def expect_mids(count, rate=2):
    """Return the items of ``mids``."""
    return [number * (rate if number >= 50 else 1) for number in range(count)]


@pytest.fixture
def live(log) -> Any:
    """A source that gives what the test sends, and notes when it is closed: ``live.feed`` and ``live.stream``."""
    queues: list[Any] = []

    @dug.source
    async def stream():
        log.append("open")
        send, receive = anyio.create_memory_object_stream[Any](100)
        queues.append(send)
        try:
            async for item in receive:
                yield item
        finally:
            log.append("close")
            send.close()
            receive.close()

    def feed(*items):
        for item in items:
            queues[-1].send_nowait(item)

    return SimpleNamespace(stream=stream, feed=feed, end=lambda: queues[-1].close())  # noqa: PLW0108  there is none yet


def test_a_call_of_an_async_generator_function_gives_a_stream(p):
    """A memoised async generator is called without await, and its value is a Stream of its node."""
    with dug.Context():
        stream = p.mids(3)
        again = p.mids(3)

    assert isinstance(stream, Stream)
    assert stream is again
    assert stream.node == p.mids.node(3)


def test_every_reader_gets_every_item_from_the_start(p, run, log):
    """Readers that come one after the other, and at the same time, all get all items, and the generator runs once."""

    async def main():
        results = []

        async def read():
            results.append([mid async for mid in p.mids(60)])

        with dug.Context():
            await read()
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(read)
            results.append(await p.mids(60).list())
        return results

    assert run(main) == [expect_mids(60)] * 5
    assert log == ["mids", "ticks"]


def test_first_last_seek_and_list_read_from_the_tape(p, run):
    """A stream gives its first, its last, its n-th item and all of them."""

    async def main():
        with dug.Context():
            stream = p.mids(60)
            return await stream.first(), await stream.seek(55), await stream.last(), len(await stream.list())

    assert run(main) == (0, 110, 118, 60)


def test_an_item_that_never_comes_is_a_lookup_error(p, run):
    """The first and the last item of an empty stream, and one after the end, raise LookupError with the node."""

    async def main():
        with dug.Context():
            for ask in (p.mids(0).first, p.mids(0).last, lambda: p.mids(3).seek(3)):
                with pytest.raises(LookupError, match="mids"):
                    await ask()

    run(main)


def test_a_tweak_from_item_50_on_spares_who_reads_5(p, run, log):
    """What is tweaked and read from item 50 on reruns neither a reader of 5 items nor the source."""

    async def main():
        with dug.Context():
            before = await p.head(100, 5), await p.total(100)
            log.clear()
            with dug.Context({p.rate.node(): 3}):
                return before, (await p.head(100, 5), await p.total(100)), await p.mids(100).list()

    before, inside, items = run(main)

    assert before == ((0, 1, 2, 3, 4), sum(expect_mids(100)))
    assert inside == ((0, 1, 2, 3, 4), sum(expect_mids(100, 3)))
    assert items == expect_mids(100, 3)
    assert log == ["mids", "total"]


def test_a_fork_shares_the_very_items_of_the_prefix(run):
    """A what-if reads the items that its tweak cannot have changed from the tape of the context around."""

    @dug.memoize
    def late():
        return 1

    @dug.memoize
    async def objects():
        for number in range(10):
            yield [number] if number < 5 else [number + late()]

    async def main():
        with dug.Context():
            outside = await objects().list()
            with dug.Context({late.node(): 7}):
                return outside, await objects().list()

    outside, inside = run(main)

    assert [one is other for one, other in zip(outside, inside, strict=True)] == [True] * 5 + [False] * 5
    assert inside[5:] == [[12], [13], [14], [15], [16]]


def test_a_what_if_on_a_running_stream_starts_its_source_once(live, run, log):
    """A what-if in the middle of a running stream goes on from there, and the source is not started again."""

    @dug.memoize
    def factor():
        return 1

    @dug.memoize
    async def scaled():
        async for item in live.stream():
            yield item * factor()

    async def main():
        with dug.Context():
            async with scaled().open() as outer:
                waiting = outer.__anext__()
                async with anyio.create_task_group() as group:
                    group.start_soon(settle_and_feed, 1)
                    first = await waiting
                with dug.Context({factor.node(): 10}):
                    async with scaled().open() as inner:
                        again = await inner.__anext__()
                        live.feed(2)
                        return first, again, await inner.__anext__(), await outer.__anext__()

    async def settle_and_feed(item):
        await settle()
        live.feed(item)

    assert run(main) == (1, 10, 20, 2)
    assert log.count("open") == 1


def test_the_same_items_after_an_invalidation_rerun_no_reader(p, run, log):
    """A source that gives the same items after it was invalidated reruns nobody who has read them."""

    async def main():
        with dug.Context() as ctx:
            before = await p.total(100)
            log.clear()
            ctx.invalidate(p.ticks.node(100))
            return before, await p.total(100)

    before, after = run(main)

    assert before == after
    assert "total" not in log


def test_other_items_after_an_invalidation_rerun_the_readers(run):
    """A source that gives other items after it was invalidated reruns who has read them, its end included."""
    outside = [1, 2, 3]

    @dug.source
    async def items():
        for item in tuple(outside):
            yield item

    @dug.memoize
    async def total():
        return sum([item async for item in items()])

    async def main():
        with dug.Context() as ctx:
            results = [await total()]
            for changed in ([1, 2, 4], [1, 2], [1, 2, 4, 5], []):
                outside[:] = changed
                ctx.invalidate(items)
                results.append(await total())
            return results

    assert run(main) == [6, 7, 3, 12, 0]


def test_an_error_reaches_each_of_100_readers_after_the_items_before_it(run):
    """Each reader gets the items before an error and then the very exception."""
    error = ValueError("no more")

    @dug.memoize
    async def broken():
        for number in range(3):
            await anyio.lowlevel.checkpoint()
            yield number
        raise error

    async def main():
        got: list[Any] = []

        async def read():
            items = []
            try:
                async for item in broken():
                    items.append(item)  # noqa: PERF401  the error comes after them
            except ValueError as exc:
                got.append((items, exc))

        with dug.Context():
            async with anyio.create_task_group() as group:
                for _ in range(100):
                    group.start_soon(read)
        return got

    got = run(main)

    assert len(got) == 100
    assert all(items == [0, 1, 2] and exc is error for items, exc in got)


def _raising(error, log, *, waits):
    """Return a memoised stream that raises, one that reads it, and a coroutine function that raises."""

    @dug.memoize
    async def broken():
        log.append("run")
        yield 1
        if waits:
            await anyio.lowlevel.checkpoint()
        if len(log) > 5:
            raise ValueError("begun again and again")
        raise error

    @dug.memoize
    async def above():
        async for item in broken():
            yield item

    @dug.memoize
    async def alone():
        if waits:
            await anyio.lowlevel.checkpoint()
        raise error

    return broken, above, alone


async def _collect_until(stream):
    """Return the items of a stream and what it raises then."""
    found = []
    try:
        async for item in stream:
            found.append(item)  # noqa: PERF401  what it raises comes after them
    except BaseException as exc:  # noqa: BLE001  it is looked at
        return found, exc
    return found, None


@pytest.mark.parametrize("waits", [False, True])
def test_a_generator_exit_that_a_body_raises_is_its_error(run, log, caplog, waits):
    """A body that raises GeneratorExit is not taken for one that is closed: readers get the very exception, and no loop ends."""
    error = GeneratorExit("odd")

    async def main():
        broken, above, alone = _raising(error, log, waits=waits)
        with dug.Context():
            found = [await _collect_until(make()) for make in (broken, broken, above)]
            with pytest.raises(GeneratorExit) as caught:
                await alone()
        gc.collect()
        return found, caught.value

    found, caught = run(main)
    assert [(items, exc is error) for items, exc in found] == [([1], True)] * 3
    assert caught is error
    assert log == ["run"] * 3
    assert not caplog.records


@pytest.mark.parametrize("waits", [False, True])
def test_a_cancellation_that_a_body_lets_out_is_its_error(run_asyncio, log, waits):
    """A body on asyncio that awaits what was cancelled ends its stream with that, and is not begun again for ever."""
    error = asyncio.CancelledError("of a task that the body awaits")

    async def main():
        broken, above, _ = _raising(error, log, waits=waits)
        with dug.Context():
            return [await _collect_until(make()) for make in (broken, broken, above)]

    assert [(items, exc is error) for items, exc in run_asyncio(main)] == [([1], True)] * 3
    assert log == ["run"] * 3


def test_after_an_error_the_next_call_tries_again(run, log):
    """An error is not remembered: the next reader starts the generator again."""

    @dug.memoize
    async def sometimes():
        log.append("run")
        yield 1
        if len(log) == 1:
            raise ValueError("once")

    @dug.memoize
    async def count():
        return len([item async for item in sometimes()])

    async def main():
        with dug.Context():
            with pytest.raises(ValueError, match="once"):
                await count()
            return await count(), await sometimes().list()

    assert run(main) == (1, [1])
    assert log == ["run", "run"]


def test_an_error_passes_through_streams_of_streams(run):
    """The error of a stream reaches the readers of a stream that reads it."""

    @dug.source
    async def broken():
        yield 1
        raise OSError("gone")

    @dug.memoize
    async def doubled():
        async for item in broken():
            yield item * 2

    @dug.memoize
    async def total():
        return sum([item async for item in doubled()])

    async def main():
        with dug.Context():
            with pytest.raises(OSError, match="gone"):
                await total()
            with pytest.raises(OSError, match="gone"):
                await doubled().list()

    run(main)


def test_a_thousand_first_items_start_one_pump_and_leave_none(live, run, log):
    """A stream of which only the first item is taken is closed, however often that is, and runs once."""

    async def main():
        with dug.Context():
            stream = live.stream()
            async with anyio.create_task_group() as group:
                group.start_soon(stream.first)
                await settle()
                live.feed(1)
            for _ in range(1_000):
                assert await stream.first() == 1
            return stream.state

    assert run(main) == "closed"
    assert log == ["open", "close"]


def test_a_slow_consumer_loses_nothing(live, run):
    """Nothing times out: a reader that does not read for long, and a source that gives nothing for long, go on."""

    async def main():
        with dug.Context():
            async with live.stream().open() as reader:
                async with anyio.create_task_group() as group:
                    group.start_soon(send_one)
                    first = await reader.__anext__()
                await settle()
                live.feed(2, 3)
                await settle()
                return first, await reader.__anext__(), await reader.__anext__()

    async def send_one():
        await settle()
        live.feed(1)

    assert run(main) == (1, 2, 3)


@pytest.fixture
def unbalanced() -> Any:
    """Make a program that reads a stream, and beside it one that skips items of it, with some ``keep=``."""

    def make(keep):
        @dug.source(keep=keep)
        async def numbers():
            for number in range(100):
                yield number

        @dug.memoize
        async def every_tenth():
            async for number in numbers():
                if number % 10 == 9:
                    yield number

        @dug.memoize
        async def pairs():
            found = []
            async with numbers().open() as ours, every_tenth().open() as theirs:
                async for tenth in theirs:
                    found.append((tenth, await ours.__anext__()))  # noqa: PERF401  one after the other
            return found

        return pairs

    return make


def test_a_deadlock_by_keep_is_a_cycle_error_that_names_the_stream(unbalanced, run):
    """Two readers of which one waits for the other's stream, which keeps too few items, get a CycleError that says so."""

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError, match="numbers") as caught:
            await unbalanced(8)()
        return caught.value

    assert "keep=8" in " ".join(run(main).__notes__)


def test_without_keep_unbalanced_readers_finish(unbalanced, run):
    """A stream that keeps all its items never waits for its slowest reader."""

    async def main():
        with dug.Context():
            return await unbalanced(None)()

    assert run(main) == [(9 + 10 * number, number) for number in range(10)]


def test_a_circle_of_streams_is_a_cycle_error_with_the_path(run):
    """Streams that wait for each other's first item raise CycleError, which names both."""

    @dug.memoize
    async def one():
        async for item in other():
            yield item

    @dug.memoize
    async def other():
        async for item in one():
            yield item

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError, match=r"one\(\).*other\(\)|other\(\).*one\(\)"):
            await one().list()

    run(main)


def test_a_stream_that_reads_itself_is_a_cycle_error(run):
    """A stream that waits for its own items raises CycleError."""

    @dug.memoize
    async def itself():
        async for item in itself():
            yield item

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError, match="itself"):
            await itself().list()

    run(main)


def test_feedback_is_no_circle(run):
    """Two streams of which each reads the items before of the other go on."""

    @dug.memoize
    async def ahead():
        yield 1
        async for item in behind():
            yield 2 * item + 1

    @dug.memoize
    async def behind():
        async for item in ahead():
            yield item

    async def main():
        with dug.Context():
            async with behind().open() as reader:
                return [await reader.__anext__() for _ in range(5)]

    assert run(main) == [1, 3, 7, 15, 31]


def test_a_cancelled_reader_harms_no_other(live, run, log):
    """Cancelling one of three readers leaves the others their items; when all are cancelled the generator is closed."""

    async def main():
        got: list[list[Any]] = [[], [], []]
        scopes = [anyio.CancelScope() for _ in got]

        async def read(number):
            with scopes[number]:
                async with live.stream().open() as reader:
                    async for item in reader:
                        got[number].append(item)
            log.append(f"left {number}")

        with dug.Context():
            async with anyio.create_task_group() as group:
                for number in range(3):
                    group.start_soon(read, number)
                await settle()
                live.feed(1)
                await settle()
                scopes[0].cancel()
                await settle()
                live.feed(2)
                await settle()
                scopes[1].cancel()
                await settle()
                assert "close" not in log
                scopes[2].cancel()
        return got

    assert run(main) == [[1], [1, 2], [1, 2]]
    assert log == ["open", "left 0", "left 1", "close", "left 2"]


def test_leaving_the_block_closes_the_generator_first(run, log):
    """After ``async with stream.open()`` the generator has been closed, its awaits included, unless others read it."""

    @dug.source
    async def numbers():
        try:
            for number in range(1_000):
                yield number
        finally:
            with anyio.CancelScope(shield=True):
                await settle()
            log.append("closed")

    async def main():
        with dug.Context():
            async with numbers().open() as reader:
                assert await reader.__anext__() == 0
            log.append("after")

    run(main)

    assert log == ["closed", "after"]


def test_a_reader_lost_in_a_circle_leaves_its_stream_when_it_is_collected(live, run, log):
    """A reader in a circle of references that the garbage collector frees, in any thread, closes the generator."""

    async def main():
        with dug.Context():
            holder: dict[str, Any] = {"reader": live.stream().open()}
            holder["itself"] = holder
            await settle()
            del holder
            await anyio.to_thread.run_sync(gc.collect)
            await settle()
            return list(log)

    assert run(main) == ["open", "close"]


def test_a_stream_that_is_lost_with_its_reader_is_closed_when_that_is_collected(run, log, caplog):
    """A generator that waits for what nobody else knows is closed, and not torn up, when all that leads to it is collected."""

    def make():
        @dug.source
        async def numbers():
            log.append("open")
            try:
                yield 1
                await anyio.Event().wait()
            finally:
                log.append("close")

        return numbers

    async def main():
        with dug.Context():
            holder: dict[str, Any] = {"reader": make()().open()}
            holder["itself"] = holder
            assert await holder["reader"].__anext__() == 1
            await settle()
        del holder
        gc.collect()
        await settle()

    run(main)
    assert log == ["open", "close"]
    assert caplog.text == ""


class CollectFirst(trio.abc.Instrument):
    """Collects garbage where trio is about to wait for something to happen."""

    def before_io_wait(self, timeout: float) -> None:
        """Collect."""
        gc.collect()


def collect_in_select() -> None:
    """Let garbage be collected where the loop of this task waits for something to happen, too late for it to look around."""
    if sniffio.current_async_library() == "trio":
        trio.lowlevel.add_instrument(CollectFirst())
        return
    selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]  # there is no public way in
    select = selector.select

    def collect_first(timeout: Any = None) -> Any:
        gc.collect()
        return select(timeout)

    selector.select = collect_first


def test_a_reader_that_is_collected_while_the_loop_waits_leaves_its_stream(run):
    """A reader in a circle that the collector frees inside the select of the loop wakes the loop, which closes the generator."""

    async def main():
        closed = anyio.Event()

        @dug.source
        async def endless():
            try:
                yield 1
                await anyio.Event().wait()
            finally:
                closed.set()

        with dug.Context():
            holder: dict[str, Any] = {"reader": endless().open()}
            holder["itself"] = holder
            assert await anext(holder["reader"]) == 1
            gc.disable()
            try:
                del holder
                collect_in_select()
                await closed.wait()
            finally:
                gc.enable()
        return closed.is_set()

    assert run(main)


def test_a_reader_that_a_generator_left_open_is_closed_with_it(live, run, log):
    """The end of a stream closes the streams that its body read, though somebody holds the reader."""
    held = []

    @dug.memoize
    async def firsts():
        held.append(live.stream().open())
        yield await anext(held[0])

    async def main():
        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(feed)
                async with firsts().open() as reader:
                    items = [item async for item in reader]
            await settle()
            return items, list(log)

    async def feed():
        await settle()
        live.feed(1)

    assert run(main) == ([1], ["open", "close"])


def test_breaking_out_of_a_loop_leaves_the_stream(live, run, log):
    """A reader that a loop drops closes the generator soon."""

    async def main():
        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(read_one)
                await settle()
                live.feed(1)
            await settle()
            return list(log)

    async def read_one():
        async for _ in live.stream():
            break

    assert run(main) == ["open", "close"]


def test_ahead_bounds_how_far_the_generator_runs(run):
    """A generator runs no more than ``ahead`` items before its fastest reader."""
    made = []

    @dug.memoize(ahead=5)
    async def numbers():
        for number in range(100):
            made.append(number)
            yield number

    async def main():
        with dug.Context():
            async with numbers().open() as reader:
                counts = []
                for _ in range(3):
                    await reader.__anext__()
                    await settle()
                    counts.append(len(made))
                rest = [number async for number in reader]
                return counts, rest

    counts, rest = run(main)

    assert all(count <= 5 + 2 + number for number, count in enumerate(counts))
    assert rest == list(range(3, 100))


def test_keep_bounds_what_is_kept_and_a_late_reader_is_told(run):
    """With ``keep`` all readers get all items; one that comes too late gets DroppedError, which names the item."""

    @dug.source(keep=10)
    async def numbers():
        for number in range(1_000):
            yield number

    async def main():
        with dug.Context():
            items = await numbers().list()
            with pytest.raises(dug.DroppedError, match="item 0") as caught:
                await numbers().first()
            return items, caught.value.base, await numbers().last()

    items, base, last = run(main)

    assert items == list(range(1_000))
    assert base >= 900
    assert last == 999


def test_latest_begins_with_the_next_item(live, run):
    """A reader that is opened at LATEST gets what comes from then on."""

    async def main():
        with dug.Context():
            async with live.stream().open() as early:
                await settle()
                live.feed(1, 2)
                await settle()
                async with live.stream().open(LATEST) as late:
                    live.feed(3)
                    return await late.__anext__(), await early.__anext__()

    assert run(main) == (3, 1)


def test_latest_is_refused_in_a_memoised_function(p, run):
    """A memoised function, whose value may not depend on the time, cannot open a stream at LATEST."""

    @dug.memoize
    async def newest():
        return await p.mids(5).open(LATEST).__anext__()

    async def main():
        with dug.Context(), pytest.raises(TypeError, match="LATEST"):
            await newest()

    run(main)


def test_a_stream_is_tweaked_to_a_list(p, run):
    """A stream's node can be tweaked to its items, for memoised readers and for a stream that one already holds."""

    async def main():
        with dug.Context():
            stream = p.mids(10)
            with dug.Context({stream.node: [5, 6]}):
                return await p.total(10), await stream.list(), await stream.last(), stream.state

    assert run(main) == (11, [5, 6], 6, "ended")


def test_a_stream_function_is_replaced_by_another(p, run, log):
    """Another async generator function takes the place of a stream function; its readers rerun if its items differ."""

    async def same(count):
        for mid in expect_mids(count):
            yield mid

    async def other(count):
        for number in range(count):
            yield number + p.rate()

    async def main():
        with dug.Context():
            plain = await p.total(60)
            with dug.Context({p.mids: other, p.rate.node(): 10}):
                replaced = await p.total(60)
            log.clear()
            with dug.Context({p.mids: same}):
                return plain, replaced, await p.total(60), list(log)

    plain, replaced, again, ran = run(main)

    assert replaced == sum(range(60)) + 600
    assert again == plain
    assert ran == []


def test_a_stream_cannot_be_tweaked_to_what_is_no_stream(p):
    """A number, an iterator and a plain function are refused for a stream, with what to write."""
    with pytest.raises(dug.TweakError, match="list of its items"):
        dug.Context({p.mids.node(3): 5})
    with pytest.raises(dug.TweakError, match="list of its items"):
        dug.Context({p.mids.node(3): iter([1])})
    with pytest.raises(dug.TweakError, match="async generator function"):
        dug.Context({p.mids: lambda count: [count]})


def test_the_state_of_a_stream_is_told_without_a_run(live, run, log):
    """A stream says whether it is open, ended or closed, in the scenario in force, and runs nothing for that."""

    async def main():
        with dug.Context():
            stream = live.stream()
            states = [stream.state]
            assert log == []
            async with stream.open() as reader:
                await settle()
                live.feed(1)
                states.append(stream.state)
                live.end()
                assert [item async for item in reader] == [1]
            return [*states, stream.state]

    assert run(main) == ["closed", "open", "ended"]


def test_an_invalidation_in_mid_flight_gives_new_readers_a_new_run(live, run, log):
    """After what a running stream has read is invalidated, who reads already goes on, and who comes gets the new items."""
    rates = [1]

    @dug.source
    def rate():
        return rates[0]

    @dug.memoize
    async def scaled():
        log.append("scaled")
        async for item in live.stream():
            yield item * rate()

    async def main():
        with dug.Context() as ctx:
            async with scaled().open() as early:
                await settle()
                live.feed(1, 2)
                first = await early.__anext__()
                await settle()
                rates[0] = 10
                ctx.invalidate(rate)
                async with scaled().open() as late:
                    return first, await early.__anext__(), await late.__anext__(), await late.__anext__()

    assert run(main) == (1, 2, 10, 20)
    assert log.count("scaled") == 2
    assert log.count("open") == 1


def test_a_what_if_forks_on_a_tape_that_was_invalidated(live, run):
    """A what-if that reads a running stream forks at what it tweaks, also when something else that was read is invalidated."""

    @dug.source
    def base():
        return 0

    @dug.memoize
    def rate():
        return 1

    @dug.memoize
    async def scaled():
        start = base()
        async for item in live.stream():
            yield start + item * (rate() if item > 1 else 1)

    async def main():
        with dug.Context() as ctx:
            async with scaled().open() as outer:
                await settle()
                live.feed(1)
                first = await anext(outer)
                with dug.Context({rate.node(): 10}):
                    async with scaled().open() as inner:
                        again = await anext(inner)
                        ctx.invalidate(base)
                        live.feed(2, 3)
                        await settle()
                        return [first, await anext(outer)], [again, await anext(inner), await anext(inner)]

    assert run(main) == ([1, 2], [1, 20, 30])


def test_a_reader_passes_no_mark_of_a_tape_that_was_not_true_any_more(run):
    """A reader that begins on an old tape, of which marks were taken out before, forks there, whatever is invalidated since."""
    bases = [0]

    @dug.source
    def base():
        return bases[0]

    @dug.source
    def other():
        return 1

    @dug.memoize
    async def numbers():
        yield 1
        yield 2 + base()
        yield 3

    async def main():
        with dug.Context() as ctx:
            before = await numbers().list()
            other()
            bases[0] = 100
            ctx.invalidate(base)
            async with numbers().open() as reader:
                found = [await anext(reader)]
                ctx.invalidate(other)
                return before, [*found, *[number async for number in reader]]

    assert run(main) == ([1, 2, 3], [1, 102, 3])


def test_a_run_from_before_an_invalidation_takes_over_no_mark(run):
    """A generator that goes on after an invalidation leaves to later readers the items of those that began after it."""
    bases = [0]

    @dug.source
    def base():
        return bases[0]

    @dug.memoize
    def late():
        return 1

    async def main():
        gates = {0: anyio.Event(), 100: anyio.Event()}

        @dug.memoize
        async def numbers():
            start = base()
            yield start
            if not start:
                await gates[0].wait()
            yield start + late()
            await gates[100].wait()
            yield start + 2

        with dug.Context() as ctx:
            async with numbers().open() as early:
                found = [await anext(early)]
                await settle()
                bases[0] = 100
                ctx.invalidate(base)
                found.append(await numbers().seek(1))
                gates[0].set()
                await settle()
                found.append(await anext(early))
                found.append(await numbers().seek(1))
                gates[100].set()
                return [*found, await anext(early)], await numbers().list()

    assert run(main) == ([0, 101, 1, 101, 2], [100, 101, 102])


def test_scenarios_that_open_a_source_at_the_same_time_share_its_run(run, log):
    """A source is begun once when several what-ifs open it before it has given anything, and each of them gets all items."""

    @dug.source
    async def numbers():
        log.append("numbers")
        for number in range(5):
            await anyio.lowlevel.checkpoint()
            yield number

    @dug.memoize
    def other():
        return 1

    async def main():
        results = []

        async def read(value):
            with dug.Context({other.node(): value}):
                results.append(await numbers().list())

        with dug.Context():
            async with anyio.create_task_group() as group:
                for value in range(3):
                    group.start_soon(read, value)
        return results

    assert run(main) == [[0, 1, 2, 3, 4]] * 3
    assert log == ["numbers"]


def test_a_source_that_reads_what_a_what_if_tweaks_forks(run, log):
    """A source is begun in a what-if that tweaks what the source has read, and gives the items from there on."""

    @dug.memoize
    def address():
        return 1

    @dug.source
    async def numbers():
        log.append("numbers")
        yield 0
        yield address()

    async def main():
        results = []

        async def read(value):
            with dug.Context({address.node(): value}):
                results.append(await numbers().list())

        with dug.Context():
            async with anyio.create_task_group() as group:
                for value in range(3):
                    group.start_soon(read, value)
        return sorted(results)

    assert run(main) == [[0, 0], [0, 1], [0, 2]]
    assert log == ["numbers"] * 3


def test_a_source_that_gives_other_items_when_it_is_started_again_is_found_out(run):
    """A reader that goes on, on a new run of a source that was closed, gets an error if that has other items than before."""
    counts = iter(range(10))

    @dug.source(ahead=1)
    async def numbers():
        start = 100 * next(counts)
        for number in range(start, start + 50):
            yield number

    async def main():
        with dug.Context():
            first = await numbers().first()
            with pytest.raises(dug.StreamChangedError, match="item 0"):
                await numbers().list()
            return first

    assert run(main) == 0


def test_a_yield_inside_a_context_is_refused(p, run):
    """A generator that yields inside a context that it opened is told to close that first; reads in a closed one count."""

    @dug.memoize
    async def inside():
        with dug.Context({p.rate.node(): 5}):
            yield p.rate()

    @dug.memoize
    async def before():
        with dug.Context({p.rate.node(): 5}):
            mid = await p.head(60, 1)
        yield mid[0] + p.rate()

    async def main():
        with dug.Context():
            with pytest.raises(TypeError, match="Close the context"):
                await inside().list()
            results = [await before().list()]
            with dug.Context({p.rate.node(): 7}):
                results.append(await before().list())
            return results

    assert run(main) == [[2], [7]]


def test_methods_give_streams(run):
    """An async generator that is a method gives a stream for each instance."""

    @attrs.frozen
    class Desk:
        @dug.memoize
        async def numbers(self, count):
            for number in range(count):
                yield number

    async def main():
        with dug.Context():
            return await Desk().numbers(3).list()

    assert run(main) == [0, 1, 2]


def test_the_options_of_streams_are_for_generators_only():
    """``ahead=`` and ``keep=`` are refused for other functions, and so are numbers that make no sense."""
    with pytest.raises(TypeError, match="not a generator function"):
        dug.memoize(keep=3)(len)
    with pytest.raises(TypeError, match="at least 1"):
        dug.memoize(ahead=0)
    with pytest.raises(TypeError, match="at least 1"):
        dug.source(keep=True)


def test_a_start_that_is_no_position_is_refused(p):
    """A stream is opened at a position or at LATEST."""
    with dug.Context(), pytest.raises(TypeError, match="start"):
        p.mids(3).open(-1)


def test_a_stream_is_read_within_a_context_only(p, run):
    """Reading a stream outside of every context raises NoContextError."""

    async def main():
        with dug.Context():
            stream = p.mids(3)
        with pytest.raises(dug.NoContextError):
            await stream.list()

    run(main)


def test_a_stream_goes_on_on_a_second_loop(p, run, log):
    """What one loop has left open when it ended, another begins again."""
    ctx = dug.Context()

    async def begin():
        with ctx:
            reader = p.mids(1_000).open()
            return await reader.__anext__()

    async def go_on():
        with ctx:
            return await p.mids(1_000).list()

    run(begin)

    assert run(go_on) == expect_mids(1_000)


def test_streams_leave_nothing_behind(run):
    """The tapes of a local stream function are freed with it."""
    freed = []

    class Item:
        def __del__(self):
            freed.append(1)

    async def main():
        with dug.Context():

            @dug.memoize
            async def items():
                yield Item()
                yield Item()

            await items().list()
            await settle()
            del items
            gc.collect()
            return len(freed)

    assert run(main) == 2


def test_eq_compares_items(run, log):
    """With ``eq=`` items that count as the same rerun no reader."""

    @dug.source(eq=lambda one, other: round(one) == round(other))
    async def numbers():
        yield 1.0 + len(log) / 10

    @dug.memoize
    async def total():
        log.append("total")
        return sum([number async for number in numbers()])

    async def main():
        with dug.Context() as ctx:
            first = await total()
            ctx.invalidate(numbers)
            return first, await total()

    first, second = run(main)

    assert first == second
    assert log == ["total"]


def test_a_reader_is_closed_once(p, run):
    """A closed reader has no more items, and closing it again does nothing."""

    async def main():
        with dug.Context():
            reader = p.mids(5).open()
            assert isinstance(reader, Reader)
            first = await reader.__anext__()
            reader.close()
            await reader.aclose()
            return first, [item async for item in reader]

    assert run(main) == (0, [])


def test_a_stream_is_not_pickled(p, run):
    """Pickling a stream, or a mark of it, raises TypeError that says to keep a list."""

    async def main():
        with dug.Context():
            stream = p.mids(3)
            async with stream.open() as reader:
                await anext(reader)
                tape, mark = reader._tape, reader._passed.value
            for value in (stream, tape, mark):
                with pytest.raises(TypeError, match="list of"):
                    pickle.dumps(value)

    run(main)
