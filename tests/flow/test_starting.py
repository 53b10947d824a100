"""Started flows: processors, their outputs and dependencies, inputs that end, runs of their own, what-ifs while they run."""

import asyncio
from typing import Annotated

import anyio
import pytest
from support.sync_points import settle

import dug
from dug import streams
from dug.errors import CycleError
from dug.flow import Depends, DuplicateNameError, FloatingInputError, Flow, FlowError, MissingInputError, Output, RunningFlow
from dug.streams import Stream


@pytest.fixture
def log():
    """What ran, in order."""
    return []


@pytest.fixture
def flow(log):
    """``doubled`` streams twice its ``numbers``, ``priced`` those times the ``rate``; ``total`` is their sum."""

    async def doubled(numbers):
        log.append("doubled")
        async for number in numbers:
            yield 2 * number

    async def priced(doubled, rate):
        log.append("priced")
        async for number in doubled:
            yield number * rate

    async def total(priced):
        log.append("total")
        return sum([price async for price in priced])

    return Flow(doubled, priced, total, values={"rate": 3})


def test_outputs_are_streams_by_name(run, flow):
    """A start gives each name that nothing reads, or all of them, as a stream; a value is a stream of one item."""

    async def main():
        async with await flow.start({"numbers": [1, 2]}) as outputs:
            few = {name: await stream.list() for name, stream in outputs.items()}
        async with await flow.start({"numbers": [1, 2]}, all_outputs=True) as outputs:
            assert isinstance(outputs, RunningFlow)
            assert all(isinstance(stream, Stream) for stream in outputs.values())
            return few, {name: await stream.list() for name, stream in outputs.items()}

    few, found = run(main)

    assert few == {"total": [18]}
    assert found == {"doubled": [2, 4], "priced": [6, 12], "total": [18]}


def test_an_output_is_read_like_any_stream(run, flow):
    """Every way to read a stream, and an operator, reads an output in the scenario of its run."""

    async def main():
        async with await flow.start({"numbers": [1, 2]}, all_outputs=True) as outputs:
            stream = outputs["priced"]
            async with stream.open(1) as reader:
                found = [[item async for item in stream], await anext(reader)]
            found += [await stream.first(), await stream.seek(1), await stream.last(), await stream.list(), stream.state]
            async with streams.zip(stream, outputs["doubled"]) as pairs:
                return [*found, [pair async for pair in pairs]]

    assert run(main) == [[6, 12], 12, 6, 12, 12, [6, 12], "ended", [(6, 2), (12, 4)]]


def test_the_first_item_comes_at_once(run):
    """The first item goes through the flow before the second is made."""
    log = []

    async def numbers():
        for number in range(5):
            log.append(number)
            yield number
            await anyio.lowlevel.checkpoint()
            await settle()

    async def doubled(numbers):
        async for number in numbers:
            yield 2 * number

    async def main():
        async with await Flow(numbers, doubled).start() as outputs:
            return await outputs["doubled"].first(), list(log)

    assert run(main) == (0, [0])


def test_all_begins_before_anybody_reads(run, flow, log):
    """A start runs what the outputs need, though nobody has asked for an item."""

    async def main():
        async with await flow.start({"numbers": [1]}):
            await settle()

    run(main)

    assert sorted(log) == ["doubled", "priced", "total"]


def test_inputs_end(run):
    """All items of an input reach its reader, and then the end."""

    async def seen(numbers):
        async for number in numbers:
            yield number
        yield "end"

    async def main():
        async with await Flow(seen).start({"numbers": [5, 6]}) as outputs:
            return await outputs["seen"].list()

    assert run(main) == [5, 6, "end"]


def test_an_input_can_come_from_a_generator_function(run):
    """An input is given its items by an async generator function, or by one that is not async."""

    async def feed():
        yield 1
        yield 2

    def rows():
        yield 3

    async def seen(left, right):
        yield await left.list(), await right.list()

    async def main():
        async with await Flow(seen).start({"left": feed, "right": rows}) as outputs:
            return await outputs["seen"].first()

    assert run(main) == ([1, 2], [3])


def test_a_generator_function_is_a_processor(run):
    """A generator function that is not async gives a stream as well."""

    def lines(text):
        yield from text.split()

    async def upper(lines):
        async for line in lines:
            yield line.upper()

    async def main():
        async with await Flow(lines, upper, values={"text": "a b"}).start() as outputs:
            return await outputs["upper"].list()

    assert run(main) == ["A", "B"]


