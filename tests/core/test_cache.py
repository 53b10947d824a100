"""Caches: layers, bindings, size, and constant memory over many scenarios."""

from __future__ import annotations

import gc
import weakref

import pytest

import dug
from dug.testing import EventLog


def test_a_context_with_its_own_cache_reads_what_the_enclosing_ones_hold(p):
    """A memo of an enclosing cache is a hit in a context with its own cache."""
    with dug.Context():
        p.total()
        with dug.Context(cache=dug.Cache()) as inner, EventLog(inner) as log:
            value = p.total()

    assert value == 12
    assert log.computed == []
    assert len(inner.cache) == 0


def test_a_context_with_its_own_cache_files_everything_new_there(p):
    """Untweaked results too are filed in the context's own cache, not in the enclosing one."""
    cache = dug.Cache()
    with dug.Context() as outer:
        p.x()
        size = len(outer.cache)
        with dug.Context(cache=cache):
            p.total()
        known = p.total.node() in outer

    assert len(outer.cache) == size == 1
    assert len(cache) == 3
    assert not known


def test_a_dropped_cache_frees_what_it_holds(p):
    """Dropping the context and its cache frees the values computed there."""

    class Value:
        pass

    @dug.memoize
    def make():
        return Value()

    with dug.Context():
        with dug.Context(cache=dug.Cache()) as inner:
            value = weakref.ref(make())
        alive = value() is not None
        del inner
        gc.collect()
        p.total()  # the next miss
        gc.collect()

    assert alive
    assert value() is None


def test_a_cache_serves_again_when_its_context_is_entered_again(p):
    """A layer that is entered again over the same cache finds its memos."""
    cache = dug.Cache()
    with dug.Context():
        with dug.Context(cache=cache):
            p.total()
        with dug.Context(cache=cache) as again, EventLog(again) as log:
            value = p.total()

    assert value == 12
    assert log.computed == []


def test_a_tweak_of_the_enclosing_context_masks_what_the_layer_holds(p):
    """The rule of scenarios holds across layers."""
    with dug.Context() as outer, dug.Context(cache=dug.Cache()) as inner:
        first = p.total()
        outer.tweak(p.x.node(), 5)
        second = p.total()
        outer.untweak(p.x.node())
        with EventLog(inner) as log:
            third = p.total()

    assert (first, second, third) == (12, 20, 12)
    assert log.computed == []


def test_a_layer_and_tweaks_are_independent(p):
    """``tweaks=`` states the differences, ``cache=`` where results live: both in one context."""
    with dug.Context() as outer:
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}, cache=dug.Cache()) as inner, EventLog(inner) as log:
            value = p.total()
        size = len(outer.cache)
        again = p.total()

    assert (value, again) == (20, 12)
    assert log.computed == [p.double.node(), p.total.node()]
    assert size == 4


def test_layers_stack_three_high(p):
    """Each layer reads all layers beneath it."""
    with dug.Context():
        p.x()
        with dug.Context(cache=dug.Cache()):
            p.y()
            with dug.Context(cache=dug.Cache()) as top, EventLog(top) as log:
                value = p.total()

    assert value == 12
    assert log.computed == [p.double.node(), p.total.node()]
    assert len(top.cache) == 2


def test_a_child_without_a_cache_uses_the_enclosing_one(p):
    """A context without ``cache=`` files in the cache of the context around it."""
    cache = dug.Cache()
    with dug.Context(cache=cache):
        with dug.Context(tweaks={p.x.node(): 5}):
            p.y()
        with dug.Context(tweaks={p.x.node(): 6}) as other, EventLog(other) as log:
            p.y()

    assert log.computed == []
    assert p.y.node() in dug.Context(cache=cache)


def test_invalidate_reaches_the_layers_above():
    """Invalidating in an enclosing context forgets memos of a layer above that ran the node."""
    runs = []

    @dug.memoize
    def clock():
        runs.append(1)
        return len(runs)

    @dug.memoize
    def reader():
        return clock() * 10

    with dug.Context() as outer:
        clock()
        inner = dug.Context(cache=dug.Cache())
        first = inner.run(reader)
        outer.invalidate(clock.node())
        second = inner.run(reader)

    assert (first, second) == (10, 20)


