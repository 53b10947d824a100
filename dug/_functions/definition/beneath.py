"""What an instance of the process's own class has of a class of Python or of a package beneath it: `beneath`.

An own ``class Rate(float)`` has its number there, and not in an attribute.  No user code runs: each content is taken by the
class beneath.

`_CONTENTS` says how each such class gives its content; `Hidden` stands for one that cannot be taken.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from .libraries import is_library

_POINTER = 8 if sys.maxsize > 1 << 32 else 4
_ALL = slice(None)

_CONTENTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "builtins.int": lambda base, value: base.__int__(value),
    "builtins.float": lambda base, value: base.__float__(value),
    "builtins.complex": lambda base, value: base.__complex__(value),
    "builtins.str": lambda base, value: base.__str__(value),
    "builtins.bytes": lambda base, value: base.__getitem__(value, _ALL),
    "builtins.bytearray": lambda base, value: base.__getitem__(value, _ALL),
    "datetime.date": lambda base, value: base.__reduce__(value)[1],
    "datetime.datetime": lambda base, value: base.__reduce_ex__(value, 4)[1],
    "datetime.time": lambda base, value: base.__reduce_ex__(value, 4)[1],
    "datetime.timedelta": lambda base, value: base.__reduce__(value)[1],
    "decimal.Decimal": lambda base, value: base.__reduce__(value)[1],
    "numpy.ndarray": lambda base, value: base.view(value, base),
    "array.array": lambda base, value: (value.typecode, base.tobytes(value)),
}
"""By the class beneath: what takes the content of an instance, as something that the walk knows."""


@frozen
class Hidden:
    """Stands for a content that nobody can look at."""

    reason: str


def beneath(value: Any) -> list[tuple[str, Any]]:
    """Returns what the attributes of an instance do not show, after its name; `Hidden` where nobody can look at it."""
    if isinstance(value, BaseException):
        return [("args", vars(BaseException)["args"].__get__(value))]
    base: Any = next((cls for cls in type(value).__mro__ if _has_content(cls)), None)
    if base is None:
        return []
    name = f"{base.__module__}.{base.__qualname__}"
    take = _CONTENTS.get(name)
    return [("beneath", Hidden(f"what {name} holds in it") if take is None else take(base, value))]


def _has_content(cls: Any) -> bool:
    """True for a class of a library whose instances are larger than their attributes and slots."""
    if cls is object or not is_library(cls.__module__):
        return False
    base = cls.__base__
    slots = sum(type(member).__name__ == "member_descriptor" for member in vars(cls).values())
    own = slots + (cls.__dictoffset__ > 0 == base.__dictoffset__) + (cls.__weakrefoffset__ > 0 == base.__weakrefoffset__)
    return bool(cls.__itemsize__ != base.__itemsize__ or cls.__basicsize__ > base.__basicsize__ + own * _POINTER)
