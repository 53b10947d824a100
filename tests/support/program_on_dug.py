"""The random programs of `programs.py` on dug: their functions memoised, their tweaks in dug's words.

The functions live in a module of their own, so that decorating one again is a redefinition.
Each run of a body is noted in `ran`, which is how a needless run is found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar

from attrs import define, field, frozen

import dug

from .oracle import Outcome, attempt
from .programs import (
    FAILS,
    Boom,
    Box,
    Bump,
    Call,
    Expression,
    Key,
    Outside,
    Replacement,
    Tweak,
    Tweaks,
    Untweaked,
    Value,
    scribble,
)
from .work_bound import Work

MODULE = "random_program"


def add(value: Any, size: int) -> Any:
    """Bump a value by an argument."""
    return value + size


def say_tweak(tweak: Tweak) -> Any:
    """Return dug's form of a tweak that is no replacement."""
    match tweak:
        case Value(value):
            return value
        case Untweaked():
            return dug.UNTWEAKED
        case Bump("shift", size):
            return dug.shift(size)
        case Bump(how, size):
            return dug.bump(add if how == "add" else fail, size)
    raise AssertionError(tweak)


def add_held(value: Any, held: list[int]) -> Any:
    """Bump a value by the number in a list."""
    return value + held[0]


def fail_held(value: Any, held: list[int]) -> Any:
    """Fail instead of bumping a value."""
    raise Boom(held[0])


class Instead:
    """A replacement whose body can be changed in place."""

    def __init__(self) -> None:
        self.body: Callable[..., Any] | None = None

    def __call__(self, argument: int = 0) -> Any:
        """Run the body that it has now."""
        return self.body(argument)


def fail(value: Any, size: int) -> Any:
    """Fail instead of bumping a value."""
    raise Boom(size)


@define(eq=False)
class ProgramOnDug:
    """One program, ready to be called."""

    text: ClassVar[str] = "def f{0}(argument=0): return run({0}, body{0}, argument)"

    bodies: Sequence[Expression]
    outside: Mapping[Call, Any]
    functions: list[Any] = field(factory=list)
    ran: list[Work] = field(factory=list)
    replacements: dict[tuple[int, Replacement], Callable[..., Any]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        module: Any = ModuleType(MODULE)
        module.run, sys.modules[MODULE] = self._run, module
        self.functions = [self.define(number) for number in range(len(self.bodies))]

    def define(self, number: int) -> Any:
        """Run the cell of a function, for the first time or again: its text is always the same, its reach may change."""
        body, module = self.bodies[number], sys.modules[MODULE]
        setattr(module, f"body{number}", body)
        exec(self.text.format(number), vars(module))
        kind = dug.source if isinstance(body, Outside) else dug.memoize
        setattr(module, f"f{number}", kind(getattr(module, f"f{number}")))
        return getattr(module, f"f{number}")

    def _run(self, number: int, body: Expression, argument: int) -> Any:
        self.ran.append((Call(number, argument), body))
        return body.run(Running(self, Call(number, argument)), argument)

    def call(self, node: Call) -> Outcome:
        """Call a function as a user does, in one of the ways that name the same node."""
        function = self.functions[node.function]
        if node.argument:
            return attempt(lambda: function(argument=node.argument))
        return attempt(function if node.function % 2 else lambda: function(node.argument))

    def node(self, node: Call) -> dug.Node:
        """Return dug's node."""
        return self.functions[node.function].node(node.argument)

    def key(self, key: Key) -> Any:
        """Return dug's key of a tweak."""
        return self.node(key) if isinstance(key, Call) else self.functions[key]

    def tweaks(self, tweaks: Tweaks) -> dict[Any, Any]:
        """Return tweaks in dug's words."""
        return {self.key(key): self._tweak(key, tweak) for key, tweak in tweaks.items()}

    def _tweak(self, key: Key, tweak: Tweak) -> Any:
        if not isinstance(tweak, Replacement):
            return say_tweak(tweak)
        assert isinstance(key, int)
        return self.replacements.setdefault((key, tweak), self._make(key, tweak.body))

    def hold(self, held: dict[Any, Any], key: Key, tweak: Tweak) -> Any:
        """Return dug's form of a tweak, with one object for each key, which is changed in place."""
        match tweak:
            case Value(value):
                box = held.setdefault((key, Box), Box(value))
                box.number = value
                return box
            case Bump(how, size):
                sizes = held.setdefault((key, Bump, how == "fail"), [size])
                sizes[0] = size
                return dug.bump(fail_held if how == "fail" else add_held, sizes)
            case Replacement(body):
                instead = held.setdefault((key, Instead), Instead())
                instead.body = self._make(key, body)
                return instead
        return self._tweak(key, tweak)

    def _make(self, number: int, body: Expression) -> Callable[..., Any]:
        def call(argument: int = 0) -> Any:
            return self._run(number, body, argument)

        return call


@frozen
class Running:
    """The world of one running body: memoised functions and real contexts."""

    on_dug: ProgramOnDug
    node: Call

    def read(self, node: Call) -> Any:
        """Call another memoised function."""
        with self.scribbling():
            return self.on_dug.functions[node.function](node.argument)

    @contextmanager
    def scribbling(self) -> Iterator[None]:
        """Add a note to an error before it is raised on; the error has only the notes of the nodes below."""
        try:
            yield
        except Boom as boom:
            if str(boom.args[0]).count("read by") != len(getattr(boom, "__notes__", ())):
                raise AssertionError(f"{boom!r} has notes that nobody below wrote") from boom
            scribble(boom, self.node.function)
            raise

    def read_original(self) -> Any:
        """Call this function again, from inside its replacement."""
        return self.read(self.node)

    def look_outside(self) -> Any:
        """Read the outside."""
        held = self.on_dug.outside[self.node]
        if held == FAILS:
            raise Boom(held)
        return held

    @contextmanager
    def within(self, tweaks: Tweaks, *, scoped: bool) -> Iterator[Inside]:
        """Open a context."""
        cache = dug.Cache() if scoped else None
        with dug.Context(self.on_dug.tweaks(tweaks), cache=cache) as ctx:
            yield Inside(self.on_dug, ctx)


@frozen
class Inside:
    """A context open in a running body."""

    on_dug: ProgramOnDug
    ctx: dug.Context

    def tweak(self, tweaks: Tweaks) -> None:
        """Tweak it further."""
        self.ctx.tweak(self.on_dug.tweaks(tweaks))
