"""The questions of the demo and their costs: `what_ifs` lists them, `measure` times them, `text` prints the table.

Each scenario is asked in a context inside the base, which shares the base's memos, and in a context of its own, which
has no memos and recomputes the whole book. Each is timed several times, as one run may meet anything on a busy machine.
``measure`` only measures, ``text`` only formats.

`WhatIf` is a question, `Answer` and `Timing` what was measured, `Row` a line of the table; `answer`, `from_scratch` and
`time_answer` measure, `tell_spread` and `tell_ratio` are texts.  `_cells` and `_measure` make the rows.
"""

from __future__ import annotations

import contextvars
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

import dug  # as in market.py

from . import book, market

BASE = dug.Scenario({}, name="base")
RUNS = 5
"""How often each answer is timed."""
LEAST_TOLD = 1e-5
"""Shorter times, in seconds, are not told apart: reading the clock takes a part of them."""


@attrs.frozen
class WhatIf:
    """One question: a scenario, and the questions asked inside it."""

    name: str
    scenario: dug.Scenario
    inner: tuple[WhatIf, ...] = ()


@attrs.frozen
class Timing:
    """How long several runs of one thing took, in seconds: half of them from `low` to `high`."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """The quartiles of some runs, of which there are at least two."""
        return cls(*statistics.quantiles(seconds, n=4, method="inclusive"))


@attrs.frozen
class Answer:
    """The value of the book in some context, how many different nodes ran for it, and how long that took."""

    value: float
    recomputed: int
    timing: Timing


@attrs.frozen
class Row:
    """One line of the table: the answer from the shared context, and the one from scratch."""

    name: str
    depth: int
    shared: Answer
    scratch: Answer


def what_ifs() -> tuple[WhatIf, ...]:
    """The questions of the demo: each spot, each volatility, the rate, and a crash inside the rate's scenario.

    The crash is asked again where it is still remembered: in a context that tweaks nothing, inside its own.
    """
    spots = [_what_if(f"{t} spot +10 %", {market.spot.node(t): dug.scale(1.1)}) for t in market.tickers()]
    volatilities = [_what_if(f"{t} vol +5 points", {market.volatility.node(t): dug.shift(0.05)}) for t in market.tickers()]
    crash = _what_if(
        "crash: spots -30 %, vols x1.5",
        {market.spot: dug.scale(0.7), market.volatility: dug.scale(1.5)},
        _what_if("the same, asked again", {}),
    )
    return (*spots, *volatilities, _what_if("rate +1 point", {market.rate.node(): dug.shift(0.01)}, crash))


def _what_if(name: str, tweaks: Mapping[Any, Any], *inner: WhatIf) -> WhatIf:
    return WhatIf(name, dug.Scenario(tweaks, name=name), inner)


def measure() -> list[Row]:
    """The rows of the table, the base first."""
    timing = time_answer(BASE)
    with dug.Context(BASE) as ctx:
        base = answer(ctx, timing)
        rows = [Row("base", 0, shared=base, scratch=base)]
        for what_if in what_ifs():
            rows += _measure(what_if, BASE, depth=0)
    return rows


def _measure(what_if: WhatIf, outer: dug.Scenario, depth: int) -> list[Row]:
    """The rows of one question and of those inside it; the context around is the one of ``outer``."""
    scenario = outer | what_if.scenario
    timing = time_answer(what_if.scenario)
    with dug.Context(what_if.scenario) as ctx:
        rows = [Row(what_if.name, depth, answer(ctx, timing), from_scratch(scenario))]
        for inner in what_if.inner:
            rows += _measure(inner, scenario, depth + 1)
    return rows


def from_scratch(scenario: dug.Scenario) -> Answer:
    """The answer of a context that knows nothing.

    An empty ``contextvars.Context`` is a place where no dug context is in force, so that the new one is a root.
    """

    def recompute() -> Answer:
        timing = time_answer(scenario)
        with dug.Context(scenario) as ctx:
            return answer(ctx, timing)

    return contextvars.Context().run(recompute)


def time_answer(scenario: dug.Scenario) -> Timing:
    """How long it takes to value the book in a context with this scenario, which is dropped with its results after each run.

    No listener is active here: the events of a few hundred nodes would take as long as their prices.
    """

    def time_once() -> float:
        with dug.Context(scenario):
            started = time.perf_counter()
            book.book_value()
            return time.perf_counter() - started

    return Timing.of([time_once() for _ in range(RUNS)])


def answer(ctx: dug.Context, timing: Timing) -> Answer:
    """The value of the book in ``ctx``, which is in force, with the number of different nodes that run for it."""
    computed: set[dug.Node[Any]] = set()
    with ctx.listen(lambda event: computed.add(event.node) if event.kind == "computed" else None):
        return Answer(book.book_value(), len(computed), timing)


def text() -> str:
    """The report as the demo prints it."""
    rows = measure()
    table = [_LINE.format(*_cells(row, base=rows[0].shared)).rstrip() for row in rows]
    return "\n".join([_TITLE, "", _HEADER, "-" * len(_HEADER), *table])


_TITLE = f"""\
A book of options and forwards on five stocks, priced from their monthly closes 2000-2010.
Each what-if asks for the value of the whole book: sharing what is known (time), and from scratch.
Each is timed {RUNS} times: the median, and in brackets the quartiles."""
_LINE = "{:<33} {:>13} {:>13} {:>11} {:>16} {:>11} {:>13}"
_HEADER = _LINE.format("what if", "book value, $", "change, $", "nodes rerun", "time, ms", "scratch, ms", "faster")


def _cells(row: Row, base: Answer) -> tuple[str, ...]:
    shared, scratch = row.shared, row.scratch
    return (
        "  " * row.depth + row.name,
        f"{shared.value:,.2f}",
        f"{shared.value - base.value:+,.2f}",
        f"{shared.recomputed} of {scratch.recomputed}",
        tell_spread(shared.timing),
        tell_spread(scratch.timing),
        "" if scratch is shared else tell_ratio(shared.timing, scratch.timing),
    )


def tell_spread(timing: Timing) -> str:
    """A timing in milliseconds: ``2.1 (1.9-2.4)``."""
    if timing.high < LEAST_TOLD:
        return f"under {1e3 * LEAST_TOLD:g}"
    low, middle, high = (f"{1e3 * seconds:#.2g}".rstrip(".") for seconds in (timing.low, timing.middle, timing.high))
    return f"{middle} ({low}-{high})"


def tell_ratio(shared: Timing, scratch: Timing) -> str:
    """How many times as long scratch takes, as far as the quartiles tell: ``3.1-5.2 x``; of much, the order: ``over 1,000 x``."""
    shortest = max(shared.low, LEAST_TOLD)
    least, most = scratch.low / max(shared.high, shortest), scratch.high / shortest
    if least >= 100:
        return f"over {10 ** math.floor(math.log10(least)):,} x"
    low, high = (f"{number:.0f}" if number >= 10 else f"{number:.1f}" for number in (least, most))
    return f"{low} x" if low == high else f"{low}-{high} x"
