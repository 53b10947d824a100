"""Random programs of streams against plain Python: streams of streams, tweaks, caches, invalidations, askers at once.

Rough ones have ``keep=`` as well, and askers in other threads; nodes are tweaked in place and invalidated while others read.
"""

from __future__ import annotations

import random
from contextlib import aclosing, suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
import sniffio
from support.stream_programs import LEAVES, SOURCES, STAGES, draw_stages, expect, give_late

import dug

KINDS = ("map", "filter", "both", "chain", "nested")


def build(stages, data, leaves, pause, keeps=(None, None)):  # noqa: C901  a program in one place
    """Return the program as memoised functions; `keeps` has the ``keep=`` of sources and of stages."""

    @dug.source
    def leaf(number):
        return leaves[number]

    @dug.source(keep=keeps[0])
    async def source(number):
        for item in tuple(data[number]):
            await pause()
            yield item

    @dug.memoize
    async def total(which):
        return sum([item async for item in open_stage(which)])

    @dug.memoize
    async def head(which, count):
        found = []
        if count:
            async for item in open_stage(which):
                found.append(item)
                if len(found) == count:
                    break
        return tuple(found)

    @dug.memoize(ahead=3, keep=keeps[1])
    async def stage(which):
        own = {"total": total, "head": head, "leaf": leaf, "pause": pause}
        async with aclosing(give_late(stages[which - SOURCES], open_stage=open_stage, **own)) as items:
            async for item in items:
                yield item

    def open_stage(which):
        return source(which) if which < SOURCES else stage(which)

    return SimpleNamespace(leaf=leaf, source=source, total=total, head=head, open_stage=open_stage)


class Play:
    """One random program, and what is asked of it."""

    def __init__(self, seed):
        self.chance = chance = random.Random(seed)
        self.stages = draw_stages(chance, KINDS)
        self.contexts: list[Any] = []
        """Those of the what-ifs that are open."""
        self.data = [[chance.randrange(10) for _ in range(chance.randrange(7))] for _ in range(SOURCES)]
        self.leaves = [chance.randrange(10) for _ in range(LEAVES)] + [0] * (SOURCES + STAGES)
        self.program: Any = build(self.stages, self.data, self.leaves, self.pause)

    async def pause(self):
        """Let others go on, now and then."""
        if self.chance.random() < 0.3:
            await anyio.lowlevel.checkpoint()

    async def ask(self, leaves, data):
        """Ask one thing and compare it with plain Python."""
        which, count = self.chance.randrange(SOURCES + STAGES), self.chance.randrange(5)
        await self.compare(which, count, self.chance.randrange(5), [expect(self.stages, data, leaves, which)])

    async def compare(self, which, count, kind, known):
        """Ask one thing and compare it with what plain Python gives, where one of several things may be."""
        if kind == 0:
            assert await self.program.total(which) in map(sum, known)
        elif kind == 1:
            assert await self.program.head(which, count) in [tuple(items[:count]) for items in known]
        elif kind == 2:
            assert await self.program.open_stage(which).list() in known
        elif kind == 3:
            with anyio.move_on_after(0) if self.chance.random() < 0.3 else anyio.CancelScope():
                await self.program.total(which)
        elif all(len(items) > count for items in known):
            assert await self.program.open_stage(which).seek(count) in [items[count] for items in known]

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
            items = [self.chance.randrange(10) for _ in range(self.chance.randrange(5))]
            tweaks[self.program.source.node(number)] = data[number] = items
        with dug.Context(tweaks, cache=dug.Cache() if self.chance.random() < 0.3 else None) as ctx:
            self.contexts.append(ctx)
            await self.ask_at_once(leaves, data)
            if self.chance.random() < 0.4:
                number, value = self.chance.randrange(LEAVES), self.chance.randrange(10)
                ctx.tweak(self.program.leaf.node(number), value)
                leaves[number] = value
                await self.ask_at_once(leaves, data)
            if depth < 2 and self.chance.random() < 0.5:
                await self.what_if(depth + 1, leaves, data)
            await self.ask_at_once(leaves, data)
            self.contexts.pop()

    def change(self, ctx):
        """Change the outside, or only say so, and invalidate it."""
        if self.chance.random() < 0.5:
            number = self.chance.randrange(LEAVES)
            self.leaves[number] = self.chance.randrange(10) if self.chance.random() < 0.7 else self.leaves[number]
            ctx.invalidate(self.program.leaf.node(number))
        else:
            number = self.chance.randrange(SOURCES)
            items = self.data[number]
            if self.chance.random() < 0.3 and items:
                items[self.chance.randrange(len(items))] = self.chance.randrange(10)
            elif self.chance.random() < 0.3:
                items.append(self.chance.randrange(10))
            elif items and self.chance.random() < 0.3:
                items.pop()
            ctx.invalidate(self.program.source.node(number))

    async def main(self):
        """Play the program."""
        with dug.Context() as ctx:
            for _ in range(6):
                await self.ask_at_once(self.leaves, self.data)
                await self.what_if(0, self.leaves, self.data)
                self.change(ctx)


