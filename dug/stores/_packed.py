"""A row as the bytes that a server of keys and values keeps: `pack` and `unpack`; its place and its value's bytes lie apart."""

import json

from ._backend import Row

DIGEST_BYTES = 16
_HEAD_BYTES = 4
"""How many bytes say how long the head is."""


def pack(row: Row) -> bytes:
    """Returns a row as bytes: a head as JSON, and the path."""
    head = [row.function, row.print, row.arguments, row.codec, row.needs, row.size, row.seconds, row.own_seconds, row.made]
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join((row.digest, len(text).to_bytes(_HEAD_BYTES, "little"), text, row.path))


def unpack(at: bytes, packed: bytes) -> Row | None:
    """Returns what `pack` wrote of the row at a place, without the bytes of its value; None where that is damaged."""
    begin = DIGEST_BYTES + _HEAD_BYTES
    end = begin + int.from_bytes(packed[DIGEST_BYTES:begin], "little")
    try:
        function, print_, arguments, codec, needs, size, seconds, own, made = json.loads(packed[begin:end])
    except ValueError:
        return None
    digest, path = packed[:DIGEST_BYTES], packed[end:]
    return Row(at, function, print_, arguments, path, digest, codec, needs, b"", size, seconds, own, made)
