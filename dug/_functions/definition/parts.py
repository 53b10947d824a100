"""The parts of values and functions, taken without running user code: `defaults`, `cells`, `items`, `take_apart`.

Also `state_of` an instance, `is_own_callable`, `holds_own`, `is_of_enum`, and members `without_salt`.  `_take_builtin_apart`
takes methods, views of dicts and weak references apart, `_take_call_apart` nodes and proxies of functions.
"""

from collections import ChainMap, UserDict, UserList, UserString, deque
from collections.abc import Iterator
from enum import Enum
from functools import cached_property, lru_cache, partial, partialmethod
from inspect import getattr_static
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, MethodWrapperType, ModuleType, SimpleNamespace
from typing import Any
from weakref import ref

from wrapt import ObjectProxy

from ..._core.read import Node
from ..proxy import BoundMemoized, function_of
from .libraries import is_library
from .plain_data import is_container, is_scalar, tell

_CACHED = type(lru_cache(len))
HOLDERS = (dict, list, set, frozenset, deque, SimpleNamespace, ChainMap, UserDict, UserList, UserString)
"""Classes, with those derived from them, of objects that only hold others and can be changed in place."""
_KNOWN_BY_STATE = (SimpleNamespace, ChainMap, UserDict, UserList, UserString)
"""Those of them that hold in attributes whatever they hold."""
_NOTHING: dict[Any, Any] = {}
_VIEWS = (type(_NOTHING.keys()), type(_NOTHING.values()), type(_NOTHING.items()))


