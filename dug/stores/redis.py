"""`RedisStore`, a store in a server of Redis or Valkey, for the processes of many machines; needs redis-py.

The client is imported when a store is made, and not before.
"""

import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from .._extras.packages import import_extra
from .._text.values import show
from ..errors import StoreError
from ._address import check_address
from ._options import StoreOptions, check_path, read_options, takes_options
from ._store import AnyStore

if TYPE_CHECKING:
    from ._redis import RedisBackend

__all__ = ["RedisStore"]


@takes_options
class RedisStore(AnyStore):
    """A store in a server of Redis (7.0 or newer) or Valkey, for all processes that reach it.

    A server that does not answer is a miss: what it would have given is computed, and a warning a minute is logged.  What the
    server evicts is a miss, too.

    Args:
        url: where the server is, as redis-py takes it: ``redis://host:6379/0``, ``rediss://`` with TLS, ``unix://path``.
        prefix: the first part of the names of all keys; stores with different ones share a server and nothing else.
        blobs: a folder that all processes reach, for values of more than 256 kB; without one these are not kept, and
            ``report()`` names their functions.
        key: a secret of at least 16 bytes that all processes have.  Everything is signed with it, and what it did not sign is not
            used: give one where others can write to the server.
        clock: the clock of pauses and warnings, in seconds, for tests: `dug.testing.Clock`.
        options: those that every store has.

    The server's clock says when a lease is over, and ``allow_pickle`` needs a `key`.

    Raises:
        ImportError: redis-py is not installed; the message says what to type.
        TypeError: there is no such option, or its value is of a wrong type.
        ValueError: it is not an address, or a number is out of range.
        StoreError: the key is too short, or pickles are allowed without one.

    Example:
        >>> from dug.stores.redis import RedisStore
        >>> RedisStore("redis://:secret@localhost:6379/0", prefix="book")
        <dug.stores.RedisStore redis://localhost:6379/0>

    .. versionadded:: 0.1.0
    """

    backend: "RedisBackend"

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "dug",
        blobs: "str | PathLike[str] | None" = None,
        key: bytes | None = None,
        clock: Callable[[], float] = time.monotonic,
        **options: Unpack[StoreOptions],
    ) -> None:
        check_address(url)
        if not isinstance(prefix, str) or not prefix:
            raise TypeError(f"prefix must be a text that begins all keys, not {show(prefix)}. Write prefix='book'.")
        folder = None if blobs is None else check_path("blobs", blobs, "blobs='large.values'")
        if folder is not None and Path(folder).is_file():
            raise ValueError(f"blobs must be the path of a folder, and {folder} is a file. Write blobs='large.values'.")
        if not callable(clock):
            raise TypeError(f"clock must be a function that returns seconds, not {show(clock)}. Leave it out for the machine's.")
        if key is not None and not isinstance(key, bytes):
            raise TypeError("key must be bytes. Make one, once for all processes: secrets.token_bytes(32).")
        if read_options(self, options).allow_pickle and key is None:
            raise StoreError(
                "Whoever can write to the server could run code in your process by a pickle. Sign what is kept: "
                "RedisStore(url, allow_pickle=True, key=secret)."
            )
        import_extra("redis", "redis", "RedisStore")
        from ._redis import RedisBackend  # optional package: imported where it is used

        backend = RedisBackend(url, prefix=prefix, blobs=folder, key=key, clock=clock)
        super().__init__(backend, **options)
        self.refused = backend.refused
        self.url, self.prefix, self.is_signed = url, prefix, key is not None
        self.blobs = folder
