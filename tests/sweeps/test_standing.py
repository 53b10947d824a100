"""How a sweep stands is seen in any thread, and nothing runs because somebody looks."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace

import pytest

import dug
from dug.executors._dispatch import Dispatch

PATIENCE_S = 20


@pytest.fixture
def p():
    """``total`` reads ``x``, calls what is in ``hook`` with it, and fails on negative numbers."""
    ran, hook = [], [lambda _: None]

    @dug.memoize
    def x():
        return 1

    @dug.memoize
    def total():
        ran.append(x())
        hook[0](x())
        if x() < 0:
            raise ValueError(x())
        return 10 * x()

    return SimpleNamespace(x=x, total=total, ran=ran, hook=hook)


def name_open(standing):
    """Return the names and stages of the open scenarios."""
    return [(one.name, one.stage) for one in standing.open]


def test_a_sweep_that_nobody_asks_stands_still(p):
    """A look at a sweep takes no scenario, and runs nothing."""
    with dug.Context():
        sweep = dug.sweep(p.total.node(), {"a": {p.x.node(): 2}, "b": {p.x.node(): 3}})
        standing = sweep._stand()

    assert (standing.total, list(standing.results), name_open(standing)) == (2, [], [])
    assert (standing.seconds, standing.seconds_left, standing.is_over) == (0.0, None, False)
    assert p.ran == []


def test_a_scenario_that_runs_is_seen_to(p):
    """While a node runs, its scenario is running, and those before it have results."""
    with dug.Context():
        sweep = dug.sweep(p.total.node(), {"a": {p.x.node(): 2}, "b": {p.x.node(): 3}})
        seen = []
        p.hook[0] = lambda _: seen.append(sweep._stand())
        tuple(sweep)

    assert [name_open(one) for one in seen] == [[("a", "running")], [("b", "running")]]
    assert [[result.name for result in one.results] for one in seen] == [[], ["a"]]
    assert seen[0].seconds_left is None
    assert seen[1].seconds_left > 0
    assert seen[1].seconds > 0
    over = sweep._stand()
    assert (len(over.results), over.open, over.seconds_left, over.is_over) == (2, [], None, True)
    assert [result.name for result in sweep._stand(1).results] == ["b"]


def test_scenarios_on_threads_run_wait_or_are_computed(p):
    """On an executor a scenario waits for a worker, runs, or is computed before the results ahead of it are there."""
    begun, go_on = Event(), Event()

    def hold(number):
        if number == 1:
            begun.set()
            assert go_on.wait(PATIENCE_S)

    class Twofold:
        """Runs the first call on a thread, the second at once, and leaves the third."""

        def __init__(self, pool):
            self.pool, self.count, self._max_workers = pool, 0, 1

        def submit(self, fn):
            self.count += 1
            future = Future()
            if self.count == 1:
                return self.pool.submit(fn)
            if self.count == 2:
                future.set_result(fn())
            return future

    p.hook[0] = hold
    names = {name: {p.x.node(): number} for name, number in (("slow", 1), ("quick", 2), ("left", 3))}
    with dug.Context(), ThreadPoolExecutor(2) as threads:
        sweep = dug.sweep(p.total.node(), names, executor=Twofold(threads))
        asked = threads.submit(sweep._find, 0)
        assert begun.wait(PATIENCE_S)
        while len(standing := name_open(sweep._stand())) < 3 or standing[1][1] != "computed":
            pass
        go_on.set()
        asked.result(PATIENCE_S)

        assert standing == [("slow", "running"), ("quick", "computed"), ("left", "waiting")]
        assert name_open(sweep._stand()) == [("quick", "computed"), ("left", "waiting")]
        sweep.cancel()


def test_a_scenario_that_was_interrupted_does_not_run(p):
    """After an interrupt the scenario that was asked waits to be asked again."""

    def interrupt(_):
        raise KeyboardInterrupt

    with dug.Context():
        sweep = dug.sweep(p.total.node(), {"a": {p.x.node(): 2}})
        p.hook[0] = interrupt
        with pytest.raises(KeyboardInterrupt):
            tuple(sweep)

        assert name_open(sweep._stand()) == [("a", "waiting")]


def test_scenarios_that_are_awaited_run(p):
    """Scenarios that are in flight together are running, each."""
    seen = []

    @dug.memoize
    async def slow():
        await asyncio.sleep(0)
        seen.append(name_open(sweep._stand()))
        return p.x()

    async def main():
        await sweep

    with dug.Context():
        sweep = dug.sweep(slow.node(), {"a": {p.x.node(): 2}, "b": {p.x.node(): 3}})
        asyncio.run(main())

    assert [("a", "running"), ("b", "running")] in seen
    assert sweep._stand().is_over


def test_a_sweep_that_was_cancelled_is_over(p):
    """After ``cancel`` there is no more to come; after an error of the scenarios neither, and it is told."""

    def scenarios():
        yield {p.x.node(): 2}
        raise LookupError("no more")

    with dug.Context():
        cancelled = dug.sweep(p.total.node(), [{p.x.node(): 2}, {p.x.node(): 3}])
        assert cancelled[0].value == 20
        cancelled.cancel()
        broken = dug.sweep(p.total.node(), scenarios())
        with pytest.raises(LookupError):
            tuple(broken)

    assert (cancelled._stand().is_over, len(cancelled._stand().results), cancelled._stand().total) == (True, 1, 2)
    assert (broken._stand().is_over, broken._stand().total) == (True, None)
    assert "LookupError: no more" in broken._stand().error


def test_the_base_of_a_result_is_seen_and_not_read(p):
    """A look at a base runs nothing, is no read of the node around, and does not spare the user's own read its note."""
    looked = []

    @dug.memoize
    def peek():
        sweep = dug.sweep(p.total.node(), [{p.x.node(): 5}])
        looked.append(sweep._see_base(sweep[0]).value)
        return sweep[0].value

    @dug.memoize
    def read():
        sweep = dug.sweep(p.total.node(), [{p.x.node(): 5}])
        looked.append(sweep._see_base(sweep[0]).value)
        return sweep.base.value

    with dug.Context():
        sweep = dug.sweep(p.total.node(), [{p.x.node(): 5}])
        assert sweep._see_base(sweep[0]) is None
        assert p.total() == 10
        assert (peek(), read()) == (50, 10)
        assert p.ran == [5, 1]
        assert looked == [10, 10]
        with dug.Context({p.x.node(): 7}):
            assert peek() == 50
            assert looked == [10, 10]
            p.total()
            assert read() == 70


def test_batches_on_their_way_are_listed():
    """Each item of a batch stands as its batch does, with how often it was sent."""

    class Pool:
        """Gives futures that are given."""

        workers, futures = 1, [Future() for _ in range(3)]

        def submit(self, message):
            return self.futures[message["number"]]

    Pool.futures[0].set_result(None)
    Pool.futures[1].set_running_or_notify_cancel()
    dispatch = Dispatch(Pool(), None, 2)
    for number, items in enumerate(["a", "bc", "d"]):
        dispatch.send(items, lambda _, number=number: {"number": number})

    assert dispatch.list_open() == [("a", "computed", 1), ("b", "running", 1), ("c", "running", 1), ("d", "waiting", 1)]
