"""What tasks and threads cost: many leaves awaited at once, warm awaits, hits from threads, sweeps.

Where something waits, time is taken by the wall clock, because that is what a fan-out is for; warm awaits wait for nothing and
are timed on CPU time like all other calls.  The loop is asyncio's own.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

import dug
from dug._core.steps.frame import current  # the run itself says who waits for it

from ._harness import Case, Contender, as_in_module
from .what_ifs import Book, memoized_book

SHARED = 10
BOOK = Book(trades=200, inputs=50, spin=0)

Shared = Callable[[int], Awaitable[int]]
Read = Callable[[Shared, int], Awaitable[int]]


@attrs.frozen
class Sizes:
    """How much is asked at once; the defaults are those of the published figures."""

    leaves: int = 1_000
    leaf_s: float = 0.01
    hits: int = 20_000
    threads: tuple[int, ...] = (1, 2, 4, 8)
    scenarios: int = 100


def cases(sizes: Sizes) -> Iterator[Case]:
    """The fan-outs, the warm and the cold await, hits from threads and the sweeps."""
    yield from _fan_outs(sizes)
    yield _warm_await()
    yield _cold_await()
    yield _hits(sizes)
    yield _watched_reads(sizes)
    yield _sweep(sizes)
    yield _waiting_sweep(sizes)


# Fan-outs


def _fan_outs(sizes: Sizes) -> Iterator[Case]:
    """The leaves wait 10 ms; so do the ten nodes that they share, where nothing else is said."""
    waiting = {"shared_s": sizes.leaf_s}
    yield _fan_out("fan-out", sizes, _read_in_turn, **waiting)
    yield _fan_out("fan-out, the ten at once", sizes, _read_at_once, **waiting)
    yield _fan_out("fan-out, one of the ten each", sizes, _read_one, **waiting)
    yield _fan_out("fan-out, the ten wait for nothing", sizes, _read_in_turn)
    yield _fan_out("fan-out, the ten are known", sizes, _read_in_turn, is_warm=True)
    yield _fan_out("fan-out, nothing shared", sizes, _read_nothing)


async def _read_in_turn(shared: Shared, _leaf: int) -> int:
    return sum([await shared(one) for one in range(SHARED)])


async def _read_at_once(shared: Shared, _leaf: int) -> int:
    return sum(await asyncio.gather(*map(shared, range(SHARED))))


async def _read_one(shared: Shared, leaf: int) -> int:
    return await shared(leaf % SHARED)


async def _read_nothing(_shared: Shared, _leaf: int) -> int:
    return 0


def _make_program(decorate: Callable[[Any], Any], read: Read, leaf_s: float, shared_s: float) -> tuple[Shared, Shared]:
    """The leaves, which read what is shared and wait, and what is shared."""

    @decorate
    async def shared(number: int) -> int:
        if shared_s:
            await asyncio.sleep(shared_s)
        return number

    @decorate
    async def leaf(number: int) -> int:
        known = await read(shared, number)
        await asyncio.sleep(leaf_s)
        return known + number

    return leaf, shared


def _fan_out(name: str, sizes: Sizes, read: Read, *, shared_s: float = 0.0, is_warm: bool = False) -> Case:
    """All leaves in one gather, from nothing: a new context for each."""
    plain = _make_program(lambda function: function, read, sizes.leaf_s, shared_s)
    memoized = _make_program(as_in_module(dug.memoize), read, sizes.leaf_s, shared_s)

    async def gather(program: tuple[Shared, Shared]) -> float:
        leaf, shared = program
        for one in range(SHARED if is_warm else 0):
            await shared(one)
        started = time.perf_counter()
        await asyncio.gather(*map(leaf, range(sizes.leaves)))
        return time.perf_counter() - started

    async def gather_in_context() -> float:
        with dug.Context():
            return await gather(memoized)

    contenders = (Contender("plain gather", _repeat(lambda: gather(plain))), Contender("dug", _repeat(gather_in_context)))
    return Case(name, "fan-out", contenders)


def _repeat(gather: Callable[[], Awaitable[float]]) -> Callable[[int], float]:
    """A ``run`` of ``number`` fan-outs on one loop, each timed by itself."""

    async def repeat(number: int) -> float:
        return sum([await gather() for _ in range(number)])

    return lambda number: asyncio.run(repeat(number))


# Warm awaits


def _warm_await() -> Case:
    """The same known value awaited again and again."""
    return Case(
        "warm await",
        "await",
        (
            Contender("finished futures in a dict", lambda number: asyncio.run(_await_futures(number))),
            Contender("dug", lambda number: asyncio.run(_await_memoized(number))),
            Contender("async function that looks into a dict", lambda number: asyncio.run(_await_function(number))),
        ),
    )


async def _await_futures(number: int) -> float:
    futures: dict[int, asyncio.Future[int]] = {7: asyncio.get_running_loop().create_future()}
    futures[7].set_result(7)
    started = time.process_time()
    for _ in range(number):
        await futures[7]
    return time.process_time() - started


async def _await_function(number: int) -> float:
    values = {7: 7}

    async def get(x: int) -> int:
        return values[x]

    started = time.process_time()
    for _ in range(number):
        await get(7)
    return time.process_time() - started


async def _await_memoized(number: int) -> float:
    @as_in_module(dug.memoize)
    async def identity(x: int) -> int:
        return x

    with dug.Context():
        await identity(7)
        started = time.process_time()
        for _ in range(number):
            await identity(7)
        return time.process_time() - started


# Cold awaits


async def _compute(x: int) -> int:
    return x


async def _compute_later(x: int) -> int:
    await asyncio.sleep(0)
    return x


def _cold_await() -> Case:
    """A new value awaited each time, of a function that does nothing, or only waits for the next turn of the loop."""

    def contender(name: str, ask: Callable[[int], Awaitable[int]]) -> Contender:
        return Contender(name, lambda number: asyncio.run(_await_new(ask, number)))

    async def in_a_task(x: int) -> int:
        return await asyncio.create_task(_compute(x))

    contenders = (
        contender("a task for each", in_a_task),
        contender("plain function", _compute),
        contender("dug", as_in_module(dug.memoize)(_compute)),
        contender("plain function that waits", _compute_later),
        contender("dug, it waits", as_in_module(dug.memoize)(_compute_later)),
    )
    return Case("cold await", "await", contenders)


async def _await_new(ask: Callable[[int], Awaitable[int]], number: int) -> float:
    with dug.Context():
        started = time.process_time()
        for x in range(number):
            await ask(x)
        return time.process_time() - started


# Threads


def _hits(sizes: Sizes) -> Case:
    """A known value asked for from several threads in one context; figures are for one hit of any of them."""

    @as_in_module(dug.memoize)
    def identity(x: int) -> int:
        return x

    def contender(count: int) -> Contender:
        return Contender(f"{count} thread{'s' * (count > 1)}", _from_threads(identity, count, sizes.hits))

    return Case("hits from threads", "hit", tuple(map(contender, sizes.threads)), per=sizes.hits)


def _from_threads(fn: Callable[[int], int], count: int, hits: int) -> Callable[[int], float]:
    """A ``run`` in which ``count`` threads share ``hits`` calls, from the moment that all are ready to the end of the last."""
    ctx = dug.Context()

    def ask(gate: threading.Barrier, calls: int) -> None:
        with ctx:
            fn(7)
            gate.wait()
            for _ in range(calls):
                fn(7)

    def run(number: int) -> float:
        gate = threading.Barrier(count + 1)
        threads = [threading.Thread(target=ask, args=(gate, number * hits // count)) for _ in range(count)]
        for thread in threads:
            thread.start()
        gate.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        return time.perf_counter() - started

    return run


def _watched_reads(sizes: Sizes) -> Case:
    """Known values read in a running node: one that nobody waits for, and one that other cold scenarios wait for, watching it."""

    def contender(name: str, waiting: int) -> Contender:
        return Contender(name, _read_while(waiting, sizes.hits))

    contenders = (contender("nobody waits", 0), contender("one scenario waits", 1), contender("8 scenarios wait", 8))
    return Case("reads in a run that is waited for", "read", contenders, per=sizes.hits)


def _read_while(waiting: int, reads: int) -> Callable[[int], float]:
    """A ``run`` in which a cold node reads a known value while so many threads, each in a scenario of its own, wait for it."""

    @as_in_module(dug.memoize)
    def identity(x: int) -> int:
        return x

    @as_in_module(dug.memoize)
    def free() -> int:
        return 0

    @as_in_module(dug.memoize)
    def read(number: int, seconds: list[float], began: threading.Event) -> None:
        identity(7)
        began.set()
        _wait_until(current.get(), waiting)
        started = time.process_time()
        for _ in range(number * reads):
            identity(7)
        seconds.append(time.process_time() - started)

    def run(number: int) -> float:
        ctx, seconds, began = dug.Context(), _Alike(), _Event()

        def ask(scenario: int) -> None:
            with ctx, dug.Context({free.node(): scenario}):
                if scenario:
                    began.wait()
                read(number, seconds, began)

        threads = [threading.Thread(target=ask, args=(scenario,)) for scenario in range(waiting + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(seconds)

    return run


def _wait_until(run: Any, waiting: int) -> None:
    """Returns when so many wait for a run."""
    while len(run.waits or ()) < waiting:
        time.sleep(0.001)


class _Event(threading.Event):
    """An event that is an argument: one is not another, and its state is not part of it."""

    __hash__ = object.__hash__


class _Alike(list[float]):
    """A list that can be an argument, as the one that it is."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


