"""Computes many nodes of one scenario in one outermost call, whatever fails: `run_all`, in turn or on an executor; `Batch`.

The call site and executor are shared with sweeps (`call_site`); a sweep asks the same nodes under many scenarios, a batch
many nodes under one.

`_ask_in_turn` asks here, `_ask_on` on an executor, `_ask_elsewhere` other processes; `_Kept` is the result so far, a value or a
failure for each node.
"""

from collections import deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from time import perf_counter
from typing import Any, Generic, TypeVar

from attrs import frozen

from .._core.read import Failure, Node, find_answer, frame_in_force
from .._extras.packages import import_pandas
from .._inspect.failures import Failed, tabulate_failures
from .._inspect.lazy_graph import Origins
from .._inspect.node_states import passed_from
from .._inspect.record import check_node
from .._inspect.table import Table, make_frame, make_rows
from .._text.counts import count
from .._text.sheet import Line, Sheet
from .._text.shown import Shown
from .._text.values import number_alike, show
from .call_site import CallSite, call_site_of, check_elsewhere, check_executor, find_width, single_outer_call
from .kept_failure import keep_failure
from .other_processes import FindOthers
from .progress import Progress, make_reporter

R = TypeVar("R")
_Both = tuple[Failed[Node[Any]], Failed[Node[Any]]]


@frozen(eq=False, repr=False)
class Batch(Shown, Generic[R]):
    """The result of computing many nodes: each requested node is in `values`, in `failures` or in `not_run`."""

    values: Mapping[Node[R], R]
    """The values of the nodes."""
    failures: Mapping[Node[Any], Failed[Node[Any]]]
    """The nodes in which an error began, whether they were asked for or read by such; each with the error, its traceback and the
    arguments."""
    not_run: Mapping[Node[R], Failed[Node[Any]]]
    """The requested nodes that could not run to their end because a node that they read failed; and that node."""
    recomputed: int
    """How many bodies, replacements and bumps ran."""
    seconds: float
    """How long it took."""

    def __getitem__(self, node: Node[R]) -> R:
        if node in self.values:
            return self.values[node]
        failed = self.failures.get(node) or self.not_run.get(node)
        if failed is None:
            raise KeyError(f"{node} is not in {self!r}. Ask for it: ctx.run_all([...]).")
        raise failed.error.with_traceback(None)

    __iter__ = None  # as with `Result`

    def tabulate_failures(self) -> Table[Failed[Node[Any]]]:
        """Returns `failures` as a table, followed by the nodes that could not run because of them."""
        return tabulate_failures([*self.failures.values(), *self.not_run.values()])

    def to_frame(self) -> Any:
        """Returns a ``pandas.DataFrame`` with a row for each node, by its text: its value, or its error and where that began.

        Raises:
            ImportError: pandas is not installed; the message says what to type.
        """
        pandas = import_pandas()
        failed = {**self.failures, **self.not_run}
        nodes = list(dict.fromkeys([*self.values, *failed, *[one.origin for one in failed.values()]]))
        names = dict(zip(nodes, number_alike(list(map(str, nodes))), strict=True))
        rows: list[Any] = [(names[node], value, None, None) for node, value in self.values.items()]
        rows += [(names[node], None, one.text, names[one.origin]) for node, one in failed.items()]
        columns = ["node", "value", "error", "began in"]
        return make_frame(lambda dtype: pandas.DataFrame(rows, columns=columns, dtype=dtype)).set_index("node")

    def _sheet(self) -> Sheet:
        title = Line(repr(self)[1:-1], is_title=True)
        failed = {**self.failures, **self.not_run}
        rows: Any = [
            *[(node, None, one.text, None if one.origin == node else one.origin) for node, one in failed.items()],
            *[(node, show(value), None, None) for node, value in self.values.items()],
        ]
        return Sheet([title, make_rows(["node", "value", "error", "began in"], rows, len(rows))])

    def __repr__(self) -> str:
        return (
            f"<Batch: {len(self.values)} computed, {count(len(self.failures), 'error')}, {len(self.not_run)} not run, "
            f"{self.recomputed} recomputed in {self.seconds:.3g} s>"
        )


