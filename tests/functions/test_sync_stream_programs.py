"""Random programs of synchronous streams against plain Python: streams of streams, what-ifs, caches, changes and threads."""

from __future__ import annotations

import itertools
import random
from contextvars import copy_context
from types import SimpleNamespace
from typing import Any

import pytest
from support.stream_programs import LEAVES, SOURCES, STAGES, draw_stages, expect, give
from support.sync_points import Worker

import dug

KINDS = ("map", "filter", "both", "chain", "nested", "first")


def build(stages, data, leaves):
    """Return the program as memoised functions."""

    @dug.source
    def leaf(number):
        return leaves[number]

    @dug.source
    def source(number):
        yield from tuple(data[number])

    @dug.memoize
    def total(which):
        return sum(open_stage(which))

    @dug.memoize
    def head(which, count):
        return tuple(itertools.islice(open_stage(which), count))

    @dug.memoize
    def stage(which):
        yield from give(stages[which - SOURCES], open_stage=open_stage, total=total, head=head, leaf=leaf)

    def open_stage(which):
        return source(which) if which < SOURCES else stage(which)

    return SimpleNamespace(leaf=leaf, source=source, total=total, head=head, open_stage=open_stage)


class Play:
    """One random program, and what is asked of it."""

    def __init__(self, seed, threads):
        self.seed, self.threads = seed, threads
        self.chance = chance = random.Random(seed)
        self.stages = draw_stages(chance, KINDS)
        self.data = [[chance.randrange(10) for _ in range(chance.randrange(7))] for _ in range(SOURCES)]
        self.leaves = [chance.randrange(10) for _ in range(LEAVES)] + [0] * (SOURCES + STAGES)
        self.program: Any = build(self.stages, self.data, self.leaves)

    def ask(self, chance, leaves, data):
        """Ask one thing and compare it with plain Python."""
        which, count = chance.randrange(SOURCES + STAGES), chance.randrange(5)
        expected = expect(self.stages, data, leaves, which)
        kind = chance.randrange(5)
        if kind == 0:
            assert self.program.total(which) == sum(expected)
        elif kind == 1:
            assert self.program.head(which, count) == tuple(expected[:count])
        elif kind == 2:
            assert self.program.open_stage(which).list() == expected
        elif kind == 3:
            other = chance.randrange(SOURCES + STAGES)
            pairs = list(zip(self.program.open_stage(which), self.program.open_stage(other), strict=False))
            assert pairs == list(zip(expected, expect(self.stages, data, leaves, other), strict=False))
        elif len(expected) > count:
            assert self.program.open_stage(which).seek(count) == expected[count]

    def ask_all(self, leaves, data):
        """Ask three things: one after the other, or each in a thread of its own."""
        chances = [random.Random(self.chance.random()) for _ in range(3)]
        if not self.threads:
            for chance in chances:
                self.ask(chance, leaves, data)
            return

        for worker in [Worker(copy_context().run, self.ask, chance, leaves, data) for chance in chances]:
            worker.result()

    def what_if(self, depth, leaves, data):
        """Ask in a context with tweaks, inside which there may be another."""
        leaves, data, tweaks = list(leaves), list(data), {}
        for _ in range(self.chance.randrange(3)):
            number, value = self.chance.randrange(LEAVES), self.chance.randrange(10)
            tweaks[self.program.leaf.node(number)] = leaves[number] = value
        if self.chance.random() < 0.2:
            number = self.chance.randrange(SOURCES)
            items = [self.chance.randrange(10) for _ in range(self.chance.randrange(5))]
            tweaks[self.program.source.node(number)] = data[number] = items
            leaves[LEAVES + number] = 0
        elif self.chance.random() < 0.5:
            which, shift = self.chance.randrange(SOURCES + STAGES), self.chance.randrange(1, 5)
            with dug.Context():
                tweaks[self.program.open_stage(which).node] = dug.shift(shift)
            leaves[LEAVES + which] += shift
        with dug.Context(tweaks, cache=dug.Cache() if self.chance.random() < 0.3 else None) as ctx:
            self.ask_all(leaves, data)
            if self.chance.random() < 0.4:
                number, value = self.chance.randrange(LEAVES), self.chance.randrange(10)
                ctx.tweak(self.program.leaf.node(number), value)
                leaves[number] = value
                self.ask_all(leaves, data)
            if depth < 2 and self.chance.random() < 0.5:
                self.what_if(depth + 1, leaves, data)
            self.ask_all(leaves, data)

    def change(self, ctx):
        """Change the outside, or only say so, and invalidate it."""
        if self.chance.random() < 0.5:
            number = self.chance.randrange(LEAVES)
            self.leaves[number] = self.chance.choice([self.leaves[number], self.chance.randrange(10)])
            ctx.invalidate(self.program.leaf.node(number))
        else:
            number = self.chance.randrange(SOURCES)
            items = self.data[number]
            what = self.chance.randrange(4)
            if what == 0 and items:
                items[self.chance.randrange(len(items))] = self.chance.randrange(10)
            elif what == 1:
                items.append(self.chance.randrange(10))
            elif what == 2 and items:
                items.pop()
            ctx.invalidate(self.program.source.node(number))

    def main(self):
        """Play the program, beside readers that are left open in the middle."""
        with dug.Context() as ctx:
            for _ in range(6):
                which = self.chance.randrange(SOURCES + STAGES)
                expected = expect(self.stages, self.data, self.leaves, which)
                with self.program.open_stage(which).open() as reader:
                    begun = list(itertools.islice(reader, 2))
                    self.ask_all(self.leaves, self.data)
                    self.what_if(0, self.leaves, self.data)
                    assert begun + list(reader) == expected
                self.change(ctx)


@pytest.mark.parametrize("seed", range(25))
def test_random_programs_of_synchronous_streams_agree_with_plain_python(seed):
    """What readers of synchronous streams get, in any context and order, is what plain Python gives."""
    Play(seed, threads=False).main()


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_read_in_threads_agree_with_plain_python(seed):
    """Readers in three threads at once get what plain Python gives, and none of them hangs."""
    Worker(Play(seed, threads=True).main).result()
