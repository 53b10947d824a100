"""What a process finds in a store that others have written, and what it leaves there."""

from __future__ import annotations

import asyncio

import pytest

import dug
from dug import codec

OUTSIDE = {"spot": 100.0, "rate": 0.01, "path": ["a", "b"]}


@dug.source
def outside(name):
    """Return something of the outside."""
    return OUTSIDE[name]


@dug.memoize
def spot():
    """Return the spot."""
    return outside("spot")


@dug.memoize
def pv(trade):
    """Return the value of a trade."""
    return spot() * trade if trade % 2 else outside("rate") * trade


@dug.memoize
def book(trades):
    """Return the value of all trades."""
    return sum(pv(trade) for trade in range(trades))


@pytest.fixture(autouse=True)
def _outside():
    """Have the outside as it was after each test."""
    before = dict(OUTSIDE)
    yield
    OUTSIDE.update(before)


def names(log):
    """Return the texts of the nodes whose body ran, without sources."""
    return [node.function.__name__ for node in log.computed if node.function is not outside]


def test_the_second_process_runs_nothing_but_sources(begin):
    """A book of 200 trades is warm in the second process: no body runs, sources aside."""
    with begin() as log:
        first = book(200)
    assert len(names(log)) == 202

    with begin() as log:
        assert book(200) == first

    assert names(log) == []
    assert len(log.reused) == 202
    assert log.store.hits == 202


def test_what_another_process_tweaked_is_there_too(begin):
    """What one process computed under a tweak serves another one under the same tweak: only what differs is looked for."""
    with begin():
        book(4)
    with begin({spot.node(): 110.0}) as log:
        tweaked = book(4)
    assert names(log) == ["pv", "pv", "book"]

    with begin({spot.node(): 110.0}) as log:
        assert book(4) == tweaked
    assert names(log) == []


def test_a_tweak_to_the_base_value_runs_nothing(begin):
    """A tweak is only the value that it gives: the same one by another way finds what is kept."""
    with begin():
        base = book(4)

    with begin({spot.node(): 100.0}) as log:
        assert book(4) == base
    assert names(log) == []

    with begin({outside: lambda name: OUTSIDE[name]}) as log:
        assert book(4) == base
    assert names(log) == []


def test_a_source_that_gives_another_value_is_noticed(begin):
    """Sources run in each process, and what read one that changed runs again, and no more."""
    with begin():
        book(4)
    OUTSIDE["rate"] = 0.02

    with begin() as log:
        assert book(4) == 100 * 4 + 0.02 * 2

    assert names(log) == ["pv", "pv", "book"]


@dug.memoize
def rated():
    """Read a second value only if the first one asks for it."""
    return pv(1) if outside("rate") > 0 else -1.0


def test_what_a_fresh_run_would_not_ask_for_is_not_run(begin):
    """A kept run is verified in the order in which it asked, up to the first difference."""
    with begin():
        assert rated() == 100.0
    OUTSIDE["rate"], OUTSIDE["spot"] = 0.0, 50.0

    with begin() as log:
        assert rated() == -1.0
    assert names(log) == ["rated"]
    assert [node.args for node in log.computed if node.function is outside] == [("rate",)]


def test_an_older_world_is_found_again(begin):
    """Rows of an older world stay: when the outside is as it was, nothing runs."""
    for rate in (0.01, 0.02, 0.03):
        OUTSIDE["rate"] = rate
        with begin():
            book(4)
    OUTSIDE["rate"] = 0.02

    with begin() as log:
        assert book(4) == 100 * 4 + 0.02 * 2
    assert names(log) == []


def test_a_run_of_a_bump_is_not_kept(begin):
    """Nothing is kept of what a tweak's own function runs; what reads it is kept by the value that it gave."""
    with begin({spot: dug.bump(lambda value: value + 1)}) as log:
        bumped = book(4)
        assert (rows_of(log, spot), rows_of(log, pv), rows_of(log, book)) == (0, 4, 1)

    with begin() as log:
        plain = book(4)
    assert bumped == plain + 4
    assert sorted(names(log)) == ["book", "pv", "pv", "spot"]

    with begin({spot.node(): 101.0}) as log:
        assert book(4) == bumped
    assert names(log) == []


