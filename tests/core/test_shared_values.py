"""Values that are changed in place: a user who says that something changed gets the number of the plain functions.

A mutable object that is handed out again is not the same value.  So `invalidate` reaches all that read a source which hands out
one object for ever; a tweak that is told again is another tweak; and what nobody said to have changed is not run again.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import gc
import operator
import pickle
from types import SimpleNamespace
from typing import NamedTuple

import attrs
import pytest
from support.script import ask, play_threads, until
from support.sync_points import Signal

import dug
from dug import snapshot
from dug.scenarios import grid
from dug.testing import EventLog


class Feed:
    """The outside as it often is: one object that goes on for ever."""

    def __init__(self, last=1):
        self.last = last

    def __call__(self):
        return self.last

    def add(self, value):
        return value + self.last


@attrs.frozen
class Held:
    what: object


@dataclasses.dataclass(frozen=True)
class Kept:
    what: object


class Pair(NamedTuple):
    name: str
    what: object


def make_array(module):
    """Return an array of a package that may be missing."""
    return pytest.importorskip(module, reason=f"needs {module}").array([1.0, 2.0])


def make_frame():
    """Return a frame."""
    return pytest.importorskip("pandas", reason="needs pandas").DataFrame({"a": [1.0, 2.0]})


KINDS = {
    "list": (lambda: [1, 2], lambda it: it.append(5), sum),
    "dict": (lambda: {"a": 1}, lambda it: it.update(a=7), lambda it: it["a"]),
    "set": (lambda: {1, 2}, lambda it: it.add(9), sum),
    "bytearray": (lambda: bytearray(b"ab"), lambda it: it.extend(b"c"), sum),
    "deque": (lambda: collections.deque([1]), lambda it: it.append(4), sum),
    "counter": (lambda: collections.Counter("aab"), lambda it: it.update("a"), lambda it: it["a"]),
    "instance": (Feed, lambda it: setattr(it, "last", 9), lambda it: it.last),
    "namespace": (lambda: SimpleNamespace(last=1), lambda it: setattr(it, "last", 9), lambda it: it.last),
    "list in a tuple": (lambda: ("live", [1]), lambda it: it[1].append(5), lambda it: sum(it[1])),
    "dict in a named tuple": (lambda: Pair("live", {"a": 1}), lambda it: it.what.update(a=7), lambda it: it.what["a"]),
    "list in a frozen class": (lambda: Held([1]), lambda it: it.what.append(5), lambda it: sum(it.what)),
    "dict in a frozen data class": (lambda: Kept(({"a": 1},)), lambda it: it.what[0].update(a=7), lambda it: it.what[0]["a"]),
    "instance in a frozen set": (lambda: frozenset({Feed()}), lambda it: setattr(min(it), "last", 9), lambda it: min(it).last),
    "bound method": (lambda: Feed().__call__, lambda it: setattr(it.__self__, "last", 9), lambda it: it()),
    "array": (lambda: make_array("numpy"), lambda it: it.__setitem__(0, 9.0), lambda it: float(it.sum())),
    "frame": (make_frame, lambda it: it.__setitem__("a", [5.0, 6.0]), lambda it: float(it["a"].sum())),
}


@pytest.fixture(params=KINDS)
def thing(request):
    """One mutable object, how it is changed, and the number that is read from it."""
    make, change, read = KINDS[request.param]
    value = make()
    return SimpleNamespace(value=value, change=lambda: change(value), read=read)


@pytest.fixture
def p(thing):
    """A source that hands out the thing, nodes that pass it on, and numbers made of it."""

    @dug.source
    def outside():
        return thing.value

    @dug.memoize
    def passed(times=2):
        return passed(times - 1) if times else outside()

    @dug.memoize
    def number():
        return thing.read(outside())

    @dug.memoize
    def far():
        return thing.read(passed())

    @dug.memoize
    def book():
        return number(), far()

    return SimpleNamespace(outside=outside, passed=passed, number=number, far=far, book=book)


def expect(thing):
    """The value of the plain functions."""
    return thing.read(thing.value), thing.read(thing.value)


def test_what_read_a_source_is_computed_again_when_it_was_changed_in_place(thing, p):
    """After `invalidate`, readers give the new number, near and far, around, inside, beside and in a context entered again."""
    with dug.Context() as ctx:
        before = p.book()
        again = dug.Context({p.outside.node(): thing.value})
        with again:
            inside_before = p.book()
        thing.change()
        ctx.invalidate(p.outside.node())
        with dug.Context() as inner:
            inside = inner.run(p.book)
        after = p.book()
        with dug.Context(cache=dug.Cache()):
            layered = p.book()

    assert before == inside_before != after
    assert inside == after == layered == expect(thing)


def test_nothing_runs_that_read_nothing_of_what_changed(thing, p):
    """After `invalidate`, nodes that did not read the source are kept, and so are readers of an unchanged number."""

    @dug.memoize
    def other():
        return 3

    @dug.memoize
    def is_there():
        return p.number() is not None

    @dug.memoize
    def total():
        return other() + is_there()

    with dug.Context() as ctx:
        total()
        thing.change()
        ctx.invalidate(p.outside)
        with EventLog(ctx) as log:
            total()

    assert log.count(p.outside) == log.count(p.number) == log.count(is_there) == 1
    assert log.count(other) == log.count(total) == 0


def test_a_cache_that_lies_over_another_forgets_too(thing, p):
    """Nodes computed in a cache of its own give the new number as well, whichever context invalidates."""
    with dug.Context() as ctx, dug.Context({p.passed.node(0): dug.bump(lambda value: value)}, cache=dug.Cache()) as inner:
        before = p.book()
        thing.change()
        inner.invalidate(p.outside.node())
        after = p.book()
        thing.change()
        ctx.invalidate(p.outside)
        last = p.book()

    assert before != after
    assert after == last or last == expect(thing)
    assert last == expect(thing)


def test_coroutine_functions_give_the_new_number(thing):
    """Awaited nodes follow the same rule, also in a gather."""

    @dug.source
    async def outside():
        await asyncio.sleep(0)
        return thing.value

    @dug.memoize
    async def passed():
        return await outside()

    @dug.memoize
    async def number(which):
        return which, thing.read(await passed())

    @dug.memoize
    async def book():
        return await asyncio.gather(number(0), number(1), outside())

    async def main():
        with dug.Context() as ctx:
            before = (await book())[:2]
            thing.change()
            ctx.invalidate(outside.node())
            return before, (await book())[:2]

    before, after = asyncio.run(main())

    assert before != after == [(0, thing.read(thing.value)), (1, thing.read(thing.value))]


def test_a_run_in_flight_keeps_nothing_that_changed_meanwhile(thing, p):
    """A reader during the change and the invalidation leaves nothing behind that is older."""
    ctx, changed, asked = dug.Context(), Signal(), Signal()
    before = thing.read(thing.value)

    @dug.memoize
    def slow():
        seen = thing.read(p.passed())
        if not asked.is_set():
            asked.set()
            changed.wait_here()
        return seen

    @dug.memoize
    def top():
        return slow()

    def change():
        thing.change()
        ctx.invalidate(p.outside.node())

    with ctx:
        p.book()
        played = play_threads(ctx, ask("top", top), until(asked), change, changed.set)
        after = top(), *p.book()

    assert played.results == {"top": before}
    assert set(after) == {thing.read(thing.value)}


def test_a_tweak_that_is_told_again_is_another_tweak(thing, p):
    """The same object told again, with other content, gives the new number: by `tweak`, in a new context, from one scenario."""
    node = p.outside.node()
    scenario = dug.Scenario({node: thing.value}, "one")
    with dug.Context() as around:
        ctx = dug.Context({node: thing.value})
        first, second = dug.Context(scenario), dug.Context(scenario)
        seen = []
        for told in (ctx, first, second):
            with told:
                seen.append(p.book())
        thing.change()
        ctx.tweak(node, thing.value)
        for told in (ctx, dug.Context(scenario), dug.Context({node: thing.value}), dug.Context(dug.Scenario(scenario))):
            with told:
                seen.append(p.book())
        with dug.Context() as child:
            child.tweak(scenario)
            seen.append(p.book())
        around.tweak({node: thing.value, p.far.node(): dug.bump(lambda value: value)})
        seen.append(p.book())

    before = seen[0]
    assert seen == [before] * 3 + [expect(thing)] * 6
    assert before != expect(thing)


def test_a_union_tells_anew(thing, p):
    """What ``|`` makes, on either side, is told when it is made."""
    scenario = dug.Scenario({p.outside.node(): thing.value})
    with dug.Context():
        with dug.Context(scenario | {}):
            before = p.book()
        thing.change()
        seen = []
        bumped = {p.outside.node(): dug.bump(lambda value: value)}
        for union in (scenario | {}, {} | scenario, dug.Scenario() | scenario, scenario | bumped):
            with dug.Context(union):
                seen.append(p.book())

    assert before != expect(thing)
    assert seen == [expect(thing)] * 4


def test_a_sweep_may_give_one_buffer_again_and_again(thing, p):
    """Scenarios that give one object with other content each time, from a generator or in two sweeps, state it again."""
    node, wanted = p.outside.node(), []

    def scenarios():
        for _ in range(3):
            thing.change()
            wanted.append(expect(thing))
            yield {node: thing.value}

    with dug.Context():
        p.book()
        seen = [result.value for result in dug.sweep(p.book.node(), scenarios())]
        scenario = dug.Scenario({node: thing.value})
        for _ in range(2):
            thing.change()
            wanted.append(expect(thing))
            seen += [result.value for result in dug.sweep(p.book.node(), [scenario])]
        thing.change()
        wanted.append(expect(thing))
        seen += [result.value for result in dug.sweep(p.book.node(), grid({node: [thing.value]}))]

    assert seen == wanted


def test_what_a_context_computed_is_found_when_it_is_entered_again(thing, p):
    """Entering a context again tells nothing, so nothing runs, also inside itself and with a tweak of something else more."""
    with dug.Context():
        ctx = dug.Context({p.outside.node(): thing.value})
        with ctx:
            first = p.book()
        with ctx, EventLog(ctx) as log, ctx:
            second = p.book()
        ctx.tweak(p.passed.node(1), dug.bump(lambda value: value))
        with ctx, EventLog(ctx) as more:
            third = p.book()

    assert first == second == third
    assert log.computed == []
    assert more.count(p.number) == more.count(p.outside) == 0


def test_a_context_inside_a_node_tells_when_the_node_runs(thing, p):
    """A node that opens a context over a shared object reads it as it is when the node runs."""
    trigger = dug.source(lambda: 1)

    @dug.memoize
    def nested():
        trigger()
        with dug.Context({p.outside.node(): thing.value}):
            return p.book()

    @dug.memoize
    def top():
        return nested()

    with dug.Context() as ctx:
        before = top()
        thing.change()
        ctx.invalidate(trigger)
        after = top()

    assert before != after == expect(thing)


def test_a_loaded_file_follows_the_rule(p, tmp_path):
    """A node of a snapshot is computed again when the source returns an object that was changed in place."""
    rows = [1, 2]
    outside = dug.source(name="shared:rows")(lambda: rows)
    total = dug.memoize(name="shared:total")(lambda: sum(outside()))
    book = dug.memoize(name="shared:book")(lambda: (total(), sum(outside())))
    with dug.Context({outside.node(): rows}) as ctx:
        book()
    snapshot.save(ctx, tmp_path / "tweaked.dug")
    with dug.Context() as ctx:
        book()
    snapshot.save(ctx, tmp_path / "plain.dug")

    with snapshot.load(tmp_path / "tweaked.dug") as loaded, EventLog(loaded) as log:
        assert book() == (3, 3)
        told = loaded[outside.node()]
        told.append(7)
        loaded.tweak(outside.node(), told)
        tweaked = book()
    with snapshot.load(tmp_path / "plain.dug") as loaded:
        assert book() == (3, 3)
        loaded.invalidate(outside.node())
        assert book() == (3, 3)
        rows.append(4)
        loaded.invalidate(outside.node())
        after = book()

    assert log.computed == [total.node(), book.node()]
    assert tweaked == (10, 10)
    assert after == (7, 7)


ROWS = [1, 2]


@dug.source
def count_rows():
    """Read a list of the module."""
    return len(ROWS)


@dug.memoize
def sum_rows():
    """Read it without a source between."""
    return sum(ROWS)


@pytest.mark.parametrize("what", ["node", "function"])
@pytest.mark.parametrize("function", [count_rows, sum_rows], ids=["source", "memoised"])
def test_who_says_that_something_changed_is_not_warned(function, what):
    """A module's list that is changed in place gives no warning if its reader is invalidated; warnings are errors here."""
    with dug.Context() as ctx:
        before = function()
        ROWS.append(1)
        ctx.invalidate(function if what == "function" else function.node())
        after = function()

    assert after == before + 1


