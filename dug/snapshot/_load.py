"""Opens a file as a context: `load`, and `Snapshot`, in which every value of the file answers until something masks it."""

import sys
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from types import MappingProxyType
from typing import Any

from attrs import define

from .._contexts.context import Context
from .._contexts.kinds import Bump
from .._contexts.scenario import Scenario, _of_layers
from .._core.read import (
    Cache,
    Frame,
    Function,
    Node,
    View,
)
from .._portable.tweaks import FORMS
from ..codec import CodecError, Encoded, decode
from ..errors import ContextError, DugError, SnapshotError
from ._file import Info, SavedFile
from ._report import Absent
from ._rows import FunctionRow, TweakRow, find_alike, find_node, read_functions, read_node, read_tweaks
from ._shelf import LeftOut, Shelf
from ._text import ARITHMETIC, name_of


class Snapshot(Context):
    """A loaded file: a `dug.Context` with the tweaks that were in force, and a cache with the values that were known.

    Enter it like any other, and contexts inside it.  Values stay in the file until they are asked for; close it when you need no
    more of them.
    """

    def __init__(self, scenario: Scenario, shelf: Shelf) -> None:
        super().__init__(scenario, cache=shelf, name=shelf.saved.info.context or shelf.saved.path.name)
        self._shelf = shelf
        shelf.expect(self._scenario.specs)  # as told to this context

    @property
    def info(self) -> Info:
        """What the file says of itself: when it was saved, by which versions, how much there is."""
        return self._shelf.saved.info

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of the functions that are not what they were, or reach what is not, of those that are there by now."""
        return tuple(self.changes)

    @property
    def changes(self) -> Mapping[str, tuple[str, ...]]:
        """The same, each with the places where what it reaches is another, such as ``pricing.RATE``; none from format 1.

        .. versionadded:: 0.1.0
        """
        self._here()
        return MappingProxyType(dict(self._shelf.changed))

    @property
    def absent(self) -> tuple[Absent, ...]:
        """What the file has and what does not serve here, of the functions that are there by now, with the reason."""
        self._here()
        return tuple(self._shelf.absent)

    @property
    def pending(self) -> tuple[str, ...]:
        """The nodes that serve as soon as the functions they rest on are there, by their text."""
        self._here()
        return tuple(self._shelf.pending())

    def find(self, text: str) -> Node[Any] | None:
        """Returns the node with this text, of the file or computed since, or None where it or its function is not here.

        Raises:
            LookupError: several nodes have it; the message says how to write each of them.

        Complexity: O(nodes of the file) where the file has no such node.
        """
        self._here()
        row = find_node(self._shelf.saved, text)
        if row is not None:
            return self._shelf.find(row)
        alike = find_alike(self._shelf.saved, text)
        if alike:
            raise LookupError(f"{len(alike)} nodes have the text {text}. Write one of: {', '.join(alike)}.")
        found = [node for node in (Node._of(key) for key, _ in self._shelf.list_states()) if str(node) == text]
        if len(found) > 1:
            raise LookupError(f"{len(found)} nodes have the text {text}, which their arguments share. Use the node itself.")
        return found[0] if found else None

    def close(self) -> None:
        """Closes the file: values that were not asked for cannot be read any more."""
        self._shelf.saved.close()

    def _view_inside(self, outer: Frame | None, *, looks: bool = False) -> View:
        try:
            self._cache_inside(None if outer is None else outer.view)  # what comes in needs the registry that it lies in
        except ContextError as exc:
            path = self._shelf.saved.path
            raise ContextError(
                f"{self._shelf.saved.shown} was entered or looked at elsewhere before, and what was read of it belongs there. "
                f"Load it once more: snapshot.load({str(path)!r})."
            ) from exc
        self._shelf.fill()
        return super()._view_inside(outer, looks=looks)

    def _cache_seen(self, parent: View | None) -> Cache:
        return self._cache_inside(parent)  # a look must see what the file holds, so it binds the cache


def load(
    path: "str | PathLike[str]",
    *,
    trust: bool = False,
    recompute_changed: bool = False,
    functions: Iterable[Callable[..., Any]] = (),
) -> Snapshot:
    """Opens a file as a context in which every value of it answers, and only what is masked or missing is computed.

    Functions are found by their names among those that were decorated in this process; nothing is imported.  Import the modules
    whose functions the file tweaks before, any others at any time.  A tweak that cannot be said here, because the arguments of
    its node were not written or its function is gone, is left out with all that rests on it: `Snapshot.absent` says so.

    Args:
        path: the file.
        trust: unpickles what was pickled and imports the modules that the file names, which can run any code.
        recompute_changed: treats what a function whose code has changed gave as stale: it is run again, and what was computed
            from it is, where the new value differs.
        functions: those that bumps and replacements in the file may name, besides arithmetic.

    Raises:
        SnapshotError: the file is no snapshot, needs a newer dug or is damaged, or it tweaks a function of a module that is not
            imported.
    """
    file = SavedFile(path)
    try:
        shelf = Shelf(file, trust=trust, recompute_changed=recompute_changed)
        if trust:
            _import_functions(shelf)
        known = dict(ARITHMETIC)
        known.update((name, fn) for fn in functions for name in [name_of(fn)[0]] if name is not None)
        scenario, left_out = _read_scenario(file, known, trust=trust)
        shelf.leave_out(left_out)
        return Snapshot(scenario, shelf)
    except BaseException:
        file.close()
        raise


def _import_functions(shelf: Shelf) -> None:
    for name in tuple(shelf.names()):
        try:
            Function.load(name)
        except LookupError:  # it waits, as without trust
            continue


def _read_scenario(file: SavedFile, known: dict[str, Callable[..., Any]], *, trust: bool) -> tuple[Scenario, list[LeftOut]]:
    """Returns the tweaks that were in force, and those of them that cannot be had here, with the reason."""
    rows = read_tweaks(file)
    functions = read_functions(file) if rows else {}
    layers: dict[int, dict[Any, Any]] = {}
    left_out = []
    for row in rows:
        said = functions.get(row.function)
        if said is None:
            raise file.damaged(f"function {row.function} is not there")
        layer = layers.setdefault(row.layer, {})
        try:
            target = _read_target(file, row, said)
            tweak = _read_tweak(file, row, known, trust=trust)
            _of_layers(({target: tweak},), None)
            layer[target] = tweak
        except DugError as exc:
            if isinstance(exc, SnapshotError):
                raise
            left_out.append(_leave_out(file, row, said, f"it is not possible here: {exc}"))
        except _NotHereError as exc:
            left_out.append(_leave_out(file, row, said, str(exc)))
    return _of_layers(tuple(layers.values()) or ({},), None), left_out


class _NotHereError(Exception):
    """Carries the reason why a tweak cannot be said here."""


def _leave_out(file: SavedFile, row: TweakRow, said: FunctionRow, reason: str) -> LeftOut:
    node = None if row.node is None else read_node(file, row.node)
    return LeftOut(row.function, row.node, said.name if node is None else node.text, reason)


def _read_target(file: SavedFile, row: TweakRow, said: FunctionRow) -> Any:
    """Returns what is tweaked.

    Raises:
        SnapshotError: its function is in a module that is not imported.
        _NotHereError: it cannot be found here at all.
    """
    if said.unreachable is not None:
        raise _NotHereError(f"no other process can find its function: {said.unreachable}")
    function = Function.find(said.name)
    module = said.name.partition(":")[0]
    if function is None and module not in sys.modules:
        raise SnapshotError(f"{file.shown} tweaks {said.name}, which is not there: import {module} before you load it.")
    if function is None:
        raise _NotHereError(f"{module} has no such function any more")
    if row.node is None:
        return function.wrapper()
    node = read_node(file, row.node)
    if node is None or node.function != row.function:
        raise file.damaged(f"the tweak {row.text} is of a node that is not there")
    if node.arguments is None:
        raise _NotHereError("its arguments were not written")
    try:
        args, kwargs = decode(Encoded("json", (node.arguments.encode("utf-8"),)))
        return Node._of_call(function, tuple(args), kwargs)
    except Exception as exc:
        raise _NotHereError(f"its arguments do not fit here: {exc}") from exc


def _read_tweak(file: SavedFile, row: TweakRow, known: dict[str, Callable[..., Any]], *, trust: bool) -> Any:
    """Returns a tweak; in the place of one that cannot be had, one that says so when it is needed."""
    form = FORMS.get(row.kind)
    if form is None:
        raise file.damaged(f"there is no tweak that is a {row.kind}")
    if form.content is None:
        return form.make(None, None)
    content, reason = row.content, row.content.reason
    try:
        if reason is None:
            value = decode(file.read(f"the tweak {row.text}", content), trust=trust)
            if not form.names_function:
                return form.make(None, value)
            fn = known.get(row.fn or "") or (_import(row.fn or "") if trust else None)
            if fn is not None:
                return form.make(fn, value)
            reason = f"{row.fn} is not known here. Load the file with functions=[...]"
    except CodecError as exc:
        reason = str(exc)
    return Bump(fn=_Unreadable(file, row.text, reason))


def _import(name: str) -> Callable[..., Any] | None:
    """Returns the function that a trusted file names."""
    from importlib import import_module  # for trusted files only

    module, _, qualname = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return None
    return found if callable(found) else None


@define(eq=False)
class _Unreadable:
    """Stands for a tweak that cannot be had: what was computed with it serves, and nothing can be computed anew."""

    file: SavedFile
    text: str
    reason: str | None

    def __call__(self, *_: object) -> Any:
        reason = (self.reason or "").rstrip(".")
        raise SnapshotError(f"{self.file.shown}: the tweak {self.text} cannot be had: {reason}. Tweak it anew.")

    def __repr__(self) -> str:
        return f"<{self.text}, which cannot be had>"
