"""`Writer`: writes rows behind, so that a run does not wait for the disk; holds and renews leases; counts and tells troubles.

Rows are encoded when their run ends, queued, and written by a thread that lives while there is something to do: soon after the
first one came, at once when many wait or somebody waits for one of them.  A process that is killed loses what was queued, and
nothing else.  Leases are given back after their row was written, so that who waits for it finds it.

Whatever goes wrong here is counted, and told through the logger ``dug`` once a minute: a warning would end the run of a program
that makes errors of warnings.

`Forgetting` is what an invalidation leaves to be removed.  Verbs: `put`, `remove`, `forget`, `flush`, `close`; of leases
`acquire`, `give_back`, `_renew`; the thread is in `_work`, `_run` and `_turn`; `begin_anew` in a child; invalidations that come
late (`find_invalidation`, `_without_late`, `_forget_again`); `tell` warns.  `_ask_for_invalidations` asks for those of others,
`_take_back` removes what was written too late.
"""

import logging
import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic
from typing import NamedTuple
from weakref import WeakValueDictionary

from ._backend import Backend, Row, Seen, StoreError
from ._forks import begin_anew_in_children
from ._outage import Outage, Seldom

DELAY_S = 0.05
"""How long rows are collected before they are written."""
MOST_ROWS = 500

_STILL_THERE = "What was invalidated of %s is still in %s. Invalidate it once more when that answers."
_MAY_BE_THERE = (
    "Runs of %s that were just kept in %s may have begun before another process invalidated it, and nobody could tell. "
    "If so, invalidate %s once more."
)

_logger = logging.getLogger("dug")
_writers: "WeakValueDictionary[int, Writer]" = WeakValueDictionary()
"""All writers of this process, by their `id`."""


class Forgetting(NamedTuple):
    """Runs that were invalidated."""

    function: str
    is_of: Callable[[Row], bool]
    done: Callable[[], None]


