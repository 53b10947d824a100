"""Contexts: entering, leaving, entering again, tweaking, running, and the state after bad input."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.marks import pure_only
from support.sync_points import in_thread

import dug
from dug.testing import EventLog


def test_with_gives_the_context():
    """``with Context() as ctx`` gives the context object, which is then the current one."""
    ctx = dug.Context()
    with ctx as entered:
        current = dug.current_context()

    assert entered is ctx
    assert current is ctx


def test_the_current_context_is_the_innermost():
    """``current_context`` follows entering and leaving."""
    outer, inner = dug.Context(), dug.Context()
    seen = []
    with outer:
        with inner:
            seen.append(dug.current_context())
        seen.append(dug.current_context())

    assert seen == [inner, outer]


def test_there_is_no_current_context_by_default():
    """Nothing is ever active by default."""
    try:
        current = dug.current_context()
    except dug.NoContextError:
        current = None

    assert current is None


def test_leaving_by_an_exception_leaves_the_context(p):
    """An exception in the block passes through untouched, and the context is left."""
    error = LookupError()
    with dug.Context() as outer:
        with pytest.raises(LookupError) as caught, dug.Context(tweaks={p.x.node(): 5}):
            raise error
        value, current = p.total(), dug.current_context()

    assert caught.value is error
    assert value == 12
    assert current is outer


def test_an_unrelated_root_knows_nothing_of_another(p):
    """Two outermost contexts share no memos."""
    with dug.Context():
        p.total()
    with dug.Context() as second, EventLog(second) as log:
        value = p.total()

    assert value == 12
    assert log.count(p.total) == 1


def test_a_name_is_kept():
    """``name=`` is kept and shown."""
    ctx = dug.Context(name="stress of March")

    assert ctx.name == "stress of March"
    assert "stress of March" in repr(ctx)


def test_a_re_entered_context_finds_its_memos(p):
    """A context entered again runs nothing that it has run before."""
    ctx = dug.Context(tweaks={p.x.node(): 5})
    with ctx:
        p.total()
    with ctx, EventLog(ctx) as log:
        value = p.total()

    assert value == 20
    assert log.computed == []


def test_a_context_is_re_entered_elsewhere_in_the_nesting(p):
    """A context entered under another parent follows that parent, and finds its memos when back."""
    moving = dug.Context(tweaks={p.x.node(): 5})
    seen = []
    with dug.Context():
        with moving:
            seen.append(p.total())
        with dug.Context(tweaks={p.y.node(): 100}), moving:
            seen.append(p.total())
        with moving, EventLog(moving) as log:
            seen.append(p.total())

    assert seen == [20, 110, 20]
    assert log.computed == []


def test_the_same_context_twice_in_one_stack(p):
    """A context entered inside itself is the same scenario, and leaving it once keeps it open."""
    ctx = dug.Context(tweaks={p.x.node(): 5})
    with ctx:
        first = p.total()
        with ctx, EventLog(ctx) as log:
            second = p.total()
        third = p.total()

    assert first == second == third == 20
    assert log.computed == []


def test_a_bump_entered_twice_bumps_twice(p):
    """A context with a bump entered inside itself acts on its own bump."""
    ctx = dug.Context(tweaks={p.x.node(): dug.shift(1)})
    with ctx:
        once = p.total()
        with ctx:
            twice = p.total()
        again = p.total()

    assert (once, twice, again) == (14, 16, 14)


def test_a_context_between_two_entries_of_another(p):
    """The same context twice in one stack with another between is still innermost first."""
    a, b = dug.Context(tweaks={p.x.node(): 5}), dug.Context(tweaks={p.x.node(): 6})
    seen = []
    with a:
        seen.append(p.x())
        with b:
            seen.append(p.x())
            with a:
                seen.append(p.x())
            seen.append(p.x())
        seen.append(p.x())

    assert seen == [5, 6, 5, 6, 5]


def test_leaving_out_of_order_raises_and_leaves_a_usable_state(p):
    """A context left before the ones inside it raises ContextError, and calls go on being right."""
    outer, inner = dug.Context(), dug.Context(tweaks={p.x.node(): 5})
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(dug.ContextError):
        outer.__exit__(None, None, None)
    inside = p.total()
    inner.__exit__(None, None, None)

    assert inside == 20
    with dug.Context() as fresh:
        assert dug.current_context() is fresh
        assert p.total() == 12


def test_leaving_a_context_that_was_never_entered_raises(p):
    """A context that is not open cannot be left."""
    with dug.Context() as ctx:
        with pytest.raises(dug.ContextError):
            dug.Context().__exit__(None, None, None)
        value, current = p.total(), dug.current_context()

    assert value == 12
    assert current is ctx
    with pytest.raises(dug.ContextError):
        ctx.__exit__(None, None, None)


def test_a_context_inside_a_memoised_function(p):
    """A memoised function can ask what if, and its caller's context is as before."""

    @dug.memoize
    def delta():
        base = p.total()
        with dug.Context(tweaks={p.x.node(): dug.shift(1)}):
            return p.total() - base

    with dug.Context() as ctx:
        value, total, current = delta(), p.total(), dug.current_context()
        with EventLog(ctx) as log:
            delta()

    assert (value, total) == (2, 12)
    assert current is ctx
    assert log.computed == []


