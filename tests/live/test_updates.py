"""Updates on a loop: pushes from threads, feeds, coroutine functions beside the ticks, cancelled readers, and the end."""

from __future__ import annotations

import asyncio
import gc
import itertools
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from support.live_book import show
from support.sync_points import Signal, Worker, in_thread, settle

import dug
from dug.live import Live, Updates
from dug.live._beside import Flight
from dug.live._items import AHEAD


async def take(updates: Any, number: int) -> list[Any]:
    """Return so many updates."""
    return [await anext(updates) for _ in range(number)]


async def read(into: list[Any], updates: Any) -> None:
    """Read updates to their end."""
    async for update in updates:
        into.append(update)  # noqa: PERF401  a reader that is cancelled has read some


async def give(*items: Any):
    """Give items, each in a turn of the loop of its own."""
    for item in items:
        await anyio.lowlevel.checkpoint()
        yield item


def test_updates_follow_pushes(book, make, run):
    """Each push on the loop is a tick, and its updates come in order."""

    async def main():
        async with make(policy="block") as live:
            live.output(book.total.node())
            for value in (2, 3):
                live.push(book.spot.node("A"), value)
            assert show(await take(live.updates(), 2)) == [(1, 6), (2, 8)]

    run(main)


def test_a_push_from_a_thread_wakes_the_reader(book, make, run):
    """A reader that waits gets the update of a push from another thread."""

    async def main():
        async with make() as live:
            live.output(book.total.node())
            updates = live.updates()
            await anext(updates)
            got = []

            async def read():
                got.append(await anext(updates))

            async with anyio.create_task_group() as group:
                group.start_soon(read)
                await settle()
                Worker(live.push, book.spot.node("A"), 5).result()

            assert show(got) == [(1, 12)]

    run(main)


@pytest.mark.parametrize("policy", ["latest", "block"])
def test_no_value_mixes_two_ticks(policy, run):  # noqa: C901  one program
    """However four threads push, at every update the outputs of a tick fit together, and no tick comes before an earlier one."""

    @dug.source
    def spot():
        return 0

    @dug.memoize
    def twice():
        return 2 * spot()

    @dug.memoize
    def thrice():
        return 3 * spot()

    nodes = [thrice.node(), twice.node(), spot.node()]

    finished = itertools.count(1)

    def push(live, first):
        for value in range(first, 200, 4):
            live.push(spot.node(), value)
        if next(finished) == 4:
            live.push(spot.node(), -1)

    async def main():
        values, ticks = {}, []
        async with Live({spot.node(): 0}, policy=policy, size=4) as live:
            for node in nodes:
                live.output(node, changes_only=False)
            workers = [Worker(push, live, number) for number in range(4)]
            updates = live.updates()
            while values.get(spot.node()) != -1:
                for node in nodes:
                    update = await anext(updates)
                    values[update.node] = update.value
                    ticks.append(update.tick)
                    assert update.node == node
                assert values[nodes[0]] - values[nodes[1]] - values[nodes[2]] == 0
            for worker in workers:
                worker.result()
            assert ticks == sorted(ticks)

    run(main)


# Feeds


def test_a_feed_pushes_each_item(book, make, run):
    """The items of an async iterable are values of its node, and the updates end with it where that is asked for."""

    async def main():
        async with make(policy="block") as live:
            live.output(book.twice.node("A"))
            live.input(book.spot.node("A")).feed(give(2, 3, 4))
            assert show([update async for update in live.updates(until_fed=True)])[-3:] == [(1, 4), (2, 6), (3, 8)]

    run(main)


def test_a_feed_of_mappings(book, make, run):
    """An async iterable of mappings pushes several nodes at once."""

    async def main():
        live = make(policy="block")
        live.output(book.total.node())
        live.feed(give({book.spot.node("A"): 2, book.spot.node("B"): 2}, {}, {book.spot.node("B"): 3}))
        async with live:
            assert show([update async for update in live.updates(until_fed=True)])[-2:] == [(1, 8), (2, 10)]

    run(main)


