"""What surrounds a what-if costs little: making a context, entering it, and leaving it."""

from __future__ import annotations

from itertools import count

import pytest
from support.calls import list_calls

import dug
from dug._core.steps.frame import current

VALUES = count(1)


@dug.source
def level(number):
    """Return an input."""
    return float(number)


@pytest.fixture
def ctx():
    """A context that stays open, in which the input was tweaked before."""
    with dug.Context() as ctx:
        with dug.Context({level.node(1): -1.0, level.node(2): -1.0}):
            pass
        yield ctx


def test_making_a_context_of_one_tweak_takes_few_calls(ctx):
    """Its tweak is read, and nothing is done for each layer, place or kind."""
    tweaks = {level.node(1): float(next(VALUES))}

    assert len(list_calls(lambda: dug.Context(tweaks))) <= 15


def test_the_keys_of_tweaks_are_not_hashed_again(ctx):
    """A copy of a dict knows the hashes of its keys."""
    tweaks = {level.node(1): float(next(VALUES)), level.node(2): 0.0}

    assert "__hash__" not in list_calls(lambda: dug.Context(tweaks))


def test_entering_a_new_what_if_takes_few_calls(ctx):
    """A value of a node is interned and put in force with no weak table, and with nothing done for each kind of tweak."""
    inner = dug.Context({level.node(1): float(next(VALUES))})

    def enter():
        with inner:
            pass

    assert len(list_calls(enter)) <= 30


def test_entering_again_makes_nothing(ctx):
    """The view of the last entry is at hand."""
    inner = dug.Context({level.node(1): float(next(VALUES))})

    def enter():
        with inner:
            pass

    enter()
    assert len(list_calls(enter)) <= (4 if dug.COMPILED else 20)


def test_runs_under_a_context_count_for_those_around(ctx):
    """Each level hands its runs on when it is left, however it was left."""
    with dug.Context():
        with dug.Context({level.node(3): 1.0}):
            level(4)
        by_hand = dug.Context()
        by_hand.__enter__()
        level(5)
        by_hand.__exit__(None, None, None)
        assert current.get().runs == 2
    assert current.get().runs == 2
    assert ctx._entries == [current.get()]


def test_listening_begins_and_ends_with_any_entry(ctx):
    """A context that is entered while somebody listens, or listened to while it is open, tells of hits."""
    level(6)
    inner = dug.Context({level.node(3): 1.0})
    heard = []
    with inner, ctx.listen(heard.append, kinds="hit"):
        level(6)
        with inner:
            level(6)
    with inner:
        level(6)
    assert len(heard) == 2


def test_equal_scenarios_are_one(ctx):
    """However they were stated, and whatever is entered in between."""
    one, two = {level.node(1): 1.5}, {level.node(2): 2.5}
    with dug.Context({**one, **two}) as flat:
        known = flat._here().tweaks
    with dug.Context(two) as outer, dug.Context(one) as inner:
        assert inner._here().tweaks is known
        assert outer._here().tweaks is not known
    with dug.Context(one), dug.Context(one | {level.node(2): 9.0}), dug.Context(two) as inner:
        assert inner._here().tweaks is known
    with dug.Context({**one, **two}), dug.Context(one) as inner:
        assert inner._here().tweaks is known
        assert inner._here().delta == 0


def test_a_scenario_that_is_gone_leaves_nothing_at_a_tweak_that_is_held(ctx):
    """A tweak that is newer than all others around knows only a few of the scenarios in which it was in force."""
    older = [dug.Context({level.node(2): float(number)}) for number in range(100)]
    for each in older:
        with each:
            pass
    newest = dug.Context({level.node(1): 5.0})
    with newest:
        pass
    for each in older:
        with each, newest:
            pass
    (handle,) = newest._held.alone(ctx.cache.group.mark).values()
    assert len(handle.scenarios) < 20
    assert len(ctx.cache.group.list_scenarios()) == 102


def test_a_context_does_not_keep_the_groups_in_which_it_was_entered():
    """It forgets the tweaks that it had in those that are gone."""
    inner = dug.Context({level.node(1): 5.0})
    for _ in range(5):
        with dug.Context(), inner:
            level(1)
    assert len(inner._held) <= 2


def test_a_context_entered_again_shows_what_holds_now(ctx):
    """What it says by then, what is around it by then, and where it is."""
    inner = dug.Context({level.node(1): 1.0})
    with inner:
        assert (level(1), level(2)) == (1.0, 2.0)
    inner.tweak(level.node(1), 5.0)
    with inner:
        assert (level(1), level(2)) == (5.0, 2.0)
    with dug.Context({level.node(2): 7.0}), inner:
        assert (level(1), level(2)) == (5.0, 7.0)
    with inner, inner:
        assert (level(1), level(2)) == (5.0, 2.0)
    ctx.tweak(level.node(2), 8.0)
    with inner:
        assert (level(1), level(2)) == (5.0, 8.0)


def test_a_context_of_several_values_masks_what_reads_any(ctx):
    """Each of its values holds, by itself and beside the others."""
    nodes = [level.node(number) for number in range(6)]
    assert [node() for node in nodes] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    for number in range(1, 7):
        with dug.Context(dict.fromkeys(nodes[:number], -2.0)) as inner:
            assert [node() for node in nodes] == [-2.0] * number + [0.0, 1.0, 2.0, 3.0, 4.0, 5.0][number:]
            assert inner._here().delta == inner._here().tweaks.mask
