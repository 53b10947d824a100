"""Random programs of streams that fail now and then, of both kinds, against the same program without dug."""

from __future__ import annotations

import contextlib
import itertools
import random
from contextlib import aclosing
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from support.stream_programs import LEAVES, SOURCES, STAGES, draw_stages, give, give_late
from support.sync_points import BACKENDS, run_on

import dug

KINDS = ("map", "filter", "both", "chain", "nested", "first", "choose")
FAILS = 7
"""A leaf of this value raises."""


class Boom(ValueError):
    """The program's own error."""


def plain(function: Any) -> Any:
    """Decorate nothing."""
    return function


def build(memoize: Any, source: Any, stages: Any, data: Any, leaves: Any) -> SimpleNamespace:  # noqa: C901  a program in one place
    """Return the program, with functions decorated so or so; `leaves` and `data` may be changed later."""

    @source
    def leaf(number):
        if leaves[number] == FAILS:
            raise Boom(number)
        return leaves[number]

    @source
    def items(number):
        yield from tuple(data[number])

    @memoize
    def total(which):
        return sum(open_stage(which))

    @memoize
    def head(which, count):
        return tuple(itertools.islice(open_stage(which), count))

    @memoize
    def tries(which, other):
        return [outcome(open_one) for open_one in (lambda: head(which, 2), lambda: total(which), lambda: read(other))] * 2

    @memoize
    def stage(which):
        yield from give(stages[which - SOURCES], open_stage=open_stage, total=total, head=head, leaf=leaf)

    def open_stage(which):
        return items(which) if which < SOURCES else stage(which)

    def read(which):
        found = []
        try:
            for item in open_stage(which):
                found.append(item)  # noqa: PERF402  an error leaves what came before
        except Boom as exc:
            found.append(str(exc))
        return found

    return SimpleNamespace(leaf=leaf, items=items, total=total, head=head, tries=tries, open_stage=open_stage, read=read)


def build_late(stages: Any, data: Any, leaves: Any) -> SimpleNamespace:  # noqa: C901  a program in one place
    """Return the same program in coroutine functions and async generators."""

    @dug.source
    def leaf(number):
        if leaves[number] == FAILS:
            raise Boom(number)
        return leaves[number]

    @dug.source
    async def items(number):
        for item in tuple(data[number]):
            yield item

    @dug.memoize
    async def total(which):
        return sum([item async for item in open_stage(which)])

    @dug.memoize
    async def head(which, count):
        found = []
        async for item in open_stage(which):
            found.append(item)
            if len(found) == count:
                break
        return tuple(found)

    @dug.memoize
    async def tries(which, other):
        asked = (lambda: head(which, 2), lambda: total(which), lambda: read(other))
        return [await outcome_late(open_one) for open_one in asked * 2]

    @dug.memoize
    async def stage(which):
        own = {"open_stage": open_stage, "total": total, "head": head, "leaf": leaf}
        async with aclosing(give_late(stages[which - SOURCES], **own)) as given:
            async for item in given:
                yield item

    def open_stage(which):
        return items(which) if which < SOURCES else stage(which)

    async def read(which):
        found = []
        try:
            async for item in open_stage(which):
                found.append(item)  # noqa: PERF401  an error leaves what came before
        except Boom as exc:
            found.append(str(exc))
        return found

    return SimpleNamespace(leaf=leaf, items=items, total=total, head=head, tries=tries, open_stage=open_stage, read=read)


def outcome(call: Any) -> Any:
    """Return what a call gives, or the text of its error."""
    try:
        return call()
    except Boom as exc:
        return str(exc)


async def outcome_late(call: Any) -> Any:
    """Return what an awaited call gives, or the text of its error."""
    try:
        return await call()
    except Boom as exc:
        return str(exc)


class Play:
    """One random program, of async generators where it is late, and what is asked of it."""

    def __init__(self, seed, *, is_late):
        self.chance = chance = random.Random(seed)
        self.is_late = is_late
        self.stages = draw_stages(chance, KINDS)
        self.data = [[chance.randrange(10) for _ in range(chance.randrange(7))] for _ in range(SOURCES)]
        self.leaves = [chance.choice([1, 2, 3, FAILS]) for _ in range(LEAVES)]
        world = self.stages, self.data, self.leaves
        self.program = build_late(*world) if is_late else build(dug.memoize, dug.source, *world)

    async def ask(self, leaves, data):
        """Ask some things, within one outermost call and without; compare them with what the plain program gives."""
        without = build(plain, plain, self.stages, data, leaves)
        for _ in range(3):
            which, other = (self.chance.randrange(SOURCES + STAGES) for _ in range(2))
            questions = [("tries", (which, other)), ("read", (which,)), ("total", (which,)), ("head", (which, 3))]
            name, args = self.chance.choice(questions)
            expected = outcome(lambda name=name, args=args: getattr(without, name)(*args))
            asked = partial(getattr(self.program, name), *args)
            assert (await outcome_late(asked) if self.is_late else outcome(asked)) == expected

    async def what_if(self, depth, leaves, data):
        """Ask in a context with tweaks, inside which there may be another."""
        leaves, data, tweaks = list(leaves), list(data), {}
        for _ in range(self.chance.randrange(3)):
            number, value = self.chance.randrange(LEAVES), self.chance.choice([1, 2, 3])
            tweaks[self.program.leaf.node(number)] = leaves[number] = value
        if self.chance.random() < 0.2:
            number = self.chance.randrange(SOURCES)
            tweaks[self.program.items.node(number)] = data[number] = [self.chance.randrange(10) for _ in range(3)]
        with dug.Context(tweaks, cache=dug.Cache() if self.chance.random() < 0.2 else None):
            await self.ask(leaves, data)
            if depth < 2 and self.chance.random() < 0.5:
                await self.what_if(depth + 1, leaves, data)
            await self.ask(leaves, data)

    async def main(self):
        """Play the program; leaves begin to fail and recover."""
        with dug.Context() as ctx:
            for _ in range(5):
                await self.ask(self.leaves, self.data)
                await self.what_if(0, self.leaves, self.data)
                number = self.chance.randrange(LEAVES)
                self.leaves[number] = self.chance.choice([1, 2, FAILS])
                ctx.invalidate(self.program.leaf.node(number))


def play(seed: int) -> None:
    """Play a program of synchronous streams, for which nothing is awaited."""
    with contextlib.suppress(StopIteration):
        Play(seed, is_late=False).main().send(None)


@pytest.mark.parametrize("seed", range(40))
def test_streams_that_fail_in_one_scenario_only_agree_with_plain_python(seed):
    """Who reads a stream gets the items and the error that are those of the scenario in force, however often he reads it."""
    play(seed)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(20))
def test_async_streams_that_fail_in_one_scenario_only_agree_with_plain_python(seed, backend):
    """The same of async generators."""
    run_on(backend, Play(seed, is_late=True).main)


@pytest.mark.slow
def test_many_streams_that_fail_agree_with_plain_python():
    """The same in 600 more programs of synchronous streams, and 200 of async ones."""
    for seed in range(40, 640):
        play(seed)
    for seed in range(20, 220):
        run_on("asyncio", Play(seed, is_late=True).main)
