"""The classes that users `register`, by name (`find_class`); values are written field by field, made without ``__init__``.

A name found in a file is looked up here and nowhere else, so that a file cannot choose what is imported or called.

`Known` is a registered class with its ways to take a value apart and to make one (`_ways`, `_whole`, `_object`, `_member` of an
enum); `find_loaded`, `name_class` and `find_named` look names up.  `_find_loaded` looks through loaded modules, `_name_of` names
members and flags.
"""

import dataclasses
import sys
from collections.abc import Callable
from enum import Enum, Flag
from functools import cached_property, reduce
from operator import or_
from types import ModuleType
from typing import Any, TypeVar, overload

import attrs
from attrs import frozen

from .._core.read import Function
from .._text.values import show
from ..errors import CodecError

C = TypeVar("C", bound=type[Any])


@frozen(eq=False)
class Known:
    """A registered class, how to take its values apart and how to put them together."""

    name: str
    cls: type[Any]
    take_apart: Callable[[Any], Any]
    put_together: Callable[[Any], Any]


_by_class: dict[type[Any], Known] = {}  # the process has one set of classes, so it has one of these
_by_name: dict[str, Known] = {}


@overload
def register(cls: C, /) -> C: ...
@overload
def register(*, name: str | None = None) -> Callable[[C], C]: ...
def register(cls: Any = None, /, *, name: str | None = None) -> Any:
    """Lets values of a class be written and read: an attrs class, a dataclass, a named tuple, an enum or an exception.

    Also a decorator.  Values are read by the class that is registered under their name where they are read, with the fields that
    they had; neither ``__init__`` nor converters nor validators run.

    Args:
        cls: the class; left out when options are given.
        name: replaces ``module:qualname`` in the written form, so that the class can be moved.

    Raises:
        TypeError: values of the class cannot be taken apart.

    Example:
        >>> from enum import Enum
        >>> from dug import codec
        >>> @codec.register(name="docs:Side")
        ... class Side(Enum):
        ...     BUY = 1
        >>> codec.decode(codec.encode(Side.BUY))
        <Side.BUY: 1>
    """
    if cls is None:
        return lambda decorated: _register(decorated, name)
    return _register(cls, name)


def can_register(cls: type[Any]) -> bool:
    """True when `register` takes a class."""
    try:
        _ways(cls)
    except TypeError:
        return False
    return True


def find_class(cls: type[Any]) -> Known | None:
    """Returns the registration of a class, None when it is not registered."""
    return _by_class.get(cls)


def find_named(name: object) -> Known:
    """Returns the class that is registered under a name.

    Raises:
        CodecError: none is.
    """
    known = _by_name.get(name) if isinstance(name, str) else None
    if known is None:
        raise CodecError(f"no class is registered as {show(name)} here. Import it, and say dug.codec.register(cls).")
    return known


def name_class(cls: type[Any]) -> str:
    """Returns the name by which a class is found again: of its module and its place in that.

    Raises:
        CodecError: the name does not lead to it.
    """
    name = f"{Function.name_module(cls.__module__)}:{cls.__qualname__}"
    if _find_loaded(name) is not cls:
        raise CodecError(f"the class {show(cls)} cannot be found by its name. Define it at the top of a module.")
    return name


def find_loaded(name: object) -> type[Any]:
    """Returns the class of a name, looked up among the loaded modules; imports nothing.

    Raises:
        CodecError: there is none.
    """
    found = _find_loaded(name)
    if found is None:
        raise CodecError(f"the class {show(name)} is not here. Import its module.")
    return found


def _find_loaded(name: object) -> type[Any] | None:
    if not isinstance(name, str):
        return None
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        if not isinstance(found, ModuleType | type):
            return None
        found = vars(found).get(part)  # only existing names: a module or a class may run code to make more
    return found if isinstance(found, type) else None


def _register(cls: Any, name: str | None) -> Any:
    if not isinstance(cls, type):
        raise TypeError(f"register() takes a class, not {show(cls)}.")
    known = Known(name or f"{cls.__module__}:{cls.__qualname__}", cls, *_ways(cls))
    _by_class[cls] = _by_name[known.name] = known
    return cls


