"""P2 from cold: scenarios that ask at the same time for a node which reads none of their tweaks run it once.

Nothing is known of what it will read.  Who asks waits for the run of another scenario for as long as that has read nothing which
the two tweak differently, and no longer.
"""

from __future__ import annotations

from collections import Counter
from time import monotonic, sleep

import anyio
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from support.concurrent_program import AsyncConcurrentProgram, ConcurrentProgram, Told, check_answers, run_threads, scenario
from support.oracle import Level, Oracle, Run
from support.programs import FUNCTIONS, Call, Value
from support.strategies import NODES, outsides, programs, targets
from support.sync_points import BACKENDS, Gate, Signal, Worker, run_on, settle

import dug
from dug.testing import EventLog

MANY = 20


def wait_until_waiting(ctx, node, count):
    """Return when so many wait for the run of a node."""
    registry, latest = ctx.cache.registry, monotonic() + 60
    while monotonic() < latest:
        with registry.lock:
            state = ctx.cache.find_state(node._key)
            if state is not None and state.flight is not None and len(state.flight.waits or ()) >= count:
                return
        sleep(0)
    raise AssertionError("too few wait for the run")


class Story:
    """A few nodes that count their runs and wait where a test tells them to."""

    def __init__(self) -> None:
        self.runs = Counter()
        self.started, self.go, self.read, self.end = Signal(), Signal(), Signal(), Signal()

        @dug.memoize
        def key():
            return 0

        @dug.memoize
        def shared():
            self.runs["shared"] += 1
            self.started.set()
            self.go.wait_here()
            return 1

        @dug.memoize
        def above():
            self.runs["above"] += 1
            return shared() + 1

        @dug.memoize
        def reader():
            """Reads the tweak of the scenario after a while, and goes on for a while then."""
            self.runs["reader"] += 1
            self.started.set()
            self.go.wait_here()
            got = key()
            self.read.set()
            if got == 1:
                self.end.wait_here()
            return got

        @dug.memoize
        def over():
            self.runs["over"] += 1
            return reader() + 1

        self.key, self.shared, self.above, self.reader, self.over = key, shared, above, reader, over

    def ask(self, ctx, function, number):
        """Return a thread that asks for a function under a scenario of its own."""

        def work():
            with ctx, dug.Context({self.key.node(): number}):
                return function()

        return Worker(work)


@pytest.mark.parametrize("name", ["shared", "above"])
def test_threads_of_many_cold_scenarios_run_an_untweaked_node_once(name):
    """Twenty scenarios in threads that read one cold node which none of them tweaks run it, and the nodes above it, once."""
    story, ctx = Story(), dug.Context()
    function = getattr(story, name)
    workers = [story.ask(ctx, function, 1)]
    story.started.wait_here()
    workers += [story.ask(ctx, function, number) for number in range(2, MANY + 1)]
    wait_until_waiting(ctx, function.node(), MANY - 1)
    story.go.set()

    assert {worker.result() for worker in workers} == {1 if name == "shared" else 2}
    assert set(story.runs.values()) == {1}


@pytest.mark.parametrize("name", ["reader", "over"])
def test_who_waits_goes_on_as_soon_as_the_run_reads_what_differs(name):
    """A run that reads a tweak of its scenario lets the others go on at once, long before it has ended; deep inside, too."""
    story, ctx = Story(), dug.Context()
    function = getattr(story, name)
    first = story.ask(ctx, function, 1)
    story.started.wait_here()
    others = [story.ask(ctx, function, number) for number in range(2, 6)]
    wait_until_waiting(ctx, function.node(), 4)
    story.go.set()

    more = 0 if name == "reader" else 1
    assert [other.result() for other in others] == [number + more for number in range(2, 6)]
    assert first.is_alive()
    story.end.set()
    assert first.result() == 1 + more
    assert story.runs["reader"] == 5


