"""What a change costs: cold chains and a grid, one leaf of a tree or of a wide sum; `what_ifs` has those over a book of trades.

Beside dug stand the recompute that a patient programmer writes by hand for this one graph ("by hand": it knows beforehand
what depends on what, and cannot be told another graph) and the one that computes everything again ("naive").
All contenders of a case give equal answers; the tests compare them.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs

import dug

from ._harness import Case, Contender, as_in_module, time_calls
from .what_ifs import Change, nested_what_ifs, what_ifs


@attrs.frozen
class Sizes:
    """How large the graphs are; the defaults are those of the published figures."""

    depth: int = 300
    deep: int = 100_000
    side: int = 300
    leaves: int = 1_000
    wide: int = 10_000
    trades: int = 200
    inputs: int = 50
    scenarios: int = 1_000
    outer: int = 20
    calibration_s: float = 0.02
    """How long a sample lasts that finds out what a trade costs."""


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of this file, each built when it is asked for."""
    yield cold_chain(sizes.depth)
    yield cold_by_shape(sizes.depth)
    yield grid(sizes.side)
    yield deep_chain(sizes.deep)
    yield tree(sizes.leaves)
    yield first_tweaks(sizes.leaves)
    yield wide_sum(sizes.wide)
    for name, cost_s in (("cheap", 0.0), ("1 us", 1e-6), ("10 us", 1e-5)):
        yield what_ifs(f"what-if, {name} trade", sizes, cost_s)
    yield nested_what_ifs(sizes)
    yield new_what_if(sizes.inputs)
    yield what_if_again(sizes.inputs)


def cold_chain(depth: int) -> Case:
    """Fibonacci numbers from nothing, by recursion: what a node costs the first time."""
    cached, memoized = fibonacci(functools.cache), fibonacci(as_in_module(dug.memoize))
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 20 * depth))  # a node of dug is three Python frames deep

    def with_cache() -> None:
        cached.cache_clear()
        cached(depth)

    def with_dug() -> None:
        with dug.Context():
            memoized(depth)

    contenders = (Contender("functools.cache", time_calls(with_cache)), Contender("dug", time_calls(with_dug)))
    return Case("cold chain", "node", contenders, per=depth + 1)


def fibonacci(memoize: Callable[..., Any]) -> Any:
    """The Fibonacci numbers as a memoised function."""

    @memoize
    def fib(n: int) -> int:
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    return fib


def cold_by_shape(nodes: int) -> Case:
    """Nodes that read nothing, by how their arguments are passed; the first kind is the yardstick."""

    @as_in_module(dug.memoize)
    def positional(x: int, y: int) -> int:
        return x + y

    @as_in_module(dug.memoize)
    def named(x: int, *, y: int) -> int:
        return x + y

    @as_in_module(dug.memoize)
    def many(x: int, *rest: int) -> int:
        return x + rest[0]

    def ask(call: Callable[[int], int]) -> None:
        with dug.Context():
            for x in range(nodes):
                call(x)

    calls = {"positional": lambda x: positional(x, 1), "keyword-only": lambda x: named(x, y=1), "*args": lambda x: many(x, 1)}
    contenders = [Contender(name, time_calls(functools.partial(ask, call))) for name, call in calls.items()]
    return Case("cold node by shape", "node", tuple(contenders), per=nodes)


def grid(side: int) -> Case:
    """A square in which each node reads the one above and the one beside it, from nothing, row by row."""
    cached, memoized = _grid(functools.cache), _grid(as_in_module(dug.memoize))

    def fill(node: Callable[[int, int], int]) -> None:
        for i in range(side):
            for j in range(side):
                node(i, j)

    def with_cache() -> None:
        cached.cache_clear()
        fill(cached)

    def with_dug() -> None:
        with dug.Context():
            fill(memoized)

    contenders = (Contender("functools.cache", time_calls(with_cache)), Contender("dug", time_calls(with_dug)))
    return Case("cold grid", "node", contenders, per=side * side)


