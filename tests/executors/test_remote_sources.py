"""Sources on the way to workers: what a base has not read is read here, once, and never by a worker; answered in this process."""

from __future__ import annotations

import json

import pytest
import source_book
from source_book import add, either, flag, lazy, many, patient, scaled, steps, tick, token, two
from test_dispatch import Held

import dug
from dug.executors import _sources
from dug.executors._bases import BASES
from dug.stores import Store


class Away(Held):
    """A pool whose answers are those of another process: it has bases of its own, and says which sources ran there."""

    def __init__(self):
        super().__init__()
        self.ran_there = []

    def answer(self, future):
        future.message = json.loads(json.dumps(future.message))
        before = list(source_book.RAN)
        super().answer(future)
        self.ran_there += source_book.RAN[len(before) :]


@pytest.fixture(autouse=True)
def fresh():
    """Sources count from one, and no worker knows a base."""
    source_book.RAN.clear()
    BASES._known.clear()


@pytest.fixture
def pool():
    """A pool of workers."""
    return Away()


def sweep(target, scenarios, executor=None, tweaks=None, max_depth=None):
    """Return the values of a sweep, those of the base first asked for where it is on workers."""
    source_book.RAN.clear()
    with dug.Context(tweaks, max_depth=max_depth):
        return [result.outcome() for result in dug.sweep(target, scenarios, executor=executor)]


FLAGS = [{flag.node(): number} for number in range(1, 13)]


def test_a_source_that_only_scenarios_read_is_read_once_for_all(pool):
    """All scenarios see the one value that a loop gives them, and the source runs in no worker."""
    assert sweep(lazy.node(), FLAGS, pool) == sweep(lazy.node(), FLAGS) == [1] * 12
    assert pool.ran_there == []


def test_what_was_read_is_kept_in_the_context_around(pool):
    """Who asks for the source after the sweep gets the value that the scenarios had."""
    with dug.Context():
        values = [result.value for result in dug.sweep(lazy.node(), FLAGS, executor=pool)]
        assert [token()] * 12 == values


def test_a_change_outside_reaches_the_scenarios_that_come_after_it(pool):
    """After the source was invalidated another sweep has the new value, and not what a worker had been sent."""
    with dug.Context() as ctx:
        before = [result.value for result in dug.sweep(lazy.node(), FLAGS, executor=pool)]
        ctx.invalidate(token)
        after = [result.value for result in dug.sweep(lazy.node(), FLAGS, executor=pool)]

    assert (before, after) == ([1] * 12, [2] * 12)


@pytest.mark.parametrize(
    ("tweaks", "scenario"),
    [
        ({token: dug.scale(10)}, {token.node(): dug.shift(5)}),
        ({token: dug.scale(10)}, {token.node(): dug.UNTWEAKED}),
        ({token.node(): 70}, {token.node(): dug.UNTWEAKED}),
        ({}, {token.node(): dug.bump(add, 5)}),
    ],
    ids=["bump of a bump", "without the bump", "without the value", "bump"],
)
def test_beneath_a_tweak_a_source_is_read_as_a_loop_reads_it(pool, tweaks, scenario):
    """A bump of a source, and UNTWEAKED, read the value that the context around has, or would have, and no other."""
    scenarios = [{**scenario, flag.node(): number} for number in range(1, 5)]

    expected = sweep(scaled.node(), scenarios, None, tweaks)

    source_book.RAN.clear()
    with dug.Context(tweaks):
        results = list(dug.sweep(scaled.node(), scenarios, executor=pool))

    assert [result.value for result in results] == expected
    assert None not in [result.worker for result in results]
    assert pool.ran_there == []


def test_a_body_that_catches_all_gets_no_other_answer(pool):
    """A worker that lacks a source answers nothing, though the body caught that, and keeps nothing of it."""
    assert sweep(patient.node(), FLAGS, pool) == sweep(patient.node(), FLAGS)