def test_what_opens_inside_later_is_looked_at_too():
    """When a run with waiters asks for a node that reads something that differs, the waiters go on."""
    story, ctx = Story(), dug.Context()
    started, go = Signal(), Signal()
    story.go.set()

    @dug.memoize
    def later():
        started.set()
        go.wait_here()
        return story.over()

    first = story.ask(ctx, later, 1)
    started.wait_here()
    other = story.ask(ctx, later, 2)
    wait_until_waiting(ctx, later.node(), 1)
    go.set()

    assert other.result() == 3
    assert first.is_alive()
    story.end.set()
    assert first.result() == 2


def test_a_run_that_has_read_what_differs_is_not_waited_for():
    """An asker that comes after the run has read a tweak of its scenario runs at once."""
    story, ctx = Story(), dug.Context()
    story.go.set()
    first = story.ask(ctx, story.over, 1)
    story.read.wait_here()

    assert story.ask(ctx, story.over, 2).result() == 3
    assert first.is_alive()
    story.end.set()
    assert first.result() == 2


def test_a_node_that_one_scenario_tweaks_is_no_reason_to_wait():
    """A run of a node that is tweaked in one scenario, or that reads such a node, is not that of the other."""
    story, ctx = Story(), dug.Context()
    first = story.ask(ctx, story.above, 1)
    story.started.wait_here()

    def work():
        with ctx, dug.Context({story.shared.node(): 5}):
            return story.above()

    assert Worker(work).result() == 6
    story.go.set()
    assert first.result() == 2


def test_hits_are_looked_at_too():
    """A tweak that was read before in the same scenario, and is a hit now, lets the others go on all the same."""
    story, ctx = Story(), dug.Context()

    def work():
        with ctx, dug.Context({story.key.node(): 1}):
            story.key()
            return story.over()

    first = Worker(work)
    story.started.wait_here()
    other = story.ask(ctx, story.over, 2)
    wait_until_waiting(ctx, story.over.node(), 1)
    story.go.set()

    assert other.result() == 3
    story.end.set()
    assert first.result() == 2


def test_a_context_that_a_run_opens_lets_the_others_go_on():
    """Reads under tweaks of a run's own cannot be told apart before the end, so nobody waits for it."""
    started, go, opened, end = Signal(), Signal(), Signal(), Signal()

    @dug.memoize
    def key():
        return 0

    @dug.memoize
    def opens():
        started.set()
        go.wait_here()
        with dug.Context({key.node(): 7}):
            got = key()
            if not opened.is_set():
                opened.set()
                end.wait_here()
        return got

    def ask(number):
        def work():
            with ctx, dug.Context({key.node(): number}):
                return opens()

        return Worker(work)

    ctx = dug.Context()
    first = ask(1)
    started.wait_here()
    other = ask(2)
    wait_until_waiting(ctx, opens.node(), 1)
    go.set()

    assert other.result() == 7
    assert first.is_alive()
    end.set()
    assert first.result() == 7


def test_what_a_run_waits_for_is_part_of_it():
    """Waiters of a run that waits for another one in its scenario go on when that one reads something that differs."""
    story, ctx = Story(), dug.Context()
    inner = dug.Context({story.key.node(): 1})

    @dug.memoize
    def top():
        return story.reader()

    def work(function):
        with ctx, inner:
            return function()

    first = Worker(work, story.reader)
    story.started.wait_here()
    second = Worker(work, top)
    wait_until_waiting(ctx, story.reader.node(), 1)
    other = story.ask(ctx, top, 2)
    wait_until_waiting(ctx, top.node(), 1)
    story.go.set()

    assert other.result() == 2
    assert second.is_alive()
    story.end.set()
    assert (first.result(), second.result()) == (1, 1)


def test_what_a_run_comes_to_wait_for_is_part_of_it():
    """So it is when the run begins to wait for another one after others began to wait for it."""
    story, ctx = Story(), dug.Context()
    inner = dug.Context({story.key.node(): 1})
    started, go = Signal(), Signal()

    @dug.memoize
    def top():
        started.set()
        go.wait_here()
        return story.reader()

    def work(function):
        with ctx, inner:
            return function()

    first = Worker(work, story.reader)
    story.started.wait_here()
    second = Worker(work, top)
    started.wait_here()
    other = story.ask(ctx, top, 2)
    wait_until_waiting(ctx, top.node(), 1)
    go.set()
    wait_until_waiting(ctx, story.reader.node(), 1)
    story.go.set()

    assert other.result() == 2
    assert second.is_alive()
    story.end.set()
    assert (first.result(), second.result()) == (1, 1)


