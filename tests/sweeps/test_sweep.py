"""`sweep` asks nodes under many scenarios, one after the other; see also `test_sweep_threads.py` and `test_async_sweep.py`."""

import gc
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from itertools import count, islice
from operator import getitem
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.oracle import attempt
from support.program_on_dug import ProgramOnDug
from support.programs import FUNCTIONS, likeness
from support.strategies import nodes, outsides, programs, tweaks

import dug
from dug.scenarios import grid, ladder
from dug.testing import EventLog


@pytest.fixture
def p():
    """``total`` reads ``x(0)`` to ``x(2)``, each through ``y``; ``ran`` says which bodies ran."""
    ran = []

    @dug.memoize
    def x(i):
        ran.append(("x", i))
        return i

    @dug.memoize
    def y(i):
        ran.append(("y", i))
        if x(i) < 0:
            raise ValueError(i)
        return 10 * x(i)

    @dug.memoize
    def total():
        ran.append("total")
        return y(0) + y(1) + y(2)

    return SimpleNamespace(x=x, y=y, total=total, ran=ran)


# Results


def test_a_sweep_gives_a_result_for_each_scenario(p):
    """Results come in the order of the scenarios, each with the target's value under it."""
    with dug.Context():
        values = [result.value for result in dug.sweep(p.total.node(), [{p.x.node(i): 5} for i in range(3)])]

    assert values == [80, 70, 60]


def test_a_sweep_runs_what_depends_on_the_tweaks(p):
    """Over a warm base, a scenario runs the descendants of its tweaks and nothing else."""
    with dug.Context():
        p.total()
        p.ran.clear()
        list(dug.sweep(p.total.node(), [{p.x.node(i): 5} for i in range(3)]))

    assert p.ran == [("y", 0), "total", ("y", 1), "total", ("y", 2), "total"]


def test_a_result_counts_what_ran(p):
    """``recomputed`` is the number of runs that a listener hears of, those that failed among them."""
    scenarios = [{p.x.node(0): 5}, {p.y: dug.shift(1)}, {p.x.node(1): -1}, {p.x.node(0): 0}, {}]
    counts = []
    with dug.Context() as ctx:
        p.total()
        for scenario in scenarios:
            with EventLog(ctx) as log:
                (result,) = dug.sweep(p.total.node(), [scenario])
            counts.append((result.recomputed, len(log.computed) + len(log.failed)))

    assert counts == [(2, 2), (4, 4), (2, 2), (0, 0), (0, 0)]


def test_a_result_counts_what_ran_for_a_node_that_leaves_no_memo(p):
    """A node that is not remembered does not count itself; its callees do."""

    @dug.memoize
    def fail():
        p.y(0)
        raise RecursionError

    with dug.Context():
        (result,) = dug.sweep(fail.node(), [{}])

    assert type(result.error) is RecursionError
    assert result.recomputed == 2


def test_targets_share_the_context_of_a_scenario(p):
    """A memo of one target under a scenario answers for another target of it."""
    with dug.Context():
        p.total()
        p.ran.clear()
        (result,) = dug.sweep([p.y.node(0), p.total.node(), p.y.node(0)], [{p.x.node(0): 5}])

    assert result.value == (50, 80, 50)
    assert p.ran == [("y", 0), "total"]
    assert result.recomputed == 2


def test_scenarios_share_what_their_tweaks_do_not_change(p):
    """From a cold start, a node that no scenario changes runs once."""
    with dug.Context():
        list(dug.sweep(p.total.node(), [{p.x.node(0): value} for value in range(5)]))

    assert p.ran.count(("y", 1)) == p.ran.count(("x", 2)) == 1
    assert p.ran.count(("x", 0)) == 0


def test_a_scenario_finds_what_it_shares_with_the_one_before(p):
    """In a grid, a node that reads only the first node runs once for each of its values."""
    with dug.Context():
        p.total()
        p.ran.clear()
        list(dug.sweep(p.total.node(), grid({p.x.node(0): [5, 6], p.x.node(1): [7, 8, 9]})))

    assert p.ran.count(("y", 0)) == 2
    assert p.ran.count(("y", 1)) == 6


