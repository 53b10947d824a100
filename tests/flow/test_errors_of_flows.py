"""What a flow says when it goes wrong: which name of which flow, and what to type."""

from __future__ import annotations

import anyio
import pytest

import dug
from dug import streams
from dug.errors import CycleError, TweakError
from dug.flow import Depends, FloatingInputError, Flow, FlowError


async def doubled(numbers):
    """A processor."""
    async for number in numbers:
        yield 2 * number


async def total(doubled):
    """Reads a stream, and gives one value."""
    return sum([number async for number in doubled])


def plus_one(numbers):
    """Takes one number."""
    return numbers + 1


def each(numbers):
    """Gives items of a list."""
    yield from numbers


async def _list(flow, inputs, name):
    async with await flow.start(inputs) as outputs:
        return await outputs[name].list()


def _notes(caught):
    return "\n".join(getattr(caught.value, "__notes__", []))


def test_items_for_an_input_with_a_plain_value_are_refused(run):
    """``start`` gives items, and says what to type for another value of an input that has one."""
    flow = Flow(plus_one, values={"numbers": 3}, name="sums")

    with pytest.raises(FlowError, match=r"'numbers' has the value 3.*flow.insert\('numbers', value\).*flow.release\('numbers'\)"):
        run(_list, flow, {"numbers": [7]}, "plus_one")


def test_items_for_an_input_that_was_released_are_taken(run):
    """What the error says to type works."""
    flow = Flow(doubled, values={"numbers": 3})
    flow.release("numbers")

    assert run(_list, flow, {"numbers": [7]}, "doubled") == [14]


def test_a_plain_function_that_gets_a_stream_says_which(run):
    """A function that takes a stream for a value fails with notes that name both, and say what to type."""
    flow = Flow(plus_one, name="sums")

    with pytest.raises(TypeError, match="'Stream' and 'int'") as caught:
        run(_list, flow, {"numbers": [7]}, "plus_one")

    assert "Raised by 'plus_one' of the flow 'sums'." in _notes(caught)
    assert "'async for item in numbers'" in _notes(caught)
    assert "flow.insert('numbers', value)" in _notes(caught)


def test_a_generator_that_gets_a_stream_says_what_to_type(run):
    """A generator function without async that reads a stream of the flow names it and says how it is read."""
    flow = Flow(each, name="sums")

    with pytest.raises(TypeError, match=r"'numbers' of the flow 'sums' is a stream, .*async for item in stream") as caught:
        run(_list, flow, {"numbers": [7]}, "each")

    assert "Raised by 'each' of the flow 'sums'." in _notes(caught)


async def _opens(numbers):
    async with numbers.open() as reader:
        async for number in reader:
            yield number


async def _takes(numbers):
    async for number in streams.take(numbers, 1):
        yield number


@pytest.mark.parametrize("fn", [doubled, _opens, _takes])
def test_a_list_in_the_place_of_a_stream_says_what_to_type(run, fn):
    """A processor that gets an inserted list fails with a note that says to give it to ``start``."""
    flow = Flow(values={"numbers": [1, 2]})
    flow.add(fn, "out")

    with pytest.raises((TypeError, AttributeError)) as caught:
        run(_list, flow, {}, "out")

    assert "'numbers' is the value [1, 2] here, and no stream" in _notes(caught)
    assert "flow.start({'numbers': items})" in _notes(caught)


def test_a_plain_function_in_the_place_of_a_processor_says_what_to_type(run):
    """A what-if that gives a stream a function of one value names it, in the error of who reads it."""
    flow = Flow(doubled, total, name="sums")

    async def main():
        async with await flow.start({"numbers": [1]}) as outputs:
            with outputs.what_if({"doubled": lambda: 5}):
                await outputs["total"].list()

    with pytest.raises(TypeError, match="__aiter__") as caught:
        run(main)

    assert "Raised by 'total' of the flow 'sums'." in _notes(caught)
    assert "give the name 'doubled' a generator function" in _notes(caught)


@pytest.mark.parametrize("act", [Flow.insert, Flow.override, lambda flow, name, value: flow.what_if({name: value})])
def test_a_value_in_the_place_of_a_stream_is_refused_by_name(act):
    """A stream of a flow takes a list of items, and the error names it as the flow does."""
    flow = Flow(doubled, name="sums")

    with pytest.raises(TweakError, match=r"^'doubled' of the flow 'sums' is a stream, and 5 is not. Tweak it to a list"):
        act(flow, "doubled", 5)


def test_a_circle_is_refused_though_it_leaves_no_outputs(run):
    """A flow whose names all read each other has no outputs: asked for those, it names the circle."""

    async def bids(asks):
        async for item in asks:
            yield item

    async def asks(bids):
        async for item in bids:
            yield item

    flow = Flow(bids, asks)
    sums = Flow(name="sums")
    sums.add(lambda b: b, "a")
    sums.add(lambda a: a, "b")

    for ask in (lambda: run(flow.start), lambda: run(flow.acompute), sums.compute):
        with pytest.raises(CycleError, match=r"(bids|asks|a|b) depends on itself"):
            ask()


