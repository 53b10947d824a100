"""The memos of a local function's nodes are freed when nobody holds the function any more."""

from __future__ import annotations

import asyncio
import functools
import gc
from contextlib import nullcontext
from weakref import ref

import pytest

import dug
from dug._core.facts.memo import Memo, NodeMemos
from dug._core.facts.sparse import list_places, union
from dug._core.state.bits import Bits


class Big:
    """Something that can be watched going."""

    def __call__(self, x=0):
        """Return x."""
        return x


@dug.source
def rate(x=0):
    """Return the targets that a test tweaks or invalidates."""
    return float(x)


@pytest.fixture
def ctx():
    """A context that stays open."""
    with dug.Context() as ctx:
        yield ctx


def make_closure(big):
    """A function that closes over something, and gives it as its value."""
    made = dug.memoize(lambda x: (big, x))
    return made, lambda: made(1)


def make_recursive(big):
    """A function that calls itself."""

    @dug.memoize
    def fall(n):
        return (big, 0) if n == 0 else (fall(n - 1), n)

    return fall, lambda: fall(5)


def make_siblings(big):
    """Two functions that call each other."""

    @dug.memoize
    def even(n):
        return big if n == 0 else odd(n - 1)

    @dug.memoize
    def odd(n):
        return None if n == 0 else even(n - 1)

    return (even, odd), lambda: (even(6), odd(3))


def make_giver(big):
    """A function whose value leads back to it."""

    @dug.memoize
    def give(x):
        return give, (lambda: give(x)), big

    return give, lambda: give(2)


def make_partial(big):
    """A partial, which has no name."""
    made = dug.memoize(functools.partial(lambda held, x: (held, x), big))
    return made, lambda: made(1)


def make_instance(big):
    """An object that can be called."""
    made = dug.memoize(big)
    return made, lambda: made(1)


def make_bound(big):
    """A bound method, which is its own object."""
    made = dug.memoize(big.__call__)
    return made, lambda: made(1)


def make_class(big):
    """A method of a class that is gone, with an instance of it as the argument."""

    class Holder:
        __hash__ = object.__hash__  # its identity is what counts

        held = big

        @dug.memoize
        def method(self, x):
            return self.held, x

        @dug.memoize
        @classmethod
        def of_class(cls, x):
            return cls.held, x

    one = Holder()
    return one, lambda: (one.method(1), one.of_class(2), Holder.of_class(3))


def make_executed(big):
    """A function of a namespace that is not a module's, though it says so."""
    namespace = {"dug": dug, "big": big, "__name__": __name__}
    exec("@dug.memoize\ndef executed(x):\n    return big, x\n", namespace)
    return namespace, lambda: namespace["executed"](1)


def make_coroutine(big):
    """A coroutine function."""

    @dug.memoize
    async def later(x):
        await asyncio.sleep(0)
        return big, x

    async def main():
        return await later(1)

    return later, lambda: asyncio.run(main())


def make_reader(big):
    """A function that reads a node with a name."""
    made = dug.memoize(lambda x: (rate(x), big))
    return made, lambda: made(1)


def make_argument(big):
    """A function whose argument leads back to it."""
    made = dug.memoize(lambda fn, x: (big, x))
    return made, lambda: made(made, 1)


MAKERS = (
    make_closure, make_recursive, make_siblings, make_giver, make_partial, make_instance, make_bound, make_class, make_executed,
    make_coroutine, make_reader, make_argument,
)  # fmt: skip
each_kind = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__.removeprefix("make_"))


def use(make, around=nullcontext):
    """Make something, call it and drop it; return a reference to the object that it held."""
    big = Big()
    _made, call = make(big)
    with around():
        call()
        call()
    return ref(big)


@each_kind
def test_what_nobody_holds_frees_what_it_computed(ctx, make):
    """In a context that stays open, nothing is left of a local function: no value, no closure, no memo."""
    rate(1)
    gone = use(make)
    gc.collect()

    assert gone() is None
    assert len(ctx.cache) == 1
    assert [key for key, _ in ctx.cache.list_homes()] == [rate.node(1)._key]


@each_kind
def test_what_is_held_is_kept(ctx, make):
    """As long as somebody holds the function, its memos are there, whatever the garbage collector does."""
    _made, call = make(Big())
    with dug.testing.EventLog(ctx) as first:
        call()
    gc.collect()
    with dug.testing.EventLog(ctx) as log:
        call()

    assert first.computed
    assert log.computed == []


