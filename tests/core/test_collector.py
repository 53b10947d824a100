"""What the garbage collector does with the nodes of a cache: it spends no time on them, and finds every circle through them.

The functions have names, as those of a program do; the nodes of local functions are another matter (test_local_functions.py).
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
from collections import Counter
from types import ModuleType
from weakref import ref

import pytest

import dug
from dug._core.state.group import CacheGroup

compiled = pytest.mark.skipif(not dug.COMPILED, reason="the compiled call path is not in use")


class Thing:
    """A value, or an argument, that may refer to anything."""

    __hash__ = object.__hash__  # its identity is what counts

    def __init__(self, **refers):
        self.__dict__.update(refers)


made = {}
"""What the functions below return, by their argument."""


@dug.memoize
def thing(number):
    """Return what the test prepared."""
    return made[number]


@dug.memoize
def number_of(number):
    """Return a number that was computed from a thing."""
    return number if thing(number) else 0


@dug.memoize
def taken(argument):
    """Return a number, whatever the argument."""
    return 1 if argument is not None else 0


@dug.memoize
def cell(i, j):
    """Return a number that rests on its neighbours."""
    return 1.0 if i == 0 or j == 0 else cell(i - 1, j) + cell(i, j - 1)


@pytest.fixture(autouse=True)
def _clean():
    made.clear()
    yield
    made.clear()


def watch(**refers):
    """Return a thing and a weak reference to it."""
    found = Thing(**refers)
    return found, ref(found)


def by_value(ctx):
    """A circle through a value."""
    made[1], watched = watch(ctx=ctx)
    ctx.run(thing, 1)
    return watched


def by_value_read(ctx):
    """A circle through a value that other nodes read."""
    made[1], watched = watch(ctx=ctx)
    ctx.run(number_of, 1)
    return watched


def by_container(ctx):
    """A circle through a list that is filled after it was returned."""
    found, watched = watch(ctx=ctx)
    made[1] = []
    ctx.run(number_of, 1)
    made[1].append(found)
    return watched


def by_argument(ctx):
    """A circle through an argument."""
    found, watched = watch(ctx=ctx)
    ctx.run(taken, found)
    return watched


def by_what_if(ctx):
    """A circle through a value under a tweak."""
    made[1], watched = watch(ctx=ctx)
    with ctx, dug.Context({taken.node(1): 5}) as inner:
        made[1].inner = inner
        number_of(1)
        taken(1)
    return watched


def by_several(ctx):
    """A circle through one of several values of a node."""
    watched = None
    made[1] = Thing()
    with ctx:
        for rate in range(3):
            with dug.Context({rate_of.node(): rate}) as inner:
                kept_under(1)
                if rate == 1:
                    found, watched = watch(ctx=ctx, inner=inner)
                    kept_under(1).refers = found
                made[1] = Thing(keeps=made[1], inner=inner)
    return watched


@dug.memoize
def rate_of():
    """Return a number to tweak."""
    return 0


@dug.memoize
def kept_under(number):
    """Return a thing of its own for each rate."""
    return Thing(rate=rate_of(), number=number)


def by_tweak(ctx):
    """A circle through a tweaked value that a node read."""
    found, watched = watch(ctx=ctx)
    with ctx:
        inner = dug.Context({thing.node(1): found})
        found.inner = inner
        with inner:
            number_of(1)
    return watched


def by_failure(ctx):
    """A circle through an error."""
    found, watched = watch(ctx=ctx)
    with pytest.raises(KeyError):
        ctx.run(number_of, 2)
    made[2] = found
    ctx.run(number_of, 2)
    return watched


def by_invalidation(ctx):
    """A circle through a value that waits to be verified."""
    made[1], watched = watch(ctx=ctx)
    ctx.run(number_of, 1)
    ctx.invalidate(thing.node(1))
    return watched


@dug.memoize
def switched():
    """Return a number, or a thing under a tweak."""
    return Thing() if rate_of() else 0


def by_later_value(ctx):
    """A circle through a value of a node that gave a number before."""
    with ctx:
        switched()
        with dug.Context({rate_of.node(): 1}) as inner:
            switched().refers = (ctx, inner)
            return ref(switched())


def by_namespace(ctx):
    """A circle through the globals of a function, and a context among them."""
    module = ModuleType("collected")
    sys.modules["collected"] = module
    exec("import dug\n@dug.memoize\ndef inside(x): return x\nctx = dug.Context()\nctx.run(inside, 1)", vars(module))
    del sys.modules["collected"]
    module.thing, watched = watch(ctx=ctx)
    return watched


@dug.memoize
def other_rate():
    """Return another number to tweak."""
    return 0


@dug.memoize
def sum_of_rates():
    """Return a number that rests on both."""
    return rate_of() + other_rate()


@dug.memoize
def opened(owner):
    """Return a thing, after a context was opened in which something ran."""
    found = rate_of()
    with dug.Context({other_rate.node(): 50}):
        found += sum_of_rates()
    return Thing(owner=owner, found=found)


@dug.memoize
def made_here():
    """Return a new thing."""
    return Thing()


@dug.memoize
def resting():
    """Return a number that rests on a thing and, further away, on a rate."""
    return 1 + sum_of_rates() if made_here() else 0


def by_opened(ctx):
    """A circle through a memo that the collector goes on looking at, and which is the only and the newest one."""
    found, watched = watch(ctx=ctx)
    ctx.run(opened, found)
    return watched


def by_opened_several(ctx):
    """A circle through several such memos of one node."""
    found, watched = watch(ctx=ctx)
    found.inner = [dug.Context({rate_of.node(): 10 + number}) for number in range(3)]
    with ctx:
        opened(found)
        for inner in found.inner:
            with inner:
                opened(found)
    return watched


def by_lower_layer(ctx):
    """A circle through a value that a layer still refers to, though the cache beneath was cleared."""
    layer = dug.Context(cache=dug.Cache())
    with ctx:
        made_here().refers = layer
        watched = ref(made_here())
        with layer:
            resting()
    ctx.clear()
    return watched


def by_waiting(ctx):
    """A circle through what memos have read that wait to be verified."""
    with ctx:
        made_here().refers = ctx
        watched = ref(made_here())
        resting()
        inner = [dug.Context({rate_of.node(): number}) for number in (1, 2, 3)]
        for one in inner:
            with one:
                resting()
        resting()
        made_here().inner = inner
    ctx.invalidate(made_here)
    return watched


CIRCLES = (
    by_value, by_value_read, by_container, by_argument, by_what_if, by_several, by_tweak, by_failure, by_invalidation,
    by_later_value, by_opened, by_opened_several, by_lower_layer, by_waiting, by_namespace,
)  # fmt: skip


def count_alive():
    """Return how many things, contexts and caches there are: weak references die before a finalizer revives anything."""
    gc.collect()
    gc.collect()
    kinds = [type(one) for one in gc.get_objects()]
    return [kinds.count(kind) for kind in (Thing, dug.Context, dug.Cache)]


@pytest.mark.parametrize("make", CIRCLES, ids=lambda make: make.__name__)
def test_a_circle_through_a_node_is_freed(make):
    """Whatever leads from a node back to its context is freed with it, and not before."""
    before = count_alive()
    ctx = dug.Context()
    for filler in range(20):
        ctx.run(cell, filler % 5, filler % 4)
    watched = make(ctx)
    made.clear()
    gc.collect()
    assert watched() is not None or make in (by_namespace, by_lower_layer)
    del ctx
    assert count_alive() == before
    assert watched() is None


class Clearing:
    """A value that clears its cache when it is freed."""

    cache = staticmethod(lambda: None)

    def __del__(self):
        if (cache := Clearing.cache()) is not None:
            cache.clear()


@dug.memoize
def clearing():
    """Return such a value."""
    return Clearing()


@dug.memoize
def on_clearing():
    """Return a number that rests on it, and on a rate."""
    return rate_of() if clearing() else 0


def test_a_cache_is_cleared_while_it_is_freed():
    """What is freed may ask the cache for anything."""
    before = count_alive()
    for _ in range(20):
        ctx = dug.Context(cache=dug.Cache())
        with ctx:
            clearing()
            on_clearing()
            for rate in range(1, 6):
                with dug.Context({rate_of.node(): rate}):
                    on_clearing()
        Clearing.cache = ref(ctx.cache)
        del ctx
        gc.collect()
    Clearing.cache = staticmethod(lambda: None)
    assert count_alive() == before


class Argument:
    """An argument that is equal to another one."""

    def __init__(self, number):
        self.number = number

    def __hash__(self):
        return hash(self.number)

    def __eq__(self, other):
        return isinstance(other, Argument) and self.number == other.number


@dug.memoize
def number_in(argument):
    """Return the number of an argument."""
    return argument.number


@dug.memoize
def on_argument():
    """Return a number that rests on one."""
    return number_in(Argument(1)) + rate_of()


def test_a_tweak_outlives_the_cache_in_which_it_was_met():
    """Nothing that a tweak answers with is of a cache that is gone."""
    base, inner = dug.Context(cache=dug.Cache()), dug.Context({number_in.node(Argument(1)): 5})
    layer = dug.Context(cache=dug.Cache())
    with base, layer:
        assert number_in(Argument(1)) == 1  # with an argument of its own
        with inner:
            assert on_argument() == 5
    found = Thing(layer=layer)
    with base, layer:
        taken(found)
    watched = ref(layer.cache)
    del layer, found
    with base, inner:
        rate_of()
    gc.collect()
    gc.collect()
    assert watched() is None
    with base, inner:
        assert on_argument() == 5
        with dug.Context({rate_of.node(): 1}):
            assert on_argument() == 6
        assert inner.memo(on_argument.node()).dependencies[0].args[0].number == 1


@pytest.mark.parametrize("cleared", ["cleared", "invalidated", "tweaked again"])
def test_a_circle_of_a_node_that_is_gone_is_freed(cleared):
    """A cache that stays open keeps nothing of the nodes that it lost."""
    ctx = dug.Context()
    with ctx:
        for number in range(3):
            made[number], watched = watch()
            found = made[number]
            found.record = None
            number_of(number)
            found.record = ctx.memo(thing.node(number))
            del found
        made.clear()
        if cleared == "cleared":
            ctx.cache.clear()
        elif cleared == "invalidated":
            ctx.invalidate(thing)
            ctx.invalidate(number_of)
        else:
            with dug.Context({thing.node(2): 1}):
                number_of(2)
            ctx.invalidate(thing)
            ctx.invalidate(number_of)
        number_of.node(5) in ctx  # noqa: B015  a look lets go of what waits
        gc.collect()
        assert watched() is None


@dug.memoize
def pair(argument, other=None):
    """Return a number, whatever the arguments."""
    return 1


def count_objects(act):
    """Return how many more objects the collector has after something was done."""
    gc.collect()
    before = len(gc.get_objects())
    act()
    gc.collect()
    return len(gc.get_objects()) - before


@compiled
def test_the_collector_has_no_object_of_a_node():
    """A node with two reads, atomic arguments and a number for its value leaves nothing to look at."""

    def fill():
        for i in range(30):
            for j in range(30):
                cell(i, j)

    with dug.Context():
        cell(1, 1)
        assert count_objects(fill) <= 20


@compiled
@pytest.mark.parametrize("make", [int, str, float, lambda number: b"%d" % number, lambda number: number + 2**70])
def test_the_collector_has_no_object_of_a_node_whose_arguments_are_atoms(make):
    """One argument, or several, of any type that refers to nothing."""
    with dug.Context():
        pair(make(1))
        assert count_objects(lambda: [pair(make(number)) for number in range(300)] and None) <= 20
        assert count_objects(lambda: [pair(make(number), make(7)) for number in range(300)] and None) <= 20


@compiled
@pytest.mark.parametrize(("function", "each"), [(taken, 2), (pair, 3)], ids=["alone", "among others"])
def test_the_collector_has_the_key_of_a_node_with_any_other_argument(function, each):
    """An argument that may refer to something leaves the key, which has it; and the arguments, if there are several."""
    with dug.Context():
        function(frozenset())
        grown = count_objects(lambda: [function(frozenset((number,))) for number in range(300)] and None)
    assert each * 300 - 10 <= grown <= each * 300 + 20


counted = []
"""How many objects the collector had at each end of a chain."""


@dug.memoize
def descend(number):
    """Count the objects that the collector has while as many nodes are open."""
    if number:
        return descend(number - 1)
    counted.append(Counter(type(one).__name__ for one in gc.get_objects()))
    return 0


@compiled
def test_the_collector_has_few_objects_of_a_node_that_runs():
    """A node that is being computed leaves its run, its key, its home and the token of the context variable to look at."""
    for depth in (20, 220):
        with dug.Context():
            gc.collect()
            descend(depth)
    few, many = counted[-2:]
    grown = {kind: number for kind, number in (many - few).items() if number > 20}
    assert set(grown) <= {"Run", "tuple", "NodeMemos", "Token"}
    assert max(grown.values()) <= 200


@compiled
def test_a_state_that_leaves_is_looked_at_again():
    """What is taken out of the table of a cache is the collector's own affair."""
    with dug.Context() as ctx:
        cell(3, 3)
        states = ctx.cache.homes.list_all()
        assert not any(map(gc.is_tracked, states))
        ctx.cache.clear()
        assert all(map(gc.is_tracked, states))


