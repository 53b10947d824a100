"""Which results may be subtracted: `World`, `see_world`; `Base` and `Bases`, results without a scenario; `BaseGoneError`.

A difference is taken between two results of one world.  The tweaks around are a scenario, which never changes: a base in it can
be asked at any later time.  Memos that were invalidated, cleared or redefined are gone, so there is a base of an earlier world
only if it was taken, or its memos were there, before.

`are_live` tells whether memos are still in force.
"""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from attrs import define, field, frozen

from .._batch.call_site import CallSite
from .._contexts.scenario import Scenario
from .._core.read import LIVE, Memo, View, find_answer
from ..errors import ContextError
from .results import Result, Targets

V = TypeVar("V")


class BaseGoneError(ContextError):
    """A difference cannot be taken, because the world of one side has changed since."""


@frozen(eq=False)
class World:
    """The tweaks around a question, and the generation of the caches when it was asked."""

    view: View
    """The scenario around."""
    generation: int | None
    """The generation of the group; None if the world changed during the question."""

    def is_around(self, other: "World") -> bool:
        """True when the same is tweaked around both."""
        return self.view.tweaks is other.view.tweaks


def see_world(since: World, around: View, memos: Iterable[Memo | None]) -> World:
    """Returns the world in which memos were asked for, from `since` on; `around` is the scenario around now."""
    now = around.group.generation
    if around.tweaks is not since.view.tweaks:
        return World(since.view, None)
    if now != since.generation and not (are_live(memos) and around.group.generation == now):
        return World(since.view, None)
    return World(around, now)


def are_live(memos: Iterable[Memo | None]) -> bool:
    """True when memos and all that they depend on are still in force."""
    return all(memo is not None and memo.status == LIVE for memo in memos)


@define(eq=False)
class Base(Generic[V]):
    """The result of the targets in one world, with none of the scenarios."""

    world: World
    generations: set[int]
    """The generations in which it is known to hold."""
    memos: tuple[Memo | None, ...]
    _result: Result[V] | None
    _targets: Targets[V]

    def serves(self, world: World) -> bool:
        """True when it is the base of a world."""
        return self.world.is_around(world) and world.generation in self.generations

    def note(self, world: World) -> bool:
        """Notes that a result was taken in a world just now; true when this is its base."""
        if not self.world.is_around(world) or world.generation is None:
            return False
        if world.generation not in self.generations and world.generation > min(self.generations) and are_live(self.memos):
            self.generations.add(world.generation)
        return world.generation in self.generations

    def read(self, call_site: CallSite) -> Result[V]:
        """Returns the result; makes it of the memos of that time if nobody asked for it then, as a read of `call_site`."""
        if self._result is None:
            call_site.note(self.world.view, self.memos)
            self._result = self.look()
        return self._result

    def look(self) -> Result[V]:
        """Returns the same for a look, which is not a read."""
        if self._result is not None:
            return self._result
        values = {label: memo.value for label, memo in zip(self._targets.nodes, self.memos, strict=True) if memo is not None}
        return Result("base", Scenario({}), values, 0, 0.0, {}, self._targets)


@define(eq=False)
class Bases(Generic[V]):
    """The bases of a sweep: one for each world in which its results were taken."""

    _targets: Targets[V]
    known: list[Base[V]] = field(factory=list)

    def find(self, world: World) -> Base[V] | None:
        """Returns the base of a world, if it is known."""
        return next((base for base in self.known if base.serves(world)), None)

    def note(self, world: World) -> None:
        """Keeps the memos of the base of a result taken just now, if they exist, so that it can be read later."""
        is_known = [base.note(world) for base in self.known]  # each of them notes it
        if world.generation is None or any(is_known):
            return
        memos = self._look(world.view)
        if are_live(memos) and not any(memo.failure for memo in memos if memo) and self._is_now(world):
            self.known.append(Base(world, {world.generation}, memos, None, self._targets))

    def add(self, world: World, result: Result[V]) -> Base[V]:
        """Notes a base that was asked for."""
        generations = set() if world.generation is None else {world.generation}
        memos = self._look(world.view)
        base = Base(world, generations, memos, result, self._targets)
        if generations:
            self.known.append(base)
        return base

    def _look(self, view: View) -> tuple[Memo | None, ...]:
        return tuple(find_answer(view, node._key) for node in self._targets.nodes.values())

    def _is_now(self, world: World) -> bool:
        now: Any = world.view.group.generation
        return bool(world.generation == now)
