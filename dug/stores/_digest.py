"""Digests: of values (`digest_value`), of what memos gave (`digest_of`), of calls (`place_of`) and of branches (`branch_of`).

Two values have one digest when they are written as the same bytes by the same codec, and the registered classes that it takes to
read them are the same: a class whose method was edited makes other values.  So is a class that is itself a part of a value.
A value without a codec has none, nor has one that is pickled: of that nobody knows all the classes and functions in it.

Where ``memoize(digest=fn)`` says by what the values of a function are compared, the digest is made of that, once for each memo.
Any other value that can be changed in place has it taken again for each run that is kept and has read it.

`write_arguments` and `write_call` write a call, `digest_as_read` and `leave_digest` handle values that can be changed in place,
`is_fixed` tells those that cannot; `join`, `digest_bytes` and `digest_data` are about bytes, `with_classes` and `_digest_class`
about classes.  `_write` and `_write_plain` write values as typed JSON, with the classes in them.
"""

from collections.abc import Mapping
from hashlib import blake2b
from json.encoder import encode_basestring_ascii
from math import isfinite
from types import MappingProxyType
from typing import Any

from .. import codec
from .._core.read import LIVE, Key, Memo, Origin, PartialKey, is_immutable, plain_key
from .._functions.definition.libraries import is_library
from .._functions.stream import AnyStream
from ..codec import CodecError, Encoded
from ..codec._classes import find_loaded, find_named
from ..codec._plain import CLASS_NEED
from ..fingerprint import reach
from ._said import say

VERSION = b"dug1\0"
"""Begins the text of which a place is made; another one where arguments, paths or values are written in another way."""
NO_DIGEST = b""
"""Stands for that of a value without a codec, or of none at all."""
_MOST = 1 << 63  # as in typed JSON
_NONE: Mapping[object, bytes] = MappingProxyType({})


def digest_bytes(*parts: bytes) -> bytes:
    """Returns a digest of bytes, 16 long."""
    return blake2b(b"".join(parts), digest_size=16).digest()


_OF_STREAM = digest_bytes(b"a stream")
"""The digest of each stream whose items a generator gives."""


def digest_data(codec_name: str, data: bytes) -> bytes:
    """Returns the digest of the bytes of a value, under which a store keeps them."""
    return blake2b(codec_name.encode() + b"\0" + data, digest_size=16).digest()


def join(encoded: Encoded) -> bytes:
    """Returns the bytes of a value in one piece."""
    parts = encoded.parts
    return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)


def with_classes(digest: bytes, needs: frozenset[str]) -> bytes:
    """Returns a digest that also stands for the classes that it takes to read a value."""
    classes = sorted(name for name in needs if not name.startswith("package:"))
    return digest_bytes(digest, *(_digest_class(name) for name in classes)) if classes else digest


def digest_value(value: Any) -> bytes:
    """Returns the digest of a value; `NO_DIGEST` where it has no codec."""
    if isinstance(value, AnyStream):  # its items are read apart, but for those that a tweak gives as a whole
        return _OF_STREAM if value.items is None else digest_value(("items of a stream", value.items))
    try:
        encoded = codec.encode(value)
    except CodecError:
        return NO_DIGEST
    digest = digest_data(encoded.codec, join(encoded))
    return with_classes(digest, encoded.needs) if encoded.needs else digest


def digest_given(key: Key, value: Any) -> bytes:
    """Returns the digest of a value of a node, as ``memoize(digest=)`` says it, or as its codec writes it."""
    function = plain_key(key)[0]
    if function.digest is None:
        return digest_value(value)
    said = say(function, plain_key(key), value)
    return NO_DIGEST if said is None else digest_bytes(b"said\0", said)


