"""Compares arrays of numpy, masked ones too, and objects in them: `is_same_array`, `are_same_elements`, `is_same_object`.

Numbers are compared by their bits, which tell the sign of zero, and NaN by being one; so one pass does for most arrays.

Invariant: ``==`` is called on types that are known here, and on no other, as it may say anything elsewhere.

Rows with fields, masked arrays, dtypes and objects in arrays have a function each; `_as_words` and `_have_same_bits` compare
bits.  `are_same_objects` compares sequences of objects.  `_are_same_objects` does so for an array.
"""

from array import array
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import compress, repeat
from operator import eq, is_
from typing import Any

import numpy as np

from ._scalars import is_same_scalar

# Equal values of these types look the same to any reader, and compare without code of the user's.
_EXACT = frozenset({type(None), bool, int, str, bytes, date, timedelta})
_BITS = {2: np.int16, 4: np.int32, 8: np.int64}
_CHUNK = 2_048  # objects that fit the processor's cache while they are read more than once
_MOSTLY = 0.5  # from here on it pays to pick out the others
_PLAIN = frozenset({np.ndarray, np.matrix, np.recarray})


def is_same_array(old: Any, new: Any) -> bool:
    """True when two objects of one type of numpy's are arrays, and the same."""
    if type(old) is np.ma.MaskedArray:
        return _are_same_masked(old, new)
    if type(old) not in _PLAIN or old.shape != new.shape or not is_same_dtype(old.dtype, new.dtype):
        return False
    return are_same_elements(*_without_repeats(old.view(np.ndarray), new.view(np.ndarray)))


def is_same_dtype(old: Any, new: Any) -> bool:
    """True when two dtypes are equal and their scalars are of one type, which those of records need not be."""
    return bool(old == new and old.type is new.type)


def are_same_elements(old: Any, new: Any) -> bool:
    """True when two plain arrays of one shape and dtype have the same elements."""
    kind = old.dtype.kind
    if kind in "mM":
        return bool(np.array_equal(old.view(np.int64), new.view(np.int64)))  # NaT is one number
    if kind == "f":
        return _are_same_floats(old, new)
    if kind == "c":  # for numpy a number is NaN whatever the other part is
        return _are_same_floats(old.real, new.real) and _are_same_floats(old.imag, new.imag)
    if kind == "V":
        return _are_same_rows(old, new)
    if old.dtype.hasobject:
        return _are_same_objects(old, new)
    return bool(np.array_equal(*_as_words(old, new)))


def _as_words(old: Any, new: Any) -> tuple[Any, Any]:
    """Returns two arrays of one dtype as fewer, longer integers if both have the same contiguous layout."""
    if old.dtype.kind in "biu" and old.nbytes and not old.nbytes % 8:
        if old.flags.c_contiguous and new.flags.c_contiguous:
            return old.reshape(-1).view(np.int64), new.reshape(-1).view(np.int64)
        if old.flags.f_contiguous and new.flags.f_contiguous:
            return old.T.reshape(-1).view(np.int64), new.T.reshape(-1).view(np.int64)
    return old, new


def _are_same_floats(old: Any, new: Any) -> bool:
    same = _have_same_bits(old, new)
    return bool(same.all() or (same | ((old != old) & (new != new))).all())


def _have_same_bits(old: Any, new: Any) -> Any:
    """Returns which floats of two arrays are equal, with their sign; those of NaN may have other bits."""
    bits = _BITS.get(old.dtype.itemsize)
    if bits is None:  # numpy has no integer of so many, and some of them mean nothing
        return (old == new) & (np.signbit(old) == np.signbit(new))
    return old.view(bits) == new.view(bits)


def _are_same_rows(old: Any, new: Any) -> bool:
    """True when two arrays of rows are the same, field by field; without fields, byte by byte."""
    names = old.dtype.names
    if names is not None:
        return all(is_same_array(np.asarray(old[name]), np.asarray(new[name])) for name in names)
    return bool(old.tobytes() == new.tobytes())


