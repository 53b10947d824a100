"""P7: a node runs once per scenario however many tasks and threads ask for it, and no wait hangs.

Bodies wait at a `Gate` (tasks of one loop) or for a `Signal` (threads), so each test says who is where before it goes on.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import threading
import weakref
from types import SimpleNamespace

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from support.marks import pure_only
from support.script import (
    CANCELLED,
    Tasks,
    ask,
    cancel,
    play_tasks,
    play_threads,
    until,
    until_ended,
    until_waiting,
    wait_until_waiting,
)
from support.sync_points import BACKENDS, Gate, Signal, Worker, in_thread, run_on, settle

import dug
from dug._core.drive import DriverWait
from dug._core.steps import begin
from dug.testing import EventLog


@pytest.fixture
def _is_impatient(monkeypatch):
    """Make waiters on another loop or thread check often whether that is still there."""
    for module in ("_functions.loops._asyncio", "_functions.loops._trio", "_functions.sync_driver"):
        monkeypatch.setattr(f"dug.{module}.PATIENCE_S", 0.005)


@pytest.fixture
def gate():
    """A place where bodies wait."""
    return Gate()


@pytest.fixture
def slow(gate):
    """A memoised coroutine function that waits at the gate, and the list of its runs."""
    runs = []

    @dug.memoize
    async def slow(n=1):
        runs.append(n)
        await gate.wait()
        return n

    slow.runs = runs
    return slow


@pytest.fixture
def gated(gate):
    """``double`` waits at the gate, and then reads ``x``; ``runs`` has an entry for each of its runs."""
    runs = []

    @dug.memoize
    async def x():
        return 1

    @dug.memoize
    async def double():
        runs.append(1)
        await gate.wait()
        return 2 * await x()

    return SimpleNamespace(x=x, double=double, runs=runs)


def test_tasks_that_ask_at_the_same_time_share_one_run(play, slow, gate):
    """A hundred tasks that ask for a node get the value of one run."""
    ctx = dug.Context()
    with EventLog(ctx) as log:
        played = play(ctx, [ask(name, slow) for name in range(100)], gate.open)

    assert played.results == dict.fromkeys(range(100), 1)
    assert log.count(slow) == 1
    assert len(log.hits) == 99
    assert slow.runs == [1]


def test_tasks_of_a_gather_share_one_run(run_asyncio, slow, gate):
    """One gather of the same call gets the value of one run."""

    async def main():
        async def open_gate():
            await settle()
            gate.open()

        with dug.Context():
            assert await asyncio.gather(slow(), slow(n=1), slow.node(1)(), open_gate()) == [1, 1, 1, None]

    run_asyncio(main)
    assert slow.runs == [1]


def test_bodies_that_ask_at_the_same_time_share_one_run(play, slow, gate):
    """Two nodes that read the same one while it runs share the run, and both depend on it."""
    ctx = dug.Context()

    @dug.memoize
    async def reader(n):
        return n + await slow()

    played = play(ctx, [ask(n, reader, n) for n in range(3)], gate.open)
    tweaked = play(ctx, [ask(n, reader, n, tweaks={slow.node(): 10}) for n in range(3)])

    assert played.results == {0: 1, 1: 2, 2: 3}
    assert tweaked.results == {0: 10, 1: 11, 2: 12}
    assert ctx.memo(reader.node(2)).dependencies == (slow.node(),)
    assert slow.runs == [1]


def test_each_scenario_has_its_own_run(play, gated, gate):
    """Tasks that ask in two scenarios that differ in a dependency of the node get a run each."""
    values = {0: 5, 1: 6, 2: 5, 3: 6}
    asks = [ask(name, gated.double, tweaks={gated.x.node(): value}) for name, value in values.items()]
    played = play(dug.Context(), asks, gate.open)

    assert played.results == {0: 10, 1: 12, 2: 10, 3: 12}
    assert len(gated.runs) == 2


def test_a_scenario_waits_for_the_run_of_another_that_will_serve(play, gate):
    """An asker in a scenario that differs only in nodes not read last time waits for the run in flight."""
    ctx, runs = dug.Context(), []

    @dug.memoize
    async def y():
        return 10

    @dug.source
    async def feed():
        await gate.wait()
        return len(runs)

    @dug.memoize
    async def double():
        runs.append(1)
        return 2 * await feed()

    play(ctx, gate.open, ask("before", double))
    ctx.invalidate(feed)
    gate.close()
    played = play(ctx, ask("parent", double), ask("child", double, tweaks={y.node(): 5}), gate.open)

    assert played.results == {"parent": 2, "child": 2}
    assert gate.most == 1
    assert len(runs) == 1


def test_an_exception_reaches_every_waiter(play, gate):
    """All waiters of a failing run get its error, one of them the object itself, and the others one that says the same."""

    class OddError(Exception):
        def __init__(self, first, second):
            super().__init__(f"{first} {second}")

    error = OddError(1, 2)
    runs = []

    @dug.memoize
    async def broken():
        runs.append(1)
        await gate.wait()
        raise error

    played = play(dug.Context(), [ask(name, broken) for name in range(5)], gate.open)
    got = list(played.results.values())

    assert [(type(one), one.args) for one in got] == [(OddError, ("1 2",))] * 5
    assert (len(set(map(id, got))), error in got) == (5, True)
    assert len(runs) == 1


def test_an_exception_reaches_every_body_that_waits(play, gate):
    """Nodes of different calls that wait for a failing run get its error, and each its own failure."""
    error = ValueError("no")
    runs = []

    @dug.memoize
    async def broken():
        runs.append(1)
        await gate.wait()
        raise error

    @dug.memoize
    async def reader(n):
        try:
            return await broken()
        except ValueError as exc:
            return type(exc), exc.args

    played = play(dug.Context(), [ask(n, reader, n) for n in range(4)], gate.open)

    assert played.results == dict.fromkeys(range(4), (ValueError, ("no",)))
    assert len(runs) == 1


def test_a_failure_that_several_calls_shared_keeps_no_frames(play, gate):
    """Once the calls that shared a failing run are over, nothing keeps the objects in its frames, also when its starter left."""

    class Thing:
        pass

    ctx, things = dug.Context(), []

    @dug.memoize
    async def broken():
        thing = Thing()
        things.append(weakref.ref(thing))
        await gate.wait()
        raise ValueError(thing is None)

    @dug.memoize
    async def reader(n):
        return await broken()

    played = play(ctx, [ask(n, reader, n) for n in range(3)], cancel(0), gate.open)
    kinds = [type(played.results.pop(n)) for n in range(3)]
    gc.collect()

    assert kinds == [str, ValueError, ValueError]
    assert [thing() for thing in things] == [None]
    assert "no frame" not in ctx.memo(broken.node()).traceback


def test_cancelling_the_first_asker_does_not_cancel_the_others(play, slow, gate):
    """The run that a cancelled asker had started goes on for the others."""
    ctx = dug.Context()
    played = play(ctx, [ask(name, slow) for name in ("first", "second", "third")], cancel("first"), gate.open)

    assert next(iter(played.results)) == "first"
    assert played.results == {"first": CANCELLED, "second": 1, "third": 1}
    assert ctx[slow.node()] == 1
    assert slow.runs == [1]


def test_cancelling_a_joined_asker_does_not_cancel_the_others(play, slow, gate):
    """An asker that joined a run and is cancelled leaves it to its first asker."""
    played = play(dug.Context(), ask("first", slow), ask("second", slow), cancel("second"), gate.open)

    assert played.results == {"first": 1, "second": CANCELLED}
    assert slow.runs == [1]


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
def test_cancelling_the_last_asker_cancels_the_run(play, gate, order):
    """When all askers are gone the run is cancelled: its cleaning up is over before the last one goes on, and no memo is left."""
    ctx, events = dug.Context(), []

    @dug.memoize
    async def slow():
        events.append("begin")
        try:
            await gate.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await settle()
            events.append("cleaned up")
        return 1

    async def call(name):
        try:
            return await slow()
        finally:
            events.append(name)

    asks = [ask("first", call, "first"), ask("second", call, "second")]
    played = play(ctx, *asks, *map(cancel, order))
    is_filed = slow.node() in ctx
    again = play(ctx, gate.open, ask("again", slow))

    assert played.results == {"first": CANCELLED, "second": CANCELLED}
    assert not is_filed
    assert again.results == {"again": 1}
    assert events == ["begin", order[0], "cleaned up", order[1], "begin", "cleaned up"]


def test_cancelling_an_asker_cancels_what_only_that_needed(play, gate):
    """The runs that only a cancelled run asked for are cancelled along, and those that others want go on."""
    ctx, ended = dug.Context(), []

    @dug.memoize
    async def leaf(n):
        try:
            await gate.wait()
        finally:
            ended.append((n, gate.passed))
        return n

    @dug.memoize
    async def top():
        total = []

        async def add(n):
            total.append(await leaf(n))

        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(add, n)
        return sum(total)

    played = play(ctx, ask("top", top), ask("leaf", leaf, 1), cancel("top"), lambda: sorted(ended), gate.open)

    assert played.seen == [[(0, 0), (2, 0)]]
    assert played.results == {"top": CANCELLED, "leaf": 1}
    assert [node in ctx for node in (leaf.node(0), leaf.node(1), leaf.node(2), top.node())] == [False, True, False, False]


def test_an_asker_cancelled_before_the_run_began_leaves_nothing(play, slow, gate):
    """A run whose asker is cancelled before its task had a turn leaves no memo, and nobody waits for it."""
    ctx = dug.Context()
    played = play(ctx, [ask("first", slow), cancel("first")], lambda: slow.node() in ctx, gate.open, ask("second", slow))

    assert played.results == {"first": CANCELLED, "second": 1}
    assert played.seen == [False]


def test_a_task_cancelled_at_once_leaves_nothing(run_asyncio, slow, gate):
    """A task that is cancelled in the very turn in which it started a run leaves nothing that the next one would wait for."""

    async def main():
        with dug.Context():
            for turns in range(4):
                task = asyncio.create_task(slow())
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            gate.open()
            assert await slow() == 1

    run_asyncio(main)


async def ask_in_handler(node):
    """Return the value of a call that is made while an exception is handled: its run begins in a turn of its own."""
    try:
        return {}[node]
    except KeyError:
        return await node()


def test_a_run_that_a_stranger_cancelled_before_it_began_is_begun_anew(run_asyncio, slow, gate):
    """Code that knows nothing of a run may cancel its task; then nobody waits for it for ever."""

    async def main():
        with dug.Context():
            mine = asyncio.all_tasks()
            askers = [asyncio.create_task(ask_in_handler(slow)) for _ in range(3)]
            await asyncio.sleep(0)
            (driver,) = asyncio.all_tasks() - {*mine, *askers}
            driver.cancel()
            gate.open()
            return await asyncio.wait_for(asyncio.gather(*askers), 5)

    assert run_asyncio(main) == [1, 1, 1]
    assert slow.runs == [1]


def test_what_is_in_flight_when_the_loop_ends_cleans_up_once(run_asyncio):
    """When asyncio.run cancels the remaining tasks, a run is cancelled once, and its askers do not interrupt its cleanup."""
    cleaned = []

    @dug.memoize
    async def leaf(n):
        try:
            await asyncio.Event().wait()
        finally:
            await settle()
            cleaned.append(n)

    @dug.memoize
    async def reader(n):
        return await leaf(n)

    async def main():
        with dug.Context():
            tasks.extend(asyncio.create_task(reader(n)) for n in range(8))
            await settle()

    tasks = []
    run_asyncio(main)
    assert sorted(cleaned) == list(range(8))


@pytest.mark.usefixtures("_is_impatient")
def test_an_asker_cancelled_during_a_timeout_of_the_body(run_asyncio, gate):
    """A body that is cleaning up after a timeout of its own when its asker goes is cancelled once that is over."""
    steps = []

    @dug.memoize
    async def slow():
        try:
            async with asyncio.timeout(0):
                try:
                    await asyncio.Event().wait()
                finally:
                    steps.append("timeout")
                    await gate.wait()
        except TimeoutError:
            steps.append("goes on")
        await asyncio.Event().wait()

    async def main():
        with dug.Context():
            task = asyncio.create_task(slow())
            await settle()
            task.cancel()
            await settle()
            gate.open()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert steps == ["timeout", "goes on"]

    run_asyncio(main)


def test_who_asks_while_a_run_is_cancelled_gets_a_run_of_its_own(play, gate):
    """An asker that joins a run that is being cancelled gets a new one."""
    runs, cleaning = [], Gate()

    @dug.memoize
    async def slow():
        runs.append(1)
        try:
            await gate.wait()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await cleaning.wait()
            raise
        return len(runs)

    def count():
        return len(runs), cleaning.inside

    played = play(
        dug.Context(), ask("first", slow), cancel("first"), ask("second", slow), count, [gate.open, cleaning.open]
    )

    assert played.seen == [(1, 1)]
    assert played.results == {"first": CANCELLED, "second": 2}


def test_a_body_that_swallows_its_cancellation_is_not_remembered(play, gate):
    """A value that a body makes up when it is cancelled is not a value of its node."""
    ctx = dug.Context()

    @dug.memoize
    async def stubborn():
        try:
            await gate.wait()
        except BaseException:  # noqa: BLE001  what no body should do
            return "made up"
        return "right"

    play(ctx, ask("first", stubborn), cancel("first"))
    is_filed = stubborn.node() in ctx
    played = play(ctx, gate.open, ask("second", stubborn))

    assert not is_filed
    assert played.results == {"second": "right"}


def test_a_body_that_turns_its_cancellation_into_an_error_is_not_remembered(play, gate):
    """An error that a body makes of its cancellation does not reach the next asker."""

    @dug.memoize
    async def stubborn():
        try:
            await gate.wait()
        except BaseException as exc:
            raise ValueError("interrupted") from exc
        return "right"

    @dug.memoize
    async def reader():
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(stubborn)
                await settle()
                scope.cancel()
        gate.open()
        return await stubborn()

    played = play(dug.Context(), ask("reader", reader))

    assert played.results == {"reader": "right"}


def test_a_body_that_caught_a_timeout_is_not_remembered(play, slow, gate):
    """A value that depends on how long a node took goes to its asker, and is not filed."""
    ctx = dug.Context()

    @dug.memoize
    async def patient():
        with anyio.move_on_after(0):
            return await slow()
        return "late"

    @dug.memoize
    async def top():
        return await patient()

    late = play(ctx, ask("top", top))
    left = [node in ctx for node in (top.node(), patient.node(), slow.node())]
    again = play(ctx, gate.open, ask("slow", slow), ask("top", top))

    assert late.results == {"top": "late"}
    assert left == [False, False, False]
    assert again.results == {"slow": 1, "top": 1}


def test_what_a_body_made_of_a_timeout_goes_to_all_who_wait(play, slow):
    """Askers at the same time of a node that catches a timeout share one run, and none of them is remembered."""
    ctx, runs = dug.Context(), []

    @dug.memoize
    async def patient():
        runs.append("patient")
        with anyio.move_on_after(0):
            return await slow()
        return "late"

    @dug.memoize
    async def reader(number):
        return await patient()

    played = play(ctx, [ask(number, reader, number) for number in range(8)])

    assert played.results == dict.fromkeys(range(8), "late")
    assert runs == ["patient"]
    assert not any(node in ctx for node in [patient.node(), *map(reader.node, range(8))])


def test_a_failing_task_group_fails_for_all_who_wait(run_asyncio, slow):
    """The failure of a body whose task group cancelled its siblings reaches everybody who asks at the same time."""
    runs = []

    @dug.memoize
    async def fails():
        raise LookupError("nothing there")

    @dug.memoize
    async def both():
        runs.append("both")
        async with asyncio.TaskGroup() as group:
            group.create_task(slow())
            group.create_task(fails())

    async def main():
        with dug.Context():
            return await asyncio.gather(*[both() for _ in range(5)], return_exceptions=True)

    errors = run_asyncio(main)
    assert runs == ["both"]
    assert {type(error) for error in errors} == {ExceptionGroup}
    assert [error.exceptions[0].args for error in errors] == [("nothing there",)] * 5


@pytest.mark.parametrize("how", ["timeout", "wait_for"])
def test_the_timeouts_of_asyncio_leave_no_memo(run_asyncio, slow, gate, how):
    """The value of a body after asyncio.timeout or asyncio.wait_for ended its wait for a node is not filed."""

    @dug.memoize
    async def patient():
        try:
            if how == "wait_for":
                return await asyncio.wait_for(slow(), limit)
            async with asyncio.timeout(limit):
                return await slow()
        except TimeoutError:
            return "late"

    limit = 0.001

    async def main():
        nonlocal limit
        with dug.Context() as ctx:
            late = await patient()
            assert patient.node() not in ctx
            gate.open()
            limit = 20
            assert (late, await patient()) == ("late", 1)

    run_asyncio(main)


def test_a_timeout_around_what_is_there_already_does_not_matter(play, slow, gate):
    """A timeout that did not cancel a wait for a node leaves the memo."""
    ctx = dug.Context()

    @dug.memoize
    async def patient():
        with anyio.move_on_after(20):
            return await slow()

    played = play(ctx, gate.open, ask("patient", patient))

    assert played.results == {"patient": 1}
    assert patient.node() in ctx


def test_threads_that_ask_at_the_same_time_share_one_run():
    """Eight threads that call a node get the value of one run."""
    started, go = Signal(), Signal()
    runs = []

    @dug.memoize
    def slow():
        runs.append(1)
        started.set()
        go.wait_here()
        return 1

    others = [ask(n, slow) for n in range(1, 8)]
    played = play_threads(dug.Context(), ask(0, slow), until(started), others, until_waiting(slow.node(), 7), go.set)

    assert played.results == dict.fromkeys(range(8), 1)
    assert len(runs) == 1


def test_a_run_that_another_scenario_waited_for_goes_without_the_collector():
    """What a run holds goes with its memo, also where a thread of another scenario has watched what it read."""

    class Thing:
        pass

    started, go, things, ctx = Signal(), Signal(), [], dug.Context()

    @dug.memoize
    def x():
        return 1

    @dug.source
    def feed():
        if things:
            started.set()
            go.wait_here()
        thing = Thing()
        things.append(weakref.ref(thing))
        return thing

    play_threads(ctx, ask("before", feed))
    ctx.invalidate(feed)
    gc.collect()
    gc.disable()
    try:
        asked = ask("parent", feed), until(started), ask("child", feed, tweaks={x.node(): 5})
        played = play_threads(ctx, *asked, until_waiting(feed.node(), 1), go.set)
        del asked
        played.results.clear()
        ctx.clear()

        assert [thing() for thing in things] == [None, None]
    finally:
        gc.enable()


def test_an_exception_reaches_every_thread_that_waits():
    """Threads that wait for a failing run get its error, the one that runs it the object itself."""
    started, go = Signal(), Signal()
    error = ValueError("no")
    runs = []

    @dug.memoize
    def broken():
        runs.append(1)
        started.set()
        go.wait_here()
        raise error

    others = [ask(n, broken) for n in range(1, 4)]
    played = play_threads(dug.Context(), ask(0, broken), until(started), others, until_waiting(broken.node(), 3), go.set)
    got = [played.results[n] for n in range(4)]

    assert [one is error for one in got] == [True, False, False, False]
    assert [(type(one), one.args) for one in got] == [(ValueError, ("no",))] * 4
    assert len(runs) == 1


def test_threads_of_one_body_share_one_run(play):
    """Calls of a blocking node through to_thread at the same time are one run."""
    started, go = Signal(), Signal()
    runs = []

    @dug.memoize
    def slow():
        runs.append(1)
        started.set()
        go.wait_here()
        return 1

    first, *others = (ask(name, anyio.to_thread.run_sync, slow) for name in range(4))
    played = play(dug.Context(), first, until(started), others, until_waiting(slow.node(), 3), go.set)

    assert played.results == dict.fromkeys(range(4), 1)
    assert len(runs) == 1


def test_a_run_in_a_thread_is_not_cancelled(play):
    """A synchronous run whose asker is cancelled finishes and is filed."""
    ctx, started, go = dug.Context(), Signal(), Signal()
    call = functools.partial(anyio.to_thread.run_sync, abandon_on_cancel=True)

    @dug.memoize
    def slow():
        started.set()
        go.wait_here()
        return 1

    first = [ask("first", call, slow), until(started), cancel("first"), until_ended("first")]
    played = play(ctx, *first, ask("second", call, slow), until_waiting(slow.node(), 1), go.set)

    assert list(played.results.items()) == [("first", CANCELLED), ("second", 1)]
    assert ctx[slow.node()] == 1


PAIRS = [(first, second) for first in BACKENDS for second in BACKENDS]


class Shared:
    """A memoised coroutine function that two loops in two threads ask for in one context."""

    def __init__(self):
        self.ctx = dug.Context()
        self.started, self.go, self.cancelled = Signal(), Signal(), Signal()
        self.runs = []

        @dug.memoize
        async def slow():
            self.runs.append(threading.get_ident())
            self.started.set()
            try:
                await self.go.wait_there()
            except BaseException:
                self.cancelled.set()
                raise
            return len(self.runs)

        self.slow = slow

    async def ask(self):
        """Ask in the context."""
        with self.ctx:
            return await self.slow()

    def ask_on(self, backend):
        """Ask in a thread of its own."""
        return Worker(lambda: anyio.run(self.ask, backend=backend))

    def join_on(self, backend):
        """Ask in a thread of its own once the run has begun, and return when it waits for that."""
        self.started.wait_here()
        joiner = self.ask_on(backend)
        wait_until_waiting(self.ctx, self.slow.node(), 2)
        return joiner


@pytest.fixture
def shared():
    """A coroutine function for loops in several threads, new for each test."""
    return Shared()


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_askers_on_two_loops_share_one_run(shared, first, second):
    """An asker on another loop, in another thread, gets the value of the run in flight."""
    starter = shared.ask_on(first)
    joiner = shared.join_on(second)
    shared.go.set()

    assert (starter.result(), joiner.result()) == (1, 1)
    assert len(shared.runs) == 1


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_an_exception_reaches_the_other_loop(shared, first, second):
    """A waiter on another loop for a failing run gets its error; one of them the object itself."""
    error = ValueError("no")
    slow = shared.slow

    @dug.memoize
    async def broken():
        await slow()
        raise error

    shared.slow = broken
    starter = shared.ask_on(first)
    joiner = shared.join_on(second)
    shared.go.set()
    starter.end()
    joiner.end()

    assert [starter.error is error, joiner.error is error].count(True) == 1
    assert [(type(one.error), one.error.args) for one in (starter, joiner)] == [(ValueError, ("no",))] * 2


@pytest.mark.usefixtures("_is_impatient")
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_loop_that_ends_leaves_its_run_to_who_waits(shared, first, second):
    """When the loop that drives a run ends before it, a waiter on another loop starts the run again."""

    async def ask_and_leave():
        async with anyio.create_task_group() as group:
            group.start_soon(shared.ask)
            await shared.leave.wait_there()
            raise KeyError

    shared.leave = Signal()
    starter = Worker(lambda: anyio.run(ask_and_leave, backend=first))
    joiner = shared.join_on(second)
    shared.leave.set()
    starter.end()
    shared.go.set()

    assert isinstance(starter.error, BaseExceptionGroup)
    assert joiner.result() in {1, 2}


@pytest.mark.usefixtures("_is_impatient")
@pytest.mark.parametrize("how", ["close", "stop"])
@pytest.mark.parametrize("second", BACKENDS)
def test_a_loop_that_is_given_up_leaves_its_run_to_who_waits(shared, how, second):
    """When a loop is closed, or stopped for good, while it drives a run, a waiter on another loop starts the run again."""
    leave = Signal()
    loops = []

    def ask_and_leave():
        with shared.ctx:
            loop = loop_left_with(shared.slow())
            loops.append(loop)
            loop.run_until_complete(loop.run_in_executor(None, leave.wait_here))
        if how == "close":
            loop.close()

    starter = Worker(ask_and_leave)
    joiner = shared.join_on(second)
    leave.set()
    starter.end()
    shared.go.set()

    assert joiner.result() == 2
    assert len(shared.runs) == 2
    end(loops)


def loop_left_with(coroutine):
    """Return a new asyncio loop that has a task for the coroutine, and will not complain that it never ends."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    loop.create_task(coroutine)  # noqa: RUF006  it is left alone on purpose
    return loop


