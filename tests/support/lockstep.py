"""Both sides of a script: contexts of dug and the oracle's knowledge of them, changed together.

`test_model.py` states the steps of a script and the promises; this file does one step on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import count
from typing import Any, ClassVar
from weakref import WeakSet

import pytest
from attrs import define, evolve, field
from hypothesis.stateful import RuleBasedStateMachine

import dug

from .oracle import Level, Levels, Oracle, Run
from .program_on_dug import ProgramOnDug
from .programs import Bump, Call, Expression, Tweak, Tweaks, Value, likeness
from .strategies import NODES
from .work_bound import Work, WorkBound, caches_of, find_retries, learn

ROOT = 0
"""The token of the outermost cache."""


@define(eq=False, weakref_slot=True)
class Twin:
    """A context, and the oracle's part of it; the cache it brings and the one beneath are tokens."""

    ctx: dug.Context
    cache: int | None
    beneath: int | None
    tweaks: Tweaks = field(factory=dict)
    entries: int = 0
    around: WeakSet[Twin] = field(factory=WeakSet)
    """The contexts it was ever entered in: a look from its last entry sees their tweaks, so that it holds them."""
    held: dict[Any, Any] = field(factory=dict)
    """The objects of its mutable tweaks, by key and kind."""


@define(eq=False)
class Entry:
    """One entry of a context, and the visible values where it was entered."""

    twin: Twin
    seen: dict[dug.Node, tuple[Any, ...]]