def _grid(memoize: Callable[..., Any]) -> Any:
    @memoize
    def node(i: int, j: int) -> int:
        return (node(i - 1, j) if i else 1) + (node(i, j - 1) if j else 1) & 1023

    return node


def deep_chain(depth: int) -> Case:
    """A chain of nodes, each of which reads the next one, beside as many nodes in chains of 200."""

    @as_in_module(dug.memoize)
    def chain(n: int, last: int) -> int:
        return chain(n - 1, last) + 1 if n > last else 0

    def shallow() -> None:
        with dug.Context():
            for top in range(199, depth, 200):
                chain(top, top - 199)

    def deep() -> None:
        with dug.Context():
            chain(depth - 1, 0)

    contenders = (Contender("chains of 200", time_calls(shallow)), Contender("one chain", time_calls(deep)))
    return Case("deep chain", "node", contenders, per=depth)


class HandTree:
    """A tree of sums in which every value is kept; the parent of node ``n`` is ``n // 2``, the leaves are the upper half.

    As in `DugTree`, the sum of a node is a function that is called for it. Written into the loop, it would take 0.4 of the
    time; a recompute that is told what to compute cannot do that.
    """

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        self.values = {leaves + leaf: float(leaf) for leaf in range(leaves)}
        for n in reversed(range(1, leaves)):
            self.values[n] = self.total(n)

    def total(self, n: int) -> float:
        """The sum of a node from its two children."""
        return self.values[2 * n] + self.values[2 * n + 1]

    def change(self, leaf: int, value: float) -> float:
        """Set one leaf and give the new root; touches one path of the tree."""
        n = self.leaves + leaf
        self.values[n] = value
        while n := n // 2:
            self.values[n] = self.total(n)
        return self.values[1]


class DugTree:
    """The same tree as memoised functions, in a context that knows every node."""

    def __init__(self, leaves: int) -> None:
        @as_in_module(dug.memoize)
        def leaf(number: int) -> float:
            return float(number)

        @as_in_module(dug.memoize)
        def total(n: int) -> float:
            return child(2 * n) + child(2 * n + 1)

        def child(n: int) -> float:
            return leaf(n - leaves) if n >= leaves else total(n)

        self.leaf, self.total = leaf, total
        self.ctx = dug.Context()
        self.ctx.run(total, 1)

    def what_if(self, leaf: int, value: float) -> float:
        """The root in a scenario of its own, entered and left; the context of the tree is in force."""
        with dug.Context({self.leaf.node(leaf): value}):
            return self.total(1)

    def change(self, leaf: int, value: float) -> float:
        """The root after a tweak of the tree's context, which is in force and keeps the tweak."""
        self.ctx.tweak(self.leaf.node(leaf), value)
        return self.total(1)


def changes(leaves: int) -> Iterator[Change]:
    """Each leaf in turn, each time with a value it never had."""
    return ((serial * 7 % leaves, -1.0 - serial) for serial in itertools.count())


def tree(leaves: int) -> Case:
    """One leaf of a tree changes, and the root is asked for; every leaf has been tweaked once before."""
    by_hand, in_scenario, in_place = HandTree(leaves), DugTree(leaves), DugTree(leaves)
    for each in (in_scenario, in_place):
        with each.ctx:
            for leaf in range(leaves):
                each.what_if(leaf, -1.0)
    contenders = (
        Contender("by hand", _time_changes(by_hand.change, changes(leaves))),
        Contender("dug, a scenario", _inside(in_scenario.ctx, _time_changes(in_scenario.what_if, changes(leaves)))),
        Contender("dug, one leaf in place", _inside(in_place.ctx, _time_changes(in_place.change, _one_leaf()))),
        Contender("naive", time_calls(lambda: HandTree(leaves))),
    )
    return Case("one leaf of a tree", "change", contenders)


def _one_leaf() -> Iterator[Change]:
    return ((0, -1.0 - serial) for serial in itertools.count())


def _time_changes(change: Callable[[int, float], float], stream: Iterator[Change]) -> Callable[[int], float]:
    def run(number: int) -> float:
        batch = list(itertools.islice(stream, number))
        started = time.process_time()
        for leaf, value in batch:
            change(leaf, value)
        return time.process_time() - started

    return run


