"""`dug.debug.check_mutation` names the value that was changed, the place, and who may have done it, and nothing else."""

from __future__ import annotations

import collections
import contextlib
import functools
import logging
import pickle
import threading

import attrs
import numpy
import pandas
import polars
import pytest
from support.concurrent_program import run_threads, switching_often
from support.script import ask, play_threads
from support.sync_points import BACKENDS, run_on

import dug
from dug.debug import Change, MutationCheck, MutationError, check_mutation
from dug.testing import EventLog


@attrs.define
class Quote:
    x: float
    _best: object = None


@attrs.define
class Book:
    quotes: list = attrs.field(factory=lambda: [Quote(1.0), Quote(2.0)])


class Curve:
    """A class that only caches."""

    def __init__(self, points):
        self.points = points
        self._total = None

    @functools.cached_property
    def largest(self):
        return max(self.points)

    def total(self):
        if self._total is None:
            self._total = [sum(self.points)]
        self._count = len(self.points)
        return self._total[0]


@pytest.fixture
def p():
    """A source that gives what it is told to, and readers of it."""

    class Program:
        value: object = None
        change = staticmethod(lambda value: None)

    program = Program()

    @dug.source(name="desk:quotes")
    def quotes():
        return program.value

    @dug.memoize(name="desk:mid")
    def mid(ticker="AAPL"):
        program.change(quotes())
        return ticker

    @dug.memoize(name="desk:other")
    def other():
        return quotes() is None

    @dug.memoize(name="desk:book")
    def book():
        return other(), mid(), other()

    program.quotes, program.mid, program.other, program.book = quotes, mid, other, book
    return program


def find_changes(ctx, run):
    """Return the changes that a check of ``run()`` reports."""
    with ctx, pytest.raises(MutationError) as caught, check_mutation(ctx):
        run()
    return caught.value.changes


def frame():
    """Return a frame of two kinds of columns."""
    return pandas.DataFrame({"bid": [1.0, 2.0], "name": ["a", "b"]})


KINDS = {
    "list": (lambda: [1, 2, 3], lambda it: it.__setitem__(1, 9), "[1]"),
    "longer list": (lambda: [1, 2], lambda it: it.append(3), ""),
    "long list": (lambda: list(range(1000)), lambda it: it.__setitem__(500, 0), "[496:512]"),
    "dict": (lambda: {"a": 1, "b": 2}, lambda it: it.update(b=3), "['b']"),
    "new key": (lambda: {"a": 1}, lambda it: it.update(b=3), ""),
    "set": (lambda: {1, 2}, lambda it: it.add(9), ""),
    "bytearray": (lambda: bytearray(b"ab"), lambda it: it.extend(b"c"), ""),
    "deque": (lambda: collections.deque([1, 2]), lambda it: it.rotate(1), "[0]"),
    "attrs instance": (lambda: Quote(1.0), lambda it: setattr(it, "x", 2.0), ".x"),
    "list of instances": (lambda: [Quote(1), Quote(2), Quote(3)], lambda it: setattr(it[2], "x", 9), "[2].x"),
    "nested": (lambda: {"books": (Book(),)}, lambda it: setattr(it["books"][0].quotes[1], "x", 0), "['books'][0].quotes[1].x"),
    "list in a tuple": (lambda: ("live", [1, 2]), lambda it: it[1].clear(), "[1]"),
    "type of an element": (lambda: [1, 2], lambda it: it.__setitem__(0, 1.0), "[0]"),
    "sign of zero": (lambda: [0.0], lambda it: it.__setitem__(0, -0.0), "[0]"),
    "array": (lambda: numpy.zeros(4), lambda it: it.__setitem__(3, 1.0), "[3]"),
    "array of two dimensions": (lambda: numpy.zeros((3, 2)), lambda it: it.__setitem__((1, 1), 1.0), "[1]"),
    "array in a dict": (lambda: {"w": numpy.ones(300)}, lambda it: it["w"].sort(), None),
    "array of objects": (lambda: numpy.array([[1], None], dtype=object), lambda it: it[0].append(2), None),
    "masked array": (lambda: numpy.ma.array([1.0, 2.0], mask=[0, 1]), lambda it: it.__setitem__(0, 3.0), "[0]"),
    "mask of an array": (lambda: numpy.ma.array([1.0, 2.0]), lambda it: it.__setitem__(1, numpy.ma.masked), ".mask[1]"),
    "cell of a frame": (frame, lambda it: it.__setitem__("bid", [1.0, 5.0]), "['bid'][1]"),
    "new column": (frame, lambda it: it.__setitem__("ask", 1), ""),
    "name of a column": (frame, lambda it: setattr(it, "columns", ["x", "name"]), None),
    "series": (lambda: pandas.Series([1.0, 2.0]), lambda it: it.__setitem__(0, 3.0), "[0]"),
    "polars": (lambda: polars.DataFrame({"a": [1, 2]}), lambda it: it.__setitem__((0, "a"), 5), None),
}


