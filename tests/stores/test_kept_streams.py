"""What a process finds in a store of the streams that others have read to their end, and what it leaves there."""

from __future__ import annotations

import itertools

import pytest

import dug
from dug import stores, streams
from dug.errors import StoreError
from dug.stores import Store, Tiered

OUTSIDE = {"rate": 10, "fee": 1, "ticks": (1, 2, 3, 4)}
RAN: list[str] = []
PULLED: list[int] = []


@pytest.fixture(autouse=True)
def _outside():
    """Have the outside as it was after each test."""
    before = dict(OUTSIDE)
    RAN.clear()
    PULLED.clear()
    yield
    OUTSIDE.update(before)


def note(name):
    """Note that a body runs, in a list of which no fingerprint knows."""
    globals()["RAN"].append(name)


def pull(tick):
    """Note that a source gives an item."""
    globals()["PULLED"].append(tick)
    return tick


def look(name):
    """Return something of the outside."""
    return globals()["OUTSIDE"][name]


@dug.source
def outside(name):
    """Return something of the outside."""
    return look(name)


@dug.memoize
def numbers():
    """Give six numbers, the last three after a look at the rate."""
    note("numbers")
    for number in range(6):
        yield number + (outside("rate") if number >= 3 else 0)


@dug.memoize(ahead=1)
async def late_numbers():
    """Give the same on a loop."""
    note("numbers")
    for number in range(6):
        yield number + (outside("rate") if number >= 3 else 0)


@dug.source
def ticks():
    """Give what is outside."""
    note("ticks")
    for tick in look("ticks"):
        yield pull(tick)


@dug.source(ahead=1)
async def late_ticks():
    """Give the same on a loop."""
    note("ticks")
    for tick in look("ticks"):
        yield pull(tick)


@dug.memoize
def doubled():
    """Give twice each tick, and a fee."""
    note("doubled")
    for tick in ticks():
        yield 2 * tick + (outside("fee") if tick > 2 else 0)


@dug.memoize(ahead=1)
async def late_doubled():
    """Give the same on a loop."""
    note("doubled")
    async for tick in late_ticks():
        yield 2 * tick + (outside("fee") if tick > 2 else 0)


@dug.memoize
def total():
    """Add up all."""
    note("total")
    return sum(doubled())


@dug.memoize
async def late_total():
    """Add up all."""
    note("total")
    return sum([item async for item in late_doubled()])


@pytest.fixture(params=["here", "asyncio", "trio"])
def read(request, begin):
    """Return a function that begins a new process, reads some items of a stream there (all for None), and returns them.

    It also runs a memoised function, with ``count=0``.  `read.log` is the log of that process.
    """
    from support.sync_points import run_on

    is_here = request.param == "here"
    late = {numbers: late_numbers, doubled: late_doubled, total: late_total}

    def read(function, count=None, tweaks=None, **options):
        with begin(tweaks, **options) as read.log:
            return function() if count == 0 else list(itertools.islice(function(), count))

    async def read_late(function, count, tweaks, options):
        with begin(tweaks, **options) as read.log:
            if count == 0:
                return await function()
            found = []
            async with function().open() as reader:
                async for item in reader:
                    found.append(item)
                    if len(found) == count:
                        break
            return found

    def read_on_loop(function, count=None, tweaks=None, **options):
        given = run_on(request.param, read_late, late.get(function, function), count, tweaks, options)
        read_on_loop.log = read.log
        return given

    return read if is_here else read_on_loop


def asked(log):
    """Return the names of what was looked up outside."""
    return [node.args[0] for node in log.computed if node.function is outside]


def test_the_items_of_a_stream_are_there_tomorrow(read):
    """A stream that was read to its end is not run by the next process."""
    first = read(numbers)
    assert RAN == ["numbers"]

    assert read(numbers) == first == [0, 1, 2, 13, 14, 15]
    assert RAN == ["numbers"]
    assert (read.log.store.hits, asked(read.log)) == (1, ["rate"])


