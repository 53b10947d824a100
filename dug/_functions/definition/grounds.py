"""The objects that a fingerprint rests on, by identity: `Grounds`, which tells whether each is still where it was.

A fingerprint takes milliseconds, so it is kept; and before each use of it in a store everything that it was made of is looked at
again: what names lead to, in modules, classes and instances; the code and the defaults of functions; closures; what containers
hold; the content of data that can be changed in place; and how callees are called.

Each kind is added by a method (`add_class`, `add_edge`...); `holds` compares all, `find_rebound` names what is bound to another
object.  `_held_by` lists what an object holds.  Among these are `add_function`, `add_member`, `add_import`, `add_data`;
`_is_code_same`, `_is_content_same` and `_are_classes_same` compare.  `add_instance` and `add_container` add objects.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sized
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any
from weakref import ref

from attrs import define, field

from ..._core.read import Function
from ..proxy import function_of
from .code import Chain, names_of
from .edges import Edge
from .libraries import is_library
from .parts import state_of
from .plain_data import mark

NO_MEMBERS = frozenset({
    "__module__", "__dict__", "__weakref__", "__doc__", "__qualname__", "__firstlineno__", "__static_attributes__",
    "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__abstractmethods__", "__parameters__",
    "__orig_bases__", "__dataclass_fields__", "__dataclass_params__", "__attrs_attrs__", "__attrs_props__", "__match_args__",
    "__attrs_own_setattr__", "__replace__", "_abc_impl", "__type_params__", "__slotnames__",
})  # fmt: skip
"""Members of a class's dict that say nothing about its behaviour, or repeat its other members."""
_MISSING = object()


class _Weak(ref[Any]):
    """What something led to that may be defined again, and must not live on for this note."""

    __slots__ = ()


def _hold(value: Any) -> Any:
    return _Weak(value) if isinstance(value, (FunctionType, type)) or function_of(value) is not None else value


def _is_held(now: Any, held: Any) -> bool:
    return now is held or (type(held) is _Weak and now is not None and held() is now)


