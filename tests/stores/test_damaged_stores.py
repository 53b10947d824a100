"""A store that is damaged, full or gone gives nothing wrong: what it cannot give is computed, and is kept anew."""

from __future__ import annotations

import sqlite3

import pytest

import dug


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


@pytest.mark.parametrize(("table", "column"), [("trace", "path"), ("trace", "value"), ("value", "data")])
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
