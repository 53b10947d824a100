"""What the server knows of a run: `look`, how far each step is; `RunState` and `StepState`, as tables show them.

`find_error`, `read_last` and `find_kept` look at a tape; `tabulate_steps` and `tabulate_runs` make the tables.  `_say_step` and
`_say_run` turn what a script says into a state.  `_look` reads what a script gave of a run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from ..._inspect.table import Table
from ..._text.values import describe_error
from ._claims import Link, pairs
from ._entries import Entry
from ._errors import OtherKeyError, TamperedError
from ._plan import Step

WAITING, FREE, RUNNING, ENDED, FAILED = "waiting", "free", "running", "ended", "failed"


@frozen
class StepState:
    """A step of a run, and how far it is."""

    name: str
    processor: str
    """The name of its processor; empty for an input that the starter gives."""
    state: str
    """``waiting`` for its inputs to end, ``free`` when nobody works on it, ``running``, ``ended`` or ``failed``."""
    items: Mapping[str, int]
    """How many values are on each of its tapes."""
    owner: str | None
    """The machine, the process and the number of who works on it."""
    epoch: int
    """How often it was begun."""
    reads: tuple[str, ...] = ()
    error: str | None = None

    def with_error(self, error: BaseException) -> "StepState":
        """Returns it with the error with which it ended."""
        return evolve(self, error=describe_error(error))


@frozen
class RunState:
    """A run, and how far it is."""

    run: str
    flow: str
    state: str
    """``open``, ``ended``, ``failed`` or ``cancelled``."""
    started: float
    """When, in seconds since 1970."""
    steps: tuple[StepState, ...]

    @property
    def items(self) -> int:
        """How many values are on the tapes of the run."""
        return sum(count for step in self.steps for count in step.items.values())

    def with_steps(self, steps: tuple[StepState, ...]) -> "RunState":
        """Returns it with other steps."""
        return evolve(self, steps=steps)

    def find(self, name: str) -> StepState:
        """Returns a step by its name."""
        return next(step for step in self.steps if step.name == name)


def look(link: Link) -> RunState:
    """Returns how far a run is; one trip, which changes nothing; blocks.

    Raises:
        RunGoneError: the run is not there.
        TamperedError: what the server has of a step is none.
    """
    try:
        return _look(link)
    except (OtherKeyError, ValueError) as exc:
        raise TamperedError(link.run, "the states of steps", None, "was not written by a service") from exc


def _look(link: Link) -> RunState:
    names, plan = link.names, link.plan
    keys = [names.run, *[key for step in plan.steps for key in (names.step(step.name), names.claim(step.name))]]
    run, *found = link.server.run("look", keys, [])
    if not run:
        link.check(b"gone")
    known = {step.name: pairs(flat) for step, flat in zip(plan.steps, found[::2], strict=True)}
    owners = dict(zip(known, found[1::2], strict=True))
    steps = tuple([_say_step(link, step, known, owners[step.name]) for step in plan.steps])
    return RunState(plan.run, plan.flow, _say_run(pairs(run), steps), plan.started, steps)


def _say_run(run: Mapping[bytes, bytes], steps: Sequence[StepState]) -> str:
    if b"cancelled" in run:
        return "cancelled"
    states = {step.state for step in steps}
    if not states <= {ENDED, FAILED}:
        return "open"
    return FAILED if FAILED in states else ENDED


def _say_step(link: Link, step: Step, known: Mapping[str, Mapping[bytes, bytes]], owner: bytes | None) -> StepState:
    found = known[step.name]
    done, items = found.get(b"done"), {tape: int(found.get(f"n:{tape}".encode(), 0)) for tape in step.outputs}
    if done is not None:
        state = done.decode()
    elif owner is not None:
        state = RUNNING
    else:
        before = [known[link.plan.step_of(tape).name] for tape in step.inputs] if step.wait else []
        state = FREE if all(b"done" in one for one in before) else WAITING
    return StepState(
        step.name,
        step.processor,
        state,
        items,
        None if owner is None else owner.decode("utf-8", "replace"),
        int(found.get(b"epoch", 0)),
        step.inputs,
    )


def find_error(link: Link, step: Step) -> BaseException | None:
    """Returns the error with which a step ended, if it did; blocks."""
    entry = read_last(link, step.outputs[0])
    return None if entry is None else entry.error


def read_last(link: Link, tape: str) -> Entry | None:
    """Returns the last entry of a tape; blocks."""
    return _read_one(link, tape, link.server.client.xrevrange)


def find_kept(link: Link, tape: str) -> int:
    """Returns from which value on a tape is kept; blocks."""
    entry = _read_one(link, tape, link.server.client.xrange)
    return 0 if entry is None else entry.end - len(entry.values)


def _read_one(link: Link, tape: str, read: Callable[..., Any]) -> Entry | None:
    for at, fields in link.server.trip(lambda: read(link.names.tape(tape), count=1)):
        return link.sealing.read(tape, at.decode(), fields.get(b"v", b""))
    return None


def tabulate_steps(state: RunState) -> Table[StepState]:
    """Returns the steps of a run as a table."""
    return Table(
        state.steps,
        {
            "step": lambda row: row.name,
            "processor": lambda row: row.processor or "(input)",
            "state": lambda row: row.state,
            "items": lambda row: sum(row.items.values()),
            "owner": lambda row: row.owner or "",
            "begun": lambda row: row.epoch,
            "error": lambda row: row.error,
        },
    )


def tabulate_runs(states: Sequence[RunState]) -> Table[RunState]:
    """Returns runs as a table."""
    return Table(
        states,
        {
            "run": lambda row: row.run,
            "flow": lambda row: row.flow,
            "state": lambda row: row.state,
            "items": lambda row: row.items,
            "steps": lambda row: f"{sum(step.state in (ENDED, FAILED) for step in row.steps)} of {len(row.steps)}",
        },
    )