def test_a_feed_waits_for_room(book, make, run):
    """A feed that is quicker than the ticks waits in its task, and each item is a tick."""

    async def main():
        async with make(policy="block", size=1) as live:
            live.output(book.twice.node("A"))
            live.feed(book.spot.node("A"), give(*range(2, 22)))
            await settle()
            assert show([update async for update in live.updates(until_fed=True)])[-20:] == [
                (tick, 2 * tick + 2) for tick in range(1, 21)
            ]

    run(main)


def test_the_last_item_of_a_feed_is_shown_at_the_pace_of_its_output(book, make, clock, run):
    """The updates do not end before the trailing edge of the last tick."""

    async def main():
        async with make(policy="block") as live:
            live.output(book.twice.node("A"), every=1.0)
            live.feed(book.spot.node("A"), give(2, 3, 4))
            got = []

            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates(until_fed=True))
                await settle()
                clock.advance(1)

            assert show(got)[-1] == (3, 8)

    run(main)


def test_an_error_of_a_feed_is_an_update(book, make, run):
    """A feed that fails shows its error, by the name of its node, and the others go on."""

    async def broken():
        yield 2
        raise OSError("the line is dead")

    async def main():
        async with make(policy="block") as live:
            live.output(book.total.node())
            live.feed(book.spot.node("A"), broken())
            live.feed(book.spot.node("B"), give(2, 3, 4))
            updates = [update async for update in live.updates(until_fed=True)]
            (failed,) = [update for update in updates if update.error is not None]
            assert (failed.node, str(failed.error)) == (book.spot.node("A"), "the line is dead")
            assert updates[-1].value == 2 * 2 + 2 * 4

    run(main)


def test_an_item_that_cannot_be_pushed_ends_its_feed(book, make, run):
    """What is no tweak is shown as an error, and nothing of it ticks."""

    async def main():
        async with make() as live:
            live.feed(give({"A": 2}))
            (update,) = [update async for update in live.updates(until_fed=True)]
            assert isinstance(update.error, dug.TweakError)
            assert live.tick == 0

    run(main)


def test_an_error_of_closing_a_feed_is_an_update(book, make, run):
    """A feed whose generator fails when it is closed shows that error after its own, and the loop goes on."""

    async def broken():
        try:
            yield {"A": 2}
        finally:
            raise OSError("the line cannot be closed")

    async def main():
        async with make() as live:
            live.feed(broken())
            updates = [update async for update in live.updates(until_fed=True)]
            assert [type(update.error) for update in updates] == [dug.TweakError, OSError]

    run(main)


def test_an_interrupt_in_a_feed_comes_out_of_the_reader(book, make, run):
    """What is no `Exception`, raised by a feed, ends the reader as it is, after what was shown before."""

    async def leaves():
        yield 2
        raise SystemExit(3)

    async def main():
        async with make() as live:
            live.output(book.twice.node("A"))
            live.feed(book.spot.node("A"), leaves())
            got = []
            with pytest.raises(SystemExit):
                await read(got, live.updates())
            assert len(got) <= 2
            live.push(book.spot.node("A"), 3)
            await read(got, live.updates(until_fed=True))
            assert show(got)[-1][1] == 6

    run(main)


def test_a_feed_that_is_cancelled_is_an_update(book, make, run_asyncio):
    """A feed that awaits something cancelled shows an error, and the reader goes on."""

    async def gives_up():
        yield 2
        raise asyncio.CancelledError

    async def main():
        async with make() as live:
            live.output(book.twice.node("A"))
            live.feed(book.spot.node("A"), gives_up())
            errors = [update.error async for update in live.updates(until_fed=True) if update.error is not None]
            assert [str(error) for error in errors] == ["its feed was cancelled"]

    run_asyncio(main)


def test_a_feed_that_fails_while_its_live_is_closed_is_logged(book, make, run, caplog):
    """An error that nobody can be shown any more, of a feed that closing has cancelled, is in the log."""

    async def broken():
        try:
            yield 2
            await anyio.sleep_forever()
        finally:
            raise OSError("the line cannot be closed")

    async def main():
        async with make() as live:
            live.feed(book.spot.node("A"), broken())
            await settle()
        records = [record for record in caplog.records if record.name == "dug"]
        assert [str(record.exc_info[1]) for record in records] == ["the line cannot be closed"]
        assert not live._ticks.ready

    run(main)