class Circle:
    """Three nodes that read each other one way round in one scenario and the other way round in another, once `mode` says so.

    Before that nothing tells the scenarios apart, so that each asker takes the run of the other scenario for one of his own.
    """

    def __init__(self):
        self.mode = 0
        self.first_began, self.first_goes, self.second_began, self.second_goes = Signal(), Signal(), Signal(), Signal()

        @dug.source
        def mode():
            return self.mode

        @dug.memoize
        def key():
            return 0

        self.source, self.key = mode, key

    def scenario(self, number):
        """Return a context with the tweak of one of the two scenarios."""
        return dug.Context({self.key.node(): number})


def test_a_wait_that_is_part_of_a_circle_ends():
    """A run that needs its own optional waiter gets it: the waits are given up, and nobody sees a circle."""
    circle, ctx = Circle(), dug.Context()
    one = circle.scenario(1)

    @dug.memoize
    def first():
        if not circle.source():
            return 0
        circle.first_began.set()
        circle.first_goes.wait_here()
        return middle() + 1 if circle.key() == 1 else 10

    @dug.memoize
    def middle():
        return last() + 1 if circle.source() else 0

    @dug.memoize
    def last():
        if not circle.source():
            return 0
        if circle.key() == 1:
            return 100
        circle.second_began.set()
        circle.second_goes.wait_here()
        return first() + 1

    def ask(scenario, function):
        with ctx, scenario:
            return function()

    with ctx:
        assert (first(), middle(), last()) == (0, 0, 0)
    circle.mode = 1
    ctx.invalidate(circle.source.node())
    workers = [Worker(ask, circle.scenario(2), last)]
    circle.second_began.wait_here()
    workers.append(Worker(ask, one, middle))
    wait_until_waiting(ctx, last.node(), 1)
    workers.append(Worker(ask, one, first))
    circle.first_began.wait_here()
    circle.second_goes.set()
    wait_until_waiting(ctx, first.node(), 1)
    circle.first_goes.set()

    assert [worker.result() for worker in workers] == [11, 101, 102]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_wait_of_a_task_that_is_part_of_a_circle_ends(backend):
    """So it is for tasks of one loop."""
    circle, got = Circle(), {}

    @dug.memoize
    async def first():
        if not circle.source():
            return 0
        await gates[0].wait()
        return await middle() + 1 if circle.key() == 1 else 10

    @dug.memoize
    async def middle():
        return await last() + 1 if circle.source() else 0

    @dug.memoize
    async def last():
        if not circle.source():
            return 0
        if circle.key() == 1:
            return 100
        await gates[1].wait()
        return await first() + 1

    gates = []

    async def ask(scenario, function):
        with scenario:
            got[function] = await function()

    async def main():
        gates.extend((Gate(), Gate()))
        with dug.Context() as ctx:
            assert (await first(), await middle(), await last()) == (0, 0, 0)
            circle.mode = 1
            ctx.invalidate(circle.source.node())
            one = circle.scenario(1)
            async with anyio.create_task_group() as group:
                for scenario, function in ((circle.scenario(2), last), (one, middle), (one, first)):
                    group.start_soon(ask, scenario, function)
                    await settle()
                gates[1].open()
                await settle()
                assert len(ctx.cache.find_state(first.node()._key).flight.waits) == 2  # the first asker, and the other scenario
                gates[0].open()

    run_on(backend, main)

    assert got == {last: 11, middle: 101, first: 102}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cold_wait_that_stops_the_loop_which_the_run_needs_ends(backend):
    """A thread that waits from cold for a run goes on when that run comes to need a task of its loop."""
    story, ctx, got = Story(), dug.Context(), {}
    one = dug.Context({story.key.node(): 1})
    waiting = Signal()

    @dug.memoize
    async def slow():
        await gates[0].wait()
        return 3

    @dug.memoize
    def shared():
        story.runs["shared"] += 1
        if story.runs["shared"] > 1:  # in the other scenario, in a thread whose loop runs
            return 3
        story.started.set()
        waiting.wait_here()
        return anyio.run(slow, backend=backend)

    gates = []

    async def need():
        with ctx, one:
            got["slow"] = await slow()

    async def main():
        gates.append(Gate())
        async with anyio.create_task_group() as group:
            group.start_soon(need)
            await settle()
            with ctx, dug.Context({story.key.node(): 2}):
                got["second"] = shared()  # stops the loop
            gates[0].open()

    def ask():
        with ctx, one:
            return shared()

    first = Worker(ask)
    story.started.wait_here()
    loop = Worker(lambda: anyio.run(main, backend=backend))
    wait_until_waiting(ctx, shared.node(), 1)
    waiting.set()
    loop.end()

    assert (first.result(), loop.result(), got) == (3, None, {"slow": 3, "second": 3})


