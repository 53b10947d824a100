"""Threads that share contexts: the answers to each, and the changes that none of them may make to the others.

Where two threads must meet at one point, an event or a patch of the engine brings them there; nothing depends on time.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import ExitStack, suppress
from contextvars import copy_context
from typing import Any

import pytest
from stress_threads import stress
from support.marks import pure_only
from support.sync_points import Signal, Worker, in_thread

import dug
from dug._core.state import walks
from dug._core.state.cache import Cache
from dug._core.steps import begin, finish


def group_of(ctx: dug.Context) -> Any:
    """Return the holder of the lock of a context."""
    cache: Cache = ctx.cache
    return cache.group


# The ways in which a context reaches a thread.


def test_run_makes_a_context_the_one_in_force_in_its_thread():
    """A thread has no context of its own; `Context.run` gives it one, for as long as the call lasts."""
    f = dug.memoize(lambda: 1)
    with dug.Context() as ctx, dug.Context({f.node(): 2}) as child:
        assert in_thread(ctx.run, f) == 1
        assert in_thread(lambda: ctx.run(child.run, f)) == 2
        with pytest.raises(dug.NoContextError):
            in_thread(f)


def test_a_copied_context_carries_what_is_in_force():
    """What `contextvars` copies is all that is in force, with the frame that collects reads."""
    x = dug.memoize(lambda: 1)

    @dug.memoize
    def f():
        return in_thread(copy_context().run, x)

    with dug.Context() as ctx, dug.Context({x.node(): 2}) as child:
        assert in_thread(copy_context().run, f) == 2
        assert child.memo(f.node()).dependencies == (x.node(),)
    assert ctx.run(f) == 1


def test_other_threads_see_which_context_is_active():
    """An activated context is that of all threads, at once, and so is its end."""
    f = dug.memoize(lambda: 1)
    ctx = dug.Context({f.node(): 2})
    ctx.activate()
    try:
        assert in_thread(f) == 2
        in_thread(ctx.tweak, f.node(), 3)
        assert f() == 3
    finally:
        in_thread(ctx.deactivate)

    with pytest.raises(dug.NoContextError):
        f()


@pytest.mark.slow
def test_many_threads_share_a_warm_base():
    """Thousands of calls from eight threads, in scenarios, while the outside changes: none wrong, nothing run twice."""
    counts = stress(calls=24_000, threads=8, seed=1, changes=12)

    assert counts["calls"] == 24_000
    assert counts["changes"] > 0
    assert counts["wrong"] == counts["errors"] == counts["doubles"] == 0


# Forgetting.


@pure_only
def test_a_memo_found_while_it_is_being_forgotten_is_not_kept_at_hand(monkeypatch):
    """An asker that finds a memo in the middle of an invalidation, and goes on when it is over, leaves nothing behind."""
    outside = [1]
    key = dug.memoize(lambda: 0)
    f = dug.memoize(lambda: outside[0] * (key() > 0))
    root, child, other = dug.Context(), dug.Context({key.node(): 1}), dug.Context({key.node(): 2})
    for ctx in (child, other):  # what the child finds is not at hand any more
        assert root.run(ctx.run, f) == 1
    home = root.cache.find_home(f.node()._key)
    found, over = Signal(), Signal()
    touch_roots, serve = walks.Walk.touch_roots, begin.serve
    asker: list[Worker] = []

    def serve_later(*args, **options):
        found.set()
        over.wait_here()
        return serve(*args, **options)

    def ask_first(walk):
        monkeypatch.setattr(begin, "serve", serve_later)
        asker.append(Worker(lambda: root.run(child.run, f)))
        found.wait_here()
        touch_roots(walk)

    outside[0] = 2
    with root, child:
        with monkeypatch.context() as patch:
            patch.setattr(walks.Walk, "touch_roots", ask_first)
            in_thread(root.invalidate, f.node())
        over.set()
        asker[0].result()

        assert home.here is None
        assert f() == 2
        assert root.run(child.run, f) == 2
        assert root.run(other.run, f) == 2


def test_what_reads_a_forgotten_memo_all_the_same_is_not_filed():
    """A memo that a call still found at hand cannot spread: a run's memo computed from it is gone with the run."""
    outside = [1]
    f = dug.memoize(lambda: outside[0])
    g = dug.memoize(lambda: f() * 10)
    reader = dug.memoize(lambda: f() + 0)
    with dug.Context() as ctx:
        reader()
        home = ctx.cache.find_home(f.node()._key)
        left_behind, open_footprint = home.plain, home.plain.open_footprint
        outside[0] = 2
        ctx.invalidate(f.node())
        assert home.plain is None
        home.plain, left_behind.open_footprint = left_behind, open_footprint
        assert g() == 10
        home.plain = None

        assert g() == 20


