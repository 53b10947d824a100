"""Flows: inserts into a live chain of names, and a chain computed again after one, beside a loop by hand and Loman.

"By hand" is what somebody writes who knows the chain: a dict of values by name, and a loop over the functions.  It neither finds
out what is wanted nor remembers what is known.  Loman is left out where it is not installed, and in the longer
chains, where it takes time with the square of the length.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import attrs

import dug
from dug.flow import Flow

from ._harness import Case, Contender, as_in_module, time_calls

PACKAGE = "loman"


@attrs.frozen
class Sizes:
    """How many names the chains have: one that is changed all the time, and three that are computed again."""

    live: int = 100
    short: int = 200
    chain: int = 2_000
    long: int = 20_000


def add_one(before: int) -> int:
    """Returns the next number: the function of every name."""
    return before + 1


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of flows."""
    loman = find_spec(PACKAGE) is not None
    inserts = [
        Contender("a plain ctx.tweak", tweak_live(sizes.live)),
        Contender("dug", insert_live(sizes.live)),
        *([Contender("loman", insert_loman(sizes.live))] if loman else ()),
    ]
    yield Case("insert into a live chain", "insert", tuple(inserts))
    for name, length in (("short chain", sizes.short), ("chain", sizes.chain), ("long chain", sizes.long)):
        again = [
            Contender("by hand", time_calls(run_by_hand(length))),
            Contender("dug", time_calls(run_again(length))),
            *([Contender("loman", time_calls(run_loman(length)))] if loman and length == sizes.short else ()),
        ]
        yield Case(f"{name} of names, again after an insert", "name", tuple(again), per=length)


def make_flow(length: int) -> Flow:
    """Returns a flow of a chain, computed."""
    flow = Flow(values={"n0": 0})
    for number in range(length):
        flow.add(add_one, name=f"n{number + 1}", inputs=[f"n{number}"])
    flow.compute(f"n{length}")
    return flow


def make_loman(length: int) -> Any:
    """Returns the chain as a computation of Loman's, computed."""
    import loman  # optional package: imported where it is used

    chain = loman.Computation()
    chain.add_node("n0", value=0)
    for number in range(length):
        chain.add_node(f"n{number + 1}", add_one, kwds={"before": f"n{number}"})
    chain.compute(f"n{length}")
    return chain


# Each function returns what does the work of one contender.


def tweak_live(length: int) -> Callable[[int], float]:
    """Tweaks, in an open context, the source that a chain of memoised functions begins with."""

    @as_in_module(dug.source)
    def start() -> int:
        return 0

    @as_in_module(dug.memoize)
    def chain(number: int) -> int:
        return add_one(start() if number == 1 else chain(number - 1))

    ctx, numbers, node = dug.Context(), itertools.count(1), start.node()
    ctx.run(chain, length)
    timed = time_calls(lambda: ctx.tweak(node, next(numbers)))

    def run(number: int) -> float:
        with ctx:
            return timed(number)

    return run


def insert_live(length: int) -> Callable[[int], float]:
    """Inserts into the first name of a flow whose context is open."""
    flow, numbers = make_flow(length), itertools.count(1)
    timed = time_calls(lambda: flow.insert("n0", next(numbers)))

    def run(number: int) -> float:
        with flow.context:
            return timed(number)

    return run


def insert_loman(length: int) -> Callable[[int], float]:
    """Inserts into the first name of a computation, which marks all that follow."""
    chain, numbers = make_loman(length), itertools.count(1)
    return time_calls(lambda: chain.insert("n0", next(numbers)))


def run_by_hand(length: int) -> Callable[[], int]:
    """Runs all functions of the chain in order, the values in a dict by name."""
    numbers, values = itertools.count(1), {"n0": 0}
    steps = [(f"n{number + 1}", add_one, f"n{number}") for number in range(length)]

    def run() -> int:
        values["n0"] = next(numbers)
        for name, fn, read in steps:
            values[name] = fn(values[read])
        return values[f"n{length}"]

    return run


def run_again(length: int) -> Callable[[], int]:
    """Inserts a number that was never there, and computes the last name."""
    flow, numbers = make_flow(length), itertools.count(1)

    def run() -> int:
        flow.insert("n0", next(numbers))
        found: int = flow.compute(f"n{length}")
        return found

    return run


def run_loman(length: int) -> Callable[[], int]:
    """Does the same with Loman."""
    chain, numbers = make_loman(length), itertools.count(1)

    def run() -> int:
        chain.insert("n0", next(numbers))
        chain.compute(f"n{length}")
        found: int = chain.value(f"n{length}")
        return found

    return run
