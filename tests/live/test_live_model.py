"""Random pushes, steps, frozen contexts and what-ifs on a Live, beside a program that remembers nothing.

The oracle evaluates plain functions under the values that were pushed up to a tick.  After each step the updates are what it
says, for each policy; a slow output and a frozen context give what it says for their own tick, however much later they are asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, field
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import dug
from dug.live import BacklogError, Live

INPUTS = 3
SIZE = 2
GIVEN_BACK: Any = dug.UNTWEAKED
Values = dict[dug.Node[Any], Any]


@dug.source
def spot(number):
    """Give an input."""
    return number


@dug.memoize
def pair(number):
    """Give the sum of two inputs."""
    return spot(number) + spot((number + 1) % INPUTS)


@dug.memoize
def choice():
    """Give one of two sums, as an input says."""
    return pair(0) if spot(0) > 0 else pair(1)


@dug.memoize
def inverse():
    """Fail where an input is 0."""
    return 6 // spot(2)


@dug.memoize
def guarded():
    """Give something in the place of an error."""
    try:
        return inverse()
    except ZeroDivisionError:
        return -spot(1)


@dug.memoize
def top():
    """Give a value that reads most of the others."""
    return 100 * choice() + 10 * guarded() + pair(2)


@dug.memoize
def slow():
    """Give a value beside the ticks."""
    return top() - spot(2)


FUNCTIONS = (spot, pair, choice, inverse, guarded, top, slow)
FAST = [top.node(), pair.node(1), inverse.node()]
TARGETS = [*[spot.node(number) for number in range(INPUTS)], pair.node(0), choice.node(), inverse.node()]


def evaluate(values: Values, node: dug.Node[Any]) -> Any:
    """Return what plain functions give for a node under tweaks to values: its value, or the class of its error."""
    plain: dict[str, Any] = {}

    def make(function: Any) -> Callable[..., Any]:
        body = type(function.__wrapped__)(function.__wrapped__.__code__, plain)

        def call(*args: Any) -> Any:
            said = values.get(function.node(*args), GIVEN_BACK)
            return body(*args) if said is GIVEN_BACK else said

        return call

    plain.update({"INPUTS": INPUTS, "ZeroDivisionError": ZeroDivisionError})
    plain.update({function.__name__: make(function) for function in FUNCTIONS})
    try:
        return plain[node.function.__name__](*node.args)
    except ZeroDivisionError as exc:
        return type(exc)


def ask(node: dug.Node[Any]) -> Any:
    """Return what a node gives here: its value, or the class of its error."""
    try:
        return node()
    except ZeroDivisionError as exc:
        return type(exc)


@define
class Waiting:
    """The pushes that wait, as the policy says."""

    policy: str
    ticks: list[Values] = field(factory=list)

    def add(self, change: Values) -> bool:
        """Take in a push; False where it is refused."""
        if self.policy == "latest":
            self.ticks = [{**(self.ticks[0] if self.ticks else {}), **change}]
        elif self.policy == "batch" and self.ticks and not self.ticks[-1].keys() & change.keys():
            self.ticks[-1] = {**self.ticks[-1], **change}
        elif len(self.ticks) < SIZE:
            self.ticks.append(change)
        elif self.policy == "drop_oldest":
            oldest, *others = [*self.ticks, change]
            self.ticks = [{**oldest, **others[0]}, *others[1:]]
        else:
            return False
        return True


class ByHand:
    """An executor that makes a call when the script says so."""

    def __init__(self) -> None:
        self.call: Any = None

    def submit(self, call: Callable[[], object]) -> None:
        """Keep a call."""
        assert self.call is None, "a second call while one is in flight"
        self.call = call


class LiveModel(RuleBasedStateMachine):
    """Scripts of what is done to a Live."""

    @initialize(policy=st.sampled_from(["latest", "batch", "block", "drop_oldest", "error"]))
    def begin(self, policy: str) -> None:
        """Begin with an input of each number, and ask for everything once."""
        self.waiting = Waiting(policy)
        self.values: Values = {spot.node(number): number for number in range(INPUTS)}
        self.live = Live(dict(self.values), policy=policy, size=SIZE)
        self.pool = ByHand()
        for node in FAST:
            self.live.output(node)
        self.live.output(slow.node(), executor=self.pool, changes_only=False)
        self.frozen: list[tuple[dug.Context, Values]] = []
        self.shown: dict[dug.Node[Any], Any] = {}
        self.tick = 0
        self.is_stale = True
        self.asked: tuple[int, Values] | None = None
        self.answered: tuple[int, Values] | None = None
        self.step_once(is_first=True)

    @rule(changes=st.dictionaries(st.sampled_from(TARGETS), st.integers(-1, 2), min_size=1, max_size=3))
    def push(self, changes: Values) -> None:
        """Push values of inputs, or override other nodes."""
        self.push_all(changes)

    @rule(node=st.sampled_from(TARGETS))
    def give_back(self, node: dug.Node[Any]) -> None:
        """Give a node back to its function."""
        self.push_all({node: GIVEN_BACK})

    def push_all(self, changes: Values) -> None:
        if self.waiting.add(changes):
            self.live.push(changes)
            return
        with pytest.raises(BacklogError):
            self.live.push(changes)

    @rule()
    def step(self) -> None:
        """Take a tick, and compare what is shown."""
        self.step_once(is_first=False)

    def step_once(self, *, is_first: bool) -> None:
        expected = []
        arrived, self.answered = self.answered, None
        if arrived is not None:
            expected.append((arrived[0], slow.node(), evaluate(arrived[1], slow.node())))
        is_tick = bool(self.waiting.ticks)
        if is_tick:
            self.values = {**self.values, **self.waiting.ticks.pop(0)}
            self.tick += 1
            self.is_stale = True
        for node in FAST if is_tick or is_first else ():
            value = evaluate(self.values, node)
            if value is ZeroDivisionError or self.shown.get(node) != value:
                expected.append((self.tick, node, value))
            self.shown[node] = value
        if self.is_stale and self.asked is None:
            self.asked, self.is_stale = (self.tick, dict(self.values)), False

        updates = self.live.step()

        assert [(one.tick, one.node, type(one.error) if one.error else one.value) for one in updates] == expected
        assert self.live.tick == self.tick

    @precondition(lambda self: self.asked is not None)
    @rule()
    def answer_slowly(self) -> None:
        """Let the slow output run, however many ticks have come since it was asked for."""
        call, self.pool.call = self.pool.call, None
        call()
        self.answered, self.asked = self.asked, None

    @rule()
    def freeze(self) -> None:
        """Keep a context of this tick."""
        self.frozen = [*self.frozen[-3:], (self.live.freeze(), dict(self.values))]

    @precondition(lambda self: self.frozen)
    @rule(which=st.integers(0, 3), node=st.sampled_from([*FAST, slow.node(), guarded.node()]))
    def ask_frozen(self, which: int, node: dug.Node[Any]) -> None:
        """A frozen context gives what its tick gave."""
        ctx, values = self.frozen[which % len(self.frozen)]
        assert ctx.run(ask, node) == evaluate(values, node)

    @rule(
        changes=st.dictionaries(st.sampled_from(TARGETS), st.integers(-1, 2), max_size=2),
        node=st.sampled_from([*FAST, guarded.node()]),
        steps=st.booleans(),
    )
    def ask_what_if(self, changes: Values, node: dug.Node[Any], steps: bool) -> None:  # noqa: FBT001  as it is drawn
        """A context inside the one that ticks gives what its own tweaks over a tick give, also after the next tick."""
        with self.live.context, dug.Context(dict(changes)):
            assert ask(node) == evaluate({**self.values, **changes}, node)
            if steps:
                self.step_once(is_first=False)
                assert ask(node) == evaluate({**self.values, **changes}, node)

    def teardown(self) -> None:
        """Close it."""
        if hasattr(self, "live"):
            self.live.close()


LiveModel.TestCase.settings = settings(max_examples=settings.default.max_examples // 2)
TestLiveModel = pytest.mark.slow(LiveModel.TestCase)
