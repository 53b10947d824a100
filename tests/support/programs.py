"""A little language for random programs, and the meaning of running one.

A program is a tuple of bodies: function `n` is `program[n]`, takes one argument (0 or 1), and reads only functions with
a lower number, so that no program calls itself in a circle.
Numbers are small (a sum is taken modulo 3), because faults of a cache hide behind values that always differ.
An expression knows nothing of caches: it reads other nodes, opens contexts and looks outside through the `World` it
runs in. `oracle.py` is one world, `program_on_dug.py` (the program on dug) is the other.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from attrs import field, frozen

FUNCTIONS = 6
SOURCES = 2
"""The first functions are sources: their bodies look outside."""

FAILS = "fails"
"""The outside's value where reading it raises."""

KINDS = {"True": 1, "-0.0": 1, "0.0": 2}


class Boom(Exception):
    """The one error a program raises."""


class Box:
    """A number that can be changed in place; arithmetic uses its number at that time."""

    __slots__ = ("number",)
    __hash__ = None

    def __init__(self, number: Any) -> None:
        self.number = number

    def __add__(self, other: Any) -> Any:
        return self.number + other

    def __radd__(self, other: Any) -> Any:
        return other + self.number

    def __bool__(self) -> bool:
        return bool(self.number)

    def __eq__(self, other: object) -> bool:
        return self.number == other

    def __repr__(self) -> str:
        return f"Box({self.number!r})"


def scribble(boom: Boom, reader: int) -> None:
    """Do to an error the same as a handler that raises it on: note who has read the failed node."""
    boom.args = (f"{boom.args[0]}, read by {reader}",)
    boom.add_note(f"read by {reader}")


class Call(NamedTuple):
    """The oracle's name for a node: function number and argument."""

    function: int
    argument: int


def likeness(value: object) -> tuple[type, str]:
    """Two values of a program may replace each other when their likenesses are equal.

    `1` and `True` differ, so do `0`, `0.0` and `-0.0`; NaN is like itself.
    """
    return type(value), repr(value)


def likeness_said(value: object) -> tuple[type, object]:
    """The likeness of a tweak: for a box, the identity of the box, whatever is in it."""
    return (Box, id(value)) if isinstance(value, Box) else likeness(value)


# Tweaks. A scenario gives them to keys: a `Call`, or the number of a function. Those in which something can be changed in place
# have a number for each time that they are told, so that two of them are never the same.


@frozen(cache_hash=True)
class Value:
    """The node has this value; its body does not run."""

    value: object = field(eq=likeness_said)
    telling: int = 0


@frozen(cache_hash=True)
class Bump:
    """The node is computed without this tweak, then `how` is applied: "shift" and "add" add, "fail" raises."""

    how: str
    size: int
    telling: int = 0


@frozen
class Untweaked:
    """The node is as if no enclosing context tweaked it."""


@frozen(eq=False)
class Replacement:
    """The function has another body, which reaches the node beneath with `Original`. Two of them are never the same."""

    body: Expression


Tweak = Value | Bump | Untweaked | Replacement
Key = Call | int
Tweaks = dict[Key, Tweak]


class World(Protocol):
    """What one run of a body may do."""

    def read(self, node: Call) -> Any:
        """Give the value of another node, or raise its error."""

    def read_original(self) -> Any:
        """Give this node's value beneath the replacement that is running."""

    def look_outside(self) -> Any:
        """Give the outside's value for this node."""

    def within(self, tweaks: Tweaks, *, scoped: bool) -> AbstractContextManager[Any]:
        """Open a context (`scoped`: with a cache of its own); `tweak(tweaks)` of what it gives tweaks it further."""


class Expression(Protocol):
    """A piece of a body."""

    def run(self, world: World, argument: int) -> Any:
        """Give its value in a run of the body with this argument."""


@frozen(eq=False)
class Constant:
    """A number."""

    value: Any

    def run(self, world: World, argument: int) -> Any:
        return self.value


@frozen(eq=False)
class Argument:
    """The argument of the running function."""

    def run(self, world: World, argument: int) -> Any:
        return argument


@frozen(eq=False)
class Read:
    """Another node; which one may depend on a value."""

    function: int
    argument: Expression

    def run(self, world: World, argument: int) -> Any:
        return world.read(Call(self.function, int(self.argument.run(world, argument) == 1)))


@frozen(eq=False)
class Original:
    """In a replacement: the node it replaces."""

    def run(self, world: World, argument: int) -> Any:
        return world.read_original()


@frozen(eq=False)
class Outside:
    """The body of a source."""

    def run(self, world: World, argument: int) -> Any:
        return world.look_outside()


@frozen(eq=False)
class Sum:
    """The sum modulo 3."""

    left: Expression
    right: Expression

    def run(self, world: World, argument: int) -> Any:
        return (self.left.run(world, argument) + self.right.run(world, argument)) % 3


@frozen(eq=False)
class Kind:
    """A number that tells apart values which compare equal, such as `1` and `True`."""

    of: Expression

    def run(self, world: World, argument: int) -> Any:
        return KINDS.get(repr(self.of.run(world, argument)), 0)


@frozen(eq=False)
class Choose:
    """One of two expressions; the other one is not run, and its reads are not made."""

    condition: Expression
    yes: Expression
    no: Expression

    def run(self, world: World, argument: int) -> Any:
        chosen = self.yes if self.condition.run(world, argument) else self.no
        return chosen.run(world, argument)


@frozen(eq=False)
class Fail:
    """An error, carrying a value."""

    value: Expression

    def run(self, world: World, argument: int) -> Any:
        raise Boom(self.value.run(world, argument))


@frozen(eq=False)
class Catch:
    """An expression, and another one for when it fails."""

    body: Expression
    otherwise: Expression

    def run(self, world: World, argument: int) -> Any:
        try:
            return self.body.run(world, argument)
        except Boom:
            return self.otherwise.run(world, argument)


@frozen(eq=False)
class Within:
    """A context opened inside a body: its first tweaks, an expression, more tweaks, another expression."""

    first: Tweaks
    body: Expression
    more: Tweaks
    rest: Expression
    scoped: bool

    def run(self, world: World, argument: int) -> Any:
        with world.within(self.first, scoped=self.scoped) as ctx:
            before = self.body.run(world, argument)
            ctx.tweak(self.more)
            return (before + self.rest.run(world, argument)) % 3