def test_scenarios_stand_on_the_context_around(p):
    """A scenario sees the tweaks of the context around, under its own."""
    with dug.Context(), dug.Context({p.x.node(1): 100, p.x.node(0): 7}):
        (result,) = dug.sweep(p.total.node(), [{p.x.node(0): dug.shift(1)}])

    assert result.value == 80 + 1000 + 20


def test_a_sweep_leaves_the_context_as_it_was(p):
    """After a sweep the same context is in force, and its values are there without a run."""
    with dug.Context() as ctx:
        before = p.total()
        list(dug.sweep(p.total.node(), [{p.x.node(0): 5}, {p.x.node(0): -1}]))
        p.ran.clear()

        assert dug.current_context() is ctx
        assert p.total() == before
    assert p.ran == []


def test_a_sweep_needs_a_context(p):
    """Outside a context a sweep is a NoContextError that says what to type."""
    with pytest.raises(dug.NoContextError, match=r"dug\.sweep\(\).*with dug\.Context\(\):"):
        dug.sweep(p.total.node(), [{}])


def test_a_sweep_uses_the_active_default(p):
    """A context that is activated is the context around, also once it is deactivated."""
    ctx = dug.Context({p.x.node(0): 5})
    ctx.activate()
    try:
        swept = dug.sweep(p.total.node(), [{}, {p.x.node(1): 5}])
        first = next(iter(swept)).value
    finally:
        ctx.deactivate()

    assert first == 80
    assert [result.value for result in swept] == [80, 120]


# Targets and scenarios


def test_scenarios_may_be_of_any_kind(p):
    """Tweak mappings and `Scenario` objects can be mixed."""
    scenarios = [{p.x.node(0): 5}, dug.Scenario({p.x.node(0): 6}), dug.Scenario({}, name="as it is")]
    with dug.Context():
        results = dug.sweep(p.total.node(), scenarios).to_dict()

    assert list(results.values()) == [80, 90, 30]


def test_a_mapping_names_its_scenarios(p):
    """The keys of a mapping name the results, whatever they are, before the scenarios' own names."""
    scenarios = {"five": {p.x.node(0): 5}, 6: dug.Scenario({p.x.node(0): 6}, name="six")}
    with dug.Context():
        results = dug.sweep(p.total.node(), scenarios).to_dict()

    assert results == {"five": 80, 6: 90}


def test_a_scenario_without_a_name_is_called_by_its_tweaks():
    """A result is named by the name of its scenario, else by the text of its tweaks."""

    @dug.memoize(name="market:spot")
    def spot(ticker):
        return 100.0

    a, b = spot.node("A"), spot.node("B")
    bumped = dug.Scenario({a: dug.shift(1)})
    scenarios = [{a: 101}, {a: dug.scale(2), b: 1}, {spot: dug.UNTWEAKED}, {}, bumped | bumped, dug.Scenario({a: 1}, "one")]
    with dug.Context():
        names = [result.name for result in dug.sweep(a, scenarios)]

    assert names == [
        "market:spot('A') = 101",
        "market:spot('A') = scale(2), market:spot('B') = 1",
        "market:spot = UNTWEAKED",
        "base",
        "market:spot('A') = shift(1) | market:spot('A') = shift(1)",
        "one",
    ]


def test_a_name_of_many_tweaks_is_short(p):
    """The name of a scenario with a thousand tweaks shows a few."""
    with dug.Context():
        (result,) = dug.sweep(p.total.node(), [{p.x.node(i): 0 for i in range(1000)}])

    assert result.name.endswith(", ... 996 more")
    assert len(result.name) < 700


def test_no_two_results_have_one_name(p):
    """A number tells scenarios of the same name apart, so that none hides another."""
    named = dug.Scenario({p.x.node(0): 5}, "a")
    with dug.Context():
        names = [result.name for result in dug.sweep(p.total.node(), [named, named, {}, named, {}])]

    assert names == ["a", "a (2)", "base", "a (3)", "base (2)"]


@pytest.mark.parametrize("target", [None, "y", 3, [1], {"a": 1}])
def test_a_target_that_is_no_node_is_refused(target):
    """Anything but a node is a TypeError at once, which says what to type."""
    with dug.Context(), pytest.raises(TypeError, match=r"f\.node\(x\)"):
        dug.sweep(target, [{}])


def test_a_function_is_no_target(p):
    """The function in the place of its node is refused, by itself and among others."""
    with dug.Context():
        for target in (p.total, [p.total], {"total": p.total}):
            with pytest.raises(TypeError, match="is not a node"):
                dug.sweep(target, [{}])


