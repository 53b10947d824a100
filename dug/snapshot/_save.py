"""Writes a context into a file: `save`, which puts a whole one in place or leaves the old; `_File`, a `Sink` that inserts rows.

The rows come from `_portable`; here they get their check numbers and their place in the file.

`save_view` writes a view; `_writing` and `_reason` turn faults into `SnapshotError`; `_count_failures` counts for the `Report`.
`keep_node`, `keep_value`, `keep_error` and the like are the verbs of a `Sink`; `begin`, `_flush` and `end` write the file.
"""

import platform
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

from attrs import astuple, define, field

from .._batch.progress import Progress, Reporter, make_reporter
from .._contexts.context import Context
from .._core.read import Node, View
from .._portable import rows
from .._portable.collect import Picked, collect
from .._portable.memos import make_writer
from .._portable.nodes import clean
from .._portable.rows import Content, ErrorRow, FunctionRow, NodeRow, TweakRow
from .._text.values import show, visible
from ..codec import Encoded
from ..errors import SnapshotError
from . import _format as fmt
from ._atomic import check_target, read_path, replacing
from ._checks import Checks
from ._report import Report

_CHUNK_BYTES = 8 << 20
"""Large values are written and read in pieces of this size, so that no more than one is copied."""
_BATCH = 1_000


def save(
    ctx: Context,
    path: "str | PathLike[str]",
    *,
    nodes: Iterable[Node[Any]] | None = None,
    allow_pickle: bool = False,
    progress: Progress = None,
) -> Report:
    """Writes the memos of a context into one file, which replaces `path` in one step, and reports what was left out.

    The file has every value and failure that answers in the context, its own and those of the contexts around; the tweaks in
    force; the dependencies of each node; and the source text of the functions.  A value that cannot be written is left out and
    computed again when it is asked for.  A save that is killed or finds the disk full leaves the old file as it was.

    Args:
        ctx: the context; saves everything that `ctx.memo` shows.
        path: the file; ``.dug`` is its usual ending.
        nodes: saves only these and their dependencies; those that did not run are noted.
        allow_pickle: pickles values that have no codec; only `load` with ``trust=True`` reads them.
        progress: True for a bar, or a function of how many nodes are written and how many there are.

    Raises:
        SnapshotError: the file cannot be written; the old file at `path` is unchanged.
        TypeError: it is not a context, or one of `nodes` is not a node.
    """
    if not isinstance(ctx, Context):
        raise TypeError(f"{show(ctx)} is not a context. Write snapshot.save(ctx, path).")
    if nodes is not None and (isinstance(nodes, (Node, str, bytes)) or not isinstance(nodes, Iterable)):
        raise TypeError(f"nodes= takes several nodes, not {show(nodes)}. Write nodes=[f.node(x)].")
    place, reporter = read_path(path), make_reporter(progress)
    with _writing(place):
        check_target(place)
    keys = None if nodes is None else [_key_of(node) for node in nodes]
    return save_view(ctx._here(), place, keys, name=ctx.name, allow_pickle=allow_pickle, reporter=reporter)


def save_view(
    view: View,
    place: Path,
    keys: list[Any] | None,
    *,
    name: str | None = None,
    allow_pickle: bool = False,
    reporter: Reporter | None = None,
) -> Report:
    """Writes what answers in a view, or some nodes and their dependencies, as `save` does.

    Raises:
        SnapshotError: as for `save`.
    """
    started = perf_counter()
    reporter = make_reporter(None) if reporter is None else reporter
    view.group.drain(fully=True)
    found = collect(view, keys)
    try:
        with _writing(place), replacing(place) as made, closing(sqlite3.connect(made, isolation_level=None)) as connection:
            file = _File(connection)
            writer = make_writer(view, file, allow_pickle=allow_pickle)
            file.begin()
            reporter.begin(len(found))
            for done, _ in enumerate(writer.write(view, found), 1):
                reporter.tell(done, len(found))
            file.end(name, found, writer.values)
            connection.close()  # before the file takes its place
            size = made.stat().st_size  # afterwards another saver's may be there
    finally:
        reporter.close()
    seconds = perf_counter() - started
    return Report(place, len(found), writer.values, *_count_failures(found), size, seconds, tuple(writer.absent))


def _count_failures(found: list[Picked]) -> tuple[int, int]:
    """Returns how many nodes failed, and in how many of them an error began."""
    failed = [one for one in found if one.state == rows.FAILED]
    return len(failed), sum(all(kind != rows.ERROR_FROM for kind, _ in one.edges) for one in failed)


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Turns an error of the file into a SnapshotError."""
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        shown = visible(str(place))
        raise SnapshotError(f"{shown} cannot be written: {_reason(exc)}. The old file is as it was.") from exc


def _reason(error: OSError | sqlite3.Error) -> str:
    """Says why a file could not be written, without the name of the temporary one beside it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    is_room = "disk" in str(error)  # "database or disk is full", and "disk I/O error" where a limit was met
    return f"{error}; the disk may be full, or a limit on the size of files met" if is_room else str(error)