def replace_part(it):
    """Put the second part in the place of the first one, where it is met again."""
    it[2] = it[1][0]


SHARED = {
    "list": (lambda: twice({"v": 1}, {"v": 2}), replace_part, "[2]"),
    "instance": (lambda: twice(Quote(1.0), Quote(1.0)), replace_part, "[2]"),
    "attribute": (
        lambda: [Book([one := Quote(1.0)]), Book([Quote(1.0)]), Quote(2.0, one)],
        lambda it: setattr(it[2], "_best", it[1].quotes[0]),
        "[2]._best",
    ),
}


def twice(first, second):
    """Return two lists of a part each, and the first part again."""
    return [[first], [second], first]


@pytest.mark.parametrize("kind", SHARED)
def test_a_part_that_takes_the_place_of_one_like_it_is_found(p, kind):
    """A part that was met before and takes the place of another that was, at the same step and depth, is reported."""
    make, p.change, place = SHARED[kind]
    p.value = make()

    [found] = find_changes(dug.Context(), p.mid)

    assert found.place == place


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_a_reader_changes_is_named_with_the_place_and_the_reader(p, kind):
    """The report of a change has the node, the place and the node that read it."""
    make, change, place = KINDS[kind]
    p.value = make()
    if kind in ("array in a dict", "polars"):
        p.change = lambda value: change(value) if kind == "polars" else value["w"].__setitem__(7, 0)
    else:
        p.change = change
    ctx = dug.Context()

    [found] = find_changes(ctx, p.mid)

    assert (found.node, found.suspects) == (p.quotes.node(), (p.mid.node(),))
    assert place is None or found.place == place


def test_the_error_says_all_in_one_sentence_each(p):
    """The text of the error names the node, the place, the suspects and what to do."""
    p.value, p.change = [Quote(1), Quote(2), Quote(3)], lambda it: setattr(it[2], "x", 9)
    ctx = dug.Context()

    with ctx, pytest.raises(MutationError) as caught, check_mutation(ctx):
        p.mid()

    assert str(caught.value) == (
        "the value of desk:quotes() was changed at [2].x after it was returned. Suspects, which read it and ran since it was "
        "last seen unchanged: desk:mid('AAPL'). Work on a copy, and return what is new."
    )


def test_the_error_travels(p):
    """The error of a check can be pickled, with its changes."""
    p.value, p.change = [1], lambda it: it.append(2)

    error = MutationError(find_changes(dug.Context(), p.mid))

    assert str(pickle.loads(pickle.dumps(MutationError((Change(len, "[2]"),))))) == str(MutationError((Change(len, "[2]"),)))
    assert error.changes[0].node == p.quotes.node()


def test_who_ended_before_the_change_is_no_suspect(p):
    """Only those that ran since the value was last seen unchanged are suspects."""
    p.value, p.change = [1], lambda it: it.append(2)

    [found] = find_changes(dug.Context(), p.book)

    assert found.suspects == (p.mid.node(),)


