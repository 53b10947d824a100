"""The tables of a store's database: makes them, checks whose and of which format they are, and moves old ones forward.

One transaction makes all tables, so a process that is killed leaves none.  A format that this dug does not know is refused; an
older one is copied beside the database first, and then moved forward step by step.

`prepare` does so, `_TABLES` and `_STEPS` are its statements, `_back_up` copies, `_run` runs them.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from ..errors import StoreError
from ._path import reseal

APPLICATION = 0x64756724  # "dug$"
FORMAT = 2

_TABLES = """
CREATE TABLE info(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE function(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, print TEXT NOT NULL, source TEXT, parts TEXT, packages TEXT,
  runs INTEGER NOT NULL DEFAULT 0, own REAL NOT NULL DEFAULT 0, UNIQUE(name, print)
);
CREATE TABLE trace(
  at BLOB PRIMARY KEY, function INTEGER NOT NULL, arguments TEXT NOT NULL, path BLOB NOT NULL, value BLOB NOT NULL,
  seconds REAL NOT NULL, own REAL NOT NULL, made REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE value(
  digest BLOB PRIMARY KEY, codec TEXT NOT NULL, needs TEXT NOT NULL, size INTEGER NOT NULL, data BLOB
) WITHOUT ROWID;
CREATE TABLE lease(at BLOB PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE accepted(
  function TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, who TEXT NOT NULL, made REAL NOT NULL, note TEXT NOT NULL,
  PRIMARY KEY(function, old, new)
) WITHOUT ROWID;
"""
_STEPS: Mapping[int, str] = {
    1: """
UPDATE trace SET path = reseal(
  at, value, path, (SELECT name FROM function WHERE id = trace.function), arguments,
  (SELECT needs FROM value WHERE digest = trace.value)
);
DELETE FROM trace WHERE path = x'';
""",
}
"""By the format that it leads from: the statements that make the next format of it."""


def prepare(db: sqlite3.Connection, place: Path, *, is_read_only: bool) -> None:
    """Makes the tables of a new database, or checks those that are there.

    Raises:
        StoreError: it is not the database of a store, or one of a newer dug.
    """
    try:
        number = _read_format(db)
    except sqlite3.DatabaseError as exc:
        if isinstance(exc, sqlite3.OperationalError):
            raise
        raise StoreError(f"{place} is not the database of a store, or it is damaged: {exc}") from exc
    if number == FORMAT or (number == 0 and is_read_only):
        return
    if is_read_only:
        raise StoreError(
            f"{place} is of format {number}, and this dug reads format {FORMAT}. Open it without read_only=True."
        )
    if number:
        _back_up(db, place, number)
        db.create_function("reseal", 6, reseal, deterministic=True)
    _run(db, _TABLES if number == 0 else "".join(_STEPS[step] for step in range(number, FORMAT)), number)


def _read_format(db: sqlite3.Connection) -> int:
    """Returns the number of the format, 0 for a new database."""
    place = db.execute("PRAGMA database_list").fetchone()[2]
    (owner,), (number,) = db.execute("PRAGMA application_id").fetchone(), db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if owner != APPLICATION and (owner or number or tables):
        raise StoreError(f"{place} is a database of another program. Give the store a folder of its own.")
    if number > FORMAT:
        raise StoreError(f"{place} is of format {number}, and this dug knows formats up to {FORMAT}. It takes a newer dug.")
    return int(number)


def _back_up(db: sqlite3.Connection, place: Path, number: int) -> None:
    copy = sqlite3.connect(place.with_name(f"{place.name}.format-{number}"))
    try:
        db.backup(copy)
    finally:
        copy.close()


def _run(db: sqlite3.Connection, statements: str, before: int) -> None:
    """Runs the statements in one transaction, unless another process was quicker."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if _read_format(db) == before:
            for statement in filter(str.strip, statements.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA application_id={APPLICATION}")
            db.execute(f"PRAGMA user_version={FORMAT}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
