"""Many workers on one program: the answers to each, the bodies that ran, in which scenario and when.

A `ConcurrentProgram` is a `ProgramOnDug` whose bodies note each run, with the levels (the oracle's word for a scenario) in which
it was asked for, and the engine's own run. Threads and tasks play scripts on it; afterwards, when all is quiet, `check_answers`
compares their answers with the oracle, and `count_doubles` looks for bodies that ran twice.

The same fact (see `work_bound.py`) may be found out twice only

* as a failure, or by catching that of a source: once in each outermost call, and again where another call has tried it again;
* by catching any failure that another call tried again before the catcher had ended, so that nothing was filed of it;
* by the `UNTWEAKED` of a node, of which a cache may choose to make a tweak or none;
* under a context that a body opens, which lets go of its tweaks when it closes;
* in two scenarios at the same time, where the one run has read, or is likely to read, what they differ in.

In one scenario no two runs of a node ever overlap, whatever it is.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count, pairwise
from pathlib import Path
from random import Random
from threading import Barrier
from typing import Any, ClassVar

from anyio.lowlevel import checkpoint
from attrs import define, field, frozen
from hypothesis import strategies as st

import dug
from dug._core.steps.frame import current

from .flights import Flights
from .oracle import Level, Levels, Oracle, Outcome
from .program_on_dug import ProgramOnDug, Running
from .programs import (
    FUNCTIONS,
    KINDS,
    Boom,
    Call,
    Catch,
    Choose,
    Expression,
    Fail,
    Key,
    Kind,
    Original,
    Outside,
    Read,
    Sum,
    Tweaks,
    Untweaked,
    Within,
)
from .strategies import nodes, targets, tweaks
from .sync_points import Worker
from .work_bound import Fact, learn

PACKAGE = str(Path(dug.__file__).parent)
ROOT = 0
"""The token of the outermost cache."""

scenario: ContextVar[Levels] = ContextVar("scenario", default=())
"""The tweaks in force, as the oracle states them."""
outer_call: ContextVar[tuple[int, int]] = ContextVar("outer_call", default=(0, 0))
"""The number of the outermost call, and how many of the levels were in force around it."""


@define(eq=False)
class Ran:
    """One run of a body, as it happened; times are places in one order of all that happened."""

    node: Call
    body: Expression
    levels: Levels
    call: int
    depth: int
    run: Any
    began: int
    ended: int = 0

    @property
    def is_inside(self) -> bool:
        """It ran under a context that a body had opened."""
        return len(self.levels) > self.depth


@frozen
class Told:
    """The answer that a worker got."""

    node: Call
    levels: Levels
    outcome: Outcome


@define(eq=False)
class ConcurrentProgram(ProgramOnDug):
    """One program, ready to be called by many at once."""

    clock: Iterator[int] = field(factory=count)
    ran_in_full: list[Ran] = field(factory=list)
    told: list[Told] = field(factory=list)
    errors: list[BaseException] = field(factory=list)

    def pause(self) -> None:
        """Let others go on in the middle of a body."""
        time.sleep(0)

    @contextmanager
    def noted(self, node: Call, body: Expression) -> Iterator[None]:
        """Note one run of a body."""
        number, depth = outer_call.get()
        ran = Ran(node, body, scenario.get(), number, depth, current.get(), next(self.clock))
        self.ran_in_full.append(ran)
        try:
            yield
        finally:
            ran.ended = next(self.clock)

    @contextmanager
    def inside(self, level: Level) -> Iterator[None]:
        """Add a level to the tweaks in force."""
        token = scenario.set((*scenario.get(), level))
        try:
            yield
        finally:
            scenario.reset(token)

    @contextmanager
    def outermost(self) -> Iterator[None]:
        """Mark an outermost call."""
        token = outer_call.set((next(self.clock), len(scenario.get())))
        try:
            yield
        finally:
            outer_call.reset(token)

    def _run(self, number: int, body: Expression, argument: int) -> Any:
        node = Call(number, argument)
        with self.noted(node, body):
            return body.run(RunningConcurrently(self, node), argument)


@frozen
class RunningConcurrently(Running):
    """The world of one running body, which others may interrupt at every read."""

    def read(self, node: Call) -> Any:
        """Call another memoised function."""
        self.on_dug.pause()
        return super().read(node)

    def look_outside(self) -> Any:
        """Read the outside."""
        self.on_dug.pause()
        return super().look_outside()

    @contextmanager
    def within(self, tweaks: Tweaks, *, scoped: bool) -> Iterator[Any]:
        """Open a context."""
        with super().within(tweaks, scoped=scoped) as opened:
            with self.on_dug.inside(Level(tweaks, object() if scoped else None)):
                yield Changed(opened)


@frozen
class Changed:
    """A context open in a running body."""

    opened: Any

    def tweak(self, tweaks: Tweaks) -> None:
        """Tweak it further, on both sides."""
        self.opened.tweak(tweaks)
        *around, level = scenario.get()
        scenario.set((*around, Level({**level.tweaks, **tweaks}, level.cache)))


# The same programs as coroutine functions.


@define(eq=False)
class AsyncConcurrentProgram(ConcurrentProgram):
    """One program whose functions are coroutine functions, which give way to other tasks in the middle of their bodies."""

    text: ClassVar[str] = "async def f{0}(argument=0): return await run({0}, body{0}, argument)"

    async def give_way(self) -> None:
        """Let other tasks go on, mostly."""
        for _ in range(next(self.clock) % 3):
            await checkpoint()

    async def await_call(self, node: Call) -> Outcome:
        """Await a function as a user does."""
        try:
            return Outcome(await self.functions[node.function](node.argument))
        except Boom as boom:
            return Outcome(boom.args[0], failed=True)

    async def _run(self, number: int, body: Expression, argument: int) -> Any:
        node = Call(number, argument)
        with self.noted(node, body):
            return await evaluate(body, RunningCoroutine(self, node), argument)

    def _make(self, number: int, body: Expression) -> Callable[..., Any]:
        async def call(argument: int = 0) -> Any:
            return await self._run(number, body, argument)

        return call


@frozen
class RunningCoroutine(RunningConcurrently):
    """The world of one running coroutine."""

    async def read_soon(self, node: Call) -> Any:
        """Await another memoised function."""
        await self.on_dug.give_way()
        with self.scribbling():
            return await self.on_dug.functions[node.function](node.argument)


async def evaluate(expression: Expression, world: RunningCoroutine, argument: int) -> Any:  # noqa: C901  one case for each kind
    """Return the value of an expression, with awaited reads: the same as the expressions of `programs.py`, word by word."""
    match expression:
        case Read(function, of):
            return await world.read_soon(Call(function, int(await evaluate(of, world, argument) == 1)))
        case Original():
            return await world.read_soon(world.node)
        case Outside():
            await world.on_dug.give_way()
            return Running.look_outside(world)
        case Sum(left, right):
            return (await evaluate(left, world, argument) + await evaluate(right, world, argument)) % 3
        case Kind(of):
            return KINDS.get(repr(await evaluate(of, world, argument)), 0)
        case Choose(condition, yes, no):
            return await evaluate(yes if await evaluate(condition, world, argument) else no, world, argument)
        case Fail(value):
            raise Boom(await evaluate(value, world, argument))
        case Catch(body, otherwise):
            try:
                return await evaluate(body, world, argument)
            except Boom:
                return await evaluate(otherwise, world, argument)
        case Within(first, body, more, rest, scoped):
            with world.within(first, scoped=scoped) as ctx:
                before = await evaluate(body, world, argument)
                ctx.tweak(more)
                return (before + await evaluate(rest, world, argument)) % 3
    return expression.run(world, argument)


# Scripts of workers.


@frozen(eq=False)
class Enter:
    """Enter a context of its own."""

    tweaks: Tweaks
    scoped: bool = False


@frozen(eq=False)
class EnterKept:
    """Enter one of the contexts that all share."""

    index: int


@frozen(eq=False)
class Leave:
    """Leave the innermost context, but never the outermost."""


@frozen(eq=False)
class Ask:
    """Call a node."""

    node: Call


Step = Enter | EnterKept | Leave | Ask

steps = st.one_of(
    st.builds(Ask, targets),
    st.builds(Ask, targets),
    st.builds(Ask, nodes),
    st.builds(Enter, tweaks(FUNCTIONS), st.sampled_from([False, False, False, True])),
    st.builds(EnterKept, st.integers(0, 2)),
    st.just(Leave()),
)
scripts = st.lists(steps, min_size=2, max_size=8).map(lambda script: [*script, Ask(Call(FUNCTIONS - 1, 0))])


@define(eq=False)
class Workers:
    """Workers, the context that all of them are in, and those that all share; contexts are kept until the end."""

    on_dug: ConcurrentProgram
    first: Tweaks
    kept: Sequence[Tweaks]
    cache: dug.Cache = field(factory=dug.Cache)
    contexts: list[tuple[dug.Context, Level]] = field(factory=list)
    own: list[dug.Context] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        on_dug = self.on_dug
        self.contexts.append((dug.Context(on_dug.tweaks(self.first), cache=self.cache), Level(self.first, ROOT)))
        self.contexts.extend((dug.Context(on_dug.tweaks(each)), Level(each)) for each in self.kept)

    def pick(self, step: Enter | EnterKept) -> tuple[dug.Context, Level]:
        """Return the context that a step enters."""
        if isinstance(step, EnterKept):
            return self.contexts[step.index % len(self.contexts[1:]) + 1] if self.kept else self.contexts[0]
        ctx = dug.Context(self.on_dug.tweaks(step.tweaks), cache=dug.Cache() if step.scoped else None)
        self.own.append(ctx)
        return ctx, Level(step.tweaks, object() if step.scoped else None)

    def play(self, script: Iterable[Step]) -> None:
        """Run a script."""
        with self._worker() as stack:
            for step in script:
                if isinstance(step, Ask):
                    self._ask(stack, step.node)
                else:
                    self._move(stack, step)

    async def play_async(self, script: Iterable[Step]) -> None:
        """Run a script, awaiting its calls."""
        with self._worker() as stack:
            for step in script:
                if isinstance(step, Ask):
                    with self.on_dug.outermost():
                        outcome = await self.on_dug.await_call(step.node)
                    self.on_dug.told.append(Told(step.node, scenario.get(), outcome))
                else:
                    self._move(stack, step)

    @contextmanager
    def _worker(self) -> Iterator[list[Any]]:
        """Yield the contexts that one worker has entered; leave them at its end, and keep its error."""
        stack: list[Any] = []
        try:
            self._enter(stack, None)
            yield stack
        except Exception as exc:  # noqa: BLE001  told to the test
            self.on_dug.errors.append(exc)
        finally:
            while stack:
                self._leave(stack)

    def _ask(self, stack: list[Any], node: Call) -> None:
        with self.on_dug.outermost():
            outcome = self.on_dug.call(node)
        self.on_dug.told.append(Told(node, scenario.get(), outcome))

    def _move(self, stack: list[Any], step: Enter | EnterKept | Leave) -> None:
        """Enter a context, or leave one, but never the outermost."""
        if not isinstance(step, Leave):
            self._enter(stack, step)
        elif len(stack) > 1:
            self._leave(stack)

    def _enter(self, stack: list[Any], step: Enter | EnterKept | None) -> None:
        ctx, level = self.contexts[0] if step is None else self.pick(step)
        if ctx is self.contexts[0][0] and stack:  # its cache lies beneath that of a context with its own
            return
        ctx.__enter__()
        stack.append(ctx)
        scenario.set((*scenario.get(), level))

    def _leave(self, stack: list[Any]) -> None:
        stack.pop().__exit__(None, None, None)
        scenario.set(scenario.get()[:-1])


def run_threads(workers: Sequence[Callable[[], None]]) -> None:
    """Run callables in threads that begin at the same time, and wait for all of them."""
    barrier = Barrier(len(workers))

    def begin(work: Callable[[], None]) -> None:
        barrier.wait()
        work()

    started = [Worker(begin, work) for work in workers]
    for worker in started:
        worker.result()


@contextmanager
def switching_often(seed: int | None = None) -> Iterator[None]:
    """Let threads take turns after every few steps; with a seed also in the middle of any line of the engine."""
    before, tracing = sys.getswitchinterval(), threading.gettrace()
    sys.setswitchinterval(1e-6)
    if seed is not None:
        threading.settrace(Interrupter(Random(seed)).trace)
    try:
        yield
    finally:
        threading.settrace(tracing)  # type: ignore[arg-type]
        sys.setswitchinterval(before)


@frozen
class Interrupter:
    """A trace function that stops its thread at random places of the package, so that another one goes on."""

    random: Random

    def trace(self, frame: Any, event: str, _: object) -> Any:
        """Stop now and then; be called again for frames of ours."""
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes = True
        if event != "call" and self.random.random() < 0.02:
            time.sleep(0)
        return self.trace


def check_answers(on_dug: ConcurrentProgram, oracle: Oracle) -> int:
    """Compare the answers with the oracle, and return how many there were."""
    for error in on_dug.errors:
        raise error
    for told in on_dug.told:
        assert told.outcome == oracle.ask(told.node, told.levels).outcome, told
    return len(on_dug.told)


def count_doubles(on_dug: ConcurrentProgram, oracle: Oracle, flights: Flights) -> Counter[str]:
    """Return how many runs were needless, by the reason that allows them; no other must be."""
    counts: Counter[str] = Counter(runs=len(on_dug.ran_in_full))
    check_single_flight(on_dug)
    known: defaultdict[Any, list[tuple[Ran, Fact]]] = defaultdict(list)
    untweaked = {key for ran in on_dug.ran_in_full for key in find_untweaked(ran.levels)}
    for ran in sorted(on_dug.ran_in_full, key=lambda ran: ran.began):
        if ran.is_inside:
            counts["inside"] += 1
            continue
        fact = find_fact(ran, oracle)
        same = known[fact.title, ran.body, ran.run.body, ran.run.view.cache]  # one replacement may stand over itself
        if same:
            reason = find_reason(ran, fact, [other for other, _ in same], untweaked, flights)
            assert reason, ("ran twice", ran.node, ran.levels)
            counts[reason] += 1
        same.append((ran, fact))
    return counts


def check_single_flight(on_dug: ConcurrentProgram) -> None:
    """In one scenario, no two runs of a body of one node overlap."""
    by_place: defaultdict[Any, list[Ran]] = defaultdict(list)
    for ran in on_dug.ran_in_full:
        by_place[ran.node, ran.run.key, ran.body, ran.run.view.tweaks, ran.run.view.cache].append(ran)
    for runs in by_place.values():
        runs.sort(key=lambda ran: ran.began)
        assert all(first.ended < second.began for first, second in pairwise(runs)), "ran twice at once"


def find_fact(ran: Ran, oracle: Oracle) -> Fact:
    """Return the fact that a run established: the run of that body in the oracle's answer for the node."""
    pending = [oracle.ask(ran.node, ran.levels)]
    while True:
        run = pending.pop(0)
        if run.node == ran.node and run.body is ran.body:
            return learn(run)
        pending.extend(run.reads)


