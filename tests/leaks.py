"""Looks for leaks: does everything that is done often a million times, and says whether memory stays as it was.

`python tests/leaks.py [--rounds N] [--only TEXT]` warms each workload up, then runs it in six parts and looks at what is left
after each: objects that the garbage collector knows, blocks of Python's own allocator (which holds what is small, to the
block), and resident memory (which also shows what is large).  A leak grows in every part, so it fails when one of them grew
again and again; a table of the interpreter that doubles, or an arena that it takes, makes one step.  It runs on whichever call
path is loaded, and says which.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import count, pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace

from attrs import frozen

import dug
from dug._core.facts.homes import Homes
from dug._core.facts.memo import NodeMemos

PARTS = 6
BATCH = 1_000
"""After so many rounds a workload that computes begins a new context, for a cache keeps what it holds."""


@dug.memoize
def identity(x, offset=0):
    """Return x."""
    return x + offset


@dug.memoize
def reader(x):
    """Return the values of two nodes, a hit and often a miss."""
    return identity(x) + identity(x + 1) + identity(1)


@dug.memoize
def doubled(x):
    """Return the value of one node, twice."""
    return 2 * identity(x)


@dug.memoize
def failing(x):
    """Raise an error."""
    raise ZeroDivisionError(x)


@dug.memoize
async def later(x):
    """Return x, after a turn of the loop."""
    await asyncio.sleep(0)
    return x


class Argument:
    """An argument with its own code for hashing and comparing."""

    def __init__(self, x):
        self.x = x

    def __hash__(self):
        return hash(self.x)

    def __eq__(self, other):
        return isinstance(other, Argument) and self.x == other.x

    @dug.memoize
    def method(self, x):
        """Return x."""
        return x


def in_batches(rounds: int) -> Iterator[int]:
    """Yield as many numbers, with a new context in force after each batch."""
    for first in range(0, rounds, BATCH):
        with dug.Context(cache=dug.Cache()):
            yield from range(first, min(rounds, first + BATCH))


def hits(rounds: int) -> None:
    """Calls that are known, spelled in every way."""
    known, holder = Argument(1), Argument(2)
    with dug.Context():
        for _ in range(rounds // 5):
            identity(1)
            identity(x=1)
            identity(1, offset=0)
            reader(1)
            holder.method(1)
        for _ in range(min(rounds, 1_000)):
            holder.method(known)


def misses(rounds: int) -> None:
    """Calls that are not known, with hits inside."""
    for number in in_batches(rounds // 3):
        reader(number)


def arguments(rounds: int) -> None:
    """Arguments whose own code runs, and some that do not hash."""
    for number in in_batches(rounds // 3):
        Argument(number % 50).method(number % 7)
        Argument(number % 50).method(x=Argument(number % 7))
        with contextlib.suppress(dug.UnhashableArgumentError):
            Argument(1).method([number])


def wrong_calls(rounds: int) -> None:
    """Calls that Python refuses, and calls outside of any context."""
    for _ in range(rounds // 4):
        for call in (identity, lambda: identity(1, 2, 3), lambda: identity(1, x=1), lambda: identity(y=1)):
            with contextlib.suppress(TypeError):
                call()
        with contextlib.suppress(dug.NoContextError):
            identity(1)


def failures(rounds: int) -> None:
    """Nodes that raise."""
    for number in in_batches(rounds):
        with contextlib.suppress(ZeroDivisionError):
            failing(number % 100)


def tweaks(rounds: int) -> None:
    """Values tweaked in an open context, and nodes that depend on them."""
    with dug.Context() as ctx:
        for number in range(rounds):
            ctx.tweak(identity.node(1), number)
            reader(1)


def entries(rounds: int) -> None:
    """Contexts inside a context, new ones and the same one again."""
    with dug.Context():
        again = dug.Context(tweaks={identity.node(2): 5})
        for number in range(rounds // 2):
            with dug.Context(tweaks={identity.node(1): number}):
                reader(1)
            with again:
                reader(1)


def table(rounds: int) -> None:
    """A table of homes on its own."""
    homes = Homes()
    for number in range(rounds):
        key = table, number % 3_000, str(number % 7)
        homes.put(key, NodeMemos(key, None))
        homes.get((table, number, "x"))
        home = homes.get((table, number // 2 % 3_000, "1"))
        if home is not None:
            homes.take_out(home)
        if number % 10_000 == 0:
            holder = SimpleNamespace()
            homes.move_to(Homes(), holder)
            homes = holder.homes
            homes.take_all()


def awaits(rounds: int) -> None:
    """Calls of a coroutine function: known, new, and in two tasks at once."""

    async def main():
        for number in range(rounds // 4):
            if number % BATCH == 0:
                ctx = dug.Context(cache=dug.Cache())
            with ctx:
                await later(number % 3)
                await later(x=number % 3)
                if number % 10 == 0:
                    await asyncio.gather(later(number), later(number))

    asyncio.run(main())


def odd_awaits(rounds: int) -> None:
    """Awaitables that are closed, thrown into, run twice or never awaited."""
    held = []
    with warnings.catch_warnings(), dug.Context():
        warnings.simplefilter("ignore")
        for number in range(rounds // 4):
            later(number)
            later(number).close()
            made = later(number)
            for act in (lambda: made.throw(KeyError), lambda: made.send(None), lambda: made.send(1)):  # noqa: B023
                with contextlib.suppress(KeyError, RuntimeError):
                    act()
            held.append(later(number))
            if len(held) > 50:  # more than the free list takes
                held.clear()
        held.clear()


def lasting_local_functions(rounds: int) -> None:
    """Local functions that are called and dropped in a context that stays open: alone, in circles, in runs, and their nodes."""
    with LASTING:
        for number in range(rounds // 100):
            made = dug.memoize(lambda x: identity(1) + x)
            made.itself = made if number % 2 else None
            made(number)
            node = dug.memoize(lambda x: (made, reader(1))).node(number)  # noqa: B023
            node()
            with dug.Context(tweaks={identity.node(1): number}):
                made(number)
                maker(1)


@dug.memoize
def maker(x):
    """Return the result of a function that is made here."""

    @dug.memoize
    def helper(number):
        return identity(1) + number if number == 0 else helper(number - 1)

    return helper(x)


def tweaked_local_functions(rounds: int) -> None:
    """Local functions that are tweaked once, in a context that stays open."""
    with LASTING:
        for number in range(rounds // 100):
            made = dug.memoize(lambda x: identity(1) + x)
            made(1)
            for tweaks in ({made.node(1): number}, {made: dug.shift(1.0)}):
                with dug.Context(tweaks=tweaks):
                    made(1)


def invalidations(rounds: int) -> None:
    """New arguments that are invalidated, in a context that stays open."""
    with LASTING:
        for _ in range(rounds // 10):
            number = next(NUMBERS)
            identity(number)
            LASTING.invalidate(identity.node(number))


def new_tweaks(rounds: int) -> None:
    """New arguments that are tweaked once, in a context that stays open."""
    with LASTING:
        for _ in range(rounds // 1_000):
            number = next(NUMBERS)
            with dug.Context(tweaks={identity.node(number): 1}):
                doubled(number)
                identity(number)


def lasting_redefinitions(rounds: int) -> None:
    """A function that is redefined and called with new arguments, in a context that stays open."""
    with LASTING:
        for number in range(rounds // 100):
            body = (lambda x: x) if number % 2 else (lambda x: x + 1)
            dug.memoize(name="leaks:lasting")(body)(next(NUMBERS))


def class_cells(rounds: int) -> None:
    """A class that is redefined, with an instance, in a context that stays open."""
    with LASTING:
        for number in range(rounds // 25):
            exec(CLASS_CELL.format(number=number % 2), CELL)


CELL = vars(sys.modules.setdefault("leaks_cell", ModuleType("leaks_cell")))  # else each class has it looked for in every folder
CELL["dug"] = dug
CLASS_CELL = """
class Cell:
    __hash__ = object.__hash__  # its identity is what counts

    @dug.memoize
    def value(self, x):
        return x + {number}

