"""Plain data, which is nothing but content: `measure` checks a value for it, `tell` makes a text of it, `mark` a digest.

Plain are numbers, texts, dates and the like, and the builtin containers of them.  Texts are equal in every process, and different
if a reader could tell two values apart: by type, sign of zero, and the order of a dict.

Sizes are bounded in items and bytes (`Measure`); arrays are told by their bytes (`tell_array`, `is_array`), what can be changed
in place by `tell_changeable`; `is_scalar`, `is_container`.
"""

import marshal
from collections import OrderedDict, deque
from collections.abc import Iterable
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from attrs import frozen

MOST_ITEMS = 10_000
"""A container that holds more, inside and out, is not looked into."""
MOST_BYTES = 1 << 20
"""Texts and bytes that take more are not, nor are arrays."""
_MOST_DEEP = 50

_SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes, type(...), range, slice})
_SCALAR_NAMES = frozenset({
    "decimal.Decimal", "fractions.Fraction", "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
    "datetime.timezone", "uuid.UUID", "re.Pattern", "zoneinfo.ZoneInfo", "ipaddress.IPv4Address", "ipaddress.IPv6Address",
})  # fmt: skip
"""Scalars whose modules nobody may have needed so far."""
_FIXED = frozenset({tuple, frozenset})
_ARRAYS = frozenset({("numpy", "ndarray"), ("array", "array")})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset, bytearray, deque, OrderedDict, MappingProxyType})


@frozen
class Measure:
    """The findings of a walk through a value."""

    is_plain: bool = True
    can_change: bool = False
    too_large: str | None = None
    """Why it is too large, if it is."""


def is_scalar(value: object) -> bool:
    """True for a value without parts, that nobody can change."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    name = f"{kind.__module__}.{kind.__qualname__}"
    return name in _SCALAR_NAMES or (kind.__module__.startswith("pathlib") and kind.__name__.endswith("Path"))


def is_container(value: object) -> bool:
    """True for a builtin container."""
    return type(value) in _CONTAINERS


def measure(value: object) -> Measure:
    """Checks whether a value is plain; visits at most `MOST_ITEMS` of its items."""
    todo: list[tuple[Any, int]] = [(value, 0)]
    items = size = 0
    plain, can_change = True, False
    while todo:
        one, depth = todo.pop()
        if type(one) in (str, bytes, bytearray):
            size += len(one)
            can_change = can_change or type(one) is bytearray
        elif is_container(one):
            can_change = can_change or type(one) not in _FIXED
            items += len(one)
            if items <= MOST_ITEMS and depth < _MOST_DEEP:
                todo.extend((inner, depth + 1) for inner in _contents(one))
        else:
            plain = plain and is_scalar(one)
        if items > MOST_ITEMS or depth >= _MOST_DEEP:
            what = f"{items:,} items" if items > MOST_ITEMS else "more levels than are looked into"
            return Measure(is_plain=False, can_change=can_change, too_large=f"{type(value).__name__} of {what}")
        if size > MOST_BYTES:
            return Measure(is_plain=False, can_change=can_change, too_large=f"{type(value).__name__} of {size:,} bytes")
    return Measure(plain, can_change)


def _contents(value: Any) -> Iterable[Any]:
    if isinstance(value, (dict, MappingProxyType)):
        return [one for pair in value.items() for one in pair]
    return tuple(value)


def tell(value: Any) -> str:
    """Returns plain data as text that is equal in every process exactly when the data is."""
    kind = type(value)
    if kind in (dict, OrderedDict, MappingProxyType):
        return f"{kind.__name__}{{{','.join(f'{tell(key)}:{tell(one)}' for key, one in value.items())}}}"
    if kind in (set, frozenset):
        return f"{kind.__name__}{{{','.join(sorted(map(tell, value)))}}}"
    if kind in (list, tuple, deque):
        return f"{kind.__name__}[{','.join(map(tell, value))}]"
    if kind is int:
        return f"int:{value:x}"
    if kind.__name__ == "Pattern":
        return f"Pattern:{value.pattern!r}:{value.flags}"
    return f"{kind.__name__}:{value!r}"


def mark(value: Any) -> tuple[bytes, int]:
    """Returns a mark that differs once the data has changed, and the number of bytes that were visited.

    Quicker than `tell`, and for one object in one process only.
    """
    if hasattr(value, "tobytes"):
        return tell_array(value).encode(), _count_bytes(value)
    try:
        said = marshal.dumps(value, 2)  # of version 2: later ones also write down who else refers to a part
    except ValueError:
        is_plain = measure(value).is_plain
        said = tell(value).encode("utf-8", "surrogatepass") if is_plain else b"no plain data now"
    return blake2b(said, digest_size=16).digest(), len(said)


def tell_changeable(value: Any) -> str:
    """Returns the content of data that can be changed in place."""
    return tell_array(value) if hasattr(value, "tobytes") else tell(value)


def is_array(value: object) -> bool:
    """True for an array whose bytes are its whole content: of numpy, of the module array, or a memoryview."""
    kind: Any = type(value)
    if kind is not memoryview and (kind.__module__, kind.__name__) not in _ARRAYS:
        return False
    array: Any = value
    has_objects = bool(getattr(getattr(array, "dtype", None), "hasobject", False))
    return not has_objects and _count_bytes(array) <= MOST_BYTES


def _count_bytes(array: Any) -> int:
    return int(array.nbytes) if hasattr(array, "nbytes") else len(array) * int(array.itemsize)


def tell_array(value: Any) -> str:
    """Returns the content of an array: its type, its shape and its bytes."""
    if hasattr(value, "dtype"):
        head = f"ndarray:{value.dtype.descr}:{value.shape}"
    else:
        head = f"memoryview:{value.format}:{value.shape}" if type(value) is memoryview else f"array:{value.typecode}"
    return f"{head}:{blake2b(value.tobytes(), digest_size=16).hexdigest()}"