def test_who_waited_is_told_of_a_failure_as_from_a_call_of_his_own():
    """A cold run that fails serves its own call; the others try for themselves."""
    story, ctx = Story(), dug.Context()

    @dug.memoize
    def fails():
        story.runs["fails"] += 1
        story.started.set()
        story.go.wait_here()
        raise KeyError("X")

    workers = [story.ask(ctx, fails, 1)]
    story.started.wait_here()
    workers += [story.ask(ctx, fails, number) for number in (2, 3)]
    wait_until_waiting(ctx, fails.node(), 2)
    story.go.set()
    for worker in workers:
        worker.end()

    assert [worker.error.args for worker in workers] == [("X",)] * 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_of_many_cold_scenarios_run_an_untweaked_node_once(backend):
    """So it is for tasks on one loop, which gather as well; only nodes that read a tweak run for each."""
    runs = Counter()

    @dug.memoize
    async def key():
        return 0

    @dug.memoize
    async def shared(n):
        runs["shared"] += 1
        await settle()
        return n

    @dug.memoize
    async def above():
        runs["above"] += 1
        got = []

        async def ask(n):
            got.append(await shared(n))

        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(ask, n)
        return sum(got)

    @dug.memoize
    async def report():
        runs["report"] += 1
        return await above() + await key()

    async def main():
        got = []

        async def ask(number):
            with dug.Context({key.node(): number}):
                got.append(await report())

        with dug.Context():
            async with anyio.create_task_group() as group:
                for number in range(MANY):
                    group.start_soon(ask, number)
        return sorted(got)

    assert run_on(backend, main) == [number + 3 for number in range(MANY)]
    assert runs == {"report": MANY, "above": 1, "shared": 3}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_task_goes_on_when_the_run_reads_what_differs(backend):
    """Tasks are woken as threads are, and no task is lost when the first asker was cancelled in between."""
    runs = Counter()

    @dug.memoize
    async def key():
        return 0

    async def main():
        gate, late = Gate(), Gate()

        @dug.memoize
        async def reader():
            runs["reader"] += 1
            await gate.wait()
            got = await key()
            if got == 1:
                await late.wait()
            return got

        got = []

        async def ask(number):
            with dug.Context({key.node(): number}):
                got.append(await reader())

        with dug.Context():
            async with anyio.create_task_group() as group:
                with anyio.CancelScope() as scope:
                    async with anyio.create_task_group() as first:
                        first.start_soon(ask, 1)
                        await settle()
                        group.start_soon(ask, 2)
                        await settle()
                        scope.cancel()
                await settle()
                assert (runs["reader"], got) == (1, [])
                gate.open()
                await settle()
                assert got == [2]
            assert late.inside == 0  # the run that nobody waits for any more was called off
        return got

    assert run_on(backend, main) == [2]