@each_kind
def test_a_child_or_a_cache_of_its_own_keeps_nothing_either(ctx, make):
    """Memos of a local function in contexts inside an open one are freed too."""
    for around in (dug.Context, lambda: dug.Context(cache=dug.Cache()), lambda: dug.Context(tweaks={rate: lambda x: 2.0})):
        inner = around()
        gone = use(make, lambda inner=inner: inner)
        gc.collect()

        assert gone() is None
        assert {key[0] for key, _ in ctx.cache.list_homes()} <= {rate.node().function._self_function}


@each_kind
def test_a_tweak_that_is_held_keeps_nothing(make):
    """Under a tweak that stays in force, too."""
    with dug.Context(tweaks={rate.node(1): 3.0}) as ctx:
        gone = use(make)
        gc.collect()

        assert gone() is None
        assert len(ctx.cache) == 0


@each_kind
def test_a_run_that_made_it_keeps_nothing(ctx, make):
    """A node in whose run the function was decorated, and which is in force, keeps its value and no more."""
    seen = []

    @dug.memoize
    def outer(n):
        big = Big()
        seen.append(ref(big))
        _made, call = make(big)
        call()
        return n

    for n in range(3):
        outer(n)
    gc.collect()

    assert [one() for one in seen] == [None] * 3
    assert [outer(n) for n in range(3)] == [0, 1, 2]
    assert len(seen) == 3 or make is make_executed  # which has a name, and is redefined by each run


def test_a_node_keeps_its_function(ctx):
    """The holder of a node can ask for it, so that its value stays."""
    node = dug.memoize(lambda x: (Big(), x)).node(1)
    value = node()
    gc.collect()

    assert node() is value
    assert len(ctx.cache) == 1


def test_a_memo_that_read_it_keeps_it():
    """A memo in force can be verified by its dependencies."""
    table = {}

    @dug.memoize
    def total():
        return table["part"](1)

    table["part"] = dug.memoize(lambda x: rate(x) * 0)
    with dug.Context() as ctx:
        total()
        table.clear()
        gc.collect()
        ctx.invalidate(rate.node(1))
        with dug.testing.EventLog(ctx) as log:
            assert total() == 0

    assert total.node() not in log.computed


@pytest.mark.parametrize("tweak", [{}, {rate.node(3): 1.0}])
def test_what_it_read_still_reaches_who_made_it(tweak):
    """Invalidating or tweaking a dependency of a dropped function makes the node run that had made it."""
    runs = []

    @dug.memoize
    def outer(n):
        runs.append(n)

        @dug.memoize
        def inner(k):
            return deeper(k) + 1

        @dug.memoize
        def deeper(k):
            return rate(k) * outside[0]

        return inner(n)

    outside = [1]
    with dug.Context(tweaks=tweak) as ctx:
        outer(1)
        gc.collect()
        outside[0] = 10
        ctx.invalidate(rate.node(1))
        assert outer(1) == 2  # its dependencies have equal values: it still holds
        with dug.Context(tweaks={rate.node(1): 5.0}):
            assert outer(1) == 51
        with dug.Context(tweaks={rate.node(2): 5.0}):
            assert outer(1) == 2
        gc.collect()
        with dug.Context(tweaks={rate: dug.shift(2.0)}):
            assert outer(1) == 31

    assert len(runs) == 3


def test_a_function_that_escaped_reaches_who_made_it(ctx):
    """The holder of the function can invalidate its nodes, and the node that made and called it runs again."""
    outside = [1]

    @dug.memoize
    def outer():
        fetched = dug.source(lambda x: outside[0] * x)
        doubled = dug.memoize(lambda x: 2 * fetched(x))
        return fetched, doubled(3)

    for said in (lambda fetched: fetched.node(3), lambda fetched: fetched):
        fetched, value = outer()
        assert value == 6 * outside[0]
        outside[0] += 1
        ctx.invalidate(said(fetched))
        assert outer()[1] == 6 * outside[0]


def test_dropped_functions_do_not_count(ctx):
    """``len(cache)`` counts existing memos."""
    kept = dug.memoize(lambda x: x)
    kept(1)
    for _ in range(20):
        made = dug.memoize(lambda x: x)
        for x in range(10):
            made(x)
    del made
    gc.collect()

    assert len(ctx.cache) == 1
    ctx.clear()
    assert len(ctx.cache) == 0
    assert kept(1) == 1
    assert len(ctx.cache) == 1


def test_a_cache_that_is_dropped_goes_though_the_function_stays():
    """A local function keeps nothing of a cache that nobody holds."""
    big = Big()
    made = dug.memoize(lambda x: Big())
    with dug.Context(cache=dug.Cache(), tweaks={rate.node(1): 1.0}):
        big = made(1)
    gone = ref(big)
    del big
    gc.collect()

    assert gone() is None
    assert not made._self_function.nodes


