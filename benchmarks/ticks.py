"""Live inputs: a book whose inputs tick one at a time, beside modelx, Loman and by hand; a window of ticks in flight; memory.

By hand, the trades that read the input are priced again and the prices summed, by somebody who knows the book.  ``dug`` is a
tweak in place and a call, ``dug.live`` a push and a step that shows the total.  Memory is weighed with a
slow output beside the ticks.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import pathlib
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import attrs

import dug
from dug.live import Live

from . import peers
from ._harness import Case, Contender, as_in_module
from .what_ifs import Book, memoized_book

IN_PLACE = ("by hand", "dug", "modelx", "Loman")
"""The contenders of `peers.BOOKS` that keep what an input does not touch."""


@attrs.frozen
class Sizes:
    """The book, how many other nodes there are, how many ticks go through the stages and how long one takes, and are weighed."""

    trades: int = 200
    inputs: int = 50
    others: int = 10_000
    staged: int = 30
    stage_s: float = 0.01
    endless: int = 20_000


@attrs.frozen
class Growth:
    """How much more there is after many ticks than after a tenth of them: bytes, and bits of footprints."""

    bytes: float
    bits: int
    ticks: int


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of live inputs."""
    yield _book(sizes)
    yield Case(
        "one input beside other nodes",
        "tick",
        tuple(
            Contender(name, time_ticks(LiveBook(make_job(sizes), others), sizes.inputs))
            for name, others in (("alone", 0), ("beside them", sizes.others))
        ),
    )
    yield Case(
        "three stages, by the wall",
        "tick",
        tuple(Contender(f"window={window}", _time_stages(window, sizes)) for window in (1, 3)),
        per=sizes.staged,
    )


# A book of which one input ticks


class LiveBook(peers.LiveBook):
    """The book as the output of a `Live`."""

    def __init__(self, job: peers.Job, others: int = 0) -> None:
        super().__init__(job)
        self.level, total = memoized_book(job.book)
        self.live = Live({self.level.node(number): 1.0 for number in range(job.book.inputs)})
        self.live.output(total.node(), changes_only=False)
        self.live.step()

        @as_in_module(dug.memoize)
        def other(number: int) -> int:
            return number

        with self.live.context:
            for number in range(others):
                other(number)

    def put(self, number: int, value: float) -> None:
        """Push an input."""
        self.live.push(self.level.node(number), value)

    def total(self) -> float:
        """The total that the tick shows."""
        return self.live.step()[0].value


def make_job(sizes: Sizes) -> peers.Job:
    """The book of which all contenders have the total."""
    return peers.Job(0, Book(sizes.trades, sizes.inputs, spin=0), pathlib.Path())


def make_books(sizes: Sizes) -> dict[str, peers.LiveBook]:
    """The books by contender, of those that are installed."""
    job = make_job(sizes)
    made = peers.make([adapter for adapter in peers.BOOKS if adapter.contender in IN_PLACE], job)
    return {"by hand": made.pop("by hand"), "dug": made.pop("dug"), "dug.live": LiveBook(job), **made}


def _book(sizes: Sizes) -> Case:
    books = make_books(sizes)
    contenders = tuple(Contender(name, time_ticks(book, sizes.inputs)) for name, book in books.items())
    return Case("one input of a live book", "tick", contenders)


def time_ticks(book: peers.LiveBook, inputs: int) -> Callable[[int], float]:
    """Times ticks of one input after the other, each at a value that it never had."""
    values = itertools.count(2)

    def run(number: int) -> float:
        with book.inside:
            started = time.process_time()
            for _ in range(number):
                value = next(values)
                book.change(value % inputs, float(value))
            return time.process_time() - started

    return run


# Ticks in flight


def _time_stages(window: int, sizes: Sizes) -> Callable[[int], float]:
    def run(number: int) -> float:
        started = time.perf_counter()
        for _ in range(number):
            asyncio.run(read_stages(window, sizes))
        return time.perf_counter() - started

    return run


async def read_stages(window: int, sizes: Sizes) -> list[int]:
    """Returns what ticks give at the end of three stages that each wait."""

    @as_in_module(dug.source)
    def tick() -> int:
        return 0

    @as_in_module(dug.memoize)
    async def stage(number: int) -> int:
        value: int = tick() if number == 0 else await stage(number - 1)
        await asyncio.sleep(sizes.stage_s)
        return value

    async with Live(policy="block", window=window) as live:
        live.output(stage.node(2))
        for value in range(sizes.staged):
            live.push(tick.node(), value)
        updates = live.updates()
        return [(await anext(updates)).value for _ in range(sizes.staged)]


# Memory


class _AtOnce:
    """An executor that makes each call at once."""

    def submit(self, call: Callable[[], Any]) -> None:
        call()


def growth(sizes: Sizes) -> Growth:
    """By how much memory and bits grow over nine tenths of many ticks of a book."""
    level, total = memoized_book(Book(20, 10, spin=0))
    live = Live({level.node(number): 1.0 for number in range(10)})
    live.output(total.node())

    @as_in_module(dug.memoize)
    def report() -> tuple[float, float]:
        return total(), level(0)

    live.output(report.node(), executor=_AtOnce())
    weights, values = [], itertools.count(2)
    tracemalloc.start()
    try:
        for part in (sizes.endless // 10, sizes.endless - sizes.endless // 10):
            for value in itertools.islice(values, part):
                live.push(level.node(value % 10), float(value))
                live.step()
            gc.collect()
            named = live.context.cache.group.bits._named  # noqa: SLF001  nothing public tells how many bits there are
            weights.append((tracemalloc.get_traced_memory()[0], len(named)))
    finally:
        tracemalloc.stop()
    (before, bits_before), (after, bits_after) = weights
    return Growth(float(after - before), bits_after - bits_before, sizes.endless)