Cell().value(1)
"""
LASTING = dug.Context()
"""A context that lives for as long as this program."""
NUMBERS = count(10**9)
"""Arguments that were never used."""


def decorations(rounds: int) -> None:
    """Functions that are decorated, called and dropped, in a cycle with themselves or not."""
    for number in in_batches(rounds // 100):
        made = dug.memoize(lambda x: x)
        made.itself = made if number % 2 else None
        made(number)


def redefinitions(rounds: int) -> None:
    """A function that is defined again and again under its name."""
    with dug.Context():
        for number in range(rounds // 100):
            body = (lambda x: x) if number % 2 else (lambda x: x + 1)
            made = dug.memoize(name="leaks:redefined")(body)
            made(1)


WORKLOADS = (
    hits, misses, arguments, wrong_calls, failures, tweaks, entries, table, awaits, odd_awaits, decorations, redefinitions,
    lasting_local_functions, tweaked_local_functions, invalidations, new_tweaks, lasting_redefinitions, class_cells,
)  # fmt: skip


ALLOWED = {"objects": 100, "blocks": 300, "resident": 2 << 20}
"""How much more may be there in the end than in the beginning, with the largest step left out."""


@frozen
class Traces:
    """The state at one moment: objects, blocks, and bytes of resident memory."""

    objects: int
    blocks: int
    resident: int


def what_grew(traces: Sequence[Traces]) -> list[str]:
    """Return everything that grew from one moment to the next, again and again, with its growth."""
    grown = []
    for name, most in ALLOWED.items():
        counts = [getattr(one, name) for one in traces]
        steps = [later - earlier for earlier, later in pairwise(counts)]
        if sum(steps) - max(steps) > most:
            grown.append(f"{counts[-1] - counts[0]:+,} {name} ({', '.join(format(step, '+,') for step in steps)})")
    return grown


def trace() -> Traces:
    """Return the state once all garbage is gone."""
    for _ in range(3):
        gc.collect()
    return Traces(len(gc.get_objects()), sys.getallocatedblocks(), resident_bytes())


def resident_bytes() -> int:
    """Return the resident memory of this process, 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def find_leaks(workload: Callable[[int], None], rounds: int) -> list[str]:
    """Return everything that grew while a workload was repeated, nothing for one that leaks nothing."""
    part = max(rounds // PARTS, 1)
    workload(part)  # the warm-up: caches fill, free lists too
    gc.collect()
    gc.freeze()  # existing objects are not searched again and again
    traces = []
    for _ in range(PARTS - 1):
        workload(part)
        traces.append(trace())
    return what_grew(traces)


def main() -> int:
    """Run all workloads; return 0 when none leaks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1_000_000, help="how often each thing is done")
    parser.add_argument("--only", default="", help="run those with this text in their name")
    options = parser.parse_args()
    print(f"{'compiled' if dug.COMPILED else 'pure'} call path, {options.rounds:,} rounds")
    leaking = 0
    for workload in WORKLOADS:
        if options.only in workload.__name__:
            began = time.monotonic()
            grown = find_leaks(workload, options.rounds)
            leaking += bool(grown)
            print(f"{workload.__name__:14} {', '.join(grown) or 'flat'} ({time.monotonic() - began:.0f} s)", flush=True)
    return 1 if leaking else 0


if __name__ == "__main__":
    sys.exit(main())
