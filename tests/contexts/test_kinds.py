"""Kinds of tweaks: the engine, the looks, the files and the oracle know only the properties of each."""

from __future__ import annotations

import pickle
from typing import ClassVar

import pytest
from attrs import field, frozen

import dug
from dug import snapshot
from dug._contexts.forms import FORMS, Form
from dug._contexts.kinds import Bump, Each, Replacement, Untweaked, Value
from dug._contexts.tweaks import spec_of
from dug._core.facts.tweak import TweakSpec
from dug.testing import EventLog, assert_transparent


@dug.memoize
def rate():
    """Give a rate."""
    return 7.0


@dug.memoize
def price(units):
    """Read the rate."""
    return units * rate()


def _keep_within(value, low, high):
    return min(max(value, low), high)


@frozen(eq=False, repr=False)
class Clip(Bump):
    """A kind that no file of dug knows: the value beneath, kept between two bounds."""

    sentence: ClassVar[str] = "kept in bounds by {}"
    kind: str = field(default="clip", init=False)

    def __repr__(self):
        return f"clip{self.args}"


@frozen(eq=False, repr=False)
class Broken(TweakSpec):
    """A kind that runs something of its own in the place of the node."""

    kind: str = field(default="broken", init=False)

    @property
    def said(self):
        """Give the tweak."""
        return self

    def tell(self):
        """Return it as it is: equal ones are one object here."""
        return self

    @property
    def text(self):
        """Say it in a word."""
        return "broken"


def _fail(*_):
    raise ValueError("broken")


CLIP = Clip(fn=_keep_within, args=(0.0, 5.0))
BROKEN = Broken(fn=_fail, identity="broken")


def test_a_kind_runs_what_it_says():
    """A kind that reads the value beneath is computed from it, and only its dependents run."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        assert price(2) == 14.0
        log.clear()
        with dug.Context(tweaks={rate.node(): CLIP}):
            assert price(2) == 10.0
            assert log.computed == [rate.node(), price.node(2)]


def test_a_kind_stands_on_what_is_beneath_it():
    """Over another tweak, a kind is computed from the value of that."""
    with dug.Context(tweaks={rate.node(): 4.0}), dug.Context(tweaks={rate: CLIP}):
        assert price(2) == 8.0


def test_equal_tweaks_of_a_kind_are_one_tweak():
    """Memos computed under a tweak answer under an equal one that is made elsewhere."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        with dug.Context(tweaks={rate.node(): CLIP}) as kept:
            assert price(2) == 10.0
        log.clear()
        with dug.Context(tweaks={rate.node(): Clip(fn=_keep_within, args=(0.0, 5.0))}):
            assert price(2) == 10.0

    assert log.computed == []
    assert kept.scenario == dug.Scenario({rate.node(): CLIP})


def test_a_kind_of_its_own_runs_in_the_place_of_the_node():
    """A kind that reads nothing beneath gets the node's own arguments."""
    with dug.Context(tweaks={price: BROKEN}), pytest.raises(ValueError, match="broken"):
        price(2)


def test_a_replacement_gets_the_node_beneath_it():
    """A replacement that calls the node it replaces gets what that is without it."""
    with dug.Context(tweaks={rate.node(): 3.0}), dug.Context(tweaks={rate: lambda: rate() + 1.0}):
        assert price(2) == 8.0


def test_what_is_untweaked_is_what_it_would_be():
    """``UNTWEAKED`` hides the tweaks around, and what is said over it stands on the node itself."""
    with dug.Context(tweaks={rate: lambda: 3.0}):
        with dug.Context(tweaks={rate.node(): dug.UNTWEAKED}):
            assert price(2) == 14.0
            with dug.Context(tweaks={rate.node(): dug.shift(1.0)}):
                assert price(2) == 16.0


