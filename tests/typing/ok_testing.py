"""The testing tools keep the types of what they are given."""

from typing import assert_type

from hypothesis import given
from hypothesis import strategies as st

import dug
from dug.testing import EventLog, assert_pure, assert_transparent, isolated, tweaks_for


@dug.memoize
def spot(ticker: str) -> float:
    """Is memoised."""
    return 100.0


@given(scenario=tweaks_for(spot.node("A"), {spot: st.floats(1, 200)}))
@isolated()
def check(scenario: dug.Scenario) -> None:
    """Is a property."""
    assert_transparent(spot.node("A"), tweaks=scenario, eq=lambda one, two: one == two)
    assert_pure(spot.node("A"))


@isolated()
def priced(ticker: str, *, times: int = 1) -> float:
    """Keeps its parameters under the decorator."""
    return times * spot(ticker)


assert_type(priced("A", times=2), float)
assert_type(tweaks_for(spot.node("A"), {}), st.SearchStrategy[dug.Scenario])

with dug.Context() as ctx, EventLog(ctx) as log:
    assert_type(log.count(spot), int)
    assert_type(log.count(spot.node("A")), int)
