"""Coroutine functions: the promises for functions hold for them, on asyncio and on trio.

The program most tests use is that of `test_promises`, awaited: ``double`` reads ``x``, ``total`` reads ``double`` and ``y``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import weakref
from types import SimpleNamespace

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from support import script
from support.sync_points import BACKENDS, Gate, Signal, run_on, settle

import dug
from dug.testing import EventLog


@pytest.fixture
def p():
    """Four memoised coroutine functions, new for each test, and the list of those that ran."""
    runs = []

    @dug.memoize
    async def x():
        runs.append("x")
        return 1

    @dug.memoize
    async def y():
        runs.append("y")
        return 10

    @dug.memoize
    async def double():
        runs.append("double")
        return 2 * await x()

    @dug.memoize
    async def total():
        runs.append("total")
        return await double() + await y()

    return SimpleNamespace(x=x, y=y, double=double, total=total, runs=runs)


@pytest.fixture
def square():
    """A memoised coroutine function of one argument, which notes its runs in `square.runs`."""
    runs = []

    @dug.memoize
    async def square(n, power=2):
        runs.append(n)
        return n**power

    square.runs = runs
    return square


def test_an_awaited_call_returns_the_value_and_is_remembered(run, p):
    """Awaiting a memoised coroutine function runs it and its dependencies once, and is a hit from then on."""

    async def main():
        with dug.Context() as ctx, EventLog(ctx) as log:
            first = await p.total()
            log.clear()
            second = await p.total()

        assert (first, second) == (12, 12)
        assert log.computed == []
        assert log.hits == [p.total.node()]

    run(main)
    assert p.runs == ["total", "double", "x", "y"]


def test_equal_calls_are_one_node(run, square):
    """f(1), f(n=1) and f(1, default) are one node, which runs once."""

    async def main():
        with dug.Context() as ctx:
            values = [await square(3), await square(n=3), await square(3, 2), await square.node(3)()]
            assert len(ctx.cache) == 1
        assert values == [9, 9, 9, 9]

    run(main)
    assert square.runs == [3]


def test_a_node_of_a_coroutine_function_is_awaited(run, square):
    """node() gives an awaitable, and nothing runs before that is awaited."""

    async def main():
        with dug.Context():
            asked = square.node(4)()
            before = list(square.runs)
            value = await asked
        assert (before, value) == ([], 16)

    run(main)


def test_a_memoised_coroutine_function_is_one():
    """A decorated coroutine function is one to inspect, and a decorated plain function is not."""

    @dug.memoize
    async def awaited():
        """Awaited."""

    @dug.memoize
    def called():
        """Call."""

    assert inspect.iscoroutinefunction(awaited)
    assert not inspect.iscoroutinefunction(called)
    assert awaited.__doc__ == "Awaited."


def test_a_call_outside_of_every_context_says_what_to_type(run, square):
    """Awaiting a memoised coroutine function outside of a context raises NoContextError."""

    async def main():
        with pytest.raises(dug.NoContextError, match="Wrap the call"):
            await square(1)

    run(main)
    assert square.runs == []


def test_a_wrong_call_is_a_type_error(run, square):
    """A call with wrong arguments raises the TypeError of Python."""

    async def main():
        with dug.Context(), pytest.raises(TypeError, match="square"):
            await square(1, 2, 3)

    run(main)


def test_an_argument_without_a_hash_is_named(run, square):
    """An argument that has no hash raises UnhashableArgumentError before anything runs."""

    async def main():
        with dug.Context(), pytest.raises(dug.UnhashableArgumentError, match="n="):
            await square([1])

    run(main)
    assert square.runs == []


def test_the_plain_function_is_there(run, square):
    """__wrapped__ is the coroutine function without memory."""

    async def main():
        assert [await square.__wrapped__(2), await square.__wrapped__(2)] == [4, 4]

    run(main)
    assert square.runs == [2, 2]


def test_an_activated_context_answers_in_every_task(run, square):
    """A context that was activated is in force in tasks that entered none."""

    async def main():
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(square, 5)

    context = dug.Context()
    context.activate()
    try:
        run(main)
    finally:
        context.deactivate()
    assert square.runs == [5]
    assert context[square.node(5)] == 25


def test_a_context_runs_a_coroutine_function_inside_it(run, square):
    """ctx.run enters the context only for making the coroutine; the await must be inside as well."""

    async def main():
        async def ask():
            with context:
                return await square(6)

        context = dug.Context()
        assert [await ask(), await ask()] == [36, 36]

    run(main)
    assert square.runs == [6]


def test_what_is_looked_at_runs_nothing(run, p):
    """A memo of a coroutine function is looked at without awaiting anything."""

    async def main():
        with dug.Context() as ctx:
            assert p.total.node() not in ctx
            await p.total()

        assert ctx[p.total.node()] == 12
        assert [node.function for node in ctx.memo(p.total.node()).dependencies] == [p.double, p.y]

    run(main)


class Trade:
    """Has a coroutine method, class method and static method, all memoised."""

    __hash__ = object.__hash__  # its identity is what counts

    def __init__(self, size):
        self.size = size
        self.runs = []

    @dug.memoize
    async def pv(self, rate=2):
        """Return a value, and note the run."""
        self.runs.append(rate)
        return self.size * rate

    @dug.memoize
    @classmethod
    async def kind(cls):
        """Return the name of the class."""
        return cls.__name__

    @dug.memoize
    @staticmethod
    async def currency(name):
        """Return the argument."""
        return name.upper()


class Swap(Trade):
    """Inherits."""


def test_methods_have_a_node_for_each_instance(run):
    """A coroutine method is memoised by instance and arguments, and its nodes can be made from either side."""

    async def main():
        with dug.Context():
            values = [await small.pv(), await small.pv(2), await large.pv(rate=3), await Trade.pv(large, 3)]
        assert values == [2, 2, 30, 30]

    small, large = Trade(1), Trade(10)
    run(main)
    assert (small.runs, large.runs) == ([2], [3])
    assert Trade.pv.node(small) == small.pv.node()
    assert inspect.iscoroutinefunction(small.pv)


def test_a_method_is_tweaked_for_one_instance(run):
    """A tweak of a node of a coroutine method holds for that instance."""

    async def main():
        with dug.Context(tweaks={small.pv.node(): 7}):
            assert [await small.pv(), await large.pv()] == [7, 20]

    small, large = Trade(1), Trade(10)
    run(main)


def test_class_methods_and_static_methods_are_memoised(run):
    """Coroutine class methods have a node for each class, and static methods are functions."""

    async def main():
        with dug.Context() as ctx:
            values = [await Trade.kind(), await Swap.kind(), await Swap(1).kind(), await Trade.currency("eur")]
            assert len(ctx.cache) == 3
        assert values == ["Trade", "Swap", "Swap", "EUR"]

    run(main)


def test_a_partial_of_a_coroutine_function_can_be_decorated(run):
    """A functools.partial of a coroutine function is memoised and awaited."""
    runs = []

    async def power(base, exponent):
        runs.append((base, exponent))
        return base**exponent

    cube = dug.memoize(functools.partial(power, exponent=3))

    async def main():
        with dug.Context():
            assert [await cube(2), await cube(2)] == [8, 8]

    run(main)
    assert runs == [(2, 3)]


def test_a_partial_of_a_decorated_function_is_the_same_node(run, square):
    """A functools.partial of a memoised coroutine function asks for its nodes."""

    async def main():
        with dug.Context():
            assert [await functools.partial(square, power=3)(2), await square(2, 3)] == [8, 8]

    run(main)
    assert square.runs == [2]


def test_an_object_that_is_awaited_when_called_can_be_decorated(run):
    """An object whose __call__ is a coroutine function is memoised and awaited."""

    class Service:
        runs = 0

        async def __call__(self, n):
            self.runs += 1
            return n + 1

    service = Service()
    ask = dug.memoize(service, name="tests:ask")

    async def main():
        with dug.Context():
            assert [await ask(1), await ask(1)] == [2, 2]

    run(main)
    assert service.runs == 1


def test_a_source_is_asked_again_after_an_invalidation(run):
    """A coroutine source is read once, and once more after its node is invalidated."""
    answers = iter([1, 2])

    @dug.source
    async def feed():
        return next(answers)

    @dug.memoize
    async def double():
        return 2 * await feed()

    async def main():
        with dug.Context() as ctx:
            before = [await double(), await double()]
            ctx.invalidate(feed.node())
            assert [*before, await double()] == [2, 2, 4]

    run(main)


def test_options_of_the_decorator_hold(run):
    """ignore= and key= of memoize hold for coroutine functions."""
    runs = []

    @dug.memoize(key={"names": tuple}, ignore=("logger",))
    async def count(names, logger=None):
        runs.append(names)
        return len(names)

    async def main():
        with dug.Context():
            assert [await count(["a", "b"]), await count(["a", "b"], logger=print)] == [2, 2]

    run(main)
    assert runs == [["a", "b"]]


def test_a_coroutine_that_returns_a_generator_is_refused(run):
    """An object that can be consumed once is not a value to remember, and the error says so."""

    @dug.memoize
    async def numbers():
        return (n for n in range(3))

    async def main():
        with dug.Context(), pytest.raises(TypeError, match="consumed once"):
            await numbers()

    run(main)


def test_a_function_is_redefined_as_a_coroutine_function(run):
    """Decorating a coroutine function under the name of a plain one takes the name over."""

    def answer():
        return 1

    answer.__qualname__ = "answer_of_test_async"
    dug.memoize(answer)

    async def answer():
        return 2

    answer.__qualname__ = "answer_of_test_async"
    awaited = dug.memoize(answer)

    async def main():
        with dug.Context():
            assert await awaited() == 2

    run(main)


async def ask_in_turn(*asks):
    """Await one after the other."""
    return [await ask() for ask in asks]


async def ask_in_nursery(*asks):
    """Await in an anyio task group."""
    values = [None] * len(asks)

    async def keep(place, ask):
        values[place] = await ask()

    async with anyio.create_task_group() as group:
        for place, ask in enumerate(asks):
            group.start_soon(keep, place, ask)
    return values


async def ask_in_gather(*asks):
    """Await with asyncio.gather."""
    return await asyncio.gather(*[ask() for ask in asks])


async def ask_in_task_group(*asks):
    """Await in an asyncio.TaskGroup."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask()) for ask in asks]
    return [task.result() for task in tasks]


