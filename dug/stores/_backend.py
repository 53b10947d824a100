"""The border of a store: what is above knows nodes and values, what is below rows of bytes; `Backend`, `Row`, `Found`.

A backend keeps rows by their place (``at``, 16 bytes) and the bytes of values by their digest (16 bytes), and never looks into
either.  It hands out leases, and remembers which definitions of functions rows are of.  What a row means, what is worth keeping,
when it is written and whether a value is what its digest says is decided above, once for all backends.

Every verb may be called from any thread, and in a forked child.  Whatever goes wrong outside (a full disk, a server that is gone)
is a `StoreError`; above, that counts as a miss.  A row is there as a whole or not at all, and the first one at a place stays.

A backend reads (`get`, `get_many`, `get_rows`, `get_data`, `list_rows`, `measure`), keeps (`put`, `flush`, `close`) and removes
(`delete`, `delete_data`, `forget`, `sweep`); it has leases (`acquire`, `renew`, `release`), definitions (`note`, `list_seen`,
`mean_seconds`, `accept`, `list_accepted`: `Seen`, `Accepted`) and invalidations (`get_invalidation`, `tell_invalidation`,
`note_invalidation`; `name_invalidation` makes one, `remove` takes rows out).  Here are the signatures, and the tuples that they
exchange; the code of each verb is in `_sqlite` (a folder), `_redis` (a server) and `_tiered` (two stores, one before the other).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple
from uuid import uuid4

from attrs import frozen

from ..errors import StoreError

__all__ = ["Accepted", "Backend", "Found", "Row", "Seen", "Sizes", "StoreError"]


class Row(NamedTuple):
    """One run to be kept: where it lies, what it read and what it gave."""

    at: bytes
    function: str
    """``module:qualname``."""
    print: str
    """The fingerprint of the function."""
    arguments: str
    """Typed JSON."""
    path: bytes
    """What it read; opaque here."""
    digest: bytes
    """That of the value."""
    codec: str
    needs: str
    """The requirements for reading the value, a line for each."""
    data: bytes
    """The bytes of the value.  Of rows that are listed: none."""
    size: int
    """How many bytes the value has."""
    seconds: float
    own_seconds: float
    made: float
    """When it was made, in seconds since 1970."""

    def found(self, data: bytes | None) -> "Found":
        """Returns it as a look at its place finds it, with the bytes of its value or None."""
        told = self.path, self.digest, self.codec, self.needs, self.size, data, self.seconds, self.own_seconds
        return Found(*told, self.function, self.arguments)


class Found(NamedTuple):
    """What a look at a place finds: as much as answering takes."""

    path: bytes
    digest: bytes
    codec: str
    needs: str
    size: int
    data: bytes | None
    """The bytes of the value; None where they lie apart: ask `Backend.get_data`."""
    seconds: float
    own_seconds: float
    function: str
    arguments: str


class Seen(NamedTuple):
    """A definition of a function of which there are rows, as it was."""

    function: str
    print: str
    source: str
    """The text of the function; empty where there was none."""
    parts: str
    """Its reach by place, as JSON."""
    packages: str
    """The installed packages that it uses, as JSON: versions by name."""


class Accepted(NamedTuple):
    """Somebody's word that a definition of a function means the same as an older one."""

    function: str
    old: str
    """The fingerprint of the older one."""
    new: str
    who: str
    made: float
    """When it was said, in seconds since 1970."""
    note: str


@frozen
class Sizes:
    """How much a backend keeps."""

    rows: int
    values: int
    size: int
    """Bytes of the values; the files or the server may take more."""


