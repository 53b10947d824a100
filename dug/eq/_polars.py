"""Compares frames and series of polars: `is_same_frame`.

The ``equals_missing`` of polars decides, and then the parts that it does not see: dtypes, the sign of zero, and objects.

`_is_same_column` compares a column, `_are_same_leaves` its innermost values, `_hides_more` finds the dtypes that need it.
"""

from collections.abc import Callable
from typing import Any

import polars as pl

from ._numpy import are_same_objects, is_same_array


def is_same_frame(old: Any, new: Any) -> bool:
    """True when two objects of one type are frames or series, and the same."""
    if type(old) is pl.DataFrame:
        return old.shape == new.shape and old.columns == new.columns and all(map(_is_same_column, old, new))
    return type(old) is pl.Series and old.name == new.name and _is_same_column(old, new)


def _is_same_column(old: Any, new: Any) -> bool:
    if old.dtype != new.dtype or len(old) != len(new):
        return False
    if _has(old.dtype, _is_object):  # its == is the user's
        return are_same_objects(old.to_list(), new.to_list())
    if old.dtype.is_float() and not old.null_count() and not new.null_count():
        return is_same_array(old.to_numpy(), new.to_numpy())
    if not old.equals(new, check_names=False, null_equal=True):
        return False
    return not _has(old.dtype, _hides_more) or _are_same_leaves(old, new)


def _are_same_leaves(old: Any, new: Any) -> bool:
    """True when columns that are equal have the same signs of zero, too, and the same numbers for their categories."""
    if isinstance(old.dtype, pl.List | pl.Array):
        return _are_same_leaves(old.explode(), new.explode())
    if isinstance(old.dtype, pl.Struct):
        return all(map(_are_same_leaves, old.struct.unnest(), new.struct.unnest()))
    if old.dtype == pl.Categorical:
        return bool(old.to_physical().equals(new.to_physical(), null_equal=True))
    if not old.dtype.is_float():
        return True
    return is_same_array(old.to_numpy(), new.to_numpy())


def _has(dtype: Any, is_meant: Callable[[Any], bool]) -> bool:
    """True for a dtype for which `is_meant` is true, or that contains one."""
    if isinstance(dtype, pl.List | pl.Array):
        return _has(dtype.inner, is_meant)
    if isinstance(dtype, pl.Struct):
        return any(_has(field.dtype, is_meant) for field in dtype.fields)
    return is_meant(dtype)


def _is_object(dtype: Any) -> bool:
    return bool(dtype == pl.Object)


def _hides_more(dtype: Any) -> bool:
    """True for a dtype whose elements can be equal for polars and differ for a reader."""
    return bool(dtype.is_float() or dtype == pl.Categorical)
