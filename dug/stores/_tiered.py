"""`Tiered`, a near store before a far one: what the far one has is copied to the near one when it is asked for; its backend.

Whatever is kept, forgotten or said goes to both.  A far one that fails has nothing and takes nothing, and leases are of the near
one alone then; what the near one says of itself passes.

**Invalidations.**  Each has a name, which both sides note with its function; the near side does so first.  Sides that have noted
the same *agree*.  Where the near one has noted one that the far one did not take, be it in an earlier process, the far rows of
that function are removed before any of them is used here.  Where the far one has noted one of another machine, the near rows are.

`TieredBackend` asks both for each verb of `_backend` (`_fetch`, `_take_far`, `_settle`, `_agree`), and passes over a far one that
is away (`_ask_far`).  `_find_open`, `_settle_open` and `_look_only` deal with invalidations that one side has alone.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Never

from .._text.values import show
from ..errors import StoreError
from ._backend import NOT_YET, Accepted, Backend, Found, Row, Seen, Sizes, name_invalidation, remove
from ._options import options_of
from ._outage import Outage, Seldom
from ._store import AnyStore, Store

_logger = logging.getLogger("dug")


_UNKNOWN = "unknown"
"""What a far one that is gone tells of invalidations."""


def _is_any(_: Row) -> bool:
    return True


class TieredBackend(Backend):
    """A near backend and a far one, such as a folder on a local disk and a server that many share."""

    def __init__(self, near: Backend, far: Backend, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.near, self.far = near, far
        self.shown = f"{near.shown} before {far.shown}"
        self.is_read_only, self.is_remote = near.is_read_only, near.is_remote
        self._outage, self._told = Outage(far.shown, (StoreError,), clock), Seldom(clock)
        self._unanswered = 0
        self._agreed: dict[str, str] = {}
        """By function: the last invalidation, which both sides have noted."""
        self._open: set[str] = set()
        """The functions of which it is not known whether both sides have noted the same."""
        self._behind: set[str] = set()
        """The functions of which a near one that is only read has rows that another machine has invalidated."""

    @property
    def unanswered(self) -> int:
        """How many asks were not answered, and taken for a miss, by both and by the far one."""
        return self.near.unanswered + self.far.unanswered + self._unanswered

    # Rows and values

    def get(self, at: bytes) -> Found | None:
        """Returns the row at a place, from the near one if it is there; else a copy of it stays there."""
        return self.get_many([at]).get(at)

    def get_many(self, ats: Sequence[bytes]) -> dict[bytes, Found]:
        """Returns those rows that there are, by place."""
        self._settle_open()
        found = self.near.get_many(ats)
        if self._behind:
            for row in self.near.get_rows(list(found)):
                if row.function in self._behind:
                    del found[row.at]
        lacking = [at for at in ats if at not in found or not found[at].codec]
        return {**found, **self._fetch(lacking)} if lacking else found

    def _fetch(self, ats: Sequence[bytes]) -> dict[bytes, Found]:
        """Returns rows of the far one, and copies them."""
        rows = self._take_far(ats)
        if rows and not self.is_read_only:
            self.near.put(rows)
        return {row.at: row.found(row.data) for row in rows}

    def _take_far(self, ats: Sequence[bytes]) -> list[Row]:
        """Returns rows of the far one, only of functions of which both sides agree."""
        rows: list[Row] = self._ask_far([], self.far.get_rows, ats)
        others = self._find_open(rows)
        if others and all(map(self._settle, others)):
            rows = self._ask_far([], self.far.get_rows, ats)  # anew: some of them may be removed by now
            others = self._find_open(rows)
        self._open |= others
        return [row for row in rows if row.function not in others]

    def get_rows(self, ats: Sequence[bytes]) -> list[Row]:
        """Returns those rows that there are with the bytes of their values."""
        self._settle_open()
        rows = [row for row in self.near.get_rows(ats) if row.function not in self._behind]
        there = {row.at for row in rows}
        lacking = [at for at in ats if at not in there]
        return [*rows, *self._take_far(lacking)] if lacking else rows

    def get_data(self, digest: bytes) -> bytes | None:
        """Returns the bytes of a value; None where they are not there."""
        data = self.near.get_data(digest)
        return self._ask_far(None, self.far.get_data, digest) if data is None else data

    def put(self, rows: Sequence[Row]) -> int:
        """Keeps rows with their values, in each of the two all of them or none; returns how many of them are new near."""
        self._ask_far(None, self.far.put, rows)
        return self.near.put(rows)

    def delete(self, ats: Iterable[bytes]) -> None:
        """Forgets rows; their values stay until `sweep`.

        Raises:
            StoreError: the far one does not answer, and would give them again.
        """
        gone = list(ats)
        try:
            self.far.delete(gone)
        finally:
            self.near.delete(gone)

    def delete_data(self, digests: Iterable[bytes]) -> None:
        """Forgets the bytes of values."""
        gone = list(digests)
        self._ask_far(None, self.far.delete_data, gone)
        self.near.delete_data(gone)

    def list_rows(self, function: str | None = None) -> Iterator[Row]:
        """Yields the rows of a function, or all, without the bytes of their values: those of the near one first."""
        known = set()
        for row in self.near.list_rows(function):
            known.add(row.at)
            yield row
        with suppress(StoreError):
            yield from (row for row in self.far.list_rows(function) if row.at not in known)

    # Invalidations

    def forget(self, function: str, is_of: Callable[[Row], bool]) -> None:
        """Forgets rows of a function on both sides; on the far one, where that does not answer, as soon as it does."""
        last = self.near.get_invalidation(function)
        self.near.note_invalidation(function, name_invalidation(last))  # first: it outlives this process
        remove(self.near, function, is_of)
        try:
            self._outage.attempt(partial(self._agree, function, _is_any if NOT_YET in last else is_of))
        except StoreError as exc:
            self._open.add(function)
            if self._told.is_due():
                _logger.warning("%s Until then what was invalidated of %s is there, and is not used here.", exc, function)

    def prepare(self, function: str) -> None:
        """Has both sides agree on what was invalidated, or notes that they have to."""
        self.near.prepare(function)
        self.far.prepare(function)
        if not self._settle(function):
            self._open.add(function)

    def _find_open(self, rows: Iterable[Row]) -> set[str]:
        """Returns the functions of rows of which the sides do not agree, or no more: another process has invalidated them."""
        return {name for name in {row.function for row in rows} if self._agreed.get(name) != self.near.get_invalidation(name)}

    def _settle_open(self) -> None:
        for function in tuple(self._open):
            if not self._settle(function):
                return
            self._open.discard(function)

    def _settle(self, function: str) -> bool:
        """Has both sides agree on the invalidations of a function; False where one does not answer, or did not a moment ago."""
        if self._outage.is_paused:
            return False
        try:
            self._outage.attempt(partial(self._agree, function))
        except StoreError:
            return False
        return True

    def _agree(self, function: str, is_of: Callable[[Row], bool] = _is_any) -> None:
        """Has each side forget what was invalidated on the other one.

        Raises:
            StoreError: a side does not answer, or the far one is behind and this one only reads.
        """
        noted = self.near.get_invalidation(function)
        name, is_open, before = noted.partition(NOT_YET)
        far = self.far.get_invalidation(function).partition(NOT_YET)[0]
        is_behind = far != (before if is_open else name)  # another machine has invalidated it
        if self.is_read_only:
            self._look_only(function, noted, is_open=bool(is_open), is_behind=is_behind)
            return
        if is_behind:
            remove(self.near, function, _is_any)
        if is_open:
            remove(self.far, function, is_of)
            self.far.note_invalidation(function, name)
        else:
            name = far
        if name != noted:
            self.near.note_invalidation(function, name, after=noted)
        self._agreed[function] = name

    def _look_only(self, function: str, noted: str, *, is_open: bool, is_behind: bool) -> None:
        """Leaves out, where nothing may be removed, the rows of the side that is behind."""
        if is_behind:
            self._behind.add(function)
        if is_open:
            raise StoreError(f"{self.shown} has invalidated {function}, and cannot tell its far one with read_only=True.")
        self._agreed[function] = noted

    def get_invalidation(self, function: str) -> str:
        """Returns the name of the last invalidation of a function, as the far one knows it."""
        return self.far.get_invalidation(function)

    def tell_invalidation(self, function: str) -> str:
        """Returns a text that is another one once a function was invalidated on this machine, or on another one.

        While the far one is gone it tells nothing of others: their invalidations remove the near rows later, see `_agree`.
        """
        far = self._ask_far(_UNKNOWN, self.far.tell_invalidation, function)
        return f"{self.near.tell_invalidation(function)} {far}"

    def note_invalidation(self, function: str, name: str, *, after: str | None = None) -> None:
        """Notes the last invalidation of a function on the far one; the near one follows at the next look."""
        self.far.note_invalidation(function, name, after=after)
        self._open.add(function)

    def sweep(self) -> int:
        """Forgets the values of which no row is left, and the definitions; returns how many bytes became free on both sides."""
        return self.near.sweep() + int(self._ask_far(0, self.far.sweep))

    def measure(self) -> Sizes:
        """Returns how much the far one keeps, which has what the near ones of all machines have; else the near one."""
        return self._ask_far(None, self.far.measure) or self.near.measure()

    # Functions

    def note(self, seen: Seen) -> None:
        """Remembers a definition of a function, unless it is known."""
        self._ask_far(None, self.far.note, seen)
        self.near.note(seen)

    def list_seen(self, function: str | None = None) -> list[Seen]:
        """Returns the definitions that it remembers, of a function or all: those that only the near one knows last."""
        far: list[Seen] = self._ask_far([], self.far.list_seen, function)
        known = {(seen.function, seen.print) for seen in far}
        return far + [seen for seen in self.near.list_seen(function) if (seen.function, seen.print) not in known]

    def mean_seconds(self, function: str, print_: str) -> float | None:
        """Returns what a run of a definition takes by itself, on the average of the rows of the near one, else of the far one."""
        mean = self.near.mean_seconds(function, print_)
        return self._ask_far(None, self.far.mean_seconds, function, print_) if mean is None else mean

    def accept(self, said: Accepted) -> None:
        """Remembers what somebody said of two definitions; where that cannot be told to both it is told to none."""
        self.far.accept(said)
        self.near.accept(said)

    def list_accepted(self, function: str | None = None) -> list[Accepted]:
        """Returns what was said of the definitions of a function, or of all, the oldest first."""
        said = {(one.function, one.old, one.new): one for one in self.near.list_accepted(function)}
        said.update({(one.function, one.old, one.new): one for one in self._ask_far([], self.far.list_accepted, function)})
        return sorted(said.values(), key=lambda one: one.made)

    # Leases

    def acquire(self, at: bytes, owner: str, seconds: float) -> bool:
        """Takes the lease of a place on both sides: the near one's keeps this machine in order while the far one is gone."""
        if not self.near.acquire(at, owner, seconds):
            return False
        if self._ask_far(True, self.far.acquire, at, owner, seconds):
            return True
        self.near.release([at], owner)
        return False

    def renew(self, ats: Sequence[bytes], owner: str, seconds: float) -> None:
        """Prolongs leases that an owner has."""
        self._ask_far(None, self.far.renew, ats, owner, seconds)
        self.near.renew(ats, owner, seconds)

    def release(self, ats: Sequence[bytes], owner: str) -> None:
        """Gives leases back."""
        self._ask_far(None, self.far.release, ats, owner)
        self.near.release(ats, owner)

    # The whole

    def flush(self) -> None:
        """Returns when everything that was put is where it outlives this process."""
        self._ask_far(None, self.far.flush)
        self.near.flush()

    def close(self) -> None:
        """Lets go of files and connections."""
        self.far.close()
        self.near.close()

    def _ask_far(self, otherwise: Any, call: Callable[..., Any], *args: Any) -> Any:
        """Returns the answer of the far one, `otherwise` where it fails."""
        try:
            return call(*args)
        except StoreError:
            self._unanswered += 1
            return otherwise


