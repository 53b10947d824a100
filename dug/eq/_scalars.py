"""Compares immutable scalars of Python, numpy, pandas, and tuples of them: `is_same_scalar`; frequencies: `is_same_offset`.

pandas is not imported: code that has a scalar of pandas has imported it.

Timestamps, timedeltas, periods and intervals are compared with their unit and zone (`_COMPARISONS`).
"""

from typing import Any

from .._core.read import is_same


def is_same_scalar(old: Any, new: Any) -> bool:
    """True when two objects are one, substitutable, or scalars of pandas that are the same in every part."""
    if old is new or is_same(old, new, None):
        return True
    if type(old) is not type(new) or not type(old).__module__.startswith("pandas"):
        return False
    compare = _COMPARISONS.get(type(old).__name__, is_same_offset if hasattr(old, "freqstr") else None)
    return compare is not None and compare(old, new)


def is_same_offset(old: Any, new: Any) -> bool:
    """True when two frequencies of pandas are the same, or both None; a day is not 24 hours."""
    return old is new or (type(old) is type(new) and bool(old == new) and old.freqstr == new.freqstr)


def _is_same_stamp(old: Any, new: Any) -> bool:
    return _parts_of(old) == _parts_of(new)


def _parts_of(stamp: Any) -> tuple[object, ...]:
    """Returns everything that a reader can see of a time stamp: when, its unit, its zone, and which of two equal hours."""
    return stamp.unit, int(stamp.asm8.astype("int64")), type(stamp.tz), str(stamp.tz), stamp.fold


def _is_same_span(old: Any, new: Any) -> bool:
    return bool(old.unit == new.unit and old.asm8 == new.asm8)


def _is_same_period(old: Any, new: Any) -> bool:
    return bool(old.ordinal == new.ordinal and old.freqstr == new.freqstr)


def _is_same_interval(old: Any, new: Any) -> bool:
    return bool(old.closed == new.closed) and is_same_scalar(old.left, new.left) and is_same_scalar(old.right, new.right)


_COMPARISONS = {
    "Timestamp": _is_same_stamp,
    "Timedelta": _is_same_span,
    "Period": _is_same_period,
    "Interval": _is_same_interval,
}
