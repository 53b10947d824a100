"""Exceptions: the user's own pass untouched, ours say what to do and are also a builtin one."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import pickle
import sys
import traceback
import weakref
from pathlib import Path

import pytest

import dug
from dug.testing import EventLog

OURS = (str(Path(dug.__file__).parent), str(Path("dug", "_")), "<dug")
"""How the file names of our frames begin; compiled code is named from the root of the sources on."""


def count_frames(error):
    """Return how many frames of a traceback are ours, and the names of the others."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(OURS)]
    return len(ours), [frame.name for frame in frames if frame not in ours]


def test_the_exception_is_the_users_own_object():
    """The object that a body raised arrives through any number of nodes, with its cause and its notes."""
    error = LookupError("no price")
    error.add_note("seen in March")

    @dug.memoize
    def bottom():
        raise error from KeyError("AAPL")

    @dug.memoize
    def top():
        return bottom()

    with dug.Context(), pytest.raises(LookupError) as caught:
        top()

    assert caught.value is error
    assert isinstance(error.__cause__, KeyError)
    assert error.__notes__ == ["seen in March"]
    assert error.__context__ is None


def test_the_traceback_shows_the_users_frames_and_at_most_two_of_ours_per_node():
    """Through a chain of nodes the traceback has every body in order and at most two frames of dug per node."""

    @dug.memoize
    def bottom():
        raise LookupError

    @dug.memoize
    def middle():
        return bottom()

    @dug.memoize
    def top():
        return middle()

    with dug.Context(), pytest.raises(LookupError) as caught:
        top()

    ours, users = count_frames(caught.value)
    assert users[-3:] == ["top", "middle", "bottom"]
    assert ours <= 2 * 3


@pytest.mark.parametrize("kind", ["method", "replacement", "bump", "keyword call", "node"])
def test_every_way_to_call_has_at_most_two_frames_of_ours_per_node(kind):
    """Methods, replacements, bumps, keyword calls and called nodes are as readable."""

    class Thing:
        __hash__ = object.__hash__  # its identity is what counts

        @dug.memoize
        def fail(self, n=0):
            return raising()

    def raising():
        raise LookupError

    thing = Thing()
    tweaks = {
        "replacement": {Thing.fail: lambda self, n=0: raising()},
        "bump": {thing.fail.node(): dug.bump(lambda value: value)},
    }.get(kind, {})
    calls = {"keyword call": lambda: thing.fail(n=0), "node": thing.fail.node()}
    with dug.Context(tweaks=tweaks), pytest.raises(LookupError) as caught:
        calls.get(kind, thing.fail)()

    ours, users = count_frames(caught.value)
    assert users[-1] == "raising"
    assert ours <= (4 if kind == "bump" else 2)  # a bump is a run of its own, over the run of the node


def test_a_verification_leaves_no_frames():
    """An error raised while an older value was verified has the frames of a plain run."""

    @dug.memoize
    def x():
        return 1

    @dug.memoize
    def ratio():
        return 1 / x()

    @dug.memoize
    def top():
        return ratio()

    with dug.Context():
        top()
        with dug.Context(tweaks={x.node(): 0}), pytest.raises(ZeroDivisionError) as caught:
            top()

    ours, users = count_frames(caught.value)
    assert users[-2:] == ["top", "ratio"]
    assert ours <= 4


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), GeneratorExit()], ids=repr)
def test_a_base_exception_passes_and_leaves_no_memo(error):
    """KeyboardInterrupt and its like pass through and are not remembered, nor by the nodes they passed."""
    runs = []

    @dug.memoize
    def bottom():
        runs.append("bottom")
        if len(runs) == 1:
            raise error
        return 1

    @dug.memoize
    def top():
        return bottom() + 1

    with dug.Context() as ctx:
        with pytest.raises(type(error)) as caught:
            top()
        known = bottom.node() in ctx, top.node() in ctx
        value = top()

    assert caught.value is error
    assert known == (False, False)
    assert value == 2


@pytest.mark.parametrize("kind", [RecursionError, MemoryError])
def test_a_caught_resource_error_is_not_remembered(kind):
    """A node that caught a RecursionError or MemoryError of another is computed again."""
    runs = []

    @dug.memoize
    def costly():
        runs.append("costly")
        if len(runs) == 1:
            raise kind
        return 1

    @dug.memoize
    def careful():
        try:
            return costly()
        except kind:
            return 0

    with dug.Context():
        values = careful(), careful(), careful()

    assert values == (0, 1, 1)
    assert runs == ["costly", "costly"]


