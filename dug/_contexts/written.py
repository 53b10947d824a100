"""Writes what another process must find again: arguments as typed JSON (`json_of`), nodes (`read_node`), functions (`name_of`).

Nothing is imported because a text names it, but by `import_function`, for texts that the reader trusts.

`read_json` reads arguments back, `find_unreachable` and `leads_to` find out whether a name leads to a function.
"""

import operator
import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

from .._core.read import Function, Node
from .._functions.proxy import function_of
from .._text.values import LONGEST_TEXT, show, show_str
from ..codec import CodecError, Encoded, decode, encode


def json_of(value: Any) -> str | None:
    """Returns a value as typed JSON, None when that cannot be."""
    try:
        encoded = encode(value)
    except CodecError:
        return None
    return b"".join(encoded.parts).decode("ascii") if encoded.codec == "json" else None


def read_json(text: str) -> Any:
    """Returns the value that `json_of` wrote.

    Raises:
        CodecError: it was not written here, or a class is not registered here.
    """
    return decode(Encoded("json", (text.encode("utf-8"),)))


def read_node(function: Function, arguments: str) -> Node[Any]:
    """Returns the node of a function with its arguments, which are typed JSON.

    Raises:
        Exception: other parameters, a class that is not known, or an error of a user's ``key=`` function.
    """
    args, kwargs = read_json(arguments)
    return Node._of_call(function, tuple(args), kwargs)


def find_unreachable(function: Function) -> str | None:
    """Returns why no other process can find a function by its name, if so."""
    return "it is a local function" if "<" in function.name else "it has no name of its own" if function.owned else None


ARITHMETIC = {
    f"operator:{name}": getattr(operator, name) for name in "add sub mul truediv floordiv mod pow neg abs and_ or_ xor".split()
}
"""The functions that a bump may name in any file: they run no code of the user's."""


def name_of(fn: Any) -> tuple[str | None, str | None]:
    """Returns the name by which a function can be found again, or None and the reason why it cannot."""
    for name, known in ARITHMETIC.items():
        if fn is known:
            return name, None
    function: Function | None = function_of(fn)
    name = function.name if function is not None else f"{getattr(fn, '__module__', None)}:{getattr(fn, '__qualname__', '<')}"
    owner = getattr(fn, "__self__", None)  # of a builtin function it is its module
    if "<" in name or name.startswith("None:") or not (owner is None or isinstance(owner, ModuleType)):
        return None, f"{show(fn)} cannot be found by a name. Define it at the top of a module."
    return show_str(name, LONGEST_TEXT), None


def leads_to(name: str, fn: Any) -> bool:
    """True when a reader of this name, in a process with the same modules, finds this very function."""
    known: Function | None = function_of(fn)
    if known is not None:
        return Function.find(name) is known
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return name in ARITHMETIC or found is fn


def import_function(name: str) -> Callable[..., Any] | None:
    """Returns the function that `name_of` named, importing its module, which can run any code; None if it is not there."""
    module, _, qualname = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return None
    return found if callable(found) else None
