"""Reads what a run calls, and what it tweaks: `find_call`, `parse_target`, `parse_tweak`; words are read in `_contexts/literals`.

A function without a module is looked for where the function is that the run calls.  Where the arguments of a node are not
literals, a file that was loaded may know the node by its text.

`_read_words` and `_parse_node` read the arguments of a node, `_find_only_node` the node of a function without parameters.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from .._contexts.literals import Word, fit_arguments, parse_arguments, parse_tweak_value, read_tweak, split_call, split_tweak
from .._core.read import Function, Node, TweakSpec
from ._names import find_function, load_function

Find = Callable[[str], Node[Any] | None]
"""Finds the node of a file by its text."""


def find_call(target: str, words: Sequence[str]) -> Callable[[], Any]:
    """Returns the node, or the call of a plain function, that was typed.

    Raises:
        ValueError: it cannot be read.
        LookupError: no function has that name.
        TypeError: the function cannot be called like that.
    """
    name, inside = split_call(target) or (target, None)
    if inside is not None and words:
        raise ValueError(f"{target!r} has its arguments already: leave out {' '.join(words)!r}.")
    function = find_function(name)
    if inside is not None and hasattr(function, "node"):
        return parse_target(target)  # type: ignore[no-any-return]  # it has arguments, so it is a node
    args, kwargs = fit_arguments(*parse_arguments(inside or words), inspect.signature(function))
    if hasattr(function, "node"):
        node: Node[Any] = function.node(*args, **kwargs)
        return node
    inspect.signature(function).bind(*args, **kwargs)
    return lambda: function(*args, **kwargs)


def parse_target(text: str, home: str = "", find: Find | None = None) -> Any:
    """Returns the node, or the memoised function, that ``module:function(arguments)`` or ``function`` names.

    Args:
        text: the words.
        home: the module in which a function without one is looked for first.
        find: finds a node by its text where its arguments are not literals.

    Raises:
        ValueError: its arguments are not literals, and `find` does not know it by its text.
        LookupError: no memoised function has that name.
        TypeError: the function cannot be called like that.
    """
    name, inside = split_call(text) or (text.partition("(")[0].strip(), [""])
    function = load_function(name, home)
    if inside is None:
        return function.wrapper()
    shown = f"{function.name}{text[text.index('(') :]}"
    words = _read_words(inside) if text.rstrip().endswith(")") else None  # the text of several nodes has a number behind it
    plain = [] if words is None else [word for word in (*words[0], *words[1].values()) if word.is_plain]
    known = find(shown) if find is not None and (words is None or plain) else None
    if known is not None:
        return known
    if words is None or any("<" in word.text for word in plain):  # no word, but the text of an object
        return _parse_node(shown, find)
    try:
        args, kwargs = fit_arguments(*words, function.binding.signature)
        return Node._of_call(function, tuple(args), kwargs)
    except TypeError as exc:
        raise TypeError(f"{text} is not possible: {exc}. Give the arguments of the function.") from exc


def _read_words(inside: Sequence[str]) -> tuple[list[Word], dict[str, Word]] | None:
    """Returns the arguments that words mean, or None where they are not words."""
    try:
        return parse_arguments(inside)
    except ValueError:
        return None


def _parse_node(text: str, find: Find | None) -> Node[Any]:
    """Returns the node of a text whose arguments are not words.

    Raises:
        ValueError: they are not literals.
    """
    try:
        return Node.parse(text)
    except ValueError as exc:
        hint = "With --load FILE, the text of a node of the file will do." if find is None else "The file has no such node."
        raise ValueError(f"{exc} {hint}") from exc


def parse_tweak(text: str, home: str = "", find: Find | None = None) -> tuple[Any, Any]:
    """Returns the node or function that ``node=value`` tweaks, and to what.

    The value is what `parse_tweak_value` takes; digits are text for a node whose function is annotated to return one, and a date
    is one where a date is wanted.  A function without parameters is its only node.

    Raises:
        ValueError: it is not of that form, or the value is not possible.
        LookupError: no memoised function has that name.
        TypeError: the function cannot be called like that.
    """
    key, said = split_tweak(text)
    target, value = parse_target(key, home, find), parse_tweak_value(said)
    if isinstance(value, TweakSpec):
        return target, value
    if not isinstance(target, Node):
        target = _find_only_node(key, target._self_function, said)
    return target, read_tweak(target, said)


def _find_only_node(key: str, function: Function, said: str) -> Node[Any]:
    """Returns the node of a function that has no parameters."""
    parameters = function.binding.signature.parameters
    if parameters:
        raise ValueError(
            f"{key} is a function of {', '.join(parameters)}, and {said} is the value of one node. "
            f"Write {key}({', '.join(parameters)})={said} with the arguments of the node, or {key}=x0.5 for all of them."
        )
    return Node._of_call(function, (), {})
