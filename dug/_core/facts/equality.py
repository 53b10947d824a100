"""When one value can replace another (`is_same`), which values nobody can change (`is_immutable`), and which hide changes.

``==`` never decides for an unknown type.

One object proves nothing by itself, as it may have been changed in place since it was first returned.  It is the same value
only if nothing in it can be changed (`is_immutable`).  Two objects are the same value when they are scalars of one type and
equal, where ``0.0`` and ``-0.0`` differ and NaN equals itself, or tuples of such.  For every other type only ``memoize(eq=...)``
can say more.

An argument hides its changes (`find_unseen`) where Python tells it by its identity, as it does where a class says nothing else: a
part of a key, it equals itself before and after any change.  A class that defines ``__hash__`` has said what its objects are told
by, and is believed.

The parts of a value are found by `_find_parts`, by the fields and slots of its class; `substitution_key` is equal for two values
that can replace each other; `settle` ends the search in values of a class.  `_list_compared`, `_find_fields` and `_is_frozen`
look at attrs and data classes.
"""

from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from functools import _lru_cache_wrapper, partial
from math import copysign
from operator import attrgetter, itemgetter, methodcaller
from types import BuiltinFunctionType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import Any
from weakref import ref

from attrs import frozen

# Equal values of these types look the same to any reader.
_PLAIN_TYPES = frozenset({type(None), bool, int, str, bytes})
# Equal values of these may still print differently (Decimal("1.0"), a time in two zones), so their text decides.
_TEXT_TYPES = frozenset({complex, date, datetime, time, timedelta})
# Objects of these types are immutable.
_FIXED_TYPES = frozenset({
    *_PLAIN_TYPES, *_TEXT_TYPES, float, timezone, range, FunctionType, type(Ellipsis), type(NotImplemented),
    *map(type, (str.join, dict.__dict__["fromkeys"], object.__init__)),
})  # fmt: skip
# So are those of these, whose modules take long to import or may not be there: a package, and its classes by name.
_FIXED_NAMES = {
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "uuid": {"UUID"},
    "zoneinfo": {"ZoneInfo"},
    "re": {"Pattern"},
    "pathlib": {"PurePosixPath", "PureWindowsPath", "PosixPath", "WindowsPath"},
    "ipaddress": {"IPv4Address", "IPv6Address", "IPv4Network", "IPv6Network"},
    "numpy": {"ufunc", "_ArrayFunctionDispatcher"},
    "pandas": {"Timestamp", "Timedelta", "Interval", "Period", "NaTType", "NAType"},
}
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that a class statement made
_BOUND_TYPES = frozenset({MethodType, BuiltinFunctionType, MethodWrapperType})
_TUPLE_HASH, _OBJECT_HASH = tuple.__hash__, object.__hash__
_POINTER = tuple.__itemsize__
_WRITTEN_BY_OTHERS = ("<attrs generated", "<string>")
"""The beginnings of the names of the files that attrs and dataclasses give to the methods that they write."""
_settled: "set[ref[type]]" = {ref(FunctionType), ref(type)}
"""The classes whose objects `find_unseen` looks at no more."""


class Fixed:
    """A base of dug's own classes whose objects are immutable."""

    __slots__ = ()


@frozen(init=False, eq=False, repr=False)
class _Model:
    """Any frozen attrs class: they all have one ``__setattr__``."""


def substitution_key(value: object) -> Hashable | None:
    """Returns a key that two values share exactly when either can replace the other, or None when only identity tells."""
    kind = type(value)
    if kind in _PLAIN_TYPES:
        return kind, value
    if kind is float:
        return (float, value, copysign(1.0, value)) if value == value else (float, "nan")  # type: ignore[arg-type]
    if kind in _TEXT_TYPES or _is_decimal(kind):
        return kind, repr(value)
    if kind is tuple:
        return _tuple_key(value)  # type: ignore[arg-type]
    if issubclass(kind, Enum):  # an object that only equals the member need not live as long
        return kind, id(value)  # members live as long as their class, which the key holds
    if kind.__module__ == "numpy" and hasattr(value, "tobytes") and getattr(value, "shape", None) == ():
        return _numpy_key(value)
    return None


