"""Calls of a coroutine function return, on both paths, an object that behaves as a coroutine does."""

from __future__ import annotations

import asyncio
import collections.abc
import contextvars
import gc
import inspect
import re
import sys
import traceback
import warnings
import weakref
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from support.marks import compiled_only

import dug
from dug._core.native.choose import compiled
from dug._core.steps.frame import current
from dug.testing import EventLog

REUSED = "cannot reuse already awaited coroutine"


@dug.memoize
async def double(x):
    """Return twice x, after a turn of the loop."""
    await anyio.lowlevel.checkpoint()
    return 2 * x


@dug.memoize
async def inverse(x):
    """Return 1 / x."""
    return 1 / x


@dug.memoize
async def chain(x):
    """Call double and inverse."""
    return await double(x) + await inverse(x)


@pytest.fixture(params=["pure", pytest.param("compiled", marks=compiled_only)])
def path(request):
    """Returns a function that makes a decorated function callable on one of the two paths."""
    if request.param == "compiled":
        return lambda decorated: decorated

    def pure(decorated):
        function = decorated._self_function
        return function.binding.compile_call(current.get, function.fetch, is_async=True)

    return pure


@pytest.fixture(params=["asyncio", "trio"])
def loop(request):
    """Returns a function that runs a coroutine function under one of the two kinds of loops."""
    return lambda fn, *args: anyio.run(fn, *args, backend=request.param)


def outcome(act):
    """Return the result or error of act, as text."""
    try:
        return repr(act())
    except BaseException as exc:  # noqa: BLE001  an interrupt that was thrown in is one
        return repr(exc)


def test_it_is_a_coroutine_to_those_who_ask(path):
    """Event loops and frameworks take it for a coroutine."""
    made = path(double)(1)

    assert isinstance(made, collections.abc.Coroutine)
    assert inspect.isawaitable(made)
    assert asyncio.iscoroutine(made)
    assert (made.__name__, made.__qualname__, made.cr_running, made.cr_await) == ("double", "double", False, None)
    assert re.fullmatch(r"<coroutine object double at 0x[0-9a-f]+>", repr(made))
    assert weakref.ref(made)() is made
    made.close()


@pytest.mark.parametrize("is_known", [False, True], ids=["miss", "hit"])
def test_it_can_be_awaited_once(path, loop, is_known):
    """The second await raises the same error as a coroutine; closing it again is nothing."""

    async def main():
        with dug.Context():
            if is_known:
                await double(1)
            made = path(double)(1)
            assert await made == 2
            with pytest.raises(RuntimeError, match=REUSED):
                await made
            with pytest.raises(RuntimeError, match=REUSED):
                made.throw(KeyError)
            made.close()

    loop(main)


def test_two_tasks_cannot_await_the_same_one(path):
    """While one task awaits it, another is told so, and the first goes on undisturbed."""

    async def wait(made):
        return await made

    async def main():
        with dug.Context():
            made = path(double)(1)
            first = asyncio.create_task(wait(made))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="coroutine is being awaited already"):
                await wait(made)
            assert await first == 2

    asyncio.run(main())


def test_a_second_run_of_it_while_it_runs_is_refused(path):
    """Code that is called while it runs cannot send, throw or close, and does it no harm."""
    heard = []

    async def main(verb, *args):
        with dug.Context() as ctx:
            await double(1)
            made = path(double)(1)
            with ctx.listen(lambda event: heard.append(outcome(lambda: (made.cr_running, getattr(made, verb)(*args))))):
                assert await made == 2

    for verb, *args in (("send", None), ("throw", KeyError), ("close",)):
        asyncio.run(main(verb, *args))

    assert heard == ["ValueError('coroutine already executing')"] * 3


@pytest.mark.parametrize(("verb", "args"), [("send", [None]), ("throw", [KeyError]), ("close", [])])
def test_a_second_run_of_it_while_it_looks_for_a_hit_is_refused(path, verb, args):
    """So it is for an argument's own code, which runs before anything else does."""
    heard = []

    class Argument:
        made = None

        def __hash__(self):
            if self.made is not None:
                made, self.made = self.made, None
                heard.append(outcome(lambda: getattr(made, verb)(*args)))
            return 7

        def __eq__(self, other):
            return self is other

    @dug.memoize
    async def second(argument, x):
        return x

    async def main():
        with dug.Context():
            argument = Argument()
            argument.made = path(second)(argument, 3)
            return await argument.made

    assert asyncio.run(main()) == 3
    assert heard == ["ValueError('coroutine already executing')"]


