"""What any worker process can be told, and how its answer is read, as plain data: `take_base`, `make_message`, `read_answer`.

A sweep asks its base once, here, and `take_base` writes its memos into one file.  A message names that file (or has its bytes),
the nodes to ask, and a batch of scenarios; `_worker` answers it.  An answer has a value or an error for each node, the number of
runs and the seconds; `read_answer` reads it.

Two forms: where the executor pickles anyway (``pickles=True``), scenarios, values and exceptions without a codec are pickled;
else everything is what JSON can express, and nothing is unpickled on either side.  In both a worker imports the modules of the
memoised functions that a message names.

`Base` is that file, `Answered` the answer to one scenario; `pack_scenario`, `write_arguments` write a message, `check_node` and
`find_why_not` refuse what no other process can find, `_find_prints` and `_list_reached` add the fingerprints of functions.
`_find_why_not` does so for a tweak, `_read_one` reads the answer for one node.
"""

import json
import pickle
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from attrs import field, frozen

from .._batch.kept_failure import keep_failure
from .._contexts.forms import FORMS
from .._contexts.kinds import UNTWEAKED
from .._contexts.scenario import Scenario
from .._contexts.scenario_json import find_unwritable, say_tweak
from .._contexts.written import find_unreachable, json_of, read_node
from .._core.read import Failure, Function, Node, Target, TweakSpec, View
from .._text.values import STOPPING, show, show_str
from ..codec import CodecError
from ..errors import CodeDiffersError, SnapshotError, TweakError
from ..fingerprint import reach
from ..snapshot._file import SavedFile
from ..snapshot._rows import FileRows
from ..snapshot._save import save_view
from ._errors import read_failure
from ._packing import read_value
from ._sources import Lacking, Sources, list_read, read_lacking

FORMAT = 1


@frozen(eq=False)
class Base:
    """The memos of the nodes to ask, in one file; the file belongs to who took the base."""

    path: Path
    digest: str
    """That of the file and the fingerprints: a worker loads each once."""
    pickles: bool
    ships: str
    """``path``, where the workers see the same folder, or ``bytes``."""
    prints: Mapping[str, str]
    """The fingerprints of functions that those in the file name, and that are not in it, as nothing of them ran."""

    flow_functions: Mapping[str, Any]
    """The functions of flows, by the keys of this process; see `flow/_elsewhere`."""
    store: Mapping[str, Any] | None = None
    """Where the store is in which the workers keep what they run; None for none."""
    depth: int | None = None
    """How deep nodes may lead to nodes, as in the context around."""
    sources: Sources = field(factory=lambda: Sources(True))
    """What was read here since, because a worker lacked it."""
    _bytes: list[Any] = field(factory=list, init=False)
    """The file, where it goes with messages, once it was read."""

    @property
    def place(self) -> dict[str, Any]:
        """How a message says where the base is."""
        said: dict[str, Any] = {"digest": self.digest, "prints": self.prints, "depth": self.depth}
        if self.flow_functions:
            said["flow"] = self.flow_functions
        if self.store is not None:
            said["store"] = self.store
        if self.ships == "path":
            return {**said, "path": str(self.path)}
        if not self._bytes:
            data = self.path.read_bytes()
            self._bytes.append(data if self.pickles else b64encode(data).decode("ascii"))
        return {**said, "bytes": self._bytes[0]}


@frozen(eq=False)
class Answered:
    """The answer to one scenario."""

    values: dict[int, Any]
    """By the number of the node in the message; those that failed are missing."""
    failures: dict[int, Failure]
    recomputed: int
    seconds: float
    origins: dict[int, Node[Any]]
    """The nodes in which the errors of others began."""
    lacking: tuple[Lacking, ...] = ()
    """The sources that were not read here: what the worker computed without them was thrown away."""


