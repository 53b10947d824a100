"""Writes a node's arguments as typed JSON and makes the node again: `call_of`, `read_node`; function names, `name_of`; `clean`.

To find a live node by the text that a user gives is left to `snapshot/_load`.  The texts can be read without decoding anything.
A user's ``__repr__`` or ``__str__`` may raise or return anything; here the result is a bounded text that every database takes.
"""

import operator
from typing import Any

from .._core.read import Function, Key, Node
from .._functions.proxy import function_of
from .._text.values import LONGEST_TEXT, show, text_of
from ..codec import CodecError, Encoded, decode, encode


def clean(text: object) -> str:
    """Returns the ``str`` of a value, bounded in length, as a text that UTF-8 can encode."""
    return text_of(text, LONGEST_TEXT)


def call_of(key: Key) -> tuple[str, str | None]:
    """Returns the text of a node and its arguments as typed JSON; None where these cannot be written."""
    node = Node._of(key)
    text = str(node)
    if not node.is_current():
        return text, None
    args, kwargs = node._function.binding.arguments(key)
    return text, json_of([list(args), kwargs])


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
    """Returns the node of a function with the arguments that `call_of` wrote.

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
    if "<" in name or name.startswith("None:") or getattr(fn, "__self__", None) is not None:
        return None, f"{show(fn)} cannot be found by a name. Define it at the top of a module."
    return clean(name), None
