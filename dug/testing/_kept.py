"""A small program whose runs a store keeps, for the checks of `_store`: memoised functions that other processes find by name.

What it reads comes in by tweaks alone, so a check says by them what is different in another process.

They are `spot`, `trade`, `book`, `value`, `opaque` and `failing`.
"""

from threading import Lock
from typing import Any

from .._functions.memoize import memoize

VALUES: tuple[Any, ...] = (
    1,
    1.0,
    True,
    None,
    "ä\n",
    b"\x00\xff",
    float("inf"),
    (1, (2, [3, {"four": 5.0}])),
    {1: "one", "two": {2}},
    "a" * 100_000,
)
"""One of each kind that can be taken for another, and one that is not short."""


@memoize
def spot(name: str) -> float:
    """Returns a number to start from."""
    return float(len(name))


@memoize
def trade(name: str, quantity: int) -> float:
    """Returns the value of a trade."""
    return quantity * spot(name)


@memoize
def book() -> float:
    """Returns the value of a few trades."""
    return sum(trade(name, quantity) for name in ("a", "bb") for quantity in (1, 2, 3))


@memoize
def value(place: int) -> Any:
    """Returns one of the values."""
    return VALUES[place]


@memoize
def opaque() -> Any:
    """Returns what no codec takes, and pickle neither."""
    return Lock()


@memoize
def failing() -> float:
    """Raises what no other process may take from a store."""
    raise ArithmeticError("it fails each time")
