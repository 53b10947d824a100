"""What a run is to do, as data that any service can read: `Plan`, its steps, how they are wired, the values of its inputs.

A plan names processors and holds no function.  `make_plan` makes it of the wiring of a flow; it is never changed.

`Step` is one name of the flow, `Reads` what a parameter reads; `_find_keep` says how many values each tape keeps.  `_make_step`
makes one of a definition, `_read` reads a wire, `_check_reads` refuses a tape that no step has.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import asdict, field, frozen

from .._nodes import DEFAULT, ENDED, INPUT, NOTHING, OUTPUT, PICK, Definition, Wire, find_function
from .._starting import Wired
from ._entries import Sealing
from ._errors import ServicesError
from ._keys import RunKeys

STREAM, ITEM, VALUE, NONE = "stream", "item", "value", "none"
"""What a parameter gets: a stream of a tape, the first item of one, a value of the plan, or None."""


@frozen
class Reads:
    """What a parameter of a processor reads."""

    parameter: str | None
    source: str
    kind: str


@frozen
class Step:
    """One name of the flow, which one process at a time works on."""

    name: str
    processor: str
    """The name by which services know its function; empty for an input, to which the starter gives values."""
    reads: tuple[Reads, ...] = ()
    outputs: tuple[str, ...] = ()
    """The names of its tapes."""
    is_named: bool = False
    """Whether it gives an `Output` for one of several tapes."""
    wait: bool = False
    """Whether it begins when all that it reads has ended."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the tapes that it reads."""
        return tuple(dict.fromkeys([one.source for one in self.reads if one.kind in (STREAM, ITEM)]))


@frozen
class Plan:
    """The steps of a run, each after those that it reads."""

    run: str
    flow: str
    steps: tuple[Step, ...]
    asked: tuple[str, ...]
    """The names of the tapes that the start returned."""
    keep: Mapping[str, int]
    """How many values of a tape are kept; those that are not here keep all."""
    values: Mapping[str, tuple[str, str]] = field(factory=dict)
    """The values of inputs that are not streams: codec, and bytes in base64."""
    started: float = 0.0
    """When, in seconds since 1970."""

    def step_of(self, tape: str) -> Step:
        """Returns the step that writes a tape."""
        return next(step for step in self.steps if tape in step.outputs)

    def find(self, processor: str) -> list[Step]:
        """Returns the steps of a processor."""
        return [step for step in self.steps if step.processor == processor]

    def readers_of(self, tape: str) -> list[str]:
        """Returns the names of the steps that read a tape."""
        return [step.name for step in self.steps if tape in step.inputs]

    @property
    def tapes(self) -> list[str]:
        """The names of all tapes."""
        return [tape for step in self.steps for tape in step.outputs]

    def keys(self, names: RunKeys) -> list[str]:
        """Returns the names of all keys that the run may have."""
        found = [names.plan, names.run]
        for step in self.steps:
            found += [names.step(step.name), names.claim(step.name), names.letters(step.name)]
            found += [key for tape in step.outputs for key in (names.tape(tape), names.readers(tape))]
        return found

    def value(self, name: str, sealing: Sealing) -> Any:
        """Returns the value of an input."""
        head, text = self.values[name]
        return sealing.unpack((head, b64decode(text)))

    def write(self) -> bytes:
        """Returns it as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, data: bytes) -> "Plan":
        """Returns the plan that `write` wrote."""
        said = json.loads(data)
        steps = tuple(
            Step(
                one["name"],
                one["processor"],
                tuple(Reads(**each) for each in one["reads"]),
                tuple(one["outputs"]),
                one["is_named"],
                one["wait"],
            )
            for one in said.pop("steps")
        )
        values = {name: (head, text) for name, (head, text) in said.pop("values").items()}
        return cls(steps=steps, values=values, asked=tuple(said.pop("asked")), **said)


def make_plan(
    wired: Wired, run: str, *, sealing: Sealing, find_name: Callable[[Callable[..., Any]], str], keep: int | None, started: float
) -> Plan:
    """Returns the plan of a run of a flow.

    Args:
        wired: the flow.
        run: the id of the run.
        sealing: packs the values of inputs.
        find_name: returns the name of a processor, or raises an error that says how to give it one.
        keep: how many values tapes keep; None for all.
        started: when the run begins, in seconds since 1970.

    Raises:
        CodecError: a value cannot go to another process.
        ServicesError: a step reads what no tape has, or a name cannot be that of a tape.
    """
    wiring, steps, values = wired.wiring, [], {}
    for name in wired.order:
        known = wiring.definitions.get(name, INPUT)
        if name in wired.items:
            steps.append(Step(name, "", outputs=(name,)))
        elif name in wired.values:
            head, data = _pack(wired, name, sealing)
            values[name] = head, b64encode(data).decode("ascii")
        elif known[0] != PICK.key:
            steps.append(_make_step(wired, name, known, find_name(find_function(known[0]))))
    made = tuple(steps)
    _check_reads(wired, made)
    tapes = {tape for step in made for tape in step.outputs}
    asked = tuple([name for name in wired.asked if name in tapes])  # a processor with named outputs has no tape of its own name
    return Plan(run, wired.flow, made, asked, _find_keep(made, wired, keep), values, started)


def _pack(wired: Wired, name: str, sealing: Sealing) -> tuple[str, bytes]:
    try:
        return sealing.pack(wired.values[name])
    except ValueError as exc:
        exc.add_note(f"It is the value of the input {name!r} of the flow {wired.flow!r}, which other services need.")
        raise


def _make_step(wired: Wired, name: str, known: Definition, processor: str) -> Step:
    wires = known[1]
    outputs = tuple([wire[0] for wire in wires if wire[2] == OUTPUT and wire[0] is not None])
    reads = [_read(wired, wire) for wire in wires if wire[2] != OUTPUT]
    return Step(
        name,
        processor,
        tuple([one for one in reads if one is not None]),
        outputs or (name,),
        is_named=bool(outputs),
        wait=any(wire[2] == ENDED for wire in wires),
    )


def _read(wired: Wired, wire: Wire) -> Reads | None:
    """Returns what a wire reads; None where the parameter has its default."""
    parameter, source, otherwise = wire
    if otherwise in (DEFAULT, NOTHING) and source not in wired.wiring.definitions:
        return Reads(parameter, source, NONE) if otherwise == NOTHING else None
    if source in wired.values:
        return Reads(parameter, source, VALUE)
    is_stream = source in wired.items or wired.wiring.is_stream(source)
    return Reads(parameter, source, STREAM if is_stream else ITEM)


def _check_reads(wired: Wired, steps: Iterable[Step]) -> None:
    tapes = {tape for step in steps for tape in step.outputs}
    for step in steps:
        for source in step.inputs:
            if source not in tapes:
                raise ServicesError(
                    f"{step.name!r} of the flow {wired.flow!r} reads {source!r}, which has outputs of its own names. "
                    f"Let it read one of them: flow.repoint({source!r}, output)."
                )


def _find_keep(steps: Iterable[Step], wired: Wired, keep: int | None) -> dict[str, int]:
    """Returns how many values each tape keeps: all of those that somebody waits for as a whole, and of lists."""
    if keep is None:
        return {}
    whole = {source for step in steps if step.wait for source in step.inputs}
    whole |= {name for name, items in wired.items.items() if isinstance(items, tuple)}
    return {tape: keep for step in steps for tape in step.outputs if tape not in whole}