@pytest.mark.parametrize("seed", range(25))
def test_random_stream_programs_agree_with_plain_python(seed, run):
    """What readers of streams get, in any context and order, is what plain Python gives."""
    run(Play(seed).main)


@pytest.mark.slow
def test_many_random_stream_programs_agree_with_plain_python(run):
    """What readers of streams get is what plain Python gives, in 200 more programs."""
    for seed in range(25, 225):
        run(Play(seed).main)


class RoughPlay(Play):
    """A random program with bounds, in several threads, in which nodes change while others read."""

    def __init__(self, seed):
        super().__init__(seed)
        keeps = [self.chance.choice([None, None, None, None, 2]), self.chance.choice([None, 1, 2, 4])]
        self.program = build(self.stages, self.data, self.leaves, self.pause, keeps)
        self.refusals = (dug.CycleError, dug.DroppedError) if any(keeps) else ()

    async def ask(self, leaves, data):
        """Ask one thing, in this thread or another one, maybe while a node is tweaked in place or invalidated."""
        worlds = [leaves, self.later or leaves]
        which, count = self.chance.randrange(SOURCES + STAGES), self.chance.randrange(5)
        known = [expect(self.stages, data, world, which) for world in worlds]
        asked = which, count, self.chance.randrange(5), known
        if self.chance.random() < 0.1:
            await anyio.to_thread.run_sync(partial(anyio.run, self.try_to, *asked, backend=sniffio.current_async_library()))
        else:
            await self.try_to(*asked)

    async def try_to(self, *asked):
        """Ask one thing; ``keep=`` may refuse it."""
        for _ in range(self.chance.randrange(6)):
            await anyio.lowlevel.checkpoint()
        with suppress(self.refusals):
            await self.compare(*asked)

    async def disturb(self, number, value):
        """Invalidate something that has not changed, and tweak a node of the innermost context in place."""
        for _ in range(self.chance.randrange(20)):
            await anyio.lowlevel.checkpoint()
        target = self.program.leaf if self.chance.random() < 0.5 else self.program.source
        self.contexts[-1].invalidate(target.node(self.chance.randrange(2)))
        for _ in range(self.chance.randrange(20)):
            await anyio.lowlevel.checkpoint()
        if self.later is not None:
            self.contexts[-1].tweak(self.program.leaf.node(number), value)

    later: list[int] | None = None

    async def ask_at_once(self, leaves, data):
        """Ask three things at the same time, mostly while something is changed."""
        number, value = self.chance.randrange(LEAVES), self.chance.randrange(10)
        if self.contexts and self.chance.random() < 0.5:
            self.later = [*leaves[:number], value, *leaves[number + 1 :]]
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(self.ask, leaves, data)
            if self.contexts:
                group.start_soon(self.disturb, number, value)
        if self.later is not None:
            leaves[:], self.later = self.later, None


@pytest.mark.parametrize("seed", range(10))
def test_rough_stream_programs_agree_with_plain_python(seed, run):
    """With ``keep=``, in several threads, and while nodes change, a reader gets what plain Python gives before or after it."""
    run(RoughPlay(seed).main)


@pytest.mark.slow
def test_many_rough_stream_programs_agree_with_plain_python(run):
    """A reader gets what plain Python gives before or after a change, in 50 more rough programs."""
    for seed in range(10, 60):
        run(RoughPlay(seed).main)
