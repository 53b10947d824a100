"""`RedisStore`, a store in a server of Redis or Valkey, for the processes of many machines; needs redis-py.

The client is imported when a store is made, and not before.
"""

import time
from collections.abc import Callable
from os import PathLike, fspath
from typing import TYPE_CHECKING

from .._extras.packages import import_extra
from .._text.values import show
from ..errors import StoreError
from ._store import AnyStore

if TYPE_CHECKING:
    from ._redis import RedisBackend

__all__ = ["RedisStore"]


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
        min_seconds: a run that took less by itself, without what it called, is not kept.
        single_flight: a function whose runs take as long by themselves, or of which nothing is known, is run by one process at a
            time for one call; the others wait for the value.  None: never.
        lease_seconds: how long they wait, at most, for a process that does not answer any more; by the server's clock.
        allow_pickle: pickles values that have no codec, which needs a `key`.
        clock: the clock of pauses and warnings, in seconds, for tests: `dug.testing.Clock`.

    Raises:
        ImportError: redis-py is not installed; the message says what to type.
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
        min_seconds: float = 0.001,
        single_flight: float | None = 0.05,
        lease_seconds: float = 30.0,
        allow_pickle: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(url, str):
            raise TypeError(f"url must be a text, not {show(url)}. Write RedisStore('redis://localhost:6379/0').")
        if allow_pickle and key is None:
            raise StoreError(
                "Whoever can write to the server could run code in your process by a pickle. Sign what is kept: "
                "RedisStore(url, allow_pickle=True, key=secret)."
            )
        import_extra("redis", "redis", "RedisStore")
        from ._redis import RedisBackend  # optional package: imported where it is used

        backend = RedisBackend(url, prefix=prefix, blobs=blobs, key=key, clock=clock)
        super().__init__(
            backend,
            min_seconds=min_seconds,
            single_flight=single_flight,
            lease_seconds=lease_seconds,
            allow_pickle=allow_pickle,
        )
        self.refused = backend.refused
        self.url, self.prefix, self.is_signed = url, prefix, key is not None
        self.blobs = None if blobs is None else fspath(blobs)
