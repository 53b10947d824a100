"""What a node weighs, and what ``import dug`` costs.

A node's weight is what ``tracemalloc`` sees allocated for it: the bytes that Python's allocator was asked for, without
its own rounding. The import is timed in fresh interpreters, CPU time of the child process, with the start of the
interpreter as the yardstick.
"""

from __future__ import annotations

import functools
import gc
import os
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import attrs

import dug

from ._harness import Case, Contender, as_in_module

IMPORTS = (
    ("bare interpreter", "pass"),
    ("attrs and wrapt", "import attrs, wrapt"),
    ("dug", "import dug"),
)


@attrs.frozen
class Weight:
    """How many bytes one node takes, its argument and two edges included."""

    contender: str
    bytes_per_node: float
    nodes: int


def weights(nodes: int) -> list[Weight]:
    """The weight of a node under ``functools.cache`` and under dug: each reads the two before it."""
    with_cache = _weigh(_chain(functools.cache), nodes)
    with dug.Context():
        with_dug = _weigh(_chain(as_in_module(dug.memoize)), nodes)
    return [Weight("functools.cache", with_cache, nodes), Weight("dug", with_dug, nodes)]


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
