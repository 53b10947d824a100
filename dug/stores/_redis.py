"""`RedisBackend` keeps rows and values in a server that speaks the language of Redis, for whoever reaches it.

Keys begin with the prefix, the version of the format and, where entries are signed, the name of the key: what one reader cannot
read is not in its way.  Then a letter says what there is: ``r`` a row, ``v`` the bytes of a value, ``l`` a lease, ``m`` what runs
of a definition took; ``seen``, ``accepted`` and ``invalidated`` are hashes.  One trip looks for a row and its value, one
transaction keeps many.  A lease ends by the server's clock.  A server that does not answer holds nothing: see `_outage`.

`make_client` makes the client.  Of `_backend`'s verbs this file has what the server is asked; `_sqlite` does the same on a
database, `_tiered` over two.  `_ask` and `_insist` ask it, `_send` sends a transaction, `_scan` goes through keys, `_unpack`
opens a row, `_name` makes a key.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..errors import StoreError
from ._address import tell, without_password
from ._backend import Accepted, Backend, Found, Row, Seen, Sizes
from ._large import LargeValues
from ._outage import Outage, Seldom
from ._packed import DIGEST_BYTES, pack, unpack
from ._scripts import LOOK, NOTE_INVALIDATION, RELEASE, RENEW
from ._signing import SIGNATURE_BYTES, Signing

FORMAT = 2
LARGEST_BYTES = 256 * 1024
"""A larger value would keep the server from others for long: it goes into a folder."""
AT_ONCE_BYTES = 32 * 1024
"""A value up to this size comes with its row."""
TIMEOUT_S = 5.0
_FETCHED = b"+"
_HERE, _IN_FOLDER = b"h", b"f"

_logger = logging.getLogger("dug")


class RedisBackend(Backend):
    """Rows and values in a server.

    Args:
        url: as redis-py takes it, such as ``redis://host:6379/0``, ``rediss://`` or ``unix://``.
        prefix: the first part of all keys.
        blobs: the folder for values over 256 kB, which all who share the server reach; None: such values are not kept.
        key: signs all entries, and entries that it did not sign are misses.
        clock: gives the time in seconds, for pauses and warnings.
    """

    is_remote = True

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        blobs: "str | os.PathLike[str] | None",
        key: bytes | None,
        clock: Callable[[], float],
    ) -> None:
        self.shown = without_password(url)
        self.refused: dict[str, str] = {}
        """Why no value of a function is kept."""
        self.forged = 0
        """How many entries had a signature that is not of the key."""
        self._signing = None if key is None else Signing(key)
        parts = (prefix, str(FORMAT), *(() if self._signing is None else (self._signing.name,)))
        self._prefix = ":".join(parts).encode() + b":"
        self._large = None if blobs is None else LargeValues(blobs)
        self._outage = Outage(self.shown, (redis.RedisError, OSError), clock, partial(tell, self.shown))
        self._forgery_is_told, self._size_is_told = Seldom(clock), Seldom(clock)
        self._client = make_client(url)
        scripts = map(self._client.register_script, (LOOK, RENEW, RELEASE, NOTE_INVALIDATION))
        self._look, self._renew, self._release, self._note_invalidation = scripts
        self._is_closed = False

    @property
    def unanswered(self) -> int:
        """How many asks the server did not answer."""
        return self._outage.failed

    # Rows and values

    def get(self, at: bytes) -> Found | None:
        """Returns the row at a place, None where there is none."""
        return self.get_many([at]).get(at)

    def get_many(self, ats: Sequence[bytes]) -> dict[bytes, Found]:
        """Returns those rows that there are, by place, in one trip."""
        found = {}
        for row, has_value, data in self._find(ats):
            found[row.at] = row.found(data) if has_value else row._replace(codec="", needs="", size=0).found(None)
        return found

    def _find(self, ats: Sequence[bytes]) -> list[tuple[Row, bool, bytes | None]]:
        """Returns rows, whether their values are there, and the bytes of those that are small."""
        skipped = 0 if self._signing is None else SIGNATURE_BYTES
        names, options = [self._name("r", at) for at in ats], [self._name("v"), skipped, AT_ONCE_BYTES]
        answer = self._ask([None] * (2 * len(ats)), self._look, names, options)
        found = []
        for at, sealed, value in zip(ats, answer[::2], answer[1::2], strict=True):
            row = None if sealed is None else self._unpack(at, sealed)
            if row is not None:
                found.append((row, *self._read(row.digest, value)))
            elif sealed is not None:
                self._ask(None, self._client.unlink, self._name("r", at))  # damaged: the next run writes it anew
        return found

    def _read(self, digest: bytes, value: bytes | None) -> tuple[bool, bytes | None]:
        """Returns whether a value is there, and its bytes if the server sent them; of a larger one it sent a sign alone."""
        if value is None or value[:1] != _FETCHED:
            return value is not None, None
        content = self._open("v", digest, value[1:])
        if content is None:
            self.delete_data([digest])
            return False, None
        if content[:1] == _IN_FOLDER:
            return self._large is not None and self._large.has(digest), None
        return True, content[1:]

    def _unpack(self, at: bytes, sealed: bytes) -> Row | None:
        opened = self._open("r", at, sealed)
        return None if opened is None else unpack(at, opened)

    def get_rows(self, ats: Sequence[bytes]) -> list[Row]:
        """Returns those rows that there are with the bytes of their values, in one trip and one for each large value."""
        found = self._find(ats)
        values = [self.get_data(row.digest) if has_value and data is None else data for row, has_value, data in found]
        return [row._replace(data=data) for (row, *_), data in zip(found, values, strict=True) if data is not None]

    def get_data(self, digest: bytes) -> bytes | None:
        """Returns the bytes of a value; None where they are not there."""
        sealed = self._ask(None, self._client.get, self._name("v", digest))
        data = None if sealed is None else self._open("v", digest, sealed)
        if data is None or data[:1] == _HERE:
            return data and data[1:]
        apart = None if self._large is None else self._large.get(digest)
        return None if apart is None else self._open("v", digest, apart)

    def put(self, rows: Sequence[Row]) -> int:
        """Keeps rows with their values in one transaction; returns how many of them are new."""
        self._check_open()
        if self._outage.is_paused:
            return 0
        rows = [row for row in rows if self._fits(row)]
        return int(self._ask(0, self._send, rows)) if rows else 0

    def _fits(self, row: Row) -> bool:
        """True for a row whose value is small, or lies in the folder now."""
        if row.size <= LARGEST_BYTES:
            return True
        size, limit = f"{row.size:,}", f"{LARGEST_BYTES:,}"
        why = f"a value has {size} bytes, and more than {limit} go into a folder: give it blobs=folder"
        if self._large is not None:
            try:
                self._large.put(row.digest, self._seal("v", row.digest, row.data))
            except OSError as exc:
                why = f"a value of {size} bytes cannot be written: {exc}. Look after the folder of blobs="
            else:
                return True
        self.refused[row.function] = why
        if self._size_is_told.is_due():
            _logger.warning("%s does not keep runs of %s: %s", self.shown, row.function, self.refused[row.function])
        return False

    def _send(self, rows: Sequence[Row]) -> int:
        """Keeps the values before the rows, so that no row is ever without; returns how many rows are new."""
        with self._client.pipeline(transaction=True) as pipeline:
            for row in rows:
                content = _HERE + row.data if row.size <= LARGEST_BYTES else _IN_FOLDER
                pipeline.set(self._name("v", row.digest), self._seal("v", row.digest, content), nx=True)
                pipeline.set(self._name("r", row.at), self._seal("r", row.at, pack(row)), nx=True)
                mean = self._name_mean(row.function, row.print)
                pipeline.hincrbyfloat(mean, "seconds", row.own_seconds)
                pipeline.hincrby(mean, "runs", 1)
            answers = pipeline.execute()
        return sum(bool(is_new) for is_new in answers[1::4])

    def delete(self, ats: Iterable[bytes]) -> None:
        """Forgets rows; their values stay until `sweep`.

        Raises:
            StoreError: the server does not answer: rows that stay would be served as if nobody had removed them.
        """
        names = [self._name("r", at) for at in ats]
        if names:
            self._insist(self._client.unlink, *names)

    def delete_data(self, digests: Iterable[bytes]) -> None:
        """Forgets the bytes of values."""
        gone = list(digests)
        if self._large is not None:
            for digest in gone:
                self._large.delete(digest)
        if gone:
            self._ask(None, self._client.unlink, *(self._name("v", digest) for digest in gone))

    def list_rows(self, function: str | None = None) -> Iterator[Row]:
        """Yields the rows of a function, or all, without the bytes of their values: looks at each entry of the server.

        Those that are damaged are among all, and of no function.
        """
        for names in self._scan("r"):
            ats = [name[len(self._name("r")) :] for name in names]
            for at, sealed in zip(ats, self._insist(self._client.mget, names), strict=True):
                row = None if sealed is None else self._unpack(at, sealed) or _damaged(at)
                if row is not None and function in (None, row.function):
                    yield row

    def sweep(self) -> int:
        """Forgets the values of which no row is left, and the definitions; returns how many bytes became free."""
        rows = list(self.list_rows())
        used, defined = {row.digest for row in rows}, {(row.function, row.print) for row in rows}
        freed = 0
        for names in self._scan("v"):
            left = [name for name in names if name[len(self._name("v")) :] not in used]
            freed += sum(self._measure(left))
            if self._large is not None:
                freed += sum(self._large.delete(name[len(self._name("v")) :]) for name in left)
            if left:
                self._insist(self._client.unlink, *left)
        for seen in self.list_seen():
            if (seen.function, seen.print) not in defined:
                self._insist(self._client.hdel, self._name("seen"), _field(seen.function, seen.print))
        return freed

    def measure(self) -> Sizes:
        """Returns how much there is: a value without a row counts, and one that was evicted does not."""
        rows = list(self.list_rows())
        sizes = {row.digest: row.size for row in rows}
        first, around = len(self._name("v")), 1 if self._signing is None else 1 + SIGNATURE_BYTES
        values = size = 0
        for names in self._scan("v"):
            values += len(names)
            unknown = [name for name in names if name[first:] not in sizes]
            size += sum(sizes.get(name[first:], 0) for name in names) + sum(self._measure(unknown)) - around * len(unknown)
        return Sizes(len(rows), values, size)

    def _measure(self, names: Sequence[bytes]) -> list[int]:
        """Returns how many bytes each of some entries takes at the server, in one trip."""
        if not names:
            return []
        with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.strlen(name)
            return list(self._insist(pipeline.execute))

    # Functions

    def get_invalidation(self, function: str) -> str:
        """Returns the name of the last invalidation of a function; empty where none was noted."""
        return (self._insist(self._client.hget, self._name("invalidated"), function) or b"").decode()

    def note_invalidation(self, function: str, name: str, *, after: str | None = None) -> None:
        """Notes the last invalidation of a function, if `after` is None or the name of the last one until now."""
        conditions = [] if after is None else [after]
        self._insist(self._note_invalidation, [self._name("invalidated")], [function, name, *conditions])

    def note(self, seen: Seen) -> None:
        """Remembers a definition of a function, unless it is known."""
        said = json.dumps([*seen, time.time()])
        self._ask(None, self._client.hsetnx, self._name("seen"), _field(seen.function, seen.print), said)

    def list_seen(self, function: str | None = None) -> list[Seen]:
        """Returns the definitions that it remembers, the oldest first."""
        said = self._ask((), self._client.hvals, self._name("seen"))
        rows = sorted((json.loads(one) for one in said), key=lambda row: row[-1])
        return [Seen(*row[:-1]) for row in rows if function in (None, row[0])]

    def mean_seconds(self, function: str, print_: str) -> float | None:
        """Returns what a run of a definition takes by itself, on the average; None where there were none."""
        seconds, runs = self._ask((None, None), self._client.hmget, self._name_mean(function, print_), "seconds", "runs")
        return None if runs is None else float(seconds) / int(runs)

    def accept(self, said: Accepted) -> None:
        """Remembers what somebody said of two definitions.

        Raises:
            StoreError: the server does not answer.
        """
        field = _field(said.function, said.old, said.new)
        self._insist(self._client.hset, self._name("accepted"), field, json.dumps(said))

    def list_accepted(self, function: str | None = None) -> list[Accepted]:
        """Returns what was said of the definitions of a function, or of all, the oldest first."""
        texts = self._ask((), self._client.hvals, self._name("accepted"))
        said = sorted((Accepted._make(json.loads(text)) for text in texts), key=lambda one: one.made)
        return [one for one in said if function in (None, one.function)]

    # Leases

    def acquire(self, at: bytes, owner: str, seconds: float) -> bool:
        """Takes the lease of a place; also true where the server does not answer, as nobody waits for it."""
        name, span_ms = self._name("l", at), max(1, int(seconds * 1000))
        return bool(self._ask(True, partial(self._client.set, nx=True, px=span_ms), name, owner))

    def renew(self, ats: Sequence[bytes], owner: str, seconds: float) -> None:
        """Prolongs leases that an owner has."""
        names, span_ms = [self._name("l", at) for at in ats], max(1, int(seconds * 1000))
        if names:
            self._ask(None, self._renew, names, [owner, span_ms])

    def release(self, ats: Sequence[bytes], owner: str) -> None:
        """Gives leases back."""
        names = [self._name("l", at) for at in ats]
        if names:
            self._ask(None, self._release, names, [owner])

    # The whole

    def flush(self) -> None:
        """Returns at once: what was put is at the server."""

    def close(self) -> None:
        """Closes the connections."""
        self._is_closed = True
        self._client.close()

    # Asking

    def _ask(self, otherwise: Any, call: Callable[..., Any], *args: Any) -> Any:
        """Returns the server's answer, `otherwise` where it gives none."""
        self._check_open()
        return self._outage.ask(lambda: call(*args), otherwise)

    def _insist(self, call: Callable[..., Any], *args: Any) -> Any:
        """Returns the server's answer.

        Raises:
            StoreError: it gives none.
        """
        self._check_open()
        try:
            return call(*args)
        except (redis.RedisError, OSError) as exc:
            raise StoreError(tell(self.shown, exc)) from exc

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreError(f"The store {self.shown} was closed. Make a new RedisStore().")

    def _scan(self, kind: str) -> Iterator[list[bytes]]:
        """Yields the names of all entries of a kind, some at a time, each once."""
        pattern = _literally(self._name(kind)) + b"?" * DIGEST_BYTES
        cursor, known = 0, set[bytes]()
        while True:
            cursor, names = self._insist(self._client.scan, cursor, pattern, 1000)
            fresh = [name for name in dict.fromkeys(names) if name not in known]
            known.update(fresh)
            if fresh:
                yield fresh
            if cursor == 0:
                return

    # Names and signatures

    def _name(self, kind: str, rest: bytes = b"") -> bytes:
        return self._prefix + kind.encode() + b":" + rest

    def _name_mean(self, function: str, print_: str) -> bytes:
        return self._name("m", _field(function, print_).encode())

    def _seal(self, kind: str, at: bytes, data: bytes) -> bytes:
        return data if self._signing is None else self._signing.seal(kind, at, data)

    def _open(self, kind: str, at: bytes, sealed: bytes) -> bytes | None:
        opened = sealed if self._signing is None else self._signing.open(kind, at, sealed)
        if opened is None:
            self.forged += 1
            if self._forgery_is_told.is_due():
                _logger.warning("%s holds an entry that was not signed with the key of this store. It is not used.", self.shown)
        return opened


def make_client(url: str) -> redis.Redis:
    """Returns a client, which connects when it is asked for something.

    Raises:
        ValueError: redis-py does not know an argument of the address; it would say so at the first ask only.
    """
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S / 5,
            retry=Retry(NoBackoff(), 1),  # a connection that lay idle may be gone; a server that is gone is left alone
        )
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError) as exc:
        names = ", ".join(parse_qs(urlsplit(url).query))  # not the values: one may be a password
        shown = without_password(url)
        raise ValueError(f"redis-py does not take what follows the ? of {shown}: {names} ({exc}). Leave it out.") from exc
    return client


def _damaged(at: bytes) -> Row:
    return Row(at, "(damaged)", "", "", b"", bytes(DIGEST_BYTES), "", "", b"", 0, 0.0, 0.0, 0.0)


def _field(*texts: str) -> str:
    return "\n".join(texts)


def _literally(name: bytes) -> bytes:
    """Returns the pattern that only this name fits."""
    return b"".join(b"\\" + sign if sign in b"*?[]^-\\" else sign for sign in (name[i : i + 1] for i in range(len(name))))
