"""Breaks the engine on purpose, one fault at a time, and says whether the tests that look for it notice.

`python tests/mutants.py [--jobs N] [--only TEXT] [--mirrored]` copies the package for each mutant, replaces a text, and
runs `test_model.py` against the copy, with a fixed seed and up to the first counterexample; or, for the faults that only many
threads and tasks can notice, the tests of those. It fails when a mutant survives, and when a text is no longer found exactly
once: then the engine was changed, and the mutant must follow it.

The call path in use is the one that is broken. On the compiled one, a mutant whose code is written in C too has a `twin`, the
same fault there. The copy is compiled again for a fault in C, and for one in a module that is compiled as it stands; mutants of C
alone are left out on the pure path.
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
    twin: Edit | None = None
    """The same fault in C, where the code is compiled as well."""

    @property
    def is_in_c(self) -> bool:
        """True for a fault that cannot be on the pure path."""
        return self.file.endswith((".c", ".h"))

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Everything that makes the fault on the compiled path; the first alone makes it on the pure one."""
        python = (self.file, self.old, self.new)
        return (python, self.twin) if self.twin else (python,)


ENTRY = ("core/test_entry.py",)
RELEASING = ("core/test_releasing.py",)
TICKS = ("core/test_ticks.py",)
EVENTS = ("core/test_events.py",)
EARLY = ("core/test_early_bits.py",)
COLD = ("core/test_cold_flight.py",)
MANY = ("core/test_concurrent_model.py",)
MEDDLING = ("core/test_hash_reentry.py",)
AGAIN = ("functions/test_run_again.py",)
NAMES = ("functions/test_names.py",)
REDEFINITION = ("functions/test_redefinition.py",)
SHARED = ("core/test_shared_values.py",)
LOCAL = ("core/test_local_functions.py",)
SPARSE = ("core/test_sparse.py",)
SPREAD = ("core/test_spread.py",)
GROWTH = ("core/test_growth.py", "-m", "not slow")
COLLECTOR = ("core/test_collector.py",)
ASKING = ("core/test_collector.py", "-k", "finalizer_asks", "-m", "slow")
HOMES = ("core/test_accel_homes.py",)
MASKED = ("core/test_accel_homes.py", "-k", "around")
THREADS = ("core/test_thread_safety.py",)
TRAPS = ("core/test_regressions.py",)
KINDS = ("contexts/test_kinds.py",)
DROPPED = ("core/test_dropped_contexts.py",)
WAITERS = ("core/test_single_flight.py",)
TASKS = ("functions/test_tasks.py",)

INTERRUPTS = ("core/test_interrupts.py",)