@pytest.mark.parametrize(
    ("args", "raised"),
    [
        ([KeyError], "KeyError()"),
        ([KeyError("x")], "KeyError('x')"),
        ([KeyboardInterrupt], "KeyboardInterrupt()"),
        ([1], "TypeError('exceptions must be classes or instances deriving from BaseException, not int')"),
        ([], "TypeError("),
    ],
)
def test_an_error_thrown_in_before_it_began_ends_it(path, args, raised):
    """An error thrown into an object that has not begun comes out, as from a coroutine; anything but an error is refused."""
    made = path(double)(1)

    assert outcome(lambda: made.throw(*args)).startswith(raised)
    if raised.startswith("Key"):
        assert outcome(lambda: made.send(None)) == f"RuntimeError('{REUSED}')"
    made.close()


def test_a_value_sent_in_before_it_began_is_refused(path):
    """The refusal leaves it to be awaited."""
    made = path(double)(1)
    with pytest.raises(TypeError, match="can't send non-None value to a just-started coroutine"):
        made.send(1)

    async def main():
        with dug.Context():
            return await made

    assert asyncio.run(main()) == 2


def test_an_error_thrown_in_while_it_waits_reaches_the_driver(path, loop):
    """A cancelled asker takes its run along, and the next one runs it again."""

    async def main():
        with dug.Context() as ctx, EventLog(ctx) as log:
            made = path(double)(1)
            with anyio.move_on_after(0) as scope:
                await made
            assert scope.cancelled_caught
            assert await path(double)(1) == 2
            assert log.count(double) == 1

    loop(main)


@pytest.mark.parametrize("is_begun", [False, True])
def test_closing_it_ends_it(path, is_begun):
    """Closed before or while it is awaited, it is done and warns of nothing."""

    async def main():
        with dug.Context():
            made = path(double)(1)
            if is_begun:
                made.send(None)
            assert made.close() is None
            assert outcome(lambda: made.send(None)) == f"RuntimeError('{REUSED}')"
            await asyncio.sleep(0)

    asyncio.run(main())


def test_each_one_that_is_never_awaited_warns(path):
    """Also when its memory was that of another one that warned."""

    def drop_some(together):
        held = [path(double)(number) for number in range(together)]
        del held[:]
        for _ in range(5):
            path(double)(1)

    for together in (0, 1, 40):
        with pytest.warns(RuntimeWarning, match="coroutine 'double' was never awaited") as record:
            drop_some(together)
        assert len(record) == together + 5


def test_one_in_a_cycle_that_is_never_awaited_warns_and_goes(path):
    """The garbage collector frees it and has it warn; its memory warns again in its next life."""

    class Box:
        """Something hashable in a cycle."""

    def drop_box():
        box = Box()
        box.made = path(double)(box)
        gone = weakref.ref(box)
        del box
        gc.collect()
        path(double)(1)
        return gone() is None

    for _ in range(3):
        with pytest.warns(RuntimeWarning, match="coroutine 'double' was never awaited") as record:
            assert drop_box()
        assert len(record) == 2


def test_one_that_its_warning_brings_back_can_be_awaited(path, monkeypatch):
    """A warning that is an error goes to the unraisable hook, which may keep the object alive."""
    kept = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: kept.append(unraisable.object))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path(double)(1)
        del path
    made = kept[0]
    if not isinstance(made, collections.abc.Coroutine):
        pytest.skip("a coroutine of Python's own does not say which it is")

    async def main():
        with dug.Context():
            return await made

    assert asyncio.run(main()) == 2
    kept.clear()


def test_the_context_in_force_is_that_of_the_await(path, loop):
    """A call made outside of any context is answered by the one in which it is awaited."""

    async def main():
        made = [path(double)(1) for _ in range(3)]
        with dug.Context(tweaks={double.node(1): 10}):
            assert await made[0] == 10
            with dug.Context(tweaks={double.node(1): 20}):
                assert await made[1] == 20
        with pytest.raises(dug.NoContextError):
            await made[2]

    loop(main)