def test_what_waits_begins_once_when_its_inputs_have_ended(run):
    """A processor that waits runs once, after both of its producers, in each of many starts."""
    log = []

    async def left(numbers):
        async for number in numbers:
            yield number
        log.append("left ended")

    async def right(numbers):
        async for number in numbers:
            yield 10 * number
        log.append("right ended")

    async def both(left, right):
        log.append("both")
        yield await left.list() + await right.list()

    flow = Flow(left, right)
    flow.add(both, wait=True)

    async def main():
        for _ in range(20):
            log.clear()
            async with await flow.start({"numbers": [1, 2]}) as outputs:
                assert await outputs["both"].list() == [[1, 2, 10, 20]]
            assert sorted(log[:2]) == ["left ended", "right ended"]
            assert log[2:] == ["both"]

    run(main)


@pytest.mark.slow
def test_what_waits_begins_once_in_a_thousand_starts(run):
    """In each of a thousand starts, what waits for two producers runs once, with all that they gave."""
    ran = []

    async def left(numbers):
        async for number in numbers:
            yield number

    async def right(numbers):
        async for number in numbers:
            await anyio.lowlevel.checkpoint()
            yield 10 * number

    async def both(left, right):
        ran.append(1)
        yield await left.list() + await right.list()

    flow = Flow(left, right)
    flow.add(both, wait=True)

    async def main():
        for _ in range(1_000):
            async with await flow.start({"numbers": [1, 2]}) as outputs:
                assert await outputs["both"].list() == [[1, 2, 10, 20]]

    run(main)

    assert len(ran) == 1_000


def test_starts_leave_no_memory(run, flow):
    """The cache of a flow does not grow with its starts."""
    sizes = []

    async def main():
        for _ in range(12):
            async with await flow.start({"numbers": [1, 2]}) as outputs:
                await outputs["total"].first()
            sizes.append(len(flow.context._own_cache))

    run(main)

    assert max(sizes[2:]) == min(sizes[2:])


def test_a_coroutine_function_can_wait(run, log):
    """A function with one value begins after its streams have ended, if it is to wait."""

    async def numbers():
        yield 1
        log.append("ended")

    async def count(numbers):
        log.append("count")
        return len(await numbers.list())

    flow = Flow(numbers)
    flow.add(count, wait=True)

    assert run(flow.acompute, "count") == 1
    assert log == ["ended", "count"]


def test_a_flow_can_run_twice_at_once(run, flow, log):
    """Two starts of one flow are two runs, each with its own inputs, also if these are equal."""

    async def main():
        async with await flow.start({"numbers": [1]}) as one, await flow.start({"numbers": [2]}) as two:
            async with await flow.start({"numbers": [1]}) as three:
                return [await outputs["total"].first() for outputs in (three, two, one)]

    assert run(main) == [6, 12, 6]
    assert log.count("doubled") == log.count("total") == 3


def test_a_start_is_not_held_up_by_another(run, log):
    """A start begins with everything, and gives its items, while an earlier one waits for its first item."""

    async def lines(events):
        async for event in events:
            await event.wait()
            log.append("line")
            yield 1

    async def main():
        late, there = anyio.Event(), anyio.Event()
        there.set()
        flow = Flow(lines)
        flow.add(lambda lines: lines.list(), "total")
        async with await flow.start({"events": [late]}) as one:
            await settle()
            async with await flow.start({"events": [there]}) as two:
                await settle()
                assert log == ["line"]
                assert await two["total"].first() == [1]
                assert one["total"].state == "open"

    run(main)


def test_a_second_start_begins_before_anybody_reads(run, flow, log):
    """What a first start has computed does not keep a second one from beginning."""

    async def main():
        for _ in range(2):
            log.clear()
            async with await flow.start({"numbers": [1]}):
                await settle()

    run(main)

    assert sorted(log) == ["doubled", "priced", "total"]


def test_what_reads_a_stream_runs_in_each_start(run, log):
    """A function that reads a stream runs in each start, also where another start has the very same items."""

    async def rows():
        yield 0

    async def load(rows):
        log.append(await rows.list())

    flow = Flow(rows, load)
    flow.insert("rows", [1, 2])

    async def main():
        async with await flow.start() as one:
            await one.drain()
            async with await flow.start() as two:
                await two.drain()

    run(main)

    assert log == [[1, 2], [1, 2]]


