"""Ticks of a `Live` that somebody steps by hand: what they change, what they show, and when."""

from __future__ import annotations

import gc
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pytest
from support.live_book import show
from support.sync_points import Signal, Worker

import dug
from dug.flow import Flow
from dug.live import Live, LiveInput, LiveOutput, OutputCounters, Update
from dug.testing import EventLog


@dug.memoize
async def items():
    """Give nothing."""
    for item in ():
        yield item


@dug.memoize
def rows():
    """Give nothing, without a loop."""
    yield from ()


def test_the_first_step_shows_every_output_as_it_is(book, make):
    """Before the first tick an output shows what the inputs to begin with make it."""
    live = make()
    output = live.output(book.total.node())

    updates = live.step()

    assert isinstance(output, LiveOutput)
    assert updates[0].node == book.total.node()
    assert show(updates) == [(0, 4)]


def test_a_push_is_a_tick_that_shows_what_it_changed(book, make):
    """A pushed value is in the next step, and an output that it does not change shows nothing."""
    live = make()
    live.output(book.total.node())
    live.output(book.thrice.node("B"))
    live.step()

    live.push(book.spot.node("A"), 5)

    assert show(live.step()) == [(1, 12)]
    assert live.step() == []
    assert live.tick == 1


def test_a_tick_runs_only_what_it_changed(book, make):
    """What does not read the input that ticks is not run again."""
    live = make()
    live.output(book.total.node())
    live.step()

    with EventLog(live.context) as log:
        live.push(book.spot.node("A"), 5)
        live.step()

    assert log.computed == [book.twice.node("A"), book.total.node()]


def test_the_values_of_one_push_change_together(book, make):
    """No tick has one value of a push and not the other."""
    live = make(policy="block")
    live.output(book.total.node())
    live.step()

    live.push({book.spot.node("A"): 2, book.spot.node("B"): -2})
    live.push({book.spot.node("A"): 3, book.spot.node("B"): -3})

    assert show(live.step() + live.step()) == [(1, 0)]


def test_an_input_has_a_handle(book, make):
    """``live.input(node)`` pushes to one node, and counts what was pushed."""
    live = make()
    live.output(book.twice.node("A"))
    handle = live.input(book.spot.node("A"))

    handle.push(7)

    assert isinstance(handle, LiveInput)
    assert show(live.step()) == [(1, 14)]
    assert handle.counters.pushed == 1


def test_any_node_can_be_overridden_and_given_back(book, make):
    """A push of a node that is no input overrides it, and ``UNTWEAKED`` gives it back to its function."""
    live = make()
    live.output(book.total.node())
    live.push(book.twice.node("A"), 100)
    first = live.step()
    live.push(book.twice.node("A"), dug.UNTWEAKED)

    assert show(first + live.step()) == [(1, 102), (2, 4)]


def test_bumps_and_replacements_are_pushed(book, make):
    """Every kind of tweak ticks."""
    live = make()
    live.output(book.total.node())
    live.push(book.twice.node("A"), dug.shift(10))
    first = live.step()
    live.push({book.twice: lambda name: 1})

    assert show(first + live.step()) == [(1, 14), (2, 12)]


def test_an_output_that_shows_every_answer(book, make):
    """With ``changes_only=False`` a value is shown in each tick, the same one too."""
    live = make()
    live.output(book.thrice.node("B"), changes_only=False)
    live.step()
    live.push(book.spot.node("A"), 5)

    assert show(live.step()) == [(1, 3)]


def test_a_mutable_value_that_was_not_computed_again_is_not_shown_again(book, make):
    """An output whose value can be changed in place shows it again only when it was computed again."""

    @dug.memoize
    def curve():
        return numpy.array([book.spot("A")])

    live = make()
    live.output(curve.node())
    live.step()
    live.push(book.spot.node("B"), 5)
    unchanged = live.step()
    live.push(book.spot.node("A"), 5)

    assert unchanged == []
    assert [update.value.tolist() for update in live.step()] == [[5]]