def test_a_circle_that_is_met_by_hand_has_the_names_of_the_flow(run):
    """Nodes of a flow that are asked for by hand name their circle by the names of the flow."""

    async def bids(asks):
        async for item in asks:
            yield item

    async def asks(bids):
        async for item in bids:
            yield item

    flow = Flow(bids, asks, name="desk")

    async def main():
        with flow.context:
            await flow.node("bids")().first()

    with pytest.raises(CycleError, match=r"'bids' of the flow 'desk' -> 'asks' of the flow 'desk'|'asks' of .* -> 'bids' of"):
        run(main)


def test_a_yield_inside_a_context_names_the_function_of_the_flow(run):
    """The error of a generator that leaves a context open has its name in the flow."""

    async def careless(numbers):
        with dug.Context():
            yield 1

    flow = Flow(careless, name="sums")

    with pytest.raises(TypeError, match=r"^'careless' of the flow 'sums' yields inside a context"):
        run(_list, flow, {"numbers": [1]}, "careless")


def test_a_timeout_names_the_stream_of_the_flow(run):
    """A stream of a flow that gives nothing in time is named as the flow names it."""

    async def silent(numbers):
        async for number in numbers:
            if number < 0:
                yield number

    async def never(silent):
        async for item in streams.timeout(silent, 0.001):
            yield item

    async def endless():
        await anyio.sleep_forever()
        yield 1

    flow = Flow(silent, never, name="sums")

    with pytest.raises(TimeoutError, match="'silent' of the flow 'sums'"):
        run(_list, flow, {"numbers": endless}, "never")


def test_an_error_says_which_function_of_the_flow_raised_it(run):
    """The error of a function has a note with its name, also when others of the flow pass it on."""

    def bad(price):
        raise ValueError(price)

    async def passes_on(fails):
        async for item in fails:
            yield item

    async def fails(numbers):
        async for number in numbers:
            yield number
            raise ValueError(number)

    plain = Flow(bad, plus_one, name="plain", values={"price": 1})
    plain.repoint("numbers", "bad")
    flow = Flow(fails, passes_on, name="sums")

    with pytest.raises(ValueError, match="1") as caught:
        plain.compute()
    assert caught.value.__notes__ == ["Raised by 'bad' of the flow 'plain'."]
    with pytest.raises(ValueError, match="1") as caught:
        run(_list, flow, {"numbers": [1]}, "passes_on")
    assert caught.value.__notes__ == ["Raised by 'fails' of the flow 'sums'."]


def test_what_to_type_is_printed_to_its_end():
    """The table of ``validate`` shows the whole of each text."""
    flow = Flow(plus_one, name="a name that is so long that the text of the table was cut where it says what to type")

    assert str(flow.validate()).endswith("Write flow.insert('numbers', value).")


def test_what_is_missing_at_a_start_says_how_items_are_given(run):
    """An input without a value may be a stream: ``start`` says how its items are given."""
    what = r"Write flow\.start\({'numbers': items}\) for a stream, or flow\.insert\('numbers', value\) before it\."
    with pytest.raises(FloatingInputError, match=what):
        run(_list, Flow(doubled), {}, "doubled")


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (each, r"'each' of the flow 'sums' gives a stream, which compute\(\) cannot read. .*await flow.start"),
        (total, r"'total' of the flow 'sums' is a coroutine function, .* await flow.acompute\('total'\)"),
    ],
)
def test_compute_says_what_it_cannot_wait_for(fn, message):
    """``compute`` on a flow that must be awaited names the function, and whether it is a stream or a coroutine function."""
    flow = Flow(fn, name="sums")
    flow.insert_many({name: [] for name in flow.floating()})

    with pytest.raises(FlowError, match=message):
        flow.compute()


def test_a_memoised_generator_can_be_a_dependency():
    """A memoised generator gives the function that depends on it its stream, which a what-if can change."""

    @dug.memoize
    def rates():
        yield from (2, 3)

    def priced(price, rates=Depends(rates)):  # noqa: B008  as users write it
        return [price * rate for rate in rates]

    flow = Flow(priced, values={"price": 10})

    assert flow.compute("priced") == [20, 30]
    with flow.what_if({rates.node(): [5]}):
        assert flow.compute("priced") == [50]


def test_a_memoised_async_generator_can_be_a_dependency(run):
    """A memoised async generator gives its stream, read in the function."""

    @dug.memoize
    async def rates():
        for rate in (2, 3):
            yield rate

    async def priced(price, rates=Depends(rates)):  # noqa: B008  as users write it
        return [price * rate async for rate in rates]

    flow = Flow(priced, values={"price": 10})

    assert run(flow.acompute, "priced") == [20, 30]
