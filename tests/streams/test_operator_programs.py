"""Random programs of operators against plain Python: trees of them, within memoised generators, what-ifs, askers at once."""

from __future__ import annotations

import itertools
import random
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import dug
from dug import streams

LEAVES, SOURCES, STAGES = 3, 2, 4
KINDS = ["zip", "zip_longest", "scan", "filter", "take", "batch", "window", "map", "tree"]


def fold(row):
    """Return a number made of a row of numbers, in which their order counts."""
    total = 0
    for item in row:
        total = (3 * total + item) % 97
    return total


# What a stage does, over lists in plain Python and over streams.


def on_lists(kind, size, one, other):
    """Return the items of a stage, before its leaf is added."""
    if kind == "zip":
        return [fold(row) for row in zip(one, other, strict=False)]
    if kind == "zip_longest":
        return [fold(row) for row in itertools.zip_longest(one, other, fillvalue=7)]
    if kind == "scan":
        return list(itertools.accumulate(one, lambda state, item: fold((state, item))))
    if kind == "filter":
        return [item for item in one if item % 3]
    if kind == "take":
        return one[:size]
    if kind == "batch":
        return [fold(one[start : start + size]) for start in range(0, len(one), size)]
    if kind == "window":
        return [fold(one[start : start + size]) for start in range(len(one) - size + 1)]
    if kind == "map":
        return [item + 1 for item in one]
    odd = on_lists("filter", size, on_lists("scan", size, one, other), other)
    return on_lists("take", size, on_lists("zip", size, odd, on_lists("map", size, other, one)), other)


def on_streams(kind, size, one, other, work):
    """Return the cursor that gives the items of a stage."""
    if kind == "zip":
        return streams.map(fold, streams.zip(one, other))
    if kind == "zip_longest":
        return streams.map(fold, streams.zip_longest(one, other, fill=7))
    if kind == "scan":
        return streams.scan(lambda state, item: fold((state, item)), one)
    if kind == "filter":
        return streams.filter(lambda item: item % 3, one)
    if kind == "take":
        return streams.take(one, size)
    if kind == "batch":
        return streams.map(fold, streams.batch(one, size))
    if kind == "window":
        return streams.map(fold, streams.window(one, size))
    if kind == "map":
        return streams.map(work, one, concurrency=size)
    odd = on_streams("filter", size, on_streams("scan", size, one, other, work), other, work)
    return on_streams("take", size, on_streams("zip", size, odd, on_streams("map", size, other, one, work), work), other, work)


