"""Compares frames, series, indexes, dtypes and extension arrays of pandas: `is_same_frame`.

The ``equals`` of pandas does not do: it takes ``0.0`` for ``-0.0``, knows nothing of names and frequencies, and calls the ``==``
of whatever a column of objects holds.  So columns of one dtype of numpy's are compared together, and those of an extension type
by what the type stores.

Indexes, levels, dtypes, and the arrays of each extension type (nullable, sparse, Arrow, categories) have a function each
(`_COMPARISONS`).  `_are_same_frames`, `_is_same_index`, `_is_same_dtype`, `_is_same_array` and `_are_same_arrow` are the main
ones.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from ._numpy import are_same_objects, is_same_array, is_same_object
from ._scalars import is_same_offset


def is_same_frame(old: Any, new: Any) -> bool:
    """True when two objects of one type are frames, series or indexes, and the same."""
    if type(old) is pd.DataFrame:
        return _are_same_frames(old, new)
    if type(old) is pd.Series:
        return _is_same_around(old, new) and is_same_object(old.name, new.name) and _is_same_array(old.array, new.array)
    if isinstance(old, pd.Index):
        return _is_same_index(old, new)
    return isinstance(old, pd.api.extensions.ExtensionArray) and _is_same_array(old, new)


def _is_same_around(old: Any, new: Any) -> bool:
    """True when two frames or series are the same apart from their elements: rows, ``attrs`` and flags."""
    if old.shape != new.shape or old.flags.allows_duplicate_labels != new.flags.allows_duplicate_labels:
        return False
    return is_same_object(old.attrs, new.attrs) and _is_same_index(old.index, new.index)


def _are_same_frames(old: Any, new: Any) -> bool:
    if not _is_same_around(old, new) or not _is_same_index(old.columns, new.columns):
        return False
    dtypes = _find_dtypes(old)
    if not all(map(_is_same_dtype, dtypes, _find_dtypes(new))):
        return False
    kinds = set(dtypes)
    if len(kinds) == 1 and isinstance(dtypes[0], np.dtype):
        return is_same_array(old.to_numpy(), new.to_numpy())
    if not all(_are_same_together(old, new, kind, dtypes) for kind in kinds if isinstance(kind, np.dtype)):
        return False
    apart = [position for position, dtype in enumerate(dtypes) if not isinstance(dtype, np.dtype)]
    return all(map(_is_same_array, _take_arrays(old, apart), _take_arrays(new, apart)))


def _find_dtypes(frame: Any) -> Any:
    """Returns the dtypes of the columns; the public way takes longer than it takes to compare 100,000 numbers."""
    find = getattr(getattr(frame, "_mgr", None), "get_dtypes", None)
    return frame.dtypes.tolist() if find is None else find().tolist()


def _take_arrays(frame: Any, positions: list[int]) -> Iterator[Any]:
    """Yields the stored arrays of columns of extension types; likewise."""
    if hasattr(frame, "_get_column_array"):
        yield from map(frame._get_column_array, positions)
    elif positions:
        bare = pd.DataFrame(frame)  # without attrs, which pandas would copy into every column
        yield from (bare.iloc[:, position].array for position in positions)


def _are_same_together(old: Any, new: Any, kind: Any, dtypes: list[Any]) -> bool:
    """True when the columns of one dtype of numpy's are the same; adjacent columns are not copied."""
    positions = [position for position, dtype in enumerate(dtypes) if dtype is kind or dtype == kind]
    is_run = positions[-1] - positions[0] + 1 == len(positions)
    taken = slice(positions[0], positions[-1] + 1) if is_run else positions
    if old.attrs:
        old, new = pd.DataFrame(old), pd.DataFrame(new)  # without attrs, which pandas would copy
    return is_same_array(old.iloc[:, taken].to_numpy(), new.iloc[:, taken].to_numpy())


def _is_same_index(old: Any, new: Any) -> bool:
    if old is new:
        return True
    if type(old) is not type(new) or len(old) != len(new):
        return False
    if not is_same_object(*(list(labels.names) if labels.nlevels > 1 else labels.name for labels in (old, new))):
        return False
    if isinstance(old, pd.RangeIndex):
        return range(old.start, old.stop, old.step) == range(new.start, new.stop, new.step)
    if isinstance(old, pd.MultiIndex):
        return all(_is_same_level(old, new, level) for level in range(old.nlevels))
    if not is_same_offset(getattr(old, "freq", None), getattr(new, "freq", None)):
        return False
    return _is_same_array(old.array, new.array)


