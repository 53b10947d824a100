"""Files that are damaged, of others, or made to do harm: a clear error, and nothing of them is imported or run."""

from __future__ import annotations

import pickle
import random
import sqlite3
import sys
from contextlib import closing

import kept_book
import pytest

import dug
from dug import replay, snapshot
from dug._portable import rows
from dug.snapshot import SnapshotError
from dug.snapshot import _format as fmt
from dug.snapshot._checks import Checks


class Canary:
    """Sings when it is unpickled."""

    def __reduce__(self):
        return exec, ("import kept_book; kept_book.RAN.append('canary')",)


def read_all(path):
    """Look at everything of a file, load it and ask for everything in it."""
    with snapshot.look(path) as looked:
        looked.failures(), looked.tweaks, looked.functions, looked.absent
        for node in looked.graph():
            looked[node]
    loaded = snapshot.load(path)
    try:
        with loaded:
            return kept_book.report(), kept_book.position("A")
    finally:
        loaded.close()


def change(path, statement, *values, check=None):
    """Change rows of a file, and correct the check numbers of a table, or of the file's own description."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)
        if check is not None:
            checks = checks_of(connection)
        if check == "info":
            said = dict(connection.execute("SELECT name, value FROM info"))
            connection.execute("UPDATE info SET value = ? WHERE name = 'check'", (checks.of_info(said),))
        elif check:
            for row in connection.execute(f"SELECT * FROM {check}").fetchall():
                number = checks.of(check, row[:-1])
                connection.execute(f"UPDATE {check} SET row_check = ? WHERE {fmt.columns(check)[0][0]} = ?", (number, row[0]))
    return path


def checks_of(connection):
    """Return the object that makes the check numbers of a file."""
    return Checks(connection.execute("SELECT value FROM info WHERE name = 'identity'").fetchone()[0])


def test_the_file_is_read_where_nothing_is_wrong(saved):
    """Control: the other tests' hostile files are told apart from a good file."""
    assert read_all(saved) == ((20.0, True), 10.0)


def test_a_missing_file_is_said(tmp_path):
    """A path that leads nowhere is a SnapshotError with the reason."""
    with pytest.raises(SnapshotError, match="No such file"):
        snapshot.look(tmp_path / "no.dug")


def test_a_file_of_something_else_is_said(tmp_path):
    """Text is not a snapshot."""
    path = tmp_path / "x.dug"
    path.write_text("hello " * 100)

    with pytest.raises(SnapshotError, match="does not begin like an SQLite file"):
        snapshot.load(path)


def test_a_recording_and_a_snapshot_are_told_apart(tmp_path):
    """Each of dug's two files, given in the place of the other, is named for what it is, with what reads it."""
    with dug.Context() as ctx, replay.record(ctx, tmp_path / "day.dugrec"):
        pass
    snapshot.save(ctx, tmp_path / "day.dug")

    with pytest.raises(SnapshotError, match=r"day.dugrec is a recording, and no snapshot. Read it with dug.replay.open\(path\)"):
        snapshot.load(tmp_path / "day.dugrec")
    with pytest.raises(replay.RecordingError, match=r"day.dug is a snapshot, and no recording. Read it with dug.snapshot.load"):
        replay.open(tmp_path / "day.dug")


def test_another_application_is_said(saved):
    """An SQLite file without our application id is not a snapshot."""
    change(saved, "PRAGMA application_id = 7")

    with pytest.raises(SnapshotError, match="another application"):
        snapshot.look(saved)


def test_a_newer_format_is_said(saved):
    """A file that needs a newer reader is an error that names it, and what to type."""
    change(saved, "PRAGMA user_version = 9")
    change(saved, "UPDATE info SET value = '9' WHERE name IN ('format', 'minimum_reader')", check="info")

    with pytest.raises(SnapshotError, match=r"format 9.*this one reads 2.*pip install --upgrade"):
        snapshot.look(saved)


