"""A sweep of coroutine functions is awaited, or iterated with ``async for``; on asyncio and on trio."""

import gc
from functools import partial
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import pytest

import dug

BACKENDS = ["asyncio", "trio"]


@pytest.fixture(params=BACKENDS)
def run(request):
    """Run a coroutine function on a loop, of each kind in turn."""
    return partial(anyio.run, backend=request.param)


@pytest.fixture
def p():
    """``total`` awaits ``x(0)`` to ``x(2)``, each through ``y``, which may fail; ``ran`` says which bodies ran."""
    ran = []

    @dug.memoize
    async def x(i):
        ran.append(("x", i))
        return i

    @dug.memoize
    async def y(i):
        ran.append(("y", i))
        await anyio.lowlevel.checkpoint()
        if await x(i) < 0:
            raise ValueError(i)
        return 10 * await x(i)

    @dug.memoize
    async def total():
        ran.append("total")
        return await y(0) + await y(1) + await y(2)

    return SimpleNamespace(x=x, y=y, total=total, ran=ran)


# Memory


def test_a_context_that_was_left_is_let_go_without_the_collector(p, run):
    """What was awaited under a tweak goes when its context goes, no later."""

    async def main():
        with dug.Context() as ctx:
            await p.total()
            before = []
            for i in range(5, 8):
                with dug.Context({p.x.node(0): i}):
                    await p.total()
                before.append(len(ctx.cache))
            return before

    gc.disable()
    try:
        assert len(set(run(main))) == 1
    finally:
        gc.enable()
