"""The fingerprint of a function by itself, as files of format 1 hold it (`own_fingerprint_of`): code, defaults, closure.

It does not see the functions that are called, nor the globals that are read.  It is compared with files of that
format only; `fingerprint` writes the present form.

The parts are written as texts: options, code without docstrings, and the state of defaults and closures (`_state_of`,
`_show_value`).
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import Any

from ... import codec
from ...errors import CodecError
from ..proxy import function_of
from .source import code_of, normalize, plain_of

_SAME_CODE = f"{sys.implementation.cache_tag}-{sys.flags.optimize}"
"""Byte code is comparable where this is the same."""


def own_fingerprint_of(function: Callable[..., Any]) -> str | None:
    """Returns a short text of a function by itself, equal in every process; None without Python code."""
    known = function_of(function)
    plain = plain_of(function)
    code = code_of(plain)
    if code is None:
        return None
    given = function if known is None else known.body
    version = "" if known is None else _show(known.version, _tell_text, frozenset()) + _options_of(known)
    by_code, by_text = (_digest(_behaviour(given, tell, version)) for tell in (_tell_code, _tell_text))
    return f"{_SAME_CODE}:{by_code}/text:{by_text if _normal_text(plain) is not None else ''}"


def _options_of(known: Any) -> str:
    """How the calls of a function become keys, where its decorator says so."""
    typed, key, ignore = known.options or (False, (), ())
    if not (typed or key or ignore):
        return ""
    shown = [f"{name}={_show(fn, _tell_text, frozenset())}" for name, fn in key]
    return f" typed={typed} key={shown} ignore={sorted(ignore)}"


def _behaviour(function: Any, tell: Callable[[Any], str], last: str = "", seen: frozenset[int] = frozenset()) -> str:
    """Returns a text of a function's behaviour in the form of `tell`, with its state and `last`."""
    return "\n".join((tell(plain_of(function)), *_state_of(function, tell, seen | {id(function)}), *([last] if not seen else [])))


def _tell_code(plain: Any) -> str:
    code = code_of(plain)
    return "" if code is None else _code_text(code)


def _tell_text(plain: Any) -> str:
    return _normal_text(plain) or ""


def _state_of(function: Any, tell: Callable[[Any], str], seen: frozenset[int]) -> Iterator[str]:
    """The defaults and the closure, as texts; of a partial, its arguments as well."""
    while isinstance(function, partial):
        yield from (_show(value, tell, seen) for value in function.args)
        yield from (f"{name}={_show(value, tell, seen)}" for name, value in sorted(function.keywords.items()))
        function = function.func
    for value in getattr(function, "__defaults__", None) or ():
        yield _show(value, tell, seen)
    for name, value in sorted((getattr(function, "__kwdefaults__", None) or {}).items()):
        yield f"{name}={_show(value, tell, seen)}"
    for cell in getattr(function, "__closure__", None) or ():
        try:
            yield _show(cell.cell_contents, tell, seen)
        except ValueError:  # not assigned yet: a function that refers to itself
            yield "unassigned"


def _show(value: Any, tell: Callable[[Any], str], seen: frozenset[int]) -> str:
    """A text of a value; format 1 had no codec for classes."""
    return f"{value.__module__}:{value.__qualname__}" if isinstance(value, type) else _show_value(value, tell, seen)


def _show_value(value: Any, tell: Callable[[Any], str], seen: frozenset[int]) -> str:
    """Data as data, a plain function by its behaviour, anything else that has a name by its name, and the rest by its type."""
    try:
        return b"".join(codec.encode(value).parts).decode("latin-1")
    except CodecError:
        named = value if hasattr(value, "__qualname__") else type(value)
    name = f"{getattr(named, '__module__', '?')}:{getattr(named, '__qualname__', '?')}"
    if id(value) in seen or function_of(value) is not None or not isinstance(value, FunctionType | partial):
        return name
    return f"{name} {_behaviour(value, tell, seen=seen)}"


def _code_text(code: CodeType) -> str:
    """The operations of a code object, without its position in a file."""
    constants = [_code_text(one) if isinstance(one, CodeType) else _constant(one) for one in code.co_consts]
    if _has_docstring(code):
        constants[0] = "docstring"
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    return repr((code.co_code, constants, names, counts, code.co_exceptiontable))


def _has_docstring(code: CodeType) -> bool:
    """True when the first constant is the docstring: Python 3.14 marks it, and earlier ones have none or ``None`` there."""
    if sys.version_info >= (3, 14):
        return bool(code.co_flags & 0x4000000)
    return not code.co_name.startswith("<") and bool(code.co_consts) and isinstance(code.co_consts[0], str)


def _constant(value: Any) -> Any:
    """A constant as a text; the items of a set in the same order in every process."""
    if type(value) is tuple:
        return tuple(map(_constant, value))
    if type(value) is frozenset:
        return sorted(map(repr, value))
    return type(value).__name__, repr(value)


def _normal_text(plain: Any) -> str | None:
    try:
        return normalize(ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(plain)))))
    except (OSError, TypeError, SyntaxError):  # no text, or a lambda in the middle of an expression
        return None


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
