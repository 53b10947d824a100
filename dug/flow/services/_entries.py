"""What a tape's entries are in bytes: `Sealing` packs values, ends and errors, and signs them for their places.

An entry is one letter and what follows: ``L`` a list of values as typed JSON, ``M`` values of any codec one after the other,
``E`` the end, ``F`` an error.  In an ``M`` the sizes of a value's parts come before it.
A signature covers the run, the tape and the id of the entry: none can be put in another place.

`Entry` is one that was read; `write_failure` and `read_failure` turn an error to JSON and back, with `RemoteTraceback` as its
cause.  `_make_loaded` makes an exception of a class that is loaded here, `_split` parts the values of an ``M``.  `pack`,
`unpack`, `seal`, `open` and `chunk` are the verbs.
"""

import json
import struct
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from ..._core.read import Failure
from ..._extras.packages import find_loaded
from ..._portable.errors import make_error, write_error
from ..._portable.nodes import clean, json_of, read_json
from ..._portable.rows import ErrorRow
from ...codec import Encoded, decode, encode
from ...stores._signing import Signing

_HEAD = struct.Struct("<HI")
Packed = tuple[str, bytes]
"""The codec of a value, with what it takes to read it, as text; and its bytes."""


class RemoteTraceback(Exception):  # noqa: N818  it is never raised
    """The cause of an error that came from another service: its text is the traceback there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}" if self.args else ""


@frozen
class Entry:
    """An entry that was read."""

    end: int
    """How many values there are up to its end."""
    values: Sequence[Any] = ()
    is_last: bool = False
    error: BaseException | None = None


@frozen
class Sealing:
    """How values become entries of one run: whether they are signed, and whether they may be pickled."""

    run: str
    signing: Signing | None = None
    allow_pickle: bool = False

    def pack(self, value: Any) -> Packed:
        """Returns a value as bytes, as it is now.

        Raises:
            CodecError: it has no codec.
        """
        encoded = encode(value, allow_pickle=self.allow_pickle)
        if encoded.codec == "json":
            return "json", encoded.parts[0]  # type: ignore[return-value]  # typed JSON is one piece of bytes
        return json.dumps([encoded.codec, sorted(encoded.needs)]), b"".join(encoded.parts)

    def unpack(self, packed: Packed) -> Any:
        """Returns a value that `pack` wrote."""
        head, data = packed
        codec, needs = ("json", ()) if head == "json" else json.loads(head)
        return decode(Encoded(codec, (data,), frozenset(needs)), trust=self.allow_pickle)

    def seal(self, what: str, at: str, data: bytes) -> bytes:
        """Returns bytes with a signature for their place, if there is a key."""
        return data if self.signing is None else self.signing.seal(what, self._place(at), data)

    def open(self, what: str, at: str, sealed: bytes) -> bytes | None:
        """Returns the bytes that were sealed for a place; None if they were not."""
        return sealed if self.signing is None else self.signing.open(what, self._place(at), sealed)

    def _place(self, at: str) -> bytes:
        return json.dumps([self.run, at]).encode()

    # Entries

    def chunk(self, tape: str, first: int, values: Sequence[Packed]) -> bytes:
        """Returns values as an entry that begins after `first` others."""
        if all(head == "json" for head, _ in values):
            data = b"L[" + b",".join([one for _, one in values]) + b"]"
        else:
            data = b"M" + b"".join(_HEAD.pack(len(head.encode()), len(one)) + head.encode() + one for head, one in values)
        return self.seal("t", f"{tape}/{first + len(values)}-0", data)

    def last(self, tape: str, count: int, epoch: int, error: BaseException | None) -> bytes:
        """Returns the entry after the last value: the end, or an error."""
        data = b"E" if error is None else b"F" + write_failure(error)
        return self.seal("t", f"{tape}/{count}-{epoch}", data)

    def read(self, tape: str, at: str, sealed: bytes) -> Entry | None:
        """Returns what an entry says; None where it was not signed for its place, or is none of those that are written."""
        data = self.open("t", f"{tape}/{at}", sealed)
        if data is None or data[:1] not in (b"L", b"M", b"E", b"F"):
            return None
        end, kind = int(at.partition("-")[0]), data[:1]
        if kind == b"L":
            return Entry(end, decode(Encoded("json", (data[1:],))))
        if kind == b"M":
            return Entry(end, [self.unpack(one) for one in _split(memoryview(data)[1:])])
        return Entry(end, is_last=True, error=None if kind == b"E" else read_failure(data[1:]))


def _split(data: memoryview) -> list[Packed]:
    found, at = [], 0
    while at < len(data):
        head, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        found.append((bytes(data[at : at + head]).decode(), bytes(data[at + head : at + head + size])))
        at += head + size
    return found


def write_failure(error: BaseException) -> bytes:
    """Returns an error as JSON: its type, its text, its traceback, and the arguments from which it can be made again."""
    cause = error.__cause__
    row = write_error(0, Failure.of(error, error.__traceback__, is_out=True))
    trace = cause.args[0] if isinstance(cause, RemoteTraceback) else row.traceback  # the place where it was raised first
    return json.dumps([row.type, row.text, trace, row.arguments or json_of(error.args)]).encode()


def read_failure(data: bytes) -> BaseException:
    """Returns an exception that says what `write_failure` wrote, of the same type if that is known here."""
    kind, text, trace, arguments = json.loads(data)
    error = _make_loaded(kind, text, arguments) or make_error(ErrorRow(0, kind, text, trace, arguments))
    error.__cause__ = RemoteTraceback(trace)
    return error


def _make_loaded(kind: str, text: str, arguments: str | None) -> BaseException | None:
    """Returns an exception of a class that is loaded here, if it then says the same; its ``__init__`` is not called."""
    module, _, name = kind.partition(":")
    known = find_loaded(module, name)
    if module == "builtins" or arguments is None or not (isinstance(known, type) and issubclass(known, Exception)):
        return None
    try:
        args = read_json(arguments)
        made = known.__new__(known, *args)
        made.args = args
    except Exception:  # noqa: BLE001  it is the user's
        return None
    return made if clean(made) == text else None