def test_what_a_node_computes_in_its_own_context_is_shared(p):
    """A result that read none of the inner context's tweaks answers outside the node."""
    runs = []

    @dug.memoize
    def costly():
        runs.append("costly")
        return p.y()

    @dug.memoize
    def asking():
        with dug.Context(tweaks={p.x.node(): 5}):
            return costly()

    with dug.Context() as ctx:
        asking()
        value = costly()

    assert value == 10
    assert runs == ["costly"]
    assert costly.node() in ctx


def test_a_node_that_leaves_a_context_open_does_not_change_its_caller(p):
    """A context that a node opened and did not leave is not in force in the caller."""

    @dug.memoize
    def careless():
        dug.Context(tweaks={p.x.node(): 5}).__enter__()
        return p.total()

    with dug.Context() as ctx:
        with contextlib.suppress(dug.ContextError):  # refusing is as good as restoring
            careless()
        value, current = p.total(), dug.current_context()

    assert value == 12
    assert current is ctx


@pytest.mark.parametrize(
    "change",
    [
        lambda ctx, x: ctx.tweak(x, 5),
        lambda ctx, x: ctx.untweak(x),
        lambda ctx, x: ctx.invalidate(x),
        lambda ctx, x: ctx.clear(),
    ],
    ids="tweak untweak invalidate clear".split(),
)
def test_a_running_node_cannot_change_a_context_it_did_not_open(p, change):
    """Inside a running node a change of an outer context raises ContextError and changes nothing."""
    ctx = dug.Context(tweaks={p.x.node(): 2})

    @dug.memoize
    def meddling():
        change(ctx, p.x.node())

    with ctx:
        p.total()
        with pytest.raises(dug.ContextError):
            meddling()
        with EventLog(ctx) as log:
            value = p.total()

    assert value == 14
    assert log.computed == []
    assert dict(ctx.tweaks) == {p.x.node(): 2}


def test_a_running_node_can_change_a_context_it_opened(p):
    """Inside a running node, the context that this run opened can be tweaked."""

    @dug.memoize
    def ladder():
        seen = []
        with dug.Context() as own:
            for value in (1, 2, 3):
                own.tweak(p.x.node(), value)
                seen.append(p.total())
            own.untweak(p.x.node())
            seen.append(p.total())
        return seen

    with dug.Context():
        assert ladder() == [12, 14, 16, 12]
        assert p.total() == 12


@pytest.fixture
def active():
    """A context that is deactivated after the test."""
    ctx = dug.Context(name="active")
    yield ctx
    with contextlib.suppress(dug.ContextError):  # the test has deactivated it
        ctx.deactivate()


