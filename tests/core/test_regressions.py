"""The traps that the design names, a test for each: the small programs that break a careless engine."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
import threading

import pytest
from support.script import ask, play_threads

import dug
from dug.testing import EventLog


@pytest.fixture
def no_collector():
    """A test in which only the last reference frees: an object in a circle stays."""
    gc.disable()
    yield
    gc.enable()


def test_a_node_read_untweaked_and_then_tweaked(p):
    """Having read x untweaked is remembered: a later first tweak of x runs the reader again."""
    with dug.Context():
        before = p.total()
        with dug.Context(tweaks={p.x.node(): 5}) as child, EventLog(child) as log:
            during = p.total()
        with dug.Context(tweaks={p.x: lambda: 6}) as child, EventLog(child) as function_log:
            by_function = p.total()
        after = p.total()

    assert (before, during, by_function, after) == (12, 20, 22, 12)
    assert log.count(p.total) == function_log.count(p.total) == 1


def test_a_grandchild_tweaks_what_only_the_childs_run_reads(p):
    """A node read only because of the child's tweak masks its reader in the grandchild."""

    @dug.memoize
    def choice():
        return p.x() if p.y() == 0 else p.z()

    with dug.Context():
        first = choice()
        with dug.Context(tweaks={p.y.node(): 0}):
            second = choice()
            with dug.Context(tweaks={p.x.node(): 5}) as grandchild:
                masked = grandchild.is_masked(choice.node())
                third = choice()
        with dug.Context(tweaks={p.x.node(): 5}) as child, EventLog(child) as log:
            fourth = choice()

    assert (first, second, third, fourth) == (100, 1, 5, 100)
    assert masked
    assert log.computed == []


def test_siblings_zero_and_one(p):
    """Siblings that tweak x to 0 and to 1 do not see each other's values, and each sees its own again."""
    with dug.Context():
        zero, one = (dug.Context(tweaks={p.x.node(): value}) for value in (0, 1))
        values = []
        for ctx in (zero, one, zero, one):
            with ctx, EventLog(ctx) as log:
                values.append(p.total())

    assert values == [10, 12, 10, 12]
    assert log.computed == []


def test_a_tweak_of_a_node_that_was_never_computed(p):
    """A node that nobody computed can be tweaked, and readers that come later see the tweak."""
    with dug.Context(tweaks={p.x.node(): 5}) as ctx:
        value = p.total()
        with dug.Context(tweaks={p.z.node(): 3}) as child, EventLog(child) as log:
            same = p.total()

    assert value == same == 20
    assert p.x.node() in ctx
    assert log.computed == []


def test_a_tweak_equal_to_the_computed_value(p):
    """A tweak to the value that was computed runs no reader: they are verified."""
    with dug.Context():
        p.total()
        with dug.Context(tweaks={p.x.node(): 1}) as child, EventLog(child) as log:
            value = p.total()

    assert value == 12
    assert log.computed == []
    assert p.total.node() in log.reused


@pytest.mark.parametrize(
    ("original", "other"),
    [(0.0, -0.0), (-0.0, 0.0), (1, True), (True, 1), (1, 1.0), (float("nan"), 0.0), ("a", "b")],
    ids=repr,
)
def test_a_tweak_restored_to_the_original(original, other):
    """Tweaked away and back, a node has its old value, type and sign included, and its reader runs twice in all."""

    @dug.memoize
    def x():
        return original

    @dug.memoize
    def shown():
        return repr(x())

    with dug.Context() as ctx, EventLog(ctx) as log:
        seen = [shown()]
        for value in (other, original, other):
            ctx.tweak(x.node(), value)
            seen.append(shown())
        ctx.untweak(x.node())
        seen.append(shown())

    assert seen == [repr(original), repr(other), repr(original), repr(other), repr(original)]
    assert 2 <= log.count(shown) <= 3


def test_untweaked_in_a_grandchild(p):
    """UNTWEAKED in a grandchild gives the root's value, and runs nothing that the root has."""
    with dug.Context():
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}):
            p.total()
            with dug.Context(tweaks={p.x.node(): dug.UNTWEAKED}) as grandchild, EventLog(grandchild) as log:
                value = p.total()

    assert value == 12
    assert log.count(p.total) == log.count(p.double) == 0


