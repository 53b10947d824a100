"""Depth is bounded by memory, and not by one stack (P8)."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from support.script import ask, play_threads
from support.sync_points import Signal, in_thread

import dug
from dug.testing import EventLog

DEEP = 3_000


@pytest.fixture
def chain():
    """A memoised function, each node of which reads the next one, down to 0."""

    @dug.memoize
    def chain(n):
        return chain(n - 1) + 1 if n else 0

    return chain


def test_a_chain_is_deeper_than_the_recursion_limit(chain):
    """A chain works that is many times deeper than Python calls may be nested, and the limit of the process is not touched."""
    before = sys.getrecursionlimit()

    with dug.Context():
        assert chain(DEEP) == DEEP

    assert sys.getrecursionlimit() == before


def test_a_chain_is_deep_in_a_worker_thread(chain):
    """It works from any thread."""
    with dug.Context() as ctx:
        assert in_thread(lambda: ctx.run(chain, DEEP)) == DEEP


@pytest.mark.slow
@pytest.mark.parametrize("where", [lambda call: call(), in_thread])
def test_a_chain_of_a_hundred_thousand_nodes(chain, where):
    """100,000 dependent nodes are computed, changed at the bottom and verified, with no setting by the user."""
    ctx = dug.Context()

    with ctx:
        assert where(lambda: ctx.run(chain, 100_000)) == 100_000
        with dug.Context(tweaks={chain.node(0): 7}) as other:
            assert where(lambda: other.run(chain, 100_000)) == 100_007


def test_only_the_descendants_run_again_in_the_deep(chain):
    """A what-if in the middle of a deep chain runs the nodes above it, each once."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        chain(DEEP)
        log.clear()
        with dug.Context(tweaks={chain.node(DEEP - 5): 1}):
            assert chain(DEEP) == 6

    assert log.computed == [chain.node(n) for n in range(DEEP - 4, DEEP + 1)]


def test_an_older_value_is_verified_in_the_deep():
    """A deep chain over an unchanged value is verified, node by node, and not run."""
    outside = [1]
    ran = []

    @dug.source
    def source():
        return outside[0]

    @dug.memoize
    def rounded():
        return source() // 10

    @dug.memoize
    def chain(n):
        ran.append(n)
        return chain(n - 1) + 1 if n else rounded()

    with dug.Context() as ctx:
        chain(DEEP)
        ran.clear()
        outside[0] = 2
        ctx.invalidate(source.node())

        assert (chain(DEEP), ran) == (DEEP, [])


def test_an_error_comes_up_from_the_deep():
    """The exception of the innermost node is raised by the outermost call, and is the same object."""
    error = LookupError("at the bottom")

    @dug.memoize
    def chain(n):
        if n:
            return chain(n - 1)
        raise error

    with dug.Context() as ctx:
        with pytest.raises(LookupError, match="at the bottom") as caught:
            chain(DEEP)
        assert caught.value is error
        assert ctx.memo(chain.node(DEEP)).kind == "failed"


def test_what_a_body_sets_in_the_deep_is_set_above(chain):
    """A ContextVar that a body sets is set in the bodies that called it, as after any call."""
    variable = contextvars.ContextVar("variable", default=0)

    @dug.memoize
    def deep(n):
        if n:
            return deep(n - 1)
        variable.set(5)
        return 1

    with dug.Context():
        deep(DEEP)

    assert variable.get() == 5


def test_a_circle_is_found_in_the_deep():
    """A node that leads back to itself after many others raises CycleError, and not a recursion error of Python."""

    @dug.memoize
    def ring(n):
        return ring((n + 1) % DEEP)

    with dug.Context(), pytest.raises(dug.CycleError, match="depends on itself"):
        ring(0)


def test_a_recursion_without_end_is_told():
    """A recursion that does not end raises DepthError, which names the last nodes and says what to type."""

    @dug.memoize
    def forever(n):
        return forever(n + 1)

    with dug.Context(max_depth=DEEP), pytest.raises(dug.DepthError, match=r"forever\(3001\)") as caught:
        forever(0)

    assert caught.value.path == tuple(forever.node(n) for n in range(DEEP - 4, DEEP + 2))
    assert "max_depth" in str(caught.value)