async def ask_in_tasks(*asks):
    """Await tasks that were created first, the last one first."""
    tasks = [asyncio.create_task(ask()) for ask in asks]
    for task in reversed(tasks):
        await task
    return [task.result() for task in tasks]


async def ask_as_completed(*asks):
    """Await whatever is ready first."""
    tasks = [asyncio.create_task(ask()) for ask in asks]
    for ready in asyncio.as_completed(tasks):
        await ready
    return [task.result() for task in tasks]


WAYS = [
    *[(ask, backend) for ask in (ask_in_turn, ask_in_nursery) for backend in BACKENDS],
    *[(ask, "asyncio") for ask in (ask_in_gather, ask_in_task_group, ask_in_tasks, ask_as_completed)],
]


@pytest.mark.parametrize(("ask", "backend"), WAYS)
def test_what_is_read_is_recorded_however_it_is_awaited(ask, backend, p):
    """Tweaking a node that a body read through tasks runs the body again; tweaking another does not."""
    runs = []

    @dug.memoize
    async def root():
        runs.append("root")
        return tuple(await ask(p.double, p.y))

    async def main():
        with dug.Context() as ctx:
            values = [await root()]
            with dug.Context(tweaks={p.x.node(): 5}):
                values.append(await root())
            with dug.Context(tweaks={p.y.node(): 0}):
                values.append(await root())
            with dug.Context(tweaks={p.total.node(): 0}):
                values.append(await root())
            assert {node.function for node in ctx.memo(root.node()).dependencies} == {p.double, p.y}
        assert values == [(2, 10), (10, 10), (2, 0), (2, 10)]

    run_on(backend, main)
    assert runs == ["root"] * 3
    assert sorted(p.runs) == ["double", "double", "x", "y"]


