"""The market of the demo: `closing_prices` from a file, and the inputs `spot`, `volatility`, `rate`, `discount`, `forward`.

``spot``, ``volatility`` and ``rate`` are the inputs that a scenario tweaks; ``discount`` and ``forward`` follow from them.
Times are in years, rates and volatilities per year, prices in US dollars. ``README.rst`` beside this file names where
``stocks.csv`` comes from.

`tickers` are the stocks of the file, `history` the prices of one.
"""

from __future__ import annotations

import csv
import itertools
import math
import statistics
from importlib import resources

import dug  # the demo is a program written with dug, so it reads like one; nothing below it imports it

MONTHS_A_YEAR = 12


@dug.source
def closing_prices() -> tuple[tuple[str, float], ...]:
    """Every ``(ticker, closing price)`` of ``stocks.csv``, oldest first within a ticker."""
    text = resources.files(__package__).joinpath("stocks.csv").read_text(encoding="ascii")
    return tuple((row["symbol"], float(row["price"])) for row in csv.DictReader(text.splitlines()))


@dug.memoize
def tickers() -> tuple[str, ...]:
    """The stocks of the file, sorted."""
    return tuple(sorted({ticker for ticker, _ in closing_prices()}))


@dug.memoize
def history(ticker: str) -> tuple[float, ...]:
    """The monthly closing prices of one stock, oldest first."""
    return tuple(price for symbol, price in closing_prices() if symbol == ticker)


@dug.memoize
def spot(ticker: str) -> float:
    """The price of one share today: the last close of the file."""
    return history(ticker)[-1]


@dug.memoize
def volatility(ticker: str) -> float:
    """How much the stock moves in a year: the standard deviation of its log returns, annualised.

    With monthly closes ``p[0] .. p[n]`` and returns ``r[i] = log(p[i] / p[i - 1])``, it is ``sqrt(12) * s`` where ``s`` is
    the sample standard deviation (divisor ``n - 1``) of the ``n`` returns.
    """
    closes = history(ticker)
    returns = [math.log(after / before) for before, after in itertools.pairwise(closes)]
    return math.sqrt(MONTHS_A_YEAR) * statistics.stdev(returns)


@dug.memoize
def rate() -> float:
    """The interest rate, continuously compounded, the same for every maturity: 2 %, an assumption of the demo."""
    return 0.02


@dug.memoize
def discount(years: float) -> float:
    """The value today of a dollar paid in ``years``."""
    return math.exp(-rate() * years)


@dug.memoize
def forward(ticker: str, years: float) -> float:
    """The price agreed today at which the stock changes hands in ``years``; no dividends."""
    return spot(ticker) / discount(years)
