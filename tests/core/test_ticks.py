"""Tweaks of an open context, again and again: a tick runs what depends on it, and the rest stays at hand."""

from __future__ import annotations

import gc
from types import MappingProxyType
from weakref import ref

import pytest
from support.calls import list_calls
from support.script import ask, play_threads

import dug
from dug._core.state.scenario import find_changed
from dug.testing import EventLog

INPUTS = 6


@dug.memoize
def level(number):
    """Return an input."""
    return number


@dug.memoize
def price(number):
    """Return twice an input."""
    return 2 * level(number)


@dug.memoize
def total():
    """Return the sum of all prices."""
    return sum(price(number) for number in range(INPUTS))


@dug.memoize
def note(subject):
    """Return a value that reads an input, of any argument."""
    return level(0), type(subject)


class Subject:
    """An argument that can be watched."""

    __hash__ = object.__hash__  # its identity is what counts


@pytest.fixture
def ctx():
    """An open context in which every input is tweaked, and the total is known."""
    with dug.Context({level.node(number): number for number in range(INPUTS)}) as ctx:
        total()
        yield ctx


def test_a_tick_runs_the_descendants_of_what_changed(ctx):
    """A new value of one input runs the price that reads it, and the total."""
    with EventLog(ctx) as log:
        ctx.tweak(level.node(2), 10)
        assert total() == 2 * (0 + 1 + 10 + 3 + 4 + 5)

    assert log.computed == [price.node(2), total.node()]


def test_a_tick_looks_nothing_up_that_it_did_not_change(ctx):
    """The other prices are at hand: they are not looked for among the memos of their nodes."""
    ctx.tweak(level.node(2), 10)
    total()
    ctx.tweak(level.node(2), 11)

    assert list_calls(total).count("match") <= 2


def test_several_ticks_between_two_questions(ctx):
    """A tick that nobody asked about is no other: all values are those of the last one."""
    for number in range(INPUTS):
        ctx.tweak(level.node(number), 7)
        ctx.tweak({level.node(number): 1, level.node(0): number})

    assert total() == 2 * (5 + 1 + 1 + 1 + 1 + 1)


def test_a_value_comes_back(ctx):
    """The value of before gives the total of before."""
    for value in (9, 2, 9, 2):
        ctx.tweak(level.node(2), value)
        assert total() == 2 * (13 + value)


def test_what_nobody_asks_for_in_a_tick_is_right_in_the_next(ctx):
    """A node that was asked for two ticks ago is looked up again."""
    ctx.tweak(level.node(2), 10)
    assert price(3) == 6
    ctx.tweak(level.node(3), 10)
    assert price(2) == 20
    ctx.tweak(level.node(4), 10)

    assert (price(1), price(3), total()) == (2, 20, 2 * (0 + 1 + 10 + 10 + 10 + 5))


def test_what_is_invalidated_after_a_tick_is_not_at_hand(ctx):
    """An invalidation reaches what was carried over."""
    outside = [1]

    @dug.memoize
    def read():
        return outside[0]

    assert read() == 1
    ctx.tweak(level.node(2), 10)
    outside[0] = 2
    ctx.invalidate(read)

    assert read() == 2


def test_a_first_tweak_after_a_tick_masks_what_was_carried(ctx):
    """A node that was never tweaked is tweaked, and all that read it is computed again."""
    ctx.tweak(level.node(2), 10)
    ctx.tweak(price.node(4), 100)
    assert total() == 2 * (0 + 1 + 10 + 3 + 5) + 100
    ctx.tweak(level.node(2), 11)
    with dug.Context({price.node(0): 1000}):
        assert total() == 1000 + 2 * (1 + 11 + 3 + 5) + 100


def test_ticks_of_other_kinds_of_tweaks(ctx):
    """A bump, a replacement and a dropped tweak are stated anew in full."""
    ctx.tweak(level.node(2), dug.shift(1))
    assert total() == 2 * 16
    ctx.tweak(level.node(2), dug.shift(2))
    assert total() == 2 * 17
    ctx.tweak(level.node(2), 5)
    assert total() == 2 * 18
    ctx.tweak(level, lambda number: 1)
    assert total() == 2 * 18
    ctx.untweak(level.node(2))
    assert total() == 2 * (0 + 1 + 1 + 3 + 4 + 5)


def test_a_tick_of_a_bump_acts_on_the_tweak_around(ctx):
    """A bump that is stated again with another size bumps what the context around says, not what the body gives."""
    ctx.tweak(level.node(2), 10)
    with dug.Context({level.node(2): dug.shift(1)}) as inner:
        assert price(2) == 22
        inner.tweak(level.node(2), dug.shift(2))
        assert price(2) == 24
        ctx.tweak(level.node(2), 20)
        assert price(2) == 44


def test_a_tick_around_shows_in_the_contexts_inside(ctx):
    """A context inside keeps its own tweak, and what it computed from nothing that changed."""
    with dug.Context({level.node(0): 50}) as inner:
        assert total() == 2 * 65
        with EventLog(inner) as log:
            ctx.tweak(level.node(2), 10)
            assert total() == 2 * 73
        ran = log.computed
        ctx.tweak(level.node(0), 1)
        assert total() == 2 * 73
    assert ran == [price.node(2), total.node()]
    assert total() == 2 * 24


def test_a_tick_of_a_context_that_is_not_open():
    """What is tweaked between two entries shows in the second one."""
    ctx = dug.Context({level.node(number): number for number in range(INPUTS)})
    assert ctx.run(total) == 30
    ctx.tweak(level.node(2), 10)
    with ctx, EventLog(ctx) as log:
        assert total() == 46

    assert log.computed == [price.node(2), total.node()]


