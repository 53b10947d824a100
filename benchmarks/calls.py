"""What one call costs when its value is known: by position and by keyword, under other contexts, and inside a running node.

``timeit`` compiles a loop for each contender, so that the interpreter specialises each loop on its own callee. Its loop
(about 8 ns) is part of every figure, the yardstick's too; the contender "empty loop" shows it.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import time
import timeit
from collections.abc import Callable
from typing import Any

import dug

from ._harness import Case, Contender

READS = 1_000


def cases() -> list[Case]:
    """The kinds of hit."""
    return [
        _hit("hit", "fn(7)", _identity),
        _hit("hit, 3 arguments", "fn(7, 8, 9)", _first),
        _hit("keyword hit", "fn(x=7)", _identity),
        _hit_under_contexts(),
        _traced_hit(),
    ]


def _hit(name: str, call: str, fn: Callable[..., int]) -> Case:
    """The same call again and again, at the top level of a context."""
    return Case(
        name,
        "call",
        (
            Contender("functools.cache", _timer(call, functools.cache(fn)).timeit),
            Contender("dug", _in_contexts(_timer(call, dug.memoize(fn)))),
            Contender("plain function", _timer(call, fn).timeit),
            Contender("empty loop", _timer("pass", None).timeit),
        ),
    )


def _identity(x: int) -> int:
    return x


def _first(x: int, y: int, z: int) -> int:  # noqa: ARG001  the arguments are the key
    return x


def _hit_under_contexts() -> Case:
    """A value of the outermost context, asked for again under one, two and three others."""
    fn = dug.memoize(_identity)
    other = dug.memoize(_first)
    contenders = [
        Contender(f"under {depth} others" if depth else "in its own context", _in_contexts(_timer("fn(7)", fn), other, depth))
        for depth in range(4)
    ]
    return Case("hit seen through contexts", "call", tuple(contenders))


def _timer(statement: str, fn: object) -> timeit.Timer:
    return timeit.Timer(statement, timer=time.process_time, globals={"fn": fn})


def _in_contexts(timer: timeit.Timer, other: Any = None, depth: int = 0) -> Callable[[int], float]:
    """A ``run`` inside a context, and `depth` others that tweak `other`, where the call has been made once before."""
    ctx = dug.Context()
    inner = [dug.Context({other.node(7, 8, number): number}) for number in range(depth)]

    def run(number: int) -> float:
        with contextlib.ExitStack() as stack:
            stack.enter_context(ctx)
            timer.timeit(1)
            for each in inner:
                stack.enter_context(each)
            timer.timeit(1)
            return timer.timeit(number)

    return run


def _traced_hit() -> Case:
    """A running node reads 1,000 known nodes, each once: each read is a hit, and a new edge."""
    return Case(
        "traced hit",
        "read",
        (
            Contender("functools.cache", _traced(functools.cache, functools.cache(_identity))),
            Contender("dug", _traced(dug.memoize, dug.memoize(_identity))),
        ),
        per=READS,
    )


def _traced(memoize: Callable[..., Any], fn: Callable[[int], int]) -> Callable[[int], float]:
    """A ``run`` of ``number`` readers, timed from inside, so that only the reads count."""
    timer = timeit.Timer("for x in nodes: fn(x)", timer=time.process_time, globals={"fn": fn, "nodes": range(READS)})
    reader = memoize(lambda _serial: timer.timeit(1))
    serials = itertools.count()
    ctx = dug.Context()

    def run(number: int) -> float:
        with ctx:
            timer.timeit(1)
            return math.fsum(reader(next(serials)) for _ in range(number))

    return run
