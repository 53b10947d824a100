"""A sweep of coroutine functions is awaited, or iterated with ``async for``; on asyncio and on trio."""

import asyncio
import gc
from contextlib import aclosing, suppress
from functools import partial
from itertools import count
from operator import getitem
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.oracle import attempt
from support.program_on_dug import ProgramOnDug
from support.programs import FUNCTIONS, likeness
from support.script import ask
from support.strategies import nodes, outsides, programs, tweaks
from support.sync_points import BACKENDS, settle

import dug
from dug.scenarios import grid, ladder


@pytest.fixture
def p():
    """``total`` awaits ``x(0)`` to ``x(2)``, each through ``y``, which may fail; ``ran`` says which bodies ran."""
    ran = []

    @dug.memoize
    async def x(i):
        ran.append(("x", i))
        return i

    @dug.memoize
    async def y(i):
        ran.append(("y", i))
        await anyio.lowlevel.checkpoint()
        if await x(i) < 0:
            raise ValueError(i)
        return 10 * await x(i)

    @dug.memoize
    async def total():
        ran.append("total")
        return await y(0) + await y(1) + await y(2)

    return SimpleNamespace(x=x, y=y, total=total, ran=ran)


class Gates:
    """``wait(i)`` waits for ``open(i)``, except for the base, 0; counts who is inside, was at most, left early and was asked."""

    def __init__(self):
        self.inside, self.most, self.left, self.asked = set(), 0, [], []
        self._events = {}

        @dug.memoize
        async def key():
            return 0

        @dug.memoize
        async def wait():
            i = await key()
            self.asked.append(i)
            self.inside.add(i)
            self.most = max(self.most, len(self.inside))
            try:
                await self._event(i).wait()
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await settle()
                self.left.append(i)
                raise
            finally:
                self.inside.remove(i)
            return i

        self.key, self.node = key.node(), wait.node()
        self.open(0)

    def _event(self, i):
        return self._events.setdefault(i, anyio.Event())

    def open(self, *which):
        for i in which:
            self._event(i).set()

    def scenarios(self, several):
        """One scenario for each number."""
        return [{self.key: i} for i in several]


async def after_settling(call):
    """Make a call once nothing else goes on."""
    await settle()
    call()


async def complete(swept):
    """Await a sweep in a task of its own."""
    return await swept


async def exhaust(swept):
    """Iterate over a sweep to its end."""
    async for _ in swept:
        pass


# Awaiting and iterating


def test_awaiting_gives_all_results(p, run):
    """``await`` asks all scenarios and returns their results, which are looked at like those of any sweep."""

    async def main():
        with dug.Context():
            results = await dug.sweep(p.total.node(), {"a": {p.x.node(0): 5}, "b": {p.x.node(1): 5}, "bad": {p.x.node(2): -1}})

        assert [result.name for result in results] == ["a", "b", "bad"]
        assert results["b"].value == 70
        assert results.base.value == 30
        assert results.to_dict() == {"a": 80, "b": 70, "bad": results["bad"].error}
        assert results.diff().to_dict() == {"a": 50, "b": 40, "bad": results["bad"].error}
        assert len(results) == 3
        assert repr(results) == "<AsyncSweep of 1 node, 3 of 3 scenarios done, 1 failed>"

    run(main)


def test_the_results_make_a_frame(p, run):
    """``to_frame`` has the same columns as for any sweep."""
    pytest.importorskip("pandas", reason="pandas is an extra")

    async def main():
        with dug.Context():
            return (await dug.sweep({"total": p.total.node()}, {"a": {p.x.node(0): 5}, "b": {}})).to_frame()

    frame = run(main)

    assert list(frame["total"]) == [80, 30]
    assert list(frame.columns) == ["total", "recomputed", "seconds", "error"]


def test_a_ladder_has_central_differences(p, run):
    """``central`` works on the results of a ladder."""

    async def main():
        with dug.Context():
            swept = await dug.sweep(p.total.node(), ladder([p.x.node(i) for i in (1, 2)], dug.shift(0.5), dug.shift(-0.25)))
        return [result.value for result in swept.central()]

    assert run(main) == [3.75, 3.75]


