"""Writes down what a value contains: `take`; `find_change` gives the place at which a value differs from what was written down.

It sees what `pickle` would save, as `dug.testing` does, without importing the libraries of the values, and keeps digests of what
is long.  A cache that is filled, and then emptied, is not a change: a private attribute that was absent or None before, and a
``cached_property``.

An `Entry` is one part of a value; `_take_apart` gives the parts of an object, `_digest` and `_slices` shorten, `_is_gone` passes
over what vanished, `_Met` knows what was met.
"""

import sys
from collections.abc import Iterator
from hashlib import blake2b
from operator import itemgetter
from typing import Any

from attrs import define, frozen

from .._extras.packages import find_loaded
from ..testing._fingerprint import SCALARS, Opaque, take_apart
from ._pandas import take_apart_pandas

Part = tuple[str, Any]
"""A part of a value, after the step that leads to it."""

_SHORT = 64
"""How many elements of a long sequence, and how many of its slices, have places of their own."""
_LONGEST = 100
"""How many characters, or bytes, are kept as they are; of what is longer, a digest."""


@define(eq=False)
class Entry:
    """One part of a value: the step that leads to it, and its own content."""

    holder: "Entry | None"
    step: str
    token: object = None
    depth: int = 0
    end: int = 0
    """The number of the first entry after it and all its parts."""
    is_filled: bool = False
    """True for a cache that was filled after the value was first seen, and may be emptied again."""

    @property
    def is_private(self) -> bool:
        """True for an attribute whose name begins with an underscore."""
        return self.step.startswith("._")

    def place(self) -> str:
        """Returns the steps that lead to it."""
        steps: list[str] = []
        entry: Entry | None = self
        while entry is not None:
            steps.append(entry.step)
            entry = entry.holder
        path = "".join(reversed(steps))
        return path if len(path) <= 2 * _LONGEST else f"{path[:_LONGEST]} ... {path[-_LONGEST:]}"


@frozen(eq=False)
class _End:
    """Stands on the stack after the parts of an object."""

    entry: Entry
    key: int


class _Met:
    """Which objects have been met in a private attribute, or outside of all.

    Each has a number of its own there, so that a cache that is filled, or emptied, changes no number outside.
    """

    __slots__ = ("around", "level", "numbers")

    def __init__(self, around: "_Met | None") -> None:
        self.around = around
        self.level: int = 0 if around is None else around.level + 1
        self.numbers: dict[int, int] = {}

    def find(self, key: int) -> tuple[int, int] | None:
        """Returns the level and the number under which an object was met, here or around; None if it was not."""
        met: _Met | None = self
        while met is not None:
            if key in met.numbers:
                return met.level, met.numbers[key]
            met = met.around
        return None


def take(value: object) -> list[Entry]:
    """Returns the content of a value, outside first; O(size of the value), not recursive."""
    entries: list[Entry] = []
    alive: list[Any] = []  # what is made on the way, too: an id must not be used twice
    around: dict[int, int] = {}
    stack: list[Any] = [(None, "", value, _Met(None))]
    while stack:
        top = stack.pop()
        if type(top) is _End:
            top.entry.end = len(entries)
            around.pop(top.key, None)
            continue
        holder, step, part, met = top
        entry = Entry(holder, step, None, 0 if holder is None else holder.depth + 1)
        entries.append(entry)
        entry.end = len(entries)
        first = met.find(id(part))
        if id(part) in around:
            entry.token = ("the one around it, at depth", around[id(part)])
        elif first is not None:
            entry.token = ("again the one with the number", *first)
        else:
            entry.token, parts = _take_apart(part)
            if parts or entry.token == (type(part),):  # the latter may have caches later
                alive.append(part)
                around[id(part)] = entry.depth
                met.numbers[id(part)] = len(met.numbers)
                stack.append(_End(entry, id(part)))
                stack += [(entry, name, one, _Met(met) if name.startswith("._") else met) for name, one in reversed(parts)]
    return entries


