"""How much memory objects take, with their contents: `measure`.

It follows containers and the engine's own objects, each once; modules, functions and classes do not count.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from gc import get_referents
from sys import getsizeof
from types import FunctionType, ModuleType
from typing import Any

from ..facts.binding import PartialKey
from ..facts.extra import Extra, OuterCall
from ..facts.failure import Failure
from ..facts.function import Function
from ..facts.homes import Homes
from ..facts.memo import Memo, NodeMemos
from ..facts.tweak import TweakSpec
from .local import Local
from .scenario import ActiveTweaks, Tweak, TweakRef

_ALIGNED = 16
"""Memory is allocated in multiples of so many bytes."""

_FOLLOWED: tuple[type, ...] = (
    tuple, list, dict, set, frozenset, deque, OrderedDict, PartialKey, Homes, Local, NodeMemos, Memo, Extra, OuterCall,
    Failure, Tweak, TweakSpec, TweakRef, ActiveTweaks,
)  # fmt: skip
"""The types whose content counts: containers, and the engine's own."""
_LEFT_OUT = (Function, FunctionType, ModuleType)


def measure(roots: Iterable[Any], apart: Mapping[type, Sequence[str]]) -> int:
    """Returns the bytes that objects take with all their contents, each object once.

    An object of an unknown type counts by its own ``__sizeof__``; functions and classes do not count.
    Of the types in `apart` these attributes count.
    """
    total, seen, pending, followed = 0, set[int](), list(roots), frozenset(_FOLLOWED)
    while pending:
        one = pending.pop()
        kind = type(one)
        if id(one) in seen or kind in _LEFT_OUT or isinstance(one, type):
            continue
        seen.add(id(one))
        total += -(-_size_of(one) // _ALIGNED) * _ALIGNED
        if kind in followed:
            pending.extend(get_referents(one))
        elif kind in apart:
            pending.extend([getattr(one, name) for name in apart[kind]])
    return total


def _size_of(one: object) -> int:
    try:
        return getsizeof(one)
    except Exception:  # noqa: BLE001  a ``__sizeof__`` of the user's
        return object.__sizeof__(one)
