"""What-ifs on streams that give nothing for a long time: who asks about something else does not wait for them."""

import anyio
import anyio.lowlevel
from support.sync_points import settle

import dug


def test_a_what_if_does_not_wait_for_a_silent_source(run):
    """While a stream waits for its first item, a scenario in which its source is a list reads that."""
    started = []

    @dug.source
    async def ticks():
        started.append("ticks")
        await anyio.sleep_forever()
        yield 0

    @dug.memoize
    async def rated():
        started.append("rated")
        async for tick in ticks():
            yield 2 * tick

    async def main():
        with dug.Context():
            async with rated().open():
                await settle()
                with dug.Context({ticks.node(): [1, 2]}):
                    return await rated().list()

    assert run(main) == [2, 4]
    assert started == ["rated", "ticks", "rated"]


def test_a_scenario_without_a_difference_waits_for_the_same_run(run):
    """Who asks about nothing that a silent stream has read waits for that, and starts nothing."""
    started = []

    @dug.memoize
    def other():
        return 1

    @dug.memoize
    async def numbers():
        started.append("numbers")
        await gates[0].wait()
        yield 1

    gates = []

    async def main():
        gates.append(anyio.Event())
        with dug.Context():
            async with numbers().open():
                await settle()
                with dug.Context({other.node(): 2}):
                    async with anyio.create_task_group() as group:
                        group.start_soon(ask)
                        await settle()
                        gates[0].set()

    async def ask():
        started.append(await numbers().first())

    run(main)

    assert started == ["numbers", 1]


def test_a_wait_ends_when_the_stream_reads_something_else(run):
    """A scenario that waits with a silent stream goes on by itself once that reads what it tweaks differently."""
    started, gates = [], []

    @dug.memoize
    def rate():
        return 2

    @dug.memoize
    async def rated():
        started.append("rated")
        await gates[0].wait()
        if rate() == 2:
            await anyio.sleep_forever()
        yield rate()

    async def ask():
        started.append(await rated().first())

    async def main():
        gates.append(anyio.Event())
        with dug.Context():
            async with rated().open():
                await settle()
                with dug.Context({rate.node(): 3}):
                    async with anyio.create_task_group() as group:
                        group.start_soon(ask)
                        await settle()
                        assert started == ["rated"]
                        gates[0].set()

    run(main)

    assert started == ["rated", "rated", 3]


def test_who_comes_after_an_invalidation_waits_for_no_generator_of_before(run):
    """A new reader does not wait for a silent generator that has read what was invalidated, and what that gives is not kept."""
    rates, log = [1], []

    async def main():
        gate = anyio.Event()

        @dug.source
        def rate():
            return rates[0]

        @dug.memoize
        async def prices():
            yield 0
            now = rate()
            if not log:
                log.append("waits")
                await gate.wait()
            yield now

        @dug.memoize
        async def total():
            return sum([item async for item in prices()])

        found = []

        async def ask():
            found.append(await total())

        with dug.Context() as ctx:
            async with anyio.create_task_group() as group:
                group.start_soon(ask)
                while not log:
                    await anyio.lowlevel.checkpoint()
                rates[0] = 5
                ctx.invalidate(rate)
                found.append(await prices().list())
                gate.set()
            found.append(await total())
        return found

    fresh, old, again = run(main)
    assert fresh == [0, 5]
    assert old in (1, 5)
    assert again == 5