# Tweaks that do something.


class Instead:
    """A replacement with a state."""

    def __init__(self):
        self.rate = 1

    def __call__(self, n=0):
        return n * self.rate

    def scaled(self, n=0):
        return n * self.rate


def make_bumps(state):
    """Return bumps that depend on something that can be changed."""
    return {
        "bound method": dug.bump(state.scaled),
        "callable object": dug.bump(state),
        "argument": dug.bump(lambda value, held: value * held.rate, state),
        "part of an argument": dug.bump(lambda value, held: value * held[0].rate, (state, 1)),
    }


@pytest.fixture
def square():
    """A function, and one that reads it."""

    @dug.memoize
    def square(n=0):
        return n * n

    @dug.memoize
    def reader():
        return square(3) + 1

    return SimpleNamespace(square=square, reader=reader)


@pytest.mark.parametrize("way", ["callable object", "bound method", "partial"])
def test_a_replacement_with_another_state_is_another_replacement(square, way):
    """A callable object that is stated again with other state runs again, in each way to state it."""
    from functools import partial

    state = Instead()
    instead = {"callable object": state, "bound method": state.scaled, "partial": partial(state.scaled)}[way]
    with dug.Context() as around:
        ctx, scenario = dug.Context({square.square: instead}), dug.Scenario({square.square: instead})
        seen = []
        for _ in range(2):
            for told in (ctx, dug.Context({square.square: instead}), dug.Context(scenario)):
                with told:
                    seen.append(square.reader())
            state.rate = 5
            ctx.tweak(square.square, instead)
        around.tweak(square.square, instead)
        seen.append(square.reader())

    assert seen == [4, 4, 4, 16, 16, 16, 16]