def defaults(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The defaults of a function, by the names of their parameters."""
    code, given = function.__code__, function.__defaults__ or ()
    yield from zip(code.co_varnames[code.co_argcount - len(given) : code.co_argcount], given, strict=False)
    yield from sorted((function.__kwdefaults__ or {}).items())


def cells(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The closure of a function, by name; without unassigned variables, such as that of a function that refers to itself."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue


def items(value: Any) -> Iterator[tuple[str, Any]]:
    """The items of a container, each after the name of its place, in an order that is the same in every process."""
    if isinstance(value, (dict, MappingProxyType)):
        pairs = dict.items(value) if isinstance(value, dict) else value.items()  # not as a class of the user's says
        for position, (key, one) in enumerate(pairs):
            name = _name_of(key)
            if name is None:
                yield f"key {position}", key
            yield str(position) if name is None else name, one
    elif isinstance(value, (set, frozenset)):
        members = set.__iter__(value) if isinstance(value, set) else frozenset.__iter__(value)
        yield from sorted(((_name_of(one) or "?", one) for one in members), key=lambda pair: pair[0])
    else:
        yield from ((str(position), one) for position, one in enumerate(_elements(value)))


def _elements(value: Any) -> Iterator[Any]:
    """The elements of a sequence, read without a user's own ``__iter__``."""
    kinds: tuple[Any, ...] = (list, tuple, deque)
    kind = next((kind for kind in kinds if isinstance(value, kind)), None)
    return iter(value) if kind is None else kind.__iter__(value)


def _name_of(value: Any) -> str | None:
    """The name of a scalar or a named thing, equal in every process; None for anything else."""
    if is_scalar(value):
        return tell(value)[:200]
    if isinstance(value, (type, FunctionType)):
        return f"{value.__module__}:{value.__qualname__}"
    return f"{type(value).__qualname__}.{value._name_}" if isinstance(value, Enum) else None


def take_apart(value: Any) -> list[tuple[str, Any]] | None:
    """Returns the parts of an object that only combines others: partials, methods, properties, wrappers, nodes, named tuples."""
    if isinstance(value, (partial, partialmethod)):
        given = [(f"argument {position}", one) for position, one in enumerate(value.args)]
        return [("function", value.func), *given, *sorted(value.keywords.items())]
    if isinstance(value, MethodType):
        return [("function", value.__func__), ("self", value.__self__)]
    if isinstance(value, (staticmethod, classmethod)):
        return [("function", value.__func__)]
    if isinstance(value, property):
        return [(name, getattr(value, name)) for name in ("fget", "fset", "fdel") if getattr(value, name) is not None]
    if isinstance(value, cached_property):
        return [("function", value.func)]
    if type(value) is _CACHED:
        return [("wrapped", value.__wrapped__)]
    if isinstance(value, (Node, ObjectProxy)):
        return _take_call_apart(value)
    if isinstance(value, tuple) and not is_container(value):
        return [("class", type(value)), *items(value)]
    if isinstance(value, HOLDERS):
        held = () if isinstance(value, _KNOWN_BY_STATE) else items(value)
        return [("class", type(value)), *held, *state_of(value)]
    return _take_builtin_apart(value)


def _take_builtin_apart(value: Any) -> list[tuple[str, Any]] | None:
    """The parts of what is of another object: its methods, views of a dict, weak references; the format of a `struct.Struct`."""
    if isinstance(value, (BuiltinFunctionType, MethodWrapperType)):
        owner = value.__self__
        return None if owner is None or isinstance(owner, ModuleType) else [("name", value.__name__), ("self", owner)]
    if isinstance(value, _VIEWS):
        return [("mapping", value.mapping)]
    if type(value) is ref:
        return [("referent", value())]
    return [("format", value.format)] if type(value).__module__ == "_struct" else None


def _take_call_apart(value: Any) -> list[tuple[str, Any]]:
    """The parts of a node, and of a proxy around a function: a method that is memoised, or a wrapper of another package."""
    if isinstance(value, Node):
        given = [(f"argument {position}", one) for position, one in enumerate(value.args)]
        return [("function", value.function), *given, *sorted(value.kwargs.items())]
    if isinstance(value, BoundMemoized):
        return [("function", value._self_memoized), ("wrapped", value.__wrapped__)]
    own = getattr_static(value, "_self_wrapper", None)
    return [("wrapped", value.__wrapped__), *([("wrapper", value._self_wrapper)] if own is not None else [])]


def state_of(value: Any) -> list[tuple[str, Any]]:
    """The attributes of an instance, by name, without the values of cached properties, which derive from the others."""
    kind = type(value)
    found: dict[str, Any] = {}
    try:
        space = object.__getattribute__(value, "__dict__")
    except AttributeError:
        space = None
    if type(space) is dict:
        found.update((name, one) for name, one in space.items() if isinstance(name, str))
    for cls in kind.__mro__:
        for name, member in vars(cls).items():
            if type(member).__name__ == "member_descriptor" and name not in found:
                try:
                    found[name] = member.__get__(value, kind)
                except AttributeError:  # a slot that nothing was put into
                    continue
    names = sorted(found)
    return [(name, found[name]) for name in names if not isinstance(getattr_static(kind, name, None), cached_property)]


def is_own_callable(value: object) -> bool:
    """True for a function or a class of the process's own, memoised or not."""
    if function_of(value) is not None:
        return True
    if isinstance(value, (FunctionType, type)):
        return not is_library(value.__module__)
    inner = value.func if isinstance(value, partial) else value.__func__ if isinstance(value, MethodType) else None
    return inner is not None and is_own_callable(inner)


def holds_own(value: object) -> bool:
    """True for a builtin container of functions or classes of the process's own, such as a generic function's registry."""
    return is_container(value) and any(is_own_callable(one) for _, one in items(value))


def without_salt(member: Any) -> Any:
    """Returns a member of a class; of a hash that attrs wrote, which has a number that each process draws, the fields in it."""
    is_hash = isinstance(member, FunctionType) and member.__name__ == "__hash__"
    return member.__code__.co_names if is_hash and member.__code__.co_filename.startswith("<attrs generated") else member


def is_of_enum(name: str) -> bool:
    """True for members that the machinery of enums keeps in their classes."""
    return name in ("__new__", "_generate_next_value_", "__format__", "__str__", "__repr__") or (
        name.startswith("_") and name.endswith("_") and not name.startswith("__")
    )