def take_base(
    view: View,
    nodes: Sequence[Node[Any]],
    path: Path,
    *,
    pickles: bool,
    ships: str = "path",
    knows_session: bool = True,
    store: Mapping[str, Any] | None = None,
) -> Base:
    """Writes what is known of nodes in a view, and of what they read, into a file, and returns it as a base.

    Args:
        view: the scenario around.
        nodes: those that will be asked.
        path: the file.
        pickles: whether values without a codec are pickled.
        ships: as in `Base`.
        knows_session: whether the workers find what ``__main__`` defines.
        store: where the store is that has what the nodes need, as `place_of` says it; then the file has the sources alone.

    Raises:
        TweakError: a tweak in force cannot go to another process; nothing runs there without it.
        TypeError: a function is of a session that no worker knows.
        SnapshotError: the file cannot be written.
    """
    around: View | None = view
    while around is not None:
        for layer in around.layers:
            for target, spec in layer.items():
                _check_tweak(target, spec, find_unwritable(target, spec), ", which is in force around,")
        around = around.parent
    reached = _list_reached(nodes)
    keys = [*(node._key for node in nodes if store is None), *list_read(view, reached)]
    report = save_view(view, path, keys, name="base of a sweep", allow_pickle=pickles)
    lost = next((one for one in report.absent if one.what.startswith("the tweak of ")), None)
    if lost is not None:
        raise TweakError(f"{lost.what}, which is in force around, cannot go to another process: {lost.reason}")
    prints = _find_prints(path, reached, knows_session=knows_session)
    digest = blake2b(path.read_bytes(), digest_size=16)
    flow_functions = _find_flow_functions(view, pickles=pickles)
    # What was forgotten here since shows in a file of memos, and not in one of sources: no worker goes on with an older base.
    told = [prints, flow_functions, None if store is None else str(path)]
    digest.update(json.dumps(told, sort_keys=True).encode())
    return Base(path, digest.hexdigest(), pickles, ships, prints, flow_functions, store, view.max_depth, Sources(pickles))


def _find_flow_functions(view: View, *, pickles: bool) -> dict[str, Any]:
    """Returns the functions of the flows in force.

    Raises:
        TypeError: there are some, and messages are JSON: a text must not say what a worker imports and calls.
    """
    if "dug.flow" not in sys.modules:
        return {}
    from ..flow._elsewhere import list_functions  # where there are flows

    found = list_functions(view)
    if found and not pickles:
        raise TypeError("A flow cannot go to this executor, which pickles nothing. Use dug.executors.processes.Processes().")
    return dict(found)


def _find_prints(path: Path, reached: Mapping[str, str | None], *, knows_session: bool) -> dict[str, str]:
    """Returns the fingerprints of those memoised functions that have none in the file."""
    file = SavedFile(path)
    try:
        there = {row.name for row in FileRows(file).functions().values()}
    finally:
        file.close()
    named = sorted({*there, *reached})
    lost = None if knows_session else next((name for name in named if name.startswith("__main__:")), None)
    if lost is not None:
        raise TypeError(
            f"{lost} is defined in this session, where no other process finds it. Write its cell to a module (%%writefile "
            'pricing.py) and import that, or use dug.executors.processes.Processes(start="fork").'
        )
    return {name: print_ for name, print_ in reached.items() if name not in there and print_ is not None}


def _list_reached(nodes: Iterable[Node[Any]]) -> dict[str, str | None]:
    """Returns the memoised functions that the code of nodes leads to, by name, with their fingerprints."""
    prints: dict[str, str | None] = {}
    pending = [node._function.name for node in nodes]
    seen = set(pending)
    while pending:
        function = Function.find(pending.pop())
        if function is None or find_unreachable(function) is not None:
            continue
        reached = reach(function.wrapper())
        prints[function.name] = reached.print
        named = {said.removeprefix("node ") for said in reached.parts.values() if said.startswith("node ")}
        pending += sorted(named - seen)
        seen |= named
    return prints


def _check_tweak(target: Target, spec: TweakSpec, reason: str | None, what: str = "") -> None:
    if reason is not None:
        raise TweakError(f"{say_tweak(target, spec)}{what} cannot go to another process: {reason}")


def check_node(node: Node[Any]) -> None:
    """Refuses a node that no other process can find.

    Raises:
        TypeError: its function is local, or an argument has no codec.
    """
    reason = find_why_not(node)
    if reason is not None:
        raise TypeError(f"{node} cannot go to another process: {reason}")


