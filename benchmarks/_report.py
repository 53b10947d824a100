"""How the figures are shown: bars to pass, reStructuredText tables, text plots, and one JSON document.

It only formats. The tables are what ``README.rst`` holds.
"""

from __future__ import annotations

import math
import pathlib
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata

import attrs

import dug

from ._harness import Figure
from .curves import Curve
from .factors import CHANGES
from .memory import Weight
from .peers import PACKAGES, find_missing
from .streams import Growth
from .ticks import Growth as LiveGrowth
from .web import PAGES


@attrs.frozen
class Bar:
    """What a figure has to be: at most ``limit``, in the words of ``what``."""

    what: str
    limit: float
    found: float

    @property
    def passed(self) -> bool:
        """Whether the figure is within the limit."""
        return self.found <= self.limit


@attrs.frozen
class Results:
    """Everything one run measured."""

    figures: tuple[Figure, ...]
    weights: tuple[Weight, ...]
    curves: tuple[Curve, ...]
    missing: tuple[str, ...] = ()
    """Packages whose contenders were left out, as they are not installed."""
    growths: tuple[Growth, ...] = ()
    live_growths: tuple[LiveGrowth, ...] = ()


# By case and contender: what it is, and the limits of its ratio on the compiled call path and on the pure one.
LIMITS: dict[tuple[str, str], tuple[str, float, float | None]] = {
    ("hit", "dug"): ("a hit, times functools.cache", 0.9, 3.2),
    ("hit, 3 arguments", "dug"): ("a hit with 3 arguments, times functools.cache", 1.2, None),
    ("keyword hit", "dug"): ("a keyword hit, times functools.cache", 0.7, None),
    ("hit seen through contexts", "under 3 others"): ("a hit under three contexts, times one in its own", 1.1, 1.1),
    ("traced hit", "dug"): ("a traced hit, times functools.cache", 1.6, None),
    ("fan-out", "dug"): ("1,000 leaves that read ten shared nodes, times a plain gather", 1.6, 1.6),
    ("warm await", "dug"): ("a warm await, times that of a finished future", 2.0, 2.0),
    ("cold await", "dug"): ("a run of a coroutine function, times a task of asyncio", 1.5, None),
    ("cold chain", "dug"): ("a node of a cold chain, times functools.cache", 2.5, None),
    ("cold node by shape", "keyword-only"): ("a cold node with a keyword-only parameter, times a positional one", 1.1, None),
    ("cold grid", "dug"): ("a node of a cold grid, times functools.cache", 3.0, None),
    ("deep chain", "one chain"): ("a node of a chain of 100,000, times one of 200", 2.0, 2.0),
    ("one leaf of a tree", "dug, a scenario"): ("one leaf of the tree, times the recompute by hand", 8.0, 40.0),
    ("one leaf of a book", "each tweaked once"): ("one leaf after all were tweaked, times before", 1.5, None),
    **{
        (f"factor model, what-if on {name}", "dug"): (f"a what-if on {name}, times the bodies that must run", 3.0, 3.0)
        for name in (change.name for change in CHANGES)
    },
    ("insert into a live chain", "dug"): ("an insert into a live flow, times a plain tweak", 2.5, 2.5),
    ("one input beside other nodes", "beside them"): ("a tick beside 10,000 other nodes, times one alone", 1.2, 1.2),
    ("run of sources", "recorded"): ("a run of 1,000 sources of 2 ms that is recorded, times one that is not", 1.1, 1.1),
    ("hit while recorded", "recorded"): ("a hit while the context is recorded, times one while it is not", 1.05, 1.05),
    ("hit beside a page", "a page that asks"): ("a hit while a page of the context asks, times one without", 1.05, 1.05),
    ("scenario on a worker", "on a worker"): ("a scenario on a worker process, times one in a context of its own", 1.2, 1.2),
    ("miss of a store", "dug"): ("a miss of a store, times diskcache", 1.0, 1.0),
    ("hit of a store", "dug"): ("a hit of a store, times diskcache", 1.5, None),
    ("projection", "dug"): ("a node of the projection, times functools.cache", 3.5, 25.0),
    **{
        (f"projection, what-if on {nodes}", f"dug, {when}"): (f"a what-if on {nodes}, {when}, times all again", limit, None)
        for nodes, when, limit in (
            ("17 % of the nodes", "tweaked before", 0.7),
            ("17 % of the nodes", "for the first time", 1.0),
            ("1 % of the nodes", "tweaked before", 0.1),
            ("all nodes", "tweaked before", 4.5),
        )
    },
    ("what-if, cheap trade", "dug"): ("1,000 what-ifs of cheap trades, times the naive recompute", 1.0, None),
    ("what-if, 1 us trade", "dug"): ("1,000 what-ifs at 1 us a trade, times the naive recompute", 1.0, 1.0),
    ("what-if, 10 us trade", "dug"): ("1,000 what-ifs at 10 us a trade, times the naive recompute", 1.0, 1.0),
}
# By case: what it is, and the most seconds of dug for one unit, compiled and on a quiet machine.
LIMITS_S = {
    "a new what-if": ("a new what-if entered and left, us", 4e-6),
    "a what-if again": ("a what-if entered again and left, us", 1e-6),
    "stream, 0 processors": ("a value from a source to its reader, us", 2e-6),
    "stream, 1 processor": ("a value through a processor, us", 3.33e-6),
    "stream, 3 processors": ("a value through three processors, us", 8.33e-6),
    "stream, a new node and a mark each": ("a value with a new node and a mark, us", 15e-6),
    "first value of a stream, 3 processors": ("a first value, us", 1e-3),
    "sending a scenario": ("a scenario sent to a worker process, us", 0.5e-3),
    "value through another process, by the wall": ("a value through a processor of another process, us", 100e-6),
    "value through another process, CPU of both processes": ("the CPU of such a value, us", 40e-6),
    "first value from another process": ("a first value from another process, us", 20e-3),
    "error from another process": ("an error from another process, us", 50e-3),
}
# By contender: the most seconds until a page of 100,000 nodes has an answer.
LIMITS_OF_ANSWERS_S = {"first tables": 2.0, "search": 0.2}
# By case and contender: what is compared with that contender, and the most it may be.
BESIDE_PEERS = {
    ("one input of a live book", "modelx"): ("a tick of a live book", 0.4),
    ("one input of a live book", "Loman"): ("a tick of a live book", 0.05),
    ("hit of a store", "joblib.Memory"): ("a hit of a store", 0.6),
}
# By case: what is compared with another contender than the first, and the most it may be.
BESIDE_OTHERS = (
    ("what-if, cheap trade", "by hand", 6.0), ("what-if, 10 us trade", "by hand", 1.5), ("one leaf of a wide sum", "naive", 2.0)
)  # fmt: skip
BYTES = 330.0 if dug.COMPILED else 800.0
IMPORT_S = 0.02