def test_one_scenario_is_refused(p):
    """One scenario in the place of several is a TypeError at once, which says what to type."""
    with dug.Context():
        for one in ({p.x.node(0): 5}, {p.x: dug.shift(1)}, dug.Scenario({})):
            with pytest.raises(TypeError, match=r"is one\. Write \["):
                dug.sweep(p.total.node(), one)


def test_scenarios_that_cannot_be_iterated_are_refused(p):
    """An object without scenarios, or a text, is a TypeError at once."""
    with dug.Context():
        for scenarios in (5, "", "abc", b"abc"):
            with pytest.raises(TypeError, match="one by one"):
                dug.sweep(p.total.node(), scenarios)


def test_a_text_is_no_target(p):
    """A text in the place of a node or of several is refused, an empty one too."""
    with dug.Context():
        for target in ("", b"", "total"):
            with pytest.raises(TypeError, match="is not a node"):
                dug.sweep(target, [{p.x.node(0): 5}])


def test_an_executor_must_submit(p):
    """An object without ``submit`` is a TypeError at once."""
    with dug.Context(), pytest.raises(TypeError, match=r"submit\(\)"):
        dug.sweep(p.total.node(), [{}], executor=4)


def test_no_targets_give_nothing_under_each_scenario(p):
    """A sweep of no nodes has a result for each scenario."""
    with dug.Context():
        assert [result.value for result in dug.sweep([], [{}, {}])] == [(), ()]


# One after the other


def test_nothing_runs_before_it_is_asked_for(p):
    """A sweep computes a scenario when iterating comes to it."""
    drawn = []

    def scenarios():
        for i in count():
            drawn.append(i)
            yield {p.x.node(0): i}

    with dug.Context():
        swept = dug.sweep(p.total.node(), scenarios())
        assert p.ran == drawn == []
        values = [result.value for result in islice(swept, 3)]

    assert values == [30, 40, 50]
    assert drawn == [0, 1, 2]
    assert p.ran.count("total") == 3


def test_results_are_kept(p):
    """Iterating again computes nothing and gives the same results."""
    with dug.Context():
        swept = dug.sweep(p.total.node(), [{p.x.node(0): i} for i in range(3)])
        first = list(swept)
        p.ran.clear()

        assert list(swept) == first
    assert p.ran == []


def test_an_iteration_goes_on_where_another_one_stopped(p):
    """Results that are there are not computed again by an iteration that goes further."""
    with dug.Context():
        swept = dug.sweep(p.total.node(), iter([{p.x.node(0): i} for i in range(3)]))
        next(iter(swept))

        assert [(one.value, two.value) for one in swept for two in swept if one is two] == [(30, 30), (40, 40), (50, 50)]
    assert p.ran.count("total") == 3


def test_a_sweep_has_a_length_where_its_scenarios_have_one(p):
    """The length is known beforehand where it can be, else after the last result; nothing runs to find it."""
    with dug.Context():
        swept = dug.sweep(p.total.node(), [{}, {}])
        lazy = dug.sweep(p.total.node(), iter([{}, {}]))

        assert len(swept) == 2
        with pytest.raises(TypeError, match="Iterate first"):
            len(lazy)
        assert p.ran == []
        assert len(list(lazy)) == len(lazy) == 2


def test_a_sweep_is_true_when_it_has_a_result(p):
    """The truth of a sweep is whether there is a first result, also where its length is not known."""
    with dug.Context():
        assert dug.sweep(p.total.node(), iter([{}]))
        assert not dug.sweep(p.total.node(), iter([]))


def test_a_sweep_has_a_text(p):
    """``repr`` says how far it is and computes nothing."""
    with dug.Context():
        swept = dug.sweep([p.total.node(), p.y.node(0)], iter([{}]))
        before = repr(swept)
        list(swept)

    assert before == "<Sweep of 2 nodes, 0 of unknown scenarios done>"
    assert repr(swept) == "<Sweep of 2 nodes, 1 of 1 scenarios done>"


def test_scenarios_are_made_in_the_context_around(p):
    """A generator of scenarios may ask nodes: they are asked where the sweep was asked for."""

    def scenarios():
        for i in range(2):
            yield {p.x.node(0): p.x(1) + i}

    with dug.Context({p.x.node(1): 20}):
        swept = dug.sweep(p.x.node(0), scenarios())

    assert [result.value for result in swept] == [20, 21]