def end(loops):
    """Let tasks left on loops come to an end where they still can."""
    for loop in loops:
        if not loop.is_closed():
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.close()
    loops.clear()
    gc.collect()  # the rest of the tasks is closed here, and not in the middle of another test


@pytest.mark.usefixtures("_is_impatient")
@pytest.mark.parametrize("how", ["close", "stop"])
@pytest.mark.parametrize("second", BACKENDS)
def test_a_loop_that_is_given_up_leaves_its_run_to_the_next_in_its_thread(shared, how, second):
    """A run that a loop left behind is begun again by an asker on the next loop of the same thread."""
    loops = []

    def ask_on_one_and_then_on_another():
        with shared.ctx:
            loop = loop_left_with(shared.slow())
            loops.append(loop)
            loop.run_until_complete(loop.run_in_executor(None, shared.started.wait_here))
        if how == "close":
            loop.close()
        shared.go.set()
        return anyio.run(shared.ask, backend=second)

    assert Worker(ask_on_one_and_then_on_another).result() == 2
    assert len(shared.runs) == 2
    end(loops)


@pytest.mark.usefixtures("_is_impatient")
def test_a_loop_that_comes_back_does_not_file_what_was_begun_anew(shared):
    """A run that was given up and goes on gives its asker a value, and the memo of the new one is filed."""

    def ask_on_one_and_then_on_another():
        loop = asyncio.new_event_loop()
        task = loop.create_task(shared.ask())
        loop.run_until_complete(loop.run_in_executor(None, shared.started.wait_here))
        shared.go.set()
        values = [anyio.run(shared.ask), loop.run_until_complete(task), anyio.run(shared.ask)]
        loop.close()
        return values

    assert Worker(ask_on_one_and_then_on_another).result() == [2, 2, 2]
    assert len(shared.runs) == 2


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio has made the task by the time that its body waits")
def test_a_loop_that_refuses_the_task_of_a_body_that_waits_leaves_nothing_behind():
    """So it is when the run has begun without the loop: the body is closed."""
    ended = []

    @dug.memoize
    async def node():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def main():
        loop = asyncio.get_running_loop()

        def refuse(*args, **options):
            raise LookupError("no more tasks")

        with dug.Context() as ctx:
            loop.call_soon = refuse
            with pytest.raises(LookupError, match="no more tasks"):
                await node()
            del loop.call_soon
            assert (ended, node.node() in ctx, ctx.cache.find_home(node.node()._key).open_run) == ([True], False, None)

    run_on("asyncio", main)