def test_the_value_goes_with_its_tweak(ctx):
    """Memos of a held function under a tweak are dropped with the tweak."""
    made = dug.memoize(lambda x: (rate(x), Big()))
    for number in range(5):
        with dug.Context(tweaks={rate.node(1): float(number)}):
            gone = ref(made(1)[1])

    assert len(ctx.cache) == 0
    gc.collect()
    assert gone() is None


def test_a_tweak_that_is_gone_keeps_no_function_alive(ctx):
    """The notice of its end has its target; a full collection takes it in first, though nobody looks anything up."""
    made = dug.memoize(lambda x: rate(x) + 0.0)
    gone = ref(made._self_function)
    with dug.Context(tweaks={made.node(1): 7.0}):
        assert made(1) == 7.0
    del made
    gc.collect()

    assert gone() is None


@pytest.mark.slow
def test_tweaking_many_functions_that_go_makes_no_footprint_longer(ctx):
    """Bits of functions that are gone are given again, unless a memo has them."""
    kept = dug.memoize(lambda x: x)
    with dug.Context(tweaks={kept.node(1): 2}):
        kept(1)
    total = dug.memoize(lambda: kept(1) + rate(1))
    longest = []
    for number in range(1_000):
        made = dug.memoize(lambda x: rate(x) + x)
        with dug.Context(tweaks={made.node(1): number} if number % 2 else {made: dug.scale(2.0)}):
            assert made(1) == (number if number % 2 else 4.0)
        if number % 50 == 49:
            del made
            gc.collect()
        longest.append(max(list_places(union(ctx.cache.group.bits.by_function.values()))))
    with dug.Context(tweaks={kept.node(1): 7}):
        assert total() == 8.0

    assert max(longest) < 200
    assert total() == 2.0


def test_a_bit_that_a_memo_has_is_not_given_again():
    """The bit of a function that is gone is given to another one unless a memo has it."""
    for has, is_given in ((False, True), (True, False)):
        bits, gone, others = Bits(), make_function(), [make_function() for _ in range(200)]
        bit = bits.next(gone, tuple)
        bits.keep(gone, bit)
        memo = Memo(NodeMemos((), None), None, 0, (), bit if has else 0)
        del gone
        gc.collect()
        given = [bits.next(one, lambda memo=memo: [memo]) for one in others]

        assert (bit in given) == is_given
        assert len(set(given)) == len(given)


def make_function():
    """A local function, as the engine knows it."""
    return dug.memoize(lambda x: x)._self_function


@pytest.mark.parametrize("says", [lambda fetched: fetched.node(3), lambda fetched: fetched], ids=["node", "function"])
def test_what_was_verified_since_is_reached_too(ctx, says):
    """An escaped function still leads to the node that made it after that node was found to hold, here or under a tweak."""
    outside, escaped = [1], []

    @dug.memoize
    def outer():
        escaped.append(dug.source(lambda x: outside[0] * x))
        return rate(1) * 0 + escaped[-1](3)

    assert outer() == 3
    ctx.invalidate(rate.node(1))
    assert outer() == 3
    with dug.Context(tweaks={rate.node(1): 1.0}):
        assert outer() == 3
        assert len(escaped) == 1
        outside[0] = 2
        ctx.invalidate(says(escaped[0]))
        assert outer() == 6
    assert outer() == 6


def test_first_tweaks_after_bits_came_back_are_seen(ctx):
    """A target that gets the bit of another is told from one that never was tweaked."""
    for _ in range(3):
        made = [dug.memoize(lambda x, n=n: rate(x) + n) for n in range(150)]
        top = dug.memoize(functools.partial(lambda made: sum(one(1) for one in made), made))
        plain = top()
        for n, one in enumerate(made):
            with dug.Context(tweaks={one.node(1): 1_000.0}):
                assert top() == plain - (1 + n) + 1_000
            assert top() == plain
        del made, top, one
        gc.collect()


def make_failing(big):
    """A function that fails."""
    made = dug.memoize(lambda x: (big, 1 / x))

    def call():
        with pytest.raises(ZeroDivisionError):
            made(0)

    return made, call


def test_a_listener_or_a_failure_keeps_nothing(ctx):
    """A node that failed goes with its function, also after somebody listened."""
    with dug.testing.EventLog(ctx) as log:
        gone = use(make_failing)
    del log
    gc.collect()

    assert gone() is None
