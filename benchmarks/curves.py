"""What a scenario costs, against what was done before it and against what it does not touch: the curves must be flat.

All points of a curve are built first, each in a context of its own, and then probed in turn, so that a slow moment of
the machine falls on all of them alike. A point is the median of single scenarios.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

import attrs

import dug

from ._harness import as_in_module
from .what_ifs import Book, memoized_book

BOOK = Book(trades=200, inputs=50, spin=0)

Probe = Callable[[], float]  # runs one scenario and gives its CPU seconds


@attrs.frozen
class Sizes:
    """How far the curves go; the defaults are those of the published figures."""

    scenarios: tuple[int, ...] = (10, 100, 1_000, 10_000)
    nodes: tuple[int, ...] = (100, 1_000, 10_000, 100_000, 1_000_000)
    probes: int = 200


@attrs.frozen
class Point:
    """One point of a curve: what was there already, and the CPU seconds of one more scenario."""

    size: int
    median: float
    lowest: float


@attrs.frozen
class Curve:
    """The points of one curve, and how many times dearer the dearest is than the first."""

    name: str
    axis: str
    points: tuple[Point, ...]

    @property
    def growth(self) -> float:
        """The largest median over the first; 1 is flat."""
        return max(point.median for point in self.points) / self.points[0].median


def curves(sizes: Sizes) -> Iterator[Curve]:
    """The four curves, each measured when it is asked for."""
    yield _curve("scenarios run and left", "scenarios", sizes.scenarios, after_scenarios, sizes.probes)
    yield _curve("scenarios run and kept", "scenarios", sizes.scenarios, beside_kept_scenarios, sizes.probes)
    yield _curve("nodes the scenario does not touch", "nodes", sizes.nodes, beside_nodes, sizes.probes)
    yield _curve("dependents of the tweak not asked for", "nodes", sizes.nodes, beside_dependents, sizes.probes)


def _curve(name: str, axis: str, sizes: Sequence[int], build: Callable[[int], Probe], probes: int) -> Curve:
    built = [build(size) for size in sizes]
    for probe in built:
        probe()
    taken = [[probe() for probe in built] for _ in range(probes)]
    columns = zip(sizes, zip(*taken, strict=True), strict=True)
    return Curve(name, axis, tuple(Point(size, statistics.median(seconds), min(seconds)) for size, seconds in columns))


def after_scenarios(count: int) -> Probe:
    """One more scenario of the book of trades, after ``count`` that were entered, asked and left."""
    ctx, run_one = _book()
    with ctx:
        for _ in range(count):
            run_one()
    return lambda: ctx.run(_timed, run_one)


def beside_kept_scenarios(count: int) -> Probe:
    """The same, but the contexts of those scenarios are kept, and so is all they computed."""
    ctx, run_one = _book()
    with ctx:
        kept = [run_one() for _ in range(count)]

    def probe() -> float:
        assert len(kept) == count
        return ctx.run(_timed, run_one)

    return probe


def _book() -> tuple[dug.Context, Callable[[], dug.Context]]:
    """A context that knows the book and has tweaked each input once, and a function that runs one new scenario of it."""
    level, total = memoized_book(BOOK)
    serials = itertools.count()

    def run_one() -> dug.Context:
        serial = next(serials)
        with dug.Context({level.node(serial % BOOK.inputs): 2.0 + serial}) as scenario:
            total()
        return scenario

    ctx = dug.Context()
    with ctx:
        total()
        for _ in range(BOOK.inputs):
            run_one()
    return ctx, run_one


def beside_nodes(count: int) -> Probe:
    """A scenario that runs two nodes, one of which also reads the top of ``count`` nodes that it does not touch."""

    @as_in_module(dug.memoize)
    def level() -> float:
        return 1.0

    @as_in_module(dug.memoize)
    def mass(n: int) -> int:
        return 1 if n < 2 else (mass(n - 1) + mass(n - 2)) % 7

    @as_in_module(dug.memoize)
    def target() -> float:
        return level() + mass(count - 1)

    ctx = dug.Context()
    with ctx:
        for n in range(count):
            mass(n)
        target()
    return _probe(ctx, level.node(), target)


def beside_dependents(count: int) -> Probe:
    """A scenario of an input with ``count`` dependents, ten of which are asked for."""

    @as_in_module(dug.memoize)
    def level() -> float:
        return 1.0

    @as_in_module(dug.memoize)
    def dependent(n: int) -> float:
        return level() + n

    @as_in_module(dug.memoize)
    def target() -> float:
        return sum([dependent(n) for n in range(10)])

    ctx = dug.Context()
    with ctx:
        for n in range(count):
            dependent(n)
        target()
    return _probe(ctx, level.node(), target)


def _probe(ctx: dug.Context, node: dug.Node[float], target: Callable[[], float]) -> Probe:
    """What times one scenario inside ``ctx``: the node has a value it never had, and the target is asked for."""
    serials = itertools.count()

    def run_one() -> None:
        with dug.Context({node: 2.0 + next(serials)}):
            target()

    return lambda: ctx.run(_timed, run_one)


def _timed(run_one: Callable[[], object]) -> float:
    started = time.process_time()
    run_one()
    return time.process_time() - started
