"""Refuses the value of a tweak where the annotation of its function excludes it, as a type checker does: `check_type`.

Only what is known for sure is refused: a value of one of Python's own types, where the annotation is one of these, a date or a
time, or a union of such.  Any other value may do what the annotation asks for, such as a number of numpy or a stand-in in a test.

`takes` says whether a type takes a value, `list_members` the members of a union; an annotation that is a text is evaluated only
where it names a type known here.  `_find_meant` says what to type for a value that is refused.
"""

import ast
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from inspect import Signature, unwrap
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from .._core.read import Key, Node
from .._text.values import show
from ..errors import TweakError

_NUMBERS = (bool, int, float, complex)
"""Where one of these is wanted, those before it will do."""
_TAKEN: dict[Any, frozenset[type]] = {
    **{kind: frozenset(_NUMBERS[: number + 1]) for number, kind in enumerate(_NUMBERS)},
    **{kind: frozenset({kind}) for kind in (str, bytes, list, dict, set, frozenset, tuple, NoneType)},
    **dict.fromkeys((date, datetime, time, timedelta), frozenset[type]()),
}
"""What each annotation takes, of the types in `_JUDGED`."""
_JUDGED: frozenset[type] = frozenset().union(*_TAKEN.values())
"""The types whose values are refused where they do not fit."""
_BY_TEXT: dict[str, type] = {kind.__name__: kind for kind in _TAKEN} | {"None": NoneType}


def check_type(key: Key, annotation: Any, value: object) -> None:
    """Refuses a value that is not what the function of a node, by its key, is annotated to return.

    Raises:
        TweakError: it is of another type; the message says what to type.
    """
    kind = type(value)
    if kind not in _JUDGED or takes(annotation, kind):
        return
    node = Node._of(key)
    if isinstance(annotation, str):  # its names may stand for something else where the function is
        annotation = _evaluate(node, annotation)
        if takes(annotation, kind):
            return
    arrow = str(Signature(return_annotation=annotation)).removeprefix("() ")
    name, kinds = ("None", "None") if value is None else (kind.__name__, _name_kind(kind))
    what = "None" if value is None else f"{show(value)}, {kinds}"
    raise TweakError(
        f"{node} is annotated {arrow}, and cannot be {what}. {_find_meant(annotation, value)} "
        f"If its function may give {kinds} too, write {arrow} | {name}."
    )


def _name_kind(kind: type) -> str:
    return "None" if kind is NoneType else f"{'an' if kind is int else 'a'} {kind.__name__}"


def takes(annotation: Any, kind: type) -> bool:
    """True unless an annotation is known to exclude the values of a type."""
    if type(annotation) is type:
        taken = _TAKEN.get(annotation)
    else:
        taken = _read_taken(annotation) if type(annotation) is str else _find_taken(annotation)
    return taken is None or kind in taken


def _find_taken(annotation: Any) -> frozenset[type] | None:
    """Returns which of the judged types an annotation takes; None where that is not known."""
    taken = [_TAKEN.get(member) for member in list_members(annotation)]
    return None if None in taken else frozenset().union(*filter(None, taken))


_read_taken = lru_cache(maxsize=256)(_find_taken)
"""The same for an annotation that is a text; others may belong to a module that is unloaded one day."""


def list_members(annotation: Any) -> list[type]:
    """Returns the classes that an annotation allows, without their parameters; `object` for any other form."""
    if isinstance(annotation, str):
        return [_BY_TEXT.get(part.partition("[")[0].strip(), object) for part in annotation.split("|")]
    if annotation is None:
        return [NoneType]
    origin = get_origin(annotation)
    if origin is Union or origin is UnionType:
        return [member for part in get_args(annotation) for member in list_members(part)]
    if origin is Annotated:
        return list_members(get_args(annotation)[0])
    found = origin or annotation
    return [found if type(found) is type else object]  # another metaclass may say anything of its class


def _evaluate(node: Node[Any], annotation: str) -> Any:
    """Returns the meaning of an annotation that is a text; `object` where that has none."""
    names = getattr(unwrap(node._function.body), "__globals__", {})
    try:
        return get_type_hints(SimpleNamespace(__annotations__={"return": annotation}), names, include_extras=True)["return"]
    except Exception:  # noqa: BLE001  it is the user's, and may be of a module that type checkers alone import
        return object


def _find_meant(annotation: Any, value: object) -> str:
    """Returns what to type where a text says a value that the annotation takes, or the ways to change the node."""
    if isinstance(value, str):
        for read in (ast.literal_eval, date.fromisoformat, datetime.fromisoformat):
            try:
                meant = read(value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                continue
            if type(meant) in list_members(annotation) or (type(meant) in _JUDGED and takes(annotation, type(meant))):
                return f"Write {meant!r}."
    return f"Give it {' or '.join(map(_name_kind, list_members(annotation)))}, or a bump."