def test_a_what_if_on_a_running_flow_starts_nothing_upstream(run, flow, log):
    """While a flow runs, a what-if runs only what its change reaches; the processor before it goes on once for both."""

    async def numbers():
        log.append("numbers")
        for number in range(4):
            yield number
            await settle()

    flow.add(numbers)

    async def main():
        async with await flow.start(all_outputs=True) as outputs:
            assert await outputs["priced"].first() == 0
            with outputs.what_if({"rate": 5}):
                other = await outputs["priced"].list(), await outputs["total"].first()
            return other, await outputs["priced"].list(), await outputs["total"].first()

    assert run(main) == (([0, 10, 20, 30], 60), [0, 6, 12, 18], 36)
    assert log.count("numbers") == log.count("doubled") == 1
    assert log.count("priced") == log.count("total") == 2


def test_a_task_made_in_a_what_if_asks_there(run, flow):
    """A task whose first step comes after the what-if was left reads, and computes, in the what-if."""

    async def main():
        async with await flow.start({"numbers": [1, 2]}) as outputs:
            tasks = []
            for rate in (5, 7):
                with outputs.what_if({"rate": rate}):
                    tasks.append(asyncio.create_task(outputs["total"].list()))
            return await asyncio.gather(*tasks, outputs["total"].list())

    assert asyncio.run(main()) == [[30], [42], [18]]


def test_a_what_if_refuses_a_name_that_nothing_reads(run, flow):
    """A misspelled name is an error that says what was meant, in a flow and in a run of it; a node is a key like a name."""
    surcharge = dug.memoize(lambda: 1, name="surcharge")

    async def main():
        async with await flow.start({"numbers": [1, 2]}) as outputs:
            for ask in (flow.what_if, outputs.what_if):
                with pytest.raises(FlowError, match=r"has no 'number', and nothing reads it\. Did you mean 'numbers'\?"):
                    ask({"rate": 5, "number": [1]})
            with outputs.what_if({flow.node("rate"): 5, surcharge.node(): 2}):
                assert surcharge() == 2
                assert await outputs["total"].list() == [30]
            with outputs.what_if({"priced": lambda doubled, charge: doubled, "charge": 4}):
                pass

    run(main)


def test_a_what_if_does_not_wait_for_a_silent_feed(run, flow):
    """While the flow waits for its first item, a what-if with other items gives its answer."""

    async def numbers():
        await anyio.sleep_forever()
        yield 0

    flow.add(numbers)

    async def main():
        async with await flow.start() as outputs:
            await settle()
            with outputs.what_if({"numbers": [1, 2]}):
                return await outputs["total"].first()

    assert run(main) == 18


def test_a_what_if_can_change_items_and_functions(run, flow, log):
    """In a what-if on a running flow a stream is a list, an input has other items, or a processor another function."""

    async def halved(numbers):
        async for number in numbers:
            yield number / 2

    async def main():
        async with await flow.start({"numbers": [2]}, all_outputs=True) as outputs:
            found = [await outputs["priced"].list()]
            for changes in ({"doubled": [1, 2]}, {"numbers": [10]}, {"doubled": halved}):
                with outputs.what_if(changes):
                    found.append(await outputs["priced"].list())
            with outputs.context, dug.Context({flow.node("rate"): 0}):
                found.append(await outputs["priced"].list())
            return found

    assert run(main) == [[12], [3, 6], [60], [3.0], [0]]
    assert log.count("doubled") == 2  # its own run, and one for other numbers


def test_a_start_has_what_is_in_force_around_it(run, flow):
    """A flow that is started in a what-if goes on in it, also when that is left."""

    async def main():
        with flow.what_if({"rate": 1}):
            outputs = await flow.start({"numbers": [4]})
        async with outputs:
            return await outputs["total"].first()

    assert run(main) == 8


def test_outputs_have_names(run):
    """A processor gives items for several outputs; each is a stream of its own."""

    async def split(numbers):
        async for number in numbers:
            yield Output("even" if number % 2 == 0 else "odd", number)

    async def doubled(even):
        async for number in even:
            yield 2 * number

    flow = Flow()
    flow.add(split, outputs=["even", "odd"])
    flow.add(doubled)
    flow.rename("odd", "others")

    async def main():
        async with await flow.start({"numbers": [1, 2, 3, 4]}) as outputs:
            found = {name: await stream.list() for name, stream in outputs.items()}
            with outputs.what_if({"numbers": [7]}):
                return found, await outputs["others"].list()

    assert run(main) == ({"others": [1, 3], "doubled": [4, 8]}, [7])