def test_a_source_that_fails_fails_as_in_a_loop(pool):
    """The error of a source is the result of the scenarios that read it, and not that a worker lacked it."""
    scenarios = [{flag.node(): "fail"}, {flag.node(): 2}]
    away, here = sweep(lazy.node(), scenarios, pool), sweep(lazy.node(), scenarios)

    assert [(type(one), str(one)) for one in away] == [(type(one), str(one)) for one in here]
    assert "the outside is down" in str(away[0])


def test_a_source_that_reads_what_scenarios_tweak_has_the_value_of_each(pool):
    """The value of a source that reads nodes is not taken from one scenario to another."""
    assert sweep(either.node(), FLAGS, pool) == sweep(either.node(), FLAGS) == list(range(1, 13))


def test_many_sources_of_one_node_are_read_here(pool):
    """A node that reads another source each time that it is sent again is computed here in the end."""
    count = 3 * _sources.MOST_ROUNDS
    scenarios = [{flag.node(): count}, {flag.node(): count + 1}]

    assert sweep(many.node(), scenarios, pool) == sweep(many.node(), scenarios)
    assert len(pool.sent) <= 2 * (_sources.MOST_ROUNDS + 1)


@pytest.mark.parametrize("node", [lazy.node(), steps.node()], ids=["value", "stream"])
def test_nodes_of_one_scenario_share_a_source(pool, node):
    """run_all on workers gives one value to all nodes that read a source, and to who asks here afterwards."""
    nodes = [two.node(number) for number in range(4)]
    with dug.Context({flag.node(): 1}) as ctx:
        batch = ctx.run_all([*nodes, node], executor=pool)
        assert batch.values == {one: one() for one in (*nodes, node)}

    assert pool.ran_there == []


def test_an_error_of_a_source_names_where_it_began(pool):
    """run_all says of a source that fails what it says in a loop."""
    with dug.Context({flag.node(): "fail"}) as ctx:
        away = ctx.run_all([lazy.node()], executor=pool, return_exceptions=True)
        here = ctx.run_all([lazy.node()], return_exceptions=True)

    assert list(away.failures) == list(here.failures)
    assert list(away.not_run) == list(here.not_run)


def test_a_source_runs_as_before_after_an_answer(pool):
    """What stands before the bodies of sources in a worker is gone when it has answered."""
    sweep(lazy.node(), FLAGS, pool)

    assert not _sources._guards
    with dug.Context():
        assert tick(3) == 3 + len(source_book.RAN)


def test_a_depth_that_is_allowed_around_is_allowed_there(pool):
    """max_depth of the context around is that of the workers, too."""
    scenarios = [{flag.node(): 3}, {flag.node(): 50}]

    away = sweep(source_book.deep.node(), scenarios, pool, max_depth=20)

    assert away[0] == 3
    assert "more than 20 nodes deep" in str(away[1])


def test_an_interrupt_while_a_source_is_read_loses_nothing(pool, monkeypatch):
    """A sweep that is interrupted while a source is read for its scenarios goes on where it was."""
    monkeypatch.setattr(source_book, "INTERRUPTS", [KeyboardInterrupt()])
    with dug.Context():
        results = dug.sweep(lazy.node(), FLAGS, executor=pool)
        with pytest.raises(KeyboardInterrupt):
            next(iter(results))
        assert [result.value for result in results] == [1] * 12


def test_what_is_warmed_shares_a_source(pool, tmp_path):
    """Workers that warm a store compute from one value of a source, which is that of the context."""
    nodes = [two.node(number) for number in range(2)]
    with dug.Context(store=Store(tmp_path / "store", min_seconds=0.0)) as ctx:
        batch = ctx.warm(nodes, executor=pool)
        assert batch.values == {one: one() for one in nodes}
        assert ctx.store.hits == 2


def test_what_was_asked_for_before_goes_along(pool):
    """Nodes whose sources were read here before are answered at once, though none of them was asked for."""
    nodes = [two.node(number) for number in range(4)]
    with dug.Context() as ctx:
        known = token(), [tick(number) for number in range(4)]
        values = ctx.run_all(nodes, executor=pool).values

    assert list(values.values()) == [(known[0], one) for one in known[1]]
    assert len(pool.sent) == 4
