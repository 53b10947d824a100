"""Ready-made equalities for ``memoize(eq=...)``: when two arrays or frames are the same result.

numpy and pandas are imported only when one of these is called.
"""

from typing import Any

__all__ = ["array", "frame"]


def array(old: Any, new: Any) -> bool:
    """True when two numpy arrays have the same type, shape, dtype and elements; NaN equals NaN, ``0.0`` differs from ``-0.0``.

    Anything that is not a pair of arrays is the same only when it is the same object.
    """
    import numpy as np  # optional package: imported where it is used

    if not isinstance(old, np.ndarray) or type(old) is not type(new):
        return old is new
    if old.dtype != new.dtype or old.shape != new.shape or old.dtype.hasobject:
        return False
    if old.dtype.kind not in "fc":
        return bool(np.array_equal(old, new))
    return bool(np.array_equal(old, new, equal_nan=True)) and _same_signs(old, new)


def frame(old: Any, new: Any) -> bool:
    """True when two pandas frames or series have the same type, labels (with their names), dtypes and elements; NaN equals NaN.

    Anything that is not a pair of frames or of series is the same only when it is the same object.
    """
    import pandas as pd  # optional package: imported where it is used

    if not isinstance(old, (pd.DataFrame, pd.Series)) or type(old) is not type(new):
        return old is new
    try:
        if isinstance(old, pd.DataFrame):
            pd.testing.assert_frame_equal(old, new, check_exact=True, check_freq=True, check_flags=True)
        else:
            pd.testing.assert_series_equal(old, new, check_exact=True, check_freq=True, check_flags=True)
    except AssertionError:
        return False
    return True


def _same_signs(old: Any, new: Any) -> bool:
    """True when no zero changed its sign between two arrays that are equal otherwise."""
    import numpy as np  # optional package: imported where it is used

    parts = ((old.real, new.real), (old.imag, new.imag)) if old.dtype.kind == "c" else ((old, new),)
    return all(np.array_equal(np.signbit(one) & (one == 0), np.signbit(two) & (two == 0)) for one, two in parts)
