"""The reach of a function: `walk`, the one walk over live objects, finds each `Part` for redefinition and fingerprints.

From a function it goes to the globals that its code names, module by module through attributes, to closures, defaults and wrapped
functions, and on through every function, class and container of the process's own that it comes to.  It stops at memoised
functions, which are edges of their own and count by what turns a call into a node (`edges`), and at the standard library and
installed packages, which count by name and version.

No user code runs: attributes are looked up without their descriptors, and values are looked into only if their type is known.
The walk says what there is (`Part`); its caller decides when two parts are the same.

`_Walk` has a method for each kind of thing that it visits: function, class, container, module, import, attribute.  They are
`_visit_class`, `_visit_names`, `_visit_changes` and the like; `_look` queues, `_close` and `finish` end.
"""

import builtins
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from importlib.util import resolve_name
from inspect import getattr_static
from types import FunctionType, ModuleType
from typing import Any

from attrs import evolve, frozen

from ..._text.values import STOPPING
from ..proxy import function_of
from .beneath import Hidden, beneath
from .changes import SILENT_CHANGERS, changed_by
from .code import Chain, find_owner, names_of
from .edges import parts_of_call
from .grounds import NO_MEMBERS, Grounds
from .imports import imports_of
from .libraries import SLOT_KINDS, is_library, name_in_library
from .parts import HOLDERS, cells, defaults, holds_own, is_of_enum, is_own_callable, items, state_of, take_apart, without_salt
from .plain_data import is_array, is_container, is_scalar, measure

CODE = "code"
"""A function of the process's own."""
NODE = "node"
"""A memoised function: the value is its `Function`."""
CLASS = "class"
"""A class of the process's own."""
LIBRARY = "library"
"""Something of the standard library or of an installed package: the value is its name, ``module:qualname``."""
PLAIN = "plain"
"""Data that nobody can change in place: numbers, texts, dates and tuples of such."""
CHANGEABLE = "changeable"
"""Data that can be changed in place: lists, dicts and sets of plain data, and arrays."""
SHAPE = "shape"
"""An object made of parts that follow by themselves: the value names its kind."""
OBJECT = "object"
"""Any other instance, and anything too large to be looked into."""
UNKNOWN = "unknown"
"""A part that cannot be described: the value says why."""
SAME = "same"
"""A part that the walk met before: the value is that place."""
MISSING = "missing"
"""A global that is not there."""
IGNORED = "ignored"
"""A global that the function says its reach leaves out."""

IMPORTED, IMPORTED_AS = "a module that is imported inside a function", "imported module "
MOST_PARTS = 20_000
"""A walk that comes to more ends there, and says so."""



@frozen
class Part:
    """One thing that a function reaches."""

    place: str
    """Where it was found: ``pricing.RATE``, or ``pricing.book: default fee``."""
    kind: str
    value: Any
    is_changed_within: bool = False
    """True for data that the functions change themselves, such as a cache or a counter."""
    is_imported: bool = False
    """True for what is reached only through modules that functions import when they run."""


def walk(
    roots: Iterable[tuple[str, Any]], *, is_deep: bool, grounds: Grounds | None = None, ignored: frozenset[str] = frozenset()
) -> list[Part]:
    """Returns the reach of functions, each thing once, in an order that depends only on the reach.

    Args:
        roots: the functions, each with the name of its place.
        is_deep: goes on into classes and into the attributes of instances.  Within one process a class is itself or another one,
            and only the attributes that the code names are looked at.
        grounds: takes a note of the objects that were met, for a look whether they are still the same.
        ignored: the places of globals that are left out.
    """
    walked = _Walk(is_deep, ignored)
    for place, value in roots:
        walked.add(place, value)
    parts = walked.finish()
    if grounds is not None:
        walked.note_grounds(grounds)
    return parts