@dug.memoize
def failing():
    """Fail."""
    raise LookupError("no price")


@dug.memoize
def catching():
    """Return a value in place of a failure."""
    try:
        return failing()
    except LookupError:
        return 0.0


@dug.memoize
def opening():
    """Return a value under a tweak of its own."""
    with dug.Context({spot.node(): 5.0}):
        return pv(1)


def rows_of(log, function):
    """Return how many runs of a function are kept."""
    log.store.flush()
    return len(list(log.store.backend.list_rows(f"{function.__module__}:{function.__qualname__}")))


def test_failures_and_what_caught_one_are_not_kept(begin):
    """A failure is tried again by each process, and so is what went on without it."""
    with begin() as log:
        assert catching() == 0.0

    with begin() as log:
        assert catching() == 0.0
        assert rows_of(log, failing) == rows_of(log, catching) == 0
    assert names(log) == ["catching"]
    assert [node.function for node in log.failed] == [failing]


def test_a_run_that_opened_a_context_is_not_kept(begin):
    """What a run computed under tweaks of its own is kept, and the run is not."""
    with begin() as log:
        assert opening() == 5.0
        assert rows_of(log, opening) == 0
        assert rows_of(log, pv) == 1


def test_a_run_that_was_invalidated_is_not_kept(begin):
    """A run whose value does not hold when it ends leaves nothing."""
    with begin() as log:
        ctx = log.ctx
        with ctx.listen(lambda event: ctx.invalidate(spot) if event.node.function is outside else None, kinds="computed"):
            assert spot() == 100.0
        assert rows_of(log, spot) == 0


@pytest.mark.parametrize("read_only", [False, True])
def test_an_invalidation_reaches_what_is_kept(begin, read_only):
    """What a user invalidates runs again, though a store has a run of it; for every process, if the store can be written."""
    with begin():
        assert unstable(1) == 100.0
        assert reads_unstable() == 300.0
    OUTSIDE["spot"] = 50.0

    with begin(read_only=read_only) as log:
        assert unstable(1) == 100.0
        log.ctx.invalidate(unstable.node(1))
        assert unstable(1) == 50.0
        assert unstable(2) == 200.0
        assert reads_unstable() == 250.0
        log.ctx.invalidate(unstable)
        assert unstable(2) == 100.0
        assert reads_unstable() == 150.0
    with begin() as log:
        assert unstable(1) == (100.0 if read_only else 50.0)
        assert reads_unstable() == (300.0 if read_only else 150.0)
    assert names(log) == []


@dug.memoize
def unstable(number):
    """Read the outside without saying so."""
    return number * look_aside()


def look_aside():
    """Return what no fingerprint sees."""
    return getattr(look_aside, ATTRIBUTE)["spot"]


ATTRIBUTE = "outside"
look_aside.outside = OUTSIDE


@dug.memoize(ignore=("label",), key={"side": abs})
def labelled(side, label=""):
    """Read the outside without saying so, with arguments that do not decide a call as they are."""
    return look_aside()


@dug.memoize
def sided(side, size=1):
    """Read the outside without saying so, with a default."""
    return look_aside()


@pytest.mark.parametrize(
    ("kept", "named"),
    [
        (lambda: sided(1.0), sided.node(1)),
        (lambda: sided(True, 1.0), sided.node(1)),
        (lambda: sided(size=1, side=1), sided.node(1.0)),
        (lambda: labelled(1, label="a"), labelled.node(1, label="b")),
        (lambda: labelled(-1, "a"), labelled.node(1)),
        (lambda: labelled(1), labelled.node(-1.0, label=object())),
    ],
)
def test_an_invalidation_means_the_node_however_it_is_written(begin, kept, named):
    """A node is invalidated in a store by whatever call is that node in memory, and no other node is."""
    with begin():
        assert kept() == sided(2) == labelled(2) == 100.0
    OUTSIDE["spot"] = 50.0
    with begin() as log:
        log.ctx.invalidate(named)
        assert (kept(), sided(2), labelled(2)) == (50.0, 100.0, 100.0)
    with begin():
        assert kept() == 50.0


