"""Whether a value is nobody else's: `is_lone` counts who refers to what is inside; `copy_of` makes one that is.

Only what is known by heart is looked into: containers of Python's, arrays of numpy that own their memory, and instances with
attributes.  Of everything else it is not known who else has a part of it.

`_push_parts`, `_push_places`, `_push_attributes` and `_push_slot` look inside, part by part.
"""

from collections.abc import Iterable
from copy import deepcopy
from sys import getrefcount
from typing import Any

import attrs

from .._core.read import is_immutable
from .._extras.packages import find_loaded

_ONE = 2
"""What `getrefcount` says of an object to which one other refers: it counts its own argument."""


def is_lone(value: Any) -> bool:
    """True when nothing but the value itself refers to what can be changed inside; who refers to the value is for the caller.

    Complexity: O(parts).
    """
    pending = [value]
    while pending:
        part = pending.pop()
        if not is_immutable(part) and not _push_parts(part, pending):
            return False
    return True


def _push_parts(part: Any, pending: list[Any]) -> bool:
    """Adds the parts of an object to those to look at; False when it is not known who else may have a part of it."""
    kind = type(part)
    if kind is bytearray:
        return True
    if kind in (set, frozenset):
        return all(map(is_immutable, part))
    if kind in (list, tuple):
        return _push_places(part, range(len(part)), pending)
    if kind is dict:
        return all(map(is_immutable, part)) and _push_places(part, part, pending)
    if kind is find_loaded("numpy", "ndarray"):
        return part.base is None and not part.dtype.hasobject
    return _push_attributes(part, pending)


def _push_places(part: Any, places: Iterable[Any], pending: list[Any]) -> bool:
    """Adds what is at some places of a container; False when somebody else refers to one of these."""
    for place in places:
        if not is_immutable(part[place]):
            if getrefcount(part[place]) > _ONE:
                return False
            pending.append(part[place])
    return True


def _push_attributes(part: Any, pending: list[Any]) -> bool:
    """Adds the attributes of an instance to those to look at; False when it has others than are known here."""
    kind: Any = type(part)
    if kind.__reduce_ex__ is not object.__reduce_ex__ or kind.__module__ == "builtins":
        return False
    if attrs.has(kind) and not hasattr(part, "__dict__"):
        return all(_push_slot(part, field.name, pending) for field in attrs.fields(kind))
    if any(getattr(one, "__slots__", ()) for one in kind.__mro__) or kind.__basicsize__ > object.__basicsize__ + 16:
        return False
    return _push_places(vars(part), vars(part), pending)


def _push_slot(part: Any, name: str, pending: list[Any]) -> bool:
    if not hasattr(part, name) or is_immutable(getattr(part, name)):
        return True
    if getrefcount(getattr(part, name)) > _ONE:
        return False
    pending.append(getattr(part, name))
    return True


def copy_of(value: Any) -> Any:
    """Returns a copy of a value that shares nothing which can be changed; a frame of pandas 3 copies when it is written to."""
    frames = [find_loaded("pandas", "DataFrame"), find_loaded("pandas", "Series")]
    if type(value) in frames and find_loaded("pandas", "__version__") >= "3" and not _has_objects(value):
        return value.copy(deep=False)
    return deepcopy(value)


def _has_objects(frame: Any) -> bool:
    dtypes = frame.dtypes if hasattr(frame, "columns") else [frame.dtype]
    return any(dtype.kind == "O" for dtype in dtypes)
