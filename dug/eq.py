"""Ready-made equalities for ``memoize(eq=...)``: when two arrays or frames are the same result.

They compare contents, and one object has the content that it has: they see no change of an array or a frame in place.  Use them
where each run makes a new one.

numpy and pandas are imported only when one of these is called.
"""

from typing import Any

from ._core._equality import is_same

__all__ = ["array", "frame"]


def array(old: Any, new: Any) -> bool:
    """True when two numpy arrays have the same shape, dtype and elements; NaN equals NaN, ``0.0`` differs from ``-0.0``.

    Arrays of objects have the same elements when each pair is the same scalar.  Anything that is not a pair of plain arrays (a
    masked array, a matrix, a structured array) is the same only when it is the same object.
    """
    import numpy as np  # optional package: imported where it is used

    if old is new:
        return True
    if type(old) is not np.ndarray or type(new) is not np.ndarray or old.dtype != new.dtype or old.shape != new.shape:
        return False
    if old.dtype.kind == "V":
        return False
    if old.dtype.hasobject:
        return all(is_same(one, two, None) for one, two in zip(old.ravel().tolist(), new.ravel().tolist(), strict=True))
    if old.dtype.kind == "c":  # for numpy a number is NaN whatever the other part is
        return array(old.real, new.real) and array(old.imag, new.imag)
    if old.dtype.kind not in "fmM":
        return bool(np.array_equal(old, new))
    return bool(np.array_equal(old, new, equal_nan=True)) and _same_signs(old, new)


def frame(old: Any, new: Any) -> bool:
    """True when two pandas frames, series or indexes have the same type, labels with their names, dtypes, elements and ``attrs``.

    NaN equals NaN, ``0.0`` differs from ``-0.0``, and objects are the same when they are the same scalars.  Anything that is not
    a pair of such is the same only when it is the same object.
    """
    import pandas as pd  # optional package: imported where it is used

    if old is new:
        return True
    if type(old) is not type(new):
        return False
    if type(old) is pd.DataFrame:
        return _same_frames(old, new)
    if type(old) is pd.Series:
        return _same_values(old, new) and frame(old.index, new.index) and old.name == new.name and old.attrs == new.attrs
    if isinstance(old, pd.MultiIndex):
        return list(old.names) == list(new.names) and len(old) == len(new) and _same_levels(old, new)
    if isinstance(old, pd.Index):
        return old.names == new.names and getattr(old, "freq", None) == getattr(new, "freq", None) and _same_values(old, new)
    return False


def _same_frames(old: Any, new: Any) -> bool:
    """True when two frames have the same labels, flags and columns."""
    if old.shape != new.shape or old.attrs != new.attrs or old.flags != new.flags:
        return False
    if not frame(old.index, new.index) or not frame(old.columns, new.columns):
        return False
    return all(_same_values(old.iloc[:, column], new.iloc[:, column]) for column in range(old.shape[1]))


def _same_levels(old: Any, new: Any) -> bool:
    levels = range(old.nlevels)
    return all(_same_values(old.get_level_values(level), new.get_level_values(level)) for level in levels)


def _same_values(old: Any, new: Any) -> bool:
    """True when two columns or indexes hold the same elements of one dtype."""
    import numpy as np  # optional package: imported where it is used

    if old.dtype != new.dtype or len(old) != len(new):
        return False
    if hasattr(old.dtype, "categories") and not frame(old.dtype.categories, new.dtype.categories):  # equal in any order
        return False
    if isinstance(old.dtype, np.dtype):
        return array(np.asarray(old), np.asarray(new))
    missing = np.asarray(old.isna())
    if not np.array_equal(missing, np.asarray(new.isna())):
        return False
    pairs = zip(list(old), list(new), missing, strict=True)  # an extension type: by element, missing ones left out
    return all(gone or is_same(one, two, None) or (type(one) is type(two) and repr(one) == repr(two)) for one, two, gone in pairs)


def _same_signs(old: Any, new: Any) -> bool:
    """True when no zero changed its sign between two arrays that are equal otherwise."""
    import numpy as np  # optional package: imported where it is used

    if old.dtype.kind in "mM":
        return True
    return bool(np.array_equal(np.signbit(old) & (old == 0), np.signbit(new) & (new == 0)))
