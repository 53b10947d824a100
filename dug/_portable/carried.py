"""`Carried`, a context of memos that were brought in: lists what is changed, absent or pending; `bring_in` makes its parts.

With trust it imports the functions first (`_import_functions`).
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._core.read import Cache, Frame, Function, View
from ..errors import ContextError
from .nodes import ARITHMETIC, name_of
from .rows import Absent, Carrier
from .scenario import read_scenario
from .shelf import Shelf


class Carried(Context):
    """A context with the tweaks that were in force elsewhere, and a cache with the values that were known there.

    Values stay with the carrier until they are asked for.
    """

    def __init__(self, scenario: Scenario, shelf: Shelf, *, name: str | None = None) -> None:
        super().__init__(scenario, cache=shelf, name=name)
        self._shelf = shelf
        shelf.expect(self._scenario.specs)  # as told to this context

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the functions that are here by now and have changed, or reach something that has."""
        return tuple(self.changes)

    @property
    def changes(self) -> Mapping[str, tuple[str, ...]]:
        """The same, each with the places where its reach changed, such as ``pricing.RATE``; none from format 1.

        .. versionadded:: 0.1.0
        """
        self._here()
        return MappingProxyType(dict(self._shelf.changed))

    @property
    def absent(self) -> tuple[Absent, ...]:
        """The nodes and tweaks of functions that are here by now which do not answer here, each with the reason."""
        self._here()
        return tuple(self._shelf.absent)

    @property
    def pending(self) -> tuple[str, ...]:
        """The nodes that will answer as soon as the functions they depend on are there, by their text."""
        self._here()
        return tuple(self._shelf.pending())

    def _say_again(self) -> str:
        """Returns what to type to make another such context."""
        return "Bring it in once more."

    def _view_inside(self, outer: Frame | None, before: View | None = None, *, looks: bool = False) -> View:
        try:
            self._cache_inside(None if outer is None else outer.view)  # memos that come in need the group of the caches around
        except ContextError as exc:
            raise ContextError(
                f"{self._shelf.carrier.shown} was entered or looked at elsewhere before, and its memos belong there. "
                f"{self._say_again()}"
            ) from exc
        self._shelf.fill()
        return super()._view_inside(outer, before, looks=looks)

    def _cache_seen(self, parent: View | None) -> Cache:
        return self._cache_inside(parent)  # a look must see the carried memos, so it binds the cache


def bring_in(
    carrier: Carrier,
    *,
    trust: bool = False,
    recompute_changed: bool = False,
    check_files: bool = True,
    functions: Iterable[Callable[..., Any]] = (),
) -> tuple[Scenario, Shelf]:
    """Returns the parts of a `Carried`: the tweaks that were in force, and the cache of the memos.

    Args:
        carrier: holds the rows.
        trust: unpickles pickled values and imports the modules that are named, which can run any code.
        recompute_changed: treats the memos of functions whose code has changed as stale.
        check_files: reads files again that have changed, see `dug.sources`.
        functions: those that bumps and replacements may name, besides arithmetic.

    Raises:
        SnapshotError: the rows are not as they were written, or they tweak a function of a module that is not imported.
    """
    shelf = Shelf(carrier, trust=trust, recompute_changed=recompute_changed, check_files=check_files)
    if trust:
        _import_functions(shelf)
    known = dict(ARITHMETIC)
    known.update((name, fn) for fn in functions for name in [name_of(fn)[0]] if name is not None)
    scenario, left_out = read_scenario(carrier, known, trust=trust)
    shelf.leave_out(left_out)
    return scenario, shelf


def _import_functions(shelf: Shelf) -> None:
    for name in tuple(shelf.names()):
        try:
            Function.load(name)
        except LookupError:  # it waits, as without trust
            continue