def _inside(ctx: dug.Context, run: Callable[[int], float]) -> Callable[[int], float]:
    return lambda number: ctx.run(run, number)


def first_tweaks(leaves: int) -> Case:
    """Each leaf of a fresh tree is tweaked for the first time ever; a node pays this once in its life."""

    def by_hand() -> float:
        return _time_changes(HandTree(leaves).change, changes(leaves))(leaves)

    def with_dug() -> float:
        fresh = DugTree(leaves)
        return _inside(fresh.ctx, _time_changes(fresh.what_if, changes(leaves)))(leaves)

    def repeat(batch: Callable[[], float]) -> Callable[[int], float]:
        return lambda number: sum(batch() for _ in range(number))

    contenders = (Contender("by hand", repeat(by_hand)), Contender("dug, a scenario", repeat(with_dug)))
    return Case("first tweak of a leaf", "change", contenders, per=leaves)


class HandSum:
    """A sum of many leaves, whose values are kept."""

    def __init__(self, leaves: int) -> None:
        self.values = [float(leaf) for leaf in range(leaves)]

    def change(self, leaf: int, value: float) -> float:
        """Set one leaf and give the new sum, which is added up anew: a difference would not be the same to the last bit."""
        self.values[leaf] = value
        return sum(self.values)


class DugSum:
    """The same sum as a memoised function that reads all leaves, in a context that knows every node."""

    def __init__(self, leaves: int) -> None:
        @as_in_module(dug.memoize)
        def leaf(number: int) -> float:
            return float(number)

        @as_in_module(dug.memoize)
        def total() -> float:
            return sum([leaf(number) for number in range(leaves)])

        self.leaf, self.total = leaf, total
        self.ctx = dug.Context()
        self.ctx.run(total)

    def what_if(self, leaf: int, value: float) -> float:
        """The sum in a scenario of its own; the context of the sum is in force."""
        with dug.Context({self.leaf.node(leaf): value}):
            return self.total()


def wide_sum(leaves: int) -> Case:
    """One leaf changes of the many that one node reads; it is always the same, and the others are hits."""
    memoized = DugSum(leaves)
    contenders = (
        Contender("by hand", _time_changes(HandSum(leaves).change, _one_leaf())),
        Contender("dug", _inside(memoized.ctx, _time_changes(memoized.what_if, _one_leaf()))),
        Contender("naive", time_calls(lambda: HandSum(leaves).change(0, -1.0))),
    )
    return Case("one leaf of a wide sum", "change", contenders)


def new_what_if(inputs: int) -> Case:
    """A context with a new value of one input is made, entered, left and dropped; nothing is asked for in it."""
    leaf, ctx, values = _inputs(inputs)

    def enter() -> None:
        with dug.Context({leaf: next(values)}):
            pass

    return Case("a new what-if", "entry", (Contender("nullcontext", _null), Contender("dug", _inside(ctx, time_calls(enter)))))


def what_if_again(inputs: int) -> Case:
    """A context that is kept, with a value of one input, is entered once more and left."""
    leaf, ctx, _ = _inputs(inputs)
    kept = dug.Context({leaf: -1.0})

    def enter() -> None:
        with kept:
            pass

    return Case("a what-if again", "entry", (Contender("nullcontext", _null), Contender("dug", _inside(ctx, time_calls(enter)))))


def _inputs(inputs: int) -> tuple[dug.Node[float], dug.Context, Iterator[float]]:
    """One of some inputs, the context in which a sum has read them all, and new values of it."""
    memoize, ctx = as_in_module(dug.memoize), dug.Context()

    @memoize
    def leaf(number: int) -> float:
        return float(number)

    @memoize
    def total() -> float:
        return sum(map(leaf, range(inputs)))

    ctx.run(total)
    return leaf.node(0), ctx, map(float, itertools.count(1))


def _null(number: int) -> float:
    def enter() -> None:
        with contextlib.nullcontext():
            pass

    return time_calls(enter)(number)