def test_a_node_that_is_still_running_is_a_suspect(p):
    """A node that read a value, changed it, and then asked for others is named by the first of those that reads it."""
    p.value = [1]

    @dug.memoize(name="desk:around")
    def around():
        p.quotes().append(2)
        return p.other()

    [found] = find_changes(dug.Context(), around)

    assert found.suspects == (around.node(),)


def test_the_caller_is_named_when_no_node_can_have_done_it(p):
    """A value that the calling code changes has no suspects, and the text says so."""
    p.value = [1]

    [found] = find_changes(dug.Context(), lambda: (p.other(), p.quotes().append(2)))

    assert found.suspects == ()
    assert "the caller changed it" in str(found)


def test_a_buffer_that_a_source_fills_again_is_found(p):
    """A source that returns one buffer for all its nodes has changed the value of the first one."""
    buffer = [0]

    @dug.source
    def read(number):
        buffer[0] = number
        return buffer

    [found] = find_changes(dug.Context(), lambda: (read(1), read(2)))

    assert (found.node, found.place) == (read.node(1), "[0]")


def test_an_object_that_two_nodes_return_is_reported_once(p):
    """A value that is passed on belongs to the node that returned it first, and the others are no second report."""
    p.value = [1]

    @dug.memoize
    def passed():
        return p.quotes()

    [found] = find_changes(dug.Context(), lambda: passed().append(2))

    assert found.node == p.quotes.node()


def test_all_changes_are_in_the_error_in_the_order_of_their_making():
    """One error has all changes, and its text names the others."""

    @dug.memoize(name="desk:part")
    def part(number):
        return [number]

    changes = find_changes(dug.Context(), lambda: [part(i) for i in range(3)] and [part(i).append(0) for i in (2, 0, 1)])

    assert [change.node for change in changes] == [part.node(i) for i in range(3)]
    assert "2 more changed: the value of desk:part(1), the value of desk:part(2)." in str(MutationError(changes))


# What is no change


@pytest.mark.parametrize(
    "use",
    [lambda it: it.largest, lambda it: it.total(), lambda it: (it.total(), it.largest, it.total())],
    ids=["cached_property", "private fields", "both"],
)
def test_a_value_that_only_caches_is_not_reported(p, use):
    """A filled ``cached_property`` and a filled private attribute are no changes."""
    p.value, p.change = [Curve([1, 2])], lambda it: use(it[0])
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.book()
        p.quotes()

    assert check.changes == ()


@pytest.mark.parametrize("use", [repr, lambda it: it.fill_value, lambda it: it.mean()], ids=["repr", "fill_value", "mean"])
def test_a_masked_array_that_is_looked_at_is_not_reported(p, use):
    """A masked array finds the value that it fills in when it is first shown."""
    p.value, p.change = numpy.ma.array([1.0, 2.0], mask=[0, 1]), use
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.book()
        p.quotes()

    assert check.changes == ()


def test_a_cache_may_hold_what_the_value_holds_too(p):
    """A private attribute that is filled with a part of the value is no change of that part."""
    p.value, p.change = [Quote(1.0), Quote(2.0)], lambda it: setattr(it[0], "_best", it[1])
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()


def test_what_a_cache_was_filled_with_counts_from_then_on(p):
    """A private attribute that is changed after it was filled is reported."""
    p.value, p.change = Curve([1, 2]), lambda it: it.total()

    [found] = find_changes(dug.Context(), lambda: (p.mid(), p.quotes()._total.append(1)))

    assert found.place == "._total"


EMPTY = {"None": lambda it: setattr(it, "_total", None), "absent": lambda it: delattr(it, "_total")}


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
def test_a_cache_that_is_emptied_again_is_not_reported(p, empty):
    """A private attribute that was filled after the value was made, and is None or absent again, is no change."""
    p.value, p.change = Curve([1, 2]), lambda it: it.total()
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()
        empty(p.quotes())
        p.quotes()._total = [4]
        empty(p.quotes())

    assert check.changes == ()