def test_a_saved_traceback_does_not_grow():
    """A failure served 1,000 times within one call has one length of traceback."""
    lengths = []

    @dug.memoize
    def broken():
        raise LookupError

    @dug.memoize
    def patient():
        for _ in range(1000):
            try:
                broken()
            except LookupError as error:
                lengths.append(len(traceback.extract_tb(error.__traceback__)))

    with dug.Context():
        patient()

    assert len(lengths) == 1000
    assert max(lengths[1:]) == min(lengths[1:]) <= lengths[0] + 1


def test_a_retried_failure_has_a_traceback_of_one_length():
    """A node asked 1,000 times from outside fails 1,000 times, with one length of traceback."""
    lengths = set()

    @dug.memoize
    def broken():
        raise LookupError

    with dug.Context():
        for _ in range(1000):
            try:
                broken()
            except LookupError as error:
                lengths.add(len(traceback.extract_tb(error.__traceback__)))

    assert len(lengths) == 1


def test_a_failure_served_again_says_the_same_with_the_frames_of_the_body():
    """The second asker in one call gets an exception of his own that says the same, and can read where it was raised."""
    caught = []

    @dug.memoize
    def broken():
        raise LookupError

    @dug.memoize
    def careful(n):
        try:
            broken()
        except LookupError as error:
            caught.append((error, count_frames(error)[1][-1]))

    @dug.memoize
    def top():
        careful(1), careful(2)

    with dug.Context():
        top()

    assert caught[0][0] is not caught[1][0]
    assert [(type(error), error.args) for error, _ in caught] == [(LookupError, ())] * 2
    assert [name for _, name in caught] == ["broken", "broken"]


def test_the_failure_is_served_through_its_dependents():
    """Within one call a node that passed an error on is not run again either."""
    runs = []

    @dug.memoize
    def bottom():
        runs.append("bottom")
        raise LookupError

    @dug.memoize
    def middle():
        runs.append("middle")
        return bottom()

    @dug.memoize
    def top():
        for _ in range(3):
            with pytest.raises(LookupError):
                middle()

    with dug.Context():
        top()

    assert runs == ["middle", "bottom"]


def test_every_node_on_the_way_is_tried_again_by_the_next_outermost_call():
    """The next outermost call runs the failed nodes again, and keeps the others."""

    @dug.memoize
    def fine():
        return 1

    @dug.memoize
    def bottom():
        raise LookupError(fine())

    @dug.memoize
    def top():
        return bottom()

    with dug.Context() as ctx, EventLog(ctx) as log:
        for _ in range(3):
            with pytest.raises(LookupError):
                top()

    assert log.failed == [bottom.node(), top.node()] * 3
    assert log.count(fine) == 1


def test_a_kept_failure_holds_no_frames():
    """After the call, the memo of a failure keeps nothing alive that was local to the body."""

    class Large:
        pass

    refs = []

    @dug.memoize
    def broken():
        large = Large()
        refs.append(weakref.ref(large))
        raise LookupError

    with dug.Context() as ctx:
        with contextlib.suppress(LookupError):
            broken()
        gc.collect()
        known = broken.node() in ctx

    assert known
    assert refs[0]() is None


@pytest.fixture
def careful_program():
    """A ratio that fails when x is zero, and a caller that catches."""

    @dug.memoize
    def x():
        return 0

    @dug.memoize
    def ratio():
        return 1 / x()

    @dug.memoize
    def careful():
        try:
            return ratio()
        except ZeroDivisionError:
            return "none"

    return x, ratio, careful


def test_a_caught_exception_leaves_an_edge(careful_program):
    """A caller that caught an error depends on the node that raised it, and on that node's reads."""
    x, ratio, careful = careful_program
    with dug.Context() as ctx:
        first = careful()
        recorded = ctx.memo(careful.node()).dependencies
        with dug.Context(tweaks={ratio.node(): 7}) as child, EventLog(child) as log:
            second = careful()
        with dug.Context(tweaks={x.node(): 2}):
            third = careful()

    assert (first, second, third) == ("none", 7, 0.5)
    assert recorded == (ratio.node(),)
    assert log.computed == [careful.node()]


def test_a_caught_exception_is_remembered_as_the_value_of_the_caller(careful_program):
    """A caller's value made of an error is a value like any other: a repeated call is a hit."""
    _, _, careful = careful_program
    with dug.Context() as ctx:
        careful()
        with EventLog(ctx) as log:
            value = careful()

    assert value == "none"
    assert log.computed == log.failed == []


def test_a_cycle_is_found_at_once_and_shows_its_path():
    """A node that needs itself raises CycleError with the nodes on the way, after one run of each."""
    runs = []

    @dug.memoize
    def a(n):
        runs.append("a")
        return b()

    @dug.memoize
    def b():
        runs.append("b")
        return c()

    @dug.memoize
    def c():
        runs.append("c")
        return a(1)

    with dug.Context(), pytest.raises(dug.CycleError) as caught:
        a(1)

    assert runs == ["a", "b", "c"]
    assert caught.value.path[:3] == (a.node(1), b.node(), c.node())
    assert set(caught.value.path[3:]) <= {a.node(1)}
    assert all(name in str(caught.value) for name in ("a(1)", "b()", "c()"))