@pytest.mark.parametrize("given", [Output("out", 1), [Output("out", 1)], 1])
def test_a_returned_output_is_an_item(run, given):
    """What a function with an output returns goes into the stream of that output."""
    flow = Flow()
    flow.add(lambda: given, "made", outputs=["out"])

    async def main():
        async with await flow.start() as outputs:
            return await outputs["out"].list()

    assert run(main) == [1]


@pytest.mark.parametrize(
    ("item", "message"), [(Output("x", 1), "has the outputs a, b"), (1, r"for no output\. Write Output\('a'")]
)
def test_an_item_for_no_output_is_refused(run, item, message):
    """An item must say for which of the outputs it is."""
    flow = Flow()
    flow.add(lambda: item, "made", outputs=["a", "b"])

    async def main():
        async with await flow.start() as outputs:
            await outputs["a"].list()

    with pytest.raises(FlowError, match=message):
        run(main)


EVENTS = []


def session():
    """Give a session, and close it."""
    EVENTS.append("open")
    try:
        yield "session"
    finally:
        EVENTS.append("closed")


async def feed(session: Annotated[str, Depends(session)]):
    """Depend on the session, and close after it."""
    EVENTS.append("open feed")
    try:
        yield f"feed of {session}"
    finally:
        EVENTS.append("closed feed")


@dug.memoize
def fee():
    """Give a fee that can be tweaked."""
    return 1


async def quotes(number, source: Annotated[str, Depends(feed)], session=Depends(session), fee=Depends(fee)):  # noqa: B008
    """Read all of them."""
    for step in range(number):
        EVENTS.append(step)
        yield source, session, step + fee


def test_a_dependency_is_open_as_long_as_its_processor(run):
    """Dependencies in both forms, nested, are made once in a run of a processor and closed at its end, the last one first."""
    EVENTS.clear()

    async def main():
        async with await Flow(quotes, values={"number": 2}).start() as outputs:
            return await outputs["quotes"].list()

    assert run(main) == [("feed of session", "session", 1), ("feed of session", "session", 2)]
    assert EVENTS == ["open", "open feed", 0, 1, "closed feed", "closed"]


def test_a_dependency_is_closed_when_nobody_reads_on(run):
    """Closing a running flow closes the processor, and its dependencies with it, before the program goes on."""
    EVENTS.clear()

    async def main():
        async with await Flow(quotes, values={"number": 10_000}).start() as outputs:
            await outputs["quotes"].first()
        EVENTS.append("left")

    run(main)

    assert EVENTS[-3:] == ["closed feed", "closed", "left"]


def test_a_memoised_dependency_of_a_processor_is_a_node(run):
    """A tweak of a memoised dependency is the override of it in a running flow."""

    async def main():
        flow = Flow(quotes, values={"number": 1})
        async with await flow.start() as outputs:
            with outputs.context, dug.Context({fee.node(): 5}):
                return await outputs["quotes"].list()

    assert run(main) == [("feed of session", "session", 5)]


def test_what_cannot_run_is_refused_before_anything_starts(run, flow, log):
    """A start refuses a circle, a name that is not there, an input without items, and items for what is not there."""
    nothing = Flow()
    nothing.add(lambda x: x, "y")
    nothing.add("x")
    round_trip = Flow()
    round_trip.add(lambda b: b, "a", outputs=["c"])
    round_trip.add(lambda c: c, "b")

    with pytest.raises(FloatingInputError, match="'numbers'"):
        run(flow.start)
    with pytest.raises(MissingInputError, match="'x'"):
        run(nothing.start)
    with pytest.raises(CycleError, match=r"(?s)a.*c.*b|c.*b.*a|b.*a.*c"):
        run(round_trip.start, {}, True)
    with pytest.raises(FlowError, match="has no 'numbrs' to give items to"):
        run(flow.start, {"numbrs": [1]})
    with pytest.raises(FlowError, match=r"write flow\.insert\('numbers', value\)"):
        run(flow.start, {"numbers": 1})
    assert log == []


def test_two_things_give_no_output(flow):
    """The name of an output that something else gives is refused, and so is that of the processor itself."""
    with pytest.raises(DuplicateNameError, match="'total'"):
        flow.add(lambda: None, "made", outputs=["total"])
    with pytest.raises(DuplicateNameError, match="'made'"):
        flow.add(lambda: None, "made", outputs=["made"])


