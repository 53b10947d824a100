"""Finds the data that a code object changes in place, by following the stack through its byte code: `changed_by`.

A function that fills a cache, a log or a counter of its own changes data that it also reads; dug must not warn of that.  The
walk does not follow jumps, so it may miss a change in an unusual place.

`_Stack` is the stack of values of one code object, instruction by instruction; `Changed` a name and the method or operation that
changes what it leads to.  Its steps: `follow`, `_take`, `_load`, `_read_attribute`, `_apply`, `_drop`.
"""

import dis
import sys
from collections.abc import Iterator
from types import CodeType

from attrs import define, field

Chain = tuple[str, ...]

_CHANGERS = frozenset({
    "append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault", "clear", "pop", "popleft", "popitem",
    "remove", "discard", "sort", "reverse", "rotate", "move_to_end", "fill", "intersection_update", "difference_update",
    "symmetric_difference_update",
})  # fmt: skip
"""Methods of containers and arrays that change them."""
SILENT_CHANGERS = frozenset({"append", "appendleft", "extend", "add", "update", "insert", "clear", "discard"})
"""Methods of containers that change them and return nothing."""
_STORES = {"STORE_SUBSCR": (2, 3), "DELETE_SUBSCR": (2, 2), "STORE_SLICE": (3, 4)}
"""Instructions that change an item: the place of the container in the stack then, and how many items they pop."""
_SILENT = frozenset({"NOP", "RESUME", "PRECALL", "KW_NAMES", "MAKE_CELL", "COPY_FREE_VARS", "NOT_TAKEN", "EXTENDED_ARG", "CACHE"})
"""Instructions that leave the stack as it is."""
_TAKE_ONLY = ("STORE_", "DELETE_", "POP_", "JUMP_", "RETURN_", "LIST_APPEND", "SET_ADD", "MAP_ADD", "RERAISE", "RAISE_")
"""Instructions that push nothing onto the stack."""


@define
class Changed:
    """The data changed in place, each as a name with the attributes that are read of it: ``("Book", "cache")``."""

    globals: set[Chain] = field(factory=set)
    locals: set[Chain] = field(factory=set)
    """Of parameters and of closure variables."""


def changed_by(code: CodeType) -> Changed:
    """Returns the data that a code object and those inside it change in place; O(instructions)."""
    changed = Changed()
    for one in _inside(code):
        if _may_change(one):
            _Stack(changed).follow(one)
    return changed


def _inside(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _inside(constant)


def _may_change(code: CodeType) -> bool:
    """True unless a quick look at the names and operations rules it out."""
    return not _CHANGERS.isdisjoint(code.co_names) or not _STORE_CODES.isdisjoint(code.co_code[::2])


_NULL_LAST = sys.version_info >= (3, 13)
"""The place of the mark of a call beside the function."""
_STORE_CODES = frozenset(dis.opmap[name] for name in _STORES if name in dis.opmap)


class _Stack:
    """The stack of a code object: for each item, the name that it was read from, or None."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._items: list[Chain | None] = []
        self._aliases: dict[str, Chain | None] = {}
        """Local variables that are bound to a value with another name."""

    def follow(self, code: CodeType) -> None:
        """Goes through the operations, one after the other."""
        for step in dis.get_instructions(code):
            self._take(step.opname, step.arg, step.argval)

    def _take(self, name: str, arg: int | None, said: object) -> None:
        if name in _STORES:
            place, taken = _STORES[name]
            self._note(self._peek(place))
            self._drop(taken)
        elif name in ("LOAD_GLOBAL", "LOAD_NAME"):
            self._load(name, arg, ("global", str(said)))
        elif name.startswith("LOAD_FAST") or name == "LOAD_DEREF":
            self._items.extend(self._local(one) for one in (said if isinstance(said, tuple) else (said,)))
        elif name.startswith("STORE_FAST") and isinstance(said, str):
            self._aliases[said] = self._peek(1)
            self._drop(1)
        elif name in ("LOAD_ATTR", "LOAD_METHOD"):
            self._read_attribute(str(said), is_call=name == "LOAD_METHOD" or self._grows(name, arg))
        elif name == "COPY":
            self._items.append(self._peek(arg or 1))
        elif name == "SWAP":
            self._swap(arg or 1)
        elif name == "BINARY_SUBSCR":
            self._drop(1)  # a part of a container counts as the container
        elif name not in _SILENT:
            self._apply(name, arg)

    def _load(self, name: str, arg: int | None, chain: Chain) -> None:
        both: list[Chain | None] = [chain]
        if name == "LOAD_GLOBAL" and self._effect(name, arg) > 1:
            both.insert(int(_NULL_LAST), None)
        self._items.extend(both)

    def _local(self, name: object) -> Chain | None:
        return self._aliases.get(str(name), ("local", str(name)))

    def _read_attribute(self, name: str, *, is_call: bool) -> None:
        chain = self._peek(1)
        if name in _CHANGERS:
            self._note(chain)
        self._drop(1)
        self._items.append(None if chain is None else (*chain, name))
        if is_call:
            self._items.append(None)

    def _note(self, chain: Chain | None) -> None:
        if chain is not None:
            (self._changed.globals if chain[0] == "global" else self._changed.locals).add(chain[1:])

    def _swap(self, depth: int) -> None:
        if depth <= len(self._items):
            self._items[-depth], self._items[-1] = self._items[-1], self._items[-depth]

    def _apply(self, name: str, arg: int | None) -> None:
        effect = self._effect(name, arg)
        self._drop(-effect)
        if effect > 0:
            self._items.extend([None] * effect)
        elif self._items and not name.startswith(_TAKE_ONLY):
            self._items[-1] = None

    def _grows(self, name: str, arg: int | None) -> bool:
        return self._effect(name, arg) > 0

    def _effect(self, name: str, arg: int | None) -> int:
        code = dis.opmap[name]
        return dis.stack_effect(code, arg if code >= dis.HAVE_ARGUMENT else None, jump=False)

    def _peek(self, depth: int) -> Chain | None:
        return self._items[-depth] if depth <= len(self._items) else None

    def _drop(self, count: int) -> None:
        if count > 0:
            del self._items[-count:]