def test_a_cache_that_is_filled_first_may_have_parts_that_come_again(p):
    """A filled cache of an object that had nothing else changes nothing in what comes after it."""

    class Lazy:
        def fill(self):
            self._rows = [[1], [2]]

    shared = [Lazy()]
    p.value, p.change = [Lazy(), shared, {"again": shared}], lambda it: (it[0].fill(), it[1][0].fill())
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()


@pytest.mark.parametrize("change", EMPTY.values(), ids=EMPTY)
def test_a_private_attribute_that_was_there_from_the_start_may_not_go(p, change):
    """A private attribute that had a value when its object was returned is named when it is gone."""
    curve = Curve([1, 2])
    curve.total()
    p.value, p.change = curve, change

    [found] = find_changes(dug.Context(), p.mid)

    assert found.place == "._total"


def test_a_value_that_differs_for_a_moment_is_not_reported(p):
    """A value of which one look sees half, as another thread is just filling a cache in it, is looked at again."""

    class Moving:
        looks = 0

        def __getstate__(self):
            type(self).looks += 1
            return {"half": self.looks in (2, 3)}

    p.value = Moving()
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()
    assert Moving.looks > 3


def test_a_private_attribute_that_had_a_value_is_no_cache(p):
    """A private list that grows is a change: only what was absent or None is filled."""

    class Bag:
        def __init__(self):
            self._items = []

    p.value, p.change = Bag(), lambda it: it._items.append(1)

    [found] = find_changes(dug.Context(), p.mid)

    assert found.place == "._items"


def test_looking_at_a_frame_is_no_change(p):
    """A frame that sums, sorts into another, groups and joins its blocks is not reported."""
    value = frame()
    value["ask"] = [3.0, 4.0]
    value["mid"] = value["ask"] + 1
    p.value = value
    p.change = lambda it: (it.sum(), it.sort_values("ask"), it.groupby("name").sum(), it.to_numpy(), it.loc[0], it["ask"])
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()


def days(**kind):
    """Return a frame of a row a day, whose index does not know its frequency."""
    rows = {"day": pandas.date_range("2026-01-01", periods=3, name="day", **kind), "px": [3, 1, 2]}
    return pandas.DataFrame(rows).set_index("day")


INDEXES = {
    "dates": days,
    "dates with a zone": lambda: days(tz="UTC"),
    "dates in nanoseconds": lambda: days(unit="ns"),
    "spans": lambda: days().set_index(pandas.to_timedelta([1, 2, 3], unit="s").rename("day")),
    "months": lambda: days().to_period("M"),
    "two levels": lambda: days().assign(ticker=["A", "B", "A"]).set_index("ticker", append=True),
    "intervals": lambda: days().set_index(pandas.interval_range(0, 3)),
    "categories": lambda: days().set_index(pandas.CategoricalIndex(["a", "b", "a"])),
    "texts": lambda: days().set_index(pandas.Index(["a", "b", "c"])),
    "numbers": lambda: days().reset_index(drop=True),
}
LOOKS = (
    lambda it: it.loc["2026-01-01"],
    lambda it: it.loc[it.index[1]],
    lambda it: it.index.get_loc(it.index[0]),
    lambda it: it.index.inferred_freq,
    lambda it: (it.index.year, it.index.is_monotonic_increasing, it.index.has_duplicates),
    lambda it: it.to_dict(),
    lambda it: it.resample("2D").sum(),
    lambda it: it.shift(1, freq="D"),
    lambda it: it.asfreq("D"),
    lambda it: it.sort_index(ascending=False).join(it, rsuffix="_"),
    lambda it: it.reset_index().groupby(it.index.names[0] or "index").sum(),
)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", INDEXES)
def test_reading_a_frame_by_its_index_is_no_change(p, kind):
    """What pandas keeps in an index when it is read, such as the unit of its dates, is not reported."""

    def look(it):
        for one in LOOKS:
            with contextlib.suppress(Exception):  # there is not every way to read for every index
                one(it)

    p.value, p.change = INDEXES[kind](), look
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()


