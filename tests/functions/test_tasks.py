"""Runs that begin while their asker runs: whether a body waits or not, it has a task of its own from its first line on.

Tests with `begins` hold where a run begins at once and where it begins in a turn of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import threading
import traceback
import weakref

import anyio
import pytest
from support.sync_points import run_on, settle

import dug
from dug._functions.loops import _asyncio
from dug._functions.loops._asyncio import RUNS_A_TURN


@pytest.fixture(params=["now", "later"])
def begins(request, monkeypatch):
    """Let the runs of the test begin at once, as far as they do, or none."""
    if request.param == "later":
        monkeypatch.setattr(_asyncio, "_may_begin_now", lambda: False)


def play(main):
    """Return what a coroutine function returns, called on asyncio in a context."""

    async def inside():
        with dug.Context():
            return await main()

    return run_on("asyncio", inside)


async def wait_not():
    """Wait for nothing."""


async def wait_a_turn():
    """Let the loop go round once."""
    await asyncio.sleep(0)


async def wait_for_a_future():
    """Wait for what is done in the next turn."""
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future


async def wait_long():
    """Wait for what takes some turns."""
    await settle()


async def until_noted(noted):
    """Let the loop go round until something is in a list, and not once more."""
    while not noted:  # noqa: ASYNC110  an event would take another turn
        await asyncio.sleep(0)


WAITS = [wait_not, wait_a_turn, wait_for_a_future, wait_long]


def test_a_body_that_waits_for_nothing_takes_no_turn_of_the_loop():
    """It ends before its asker goes on, and nothing else runs in between."""

    @dug.memoize
    async def leaf(n):
        return n

    @dug.memoize
    async def above(n):
        return await leaf(n) + await leaf(n + 1)

    async def main():
        others = []
        asyncio.get_running_loop().call_soon(others.append, 1)
        return await above(1), list(others), len(asyncio.all_tasks())

    assert play(main) == (3, [], 1)


def test_runs_without_a_wait_leave_room_for_other_tasks():
    """Of many runs that wait for nothing, one begins in a turn of its own now and then, so that time limits are kept."""

    @dug.memoize
    async def leaf(n):
        return n

    async def main():
        turns = []

        async def others():
            while True:
                turns.append(len(turns))
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        for n in range(10 * RUNS_A_TURN):
            await leaf(n)
        task.cancel()
        return len(turns)

    assert 9 <= play(main) <= 30


def test_a_body_that_loops_over_runs_leaves_room_for_other_tasks():
    """So it is inside of a body that has not waited yet."""

    @dug.memoize
    async def leaf(n):
        return n

    @dug.memoize
    async def above():
        for n in range(10**9):
            await leaf(n)

    async def main():
        try:
            async with asyncio.timeout(0.01):
                await above()
        except TimeoutError:
            return True

    assert play(main)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_body_has_one_task_to_its_end(wait):
    """The current task of a body is its own, the same before and after a wait, known to asyncio and named after the function."""

    @dug.memoize
    async def node():
        seen = [asyncio.current_task()]
        seen[0].get_name()
        await wait()
        seen.append(asyncio.current_task())
        return seen, seen[0].get_name(), seen[0] in asyncio.all_tasks()

    async def main():
        mine = asyncio.current_task()
        (first, second), name, is_known = await node()
        return first is second, first is mine, asyncio.current_task() is mine, "node" in name, is_known

    assert play(main) == (True, False, True, True, True)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_task_that_a_body_keeps_ends_with_it(wait):
    """Who has the task of a body sees it end, though the body never looked at it."""

    @dug.memoize
    async def node():
        kept.append(asyncio.current_task())
        await wait()
        return 1

    async def main():
        value = await node()
        return value, kept[0].done(), kept[0].cancelled(), kept[0] in asyncio.all_tasks()

    kept = []
    assert play(main) == (1, True, False, False)


@pytest.mark.usefixtures("begins")
def test_a_task_that_nobody_keeps_is_freed():
    """A body that looks at its task, or refers to it weakly, leaves nothing of it."""

    @dug.memoize
    async def node(n):
        task = asyncio.current_task()
        if n:
            task.get_name()
        kept.append(weakref.ref(task))

    async def main():
        await node(0)
        await node(1)
        await settle()
        return [task() for task in kept]

    kept = []
    assert play(main) == [None, None]


LOOKS = {
    "repr": lambda task: "node" in repr(task),
    "str": lambda task: "pending" in str(task),
    "get_name": lambda task: "node" in task.get_name(),
    "get_coro": lambda task: task.get_coro() is not None,
    "get_loop": lambda task: task.get_loop() is asyncio.get_running_loop(),
    "get_stack": lambda task: isinstance(task.get_stack(), list),
    "done": lambda task: task.done() is False,
    "cancelled": lambda task: task.cancelled() is False,
    "cancelling": lambda task: task.cancelling() == 0,
    "uncancel": lambda task: task.uncancel() == 0,
    "add_done_callback": lambda task: task.add_done_callback(lambda _: None) is None,
    "isfuture": asyncio.isfuture,
    "isinstance": lambda task: isinstance(task, asyncio.Task) and isinstance(task, asyncio.Future) and not isinstance(task, int),
    "hash": lambda task: {task: True}[task],
    "equal": lambda task: task == asyncio.current_task(),
    "all_tasks": lambda task: task.done() or task in asyncio.all_tasks(),
    "own attribute": lambda task: not hasattr(task, "no such"),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_body_may_look_at_its_task_in_any_way(look, wait):
    """Whatever a body asks of its task before its first wait, it gets the answer of a task that runs; so does it afterwards."""

    @dug.memoize
    async def node():
        before = LOOKS[look](asyncio.current_task())
        await wait()
        return before, LOOKS[look](asyncio.current_task())

    assert play(node) == (True, True)


@pytest.mark.usefixtures("begins")
def test_a_body_cannot_wait_for_itself():
    """A body that awaits its own task gets the error of asyncio, and others their value."""

    @dug.memoize
    async def node():
        try:
            await asyncio.current_task()
        except RuntimeError as exc:
            return str(exc)

    assert "cannot await on itself" in play(node)


@pytest.mark.parametrize("seconds", [0, 0.001])
@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_time_limit_of_a_body_ends_its_own_wait(wait, seconds):
    """A limit that a body sets before or after its first wait strikes in the body, and nobody else is cancelled."""

    @dug.memoize
    async def node():
        await wait()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.Event().wait()
        except TimeoutError:
            return "out of time", asyncio.current_task().cancelling()

    async def main():
        return await node(), asyncio.current_task().cancelling()

    assert play(main) == (("out of time", 0), 0)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_time_limit_that_does_not_strike_leaves_nothing(wait):
    """A limit around the first wait of a body, or around none, is left in the task that it was set in."""

    @dug.memoize
    async def node():
        async with asyncio.timeout(60) as limit:
            await wait()
        return limit.expired(), asyncio.current_task().cancelling()

    assert play(node) == (False, 0)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_time_limit_around_an_asker_ends_its_wait(wait):
    """When the limit of an asker strikes, the run of which it is the only asker is cancelled where it waits."""

    @dug.memoize
    async def node():
        try:
            await wait()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(asyncio.current_task().cancelling())
            raise

    async def main():
        try:
            async with asyncio.timeout(0.001):
                await node()
        except TimeoutError:
            return "out of time", asyncio.current_task().cancelling()

    ended = []
    assert (play(main), ended) == (("out of time", 0), [1])


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_cancel_scope_of_anyio_is_entered_and_left_in_one_task(wait):
    """Scopes and task groups that a body enters before its first wait belong to the task of the body."""

    @dug.memoize
    async def node():
        with anyio.move_on_after(60) as left:
            await wait()
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await wait()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep_forever()
        with anyio.move_on_after(0.001) as out:
            await anyio.sleep_forever()
        return left.cancelled_caught, scope.cancelled_caught, out.cancelled_caught

    async def main():
        with anyio.CancelScope() as around:
            return await node(), around.cancelled_caught

    assert play(main) == ((False, True, True), False)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_cancel_scope_around_an_asker_is_not_in_force_in_the_body(wait):
    """Cancelling a scope around one of two askers ends its wait, and the body goes on for the other."""

    @dug.memoize
    async def node():
        await wait()
        await gates[0].wait()
        return 1

    async def hasty():
        with scopes[0]:
            await node()

    async def main():
        gates.append(asyncio.Event())
        scopes.append(anyio.CancelScope())
        first, second = asyncio.create_task(hasty()), asyncio.create_task(node())
        await settle()
        scopes[0].cancel()
        await first
        gates[0].set()
        return await second, scopes[0].cancelled_caught

    gates, scopes = [], []
    assert play(main) == (1, True)


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("wait", [wait_a_turn, wait_for_a_future, wait_long])
@pytest.mark.usefixtures("begins")
def test_an_asker_may_be_cancelled_at_any_turn(wait, turns):
    """The first asker of three leaves, then the second, and the third gets the value of the one run."""
    runs = []

    @dug.memoize
    async def node():
        runs.append(1)
        await wait()
        await settle()
        return 1

    async def main():
        askers = [asyncio.create_task(node()) for _ in range(3)]
        for asker in askers[:2]:
            for _ in range(turns + 1):
                await asyncio.sleep(0)
            asker.cancel()
        await asyncio.wait(askers)
        return [asker.cancelled() for asker in askers], askers[2].result()

    assert (play(main), runs) == (([True, True, False], 1), [1])


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("wait", [wait_a_turn, wait_for_a_future, wait_long])
@pytest.mark.usefixtures("begins")
def test_the_last_asker_to_leave_cancels_the_run_at_any_turn(wait, turns):
    """The body is cancelled once, may wait while it cleans up, has ended when the asker goes on, and leaves no memo."""
    events = []

    @dug.memoize
    async def node():
        try:
            await wait()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            await settle()
            events.append(asyncio.current_task().cancelling())
            raise

    async def main():
        asker = asyncio.create_task(node())
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        asker.cancel()
        await asyncio.wait([asker])
        events.append("gone")
        return asker.cancelled(), node.node() in dug.current_context()

    assert (play(main), events[-1:]) == ((True, False), ["gone"])
    assert events in ([1, "gone"], ["gone"])  # it may not have begun


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.usefixtures("begins")
def test_cancelling_the_task_of_a_run_cancels_what_it_waits_for(turns):
    """A body that waits for a task of its own is cancelled through it, as any task is, at whatever turn that comes."""
    events = []

    async def child():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as exc:
            events.append(("child", exc.args))
            raise

    @dug.memoize
    async def node():
        tasks.append(asyncio.current_task())
        inner = asyncio.create_task(child())
        await asyncio.sleep(0)  # it begins
        waiting.append(inner)
        try:
            await inner
        except asyncio.CancelledError as exc:
            events.append(("body", exc.args, inner.cancelled()))
            raise

    async def main():
        asker = asyncio.create_task(node())
        await until_noted(waiting)
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks[0].cancel("why")
        await asyncio.wait([asker])
        return asker.cancelled()

    tasks, waiting = [], []
    assert play(main) is True
    assert events == [("child", ("why",)), ("body", ("why",), True)]


@pytest.mark.parametrize("turns", range(3))
@pytest.mark.usefixtures("begins")
def test_cancelling_the_task_of_a_run_at_its_first_wait_cancels_what_it_waits_for(turns):
    """So it is where the body has not waited before."""
    events = []

    @dug.memoize
    async def node():
        tasks.append(asyncio.current_task())
        future = asyncio.get_running_loop().create_future()
        try:
            await future
        except asyncio.CancelledError as exc:
            events.append((exc.args, future.cancelled()))
            raise

    async def main():
        asker = asyncio.create_task(node())
        await until_noted(tasks)
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks[0].cancel("why")
        await asyncio.wait([asker])
        return asker.cancelled()

    tasks = []
    assert (play(main), events) == (True, [(("why",), True)])


@pytest.mark.usefixtures("begins")
def test_a_body_that_cancels_itself_before_its_first_wait_is_cancelled_there():
    """The cancellation comes where the body waits next, and takes what it waits for with it."""
    events = []

    @dug.memoize
    async def node():
        asyncio.current_task().cancel()
        future = asyncio.get_running_loop().create_future()
        try:
            await future
        except asyncio.CancelledError:
            events.append((future.cancelled(), asyncio.current_task().cancelling()))
            asyncio.current_task().uncancel()
        await settle()
        return 1

    assert (play(node), events) == (1, [(True, 1)])


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_a_cancellation_that_a_body_raises_reaches_its_asker(wait):
    """It is no failure: nothing remembers it, and the next call runs the body again."""
    runs = []

    @dug.memoize
    async def node():
        runs.append(asyncio.current_task())
        await wait()
        if len(runs) == 1:
            raise asyncio.CancelledError
        return 1

    async def main():
        try:
            await node()
        except asyncio.CancelledError:
            await settle()
            return await node(), runs[0].cancelled()

    assert play(main) == (1, True)


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_context_variables_of_a_body_are_its_own(wait):
    """A body sees the variables of its asker, keeps what it sets over its waits, and sets nothing for the asker."""
    variable = contextvars.ContextVar("variable", default="unset")

    @dug.memoize
    async def node():
        seen = [variable.get()]
        token = variable.set("body")
        await wait()
        seen.append(variable.get())
        variable.reset(token)
        return [*seen, variable.get()]

    async def main():
        variable.set("asker")
        return await node(), variable.get()

    assert play(main) == (["asker", "body", "asker"], "asker")


@pytest.mark.parametrize("wait", WAITS)
@pytest.mark.usefixtures("begins")
def test_the_traceback_of_an_error_is_that_of_the_body(wait):
    """An error before or after the first wait shows the body, and no frame of how its task began."""

    @dug.memoize
    async def node():
        await wait()
        raise ValueError("wrong")

    async def main():
        try:
            await node()
        except ValueError as exc:
            return traceback.extract_tb(exc.__traceback__), exc.__context__

    places, context = play(main)
    assert [place.name for place in places if place.filename == __file__] == ["main", "node"]
    assert not {"_begin_by_hand", "_drive_rest", "launch"} & {place.name for place in places}
    assert context is None


@pytest.mark.parametrize("wait", WAITS)
def test_what_an_asker_handles_is_not_the_context_of_an_error_of_the_body(wait):
    """A call in an ``except`` gives the error that it gives elsewhere: the body sees no exception being handled."""

    @dug.memoize
    async def node():
        seen.append(sys.exception())
        await wait()
        seen.append(sys.exception())
        raise ValueError("wrong")

    async def main():
        try:
            return {}["handled"]
        except KeyError:
            with contextlib.suppress(ValueError):
                await node()

    seen = []
    play(main)
    assert seen == [None, None]


@pytest.mark.usefixtures("begins")
def test_an_error_that_a_first_wait_raises_is_not_the_context_of_later_ones():
    """A body that has handled the error of its first wait raises the next one without it."""

    @dug.memoize
    async def node():
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, KeyError("first"))
        try:
            await future
        except KeyError:
            await asyncio.sleep(0)
        assert sys.exception() is None
        await asyncio.sleep(0)
        raise ValueError("second")

    async def main():
        try:
            await node()
        except ValueError as exc:
            return exc.__context__

    assert play(main) is None


@pytest.mark.usefixtures("begins")
def test_two_bodies_may_first_wait_for_one_future():
    """Each is woken with its value, in the order in which they began to wait."""
    order = []

    @dug.memoize
    async def node(n):
        order.append((n, await futures[0]))

    async def main():
        futures.append(asyncio.get_running_loop().create_future())
        tasks = [asyncio.create_task(node(n)) for n in range(3)]
        await asyncio.sleep(0)
        futures[0].set_result("value")
        await asyncio.gather(*tasks)

    futures = []
    play(main)
    assert order == [(n, "value") for n in range(3)]


@pytest.mark.usefixtures("begins")
def test_a_body_that_waits_for_what_is_no_future_is_told():
    """A wait that asyncio does not know is an error in the body, where it can be handled."""

    class Wrong:
        def __await__(self):
            yield 7

    @dug.memoize
    async def node():
        try:
            await Wrong()
        except RuntimeError as exc:
            await asyncio.sleep(0)
            return str(exc)

    assert "bad yield" in play(node)


def recurse(n, then):
    """Call `then` beneath that many frames."""
    return recurse(n - 1, then) if n else then()


async def recurse_async(n, ask):
    """Await beneath that many frames."""
    return await recurse_async(n - 1, ask) if n else await ask()


@pytest.mark.parametrize("frames", [10, 300, 700])
def test_a_body_has_room_however_deep_its_asker_is(frames):
    """A body may recurse as deep as in a task of its own where its asker has used up most of the frames."""

    @dug.memoize
    async def node():
        return recurse(500, lambda: 1)

    async def main():
        return await recurse_async(frames, node)

    assert play(main) == 1


@pytest.mark.parametrize("depth", [20, 400])
@pytest.mark.usefixtures("begins")
def test_a_chain_of_bodies_leaves_room_for_the_last(depth):
    """The last body of a chain may recurse as deep, however many began inside one another."""

    @dug.memoize
    async def chain(n):
        return await chain(n - 1) + 1 if n else recurse(500, lambda: 0)

    async def main():
        return await chain(depth)

    assert play(main) == depth


@pytest.mark.usefixtures("begins")
def test_what_a_thread_reads_for_a_body_before_its_first_wait_is_known():
    """A read in a thread is verified in a thread, also when the thread began before the body waited."""

    @dug.source
    def feed():
        where.append(threading.get_ident())
        return len(where)

    @dug.memoize
    def slow():
        return feed() * 0

    @dug.memoize
    async def node():
        runs.append(1)
        return await asyncio.to_thread(slow)

    async def main():
        await node()
        dug.current_context().invalidate(feed.node())
        return await node(), threading.get_ident() in where

    where, runs = [], []
    assert play(main) == (0, False)
    assert runs == [1]


@pytest.mark.usefixtures("begins")
def test_an_interrupt_in_a_body_reaches_the_asker_in_its_own_task():
    """A KeyboardInterrupt before the first wait comes out of the call, and the asker's task is in force again."""

    @dug.memoize
    async def node():
        raise KeyboardInterrupt

    async def main():
        mine = asyncio.current_task()
        try:
            await node()
        except KeyboardInterrupt:
            return asyncio.current_task() is mine

    assert play(main) is True


