"""The globals that the reach of a function leaves out, by ``memoize(ignore_globals=)``: `places_of`; what to type is `name_for`.

A name alone is a global that the function reads itself; ``tools.RAN`` is one of a module, which helpers read.

`tell_unmet` warns of a name that the reach does not have.  `_find` finds it by the globals of the function and of what it wraps
(`_own_globals`, `_layers`).
"""

import builtins
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any
from warnings import warn

from ..._core.read import Function
from ..proxy import function_of
from .code import names_of
from .libraries import is_library
from .source import plain_of

_Globals = dict[str, dict[str, Any]]
"""By name, and by place: what it leads to."""


def places_of(body: Any, names: Iterable[str]) -> frozenset[str]:
    """Returns the places of globals in the reach of a function.

    Raises:
        TypeError: the function reads no global of this name, or there is no module of this name; the message says what there is.
    """
    own = _own_globals(body)
    return frozenset(place for name in names for place in _find(body, name, own))


def _find(body: Any, name: str, own: _Globals) -> Iterable[str]:
    if name in own:
        return own[name]
    module, _, attribute = name.rpartition(".")
    if module in sys.modules:
        return (name,)
    what = f"ignore_globals of {getattr(body, '__module__', '?')}:{getattr(body, '__qualname__', repr(body))} has {name!r}, and"
    held = next(iter(own.get(module, {}).values()), None)
    if isinstance(held, ModuleType):
        return (f"{held.__name__}.{attribute}",)
    if held is not None:
        raise TypeError(f"{what} {module} is not a module: only whole globals are ignored. Write {module!r}, or pass {name}.")
    if module:
        raise TypeError(f"{what} there is no module {module}. Import it above, or write its whole name.")
    raise TypeError(
        f"{what} it reads no such global; it reads {', '.join(sorted(own)) or 'none'}. "
        f"Write one that a helper reads with its module: {getattr(body, '__module__', 'tools')}.{name}."
    )


def name_for(body: Any, place: str) -> str | None:
    """Returns what to type for a place of the reach of a function; None for one that is not a global."""
    if not is_global(place):
        return None
    name = place.rpartition(".")[2]
    return name if place in _own_globals(body).get(name, ()) else place


def is_global(place: str) -> bool:
    """True for the place of a global of a module."""
    module, _, name = place.rpartition(".")
    return name in getattr(sys.modules.get(module), "__dict__", ())  # an entry may be None, or anything


def tell_unmet(function: Function, places: Iterable[str], met: Iterable[str]) -> None:
    """Warns of globals that a function says its reach leaves out and that are not in it.

    Args:
        function: the function.
        places: those of everything that it reaches.
        met: those that are left out.
    """
    unmet = sorted(function.ignored.difference(met))
    if unmet:
        there = sorted(place for place in places if is_global(place) and place not in function.ignored)
        warn(
            f"{function} says ignore_globals={tuple(unmet)}, and reaches no such global: leave it out, or write one that it "
            f"reaches: {', '.join(there) or 'none'}.",
            RuntimeWarning,
            stacklevel=2,
        )


def _own_globals(body: Any) -> _Globals:
    """Returns the globals that a function, and what it wraps, reads."""
    found: _Globals = {}
    for function in _layers(body):
        space = function.__globals__
        for name in names_of(function.__code__).globals:
            if name in space or not hasattr(builtins, name):
                found.setdefault(name, {})[f"{space.get('__name__', '?')}.{name}"] = space.get(name)
    return found


def _layers(body: Any) -> Iterator[FunctionType]:
    """Yields a function, and the functions that it wraps."""
    seen = set()
    while body is not None and id(body) not in seen:
        seen.add(id(body))
        plain = plain_of(body)
        call = plain if isinstance(plain, FunctionType) else vars(type(plain)).get("__call__")
        if isinstance(call, FunctionType) and not is_library(call.__globals__.get("__name__")):
            yield call
        known = function_of(body)
        body = getattr(plain if known is None else known.body, "__wrapped__", None)