def test_an_active_context_is_read_where_no_with_is_in_force(p, active):
    """After ``activate()`` calls work without ``with``, also in other threads."""
    replaced = active.activate()
    values = [p.total()]
    values.append(in_thread(p.total))

    assert replaced is None
    assert values == [12, 12]
    assert dug.current_context() is active
    assert p.total.node() in active


def test_activate_returns_the_context_it_replaces(active):
    """There is one default: ``activate()`` returns the one it replaces."""
    other = dug.Context()
    active.activate()
    replaced = other.activate()
    back = active.activate()

    assert replaced is active
    assert back is other


def test_a_with_block_wins_over_the_active_context(p, active):
    """Where a ``with`` is in force the active context is not read."""
    active.activate()
    with dug.Context(tweaks={p.x.node(): 5}) as ctx:
        current, inside = dug.current_context(), p.total()
    outside = p.total()

    assert current is ctx
    assert (inside, outside) == (20, 12)


def test_deactivate_leaves_no_default(p, active):
    """After ``deactivate()`` a call outside any context raises again."""
    active.activate()
    p.total()
    active.deactivate()

    with pytest.raises(dug.NoContextError):
        p.total()


def test_only_the_active_context_can_be_deactivated(p, active):
    """``deactivate()`` of a context that is not the default raises ContextError, says what to call, and changes nothing."""
    active.activate()
    with pytest.raises(dug.ContextError, match=r"is not active\. Call activate\(\) first"):
        dug.Context().deactivate()

    assert dug.current_context() is active
    assert p.total() == 12


def test_run_calls_in_the_context(p):
    """``ctx.run`` calls a function with its arguments inside the context and returns its result."""
    ctx = dug.Context(tweaks={p.x.node(): 5})
    result = ctx.run(lambda *args, **kwargs: (p.total(), args, kwargs), 1, a=2)

    assert result == (20, (1,), {"a": 2})
    with pytest.raises(dug.NoContextError):
        p.total()


def test_run_takes_a_node(p):
    """A node is a callable: ``ctx.run(node)`` computes it there."""
    ctx = dug.Context(tweaks={p.x.node(): 5})

    assert ctx.run(p.total.node()) == 20
    assert ctx.run(p.total) == 20
    assert p.total.node() in ctx


def test_run_passes_the_exception_through(p):
    """An exception in ``run`` is the caller's, and the context is left."""
    error = LookupError()

    def fail():
        raise error

    with pytest.raises(LookupError) as caught:
        dug.Context().run(fail)

    assert caught.value is error
    with pytest.raises(dug.NoContextError):
        p.total()


def test_a_tweak_of_the_open_context_shows_at_once(p):
    """``ctx.tweak`` on the open context shows in the next call, which runs the descendants only."""
    with dug.Context() as ctx:
        first = p.total()
        ctx.tweak(p.x.node(), 5)
        with EventLog(ctx) as log:
            second = p.total()

    assert (first, second) == (12, 20)
    assert log.computed == [p.double.node(), p.total.node()]


def test_a_tweak_shows_in_every_open_entry(p):
    """A tweak of a context shows in the contexts inside it and in its own second entry."""
    ctx = dug.Context()
    seen = []
    with ctx, dug.Context(tweaks={p.y.node(): 0}), ctx, dug.Context():
        seen.append(p.total())
        ctx.tweak(p.x.node(), 5)
        seen.append(p.total())
        ctx.untweak(p.x.node())
        seen.append(p.total())

    assert seen == [2, 10, 2]


def test_a_tweak_from_another_thread_shows(p):
    """A tweak made by another thread shows in this one."""
    with dug.Context() as ctx:
        p.total()
        in_thread(ctx.tweak, p.x.node(), 5)
        value = p.total()

    assert value == 20