def test_a_loop_that_refuses_the_task_leaves_nothing_behind():
    """When no task can be made for a run, the asker gets the error, and so does the next one."""

    @dug.memoize
    async def node():
        return 1

    async def main():
        loop = asyncio.get_running_loop()
        errors = []

        def refuse(*args, **options):
            raise LookupError("no more tasks")

        with dug.Context():
            loop.call_soon = refuse
            for _ in range(2):
                try:
                    await ask_in_handler(node)
                except LookupError as exc:
                    errors.append(str(exc))
            del loop.call_soon
            assert (errors, await node()) == (["no more tasks"] * 2, 1)

    run_on("asyncio", main)


def test_no_task_factory_is_asked_for_the_task_of_a_run():
    """Whatever makes the tasks of a loop, also one that begins them at once, a run begins in a task of its own, later."""

    @dug.memoize
    async def node():
        return asyncio.current_task().get_name()

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coroutine, **options: pytest.fail("asked"))
        with dug.Context():
            assert await node() == str(node.node()).partition("(")[0]
        loop.set_task_factory(None)

    run_on("asyncio", main)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_cancelling_the_starter_leaves_the_run_to_the_other_loop(shared, first, second):
    """A run goes on where it was started when only an asker on another loop is left."""
    leave, joined = Signal(), Signal()
    script = [ask("starter", shared.slow), until(leave), cancel("starter"), until_ended("starter"), shared.go.set]

    starter = Worker(play_tasks, first, shared.ctx, *script, until(joined))
    joiner = shared.join_on(second)
    leave.set()
    joiner.end()
    joined.set()

    assert starter.result().results == {"starter": CANCELLED}
    assert joiner.result() == 1
    assert len(shared.runs) == 1


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_cancelling_the_last_asker_from_another_loop_cancels_the_run(shared, first, second):
    """When the last asker is on another loop, its cancellation cancels the run where that is."""
    first_leaves, second_leaves, first_gone = Signal(), Signal(), Signal()

    def start_and_leave(backend, leave, *then):
        script = [ask("asker", shared.slow), until(leave), cancel("asker"), *then, until(shared.cancelled)]
        return Worker(play_tasks, backend, shared.ctx, *script)

    starter = start_and_leave(first, first_leaves, first_gone.set)
    shared.started.wait_here()
    joiner = start_and_leave(second, second_leaves)
    wait_until_waiting(shared.ctx, shared.slow.node(), 2)
    first_leaves.set()
    first_gone.wait_here()
    is_cancelled_early = shared.cancelled.is_set()
    second_leaves.set()

    assert [each.result().results for each in (starter, joiner)] == [{"asker": CANCELLED}] * 2
    assert not is_cancelled_early
    assert shared.slow.node() not in shared.ctx