def test_a_function_says_which_values_are_the_same(book, make):
    """The ``eq`` of a memoised function decides what is news."""

    @dug.memoize(eq=lambda old, new: abs(old - new) < 1)
    def rounded():
        return float(book.spot("A"))

    live = make()
    live.output(rounded.node())
    live.step()
    live.push(book.spot.node("A"), 1.5)
    near = live.step()
    live.push(book.spot.node("A"), 3.0)

    assert (near, show(live.step())) == ([], [(2, 3.0)])


# Pace


def test_the_first_and_the_last_tick_of_a_burst_are_shown(book, make, clock):
    """An output with ``every=`` shows the first tick at once, and the last one when its seconds are over, without a push."""
    live = make()
    live.output(book.twice.node("A"), every=1.0)
    live.step()
    clock.advance(10)
    shown = []
    for value in range(2, 7):
        live.push(book.spot.node("A"), value)
        shown += show(live.step())
        clock.advance(0.125)

    clock.advance(0.5)

    assert shown == [(1, 4)]
    assert show(live.step()) == [(5, 12)]
    assert live.counters.skipped == 3


def test_a_slow_pace_keeps_no_other_output_back(book, make, clock):
    """An output of every tick is shown in each, beside one that is shown once in ten."""
    live = make()
    live.output(book.twice.node("A"), every=1.0)
    live.output(book.thrice.node("A"))
    live.step()
    clock.advance(1)
    counts = {book.twice.node("A"): 0, book.thrice.node("A"): 0}
    for value in range(2, 42):
        live.push(book.spot.node("A"), value)
        for update in live.step():
            counts[update.node] += 1
        clock.advance(0.125)

    assert counts == {book.twice.node("A"): 5, book.thrice.node("A"): 40}


def test_an_update_says_when_its_tick_was_taken(book, make, clock):
    """``at`` is the time of the tick, by the clock of the Live."""
    live = make()
    live.output(book.twice.node("A"))
    clock.advance(3)
    live.push(book.spot.node("A"), 5)

    assert [(update.at, update.behind) for update in live.step()] == [(3.0, 0)]


# Errors


def test_an_error_is_an_update_and_the_others_go_on(book, make):
    """An output that fails shows its error, in each tick anew; the other outputs show their values."""

    @dug.memoize
    def inverse():
        return 1 / book.spot("A")

    live = make()
    live.output(inverse.node())
    live.output(book.twice.node("A"))
    live.step()
    live.push(book.spot.node("A"), 0)
    failed = live.step()
    live.push(book.spot.node("A"), 4)

    assert [type(update.error) for update in failed] == [ZeroDivisionError, type(None)]
    assert failed[0].value is None
    assert show(live.step()) == [(2, 0.25), (2, 8)]


def test_a_node_that_failed_runs_once_in_a_tick_and_is_tried_again_in_the_next(book, make):
    """Two outputs that read a failing node get one run of it in a tick; the next tick runs it again, whatever it changed."""
    runs = []

    @dug.memoize
    def broken():
        runs.append(1)
        raise ValueError("broken")

    @dug.memoize
    def left():
        return broken()

    @dug.memoize
    def right():
        return broken()

    live = make()
    live.output(left.node())
    live.output(right.node())
    live.step()
    first = len(runs)
    live.push(book.spot.node("A"), 4)
    live.step()

    assert (first, len(runs)) == (1, 2)


def test_an_interrupt_in_a_node_loses_no_update(book, make):
    """What is no `Exception` comes out of step(), and the next step shows the tick."""
    raised = [KeyboardInterrupt]

    @dug.memoize
    def touchy():
        if raised and book.spot("A") == 5:
            raise raised.pop()
        return book.spot("A")

    live = make()
    live.output(touchy.node())
    live.step()
    live.push(book.spot.node("A"), 5)
    with pytest.raises(KeyboardInterrupt):
        live.step()

    assert show(live.step()) == [(1, 5)]