def test_a_feed_keeps_no_other_task_waiting(book, make, run):
    """While a feed has items without end, and waits for nothing, other tasks of the loop have their turns."""
    turns, seen = [], set()

    async def quick():
        for value in range(200):
            seen.add(len(turns))
            yield value

    async def main():
        async with make() as live:
            live.feed(book.spot.node("A"), quick())
            while live._feeds and len(turns) < 10_000:
                await anyio.lowlevel.checkpoint()
                turns.append(1)
        assert max(seen) >= 5

    run(main)


def test_a_feed_that_has_ended_is_not_kept(book, make, run):
    """A Live that is fed over and over keeps no feed that has ended."""

    async def main():
        async with make() as live:
            for value in range(5):
                live.feed(book.spot.node("A"), give(value))
                assert [update async for update in live.updates(until_fed=True)] == []
            assert live._feeds == []

    run(main)


def test_a_refused_item_of_a_feed_is_an_update_and_the_feed_goes_on(book, make, run):
    """With the policy ``"error"`` a feed shows which items were refused, and pushes the next ones."""

    async def main():
        async with make(policy="error", size=1) as live:
            live.push(book.spot.node("B"), 2)
            live.feed(book.spot.node("A"), give(2, 3))
            await settle()
            updates = [update async for update in live.updates(until_fed=True)]
            assert [type(update.error) for update in updates] == [dug.live.BacklogError] * 2

    run(main)


def test_a_stream_feeds_an_input(book, make, run):
    """A memoised async generator is read in the context in which it was given."""

    @dug.source
    async def quotes(start):
        for value in range(start, start + 3):
            yield value

    async def main():
        with dug.Context():
            async with make(policy="block") as live:
                live.output(book.twice.node("A"))
                live.feed(book.spot.node("A"), quotes(5))
                assert show([update async for update in live.updates(until_fed=True)])[-3:] == [(1, 10), (2, 12), (3, 14)]

    run(main)


def test_leaving_closes_the_feeds(book, make, run):
    """After ``async with`` the generator of a feed has been closed."""
    log = []

    async def endless():
        try:
            while True:
                yield 2
                await anyio.lowlevel.checkpoint()
        finally:
            log.append("closed")

    async def main():
        async with make() as live:
            live.output(book.twice.node("A"))
            live.feed(book.spot.node("A"), endless())
            await take(live.updates(), 1)
        assert log == ["closed"]

    run(main)


def test_a_feed_that_waits_for_room_shows_nothing_when_it_is_closed(book, make, run):
    """A feed that waits for room when its Live is closed ends, and is no error."""

    async def main():
        async with make(policy="block", size=1) as live:
            live.feed(book.spot.node("A"), give(2, 3))
            await settle()
            live.close()
            assert [update async for update in Updates(live._ticks, bool)] == []
        assert not live._feeds
        assert not live._ticks.ready

    run(main)


def test_a_feed_on_another_loop_is_refused(book, make, run):
    """A feed begins on the loop on which its Live is open, not on another one, nor in a thread without any."""

    async def main():
        async with make() as live:
            for worker in (Worker(anyio.run, feed, live), Worker(live.feed, book.spot.node("A"), give(1))):
                with pytest.raises(dug.ContextError, match="another event loop"):
                    worker.result()

    async def feed(live):
        live.feed(book.spot.node("A"), give(1))

    run(main)


# Coroutine functions


@pytest.fixture
def gated(book):
    """A coroutine function that reads an input and waits until the test lets it go on."""
    gates: dict[Any, anyio.Event] = {}
    log: list[Any] = []

    @dug.memoize
    async def slow():
        value = book.spot("A")
        gates[value] = anyio.Event()
        log.append(f"begin {value}")
        try:
            await gates[value].wait()
        except BaseException:
            log.append(f"cancel {value}")
            raise
        return value

    slow_gates: Any = gates
    return slow, slow_gates, log