def test_a_layer_inside_a_node(p):
    """A node that opens a context with its own cache depends on its reads there, and leaves nothing there."""

    @dug.memoize
    def scoped():
        with dug.Context(tweaks={p.y.node(): 0}, cache=dug.Cache()):
            return p.total()

    with dug.Context() as ctx:
        first = scoped()
        size = len(ctx.cache)
        with dug.Context(tweaks={p.x.node(): 7}):
            second = scoped()
        with dug.Context(tweaks={p.y.node(): 8}) as child, EventLog(child) as log:
            third = scoped()

    assert (first, second, third) == (2, 14, 2)
    assert size <= 2
    assert log.computed == []


def test_a_cache_is_bound_to_the_cache_beneath_at_its_first_entry(p):
    """A cache entered over another one than at first raises ContextError, and leaves all as it was."""
    cache = dug.Cache()
    with dug.Context(), dug.Context(cache=cache):
        p.total()
    with dug.Context() as other:
        with pytest.raises(dug.ContextError), dug.Context(cache=cache):
            raise AssertionError("it was entered")
        value, current = p.total(), dug.current_context()

    assert value == 12
    assert current is other


def test_a_layer_is_not_a_root_and_a_root_is_not_a_layer():
    """A cache first used above another cannot be a root, and the other way round."""
    layer, root = dug.Cache(), dug.Cache()
    with dug.Context(), dug.Context(cache=layer):
        pass
    with dug.Context(cache=root):
        pass

    with pytest.raises(dug.ContextError), dug.Context(cache=layer):
        raise AssertionError("it was entered")
    with dug.Context(), pytest.raises(dug.ContextError), dug.Context(cache=root):
        raise AssertionError("it was entered")


def test_roots_may_share_a_cache(p):
    """Two outermost contexts over one cache share memos that read none of their tweaks."""
    cache = dug.Cache()
    with dug.Context(tweaks={p.x.node(): 5}, cache=cache):
        first = p.total()
    with dug.Context(cache=cache) as second, EventLog(second) as log:
        value = p.total()

    assert (first, value) == (20, 12)
    assert log.computed == [p.x.node(), p.double.node(), p.total.node()]


def test_the_cache_may_be_the_enclosing_one_by_name(p):
    """A context given the cache that is in force anyway is a plain child."""
    cache = dug.Cache()
    with dug.Context(cache=cache):
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}, cache=cache) as child, EventLog(child) as log:
            value = p.total()

    assert value == 20
    assert log.computed == [p.double.node(), p.total.node()]


def test_len_counts_the_memos(p):
    """``len(cache)`` is the number of memos that can be found."""
    cache = dug.Cache()
    sizes = [len(cache)]
    with dug.Context(cache=cache) as ctx:
        p.total()
        sizes.append(len(cache))
        p.total()
        sizes.append(len(cache))
        ctx.invalidate(p.y.node())
        sizes.append(len(cache))

    assert sizes == [0, 4, 4, 2]


def test_what_was_cleared_beneath_a_layer_is_invalidated_by_what_it_read():
    """A memo whose dependency was cleared with the cache beneath is forgotten with the reads of that one, and with no others."""
    reads = []

    @dug.memoize
    def old():
        return 1

    @dug.memoize
    def new():
        return 1

    @dug.memoize
    def middle():
        return sources[-1]()

    @dug.memoize
    def top():
        reads.append(middle())
        return reads[-1]

    sources = [old]
    with dug.Context() as outer:
        middle()
        outer.invalidate(middle)
        sources.append(new)
        middle()
        with dug.Context(cache=dug.Cache()) as inner:
            top()
            outer.clear()
            inner.invalidate(old)
            top()
            assert len(reads) == 1

            inner.invalidate(new)
            with EventLog(inner) as log:
                top()

    assert [node.function for node in log.computed] == [new, middle]