def test_untweaked_of_something_never_tweaked(p):
    """UNTWEAKED of a node that nobody tweaked changes nothing and runs no reader."""
    with dug.Context():
        p.total()
        with dug.Context(tweaks={p.x.node(): dug.UNTWEAKED}) as child, EventLog(child) as log:
            value = p.total()
        with child, dug.Context(tweaks={p.x.node(): 5}):
            tweaked = p.total()

    assert (value, tweaked) == (12, 20)
    assert log.count(p.total) == log.count(p.double) == 0


def test_untweak_of_something_the_context_does_not_tweak(p):
    """``untweak`` of a node that only an enclosing context tweaks is refused, says what to do, and changes nothing."""
    with dug.Context(tweaks={p.x.node(): 5}), dug.Context(tweaks={p.y.node(): 0}) as inner:
        first = p.total()
        with pytest.raises(dug.TweakError, match="UNTWEAKED"):
            inner.untweak(p.y.node(), p.x.node())
        with EventLog(inner) as log:
            second = p.total()

    assert first == second == 10
    assert log.computed == []


def test_early_cut_off_takes_the_footprint_of_the_new_dependencies(p):
    """A value kept after verification depends on the reads of this time."""

    @dug.memoize
    def choice():
        return p.x() if p.y() == 10 else p.z() - 99

    @dug.memoize
    def reader():
        return choice() * 1000

    with dug.Context():
        first = reader()
        with dug.Context(tweaks={p.y.node(): 0}) as child, EventLog(child) as log:
            second = reader()
            with dug.Context(tweaks={p.z.node(): 101}):
                third = reader()
            with dug.Context(tweaks={p.x.node(): 7}) as other, EventLog(other) as other_log:
                fourth = reader()

    assert (first, second, third, fourth) == (1000, 1000, 2000, 1000)
    assert reader.node() in log.reused
    assert other_log.computed == []


def test_the_overrides_of_a_context_inside_a_node_do_not_leak(p):
    """A tweak that a node's own context overrides does not mask the node."""

    @dug.memoize
    def opener():
        with dug.Context(tweaks={p.x.node(): 5}):
            return p.total()

    with dug.Context():
        first = opener(), p.total()
        with dug.Context(tweaks={p.x.node(): 7}) as child, EventLog(child) as log:
            second = opener(), p.total()

    assert first == (20, 12)
    assert second == (20, 24)
    assert log.count(opener) == 0


def test_what_is_read_in_a_context_inside_a_node_leaks(p):
    """A tweak that a node's own context does not override masks the node."""

    @dug.memoize
    def opener():
        with dug.Context(tweaks={p.x.node(): 5}):
            return p.total()

    with dug.Context() as ctx:
        first = opener()
        recorded = ctx.memo(opener.node()).dependencies
        with dug.Context(tweaks={p.y.node(): 0}) as child, EventLog(child) as log:
            second = opener()

    assert (first, second) == (20, 10)
    assert p.y.node() in recorded
    assert log.count(opener) == 1


def test_the_same_memo_read_inside_and_outside_a_context_in_a_node(p):
    """A node read under an override and without it depends on the node."""

    @dug.memoize
    def both():
        before = p.total()
        with dug.Context(tweaks={p.x.node(): 5}):
            inside = p.total(), p.y()
        return before, inside, p.y()

    with dug.Context():
        first = both()
        with dug.Context(tweaks={p.x.node(): 7}):
            second = both()
        with dug.Context(tweaks={p.y.node(): 0}):
            third = both()

    assert first == (12, (20, 10), 10)
    assert second == (24, (20, 10), 10)
    assert third == (2, (10, 0), 0)


def test_a_memo_that_no_override_touches_read_inside_and_outside(p):
    """A memo shared by both sides of an inner context keeps its edge from both."""

    @dug.memoize
    def both():
        with dug.Context(tweaks={p.z.node(): 5}):
            inside = p.double()
        return inside + p.double()

    with dug.Context() as ctx:
        first = both()
        recorded = ctx.memo(both.node()).dependencies
        with dug.Context(tweaks={p.x.node(): 7}):
            second = both()
        with dug.Context(tweaks={p.z.node(): 8}) as child, EventLog(child) as log:
            third = both()

    assert (first, second, third) == (4, 28, 4)
    assert recorded == (p.double.node(),)
    assert log.computed == []


