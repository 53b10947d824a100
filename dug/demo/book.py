"""The book of the demo: `Option`, `Forward`, the formula `black`, the list of `trades`, and `book_value`.

A few hundred options and forwards, and their values.  A trade is a frozen attrs class, so that it can be the argument of a
memoised method. The arithmetic of a price is a plain function of numbers; the memoised ``value`` says which numbers of the
market it reads.

`stock_value` adds up the trades of one stock; `normal_cdf` is the probability in the formula.
"""

from __future__ import annotations

import itertools
import math

import attrs

import dug  # as in market.py

from . import market

MATURITIES = (0.25, 0.5, 1.0, 2.0, 3.0)
MONEYNESS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)


@attrs.frozen
class Option:
    """The right to buy (a call) or sell (a put) ``quantity`` shares at ``strike`` in ``years``; sold if negative."""

    ticker: str
    strike: float
    years: float
    is_call: bool
    quantity: int

    @dug.memoize
    def value(self) -> float:
        """The value of the trade today, in dollars."""
        premium = black(
            market.forward(self.ticker, self.years),
            self.strike,
            market.volatility(self.ticker) * math.sqrt(self.years),
            is_call=self.is_call,
        )
        return self.quantity * market.discount(self.years) * premium


@attrs.frozen
class Forward:
    """The duty to buy ``quantity`` shares at ``strike`` in ``years``; to sell them if negative."""

    ticker: str
    strike: float
    years: float
    quantity: int

    @dug.memoize
    def value(self) -> float:
        """The value of the trade today, in dollars."""
        gain = market.forward(self.ticker, self.years) - self.strike
        return self.quantity * market.discount(self.years) * gain


def black(forward: float, strike: float, deviation: float, *, is_call: bool) -> float:
    """The Black-Scholes premium of an option on one share, paid at maturity.

    Args:
        forward: the forward price of the share.
        strike: the price the option agrees on.
        deviation: the volatility times the square root of the years left; more than zero.
        is_call: a right to buy, else to sell.

    Source: Black, F. (1976), "The pricing of commodity contracts", equation 16, which is the Black-Scholes formula
    written on the forward price.
    """
    sign = 1 if is_call else -1
    d1 = math.log(forward / strike) / deviation + deviation / 2
    return sign * (forward * normal_cdf(sign * d1) - strike * normal_cdf(sign * (d1 - deviation)))


def normal_cdf(x: float) -> float:
    """The probability that a standard normal variable is below ``x``."""
    return math.erfc(-x / math.sqrt(2)) / 2


@dug.memoize
def trades(ticker: str) -> tuple[Option | Forward, ...]:
    """The trades on one stock: a call and a put for each strike and maturity, and a forward for each maturity.

    Strikes are percentages of the last close of the file, not of the spot: a trade keeps its terms when a scenario
    moves the spot. Quantities come from the number of a trade; the numbers start elsewhere for each stock.
    """
    last_close = market.history(ticker)[-1]
    numbers = itertools.count(1000 * market.tickers().index(ticker))
    options = [
        Option(ticker, round(last_close * percent, 2), years, is_call, _quantity(next(numbers)))
        for years, percent, is_call in itertools.product(MATURITIES, MONEYNESS, (True, False))
    ]
    forwards = [Forward(ticker, round(last_close, 2), years, 10 * _quantity(next(numbers))) for years in MATURITIES]
    return (*options, *forwards)


def _quantity(number: int) -> int:
    """The shares in trade ``number``: hundreds from -500 to 600 in a fixed order, never 0; negative is sold."""
    return 100 * (number * 4 % 11 - 5 or 6)


@dug.memoize
def stock_value(ticker: str) -> float:
    """The value of all trades on one stock."""
    return math.fsum(trade.value() for trade in trades(ticker))


@dug.memoize
def book_value() -> float:
    """The value of the whole book."""
    return math.fsum(stock_value(ticker) for ticker in market.tickers())