@pytest.mark.usefixtures("begins")
def test_a_run_in_flight_when_its_loop_ends_is_cancelled():
    """What waits for the first time when asyncio.run ends is cancelled, and cleans up."""
    ended = []

    @dug.memoize
    async def node():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(1)

    async def main():
        tasks.append(asyncio.create_task(node()))
        await asyncio.sleep(0)

    tasks = []
    play(main)
    assert ended == [1]


def test_a_node_may_be_asked_for_where_no_task_runs():
    """A coroutine that is driven by hand, on a running loop, gets its value as in a task."""

    @dug.memoize
    async def node():
        return asyncio.current_task() is not None

    async def main():
        done = asyncio.get_running_loop().create_future()

        def step(coroutine):
            try:
                waiting = coroutine.send(None)
            except StopIteration as end:
                done.set_result(end.value)
            else:
                waiting.add_done_callback(lambda _: step(coroutine))

        asyncio.get_running_loop().call_soon(step, ask())
        return await done

    async def ask():
        return await node()

    assert play(main) is True


@pytest.mark.parametrize("wait", [wait_not, wait_a_turn, wait_for_a_future])
@pytest.mark.parametrize("turns", [1, 4])
def test_a_body_on_a_loop_that_was_given_up_is_closed_without_a_word(wait, turns, monkeypatch):
    """The collector may close the body before its task, which then goes in the middle of that, at any wait of the body."""
    said, bodies, futures, ended = [], [], [], []

    @dug.memoize
    async def node():
        task = asyncio.current_task()
        bodies.append(task.start.driven if sys.version_info < (3, 12) else task.get_coro())
        del task
        try:
            await wait()
            futures.append(asyncio.get_running_loop().create_future())
            await futures[0]
        finally:
            ended.append("node")

    async def main():
        with dug.Context():
            asked = asyncio.ensure_future(node())
            for _ in range(turns):
                await asyncio.sleep(0)
            return asked

    monkeypatch.setattr(sys, "unraisablehook", said.append)
    monkeypatch.setattr(_asyncio._turn, "left", RUNS_A_TURN)  # so that the run begins inside its asker
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    loop.run_until_complete(main())
    for future in futures:
        future.set_result(None)  # so that nothing but the run leads to the task
    loop.close()
    bodies.pop().close()
    gc.collect()

    assert ended == ["node"]
    assert said == []