def test_tweaking_in_the_middle_of_a_context_inside_a_node(p):
    """Reads before a tweak in the node's own context still count."""

    @dug.memoize
    def middle():
        with dug.Context() as own:
            before = p.double()
            own.tweak(p.x.node(), 5)
            return before, p.double()

    with dug.Context():
        first = middle()
        with dug.Context(tweaks={p.x.node(): 7}):
            second = middle()
        third = middle()

    assert first == third == (2, 10)
    assert second == (14, 10)


@pytest.mark.parametrize("tweaks_inside", [False, True])
@pytest.mark.parametrize(("around", "outcomes", "runs"), [("z", (10, 8), 2), ("x", (50, 40), 2), ("square", (6, 6), 1)])
def test_the_first_tweak_of_a_function_whose_node_is_bumped_inside_a_node(p, square, *, around, outcomes, runs, tweaks_inside):
    """A bump in a node's own context acts on a tweak of the function around, unless a tweak of the node hides it."""
    nodes = {"x": p.x.node(), "z": p.z.node(), "square": square.node(3)}

    @dug.memoize
    def opener():
        with dug.Context(tweaks={square.node(3): dug.shift(1)}):
            value = square(3) * p.x()
        with dug.Context(tweaks={square: abs} if tweaks_inside else None):
            return value

    with dug.Context(tweaks={nodes[around]: 5}) as ctx, EventLog(ctx) as log:
        first = opener()
        ctx.tweak(square, lambda n: 7)
        second = opener()

    assert (first, second) == outcomes
    assert log.count(opener) == runs


@pytest.mark.parametrize("is_scoped", [False, True])
@pytest.mark.parametrize(("asked", "outcomes", "runs"), [(3, (20, 20), 1), (4, (26, 10), 2)])
def test_untweaked_around_a_node_that_opens_a_context_itself(square, *, asked, outcomes, runs, is_scoped):
    """A node untweaked by a node's own context does not ask around for a tweak of its function, however deep; others do."""

    @dug.memoize
    def inner():
        with dug.Context(tweaks={square.node(asked): dug.shift(1)}):
            return square(3) + square(asked)

    @dug.memoize
    def opener():
        with dug.Context(tweaks={square.node(3): dug.UNTWEAKED}), dug.Context(cache=dug.Cache() if is_scoped else None):
            return inner()

    with dug.Context() as ctx, EventLog(ctx) as log:
        dug.Context(tweaks={square: abs}).run(abs, 0)  # a first tweak would tell the memos itself
        first = opener()
        ctx.tweak(square, lambda n: 0)
        second = opener()

    assert (first, second) == outcomes
    assert log.count(opener) == runs


def make_counter():
    """Return a memoised function that gives another value at each run."""
    values = iter(range(100))

    @dug.memoize
    def counter():
        return next(values)

    return counter


def test_invalidate_spares_a_memo_that_read_the_tweak():
    """A memo that read a tweak of the invalidated node stays."""
    counter = make_counter()

    @dug.memoize
    def reader():
        return counter() * 10

    with dug.Context() as ctx:
        first = reader()
        with dug.Context(tweaks={counter.node(): 7}) as child:
            reader()
        ctx.invalidate(counter.node())
        with child, EventLog(child) as log:
            tweaked = reader()
        second = reader()

    assert (first, tweaked, second) == (0, 70, 10)
    assert log.computed == []


def test_invalidate_takes_a_memo_that_untweaked_the_node_inside():
    """A memo that ran the invalidated node under an UNTWEAKED of its own goes."""
    counter = make_counter()

    @dug.memoize
    def opener():
        with dug.Context(tweaks={counter.node(): dug.UNTWEAKED}):
            return counter() * 10

    with dug.Context(tweaks={counter.node(): 7}) as ctx:
        first = opener()
        ctx.invalidate(counter.node())
        with EventLog(ctx) as log:
            second = opener()

    assert (first, second) == (0, 10)
    assert log.count(opener) == 1


