"""Streams in snapshots: an ended one comes back with its items and marks, an open one with its prefix."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import kept_streams as kept
import pytest
from test_snapshot_hostile import change

import dug
from dug import codec, snapshot, streams
from dug._portable import rows
from dug.snapshot._rows import read_nodes

PLAIN = [0, 1, 2, 3, 4, 10, 12, 14]


@pytest.fixture(autouse=True)
def program(monkeypatch):
    """The rows of every test, and no runs."""
    monkeypatch.setattr(kept, "ROWS", list(range(8)))
    kept.RAN.clear()


@pytest.fixture
def path(tmp_path):
    """A file with a stream that ended and one of which two items were read."""
    made = tmp_path / "streams.dug"
    with dug.Context() as ctx:
        kept.total("a"), kept.head("a", 2), kept.head("b", 2)
        snapshot.save(ctx, made)
    kept.RAN.clear()
    return made


def test_nothing_of_a_stream_is_left_out(tmp_path):
    """The report of a save names no part of a stream whose items have codecs."""
    with dug.Context() as ctx:
        kept.total("a"), kept.head("b", 2)
        report = snapshot.save(ctx, tmp_path / "x.dug")

    assert report.absent == ()


def test_an_ended_stream_comes_back_with_its_items(path, load):
    """Where a file is loaded, neither readers of an ended stream nor its generator run again, and it is ended."""
    with load(path) as loaded:
        found = kept.total("a"), kept.head("a", 2), kept.amounts("a").list(), kept.rows("a").list(), kept.amounts("a").last()
        states = kept.amounts("a").state, loaded.absent, loaded.pending

    assert found == (sum(PLAIN), (0, 1), PLAIN, list(range(8)), 14)
    assert states == ("ended", (), ())
    assert kept.RAN == []


def test_an_open_stream_comes_back_with_its_prefix(path, load):
    """Of a stream that was not read to its end the items are there that were; whoever needs more runs it once more."""
    with load(path):
        found = kept.head("b", 2), kept.amounts("b").seek(1), kept.amounts("b").state
        assert kept.RAN == []
        rest = kept.amounts("b").list(), kept.amounts("b").state

    assert found == ((0, 1), 1, "closed")
    assert rest == (PLAIN, "ended")
    assert kept.RAN == ["amounts", "rows"]


def test_a_what_if_in_a_loaded_file_shares_the_prefix(path, load):
    """A tweak of what is read from item 5 on reruns no reader of two items, and no source."""
    with load(path), dug.Context({kept.rate.node(): 3}):
        found = kept.head("a", 2), kept.total("a"), kept.amounts("a").list()

    assert found == ((0, 1), 10 + 15 + 18 + 21, [0, 1, 2, 3, 4, 15, 18, 21])
    assert sorted(kept.RAN) == ["amounts", "total"]


def test_a_bump_in_a_loaded_file_runs_no_generator(path, load):
    """A bump of a stream that came back changes its items and starts nothing."""
    with load(path), dug.Context({kept.amounts.node("a"): dug.shift(1)}):
        assert kept.amounts("a").list() == [item + 1 for item in PLAIN]
    assert kept.RAN == []


def test_an_invalidation_in_a_loaded_file_runs_what_read_the_items(path, load):
    """After the source of a loaded file gives other items, readers get these."""
    with load(path) as loaded:
        kept.ROWS[-1] = 100
        loaded.invalidate(kept.rows)
        found = kept.total("a"), kept.head("a", 2)

    assert found == (sum(PLAIN) - 14 + 200, (0, 1))


def test_a_loaded_file_is_saved_again(path, load, tmp_path):
    """What was loaded, and computed since, is saved and loaded again."""
    with load(path) as loaded:
        kept.total("b")
        snapshot.save(loaded, tmp_path / "again.dug")
    kept.RAN.clear()
    with load(tmp_path / "again.dug"):
        found = kept.total("a"), kept.total("b"), kept.head("b", 2), kept.amounts("b").list()

    assert found == (sum(PLAIN), sum(PLAIN), (0, 1), PLAIN)
    assert kept.RAN == []


def test_streams_that_are_tweaked_are_saved_as_they_are_told(tmp_path, load):
    """A list, another function and a bump of a stream are in force where the file is loaded."""
    tweaks = {kept.rows.node("a"): [5, 6], kept.rows.node("b"): dug.shift(1)}
    with dug.Context(tweaks) as ctx:
        before = kept.total("a"), kept.total("b")
        snapshot.save(ctx, tmp_path / "x.dug")
    with load(tmp_path / "x.dug"):
        after = kept.total("a"), kept.total("b"), kept.rows("a").list(), kept.rows("b").list()
    with dug.Context({kept.amounts: kept.doubled}) as ctx:
        doubled = kept.total("a")
        snapshot.save(ctx, tmp_path / "y.dug")
    kept.RAN.clear()
    with load(tmp_path / "y.dug", functions=[kept.doubled]):
        again = kept.total("a"), kept.amounts("a").list()

    assert before == (22, sum([1, 2, 3, 4, 10, 12, 14, 16]))
    assert after == (*before, [5, 6], list(range(1, 9)))
    assert again == (doubled, [2 * row for row in range(8)])
    assert kept.RAN == []


def test_a_bump_of_each_item_is_saved_by_the_name_of_its_function(tmp_path, load):
    """What `dug.streams.each` made is in force where the file is loaded, for items that nobody had read too."""
    with dug.Context({kept.rows: streams.each(divmod, 4)}) as ctx:
        before = kept.rows("a").list()
        report = snapshot.save(ctx, tmp_path / "x.dug")
    with load(tmp_path / "x.dug", functions=[divmod]) as loaded:
        found = kept.rows("a").list(), kept.rows("b").first(), loaded.absent

    assert report.absent == ()
    assert found == (before, (0, 0), ())


def test_items_without_a_codec_are_left_out_and_readers_stay(tmp_path, load):
    """A stream whose items cannot be written is named in the report; its readers answer, and it is run again when it is read."""
    kept.ROWS[:] = [1, object()]
    with dug.Context() as ctx:
        kept.head("a", 1)
        kept.rows("a").list()
        kept.amounts("a").first()
        report = snapshot.save(ctx, tmp_path / "x.dug")
    kept.RAN.clear()
    kept.ROWS[:] = [1, 2]
    with load(tmp_path / "x.dug"):
        found = kept.head("a", 1)
        assert kept.RAN == []
        again = kept.rows("a").list()

    assert [one.what for one in report.absent] == ["kept_streams:rows('a')"]
    assert (found, again) == ((1,), [1, 2])


def test_a_stream_that_dropped_items_is_left_out_with_the_reason(tmp_path, load):
    """With ``keep=`` the first items are gone: the report says so, and the reader's value answers or is computed again."""
    with dug.Context() as ctx:
        before = kept.last("a")
        report = snapshot.save(ctx, tmp_path / "x.dug")
    with load(tmp_path / "x.dug"):
        after = kept.last("a")

    assert before == after == 7
    assert any("keep=2" in one.reason for one in report.absent)


