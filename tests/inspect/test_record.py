"""Looking without computing, and listening to computations."""

from __future__ import annotations

import logging
import time

import pytest

import dug
from dug.testing import EventLog


@pytest.fixture
def broken():
    """A memoised function that raises."""

    @dug.memoize
    def broken():
        raise LookupError("no price")

    return broken


def test_in_says_whether_a_memo_is_visible(p):
    """A node is in a context once it was computed there, and asking computes nothing."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        before = p.total.node() in ctx
        p.double()
        known = [f.node() in ctx for f in (p.x, p.double, p.total)]

    assert not before
    assert known == [True, True, False]
    assert log.count(p.total) == 0


def test_what_the_parent_computed_is_in_the_child_unless_masked(p):
    """A child sees the parent's memos, but for the masked ones."""
    with dug.Context():
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            known = [f.node() in child for f in (p.y, p.double, p.total)]

    assert known == [True, False, False]


def test_something_else_is_not_in_a_context(p):
    """Something that is not a node is not in a context."""
    with dug.Context() as ctx:
        p.total()
        known = [thing in ctx for thing in ("total", 5, None)]

    assert known == [False, False, False]


def test_brackets_give_the_value_without_computing(p):
    """``ctx[node]`` is the value that is there."""
    with dug.Context() as ctx:
        p.total()
        with EventLog(ctx) as log:
            values = ctx[p.total.node()], ctx[p.x.node()]

    assert values == (12, 1)
    assert log.computed == []