def test_nothing_is_asked_before_an_item_that_rests_on_it(read):
    """A process that needs the first three items of a kept stream looks at nothing of which they know nothing."""
    read(numbers)

    assert read(numbers, 3) == [0, 1, 2]
    assert (RAN, asked(read.log)) == (["numbers"], [])


def test_the_items_before_a_change_are_given_and_then_the_generator_runs(read):
    """What was read before item 3 is as it was: the first three items need no generator, the others do."""
    read(numbers)
    RAN.clear()
    OUTSIDE["rate"] = 20

    assert read(numbers, 3) == [0, 1, 2]
    assert RAN == []
    assert read(numbers) == [0, 1, 2, 23, 24, 25]
    assert RAN == ["numbers"]


def test_a_kept_stream_has_branches(read):
    """Each world in which a stream was read to its end is found again."""
    for rate in (10, 20, 30):
        OUTSIDE["rate"] = rate
        read(numbers)
    RAN.clear()
    for rate in (20, 10, 30):
        OUTSIDE["rate"] = rate

        assert read(numbers) == [0, 1, 2, 3 + rate, 4 + rate, 5 + rate]
    assert RAN == []


def test_a_tweak_is_only_the_value_that_it_gives(read):
    """What was computed under a tweak serves where the same value comes by another way."""
    read(numbers, tweaks={outside.node("rate"): 20})
    OUTSIDE["rate"] = 20

    assert read(numbers) == [0, 1, 2, 23, 24, 25]
    assert RAN == ["numbers"]


def test_a_stream_of_a_stream_reads_no_further_than_its_generator_did(read):
    """The first item of a kept stream takes one tick of the source that it read; a pump is one ahead."""
    read(doubled)
    RAN.clear()
    PULLED.clear()

    assert read(doubled, 1) == [2]
    assert RAN == ["ticks"]
    assert PULLED in ([1], [1, 2])


def test_a_source_is_begun_once_where_its_items_have_changed(read):
    """The generator that has to run goes on, on the ticks that were compared."""
    read(doubled)
    RAN.clear()
    PULLED.clear()
    OUTSIDE["ticks"] = (1, 2, 5, 6)

    assert read(doubled) == [2, 4, 11, 13]
    assert (RAN, PULLED) == (["ticks", "doubled"], [1, 2, 5, 6])


@pytest.mark.parametrize("now", [(1, 2, 3), (1, 2, 3, 4, 5), (), (1, 1)])
def test_items_that_are_fewer_or_more_are_noticed(read, now):
    """A source that ends sooner or later than it did changes what reads it, and that is kept, too."""
    for function in (doubled, total):
        read(function, None if function is doubled else 0)
    OUTSIDE["ticks"] = now
    right = [2 * tick + (tick > 2) for tick in now]
    assert read(total, 0) == sum(right)
    RAN.clear()

    assert (read(doubled), read(total, 0)) == (right, sum(right))
    assert set(RAN) == {"ticks"}


def test_what_has_read_a_stream_is_there_tomorrow(read):
    """A function that read the items of a stream does not run, and neither does the stream."""
    first = read(total, 0)
    RAN.clear()

    assert read(total, 0) == first
    assert RAN == ["ticks"]


def test_what_has_read_a_stream_runs_when_an_item_has_changed(read):
    """A fee that has changed changes an item, and so the sum."""
    first = read(total, 0)
    OUTSIDE["fee"] = 2
    RAN.clear()

    assert read(total, 0) == first + 2
    assert RAN == ["ticks", "doubled", "total"]


def test_a_kept_stream_goes_stale_in_memory_as_any_other(begin):
    """What was taken from a store depends on what was read here: an invalidation reaches it, and its readers."""
    with begin():
        first = total()
    with begin() as log:
        assert total() == first
        OUTSIDE["fee"] = 2
        log.ctx.invalidate(outside)

        assert total() == first + 2
        with dug.Context({outside.node("fee"): 3}):
            assert total() == first + 4


@dug.memoize
def first_four():
    """Add up four items, and see no end."""
    return sum(itertools.islice(doubled(), 4))


