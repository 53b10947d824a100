"""A store that is damaged, full or gone gives nothing wrong: what it cannot give is computed, and is kept anew."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from unittest.mock import Mock

import pytest

import dug
from dug.errors import StoreError
from dug.stores._digest import digest_bytes


@dug.source
def count():
    """Return a number of the outside."""
    return 10


@dug.memoize
def leaf(number):
    """Return a long text for some numbers, and a short one for others."""
    return f"{number}," * (20_000 if number % 3 == 0 else count())


@dug.memoize
def top():
    """Return the length of all."""
    return sum(len(leaf(number)) for number in range(9))


def flip(data):
    """Return bytes of which one bit is another."""
    middle = len(data) // 2
    if isinstance(data, str):
        return data[:middle] + chr(ord(data[middle]) ^ 1) + data[middle + 1 :]
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def damage(folder, table, column):
    """Flip a bit in each row of a table."""
    db = sqlite3.connect(folder / "dug.db")
    key = "at" if table == "trace" else "digest"
    rows = db.execute(f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall()
    for at, data in rows:
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (flip(data), at))
    db.commit()
    db.close()
    return len(rows)


@pytest.mark.parametrize(("table", "column"), [("trace", "path"), ("trace", "value"), ("value", "data"), ("value", "codec")])
def test_a_damaged_row_is_computed_again_and_healed(begin, tmp_path, table, column):
    """A flipped bit in any row costs a run, gives nothing wrong, and is gone after that run."""
    with begin():
        right = top()
    assert damage(tmp_path / "kept.store", table, column) in (6, 7, 10)

    with begin() as log:
        assert top() == right
    assert 7 <= len([node for node in log.computed if node.function is not count]) <= 10

    with begin() as log:
        assert top() == right
    assert [node for node in log.computed if node.function is not count] == []


class Shape:
    """A class that is a part of a value, so that it takes the class to read the value."""


@dug.memoize
def shape(number):
    """Return what needs a class."""
    return Shape, number


def change(folder, table, column, said):
    """Have each row of a table say something else."""
    with closing(sqlite3.connect(folder / "dug.db")) as db, db:
        db.execute(f"UPDATE {table} SET {column} = ?", (said,))


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("trace", "arguments", "[[7],{}]"),
        ("function", "name", "book:other"),
        ("value", "needs", ""),
        ("value", "needs", "class:book:Other"),
    ],
)
def test_a_changed_row_is_refused_by_name_and_healed(begin, tmp_path, table, column, said):
    """A row that says another call or other needs than its run had costs a run, is named, and is whole after that run."""
    with begin():
        shape(1)
    change(tmp_path / "kept.store", table, column, said)

    with begin() as log:
        assert shape(1) == (Shape, 1)
        assert len(log.computed) == 1
        assert "was damaged, or changed" in log.store.report().refused["test_damaged_stores:shape"]

    with begin() as log:
        assert shape(1) == (Shape, 1)
        assert log.computed == []


@pytest.mark.parametrize(("table", "column"), [("trace", "arguments"), ("value", "needs")])
def test_a_check_names_a_changed_row(begin, tmp_path, table, column):
    """`check` says of which function a row is that says other arguments or needs than its run had."""
    with begin():
        shape(1)
    change(tmp_path / "kept.store", table, column, "[[7],{}]")

    with begin() as log:
        (named,) = log.store.check().damaged

    assert named.startswith("test_damaged_stores:shape")


def test_a_changed_row_does_not_outlive_its_invalidation(begin, tmp_path):
    """A row with the arguments of another call is not found by an invalidation, and is not served after it."""
    outside = {"count": 1}
    vars(held)["outside"] = outside
    with begin():
        assert held(1) == 1
    change(tmp_path / "kept.store", "trace", "arguments", "[[7],{}]")
    outside["count"] = 2

    with begin() as log:
        log.ctx.invalidate(held.node(1))
    with begin():
        assert held(1) == 2


def look_outside():
    """Return what is outside, by a name that no fingerprint looks up."""
    return vars(held)["outside"]["count"]


@dug.memoize
def held(number):
    """Return something of the outside that is no source."""
    return number * look_outside()


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_folder_of_format_1_is_moved_forward(begin, tmp_path, is_damaged):
    """Its whole rows are served, its damaged ones are not, and a copy of it is beside it."""
    with begin():
        right = top()
    with closing(sqlite3.connect(tmp_path / "kept.store" / "dug.db")) as db, db:
        for at, digest, path in db.execute("SELECT at, value, path FROM trace").fetchall():
            old = digest_bytes(at, digest, path[16:])[:8] + path[16:]
            db.execute("UPDATE trace SET path = ? WHERE at = ?", (flip(old) if is_damaged else old, at))
        db.execute("PRAGMA user_version=1")

    with begin() as log:
        assert top() == right
    assert len([node for node in log.computed if node.function is not count]) == (10 if is_damaged else 0)
    assert (tmp_path / "kept.store" / "dug.db.format-1").is_file()
    with begin() as log:
        assert top() == right
    assert [node for node in log.computed if node.function is not count] == []


@pytest.mark.parametrize("do", [lambda path: path.write_bytes(flip(path.read_bytes())), lambda path: path.unlink()])
def test_a_damaged_file_is_computed_again_and_healed(begin, tmp_path, do):
    """A large value whose file is damaged or gone costs a run, and is there again after it."""
    with begin():
        right = top()
    files = [path for path in (tmp_path / "kept.store" / "blobs").rglob("*") if path.is_file()]
    assert len(files) == 3
    for path in files:
        do(path)

    with begin() as log:
        assert leaf(3) == "3," * 20_000
        assert leaf(0) == "0," * 20_000
        assert leaf(6) == "6," * 20_000
    assert len(log.computed) == 3

    with begin() as log:
        assert top() == right
    assert [node for node in log.computed if node.function is not count] == []


def test_a_row_in_a_wrong_place_is_not_believed(begin, tmp_path):
    """A whole row that lies where another call leads is a miss."""
    with begin():
        leaf(1)
        leaf(2)
    db = sqlite3.connect(tmp_path / "kept.store" / "dug.db")
    first, second = (row[0] for row in db.execute("SELECT at FROM trace"))
    for old, new in ((first, b"-"), (second, first), (b"-", second)):
        db.execute("UPDATE trace SET at = ? WHERE at = ?", (new, old))
    db.commit()
    db.close()

    with begin() as log:
        assert (leaf(1), leaf(2)) == ("1," * 10, "2," * 10)
    assert len(log.computed) == 3


def test_a_store_that_does_not_answer_is_a_miss(begin, caplog):
    """When the backend fails in the middle, values are right, and the log tells of it once."""
    with begin():
        right = top()

    with begin() as log:
        assert leaf(1) == "1," * 10
        log.store.backend.close()
        assert top() == right

    assert len([told for told in caplog.messages if "A store does not answer" in told]) == 1
    assert log.store.writer.failures > 1


@pytest.mark.filterwarnings("error")
def test_a_closed_store_is_a_miss(begin, caplog):
    """A context goes on without its store when that was closed, also where warnings are errors."""
    with begin() as log:
        log.store.close()
        assert leaf(1) == "1," * 10
    assert "is closed" in caplog.text


def test_a_reader_keeps_nothing(begin, tmp_path):
    """With ``read_only=True`` what is there is served, and nothing is written."""
    with begin():
        leaf(1)
    with begin(read_only=True) as log:
        assert leaf(1) == "1," * 10
        assert leaf(2) == "2," * 10
    with begin(read_only=True) as log:
        leaf(1)
        leaf(2)
    assert [node.args for node in log.computed if node.function is leaf] == [(2,)]


def test_what_is_damaged_is_removed_by_the_writer(begin, tmp_path):
    """A run that finds a damaged row does not wait for the lock of the database, which somebody else has."""
    with begin():
        right = [leaf(number) for number in range(9)]
    damage(tmp_path / "kept.store", "trace", "path")
    with begin() as log, closing(sqlite3.connect(tmp_path / "kept.store" / "dug.db", isolation_level=None)) as other:
        waited = log.store.backend._writing = Mock(side_effect=log.store.backend._writing)
        log.store.writer._hurry = Mock(wait=lambda _: gate.wait(20), set=lambda: None, clear=lambda: None)
        gate = threading.Event()
        log.store.single_flight = None
        other.execute("BEGIN IMMEDIATE")
        assert [leaf(number) for number in range(9)] == right
        assert not waited.called
        other.execute("ROLLBACK")
        gate.set()

    with begin() as log:
        assert [leaf(number) for number in range(9)] == right
    assert log.count(leaf) == 0


def test_a_store_that_fails_in_a_look_is_the_reason(begin):
    """A run is not said to read in no fixed order when it was the store that did not answer."""
    with begin() as log:
        log.store.backend.get = Mock(side_effect=StoreError("the disk is gone"))
        assert leaf(1) == "1," * 10

    assert log.store.refused[f"{__name__}:leaf"] == "the store did not answer when it was looked for: the disk is gone"


def test_the_report_counts_what_did_not_answer(begin):
    """What a store did not answer is counted, and what it did not take is not."""
    with begin() as log:
        log.store.backend.put = Mock(side_effect=StoreError("the disk is full"))
        leaf(1)
        log.store.flush()
        said = log.store.report()

    assert (said.kept, said.failures) == (0, 1)


@pytest.mark.parametrize("exits", ["flush", "close"])
def test_an_invalidation_that_failed_is_done_later(begin, exits, caplog):
    """What could not be removed is removed as soon as the store answers, and is looked for again then."""
    with begin():
        leaf(1)
    with begin() as log:
        delete, log.store.backend.delete = log.store.backend.delete, Mock(side_effect=StoreError("it is locked"))
        log.ctx.invalidate(leaf)
        assert leaf(1) == "1," * 10
        assert log.count(leaf) == 1
        log.store.backend.delete = delete
        log.store.writer._outage._until = None
        getattr(log.store, exits)()

    assert "it is locked" in caplog.text
    with begin() as log:
        leaf(1)
    assert log.count(leaf) == 1


def test_an_invalidation_that_fails_to_the_end_is_told(begin, caplog):
    """Where a store never takes an invalidation, its last word says so."""
    with begin() as log:
        leaf(1)
        log.store.backend.delete = Mock(side_effect=StoreError("it is locked"))
        log.ctx.invalidate(leaf)

    assert f"What was invalidated of {__name__}:leaf is still in" in caplog.text
