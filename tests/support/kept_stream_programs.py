"""Random programs of streams that several processes run on one store, beside plain Python.

A program is a list of stages, each of which reads sources, leaves and earlier stages. What the functions know of it lies in
attributes of functions, at which no fingerprint looks, so a program has a store of its own.
A *process* here is a context with nothing in memory on a store that was opened anew.
"""

from __future__ import annotations

import itertools
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import anyio
import anyio.lowlevel
from attrs import define, field

import dug
from dug.stores import Store

from .kept_report import Report
from .stream_programs import LEAVES, SOURCES, STAGES, draw_stages, expect, give, give_late

KINDS = ("map", "filter", "both", "chain", "nested", "first", "pairs", "choose", "boxes")


@define(eq=False)
class Program:
    """What the program of the moment is."""

    stages: list[Any] = field(factory=list)
    data: list[list[int]] = field(factory=list)
    leaves: list[int] = field(factory=list)
    ran: list[int] = field(factory=list)


NOW = Program()


def stage_of(which: int) -> Any:
    """Return what a stage does."""
    now = vars(stage_of)["state"]
    return now.stages[which - SOURCES]


def note(which: int) -> None:
    """Note that the body of a stage runs."""
    now = vars(note)["state"]
    now.ran.append(which)


def look_outside(number: int) -> Any:
    """Return the items of a source, or, below zero, a leaf."""
    state = vars(look_outside)["state"]
    return tuple(state.data[number]) if number >= 0 else state.leaves[-1 - number]


stage_of.state = note.state = look_outside.state = NOW  # type: ignore[attr-defined]


@dug.source
def leaf(number):
    """Return a number from outside."""
    return look_outside(-1 - number)


@dug.source
def source(number):
    """Give items from outside."""
    yield from look_outside(number)


@dug.source
async def late_source(number):
    """Give items from outside, on a loop."""
    for item in look_outside(number):
        await anyio.lowlevel.checkpoint()
        yield item


def items_of(which):
    """Return a stage or source."""
    return source(which) if which < SOURCES else stage(which)


def late_items_of(which):
    """Return a stage or source, on a loop."""
    return late_source(which) if which < SOURCES else late_stage(which)


@dug.memoize
def total(which):
    """Return the sum of all items."""
    return sum(items_of(which))


@dug.memoize
def head(which, count):
    """Return the first items."""
    return tuple(itertools.islice(items_of(which), count))


@dug.memoize
async def late_total(which):
    """Return the sum of all items."""
    return sum([item async for item in late_items_of(which)])


@dug.memoize
async def late_head(which, count):
    """Return the first items, with a look at a leaf after each."""
    found = []
    if count:
        async for item in late_items_of(which):
            found.append(item + 0 * leaf(len(found) % LEAVES))
            if len(found) == count:
                break
    return tuple(found)


@dug.memoize
def boxed(which):
    """Give each item in a list."""
    for item in items_of(which):
        yield [item]


@dug.memoize
async def late_boxed(which):
    """Give each item in a list, on a loop."""
    async for item in late_items_of(which):
        yield [item]


@dug.memoize
def stage(which):
    """Give the items of a stage."""
    note(which)
    yield from give(stage_of(which), open_stage=items_of, total=total, head=head, leaf=leaf, boxed=boxed)


@dug.memoize(ahead=3)
async def late_stage(which):
    """Give the items of a stage, on a loop."""
    note(which)
    own = {"total": late_total, "head": late_head, "leaf": leaf, "boxed": late_boxed}
    async with aclosing(give_late(stage_of(which), open_stage=late_items_of, **own)) as items:
        async for item in items:
            yield item


