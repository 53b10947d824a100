"""Plays random programs on both builds of dug, loaded in one process, and compares what they did and what they remember.

Run it with ``python tests/two_builds.py --programs 10000 --seed 1``.  The programs are those of independent_model.py, whose
model judges either build as well.  After each operation both must have run the same bodies in the same order, told the same
events, and hold as many memos.  At each run, and after each operation, they must hold as many views: what one build keeps
longer than the other may answer there and not here.  The garbage collector runs between operations only.  At the end of a
script they must hold the same memos: of the same nodes, with the same values, footprints, reads and restrictions, and with the
same readers, of those that read a node now.

What is compiled is loaded once in a process: the compiled build is the dug that the process uses, and the pure one is a copy of
its Python files.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Self
from weakref import WeakSet

sys.path.extend([str(Path(__file__).parent), str(Path(__file__).resolve().parent.parent)])

OWN = ("dug", "independent_model")
SWITCH = "DUG_NO_EXTENSIONS"
LISTENING = 4
"""In one of so many programs the contexts have listeners.  A run that is heard of is finished in Python on either build."""


class Difference(Exception):
    """The two builds did not do the same."""


COLLECTING = 16
"""After one in so many operations there is a full collection, before which the notices of tweaks that are gone are taken in."""


def make_log(count_views: Callable[[], int]) -> tuple[Counter[Any], deque[Any]]:
    """Return what counts runs, and what notes them in their order, each with how many views there are."""
    order: deque[Any] = deque()

    class Log(Counter[Any]):
        def __setitem__(self, key: Any, count: int) -> None:
            order.append((key, count_views()))
            super().__setitem__(key, count)

    return Log(), order


class Build:
    """One build with a copy of the second opinion; in force, its modules are those that an import finds."""

    def __init__(self, *, pure: bool) -> None:
        self.modules: dict[str, ModuleType] = {} if pure else find_loaded("dug")
        with self:
            before = os.environ.pop(SWITCH, None)
            try:
                if pure:
                    os.environ[SWITCH] = "1"
                self.opinion: Any = import_module("independent_model")
            finally:
                os.environ.pop(SWITCH, None)
                if before is not None:
                    os.environ[SWITCH] = before
            self.group: Any = import_module("dug._core.state.group")
            self.earlier: WeakSet[Any] = WeakSet(self.group.CacheGroup.all())
            self.node: Any = import_module("dug._core.facts.node").Node
            self.plain_key: Any = import_module("dug._core.facts.node").plain_key
        self.name = "pure" if pure else "compiled"
        self.is_compiled: bool = self.opinion.dug.COMPILED
        self.log, self.order = make_log(self.count_views)
        self.opinion.RUNS = self.log

    def __enter__(self) -> Self:
        self._others = take_own()
        sys.modules.update(self.modules)
        return self

    def __exit__(self, *_: object) -> None:
        self.modules.update(take_own())
        sys.modules.update(self._others)

    def count_views(self) -> int:
        """Return how many views are alive, of the cache groups that were made here."""
        groups = [group for group in self.group.CacheGroup.all() if group not in self.earlier]
        return sum(len(self.group.members(group.views)) for group in groups)

    def begin(self, seed: int) -> Play:
        """Make the program and the script of a seed."""
        with self:
            return Play(self, *self.opinion.make(seed), listens=seed % LISTENING == 0)


class Play:
    """A script that is played on one build, operation by operation."""

    def __init__(self, build: Build, program: Any, script: list[Any], *, listens: bool) -> None:
        self.build, self.script, self.listens = build, script, listens
        self.heard: WeakSet[Any] = WeakSet()
        self.play = build.opinion.Play(program)

    def do(self, at: int) -> tuple[Any, ...]:
        """Play an operation; return the runs in their order, and how many memos each cache holds."""
        with self.build:
            self.build.log.clear()
            self.build.order.clear()
            self.play.at = at
            getattr(self.play, "do_" + self.script[at][0])(*self.script[at][1:])
            if self.listens:
                for kept in self.play.kept.values():
                    if kept.context not in self.heard:
                        self.heard.add(kept.context)
                        kept.context.listen(self._hear)
            return (list(self.build.order), self.build.count_views(), *(len(cache) for cache in self.caches()))

    def _hear(self, event: Any) -> None:
        self.build.order.append((event.kind, str(event.node)))

    def caches(self) -> Iterator[Any]:
        """The caches that the script has made so far, each once."""
        known = [*self.play.caches.values(), *(kept.context.cache for kept in self.play.kept.values())]
        yield from dict.fromkeys(cache for cache in known if cache is not None)

    def leave(self) -> None:
        """Leave every context, whatever happened."""
        with self.build:
            while self.play.stack:
                self.play.kept[self.play.stack.pop()[0]].context.__exit__(None, None, None)

    def remembered(self) -> list[Any]:
        """What every cache holds now: its memos, node by node, and who reads the nodes."""
        with self.build:
            return [sorted(self._rows(cache)) for cache in self.caches()]

    def _rows(self, cache: Any) -> Iterator[tuple[Any, ...]]:
        group = cache.group
        group.drain(fully=True)
        for key, home in cache.list_homes():
            readers = sorted({self._text(reader.key) for reader in home.live_readers() if reads_now(reader, key)})
            if readers:
                yield self._text(key), "read by", *readers
            for memo in dict.fromkeys((*home.memos(), home.newest)):
                if memo is not None and memo.status != DEAD:
                    footprint, below = (self._name_bits(group, bits) for bits in (memo.footprint, memo.footprint_below))
                    reads = [self._text(read.home.key) for read in memo.dependencies]
                    value = type(memo.value).__name__, self.build.opinion.number(memo.value) if memo.failure is None else "failed"
                    restriction, marks = len(memo.restriction), (memo.status, not memo.verifies(0), memo.opened, memo.transient)
                    yield self._text(key), "memo", footprint, below, reads, restriction, value, marks, len(memo.inner_nodes)

    def _name_bits(self, group: Any, bits: Any) -> list[str]:
        return sorted(map(self._text, group.bits.find_targets(bits)))

    def _text(self, target: Any) -> str:
        if not isinstance(target, tuple):
            return str(target)
        plain = self.build.plain_key(target)
        return f"{self.build.node._of(plain)}{'' if plain is target else ' beneath'}"


def reads_now(reader: Any, key: Any) -> bool:
    """True when a memo of a node read another one; a build may know of more readers, which read it once."""
    memos = [memo for memo in (*reader.memos(), reader.newest) if memo is not None]
    return any(key in memo.inner_nodes or any(read.home.key == key for read in memo.dependencies) for memo in memos)


DEAD = 2
"""The status of a memo that is gone, on either build."""


def find_loaded(package: str) -> dict[str, ModuleType]:
    """Return the modules of a package that an import finds now."""
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == package}


FOREIGN: set[str] = set()
"""The names of the modules of other packages, of which there are thousands in a test: each is looked at once."""


def take_own() -> dict[str, ModuleType]:
    """Take the modules of a build out of those that an import finds."""
    unknown = [name for name in sys.modules if name not in FOREIGN]
    FOREIGN.update(name for name in unknown if name.partition(".")[0] not in OWN)
    return {name: sys.modules.pop(name) for name in unknown if name not in FOREIGN}


def compare(builds: list[Build], seed: int) -> int:
    """Play the script of a seed on both builds; return how many operations it had, or raise the first difference."""
    plays = [build.begin(seed) for build in builds]
    with collecting_now() as collect:
        try:
            for at, operation in enumerate(plays[0].script):
                told = [play.do(at) for play in plays]
                check(f"seed {seed}, operation {at} {operation}", builds, told)
                if (seed + at) % COLLECTING == 0:
                    collect()
            check(f"seed {seed}, at the end", builds, [play.remembered() for play in plays])
            return len(plays[0].script)
        finally:
            for play in plays:
                play.leave()


@contextmanager
def collecting_now() -> Iterator[Callable[[], object]]:
    """Let nothing be collected but when it is asked for, at the same moment for both builds."""
    was_enabled = gc.isenabled()
    gc.disable()
    gc.collect()
    try:
        yield gc.collect
    finally:
        if was_enabled:
            gc.enable()


def check(where: str, builds: list[Build], told: list[Any]) -> None:
    """Raise a difference."""
    if told[0] != told[1]:
        first = next((pair for pair in zip(flat(told[0]), flat(told[1]), strict=False) if pair[0] != pair[1]), told)
        raise Difference(f"{where}: " + ", ".join(f"{build.name} {what!r}" for build, what in zip(builds, first, strict=True)))


def flat(told: Any) -> list[Any]:
    """Give the parts of what a build told that are worth a line."""
    return [row for part in told for row in part] if told and all(isinstance(part, list) for part in told) else list(told)


def load() -> list[Build]:
    """Load both builds, the compiled one first."""
    return [Build(pure=False), Build(pure=True)]


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    builds, began, operations = load(), time.perf_counter(), 0
    if not builds[0].is_compiled or builds[1].is_compiled:
        print("there are no two builds here: the compiled call path is not in use")
        return 2
    gc.freeze()  # what is there by now stays: a full collection passes over it, and takes a fifth of the time
    first = options.seed * 10_000_000
    for seed in range(first, first + options.programs):
        try:
            operations += compare(builds, seed)
        except Exception as error:  # noqa: BLE001  whatever one build did not do as the model says
            print(f"seed {seed}: {type(error).__name__}: {error}")
            return 1
    print(f"{options.programs:,} programs, {operations:,} operations, no difference in {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