def is_same(old: object, new: object, eq: Callable[[Any, Any], bool] | None) -> bool:
    """True when `new` can replace `old`: the same value, or `eq` (from ``memoize(eq=...)``) says so.

    A mutable object that is returned again is not the same value, unless `eq` says so: it is asked about one object as well.
    """
    if old is new and is_immutable(new):
        return True
    if eq is not None:
        return bool(eq(old, new))
    if old is new or type(old) is not type(new):
        return False
    if type(old) is float and old != new:
        return old != old and new != new
    key = substitution_key(old)
    return key is not None and key == substitution_key(new)


def is_immutable(value: object) -> bool:
    """True when nothing in a value can be changed, so that the same object is the same value.

    So are scalars; tuples, frozen sets, and frozen attrs and data classes of such; functions, classes and enum members; bound
    methods and partials of such.  Everything else counts as mutable.

    Complexity: O(parts), each object once.
    """
    if type(value) in _FIXED_TYPES:
        return True
    seen: set[int] = set()
    kept: list[object] = []
    pending = [value]
    while pending:
        value = pending.pop()
        if type(value) not in _FIXED_TYPES and id(value) not in seen:
            parts = _find_parts(value)
            if parts is None:
                return False
            seen.add(id(value))
            kept.append(value)  # a bound part may be a new object, and its id must not be given to another
            pending.extend(parts)
    return True


def find_unseen(argument: Any) -> object | None:
    """Returns the part of a hashable argument whose changes no key shows, or None.

    That is an object which can be changed, and whose class leaves the hash to ``object``.  The fields by which a frozen attrs or
    data class compares are looked at too, in the first object of each class.

    Complexity: O(items of tuples and frozen sets); for the first object of a class, O(parts).
    """
    kind = type(argument)
    if kind is tuple:
        return _find_first(argument)
    if ref(kind) in _settled:
        return None
    hash_of: object = kind.__hash__
    if kind is frozenset or hash_of is _TUPLE_HASH:
        return _find_first(argument if kind is frozenset else tuple.__iter__(argument))
    if hash_of is _OBJECT_HASH or kind in _BOUND_TYPES:  # Python tells the instances of bound methods by their identity
        return argument if _can_change(argument) else None
    found = _find_first(_list_compared(argument))
    if found is None:
        settle(kind)
    return found


def settle(kind: type) -> None:
    """Has `find_unseen` look at objects of a class no more: nothing was found in the first, or somebody was warned of one."""
    _settled.add(ref(kind, _settled.discard))


def _find_first(parts: Iterable[object]) -> object | None:
    for part in parts:
        if type(part) not in _PLAIN_TYPES:
            found = find_unseen(part)
            if found is not None:
                return found
    return None


def _can_change(value: object) -> bool:
    """True for an object that can be changed, and is not told by its identity on purpose."""
    try:
        return not (is_immutable(value) or _is_meant(value))
    except Exception:  # noqa: BLE001  it is the user's, and may refuse to tell
        return False


def _is_meant(value: object) -> bool:
    """True for an object whose class says that it is told by its identity, and for one that has no content of its own.

    Such are objects with room for nothing, modules, and functions of any make.
    """
    kind = type(value)
    if kind in _BOUND_TYPES:
        return False
    if issubclass(kind, ModuleType) or any("__hash__" in vars(one) for one in kind.__mro__ if one is not object):
        return True
    if not kind.__dictoffset__ and kind.__basicsize__ - _POINTER * (kind.__weakrefoffset__ > 0) <= object.__basicsize__:
        return True
    return callable(value) and isinstance(getattr(value, "__qualname__", None), str)


