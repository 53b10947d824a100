"""Typed JSON: `dump` writes plain Python data as JSON, from which `load` reads the very same, types and order included.

``None``, truth values, finite floats, moderate ints, strings, lists and dicts with string keys are JSON's own.  Anything else is
an object with one key that begins with ``$`` and says the type; dicts with such keys are written as lists of pairs.

`_pack` and `_unpack` go through a value by the tables `_WRITERS` and `_READERS`, a function for each kind: ints, floats,
fractions, moments, sets, bytes.  `_pack_other` writes classes and values of packages.
"""

import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

from .._text.values import show
from ..errors import CodecError
from ._classes import can_register, find_class, find_loaded, find_named, name_class
from ._zones import pack_zone, unpack_zone

_AS_IT_IS = frozenset({type(None), bool})
_MOST = 1 << 63  # other readers of JSON keep no more than 64 bits, and Python reads no more than 4,300 digits
_MOST_DEEP = 100  # a value must not need more of the stack to be read than there is wherever it is read
_PATH = type(Path())
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")


CLASS_NEED = "class:"
"""Begins, among what it takes to read a value, the name of a class that is a part of the value itself."""
_NOTHING: frozenset[str] = frozenset()
_write = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), check_circular=False).encode


class _Refused(Exception):  # noqa: N818  never leaves this file
    """Carries the reason why a value has no codec."""


def dump(value: Any) -> tuple[bytes, frozenset[str]]:
    """Returns plain data as typed JSON, and what it takes to read it, see `Encoded.needs`.

    Raises:
        CodecError: some part of it is of a type that has no codec; the message names the type.
    """
    kind = type(value)
    if (kind is float and math.isfinite(value)) or (kind is int and -_MOST <= value < _MOST):  # most values are numbers
        return repr(value).encode("ascii"), _NOTHING
    needs: set[str] = set()
    try:
        text = _write(_pack(value, needs, _MOST_DEEP))
    except _Refused as exc:
        raise CodecError(str(exc)) from None
    except RecursionError:
        raise CodecError("it is nested too deeply, or holds itself.") from None
    return text.encode("ascii"), frozenset(needs)


def load(data: bytes | bytearray | memoryview) -> Any:
    """Returns the data that `dump` wrote.

    Raises:
        CodecError: `dump` did not write it, or a class is not registered here.
    """
    try:
        return _unpack(_read(bytes(data).decode("utf-8", "surrogatepass")))
    except CodecError:
        raise
    except RecursionError:
        raise CodecError("it is nested too deeply to be read.") from None
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        OverflowError,
        ArithmeticError,
        AttributeError,
        OSError,
        ImportError,
    ) as exc:
        raise CodecError(f"it is not typed JSON: {exc}") from exc


def _refuse_constant(name: str) -> None:
    raise CodecError(f"{name} is not written like that.")


_decoder: Any = json.JSONDecoder(parse_constant=_refuse_constant)  # to make one takes as long as to use it


def _read(text: str) -> Any:
    """Returns what a text says; one without spaces around it, as `dump` writes it, in half the time."""
    try:
        said, end = _decoder.scan_once(text, 0)
    except StopIteration:
        return _decoder.decode(text)
    return said if end == len(text) else _decoder.decode(text)


# Writing


def _pack(value: Any, needs: set[str], room: int) -> Any:
    """Returns a value in the words of JSON; `room` is how many levels of it there may be."""
    if not room:
        raise RecursionError
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind in _WORDS:
        return _WORDS[kind](value)
    if kind is list:
        return [_pack(item, needs, room - 1) for item in value]
    if kind is dict:
        return _pack_dict(value, needs, room - 1)
    writer = _WRITERS.get(kind)
    if writer is not None:
        tag, take_apart, is_nested = writer
        return {tag: _pack(take_apart(value), needs, room) if is_nested else take_apart(value)}
    if kind in _SETS:
        return {_SETS[kind]: _sorted_items(value, needs, room - 1)}
    known = find_class(kind)
    if known is not None:
        needs.add(known.name)
        return {"$object": [known.name, _pack(known.take_apart(value), needs, room)]}
    return _pack_other(value, needs, room)


def _pack_other(value: Any, needs: set[str], room: int) -> Any:
    """Returns a class, or a value of an optional package, in the words of JSON."""
    kind = type(value)
    if issubclass(kind, type):
        name = name_class(value)
        needs.add(CLASS_NEED + name)
        return {"$class": name}
    origin = kind.__module__.partition(".")[0]
    if origin == "numpy":
        from . import _numpy  # optional package: it is there, because the value is

        return _numpy.pack(value)
    if origin == "pandas":
        from . import _pandas_parts  # optional package: it is there, because the value is

        needs.add("package:pandas")
        return _pandas_parts.pack(value, lambda item: _pack(item, needs, room - 1))
    if origin == "polars":
        from . import _polars  # optional package: it is there, because the value is

        if _polars.takes(value):
            needs.add("package:polars")
            return {"$polars": _base64(b"".join(_polars.write(value)))}
    raise _Refused(f"{kind.__module__}.{kind.__qualname__} has no codec. {_advice(kind)}")


def _advice(kind: type[Any]) -> str:
    if can_register(kind):
        return "Register it: from dug import codec; codec.register(cls)."
    return "It cannot be registered: return plain data instead, or save with allow_pickle=True."