@compiled
def test_a_memo_that_was_tracked_again_is_shown_once():
    """One that waits to be verified is tracked, and stays in a place of its home, which must then be looked into."""
    with dug.Context() as ctx:
        cell(1, 1)
        home = ctx.cache.find_home(cell.node(1, 1)._key)
        memo = home.plain
        assert not gc.is_tracked(memo)
        ctx.invalidate(cell.node(0, 1))

        assert home.newest is memo
        assert gc.is_tracked(memo)
        assert gc.is_tracked(memo.dependencies)
        assert home.shown
        referents = [one for one in gc.get_referents(ctx.cache.homes) if one is memo]
        assert len(referents) == 1


@pytest.mark.parametrize("seed", range(8))
def test_what_is_in_use_is_never_collected(seed):
    """Random programs whose values refer to each other and to contexts, with a collection at every turn, give what they gave."""
    chance = random.Random(seed)
    ctx = dug.Context()
    inner = [dug.Context({rate_of.node(): rate}) for rate in range(3)]
    for number in range(12):
        made[number] = Thing(number=number, ctx=ctx, refers=[])
        made[number].refers.append(chance.choice(list(made.values())))
    expected = {number: thing.number for number, thing in made.items()}
    watched = [ref(one) for one in made.values()]
    with ctx:
        for _ in range(60):
            number, scenario = chance.randrange(12), chance.choice(inner)
            act = chance.randrange(6)
            if act == 0:
                ctx.invalidate(chance.choice((thing.node(number), number_of.node(number), kept_under)))
            elif act == 1:
                made[number].refers.append(made[chance.randrange(12)])
            elif act == 2:
                gc.collect(chance.randrange(3))
            with scenario:
                kept = kept_under(number)
                kept.refers = scenario
                gc.collect(chance.randrange(3))
                assert kept_under(number) is kept
                assert kept.refers is scenario
                assert kept.rate == rate_of()
                assert number_of(number) == number
                assert thing(number).number == expected[number]
                assert ctx.memo(thing.node(number)).value.refers
    made.clear()
    del ctx, inner, scenario, kept, number
    gc.collect()
    gc.collect()
    assert all(one() is None for one in watched)


