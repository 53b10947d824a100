"""Streams in recordings: items with their position and time, ends and errors; replays at once or at a speed."""

from __future__ import annotations

import json

import anyio
import anyio.lowlevel
import pytest

import dug
from dug import replay
from dug.testing import Clock


class Moment:
    """A clock that only goes on when somebody sleeps, and what was slept."""

    def __init__(self):
        self.now = 1_000.0
        self.slept = []

    def __call__(self):
        """Return the time."""
        return self.now

    def sleep(self, seconds):
        """Go on at once."""
        self.slept.append(round(seconds, 6))
        self.now += seconds

    async def wait(self, seconds):
        """Go on at once, in a task."""
        self.sleep(seconds)


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Moment()


class Ticks:
    """A program of streams: ``mids`` and ``total`` read the source ``ticks``; an exception in `given` is raised there."""

    def __init__(self, clock):
        self.given = [1, 2, 3]
        self.runs = 0

        @dug.source
        async def ticks(name):
            self.runs += 1
            for item in self.given:
                clock.now += 0.5
                if isinstance(item, Exception):
                    raise item
                yield item

        @dug.memoize
        async def mids(name):
            async for item in ticks(name):
                yield 10 * item

        @dug.memoize
        async def total(name):
            return sum([item async for item in mids(name)])

        self.ticks, self.mids, self.total = ticks, mids, total


@pytest.fixture
def program(clock):
    """The program, new for each test."""
    return Ticks(clock)


def record(path, ask, **options):
    """Return a coroutine function that records a call."""

    async def run():
        ctx = dug.Context()
        with replay.record(ctx, path, **options), ctx:
            return await ask()

    return run


def test_items_are_replayed(run, program, path):
    """A replay gives the items of a source, in order, and the end; the generator of the source does not run."""
    live = run(record(path, lambda: program.total("a")))
    runs = program.runs

    async def again():
        with replay.open(path).replay(program.total.node("a")):
            return await program.total("a"), await program.ticks("a").list()

    assert run(again) == (live, [1, 2, 3])
    assert program.runs == runs


def test_an_item_has_a_line_with_position_and_time(run, program, path, clock):
    """The file has one line for each item of the source, with its position and its time, and its end."""
    run(record(path, lambda: program.total("a"), clock=clock))

    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["p"], line["at"], line["data"]) for line in lines if line["is"] == "item"] == [
        (0, 0.5, "1"),
        (1, 1.0, "2"),
        (2, 1.5, "3"),
    ]
    assert [(line["p"], line["at"]) for line in lines if line["is"] == "done"] == [(3, 1.5)]


def test_an_item_changed_by_its_reader_is_as_the_source_gave_it(run, program, path):
    """What a reader does to an item does not reach the file."""
    program.given = [[1], [2]]

    @dug.memoize
    async def spoiled():
        found = []
        async for item in program.ticks("a"):
            item.append("changed")
            found.append(item)
        return found

    run(record(path, spoiled))

    async def again():
        with replay.open(path).replay():
            return await program.ticks("a").list()

    assert run(again) == [[1], [2]]


def test_a_stream_that_fails_fails_again(run, program, path):
    """After its items a replay raises what the generator raised."""
    program.given = [1, ConnectionError("the feed is gone")]

    async def ask():
        with pytest.raises(ConnectionError):
            await program.total("a")

    run(record(path, ask))

    async def again():
        with replay.open(path).replay():
            reader = aiter(program.ticks("a"))
            assert await anext(reader) == 1
            with pytest.raises(ConnectionError, match="the feed is gone"):
                await anext(reader)

    run(again)


def test_a_stream_that_was_left_refuses_what_comes_after(run, path):
    """Of a stream that nobody read to its end, the items that came are covered, and the next one is refused."""

    @dug.source
    async def endless():
        yield 1
        await anyio.Event().wait()

    async def ask():
        async with endless().open() as reader:
            return await anext(reader)

    assert run(record(path, ask)) == 1

    async def again():
        with replay.open(path).replay():
            reader = aiter(endless())
            assert await anext(reader) == 1
            with pytest.raises(replay.UncoveredError, match="1 item of it, and not its end"):
                await anext(reader)

    run(again)


def test_what_was_read_before_is_recorded(run, program, path):
    """A stream that had ended when the recording began is covered."""

    async def ask():
        ctx = dug.Context()
        with ctx:
            await program.total("a")
            with replay.record(ctx, path):
                pass

    run(ask)

    async def again():
        with replay.open(path).replay(program.total.node("a")):
            return await program.total("a")

    assert run(again) == 60


def test_a_recording_leaves_streams_as_they_were(run, program, path):
    """After the recording the generator of a stream that was followed runs as before."""

    async def ask():
        ctx = dug.Context()
        with ctx:
            stream = program.ticks("a")
            assert stream._bump is None
            with replay.record(ctx, path):
                assert stream._bump is not None
            assert stream._bump is None

    run(ask)


def test_items_come_at_their_times(run, program, path, clock):
    """At ``speed=2.0`` the replay waits half as long before each item as the source took."""
    run(record(path, lambda: program.total("a"), clock=clock))

    async def again():
        with replay.open(path).replay(speed=2.0, clock=clock, sleep=clock.wait):
            return await program.total("a")

    assert run(again) == 60
    assert clock.slept == [0.25, 0.25, 0.25]


def test_without_a_speed_nothing_waits(run, program, path, clock):
    """All items come at once."""
    run(record(path, lambda: program.total("a"), clock=clock))

    async def again():
        with replay.open(path).replay(clock=clock, sleep=clock.wait):
            await program.total("a")

    run(again)
    assert clock.slept == []