def test_brackets_name_the_node_when_there_is_no_memo(p):
    """``ctx[node]`` and ``ctx.memo(node)`` raise KeyError naming the node, and compute nothing."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        for look in (ctx.__getitem__, ctx.memo):
            with pytest.raises(KeyError, match="total"):
                look(p.total.node())

    assert log.computed == []


def test_brackets_raise_the_error_of_a_failed_node(broken):
    """``ctx[node]`` of a node that failed raises its error; the node is in the context."""
    with dug.Context() as ctx:
        with pytest.raises(LookupError):
            broken()
        with pytest.raises(LookupError, match="no price"):
            ctx[broken.node()]
        known = broken.node() in ctx

    assert known


def test_a_look_is_no_dependency(p):
    """A node that looks at another one does not depend on it."""

    @dug.memoize
    def looking():
        return p.total.node() in dug.current_context()

    with dug.Context() as ctx:
        looking()
        recorded = ctx.memo(looking.node()).dependencies

    assert recorded == ()


def test_a_context_that_was_left_is_looked_at_as_it_was_last_entered(p):
    """After it was left, a look uses the last entry of the context."""
    with dug.Context(tweaks={p.y.node(): 0}):
        with dug.Context(tweaks={p.x.node(): 5}) as child:
            p.total()

    assert p.total.node() in child
    assert child[p.total.node()] == 10


def test_a_context_never_entered_is_looked_at_as_if_entered_here(p):
    """A context that was never entered is resolved as if it were entered here."""
    fresh = dug.Context(tweaks={p.x.node(): 5})
    with dug.Context():
        p.total()
        known = [f.node() in fresh for f in (p.y, p.total)]
        masked = fresh.is_masked(p.total.node())

    assert known == [True, False]
    assert masked


def test_a_memo_says_what_was_read_in_order(p):
    """The dependencies of a memo are the nodes it read, once each, in the order of the first reads."""

    @dug.memoize
    def reader():
        return p.y() + p.double() + p.y()

    with dug.Context() as ctx:
        reader()
        memo = ctx.memo(reader.node())

    assert memo.dependencies == (p.y.node(), p.double.node())
    assert ctx.memo(p.x.node()).dependencies == ()


def test_a_memo_says_who_read_it(p):
    """The dependents of a memo are the nodes whose runs read it."""
    with dug.Context() as ctx:
        p.total(), p.double()
        dependents = [ctx.memo(f.node()).dependents for f in (p.x, p.double, p.y, p.total)]

    assert dependents == [(p.double.node(),), (p.total.node(),), (p.total.node(),), ()]


def test_a_memo_has_value_kind_and_seconds(p):
    """The memo of a computed node has its value, no error, its kind and how long it took."""
    with dug.Context() as ctx:
        p.total()
        memo = ctx.memo(p.total.node())

    assert (memo.node, memo.value, memo.error, memo.kind) == (p.total.node(), 12, None, "computed")
    assert memo.seconds >= 0
    assert dict(memo.tweaks) == {}


def test_a_memo_says_which_tweaks_it_read(p):
    """The tweaks of a memo are those it read, directly or through others, and only those."""
    with dug.Context(tweaks={p.y.node(): 0}), dug.Context(tweaks={p.x.node(): 5}) as ctx:
        p.total()
        tweaks = [dict(ctx.memo(f.node()).tweaks) for f in (p.double, p.total)]

    assert tweaks == [{p.x.node(): 5}, {p.x.node(): 5, p.y.node(): 0}]


def test_the_memo_of_a_tweaked_node_is_of_that_kind(p):
    """A node tweaked to a value has a memo of kind ``tweaked`` with that value and no dependencies."""
    with dug.Context(tweaks={p.double.node(): 5}) as ctx:
        p.total()
        memo = ctx.memo(p.double.node())

    assert (memo.kind, memo.value, memo.dependencies) == ("tweaked", 5, ())
    assert dict(memo.tweaks) == {p.double.node(): 5}


def test_the_memo_of_a_bumped_node_is_computed(p):
    """A bumped node is a run of its own: it reads nothing but the node that it bumps."""
    with dug.Context(tweaks={p.double.node(): dug.shift(1)}) as ctx:
        p.total()
        memo = ctx.memo(p.double.node())

    assert (memo.kind, memo.value) == ("computed", 3)
    assert dict(memo.tweaks) == {p.double.node(): dug.shift(1)}


def test_the_memo_of_a_failed_node_keeps_error_and_traceback(broken):
    """A failed memo has the exception and its traceback as text, without frames."""
    with dug.Context() as ctx:
        with pytest.raises(LookupError):
            broken()
        memo = ctx.memo(broken.node())

    assert memo.kind == "failed"
    assert isinstance(memo.error, LookupError)
    assert isinstance(memo.traceback, str)
    assert "no price" in memo.traceback
    assert "in broken" in memo.traceback
    assert memo.error.__traceback__ is None


def test_a_memo_is_read_only(p):
    """A memo shown to the user cannot be changed."""
    with dug.Context() as ctx:
        p.total()
        memo = ctx.memo(p.total.node())
        for name in ("value", "dependencies", "anything"):
            with pytest.raises(AttributeError):
                setattr(memo, name, 5)

        assert p.total() == 12


def test_the_repr_of_a_memo_is_useful(p):
    """The repr of a memo names the node and is short."""
    with dug.Context(tweaks={p.y.node(): "y" * 100_000, p.double.node(): "d"}) as ctx:
        p.total()
        text = repr(ctx.memo(p.total.node()))

    assert "total" in text
    assert len(text) <= 1000


def test_is_masked_tells_the_descendants_of_the_tweaks(p):
    """Masked are the tweaked node and its descendants, before and after they are computed again."""
    with dug.Context() as parent:
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}) as child, EventLog(child) as log:
            before = [child.is_masked(f.node()) for f in (p.x, p.y, p.double, p.total)]
            ran = list(log.computed)
            p.total()
            after = [child.is_masked(f.node()) for f in (p.x, p.y, p.double, p.total)]
        in_parent = [parent.is_masked(f.node()) for f in (p.x, p.y, p.double, p.total)]

    assert before == after == [True, False, True, True]
    assert in_parent == [False] * 4
    assert ran == []


def test_nothing_is_masked_without_tweaks(p):
    """In a child without tweaks nothing is masked."""
    with dug.Context():
        p.total()
        with dug.Context() as child:
            masked = child.is_masked(p.total.node())

    assert not masked


def collect(events):
    """Return a listener that appends kind and node of each event."""
    return lambda event: events.append((event.kind, event.node))


def test_events_of_a_computation_and_of_a_hit(p):
    """A first call computes dependencies first, a second one is a hit."""
    events = []
    with dug.Context() as ctx, ctx.listen(collect(events)):
        p.double()
        p.double()

    assert events == [("computed", p.x.node()), ("computed", p.double.node()), ("hit", p.double.node())]


def test_the_event_of_a_reuse(p):
    """A value that is verified and kept is an event of its own."""
    events = []
    with dug.Context():
        p.double()
        with dug.Context(tweaks={p.x.node(): 1}) as child, child.listen(collect(events)):
            p.double()

    assert ("reused", p.double.node()) in events
    assert "computed" not in {kind for kind, node in events}


def test_the_event_of_a_failure(broken):
    """A failure is an event with the error."""
    events = []
    with dug.Context() as ctx, ctx.listen(events.append), pytest.raises(LookupError) as caught:
        broken()

    assert [(event.kind, event.node) for event in events] == [("failed", broken.node())]
    assert events[0].error is caught.value


def test_the_events_of_a_tweak_and_of_an_invalidation(p):
    """``tweak``, ``untweak`` and ``invalidate`` are events of the node they concern."""
    events = []
    with dug.Context() as ctx:
        p.double()
        with ctx.listen(collect(events)):
            ctx.tweak(p.x.node(), 5)
            ctx.invalidate(p.double.node())

    assert ("tweaked", p.x.node()) in events
    assert ("invalidated", p.double.node()) in events
    assert "computed" not in {kind for kind, node in events}


def test_own_seconds_leave_out_the_runs_that_one_led_to(p):
    """The time of a node's own run is the whole less its callees, also under a context inside it."""

    @dug.memoize
    def asks_inside():
        with dug.Context():
            return p.double()

    with dug.Context() as ctx:
        asks_inside()
        p.total()

    def seconds_of(*fns):
        return sum(ctx.memo(fn.node()).seconds for fn in fns)

    assert ctx.memo(p.x.node()).own_seconds == seconds_of(p.x)
    assert ctx.memo(p.double.node()).own_seconds == pytest.approx(seconds_of(p.double) - seconds_of(p.x))
    assert ctx.memo(asks_inside.node()).own_seconds == pytest.approx(seconds_of(asks_inside) - seconds_of(p.double))
    assert ctx.memo(p.total.node()).own_seconds == pytest.approx(seconds_of(p.total) - seconds_of(p.y))