def test_async_for_gives_the_results_in_order(p, run):
    """Results come in the order of the scenarios, and iterating again gives the same ones and computes nothing."""

    async def main():
        with dug.Context():
            swept = dug.sweep(p.total.node(), [{p.x.node(i): 5} for i in range(3)])
            results = [result async for result in swept]
            p.ran.clear()

            assert [result.value for result in results] == [80, 70, 60]
            assert [result async for result in swept] == results == list(swept)
        assert p.ran == []

    run(main)


def test_the_failed_scenarios_are_given_to_the_next_awaited_sweep(p, run):
    """failed() has the scenarios with an error under their names once the sweep was awaited, and says so before."""

    async def main():
        with dug.Context():
            swept = dug.sweep(p.total.node(), {"good": {}, "bad": {p.x.node(1): -1}, "odd": {p.x: 5}})
            with pytest.raises(TypeError, match=r"results = await dug\.sweep"):
                swept.failed()
            failed = (await swept).failed()
            with dug.Context({p.y.node(1): 0}):
                again = await dug.sweep(p.total.node(), failed)

        assert list(failed) == ["bad", "odd"]
        assert (again["bad"].value, type(again["odd"].error)) == (20, dug.TweakError)

    run(main)


def test_awaiting_goes_on_where_an_iteration_stopped(p, run):
    """Awaiting a sweep that was iterated in part asks the rest, and iterations can be nested."""

    async def main():
        with dug.Context():
            swept = dug.sweep(p.x.node(0), ({p.x.node(0): i} for i in range(3)))
            async for _ in swept:
                break
            await swept
            pairs = [(one.value, two.value) async for one in swept async for two in swept if one is two]

        assert pairs == [(0, 0), (1, 1), (2, 2)]
        assert len(swept) == 3

    run(main)


def test_results_come_as_they_are_ready(play):
    """A result waits for those before it, and for none after it."""
    ctx, gates, values = dug.Context(), Gates(), []

    async def take():
        async for result in dug.sweep(gates.node, gates.scenarios([1, 2, 3])):
            values.append(result.value)  # noqa: PERF401  what is there so far counts

    opened = [partial(gates.open, 2), lambda: list(values), partial(gates.open, 1), lambda: list(values)]
    played = play(ctx, ask("results", take), *opened, partial(gates.open, 3))

    assert played.seen == [[], [1, 2]]
    assert values == [1, 2, 3]


@pytest.mark.parametrize(
    "look",
    [list, len, bool, lambda swept: swept["a"], lambda swept: swept.to_dict(), lambda swept: swept.diff().to_dict()],
    ids=["iterate", "len", "bool", "name", "to_dict", "diff"],
)
def test_looking_before_awaiting_says_what_to_type(p, look):
    """Results that were not awaited are a TypeError that says how to get them."""
    with dug.Context():
        swept = dug.sweep(p.total.node(), iter([{}]))
    expected = "Iterate first" if look is len else r"results = await dug\.sweep\(\.\.\.\)"
    with pytest.raises(TypeError, match=expected):
        look(swept)


def test_to_frame_before_awaiting_says_what_to_type(p):
    """A frame of results that were not awaited is a TypeError that says how to get them."""
    pytest.importorskip("pandas", reason="pandas is an extra")
    with dug.Context():
        swept = dug.sweep(p.total.node(), [{}])
    with pytest.raises(TypeError, match=r"async for result in dug\.sweep\(\.\.\.\)"):
        swept.to_frame()


def test_a_loop_without_await_is_no_coroutine_left_behind(p):
    """A sweep that nobody awaits has run nothing, and nothing complains."""
    with dug.Context():
        dug.sweep(p.total.node(), [{}])
    gc.collect()

    assert p.ran == []