@pytest.mark.parametrize("way", make_bumps(Instead()))
def test_a_bump_with_another_state_is_another_bump(square, way):
    """A bump that is stated again runs again if its function, or an argument of it, can be changed."""
    state = Instead()
    bump = make_bumps(state)[way]
    with dug.Context():
        ctx = dug.Context({square.square.node(3): bump})
        seen = []
        for _ in range(2):
            for told in (ctx, dug.Context({square.square: bump}), dug.Context({square.square.node(3): bump})):
                with told:
                    seen.append(square.reader())
            state.rate = 5
            ctx.tweak(square.square.node(3), bump)

    assert seen == [10, 10, 10, 46, 46, 46]


def plain(value=0, *_):
    """Return the value."""
    return value


SHARED = {
    "scalars": lambda: (1, 2.5, ("a", None)),
    "frozen object": lambda held=Held((1, "a")): held,
    "frozen set": lambda held=frozenset({1, (2, 3)}): held,
    "function": lambda: plain,
    "class": lambda: Feed,
    "enum member": lambda: attrs.NOTHING,
    "bump": lambda: dug.bump(plain, 1, "a"),
    "bump with a function and a class": lambda: dug.bump(plain, plain, Feed),
    "bump with a builtin": lambda: dug.bump(max, 3),
}


