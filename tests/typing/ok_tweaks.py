"""A dict of tweaks has values that its nodes can have, bumps, and functions where its keys are functions."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

import dug


@dug.memoize
def spot(ticker: str) -> float:
    """Gives a number."""
    return 100.0


@dug.memoize
def rating(ticker: str) -> str:
    """Gives a text."""
    return "A"


@dug.memoize
def dividend(ticker: str) -> float | None:
    """Gives a number or nothing."""
    return None


@dug.memoize
def curve() -> list[float]:
    """Gives a list, whose items mypy must not take for those of a literal."""
    return []


@dug.memoize
def fixings() -> Sequence[float]:
    """Gives any sequence."""
    return ()


@dug.memoize
def weights() -> dict[str, float]:
    """Gives a dict."""
    return {}


@dug.memoize
def anything() -> Any:
    """Gives anything."""
    return 1


@dug.memoize
async def quote(ticker: str) -> float:
    """Is awaited."""
    return 100.0


@frozen
class Trade:
    quantity: float

    @dug.memoize
    def value(self, scale: float = 1.0) -> float:
        return self.quantity * scale

    @dug.memoize
    @classmethod
    def make(cls, quantity: float) -> "Trade":
        return cls(quantity)

    @dug.memoize
    @staticmethod
    def fee(quantity: float) -> int:
        return 1


@frozen
class Option(Trade):
    strike: float = 1.0


def stressed(ticker: str) -> float:
    """Replaces a function."""
    return 1.0


async def offline(ticker: str) -> float:
    """Replaces a coroutine function."""
    return 1.0


trade, node, text, awaited = Trade(1.0), spot.node("A"), rating.node("A"), quote.node("A")

# One node, several, and nodes of several types
dug.Context({node: 1.0})
dug.Context({node: 1})
dug.Context({node: dug.shift(1.0)})
dug.Context({node: dug.UNTWEAKED})
dug.Context({node: 1.0, text: "x"})
dug.Context({node: 1.0, Trade.fee.node(1.0): 1})
dug.Context({node: 1.0, anything.node(): "x"})
dug.Context({dividend.node("A"): None})
dug.Context({dividend.node("A"): 1.0, node: 2.0})
dug.Context({anything.node(): "x"})
dug.Context({Trade.make.node(1.0): Option(1.0)})
dug.Context({trade.value.node(): 1.0})
dug.Context({trade.make.node(2.0): trade})
dug.Context({curve.node(): [1]})
dug.Context({curve.node(): []})
dug.Context({curve.node(): [1.0], node: 1.0})
dug.Context({curve.node(): [1], spot: dug.shift(1)})
dug.Context({fixings.node(): [1, 2]})
dug.Context({weights.node(): {"A": 1}})
dug.Context({weights.node(): {}})
dug.Context({spot.node(ticker): 1.0 for ticker in "AB"})
dug.Context({dug.Node.parse("desk:spot()"): 1})

# Functions, alone and beside nodes
dug.Context({spot: lambda ticker: 1.0})
dug.Context({spot: stressed})
dug.Context({spot: dug.bump(max, 1.0)})
dug.Context({node: 1.0, spot: dug.shift(1)})
dug.Context({node: 1.0, spot: stressed, text: dug.UNTWEAKED})
dug.Context({Trade.value: dug.shift(1), trade.value.node(): 1.0, Trade.make: dug.UNTWEAKED, Trade.fee: lambda quantity: 1})
dug.Context({spot: dug.bump(lambda value: value + 1), node: dug.bump(max, 1.0)})

# Coroutine functions
dug.Context({awaited: 1.0})
dug.Context({awaited: dug.shift(1.0)})
dug.Context({quote: offline})
dug.Context({awaited: 1.0, node: 2.0, spot: dug.scale(2)})
dug.Context({awaited: 1.0, quote: offline})
dug.Context({quote.node(ticker): 1.0 for ticker in "AB"})

# Variables, of which a type checker knows less
values = {node: 1.0}
bumps = {node: dug.shift(1)}
functions = {spot: dug.shift(1), rating: dug.UNTWEAKED}
replacements = {spot: stressed, rating: dug.UNTWEAKED}
unlike = {node: 1.0, text: "x"}
both = {node: 1.0, spot: dug.shift(1)}
dug.Context(values)
dug.Context(bumps)
dug.Context(functions)
dug.Context(replacements)
dug.Context(unlike)
dug.Context(both)
dug.Context({**values, spot.node("B"): 2.0})
dug.Context(dict(zip([node], [1.0], strict=True)))
dug.Context(dict.fromkeys([node], 1.0))


def what_if(tweaks: Mapping[Any, Any] | dug.Scenario | None, nodes: Mapping[dug.Node[Any], Any], said: dict[Any, Any]) -> None:
    """Hands on what it is given."""
    with dug.Context(tweaks) as ctx, dug.Context(nodes), dug.Context(said):
        ctx.tweak(said)
        ctx.tweak(values)
        ctx.tweak(both)
        ctx.tweak({node: 1.0, spot: stressed})
        ctx.tweak(dug.Scenario(values, "values"))
        ctx.tweak(spot, stressed)
        ctx.tweak(Trade.make, dug.UNTWEAKED)
        ctx.tweak(awaited, 1.0)
        ctx.invalidate(node, spot, Trade.make, Trade.value)
        ctx.untweak(node, spot)


assert dug.Scenario({node: 1.0, spot: dug.shift(1)}, name="up") | dug.Scenario(values) | {text: "x"}
dug.Scenario()
dug.Scenario({})
dug.Scenario(dug.Scenario(bumps), "again")
dug.Context()
dug.Context(None)
dug.Context({})
