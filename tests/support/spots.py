"""A small program of inputs by ticker, and a price that fails for a negative one."""

from __future__ import annotations

import dug


@dug.memoize(name="spots:spot")
def spot(ticker):
    """Reads nothing."""
    return 100.0


@dug.memoize(name="spots:rate")
def rate():
    """Reads nothing."""
    return 0.5


@dug.memoize(name="spots:price")
def price(ticker):
    """Reads one spot, and fails when it is negative."""
    if spot(ticker) < 0:
        raise ValueError(ticker)
    return 2 * spot(ticker)
