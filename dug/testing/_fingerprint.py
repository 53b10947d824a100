"""Writes down a value's state as pickle sees it: `fingerprint`, `take_apart`; `find_difference` says where two states differ.

So two values, or one value at two times, can be compared.  A fingerprint is a flat tuple of (place, token): equal tokens and
steps mean equal state, and the first ones that differ say where the difference is.  It is made from what `pickle` would save
(`__reduce_ex__`), so that any class which pickles correctly is seen correctly, without importing the libraries of the values.
The value that a `functools.cached_property` keeps is left out: it derives from the state, and does not belong to it.

`_tokens` walks through a value, `_take_apart_object` asks it as pickle does; `Opaque` stands for what cannot be pickled.  `_path`
names where a step leads, `_state_parts` takes the attributes.
"""

import copyreg
import functools
import types
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from .._core.read import Node
from .._text.values import show, spell

Place = tuple[Any, str]
"""The place of a part: the place of the object that holds it (None outermost), and the step from there."""
Fingerprint = tuple[tuple[Place, object], ...]
Parts = tuple[tuple[str, Any], ...]
"""The parts of a value, each after the step that leads to it."""

# Protocol 4 is the last that gives plain bytes for arrays, not buffers to be collected elsewhere.
_PROTOCOL = 4
SCALARS = frozenset([type(None), bool, int, float, complex, str, bytes])
_BY_NAME = (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)


def fingerprint(value: object, name: str = "") -> Fingerprint:
    """Returns the state of `value`, outside first; O(size of the value), not recursive.

    Args:
        value: Anything.  An opaque part counts as its identity (see `is_opaque`).
        name: The name of the value in a message about a difference, such as ``xs``.
    """
    return tuple(_tokens(value, (None, name)))


def find_difference(before: Fingerprint, after: Fingerprint) -> str | None:
    """Returns the path to the first difference of two fingerprints, such as ``xs[1].name``, or None when they are equal."""
    for (place, token), (other_place, other) in zip(before, after, strict=False):
        if token != other or place[1] != other_place[1]:
            return _path(place)
    # A token counts its parts, so a fingerprint is never the beginning of another one.
    return None


def is_opaque(fingerprint: Fingerprint) -> bool:
    """Returns whether some part could not be looked into, and is known by its identity only."""
    return any(isinstance(token, Opaque) for _, token in fingerprint)


class Opaque:
    """An object that cannot be pickled; the fingerprint keeps it alive, so that it stays itself."""

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def _path(place: Place) -> str:
    steps: list[str] = []
    holder: Place | None = place
    while holder is not None:
        steps.append(holder[1])
        holder = holder[0]
    path = "".join(reversed(steps))
    return path if len(path) <= 200 else f"{path[:90]} ... {path[-90:]}"


def _tokens(value: object, place: Place) -> Iterator[tuple[Place, object]]:
    """Walks through a value, outside first.

    An object that is met again inside itself is a reference to where it was met first.  One that is only
    shared is walked through each time, since sharing alone makes no difference.  The walk keeps its own
    stack, as a long linked list would exhaust the interpreter's.
    """
    around: dict[int, int] = {}
    stack: list[tuple[Place, Any]] = [(place, value)]
    while stack:
        place, value = stack.pop()
        if type(value) is _End:
            del around[id(value.value)]
        elif id(value) in around:
            yield place, ("the same as the one around it, number", around[id(value)])
        else:
            token, parts = take_apart(value)
            yield place, token
            if parts:
                around[id(value)] = len(around)
                stack.append((place, _End(value)))
                stack.extend(((place, step), part) for step, part in reversed(parts))


@frozen(eq=False)
class _End:
    """Stands on the stack after the parts of a value, which it keeps alive until then."""

    value: object


def take_apart(value: Any) -> tuple[object, Parts]:
    """Returns the content of an object itself, and its parts with the step that leads to each."""
    kind = type(value)
    if kind in SCALARS:
        return (kind, spell(value)), ()
    if isinstance(value, Node):
        return (kind, str(value)), ()
    if isinstance(value, _BY_NAME):
        return (kind, getattr(value, "__module__", None), _name(value)), ()
    if kind in (list, tuple):
        return _take_apart_sequence(value)
    if kind is dict:
        return (kind, len(value)), tuple((f"[{show(key)}]", part) for key, part in value.items())
    if kind in (set, frozenset):
        return (kind, len(value)), tuple(("{}", part) for part in sorted(value, key=spell))
    return _take_apart_object(value)


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", value.__name__))


def _take_apart_sequence(value: Any) -> tuple[object, Parts]:
    """Returns a list or tuple as one token when it holds scalars only, which is the common case."""
    if all(type(part) in SCALARS for part in value):
        return (type(value), spell(value)), ()
    return (type(value), len(value)), tuple((f"[{i}]", part) for i, part in enumerate(value))


def _take_apart_object(value: Any) -> tuple[object, Parts]:
    """Returns an object of any other class as pickle would see it."""
    try:
        reduced = value.__reduce_ex__(_PROTOCOL)
    except Exception:  # noqa: BLE001  a class may refuse with any error; what it hides stays hidden
        return Opaque(value), ()
    if isinstance(reduced, str):
        return (type(value), reduced), ()
    make, args, state, items, pairs = (*reduced, None, None, None)[:5]
    parts = [("", part) for part in args if part is not type(value)]
    if make is not copyreg.__newobj__:  # type: ignore[attr-defined]
        parts.append(("", make))
    parts += _state_parts(type(value), state)
    parts += [(f"[{i}]", part) for i, part in enumerate(items or ())]
    parts += [(f"[{show(key)}]", part) for key, part in pairs or ()]
    return (type(value), len(parts)), tuple(parts)


def _state_parts(kind: type, state: Any) -> list[tuple[str, Any]]:
    """Returns the attributes in a pickled state: a dict, or the pair of dicts of a class with slots."""
    if isinstance(state, tuple) and len(state) == 2:
        return [part for half in state for part in _state_parts(kind, half)]
    if not isinstance(state, Mapping):
        return [] if state is None else [("", state)]
    return [
        (f".{name}", part)
        for name, part in state.items()
        if not isinstance(getattr(kind, str(name), None), functools.cached_property)
    ]
