"""Many nodes, and the names of a flow, on worker processes."""

from __future__ import annotations

import pytest
import remote_book
from remote_book import book, fails_below, mood, risky, spot, trade

import dug
from dug import CodeDiffersError, ContextError, TweakError, WorkerLostError
from dug.executors.processes import Processes
from dug.flow import Flow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool():
    """A pool of two worker processes."""
    with Processes(2) as pool:
        yield pool


def describe(batch):
    """Return what a batch says."""
    failures = {node: (failed.node, failed.origin, failed.text) for node, failed in batch.failures.items()}
    not_run = {node: (failed.node, failed.origin, failed.text) for node, failed in batch.not_run.items()}
    return list(batch.values.items()), failures, not_run


def test_values_failures_and_origins_are_those_of_a_loop(pool):
    """Each node has the value or the error that it has here, under the tweaks around; an error names where it began."""
    nodes = [trade.node(1), fails_below.node(), book.node(), trade.node(2), risky.node()]
    with dug.Context({spot.node(1): 7.0, mood.node(): "value"}) as ctx:
        away = ctx.run_all(nodes, executor=pool)
        here = ctx.run_all(nodes)

    assert describe(away) == describe(here)
    assert away.failures[risky.node()].error.args == ("bad mood", 7)
    assert 'raise ValueError("bad mood", 7)' in away.failures[risky.node()].traceback
    assert away.recomputed > 0


def test_what_is_known_is_not_sent(pool):
    """A node that is known here runs nowhere."""
    with dug.Context() as ctx:
        book()
        batch = ctx.run_all([book.node(), trade.node(3)], executor=pool)

    assert batch.recomputed == 0
    assert list(batch.values) == [book.node(), trade.node(3)]


def test_the_node_that_kills_its_worker_is_lost_alone(pool):
    """One WorkerLostError, all other values are right; the first error is raised where that was asked for."""
    nodes = [trade.node(4), risky.node(), trade.node(5)]
    with dug.Context({mood.node(): "die"}) as ctx:
        batch = ctx.run_all(nodes, executor=pool)
        assert (type(batch.failures[risky.node()].error), len(batch.values)) == (WorkerLostError, 2)
    with dug.Context({mood.node(): "value"}) as ctx, pytest.raises(ValueError, match="bad mood"):
        ctx.run_all(nodes, executor=pool, return_exceptions=False)


def test_what_cannot_go_is_refused(pool):
    """A lambda around, a local node, and a call inside a node, are refused with what to type."""

    @dug.memoize
    def local():
        return 1

    @dug.memoize
    def inside():
        return dug.current_context().run_all([trade.node(6)], executor=pool)

    with dug.Context({spot: dug.bump(lambda value: value)}) as ctx, pytest.raises(TweakError, match="top of a module"):
        ctx.run_all([book.node()], executor=pool)
    with dug.Context() as ctx:
        with pytest.raises(TypeError, match="it is a local function"):
            ctx.run_all([local.node()], executor=pool)
        with pytest.raises(ContextError, match="cannot record what other processes read"):
            inside()
    assert issubclass(CodeDiffersError, dug.DugError)


def make_flow():
    """Return a flow of three functions."""
    return Flow(remote_book.low, remote_book.high, remote_book.spread, name="remote", values={"level": 3.0})


def test_a_flow_computes_all_its_names(pool):
    """`Flow.compute_all` gives the same batch, and a sweep of a name the same results: workers import a flow's functions."""
    flow = make_flow()
    away, here = flow.compute_all(executor=pool), flow.compute_all()

    with flow.context:
        swept, alone = (
            dug.sweep(flow.node("spread"), [{flow.node("low"): 0.5}, {}], executor=one).to_dict() for one in (pool, None)
        )

    assert list(away.values.items()) == list(here.values.items())
    assert len(away.values) == 4
    assert swept == alone


def test_a_lambda_in_a_flow_is_refused(pool):
    """A function of a flow that no worker could import is named, with what to type."""
    flow = make_flow()
    flow.add(lambda low: -low, name="negative")

    with pytest.raises(TypeError, match=r"a function of a flow cannot go to another process.*Define it at the top of a module"):
        flow.compute_all(executor=pool)