def test_the_base_comes_first(p, run):
    """From a cold start, a node that no scenario changes runs once, however many run at the same time; the base is first."""

    async def main():
        with dug.Context():
            swept = dug.sweep(p.total.node(), [{p.x.node(0): i} for i in range(1, 21)])
            with pytest.raises(TypeError, match=r"base is not there yet.*results = await dug\.sweep"):
                swept.base  # noqa: B018
            return [result.recomputed async for result in swept if swept.base.value == 30]

    assert run(main) == [2] * 20
    assert p.ran.count(("y", 1)) == p.ran.count(("x", 2)) == 1


def test_a_base_that_fails_is_a_result(p, run):
    """An error of the base is in its result, and stops no scenario."""

    async def main():
        with dug.Context({p.x.node(0): -1}):
            results = await dug.sweep(p.total.node(), [{p.x.node(0): 0}])
        return type(results.base.error), [result.value for result in results]

    assert run(main) == (ValueError, [30])


# At the same time


def test_all_scenarios_run_at_the_same_time(play):
    """Without a limit, all scenarios of a list run at the same time."""
    gates, numbers = Gates(), range(1, 101)

    async def sweep():
        await dug.sweep(gates.node, gates.scenarios(numbers))

    played = play(dug.Context(), ask("sweep", sweep), lambda: len(gates.inside), partial(gates.open, *numbers))

    assert played.seen == [100]


@pytest.mark.parametrize("limit", [1, 3])
def test_a_limit_is_kept(play, limit):
    """With a limit, so many scenarios run at the same time, the base among them, and no more."""
    gates = Gates()

    async def sweep():
        return [result.value for result in await dug.sweep(gates.node, gates.scenarios(range(1, 10)), limit=limit)]

    played = play(dug.Context(), ask("sweep", sweep), *(partial(gates.open, i) for i in range(10)))

    assert gates.most == limit
    assert played.results == {"sweep": list(range(1, 10))}


def test_a_slow_scenario_does_not_hold_up_the_others(run):
    """While the first scenario runs, others are begun and done, up to a few for each that may run."""

    async def main():
        gates = Gates()
        gates.open(*range(2, 100))
        with dug.Context():
            swept = dug.sweep(gates.node, ({gates.key: i} for i in range(1, 100)), limit=3)

            async with anyio.create_task_group() as group:
                group.start_soon(exhaust, swept)
                for _ in range(5):
                    await settle()
                asked = sorted(gates.asked)
                gates.open(1)
        return asked

    assert run(main) == list(range(10))


@pytest.mark.parametrize(("limit", "ahead"), [(1, 1), (4, 13), (None, 253)])
def test_an_endless_generator_is_drawn_as_it_is_needed(run, p, limit, ahead):
    """Of endlessly many scenarios a few are taken ahead: with a limit of one none, and without one a few hundred."""
    drawn, most = [], []

    def scenarios():
        for i in count():
            drawn.append(i)
            yield {p.x.node(0): i}

    async def main():
        with dug.Context():
            swept = dug.sweep(p.x.node(0), scenarios(), limit=limit)
            assert drawn == []
            async for result in swept:
                most.append(len(drawn) - result.value)
                if result.value == 300:
                    break

    run(main)
    assert 0 < max(most) <= ahead


def test_an_endless_generator_runs_64_at_once(run):
    """Without a limit and without a length, 64 scenarios run at the same time."""

    async def main():
        gates = Gates()
        with dug.Context():
            swept = dug.sweep(gates.node, ({gates.key: i} for i in count(1)))
            async with anyio.create_task_group() as group:
                group.start_soon(exhaust, swept)
                await settle()
                most = gates.most
                group.cancel_scope.cancel()
        return most

    assert run(main) == 64


def test_targets_are_asked_at_the_same_time(run):
    """The targets of one scenario overlap, and the values come in the order in which they are named."""

    async def main():
        gate, order = anyio.Event(), []

        @dug.memoize
        async def first():
            await gate.wait()
            order.append("first")

        @dug.memoize
        async def second():
            gate.set()
            order.append("second")

        with dug.Context():
            (result,) = await dug.sweep({"first": first.node(), "second": second.node()}, [{}])
        return order, list(result.values)

    assert run(main) == (["second", "first"], ["first", "second"])


