"""Writes a context into a file: `save`, which either puts a whole file in place or leaves what was there.

Nothing that a user's object does while it is written down can make a save fail: what raises is left out, with the reason.
"""

import json
import os
import platform
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from os import PathLike
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

from attrs import define, field

from .. import codec
from .._batch.progress import Progress, make_reporter
from .._contexts.context import Context
from .._core.read import Cache, Function, Memo, Node, Target, TweakSpec, View
from .._portable.tweaks import FORMS
from .._text.values import STOPPING, name_type, show, visible
from ..errors import CodecError, SnapshotError
from ..fingerprint import reach, source_of
from . import _format as fmt
from ._atomic import check_target, replacing
from ._checks import Checks
from ._collect import Found, collect
from ._report import Absent, Report
from ._rows import FunctionRow
from ._shelf import Shelf
from ._text import arguments_of, call_of, clean, name_of

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
    """Writes what a context knows into one file, which takes the place of `path` in one step, and says what was left out.

    The file has every value and failure that answers in the context, its own and those of the contexts around; the tweaks in
    force; what each node read; and the source text of the functions.  A value that cannot be written is left out and
    computed again when it is asked for.  A save that is killed or finds the disk full leaves the old file as it was.

    Args:
        ctx: the context; what `ctx.memo` shows is what is saved.
        path: the file; ``.dug`` is its usual ending.
        nodes: saves these and what they rest on only; those that did not run are noted.
        allow_pickle: pickles values that have no codec; only `load` with ``trust=True`` reads them.
        progress: True for a bar, or a function of how many nodes are written and how many there are.

    Raises:
        SnapshotError: the file cannot be written; what was at `path` is as it was.
        TypeError: it is no context, or one of `nodes` is no node.
    """
    if not isinstance(ctx, Context):
        raise TypeError(f"{show(ctx)} is no context. Write snapshot.save(ctx, path).")
    if isinstance(nodes, Node):
        raise TypeError(f"nodes= takes several nodes, and {show(nodes)} is one. Write nodes=[f.node(x)].")
    started, place, reporter = perf_counter(), Path(os.fsdecode(path)), make_reporter(progress)
    with _writing(place):
        check_target(place)
    view = ctx._here()
    view.registry.drain()
    found = collect(view, None if nodes is None else [_key_of(node) for node in nodes])
    try:
        with _writing(place), replacing(place) as made, closing(sqlite3.connect(made, isolation_level=None)) as connection:
            writer = _Writer(connection, allow_pickle, _lost_before(view), _recorded_before(view))
            writer.begin()
            reporter.begin(len(found))
            for done, _ in enumerate(writer.write(view, found), 1):
                reporter.tell(done, len(found))
            writer.end(ctx, found)
            connection.close()  # before the file takes its place
            size = made.stat().st_size  # afterwards another saver's may be there
    finally:
        reporter.close()
    failures = sum(one.state == fmt.FAILED for one in found)
    return Report(place, len(found), writer.values, failures, size, perf_counter() - started, tuple(writer.absent))


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """Turns what goes wrong with the file into a SnapshotError."""
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        shown = visible(str(place))
        raise SnapshotError(f"{shown} cannot be written: {_reason(exc)}. What was there before is as it was.") from exc


