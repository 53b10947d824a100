"""The jobs of Loman's examples, written anew: each builds a computation of Loman's or a flow, and asks the same of both.

A job is a function of a `Bench`, which has the few calls that both sides have.  It returns numbers, and how many functions ran.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import Any

from dug.flow import Flow


class Bench:
    """A flow with the calls that a job makes, and a count of the functions that ran."""

    def __init__(self, ran: list[str] | None = None) -> None:
        self.ran = [] if ran is None else ran
        self.flow = Flow()

    def make_block(self) -> Bench:
        """Return a bench for a block of this one, which counts with it."""
        return type(self)(self.ran)

    def add(self, name: str, fn: Any, **inputs: str) -> None:
        """Add a node with a function of the inputs."""
        self.flow.add(self.note(name, fn), name, inputs=inputs)

    def note(self, name: str, fn: Any) -> Any:
        """Return a function that notes its run."""

        def noted(**read: Any) -> Any:
            self.ran.append(name)
            return fn(**read)

        return noted

    def insert(self, **values: Any) -> None:
        """Give inputs their values."""
        self.flow.insert_many(values)

    def compute(self, *names: str) -> list[Any]:
        """Compute names, and return their values."""
        found = self.flow.compute(*names)
        return [found] if len(names) == 1 else list(found.values())

    def add_blocks(self, path: str, block: Bench, keys: dict[str, dict[str, Any]], links: dict[str, str]) -> None:
        """Add a block for each key, with values of its own."""
        self.flow.add_each(path, block.flow, keys, links=links)

    def try_all(self) -> list[str]:
        """Compute all that can be computed, and return the names that failed."""
        failures = self.flow.compute_all().failures
        return sorted(node.args[1] for node in failures)

    def count(self) -> int:
        """Return how many functions ran since the last count."""
        ran, self.ran[:] = len(self.ran), []
        return ran


class LomanBench(Bench):
    """The same on a computation of Loman's."""

    def __init__(self, ran: list[str] | None = None) -> None:
        import loman  # optional: only this side needs it

        super().__init__(ran)
        self.comp = loman.Computation()
        self.states = loman.States

    def add(self, name: str, fn: Any, **inputs: str) -> None:
        """Add a node with a function of the inputs."""
        for read in inputs.values():
            if not self.comp.has_node(read):
                self.comp.add_node(read)
        self.comp.add_node(name, self.note(name, fn), kwds=inputs)

    def insert(self, **values: Any) -> None:
        """Give inputs their values."""
        for name in values:
            if not self.comp.has_node(name):
                self.comp.add_node(name)
        self.comp.insert_many(list(values.items()))

    def compute(self, *names: str) -> list[Any]:
        """Compute names, and return their values."""
        self.comp.compute(list(names))
        return [self.comp.value(name) for name in names]

    def add_blocks(self, path: str, block: Any, keys: dict[str, dict[str, Any]], links: dict[str, str]) -> None:
        """Add a block for each key, with values of its own."""
        for key, values in keys.items():
            self.comp.add_block(f"{path}/{key}", block.comp, links=links)
            self.comp.insert_many([(f"{path}/{key}/{name}", value) for name, value in values.items()])

    def try_all(self) -> list[str]:
        """Compute all that can be computed, and return the names that failed."""
        self.comp.compute_all()
        return sorted(str(name) for name in self.comp.nodes() if self.comp.state(name) is self.states.ERROR)


def start_quickly(make: Any) -> list[Any]:
    """Loman's quick start: four nodes, an insert, a node alone, everything."""
    bench = make()
    bench.insert(a=1)
    bench.add("b", lambda a: a + 1, a="a")
    bench.add("c", lambda a, b: 2 * a + b, a="a", b="b")
    bench.add("d", lambda c: c * c, c="c")
    bench.add("e", lambda b: 10 * b, b="b")
    answers = [bench.compute("d"), bench.count()]
    bench.insert(a=5)
    answers += [bench.compute("b"), bench.count(), bench.compute("d", "e"), bench.count()]
    bench.add("c", lambda a, b: a - b, a="a", b="b")
    return [*answers, bench.compute("d", "e"), bench.count()]


