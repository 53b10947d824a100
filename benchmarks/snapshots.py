"""What a snapshot costs: ``python -m benchmarks.snapshots [nodes]``.

It saves a context of 100,000 nodes, some of them failed, lists the failures, makes the file a context again, and asks for one
value and for all.  Seconds of the clock and of the processor are told side by side, as a busy machine has few of the latter.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

import dug
from dug import snapshot


@dug.memoize(name="benchmark:leaf")
def leaf(number: int) -> float:
    """Return a number; a few fail."""
    if number % 1_000 == 7:
        raise ValueError(number)
    return float(number)


@dug.memoize(name="benchmark:middle")
def middle(number: int) -> float:
    """Return one more."""
    return leaf(number) + 1


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block takes."""
    clock, processor = perf_counter(), process_time()
    yield
    print(f"{what:40} {perf_counter() - clock:8.3f} s {process_time() - processor:8.3f} s of the processor")


def ask(numbers: range, compute: Callable[[int], float]) -> None:
    """Ask for many values, some of which fail."""
    for number in numbers:
        try:
            compute(number)
        except ValueError:
            continue


def main(nodes: int) -> None:
    """Measure with so many nodes."""
    numbers = range(nodes // 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.dug"
        with dug.Context() as ctx:
            ask(numbers, middle)
            with timed(f"save {nodes:,} nodes"):
                snapshot.save(ctx, path)
        with timed("look at the failures"), snapshot.look(path) as looked:
            looked.failures()
        with timed("graph of the file"), snapshot.look(path) as looked:
            looked.graph()
        with timed("load"):
            loaded = snapshot.load(path)
        with timed("enter"):
            loaded.__enter__()
        with timed("ask for one value"):
            middle(1)
        with timed(f"ask for {nodes // 2:,} values"):
            ask(numbers, middle)
        loaded.__exit__(None, None, None)
        loaded.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
