"""How a worker process answers: `answer` takes a message of `_remote` and returns plain data of the same form.

It loads the base once a process, refuses it where the code of a function is another one (`CodeDiffersError`), and computes each
scenario inside it.

`_answer_one` computes one scenario, `_ask_each` asks its nodes, `find_origin` finds where an error began, `name_worker` names
this process.  `_answer` answers a whole message.
"""

import os
import pickle
import socket
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context as Variables
from time import perf_counter
from typing import Any

from .._batch.call_site import single_outer_call
from .._batch.kept_failure import keep_failure
from .._contexts.context import Context
from .._contexts.written import find_unreachable, read_node
from .._core.read import Failure, Function, Node, current, find_answer
from .._inspect.lazy_graph import Origins
from .._inspect.node_states import passed_from
from .._text.values import show_str
from ..codec import CodecError
from ..errors import CodeDiffersError
from ._bases import BASES
from ._errors import pack_failure
from ._packing import pack_value
from ._remote import FORMAT, write_arguments
from ._sources import bring_in, note_lacking, refuse_sources


def answer(message: Mapping[str, Any], tell: Callable[[int | None], object] | None = None) -> dict[str, Any]:
    """Returns the answer to a message, as plain data of the message's form; raises nothing but interrupts and exits.

    Contexts that are in force where it is called, as in a process that was forked inside of some, concern no scenario.

    Args:
        message: as `make_message` makes it.
        tell: is told the number of each scenario before it begins, and None after the last.
    """
    return Variables().run(_answer, message, tell or _tell_nobody)


def _tell_nobody(number: int | None) -> None:
    pass


def _answer(message: Mapping[str, Any], tell: Callable[[int | None], object]) -> dict[str, Any]:
    started, worker, pickles = perf_counter(), name_worker(), message["pickles"]
    said: dict[str, Any] = {"format": FORMAT, "pickles": pickles, "worker": worker}
    try:
        base = BASES.find(message, worker)
        nodes = [read_node(Function.load(name), arguments) for name, arguments in message["nodes"]]
        bring_in(base.context, base.sources, message["sources"], pickles=pickles)
    except CodeDiffersError as exc:
        functions = {name: list(places) for name, places in exc.functions.items()}
        return {**said, "refused": {"kind": "code", "functions": functions, "worker": worker, "reason": exc.reason}}
    except Exception as exc:  # noqa: BLE001  whatever a file or a user's module raises
        return {**said, "refused": {"kind": "base", "worker": worker, "reason": show_str(exc, 2_000)}}
    loaded, answers, before = perf_counter() - started, [], None
    with refuse_sources():
        for number, one in enumerate(message["scenarios"]):
            tell(number)
            given, before = _answer_one(base, nodes, one, before, message)
            answers.append(given)
        tell(None)
    if base.store is not None:
        base.store.flush()  # before anybody is told that it is there
    return {**said, "answers": answers, "seconds": perf_counter() - started - loaded, "loading": loaded}


def name_worker() -> str:
    """Returns the name of this process: of its host, and its number there."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _answer_one(
    base: Any, nodes: Sequence[Node[Any]], said: bytes | str, before: Context | None, message: Mapping[str, Any]
) -> tuple[dict[str, Any], Context | None]:
    """Computes nodes under one scenario; returns the answer, and the context: the next scenario may share its memos."""
    started, pickles = perf_counter(), message["pickles"]
    failures: dict[int, Failure] = {}
    values: dict[int, Any] = {}
    origins: dict[int, Node[Any]] = {}
    recomputed, made = 0, before
    try:
        scenario = pickle.loads(said) if isinstance(said, bytes) else base.read_scenario(said)  # noqa: S301  see `pickles`
        made = Context(scenario, max_depth=message["base"]["depth"])
    except Exception as exc:  # noqa: BLE001  the result of this scenario, which must not hide those of others
        failures = dict.fromkeys(range(len(nodes)), keep_failure(exc))
    else:
        with base.context, note_lacking() as lacking:
            recomputed = _ask_each(made, nodes, values, failures, origins)
        if lacking:
            said_so = {"values": {}, "failures": {}, "recomputed": 0, "seconds": 0.0, "lacking": list(map(list, lacking))}
            return said_so, before
    wanted = values if message.get("values", True) else {}
    packed = {str(number): _pack_value(value, number, failures, pickles=pickles) for number, value in wanted.items()}
    return {
        "values": {number: value for number, value in packed.items() if value is not None},
        "failures": {
            str(number): {**pack_failure(failure, pickles=pickles), "origin": _pack_origin(origins.get(number))}
            for number, failure in failures.items()
        },
        "recomputed": recomputed,
        "seconds": perf_counter() - started,
    }, made


def _ask_each(
    context: Context,
    nodes: Sequence[Node[Any]],
    values: dict[int, Any],
    failures: dict[int, Failure],
    origins: dict[int, Node[Any]],
) -> int:
    """Asks nodes in a context, in one outermost call, and returns how many runs that took."""
    with context, single_outer_call():
        for number, node in enumerate(nodes):
            try:
                values[number] = node()
            except Exception as exc:  # noqa: BLE001  whatever a node raises is its result
                failures[number] = keep_failure(exc)
                origins[number] = find_origin(node)
        runs: int = current.get().runs
        return runs


def find_origin(node: Node[Any]) -> Node[Any]:
    """Returns the node in which the error of a node that failed in the scenario in force began; itself where nobody knows."""
    memo = find_answer(current.get().view, node._key)
    return node if memo is None or memo.failure is None else Node._of(Origins(passed_from).find(memo)[0].home.key)


def _pack_origin(node: Node[Any] | None) -> list[str] | None:
    arguments = None if node is None or find_unreachable(node._function) is not None else write_arguments(node)
    return None if node is None or arguments is None else [node._function.name, arguments]


def _pack_value(value: Any, number: int, failures: dict[int, Failure], *, pickles: bool) -> list[Any] | None:
    """Returns a value as plain data; None where it cannot go back, which is how its node failed then."""
    try:
        return pack_value(value, pickles=pickles)
    except CodecError as exc:
        failures[number] = keep_failure(CodecError(f"a value of {type(value).__name__} cannot come back from a worker: {exc}"))
        return None
