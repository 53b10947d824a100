"""Streams for snapshots, with a loop and without, and a list of runs.

A committed file in `golden/` names this module, so its name and its functions stay as they are.
"""

from __future__ import annotations

from typing import Any

import dug

RAN: list[str] = []
ROWS: list[Any] = [0, 1, 2, 3, 4, 5, 6, 7]


@dug.source
def rows(name):
    """Give rows."""
    RAN.append("rows")
    yield from tuple(ROWS)


@dug.memoize
def rate():
    """Return a rate."""
    return 2


@dug.memoize
def amounts(name):
    """Give amounts, which read the rate from item 5 on."""
    RAN.append("amounts")
    for row in rows(name):
        yield row * (rate() if row >= 5 else 1)


@dug.memoize
def total(name):
    """Add the amounts up."""
    RAN.append("total")
    return sum(amounts(name))


@dug.memoize
def head(name, count):
    """Return the first amounts."""
    RAN.append("head")
    found = []
    for amount in amounts(name):
        found.append(amount)
        if len(found) == count:
            break
    return tuple(found)


@dug.source(keep=2)
def recent(name):
    """Give rows, of which few are kept."""
    yield from tuple(ROWS)


@dug.memoize
def last(name):
    """Return the last of the recent rows."""
    RAN.append("last")
    return recent(name).last()


@dug.memoize
def broken(name):
    """Give one amount and fail."""
    yield 1
    raise OSError("gone")


@dug.memoize
def broken_total(name):
    """Fail with the stream."""
    return sum(broken(name))


def doubled(name):
    """Give other amounts."""
    for row in rows(name):
        yield row * 2


@dug.source
async def ticks(name):
    """Give rows on a loop."""
    RAN.append("ticks")
    for row in tuple(ROWS):
        yield row


@dug.memoize
async def mids(name):
    """Give amounts on a loop."""
    RAN.append("mids")
    async for tick in ticks(name):
        yield tick * (rate() if tick >= 5 else 1)


@dug.memoize
async def opening(name, count):
    """Return the first amounts of a loop."""
    RAN.append("opening")
    found = []
    async for mid in mids(name):
        found.append(mid)
        if len(found) == count:
            break
    return tuple(found)


@dug.memoize
async def sum_up(name):
    """Add the amounts of a loop up."""
    RAN.append("sum_up")
    return sum([mid async for mid in mids(name)])
