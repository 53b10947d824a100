"""Reads what ``--replace NODE=VALUE|module:function`` replaces: `read_replacements`; a value is read as that of ``--tweak``.

A function in the place of one node is entered as a replacement of the node's function that runs the old body for all others.

`Replaced` is one of them; `_make_for_one` makes that function; `import_replacements` imports the modules named.  `_read` reads
one word.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import frozen

from .._contexts.literals import split_call, split_tweak
from .._core.read import Function, Node
from ._names import find_function, import_module_of
from ._targets import Find, parse_target, parse_tweak

NOTHING: Mapping[Any, Any] = MappingProxyType({})
FORMS = "a literal, a tweak such as x0.5, or module:function"


@frozen(eq=False)
class Replaced:
    """A node or function that is replaced."""

    named: Any
    """The node or function that was typed."""
    target: Any
    """The node or function that is tweaked for it."""
    tweak: Any
    text: str
    """What stands in its place, as it was typed."""


def import_replacements(words: Sequence[str]) -> None:
    """Imports the modules that are named, so that an error inside them is reported as such."""
    for word in words:
        import_module_of(word)
        name = _find_function_name(word)
        if name is not None:
            import_module_of(name)


def read_replacements(
    words: Sequence[str], home: str = "", find: Find | None = None, beneath: Mapping[Any, Any] = NOTHING
) -> dict[str, Replaced]:
    """Returns what is replaced, by the typed text.

    Args:
        words: the words behind ``--replace``.
        home: the module in which a function without one is looked for first.
        find: finds a node by its text where its arguments are not literals.
        beneath: the tweaks of the context around, in which a recording is replayed.

    Raises:
        ValueError: one cannot be read, or is replaced twice.
        LookupError: no function has that name.
        TypeError: a function cannot be called like that, or gives streams.
    """
    found: dict[str, Replaced] = {}
    for word in words:
        key, said = split_tweak(word)
        one = _read(word, key, said, home, find, beneath)
        if any(one.target == other.target for other in found.values()):
            raise ValueError(f"{key} is replaced twice. Leave one --replace out.")
        found[key] = one
    return found


def _find_function_name(word: str) -> str | None:
    """Returns the function that is named behind the equals sign; None where a value is."""
    try:
        said = split_tweak(word)[1]
    except ValueError:  # it is reported when the words are read
        return None
    call = split_call(said)
    return said if call is not None and call[1] is None and ":" in said else None


def _read(  # noqa: PLR0917  the word, and what its names mean
    word: str, key: str, said: str, home: str, find: Find | None, beneath: Mapping[Any, Any]
) -> Replaced:
    name = _find_function_name(word)
    if name is None:
        target, tweak = parse_tweak(word, home, find)
        return Replaced(target, target, tweak, said)
    named, fn = parse_target(key, home, find), find_function(name)
    if isinstance(named, Node):
        return Replaced(named, named.function, _make_for_one(named, fn, beneath), said)
    return Replaced(named, named, fn, said)


def _make_for_one(node: Node[Any], fn: Callable[..., Any], beneath: Mapping[Any, Any]) -> Callable[..., Any]:
    """Returns a function that replaces that of a node, and does what is done beneath it for all other nodes.

    A tweak of a function hides what a context around says of it and of its nodes, so this asks for that itself.
    """
    function: Function = node._function
    if function.stream is not None:
        raise TypeError(f"{node} is a stream. Replace its function: --replace {function.name}=module:function.")

    def pick(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        asked = Node[Any]._of_call(function, args, kwargs)
        if asked == node:
            return fn(*args, **kwargs)
        if asked in beneath:
            return beneath[asked]
        return beneath.get(node.function, function.body)(*args, **kwargs)

    given: Any
    if function.is_async:

        async def given(*args: Any, **kwargs: Any) -> Any:
            value = pick(args, kwargs)
            return await value if inspect.isawaitable(value) else value

    else:

        def given(*args: Any, **kwargs: Any) -> Any:
            return pick(args, kwargs)

    given.__signature__ = function.binding.signature
    return given  # type: ignore[no-any-return]  # a function