def test_a_coroutine_function_is_asked_beside_the_ticks(book, make, run, gated):
    """While a coroutine function waits, ticks go on; its update says how far behind it is."""
    slow, gates, _ = gated

    async def main():
        async with make() as live:
            live.output(slow.node())
            live.output(book.twice.node("A"))
            updates = live.updates()
            shown = await take(updates, 1)
            for value in (2, 3):
                live.push(book.spot.node("A"), value)
                shown += await take(updates, 1)
            await settle()
            gates[1].set()
            late = await anext(updates)
            assert show(shown) == [(0, 2), (1, 4), (2, 6)]
            assert (late.node, late.tick, late.value, late.behind) == (slow.node(), 0, 1, 2)

    run(main)


def test_a_window_holds_ticks_in_flight_and_gives_them_in_order(book, make, run, gated):
    """With ``window=3`` three ticks are in flight and the fourth waits; answers come in the order of the ticks."""
    slow, gates, log = gated

    async def main():
        async with make(policy="block", window=3) as live:
            live.output(slow.node())
            for value in (2, 3, 4, 5):
                live.push(book.spot.node("A"), value)
            got = []

            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates())
                await settle()
                first, ticks = list(log), live.tick
                gates[3].set()
                gates[4].set()
                await settle()
                second = show(got)
                gates[2].set()
                await settle()
                third = show(got)
                gates[5].set()
                await settle()
                group.cancel_scope.cancel()

            assert (sorted(first), ticks) == (["begin 2", "begin 3", "begin 4"], 3)
            assert second == []
            assert third == [(1, 2), (2, 3), (3, 4)]
            assert show(got)[3:] == [(4, 5)]

    run(main)


@pytest.mark.parametrize(("window", "seconds"), [(1, 0.3), (3, 0.12)])
def test_three_stages_of_ten_milliseconds(window, seconds, clock, run):
    """With ``window=3`` ten ticks through three stages of 10 ms take 120 ms of the clock, one after the other 300; in order."""

    @dug.source
    def tick():
        return 0

    @dug.memoize
    async def stage(number):
        value = tick() if number == 0 else await stage(number - 1)
        await clock.sleep(0.01)
        return value + 1

    async def main():
        async with Live(policy="block", window=window, clock=clock) as live:
            live.output(stage.node(2))
            for value in range(10):
                live.push(tick.node(), value)
            got = []

            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates())
                while len(got) < 10:
                    await settle()
                    clock.jump()
                group.cancel_scope.cancel()

            assert [update.value for update in got] == list(range(3, 13))
            assert clock() == pytest.approx(seconds)

    run(main)


def test_a_coroutine_function_that_fails_is_an_update(book, make, run):
    """What a coroutine function raises is shown, and the next tick tries again."""

    @dug.memoize
    async def inverse():
        await anyio.lowlevel.checkpoint()
        return 1 / (book.spot("A") - 1)

    async def main():
        async with make() as live:
            live.output(inverse.node())
            updates = live.updates()
            failed = await anext(updates)
            live.push(book.spot.node("A"), 3)
            assert isinstance(failed.error, ZeroDivisionError)
            assert show([await anext(updates)]) == [(1, 0.5)]

    run(main)


def test_a_coroutine_function_that_is_cancelled_is_an_update(book, make):
    """A coroutine function that awaits something cancelled shows an error, and does not cancel the reader."""

    @dug.memoize
    async def gives_up():
        if book.spot("A") == 1:
            raise asyncio.CancelledError
        return book.spot("A")

    async def main():
        async with make() as live:
            live.output(gives_up.node())
            updates = live.updates()
            failed = await anext(updates)
            live.push(book.spot.node("A"), 2)
            assert str(failed.error).endswith("gives_up() was cancelled while it was asked for")
            assert show([await anext(updates)]) == [(1, 2)]

    in_thread(lambda: asyncio.run(main()))


