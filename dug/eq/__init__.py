"""Ready-made equalities for ``memoize(eq=...)``: `array` and `frame` compare contents.

They compare contents, and one object has the content that it has: they see no change of an array or a frame in place.  Use them
where each run makes a new one.

numpy, pandas and polars are imported only when one of these is given something of theirs.
"""

from typing import Any

__all__ = ["array", "frame"]


def array(old: Any, new: Any) -> bool:
    """True when two numpy arrays have the same type, shape, dtype and elements; NaN equals NaN, ``0.0`` differs from ``-0.0``.

    Elements with fields are compared field by field, and those of a masked array under the mask, too.  Arrays of objects have
    the same elements when each pair is the same object, or equal scalars of one type, or lists, tuples, dicts and arrays of such.
    The memory layout of an array makes no difference.  A value that is not an array, or of a subclass that numpy does not have,
    is the same only when it is the same object.

    .. versionchanged:: 0.1.0
       Compares structured and masked arrays, and reads an array that repeats an element in memory once.
    """
    if old is new:
        return True
    if type(old) is not type(new) or _package(old) != "numpy":
        return False
    from ._numpy import is_same_array  # imports numpy, which is an optional package

    return is_same_array(old, new)


def frame(old: Any, new: Any) -> bool:
    """True when two frames, series or indexes of pandas or polars are the same in every part that can be read.

    These are the type, the labels with their names and their frequency, the dtypes (of categorical data the categories, too,
    in their order), the elements, and with pandas ``attrs`` and flags.  NaN equals NaN, ``0.0`` differs from ``-0.0``, a missing
    value is equal to one of the same kind only, and objects are the same as in :func:`array`.  A value of another type is the
    same only when it is the same object.

    It takes up to three times as long as the ``equals`` of the frame, and longer for very many columns, for columns of objects
    that are not scalars of Python, and for extension types that pandas does not have: these are compared element by element.

    .. versionchanged:: 0.1.0
       Compares whole columns of every dtype of pandas, and frames of polars.
    """
    if old is new:
        return True
    if type(old) is not type(new):
        return False
    package = _package(old)
    if package == "pandas":
        from ._pandas import is_same_frame  # imports pandas, which is an optional package

        return is_same_frame(old, new)
    if package == "polars":
        from ._polars import is_same_frame as is_same_polars  # imports polars, which is one too

        return is_same_polars(old, new)
    return False


def _package(value: object) -> str:
    """Returns the name of the package that defines the type of a value."""
    return type(value).__module__.partition(".")[0]