def test_a_sweep_goes_on_after_its_context_was_left(p):
    """Results that are asked for outside the ``with`` are those of the context that was around the sweep."""
    with dug.Context({p.x.node(1): 20}):
        swept = dug.sweep(p.total.node(), [{p.x.node(0): 5}])
    with dug.Context({p.x.node(1): 1000}):
        values = [result.value for result in swept]

    assert values == [270]
    assert swept.base.value == 220


def test_a_sweep_inside_another_scenario_is_inside_it(p):
    """A node may sweep: its scenarios act on those it is asked under, and it depends on their reads."""

    @dug.memoize
    def risk():
        return tuple(result.value for result in dug.sweep(p.total.node(), [{p.x.node(0): dug.shift(1)}, {p.x.node(1): 0}]))

    with dug.Context():
        assert risk() == (40, 20)
        values = dug.sweep(risk.node(), [{p.x.node(0): 5}, {p.x.node(1): 5}, {p.x.node(2): 5}]).to_dict()

    assert list(values.values()) == [(90, 70), (80, 20), (70, 50)]


def test_a_sweep_that_outlives_its_node_is_refused(p):
    """A sweep that a node returns cannot go on, because its reads could not be recorded."""

    @dug.memoize
    def risk():
        swept = dug.sweep(p.total.node(), [{}, {}])
        next(iter(swept))
        return swept

    with dug.Context():
        swept = risk()
        for ask in (list, lambda swept: swept.base):
            with pytest.raises(dug.ContextError, match="has finished"):
                ask(swept)

    assert next(iter(swept)).value == 30


# Errors


def test_an_error_is_a_result(p):
    """A scenario that fails says so in its result, and the others have theirs."""
    with dug.Context():
        results = dug.sweep(p.total.node(), {"good": {}, "bad": {p.x.node(1): -1}, "better": {p.x.node(1): 2}}).to_dict()

    assert (results["good"], results["better"]) == (30, 40)
    assert (type(results["bad"]), results["bad"].args) == (ValueError, (1,))


def test_an_impossible_tweak_is_the_result_of_its_scenario(p):
    """A tweak that is not possible is an error of its scenario alone; scenarios without a name are numbered."""
    scenarios = [{p.x.node(0): 5}, {p.x: 5}, None, "what?", {p.x.node(0): 6}]
    with dug.Context():
        results = list(dug.sweep([p.total.node()], scenarios))

    assert [result.name for result in results if result.error] == ["scenario 2", "scenario 4"]
    assert [type(result.error) for result in results if result.error] == [dug.TweakError] * 2
    assert results[1].scenario is None
    assert "did you mean" in str(results[1].error).lower()
    assert [result.value for result in results if not result.error] == [(80,), (30,), (90,)]


@pytest.mark.parametrize("workers", [0, 2], ids=["loop", "threads"])
def test_the_failed_scenarios_are_given_to_the_next_sweep(p, workers):
    """failed() has the scenarios with an error under their names, impossible ones as they came; a sweep of them fails alike."""
    scenarios = {"good": {}, "bad": {p.x.node(1): -1}, 7: {p.x: 5}, "both": dug.Scenario({p.x: dug.shift(-5)}) | {p.x.node(0): 9}}
    executor = ThreadPoolExecutor(workers) if workers else nullcontext()
    with dug.Context(), executor as pool:
        first = dug.sweep([p.total.node(), p.y.node(0)], scenarios, executor=pool)
        again = dug.sweep([p.total.node(), p.y.node(0)], first.failed())
        expected = [describe_failure(result) for result in first if result.error]

        assert list(first.failed()) == ["bad", 7, "both"]
        assert [describe_failure(result) for result in again] == expected
        assert again.failed().keys() == first.failed().keys()


def describe_failure(result):
    """Return a result's name, values and errors."""
    return result.name, dict(result.values), [(label, type(exc), str(exc)) for label, exc in result.errors.items()]


