"""``recording.timeline()``: the runs of a recording by thread and task, with their real times."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from support.trace_events import read_trace

import dug
from dug import replay
from dug.draw._trace_events import Bar
from dug.replay import _timeline


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


def test_a_run_lies_in_the_run_that_asked_for_it(desk, path):
    """Bars nest as calls did, in the row of the thread."""
    with replay.record(ctx := dug.Context(), path), ctx:
        desk.book()
        desk.position("AAPL", 100)

    bars = read_trace(replay.open(path).timeline())
    book, mid = bars["recorded_desk:book()"], bars["recorded_desk:mid('AAPL')"]

    assert mid.around == ("recorded_desk:book()", "recorded_desk:position('AAPL', 100)")
    assert bars["recorded_desk:mid('MSFT')"].start >= mid.end
    assert bars["recorded_desk:mid('MSFT')"].end <= book.end
    assert {bar.row for bar in bars.values()} == {threading.current_thread().name}
    assert len(bars) == 7


def test_each_thread_has_a_row(desk, path):
    """What another thread ran is in the row of its name."""

    def ask():
        with ctx:
            desk.mid("MSFT")

    with replay.record(ctx := dug.Context(), path), ctx:
        desk.mid("AAPL")
        thread = threading.Thread(target=ask, name="other")
        thread.start()
        thread.join()

    bars = read_trace(replay.open(path).timeline())

    assert bars["recorded_desk:mid('MSFT')"].row == "other"
    assert bars["recorded_desk:mid('AAPL')"].row == threading.current_thread().name


def test_threads_of_one_name_have_rows_of_their_own(desk, path):
    """Two threads that are called alike run two sources at the same time."""
    both = threading.Barrier(2)

    @dug.source
    def meet(number):
        both.wait()
        both.wait()
        return number

    def ask(number):
        with ctx:
            meet(number)

    with replay.record(ctx := dug.Context(), path):
        threads = [threading.Thread(target=ask, args=(number,), name="alike") for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    bars = read_trace(replay.open(path).timeline())

    assert {bar.row for bar in bars.values()} == {"alike", "alike 2"}


def test_an_end_that_was_noticed_late_is_cut():
    """A run of a function that no task has ends where the next one of its thread begins."""
    bars = [Bar("a", "", 0, 12, 2), Bar("b", "", 10, 20, 2), Bar("top", "", 0, 30)]

    _timeline._part(bars)

    assert [(bar.start, bar.end) for bar in bars] == [(0, 10), (10, 20), (0, 30)]


def test_a_start_that_seems_too_early_is_cut():
    """A run that lies in another one by its reads does not begin before it."""
    bars = [Bar("a", "", 9, 12), Bar("top", "", 10, 20)]

    _timeline._nest(bars, [{"n": 1, "reads": []}, {"n": 2, "reads": [1]}])

    assert (bars[0].start, bars[0].around) == (10, 1)


def test_tasks_that_overlap_have_rows_of_their_own(path):
    """Two coroutine functions that wait for each other were in flight together, within the one that awaited both."""

    async def main():
        both = asyncio.Barrier(2)

        @dug.memoize
        async def wait(name):
            await both.wait()
            await both.wait()
            return name

        @dug.memoize
        async def top():
            return await asyncio.gather(wait("a"), wait("b"))

        with replay.record(ctx := dug.Context(), path), ctx:
            await top()

    asyncio.run(main())
    bars = {name.rpartition(".")[2]: bar for name, bar in read_trace(replay.open(path).timeline()).items()}
    one, other, top = bars["wait('a')"], bars["wait('b')"], bars["top()"]

    assert max(one.start, other.start) < min(one.end, other.end)
    assert one.row != other.row
    assert top.start <= min(one.start, other.start) <= max(one.end, other.end) <= top.end


def test_a_failed_run_has_a_bar(desk, path):
    """Its error is among what is said of it."""
    with replay.record(ctx := dug.Context(), path), ctx, pytest.raises(KeyError):
        desk.mid("IBM")

    said = read_trace(replay.open(path).timeline())["recorded_desk:mid('IBM')"].said

    assert said["state"] == "failed"
    assert "IBM" in said["failed"]


def test_what_ran_before_has_no_bar(desk, path):
    """A node that the context knew when the recording began has no time in it."""
    with dug.Context() as ctx:
        desk.mid("AAPL")
        with replay.record(ctx, path):
            desk.position("AAPL", 5)

    assert list(read_trace(replay.open(path).timeline())) == ["recorded_desk:position('AAPL', 5)"]


def test_every_run_has_a_bar(desk, path):
    """A node that runs again after an invalidation has two."""
    with replay.record(ctx := dug.Context(), path), ctx:
        desk.mid("AAPL")
        ctx.invalidate(desk.quote.node("AAPL"))
        desk.mid("AAPL")

    names = [event["name"] for event in json.loads(replay.open(path).timeline())["traceEvents"] if event["ph"] == "X"]

    assert names.count("recorded_desk:quote('AAPL')") == 2


def test_the_clock_of_a_recording_is_not_that_of_its_runs(desk, path):
    """A clock that stands still tells the times of items, and runs have their real ones."""
    with replay.record(ctx := dug.Context(), path, clock=lambda: 0.0), ctx:
        desk.book()

    bars = read_trace(replay.open(path).timeline())

    assert bars["recorded_desk:mid('MSFT')"].start > 0


def test_a_recording_without_times_says_so(path):
    """One in which nothing ran is refused with what to type."""
    with replay.record(dug.Context(), path):
        pass

    with pytest.raises(replay.RecordingError, match="Record anew: dug record"):
        replay.open(path).timeline()
