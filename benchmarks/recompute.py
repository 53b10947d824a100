"""What a change costs: cold chains and a grid, one leaf of a tree or of a wide sum, and what-ifs over a book of trades.

Beside dug stand the recompute that a patient programmer writes by hand for this one graph ("by hand": it knows beforehand
what depends on what, and cannot be told another graph) and the one that computes everything again ("naive").
All contenders of a case give equal answers; the tests compare them.
"""

from __future__ import annotations

import functools
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

import dug

from ._harness import Case, Contender, as_in_module, time_calls

Change = tuple[int, float]  # which input or leaf, and its new value


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


@attrs.frozen
class Book:
    """Trades that each read two inputs, so that an input has ``2 * trades / inputs`` dependents; and a list of what-ifs.

    ``spin`` empty loops are the work of pricing one trade, besides three operations on floats.
    """

    trades: int
    inputs: int
    spin: int

    def first(self, trade: int) -> int:
        """The first input that the trade reads."""
        return trade % self.inputs

    def second(self, trade: int) -> int:
        """The second one; another than the first when the number of inputs is even."""
        return (trade * 7 + 3) % self.inputs

    def reads(self) -> list[tuple[int, int, int]]:
        """Each trade with the two inputs that it reads."""
        return [(trade, self.first(trade), self.second(trade)) for trade in range(self.trades)]

    def price(self, trade: int, first: float, second: float) -> float:
        """The work that every contender has to do for a trade whose inputs changed."""
        for _ in range(self.spin):
            pass
        return (trade % 5 + 1) * (first - 0.5) + second

    def scenarios(self, count: int) -> list[Change]:
        """One input each, in turn, with a value it never had."""
        return [(number % self.inputs, 2.0 + number) for number in range(count)]


def what_ifs(name: str, sizes: Sizes, cost_s: float) -> Case:
    """What a book is worth in many scenarios, its first value included; one trade costs ``cost_s`` to price."""
    book = Book(sizes.trades, sizes.inputs, _spin_for(cost_s, sizes))
    scenarios = book.scenarios(sizes.scenarios)
    contenders = tuple(
        Contender(label, time_calls(functools.partial(fn, book, scenarios)))
        for label, fn in (("naive", naive), ("by hand", by_hand), ("dug", with_dug))
    )
    return Case(name, "scenario", contenders, per=sizes.scenarios)


def naive(book: Book, scenarios: Sequence[Change], levels: Sequence[float] | None = None) -> list[float]:
    """Every answer by pricing every trade; ``levels`` are the inputs, all 1 where nothing is said."""
    answers = []
    values = list(levels or [1.0] * book.inputs)
    reads = book.reads()
    for number, value in scenarios:
        before, values[number] = values[number], value
        answers.append(sum([book.price(trade, values[first], values[second]) for trade, first, second in reads]))
        values[number] = before
    return answers


class HandBook:
    """The prices of a book, and the trades that read each input, known beforehand."""

    def __init__(self, book: Book) -> None:
        reads = book.reads()
        self.book = book
        self.levels = [1.0] * book.inputs
        self.dependents = [[read for read in reads if number in read[1:]] for number in range(book.inputs)]
        self.prices = [book.price(trade, 1.0, 1.0) for trade in range(book.trades)]

    def reprice(self, prices: list[float], number: int, value: float) -> None:
        """Set an input and, in ``prices``, the trades that read it."""
        price, levels = self.book.price, self.levels
        levels[number] = value
        for trade, first, second in self.dependents[number]:
            prices[trade] = price(trade, levels[first], levels[second])

    def what_ifs(self, prices: list[float], scenarios: Sequence[Change]) -> list[float]:
        """What adding up all prices gives in each scenario, the prices before it being ``prices``."""
        answers = []
        for number, value in scenarios:
            before, changed = self.levels[number], prices.copy()
            self.reprice(changed, number, value)
            answers.append(sum(changed))
            self.levels[number] = before
        return answers


def by_hand(book: Book, scenarios: Sequence[Change]) -> list[float]:
    """Every answer by pricing the trades that read the changed input, and adding up all of them."""
    hand = HandBook(book)
    return hand.what_ifs(hand.prices, scenarios)