def _key_of(node: Any) -> Any:
    if not isinstance(node, Node):
        raise TypeError(f"{show(node)} is not a node. Write f.node(x).")
    return node._key


@define(eq=False)
class _File:
    """A `Sink` that writes rows in batches, and big values piece by piece."""

    connection: sqlite3.Connection
    checks: Checks = field(factory=lambda: Checks(uuid4().hex))
    _rows: dict[str, list[tuple[Any, ...]]] = field(factory=dict)
    _counts: dict[str, int] = field(factory=dict)
    """How many rows each table has."""

    def begin(self) -> None:
        """Marks the file and makes the tables; without SQLite's journal, as nobody sees the file before it is complete."""
        execute = self.connection.execute
        execute("PRAGMA page_size = 4096")
        execute("PRAGMA journal_mode = OFF")
        execute("PRAGMA synchronous = OFF")
        execute(f"PRAGMA application_id = {fmt.APPLICATION_ID}")
        execute(f"PRAGMA user_version = {fmt.FORMAT}")
        execute("BEGIN")
        for statement in fmt.SCHEMA.values():
            execute(statement)

    def keep_function(self, row: FunctionRow) -> None:
        """Writes a function."""
        self._add("functions", astuple(row, recurse=False))

    def keep_value(self, number: int, encoded: Encoded) -> None:
        """Writes the bytes of a value."""
        for part in encoded.parts:
            for start in range(0, len(part), _CHUNK_BYTES):
                piece = part if len(part) <= _CHUNK_BYTES else memoryview(part)[start : start + _CHUNK_BYTES]
                self._put("chunks", (None, number, piece))
                if len(part) > _CHUNK_BYTES >> 4:
                    self._flush("chunks")

    def keep_node(self, row: NodeRow) -> None:
        """Writes a node with its edges."""
        for position, (kind, dependency) in enumerate(row.edges):
            self._put("edges", (row.number, position, kind, dependency))
        self._add("nodes", (
            row.number, row.function, row.arguments, row.text, row.state, row.flags, row.seconds, row.own_seconds,
            row.times_read, *_columns(row.content), row.value, self.checks.of_edges(row.number, row.edges),
        ))  # fmt: skip

    def keep_error(self, row: ErrorRow) -> None:
        """Writes how a node failed."""
        self._add("errors", astuple(row))

    def keep_consulted(self, number: int, node: int, function: int, target: int | None) -> None:
        """Writes the nodes and functions that a node consulted."""
        self._add("consulted", (number, node, function, target))

    def keep_tweak(self, row: TweakRow) -> None:
        """Writes a tweak."""
        said = (row.number, row.layer, row.function, row.node, row.kind, row.fn, *_columns(row.content), row.text)
        self._add("tweaks", said)

    def rename_node(self, number: int, text: str) -> None:
        """Gives a node another text."""
        self._flush("nodes")
        row = list(self.connection.execute("SELECT * FROM nodes WHERE id = ?", (number,)).fetchone()[:-1])
        row[3] = text
        check = self.checks.of("nodes", row)
        self.connection.execute("UPDATE nodes SET text = ?, row_check = ? WHERE id = ?", (text, check, number))

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        """Adds a row with its check number."""
        self._put(table, self.checks.checked(table, row))

    def end(self, name: str | None, found: list[Picked], values: int) -> None:
        """Writes the description of the file."""
        versions = {
            "format": fmt.FORMAT,
            "minimum_reader": fmt.MINIMUM_READER,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "dug": getattr(sys.modules[__name__.partition(".")[0]], "__version__", "?"),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "platform": platform.platform(),
            "context": name or "",
            "nodes": len(found),
            "values": values,
            "failures": sum(one.state == rows.FAILED for one in found),
            "identity": self.checks.identity,
            **{f"rows.{table}": self._counts.get(table, 0) for table in fmt.COUNTED},
        }
        said = {name: clean(str(value)) for name, value in versions.items()}
        self._rows["info"] = [*said.items(), ("check", self.checks.of_info(said))]
        for table in tuple(self._rows):
            self._flush(table)
        for statement in fmt.INDEXES.values():
            self.connection.execute(statement)
        self.connection.execute("COMMIT")

    def _put(self, table: str, row: tuple[Any, ...]) -> None:
        rows = self._rows.setdefault(table, [])
        rows.append(row)
        self._counts[table] = self._counts.get(table, 0) + 1
        if len(rows) >= _BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._rows.pop(table, None)
        if rows:
            self.connection.executemany(fmt.insert(table, len(rows[0])), rows)


def _columns(content: Content) -> tuple[str | None, str | None, int | None, bytes | None, str | None]:
    """Returns the columns of a value, in their order."""
    return content.codec, content.needs, content.size, content.digest, content.absent
