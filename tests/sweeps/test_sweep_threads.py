"""A sweep on threads gives the same as one after the other; the engine's own promises to threads are tested elsewhere."""

import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from itertools import count
from types import SimpleNamespace

import pytest

import dug
from dug.executors.threads import ContextThreadPoolExecutor
from dug.scenarios import grid

POOLS = [ThreadPoolExecutor, ContextThreadPoolExecutor]
PATIENCE_S = 20


@pytest.fixture(params=POOLS, ids=lambda pool: pool.__name__)
def pool(request):
    """A pool of four workers, of either kind."""
    with request.param(4) as pool:
        yield pool


@pytest.fixture
def p():
    """``total`` reads twenty ``y``, which read ``x``; ``y`` fails on negative numbers."""

    @dug.memoize
    def x(i):
        return i

    @dug.memoize
    def y(i):
        if x(i) < 0:
            raise ValueError(i)
        return 10 * x(i)

    @dug.memoize
    def total():
        return sum(y(i) for i in range(20))

    return SimpleNamespace(x=x, y=y, total=total)


class Inline:
    """The minimal executor: runs a submitted call at once."""

    def submit(self, fn):
        future = Future()
        future.set_result(fn())
        return future


def describe(results):
    """Return the parts that are equal in two sweeps over the same scenarios."""
    return [(result.name, result.values, {label: repr(error) for label, error in result.errors.items()}) for result in results]


@pytest.mark.slow
def test_a_thousand_scenarios_on_threads_are_as_one_after_the_other(p, pool):
    """1,000 scenarios in four threads give the names, values and errors that they give in a loop, in order."""
    scenarios = grid({p.x.node(0): range(-1, 9), p.x.node(1): range(10), p.y.node(2): [dug.shift(i) for i in range(10)]})
    targets = [p.total.node(), p.y.node(0)]
    with dug.Context():
        p.total()
        expected = describe(dug.sweep(targets, scenarios))
    with dug.Context():
        p.total()
        results = list(dug.sweep(targets, scenarios, executor=pool))

    assert len(results) == 1000
    assert describe(results) == expected


def test_a_cold_sweep_on_threads_gives_the_same(p, pool):
    """With nothing computed before, threads give the same as a loop."""
    scenarios = [{p.x.node(i % 20): i} for i in range(100)]
    with dug.Context():
        expected = describe(dug.sweep(p.total.node(), scenarios))
    with dug.Context():
        assert describe(dug.sweep(p.total.node(), scenarios, executor=pool)) == expected


def test_threads_run_what_depends_on_the_tweaks(p, pool):
    """Over a warm base, each scenario in a thread runs the descendants of its own tweaks."""
    with dug.Context():
        p.total()
        results = list(dug.sweep(p.total.node(), [{p.x.node(i): 50} for i in range(20)], executor=pool))

    assert [result.recomputed for result in results] == [2] * 20


def test_the_calling_context_is_carried(p, pool):
    """Workers see the context around the sweep, also once it was left; the scenarios run in their threads."""
    threads = set()

    @dug.memoize
    def here():
        threads.add(threading.get_ident())
        return p.x(0) + p.x(1)

    with dug.Context({p.x.node(0): 100}):
        swept = dug.sweep(here.node(), [{p.x.node(1): i} for i in range(3)], executor=pool)

    assert [result.value for result in swept] == [100, 101, 102]
    assert threading.get_ident() not in threads


def test_results_come_in_order_and_as_they_are_ready(p, pool):
    """A result waits for those before it, and for none after it."""
    last, second = threading.Event(), threading.Event()

    @dug.memoize
    def wait():
        i = p.x(0)
        if i == 0:
            assert second.wait(PATIENCE_S)
        if i == 1:
            second.set()
        if i == 2:
            assert last.wait(PATIENCE_S)
        return i

    with dug.Context():
        results = iter(dug.sweep(wait.node(), [{p.x.node(0): i} for i in range(3)], executor=pool))
        values = [next(results).value, next(results).value]
        last.set()
        values.append(next(results).value)

    assert values == [0, 1, 2]