def test_a_purged_dependency_of_a_running_node_when_a_new_bit_is_given(p):
    """A running node keeps the reads of its dropped dependencies when one of those is first tweaked."""

    @dug.memoize
    def running():
        with dug.Context(tweaks={p.x.node(): 5}):
            read = p.total()
        for _ in range(3):
            p.z()
        with dug.Context(tweaks={p.y.node(): 0}):
            p.total()
        return read

    with dug.Context():
        first = running()
        with dug.Context(tweaks={p.y.node(): 1}) as child, EventLog(child) as log:
            second = running()

    assert (first, second) == (20, 11)
    assert log.count(running) == 1


def test_a_caught_exception(p):
    """A caller that caught the error of a node depends on that node."""

    @dug.memoize
    def ratio():
        return 10 / p.x()

    @dug.memoize
    def careful():
        try:
            return ratio()
        except ZeroDivisionError:
            return "infinite"

    with dug.Context(tweaks={p.x.node(): 0}):
        first = careful()
        with dug.Context(tweaks={p.x.node(): 5}):
            second = careful()
        with dug.Context(tweaks={ratio.node(): 3}):
            third = careful()

    assert (first, second, third) == ("infinite", 2, 3)


def test_a_tweak_of_an_outer_context_while_an_inner_one_is_open(p):
    """A tweak of an outer context shows at once inside the inner one, below the inner one's own."""
    with dug.Context() as outer, dug.Context(tweaks={p.y.node(): 0}) as inner:
        first = p.total()
        outer.tweak({p.x.node(): 5, p.y.node(): 7})
        with EventLog(inner) as log:
            second = p.total()
        outer.untweak(p.x.node())
        third = p.total()

    assert (first, second, third) == (2, 10, 2)
    assert log.count(p.total) == log.count(p.double) == 1


def test_re_entry_after_the_parent_changed_and_changed_back(p):
    """A re-entered child follows its parent, and finds its memos when the parent is as it was."""
    child = dug.Context(tweaks={p.x.node(): 5})
    with dug.Context() as parent:
        seen = []
        with child:
            seen.append(p.total())
        parent.tweak(p.y.node(), 0)
        with child:
            seen.append(p.total())
        parent.untweak(p.y.node())
        with child, EventLog(child) as log:
            seen.append(p.total())

    assert seen == [20, 10, 20]
    assert log.computed == []


def test_a_generator_that_leaves_a_context_out_of_order(p):
    """A generator closed while another context is open raises ContextError and leaves a usable state."""

    def stream():
        with dug.Context(tweaks={p.x.node(): 5}):
            yield p.total()

    generator = stream()
    inside = next(generator)
    with dug.Context() as ctx:
        with pytest.raises(dug.ContextError):
            generator.close()
        value = p.total()
        current = dug.current_context()

    assert (inside, value) in [(20, 20), (20, 12)]
    assert current is ctx
    with dug.Context():
        assert p.total() == 12


def test_racing_twins_keep_the_first(p):
    """When two threads compute one node at the same time, both get and keep the object filed first."""
    ctx, barrier = dug.Context(), threading.Barrier(2)

    @dug.memoize
    def racer():
        with contextlib.suppress(threading.BrokenBarrierError):  # when the other thread waits for this one's result
            barrier.wait(0.2)
        return [p.x()]

    played = play_threads(ctx, [ask(n, racer) for n in range(2)])
    first, second = played.results.values()

    assert first is second
    assert ctx.run(racer) is first


def test_cycles_depend_on_where_they_are_entered():
    """Nothing computed inside a cycle is filed: each entry gives the value of the plain program from there."""

    @dug.memoize
    def first():
        try:
            return second() + 1
        except dug.CycleError:
            return 100

    @dug.memoize
    def second():
        try:
            return first() + 10
        except dug.CycleError:
            return 1000

    with dug.Context() as ctx:
        seen = first(), second(), first()

    assert seen == (1001, 110, 1001)
    assert first.node() not in ctx
    assert second.node() not in ctx