class Play:
    """One program, and what some processes ask of it."""

    def __init__(self, seed: int, folder: Path, report: Report) -> None:
        self.seed, self.folder, self.report = seed, folder, report
        self.chance = chance = Random(seed)
        self.definitions: Any = None
        NOW.stages = draw_stages(chance, KINDS, 6)
        NOW.data = [[chance.randrange(10) for _ in range(chance.randrange(7))] for _ in range(SOURCES)]
        NOW.leaves = [chance.randrange(10) for _ in range(LEAVES)] + [0] * (SOURCES + STAGES)

    async def main(self) -> None:
        """Have some processes play the program."""
        for number in range(self.chance.randrange(3, 6)):
            if number:
                self.change_outside()
            await self.process(self.play)
            if self.chance.random() < 0.4:
                await self.process(self.read_all)
                NOW.ran.clear()
                await self.process(self.read_all)
                self.report.needless.extend(f"seed {self.seed}: stage {which} ran" for which in NOW.ran)

    async def process(self, what: Any) -> None:
        """Begin with nothing in memory."""
        store = Store(self.folder, min_seconds=0, single_flight=None)
        store.definitions = self.definitions = self.definitions or store.definitions  # a fingerprint takes long
        try:
            with dug.Context(store=store) as ctx:
                await what(ctx)
                store.flush()
                self.report.hits += store.hits
        finally:
            store.close()

    def change_outside(self) -> None:
        """Change something outside, or nothing."""
        chance = self.chance
        for _ in range(chance.randrange(3)):
            items, what = chance.choice(NOW.data), chance.randrange(4)
            if what == 0 and items:
                items[chance.randrange(len(items))] = chance.randrange(10)
            elif what == 1:
                items.append(chance.randrange(10))
            elif what == 2 and items:
                items.pop()
            else:
                NOW.leaves[chance.randrange(LEAVES)] = chance.randrange(10)

    async def read_all(self, _: Any) -> None:
        """Read each stage to its end."""
        for which in range(SOURCES, SOURCES + STAGES):
            self.compare(await late_stage(which).list(), which, NOW.data, NOW.leaves, None)
            self.compare(stage(which).list(), which, NOW.data, NOW.leaves, None)

    async def play(self, ctx: Any) -> None:
        """Ask some things, in what-ifs too, and say that something outside has changed."""
        for _ in range(3):
            await self.ask(NOW.data, NOW.leaves)
            await self.what_if(0, NOW.data, NOW.leaves)
            if self.chance.random() < 0.5:
                self.change_outside()
                for number in range(LEAVES):
                    ctx.invalidate(leaf.node(number))
                for number in range(SOURCES):
                    ctx.invalidate(source.node(number))
                    ctx.invalidate(late_source.node(number))

    async def what_if(self, depth: int, data: list[Any], leaves: list[int]) -> None:
        """Ask in a context with tweaks, inside which there may be another."""
        chance, data, leaves, tweaks = self.chance, list(data), list(leaves), dict[Any, Any]()
        for _ in range(chance.randrange(3)):
            number = chance.randrange(LEAVES)
            tweaks[leaf.node(number)] = leaves[number] = chance.randrange(10)
        if chance.random() < 0.2:
            number = chance.randrange(SOURCES)
            data[number] = [chance.randrange(10) for _ in range(chance.randrange(5))]
            tweaks[source.node(number)] = tweaks[late_source.node(number)] = data[number]
            leaves[LEAVES + number] = 0
        elif chance.random() < 0.4:
            which, shift = chance.randrange(SOURCES + STAGES), chance.randrange(1, 5)
            tweaks[(source if which < SOURCES else stage).node(which)] = dug.shift(shift)
            tweaks[(late_source if which < SOURCES else late_stage).node(which)] = dug.shift(shift)
            leaves[LEAVES + which] += shift
        with dug.Context(tweaks):
            await self.ask(data, leaves)
            if depth < 2 and chance.random() < 0.5:
                await self.what_if(depth + 1, data, leaves)
            await self.ask(data, leaves)

    async def ask(self, data: list[Any], leaves: list[int]) -> None:
        """Ask one thing of the streams without a loop, and some of those on a loop, at the same time."""
        self.ask_here(data, leaves)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(self.ask_late, data, leaves)

    def ask_here(self, data: list[Any], leaves: list[int]) -> None:
        """Ask one thing of a synchronous stream."""
        which, count, kind = self.draw()
        if kind == 0:
            self.compare(total(which), which, data, leaves, "total")
        elif kind == 1:
            self.compare(head(which, count), which, data, leaves, count)
        elif kind == 2:
            self.compare(tuple(itertools.islice(items_of(which), count)), which, data, leaves, count)
        else:
            self.compare(items_of(which).list(), which, data, leaves, None)

    async def ask_late(self, data: list[Any], leaves: list[int]) -> None:
        """Ask one thing of a stream on a loop."""
        which, count, kind = self.draw()
        if kind == 0:
            self.compare(await late_total(which), which, data, leaves, "total")
        elif kind == 1:
            self.compare(await late_head(which, count), which, data, leaves, count)
        elif kind == 2:
            found = list[Any]()
            async with late_items_of(which).open() as reader:
                while len(found) < count and (item := await anext(reader, None)) is not None:
                    found.append(item)
            self.compare(tuple(found), which, data, leaves, count)
        else:
            self.compare(await late_items_of(which).list(), which, data, leaves, None)

    def draw(self) -> tuple[int, int, int]:
        """Return a stage or source, a number of items, and a kind of question."""
        return self.chance.randrange(SOURCES + STAGES), self.chance.randrange(5), self.chance.randrange(5)

    def compare(self, given: Any, which: int, data: list[Any], leaves: list[int], what: Any) -> None:
        """Compare an answer with plain Python's."""
        items = expect(NOW.stages, data, leaves, which)
        right: Any = items if what is None else sum(items) if what == "total" else tuple(items[:what])
        self.report.asked += 1
        if given != right:
            self.report.wrong.append(f"seed {self.seed}: {what} of {which} gave {given}, and is {right}")
