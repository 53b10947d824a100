"""``check_mutation(ctx, freeze=True)`` lets the line that writes to a shared array fail, and leaves nothing frozen behind."""

from __future__ import annotations

import logging

import numpy
import pandas
import polars
import pytest
from support.sync_points import BACKENDS, run_on

import dug
from dug.debug import MutationError, check_mutation


def make_program(make):
    """Return a source that gives what `make` makes, and a node that reads it and calls a function with it."""

    @dug.source(name="desk:quotes")
    def quotes():
        return make()

    @dug.memoize(name="desk:use", ignore="fn")
    def use(fn):
        fn(quotes())
        return 1

    return quotes, use


HOLDERS = {
    "itself": lambda array: array,
    "in a list": lambda array: [array],
    "in a dict in a tuple": lambda array: ("live", {"w": array}),
    "in an instance": lambda array: type("Held", (), {})(),
    "in an array of objects": lambda array: numpy.array([array, None], dtype=object),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_an_array_is_read_only_while_the_check_lasts(holder):
    """Writing to an array in a value raises at the line that writes, and the array is writeable afterwards."""
    array = numpy.zeros(3)
    held = HOLDERS[holder](array)
    if holder == "in an instance":
        held.array = array
    _, use = make_program(lambda: held)
    ctx = dug.Context()

    with ctx, pytest.raises(ValueError, match="read-only"), check_mutation(ctx, freeze=True) as check:
        use(lambda value: array.__setitem__(0, 1.0))

    assert array.flags.writeable
    assert (array[0], check.changes) == (0.0, ())


def test_an_array_that_was_read_only_stays_so():
    """What dug did not freeze it does not thaw."""
    array = numpy.zeros(3)
    array.flags.writeable = False
    _, use = make_program(lambda: array)
    ctx = dug.Context()

    with ctx, check_mutation(ctx, freeze=True):
        use(len)

    assert not array.flags.writeable


def test_a_view_and_what_it_is_a_view_of_are_thawed_in_that_order():
    """An array and a view of it are writeable after the check, whichever was frozen first."""
    array = numpy.zeros(4)
    view = array[1:]
    _, use = make_program(lambda: [view, array, view[1:]])
    ctx = dug.Context()

    with ctx, check_mutation(ctx, freeze=True):
        use(len)

    assert array.flags.writeable
    assert view.flags.writeable


def test_a_cell_of_a_frame_cannot_be_written_to():
    """Writing to a cell of a frame in place raises; what is made of the frame can be changed."""
    frame = pandas.DataFrame({"bid": [1.0, 2.0], "day": pandas.to_datetime(["2026-01-01", "2026-01-02"])})
    _, use = make_program(lambda: frame)

    def change_own(value):
        for own in (value.copy(deep=False), value.copy(), value[["bid"]]):
            own.loc[0, "bid"] = 9.0

    ctx = dug.Context()
    with ctx, check_mutation(ctx, freeze=True):
        use(change_own)
    with ctx, pytest.raises(ValueError, match="read-only"), check_mutation(ctx, freeze=True):
        use.__wrapped__(lambda value: value.loc.__setitem__((0, "bid"), 9.0))
    frame.loc[0, "bid"] = 3.0

    assert frame["bid"].tolist() == [3.0, 2.0]


def test_a_column_that_is_added_is_found():
    """A frame takes another column still, and the check reports it."""
    _, use = make_program(lambda: pandas.DataFrame({"bid": [1.0]}))
    ctx = dug.Context()

    with ctx, pytest.raises(MutationError, match="desk:quotes"), check_mutation(ctx, freeze=True):
        use(lambda value: value.__setitem__("ask", 1.0))


def test_a_series_is_frozen():
    """A series of pandas cannot be written to."""
    series = pandas.Series([1.0, 2.0])
    _, use = make_program(lambda: series)
    ctx = dug.Context()

    with ctx, pytest.raises(ValueError, match="read-only"), check_mutation(ctx, freeze=True):
        use(lambda value: value.__setitem__(0, 5.0))


def test_what_cannot_be_frozen_is_named_once(caplog):
    """A list is named in the log, once for all nodes of a function, and its changes are found."""

    @dug.memoize(name="desk:row")
    def row(number):
        return [number]

    ctx = dug.Context()
    with ctx, caplog.at_level(logging.WARNING, "dug"), pytest.raises(MutationError), check_mutation(ctx, freeze=True) as check:
        [row(number) for number in range(3)][1].append(2)

    said = [record.getMessage() for record in caplog.records]
    assert said == ["The value of desk:row(0) is or has a list, which cannot be frozen: changes of it are found."]
    assert check.unfrozen == (row.node(0),)


NOT_NAMED = [1, "text", (1, 2), polars.DataFrame({"a": [1]}), numpy.zeros(2), pandas.Series([1.0])]


@pytest.mark.parametrize("value", NOT_NAMED, ids=type)
def test_what_is_frozen_or_needs_nothing_is_not_named(value, caplog):
    """Scalars, frames of polars and frozen arrays are not named."""
    _, use = make_program(lambda: value)
    ctx = dug.Context()

    with ctx, check_mutation(ctx, freeze=True) as check:
        use(lambda _: None)

    assert (check.unfrozen, caplog.messages) == ((), [])


def test_the_values_of_tweaks_are_frozen_for_as_long():
    """An array that the user gave as a tweak is read-only in the check and writeable after it."""
    array = numpy.zeros(2)
    quotes, use = make_program(lambda: None)
    ctx = dug.Context({quotes.node(): array})

    with ctx, pytest.raises(ValueError, match="read-only"), check_mutation(ctx, freeze=True):
        use(lambda value: value.__setitem__(0, 1.0))

    assert array.flags.writeable


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_items_of_a_stream_are_frozen(backend):
    """An item of a stream cannot be written to by its reader."""

    @dug.memoize
    async def ticks():
        yield numpy.zeros(2)

    @dug.memoize
    async def total():
        async for item in ticks():
            item[0] = 1.0

    async def main():
        ctx = dug.Context()
        with ctx, check_mutation(ctx, freeze=True):
            await total()

    with pytest.raises(ValueError, match="read-only"):
        run_on(backend, main)


@pytest.mark.parametrize("answer", [5, (), (int,)])
def test_a_class_that_cannot_be_looked_into_stops_no_check(answer):
    """What comes after an object that pickles to nonsense is frozen and watched all the same."""

    class Odd:
        def __reduce_ex__(self, protocol):
            return answer

    @dug.source
    def quotes(number):
        return [numpy.zeros(2), Odd()] if number == 0 else [number]

    seen = []

    def run():
        seen.append(quotes(0)[0].flags.writeable)
        quotes(1).append(2)

    with dug.Context() as ctx, pytest.raises(MutationError) as caught, check_mutation(ctx, freeze=True):
        run()

    assert seen == [False]
    assert [change.node for change in caught.value.changes] == [quotes.node(1)]


def test_nothing_is_frozen_after_the_end():
    """A thread that is just looking at a value when the check ends leaves its arrays writeable."""

    class Ending:
        def __reduce_ex__(self, protocol):
            check.__exit__(None, None, None)
            return Ending, ()

    array = numpy.zeros(2)

    @dug.source
    def quotes():
        return [array, Ending()]

    with dug.Context() as ctx:
        check = check_mutation(ctx, freeze=True)
        check.__enter__()
        quotes()

    assert array.flags.writeable


def test_nothing_is_frozen_unless_it_is_asked_for():
    """A check without ``freeze`` leaves arrays writeable."""
    array = numpy.zeros(2)
    _, use = make_program(lambda: array)
    ctx = dug.Context()

    with ctx, check_mutation(ctx) as check:
        use(lambda value: None)
        assert array.flags.writeable

    assert check.unfrozen == ()
