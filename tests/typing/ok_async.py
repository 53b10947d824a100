"""A coroutine function keeps its parameters, and its result is that of ``await``, also where a node stands for the call."""

from collections.abc import Coroutine, Iterator
from typing import Any, assert_type

from attrs import frozen

import dug
from dug.scenarios import grid


@dug.memoize
async def quote(ticker: str, *, currency: str = "USD") -> float:
    """Is awaited."""
    return 100.0


@dug.memoize(typed=True)
async def name(ticker: str) -> str:
    """Is decorated with an option."""
    return f"{ticker} at {await quote(ticker)}"


@dug.source
async def feed() -> bytes:
    """Is a source."""
    return b""


@dug.memoize
def rate() -> int:
    """Is not awaited."""
    return 1


@frozen
class Trade:
    ticker: str

    @dug.memoize
    async def value(self, scale: float = 1.0) -> float:
        return scale * await quote(self.ticker)

    @dug.memoize
    @classmethod
    async def load(cls, ticker: str) -> "Trade":
        return cls(ticker)

    @dug.memoize
    @staticmethod
    async def fee(quantity: float) -> int:
        return 1


async def offline(ticker: str) -> float:
    """Replaces a coroutine function."""
    return 1.0


def generate() -> Iterator[dug.Scenario]:
    """Makes scenarios."""
    yield dug.Scenario({quote: dug.shift(1.0)})


trade = Trade("A")
node = quote.node("A", currency="EUR")
# pyright has a subclass of Coroutine here, which mypy does not know
assert_type(node, dug.Node[Coroutine[Any, Any, float]])  # pyright: ignore[reportAssertTypeFailure]
assert_type(trade.value.node(2.0), dug.Node[Coroutine[Any, Any, float]])  # pyright: ignore[reportAssertTypeFailure]
assert_type(Trade.load.node("A"), dug.Node[Coroutine[Any, Any, Trade]])  # pyright: ignore[reportAssertTypeFailure]


async def ask() -> None:
    """Awaits calls, nodes and what a context runs."""
    with dug.Context({node: 1.0, quote: offline, quote.node("B"): dug.shift(1.0)}) as ctx:
        assert_type(await quote("A", currency="EUR"), float)
        assert_type(await name("A"), str)
        assert_type(await feed(), bytes)
        assert_type(await node(), float)
        assert_type(await ctx.run(quote, "A"), float)
        assert_type(await ctx.run(node), float)
        assert_type(await trade.value(scale=2.0), float)
        assert_type(await Trade.value(trade), float)
        assert_type(await Trade.load("A"), Trade)
        assert_type(await trade.fee(1.0), int)
        assert_type(ctx[node], float)
        assert_type(ctx[Trade.load.node("A")], Trade)
        assert_type(ctx[rate.node()], int)
        assert_type(ctx.memo(node).value, Any)


async def sweep() -> None:
    """Awaits sweeps, and iterates over them."""
    with dug.Context():
        async for result in dug.sweep(node, [{node: 1.0}, {node: dug.shift(1.0)}], limit=10, progress=True):
            assert_type(result.value, float)
            assert_type(result[node], float)
            assert_type(result[rate.node()], int)
        results = await dug.sweep(node, generate())
        assert_type(results.base.value, float)
        assert_type(results.to_dict(), dict[Any, Any])
        assert_type([one.value for one in results], list[float])
        assert_type(results.diff()["up"].value, Any)
        assert_type((await dug.sweep([node, trade.value.node()], grid({node: [1.0]})))["up"].value, tuple[float, ...])
        named = await dug.sweep({"a": node}, {"up": {node: 1.0}})  # of which pyright says Any: two overloads match
        assert_type(named.base.value, dict[str, float])  # pyright: ignore[reportAssertTypeFailure]
        mixed = await dug.sweep([node, rate.node()], generate(), limit=10)
        assert_type(mixed.base[node], float)
        assert_type(mixed.base[rate.node()], int)
        labelled = await dug.sweep({"quote": node, "rate": rate.node()}, generate(), limit=10)
        assert_type(labelled.base.value, dict[str, Any])
