"""Breaks the engine on purpose, one fault at a time, and says whether the tests that look for it notice.

`python tests/mutants.py [--jobs N] [--only TEXT]` copies the package for each mutant, replaces one piece of its text, and
runs `test_model.py` against the copy, with a fixed seed and up to the first counterexample; or, for the faults that only many
threads and tasks can notice, the tests of those. It fails when a mutant survives, and when a text is no longer found exactly
once: then the engine was changed, and the mutant must follow it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "dug"
LONGEST_S = 900
"""A mutant that takes so long hangs, and is caught as well; a survivor needs a minute or two."""


@frozen
class Mutant:
    """One deliberate fault: what it is, and the text of one file that makes it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ("test_model.py",)


MANY = ("test_concurrent_model.py",)
THREADS = ("test_thread_safety.py",)
TRAPS = ("test_traps.py",)
WAITERS = ("test_single_flight.py",)

MUTANTS = (
    Mutant(
        "a hit of the parent serves although a tweak masks it",
        "_core/_begin.py",
        "if masked is not None and not masked.footprint & view.delta and masked.status == LIVE:",
        "if masked is not None:",
    ),
    Mutant(
        "a memo without tweaks serves although a tweak masks it",
        "_core/_find.py",
        "if plain is not None and not plain.footprint & in_force.mask and plain.serves(call):",
        "if plain is not None and plain.serves(call):",
    ),
    Mutant(
        "results are filed one level too far out",
        "_core/_finish.py",
        "restriction = view.in_force.restrict(footprint) if footprint & view.in_force.mask else NO_TWEAKS",
        "restriction = NO_TWEAKS",
    ),
    Mutant(
        "a memo says nothing of whether its own node was tweaked",
        "_core/_finish.py",
        "footprint = below | own_bits(view, key) if view.registry.node_bits(key[0]) else below",
        "footprint = below",
    ),
    Mutant(
        "a first tweak is not told to the memos that exist",
        "_core/_registry.py",
        "walk = self._spread(target, bit)",
        "walk = None",
    ),
    Mutant(
        "a first tweak is told to what met a nearer one inside a run",
        "_core/_registry.py",
        "return any(watch is not None and watch.target == key for watch in watches)",
        "return False",
        TRAPS,
    ),
    Mutant(
        "a first tweak is not told to what met a farther one inside a run",
        "_core/_registry.py",
        "return any(watch is not None and watch.target == key for watch in watches)",
        "return any(watch is not None for watch in watches)",
        TRAPS,
    ),
    Mutant(
        "verification keeps the footprint of the old dependencies",
        "_core/_finish.py",
        "return finish(run, candidate.value, candidate.seconds, held=candidate)",
        "run.reads = dict.fromkeys(candidate.dependencies)\n"
        "    return finish(run, candidate.value, candidate.seconds, held=candidate)",
    ),
    Mutant(
        "verification believes every candidate",
        "_function.py",
        "        if changed is None:\n",
        "        if True:\n",
    ),
    Mutant(
        "verification asks for dependencies in the wrong order",
        "_function.py",
        "        for read in reads:  # in",
        "        for read in reads[::-1]:  # in",
    ),
    Mutant(
        "nothing is verified",
        "_core/_memo.py",
        "        self.verifies = body\n",
        "        self.verifies = TWEAKED\n",
    ),
    Mutant(
        "a run that opened a context is verified through its dependencies",
        "_core/_finish.py",
        "True, TWEAKED\n",
        "True, run.body\n",
    ),
    Mutant(
        "what another body computed is verified",
        "_core/_verify.py",
        "            return (newest,) if newest.verifies == run.body else ()\n",
        "            return (newest,)\n",
    ),
    Mutant(
        "a bump acts on the node without any tweak",
        "_core/_find.py",
        "return BENEATH, plain_key(key), 0 if under is None else under.serial",
        "return BENEATH, plain_key(key), 0",
    ),
    Mutant(
        "an error is served to another call",
        "_core/_memo.py",
        "        if self.call is None or self.call is call:\n",
        "        if True:\n",
    ),
    Mutant(
        "what caught the error of a source is served to another call",
        "_core/_finish.py",
        "memo.transient = run.transient or is_source_error or any(map(_transient, memo.dependencies))",
        "memo.transient = run.transient or is_source_error",
    ),
    Mutant(
        "invalidating a node keeps what was computed from it",
        "_core/_registry.py",
        "                walk.follow()\n                for memo, cache in walk.touched.items():\n",
        "                for memo, cache in walk.touched.items():\n",
    ),
    Mutant(
        "invalidating a node leaves the hits of the contexts",
        "_core/_registry.py",
        "may have looked before the walk came by\n        self.forget_hits()\n",
        "may have looked before the walk came by\n",
    ),
    Mutant(
        "a redefined function keeps what the old one computed",
        "_memoize.py",
        "        registry.forget((known,))\n",
        "        pass\n",
    ),
    Mutant(
        "what was read under a context inside a run goes on as it is",
        "_core/_entry.py",
        "            if not moved.keep(memo):\n",
        "            if moved.keep(memo) and False:\n",
    ),
    Mutant(
        "the tweaks of a context inside a run leak outward",
        "_core/_entry.py",
        "outer.extra |= moved.extra & ~overrides",
        "outer.extra |= moved.extra",
    ),
    Mutant(
        "the footprint of what was read under a context inside a run is lost",
        "_core/_entry.py",
        "outer.extra |= moved.extra & ~overrides",
        "pass",
    ),
    Mutant(
        "what ran under a context of a node inside one of a run asks for no tweaks",
        "_core/_entry.py",
        "            self._note(view.pin(inner))\n",
        "            self.inner[view.pin(inner)] = None\n",
        TRAPS,
    ),
    Mutant(
        "memos outlive the tweaks that they read",
        "_core/_registry.py",
        "released.append(watch.serial)",
        "pass",
    ),
    Mutant(
        "values are the same when they compare equal",
        "_core/_equality.py",
        "        return kind, value\n",
        "        return value\n",
    ),
    Mutant(
        "a tweak of a function beats a tweak of its node",
        "_core/_scenario.py",
        "return content.get(key) or content.get(key[0])",
        "return content.get(key[0]) or content.get(key)",
    ),
    Mutant(
        "a tweak of an open context is not shown to the contexts inside",
        "_core/_entry.py",
        "    for inner in tuple(entry.entries or ()):\n        renew_within(inner)\n",
        "",
    ),
    Mutant(
        "a layered cache does not read the one beneath",
        "_core/_find.py",
        "        cache = cache.beneath\n    return None\n\n\ndef match(",
        "        cache = None\n    return None\n\n\ndef match(",
    ),
    Mutant(
        "a run is not entered among those in flight",
        "_core/_begin.py",
        "    run.view.in_force.running[state] = state.flight = run\n",
        "",
        MANY,
    ),
    Mutant(
        "who waits is not told of the exception",
        "_core/_flight.py",
        "        wait.came, wait.failure = came, failure\n",
        "        wait.came = came\n",
        WAITERS,
    ),
    Mutant(
        "what read something that was forgotten meanwhile is filed",
        "_core/_finish.py",
        "if below & FORGOTTEN or (",
        "if (",
        THREADS,
    ),
    Mutant(
        "what caught a failure that was tried again meanwhile is filed",
        "_core/_finish.py",
        "    if any(read.status == DEAD for read in memo.dependencies):",
        "    if False:",
        THREADS,
    ),
    Mutant(
        "a hit stays that was forgotten while it was looked for",
        "_core/_begin.py",
        "        if memo.status != LIVE:  # forgotten",
        "        if False:  # forgotten",
        THREADS,
    ),
    Mutant(
        "nobody looks again after a run was entered",
        "_core/_begin.py",
        "registry.filings == filings and state.alive:",
        "state.alive:",
        ("test_interleavings.py", "-k", "runs_once"),
    ),
    Mutant(
        "a run begins in another scenario than was searched",
        "_core/_begin.py",
        "run = Run(view, frame,",
        "run = Run(frame.view, frame,",
        ("test_interleavings.py", "-k", "tweaked_while"),
    ),
    Mutant(
        "who met others in flight does not look again before it runs",
        "_core/_begin.py",
        "state.alive and registry.filings == filings and running.get(state) is other:",
        "state.alive and running.get(state) is other:",
        ("test_interleavings.py", "-k", "runs_once"),
    ),
    Mutant(
        "a first bit can be seen before the memos have it",
        "_core/_registry.py",
        "                    bit = 2 << len(self._bits)  # bit 0",
        "                    bit = self._bits[target] = 2 << len(self._bits)  # bit 0",
        ("test_interleavings.py", "-k", "first_bit"),
    ),
    Mutant(
        "who waits is not woken",
        "_core/_flight.py",
        "        wait.wake()\n",
        "",
        (*WAITERS, "-k", "threads"),
    ),
    Mutant(
        "nobody says that a run was cancelled before it began",
        "_backends/_asyncio.py",
        "            self.add_done_callback(_see_off)\n",
        "            pass\n",
        (*WAITERS, "-k", "stranger"),
    ),
    Mutant(
        "a run that no loop drives stays in flight",
        "_async_function.py",
        "            abandon(found)\n",
        "            pass\n",
        (*THREADS, "-k", "no_loop_drives"),
    ),
    Mutant(
        "memos are filed while those that exist are given a new bit",
        "_core/_registry.py",
        "            with self.lock:\n                bit = self._bits.get(target)\n",
        "            if True:\n                bit = self._bits.get(target)\n",
        ("test_interleavings.py", "-k", "ask_root-ask_kept"),
    ),
    Mutant(
        "an entry does not look again whether its context has changed",
        "_context.py",
        "        while view.layers is not self._scenario.specs or (outer is not None and view.parent is not outer.view):",
        "        while False:",
        ("test_interleavings.py", "-k", "changed_while_another"),
    ),
    Mutant(
        "a view that another thread made is taken for one's own",
        "_context.py",
        "        self._keep_up(entry)\n        return entry\n",
        "        self._keep_up(entry)\n        entry.view = self._last\n        return entry\n",
        ("test_interleavings.py", "-k", "ask_kept-ask_kept"),
    ),
    Mutant(
        "a wait for what is done closes a circle",
        "_core/_flight.py",
        "and not wait.run.is_done",
        "",
        MANY,
    ),
    Mutant(
        "a wait that closes a circle is not noticed",
        "_core/_flight.py",
        "        path = _find_circle(frame, run, thread, registry.blocked)\n",
        "        path = None\n",
        (*WAITERS, "-k", "circle_over_threads"),
    ),
    Mutant(
        "what comes after its context was left is lost",
        "_core/_entry.py",
        "            _settle_outward(entry)\n\n    def setdefault",
        "            pass\n\n    def setdefault",
        THREADS,
    ),
    Mutant(
        "what comes after its context was tweaked counts as asked for there",
        "_core/_entry.py",
        "    then = frame if frame.view is view else _frame_then(frame, view)\n",
        "    then = frame\n",
        THREADS,
    ),
    Mutant(
        "a lock is held while memos are released",
        "_core/_registry.py",
        "before the walk came by\n        self.forget_hits()\n",
        "\n            taken.clear()\n            walk = memo = cache = None\n            self.forget_hits()\n",
        THREADS,
    ),
)


