"""Whether a named function has changed (`is_alike`, `differences`) since its reach was taken at its first run: `note`, `Noted`.

A cell or module that is run again rebinds its globals before it decorates a function again, so the reach of the old definition
must be known by then.  It is noted at the first run, once: places and objects, without a digest.  Only data that can be changed
in place is marked by its content, and checked again while the function is in `Function.watched` (`watching`).

Parts are compared as a memo can have met them: a class or an enum that was defined again has changed, even with the same text,
because memos hold instances of the old one; a function that was defined again, and plain data, are compared by content.

Not here: changes of data while a function runs, of which `watching` warns.  `take_note` and `note_now` take a note at once,
`roots_of` lists what it begins at, `is_same_value` compares.  `_is_same_part` compares one part, `_kept` is what is noted of it.
"""

from collections.abc import Iterable
from typing import Any
from weakref import ref

from attrs import define, evolve

from ..._core.read import Function
from .code import tell_code
from .plain_data import mark, tell, tell_changeable
from .walk import CHANGEABLE, CLASS, CODE, NODE, OBJECT, PLAIN, Part, walk
from .watching import watch

_KNOWN_BY_IDENTITY = frozenset({CLASS, NODE, OBJECT})


@define(eq=False)
class Noted:
    """The reach of a function, at one time."""

    parts: dict[str, Part]
    """By place; for an object known by its identity, a reference to it, so that noting it does not keep it."""
    marks: dict[str, bytes]
    """The content of data that can be changed in place, for the same process."""
    said: dict[int, str]
    """The same as text that is equal in every process, by identity."""
    size: int = 0
    """How many bytes that is."""
    print: Any = None
    """The fingerprint made of it for other processes, with what it rests on."""

    def is_printed(self) -> bool:
        """True when there is a fingerprint, and everything that it was made of is as it was."""
        found = self.print  # read once: another thread may take it anew
        return found is not None and bool(found._grounds.holds())


def take_note(roots: Iterable[tuple[str, Any]], ignored: frozenset[str] = frozenset()) -> Noted:
    """Returns the present reach of functions, without the globals at some places."""
    parts, marks, said, size = dict[str, Part](), dict[str, bytes](), dict[int, str](), 0
    for part in walk(roots, is_deep=False, ignored=ignored):
        if part.kind == CHANGEABLE:
            marks[part.place], count = mark(part.value)
            said[id(part.value)] = tell_changeable(part.value)
            size += count
        parts[part.place] = evolve(part, value=_kept(part))
    return Noted(parts, marks, said, size)


def note(function: Function) -> Noted:
    """Returns the reach of a named function; the first call takes it, and later ones return the same."""
    noted: Noted | None = function.reached  # read once: a new definition in another thread takes it away
    if noted is None:
        noted = function.reached = note_now(function)
        if noted.marks and not function.is_source:
            watch(function, noted)
    return noted


def note_now(function: Function) -> Noted:
    """Returns the reach of a memoised function as it is now."""
    return take_note(roots_of(function), function.ignored)


def roots_of(function: Function) -> list[tuple[str, Any]]:
    """Returns where the walk from a memoised function begins: its body, and the functions among its options."""
    _, keys, _ = function.options or (False, (), ())
    given = [("its eq", function.eq)] if function.eq is not None else []
    return [("its code", function.body), *given, *((f"its key of {name}", fn) for name, fn in keys)]


def is_alike(old: Noted, new: Noted) -> bool:
    """True when the reach of a function is unchanged."""
    return next(iter(differences(old, new)), None) is None


def differences(old: Noted, new: Noted) -> Iterable[str]:
    """Yields the places where the reach of a function has changed."""
    for place, part in new.parts.items():
        before = old.parts.get(place)
        if before is None or not _is_same_part(before, part, old.marks.get(place), new.marks.get(place)):
            yield place
    yield from (place for place in old.parts if place not in new.parts)


def is_same_value(one: Any, other: Any) -> bool:
    """True when two values are the same to a definition: defaults, versions, functions among the options."""
    return one is other or is_alike(take_note([("it", one)]), take_note([("it", other)]))


def _is_same_part(old: Part, new: Part, before: bytes | None, now: bytes | None) -> bool:
    if old.kind != new.kind:
        return False
    if old.kind == CODE:
        return old.value is new.value or tell_code(old.value) == tell_code(new.value)
    if old.kind == PLAIN:
        return old.value is new.value or tell(old.value) == tell(new.value)
    if old.kind == CHANGEABLE:
        return before == now
    if old.kind in _KNOWN_BY_IDENTITY:
        return _is_one_object(old.value, new.value)
    return bool(old.value == new.value)  # texts that describe it


def _is_one_object(old: Any, new: Any) -> bool:
    one, other = (value() if type(value) is ref else value for value in (old, new))
    return one is other and one is not None


def _kept(part: Part) -> Any:
    """Returns the note of a part: the code of a function, a reference to an object known by its identity, or a value."""
    if part.kind == CODE:
        return part.value.__code__
    try:
        return ref(part.value) if part.kind in _KNOWN_BY_IDENTITY else part.value
    except TypeError:  # nothing can refer to it weakly
        return part.value
