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
from dug.replay._entries import Ran


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


def make_lines(*runs):
    """Return lines of runs by number: when each ended, how long it took with and without others, what it read."""
    return [dict(zip(("n", "ended", "took", "own", "reads", "task"), run, strict=True)) for run in runs]


def nest(lines):
    """Return the bars of lines, from their starts to their ends and with the number of what is around, by their numbers."""
    bars = [Bar("", "", round(line["ended"] - line["took"]), round(line["ended"])) for line in lines]
    _timeline._nest(bars, lines)
    return {line["n"]: (bar.start, bar.end, bar.around) for bar, line in zip(bars, lines, strict=True)}


def test_what_lies_in_a_run_is_told_by_its_seconds():
    """Of two runs that were read, one took none of the reader's time; that the end was noticed late changes nothing."""
    before, inside, reader = (1, 10, 5, 5, [], False), (2, 20, 4, 4, [], False), (3, 60, 6, 2, [1, 2], False)

    assert nest(make_lines(before, inside, reader)) == {1: (5, 10, None), 2: (16, 20, 2), 3: (16, 22, None)}


def test_what_a_task_awaited_lies_in_its_run():
    """Runs of tasks that overlapped both lie in the one that awaited them, and what ended before it began does not."""
    before, one, other = (1, 10, 5, 5, [], True), (2, 30, 8, 8, [], True), (3, 31, 8, 8, [], True)

    found = nest(make_lines(before, one, other, (4, 40, 20, 4, [1, 2, 3], True)))

    assert [found[number][2] for number in (1, 2, 3)] == [None, 3, 3]


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

    assert len(bars) == 3
    assert bars["wait('a')"].row != bars["wait('b')"].row
    assert any(name.endswith(".top()") for letter in "ab" for name in bars[f"wait('{letter}')"].around)


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


@pytest.mark.parametrize(
    "line", [{"ran": 1}, {"ran": ["1", [], {}, {}, 5]}, {"ran": [-1, float("inf"), -1, 0, 0], "reads": 5}, {"ran": [10**400] * 5}]
)
def test_a_damaged_line_breaks_no_timeline(desk, path, line):
    """A line with times that are none has a bar of no width."""
    with replay.record(ctx := dug.Context(), path), ctx:
        desk.quote("AAPL")
    first, second, *rest = path.read_text().splitlines()
    assert "ran" in json.loads(second)
    path.write_text("\n".join([first, json.dumps({**json.loads(second), **line}), *rest, ""]))

    [bar] = read_trace(replay.open(path).timeline()).values()

    assert bar.start <= bar.end


def test_a_run_that_another_thread_wrote_has_its_time(desk, path):
    """A value that a reader in another thread has written already gets a line for the times of its run."""
    with replay.record(ctx := dug.Context(), path), ctx:
        desk.quote("AAPL")
        found = [subscription for subscription in ctx._listeners if subscription.take is not None]
        writer = found[0].listener.__self__.writer
        writer.write(desk.quote.node("AAPL"), Ran(writer._began + 2.0, 1.0))

    starts = [event["ts"] for event in json.loads(replay.open(path).timeline())["traceEvents"] if event["ph"] == "X"]

    assert max(starts) == pytest.approx(1e6)