@define(eq=False)
class Grounds:
    """What was found behind a fingerprint, when it was taken."""

    marked: Mapping[int, Any] = field(factory=dict)
    """By identity: the data whose content is watched elsewhere."""
    ignored: frozenset[str] = frozenset()
    """The places of globals that do not count."""
    _names: list[tuple[Mapping[str, Any], str, Any]] = field(factory=list)
    """Names in a module, a class or an instance, and what each led to."""
    _sizes: list[tuple[Sized, int]] = field(factory=list)
    """How many names instances had."""
    _classes: list[tuple[_Weak, dict[str, Any], int, Any]] = field(factory=list)
    """The members of classes, their number, and the bases."""
    _members: list[tuple[_Weak, str, Any]] = field(factory=list)
    """Single members of classes, and what each was."""
    _functions: list[tuple[_Weak, Any, Any, Any]] = field(factory=list)
    """The code and the defaults of functions."""
    _cells: list[tuple[Any, Any]] = field(factory=list)
    """Variables of closures, and what they held."""
    _holders: list[tuple[Any, list[Any]]] = field(factory=list)
    """Containers and instances with slots, and what they held."""
    _marks: list[tuple[Any, bytes]] = field(factory=list)
    """The content of data that can be changed in place."""
    _edges: list[Edge] = field(factory=list)

    def add_function(self, function: FunctionType) -> None:
        """Notes a function, and the globals that it reads."""
        self._functions.append((_Weak(function), function.__code__, function.__defaults__, function.__kwdefaults__))
        self._cells.extend((cell, _hold(_contents_of(cell))) for cell in function.__closure__ or ())
        for name, chains in names_of(function.__code__).globals.items():
            space: Mapping[str, Any] = function.__globals__
            if f"{space.get('__name__', '?')}.{name}" in self.ignored:
                continue
            value = self._add_name(space, name)
            for chain in chains:
                self._add_chain(value, chain)

    def _add_chain(self, value: Any, chain: tuple[str, ...]) -> None:
        """Notes the attributes of modules of the process's own, and of a function, that a function reads."""
        for step in chain:
            if isinstance(value, ModuleType) and f"{value.__name__}.{step}" in self.ignored:
                return
            if type(value) is FunctionType or (isinstance(value, ModuleType) and not is_library(value.__name__)):
                value = self._add_name(vars(value), step)

    def add_member(self, member: tuple[type, str]) -> None:
        """Notes a member of a class, or that it has none of this name."""
        cls, name = member
        self._members.append((_Weak(cls), name, _hold(vars(cls).get(name, _MISSING))))

    def _add_name(self, space: Mapping[str, Any], name: str) -> Any:
        """Notes what a name leads to, and returns it."""
        value = space.get(name, _MISSING)
        self._names.append((space, name, _hold(value)))
        return value

    def add_import(self, read: tuple[str, Iterable[Chain]]) -> None:
        """Notes a module that a function imports when it runs, or that it is not there, and what is read of it."""
        name, chains = read
        module = self._add_name(sys.modules, name)
        for chain in chains:
            self._add_chain(module, chain)

    def add_class(self, cls: type) -> None:
        """Notes the members and bases of a class."""
        members = {name: _hold(one) for name, one in vars(cls).items() if name not in NO_MEMBERS}
        self._classes.append((_Weak(cls), members, len(vars(cls)), cls.__bases__))

    def add_instance(self, value: Any) -> None:
        """Notes the attributes of an instance."""
        try:
            space: Any = object.__getattribute__(value, "__dict__")
        except AttributeError:
            space = None
        if type(space) is dict:
            self._names.extend((space, name, _hold(one)) for name, one in space.items())
            self._sizes.append((space, len(space)))
        else:
            self._holders.append((value, _held_by(value)))

    def add_container(self, value: Any) -> None:
        """Notes what a container holds."""
        self._holders.append((value, _held_by(value)))

    def add_data(self, value: Any) -> None:
        """Notes the content of data that can be changed in place."""
        if id(value) not in self.marked:
            self._marks.append((value, mark(value)[0]))

    def add_edge(self, function: Function) -> None:
        """Notes how a memoised function is called."""
        self._edges.append(Edge.of(function))

    def find_rebound(self) -> Iterator[str]:
        """Yields the places of globals that lead to something else now."""
        for space, name, value in self._names:
            module = str(space.get("__name__"))
            is_of_module = getattr(sys.modules.get(module), "__dict__", None) is space
            if is_of_module and not _is_held(space.get(name, _MISSING), value):
                yield f"{module}.{name}"

    def holds(self) -> bool:
        """True while everything is as it was; O(its size), some 50 ns for each name."""
        for space, name, value in self._names:
            if not _is_held(space.get(name, _MISSING), value):
                return False
        if not self._is_code_same():
            return False
        return not (self._cells or self._sizes or self._edges or self._holders or self._marks) or self._is_rest_same()

    def _is_rest_same(self) -> bool:
        """True while what few functions reach is as it was."""
        return (
            all(_is_held(_contents_of(cell), value) for cell, value in self._cells)
            and all(len(space) == size for space, size in self._sizes)
            and all(edge.holds() for edge in self._edges)
            and self._is_content_same()
        )

    def _is_code_same(self) -> bool:
        for known, code, defaults, by_name in self._functions:
            function: Any = known()  # None for one that no name leads to any more
            if function is not None and not (
                function.__code__ is code and function.__defaults__ is defaults and function.__kwdefaults__ is by_name
            ):
                return False
        return not (self._classes or self._members) or self._are_classes_same()

    def _are_classes_same(self) -> bool:
        for known, members, size, bases in self._classes:
            cls: Any = known()
            if cls is None or len(vars(cls)) != size or cls.__bases__ is not bases:
                return False
            if not all(_is_held(vars(cls).get(name, _MISSING), one) for name, one in members.items()):
                return False
        return all(known() is not None and _is_held(vars(known()).get(name, _MISSING), one) for known, name, one in self._members)

    def _is_content_same(self) -> bool:
        try:
            for value, held in self._holders:
                now = _held_by(value)
                if len(now) != len(held) or any(one is not other for one, other in zip(now, held, strict=True)):
                    return False
            return all(mark(value)[0] == before for value, before in self._marks)
        except RuntimeError:  # another thread changes it right now
            return False


def _held_by(value: Any) -> list[Any]:
    """Returns what an object holds: of a container its items, of any other instance its attributes."""
    if isinstance(value, (dict, MappingProxyType)):
        pairs = dict.items(value) if isinstance(value, dict) else value.items()
        return [one for pair in list(pairs) for one in pair]
    if isinstance(value, (list, tuple)):
        return list(list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value))
    if isinstance(value, (set, frozenset)):
        return list(set.__iter__(value) if isinstance(value, set) else frozenset.__iter__(value))
    return list(deque.__iter__(value)) if isinstance(value, deque) else [one for _, one in state_of(value)]


def _contents_of(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put into it
        return _MISSING