def _pack_dict(value: dict[Any, Any], needs: set[str], room: int) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {_pack(key, needs, room): _pack(item, needs, room) for key, item in value.items()}
    return {"$dict": [[_pack(key, needs, room), _pack(item, needs, room)] for key, item in value.items()]}


def _check_text(value: str) -> str:
    """Returns a text, unless it would be read as another one: JSON takes two halves of a surrogate pair for a character."""
    if not value.isascii() and _HALVES.search(value):
        raise _Refused("a text with both halves of a surrogate pair has no codec.")
    return value


def _sorted_items(value: Any, needs: set[str], room: int) -> list[Any]:
    """Returns the items of a set, sorted, so that every process writes equal sets in the same way."""
    return sorted((_pack(item, needs, room) for item in value), key=lambda item: json.dumps(item, sort_keys=True))


def _base64(value: Any) -> str:
    return b64encode(value).decode("ascii")


_WORDS: dict[type[Any], Callable[[Any], Any]] = {
    float: lambda value: value if math.isfinite(value) else {"$float": repr(value)},
    int: lambda value: value if -_MOST <= value < _MOST else {"$int": hex(value)},
    str: _check_text,
}
"""By type: writes a value in JSON's own form, if it has one."""
_WRITERS: dict[type[Any], tuple[str, Callable[[Any], Any], bool]] = {
    tuple: ("$tuple", list, True),
    bytes: ("$bytes", _base64, False),
    bytearray: ("$bytearray", _base64, False),
    complex: ("$complex", lambda value: [value.real, value.imag], True),
    Decimal: ("$decimal", str, False),
    Fraction: ("$fraction", lambda value: [value.numerator, value.denominator], True),
    date: ("$date", date.isoformat, False),
    datetime: ("$datetime", lambda value: [value.replace(tzinfo=None).isoformat(), value.fold, pack_zone(value.tzinfo)], False),
    time: ("$time", lambda value: [value.replace(tzinfo=None).isoformat(), value.fold, pack_zone(value.tzinfo)], False),
    timedelta: ("$timedelta", lambda value: [value.days, value.seconds, value.microseconds], False),
    range: ("$range", lambda value: [value.start, value.stop, value.step], True),
    UUID: ("$uuid", lambda value: value.hex, False),
    _PATH: ("$path", str, False),
}
"""By type: the tag, the function that takes a value apart, and whether the parts are values themselves."""
_SETS: dict[type[Any], str] = {set: "$set", frozenset: "$frozenset"}


# Reading


def _unpack(plain: Any) -> Any:
    if type(plain) is list:
        return [_unpack(item) for item in plain]
    if type(plain) is not dict:
        return plain
    if not any(key.startswith("$") for key in plain):
        return {key: _unpack(item) for key, item in plain.items()}
    if len(plain) != 1:
        raise CodecError("an object mixes a type with fields.")
    ((tag, content),) = plain.items()
    reader = _READERS.get(tag)
    if reader is None:
        raise CodecError(f"the type {show(tag)} is not known here. It may need a newer dug.")
    return reader(content)


def _items(content: Any) -> list[Any]:
    if type(content) is not list:
        raise CodecError(f"{show(content)} stands where a list was expected.")
    return [_unpack(item) for item in content]


def _float(content: Any) -> float:
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]


def _int(content: str) -> int:
    return int(content, 16)


def _real(content: Any) -> float:
    value = _unpack(content)
    if type(value) is not float:
        raise CodecError(f"{show(content)} stands where a float was expected.")
    return value


def _fraction(content: Any) -> Fraction:
    values = _items(content)
    if not all(type(value) is int for value in values):  # of a text like 1e999999999 it would make all the digits
        raise CodecError(f"{show(content)} stands where two integers were expected.")
    return Fraction(*values)


def _moment(kind: Any, content: Any) -> Any:
    text, fold, zone = content
    return kind.fromisoformat(text).replace(fold=fold, tzinfo=unpack_zone(zone))


def _object(content: Any) -> Any:
    name, parts = content
    return find_named(name).put_together(_unpack(parts))


def _array(content: Any) -> Any:
    from . import _numpy  # optional package: needed for this value only

    return _numpy.unpack(content)


def _pandas(content: Any) -> Any:
    from . import _pandas_parts  # optional package: needed for this value only

    return _pandas_parts.unpack(content, _unpack)


def _polars(content: Any) -> Any:
    from . import _polars  # optional package: needed for this value only

    return _polars.read(b64decode(content, validate=True))


_READERS: dict[str, Callable[[Any], Any]] = {
    "$float": _float,
    "$int": _int,
    "$tuple": lambda content: tuple(_items(content)),
    "$set": lambda content: set(_items(content)),
    "$frozenset": lambda content: frozenset(_items(content)),
    "$dict": lambda content: {_unpack(key): _unpack(item) for key, item in content},
    "$bytes": lambda content: b64decode(content, validate=True),
    "$bytearray": lambda content: bytearray(b64decode(content, validate=True)),
    "$complex": lambda content: complex(_real(content[0]), _real(content[1])),
    "$decimal": Decimal,
    "$fraction": _fraction,
    "$date": date.fromisoformat,
    "$datetime": lambda content: _moment(datetime, content),
    "$time": lambda content: _moment(time, content),
    "$timedelta": lambda content: timedelta(*content),
    "$range": lambda content: range(*_items(content)),
    "$uuid": lambda content: UUID(hex=content),
    "$path": Path,
    "$object": _object,
    "$numpy": _array,
    "$class": find_loaded,
    "$pandas": _pandas,
    "$polars": _polars,
}