@pytest.mark.parametrize("dtype", ["datetime64[us, UTC]", "timedelta64[us]", "Int64", "category", "string", "int64"])
def test_reading_a_column_of_any_kind_is_no_change(p, dtype):
    """What pandas keeps in the arrays of its columns is not reported."""
    p.value = pandas.DataFrame({"a": pandas.Series([3, 1, 2]).astype(dtype)})
    p.change = lambda it: (it["a"].unique(), it["a"].sort_values(), it.to_dict(), it.merge(it), it["a"].array.dtype, repr(it))
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda it: it.index.array._ndarray.__setitem__(1, 0), ".index[1]"),
        (lambda it: setattr(it.index, "name", "date"), ".index.names[0]"),
        (lambda it: setattr(it.index, "freq", "D"), ".index.freq"),
        (lambda it: setattr(it, "index", it.index + pandas.Timedelta(1, "D")), ".index[0]"),
    ],
    ids=["date", "name", "freq", "index"],
)
def test_a_change_of_an_index_of_dates_is_found(p, change, place):
    """A date that is written to, another name, and another index are reported."""
    p.value, p.change = days(tz="UTC"), change

    [found] = find_changes(dug.Context(), p.mid)

    assert found.place == place


@pytest.mark.parametrize("kind", ["datetime64[us, UTC]", "Int64", "category", "string", "Float64", "Sparse[int]"])
def test_a_cell_of_any_kind_of_column_is_found(p, kind):
    """A cell that is written to is reported, in whatever array pandas keeps it."""
    first, other = pandas.Series([1, 2, 1]).astype(kind), pandas.Series([1, 1, 2]).astype(kind)
    p.value = pandas.DataFrame({"a": first, "b": other})
    p.change = lambda it: it.__setitem__("a", it["b"])

    [found] = find_changes(dug.Context(), p.mid)

    assert found.place.startswith("['a']")


@pytest.mark.parametrize(
    "change",
    [lambda it: it.cat.as_ordered(), lambda it: it.cat.rename_categories(["x", "z"]), lambda it: it.cat.add_categories(["z"])],
    ids=["ordered", "renamed", "added"],
)
def test_a_change_of_the_categories_of_a_column_is_found(p, change):
    """A column whose codes stay and whose categories, or their order, do not is reported."""
    p.value = pandas.DataFrame({"a": pandas.Categorical(["x", "y", "x"])})
    p.change = lambda it: it.__setitem__("a", change(it["a"]))

    [found] = find_changes(dug.Context(), p.mid)

    assert found.place.startswith("['a']")


def test_a_copy_on_write_is_no_change(p):
    """A reader that changes a shallow copy of a frame is not reported."""

    def change(it):
        it = it.copy(deep=False)
        it["ask"] = 1
        it.loc[0, "bid"] = 9.0

    p.value, p.change = frame(), change
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()


def test_a_circle_is_looked_at_once(p):
    """A value that holds itself, and one that holds a part many times, are written down in a moment."""
    shared = [1]
    for _ in range(60):
        shared = [shared, shared]
    circle = [shared]
    circle.append(circle)
    p.value, p.change = circle, lambda it: it[1][1].append(2)

    [found] = find_changes(dug.Context(), p.mid)

    assert found.node == p.quotes.node()


def test_what_cannot_be_looked_into_is_said(p):
    """A lock in a value is named, and is no change."""
    p.value, p.change = {"lock": threading.Lock()}, lambda it: it["lock"].acquire()
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert (check.changes, check.opaque) == ((), (p.quotes.node(),))


# Where it works


def test_what_a_what_if_changes_is_found_around(p):
    """A node that runs in a nested what-if and changes a shared value is a suspect."""
    p.value, p.change = [1], lambda it: it.append(2)
    ctx = dug.Context()

    def ask_what_if():
        p.other()
        with dug.Context({p.other.node(): True}):
            p.book()

    [found] = find_changes(ctx, ask_what_if)

    assert (found.node, found.suspects) == (p.quotes.node(), (p.mid.node(),))


