"""The check of a cache group: called before each outermost call, hits included, and nowhere else."""

from __future__ import annotations

import asyncio
import threading

import pytest

import dug
from dug._batch.call_site import single_outer_call
from dug._core.read import current, entries_in_force
from dug.executors.threads import ContextThreadPoolExecutor


@dug.source
def quote(number):
    """Reads the outside."""
    OUTSIDE["runs"] += 1
    return OUTSIDE["value"] * number


@dug.memoize
def price(number):
    """Reads the source twice."""
    return quote(number) + quote(number)


@dug.memoize
async def later(number):
    """Awaits nothing, and reads the source."""
    return price(number)


OUTSIDE = {"value": 1.0, "runs": 0}


@pytest.fixture(autouse=True)
def _outside():
    """Put the outside back."""
    OUTSIDE.update(value=1.0, runs=0)
    yield
    OUTSIDE.update(value=1.0, runs=0)


def begin_checking(group, check):
    """Have a group call `check` from now on, as a source does when it runs first."""
    group.check = check
    group.doubt(quote._self_function, lambda function: None)


@pytest.fixture
def asked():
    """The frames that were checked, in a context that is in force."""
    frames = []
    with dug.Context() as ctx:
        price(1)
        begin_checking(ctx.cache.group, frames.append)
        yield frames


def test_each_outermost_call_is_checked(asked):
    """A hit, a miss and a call of an argument without a memo are each checked once, whatever they read."""
    entry = current.get()
    price(1)
    price(2)
    price(1)

    assert asked == [entry] * 3


def test_calls_inside_a_node_are_not_checked(asked):
    """What a body asks for belongs to the outermost call around it."""

    @dug.memoize
    def total():
        with dug.Context({quote.node(1): 5.0}):
            return price(1) + price(2)

    total()

    assert len(asked) == 1


def test_a_hit_inside_a_node_does_not_come_to_the_engine(asked):
    """The frame of a run looks into the table at once, as in every group."""
    seen = []

    @dug.memoize
    def look():
        seen.append(current.get().homes)

    look()

    assert seen == [current.get().view.cache.quick]
    assert len(asked) == 1


def test_what_a_check_forgets_runs_in_the_same_call():
    """A call gives the value of the outside as the check has just found it."""
    with dug.Context() as ctx:
        assert price(1) == 2.0
        begin_checking(ctx.cache.group, lambda frame: frame.context.invalidate(quote))
        OUTSIDE["value"] = 3.0

        assert price(1) == 6.0
        assert OUTSIDE["runs"] == 2


def test_contexts_that_are_open_are_checked_too(asked):
    """Contexts around, inside and in other threads come to the check that was set after they were entered."""
    inner = dug.Context({quote.node(2): 1.0})
    began, may_go_on, values = threading.Event(), threading.Event(), []
    ctx = next(entries_in_force()).context

    def ask():
        with ctx, inner:
            values.append(price(1))
            began.set()
            may_go_on.wait(10)
            values.append(price(1))

    ctx.cache.group.check = None
    thread = threading.Thread(target=ask)
    thread.start()
    began.wait(10)
    with inner, inner:
        price(1)
        begin_checking(ctx.cache.group, asked.append)
        price(1)
        may_go_on.set()
        thread.join()

    assert len(asked) == 2
    assert values == [2.0, 2.0]


def test_other_groups_are_not_concerned(asked):
    """A context with a cache of its own, not over the checked one, is not checked."""

    def ask():
        with dug.Context():
            price(1)
            price(1)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()

    assert asked == []


def test_a_layered_cache_is_checked(asked):
    """A cache over another is in its group."""
    with dug.Context(cache=dug.Cache()):
        price(1)

    assert len(asked) == 1


def test_a_default_context_is_checked():
    """A call without a ``with`` comes to the check of the active context."""
    asked, ctx = [], dug.Context()
    ctx.activate()
    try:
        price(1)
        begin_checking(ctx.cache.group, asked.append)
        price(1)
        price(1)
    finally:
        ctx.deactivate()

    assert len(asked) == 2


def test_local_functions_and_methods_are_checked(asked):
    """Each way to call a node is checked: a local function, a method, a node."""

    class Desk:
        __hash__ = object.__hash__  # one desk is not another

        @dug.memoize
        def value(self):
            return price(1)

    @dug.memoize
    def local():
        return price(1)

    desk = Desk()
    for call in (local, desk.value, price.node(1)) * 2:
        call()

    assert len(asked) == 6


def test_coroutine_functions_are_checked(asked):
    """Each outermost await is checked, a hit as well."""

    async def main():
        await later(1)
        await later(1)
        await asyncio.gather(later(1), later(2))

    asyncio.run(main())

    assert len(asked) == 4


def test_calls_in_threads_are_checked(asked):
    """A call in a thread that carries the context is an outermost call of its own."""
    with ContextThreadPoolExecutor(2) as pool:
        list(pool.map(price, [1, 1, 2]))

    assert len(asked) == 3


def test_a_sweep_is_checked_once_for_each_scenario(asked):
    """A scenario is one outermost call for all of its targets."""
    list(dug.sweep([price.node(1), quote.node(1), price.node(2)], [{}, {quote.node(1): 5.0}]))

    assert len(asked) == 2


def test_an_awaited_sweep_is_checked_once_for_each_scenario(asked):
    """Each scenario of a sweep over coroutine functions is one outermost call, and so is the base."""

    async def main():
        await dug.sweep([later.node(1), later.node(2)], [{}, {quote.node(1): 5.0}])

    asyncio.run(main())

    assert len(asked) == 3


def test_a_batch_is_checked_once(asked):
    """All nodes of ``run_all`` are one outermost call."""
    next(entries_in_force()).context.run_all([price.node(number) for number in range(5)])

    assert len(asked) == 1


def test_a_single_outer_call_inside_a_node_is_not_checked(asked):
    """A sweep that a body makes is a part of the body's call."""

    @dug.memoize
    def total():
        with single_outer_call():
            return sum(result.value for result in dug.sweep(price.node(1), [{}, {quote.node(1): 5.0}]))

    total()

    assert len(asked) == 1


def test_looks_are_not_checked(asked):
    """To look runs nothing and changes nothing."""
    ctx = next(entries_in_force()).context
    assert price.node(1) in ctx
    ctx.states(), ctx.explain(price.node(1)), ctx[price.node(1)]

    assert asked == []


def test_a_group_without_a_check_answers_at_once():
    """Where there is no check, calls look into the table of the cache."""
    with dug.Context() as ctx:
        price(1)

        assert ctx.cache.group.check is None
        assert current.get().homes is ctx.cache.quick


def test_listeners_hear_hits_under_a_check(asked):
    """A hit is told to those who hear hits, as without a check."""
    heard = []
    with next(entries_in_force()).context.listen(lambda event: heard.append(event.kind), kinds="hit"):
        price(1)
        price(1)

    assert heard == ["hit", "hit"]
    assert len(asked) == 2