def test_an_interrupt_while_a_tick_is_taken_loses_no_push(book, make):
    """A push whose tick was interrupted is in the next tick."""

    class Interrupted:
        """A context that is interrupted when it is changed."""

        def __getattr__(self, name):
            return getattr(live.context, name)

        def take(self, change):
            raise KeyboardInterrupt

    live = make()
    live.output(book.twice.node("A"))
    live.step()
    live.push(book.spot.node("A"), 5)
    live._ticks.context = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        live.step()
    live._ticks.context = live.context

    assert show(live.step()) == [(1, 10)]


def test_each_node_of_a_tick_that_became_impossible_is_named(book, make):
    """A change that cannot be made any more is an error of every node in it, and the next one is a tick."""

    class Refusing:
        """A context that cannot be changed."""

        def __getattr__(self, name):
            return getattr(live.context, name)

        def take(self, change):
            raise dug.TweakError("not any more")

    live = make()
    live.push(book.spot.node("A"), 5)
    live.push(book.spot.node("B"), 5)
    live._ticks.context = Refusing()
    updates = live.step()
    live._ticks.context = live.context

    assert [(update.node, str(update.error)) for update in updates] == [
        (book.spot.node(name), "not any more") for name in "AB"
    ]
    assert live.tick == 0


def test_pushes_that_became_impossible_leave_the_others_of_their_tick(book, make):
    """Of pushes that wait together, one whose function has other parameters by now is told of all its nodes; the rest ticks."""
    module = types.ModuleType("live_notebook")
    module.dug = dug
    exec("@dug.source\ndef rate(name):\n    return 0\n", vars(module))
    live, old = make(), module.rate.node("A")
    live.output(book.total.node())
    live.step()
    live.push({old: 1, book.spot.node("A"): 100})
    live.push(book.spot.node("B"), 5)
    exec("@dug.source\ndef rate(name, date):\n    return 0\n", vars(module))
    updates = live.step()

    assert [(update.node, type(update.error)) for update in updates[:2]] == [
        (old, dug.TweakError), (book.spot.node("A"), dug.TweakError)
    ]  # fmt: skip
    assert show(updates[2:]) == [(1, 2 * 1 + 2 * 5)]


def test_a_live_context_changes_by_pushes_only(book, make):
    """A tweak of it, which no update would show, is refused with what to type."""
    live, node = make(), book.spot.node("A")

    with pytest.raises(dug.ContextError, match=r"pushes only. Write live.push\(<Node .*spot\('A'\)>, 5\)"):
        live.context.tweak(node, 5)
    with pytest.raises(dug.ContextError, match=r"pushes only. Write live.push\({<Node .*spot\('A'\)>: 5}\)"):
        live.context.tweak({node: 5})
    with pytest.raises(dug.ContextError, match=r"pushes only. Write live.push\(<Node .*spot\('A'\)>, dug.UNTWEAKED\)"):
        live.context.untweak(node)
    assert live.context.run(book.spot, "A") == 1


def test_a_live_names_its_inputs_and_outputs(book, make):
    """``live.inputs`` are the values in force, which a push changes at its tick; ``live.outputs`` what it shows."""
    live, node = make(), book.spot.node("A")
    output = live.output(book.total.node())
    live.push(node, 5)

    assert live.inputs == {node: 1, book.spot.node("B"): 1}
    live.step()
    assert live.inputs[node] == 5
    assert live.outputs == (output,)