def find_why_not(node: Node[Any]) -> str | None:
    """Returns why no other process can find a node, and what to type; None where one can."""
    reason = find_unreachable(node._function)
    if reason is not None:
        return f"{reason}. Define its function at the top of a module."
    return None if write_arguments(node) is not None else "an argument has no codec. Register its class: dug.codec.register(cls)."


def pack_scenario(scenario: Scenario, *, pickles: bool) -> bytes | str:
    """Returns a scenario as a message has it: pickled, or as JSON.

    Raises:
        TweakError: it cannot go to another process; the message names the tweak and says what to type.
    """
    for layer in scenario.specs:
        for target, spec in layer.items():
            _check_tweak(target, spec, _find_why_not(target, spec, pickles=pickles))
    try:
        return pickle.dumps(scenario, protocol=4) if pickles else scenario.to_json()
    except STOPPING:
        raise
    except CodecError as exc:
        raise TweakError(str(exc)) from exc
    except Exception as exc:
        raise TweakError(f"{show(scenario)} cannot be pickled for another process: {show_str(exc, 500)}") from exc


def _find_why_not(target: Target, spec: TweakSpec, *, pickles: bool) -> str | None:
    """Returns why a tweak cannot go to another process; where scenarios are pickled, a function need not have a name."""
    reason, function_of = find_unwritable(target, spec), FORMS[spec.kind].function
    if reason is None or not pickles or function_of is None or find_unwritable(target, UNTWEAKED) is not None:
        return reason
    try:
        pickle.dumps(function_of(spec))
    except STOPPING:
        raise
    except Exception:  # noqa: BLE001  pickle raises what it likes
        return reason
    return None


def make_message(base: Base, nodes: Sequence[Node[Any]], scenarios: Sequence[bytes | str]) -> dict[str, Any]:
    """Returns what a worker is told: the base, the nodes and a batch of scenarios, each as `pack_scenario` made it."""
    return {
        "format": FORMAT,
        "pickles": base.pickles,
        "base": base.place,
        "nodes": [[node._function.name, write_arguments(node)] for node in nodes],
        "scenarios": list(scenarios),
        "sources": list(base.sources.packed),
    }


def read_answer(said: Mapping[str, Any]) -> list[Answered]:
    """Returns the answers to a batch, in the order of its scenarios.

    Raises:
        CodeDiffersError: the worker has other code.
        SnapshotError: the worker cannot read the base.
    """
    refused = said.get("refused")
    if refused is not None:
        raise _make_refusal(refused)
    return [_read_one(one, pickles=said["pickles"]) for one in said["answers"]]


def _make_refusal(refused: Mapping[str, Any]) -> Exception:
    if refused["kind"] == "code":
        return CodeDiffersError(refused["functions"], refused["worker"], refused["reason"])
    return SnapshotError(f"Worker {refused['worker']} cannot read the base of the sweep: {refused['reason']}")


def _read_one(one: Mapping[str, Any], *, pickles: bool) -> Answered:
    values: dict[int, Any] = {}
    failures = {int(number): read_failure(packed, pickles=pickles) for number, packed in one["failures"].items()}
    for number, packed in one["values"].items():
        try:
            values[int(number)] = read_value(packed, pickles=pickles)
        except CodecError as exc:
            failures[int(number)] = keep_failure(exc)
    origins = {int(number): node for number, packed in one["failures"].items() for node in _read_origin(packed["origin"])}
    return Answered(values, dict(sorted(failures.items())), one["recomputed"], one["seconds"], origins, read_lacking(one))


def _read_origin(packed: Sequence[str] | None) -> Iterator[Node[Any]]:
    """Yields the node in which an error began, if it can be found here."""
    if packed is not None:
        with suppress(Exception):  # a function or a class that is not here
            yield read_node(Function.load(packed[0]), packed[1])


def write_arguments(node: Node[Any]) -> str | None:
    """Returns the arguments of a node as JSON; None where one of them has no codec."""
    return json_of([list(node.args), node.kwargs])