def test_a_node_that_changes_what_was_made_in_its_own_what_if_is_a_suspect(p):
    """A node that opens a what-if in its body, and changes a value that holds there only, is named."""
    p.value = [1]

    @dug.memoize(name="desk:doubled")
    def doubled():
        return [2 * price for price in p.quotes()]

    @dug.memoize(name="desk:around")
    def around():
        with dug.Context({p.quotes.node(): [5]}):
            doubled().append(2)

    [found] = find_changes(dug.Context(), around)

    assert (found.node, found.suspects) == (doubled.node(), (around.node(),))


def test_a_bump_that_changes_what_it_gets_is_found(p):
    """The value beneath a bump is watched, whether or not anybody asked for it before."""
    p.value = [1]

    def grow(value):
        value.append(2)
        return list(value)

    [found] = find_changes(dug.Context(), lambda: dug.Context({p.quotes.node(): dug.bump(grow)}).run(p.other))

    assert found.node == p.quotes.node()


def test_a_value_of_a_tweak_is_watched(p):
    """An object that a tweak gave is watched from the first read on."""
    p.change = lambda it: it.append(2)
    ctx = dug.Context({p.quotes.node(): [5]})

    [found] = find_changes(ctx, p.mid)

    assert (found.node, found.suspects) == (p.quotes.node(), (p.mid.node(),))


def test_a_value_from_before_is_watched_from_the_first_read_on(p):
    """A value that was made before the check began is watched too."""
    p.value, p.change = [1], lambda it: it.append(2)
    ctx = dug.Context()
    with ctx:
        p.quotes()

    [found] = find_changes(ctx, p.mid)

    assert found.node == p.quotes.node()


def test_threads_are_watched(p):
    """A node that changes a value in another thread is named."""
    p.value, p.change = [1], lambda it: it.append(2)
    ctx = dug.Context()

    with pytest.raises(MutationError) as caught, check_mutation(ctx):
        [play_threads(ctx, ask("thread", fn)) for fn in (p.other, p.mid, p.other)]

    [found] = caught.value.changes
    assert (found.node, found.suspects) == (p.quotes.node(), (p.mid.node(),))


def test_many_threads_are_watched_at_once(p):
    """Threads that ask together get the value as it is written down, so that the change of one of them is found."""
    p.value, p.change = [Quote(1.0)], lambda it: setattr(it[0], "x", 2.0)
    ctx = dug.Context()

    with pytest.raises(MutationError) as caught, check_mutation(ctx):
        play_threads(ctx, *[ask(number, p.other if number % 2 else p.mid) for number in range(6)])

    [found] = caught.value.changes
    assert (found.node, found.place) == (p.quotes.node(), "[0].x")