@dug.memoize
def down(number):
    """A chain of runs that are open at the same time."""
    return down(number - 1) + 1 if number else 0


@compiled
def test_the_memory_of_runs_that_have_ended_serves_the_next(request):
    """What a chain of 200 runs is made of need not be made anew for the next chain: that had the collector look for garbage."""

    def fill():
        with dug.Context():
            assert down(200) == 200

    collections = []
    for _ in range(3):
        fill()
    gc.collect()
    gc.callbacks.append(lambda phase, told: collections.append(phase))
    request.addfinalizer(gc.callbacks.pop)
    for _ in range(10):
        fill()

    assert collections.count("start") <= 3  # one for each chain, where all is made anew


def test_a_record_outlives_its_context():
    """A record holds what it tells about."""
    made[1] = Thing(number=7, refers=[])
    made[1].refers.append(made[1])
    ctx = dug.Context()
    ctx.run(number_of, 1)
    record = ctx.memo(number_of.node(1))
    of_thing = ctx.memo(thing.node(1))
    made.clear()
    del ctx
    gc.collect()
    assert record.value == 1
    assert of_thing.value.number == 7
    assert of_thing.value.refers == [of_thing.value]
    assert record.dependencies == (thing.node(1),)
    assert CacheGroup.all()


ASKING = """
import gc
import dug

@dug.memoize
def leaf(number):
    return number

class Asks:
    def __init__(self, number):
        self.number, self.me = number, self

    def __del__(self):
        leaf(self.number), leaf(self.number + 1)

@dug.memoize
def total(wait):
    found = sum(map(leaf, range(20)))  # so many that Python keeps no tuple of that size to be used again
    Asks(100 + 2 * wait)
    gc.set_threshold(gc.get_count()[0] + wait)  # the collector comes so many allocations from now
    return found

with dug.Context() as ctx:
    for wait in range(40):
        assert total(wait) == 190
        gc.set_threshold(100_000)
        gc.collect()
        assert list(ctx.memo(total.node(wait)).dependencies)[:20] == list(map(leaf.node, range(20)))
print("right")
"""


