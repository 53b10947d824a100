"""Random scripts over random programs: the promises of dug hold after every step.

The machine plays one script twice (`lockstep.py`): on dug, and on the oracle, which remembers nothing. After each step:

* P1: what was called gave the oracle's value or error, and what can be seen without computing is right as well.
* P2, P3, P4: no body ran without a reason (`work_bound.py` says what a reason is), whoever computed what it needed before.
* P5: what the enclosing contexts held does not change while a context is open in them, and a cache holds no more memos
  than there are facts whose tweaks somebody holds.
* P6: no tweak of a node that is not recorded as an ancestor changes a value.
* Differences: a scenario of a sweep is compared with the base of its own world.
* P9: an error is the program's own, and the next call tries again; what handlers scribble on it, each who meets a failure
  finds only what those below him wrote.
* P10: with no context in force nothing runs.

`pytest --hypothesis-profile=long tests/core/test_model.py` takes more than a million steps and says how many.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar
from weakref import ref

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from support.lockstep import ROOT, Lockstep, Twin
from support.oracle import Level, Outcome, Run
from support.programs import FAILS, FUNCTIONS, SOURCES, Boom, Box, Call, Expression, Key, Tweak, Tweaks, Value, likeness
from support.strategies import (
    NODES,
    SOURCE_NODES,
    assignments,
    bodies,
    held_outside,
    nodes,
    numbers,
    outsides,
    programs,
    targets,
    tweaks,
    values,
)
from support.work_bound import learn

import dug

MOST_CONTEXTS = 6
DEEPEST = 5
FREED_AFTER = 200
"""Scripts after which what `make_a_local_function` froze is freed: a collection looks through all that Hypothesis keeps."""

indexes = st.integers(0, MOST_CONTEXTS - 1)


def use_local(read: dug.Node[Any], value: int) -> tuple[Any, ...]:
    """Make a function that reads a node and call it, tweaked too; return a reference to it and the values seen of the node."""

    @dug.memoize
    def local(x: int) -> Any:
        return local, read(), x

    here = local(1)[1]
    with dug.Context(tweaks={local.node(1): value}):
        return ref(local), here, local(1), local(2)[1]


def free_frozen() -> None:
    """Free what has become garbage since it was frozen, and freeze what stays."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Model(Lockstep):
    """Scripts of a user's actions with contexts."""

    steps: ClassVar[int] = 0
    begun: ClassVar[int] = 0

    @initialize(program=programs, outside=outsides, first=tweaks(FUNCTIONS))
    def begin(self, program: tuple[Expression, ...], outside: dict[Call, Any], first: Tweaks) -> None:
        Model.begun += 1
        if Model.begun % FREED_AFTER == 0:
            free_frozen()
        self.step = 0
        self.set_up(program, outside, first)

    # Contexts come and go.

    @precondition(lambda self: len(self.stack) < DEEPEST and len(self.twins) < MOST_CONTEXTS)
    @rule(said=tweaks(FUNCTIONS), scoped=st.sampled_from([False, False, True]))
    def enter_new(self, *, said: Tweaks, scoped: bool) -> None:
        self.enter(self.make(said, scoped=scoped))

    @precondition(lambda self: len(self.stack) < DEEPEST)
    @rule(index=indexes)
    def enter_again(self, index: int) -> None:
        twin = self.pick(index)
        if self.stack or twin.cache is not None:
            self.enter(twin)

    @precondition(lambda self: self.stack)
    @rule()
    def leave(self) -> None:
        self.exit()

    @precondition(lambda self: any(not twin.entries for twin in self.twins[1:]))
    @rule(index=indexes)
    def drop(self, index: int) -> None:
        idle = [twin for twin in self.twins[1:] if not twin.entries]
        self.discard(idle[index % len(idle)])

    @precondition(lambda self: not self.stack)
    @rule(said=tweaks(FUNCTIONS))
    def drop_all(self, said: Tweaks) -> None:
        """When all contexts are gone, their cache holds only memos that heard no tweak."""
        while self.twins:
            self.discard(self.twins[-1])

        assert len(self.root_cache) <= self.work_bound.size(ROOT)
        self.is_clean = True
        self.enter(self.make(said, scoped=False))

    @rule(index=indexes)
    def clear(self, index: int) -> None:
        scoped = [twin for twin in self.twins if twin.cache is not None]
        twin = scoped[index % len(scoped)]
        twin.ctx.clear()
        self.work_bound.clear(twin.cache)
        self.forget_seen()

    # Tweaks come and go, in open and in closed contexts.

    @rule(index=indexes, assignment=assignments(FUNCTIONS))
    def tweak(self, index: int, assignment: tuple[Key, Tweak]) -> None:
        twin = self.pick(index)
        self.tell(twin, {**twin.tweaks, assignment[0]: assignment[1]})
        twin.ctx.tweak(self.on_dug.tweaks(dict([assignment])))

    @precondition(lambda self: any(self.list_tweaked_to_values()))
    @rule(which=st.integers(0, 9), told=st.lists(values, min_size=1, max_size=3), node=targets)
    def tick(self, which: int, told: list[Any], node: Call) -> None:
        """The value of a tweaked node changes in place, again and again, and a node is asked for in between."""
        tweaked = list(self.list_tweaked_to_values())
        twin, key = tweaked[which % len(tweaked)]
        for value in told:
            self.ask(node)
            self.tell(twin, {**twin.tweaks, key: Value(value)})
            twin.ctx.tweak(self.on_dug.key(key), value)
        self.ask(node)

    def list_tweaked_to_values(self) -> Iterator[tuple[Twin, Call]]:
        """Yield the contexts that tweak a node to a value, each with the node."""
        for twin in self.twins:
            yield from ((twin, key) for key, tweak in twin.tweaks.items() if isinstance(key, Call) and isinstance(tweak, Value))

    @precondition(lambda self: any(twin.tweaks for twin in self.twins))
    @rule(index=indexes, which=st.integers(0, 3))
    def untweak(self, index: int, which: int) -> None:
        tweaked = [twin for twin in self.twins if twin.tweaks]
        twin = tweaked[index % len(tweaked)]
        key = list(twin.tweaks)[which % len(twin.tweaks)]
        self.tell(twin, {other: tweak for other, tweak in twin.tweaks.items() if other != key})
        twin.ctx.untweak(self.on_dug.key(key))

    @rule(index=indexes, assignment=assignments(FUNCTIONS))
    def tell_what_is_changed_in_place(self, index: int, assignment: tuple[Key, Tweak]) -> None:
        """A context states a tweak by an object with which it stated another before: stated again it is another tweak."""
        twin, (key, tweak) = self.pick(index), assignment
        given = self.on_dug.hold(twin.held, key, tweak)
        told = Value(given) if isinstance(given, Box) else tweak
        self.tell(twin, {**twin.tweaks, key: self.number_telling(told)})
        twin.ctx.tweak(self.on_dug.key(key), given)

    @precondition(lambda self: self.stack)
    @rule(node=targets, key=nodes, contents=st.lists(numbers, min_size=2, max_size=3), is_scenario=st.booleans())
    def try_one_buffer(self, node: Call, key: Call, contents: list[int], *, is_scenario: bool) -> None:
        """One object is given to a context after the other, with other content, by a mapping for each or one scenario for all."""
        buffer, twins = Box(0), []
        given: Any = {self.on_dug.node(key): buffer}
        given = dug.Scenario(given) if is_scenario else given
        for buffer.number in contents:
            twins.append(self.make({key: self.number_telling(Value(buffer))}, scoped=False, given=given))
            self.enter(twins[-1])
            self.ask(node)
            self.exit()
        for twin in twins:
            self.discard(twin)

    # The world changes.

    @rule(node=nodes, held=held_outside)
    def invalidate(self, node: Call, held: Any) -> None:
        if node.function < SOURCES:
            self.outside[node] = held
        self.invalidate_everywhere(node)

    @rule(node=st.sampled_from(SOURCE_NODES), number=numbers, asked=targets)
    def change_the_outside_in_place(self, node: Call, number: int, asked: Call) -> None:
        """A source hands out one object, which is changed in place after it was read."""
        if not isinstance(self.outside[node], Box):
            self.outside[node] = Box(number)
            self.invalidate_everywhere(node)
            self.ask(asked)
        self.outside[node].number = number
        self.invalidate_everywhere(node)

    @precondition(lambda self: FAILS in self.outside.values())
    @rule(held=numbers)
    def heal(self, held: int) -> None:
        """A source that could not be read can be read again, and nobody says so."""
        node = next(node for node in SOURCE_NODES if self.outside[node] == FAILS)
        self.outside[node] = held
        self.healed.add(node)
        self.forget_seen()

    @rule(data=st.integers(SOURCES, FUNCTIONS - 1).flatmap(lambda number: st.tuples(st.just(number), bodies(number))))
    def redefine(self, data: tuple[int, Expression]) -> None:
        """A cell is run again, after a global that its function reads was bound again."""
        number, self.bodies[data[0]] = data
        self.work_bound.redefine({Call(number, 0), Call(number, 1)})
        self.forget_seen()
        self.on_dug.functions[number] = self.on_dug.define(number)

    @rule(number=st.integers(0, FUNCTIONS - 1))
    def run_again(self, number: int) -> None:
        """A cell is run again, and its reach is unchanged: nothing is forgotten."""
        self.on_dug.functions[number] = self.on_dug.define(number)

    @precondition(lambda self: self.stack)
    @rule(node=targets, value=numbers)
    def make_a_local_function(self, node: Call, value: int) -> None:
        """A local function, whose value leads back to it, reads a node, is tweaked, and goes: so does all that it computed."""
        run = self.ask(node)
        if run is None or run.outcome.failed or learn(run).is_brief:
            return
        cache = dug.current_context().cache
        before = len(cache)
        gc.freeze()  # what there was need not be looked through to see that what follows goes
        gone, here, tweaked, beside = use_local(self.on_dug.node(node), value)
        gc.collect()

        assert (Outcome(here), tweaked, Outcome(beside)) == (run.outcome, value, run.outcome)
        assert gone() is None
        assert len(cache) == before

    # Questions.

    @rule(node=targets)
    def call(self, node: Call) -> None:
        self.ask(node)

    @precondition(lambda self: self.stack)
    @rule(node=targets)
    def call_twice(self, node: Call) -> None:
        """A repeated call runs nothing, unless it fails."""
        first, second = self.ask(node), self.ask(node)

        assert first.outcome == second.outcome
        assert not self.on_dug.ran or learn(second).is_brief

    @precondition(lambda self: self.stack)
    @rule(node=targets, changes=st.lists(st.tuples(st.integers(0, 9), values), min_size=1, max_size=3))
    def ask_what_if(self, node: Call, changes: list[tuple[int, Any]]) -> None:
        """Change one of the nodes that were read, then one of those that are read now, and so on."""
        for which, value in changes:
            heard = sorted({heard for heard, _ in learn(self.ask(node)).heard} - {node}) or [node]
            self.enter(self.make({heard[which % len(heard)]: Value(value)}, scoped=False))
        self.ask(node)
        for _ in changes:
            twin = self.stack[-1].twin
            self.exit()
            self.discard(twin)

    @rule(node=targets, index=indexes)
    def call_elsewhere(self, node: Call, index: int) -> None:
        twin, depth = self.pick(index), len(self.stack)
        if self.stack or twin.cache is not None:
            self.enter(twin)
        self.ask(node)
        if len(self.stack) > depth:
            self.exit()

    @precondition(lambda self: self.stack)
    @rule(node=targets, other=nodes)
    def change_what_is_no_ancestor(self, node: Call, other: Call) -> None:
        """P6: changing a node that was not recorded as an ancestor does not change the value."""
        run = self.ask(node)
        ancestors = self.find_ancestors(node)
        if other != node and ancestors is not None and self.on_dug.node(other) not in ancestors:
            for value in range(3):
                changed = self.oracle.ask(node, (*self.levels, Level({other: Value(value)})))
                assert changed.outcome == run.outcome

    @precondition(lambda self: self.stack)
    @rule(node=targets, index=indexes)
    def call_while_somebody_listens(self, node: Call, index: int) -> None:
        """The events are those of the real runs."""
        contexts = [entry.twin.ctx for entry in self.stack]
        heard: list[tuple[str, dug.Node]] = []
        with contexts[index % len(contexts)].listen(lambda event: heard.append((event.kind, event.node))):
            self.ask(node)

        work = Counter(node for kind, node in heard if kind in ("computed", "failed"))
        assert work >= Counter(self.on_dug.node(node) for node, _ in self.on_dug.ran)
        assert work <= Counter(map(self.on_dug.node, (node for node, _ in self.reasons.elements())))

    @precondition(lambda self: len(self.stack) > 1 and not self.healed)
    @rule(node=targets)
    def look_through_a_mask(self, node: Call) -> None:
        """A memo from around is masked here exactly when a tweak of this context was heard."""
        around, here = self.stack[-2].twin, self.stack[-1].twin
        name = self.on_dug.node(node)
        if around is not here and name in around.ctx:
            known, heard = (learn(self.oracle.ask(node, levels)) for levels in (self.levels[:-1], self.levels))
            may_be_either = known.title != heard.title and known.title.without_untweaked() == heard.title.without_untweaked()
            if not known.is_brief and not may_be_either:
                assert here.ctx.is_masked(name) == (known.title != heard.title)

    @precondition(lambda self: self.stack and not self.healed)
    @rule(node=targets, first=tweaks(FUNCTIONS), second=tweaks(FUNCTIONS), assignment=assignments(FUNCTIONS))
    def sweep_across_a_tweak(self, *, node: Call, first: Tweaks, second: Tweaks, assignment: tuple[Key, Tweak]) -> None:
        """Each result of a sweep is compared with the base of its own world, though the context was tweaked in between."""
        swept = dug.sweep(self.on_dug.node(node), [self.on_dug.tweaks(first), self.on_dug.tweaks(second)])
        results, top, worlds = iter(swept), self.stack[-1].twin, [self.levels]
        before = top.tweaks.items()
        self.work_bound.hold(before)  # the sweep asks for bases in the world that the first result was taken in
        what_ifs = [self._expect(node, first)]
        next(results)
        self.tell(top, {**top.tweaks, assignment[0]: assignment[1]})
        top.ctx.tweak(self.on_dug.tweaks(dict([assignment])))
        worlds.append(self.levels)
        what_ifs.append(self._expect(node, second))
        list(results)

        for difference, what_if, levels in zip(swept.diff(), what_ifs, worlds, strict=True):
            base = self.oracle.ask(node, levels)
            if not what_if.failed:
                self._settle(base)
            if what_if.failed or base.outcome.failed:
                assert type(difference.error) is Boom
            elif Box not in (type(what_if.value), type(base.outcome.value)):
                assert likeness(difference.value) == likeness(what_if.value - base.outcome.value)
        del swept, results, difference
        self.work_bound.release(before)
        self.is_clean &= assignment not in first.items()  # else the sweep held a tweak until the context had stated it

    def _expect(self, node: Call, said: Tweaks) -> Outcome:
        """Return the oracle's value for a scenario of a sweep, and note that it is computed."""
        twin = self.make(said, scoped=False)
        run = self.oracle.ask(node, (*self.levels, Level(said)))
        self._settle(run)
        self.discard(twin)
        return run.outcome

    def _settle(self, run: Run) -> None:
        list(self.work_bound.settle(learn(run)))
        self.work_bound.end_call()

    # After every step.

    @invariant()
    def what_is_seen_is_right(self) -> None:
        """The visible values are those that a call would give."""
        Model.steps += 1
        self.step += 1
        node = NODES[self.step % len(NODES)]
        name = self.on_dug.node(node)
        if self.stack and name in dug.current_context():
            memo, run = dug.current_context().memo(name), self.oracle.ask(node, self.levels)
            if memo.error is None and self.healed.isdisjoint(learn(run).ran):
                assert Outcome(memo.value) == run.outcome

    @invariant()
    def nothing_outlives_its_tweaks(self) -> None:
        """P5: a cache holds no memo of a tweak that no context has any more."""
        if self.is_clean and self.step % 4 == 0:
            for cache, token in {twin.ctx.cache: twin.cache for twin in self.twins if twin.cache is not None}.items():
                assert len(cache) <= self.work_bound.size(token)

    def teardown(self) -> None:
        for entry in reversed(getattr(self, "stack", [])):
            entry.twin.ctx.__exit__(None, None, None)


PORTIONS = {"long": 28, "mutants": 4}
"""A machine takes about 38 steps for each example: more than a million with the long profile."""

TestModel = Model.TestCase
TestModel.settings = settings(max_examples=settings().max_examples * PORTIONS.get(settings.get_current_profile_name(), 2))