def _is_same_level(old: Any, new: Any, level: int) -> bool:
    """True when a level has the same labels; how they are numbered, and which have no row, makes no difference."""
    if np.array_equal(old.codes[level], new.codes[level]) and _is_same_index(old.levels[level], new.levels[level]):
        return True
    return _is_same_array(old.get_level_values(level).array, new.get_level_values(level).array)


def _is_same_dtype(old: Any, new: Any) -> bool:
    """True when two dtypes are equal, with their zones by name, categories in order, and the marker of a missing value."""
    if old is new:
        return True
    if type(old) is not type(new):
        return False
    if isinstance(old, pd.CategoricalDtype):
        return old.ordered == new.ordered and _is_same_index(old.categories, new.categories)
    if not bool(old == new):
        return False
    if isinstance(old, pd.DatetimeTZDtype):
        return type(old.tz) is type(new.tz) and str(old.tz) == str(new.tz)
    if isinstance(old, pd.SparseDtype):
        return is_same_object(old.fill_value, new.fill_value)
    return not isinstance(old, pd.StringDtype) or is_same_object(old.na_value, new.na_value)


def _is_same_array(old: Any, new: Any) -> bool:
    """True when two columns or indexes hold the same elements of one dtype, compared by the arrays that their type stores."""
    if type(old) is not type(new) or len(old) != len(new) or not _is_same_dtype(old.dtype, new.dtype):
        return False
    if isinstance(old, pd.arrays.NumpyExtensionArray):
        return is_same_array(old.to_numpy(), new.to_numpy())
    for kind, compare in _COMPARISONS:
        if isinstance(old, kind):
            return compare(old, new)
    return np.array_equal(old.isna(), new.isna()) and are_same_objects(list(old), list(new))


def _are_same_times(old: Any, new: Any) -> bool:
    return is_same_array(old.asi8, new.asi8)


def _are_same_codes(old: Any, new: Any) -> bool:
    return is_same_array(old.codes, new.codes)  # the dtypes have the categories


def _are_same_intervals(old: Any, new: Any) -> bool:
    return _is_same_array(old.left.array, new.left.array) and _is_same_array(old.right.array, new.right.array)


def _are_same_nullable(old: Any, new: Any) -> bool:
    """True when two nullable arrays are missing the same elements and have the same others; NaN is not missing."""
    if not np.array_equal(old.isna(), new.isna()):
        return False
    dtype = old.dtype.numpy_dtype if hasattr(old.dtype, "numpy_dtype") else np.dtype(bool)
    zero = dtype.type(0)
    return is_same_array(old.to_numpy(dtype, na_value=zero), new.to_numpy(dtype, na_value=zero))


def _are_same_texts(old: Any, new: Any) -> bool:
    return is_same_array(np.asarray(old, object), np.asarray(new, object))


def _are_same_sparse(old: Any, new: Any) -> bool:
    """True when two sparse arrays have the same elements; where they store the same places, only these are looked at."""
    if old.sp_index.equals(new.sp_index):
        return is_same_array(old.sp_values, new.sp_values)
    return is_same_array(np.asarray(old), np.asarray(new))


def _are_same_arrow(old: Any, new: Any) -> bool:
    """True when two arrays of Arrow's are the same: its own ``equals`` decides where no float is in them."""
    one, two = old.__arrow_array__(), new.__arrow_array__()
    if not _has_floats(one.type):
        return bool(one.equals(two))
    if not one.is_null().equals(two.is_null()):
        return False
    if one.type.num_fields or hasattr(one.type, "value_type"):
        return are_same_objects(one.to_pylist(), two.to_pylist())
    return is_same_array(one.drop_null().to_numpy(), two.drop_null().to_numpy())


def _has_floats(kind: Any) -> bool:
    """True for a type of Arrow's that is a float or has one in it."""
    inner = getattr(kind, "value_type", None) or getattr(kind, "storage_type", None)
    if inner is not None and _has_floats(inner):
        return True
    return str(kind) in ("halffloat", "float", "double") or any(_has_floats(kind.field(n).type) for n in range(kind.num_fields))


_COMPARISONS: tuple[tuple[Any, Callable[[Any, Any], bool]], ...] = (
    ((pd.arrays.DatetimeArray, pd.arrays.TimedeltaArray, pd.arrays.PeriodArray), _are_same_times),
    (pd.Categorical, _are_same_codes),
    (pd.arrays.IntervalArray, _are_same_intervals),
    ((pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray), _are_same_nullable),
    (pd.arrays.SparseArray, _are_same_sparse),
    (pd.arrays.ArrowExtensionArray, _are_same_arrow),
    (pd.arrays.StringArray, _are_same_texts),
)
"""How the types of array that pandas has are compared; a text in Arrow is an array of Arrow's."""
