"""Texts of objects of Python's classes, and of some packages', by what they say to be copied: `tell_object`.

Such an object says how to make it again (``__reduce_ex__``): by which function, of which arguments and state.  It is told only if
all of that is data, or named by a library.  What differs in each process although nobody edited anything is left out: generators
of random numbers, what is of the operating system.

`_ObjectTeller` writes the text, part by part, and stops with `_Untold`.
"""

import copyreg
import sys
from types import BuiltinFunctionType, FunctionType, MappingProxyType, ModuleType
from typing import Any

from ..._text.values import STOPPING
from .libraries import is_library
from .plain_data import MOST_BYTES, MOST_ITEMS, is_array, is_container, is_scalar, tell, tell_array

_PACKAGES = frozenset({"numpy", "pandas", "polars", "scipy", "pyarrow", "dateutil", "pytz"})
"""Others may say something else in each process."""
_NOT_TOLD = ("random", "numpy.random", "os", "itertools", "threading", "_thread", "weakref")
_NAMED = (type, FunctionType, BuiltinFunctionType, ModuleType)
_MOST_DEEP = 50


class _Untold(Exception):  # noqa: N818  never leaves this file
    """A part cannot be told."""


def tell_object(value: Any) -> str | None:
    """Returns a text of an object of a library, equal in every process exactly when the object is; None where there is none."""
    try:
        return _ObjectTeller().tell(value, 0)
    except _Untold:
        return None


class _ObjectTeller:
    """Tells one object with its parts."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no identity is that of something that is gone
        self._size = 0

    def tell(self, value: Any, depth: int) -> str:
        """Returns a text of a part."""
        self._count(value, depth)
        if is_scalar(value):
            return tell(value)
        if is_array(value):
            return tell_array(value)
        if isinstance(value, _NAMED) or type(value).__name__ == "cython_function_or_method":
            return self._tell_named(value, depth)
        known = self._met.get(id(value))
        if known is not None:
            return f"the same as {known}"
        self._met[id(value)] = len(self._met)
        self._kept.append(value)
        return self._tell_container(value, depth) if is_container(value) else self._tell_copied(value, depth)

    def _count(self, value: Any, depth: int) -> None:
        self._size += len(value) if type(value) in (str, bytes, bytearray) else MOST_BYTES // MOST_ITEMS
        if self._size > MOST_BYTES or depth > _MOST_DEEP:
            raise _Untold

    def _tell_container(self, value: Any, depth: int) -> str:
        if isinstance(value, (dict, MappingProxyType)):
            told = [f"{self.tell(key, depth + 1)}:{self.tell(one, depth + 1)}" for key, one in value.items()]
        else:
            told = [self.tell(one, depth + 1) for one in value]
        said = sorted(told) if isinstance(value, (set, frozenset)) else told
        return f"{type(value).__name__}[{','.join(said)}]"

    def _tell_named(self, value: Any, depth: int) -> str:
        owner = getattr(value, "__self__", None)
        if isinstance(value, BuiltinFunctionType) and owner is not None and not isinstance(owner, ModuleType):
            return f"{value.__name__} of {self.tell(owner, depth + 1)}"
        module = value.__name__ if isinstance(value, ModuleType) else value.__module__
        name = "" if isinstance(value, ModuleType) else value.__qualname__
        if not is_library(module) or "<" in name:
            raise _Untold
        return f"{module}:{name}"

    def _tell_copied(self, value: Any, depth: int) -> str:
        kind = type(value)
        if not _is_told(kind.__module__) or kind.__module__ == "array" or getattr(value, "nbytes", 0) > MOST_BYTES:
            raise _Untold  # arrays come here where they are too large, and copying would take as much again
        try:
            reduce = copyreg.dispatch_table.get(kind)
            said: Any = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except STOPPING:
            raise
        except Exception as exc:  # what cannot be copied raises what it likes
            raise _Untold from exc
        if isinstance(said, str):
            return f"{kind.__module__}:{said}"
        made, *parts = said
        parts[2:] = [list(one) for one in parts[2:4] if one is not None]
        return f"{self.tell(made, depth + 1)}({','.join(self.tell(one, depth + 1) for one in parts)})"


def _is_told(module: str) -> bool:
    top = module.partition(".")[0]
    if any(module == name or module.startswith(f"{name}.") for name in _NOT_TOLD):
        return False
    return top in _PACKAGES or top in sys.stdlib_module_names