@pytest.mark.parametrize("way", SHARED)
def test_tweaks_in_which_nothing_can_be_changed_go_on_sharing(square, way):
    """Equal scalars, the same function, class or frozen object, and bumps with such, are one tweak however often told."""
    node = square.square.node(3)
    reader = dug.memoize(lambda: [square.square(3)])
    with dug.Context():
        first = dug.Context({node: SHARED[way]()})
        with first:
            reader()
        for told in (dug.Context({node: SHARED[way]()}), dug.Context(dug.Scenario({node: SHARED[way]()}))):
            with told, EventLog(told) as log:
                reader()
            assert log.computed == []


@pytest.mark.parametrize("instead", [plain, abs, Feed, dug.memoize(lambda n: n)], ids=repr)
def test_replacements_without_a_state_go_on_sharing(square, instead):
    """A function, a builtin, a class and a memoised function are one replacement however often told."""
    reader = dug.memoize(lambda: [square.square(3)])
    scenario = dug.Scenario({square.square: instead})
    with dug.Context():
        first = dug.Context(scenario)
        with first:
            reader()
        for told in (dug.Context(scenario), dug.Context({square.square: instead})):
            with told, EventLog(told) as log:
                reader()
            assert log.computed == []


def test_scenarios_are_equal_that_say_the_same_objects():
    """Two scenarios are equal, and pickled ones stay sensible, however often their tweaks were stated."""
    node = dug.memoize(name="shared:equal")(lambda: 0).node()
    rows = [1, 2]
    scenario = dug.Scenario({node: rows}, "one")
    bumped = dug.Scenario({node: dug.bump(sum, rows)})

    assert scenario == dug.Scenario({node: rows}, "one") == dug.Scenario(scenario)
    assert hash(scenario) == hash(dug.Scenario(scenario))
    assert dug.Context(scenario).scenario == scenario
    assert bumped == dug.Scenario({node: dug.bump(sum, rows)})
    assert scenario != dug.Scenario({node: [1, 2]}, "one")
    assert pickle.loads(pickle.dumps(scenario)).tweaks == {node: [1, 2]}
    assert dug.Scenario({node: (1, 2)}) == pickle.loads(pickle.dumps(dug.Scenario({node: (1, 2)})))


