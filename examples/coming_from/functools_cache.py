"""The same questions to ``functools.cache`` and to dug; both sides give the same answers."""

from functools import cache

import dug
from dug.testing import EventLog

QUOTES = {"AAPL": 192.0, "MSFT": 400.0}


def there() -> dict[str, object]:
    """With ``functools.cache``: a what-if changes the world, empties the caches, and puts everything back."""

    @cache
    def spot(ticker: str) -> float:
        return QUOTES[ticker]

    @cache
    def position(ticker: str, quantity: int) -> float:
        return quantity * spot(ticker)

    def book() -> float:
        return position("AAPL", 100) + position("MSFT", 50)

    answers: dict[str, object] = {"a call": book()}
    book()
    answers["runs"] = position.cache_info().misses
    QUOTES["AAPL"] = 96.0
    spot.cache_clear(), position.cache_clear()
    answers["a what-if"] = book()
    answers["runs for the what-if"] = position.cache_info().misses
    QUOTES["AAPL"] = 192.0
    spot.cache_clear(), position.cache_clear()
    answers["as it was"] = book()
    answers["the plain function"] = spot.__wrapped__("MSFT")
    return answers


def here() -> dict[str, object]:
    """With dug: a what-if is a context, and what it does not touch is not asked again."""

    @dug.memoize
    def spot(ticker: str) -> float:
        return QUOTES[ticker]

    @dug.memoize
    def position(ticker: str, quantity: int) -> float:
        return quantity * spot(ticker)

    def book() -> float:
        return position("AAPL", 100) + position("MSFT", 50)

    answers: dict[str, object] = {}
    with dug.Context() as ctx, EventLog(ctx) as log:
        answers["a call"] = book()
        book()
        answers["runs"] = log.count(position)
        log.clear()
        with dug.Context(tweaks={spot.node("AAPL"): 96.0}):
            answers["a what-if"] = book()
        answers["runs for the what-if"] = log.count(position)
        answers["as it was"] = book()
        answers["the plain function"] = spot.__wrapped__("MSFT")
    return answers


DIFFERENT = {"runs for the what-if": (2, 1)}
"""What differs, there and here."""
