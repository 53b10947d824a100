"""P2 from cold: scenarios that ask at the same time for a node which reads none of their tweaks run it once.

Nothing is known of what it will read.  Who asks waits for the run of another scenario for as long as that has read nothing which
the two tweak differently, and no longer.
"""

from __future__ import annotations

from collections import Counter

import anyio
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from support.concurrent_program import AsyncConcurrentProgram, ConcurrentProgram, Told, check_answers, run_threads, scenario
from support.oracle import Level, Oracle, Run
from support.programs import FUNCTIONS, Call, Value
from support.script import CANCELLED, ask, cancel, play_threads, until, until_ended, until_waiting, wait_until_waiting
from support.strategies import NODES, outsides, programs, targets
from support.sync_points import BACKENDS, Gate, Signal, Worker, settle

import dug
from dug.testing import EventLog

MANY = 20


class StoppingNodes:
    """A few nodes that count their runs and stop where a test tells them to."""

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

    def ask(self, number, function):
        """Return the step in which the scenario with this number asks for a function, and keeps the answer under it."""
        return ask(number, function, tweaks={self.key.node(): number})


@pytest.fixture
def nodes():
    """Nodes that stop in their bodies, new for each test."""
    return StoppingNodes()


@pytest.mark.parametrize("name", ["shared", "above"])
def test_threads_of_many_cold_scenarios_run_an_untweaked_node_once(nodes, name):
    """Twenty scenarios in threads that read one cold node which none of them tweaks run it, and the nodes above it, once."""
    function = getattr(nodes, name)
    others = [*(nodes.ask(number, function) for number in range(2, MANY + 1)), until_waiting(function.node(), MANY - 1)]
    played = play_threads(dug.Context(), nodes.ask(1, function), until(nodes.started), *others, nodes.go.set)

    assert played.results == dict.fromkeys(range(1, MANY + 1), 1 if name == "shared" else 2)
    assert set(nodes.runs.values()) == {1}


@pytest.mark.parametrize("name", ["reader", "over"])
def test_who_waits_goes_on_as_soon_as_the_run_reads_what_differs(nodes, name):
    """A run that reads a tweak of its scenario lets the others go on at once, long before it has ended; deep inside, too."""
    function, more = getattr(nodes, name), 0 if name == "reader" else 1
    others = [*(nodes.ask(number, function) for number in range(2, 6)), until_waiting(function.node(), 4)]
    others_first = [nodes.go.set, until_ended(2, 3, 4, 5), nodes.end.set]
    played = play_threads(dug.Context(), nodes.ask(1, function), until(nodes.started), *others, *others_first)

    assert played.results == {number: number + more for number in range(1, 6)}
    assert nodes.runs["reader"] == 5


def test_what_opens_inside_later_is_looked_at_too(nodes):
    """When a run with waiters asks for a node that reads something that differs, the waiters go on."""
    started, go = Signal(), Signal()

    @dug.memoize
    def later():
        started.set()
        go.wait_here()
        return nodes.over()

    nodes.go.set()
    in_flight = [nodes.ask(1, later), until(started), nodes.ask(2, later), until_waiting(later.node(), 1)]
    played = play_threads(dug.Context(), *in_flight, go.set, until_ended(2), nodes.end.set)

    assert played.results == {1: 2, 2: 3}


def test_a_run_that_has_read_what_differs_is_not_waited_for(nodes):
    """An asker that comes after the run has read a tweak of its scenario runs at once."""
    nodes.go.set()
    in_flight = [nodes.ask(1, nodes.over), until(nodes.read)]
    played = play_threads(dug.Context(), *in_flight, nodes.ask(2, nodes.over), until_ended(2), nodes.end.set)

    assert played.results == {1: 2, 2: 3}


def test_a_node_that_one_scenario_tweaks_is_no_reason_to_wait(nodes):
    """A run of a node that is tweaked in one scenario, or that reads such a node, is not that of the other."""
    tweaked = ask("tweaked", nodes.above, tweaks={nodes.shared.node(): 5})
    in_flight = [nodes.ask(1, nodes.above), until(nodes.started)]
    played = play_threads(dug.Context(), *in_flight, tweaked, until_ended("tweaked"), nodes.go.set)

    assert played.results == {1: 2, "tweaked": 6}