def find_change(before: list[Entry], after: list[Entry]) -> str | None:
    """Returns the place of the first difference, such as ``[2].x``; None if there is none, or only caches were filled or emptied.

    A cache is emptied when it was filled after the value was first seen, and is absent or None again.
    """
    i = j = 0
    while i < len(before) or j < len(after):
        then = before[i] if i < len(before) else None
        now = after[j] if j < len(after) else None
        if then is not None and (now is None or _is_gone(then, now)):
            if not then.is_filled:
                return then.place()
            i = then.end
        elif now is not None and then is not None and (then.step, then.depth) == (now.step, now.depth):
            if then.token != now.token:
                return now.place()
            now.is_filled = then.is_filled
            i, j = i + 1, j + 1
        elif now is not None:
            if not now.is_private:
                return now.place()
            now.is_filled = True
            j = now.end
    return None


def _is_gone(then: Entry, now: Entry) -> bool:
    """True when a part has nothing at its place any more, and `now` comes after it: attributes come last, by their names."""
    if then.depth != now.depth:
        return then.depth > now.depth
    return then.step != now.step and then.step.startswith(".") and now.step.startswith(".") and then.step < now.step


def is_opaque(entries: list[Entry]) -> bool:
    """True when some part could not be looked into, and is known by its identity only."""
    return any(type(entry.token) is Opaque for entry in entries)


def _take_apart(value: Any) -> tuple[object, list[Part]]:
    """Returns the content of an object itself, and its parts with the step that leads to each."""
    kind = type(value)
    if kind in SCALARS:
        return (kind, _digest(value)), []
    if kind in (list, tuple) and all(type(part) in SCALARS for part in value):
        return (kind, len(value)), list(_slices(value))
    if kind is find_loaded("numpy", "ndarray") and not value.dtype.hasobject:
        return (kind, value.dtype.str, value.shape), list(_slices(value)) if value.ndim else [("", value.tobytes())]
    if kind is find_loaded("numpy.ma", "MaskedArray"):  # `pickle` would save the value that it fills in, which a look finds
        return (kind, value.shape), [("", value.data), (".mask", sys.modules["numpy.ma"].getmaskarray(value))]
    taken = take_apart_pandas(value)
    if taken is not None:
        return taken
    token, parts = take_apart(value)
    if kind in (list, tuple, dict, set, frozenset) or not (parts or token == (kind, 0)):
        return token, list(parts)
    attributes = sorted((part for part in _leave_out_empty(parts) if part[0].startswith(".")), key=itemgetter(0))
    return (kind,), [*(part for part in parts if not part[0].startswith(".")), *attributes]


def _leave_out_empty(parts: Any) -> Iterator[Part]:
    return (part for part in parts if not (part[0].startswith("._") and part[1] is None))


def _slices(value: Any) -> Iterator[Part]:
    """Yields the elements of a short sequence, and slices of a long one, as digests."""
    width = -(-len(value) // _SHORT)
    for start in range(0, len(value), max(width, 1)):
        part = value[start : start + width]
        content = part.tobytes() if hasattr(part, "tobytes") else part
        if width == 1 and type(value) in (list, tuple):
            yield f"[{start}]", part[0]
        else:
            yield f"[{start}]" if width == 1 else f"[{start}:{start + len(part)}]", _digest(content)


def _digest(value: Any) -> object:
    """Returns a scalar, or a short sequence of scalars, as a text; of a long one, a digest of it."""
    if type(value) in (int, bool, type(None)):
        return value
    if type(value) is bytes:
        content = value
    else:
        try:
            content = repr(value).encode("utf-8", "surrogatepass")
        except ValueError:  # an int of too many digits
            content = str([hash(part) for part in value]).encode()
    return content if len(content) <= _LONGEST else blake2b(content, digest_size=16).digest()
