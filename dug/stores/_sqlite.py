"""`SqliteBackend`, a store in a folder: rows and small values in ``dug.db``, large values in files; any number of processes.

The database is in write-ahead mode, so that readers wait for nobody.  A large value is written before its row, so a row never
leads to half a value; a process that is killed leaves an unfinished file at most, which the next one to open the store removes.
A connection serves one thread at a time and no forked child.

Who holds the lock for writing does so for milliseconds, but a program that makes room or was stopped may hold it for long.  A
computation then goes on without: a lease is asked for briefly, and after a failure nothing is written until a pause is over, see
`_outage`.  What a user asks for by name, such as to remove rows, waits for the lock.

The verbs are `_backend`'s, in SQL; `_schema` has the tables, `_folder` the files.  `_connect`, `_take`, `_give_back` and `_using`
handle connections, `_writing` a transaction.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, time
from typing import Any

from ..errors import StoreError
from ._backend import Accepted, Backend, Found, Row, Seen, Sizes
from ._folder import Folder
from ._forks import begin_anew_in_children
from ._outage import Outage
from ._schema import prepare

MOST_IN_ROW = 32 << 10
"""The bytes of a value that has more lie in a file of their own."""
_WAIT_S = 30.0
"""How long to wait for the lock for what a user asks for by name."""
_BEHIND_S = 5.0
"""How long the writer of a store waits."""
_BRIEF_S = 0.5
"""How long a run waits for its lease; also the writer, after a failure."""
_GET = (
    "SELECT path, trace.value, codec, needs, size, data, seconds, trace.own, coalesce(name, ''), arguments FROM trace "
    "LEFT JOIN value ON digest = trace.value LEFT JOIN function ON function.id = trace.function WHERE at = ?"
)
_LIST = (
    "SELECT at, name, print, arguments, path, trace.value, coalesce(codec, ''), coalesce(needs, ''), "
    "coalesce(size, 0), seconds, trace.own, made FROM trace JOIN function ON function.id = trace.function "
    "LEFT JOIN value ON digest = trace.value"
)
_LEASE = (
    "INSERT INTO lease VALUES(?, ?, ?) ON CONFLICT(at) DO UPDATE SET owner = excluded.owner, expires = excluded.expires "
    "WHERE lease.expires < ?"
)

_INVALIDATED = "invalidated "
"""Begins the names of what is noted of functions."""
# By how the name of an error of SQLite begins: what happened, and what to do.
_TOLD = (
    ("SQLITE_BUSY", "is locked by another program, which makes room or was stopped", "End that, and try again."),
    ("SQLITE_FULL", "finds no room on the disk", "Make some: dug store gc FOLDER --older-than DAYS."),
    ("SQLITE_READONLY", "may not be written to", "Open it with read_only=True, or give a folder of yours."),
    ("SQLITE_CANTOPEN", "cannot be opened", "Look who may read and write its folder, and whether the disk is full."),
    ("SQLITE_CORRUPT", "is damaged", "Remove the folder: what it had is computed again."),
    ("SQLITE_NOTADB", "is not the database of a store, or it is damaged", "Remove its dug.db, or give another folder."),
)

_left: list[Any] = []
"""The connections of a parent process, which are neither used nor closed in its forked children."""


class SqliteBackend(Backend):
    """A folder with a database of SQLite and files of large values."""

    def __init__(
        self,
        path: Path,
        *,
        is_durable: bool = False,
        is_read_only: bool = False,
        clock: Callable[[], float] = time,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        self.is_read_only = is_read_only
        self.shown = str(path)
        self._folder = Folder(path, is_read_only=is_read_only)
        self._is_durable = is_durable
        self._clock = clock
        self._outage = Outage(self.shown, (sqlite3.OperationalError,), timer)
        self._is_closed = False
        self._free: list[sqlite3.Connection] = []
        self._all: list[sqlite3.Connection] = []
        try:
            with self._using() as db:
                prepare(db, self._folder.database, is_read_only=is_read_only)
        except BaseException:
            self.close()
            raise
        begin_anew_in_children(self)

    # Connections

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self.is_read_only else "rwc"
        made = sqlite3.connect(
            f"{self._folder.database.as_uri()}?mode={mode}",
            uri=True,
            timeout=_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        self._all.append(made)
        if not self.is_read_only:
            made.execute("PRAGMA journal_mode=WAL")
        made.execute(f"PRAGMA synchronous={'FULL' if self._is_durable else 'NORMAL'}")
        made.execute("PRAGMA mmap_size=268435456")
        return made

    def _take(self) -> sqlite3.Connection:
        try:
            return self._free.pop()
        except IndexError:
            if self._is_closed:
                raise StoreError(f"{self.shown} is closed. Open it again.") from None
            return self._connect()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """Lends a connection, and turns what goes wrong into a StoreError."""
        try:
            db = self._take()
            try:
                yield db
            finally:
                self._give_back(db)
        except (sqlite3.Error, OSError) as exc:
            if isinstance(exc, StoreError):
                raise
            raise self._tell(exc) from exc

    def _tell(self, exc: Exception) -> StoreError:
        """Returns an error of the database or its files as one of the store, with what to do about it."""
        name = getattr(exc, "sqlite_errorname", "")
        happened, remedy = next((told for sign, *told in _TOLD if name.startswith(sign)), (str(exc), ""))
        return StoreError(f"{self.shown} {happened} ({exc}). {remedy}" if remedy else f"{self.shown}: {exc}")

    def _give_back(self, db: sqlite3.Connection) -> None:
        if self._is_closed or db not in self._all:  # closed meanwhile, or this is a forked child
            return
        self._free.append(db)

    @contextmanager
    def _writing(self, wait_s: float | None = None) -> Iterator[sqlite3.Connection]:
        """Lends a connection for one transaction.

        Args:
            wait_s: how long to wait for the lock, and not at all while the outage has a pause; None: long, in any case.
        """
        if self.is_read_only:
            raise StoreError(f"{self.shown} was opened with read_only=True, and keeps nothing.")
        outage = self._outage
        if wait_s is not None and outage.is_paused:
            raise StoreError(f"{self.shown} was locked by another program, and is asked again in some seconds.")
        if wait_s is not None and outage.has_failed:
            wait_s = min(wait_s, _BRIEF_S)
        with self._using() as db:
            db.execute(f"PRAGMA busy_timeout={int(1000 * (_WAIT_S if wait_s is None else wait_s))}")
            outage.attempt(lambda: db.execute("BEGIN IMMEDIATE"))
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def begin_anew(self) -> None:
        """Puts the connections aside, in a forked child."""
        _left.extend(self._all)
        self._all, self._free = [], []

    # Rows and values

    def get(self, at: bytes) -> Found | None:
        """Returns the row at a place, None where there is none."""
        try:
            db = self._take()
            try:
                row = db.execute(_GET, (at,)).fetchone()
            finally:
                self._give_back(db)
        except sqlite3.Error as exc:
            raise self._tell(exc) from exc
        if row is None:
            return None
        return Found._make(row if row[2] is not None else (*row[:2], "", "", 0, None, *row[6:]))

    def get_rows(self, ats: Sequence[bytes]) -> list[Row]:
        """Returns those rows that there are with the bytes of their values."""
        with self._using() as db:
            found = [row for at in ats for row in db.execute(f"{_LIST} WHERE at = ?", (at,))]
        values = [self.get_data(row[5]) for row in found]
        return [Row._make((*row[:8], data, *row[8:])) for row, data in zip(found, values, strict=True) if data is not None]

    def get_data(self, digest: bytes) -> bytes | None:
        """Returns the bytes of a value; None where they are not there."""
        with self._using() as db:
            row = db.execute("SELECT data FROM value WHERE digest = ?", (digest,)).fetchone()
            if row is None or row[0] is not None:
                return None if row is None else bytes(row[0])
            try:
                return self._folder.blob(digest).read_bytes()
            except FileNotFoundError:
                return None

    def put(self, rows: Sequence[Row]) -> int:
        """Keeps rows with their values in one transaction; returns how many of them are new."""
        if self.is_read_only:
            raise StoreError(f"{self.shown} was opened with read_only=True, and keeps nothing.")
        try:
            for row in rows:
                if row.size > MOST_IN_ROW:
                    self._folder.write_blob(row.digest, row.data)
        except OSError as exc:
            raise StoreError(f"{self.shown}: {exc}") from exc
        values = [(row.digest, row.codec, row.needs, row.size, row.data if row.size <= MOST_IN_ROW else None) for row in rows]
        traces = [
            (row.at, row.arguments, row.path, row.digest, row.seconds, row.own_seconds, row.made, row.function, row.print)
            for row in rows
        ]
        with self._writing(_BEHIND_S) as db:
            db.executemany(
                "INSERT INTO function(name, print, runs, own) VALUES(?, ?, 1, ?) "
                "ON CONFLICT(name, print) DO UPDATE SET runs = runs + 1, own = own + excluded.own",
                [(row.function, row.print, row.own_seconds) for row in rows],
            )
            db.executemany("INSERT OR IGNORE INTO value VALUES(?, ?, ?, ?, ?)", values)
            return db.executemany(
                "INSERT OR IGNORE INTO trace SELECT ?, id, ?, ?, ?, ?, ?, ? FROM function WHERE name = ? AND print = ?", traces
            ).rowcount

    def delete(self, ats: Iterable[bytes]) -> None:
        """Forgets rows; their values stay until `sweep`."""
        with self._writing() as db:
            db.executemany("DELETE FROM trace WHERE at = ?", [(at,) for at in ats])

    def delete_data(self, digests: Iterable[bytes]) -> None:
        """Forgets the bytes of values."""
        gone = list(digests)
        with self._writing() as db:
            db.executemany("DELETE FROM value WHERE digest = ?", [(digest,) for digest in gone])
            for digest in gone:
                self._folder.blob(digest).unlink(missing_ok=True)

    def list_rows(self, function: str | None = None) -> Iterator[Row]:
        """Yields the rows of a function, or all, without the bytes of their values."""
        with self._using() as db:
            found = db.execute(*((_LIST, ()) if function is None else (f"{_LIST} WHERE name = ?", (function,)))).fetchall()
        for row in found:
            yield Row._make((*row[:8], b"", *row[8:]))

    def sweep(self) -> int:
        """Forgets the values of which no row is left, and the definitions; returns how many bytes became free."""
        with self._writing() as db:
            unused = "digest NOT IN (SELECT value FROM trace)"
            (free,) = db.execute(f"SELECT coalesce(sum(size), 0) FROM value WHERE {unused}").fetchone()  # noqa: S608  all of it is here
            db.execute(f"DELETE FROM value WHERE {unused}")  # noqa: S608  also
            db.execute("DELETE FROM function WHERE id NOT IN (SELECT function FROM trace)")
            kept = {digest for (digest,) in db.execute("SELECT digest FROM value WHERE data IS NULL")}
            for digest, place in self._folder.list_blobs().items():
                if digest not in kept:
                    place.unlink(missing_ok=True)
        with self._using() as db, suppress(sqlite3.OperationalError):  # somebody is reading
            db.execute("VACUUM")
        return int(free)

    def measure(self) -> Sizes:
        """Returns how much there is."""
        with self._using() as db:
            (rows,) = db.execute("SELECT count(*) FROM trace").fetchone()
            return Sizes(rows, *db.execute("SELECT count(*), coalesce(sum(size), 0) FROM value").fetchone())

    # Functions

    def get_invalidation(self, function: str) -> str:
        """Returns the name of the last invalidation of a function; empty where none was noted."""
        with self._using() as db:
            row = db.execute("SELECT value FROM info WHERE name = ?", (_INVALIDATED + function,)).fetchone()
        return "" if row is None else str(row[0])

    def note_invalidation(self, function: str, name: str, *, after: str | None = None) -> None:
        """Notes the last invalidation of a function, if `after` is None or the name of the last one until now."""
        place = _INVALIDATED + function
        with self._writing() as db:
            row = db.execute("SELECT value FROM info WHERE name = ?", (place,)).fetchone()
            if after is None or after == ("" if row is None else row[0]):
                db.execute("INSERT OR REPLACE INTO info VALUES(?, ?)", (place, name))

    def note(self, seen: Seen) -> None:
        """Remembers a definition of a function, unless it is known."""
        with self._writing(_BEHIND_S) as db:
            db.execute(
                "INSERT INTO function(name, print, source, parts, packages) VALUES(?, ?, ?, ?, ?) ON CONFLICT(name, print) "
                "DO UPDATE SET source = excluded.source, parts = excluded.parts, packages = excluded.packages "
                "WHERE source IS NULL",
                seen,
            )

    def list_seen(self, function: str | None = None) -> list[Seen]:
        """Returns the definitions that it remembers, the oldest first."""
        asked = "SELECT name, print, coalesce(source, ''), coalesce(parts, '{}'), coalesce(packages, '{}') FROM function"
        with self._using() as db:
            where, values = ("", ()) if function is None else (" WHERE name = ?", (function,))
            return [Seen._make(row) for row in db.execute(f"{asked}{where} ORDER BY id", values)]

    def mean_seconds(self, function: str, print_: str) -> float | None:
        """Returns what a run of a definition takes by itself, on the average; None where there were none."""
        with self._using() as db:
            asked = "SELECT own / runs FROM function WHERE name = ? AND print = ? AND runs > 0"
            row = db.execute(asked, (function, print_)).fetchone()
        return None if row is None else float(row[0])

    def accept(self, said: Accepted) -> None:
        """Remembers what somebody said of two definitions."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO accepted VALUES(?, ?, ?, ?, ?, ?)", said)

    def list_accepted(self, function: str | None = None) -> list[Accepted]:
        """Returns what was said of the definitions of a function, or of all, the oldest first."""
        with self._using() as db:
            where, values = ("", ()) if function is None else (" WHERE function = ?", (function,))
            return [Accepted._make(row) for row in db.execute(f"SELECT * FROM accepted{where} ORDER BY made", values)]  # noqa: S608  all of it is here

    # Leases

    def acquire(self, at: bytes, owner: str, seconds: float) -> bool:
        """Takes the lease of a place; False while somebody has it."""
        now = self._clock()
        with self._writing(_BRIEF_S) as db:
            return db.execute(_LEASE, (at, owner, now + seconds, now)).rowcount == 1

    def renew(self, ats: Sequence[bytes], owner: str, seconds: float) -> None:
        """Prolongs leases that an owner has."""
        until = self._clock() + seconds
        with self._writing(_BEHIND_S) as db:
            db.executemany("UPDATE lease SET expires = ? WHERE at = ? AND owner = ?", [(until, at, owner) for at in ats])

    def release(self, ats: Sequence[bytes], owner: str) -> None:
        """Gives leases back."""
        with self._writing(_BRIEF_S) as db:
            db.executemany("DELETE FROM lease WHERE at = ? AND owner = ?", [(at, owner) for at in ats])

    # The whole

    def flush(self) -> None:
        """Returns when everything that was put is on the disk."""
        with self._using() as db:
            if not self.is_read_only:
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Closes the connections."""
        self._is_closed = True
        connections, self._all, self._free = self._all, [], []
        for db in connections:
            db.close()