def test_what_caught_a_failure_that_another_call_tried_again_is_not_filed():
    """The old failure misses a first tweak that came in between, so the node that caught it runs again."""
    caught, go = Signal(), Signal()

    @dug.memoize
    def f():
        raise LookupError("no feed")

    @dug.memoize
    def g():
        try:
            value = f()
        except LookupError:
            value = 0
        caught.set()
        go.wait_here()
        return value

    ctx, child = dug.Context(), dug.Context({f.node(): 7})
    asker = Worker(lambda: ctx.run(g))
    caught.wait_here()
    with ctx:
        with pytest.raises(LookupError, match="no feed"):
            f()
        with child:
            pass
        go.set()
        asker.result()

        assert g.node() not in ctx
        assert g() == 0
        with child:
            assert g() == 7


def test_what_is_filed_while_a_first_bit_is_given_has_it(monkeypatch):
    """A run that ends while its function is first tweaked is not served where it is tweaked."""
    running, go = Signal(), Signal()
    follow = walks.Walk.follow

    @dug.memoize
    def f():
        running.set()
        go.wait_here()
        return 1

    def follow_slowly(self):
        follow(self)
        go.set()
        asker.join(0.1)  # it cannot end: the lock is held here

    ctx, child = dug.Context(), dug.Context({f: lambda: 2})
    asker = Worker(lambda: ctx.run(f))
    running.wait_here()
    monkeypatch.setattr(walks.Walk, "follow", follow_slowly)
    with ctx, child:
        asker.result()

        assert f() == 2


# Contexts that are left while tasks started inside go on.


def make_left_early(*, start_inside, depth=1):
    """Return a node that leaves contexts while another node, which it started inside, is still to make its reads."""
    go = Signal()

    @dug.memoize
    def x():
        return 1

    @dug.memoize
    def other():
        return 0

    @dug.memoize
    def slow():
        go.wait_here()
        return x() + other()

    @dug.memoize
    def top():
        go.clear()
        with ExitStack() as stack:
            for number in range(depth):
                stack.enter_context(dug.Context({other.node(): number}))
            later = start_inside(slow)
        go.set()
        return later()

    return x, top


def in_carried_thread(function):
    """Call a function in a thread that the context is carried to, and return how to get its value."""
    return Worker(copy_context().run, function).result


@pytest.mark.parametrize("depth", [1, 3])
def test_what_is_read_after_a_context_was_left_belongs_to_the_run(depth):
    """A run depends on the reads of a thread of its own under a context that the run has left."""
    x, top = make_left_early(start_inside=in_carried_thread, depth=depth)
    with dug.Context() as ctx:
        assert top() == depth
        with dug.Context({x.node(): 2}):
            assert top() == 1 + depth
        ctx.invalidate(x.node())

        assert top.node() not in ctx


def test_what_a_task_reads_after_a_context_was_left_belongs_to_the_run():
    """So it is with tasks."""

    @dug.memoize
    async def x():
        return 1

    @dug.memoize
    async def slow():
        await asyncio.sleep(0)
        return await x()

    @dug.memoize
    async def top():
        with dug.Context({x.node(): 2}), dug.Context({x.node(): dug.UNTWEAKED}):
            task = asyncio.ensure_future(slow())
            await asyncio.sleep(0)
        return await task

    async def main():
        with dug.Context() as ctx:
            assert await top() == 1
            ctx.invalidate(x.node())
            assert top.node() not in ctx

    asyncio.run(main())


# Contexts that are tweaked while tasks started inside go on.


@pytest.mark.parametrize("depth", [1, 3])
def test_what_is_read_after_a_context_was_tweaked_was_asked_for_before(depth):
    """A call of a thread of a run sees no tweak that its contexts get in between, so the run does depend on it."""
    go = Signal()
    x, y = dug.memoize(lambda: 1), dug.memoize(lambda: 1)

    @dug.memoize
    def slow():
        asked.set()
        go.wait_here()
        return 10 * x() + y()

    @dug.memoize
    def top():
        asked.clear()
        go.clear()
        with ExitStack() as stack:
            outermost = stack.enter_context(dug.Context({x.node(): 2}))
            for _ in range(depth - 1):
                stack.enter_context(dug.Context())
            later = in_carried_thread(slow)
            asked.wait_here()
            outermost.tweak(y.node(), 7)
            go.set()
            return later()

    asked = Signal()
    with dug.Context() as ctx:
        assert top() == 21
        with dug.Context({y.node(): 5}):
            assert top() == 25
        ctx.invalidate(y.node())

        assert top.node() not in ctx


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_task_reads_after_a_context_was_tweaked_was_asked_for_before(fails):
    """So it is with tasks, and with failures."""
    y = dug.memoize(lambda: 1)

    @dug.memoize
    async def slow():
        await asyncio.sleep(0)
        if fails and y() == 1:
            raise ValueError
        return y()

    @dug.memoize
    async def top():
        with dug.Context() as inner:
            task = asyncio.ensure_future(slow())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            inner.tweak(y.node(), 7)
            with suppress(ValueError):
                return await task

    async def main():
        with dug.Context():
            assert await top() == (None if fails else 1)
            with dug.Context({y.node(): 5}):
                assert await top() == 5

    asyncio.run(main())


