"""When nobody holds a tweak any more, the memos that read it are taken out: all of them, and with little work for each."""

from __future__ import annotations

from itertools import count
from weakref import ref

import pytest
from support.calls import list_calls

import dug
from dug._core.facts.memo import DEAD
from dug.testing import EventLog

MANY = 200
VALUES = count(1)


class Value(float):
    """A number that is noticed when it is freed, and that may refuse to be added up."""

    fails = False

    def __add__(self, other):
        if Value.fails:
            raise ValueError("no sum")
        return Value(float(self) + other)


@dug.source
def spot():
    """Return an input that all prices read."""
    return 1.0


@dug.source
def rate():
    """Return another input."""
    return 0.5


@dug.source
def lot(x):
    """Return an input of one trade, which changes when values refuse to be added up."""
    return float(x) + Value.fails


@dug.memoize
def price(x):
    """Return the value of a trade."""
    return spot() + lot(x)


@dug.memoize
def yields(x):
    """Return a value that depends on two inputs."""
    return price(x) * rate()


def make_local():
    """Return a source, and a function that reads it, which no name leads to."""

    @dug.source
    def local_spot():
        return 1.0

    @dug.memoize
    def local_price(x):
        return local_spot() + lot(x)

    return local_spot, local_price


@pytest.fixture(params=["named", "local"])
def pair(request):
    """A source, and a function that reads it."""
    return (spot, price) if request.param == "named" else make_local()


@pytest.fixture
def ctx():
    """A context that stays open."""
    with dug.Context() as ctx:
        yield ctx


def test_a_released_memo_costs_no_call(ctx, pair):
    """However many memos a scenario leaves, releasing them calls as many functions as releasing one does."""
    source, fn = pair
    calls = []
    for number in (1, MANY):
        for x in range(number):
            fn(x)
        with dug.Context({source.node(): next(VALUES)}):
            for x in range(number):
                fn(x)
        before = ctx.cache._count
        calls.append(list_calls(ctx.cache.group.drain))
        assert before - ctx.cache._count >= number
    assert len(calls[1]) == len(calls[0])


def test_each_of_several_memos_of_a_node_goes_with_its_tweak(ctx, pair):
    """A node that was asked for under two tweaks keeps the memo of the one that is held."""
    source, fn = pair
    fn(1)
    known, held = len(ctx.cache), dug.Context({source.node(): 5.0})
    with held:
        fn(1)
    with dug.Context({source.node(): 7.0}):
        fn(1)
        assert len(ctx.cache) == known + 2
    assert len(ctx.cache) == known + 1

    with EventLog(ctx) as log, held:
        assert fn(1) == 6.0
    assert not log.computed


def test_a_memo_that_read_two_tweaks_goes_with_either(ctx):
    """It is taken out once, and nothing leads to it afterwards."""
    yields(1)
    known = len(ctx.cache)
    with dug.Context({spot.node(): 5.0}):
        price(1)
        between = len(ctx.cache)
        with dug.Context({rate.node(): 2.0}):
            yields(1)
            assert len(ctx.cache) == between + 1
        assert len(ctx.cache) == between
        assert sum(map(len, ctx.cache._read.values())) == between - known
    assert len(ctx.cache) == known
    assert not ctx.cache._read


def test_a_released_memo_is_marked_and_freed(ctx, pair):
    """Whoever still has it sees that it is out of force; nothing else keeps its value."""
    source, fn = pair
    fn(1)
    with dug.Context({source.node(): Value(5.0)}):
        value = ref(fn(1))
        memo = ctx.cache.find_home(fn.node(1)._key).variants
    assert len(ctx.cache) == 3
    assert memo.status == DEAD
    del memo
    assert value() is None


def test_an_older_memo_goes_with_a_failure_under_the_same_tweak(ctx, pair, monkeypatch):
    """What waited to be verified is freed, though the node has another memo that read the tweak."""
    source, fn = pair
    with dug.Context({source.node(): Value(5.0)}):
        value = ref(fn(1))
        ctx.invalidate(lot)
        monkeypatch.setattr(Value, "fails", True)
        with pytest.raises(ValueError, match="no sum"):
            fn(1)
    assert len(ctx.cache) == 1
    assert value() is None


@pytest.mark.parametrize("is_own", [False, True], ids=["read", "own"])
def test_a_memo_of_a_tweak_that_is_held_stays(ctx, pair, is_own):
    """It came after a memo whose tweak is gone now, and which an invalidation, of what it read or of itself, had taken out."""
    source, fn = pair

    @dug.memoize
    def reader():
        return fn(1)

    held = dug.Context({source.node(): 7.0})
    with dug.Context({source.node(): 5.0}):
        reader()  # so that the node stays
        ctx.invalidate(fn if is_own else lot)
        with held:
            fn(1)
    assert len(ctx.cache) == 2

    with EventLog(ctx) as log, held:
        assert fn(1) == 8.0
    assert not log.computed


def test_what_waits_to_be_verified_goes_with_its_tweak(ctx, pair):
    """The memo of a tweak that an invalidation took out of force is not kept for a verification that nobody can ask for."""
    source, fn = pair
    with dug.Context({source.node(): 5.0}):
        fn(1)
        ctx.invalidate(lot)
        assert len(ctx.cache) == 0
    assert len(ctx.cache) == 0
    assert not ctx.cache.list_homes()


def test_a_node_that_only_a_tweak_made_goes_with_it(ctx, pair):
    """Nothing is left of a node that has no other memo."""
    source, fn = pair
    with dug.Context({source.node(): 5.0}):
        fn(1)
        assert len(ctx.cache) == 2
    assert len(ctx.cache) == 1
    assert [key for key, _ in ctx.cache.list_homes()] == [lot.node(1)._key]


def test_a_value_is_at_hand_again_when_the_node_was_forgotten():
    """The last memo of a node goes with its tweak, and the node with it; the value of another tweak is noted at the new one."""

    @dug.memoize
    def f():
        return 1

    @dug.memoize
    def g():
        return f() + 1

    with dug.Context(cache=dug.Cache()) as ctx:
        valued = dug.Context({g.node(): 50})
        with valued:
            assert g() == 50
        with dug.Context({f.node(): 2}):
            assert g() == 3
        len(ctx.cache)
        assert ctx.cache.find_home(g.node()._key) is None
        with valued:
            assert g() == 50
            assert ctx.cache.find_home(g.node()._key).here.value == 50