@pytest.fixture
def blocking():
    """A blocking memoised function that reads another one, and the list of those that ran."""
    runs = []

    @dug.memoize
    def rate():
        runs.append("rate")
        return 3

    @dug.memoize
    def price(n):
        runs.append("price")
        return n * rate()

    return SimpleNamespace(rate=rate, price=price, runs=runs)


@pytest.mark.parametrize(
    ("in_thread", "backend"),
    [
        (asyncio.to_thread, "asyncio"),
        (anyio.to_thread.run_sync, "asyncio"),
        (anyio.to_thread.run_sync, "trio"),
    ],
)
def test_a_blocking_function_in_a_thread_is_recorded(in_thread, backend, blocking):
    """A node that a body reads through to_thread is a dependency: tweaking its input runs the body again."""
    runs = []

    @dug.memoize
    async def root():
        runs.append("root")
        return await in_thread(blocking.price, 2)

    async def main():
        with dug.Context() as ctx:
            values = [await root(), await root()]
            with dug.Context(tweaks={blocking.rate.node(): 4}):
                values.append(await root())
            assert ctx.memo(root.node()).dependencies == (blocking.price.node(2),)
        assert values == [6, 6, 8]

    run_on(backend, main)
    assert runs == ["root", "root"]
    assert blocking.runs == ["price", "rate", "price"]


def test_a_plain_function_called_in_a_body_is_recorded(run, blocking):
    """A node that a coroutine function reads by a plain call is a dependency."""
    runs = []

    @dug.memoize
    async def root():
        runs.append("root")
        return blocking.price(2) + 1

    async def main():
        with dug.Context():
            values = [await root()]
            with dug.Context(tweaks={blocking.rate.node(): 4}):
                values.append(await root())
        assert values == [7, 9]

    run(main)
    assert runs == ["root", "root"]


def test_a_plain_function_that_runs_a_loop_is_recorded(p):
    """A plain function that runs a loop of its own depends on the nodes that it awaits there."""

    @dug.memoize
    def top():
        return asyncio.run(_value(p.double)) + 1

    with dug.Context():
        values = [top(), top()]
        with dug.Context(tweaks={p.x.node(): 5}):
            values.append(top())

    assert values == [3, 3, 11]
    assert p.runs == ["double", "x", "double"]


async def _value(function):
    return await function()


def test_a_read_that_depends_on_a_value_is_no_longer_one(run, p):
    """The dependencies of a memo are those of the run that made it, and no others."""

    @dug.memoize
    async def chosen():
        return await p.y() if await p.x() > 1 else 0

    async def main():
        with dug.Context() as ctx:
            plain = await chosen()
            assert ctx.memo(chosen.node()).dependencies == (p.x.node(),)
            with dug.Context(tweaks={p.x.node(): 2}) as child:
                tweaked = await chosen()
                assert child.memo(chosen.node()).dependencies == (p.x.node(), p.y.node())
        assert (plain, tweaked) == (0, 10)

    run(main)


def test_each_task_reads_for_the_body_it_belongs_to(play):
    """Bodies that are open at the same time do not note each other's reads."""
    ctx, gate = dug.Context(), Gate()

    @dug.memoize
    async def leaf(n):
        await gate.wait()
        return n

    @dug.memoize
    async def branch(n):
        return await leaf(n) + await leaf(n + 1)

    play(ctx, [script.ask(n, branch, n) for n in (0, 10)], gate.open)

    assert ctx.memo(branch.node(0)).dependencies == (leaf.node(0), leaf.node(1))
    assert ctx.memo(branch.node(10)).dependencies == (leaf.node(10), leaf.node(11))
    assert gate.most == 2


def test_a_tweaked_value_is_awaited(run, p):
    """A value in the place of a coroutine node is the result of an await, and the node does not run."""

    async def main():
        with dug.Context(tweaks={p.x.node(): 5}):
            assert [await p.x(), await p.total()] == [5, 20]

    run(main)
    assert p.runs == ["total", "double", "y"]


@pytest.mark.parametrize(("tweak", "value"), [(dug.shift(4), 20), (dug.scale(3), 16), (dug.bump(lambda v: -v), 8)])
def test_a_bump_acts_on_what_the_coroutine_gives(run, p, tweak, value):
    """A bump, shift or scale of a coroutine node awaits the node and acts on its value."""

    async def main():
        with dug.Context():
            plain = await p.total()
            with dug.Context(tweaks={p.x.node(): tweak}):
                assert (plain, await p.total()) == (12, value)

    run(main)
    assert p.runs == ["total", "double", "x", "y", "double", "total"]


def test_bumps_of_a_node_and_of_what_it_reads_compose(run, p):
    """A bump of an input and of a node derived from it both act, nested in either order."""

    async def main():
        values = []
        for outer, inner in [(p.x, p.double), (p.double, p.x)]:
            with dug.Context(tweaks={outer.node(): dug.shift(1)}), dug.Context(tweaks={inner.node(): dug.shift(1)}):
                values.append(await p.total())
        assert values == [15, 15]

    run(main)


def test_a_bump_may_be_awaited(run, p):
    """The function of a bump may be a coroutine function."""

    async def negate(value):
        await settle()
        return -value

    async def main():
        with dug.Context(tweaks={p.x.node(): dug.bump(negate)}):
            assert await p.total() == 8

    run(main)


def test_a_replacement_is_a_coroutine_function_that_is_traced(run, p):
    """An async replacement runs instead of the function, and its reads are recorded."""

    async def other():
        return await p.y() + 1

    async def main():
        with dug.Context(), dug.Context(tweaks={p.x: other}):
            values = [await p.double()]
            with dug.Context(tweaks={p.y.node(): 0}):
                values.append(await p.double())
        assert values == [22, 2]

    run(main)
    assert p.runs == ["double", "y", "double"]


def test_a_replacement_may_be_a_plain_function(run, p):
    """A plain function may replace a coroutine function, which is awaited all the same."""

    async def main():
        with dug.Context(tweaks={p.x: lambda: 5}):
            assert await p.total() == 20

    run(main)
    assert p.runs == ["total", "double", "y"]