@pytest.mark.parametrize("workers", [2, 8])
def test_a_sweep_on_threads_shares_what_it_reads_from_cold(workers):
    """The scenarios of a sweep on a pool run nodes that none of them tweaks once, though no base was asked before."""
    from concurrent.futures import ThreadPoolExecutor  # as elsewhere where a pool is tested

    runs, lock = Counter(), Signal()

    @dug.memoize
    def key(n):
        return n

    @dug.memoize
    def shared():
        runs["shared"] += 1
        lock.wait(0.02)  # long enough for others to come, and nothing depends on it
        return 1

    @dug.memoize
    def leg():
        return shared() + key(0)

    with ThreadPoolExecutor(workers) as pool, dug.Context():
        results = dug.sweep(leg.node(), [{key.node(0): n} for n in range(16)], executor=pool)
        assert [result.value for result in results] == [n + 1 for n in range(16)]

    assert runs == {"shared": 1}


def test_a_run_that_is_alone_keeps_its_hits():
    """Nothing is switched off for a run without waiters, nor for runs after the waiters went on."""
    story, ctx = Story(), dug.Context()
    kept = []

    @dug.memoize
    def outer():
        story.key()
        story.over()
        kept.append(dug._core._frame.current.get().hits is not dug._core._frame.NO_HITS)

    def work(number):
        with ctx, dug.Context({story.key.node(): number}):
            outer()

    first = Worker(work, 1)
    story.started.wait_here()
    other = Worker(work, 2)
    story.go.set()
    other.end()
    story.end.set()
    first.end()

    assert kept == [True, True]


def test_a_listener_hears_of_one_run():
    """Events say that one scenario computed the node, and that others got it."""
    story, ctx = Story(), dug.Context()
    with EventLog(ctx) as log:
        workers = [story.ask(ctx, story.shared, 1)]
        story.started.wait_here()
        workers += [story.ask(ctx, story.shared, number) for number in (2, 3)]
        wait_until_waiting(ctx, story.shared.node(), 2)
        story.go.set()
        for worker in workers:
            worker.end()

    assert [event.kind for event in log.events if event.node == story.shared.node()] == ["computed", "hit", "hit"]


def closure(run: Run, found: set[Call] | None = None, *, opened: list[bool]) -> set[Call]:
    """Return the nodes that a run of the oracle consulted, and note whether one of its bodies opened a context."""
    found = set() if found is None else found
    found.add(run.node)
    opened.append(run.opened or run.outcome.failed)
    for read in run.reads:
        closure(read, found, opened=opened)
    return found


@pytest.mark.parametrize("kind", ["threads", *BACKENDS])
def test_random_programs_run_each_body_once_from_cold(kind):
    """Whatever a cold program reads, scenarios that tweak none of it run each of its bodies once between them."""

    @settings(max_examples=settings().max_examples // 3 or 1, phases=[Phase.explicit, Phase.generate])
    @given(program=programs, outside=outsides, node=targets, which=st.integers(0, 99), times=st.integers(2, 6))
    def play(program, outside, node, which, times):
        oracle, opened = Oracle(program, outside), []
        read = closure(oracle.ask(node, ()), opened=opened)
        free = [other for other in NODES if other not in read and other.function < FUNCTIONS]
        assume(free and not any(opened))
        on_dug = (ConcurrentProgram if kind == "threads" else AsyncConcurrentProgram)(program, outside)
        ctx, tweaked = dug.Context(), free[which % len(free)]
        levels = [(Level({}, 0), Level({tweaked: Value(10 + number)})) for number in range(times)]

        def ask(said):
            with ctx, dug.Context(on_dug.tweaks(said[1].tweaks)), on_dug.outermost():
                scenario.set(said)
                on_dug.told.append(Told(node, said, on_dug.call(node)))

        async def ask_soon(said):
            with ctx, dug.Context(on_dug.tweaks(said[1].tweaks)), on_dug.outermost():
                scenario.set(said)
                on_dug.told.append(Told(node, said, await on_dug.await_call(node)))

        async def ask_all():
            async with anyio.create_task_group() as group:
                for said in levels:
                    group.start_soon(ask_soon, said)

        if kind == "threads":
            run_threads([lambda said=said: ask(said) for said in levels])
        else:
            anyio.run(ask_all, backend=kind)
        check_answers(on_dug, oracle)
        assert Counter(ran.node for ran in on_dug.ran_in_full).most_common(1)[0][1] == 1

    play()