@pytest.mark.parametrize("order", ["flat", "flat reversed", "input outside", "derived outside"])
def test_a_bump_of_an_input_and_of_a_node_derived_from_it(p, order):
    """Bumps of a node and of its dependencies compose, flat and nested, in both orders; each alone is right too."""
    on_input, on_derived = {p.x.node(): dug.shift(1)}, {p.double.node(): dug.shift(0.5)}
    outer, inner = {
        "flat": ({}, on_input | on_derived),
        "flat reversed": (on_derived | on_input, {}),
        "input outside": (on_input, on_derived),
        "derived outside": (on_derived, on_input),
    }[order]
    with dug.Context():
        base = p.total()
        with dug.Context(tweaks=outer):
            with dug.Context(tweaks=inner):
                both = p.total()
            with dug.Context(tweaks=inner) as again, EventLog(again) as log:
                p.total()
        with dug.Context(tweaks=on_input):
            alone = p.total()

    assert (base, both, alone) == (12, 14.5, 14)
    assert log.count(p.total) <= 1


def test_an_outer_node_tweak_under_an_inner_function_tweak(square):
    """``{f: g}`` inside ``{f(1): 5}`` gives g(1), computed before or not."""
    with dug.Context(tweaks={square.node(3): 5}):
        first = square(3)
        with dug.Context(tweaks={square: lambda n: -n}) as inner:
            masked = inner.is_masked(square.node(3))
            second = square(3)
        third = square(3)

    assert (first, second, third) == (5, -3, 5)
    assert masked


def test_an_outer_function_tweak_under_an_inner_node_tweak(square):
    """``{f(1): 5}`` inside ``{f: g}`` gives 5, and g elsewhere."""
    with dug.Context(tweaks={square: lambda n: -n}):
        first = square(3), square(4)
        with dug.Context(tweaks={square.node(3): 5}) as inner, EventLog(inner) as log:
            second = square(3), square(4)
        third = square(3), square(4)

    assert (first, second, third) == ((-3, -4), (5, -4), (-3, -4))
    assert log.computed == []


def test_a_caught_recursion_error_is_not_remembered(p):
    """A node that caught a RecursionError is computed again: how deep the stack was is nobody's value."""
    shallow = []

    @dug.memoize
    def dive():
        def down():
            return p.x() if shallow else down()

        return down()

    @dug.memoize
    def careful():
        try:
            return dive()
        except RecursionError:
            return "too deep"

    with dug.Context() as ctx:
        first = careful()
        known = careful.node() in ctx, dive.node() in ctx
        shallow.append(True)
        second = careful()

    assert (first, second) == ("too deep", 1)
    assert known == (False, False)


class Halt(BaseException):
    """An error that is never remembered."""


def test_what_a_verification_met_is_raised_where_a_replacement_asks_for_its_node(p):
    """A BaseException that came up while a replacement was verified reaches it where it calls its own node, and can be caught."""

    @dug.memoize
    def strict():
        if p.x() == 5:
            raise Halt
        return 0

    def careful():
        try:
            return strict()
        except Halt:
            return -1

    with dug.Context(tweaks={strict: careful}):
        before = strict()
        with dug.Context(tweaks={p.x.node(): 5}):
            value = strict()

    assert (before, value) == (0, -1)


def test_what_a_verification_met_is_raised_where_the_body_asks_with_an_equal_argument(p):
    """The argument that is asked with need not equal itself: all NaN are one key."""

    @dug.memoize
    def strict(n):
        if p.x() == 5:
            raise Halt
        return 0

    @dug.memoize
    def careful():
        try:
            return strict(float("nan"))
        except Halt:
            return -1

    with dug.Context():
        before = careful()
        with dug.Context(tweaks={p.x.node(): 5}):
            value = careful()

    assert (before, value) == (0, -1)


def test_what_a_verification_met_keeps_no_tweak_alive(p, no_collector):
    """When an interrupted call is over, its failures are freed, and with them the memos that read a dropped tweak."""

    @dug.memoize
    def strict():
        if p.x() == 5:
            raise Halt
        return p.x()

    @dug.memoize
    def careful():
        return strict()

    with dug.Context() as ctx:
        careful()
        size = len(ctx.cache)
        child = dug.Context(tweaks={p.x.node(): 5})
        with child, pytest.raises(Halt):
            p.double(), careful()
        del child

    assert len(ctx.cache) == size


