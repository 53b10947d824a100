"""Makes arrays read-only for as long as a check lasts: `Freezer`, which notes what it froze, and what cannot be frozen.

A frame of pandas keeps its cells in arrays, which are made read-only too.  A frame of polars, and an immutable object, needs
nothing; everything else cannot be frozen, but for what is inside.

It can `freeze` and `thaw`; `_freeze_parts`, `_freeze_array` and `_freeze_frame` go inside; `unfrozen` lists the rest.
"""

import logging
from contextlib import suppress
from threading import Lock
from typing import Any

from .._core.read import Node, is_immutable
from .._extras.packages import find_loaded
from ..errors import say_node
from ..testing._fingerprint import take_apart

_logger = logging.getLogger("dug")
_POLARS = ("DataFrame", "LazyFrame", "Series")
_PANDAS = ("DataFrame", "Series")
_HOLDERS = frozenset([tuple, frozenset])
"""Containers that cannot be changed themselves."""


class Freezer:
    """Freezes the arrays in values from `open` to `thaw`, which makes those writeable again that were; for many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_open = False
        self._frozen: list[Any] = []
        self._named: dict[tuple[str, str], Node[Any]] = {}

    @property
    def unfrozen(self) -> tuple[Node[Any], ...]:
        """The first node of each function, and each type of what cannot be frozen in its value."""
        return tuple(dict.fromkeys(self._named.values()))

    def open(self) -> None:
        """Lets arrays be frozen from now on."""
        self._is_open = True

    def freeze(self, node: Node[Any], value: Any) -> None:
        """Freezes the arrays in the value of a node, and names what cannot be frozen, once for each function and type."""
        for kind in self._freeze_parts(value):
            key = (node._function.name, kind)
            with self._lock:
                is_new = key not in self._named
                self._named.setdefault(key, node)
            if is_new:
                named = say_node(node)
                _logger.warning("The value of %s is or has a %s, which cannot be frozen: changes of it are found.", named, kind)

    def thaw(self) -> None:
        """Makes what was frozen writeable again: what owns its memory first, as a view of it can be written to only then."""
        with self._lock:  # a thread that comes later must freeze nothing
            self._is_open = False
            frozen, self._frozen = self._frozen, []
        for array in sorted(frozen, key=lambda array: array.base is not None):
            try:
                array.flags.writeable = True
            except ValueError:
                _logger.warning("An array of shape %s cannot be made writeable again: what it is a view of is not.", array.shape)

    def _freeze_parts(self, value: Any) -> list[str]:
        """Freezes what can be, and returns the names of the types that cannot."""
        ndarray = find_loaded("numpy", "ndarray")
        unfrozen: dict[str, None] = {}
        alive, seen, pending = [], set(), [value]
        while pending:
            part = pending.pop()
            if id(part) in seen or is_immutable(part) or _is_of("polars", _POLARS, part):
                continue
            seen.add(id(part))
            alive.append(part)  # an id must not be used twice
            if ndarray is not None and isinstance(part, ndarray):
                self._freeze_array(part)
                pending += part.tolist() if part.dtype.hasobject else []
            elif _is_of("pandas", _PANDAS, part):
                self._freeze_frame(part)
            else:
                if type(part) not in _HOLDERS:
                    unfrozen[type(part).__name__] = None
                with suppress(Exception):  # the user's class, which may raise anything
                    pending += [one for _, one in take_apart(part)[1]]
        return list(unfrozen)

    def _freeze_array(self, array: Any) -> None:
        with self._lock:
            if self._is_open and array.flags.writeable:
                array.flags.writeable = False
                self._frozen.append(array)

    def _freeze_frame(self, frame: Any) -> None:
        for block in getattr(getattr(frame, "_mgr", None), "blocks", ()):
            array = getattr(block.values, "_ndarray", block.values)  # dates and texts have theirs inside
            if hasattr(array, "flags"):
                self._freeze_array(array)


def _is_of(package: str, names: tuple[str, ...], value: Any) -> bool:
    return any(type(value) is find_loaded(package, name) for name in names)
