"""A decorated function keeps its own parameters and result, in a call and in `.node`."""

from typing import Any, assert_type

import dug


@dug.memoize
def spot(ticker: str, *, currency: str = "USD") -> float:
    """Has a parameter that goes by keyword only."""
    return 100.0


@dug.memoize()
def discount(years: float) -> float:
    """Is decorated with brackets and no option."""
    return 0.95


@dug.memoize(typed=True, eq=lambda one, two: one is two, version=2, digest=lambda value: f"{value:.4f}")
def forward(ticker: str, years: float = 1.0) -> float:
    """Is decorated with options, and has a default."""
    return spot(ticker) / discount(years)


@dug.memoize(key={"weights": tuple}, ignore=("label",), name="basket", ignore_globals=("spot",))
def basket(weights: list[float], label: str = "") -> float:
    """Has a key, and an argument and a global that are ignored."""
    return sum(weights) + 0 * spot("A")


@dug.source
def clock() -> int:
    """Is a source."""
    return 0


@dug.source(name="feed", digest=bytes)
def feed(ticker: str) -> bytes:
    """Is a source with an option."""
    return b""


@dug.memoize
def names(*tickers: str, **options: bool) -> list[str]:
    """Takes any number of arguments."""
    return list(tickers)


@dug.memoize
def anything(ticker: str) -> Any:
    """Gives anything, and is not taken for one that streams."""
    return ticker


with dug.Context() as ctx:
    assert_type(spot("A"), float)
    assert_type(spot("A", currency="EUR"), float)
    assert_type(discount(1.0), float)
    assert_type(forward("A"), float)
    assert_type(basket([1.0], label="x"), float)
    assert_type(clock(), int)
    assert_type(feed("A"), bytes)
    assert_type(names("A", "B", short=True), list[str])

assert_type(spot.node("A", currency="EUR"), dug.Node[float])
assert_type(forward.node("A", years=2.0), dug.Node[float])
assert_type(basket.node([1.0]), dug.Node[float])
assert_type(clock.node(), dug.Node[int])
assert_type(anything.node("A"), dug.Node[Any])
assert_type(names.node("A", short=True), dug.Node[list[str]])
