"""The layout of a snapshot file, as data: its marks, its tables (`SCHEMA`, `INDEXES`) in formats 1 and 2, `schema`, `columns`.

A snapshot is an SQLite database.  The numbers that mark it are in its first hundred bytes, so that a file is known before SQLite
sees it.  Each row of the tables that are read in one piece ends with a check number (`_checks`), and the bytes of a value
have a digest, because SQLite notices damage to its own structure only.
"""

from typing import Any

APPLICATION_ID = 0x64756721
"""``dug!`` in ASCII; at offset 68 of the file, big-endian."""
FORMAT = 2
"""The format that is written, which is SQLite's ``user_version``; at offset 60."""
MINIMUM_READER = 2
"""The oldest format number that a reader must know to read a file written here."""
SUFFIX = ".dug"

SCHEMA = {
    "info": "CREATE TABLE info (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "functions": (
        "CREATE TABLE functions (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, version TEXT, source TEXT, "
        "fingerprint TEXT, unreachable TEXT, parts TEXT, row_check INTEGER NOT NULL)"
    ),
    "nodes": (
        "CREATE TABLE nodes (id INTEGER PRIMARY KEY, function INTEGER NOT NULL, arguments TEXT, text TEXT NOT NULL, "
        "state TEXT NOT NULL, flags INTEGER NOT NULL, seconds REAL NOT NULL, own_seconds REAL NOT NULL, "
        "times_read INTEGER NOT NULL, codec TEXT, needs TEXT, size INTEGER, digest BLOB, absent TEXT, "
        "value TEXT NOT NULL, dependencies INTEGER NOT NULL, row_check INTEGER NOT NULL)"
    ),
    "edges": (
        "CREATE TABLE edges (node INTEGER NOT NULL, position INTEGER NOT NULL, kind INTEGER NOT NULL, "
        "dependency INTEGER NOT NULL, PRIMARY KEY (node, position)) WITHOUT ROWID"
    ),
    "chunks": "CREATE TABLE chunks (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, data BLOB NOT NULL)",
    "errors": (
        "CREATE TABLE errors (node INTEGER PRIMARY KEY, type TEXT NOT NULL, text TEXT NOT NULL, traceback TEXT NOT NULL, "
        "arguments TEXT, row_check INTEGER NOT NULL)"
    ),
    "tweaks": (
        "CREATE TABLE tweaks (id INTEGER PRIMARY KEY, layer INTEGER NOT NULL, function INTEGER NOT NULL, node INTEGER, "
        "kind TEXT NOT NULL, fn TEXT, codec TEXT, needs TEXT, size INTEGER, digest BLOB, absent TEXT, text TEXT NOT NULL, "
        "row_check INTEGER NOT NULL)"
    ),
    "consulted": (
        "CREATE TABLE consulted (id INTEGER PRIMARY KEY, node INTEGER NOT NULL, function INTEGER NOT NULL, target INTEGER, "
        "row_check INTEGER NOT NULL)"
    ),
}
"""The tables, by name; see ``docs/reference/snapshot_format.rst`` for their content."""

_NO_PARTS = SCHEMA["functions"].replace("parts TEXT, ", "")
FORMERLY: dict[int, dict[str, str]] = {1: {"functions": _NO_PARTS}}
"""The tables that differ in earlier formats, by format and name; a column that a format does not have reads as NULL."""

COUNTED = ("functions", "nodes", "edges", "errors", "tweaks", "consulted")
"""The tables whose row counts the file holds."""

INDEXES = {
    "chunks_of_node": "CREATE INDEX chunks_of_node ON chunks (node)",
    "nodes_by_text": "CREATE INDEX nodes_by_text ON nodes (text)",
}


_TYPES = {"INTEGER": int, "TEXT": str, "REAL": float, "BLOB": bytes}


def schema(number: int) -> dict[str, str]:
    """The tables of a format, by name."""
    return {**SCHEMA, **FORMERLY.get(number, {})}


def columns(table: str, number: int = FORMAT) -> tuple[tuple[str, type[Any], bool], ...]:
    """The columns of a table in a format: name, type, and whether it may be NULL."""
    said = schema(number)[table].partition("(")[2].split(", PRIMARY KEY (")[0].rstrip(")").split(", ")
    words = (column.split() for column in said)
    return tuple((word[0], _TYPES[word[1]], word[2:] not in (["NOT", "NULL"], ["PRIMARY", "KEY"])) for word in words)


def insert(table: str, width: int) -> str:
    """Returns the statement that adds a row of `width` columns."""
    return f"INSERT INTO {table} VALUES ({','.join('?' * width)})"  # noqa: S608  a name of ours
