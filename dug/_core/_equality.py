"""When two values are the same: substitutable for any reader, and never decided by ``==`` on an unknown type.

The same object is the same value.  Two objects are the same value when they are scalars of one type and equal, where ``0.0``
and ``-0.0`` differ and NaN equals itself, or tuples of such.  For every other type only ``memoize(eq=...)`` can say more.
"""

from collections.abc import Callable, Hashable
from datetime import date, datetime, time, timedelta
from enum import Enum
from math import copysign
from typing import Any

# Equal values of these types look the same to any reader.
_PLAIN_TYPES = frozenset({type(None), bool, int, str, bytes})
# Equal values of these may still print differently (Decimal("1.0"), a time in two zones), so their text decides.
_TEXT_TYPES = frozenset({complex, date, datetime, time, timedelta})


def substitution_key(value: object) -> Hashable | None:
    """Returns a key that two values share exactly when either can stand in for the other, or None when only identity tells."""
    kind = type(value)
    if kind in _PLAIN_TYPES:
        return kind, value
    if kind is float:
        return _float_key(value)  # type: ignore[arg-type]
    if kind in _TEXT_TYPES or _is_decimal(kind):
        return kind, repr(value)
    if kind is tuple:
        return _tuple_key(value)  # type: ignore[arg-type]
    if isinstance(value, Enum):
        return kind, id(value)  # members live as long as their class, which the key holds
    if kind.__module__ == "numpy" and hasattr(value, "tobytes") and getattr(value, "shape", None) == ():
        return _numpy_key(value)
    return None


def is_same(old: object, new: object, eq: Callable[[Any, Any], bool] | None) -> bool:
    """True when `new` can stand in for `old`: the same value, or `eq` (from ``memoize(eq=...)``) says so."""
    if old is new:
        return True
    if eq is not None:
        return bool(eq(old, new))
    if type(old) is not type(new):
        return False
    if type(old) is float and old != new:
        return old != old and new != new
    key = substitution_key(old)
    return key is not None and key == substitution_key(new)


def _is_decimal(kind: type) -> bool:
    return kind.__name__ == "Decimal" and kind.__module__ == "decimal"  # its module takes long to import


def _float_key(value: float) -> Hashable:
    if value != value:
        return float, "nan"
    return float, value, copysign(1.0, value)


def _tuple_key(value: tuple[object, ...]) -> Hashable | None:
    keys = tuple(map(substitution_key, value))
    return None if None in keys else (tuple, keys)


def _numpy_key(value: Any) -> Hashable | None:
    """The key of a numpy scalar; None for what can be changed in place: an array without dimensions, a row with fields."""
    if type(value).__name__ == "ndarray" or value.dtype.hasobject or value.dtype.kind == "V":
        return None
    parts = (value.real, value.imag) if value.dtype.kind == "c" else (value,)
    return type(value), str(value.dtype), *("nan" if part != part else part.tobytes() for part in parts)