def test_what_was_taken_by_a_second_branch_goes_stale_too(begin):
    """A look that has read a stream for one kept run depends on it for the next one, which holds."""
    for fee in (1, 2):
        OUTSIDE["fee"] = fee
        with begin():
            assert (first_four(), total()) == (20 + 2 * fee, 20 + 2 * fee)
    with begin() as log:
        assert first_four() == 24
        assert log.store.hits == 2
        OUTSIDE["fee"] = 3
        log.ctx.invalidate(outside)

        assert first_four() == 26


def test_listeners_hear_that_a_kept_stream_was_not_run(begin):
    """The end of a kept stream is told as reused, that of one whose generator ran as computed."""
    with begin() as log:
        numbers().list()
    assert numbers.node() not in log.reused
    with begin() as log:
        numbers().list()
    assert numbers.node() in log.reused


def refused(log, function):
    """Return why a store keeps nothing of a function."""
    return log.store.report().refused.get(function.node()._function.name)


def rows_of(log, function):
    """Return how many runs of a function are kept."""
    log.store.flush()
    return len(list(log.store.backend.list_rows(function.node()._function.name)))


@dug.memoize
def failing():
    """Give a number and fail."""
    yield 1
    raise ValueError("no more")


@dug.memoize(store=False)
def never():
    """Give two numbers."""
    yield from (1, 2)


@dug.memoize
def opening():
    """Open a context in between."""
    with dug.Context({outside.node("rate"): 1}):
        rate = outside("rate")
    yield rate


def read_until_it_fails():
    """Read a stream that fails."""
    with pytest.raises(ValueError, match="no more"):
        failing().list()


@pytest.mark.parametrize(
    ("function", "act"),
    [
        (numbers, lambda: numbers().first()),
        (failing, read_until_it_fails),
        (never, lambda: never().list()),
        (opening, lambda: opening().list()),
        (ticks, lambda: ticks().list()),
    ],
    ids=["not read to its end", "failed", "store=False", "opened a context", "a source"],
)
def test_such_a_stream_is_not_kept(begin, function, act):
    """Of a stream that is not whole, or not one for a store, nothing is kept."""
    with begin() as log:
        act()

        assert rows_of(log, function) == 0


def test_a_stream_that_was_invalidated_while_it_was_read_is_not_kept(begin):
    """Its last items are of another world than its first ones."""
    with begin() as log:
        with numbers().open() as reader:
            assert list(itertools.islice(reader, 4)) == [0, 1, 2, 13]
            OUTSIDE["rate"] = 20
            log.ctx.invalidate(outside)
            assert list(reader)[:1] != []
        assert rows_of(log, numbers) == 0


@pytest.mark.parametrize("tweak", [dug.shift(1), streams.each(lambda item: item), [1, 2, 3], dug.bump(lambda items: items)])
def test_a_tweaked_stream_is_neither_kept_nor_served(begin, tweak):
    """Whatever a tweak makes of a stream is none of the store's, though the stream beneath it is."""
    with begin():
        plain = numbers().list()
    with begin({numbers.node(): tweak}) as log:
        given = numbers().list()
        assert rows_of(log, numbers) == 1

    with begin() as log:
        assert numbers().list() == plain
    with begin({numbers.node(): tweak}):
        assert numbers().list() == given


def test_a_replacement_of_a_stream_function_is_neither_kept_nor_served(begin):
    """The generator of a replacement runs, and what is kept of the function is not what it gives."""
    with begin():
        numbers().list()

    def other():
        yield from (7, 8)

    with begin({numbers: other}) as log:
        assert numbers().list() == [7, 8]
        assert rows_of(log, numbers) == 1


def test_what_has_read_a_tweaked_stream_is_kept_by_its_items(begin):
    """A list in the place of a stream is known by what is in it."""
    tweaks = {doubled.node(): [1, 2, 3]}
    with begin(tweaks):
        assert total() == 6
    RAN.clear()

    with begin(tweaks):
        assert total() == 6
    assert RAN == []
    with begin({doubled.node(): [1, 2, 4]}):
        assert total() == 7


