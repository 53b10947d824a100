"""What a type checker must refuse as a tweak: a value of another type, and a key that is neither a node nor a function."""

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
async def quote(ticker: str) -> float:
    """Is awaited."""
    return 100.0


def stressed(ticker: str) -> float:
    """Is not memoised."""
    return 1.0


node = spot.node("A")

dug.Context({node: "x"})  # E: arg-type
dug.Context({node: None})  # E: arg-type
dug.Context({rating.node("A"): 1.0})  # E: arg-type
dug.Context(tweaks={quote.node("A"): "x"})  # E: arg-type
dug.Context({node: 1.0, spot.node("B"): "x"})  # E: arg-type
dug.Context({spot.node(ticker): "x" for ticker in "AB"})  # E: arg-type
dug.Context({"spot": 1.0})  # E: arg-type
dug.Context({"spot": dug.shift(1.0)})  # E: arg-type
dug.Context({stressed: dug.shift(1.0)})  # E: arg-type
dug.Context({spot("A"): 1.0})  # E: arg-type
dug.Context(5)  # E: call-overload
dug.Context([node])  # E: call-overload
dug.Scenario({node: "x"}, name="crash")  # E: arg-type
dug.Scenario({"spot": 1.0})  # E: arg-type

with dug.Context() as ctx:
    ctx.tweak({node: "x"})  # E: arg-type
    ctx.tweak({"spot": 1.0})  # E: arg-type
    ctx.tweak("spot", 1.0)  # E: call-overload
    ctx.tweak(spot, 1.0)  # E: call-overload
    ctx.untweak("spot")  # E: arg-type
    ctx.invalidate(stressed)  # E: arg-type
