"""A node carries the type of its value to a call, a look and a run."""

from typing import assert_type

import dug


@dug.memoize
def spot(ticker: str) -> float:
    """Is memoised."""
    return 100.0


def report(ticker: str, digits: int = 2) -> str:
    """Is a plain function."""
    return f"{spot(ticker):.{digits}f}"


def add_fee(value: float, fee: float) -> float:
    """Is what a bump applies."""
    return value + fee


node = spot.node("A")
scenario = dug.Scenario({node: dug.shift(1.0)}, name="up") | dug.Scenario({spot: dug.bump(add_fee, 0.5)})

with dug.Context(tweaks={node: 101.0}, name="what if") as outer:
    assert_type(outer, dug.Context)
    assert_type(node(), float)
    assert_type(outer[node], float)
    assert_type(outer.run(node), float)
    assert_type(outer.run(report, "A", digits=3), str)
    assert_type(node in outer, bool)
    assert_type(outer.is_masked(node), bool)
    outer.tweak(node, 102.0)
    outer.tweak({node: dug.UNTWEAKED, spot: lambda ticker: 1.0})
    outer.untweak(node)
    outer.invalidate(node, spot)

with dug.Context(scenario, cache=dug.Cache()) as inner, dug.Context(dict.fromkeys([node], 1.0)):
    assert_type(dug.current_context(), dug.Context)
    assert_type(len(inner.cache), int)

assert_type(scenario, dug.Scenario)
assert_type(str(node), str)
dug.Node.parse("pricing:spot('A')")
sorted([node, spot.node("B")])