def test_errors_are_in_the_order_of_the_targets(run):
    """The first error of a result is that of its first target that failed, whichever failed first."""

    async def main():
        gate = anyio.Event()

        @dug.memoize
        async def first():
            await gate.wait()
            raise ValueError

        @dug.memoize
        async def second():
            gate.set()
            raise OSError

        with dug.Context():
            (result,) = await dug.sweep([first.node(), second.node()], [{}])
        return type(result.error)

    assert run(main) is ValueError


def test_sync_and_async_targets_mix(p, run):
    """A target that is a plain function is asked in the same scenario as those that are awaited."""

    @dug.memoize
    def rate():
        return 2

    @dug.memoize
    def twice():
        return 2 * rate()

    @dug.memoize
    async def product():
        return twice() * await p.x(1)

    async def main():
        with dug.Context():
            results = await dug.sweep([twice.node(), product.node()], [{rate.node(): 5}, {p.x.node(1): 7}, {twice: dug.shift(1)}])
        return [result.value for result in results]

    assert run(main) == [(10, 10), (4, 28), (5, 5)]


# One outermost call each


def test_a_scenario_is_one_outermost_call(run):
    """Targets that fail because of one node run it once under one scenario, and again under the next, the base among them."""
    asked = []

    @dug.memoize
    async def key():
        return 0

    @dug.source
    async def feed():
        asked.append("feed")
        await anyio.lowlevel.checkpoint()
        raise OSError

    @dug.memoize
    async def one():
        return await feed()

    @dug.memoize
    async def two():
        await settle()
        return await feed()

    async def main():
        with dug.Context():
            return [one async for one in dug.sweep([one.node(), two.node(), feed.node()], [{}, {key.node(): 1}], limit=1)]

    results = run(main)

    assert asked == ["feed", "feed", "feed"]
    assert [[type(error) for error in result.errors.values()] for result in results] == [[OSError] * 3] * 2
    assert [len(result.errors) for result in results] == [3, 3]
    assert [result.recomputed for result in results] == [3, 3]


def test_counts_are_each_scenarios_own(p, run):
    """``recomputed`` counts the runs of one scenario, whatever ran at the same time."""

    async def main():
        with dug.Context():
            await p.total()
            results = await dug.sweep(
                p.total.node(), [{p.x.node(0): 5}, {}, {p.y: dug.shift(1)}, {p.x.node(1): -1}, {p.x.node(2): 2}]
            )
        return [result.recomputed for result in results]

    assert run(main) == [2, 0, 4, 2, 0]


def test_counts_are_each_scenarios_own_inside_a_node(p, run):
    """Inside a running node, whose outermost call they all belong to, counts are each scenario's own too."""
    counts = []

    @dug.memoize
    async def risk():
        results = await dug.sweep(p.total.node(), [{p.x.node(0): 5}, {}, {p.y: dug.shift(1)}, {p.x.node(1): -1}])
        counts.extend(result.recomputed for result in results)

    async def main():
        with dug.Context():
            await p.total()
            return await dug.sweep(risk.node(), [{}])

    (result,) = run(main)

    assert counts == [2, 0, 4, 2]
    assert result.recomputed == 0


def test_a_node_may_sweep(p, run):
    """A node that sweeps depends on the reads of its scenarios, and these act on those that it is asked under."""

    @dug.memoize
    async def risk():
        results = await dug.sweep(p.total.node(), [{p.x.node(0): dug.shift(1)}, {p.x.node(1): 0}])
        return tuple(result.value for result in results)

    async def main():
        with dug.Context():
            assert await risk() == (40, 20)
            results = await dug.sweep(risk.node(), [{p.x.node(0): 5}, {p.x.node(1): 5}, {p.x.node(2): 5}])
        return [result.value for result in results]

    assert run(main) == [(90, 70), (80, 20), (70, 50)]