def test_a_task_made_of_it_runs_in_the_context_of_its_making(path):
    """create_task, gather, wait_for and TaskGroup take it as they take a coroutine."""

    async def main():
        call = path(double)
        with dug.Context():
            tasks = [asyncio.create_task(call(1), name="one"), asyncio.ensure_future(call(1))]
            assert "coro=<double" in repr(tasks[0])
        assert [await task for task in tasks] == [2, 2]
        with dug.Context():
            assert await asyncio.gather(call(1), call(2), call(1)) == [2, 4, 2]
            assert await asyncio.wait_for(call(3), 10) == 6
            assert await asyncio.shield(call(3)) == 6
            async with asyncio.TaskGroup() as group:
                made = [group.create_task(call(number)) for number in (3, 4)]
            assert [task.result() for task in made] == [6, 8]
            carried = contextvars.copy_context()
        assert await asyncio.create_task(call(1), context=carried) == 2

    asyncio.run(main())


def test_a_nursery_starts_it(path, loop):
    """Task groups of anyio, on both loops, start a memoised function itself."""
    done = []

    async def main():
        async def note(number):
            done.append(await path(double)(number))

        with dug.Context():
            async with anyio.create_task_group() as group:
                for number in (1, 2, 1):
                    group.start_soon(note, number)
                group.start_soon(path(double), 5)
            assert await path(double)(5) == 10

    loop(main)
    assert sorted(done) == [2, 2, 4]


def test_a_loop_in_debug_mode_takes_it(path):
    """The debug mode of asyncio looks closer at the objects it runs."""

    async def main():
        with dug.Context():
            task = asyncio.create_task(path(chain)(1))
            assert await task == 3.0
            assert await path(chain)(1) == 3.0

    asyncio.run(main(), debug=True)


def test_an_async_generator_may_await_it(path, loop):
    """Hits and misses behave in the same way."""

    async def stream():
        for number in (1, 2, 1):
            yield await path(double)(number)

    async def main():
        with dug.Context():
            return [value async for value in stream()]

    assert loop(main) == [2, 4, 2]


def test_a_traceback_has_two_frames_of_ours(path):
    """Between its caller and the task of its run, an error shows two frames of the library."""

    async def main():
        with dug.Context():
            with pytest.raises(ZeroDivisionError) as caught:
                await path(inverse)(0)
            return traceback.extract_tb(caught.value.__traceback__)

    frames = asyncio.run(main())
    package = Path(dug.__file__).parent
    ours = [frame for frame in frames if package in Path(frame.filename).parents or frame.filename.startswith("<dug")]
    assert len(ours) <= 2
    assert frames[-1].name == "inverse"


def test_what_it_waits_for_can_be_followed(path):
    """cr_await leads from a suspended call down to the future it waits for."""

    async def main():
        with dug.Context():
            made = path(double)(1)
            task = asyncio.create_task(made)
            await asyncio.sleep(0)
            depth, waits = 0, made
            while inspect.isawaitable(waits) and getattr(waits, "cr_await", None) is not None:
                depth, waits = depth + 1, waits.cr_await
            assert depth >= 2
            assert task.get_stack() is not None
            await task

    asyncio.run(main())


def test_a_key_without_a_hash_is_refused_when_it_is_awaited(path):
    """Making the call looks nothing up."""
    made = path(double)([])

    async def main():
        with dug.Context():
            await made

    with pytest.raises(dug.UnhashableArgumentError):
        asyncio.run(main())


def test_a_wrong_call_is_refused_when_it_is_made(path):
    """With Python's own words, before anything is awaited."""
    with pytest.raises(TypeError, match=r"double\(\) missing 1 required positional argument: 'x'"):
        path(double)()
    with pytest.raises(TypeError, match=r"double\(\) got an unexpected keyword argument 'y'"):
        path(double)(1, y=2)


@compiled_only
def test_those_that_are_used_again_begin_anew():
    """A call lives for a moment, and its object is used for the next one: nothing of the one before is left in it."""
    before = sys.getallocatedblocks()
    for number in range(200):
        made = [double(number), inverse(number)]
        assert [one.__name__ for one in made] == ["double", "inverse"]
        assert [(one.cr_await, one.cr_running) for one in made] == [(None, False)] * 2
        for one in made:
            one.close()
        with pytest.raises(RuntimeError, match=REUSED):
            made[0].send(None)

    gc.collect()  # what pytest.raises leaves
    assert sys.getallocatedblocks() - before < 200


@compiled_only
def test_a_driver_of_a_coroutine_function_returns_memos():
    """Anything else is refused: its value would be read from memory that is something else."""

    async def drive(frame, key):
        return 1

    call = compiled.Call(double._self_function, ("x",), (compiled.Call,), 0, 1, drive, drive, True, False)

    async def main():
        with dug.Context(), pytest.raises(TypeError, match="which is not a memo"):
            await call(object())

    asyncio.run(main())
