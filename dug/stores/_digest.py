"""Digests: of values (`digest_value`), of what memos gave (`digest_of`), of calls (`place_of`) and of branches (`branch_of`).

Two values have one digest when they are written as the same bytes by the same codec, and the registered classes that it takes to
read them are the same: a class whose method was edited makes other values.  A value without a codec has none.
"""

from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any

from .. import codec
from .._core.read import Key, Memo, Origin, PartialKey
from ..codec import CodecError, Encoded
from ..codec._classes import find_named
from ..fingerprint import reach

VERSION = b"dug1\0"
"""Begins the text of which a place is made; another one where arguments, paths or values are written in another way."""
NO_DIGEST = b""
"""Stands for that of a value without a codec, or of none at all."""
_MOST_AGAIN = 1_000
_MOST = 1 << 63  # as in typed JSON
_CHANGEABLE = frozenset({list, dict, set, bytearray})


def digest_bytes(*parts: bytes) -> bytes:
    """Returns a digest of bytes, 16 long."""
    return blake2b(b"".join(parts), digest_size=16).digest()


def digest_data(codec_name: str, data: bytes) -> bytes:
    """Returns the digest of the bytes of a value, under which a store keeps them."""
    return blake2b(codec_name.encode() + b"\0" + data, digest_size=16).digest()


def join(encoded: Encoded) -> bytes:
    """Returns the bytes of a value in one piece."""
    parts = encoded.parts
    return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)


def with_classes(digest: bytes, needs: frozenset[str]) -> bytes:
    """Returns a digest that also stands for the registered classes that it takes to read a value."""
    classes = sorted(name for name in needs if not name.startswith("package:"))
    return digest_bytes(digest, *(_digest_class(name) for name in classes)) if classes else digest


def digest_value(value: Any) -> bytes:
    """Returns the digest of a value; `NO_DIGEST` where it has no codec."""
    try:
        encoded = codec.encode(value)
    except CodecError:
        return NO_DIGEST
    digest = digest_data(encoded.codec, join(encoded))
    return with_classes(digest, encoded.needs) if encoded.needs else digest


def digest_of(memo: Memo) -> bytes:
    """Returns the digest of what a memo gave, and leaves it with the memo; `NO_DIGEST` for a failure, and where it has none."""
    origin: Any = memo.origin
    if type(origin) is Origin and origin.digest is not None:
        return origin.digest
    if memo.failure is not None:
        return NO_DIGEST
    digest = digest_value(memo.take_value())
    leave_digest(memo, digest)
    return digest


def leave_digest(memo: Memo, digest: bytes) -> None:
    """Leaves the digest of its value with a memo, and with those that have the value of the same run."""
    if memo.origin is None:
        memo.origin = Origin(digest)
    elif type(memo.origin) is Origin:
        memo.origin.digest = digest


def is_as_it_was(memo: Memo) -> bool:
    """False for a small container that was changed in place since its digest was taken."""
    value: Any = memo.value if memo.failure is None and not memo.is_stored else None
    if type(value) not in _CHANGEABLE or len(value) > _MOST_AGAIN:
        return True
    return digest_value(value) == digest_of(memo)


def place_of(name: str, print_: str, arguments: str) -> bytes:
    """Returns where the runs of a call begin: of a function, its fingerprint, and its arguments as `write_arguments` has them."""
    return blake2b(VERSION + f"{name}\0{print_}\0{arguments}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def branch_of(at: bytes, position: int, digest: bytes) -> bytes:
    """Returns where the runs lie that part from the one at a place: what they read there gave another value."""
    return blake2b(b"%b%d:%b" % (at, position, digest), digest_size=16).digest()


def write_arguments(key: Key) -> str | None:
    """Returns the arguments of a node as typed JSON from which the node can be made again; None where that cannot be."""
    function = key[0]
    if not function.binding.fits(key):
        return None
    args, kwargs = function.binding.arguments(key)
    text = None if kwargs else _write_plain(args)
    if text is not None:
        return text
    written = _write([list(args), kwargs])
    return None if written is None else written[0]


def write_call(key: Key) -> str | None:
    """Returns what of the arguments of a node decides its value, as a text; None where that cannot be written."""
    function = key[0]
    if type(key) is PartialKey and (function.options[1] or function.options[2]):  # key= and ignore= say what decides
        written = _write(list(key[1:]))
    elif not function.binding.fits(key):
        return None
    else:
        args, kwargs = function.binding.arguments(key)
        text = None if kwargs else _write_plain(args)
        if text is not None:
            return text
        written = _write([list(args), kwargs])
    if written is None:
        return None
    text, classes = written
    return "\n".join((text, *(_digest_class(name).hex() for name in classes))) if classes else text


def _write_plain(args: tuple[Any, ...]) -> str | None:
    """Returns what `_write` does for numbers and plain texts, which most arguments are; None for any other."""
    said = []
    for one in args:
        kind = type(one)
        if kind is int and -_MOST <= one < _MOST:
            said.append(repr(one))
        elif kind is str and one.isascii():
            said.append(encode_basestring_ascii(one))
        elif kind is float and isfinite(one):
            said.append(repr(one))
        else:
            return None
    return f"[[{','.join(said)}],{{}}]"


def _write(value: Any) -> tuple[str, list[str]] | None:
    """Returns a value as typed JSON, and the registered classes in it; None where that cannot be."""
    try:
        encoded = codec.encode(value)
    except CodecError:
        return None
    if encoded.codec != "json":
        return None
    return join(encoded).decode("ascii"), sorted(name for name in encoded.needs if not name.startswith("package:"))


def _digest_class(name: str) -> bytes:
    """Returns the digest of everything that decides the behaviour of a registered class."""
    said = sorted(reach(find_named(name).cls).parts.items())
    return digest_bytes(name.encode(), *(f"{place} {text}\n".encode("utf-8", "surrogatepass") for place, text in said))
