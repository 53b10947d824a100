"""Random scripts over random programs: what dug promises holds after every step.

The machine plays one script twice: on dug, and on the oracle, which remembers nothing. After each step:

* P1: what was called gave the oracle's value or error, and what can be seen without computing is right as well.
* P2, P3, P4: no body ran without a reason (`ledger.py` says what a reason is), whoever computed what it needed before.
* P5: what the enclosing contexts held does not change while a context is open in them, and a cache holds no more memos
  than there are facts whose tweaks somebody holds.
* P6: no tweak of a node that is not recorded as an ancestor changes a value.
* P9: an error is the program's own, and the next call tries again.
* P10: with no context in force nothing runs.

`pytest --hypothesis-profile=long tests/test_model.py` takes more than a million steps and says how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, ClassVar
from weakref import WeakSet

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger import Ledger, Work, caches_of, learn
from oracle import Level, Levels, Oracle, Outcome, Run
from programs import FAILS, FUNCTIONS, SOURCES, Call, Expression, Key, Outside, Tweak, Tweaks, Value, likeness
from strategies import NODES, SOURCE_NODES, assignments, bodies, held_outside, nodes, numbers, outsides, programs, targets, tweaks
from subject import Subject

import dug

ROOT = 0
"""The token of the outermost cache."""
MOST_CONTEXTS = 6
DEEPEST = 5

indexes = st.integers(0, MOST_CONTEXTS - 1)


@define(eq=False, weakref_slot=True)
class Twin:
    """A context, and what the oracle must know of it: caches are tokens, the one it brings and the one that lies beneath."""

    ctx: dug.Context
    cache: int | None
    beneath: int | None
    tweaks: Tweaks = field(factory=dict)
    entries: int = 0
    around: WeakSet[Twin] = field(factory=WeakSet)
    """The contexts it was ever entered in: a look from its last entry sees their tweaks, so that it holds them."""


@define(eq=False)
class Entry:
    """One entry of a context, and what could be seen where it was entered."""

    twin: Twin
    seen: dict[dug.Node, tuple[Any, ...]]


class Model(RuleBasedStateMachine):
    """Scripts of what a user does with contexts."""

    steps: ClassVar[int] = 0
    calls: ClassVar[int] = 0

    @initialize(program=programs, outside=outsides, first=tweaks(FUNCTIONS))
    def begin(self, program: tuple[Expression, ...], outside: dict[Call, Any], first: Tweaks) -> None:
        self.bodies, self.outside = list(program), dict(outside)
        self.oracle = Oracle(self.bodies, self.outside)
        self.subject = Subject(self.bodies, self.outside)
        self.ledger = Ledger()
        self.twins: list[Twin] = []
        self.stack: list[Entry] = []
        self.healed: set[Call] = set()
        self.step = 0
        self.tokens = count(ROOT + 1)
        self.root_cache = dug.Cache()
        self.is_clean = True
        self._enter(self._make(first, scoped=False))

    # Contexts come and go.

    @precondition(lambda self: len(self.stack) < DEEPEST and len(self.twins) < MOST_CONTEXTS)
    @rule(said=tweaks(FUNCTIONS), scoped=st.sampled_from([False, False, True]))
    def enter_new(self, said: Tweaks, scoped: bool) -> None:
        self._enter(self._make(said, scoped=scoped))

    @precondition(lambda self: len(self.stack) < DEEPEST)
    @rule(index=indexes)
    def enter_again(self, index: int) -> None:
        twin = self._twin(index)
        if self.stack or twin.cache is not None:
            self._enter(twin)

    @precondition(lambda self: self.stack)
    @rule()
    def leave(self) -> None:
        self._leave()

    @precondition(lambda self: any(not twin.entries for twin in self.twins[1:]))
    @rule(index=indexes)
    def drop(self, index: int) -> None:
        idle = [twin for twin in self.twins[1:] if not twin.entries]
        self._drop(idle[index % len(idle)])

    @precondition(lambda self: not self.stack)
    @rule(said=tweaks(FUNCTIONS))
    def drop_all(self, said: Tweaks) -> None:
        """When all contexts are gone, their cache holds only what heard no tweak."""
        while self.twins:
            self._drop(self.twins[-1])

        assert len(self.root_cache) <= self.ledger.size(ROOT)
        self.is_clean = True
        self._enter(self._make(said, scoped=False))

    @rule(index=indexes)
    def clear(self, index: int) -> None:
        scoped = [twin for twin in self.twins if twin.cache is not None]
        twin = scoped[index % len(scoped)]
        twin.ctx.clear()
        self.ledger.clear(twin.cache)
        self._forget_seen()

    # Tweaks come and go, in open and in closed contexts.

    @rule(index=indexes, assignment=assignments(FUNCTIONS))
    def tweak(self, index: int, assignment: tuple[Key, Tweak]) -> None:
        twin = self._twin(index)
        self._tell(twin, {**twin.tweaks, assignment[0]: assignment[1]})
        twin.ctx.tweak(self.subject.tweaks(dict([assignment])))

    @precondition(lambda self: any(twin.tweaks for twin in self.twins))
    @rule(index=indexes, which=st.integers(0, 3))
    def untweak(self, index: int, which: int) -> None:
        tweaked = [twin for twin in self.twins if twin.tweaks]
        twin = tweaked[index % len(tweaked)]
        key = list(twin.tweaks)[which % len(twin.tweaks)]
        self._tell(twin, {other: tweak for other, tweak in twin.tweaks.items() if other != key})
        twin.ctx.untweak(self.subject.key(key))

    # The world changes.

    @rule(node=nodes, held=held_outside)
    def invalidate(self, node: Call, held: Any) -> None:
        if node.function < SOURCES:
            self.outside[node] = held
            self.healed.discard(node)
        self._forget({node})
        for twin in self.twins:
            twin.ctx.invalidate(self.subject.node(node))

    @precondition(lambda self: FAILS in self.outside.values())
    @rule(held=numbers)
    def heal(self, held: int) -> None:
        """What could not be read can be read again, and nobody says so."""
        node = next(node for node in SOURCE_NODES if self.outside[node] == FAILS)
        self.outside[node] = held
        self.healed.add(node)
        self._forget_seen()

    @rule(data=st.integers(SOURCES, FUNCTIONS - 1).flatmap(lambda number: st.tuples(st.just(number), bodies(number))))
    def redefine(self, data: tuple[int, Expression]) -> None:
        number, self.bodies[data[0]] = data
        self._forget({Call(number, 0), Call(number, 1)})
        self.subject.functions[number] = self.subject.define(number)

    # Questions.

    @rule(node=targets)
    def call(self, node: Call) -> None:
        self._call(node)

    @precondition(lambda self: self.stack)
    @rule(node=targets)
    def call_twice(self, node: Call) -> None:
        """A repeated call runs nothing, unless it fails."""
        first, second = self._call(node), self._call(node)

        assert first.outcome == second.outcome
        assert not self.subject.ran or learn(second).is_brief

    @precondition(lambda self: self.stack)
    @rule(node=targets, said=tweaks(FUNCTIONS))
    def ask_what_if(self, node: Call, said: Tweaks) -> None:
        self._call(node)
        twin = self._make(said, scoped=False)
        self._enter(twin)
        self._call(node)
        self._leave()
        self._drop(twin)

    @rule(node=targets, index=indexes)
    def call_elsewhere(self, node: Call, index: int) -> None:
        twin, depth = self._twin(index), len(self.stack)
        if self.stack or twin.cache is not None:
            self._enter(twin)
        self._call(node)
        if len(self.stack) > depth:
            self._leave()

    @precondition(lambda self: self.stack)
    @rule(node=targets, other=nodes)
    def change_what_is_no_ancestor(self, node: Call, other: Call) -> None:
        """P6: changing a node that was not recorded as an ancestor does not change the value."""
        run = self._call(node)
        if other != node and self.subject.node(other) not in self._find_ancestors(node):
            for value in range(3):
                changed = self.oracle.ask(node, (*self.levels, Level({other: Value(value)})))
                assert changed.outcome == run.outcome

    @precondition(lambda self: self.stack)
    @rule(node=targets, index=indexes)
    def call_while_somebody_listens(self, node: Call, index: int) -> None:
        """What is heard is what happened."""
        contexts = [entry.twin.ctx for entry in self.stack]
        heard: list[tuple[str, dug.Node]] = []
        with contexts[index % len(contexts)].listen(lambda event: heard.append((event.kind, event.node))):
            self._call(node)

        work = Counter(node for kind, node in heard if kind in ("computed", "failed"))
        assert work >= Counter(self.subject.node(node) for node, _ in self.subject.ran)
        assert work <= Counter(map(self.subject.node, (node for node, _ in self.reasons.elements())))

    @precondition(lambda self: len(self.stack) > 1 and not self.healed)
    @rule(node=targets)
    def look_through_a_mask(self, node: Call) -> None:
        """What is known around is masked here exactly when a tweak of this context was heard."""
        around, here = self.stack[-2].twin, self.stack[-1].twin
        name = self.subject.node(node)
        if around is not here and name in around.ctx:
            known, heard = (learn(self.oracle.ask(node, levels)) for levels in (self.levels[:-1], self.levels))
            if not known.is_brief:
                assert here.ctx.is_masked(name) == (known.title != heard.title)

    # After every step.

    @invariant()
    def what_is_seen_is_right(self) -> None:
        """What can be seen without computing is what a call would give."""
        Model.steps += 1
        self.step += 1
        node = NODES[self.step % len(NODES)]
        name = self.subject.node(node)
        if self.stack and name in dug.current_context():
            memo, run = dug.current_context().memo(name), self.oracle.ask(node, self.levels)
            if memo.error is None and self.healed.isdisjoint(learn(run).ran):
                assert Outcome(memo.value) == run.outcome

    @invariant()
    def nothing_outlives_its_tweaks(self) -> None:
        """P5: a cache holds nothing that heard what nobody says any more."""
        if self.is_clean and self.step % 4 == 0:
            for cache, token in {twin.ctx.cache: twin.cache for twin in self.twins if twin.cache is not None}.items():
                assert len(cache) <= self.ledger.size(token)

    def teardown(self) -> None:
        for entry in reversed(getattr(self, "stack", [])):
            entry.twin.ctx.__exit__(None, None, None)

    # How it is done.

    @property
    def levels(self) -> Levels:
        """The scenario in force, as the oracle says it."""
        return tuple(Level(entry.twin.tweaks, entry.twin.cache) for entry in self.stack)

    def _twin(self, index: int) -> Twin:
        return self.twins[index % len(self.twins)]

    def _make(self, said: Tweaks, *, scoped: bool) -> Twin:
        """Return a new context; outermost ones share a cache."""
        if not self.stack:
            ctx = dug.Context(self.subject.tweaks(said), cache=self.root_cache)
            twin = Twin(ctx, ROOT, None)
        else:
            ctx = dug.Context(self.subject.tweaks(said), cache=dug.Cache() if scoped else None)
            twin = Twin(ctx, next(self.tokens) if scoped else None, self._top_cache)
        self._tell(twin, said)
        self.twins.append(twin)
        return twin

    def _drop(self, twin: Twin) -> None:
        self.twins.remove(twin)
        self.is_clean &= not self._is_around(twin)
        self.ledger.release(twin.tweaks.items())
        if twin.cache != ROOT:
            self.ledger.clear(twin.cache)

    def _is_around(self, twin: Twin) -> bool:
        """Some context may remember an entry inside this one."""
        return any(twin in other.around for other in self.twins)

    @property
    def _top_cache(self) -> int | None:
        return caches_of(self.levels)[-1] if self.stack else None

    def _tell(self, twin: Twin, said: Tweaks) -> None:
        """Note that a context says something else now."""
        before, twin.tweaks = twin.tweaks, said
        self.is_clean &= not self._is_around(twin)
        self.ledger.hold(said.items() - before.items())
        self.ledger.release(before.items() - said.items())
        self._forget_seen(twin)

    def _forget(self, changed: set[Call]) -> None:
        """Note that what ran these nodes is forgotten."""
        self.ledger.invalidate(changed)
        self._forget_seen()

    def _forget_seen(self, changed: Twin | None = None) -> None:
        """Do not expect that what was seen stays: in the contexts inside this one, or anywhere."""
        is_inside = changed is None
        for entry in self.stack:
            if is_inside:
                entry.seen.clear()
            is_inside |= entry.twin is changed

    def _enter(self, twin: Twin) -> None:
        """Enter a context, or see it refused because its cache lies elsewhere."""
        if twin.cache is not None and self._top_cache not in (twin.cache, twin.beneath):
            with pytest.raises(dug.ContextError):
                twin.ctx.__enter__()
            return
        is_steady = self.stack and not self.healed
        seen = look_at(dug.current_context(), map(self.subject.node, NODES)) if is_steady else {}
        twin.ctx.__enter__()
        twin.entries += 1
        twin.around.update(entry.twin for entry in self.stack)
        self.stack.append(Entry(twin, seen))

    def _leave(self) -> None:
        """Leave a context; what was known around it still is."""
        entry = self.stack.pop()
        entry.twin.entries -= 1
        entry.twin.ctx.__exit__(None, None, None)
        if self.stack:
            assert dug.current_context() is self.stack[-1].twin.ctx
            assert look_at(dug.current_context(), entry.seen) == entry.seen

    def _call(self, node: Call) -> Run | None:
        """Call a node and hold the promises against what happened."""
        self.subject.ran.clear()
        if not self.stack:
            with pytest.raises(dug.NoContextError):
                self.subject.call(node)
            assert not self.subject.ran
            return None
        Model.calls += 1
        run = self.oracle.ask(node, self.levels)
        self.reasons = Counter(self.ledger.settle(learn(run)))
        outcome = self.subject.call(node)

        assert outcome == run.outcome
        assert not Counter(self.subject.ran) - self.reasons, "a body ran without a reason"
        assert set(self.subject.ran) >= set(find_retries(run)), "an error was served to another call"
        self.ledger.end_call()
        return run

    def _find_ancestors(self, top: Call) -> set[dug.Node]:
        """Return the closure of the recorded dependencies of a node."""
        ctx = dug.current_context()
        found, todo = set(), [self.subject.node(top)]
        while todo:
            node = todo.pop()
            if node in ctx:
                new = set(ctx.memo(node).dependencies) - found
                found |= new
                todo.extend(new)
        return found


def look_at(ctx: dug.Context, nodes: Iterable[dug.Node]) -> dict[dug.Node, tuple[Any, ...]]:
    """Return the values that can be seen, and what they read."""
    memos = {node: ctx.memo(node) for node in nodes if node in ctx}
    return {node: (likeness(memo.value), memo.dependencies) for node, memo in memos.items() if memo.error is None}


def find_retries(run: Run) -> Iterator[Work]:
    """Yield the bodies that fail on the way to an answer and may not answer for another call: each call runs them again."""
    if run.outcome.failed or meets_source_error(run):
        if run.outcome.failed and run.body is not None:
            yield run.node, run.body
        for read in run.reads:
            yield from find_retries(read)


def meets_source_error(run: Run) -> bool:
    """The outside could not be read on the way."""
    return (run.outcome.failed and isinstance(run.body, Outside)) or any(map(meets_source_error, run.reads))


PORTION = 28 if settings.get_current_profile_name() == "long" else 3
"""A machine takes about 37 steps for each example: with the long profile more than a million."""

TestModel = Model.TestCase
TestModel.settings = settings(max_examples=settings().max_examples * PORTION)
