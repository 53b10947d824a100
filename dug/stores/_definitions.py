"""Definitions of functions as a store knows them: by their fingerprints, for as long as everything that they reach stays.

A fingerprint is taken once, and takes milliseconds.  Before each use all that it rests on is looked at again (`Grounds`): when a
name leads to another object, or data that can be changed in place has changed, the fingerprint is taken anew.  A function whose
reach changed after it first ran is in force in two versions at once, and nothing of it is kept or served until it is defined
again, or no memo of it is left.

`Definition` is a function as it is now (`holds`, `note_run`, `find_changed`), `define_now` takes its fingerprint.
"""

import json
from collections.abc import Mapping
from typing import Any

from attrs import define

from .._core.read import Function
from .._functions.definition.noted import Noted
from .._functions.definition.plain_data import mark
from .._functions.definition.walk import IMPORTED
from ..fingerprint import changed_parts, print_with_imports, reach, source_of
from ._backend import Seen

_IS_ANOTHER = "what it reached when it first ran"
NO_NAME = "no other process can find it by its name"


@define(eq=False)
class Definition:
    """A function as it is now."""

    function: str
    print: str | None
    """The fingerprint; None where there is none to trust, and then nothing is kept of it."""
    reason: str | None
    """Why not, if so."""
    parts: Mapping[str, str]
    packages: Mapping[str, str]
    blind: tuple[str, ...]
    """What the fingerprint cannot see."""
    body: Any
    noted: Noted | None
    found: Any = None
    """The reach that the fingerprint was made of."""
    is_told: bool = False
    """True once the store remembers it."""
    runs: int = 0
    """How many runs of it are known, here, or in the store before the first one here."""
    seconds: float = 0.0
    """What they took by themselves."""

    def holds(self, function: Function) -> bool:
        """True while everything that the function reaches is what it was."""
        noted = function.reached
        if function.body is not self.body or noted is not self.noted:
            return False
        if noted is not None and (noted.print is not self.found or not noted.is_printed()):
            return False
        return noted is None or not noted.marks or all(_mark(noted, place) == noted.marks[place] for place in noted.marks)

    def note_run(self, seconds: float) -> None:
        """Notes how long a run took by itself."""
        self.runs += 1
        self.seconds += seconds

    def see(self, function: Function) -> Seen:
        """Returns what a store remembers of it."""
        source = source_of(function.body) or ""
        parts = json.dumps(dict(self.parts)).encode("utf-8", "backslashreplace").decode()
        return Seen(self.function, self.print or "", source, parts, json.dumps(dict(self.packages)))


    def find_changed(self, now: "Definition") -> list[str]:
        """Returns the places that changed since this was the definition: of data, of globals, or of anything else."""
        grounds = getattr(self.found, "_grounds", None)
        rebound = [] if grounds is None else list(grounds.find_rebound())
        parts = [place for place in changed_parts(self.parts, now.parts) if place != _IS_ANOTHER]
        return [*_find_marked(self.noted), *rebound, *parts]


class Definitions:
    """The definitions of the functions that a store has met in this process."""

    def __init__(self) -> None:
        self._known: dict[Any, Definition] = {}
        """By the mark of the function; only of those that have a name, which stay."""

    def find(self, function: Function) -> Definition:
        """Returns a function as it is now."""
        known = self._known.get(function.mark)
        if known is None or not known.holds(function):
            known = define_now(function)
            if known.reason != NO_NAME:
                self._known[function.mark] = known
        return known

    def list_known(self) -> list[Definition]:
        """Returns all of them."""
        return list(self._known.values())


def define_now(function: Function) -> Definition:
    """Takes the fingerprint of a function."""
    if "<" in function.name or function.owned:
        return Definition(function.name, None, NO_NAME, {}, {}, (), function.body, function.reached)
    found = reach(function.newest or function.body)
    print_, reason = print_with_imports(found), None
    if print_ is None:
        reason = "there is no Python code to take a fingerprint of"
    elif _IS_ANOTHER in found.parts:
        changed = ", ".join(_find_marked(function.reached)) or "something that it reaches"
        print_, reason = None, f"{changed} was changed after it first ran"
    noted = function.reached
    parts, blind = {**found.parts, **found.imported}, tuple(one for one in found.blind if not one.endswith(IMPORTED))
    made = Definition(function.name, print_, reason, parts, found.packages, blind, function.body, noted)
    made.found = found
    if print_ is not None and not made.holds(function):  # it was changed in place meanwhile, or is changed by a thread
        made.print, made.reason = None, "something that it reaches is changed while it is looked at"
    return made


def _find_marked(noted: Noted | None) -> list[str]:
    """Returns the places of data that was changed in place after the function first ran."""
    return [] if noted is None else [place for place in noted.marks if _mark(noted, place) != noted.marks[place]]


def _mark(noted: Noted, place: str) -> bytes | None:
    try:
        return mark(noted.parts[place].value)[0]
    except RuntimeError:  # another thread changes it right now
        return None


