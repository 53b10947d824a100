"""Reads typed words as values: `parse_literal`, `parse_arguments`, `fit`; `split_call`, `split_tweak`; `read_tweak`.

Evaluates nothing but literals.  A word that is not a literal and has none of a literal's marks is taken as text, so that names,
dates and paths need no quotes within quotes.  Which function or node a name means is found in `cli/_targets`.

Also `Word`, a word with its quotes; `fit_arguments`, arguments to the parameters of a function; `parse_tweak_value`, which reads
``scale(1.01)``, a bump or a date; and hints for what nearly is a literal.  `_split_arguments` splits the text between
parentheses.
"""

import ast
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from inspect import Parameter, Signature
from typing import Any

from attrs import frozen

from .._core.read import Node, TweakSpec
from .._text.values import show
from ..errors import TweakError
from .kinds import UNTWEAKED, scale, shift
from .value_types import list_members, takes

_CALLS: dict[str, tuple[str, Callable[..., Any]]] = {"scale": ("scale(x)", scale), "shift": ("shift(x)", shift)}
"""The tweaks that are written as calls, by name: their form, and the functions that make them."""
_SHORT = re.compile(r"(?P<sign>[x+])\s*(?P<number>[-+]?[\d.].*)")
_SHORTS = {"x": scale, "+": shift}
"""The same before a number."""
TWEAKS = "x0.5 (times), +0.01 (plus), scale(x), shift(x) or UNTWEAKED"
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
_NEARLY_SCALED = re.compile(r"\*\s*(?P<before>[-+]?[\d.]+)|(?P<behind>[-+]?[\d.]+)\s*[x*]")
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_KEY = re.compile(rf"\s*(?P<name>(?:{_NAME}:)?{_NAME})\s*(?:\((?P<inside>.*)\)(?: #\d+)?)?\s*", re.DOTALL)
"""The name of a function, or the text of a node."""
_SHOWN = re.compile(r"(?P<node>\s*[^\s(]+:[^\s(]+\(.*<.*>.*\)(?: #\d+)?)\s*=(?P<value>.*)", re.DOTALL)
"""A tweak of a node whose arguments are not literals: by its text, as a file has it."""
_PART = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^'"]""", re.DOTALL)
_MARKS = frozenset("\"'()[]{}=,")
_OPENED = {"(": ")", "[": "]", "{": "}"}
_MOMENTS: dict[type, Callable[[str], Any]] = {
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    time: time.fromisoformat,
}


@frozen
class Word:
    """A typed word and the value that it has by itself."""

    text: str
    value: Any

    @property
    def is_plain(self) -> bool:
        """True for one that is text because it is nothing else."""
        return type(self.value) is str and self.value == self.text


def parse_literal(text: str) -> Any:
    """Returns the value of a Python literal, or `text` itself where it is a plain word.

    >>> parse_literal("1.5"), parse_literal("('a', None)"), parse_literal("EMEA"), parse_literal("2024-01-31")
    (1.5, ('a', None), 'EMEA', '2024-01-31')

    Raises:
        ValueError: it looks like a literal and is not one.
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


def parse_arguments(words: Sequence[str]) -> tuple[list[Word], dict[str, Word]]:
    """Returns the positional and keyword arguments that words like ``1``, ``EMEA`` and ``years=2`` mean.

    Raises:
        ValueError: one of them is not a literal or is given twice, or a positional one follows a keyword.
    """
    args: list[Word] = []
    kwargs: dict[str, Word] = {}
    for word in words:
        name, equals, said = word.partition("=")
        if equals and name.isidentifier():
            if name in kwargs:
                raise ValueError(f"{name} is given twice: {name}={show(kwargs[name].value)} and {word}. Leave one out.")
            kwargs[name] = Word(said.strip(), parse_literal(said))
        elif kwargs:
            raise ValueError(f"{word!r} stands behind a keyword. Write arguments without a name first.")
        else:
            args.append(Word(word.strip(), parse_literal(word)))
    return args, kwargs


def fit_arguments(args: Sequence[Word], kwargs: dict[str, Word], signature: Signature) -> tuple[list[Any], dict[str, Any]]:
    """Returns the arguments of a call as the parameters of a function take them; as they are where it cannot be called so."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:  # the call says so, in the words of Python
        return [word.value for word in args], {name: word.value for name, word in kwargs.items()}
    for name, given in bound.arguments.items():
        parameter = signature.parameters[name]
        annotation = parameter.annotation
        if parameter.kind is Parameter.VAR_POSITIONAL:
            bound.arguments[name] = tuple(fit(word, annotation) for word in given)
        elif parameter.kind is Parameter.VAR_KEYWORD:
            bound.arguments[name] = {key: fit(word, annotation) for key, word in given.items()}
        else:
            bound.arguments[name] = fit(given, annotation)
    return list(bound.args), dict(bound.kwargs)


