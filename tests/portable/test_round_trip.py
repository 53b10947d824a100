"""Memos leave a process and enter another one without any file."""

from __future__ import annotations

import pickle

import pytest

import dug
from dug._portable.carried import Carried, bring_in
from dug._portable.parcel import give_out
from dug.errors import ContextError, SnapshotError
from dug.testing import EventLog


@dug.memoize
def spot(name):
    """Give a price."""
    return {"A": 1.0, "B": 2.0}[name]


@dug.memoize
def position(name, *, units=1):
    """Read a price."""
    return units * spot(name)


@dug.memoize
def book(names):
    """Add positions up."""
    return sum(position(name, units=3) for name in names)


@dug.memoize
def stressed(name):
    """Open a context inside."""
    with dug.Context(tweaks={spot: dug.scale(0.5)}):
        return position(name)


@dug.memoize
def careful(name):
    """Catch what another node raises."""
    try:
        return spot(name)
    except KeyError:
        return 0.0


@dug.memoize
def listed(name):
    """Return what can be changed in place."""
    return [name]


@dug.memoize
def opaque(name):
    """Return what has no codec."""
    return object() if name else None


def add_twice(value, amount):
    """Change a value."""
    return value + 2 * amount


def carry(ctx, nodes=None, **options):
    """Return a context of what another one knows, by way of bytes."""
    parcel = give_out(ctx._here(), None if nodes is None else [node._key for node in nodes])
    scenario, shelf = bring_in(pickle.loads(pickle.dumps(parcel)), **options)
    return Carried(scenario, shelf)


def computed(log):
    """Return the texts of the nodes that ran."""
    return [str(node).partition(":")[2] for node in log.computed]


def test_what_is_known_answers_elsewhere():
    """In a context of what was carried, nothing runs that had run before."""
    with dug.Context() as ctx:
        assert (book(("A", "B")), stressed("A")) == (9.0, 0.5)
    with (carried := carry(ctx)), EventLog(carried) as log:
        assert (book(("A", "B")), stressed("A")) == (9.0, 0.5)

    assert log.computed == []


def test_a_tweak_runs_what_rests_on_it():
    """What was carried knows what each node read: a tweak runs that and no more."""
    with dug.Context() as ctx:
        book(("A", "B"))
    with (carried := carry(ctx)), EventLog(carried) as log:
        with dug.Context(tweaks={spot.node("A"): 10.0}):
            assert book(("A", "B")) == 36.0

    assert computed(log) == ["position('A', units=3)", "book(('A', 'B'))"]


@pytest.mark.parametrize(
    "tweak",
    [
        {spot.node("A"): 4.0},
        {spot.node("A"): dug.shift(1.0)},
        {spot: dug.scale(3.0)},
        {position: dug.bump(add_twice, 1.0)},
        {spot: dug.scale(2.0), spot.node("A"): dug.UNTWEAKED},
    ],
    ids=["value", "shift", "scale", "bump", "untweaked"],
)
def test_tweaks_are_carried(tweak):
    """The tweaks that were in force are in force, and what was computed under them answers."""
    with dug.Context(tweaks=tweak) as ctx:
        value = book(("A", "B"))
    with (carried := carry(ctx, functions=[add_twice])), EventLog(carried) as log:
        assert book(("A", "B")) == value
        assert carried.scenario.tweaks == ctx.scenario.tweaks

    assert log.computed == []


def test_only_what_is_wanted_is_carried():
    """Naming nodes carries them and what they rest on."""
    with dug.Context() as ctx:
        position("A"), position("B")
    with (carried := carry(ctx, [position.node("A")])), EventLog(carried) as log:
        position("A"), position("B")

    assert computed(log) == ["spot('B')", "position('B', units=1)"]


def test_a_failure_is_carried_for_looking():
    """A node that failed says elsewhere how it did, and is tried again when it is asked for."""
    with dug.Context() as ctx, pytest.raises(KeyError):
        position("Z")
    with (carried := carry(ctx)), EventLog(carried) as log:
        assert repr(carried.memo(spot.node("Z")).error) == "KeyError('Z')"
        with pytest.raises(KeyError):
            position("Z")

    assert {str(node).partition(":")[2] for node in log.failed} == {"spot('Z')", "position('Z', units=1)"}


def test_what_has_no_codec_is_left_out_and_said():
    """A value that cannot be written is computed again elsewhere, and the parcel says why."""
    with dug.Context() as ctx:
        opaque("a"), opaque("")
    parcel = give_out(ctx._here())
    with (carried := carry(ctx)), EventLog(carried) as log:
        opaque("a"), opaque("")

    assert [one.what for one in parcel.absent] == [str(opaque.node("a"))]
    assert computed(log) == ["opaque('a')"]


def test_a_value_is_written_when_it_is_given_out():
    """What is changed in place afterwards is carried as it was."""
    with dug.Context() as ctx:
        names = listed("A")
        parcel = give_out(ctx._here())
        names.append("B")
    with Carried(*bring_in(parcel)):
        assert listed("A") == ["A"]


def test_what_was_carried_can_be_carried_on():
    """A context of what was carried gives it out as any other does."""
    with dug.Context() as ctx:
        book(("A",))
    with carry(ctx) as first:
        book(("A", "B"))
    with (second := carry(first)), EventLog(second) as log:
        assert book(("A",)) + book(("A", "B")) == 12.0

    assert log.computed == []


def test_bytes_that_are_not_those_are_noticed():
    """A value whose bytes are not as they were written is an error that says so."""
    with dug.Context() as ctx:
        spot("A")
    parcel = give_out(ctx._here())
    parcel._values.clear()
    with Carried(*bring_in(parcel)), pytest.raises(SnapshotError, match=r"is not as it was written\. Give it out once more"):
        spot("A")


def test_one_cache_belongs_to_one_place():
    """What was brought in under one context is not entered under another: the error says what to type."""
    with dug.Context() as ctx:
        spot("A")
    carried = carry(ctx)
    with dug.Context(), carried:
        spot("A")
    with dug.Context(cache=dug.Cache()), pytest.raises(ContextError, match="Bring it in once more"), carried:
        pass