def _list_compared(value: Any) -> list[object]:
    """Returns the fields by which a frozen attrs or data class compares, if its ``__hash__`` is the one that was made for it."""
    kind = type(value)
    code = getattr(kind.__hash__, "__code__", None)
    if code is None or not code.co_filename.startswith(_WRITTEN_BY_OTHERS) or not _is_frozen(kind):
        return []
    fields = getattr(kind, "__attrs_attrs__", ()) or getattr(kind, "__dataclass_fields__", {}).values()
    return [getattr(value, one.name) for one in fields if _is_compared(one)]


def _is_compared(one: Any) -> bool:
    """True for a field of an attrs or data class that is a part of the hash."""
    is_compared = one.eq if hasattr(one, "eq") else one.compare
    return bool(is_compared if one.hash is None else one.hash)


def _find_parts(value: Any) -> list[object] | None:
    """Returns the parts that decide whether a value can be changed: none for one that cannot, or None for one that can."""
    kind = type(value)
    if issubclass(kind, (type, Enum, Fixed)) or kind.__name__ in _FIXED_NAMES.get(str(kind.__module__).partition(".")[0], ()):
        return []
    if issubclass(kind, tuple):
        return None if kind.__dictoffset__ else list(tuple.__iter__(value))
    if kind is frozenset:
        return list(value)
    if kind is MethodType:
        return [value.__self__, value.__func__]
    if kind in {BuiltinFunctionType, MethodWrapperType}:
        return [] if isinstance(value.__self__, ModuleType) else [value.__self__]
    if kind is partial:
        return [value.func, *value.args, *value.keywords.values(), *vars(value).values()]
    if kind in {itemgetter, attrgetter, methodcaller}:
        return list(value.__reduce__()[:2])  # its function and arguments
    if kind is _lru_cache_wrapper:
        return [value.__wrapped__]
    if kind.__module__ == "numpy":
        return [] if substitution_key(value) is not None else None
    return _find_fields(value) if _is_frozen(kind) else None


def _is_frozen(kind: type) -> bool:
    """True for a frozen attrs or data class over nothing but classes written in Python, whose objects hold only their fields."""
    if not all(one is object or one.__flags__ & _HEAP_TYPE for one in kind.__mro__):
        return False
    setter: Any = kind.__setattr__
    if setter is _Model.__setattr__:
        return True
    said = vars(kind).get("__dataclass_params__")  # of the class itself: one derived from it need not be frozen
    return said is not None and bool(said.frozen)


def _find_fields(value: object) -> list[object]:
    """Returns everything that an object of a class written in Python holds."""
    found = list(getattr(value, "__dict__", {}).values())
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            held = None if name in {"__dict__", "__weakref__"} else _slot_of(kind, name)
            if hasattr(held, "__get__"):
                try:
                    found.append(held.__get__(value))  # type: ignore[union-attr]
                except AttributeError:  # not assigned
                    continue
    return found


def _slot_of(kind: type, name: str) -> Any:
    """Returns the descriptor of a slot, whose name is mangled like that of any other attribute."""
    if name.startswith("__") and not name.endswith("__"):
        name = f"_{kind.__name__.lstrip('_')}{name}"
    return vars(kind).get(name)


def _is_decimal(kind: type) -> bool:
    return kind.__name__ == "Decimal" and kind.__module__ == "decimal"  # its module takes long to import


def _tuple_key(value: tuple[object, ...]) -> Hashable | None:
    keys = tuple(map(substitution_key, value))
    return None if None in keys else (tuple, keys)


def _numpy_key(value: Any) -> Hashable | None:
    """The key of a numpy scalar; None for a mutable one: an array without dimensions, a row with fields."""
    if type(value).__name__ == "ndarray" or value.dtype.hasobject or value.dtype.kind == "V":
        return None
    parts = (value.real, value.imag) if value.dtype.kind == "c" else (value,)
    return type(value), str(value.dtype), *("nan" if part != part else part.tobytes() for part in parts)