def test_a_sweep_that_outlives_its_node_is_refused(p, run):
    """A sweep that a node returns cannot go on, because its reads could not be recorded."""

    @dug.memoize
    async def risk():
        return dug.sweep(p.total.node(), [{}, {}])

    async def main():
        with dug.Context():
            swept = await risk()
            with pytest.raises(dug.ContextError, match="has finished"):
                await swept

    run(main)


def test_what_is_in_flight_when_its_node_ends_is_refused(run):
    """Scenarios that a node began and did not wait for give no results afterwards; closing their sweep cancels them."""

    async def main():
        gates = Gates()

        @dug.memoize
        async def risk():
            swept = dug.sweep(gates.node, gates.scenarios(range(3)))
            iteration = aiter(swept)
            await anext(iteration)
            return swept, iteration

        with dug.Context():
            swept, iteration = await risk()
            await settle()
            assert gates.inside == {1, 2}
            await swept.aclose()
            assert sorted(gates.left) == [1, 2]
            for ask in (exhaust(swept), complete(swept), anext(iteration)):
                with pytest.raises(dug.ContextError, match="has finished"):
                    await ask

    run(main)


def test_the_context_around_is_that_of_the_call(p, run):
    """The scenarios act on the context around ``dug.sweep``, wherever and whenever they are awaited."""

    async def main():
        with dug.Context({p.x.node(1): 20}):
            swept = dug.sweep(p.total.node(), [{p.x.node(0): 5}])
        with dug.Context({p.x.node(1): 1000}) as ctx:
            results = await swept
            assert dug.current_context() is ctx
        return results.base.value, [result.value for result in results]

    assert run(main) == (220, [270])


def test_a_sweep_needs_a_context(p):
    """Outside a context a sweep is a NoContextError."""
    with pytest.raises(dug.NoContextError, match=r"dug\.sweep\(\)"):
        dug.sweep(p.total.node(), [{}])


# Arguments


def test_an_executor_is_refused(p):
    """No executor can run coroutine functions; the message names the target and says what to use."""
    with dug.Context(), pytest.raises(TypeError, match=r"total\(\).*coroutine function.*limit="):
        dug.sweep([p.total.node()], [{}], executor=SimpleNamespace(submit=print))


def test_a_limit_is_refused_where_nothing_is_awaited():
    """A limit for plain functions is a TypeError, which says what bounds threads."""

    @dug.memoize
    def plain():
        return 1

    for target in (plain.node(), [plain.node()], []):
        with dug.Context(), pytest.raises(TypeError, match=r"executor=.*ThreadPoolExecutor\(4\)"):
            dug.sweep(target, [{}], limit=4)


@pytest.mark.parametrize(
    ("limit", "error"), [(0, ValueError), (-1, ValueError), (1.0, TypeError), (True, TypeError), ("2", TypeError)]
)
def test_a_limit_is_a_number_of_scenarios(p, limit, error):
    """A limit that is not a number from 1 on is refused at once."""
    with dug.Context(), pytest.raises(error, match="limit must be"):
        dug.sweep(p.total.node(), [{}], limit=limit)


def test_progress_is_told(p, run):
    """A progress function is told each result, and how many there will be."""
    told = []

    async def main():
        with dug.Context():
            await dug.sweep(p.total.node(), [{}, {p.x.node(0): 5}], progress=lambda *numbers: told.append(numbers))

    run(main)
    assert told == [(1, 2), (2, 2)]


# Errors


def test_an_error_is_a_result(p, run):
    """A scenario that fails, or whose tweak is not possible, says so in its result, and hides no other one."""

    async def main():
        with dug.Context():
            return await dug.sweep([p.total.node(), p.y.node(0)], [{}, {p.x.node(1): -1}, {p.x: 5}, {p.x.node(1): 2}])

    good, bad, impossible, better = run(main)

    assert (good.value, better.value) == ((30, 0), (40, 0))
    assert (type(bad.error), bad.error.args, bad[p.y.node(0)]) == (ValueError, (1,), 0)
    assert type(impossible.error) is dug.TweakError