def main() -> int:
    """Run all mutants; return 0 when each was caught."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--only", default="", help="run those with this text in their name")
    options = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if options.only in mutant.name]
    lost = [mutant for mutant in chosen if (PACKAGE / mutant.file).read_text().count(mutant.old) != 1]
    for mutant in lost:
        print(f"LOST      {mutant.name}: {mutant.file} does not hold its text exactly once")
    if lost:
        return 2
    with ThreadPoolExecutor(options.jobs) as pool:
        caught = list(pool.map(try_mutant, chosen))
    print(f"{sum(caught)} of {len(caught)} mutants caught")
    return 0 if all(caught) else 1


def try_mutant(mutant: Mutant) -> bool:
    """Return whether its tests find a fault in a copy of the package, and say so."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        copy = Path(folder, "dug")
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        text = (copy / mutant.file).read_text()
        (copy / mutant.file).write_text(text.replace(mutant.old, mutant.new))
        verdict = run_tests(Path(folder), mutant.tests)
    is_caught = verdict == "hung" or ".py::" in verdict  # a package that cannot be imported says nothing of its fault
    word = "caught" if is_caught else "SURVIVED" if " passed" in verdict else "BROKEN"
    print(f"{word:9} {mutant.name} ({time.monotonic() - began:.0f} s: {verdict})", flush=True)
    return is_caught


def run_tests(folder: Path, tests: tuple[str, ...]) -> str:
    """Return the last words of tests that were run with the package that is in `folder`."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider"]
    command += ["--hypothesis-profile=mutants", str(TESTS / tests[0]), *tests[1:]]
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "hung"
    lines = done.stdout.splitlines() or ["nothing was run"]
    reasons = [line for line in lines if line.startswith("FAILED") or " passed" in line]
    return (reasons or lines[-1:])[0].removeprefix("FAILED ")[:100]


if __name__ == "__main__":
    sys.exit(main())