def test_waiting_for_nothing_is_refused(flow):
    """A function that reads nothing cannot wait for the end of it."""
    with pytest.raises(TypeError, match="wait="):
        flow.add(lambda: 1, "alone", wait=True)


def test_an_error_reaches_the_readers(run, flow):
    """The error of a processor is the very one that the readers of its outputs get, after the items before it."""
    error = ValueError("bad")

    async def priced(doubled):
        yield await doubled.first()
        raise error

    flow.add(priced)

    async def main():
        async with await flow.start({"numbers": [1]}, all_outputs=True) as outputs:
            with pytest.raises(ValueError, match="bad") as caught:
                await outputs["priced"].seek(1)
            assert caught.value is error
            with pytest.raises(ValueError, match="bad"):
                await outputs.drain()
            return await outputs["priced"].first(), outputs["priced"].state

    assert run(main) == (2, "failed")


def test_a_flow_without_outputs_is_drained(run):
    """A flow is run for what it does: `drain` returns when all of it has ended."""
    stored = []

    async def load(numbers):
        stored.extend([number async for number in numbers])
        for nothing in ():
            yield nothing

    async def main():
        async with await Flow(load).start({"numbers": range(1000)}) as outputs:
            await outputs.drain()
            return list(stored)

    assert run(main) == list(range(1000))


def test_nothing_is_left_after_a_run(run, flow, log):
    """Leaving a running flow closes every processor; its outputs cannot be read any more."""

    async def numbers():
        try:
            while True:
                yield 1
                await anyio.lowlevel.checkpoint()
        finally:
            log.append("closed")

    flow.add(numbers)

    async def main():
        async with await flow.start(all_outputs=True) as outputs:
            await outputs["priced"].first()
        assert log[-1] == "closed"
        with pytest.raises(FlowError, match=r"is closed\. Start the flow again"):
            outputs["priced"].open()
        return {stream.state_in(outputs._view) for stream in outputs.values()} & {"open"}

    assert run(main) == set()


def test_a_run_that_is_dropped_ends(run, log):
    """A running flow that nobody has any more ends by itself."""

    async def endless():
        try:
            while True:
                yield 1
                await anyio.lowlevel.checkpoint()
        finally:
            log.append("closed")

    async def main():
        outputs = await Flow(endless).start()
        await outputs["endless"].first()
        del outputs
        await settle()

    run(main)

    assert log == ["closed"]


def test_a_memoised_function_starts_no_flow(run, flow):
    """A memoised function can neither start a flow nor read the outputs of one that is not in force."""

    @dug.memoize
    async def start():
        return await flow.start({"numbers": [1]})

    @dug.memoize
    async def read():
        return await shared[0]["total"].first()

    shared = []

    async def main():
        with dug.Context():
            with pytest.raises(FlowError, match="memoised function"):
                await start()
            async with await flow.start({"numbers": [1]}) as outputs:
                shared.append(outputs)
                with pytest.raises(FlowError, match="Enter the context of the run"):
                    await read()
                with outputs.context:
                    assert await read() == 6
                with outputs.what_if({"rate": 5}):
                    assert await read() == 10

    run(main)


def test_an_output_that_is_not_there_is_named(run, flow):
    """Asking for another output says which ones there are."""

    async def main():
        async with await flow.start({"numbers": [1]}) as outputs:
            assert repr(outputs["total"]).startswith("<Stream 'total' of the flow ")
            assert len(outputs) == 1
            outputs["priced"]

    with pytest.raises(KeyError, match=r"It has total; start\(all_outputs=True\) has more"):
        run(main)


def test_a_stream_of_a_flow_is_computed_and_looked_at(run, flow):
    """The value of a processor's node is its stream; a list that is inserted takes its place until the function changes."""
    flow.insert("doubled", [1, 2])

    assert run(flow.acompute, "total") == 9
    assert {row.name: row.state for row in flow.states()}["doubled"] == "inserted"
    assert flow.node("doubled").function is flow.node("priced").function
    flow.override("priced", [5])
    assert run(flow.acompute, "total") == 5
    flow.release("priced")
    assert run(flow.acompute, "total") == 9
    assert isinstance(flow["priced"], Stream)


def test_a_what_if_shifts_what_was_inserted():
    """A bump in a what-if is over the value that the flow has."""
    flow = Flow(values={"x": 5})
    flow.add(lambda x: 10 * x, "y")
    with flow.what_if({"x": dug.shift(1)}):
        assert flow.compute("y") == 60