class _Walk:
    """One walk: the parts found, and the objects still to visit."""

    def __init__(self, is_deep: bool, ignored: frozenset[str]) -> None:  # noqa: FBT001  what walks differ in
        self._ignored = ignored
        self._parts: dict[str, Part] = {}
        self._is_deep = is_deep
        self._places: dict[int, str] = {}
        """By identity: where each thing was come to first."""
        self._kept: list[Any] = []  # held, as the identity of an object that is gone may be given to another
        self._todo: deque[tuple[str, Any]] = deque()
        self._read: dict[str, tuple[int, str]] = {}
        """By place: the namespace and the name that a global was read from."""
        self._stored: set[tuple[int, str]] = set()
        self._changed: set[int] = set()
        """By identity: data that a function changes itself."""
        self._named: set[str] = set()
        """The places of globals and attributes that were looked at by their name."""
        self._met: list[tuple[Callable[[Grounds, Any], None], Any]] = []
        """What a fingerprint rests on, each with the verb that notes it."""
        self._edges: list[Any] = []
        """The memoised functions that it came to."""
        self._importers: list[FunctionType] = []
        """The functions that import modules when they run."""
        self._unwraps = False
        """True when a function asks for what is below a memoised one, which is then no edge only."""

    def add(self, place: str, value: Any) -> None:
        """Queues something for the walk."""
        self._todo.append((place, value))

    def finish(self) -> list[Part]:
        """Looks at all that there is, and returns it."""
        self._look()
        while self._unwraps and self._edges:  # it may call their bodies
            function = self._edges.pop(0)
            self.add(f"body of {function.name}", function.body)
            self._look()
        if not self._is_deep:
            return self._close()
        count = len(self._parts)
        while self._importers:
            self._visit_imports(self._importers.pop(0))
            self._look()
        parts = self._close()
        return [*parts[:count], *(evolve(part, is_imported=True) for part in parts[count:])]

    def note_grounds(self, grounds: Grounds) -> None:
        """Notes the objects that were met."""
        for verb, value in self._met:
            verb(grounds, value)

    def _look(self) -> None:
        while self._todo:
            if len(self._parts) > MOST_PARTS:
                self._note("what else there is", UNKNOWN, f"more than {MOST_PARTS:,} parts")
                self._todo.clear()
                break
            place, value = self._todo.popleft()
            try:
                self._visit(place, value)
            except STOPPING:
                raise
            except BaseException:  # noqa: BLE001  an unusual object: whoever defines or saves a function must not fail for that
                self._note(place, OBJECT, value)

    def _close(self) -> list[Part]:
        for place, read in self._read.items():
            if read in self._stored and place in self._parts:  # data that it writes itself does not define its behaviour
                self._parts[place] = Part(place, UNKNOWN, "a global that it writes itself")
        parts = self._parts.values()
        return [evolve(part, is_changed_within=True) if id(part.value) in self._changed else part for part in parts]

    def _note(self, place: str, kind: str, value: Any) -> None:
        while place in self._parts:
            place += "'"
        self._parts[place] = Part(place, kind, value)

    # One value

    def _visit(self, place: str, value: Any) -> None:
        if is_scalar(value):
            self._note(place, PLAIN, value)
            return
        function = function_of(value)
        if function is not None:
            self._note(place, NODE, function)
            if self._is_news(f"call of {function.name} {id(function)}"):
                self._edges.append(function)
                self._met.append((Grounds.add_edge, function))
                for step, part in parts_of_call(function, value) if self._is_deep else ():
                    self.add(step, part)
            return
        before = self._places.setdefault(id(value), place)
        if before != place:
            self._note(place, SAME, before)
            return
        self._kept.append(value)
        if type(value) is FunctionType:
            self._visit_function(place, value)
        elif isinstance(value, type):
            self._visit_class(place, value)
        elif is_container(value):
            self._visit_container(place, value)
        else:
            self._visit_object(place, value)

    def _visit_function(self, place: str, function: FunctionType) -> None:
        wrapped = vars(function).get("__wrapped__")
        module = function.__globals__.get("__name__")
        if is_library(module):
            self._note(place, LIBRARY, f"{module}:{function.__code__.co_qualname}")
            held = [*cells(function), *((name, value) for name, value in vars(function).items() if name != "__wrapped__")]
            closed = [(name, value) for name, value in held if is_own_callable(value) or holds_own(value)]
        else:
            self._note(place, CODE, function)
            self._met.append((Grounds.add_function, function))
            closed = list(cells(function))
            for name, value in defaults(function):
                self.add(f"{place}: default {name}", value)
            self._visit_names(function)
            if not self._is_deep:
                self._visit_changes(function)
        for name, value in closed:
            self.add(f"{place}: closure {name}", value)
        if wrapped is not None:
            self.add(f"{place}: wrapped", wrapped)

    def _visit_class(self, place: str, cls: type) -> None:
        if is_library(cls.__module__):
            self._note(place, LIBRARY, f"{cls.__module__}:{cls.__qualname__}")
            return
        self._note(place, CLASS, cls)
        if not self._is_deep:
            return
        self._met.append((Grounds.add_class, cls))
        where = f"{cls.__module__}.{cls.__qualname__}"
        members = dict(vars(cls))
        if issubclass(cls, Enum):
            self.add(f"{where}: members", tuple((name, member._value_) for name, member in cls.__members__.items()))
            members = {name: one for name, one in members.items() if name not in cls.__members__ and not is_of_enum(name)}
        for name in sorted(members.keys() - NO_MEMBERS):
            if type(members[name]).__name__ not in SLOT_KINDS:
                self.add(f"{where}.{name}", without_salt(members[name]))
        for field in vars(cls).get("__attrs_attrs__", ()):
            self.add(f"{where}.{field.name}: default", field.default)
        for position, parent in enumerate(cls.__bases__):
            if parent is not object:
                self.add(f"{where}: base {position}", parent)
        if type(cls) is not type:
            self.add(f"{where}: metaclass", type(cls))

    def _visit_container(self, place: str, value: Any) -> None:
        found = measure(value)
        if found.too_large is not None:
            self._note(place, OBJECT, value)
        elif found.is_plain:
            self._note(place, CHANGEABLE if found.can_change else PLAIN, value)
            if found.can_change:
                self._met.append((Grounds.add_data, value))
        else:
            self._note(place, SHAPE, f"{type(value).__name__} of {len(value)}")
            self._met.append((Grounds.add_container, value))
            for step, part in items(value):
                self.add(f"{place}[{step}]", part)

    def _visit_object(self, place: str, value: Any) -> None:
        kind = type(value)
        if is_array(value):
            self._note(place, CHANGEABLE, value)
            self._met.append((Grounds.add_data, value))
            return
        parts = take_apart(value)
        if parts is not None:
            self._note(place, SHAPE, kind.__name__)
            if isinstance(value, HOLDERS):
                self._met.append((Grounds.add_container, value))
                self._met.append((Grounds.add_instance, value))
        elif (name := name_in_library(value)) is not None:
            self._note(place, LIBRARY, name)
        elif isinstance(value, Enum):
            self._note(place, OBJECT, value)
            self.add(f"{place}: class", kind)
        elif kind is Hidden:
            self._note(place, UNKNOWN, value.reason)
        elif is_library(kind.__module__):
            self._note(place, OBJECT, value)
            parts = [(name, one) for name, one in state_of(value) if is_own_callable(one)]
        else:
            self._note(place, OBJECT, value)
            self._met.append((Grounds.add_instance, value))
            parts = [("class", kind), *([*state_of(value), *beneath(value)] if self._is_deep else ())]
        for step, part in parts or ():
            self.add(f"{place}: {step}", part)

    # Names

    def _visit_names(self, function: FunctionType) -> None:
        space, names = function.__globals__, names_of(function.__code__)
        module = space.get("__name__", "?")
        self._unwraps = self._unwraps or names.unwraps
        self._stored.update((id(space), name) for name in names.stored)
        for name in sorted(names.globals):
            if name.startswith("__") and name.endswith("__"):  # the name of a module and its file
                continue
            if name in space or not hasattr(builtins, name):
                self._visit_global(f"{module}.{name}", space, name, names.globals[name])
        for name in sorted(names.imported):
            if not is_library(name):
                self._tell_once(f"import {name}", UNKNOWN, IMPORTED)
        if names.imported and self._is_deep:
            self._importers.append(function)
        owner = find_owner(function)
        if owner is not None and not self._is_deep:
            self._visit_attributes(f"{owner.__module__}.{owner.__qualname__}", owner, names.own)
        elif owner is not None:
            self._visit_members(owner, names.own)

    def _visit_changes(self, function: FunctionType) -> None:
        """Notes which data a function changes in place: globals, defaults, its closure, and attributes of these."""
        changed = changed_by(function.__code__)
        if not (changed.globals or changed.locals):
            return
        own = {**dict(cells(function)), **dict(defaults(function))}
        first = function.__code__.co_varnames[: function.__code__.co_argcount][:1]
        if first and first[0] not in own:
            own[first[0]] = find_owner(function)
        for space, chains in ((function.__globals__, changed.globals), (own, changed.locals)):
            for name, *attributes in chains:
                value: Any = space.get(name)
                for attribute in attributes:
                    value = getattr_static(value, attribute, None)
                self._kept.append(value)
                self._changed.add(id(value))

    def _visit_global(self, place: str, space: Mapping[str, Any], name: str, chains: set[Chain]) -> None:
        if place in self._ignored or name not in space:
            self._tell_once(place, IGNORED if place in self._ignored else MISSING, None)
            return
        value = space[name]
        if is_container(value) and all(chain[:1] and chain[0] in SILENT_CHANGERS for chain in chains):
            return  # a log: its content does not leave the function here
        if isinstance(value, ModuleType):
            self._visit_module(place, value, chains)
            return
        if self._read.setdefault(place, (id(space), name)) != (id(space), name):
            place += "'"
            self._read[place] = (id(space), name)
        if self._is_news(place):
            self.add(place, value)
        named = {chain[0] for chain in chains if chain}
        if not self._is_deep:
            self._visit_attributes(place, value, named)
        elif type(value) is FunctionType and not is_library(value.__module__):
            for attribute in sorted(named & vars(value).keys() - {"__wrapped__"}):
                if self._is_news(f"{place}.{attribute}"):
                    self.add(f"{place}.{attribute}", vars(value)[attribute])

    def _visit_module(self, place: str, module: ModuleType, chains: set[Chain]) -> None:
        if is_library(module.__name__) or (any(not chain for chain in chains)):
            self._tell_once(place, LIBRARY, module.__name__)
        if is_library(module.__name__):
            return
        for chain in sorted(chain for chain in chains if chain):
            self._visit_global(f"{module.__name__}.{chain[0]}", vars(module), chain[0], {chain[1:]})

    def _visit_imports(self, function: FunctionType) -> None:
        """Looks at what a function reads of the modules that it imports, if they are there by now."""
        space = function.__globals__
        for (said, level), chains in sorted(imports_of(function.__code__).items()):
            around = space.get("__package__") or str(space.get("__name__")).rpartition(".")[0]
            name = resolve_name(f"{'.' * level}{said}", around)
            if is_library(name):
                continue
            self._met.append((Grounds.add_import, (name, chains)))
            module = sys.modules.get(name)
            if module is None:
                self._tell_once(f"module {name}", MISSING, None)
            else:
                self._tell_once(f"{IMPORTED_AS}{name}", SHAPE, "module")
                self._visit_module(f"module {name}", module, chains)

    def _visit_attributes(self, place: str, value: Any, names: set[str]) -> None:
        """Looks at the attributes of a class or an instance of the process's own that the code names."""
        if is_library(type(value).__module__) and (not isinstance(value, type) or is_library(value.__module__)):
            return
        for name in sorted(names):
            found = getattr_static(value, name, None)
            if found is not None and type(found).__name__ not in SLOT_KINDS and self._is_news(f"{place}.{name}"):
                self.add(f"{place}.{name}", found)

    def _visit_members(self, owner: type, names: set[str]) -> None:
        """Looks at the members of a method's class that it names, with those of its bases."""
        for name in sorted(names):
            for cls in owner.__mro__:
                self._met.append((Grounds.add_member, (cls, name)))
                if name in vars(cls):
                    place = f"{cls.__module__}.{cls.__qualname__}.{name}"
                    found = vars(cls)[name]
                    if not is_library(cls.__module__) and type(found).__name__ not in SLOT_KINDS and self._is_news(place):
                        self.add(place, found)
                    break

    def _is_news(self, place: str) -> bool:
        if place in self._named:
            return False
        self._named.add(place)
        return True

    def _tell_once(self, place: str, kind: str, value: Any) -> None:
        if self._is_news(place):
            self._note(place, kind, value)
