"""What is in a recording is what the program had: not what a reader made of it, another process wrote, or a disk lost."""

from __future__ import annotations

import gc
import os
import threading
import weakref

import numpy as np
import pytest

import dug
from dug import replay
from dug.live import Live


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


@dug.source
def spot(ticker):
    """A source that nobody should call here."""
    return [0.0]


@dug.memoize
def careless(ticker):
    """A reader that changes what it reads."""
    found = spot(ticker)
    price = float(found[0])
    found[0] = -1.0
    return price


@pytest.mark.parametrize("make", [list, np.array])
def test_a_tweaked_value_is_written_as_it_was_told(path, make):
    """A reader that changes the value of a tweak does not change the recording, whether it was told before or meanwhile."""
    ctx = dug.Context({spot.node("AAPL"): make([1.0])})
    with replay.record(ctx, path), ctx:
        careless("AAPL")
        ctx.tweak(spot.node("MSFT"), make([2.0]))
        careless("MSFT")

    with replay.open(path).replay():
        assert (careless("AAPL"), careless("MSFT")) == (1.0, 2.0)


@pytest.mark.parametrize("is_entered_first", [True, False])
def test_a_tweak_of_a_context_around_is_written_as_it_was_told(path, is_entered_first):
    """A value that a context around is tweaked to meanwhile is in the recording as it was then, though its reader changed it."""
    around, ctx = dug.Context({spot.node("AAPL"): [1.0]}), dug.Context()
    recording = replay.record(ctx, path)
    with around if is_entered_first else recording, recording if is_entered_first else around, ctx:
        careless("AAPL")
        around.tweak(spot.node("AAPL"), [2.0])
        careless("AAPL")

    with replay.open(path).replay():
        assert careless("AAPL") == 2.0
    assert around._listeners == []


@pytest.mark.parametrize("make", [list, np.array])
def test_a_value_is_written_as_its_run_gave_it_whoever_has_it_first(path, make):
    """Another thread that has the value before the recording hears of the run, and changes it, does not change the recording."""

    @dug.source
    def quote(ticker):
        return make([1.0])

    def spoil(event):
        worker = threading.Thread(target=ctx.run, args=(lambda: quote("AAPL").__setitem__(0, -1.0),))
        worker.start()
        worker.join()

    ctx = dug.Context()
    with ctx.listen(spoil, kinds="computed"), replay.record(ctx, path), ctx:
        assert quote("AAPL") == [-1.0]

    with replay.open(path).replay():
        assert quote("AAPL") == [1.0]


def test_what_a_run_gave_is_kept_for_its_writing_only(path):
    """A recording keeps no value alive when it is written."""
    made = []

    @dug.source
    def quote(ticker):
        value = np.array([ticker])
        made.append(weakref.ref(value))
        return value

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        for ticker in range(3):
            quote(ticker)
        ctx.clear()
        gc.collect()

        assert [ref() for ref in made] == [None] * 3


def test_each_push_is_written_as_it_was_told(path):
    """So it is with every push of a Live: a replay gives the last one, though its reader changed it."""
    live = Live({spot.node("AAPL"): [1.0]})
    live.output(careless.node("AAPL"))
    with replay.record(live.context, path):
        live.step()
        for price in (5.0, 6.0):
            live.push(spot.node("AAPL"), [price])
            assert [update.value for update in live.step()] == [price]

    with replay.open(path).replay(careless.node("AAPL")):
        assert careless("AAPL") == 6.0