class Backend(ABC):
    """Keeps rows and values somewhere."""

    shown: str
    """What messages call it, such as its path."""
    is_read_only: bool = False
    is_remote: bool = False
    """True where a look is a trip to a server."""

    @property
    def unanswered(self) -> int:
        """How many asks were not answered, and taken for a miss without an error."""
        return 0

    # Rows and values

    @abstractmethod
    def get(self, at: bytes) -> Found | None:
        """Returns the row at a place, None where there is none; where its value is gone, one without bytes and codec."""

    def get_many(self, ats: Sequence[bytes]) -> dict[bytes, Found]:
        """Returns those rows that there are, by place; a backend with slow trips asks for all at once."""
        found = ((at, self.get(at)) for at in ats)
        return {at: row for at, row in found if row is not None}

    @abstractmethod
    def get_rows(self, ats: Sequence[bytes]) -> list[Row]:
        """Returns those rows that there are with the bytes of their values, as a nearer backend keeps them."""

    @abstractmethod
    def get_data(self, digest: bytes) -> bytes | None:
        """Returns the bytes of a value, whether or not they lie apart; None where they are not there."""

    @abstractmethod
    def put(self, rows: Sequence[Row]) -> int:
        """Keeps rows with their values, all of them or none; one whose place is taken, or a value that is there, stays.

        Returns:
            How many of the rows are new, and kept.
        """

    @abstractmethod
    def delete(self, ats: Iterable[bytes]) -> None:
        """Forgets rows; their values stay until `sweep`."""

    @abstractmethod
    def delete_data(self, digests: Iterable[bytes]) -> None:
        """Forgets the bytes of values, which were found damaged; a row that has one of them gives nothing from now on."""

    @abstractmethod
    def list_rows(self, function: str | None = None) -> Iterator[Row]:
        """Yields the rows of a function, or all, without the bytes of their values."""

    def forget(self, function: str, is_of: Callable[[Row], bool]) -> None:
        """Forgets those rows of a function of which `is_of` says so, for every process: they were invalidated.

        Notes the invalidation first, for `Tiered`: rows of this place may be copies, or have copies.

        Raises:
            StoreError: it does not answer, and rows may be left that would be served.
        """
        self.note_invalidation(function, name_invalidation(self.get_invalidation(function)))
        remove(self, function, is_of)

    @abstractmethod
    def sweep(self) -> int:
        """Forgets the values of which no row is left, and the definitions; returns how many bytes became free."""

    @abstractmethod
    def measure(self) -> Sizes:
        """Returns how much there is."""

    # Functions

    def prepare(self, function: str) -> None:  # noqa: B027  most have nothing to do
        """Is called before the first look for rows of a function in this process."""

    @abstractmethod
    def get_invalidation(self, function: str) -> str:
        """Returns the name of the last invalidation of a function; empty where none was noted.

        Raises:
            StoreError: it does not answer.
        """

    def tell_invalidation(self, function: str) -> str:
        """Returns a text that is another one once a function was invalidated, for whoever keeps runs of it.

        Raises:
            StoreError: it does not answer.
        """
        return self.get_invalidation(function).partition(NOT_YET)[0]

    @abstractmethod
    def note_invalidation(self, function: str, name: str, *, after: str | None = None) -> None:
        """Notes the last invalidation of a function, if `after` is None or the name of the last one until now.

        Raises:
            StoreError: it does not answer.
        """

    @abstractmethod
    def note(self, seen: Seen) -> None:
        """Remembers a definition of a function, unless it is known."""

    @abstractmethod
    def list_seen(self, function: str | None = None) -> list[Seen]:
        """Returns the definitions that it remembers, of a function or all, the oldest first."""

    @abstractmethod
    def mean_seconds(self, function: str, print_: str) -> float | None:
        """Returns what a run of a definition takes by itself, on the average of some rows; None where there are none."""

    @abstractmethod
    def accept(self, said: Accepted) -> None:
        """Remembers what somebody said of two definitions."""

    @abstractmethod
    def list_accepted(self, function: str | None = None) -> list[Accepted]:
        """Returns what was said of the definitions of a function, or of all, the oldest first."""

    # Leases

    @abstractmethod
    def acquire(self, at: bytes, owner: str, seconds: float) -> bool:
        """Takes the lease of a place; False while somebody else, or another run of this owner, has it."""

    @abstractmethod
    def renew(self, ats: Sequence[bytes], owner: str, seconds: float) -> None:
        """Prolongs leases that an owner has."""

    @abstractmethod
    def release(self, ats: Sequence[bytes], owner: str) -> None:
        """Gives leases back; those of another owner stay."""

    # The whole

    @abstractmethod
    def flush(self) -> None:
        """Returns when everything that was put is where it outlives this process."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of files and connections; any verb after that is a `StoreError`."""


NOT_YET = "?"
"""Follows the name of an invalidation that was noted here and nowhere else yet; after it comes the name of the one before."""


def name_invalidation(last: str) -> str:
    """Returns the name of a new invalidation, to be noted where `last` was the last one."""
    name, is_open, before = last.partition(NOT_YET)
    return f"{uuid4().hex}{NOT_YET}{before if is_open else name}"


def remove(backend: Backend, function: str, is_of: Callable[[Row], bool]) -> None:
    """Removes those rows of a function of which `is_of` says so, and notes nothing of it."""
    backend.delete([row.at for row in backend.list_rows(function) if is_of(row)])
