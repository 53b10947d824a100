"""Older memos that wait to be verified: those of one node under different tweaks wait side by side."""

from __future__ import annotations

import gc
from itertools import permutations
from weakref import ref

import pytest

import dug
from dug._core.state import stale
from dug.testing import EventLog


class Sum(float):
    """A number that can be referred to weakly."""


@dug.source
def price():
    """Return a price."""
    return 10.0


@dug.source
def rate():
    """Return a rate."""
    return 2


@dug.memoize
def value():
    """Return the price as a whole number."""
    return round(price())


@dug.memoize(eq=lambda old, new: old is new)
def total():
    """Return what was sold, at the rate."""
    return Sum(value() * rate())


@dug.memoize
def shown(text):
    """Return the total with a text."""
    return f"{text} {total()}"


@pytest.fixture
def ctx():
    """A context with a cache of its own."""
    with dug.Context(cache=dug.Cache()) as ctx:
        yield ctx


def list_waiting(ctx, node):
    """Return the memos of a node that wait beside its newest."""
    home = ctx.cache.find_home(node._key)
    return [] if home is None else home.waiting or []


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_each_scenario_verifies_what_it_had(ctx, order):
    """After an invalidation that changed nothing, nothing above runs in any of the scenarios that were asked before."""
    scenarios = [dug.Context(), dug.Context({rate.node(): 3}), dug.Context({rate.node(): 4})]
    for scenario in scenarios:
        with scenario:
            shown("now")
    for _ in range(2):
        ctx.invalidate(price.node())
        with EventLog(ctx) as log:
            for number in order:
                with scenarios[number]:
                    assert shown("now") == f"now {10.0 * (2, 3, 4)[number]}"
        assert log.computed == [price.node()]


def test_a_change_runs_what_it_concerns_in_each_scenario(ctx):
    """What waits holds in no scenario when what it read has another value."""
    scenario = dug.Context({rate.node(): 3})
    asked = []
    for given in (10, 20):
        with dug.Context({price.node(): float(given)}) as changed:
            asked.append(total())
            with scenario:
                asked.append(total())
        changed.invalidate(value.node())
        with changed, EventLog(ctx) as log:
            asked.append(total())
            with scenario:
                asked.append(total())
        assert log.computed == [value.node()]

    assert asked == [20, 30, 20, 30, 40, 60, 40, 60]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=str)
def test_what_is_invalidated_itself_runs_in_each_scenario(ctx, order):
    """No older memo of a node that was invalidated itself waits under any tweaks."""
    scenarios = [dug.Context(), dug.Context({rate.node(): 3})]
    for scenario in scenarios:
        with scenario:
            total()
    ctx.invalidate(price.node())
    ctx.invalidate(total.node())
    with EventLog(ctx) as log:
        for number in order:
            with scenarios[number]:
                total()

    assert log.computed.count(total.node()) == 2
    assert not list_waiting(ctx, total.node())


def test_what_waits_leaves_the_newest_its_place():
    """Where an older memo was taken out, one that is in force is verified still, in a scenario that it does not match."""

    @dug.source
    def is_listed():
        return False

    @dug.memoize
    def estimate():
        return 1

    @dug.memoize
    def quote():
        return 1

    @dug.memoize
    def worth():
        return quote() if is_listed() else estimate()

    with dug.Context(cache=dug.Cache()) as ctx:
        with dug.Context() as kept:
            worth()
        ctx.tweak({is_listed.node(): True})
        worth()
        ctx.tweak({quote.node(): 1})
        kept.invalidate(estimate.node())
        with EventLog(ctx) as log:
            worth()

    assert not log.computed


def test_what_answered_last_is_verified():
    """A memo that was found again is verified before those that were computed after it, where it does not match."""

    @dug.source
    def quote():
        return 1.0

    @dug.memoize
    def worth():
        return quote() + 1

    with dug.Context(cache=dug.Cache()) as ctx:
        scenarios = [dug.Context({quote.node(): given}) for given in (2.0, 3.0)]
        for scenario in (*scenarios, scenarios[0]):
            with scenario:
                worth()
        with dug.Context({quote: lambda: 2.0}), EventLog(ctx) as log:
            worth()

    assert worth.node() not in log.computed


def test_a_layer_verifies_what_waits_beneath():
    """A context with a cache of its own takes over what waits in the cache beneath, for the tweaks that it has."""
    with dug.Context(cache=dug.Cache()) as base:
        scenario = dug.Context({rate.node(): 3})
        total()
        with scenario:
            total()
        base.invalidate(price.node())
        with dug.Context(cache=dug.Cache()), EventLog(base) as log:
            assert total() == 20
            with dug.Context(scenario.tweaks):
                assert total() == 30

    assert total.node() not in log.computed


def test_the_newest_of_the_same_tweaks_waits(ctx):
    """Of memos that met the same tweaks the older one waits no more."""
    with dug.Context({rate.node(): 3}) as scenario:
        total()
    total()
    for price_now in (11.0, 12.0):
        ctx.invalidate(price.node())
        with dug.Context({price.node(): price_now}):
            total()
            with scenario:
                total()
    ctx.invalidate(price.node())
    total()
    memos = [memo.restriction for memo in list_waiting(ctx, total.node())]

    assert len(set(memos)) == len(memos)


def test_a_tweak_that_is_gone_takes_along_what_waits(ctx):
    """The value of a scenario that waits is freed when nobody can tell the scenario any more."""
    scenario = dug.Context({rate.node(): 3})
    with scenario:
        kept = ref(total())
    total()
    ctx.invalidate(price.node())
    total()
    ctx.invalidate(price.node())
    with EventLog(ctx) as log:
        total()
    assert kept() is not None
    del scenario
    gc.collect()
    shown("later")

    assert total.node() not in log.computed
    assert kept() is None
    assert not list_waiting(ctx, total.node())


@dug.memoize
def keeper(x):
    """Return an object that leads to whatever is put into it."""
    return price() and [Holder(x * rate())]


class Holder:
    """An object that leads to others."""

    def __init__(self, number):
        self.number, self.other = number, None


def test_the_garbage_collector_sees_what_waits():
    """A circle from what waits to its cache is freed, and what waits in a cache that is in use is not."""
    with dug.Context(cache=dug.Cache()) as ctx:
        scenario = dug.Context({rate.node(): 3})
        holder = keeper(1)[0]
        with scenario:
            keeper(1)
        ctx.invalidate(price.node())
        holder.other, kept = (ctx, scenario, ctx.cache), ref(holder)
        assert [memo.value for memo in list_waiting(ctx, keeper.node(1))] == [[holder]]
        del holder
        gc.collect()
        with EventLog(ctx) as log:
            assert keeper(1)[0] is kept()
        assert keeper.node(1) not in log.computed
        with scenario:
            keeper(1)
        ctx.invalidate(price.node())
        assert list_waiting(ctx, keeper.node(1))[0].value[0] is kept()
    del ctx, scenario, log
    gc.collect()

    assert kept() is None


def test_the_number_of_those_that_wait_is_bounded(monkeypatch, ctx):
    """Memos of one node that wait under many tweaks count each."""
    monkeypatch.setattr(stale, "LEAST", 10)
    ctx.cache.stale.clear()
    scenarios = [dug.Context({rate.node(): number}) for number in range(40)]
    most = 0
    for scenario in scenarios:
        with scenario:
            total()
        ctx.invalidate(price.node())
        most = max(most, len(list_waiting(ctx, total.node())))

    assert 0 < most <= 20