def test_what_is_at_hand_is_looked_at_too(nodes):
    """A tweak that was read before in the same scenario, and is at hand now, lets the others go on all the same."""

    def read_and_ask():
        nodes.key()
        return nodes.over()

    in_flight = [nodes.ask(1, read_and_ask), until(nodes.started)]
    other = [nodes.ask(2, nodes.over), until_waiting(nodes.over.node(), 1)]
    played = play_threads(dug.Context(), *in_flight, *other, nodes.go.set, until_ended(2), nodes.end.set)

    assert played.results == {1: 2, 2: 3}


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

    first, other = (ask(number, opens, tweaks={key.node(): number}) for number in (1, 2))
    in_flight = [first, until(started), other, until_waiting(opens.node(), 1)]
    played = play_threads(dug.Context(), *in_flight, go.set, until_ended(2), end.set)

    assert played.results == {1: 7, 2: 7}


def test_what_a_run_waits_for_is_part_of_it(nodes):
    """Waiters of a run that waits for another one in its scenario go on when that one reads something that differs."""
    inner = dug.Context({nodes.key.node(): 1})

    @dug.memoize
    def top():
        return nodes.reader()

    def inside(function):
        with inner:
            return function()

    first = [ask("first", inside, nodes.reader), until(nodes.started)]
    second = [ask("second", inside, top), until_waiting(nodes.reader.node(), 1)]
    other = [nodes.ask(2, top), until_waiting(top.node(), 1)]
    played = play_threads(dug.Context(), *first, *second, *other, nodes.go.set, until_ended(2), nodes.end.set)

    assert played.results == {"first": 1, "second": 1, 2: 2}


def test_what_a_run_comes_to_wait_for_is_part_of_it(nodes):
    """So it is when the run begins to wait for another one after others began to wait for it."""
    inner = dug.Context({nodes.key.node(): 1})
    started, go = Signal(), Signal()

    @dug.memoize
    def top():
        started.set()
        go.wait_here()
        return nodes.reader()

    def inside(function):
        with inner:
            return function()

    first = [ask("first", inside, nodes.reader), until(nodes.started)]
    second = [ask("second", inside, top), until(started)]
    other = [nodes.ask(2, top), until_waiting(top.node(), 1)]
    then = [go.set, until_waiting(nodes.reader.node(), 1), nodes.go.set, until_ended(2), nodes.end.set]
    played = play_threads(dug.Context(), *first, *second, *other, *then)

    assert played.results == {"first": 1, "second": 1, 2: 2}


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

    def inside(scenario, function):
        with scenario:
            return function()

    with ctx:
        assert (first(), middle(), last()) == (0, 0, 0)
    circle.mode = 1
    ctx.invalidate(circle.source.node())
    played = play_threads(
        ctx,
        *[ask("last", inside, circle.scenario(2), last), until(circle.second_began)],
        *[ask("middle", inside, one, middle), until_waiting(last.node(), 1)],
        *[ask("first", inside, one, first), until(circle.first_began)],
        *[circle.second_goes.set, until_waiting(first.node(), 1), circle.first_goes.set],
    )

    assert played.results == {"last": 11, "middle": 101, "first": 102}


