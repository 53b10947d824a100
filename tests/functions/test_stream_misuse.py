"""What a user types who takes a stream for something else: each error names the stream, and says what to type."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import pytest

import dug
from dug import streams


@pytest.fixture
def ticks():
    """A memoised async generator."""

    @dug.memoize(name="desk:ticks")
    async def ticks(symbol):
        for number in range(len(symbol)):
            yield number

    return ticks


@pytest.fixture
def lines():
    """A memoised generator."""

    @dug.memoize(name="desk:lines")
    def lines(name):
        yield from name

    return lines


async def _await(thing):
    await thing


async def _enter_async(thing):
    async with thing:
        pass


async def _loop(thing):
    for _ in thing:
        pass


async def _index(thing):
    thing[3]


async def _enter(thing):
    with thing:
        pass


ADVICE = {
    _await: '"await stream.list()" or "await stream.first()"',
    _loop: '"async for item in stream:"',
    _index: '"await stream.seek(0)"',
    _enter: '"async with stream.open() as reader:"',
    _enter_async: '"async with stream.open() as reader:"',
}


@pytest.mark.parametrize("act", ADVICE)
def test_what_is_typed_wrongly_of_a_stream_names_it_and_what_to_type(run, ticks, act):
    """To await, index, enter, or iterate over a stream without a loop says which stream it is and what to type instead."""

    async def main():
        with dug.Context():
            with pytest.raises(TypeError) as caught:
                await act(ticks("AAPL"))
            assert str(caught.value).startswith("desk:ticks('AAPL') is a stream, ")
            assert ADVICE[act] in str(caught.value)

    run(main)


SYNC_ADVICE = {
    _await: '"for item in stream:", "stream.list()" or "stream.first()"',
    _index: '"stream.seek(0)" for one item, or "stream.list()"',
    _enter: '"with stream.open() as reader:"',
    _enter_async: '"with stream.open() as reader:"',
}


@pytest.mark.parametrize("act", SYNC_ADVICE)
def test_what_is_typed_wrongly_of_a_synchronous_stream_names_it_and_what_to_type(run, lines, act):
    """A stream that is read without await says of itself what to type as well."""

    async def main():
        with dug.Context():
            with pytest.raises(TypeError, match=r"^desk:lines\('ab'\) is a stream") as caught:
                await act(lines("ab"))
            assert SYNC_ADVICE[act] in str(caught.value)

    run(main)


@pytest.mark.parametrize("act", [_loop, _index, _enter])
@pytest.mark.parametrize("make", [lambda stream: stream.open(), lambda stream: streams.take(stream, 2)])
def test_what_is_typed_wrongly_of_a_reader_says_what_to_type(run, ticks, act, make):
    """A reader, and what an operator gives, says that it is read on a loop."""

    async def main():
        with dug.Context():
            async with make(ticks("AAPL")) as reader:
                with pytest.raises(TypeError, match=r"ticks.*async (for item in reader|with)"):
                    await act(reader)

    run(main)


def test_a_stream_is_no_iterable_and_no_value_to_be_awaited_by_dug(run, ticks):
    """A function may return a stream, awaited or not, and nobody takes it for a container."""

    @dug.memoize
    async def chosen():
        return ticks("AAPL")

    async def main():
        with dug.Context():
            stream = await chosen()
            assert not isinstance(stream, Iterable)
            assert await stream.list() == [0, 1, 2, 3]
            with dug.Context({chosen: lambda: ticks("A")}):
                assert await (await chosen()).list() == [0]
            assert await streams.map(lambda _: ticks("AB"), ticks("A")).__anext__() == ticks("AB")

    run(main)
    assert inspect.isasyncgenfunction(ticks)


def test_a_circle_of_streams_names_the_streams(run):
    """The path of a circle has the nodes of streams, and not what runs for them."""

    @dug.memoize(name="desk:bids")
    async def bids():
        async for item in asks():
            yield item

    @dug.memoize(name="desk:asks")
    async def asks():
        async for item in bids():
            yield item

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError) as caught:
            await bids().first()
        assert caught.value.path in [
            (bids.node(), asks.node(), bids.node()),
            (asks.node(), bids.node(), asks.node()),
        ]
        assert "pump" not in str(caught.value)

    run(main)


def test_a_circle_of_synchronous_streams_names_the_streams():
    """The path of a circle has the nodes of generators."""

    @dug.memoize(name="desk:ones")
    def ones():
        yield from twos()

    @dug.memoize(name="desk:twos")
    def twos():
        yield from ones()

    with dug.Context(), pytest.raises(dug.CycleError) as caught:
        ones().first()

    assert {node.function for node in caught.value.path} == {ones, twos}
    assert "pump" not in str(caught.value)