def with_dug(book: Book, scenarios: Sequence[Change]) -> list[float]:
    """Every answer from memoised functions, in a context made for this."""
    level, total = memoized_book(book)
    with dug.Context():
        total()
        return _ask(level, total, scenarios)


def _ask(level: Any, total: Callable[[], float], scenarios: Sequence[Change]) -> list[float]:
    answers = []
    for number, value in scenarios:
        with dug.Context({level.node(number): value}):
            answers.append(total())
    return answers


def nested_what_ifs(sizes: Sizes) -> Case:
    """What each input changes inside each of some outer what-ifs, from nothing; one trade costs 1 us to price."""
    book = Book(sizes.trades, sizes.inputs, _spin_for(1e-6, sizes))
    outer, inner = nest(book, sizes.outer)
    contenders = tuple(
        Contender(label, time_calls(functools.partial(fn, book, outer, inner)))
        for label, fn in (("naive", nested_naive), ("by hand", nested_by_hand), ("dug", nested_with_dug))
    )
    return Case("nested what-if, 1 us trade", "scenario", contenders, per=len(outer) * len(inner))


def nest(book: Book, outer: int) -> tuple[list[Change], list[Change]]:
    """The outer changes, and those of each input that are made in each of them."""
    return [(number * 3 % book.inputs, -1.0 - number) for number in range(outer)], book.scenarios(book.inputs)


def nested_naive(book: Book, outer: Sequence[Change], inner: Sequence[Change]) -> list[float]:
    """Every answer by pricing every trade."""
    answers = []
    for number, value in outer:
        levels = [1.0] * book.inputs
        levels[number] = value
        answers += naive(book, inner, levels)
    return answers


def nested_by_hand(book: Book, outer: Sequence[Change], inner: Sequence[Change]) -> list[float]:
    """Every answer by pricing the trades that read a changed input: once for each outer change, then for each inner one."""
    hand = HandBook(book)
    answers = []
    for number, value in outer:
        prices = hand.prices.copy()
        hand.reprice(prices, number, value)
        answers += hand.what_ifs(prices, inner)
        hand.levels[number] = 1.0
    return answers


def nested_with_dug(book: Book, outer: Sequence[Change], inner: Sequence[Change]) -> list[float]:
    """Every answer from memoised functions, in contexts inside contexts."""
    level, total = memoized_book(book)
    answers = []
    with dug.Context():
        total()
        for number, value in outer:
            with dug.Context({level.node(number): value}):
                answers += _ask(level, total, inner)
    return answers


def memoized_book(book: Book, memoize: Callable[..., Any] | None = None) -> tuple[Any, Any]:
    """The inputs and the total of the book, as memoised functions of their own."""
    memoize = memoize or as_in_module(dug.memoize)

    @memoize
    def level(_number: int) -> float:
        return 1.0

    @memoize
    def price(trade: int) -> float:
        return book.price(trade, level(book.first(trade)), level(book.second(trade)))

    @memoize
    def total() -> float:
        return sum([price(trade) for trade in range(book.trades)])

    return level, total


def _spin_for(cost_s: float, sizes: Sizes) -> int:
    """How many empty loops make the naive contender need ``cost_s`` for a trade, all it does included."""
    if not cost_s:
        return 0
    scenarios = 1 + round(sizes.calibration_s / cost_s / sizes.trades)
    idle, spin = _naive_cost(0, sizes, scenarios), 100
    for _ in range(4):  # a loop's cost depends a little on how many there are, so close in on it
        spin = max(1, round(spin * (cost_s - idle) / (_naive_cost(spin, sizes, scenarios) - idle)))
    return spin


def _naive_cost(spin: int, sizes: Sizes, scenarios: int) -> float:
    """What one trade costs the naive contender, as the median of seven samples."""
    book = Book(sizes.trades, sizes.inputs, spin)
    timed = time_calls(functools.partial(naive, book, book.scenarios(scenarios)))
    return statistics.median(timed(1) for _ in range(7)) / scenarios / book.trades