class Play:
    """One random program, and what is asked of it."""

    def __init__(self, seed):
        self.chance = chance = random.Random(seed)
        self.stages = [
            (
                chance.choice(KINDS),
                chance.randrange(1, 4),
                [chance.randrange(SOURCES + number) for _ in range(2)],
                chance.randrange(LEAVES),
                chance.randrange(6),
            )
            for number in range(STAGES)
        ]
        self.data = [[chance.randrange(10) for _ in range(chance.randrange(9))] for _ in range(SOURCES)]
        self.leaves = [chance.randrange(10) for _ in range(LEAVES)]
        self.program = self.build()

    async def pause(self):
        """Let others go on, now and then."""
        if self.chance.random() < 0.3:
            await anyio.lowlevel.checkpoint()

    def expect(self, leaves, data, which):
        """Return the items of a stage or source in plain Python."""
        if which < SOURCES:
            return list(data[which])
        kind, size, (one, other), leaf, position = self.stages[which - SOURCES]
        items = on_lists(kind, size, self.expect(leaves, data, one), self.expect(leaves, data, other))
        return [item + (leaves[leaf] if number >= position else 0) for number, item in enumerate(items)]

    def build(self):
        """Return the program as memoised functions."""

        @dug.source
        def leaf(number):
            return self.leaves[number]

        @dug.source(ahead=3)
        async def source(number):
            for item in tuple(self.data[number]):
                await self.pause()
                yield item

        @dug.memoize
        async def work(item):
            await self.pause()
            return item + 1

        @dug.memoize(ahead=3)
        async def stage(which):
            kind, size, (one, other), own, position = self.stages[which - SOURCES]
            number = 0
            async with on_streams(kind, size, open_stage(one), open_stage(other), work) as cursor:
                async for item in cursor:
                    await self.pause()
                    yield item + (leaf(own) if number >= position else 0)
                    number += 1

        @dug.memoize
        async def head(which, count):
            async with streams.take(open_stage(which), count) as cursor:
                return [item async for item in cursor]

        def open_stage(which):
            return source(which) if which < SOURCES else stage(which)

        return SimpleNamespace(leaf=leaf, source=source, head=head, open_stage=open_stage)

    async def ask(self, leaves, data):
        """Ask one thing and compare it with plain Python."""
        which, other = (self.chance.randrange(SOURCES + STAGES) for _ in range(2))
        expected, beside = self.expect(leaves, data, which), self.expect(leaves, data, other)
        opened: Any = self.program.open_stage(which), self.program.open_stage(other)
        asked = self.chance.choice(["list", "head", "merge", "latest", "cancel", "zip"])
        if asked == "list":
            assert await opened[0].list() == expected
        elif asked == "head":
            count = self.chance.randrange(5)
            assert await self.program.head(which, count) == expected[:count]
        elif asked == "merge":
            items = [item async for item in streams.merge(*opened)]
            assert sorted(items) == sorted(expected + beside)
        elif asked == "zip":
            async with streams.zip(*opened) as cursor:
                assert [row async for row in cursor] == list(zip(expected, beside, strict=False))
        elif asked == "latest":
            rows = [row async for row in streams.latest(*opened)]
            assert rows[-1:] == ([(expected[-1], beside[-1])] if expected and beside else [])
        else:
            with anyio.move_on_after(0):
                async with streams.merge(*opened, streams.map(self.program.head, streams.take(opened[0], 0))) as cursor:
                    async for _ in cursor:
                        await self.pause()

    async def ask_at_once(self, leaves, data):
        """Ask three things at the same time."""
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(self.ask, leaves, data)

    async def what_if(self, depth, leaves, data):
        """Ask in a context with tweaks, inside which there may be another."""
        leaves, data, tweaks = list(leaves), list(data), {}
        for _ in range(self.chance.randrange(3)):
            number, value = self.chance.randrange(LEAVES), self.chance.randrange(10)
            tweaks[self.program.leaf.node(number)] = leaves[number] = value
        if self.chance.random() < 0.2:
            number = self.chance.randrange(SOURCES)
            items = [self.chance.randrange(10) for _ in range(self.chance.randrange(6))]
            tweaks[self.program.source.node(number)] = data[number] = items
        with dug.Context(tweaks):
            await self.ask_at_once(leaves, data)
            if depth < 2 and self.chance.random() < 0.5:
                await self.what_if(depth + 1, leaves, data)
            await self.ask_at_once(leaves, data)

    def change(self, ctx):
        """Change the outside, and invalidate it."""
        if self.chance.random() < 0.5:
            number = self.chance.randrange(LEAVES)
            self.leaves[number] = self.chance.randrange(10)
            ctx.invalidate(self.program.leaf.node(number))
        else:
            number = self.chance.randrange(SOURCES)
            self.data[number] = [self.chance.randrange(10) for _ in range(self.chance.randrange(9))]
            ctx.invalidate(self.program.source.node(number))

    async def main(self):
        """Play the program."""
        with dug.Context() as ctx:
            for _ in range(4):
                await self.ask_at_once(self.leaves, self.data)
                await self.what_if(0, self.leaves, self.data)
                self.change(ctx)


@pytest.mark.parametrize("seed", range(25))
def test_random_programs_of_operators_agree_with_plain_python(seed, run):
    """What operators give, in any tree, context and order, is what plain Python gives."""
    run(Play(seed).main)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_random_programs_of_operators_agree_with_plain_python(part, run):
    """The same for 500 more programs."""
    for seed in range(1_000 + 50 * part, 1_050 + 50 * part):
        run(Play(seed).main)
