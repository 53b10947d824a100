"""A context that the program has dropped goes at once, also while somebody keeps an error that came up from inside it."""

from __future__ import annotations

import gc
import weakref

import anyio
import anyio.lowlevel
import pytest
from support.script import ask, play_threads, until, until_waiting
from support.sync_points import Signal

import dug
from dug._core.read import frame_in_force

pytestmark = pytest.mark.usefixtures("no_collector")


class Halt(BaseException):
    """Is never remembered."""


@pytest.fixture
def no_collector():
    """A test in which only the last reference frees: an object in a circle stays."""
    gc.disable()
    yield
    gc.enable()


@dug.source
def rate():
    """Be what the contexts give another value."""
    return 1


@dug.source
def broken():
    """Fail."""
    rate()
    raise ValueError("broken")


@dug.memoize
def caller():
    """Pass an error on."""
    return broken()


@dug.memoize
def collected(*args, **kwargs):
    """Have parameters that C does not bind."""
    return caller(), args, kwargs


@dug.memoize
def careful():
    """Catch the error twice, and pass on the third."""
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            broken()
    broken()


@dug.memoize
def consumed():
    """Return what can be read once."""
    return iter([rate()])


@dug.memoize
def circle():
    """Ask for itself."""
    return circle()


@dug.memoize
def halted():
    """Raise what nothing remembers."""
    rate()
    raise Halt


@dug.memoize
def outlasting():
    """Catch what nothing remembers."""
    rate()
    try:
        return halted()
    except Halt as error:
        raise ValueError from error


@dug.memoize
def depth(n):
    """Lead to a failure many nodes deep."""
    return depth(n - 1) if n else broken()


@dug.memoize
def identity(value):
    """Take what has no hash."""
    return value


@dug.memoize
def moody():
    """Fail where the rate is another one."""
    if rate() == 2:
        raise ValueError("broken")


@dug.memoize
def halting():
    """Raise, where the rate is another one, what nothing remembers."""
    if rate() == 2:
        raise Halt


@dug.memoize
def cautious():
    """Ask again for what a verification met."""
    return moody(), halting()


@dug.memoize
def reckless():
    """Ask again for what nothing remembers."""
    return halting()


def broken_again():
    """Replace what fails, and ask for it."""
    return broken()


class Desk:
    """Has a memoised method."""

    @dug.memoize
    def price(self):
        return broken()

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return isinstance(other, Desk)


class Front(Desk):
    """Calls the method of its base."""

    def price(self):
        return super().price()


CALLS = {
    "a node": caller,
    "a node object": caller.node(),
    "a failure that is served again": careful,
    "collected arguments": lambda: collected(1, a=2),
    "a method": lambda: Desk().price(),
    "a method of super()": lambda: Front().price(),
    "an iterator": consumed,
    "a circle": circle,
    "an interrupt": halted,
    "an interrupt that is caught": outlasting,
    "no hash": lambda: identity([]),
    "a deep chain": lambda: depth(1_500),
    "too deep": lambda: depth(3_000),
}


METHODS = {
    "run": lambda kept: kept.context.run(caller),
    "run_all": lambda kept: kept.context.run_all([caller.node()], return_exceptions=False),
}


class Kept:
    """A context that was entered, and what it may be kept by: errors."""

    def __init__(self, tweaks=()):
        self.context = dug.Context({rate.node(): 2, **dict(tweaks)}, max_depth=2_000)
        self.errors = []
        self.weak = [weakref.ref(self.context)]

    def enter(self):
        """Enter the context."""
        self.context.__enter__()
        self.weak.append(weakref.ref(frame_in_force("a view").view))

    def leave(self, error):
        """Leave it with an error."""
        self.errors.append(error)
        self.context.__exit__(type(error), error, error.__traceback__)

    def is_gone(self):
        """Drop the context; true when nothing is left of it although the errors are there."""
        del self.context
        return bool(self.errors) and [reference() for reference in self.weak] == [None] * len(self.weak)


def fail(call, kept):
    """Call in the context."""
    kept.enter()
    try:
        call()
    except (ValueError, TypeError, dug.CycleError, dug.DepthError, Halt) as error:
        kept.leave(error)


async def fail_late(call, kept):
    """The same for a coroutine function."""
    kept.enter()
    try:
        await call()
    except (ValueError, TypeError, dug.CycleError, dug.DepthError, Halt) as error:
        kept.leave(error)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_kept_error_keeps_no_context(call):
    """An error that came up from inside a context does not hold it, however it came up."""
    with dug.Context():
        fail(call, kept := Kept())

        assert kept.is_gone()