def test_a_value_that_cannot_be_compared_is_shown_after_the_error(book, make):
    """An ``eq=`` that raises is an update with its error, and the value is shown after it, also beside the ticks."""

    def compare(old, new):
        raise ZeroDivisionError("compared")

    @dug.memoize(eq=compare)
    def curve():
        return [book.spot("A")]

    @dug.memoize(eq=compare)
    def slow_curve():
        return [book.spot("A")]

    live, pool = make(), ByHand()
    live.output(curve.node())
    live.output(slow_curve.node(), executor=pool)
    live.step()
    pool.run()
    live.step()
    live.push(book.spot.node("A"), 5)
    in_the_tick = live.step()
    pool.run()
    beside = live.step()

    for updates, node in ((in_the_tick, curve.node()), (beside, slow_curve.node())):
        assert [update.node for update in updates] == [node, node]
        assert isinstance(updates[0].error, ZeroDivisionError)
        assert show(updates[1:]) == [(1, [5])]


@pytest.mark.parametrize("is_beside", [False, True])
def test_an_interrupted_comparison_loses_no_update(is_beside, book, make):
    """What is no `Exception`, raised by ``eq=``, comes out of step(), and the next step shows the value."""
    raised = [KeyboardInterrupt]

    def compare(old, new):
        if raised:
            raise raised.pop()
        return old == new

    @dug.memoize(eq=compare)
    def curve():
        return [book.spot("A")]

    live, pool = make(), ByHand()
    live.output(curve.node(), executor=pool if is_beside else None)

    def step_twice():
        first = live.step()
        pool.run()
        return first + live.step()

    step_twice()
    live.push(book.spot.node("A"), 5)
    with pytest.raises(KeyboardInterrupt):
        step_twice()

    assert show(live.step()) == [(1, [5])]


def test_nothing_of_a_push_that_is_not_possible_is_kept(book, make):
    """A push with one impossible tweak is refused where it is made, by its name, and nothing of it ticks."""
    live = make()
    live.output(book.total.node())
    live.step()

    with pytest.raises(dug.TweakError, match="'B' cannot be tweaked"):
        live.push({book.spot.node("A"): 5, "B": 5})

    assert (live.step(), live.tick, live.counters.pushed) == ([], 0, 0)