def find_reason(ran: Ran, fact: Fact, before: list[Ran], untweaked: set[Key], flights: Flights) -> str:
    """Return the reason that allows another run for a fact, or nothing."""
    if fact.is_brief:
        return "failures" if all(other.call != ran.call for other in before) else "failures again"
    if any(node in untweaked or node.function in untweaked for node, _ in fact.heard):
        return "untweaked"
    if any(overlap(other, ran, flights) and other.run.view.tweaks is not ran.run.view.tweaks for other in before):
        return "races"
    if catches(fact) and all(other.run.memo is None for other in before):
        return "caught again"
    return ""


def overlap(first: Ran, second: Ran, flights: Flights) -> bool:
    """Return whether two runs were in flight at the same time."""
    begins = [flights.began_at(ran.run, ran.began) for ran in (first, second)]
    return max(begins) < min(flights.ended_at(ran.run, ran.ended) for ran in (first, second))


def catches(fact: Fact) -> bool:
    """True when something on the way failed."""
    return any(cause.run.outcome.failed or catches(cause) for cause in fact.causes)


def find_untweaked(levels: Levels) -> Iterator[Key]:
    """Yield the keys that are untweaked somewhere."""
    for level in levels:
        yield from (key for key, tweak in level.tweaks.items() if isinstance(tweak, Untweaked))