def test_a_thread_that_outlives_the_run_whose_context_it_is_in_is_warned():
    """It adds nothing to the filed memo, and both nodes are named."""
    go, told = Signal(), []
    x = dug.memoize(lambda: 1)

    def late():
        go.wait_here()
        with pytest.warns(RuntimeWarning, match="outlives") as warned:
            x()
        told.extend(str(one.message) for one in warned)

    @dug.memoize
    def top():
        with dug.Context({x.node(): 2}):
            threads.append(Worker(copy_context().run, late))
        return 1

    threads: list[Worker] = []
    with dug.Context() as ctx:
        top()
        go.set()
        threads[0].result()

        assert len(told) == 1
        assert ctx.memo(top.node()).dependencies == ()


# Waiting.


def test_a_run_that_no_loop_drives_is_not_waited_for():
    """Where a coroutine cannot be driven, as outside of every loop, nothing is left in flight for others to join."""

    @dug.memoize
    async def f():
        return 1

    with dug.Context() as ctx:
        with pytest.raises(RuntimeError, match="no running event loop"):
            f().send(None)
        assert asyncio.run(asyncio.wait_for(f(), 5)) == 1
        assert not ctx.cache.find_home(f.node()._key).open_runs


@pure_only
def test_a_run_that_is_interrupted_when_it_is_done_still_wakes_who_waits(monkeypatch):
    """An interrupt between the end of a run and its wakeups is not a reason to wait for ever."""
    running, joined = Signal(), Signal()
    ran: list[int] = []

    @dug.memoize
    def f():
        ran.append(1)
        running.set()
        joined.wait_here()
        return 1

    def interrupt(run, came):
        monkeypatch.setattr(finish, "wake_waiters", wake_waiters)
        raise KeyboardInterrupt

    wake_waiters = finish.wake_waiters
    told: list[Any] = []
    root = dug.Context()

    def first():
        try:
            told.append(root.run(f))
        except KeyboardInterrupt:
            told.append("interrupted")

    monkeypatch.setattr(finish, "wake_waiters", interrupt)
    asker = Worker(first)
    running.wait_here()
    waiter = Worker(lambda: told.append(root.run(f)))
    while not group_of(root).blocked:
        pass
    joined.set()
    asker.result(), waiter.result()

    assert sorted(map(str, told)) == ["1", "interrupted"]


# No lock is held while user code runs.


class Watched:
    """Notes whether a lock was held whenever code of a user's ran."""

    def __init__(self) -> None:
        self.ctx = dug.Context()
        self.ctx.run(int)
        self.lock = group_of(self.ctx).lock
        self.places: list[str] = []
        self.held: list[str] = []

    def look(self, place: str) -> None:
        self.places.append(place)
        if self.lock._is_owned():
            self.held.append(place)

    def thing(self, place: str) -> Thing:
        return Thing(self, place)


class Thing:
    """A value that looks when it is finalized."""

    def __init__(self, watched: Watched, place: str) -> None:
        self.watched, self.place = watched, place

    def __del__(self) -> None:
        self.watched.look(self.place)


@pytest.fixture(name="watched")
def _watched():
    """Only objects that are freed by themselves, not by a garbage collection, which may come at any time."""
    gc.collect()
    gc.disable()
    yield Watched()
    gc.enable()


def test_no_lock_is_held_while_user_code_runs(watched):
    """Not in bodies, `eq=`, `key=`, bumps, replacements and listeners."""
    look = watched.look

    def equal(old, new):
        look("eq")
        return old == new

    def key(value):
        look("key")
        return tuple(value)

    def bump(value, size):
        look("bump")
        return value + size

    outside = [1]

    @dug.source(eq=equal)
    def x():
        look("body")
        return list(outside)

    @dug.memoize(key={"weights": key})
    def f(weights):
        look("body")
        return sum(x()) + sum(weights)

    @dug.memoize
    def g():
        return f([1, 2])

    def replacement(weights):
        look("replacement")
        return 5

    with watched.ctx as ctx, ctx.listen(lambda event: look(event.kind)):
        g()
        with dug.Context({f.node([1, 2]): dug.bump(bump, 1)}):
            g()
        with dug.Context({f: replacement}):
            g()
        ctx.invalidate(x)
        g()
        ctx.tweak(x.node(), [4])
        g()

    assert {"body", "eq", "key", "bump", "replacement", "computed", "invalidated", "tweaked"} <= set(watched.places)
    assert watched.held == []