def _reason(error: OSError | sqlite3.Error) -> str:
    """Says why a file could not be written, not naming the one beside it that was."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    is_room = "disk" in str(error)  # "database or disk is full", and "disk I/O error" where a limit was met
    return f"{error}; the disk may be full, or a limit on the size of files met" if is_room else str(error)


def _key_of(node: Any) -> Any:
    if not isinstance(node, Node):
        raise TypeError(f"{show(node)} is not a node. Write f.node(x).")
    return node._key


def _lost_before(view: View) -> dict[str, str]:
    """Returns what lies in files that were loaded and could not be taken from there: the reason, by the text of the node."""
    return {one.what: one.reason for shelf in _shelves(view) for one in shelf.absent}


def _recorded_before(view: View) -> dict[str, FunctionRow]:
    """Returns the functions that have changed since files were loaded whose values go on: they are written as they were then.

    With what such a function has computed since it is written so too, and is taken for older than it is, but never for newer.
    """
    return {row.name: row for shelf in _shelves(view) for row in shelf.as_they_were()}


def _shelves(view: View) -> Iterator[Shelf]:
    cache: Cache | None = view.cache
    while cache is not None:
        if isinstance(cache, Shelf):
            yield cache
        cache = cache.beneath


@define(eq=False)
class _Writer:
    """Writes rows in batches, and big values piece by piece."""

    connection: sqlite3.Connection
    allow_pickle: bool
    lost: dict[str, str]
    recorded: dict[str, FunctionRow]
    checks: Checks = field(factory=lambda: Checks(uuid4().hex))
    values: int = 0
    absent: list[Absent] = field(factory=list)
    _rows: dict[str, list[tuple[Any, ...]]] = field(factory=dict)
    _counts: dict[str, int] = field(factory=dict)
    """How many rows each table has."""
    _functions: dict[Function, int] = field(factory=dict)
    _numbers: dict[Any, int] = field(factory=dict)
    """The number of each node, by its key."""
    _errors: dict[int, tuple[str, str, str, str | None]] = field(factory=dict)
    """What is said of each failure, by its identity."""
    _texts: dict[str, int] = field(factory=dict)
    """The number of the first node with each text."""
    _alike: dict[str, int] = field(factory=dict)
    """How many nodes have a text that several have."""
    _others: Iterator[int] = field(factory=lambda: count(1))
    """The numbers of all other rows."""

    def begin(self) -> None:
        """Marks the file and makes the tables; it is no file yet that anybody sees, so SQLite need not be careful with it."""
        execute = self.connection.execute
        execute("PRAGMA page_size = 4096")
        execute("PRAGMA journal_mode = OFF")
        execute("PRAGMA synchronous = OFF")
        execute(f"PRAGMA application_id = {fmt.APPLICATION_ID}")
        execute(f"PRAGMA user_version = {fmt.FORMAT}")
        execute("BEGIN")
        for statement in fmt.SCHEMA.values():
            execute(statement)

    def write(self, view: View, found: list[Found]) -> Iterator[None]:
        """Writes the nodes, one for each step, and then the tweaks."""
        self._numbers = {one.key: number for number, one in enumerate(found, 1)}
        for one in found:
            self._write_node(one)
            yield
        layers, around = [], view
        while around is not None:
            layers.append(around.layers)
            if around.parent is None:
                break
            around = around.parent
        said = [layer for entered in reversed(layers) for layer in entered]
        for number, layer in enumerate(said):
            for target, spec in layer.items():
                self._write_tweak(number, target, spec)

    def end(self, ctx: Context, found: list[Found]) -> None:
        """Writes what the file says of itself."""
        versions = {
            "format": fmt.FORMAT,
            "minimum_reader": fmt.MINIMUM_READER,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "dug": getattr(sys.modules[__name__.partition(".")[0]], "__version__", "?"),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
            "platform": platform.platform(),
            "context": ctx.name or "",
            "nodes": len(found),
            "values": self.values,
            "failures": sum(one.state == fmt.FAILED for one in found),
            "identity": self.checks.identity,
            **{f"rows.{table}": self._counts.get(table, 0) for table in fmt.COUNTED},
        }
        said = {name: clean(str(value)) for name, value in versions.items()}
        self._rows["info"] = [*said.items(), ("check", self.checks.of_info(said))]
        for table in tuple(self._rows):
            self._flush(table)
        self._number_firsts()
        for statement in fmt.INDEXES.values():
            self.connection.execute(statement)
        self.connection.execute("COMMIT")

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        rows = self._rows.setdefault(table, [])
        rows.append(row)
        self._counts[table] = self._counts.get(table, 0) + 1
        if len(rows) >= _BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._rows.pop(table, None)
        if rows:
            self.connection.executemany(fmt.insert(table, len(rows[0])), rows)

    def _function(self, function: Function) -> int:
        number = self._functions.get(function)
        if number is None:
            number = self._functions[function] = len(self._functions) + 1
            before, parts = self.recorded.get(function.name), None
            if before is None:
                source, reached = source_of(function.body), reach(function.newest or function.body)
                version = None if function.version is None else show(function.version)
                print_ = reached.print
                parts = json.dumps({clean(place): clean(said) for place, said in reached.parts.items()})
            else:
                source, print_, version, parts = before.source, before.fingerprint, before.version, before.parts
            reason = _unreachable(function)
            row = (number, clean(function.name), function.kind, version, source and clean(source), print_, reason, parts)
            self._add("functions", self.checks.checked("functions", row))
        return number

    def _write_node(self, one: Found) -> None:
        number, memo = self._numbers[one.key], one.memo
        text, arguments = call_of(one.key)
        text = self._only(number, text)
        value: tuple[Any, ...] = ("", None, None, None, None, None)
        if one.has_value and memo is not None:
            value = self._write_value(number, text, memo)
            self.values += value[1] is not None
        elif one.state == fmt.FAILED and memo is not None:
            self._write_error(number, memo.failure)
        if arguments is None and one.state != fmt.NOT_RUN:
            self.absent.append(
                Absent(
                    text,
                    "its arguments cannot be written (they need a codec and are never pickled), so that it is for looking only.",
                )
            )
        elif not one.answers and text in self.lost:
            self.absent.append(Absent(text, self.lost[text]))
        edges = [(kind, self._numbers[key]) for kind, key in one.edges]
        for position, (kind, dependency) in enumerate(edges):
            self._add("edges", (number, position, kind, dependency))
        for target in one.consulted:
            self._write_consulted(number, target)
        shown, codec_name, needs, size, digest, absent = value
        seconds, own = (0.0, 0.0) if memo is None else (float(memo.seconds), max(0.0, float(memo.own_seconds)))
        self._add("nodes", self.checks.checked("nodes", (
            number, self._function(one.key[0]), arguments, text, one.state, one.flags, seconds, own, one.times_read,
            codec_name, needs, size, digest, absent, shown, self.checks.of_edges(number, edges),
        )))  # fmt: skip

    def _write_value(self, number: int, text: str, memo: Memo) -> tuple[Any, ...]:
        """Writes the value of a node and returns it as text, and what `_encode` says of it."""
        try:
            value = memo.value
        except SnapshotError as exc:  # it lies in a file that was loaded
            if not isinstance(exc.__cause__, CodecError):
                raise
            self.absent.append(Absent(text, str(exc)))
            return "", None, None, None, None, clean(str(exc))
        return show(value), *self._encode(number, text, value)

    def _only(self, number: int, text: str) -> str:
        """Returns a text that no other node of the file has."""
        if self._texts.setdefault(text, number) == number:
            return text
        times = self._alike[text] = self._alike.get(text, 1) + 1
        return self._only(number, f"{text} #{times}")

    def _number_firsts(self) -> None:
        """Gives the first of several nodes with one text a number, too: whoever writes the text means any of them."""
        for text in self._alike:
            number, numbered = self._texts[text], f"{text} #1"
            if numbered in self._texts:  # it is what a node is called by itself
                continue
            row = list(self.connection.execute("SELECT * FROM nodes WHERE id = ?", (number,)).fetchone()[:-1])
            row[3] = numbered
            check = self.checks.of("nodes", row)
            self.connection.execute("UPDATE nodes SET text = ?, row_check = ? WHERE id = ?", (numbered, check, number))
            self.absent = [Absent(numbered, one.reason) if one.what == text else one for one in self.absent]

    def _encode(self, number: int, what: str, value: Any) -> tuple[str | None, str | None, int | None, bytes | None, str | None]:
        """Writes a value and returns what is said of it: codec, needs, size, digest, and why it is absent."""
        try:
            encoded = codec.encode(value, allow_pickle=self.allow_pickle)
        except CodecError as exc:
            self.absent.append(Absent(what, str(exc)))
            return None, None, None, None, clean(str(exc))
        for part in encoded.parts:
            for start in range(0, len(part), _CHUNK_BYTES):
                piece = part if len(part) <= _CHUNK_BYTES else memoryview(part)[start : start + _CHUNK_BYTES]
                self._add("chunks", (None, number, piece))
                if len(part) > _CHUNK_BYTES >> 4:
                    self._flush("chunks")
        needs = "\n".join(sorted(encoded.needs)) or None
        return encoded.codec, needs, encoded.size_bytes, fmt.digest(encoded.codec, encoded.parts), None

    def _write_error(self, number: int, failure: Any) -> None:
        said = self._errors.get(id(failure))
        if said is None:  # many nodes pass one error on, and its traceback is as long as they are many
            said = self._errors[id(failure)] = self._tell_error(failure)
        self._add("errors", self.checks.checked("errors", (number, *said)))

    def _tell_error(self, failure: Any) -> tuple[str, str, str, str | None]:
        """Returns the class of an exception, what it says, its traceback and its arguments."""
        error = failure.error
        try:
            trace = failure.text
        except STOPPING:
            raise
        except BaseException as exc:  # noqa: BLE001  an exception whose text cannot be made
            trace = f"(the traceback cannot be shown: {type(exc).__name__})"
        return name_type(error), clean(error), clean(trace), arguments_of(error)

    def _write_consulted(self, number: int, target: Target) -> None:
        self._add("consulted", self.checks.checked("consulted", (next(self._others), number, *self._target(target))))

    def _target(self, target: Target) -> tuple[int, int | None]:
        """Returns the number of a function, and that of the node when it is one."""
        if isinstance(target, Function):
            return self._function(target), None
        return self._function(target[0]), self._number_of(target)

    def _number_of(self, key: Any) -> int:
        """Returns the number of a node; one that nothing is known of becomes a node of the file here."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers) + 1
            self._write_node(Found(key, None, fmt.NOT_RUN))
        return number

    def _write_tweak(self, layer: int, target: Target, spec: TweakSpec) -> None:
        number = next(self._others)
        what = f"the tweak of {target if isinstance(target, Function) else call_of(target)[0]}"
        form = FORMS[spec.kind]
        name, reason = name_of(spec.fn) if form.names_function else (None, None)
        value: tuple[Any, ...] = (None, None, None, None, reason)
        if reason is not None:
            self.absent.append(Absent(what, reason))
        elif form.content is not None:
            value = self._encode(-number, what, form.content(spec))
        self._tell_unwritten(what, target)
        row = (number, layer, *self._target(target), spec.kind, name, *value, show(spec.said))
        self._add("tweaks", self.checks.checked("tweaks", row))

    def _tell_unwritten(self, what: str, target: Target) -> None:
        """Notes of a tweak that nobody can say again where the file is loaded."""
        if isinstance(target, Function):
            reason = _unreachable(target)
        else:
            reason = _unreachable(target[0])
            if reason is None and call_of(target)[1] is None:
                reason = "the arguments of the node cannot be written"
        if reason is not None:
            self.absent.append(Absent(what, f"{reason}, so that what rests on it does not serve where the file is loaded."))


def _unreachable(function: Function) -> str | None:
    """Returns why no other process can find a function by its name, if so."""
    return "it is a local function" if "<" in function.name else "it has no name of its own" if function.owned else None
