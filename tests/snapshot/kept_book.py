"""A small book for snapshots: sources, a failure, and a list of runs.

The committed files in `golden/` name this module, so its name and its functions stay as they are.
"""

from __future__ import annotations

import dug

PRICES = {"A": 1.0, "B": 2.0, "C": 3.0}
RAN: list[str] = []


@dug.source
def price(ticker: str) -> float:
    """Return the price of a share; there is none for X."""
    RAN.append(f"price({ticker})")
    return PRICES[ticker]


@dug.memoize
def position(ticker: str, quantity: int = 10) -> float:
    """Return the value of a position."""
    RAN.append(f"position({ticker})")
    return quantity * price(ticker)


@dug.memoize
def book() -> float:
    """Return the value of all positions."""
    RAN.append("book")
    return position("A") + position("B", 5)


@dug.memoize
def handle() -> object:
    """Return an object without a codec."""
    RAN.append("handle")
    return object()


@dug.memoize
def report() -> tuple[float, bool]:
    """Return a tuple, having read an object without a codec."""
    RAN.append("report")
    return book(), handle() is not None


@dug.memoize
def delta(ticker: str) -> float:
    """Return the gain of the book when a price goes up by one."""
    RAN.append(f"delta({ticker})")
    before = book()
    with dug.Context(tweaks={price.node(ticker): dug.shift(1.0)}):
        return book() - before


@dug.memoize
def blob(size: int) -> bytes:
    """Return bytes that are not all the same."""
    RAN.append("blob")
    return bytes(range(256)) * (size // 256)