def bars(results: Results) -> Iterator[Bar]:
    """The bars whose figures were measured, of the call path that is in use."""
    yield from _bars_of_figures(results)
    yield from _bars_of_pages(results)
    yield from _bars_of_bytes(results)
    for curve in results.curves:
        yield Bar(f"growth of a scenario's cost with {curve.name}", 1.5, curve.growth)


def _bars_of_figures(results: Results) -> Iterator[Bar]:
    medians = {(figure.case, figure.contender): figure.median for figure in results.figures}
    for figure in results.figures:
        what, compiled, pure = LIMITS.get((figure.case, figure.contender), ("", None, None))
        limit = compiled if dug.COMPILED else pure
        if limit is not None:
            yield Bar(what, limit, figure.ratio)
        if dug.COMPILED and figure.contender == "dug" and figure.case in LIMITS_S:
            what, limit_s = LIMITS_S[figure.case]
            yield Bar(what, 1e6 * limit_s, 1e6 * figure.median)
    for case, other, limit in BESIDE_OTHERS:
        if dug.COMPILED and (case, "dug") in medians:
            yield Bar(f"{case}, times {other}", limit, medians[case, "dug"] / medians[case, other])
    for (case, peer), (what, limit) in BESIDE_PEERS.items():
        if dug.COMPILED and (case, peer) in medians:
            yield Bar(f"{what}, times {peer}", limit, medians[case, "dug"] / medians[case, peer])
    staged = medians.get(("three stages, by the wall", "window=3"))
    if staged is not None:
        yield Bar("a tick through three stages of 10 ms at window=3, ms", 12.0, 1e3 * staged)
    if ("import", "dug") in medians:
        yield Bar(
            "seconds of import over attrs and wrapt", IMPORT_S, medians["import", "dug"] - medians["import", "attrs and wrapt"]
        )


def _bars_of_pages(results: Results) -> Iterator[Bar]:
    for figure in results.figures:
        if figure.case in PAGES and figure.contender in LIMITS_OF_ANSWERS_S:
            yield Bar(f"{figure.case}: {figure.contender}, s", LIMITS_OF_ANSWERS_S[figure.contender], figure.median)


