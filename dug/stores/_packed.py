"""A row as the bytes that a server of keys and values keeps: `pack` and `unpack`; the bytes of the value lie apart."""

import json
from typing import NamedTuple

from ._backend import Row

DIGEST_BYTES = 16
_HEAD_BYTES = 4
"""How many bytes say how long the head is."""


class Packed(NamedTuple):
    """A row without its place and the bytes of its value."""

    function: str
    print: str
    arguments: str
    path: bytes
    digest: bytes
    codec: str
    needs: str
    size: int
    seconds: float
    own_seconds: float
    made: float

    def row(self, at: bytes) -> Row:
        """Returns the row as it is listed."""
        return Row(at, **{**self._asdict(), "data": b""})


def pack(row: Row) -> bytes:
    """Returns a row as bytes: a head as JSON, and the path."""
    head = [row.function, row.print, row.arguments, row.codec, row.needs, row.size, row.seconds, row.own_seconds, row.made]
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((row.digest, len(text).to_bytes(_HEAD_BYTES, "little"), text, row.path))


def unpack(packed: bytes) -> Packed | None:
    """Returns what `pack` wrote; None where the bytes are damaged."""
    begin = DIGEST_BYTES + _HEAD_BYTES
    end = begin + int.from_bytes(packed[DIGEST_BYTES:begin], "little")
    try:
        function, print_, arguments, codec, needs, size, seconds, own, made = json.loads(packed[begin:end])
    except ValueError:
        return None
    digest, path = packed[:DIGEST_BYTES], packed[end:]
    return Packed(function, print_, arguments, path, digest, codec, needs, size, seconds, own, made)
