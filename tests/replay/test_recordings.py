"""`dug.replay.record` writes what sources give when they give it, and says what it could not write."""

from __future__ import annotations

import errno
import json
import os
import threading

import numpy as np
import pytest

import dug
from dug import replay
from dug._portable.nodes import call_of
from dug.replay import _log


def record(path, ask, ctx=None, **options):
    """Record a call in a context, and return the recording."""
    ctx = ctx or dug.Context()
    with replay.record(ctx, path, **options), ctx:
        ask()
    return replay.open(path)


@pytest.fixture
def path(tmp_path):
    """A new file."""
    return tmp_path / "day.dugrec"


def test_a_later_change_of_a_value_does_not_reach_the_file(desk, path):
    """The file has what the source gave, although a reader changes the list afterwards."""

    @dug.memoize
    def careless():
        found = desk.quote("AAPL")
        found[0] = -1.0
        return found[0]

    recording = record(path, careless)

    with recording.replay():
        assert desk.quote("AAPL") == [190.0, 0.5]


def test_a_change_made_during_a_recording_does_not_reach_the_file_at_its_end(desk, path):
    """Nor when the recording looks again at its end, because something was tweaked."""
    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        desk.quote("AAPL")[0] = -1.0
        ctx.tweak(desk.mid.node("MSFT"), 5.0)

    with replay.open(path).replay():
        assert desk.quote("AAPL") == [190.0, 0.5]


def test_what_is_known_already_is_written_first(desk, path):
    """A recording that begins when all has run covers all."""
    ctx = dug.Context()
    with ctx:
        desk.book()

    recording = record(path, lambda: None, ctx)

    assert recording.missing(desk.book.node()) == ()


def test_a_recording_overwrites_no_other(desk, path):
    """The second recording to a file is refused, and the first one is as it was."""
    record(path, desk.book)
    before = path.read_bytes()

    with pytest.raises(FileExistsError, match="overwrites none"), replay.record(dug.Context(), path):
        pass

    assert path.read_bytes() == before


def test_a_torn_last_line_loses_nothing_before_it(desk, path):
    """Cut off anywhere, a recording gives all lines before the cut."""
    record(path, desk.book)
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    first = len(lines[0])

    for end in range(first, len(data), 53):
        path.write_bytes(data[:end])
        whole = len(data[:end].splitlines(keepends=True)) - (not data[:end].endswith(b"\n"))
        assert len(list(_log.read_log(path))) == whole
    assert replay.open(path).gaps == ("the recording was cut off before its end",)


def test_a_torn_array_loses_nothing_before_it(path):
    """An array of which only a part was written is left out, with its line."""

    @dug.source
    def prices(day):
        return np.arange(day, day + 100.0)

    record(path, lambda: (prices(1), prices(2)))
    data = path.read_bytes()
    path.write_bytes(data[:-400])  # in the second array

    recording = replay.open(path)

    with recording.replay():
        assert prices(1).tolist() == np.arange(1, 101.0).tolist()
        with pytest.raises(replay.UncoveredError, match=r"prices\(2\)"):
            prices(2)


def test_a_file_that_is_no_recording_is_refused(path):
    """Another file is named as such."""
    path.write_text("{}\n")

    with pytest.raises(replay.RecordingError, match="not a recording"):
        replay.open(path)


def test_a_full_disk_stops_no_computation(desk, path, monkeypatch):
    """Where the file takes nothing more, the values are right, and the end of the recording says what is missing."""
    write = os.write
    full = []

    def write_some(file, data):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(_log.os, "write", write_some)
    ctx = dug.Context()
    with pytest.warns(RuntimeWarning, match="No space left"), replay.record(ctx, path), ctx:  # noqa: PT031  the end warns
        desk.mid("MSFT")
        full.append(True)
        value = desk.book()

    recording = replay.open(path)
    assert value == 100 * 190.25 + 50 * 410.25
    assert not recording.is_complete
    with recording.replay(), pytest.raises(replay.UncoveredError, match="AAPL"):
        desk.book()