def _bars_of_bytes(results: Results) -> Iterator[Bar]:
    for weight in results.weights:
        if weight.contender == "dug":
            yield Bar("bytes of a node with two edges", BYTES, weight.bytes_per_node)
        if weight.contender == "dug, tweaked once" and dug.COMPILED:
            yield Bar("bytes more of each leaf that was tweaked once", 400.0, weight.bytes_per_node)
    for ticked in results.live_growths:
        yield Bar(f"bytes that a live book grows by in {ticked.ticks:,} ticks", 2_000.0, ticked.bytes)
        yield Bar(f"bits that it grows by in {ticked.ticks:,} ticks", 0.0, ticked.bits)
    for grown in results.growths:
        yield Bar(f"bytes that a stream with keep=100 grows by in {grown.values:,} values", 2_000.0, grown.bytes)


def as_json(results: Results) -> dict[str, object]:
    """The whole run as plain lists and dicts: the machine, the figures, and the bars."""
    return {
        "machine": machine(),
        **attrs.asdict(results),
        "bars": [{**attrs.asdict(bar), "passed": bar.passed} for bar in bars(results)],
    }


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "processor": _processor(),
        "dug": dug.__version__,
        "attrs": metadata.version("attrs"),
        "wrapt": metadata.version("wrapt"),
        **{package: metadata.version(package) for package in PACKAGES if package not in find_missing()},
    }


def _processor() -> str:
    """The name of the processor where Linux tells it, else what Python knows."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def text(results: Results) -> Iterator[str]:
    """The report, line by line: valid reStructuredText, readable as it is."""
    yield ", ".join(f"{name} {value}" for name, value in machine().items())
    yield ""
    if results.missing:
        yield f"Left out, not installed: {', '.join(results.missing)}. Type: pip install {' '.join(results.missing)}"
        yield ""
    yield from _bars_table(list(bars(results)))
    yield from _figures_table(results)
    for curve in results.curves:
        yield from _curve_table(curve)


def _bars_table(rows: Sequence[Bar]) -> Iterator[str]:
    header = ("bar", "at most", "measured", "")
    yield from _table(
        header, [(bar.what, f"{bar.limit:g}", _digits(bar.found), "passed" if bar.passed else "MISSED") for bar in rows]
    )


def _figures_table(results: Results) -> Iterator[str]:
    header = ("case", "contender", "median", "from", "to", "ratio")
    rows = [
        (
            figure.case,
            figure.contender,
            f"{duration(figure.median)} a {figure.unit}",
            duration(figure.lowest),
            duration(figure.highest),
            _digits(figure.ratio),
        )
        for figure in results.figures
    ]
    rows += [
        ("bytes", weight.contender, f"{weight.bytes_per_node:.0f} B a node", "", "", _digits(ratio))
        for weight, ratio in _weight_ratios(results.weights)
    ]
    yield from _table(header, rows)


def _weight_ratios(weights: Sequence[Weight]) -> Iterator[tuple[Weight, float]]:
    return ((weight, weight.bytes_per_node / weights[0].bytes_per_node) for weight in weights)


def _curve_table(curve: Curve) -> Iterator[str]:
    """A table with a bar for each point, whose length is proportional to the median."""
    longest = max(point.median for point in curve.points)
    yield f"Cost of a scenario against {curve.name}:"
    yield ""
    yield from _table(
        (curve.axis, "median", "lowest", "0 to " + duration(longest)),
        [
            (f"{point.size:,}", duration(point.median), duration(point.lowest), "o" * round(40 * point.median / longest))
            for point in curve.points
        ],
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A simple table of reStructuredText, nothing without rows; an empty first cell would join two rows: there must be none."""
    rows = list(rows)
    if not rows:
        return
    rows.insert(0, header)
    widths = [max(map(len, column)) or 1 for column in zip(*rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    yield from [rule, lines[0], rule, *lines[1:], rule, ""]


def _digits(number: float) -> str:
    """Three digits, or all that stand before the point."""
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:,.0f}"


def duration(seconds: float) -> str:
    """Three digits and a unit: ``89.4 ns``, ``1.23 us``."""
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
        if seconds * factor < 999.5:
            return f"{_three(seconds * factor)} {unit}"
    return f"{_three(seconds)} s"


def _three(number: float) -> str:
    """Three significant digits, without an exponent."""
    before = 1 if number < 1 else int(math.log10(number)) + 1
    return f"{number:.{max(0, 3 - before)}f}"
