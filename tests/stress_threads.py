"""Many calls from many threads over one warm graph: none wrong, none failed, nothing run twice, nobody stuck.

`python tests/stress_threads.py --calls 1000000 --threads 8 --seed 1`

Some hundred nodes in layers, each of which reads three of the layer beneath, which ones depending on a value. Each thread asks
for random nodes in the shared context and in scenario contexts, shared ones and its own; now and then one of them changes what a
leaf reads outside, and invalidates it. A call must give what the plain functions give for some state of the outside between its
start and its end.

A body is counted as run twice when it ran twice for the same values of the leaves and the same tweaks of its node. Two runs in
two scenarios that were in flight at the same time are counted apart, as *races*: neither can know what the other will not read.
So are runs that read a tweak which nobody may have held in between (*let go*), and those *across changes* of the outside.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

from attrs import define, field
from support.flights import Flights

import dug
from dug._core.steps.frame import current

WIDTH, LAYERS, LEAVES, KEPT, SCENARIOS = 30, 8, 20, 16, 12
STUCK_S = 60

Said = dict[int, int]
"""The leaves that a scenario tweaks."""


def choose(layer: int, place: int, pick: int) -> tuple[int, int, int]:
    """Return which nodes of the layer below a node reads, in order; the last one depends on a value."""
    width = WIDTH if layer > 1 else LEAVES
    return (place * 7 + layer) % width, (place * 3 + 1) % width, (place + pick) % width


def plain(outside: tuple[int, ...], said: Said, layer: int, place: int, known: dict[tuple[int, int], int]) -> int:
    """Return the value of a node without any cache but `known`, for one state of the world."""
    if not layer:
        return said.get(place, outside[place])
    if (layer, place) not in known:
        first, second, _ = choose(layer, place, 0)
        one = plain(outside, said, layer - 1, first, known)
        two = plain(outside, said, layer - 1, second, known)
        third = choose(layer, place, one % 2)[2]
        known[layer, place] = (one * 5 + two * 3 + plain(outside, said, layer - 1, third, known)) % 7
    return known[layer, place]


class Ran(NamedTuple):
    """One run of a body: its tweaks, its state of the outside (-1 if that changed during the run), from when to when."""

    layer: int
    place: int
    said: tuple[tuple[int, int], ...]
    state: int
    began: int
    ended: int


@define(eq=False)
class RunsInFlight(Flights):
    """The runs of bodies that ended, from when others could join them until they were filed; no run is kept."""

    bodies: dict[Any, Ran] = field(factory=dict)
    runs: list[Ran] = field(factory=list)

    def end(self, run: Any) -> None:
        """Note the run of a body, and let go of it."""
        body = self.bodies.pop(run, None)
        if body is not None:
            self.runs.append(body._replace(began=self.began_at(run, body.began), ended=next(self.clock)))
        self.began.pop(run, None)


@define(eq=False)
class World:
    """The graph, its contexts and the recorded runs."""

    seed: int
    outside: list[int] = field(init=False)
    functions: list[Any] = field(init=False)
    root: dug.Context = field(init=False)
    scenarios: list[tuple[Said, dug.Context]] = field(init=False)
    keepers: list[dug.Context] = field(init=False)
    """They hold the tweaks of the leaves that are kept, so that memos that read them are kept too."""
    states: list[tuple[int, ...]] = field(init=False)
    begun: int = 0
    done: int = 0
    flights: RunsInFlight = field(factory=lambda: RunsInFlight(count()))
    changing: Any = field(factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        chance = random.Random(self.seed)
        self.outside = [chance.randrange(3) for _ in range(LEAVES)]
        self.states = [tuple(self.outside)]
        self.functions = [self._make_leaf(), *map(self._make_layer, range(1, LAYERS + 1))]
        self.root = dug.Context(cache=dug.Cache())
        self.scenarios = [self.make(chance) for _ in range(SCENARIOS)]
        self.keepers = [dug.Context({self.functions[0].node(leaf): value}) for leaf in range(KEPT) for value in range(3)]
        with self.root:
            for keeper in self.keepers:
                keeper.run(int)

    def make(self, chance: random.Random) -> tuple[Said, dug.Context]:
        """Return a new scenario: one or two leaves are different."""
        said = {chance.randrange(LEAVES): chance.randrange(3) for _ in range(chance.randint(1, 2))}
        return said, dug.Context({self.functions[0].node(leaf): value for leaf, value in said.items()})

    def _make_leaf(self) -> Any:
        @dug.source
        def leaf(place: int) -> int:
            return self._noted(0, place, lambda: self.outside[place])

        return leaf

    def _make_layer(self, layer: int) -> Any:
        @dug.memoize
        def node(place: int) -> int:
            return self._noted(layer, place, lambda: self._compute(layer, place))

        return node

    def _compute(self, layer: int, place: int) -> int:
        below = self.functions[layer - 1]
        first, second, _ = choose(layer, place, 0)
        one, two = below(first), below(second)
        third = choose(layer, place, one % 2)[2]
        return (one * 5 + two * 3 + below(third)) % 7

    def _noted(self, layer: int, place: int, compute: Callable[[], int]) -> int:
        run = current.get()
        done, began = self.done, next(self.flights.clock)
        try:
            return compute()
        finally:
            is_whole = done == self.begun and run.generation == run.view.group.generation
            said = tuple(sorted((handle.target[1], handle.spec.value) for handle in run.view.tweaks.handles))
            self.flights.bodies[run] = Ran(layer, place, said, done if is_whole else -1, began, began)

    def change(self, chance: random.Random) -> None:
        """Let the outside of one leaf change, and say so."""
        with self.changing:
            place = chance.randrange(LEAVES)
            after = list(self.outside)
            after[place] = (after[place] + 1) % 3
            self.states.append(tuple(after))
            self.begun += 1
            self.outside[place] = after[place]
            self.root.invalidate(self.functions[0].node(place))
            self.done += 1


@define(eq=False)
class Asker:
    """One thread: its questions, and how often it got a wrong answer."""

    world: World
    seed: int
    calls: int
    every: int
    changed: int = 0
    checked: int = 0
    wrong: list[Any] = field(factory=list)
    errors: list[BaseException] = field(factory=list)
    answers: dict[Any, Any] = field(factory=dict)

    def run(self) -> None:
        """Ask in portions, each in one scenario."""
        world, chance = self.world, random.Random(self.seed)
        left = self.calls
        try:
            with world.root:
                while left > 0:
                    said, ctx = chance.choice(world.scenarios) if chance.random() < 0.7 else world.make(chance)
                    portion = min(left, chance.randint(1, 400))
                    left -= portion
                    if chance.random() < 0.25:
                        self._ask({}, portion, chance)
                    else:
                        with ctx:
                            self._ask(said, portion, chance)
        except BaseException as exc:  # noqa: BLE001  counted
            self.errors.append(exc)

    def _ask(self, said: Said, portion: int, chance: random.Random) -> None:
        world, functions = self.world, self.world.functions
        tweaks = tuple(sorted(said.items()))
        for _ in range(portion):
            layer, place = chance.randint(1, LAYERS), chance.randrange(WIDTH)
            first = world.done
            value = functions[layer](place)
            last = world.begun
            if first == last:
                self.checked += 1
                expected = self._expect(first, tweaks, said, layer, place)
                if value != expected:
                    self.wrong.append((layer, place, said, value, expected, first))
            if self.every and chance.randrange(self.every) == 0:
                world.change(chance)
                self.changed += 1

    def _expect(self, state: int, tweaks: Any, said: Said, layer: int, place: int) -> int:
        known = self.answers.get((state, tweaks))
        if known is None:
            if len(self.answers) > 200:
                self.answers.clear()
            known = self.answers[state, tweaks] = {}
        return plain(self.world.states[state], said, layer, place, known)


def find_doubles(world: World) -> Counter[str]:
    """Return how many runs computed a known memo again: by runs in two scenarios at once, and in any other way.

    A run is known by its node, the state of the outside and the tweaks of what it read; runs during which the outside changed are
    left out.
    """
    counts: Counter[str] = Counter(runs=len(world.flights.runs))
    known: dict[Any, list[Ran]] = {}
    for ran in sorted(world.flights.runs, key=lambda ran: ran.began):
        if ran.state < 0:
            counts["across changes"] += 1
            continue
        said, read = dict(ran.said), set()
        trace(world.states[ran.state], said, ran.layer, ran.place, read)
        heard = tuple(pair for pair in ran.said if pair[0] in read)
        before = known.setdefault((ran.layer, ran.place, ran.state, heard), [])
        if before:
            is_race = any(other.ended > ran.began and other.said != ran.said for other in before)
            is_let_go = any(leaf >= KEPT for leaf, _ in heard)
            counts["let go" if is_let_go else "races" if is_race else "doubles"] += 1
        before.append(ran)
    return counts


def trace(outside: tuple[int, ...], said: Said, layer: int, place: int, read: set[int]) -> None:
    """Collect the leaves that a node reads."""
    pending, seen, known = [(layer, place)], set(), {}
    while pending:
        layer, place = pending.pop()
        if (layer, place) in seen:
            continue
        seen.add((layer, place))
        if not layer:
            read.add(place)
            continue
        first, second, _ = choose(layer, place, 0)
        one = plain(outside, said, layer - 1, first, known)
        pending += [(layer - 1, below) for below in (first, second, choose(layer, place, one % 2)[2])]


def stress(*, calls: int, threads: int, seed: int, changes: int) -> Counter[str]:
    """Return the figures of one run."""
    world = World(seed)
    with world.root:
        for place in range(WIDTH):
            world.functions[LAYERS](place)
    every = calls // changes if changes else 0
    askers = [Asker(world, seed * 1000 + number, calls // threads, every) for number in range(threads)]
    workers = [threading.Thread(target=asker.run, daemon=True) for asker in askers]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with world.flights.noted(world.root):
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(max(STUCK_S, calls // 500))
                assert not worker.is_alive(), "a thread hangs"
    finally:
        sys.setswitchinterval(before)
    counts = find_doubles(world)
    counts["calls"] = sum(asker.calls for asker in askers)
    counts["checked"] = sum(asker.checked for asker in askers)
    counts["changes"] = sum(asker.changed for asker in askers)
    counts["wrong"] = sum(len(asker.wrong) for asker in askers)
    counts["errors"] = sum(len(asker.errors) for asker in askers)
    for asker in askers:
        for error in asker.errors:
            raise error
        assert not asker.wrong, asker.wrong[:3]
    return counts


def main() -> int:
    """Run, print the figures, and return 0 when nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--changes", type=int, default=200, help="about how often the outside changes")
    options = parser.parse_args()
    faulthandler.dump_traceback_later(max(STUCK_S, options.calls // 500), exit=True)
    began = time.monotonic()
    counts = stress(calls=options.calls, threads=options.threads, seed=options.seed, changes=options.changes)
    faulthandler.cancel_dump_traceback_later()
    shown = ", ".join(f"{counts[name]:,} {name}" for name in ("calls", "wrong", "errors", "doubles"))
    also = ", ".join(f"{counts[name]:,} {name}" for name in ("checked", "runs", "races", "let go", "across changes", "changes"))
    print(f"{shown} ({also}; {options.threads} threads, {time.monotonic() - began:.0f} s)")
    return int(bool(counts["wrong"] or counts["errors"] or counts["doubles"]))


if __name__ == "__main__":
    sys.exit(main())