def test_own_seconds_leave_out_what_a_failed_verification_ran():
    """The time that nodes took to verify an older memo, in vain, is no time of the body that then ran, nor of who asked."""
    given = {"x": 1}

    @dug.source
    def slow():
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            pass
        return given["x"]

    @dug.memoize
    def above():
        return slow() + 1

    @dug.memoize
    def top():
        return above() + 1

    with dug.Context() as ctx:
        top()
        given["x"] = 2
        ctx.invalidate(slow.node())
        assert top() == 4
        took = {fn: ctx.memo(fn.node()) for fn in (slow, above, top)}

    assert took[slow].own_seconds >= 0.02
    assert took[above].own_seconds == took[above].seconds > 0
    assert took[top].own_seconds == took[top].seconds > 0


def test_events_have_seconds(p):
    """The event of a computation says how long it took."""
    events = []
    with dug.Context() as ctx, ctx.listen(events.append):
        p.double()

    assert all(event.seconds >= 0 for event in events)
    assert all(event.error is None for event in events)
    assert len(repr(events[0])) <= 1000


def test_a_replacement_and_a_bump_are_computed(p):
    """The run of a replacement, and of a bump, is a computation; a value read is a hit."""
    with dug.Context(tweaks={p.x: lambda: 3, p.y.node(): 5, p.double.node(): dug.shift(1)}) as ctx, EventLog(ctx) as log:
        value = p.total()

    assert value == 12
    assert {p.x.node(), p.double.node(), p.total.node()} <= set(log.computed)
    assert p.y.node() in log.hits
    assert p.y.node() not in log.computed


def test_nothing_is_heard_after_the_block(p):
    """A listener hears nothing after its block."""
    events = []
    with dug.Context() as ctx:
        with ctx.listen(events.append):
            p.x()
        heard = len(events)
        p.total()

    assert heard == len(events) == 1


def test_several_listeners_hear_the_same(p):
    """Each listener hears every event, also the same function given twice."""
    first, second = [], []
    with dug.Context() as ctx, ctx.listen(collect(first)), ctx.listen(collect(second)):
        p.total()

    assert first == second
    assert len(first) >= 4


def test_a_failing_listener_is_removed_and_logged(p, caplog):
    """A listener that raises is removed and logged, and the computation goes on."""
    calls = []

    def failing(event):
        calls.append(event)
        raise RuntimeError("the listener is broken")

    with caplog.at_level(logging.DEBUG), dug.Context() as ctx, ctx.listen(failing):
        value = p.total()

    assert value == 12
    assert len(calls) == 1
    assert "the listener is broken" in caplog.text


def test_a_listener_may_call_and_look(p):
    """A listener may call nodes and look at the context without deadlock or wrong edges."""
    seen = []

    def curious(event):
        if event.node == p.double.node() and not seen:
            seen.append(p.y())

    with dug.Context() as ctx, ctx.listen(curious):
        value = p.double()
        recorded = ctx.memo(p.double.node()).dependencies

    assert value == 2
    assert seen == [10]
    assert recorded == (p.x.node(),)


def test_the_event_log_counts_nodes_and_functions():
    """``EventLog.count`` takes a node or a function, and ``clear`` starts again."""
    square = dug.memoize(lambda n: n * n)
    with dug.Context() as ctx, EventLog(ctx) as log:
        square(2), square(3), square(2)
        counts = log.count(square), log.count(square.node(2)), log.count(square.node(9))
        log.clear()
        square(2)

    assert counts == (2, 1, 0)
    assert log.computed == []
    assert log.hits == [square.node(2)]


def test_a_listener_of_a_context_that_is_entered_later_hears_it(p):
    """Listening can begin before the context is entered, wherever that will be."""
    heard = []
    ctx = dug.Context()
    with ctx.listen(heard.append), dug.Context(), ctx:
        p.x()

    assert [event.kind for event in heard] == ["computed"]


def test_what_a_listener_calls_is_no_dependency_of_the_node_that_runs(p):
    """A call made by a listener is recorded nowhere but in its own memo."""
    with dug.Context() as ctx:
        p.x()

        def curious(event):
            if event.kind == "hit" and event.node == p.x.node():
                p.y()

        with ctx.listen(curious):
            p.double()
        read = ctx.memo(p.double.node()).dependencies

    assert read == _plain_reads(p)


def _plain_reads(p):
    """The reads of `double` without a listener."""
    with dug.Context() as ctx:
        p.double()
        return ctx.memo(p.double.node()).dependencies
