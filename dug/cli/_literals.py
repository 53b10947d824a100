"""Reads typed words as values, nodes and tweaks: `parse_literal`, `parse_arguments`, `parse_tweak`, `parse_target`.

Evaluates nothing but literals.  A word that is not a literal and has none of a literal's marks is taken as text, so that names,
dates and paths need no quotes within quotes.
"""

import ast
import re
from collections.abc import Callable
from typing import Any

from .._contexts.kinds import UNTWEAKED, scale, shift
from .._core.read import Function, Node
from .._text.values import show
from ..errors import TweakError

_CALLS: dict[str, tuple[str, Callable[..., Any]]] = {"scale": ("scale(x)", scale), "shift": ("shift(x)", shift)}
"""The tweaks that are written as calls, by name: their form, and the functions that make them."""
TWEAKS = f"{', '.join(usage for usage, _ in _CALLS.values())} or UNTWEAKED"
"""The forms of a tweak besides a literal, for texts."""
_NEARLY = {
    "true": "True",
    "false": "False",
    "none": "None",
    "null": "None",
    "untweaked": "UNTWEAKED",
    **{name: usage for name, (usage, _) in _CALLS.items()},
}
"""Words that are almost certainly not meant as text, and the intended one."""
_SHOWN = re.compile(r"(?P<node>\s*[^\s(]+:[^\s(]+\(.*<.*>.*\)(?: #\d+)?)\s*=(?P<value>.*)", re.DOTALL)
"""A tweak of a node whose arguments are not literals: by its text, as a file has it."""
_MARKS = frozenset("\"'()[]{}=,")


def parse_literal(text: str) -> Any:
    """Returns the value of a Python literal, or `text` itself where it is a plain word.

    >>> parse_literal("1.5"), parse_literal("('a', None)"), parse_literal("EMEA"), parse_literal("2024-01-31")
    (1.5, ('a', None), 'EMEA', '2024-01-31')

    Raises:
        ValueError: it looks like a literal and is none.
    """
    word = text.strip()
    if word in ("nan", "inf", "-inf"):
        return float(word)
    try:
        return ast.literal_eval(word)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as exc:
        if word and not _MARKS & set(word):
            return word
        raise ValueError(
            f"{text!r} is not a literal. Write a number, None, True, [1, 2], or a text in quotes: \"'text'\"; "
            f"a tweak may also be {TWEAKS}."
        ) from exc


def parse_arguments(words: tuple[str, ...]) -> tuple[list[Any], dict[str, Any]]:
    """Returns the positional and keyword arguments that words like ``1``, ``EMEA`` and ``years=2`` mean.

    Raises:
        ValueError: one of them is not a literal or is given twice, or a positional one follows a keyword.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            if name in kwargs:
                raise ValueError(f"{name} is given twice: {name}={show(kwargs[name])} and {word}. Leave one out.")
            kwargs[name] = parse_literal(value)
        elif kwargs:
            raise ValueError(f"{word!r} stands behind a keyword. Write arguments without a name first.")
        else:
            args.append(parse_literal(word))
    return args, kwargs


def parse_tweak(text: str, find: Callable[[str], Node[Any] | None] | None = None) -> tuple[Any, Any]:
    """Returns the node or function that ``node=value`` tweaks, and to what.

    The value is what `parse_tweak_value` takes.  Where the arguments of a node are not literals, `find`
    may know it by its text.

    Raises:
        ValueError: it is not of that form, or the value is not possible.
        LookupError: no memoised function has that name.
        TypeError: the function cannot be called like that.
    """
    key, value = split_tweak(text)
    return parse_target(key, find), parse_tweak_value(value)


def parse_target(text: str, find: Callable[[str], Node[Any] | None] | None = None) -> Any:
    """Returns the node, or the memoised function, that ``module:function(arguments)`` or ``module:function`` names.

    Raises:
        ValueError: its arguments are not literals, and `find` does not know it by its text.
        LookupError: no memoised function has that name.
        TypeError: the function cannot be called like that.
    """
    return _parse_node(text, find) if "(" in text else Function.load(text).wrapper()


def _parse_node(text: str, find: Callable[[str], Node[Any] | None] | None) -> Node[Any]:
    try:
        return Node.parse(text)
    except ValueError as exc:
        node = None if find is None else find(text)
        if node is None:
            hint = "With --load FILE, the text of a node of the file will do." if find is None else "The file has no such node."
            raise ValueError(f"{exc} {hint}") from exc
        return node
    except TypeError as exc:
        raise TypeError(f"{text} is not possible: {exc}. Give the arguments of the function.") from exc


def split_tweak(text: str) -> tuple[str, str]:
    """Returns the two sides of ``node=value``; the arguments of a node may contain an equals sign as well.

    >>> split_tweak("pricing:forward('a=b', years=2)=5")
    ("pricing:forward('a=b', years=2)", '5')

    Raises:
        ValueError: there is no node or function before an equals sign.
    """
    at = text.find("=")
    while at >= 0:
        key = text[:at].strip()
        if _is_key(key):
            return key, text[at + 1 :].strip()
        at = text.find("=", at + 1)
    found = _SHOWN.fullmatch(text)
    if found is not None:
        return found["node"].strip(), found["value"].strip()
    raise ValueError(f'{text!r} is not a tweak. Write it as "module:function(arguments)=value".')


def parse_tweak_value(text: str) -> Any:
    """Returns the value of a tweak: ``UNTWEAKED``, a call such as ``scale(x)``, or a literal.

    Raises:
        ValueError: it is none of them.
    """
    if text == "UNTWEAKED":
        return UNTWEAKED
    name, parenthesis, rest = text.partition("(")
    if parenthesis and name.strip() in _CALLS and rest.rstrip().endswith(")"):
        args = _parse_positional(rest.rstrip()[:-1])
        try:
            return _CALLS[name.strip()][1](*args)
        except (TypeError, TweakError) as exc:
            raise ValueError(f"{text!r} is not possible: {exc}") from exc
    value = parse_literal(text)
    if isinstance(value, str) and value == text and text.lower() in _NEARLY:
        raise ValueError(f"{text!r} would be a text here. Write {_NEARLY[text.lower()]}, or \"'{text}'\" if the text is meant.")
    return value


def _parse_positional(text: str) -> tuple[Any, ...]:
    """Returns the arguments between the parentheses of a call: literals, or one plain word."""
    try:
        args: tuple[Any, ...] = ast.literal_eval(f"({text},)")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return (parse_literal(text),)
    return args


def _is_key(text: str) -> bool:
    """True for the text of a node or the name of a function."""
    name, parenthesis, rest = text.partition("(")
    module, colon, qualname = name.partition(":")
    if not colon or not all(part.isidentifier() for part in [*module.split("."), *qualname.split(".")]):
        return False
    if not parenthesis:
        return True
    try:
        return isinstance(ast.parse(f"f({rest}", mode="eval").body, ast.Call)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