def test_a_wait_of_a_task_that_is_part_of_a_circle_ends(play):
    """So it is for tasks of one loop."""
    circle, ctx, gates = Circle(), dug.Context(), (Gate(), Gate())

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

    def count_waiters():
        return len(ctx.cache.find_home(first.node()._key).open_run.waits)

    one, other = ({circle.key.node(): number} for number in (1, 2))
    before = play(ctx, *(ask(each, each) for each in (first, middle, last)))
    circle.mode = 1
    ctx.invalidate(circle.source.node())
    asks = [ask(last, last, tweaks=other), ask(middle, middle, tweaks=one), ask(first, first, tweaks=one)]
    played = play(ctx, *asks, gates[1].open, count_waiters, gates[0].open)

    assert before.results == {first: 0, middle: 0, last: 0}
    assert played.seen == [2]  # the first asker, and the other scenario
    assert played.results == {last: 11, middle: 101, first: 102}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cold_wait_that_stops_the_loop_which_the_run_needs_ends(nodes, backend):
    """A thread that waits from cold for a run goes on when that run comes to need a task of its loop."""
    ctx, got = dug.Context(), {}
    one = dug.Context({nodes.key.node(): 1})
    waiting = Signal()

    @dug.memoize
    async def slow():
        await gates[0].wait()
        return 3

    @dug.memoize
    def shared():
        nodes.runs["shared"] += 1
        if nodes.runs["shared"] > 1:  # in the other scenario, in a thread whose loop runs
            return 3
        nodes.started.set()
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
            with ctx, dug.Context({nodes.key.node(): 2}):
                got["second"] = shared()  # stops the loop
            gates[0].open()

    def ask():
        with ctx, one:
            return shared()

    first = Worker(ask)
    nodes.started.wait_here()
    loop = Worker(lambda: anyio.run(main, backend=backend))
    wait_until_waiting(ctx, shared.node(), 1)
    waiting.set()
    loop.end()

    assert (first.result(), loop.result(), got) == (3, None, {"slow": 3, "second": 3})


def test_who_waited_is_told_of_a_failure_as_from_a_call_of_his_own(nodes):
    """A cold run that fails serves its own call; the others try for themselves."""

    @dug.memoize
    def fails():
        nodes.started.set()
        nodes.go.wait_here()
        raise KeyError("X")

    others = [nodes.ask(2, fails), nodes.ask(3, fails), until_waiting(fails.node(), 2)]
    played = play_threads(dug.Context(), nodes.ask(1, fails), until(nodes.started), *others, nodes.go.set)

    assert [(type(error), error.args) for error in played.results.values()] == [(KeyError, ("X",))] * 3


def test_tasks_of_many_cold_scenarios_run_an_untweaked_node_once(play):
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

        async def add(n):
            got.append(await shared(n))

        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(add, n)
        return sum(got)

    @dug.memoize
    async def report():
        runs["report"] += 1
        return await above() + await key()

    played = play(dug.Context(), [ask(number, report, tweaks={key.node(): number}) for number in range(MANY)])

    assert played.results == {number: number + 3 for number in range(MANY)}
    assert runs == {"report": MANY, "above": 1, "shared": 3}


def test_a_task_goes_on_when_the_run_reads_what_differs(play):
    """Tasks are woken as threads are, and no task is lost when the first asker was cancelled in between."""
    runs, gate, late = Counter(), Gate(), Gate()

    @dug.memoize
    async def key():
        return 0

    @dug.memoize
    async def reader():
        runs["reader"] += 1
        await gate.wait()
        got = await key()
        if got == 1:
            await late.wait()
        return got

    first, second = (ask(number, reader, tweaks={key.node(): number}) for number in (1, 2))
    played = play(dug.Context(), first, second, cancel(1), lambda: runs["reader"], gate.open)

    assert played.seen == [1]
    assert played.results == {1: CANCELLED, 2: 2}
    assert late.inside == 0  # the run that nobody waits for any more was cancelled


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


def test_calls_in_a_run_that_is_alone_are_answered_at_once(nodes):
    """Nothing is switched off for a run without waiters, nor for runs after the waiters went on."""
    kept = []

    @dug.memoize
    def outer():
        nodes.key()
        nodes.over()
        frame = dug._core.steps.frame.current.get()
        kept.append(frame.homes is frame.view.cache.quick)

    asks = [nodes.ask(1, outer), until(nodes.started), nodes.ask(2, outer)]
    play_threads(dug.Context(), *asks, nodes.go.set, until_ended(2), nodes.end.set)

    assert kept == [True, True]


def test_a_listener_hears_of_one_run(nodes):
    """Events say that one scenario computed the node, and that others got it."""
    ctx, node = dug.Context(), nodes.shared.node()
    others = [nodes.ask(2, nodes.shared), nodes.ask(3, nodes.shared), until_waiting(node, 2)]
    with EventLog(ctx) as log:
        play_threads(ctx, nodes.ask(1, nodes.shared), until(nodes.started), *others, nodes.go.set)

    assert [event.kind for event in log.events if event.node == node] == ["computed", "hit", "hit"]


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