def test_a_run_that_leaves_no_memo_is_refused(path):
    """A source that was invalidated while it ran gave a value that is not known any more: a replay gives no earlier one."""
    given = [1]
    is_late = []

    @dug.source
    def feed():
        value = given[0]
        if is_late:
            thread = threading.Thread(target=lambda: ctx.invalidate(feed.node()))
            thread.start()
            thread.join()
        return value

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        feed()
        given[0] = 2
        ctx.invalidate(feed.node())
        is_late.append(True)
        assert feed() == 2

    recording = replay.open(path)
    assert recording.missing(feed.node()) == (str(feed.node()),)
    with recording.replay(), pytest.raises(replay.UncoveredError, match="invalidated while it ran"):
        feed()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_does_not_write_to_the_file(path):
    """A process that is forked while a context is recorded leaves the file to the one that began it."""

    @dug.source
    def feed(number):
        return number * 10

    ctx = dug.Context()
    child = None
    try:
        with ctx, replay.record(ctx, path):
            feed(1)
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                feed(2)
            else:
                feed(777)
                ctx.tweak(feed.node(5), 50)
    finally:
        if child == 0:
            os._exit(0)

    recording = replay.open(path)
    assert recording.is_complete
    assert recording.nodes == (str(feed.node(1)), str(feed.node(2)))
    with recording.replay():
        assert (feed(1), feed(2)) == (10, 20)


def test_the_last_run_of_a_stream_counts(path):
    """A stream that ran again, and gave fewer items, is replayed as it was then."""
    given = [1, 2, 3]

    @dug.source
    def rows():
        yield from given

    @dug.memoize
    def total():
        return sum(rows())

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        assert total() == 6
        given[:] = [7, 8]
        ctx.invalidate(rows.node())
        assert total() == 15

    assert path.read_text().count('"item"') == 5
    with replay.open(path).replay(total.node()):
        assert total() == 15


def test_a_run_that_was_left_early_takes_nothing_away(path):
    """A later run of a stream of which only the first items were read again leaves the others as they were."""

    @dug.source
    def rows():
        yield from [1, 2, 3]

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        assert list(rows()) == [1, 2, 3]
        ctx.invalidate(rows.node())
        assert next(iter(rows())) == 1

    with replay.open(path).replay():
        assert list(rows()) == [1, 2, 3]


@pytest.mark.parametrize(("value", "old", "new"), [([190.0], b"190.0", b"191.0"), (np.full(100, 7.0), b"\x1c@", b"\x1d@")])
def test_a_damaged_value_is_refused(path, value, old, new):
    """A value that is not as it was written, by its digest in the file, is refused with the node and the file."""

    @dug.source
    def feed():
        return value

    @dug.source
    def rows():
        yield value

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        feed(), list(rows())
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))

    with replay.open(path).replay():
        with pytest.raises(replay.RecordingError, match=r"day\.dugrec is damaged: .*feed\(\)"):
            feed()
        with pytest.raises(replay.RecordingError, match=r"rows\(\)"):
            list(rows())


def test_a_what_if_inside_does_not_change_a_stream_of_a_cut(path):
    """The items that a stream has in a what-if inside the recorded context are not in the recording."""

    @dug.source
    def factor():
        return 1

    @dug.memoize(name="test_recorded_values:scaled")
    def scaled():
        for number in (1, 2, 3):
            yield number * factor()

    ctx = dug.Context()
    with replay.record(ctx, path, cut=[scaled]), ctx:
        assert list(scaled()) == [1, 2, 3]
        with dug.Context({factor.node(): 10}):
            assert list(scaled()) == [10, 20, 30]

    with replay.open(path).replay():
        assert list(scaled()) == [1, 2, 3]


def test_recordings_of_one_stream_end_in_any_order(path):
    """The recording that began first may end first: the other one goes on, and the stream is as it was after both."""

    @dug.source
    def rows():
        yield from [1, 2, 3]

    ctx = dug.Context()
    with ctx:
        stream = rows()
        body = stream._body
        first, second = replay.record(ctx, path), replay.record(ctx, path.with_name("second"))
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert list(stream) == [1, 2, 3]
        second.__exit__(None, None, None)

        assert stream._body is body
    with replay.open(path.with_name("second")).replay():
        assert list(rows()) == [1, 2, 3]
