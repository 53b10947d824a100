"""Random programs that several processes run on one store, beside the oracle, which remembers nothing.

A program is one of `programs.py`, written out as Python functions, so that their fingerprints say what they do.
A *process* here is a context with nothing in memory on a store that was opened anew. Between two of them the outside changes, or
a function is edited.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from attrs import define, field

import dug
from dug.stores import Store

from .kept_report import Report
from .oracle import Level, Oracle, Outcome, attempt
from .program_on_dug import say_tweak
from .programs import (
    FAILS,
    FUNCTIONS,
    KINDS,
    SOURCES,
    Argument,
    Boom,
    Bump,
    Call,
    Catch,
    Choose,
    Constant,
    Expression,
    Fail,
    Kind,
    Original,
    Outside,
    Read,
    Replacement,
    Sum,
    Tweaks,
    Untweaked,
    Value,
    Within,
    likeness,
)

MODULE = "kept_program"
VALUES = [0, 1, 2, 0, 1, True, 0.0, -0.0, float("nan")]


# What bodies call; what they know of the program lies where no fingerprint looks.


def catch(body: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """Return the one, or the other if that fails."""
    try:
        return body()
    except Boom:
        return otherwise()


def fail(value: Any) -> Any:
    """Fail."""
    raise Boom(value)


def kind(value: Any) -> int:
    """Return a number that tells apart values which compare equal."""
    return KINDS.get(repr(value), 0)


def within(number: int, body: Callable[[], Any], rest: Callable[[], Any]) -> Any:
    """Return the sum of two expressions under tweaks, the second one under more."""
    program = vars(within)["program"]
    said = program.inside[number]
    with dug.Context(program.tweaks(said.first), cache=dug.Cache() if said.scoped else None) as ctx:
        before = body()
        ctx.tweak(program.tweaks(said.more))
        return (before + rest()) % 3


def look_outside(number: int, argument: int) -> Any:
    """Return what is outside."""
    held = vars(look_outside)["program"].outside[number, argument]
    if held == FAILS:
        raise Boom(held)
    return held


# Drawing programs


def draw_read(chance: Random, below: int) -> Expression:
    """Return a read of a function with a lower number, mostly of one of the nearest."""
    function = chance.randrange(below) if chance.random() < 0.3 else chance.randrange(max(0, below - 3), below)
    if chance.random() < 0.2:
        return Read(function, Read(chance.randrange(below), Constant(chance.randrange(2))))
    return Read(function, Argument() if chance.random() < 0.5 else Constant(chance.randrange(2)))


def draw_leaf(chance: Random, below: int) -> Expression:
    """Return an expression of one level."""
    if below and chance.random() < 0.7:
        return draw_read(chance, below)
    return Constant(chance.choice(VALUES)) if chance.random() < 0.6 else Argument()


def draw_body(chance: Random, below: int, size: int = 2) -> Expression:
    """Return a body over functions with a lower number."""
    if not size:
        return draw_leaf(chance, below)
    part, leaf = draw_body(chance, below, size - 1), draw_leaf(chance, below)
    match chance.randrange(10):
        case 0 | 1:
            return draw_read(chance, below)
        case 2:
            return Sum(leaf, part)
        case 3 | 4 | 5:
            return Choose(draw_read(chance, below), part, leaf)
        case 6:
            return Choose(draw_read(chance, below), leaf, Fail(draw_leaf(chance, below)))
        case 7:
            return Catch(part, leaf)
        case 8:
            return Kind(leaf)
    return Within(draw_tweaks(chance, below), part, draw_tweaks(chance, below), leaf, chance.random() < 0.5)


def draw_tweaks(chance: Random, below: int) -> Tweaks:
    """Return none, one or two tweaks of functions with a lower number, or of their nodes."""
    said: Tweaks = {}
    for _ in range(chance.choice((0, 1, 1, 2))):
        function = chance.randrange(below)
        bump = Bump(chance.choice(("shift", "add", "fail")), chance.randrange(3))
        match chance.randrange(8):
            case 0 | 1 | 2 | 3:
                said[Call(function, chance.randrange(2))] = Value(chance.choice(VALUES))
            case 4:
                said[Call(function, chance.randrange(2))] = chance.choice((bump, Untweaked()))
            case 5:
                said[function] = chance.choice((bump, Untweaked()))
            case _:
                part = Original() if chance.random() < 0.5 else draw_leaf(chance, function)
                said[function] = Replacement(chance.choice((part, Sum(Original(), part), Catch(Original(), part))))
    return said


# Writing them out


@define(eq=False)
class KeptProgram:
    """A program as Python functions in a module of their own."""

    bodies: list[Expression]
    outside: dict[Call, Any]
    inside: list[Within] = field(factory=list)
    replacements: dict[Replacement, Callable[..., Any]] = field(factory=dict)
    functions: list[Any] = field(factory=list)
    space: dict[str, Any] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        module = ModuleType(MODULE)
        sys.modules[MODULE] = module
        self.space = vars(module)
        self.space.update(catch=catch, fail=fail, kind=kind, within=within, look_outside=look_outside, nan=float("nan"))
        within.program = look_outside.program = self  # type: ignore[attr-defined]
        self.functions = [self.define(number) for number in range(FUNCTIONS)]

    def define(self, number: int) -> Any:
        """Write a function out and decorate it, for the first time or again."""
        body = self.bodies[number]
        exec(f"def f{number}(argument=0): return {self.write(body, number)}", self.space)
        decorate = dug.source if isinstance(body, Outside) else dug.memoize
        made = self.space[f"f{number}"] = decorate(self.space[f"f{number}"])
        return made

    def write(self, body: Expression, function: int) -> str:  # noqa: C901  a line for each form of expression
        """Return an expression as Python text."""
        write = lambda part: self.write(part, function)  # noqa: E731  a name for what follows
        match body:
            case Constant(value):
                return f"({value!r})"
            case Argument():
                return "argument"
            case Original():
                return f"f{function}(argument)"
            case Outside():
                return f"look_outside({function}, argument)"
            case Read(other, argument):
                return f"f{other}(int({write(argument)} == 1))"
            case Sum(left, right):
                return f"(({write(left)} + {write(right)}) % 3)"
            case Kind(of):
                return f"kind({write(of)})"
            case Choose(condition, yes, no):
                return f"({write(yes)} if {write(condition)} else {write(no)})"
            case Fail(value):
                return f"fail({write(value)})"
            case Catch(tried, otherwise):
                return f"catch(lambda: {write(tried)}, lambda: {write(otherwise)})"
            case Within(_, inner, _, rest):
                self.inside.append(body)
                return f"within({len(self.inside) - 1}, lambda: {write(inner)}, lambda: {write(rest)})"
        raise AssertionError(body)

    def tweaks(self, said: Tweaks) -> dict[Any, Any]:
        """Return tweaks in dug's words."""
        return {self._target(key): self._tweak(key, tweak) for key, tweak in said.items()}

    def _target(self, key: Any) -> Any:
        return self.functions[key.function].node(key.argument) if isinstance(key, Call) else self.functions[key]

    def _tweak(self, key: Any, tweak: Any) -> Any:
        if not isinstance(tweak, Replacement):
            return say_tweak(tweak)
        if tweak not in self.replacements:
            exec(f"def replaced(argument=0): return {self.write(tweak.body, key)}", self.space)
            self.replacements[tweak] = self.space["replaced"]
        return self.replacements[tweak]