MUTANTS = (
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
        "frame.watch() is None and _leave_ended(frame)",
        "frame.watch() is None and False",
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
        "a listener of runs hears only of those that the compiled call path leaves to Python",
        "_core/native/run.h",
        "return !is_heard(st, view) && SLOT(run, run_opened)",
        "return SLOT(run, run_opened)",
        tests=EVENTS,
    ),
    Mutant(
        "a listener hears of all functions",
        "_core/facts/events.py",
        "kind in self.kinds and self.only in (None, function.kind)",
        "kind in self.kinds",
        tests=EVENTS,
    ),
    Mutant(
        "a memo of a held tweak goes with the tweak whose memo it replaced",
        "_core/state/releasing.py",
        " or serial not in memo.restriction:",
        ":",
        tests=RELEASING,
    ),
    Mutant(
        "a node that only a dropped tweak made is kept",
        "_core/state/releasing.py",
        "            bare.append(memo)",
        "            pass",
        tests=RELEASING,
        twin=("_core/native/homes.h", " || (plain == Py_None && PyList_Append(bare, one) < 0);", ";"),
    ),
    Mutant(
        "the runs under a context are lost when it is left",
        "_core/native/open_context.h",
        "(has_run && outer != Py_None && pass_runs_on(st, entry, outer) < 0)",
        "0",
        tests=ENTRY,
    ),
    Mutant(
        "an interrupt that is lost in user code under the lock frees the lock",
        "_core/native/choose.py",
        "if not held or _is_inside_engine(sys._getframe()):",
        "if not held:",
        tests=("core/test_locks.py",),
    ),
    Mutant(
        "a finalizer asks while the context variable is set",
        "_core/native/current.h",
        "int collects = PyGC_Disable();",
        "int collects = 0;",
        tests=ASKING,
    ),
    Mutant(
        "a memo has more reads than room when a finalizer asks while it is made",
        "_core/native/run.h",
        "if (count == PyTuple_GET_SIZE(reads)) {",
        "if (0) {",
        tests=ASKING,
    ),
    Mutant(
        "an entry that is left stays among those of its context",
        "_core/native/open_context.h",
        "strike_out(SLOT(entry, entry_openings), entry) < 0 || ",
        "",
        tests=ENTRY,
    ),
    Mutant(
        "a context that is entered while somebody listens tells nothing",
        "_core/native/open_context.h",
        "if (has_listeners(st, view)) {",
        "if (0) {",
        tests=ENTRY,
    ),
    Mutant(
        "a statement that an interrupt ended keeps its context in force",
        "_core/native/open_context.h",
        "SET(entry, entry_watch, Py_NewRef(watch));",
        "",
        tests=INTERRUPTS,
    ),
    Mutant(
        "a context of two values says that it differs in the first alone",
        "_core/state/view.py",
        "delta = added[0].bit if len(added) == 1 else Tweak.bits_of(added)",
        "delta = added[0].bit",
        tests=ENTRY,
        twin=("_core/native/view.h", "Py_SETREF(bits, PyNumber_Or(bits, SLOT(added[i], handle_bit)));", ""),
    ),
    Mutant(
        "a value over another is put in force beside it",
        "_core/state/view.py",
        "    if len(content) != len(around.content) + len(added):",
        "    if False:",
        tests=ENTRY,
        twin=("_core/native/view.h", "met == handle ? DONE : NOT_COMMON;", "DONE;"),
    ),
    Mutant(
        "equal scenarios are interned in two places",
        "_core/state/view.py",
        "        if handle.serial > newest.serial:",
        "        if False:",
        tests=ENTRY,
        twin=("_core/native/view.h", "newest = is_newer > 0 ?", "newest = newest == Py_None ?"),
    ),
    Mutant(
        "a tweak that is held keeps a note of each scenario it was in",
        "_core/state/group.py",
        "            if len(newest.scenarios) >= newest.prune_at:",
        "            if False:",
        tests=ENTRY,
        twin=(
            "_core/native/view.h",
            "PyDict_GET_SIZE(SLOT(newest, handle_scenarios)) >= PyLong_AsSsize_t(SLOT(newest, handle_prune_at))",
            "0",
        ),
    ),
    Mutant(
        "a tick keeps at hand what depends on the changed value",
        "_core/state/view.py",
        "tweaks.after = before.tweaks.serial, Tweak.bits_of(tweaks.handles ^ before.tweaks.handles)",
        "tweaks.after = before.tweaks.serial, 0",
        tests=TICKS,
    ),
    Mutant(
        "a tick of a bump is taken for one of a value",
        "_core/state/view.py",
        "spec.is_value and old[target].is_value",
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
        twin=(
            "_core/native/view.h",
            "PyTuple_Pack(2, SLOT(SLOT(parent, view_tweaks), tweaks_serial), delta)",
            "PyTuple_Pack(2, SLOT(SLOT(parent, view_tweaks), tweaks_serial), st->zero)",
        ),
    ),
    Mutant(
        "what was found in the scenario before serves although it read what differs",
        "_core/facts/memo.py",
        "memo.found_in != after[0] or memo.footprint & after[1]:",
        "memo.found_in != after[0]:",
        twin=(
            "_core/native/run.h",
            " ||\n            overlaps(SLOT(memo, memo_footprint), PyTuple_GET_ITEM(after, 1)) != 0) {",
            ") {",
        ),
    ),
    Mutant(
        "what was found in any scenario before serves where something else differs",
        "_core/facts/memo.py",
        "if after is None or memo.found_in != after[0] or",
        "if after is None or",
        twin=(
            "_core/native/run.h",
            "after == Py_None || SLOT(memo, memo_found_in) != PyTuple_GET_ITEM(after, 0) ||",
            "after == Py_None ||",
        ),
    ),
    Mutant(
        "a memo at hand serves in every scenario",
        "_core/facts/memo.py",
        "        if memo.found_in != tweaks.serial:\n",
        "        if False:\n",
        twin=("_core/native/run.h", "    if (SLOT(memo, memo_found_in) != SLOT(tweaks, tweaks_serial)) {", "    if (0) {"),
    ),
    Mutant(
        "a memo at hand serves though it is not in force any more",
        "_core/facts/memo.py",
        "        if memo is None or memo.status != LIVE:\n            return None\n",
        "        if memo is None:\n            return None\n",
        HOMES,
        twin=("_core/native/run.h", "if (memo == Py_None || SLOT(memo, memo_status) != st->live) {", "if (memo == Py_None) {"),
    ),
    Mutant(
        "the plain memo of a node is at hand although a tweak masks it",
        "_core/facts/memo.py",
        "if memo is not None and not memo.open_footprint & tweaks.open_mask:",
        "if memo is not None:",
        twin=(
            "_core/native/run.h",
            "            return masked < 0 ? NULL : memo;\n        }\n",
            "        }\n        return memo;\n",
        ),
    ),
    Mutant(
        "a memo that answers only within its call is kept at hand",
        "_core/steps/begin.py",
        "    if memo.call is None and key[0] is not BENEATH:\n",
        "    if key[0] is not BENEATH:\n",
        twin=("_core/native/run.h", "    if (SLOT(memo, memo_call) != Py_None) {\n        return 0;\n    }\n", ""),
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
        twin=(
            "_core/native/homes.h",
            "            if (SLOT(home, home_here) == one) {\n",
            "            if (0) {\n",
        ),
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
        "a home is left in a table whose homes have moved",
        "_core/state/cache.py",
        "            if not homes.is_moved:\n",
        "            if True:\n",
        HOMES,
        twin=("_core/native/run.h", "failed || homes->is_moved || put_in(", "failed || put_in("),
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
        "if plain is not None and not plain.footprint & tweaks.mask and plain.serves(call):",
        "if plain is not None and plain.serves(call):",
        twin=(
            "_core/native/run.h",
            "        if (masked <= 0) {\n            *found = masked < 0",
            "        if (1) {\n            *found = masked < 0",
        ),
    ),
    Mutant(
        "results are filed one level too far out",
        "_core/steps/finish.py",
        "restriction = view.tweaks.restrict(footprint) if footprint & view.tweaks.mask else NO_TWEAKS",
        "restriction = NO_TWEAKS",
        twin=(
            "_core/native/run.h",
            "restriction = met < 0 ? NULL : met ? restrict_to(st, tweaks, footprint) : Py_NewRef(st->no_tweaks);\n    memo",
            "restriction = Py_NewRef(st->no_tweaks);\n    met = 0;\n    memo",
        ),
    ),
    Mutant(
        "a memo says nothing of whether its own node was tweaked",
        "_core/steps/finish.py",
        "footprint = beneath | own_bits(view, key) if view.group.node_bits(key[0]) else beneath",
        "footprint = beneath",
        twin=(
            "_core/native/run.h",
            "footprint = own == NULL ? NULL : union_of(footprint, own);",
            "",
        ),
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
        "memo = finish(run, candidate.value, candidate.seconds, held=candidate)",
        "run.reads = dict.fromkeys(candidate.dependencies)\n"
        "    memo = finish(run, candidate.value, candidate.seconds, held=candidate)",
        twin=(
            "_core/native/run.h",
            "    Py_DECREF(reads);\n    return same;\n}",
            (
                "    if (same > 0) {\n"
                '        SET(run, frame_reads, PyObject_CallMethod((PyObject *)&PyDict_Type, "fromkeys", "(O)", reads));\n'
                "    }\n    Py_DECREF(reads);\n    return same;\n}"
            ),
        ),
    ),
    Mutant(
        "verification believes every candidate",
        "_core/steps/verify.py",
        "        if changed is None:\n",
        "        if True:\n",
        twin=(
            "_core/native/run.h",
            "        if (same == 0 && forget_reads(st, run) < 0) {\n            same = -1;\n        }\n",
            "        if (same == 0) {\n            same = 1;\n            break;\n        }\n",
        ),
    ),
    Mutant(
        "verification asks for dependencies in the wrong order",
        "_core/steps/verify.py",
        "    for group in groups:\n",
        "    for group in [*groups][::-1]:\n",
        twin=(
            "_core/native/run.h",
            "PyObject *read = PyTuple_GET_ITEM(reads, i);\n",
            "PyObject *read = PyTuple_GET_ITEM(reads, PyTuple_GET_SIZE(reads) - 1 - i);\n",
        ),
    ),
    Mutant(
        "nothing is verified",
        "_core/facts/memo.py",
        "        self.verifies = body\n",
        "        self.verifies = TWEAKED\n",
    ),
    Mutant(
        "a run that opened a context is verified through its dependencies",
        "_core/steps/finish.py",
        "True, TWEAKED\n",
        "True, run.body\n",
    ),
    Mutant(
        "what another body computed is verified",
        "_core/steps/verify.py",
        "return (newest,) if newest is not None and newest.verifies == run.body else ()\n",
        "return (newest,) if newest is not None else ()\n",
        twin=(
            "_core/native/run.h",
            "return newest != Py_None && SLOT(newest, memo_verifies) == st->zero ? PyTuple_Pack(1, newest) : PyTuple_New(0);",
            "return newest != Py_None ? PyTuple_Pack(1, newest) : PyTuple_New(0);",
        ),
    ),
    Mutant(
        "what answers around is not verified",
        "_core/steps/verify.py",
        "[find_masked(view, key), plain, newest]",
        "[None, plain, newest]",
        MASKED,
        twin=(
            "_core/native/run.h",
            "{masked == NULL ? Py_None : masked, SLOT(home, home_plain)",
            "{Py_None, SLOT(home, home_plain)",
        ),
    ),
    Mutant(
        "only what answers right around is verified",
        "_core/steps/find.py",
        "        around = around.parent\n",
        "        around = None\n",
        MASKED,
        twin=("_core/native/run.h", "        around = SLOT(around, view_parent);\n", "        around = Py_None;\n"),
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
        "        if self.call is None or self.call is call:\n",
        "        if True:\n",
    ),
    Mutant(
        "C: a node that has failed is looked up as if it had not",
        "_core/native/run.h",
        "    if (SLOT(home, home_has_failed) != Py_False) {\n",
        "    if (0) {\n",
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
        "if is_own_callable(value) or _holds_own(value)]",
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
        twin=(
            "_core/native/run.h",
            "    if (Py_TYPE(old) != Py_TYPE(new)) {\n        return 0;\n    }\n",
            "    if (Py_TYPE(old) != Py_TYPE(new)) {\n        return PyObject_RichCompareBool(old, new, Py_EQ);\n    }\n",
        ),
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
        twin=(
            "_core/native/run.h",
            (
                "PyDict_GetItemWithError(content, key);\n        if (handle == NULL && !PyErr_Occurred()) {\n"
                "            handle = PyDict_GetItemWithError(content, function);"
            ),
            (
                "PyDict_GetItemWithError(content, function);\n        if (handle == NULL && !PyErr_Occurred()) {\n"
                "            handle = PyDict_GetItemWithError(content, key);"
            ),
        ),
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
        twin=(
            "_core/native/run.h",
            (
                "    if (PyDict_SetItem(SLOT(SLOT(view, view_tweaks), tweaks_running), home, run) < 0) {\n"
                "        return FAILED;\n    }\n    SET(home, home_open_run, Py_NewRef(run));\n"
            ),
            "",
        ),
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
        "    if around is not None and around.told:",
        "    if False:",
        (*COLD, "-k", "opens_inside_later"),
    ),
    Mutant(
        "a run does not hand on who watches it to what it waits for",
        "_core/steps/watch.py",
        "    told = (holder.told if holder is not None else None) or frozenset()",
        "    told = frozenset()",
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
        "if beneath & FORGOTTEN or (",
        "if (",
        (*THREADS, "-k", "reads_a_forgotten"),
        twin=(
            "_core/native/run.h",
            "if (forgotten != 0 || !are_here(",
            "if (forgotten < 0 || !are_here(",
        ),
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
        ("core/test_interleavings.py", "-k", "runs_once"),
    ),
    Mutant(
        "a run begins in another scenario than was searched",
        "_core/steps/begin.py",
        "run = Run(view, frame,",
        "run = Run(frame.view, frame,",
        MEDDLING,
        twin=(
            "_core/native/run.h",
            "    SET(run, frame_view, Py_NewRef(view));",
            "    view = SLOT(frame, frame_view);\n    SET(run, frame_view, Py_NewRef(view));",
        ),
    ),
    Mutant(
        "who met others in flight does not look again before it runs",
        "_core/steps/begin.py",
        "home.alive and group.filings == filings and running.get(home) is other:",
        "home.alive and running.get(home) is other:",
        ("core/test_interleavings.py", "-k", "runs_once"),
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
        "        frame = view = run = found = walk = before = _ = handled = None",
        "        pass",
        DROPPED,
        twin=("_core/drive.py", "        del frame  # see `failure.empty_own_frames`\n", ""),
    ),
    Mutant(
        "the frames of the engine in the traceback of a run keep what they held",
        "_core/steps/finish.py",
        ") -> Memo | None:\n    empty_own_frames(traceback)\n",
        ") -> Memo | None:\n",
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
        twin=(
            "_core/native/waits.h",
            "PyObject *woken = PyObject_CallMethodNoArgs(wait, st->name_wake);",
            "PyObject *woken = Py_NewRef(Py_None);",
        ),
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
        "frame.has_task and frame.thread",
        "frame.task is not None and frame.thread",
        (*TASKS, "-k", "thread_reads"),
        twin=(
            "_core/native/run.h",
            "SLOT(frame, run_has_task) == Py_True) {\n            PyObject *set",
            "SLOT(frame, run_task) != Py_None) {\n            PyObject *set",
        ),
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
        "C: nobody looks again before a run is entered",
        "_core/native/run.h",
        "SLOT(group, group_filings) == filings &&\n           SLOT(home, home_alive)",
        "\n           SLOT(home, home_alive)",
        MEDDLING,
    ),
    Mutant(
        "C: nobody looks again before a memo is filed",
        "_core/native/run.h",
        "int fits = SLOT(group, group_filings) == filings && is_common_run(st, run, value) &&",
        "int fits = 1 ||",
        MEDDLING,
    ),
    Mutant(
        "C: a memo is filed although a first bit was given in between",
        "_core/native/run.h",
        "int fits = SLOT(group, group_filings) == filings && is_common_run",
        "int fits = is_common_run",
        MEDDLING,
    ),
    Mutant(
        "C: a search ends when an argument has changed the table",
        "_core/native/homes.h",
        "                goto again;\n",
        "                return 0;\n",
        HOMES,
    ),
    Mutant(
        "C: homes are told apart by all but one element of their keys",
        "_core/native/homes.h",
        "    for (Py_ssize_t i = 0; same > 0 && i < count; i++) {\n        if (own[i] != elements[i]) {\n",
        "    for (Py_ssize_t i = 1; same > 0 && i < count; i++) {\n        if (own[i] != elements[i]) {\n",
        HOMES,
    ),
    Mutant(
        "C: a table keeps every function that it ever had a node of",
        "_core/native/homes.h",
        "        failed = Py_REFCNT(owner) == 1 && PyList_Append",
        "        failed = 0 && PyList_Append",
        HOMES,
    ),
    Mutant(
        "C: a run that an invalidation has hit is filed",
        "_core/native/run.h",
        "           SLOT(run, run_generation) == SLOT(group, group_generation) && outer",
        "           outer",
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
        twin=(
            "_core/native/run.h",
            "is_same_plain(PyObject *old, PyObject *new)\n{\n",
            "is_same_plain(PyObject *old, PyObject *new)\n{\n    if (old == new) {\n        return 1;\n    }\n",
        ),
    ),
    Mutant(
        "C: a mutable object that is handed out again is the same value",
        "_core/native/run.h",
        "is_same_plain(PyObject *old, PyObject *new)\n{\n",
        "is_same_plain(PyObject *old, PyObject *new)\n{\n    if (old == new) {\n        return 1;\n    }\n",
        SHARED,
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
        "a value that was taken over is not that of the run it came from",
        "_core/steps/finish.py",
        "        held.origin = object()\n    return held.origin\n",
        "        held.origin = object()\n    return None\n",
        SHARED,
        twin=(
            "_core/native/run.h",
            "    SET(memo, memo_origin, Py_NewRef(SLOT(held, memo_origin)));\n",
            "",
        ),
    ),
    Mutant(
        "all values that were taken over are those of one run",
        "_core/steps/finish.py",
        "        held.origin = object()\n",
        "        held.origin = TWEAKED\n",
        SHARED,
        twin=(
            "_core/native/run.h",
            "PyObject *origin = PyObject_CallNoArgs((PyObject *)&PyBaseObject_Type);",
            "PyObject *origin = Py_NewRef(st->one);",
        ),
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
        "        noted = reader.link or reader\n        readers: Any",
        "        noted = reader\n        readers: Any",
        LOCAL,
        twin=("_core/native/run.h", "        reader = SLOT(home, home_link);\n", ""),
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
        "        memo.made = held.made\n",
        "        memo.made = ()\n",
        LOCAL,
        twin=("_core/native/run.h", "        SET(memo, memo_made, Py_NewRef(SLOT(held, memo_made)));\n", ""),
    ),
    Mutant(
        "a sum of sets with high bits loses the low ones",
        "_core/facts/sparse.py",
        "            low |= one._low\n",
        "",
        SPARSE,
    ),
    Mutant(
        "what two sets have in common in one of their chunks is not seen",
        "_core/facts/sparse.py",
        "if other is not None and other & chunk:",
        "if other is not None and other & chunk and number > 1:",
        SPARSE,
    ),
    Mutant(
        "bits that reach into the next chunk are not seen",
        "_core/facts/sparse.py",
        "return bool(rest and chunks.get(number + 1, 0) & rest)",
        "return False",
        SPARSE,
    ),
    Mutant(
        "C: sets of many targets have nothing in common",
        "_core/native/bits.h",
        "return sets_overlap(bits, others, 0);",
        "return 0;",
        SPARSE,
    ),
    Mutant(
        "first tweaks of many nodes do not reach what read them through a memo that is gone",
        "_core/state/spread.py",
        "if read.status != LIVE or read in self.memos]",
        "if read in self.memos]",
        SPREAD,
    ),
    Mutant(
        "first tweaks of many nodes do not reach a run under whose own context one of them ran",
        "_core/state/spread.py",
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
        "            spare = without(without(spare, memo.footprint), memo.footprint_beneath)\n",
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
        "what waits to be verified is not bounded",
        "_core/state/stale.py",
        "        while len(self._homes) > self._most:\n",
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
        "C: what untracked nodes refer to is not shown to the collector",
        "_core/native/homes.h",
        "int stop = traverse_node(st, home, visit, arg);",
        "int stop = 0;",
        COLLECTOR,
    ),
    Mutant(
        "C: an untracked memo does not show its value",
        "_core/native/homes.h",
        "    Py_VISIT(SLOT(memo, memo_value));\n",
        "",
        COLLECTOR,
    ),
    Mutant(
        "C: a node does not say that a value of it is tracked",
        "_core/native/homes.h",
        "shown = is_tracked_memo(st, memo, NULL, NULL);",
        "shown = 0;",
        COLLECTOR,
    ),
    Mutant(
        "C: a reference is shown twice",
        "_core/native/homes.h",
        "    if (!stop && newest != plain && is_memo_of",
        "    if (!stop && is_memo_of",
        COLLECTOR,
    ),
    Mutant(
        "C: a memo that leaves its place stays untracked",
        "_core/native/homes.h",
        "        show(memo);\n",
        "",
        COLLECTOR,
    ),
    Mutant(
        "C: a run that is used again remembers what it was",
        "_core/native/run.h",
        "        if (*slot != value) {\n",
        "        if (0) {\n",
    ),
    Mutant(
        "a frame that is given a listener while it is refreshed is not looked at again",
        "_core/steps/frame.py",
        "            self.homes = homes = now ",
        "            self.homes = now\n            return ",
        HOMES,
    ),
    Mutant(
        "C: a table is taken apart while its cache is finalized",
        "_core/native/homes.h",
        "    if (!are_untracked(st, op)) {\n",
        "    if (1) {\n",
        COLLECTOR,
    ),
    Mutant(
        "C: the memos in a dict are shown as well as the dict",
        "_core/native/homes.h",
        "    if (!is_hidden(memo)) { /* each place of it is shown by itself */\n        return 0;",
        "    if (!is_hidden(memo)) {\n        return visit(memo, arg);",
        COLLECTOR,
    ),
    Mutant(
        "C: a tweak answers with a memo of another cache",
        "_core/native/run.h",
        "SLOT(place, home_token) == SLOT(SLOT(view, view_cache), cache__token) && ",
        "",
        COLLECTOR,
    ),
    Mutant(
        "what read a cleared cache beneath is not shown",
        "_core/state/cache.py",
        "                home.shown = True\n",
        "                pass\n",
        COLLECTOR,
    ),
)