def test_ticks_of_two_threads_in_one_context(ctx):
    """Each thread reads what was last stated of its own input, while the other one ticks."""
    wrong = []

    def tick(number):
        for value in range(200):
            ctx.tweak(level.node(number), value)
            if price(number) != 2 * value:
                wrong.append((number, value))

    played = play_threads(ctx, [ask(number, tick, number) for number in (1, 2)])

    assert (played.results, wrong) == ({1: None, 2: None}, [])
    assert total() == 2 * (199 + 199 + 0 + 3 + 4 + 5)


def test_ticks_leave_nothing(ctx):
    """A thousand ticks keep the memos, the nodes and the tweaks of one."""

    def count():
        group = ctx.cache.group
        return len(ctx.cache), len(ctx.cache.list_homes()), len(group._handles), len(group.list_scenarios())

    ctx.tweak(level.node(2), -1)
    total()
    before = count()
    for value in range(1000):
        ctx.tweak(level.node(2), value)
        total()

    assert count() == before


def test_no_finalizer_of_an_argument_runs_under_the_lock(ctx):
    """The arguments of nodes that are taken out are released when the lock is free again."""
    held = []

    class Watching:
        __hash__ = object.__hash__  # its identity is what counts

        def __del__(self):
            held.append(ctx.cache.group.lock._is_owned())

    for value in range(3):
        note(Watching())
        ctx.tweak(level.node(0), value + 1)
        total()
    gc.collect()
    assert len(ctx.cache) > 0
    gc.collect()

    assert held == [False] * 3


def test_the_arguments_of_a_node_that_a_tick_emptied_are_freed(ctx):
    """A node that nobody asks for again leaves no argument, once the next tweak is dropped or somebody looks."""
    subjects = [Subject(), Subject()]
    kept = list(map(ref, subjects))
    assert [note(subject) for subject in subjects] == [(0, Subject)] * 2
    ctx.tweak(level.node(0), 1)
    assert note(subjects[0]) == (1, Subject)
    del subjects[1]
    ctx.tweak(level.node(0), 2)
    assert note(subjects.pop()) == (2, Subject)
    gc.collect()
    assert [one() is None for one in kept] == [False, True]

    ctx.tweak(level.node(0), 3)
    total()
    assert len(ctx.cache) > 0
    gc.collect()
    assert [one() is None for one in kept] == [True, True]


def test_nodes_that_another_node_read_in_an_earlier_tick_go():
    """A node whose dependency is another one in each tick leaves the earlier ones, which nobody asks for again."""

    @dug.memoize
    def state():
        return 0

    @dug.memoize
    def leaf(number):
        return number

    @dug.memoize
    def middle(number):
        return leaf(number) + state()

    @dug.memoize
    def top():
        return middle(state())

    def count():
        return len(ctx.cache), len(ctx.cache.list_homes())

    with dug.Context() as ctx:
        counts = []
        for value in range(40):
            ctx.tweak(state.node(), value)
            assert top() == 2 * value
            counts.append(count())

    assert counts[5][1] - counts[5][0] == counts[-1][1] - counts[-1][0]


def test_the_argument_of_a_node_that_read_something_else_before_is_freed():
    """Once nothing of the node is left, none of the nodes that it ever read holds its argument."""

    @dug.memoize
    def flag():
        return True

    @dug.memoize
    def one():
        return 1

    @dug.memoize
    def other():
        return 2

    @dug.memoize
    def choose(subject):
        return one() if flag() else other()

    def go():
        subject = Subject()
        for value in (True, False):
            with dug.Context({flag.node(): value}):
                choose(subject)
        return ref(subject)

    with dug.Context() as ctx:
        one()
        other()
        held = [go() for _ in range(10)]
        gc.collect()
        assert len(ctx.cache) == 2
        gc.collect()

        assert [subject() for subject in held] == [None] * 10


def test_a_tick_reaches_what_reads_any_of_many_inputs(ctx):
    """A footprint has the bits of all reads, in whatever order these came, and however many they have in common."""

    @dug.memoize
    def level(number):
        return number

    @dug.memoize
    def pair(number):
        return level(number) + level((number * 7 + 40) % 100)

    @dug.memoize
    def total():
        return sum([pair(number * 37 % 100) for number in range(100)])

    ctx.tweak({level.node(number): number for number in range(100)})
    assert total() == 9900
    for number in (99, 0, 31, 30, 29, 61, 60, 64):
        ctx.tweak(level.node(number), number + 1000)
    assert total() == 9900 + 8 * 2000


A, B, C, D = (object() for _ in range(4))


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        ({"x": A, "y": B}, {"x": A, "y": B}, []),
        ({"x": A, "y": B}, {"x": C, "y": D}, ["x", "y"]),
        ({"x": A, "y": B}, {"y": C, "x": A}, ["y"]),  # in another order
        ({("x",): A, "y": B}, {tuple("x"): C, "y": B}, [("x",)]),  # by equal keys
        ({"x": A, "y": B}, {"x": A, "z": B}, None),
        ({"x": A}, {"x": A, "y": B}, None),
        (MappingProxyType({"x": A, "y": B}), MappingProxyType({"x": A, "y": C}), ["y"]),
    ],
)
def test_what_a_tick_changed_is_found_in_any_order(before, now, changed):
    """Where one layer says something of other targets than the other, nothing is said."""
    assert find_changed(before, now) == changed