def test_scenarios_are_drawn_a_few_at_a_time(p, pool):
    """Of endlessly many scenarios, a few for each worker are taken before they are needed."""
    drawn = []

    def scenarios():
        for i in count():
            drawn.append(i)
            yield {p.x.node(0): i}

    most = []
    with dug.Context():
        for result, _ in zip(dug.sweep(p.x.node(0), scenarios(), executor=pool), range(50), strict=False):
            most.append(len(drawn) - result.value)

    assert max(most) <= 16


def test_errors_are_results_on_threads(p, pool):
    """A scenario that fails in a worker is a result with its error, and can be raised again and again."""
    with dug.Context():
        good, bad, impossible = dug.sweep(p.total.node(), [{}, {p.x.node(3): -1}, {p.x: 3}], executor=pool)

    assert good.value == 1900
    for _ in range(2):
        with pytest.raises(ValueError, match="3"):
            bad.value  # noqa: B018
    assert type(impossible.error) is dug.TweakError


def test_an_executor_is_anything_with_submit(p):
    """An executor needs a submit, and its futures a result."""
    with dug.Context():
        values = [result.value for result in dug.sweep(p.x.node(0), [{p.x.node(0): i} for i in range(3)], executor=Inline())]

    assert values == [0, 1, 2]


def test_a_closed_pool_says_so(p):
    """Asking for results whose pool was shut down raises the pool's error, each time, and loses no result."""
    with ThreadPoolExecutor(1) as pool, dug.Context():
        swept = dug.sweep(p.x.node(0), [{p.x.node(0): i} for i in range(100)], executor=pool)
        next(iter(swept))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="shutdown"):
            list(swept)

    assert next(iter(swept)).value == 0


def test_a_cancelled_scenario_is_no_result(p):
    """A future that was cancelled raises so in its place."""

    class Cancelling(Inline):
        def submit(self, fn):
            future = super().submit(fn)
            if future.result().name != "1":
                return future
            cancelled = Future()
            cancelled.cancel()
            return cancelled

    with dug.Context():
        results = iter(dug.sweep(p.x.node(0), {str(i): {} for i in range(3)}, executor=Cancelling()))

        assert next(results).name == "0"
        with pytest.raises(CancelledError):
            next(results)


def test_a_node_may_sweep_on_threads(p, pool):
    """A node that sweeps on threads depends on the reads of the scenarios."""

    @dug.memoize
    def risk():
        swept = dug.sweep(p.total.node(), [{p.x.node(0): i} for i in range(10)], executor=pool)
        return tuple(result.value for result in swept)

    with dug.Context():
        before = risk()
        with dug.Context({p.x.node(1): 2}):
            after = risk()
        with dug.Context({p.x.node(0): 2}):
            same = risk()

    assert before == same == tuple(1900 + 10 * i for i in range(10))
    assert after == tuple(1910 + 10 * i for i in range(10))


def test_counts_are_each_scenarios_own_on_threads(p, pool):
    """Inside a node, too, the runs of a scenario are counted for it alone, whatever runs at the same time."""
    counts = []

    @dug.memoize
    def risk():
        swept = dug.sweep(p.total.node(), [{p.x.node(i): 50} for i in range(20)], executor=pool)
        counts.extend(result.recomputed for result in swept)

    with dug.Context():
        p.total()
        (result,) = dug.sweep(risk.node(), [{}])

    assert counts == [2] * 20
    assert result.recomputed == 41


def test_a_cancelled_sweep_has_what_was_taken(p):
    """`cancel` withdraws what the executor has not begun; there are no more results than those that were taken."""

    class Late:
        """Runs each call only when its result is asked for."""

        def __init__(self):
            self.futures = []

        def submit(self, fn):
            future = Future()
            ask = future.result
            future.result = lambda: (future.done() or future.set_result(fn()), ask())[1]
            self.futures.append(future)
            return future

    late = Late()
    with dug.Context():
        for executor in (late, None):
            sweep = dug.sweep(p.total.node(), [{p.x.node(0): number} for number in range(50)], executor=executor)
            first = next(iter(sweep))
            sweep.cancel()
            assert [result.value for result in sweep] == [first.value]
            assert len(sweep) == 1

    assert [future.cancelled() for future in late.futures] == [False] + [True] * (len(late.futures) - 1)
