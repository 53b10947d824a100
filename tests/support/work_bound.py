"""Which bodies have a reason to run: the demands of P2, P3, P4 and P5 on a cache, written as sets.

`WorkBound` keeps the *facts* that an ideal cache would hold. A fact is one finished run, known by its node and by what
it heard: what every node that the run consulted was told by tweaks ("nothing" is heard too). `settle` walks over the
oracle's run of a call and yields the runs that no fact makes needless. A run is needless when

* its fact is held: the same node heard the same before, and all the tweaks it heard were held by some context since
  then (P2), be it in another scenario (P4); or
* one of the newest runs of the same body read the same nodes, and they give the same values now (P3).

A fact is dropped when nobody holds a tweak it heard any more, so `size` bounds the memos of a clean cache (P5).
There are no footprints and no views here: too slow for a cache, and too simple to be wrong in the way a cache is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator

from attrs import define, field, frozen

from .oracle import Level, Levels, Outcome, Run, Said
from .programs import SOURCES, Box, Bump, Call, Expression, Key, Outside, Replacement, Tweak, Untweaked, Value

Work = tuple[Call, Expression | None]


@frozen(cache_hash=True)
class Title:
    """The identity of a fact: the node, and the tweaks heard by it and the nodes it consulted."""

    node: Call
    heard: frozenset[tuple[Call, tuple[tuple[Key, Tweak], ...]]]

    def without_untweaked(self) -> Title:
        """Return the title for a cache that takes `UNTWEAKED`, where it keeps a function's tweak from a node, for none at all."""
        heard = ((node, tuple(each for each in said if not isinstance(each[1], Untweaked))) for node, said in self.heard)
        return Title(self.node, frozenset(heard))


@define(eq=False)
class Fact:
    """One finished run, as seen from the scenario it began in."""

    run: Run
    title: Title
    causes: list[Fact]
    reads: tuple[tuple[Call, Outcome, object], ...]
    heard: set[tuple[Call, tuple[Said, ...]]]
    ran: set[Call]
    met_source_error: bool
    is_expired: bool = False

    @property
    def is_plain(self) -> bool:
        """The run heard no tweak at all."""
        return not any(said for _, said in self.title.heard)

    @property
    def is_brief(self) -> bool:
        """It answers only until the end of the outermost call (P9)."""
        return self.run.outcome.failed or self.met_source_error

    def heard_tweak(self, tweak: tuple[Key, Tweak]) -> bool:
        """The run, or one that it read, heard this tweak."""
        return any(tweak in said for _, said in self.title.heard)

    def ran_body_of(self, nodes: set[Call]) -> bool:
        """The own body of one of these nodes ran for it, and not only a replacement."""
        is_own = self.run.node in nodes and runs_own_body(self.run)
        return is_own or any(cause.ran_body_of(nodes) for cause in self.causes)

    def heard_bump_in(self, level: Level) -> bool:
        """The run was made with this level in force, and heard a bump or a replacement there or further inwards."""
        depth = next((depth for depth, each in enumerate(self.run.levels) if each is level), None)
        return depth is not None and any(each.depth >= depth and not each.is_final for _, said in self.heard for each in said)

    def makes_needless(self, other: Fact) -> bool:
        """The other run would do the same work: the same body runs, and reads the same values of the same nodes."""
        return (
            self.run.body is other.run.body
            and self.said_of_itself == other.said_of_itself
            and not (self.is_expired or self.is_brief or self.run.opened)
            and self.reads == other.reads
            and not any(outcome.failed for _, outcome, _ in self.reads)
        )

    @property
    def said_of_itself(self) -> tuple[tuple[Key, Tweak], ...]:
        """The replacement of the body, and the tweaks beneath it."""
        return () if runs_own_body(self.run) else plainly(self.run.said)


def learn(run: Run) -> Fact:
    """Return the fact that a run establishes, with the facts it depends on."""
    causes = [learn(read) for read in run.reads]
    heard = {(run.node, run.said)}
    for cause in causes:
        heard.update(overhear(cause, inside=len(run.levels)))
    return Fact(
        run=run,
        title=Title(run.node, frozenset((node, plainly(said)) for node, said in heard)),
        causes=causes,
        reads=tuple(dict.fromkeys((read.node, read.outcome, mark(read.outcome)) for read in run.reads)),
        heard=heard,
        ran=set().union([] if is_given(run) else [run.node], *(cause.ran for cause in causes)),
        met_source_error=is_source_error(run) or any(cause.met_source_error for cause in causes),
    )