def fit(word: Word, annotation: Any) -> Any:
    """Returns the value of a word where this annotation stands: digits are text where only text is taken, and words are dates.

    >>> fit(Word("600519", 600519), str), fit(Word("600519", 600519), int), fit(Word("2024-01-31", "2024-01-31"), date)
    ('600519', 600519, datetime.date(2024, 1, 31))
    """
    kind = type(word.value)
    if takes(annotation, kind) or not (word.is_plain or kind in (int, float)):
        return word.value
    for wanted in list_members(annotation):
        if wanted is str:
            return word.text
        if wanted in _MOMENTS:
            try:
                return _MOMENTS[wanted](word.text)
            except ValueError:
                continue
    return word.value


def split_call(text: str) -> tuple[str, list[str] | None] | None:
    """Returns the name and the arguments of ``name(argument, ...)``; no arguments for a name, and None for another text.

    >>> split_call("pricing:forward('a,b', [1, 2], years=2)"), split_call("spot"), split_call("f(1)+g(2)")
    (('pricing:forward', ["'a,b'", '[1, 2]', 'years=2']), ('spot', None), None)
    """
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    inside = found["inside"]
    words = None if inside is None else _split_arguments(inside)
    return None if words is None and inside is not None else (found["name"], words)


def _split_arguments(text: str) -> list[str] | None:
    """Returns the words between commas; None where quotes or brackets do not end, or more end than begin."""
    words, closing = [""], list[str]()
    at = 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None:
            return None
        part, at = found[0], found.end()
        if part == "," and not closing:
            words.append("")
            continue
        if part in _OPENED:
            closing.append(_OPENED[part])
        elif part in _OPENED.values() and (not closing or closing.pop() != part):
            return None
        words[-1] += part
    if closing:
        return None
    stripped = [word.strip() for word in words]
    return stripped if stripped[-1] else stripped[:-1]  # f(), and the comma of f('a',)


def split_tweak(text: str) -> tuple[str, str]:
    """Returns the two sides of ``node=value``; the arguments of a node may contain an equals sign as well.

    >>> split_tweak("pricing:forward('a=b', years=2)=5")
    ("pricing:forward('a=b', years=2)", '5')

    Raises:
        ValueError: there is no node or function before an equals sign.
    """
    at = text.find("=")
    while at >= 0:
        if split_call(text[:at]) is not None:
            return text[:at].strip(), text[at + 1 :].strip()
        at = text.find("=", at + 1)
    found = _SHOWN.fullmatch(text)
    if found is not None:
        return found["node"].strip(), found["value"].strip()
    raise ValueError(f'{text!r} is not a tweak. Write it as "function(arguments)=value".')


def parse_tweak_value(text: str) -> Any:
    """Returns the value of a tweak: ``UNTWEAKED``, a bump such as ``x0.5``, ``+0.01`` or ``scale(x)``, or a literal.

    >>> parse_tweak_value("x0.5"), parse_tweak_value("+-0.01"), parse_tweak_value("-0.01"), parse_tweak_value("xetra")
    (scale(0.5), shift(-0.01), -0.01, 'xetra')

    Raises:
        ValueError: it is none of them.
    """
    if text == "UNTWEAKED":
        return UNTWEAKED
    short = _SHORT.fullmatch(text)
    number = None if short is None else _read_number(short["number"])
    if short is not None and number is not None:
        return _SHORTS[short["sign"]](number)
    name, parenthesis, rest = text.partition("(")
    if parenthesis and name.strip() in _CALLS and rest.rstrip().endswith(")"):
        args = _parse_positional(rest.rstrip()[:-1])
        try:
            return _CALLS[name.strip()][1](*args)
        except (TypeError, TweakError) as exc:
            raise ValueError(f"{text!r} is not possible: {exc}") from exc
    value = parse_literal(text)
    if isinstance(value, str) and value == text:
        scaled = _NEARLY_SCALED.fullmatch(text)
        meant = f"x{scaled['before'] or scaled['behind']}" if scaled is not None else _NEARLY.get(text.lower())
        if meant is not None:
            raise ValueError(f"{text!r} would be a text here. Write {meant}, or \"'{text}'\" if the text is meant.")
    return value


def read_tweak(node: Node[Any], text: str) -> Any:
    """Returns what a text tweaks a node to: what `parse_tweak_value` takes, fitted to what its function is annotated to return.

    Raises:
        ValueError: it is none of that.
    """
    value = parse_tweak_value(text)
    if isinstance(value, TweakSpec):
        return value
    return fit(Word(text, value), getattr(node._function.body, "__annotations__", {}).get("return", Signature.empty))


def _read_number(text: str) -> int | float | None:
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if type(value) in (int, float) else None


def _parse_positional(text: str) -> tuple[Any, ...]:
    """Returns the arguments between the parentheses of a call: literals, or one plain word."""
    try:
        args: tuple[Any, ...] = ast.literal_eval(f"({text},)")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return (parse_literal(text),)
    return args