@dug.memoize
def reads_unstable():
    """Read two nodes that do so."""
    return unstable(1) + unstable(2)


def test_a_cheap_run_is_not_kept(begin):
    """A run that takes less than `min_seconds` by itself is not kept, unless its function says so."""
    with begin(min_seconds=1000) as log:
        assert book(2) == 100.0
        assert asked() == 1
        assert rows_of(log, book) == rows_of(log, pv) == 0
        assert rows_of(log, asked) == 1
    with begin() as log:
        assert refusing() == 1
        assert rows_of(log, refusing) == 0


@dug.memoize(store=True)
def asked():
    """Return a value that is always kept."""
    return 1


@dug.memoize(store=False)
def refusing():
    """Return a value that is never kept."""
    return 1


@dug.memoize
def typed(value):
    """Return a text of the type of an argument."""
    return type(value).__name__


def test_arguments_of_different_types_are_different_calls(begin):
    """In memory 1, 1.0 and True are one call; a store keeps them apart, so that none is served for another."""
    for value, name in ((1, "int"), (1.0, "float"), (True, "bool")):
        with begin():
            assert typed(value) == name
    for value, name in ((True, "bool"), (1, "int"), (1.0, "float")):
        with begin() as log:
            assert typed(value) == name
        assert names(log) == []


@dug.memoize
def length():
    """Return the length of a list."""
    return len(outside("path"))


def test_a_list_that_was_changed_in_place_is_not_kept_as_what_it_was(begin):
    """Where a value that was read has been changed since, the run that read it leaves nothing."""
    with begin():
        assert length() == 2
        outside("path").append("c")
        assert last() == "c"
    OUTSIDE["path"] = ["a", "b"]

    with begin() as log:
        assert length() == 2
        assert last() == "b"
    assert names(log) == ["last"]


@dug.memoize
def last():
    """Return the last of a list."""
    return outside("path")[-1]


@dug.memoize
def opaque():
    """Return something without a codec."""
    return object()


@dug.memoize
def reads_opaque():
    """Read something without a codec."""
    return type(opaque()).__name__


def test_what_has_no_codec_is_not_kept_and_told(begin):
    """A value without a codec is not kept, nor is what read it; the store says of which function."""
    with begin() as log:
        assert reads_opaque() == "object"
        assert rows_of(log, opaque) == rows_of(log, reads_opaque) == 0
        assert {name.partition(":")[2] for name in log.store.refused} == {"opaque", "reads_opaque"}


@dug.memoize(key={"frame": tuple}, ignore=("logger",))
def first(frame, logger=None):
    """Return the first item of a list."""
    return frame[0]


def test_a_key_says_what_an_argument_is(begin):
    """Where ``key=`` and ``ignore=`` say what decides a call, they say it for a store too."""
    with begin():
        assert first(["a"], logger=object()) == "a"

    with begin() as log:
        assert first(["a"]) == "a"
        assert first(["b"]) == "b"
    assert names(log) == ["first"]


def test_a_local_function_is_not_kept(begin):
    """A function that no other process can find leaves nothing."""

    @dug.memoize
    def local():
        return spot()

    @dug.memoize
    def reads_local():
        return local()

    with begin() as log:
        assert reads_local() == 100.0
        log.store.flush()
        assert {row.function.partition(":")[2] for row in log.store.backend.list_rows()} == {"spot"}


def test_a_context_inside_has_the_store(begin):
    """A store is inherited by the contexts inside, with a cache of their own or without."""
    with begin() as log:
        with dug.Context({spot.node(): 1.0}) as inner:
            pv(1)
            assert inner.store is log.store
        with dug.Context(cache=dug.Cache()) as inner:
            pv(3)
            assert dug.current_context().store is log.store
    with begin() as log:
        with dug.Context({spot.node(): 1.0}):
            assert pv(1) == 1.0
        assert pv(3) == 300.0
    assert names(log) == []


