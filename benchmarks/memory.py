"""What a node weighs, and what ``import dug`` costs.

A node's weight is what ``tracemalloc`` sees allocated for it: the bytes that Python's allocator was asked for, without
its own rounding. The import is timed in fresh interpreters, CPU time of the child process, with the start of the
interpreter as the yardstick.
"""

from __future__ import annotations

import functools
import gc
import itertools
import os
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import attrs

import dug

from ._harness import Case, Contender, as_in_module, time_calls

IMPORTS = (
    ("bare interpreter", "pass"),
    ("attrs and wrapt", "import attrs, wrapt"),
    ("dug", "import dug"),
)
MOST_SPARE = 2_000
"""More than the engine keeps of any one kind."""


@attrs.frozen
class Weight:
    """How many bytes one node takes, its argument and two edges included."""

    contender: str
    bytes_per_node: float
    nodes: int


def weights(nodes: int) -> list[Weight]:
    """The weight of a node under ``functools.cache`` and under dug: each reads the two before it.

    And by how much a leaf is heavier from the time on when it was tweaked first, in a book of five times as many leaves.
    """
    with_cache = _weigh(_chain(functools.cache), nodes)
    spares = _take_spares()
    with dug.Context():
        with_dug = _weigh(_chain(as_in_module(dug.memoize)), nodes)
    del spares  # which were alive until here
    return [
        Weight("functools.cache", with_cache, nodes),
        Weight("dug", with_dug, nodes),
        Weight("dug, tweaked once", _weigh_tweaks(5 * nodes), 5 * nodes),
    ]


class Book:
    """Leaves, desks of ten, and their sum, in a context that knows them all."""

    def __init__(self, leaves: int) -> None:
        memoize = as_in_module(dug.memoize)

        @memoize
        def leaf(number: int) -> int:
            return number % 7

        @memoize
        def desk(number: int) -> int:
            return sum(map(leaf, range(10 * number, 10 * number + 10)))

        @memoize
        def book(desks: int) -> int:
            return sum(map(desk, range(desks)))

        self.leaves, self.leaf, self.book = leaves, leaf, book
        self.ctx = dug.Context()
        self.ctx.run(book, leaves // 10)

    def tweak_all(self) -> None:
        """Tweaks every leaf in a context that is entered, left and dropped, and lets go of what only that needed."""
        with self.ctx, dug.Context({self.leaf.node(number): 1 for number in range(self.leaves)}):
            pass
        len(self.ctx.cache)

    def what_if(self, value: int) -> int:
        """The sum in a scenario of one leaf, entered and left."""
        with dug.Context({self.leaf.node(0): value}):
            return self.book(self.leaves // 10)


def _weigh_tweaks(leaves: int) -> float:
    """Bytes by which each leaf of a book is heavier once all have been tweaked."""
    book = Book(leaves)
    gc.collect()
    tracemalloc.start()
    try:
        book.tweak_all()
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return taken / leaves


def one_leaf(leaves: int) -> Case:
    """A scenario of one leaf of a book none of whose leaves was ever tweaked, and of one where all were, once."""
    before, after = Book(leaves), Book(leaves)
    after.tweak_all()
    values = itertools.count(100)
    contenders = (
        Contender("no other ever tweaked", _inside(before, values)),
        Contender("each tweaked once", _inside(after, values)),
    )
    return Case("one leaf of a book", "scenario", contenders)


def _inside(book: Book, values: Iterator[int]) -> Callable[[int], float]:
    run = time_calls(lambda: book.what_if(next(values)))
    return lambda number: book.ctx.run(run, number)


def _take_spares() -> dug.Context:
    """A context whose nodes take the memory that dug keeps of earlier ones, so that those made next take their own."""
    with dug.Context() as kept:
        for _ in map(_chain(as_in_module(dug.memoize)), range(MOST_SPARE)):
            pass
    return kept


def _chain(memoize: Callable[..., Any]) -> Any:
    """Fibonacci numbers modulo 7, so that the values themselves weigh nothing."""

    @memoize
    def fib(n: int) -> int:
        return n if n < 2 else (fib(n - 1) + fib(n - 2)) % 7

    return fib


def _weigh(fib: Callable[[int], int], nodes: int) -> float:
    """Bytes per node of calls made from the bottom up, so that none is deep."""
    fib(0), fib(1)
    gc.collect()
    tracemalloc.start()
    try:
        for n in range(2, nodes + 2):
            fib(n)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return taken / nodes


def import_time() -> Case:
    """Starting an interpreter that imports nothing, what dug needs, and dug."""
    contenders = tuple(Contender(name, functools.partial(_time_interpreter, code)) for name, code in IMPORTS)
    return Case("import", "process", contenders)


def _time_interpreter(code: str, number: int) -> float:
    """CPU seconds, of user and system, of ``number`` fresh interpreters that run ``code``, compiled before as it is installed."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(number):
        subprocess.run([sys.executable, "-c", code], check=True, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