@dug.memoize(keep=2)
def dropping():
    """Keep two items."""
    yield from range(9)


@dug.memoize
def reading_dropping():
    """Read a stream that keeps two items."""
    return sum(dropping())


@dug.memoize
def objects():
    """Give what no codec knows."""
    yield object()


@dug.memoize
def lists():
    """Give lists."""
    yield [1]
    yield [2]


@dug.memoize
def growing():
    """Give one list again and again."""
    items = []
    for number in range(3):
        items.append(number)
        yield items


@dug.memoize
def sum_of_lists():
    """Add up lists."""
    return sum(sum(items) for items in lists())


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (dropping, "does not keep its first items (keep=2)"),
        (reading_dropping, "which has keep=2"),
        (objects, "object"),
        (growing, "its items may have been changed in place"),
    ],
)
def test_the_report_says_why_a_stream_is_not_kept(begin, function, reason):
    """What cannot be kept is named with the reason."""
    with begin() as log:
        value = function()
        value if isinstance(value, int) else list(value)

        assert reason in refused(log, function)
        assert rows_of(log, function) == 0


def test_a_stream_with_very_many_reads_is_not_kept(begin, monkeypatch):
    """The path of a stream has an end: the report says how many reads are too many."""
    monkeypatch.setattr("dug.stores._streams.MOST_READS", 3)
    with begin() as log:
        doubled().list()

        assert refused(log, doubled) == "it has read more than 3 times"


def test_items_that_can_be_changed_are_kept_while_nobody_changes_them(begin):
    """Lists are kept as they were given; who has changed one keeps neither the stream nor what read it."""
    with begin() as log:
        assert sum_of_lists() == 3
        assert (rows_of(log, lists), rows_of(log, sum_of_lists)) == (1, 1)
    with begin() as log:
        assert (lists().list(), sum_of_lists()) == ([[1], [2]], 3)
        assert log.store.hits == 2


def test_a_reader_that_changes_an_item_keeps_nothing_of_it(begin):
    """An item that was changed before the stream came to its end is not what the generator gave."""
    with begin() as log:
        for items in lists():
            items.append(5)
        sum_of_lists()

        assert "changed in place" in refused(log, lists)
        assert "changed in place" in refused(log, sum_of_lists)
        assert (rows_of(log, lists), rows_of(log, sum_of_lists)) == (0, 0)


def test_an_edited_generator_is_run_and_can_be_accepted(begin):
    """A stream of another definition is not served, until somebody says that it means the same."""

    def define(text):
        space = {"__name__": __name__, "dug": dug, "note": note}
        exec(text, space)
        return dug.memoize(name="desk:edited")(space["edited"])

    edited = define("def edited():\n    note('edited')\n    yield 1\n    yield 2\n")
    with begin() as log:
        assert edited().list() == [1, 2]
        (seen,) = (log.store.flush(), log.store.backend.list_seen("desk:edited"))[1]
    edited = define("def edited():\n    note('edited')\n    yield from (1, 2)\n")
    with begin() as log:
        assert "changed: its code" in str(stores.why(log.ctx, edited.node()))
        stores.accept(edited, seen.print)

        assert edited().list() == [1, 2]
    assert RAN == ["edited"]


def test_why_says_how_far_a_stream_is_kept(begin):
    """It names what a kept stream has read that is not known here, or is another value; and says that it is kept."""
    with begin() as log:
        assert "No run of" in str(stores.why(log.ctx, doubled.node()))
        total()
        log.store.flush()
        assert "is kept" in str(stores.why(log.ctx, doubled.node()))
        assert "is kept" in str(stores.why(log.ctx, total.node()))
    with begin() as log:
        assert "ticks(), which is not known here" in str(stores.why(log.ctx, doubled.node()))
        ticks().first()
        assert "items of test_kept_streams:ticks(), which" in str(stores.why(log.ctx, doubled.node()))
    OUTSIDE["ticks"] = (1, 5)
    with begin() as log:
        ticks().list()
        assert "has read items of test_kept_streams:ticks() with another value" in str(stores.why(log.ctx, doubled.node()))