class Tiered(AnyStore):
    """A store near at hand before one that many share: a folder on a local disk before a server.

    Whatever is kept goes to both.  What the far store has is copied when it is asked for, so that it is asked for once on each
    machine, and a machine works on while the server is gone.  Leases are of both.

    Args:
        near: on this machine, and asked first; its ``min_seconds``, ``single_flight`` and ``lease_seconds`` hold for both.
        far: asked for what is not near.

    Both belong to this store from now on, and are closed with it.

    Example:
        >>> from dug.stores import Store, Tiered
        >>> from dug.stores.redis import RedisStore
        >>> Tiered(Store("book.store"), RedisStore("redis://localhost:6379/0"))
        <dug.stores.Tiered book.store before redis://localhost:6379/0>

    .. versionadded:: 0.1.0
    """

    def __init__(self, near: AnyStore, far: AnyStore, **options: Never) -> None:
        for name in options:
            raise TypeError(f"Tiered has no options; those of its near store hold: Tiered(Store(path, {name}=...), far).")
        _check_tiers(near, far)
        told = options_of(near)
        told["allow_pickle"] = near.allow_pickle and far.allow_pickle
        super().__init__(TieredBackend(near.backend, far.backend), **told)
        self.refused = far.refused
        self.tiers = near, far
        """Each closes what it has once nobody holds it."""


def _check_tiers(near: object, far: object) -> None:
    remedy = "Write Tiered(Store(path), RedisStore(url))."
    for store in (near, far):
        if not isinstance(store, AnyStore):
            raise TypeError(f"{show(store)} is not a store. {remedy}")
    if near is far or (isinstance(near, Store) and isinstance(far, Store) and near.backend.shown == far.backend.shown):
        raise ValueError(f"{show(near)} cannot be before itself. {remedy}")
    if near.backend.is_remote and not far.backend.is_remote:  # type: ignore[attr-defined]  # both are stores
        raise ValueError(f"{show(near)} is on a server, and cannot be before {show(far)}, which is on this machine. {remedy}")