def mark(outcome: Outcome) -> object:
    """Return a mark that makes a mutable value unlike any other: the same object may hold something else by now."""
    return object() if isinstance(outcome.value, Box) else None


def overhear(cause: Fact, inside: int) -> Iterator[tuple[Call, tuple[Said, ...]]]:
    """Yield the tweaks that a run heard by reading another one, less those of contexts opened inside the run."""
    for node, said in cause.heard:
        if not (said and said[-1].is_final and said[-1].depth >= inside):
            yield node, tuple(each for each in said if each.depth < inside)


def plainly(said: tuple[Said, ...]) -> tuple[tuple[Key, Tweak], ...]:
    """Return tweaks without where they were said; `UNTWEAKED` says nothing unless it keeps a function's tweak from a node."""
    return tuple((each.key, each.tweak) for each in said if each.hides or not isinstance(each.tweak, Untweaked))


def runs_own_body(run: Run) -> bool:
    """Neither a value nor a bump nor a replacement took the body's place."""
    return run.body is not None and not (run.said and isinstance(run.said[0].tweak, Replacement))


def is_given(run: Run) -> bool:
    """Nothing ran: a tweak gave the value."""
    return bool(run.said) and isinstance(run.said[0].tweak, Value)


def is_source_error(run: Run) -> bool:
    """A source failed."""
    return run.node.function < SOURCES and run.outcome.failed