@compiled
@pytest.mark.slow
def test_a_finalizer_asks_at_any_moment_of_filing():
    """A collector that runs a finalizer in the middle of filing, which asks for nodes, leaves memory and memos as they are."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASKING],
        env={**os.environ, "PYTHONMALLOC": "debug"},  # it looks whether anybody wrote past the end of an object
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr[:2_000]


asked_again = {"thing": True}


@dug.source
def is_asked():
    """Return whether a thing is asked for."""
    return asked_again["thing"]


@dug.memoize
def asking(argument):
    """Return what one or another node gives."""
    return taken(0) if is_asked() else argument is None


@dug.memoize
def also_asking(number):
    """Return what another node gives."""
    return taken(0) + number


def test_a_reader_that_was_dropped_keeps_no_circle():
    """The list of readers of a node may hold one that left the table since: the collector is shown it all the same."""
    ctx = dug.Context()
    argument = Thing(ctx=ctx)
    watch = ref(argument)
    with ctx:
        also_asking(1)
        also_asking(2)
        asking(argument)
        asked_again["thing"] = False
        ctx.invalidate(is_asked)
        asking(argument)
        ctx.invalidate(asking.node(argument))
    asked_again["thing"] = True
    del argument, ctx
    for _ in range(3):
        gc.collect()
    assert watch() is None


def test_a_cache_that_a_finalizer_brings_back_is_freed():
    """What it files after that is tracked, as nothing takes it apart a second time."""
    kept = []

    class Keeper:
        def __init__(self, ctx):
            self.ctx = ctx

        def __del__(self):
            kept.append(self.ctx)

    ctx = dug.Context()
    made[1] = Keeper(ctx)
    with ctx:
        thing(1)
    del made[1], ctx
    gc.collect()
    ctx = kept.pop()
    made[2] = Thing(ctx=ctx)
    watch = ref(made[2])
    with ctx:
        thing(2)
    del made[2], ctx
    for _ in range(3):
        gc.collect()
    assert watch() is None


def test_the_nodes_that_a_record_names_outlive_their_function():
    """A record that somebody holds names a node whose function is gone and whose cache was emptied."""
    module = ModuleType("outlived")
    sys.modules["outlived"] = module
    vars(module)["dug"] = dug
    exec(
        "@dug.memoize\ndef low(x):\n    return x\n\n@dug.memoize\ndef high(x):\n    return low(x) + 1\n",
        vars(module),
    )
    high, ctx = module.high, dug.Context()
    with ctx:
        assert high(1) == 2
        record = ctx.memo(high.node(1))
        del module.low
        ctx.clear()
        gc.collect()
        assert [str(node) for node in record.dependencies] == ["outlived:low(1)"]
    del sys.modules["outlived"]