def main() -> int:
    """Run all mutants; return 0 when each was caught."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--only", default="", help="run those with this text in their name")
    parser.add_argument("--mirrored", action="store_true", help="run those whose code is written in Python and in C")
    options = parser.parse_args()
    began = time.monotonic()
    named = [mutant for mutant in MUTANTS if options.only in mutant.name and (mutant.twin or not options.mirrored)]
    lost = [(mutant, edit) for mutant in named for edit in mutant.edits if (PACKAGE / edit[0]).read_text().count(edit[1]) != 1]
    for mutant, edit in lost:
        print(f"LOST      {mutant.name}: {edit[0]} does not hold its text exactly once")
    if lost:
        return 2
    path = "compiled" if dug.COMPILED else "pure"
    chosen = [mutant for mutant in named if dug.COMPILED or not mutant.is_in_c]
    print(f"{path} call path: {len(chosen)} mutants, {len(named) - len(chosen)} of C alone are left out", flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        caught = list(pool.map(try_mutant, chosen))
    print(f"{sum(caught)} of {len(caught)} mutants caught on the {path} call path in {time.monotonic() - began:.0f} s")
    return 0 if all(caught) else 1


def try_mutant(mutant: Mutant) -> bool:
    """Return whether its tests find a fault in a copy of the package, and say so."""
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        edits = mutant.edits if dug.COMPILED else mutant.edits[:1]
        verdict = make_copy(Path(folder), edits) or run_tests(Path(folder), mutant.tests)
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
    if dug.COMPILED and any(is_compiled(copy / file) for file, _, _ in edits):
        old = list((copy / "_core" / "native").rglob("*.so"))
        for built in old:
            built.unlink()  # the next file was compiled from the copy
        shutil.copy(PACKAGE.parent / "setup.py", folder)
        flags = f"{os.environ.get('CFLAGS', '')} -O0 -g0"  # compiles three times as fast
        run_python(folder, "setup.py", "-q", "build_ext", "--inplace", CFLAGS=flags)
        if not all(built.exists() for built in old):
            return "the copy does not compile"
    code = "import dug, dug._core.native.choose as a; print(dug.__file__, getattr(a.compiled, '__file__', ''))"
    used = run_python(folder, "-c", code)
    expected = [copy / "__init__.py", *((copy / "_core" / "native").glob("_caccel*.so") if dug.COMPILED else ())]
    return "" if list(map(Path, used.split())) == expected else f"not the copy is used, but {used}"


def is_compiled(file: Path) -> bool:
    """Return whether a file is in C, or a module that is compiled as it stands."""
    return file.suffix in {".c", ".h"} or file.with_suffix(".pxd").exists()


def find_foreign(_: str, names: list[str]) -> set[str]:
    """Return the names in a folder that a copy leaves out: caches of bytecode, and what other Pythons compiled."""
    own = sysconfig.get_config_var("EXT_SUFFIX")
    return {name for name in names if name == "__pycache__" or (name.endswith(".so") and not name.endswith(own))}


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