def show_dashboard(make: Any) -> list[Any]:
    """An interactive dashboard: data, a window and a span that a user moves, and what the screen shows."""
    bench = make()
    bench.insert(data=[math.sin(day / 9) * 10 + day % 7 for day in range(120)], first=0, last=119, span=5, unit=1.0)
    bench.add("shown", lambda data, first, last: data[first : last + 1], data="data", first="first", last="last")
    bench.add("smooth", smooth, shown="shown", span="span")
    bench.add("changes", lambda shown: [b - a for a, b in pairwise(shown)], shown="shown")
    bench.add("worst", find_least, changes="changes")
    bench.add("volatility", lambda changes: math.sqrt(sum(one * one for one in changes) / len(changes)), changes="changes")
    bench.add("axis", lambda smooth, unit: (min(smooth) * unit, max(smooth) * unit), smooth="smooth", unit="unit")
    bench.add("title", write_title, first="first", last="last", worst="worst")
    screen = ("axis", "title", "volatility")
    answers: list[Any] = [bench.compute(*screen), bench.count()]
    for moved in ({"span": 9}, {"unit": 0.5}, {"first": 30}, {"first": 30, "last": 80}, {"span": 5, "unit": 1.0}):
        bench.insert(**moved)
        answers += [bench.compute(*screen), bench.count()]
    return answers


def smooth(shown: list[float], span: int) -> list[float]:
    """Return a moving average."""
    return [sum(shown[day : day + span]) / span for day in range(len(shown) - span + 1)]


def write_title(first: int, last: int, worst: float) -> str:
    """Return what stands over the picture."""
    return f"day {first} to {last}: {worst:.3f}"


def find_least(changes: list[float]) -> float:
    """Return the least number."""
    return min(changes)


def value_portfolio(make: Any) -> list[Any]:
    """A portfolio on two days: a block for a position, currencies, a price that is missing and comes later."""
    bench = make()
    position = bench.make_block()
    position.insert(quantity=0, currency="EUR", ticker="")
    position.add("price", lambda prices, ticker: prices[ticker], prices="prices", ticker="ticker")
    position.add("before", lambda old_prices, ticker: old_prices[ticker], old_prices="old_prices", ticker="ticker")
    position.add("rate", lambda rates, currency: rates[currency], rates="rates", currency="currency")
    position.add("worth", lambda quantity, price, rate: quantity * price * rate, quantity="quantity", price="price", rate="rate")
    position.add(
        "gain", lambda worth, quantity, before, rate: worth - quantity * before * rate,
        worth="worth", quantity="quantity", before="before", rate="rate",
    )  # fmt: skip
    book = {"A": (100, "EUR"), "B": (-50, "USD"), "C": (30, "USD"), "D": (7, "CHF")}
    quotes = {"A": 10.5, "B": 99.0, "D": 410.25}
    bench.insert(prices=quotes, old_prices={"A": 10.0, "B": 101.0, "C": 55.5, "D": 400.0})
    bench.insert(rates={"EUR": 1, "USD": 0.9, "CHF": 1.05})
    keys = {key: {"ticker": key, "quantity": quantity, "currency": currency} for key, (quantity, currency) in book.items()}
    bench.add_blocks("book", position, keys, {name: name for name in ("prices", "old_prices", "rates")})
    for name in ("worth", "gain"):
        bench.add(f"total_{name}", lambda **read: sum(read.values()), **{key: f"book/{key}/{name}" for key in book})
    answers: list[Any] = [bench.try_all(), bench.compute("book/A/gain", "book/B/worth")]
    bench.insert(prices={**quotes, "C": 60.25})
    answers += [bench.try_all(), bench.compute("total_worth", "total_gain")]
    bench.insert(rates={"EUR": 1, "USD": 0.8, "CHF": 1.0})
    return [*answers, bench.compute("total_worth", "total_gain", "book/C/gain")]


