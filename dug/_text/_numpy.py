"""Arrays of numpy, for words about them: `describe` one; `differ`, where two of one shape differ.

`find_differing` and `measure_moves` serve the file for pandas, too.

`find_largest` finds the element that moved most.
"""

from typing import Any

import numpy as np

from .places import Described, Difference, Span

_FEW = 6
"""How many elements are shown."""
_NUMBERS = frozenset("biufc")
"""The kinds of dtypes whose elements are numbers."""


def describe(value: object) -> Described | None:
    """Returns what numpy says of an array; None for other objects of numpy's."""
    if not isinstance(value, np.ndarray):
        return None
    is_plain = type(value) is np.ndarray
    is_short = is_plain and value.size <= _FEW and value.ndim <= 1 and value.dtype.kind in _NUMBERS
    return Described(
        kind="numpy array" if is_plain else f"numpy {type(value).__name__}",
        shape=value.shape,
        dtype=_name(value.dtype),
        size_bytes=value.nbytes,
        is_least=value.dtype.hasobject,
        elements=value.ravel().tolist() if is_short else [],
    )


def differ(old: Any, new: Any) -> Difference | None:
    """Returns where two arrays of one shape differ; None for other objects."""
    if not isinstance(old, np.ndarray) or old.shape != new.shape:
        return None
    old, new = np.asarray(old), np.asarray(new)
    differs = find_differing(old, new)
    cells = int(np.count_nonzero(differs))
    largest, where = find_largest(old, new, differs)
    columns = np.count_nonzero(differs, axis=0) if old.ndim == 2 else np.zeros(0, int)
    return Difference(
        cells=cells,
        total=old.size,
        unit="cell" if old.ndim == 2 else "element",
        columns=[(number, int(columns[number])) for number in np.flatnonzero(columns).tolist()],
        rows=Span.of(np.flatnonzero(differs.any(axis=1) if old.ndim == 2 else differs)) if old.ndim in (1, 2) else Span(),
        largest=largest,
        where="" if not where else f"[{', '.join(map(str, where))}]",
    )


def find_differing(old: Any, new: Any) -> Any:
    """Returns which elements of two arrays of one shape differ; a NaN is no other NaN, and no other missing time either."""
    if old.dtype.names is not None and old.dtype == new.dtype:
        fields = [find_differing(old[name], new[name]) for name in old.dtype.names]
        return np.logical_or.reduce([field.reshape(*old.shape, -1).any(axis=-1) for field in fields])
    with np.errstate(all="ignore"):
        differs = np.asarray(old != new)
        if differs.shape != old.shape:  # dtypes that numpy does not compare
            return np.ones(old.shape, bool)
        if old.dtype.kind in "fcmM" and new.dtype.kind in "fcmM":
            differs = differs & ~((old != old) & (new != new))
    return differs.astype(bool)


def find_largest(old: Any, new: Any, differs: Any) -> tuple[Any, tuple[int, ...]]:
    """Returns how far the element moved that moved most, and its place; None and nothing where no element can move."""
    moves = measure_moves(old[differs], new[differs])
    if moves is None:
        return None, ()
    place = int(np.argmax(moves))
    return moves[place].item(), tuple(int(axis[place]) for axis in np.nonzero(differs)) if old.ndim else ()


def measure_moves(old: Any, new: Any) -> Any:
    """Returns how far each number, or each time, moved, without a sign; None where there is no such thing."""
    kinds = {old.dtype.kind, new.dtype.kind}
    with np.errstate(all="ignore"):
        if kinds <= _NUMBERS:
            wide = complex if "c" in kinds else float
            moves = np.abs(new.astype(wide) - old.astype(wide))
        elif kinds in ({"m"}, {"M"}):
            moves = np.abs((new - old).astype("timedelta64[us]"))
        else:
            return None
    is_measured = moves == moves
    return np.where(is_measured, moves, np.zeros_like(moves)) if is_measured.any() else None


def _name(dtype: Any) -> str:
    if dtype.names is None:
        return str(dtype)
    return f"records ({', '.join([f'{name} {dtype[name]}' for name in dtype.names])})"
