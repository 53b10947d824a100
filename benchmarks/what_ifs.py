"""What-ifs over a book of trades, flat and nested: naive, by hand and with dug, at three prices of a trade.

"By hand" knows beforehand which trades read which input, and cannot be told another book; "naive" prices every trade again.
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

import dug

from ._harness import Case, Contender, as_in_module, time_calls

if TYPE_CHECKING:
    from .recompute import Sizes

Change = tuple[int, float]  # which input or leaf, and its new value


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