def test_a_replacement_awaits_the_original(run, square):
    """Awaiting the same node inside a replacement gives the node without this tweak."""

    async def wrapped(n, power=2):
        return await square(n, power) + 1

    async def main():
        with dug.Context():
            values = [await square(2)]
            with dug.Context(tweaks={square: wrapped}):
                values.append(await square(2))
                with dug.Context(tweaks={square: wrapped}):
                    values.append(await square(2))
        assert values == [4, 5, 6]

    run(main)
    assert square.runs == [2]


def test_a_replacement_awaits_other_nodes_of_the_function_as_replaced(run, square):
    """Awaiting another node of the replaced function inside the replacement gives the replaced one."""

    async def counted(n, power=2):
        return 0 if n == 0 else 1 + await square(n - 1)

    async def main():
        with dug.Context(tweaks={square: counted}):
            assert await square(3) == 3

    run(main)
    assert square.runs == []


def test_a_replacement_gathers_the_original(run, square):
    """A replacement may ask for the original in tasks of its own."""

    async def wrapped(n, power=2):
        return sum(await ask_in_nursery(functools.partial(square, n), functools.partial(square, n + 1)))

    async def main():
        with dug.Context(tweaks={square: wrapped, square.node(3): 100}):
            assert await square(2) == 104

    run(main)
    assert square.runs == [2]


def test_an_untweaked_node_is_what_it_was(run, p):
    """UNTWEAKED gives the node as if no context around tweaked it."""

    async def main():
        with dug.Context(tweaks={p.x.node(): 5, p.y: lambda: 0}):
            tweaked = await p.total()
            with dug.Context(tweaks={p.x.node(): dug.UNTWEAKED}):
                one = await p.total()
                with dug.Context(tweaks={p.y: dug.UNTWEAKED}):
                    assert (tweaked, one, await p.total()) == (10, 2, 12)

    run(main)


def test_a_tweak_of_a_node_beats_that_of_its_function(run, square):
    """Within one context the tweak of a node beats the tweak of its function, for coroutine functions too."""

    async def zero(n, power=2):
        return 0

    async def main():
        with dug.Context(tweaks={square: zero, square.node(3): 7}):
            assert [await square(2), await square(3)] == [0, 7]

    run(main)


def test_a_tweak_shows_at_once_in_every_task(play, p):
    """ctx.tweak on an open context is seen by tasks that were started under it before."""
    ctx, gate = dug.Context(), Gate()

    async def call_twice():
        before = await p.total()
        await gate.wait()
        return before, await p.total()

    played = play(ctx, script.ask("task", call_twice), lambda: ctx.tweak(p.x.node(), 5), gate.open)

    assert played.results == {"task": (12, 20)}


def test_siblings_share_what_they_agree_on(play, p):
    """Two scenarios open at the same time in two tasks share memos that read none of their tweaks."""
    played = play(dug.Context(), [script.ask(x, p.total, tweaks={p.x.node(): x}) for x in range(4)])

    assert played.results == {0: 10, 1: 12, 2: 14, 3: 16}
    assert p.runs.count("y") == 1
    assert p.runs.count("total") == 4


def test_a_task_keeps_the_context_it_was_started_in(run, p):
    """A task goes on in the context in which it was started, whatever the others enter."""

    async def main():
        values = {}
        go = anyio.Event()

        async def ask(name):
            await go.wait()
            values[name] = await p.double()

        with dug.Context():
            async with anyio.create_task_group() as group:
                group.start_soon(ask, "plain")
                with dug.Context(tweaks={p.x.node(): 5}):
                    group.start_soon(ask, "tweaked")
                    await settle()
                go.set()
        assert values == {"plain": 2, "tweaked": 10}

    run(main)


def test_reentering_a_context_finds_its_results(run, p):
    """A context that is entered again has its memos, unless their dependencies were tweaked around it."""

    async def main():
        child = dug.Context(tweaks={p.x.node(): 5})
        with dug.Context() as parent:
            with child:
                values = [await p.total()]
            p.runs.clear()
            with child:
                values.append(await p.total())
            again = list(p.runs)
            parent.tweak(p.y.node(), 0)
            with child:
                values.append(await p.total())
        assert values == [20, 20, 10]
        assert again == []

    run(main)
    assert p.runs == ["total"]


def test_a_context_inside_a_body_does_not_leak(run, p):
    """Memos that a body computes under a context of its own are its own; its reads there are dependencies."""
    runs = []

    @dug.memoize
    async def difference():
        runs.append(1)
        with dug.Context(tweaks={p.x.node(): 5}):
            up = await p.total()
        return up - await p.total()

    async def main():
        with dug.Context() as ctx:
            values = [await difference()]
            assert p.x.node() in ctx
            assert ctx[p.x.node()] == 1
            with dug.Context(tweaks={p.y.node(): 0}):
                values.append(await difference())
            with dug.Context(tweaks={p.x.node(): 2}):
                values.append(await difference())
        assert values == [8, 8, 6]

    run(main)
    assert len(runs) == 3


def test_contexts_in_tasks_of_a_body_are_recorded(run, p):
    """The reads of each task of a body under a context of its own are dependencies of the body."""

    @dug.memoize
    async def ladder():
        async def ask(x):
            with dug.Context(tweaks={p.x.node(): x}):
                return await p.total()

        return tuple(await ask_in_nursery(*[functools.partial(ask, x) for x in range(3)]))

    async def main():
        with dug.Context():
            values = [await ladder()]
            with dug.Context(tweaks={p.y.node(): 0}):
                values.append(await ladder())
            with dug.Context(tweaks={p.double: lambda: 1}):
                values.append(await ladder())
        assert values == [(10, 12, 14), (0, 2, 4), (11, 11, 11)]

    run(main)


def test_an_equal_value_ends_the_recomputation(run, p):
    """A node that gives an equal value under a tweak is run, and its dependents are reused."""

    @dug.memoize
    async def parity():
        return await p.x() % 2

    @dug.memoize
    async def text():
        return "odd" if await parity() else "even"

    async def main():
        with dug.Context():
            await text()
            with dug.Context(tweaks={p.x.node(): 3}) as child, EventLog(child) as log:
                assert await text() == "odd"
        assert log.computed == [parity.node()]
        assert log.reused == [text.node()]

    run(main)


