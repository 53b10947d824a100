"""Which function owns a name when several are decorated under it: `claim_of`, `publish_rightly`, `is_same_place`.

A qualified name may be copied (``functools.wraps``), and one source may be run in several namespaces.  An import finds only one
function under the name, and the module that defines it is still being executed.  Two facts are known by then: the place at
which its code was written, which no wrapper can copy; and the name under which the body of a module or class, which waits for
the decorator, is going to keep the result.

`is_of_module` and `space_of` say in which namespace the function is defined, `_is_going_to_be` what the waiting body will bind.
"""

import sys
from inspect import unwrap
from types import FrameType, FunctionType
from typing import Any

from .._core.read import Function

IMPORTABLE = "importable"
"""An import of the name finds it, or is going to."""
FREE = "free"
"""The name is its own, and no import finds it."""
COPIED = "copied"
"""The name is another function's."""


def publish_rightly(function: Function, known: Function | None, claim: str) -> Function:
    """Gives a function its name, unless the name belongs to another one."""
    if known is not None:
        if claim != IMPORTABLE:
            return function
        known.owned = True  # no import finds it: it goes on as an object of its own, with all its memos
    function.owned, function.was_importable = False, claim == IMPORTABLE
    function.publish()
    arm(function)
    return function


def is_same_place(known: Function, function: Function, claim: str) -> bool:
    """True when two functions of one name were defined in one place, one after the other."""
    if function.renamed or known.renamed or space_of(known.body) is space_of(function.body):
        return True
    return claim == IMPORTABLE and known.was_importable


def arm(function: Function) -> None:
    """Makes the next first run of a function note its reach."""
    function.reached = None
    function.call_at_next_run(_note_first)


def _note_first(function: Function) -> None:
    from .definition.noted import note  # ``import dug`` stays light

    function.disarm()
    note(function)


def claim_of(body: Any) -> str:
    """Returns how the function being decorated relates to its name."""
    is_dressed = "__wrapped__" in getattr(body, "__dict__", ())
    if type(body) is FunctionType and not is_dressed and _is_true(body):
        return IMPORTABLE if is_of_module(body) else FREE
    if _is_going_to_be(body.__module__, body.__qualname__):
        return IMPORTABLE
    return COPIED if is_dressed or type(body) is FunctionType else FREE


def space_of(body: Any) -> Any:
    """Returns the namespace that a function was defined in, or None."""
    return getattr(_innermost(body), "__globals__", None)


def is_of_module(body: Any) -> bool:
    """True when the namespace of a function is that of the module which an import finds."""
    module = sys.modules.get(getattr(body, "__module__", ""))
    return module is not None and vars(module) is space_of(body)


def _innermost(body: Any) -> Any:
    try:
        return unwrap(body)
    except ValueError:  # it wraps itself
        return body


def _is_true(function: FunctionType) -> bool:
    """True when the code of a function was written at the place that its name states."""
    return function.__code__.co_qualname == function.__qualname__ and function.__globals__.get("__name__") == function.__module__


def _is_going_to_be(module: str, qualname: str) -> bool:
    """True when the body of a module, cell or class is about to bind the object that it is making to a name."""
    from .definition.code import is_body, stored_next  # few functions differ from the place that their code names

    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if is_body(code) and frame.f_globals.get("__name__") == module:
            around = "" if code.co_name.startswith("<") else f"{code.co_qualname}."  # a notebook gives its cells names
            return f"{around}{stored_next(code, frame.f_lasti)}" == qualname
        frame = frame.f_back
    return False