def test_the_path_of_a_cycle_leaves_out_how_it_was_reached():
    """The path has the nodes of the circle, not those before it."""

    @dug.memoize
    def entry():
        return a()

    @dug.memoize
    def a():
        return b()

    @dug.memoize
    def b():
        return a()

    with dug.Context(), pytest.raises(dug.CycleError) as caught:
        entry()

    assert set(caught.value.path) == {a.node(), b.node()}


def test_a_cycle_leaves_no_memo():
    """Nothing is remembered of a cycle: when a tweak breaks it, the nodes have their values."""

    @dug.memoize
    def a():
        return b() + 1

    @dug.memoize
    def b():
        return a() + 1

    with dug.Context() as ctx:
        with pytest.raises(dug.CycleError):
            a()
        known = a.node() in ctx, b.node() in ctx
        with dug.Context(tweaks={b.node(): 5}):
            value = a()
        with pytest.raises(dug.CycleError):
            b()

    assert known == (False, False)
    assert value == 6


def test_a_recursion_with_other_arguments_is_no_cycle():
    """A function that calls itself with other arguments is not a cycle."""

    @dug.memoize
    def factorial(n):
        return n * factorial(n - 1) if n else 1

    with dug.Context() as ctx, EventLog(ctx) as log:
        value = factorial(20)

    assert value == 2432902008176640000
    assert log.count(factorial) == 21


def test_a_node_asked_again_in_another_scenario_is_no_cycle():
    """A node that asks for itself under a tweak that ends the recursion has a value."""

    @dug.memoize
    def level():
        return 3

    @dug.memoize
    def nested():
        n = level()
        if n == 0:
            return "bottom"
        with dug.Context(tweaks={level.node(): n - 1}):
            return f"{n} over {nested()}"

    with dug.Context():
        value = nested()

    assert value == "3 over 2 over 1 over bottom"


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (dug.NoContextError, RuntimeError),
        (dug.ContextError, RuntimeError),
        (dug.CycleError, RecursionError),
        (dug.UnhashableArgumentError, TypeError),
        (dug.TweakError, ValueError),
    ],
)
def test_each_error_is_also_the_builtin_it_resembles(error, builtin):
    """Every error of dug is a DugError and the builtin that a user would catch."""
    assert issubclass(error, dug.DugError)
    assert issubclass(error, builtin)
    assert issubclass(dug.DugError, Exception)
    assert error.__doc__


def test_a_cycle_error_survives_pickling():
    """A CycleError keeps its message and its path through pickle when its nodes can be pickled."""
    with dug.Context(), pytest.raises(dug.CycleError) as caught:
        circular()
    copy = pickle.loads(pickle.dumps(caught.value))

    assert str(copy) == str(caught.value)
    assert copy.path == caught.value.path


@dug.memoize
def circular():
    """A node that needs itself."""
    return circular()


def test_an_error_of_ours_that_a_node_caught_is_not_remembered():
    """A node that caught an error of dug itself leaves no memo."""
    runs = []
    number = dug.memoize(lambda n: n)

    @dug.memoize
    def careful():
        runs.append("careful")
        try:
            return number([1])
        except dug.UnhashableArgumentError:
            return 0

    with dug.Context() as ctx:
        values = careful(), careful()
        known = careful.node() in ctx

    assert values == (0, 0)
    assert known == (len(runs) == 1)


def test_the_message_of_a_missing_context_tells_the_line_to_type():
    """The message names the call and the line that helps."""
    price = dug.memoize(lambda ticker: ticker)

    with pytest.raises(dug.NoContextError) as caught:
        price("AAPL")

    assert "dug.Context()" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_an_exception_in_a_bump_is_the_users_own():
    """An error raised by the function of a bump passes untouched."""
    error = ArithmeticError()

    def fail(value):
        raise error

    number = dug.memoize(lambda: 1)
    with dug.Context(tweaks={number.node(): dug.bump(fail)}), pytest.raises(ArithmeticError) as caught:
        number()

    assert caught.value is error


def test_an_exception_in_eq_does_not_break_the_state():
    """When ``eq=`` raises, the caller gets that error or a fresh run, and later calls are right."""

    def explode(a, b):
        raise RuntimeError("eq is broken")

    x = dug.memoize(lambda: 1)

    @dug.memoize(eq=explode)
    def value():
        return [x()]

    @dug.memoize
    def reader():
        return value()[0]

    with dug.Context():
        first = reader()
        with dug.Context(tweaks={x.node(): 2}):
            try:
                second = reader()
            except RuntimeError:
                second = 2
        third = reader()

    assert (first, second, third) == (1, 2, 1)