def test_plain_and_coroutine_functions_are_verified_in_one_chain(run, p):
    """Early cut-off passes through a plain node between coroutine nodes."""
    inputs = {"n": 1}

    @dug.source
    def feed():
        return inputs["n"]

    @dug.memoize
    async def parity():
        return feed() % 2

    @dug.memoize
    async def text():
        return "odd" if await parity() else "even"

    async def main():
        with dug.Context() as ctx, EventLog(ctx) as log:
            await text()
            log.clear()
            inputs["n"] = 3
            ctx.invalidate(feed.node())
            assert await text() == "odd"
        assert log.computed == [feed.node(), parity.node()]
        assert log.reused == [text.node()]

    run(main)


def test_invalidation_runs_what_ran_the_node(run, p):
    """Invalidating a coroutine node runs it again, and its dependents only when its value changed."""
    values = iter([1, 1, 2])

    @dug.source
    async def feed():
        return next(values)

    @dug.memoize
    async def twice():
        p.runs.append("twice")
        return 2 * await feed()

    async def main():
        with dug.Context() as ctx:
            seen = [await twice()]
            for _ in range(2):
                ctx.invalidate(feed)
                seen.append(await twice())
        assert seen == [2, 2, 4]

    run(main)
    assert p.runs == ["twice", "twice"]


def test_reads_in_sequence_are_verified_up_to_the_first_change(run):
    """A read that a body made after one that has changed is not asked for to verify it."""
    runs = []
    inputs = {"key": "a"}

    @dug.source
    async def key():
        return inputs["key"]

    @dug.source
    async def look(name):
        runs.append(name)
        return name

    @dug.memoize
    async def found():
        return await look(await key())

    async def main():
        with dug.Context() as ctx:
            values = [await found()]
            inputs["key"] = "b"
            ctx.invalidate(key, look)
            values.append(await found())
        assert values == ["a", "b"]

    run(main)
    assert runs == ["a", "b"]


def test_reads_in_sequence_are_verified_one_after_the_other(play):
    """Reads that a body awaited in turn are verified in turn, and never at the same time."""
    ctx, gate = dug.Context(), Gate()

    @dug.source
    async def leaf(n):
        await gate.wait()
        return n

    @dug.memoize
    async def root():
        return await leaf(1) + await leaf(2) + await leaf(3)

    play(ctx, gate.open, script.ask("first", root))
    gate.close()
    ctx.invalidate(leaf)
    with EventLog(ctx) as log:
        played = play(ctx, script.ask("again", root), lambda: gate.inside, gate.open)

    assert (played.seen, gate.most) == ([1], 1)
    assert log.computed == [leaf.node(1), leaf.node(2), leaf.node(3)]
    assert log.reused == [root.node()]


@pytest.mark.parametrize(("ask", "backend"), [way for way in WAYS if way[0] is not ask_in_turn])
def test_gathered_reads_are_verified_together(ask, backend):
    """Reads that a body gathered are verified at the same time, at each invalidation."""
    ctx, gate = dug.Context(), Gate()

    @dug.source
    async def leaf(n):
        await gate.wait()
        return n

    @dug.memoize
    async def root():
        return sum(await ask(*[functools.partial(leaf, n) for n in range(5)]))

    script.play_tasks(backend, ctx, gate.open, script.ask("first", root))
    for _ in range(3):
        gate.close()
        ctx.invalidate(leaf)
        with EventLog(ctx) as log:
            played = script.play_tasks(backend, ctx, script.ask("again", root), lambda: gate.inside, gate.open)

        assert played.seen == [5]
        assert len(log.computed) == 5
        assert log.reused == [root.node()]


@pytest.mark.parametrize(("ask", "backend"), [way for way in WAYS if way[0] is not ask_in_turn])
def test_gathered_reads_are_verified_together_after_a_change(ask, backend):
    """Reads that a body gathered are verified together also when the last verification failed and the body ran again."""
    ctx, gate = dug.Context(), Gate()
    inputs = {"n": 0}

    @dug.source
    async def leaf(n):
        await gate.wait()
        return n * inputs["n"]

    @dug.memoize
    async def root():
        return sum(await ask(*[functools.partial(leaf, n) for n in range(5)]))

    for n in range(4):
        gate.close()
        inputs["n"] = n
        ctx.invalidate(leaf)
        played = script.play_tasks(backend, ctx, script.ask("root", root), lambda: gate.inside, gate.open)

        assert played.seen == [5]
        assert played.results == {"root": 10 * n}


@pytest.mark.parametrize("expected", [3, 1])
def test_a_gather_after_a_read_is_verified_after_it(play, expected):
    """Reads that a body gathered after another read are verified once that one holds, and together."""
    ctx, gate, runs = dug.Context(), Gate(), []
    inputs = {"count": 3}

    @dug.source
    async def count():
        runs.append("count")
        return inputs["count"]

    @dug.source
    async def leaf(n):
        runs.append(n)
        await gate.wait()
        return n

    @dug.memoize
    async def root():
        return sum(await ask_in_nursery(*[functools.partial(leaf, n) for n in range(await count())]))

    play(ctx, gate.open, script.ask("first", root))
    inputs["count"] = expected
    ctx.invalidate(count, leaf)
    gate.close()
    runs.clear()
    played = play(ctx, script.ask("again", root), lambda: gate.inside, gate.open)

    assert played.seen == [expected]
    assert runs[0] == "count"
    assert sorted(runs[1:]) == list(range(expected))


def test_a_semaphore_in_a_body_bounds_what_is_verified_together(run):
    """A semaphore in the bodies bounds how many of them are open at the same time, at first and when they are verified."""
    gate = Gate()

    async def main():
        limiter = anyio.CapacityLimiter(2)

        @dug.source
        async def leaf(n):
            async with limiter:
                await gate.wait()
                return n

        @dug.memoize
        async def root():
            return sum(await ask_in_nursery(*[functools.partial(leaf, n) for n in range(6)]))

        with dug.Context() as ctx:
            for _ in range(2):
                gate.close()
                ctx.invalidate(leaf)
                async with anyio.create_task_group() as group:
                    group.start_soon(root)
                    await settle()
                    inside = gate.inside
                    gate.open()
                assert (inside, gate.most) == (2, 2)
                assert await root() == 15

    run(main)


