"""How far the streams of a flow have come: `StreamState`, `RunningGraph`; `measure` reads the tapes, and runs nothing.

`MarkState` and `RunningFact` are its rows and facts, `tabulate` and `tabulate_marks` the tables; `find_tape` and `list_marks`
read a stream, `_find_behind` how far a reader is behind.  `_note` and `_say_reads` write what a table says.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from .._core.read import Memo, Node, View, find_answer
from .._functions.stream import AnyStream
from .._functions.tape import Tape
from .._inspect.graph import Fact, Graph
from .._inspect.table import Table
from .._text.values import describe_error
from ._nodes import beneath, definition, definitions, items, start_number

_WIRING = (beneath, definition, definitions, start_number)


@frozen
class StreamState:
    """A name of a running flow, and how far it has come."""

    name: str
    state: str
    """``open`` while it goes on, ``ended``, ``failed``, ``closed`` when nobody reads it; for an input with a value its state."""
    items: int | None
    """How many items it has given; None for an input with a value."""
    rate: float | None
    """How many items a second, since the start; None if it does not go on."""
    behind: Mapping[str, int]
    """By the names that read it, how many of its items each has not taken yet."""
    reads: tuple[str, ...]
    error: str | None
    marks: int | None = None
    """How many marks it has made; None where there is no tape of its items."""


@frozen
class MarkState:
    """A mark of a stream of a running flow."""

    name: str
    """The name that gives the stream."""
    number: int
    start: int
    """The position of the first item that rests on it."""
    reads: tuple[str, ...]
    """What was read since the mark before: names of the flow, and other nodes."""


@frozen(weakref_slot=False)
class RunningFact(Fact[str]):
    """The facts about one name of a running flow."""

    notes: tuple[str, ...] = field(kw_only=True, default=())
    """What a picture says of it."""


class RunningGraph(Graph[str]):
    """The names of a running flow, with how far each has come, and how far its readers are behind."""

    def __init__(self, states: Iterable[StreamState], facts: Mapping[str, Fact[str]]) -> None:
        known = {state.name: state for state in states}
        self._states = tuple(known.values())
        super().__init__(
            [_note(state, facts[state.name]) for state in known.values()], {name: state.reads for name, state in known.items()}
        )
        self._behind = {name: state.behind for name, state in known.items()}

    @property
    def states(self) -> tuple[StreamState, ...]:
        """How far each name has come, in the order of `nodes`."""
        return self._states

    def word_on(self, read: str, reader: str) -> str:
        """Returns the words on the line from a name to one that reads it."""
        count = self._behind[read].get(reader)
        return "" if count is None else f"{count:,} behind"


def tabulate_marks(marks: Sequence[MarkState]) -> Table[MarkState]:
    """Returns a table of marks."""
    return Table(
        marks,
        {
            "name": lambda row: row.name,
            "mark": lambda row: row.number,
            "from item": lambda row: row.start,
            "reads": lambda row: ", ".join(row.reads),
        },
    )


def tabulate(states: Sequence[StreamState]) -> Table[StreamState]:
    """Returns a table of how far streams have come."""
    return Table(
        states,
        {
            "name": lambda row: row.name,
            "state": lambda row: row.state,
            "items": lambda row: "" if row.items is None else row.items,
            "a second": lambda row: "" if row.rate is None else _round(row.rate),
            "behind": lambda row: max(row.behind.values(), default=""),
            "reads": lambda row: ", ".join(row.reads),
            "error": lambda row: row.error,
        },
    )


def measure(view: View, flow: str, fact: Fact[str], reads: tuple[str, ...], seconds: float) -> StreamState:
    """Returns how far a name has come in a scenario.

    Args:
        view: the view of the scenario.
        flow: the name of the flow.
        fact: what is known of the name.
        reads: what it reads.
        seconds: how long the flow has been running.
    """
    stream = _find_stream(view, flow, fact.node)
    if stream is None:
        return StreamState(fact.node, fact.state, None, None, {}, reads, fact.error)
    state = stream.state_in(view)
    tape, count = (None, len(stream.items)) if stream.items is not None else find_tape(stream, view)
    rate = count / seconds if state == "open" and seconds > 0 else None
    error = describe_error(tape.error) if tape is not None and tape.error is not None and state == "failed" else None
    marks = None if tape is None else tape.kept.count
    return StreamState(fact.node, state, count, rate, _find_behind(tape, view, flow), reads, error, marks)


def _find_stream(view: View, flow: str, name: str) -> AnyStream[Any] | None:
    """Returns the stream of the items of a name, if a scenario has it."""
    answer = find_answer(view, items.node(flow, name)._key)
    return answer.value if answer is not None and isinstance(answer.value, AnyStream) else None


def list_marks(view: View, flow: str, name: str, last: int) -> list[MarkState]:
    """Returns the last marks that a stream has in a scenario, as far as they are kept."""
    stream = _find_stream(view, flow, name)
    tape = None if stream is None or stream.items is not None else find_tape(stream, view)[0]
    if stream is None or tape is None:
        return []
    kept = tape.kept
    marks, starts = kept.marks, kept.starts
    return [
        MarkState(name, kept.first + place, starts[place], _say_reads(stream, marks[place], flow))
        for place in range(max(0, len(marks) - last), len(starts))
    ]


def _say_reads(stream: AnyStream[Any], mark: Memo | None, flow: str) -> tuple[str, ...]:
    said: dict[str, None] = {}
    for read in () if mark is None else mark.dependencies:
        key = read.home.key
        body: Any = key[0].body
        if isinstance(body, AnyStream):
            if body is not stream:
                said[f"mark {key[1]} of {_say_key(body.node._key, flow)}"] = None
        elif key != stream.node._key and not _is_wiring(key, flow):
            said[_say_key(key, flow)] = None
    return tuple(said)


def _say_key(key: Any, flow: str) -> str:
    """Returns a name of the flow where a key is that of one, or else the text of its node."""
    name = _name_of(key, flow)
    return str(Node[Any]._of(key)) if name is None else name


def _is_wiring(key: Any, flow: str) -> bool:
    """True for a node that says what reads what, or which start this is."""
    node: Node[Any] = Node[Any]._of(key)
    return node.function in _WIRING and node.args[0] == flow


def find_tape(stream: AnyStream[Any], view: View) -> tuple[Tape | None, int]:
    """Returns the tape that a reader in a view has come to, and how many of its items are known to be those of the view."""
    own = [tape for tape in stream.tapes.values() if tape.is_of(view)]
    if own:
        return own[-1], own[-1].end
    found, number = None, 0
    while (memo := find_answer(view, (stream.marks, number))) is not None and memo.failure is None:
        found, number = memo.value.tape, number + 1
    return found, 0 if found is None else found.kept.end_of(number - 1)


def _find_behind(tape: Tape | None, view: View, flow: str) -> dict[str, int]:
    found: dict[str, int] = {}
    if tape is None:
        return found
    for one in tuple(tape.readers.values()):
        reader: Any = one()
        run = None if reader is None else reader.frame.run
        if run is not None and not run.is_done and run.view.tweaks is view.tweaks and run.view.cache is view.cache:
            name = _name_of(run.key, flow)
            if name is not None:
                found[name] = tape.end - reader.position
    return found


def _name_of(key: Any, flow: str) -> str | None:
    """Returns the name whose run has a key: that of its value, or of the pump of its items."""
    body: Any = key[0].body  # a stream, for its pumps
    if isinstance(body, AnyStream):
        key = body.node._key
    node: Node[Any] = Node[Any]._of(key)
    return node.args[1] if len(node.args) == 2 and node.args[0] == flow else None


def _round(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _note(state: StreamState, fact: Fact[str]) -> RunningFact:
    notes = [] if state.items is None else [f"{state.items:,} item{'' if state.items == 1 else 's'}"]
    if state.rate is not None:
        notes.append(f"{_round(state.rate)} a second")
    return RunningFact(
        fact.node,
        fact.function,
        fact.module,
        state.state,
        is_source=fact.is_source,
        seconds=fact.seconds if state.items is None else 0.0,
        own_seconds=fact.own_seconds if state.items is None else 0.0,
        error=state.error,
        notes=tuple(notes),
    )
