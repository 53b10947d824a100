"""A desk's blotter on simulated quotes: 200 options on 50 shares, what they are worth at every tick, and the Greeks every second.

Run it with ``python desk_blotter.py``: a table in the terminal (needs rich), until you stop it.  ``--seconds 60 --rate 200``
runs it without a table and then says how many ticks there were and how many were torn, how the memory grew, and how old the
Greeks were.  ``--simulated`` lets the time be that of a clock that jumps from event to event.

Values are whole cents, so that three outputs must fit together to the cent: what the desk is long of, and short of, and the sum.
The Greeks take long, as each is a what-if on the whole book; they are asked in a thread, in a context that is frozen at a tick.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from math import erfc, exp, log, sqrt
from typing import Any

import attrs

import dug
from dug.live import Live, Update
from dug.testing import Clock

SHARES, TRADES = 50, 200
PERIOD_S = 1.0
"""How often the Greeks are shown."""
SLACK_S = 0.1
"""How late a loop may wake on a busy machine."""
SWITCH_S = 0.0005
"""How long the thread with the Greeks may keep the interpreter when a quote has come; Python lets it ten times as long."""


@dug.source
def spot(share: int) -> float:
    """What a share costs now."""
    raise LookupError(f"no quote of share {share} has come yet")


@dug.memoize
def value(trade: int) -> int:
    """What a trade is worth in cents, by the formula of Black and Scholes: calls and puts of half a year, bought or sold."""
    sign, price = (1 if trade % 2 else -1), spot(trade % SHARES)
    strike, rate, volatility, years = 80 + trade % 41, 0.04, 0.2 + trade % 7 / 20, 0.5
    deviation = volatility * sqrt(years)
    upper = log(price / strike) / deviation + rate * years / deviation + deviation / 2
    paid = price * normal(sign * upper) - strike * exp(-rate * years) * normal(sign * (upper - deviation))
    return round(100 * quantity(trade) * sign * paid)


def normal(x: float) -> float:
    """The probability that a normal variable is below x."""
    return erfc(-x / sqrt(2)) / 2


def quantity(trade: int) -> int:
    """How many options of a trade there are; less than 0 if they were sold."""
    return (trade % 9 - 4) * 100 or 100


@dug.memoize
def longs() -> int:
    """What was bought is worth."""
    return sum(value(trade) for trade in range(TRADES) if quantity(trade) > 0)


@dug.memoize
def shorts() -> int:
    """What was sold is worth."""
    return sum(value(trade) for trade in range(TRADES) if quantity(trade) < 0)


@dug.memoize
def net() -> int:
    """What the book is worth; nothing is read of the two above."""
    return sum(value(trade) for trade in range(TRADES))


@dug.memoize
def greeks() -> tuple[tuple[int, float, float], ...]:
    """The delta and the gamma of the book by share, in dollars: two what-ifs on each."""
    base, found = net(), []
    for share in range(SHARES):
        with dug.Context({spot.node(share): dug.shift(1.0)}):
            up = net()
        with dug.Context({spot.node(share): dug.shift(-1.0)}):
            down = net()
        found.append((share, (up - down) / 200, (up - 2 * base + down) / 100))
    return tuple(found)


@attrs.define
class Tally:
    """What the reader of the updates has seen."""

    values: dict[Any, Any] = attrs.field(factory=dict)
    updates: int = 0
    torn: int = 0
    """How often the three sums did not fit together."""
    ticks: int = 0
    greeks_at: float | None = None
    refreshed: int = 0
    longest_run_s: float = 0.0
    oldest_s: float = 0.0
    """How old the Greeks were, at most, when the next ones came."""
    over_s: float = 0.0
    """By how much that was more than one run after the period, or after the run before where that took longer."""
    last_run_s: float = 0.0
    first_bytes: int = 0

    def take(self, update: Update[Any], now: float) -> None:
        """Notes an update; checks the sums where the last one of a tick has come."""
        if update.error is not None:
            raise update.error
        self.updates += 1
        self.values[update.node] = update.value
        if update.node == greeks.node():
            self.take_greeks(update, now)
        elif update.node == net.node():  # asked last
            self.ticks = update.tick
            self.torn += self.values[net.node()] != self.values[longs.node()] + self.values[shorts.node()]

    def take_greeks(self, update: Update[Any], now: float) -> None:
        """Notes how old the Greeks are, and those before."""
        run = now - update.at
        if self.greeks_at is not None:
            self.oldest_s = max(self.oldest_s, now - self.greeks_at)
            self.over_s = max(self.over_s, now - self.greeks_at - max(PERIOD_S, self.last_run_s) - run)
        self.greeks_at, self.refreshed = update.at, self.refreshed + 1
        self.last_run_s, self.longest_run_s = run, max(self.longest_run_s, run)


class WallClock:
    """The time of the machine."""

    def __call__(self) -> float:
        """Returns the seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Returns after so many seconds."""
        await asyncio.sleep(max(0.0, seconds))


class AtOnce:
    """An executor for simulated time, which has no threads."""

    def submit(self, call: Callable[[], object]) -> None:
        """Makes the call."""
        call()


async def quotes(clock: Any, rate: float, seconds: float) -> AsyncIterator[dict[Any, float]]:
    """Gives so many quotes a second: one share at a time moves by up to a percent."""
    draw, began = random.Random(7), clock()
    prices = [100.0] * SHARES
    for number in range(round(seconds * rate) if seconds else sys.maxsize):
        await clock.sleep(began + (number + 1) / rate - clock())
        share = draw.randrange(SHARES)
        prices[share] = min(200.0, max(50.0, prices[share] * (1 + draw.uniform(-0.01, 0.01))))
        yield {spot.node(share): prices[share]}


async def follow(clock: Any, rate: float, seconds: float, executor: Any, tally: Tally) -> Live:
    """Reads the updates until the quotes end."""
    async with Live({spot.node(share): 100.0 for share in range(SHARES)}, clock=clock) as live:
        for node in (longs.node(), shorts.node(), net.node()):
            live.output(node, changes_only=False)
        live.output(greeks.node(), every=PERIOD_S, executor=executor, changes_only=False)
        live.feed(quotes(clock, rate, seconds))
        async for update in live.updates(until_fed=True):
            tally.take(update, clock())
            if not tally.first_bytes and tally.ticks >= min(1_000, rate * seconds / 10):
                tally.first_bytes = find_bytes()
    return live


async def simulate(rate: float, seconds: float, tally: Tally) -> Live:
    """Reads the updates by a clock that jumps on whenever everybody waits."""
    clock = Clock()
    reading = asyncio.create_task(follow(clock, rate, seconds, AtOnce(), tally))
    while not reading.done():
        for _ in range(20):  # turns of the loop, in which everybody comes to wait
            await asyncio.sleep(0)
        clock.jump()
    return reading.result()


def find_bytes() -> int:
    """Returns the memory of this process, 0 where the system does not tell."""
    with suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  no regular file
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return 0


def make_table(tally: Tally) -> Any:
    """Returns the blotter as a table of rich."""
    from rich.table import Table  # needed for the table only

    table = Table(title=f"tick {tally.ticks:,}, torn {tally.torn}")
    for name in ("", "dollars", "delta", "gamma"):
        table.add_column(name, justify="right")
    for node in (longs, shorts, net):
        table.add_row(node.__name__, f"{tally.values.get(node.node(), 0) / 100:,.2f}", "", "")
    found = sorted(tally.values.get(greeks.node(), ()), key=lambda row: -abs(row[1]))
    for share, delta, gamma in found[:10]:
        table.add_row(f"share {share}", "", f"{delta:,.2f}", f"{gamma:,.2f}")
    return table


def show(tally: Tally) -> Any:
    """Returns what shows the table while it is entered."""
    from rich.live import Live as Screen  # needed for the table only

    return Screen(get_renderable=lambda: make_table(tally), refresh_per_second=4)


def report(tally: Tally, live: Live) -> str:
    """Returns what there is to say at the end."""
    now, first = find_bytes(), tally.first_bytes
    skipped = live.counters.outputs[greeks.node()].skipped
    return "\n".join([
        f"ticks: {tally.ticks:,}, updates: {tally.updates:,}, torn: {tally.torn}",
        f"quotes: {live.counters.pushed:,} pushed, {live.counters.conflated:,} conflated",
        f"memory: {first / 1e6:.1f} MB after the first ticks, {now / 1e6:.1f} MB at the end",
        f"Greeks: {tally.refreshed:,} times, {skipped:,} ticks skipped",
        f"Greeks: longest run {tally.longest_run_s:.3f} s, oldest {tally.oldest_s:.3f} s when the next ones came",
        f"Greeks later than their period and one run: by {tally.over_s:.3f} s at most",
    ])  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Runs the blotter; returns 1 if a tick was torn, or the Greeks were older than their period and one run."""
    parser = argparse.ArgumentParser(description="A desk's blotter on simulated quotes.")
    parser.add_argument("--seconds", type=float, default=0.0, help="run for so long, without a table")
    parser.add_argument("--rate", type=float, default=200.0, help="quotes a second")
    parser.add_argument("--simulated", action="store_true", help="by a clock that jumps")
    options = parser.parse_args(arguments)
    if options.simulated and not options.seconds:
        parser.error("--simulated needs --seconds")
    tally, usual = Tally(), sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        if options.simulated:
            live = asyncio.run(simulate(options.rate, options.seconds, tally))
        else:
            with ThreadPoolExecutor(1) as pool, (nullcontext() if options.seconds else show(tally)):
                live = asyncio.run(follow(WallClock(), options.rate, options.seconds, pool, tally))
    finally:
        sys.setswitchinterval(usual)
    print(report(tally, live))
    return int(tally.torn > 0 or tally.over_s > SLACK_S)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
