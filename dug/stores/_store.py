"""`AnyStore`, what all stores are for their users and for `RunKeeper`; `Store`, the one in a folder.

Of `AnyStore`: `report`, `check`, `gc`, `flush`, `close`, the options; and what `RunKeeper` asks: `get`, `read_value`, `forget`,
`waits`, `note`, `refuse`.  Leases of runs (`_take_lease`), words of users (`list_accepted`, `forget_accepted`) and troubles
(`note_trouble`) are handed on, too.
"""

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from weakref import finalize

from .. import codec
from .._core.read import Function
from .._text.sheet import Sheet, list_on_lines
from .._text.shown import Shown
from .._text.values import show, show_str
from ..codec import CodecError, Encoded, _plain
from ._backend import Backend, Found, Row, StoreError
from ._care import Checked, Collected, StoreReport, check, collect, report
from ._definitions import Definition, Definitions
from ._digest import digest_data
from ._options import StoreOptions, check_flag, check_path, read_options, takes_options
from ._sqlite import SqliteBackend
from ._writer import Writer

if TYPE_CHECKING:
    from ._search import Search


_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.05


@takes_options
class AnyStore(Shown):
    """Keeps what runs read and gave, for other processes.

    Args:
        backend: keeps the bytes.
        clock: gives the time, in seconds since 1970, at which a run is said to be made.
        options: those that every store has.

    Raises:
        TypeError: there is no such option, or its value is of a wrong type.
        ValueError: a number is out of range.
    """

    def __init__(
        self, backend: Backend, *, clock: Callable[[], float] = time.time, **options: Unpack[StoreOptions]
    ) -> None:
        told = read_options(self, options)
        if not isinstance(backend, Backend):
            raise TypeError(f"backend must be a dug.stores.backend.Backend, not {show(backend)}. Write Store('book.store').")
        self.min_seconds, self.single_flight, self.lease_seconds = told.min_seconds, told.single_flight, told.lease_seconds
        self.allow_pickle = told.allow_pickle
        self.backend = backend
        self.is_read_only = backend.is_read_only
        self.writer = Writer(backend, told.lease_seconds)
        self.definitions = Definitions()
        self.hits = self.misses = self.waited = 0
        self.refused: dict[str, str] = {}
        self.now = clock
        self.sleep: Callable[[float], object] = time.sleep
        self.time: Callable[[], float] = time.monotonic
        self._accepted: dict[str, list[tuple[str, str]]] = {}
        self._close = finalize(self, self.writer.close)

    # For users

    def flush(self) -> None:
        """Returns when every run that has ended is kept."""
        self.writer.flush()
        self.backend.flush()

    def flush_queue(self) -> None:
        """Hands what is queued to the backend."""
        self.writer.flush()

    def close(self) -> None:
        """Keeps what has ended, and lets go of files and connections; contexts go on without a store."""
        self._close()

    def report(self) -> StoreReport:
        """Returns what is kept, and what this process has taken, kept and refused; it prints as lines."""
        return report(self)

    def check(self, *, fix: bool = False) -> Checked:
        """Reads every row and every value, and returns which are damaged.

        Args:
            fix: removes these, so that the next run is kept in their place.

        Raises:
            StoreError: it does not answer, or was opened with ``read_only=True`` and is to be mended.
        """
        check_flag("fix", fix)
        return check(self, fix=fix)

    def gc(
        self,
        *,
        max_bytes: int | None = None,
        older_than: float | None = None,
        unreachable: bool = False,
        dry_run: bool = False,
    ) -> Collected:
        """Makes room, and returns how much.

        Args:
            max_bytes: keeps the values that save most seconds for their size and age, up to so many bytes.
            older_than: removes the runs that were made so many seconds ago.
            unreachable: removes the runs of other definitions than the present ones, of functions that are imported.
            dry_run: removes nothing.

        Raises:
            TypeError: nothing says what may go, or something of a wrong type does.
            ValueError: a number is below 0.
            StoreError: the store does not answer, or was opened with ``read_only=True``.
        """
        self.writer.flush()
        return collect(self, max_bytes=max_bytes, older_than=older_than, unreachable=unreachable, dry_run=dry_run)

    # For the keeper

    def get(self, at: bytes) -> Found | None:
        """Returns the row at a place, written or queued."""
        row = self.writer.find(at)
        if row is None and self.writer.is_removed(at):
            return None
        if row is not None:
            return row.found(row.data)
        return self.backend.get(at)

    def read_value(self, at: bytes, found: Found) -> tuple[Any] | None:
        """Returns the value of a row; None where it is gone, damaged, or cannot be read here."""
        try:
            data = found.data
            if data is None and found.codec:
                data = self.backend.get_data(found.digest)
            if data is None:
                self.forget(at)
                return None
            if len(data) != found.size or digest_data(found.codec, data) != found.digest:
                self.forget(at, found.digest)
                return None
            if found.codec == "json" and not found.needs:
                return (_plain.load(data),)
            encoded = Encoded(found.codec, (data,), frozenset(found.needs.split("\n")) if found.needs else frozenset())
            return (codec.decode(encoded, trust=self.allow_pickle),)
        except CodecError as exc:
            self.note_trouble("a value", exc)
        except StoreError as exc:
            self.writer.tell(exc)
        return None

    def forget(self, at: bytes, digest: bytes | None = None) -> None:
        """Forgets a damaged row, and the bytes of a value: the next run is kept in its place.  Nobody waits for it."""
        if not self.is_read_only:
            self.writer.remove(at, digest)

    def forget_runs(self, function: str, is_of: Callable[[Row], bool], done: Callable[[], None]) -> None:
        """Forgets those of the kept runs of a function of which `is_of` says so.

        Raises:
            StoreError: it does not answer; it is asked again, and `done` is called when it has forgotten them.
        """
        self.writer.flush()
        if not self.is_read_only:
            self.writer.forget(function, is_of, done)

    def list_accepted(self, definition: Definition) -> list[str]:
        """Returns the fingerprints of older definitions that somebody said mean the same, the likeliest last."""
        known = self._accepted.get(definition.function)
        if known is None:
            self.backend.prepare(definition.function)
            known = self._accepted[definition.function] = [
                (said.old, said.new) for said in self.backend.list_accepted(definition.function)
            ]
        if not known:
            return []
        found = [definition.print or ""]
        for print_ in found:
            found.extend(old for old, new in known if new == print_ and old not in found)
        return found[:0:-1]

    def waits(self, search: "Search", has_task: bool) -> bool:  # noqa: FBT001  as the run has it
        """Waits for another process that does the run which a search found nobody to have done; False when it is to be done here.

        A thread waits in here, and looks again after that.  A task waits for `Search.pause` seconds first.
        """
        at = search.slot
        if at is None or not self._is_flown_singly(search.definition) or self.writer.has(at):
            return False
        search.pause = 0.0 if search.until is not None and self.time() >= search.until else self._take_lease(search, at)
        if search.leases:
            search.pause = 0.0
            return self.get(at) is not None  # written between the look and the lease
        if search.pause and not has_task:
            self.sleep(search.pause)
            return True
        return search.pause > 0

    def _take_lease(self, search: "Search", at: bytes) -> float:
        """Takes the lease of a place; returns how long to wait for who has it."""
        if self.writer.acquire(at):
            search.leases.append(at)
            return 0.0
        if search.until is None:
            search.until = self.time() + self.lease_seconds
            self.waited += 1
        return min(_LONGEST_PAUSE_S, search.pause * 1.5) or _FIRST_PAUSE_S

    def _is_flown_singly(self, definition: Definition) -> bool:
        """True for a definition whose runs are long enough to wait for, or of which nothing is known."""
        if self.single_flight is None or self.is_read_only:
            return False
        if not definition.runs:
            mean = self.backend.mean_seconds(definition.function, definition.print or "")
            if mean is None:
                return True
            definition.note_run(mean)
        return definition.seconds / definition.runs >= self.single_flight

    def forget_accepted(self, function: str) -> None:
        """Reads again what was accepted of a function, when it is needed next."""
        self._accepted.pop(function, None)

    def note(self, definition: Definition, function: Function) -> None:
        """Has the backend remember a definition of which a run is kept."""
        if not definition.is_told:
            definition.is_told = True
            self.writer.note(definition.see(function))

    def refuse(self, function: str, reason: str) -> None:
        """Notes why runs of a function are not kept."""
        self.refused[function] = reason

    def note_trouble(self, what: str, exc: Exception) -> None:
        """Notes what went wrong with something kept, or to be kept."""
        self.refused[what] = show_str(exc, 1_000)

    def __reduce_ex__(self, protocol: object) -> Any:
        again = f"{type(self).__name__}({self.backend.shown!r})"
        raise TypeError(f"{self!r} cannot be pickled or copied. Open it in each process: {again}.")

    def _sheet(self) -> Sheet:
        """What this process did with it; what is in it, `report` says, which asks the backend."""
        did = f"this process: {self.hits:,} taken, {self.misses:,} not there, {self.writer.written:,} kept"
        return list_on_lines([repr(self)[1:-1], did, *[f"not kept: {name}: {reason}" for name, reason in self.refused.items()]])

    def __repr__(self) -> str:
        return f"<dug.stores.{type(self).__name__} {self.backend.shown}>"


@takes_options
class Store(AnyStore):
    """A store in a folder, for all processes of one machine.

    Args:
        path: the folder; made when it is not there.
        durable: waits until each value is on the disk, so that it outlives a power cut, too.
        read_only: keeps nothing.
        options: those that every store has.

    Raises:
        TypeError: there is no such option, or its value is of a wrong type.
        ValueError: a number is out of range, or it is not a path.
        StoreError: the folder cannot be used, or is of a newer dug.
    """

    def __init__(
        self,
        path: "str | PathLike[str]",
        *,
        durable: bool = False,
        read_only: bool = False,
        **options: Unpack[StoreOptions],
    ) -> None:
        folder = check_path("path", path, "Store('book.store')")
        check_flag("durable", durable)
        check_flag("read_only", read_only)
        read_options(self, options)  # before the folder is made
        super().__init__(SqliteBackend(Path(folder), is_durable=durable, is_read_only=read_only), **options)
