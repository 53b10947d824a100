"""Arguments whose own hash lets others in: wherever it is called, nothing wrong is given or left behind, and nothing runs twice.

It is called in the middle of both verbs, also of the compiled ones, where a thread cannot be stopped otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from threading import Thread
from typing import Any

import pytest
from attrs import define, field

import dug
from dug._core.facts.events import Subscription


@define(eq=False)
class Meddler:
    """An argument that acts, in another thread, when it is hashed for the n-th time from now; it is equal to nothing else.

    It waits for the end of that, or until that waits for a run in turn. It does nothing while the group is locked.
    """

    group: Any = None
    act: Callable[[], object] = int
    left: int = 0
    thread: Thread | None = None

    def __hash__(self) -> int:
        self.left -= 1
        if self.left == 0 and not self.group.lock._is_owned():
            self.thread = Thread(target=self.act, daemon=True)
            self.thread.start()
            last = time.monotonic() + 20
            while self.thread.is_alive() and not self.group.blocked:
                assert time.monotonic() < last, "a thread hangs"
                time.sleep(0)
        return 1


@define(eq=False, slots=False)
class World:
    """A node of one argument, the source and the shift that it reads; each has a tweaked sister, and so bits of its own."""

    is_heard: bool
    argument: Meddler = field(factory=Meddler)
    outside: int = 1
    runs: list[Any] = field(factory=list)
    root: dug.Context = field(factory=lambda: dug.Context(cache=dug.Cache()))
    child: dug.Context = field(factory=dug.Context)

    def __attrs_post_init__(self) -> None:
        source = self.source = dug.memoize(lambda _: self.outside)
        shift = self.shift = dug.memoize(lambda _: 0)
        f = self.f = dug.memoize(lambda argument: source(argument) * 10 + shift(argument))
        if self.is_heard:  # then nothing of it is compiled
            self.root._listeners.append(Subscription(lambda _: None))
        sisters = [function.node(Meddler()) for function in (f, source, shift)]
        with self.root, dug.Context(dict.fromkeys(sisters, 0)), self.child:
            pass

    def ask(self) -> Any:
        """Return the value of the node in the child."""
        with self.root, self.child:
            return self.f(self.argument)


def cold(world: World) -> None:
    """Leave it to the child."""


def tweaked_before(world: World) -> None:
    """Let the nodes have bits already, as giving a first one counts as filing."""
    nodes = [function.node(world.argument) for function in (world.f, world.source, world.shift)]
    with world.root, dug.Context(dict.fromkeys(nodes, 0)):
        pass


def warm(world: World) -> None:
    """Compute the node in the root."""
    world.root.run(world.f, world.argument)


def known_under_tweaks(world: World) -> None:
    """Compute the node in the child and in another scenario after it, so that only the second memo is at hand."""
    world.child.tweak(world.shift.node(world.argument), 0)
    world.ask()
    with world.root, dug.Context({world.shift.node(world.argument): 5}):
        assert world.f(world.argument) == 15


def stale(world: World) -> None:
    """Let it be verified."""
    warm(world)
    world.root.invalidate(world.source.node(world.argument))


LEAST = {warm: 1, known_under_tweaks: 1}
"""In how many places an argument is hashed at least, if not in five: one look finds what is known."""


def invalidate(world: World) -> None:
    """Say that the outside has changed."""
    world.outside = 2
    world.root.invalidate(world.source.node(world.argument))


def clear(world: World) -> None:
    """Empty the cache after the outside has changed."""
    world.outside = 2
    world.root.clear()


def tweak(world: World) -> None:
    """Tweak a dependency of the node."""
    world.root.tweak(world.source.node(world.argument), 2)


def tweak_child(world: World) -> None:
    """Tweak the node itself."""
    world.child.tweak(world.f.node(world.argument), 20)


def every_place(
    prepare: Callable[[World], None], act: Callable[[World], None], *, is_heard: bool, least: int
) -> Iterator[tuple[World, Any]]:
    """Yield a world, and the value of its node while something was done at one place; for each place that there is."""
    for place in count(1):
        world = World(is_heard)
        prepare(world)
        argument = world.argument
        argument.group, argument.act, argument.left = world.root.cache.group, lambda world=world: act(world), place
        value = world.ask()
        if argument.left > 0:
            assert place > least
            return
        if argument.thread is not None:
            argument.thread.join(20)
            assert not argument.thread.is_alive(), "a thread hangs"
            yield world, value


on_both = pytest.mark.parametrize("is_heard", [False, True], ids=["", "heard"])
STATES = (cold, tweaked_before, warm, known_under_tweaks, stale)
in_each_state = pytest.mark.parametrize("prepare", STATES, ids=lambda prepare: prepare.__name__)


@on_both
@in_each_state
@pytest.mark.parametrize("act", [invalidate, clear, tweak, tweak_child], ids=lambda act: act.__name__)
def test_things_change_while_an_argument_is_hashed(
    prepare: Callable[[World], None], act: Callable[[World], None], *, is_heard: bool
) -> None:
    """An asker in between gets the old value or the new one; a later asker, the new one."""
    for world, value in every_place(prepare, act, is_heard=is_heard, least=LEAST.get(prepare, 5)):
        assert value in (10, 20)
        assert world.ask() == 20
        assert world.root.run(world.f, world.argument) == (10 if act is tweak_child else 20)


@on_both
@in_each_state
def test_another_thread_asks_while_an_argument_is_hashed(prepare: Callable[[World], None], *, is_heard: bool) -> None:
    """A memo filed in between is found, a run in flight is waited for: no node is run, or verified, twice."""
    with ExitStack() as heard:

        def listen(world: World) -> None:
            prepare(world)
            world.runs.clear()
            heard.enter_context(world.root.listen(world.runs.append, kinds=("computed", "reused")))

        for world, value in every_place(listen, World.ask, is_heard=is_heard, least=LEAST.get(prepare, 5)):
            assert value == 10
            nodes = [event.node for event in world.runs]
            assert len(nodes) == len(set(nodes))