def test_an_exception_that_cannot_be_copied_arrives_unchanged(run):
    """An exception with an __init__ of its own is raised as it is, not as a copy of another type."""

    class OddError(Exception):
        def __init__(self, first, second):
            super().__init__(f"{first} {second}")
            self.parts = first, second

    @dug.memoize
    async def bottom():
        raise OddError(1, 2)

    async def main():
        with dug.Context(), pytest.raises(OddError) as caught:
            await bottom()
        assert caught.value.parts == (1, 2)

    run(main)


def test_a_failure_serves_within_the_outermost_call_and_is_tried_again_by_the_next(run):
    """A failing node runs once within an outermost call, however many ask, and again in the next one."""
    runs = []

    @dug.memoize
    async def broken():
        runs.append("broken")
        raise ValueError(len(runs))

    @dug.memoize
    async def tries():
        caught = []
        for _ in range(3):
            try:
                await broken()
            except ValueError as exc:
                caught.append(exc)
        return [error.args for error in caught], len(set(map(id, caught)))

    async def main():
        with dug.Context():
            assert await tries() == ([(1,)] * 3, 3)
            first = list(runs)
            for _ in range(2):
                with pytest.raises(ValueError, match=r"2|3"):
                    await broken()
        assert first == ["broken"]

    run(main)
    assert len(runs) == 3


def test_a_caught_exception_leaves_an_edge(run, p):
    """A body that catches the exception of a node depends on that node."""

    @dug.memoize
    async def inverse():
        return 1 / await p.x()

    @dug.memoize
    async def safe():
        try:
            return await inverse()
        except ZeroDivisionError:
            return -1

    async def main():
        with dug.Context(tweaks={p.x.node(): 0}):
            values = [await safe(), await safe()]
            with dug.Context(tweaks={p.x.node(): 2}):
                values.append(await safe())
        assert values == [-1, -1, 0.5]

    run(main)


def test_a_caught_failure_of_a_source_is_not_served_after_the_call(run):
    """A node that caught the error of a source is tried again by the next outermost call."""
    answers = iter([OSError("down"), 7])

    @dug.source
    async def feed():
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    @dug.memoize
    async def safe():
        try:
            return await feed()
        except OSError:
            return -1

    async def main():
        with dug.Context():
            assert [await safe(), await safe(), await safe()] == [-1, 7, 7]

    run(main)


def test_one_failing_node_does_not_hide_anothers_value(run, square):
    """A node that finished beside a failing one is remembered."""

    @dug.memoize
    async def broken():
        await settle()
        raise ValueError

    @dug.memoize
    async def root():
        results = []

        async def ask(function, *args):
            try:
                results.append(await function(*args))
            except ValueError:
                results.append(-1)

        async with anyio.create_task_group() as group:
            group.start_soon(ask, square, 3)
            group.start_soon(ask, broken)
        return sum(results)

    async def main():
        with dug.Context():
            assert [await root(), await square(3)] == [8, 9]

    run(main)
    assert square.runs == [3]


def test_gather_collects_exceptions(run_asyncio, square):
    """asyncio.gather(return_exceptions=True) has the values and the exceptions that the bodies raised."""
    error = ValueError("no")

    @dug.memoize
    async def broken():
        raise error

    @dug.memoize
    async def root():
        return tuple(await asyncio.gather(square(2), broken(), square(3), return_exceptions=True))

    async def main():
        with dug.Context() as ctx:
            assert await root() == (4, error, 9)
            assert ctx.memo(root.node()).dependencies == (square.node(2), broken.node(), square.node(3))

    run_asyncio(main)


def test_the_traceback_of_a_failure_does_not_grow(run):
    """An exception that is raised again and again within a call keeps the length of its traceback."""

    @dug.memoize
    async def broken():
        raise ValueError

    def length(error):
        count, traceback = 0, error.__traceback__
        while traceback is not None:
            count, traceback = count + 1, traceback.tb_next
        return count

    @dug.memoize
    async def tries():
        lengths = []
        for _ in range(5):
            try:
                await broken()
            except ValueError as exc:
                lengths.append(length(exc))
        return tuple(lengths)

    async def main():
        with dug.Context():
            lengths = await tries()
        assert len(set(lengths[1:])) == 1

    run(main)


def test_events_tell_of_failures(run, p):
    """A failed run of a coroutine function emits an event with its error, and so do its failed dependents after it."""
    error = ValueError()

    @dug.memoize
    async def broken():
        raise error

    @dug.memoize
    async def top():
        return await broken()

    async def main():
        with dug.Context() as ctx, EventLog(ctx) as log:
            with pytest.raises(ValueError):  # noqa: PT011  it has no text
                await top()
        assert log.failed == [broken.node(), top.node()]
        assert [event.error for event in log.events] == [error, error]

    run(main)


def test_a_node_that_awaits_itself_is_a_circle_at_once(run):
    """A node that awaits itself raises CycleError with the path."""

    @dug.memoize
    async def ring():
        return await ring()

    async def main():
        with dug.Context() as ctx:
            with pytest.raises(dug.CycleError) as caught:
                await ring()
            assert len(ctx.cache) == 0
        assert caught.value.path == (ring.node(), ring.node())

    run(main)


def test_a_circle_through_others_has_the_path(run):
    """A circle over several coroutine functions raises CycleError with all of them in order."""

    @dug.memoize
    async def ring(n):
        return await ring((n + 1) % 3)

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError) as caught:
            await ring(0)
        assert caught.value.path == tuple(map(ring.node, (0, 1, 2, 0)))

    run(main)


