"""One worker mutates shared contexts while others ask: tweaks, the outside, the cache, the contexts themselves.

A *state* is what all contexts that are shared say, and what the outside holds. Each change makes the next state; it is noted as
begun before dug is told, and as done afterwards. A call must give what the oracle gives for one of the states that were in force
between its start and its end. When the outside changes during a call, the call may have read some of it before and some of it
after, so that it is not held against anything; calls that begin later are.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen
from hypothesis import strategies as st

import dug

from .concurrent_program import ROOT, Enter, EnterKept, Workers
from .oracle import Level, Oracle, Outcome
from .programs import FUNCTIONS, SOURCES, Call, Key, Tweak, Tweaks
from .strategies import NODES, assignments, held_outside, nodes, targets, tweaks


@frozen(eq=False)
class Say:
    """Tweak one of the shared contexts."""

    index: int
    assignment: tuple[Key, Tweak]


@frozen(eq=False)
class Unsay:
    """Untweak something in one of the shared contexts."""

    index: int
    which: int


@frozen(eq=False)
class Forget:
    """Let the outside change, and invalidate a node."""

    node: Call
    held: Any


@frozen(eq=False)
class Clear:
    """Empty the cache."""


@frozen(eq=False)
class Visit:
    """Enter a new context, ask in it, and drop it."""

    tweaks: Tweaks
    node: Call


Change = Say | Unsay | Forget | Clear | Visit
indexes = st.integers(0, 3)
shared_changes = st.one_of(
    st.builds(Say, indexes, assignments(FUNCTIONS)),
    st.builds(Say, indexes, assignments(FUNCTIONS)),
    st.builds(Unsay, indexes, indexes),
    st.builds(Forget, nodes, held_outside),
    st.just(Clear()),
    st.builds(Visit, tweaks(FUNCTIONS), targets),
)


@frozen
class State:
    """The tweaks of the shared contexts, and the number of the outside's state."""

    said: tuple[Tweaks, ...]
    outside: Mapping[Call, Any]
    version: int = 0


@frozen
class Told:
    """The answer that a worker got, in which of the shared contexts (by index) and others, and the possible states."""

    node: Call
    places: tuple[int | Level, ...]
    outcome: Outcome
    first: int
    last: int


@define(eq=False)
class WorkersUnderChange(Workers):
    """Workers, of which one changes things."""

    states: list[State] = field(factory=list)
    done: int = 0
    told: list[Told] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.states.append(State((self.first, *self.kept), dict(self.on_dug.outside)))

    def _ask(self, stack: list[Any], node: Call) -> None:
        first = self.done
        outcome = self.on_dug.call(node)
        self.told.append(Told(node, tuple(place for _, place in stack), outcome, first, len(self.states) - 1))

    def _enter(self, stack: list[Any], step: Enter | EnterKept | None) -> None:
        if isinstance(step, Enter):
            ctx, level = self.pick(step)
            self.own.remove(ctx)  # it is dropped when it is left
            place: int | Level = level
        else:
            place = 0 if step is None or not self.kept else step.index % len(self.kept) + 1
            ctx = self.contexts[place][0]
            if place == 0 and stack:
                return
        ctx.__enter__()
        stack.append((ctx, place))

    def _leave(self, stack: list[Any]) -> None:
        stack.pop()[0].__exit__(None, None, None)

    def change_all(self, changes: Iterable[Change]) -> None:
        """Make changes one after the other."""
        try:
            for change in changes:
                self.on_dug.pause()
                self._change(change)
        except BaseException as exc:  # noqa: BLE001  told to the test
            self.on_dug.errors.append(exc)

    def _change(self, change: Change) -> None:
        on_dug, state, root = self.on_dug, self.states[-1], self.contexts[0][0]
        match change:
            case Say(index, (key, tweak)):
                index %= len(self.contexts)
                self._begin(evolve(state, said=replaced(state.said, index, {**state.said[index], key: tweak})))
                self.contexts[index][0].tweak(on_dug.tweaks({key: tweak}))
            case Unsay(index, which):
                index %= len(self.contexts)
                said = dict(state.said[index])
                if said:
                    key = list(said)[which % len(said)]
                    del said[key]
                    self._begin(evolve(state, said=replaced(state.said, index, said)))
                    self.contexts[index][0].untweak(on_dug.key(key))
            case Forget(node, held):
                after = {**state.outside, node: held} if node.function < SOURCES else state.outside
                self._begin(evolve(state, outside=after, version=state.version + 1))
                if node.function < SOURCES:
                    on_dug.outside[node] = held
                root.invalidate(on_dug.node(node))
            case Clear():
                root.clear()
            case Visit(said, node):
                with root, dug.Context(on_dug.tweaks(said)):
                    on_dug.call(node)
        self.done = len(self.states) - 1

    def _begin(self, state: State) -> None:
        self.states.append(state)

    def expect(self, node: Call, places: Iterable[int | Level], state: State) -> Outcome:
        """Return the result of a call in a state."""
        levels = [Level(state.said[place], None if place else ROOT) if isinstance(place, int) else place for place in places]
        return Oracle(self.on_dug.bodies, state.outside).ask(node, tuple(levels)).outcome

    def check_told(self) -> None:
        """Each answer was right at some time during its call."""
        for error in self.on_dug.errors:
            raise error
        for told in self.told:
            states = self.states[told.first : told.last + 1]
            if len({state.version for state in states}) == 1:
                assert told.outcome in [self.expect(told.node, told.places, state) for state in states], told

    def check_in_quiet(self) -> None:
        """Each call in each shared context gives its present value."""
        for places in [(0,), *((0, index) for index in range(1, len(self.contexts)))]:
            with self.contexts[0][0]:
                with self.contexts[places[-1]][0]:
                    for node in NODES:
                        assert self.on_dug.call(node) == self.expect(node, (*places[:1], *places[-1:]), self.states[-1])

    def check_leaks(self) -> None:
        """When all contexts are gone, the cache holds only memos without tweaks, and nobody waits for anything."""
        group = self.cache.group
        self.contexts.clear()
        self.own.clear()
        self.on_dug.ran_in_full.clear()  # the engine's runs hold their scenarios
        gc.collect()
        size = len(self.cache)

        memos = [memo for _, home in self.cache.list_homes() for memo in home.memos()]
        assert size == len(memos)
        assert not any(memo.restriction for memo in memos)
        assert not any(home.open_runs or home.open_run for _, home in self.cache.list_homes())
        assert not group.blocked
        assert not self.cache._read
        assert not group._watches


def replaced(said: tuple[Tweaks, ...], index: int, tweaks: Tweaks) -> tuple[Tweaks, ...]:
    """Return the common answer of all, if they agree; else None."""
    return (*said[:index], tweaks, *said[index + 1 :])