def test_an_error_of_the_scenarios_comes_in_its_place(p, run):
    """The iterator of scenarios may fail: the results before stay, and asking again raises again."""

    def scenarios():
        yield {p.x.node(0): 5}
        raise LookupError("no more")

    async def main():
        with dug.Context():
            swept = dug.sweep(p.total.node(), scenarios())
            for _ in range(2):
                values = []
                with pytest.raises(LookupError, match="no more"):  # noqa: PT012  the loop is what raises
                    async for result in swept:
                        values.append(result.value)  # noqa: PERF401  what is there so far counts
                assert values == [80]
            with pytest.raises(LookupError, match="no more"):
                await swept
            with pytest.raises(LookupError, match="no more"):
                list(swept)

    run(main)


class Stop(BaseException):
    """What is no `Exception`."""


@pytest.mark.parametrize("kind", [Stop, GeneratorExit])
@pytest.mark.parametrize("several", [False, True])
def test_what_is_no_exception_passes_and_the_scenario_is_asked_again(p, run, several, kind):
    """An interrupt goes through; asking again begins with the scenario that was interrupted."""
    stops = [kind]

    @dug.memoize
    async def node():
        if await p.x(0) == 2 and stops:
            raise stops.pop()
        return await p.x(0)

    async def main():
        with dug.Context() as ctx:
            swept = dug.sweep([node.node(), p.x.node(0)] if several else [node.node()], ({p.x.node(0): i} for i in range(1, 4)))
            with pytest.raises(kind):
                await swept

            assert dug.current_context() is ctx
            return [result.value[0] for result in await swept]

    assert run(main) == [1, 2, 3]


def test_kept_errors_hold_no_frames_of_coroutines(p, run):
    """The frames of a kept error are emptied: those of coroutines have ended."""

    async def main():
        with dug.Context():
            (result,) = await dug.sweep(p.total.node(), [{p.x.node(1): -1}])
        traceback, held = result.error.__traceback__, []
        while traceback is not None:
            held.append(traceback.tb_frame.f_locals)
            traceback = traceback.tb_next
        return held

    held = run(main)

    assert held
    assert not any(held)


def test_a_coroutine_that_goes_on_is_left_alone(run):
    """A coroutine that caught an error and is suspended goes on after the error was kept."""

    async def main():
        caught, go_on, done = [], anyio.Event(), []

        @dug.memoize
        async def fail():
            await settle()
            raise caught[0]

        async def serve():
            try:
                [0][int("1")]
            except IndexError as exc:
                caught.append(exc)
                await go_on.wait()
                done.append(True)

        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            with dug.Context():
                (result,) = await dug.sweep(fail.node(), [{}])
            go_on.set()
        return type(result.error), done

    assert run(main) == (IndexError, [True])


# Cancelling


def test_cancelling_who_awaits_cancels_what_is_in_flight(run):
    """A task that is cancelled while waiting goes on when every scenario in flight has ended; asking again asks those again."""

    async def main():
        gates = Gates()
        with dug.Context() as ctx:
            swept = dug.sweep(gates.node, gates.scenarios(range(1, 5)))
            gates.open(1)
            async with anyio.create_task_group() as group:
                with anyio.CancelScope() as scope:
                    group.start_soon(after_settling, scope.cancel)
                    await swept
                assert sorted(gates.left) == [2, 3, 4]
                assert gates.inside == set()
                assert dug.current_context() is ctx
            gates.open(2, 3, 4)
            values = [result.value for result in await swept]
        assert sorted(gates.asked) == [0, 1, 2, 2, 3, 3, 4, 4]
        return values

    assert run(main) == [1, 2, 3, 4]


def test_cancelling_a_task_of_asyncio_waits_for_its_scenarios():
    """``task.cancel()``, repeated ones too, ends the task when every scenario in flight has ended."""

    async def main():
        gates = Gates()

        async def complete():
            with dug.Context():
                await dug.sweep(gates.node, gates.scenarios(range(1, 4)))

        task = asyncio.create_task(complete())
        await settle()
        assert gates.inside == {1, 2, 3}
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        return sorted(gates.left)

    assert asyncio.run(main()) == [1, 2, 3]