def test_a_half_written_line_is_taken_back(path, monkeypatch):
    """What comes after a line that could not be written whole is readable, and the gap is in the file."""
    write = os.write
    torn = [True]

    def write_half(file, data):
        if torn and b"memo" in bytes(data):
            torn.clear()
            write(file, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(_log.os, "write", write_half)

    @dug.source
    def page():
        return "x" * 5_000

    ctx = dug.Context()
    with pytest.warns(RuntimeWarning), replay.record(ctx, path), ctx:
        page()

    recording = replay.open(path)
    assert [json.loads(line)["is"] for line in path.read_bytes().splitlines()][1:] == ["gap", "end"]
    assert "No space left" in recording.gaps[0]
    assert len(recording.gaps) == 1


def test_a_value_without_a_codec_is_named(path):
    """A source whose value cannot be written is recorded as absent, and named with the reason before a replay."""

    @dug.source
    def connection():
        return object()

    @dug.memoize
    def rows():
        return 0 if connection() else 1

    recording = record(path, rows)

    assert [str(node) for node in recording.missing(rows.node())] == [str(connection.node())]
    with pytest.raises(replay.UncoveredError, match="object"), recording.replay(rows.node()):
        pass


def test_tweaks_in_force_are_recorded(desk, path):
    """What is tweaked is recorded like a source: the replay gives what the tweaked context gave."""
    tweaks = {desk.quote.node("AAPL"): [100.0, 0.0], desk.position.node("MSFT", 50): dug.shift(1.0)}

    recording = record(path, desk.book, dug.Context(tweaks))

    with recording.replay(desk.book.node()):
        assert desk.book() == 100 * 100.0 + 50 * 410.25 + 1.0


def test_a_source_that_is_tweaked_meanwhile_is_recorded_as_it_is_then(desk, path):
    """The last value counts, also when it is that of a memo from before."""
    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        desk.book()
        ctx.tweak(desk.quote.node("AAPL"), [1.0, 0.0])
        tweaked = desk.book()
    with replay.record(ctx, path.with_name("again.dugrec")), ctx:
        desk.book()
        ctx.untweak(desk.quote.node("AAPL"))
        desk.book()  # a hit

    with replay.open(path).replay(desk.book.node()):
        assert desk.book() == tweaked == 100 * 1.0 + 50 * 410.25
    with replay.open(path.with_name("again.dugrec")).replay(desk.book.node()):
        assert desk.book() == 100 * 190.25 + 50 * 410.25


@pytest.mark.parametrize("whose", ["node", "function"])
def test_a_run_after_an_invalidation_is_written_whatever_its_memo_looks_like(whose, path, monkeypatch):
    """A memo may take the place of a forgotten one in memory, and have taken as long: it is written all the same."""
    monkeypatch.setattr("dug.replay._entries.token_of", lambda record: "the same place")
    numbers = iter(range(5))

    @dug.source
    def number():
        return next(numbers)

    ctx = dug.Context()

    def ask():
        number()
        ctx.invalidate(number.node() if whose == "node" else number)
        number()

    recording = record(path, ask, ctx)

    with recording.replay():
        assert number() == 1


def test_a_what_if_inside_is_not_recorded(desk, path):
    """What a nested what-if makes of a node is not the recorded context's; what its sources give is."""
    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        desk.mid("AAPL")
        with dug.Context({desk.quote.node("AAPL"): [1.0, 0.0]}):
            desk.book()

    with replay.open(path).replay():
        assert desk.mid("AAPL") == 190.25
        assert desk.quote("MSFT") == [410.0, 0.5]


def test_hits_stay_hits(desk, path):
    """While a context is recorded, what it knows is answered without a call of any listener."""
    ctx = dug.Context()
    heard = []
    with replay.record(ctx, path), ctx:
        desk.book()
        size = path.stat().st_size
        with ctx.listen(heard.append, kinds="computed"):
            for _ in range(10):
                desk.book()

        assert path.stat().st_size == size
        assert heard == []


def test_threads_write_whole_lines(path):
    """Sources that run in many threads are all in the file."""

    @dug.source
    def feed(number):
        return ["x" * number]

    ctx = dug.Context()

    def ask(first):
        with ctx:
            for number in range(first, 200, 4):
                feed(number)

    with replay.record(ctx, path):
        threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    recording = replay.open(path)
    assert recording.is_complete
    with recording.replay():
        assert [len(feed(number)[0]) for number in range(200)] == list(range(200))


def test_without_digests_the_trace_is_there(desk, path):
    """Without digests a recording still tells what every node read."""
    recording = record(path, desk.book, digests=False)

    assert recording.plan(desk.book.node()).runs[-1] == desk.book.node()
    assert "digest" not in path.read_text().splitlines()[-2]


@pytest.mark.parametrize(
    "argument", [1, -5, True, "x", "it's", "a\\b", "\n", "ä", "x" * 39, "x" * 300, 10**9, 1.5, None, (1, "x")]
)
def test_a_node_has_its_text(path, argument):
    """A node is in the file with its text and arguments as everywhere else."""
    @dug.source
    def quote(given):
        return 1

    for name in ("first", "second"):  # the first run of a function takes another way
        record(path.with_name(name), lambda: quote(argument))
        line = json.loads(path.with_name(name).read_text().splitlines()[1])
        assert (line["text"], line["arguments"]) == call_of(quote.node(argument)._key)


@pytest.mark.parametrize("has_c", [True, False])
def test_a_line_is_written_as_json_writes_it(monkeypatch, has_c):
    """Whether there is an encoder in C or not, the text is that of ``json.dumps``."""
    line = {"n": 3, "text": 'f("\u00e4\\n")', "at": 1e-06, "reads": [1, [2]], "ran": (1, "x", True), "nan": float("nan")}
    if not has_c:
        monkeypatch.setattr(json.encoder, "c_make_encoder", None)

    assert _log.make_encoder()(line) == json.dumps(line, separators=(",", ":"))


def test_a_file_that_cannot_be_begun_is_not_left_behind(path, monkeypatch):
    """Where not even the first line can be written, the error is raised, nothing runs, and the name is free."""

    def fail(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_log, "_write_all", fail)
    with pytest.raises(OSError, match="No space left"), replay.record(dug.Context(), path):
        raise AssertionError

    assert not path.exists()


def test_an_error_in_the_block_goes_through(desk, path, monkeypatch, caplog):
    """An error of the recorded code is raised as it is, also where the recording has a gap, which the log tells."""
    append = _log.Log.append

    def append_some(self, line, parts=()):
        if line["is"] == "memo":
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, line, parts)

    monkeypatch.setattr(_log.Log, "append", append_some)
    ctx = dug.Context()
    with pytest.raises(KeyError, match="IBM"), replay.record(ctx, path), ctx:
        desk.quote("IBM")

    assert "has 1 gap" in caplog.text
    assert replay.open(path).gaps


@pytest.mark.slow
def test_long_chains_are_recorded_after_a_tweak(path):
    """A chain of any length that a tweak changed and changed back is written again."""

    @dug.memoize
    def chain(number):
        return 0 if number == 0 else chain(number - 1) + 1

    @dug.memoize
    def top():
        return chain(1_200)

    ctx = dug.Context()
    with replay.record(ctx, path), ctx:
        chain(1_200)
        ctx.tweak(chain, lambda number: 0)
        ctx.untweak(chain)
        assert top() == 1_200

    assert replay.open(path).is_complete


def test_lines_may_come_before_the_one_that_names_their_node(desk, path):
    """Where a thread was overtaken, a line that has only the number of its node counts all the same."""
    record(path, lambda: desk.quote("AAPL"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    late = {name: lines[1].pop(name) for name in ("text", "function", "arguments", "source")}
    lines.insert(2, {"is": "node", "n": 0, **late})
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    with replay.open(path).replay():
        assert desk.quote("AAPL") == [190.0, 0.5]
