"""The path of a run: what it read, and the digest of what each read gave, in the order in which it asked; packed and sealed.

A read is that of a node, or of some items of a stream, its *span*.  The path of a stream says besides up to which of its reads
each of its items rests on them.

Reads that a coroutine function made together (`asyncio.gather`) end in any order, so they are sorted within their group.  The
seal covers the place, the call, the path, the digest of the value and what it takes to read it: a row with a bit flipped anywhere
is told from a whole one.

`Path` is it, `make_path` makes one, of reads (`Told`), spans and gates (`Gate`); `pack` and `unpack` turn it to bytes and back,
`reseal` serves format 1, `has_needs` checks what it takes to read the value.  `Span` is which items of a stream a run read.
`_write` packs the parts.
"""

import json
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from attrs import frozen

from ._backend import Found
from ._digest import digest_bytes

_SEAL = 8
_HEAD = 2 * _SEAL
"""The seal of all, and in it the one of what it takes to read the value: that lies with the value, which may be gone."""
_LONG = 1_024
"""A longer one is compressed."""


class Span(NamedTuple):
    """Which items of a stream a run read, after those that it had read before."""

    first: int
    """The position of the first one."""
    end: int
    """The position after the last one."""
    is_end: bool
    """True when it learned that the stream has no more."""


class Gate(NamedTuple):
    """A place in a kept stream: the items from here on rest on its first so many reads."""

    item: int
    reads: int


class Told(NamedTuple):
    """One read, as a path has it."""

    call: tuple[str, str]
    """The name of a function, and arguments as typed JSON."""
    digest: bytes
    span: Span | None = None
    """For a read of items: those of the stream that the call gives."""


@frozen(eq=False)
class Path:
    """What a run read."""

    reads: list[Told]
    ends: list[int]
    """Where the groups end of reads that were made together; empty where each was made by itself."""
    gates: list[Gate]
    """For a stream: its gates; the last one is its end.  Empty for anything else."""

    def starts(self) -> tuple[int | None, ...] | None:
        """Returns the starts of the reads, as `Memo.read_starts` has them; None where each was made by itself."""
        if not self.ends:
            return None
        found: list[int | None] = []
        for end in self.ends:
            first = len(found)
            found.extend([None] if end == first + 1 else [first] * (end - first))
        return tuple(found)


def make_path(reads: list[Told], starts: Sequence[int | None] | None) -> Path:
    """Returns the path of reads in the order in which they were noted."""
    if not starts or len(starts) != len(reads):
        return Path(reads, [], [])
    ends, first = [], 0
    for place in range(1, len(reads)):
        start = starts[place]
        if (place if start is None else start) > first:
            ends.append(place)
            first = place
    ends.append(len(reads))
    if len(ends) == len(reads):
        return Path(reads, [], [])
    ordered: list[Told] = []
    for end in ends:
        ordered.extend(sorted(reads[len(ordered) : end], key=_find_order))
    return Path(ordered, ends, [])


def _find_order(read: Told) -> tuple[tuple[str, str], tuple[int, ...]]:
    return read.call, read.span or ()


def pack(path: Path, at: bytes, digest: bytes, *, function: str, arguments: str, needs: str) -> bytes:
    """Returns a path as bytes, sealed with what else its row says: its place, the call, and the value."""
    body = _write(path)
    seal = seal_needs(needs)
    return _seal(at, digest, seal, function, arguments, body) + seal + body


def seal_needs(needs: str) -> bytes:
    """Returns what seals the requirements for reading a value."""
    return digest_bytes(needs.encode("utf-8", "surrogatepass"))[:_SEAL] if needs else _NO_NEEDS


def reseal(  # noqa: PLR0917  what SQLite gives of a row
    at: bytes, digest: bytes, packed: bytes, function: str | None, arguments: str, needs: str | None
) -> bytes:
    """Returns a path that format 1 of a folder had, which sealed the place and the value only; nothing where it is damaged."""
    seal, body = packed[:_SEAL], packed[_SEAL:]
    if function is None or needs is None or digest_bytes(at, digest, body)[:_SEAL] != seal:
        return b""
    seal = seal_needs(needs)
    return _seal(at, digest, seal, function, arguments, body) + seal + body


def _seal(at: bytes, digest: bytes, needs: bytes, function: str, arguments: str, body: bytes) -> bytes:  # noqa: PLR0917  a row
    call = f"{function}\0{arguments}".encode("utf-8", "surrogatepass")
    return digest_bytes(at, digest, needs, len(call).to_bytes(4, "little"), call, body)[:_SEAL]


def _write(path: Path) -> bytes:
    names = list(dict.fromkeys(read.call[0] for read in path.reads))
    numbers = {name: number for number, name in enumerate(names)}
    said: list[Any] = [
        names, [numbers[read.call[0]] for read in path.reads], [read.call[1] for read in path.reads], path.ends,
    ]  # fmt: skip
    spans = [(place, *read.span) for place, read in enumerate(path.reads) if read.span is not None]
    if spans or path.gates:
        said += [spans, path.gates]
    text = json.dumps(said, separators=(",", ":")).encode()
    body = len(text).to_bytes(4, "little") + text + b"".join(read.digest for read in path.reads)
    return b"z" + zlib.compress(body, 1) if len(body) > _LONG else b"-" + body


NOTHING = Path([], [], [])
"""The path of a run that read nothing."""
_PACKED_NOTHING = _write(NOTHING)
_NO_NEEDS = bytes(_SEAL)


def has_needs(found: Found) -> bool:
    """True where what it takes to read the value of a row is what it was, or the value is gone."""
    return not found.codec or found.path[_SEAL:_HEAD] == seal_needs(found.needs)


def unpack(found: Found, at: bytes) -> Path | None:
    """Returns the path that `pack` was given; None where it, its place, its call or the digest of the value is damaged."""
    packed = found.path
    body: Any = packed[_HEAD:]
    if _seal(at, found.digest, packed[_SEAL:_HEAD], found.function, found.arguments, body) != packed[:_SEAL]:
        return None
    if body == _PACKED_NOTHING:
        return NOTHING
    body = zlib.decompress(body[1:]) if body[:1] == b"z" else body[1:]
    end = 4 + int.from_bytes(body[:4], "little")
    names, numbers, arguments, ends, *of_streams = json.loads(body[4:end])
    spans, gates = of_streams or ((), ())
    digests = [body[place : place + 16] for place in range(end, len(body), 16)]
    calls = [(names[number], one) for number, one in zip(numbers, arguments, strict=True)]
    if len(calls) != len(digests):
        return None
    reads = list(map(Told, calls, digests))
    for place, first, last, is_end in spans:
        reads[place] = reads[place]._replace(span=Span(first, last, is_end))
    return Path(reads, ends, [Gate(*gate) for gate in gates])