def test_a_newer_format_that_can_be_read_is_read(saved):
    """A newer file whose minimum reader is this one may have more tables."""
    change(saved, "PRAGMA user_version = 9")
    change(saved, "UPDATE info SET value = '9' WHERE name = 'format'", check="info")
    change(saved, "CREATE TABLE more (id INTEGER PRIMARY KEY)")

    assert read_all(saved) == ((20.0, True), 10.0)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW more AS SELECT 1",
        "CREATE TRIGGER more AFTER INSERT ON nodes BEGIN DELETE FROM edges; END",
        "CREATE TABLE more (id INTEGER)",
        "DROP TABLE chunks",
    ],
)
def test_another_schema_is_refused(saved, statement):
    """Nothing that computes is let in with the schema, and nothing may be missing."""
    change(saved, statement)

    with pytest.raises(SnapshotError, match="is damaged"):
        snapshot.look(saved)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE nodes SET state = 'happy'", "nodes"),
        ("UPDATE nodes SET text = 5.5 WHERE id = 1", None),
        ("UPDATE nodes SET seconds = seconds + 1", None),
        ("UPDATE nodes SET seconds = 'long'", "nodes"),
        ("UPDATE nodes SET function = 77", "nodes"),
        ("UPDATE nodes SET size = 99999999999999", "nodes"),
        ("UPDATE nodes SET digest = x'00' WHERE digest IS NOT NULL", "nodes"),
        ("UPDATE edges SET dependency = 1000", None),
        ("UPDATE edges SET position = 7 WHERE position = 1", None),
        ("DELETE FROM edges", None),
        ("DELETE FROM nodes WHERE id = 2", None),
        ("DELETE FROM errors", None),
        ("DELETE FROM chunks", None),
        ("UPDATE chunks SET data = x'35'", None),
        ("UPDATE functions SET name = 'os:system'", None),
        ("UPDATE info SET value = 'many' WHERE name = 'nodes'", None),
        ("UPDATE info SET value = 'many' WHERE name = 'nodes'", "info"),
        ("UPDATE info SET value = 'daily' WHERE name = 'context'", None),
        ("UPDATE info SET name = CAST('dug' AS BLOB) WHERE name = 'dug'", None),
        ("UPDATE info SET value = CAST('1' AS BLOB) WHERE name = 'minimum_reader'", None),
        ("UPDATE info SET value = 'x' WHERE name = 'identity'", None),
        ("DELETE FROM errors WHERE node IN (SELECT max(node) FROM errors)", None),
        ("DELETE FROM nodes WHERE id IN (SELECT max(id) FROM nodes)", None),
        ("DELETE FROM functions WHERE name LIKE '%report'", None),
        ("UPDATE nodes SET absent = NULL", None),
        ("INSERT INTO edges VALUES (999, 0, 0, 1)", None),
    ],
)
def test_rows_that_do_not_fit_are_refused(saved, statement, check):
    """An impossible row is found, and is a SnapshotError."""
    change(saved, statement, check=check)

    with pytest.raises(SnapshotError):
        read_all(saved)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE nodes SET state = 'happy'", "nodes"),
        ("UPDATE nodes SET function = 77", "nodes"),
        ("UPDATE nodes SET text = 'a' WHERE id = 1", None),
        ("DELETE FROM nodes WHERE id = 2", None),
        ("UPDATE edges SET dependency = 1000", None),
        ("DELETE FROM edges", None),
        ("INSERT INTO edges VALUES (999, 0, 0, 1)", None),
    ],
)
def test_a_scan_refuses_rows_that_do_not_fit(saved, statement, check):
    """One pass over the nodes, and one over their edges, finds an impossible row of theirs."""
    change(saved, statement, check=check)

    with snapshot.look(saved) as looked, pytest.raises(SnapshotError):
        looked._scan().read_edges()


def save_errors(path, said):
    """Save many failures, enough for pages of their own, all with the same error."""

    @dug.memoize(name="kept_book:failing")
    def failing(number):
        raise ValueError(f"{said} {number}", "x" * 50)

    with dug.Context() as ctx:
        ctx.run_all([failing.node(number) for number in range(60)])
        snapshot.save(ctx, path)
    return path


def read_one_by_one(path):
    """Look at each failure by itself."""
    with snapshot.look(path) as looked:
        for number in range(60):
            assert looked[f"kept_book:failing({number})"].error.text.startswith("('said")


