"""A small book for worker processes, which import it: sources, trades, a failure of each kind, and a count of all bodies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import dug

COUNTS = "DUG_TEST_COUNTS"
"""The environment variable with the file to which each body writes its name, in whatever process it runs."""
STUCK = "DUG_TEST_STUCK"
"""The environment variable with the file to which a process that is stuck writes its number."""
FACTOR = 2.0


class OddError(Exception):
    """It is made of other arguments than it keeps, so that pickle cannot make it again."""

    def __init__(self, code: int, *, hint: str) -> None:
        super().__init__(f"odd {code} ({hint})")
        self.never_pickled = lambda: None  # where Dask is imported, it helps pickle to make exceptions with other arguments


class Opaque:
    """No codec knows it, but pickle does."""

    def __init__(self, number: float) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self.number == other.number

    __hash__ = None


def count(name: str) -> None:
    """Write down that a body ran."""
    if COUNTS in os.environ:
        with Path(os.environ[COUNTS]).open("a", encoding="ascii") as file:  # small appends of several processes do not mix
            file.write(f"{name}\n")


@dug.source
def spot(number: int) -> float:
    """Return a price."""
    count("spot")
    return 100.0 + number


@dug.memoize
def trade(number: int) -> float:
    """Return the value of a trade."""
    count("trade")
    return FACTOR * spot(number) * scaled(1.0)


@dug.memoize
def coupons() -> Iterator[float]:
    """Give payments."""
    yield from (1.0, 4.0, 2.0)


@dug.memoize
def paid() -> float:
    """Return what is paid in all."""
    return sum(coupons())


def scaled(value: float) -> float:
    """Help a trade."""
    return value * 1.5


@dug.memoize
def book() -> float:
    """Return the value of ten trades."""
    count("book")
    return sum(trade(number) for number in range(10))


@dug.memoize
def desk(number: int) -> float:
    """Return the value of two trades."""
    count("desk")
    return trade(2 * number) + trade(2 * number + 1)


@dug.memoize
def firm() -> float:
    """Return the value of two desks."""
    count("firm")
    return desk(0) + desk(1)


@dug.memoize
def mood() -> str:
    """Say what `odd` shall do."""
    return "well"


@dug.memoize
def risky() -> object:
    """Do as the mood says."""
    said = mood()
    if said == "value":
        raise ValueError("bad mood", 7)
    if said == "odd":
        raise OddError(5, hint="as said")
    if said == "die":
        count("die")
        os.kill(os.getpid(), signal.SIGKILL)
    if said == "wait":
        while True:
            signal.pause()
    if said == "stick":
        Path(os.environ[STUCK]).write_text(str(os.getpid()), encoding="ascii")
        while True:
            signal.pause()
    if said == "opaque":
        return Opaque(book())
    if said == "generator":
        return {"no": lambda: None}
    return said


@dug.memoize
def seldom() -> float:
    """Return a number that nothing asks for in the base."""
    return 3.0


@dug.memoize
def switched() -> float:
    """Read another node when the mood changes."""
    return seldom() if mood() == "seldom" else 0.0


@dug.memoize
def anything():
    """Return what it is tweaked to."""


def at_least(value: float, low: float) -> float:
    """Bound from below."""
    return max(value, low)


@dug.memoize
def fails_below() -> object:
    """Pass on what `risky` raises."""
    return risky()


def low(level: float) -> float:
    """Return a number of a flow."""
    return level - 1


def high(level: float) -> float:
    """Return another number of a flow."""
    return level + 1


def spread(low: float, high: float) -> float:
    """Return the difference of two."""
    return high - low