@pytest.mark.parametrize("change", ["invalidate", "tweak"])
def test_what_rests_on_a_cleared_memo_is_found_past_a_newer_one(change):
    """A layer whose dependency went with the cleared cache beneath follows its sources, whatever was filed there since."""
    outside = {1: 10, 2: 20}

    @dug.source
    def read(number):
        return outside[number]

    @dug.memoize
    def which():
        return 1

    @dug.memoize
    def middle():
        return read(which())

    @dug.memoize
    def top():
        return middle() + 1

    with dug.Context():
        with dug.Context(cache=dug.Cache()) as between:
            middle()
            layer = dug.Context(cache=dug.Cache())
            with layer:
                top()
            between.clear()
            with dug.Context({which.node(): 2}):
                middle()
                read(1)
            outside[1] = 11
            if change == "invalidate":
                between.invalidate(read.node(1))
                with layer:
                    assert top() == 12
            else:
                with layer, dug.Context({read.node(1): 12}):
                    assert top() == 13


def test_clear_forgets_every_memo(p):
    """``cache.clear()`` empties the cache; contexts over it go on and compute again."""
    cache = dug.Cache()
    with dug.Context(cache=cache) as ctx:
        p.total()
        with dug.Context(tweaks={p.x.node(): 5}):
            p.total()
        cache.clear()
        size = len(cache)
        with EventLog(ctx) as log:
            value = p.total()

    assert size == 0
    assert value == 12
    assert len(log.computed) == 4


def test_nbytes_counts_failures():
    """What is kept of a failure counts as well."""

    @dug.memoize
    def fails(number):
        raise LookupError(number)

    with dug.Context(cache=dug.Cache()) as ctx:
        for number in range(100):
            with pytest.raises(LookupError):
                fails(number)

        assert ctx.cache.nbytes > 100 * 800


def test_nbytes_grows_with_the_memos():
    """``nbytes`` estimates the cache's own bookkeeping: it grows with the memos and shrinks by ``clear()``."""
    square = dug.memoize(lambda n: n * n)
    cache = dug.Cache()
    with dug.Context(cache=cache):
        sizes = []
        for stop in (10, 1000):
            for n in range(stop):
                square(n)
            sizes.append(cache.nbytes)
    cache.clear()

    assert isinstance(cache.nbytes, int)
    assert 0 < sizes[0] < sizes[1]
    assert cache.nbytes < sizes[1]
    assert 50 <= sizes[1] / 1000 <= 5000


def test_a_cache_outlives_its_contexts(p):
    """A cache that is held keeps the untweaked memos of contexts over it."""
    cache = dug.Cache()
    with dug.Context(cache=cache):
        p.total()
    gc.collect()

    assert len(cache) == 4


def make_book():
    """Return a spot and a value that reads it through some more nodes."""

    @dug.memoize
    def spot():
        return 100.0

    @dug.memoize
    def forward(years):
        return spot() * (1 + years)

    @dug.memoize
    def value():
        return sum(forward(years) for years in range(3))

    return spot, value


def record_sizes(cache, run_scenario, count=1000):
    """Return the sizes of the cache after each of many scenarios."""
    sizes = []
    for i in range(count):
        run_scenario(i)
        sizes.append(len(cache))
    return sizes


def test_a_thousand_scenarios_run_in_constant_memory():
    """The count of memos is flat over 1,000 scenarios, each with its own value."""
    spot, value = make_book()
    with dug.Context() as ctx:
        value()

        def run_scenario(i):
            with dug.Context(tweaks={spot.node(): float(i)}):
                assert value() == 6.0 * i

        sizes = record_sizes(ctx.cache, run_scenario)

    assert max(sizes[10:]) <= max(sizes[:10])
    assert sizes[-1] <= 5