def test_a_generator_exit_is_an_update_and_ends_no_loop(book, make, run, caplog):
    """A coroutine function, a stream and a feed that raise GeneratorExit show an error, and the reader goes on."""

    @dug.memoize
    async def alone():
        raise GeneratorExit

    @dug.memoize
    async def items():
        yield book.spot("A")
        raise GeneratorExit

    async def feed():
        yield 2
        raise GeneratorExit

    async def main():
        async with make() as live:
            live.output(alone.node())
            live.output(items.node())
            live.feed(book.spot.node("B"), feed())
            updates = live.updates()
            errors = []
            while len(errors) < 3:
                update = await anext(updates)
                errors += [] if update.error is None else [str(update.error)]
        gc.collect()
        return errors

    ends = "cancelled while it was asked for", "while it was read", "feed was cancelled"
    assert all(error.endswith(ends) for error in run(main))
    assert not caplog.records


def test_leaving_cancels_what_is_in_flight(book, make, run, gated):
    """After ``async with`` nothing of the Live runs any more."""
    slow, _, log = gated

    async def main():
        async with make() as live:
            live.output(slow.node())
            live.output(book.twice.node("A"))
            await take(live.updates(), 1)
            await settle()
        assert log == ["begin 1", "cancel 1"]

    run(main)


# Streams


def test_a_stream_shows_each_item_and_goes_on_in_each_tick(book, make, run, feeds):
    """The items that a tick finds are made of its inputs, none is shown twice, and the source upstream is begun once."""

    @dug.memoize
    async def scaled():
        async for item in feeds.stream("a"):
            yield item * book.spot("A")

    async def main():
        async with make() as live:
            live.output(scaled.node())
            got = []
            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates())
                await settle()
                feeds.send("a", 1, 2)
                await settle()
                live.push(book.spot.node("A"), 10)
                await settle()
                feeds.send("a", 3)
                await settle()
                live.push(book.spot.node("B"), 10)
                await settle()
                feeds.send("a", 3, 4)
                await settle()
                group.cancel_scope.cancel()
            assert show(got) == [(0, 1), (0, 2), (1, 30), (2, 30), (2, 40)]
            assert feeds.log == ["open a"]
        assert feeds.log == ["open a", "close a"]

    run(main)


def test_the_error_of_a_stream_is_an_update(book, make, run, feeds):
    """A stream that fails shows its items and then its error; the next tick tries again."""

    @dug.memoize
    async def inverse():
        async for item in feeds.stream("a"):
            yield item / book.spot("A")

    async def main():
        async with make() as live:
            live.push(book.spot.node("A"), 0)
            live.output(inverse.node())
            got = []
            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates())
                await settle()
                feeds.send("a", 6)
                await settle()
                live.push(book.spot.node("A"), 2)
                await settle()
                feeds.send("a", 6)
                await settle()
                group.cancel_scope.cancel()
            assert [type(update.error or update.value) for update in got] == [ZeroDivisionError, float]

    run(main)


def test_updates_end_with_the_streams_that_they_show(book, make, run):
    """With ``until_fed=True`` the updates go on until the streams have ended."""

    @dug.memoize
    async def steps():
        for number in range(3):
            yield number * book.spot("A")

    async def main():
        async with make() as live:
            live.output(steps.node())
            live.feed(book.spot.node("A"), give(2))
            updates = [update async for update in live.updates(until_fed=True)]
            assert [update.value for update in updates] in ([0, 1, 2], [0, 1, 4], [0, 2, 4])

    run(main)


def test_a_quick_stream_waits_for_its_reader(book, make, run):
    """A stream that has an item at once, always, gives a few more than were shown, and each of them is shown."""
    given = []

    @dug.memoize(ahead=1)
    async def numbers():
        for number in itertools.count():
            given.append(number)
            yield number

    async def main():
        async with make() as live:
            live.output(numbers.node())
            updates = live.updates()
            shown = await take(updates, 1)
            for _ in range(6):
                await settle()
            assert len(given) <= 3 * AHEAD
            shown += await take(updates, 5 * AHEAD)
            assert [update.value for update in shown] == list(range(5 * AHEAD + 1))
            live.push(book.spot.node("A"), 2)
            assert [update.value for update in await take(updates, 5 * AHEAD)] == list(range(5 * AHEAD + 1, 10 * AHEAD + 1))

    run(main)


