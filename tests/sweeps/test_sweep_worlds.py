"""Differences are taken in one world: a sweep never subtracts a value before a change from one after it."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event, Thread

import pytest

import dug
from dug.scenarios import ladder


class Outside:
    """The outside of the sources, which changes without notice."""

    x, y = 1.0, 10.0


OUTSIDE = Outside()


@dug.source(name="w:x")
def x():
    """Looks outside."""
    return OUTSIDE.x


@dug.source(name="w:y")
def y():
    """Looks outside."""
    return OUTSIDE.y


@dug.source(name="w:z")
def z():
    """Nobody reads it."""
    return 0.0


@dug.memoize(name="w:f")
def f():
    """Reads both."""
    return x() + y()


@dug.memoize(name="w:g")
async def g():
    """Reads both."""
    return x() + y()


@pytest.fixture(autouse=True)
def _outside():
    """Look at the same outside in each test."""
    OUTSIDE.x, OUTSIDE.y = 1.0, 10.0


SCENARIOS = [{x.node(): 2.0}, {x.node(): 3.0}, {x.node(): dug.shift(5.0)}]


def tweak(ctx):
    """Tweak the context around."""
    ctx.tweak(y.node(), 100.0)


def untweak(ctx):
    """Take a tweak back."""
    ctx.untweak(z.node())
    ctx.tweak(f.node(), dug.shift(7.0))


def tweak_function(ctx):
    """Replace a function."""
    ctx.tweak(y, lambda: 50.0)


class WaitingPool(ThreadPoolExecutor):
    """Keeps the futures of its calls, so that a test can wait for them."""

    def __init__(self, workers):
        super().__init__(workers)
        self.futures = []

    def submit(self, *args):
        """Runs a call in a thread."""
        self.futures.append(super().submit(*args))
        return self.futures[-1]


@pytest.mark.parametrize("change", [tweak, untweak, tweak_function])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("looked_before", [False, True])
def test_each_result_has_the_base_of_its_own_world(change, workers, looked_before):
    """A result before or after a change of the context around is compared with the base before or after it."""
    pool = WaitingPool(workers) if workers else None
    with dug.Context({z.node(): 1.0}) as ctx:
        sweep = dug.sweep(f.node(), SCENARIOS, executor=pool)
        if looked_before:
            assert sweep.base.value == 11.0
        results = iter(sweep)
        next(results)
        if pool is not None:
            wait(pool.futures)  # one that is taken during the change has no base, and says so
        change(ctx)
        list(results)

        assert list(sweep.diff().to_dict().values()) == [1.0, 2.0, 5.0]
    if pool is not None:
        pool.shutdown()


def test_a_result_that_was_taken_during_a_change_has_no_base():
    """Nobody knows which world a result shows whose targets were asked before and after a tweak: its difference says so."""
    begun, changed = Event(), Event()

    @dug.memoize
    def slow():
        begun.set()
        assert changed.wait(60)
        return f()

    with ThreadPoolExecutor(1) as pool, dug.Context() as ctx:
        sweep = dug.sweep([x.node(), slow.node()], SCENARIOS[:1], executor=pool)
        results = iter(sweep)
        taken = Thread(target=lambda: next(results))
        taken.start()
        assert begun.wait(60)
        ctx.tweak(y.node(), 100.0)
        changed.set()
        taken.join()

        (said,) = sweep.diff()
        with pytest.raises(dug.ContextError, match=r"The base of .* is gone: .* while its result was taken\. Look at sweep.base"):
            said[x.node()]


def test_the_base_is_of_the_world_of_the_results():
    """A base that is asked for after a tweak is the one before it, where the results are from before."""
    with dug.Context() as ctx:
        sweep = dug.sweep(f.node(), SCENARIOS)
        results = list(sweep)
        ctx.tweak(y.node(), 100.0)

        assert sweep.base.value == 11.0
        assert [result.value - sweep.base.value for result in results] == [1.0, 2.0, 5.0]
        assert f() == 101.0


def test_a_base_from_before_all_results_is_not_theirs():
    """A base that was looked at before a tweak is not that of results from after it."""
    with dug.Context() as ctx:
        sweep = dug.sweep(f.node(), SCENARIOS)
        assert sweep.base.value == 11.0
        ctx.tweak(y.node(), 100.0)
        assert sweep.base.value == 101.0
        results = list(sweep)

        assert sweep.base.value == 101.0
        assert [result.value - sweep.base.value for result in results] == [1.0, 2.0, 5.0]


def test_results_of_several_worlds_have_no_base_in_common():
    """Where results are from before and after a tweak, ``base`` says so and names ``diff()``."""
    with dug.Context() as ctx:
        sweep = dug.sweep(f.node(), SCENARIOS)
        results = iter(sweep)
        next(results)
        ctx.tweak(y.node(), 100.0)
        next(results)

        with pytest.raises(dug.ContextError, match=r"no base in common: .*'w:x\(\) = 3.0'. Use sweep.diff"):
            sweep.base  # noqa: B018


def invalidate(ctx):
    """Forget the dependencies of the base."""
    ctx.invalidate(y.node())


def clear(ctx):
    """Forget all."""
    ctx.clear()


@pytest.mark.parametrize("change", [invalidate, clear])
def test_a_base_that_is_gone_is_refused_by_name(change):
    """Nobody can find out the old outside afterwards: the error names the result and says what to do."""
    with dug.Context() as ctx:
        sweep = dug.sweep(f.node(), SCENARIOS)
        results = iter(sweep)
        next(results)
        OUTSIDE.y = 100.0
        change(ctx)
        list(results)
        said = sweep.diff()

        first = next(iter(said))
        with pytest.raises(dug.ContextError, match=r"The base of 'w:x\(\) = 2.0' is gone.*Look at sweep.base before"):
            first.value  # noqa: B018
        assert [result.value for result in said if result.error is None] == [2.0, 5.0]


def test_a_base_is_gone_with_an_old_definition():
    """After a function was redefined, results from before have no base; those after it have the new one."""

    @dug.memoize(name="w:local")
    def local():
        return y()

    @dug.memoize(name="w:top")
    def top():
        return x() + local()

    with dug.Context():
        sweep = dug.sweep(top.node(), SCENARIOS)
        results = iter(sweep)
        next(results)

        @dug.memoize(name="w:local")
        def local():
            return 100.0

        list(results)
        said = list(sweep.diff())

    assert said[0].error is not None
    assert [result.value for result in said[1:]] == [2.0, 5.0]


@pytest.mark.parametrize("change", [invalidate, clear])
@pytest.mark.parametrize("looks", [True, False])
def test_a_base_that_was_there_in_time_is_kept(change, looks):
    """A base that was looked at, or computed by anybody, before a change is the base of earlier results."""
    with dug.Context() as ctx:
        sweep = dug.sweep(f.node(), SCENARIOS)
        assert (sweep.base.value if looks else f()) == 11.0
        results = iter(sweep)
        next(results)
        OUTSIDE.y = 100.0
        change(ctx)
        list(results)

        assert [result.value for result in sweep.diff()] == [1.0, 2.0, 5.0]


def test_an_invalidation_elsewhere_changes_no_base():
    """Nodes that the base does not depend on may be forgotten at any time."""
    with dug.Context() as ctx:
        z()
        sweep = dug.sweep(f.node(), SCENARIOS)
        assert sweep.base.value == 11.0
        for _ in sweep:
            ctx.invalidate(z.node())
            z()

        assert [result.value for result in sweep.diff()] == [1.0, 2.0, 5.0]


@pytest.mark.parametrize("change", [tweak, invalidate])
def test_a_central_difference_is_of_one_world(change):
    """A change between up and down is said in the place of their difference; other nodes have theirs."""
    with dug.Context() as ctx:
        sweep = dug.sweep(f.node(), ladder([x.node(), y.node()], dug.shift(1.0), dug.shift(-1.0)))
        results = iter(sweep)
        next(results)
        change(ctx)
        OUTSIDE.y = 100.0
        list(results)
        first, second = sweep.central()

        assert type(first.error).__mro__[1] is dug.ContextError
        with pytest.raises(dug.ContextError, match=r"'w:x\(\) up' and 'w:x\(\) down'. Sweep again"):
            first.value  # noqa: B018
        assert second.value == 1.0


def test_a_central_difference_bears_what_concerns_it_not():
    """An invalidation of a node that neither direction reads leaves their difference alone."""
    with dug.Context() as ctx:
        sweep = dug.sweep(f.node(), ladder([x.node(), y.node()], dug.shift(1.0), dug.shift(-1.0)))
        for _ in sweep:
            ctx.invalidate(z.node())

        assert [result.value for result in sweep.central()] == [1.0, 1.0]


def test_an_awaited_sweep_has_a_base_for_each_world(run):
    """A sweep over coroutine functions asks for another base when the context around was tweaked during it."""

    async def main():
        with dug.Context() as ctx:
            sweep = dug.sweep(g.node(), SCENARIOS, limit=1)
            results = aiter(sweep)
            await anext(results)
            ctx.tweak(y.node(), 100.0)
            async for _ in results:
                pass
            with pytest.raises(dug.ContextError, match="no base in common"):
                sweep.base  # noqa: B018
            return list(sweep.diff().to_dict().values())

    assert run(main) == [1.0, 2.0, 5.0]


def test_an_awaited_sweep_keeps_the_base_from_before_an_invalidation(run):
    """The base of a sweep over coroutine functions is asked first, so it is there for the earlier results."""

    async def main():
        with dug.Context() as ctx:
            sweep = dug.sweep(g.node(), SCENARIOS, limit=1)
            results = aiter(sweep)
            await anext(results)
            OUTSIDE.y = 100.0
            ctx.invalidate(y.node())
            async for _ in results:
                pass
            return list(sweep.diff().to_dict().values())

    assert run(main) == [1.0, 2.0, 5.0]


def test_a_base_in_an_earlier_world_leaves_nothing_behind():
    """Memos computed under a tweak that is gone are freed with the sweep, without the garbage collector."""
    gc.disable()
    try:
        with dug.Context({y.node(): 5.0}) as ctx:
            sweep = dug.sweep(f.node(), SCENARIOS)
            list(sweep)
            ctx.untweak(y.node())
            assert [result.value for result in sweep.diff()] == [1.0, 2.0, 5.0]
            assert len(ctx.cache) > 0
            del sweep

            assert len(ctx.cache) == 1  # x() read no tweak
    finally:
        gc.enable()


def test_a_context_inside_a_node_is_tweaked_during_its_sweep():
    """A node that tweaks a context of its own during a sweep gets the right differences, and depends on both bases."""

    @dug.memoize(name="w:report")
    def report():
        with dug.Context() as ctx:
            sweep = dug.sweep(f.node(), SCENARIOS)
            results = iter(sweep)
            next(results)
            ctx.tweak(x.node(), 50.0)
            list(results)
            return tuple(result.value for result in sweep.diff()), y()

    with dug.Context() as ctx:
        assert report() == ((1.0, -47.0, 5.0), 10.0)
        ctx.tweak(y.node(), 20.0)
        assert report() == ((1.0, -47.0, 5.0), 20.0)


def test_a_base_that_nobody_asked_for_is_a_dependency():
    """A node whose sweep finds its base in the cache depends on that base."""

    @dug.memoize(name="w:moves")
    def moves():
        sweep = dug.sweep(f.node(), [{f.node(): 0.0}])
        list(sweep)
        return [result.value for result in sweep.diff()]

    with dug.Context() as ctx:
        f()
        assert moves() == [-11.0]
        assert f.node() in ctx.memo(moves.node()).dependencies
        ctx.tweak(y.node(), 20.0)
        assert moves() == [-21.0]


def list_errors(sweep):
    """Return the error of a scenario and that of its difference."""
    return [sweep["fails"].error, sweep.diff()["fails"].error]


KEPT = {
    "nothing": lambda _: None,
    "the error of a scenario": lambda sweep: sweep["fails"].error,
    "the error of the first, seen as it came": lambda sweep: next(iter(sweep)).error,
    "the errors of the differences": lambda sweep: [difference.error for difference in sweep.diff()],
    "all errors": list_errors,
}


@pytest.mark.parametrize("is_on_a_pool", [False, True])
@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT)
def test_an_error_that_is_kept_holds_no_tweak_of_its_world(keep, is_on_a_pool):
    """A failure in a world that is gone leaves nothing of it behind, however long its error is kept, without the collector."""

    @dug.memoize(name="w:fails")
    def fails():
        raise ValueError(y())

    def sweep_and_tweak(ctx, pool):
        sweep = dug.sweep(fails.node(), {"fails": {x.node(): 2.0}, "too": {}, "last": {z.node(): 1.0}}, executor=pool)
        results = iter(sweep)
        next(results)
        ctx.tweak(y.node(), 6.0)
        list(results)
        ctx.tweak(y.node(), 5.0)
        kept = keep(sweep)
        del sweep, results  # an error leads to this frame
        return kept

    gc.disable()
    try:
        with ThreadPoolExecutor(2) as workers, dug.Context({y.node(): 5.0}) as ctx:
            kept = sweep_and_tweak(ctx, workers if is_on_a_pool else None)
            ctx.untweak(y.node())

            assert len(ctx.cache) == 0, kept
    finally:
        gc.enable()


def test_the_error_of_a_base_holds_no_tweak_of_its_world():
    """So it is for an error of the base."""

    @dug.memoize(name="w:fails base")
    def fails():
        raise ValueError(y())

    def look_at_base():
        bases = [dug.sweep(fails.node(), {}).base]
        return bases.pop().error

    with dug.Context({y.node(): 5.0}) as ctx:
        kept = look_at_base()
        ctx.untweak(y.node())

        assert len(ctx.cache) == 0, kept


def test_an_error_of_an_awaited_sweep_holds_no_tweak_of_its_world(run):
    """So it is for coroutine functions, when the tasks have ended."""

    @dug.memoize(name="w:fails async")
    async def fails():
        raise ValueError(y())

    async def sweep_and_tweak(ctx):
        sweep = dug.sweep(fails.node(), SCENARIOS, limit=1)
        results = aiter(sweep)
        await anext(results)
        ctx.tweak(y.node(), 6.0)
        errors = [result.error async for result in results]
        ctx.tweak(y.node(), 5.0)
        return [*errors, *[difference.error for difference in sweep.diff()]]

    async def main():
        with dug.Context({y.node(): 5.0}) as ctx:
            kept = await sweep_and_tweak(ctx)
            ctx.untweak(y.node())
            gc.collect()  # a task that has ended refers to its canceller
            assert [type(error) for error in kept] == [ValueError] * 5
            assert len(ctx.cache) == 0

    run(main)