@define
class WorkBound:
    """The facts, by cache; the newest of each node, with which P3 begins; how many contexts hold each tweak."""

    facts: dict[Hashable, dict[Title, Fact]] = field(factory=dict)
    newest: dict[tuple[Hashable, Call, bool], Fact] = field(factory=dict)
    holders: Counter[tuple[Key, Tweak]] = field(factory=Counter)
    doubts: dict[Hashable, set[Title]] = field(factory=dict)
    remembered: set[Key] = field(factory=set)
    """The nodes that were `UNTWEAKED` around a context which may remember its entry there, and with it their runs."""

    def hold(self, tweaks: Iterable[tuple[Key, Tweak]]) -> None:
        """Note that one more context says this."""
        self.holders.update(tweaks)

    def release(self, tweaks: Iterable[tuple[Key, Tweak]], *, is_remembered: bool = False) -> None:
        """Note that a context no longer says this: facts that heard it, and can hear it from nobody else, go.

        A bump that somebody else says as well may stand on something else there, and then it is another tweak.
        """
        for tweak in tweaks:
            if is_remembered and isinstance(tweak[1], Untweaked):
                self.remembered.add(tweak[0])
            self.holders[tweak] -= 1
            if not self.holders[tweak]:
                self.forget(lambda fact, tweak=tweak: fact.heard_tweak(tweak))
            elif isinstance(tweak[1], Bump):
                self._expire(lambda fact, tweak=tweak: fact.heard_tweak(tweak))

    def invalidate(self, nodes: set[Call]) -> None:
        """Drop the facts that ran these nodes; facts that only heard a value of them stay."""
        for cache, fact in self._pick(lambda fact: not nodes.isdisjoint(fact.ran)):
            del self.facts[cache][fact.title]

    def redefine(self, nodes: set[Call]) -> None:
        """Drop the facts that ran these nodes; a cache may keep those for which only replacements ran in their place."""
        for cache, fact in self._pick(lambda fact: not fact.ran_body_of(nodes)):
            if not nodes.isdisjoint(fact.ran):
                self.doubts.setdefault(cache, set()).add(fact.title)
        self.invalidate(nodes)

    def end_call(self) -> None:
        """Do not count on errors any more; they stay to be looked at."""
        self._expire(lambda fact: fact.is_brief)

    def clear(self, cache: Hashable) -> None:
        """Let go of all facts of a cache."""
        self.facts.pop(cache, None)
        self.doubts.pop(cache, None)

    def size(self, cache: Hashable) -> int:
        """Return how many memos a clean cache may hold."""
        return len(self.doubts.get(cache, set()).union(self.facts.get(cache, ())))

    def settle(self, fact: Fact, *, is_doubted: bool = False) -> Iterator[Work]:
        """Yield the bodies with a reason to run for this fact to be known (and None for a bump), and file it.

        If it is in doubt whether a cache had to run something, the facts from that do not count.
        """
        known = self._find(fact)
        if known is not None and not known.is_expired:
            return
        is_doubted |= (known is not None and not known.is_brief) or self._is_doubtful(fact)
        is_needless = any(self._find_needless(fact))
        levels = fact.run.levels
        for cause in fact.causes:
            if fact.run.opened:
                levels = self._leave(levels, cause.run.levels)
            yield from self.settle(cause, is_doubted=is_doubted)
        if fact.run.opened:
            self._leave(levels, fact.run.levels)
        if not is_needless and not is_given(fact.run):
            yield fact.run.node, fact.run.body
        self._file(fact, is_doubted=is_doubted)

    def forget(self, is_meant: Callable[[Fact], bool]) -> None:
        """Let go of the facts that are meant."""
        for cache, fact in self._pick(is_meant):
            del self.facts[cache][fact.title]

    def _expire(self, is_meant: Callable[[Fact], bool]) -> None:
        for _, fact in self._pick(is_meant):
            fact.is_expired = True

    def _pick(self, is_meant: Callable[[Fact], bool]) -> list[tuple[Hashable, Fact]]:
        return [(cache, fact) for cache, facts in self.facts.items() for fact in facts.values() if is_meant(fact)]

    def _find(self, fact: Fact) -> Fact | None:
        held = (self.facts.get(cache, {}).get(fact.title) for cache in caches_of(fact.run.levels))
        return min((known for known in held if known is not None), key=lambda known: known.is_expired, default=None)

    def _is_doubtful(self, fact: Fact) -> bool:
        """A node's `UNTWEAKED` under a tweak of its function is a tweak of its own, or as good as none: a cache may choose.

        So may it for a node that hears nothing, beneath a bump or not, while a run under such an `UNTWEAKED` may be known.
        A cache around may have kept the run after a redefinition, so that nothing is filed here: the run goes with that cache.
        """
        may_be_kept = any(fact.title in self.doubts.get(cache, ()) for cache in caches_of(fact.run.levels)[:-1])
        hides = any(each.hides for _, said in fact.heard for each in said)
        may_be_known = self.holders[fact.run.node, Untweaked()] > 0 or fact.run.node in self.remembered
        return hides or may_be_kept or (may_be_known and not plainly(fact.run.said))

    def _find_needless(self, fact: Fact) -> Iterator[bool]:
        cache = caches_of(fact.run.levels)[-1]
        for is_plain in (True, False):
            older = self.newest.get((cache, fact.run.node, is_plain))
            if older is not None and self.facts.get(cache, {}).get(older.title) is older:
                yield older.makes_needless(fact)

    def _file(self, fact: Fact, *, is_doubted: bool) -> None:
        cache = caches_of(fact.run.levels)[-1]
        self.facts.setdefault(cache, {})[fact.title] = fact
        if is_doubted:
            fact.is_expired = True
            self.doubts.setdefault(cache, set()).add(fact.title)
        if not fact.run.outcome.failed:
            self.newest[cache, fact.run.node, False] = fact
            if fact.is_plain:
                self.newest[cache, fact.run.node, True] = fact

    def _leave(self, levels: Levels, entered: Levels) -> Levels:
        """Drop the facts of contexts which a body has left, in going from one read to the next.

        As in `release`, a bump that somebody else says as well may stand on something else there.
        """
        if levels is not entered:
            common = [old for old, new in zip(levels, entered, strict=False) if old is new]
            said = {tweak for level in common for tweak in level.tweaks.items()}
            self.forget(lambda fact: any(self._is_lost(each, said) for _, each in fact.title.heard))
            left = levels[len(common) : len(common) + 1]
            self._expire(lambda fact: any(map(fact.heard_bump_in, left)))
            for cache in set(caches_of(levels)) - set(caches_of(common)):
                self.clear(cache)
        return entered

    def _is_lost(self, heard: tuple[tuple[Key, Tweak], ...], said: set[tuple[Key, Tweak]]) -> bool:
        return any(not self.holders[tweak] and tweak not in said for tweak in heard)


def caches_of(levels: Iterable[Level]) -> list[Hashable]:
    """Return the caches that can be read in a scenario, the one that is written last."""
    return [level.cache for level in levels if level.cache is not None]


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