def test_tweak_takes_one_pair_a_mapping_or_a_scenario(p):
    """``tweak`` takes a key and a value, or several of them."""
    with dug.Context() as ctx:
        ctx.tweak(p.x.node(), 2)
        ctx.tweak({p.y.node(): 20})
        ctx.tweak(dug.Scenario({p.x.node(): 3}))
        value = p.total()

    assert value == 26
    assert dict(ctx.tweaks) == {p.x.node(): 3, p.y.node(): 20}


def test_a_second_tweak_of_a_key_replaces_the_first(p):
    """One context holds one tweak of a key: a bump does not act on the one it replaces."""
    with dug.Context(tweaks={p.x.node(): dug.shift(1)}) as ctx:
        first = p.total()
        ctx.tweak(p.x.node(), dug.shift(5))
        second = p.total()

    assert (first, second) == (14, 22)


def test_tweaks_before_the_first_entry_count(p):
    """A context can be tweaked before it is entered and after it is left."""
    ctx = dug.Context()
    ctx.tweak(p.x.node(), 5)
    with ctx:
        first = p.total()
    ctx.tweak(p.y.node(), 0)
    with ctx:
        second = p.total()

    assert (first, second) == (20, 10)


def test_untweak_takes_several_keys(p):
    """``untweak`` drops each of the keys given, functions too."""
    with dug.Context(tweaks={p.x.node(): 5, p.y: lambda: 0}) as ctx:
        first = p.total()
        ctx.untweak(p.x.node(), p.y)
        second = p.total()

    assert (first, second) == (10, 12)
    assert dict(ctx.tweaks) == {}


def test_tweaks_is_read_only(p):
    """``ctx.tweaks`` shows the context's own tweaks and cannot be written."""
    with dug.Context(tweaks={p.y.node(): 0}), dug.Context(tweaks={p.x.node(): 5}) as ctx:
        shown = dict(ctx.tweaks)
        with pytest.raises(TypeError):
            ctx.tweaks[p.y.node()] = 6

    assert shown == {p.x.node(): 5}


def test_the_mapping_given_is_copied(p):
    """A later change of the mapping that was given changes nothing."""
    tweaks = {p.x.node(): 5}
    ctx = dug.Context(tweaks=tweaks)
    tweaks[p.x.node()] = 6

    assert ctx.run(p.total) == 20


def make_counting():
    """Return a memoised function of n that counts its runs, and one that reads it."""
    runs = []

    @dug.memoize
    def reading(n):
        runs.append(n)
        return len(runs)

    @dug.memoize
    def reader(n):
        return reading(n) * 10

    return reading, reader


def test_invalidate_a_node_runs_it_and_its_dependents_again():
    """After ``invalidate(node)`` the node and its dependents run again, and nothing else."""
    reading, reader = make_counting()
    with dug.Context() as ctx:
        first = reader(1), reader(2)
        ctx.invalidate(reading.node(1))
        known = [node in ctx for node in (reading.node(1), reader.node(1), reader.node(2))]
        second = reader(1), reader(2)

    assert first == (10, 20)
    assert known == [False, False, True]
    assert second == (30, 20)


def test_invalidate_a_function_runs_every_node_of_it_again():
    """After ``invalidate(function)`` every node of it runs again."""
    reading, reader = make_counting()
    with dug.Context() as ctx:
        first = reader(1), reader(2)
        ctx.invalidate(reading)
        second = reader(1), reader(2)

    assert (first, second) == ((10, 20), (30, 40))


def test_invalidate_reaches_every_scenario():
    """Memos of a child that ran the node are forgotten as well."""
    reading, _ = make_counting()
    n = dug.memoize(lambda: 0)

    @dug.memoize
    def mixed():
        return reading(1) + n()

    with dug.Context() as ctx:
        child = dug.Context(tweaks={n.node(): 100})
        with child:
            first = mixed()
        ctx.invalidate(reading.node(1))
        with child:
            second = mixed()

    assert (first, second) == (101, 102)


