"""The bases that a worker process has loaded: `BASES`, its one table of them; `LoadedBase`.

A base is loaded once a process and stays until `MOST` newer ones came.  Before it answers anything, the worker imports every
function of it, and refuses all if the code of one is another than it was where the base was taken.

`Bases.find` loads one (`_load`, `_adopt`): it checks fingerprints (`_check_prints`), imports functions, registers those of flows,
and has the store of the base used (`_keep_there`).
"""

import sys
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from types import FunctionType
from typing import Any

from attrs import evolve, field, frozen

from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._core.read import Function
from .._portable.adopted import adopt
from ..errors import CodeDiffersError
from ..fingerprint import fingerprint_of, has_changed
from ..snapshot._load import Snapshot, load

MOST = 2
"""Two sweeps may take turns."""


@frozen(eq=False)
class LoadedBase:
    """A base in a worker process."""

    context: Context
    functions: tuple[Callable[..., Any], ...]
    """The plain functions that scenarios in JSON may name: those of the modules whose memoised functions the base has."""
    held: Any
    """What must live as long: the functions of flows."""
    bodies: Mapping[str, Any]
    """What its functions were when their code was compared, by name."""
    store: Any
    """The store in which it keeps its runs; None for none."""
    sources: set[Any] = field(factory=set)
    """The sources that messages brought after it."""

    def is_current(self) -> bool:
        """True while none of its functions was defined anew, as by a module that was brought to a worker which runs."""
        return _find_bodies(self.bodies) == self.bodies

    def read_scenario(self, text: str) -> Scenario:
        """Returns a scenario in JSON."""
        return Scenario.from_json(text, functions=self.functions)


class Bases:
    """The loaded bases of a process, by digest; any thread may ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, LoadedBase] = {}

    def find(self, message: Mapping[str, Any], worker: str) -> LoadedBase:
        """Returns the base of a message, loaded now if it is new here.

        Raises:
            CodeDiffersError: a function is another one here, or is not here.
            SnapshotError: the file cannot be read.
        """
        digest = message["base"]["digest"]
        with self._lock:
            known = self._known.pop(digest, None)
            if known is None or not known.is_current():
                known = _load(message, worker)
                known = evolve(known, bodies={**known.bodies, **_find_bodies(message["base"]["prints"])})
                if "store" in message["base"]:
                    known = evolve(known, store=_keep_there(message["base"]["store"], known.context))
            self._known[digest] = known  # the newest is last
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]
            return known


BASES = Bases()
"""A worker is asked by a function that its executor finds by name, so that there is no other place to keep them."""


def _load(message: Mapping[str, Any], worker: str) -> LoadedBase:
    place, pickles = message["base"], message["pickles"]
    names = [name for name, _ in message["nodes"]]
    _check_prints(place["prints"], worker)
    _import_functions(names, worker)
    held = _register_flow(place["flow"], worker) if pickles and "flow" in place else None
    if "path" in place:
        return _adopt(load(place["path"], trust=pickles, check_files=False), [*names, *place["prints"]], worker, held)
    data = place["bytes"] if pickles else b64decode(place["bytes"])
    with NamedTemporaryFile(prefix="dug-", suffix=".dug", delete=False) as file:
        file.write(data)
    try:
        return _adopt(load(file.name, trust=pickles, check_files=False), [*names, *place["prints"]], worker, held)
    finally:
        Path(file.name).unlink()


def _find_bodies(names: Iterable[str]) -> dict[str, Any]:
    found = {name: Function.find(name) for name in names}
    return {name: None if function is None else function.newest for name, function in found.items()}


def _keep_there(place: Mapping[str, Any], context: Context) -> Any:
    from ._stores import keep_there  # where there is a store

    return keep_there(place, context)


def _register_flow(named: Mapping[str, Any], worker: str) -> Any:
    from ..flow._elsewhere import register_functions  # where there are flows

    return register_functions(named, worker)


def _adopt(loaded: Snapshot, targets: list[str], worker: str, held: Any) -> LoadedBase:
    shelf = loaded._shelf
    try:
        names = tuple(shelf.names())
        _import_functions(names, worker)
        _import_helpers({module for row in shelf._rows.values() for module in row.modules})
        if shelf._left_out:
            reason = next(iter(shelf._left_out.values()))
            raise CodeDiffersError({}, worker, f"does not take a tweak that is in force around the sweep: {reason}")
        context, changed = adopt(loaded.scenario, shelf, name=loaded.name)
        if changed:
            raise CodeDiffersError(changed, worker)
        return LoadedBase(context, tuple(_list_functions({*names, *targets})), held, _find_bodies({*names, *targets}), None)
    finally:
        loaded.close()


def _check_prints(prints: Mapping[str, str], worker: str) -> None:
    _import_functions(prints, worker)
    changed = {name: () for name, before in prints.items() if has_changed(before, fingerprint_of(Function.load(name).wrapper()))}
    if changed:
        raise CodeDiffersError(changed, worker)


def _import_functions(names: Iterable[str], worker: str) -> None:
    for name in names:
        try:
            Function.load(name)
        except LookupError as exc:
            raise CodeDiffersError({name: ()}, worker, f"has no {name}: {str(exc).rstrip('.')}") from exc


def _import_helpers(modules: Iterable[str]) -> None:
    """Imports what functions of the base import when they run, so that it is compared."""
    for name in sorted(modules):
        with suppress(Exception):  # whatever it raises: a scenario that needs it says so
            import_module(name)


def _list_functions(names: set[str]) -> Iterator[Callable[..., Any]]:
    for module in {name.partition(":")[0] for name in names}:
        for value in list(vars(sys.modules[module]).values()) if module in sys.modules else ():
            if isinstance(value, FunctionType) and value.__module__ == module:
                yield value