def price_cdo(make: Any) -> list[Any]:
    """A CDO: losses of a pool given a common factor, a block for each value of the factor, tranches of the losses."""
    names, points = 12, 9
    normal = NormalDist()
    levels = [-3 + 6 * point / (points - 1) for point in range(points)]
    densities = [normal.pdf(level) for level in levels]
    bench = make()
    given = bench.make_block()
    given.insert(level=0.0)
    given.add("conditional", find_conditional, defaults="defaults", correlation="correlation", level="level")
    given.add("losses", spread_losses, conditional="conditional")
    bench.insert(defaults=[0.01 + 0.005 * name for name in range(names)], correlation=0.3, recovery=0.4, shares=(0.03, 0.07))
    keys = {str(point): {"level": level} for point, level in enumerate(levels)}
    bench.add_blocks("factor", given, keys, {"defaults": "defaults", "correlation": "correlation"})

    def mix(**read: list[float]) -> list[float]:
        weights = [density / sum(densities) for density in densities]
        rows = [read[f"p{point}"] for point in range(points)]
        return [sum(weight * row[count] for weight, row in zip(weights, rows, strict=True)) for count in range(names + 1)]

    bench.add("distribution", mix, **{f"p{point}": f"factor/{point}/losses" for point in range(points)})
    bench.add("expected", find_expected, distribution="distribution", recovery="recovery")
    bench.add(
        "tranche", find_tranche, distribution="distribution", recovery="recovery", shares="shares",
    )  # fmt: skip
    bench.add("spread", find_spread, tranche="tranche", shares="shares")
    answers: list[Any] = [bench.compute("expected", "spread", "factor/4/conditional"), bench.count()]
    for moved in ({"shares": (0.07, 0.1)}, {"recovery": 0.25}, {"correlation": 0.6}, {"defaults": [0.02] * names}):
        bench.insert(**moved)
        answers += [bench.compute("expected", "spread"), bench.count()]
    return answers


def find_conditional(defaults: list[float], correlation: float, level: float) -> list[float]:
    """Return the probabilities of default given the factor."""
    normal = NormalDist()
    root = math.sqrt(correlation)
    return [normal.cdf((normal.inv_cdf(one) - root * level) / math.sqrt(1 - correlation)) for one in defaults]


def spread_losses(conditional: list[float]) -> list[float]:
    """Return the probability of each number of defaults."""
    found = [1.0]
    for one in conditional:
        stay, move = [*[chance * (1 - one) for chance in found], 0.0], [0.0, *[chance * one for chance in found]]
        found = [a + b for a, b in zip(stay, move, strict=True)]
    return found


def find_expected(distribution: list[float], recovery: float) -> float:
    """Return the expected loss of the pool."""
    return sum(chance * share_of(count, distribution, recovery) for count, chance in enumerate(distribution))


def find_tranche(distribution: list[float], recovery: float, shares: tuple[float, float]) -> float:
    """Return the expected loss between two shares of the pool."""
    low, high = shares
    return sum(
        chance * (min(high, share_of(count, distribution, recovery)) - min(low, share_of(count, distribution, recovery)))
        for count, chance in enumerate(distribution)
    )


def find_spread(tranche: float, shares: tuple[float, float]) -> float:
    """Return the loss of a tranche in basis points a year, over five years."""
    return 10_000 * tranche / (shares[1] - shares[0]) / 5


def share_of(count: int, distribution: list[float], recovery: float) -> float:
    """Return the share of the pool that so many defaults lose."""
    return count * (1 - recovery) / (len(distribution) - 1)


JOBS = {job.__name__: job for job in (start_quickly, show_dashboard, value_portfolio, price_cdo)}
SIDES = {"here": Bench, "there": LomanBench}