class Writer:
    """The queue of rows of one store, its thread and its leases."""

    def __init__(self, backend: Backend, lease_seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self.backend = backend
        self.lease_seconds = lease_seconds
        self.failures = 0
        """How many times the backend could not do what it was asked for."""
        self.written = 0
        self._clock = clock
        self.begin_anew()
        begin_anew_in_children(self)
        _writers[id(self)] = self

    def begin_anew(self) -> None:
        """Begins with nothing queued, in a forked child too: what the parent has queued, it writes."""
        self.owner = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._lock, self._writing = Lock(), Lock()
        self._told = Seldom(self._clock)
        self._hurry, self._news = Event(), Event()
        self._seen: list[Seen] = []
        self._rows: dict[bytes, Row] = {}
        self._removed: dict[bytes, bytes | None] = {}
        """By the places of damaged rows, which are to be removed: the digests of values that are damaged."""
        self._invalidated: list[Forgetting] = []
        """What the backend could not forget yet."""
        self._outage = Outage("", (StoreError,), self._clock)
        """Of these."""
        self._since: dict[bytes, str] = {}
        """By the places of rows: what was told of the invalidations of the function, from before the run."""
        self._doubted: dict[bytes, tuple[str, str]] = {}
        """By the places of rows that were written: their function and that, until it was asked for once more."""
        self._last: dict[str, str] = {}
        """By their names: what was told last of the invalidations of functions."""
        self._given_back: list[bytes] = []
        self._leases: set[bytes] = set()
        self._renewed = 0.0
        self._thread: Thread | None = None
        self._is_closed = False

    # Rows

    def find(self, at: bytes) -> Row | None:
        """Returns a row that is queued."""
        return self._rows.get(at)

    def put(self, row: Row, leases: Sequence[bytes] = (), since: str | None = None) -> None:
        """Queues a row; the leases are given back once it is written.

        Args:
            row: the row.
            leases: those of its run.
            since: what `find_invalidation` gave before the run.
        """
        with self._lock:
            if self._rows.setdefault(row.at, row) is row and since is not None:
                self._since[row.at] = since
            self._given_back.extend(leases)
            self._leases.difference_update(leases)
            self._work()
        if leases or len(self._rows) >= MOST_ROWS:
            self._hurry.set()

    def remove(self, at: bytes, digest: bytes | None) -> None:
        """Queues the removal of a damaged row, and of the bytes of a damaged value."""
        with self._lock:
            self._removed[at] = digest
            self._work()

    def is_removed(self, at: bytes) -> bool:
        """True for a row that is to be removed, or may have to be."""
        return at in self._removed or at in self._doubted

    def find_invalidation(self, function: str) -> str | None:
        """Returns what is told of the invalidations of a function, now or earlier; None where nobody can tell.

        With what was told earlier a run is not kept that could be, and no other harm is done; so each function is asked for once.
        """
        name = self._last.get(function)
        if name is None and not self._outage.is_paused:
            with suppress(StoreError):  # of which the look that comes next tells
                name = self._last[function] = self._outage.attempt(partial(self.backend.tell_invalidation, function))
        return name

    def _without_late(self, rows: Sequence[Row], since: Mapping[bytes, str]) -> list[Row]:
        """Returns the rows of runs that did not begin before their function was invalidated."""
        self._ask_for_invalidations({row.function for row in rows if row.at in since})
        return [row for row in rows if row.at not in since or since[row.at] == self._last[row.function]]

    def _take_back(self) -> None:
        """Removes rows that were just written, of runs that began before their function was invalidated.

        Who invalidates notes that first, and removes what is there after that.  So either the note is seen here, or the rows were
        there when it was made.
        """
        doubted = dict(self._doubted)
        self._ask_for_invalidations({function for function, _ in doubted.values()})
        late = [at for at, (function, since) in doubted.items() if since != self._last[function]]
        if late:
            self.backend.delete(late)
        for at in doubted:
            del self._doubted[at]

    def _ask_for_invalidations(self, functions: Iterable[str]) -> None:
        for function in functions:
            self._last[function] = self.backend.tell_invalidation(function)

    def forget(self, function: str, is_of: Callable[[Row], bool], done: Callable[[], None]) -> None:
        """Has the backend forget runs of a function now.

        Raises:
            StoreError: it does not answer.  It is asked again with later rows, at the end of contexts and when this is closed.
        """
        self._last.pop(function, None)
        try:
            self._outage.attempt(partial(self.backend.forget, function, is_of))
            self._last.pop(function, None)  # a run may have begun meanwhile, with the name of before
        except StoreError:
            with self._lock:
                self._invalidated.append(Forgetting(function, is_of, done))
            raise

    def _forget_again(self) -> None:
        with self._lock:
            left, self._invalidated = self._invalidated, []
        for one in left:
            try:
                self._outage.attempt(partial(self.backend.forget, one.function, one.is_of))
                one.done()
            except StoreError as exc:
                with self._lock:
                    self._invalidated.append(one)
                self.tell(exc)

    def note(self, seen: Seen) -> None:
        """Queues a definition, of which a row is queued next."""
        with self._lock:
            self._seen.append(seen)

    def _work(self) -> None:
        """Has a thread write; under the lock."""
        self._news.set()
        if (self._thread is None or not self._thread.is_alive()) and not self._is_closed:
            self._thread = Thread(target=self._run, name="dug store", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        is_needed = True
        while is_needed:
            try:
                is_needed = self._turn()
            except Exception as exc:  # noqa: BLE001  a thread that ends would leave rows unwritten, and leases to expire
                self.tell(exc)

    def _turn(self) -> bool:
        """Writes once, or waits for something to do; False when nothing is left."""
        with self._lock:
            is_waiting = not (self._rows or self._given_back or self._removed)
            if is_waiting and not self._leases:
                self._thread = None
                return False
            self._news.clear()
        if is_waiting:
            self._news.wait(self.lease_seconds / 4)
        else:
            self._hurry.wait(DELAY_S)
            self._hurry.clear()
            self.flush()
        self._renew()
        return True

    def flush(self) -> None:
        """Writes what is queued."""
        with self._writing:
            with self._lock:
                rows, leases, seen, removed = list(self._rows.values()), self._given_back, self._seen, dict(self._removed)
                since = {row.at: self._since[row.at] for row in rows if row.at in self._since}
                self._given_back, self._seen = [], []
            try:
                if self._invalidated and not self._outage.is_paused:
                    self._forget_again()
                if self._doubted and not self._outage.is_paused:
                    self._succeeds(self._take_back)
                if removed:  # before the rows that take their places
                    self._succeeds(self._remove, removed)
                if not all(self._succeeds(self.backend.note, one) for one in seen):
                    with self._lock:
                        self._seen[:0] = seen
                if rows:
                    self._succeeds(self._put, rows, since)
                if leases:
                    self._succeeds(self.backend.release, leases, self.owner)
            finally:
                with self._lock:
                    for row in rows:  # until now, so that `find` has them until the backend does
                        self._rows.pop(row.at, None)
                        self._since.pop(row.at, None)
                    for at in removed:  # those that could not be removed are found once more
                        self._removed.pop(at, None)

    def _put(self, rows: Sequence[Row], since: Mapping[bytes, str]) -> None:
        try:
            timely = self._without_late(rows, since)
        except StoreError:  # of which the looks tell
            self.failures += 1
            return
        self._doubted.update((row.at, (row.function, since[row.at])) for row in timely if row.at in since)
        self.written += self.backend.put(timely)
        self._take_back()

    def _remove(self, removed: Mapping[bytes, bytes | None]) -> None:
        damaged = [digest for digest in removed.values() if digest is not None]
        if damaged:
            self.backend.delete_data(damaged)
        self.backend.delete(removed)

    # Leases

    def has(self, at: bytes) -> bool:
        """True while this process has a lease, of this store or another: who asks may be inside of the run that it is for."""
        return any(at in writer._leases for writer in _list_writers())

    def acquire(self, at: bytes) -> bool:
        """Takes a lease, which is renewed until it is given back; False while somebody has it.

        Also true where the backend does not answer: nobody waits for that.
        """
        try:
            if not self.backend.acquire(at, self.owner, self.lease_seconds):
                return False
        except StoreError as exc:
            self.tell(exc)
        with self._lock:
            self._leases.add(at)
            self._renewed = self._clock() if len(self._leases) == 1 else self._renewed
            self._work()
        return True

    def give_back(self, leases: Sequence[bytes]) -> None:
        """Gives leases back of runs that left nothing."""
        with self._lock:
            self._leases.difference_update(leases)
        self._succeeds(self.backend.release, leases, self.owner)

    def _renew(self) -> None:
        with self._lock:
            held, now = list(self._leases), self._clock()
            if not held or now - self._renewed < self.lease_seconds / 4:
                return
            self._renewed = now
        self._succeeds(self.backend.renew, held, self.owner, self.lease_seconds)

    # Troubles

    def _succeeds(self, verb: Callable[..., object], *args: object) -> bool:
        """Has the backend do something; False, and told, where it could not."""
        try:
            verb(*args)
        except StoreError as exc:
            self.tell(exc)
            return False
        return True

    def tell(self, trouble: Exception) -> None:
        """Counts a trouble of the backend, and logs one a minute."""
        self.failures += 1
        if self._told.is_due():
            _logger.warning("A store does not answer, so its values are computed: %s", trouble)

    def close(self) -> None:
        """Writes what is queued, and lets go of the backend."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            left = list(self._leases)
            self._leases.clear()
        self.flush()
        if self._invalidated:
            self._forget_again()
        for one in self._invalidated:
            _logger.warning(_STILL_THERE, one.function, self.backend.shown)
        for function in sorted({function for function, _ in self._doubted.values()}):
            _logger.warning(_MAY_BE_THERE, function, self.backend.shown, function)
        try:
            if left:
                self.backend.release(left, self.owner)
        except StoreError:  # they expire
            self.failures += 1
        self.backend.close()
        self._hurry.set()
        self._news.set()


def _list_writers() -> list[Writer]:
    """Returns the writers of this process, also while other threads make some."""
    return [writer for ref in _writers.valuerefs() if (writer := ref()) is not None]