def test_the_failure_of_a_stream_is_tried_again(tmp_path, load):
    """A reader that failed with its stream has failed in the file too, and is tried again by the next call."""
    with dug.Context() as ctx:
        with pytest.raises(OSError, match="gone"):
            kept.broken_total("a")
        snapshot.save(ctx, tmp_path / "x.dug")
    with load(tmp_path / "x.dug") as loaded:
        assert isinstance(loaded.memo(kept.broken_total.node("a")).error, OSError)
        with pytest.raises(OSError, match="gone"):
            kept.broken_total("a")


def test_streams_of_a_loop_are_saved_and_loaded(run, tmp_path, load):
    """On asyncio and trio a stream comes back ended, and its prefix is shared by a what-if; an open one has its prefix."""
    kept.RAN.clear()

    async def save():
        with dug.Context() as ctx:
            await kept.sum_up("a"), await kept.opening("a", 2)
            async with kept.mids("b").open() as reader:
                await anext(reader)
                return snapshot.save(ctx, tmp_path / "x.dug").absent

    async def read():
        with load(tmp_path / "x.dug"):
            found = await kept.sum_up("a"), await kept.opening("a", 2), await kept.mids("a").list(), await kept.mids("b").first()
            assert kept.RAN == []
            with dug.Context({kept.rate.node(): 3}):
                return *found, await kept.opening("a", 2), await kept.sum_up("a"), await kept.mids("b").list()

    assert run(save) == ()
    kept.RAN.clear()
    assert run(read) == (sum(PLAIN), (0, 1), PLAIN, 0, (0, 1), 64, [0, 1, 2, 3, 4, 15, 18, 21])
    assert "opening" not in kept.RAN