@pytest.mark.slow
def test_a_thousand_nested_scenarios_run_in_constant_memory():
    """The count of memos is flat also when each scenario opens one inside itself."""
    spot, value = make_book()
    with dug.Context() as ctx:
        value()

        def run_scenario(i):
            with dug.Context(tweaks={spot.node(): float(i)}), dug.Context(tweaks={spot.node(): dug.shift(1.0)}):
                assert value() == 6.0 * (i + 1)

        sizes = record_sizes(ctx.cache, run_scenario)

    assert max(sizes[10:]) <= max(sizes[:10])


def test_a_thousand_tweaks_of_one_context_run_in_constant_memory():
    """The count of memos is flat over 1,000 tweaks of one open context."""
    spot, value = make_book()
    with dug.Context() as ctx:

        def run_scenario(i):
            ctx.tweak(spot.node(), float(i))
            assert value() == 6.0 * i

        sizes = record_sizes(ctx.cache, run_scenario)

    assert max(sizes[10:]) <= max(sizes[:10])


@pytest.mark.slow
def test_a_thousand_scenarios_of_a_node_that_opens_contexts_run_in_constant_memory():
    """A delta by bump and revalue inside a node, under 1,000 spots, leaves nothing behind."""
    spot, value = make_book()

    @dug.memoize
    def delta():
        base = value()
        with dug.Context(tweaks={spot.node(): dug.shift(0.5)}):
            up = value()
        return (up - base) / 0.5

    with dug.Context() as ctx:
        delta()

        def run_scenario(i):
            with dug.Context(tweaks={spot.node(): float(i)}):
                assert delta() == 6.0

        sizes = record_sizes(ctx.cache, run_scenario)

    assert max(sizes[10:]) <= max(sizes[:10])
    assert sizes[-1] <= 10


@pytest.mark.slow
def test_a_thousand_deltas_of_an_unchanged_book_run_in_constant_memory():
    """A node that opens contexts inside itself, invalidated 1,000 times, leaves nothing behind."""
    spot, value = make_book()

    @dug.memoize
    def delta():
        with dug.Context(tweaks={spot.node(): dug.shift(0.5)}):
            return (value() - 600.0) / 0.5

    with dug.Context() as ctx:

        def run_scenario(i):
            ctx.invalidate(delta.node())
            assert delta() == 6.0

        sizes = record_sizes(ctx.cache, run_scenario)

    assert max(sizes[10:]) <= max(sizes[:10])


def test_the_values_of_the_scenarios_are_freed_too():
    """Not only the memos but the objects they held are gone after a loop of scenarios."""

    class Value:
        pass

    @dug.memoize
    def spot():
        return 0

    @dug.memoize
    def holder():
        spot()
        return Value()

    with dug.Context() as ctx:
        alive = []
        for i in range(50):
            with dug.Context(tweaks={spot.node(): i}):
                alive.append(weakref.ref(holder()))
        gc.collect()
        len(ctx.cache)
        gc.collect()

    assert sum(ref() is not None for ref in alive) <= 2


def make_argument_book():
    """Return a spot and a value that passes it on as an argument."""

    @dug.memoize
    def spot():
        return 100.0

    @dug.memoize
    def price(at):
        return at * 2

    @dug.memoize
    def value():
        return price(spot())

    return spot, value


def test_tweaked_values_as_arguments_belong_to_the_cache():
    """The exception of P5: a tweaked value that becomes an argument makes a node that reads no tweak and stays."""
    spot, value = make_argument_book()
    with dug.Context() as ctx:

        def run_scenario(i):
            with dug.Context(tweaks={spot.node(): float(i)}):
                assert value() == 2.0 * i

        sizes = record_sizes(ctx.cache, run_scenario, count=100)

    assert sizes[-1] - sizes[9] == 90


def test_a_cache_scopes_tweaked_values_as_arguments():
    """The remedy: scenarios with ``cache=Cache()`` unload their nodes, arguments included."""
    spot, value = make_argument_book()
    with dug.Context() as ctx:
        value()

        def run_scenario(i):
            with dug.Context(tweaks={spot.node(): float(i)}, cache=dug.Cache()):
                assert value() == 2.0 * i

        sizes = record_sizes(ctx.cache, run_scenario, count=100)

    assert set(sizes) == {3}
