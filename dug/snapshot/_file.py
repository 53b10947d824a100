"""`SavedFile`, an open SQLite file: checks header, schema and raw rows, selects rows, edges and value bytes; `Info`.

It runs, imports and decodes nothing; `_rows` makes objects of the rows.  The first hundred bytes tell that the file is a
snapshot, before SQLite sees it.  SQLite then opens it read-only with exactly the schema of this format, so that no view or
trigger of the file runs.  Rows are read in the order of their keys, which must grow, so that reading a damaged tree ends; each
row has the types of its columns and its check number, and a table that is read in one piece has all its rows.  Any fault is a
`SnapshotError` that says what it is.

`_check_header`, `_check_schema`, `_read_info` and `_read_checks` open one; `_filling` brings rows of format 1 into the present
columns.  `_connect` opens the database, `_join` joins the pieces of a large value.  `check_edges` checks edges, `reopen` opens
again after a fork, `_select` selects rows.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from weakref import finalize

from attrs import frozen

from .._portable import rows
from .._text.counts import count
from .._text.sheet import Line, Rows, Sheet
from .._text.shown import Shown
from .._text.values import show, visible
from ..errors import SnapshotError
from . import _format as fmt
from ._atomic import describe_irregular, read_path
from ._checks import Checks, FirstChecks
from ._forked import Reopening, identify, outlive_forks

if TYPE_CHECKING:
    from .._portable.rows import Content
    from ..codec import Encoded

_MOST_BYTES = 1 << 26
"""No text or chunk is larger."""


@frozen
class Info(Shown):
    """The description that a file has of itself."""

    path: Path
    format: int
    created: str
    """When it was saved, in UTC."""
    dug: str
    python: str
    platform: str
    context: str
    """The name of the context, if it had one."""
    nodes: int
    values: int
    failures: int

    def _sheet(self) -> Sheet:
        known = f"{count(self.nodes, 'node')}, {count(self.values, 'value')}, {count(self.failures, 'failure')}"
        said = [("saved", self.created), ("by", f"dug {self.dug}, {self.python}, {self.platform}"), ("context", self.context)]
        rows = [[what, visible(text)] for what, text in [*said, ("content", known)] if text]
        return Sheet([Line(visible(str(self.path)), is_title=True), Rows(["file", ""], rows)])


class SavedFile:
    """An open snapshot, for any thread."""

    def __init__(self, path: "str | PathLike[str]") -> None:
        self.path = read_path(path)
        self.shown = visible(str(self.path))
        """Its name as it can be printed."""
        self.lock = RLock()
        number = _check_header(self.path)
        with self.reading():
            self._place = self.path.resolve()
            self._identity = identify(self._place)
            self._connect()
            _check_schema(self._connection, number)
            said = dict(self._connection.execute("SELECT name, value FROM info LIMIT 100"))
            self.info = _read_info(self.path, number, said)
            self._number = min(number, fmt.FORMAT)
            self._checks = _read_checks(number, said)
            self._counts = {} if number == 1 else {table: int(said.get(f"rows.{table}", -1)) for table in fmt.COUNTED}

    def _connect(self) -> sqlite3.Connection:
        connection = _connect(self._place)
        self._connection: Any = connection
        self._close = finalize(self, connection.close)
        outlive_forks(self)
        return connection

    def reopen(self, left: list[Any]) -> None:
        """Lets a forked process open the file again when it reads it; the connection of its parent is put aside."""
        if self._close.detach() is not None:  # it was not closed
            left.append(self._connection)
            self._connection = Reopening(self._connect_again)
            self._close = finalize(self, str)

    def _connect_again(self) -> sqlite3.Connection:
        if not self._close.alive:
            raise sqlite3.ProgrammingError("it is closed")
        if identify(self._place) != self._identity:
            raise SnapshotError(
                f"{self.shown} is another file than the one that was loaded before this process was forked, so that what was not "
                "read of it is gone. Load it again."
            )
        return self._connect()

    def close(self) -> None:
        """Closes the file; values that were not read cannot be read any more."""
        with self.lock:
            self._close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turns any error of reading the file into a SnapshotError."""
        try:
            with self.lock:
                yield
        except (sqlite3.Error, OSError, ValueError, OverflowError, MemoryError) as exc:
            if isinstance(exc, sqlite3.ProgrammingError) and "closed" in str(exc):
                raise SnapshotError(f"{self.shown} was closed. Load it again.") from exc
            raise self.damaged(str(exc)) from exc

    def damaged(self, what: str) -> SnapshotError:
        """Returns the error for a damaged file; `what` says how it is damaged."""
        return SnapshotError(f"{self.shown} is damaged: {what}. Take another copy of it, or save the context again.")

    def rows(self, table: str, where: str = "", values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a table by their first column, each with the types of its columns and its check number right."""
        columns = fmt.columns(table, self._number)
        names = ", ".join(name for name, _, _ in columns)
        seen: set[tuple[type[Any], ...]] = set()
        fill = _filling(table, self._number)
        last = count = 0
        for row in self._select(f"SELECT {names} FROM {table} {where} ORDER BY {columns[0][0]}", values):  # noqa: S608  names of ours
            kinds = tuple(map(type, row))
            if kinds not in seen and not _fits(kinds, columns):
                raise self.damaged(f"a row of {table} has other types than it should")
            seen.add(kinds)
            if row[0] <= last:
                raise self.damaged(f"the rows of {table} are out of order")
            if not self._checks.is_intact(table, row):
                of = f", which says that it is {show(row[3])}," if table == "nodes" else ""
                raise self.damaged(f"row {row[0]} of {table}{of} does not have its check number")
            last = row[0]
            count += 1
            yield row if fill is None else fill(row)
        if not where:
            self._check_count(table, count)

    def _check_count(self, table: str, count: int) -> None:
        written = self._counts.get(table, count)
        if count != written:
            raise self.damaged(f"{table} has {count:,} rows, and {written:,} were written")

    def check_edges(self, node: int, edges: Sequence[tuple[int, int]], check: int) -> None:
        """Refuses edges that a node did not have when it was written.

        Raises:
            SnapshotError: their check number is another one.
        """
        if self._checks.of_edges(node, edges) != check:
            raise self.damaged(f"the edges of node {node} are not as they were written")

    def edges(self, number: int | None = None) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        """Yields the number of each node that has edges with these, in their order: kind and dependency."""
        where = "" if number is None else "WHERE node = ?"
        query = f"SELECT node, position, kind, dependency FROM edges {where} ORDER BY node, position"  # noqa: S608  words of ours
        current, found, count = 0, list[tuple[int, int]](), 0
        for node, position, kind, dependency in self._select(query, () if number is None else (number,)):
            if not (type(node) is type(position) is type(kind) is type(dependency) is int):
                raise self.damaged("a row of edges has other types than it should")
            if node > current:
                if found:
                    yield current, found
                current, found = node, []
            if node != current or position != len(found):
                raise self.damaged("the rows of edges are out of order")
            found.append((kind, dependency))
            count += 1
        if found:
            yield current, found
        if number is None:
            self._check_count("edges", count)

    def _select(self, query: str, values: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        """Yields the rows of a query; others may read between them."""
        with self.reading():
            cursor = self._connection.execute(query, values)
        while True:
            with self.reading():
                batch = cursor.fetchmany(500)
            if not batch:
                return
            yield from batch

    def read(self, what: str, content: "Content") -> "Encoded":
        """Returns the encoded form of a value; `what` names the value in an error.

        Raises:
            SnapshotError: it is not as it was written.
        """
        from ..codec import Encoded  # a look at a file needs no codec, and starts sooner without

        codec, size = content.codec, content.size
        assert codec is not None and size is not None  # noqa: S101, PT018  whoever asks has seen that it is not absent
        parts: list[bytes] = []
        left, last = size, 0
        with self.reading():
            for row, data in self._connection.execute(
                "SELECT id, data FROM chunks WHERE node = ? ORDER BY id", (content.number,)
            ):
                if type(data) is not bytes or type(row) is not int or row <= last or len(data) > left:
                    raise self.damaged(f"the pieces of {what} are not as they were written")
                left, last = left - len(data), row
                parts.append(data)
        if left or rows.digest(codec, parts) != content.digest:
            raise self.damaged(f"{what} is not as it was written")
        return Encoded(codec, (_join(parts),), frozenset((content.needs or "").split("\n")) - {""})


def _join(parts: list[bytes]) -> bytes | memoryview:
    """Joins pieces, each freed when it is copied, so that a large value is in memory once."""
    if len(parts) <= 1:
        return b"".join(parts)
    whole = bytearray()
    parts.reverse()
    while parts:
        whole += parts.pop()
    return memoryview(whole)


def _check_header(path: Path) -> int:
    """Returns the number of the file's format.

    Raises:
        SnapshotError: it is not a snapshot.
    """
    shown = visible(str(path))
    try:
        found = describe_irregular(path)
        header = b"" if found is not None else _read_start(path)
    except (OSError, ValueError) as exc:
        raise SnapshotError(f"{shown} cannot be read: {exc}") from exc
    if found is not None:  # opening a pipe would wait for its writer
        raise SnapshotError(f"{shown} is not a snapshot: it is {found}.")
    if header.startswith(b'{"is":"dug recording"'):
        raise SnapshotError(f"{shown} is a recording, and no snapshot. Read it with dug.replay.open(path), or dug replay.")
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise SnapshotError(f"{shown} is not a snapshot: it does not begin like an SQLite file.")
    application, number = int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big")
    if application != fmt.APPLICATION_ID:
        raise SnapshotError(f"{shown} is not a snapshot: it is an SQLite file of another application (id {application:#x}).")
    if number < 1:
        raise SnapshotError(f"{shown} is damaged: it says that its format is {number}.")
    return number


def _read_start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(100)


def _connect(path: Path) -> sqlite3.Connection:
    # Immutable: no journal that lies beside it takes part, and nothing is locked or written.
    # The address has the bytes of the name, which need not be text.
    address = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _check_schema(connection: sqlite3.Connection, number: int) -> None:
    """Refuses a schema other than that of the file's format; a newer format may have more tables, but no view or trigger."""
    expected = {**fmt.schema(number), **fmt.INDEXES}
    found = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master LIMIT 100"):
        said = str(sql).upper()
        if kind not in ("table", "index") or "VIRTUAL" in said or " AS " in said:
            raise ValueError(f"it has a {kind} {name!r}, which no snapshot has")
        found[name] = sql
    if number <= fmt.FORMAT and found != expected:
        raise ValueError("its tables are not those of this format")
    if not found.keys() >= fmt.SCHEMA.keys():
        raise ValueError("some of its tables are missing")


def _read_info(path: Path, number: int, said: dict[Any, Any]) -> Info:
    if not all(type(text) is str for item in said.items() for text in item):
        raise ValueError("its description of itself is not a text")
    minimum = int(said.get("minimum_reader", 1 << 30))
    if minimum > fmt.FORMAT:
        raise SnapshotError(
            f"{visible(str(path))} has format {number}, which takes a dug that reads format {minimum}; "
            f"this one reads {fmt.FORMAT}. "
            'Type: pip install --upgrade "dug"'
        )
    if int(said.get("format", 0)) != number:
        raise ValueError("its description of itself does not fit")
    texts = [said.get(name, "") for name in ("created", "dug", "python", "platform", "context")]
    counts = [int(said.get(name, 0)) for name in ("nodes", "values", "failures")]
    return Info(path, number, *texts, *counts)


def _read_checks(number: int, said: dict[str, str]) -> Checks:
    """Verifies the description of a file, and returns the checks of its rows."""
    if number == 1:
        return FirstChecks()
    checks = Checks(said.get("identity", ""))
    if said.get("check") != checks.of_info(said):
        raise ValueError("its description of itself is not as it was written")
    return checks


def _filling(table: str, number: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]] | None:
    """Returns a function that gives a row of an earlier format the columns of this one; None if they are the same."""
    names = [name for name, _, _ in fmt.columns(table, number)]
    wanted = [name for name, _, _ in fmt.columns(table)]
    if names == wanted:
        return None
    places = [names.index(name) if name in names else None for name in wanted]
    return lambda row: tuple(None if place is None else row[place] for place in places)


def _fits(kinds: tuple[type[Any], ...], columns: tuple[tuple[str, type[Any], bool], ...]) -> bool:
    return all(
        kind is expected or (is_optional and kind is type(None))
        for kind, (_, expected, is_optional) in zip(kinds, columns, strict=True)
    )
