"""How a time is taken here: contenders in turn, in one process, on process CPU time (by the wall where they wait).

A figure of this package is a *ratio* between two ways to do the same thing, measured so that whatever slows the machine
slows both. In each round every contender runs once, the order rotating from round to round; a ratio is taken within a
round, and the median over the rounds is what counts.

That is why neither pyperf nor pytest-benchmark is used. pyperf gives each benchmark its own worker processes, and
pytest-benchmark (which times by the wall clock unless told otherwise) finishes one benchmark before it starts the next:
neither puts two contenders into the same seconds of the same process. pyperf's habits are kept: calibrated loops,
warm-up values thrown away, medians with their spread, everything in one JSON file.

The cyclic garbage collector stays on, as in a user's program; it has run to its end before each sample, except in the
curves, where one run over a million nodes would outlast the sample.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import attrs


@attrs.frozen
class Contender:
    """One way to do the work of a case.

    ``run(number)`` does it ``number`` times and returns the seconds that took.
    """

    name: str
    run: Callable[[int], float]


@attrs.frozen
class Case:
    """The same work done by several contenders; the first one is the yardstick.

    ``per`` is how many units (calls, nodes, scenarios) one run of the work holds: figures are seconds for one unit.
    """

    name: str
    unit: str
    contenders: tuple[Contender, ...]
    per: int = 1


@attrs.frozen
class Figure:
    """What one contender needed: seconds for one unit, and the ratio to the yardstick of its case."""

    case: str
    contender: str
    unit: str
    median: float
    lowest: float
    highest: float
    ratio: float
    rounds: int
    loops: int


@attrs.frozen
class Effort:
    """How long to measure: ``rounds`` samples of each contender, each of at least ``sample_s`` seconds."""

    rounds: int
    sample_s: float


def measure(case: Case, effort: Effort) -> list[Figure]:
    """The figures of a case, in the order of its contenders."""
    loops = [_calibrate(contender, effort.sample_s) for contender in case.contenders]
    rounds = [_take_round(case, loops, first) for first in range(effort.rounds)]
    return [_summarise(case, position, loops[position], rounds) for position in range(len(case.contenders))]


_modules = itertools.count(1)


def as_in_module(decorate: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Makes ``dug.memoize`` or ``dug.source`` name functions as those of a module, which is where a program has them.

    A function that is defined within another has no name of its own: dug frees its nodes when nobody holds it, which takes more
    of the garbage collector.
    """
    module = f"benchmarks.module{next(_modules)}"
    return lambda fn: decorate(name=f"{module}:{fn.__name__}")(fn)


def time_calls(call: Callable[[], object]) -> Callable[[int], float]:
    """A ``run`` that times ``number`` calls; for work that dwarfs the 60 ns of a call."""

    def run(number: int) -> float:
        started = time.process_time()
        for _ in range(number):
            call()
        return time.process_time() - started

    return run


def _calibrate(contender: Contender, sample_s: float) -> int:
    """How many loops last ``sample_s``; the run that warms up, too."""
    loops = 1
    while (seconds := contender.run(loops)) < sample_s / 2:
        loops = max(2 * loops, int(loops * min(100.0, 0.6 * sample_s / max(seconds, 1e-9))))
    return max(1, round(loops * sample_s / seconds))


def _take_round(case: Case, loops: Sequence[int], first: int) -> list[float]:
    """Seconds per unit of each contender, taken in turn from contender ``first`` on."""
    taken = [0.0] * len(case.contenders)
    for offset in range(len(case.contenders)):
        position = (first + offset) % len(case.contenders)
        gc.collect()
        taken[position] = case.contenders[position].run(loops[position]) / loops[position] / case.per
    return taken


def _summarise(case: Case, position: int, loops: int, rounds: Sequence[Sequence[float]]) -> Figure:
    taken = [seconds[position] for seconds in rounds]
    return Figure(
        case=case.name,
        contender=case.contenders[position].name,
        unit=case.unit,
        median=statistics.median(taken),
        lowest=min(taken),
        highest=max(taken),
        ratio=statistics.median(seconds[position] / seconds[0] for seconds in rounds),
        rounds=len(rounds),
        loops=loops,
    )