class Lockstep(RuleBasedStateMachine):
    """The contexts that there are, those that are open, and the promises that each call and each leaving must keep."""

    calls: ClassVar[int] = 0

    def set_up(self, program: tuple[Expression, ...], outside: dict[Call, Any], first: Tweaks) -> None:
        """Begin with one open context."""
        self.bodies, self.outside = list(program), dict(outside)
        self.oracle = Oracle(self.bodies, self.outside)
        self.on_dug = ProgramOnDug(self.bodies, self.outside)
        self.work_bound = WorkBound()
        self.reasons: Counter[Work] = Counter()
        self.twins: list[Twin] = []
        self.stack: list[Entry] = []
        self.healed: set[Call] = set()
        self.tokens = count(ROOT + 1)
        self.tellings = count(1)
        self.root_cache = dug.Cache()
        self.is_clean = True
        self.enter(self.make(first, scoped=False))

    @property
    def levels(self) -> Levels:
        """The scenario in force, as the oracle says it."""
        return tuple(Level(entry.twin.tweaks, entry.twin.cache) for entry in self.stack)

    def pick(self, index: int) -> Twin:
        """Return one of the contexts."""
        return self.twins[index % len(self.twins)]

    def make(self, said: Tweaks, *, scoped: bool, given: Any = None) -> Twin:
        """Return a new context, with dug's form of its tweaks if that is given; outermost ones share a cache."""
        given = self.on_dug.tweaks(said) if given is None else given
        if not self.stack:
            ctx = dug.Context(given, cache=self.root_cache)
            twin = Twin(ctx, ROOT, None)
        else:
            ctx = dug.Context(given, cache=dug.Cache() if scoped else None)
            twin = Twin(ctx, next(self.tokens) if scoped else None, self._top_cache)
        self.tell(twin, said)
        self.twins.append(twin)
        return twin

    def discard(self, twin: Twin) -> None:
        """Let go of a context that is not open."""
        self.twins.remove(twin)
        self.is_clean &= not self._is_around(twin)
        self.work_bound.release(twin.tweaks.items(), is_remembered=self._is_around(twin))
        if twin.cache != ROOT:
            self.work_bound.clear(twin.cache)

    def _is_around(self, twin: Twin) -> bool:
        """Some context may remember an entry inside this one."""
        return any(twin in other.around for other in self.twins)

    @property
    def _top_cache(self) -> int | None:
        return caches_of(self.levels)[-1] if self.stack else None

    def tell(self, twin: Twin, said: Tweaks) -> None:
        """Note that a context says something else now."""
        before, twin.tweaks = twin.tweaks, said
        self.is_clean &= not self._is_around(twin)
        self.work_bound.hold(said.items() - before.items())
        self.work_bound.release(before.items() - said.items(), is_remembered=self._is_around(twin))
        self.forget_seen(twin)

    def number_telling(self, tweak: Tweak) -> Tweak:
        """Return a tweak as it is told this once; no two replacements are the same."""
        return evolve(tweak, telling=next(self.tellings)) if isinstance(tweak, Value | Bump) else tweak

    def forget(self, changed: set[Call]) -> None:
        """Note that memos that ran these nodes are forgotten."""
        self.work_bound.invalidate(changed)
        self.forget_seen()

    def invalidate_everywhere(self, node: Call) -> None:
        """Note in every context that the value of a node has changed."""
        self.healed.discard(node)
        self.forget({node})
        for twin in self.twins:
            twin.ctx.invalidate(self.on_dug.node(node))

    def forget_seen(self, changed: Twin | None = None) -> None:
        """Do not expect visible values to stay: in the contexts inside this one, or anywhere."""
        is_inside = changed is None
        for entry in self.stack:
            if is_inside:
                entry.seen.clear()
            is_inside |= entry.twin is changed

    def enter(self, twin: Twin) -> None:
        """Enter a context, or see it refused because its cache lies elsewhere."""
        if twin.cache is not None and self._top_cache not in (twin.cache, twin.beneath):
            with pytest.raises(dug.ContextError):
                twin.ctx.__enter__()
            return
        is_steady = self.stack and not self.healed
        seen = look_at(dug.current_context(), map(self.on_dug.node, NODES)) if is_steady else {}
        twin.ctx.__enter__()
        twin.entries += 1
        twin.around.update(entry.twin for entry in self.stack)
        self.stack.append(Entry(twin, seen))

    def exit(self) -> None:
        """Leave a context; the memos around it are still there."""
        entry = self.stack.pop()
        entry.twin.entries -= 1
        entry.twin.ctx.__exit__(None, None, None)
        if self.stack:
            assert dug.current_context() is self.stack[-1].twin.ctx
            self._hold_to(entry.seen)

    def _hold_to(self, seen: dict[dug.Node, tuple[Any, ...]]) -> None:
        """Visible values are visible still; a run that was tried again may have found its own earlier reads in the cache."""
        now = look_at(dug.current_context(), seen)
        assert now.keys() == seen.keys()
        for node in NODES:
            name = self.on_dug.node(node)
            if now.get(name) != seen.get(name):
                assert now[name][0] == seen[name][0]
                assert self._may_read_otherwise(node)

    def _may_read_otherwise(self, node: Call) -> bool:
        """The node meets an error of a source, so that each call tries it again (P9), and notes the runs in its own contexts."""
        run = self.oracle.ask(node, self.levels)
        return run.opened and learn(run).met_source_error

    def ask(self, node: Call) -> Run | None:
        """Call a node and check P1, P2, P3, P4, P9 and P10 against the outcome."""
        self.on_dug.ran.clear()
        if not self.stack:
            with pytest.raises(dug.NoContextError):
                self.on_dug.call(node)
            assert not self.on_dug.ran
            return None
        type(self).calls += 1
        run = self.oracle.ask(node, self.levels)
        self.reasons = Counter(self.work_bound.settle(learn(run)))
        outcome = self.on_dug.call(node)

        assert outcome == run.outcome
        assert not Counter(self.on_dug.ran) - self.reasons, "a body ran without a reason"
        assert set(self.on_dug.ran) >= set(find_retries(run)), "an error was served to another call"
        self.work_bound.end_call()
        return run

    def find_ancestors(self, top: Call) -> set[dug.Node] | None:
        """Return the closure of the recorded dependencies of a node.

        None when it cannot be followed: a memo on the way went when the cache beneath, which held it, was cleared.
        """
        ctx = dug.current_context()
        found, todo = set(), [self.on_dug.node(top)]
        while todo:
            node = todo.pop()
            if node not in ctx:
                return None
            new = set(ctx.memo(node).dependencies) - found
            found |= new
            todo.extend(new)
        return found


def look_at(ctx: dug.Context, nodes: Iterable[dug.Node]) -> dict[dug.Node, tuple[Any, ...]]:
    """Return the visible values, and their dependencies."""
    memos = {node: ctx.memo(node) for node in nodes if node in ctx}
    return {node: (likeness(memo.value), memo.dependencies) for node, memo in memos.items() if memo.error is None}