def run_all(
    inside: AbstractContextManager[Any],
    nodes: Iterable[Node[R]],
    executor: Any,
    progress: Progress,
    *,
    find_others: FindOthers,
    returns_exceptions: bool,
    store: Any = None,
) -> Batch[R]:
    """Computes nodes in a context; the other processes that `find_others` finds keep what they run in `store`.

    Raises:
        TypeError: one of them is not a node, or is of a coroutine function; or the executor cannot be used.
        Exception: the first error, unless errors are to be returned.
    """
    asker = "run_all" if store is None else "warm"
    if isinstance(nodes, Node):
        raise TypeError(f"{asker}() takes several nodes, and {show(nodes)} is one. Write {asker}([f.node(x)]).")
    if isinstance(nodes, (str, bytes)) or not isinstance(nodes, Iterable):  # type: ignore[unreachable]  # callers pass anything
        raise TypeError(f"{asker}() takes nodes, and {show(nodes)} has none. Write {asker}([f.node(x), ...]).")
    asked = list(dict.fromkeys(map(_check, nodes)))
    others = None if executor is None else find_others(executor)
    if others is None:
        check_executor(executor)
    reporter, total = make_reporter(progress), len(asked)
    kept = _Kept()
    started = perf_counter()
    with inside, single_outer_call():
        del inside  # the traceback of an error holds this frame, and must not hold the context
        if others is not None:
            steps = [] if store is None else others.list_steps(frame_in_force("warm()").view, asked)
            answers = _ask_elsewhere(partial(others.ask, store=store, steps=steps), asked, kept)
            total += sum(map(len, steps))
        else:
            answers = _ask_in_turn(asked, kept) if executor is None else _ask_on(executor, asked, kept)
        reporter.begin(total)
        try:
            for done, (node, failed) in enumerate(answers, 1):
                if failed is not None and not returns_exceptions:
                    with failed[0]._failure.serve() as served:
                        raise served.pop()
                if node is not None:
                    kept.note(node, failed)
                reporter.tell(done, total)
        finally:
            answers.close()
            reporter.close()
        runs: int = frame_in_force("run_all()").runs + kept.recomputed  # no variable for the entry, as in `job`
    return Batch(kept.values, kept.failures, kept.not_run, runs, perf_counter() - started)


class _Kept:
    """The result so far."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}
        self.failures: dict[Node[Any], Failed[Node[Any]]] = {}
        self.not_run: dict[Any, Failed[Node[Any]]] = {}
        self.recomputed = 0
        """How many runs other processes needed."""
        self._origins = Origins(passed_from)

    def ask(self, node: Node[Any]) -> _Both | None:
        """Asks for a node, wherever this is called; keeps its value or returns how it failed."""
        try:
            self.values[node] = node()
        except Exception as exc:  # noqa: BLE001  whatever a node raises is its result
            return self._read_failure(node, exc)
        return None

    def note(self, node: Node[Any], failed: _Both | None) -> None:
        """Enters how a node failed, if it did."""
        if failed is None:
            self.values[node] = self.values.pop(node)  # in the order of the nodes, whichever came first
        else:
            own, began = failed
            self.failures.setdefault(own.origin, began)
            if own.origin != node:
                self.not_run[node] = own

    def _read_failure(self, node: Node[Any], error: Exception) -> _Both:
        """Returns how a node failed and, with the traceback that leads there from it, how that did in which the error began."""
        failure = keep_failure(error)
        memo = find_answer(frame_in_force(node).view, node._key)
        if memo is None or memo.failure is None:
            return (failed := Failed(node, node, failure)), failed
        first, _ = self._origins.find(memo)
        origin = Node._of(first.home.key)
        assert first.failure is not None  # noqa: S101  an error began in it
        return Failed(node, origin, failure), Failed(origin, origin, Failure(first.failure.imprint, failure.traceback))


def _ask_in_turn(nodes: Iterable[Node[Any]], kept: _Kept) -> Generator[tuple[Node[Any], _Both | None], None, None]:
    for node in nodes:
        yield node, kept.ask(node)


def _ask_on(executor: Any, nodes: Iterable[Node[Any]], kept: _Kept) -> Generator[tuple[Node[Any], _Both | None], None, None]:
    """Asks on an executor, a few for each worker ahead; yields in the order of the nodes."""
    call_site: CallSite = call_site_of(frame_in_force("run_all()"))
    width = find_width(executor)
    pending: deque[tuple[Node[Any], Any]] = deque()
    try:
        for node in nodes:
            pending.append((node, executor.submit(partial(call_site.call, kept.ask, node))))
            if len(pending) >= width:
                yield _wait(*pending.popleft())
        while pending:
            yield _wait(*pending.popleft())
    finally:
        for _, future in pending:  # on an error or an interrupt: waits for running calls, and cancels the others
            if not getattr(future, "cancel", bool)():
                future.result()


def _ask_elsewhere(
    ask: Any, nodes: list[Node[Any]], kept: _Kept
) -> Generator[tuple[Node[Any] | None, _Both | None], None, None]:
    """Asks other processes; yields in the order of the nodes, after nothing for each node of the steps.

    Raises:
        ContextError: as for `check_elsewhere`.
    """
    frame = frame_in_force("run_all()")
    check_elsewhere(frame)
    for outcome in ask(view=frame.view, nodes=nodes):
        if outcome is None:
            yield None, None
            continue
        kept.recomputed += outcome.recomputed
        failed = None
        if outcome.failure is None:
            kept.values[outcome.node] = outcome.value
        else:
            own = Failed(outcome.node, outcome.origin, outcome.failure)
            failed = own, Failed(outcome.origin, outcome.origin, outcome.failure)
        yield outcome.node, failed


def _wait(node: Node[Any], future: Any) -> tuple[Node[Any], _Both | None]:
    return node, future.result()


def _check(node: Any) -> Node[Any]:
    if check_node(node)._function.is_async:
        raise TypeError(
            f"{node!r} is of a coroutine function, which run_all() cannot await. Write await dug.sweep([...], [{{}}]) "
            "inside the context: its result has the value of each node, errors too."
        )
    return node  # type: ignore[no-any-return]