# Sweeps


def _sweep(sizes: Sizes) -> Case:
    """Scenarios of the book of trades, each rerunning the trades of one input and the total."""
    level, total = memoized_book(BOOK)
    changes = [{level.node(number % BOOK.inputs): 2.0 + number} for number in range(sizes.scenarios)]

    def loop() -> list[float]:
        values = []
        for tweaks in changes:
            with dug.Context(tweaks):
                values.append(total())
        return values

    def sweep() -> list[float]:
        return [result.value for result in dug.sweep(total.node(), changes)]

    contenders = (Contender("loop of contexts", _in_base(total, loop)), Contender("sweep", _in_base(total, sweep)))
    return Case("sweep", "scenario", contenders, per=sizes.scenarios)


def _waiting_sweep(sizes: Sizes) -> Case:
    """Scenarios of a node that waits for 1 ms, as one that asks a service does."""

    @as_in_module(dug.memoize)
    def level() -> float:
        return 1.0

    @as_in_module(dug.memoize)
    def answer() -> float:
        time.sleep(0.001)
        return 2 * level()

    serials = itertools.count()

    def changes() -> list[dict[Any, float]]:
        return [{level.node(): 2.0 + next(serials)} for _ in range(sizes.scenarios)]

    def loop() -> list[float]:
        values = []
        for tweaks in changes():
            with dug.Context(tweaks):
                values.append(answer())
        return values

    def sweep() -> list[float]:
        return [result.value for result in dug.sweep(answer.node(), changes())]

    def sweep_on_threads() -> list[float]:
        with ThreadPoolExecutor(4) as pool:
            return [result.value for result in dug.sweep(answer.node(), changes(), executor=pool)]

    contenders = (
        Contender("loop of contexts", _in_base(answer, loop)),
        Contender("sweep", _in_base(answer, sweep)),
        Contender("sweep, 4 threads", _in_base(answer, sweep_on_threads)),
    )
    return Case("sweep, a node that waits 1 ms", "scenario", contenders, per=sizes.scenarios)


def _in_base(target: Callable[[], object], work: Callable[[], object]) -> Callable[[int], float]:
    """A ``run`` of ``work`` in a context that knows ``target`` already."""
    base = dug.Context()

    def run(number: int) -> float:
        with base:
            target()
            started = time.perf_counter()
            for _ in range(number):
                work()
            return time.perf_counter() - started

    return run