def pages_of(path, table):
    """Return the numbers of the pages that hold rows of a table: the leaves of its tree, which begin with the byte 13."""
    data = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    page = data[(root - 1) * 4096 : root * 4096]
    if page[0] == 13:
        return [root]
    cells = [int.from_bytes(page[12 + 2 * cell : 14 + 2 * cell], "big") for cell in range(int.from_bytes(page[3:5], "big"))]
    return [int.from_bytes(page[cell : cell + 4], "big") for cell in (*cells, 8)]


def read_errors_of(path):
    """Look at each failure of a file in all ways that show it."""
    with snapshot.look(path) as looked:
        said = [(one.node, str(one), one.traceback) for one in looked.failures()]
        assert [(one.node, str(one.error)) for one in map(looked.__getitem__, looked.nodes())] == [one[:2] for one in said]
    return said


@pytest.mark.parametrize("table", ["errors", "nodes"])
def test_a_page_of_another_save_is_noticed(tmp_path, table):
    """A page with rows of the same nodes from a file that was saved at another time is damage, for errors too."""
    new, old = save_errors(tmp_path / "new.dug", "new"), save_errors(tmp_path / "old.dug", "old")
    right = read_errors_of(new)
    pages, other = pages_of(new, table), old.read_bytes()
    assert pages == pages_of(old, table)
    whole = new.read_bytes()
    for page in pages:
        start = (page - 1) * 4096
        new.write_bytes(whole[:start] + other[start : start + 4096] + whole[start + 4096 :])

        with pytest.raises(SnapshotError, match="is damaged"):
            read_errors_of(new)
    new.write_bytes(whole)
    assert read_errors_of(new) == right


@pytest.mark.parametrize("table", ["errors", "nodes"])
def test_swapped_pages_are_noticed(tmp_path, table):
    """Two pages of one table in each other's place are damage: for one node as for all."""
    path = save_errors(tmp_path / "x.dug", "said")
    one, other = ((page - 1) * 4096 for page in pages_of(path, table)[:2])
    data = bytearray(path.read_bytes())
    data[one : one + 4096], data[other : other + 4096] = data[other : other + 4096], data[one : one + 4096]
    path.write_bytes(data)

    with pytest.raises(SnapshotError, match="is damaged"):
        read_errors_of(path)
    with pytest.raises(SnapshotError, match="is damaged"):
        read_one_by_one(path)


def test_errors_in_each_other_s_place_are_noticed(saved):
    """An error with the content of another node's error is damage, with its own check number too."""
    with closing(sqlite3.connect(saved)) as connection, connection:
        (one, *_, check), (other, *_) = connection.execute("SELECT * FROM errors ORDER BY node").fetchall()
        connection.execute("DELETE FROM errors WHERE node = ?", (other,))
        connection.execute("INSERT INTO errors SELECT ?, type, text, traceback, arguments, ? FROM errors", (other, check))
        assert one != other

    with snapshot.look(saved) as looked, pytest.raises(SnapshotError, match="does not have its check number"):
        looked.failures()


def test_a_circle_is_refused(saved):
    """Edges that close a circle do not loop, though their check numbers are right."""
    with closing(sqlite3.connect(saved)) as connection, connection:
        (book,) = connection.execute("SELECT id FROM nodes WHERE text = 'kept_book:book()'").fetchone()
        edges = connection.execute("SELECT kind, dependency FROM edges WHERE node = ? ORDER BY position", (book,)).fetchall()
        edges[0] = (0, book)
        connection.execute("UPDATE edges SET dependency = ? WHERE node = ? AND position = 0", (book, book))
        connection.execute("UPDATE nodes SET dependencies = ? WHERE id = ?", (checks_of(connection).of_edges(book, edges), book))
    change(saved, "SELECT 1", check="nodes")

    with pytest.raises(SnapshotError, match="no node can say"):
        read_all(saved)


def test_a_pickle_in_a_file_is_not_read(saved, ran):
    """A value that says that it is pickled is computed again; its pickle does not run."""
    data = pickle.dumps(Canary())
    with closing(sqlite3.connect(saved)) as connection, connection:
        (book,) = connection.execute("SELECT id FROM nodes WHERE text = 'kept_book:book()'").fetchone()
        connection.execute("UPDATE chunks SET data = ? WHERE node = ?", (data, book))
        connection.execute(
            "UPDATE nodes SET codec = 'pickle', size = ?, digest = ? WHERE id = ?",
            (len(data), rows.digest("pickle", [data]), book),
        )
    change(saved, "SELECT 1", check="nodes")
    with snapshot.look(saved) as looked:
        looked["kept_book:book()"]
    loaded = snapshot.load(saved)
    with loaded:
        assert kept_book.book() == 20.0
    loaded.close()

    assert ran == ["book"]
    with snapshot.load(saved, trust=True):
        kept_book.book()
    assert ran[-1] == "canary", "the control case runs code"


