"""A process that lives for weeks: invalidated and redefined nodes leave nothing, and `Cache.nbytes` tells the size."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from itertools import count
from weakref import ref

import pytest
from support.script import ask, play_threads, until
from support.sync_points import Signal

import dug
from dug._core.state import stale
from dug.testing import EventLog

NUMBERS = count()


@dug.source
def quote(x):
    """Return x."""
    return float(x)


@dug.memoize
def price(x):
    """Return the value of one node, and a bit more."""
    return quote(x) + 1


@dug.memoize
def report(x, depth):
    """Return the value of a chain of nodes."""
    return price(x) if depth == 0 else report(x, depth - 1)


class Desk:
    """Something to ask."""

    __hash__ = object.__hash__  # its identity is what counts

    @dug.memoize
    def value(self, x):
        """Return the value of a node."""
        return price(x)


@pytest.fixture
def ctx():
    """A context that stays open."""
    with dug.Context() as ctx:
        yield ctx


def count_nodes(ctx):
    """Return of how many nodes something is known."""
    return len(ctx.cache.list_homes())


def test_what_is_invalidated_and_read_by_nobody_leaves_nothing(ctx):
    """Neither the node nor its arguments stay."""
    for make in (lambda: quote.node(next(NUMBERS)), lambda: price.node(next(NUMBERS)), lambda: Desk.value.node(Desk(), 1)):
        node = make()
        kept = [ref(one) for one in node.args if isinstance(one, Desk)]
        node()
        ctx.invalidate(node)
        ctx.invalidate(quote)
        ctx.invalidate(price)
        del node
        gc.collect()

        assert [one() for one in kept] == [None] * len(kept)
        assert count_nodes(ctx) == 0


def test_what_a_whole_function_computed_goes(ctx):
    """Invalidating a function forgets all its nodes."""
    for x in range(20):
        quote(x)
    ctx.invalidate(quote)

    assert count_nodes(ctx) == 0
    assert quote(1) == 1.0


def test_in_a_layered_cache_too():
    """A cache above keeps no place for memos that were freed beneath."""
    with dug.Context() as ctx:
        with dug.Context(cache=dug.Cache()) as inner:
            price(1)
            inner.invalidate(price.node(1))
            inner.invalidate(quote.node(1))
            assert count_nodes(inner) == 0
        assert count_nodes(ctx) == 0


def test_what_read_it_may_still_be_verified(ctx):
    """A memo computed from an invalidated node holds when that gives the same value again."""
    report(1, 5)
    ctx.invalidate(quote.node(1))
    with EventLog(ctx) as log:
        report(1, 5)

    assert log.computed == [quote.node(1)]


def test_what_waits_to_be_verified_is_bounded(monkeypatch):
    """Memos that nobody asks for again are evicted, the oldest first, and so are nodes that only they had read."""
    monkeypatch.setattr(stale, "LEAST", 10)
    with dug.Context(cache=dug.Cache()) as ctx:
        sizes = []
        for x in range(200):
            report(x, 3)
            ctx.invalidate(quote.node(x))
            sizes.append(count_nodes(ctx))
        with EventLog(ctx) as log:
            report(199, 3)
            report(0, 3)

    assert max(sizes) < 40
    assert price.node(199) not in log.computed
    assert price.node(0) in log.computed


def test_as_much_as_there_was_may_wait(monkeypatch):
    """A source that everything depends on takes everything out of force, and all of that may still hold."""
    monkeypatch.setattr(stale, "LEAST", 10)
    with dug.Context(cache=dug.Cache()) as ctx:
        report(1, 300)
        ctx.invalidate(quote.node(1))
        with EventLog(ctx) as log:
            report(1, 300)

    assert log.computed == [quote.node(1)]


def test_a_run_across_an_invalidation_is_still_found_untrue(ctx):
    """A memo that is dropped while a node runs that read it is not among the dependencies it is filed with."""
    outside, has_read, may_end = [1], Signal(), Signal()

    @dug.source
    def read():
        return outside[0]

    @dug.memoize
    def slow():
        seen = read()
        has_read.set()
        may_end.wait_here()
        return seen

    def change():
        outside[0] = 2
        ctx.invalidate(read.node())

    played = play_threads(ctx, ask("slow", slow), until(has_read), change, may_end.set)

    assert played.results == {"slow": 1}
    assert slow() == 2


def test_a_definition_that_went_leaves_nothing(ctx):
    """A function that is redefined again and again, and called with new arguments, leaves the memos of the last one."""
    for number in range(20):
        made = dug.memoize(name="growth:anew")((lambda x: x + 1) if number % 2 else (lambda x: x))
        made(next(NUMBERS))
        gone = ref(made)
    gc.collect()

    assert gone() is made
    assert count_nodes(ctx) == 1


def test_a_class_cell_that_is_run_again_leaves_nothing(ctx):
    """Old classes are freed, with their instances and the memos of these."""
    space, gone = {"dug": dug, "__name__": "growth_cell"}, []
    for number in range(10):
        head = "class Cell:\n    __hash__ = object.__hash__\n    @dug.memoize\n"
        exec(f"{head}    def value(self):\n        return {number}\n", space)
        assert space["Cell"]().value() == number
        gone.append(ref(space["Cell"]))
    gc.collect()

    assert [one() is None for one in gone] == [True] * 9 + [False]
    assert count_nodes(ctx) == 1


# How much there is.

WORKLOADS = {
    "chain": "[chain(n) for n in range(8_000)]",
    "grid": "grid(80, 80)",
    "wide": "[sum(wide(k, i) for i in range(k)) for k in range(0, 4_000, 1_000)]",
    "values": "[big(i) for i in range(4_000)]",
    "lists": "[lists(i) for i in range(1_000)]",
    "texts": "[text(f'one of many names, {i}') for i in range(8_000)]",
    "scenarios": "scenarios(60, 100)",
    "methods": "[Book(float(k)).value(t) for k in range(80) for t in range(60)]",
    "local": "local(40, 150)",
}
PROGRAM = """
import gc, tracemalloc, dug