def _are_same_objects(old: Any, new: Any) -> bool:
    """True when two arrays of objects, or of texts of any length, are the same; elements that are one object are not compared."""
    if not old.flags.c_contiguous:
        old, new = old.T, new.T  # columns of a frame lie together
    if old.dtype.kind == "O":
        same = _find_addresses(old) == _find_addresses(new)
        if same.all():
            return True
        if same.mean() > _MOSTLY:
            old, new = old[~same], new[~same]
    old, new = old.ravel(), new.ravel()
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(old), _CHUNK)]
    return all(are_same_objects(old[chunk].tolist(), new[chunk].tolist()) for chunk in chunks)


def _find_addresses(objects: Any) -> Any:
    """Returns where in memory the objects of an array are, as an array of the same shape, to compare and nothing else."""
    return np.ndarray(objects.shape, np.intp, np.ascontiguousarray(objects).data)


def _without_repeats(old: Any, new: Any) -> tuple[Any, Any]:
    """Returns two arrays with one element in the place of repeated ones: `broadcast_to` makes any number of nothing."""
    once = tuple(
        slice(0, 1) if not stride and not other else slice(None) for stride, other in zip(old.strides, new.strides, strict=True)
    )
    return old[(*once, ...)], new[(*once, ...)]


def _are_same_masked(old: Any, new: Any) -> bool:
    """True when two masked arrays are the same in their data, under the mask too, the mask and the fill value."""
    if (old.mask is np.ma.nomask) != (new.mask is np.ma.nomask) or old.hardmask != new.hardmask:
        return False
    parts = ((old.data, new.data), (np.ma.getmask(old), np.ma.getmask(new)), (_fill_of(old), _fill_of(new)))
    return all(is_same_array(np.asarray(one), np.asarray(two)) for one, two in parts)


def _fill_of(masked: Any) -> Any:
    """Returns the fill value of a masked array, as an array; one row if it has fields."""
    return np.asarray(masked.fill_value, dtype=masked.dtype)


def is_same_object(old: Any, new: Any) -> bool:
    """True when two objects are scalars, arrays, or lists, tuples and dicts of such, that are the same."""
    if is_same_scalar(old, new):
        return True
    kind = type(old)
    if kind is not type(new):
        return False
    if kind is list or kind is tuple:
        return len(old) == len(new) and all(map(is_same_object, old, new))
    if kind is dict:  # in order, which a reader can see
        return len(old) == len(new) and all(map(is_same_object, old.items(), new.items()))
    return kind.__module__.partition(".")[0] == "numpy" and is_same_array(old, new)


def are_same_objects(old: Sequence[Any], new: Sequence[Any]) -> bool:
    """True when two sequences of one length have the same objects in their places; those of one type are compared together."""
    if all(map(is_, old, new)):
        return True
    kinds = set(map(type, old))
    if len(kinds) == 1 and kinds == set(map(type, new)):
        return _are_same_of_kind(type(old[0]), old, new)
    if not all(map(is_, map(type, old), map(type, new))):
        return False
    return all(_are_same_of_kind(kind, *_select(kind, old, new)) for kind in kinds)


def _select(kind: type, old: Sequence[Any], new: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Returns the elements of one type of two sequences that have the same types in their places."""
    is_kind = list(map(is_, map(type, old), repeat(kind)))
    return list(compress(old, is_kind)), list(compress(new, is_kind))


def _are_same_of_kind(kind: type, old: Sequence[Any], new: Sequence[Any]) -> bool:
    """True when two sequences of objects of one type are the same."""
    if kind in _EXACT:
        return all(map(eq, old, new))
    if kind is float:
        return _bits(old) == _bits(new) or list(map(repr, old)) == list(map(repr, new))  # there are many NaN, of one text
    return all(map(is_same_object, old, new))


def _bits(numbers: Sequence[float]) -> bytes:
    return array("d", numbers).tobytes()