def test_a_depth_is_allowed_up_to_the_limit(chain):
    """``max_depth`` is how many nodes may be around one; a context inside goes by the one around it."""
    with dug.Context(max_depth=10), dug.Context():
        assert chain(10) == 10
        with pytest.raises(dug.DepthError):
            chain(22)
        with dug.Context(max_depth=20):
            assert chain(22) == 22  # half of it is known


@pytest.mark.parametrize("limit", [0, -1, 2.5, "9"])
def test_a_depth_is_a_number_of_nodes(limit):
    """Anything else is refused when the context is made."""
    with pytest.raises(ValueError, match="max_depth must be a number of nodes"):
        dug.Context(max_depth=limit)


def test_a_chain_of_coroutine_functions_is_as_deep():
    """Awaits nest as deep as calls do."""

    @dug.memoize
    async def chain(n):
        return await chain(n - 1) + 1 if n else 0

    async def main():
        with dug.Context():
            return await chain(DEEP)

    assert asyncio.run(main()) == DEEP


def test_an_async_recursion_without_end_is_told():
    """A coroutine function that awaits itself for ever raises DepthError."""

    @dug.memoize
    async def forever(n):
        return await forever(n + 1)

    async def main():
        with dug.Context(max_depth=200):
            await forever(0)

    with pytest.raises(dug.DepthError, match=r"forever\(201\)"):
        asyncio.run(main())


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt: a shell that starts a program in the background has it ignored.

    The collector is off, as an exception in a callback of its own (Hypothesis has one) is lost.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()
    yield
    gc.enable()
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_reaches_the_deep():
    """Ctrl-C is raised in the node that is at work, however deep, and nothing of the interrupted nodes is kept."""
    met = []

    @dug.memoize
    def chain(n):
        if n:
            return chain(n - 1)
        last = time.monotonic() + 20
        try:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            while time.monotonic() < last:
                time.sleep(0.001)  # 3.13 catches nothing that is raised where an empty loop jumps back
        except KeyboardInterrupt:
            met.append(n)
            raise
        return 0

    with dug.Context() as ctx:
        with pytest.raises(KeyboardInterrupt):
            chain(DEEP)
        assert len(ctx.cache) == 0

    assert met == [0]


@pytest.mark.slow
@pytest.mark.usefixtures("_interruptible")
def test_an_interrupt_at_any_moment_stops_every_thread():
    """Wherever Ctrl-C finds the evaluation on its way down, it ends, and no thread of it is left at work."""

    @dug.memoize
    def chain(n):
        if n:
            return chain(n - 1)
        last = time.monotonic() + 20
        while time.monotonic() < last:
            pass
        return 0

    def interrupt(delay: float) -> None:
        time.sleep(delay)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    for step in range(60):
        killer = threading.Thread(target=interrupt, args=(step * 0.0003,))
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012  it may come before the context is entered
            killer.start()
            with dug.Context():
                chain(DEEP)
        killer.join()
        last = time.monotonic() + 10
        while any(thread.name == "dug, deeper" and thread.is_alive() for thread in threading.enumerate()):
            assert time.monotonic() < last


def test_two_threads_that_wait_for_each_other_in_the_deep_are_told():
    """A circle over two threads is found where both are deep in an evaluation: one is told, nobody hangs."""
    there = {"left": Signal(), "right": Signal()}

    @dug.memoize
    def left(n):
        if n:
            return left(n - 1)
        there["left"].set()
        there["right"].wait_here()
        return right(DEEP)

    @dug.memoize
    def right(n):
        if n:
            return right(n - 1)
        there["right"].set()
        there["left"].wait_here()
        return left(DEEP)

    played = play_threads(dug.Context(), [ask("left", left, DEEP), ask("right", right, DEEP)])

    assert dug.CycleError in map(type, played.results.values())