def ring_in_threads(size):
    """Return what `size` threads get that each run a node which asks for the next one, once all are inside."""
    inside = threading.Barrier(size)
    met = set()

    @dug.memoize
    def ring(n):
        if n not in met:
            met.add(n)
            inside.wait(20)
        return ring((n + 1) % size)

    ctx = dug.Context()
    with ctx:
        workers = [Worker(ctx.run, ring, n) for n in range(size)]
        for worker in workers:
            worker.end()
    return ctx, ring, [worker.error for worker in workers]


@pytest.mark.parametrize("size", [2, 3, 8])
def test_a_circle_over_threads_is_an_error(size):
    """Threads that run nodes which ask for each other get a CycleError with the path, and none hangs."""
    ctx, ring, errors = ring_in_threads(size)

    assert {type(error) for error in errors} == {dug.CycleError}
    for error in errors:
        assert error.path[0] == error.path[-1]
        assert set(error.path) == {ring.node(n) for n in range(size)}
        assert len(error.path) == size + 1
    assert len(ctx.cache) == 0


def test_a_circle_that_a_thread_catches_ends_there():
    """A thread that catches the CycleError goes on, and the others get values; nothing of it is remembered."""
    inside = threading.Barrier(2)
    met = set()

    @dug.memoize
    def ring(n):
        if n not in met:
            met.add(n)
            inside.wait(20)
        try:
            return ring(1 - n)
        except dug.CycleError:
            return 0

    ctx = dug.Context()
    with ctx:
        workers = [Worker(ctx.run, ring, n) for n in range(2)]
        values = [worker.result() for worker in workers]

    assert values == [0, 0]
    assert len(ctx.cache) == 0