def test_invalidate_reaches_the_caches_beneath():
    """``invalidate`` from a context with its own cache forgets in the caches beneath as well."""
    reading, _ = make_counting()
    with dug.Context():
        first = reading(1)
        with dug.Context(cache=dug.Cache()) as inner:
            inner.invalidate(reading.node(1))
        second = reading(1)

    assert (first, second) == (1, 2)


def test_invalidate_takes_several():
    """``invalidate`` takes any number of nodes and functions."""
    reading, reader = make_counting()
    with dug.Context() as ctx:
        reader(1), reader(2)
        ctx.invalidate(reader, reading.node(2))
        with EventLog(ctx) as log:
            reader(1), reader(2)

    assert log.computed.count(reading.node(2)) == 1
    assert (log.count(reading), log.count(reader)) == (1, 2)


def test_invalidate_of_what_was_never_computed_does_nothing(p):
    """Invalidating an unknown node is not an error."""
    with dug.Context() as ctx:
        p.x()
        ctx.invalidate(p.total.node(), p.y)
        with EventLog(ctx) as log:
            value = p.total()

    assert value == 12
    assert log.count(p.x) == 0


def test_clear_forgets_what_the_context_holds(p):
    """After ``clear()`` everything runs again."""
    with dug.Context() as ctx:
        p.total()
        ctx.clear()
        size = len(ctx.cache)
        with EventLog(ctx) as log:
            value = p.total()

    assert size == 0
    assert value == 12
    assert len(log.computed) == 4


def test_clear_empties_the_contexts_own_cache_only(p):
    """``clear()`` of a context with its own cache leaves the memos of the enclosing ones."""
    with dug.Context() as outer:
        p.x()
        with dug.Context(cache=dug.Cache()) as inner:
            p.total()
            inner.clear()
            with EventLog(inner) as log:
                value = p.total()
        known = p.x.node() in outer

    assert value == 12
    assert known
    assert log.computed == [p.double.node(), p.y.node(), p.total.node()]


def make_bad_tweaks(p):
    """Return wrong tweaks, by their fault."""
    return {
        "function with a value": {p.x: 5},
        "replacement of the wrong arity": {p.x: lambda n: n},
        "plain function": {len: 5},
        "text": {"x": 5},
        "not a pair": {5: 5},
    }


BAD = ["function with a value", "replacement of the wrong arity", "plain function", "text", "not a pair"]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("order", ["first", "last"])
def test_of_several_tweaks_all_or_none_apply(p, bad, order):
    """When one of several tweaks is wrong, none is applied: tweaks, values and memos are as before."""
    wrong, right = make_bad_tweaks(p)[bad], {p.y.node(): 0}
    with dug.Context(tweaks={p.x.node(): 2}) as ctx:
        p.total()
        with pytest.raises(dug.TweakError):
            ctx.tweak({**wrong, **right} if order == "first" else {**right, **wrong})
        with EventLog(ctx) as log:
            value = p.total()

    assert value == 14
    assert dict(ctx.tweaks) == {p.x.node(): 2}
    assert log.computed == []


@pytest.mark.parametrize("bad", BAD)
def test_a_context_with_bad_tweaks_is_not_made(p, bad):
    """A wrong tweak is refused when the context or the scenario is made."""
    for make in (dug.Context, dug.Scenario):
        with pytest.raises(dug.TweakError):
            make(make_bad_tweaks(p)[bad])

    with pytest.raises(dug.NoContextError):
        p.total()


@pytest.mark.parametrize("key", ["x", 5, len, None], ids=repr)
def test_untweak_and_invalidate_refuse_what_is_no_node(p, key):
    """A key that is neither a node nor a memoised function is refused, and the others stay as they are."""
    with dug.Context(tweaks={p.x.node(): 5}) as ctx:
        p.total()
        for method in (ctx.untweak, ctx.invalidate):
            with pytest.raises((dug.TweakError, TypeError)):
                method(p.x.node(), key)
        with EventLog(ctx) as log:
            value = p.total()

    assert value == 20
    assert dict(ctx.tweaks) == {p.x.node(): 5}
    assert log.computed == []