def test_leaving_an_iteration_cancels_what_is_in_flight(run):
    """After a ``break``, the scenarios in flight are cancelled."""

    async def main():
        gates = Gates()
        with dug.Context():
            swept = dug.sweep(gates.node, gates.scenarios(range(4)))
            async for _ in swept:
                await settle()
                break
            await settle()
            await settle()
        return sorted(gates.left), gates.inside

    assert run(main) == ([1, 2, 3], set())


def test_aclosing_waits_for_what_is_in_flight(run):
    """Leaving ``async with aclosing(dug.sweep(...))`` waits for the scenarios that an iteration left behind, errors or not."""

    async def main():
        gates = Gates()
        with dug.Context(), suppress(LookupError):
            async with aclosing(dug.sweep(gates.node, gates.scenarios(range(4)))) as swept:
                async for _ in swept:
                    await settle()
                    raise LookupError
        return sorted(gates.left)

    assert run(main) == [1, 2, 3]


def test_an_iteration_goes_on_after_one_that_was_left(run):
    """The next iteration asks for scenarios again that a ``break`` cancelled, after they have ended."""

    async def main():
        gates = Gates()
        with dug.Context():
            swept = dug.sweep(gates.node, gates.scenarios(range(3)))
            async for _ in swept:
                await settle()
                break
            gates.open(1, 2)
            return [result.value async for result in swept], gates.inside

    assert run(main) == ([0, 1, 2], set())


def test_an_inner_iteration_that_is_left_cancels_nothing_of_the_outer(run):
    """As long as one iteration goes on, the scenarios in flight go on."""

    async def main():
        gates = Gates()
        with dug.Context():
            swept = dug.sweep(gates.node, gates.scenarios(range(3)))
            async for _ in swept:
                async for _ in swept:
                    break
                await settle()
                gates.open(1, 2)
        assert len(gates.asked) == 3
        return gates.left, set(gates.asked)

    assert run(main) == ([], {0, 1, 2})


def test_one_task_at_a_time_awaits(run):
    """A second task that awaits the same sweep is told so, and disturbs nothing."""

    async def main():
        gates = Gates()
        with dug.Context():
            swept = dug.sweep(gates.node, gates.scenarios([1]))
            async with anyio.create_task_group() as group:
                group.start_soon(complete, swept)
                await settle()
                for ask in (complete, type(swept).aclose):
                    with pytest.raises(RuntimeError, match="another task"):
                        await ask(swept)
                gates.open(1)
        return [result.value for result in swept]

    assert run(main) == [1]


@pytest.mark.parametrize("then", BACKENDS)
def test_a_sweep_goes_on_on_another_loop(p, run, then):
    """A sweep begun on one loop goes on on another one, also when the first is gone with scenarios in flight."""
    loops = []

    @dug.memoize
    async def node():
        if await p.x(0) > 5 and len(loops) == 1:
            await anyio.sleep_forever()
        return await p.x(0)

    async def begin():
        loops.append("first")
        iteration = aiter(swept)
        value = (await anext(iteration)).value
        await settle()
        return iteration, value

    async def proceed():
        loops.append("second")
        return [result.value for result in await swept]

    with dug.Context():
        swept = dug.sweep(node.node(), [{p.x.node(0): i} for i in range(5, 9)])
    iteration, first = run(begin)

    assert first == 5
    assert anyio.run(proceed, backend=then) == [5, 6, 7, 8]
    del iteration


def test_a_cancelled_aclose_ends_cancelled():
    """A task that is cancelled while closing a sweep waits for its scenarios, and is cancelled then."""

    async def main():
        gates = Gates()
        with dug.Context():
            swept = dug.sweep(gates.node, gates.scenarios(range(3)))
            iteration = aiter(swept)
            await anext(iteration)
            await settle()
            task = asyncio.create_task(swept.aclose())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return sorted(gates.left)

    assert asyncio.run(main()) == [1, 2]


