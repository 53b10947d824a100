"""How to test functions that are memoised: an option on a binomial tree, and what must hold of it.

Run it with ``pytest examples/test_pricing.py``; the fixture ``dug_context`` comes with dug's pytest plugin. In a project of
your own the functions would be in a module beside this one.
"""

from math import exp, sqrt
from pathlib import Path

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

import dug
from dug.live import Live
from dug.stores import Store
from dug.testing import Clock, EventLog, assert_pure, assert_transparent, check_store, isolated, tweaks_for

STEPS = 12


@dug.memoize
def spot(ticker: str) -> float:
    """What a share costs today."""
    return {"AAPL": 190.0, "MSFT": 410.0}[ticker]


@dug.memoize
def volatility(ticker: str) -> float:
    """How much the share moves in a year, as a fraction of its price."""
    return {"AAPL": 0.28, "MSFT": 0.25}[ticker]


@dug.memoize
def rate() -> float:
    """What money earns in a year."""
    return 0.04


@frozen
class Option:
    """The right to buy (or, as a put, to sell) a share at a price on a day; an American one on any day before, too."""

    ticker: str
    strike: float
    years: float
    is_call: bool = True
    is_american: bool = False

    @dug.memoize
    def value(self) -> float:
        """What the option is worth today."""
        return self.value_at(0, 0)

    @dug.memoize
    def value_at(self, step: int, ups: int) -> float:
        """What it is worth after some steps, of which some went up: each of the 91 places of the tree is one node."""
        move = exp(volatility(self.ticker) * sqrt(self.years / STEPS))
        exercised = self.payoff(spot(self.ticker) * move ** (2 * ups - step))
        if step == STEPS:
            return exercised
        growth = exp(rate() * self.years / STEPS)
        chance = (growth - 1 / move) / (move - 1 / move)
        held = (chance * self.value_at(step + 1, ups + 1) + (1 - chance) * self.value_at(step + 1, ups)) / growth
        return max(held, exercised) if self.is_american else held

    def payoff(self, share: float) -> float:
        """What exercising it gives when the share costs this much."""
        return max(share - self.strike if self.is_call else self.strike - share, 0.0)


CALL = Option("AAPL", 200.0, 1.0)
PUT = Option("AAPL", 200.0, 1.0, is_call=False)
AMERICAN_PUT = Option("AAPL", 200.0, 1.0, is_call=False, is_american=True)

# Each market moves some of the inputs, and leaves the others. Naming the function means: all of its nodes that the put reads.
MARKETS = tweaks_for(
    AMERICAN_PUT.value.node(),
    {spot: st.floats(50, 500), volatility: st.floats(0.1, 1.0), rate.node(): st.floats(0.0, 0.1)},
)


def test_a_call_less_a_put_is_the_forward(dug_context: dug.Context) -> None:
    """Put-call parity, at the interest of today and at a higher one."""
    for tweak in (dug.UNTWEAKED, 0.09):
        dug_context.tweak(rate.node(), tweak)

        assert CALL.value() - PUT.value() == pytest.approx(spot("AAPL") - 200.0 * exp(-rate()))


def test_a_tree_has_one_node_for_each_place(dug_context: dug.Context) -> None:
    """Paths that meet share their value: 91 places, where 4,096 paths lead through the tree."""
    with EventLog(dug_context) as log:
        CALL.value()

    assert log.count(Option.value_at) == 91


@pytest.mark.usefixtures("dug_context")
def test_another_share_costs_nothing() -> None:
    """A what-if on a share that the option does not depend on runs nothing."""
    CALL.value()
    with dug.Context(tweaks={spot.node("MSFT"): 300.0}) as scenario, EventLog(scenario) as log:
        CALL.value()

    assert log.computed == []


@pytest.mark.parametrize("option", [CALL, PUT, AMERICAN_PUT])
def test_a_value_is_pure(option: Option) -> None:
    """Twice from scratch is twice the same, and nothing that was read is changed."""
    assert_pure(option.value.node())


@given(MARKETS)
@settings(max_examples=10)
@isolated()
def test_the_cache_changes_no_value(market: dug.Scenario) -> None:
    """In any market, dug gives what the plain functions give."""
    assert_transparent(AMERICAN_PUT.value.node(), tweaks=market)


@given(MARKETS)
@settings(max_examples=25)
@isolated()
def test_a_right_is_worth_something(market: dug.Scenario) -> None:
    """The American put is worth at least the European one, and at least what exercising it now gives."""
    with dug.Context(market):
        assert AMERICAN_PUT.value() >= PUT.value() - 1e-9
        assert AMERICAN_PUT.value() >= AMERICAN_PUT.payoff(spot("AAPL"))


@given(MARKETS, st.floats(0.01, 20.0))
@settings(max_examples=25)
@isolated()
def test_a_dearer_share_makes_a_dearer_call(market: dug.Scenario, step: float) -> None:
    """A shift acts on whatever the market says, tweaked or not."""
    with dug.Context(market):
        before = CALL.value()
        with dug.Context(tweaks={spot: dug.shift(step)}):
            assert CALL.value() >= before - 1e-9


def test_a_live_value_is_shown_once_a_second() -> None:
    """The last quote of a burst is shown when its second is over; the clock stands still until the test lets it go on."""
    clock = Clock()
    live = Live({spot.node("AAPL"): 190.0}, clock=clock)
    live.output(CALL.value.node(), every=1.0)
    assert [update.tick for update in live.step()] == [0]

    for quote in (191.0, 192.0):
        live.push(spot.node("AAPL"), quote)
        assert live.step() == []
    clock.advance(1.0)

    assert [update.tick for update in live.step()] == [2]


commission = {"rate": 0.01}


@dug.memoize
def cost(ticker: str) -> float:
    """Reads a setting that dug cannot see: the memo stays when the setting changes."""
    return spot(ticker) * commission["rate"]


@pytest.mark.usefixtures("dug_context")
def test_a_hidden_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the node, what dug remembers and what a run without a cache gives."""
    cost("AAPL")
    monkeypatch.setitem(commission, "rate", 0.02)

    with pytest.raises(AssertionError, match=r"cost\('AAPL'\) is not transparent"):
        assert_transparent(cost.node("AAPL"))


# A store as the desk opens it: what it keeps, and that it serves nothing else, wherever its folder lies.


def test_the_store_of_the_desk_holds_what_it_promises(tmp_path: Path) -> None:
    """Whoever writes a store of his own asks the same of it."""
    check_store(lambda: Store(tmp_path / "desk.store", durable=True))
