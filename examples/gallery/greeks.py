"""The Greeks of a book of options, by moving one input at a time and valuing the book again.

Run it with ``python greeks.py``. There is no formula for a Greek: each is a difference of values under two
scenarios. A move of one share values only the options on that share again, a move of a volatility leaves the
forward prices alone.
"""

from math import erfc, exp, log, sqrt

import attrs

import dug
from dug.scenarios import ladder
from dug.testing import EventLog

QUOTES = {"AAPL": (192.0, 0.28), "MSFT": (410.0, 0.24), "NVDA": (118.0, 0.45)}


@dug.source
def spot(ticker: str) -> float:
    """What a share costs now."""
    return QUOTES[ticker][0]


@dug.source
def volatility(ticker: str) -> float:
    """How much a share moves in a year."""
    return QUOTES[ticker][1]


@dug.source
def rate() -> float:
    """The interest rate a year, continuously compounded."""
    return 0.04


@dug.source
def days_gone() -> int:
    """How many days have gone since the book was made."""
    return 0


@dug.memoize
def years_left(months: int) -> float:
    """The time until an option ends that ran for some months when the book was made."""
    return months / 12 - days_gone() / 365


@dug.memoize
def forward(ticker: str, months: int) -> float:
    """What the share costs for delivery when an option ends."""
    return spot(ticker) * exp(rate() * years_left(months))


@attrs.frozen
class Option:
    """The right to buy shares at a strike; to sell them if not a call."""

    ticker: str
    months: int
    strike: float
    is_call: bool
    quantity: int

    @dug.memoize
    def value(self) -> float:
        """What the options are worth, by the formula of Black and Scholes."""
        deviation = volatility(self.ticker) * sqrt(years_left(self.months))
        upper = log(forward(self.ticker, self.months) / self.strike) / deviation + deviation / 2
        sign = 1 if self.is_call else -1
        paid = forward(self.ticker, self.months) * normal(sign * upper) - self.strike * normal(sign * (upper - deviation))
        return self.quantity * exp(-rate() * years_left(self.months)) * sign * paid


def normal(x: float) -> float:
    """The probability that a normal variable is below x."""
    return erfc(-x / sqrt(2)) / 2


BOOK = tuple(
    Option(ticker, months, round(spot_now * moneyness), is_call, 100 * sign)
    for ticker, (spot_now, _) in QUOTES.items()
    for months, sign in ((3, 1), (6, -1), (12, 2))
    for moneyness in (0.9, 1.0, 1.1)
    for is_call in (True, False)
)


@dug.memoize
def book() -> float:
    """What all options are worth."""
    return sum(option.value() for option in BOOK)


def main() -> None:
    """Value the book, and differentiate the value by each input."""
    with dug.Context(name="today") as today:
        base = book()
        print(f"{len(BOOK)} options are worth {base:,.2f}.\n")
        spots, volatilities = [spot.node(one) for one in QUOTES], [volatility.node(one) for one in QUOTES]
        with EventLog(today) as events:
            moves = dug.sweep(book.node(), ladder(spots, dug.shift(0.5), dug.shift(-0.5)))
            vegas = dug.sweep(book.node(), ladder(volatilities, dug.shift(0.01), dug.shift(-0.01))).central()
            for number, ticker in enumerate(QUOTES):
                up, down = moves[2 * number].value, moves[2 * number + 1].value
                delta, gamma, vega = up - down, (up - 2 * base + down) / 0.25, vegas[number].value
                print(f"{ticker}: delta {delta:7.2f}, gamma {gamma:5.2f}, vega {vega:7.2f}")
        print(f"12 moves ran {events.count(Option.value)} values of options, not 12 x {len(BOOK)}.\n")

        for name, tweaks in {"theta": {days_gone.node(): 1}, "rho": {rate.node(): dug.shift(0.01)}}.items():
            with dug.Context(tweaks) as scenario, EventLog(scenario) as events:
                print(f"{name} {book() - base:+.2f}: {events.count(Option.value)} values, {events.count(forward)} forwards")


if __name__ == "__main__":
    main()
