"""Rules of the work bound, on which the random scripts of `test_model.py` once failed a correct engine."""

from __future__ import annotations

from support.oracle import Level, Oracle
from support.programs import (
    FAILS,
    Argument,
    Bump,
    Call,
    Catch,
    Constant,
    Original,
    Outside,
    Read,
    Replacement,
    Sum,
    Untweaked,
    Value,
    Within,
)
from support.strategies import SOURCE_NODES
from support.work_bound import WorkBound, learn
from test_model import Model


def test_what_heard_a_bump_over_an_equal_one_goes_with_its_context():
    """The same bump outside is another tweak: no cut-off can start from a memo of a context that a body closed."""
    same = Bump("add", 0)
    inside = Within({1: same}, Read(3, Argument()), {}, Constant(0), scoped=False)
    bodies = (Outside(), Outside(), Constant(0), Read(1, Argument()), inside, Read(4, Argument()))
    oracle, work_bound = Oracle(bodies, dict.fromkeys(SOURCE_NODES, 0)), WorkBound()
    work_bound.hold([(1, same)])
    for top in (Call(5, 0), Call(3, 0)):
        reasons = list(work_bound.settle(learn(oracle.ask(top, (Level({1: same}, "root"),)))))

    assert reasons == [(Call(3, 0), bodies[3])]


def test_what_is_tried_again_may_find_in_the_cache_what_it_ran_before():
    """After a source failed, a node's runs in a cache of its own and its reads from the one around may change places."""
    caught = Catch(Read(1, Constant(0)), Read(1, Read(0, Constant(0))))
    scoped = Within({}, Constant(0), {}, Read(2, Argument()), scoped=True)
    top = Sum(Read(3, Argument()), Read(4, Argument()))
    model = Model()
    model.begin(
        program=(Outside(), Outside(), caught, scoped, Read(2, Constant(0)), top),
        outside={Call(0, 0): 1, Call(0, 1): 0, Call(1, 0): FAILS, Call(1, 1): 1},
        first={},
    )

    model.ask_what_if(node=Call(5, 1), changes=[(3, 0)])
    model.teardown()


def test_what_ran_under_an_untweaked_may_serve_a_bump_of_what_is_untweaked_now():
    """While a function is replaced a node is UNTWEAKED; then the function is not, and a bump reads that run, or runs it again."""
    source, node = Call(0, 0), Call(3, 0)
    model = Model()
    model.begin(
        program=(Outside(), Outside(), Constant(0), Read(0, Constant(0)), Constant(0), Constant(0)),
        outside=dict.fromkeys(SOURCE_NODES, 0),
        first={0: Replacement(Original()), source: Untweaked()},
    )

    model.call(node)
    model.enter_new(said={source: Bump("shift", 1)}, scoped=False)
    model.untweak(index=0, which=0)
    model.call(node)
    model.leave()
    model.call(node)
    model.teardown()


def test_what_ran_under_an_untweaked_may_be_known_as_long_as_a_context_remembers_it():
    """The node is not UNTWEAKED any more, and a context entered inside still knows that scenario: a bump reads its run there."""
    node, fixed = Call(1, 0), Call(3, 0)
    inside = Within({1: Untweaked()}, Read(1, Constant(0)), {}, Constant(0), scoped=False)
    model = Model()
    model.begin(
        program=(Outside(), Outside(), Constant(0), inside, Constant(0), Read(1, Argument())),
        outside=dict.fromkeys(SOURCE_NODES, 0),
        first={},
    )

    model.enter_new(said={1: Bump("shift", 1), node: Untweaked()}, scoped=False)
    model.enter_new(said={fixed: Value(0)}, scoped=False)
    model.call(Call(5, 0))
    model.call_elsewhere(node=fixed, index=0)
    model.untweak(index=0, which=1)
    model.call(Call(5, 0))
    model.tweak(index=0, assignment=(Call(0, 0), Value(0)))
    model.untweak(index=2, which=0)
    model.call(fixed)
    model.teardown()


def test_what_a_replacement_gave_may_stay_when_what_it_replaces_is_redefined():
    """No memo ran the old definition of a function that was replaced in each call, so a redefinition may forget nothing."""
    model = Model()
    model.begin(
        program=(Outside(), Outside(), Constant(0), Constant(0), Constant(0), Read(4, Constant(0))),
        outside=dict.fromkeys(SOURCE_NODES, 0),
        first={4: Replacement(Constant(1))},
    )

    model.call(Call(5, 0))
    model.redefine(data=(4, Constant(2)))
    model.nothing_outlives_its_tweaks()
    model.teardown()


def test_what_ran_only_a_replacement_may_be_kept_around_when_its_function_is_redefined():
    """The cache around may have it still, so that a call inside files nothing; cleared, that cache takes it along."""
    node = Call(3, 0)
    model = Model()
    model.begin(
        program=(Outside(), Outside(), Constant(0), Constant(0), Constant(0), Constant(0)),
        outside=dict.fromkeys(SOURCE_NODES, 0),
        first={3: Replacement(Read(1, Argument()))},
    )

    model.call(node)
    model.enter_new(said={}, scoped=True)
    model.redefine(data=(3, Constant(1)))
    model.call(node)
    model.clear(index=0)
    model.call(node)
    model.teardown()
