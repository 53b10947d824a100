"""What one call costs when its value is known: by the shape of the call, under other contexts, and inside a running node.

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
from collections.abc import Callable, Iterator
from typing import Any

import attrs

import dug

from ._harness import Case, Contender

READS = 1_000

Memoize = Callable[[Callable[..., int]], Any]


def cases(keys: int) -> Iterator[Case]:
    """The kinds of hit; one of them asks for ``keys`` values in turn."""
    for name, call, make in HITS:
        yield _hit(name, call, make)
    yield _hits_of_many(keys)
    yield _hit_under_contexts()
    yield _traced_hit()
    yield _decorate()


def _constant() -> int:
    return 7


def _identity(x: int) -> int:
    return x


def _first(x: int, y: int, z: int) -> int:  # noqa: ARG001  the arguments are the key
    return x


def _with_default(x: int, y: int = 8) -> int:  # noqa: ARG001  the arguments are the key
    return x


def _length(x: tuple[int, ...]) -> int:
    return len(x)


def _make_trade(memoize: Memoize) -> Any:
    """An instance, whose class has a memoised method; the hash of its fields is part of every contender's key."""

    @attrs.frozen
    class Trade:
        quantity: int

        @memoize
        def value(self) -> int:
            return self.quantity

    return Trade(7)


# Name of the case, what is typed, and what makes the ``fn`` in it, given the contender's decorator. ``x`` is 7, and a tuple
# that holds it is a new one in each call.
HITS: tuple[tuple[str, str, Callable[[Memoize], Any]], ...] = (
    ("hit", "fn(7)", lambda memoize: memoize(_identity)),
    ("hit, no argument", "fn()", lambda memoize: memoize(_constant)),
    ("hit, 3 arguments", "fn(7, 8, 9)", lambda memoize: memoize(_first)),
    ("keyword hit", "fn(x=7)", lambda memoize: memoize(_identity)),
    ("hit, omitted default", "fn(7)", lambda memoize: memoize(_with_default)),
    ("hit, tuple argument", "fn((x, 8, 9))", lambda memoize: memoize(_length)),
    ("hit, method", "fn.value()", _make_trade),
)


def _hit(name: str, call: str, make: Callable[[Memoize], Any]) -> Case:
    """The same call again and again, at the top level of a context."""
    return Case(name, "call", _contenders(call, make, "pass"))


def _hits_of_many(keys: int) -> Case:
    """Many known values in turn, so that what is looked up is in no processor's nearest cache."""
    loop = "for x in keys: "
    contenders = _contenders(loop + "fn(x)", lambda memoize: memoize(_identity), loop + "pass", keys=scatter(keys))
    return Case("hit, many keys", "call", contenders, per=keys)


def scatter(keys: int) -> list[int]:
    """The numbers below ``keys``, not in their order; ``keys`` is not a multiple of 7,919, which is a prime."""
    return [number * 7_919 % keys for number in range(keys)]


def _contenders(call: str, make: Callable[[Memoize], Any], empty: str, **names: object) -> tuple[Contender, ...]:
    """Those of every hit at the top level; ``names`` are further ones that the statement ``call`` reads."""
    return (
        Contender("functools.cache", _warm(_timer(call, make(functools.cache), **names))),
        Contender("dug", _in_contexts(_timer(call, make(dug.memoize), **names))),
        Contender("plain function", _timer(call, make(lambda fn: fn), **names).timeit),
        Contender("empty loop", _timer(empty, None, **names).timeit),
    )


def _hit_under_contexts() -> Case:
    """A value of the outermost context, asked for again under one, two and three others."""
    fn = dug.memoize(_identity)
    other = dug.memoize(_first)
    contenders = [
        Contender(f"under {depth} others" if depth else "in its own context", _in_contexts(_timer("fn(7)", fn), other, depth))
        for depth in range(4)
    ]
    return Case("hit seen through contexts", "call", tuple(contenders))


def _warm(timer: timeit.Timer) -> Callable[[int], float]:
    """A ``run`` of calls that have been made once before."""
    timer.timeit(1)
    return timer.timeit


def _timer(statement: str, fn: object, **names: object) -> timeit.Timer:
    return timeit.Timer(statement, timer=time.process_time, globals={"fn": fn, "x": 7, **names})


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


def _decorate() -> Case:
    """Decorating functions of one shape, as a model of thousands of them does before anything runs."""
    contenders = {"functools.cache": functools.cache, "dug": dug.memoize}
    return Case("decorate", "function", tuple(Contender(name, _decorated(memoize)) for name, memoize in contenders.items()))


def _decorated(memoize: Callable[..., Any]) -> Callable[[int], float]:
    """A ``run`` that decorates ``number`` functions; only the decorating counts."""

    def run(number: int) -> float:
        functions = [_make_function() for _ in range(number)]
        started = time.process_time()
        for fn in functions:
            memoize(fn)
        return time.process_time() - started

    return run


def _make_function() -> Callable[[int, int], int]:
    def fn(x: int, y: int = 8) -> int:  # noqa: ARG001  it is never called
        return x

    return fn
