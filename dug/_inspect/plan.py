"""Foresees which nodes would run, and why, if a node were asked now: `make_plan`, `Plan`, `Planned`; `_Survey` runs nothing.

The survey follows the steps of the engine.  It first verifies a node whose memo does not answer: it asks for the dependencies
of an older memo again, in that order, and runs the body when one has another value.  So the plan goes through the older memos
that the engine would try, and compares their dependencies with the memos that would answer now.  Only running a node tells
whether it gives another value, so the nodes that depend on it are possible, not certain.  The reads of a node after one that
changed, and all reads of a node that never ran, are a guess or unknown; the plan says so.

Here a question is one node asked in this view; its verdict is one of `ANSWERS`, `HOLDS`, `RUNS` and `MAY_RUN`.

`_Forecast` is one node asked for and how much is known of its outcome; `_list_planned` lists the nodes that run for it.
`_find_asked` lists the nodes asked for.  `_Survey` asks (`ask`), tries older memos (`_try`), follows a body (`_follow_body`),
foresees (`_foresee`), concludes (`_conclude`) and says why.  `_find_trace` finds a memo that tells the reads, `_leads` lists the
nodes that may be asked for, `_say_why` gives the reason.
"""

from collections.abc import Iterator, Sequence
from types import BuiltinFunctionType
from typing import Any

from attrs import define, field, frozen

from .._core.read import BENEATH, Key, Lookup, Memo, Node, View, is_as_before, plain_key
from .._text.sheet import Line, Sheet
from .._text.values import drop_main
from .node_states import NodeStates
from .record import seen_key
from .stream_nodes import may_stand_for
from .table import Table

ANSWERS, HOLDS, RUNS, MAY_RUN = "answers", "holds", "runs", "may run"
SAME, LIKELY, UNKNOWN = "same", "likely", "unknown"


@frozen
class Planned:
    """A node that would run, or might."""

    node: Node[Any]
    is_certain: bool
    """True when it runs for sure; False when that depends on values that are not computed yet."""
    reason: str
    trace: str
    """How much is known of its reads: `SAME` as before for sure, `LIKELY` as before, unless a changed value leads it elsewhere,
    or `UNKNOWN`, so that more may run below it."""


class Plan(Table[Planned]):
    """The nodes that would run if a node were asked now, dependencies before it."""

    def __init__(self, rows: Sequence[Planned]) -> None:
        super().__init__(
            rows,
            {
                "node": lambda row: row.node,
                "runs": lambda row: "yes" if row.is_certain else "maybe",
                "because": lambda row: row.reason,
                "trace": lambda row: row.trace,
            },
        )

    def _sheet(self) -> Sheet:
        return super()._sheet() if self else Sheet([Line("nothing would run")])

    @property
    def nodes(self) -> tuple[Node[Any], ...]:
        """All nodes that would run if every node that runs gave another value, and read the same nodes as before."""
        return tuple(row.node for row in self)

    @property
    def certain(self) -> tuple[Node[Any], ...]:
        """The nodes that run for sure."""
        return tuple(row.node for row in self if row.is_certain)

    @property
    def is_exact(self) -> bool:
        """True when exactly these nodes run, no more and no less."""
        return all(row.is_certain and row.trace == SAME for row in self)


@define(eq=False)
class _Forecast:
    """One node asked for, and how much is known of the outcome."""

    key: Key
    memo: Memo | None
    """The memo that answers."""
    asked: Lookup | None = None
    older: Sequence[Memo] = ()
    trace: Memo | None = None
    """The nodes that the body is expected to read."""
    verdict: str = ANSWERS
    reason: str = ""
    reads: list[Key] = field(factory=list)
    """The nodes asked for on the way, in that order, as far as they are known."""
    sure: int = 0
    """How many of these, from the first, are asked for in any case."""
    foresight: str = UNKNOWN
    """How much is known of the reads of the body, see `Planned.trace`."""


def make_plan(view: View, key: Key) -> Plan:
    """Returns the plan for asking for a node in a view.

    Complexity: linear in the dependencies of older memos below the node, down to the memos that answer.
    """
    questions = _Survey(view).ask(key)
    return Plan(list(_list_planned(questions, key)))