def test_a_late_reader_waits_for_nothing(run, program, path, clock):
    """Items whose time has passed come at once."""
    run(record(path, lambda: program.total("a"), clock=clock))

    async def again():
        with replay.open(path).replay(speed=1.0, clock=clock, sleep=clock.wait):
            clock.now += 1.2
            await program.total("a")

    run(again)
    assert clock.slept == [0.3]


def test_the_default_sleep_is_that_of_the_loop(run, program, path, clock):
    """Without ``sleep=`` a replay at a speed waits on either loop."""
    run(record(path, lambda: program.total("a"), clock=clock))

    async def again():
        with replay.open(path).replay(speed=1e6):
            return await program.total("a")

    assert run(again) == 60


def test_a_what_if_on_a_replayed_stream(run, program, path):
    """A what-if on a replay bumps the items, and the recorded ones are given once."""
    run(record(path, lambda: program.total("a")))

    async def again():
        with replay.open(path).replay(), dug.Context({program.ticks.node("a"): dug.scale(2)}):
            return await program.total("a")

    assert run(again) == 120


def test_a_cut_at_a_derived_stream(run, program, path):
    """A derived stream in a cut is recorded item by item, and its source is not needed."""

    @dug.memoize(name="test_replay_streams:doubled")
    async def doubled():
        async for item in program.ticks("a"):
            yield 2 * item

    @dug.memoize
    async def total():
        return sum([item async for item in doubled()])

    run(record(path, total, cut=[doubled]))
    recording = replay.open(path)

    async def again():
        with recording.replay(total.node()) as ctx:
            return await total(), program.ticks.node("a") in ctx

    assert recording.plan(total.node()).recorded == (doubled.node(),)
    assert run(again) == (12, False)


def test_differences_of_streams(run, program, path):
    """An ended stream with other items differs, and so does what read it."""
    run(record(path, lambda: program.total("a")))

    async def again():
        recording = replay.open(path)
        with recording.replay(), dug.Context({program.ticks.node("a"): [1, 2, 4]}) as ctx:
            await program.total("a")
            return recording.differences(ctx)

    found = run(again)
    assert [str(node) for node in found.first] == [str(program.ticks.node("a"))]
    assert [str(node) for node in found.carried] == [str(program.mids.node("a")), str(program.total.node("a"))]


def test_a_tweaked_stream_is_recorded(run, program, path):
    """A stream that is tweaked to a list is recorded as that."""

    async def live():
        ctx = dug.Context({program.ticks.node("a"): [5, 6]})
        with replay.record(ctx, path), ctx:
            return await program.total("a")

    async def again():
        with replay.open(path).replay(program.total.node("a")):
            return await program.total("a")

    assert run(live) == run(again) == 110


def test_a_bumped_stream_is_recorded(run, program, path):
    """A stream that is bumped is recorded with the items that readers got."""

    async def live():
        ctx = dug.Context({program.ticks.node("a"): dug.shift(1)})
        with replay.record(ctx, path), ctx:
            return await program.total("a")

    async def again():
        with replay.open(path).replay(program.total.node("a")):
            return await program.total("a")

    assert run(live) == run(again) == 90


def test_streams_without_await_are_replayed(path, clock):
    """A synchronous stream is recorded and replayed in the same way, at a speed too."""
    runs = []

    @dug.source
    def rows():
        runs.append(1)
        for number in range(3):
            clock.now += 1.0
            yield [number]

    @dug.memoize
    def total():
        return sum(row[0] for row in rows())

    ctx = dug.Context()
    with replay.record(ctx, path, clock=clock), ctx:
        live = total()
    runs.clear()

    with replay.open(path).replay(total.node(), speed=1.0, clock=clock, sleep=clock.sleep):
        assert total() == live == 3
    assert clock.slept == [1.0, 1.0, 1.0]
    assert runs == []


def test_a_row_that_was_not_read_is_not_given(path):
    """A reader that stops early leaves the rest of the recording as unknown as it is."""

    @dug.source
    def rows():
        yield from range(10)

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        assert next(iter(rows())) == 0

    with replay.open(path).replay():
        reader = iter(rows())
        assert next(reader) == 0
        with pytest.raises(replay.UncoveredError, match="1 item of it"):
            next(reader)


def test_a_full_disk_stops_no_stream(run, program, path, monkeypatch):
    """Where an item cannot be written, the stream goes on, and the recording says that it is not complete."""
    write = replay._log._write_all

    def write_some(file, data):
        if b'"item"' in data and b'"p":1' in data:
            raise OSError(28, "No space left on device")
        write(file, data)

    monkeypatch.setattr(replay._log, "_write_all", write_some)
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert run(record(path, lambda: program.total("a"))) == 60

    async def again():
        with replay.open(path).replay(), pytest.raises(replay.UncoveredError):
            await program.total("a")

    assert not replay.open(path).is_complete
    run(again)


def test_a_simulated_clock_makes_items_come(run, program, path, clock):
    """With a clock for tests no item comes before the test has let the time go on to its moment."""
    run(record(path, lambda: program.total("a"), clock=clock))
    simulated = Clock()

    async def again():
        found: list[tuple[float, int]] = []

        async def read():
            async for item in program.ticks("a"):
                found.append((simulated(), item))  # noqa: PERF401  item by item

        with replay.open(path).replay(speed=1.0, clock=simulated):
            async with anyio.create_task_group() as group:
                group.start_soon(read)
                while len(found) < 3:
                    await anyio.lowlevel.checkpoint()
                    simulated.jump()
        return found

    found = run(again)
    assert [item for _, item in found] == [1, 2, 3]
    assert all(came >= due for (came, _), due in zip(found, [0.5, 1.0, 1.5], strict=True))
    assert simulated() == 1.5