def test_a_store_goes_with_a_cache(begin, tmp_path):
    """A context inside another one takes a store only together with a cache of its own."""
    with dug.Context():
        assert dug.current_context().store is None
        with pytest.raises(dug.ContextError, match="has a store of its own"), begin():
            pass
        with begin(cache=dug.Cache()) as log:
            assert pv(1) == 100.0
            assert rows_of(log, pv) == 1
    with pytest.raises(TypeError, match=r"Write Context\(store='book\.store'\)"):
        dug.Context(store=1)


def test_a_cache_has_one_store(begin, tmp_path):
    """A cache that one store keeps is refused to another."""
    cache = dug.Cache()
    with begin(cache=cache):
        pass
    with pytest.raises(dug.ContextError, match="has one store only"), begin(cache=cache):
        pass


def test_a_path_will_do(tmp_path):
    """A context takes the path of a store's folder."""
    with dug.Context(store=tmp_path / "some.store") as ctx:
        assert asked() == 1
    with dug.Context(store=str(tmp_path / "some.store")) as ctx:
        assert asked() == 1
    assert ctx.store.hits == 1


@codec.register(name="tests:Quote")
class Quote(tuple):
    """A registered class."""

    __slots__ = ()
    _fields = ("bid", "ask")

    @property
    def mid(self):
        """Return the middle."""
        return (self[0] + self[1]) / 2


@dug.source
def quote():
    """Return a value of a registered class."""
    return tuple.__new__(Quote, (1.0, 3.0))


@dug.memoize
def middle():
    """Return what a method of a value gives."""
    return quote().mid


def test_a_method_of_a_value_is_a_part_of_it(begin):
    """When a class is defined anew, what read its values runs again, though the function that did names no class."""
    with begin():
        assert middle() == 2.0
    with begin() as log:
        assert middle() == 2.0
    assert names(log) == ["quote"]

    class Other(Quote):
        """The class with another method, under the same name."""

        __slots__ = ()

        @property
        def mid(self):
            """Return something else."""
            return self[0]

    codec.register(name="tests:Quote")(Other)
    try:
        with begin({quote: lambda: tuple.__new__(Other, (1.0, 3.0))}) as log:
            assert middle() == 1.0
    finally:
        codec.register(name="tests:Quote")(Quote)


@dug.memoize
async def leg(name, ticks):
    """Return a value after some turns of the loop."""
    for _ in range(ticks):
        await asyncio.sleep(0)
    return outside(name)


ORDER = [("spot", 3), ("rate", 1)]


@dug.memoize
async def both():
    """Return the sum of two values that are asked for together."""
    found = await asyncio.gather(*(leg(*one) for one in ORDER))
    return sum(found)


async def ask_both():
    """Await the sum."""
    return await both()


def test_a_coroutine_function_is_found_with_its_value(begin):
    """A node of a coroutine function, and what it awaited, is served in another process."""
    with begin():
        assert asyncio.run(ask_both()) == 100.01

    with begin() as log:
        assert asyncio.run(ask_both()) == 100.01
    assert names(log) == []
    assert log.store.hits == 3


def test_reads_that_are_made_together_may_end_in_any_order(begin):
    """Where the legs of a gather end in another order than they did, the row still holds."""
    with begin({leg: slow_spot}):
        assert asyncio.run(ask_both()) == 100.01
    with begin({leg: slow_rate}) as log:
        assert asyncio.run(ask_both()) == 100.01

    assert [name for name in names(log) if name == "both"] == []


async def slow_spot(name, ticks):
    """Give the spot last."""
    for _ in range(5 if name == "spot" else 0):
        await asyncio.sleep(0)
    return OUTSIDE[name]


async def slow_rate(name, ticks):
    """Give the rate last."""
    for _ in range(5 if name == "rate" else 0):
        await asyncio.sleep(0)
    return OUTSIDE[name]