def test_an_empty_push_is_no_tick(make):
    """A push that says nothing is not there."""
    live = make()
    live.push({})
    live.step()

    assert (live.tick, live.counters.pushed) == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda live, book: live.push(book.spot.node("A")), TypeError, r"live.push\(node, value\)"),
        (lambda live, book: live.push({book.spot.node("A"): 1}, 2), TypeError, r"live.push\(node, value\)"),
        (lambda live, book: live.input("A"), dug.TweakError, "'A' cannot be tweaked"),
        (lambda live, book: live.output(book.total), TypeError, r"live.output\(f.node\(x\)\)"),
        (lambda live, book: live.output(book.total.node(), every=-1), ValueError, r"total\(\).*not -1"),
        (lambda live, book: live.output(book.total.node(), executor=3), TypeError, "ThreadPoolExecutor"),
        (lambda live, book: [live.output(book.total.node()) for _ in range(2)], ValueError, r"total\(\) is an output"),
        (lambda live, book: live.output(items.node(), every=1), ValueError, r"items\(\) is a stream.*every="),
        (lambda live, book: live.output(items.node(), executor=ThreadPoolExecutor()), TypeError, r"items\(\) runs on the loop"),
        (lambda live, book: live.output(rows.node()), TypeError, r"rows\(\) is a stream.*without a loop"),
        (lambda live, book: live.feed(book.spot.node("A"), [1, 2]), TypeError, "async generator"),
        (lambda live, book: live.feed(book.spot.node("A"), [1, 2]), TypeError, r"for value in values: live.push\(node, value\)"),
        (lambda live, book: live.feed(book.spot.node("A"), items), TypeError, "call it"),
        (lambda live, book: live.feed(book.spot.node("A")), TypeError, r"live.feed\(node, async_iterable\)"),
        (lambda live, book: live.feed("A", [1, 2]), TypeError, "'A'"),
        (lambda live, book: live.feed(book.spot.node("A"), 1, 2), TypeError, "live.feed"),
        (lambda live, book: live.updates(), dug.ContextError, "async with live"),
        (lambda live, book: Live(policy="newest"), ValueError, "'latest', 'batch', 'block', .*, not 'newest'"),
        (lambda live, book: Live(size=0), ValueError, "size=1"),
        (lambda live, book: Live(window=True), ValueError, "window=1"),
        (lambda live, book: Live(clock=3), TypeError, "clock"),
        (lambda live, book: Live({"A": 1}), dug.TweakError, "'A' cannot be tweaked"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_typed(wrong, error, text, book, make):
    """Bad input is refused at once, with what to type."""
    with pytest.raises(error, match=text):
        wrong(make(), book)


def test_an_output_of_a_coroutine_function_needs_a_loop(make):
    """step() says by name which output it cannot ask for."""

    @dug.memoize
    async def fetched():
        return 1

    live = make()
    live.output(fetched.node())

    with pytest.raises(TypeError, match=r"fetched\(\) needs a loop. Write: async with live"):
        live.step()


# Contexts


def test_a_what_if_on_a_live_context_follows_the_ticks(book, make):
    """A context inside has its own tweak over the inputs of each tick."""
    live = make()
    with live.context, dug.Context({book.spot.node("B"): dug.shift(10)}):
        values = []
        for value in (1, 2, 3):
            live.push(book.spot.node("A"), value)
            live.push(book.spot.node("B"), 2 * value)
            live.step()
            values.append(book.total())

    assert values == [2 * 1 + 2 * 12, 2 * 2 + 2 * 14, 2 * 3 + 2 * 16]


def test_a_frozen_context_stays(book, make):
    """freeze() gives a context of the last tick, whatever ticks afterwards."""
    live = make()
    live.push(book.spot.node("A"), 5)
    live.step()
    frozen = live.freeze()
    live.push(book.spot.node("A"), 6)
    live.step()

    assert (frozen.run(book.total), live.context.run(book.total)) == (12, 14)


def test_a_frozen_context_shares_what_the_ticks_have_computed(book, make):
    """Nothing that a tick computed runs again in its frozen context, also where an input can be changed in place."""
    live = make()
    live.output(book.total.node())
    live.push(book.spot.node("A"), numpy.array([5]))
    live.step()

    frozen = live.freeze()
    with EventLog(frozen) as log:
        frozen.run(book.total)

    assert log.computed == []


def test_a_live_stands_by_itself(book, make):
    """What is tweaked where a Live is made and stepped has no say in it."""
    with dug.Context({book.spot.node("A"): 100}):
        live = make()
        live.output(book.total.node())
        first = live.step()
        with dug.Context({book.twice.node("B"): 100}):
            live.push(book.spot.node("A"), 2)
            assert show(first + live.step()) == [(0, 4), (1, 6)]


@pytest.mark.parametrize("is_first", [True, False], ids=["before the first tick", "after it"])
def test_a_default_context_is_not_around_a_live(book, make, is_first):
    """Where a context is the default one, as in a notebook, that of a Live and a frozen one are entered without it."""
    default = dug.Context({book.spot.node("A"): 100})
    live = make()
    live.output(book.total.node())

    default.activate()
    try:
        entered = [] if is_first else [live.step()[0].value]
        entered += [live.context.run(book.total), live.freeze().run(book.total), book.twice("A")]
        with live.context, dug.Context({book.spot.node("B"): 10}):
            entered.append(book.total())
        entered.append(book.twice("A"))
    finally:
        default.deactivate()

    assert entered[-5:] == [4, 4, 200, 22, 200]
    assert [update.value for update in live.step()] == ([4] if is_first else [])


@pytest.mark.parametrize("which", ["context", "frozen"])
def test_a_live_is_not_entered_in_another_context(book, make, which):
    """It is refused, with what to type, and the Live goes on: what is around would be in force in no tick."""
    live = make()
    live.output(book.total.node())
    entered = live.context if which == "context" else live.freeze()

    with dug.Context({book.spot.node("A"): 100}):
        with pytest.raises(dug.ContextError, match=r"stands by itself.*with live.context, dug.Context\(\{node: value\}\)"):
            entered.run(book.total)

    assert [update.value for update in live.step()] == [4]


def test_the_names_of_a_flow_are_inputs_and_outputs():
    """A Live that begins with the scenario of a flow pushes to its names and shows them; an insert is pushed as a scenario."""

    def mid(bid, ask):
        return (bid + ask) / 2

    def value(mid, quantity):
        return mid * quantity

    flow = Flow(mid, value, values={"bid": 1, "ask": 3, "quantity": 10})
    live = Live(flow.context.scenario)
    live.output(flow.node("value"))
    first = live.step()
    live.push(flow.node("bid"), 2)
    second = live.step()
    flow.insert("quantity", 100)
    live.push(flow.context.scenario)

    assert show(first + second + live.step()) == [(0, 20), (1, 25), (2, 200)]


def test_a_memoised_function_takes_no_ticks(book, make):
    """step() is refused inside a running node, and the tick is taken by the next step outside."""
    live = make()
    live.output(book.total.node())

    @dug.memoize
    def meddle():
        live.step()

    live.push(book.spot.node("A"), 2)
    with dug.Context(), pytest.raises(dug.ContextError, match=r"meddle\(\).*take a tick"):
        meddle()

    assert show(live.step()) == [(1, 6)]


def test_a_node_may_push(book, make):
    """A push from inside a running node is the next tick."""
    live = make()

    @dug.memoize
    def react():
        if book.spot("A") < 3:
            live.push(book.spot.node("A"), book.spot("A") + 1)
        return book.spot("A")

    live.output(react.node())

    assert show(live.step() + live.step() + live.step() + live.step()) == [(0, 1), (1, 2), (2, 3)]


def test_two_threads_do_not_take_ticks_at_once(make):
    """A step while another thread takes a tick is refused, not torn."""
    inside, go_on = Signal(), Signal()

    @dug.memoize
    def slow():
        inside.set()
        go_on.wait_here()

    live = make()
    live.output(slow.node())
    other = Worker(live.step)
    inside.wait_here()
    try:
        with pytest.raises(dug.ContextError, match="Another thread takes a tick"):
            live.step()
    finally:
        go_on.set()
    assert len(other.result()) == 1


# Beside the ticks


def test_a_slow_output_is_asked_in_its_own_tick(book, make):
    """A slow output in a thread sees the inputs of the tick it was asked in, and says how far behind it is."""
    inside, go_on = Signal(), Signal()

    @dug.memoize
    def slow():
        inside.set()
        go_on.wait_here()
        return book.total()

    live = make()
    live.output(book.total.node())
    threads = InThreads()
    live.output(slow.node(), executor=threads)
    live.step()
    inside.wait_here()
    for value in (2, 3, 4):
        live.push(book.spot.node("A"), value)
        assert show(live.step()) == [(live.tick, 2 * value + 2)]
    go_on.set()
    threads.end()
    late = live.step()[0]  # that of the last tick may be there as well
    threads.end()

    assert (late.tick, late.value, late.behind) == (0, 4, 3)


def test_a_slow_output_is_asked_again_for_the_last_tick(book, make):
    """When a slow answer is there, the output is asked for the last tick that has come, and for no other in between."""
    live = make()

    @dug.memoize
    def slow():
        return book.spot("A")

    pool = ByHand()
    live.output(slow.node(), executor=pool)
    live.step()
    for value in (2, 3, 4):
        live.push(book.spot.node("A"), value)
        live.step()
    pool.run()
    first = live.step()
    pool.run()

    assert (first[0].behind, live.counters.behind) == (3, 3)
    assert show(first + live.step()) == [(0, 1), (3, 4)]
    assert live.counters.outputs[slow.node()] == OutputCounters(refreshed=2, skipped=2, behind=0)


def test_a_slow_output_finds_what_the_tick_has_computed(book, make):
    """The outputs of a tick are asked first, and a slow one beside them runs nothing of theirs again."""
    runs = []

    @dug.memoize
    def shared():
        runs.append(threading.current_thread())
        return book.spot("A")

    @dug.memoize
    def slow():
        return shared() + 1

    live = make()
    threads = InThreads()
    live.output(slow.node(), executor=threads)
    live.output(shared.node())
    live.step()
    threads.end()

    assert runs == [threading.current_thread()]


def test_a_slow_output_keeps_its_pace_beside_quick_ticks(book, make, clock):
    """With ``every=0.1`` and answers that take 20 ms, a slow output is refreshed ten times in a second of 100 ticks."""

    @dug.memoize
    def slow():
        return book.spot("A")

    live, pool, ages = make(), ByHand(), []
    live.output(slow.node(), every=0.1, executor=pool)
    fast = live.output(book.twice.node("A"))
    live.step()
    for value in range(2, 302):
        clock.advance(0.01)
        if value % 2:
            pool.run()
        live.push(book.spot.node("A"), value)
        ages += [update.behind for update in live.step() if update.node == slow.node()]

    assert fast.counters.refreshed == 301
    assert 27 <= len(ages) <= 33
    assert max(ages) <= 2


def test_no_slow_value_mixes_two_ticks(book, make):
    """What a thread computes beside 300 ticks belongs to the tick that its update names."""

    @dug.memoize
    def slow():
        return book.spot("A"), book.thrice("A") - book.twice("A") - book.spot("A")

    live = make(policy="block")
    with ThreadPoolExecutor(1) as pool:
        live.output(slow.node(), executor=pool, changes_only=False)
        live.output(book.total.node())
        updates = live.step()
        for value in range(2, 302):
            live.push(book.spot.node("A"), value)
            updates += live.step()
    found = {update.tick: update.value for update in updates if update.node == slow.node()}

    assert found == {tick: (tick + 1, 0) for tick in found}


def test_an_error_of_a_slow_output_is_an_update(book, make):
    """What a slow output raises is shown, and the next tick tries again."""

    @dug.memoize
    def inverse():
        return 1 / (book.spot("A") - 1)

    live = make()
    pool = ByHand()
    live.output(inverse.node(), executor=pool)
    live.step()
    pool.run()
    live.push(book.spot.node("A"), 3)
    failed = live.step()
    pool.run()

    assert [type(update.error) for update in failed] == [ZeroDivisionError]
    assert show(live.step()) == [(1, 0.5)]


def test_a_pool_that_was_shut_down_is_an_error_of_its_output(book, make):
    """An executor that takes no calls gives an error in each tick, and stops no other output."""
    live = make()
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    live.output(book.thrice.node("A"), executor=pool)
    live.output(book.twice.node("A"))

    updates = live.step()

    assert [type(update.error or update.value) for update in updates] == [int, RuntimeError]


def test_a_call_that_a_pool_cancelled_is_an_error_of_its_output(book, make):
    """A slow output does not wait for ever for a call that its executor gave up."""
    inside, go_on = Signal(), Signal()

    def keep_busy():
        inside.set()
        go_on.wait_here()

    live = make()
    pool = ThreadPoolExecutor(1)
    pool.submit(keep_busy)
    inside.wait_here()
    live.output(book.thrice.node("A"), executor=pool)
    live.step()
    pool.shutdown(wait=False, cancel_futures=True)
    go_on.set()

    assert [str(update.error)[:18] for update in live.step()] == ["its call was cance"]


def test_an_output_is_not_given_to_other_processes(book, make):
    """An executor of processes is refused by name."""

    class Pool:
        _mp_context = None

        def submit(self, call):
            raise NotImplementedError

    with pytest.raises(TypeError, match="other processes"):
        make().output(book.total.node(), executor=Pool())


# The end


def test_a_closed_live_takes_nothing(book, make):
    """After ``with live`` pushes, outputs and steps are refused by name, and the context can still be read."""
    with make() as live:
        live.push(book.spot.node("A"), 5)
        live.step()
    refused: list[Any] = [
        lambda: live.push(book.spot.node("A"), 6),
        lambda: live.output(book.total.node()),
        live.step,
        live.__enter__,
    ]
    for call in refused:
        with pytest.raises(dug.ContextError, match=r"<dug.live.Live 'live'> is closed"):
            call()

    assert live.context.run(book.total) == 12


def test_updates_and_handles_say_what_they_are(book, make):
    """Texts name the node, the value and the tick."""
    live = make(name="desk")
    live.output(book.twice.node("A"))
    (update,) = live.step()

    assert isinstance(update, Update)
    assert repr(update).endswith("twice('A')> = 2 at tick 0>")
    assert "spot('A') of <dug.live.Live 'desk'>" in repr(live.input(book.spot.node("A")))
    assert "twice('A')" in repr(live.output(book.twice.node("B"))).replace("'B'", "'A'")


def test_nodes_that_read_few_of_many_inputs_follow_each_tick():
    """Each of many nodes that reads two of many inputs has its value at each tick, also where an input goes back."""

    @dug.source
    def level(number):
        raise LookupError(number)

    @dug.memoize
    def both(number):
        return 100 * level(number) + level((number + 7) % 20)

    @dug.memoize
    def every():
        return [both(number) for number in range(20)]

    said = dict.fromkeys(range(20), 0)
    live = Live({level.node(number): value for number, value in said.items()})
    live.output(every.node(), changes_only=False)
    live.step()
    for tick in range(1, 60):
        said[tick * 3 % 20] = value = tick % 4
        live.push(level.node(tick * 3 % 20), value)
        expected = [100 * said[number] + said[(number + 7) % 20] for number in range(20)]
        assert show(live.step()) == [(tick, expected)]


def test_a_tick_keeps_the_order_of_the_inputs(book, make):
    """A value takes the place of the one before it: the inputs are named in the order in which they were first said."""
    live = make()
    live.push(book.spot.node("A"), 5)
    live.step()

    assert list(live.inputs) == [book.spot.node("A"), book.spot.node("B")]


def test_ticks_leave_nothing(book, make):
    """After two hundred ticks there are as many memos, tweaks, scenarios and bits as after ten, with a slow output too."""

    def count():
        gc.collect()
        group = live.context.cache.group
        return len(live.context.cache), len(group._handles), len(group.list_scenarios()), len(group.bits._named)

    live = make()
    pool = ByHand()
    live.output(book.total.node())
    live.output(book.thrice.node("A"), executor=pool)

    def tick(number):
        for value in range(number):
            live.push(book.spot.node("A"), value)
            live.step()
            pool.run()

    tick(10)
    before = count()
    tick(200)

    assert count() == before


class InThreads:
    """An executor that runs each call in a thread of its own."""

    def __init__(self) -> None:
        self._workers: list[Worker] = []

    def submit(self, call: Any) -> None:
        """Begin a call."""
        self._workers.append(Worker(call))

    def end(self) -> None:
        """Wait for all calls."""
        for worker in self._workers:
            worker.result()


class ByHand:
    """An executor that runs its calls when the test says so."""

    def __init__(self) -> None:
        self._calls: list[Any] = []

    def submit(self, call: Any) -> None:
        """Keep a call."""
        self._calls.append(call)

    def run(self) -> None:
        """Run the calls, each in a thread of its own."""
        calls, self._calls = self._calls, []
        for call in calls:
            Worker(call).result()