@pytest.mark.slow
def test_what_many_threads_change_in_what_ifs_is_all_found(p):
    """Threads that open scenarios while others look for suspects take no check away from each other."""

    @dug.source
    def quotes(number):
        return [number]

    @dug.memoize
    def bad(number):
        quotes(number).append(0)

    ctx = dug.Context()
    count = 150

    def work(thread):
        for number in range(thread * count, thread * count + count):
            with ctx, dug.Context({p.other.node(): number}):
                bad(number)

    with switching_often(), pytest.raises(MutationError) as caught, check_mutation(ctx):
        run_threads([functools.partial(work, thread) for thread in range(6)])

    assert {change.node for change in caught.value.changes} == {quotes.node(number) for number in range(6 * count)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_coroutines_are_watched(backend):
    """A coroutine function that changes what it awaited is named."""

    @dug.source
    async def quotes():
        return [Quote(1.0)]

    @dug.memoize
    async def mid():
        (await quotes())[0].x = 2.0

    async def main():
        ctx = dug.Context()
        with ctx, check_mutation(ctx):
            await mid()

    with pytest.raises(MutationError) as caught:
        run_on(backend, main)

    [found] = caught.value.changes
    assert (found.node, found.place, found.suspects) == (quotes.node(), "[0].x", (mid.node(),))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_items_of_a_stream_are_watched(backend):
    """An item that its reader changes is named by its position, though the reader changes it at once."""

    @dug.memoize
    async def ticks():
        for number in range(3):
            yield [number]

    @dug.memoize
    async def total():
        return [item.append(0) async for item in ticks() if item == [1]]

    async def main():
        ctx = dug.Context()
        with ctx, check_mutation(ctx):
            await total()

    with pytest.raises(MutationError) as caught:
        run_on(backend, main)

    [found] = caught.value.changes
    assert (found.node, found.position, found.suspects) == (ticks.node(), 1, (total.node(),))
    assert str(found).startswith(f"item 1 of {ticks.node()} was changed after")


def test_the_items_of_a_synchronous_stream_are_watched():
    """A stream that is pulled is watched item by item, and so is one that ended before the check began."""

    @dug.memoize
    def rows():
        yield from ([1], [2])

    ctx = dug.Context()
    with ctx:
        [first] = find_changes(ctx, lambda: next(iter(rows())).append(0))
        list(rows())
        [second] = find_changes(ctx, lambda: list(rows())[1].append(0))

    assert (first.position, second.position) == (0, 1)


def test_a_bumped_stream_is_watched():
    """The items that a bump of a stream makes are watched."""

    @dug.memoize
    def rows():
        yield from ([1], [2])

    ctx = dug.Context({rows.node(): dug.bump(lambda items: ([*item, 0] for item in items))})

    [found] = find_changes(ctx, lambda: [item.append(1) for item in rows() if item[0] == 2])

    assert (found.node, found.position) == (rows.node(), 1)


@pytest.mark.parametrize("first_ends_first", [True, False])
@pytest.mark.parametrize("is_bumped", [True, False])
def test_two_checks_leave_nothing_on_a_stream(first_ends_first, is_bumped):
    """A stream that two checks watch is as it was when both have ended, in whatever order."""

    @dug.memoize
    def rows():
        yield from ([1], [2])

    bump = {rows.node(): dug.bump(lambda items: ([*item, 0] for item in items))}
    ctx = dug.Context(bump if is_bumped else {})
    with ctx:
        stream = rows()
        before = stream._bump
        first, second = check_mutation(ctx), check_mutation(ctx)
        first.__enter__()
        rows()
        second.__enter__()
        rows()
        for check in (first, second) if first_ends_first else (second, first):
            check.__exit__(None, None, None)
        after = stream._bump

    assert after is before


@pytest.mark.parametrize("recording_ends_first", [True, False])
@pytest.mark.parametrize("is_recorded_first", [True, False])
@pytest.mark.parametrize("is_bumped", [True, False])
def test_a_check_and_a_recording_leave_nothing_on_a_stream(recording_ends_first, is_recorded_first, is_bumped, tmp_path):
    """A stream that is checked and recorded is as it was when both have ended, whichever began and ended first."""

    @dug.memoize
    def rows():
        yield from ([1], [2])

    bump = {rows.node(): dug.bump(lambda items: ([*item, 0] for item in items))}
    ctx = dug.Context(bump if is_bumped else {})
    with ctx:
        stream = rows()
        before = stream._bump, stream._body
        check, recording = check_mutation(ctx), dug.replay.record(ctx, tmp_path / "rows.dugrec", cut=[rows])
        for one in (recording, check) if is_recorded_first else (check, recording):
            one.__enter__()
            rows()
        for one in (recording, check) if recording_ends_first else (check, recording):
            one.__exit__(None, None, None)
        after = stream._bump, stream._body

    assert after == before


def test_a_check_goes_on_when_one_around_the_same_stream_ends():
    """The items of a stream are watched by the check that is open, though another one that began earlier has ended."""

    @dug.memoize
    def rows():
        yield from ([1], [2])

    ctx = dug.Context()
    with ctx:
        first, second = check_mutation(ctx), check_mutation(ctx)
        first.__enter__()
        second.__enter__()
        rows()
        first.__exit__(None, None, None)
        [item.append(0) for item in rows()]
        with pytest.raises(MutationError) as caught:
            second.__exit__(None, None, None)

    assert [change.position for change in caught.value.changes] == [0, 1]


def test_a_stream_gives_the_same_when_it_is_watched():
    """A watched stream has its items, its error and its end, and the check leaves nothing behind."""

    @dug.memoize
    def rows():
        yield [1]
        raise ValueError("torn")

    ctx = dug.Context()
    with ctx, pytest.raises(ValueError, match="torn"), check_mutation(ctx) as check:
        list(rows())
    with ctx:
        assert rows()._bump is None

    assert check.changes == ()


# The checked program


def test_an_error_of_the_program_passes_untouched(p, caplog):
    """The program's own error comes out as it is, and the changes are in the log."""
    p.value, p.change = [1], lambda it: it.append(2)
    error = KeyError("mine")
    ctx = dug.Context()

    def fail():
        p.mid()
        raise error

    with ctx, pytest.raises(KeyError) as caught, caplog.at_level(logging.WARNING, "dug"), check_mutation(ctx) as check:
        fail()

    assert caught.value is error
    assert not hasattr(error, "__notes__")
    assert error.__context__ is None
    assert "the value of desk:quotes() was changed" in caplog.text
    assert len(check.changes) == 1


def test_the_error_of_a_node_is_its_own(p):
    """A node that fails in a check raises what it raises without."""

    @dug.memoize
    def fails():
        raise ZeroDivisionError(p.quotes())

    p.value = [1]
    ctx = dug.Context()

    with ctx, pytest.raises(ZeroDivisionError), check_mutation(ctx):
        fails()


def test_a_value_that_asks_for_nodes_when_it_is_looked_at_is_no_trouble(p):
    """A class whose ``__reduce_ex__`` calls a memoised function is looked at, and what that reads is not counted."""

    class Strange:
        def __reduce_ex__(self, protocol):
            return (Strange, (), {"other": p.other()})

    p.value = Strange()
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert check.changes == ()


def test_a_class_that_raises_when_it_is_looked_at_is_opaque(p):
    """A class that cannot be written down is named, and no error comes of it."""

    class Hostile:
        def __reduce_ex__(self, protocol):
            raise RuntimeError("not me")

    p.value = [Hostile()]
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        p.mid()

    assert (check.changes, check.opaque) == ((), (p.quotes.node(),))


def test_the_results_are_those_without_a_check(p):
    """A check changes no result, and runs nothing again."""
    p.value = [1]
    ctx = dug.Context()

    with ctx, check_mutation(ctx):
        watched = p.book()
    with ctx, EventLog(ctx) as log:
        known = p.book()

    assert (watched, log.computed) == (known, [])


def test_a_check_is_open_once_and_can_be_opened_again(p):
    """A check that is open refuses to be opened, and a closed one begins anew."""
    p.value, p.change = [1], lambda it: it.append(2)
    ctx = dug.Context()
    check = check_mutation(ctx)
    def open_twice():
        with pytest.raises(RuntimeError, match="give each"):
            check.__enter__()
        p.mid()

    with ctx, pytest.raises(MutationError), check:
        open_twice()
    with ctx, check:
        p.quotes()

    assert isinstance(check, MutationCheck)
    assert check.changes == ()


def test_a_check_that_fails_says_so_at_the_end(p, monkeypatch):
    """A check that hears nothing any more, as it failed itself, does not end as if nothing was changed."""
    p.value = [1]
    monkeypatch.setattr(MutationCheck, "_note", lambda check, event, memo: 1 / 0)

    with dug.Context() as ctx, pytest.raises(RuntimeError, match="failed on an event") as caught, check_mutation(ctx) as check:
        p.mid()
    monkeypatch.undo()
    with ctx, check:
        p.mid()

    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert check.changes == ()


def test_a_check_takes_a_context():
    """Something else is refused with what to write."""
    with pytest.raises(TypeError, match=r"Write check_mutation\(ctx\)"):
        check_mutation(len)
