"""Computes one deep chain of nodes, in a thread with a stack of some size: a program, as what goes wrong here ends the process.

``python tests/stacks.py PLACE BYTES KIND DEPTH`` prints ``done``. For the main thread the size is what ``ulimit -s`` says.
``python tests/stacks.py all DEPTH`` does so for each place, size and kind, in processes of their own, and prints what failed.
The tests take some of these, so that each kind meets each place and each size.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import dug

KB = 1_024
LIMITS = (128, 256, 512, 8_192, None)
"""Of the main thread, in KB; None for no limit."""
PLACES, SIZES = ("thread", "pool", "loop"), (64, 128, 256, 512)
"""Of other threads, in KB."""


@dug.memoize
def chain(n: int) -> int:
    """Return how many nodes are below."""
    return chain(n - 1) + 1 if n else 0


@dug.memoize
def named(*, n: int, **more: int) -> int:
    """Return the same, by calls that are made of more than plain parameters."""
    return named(n=n - 1, **more) + 1 if n else 0


class Desk:
    """Has a deep method."""

    __hash__ = object.__hash__  # its identity is what counts

    @dug.memoize
    def depth(self, n: int) -> int:
        """Return how many nodes are below."""
        return self.depth(n - 1) + 1 if n else 0


@dug.memoize
async def later(n: int) -> int:
    """Return how many nodes are below, awaited."""
    return await later(n - 1) + 1 if n else 0


@dug.memoize
def bumped(n: int) -> int:
    """Return the sum of the bumps below."""
    return bumped(n - 1) if n else 0


@dug.memoize
def through_c(n: int) -> int:
    """Return how many nodes are below, each called by a function in C that takes much of the stack."""
    return max(map(through_c, sorted([n - 1], key=through_c))) + 1 if n else 0


@dug.memoize
def busy(n: int) -> int:
    """Return how many nodes are below, below which a body needs the stack for itself."""
    if n:
        return busy(n - 1) + 1
    nested: list[Any] = []
    for _ in range(300):
        nested = [nested]
    return plain(300) + len(json.dumps(nested)) - len(repr(nested))


def plain(n: int) -> int:
    """Recurse without any node."""
    return plain(n - 1) if n else 0


def one_more(x: int) -> int:
    """Add one."""
    return x + 1


def bump_all(n: int) -> int:
    """Compute a chain in which each node is bumped by one."""
    with dug.Context(tweaks={bumped: dug.bump(one_more)}):
        return bumped(n) - 1


def verify(n: int) -> int:
    """Compute a chain, and again after its end gave the same value as before."""
    with dug.Context() as ctx:
        chain(n)
        ctx.invalidate(chain.node(0))
        return chain(n)


@dug.memoize
def failing(n: int) -> int:
    """Fail at the bottom."""
    return failing(n - 1) if n else 1 // n


def catch(n: int) -> int:
    """Catch the error from the bottom, and drop it."""
    try:
        return failing(n)
    except ZeroDivisionError:
        return n


def suppose(n: int) -> int:
    """Compute a chain under two tweaks, one after the other, and drop the memos computed under them."""
    for value in (2, 1):
        with dug.Context(tweaks={chain.node(0): value}):
            found = chain(n)
    return chain(0) + found - 1


async def await_it(n: int) -> int:
    """Await the deep coroutine function."""
    return await later(n)


KINDS: dict[str, Callable[[int], int]] = {
    "function": chain,
    "keywords": lambda n: named(n=n, more=1),
    "method": Desk().depth,
    "bumps": bump_all,
    "c": through_c,
    "busy": busy,
    "verified": verify,
    "failed": catch,
    "supposed": suppose,
    "async": lambda n: asyncio.run(await_it(n)),
}


def compute(kind: str, depth: int) -> None:
    """Compute a chain in this thread."""
    with dug.Context():
        assert KINDS[kind](depth) == depth


def compute_in_thread(call: Callable[[], object]) -> None:
    """Make a call in a thread, and let later ones have stacks as usual."""
    thread = threading.Thread(target=call)
    thread.start()
    threading.stack_size(0)
    thread.join()


async def on_loop(kind: str, depth: int) -> None:
    """Compute a chain of functions where a loop runs."""
    await later(depth) if kind == "async" else compute(kind, depth)


def in_loop(kind: str, depth: int) -> None:
    """Compute a chain in a loop of this thread."""
    with dug.Context():
        asyncio.run(on_loop(kind, depth))


def run(place: str, size: int | None, kind: str, depth: int) -> subprocess.CompletedProcess[str]:
    """Run this program in a process of its own."""
    if (place, kind) == ("thread", "async"):
        place = "loop"
    if (size, kind) == (64, "c") and not dug.COMPILED:  # Debian's own 3.11 takes more of the stack, see the limits
        size = 80
    limit = f"ulimit -s {'unlimited' if size is None else size} && " if place == "main" else ""
    depth = min(depth, most(kind, size))
    command = f'{limit}exec "{sys.executable}" "{__file__}" {place} {0 if size is None else size * KB} {kind} {depth}'
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=300, check=False)


def most(kind: str, size: int | None) -> int:
    """Return how deep a chain may be where 3.13 frees tracebacks as deep as they are, see the limits."""
    frees_deep = kind == "failed" and not dug.COMPILED and sys.version_info >= (3, 13)
    return 7 * size if frees_deep and size is not None and size <= 512 else sys.maxsize


def run_all(depth: int) -> None:
    """Run this program everywhere."""
    went_wrong = 0
    for place, size, kind in [*product(["main"], LIMITS, KINDS), *product(PLACES, SIZES, KINDS)]:
        done = run(place, size, kind, depth)
        if (done.stdout, done.returncode) != ("done\n", 0):
            went_wrong += 1
            sys.stdout.write(f"{place} {size} {kind}: {done.returncode} {done.stderr[-2_000:]}\n")
    sys.stdout.write(f"{went_wrong} went wrong\n")


def main(place: str, size: int, kind: str, depth: int) -> None:
    """Compute a chain where it is asked for."""
    if place != "main":
        threading.stack_size(size)
    done = []
    if place == "main":
        done.append(compute(kind, depth))
    elif place == "pool":
        with ThreadPoolExecutor(2) as pool:
            done += [future.result() for future in [pool.submit(compute, kind, depth) for _ in range(2)]]
    elif place == "thread":
        compute_in_thread(lambda: done.append(compute(kind, depth)))
    else:
        compute_in_thread(lambda: done.append(in_loop(kind, depth)))
    assert done
    sys.stdout.write("done\n")


if __name__ == "__main__":
    if sys.argv[1] == "all":
        run_all(int(sys.argv[2]))
    else:
        main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