def test_a_wait_that_is_over_closes_no_circle(monkeypatch):
    """A thread may ask for a node that waited for its last run and has not woken up yet."""
    a_runs, b_waits, b_may_wake = Signal(), Signal(), Signal()
    end = DriverWait.end

    def end_late(wait):
        b_may_wake.wait_here()
        end(wait)

    monkeypatch.setattr(DriverWait, "end", end_late)

    @dug.memoize
    def a():
        a_runs.set()
        b_waits.wait_here()
        return 1

    @dug.memoize
    def b():
        return a() + 1

    first = [ask("first", lambda: (a(), b())), until(a_runs)]
    second = [ask("second", b), until_waiting(a.node(), 1), b_waits.set, until_waiting(b.node(), 1), b_may_wake.set]
    played = play_threads(dug.Context(), *first, *second)

    assert played.results == {"first": (1, 2), "second": 2}


@pytest.mark.parametrize("size", [2, 3, 8])
def test_a_circle_over_tasks_is_an_error(play, gate, size):
    """Tasks that run nodes which ask for each other get a CycleError with the path, and none hangs."""
    ctx = dug.Context()

    @dug.memoize
    async def ring(n):
        await gate.wait()
        return await ring((n + 1) % size)

    played = play(ctx, [ask(n, ring, n) for n in range(size)], gate.open)

    for error in played.results.values():
        assert error.path[0] == error.path[-1]
        assert set(error.path) == {ring.node(n) for n in range(size)}
    assert len(ctx.cache) == 0
    assert gate.most == size


