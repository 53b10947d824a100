"""Breaks the engine on purpose, one fault at a time, and says whether the tests that look for it notice.

`python tests/mutants.py [--jobs N] [--only TEXT] [--part I/N] [--of-c]` copies the package for each mutant, replaces a text, and
runs `test_model.py` against the copy, with a fixed seed and up to the first counterexample; or, for the faults that only many
threads and tasks can notice, the tests of those. It fails when a mutant survives, and when a text is no longer found exactly
once: then the engine was changed, and the mutant must follow it.

The build in use is the one that is broken. The engine has one source, so a mutant of a Python file serves both; where that file
is compiled as it stands, the copy is compiled again. Mutants of C are left out where nothing is compiled.

A copy of which something must be compiled takes ten seconds and more, so the mutants of Python files are tried on the pure
path, and with `--of-c` the others, which only a compiled build has.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

import dug

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "dug"
LONGEST_S = 900
"""A mutant that takes so long hangs, and is caught as well; a survivor needs a minute or two."""

Edit = tuple[str, str, str]
"""A file of the package, a text that it holds exactly once, and its replacement."""


@frozen
class Mutant:
    """One deliberate fault: its name, and the text of one file that makes it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ("core/test_model.py",)

    @property
    def is_in_c(self) -> bool:
        """True for a fault that cannot be on the pure path, or shows nothing there: nothing is hidden from the collector."""
        return self.file.endswith((".c", ".h", ".pxd")) or self.tests[0] == COLLECTOR[0]

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What makes the fault."""
        return ((self.file, self.old, self.new),)


ENTRY = ("core/test_entry.py",)
RELEASING = ("core/test_releasing.py",)
TICKS = ("core/test_ticks.py",)
LIVE = ("live/test_live_model.py",)
LIVE_UPDATES = ("live/test_updates.py",)
EVENTS = ("core/test_events.py",)
RECORDINGS = ("replay/test_recordings.py",)
REPLAYS = ("replay/test_replays.py", "-m", "not slow")
REPLAYED_STREAMS = ("replay/test_replay_streams.py",)
REPLAYED_ORDER = ("replay/test_replay_order.py",)
DIFFERENCES = ("replay/test_replay_differences.py",)
RECORDED_VALUES = ("replay/test_recorded_values.py",)
RECORDED_NAMES = ("replay/test_recorded_names.py",)
EARLY = ("core/test_early_bits.py",)
STORES = ("stores/test_kept_runs.py",)
STORE_STREAMS = ("stores/test_kept_streams.py", "-x")
STORE_CLASSES = ("stores/test_kept_classes.py",)
STORE_CHANGES = ("stores/test_changed_in_place.py",)
STORE_PROGRAMS = ("stores/test_kept_programs.py",)
STORE_LEASES = ("stores/test_leases.py", "-m", "not slow")
STORE_TIERS = ("stores/test_tiered.py", "-m", "not slow")
STORE_FORKS = ("stores/test_forked_stores.py", "-k", "pause")
STORE_LOCKS = ("stores/test_locked_stores.py",)
STORE_DAMAGE = ("stores/test_damaged_stores.py",)
STORE_SAID = ("stores/test_said_digests.py",)
STORE_IGNORED = ("stores/test_ignored_globals.py",)
STORE_REACH = ("stores/test_kept_reach.py", "-k", "object")
STORE_EDITS = ("stores/test_kept_edits.py", "-m", "not slow")
REMOTE = ("executors/test_remote.py",)
DISPATCH = ("executors/test_dispatch.py",)
COLD = ("core/test_cold_flight.py",)
MANY = ("core/test_concurrent_model.py",)
MEDDLING = ("core/test_hash_reentry.py",)
AGAIN = ("functions/test_run_again.py",)
LAYERS = ("functions/test_stream_layers.py",)
STREAMS = ("functions/test_stream_programs.py",)
MARKS = ("functions/test_stream_marks.py",)
KEEPING = ("functions/test_stream_memory.py", "-m", "not slow")
KEPT_STREAMS = ("snapshot/test_snapshot_streams.py", "-m", "not slow")
BUMPS = ("functions/test_stream_bumps.py",)
PULLS = ("functions/test_sync_streams.py",)
OPERATORS = ("streams/test_operator_programs.py", "-m", "not slow")
OPERATOR_WAITS = ("streams/test_waits.py",)
NAMES = ("functions/test_names.py",)
REDEFINITION = ("functions/test_redefinition.py",)
SHARED = ("core/test_shared_values.py",)
UNSEEN = ("core/test_unseen.py",)
ERRORS = ("core/test_shared_errors.py",)
LOCAL = ("core/test_local_functions.py",)
SPARSE = ("core/test_sparse.py",)
SPREAD = ("core/test_spread.py",)
WAITING = ("core/test_waiting.py",)
GROWTH = ("core/test_growth.py", "-m", "not slow")
COLLECTOR = ("core/test_collector.py",)
HOMES = ("core/test_homes.py",)
MASKED = ("core/test_homes.py", "-k", "around")
LAYERED = ("core/test_homes.py", "-k", "beneath")
CHECKS = ("core/test_checks.py",)
FILES = ("sources/test_file.py",)
FLOWS = ("flow/test_flow.py",)
FLOW_CHANGES = ("flow/test_flow_changes.py", "-m", "not slow")
STARTING = ("flow/test_starting.py",)
FLOW_FILES = ("flow/test_saving.py",)
FASTDAG = ("compat/test_fastdag.py",)
RAPPF = ("compat/test_rappf.py",)
CHANGES = ("debug/test_check_mutation.py",)
FREEZING = ("debug/test_freeze.py",)
MOVES = ("debug/test_mut.py", "-m", "not slow")
STAMPS = ("sources/test_stamp.py",)
THREADS = ("core/test_thread_safety.py",)
TRAPS = ("core/test_regressions.py",)
KINDS = ("contexts/test_kinds.py",)
DROPPED = ("core/test_dropped_contexts.py",)
WAITERS = ("core/test_single_flight.py",)
TASKS = ("functions/test_tasks.py",)
TASK_CHECKS = ("functions/test_async.py", "-m", "not slow", "-k", "verified or cutoff or cut_off")

INTERRUPTS = ("core/test_interrupts.py",)

MUTANTS = (
    Mutant(
        "a local source gives what another one of its name gave",
        "replay/_names.py",
        "spelled if find_unreachable(function) is None else",
        "spelled if True else",
        tests=RECORDED_NAMES,
    ),
    Mutant(
        "a tweak is recorded as its reader left it",
        "replay/_entries.py",
        "self._find_held(record) or encode(",
        "encode(",
        tests=RECORDED_VALUES,
    ),
    Mutant(
        "of the runs of a stream the longest one counts",
        "replay/_trace.py",
        "if last is None or not items.is_begun_by(last):",
        "if last is None or len(items.pieces) >= len(last.pieces):",
        tests=RECORDED_VALUES,
    ),
    Mutant(
        "a damaged value is replayed",
        "replay/_content.py",
        '    if line.get("digest") != digest_of(encoded):\n',
        "    if False:\n",
        tests=RECORDED_VALUES,
    ),
    Mutant(
        "a replay runs a source that it does not cover",
        "replay/_served.py",
        "            if entry is None and self._strict:\n",
        "            if entry is None and False:\n",
        tests=REPLAYS,
    ),
    Mutant(
        "a replay replaces the sources that have a name, and no local ones",
        "_functions/known_sources.py",
        "    return [function for function in found if function is not None]",
        "    return [function for function in found if function is not None and not function.is_local]",
        tests=REPLAYS,
    ),
    Mutant(
        "a source decorated during a replay runs",
        "_functions/known_sources.py",
        "            hear(function)",
        "            pass",
        tests=REPLAYS,
    ),
    Mutant(
        "what a replay lacks is looked for in the targets only",
        "replay/_trace.py",
        "            if not covers(entry):\n",
        "            if False:\n",
        tests=REPLAYS,
    ),
    Mutant(
        "a replay stands in the context around it",
        "replay/_served.py",
        "Alone(ctx), ctx.listen",
        "ctx, ctx.listen",
        tests=REPLAYS,
    ),
    Mutant(
        "a torn line loses the lines before it",
        "replay/_log.py",
        "            yield line, place\n",
        "            pass\n        yield line, place\n",
        tests=RECORDINGS,
    ),
    Mutant(
        "a line that could not be written whole stays in the file",
        "replay/_log.py",
        "                    os.ftruncate(self._file, self._end)\n",
        "",
        tests=RECORDINGS,
    ),
    Mutant(
        "a second recording overwrites the first",
        "replay/_log.py",
        "os.O_CREAT | os.O_EXCL |",
        "os.O_CREAT | os.O_TRUNC |",
        tests=RECORDINGS,
    ),
    Mutant(
        "a value that is written is encoded again at the end",
        "replay/_entries.py",
        "            if record is None or self._written.get(one) == token:",
        "            if record is None:",
        tests=RECORDINGS,
    ),
    Mutant(
        "a tweak that a hit answers after is not written",
        "replay/_record.py",
        "        if self._is_tweaked or self._ctx._here().tweaks.serial != self._scenario:\n",
        "        if False:\n",
        tests=RECORDINGS,
    ),
    Mutant(
        "a tweaked node is no source of a recording",
        "replay/_entries.py",
        'return "" if node._function.name in WIRING else "tweak"',
        'return ""',
        tests=RECORDINGS,
    ),
    Mutant(
        "the wires of a recorded flow are in force in its replay",
        "replay/_entries.py",
        'return "" if node._function.name in WIRING else "tweak"',
        'return "tweak"',
        tests=REPLAYS,
    ),
    Mutant(
        "a value is recorded as its first reader left it",
        "_core/facts/events.py",
        "        if subscription.take is not None and",
        "        if False and",
        tests=("replay/test_recorded_values.py",),
    ),
    Mutant(
        "a run that looks like the forgotten one is not recorded",
        "replay/_record.py",
        "            self.writer.loosen(event.node)\n",
        "",
        tests=RECORDINGS,
    ),
    Mutant(
        "a node with a key of its own is known by its arguments",
        "replay/_names.py",
        "    if type(key) is tuple and node.is_current():",
        "    if node.is_current():",
        tests=REPLAYS,
    ),
    Mutant(
        "items after one that was not written are given",
        "replay/_trace.py",
        '        if piece.line["p"] != len(self.pieces):\n            self.is_torn = True\n            return\n',
        "",
        tests=REPLAYED_STREAMS,
    ),
    Mutant(
        "a stream ends where its recording does",
        "replay/_playing.py",
        "        if items is None or items.end is None:\n",
        "        if False:\n",
        tests=REPLAYED_STREAMS,
    ),
    Mutant(
        "an item comes before its time",
        "replay/_playing.py",
        'piece.line["at"] / self._speed',
        'piece.line["at"] * self._speed',
        tests=REPLAYED_STREAMS,
    ),
    Mutant(
        "items of several streams are replayed in any order",
        "replay/_order.py",
        "        return all(other >= place for other in self.awaited.values())\n",
        "        return True\n",
        tests=REPLAYED_ORDER,
    ),
    Mutant(
        "a replayed item does not let the one before it come through",
        "replay/_order.py",
        "SETTLING = 8\n",
        "SETTLING = 0\n",
        tests=REPLAYED_ORDER,
    ),
    Mutant(
        "a difference that is carried counts as one in which it begins",
        "replay/_differences.py",
        "    if causes:\n",
        "    if False:\n",
        tests=DIFFERENCES,
    ),
    Mutant(
        "calls in an entry whose statement was interrupted are answered at once",
        "_core/steps/leaving.py",
        'return Ended(method(), partial(setattr, entry, "homes"))',
        "return Ended(method())",
        tests=INTERRUPTS,
    ),
    Mutant(
        "whoever asks what is in force is told of an entry that has ended",
        "_core/steps/open_context.py",
        "machine.follow(entry.watch) is not None or not _leave_ended(entry):",
        "True:",
        tests=INTERRUPTS,
    ),
    Mutant(
        "a change that was interrupted shows in some entries only",
        "_core/steps/scope.py",
        "            if self._scenario is not before:  # an interrupt",
        "            if False:  # an interrupt",
        tests=INTERRUPTS,
    ),
    Mutant(
        "a source that a running node has read gets its bit without a walk",
        "_core/state/group.py",
        " and not members(self.opened):",
        ":",
        tests=EARLY,
    ),
    Mutant(
        "a node is kept by those that it read in an earlier tick",
        "_core/state/emptying.py",
        "elif not before or noted in seen or not _list_read(cache, home, kept):",
        "else:",
        tests=TICKS,
    ),
    Mutant(
        "a listener hears of all functions",
        "_core/facts/events.py",
        " and self.only in (None, function.kind)",
        "",
        tests=EVENTS,
    ),
    Mutant(
        "a memo of a held tweak goes with the tweak whose memo it replaced",
        "_core/state/releasing.py",
        " or serial not in lone.restriction:",
        ":",
        tests=RELEASING,
    ),
    Mutant(
        "a node that only a dropped tweak made is kept",
        "_core/state/releasing.py",
        "            bare.append(memo)",
        "            pass",
        tests=RELEASING,
    ),
    Mutant(
        "the runs under a context are lost when it is left",
        "_core/steps/open_context.py",
        "    if entry.runs or entry.run is not None:\n",
        "    if entry.run is not None:\n",
        tests=ENTRY,
    ),
    Mutant(
        "an interrupt that is lost in user code under the lock frees the lock",
        "_core/state/lock.py",
        "    if not held or _is_inside_engine(sys._getframe()):",
        "    if not held:",
        tests=("core/test_locks.py",),
    ),
    Mutant(
        "a lock that is given back wakes nobody",
        "_core/state/lock.py",
        "                self._is_open = True\n                self._gate.release()\n",
        "                self._is_open = True\n",
        tests=("core/test_locks.py",),
    ),
    Mutant(
        "a lock that is taken again is given back at once",
        "_core/state/lock.py",
        "        if not self._count:\n",
        "        if True:\n",
        tests=("core/test_locks.py",),
    ),
    Mutant(
        "an entry that is left stays among those of its context",
        "_core/steps/open_context.py",
        "            others.remove(entry)\n",
        "            pass\n",
        tests=ENTRY,
    ),
    Mutant(
        "a context that is entered while somebody listens tells nothing",
        "_core/state/view.py",
        "    heard = () if parent is None else parent.listeners\n",
        "    heard = ()\n",
        tests=EVENTS,
    ),
    Mutant(
        "a statement that an interrupt ended keeps its context in force",
        "_core/steps/open_context.py",
        "        entry.watch = watch(method, entry)\n",
        "        pass\n",
        tests=INTERRUPTS,
    ),
    Mutant(
        "a context of two values says that it differs in the first alone",
        "_core/state/view.py",
        "delta = first.bit if len(added) == 1 else Tweak.bits_of(added)",
        "delta = first.bit",
        tests=ENTRY,
    ),
    Mutant(
        "a value over another is put in force beside it",
        "_core/state/view.py",
        "    if len(content) != len(around.content) + len(added):",
        "    if False:",
        tests=ENTRY,
    ),
    Mutant(
        "equal scenarios are interned in two places",
        "_core/state/view.py",
        "        if handle.serial > newest.serial:",
        "        if False:",
        tests=ENTRY,
    ),
    Mutant(
        "a tweak that is held keeps a note of each scenario it was in",
        "_core/state/group.py",
        "            if len(newest.scenarios) >= newest.prune_at:",
        "            if False:",
        tests=ENTRY,
    ),
    Mutant(
        "a tick keeps at hand what depends on the changed value",
        "_core/state/scenario.py",
        "self.after = before.serial, Tweak.bits_of(changed)",
        "self.after = before.serial, 0",
        tests=TICKS,
    ),
    Mutant(
        "a tick of a bump is taken for one of a value",
        "_core/state/view.py",
        "new[target].is_value and old[target].is_value",
        "True",
        tests=TICKS,
    ),
    Mutant(
        "a node that a dropped tweak emptied is never taken out",
        "_core/state/cache.py",
        "        if self._emptied:\n",
        "        if False:\n",
        tests=TICKS,
    ),
    Mutant(
        "what is at hand around serves although a tweak masks it",
        "_core/state/view.py",
        "tweaks.after = around.serial, delta",
        "tweaks.after = around.serial, 0",
    ),
    Mutant(
        "what was found in the scenario before serves although it read what differs",
        "_core/facts/memo.py",
        "memo.found_in != before or machine.overlap(memo.footprint, after[1]):",
        "memo.found_in != before:",
    ),
    Mutant(
        "what was found in any scenario before serves where something else differs",
        "_core/facts/memo.py",
        "if after is None or memo.found_in != before or",
        "if after is None or",
    ),
    Mutant(
        "a memo at hand serves in every scenario",
        "_core/facts/memo.py",
        "        if memo.found_in != tweaks.serial:\n",
        "        if False:\n",
    ),
    Mutant(
        "a memo at hand serves though it is not in force any more",
        "_core/facts/memo.py",
        "        if memo is None or memo.status:  # not LIVE\n",
        "        if memo is None:\n",
        HOMES,
    ),
    Mutant(
        "the plain memo of a node is at hand although a tweak masks it",
        "_core/facts/memo.py",
        "        if memo is not None and not machine.overlap(memo.open_footprint, tweaks.open_mask):\n            return memo\n",
        "        if memo is not None and memo.open_footprint != -1:\n            return memo\n",
    ),
    Mutant(
        "a memo that answers only within its call is kept at hand",
        "_core/steps/begin.py",
        "    if (memo.extra is None or memo.extra.call is None) and machine.first(key) is not BENEATH:\n",
        "    if machine.first(key) is not BENEATH:\n",
    ),
    Mutant(
        "a memo that is taken out stays at hand",
        "_core/state/cache.py",
        "        if home.here is memo:  # after its status",
        "        if False:  # after its status",
        HOMES,
    ),
    Mutant(
        "a memo stays at hand when its tweak is gone",
        "_core/state/releasing.py",
        "            home.here = None\n        if home.newest is memo:\n            home.newest = plain\n",
        "            pass\n        if home.newest is memo:\n            home.newest = plain\n",
        HOMES,
    ),
    Mutant(
        "one of several memos stays at hand when its tweak is gone",
        "_core/state/releasing.py",
        "    if home.here is memo:\n        home.here = None\n    if home.newest is memo:\n        home.newest = home.plain\n",
        "    if home.newest is memo:\n        home.newest = home.plain\n",
        HOMES,
    ),
    Mutant(
        "the value of a tweak that is gone stays at hand",
        "_core/state/group.py",
        "                watch.let_value_go()\n",
        "                pass\n",
        HOMES,
    ),
    Mutant(
        "the value of a tweak that two caches met stays at hand in one",
        "_core/state/scenario.py",
        "            if memo is not None and memo.home.here is memo:\n",
        "            if False:\n",
        HOMES,
    ),
    Mutant(
        "calls are answered at once while a function is in doubt",
        "_core/state/group.py",
        "            cache.stand_back()\n",
        "            pass\n",
        AGAIN,
    ),
    Mutant(
        "a home that is put in while its table moves is lost",
        "_core/facts/homes.py",
        "return home if self.serial == serial else None",
        "return home",
        HOMES,
    ),
    Mutant(
        "the footprint of other reads is taken over",
        "_core/facts/memo.py",
        "            if old.status or old.footprint is not read.footprint:",
        "            if old is None:",
        HOMES,
    ),
    Mutant(
        "a footprint is taken over that grew by what is gone",
        "_core/facts/memo.py",
        "            if old.status or old.footprint is not read.footprint:",
        "            if old.footprint is not read.footprint:",
        SPARSE,
    ),
    Mutant(
        "the footprint of a run with contexts of its own is taken over",
        "_core/facts/memo.py",
        " or before.body or before.opened or before.extra is not None:",
        ":",
        HOMES,
    ),
    Mutant(
        "calls come to the engine for ever once a function was in doubt",
        "_core/state/group.py",
        "            cache.answer_quickly()\n",
        "            pass\n",
        HOMES,
    ),
    Mutant(
        "a memo without tweaks serves although a tweak masks it",
        "_core/steps/find.py",
        "if plain is not None and not machine.overlap(plain.footprint, tweaks.mask) and plain.serves(call):",
        "if plain is not None and plain.serves(call):",
    ),
    Mutant(
        "results are filed one level too far out",
        "_core/steps/finish.py",
        "restriction = view.tweaks.restrict(footprint) if machine.overlap(footprint, view.tweaks.mask) else NO_TWEAKS",
        "restriction = NO_TWEAKS",
    ),
    Mutant(
        "a memo says nothing of whether its own node was tweaked",
        "_core/steps/finish.py",
        "footprint = below | own_bits(view, key) if group._function_bits and group.node_bits(machine.first(key)) else below",
        "footprint = below",
    ),
    Mutant(
        "a first tweak is not told to the memos that exist",
        "_core/state/group.py",
        "walks = self._give({target: bit}, self._spread, target, bit)",
        "self.bits.keep(target, bit)",
    ),
    Mutant(
        "a first tweak is told to what met a nearer one inside a run",
        "_core/state/group.py",
        "return any(watch is not None and watch.target == key and watch() is not None for watch in watches)",
        "return False",
        TRAPS,
    ),
    Mutant(
        "a first tweak is not told to what met a farther one inside a run",
        "_core/state/group.py",
        "return any(watch is not None and watch.target == key and watch() is not None for watch in watches)",
        "return any(watch is not None for watch in watches)",
        TRAPS,
    ),
    Mutant(
        "verification keeps the footprint of the old dependencies",
        "_core/steps/finish.py",
        "    memo = finish(run, candidate.take_value(),",
        "    run.reads = dict.fromkeys(candidate.dependencies)\n    memo = finish(run, candidate.take_value(),",
    ),
    Mutant(
        "verification believes every candidate",
        "_core/steps/verify.py",
        "        return self._walk_alone(holds)\n",
        "        return self._walk_alone(True)\n",
    ),
    Mutant(
        "a task's verification believes every candidate",
        "_core/steps/verify.py",
        "        holds = answers is None or self._take(answers)\n",
        "        holds = answers is None or self._take(answers) or True\n",
        TASK_CHECKS,
    ),
    Mutant(
        "verification goes on after a read at hand that has changed",
        "_core/steps/verify.py",
        "                holds = memo is not None and _is_unchanged(self._run, read, memo, self._start)\n",
        "                holds = memo is not None\n",
    ),
    Mutant(
        "a task's verification goes on after a read that has changed",
        "_core/steps/verify.py",
        "            if not _is_unchanged(self._run, read, answer, self._start):\n                return False\n",
        "            if not _is_unchanged(self._run, read, answer, self._start):\n                continue\n",
        TASK_CHECKS,
    ),
    Mutant(
        "verification asks for dependencies in the wrong order",
        "_core/steps/verify.py",
        "        self._reads = candidate.dependencies\n",
        "        self._reads = candidate.dependencies[::-1]\n",
    ),
    Mutant(
        "nothing is verified",
        "_core/facts/memo.py",
        "        self.must_run = body < 0  # TWEAKED\n",
        "        self.must_run = True\n",
    ),
    Mutant(
        "a run that opened a context is verified through its dependencies",
        "_core/steps/finish.py",
        "memo.opened, memo.must_run, memo.make_extra().inner_nodes = True, True, ",
        "memo.opened, memo.make_extra().inner_nodes = True, ",
    ),
    Mutant(
        "what another body computed is verified",
        "_core/steps/verify.py",
        "return (newest,) if newest is not None and newest.verifies(body) else ()\n",
        "return (newest,) if newest is not None and not newest.must_run else ()\n",
    ),
    Mutant(
        "what answers around is not verified",
        "_core/steps/verify.py",
        "find_masked(view, key), home.here, plain, newest]",
        "home.here, plain, newest]",
        MASKED,
    ),
    Mutant(
        "what answered last is not verified",
        "_core/steps/verify.py",
        "home.here, plain, newest]",
        "plain, newest]",
        WAITING,
    ),
    Mutant(
        "only what answers right around is verified",
        "_core/steps/find.py",
        "        around = around.parent\n",
        "        around = None\n",
        MASKED,
    ),
    Mutant(
        "a bump acts on the node without any tweak",
        "_core/state/scenario.py",
        "return BENEATH, plain_key(key), 0 if under is None else under.serial",
        "return BENEATH, plain_key(key), 0",
    ),
    Mutant(
        "an error is served to another call",
        "_core/facts/memo.py",
        "        if extra is None or extra.call is None or extra.call is call:\n",
        "        if True:\n",
    ),
    Mutant(
        "the failure of an earlier call stays when the node was tried again",
        "_core/state/cache.py",
        "        if home.has_failed:\n",
        "        if False:\n",
        (*ERRORS, "-k", "tried_again_leaves"),
    ),
    Mutant(
        "what caught the error of a source is served to another call",
        "_core/steps/finish.py",
        "memo.transient = run.transient or is_source_error or any(map(_transient, memo.dependencies))",
        "memo.transient = run.transient or is_source_error",
        ("functions/test_memoize.py", "-k", "error_of_a_source"),
    ),
    Mutant(
        "invalidating a node keeps what was computed from it",
        "_core/state/group.py",
        "            walk.follow()\n            for memo, cache in walk.touched.items():\n",
        "            for memo, cache in walk.touched.items():\n",
    ),
    Mutant(
        "a redefined function keeps what the old one computed",
        "_functions/redefine.py",
        "        group.forget((known,), is_rebound=is_rebound)\n",
        "        pass\n",
    ),
    Mutant(
        "a function is what its text is, whatever its globals are",
        "_functions/definition/walk.py",
        "        for name in sorted(names.globals):\n",
        "        for name in ():\n",
    ),
    Mutant(
        "a class that is defined again is the class that it was",
        "_functions/definition/noted.py",
        "    return one is other and one is not None\n",
        "    return True\n",
        AGAIN,
    ),
    Mutant(
        "what a function changes itself is named as well",
        "_functions/definition/watching.py",
        "if not noted.parts[name].is_changed_within]",
        "]",
        AGAIN,
    ),
    Mutant(
        "a change without memos is not noted as the new content",
        "_functions/definition/watching.py",
        "        for name, mark_now in changed.items():\n",
        "        for name, mark_now in ():\n",
        AGAIN,
    ),
    Mutant(
        "a generic function is what its default is",
        "_functions/definition/walk.py",
        "if is_own_callable(value) or holds_own(value)]",
        "if is_own_callable(value)]",
        AGAIN,
    ),
    Mutant(
        "what is bound below a function is not looked at again",
        "_functions/redefine.py",
        "        group.doubt(known, partial(_settle, body=body))\n",
        "        pass\n",
        AGAIN,
    ),
    Mutant(
        "a name that a body is about to bind again is taken as unchanged",
        "_functions/redefine.py",
        " or tuple(_about_to_change(reached, body))\n",
        "\n",
        AGAIN,
    ),
    Mutant(
        "what a stream reads makes no mark",
        "_functions/stream_driver.py",
        "    return bool(news)\n",
        "    return False\n",
        STREAMS,
    ),
    Mutant(
        "a reader takes the marks of another cache's tape for its own",
        "_functions/tape.py",
        " and self._cache is not None and self._cache() is view.cache",
        "",
        LAYERS,
    ),
    Mutant(
        "an error of a stream is met on another tape",
        "_functions/any_reader.py",
        "            if not (is_there and kept.find_mark(number) is memo):",
        "            if memo.failure is None and not (is_there and kept.find_mark(number) is memo):",
        PULLS,
    ),
    Mutant(
        "a tape that failed keeps the frames of its error",
        "_functions/tape.py",
        "            self.error = None  # its traceback",
        "            pass  # its traceback",
        PULLS,
    ),
    Mutant(
        "a stream forks one item too late",
        "_functions/any_reader.py",
        "        while self.position >= end and",
        "        while self.position > end and",
        STREAMS,
    ),
    Mutant(
        "a mark of one stream is known as one of another",
        "_functions/stream_driver.py",
        "memo.value.number <= known_marks.get(memo.home.find_function(), -1)",
        "memo.value.number <= max(known_marks.values(), default=-1)",
        MARKS,
    ),
    Mutant(
        "a later mark of a stream is known by an earlier one",
        "_functions/stream_driver.py",
        "memo.value.number <= known_marks.get(memo.home.find_function(), -1)",
        "memo.home.find_function() in known_marks",
        STREAMS,
    ),
    Mutant(
        "a mark that is read again makes one more",
        "_functions/stream_driver.py",
        "memo.value.number <= known_marks.get(memo.home.find_function(), -1)",
        "False",
        MARKS,
    ),
    Mutant(
        "the last mark of one stream stands for all others",
        "_functions/trimming.py",
        "            newest[function] = max(newest.get(function, 0), memo.value.number)\n",
        "            newest[function] = max([memo.value.number, *newest.values()])\n",
        MARKS,
    ),
    Mutant(
        "a new reader waits for a generator that has read what was invalidated",
        "_functions/any_reader.py",
        "        if not self._saw_true:\n            return False\n",
        "",
        ("functions/test_silent_streams.py", "-k", "comes_after_an_invalidation"),
    ),
    Mutant(
        "an operator waits for ever for a stream that waits for it",
        "streams/_stuck.py",
        "    if not ways or not all(ways):\n",
        "    if True:\n",
        ("streams/test_keep_circles.py", "-k", "too_far_apart"),
    ),
    Mutant(
        "a generator that is ahead waits for ever for who waits for it",
        "_functions/stream_driver.py",
        "            tape.urged = not holder.is_done\n",
        "            pass\n",
        ("streams/test_ahead_circles.py", "-k", "in_turn"),
    ),
    Mutant(
        "a wait for room is not ended when it becomes a part of a circle",
        "_core/steps/waits.py",
        "    if not wait.run.is_done:\n        _release(wait)\n        wait.wake()\n",
        "        _release(wait)\n        wait.wake()\n",
        ("streams/test_ahead_circles.py", "-k", "closes"),
    ),
    Mutant(
        "an operator lets no generator write on that waits for it",
        "streams/_stuck.py",
        "            tape.urge()\n",
        "            pass\n",
        ("streams/test_ahead_circles.py", "-k", "operator"),
    ),
    Mutant(
        "a thread that gives room late takes a later wait of the pump away",
        "_functions/tape.py",
        "            wait = room.pop()\n",
        "            wait = room.pop()\n            self.room = []\n",
        ("functions/test_stream_memory.py", "-k", "later_wait"),
    ),
    Mutant(
        "a mark is not noted that the reader passed on another tape",
        "_functions/any_reader.py",
        "        if number > self._noted_number >= 0 and was_read_last",
        "        if self._noted_number >= 0 and was_read_last",
        ("streams/test_map_and_share.py", "-k", "rests_on_its_mark"),
    ),
    Mutant(
        "a pump learns late that its slowest reader has gone on",
        "_functions/any_reader.py",
        "        if tape.keep is not None and tape.room:",
        "        if False:",
        ("streams/test_keep_circles.py", "-k", "learns or near_enough"),
    ),
    Mutant(
        "a look at a file shows no reads of a stream",
        "snapshot/_folded.py",
        "for one in (row, *marks) for kind",
        "for one in (row,) for kind",
        ("snapshot/test_folded_streams.py",),
    ),
    Mutant(
        "the end of a stream leaves no mark",
        "_functions/stream_driver.py",
        "            make_mark(stream, run, tape, is_end=True)\n",
        "",
        STREAMS,
    ),
    Mutant(
        "nobody rests on what a dropped mark had read",
        "_functions/trimming.py",
        "            first.dependencies = (*tape.rests, *(",
        "            first.dependencies = (*(), *(",
        KEEPING,
    ),
    Mutant(
        "what a dropped mark had read leads to nobody",
        "_core/state/emptying.py",
        "            home.add_reader(here)\n    for inner",
        "            pass\n    for inner",
        KEEPING,
    ),
    Mutant(
        "a mark is dropped that an open run has read",
        "_functions/trimming.py",
        "    for frame in [frame for one in tuple(tape.frames) if (frame := one()) is not None]:",
        "    for frame in ():",
        KEEPING,
    ),
    Mutant(
        "a what-if waits for a stream that has read something else",
        "_functions/any_reader.py",
        "elif is_last and state == OPEN and self._may_wait(tape):",
        "elif is_last and state == OPEN:",
        ("functions/test_silent_streams.py",),
    ),
    Mutant(
        "a reader that is told to look again takes that for the end",
        "_functions/reader.py",
        "            if is_ready is None:",
        "            if position >= self._limit and is_ready is not False:",
        ("functions/test_stream_memory.py", "-k", "look_again"),
    ),
    Mutant(
        "a wait for an item goes on when the stream reads something else",
        "_functions/reader.py",
        ", differs=self._find_differing(run))",
        ")",
        ("functions/test_silent_streams.py",),
    ),
    Mutant(
        "two starts of a flow share their streams",
        "flow/_nodes.py",
        "    start_number(flow)\n    return _give(flow, name)\n",
        "    return _give(flow, name)\n",
        STARTING,
    ),
    Mutant(
        "what reads streams is answered by another start",
        "flow/_nodes.py",
        "    if streams:\n        start_number(flow)",
        "    if False:\n        start_number(flow)",
        STARTING,
    ),
    Mutant(
        "a processor that waits begins at once",
        "flow/_nodes.py",
        "    if any(wire[2] == ENDED for wire in wires):",
        "    if False:",
        STARTING,
    ),
    Mutant(
        "nothing of a started flow begins before it is read",
        "flow/_running.py",
        "self._held = [self._find_stream(name).open() for name in started]",
        "self._held: list[Any] = []",
        STARTING,
    ),
    Mutant(
        "an item for no output is dropped",
        "flow/_processors.py",
        "        if item.name in outputs:\n",
        "        if True:\n",
        STARTING,
    ),
    Mutant(
        "a late reader of a stream gets what is left",
        "_functions/any_reader.py",
        "        return position < kept.base\n",
        "        return False\n",
        KEEPING,
    ),
    Mutant(
        "a source is begun once more in a what-if",
        "_functions/any_reader.py",
        " or (self._stream.is_source and self._join_running()):",
        ":",
        KEEPING,
    ),
    Mutant(
        "a tape on which something was invalidated has no more marks",
        "_functions/stream_driver.py",
        "    if tape.is_untrue or last is None:\n",
        "    if last is None or last.status != LIVE:\n",
        ("functions/test_stream_functions.py", "-k", "that_was_invalidated"),
    ),
    Mutant(
        "a source that has no mark yet is begun once more",
        "_functions/any_reader.py",
        "if tape.state == OPEN and number < 0 and stream.is_source:",
        "if False:",
        ("functions/test_stream_functions.py", "-k", "at_the_same_time_share"),
    ),
    Mutant(
        "a reader believes a tape that was not true any more",
        "_functions/any_reader.py",
        "            elif memo is not None and not self._saw_true and is_forgotten(memo):\n",
        "            elif False:\n",
        ("functions/test_stream_functions.py", "-k", "not_true_any_more"),
    ),
    Mutant(
        "a pump waits on for a reader that has gone on",
        "_functions/tape.py",
        " or (awaited is not None and awaited() is not self.find_pacer())",
        "",
        KEEPING,
    ),
    Mutant(
        "a pump leaves the readers of its body open",
        "_functions/stream_driver.py",
        "        for reader in tuple(tape.opened):\n",
        "        for reader in ():\n",
        ("functions/test_stream_functions.py", "-k", "left_open"),
    ),
    Mutant(
        "the end of a stream is lost in a comparison",
        "_functions/tape.py",
        "    if old.is_end and not (new.is_end and now.end == length):\n        return False\n",
        "",
        ("functions/test_stream_functions.py", "-k", "other_items"),
    ),
    Mutant(
        "a zip forgets the row that it fills when it has to wait",
        "streams/_in_step.py",
        "            item = inputs[len(row)]._poll()\n            if item is PENDING:\n",
        "            item = inputs[len(row)]._poll()\n            if item is PENDING:\n                row.clear()\n",
        OPERATORS,
    ),
    Mutant(
        "a merge waits for each of its streams, not for any",
        "streams/_pause.py",
        "        is_optional = len(self.readers) > 1 or bool(self.works) or self.until is not None\n",
        "        is_optional = False\n",
        (*OPERATOR_WAITS, "-k", "feedback"),
    ),
    Mutant(
        "the end of a stream comes before its last batch",
        "streams/_in_groups.py",
        "                if not items:\n                    raise\n",
        "                raise\n",
        OPERATORS,
    ),
    Mutant(
        "a map works on all items that are there",
        "streams/_tasks.py",
        "        while self._over is None and len(self._work.jobs) < self._concurrency:\n",
        "        while self._over is None:\n",
        ("streams/test_map_and_share.py", "-k", "so_many_items"),
    ),
    Mutant(
        "a map gives what is done first",
        "streams/_tasks.py",
        "self._work.take_first if is_ordered else",
        "self._work.take_any if is_ordered else",
        OPERATORS,
    ),
    Mutant(
        "what is on its way to latest is not waited for",
        "streams/_as_they_come.py",
        "self._turns < MOST_TURNS and",
        "self._turns < 0 and",
        ("streams/test_operators.py", "-k", "beside"),
    ),
    Mutant(
        "an operator that has ended leaves its streams open",
        "streams/_cursor.py",
        "        except BaseException:\n            await self.aclose()\n            raise\n        finally:\n",
        "        except BaseException:\n            raise\n        finally:\n",
        OPERATOR_WAITS,
    ),
    Mutant(
        "streams that read each other keep each other open",
        "_functions/tape.py",
        "                tape = None if reader is None else tape_of(reader.frame.run)\n                if tape is None:\n",
        "                tape = None\n                if tape is None:\n",
        (*OPERATOR_WAITS, "-k", "feed_each_other"),
    ),
    Mutant(
        "what a stream read in another order is lost",
        "_functions/stream_driver.py",
        "    left = _find_left(run, tape, found) if is_taken else {}\n",
        "    left: dict[Memo, int | None] = {}\n",
        ("streams/test_map_and_share.py", "-k", "another_order"),
    ),
    Mutant(
        "a mark forgets what an earlier tape had",
        "_functions/tape.py",
        "        self._longest = self.find_kept()\n",
        "        self._longest = None\n",
        ("streams/test_map_and_share.py", "-k", "stay_those"),
    ),
    Mutant(
        "a mark that was filed nowhere answers a later reader",
        "_functions/any_reader.py",
        " or memo.failure is not None or memo.status == DEAD):",
        " or memo.failure is not None):",
        ("streams/test_map_and_share.py", "-k", "cancellation_answers"),
    ),
    Mutant(
        "a slow reader holds back nobody",
        "_functions/tape.py",
        "else self.keep)",
        "else self.end + self.keep)",
        ("functions/test_stream_functions.py", "-k", "deadlock_by_keep"),
    ),
    Mutant(
        "a stream that was read in part is saved as ended",
        "_portable/streams.py",
        "        state = ENDED if mark.is_end else",
        "        state = ENDED if mark is not None else",
        KEPT_STREAMS,
    ),
    Mutant(
        "a mark that comes in brings the items of all that follow",
        "_portable/streams.py",
        "items[starts[number] : None if is_last else starts[number + 1]]",
        "items[starts[number] :]",
        KEPT_STREAMS,
    ),
    Mutant(
        "what the items of a stream rest on is not written",
        "_portable/collect.py",
        "    found.flags |= rows.MARK if is_mark(key) else 0\n",
        "",
        KEPT_STREAMS,
    ),
    Mutant(
        "a bump over a bump reads the stream beneath both",
        "_functions/stream_bumps.py",
        "        content[target] = under\n",
        "        pass\n",
        BUMPS,
    ),
    Mutant(
        "a bump of a stream reads the stream in a scenario that others do not have",
        "_functions/any_reader.py",
        "            self._view = view_beneath(frame.view, key)\n",
        "            self._view = frame.view\n",
        BUMPS,
    ),
    Mutant(
        "shift of a stream gets the stream and not its items",
        "_functions/stream_bumps.py",
        "len(spec.args) == 1:\n        return give_each",
        "not spec.args:\n        return give_each",
        BUMPS,
    ),
    Mutant(
        "what a generator reads is read by the function that pulls it",
        "_functions/pulled_tape.py",
        "        PUT[run]\n",
        "",
        PULLS,
    ),
    Mutant(
        "a generator that is pulled is not inside its puller",
        "_functions/pulled_tape.py",
        "= puller, here(), 0 if",
        "= None, here(), 0 if",
        PULLS,
    ),
    Mutant(
        "a thread pulls an item that another has just pulled",
        "_functions/pulled_tape.py",
        " and self.end <= position:",
        ":",
        ("functions/test_sync_streams.py", "-k", "not_pulled_again"),
    ),
    Mutant(
        "an interrupted tape goes on without the item",
        "_functions/pulled_tape.py",
        "            self.state = CLOSED\n            raise\n",
        "            raise\n",
        PULLS,
    ),
    Mutant(
        "a mark of a synchronous stream is asked for as a function",
        "_functions/sync_driver.py",
        "                elif function.stream is not None:",
        "                elif False:",
        PULLS,
    ),
    Mutant(
        "the code that ran first runs for ever",
        "_functions/redefine.py",
        "    known.body, known.eq, known.version = function.body,",
        "    known.eq, known.eq, known.version = function.eq,",
        AGAIN,
    ),
    Mutant(
        "a function that copied a name takes it over",
        "_functions/memoize.py",
        "    if claim == COPIED:\n",
        "    if False:\n",
        NAMES,
    ),
    Mutant(
        "what was read under a context inside a run goes on as it is",
        "_core/steps/settle.py",
        "            if not moved.keep(memo):\n",
        "            if moved.keep(memo) and False:\n",
    ),
    Mutant(
        "the tweaks of a context inside a run leak outward",
        "_core/steps/settle.py",
        "outer.closed_footprint |= without(moved.closed_footprint, overrides)",
        "outer.closed_footprint |= moved.closed_footprint",
    ),
    Mutant(
        "the footprint of what was read under a context inside a run is lost",
        "_core/steps/settle.py",
        "outer.closed_footprint |= without(moved.closed_footprint, overrides)",
        "pass",
    ),
    Mutant(
        "a run under a context of a node inside one of a run consults no tweaks",
        "_core/steps/settle.py",
        "            self._note(view.pin(inner))\n",
        "            self.inner_nodes[view.pin(inner)] = None\n",
        TRAPS,
    ),
    Mutant(
        "memos outlive the tweaks that they read",
        "_core/state/group.py",
        "watch = TweakRef(made, self.released.append)",
        "watch = TweakRef(made, [].append)",
    ),
    Mutant(
        "values are the same when they compare equal",
        "_core/facts/equality.py",
        "        return kind, value\n",
        "        return value\n",
    ),
    Mutant(
        "a tweak of a function beats a tweak of its node",
        "_core/state/scenario.py",
        "return content.get(key) or content.get(key[0])",
        "return content.get(key[0]) or content.get(key)",
        TRAPS,
    ),
    Mutant(
        "a call meets a tweak of its function before one of its node",
        "_core/state/view.py",
        "return content.get(key) or content.get(key[0])",
        "return content.get(key[0]) or content.get(key)",
        TRAPS,
    ),
    Mutant(
        "a tweak of an open context is not shown to the contexts inside",
        "_core/steps/open_context.py",
        "    for inner in tuple(entry.entries or ()):\n        renew_within(inner)\n",
        "",
    ),
    Mutant(
        "a layered cache does not read the one beneath",
        "_core/steps/find.py",
        "        cache = cache.beneath\n    return None\n\n\ndef match(",
        "        cache = None\n    return None\n\n\ndef match(",
    ),
    Mutant(
        "a run is not entered among those in flight",
        "_core/steps/begin.py",
        "    run.view.tweaks.running[home] = home.open_run = run\n",
        "",
        MANY,
    ),
    Mutant(
        "waiters do not get the exception",
        "_core/steps/waits.py",
        "        wait.result, wait.failure = result, failure\n",
        "        wait.result = result\n",
        WAITERS,
    ),
    Mutant(
        "a failure is served again as the object that a handler has",
        "_core/facts/failure.py",
        "            error = self.imprint.make()\n        if to is not None:",
        "            error = self.raised or self.imprint.make()\n        if to is not None:",
    ),
    Mutant(
        "what passes an error on is taken to have failed as what it read",
        "_core/facts/failure.py",
        "passed.imprint if passed.imprint.matches(error, handled) else Imprint.of(error, handled)",
        "passed.imprint",
    ),
    Mutant(
        "the notes of an error are not taken down",
        "_core/facts/imprint.py",
        "        self.attributes: dict[str, Any] = _copied(_dict.__get__(error))",
        "        self.attributes: dict[str, Any] = _dict.__get__(error)",
    ),
    Mutant(
        "from cold, nobody waits for the run of another scenario",
        "_core/steps/begin.py",
        "    if key[0] is BENEATH or bits_read(other) & differing:",
        "    if True:",
        COLD,
    ),
    Mutant(
        "an optional wait closes a circle for others",
        "_core/steps/waits.py",
        "            if is_optional or not optional:",
        "            if True:",
        (*COLD, "-k", "part_of_a_circle"),
    ),
    Mutant(
        "an optional wait of a thread stops the loop that its run needs",
        "_core/steps/waits.py",
        "            return [*asker, *ways[run], *(asker or [target.key])], optional[run]\n"
        "        for wait in _waits_of(run, blocked):\n",
        "            return [*asker, *ways[run], *(asker or [target.key])], optional[run]\n"
        "        for wait in run.held_up or ():\n",
        (*COLD, "-k", "stops_the_loop"),
    ),
    Mutant(
        "from cold, waiters are not woken by the reads of the run",
        "_core/steps/watch.py",
        "        if wait.differs & bits:\n",
        "        if False:\n",
        (*COLD, "-k", "reads_what_differs"),
    ),
    Mutant(
        "calls in a run that is watched are answered at once",
        "_core/steps/watch.py",
        "        run.homes = NO_HOMES\n    _wake",
        "        pass\n    _wake",
        (*COLD, "-k", "at_hand_is_looked_at"),
    ),
    Mutant(
        "what opens inside a watched run is not watched",
        "_core/steps/watch.py",
        "    if around is not None and around.watched is not None and around.watched:",
        "    if False:",
        (*COLD, "-k", "opens_inside_later"),
    ),
    Mutant(
        "a run does not hand on who watches it to what it waits for",
        "_core/steps/watch.py",
        "    watched = (holder.watched if holder is not None else None) or frozenset()",
        "    watched = frozenset()",
        (*COLD, "-k", "comes_to_wait"),
    ),
    Mutant(
        "a base serves results of other worlds",
        "_sweeps/world.py",
        "        return self.world.is_around(world) and world.generation in self.generations",
        "        return True",
    ),
    Mutant(
        "the errors of a sweep that are kept hold the world around it",
        "_batch/kept_failure.py",
        "        if failure.raised is not None:\n            _empty_frames(failure.raised)\n",
        "        if False:\n            _empty_frames(failure.raised)\n",
        ("sweeps/test_sweep_worlds.py",),
    ),
    Mutant(
        "a base is asked in the scenario of now",
        "_sweeps/sweep.py",
        "        call_site = self._call_site if world is None else self._call_site.then(world.view)",
        "        call_site = self._call_site",
    ),
    Mutant(
        "a base that was taken after an invalidation serves results from before",
        "_sweeps/world.py",
        "if world.generation not in self.generations and world.generation > min(self.generations) and are_live(self.memos):",
        "if True:",
        ("sweeps/test_sweep_worlds.py",),
    ),
    Mutant(
        "a run that read a node forgotten in between is filed",
        "_core/steps/finish.py",
        "if machine.overlap(below, FORGOTTEN) or (",
        "if (",
        (*THREADS, "-k", "reads_a_forgotten"),
    ),
    Mutant(
        "a run that caught a failure tried again in between is filed",
        "_core/steps/finish.py",
        "    if any(read.status == DEAD for read in memo.dependencies):",
        "    if False:",
        THREADS,
    ),
    Mutant(
        "a memo is kept at hand that was forgotten while it was looked for",
        "_core/facts/memo.py",
        "            if memo.status != LIVE:  # taken out",
        "            if False:  # taken out",
        HOMES,
    ),
    Mutant(
        "nobody looks again after a run was entered",
        "_core/steps/begin.py",
        "group.filings == filings and home.alive:",
        "home.alive:",
        ("core/test_single_flight.py", "-k", "since_the_lookup"),
    ),
    Mutant(
        "a run begins in another scenario than was searched",
        "_core/steps/begin.py",
        "    run.begin(view, frame,",
        "    run.begin(frame.view, frame,",
        MEDDLING,
    ),
    Mutant(
        "who met others in flight does not look again before it runs",
        "_core/steps/begin.py",
        "home.alive and group.filings == filings and running.get(home) is other:",
        "home.alive and running.get(home) is other:",
        (*THREADS, "-k", "met_a_run"),
    ),
    Mutant(
        "a first bit can be seen before the memos have it",
        "_core/state/group.py",
        "bit = self.bits.next(target, self._list_memos)\n",
        "bit = self.bits.next(target, self._list_memos)\n                    self.bits.keep(target, bit)\n",
        ("core/test_interleavings.py", "-k", "first_bit"),
    ),
    Mutant(
        "the first bits of many nodes can be seen before the memos have them",
        "_core/state/group.py",
        "                walks = self._give(given, self._spread_all, given)",
        "                self.bits.keep_all(given)\n                walks = self._give(given, self._spread_all, given)",
        ("core/test_interleavings.py", "-k", "first_bit"),
    ),
    Mutant(
        "the frames of a driver in a traceback keep what they drove",
        "_functions/sync_driver.py",
        "        frame = place = view = run = found = own = check = before = token = handled = None",
        "        pass",
        DROPPED,
    ),
    Mutant(
        "the frames of the engine in the traceback of a run keep what they held",
        "_core/steps/finish.py",
        "    empty_own_frames(traceback)\n",
        "",
        DROPPED,
    ),
    Mutant(
        "the frames of a call that got no answer keep what they held",
        "_core/steps/finish.py",
        "    empty_own_frames(error.__traceback__)\n",
        "",
        DROPPED,
    ),
    Mutant(
        "the frames of a coroutine's driver in a traceback keep what they drove",
        "_functions/async_driver.py",
        "        frame = view = found = wait = None",
        "        pass",
        DROPPED,
    ),
    Mutant(
        "the frames of a verification in a task keep what they verified",
        "_functions/async_driver.py",
        "        return exc\n    finally:\n        del run  # see",
        "        return exc\n    finally:\n        pass  # see",
        DROPPED,
    ),
    Mutant(
        "the frame of a call in a traceback keeps its frame",
        "_core/facts/binding.py",
        "            del _dug_frame\n",
        "            pass\n",
        DROPPED,
    ),
    Mutant(
        "the threads of a deep evaluation keep what they began in",
        "_functions/stacks.py",
        "    deeper.let_go()\n",
        "    pass\n",
        DROPPED,
    ),
    Mutant(
        "waiters are not woken",
        "_core/steps/waits.py",
        "        wait.wake()\n    run.waits = None\n",
        "    run.waits = None\n",
        (*WAITERS, "-k", "threads"),
    ),
    Mutant(
        "nobody says that a run was cancelled before it began",
        "_functions/loops/_tasks.py",
        "            self.add_done_callback(_abandon_unstarted)\n",
        "            pass\n",
        (*WAITERS, "-k", "stranger"),
    ),
    Mutant(
        "runs that wait for nothing keep the loop from its other tasks",
        "_functions/loops/_asyncio.py",
        "    if _turn.left < 0:\n",
        "    if False:\n",
        (*TASKS, "-k", "leave_room"),
    ),
    Mutant(
        "a run begins while its asker handles an exception",
        "_functions/loops/_asyncio.py",
        "CAN_BEGIN_NOW and exception() is None and ",
        "CAN_BEGIN_NOW and ",
        (*TASKS, "-k", "asker_handles"),
    ),
    Mutant(
        "a run begins where the stack of its asker is used up",
        "_functions/loops/_asyncio.py",
        "has_room() and ",
        "",
        (*TASKS, "-k", "room_however"),
    ),
    Mutant(
        "a body begins in the task of its asker",
        "_functions/loops/_tasks.py",
        "            tasks[loop] = task\n",
        "            pass\n",
        (*TASKS, "-k", "one_task"),
    ),
    Mutant(
        "a task that goes while its body is closed closes it again",
        "_functions/loops/_tasks.py",
        "        if getcoroutinestate(start.driven) != CORO_RUNNING:  # the collector closes it, as below\n            raise\n",
        "        raise\n",
        (*TASKS, "-k", "given_up"),
    ),
    Mutant(
        "a task that goes after its body was closed throws into it",
        "_functions/loops/_tasks.py",
        "        elif getcoroutinestate(driven) != CORO_SUSPENDED:\n",
        "        elif False:\n",
        (*TASKS, "-k", "given_up"),
    ),
    Mutant(
        "a body leaves its task in force for its asker",
        "_functions/loops/_tasks.py",
        "            waiting, is_cancelled = _OVER, True\n        tasks[loop] = asker\n",
        "            waiting, is_cancelled = _OVER, True\n",
        (*TASKS, "-k", "one_task"),
    ),
    Mutant(
        "a task that a body keeps never ends",
        "_functions/loops/_tasks.py",
        " and getrefcount(task) == 2:",
        ":",
        (*TASKS, "-k", "keeps"),
    ),
    Mutant(
        "a future that two bodies wait for looks as if one did so twice",
        "_functions/loops/_tasks.py",
        "        waiting._asyncio_future_blocking = False",
        "        pass",
        (*TASKS, "-k", "one_future"),
    ),
    Mutant(
        "a cancellation does not reach what a body waits for first",
        "_functions/loops/_tasks.py",
        " and waiting.cancel(*error.args):",
        " and False:",
        (*TASKS, "-k", "first_wait_cancels"),
    ),
    Mutant(
        "the asker of a body that keeps its task goes on before that has ended",
        "_functions/loops/_asyncio.py",
        "                wait.is_over = False\n",
        "                pass\n",
        (*TASKS, "-k", "keeps"),
    ),
    Mutant(
        "what a thread reads for a body before its first wait is verified on the loop",
        "_functions/sync_driver.py",
        "run.has_task and place is run and run.thread",
        "run.task is not None and place is run and run.thread",
        (*TASKS, "-k", "thread_reads"),
    ),
    Mutant(
        "a run that no loop drives stays in flight",
        "_functions/async_driver.py",
        "            abandon(found)\n",
        "            pass\n",
        (*THREADS, "-k", "no_loop_drives"),
    ),
    Mutant(
        "memos are filed while those that exist are given a new bit",
        "_core/state/group.py",
        "            with self.lock:\n                bit = self.bits.of(target)\n",
        "            if True:\n                bit = self.bits.of(target)\n",
        ("core/test_interleavings.py", "-k", "ask_kept-tweak-cold"),
    ),
    Mutant(
        "an entry does not look again whether its context has changed",
        "_core/steps/scope.py",
        "        while view.layers is not self._scenario.specs or (outer is not None and view.parent is not outer.view):",
        "        while False:",
        ("core/test_interleavings.py", "-k", "changed_while_another"),
    ),
    Mutant(
        "a view that another thread made is taken for one's own",
        "_core/steps/scope.py",
        "            if entry.watch is None:\n                PUT[entry]\n",
        "            entry.view = self._last\n            if entry.watch is None:\n                PUT[entry]\n",
        ("core/test_interleavings.py", "-k", "ask_kept-ask_kept"),
    ),
    Mutant(
        "a wait for what is done closes a circle",
        "_core/steps/waits.py",
        "and not wait.run.is_done",
        "",
        (*WAITERS, "-k", "over_closes_no_circle"),
    ),
    Mutant(
        "a wait that closes a circle is not noticed",
        "_core/steps/waits.py",
        "                path, optional = _find_circle(frame, run, thread, group.blocked)\n",
        "                path = None\n",
        (*WAITERS, "-k", "circle_over_threads"),
    ),
    Mutant(
        "what comes after its context was left is lost",
        "_core/steps/open_context.py",
        "            _settle_outward(entry)\n\n    def setdefault",
        "            pass\n\n    def setdefault",
        THREADS,
    ),
    Mutant(
        "what comes after its context was tweaked counts as asked for there",
        "_core/steps/open_context.py",
        "    then = frame if frame.view is view else frame_then(frame, view)\n",
        "    then = frame\n",
        THREADS,
    ),
    Mutant(
        "a lock is held while memos are released",
        "_core/state/group.py",
        "targets, is_rebound, taken)\n",
        "targets, is_rebound, taken)\n            taken.clear()\n",
        THREADS,
    ),
    Mutant(
        "homes that came in the meantime are let go with those that went",
        "_core/facts/homes.py",
        "        if self.tables.get(function) is not nodes:  # an",
        "        if False:  # an",
        (*HOMES, "-k", "cleared_meanwhile"),
    ),
    Mutant(
        "nodes are told apart by all but the last argument",
        "_core/facts/homes.py",
        "    return plain[1:]\n",
        "    return plain[1:-1] or plain[1:]\n",
        HOMES,
    ),
    Mutant(
        "a call with one tuple is the call with its elements",
        "_core/facts/homes.py",
        "        if not machine.is_tuple(only):\n            return only\n",
        "        return only\n",
        HOMES,
    ),
    Mutant(
        "a table keeps every function that it ever had a node of",
        "_core/facts/homes.py",
        "        if not nodes:\n            self._forget(function, nodes)\n        return True\n",
        "        return True\n",
        HOMES,
    ),
    Mutant(
        "a home that came while its function was let go is lost",
        "_core/facts/homes.py",
        "        if nodes:\n            known = self.tables",
        "        if False:\n            known = self.tables",
        HOMES,
    ),
    Mutant(
        "a run that an invalidation has hit is filed",
        "_core/steps/finish.py",
        "(run.generation != group.generation and not _is_true_still(run, home, reads))",
        "False",
        MEDDLING,
    ),
    Mutant(
        "a caller of a redefined function is verified by old nodes",
        "_core/state/walks.py",
        "        elif is_caller:\n",
        "        elif False:\n",
        tests=REDEFINITION,
    ),
    Mutant(
        "a mutable object that is handed out again is the same value",
        "_core/facts/equality.py",
        "    if old is new and is_immutable(new):\n",
        "    if old is new:\n",
    ),
    Mutant(
        "what is in a tuple cannot be changed",
        "_core/facts/equality.py",
        "return None if kind.__dictoffset__ else list(tuple.__iter__(value))",
        "return []",
        SHARED,
    ),
    Mutant(
        "an equality is not asked about one object",
        "_core/facts/equality.py",
        "    if old is new and is_immutable(new):\n        return True\n    if eq is not None:\n",
        "    if old is new and is_immutable(new):\n        return True\n    if eq is not None and old is not new:\n",
        SHARED,
    ),
    Mutant(
        "an argument that hides its changes is not warned of",
        "_core/facts/equality.py",
        "return argument if _can_change(argument) else None",
        "return None",
        UNSEEN,
    ),
    Mutant(
        "a tweak that is told again is the tweak that it was",
        "_contexts/kinds.py",
        "return None if is_immutable(said) else object()",
        "return None",
    ),
    Mutant(
        "a replacement that calls its own node is asked again",
        "_contexts/kinds.py",
        "    replaces: ClassVar[bool] = True\n",
        "    replaces: ClassVar[bool] = False\n",
        KINDS,
    ),
    Mutant(
        "what is untweaked stands on what is beneath it",
        "_contexts/kinds.py",
        "    is_untweak: ClassVar[bool] = True\n    is_final: ClassVar[bool] = True\n",
        "    is_untweak: ClassVar[bool] = False\n    is_final: ClassVar[bool] = False\n",
        KINDS,
    ),
    Mutant(
        "two kinds that run the same are one tweak",
        "_contexts/kinds.py",
        "return NotImplemented if type(other) is not type(self) else",
        "return",
        KINDS,
    ),
    Mutant(
        "a context that is made of a scenario does not tell it anew",
        "_contexts/scenario.py",
        "    specs = tell_anew(scenario.specs)\n",
        "    specs = scenario.specs\n",
    ),
    Mutant(
        "a telling counts for nothing where tweaks are told apart",
        "_core/state/group.py",
        "spec.identity, spec.telling, 0 if",
        "spec.identity, None, 0 if",
    ),
    Mutant(
        "a store takes each value for the one that was read",
        "stores/_reading.py",
        "        return digest == self.digest and digest != NO_DIGEST\n",
        "        return True\n",
        STORE_PROGRAMS,
    ),
    Mutant(
        "a store serves runs of another definition",
        "stores/_keeper.py",
        "[place_of(function.name, print_, call) for print_ in prints]",
        'list({place_of(function.name, "", call) for print_ in prints})',
        STORE_PROGRAMS,
    ),
    Mutant(
        "a run in flight outlives an invalidation by another process",
        "stores/_writer.py",
        "        if late:\n            self.backend.delete(late)\n",
        "",
        ("stores/test_late_runs.py",),
    ),
    Mutant(
        "a row is used of which nobody could tell whether it came too late",
        "stores/_writer.py",
        "at in self._removed or at in self._doubted",
        "at in self._removed",
        ("stores/test_late_runs.py",),
    ),
    Mutant(
        "a run is kept that began while the store did not answer",
        "stores/_keeper.py",
        "        if search.since is None:\n",
        "        if False:\n",
        ("stores/test_late_runs.py",),
    ),
    Mutant(
        "the processes of a machine without its server keep late runs",
        "stores/_tiered.py",
        'return f"{self.near.tell_invalidation(function)} {far}"',
        "return far",
        ("stores/test_late_runs.py",),
    ),
    Mutant(
        "the seal of a row does not cover its call",
        "stores/_path.py",
        """    call = f"{function}\\0{arguments}".encode("utf-8", "surrogatepass")\n""",
        """    call = b""\n""",
        STORE_DAMAGE,
    ),
    Mutant(
        "the seal of a row does not cover what it takes to read its value",
        "stores/_path.py",
        "found.path[_SEAL:_HEAD] == seal_needs(found.needs)",
        "bool(found.path)",
        STORE_DAMAGE,
    ),
    Mutant(
        "a store asks in another order than the run did",
        "stores/_keeper.py",
        "        memo = KeptMemo(run.home, None, 0, tuple(reads))\n",
        "        memo = KeptMemo(run.home, None, 0, tuple(reversed(reads)))\n",
        STORES,
    ),
    Mutant(
        "a kept stream believes that what it has read is the same",
        "stores/_giving.py",
        "                    if now != told.digest or now == NO_DIGEST:\n",
        "                    if False:\n",
        STORE_STREAMS,
    ),
    Mutant(
        "a kept stream is given as a whole when its first items hold",
        "stores/_streams.py",
        "            gates.append(Gate(place, len(reads)))\n",
        "            gates.append(Gate(place, gates[0].reads if gates else len(reads)))\n",
        STORE_STREAMS,
    ),
    Mutant(
        "a store takes the items of a stream that it has read for the same",
        "stores/_reading.py",
        "        if digest_span(new, self.span) != self.digest:\n            return False\n",
        "",
        STORE_STREAMS,
    ),
    Mutant(
        "a store does not see that a stream ends sooner or later",
        "stores/_items.py",
        'b"end" if ends_here else b"more"',
        'b""',
        STORE_STREAMS,
    ),
    Mutant(
        "what a store took after it had read a stream for another run does not rest on that",
        "stores/_reading.py",
        "            note(run, run.view, mark)",
        "            pass",
        STORE_STREAMS,
    ),
    Mutant(
        "a store keeps a stream that was invalidated while it was read",
        "stores/_streams.py",
        "        if tape.is_held or memo.status != LIVE or not",
        "        if tape.is_held or not",
        STORE_STREAMS,
    ),
    Mutant(
        "a store keeps items that a reader has changed",
        "stores/_items.py",
        "            if known is None or digest_value(item) != known:\n                return False\n",
        "",
        STORE_STREAMS,
    ),
    Mutant(
        "a store serves a bumped stream as the stream itself",
        "stores/_streams.py",
        "        if stream._bump is not None or stream._body is not stream.node._function.body:",
        "        if False:",
        STORE_STREAMS,
    ),
    Mutant(
        "a store closes a source before the generator has opened it",
        "stores/_giving.py",
        "        self._items.progress.clear()\n",
        "        self._items.progress.clear()\n        self._readers.close()\n",
        STORE_STREAMS,
    ),
    Mutant(
        "what a pump had read for an item that was not given counts",
        "stores/_giving.py",
        "            self._tape.reached.clear()\n        self._items.progress.clear()\n",
        "            pass\n",
        ("stores/test_kept_stream_programs.py", "-m", "not slow"),
    ),
    Mutant(
        "a store keeps what caught a failure",
        "stores/_digest.py",
        "    if memo.failure is not None:\n        return NO_DIGEST\n",
        "    if memo.failure is not None:\n        return bytes(16)\n",
        STORES,
    ),
    Mutant(
        "a store keeps the run of a bump",
        "stores/_keeper.py",
        "        if run.handle is not None or function is BENEATH",
        "        if function is BENEATH",
        STORES,
    ),
    Mutant(
        "a store keeps a run that opened a context",
        "stores/_reads.py",
        "    return not (memo.opened or memo.inner_nodes or memo.made",
        "    return not (memo.made",
        STORES,
    ),
    Mutant(
        "a store tells calls apart as a dict does",
        "stores/_digest.py",
        '    return join(encoded).decode("ascii"), sorted(',
        '    return join(encoded).decode("ascii").replace("1.0", "1").replace("true", "1"), sorted(',
        STORES,
    ),
    Mutant(
        "a store believes that a list is what it was",
        "stores/_digest.py",
        "    return before if digest_value(value) == before else None\n",
        "    return before\n",
        STORE_CHANGES,
    ),
    Mutant(
        "a store looks at a list when its reader has changed it",
        "stores/_digest.py",
        "        return digest_of(memo, of_tweaks)\n    before = ",
        "        return digest_of(memo, of_tweaks)\n    return digest_value(value)\n    before = ",
        STORE_CHANGES,
    ),
    Mutant(
        "a store takes a class for the one of its name",
        "stores/_digest.py",
        "    return digest_bytes(digest, *(_digest_class(name) for name in classes)) if classes else digest\n",
        "    return digest\n",
        STORES,
    ),
    Mutant(
        "a store keeps what a user has invalidated",
        "stores/_keeper.py",
        "                self.store.forget_runs(function.name, partial(self._is_of, target), "
        "partial(self._forgotten.discard, target))\n",
        "                pass\n",
        STORES,
    ),
    Mutant(
        "a store takes a pickled function for the one of its name",
        "stores/_keeper.py",
        'NO_DIGEST if encoded.codec == "pickle" else with_classes(',
        "with_classes(",
        STORE_CLASSES,
    ),
    Mutant(
        "a store takes a pickled function that it kept for the one of its name",
        "stores/_keeper.py",
        '    if found.codec == "pickle":\n        return NO_DIGEST\n',
        "",
        STORE_CLASSES,
    ),
    Mutant(
        "a class in a value is only its name",
        "codec/_plain.py",
        "        needs.add(CLASS_NEED + name)\n",
        "",
        STORE_CLASSES,
    ),
    Mutant(
        "a store names a call by a list that was changed since",
        "stores/_reads.py",
        "    if arguments is not None and type(key) is PartialKey and",
        "    if False and",
        STORE_CHANGES,
    ),
    Mutant(
        "a store forgets the call that was written alike alone",
        "stores/_keeper.py",
        "        return key is None or key == target\n",
        "        return row.arguments == write_arguments(target)\n",
        STORES,
    ),
    Mutant(
        "a lease is given back before its row is there",
        "stores/_writer.py",
        "            self._given_back.extend(leases)\n",
        "            self.backend.release(leases, self.owner)\n",
        STORE_LEASES,
    ),
    Mutant(
        "a run waits for its own process",
        "stores/_store.py",
        " or self.writer.has(at):\n",
        ":\n",
        STORE_LEASES,
    ),
    Mutant(
        "what a far server could not be told to forget is served",
        "stores/_tiered.py",
        "        return [row for row in rows if row.function not in others]\n",
        "        return rows\n",
        STORE_TIERS,
    ),
    Mutant(
        "an invalidation that a far server did not take is given up",
        "stores/_tiered.py",
        "        if is_open:\n            remove(",
        "        if False:\n            remove(",
        STORE_TIERS,
    ),
    Mutant(
        "a machine keeps the copies that another one has invalidated",
        "stores/_tiered.py",
        "            remove(self.near, function, _is_any)\n",
        "            pass\n",
        STORE_TIERS,
    ),
    Mutant(
        "a forked child has the locks of its parent",
        "stores/_forks.py",
        "        one.begin_anew()\n",
        "        pass\n",
        STORE_FORKS,
    ),
    Mutant(
        "a run removes what is damaged itself",
        "stores/_store.py",
        "            self.writer.remove(at, digest)\n",
        "            self.backend.delete((at,))\n",
        STORE_DAMAGE,
    ),
    Mutant(
        "an invalidation that failed is not done later",
        "stores/_writer.py",
        "                self._invalidated.append(Forgetting(function, is_of, done))\n",
        "                pass\n",
        STORE_DAMAGE,
    ),
    Mutant(
        "a locked store is asked by every run",
        "stores/_sqlite.py",
        "wait_s is not None and outage.is_paused",
        "False",
        STORE_LOCKS,
    ),
    Mutant(
        "a process waits for ever for a lease",
        "stores/_store.py",
        "0.0 if search.until is not None and self.time() >= search.until else ",
        "",
        STORE_LEASES,
    ),
    Mutant(
        "a run that failed keeps its lease",
        "stores/_keeper.py",
        "            self.store.writer.give_back(leases)\n",
        "            pass\n",
        STORE_LEASES,
    ),
    Mutant(
        "a store believes a path that is damaged",
        "stores/_path.py",
        "if _seal(at, found.digest, packed[_SEAL:_HEAD], found.function, found.arguments, body) != packed[:_SEAL]:",
        "if not packed:",
        STORE_DAMAGE,
    ),
    Mutant(
        "a store believes a value that is damaged",
        "stores/_store.py",
        " or digest_data(found.codec, data) != found.digest:\n",
        ":\n",
        STORE_DAMAGE,
    ),
    Mutant(
        "a damaged value of a store stays",
        "stores/_store.py",
        "                self.forget(at, found.digest)\n",
        "                self.forget(at)\n",
        STORE_DAMAGE,
    ),
    Mutant(
        "a store looks no more at the names that a function reads",
        "_functions/definition/grounds.py",
        "            if not _is_held(space.get(name, _MISSING), value):\n",
        "            if False:\n",
        STORE_EDITS,
    ),
    Mutant(
        "a store looks no more at the data that a function reads",
        "stores/_definitions.py",
        "        return noted is None or not noted.marks or all(",
        "        return True or all(",
        STORE_EDITS,
    ),
    Mutant(
        "a fingerprint counts no container whose method a function calls",
        "_functions/definition/parts.py",
        '[("name", value.__name__), ("self", owner)]',
        '[("name", value.__name__)]',
        STORE_REACH,
    ),
    Mutant(
        "a fingerprint counts no number of an own class",
        "_functions/definition/walk.py",
        "[*state_of(value), *beneath(value)]",
        "[*state_of(value)]",
        STORE_REACH,
    ),
    Mutant(
        "a fingerprint counts no state of an object of a library",
        "fingerprint.py",
        "            told = tell_object(value)\n",
        "            told = None\n",
        STORE_REACH,
    ),
    Mutant(
        "what one digest= says is compared with what another one says",
        "stores/_said.py",
        '        return sayer.salt + b"str:"',
        '        return b"str:"',
        STORE_SAID,
    ),
    Mutant(
        "a value with a digest= is digested for each reader",
        "stores/_digest.py",
        " or plain_key(memo.home.find_key())[0].digest is not None\n",
        "\n",
        STORE_SAID,
    ),
    Mutant(
        "numbers that can be written to elsewhere are taken for read-only",
        "stores/_digest.py",
        "        if value.flags.writeable:\n            return False\n        value = value.base\n",
        "        if value.flags.writeable:\n            return False\n        value = None\n",
        STORE_SAID,
    ),
    Mutant(
        "an error of a worker comes without the user's line",
        "executors/_errors.py",
        "RemoteTraceback(row.traceback)",
        'RemoteTraceback("")',
        REMOTE,
    ),
    Mutant(
        "what is known of the nodes of a sweep does not go to its workers",
        "executors/_remote.py",
        "keys = [*(node._key for node in nodes if store is None), *list_read",
        "keys = [*list_read",
        REMOTE,
    ),
    Mutant(
        "a worker loads the base for each message",
        "executors/_bases.py",
        "known = self._known.pop(digest, None)",
        "known = None",
        REMOTE,
    ),
    Mutant(
        "a worker with other code answers",
        "executors/_bases.py",
        "name=loaded.name)\n        if changed:\n",
        "name=loaded.name)\n        if False:\n",
        REMOTE,
    ),
    Mutant(
        "a tweak is sent that no other process can have",
        "executors/_remote.py",
        "            _check_tweak(target, spec, _find_why_not(",
        "            print(target, spec, _find_why_not(",
        REMOTE,
    ),
    Mutant(
        "scenarios are lost that were beside the one which ended their worker",
        "executors/_dispatch.py",
        "(len(sent.items) > 1 or losses <= self._retries)",
        "losses <= self._retries and len(sent.items) == 1",
        DISPATCH,
    ),
    Mutant(
        "what was with a lost worker goes beside others again",
        "executors/_dispatch.py",
        "self.pool.submit_alone if losses else self.pool.submit",
        "self.pool.submit",
        DISPATCH,
    ),
    Mutant(
        "a sweep sends whatever there is",
        "executors/_dispatch.py",
        "AHEAD * self.pool.workers\n\n    def send",
        "AHEAD * 1_000\n\n    def send",
        DISPATCH,
    ),
    Mutant(
        "a worker compares no helper that nobody has imported there",
        "executors/_bases.py",
        "            import_module(name)\n",
        "            pass\n",
        ("executors/test_remote.py", "-k", "body_imports"),
    ),
    Mutant(
        "a file does not say what a body has imported",
        "_portable/memos.py",
        "for place, one in reached.imported.items()}}",
        "for place, one in ()}}",
        ("snapshot/test_imported_helpers.py",),
    ),
    Mutant(
        "what leads to an ignored global still counts",
        "_functions/definition/grounds.py",
        "            if f\"{space.get('__name__', '?')}.{name}\" in self.ignored:\n",
        "            if False:\n",
        STORE_IGNORED,
    ),
    Mutant(
        "an ignored global of another module still counts",
        "_functions/definition/grounds.py",
        '            if isinstance(value, ModuleType) and f"{value.__name__}.{step}" in self.ignored:\n',
        "            if False:\n",
        STORE_IGNORED,
    ),
    Mutant(
        "a cell that binds an ignored global again redefines its functions",
        "_functions/redefine.py",
        "part.kind not in (NODE, IGNORED):",
        "part.kind != NODE:",
        STORE_IGNORED,
    ),
    Mutant(
        "a store keeps a function that is changed while it runs",
        "stores/_keeper.py",
        "        if definition is not search.definition:\n",
        "        if False:\n",
        STORE_EDITS,
    ),
    Mutant(
        "a value that was taken over is not that of the run it came from",
        "_core/steps/finish.py",
        "        held.origin = Origin()\n    return held.origin\n",
        "        held.origin = Origin()\n    return None\n",
        SHARED,
    ),
    Mutant(
        "all values that were taken over are those of one run",
        "_core/steps/finish.py",
        "        held.origin = Origin()\n",
        "        held.origin = TWEAKED\n",
        SHARED,
    ),
    Mutant(
        "a value beneath a bump is another one each time it is asked for",
        "_core/steps/find.py",
        "        apart.origin = handle.spec.telling\n",
        "",
        SHARED,
    ),
    Mutant(
        "a node beneath a tweak stays in the cache when the tweak is gone",
        "_core/steps/begin.py",
        "        drop_empty(run.view.cache, [home])\n",
        "        pass\n",
        SHARED,
    ),
    Mutant(
        "the notice of a tweak that is gone stays while the garbage collector looks",
        "_core/state/local.py",
        'if phase == "start" and info',
        'if phase == "end" and info',
        LOCAL,
    ),
    Mutant(
        "who read a node is kept alive though its function is local",
        "_core/facts/memo.py",
        "        noted: Any = reader if reader.link is None else reader.link\n",
        "        noted: Any = reader\n",
        LOCAL,
    ),
    Mutant(
        "a tweak leads to the memos of local functions and keeps them alive",
        "_core/state/cache.py",
        "        known.add(link or memo)\n",
        "        known.add(memo)\n",
        LOCAL,
    ),
    Mutant(
        "a memo keeps the functions that its run decorated",
        "_core/steps/finish.py",
        "    if run.made:\n",
        "    if False:\n",
        LOCAL,
    ),
    Mutant(
        "a function that escaped from the run that made it leads nowhere",
        "_core/state/walks.py",
        "        return mark in memo.made or concerns(",
        "        return concerns(",
        LOCAL,
    ),
    Mutant(
        "a memo that held forgets what its run decorated",
        "_core/steps/finish.py",
        "        if held.extra is not None and held.extra.made:\n",
        "        if False:\n",
        LOCAL,
    ),
    Mutant(
        "a sum of sets with high bits loses the low ones",
        "_core/facts/sparse.py",
        "            low = low | one._low if one._low else low\n",
        "",
        SPARSE,
    ),
    Mutant(
        "what two sets have in common in one of their chunks is not seen",
        "_core/facts/sparse.py",
        "chunk & many[number] for number, chunk in few.items() if number in many}",
        "chunk & many[number] for number, chunk in few.items() if number in many and number > 1}",
        SPARSE,
    ),
    Mutant(
        "bits that reach into the next chunk are not seen",
        "_core/facts/sparse.py",
        "        bits |= (chunks.get(number + 1, 0) & rest) << (WIDTH - within)",
        "        pass",
        SPARSE,
    ),
    Mutant(
        "sets of many targets have nothing in common",
        "_core/native/machine.pxd",
        "        PyObject *both = PyNumber_And(bits, others);",
        "        PyObject *both = PyLong_FromLong(0);",
        ("core/test_sparse.py",),
    ),
    Mutant(
        "first tweaks of many nodes do not reach what read them through a memo that is gone",
        "_core/state/walks.py",
        "if read.status != LIVE or read in self.memos]",
        "if read in self.memos]",
        SPREAD,
    ),
    Mutant(
        "first tweaks of many nodes do not reach a run under whose own context one of them ran",
        "_core/state/walks.py",
        "            if key in self._given:  # it met",
        "            if False:  # it met",
        SPREAD,
    ),
    Mutant(
        "of several nodes that are tweaked for the first time, the memos have the bits of none",
        "_core/state/group.py",
        "walks = self._give(given, self._spread_all, given)",
        "self.bits.keep_all(given)",
        SPREAD,
    ),
    Mutant(
        "a memo that a finalizer files behind the back of an invalidation stays",
        "_core/state/group.py",
        "            if self.filings != filings:  # by a finalizer",
        "            if False:  # by a finalizer",
        SPREAD,
    ),
    Mutant(
        "a memo that a finalizer files behind the back of a walk lacks the first bit",
        "_core/state/group.py",
        "walks.append(self._to_the_end(spread, *args))\n            if self.filings == filings:",
        "walks.append(self._to_the_end(spread, *args))\n            filings = self.filings\n            if True:",
        SPREAD,
    ),
    Mutant(
        "a sum forgets what it added before a set that is far away",
        "_core/facts/sparse.py",
        "            if window:\n                _add(chunks, _cut(start, window))\n            start",
        "            start",
        SPARSE,
    ),
    Mutant(
        "a bit is given again though a memo has it",
        "_core/state/bits.py",
        "            spare = without(without(spare, memo.footprint), memo.footprint_below)\n",
        "            spare = without(spare, 0)\n",
        LOCAL,
    ),
    Mutant(
        "bits of functions that are gone are not given again",
        "_core/state/bits.py",
        "        if self._spare:\n            return self._spare.pop()\n",
        "",
        LOCAL,
    ),
    Mutant(
        "an invalidation leaves empty nodes",
        "_core/state/group.py",
        "                drop_empty(cache, walk.visited_roots, lost)\n",
        "",
        GROWTH,
    ),
    Mutant(
        "one older memo of a node waits, whatever it met",
        "_core/state/stale.py",
        "    home.waiting, home.shown = kept or None, True",
        "    home.waiting, home.shown = None, True",
        WAITING,
    ),
    Mutant(
        "an older memo that waits takes the place of one in force",
        "_core/state/stale.py",
        "old.status == LIVE and memo.status == STALE:\n",
        "old.status == LIVE and memo.status == LIVE:\n",
        WAITING,
    ),
    Mutant(
        "older memos that wait beside others are not counted",
        "_core/state/stale.py",
        "count = len(home.waiting or ()) + ",
        "count = ",
        WAITING,
    ),
    Mutant(
        "an older memo waits on when its tweak is gone",
        "_core/state/releasing.py",
        "    if home.waiting is not None:\n",
        "    if home.waiting is not None and memo.status == LIVE:\n",
        WAITING,
    ),
    Mutant(
        "older memos of a node that is invalidated itself wait on",
        "_core/state/group.py",
        "lost += (*take_waiting(home), *",
        "lost += (*(), *",
        WAITING,
    ),
    Mutant(
        "the collector does not see the memos that wait",
        "_core/native/collector.h",
        "    Py_VISIT(home->waiting);\n",
        "",
        WAITING,
    ),
    Mutant(
        "the memory of what has ended is not used again",
        "_core/native/spare.h",
        "spare->count < spare->most",
        "spare->count < 0",
        COLLECTOR,
    ),
    Mutant(
        "what waits to be verified is not bounded",
        "_core/state/stale.py",
        "        while self._count > self._most:\n",
        "        while False:\n",
        GROWTH,
    ),
    Mutant(
        "what waits to be verified is let go at once",
        "_core/state/stale.py",
        "        self._most = max(self._most, count)\n",
        "        self._most = 1\n",
        GROWTH,
    ),
    Mutant(
        "C: what hidden nodes refer to is not shown to the collector",
        "_core/native/collector.h",
        "? traverse_node(st, (Home *)home, visit, arg) : 0;",
        "? 0 : 0;",
        COLLECTOR,
    ),
    Mutant(
        "C: a hidden memo does not show its value",
        "_core/native/collector.h",
        "    Py_VISIT(memo->value);\n",
        "",
        COLLECTOR,
    ),
    Mutant(
        "C: a reference is shown twice",
        "_core/native/collector.h",
        "newest == plain ? NULL : newest,",
        "newest,",
        COLLECTOR,
    ),
    Mutant(
        "a memo that leaves its place stays hidden",
        "_core/facts/homes.py",
        "        machine.show(memo)\n",
        "        pass\n",
        COLLECTOR,
    ),
    Mutant(
        "a home that leaves the table stays hidden",
        "_core/facts/homes.py",
        "        machine.show(home)\n",
        "        pass\n",
        COLLECTOR,
    ),
    Mutant(
        "a frame that is given a listener while it is refreshed is not looked at again",
        "_core/steps/frame.py",
        "            self.homes = homes = now ",
        "            self.homes = now\n            return ",
        HOMES,
    ),
    Mutant(
        "C: the memos in a dict are shown as well as the dict",
        "_core/native/collector.h",
        "    if (!is_hidden(op)) { /* each place of it is shown by itself */\n        return 0;",
        "    if (!is_hidden(op)) {\n        return visit(op, arg);",
        COLLECTOR,
    ),
    Mutant(
        "C: what a node read beneath another cache answers over its own variants",
        "_core/native/call.h",
        "           (above == NULL || above->variants == Py_None)) { /* else",
        "           1) { /* else",
        LAYERED,
    ),
    Mutant(
        "a check asks beneath a tweak among the memos of the node itself",
        "_functions/sync_driver.py",
        "fetch(run, key, read.home if run.handle is None else None)",
        "fetch(run, key, read.home)",
    ),
    Mutant(
        "what is at hand beneath answers over the variants of a node",
        "_core/steps/begin.py",
        "cache.beneath is not None and (home is None or not home.variants):",
        "cache.beneath is not None:",
        LAYERED,
    ),
    Mutant(
        "an outermost call is answered at once where the outside is checked",
        "_core/steps/frame.py",
        "is_checked = run is None and view.group.check is not None",
        "is_checked = False",
        CHECKS,
    ),
    Mutant(
        "calls inside a node are checked as well",
        "_core/steps/begin.py",
        "    if call is None and group.check is not None:\n",
        "    if group.check is not None:\n",
        CHECKS,
    ),
    Mutant(
        "frames inside a run come to the engine where the outside is checked",
        "_core/steps/frame.py",
        "is_checked = run is None and ",
        "is_checked = ",
        CHECKS,
    ),
    Mutant(
        "contexts that are open do not see that the outside is checked from now on",
        "sources/_check.py",
        "            group.doubt(function, _do_nothing)",
        "            pass",
        FILES,
    ),
    Mutant(
        "a file that was just written is known by its time and size",
        "sources/_stamp.py",
        "if mtime_ns is not None and now - mtime_ns > _STEP_NS:",
        "if mtime_ns is not None:",
        STAMPS,
    ),
    Mutant(
        "the signature of a file that was just written is trusted",
        "sources/_stamp.py",
        "    return now - max(found.st_mtime_ns, found.st_ctime_ns) > _STEP_NS",
        "    return True",
        STAMPS,
    ),
    Mutant(
        "a file that a tweak leads to is not watched",
        "sources/_body.py",
        "path, found = _like(path, found), target(found, by=by)",
        "path = _like(path, found)",
        ("sources/test_file_source.py",),
    ),
    Mutant(
        "what read a cleared cache beneath is not shown",
        "_core/state/cache.py",
        "                home.shown = True\n",
        "                pass\n",
        COLLECTOR,
    ),
    Mutant(
        "an override of a flow is lost to an insert",
        "flow/_building.py",
        "            if self._is_stated(nodes.beneath):",
        "            if False:",
        FLOWS,
    ),
    Mutant(
        "an override of a flow shows as an insert",
        "flow/_flow.py",
        '"overridden" if name in wiring.overridden else "inserted"',
        '"inserted"',
        FLOWS,
    ),
    Mutant(
        "a release of a flow forgets what was inserted",
        "flow/_building.py",
        "self._state({node: hidden[0]} if hidden else {}, drop=(node, keeper))",
        "self._state({}, drop=(node, keeper))",
        FLOWS,
    ),
    Mutant(
        "a deleted node of a flow keeps its value",
        "flow/_building.py",
        "drop=tuple([node for name in names for node in self._nodes_of(name)])",
        "drop=tuple([self._nodes_of(name).definition for name in names])",
        FLOW_CHANGES,
    ),
    Mutant(
        "a default of a flow is read wherever its name is not inserted",
        "flow/_nodes.py",
        "wire[2] in _PROMISED or definition(flow, wire[1]) is not None",
        "wire[2] in _PROMISED",
        FLOWS,
    ),
    Mutant(
        "a renamed node of a flow loses its value",
        "flow/_building.py",
        "            if self._is_stated(theirs):",
        "            if False:",
        FLOW_CHANGES,
    ),
    Mutant(
        "names of a block of a flow mean those around",
        "flow/_building.py",
        'f"{path}/{read}" if read in own else links.get(read, read)',
        "links.get(read, read)",
        FLOWS,
    ),
    Mutant(
        "what reads a name of a flow is not repointed",
        "flow/_building.py",
        "            if any(wire[1] == old for wire in wires):",
        "            if False:",
        FLOWS,
    ),
    Mutant(
        "a restriction of a flow goes past its inputs",
        "flow/_building.py",
        "for wire in definitions[name][1] if name not in ends)",
        "for wire in definitions[name][1])",
        FLOWS,
    ),
    Mutant(
        "many definitions of a flow take the place of those before",
        "flow/_context.py",
        "{**base, **{node.args[1]: tweaks[node] for node in own}}",
        "{node.args[1]: tweaks[node] for node in own}",
        FLOW_CHANGES,
    ),
    Mutant(
        "a copy of a flow shares its tags",
        "flow/_flow.py",
        "made._tags.update({one: set(tags) for one, tags in self._tags.items()})",
        "made._tags = self._tags",
        FLOW_CHANGES,
    ),
    Mutant(
        "a what-if of a flow states its tweaks again",
        "_contexts/scenario.py",
        "    return _made((*scenario._layers, *added._layers), (*scenario.specs, *added.specs), scenario.name)",
        "    return scenario | added",
        FLOW_CHANGES,
    ),
    Mutant(
        "a flow changes inside a node that it runs",
        "flow/_context.py",
        '        self._context._check_changeable("change the flow of")\n',
        "",
        FLOW_CHANGES,
    ),
    Mutant(
        "listeners do not hear of a change of a flow",
        "flow/_context.py",
        '            self._context._tell_all("tweaked", [*changes, *gone])\n',
        "",
        FLOW_CHANGES,
    ),
    Mutant(
        "an insert into a flow looks at all tweaks",
        "flow/_context.py",
        "        layers: Any = self._context.scenario._layers\n        for tweaks in",
        "        layers: Any = (self._context.tweaks,)\n        for tweaks in",
        FLOW_CHANGES,
    ),
    Mutant(
        "a known name of a flow is answered by way of the wires",
        "flow/_flow.py",
        "        if all(_has_value(states, self.node(name)) for name in names):",
        "        if False:",
        FLOW_CHANGES,
    ),
    Mutant(
        "a function of a flow that is gone is found out in the middle of a run",
        "flow/_wiring.py",
        "        gone = [name for name in order if self.is_gone(name)]",
        "        gone: list[str] = []",
        FLOW_CHANGES,
    ),
    Mutant(
        "the earlier of two dicts of a flow wins",
        "flow/_flow.py",
        "            merged[key] = value[key]",
        "            merged.setdefault(key, value[key])",
        FASTDAG,
    ),
    Mutant(
        "functions that were given again have other keys",
        "flow/_saving.py",
        "        return register(fn, one.key)\n    if _is",
        "        return register(fn)\n    if _is",
        FLOW_FILES,
    ),
    Mutant(
        "a function that has changed answers for a saved one",
        "flow/_saving.py",
        "    if others and refuses:",
        "    if False:",
        FLOW_FILES,
    ),
    Mutant(
        "a function that has changed does not run again",
        "flow/_saving.py",
        'others if changed == "recompute" else []',
        "[]",
        FLOW_FILES,
    ),
    Mutant(
        "a file of a flow has no tags",
        "flow/_saving.py",
        "for name, found in self._tags.items() if found}",
        "for name, found in self._tags.items() if not found}",
        FLOW_FILES,
    ),
    Mutant(
        "a loaded flow takes a function from another one",
        "flow/_nodes.py",
        "    if known is not None and known.fn is fn:",
        "    if False:",
        FLOW_FILES,
    ),
    Mutant(
        "an update of rappf answers from the update before",
        "compat/rappf.py",
        'self._flow._with_values(values, "update", afresh=True)',
        'self._flow._with_values(values, "update")',
        RAPPF,
    ),
    Mutant(
        "nodes of fastdag load one by one",
        "compat/fastdag.py",
        'flow._run_here("later", pool)',
        'flow._run_here("later", None)',
        FASTDAG,
    ),
    Mutant(
        "a recording of rappf has what became of a value",
        "compat/rappf.py",
        "        lines.update({kind: _write(seed[kind]) for kind in captured if kind in seed})\n",
        "",
        RAPPF,
    ),
    Mutant(
        "a recording of rappf need be no cut",
        "compat/rappf.py",
        "    if past and not is_ok:",
        "    if False:",
        RAPPF,
    ),
    Mutant(
        "a check forgets who read a value",
        "debug/_check.py",
        "            watched.readers[reader] = None\n",
        "",
        CHANGES,
    ),
    Mutant(
        "a check suspects who had ended before the change",
        "debug/_check.py",
        "                watched.readers.pop(reader, None)\n",
        "                pass\n",
        CHANGES,
    ),
    Mutant(
        "a check suspects nobody who is running",
        "debug/_check.py",
        "dict.fromkeys([*readers, *self._find_running(watched)])",
        "dict.fromkeys(readers)",
        CHANGES,
    ),
    Mutant(
        "the error of a check takes the place of the program's own",
        "debug/_check.py",
        "        if self._changes and error is None:",
        "        if self._changes:",
        CHANGES,
    ),
    Mutant(
        "a filled cache is a change",
        "debug/_contents.py",
        "            if not now.is_private:",
        "            if True:",
        CHANGES,
    ),
    Mutant(
        "what a cache was filled with does not count",
        "debug/_watched.py",
        "                self.contents = now\n",
        "",
        CHANGES,
    ),
    Mutant(
        "the items of a stream are watched when it has ended",
        "debug/_items.py",
        "self._hooks[stream] = wrap(stream, partial(_Items, self, stream))",
        "self._hooks[stream] = None",
        CHANGES,
    ),
    Mutant(
        "what a bump gets is not watched",
        "debug/_finding.py",
        "        keys.append(handle.key_beneath(node._key))\n        try:\n            handle = view.handle_of(keys[-1])",
        "        try:\n            handle = None",
        CHANGES,
    ),
    Mutant(
        "a part that comes again is any of those",
        "debug/_contents.py",
        "return met.level, met.numbers[key]",
        "return met.level, 0",
        CHANGES,
    ),
    Mutant(
        "an emptied cache is a change",
        "debug/_contents.py",
        "            if not then.is_filled:",
        "            if True:",
        CHANGES,
    ),
    Mutant(
        "what pandas keeps when it is read is a change",
        "debug/_contents.py",
        "    if taken is not None:",
        "    if False:",
        CHANGES,
    ),
    Mutant(
        "a value is looked at once",
        "debug/_watched.py",
        "_LOOKS = 3",
        "_LOOKS = 1",
        CHANGES,
    ),
    Mutant(
        "who reads in a what-if of its own is no suspect",
        "debug/_check.py",
        "        for key in memo.inner_nodes:",
        "        for key in ():",
        CHANGES,
    ),
    Mutant(
        "an array is frozen when the check has ended",
        "debug/_freezing.py",
        "if self._is_open and array",
        "if array",
        FREEZING,
    ),
    Mutant(
        "a frozen array stays frozen",
        "debug/_freezing.py",
        "                array.flags.writeable = True\n",
        "                pass\n",
        FREEZING,
    ),
    Mutant(
        "what cannot be frozen is named each time",
        "debug/_freezing.py",
        "            if is_new:",
        "            if True:",
        FREEZING,
    ),
    Mutant(
        "a value that somebody holds is handed over",
        "flow/_moving.py",
        "getrefcount(value) <= _HELD and is_lone(value)",
        "is_lone(value)",
        MOVES,
    ),
    Mutant(
        "a value of which somebody holds a part is handed over",
        "flow/_moving.py",
        "getrefcount(value) <= _HELD and is_lone(value)",
        "getrefcount(value) <= _HELD",
        MOVES,
    ),
    Mutant(
        "the value of a source is handed over",
        "flow/_moving.py",
        "function.is_source or function.is_async",
        "function.is_async",
        MOVES,
    ),
    Mutant(
        "a value is handed over that another task has read",
        "flow/_moving.py",
        "return memo if is_here and not _is_read_in_flight(view, memo) else None",
        "return memo if is_here else None",
        MOVES,
    ),
    Mutant(
        "a value is handed over beside other threads",
        "flow/_moving.py",
        "return len(sys._current_frames()) == 1",
        "return True",
        MOVES,
    ),
    Mutant(
        "what a value rests on that was handed over is not brought up to date",
        "flow/_moving.py",
        "        gone.footprint |= Memo.bits_of",
        "        _ = Memo.bits_of",
        MOVES,
    ),
    Mutant(
        "a flow that is awaited hands over what others have",
        "flow/_nodes.py",
        "own(found) if wire[1] in moved else found",
        "found",
        MOVES,
    ),
    Mutant(
        "a reader comes after the writer",
        "flow/_wiring.py",
        "                reads[name] = (*reads[name], *[one for one in before if name not in self._order([one], reads)])\n",
        "                pass\n",
        MOVES,
    ),
    Mutant(
        "a value is handed over twice",
        "flow/_wiring.py",
        "                if owner != name:\n",
        "                if False:\n",
        MOVES,
    ),
    Mutant(
        "a tick finds its values by the places of those before",
        "_core/state/scenario.py",
        "            by_place.update({place: handle for handle in changed for place in list_places(handle.bit)})\n",
        "",
        ("live/test_ticks_of_live.py",),
    ),
    Mutant(
        "a tick has the serials of the values before",
        "_core/state/view.py",
        "    serials = before.serials.difference(gone).union(map(SERIAL, changed))\n",
        "    serials = before.serials\n",
        tests=TICKS,
    ),
    Mutant(
        "a push to live inputs is split over two ticks",
        "live/_ticks.py",
        "            self.context.take(change)\n",
        "            first, *others = change\n"
        "            self.context.take({first: change[first]})\n"
        "            if others:\n"
        "                self.backlog.put_back({key: tick[key] for key in others})\n",
        LIVE,
    ),
    Mutant(
        "a push to live inputs that became impossible takes the others with it",
        "live/_ticks.py",
        "            return 0 < len(rest) < len(tick) and self._change(rest)\n",
        "            return False\n",
        ("live/test_ticks_of_live.py",),
    ),
    Mutant(
        "a slow output of live inputs is asked in the scenario of a later tick",
        "live/_ticks.py",
        "output._start(Place(self.freeze(), self._around), self.number",
        "output._start(Place(self.context, self._around), self.number",
        LIVE,
    ),
    Mutant(
        "a tick of live inputs is taken beside the replay in force",
        "live/_ticks.py",
        "        if find_sealed() is self._around:\n",
        "        if True:\n",
        tests=("replay/test_replay_mistakes.py",),
    ),
    Mutant(
        "a frozen context of live inputs ticks on",
        "live/_ticks.py",
        "        frozen._scenario = self.context._scenario",
        "        frozen = self.context",
        LIVE,
    ),
    Mutant(
        "a slow output of live inputs is not asked for the last tick",
        "live/_beside.py",
        "        return None if self._is_full else super()._find_due()",
        "        self._left_out = None if self._is_full else self._left_out\n"
        "        return None if self._is_full else super()._find_due()",
        LIVE,
    ),
    Mutant(
        "the values of a dropped tick of live inputs are lost",
        "live/_backlog.py",
        "            after.setdefault(key, push)\n",
        "            pass\n",
        LIVE,
    ),
    Mutant(
        "answers about live inputs in flight come as they are there",
        "live/_beside.py",
        "        while self._flights and self._flights[0].is_over:\n            flight = self._flights[0]\n",
        "        for flight in [one for one in self._flights if one.is_over]:\n",
        LIVE_UPDATES,
    ),
    Mutant(
        "a burst of live inputs ends without its last tick",
        "live/_ticks.py",
        "return min((due for output in tuple(self.outputs.values()) if (due := output._find_due()) is not None), default=None)",
        "return None",
        LIVE_UPDATES,
    ),
    Mutant(
        "Mut in the type of a parameter of rappf says nothing",
        "compat/rappf.py",
        "return mark_moved(run, step.moved) if step.moved else run",
        "return run",
        ("compat/test_rappf_problems.py",),
    ),
    Mutant(
        "a node whose memo was handed over forgets what it had read when a what-if is gone",
        "_core/state/emptying.py",
        "    is_known = not home.has_lost and not any(",
        "    is_known = not any(",
        MOVES,
    ),
)


def main() -> int:
    """Run all mutants; return 0 when each was caught."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--only", default="", help="run those with this text in their name")
    parser.add_argument("--of-c", action="store_true", help="run those that only a compiled build has")
    parser.add_argument("--part", type=read_part, default=(0, 1), metavar="I/N", help="run every N-th, from the I-th on; from 0")
    options = parser.parse_args()
    began = time.monotonic()
    named = [mutant for mutant in MUTANTS if options.only in mutant.name]
    named = [mutant for mutant in named if mutant.is_in_c or not options.of_c]
    lost = [(mutant, edit) for mutant in named for edit in mutant.edits if (PACKAGE / edit[0]).read_text().count(edit[1]) != 1]
    for mutant, edit in lost:
        print(f"LOST      {mutant.name}: {edit[0]} does not hold its text exactly once")
    if lost:
        return 2
    path = "compiled" if dug.COMPILED else "pure"
    can_be = [mutant for mutant in named if dug.COMPILED or not mutant.is_in_c]
    first, step = options.part
    chosen = can_be[first::step]
    left_out = f"{len(named) - len(can_be)} of C alone are left out"
    print(f"{path} call path: {len(chosen)} of {len(can_be)} mutants, {left_out}", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        caught = list(pool.map(try_mutant, chosen))
    print(f"{sum(caught)} of {len(caught)} mutants caught on the {path} call path in {time.monotonic() - began:.0f} s")
    return 0 if all(caught) else 1


def read_part(text: str) -> tuple[int, int]:
    """Return the numbers of a part as it is typed."""
    first, _, step = text.partition("/")
    return int(first), int(step)


def try_mutant(mutant: Mutant) -> bool:
    """Return whether its tests find a fault in a copy of the package, and say so."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        verdict = make_copy(Path(folder), mutant.edits) or run_tests(Path(folder), mutant.tests)
    is_caught = verdict == "hung" or ".py::" in verdict  # a package that cannot be imported says nothing of its fault
    word = "caught" if is_caught else "SURVIVED" if " passed" in verdict else "BROKEN"
    print(f"{word:9} {mutant.name} ({time.monotonic() - began:.0f} s: {verdict})", flush=True)
    return is_caught


def make_copy(folder: Path, edits: tuple[Edit, ...]) -> str:
    """Make a copy of the package with these edits, compiled where that matters; return why it is of no use, or nothing."""
    copy = folder / "dug"
    shutil.copytree(PACKAGE, copy, ignore=find_foreign)
    for file, old, new in edits:
        text = (copy / file).read_text()
        (copy / file).write_text(text.replace(old, new))
    old = [built for file, _, _ in edits if dug.COMPILED for built in find_built(copy, copy / file)]
    if old:
        for built in old:
            built.unlink()  # the next file was compiled from the copy
        shutil.copy2(PACKAGE.parent / "setup.py", folder)  # as old as it is: all else is compiled already
        flags = f"{os.environ.get('CFLAGS', '')} -O0 -g0"  # compiles three times as fast
        ready = folder / "ready"  # the command compiles what is not there or is older than its sources
        shutil.copytree(copy, ready / "dug", ignore=find_sources, copy_function=shutil.copy2)
        run_python(folder, "setup.py", "-q", "build_ext", "--inplace", "--build-lib", str(ready), CFLAGS=flags)
        if not all(built.exists() for built in old):
            return "the copy does not compile"
    code = "import dug, dug._core.native.choose as a; print(dug.__file__, getattr(a.compiled, '__file__', ''))"
    used = run_python(folder, "-c", code)
    expected = [copy / "__init__.py", *((copy / "_core" / "native").glob("_caccel*.so") if dug.COMPILED else ())]
    return "" if list(map(Path, used.split())) == expected else f"not the copy is used, but {used}"


def find_built(copy: Path, file: Path) -> list[Path]:
    """Return what is compiled of a file: all modules, for declarations that they share."""
    native = copy / "_core" / "native"
    if file.suffix == ".pxd":
        return list(native.rglob("*.so"))
    if file.suffix in {".c", ".h"}:
        return list(native.glob("_caccel*.so"))
    return list((native / file.parent.name).glob(f"{file.stem}.*.so")) if file.with_suffix(".pxd").exists() else []


def find_foreign(_: str, names: list[str]) -> set[str]:
    """Return the names in a folder that a copy leaves out: caches of bytecode, and what other Pythons compiled."""
    own = sysconfig.get_config_var("EXT_SUFFIX")
    return {name for name in names if name == "__pycache__" or (name.endswith(".so") and not name.endswith(own))}


def find_sources(folder: str, names: list[str]) -> set[str]:
    """Return the names in a folder of what was not compiled."""
    return {name for name in names if not name.endswith(".so") and not Path(folder, name).is_dir()}


def run_python(folder: Path, *arguments: str, **variables: str) -> str:
    """Return the output of Python in a folder, with the package that is there."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout.strip()


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