def draw_outside(chance: Random) -> dict[Call, Any]:
    """Return a value for each node of a source."""
    nodes = [Call(source, argument) for source in range(SOURCES) for argument in (0, 1)]
    return {node: chance.choice((0, 1, 2, 0, 1, 2, True, FAILS)) for node in nodes}


def play(seed: int, folder: Path, report: Report) -> None:
    """Have some processes run a program on a store, and compare each answer with the oracle's."""
    chance = Random(seed)
    bodies = [Outside() if number < SOURCES else draw_body(chance, number) for number in range(FUNCTIONS)]
    outsides = [draw_outside(chance), draw_outside(chance)]
    program = KeptProgram(bodies, dict(outsides[0]))
    scenarios = [draw_tweaks(chance, FUNCTIONS) for _ in range(3)]
    for process in range(chance.randrange(3, 7)):
        happened = chance.randrange(4) if process else 0
        if happened == 1:
            program.outside.update(chance.choice(outsides))
        elif happened == 2:
            number = chance.randrange(SOURCES, FUNCTIONS)
            program.bodies[number] = draw_body(chance, number)
            program.functions[number] = program.define(number)
        _play_process(chance, seed, folder, report, program, scenarios)


def _play_process(  # noqa: PLR0917  all that a process has
    chance: Random, seed: int, folder: Path, report: Report, program: KeptProgram, scenarios: list[Tweaks]
) -> None:
    store = Store(folder, min_seconds=0, single_flight=chance.choice((None, None, 0.05)))
    oracle = Oracle(program.bodies, program.outside)
    said: list[Tweaks] = []
    try:
        with dug.Context(store=store):
            for _ in range(chance.randrange(1, 4)):
                said.append(chance.choice([{}, *scenarios]))
                with dug.Context(program.tweaks(said[-1])):
                    _ask(chance, seed, report, program, oracle, [Level(one) for one in said[-1:]])
                    if chance.random() < 0.4:
                        more = chance.choice(scenarios)
                        with dug.Context(program.tweaks(more)):
                            _ask(chance, seed, report, program, oracle, [Level(said[-1]), Level(more)])
            store.flush()
            report.hits += store.hits
    finally:
        store.close()


def _ask(  # noqa: PLR0917  as above
    chance: Random, seed: int, report: Report, program: KeptProgram, oracle: Oracle, levels: list[Level]
) -> None:
    for _ in range(chance.randrange(1, 4)):
        node = Call(chance.choice((2, 3, 4, 5, 5)), chance.randrange(2))
        right = oracle.ask(node, tuple(levels)).outcome
        given = attempt(lambda node=node: program.functions[node.function](node.argument))
        report.asked += 1
        if _tell(right) != _tell(given):
            report.wrong.append(f"seed {seed}: {node} gave {given}, and is {right}")


def _tell(outcome: Outcome) -> Any:
    """Return what two outcomes must agree in; each reader of a failed node of the oracle adds a note to the value."""
    return outcome.failed, str(outcome.value).partition(", read by")[0] if outcome.failed else likeness(outcome.value)
