"""Two threads, and every place at which one of them can be interrupted by the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import combinations, count, product
from operator import call
from typing import Any

import pytest
from attrs import define, field, frozen
from hypothesis import settings
from support.flights import Flights
from support.interleave import explore

import dug
from dug._core.facts import events
from dug._core.facts.events import Subscription
from dug._core.facts.homes import Homes
from dug._core.facts.memo import Memo, NodeMemos
from dug._core.steps.frame import current
from dug._functions.any_reader import was_read_last


@frozen(eq=False)
class Change:
    """The change of one action: of a context's tweaks or, where it names none, of the outside."""

    ctx: dug.Context | None
    name: str
    value: int


@define(eq=False)
class World:
    """Four nodes, contexts that all share, the values of the outside and the changes in progress."""

    outside: list[int]
    functions: dict[str, Any]
    root: dug.Context
    kept: dug.Context
    other: dug.Context
    says: dict[dug.Context, dict[str, int]] = field(factory=dict)
    begun: list[Change] = field(factory=list)
    done: list[Change] = field(factory=list)

    def node(self, name: str) -> dug.Node:
        return self.functions[name].node()

    def make(self, **tweaks: int) -> dug.Context:
        """Return a context that says this."""
        ctx = dug.Context({self.node(name): value for name, value in tweaks.items()})
        self.says[ctx] = tweaks
        return ctx

    def ask(self, *contexts: dug.Context) -> None:
        """Ask for the top node inside these contexts, twice: it was that during the call, or since they were entered."""
        with ExitStack() as stack:
            done = tuple(self.done)
            for ctx in (self.root, *contexts):
                stack.enter_context(ctx)
            self.compare(self.functions["top"](), contexts, done)
            done = tuple(self.done)
            self.compare(self.functions["top"](), contexts, done)

    def compare(self, value: int, contexts: tuple[dug.Context, ...], done: tuple[Change, ...]) -> None:
        """Compare a value with the possible ones when these changes were done before the call began."""
        maybe = [change for change in self.begun if change not in done]
        if all(change.ctx for change in maybe):  # a call during which the outside changes may see some of it before, some after
            chosen = (some for size in range(len(maybe) + 1) for some in combinations(maybe, size))
            assert value in {self.expect(contexts, (*done, *some)) for some in chosen}

    def expect(self, contexts: tuple[dug.Context, ...], changes: tuple[Change, ...]) -> int:
        """Return the value of the top node after these changes."""
        held, said = 1, {}
        for ctx in (self.root, *contexts):
            said.update(self.says[ctx])
            said.update((change.name, change.value) for change in changes if change.ctx is ctx)
        for change in changes:
            held = change.value if change.ctx is None else held
        x, y = said.get("x", held), said.get("y", 2)
        return said.get("middle", x + y) * 10 + (x if y else 0)

    @contextmanager
    def changing(self, ctx: dug.Context | None, name: str, value: int) -> Iterator[None]:
        """Note a change."""
        change = Change(ctx, name, value)
        self.begun.append(change)
        yield
        self.done.append(change)

    def check(self) -> None:
        """When all is quiet, each scenario gives its right value, twice."""
        for _ in range(2):
            for contexts in ((), (self.kept,), (self.other,), (self.other, self.kept), (self.make(middle=1),)):
                self.ask(*contexts)


def make_world(*, is_warm: bool) -> tuple[World, dug.Cache]:
    """Return a new world."""
    outside = [1]

    @dug.memoize
    def x():
        return outside[0]

    @dug.memoize
    def y():
        return 2

    @dug.memoize
    def middle():
        return x() + y()

    @dug.memoize
    def top():
        return middle() * 10 + (x() if y() else 0)

    cache = dug.Cache()
    root, kept, other = dug.Context(cache=cache), dug.Context({y.node(): 3}), dug.Context({x.node(): 7})
    functions = {"x": x, "y": y, "middle": middle, "top": top}
    world = World(outside, functions, root, kept, other, {root: {}, kept: {"y": 3}, other: {"x": 7}})
    if is_warm:
        world.ask()
    else:
        root.run(int)
    return world, cache


def ask_root(world: World) -> None:
    """Ask in the outermost context."""
    world.ask()


def ask_kept(world: World) -> None:
    """Ask in a context that all threads share."""
    world.ask(world.kept)


def ask_kept_elsewhere(world: World) -> None:
    """Ask in that context, entered inside another one."""
    world.ask(world.other, world.kept)


def ask_new(world: World) -> None:
    """Ask in a new context."""
    world.ask(world.make(middle=4))


def invalidate(world: World) -> None:
    """Say that the outside has changed."""
    with world.changing(None, "x", 5):
        world.outside[0] = 5
        world.root.invalidate(world.node("x"))
    world.ask()