def test_after_a_cancel_only_results_have_failed(p):
    """failed() makes no scenario of those that were cancelled, and has none where nothing failed."""
    with dug.Context():
        sweep = dug.sweep(p.total.node(), [{p.x.node(0): -1}, {}, {p.x.node(0): -2}])
        first = next(iter(sweep))
        sweep.cancel()

        assert list(sweep.failed()) == [first.name]
        assert dug.sweep(p.total.node(), [{}]).failed() == {}


def test_an_impossible_scenario_of_a_ladder_or_grid_is_a_result(p):
    """Ready-made scenarios are not different: an impossible tweak is an error of its scenario alone."""
    with dug.Context():
        rungs = list(dug.sweep(p.total.node(), ladder([p.x, p.x.node(0)], 5)))
        crossed = list(dug.sweep(p.total.node(), grid({p.x.node(0): [5], p.x: [5]})))
        central = list(dug.sweep(p.total.node(), ladder([p.x, p.x.node(0)], 5, 7)).central())

    assert [type(rung.error) for rung in rungs] == [dug.TweakError, type(None)]
    assert [rung.name.rpartition(".")[2] for rung in rungs] == ["x up", "x(0) up"]
    assert [type(result.error) for result in crossed] == [dug.TweakError]
    assert [type(result.error) for result in central] == [dug.TweakError, type(None)]


def test_a_scenario_is_one_outermost_call(p):
    """A failing node is asked once under one scenario, however many targets read it, and again under the next."""
    asked = []

    @dug.source
    def feed():
        asked.append("feed")
        raise OSError

    @dug.memoize
    def one():
        return feed()

    @dug.memoize
    def two():
        return feed()

    with dug.Context():
        results = list(dug.sweep([one.node(), two.node()], [{}, {p.x.node(0): 1}]))

    assert asked == ["feed", "feed"]
    assert [[type(error) for error in result.errors.values()] for result in results] == [[OSError, OSError]] * 2
    assert [result.recomputed for result in results] == [3, 3]


def test_the_scenarios_of_a_node_are_part_of_its_call(p):
    """Inside a running node, a node that failed under one scenario is not asked again under the next; counts are per scenario."""
    asked, counts = [], []

    @dug.source
    def feed():
        asked.append("feed")
        raise OSError

    @dug.memoize
    def risk():
        results = list(dug.sweep([feed.node(), p.y.node(0)], [{p.x.node(0): 1}, {p.x.node(0): 2}]))
        counts.extend(result.recomputed for result in results)
        return [type(result.error) for result in results]

    with dug.Context():
        p.x(1)
        assert risk() == [OSError, OSError]

    assert asked == ["feed"]
    assert counts == [2, 1]


def test_a_failure_is_filed_as_after_any_call(p):
    """After its scenario a failure is known to the context as after any outermost call: without frames."""

    @dug.memoize
    def fail():
        raise OSError

    with dug.Context() as ctx:
        (result,) = dug.sweep(fail.node(), [{}])
        error = ctx.memo(fail.node()).error

    assert type(error) is OSError
    assert error is not result.error
    assert error.__traceback__ is None


def test_an_interrupt_passes_and_the_scenario_is_asked_again(p):
    """An interrupt goes through; iterating again begins with the scenario that was interrupted."""
    interrupts = [KeyboardInterrupt]

    @dug.memoize
    def node():
        if p.x(0) == 1 and interrupts:
            raise interrupts.pop()
        return p.x(0)

    with dug.Context() as ctx:
        swept = dug.sweep(node.node(), ({p.x.node(0): i} for i in range(3)))
        with pytest.raises(KeyboardInterrupt):
            list(swept)

        assert dug.current_context() is ctx
        assert [result.value for result in swept] == [0, 1, 2]


def test_an_error_of_the_scenarios_comes_in_its_place(p):
    """The iterator of scenarios may fail: the results before stay, and iterating again raises again."""

    def scenarios():
        yield {p.x.node(0): 5}
        raise LookupError("no more")

    with dug.Context():
        swept = dug.sweep(p.total.node(), scenarios())
        for _ in range(2):
            values = []
            with pytest.raises(LookupError, match="no more"):
                values.extend(result.value for result in swept)
        with pytest.raises(LookupError, match="no more"):
            swept.to_dict()

    assert next(iter(swept)).value == 80


# The base


def test_the_base_is_the_context_around(p):
    """``base`` is the result of the targets without a scenario, and its name is base."""
    with dug.Context({p.x.node(0): 5}):
        swept = dug.sweep({"total": p.total.node()}, [{p.x.node(1): 0}])

        assert swept.base.value == {"total": 80}
    assert swept.base.name == "base"