@pytest.mark.parametrize("kind", ["list", "array"])
def test_a_list_or_an_array_as_tweak_value_re_entered(p, kind):
    """A context that tweaks to a list or an array is re-entered without a run; another one states it again, without comparing."""
    value = [1, 2, 3]
    if kind == "array":
        value = pytest.importorskip("numpy", reason="needs numpy").array(value)

    @dug.memoize
    def summed():
        return sum(p.x())

    with dug.Context():
        child = dug.Context(tweaks={p.x.node(): value})
        with child:
            first = summed()
        with child, EventLog(child) as log:
            second = summed()
        with dug.Context(tweaks={p.x.node(): value}) as sibling, EventLog(sibling) as sibling_log:
            third = summed()

    assert first == second == third == 6
    assert log.computed == []
    assert sibling_log.computed == [summed.node()]


def test_a_module_level_function_redefined(tmp_path, monkeypatch):
    """A reloaded module with another body invalidates memos that ran the old one, and only those."""
    path = tmp_path / "redefined_trap.py"
    code = (
        "import dug\n"
        "@dug.memoize\ndef rate():\n    return 1\n"
        "@dug.memoize\ndef other():\n    return 5\n"
        "@dug.memoize\ndef value():\n    return rate() + other()\n"
    )
    path.write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("redefined_trap")
    with dug.Context() as ctx:
        before = module.value()
        path.write_text(code.replace("return 1", "return 20"))
        importlib.reload(module)
        with EventLog(ctx) as log:
            after = module.value()
    del sys.modules["redefined_trap"]

    assert (before, after) == (6, 25)
    assert sorted(log.computed) == sorted([module.rate.node(), module.value.node()])


def test_memoize_above_and_below_classmethod():
    """Both decorator orders give a classmethod that is memoised per class."""

    class Model:
        @dug.memoize
        @classmethod
        def above(cls, n):
            return cls.__name__, n

        @classmethod
        @dug.memoize
        def below(cls, n):
            return cls.__name__, n

    class Other(Model):
        pass

    with dug.Context() as ctx, EventLog(ctx) as log:
        values = Model.above(1), Other.above(1), Model.below(1), Other().below(1), Model().above(n=1)

    assert values == (("Model", 1), ("Other", 1), ("Model", 1), ("Other", 1), ("Model", 1))
    assert len(log.computed) == 4
    node = Model.below.node(Model, 1) if sys.version_info >= (3, 13) else Model.below.node(1)
    assert node in ctx
    assert Model.above.node(1) in ctx


def test_a_tuple_is_not_two_arguments():
    """``f((1, 2))`` is not ``f(1, 2)``, whatever way the arguments are packed."""

    @dug.memoize
    def packed(*args, **kwargs):
        return args, kwargs

    calls = [((1, 2), {}), (((1, 2),), {}), ((((1, 2),),), {}), ((), {"a": 1}), ((("a", 1),), {}), (("a", 1), {}), ((), {})]
    with dug.Context():
        values = [packed(*args, **kwargs) for args, kwargs in calls]

    assert values == calls
    assert len({packed.node(*args, **kwargs) for args, kwargs in calls}) == len(calls)


def test_two_memos_of_one_node_are_told_of_a_first_tweak_by_different_ways():
    """The first tweak of a node reaches each memo above it, also when another memo of the same node was reached before."""

    @dug.memoize
    def x():
        return 1

    @dug.memoize
    def near():
        return x()

    @dug.memoize
    def middle():
        return near() % 3

    @dug.memoize
    def far():
        return middle() or x()

    @dug.memoize
    def top():
        return far()

    with dug.Context({near.node(): dug.shift(2)}):
        top()
        with dug.Context({x: dug.scale(2)}):
            top()
            with dug.Context({x.node(): 0}):
                value = top()

    assert value == 2


def test_a_context_inside_a_replacement_acts_on_the_tweak_of_the_node_beneath_it():
    """A replacement entered over a tweaked node stands on that tweak, and so does what the replacement says of the node."""

    @dug.memoize
    def rate(x):
        return 1

    def replaced(x):
        with dug.Context({rate.node(x): dug.shift(100)}):
            return rate(x)

    with dug.Context({rate.node(1): dug.shift(5)}), dug.Context({rate: replaced}):
        assert (rate(1), rate(2)) == (106, 101)
