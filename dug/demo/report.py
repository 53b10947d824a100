"""The questions of the demo and their costs: `what_ifs` lists them, `measure` times them, `text` prints the table.

Each scenario is asked in a context inside the base, which shares the base's memos, and in a context of its own, which
has no memos and recomputes the whole book. ``measure`` only measures, ``text`` only formats.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Mapping
from typing import Any

import attrs

import dug  # as in market.py

from . import book, market

BASE = dug.Scenario({}, name="base")


@attrs.frozen
class WhatIf:
    """One question: a scenario, and the questions asked inside it."""

    name: str
    scenario: dug.Scenario
    inner: tuple[WhatIf, ...] = ()


@attrs.frozen
class Answer:
    """The value of the book in some context, how many different nodes ran for it, and how long that took."""

    value: float
    recomputed: int
    seconds: float


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
    seconds = time_answer(BASE)
    with dug.Context(BASE) as ctx:
        base = answer(ctx, seconds)
        rows = [Row("base", 0, shared=base, scratch=base)]
        for what_if in what_ifs():
            rows += _measure(what_if, BASE, depth=0)
    return rows


def _measure(what_if: WhatIf, outer: dug.Scenario, depth: int) -> list[Row]:
    """The rows of one question and of those inside it; the context around is the one of ``outer``."""
    scenario = outer | what_if.scenario
    seconds = time_answer(what_if.scenario)
    with dug.Context(what_if.scenario) as ctx:
        rows = [Row(what_if.name, depth, answer(ctx, seconds), from_scratch(scenario))]
        for inner in what_if.inner:
            rows += _measure(inner, scenario, depth + 1)
    return rows


def from_scratch(scenario: dug.Scenario) -> Answer:
    """The answer of a context that knows nothing.

    An empty ``contextvars.Context`` is a place where no dug context is in force, so that the new one is a root.
    """

    def recompute() -> Answer:
        seconds = time_answer(scenario)
        with dug.Context(scenario) as ctx:
            return answer(ctx, seconds)

    return contextvars.Context().run(recompute)


def time_answer(scenario: dug.Scenario) -> float:
    """How many seconds it takes to value the book in a context with this scenario; it is dropped, and its results with it.

    No listener is active here: the events of a few hundred nodes would take as long as their prices.
    """
    with dug.Context(scenario):
        started = time.perf_counter()
        book.book_value()
        return time.perf_counter() - started


def answer(ctx: dug.Context, seconds: float) -> Answer:
    """The value of the book in ``ctx``, which is in force, with the number of different nodes that run for it."""
    computed: set[dug.Node[Any]] = set()
    with ctx.listen(lambda event: computed.add(event.node) if event.kind == "computed" else None):
        return Answer(book.book_value(), len(computed), seconds)


def text() -> str:
    """The report as the demo prints it."""
    rows = measure()
    table = [_LINE.format(*_cells(row, base=rows[0].shared)) for row in rows]
    return "\n".join([_TITLE, "", _HEADER, "-" * len(_HEADER), *table])


_TITLE = """\
A book of options and forwards on five stocks, priced from their monthly closes 2000-2010.
Each what-if asks for the value of the whole book: sharing what is known (time), and from scratch."""
_LINE = "{:<33} {:>14} {:>14} {:>11} {:>9} {:>12} {:>7}"
_HEADER = _LINE.format("what if", "book value, $", "change, $", "nodes rerun", "time, ms", "scratch, ms", "faster")


def _cells(row: Row, base: Answer) -> tuple[str, ...]:
    shared, scratch = row.shared, row.scratch
    return (
        "  " * row.depth + row.name,
        f"{shared.value:,.2f}",
        f"{shared.value - base.value:+,.2f}",
        f"{shared.recomputed} of {scratch.recomputed}",
        f"{shared.seconds * 1e3:.2f}",
        f"{scratch.seconds * 1e3:.2f}",
        f"{scratch.seconds / shared.seconds:.0f} x",
    )
