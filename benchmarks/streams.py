"""What a stream costs: a value from its source to a reader, through processors, with a mark of its own; the first value; memory.

The yardstick is the same chain of plain async generators, which one reader pulls, in one task and with nothing kept.  An anyio
memory stream is beside it where anyio is installed: as dug does, it lets each stage run in a task of its own.  All on asyncio.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from importlib.util import find_spec
from typing import Any

import attrs

import dug
from dug import streams

from ._harness import Case, Contender, as_in_module

AHEAD = 256
"""How many values may be under way, in dug and in a memory stream."""

Chain = Callable[[int], AsyncIterator[int]]


@attrs.frozen
class Sizes:
    """How many values are read; `endless` is how many a stream with ``keep=100`` gives where its memory is weighed."""

    values: int = 20_000
    marks: int = 2_000
    processors: tuple[int, ...] = (0, 1, 3)
    endless: int = 10_000_000


@attrs.frozen
class Growth:
    """How many bytes dug holds more at the end of a long stream than after a tenth of it."""

    bytes: float
    values: int


def cases(sizes: Sizes) -> Iterator[Case]:
    """The cases of streams."""
    for processors in sizes.processors:
        yield _through(processors, sizes.values)
    yield _again(sizes.values)
    yield _with_marks(sizes.marks)
    yield _first()
    yield _operators(sizes.values)


# Chains


async def _count(values: int) -> AsyncIterator[int]:
    for number in range(values):
        yield number


def make_chain(processors: int) -> Chain:
    """Returns a chain of plain async generators."""

    def chain(values: int) -> AsyncIterator[int]:
        found = _count(values)
        for _ in range(processors):
            found = _add_one(found)
        return found

    return chain


async def _add_one(numbers: AsyncIterator[int]) -> AsyncIterator[int]:
    async for number in numbers:
        yield number + 1


def make_streams(processors: int) -> Any:
    """Returns a chain of streams: a function of how many values."""
    source: Any = as_in_module(lambda **options: dug.source(ahead=AHEAD, **options))(_count)
    return _add_processors(source, processors)


def _add_processors(stream: Any, processors: int) -> Any:
    for _ in range(processors):

        async def add_one(values: int, before: Any = stream) -> AsyncIterator[int]:
            async for number in before(values):
                yield number + 1

        stream = as_in_module(lambda **options: dug.memoize(ahead=AHEAD, ignore=("before",), **options))(add_one)
    return stream


async def read_memory_streams(processors: int, values: int) -> int:
    """Returns the sum of what comes through a chain of memory streams of anyio, a task for each stage."""
    import anyio  # the harness runs without it

    async def give(send: Any) -> None:
        async with send:
            for number in range(values):
                await send.send(number)

    async def pass_on(receive: Any, send: Any) -> None:
        async with send, receive:
            async for number in receive:
                await send.send(number + 1)

    async with anyio.create_task_group() as group:
        send, receive = anyio.create_memory_object_stream[int](AHEAD)
        group.start_soon(give, send)
        for _ in range(processors):
            before = receive
            send, receive = anyio.create_memory_object_stream[int](AHEAD)
            group.start_soon(pass_on, before, send)
        async with receive:
            return sum([number async for number in receive])


async def read_sum(items: AsyncIterator[int]) -> int:
    """Returns the sum of all items, read one by one."""
    total = 0
    async for item in items:
        total += item
    return total


# Cases


def _through(processors: int, values: int) -> Case:
    """Values read from a source through so many processors, each time from nothing."""
    chain, stream = make_chain(processors), make_streams(processors)

    async def read_streams() -> None:
        with dug.Context():
            await read_sum(stream(values).open())

    contenders = [
        Contender("plain async generator", _time(lambda: read_sum(chain(values)))),
        Contender("dug", _time(read_streams)),
    ]
    if find_spec("anyio") is not None:
        contenders.append(Contender("anyio memory stream", _time(lambda: read_memory_streams(processors, values))))
    name = f"stream, {processors} processor{'s' * (processors != 1)}"
    return Case(name, "value", tuple(contenders), per=values)


def _again(values: int) -> Case:
    """A stream that has ended, read again from its tape."""
    stream = make_streams(0)
    ctx = dug.Context()

    async def read_again(number: int) -> float:
        with ctx:
            await read_sum(stream(values).open())
            started = time.process_time()
            for _ in range(number):
                await read_sum(stream(values).open())
            return time.process_time() - started

    contenders = (
        Contender("plain async generator", _time(lambda: read_sum(_count(values)))),
        Contender("dug", lambda number: asyncio.run(read_again(number))),
    )
    return Case("stream, read again", "value", contenders, per=values)


def _with_marks(values: int) -> Case:
    """A stream that reads a new node for each item, so that each has a mark."""

    def rate(number: int) -> int:
        return number

    node = as_in_module(dug.memoize)(rate)

    @as_in_module(dug.memoize)
    async def scaled(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number * node(number)

    async def plain(count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number * rate(number)

    async def read_scaled() -> None:
        with dug.Context():
            await read_sum(scaled(values).open())

    contenders = (
        Contender("plain async generator", _time(lambda: read_sum(plain(values)))),
        Contender("dug", _time(read_scaled)),
    )
    return Case("stream, a new node and a mark each", "value", contenders, per=values)


def _first() -> Case:
    """The first value of a stream behind three processors, each time from nothing, and all closed again."""
    chain, stream = make_chain(3), make_streams(3)

    async def first_of_chain() -> None:
        async for _ in chain(10):
            break

    async def first_of_stream() -> None:
        with dug.Context():
            await stream(10).first()

    contenders = (
        Contender("plain async generator", _time(first_of_chain)),
        Contender("dug", _time(first_of_stream)),
    )
    return Case("first value of a stream, 3 processors", "value", contenders)


def _operators(values: int) -> Case:
    """Operators over two streams that have ended, so that nothing but the operators is measured, beside reading both in turn."""
    one, other = make_streams(0), make_streams(0)
    ctx = dug.Context()

    def contender(name: str, make: Callable[[Any, Any], Any]) -> Contender:
        async def read(number: int) -> float:
            with ctx:
                await read_sum(one(values).open()), await read_sum(other(values).open())
                started = time.process_time()
                for _ in range(number):
                    async for _item in make(one(values), other(values)):
                        pass
                return time.process_time() - started

        return Contender(name, lambda number: asyncio.run(read(number)))

    async def in_turn(first: Any, second: Any) -> AsyncIterator[int]:
        for stream in (first, second):
            async for item in stream:
                yield item

    contenders = (
        contender("async generator over both", in_turn),
        contender("merge", streams.merge),
        contender("zip", streams.zip),
        contender("batch of a merge", lambda first, second: streams.batch(streams.merge(first, second), 100)),
        contender("scan of a filter of a merge", _make_sums),
    )
    return Case("operators on two streams", "value", contenders, per=2 * values)


def _make_sums(first: Any, second: Any) -> Any:
    kept = streams.filter(lambda item: item >= 0, streams.merge(first, second))
    return streams.scan(lambda one, other: one + other, kept)


def _time(read: Callable[[], Awaitable[object]]) -> Callable[[int], float]:
    """A ``run`` of ``number`` readings on one loop, on CPU time."""

    async def repeat(number: int) -> float:
        started = time.process_time()
        for _ in range(number):
            await read()
        return time.process_time() - started

    return lambda number: asyncio.run(repeat(number))


# Memory


def growth(values: int) -> Growth:
    """By how much memory grows over nine tenths of a long stream through a processor, both with ``keep=100``."""
    return Growth(asyncio.run(_weigh(values)), values)


async def _weigh(values: int) -> float:
    @as_in_module(lambda **options: dug.source(keep=100, **options))
    async def numbers() -> AsyncIterator[int]:
        for number in range(values):
            yield number

    @as_in_module(lambda **options: dug.memoize(keep=100, **options))
    async def doubled() -> AsyncIterator[int]:
        async for number in numbers():
            yield 2 * number

    weights = []
    with dug.Context():
        tracemalloc.start()
        try:
            async with doubled().open() as reader:
                for part in (values // 10, values - values // 10 - 1):
                    async for _ in _islice(reader, part):
                        pass
                    gc.collect()
                    weights.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    return float(weights[1] - weights[0])


async def _islice(reader: Any, count: int) -> AsyncIterator[Any]:
    for _ in itertools.repeat(None, count):
        yield await reader.__anext__()
