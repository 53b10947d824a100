"""The runs in flight, as a look lists them from any thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, get_ident
from types import SimpleNamespace

import pytest

import dug
from dug._inspect.in_flight import list_in_flight

PATIENCE_S = 20


@pytest.fixture
def p():
    """``outer`` reads ``x`` and ``inner``, which calls what is in ``look``."""
    look = [lambda: None]

    @dug.memoize
    def x():
        return 1

    @dug.memoize
    def inner():
        look[0]()
        return x()

    @dug.memoize
    def outer():
        return x() + inner()

    return SimpleNamespace(x=x, inner=inner, outer=outer, look=look)


def test_runs_are_listed_below_those_that_led_to_them(p):
    """A run that goes on has its depth, its reads and its thread; what has ended is not among them."""
    seen = []
    with dug.Context() as ctx:
        p.look[0] = lambda: seen.extend(list_in_flight(ctx._here()))
        p.outer()

        assert list_in_flight(ctx._here()) == []
    assert [(one.node, one.depth, one.is_innermost, one.reads) for one in seen] == [
        (p.outer.node(), 0, False, 1), (p.inner.node(), 1, True, 0),
    ]  # fmt: skip
    assert [(one.thread, one.is_task, list(one.tweaks)) for one in seen] == [(get_ident(), False, [])] * 2


def test_a_run_under_a_tweak_tells_it(p):
    """What is computed in a context inside has the tweaks that the context around has not."""
    seen = []
    with dug.Context({p.inner: dug.scale(2)}) as ctx:
        p.look[0] = lambda: seen.extend(list_in_flight(ctx._here()))
        with dug.Context({p.x.node(): 5}):
            p.outer()

    assert [[tweak.target for tweak in one.tweaks] for one in seen] == [[p.x.node()._key]] * len(seen)
    assert [one.node for one in seen if one.is_innermost] == [p.inner.node()]


def test_runs_of_threads_and_tasks_are_listed(p):
    """Runs that go on at the same time stand beside each other, those of tasks marked."""
    both, seen = Barrier(2), []

    @dug.memoize
    async def awaited(number):
        await asyncio.sleep(0)
        seen.append({(one.node, one.depth, one.is_task) for one in list_in_flight(ctx._here())})
        return number

    @dug.memoize
    def held(number):
        both.wait(PATIENCE_S)
        seen.append({(one.node, one.depth, one.is_task) for one in list_in_flight(ctx._here())})
        both.wait(PATIENCE_S)
        return number

    async def main():
        await asyncio.gather(awaited(1), awaited(2))

    with dug.Context() as ctx:
        asyncio.run(main())
        assert {(awaited.node(1), 0, True), (awaited.node(2), 0, True)} in seen
        with ThreadPoolExecutor(2) as pool:
            tuple(pool.map(lambda number: ctx.run(held, number), (1, 2)))

    assert seen[-1] == {(held.node(1), 0, False), (held.node(2), 0, False)}