# Unchanged rules.


def test_a_value_that_was_taken_over_is_the_same_run(square):
    """A verified memo carries the value of the run that made it: its readers are not run, in a child of a child either."""

    @dug.memoize
    def size():
        return 1

    @dug.memoize
    def is_big():
        return size() > 100

    @dug.memoize
    def rows():
        return [1, 2, is_big()]

    @dug.memoize
    def total():
        return [sum(rows())]

    @dug.memoize
    def top():
        return total()[0]

    with dug.Context():
        top()
        with dug.Context({size.node(): 2}) as child, EventLog(child) as log:
            assert top() == 3
            with dug.Context({size.node(): 3}) as grandchild, EventLog(grandchild) as more:
                assert top() == 3
        with dug.Context({size.node(): 4}) as sibling, EventLog(sibling) as other:
            assert top() == 3

    assert log.computed == [is_big.node(), is_big.node()]
    assert more.computed == other.computed == [is_big.node()]


def test_values_that_were_taken_over_from_two_runs_are_two():
    """A node verified in one scenario is not the same as one verified in another, where another run had made it."""
    size = dug.memoize(lambda: 1)
    hundreds = dug.memoize(lambda: size() // 100)
    shared = [0]

    @dug.memoize
    def rows():
        shared[0] = hundreds()
        return shared

    total = dug.memoize(lambda: sum(rows()))
    with dug.Context():
        rows()
        with dug.Context({size.node(): 2}):
            small = total()  # of rows that were taken over
            with dug.Context({size.node(): 100}):
                rows()
                with dug.Context({size.node(): 101}):
                    large = total()  # of rows that were taken over from another run

    assert (small, large) == (0, 1)


def test_a_bump_over_a_list_is_verified(square):
    """A bump of a node that is tweaked to a list is kept while neither changed, though another tweak made it be asked again."""
    flag = dug.memoize(lambda: 1)
    is_set = dug.memoize(lambda: flag() > 0)
    rows = dug.memoize(lambda: [0])

    def more(value):
        return [*value, is_set()]

    total = dug.memoize(lambda: sum(rows()))
    with dug.Context({rows.node(): [1, 2]}), dug.Context({rows.node(): dug.bump(more)}):
        assert total() == 4
        with dug.Context({flag.node(): 2}) as ctx, EventLog(ctx) as log:
            assert total() == 4

    assert log.count(total) == log.count(rows) == 0


@pytest.mark.parametrize(("says", "wanted"), [(operator.eq, 3), (lambda old, new: False, 6)], ids=["content", "no"])
def test_an_equality_is_asked_about_the_same_object(says, wanted):
    """``eq=`` decides about one object too; an equality that compares content with itself sees no change."""
    rows, asked = [1, 2], []

    def eq(old, new):
        asked.append(old is new)
        return says(old, new)

    outside = dug.source(eq=eq)(lambda: rows)
    total = dug.memoize(lambda: sum(outside()))
    with dug.Context() as ctx:
        first = total()
        rows.append(3)
        ctx.invalidate(outside)
        second = total()

    assert (first, second) == (3, wanted)
    assert asked == [True]


def test_a_plan_says_what_may_run(thing, p):
    """A plan names the source for certain, and its readers as possible, though it returns the same object."""
    with dug.Context() as ctx:
        p.book()
        thing.change()
        ctx.invalidate(p.outside.node())
        planned = ctx.plan(p.book.node())
        with EventLog(ctx) as log:
            p.book()

    assert set(log.computed) == set(planned.nodes)
    assert planned.certain == (p.outside.node(),)


def test_a_comparison_finds_what_was_told_anew(thing, p):
    """A comparison goes down to the tweak whose object was changed between two tellings, and says so; so does an explanation."""
    node = p.outside.node()
    with dug.Context():
        first = dug.Context({node: thing.value})
        with first:
            p.book()
        thing.change()
        second = dug.Context({node: thing.value})
        with second:
            p.book()
        comparison = first.compare(second, p.book.node())
        explained = str(second.explain(p.book.node()))

    assert comparison.tweaks == (node,)
    assert {p.book.node(), p.number.node(), p.far.node()} <= set(comparison.nodes)
    assert "(one object, which may have been changed in place)" in str(comparison)
    assert "outside" in explained


def test_telling_again_and_again_leaves_nothing(square):
    """Many tellings of one list, one object and one bump, in contexts, tweaks and nodes, leave no tweak and no memo."""
    state, rows = Instead(), [1]
    scenario = dug.Scenario({square.square.node(3): rows})

    @dug.memoize
    def top():
        return square.reader()

    @dug.memoize
    def nested(n):
        with dug.Context({square.square: state}):
            return square.reader()

    def sizes(cache):
        gc.collect()
        group = cache.group
        parts = cache, cache.list_homes(), group._handles, group._watches, group.by_serial, group.list_scenarios()
        return [*map(len, parts), sum(len(one.live_readers()) for _, one in cache.list_homes())]

    def go(times):
        for _ in range(times):
            for told in ({square.square: state}, {square.square.node(3): dug.bump(state.scaled)}):
                with dug.Context(told), dug.Context({square.square.node(3): dug.bump(lambda value, held: value, rows)}):
                    top()
            ctx.tweak(square.square, state)
            top()
            ctx.untweak(square.square)
            ctx.invalidate(nested)
            nested(0)

    with dug.Context() as ctx:
        square.square.node(3)()
        go(5)
        before = sizes(ctx.cache)
        go(100)
        for _ in range(50):
            with pytest.raises(TypeError), dug.Context(scenario):
                top()

        assert sizes(ctx.cache) == before