def test_a_damaged_stream_is_a_miss_and_heals(begin, tmp_path):
    """The check names a stream whose bytes are damaged; it is run again, and kept."""
    import sqlite3

    with begin():
        first = numbers().list()
    with sqlite3.connect(tmp_path / "kept.store" / "dug.db") as database:
        database.execute("UPDATE value SET data = CAST('[1]' AS BLOB)")
    database.close()
    with begin() as log:
        assert len(log.store.check().damaged) == 1
        assert numbers().list() == first
    RAN.clear()

    with begin() as log:
        assert (numbers().list(), log.store.check().damaged) == (first, ())
    assert RAN == []


def test_a_store_that_goes_away_in_the_middle_of_a_stream_costs_a_run(begin, monkeypatch):
    """Where a kept stream parts and the store does not answer any more, the generator gives the rest."""

    def refuse(at):
        raise StoreError("gone")

    with begin():
        numbers().list()
    OUTSIDE["rate"] = 20
    with begin() as log, numbers().open() as reader:
        assert list(itertools.islice(reader, 3)) == [0, 1, 2]
        monkeypatch.setattr(log.store.backend, "get", refuse)

        assert list(reader) == [23, 24, 25]
        assert "the store did not answer" in refused(log, numbers)
        assert log.store.report().failures == 1


def test_a_stream_of_another_number_of_items_is_not_believed(begin, monkeypatch):
    """A row whose items do not fit its gates is a miss."""
    with begin():
        first = numbers().list()
    with begin() as log:
        monkeypatch.setattr(log.store, "read_value", lambda at, found: ([1, 2, 3],))

        assert numbers().list() == first
    assert RAN == ["numbers", "numbers"]


def test_room_is_made_of_streams_too(begin):
    """``gc`` removes kept streams as it does values."""
    with begin() as log:
        numbers().list()
        log.store.flush()
        assert log.store.gc(max_bytes=0).rows == 1
    with begin():
        numbers().list()
    assert RAN == ["numbers", "numbers"]


def test_an_invalidation_forgets_kept_streams(begin):
    """Who says that a stream function holds no more is believed by every process."""
    with begin():
        numbers().list()
    with begin() as log:
        log.ctx.invalidate(numbers)
    with begin():
        numbers().list()
    assert RAN == ["numbers", "numbers"]


def test_a_read_only_store_serves_streams(begin):
    """A store that keeps nothing gives what is there."""
    with begin():
        numbers().list()
    OUTSIDE["fee"] = 5
    with begin(read_only=True):
        assert numbers().list() == [0, 1, 2, 13, 14, 15]
        doubled().list()
    assert RAN == ["numbers", "doubled", "ticks"]


def test_a_near_store_has_copies_of_the_streams_of_a_far_one(tmp_path):
    """Streams go through any backend, as values do."""
    for near in ("one", "two"):
        store = Tiered(Store(tmp_path / near, min_seconds=0), Store(tmp_path / "far"))
        with dug.Context(store=store):
            assert total() == 22
        store.close()
    assert RAN == ["total", "doubled", "ticks", "ticks"]


def test_a_kept_stream_can_be_left_and_read_again(begin, run):
    """Who leaves a kept stream in the middle, and who is cancelled there, lets it begin again."""

    async def main():
        with begin():
            assert await late_doubled().list() == [2, 4, 7, 9]
        with begin() as log:
            for count in (1, 2, 3):
                async with late_doubled().open() as reader:
                    assert [await anext(reader) for _ in range(count)] == [2, 4, 7][:count]
            assert await late_doubled().list() == [2, 4, 7, 9]
            assert log.count(late_doubled) == 1

    run(main)
    assert RAN.count("doubled") == 1


def test_a_stream_that_is_recorded_runs(begin, tmp_path):
    """A recording hears what a generator gives, so a stream is not served while it is recorded."""
    from dug import replay

    with begin():
        total()
    RAN.clear()
    with begin() as log, replay.record(log.ctx, tmp_path / "day.rec"):
        assert total() == 22
    assert "ticks" in RAN
