"""The path of a run: what it read, and the digest of what each read gave, in the order in which it asked; packed and sealed.

Reads that a coroutine function made together (`asyncio.gather`) end in any order, so they are sorted within their group.  The
seal covers the place, the path and the digest of the value: a row with a bit flipped anywhere is told from a whole one.
"""

import json
import zlib
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from ._digest import digest_bytes

_SEAL = 8
_LONG = 1_024
"""A longer one is compressed."""


@frozen(eq=False)
class Path:
    """What a run read."""

    calls: list[tuple[str, str]]
    """The names of functions, and arguments as typed JSON."""
    digests: list[bytes]
    ends: list[int]
    """Where the groups end of reads that were made together; empty where each was made by itself."""

    def starts(self) -> tuple[int | None, ...] | None:
        """Returns the starts of the reads, as `Memo.read_starts` has them; None where each was made by itself."""
        if not self.ends:
            return None
        found: list[int | None] = []
        for end in self.ends:
            first = len(found)
            found.extend([None] if end == first + 1 else [first] * (end - first))
        return tuple(found)


def make_path(calls: list[tuple[str, str]], digests: list[bytes], starts: Sequence[int | None] | None) -> Path:
    """Returns the path of reads in the order in which they were noted."""
    if not starts or len(starts) != len(calls):
        return Path(calls, digests, [])
    ends, first = [], 0
    for place in range(1, len(calls)):
        start = starts[place]
        if (place if start is None else start) > first:
            ends.append(place)
            first = place
    ends.append(len(calls))
    if len(ends) == len(calls):
        return Path(calls, digests, [])
    order: list[int] = []
    for end in ends:
        order.extend(sorted(range(len(order), end), key=calls.__getitem__))
    return Path([calls[place] for place in order], [digests[place] for place in order], ends)


def pack(path: Path, at: bytes, digest: bytes) -> bytes:
    """Returns a path as bytes, sealed with its place and the digest of the value."""
    names = list(dict.fromkeys(name for name, _ in path.calls))
    numbers = {name: number for number, name in enumerate(names)}
    said = [names, [numbers[name] for name, _ in path.calls], [arguments for _, arguments in path.calls], path.ends]
    text = json.dumps(said, separators=(",", ":")).encode()
    body = len(text).to_bytes(4, "little") + text + b"".join(path.digests)
    body = b"z" + zlib.compress(body, 1) if len(body) > _LONG else b"-" + body
    return digest_bytes(at, digest, body)[:_SEAL] + body


NOTHING = Path([], [], [])
"""The path of a run that read nothing."""
_PACKED_NOTHING = pack(NOTHING, b"", b"")[_SEAL:]


def unpack(packed: bytes, at: bytes, digest: bytes) -> Path | None:
    """Returns the path that `pack` was given; None where it, its place or the digest of the value is damaged."""
    body: Any = packed[_SEAL:]
    if digest_bytes(at, digest, body)[:_SEAL] != packed[:_SEAL]:
        return None
    if body == _PACKED_NOTHING:
        return NOTHING
    body = zlib.decompress(body[1:]) if body[:1] == b"z" else body[1:]
    end = 4 + int.from_bytes(body[:4], "little")
    names, numbers, arguments, ends = json.loads(body[4:end])
    calls = [(names[number], one) for number, one in zip(numbers, arguments, strict=True)]
    return Path(calls, [body[place : place + 16] for place in range(end, len(body), 16)], ends)