def test_a_scenario_that_a_stranger_cancelled_is_asked_again():
    """A task that is cancelled before it begins, by somebody else, leaves no hole."""

    async def main():
        @dug.memoize
        async def node():
            return 1

        with dug.Context():
            task = asyncio.create_task(complete(dug.sweep(node.node(), [{}, {}])))
            await asyncio.sleep(0)
            for other in asyncio.all_tasks() - {task, asyncio.current_task()}:
                other.cancel()
            return [result.value for result in await task]

    assert asyncio.run(main()) == [1, 1]


# Memory


def test_a_context_that_was_left_is_let_go_without_the_collector(p, run):
    """Memos awaited under a tweak are freed with its context, no later."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            before = []
            for i in range(5, 8):
                with dug.Context({p.x.node(0): i}):
                    await p.total()
                before.append(len(ctx.cache))
            return before

    gc.disable()
    try:
        assert len(set(run(main))) == 1
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 10, None])
@pytest.mark.parametrize("value", [1, -1])
def test_a_thousand_scenarios_leave_the_cache_as_it_was(p, run, value, limit):
    """Kept results, those of failures too, keep no memo of their scenario."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            await dug.sweep(p.total.node(), [{p.x.node(0): value}])
            before = len(ctx.cache)
            kept = await dug.sweep(p.total.node(), [{p.x.node(0): value * i} for i in range(2, 1000)], limit=limit)

            assert len(ctx.cache) == before
        assert len(kept) == 998
        assert all((result.error is None) is (value > 0) for result in kept)

    run(main)


def test_a_scenario_finds_what_it_shares_with_the_one_before(p, run):
    """One at a time, in a grid, a node that reads only the first node runs once for each of its values."""

    async def main():
        with dug.Context():
            await p.total()
            p.ran.clear()
            await dug.sweep(p.total.node(), grid({p.x.node(0): [5, 6], p.x.node(1): [7, 8, 9]}), limit=1)

    run(main)
    assert p.ran.count(("y", 0)) == 2


def test_a_left_sweep_leaves_the_cache_as_it_was(p, run):
    """A sweep that is left early and dropped keeps nothing of its scenarios."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            await dug.sweep(p.total.node(), [{p.x.node(0): 1}])
            before = len(ctx.cache)
            async with aclosing(dug.sweep(p.total.node(), [{p.x.node(0): i} for i in range(2, 50)])) as swept:
                async for _ in swept:
                    break
            del swept, _
            gc.collect()
            return len(ctx.cache) - before

    assert run(main) == 0


# Any program


@pytest.mark.slow
@given(
    program=programs,
    outside=outsides,
    around=tweaks(FUNCTIONS),
    scenarios=st.lists(tweaks(FUNCTIONS), max_size=5),
    targets=st.lists(nodes, min_size=1, max_size=3),
    backend=st.sampled_from(BACKENDS),
    limit=st.sampled_from([1, 2, None]),
)
def test_an_awaited_sweep_gives_what_any_sweep_gives(*, program, outside, around, scenarios, targets, backend, limit):
    """Coroutine functions that ask nodes give, under all scenarios at the same time, the same as one after the other."""

    def look(results, asked):
        outcomes = [[attempt(partial(getitem, result, label)) for label in asked] for result in results]
        return [[(likeness(outcome.value), outcome.failed) for outcome in each] for each in outcomes]

    on_dug = ProgramOnDug(program, outside)
    asked, said = dict(enumerate(map(on_dug.node, targets))), [*map(on_dug.tweaks, scenarios)]
    with dug.Context(on_dug.tweaks(around)):
        expected = look(dug.sweep(asked, said), asked)
    on_dug = ProgramOnDug(program, outside)
    asked, said = dict(enumerate(map(on_dug.node, targets))), [*map(on_dug.tweaks, scenarios)]

    @dug.memoize
    async def ask(label):
        await anyio.lowlevel.checkpoint()
        return asked[label]()

    async def main():
        with dug.Context(on_dug.tweaks(around)):
            return await dug.sweep({label: ask.node(label) for label in asked}, said, limit=limit)

    assert look(anyio.run(main, backend=backend), asked) == expected