def test_a_circle_through_plain_and_coroutine_functions_is_found(run):
    """A circle that leads through a thread and back to the loop raises CycleError."""

    @dug.memoize
    async def top():
        return await anyio.to_thread.run_sync(bottom)

    @dug.memoize
    def bottom():
        return anyio.from_thread.run(top)

    async def main():
        with dug.Context(), pytest.raises(dug.CycleError) as caught:
            await top()
        assert caught.value.path == (top.node(), bottom.node(), top.node())

    run(main)


def test_a_node_asked_for_in_a_task_of_itself_is_a_circle(run):
    """A task of a run that asks for the node which runs is told of the circle."""

    @dug.memoize
    async def ring():
        caught = []

        async def ask():
            try:
                await ring()
            except dug.CycleError as exc:
                caught.append(exc.path)

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
        return caught

    async def main():
        with dug.Context() as ctx:
            assert await ring() == [(ring.node(), ring.node())]
            assert ring.node() not in ctx

    run(main)


def test_a_circle_can_be_broken_by_a_tweak(run):
    """A node of a circle that is tweaked to a value ends it."""

    @dug.memoize
    async def ring(n):
        return 1 + await ring((n + 1) % 3)

    async def main():
        with dug.Context(tweaks={ring.node(2): 10}):
            assert await ring(0) == 12

    run(main)


def test_a_node_may_await_itself_in_another_scenario(run, p):
    """The same node in a scenario that is tweaked differently is not a circle."""

    @dug.memoize
    async def steps():
        x = await p.x()
        if x > 3:
            return 0
        with dug.Context(tweaks={p.x.node(): x + 1}):
            return 1 + await steps()

    async def main():
        with dug.Context():
            assert await steps() == 3

    run(main)


@pytest.mark.slow
def test_a_deep_chain_needs_no_recursion(run):
    """A chain of three thousand coroutine nodes needs no setting of the interpreter, first and when it is verified."""
    inputs = {"n": 0}

    @dug.source
    async def feed():
        return inputs["n"]

    @dug.memoize
    async def chain(n):
        return (await chain(n - 1) if n else await feed()) + 1

    async def main():
        with dug.Context() as ctx:
            values = [await chain(3_000)]
            inputs["n"] = 1
            ctx.invalidate(feed)
            values.append(await chain(3_000))
        assert values == [3_001, 3_002]

    run(main)


def test_a_task_that_outlives_its_run_is_told(run_asyncio, p):
    """A task that asks after its run has ended is warned with both names, gets the right value, and adds nothing to the memo."""
    tasks = []

    async def main():
        go = asyncio.Event()

        async def ask():
            await go.wait()
            return await p.double()

        @dug.memoize
        async def root():
            tasks.append(asyncio.create_task(ask()))
            return await p.y()

        with dug.Context() as ctx:
            value = await root()
            go.set()
            with pytest.warns(RuntimeWarning, match=r"double\(\) was asked for by a task .* outlives .*root\(\)"):
                late = await tasks[0]
            assert ctx.memo(root.node()).dependencies == (p.y.node(),)
            with dug.Context(tweaks={p.x.node(): 5}) as child, EventLog(child) as log:
                await root()
        assert (value, late) == (10, 2)
        assert log.computed == []

    run_asyncio(main)


def test_a_task_that_goes_on_in_an_outer_run_reads_for_that(run, p):
    """A task belongs to the run it was started in, though a run inside that started in turn has ended."""

    async def main():
        with dug.Context() as ctx:
            async with anyio.create_task_group() as group:

                @dug.memoize
                async def inner():
                    return 1

                @dug.memoize
                async def outer():
                    value = await inner()
                    return value + sum(await ask_in_nursery(p.x, p.y))

                group.start_soon(outer)
            assert {node.function for node in ctx.memo(outer.node()).dependencies} == {inner, p.x, p.y}

    run(main)


def test_context_variables_of_a_body_stay_in_it(run):
    """A variable that a body sets is not visible to its asker, and one that its asker set is visible in the body."""
    from contextvars import ContextVar

    variable = ContextVar("variable", default="unset")

    @dug.memoize
    async def body():
        seen = variable.get()
        variable.set("by the body")
        return seen

    async def main():
        variable.set("by the asker")
        with dug.Context():
            assert [await body(), variable.get()] == ["by the asker", "by the asker"]

    run(main)


def test_the_exception_is_the_users_own_object(run):
    """The object that a coroutine body raised arrives through any number of nodes."""
    error = LookupError("no price")

    @dug.memoize
    async def bottom():
        raise error

    @dug.memoize
    async def top():
        return await bottom()

    async def main():
        with dug.Context(), pytest.raises(LookupError) as caught:
            await top()
        assert caught.value is error

    run(main)


def test_after_the_call_a_failure_is_kept_as_text(run):
    """The memo of a failure has its text and place, and holds no frame of the run."""

    @dug.memoize
    async def broken():
        raise ValueError("no price")

    async def main():
        with dug.Context() as ctx:
            with pytest.raises(ValueError, match="no price"):
                await broken()
            record = ctx.memo(broken.node())
        assert record.error.__traceback__ is None
        assert "in broken" in record.traceback

    run(main)


def test_a_read_in_a_context_that_was_left_meanwhile_is_recorded(run, p):
    """A task that a body started under a context reads for the body also after the body left that context."""
    inner = dug.Context(tweaks={p.x.node(): 5})  # held, and with it the memos computed under it

    @dug.memoize
    async def root():
        values = []

        async def ask():
            await settle()  # the context is left before this goes on
            values.append(await p.total())

        async with anyio.create_task_group() as group:
            with inner:
                group.start_soon(ask)
        return values[0]

    async def main():
        with dug.Context() as ctx:
            values = [await root()]
            with dug.Context(tweaks={p.y.node(): 0}):
                values.append(await root())
            ctx.invalidate(p.y.node())
            values.append(await root())
        assert values == [20, 10, 20]

    run(main)
    assert p.runs == ["total", "double", "y", "total", "y"]