def test_siblings_that_ask_each_other_are_a_circle(play, gate):
    """Two tasks of one body that ask for each other's node get a CycleError, and so does the body."""
    ctx = dug.Context()

    @dug.memoize
    async def left():
        await gate.wait()
        return await right()

    @dug.memoize
    async def right():
        await gate.wait()
        return await left()

    @dug.memoize
    async def top():
        errors = []

        async def call(function):
            try:
                await function()
            except dug.CycleError as exc:
                errors.append(exc)

        async with anyio.create_task_group() as group:
            group.start_soon(call, left)
            group.start_soon(call, right)
        return [set(error.path) for error in errors]

    played = play(ctx, ask("top", top), gate.open)

    assert played.results == {"top": [{left.node(), right.node()}] * 2}
    assert len(ctx.cache) == 0


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_circle_over_two_loops_is_an_error(first, second):
    """Nodes on two loops that ask for each other get a CycleError with the path, and none hangs."""
    inside = [Signal(), Signal()]

    @dug.memoize
    async def ring(n):
        if not inside[n].is_set():
            inside[n].set()
            await inside[1 - n].wait_there()
        return await ring(1 - n)

    ctx = dug.Context()

    async def ask(n):
        with ctx:
            return await ring(n)

    workers = [Worker(functools.partial(anyio.run, ask, n, backend=backend)) for n, backend in enumerate([first, second])]
    for worker in workers:
        worker.end()

    for worker in workers:
        assert isinstance(worker.error, dug.CycleError)
        assert set(worker.error.path) == {ring.node(0), ring.node(1)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_circle_over_a_task_and_a_thread_is_an_error(backend):
    """A task that waits for a thread which waits for the task's node is told, or the thread is; neither hangs."""
    inside = {"task": Signal(), "thread": Signal()}

    @dug.memoize
    async def task():
        inside["task"].set()
        await inside["thread"].wait_there()
        return await anyio.to_thread.run_sync(thread)

    @dug.memoize
    def thread():
        inside["thread"].set()
        inside["task"].wait_here()
        return anyio.run(task, backend=backend)

    ctx = dug.Context()

    async def ask():
        with ctx:
            return await task()

    workers = [Worker(lambda: anyio.run(ask, backend=backend)), Worker(ctx.run, thread)]
    for worker in workers:
        worker.end()

    for worker in workers:
        assert isinstance(worker.error, dug.CycleError)
        assert set(worker.error.path) == {task.node(), thread.node()}


def test_a_loop_that_would_block_for_its_own_task_is_told(play, gate):
    """A plain call on the loop that would wait for a thread which waits for that loop raises CycleError."""
    inside = Signal()

    @dug.memoize
    async def leaf():
        return 1

    @dug.memoize
    async def waiting():
        await gate.wait()
        return await leaf()

    @dug.memoize
    def blocked():
        inside.set()
        return anyio.from_thread.run(waiting)

    def call_on_the_loop():
        with pytest.raises(dug.CycleError) as caught:
            blocked()
        return caught.value

    thread = [ask("thread", anyio.to_thread.run_sync, blocked), until(inside), until_waiting(waiting.node(), 1)]
    played = play(dug.Context(), *thread, call_on_the_loop, gate.open)

    assert played.results == {"thread": 1}
    assert blocked.node() in played.seen[0].path


def test_a_tweak_during_a_run_is_for_who_asks_after_it(play, gated, gate):
    """A run in flight finishes for the scenario it began with; a later asker gets a run of the new one."""
    ctx, double, x = dug.Context(), gated.double, gated.x.node()
    played = play(ctx, ask("before", double), lambda: ctx.tweak(x, 5), ask("after", double), gate.open)
    tweaked = play(ctx, ask("again", double))
    untweaked = play(ctx, lambda: ctx.untweak(x), ask("again", double))

    assert played.results == {"before": 2, "after": 10}
    assert tweaked.results == {"again": 10}
    assert untweaked.results == {"again": 2}
    assert len(gated.runs) == 2


@pytest.fixture
def feeds(gate):
    """Two sources and a node that reads the first before the gate and the second after it."""

    class Feeds:
        values = {"first": 1, "second": 10, "other": 100}  # noqa: RUF012  each fixture makes a class
        runs = []  # noqa: RUF012

    @dug.source
    async def feed(name):
        return Feeds.values[name]

    @dug.memoize
    async def total():
        Feeds.runs.append(1)
        first = await feed("first")
        await gate.wait()
        return first + await feed("second")

    Feeds.feed, Feeds.total = staticmethod(feed), staticmethod(total)
    return Feeds


@pytest.mark.parametrize(("name", "after", "runs"), [("first", 12, 2), ("second", 21, 1), ("other", 11, 1)])
def test_a_run_is_filed_only_if_it_is_still_true(play, feeds, gate, *, name, after, runs):
    """A run that read a node which is invalidated during it is not filed; one that read it later, or not at all, is."""
    ctx = dug.Context()

    def change():
        feeds.values[name] *= 2
        ctx.invalidate(feeds.feed.node(name))

    in_flight = [ask("other", feeds.feed, "other"), ask("in flight", feeds.total), change, gate.open]
    played = play(ctx, *in_flight, ask("after", feeds.total))

    assert played.results["in flight"] == (21 if name == "second" else 11)
    assert played.results["after"] == after
    assert len(feeds.runs) == runs


def test_who_asks_after_an_invalidation_is_not_served_by_the_run_before_it(play, feeds, gate):
    """An asker that joins a run that read a node invalidated before they asked gets a new one."""
    ctx = dug.Context()

    def change():
        feeds.values["first"] = 2
        ctx.invalidate(feeds.feed)

    played = play(ctx, ask("before", feeds.total), change, ask("after", feeds.total), gate.open)

    assert played.results == {"before": 11, "after": 12}
    assert ctx[feeds.total.node()] == 12


def test_an_invalidation_of_the_node_itself_during_its_run(play, slow, gate):
    """A node that is invalidated while it runs is not filed, and the next asker runs it again."""
    ctx = dug.Context()
    before = play(ctx, ask("before", slow), lambda: ctx.invalidate(slow.node()), gate.open)
    is_filed = slow.node() in ctx
    after = play(ctx, ask("after", slow))

    assert before.results == {"before": 1}
    assert not is_filed
    assert after.results == {"after": 1}
    assert slow.runs == [1, 1]


def test_clearing_the_cache_during_a_run(play, slow, gate):
    """A run that is in flight when the cache is cleared gives its value, and later askers get it."""
    ctx = dug.Context()
    played = play(ctx, ask("before", slow), ctx.clear, ask("after", slow), gate.open, ask("later", slow))

    assert played.results == {"before": 1, "after": 1, "later": 1}


def test_a_context_that_is_left_while_tasks_run_in_it(run, gated, gate):
    """Tasks that were started in a context finish in it after it was left, and their results are there."""
    ctx, child = dug.Context(), dug.Context(tweaks={gated.x.node(): 5})

    async def main():
        async with anyio.create_task_group() as group:
            tasks = Tasks(group, ctx)
            with ctx:
                await tasks.make(ask("plain", gated.double))
                with child:
                    await tasks.make(ask("tweaked", gated.double))
                    await settle()
            gate.open()
        return tasks.played.results

    assert run(main) == {"plain": 2, "tweaked": 10}
    assert (ctx[gated.double.node()], child[gated.double.node()]) == (2, 10)


def test_a_context_that_is_dropped_while_tasks_run_in_it(run, gated, gate):
    """A run whose context nobody holds any more finishes with the right value, and leaves nothing in the cache around."""
    ctx = dug.Context()

    async def main():
        with ctx:
            async with anyio.create_task_group() as group:
                tasks = Tasks(group, ctx)
                with dug.Context(tweaks={gated.x.node(): 5}):
                    await tasks.make(ask("tweaked", gated.double))
                    await settle()
                gc.collect()
                gate.open()
            gc.collect()
            assert tasks.played.results == {"tweaked": 10}
            assert len(ctx.cache) == 0
            assert await gated.double() == 2

    run(main)


def test_nothing_is_left_of_a_run(play, slow, gate):
    """After a run, its waiters and the run itself are freed."""
    ctx, frames = dug.Context(), []

    @dug.memoize
    async def reader():
        frames.append(weakref.ref(dug._core.steps.frame.current.get()))
        return await slow()

    play(ctx, [ask(name, reader) for name in range(3)], gate.open)
    gc.collect()

    assert frames[0]() is None
    assert not ctx.cache.group.blocked
    assert all(home.open_runs == 0 and home.open_run is None for _, home in ctx.cache.list_homes())


@pure_only
def test_a_node_that_was_filed_since_the_lookup_does_not_run(monkeypatch):
    """What another thread files between a lookup and the run that it leads to is the answer, also if it cannot be verified."""
    ran = []
    begin_run = begin._prepare

    @dug.memoize
    def node():
        with dug.Context():
            ran.append(1)

    with dug.Context(cache=dug.Cache()) as ctx:

        def prepare(*args):
            run = begin_run(*args)
            monkeypatch.undo()
            in_thread(ctx.run, node)
            return run

        monkeypatch.setattr(begin, "_prepare", prepare)
        node()

    assert ran == [1]
