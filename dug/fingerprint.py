"""What a function is, written down: its source text, and a fingerprint that tells in another process whether it has changed.

A fingerprint is made of the code, the defaults and what the function closes over, as far as these are the same in every process.
It does not see the functions that are called, nor the globals that are read: those that matter are memoised functions of their
own, or named in ``memoize(version=...)``.
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

from . import codec
from ._function import function_of
from .errors import CodecError

__all__ = ["fingerprint_of", "has_changed", "source_of"]

_SAME_CODE = f"{sys.implementation.cache_tag}-{sys.flags.optimize}"
"""Byte code is comparable where this is the same."""


def source_of(function: Callable[..., Any]) -> str | None:
    """Returns the text of a function, decorators included; None where there is none, as for builtins."""
    try:
        return textwrap.dedent(inspect.getsource(inspect.unwrap(_plain(function))))
    except (OSError, TypeError, IndentationError, SyntaxError):
        return None


def fingerprint_of(function: Callable[..., Any]) -> str | None:
    """Returns what decides the behaviour of a function, as a short text that is equal in every process.

    It has two halves: one of the byte code, which the same Python compares, and one of the source text without comments,
    docstrings and layout, which any other Python compares.  For a memoised function, its ``version`` is a part of both.

    Args:
        function: a function, plain or memoised.

    Returns:
        The fingerprint; None where there is no Python code to look at.
    """
    known = function_of(function)
    plain = _plain(function)
    code = _code_of(plain)
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


def has_changed(before: str | None, now: str | None) -> bool:
    """True when two fingerprints of a function say that it is not what it was; False when that cannot be told."""
    if not before or not now or before == now:
        return False
    (code_before, _, text_before), (code_now, _, text_now) = before.partition("/text:"), now.partition("/text:")
    if code_before.partition(":")[0] == code_now.partition(":")[0]:
        return code_before != code_now
    return bool(text_before and text_now) and text_before != text_now


def calls_alike(before: str | None, now: str | None) -> bool:
    """True when two texts of a function, decorators included, say that the same arguments mean the same call.

    False when that cannot be told: a default that is not written out may have changed, and so may any without its text.
    """
    heads = [_head_of(source) for source in (before, now)]
    return None not in heads and heads[0] == heads[1]


def _head_of(source: str | None) -> str | None:
    """The parameters and the decorators of a function as a text; None where they do not tell all."""
    try:
        definition = ast.parse(source or "").body[0]
    except (SyntaxError, IndexError, ValueError):  # no text, or a lambda in the middle of an expression
        return None
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    defaults = [*definition.args.defaults, *filter(None, definition.args.kw_defaults)]
    if not all(isinstance(default, ast.Constant) for default in defaults):
        return None
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return "\n".join(map(ast.dump, (definition.args, *definition.decorator_list)))


def _plain(function: Any) -> Any:
    known = function_of(function)
    plain = function if known is None else known.body
    while isinstance(plain, partial):
        plain = plain.func
    return plain


def _code_of(plain: Any) -> CodeType | None:
    code = getattr(plain, "__code__", None) or getattr(vars(type(plain)).get("__call__"), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _behaviour(function: Any, tell: Callable[[Any], str], last: str = "", seen: frozenset[int] = frozenset()) -> str:
    """Returns what a function does in the words of `tell`, with its state and `last`."""
    return "\n".join((tell(_plain(function)), *_state_of(function, tell, seen | {id(function)}), *([last] if not seen else [])))


def _tell_code(plain: Any) -> str:
    code = _code_of(plain)
    return "" if code is None else _code_text(code)


def _tell_text(plain: Any) -> str:
    return _normal_text(plain) or ""


def _state_of(function: Any, tell: Callable[[Any], str], seen: frozenset[int]) -> Iterator[str]:
    """The defaults and what is closed over, as texts; of a partial, what it passes on as well."""
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
    """Data as data, a plain function as what it does, anything else that has a name as its name, and the rest by its type."""
    try:
        return b"".join(codec.encode(value).parts).decode("latin-1")
    except CodecError:
        named = value if hasattr(value, "__qualname__") else type(value)
    name = f"{getattr(named, '__module__', '?')}:{getattr(named, '__qualname__', '?')}"
    if id(value) in seen or function_of(value) is not None or not isinstance(value, FunctionType | partial):
        return name
    return f"{name} {_behaviour(value, tell, seen=seen)}"


def _code_text(code: CodeType) -> str:
    """What a code object does, without where it stands in a file."""
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
    """A constant as a text; a set in an order that does not hang on the process."""
    if type(value) is tuple:
        return tuple(map(_constant, value))
    if type(value) is frozenset:
        return sorted(map(repr, value))
    return type(value).__name__, repr(value)


def _normal_text(plain: Any) -> str | None:
    source = source_of(plain)
    if source is None:
        return None
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a lambda in the middle of an expression
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = []
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
