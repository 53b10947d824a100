"""`assert_pure`: a node gives the same value twice, and no body changes a value that it uses; `_Watch` sees the changes.

`_Kept` is a value with its contents, `_Change` one that changed (`_refuse_changes` names who did it); `_compare` compares two
evaluations.
"""

import inspect
from typing import Any

from attrs import define, field, frozen

from .._core.read import Node
from ._fingerprint import Fingerprint, find_difference, fingerprint
from ._reference import Ask, Evaluation, Outcome, Run
from ._sameness import is_same_outcome, show_outcome, show_value
from ._timed import refuse_timed
from ._transparent import check_can_evaluate, check_is_node, eq_of


def assert_pure(node: Node[Any]) -> None:
    """Checks that `node`, and every node it reads, gives the same value whenever it runs, and changes nothing it uses.

    The node is evaluated twice from scratch, by running the plain functions with nothing remembered from
    before, under the tweaks in force where this is called.  Each node that runs must end in the same way in both
    evaluations and read the same nodes; while it runs, its arguments and the results that it reads must
    keep their contents, and so must every returned result, to the end of both evaluations.
    Raising the same error twice counts as the same end.

    First it looks, without running anything, for operators on streams that depend on the time, such as `dug.streams.merge`, in
    the code of its function and of those that this reads, up to the sources; so much it says of coroutine functions and streams
    too, which it cannot evaluate.

    Contents are compared as `pickle` would save them, without the values that `functools.cached_property` keeps.

    Raises:
        AssertionError: the message names the innermost node that is not pure, and the difference; for a result
            changed by a node that did not read it, it names that node; or the function whose value depends on the time.
        TypeError: `node` is not a node, or is a stream or of a coroutine function.
    """
    __tracebackhide__ = True
    check_is_node(node, "assert_pure")
    refuse_timed(node)
    check_can_evaluate(node, "assert_pure")
    first, second = _Watch(), _Watch()
    first.evaluate(node)
    _refuse_changes(node, first)
    second.evaluate(node)
    _refuse_changes(node, second, first)
    _compare(first, second)


def _refuse_changes(node: Node[Any], *evaluations: "_Watch") -> None:
    """Raises AssertionError for the first changed value: names the node that changed it or, if none was seen, its owner.

    A caller of the node that changes a result is not to blame, so one more evaluation watches the changed values, run by run.
    """
    __tracebackhide__ = True
    for evaluation in evaluations:
        found = [*evaluation.changes, *evaluation.find_changed_results()]
        if found:
            again = _Watch(suspects=tuple(dict.fromkeys(change.of for change in found if change.of is not None)))
            again.evaluate(node)
            raise AssertionError(str((again.changes or found)[0]))


@frozen
class _Change:
    """One value that did not keep its contents."""

    node: Node[Any]
    what: str
    path: str
    before: str
    after: str
    of: Ask | None = None
    """Whose result it is."""

    def __str__(self) -> str:
        at = f" (first difference at {self.path})" if self.path else ""
        return (
            f"{self.node} is not pure: {self.what} changed{at}.\n"
            f"  before: {self.before}\n"
            f"  after:  {self.after}\n"
            f"Work on a copy, and return what is new."
        )


@frozen
class _Kept:
    """A value with its contents as they were."""

    value: Any
    contents: Fingerprint
    text: str
    name: str

    def find_change(self, node: Node[Any], what: str, of: Ask | None = None) -> _Change | None:
        """Returns a text on how the value changed since, or None when it did not."""
        path = find_difference(self.contents, fingerprint(self.value, self.name))
        return None if path is None else _Change(node, what, path, self.text, show_value(self.value), of)


def _keep(value: object, name: str = "") -> _Kept:
    return _Kept(value, fingerprint(value, name), show_value(value), name)


@define
class _Watch(Evaluation):
    """An evaluation that runs each node once and watches how a running body changes the values it gets.

    For some suspects, whose results were seen to change, it checks the results after each run, whatever that run read.
    """

    fresh_runs: int = 0
    suspects: tuple[Ask, ...] = ()
    changes: list[_Change] = field(factory=list, init=False)
    reads: dict[Ask, frozenset[Node[Any]]] = field(factory=dict, init=False)
    _results: dict[Ask, _Kept] = field(factory=dict, init=False)

    def find_changed_results(self) -> list[_Change]:
        """Returns the changes of the results after all their readers were checked."""
        found = (kept.find_change(ask.node, "its result, after it had returned it,", ask) for ask, kept in self._results.items())
        return list(filter(None, found))

    def _run(self, run: Run, body: Any) -> Outcome:
        arguments = [(name, _keep(value, name)) for name, value in _arguments(run.node)]
        outcome = super()._run(run, body)
        for name, kept in arguments:
            self._note(kept.find_change(run.node, f"its argument {name}"))
        for ask in dict.fromkeys([*run.reads, *self.suspects]):
            if ask in self._results:
                self._note(self._results[ask].find_change(run.node, f"while it ran, the result of {ask.node}", ask))
        self.reads[run.ask] = frozenset(ask.node for ask in run.reads)
        return outcome

    def _file(self, ask: Ask, outcome: Outcome) -> Outcome:
        if outcome.error is None:
            self._results[ask] = _keep(outcome.value)
        return super()._file(ask, outcome)

    def _note(self, change: _Change | None) -> None:
        if change is not None:
            self.changes.append(change)


def _arguments(node: Node[Any]) -> list[tuple[str, Any]]:
    """Returns the arguments of a node with their parameters' names."""
    bound = inspect.signature(node.function.__wrapped__).bind(*node.args, **node.kwargs)
    return list(bound.arguments.items())


def _compare(first: _Watch, second: _Watch) -> None:
    """Raises AssertionError for the first node, dependencies before dependents, that the evaluations disagree on."""
    __tracebackhide__ = True
    for ask, one in first.outcomes.items():
        two = second.outcomes.get(ask)
        if two is not None and not is_same_outcome(one, two, eq_of(ask.node)):
            raise AssertionError(
                f"{ask.node} is not pure: two runs of it from scratch differ.\n"
                f"  first:  {show_outcome(one)}\n"
                f"  second: {show_outcome(two)}\n"
                f"It depends on something besides its arguments and the nodes it reads, or on the order of a set."
            )
    for ask, reads in first.reads.items():
        differing = reads ^ second.reads.get(ask, reads)
        if differing:
            raise AssertionError(
                f"{ask.node} is not pure: two runs of it from scratch read different nodes.\n"
                f"  read by one of them only: {', '.join(sorted(map(str, differing)))}"
            )