def digest_of(memo: Memo, of_tweaks: Mapping[object, bytes] = _NONE) -> bytes:
    """Returns the digest of what a memo gave; `NO_DIGEST` for a failure, and where it has none.

    It is left with the memo where it holds for good (`_is_fixed`); for another value `digest_landed` did so.

    Args:
        memo: what was read.
        of_tweaks: by the telling of the tweak, the digests of values that tweaks gave.
    """
    digest = _left_with(memo)
    if digest is None and of_tweaks:
        digest = of_tweaks.get(memo.origin)
    if digest is not None:
        return digest
    if memo.failure is not None:
        return NO_DIGEST
    value = memo.take_value()
    digest = digest_given(memo.home.find_key(), value)
    if _is_fixed(memo, value):
        leave_digest(memo, digest)
    return digest


def digest_landed(memo: Memo) -> None:
    """Leaves its digest with a memo that has just been filed, if its value can be changed in place: before a reader does so."""
    if memo.failure is None and memo.status == LIVE and _left_with(memo) is None:
        value = memo.take_value()
        if not is_immutable(value):
            leave_digest(memo, digest_given(memo.home.find_key(), value))


def _is_fixed(memo: Memo, value: Any) -> bool:
    """True for a value whose digest is taken once: nothing in it can be changed, or ``digest=`` says what it is."""
    return is_fixed(value) or plain_key(memo.home.find_key())[0].digest is not None


def is_fixed(value: Any) -> bool:
    """True for a value that nobody can change in place."""
    if isinstance(value, AnyStream) and value.items is not None:  # which a tweak gives
        return is_immutable(value.items)
    return is_immutable(value) or _is_read_only(value)


def _is_read_only(value: Any) -> bool:
    """True for a numpy array of plain numbers to which nobody can write, through no other array either."""
    kind = type(value)
    if kind.__name__ != "ndarray" or kind.__module__ != "numpy" or value.dtype.hasobject:
        return False
    while type(value) is kind:
        if value.flags.writeable:
            return False
        value = value.base
    return value is None or type(value) is bytes


def _left_with(memo: Memo) -> bytes | None:
    """Returns the digest that was left with a memo, if one was."""
    origin = memo.origin
    return origin.digest if type(origin) is Origin else None


def leave_digest(memo: Memo, digest: bytes) -> None:
    """Leaves the digest of its value with a memo, and with those that have the value of the same run."""
    if memo.origin is None:
        memo.origin = Origin(digest)
    elif type(memo.origin) is Origin:
        memo.origin.digest = digest


def digest_as_read(memo: Memo, of_tweaks: Mapping[object, bytes]) -> bytes | None:
    """Returns the digest of what a run has read, which has ended now; None where that was, or may have been, changed in place.

    A value that can be changed must have had its digest before the run could change it, and have the same one still.

    Args:
        memo: what was read.
        of_tweaks: by the telling of the tweak, the digests of values that tweaks gave, from before the run.
    """
    value = None if memo.failure is not None else memo.take_value()
    if _is_fixed(memo, value):
        return digest_of(memo, of_tweaks)
    before = _left_with(memo) if memo.origin is None or type(memo.origin) is Origin else of_tweaks.get(memo.origin)
    if before is None or before == NO_DIGEST:
        return before
    return before if digest_value(value) == before else None


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
    """Returns a value as typed JSON, and the classes in it; None where that cannot be."""
    try:
        encoded = codec.encode(value)
    except CodecError:
        return None
    if encoded.codec != "json":
        return None
    return join(encoded).decode("ascii"), sorted(name for name in encoded.needs if not name.startswith("package:"))


def _digest_class(name: str) -> bytes:
    """Returns the digest of everything that decides the behaviour of a class: a registered one, or one that is itself a value.

    One of Python or of an installed package is known by its name.
    """
    if name.startswith(CLASS_NEED):
        cls = find_loaded(name.removeprefix(CLASS_NEED))
        if is_library(cls.__module__):
            return digest_bytes(name.encode())
    else:
        cls = find_named(name).cls
    said = sorted(reach(cls).parts.items())
    return digest_bytes(name.encode(), *(f"{place} {text}\n".encode("utf-8", "surrogatepass") for place, text in said))