def test_a_read_in_nested_contexts_that_were_left_meanwhile_is_recorded(run, p):
    """The same through two contexts, the inner of which tweaks a node that the outer one bumps."""

    @dug.memoize
    async def root():
        values = []

        async def ask():
            await settle()
            values.append(await p.total())

        async with anyio.create_task_group() as group:
            with dug.Context(tweaks={p.x.node(): 5}), dug.Context(tweaks={p.double.node(): dug.shift(1)}):
                group.start_soon(ask)
        return values[0]

    async def main():
        with dug.Context():
            values = [await root()]
            with dug.Context(tweaks={p.y.node(): 0}):
                values.append(await root())
            with dug.Context(tweaks={p.x.node(): 0}):
                values.append(await root())
        assert values == [21, 11, 21]

    run(main)


def test_a_task_that_outlives_its_run_under_a_context_is_told(run_asyncio, p):
    """The same for a task that was started under a context inside the run; it keeps the scenario."""
    tasks = []

    async def main():
        go = asyncio.Event()

        async def ask():
            await go.wait()
            return await p.double()

        @dug.memoize
        async def root():
            with dug.Context(tweaks={p.x.node(): 5}):
                tasks.append(asyncio.create_task(ask()))
            return await p.y()

        with dug.Context() as ctx:
            value = await root()
            go.set()
            with pytest.warns(RuntimeWarning, match=r"double\(\) was asked for by a task .* outlives .*root\(\)"):
                late = await tasks[0]
            assert ctx.memo(root.node()).dependencies == (p.y.node(),)
        assert (value, late) == (10, 10)

    run_asyncio(main)


def test_a_task_that_outlives_its_run_may_open_a_context(run_asyncio, p):
    """A task that enters a context after its run has ended is warned, and gets the value of its own scenario."""
    tasks = []

    async def main():
        go = asyncio.Event()

        async def ask():
            await go.wait()
            with dug.Context(tweaks={p.x.node(): 5}):
                return await p.double()

        @dug.memoize
        async def root():
            tasks.append(asyncio.create_task(ask()))
            return await p.y()

        with dug.Context():
            await root()
            go.set()
            with pytest.warns(RuntimeWarning, match="outlives"):
                assert await tasks[0] == 10
            assert await p.double() == 2

    run_asyncio(main)


def test_a_read_in_a_context_that_a_task_has_not_left_is_recorded(run, p):
    """A read of a task under a context counts for the body that used it, though the task is in the context still."""

    @dug.memoize
    async def root():
        values = []
        has_read, may_end = anyio.Event(), anyio.Event()

        async def ask():
            with dug.Context(tweaks={p.x.node(): 5}):
                values.append(await p.total())
                has_read.set()
                await may_end.wait()

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await has_read.wait()
            may_end.set()
        return values[0]

    async def main():
        with dug.Context():
            values = [await root()]
            with dug.Context(tweaks={p.y.node(): 0}):
                values.append(await root())
        assert values == [20, 10]

    run(main)


def test_a_coroutine_awaited_from_a_thread_is_recorded(run, p):
    """A read on the loop by a blocking function in a thread is its dependency, and so one of its caller."""

    @dug.memoize
    def blocked():
        return 1 + anyio.from_thread.run(p.double)

    @dug.memoize
    async def root():
        return await anyio.to_thread.run_sync(blocked)

    async def main():
        with dug.Context() as ctx:
            values = [await root()]
            with dug.Context(tweaks={p.x.node(): 5}):
                values.append(await root())
            assert ctx.memo(blocked.node()).dependencies == (p.double.node(),)
        assert values == [3, 11]

    run(main)
    assert p.runs == ["double", "x", "double"]


def test_a_blocking_read_in_a_thread_is_not_verified_on_the_loop(run):
    """A read that a body made through to_thread is verified in a thread too, so that the loop goes on in the meantime."""
    go = Signal()
    inputs = {"n": 1}

    @dug.source
    def feed():
        go.wait_here()
        return inputs["n"]

    @dug.memoize
    async def root():
        return await anyio.to_thread.run_sync(feed)

    async def main():
        with dug.Context() as ctx:
            go.set()
            values = [await root()]
            go.clear()
            inputs["n"] = 2
            ctx.invalidate(feed)
            async with anyio.create_task_group() as group:
                group.start_soon(root)
                await settle()
                go.set()
            assert [*values, await root()] == [1, 2]

    run(main)


@pytest.mark.parametrize("outcome", ["value", "error", "cancelled"])
def test_what_a_dropped_scenario_held_is_freed_at_once(run, outcome):
    """When a context is dropped, the reads and values of its coroutine nodes are freed without the garbage collector."""

    class Thing:
        pass

    @dug.memoize
    async def x():
        return None

    @dug.memoize
    async def holder():
        thing = await x()
        await anyio.lowlevel.checkpoint()
        if outcome == "error":
            raise ValueError
        if outcome == "cancelled":
            await anyio.sleep_forever()
        return [thing]

    @dug.memoize
    async def root():
        await ask_in_nursery(x, x)
        return await holder()

    async def ask(thing):
        with dug.Context(tweaks={x.node(): thing}), anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(cancel, scope)
                with contextlib.suppress(ValueError):
                    await root()

    async def cancel(scope):
        await settle()
        scope.cancel()

    async def main():
        things = []
        with dug.Context() as ctx:
            for _ in range(5):
                thing = Thing()
                things.append(weakref.ref(thing))
                await ask(thing)
            del thing
            await x()
            await settle()
            assert len(ctx.cache) == 1
        return [thing() is None for thing in things]

    gc.collect()
    gc.disable()
    try:
        assert run(main)[:-1] == [True] * 4
    finally:
        gc.enable()


def test_cancelling_a_deep_chain_looks_at_each_node_once(monkeypatch):
    """Cancelling a run far down does not make each node above search all open runs."""
    looked = []
    here = dug._core.steps.finish.here
    monkeypatch.setattr(dug._core.steps.finish, "here", lambda: looked.append(1) or here())

    @dug.memoize
    async def chain(n):
        if n == 0:
            reached.set()
            await asyncio.sleep(3600)
        return await chain(n - 1)

    async def main():
        with dug.Context():
            task = asyncio.create_task(chain(300))
            await reached.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    reached = asyncio.Event()
    asyncio.run(main())

    assert len(looked) <= 2