@pytest.mark.parametrize("call", METHODS.values(), ids=METHODS)
def test_a_kept_error_of_a_method_of_the_context_keeps_no_context(call):
    """The same for an error that comes out of a method of the context that asked."""
    with dug.Context():
        kept = Kept()
        with pytest.raises(ValueError, match="broken") as caught:
            call(kept)
        kept.errors.append(caught.value)

        assert kept.is_gone()


def test_a_context_that_a_body_drops_goes_while_its_error_is_handled():
    """What a body computed under tweaks that are gone is not there when it handles the error: the node runs, on either build."""
    runs = []

    @dug.memoize
    def sign():
        runs.append("sign")
        return rate() > 0

    @dug.memoize
    def inside():
        with dug.Context({rate.node(): 2}):
            return sign(), broken()

    @dug.memoize
    def outside():
        try:
            return inside()
        except ValueError:
            runs.append("handler")
            return sign()

    with dug.Context():
        outside()

    assert runs == ["sign", "handler", "sign"]


@pytest.mark.parametrize("call", [caller, lambda: depth(1_500)], ids=["a node", "a deep chain"])
@pytest.mark.parametrize("tweak", [dug.shift(1), broken_again], ids=["a bump", "a replacement"])
def test_a_kept_error_of_a_tweaked_node_keeps_no_context(call, tweak):
    """The same where a bump or a replacement asked for the node that failed."""
    with dug.Context():
        fail(call, kept := Kept({broken: tweak}))

        assert kept.is_gone()


@pytest.mark.parametrize("call", [cautious, reckless])
def test_a_kept_error_that_a_verification_met_keeps_no_context(call):
    """The same where older memos were verified, and the error came up from there first."""
    with dug.Context():
        call()
        fail(call, kept := Kept())

        assert kept.is_gone()


def test_a_kept_error_that_was_caught_deep_down_keeps_no_context():
    """The same where a thread that goes on with a deep evaluation comes to its end."""
    kept = Kept()

    @dug.memoize
    def careful(n):
        if n:
            return careful(n - 1)
        try:
            return broken()
        except ValueError as error:
            kept.errors.append(error)

    with dug.Context():
        kept.enter()
        careful(1_500)
        kept.context.__exit__(None, None, None)

        assert kept.is_gone()


def test_a_kept_error_of_a_run_that_was_waited_for_keeps_no_context():
    """The same where a thread waited for the run of another one."""
    started, go = Signal(), Signal()
    everyone = dug.Context()

    @dug.memoize
    def slow():
        started.set()
        go.wait_here()
        return broken()

    kept = Kept()
    play_threads(
        everyone, ask(0, fail, slow, kept), until(started), ask(1, fail, slow, kept), until_waiting(slow.node(), 1), go.set
    )

    assert len(kept.errors) == 2
    assert kept.is_gone()


@dug.memoize
async def broken_late():
    """Fail after a wait."""
    await anyio.lowlevel.checkpoint()
    return broken()


@dug.memoize
async def caller_late():
    """Pass an error on."""
    return await broken_late()


@dug.memoize
async def halted_late():
    """Raise what nothing remembers, after a wait."""
    await anyio.lowlevel.checkpoint()
    return halted()


@dug.memoize
async def broken_now():
    """Fail without a wait: its run is beneath its asker's on the stack."""
    return broken()


@dug.memoize
async def caller_now():
    """Pass an error on."""
    return await broken_now()


@dug.memoize
async def halted_now():
    """Raise what nothing remembers, without a wait."""
    return halted()


@dug.memoize
async def cautious_late():
    """Ask again for what a verification met."""
    await anyio.lowlevel.checkpoint()
    return moody()


@dug.memoize
async def outer_late():
    """Ask for one that asks again."""
    return await cautious_late()


@pytest.mark.parametrize("call", [cautious_late, outer_late])
def test_a_kept_error_that_a_verification_met_in_a_task_keeps_no_context(run, call):
    """The same where older memos of coroutine functions were verified."""

    async def main():
        with dug.Context():
            await call()
            await fail_late(call, kept := Kept())

            return kept.is_gone()

    assert run(main)


@pytest.mark.parametrize("call", [broken_late, caller_late, caller_late.node(), halted_late, broken_now, caller_now, halted_now])
def test_a_kept_error_of_a_coroutine_function_keeps_no_context(run, call):
    """The same for coroutine functions."""

    async def main():
        with dug.Context():
            await fail_late(call, kept := Kept())

            return kept.is_gone()

    assert run(main)


def test_a_kept_error_of_a_run_that_a_task_waited_for_keeps_no_context(run):
    """The same where a task waited for the run of another one."""

    async def main():
        with dug.Context():
            kept = Kept()
            async with anyio.create_task_group() as group:
                for _ in range(2):
                    group.start_soon(fail_late, caller_late, kept)

            return len(kept.errors) == 2 and kept.is_gone()

    assert run(main)
