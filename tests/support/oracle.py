"""The meaning of scenarios, in one page: evaluates a program and remembers nothing.

A scenario is a tuple of levels, the outermost first; a level is what one entry of a context says. To ask a node:

* Its *tweaks* are what the levels say of it, the innermost level first; within one level a node key comes before a
  function key.
* Without tweaks its body runs, and reads other nodes in the same scenario.
* With tweaks the first one decides. A value is the answer. `UNTWEAKED` runs the body, whatever is beneath. A bump is
  applied to the node asked with the tweaks beneath. A replacement runs, and the same node read inside it is asked with
  the tweaks beneath, after those of the contexts which the replacement itself has opened.

Nothing here is shared with dug: no import of it, no table, no mask. Each answer comes with the `Run` that led to it,
from which `work_bound.py` knows what an answer depended on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field, frozen

from .programs import FAILS, Boom, Bump, Call, Expression, Key, Replacement, Tweak, Tweaks, Untweaked, Value, likeness, scribble


@frozen
class Level:
    """One entry of a context: its tweaks, and the cache it brought (a token), if any."""

    tweaks: Mapping[Key, Tweak]
    cache: object = None


Levels = tuple[Level, ...]


@frozen
class Said:
    """One tweak of a node: the tweak of the level at this depth, and its key."""

    depth: int
    key: Key
    tweak: Tweak
    hides: bool = False
    """It is `UNTWEAKED`, and keeps a tweak of the function from one of its nodes."""

    @property
    def is_final(self) -> bool:
        """No tweak beneath this one has any effect."""
        return isinstance(self.tweak, Value | Untweaked)


@frozen
class Outcome:
    """A value, or the value that an error carried."""

    value: Any = field(eq=likeness)
    failed: bool = False

    def get(self) -> Any:
        """Return the value or raise the error."""
        if self.failed:
            raise Boom(self.value)
        return self.value


@define(eq=False)
class Run:
    """How one answer arose: the tweaks consulted, the body that ran (None: a value or a bump), and the reads."""

    node: Call
    levels: Levels
    said: tuple[Said, ...]
    body: Expression | None = None
    reads: list[Run] = field(factory=list)
    opened: bool = False
    outcome: Outcome = Outcome(None)


def hear(node: Call, levels: Levels, beginning: int = 0) -> tuple[Said, ...]:
    """Return the tweaks of a node by the levels from this depth inwards, in the order of their effect."""
    said: list[Said] = []
    for depth in range(len(levels) - 1, beginning - 1, -1):
        tweaks = levels[depth].tweaks
        for key in (node, node.function):
            if key in tweaks:
                said.append(Said(depth, key, tweaks[key], hides_function(node, key, tweaks[key], levels[: depth + 1])))
                if said[-1].is_final:
                    return tuple(said)
    return tuple(said)


def hides_function(node: Call, key: Key, tweak: Tweak, levels: Levels) -> bool:
    """True for the `UNTWEAKED` of a node whose function is tweaked in these levels."""
    of_function = [level.tweaks[node.function] for level in levels if node.function in level.tweaks]
    return isinstance(tweak, Untweaked) and key == node and of_function[-1:] not in ([], [Untweaked()])


@frozen
class Oracle:
    """Answers for a program (its bodies) and a world outside (the value of each source node)."""

    bodies: Sequence[Expression]
    outside: Mapping[Call, Any]

    def ask(self, node: Call, levels: Levels) -> Run:
        """Return how a fresh run answers for a node in a scenario."""
        return self.obey(node, levels, hear(node, levels))

    def obey(self, node: Call, levels: Levels, said: tuple[Said, ...]) -> Run:
        """Return how a node answers under these tweaks of it."""
        if not said:
            return self.execute(Run(node, levels, said, self.bodies[node.function]))
        match said[0].tweak:
            case Value(value):
                return Run(node, levels, said, outcome=Outcome(value))
            case Untweaked():
                return self.execute(Run(node, levels, said, self.bodies[node.function]))
            case Replacement(body):
                return self.execute(Run(node, levels, said, body))
            case Bump() as bump:
                beneath = self.obey(node, levels, said[1:])
                run = Run(node, levels, said, reads=[beneath])
                run.outcome = attempt(lambda: apply_bump(bump, beneath.outcome.get()))
                return run

    def execute(self, run: Run) -> Run:
        """Run a body to its end."""
        assert run.body is not None
        body, world = run.body, Frame(self, run, run.levels)
        run.outcome = attempt(lambda: body.run(world, run.node.argument))
        return run


@define
class Frame:
    """The world of one running body: its scenario grows while contexts are open inside it."""

    oracle: Oracle
    run: Run
    levels: Levels

    def read(self, node: Call) -> Any:
        """Ask another node here."""
        return self._note(self.oracle.ask(node, self.levels))

    def read_original(self) -> Any:
        """Ask this node with the tweaks beneath the replacement that is running."""
        inside = hear(self.run.node, self.levels, beginning=len(self.run.levels))
        said = inside if inside and inside[-1].is_final else inside + self.run.said[1:]
        return self._note(self.oracle.obey(self.run.node, self.levels, said))

    def look_outside(self) -> Any:
        """Read the outside."""
        held = self.oracle.outside[self.run.node]
        if held == FAILS:
            raise Boom(held)
        return held

    @contextmanager
    def within(self, tweaks: Tweaks, *, scoped: bool) -> Iterator[Frame]:
        """Add a level until the end."""
        self.run.opened = True
        around = self.levels
        self.levels = (*around, Level(tweaks, object() if scoped else None))
        try:
            yield self
        finally:
            self.levels = around

    def tweak(self, tweaks: Tweaks) -> None:
        """Let the innermost level say more."""
        *around, level = self.levels
        self.levels = (*around, Level({**level.tweaks, **tweaks}, level.cache))

    def _note(self, run: Run) -> Any:
        self.run.reads.append(run)
        try:
            return run.outcome.get()
        except Boom as boom:
            scribble(boom, self.run.node.function)
            raise


def attempt(compute: Callable[[], Any]) -> Outcome:
    """Return the outcome of a computation that may fail as programs do."""
    try:
        return Outcome(compute())
    except Boom as boom:
        return Outcome(boom.args[0], failed=True)


def apply_bump(bump: Bump, value: Any) -> Any:
    """Return the bumped value."""
    if bump.how == "fail":
        raise Boom(bump.size)
    return value + bump.size