def tweak(world: World) -> None:
    """Tweak the outermost context."""
    with world.changing(world.root, "x", 6):
        world.root.tweak(world.node("x"), 6)
    world.ask()


def tweak_kept(world: World) -> None:
    """Tweak the shared one."""
    with world.changing(world.kept, "middle", 8):
        world.kept.tweak(world.node("middle"), 8)
    world.ask(world.kept)


def clear(world: World) -> None:
    """Empty the cache."""
    world.root.clear()
    world.ask()


EACH_PLACE = [(ask_root, tweak), (ask_kept, tweak_kept)]
"""Where the few places at which a context may be changed while it is entered must not be left out."""
ACTIONS = [ask_root, ask_kept, ask_kept_elsewhere, ask_new, invalidate, tweak, tweak_kept, clear]


@pytest.mark.slow
@pytest.mark.parametrize("is_warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize(("first", "second"), list(product(ACTIONS, ACTIONS)), ids=lambda action: action.__name__)
def test_one_action_interrupted_by_another(first: Callable[..., Any], second: Callable[..., Any], *, is_warm: bool) -> None:
    """Wherever one thread is stopped, the actions of another neither get nor leave a wrong value."""
    if first is second and first in (invalidate, tweak, tweak_kept):
        return  # they say the same
    stride = {"long": 1, "mutants": 2}.get(settings.get_current_profile_name(), 7)
    if (first, second) in EACH_PLACE:
        stride = 1
    for world in explore(lambda: make_world(is_warm=is_warm), first, second, stride=stride):
        world.check()


def test_a_tweak_is_let_go_while_another_thread_says_the_same() -> None:
    """It counts as gone, or as held by the other: never as gone although it is held, so that nothing reads it for good."""

    def set_up() -> tuple[tuple[World, list[dug.Context]], dug.Cache]:
        world, cache = make_world(is_warm=True)
        held = [world.make(x=4)]
        world.ask(held[0])
        world.says.clear()
        return (world, held), cache

    def let_go(made: tuple[World, list[dug.Context]]) -> None:
        made[1].pop(0)

    def say_the_same(made: tuple[World, list[dug.Context]]) -> None:
        world, held = made
        held.append(dug.Context({world.node("x"): 4}))
        world.root.run(held[-1].run, world.functions["top"])

    for world, held in explore(set_up, let_go, say_the_same, is_fine=True):
        cache = world.root.cache
        ctx = held.pop()
        with world.root:
            ctx.run(world.functions["top"])
            size = len(cache)
            assert ctx.run(world.functions["top"]) == 64
            assert world.node("top") in ctx
            assert len(cache) == size
        del ctx
        assert len(cache) == 4


@pytest.mark.slow
def test_memos_are_looked_through_while_another_thread_files_one() -> None:
    """A node beneath a tweak is looked for among all memos of the node, in the middle of which others may file theirs."""

    def set_up() -> tuple[World, dug.Cache]:
        world, cache = make_world(is_warm=True)
        for value in (2, 3):
            world.ask(world.make(x=value))
        return world, cache

    def bump(world: World) -> None:
        with world.root, world.make(x=4), dug.Context({world.node("middle"): dug.shift(1)}):
            assert world.functions["middle"]() == 7

    def ask(world: World) -> None:
        world.ask(world.make(x=5))

    for _ in explore(set_up, bump, ask):
        pass


def test_a_listener_that_fails_in_two_threads_is_removed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of the threads is told of it."""
    monkeypatch.setattr(events._logger, "disabled", True)

    def set_up() -> tuple[World, dug.Cache]:
        world, cache = make_world(is_warm=True)
        world.root._listeners.append(Subscription(lambda _: 1 / 0))
        return world, cache

    for world in explore(set_up, ask_root, ask_root, stride=2):
        assert world.root._listeners == []


@pytest.mark.slow
def test_a_cache_is_cleared_while_another_thread_asks_for_a_new_node() -> None:
    """The new node is known afterwards, or it is not; it is never filed where nobody finds it."""

    def ask_another(world: World) -> None:
        assert world.root.run(dug.memoize(lambda: 1)) == 1

    for world in explore(lambda: make_world(is_warm=True), clear, ask_another):
        cache = world.root.cache
        assert len(cache) == sum(1 for _, home in cache.list_homes() for _ in home.memos())


@pytest.mark.parametrize("is_put_first", [False, True], ids=["taken first", "put first"])
def test_homes_are_taken_out_while_another_thread_puts_one_in(*, is_put_first: bool) -> None:
    """Each home is in the table and alive, or neither; whoever put one in meanwhile is told to look again."""

    def put(world: tuple[Homes, list[NodeMemos]], function: str) -> None:
        homes, made = world
        while (home := homes.put((function,), NodeMemos((function,), None))) is None:
            pass
        made.append(home)

    def set_up() -> tuple[tuple[Homes, list[NodeMemos]], dug.Cache]:
        world = Homes(), list[NodeMemos]()
        for function in "fg":
            put(world, function)
        return world, dug.Cache()

    def take(world: tuple[Homes, list[NodeMemos]]) -> None:
        world[0].take_all()

    acts = [take, lambda world: put(world, "h")]
    for homes, made in explore(set_up, acts[is_put_first], acts[not is_put_first], is_fine=True):
        assert homes.list_all() == [home for home in made if home.alive]


def test_what_was_read_last_is_asked_while_another_thread_reads() -> None:
    """It is the one that was there, or it is no more; asking does not fail."""
    assert not was_read_last({}, None)
    old, new = (Memo(NodeMemos((name,), None), 1, 0) for name in "ab")

    def set_up() -> tuple[dict[Memo, None], dug.Cache]:
        return {old: None}, dug.Cache()

    for reads in explore(set_up, lambda reads: was_read_last(reads, old), lambda reads: reads.update({new: None}), is_fine=True):
        assert was_read_last(reads, new)
        assert not was_read_last(reads, old)


@pytest.mark.slow
@pytest.mark.parametrize("is_layered", [False, True], ids=["plain", "layered"])
@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["here", "elsewhere"])
def test_a_node_runs_once_wherever_its_asker_is_stopped(*, is_elsewhere: bool, is_layered: bool) -> None:
    """A memo filed by another thread since the lookup is found; from cold, another scenario runs nodes in flight here.

    So it is in a cache layered on another.
    """
    flights, ran = Flights(count()), []

    def body() -> int:
        ran.append((current.get(), next(flights.clock)))
        return 1

    def set_up() -> tuple[tuple[Any, dug.Context, dug.Context], dug.Cache]:
        f, other = dug.memoize(body), dug.memoize(lambda: 0)
        root, child = dug.Context(cache=dug.Cache()), dug.Context({other.node(): 1} if is_elsewhere else {})
        base = dug.Context().run if is_layered else call
        base(root.run, child.run, int)
        heard.enter_context(root.listen(bool, kinds="computed"))
        ran.clear()
        return (f, partial(base, root.run), child), root.cache

    def ask(made: Any) -> None:
        f, run, _ = made
        run(f)

    def ask_in_child(made: Any) -> None:
        f, run, child = made
        run(child.run, f)

    with ExitStack() as heard, flights.watched():
        for first, second in [(ask, ask_in_child), (ask_in_child, ask)]:
            for _ in explore(set_up, first, second):
                runs = sorted((flights.began_at(*one), flights.ended_at(*one)) for one in ran)
                if len(runs) > 1:
                    assert is_elsewhere
                    assert runs[1][0] < runs[0][1]


@pytest.mark.slow
def test_a_first_bit_is_given_to_two_threads_at_once() -> None:
    """Each of them may rely on the existing memos: all that depend on the node have the bit by then."""

    def get(world: World) -> None:
        cache = world.root.cache
        bit = cache.group.give_bit(world.node("x")._key)
        memos = [cache.find_home(world.node(name)._key).plain for name in ("x", "middle", "top")]
        assert all(memo.footprint & bit == bit for memo in memos)

    def get_with_another(world: World) -> None:
        world.root.cache.group.give_bits([world.node(name)._key for name in ("x", "middle")])
        get(world)

    for first, second in [(get, get), (get, get_with_another), (get_with_another, get), (get_with_another, get_with_another)]:
        for _ in explore(lambda: make_world(is_warm=True), first, second):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("change", [tweak, tweak_kept], ids=lambda action: action.__name__)
def test_a_context_is_changed_while_another_thread_enters_it(change: Callable[[World], None]) -> None:
    """Wherever the other is, its entry has the context's new tweaks as soon as the change is done."""
    for world in explore(lambda: make_world(is_warm=True), ask_kept, change):
        assert len(world.done) == 1


@pytest.mark.slow
@pytest.mark.parametrize("is_around", [True, False], ids=["around", "itself"])
@pytest.mark.parametrize("is_heard", [False, True], ids=["", "heard"])
def test_a_node_is_tweaked_while_another_thread_asks_for_it(*, is_around: bool, is_heard: bool) -> None:
    """Wherever the asker is, its run is filed where the node is not tweaked: the tweaked value is served afterwards."""

    def set_up() -> tuple[World, dug.Cache]:
        world, cache = make_world(is_warm=False)
        if is_heard:  # then nothing of it is compiled
            world.root._listeners.append(Subscription(lambda _: None))
        return world, cache

    def ask(world: World) -> None:
        with world.root, world.other:
            assert world.functions["y"]() in (2, 6)

    def say(world: World) -> None:
        (world.root if is_around else world.other).tweak(world.node("y"), 6)

    for world in explore(set_up, ask, say):
        with world.root, world.other:
            assert world.functions["y"]() == 6
