"""A curve bootstrapped from the quotes of swaps, swaps valued on it, and their ladder.

Run it with ``python curve.py``. Each discount factor is a node that reads the factors of the years before. So
a quote for thirty years moves the last factors only, and a bump of it runs few nodes; a quote for one year
moves them all.

In it: `par_rate`, `annuity`, `Swap`, `portfolio`, and `main`, which values it and climbs the ladder.
"""

import attrs

import dug
from dug.scenarios import ladder
from dug.testing import EventLog

QUOTES = {1: 0.0410, 2: 0.0385, 3: 0.0372, 5: 0.0365, 7: 0.0368, 10: 0.0375, 15: 0.0384, 20: 0.0386, 30: 0.0379}
BASIS_POINT = 0.0001


@dug.source
def quote(years: int) -> float:
    """The fixed rate a year that the market pays for floating interest."""
    return QUOTES[years]


@dug.memoize
def par_rate(years: int) -> float:
    """The fixed rate for any number of years: linear between two quotes."""
    if years in QUOTES:
        return quote(years)
    before, after = max(one for one in QUOTES if one < years), min(one for one in QUOTES if one > years)
    weight = (years - before) / (after - before)
    return (1 - weight) * quote(before) + weight * quote(after)


@dug.memoize
def discount(years: int) -> float:
    """What 1, paid in some years, is worth today, so that a swap at the par rate is worth nothing."""
    return (1 - par_rate(years) * annuity(years - 1)) / (1 + par_rate(years))


@dug.memoize
def annuity(years: int) -> float:
    """What 1 at the end of each year is worth today."""
    return annuity(years - 1) + discount(years) if years else 0.0


@attrs.frozen
class Swap:
    """Receives a fixed rate on an amount for some years, and pays the floating one."""

    years: int
    rate: float
    amount: float

    @dug.memoize
    def value(self) -> float:
        """What the swap is worth today."""
        return self.amount * (self.rate * annuity(self.years) - (1 - discount(self.years)))


SWAPS = (Swap(4, 0.0350, 40e6), Swap(9, 0.0400, -25e6), Swap(12, 0.0310, 10e6), Swap(30, 0.0385, -5e6))


@dug.memoize
def portfolio() -> float:
    """What all swaps are worth."""
    return sum(swap.value() for swap in SWAPS)


def main() -> None:
    """Value the portfolio, climb the ladder of the quotes, and shift and tilt the whole curve."""
    with dug.Context(name="today") as today:
        with EventLog(today) as log:
            portfolio()
        print(f"The portfolio is worth {portfolio():,.0f}; that ran {len(log.computed)} nodes.\n")

        nodes = [quote.node(years) for years in QUOTES]
        rungs = dug.sweep(portfolio.node(), ladder(nodes, dug.shift(BASIS_POINT), dug.shift(-BASIS_POINT)))
        gains = [result.value for result in rungs.central()]
        print("Quote      A basis point up gains   Nodes that run again")
        for years, gain, up in zip(QUOTES, gains, rungs[::2], strict=True):
            print(f"{years:2} years {gain:25,.0f} {up.recomputed:22}")
        print(f"All      {sum(gains):25,.0f}\n")

        higher = dug.Scenario({quote: dug.shift(0.01)}, name="all rates 1 % up")
        steeper = dug.Scenario({node: dug.shift((node.args[0] - 10) * BASIS_POINT) for node in nodes}, name="a steeper curve")
        for scenario in (higher, steeper):
            with dug.Context(scenario) as ctx, EventLog(ctx) as log:
                change = portfolio() - today[portfolio.node()]
            print(f"What if {scenario.name}? {change:+,.0f}; {log.count(discount)} discount factors run again.")


if __name__ == "__main__":
    main()