def test_the_interpreter_limit_is_untouched():
    """Importing and using dug leaves the recursion limit of the interpreter alone."""
    limit = sys.getrecursionlimit()
    with dug.Context():
        dug.memoize(lambda: 1)()

    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize("make_key", [lambda f: f, lambda f: f.node(1)], ids=["function", "node"])
def test_a_coroutine_function_cannot_stand_in_for_a_plain_one(make_key):
    """A coroutine function as a replacement or in a bump of a plain function is refused, because nothing would await it."""

    @dug.memoize
    def plain(n):
        return n

    async def later(n):
        return n

    key = make_key(plain)
    tweak = dug.bump(later) if key is not plain else later

    with pytest.raises(dug.TweakError, match=r"later is a coroutine function, and .*plain is called without await"):
        dug.Context({key: tweak})


def test_a_failure_that_comes_before_the_first_read_does_not_stand_for_another_scenario():
    """A source that fails under a tweak before it reads the tweaked node is tried again there, not served from around."""
    is_down = False

    @dug.source
    def host():
        return "a"

    @dug.source
    def feed():
        if is_down:
            raise OSError
        return host()

    with dug.Context():
        before = feed()
        with dug.Context(tweaks={host.node(): "b"}):
            is_down = True
            with pytest.raises(OSError):  # noqa: PT011  it has no text
                feed()
            is_down = False
            after = feed()

    assert (before, after) == ("a", "b")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async def"])
def test_a_forgotten_await_is_refused(is_async):
    """A body that returns the call of a coroutine function without awaiting it fails each time, with what to type."""

    @dug.memoize
    async def price():
        return 1

    @dug.memoize
    def total():
        return price()

    @dug.memoize
    async def later():
        return price()

    def ask():
        with dug.Context():
            for _ in range(2):
                with pytest.raises(TypeError, match=r"(total|later)\(\) returned a coroutine, .* Await it"):
                    asyncio.run(ask_later()) if is_async else total()

    async def ask_later():
        return await later()

    ask()
    gc.collect()  # the warnings about calls that were never awaited belong to this test


def test_a_coroutine_is_no_value_of_a_tweak():
    """A coroutine as the value of a tweak is refused, because it could be awaited once only."""

    @dug.memoize
    async def price():
        return 1

    made = price()
    with pytest.raises(dug.TweakError, match="can be consumed once"):
        dug.Context({price.node(): made})
    made.close()


@pytest.mark.parametrize(
    "fn",
    [dug.bump(lambda: 1), dug.bump(lambda value: value, 2), dug.bump(lambda value, *, rate: value)],
    ids="none one keyword".split(),
)
def test_a_bump_that_cannot_take_the_value_is_refused(fn):
    """The error names the node and comes before anything changes."""
    spot = dug.memoize(name="market:spot")(lambda ticker: 1.0)
    ctx = dug.Context()

    with pytest.raises(dug.TweakError, match=r"cannot change market:spot\('A'\)"):
        ctx.tweak({spot.node("B"): 2.0, spot.node("A"): fn})
    assert dict(ctx.tweaks) == {}


def test_a_bump_may_be_of_anything_that_takes_the_value():
    """Functions with defaults or any number of arguments, builtins and classes."""
    spot = dug.memoize(lambda: 2.5)
    with dug.Context():
        seen = []
        for bump in (dug.bump(lambda value, more=1: value), dug.bump(lambda *all: sum(all), 1), dug.bump(round), dug.bump(int)):
            with dug.Context(tweaks={spot.node(): bump}):
                seen.append(spot())

    assert seen == [2.5, 3.5, 2, 2]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda ctx, node: ctx.tweak({node: 1.0}, 5), r"Write ctx.tweak\(node, value\) or"),
        (lambda ctx, node: ctx.is_masked(node.function), "is not a node. Write"),
        (lambda ctx, node: ctx.listen(5).__enter__(), "listen.. takes a function"),
        (lambda ctx, node: pickle.dumps(ctx), "ctx.scenario"),
        (lambda ctx, node: copy.deepcopy(ctx), "from dug import snapshot"),
        (lambda ctx, node: pickle.dumps(ctx.cache), "from dug import snapshot"),
    ],
    ids="tweak is_masked listen pickle copy cache".split(),
)
def test_what_a_context_cannot_do_says_what_to_type(act, message):
    """The error is dug's own and comes at once."""
    spot = dug.memoize(name="market:other_spot")(lambda: 1.0)
    with dug.Context() as ctx, pytest.raises(TypeError, match=message):
        act(ctx, spot.node())


def test_a_repeated_argument_is_told():
    """The text of a node that names an argument twice says so."""
    with pytest.raises(ValueError, match="an argument is repeated"):
        dug.Node.parse("m:f(x=1, x=2)")
