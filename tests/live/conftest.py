"""A program with live inputs: two spots, and three nodes of which the sums must fit together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import frozen
from support.feeds import Feeds

import dug
from dug.live import Live
from dug.testing import Clock


@frozen
class Book:
    """The functions of a small book."""

    spot: Any
    twice: Any
    thrice: Any
    total: Any


@pytest.fixture
def book() -> Book:
    """A book of its own."""

    @dug.source
    def spot(name):
        raise LookupError(f"nobody has said the spot of {name}")

    @dug.memoize
    def twice(name):
        return 2 * spot(name)

    @dug.memoize
    def thrice(name):
        return 3 * spot(name)

    @dug.memoize
    def total():
        return twice("A") + twice("B")

    return Book(spot, twice, thrice, total)


@pytest.fixture
def clock() -> Clock:
    """A clock that the test sets."""
    return Clock()


@pytest.fixture
def feeds() -> Feeds:
    """Streams that give what the test sends."""
    return Feeds()


@pytest.fixture
def make(book: Book, clock: Clock) -> Callable[..., Live]:
    """Make a `Live` of the book, in which both spots are 1."""

    def make_live(**options: Any) -> Live:
        return Live({book.spot.node("A"): 1, book.spot.node("B"): 1}, clock=clock, **options)

    return make_live