def test_explanations_say_what_a_kind_says():
    """An explanation and a comparison are in the words of the kind."""
    with dug.Context() as ctx:
        price(2)
        with dug.Context(tweaks={rate.node(): CLIP}) as clipped:
            price(2)

        assert "kept in bounds by clip(0.0, 5.0) here" in str(clipped.explain(price.node(2)))
        assert "clip(0.0, 5.0)" in str(ctx.compare(clipped, price.node(2)))
        assert clipped.memo(price.node(2)).tweaks == {rate.node(): CLIP}


def test_a_plan_knows_what_a_kind_reads():
    """A plan of a tweaked node contains the node beneath the tweak."""
    with dug.Context(tweaks={rate.node(): CLIP}) as ctx:
        plan = ctx.plan(price.node(2))
        price(2)

    assert price.node(2) in plan.nodes


def test_the_oracle_obeys_a_kind():
    """``dug.testing`` evaluates a kind as the engine does."""
    with dug.Context(tweaks={rate.node(): CLIP}):
        assert_transparent(price.node(2))
    with dug.Context(tweaks={rate: BROKEN}):
        assert_transparent(price.node(2))


def test_the_oracle_gives_a_kind_only_what_it_reads():
    """A kind that does not replace its node finds no node beneath it, in the oracle as in the engine."""
    with dug.Context(tweaks={rate: Broken(fn=lambda: rate() + 1.0, identity="asks itself")}):
        assert_transparent(price.node(2))


def test_a_kind_with_a_form_is_saved_and_loaded(tmp_path, monkeypatch):
    """One row defines the written form of a kind; memos computed under it answer where it is loaded."""
    form = Form(Clip, lambda spec: spec.args, lambda _, args: Clip(fn=_keep_within, args=tuple(args)))
    monkeypatch.setitem(FORMS, "clip", form)
    with dug.Context(tweaks={rate.node(): CLIP}) as ctx:
        price(2)
        snapshot.save(ctx, tmp_path / "clipped.dug")
    with snapshot.look(tmp_path / "clipped.dug") as look:
        assert [(tweak.kind, tweak.text) for tweak in look.tweaks] == [("clip", "clip(0.0, 5.0)")]
        assert "kept in bounds by clip(0.0, 5.0) here" in str(look.explain(price.node(2)))
    with snapshot.load(tmp_path / "clipped.dug") as loaded, EventLog(loaded) as log:
        assert price(2) == 10.0
        assert loaded.scenario.tweaks == {rate.node(): CLIP}

    assert log.computed == []


def test_a_file_describes_a_tweak_as_a_context_does(tmp_path):
    """A tweak of a node and one of its function have the same texts in both, whatever the function is called."""

    @dug.memoize(name="kinds:rate EUR")
    def named():
        return 1.0

    for function in (rate, named):
        for target in (function, function.node()):
            with dug.Context(tweaks={target: dug.scale(2.0)}) as ctx:
                function()
                snapshot.save(ctx, tmp_path / "scaled.dug")
            with snapshot.look(tmp_path / "scaled.dug") as look:
                assert look.explain(function.node()) == ctx.explain(function.node())


def test_every_kind_has_a_form():
    """Each kind of dug's own can be written down."""
    kinds = {kind().kind for kind in (Value, Bump, Each, Replacement, Untweaked)}

    assert kinds == set(FORMS)


@pytest.mark.parametrize("said", [3.0, dug.shift(1), dug.bump(abs), dug.UNTWEAKED], ids=str)
def test_what_a_user_says_comes_back(said):
    """A spec gives back the user's tweak."""
    spec = spec_of(rate.node()._key, said)

    assert spec.said == said


@pytest.mark.parametrize("said", [dug.shift(1), dug.bump(max, 3), dug.UNTWEAKED], ids=str)
def test_a_tweak_that_is_an_object_can_be_pickled(said):
    """Bumps and ``UNTWEAKED`` are the same in another process."""
    assert pickle.loads(pickle.dumps(said)) == said


def test_bumps_of_another_kind_are_not_equal():
    """Two kinds that run the same on the same arguments are two tweaks."""
    assert Bump(fn=_keep_within, args=(0.0, 5.0)) != CLIP
    assert hash(CLIP) == hash(Clip(fn=_keep_within, args=(0.0, 5.0)))
