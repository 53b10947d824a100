"""Whether the value of a function depends on the time by an operator on streams that its code names: `refuse_timed`.

Nothing runs for that, so it serves coroutine functions and streams as well, which `dug.testing` cannot evaluate.

`_list_named` lists the globals that a function names, `_gives` whether it asks for the option.  `_refuse_code` goes through a
function's code.
"""

from collections.abc import Iterator
from inspect import getattr_static
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .._core.read import Function, Node
from .._extras.packages import find_loaded
from .._functions.definition.code import names_of
from .._functions.definition.noted import roots_of
from .._functions.definition.walk import CODE, NODE, walk

_TIMED = ("merge", "latest", "timeout")
_TIMED_WITH = {"batch": "seconds", "map": "ordered"}
"""Operators that depend on the time where an option is given."""


def refuse_timed(node: Node[Any]) -> None:
    """Raises AssertionError when the code of a node's function, or of one that it reads, names such an operator.

    Sources are what such functions should be.  What is looked up by a computed name is not seen.
    """
    __tracebackhide__ = True
    if find_loaded("dug.streams", "merge") is None:  # nobody can name what nobody has imported
        return
    pending, known = [node._function], {node._function}
    while pending:
        function = pending.pop()
        if function.is_source:
            continue
        for part in walk(roots_of(function), is_deep=True):
            if part.kind == NODE and part.value not in known:
                known.add(part.value)
                pending.append(part.value)
            elif part.kind == CODE and isinstance(part.value, FunctionType):
                _refuse_code(function, part.value)


def _refuse_code(function: Function, body: FunctionType) -> None:
    __tracebackhide__ = True
    for named in _list_named(body):
        for operator in (*_TIMED, *_TIMED_WITH):
            option = _TIMED_WITH.get(operator)
            if named is find_loaded("dug.streams", operator) and (option is None or _gives(body.__code__, option)):
                spelled = operator if option is None else f"{operator}({option}=...)"
                raise AssertionError(
                    f"{function} is not pure: its code names dug.streams.{spelled}, and what that gives depends on the time.\n"
                    "Make it a @dug.source."
                )


def _list_named(body: FunctionType) -> Iterator[Any]:
    """Yields the globals that a function names, the attributes of modules among them, and what it holds of a function around."""
    for name, chains in names_of(body.__code__).globals.items():
        for chain in chains:
            value = body.__globals__.get(name)
            for attribute in chain:
                if not isinstance(value, ModuleType):
                    break
                value = getattr_static(value, attribute, None)
            yield value
    for cell in body.__closure__ or ():
        yield from _content(cell)


def _content(cell: Any) -> Iterator[Any]:
    try:
        yield cell.cell_contents
    except ValueError:  # it is empty as yet
        return


def _gives(code: CodeType, option: str) -> bool:
    """True when a call in the code gives an option; for one that is on by itself, when the code has a False for it."""
    constants = [code, *(one for one in code.co_consts if isinstance(one, CodeType))]
    return any(
        any(isinstance(one, tuple) and option in one for one in inner.co_consts)
        and (option != "ordered" or any(one is False for one in inner.co_consts))
        for inner in constants
    )