def test_no_lock_is_held_while_values_are_finalized(watched):
    """Whatever it is that lets go of them."""
    thing = watched.thing

    @dug.memoize
    def forgotten():
        return thing("invalidated")

    @dug.memoize
    def reader():
        forgotten()
        return thing("computed anew")

    @dug.memoize
    def tweaked():
        return 1

    @dug.memoize
    def read_tweak():
        tweaked()
        return thing("dropped with its tweak")

    @dug.memoize
    def fails():
        raise ValueError(thing("tried again"))

    @dug.memoize
    def opens():
        with dug.Context({tweaked.node(): thing("value of a tweak inside")}):
            read_tweak()
        return 1

    with watched.ctx as ctx:
        for _ in range(3):
            reader()
            ctx.invalidate(forgotten.node())
        reader()
        ctx.run(opens)
        for number in range(3):
            dug.Context({tweaked.node(): number}).run(read_tweak)
            len(ctx.cache)
        for _ in range(3):
            with pytest.raises(ValueError):  # noqa: PT011  its type is all there is to it
                fails()
        ctx.invalidate(reader)
        read_tweak()
        ctx.clear()
        scoped = dug.Context(cache=dug.Cache())
        scoped.run(dug.memoize(lambda: thing("dropped with its cache")))
        del scoped
        reader()

    expected = ["invalidated", "computed anew", "dropped with its tweak", "tried again", "value of a tweak inside"]
    assert {*expected, "dropped with its cache"} <= set(watched.places)
    assert watched.held == []


@pure_only
def test_what_is_due_at_the_next_run_may_be_done_by_another_thread():
    """Wherever a thread is about to do what is due at the next run of a function, another one may have done it."""
    f = dug.memoize(lambda: 1)
    function = f.node()._function
    for place in range(1, 8):
        due, lines = [], []
        function.call_at_next_run(due.append)

        def stop(frame, event, arg):
            if frame.f_code.co_name == "what_runs":
                lines.append(event)  # noqa: B023
                if len(lines) == place:  # noqa: B023
                    function.disarm()
            return stop

        with dug.Context():
            sys.settrace(stop)
            try:
                assert f() == 1
            finally:
                sys.settrace(None)
        function.disarm()
        assert lines
        assert due in ([], [function])


@pytest.mark.parametrize(
    "act",
    [
        lambda ctx, node: ctx.tweak(node, dug.bump(len, 1)) or ctx.tweak({node: 1, 5: 2}),
        lambda ctx, _: dug.Context(cache=ctx.cache).__enter__(),
        lambda ctx, _: ctx.invalidate(5),
    ],
    ids=["tweak", "enter", "invalidate"],
)
def test_an_error_frees_no_lock_that_is_held_around(act):
    """A finalizer may run where the engine holds its lock; an error that it meets leaves the lock to the engine."""

    @dug.memoize
    def number():
        return 1

    ctx, beneath = dug.Context(cache=dug.Cache()), dug.Context(cache=dug.Cache())
    ctx.run(number)
    with beneath, ctx.cache.group.lock:
        with pytest.raises((dug.DugError, TypeError, LookupError)):
            act(ctx, number.node())
        assert ctx.cache.group.lock._is_owned()
    assert ctx.run(number) == 1


@pure_only
def test_who_met_a_run_in_flight_looks_again_before_it_runs(monkeypatch):
    """A node that is in flight in another scenario is filed by another thread just before its run is entered: no run begins."""
    runs, root, prepare = [], dug.Context(), begin._prepare

    @dug.source
    def level():
        return 1

    @dug.memoize
    def node():
        runs.append(level())
        if runs == [1]:
            monkeypatch.setattr(begin, "_prepare", ask_first)
            with dug.Context({level.node(): 2}):
                return node()
        return level()

    def ask_first(*args):
        monkeypatch.setattr(begin, "_prepare", prepare)
        assert in_thread(root.run, dug.Context({level.node(): 2}).run, node) == 2
        return prepare(*args)

    reused = []
    with root.listen(reused.append, kinds=("reused",)), root:
        level()
        assert node() == 2

    assert runs == [1, 2]
    assert reused == []
