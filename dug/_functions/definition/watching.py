"""Warns of changes of data that functions read and that can be changed in place: `watch` registers it, `look_again` checks it.

`tell_while_running` warns of globals that changed while a function ran of which a store keeps runs.

dug cannot see that a list or a dict of a module was changed, so it checks: when a function first runs in an outermost context,
and when that closes.  The functions whose data is checked are in `Function.watched`.

A change made while the function has no memos does no harm, and is noted as the new content.  A change made while it has memos
is named in a warning, once.

The checks are limited in bytes, not in seconds, so that a program gets the same warnings each time that it is run.

`_Place` is one place of such data, with its mark; `_Turn` whose turn it is, so that a check stays within its bytes.  What a
function's definition has become since its first run is told in `noted`.  `_find_changed` compares, `_tell_changed` warns.
`_look_at_first` takes new notes where no memo is there, `_tell` warns.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from warnings import warn
from weakref import WeakSet, ref

from attrs import define, field

from ..._core.read import BENEATH, CacheGroup, Function, plain_key
from .plain_data import mark, tell_changeable

_MOST_OFTEN = 16
"""For so many of the first contexts everything is checked."""
_BYTES_AT_ONCE = 2_048
"""For each later one so much is checked, in turn."""
_MOST_AT_FIRST = 1 << 16
"""The data of functions that read more is not checked when they run."""
_LEAST_BYTES = 128
"""The cost of checking anything at all, in bytes."""


@define(eq=False)
class _Place:
    """Where a function reads data that can be changed in place."""

    function: "ref[Function]"
    noted: Any
    """The reach when this was noted; another one when the function is redefined, and then this note is of the past."""
    name: str
    size: int = _LEAST_BYTES
    """How much was checked the last time, in bytes."""

    @property
    def value(self) -> Any:
        """The data."""
        return self.noted.parts[self.name].value


@define(eq=False)
class _Turn:
    """The queue of places to check, a limited number of bytes at a time."""

    places: list[_Place] = field(factory=list)
    first: int = 0
    """The index of the next turn."""
    closings: int = 0
    credit: int = 0
    """How many bytes may be checked."""

    def take(self) -> list[_Place]:
        """Picks the functions to check next."""
        self.closings += 1
        places = self.places.copy()
        if self.closings <= _MOST_OFTEN or not places:
            return places
        self.credit += _BYTES_AT_ONCE
        start, count = self.first % len(places), 0
        in_turn = places[start:] + places[:start]
        while count < len(places) and self.credit >= in_turn[count].size:
            self.credit -= in_turn[count].size
            count += 1
        self.first = start + count
        if count == len(places):
            self.credit = 0
        return in_turn[:count]

    def drop(self, gone: Iterable[_Place]) -> None:
        """Stops checking places; may miss some that another thread adds at this moment."""
        dropped = set(gone)
        if dropped:
            self.places = [place for place in self.places if place not in dropped]


_turn = _Turn()
_told: set[str] = set()
"""The places of globals that changed while a function ran, and were named."""
_ran: "WeakSet[Function]" = WeakSet()
"""The functions that were checked when they ran, since an outermost context closed."""


def watch(function: Function, noted: Any) -> None:
    """Registers the data that a function reaches, as `noted`, for checks, except the data that it changes itself."""
    places = [name for name in noted.marks if not noted.parts[name].is_changed_within]
    if places:
        Function.watched.add(function)
        _turn.places.extend([_Place(ref(function), noted, name) for name in places])
        _ran.add(function)


def look_again(*, is_told: bool = True) -> None:
    """Warns of data that was changed in place since a function with memos first ran, once for each.

    Args:
        is_told: False where an error is on its way, which a warning must not hide.

    Complexity: some 2,000 bytes are looked at, and every function that ran is when it runs the next time.
    """
    try:
        if is_told:
            _tell_changed()
    finally:
        for function in _take_ran():
            noted = function.reached
            if function in Function.watched and function.at_first_run is None and noted and noted.size <= _MOST_AT_FIRST:
                function.call_at_next_run(_look_at_first)


def tell_while_running(function: Function, places: Iterable[str]) -> str | None:
    """Warns, once for each, of globals that changed while a function ran, and returns the words; None where none is a global."""
    from .ignored import name_for  # it needs the parser, which no first run should wait for

    named = [(place, name_for(function.body, place)) for place in dict.fromkeys(places)]
    found = [(place, name) for place, name in named if name is not None]
    if not found:
        return None
    shown = " and ".join(":".join(place.rpartition(".")[::2]) for place, _ in found)
    names = tuple(name for _, name in found)
    words = f"{shown} changed while it ran: pass it, make it a source, or say memoize(ignore_globals={names})"
    if not _told.issuperset(place for place, _ in found):
        _told.update(place for place, _ in found)
        warn(f"No run of {function} is kept. {words} if no result depends on it.", RuntimeWarning, stacklevel=2)
    return words


def _take_ran() -> Iterator[Function]:
    """Takes out the functions that ran, one by one: other threads take some as well."""
    while True:
        try:
            yield _ran.pop()
        except KeyError:
            return


def _look_at_first(function: Function) -> None:
    """Takes new notes of data that was changed while no memo of its reader existed."""
    function.disarm()
    noted = function.reached
    if noted is None or function not in Function.watched:
        return
    _ran.add(function)
    now = {name: _mark(noted.parts[name].value) for name in noted.marks}
    changed = {name: one for name, one in now.items() if one not in (None, noted.marks[name])}
    if changed and function not in _functions_in_use():
        for name, mark_now in changed.items():
            value = noted.parts[name].value
            noted.marks[name], noted.print = mark_now, None
            noted.said[id(value)] = tell_changeable(value)


def _mark(value: object) -> bytes | None:
    try:
        return mark(value)[0]
    except RuntimeError:  # another thread changes it right now
        return None


def _tell_changed() -> None:
    changed = _find_changed(_turn.take())
    if not changed:
        return
    in_use = _functions_in_use()
    for place, function in changed:
        if function in in_use and place in _turn.places and place.name not in _told:
            value = place.value
            _turn.drop([other for other in _turn.places.copy() if other.value is value])
            _tell(function, place.name, value)


def _find_changed(places: Iterable[_Place]) -> list[tuple[_Place, Function]]:
    """Returns the data whose content differs from the note; checks each object once."""
    changed, gone = [], []
    marks: dict[int, tuple[bytes, int]] = {}
    for place in tuple(places):
        function = place.function()
        if function is None or function not in Function.watched or function.reached is not place.noted:
            gone.append(place)
            continue
        value = place.value
        try:
            now, size = marks[id(value)] if id(value) in marks else mark(value)
        except RuntimeError:  # another thread changes it right now
            continue
        place.size = _LEAST_BYTES if id(value) in marks else _LEAST_BYTES + size
        marks[id(value)] = now, size
        if now != place.noted.marks[place.name]:
            changed.append((place, function))
    _turn.drop(gone)
    return changed


def _functions_in_use() -> set[Function]:
    """Returns the functions that have memos."""
    caches = [cache for group in CacheGroup.all() for cache in group.list_caches()]
    states = (item for cache in caches for item in cache.list_homes())
    return {(plain_key(key) if key[0] is BENEATH else key)[0] for key, state in states if any(True for _ in state.memos())}


def _tell(function: Function, place: str, value: object) -> None:
    from .ignored import name_for  # as above

    name = name_for(function.body, place)
    ignoring = "" if name is None else f" If no result depends on it, say @dug.memoize(ignore_globals=({name!r},))."
    warn(
        f"{place}, a {type(value).__name__} that {function} reads, was changed after {function} first ran, and earlier results "
        f"do not reflect that. Make it a source, or pass it; or call ctx.invalidate({function.name.rpartition(':')[2]}) whenever "
        f"it has changed.{ignoring}",
        RuntimeWarning,
        stacklevel=6,
    )
