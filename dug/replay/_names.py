"""What names a node in a recording: `name_of`, by the arguments as typed JSON; by `stamp_of` where nothing else is sure.

A function that no name leads to, and an argument that has no codec, are known by their identity: each object gets a text of its
own, which nothing else has, here or in another process.  Two texts of equal nodes are equal: 1, 1.0 and True are spelled alike.
The texts are kept for as long as their objects live.

`_spell` and `_level` write equal values alike; `list_targets` lists the functions and nodes of a cut.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import count as count_up
from typing import Any
from uuid import uuid4
from weakref import ref

from .._contexts.tweaks import target_of
from .._core.read import Node, Target
from .._portable.nodes import find_unreachable, json_of
from .._text.values import show

Name = tuple[str, str]
"""The name of a function, and what tells a node from others of it."""

_process = uuid4().hex[:12]
_numbers = count_up()
_stamps: dict[int, tuple[Any, str]] = {}  # the process has one set of objects
_COUNTED = ("decimal", "fractions")


def name_of(node: Node[Any]) -> Name | None:
    """Returns what names a node; None where it cannot be told from others, such as one of which an argument is an `object()`."""
    function, key = node._function, node._key
    parts: Any = list(key[1:])
    if type(key) is tuple and node.is_current():  # others are told apart by less, or by more: ``key=``, ``ignore=``, ``typed=``
        args, kwargs = function.binding.arguments(key)
        parts = [list(args), kwargs]
    spelled = _spell(parts, is_typed=bool(function.options and function.options[0]))
    if spelled is None:
        return None
    return function.name, spelled if find_unreachable(function) is None else f"{stamp_of(function)} {spelled}"


def list_targets(cut: Iterable[Any]) -> list[Target]:
    """Returns the functions and nodes of a cut as they are looked up.

    Raises:
        TypeError: it is not a collection.
        TweakError: something in it is neither a node nor a memoised function.
    """
    if isinstance(cut, (str, bytes, Node)) or not isinstance(cut, Iterable):
        raise TypeError(f"cut must be functions and nodes, not {show(cut)}. Write cut=[f, g.node(x)].")
    return [target_of(one) for one in cut]


def stamp_of(thing: Any) -> str | None:
    """Returns a text that tells an object from all others of all processes; None for one that cannot be referred to weakly."""
    known = _stamps.get(id(thing))
    if known is not None and known[0]() is thing:
        return known[1]
    place = id(thing)
    try:
        made = ref(thing, lambda gone: _forget(place, gone))
    except TypeError:
        return None
    text = f"@{_process}-{os.getpid()}-{next(_numbers)}"  # a fork goes on with the numbers
    _stamps[place] = made, text
    return text


def _forget(place: int, gone: object) -> None:
    known = _stamps.get(place)
    if known is not None and known[0] is gone:
        _stamps.pop(place, None)


def _spell(value: Any, *, is_typed: bool) -> str | None:
    """Returns the same text for equal values; None where there is none."""
    text = None if isinstance(value, type) and "<" in value.__qualname__ else json_of(value if is_typed else _level(value))
    if text is not None:
        return text
    if type(value) is dict:
        value = [list(pair) for pair in value.items()]
    if type(value) in {tuple, list}:
        parts = [_spell(one, is_typed=is_typed) for one in value]
        named = [one for one in parts if one is not None]
        return f"{type(value).__name__}({','.join(named)})" if len(named) == len(parts) else None
    return stamp_of(value)


def _level(value: Any) -> Any:
    """Returns one value for all that are equal to it, as far as numbers and texts go."""
    kind: Any = type(value)
    if kind in {tuple, list, set, frozenset}:
        return kind(map(_level, value))
    if kind is dict:
        return {_level(name): _level(one) for name, one in value.items()}
    if isinstance(value, str):
        return str.__str__(value) if kind.__eq__ is str.__eq__ else value
    if isinstance(value, int):
        return int(value) if kind.__eq__ is int.__eq__ else value
    with suppress(TypeError, ValueError, ArithmeticError):
        return _level_number(value)
    return value


def _level_number(value: Any) -> Any:
    kind = type(value)
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == () and isinstance(value.item(), (int, float, complex)):
        value = value.item()
    if isinstance(value, complex) and value.imag == 0:
        value = value.real
    if kind.__module__ in _COUNTED and float(value) == value:
        value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value