class _Survey:
    """Asks for a node and for all that this would ask for, deepest first."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._standing = NodeStates(view)
        self._questions: dict[Key, _Forecast] = {}

    def ask(self, key: Key) -> dict[Key, _Forecast]:
        """Returns the questions by key, each after those that it leads to."""
        opened: dict[Key, _Forecast] = {}
        pending = [key]
        while pending:
            key = pending[-1]
            if key in self._questions:
                pending.pop()
            elif key in opened:
                pending.pop()
                self._conclude(opened[key])
                self._questions[key] = opened[key]
            else:
                question = opened[key] = self._open(key)
                pending.extend(read for read in reversed(self._leads(question)) if read not in opened)
        return self._questions

    def _open(self, key: Key) -> _Forecast:
        asked = Lookup.make(self._view, key)
        if asked.answers:
            return _Forecast(key, asked.memo)
        return _Forecast(key, None, asked, asked.older, asked.older[0] if asked.older else self._find_trace(asked))

    def _find_trace(self, asked: Lookup) -> Memo | None:
        """Returns a memo that cannot be verified and still tells the reads of the body: one that failed, or opened a context."""
        failed = self._standing.memo(asked.key) if asked.key[0] is not BENEATH else None
        known = failed or self._standing.known(plain_key(asked.key))
        return known if known is not None and known.body == asked.body else None

    def _leads(self, question: _Forecast) -> list[Key]:
        """The nodes that a question may ask for."""
        asked = question.asked
        if asked is None:
            return []
        first = []
        if asked.handle is not None and asked.handle.spec.reads_beneath:
            first.append(asked.handle.key_beneath(asked.key))
        traces = [*question.older, *([question.trace] if question.trace is not None else [])]
        keys = [asked.key_of(read) for trace in traces for read in trace.dependencies]
        return list(dict.fromkeys([*first, *keys]))

    # Verdicts

    def _conclude(self, question: _Forecast) -> None:
        asked = question.asked
        if asked is None:
            return
        surely_fails = True
        for candidate in question.older:
            verdict, reason = self._try(question, asked, candidate, is_first=candidate is question.older[0])
            question.reason = question.reason or reason
            if verdict == HOLDS:
                question.verdict = HOLDS
                return
            if verdict != RUNS:
                surely_fails = False
        question.verdict = RUNS if surely_fails else MAY_RUN
        if not question.reason:
            question.reason = self._say_why(asked)
        self._follow_body(question, asked)

    def _try(self, question: _Forecast, asked: Lookup, candidate: Memo, *, is_first: bool) -> tuple[str, str]:
        """Checks the dependencies of an older memo: it `HOLDS`, surely does not (`RUNS`), or `MAY_RUN`."""
        verdict, reason, sure = HOLDS, "", is_first
        for read in candidate.dependencies:
            key = asked.key_of(read)
            if verdict != RUNS:
                question.reads.append(key)
                question.sure += sure
            same = self._is_same(key, read)
            if same is False:
                return RUNS, f"{_name(key)} changed" if verdict == HOLDS else reason
            if same is None and verdict == HOLDS:
                verdict, reason, sure = MAY_RUN, f"{_name(key)} may change", False
        return verdict, reason

    def _is_same(self, key: Key, read: Memo) -> bool | None:
        """True when a dependency has the same value now, False when it has not; None when it must run to be known."""
        if read.failure is not None:
            return False
        question = self._questions.get(key)
        if question is None:  # a circle
            return None
        if question.verdict == HOLDS:
            return is_as_before(key, read, question.older[0]) if len(question.older) == 1 else None
        if question.verdict != ANSWERS:
            return None
        memo = question.memo
        if memo is read or memo is None or not is_as_before(key, read, memo):
            return memo is read
        return True if may_stand_for(read.value, memo.value) else None

    def _follow_body(self, question: _Forecast, asked: Lookup) -> None:
        """Notes the reads of the body: as before, surely so up to the first that is not known to be the same."""
        opened = question.trace is not None and question.trace.opened  # then reads within contexts are not among these
        is_sure = question.verdict == RUNS and not question.older and not opened
        reads = self._leads(question)
        dependencies = () if question.trace is None else question.trace.dependencies
        befores = {asked.key_of(read): read for read in dependencies}
        for key in reads:
            question.reads.append(key)
            question.sure += is_sure
            before = befores.get(key)
            is_sure = is_sure and before is not None and self._is_same(key, before) is True
        question.foresight = self._foresee(question, asked, befores)

    def _foresee(self, question: _Forecast, asked: Lookup, befores: dict[Key, Memo]) -> str:
        if asked.handle is not None and isinstance(asked.handle.spec.fn, BuiltinFunctionType):
            return SAME  # builtins read nothing
        if question.trace is None or question.trace.opened:
            return UNKNOWN
        return SAME if all(self._is_same(key, read) for key, read in befores.items()) else LIKELY

    def _say_why(self, asked: Lookup) -> str:
        if asked.handle is not None:
            return "it is tweaked"
        key = plain_key(asked.key)
        memo = self._standing.memo(key)
        if memo is not None and memo.failure is not None:
            return "it failed"
        if any(root == key for root in self._standing.forgotten(key)):
            return "it was forgotten"
        known = self._standing.known(key)
        return "it opens contexts, so any change below runs it" if known is not None and known.opened else "it never ran"


def _list_planned(questions: dict[Key, _Forecast], target: Key) -> Iterator[Planned]:
    """Yields the nodes that run for a question, each once, dependencies first."""
    asked_for = _find_asked(questions, target)
    rows: dict[Key, Planned] = {}
    for key, question in questions.items():
        if key in asked_for and question.verdict in {RUNS, MAY_RUN}:
            plain, is_certain = seen_key(key), asked_for[key] and question.verdict == RUNS
            row = Planned(Node._of(plain), is_certain, question.reason, question.foresight)
            rows[plain] = _join(rows[plain], row) if plain in rows else row
    yield from rows.values()


def _join(one: Planned, other: Planned) -> Planned:
    """Returns the plan of a node that runs beneath its tweak and over it."""
    trace = max(one.trace, other.trace, key=(SAME, LIKELY, UNKNOWN).index)
    return Planned(one.node, one.is_certain or other.is_certain, one.reason, trace)


def _find_asked(questions: dict[Key, _Forecast], target: Key) -> dict[Key, bool]:
    """Returns the nodes asked for, and whether each is certain."""
    asked = {target: True}
    pending = [target]
    while pending:
        question = questions[pending.pop()]
        for place, key in enumerate(question.reads):
            is_sure = asked[question.key] and place < question.sure
            if key in questions and (key not in asked or (is_sure and not asked[key])):
                asked[key] = is_sure
                pending.append(key)
    return asked


def _name(key: Key) -> str:
    return drop_main(str(Node._of(seen_key(key))))
