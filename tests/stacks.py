"""Computes one deep chain of nodes, in a thread with a stack of some size: a program, as what goes wrong here ends the process.

``python tests/stacks.py PLACE BYTES KIND DEPTH`` prints ``done``. For the main thread the size is what ``ulimit -s`` says.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dug


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
    """Return what the bumps below come to."""
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
    """Compute a chain, and again after what it rests on came out as before."""
    with dug.Context() as ctx:
        chain(n)
        ctx.invalidate(chain.node(0))
        return chain(n)


@dug.memoize
def failing(n: int) -> int:
    """Fail at the bottom."""
    return failing(n - 1) if n else 1 // n


def catch(n: int) -> int:
    """Catch what comes up from the bottom, and let it go."""
    try:
        return failing(n)
    except ZeroDivisionError:
        return n


def suppose(n: int) -> int:
    """Compute a chain under two tweaks, one after the other, and let go of what was computed under them."""
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
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
