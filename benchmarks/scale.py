"""What a scenario costs on worker processes: here, where it is sent, and there, beside the same sweep in a context of its own.

A book of trades reads two of its inputs for each trade; a scenario moves one input.  Seconds are those of the processor, of one
process each, and begin after the first result: until then a worker starts and loads the base, once for a sweep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs

import dug
from dug.executors.processes import Processes

from ._harness import Case, Contender


@attrs.frozen
class Sizes:
    """How large the book is, and how many scenarios are swept."""

    trades: int = 200
    inputs: int = 50
    scenarios: int = 2_000
    spin: int = 300
    """How many empty loops a trade takes."""


@dug.memoize
def level(number: int) -> float:
    """Returns an input."""
    return 1.0 + number


@dug.memoize
def trade(number: int, inputs: int, spin: int) -> float:
    """Returns the value of a trade."""
    for _ in range(spin):
        pass
    return (number % 5 + 1) * (level(number % inputs) - 0.5) + level((7 * number + 3) % inputs)


@dug.memoize
def book(trades: int, inputs: int, spin: int) -> float:
    """Returns the value of all trades."""
    return sum([trade(number, inputs, spin) for number in range(trades)])


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of processes; the worker that they share ends with the last."""
    with Processes(1) as pool:
        yield Case(
            "scenario on a worker",
            "scenario",
            (
                Contender("own context", time_sweeps(sizes, None, time.process_time)),
                Contender("on a worker", time_sweeps(sizes, pool, lambda: pool.submit(time.process_time).result())),
            ),
            per=sizes.scenarios,
        )
        yield Case(
            "sending a scenario",
            "scenario",
            (Contender("dug", time_sweeps(sizes, pool, time.process_time)),),
            per=sizes.scenarios,
        )


def time_sweeps(sizes: Sizes, pool: Processes | None, clock: Callable[[], float]) -> Callable[[int], float]:
    """Times sweeps after their first result, by a clock of the process that counts."""

    def run(number: int) -> float:
        seconds = 0.0
        for _ in range(number):
            with dug.Context():
                results = iter(sweep_book(sizes, pool))
                next(results)
                started = clock()
                for _ in results:
                    pass
                seconds += clock() - started
        return seconds

    return run


def sweep_book(sizes: Sizes, pool: Processes | None) -> Any:
    """Returns the sweep of a book whose base is known; the first scenario is one more than are counted."""
    node = book.node(sizes.trades, sizes.inputs, sizes.spin)
    node()
    scenarios = [{level.node(number % sizes.inputs): 100.0 + number} for number in range(sizes.scenarios + 1)]
    return dug.sweep(node, scenarios, executor=pool)
