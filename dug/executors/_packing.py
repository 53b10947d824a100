"""Values on their way between processes, as plain data: `pack_value`, `read_value`."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from ..codec import Encoded, decode, encode


def pack_value(value: Any, *, pickles: bool) -> list[Any]:
    """Returns a value as plain data, which JSON can express unless it pickles.

    Raises:
        CodecError: it cannot be written.
    """
    encoded = encode(value, allow_pickle=pickles)
    data: Any = b"".join(encoded.parts)
    if not pickles:
        data = data.decode("ascii") if encoded.codec == "json" else b64encode(data).decode("ascii")
    return [encoded.codec, sorted(encoded.needs), data]


def read_value(packed: Sequence[Any], *, pickles: bool) -> Any:
    """Returns the value that `pack_value` packed.

    Raises:
        CodecError: it cannot be read here.
    """
    codec, needs, data = packed
    part = data if isinstance(data, bytes) else data.encode("ascii") if codec == "json" else b64decode(data)
    return decode(Encoded(codec, (part,), frozenset(needs)), trust=pickles)