@dug.memoize
def source(i): return float(i)
@dug.memoize
def chain(n): return source(0) if n == 0 else chain(n - 1) + 1.0
@dug.memoize
def grid(i, j): return 1.0 if 0 in (i, j) else grid(i - 1, j) + grid(i, j - 1) * 1e-9
@dug.memoize
def wide(k, i): return source(i) * k
@dug.memoize
def big(i): return bytes(1_000 + i % 7)
@dug.memoize
def lists(i): return [(float(j) + i, {"n": i * 1_000}) for j in range(30)]
@dug.memoize
def text(name): return name.upper()
@dug.memoize
def total(n): return sum(wide(1, i) for i in range(n))

class Book:
    __hash__ = object.__hash__
    def __init__(self, x): self.x = x
    @dug.memoize
    def value(self, t): return self.x * t + source(t)

kept = []
def scenarios(number, n):
    for k in range(number):
        kept.append(dug.Context(tweaks={source: dug.shift(float(k + 1))}))
        with kept[-1]:
            total(n)
def local(number, n):
    for k in range(number):
        kept.append(dug.memoize(lambda x, k=k: float(x + k)))
        [kept[-1](x) for x in range(n)]

with dug.Context(cache=dug.Cache()):
    chain(2), grid(2, 2), total(2), Book(1.0).value(2), text("a"), lists(1), big(1)
with dug.Context() as ctx:
    first = ctx.cache.nbytes
    gc.collect()
    tracemalloc.start()
    WORK
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(grown, ctx.cache.nbytes - first)
"""


@pytest.mark.slow
@pytest.mark.parametrize("workload", WORKLOADS)
def test_nbytes_tells_what_the_process_grew_by(workload):
    """Within a fifth of the memory that Python allocated."""
    program = PROGRAM.replace("WORK", WORKLOADS[workload])
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    grown, told = map(int, done.stdout.split())

    assert abs(told - grown) <= 0.2 * grown, (told, grown)


def test_nbytes_counts_what_is_in_values():
    """Containers count with their content, and shared objects count once."""
    shared = ["x" * 10_000]
    give = dug.memoize(lambda x: (shared, x))
    make = dug.memoize(lambda x: [bytes(10_000), {x: (bytes(10_000),)}])
    with dug.Context() as ctx:
        empty = ctx.cache.nbytes
        for x in range(10):
            give(x)
        little = ctx.cache.nbytes - empty
        for x in range(10):
            make(x)

        assert 10_000 < little < 30_000
        assert ctx.cache.nbytes - little - empty > 200_000


def test_nbytes_asks_an_object_that_refuses_no_further():
    """A ``__sizeof__`` that raises is passed over."""

    class Odd:
        def __sizeof__(self):
            raise ValueError

    give = dug.memoize(lambda x: Odd())
    with dug.Context() as ctx:
        give(1)
        assert ctx.cache.nbytes > 0


def test_a_measure_of_nothing_traces_nothing():
    """Asking runs no node and makes no memo."""
    with dug.Context() as ctx:
        price(1)
        before = count_nodes(ctx), len(ctx.cache), tracemalloc.is_tracing()
        sizes = {ctx.cache.nbytes for _ in range(3)}

        assert len(sizes) == 1
        assert (count_nodes(ctx), len(ctx.cache), tracemalloc.is_tracing()) == before