def test_a_look_shows_streams_and_marks(path):
    """A look at a file names the stream, its marks and what the marks read, and runs nothing."""
    with snapshot.look(path) as looked:
        node = "kept_streams:amounts('a')"
        assert "amounts('a')" in looked[node].value
        assert "kept_streams:rate()" in looked[f"{node}.mark(2)"].dependencies
    assert kept.RAN == []


def test_marks_of_other_scenarios_are_not_written(tmp_path):
    """A what-if that was left leaves no part of its streams in the file."""
    with dug.Context() as ctx:
        kept.total("a")
        snapshot.save(ctx, tmp_path / "x.dug")
        with dug.Context({kept.rate.node(): 3}):
            kept.total("a")
        snapshot.save(ctx, tmp_path / "y.dug")
    found = []
    for name in ("x.dug", "y.dug"):
        with snapshot.look(tmp_path / name) as looked:
            found.append({row.text for row in read_nodes(looked._file) if "mark" in row.text})

    assert len(found[0]) == 6
    assert found[0] == found[1]


def _damage(path):
    """Change the bytes of the items of a stream."""
    change(path, "UPDATE chunks SET data = x'00' WHERE node IN (SELECT id FROM nodes WHERE text LIKE '%amounts(''a'')')")


def test_damaged_items_are_refused(path, load):
    """Items that are not as they were written are a SnapshotError that names the stream."""
    _damage(path)

    with pytest.raises(dug.SnapshotError, match="amounts"), load(path):
        kept.total("a")


@pytest.mark.parametrize(
    "content", [5, ("ended", (0, 9), [1]), ("ended", (1,), [1, 2]), ("gone", (0,), []), ("ended", ("x",), [])], ids=str
)
def test_items_that_nobody_wrote_here_are_left_out(content, path, load):
    """A file whose streams are something else says so, and they are run again."""
    encoded = codec.encode(content)
    data = b"".join(encoded.parts)
    where = "WHERE text = 'kept_streams:amounts(''a'')'"
    with closing(sqlite3.connect(path)) as connection, connection:
        number = connection.execute(f"SELECT id FROM nodes {where}").fetchone()[0]
        first = connection.execute("SELECT min(id) FROM chunks WHERE node = ?", (number,)).fetchone()[0]
        connection.execute("DELETE FROM chunks WHERE node = ? AND id > ?", (number, first))
        connection.execute("UPDATE chunks SET data = ? WHERE node = ?", (data, number))
    digest = rows.digest(encoded.codec, encoded.parts)
    change(path, f"UPDATE nodes SET codec = ?, size = ?, digest = ? {where}", encoded.codec, len(data), digest, check="nodes")

    with load(path) as loaded:
        assert kept.total("a") == sum(PLAIN)
        assert any("not what is written of a stream" in one.reason for one in loaded.absent)
    assert "amounts" in kept.RAN


def test_a_row_that_says_it_is_a_mark_and_is_none_is_left_out(path, load):
    """A flag that does not fit the function is no error of ours: the node is computed again."""
    change(path, f"UPDATE nodes SET flags = flags | {rows.MARK | rows.STREAM} WHERE text LIKE '%rate()'", check="nodes")

    with load(path) as loaded:
        assert kept.rate() == 2
        assert any("mark" in one.reason for one in loaded.absent)


def test_the_committed_file_of_streams_is_loaded(load):
    """Every later dug reads what was written of streams in format 2."""
    with load(Path(__file__).parent / "golden" / "streams2.dug") as loaded:
        found = kept.total("a"), kept.amounts("a").list(), kept.head("b", 2), kept.amounts("b").state

        assert found == (sum(PLAIN), PLAIN, (0, 1), "closed")
        assert loaded.changed == ()
    assert kept.RAN == []


@pytest.mark.slow
def test_a_new_process_runs_nothing(path):
    """In a process that has run nothing, readers and ``list()`` of a loaded file run nothing."""
    code = (
        "import sys, kept_streams as kept; from dug import snapshot\n"
        "with snapshot.load(sys.argv[1]): print(kept.total('a'), kept.amounts('a').list(), kept.head('b', 2), kept.RAN)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, cwd=Path(kept.__file__).parent
    )

    assert done.stdout.strip() == f"{sum(PLAIN)} {PLAIN} (0, 1) []"