@pytest.mark.parametrize("tweaks", [5, "text", [1]], ids=repr)
def test_tweaks_that_are_no_mapping_are_refused(tweaks):
    """``tweaks=`` takes a mapping or a Scenario."""
    with pytest.raises((TypeError, dug.TweakError)):
        dug.Context(tweaks=tweaks)


def test_a_cache_that_is_no_cache_is_refused():
    """``cache=`` takes a Cache."""
    with pytest.raises((TypeError, dug.ContextError)):
        dug.Context(cache={})


def test_the_arguments_of_bump_are_checked():
    """``bump`` takes a callable, at once."""
    with pytest.raises((TypeError, dug.TweakError)):
        dug.bump(5)


def test_the_repr_says_what_is_tweaked(p):
    """The repr of a context names the targets of its tweaks."""
    text = repr(dug.Context(tweaks={p.x.node(): 5}, name="crash"))

    assert "Context" in text
    assert "crash" in text


def test_the_repr_is_bounded():
    """However many and however large the tweaks, reprs are short."""
    spot = dug.memoize(lambda n: n)
    tweaks = {spot.node(n): "x" * 1000 for n in range(1000)}
    with dug.Context(tweaks=tweaks, name="name " * 10) as ctx:
        for n in range(100):
            spot(n)
        things = [ctx, dug.Scenario(tweaks), ctx.cache, ctx.memo(spot.node(1)), spot, dug.shift(1)]
        lengths = [len(repr(thing)) for thing in things]

    assert max(lengths) <= 1000


def test_the_reprs_of_the_other_objects_are_useful(p):
    """Functions, bumps, UNTWEAKED, scenarios and caches have readable texts."""
    assert "total" in repr(p.total)
    assert repr(dug.UNTWEAKED) in ("UNTWEAKED", "dug.UNTWEAKED")
    assert "shift" in repr(dug.shift(5))
    assert "5" in repr(dug.shift(5))
    assert "scale" in repr(dug.scale(2))
    assert "max" in repr(dug.bump(max, 3))
    assert "crash" in repr(dug.Scenario({p.x.node(): 5}, name="crash"))
    assert "Cache" in repr(dug.Cache())


def test_tweaking_to_a_scenario_of_layers_means_what_entering_it_means(p):
    """``ctx.tweak(a | b)`` keeps a bump of b standing on a bump of a."""
    layered = dug.Scenario({p.x.node(): dug.shift(1)}) | dug.Scenario({p.x.node(): dug.shift(10)})
    with dug.Context(tweaks=layered):
        entered = p.x()
    with dug.Context() as ctx:
        ctx.tweak(layered)
        tweaked = p.x()

    assert tweaked == entered


def test_a_look_binds_no_cache(p):
    """A context that was only looked at can still be entered anywhere."""
    ctx = dug.Context(cache=dug.Cache())
    seen = p.x.node() in ctx
    with dug.Context(), ctx:
        value = p.x()

    assert not seen
    assert value == p.x.__wrapped__()


@pure_only
def test_an_interrupt_between_two_steps_of_the_engine_leaves_no_run_behind(p):
    """Whichever frame an interrupt strikes in, it arrives as it is, and no context is in force after the ``with``."""

    def interrupt(frame, event, arg):
        if frame.f_code.co_name == "finish" and event == "call":
            sys.settrace(None)
            raise KeyboardInterrupt

    def call():
        with dug.Context():
            sys.settrace(interrupt)
            p.total()

    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        sys.settrace(None)

    with pytest.raises(dug.NoContextError):
        p.total()