# Readers and the end


def test_a_cancelled_reader_loses_nothing(book, make, run):
    """A reader that was cancelled while it waited, and then goes on, gets each tick once."""

    async def main():
        async with make(policy="block") as live:
            live.output(book.twice.node("A"))
            got = []

            for value in range(2, 8):
                async with anyio.create_task_group() as group:
                    group.start_soon(read, got, live.updates())
                    if value % 2:
                        await settle()
                    live.push(book.spot.node("A"), value)
                    await anyio.lowlevel.checkpoint()
                    group.cancel_scope.cancel()
            live.push(book.spot.node("A"), 8)
            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates())
                await settle()
                group.cancel_scope.cancel()

            assert show(got)[-7:] == [(tick, 2 * tick + 2) for tick in range(1, 8)]

    run(main)


def test_a_push_between_the_last_look_and_the_sleep_wakes_the_reader(book, make, run):
    """A push that comes when the reader has found nothing to do, and does not sleep yet, is shown without a further push."""

    class Late(Updates):
        async def _wait(self):
            if self._ticks.number == 0:
                Worker(live.push, book.spot.node("A"), 5).result()
            await super()._wait()

    async def main():
        nonlocal live
        async with make() as live:
            live.output(book.twice.node("A"))
            assert show(await take(Late(live._ticks, bool), 2)) == [(0, 2), (1, 10)]

    live: Any = None
    run(main)


def test_closing_passes_over_a_task_that_ends_meanwhile(book, make, run, gated):
    """close() cancels the other tasks and wakes the reader when one has ended between two looks at it."""
    slow, _, log = gated

    class Ending(Flight):
        """A question whose task is there at the first look only."""

        looks: list[Any]

        @property
        def task(self):
            return self.looks.pop() if self.looks else None

        @task.setter
        def task(self, task):
            self.looks = [task]

    class Nothing:
        def cancel_threadsafe(self):
            log.append("cancel one")

    async def main():
        async with make(window=3) as live:
            output = live.output(slow.node())
            got = []
            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates())
                await settle()
                ending = Ending(0, 0.0)
                ending.task = Nothing()
                output._flights.appendleft(ending)
                Worker(live.close).result()
            output._flights.remove(ending)
        assert log == ["begin 1", "cancel one", "cancel 1"]

    run(main)


def test_a_step_takes_nothing_from_who_reads(book, make, run):
    """``step()`` is refused while a task waits for an update, and in a thread beside the loop; between two updates it is not."""

    async def main():
        async with make() as live:
            live.output(book.twice.node("A"))
            got = []
            async with anyio.create_task_group() as group:
                group.start_soon(read, got, live.updates())
                await settle()
                with pytest.raises(dug.ContextError, match="would take from who reads"):
                    live.step()
                group.cancel_scope.cancel()
            with pytest.raises(dug.ContextError, match="would take from who reads"):
                await anyio.to_thread.run_sync(live.step)
            live.push(book.spot.node("A"), 2)

            assert (show(got), show(live.step())) == ([(0, 2)], [(1, 4)])

    run(main)


def test_updates_are_not_read_by_a_plain_loop(make, run):
    """A `for` without `async` is told what to type."""

    async def main():
        async with make() as live:
            with pytest.raises(TypeError, match=r"async for update in live.updates\(\).*for update in live.step\(\)"):
                list(live.updates())

    run(main)


def test_only_one_task_reads(make, run):
    """A second task that asks for an update while one waits is refused."""

    async def main():
        async with make() as live:
            async with anyio.create_task_group() as group:
                group.start_soon(anext, live.updates(), None)
                await settle()
                with pytest.raises(dug.ContextError, match="Another task waits"):
                    await anext(live.updates())
                group.cancel_scope.cancel()

    run(main)


