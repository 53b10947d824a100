"""The spelling of rappf on flows of dug: `DAG` runs functions wired by their types, records what types had, and replays it.

Types are the nodes.  Every update runs every function once, in an order in which each comes after what it reads; a function keeps
its own state from update to update.  Recordings are the files that rappf writes: one for each type, a line for each update.

`Step` is a function with what its parameters read (`_read_step`); `_read_recordings` reads the files back.  `DAG.run` updates
all; `_run_step` runs one function, `_make_flow` wires, `_check_cut` and `_check_sources` refuse.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_type_hints

from attrs import frozen

from .._functions.proxy import name_of
from ..flow import DuplicateNameError, Flow
from ..flow._moving import find_moved_parameters, mark_moved
from ..flow._nodes import NOTHING, REQUIRED, Wire
from ..flow._wiring import wire_by_type

__all__ = ["DAG", "JsonAnyT"]

JsonAnyT: TypeAlias = dict[str, Any] | list[Any] | bool | float | int | str | None
"""What ``to_json`` returns and ``from_json`` takes."""

Update: TypeAlias = dict[Any, Any]
"""Values by type."""


@frozen
class Step:
    """A function of the graph, and what its parameters read."""

    fn: Callable[..., Any]
    node: Any
    """The type that it gives; the function itself if it gives nothing."""
    reads: Mapping[str, Any]
    """The type that each parameter reads."""
    otherwise: Mapping[str, str]
    """What a parameter without a value means: ``required``, so that the function does not run, ``default`` or ``nothing``."""
    moved: frozenset[str] = frozenset()
    """The parameters to which values are handed over."""


class DAG:
    """Functions wired by their types: each gives the type that it returns, and reads those of its parameters.

    Args:
        funcs: functions, or objects with ``__call__``; several may return nothing.
        on_stale_predecessor: is called when a function does not run because a parameter without a default has no value.
        expected_sources: the types that no function gives; checked where they are said.

    Raises:
        DuplicateNameError: two functions give one type; it is a ValueError.
        MovedError: a type is handed over (`dug.debug.Mut`) to two functions, or read by one after another has changed it.
        TypeError: a parameter has no type.
        ValueError: the sources are others than expected.
    """

    def __init__(
        self,
        funcs: Sequence[Callable[..., Any]],
        on_stale_predecessor: Callable[[], Any],
        expected_sources: Iterable[Any] | None = None,
    ) -> None:
        self._on_stale = on_stale_predecessor
        self._steps: dict[Any, Step] = {}
        for fn in funcs:
            step = _read_step(fn)
            other = self._steps.get(step.node)
            if other is not None:
                raise DuplicateNameError(
                    f"{_name(other.fn)} and {_name(fn)} both give {_name(step.node)}. Leave one out, or give it another type."
                )
            self._steps[step.node] = step
        self._before = self._find_before()
        self._sources = [kind for kind in self._before if kind not in self._steps]
        if expected_sources is not None:
            self._check_sources(set(expected_sources))
        self._flow = self._make_flow()

    def _check_sources(self, expected: set[Any]) -> None:
        found = set(self._sources)
        if found != expected:
            more, less = (", ".join(sorted(map(_name, one))) or "none" for one in (found - expected, expected - found))
            raise ValueError(f"the sources are not those that are expected: {more} besides them, and without {less}.")

    @property
    def predecessors_list(self) -> dict[Any, list[Any]]:
        """The types that each type is made of, none for a source; a function that gives nothing stands for itself."""
        return {node: list(reads) for node, reads in self._before.items()}

    def _find_before(self) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = {node: list(step.reads.values()) for node, step in self._steps.items()}
        for reads in list(found.values()):
            for kind in reads:
                found.setdefault(kind, [])
        return found

    @property
    def flow(self) -> Flow:
        """The graph as a `dug.flow.Flow`, for pictures; its nodes are the full names of the types."""
        return self._flow

    def _name_node(self, node: Any) -> str:
        if isinstance(node, type):
            return f"{node.__module__}.{node.__qualname__}"
        return f"{_name(node)} at {id(node):#x}"

    def _make_flow(self) -> Flow:
        flow = Flow()
        for kind in self._sources:
            flow.add(self._name_node(kind))
        for node, step in self._steps.items():
            wires: list[Wire] = [(name, self._name_node(kind), REQUIRED) for name, kind in step.reads.items()]
            flow._set_function(self._name_node(node), self._run_step(step), tuple(wires))
        flow._wiring.check_moves(flow.name, flow.order())
        return flow

    def _run_step(self, step: Step) -> Callable[..., Any]:
        def run(**read: Any) -> Any:
            absent = {step.otherwise[name] for name, value in read.items() if value is None}
            if REQUIRED in absent:
                self._on_stale()
                return None
            known = {name: value for name, value in read.items() if value is not None or step.otherwise[name] == NOTHING}
            return step.fn(**known)

        return mark_moved(run, step.moved) if step.moved else run

    def run(
        self,
        updates: Iterable[Iterable[Any]] | None = None,
        replay: Iterable[Any] = (),
        capture: Iterable[Any] = (),
        no_cut_ok: bool = False,  # noqa: FBT001, FBT002
        location: "str | PathLike[str] | None" = None,
    ) -> None:
        """Runs the graph for each update: a group of objects, each the value of its type; types without one have None.

        Args:
            updates: the updates, unless they are replayed.
            replay: types whose values are read from the files in `location`, by ``from_json``; their functions do not run.
            capture: types whose values are written into files in `location`, by ``to_json``.
            no_cut_ok: allows that these types do not part what gives nothing from all sources, so that a replay of them is not
                the run that was recorded.
            location: a folder.

        Raises:
            ValueError: an update has an object of a type that is not in the graph; the arguments do not fit; or recordings
                are of different lengths.
            FileExistsError: `location` has a recording of a type already.
            Exception: what a function raised, as it is.
        """
        replayed, captured = list(replay), list(capture)
        if (replayed and updates is not None) or (not replayed and updates is None):
            raise ValueError("run() takes updates, or types to replay, and not both.")
        folder = None if location is None else Path(location)
        if (replayed or captured) and folder is None:
            raise ValueError("run() writes and reads recordings in a folder. Write location=folder.")
        for kinds in filter(None, (replayed, captured)):
            self._check_cut(kinds, is_ok=no_cut_ok)
        seeds = map(_by_type, updates or ()) if folder is None or not replayed else _read_recordings(folder, replayed)
        with ExitStack() as files:
            opened = {kind: files.enter_context(_path(folder, kind).open("x", encoding="utf-8")) for kind in captured if folder}
            for seed in seeds:
                lines: dict[Any, str] = {}
                state = self._update(seed, captured, lines)
                for kind, file in opened.items():
                    file.write((lines.get(kind) or _write(state[kind])) + "\n")

    def _check_cut(self, kinds: list[Any], *, is_ok: bool) -> None:
        """Refuses absent types, and those that do not part the sources from what nothing reads, unless that is allowed."""
        before = self._before
        absent = [kind for kind in kinds if kind not in before]
        if absent:
            raise ValueError(f"{_name(absent[0])} is not a type of the graph. Its types: {', '.join(map(_name, before))}.")
        read = {kind for reads in before.values() for kind in reads}
        pending, seen = [node for node in before if node not in read and node not in kinds], set()
        while pending:
            node = pending.pop()
            if node not in seen:
                seen.add(node)
                pending += [kind for kind in before[node] if kind not in kinds]
        past = [_name(kind) for kind in self._sources if kind in seen]
        if past and not is_ok:
            raise ValueError(
                f"{', '.join(map(_name, kinds))} leave a way round them from {', '.join(past)}. "
                "Name more types, or write no_cut_ok=True."
            )

    def _update(self, seed: Update, captured: list[Any], lines: dict[Any, str]) -> Update:
        """Runs the graph once, and returns the value of each type; writes given ones down before anything can change them."""
        strange = next((kind for kind in seed if kind not in self._before), None)
        if strange is not None:
            raise ValueError(f"an update has a {_name(strange)}, which no function reads or gives. Leave it out.")
        lines.update({kind: _write(seed[kind]) for kind in captured if kind in seed})
        given = {**dict.fromkeys(self._sources), **seed}
        values = {self._name_node(kind): value for kind, value in given.items()}
        with self._flow._with_values(values, "update", afresh=True):
            found, _ = self._flow._run_here("later", None)
        return {kind: found[self._name_node(kind)] for kind in self._before}


def _read_step(fn: Callable[..., Any]) -> Step:
    if inspect.isclass(fn):
        raise TypeError(f"{fn.__name__} is a class, and not a function. Give an object of it: {fn.__name__}(...).")
    _, wires = wire_by_type(fn, {})  # refuses parameters without types
    hints = get_type_hints(fn if inspect.isroutine(fn) else type(fn).__call__)
    result = _strip(hints.get("return", type(None)))
    reads = {name: _strip(hints[name]) for name, _, _ in wires if name is not None}
    otherwise = {name: how for name, _, how in wires if name is not None}
    return Step(fn, fn if result is type(None) else result, reads, otherwise, find_moved_parameters(fn))


def _strip(hint: Any) -> Any:
    """Returns a type without None."""
    others = [one for one in get_args(hint) if one is not type(None)]
    return others[0] if len(others) == 1 and type(None) in get_args(hint) else hint


def _by_type(update: Iterable[Any]) -> Update:
    return {type(one): one for one in update}


def _path(folder: Path | None, kind: Any) -> Path:
    assert folder is not None  # noqa: S101  it was asked for
    return folder / f"{kind.__name__}.jsonl"


def _write(value: Any) -> str:
    return json.dumps(None if value is None else value.to_json())


def _read_recordings(folder: Path, kinds: list[Any]) -> Iterator[Update]:
    """Yields the recorded updates.

    Raises:
        ValueError: the recordings have different lengths.
    """
    lines = {kind: _path(folder, kind).read_text(encoding="utf-8").splitlines() for kind in kinds}
    if len(set(map(len, lines.values()))) > 1:
        told = ", ".join(f"{_name(kind)} {len(found)}" for kind, found in lines.items())
        raise ValueError(f"the recordings in {str(folder)!r} have different numbers of updates: {told}. They are not of one run.")
    for row in zip(*lines.values(), strict=True):
        seed: Update = {}
        for kind, line in zip(kinds, row, strict=True):
            found = json.loads(line)
            seed[kind] = None if found is None else kind.from_json(found)
        yield seed


def _name(value: Any) -> str:
    if isinstance(value, type):
        return value.__name__
    return name_of(value) if hasattr(value, "__qualname__") else type(value).__name__