def test_a_node_method_that_was_not_called_says_so(p):
    """``{f.node: value}`` is a slip of the pen, and the error says what to type."""
    with pytest.raises(dug.TweakError, match=r"Call it with the arguments"):
        dug.Context(tweaks={p.x.node: 1})


class Meddling:
    """An argument whose hash calls something, once."""

    def __init__(self):
        self.meddle = None

    def __hash__(self):
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            meddle()
        return 1

    def __eq__(self, other):
        return self is other


def test_two_tweaks_at_the_same_time_are_both_kept():
    """A tweak made while another thread tweaks the same context loses neither."""

    @dug.memoize
    def level(of):
        return 0

    argument = Meddling()
    with dug.Context() as ctx:
        node = level.node(argument)
        argument.meddle = lambda: ctx.tweak(level.node("other"), 2)
        ctx.tweak(node, 1)

        assert (level(argument), level("other")) == (1, 2)


def test_a_tweak_made_while_a_context_is_entered_shows_in_it():
    """A thread that enters a context while it is changed has its new tweaks afterwards."""

    @dug.memoize
    def level(of):
        return 0

    argument = Meddling()
    with dug.Context():
        ctx = dug.Context({level.node(argument): 1})
        argument.meddle = lambda: ctx.tweak(level.node("other"), 2)
        with ctx:
            assert (level(argument), level("other")) == (1, 2)
        with ctx:
            assert (level(argument), level("other")) == (1, 2)


@given(data=st.data())
def test_a_node_reads_some_of_many_tweaks(data):
    """Whichever few or many of the tweaks in force a node reads, it is told apart by these, and by no others."""

    @dug.memoize
    def x(n):
        return 0

    @dug.memoize
    def total(read):
        return sum(x(n) for n in read)

    reads = data.draw(st.lists(st.frozensets(st.integers(0, 29)), min_size=1, max_size=6))
    says = data.draw(st.lists(st.dictionaries(st.integers(0, 29), st.integers(1, 3)), min_size=2, max_size=4))
    with dug.Context() as ctx, EventLog(ctx) as log:
        kept = [dug.Context({x.node(n): value for n, value in said.items()}) for said in says]
        for said, scenario in zip(says, kept, strict=True):
            with scenario:
                for read in reads:
                    assert total(read) == sum(said.get(n, 0) for n in read)
    for read in reads:
        told_apart = {tuple(sorted((n, value) for n, value in said.items() if n in read)) for said in says}
        assert log.count(total.node(read)) == len(told_apart)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dug.Context(name=3), r"name must be a text, not 3\. Write Context\(name='base'\)"),
        (lambda: dug.Context().run(3), r"run\(\) takes a function and its arguments, not 3\. Write ctx\.run\(f, x\)"),
        (lambda: dug.Context().run("x"), r"run\(\) takes a function and its arguments, not 'x'"),
    ],
)
def test_what_is_no_name_and_no_function_is_refused(call, said):
    """The error says what came and what to type."""
    with pytest.raises(TypeError, match=said):
        call()


def test_a_task_goes_on_in_the_context_in_which_it_was_made():
    """A task whose first step comes after its context was left is in that one, for looks as for calls."""

    @dug.source
    def rate():
        return 1

    async def look():
        here = dug.current_context()
        with dug.Context():
            return here, rate(), here[rate.node()]

    async def ask():
        with dug.Context():
            rate()
            with dug.Context({rate.node(): 10}) as inner:
                task = asyncio.create_task(look())
            return inner, await task

    inner, seen = asyncio.run(ask())

    assert seen == (inner, 10, 10)


def test_a_generator_is_in_the_context_of_its_reader():
    """The body of a stream is in the context of the reader for whom it began."""

    @dug.memoize
    async def async_here():
        yield dug.current_context()

    @dug.memoize
    def here():
        yield dug.current_context()

    async def ask(ctx):
        with ctx:
            return [await async_here().first(), here().first()]

    ctx = dug.Context()

    assert asyncio.run(ask(ctx)) == [ctx, ctx]