def _ways(cls: type[Any]) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    if issubclass(cls, Enum):
        return _name_of, lambda name: _member(cls, name)
    if issubclass(cls, BaseException):
        return (lambda error: [error.args, dict(vars(error))]), lambda parts: _error(cls, parts)
    if attrs.has(cls):
        names = tuple(field.name for field in attrs.fields(cls))
    elif dataclasses.is_dataclass(cls):
        names = tuple(field.name for field in dataclasses.fields(cls))
    elif issubclass(cls, tuple) and hasattr(cls, "_fields"):
        names = tuple(cls._fields)
        return (lambda value: dict(zip(names, _whole(value, names), strict=True))), lambda fields: tuple.__new__(
            cls, _ordered(cls, names, fields)
        )
    else:
        raise TypeError(
            f"{cls.__qualname__} cannot be registered: values are taken apart where the class is an attrs class, a dataclass, "
            "a named tuple, an enum or an exception."
        )
    try:
        object.__new__(cls)
    except TypeError as exc:  # it is a dict, or another class that holds more than its fields
        raise TypeError(f"{cls.__qualname__} cannot be registered: its values cannot be put together from fields: {exc}") from exc
    return (lambda value: _take_fields(_whole(value, names), names)), lambda fields: _object(cls, names, fields)


def _whole(value: Any, names: tuple[str, ...]) -> Any:
    """Returns a value that has only its fields, and anything computed from them.

    Raises:
        ValueError: it has, and would be read without that.
    """
    more = getattr(value, "__dict__", {}).keys() - set(names) - {"_attrs_cached_hash"}
    lost = sorted(name for name in more if not isinstance(getattr(type(value), name, None), cached_property))
    if lost:
        raise ValueError(f"{', '.join(lost)} of {type(value).__qualname__} is not a field")
    return value


def _take_fields(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _name_of(member: Enum) -> Any:
    """Returns the name of a member; for combined flags without a name, the name of each."""
    cls = type(member)
    if member.name in cls.__members__:
        return member.name
    names = [part.name for part in member] if isinstance(member, Flag) else []
    if _flags(cls, names) != member:
        raise ValueError(f"{show(member)} has bits that no member has")
    return names


def _member(cls: type[Enum], name: Any) -> Enum:
    if issubclass(cls, Flag) and isinstance(name, list):
        return _flags(cls, name)
    member = cls.__members__.get(name) if isinstance(name, str) else None
    if member is None:
        raise CodecError(f"{cls.__qualname__} has no member {show(name)} here.")
    return member


def _flags(cls: Any, names: list[Any]) -> Enum:
    return reduce(or_, [_member(cls, name) for name in names]) if names else cls(0)


def _ordered(cls: type[Any], names: tuple[str, ...], fields: Any) -> list[Any]:
    if not isinstance(fields, dict) or fields.keys() != set(names):
        shown = ", ".join(map(str, fields)) if isinstance(fields, dict) else show(fields)
        raise CodecError(
            f"a value of {cls.__qualname__} was written with the fields {shown}, and here it has {', '.join(names)}."
        )
    return [fields[name] for name in names]


def _object(cls: type[Any], names: tuple[str, ...], fields: Any) -> Any:
    values = _ordered(cls, names, fields)
    made: Any = object.__new__(cls)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(made, name, value)  # as attrs itself fills frozen classes
    code = getattr(cls.__hash__, "__code__", None)
    if code is not None and "_attrs_cached_hash" in code.co_names:
        object.__setattr__(made, "_attrs_cached_hash", None)
    return made


def _error(cls: type[BaseException], parts: Any) -> BaseException:
    if not isinstance(parts, list) or len(parts) != 2 or not isinstance(parts[0], tuple) or not isinstance(parts[1], dict):
        raise CodecError(f"an exception of {cls.__qualname__} is not written as one.")
    made = cls.__new__(cls, *parts[0])
    made.args = parts[0]
    vars(made).update(parts[1])
    return made