def test_updates_end_when_the_live_is_closed(book, make, run):
    """close() in a thread ends the updates of a reader that waits."""

    async def main():
        async with make() as live:
            live.output(book.twice.node("A"))
            got = []

            async def read():
                got.extend([update async for update in live.updates()])

            async with anyio.create_task_group() as group:
                group.start_soon(read)
                await settle()
                Worker(live.close).result()

            assert show(got) == [(0, 2)]
            with pytest.raises(dug.ContextError, match="not open"):
                live.updates()

    run(main)


def test_an_error_of_the_reader_closes_it(book, make, run):
    """An exception inside ``async with`` comes out as it is, and the Live is closed."""

    async def main():
        live = make()
        live.output(book.twice.node("A"))

        async def fail():
            async with live:
                await take(live.updates(), 1)
                raise KeyError("mine")

        with pytest.raises(KeyError):
            await fail()
        with pytest.raises(dug.ContextError, match="is closed"):
            live.push(book.spot.node("A"), 1)

    run(main)


def test_an_interrupt_in_a_node_comes_out_of_the_reader(book, make, run):
    """What is no `Exception`, raised by a coroutine function, ends the reader as it is."""

    @dug.memoize
    async def leaves():
        raise SystemExit(3)

    async def main():
        async with make() as live:
            live.output(leaves.node())
            with pytest.raises(SystemExit):
                await anext(live.updates())

    run(main)


def test_a_live_is_open_once(make, run):
    """A second ``async with`` inside the first is refused."""

    async def main():
        async with make() as live:
            with pytest.raises(dug.ContextError, match="open already"):
                await live.__aenter__()

    run(main)


def test_updates_that_are_ready_keep_no_other_task_waiting(book, make, run):
    """While the updates of one tick are read, other tasks of the loop have their turns."""

    async def main():
        async with make() as live:
            for name in range(200):
                live.output(book.thrice.node(name))
            turns, seen = [], set()

            async def count():
                while True:
                    await anyio.lowlevel.checkpoint()
                    turns.append(1)

            async with anyio.create_task_group() as group:
                group.start_soon(count)
                updates = live.updates()
                for _ in range(200):
                    await anext(updates)
                    seen.add(len(turns))
                group.cancel_scope.cancel()
            assert max(seen) >= 5

    run(main)


def test_ticks_keep_no_other_task_waiting(book, make, run):
    """While pushes come without end, other tasks of the loop have their turns."""

    async def main():
        async with make() as live:
            live.output(book.twice.node("A"))
            turns = []

            async def count():
                while True:
                    await anyio.lowlevel.checkpoint()
                    turns.append(live.tick)

            async with anyio.create_task_group() as group:
                group.start_soon(count)
                async for update in live.updates():
                    live.push(book.spot.node("A"), update.value)
                    if live.tick >= 20:
                        break
                group.cancel_scope.cancel()
            assert len(turns) >= 10

    run(main)


def test_an_output_at_a_pace_is_shown_without_a_push(book, make, clock, run):
    """A reader that waits is woken by the clock when an output is due."""

    async def main():
        async with make() as live:
            live.output(book.twice.node("A"), every=1.0)
            updates = live.updates()
            shown = await take(updates, 1)
            live.push(book.spot.node("A"), 2)

            async def read():
                shown.append(await anext(updates))

            async with anyio.create_task_group() as group:
                group.start_soon(read)
                await settle()
                clock.advance(0.5)
                await settle()
                early = len(shown)
                clock.advance(0.5)

            assert early == 1
            assert show(shown) == [(0, 2), (1, 4)]

    run(main)


def test_a_thread_that_ends_wakes_the_reader(book, make, run):
    """The answer of a slow output in a thread is shown without a further push."""
    go_on = Signal()

    @dug.memoize
    def slow():
        go_on.wait_here()
        return book.spot("A")

    class Threads:
        workers: list[Worker] = []  # noqa: RUF012  one object only

        def submit(self, call):
            self.workers.append(Worker(call))

    async def main():
        async with make() as live:
            live.output(slow.node(), executor=Threads())
            got = []

            async def read():
                got.append(await anext(live.updates()))

            async with anyio.create_task_group() as group:
                group.start_soon(read)
                await settle()
                go_on.set()
            assert show(got) == [(0, 1)]

    run(main)
    for worker in Threads.workers:
        worker.result()
