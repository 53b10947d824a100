"""What each backend of a store does, whatever it lies on."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from dug.stores import _schema
from dug.stores._backend import Accepted, Row, Seen, StoreError
from dug.stores._folder import find_network
from dug.stores._sqlite import SqliteBackend


@pytest.fixture
def backend(tmp_path, clock):
    """Return an empty backend."""
    made = SqliteBackend(tmp_path / "kept", clock=clock)
    yield made
    made.close()


def make_row(number=1, *, data=b"1.5", function="m:f", **changes):
    """Return a row at a place that the number says."""
    at = number.to_bytes(16, "big")
    row = Row(at, function, "p1", "[[1],{}]", b"path", data[:16].ljust(16, b"."), "json", "", data, len(data), 2.0, 1.0, 5.0)
    return row._replace(**changes)


def test_a_row_comes_back_as_it_was_put(backend):
    """What was put at a place is found there, with its value."""
    row = make_row()

    backend.put([row])

    found = backend.get(row.at)
    assert (found.path, found.digest, found.codec, found.size, found.data) == (b"path", row.digest, "json", 3, b"1.5")
    assert (found.seconds, found.own_seconds, found.function, found.arguments) == (2.0, 1.0, "m:f", "[[1],{}]")
    assert backend.get(b"0" * 16) is None


def test_several_rows_are_found_at_once(backend):
    """`get_many` gives the rows that there are."""
    backend.put([make_row(1), make_row(2)])

    found = backend.get_many([make_row(1).at, make_row(2).at, make_row(3).at])

    assert sorted(found) == [make_row(1).at, make_row(2).at]


def test_the_first_row_at_a_place_stays(backend):
    """A place that is taken keeps what it has."""
    backend.put([make_row(data=b"first")])
    backend.put([make_row(data=b"second")])

    assert backend.get(make_row().at).data == b"first"


def test_a_large_value_lies_apart(backend):
    """The bytes of a large value are asked for by its digest."""
    row = make_row(data=b"x" * 100_000)

    backend.put([row])

    assert backend.get(row.at).data is None
    assert backend.get(row.at).size == 100_000
    assert backend.get_data(row.digest) == row.data


def test_a_small_value_is_given_by_its_digest_too(backend):
    """`get_data` gives the bytes of any value."""
    backend.put([make_row()])

    assert backend.get_data(make_row().digest) == b"1.5"
    assert backend.get_data(b"0" * 16) is None


@pytest.mark.parametrize("size", [3, 100_000])
def test_a_value_that_was_deleted_can_be_put_again(backend, size):
    """A row whose value is gone says so, and its value comes back with the next row that has it."""
    row = make_row(data=b"x" * size)
    backend.put([row])

    backend.delete_data([row.digest])
    assert backend.get(row.at).data is None
    assert backend.get_data(row.digest) is None

    backend.put([row])
    assert backend.get_data(row.digest) == row.data


def test_a_deleted_row_is_gone_and_its_value_is_swept(backend):
    """`delete` forgets rows, and `sweep` the values of which no row is left."""
    backend.put([make_row(1), make_row(2, data=b"x" * 100_000)])

    backend.delete([make_row(2).at])
    free = backend.sweep()

    assert free == 100_000
    assert backend.get(make_row(2).at) is None
    assert backend.get_data(b"x" * 16) is None
    assert backend.get(make_row(1).at).data == b"1.5"
    assert backend.measure().rows == backend.measure().values == 1


def test_rows_are_listed_by_function(backend):
    """`list_rows` gives the rows of one function, or all, without their bytes."""
    backend.put([make_row(1), make_row(2, function="m:g")])

    (row,) = backend.list_rows("m:g")

    assert row == make_row(2, function="m:g")._replace(data=b"")
    assert len(list(backend.list_rows())) == 2


def test_a_mean_is_of_the_runs_of_one_definition(backend):
    """What runs took by themselves is averaged for each definition of a function."""
    backend.put([make_row(1, own_seconds=1.0), make_row(2, own_seconds=3.0), make_row(3, print="p2", own_seconds=9.0)])

    assert backend.mean_seconds("m:f", "p1") == 2.0
    assert backend.mean_seconds("m:f", "p3") is None


def test_a_definition_is_remembered_once(backend):
    """Each definition of a function is there as it was noted first, before or after its rows."""
    seen = Seen("m:f", "p1", "def f(): ...", '{"m.f": "x"}', '{"python": "3.11"}')
    backend.put([make_row()])

    backend.note(seen)
    backend.note(seen._replace(source="another"))
    backend.note(seen._replace(function="m:g"))

    assert backend.list_seen("m:f") == [seen]
    assert backend.list_seen() == [seen, seen._replace(function="m:g")]
    assert backend.mean_seconds("m:f", "p1") == 1.0


def test_what_was_accepted_is_told(backend):
    """Pairs of definitions that mean the same are remembered by function."""
    said = Accepted("m:f", "p1", "p2", "me", 7.0, "only a name")

    backend.accept(said)

    assert backend.list_accepted("m:f") == backend.list_accepted() == [said]
    assert backend.list_accepted("m:g") == []


def test_a_lease_has_one_owner(backend):
    """Nobody gets a lease that somebody has, not even its owner, until it is released."""
    assert backend.acquire(b"a", "me", 30)
    assert not backend.acquire(b"a", "you", 30)
    assert not backend.acquire(b"a", "me", 30)

    backend.release([b"a"], "you")
    assert not backend.acquire(b"a", "you", 30)

    backend.release([b"a"], "me")
    assert backend.acquire(b"a", "you", 30)


def test_a_lease_expires_unless_it_is_renewed(backend, clock):
    """The lease of an owner that is gone is free when its time is over."""
    backend.acquire(b"a", "me", 30)
    backend.acquire(b"b", "me", 30)

    clock.advance(20)
    backend.renew([b"a"], "me", 30)
    clock.advance(20)

    assert not backend.acquire(b"a", "you", 30)
    assert backend.acquire(b"b", "you", 30)
    backend.renew([b"b"], "me", 30)
    backend.release([b"b"], "me")
    assert not backend.acquire(b"b", "me", 30)


def test_threads_may_use_it_at_the_same_time(backend):
    """What several threads put at once is all there."""
    threads = [threading.Thread(target=backend.put, args=([make_row(number)],)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert backend.measure().rows == 16


def test_a_closed_backend_says_so(backend):
    """After `close` every verb is a StoreError."""
    backend.close()

    with pytest.raises(StoreError, match="is closed"):
        backend.get(b"0" * 16)
    with pytest.raises(StoreError, match="is closed"):
        backend.put([make_row()])


# The folder


def test_a_folder_is_opened_again(tmp_path, backend):
    """Another backend on the folder finds what was put."""
    backend.put([make_row()])

    again = SqliteBackend(tmp_path / "kept", is_read_only=True)

    assert again.get(make_row().at).data == b"1.5"
    with pytest.raises(StoreError, match="read_only=True"):
        again.put([make_row(2)])
    with pytest.raises(StoreError, match="read_only=True"):
        again.delete([make_row().at])
    again.close()


def test_only_a_store_is_opened_for_reading(tmp_path):
    """A folder without a store is not made into one by a reader."""
    with pytest.raises(StoreError, match=r"has no dug\.db"):
        SqliteBackend(tmp_path / "none", is_read_only=True)
    assert not (tmp_path / "none").exists()


def test_only_its_user_may_read_the_folder(tmp_path, backend):
    """The folder is closed to other users."""
    assert backend.shown == str(tmp_path / "kept")
    assert (tmp_path / "kept" / "blobs").stat().st_mode & 0o77 == 0
    assert (tmp_path / "kept").stat().st_mode & 0o77 == 0


def test_what_a_killed_writer_left_is_removed(tmp_path, backend):
    """The next one to open a store removes the unfinished files of processes that are gone, and of no others."""
    blobs = tmp_path / "kept" / "blobs" / "ab"
    blobs.mkdir()
    (blobs / "tmp-999999999-1").write_bytes(b"half")
    (blobs / f"tmp-{os.getpid()}-1").write_bytes(b"half")

    SqliteBackend(tmp_path / "kept").close()

    assert [path.name for path in blobs.iterdir()] == [f"tmp-{os.getpid()}-1"]


def test_a_file_of_another_program_is_refused(tmp_path):
    """A database that is not a store's is not touched."""
    (tmp_path / "kept").mkdir()
    db = sqlite3.connect(tmp_path / "kept" / "dug.db")
    db.execute("CREATE TABLE mine(x)")
    db.close()

    with pytest.raises(StoreError, match="of another program"):
        SqliteBackend(tmp_path / "kept")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    """A damaged file is told by name."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "dug.db").write_bytes(b"no database at all, but a text that is long enough to have a header" * 40)

    with pytest.raises(StoreError, match=r"dug\.db is not the database of a store|not a database"):
        SqliteBackend(tmp_path / "kept")


def test_an_older_format_is_copied_and_moved_forward(tmp_path, backend, monkeypatch):
    """A newer dug makes the next format of a store, beside a copy of the old one; an older dug refuses it."""
    backend.put([make_row()])
    backend.close()
    monkeypatch.setattr(_schema, "FORMAT", 3)
    monkeypatch.setattr(_schema, "_STEPS", {2: "CREATE TABLE more(x); INSERT INTO more VALUES(1);"})

    with pytest.raises(StoreError, match="without read_only=True"):
        SqliteBackend(tmp_path / "kept", is_read_only=True)
    newer = SqliteBackend(tmp_path / "kept")
    assert newer.get(make_row().at).data == b"1.5"
    newer.close()
    SqliteBackend(tmp_path / "kept").close()

    with closing(sqlite3.connect(tmp_path / "kept" / "dug.db.format-2")) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (2,)
        assert copy.execute("SELECT count(*) FROM trace").fetchone() == (1,)
    with closing(sqlite3.connect(tmp_path / "kept" / "dug.db")) as moved:
        assert moved.execute("PRAGMA user_version").fetchone() == (3,)
        assert moved.execute("SELECT x FROM more").fetchall() == [(1,)]
    monkeypatch.undo()
    with pytest.raises(StoreError, match="It takes a newer dug"):
        SqliteBackend(tmp_path / "kept")


def test_a_network_file_system_is_told_by_name(tmp_path):
    """The mount point nearest to a path says on what it is."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 0:1 / / rw - ext4 /dev/sda rw\n2 1 0:2 / /home rw - nfs4 server:/home rw\n3 2 0:3 / /home/me rw - ext4 /dev/sdb rw\n"
    )

    assert find_network(Path("/home/you/store"), mounts) == "nfs4"
    assert find_network(Path("/home/me/store"), mounts) is None
    assert find_network(Path("/homes/store"), mounts) is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_connections_of_its_own(backend):
    """A child reads and writes what its parent has open, and the parent goes on."""
    backend.put([make_row(1)])
    child = os.fork()
    if child == 0:
        try:
            backend.put([make_row(2)])
            os._exit(0 if backend.get(make_row(1).at) is not None else 1)
        except BaseException:  # noqa: BLE001  the parent must see the end of a child
            os._exit(2)

    _, status = os.waitpid(child, 0)

    assert status == 0
    assert backend.get(make_row(2).at) is not None