def test_the_base_is_asked_once_and_when_looked_at(p):
    """A sweep whose base nobody looks at does not run it; looking twice runs it once."""
    with dug.Context():
        swept = dug.sweep(p.total.node(), [{p.x.node(0): 5}])
        list(swept)
        assert p.ran.count(("x", 0)) == 0
        assert swept.base is swept.base

    assert swept.base.recomputed == 3
    assert p.ran.count(("x", 0)) == 1


def test_a_base_that_fails_is_a_result(p):
    """An error of the base is in its result."""
    with dug.Context({p.x.node(0): -1}):
        swept = dug.sweep(p.total.node(), [{p.x.node(0): 0}])

        assert type(swept.base.error) is ValueError
    assert [result.value for result in swept] == [30]


# Memory


@pytest.mark.slow
@pytest.mark.parametrize("value", [1, -1])
def test_a_thousand_scenarios_leave_the_cache_as_it_was(p, value):
    """Kept results, those of failures too, keep no memo of their scenario."""
    with dug.Context() as ctx:
        p.total()
        list(dug.sweep(p.total.node(), [{p.x.node(0): value}]))
        before = len(ctx.cache)
        kept = list(dug.sweep(p.total.node(), ({p.x.node(0): value * i} for i in range(2, 1000))))

        assert len(ctx.cache) == before
    assert len(kept) == 998


def test_a_scenario_is_let_go_before_one_that_shares_nothing_with_it(p):
    """A scenario that has no tweak in common with the one before finds the cache as that one found it."""
    sizes = []

    @dug.memoize
    def look():
        sizes.append(len(dug.current_context().cache))
        return p.x(0)

    with dug.Context():
        for _ in dug.sweep(look.node(), [{p.x.node(0): i} for i in range(4)]):
            pass

    assert len(set(sizes)) == 1


def test_a_sweep_holds_nothing_that_it_was_given(p):
    """Scenarios of a generator are dropped when they were read."""

    class Tweaks(Mapping):
        __hash__ = object.__hash__

        def __getitem__(self, key):
            return {p.x.node(0): 1}[key]

        def __iter__(self):
            return iter({p.x.node(0): 1})

        def __len__(self):
            return 1

    made = weakref.WeakSet()

    def scenarios():
        for _ in range(10):
            tweaks = Tweaks()
            made.add(tweaks)
            yield tweaks

    most = 0
    with dug.Context():
        for _ in dug.sweep(p.total.node(), scenarios()):
            gc.collect()
            most = max(most, len(made))

    assert most == 1


# Any program


@given(
    program=programs,
    outside=outsides,
    around=tweaks(FUNCTIONS),
    scenarios=st.lists(tweaks(FUNCTIONS), max_size=5),
    targets=st.lists(nodes, min_size=1, max_size=3),
)
def test_a_sweep_is_a_loop_of_contexts(program, outside, around, scenarios, targets):
    """A sweep gives the same as entering each scenario and calling each target, and runs no more."""

    def in_a_loop(asked, said):
        for scenario in said:
            with dug.Context(scenario):
                yield [attempt(node) for node in asked]

    def in_a_sweep(asked, said):
        for result in dug.sweep(asked, said):
            yield [attempt(partial(getitem, result, node)) for node in asked]

    seen, ran = [], []
    for ask in (in_a_loop, in_a_sweep):
        on_dug = ProgramOnDug(program, outside)
        asked, said = [*map(on_dug.node, targets)], [*map(on_dug.tweaks, scenarios)]
        with dug.Context(on_dug.tweaks(around)):
            seen.append([[(likeness(outcome.value), outcome.failed) for outcome in each] for each in ask(asked, said)])
        ran.append(len(on_dug.ran))

    assert seen[1] == seen[0]
    assert ran[1] <= ran[0]


def test_a_stream_is_refused():
    """A stream is read in the scenario in force, so a sweep of one would give the items of none of its scenarios."""

    @dug.memoize
    def numbers():
        yield 1

    with dug.Context(), pytest.raises(TypeError, match=r"numbers\(\) is a stream, .*Sweep a memoised function that reads it"):
        dug.sweep([numbers.node()], [{}])