def test_nothing_that_a_file_names_is_imported(saved, tmp_path, monkeypatch):
    """Names of modules in functions, errors and registered classes lead to no import."""
    (tmp_path / "canary_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    change(saved, "UPDATE functions SET name = 'canary_module:' || name", check="functions")
    change(saved, "UPDATE errors SET type = 'canary_module:Boom'", check="errors")
    change(saved, "UPDATE nodes SET needs = 'canary_module:Trade' WHERE codec = 'json'", check="nodes")

    assert read_all(saved) == ((20.0, True), 10.0)
    assert "canary_module" not in sys.modules


def test_a_truncated_file_is_said(saved):
    """A file that ends early is a SnapshotError, wherever it ends."""
    whole = saved.read_bytes()
    for size in (0, 50, 100, 5_000, len(whole) // 2, len(whole) - 8192):
        saved.write_bytes(whole[:size])
        with pytest.raises(SnapshotError):
            read_all(saved)


def flip_bits(path, times, seed):
    """Flip random bits of a file, one at a time, mostly where something is written; yield after each."""
    whole, chance = path.read_bytes(), random.Random(seed)
    written = [place for place, byte in enumerate(whole) if byte]
    for _ in range(times):
        place, bit = chance.choice(written if chance.random() < 0.8 else range(len(whole))), 1 << chance.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
        yield place, bit


def check_flips(path, ran, times, seed):
    """Read files with a flipped bit: right, or a SnapshotError, and nothing else."""
    said = 0
    for place, bit in flip_bits(path, times, seed):
        try:
            assert read_all(path) == ((20.0, True), 10.0), (place, bit)
        except SnapshotError:
            said += 1
    assert said, "no flip was noticed"
    assert "canary" not in ran


def test_a_flipped_bit_is_noticed_or_does_not_matter(saved, ran):
    """A file with one wrong bit reads right, or is a SnapshotError."""
    check_flips(saved, ran, 10, seed=1)


@pytest.mark.slow
def test_a_thousand_flipped_bits_are_noticed_or_do_not_matter(saved, ran):
    """None of a thousand files with one wrong bit reads wrong or raises anything but a SnapshotError."""
    check_flips(saved, ran, 1_000, seed=2)


def test_a_node_that_says_its_argument_is_of_a_wrong_type_is_left_out(saved):
    """Arguments that fit no call leave the node out, and its dependents."""
    change(saved, "UPDATE nodes SET arguments = '[[1,2,3],{}]' WHERE text LIKE '%price%'", check="nodes")
    loaded = snapshot.load(saved)
    with loaded:
        assert kept_book.book() == 20.0
        assert "do not fit here" in loaded.absent[0].reason
    loaded.close()


def test_a_look_does_not_need_the_code(saved, ran):
    """A look shows values, failures and the graph as text, and runs nothing."""
    with snapshot.look(saved) as looked:
        node = looked["kept_book:book()"]
        (failed, failed_above) = looked.failures()
        assert (node.value, node.state, node.dependencies) == (
            "20.0", "computed", ("kept_book:position('A', 10)", "kept_book:position('B', 5)"),
        )  # fmt: skip
        assert (failed.node, str(failed)) == ("kept_book:price('X')", "KeyError: 'X'")
        assert "return PRICES[ticker]" in failed_above.traceback
        assert looked.graph().fact("kept_book:price('X')").state == "failed"
        assert looked.graph().roots == ("kept_book:report()", "kept_book:position('X', 10)")
        assert (looked.info.nodes, looked.info.failures, len(looked.absent)) == (9, 2, 1)
        assert "def book()" in next(one.source for one in looked.functions if one.name == "kept_book:book")
    assert ran == []
    assert dug.__version__ == looked.info.dug
