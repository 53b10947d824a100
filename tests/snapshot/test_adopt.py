"""A loaded file whose memos move into an ordinary cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import kept_book
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import strategies
from support.oracle import Level, Oracle
from support.program_on_dug import ProgramOnDug
from test_snapshot_round_trip import load as load_program
from test_snapshot_round_trip import look_at, some_nodes, some_tweaks, worlds
from test_snapshot_round_trip import saved as saved_program

import dug
from dug import snapshot, sources
from dug.errors import ContextError, SnapshotError

ROOT = Path(dug.__file__).parent.parent


def test_an_adopted_file_runs_nothing_and_needs_no_file(saved, ran, load):
    """All values of the file answer after it was closed, from a cache of the plain class."""
    loaded = load(saved)
    adopted = loaded.adopt()
    loaded.close()

    with adopted:
        kept_book.book()

    assert (ran, type(adopted), type(adopted.cache)) == ([], dug.Context, dug.Cache)


def test_a_failure_is_adopted_and_tried_again(saved, ran, load):
    """The node that failed shows its error, and the next call runs it."""
    adopted = load(saved).adopt()
    assert type(adopted.memo(kept_book.position.node("X")).error) is KeyError

    with adopted, pytest.raises(KeyError):
        kept_book.position("X")

    assert ran


@pytest.mark.slow
def test_a_function_that_is_not_here_is_named(tmp_path, load):
    """Memos that would have to wait cannot be adopted: the message says for what."""
    program = "import dug\n@dug.memoize(name='gone:f')\ndef f(): return 1\nwith dug.Context() as ctx: f()\n"
    program += f"from dug import snapshot; snapshot.save(ctx, {str(tmp_path / 'gone.dug')!r})"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)

    with pytest.raises(SnapshotError, match=r"has nodes of functions that are not here: gone:f\. Import their modules before"):
        load(tmp_path / "gone.dug").adopt()


def test_an_adopted_file_is_an_outermost_context(saved, load):
    """Its cache lies on no other one."""
    adopted = load(saved).adopt()

    with dug.Context(), pytest.raises(ContextError), adopted:
        pass


def test_files_are_looked_at_as_the_load_said(tmp_path, load):
    """An edited file is read again, unless the file was loaded with ``check_files=False``."""
    path = tmp_path / "prices.csv"
    path.write_text("a\n1\n")
    with dug.Context() as ctx:
        before = sources.file(path).size
        snapshot.save(ctx, tmp_path / "x.dug")
    path.write_text("a\n2345\n")
    after = {}
    for checks in (True, False):
        with load(tmp_path / "x.dug", check_files=checks).adopt():
            after[checks] = sources.file(path).size

    assert (before, after) == (4, {True: 7, False: 4})


@pytest.mark.slow
@settings(max_examples=25)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_tweaks, some_nodes, some_nodes, some_nodes))
def test_an_adopted_file_is_as_the_context_was(world, drawn):
    """Looks show the same, nothing that has a value runs again, and calls under new tweaks agree with the oracle."""
    outer, inner, then, first, second, third = drawn
    on_dug, oracle = ProgramOnDug(*world), Oracle(*world)
    with saved_program(on_dug, [outer, inner], [first, second]) as (ctx, path):
        expected = look_at(ctx, on_dug)
        known = [call for call in strategies.NODES if on_dug.node(call) in ctx and ctx.memo(on_dug.node(call)).error is None]
        known = [call for call in known if not ctx.memo(on_dug.node(call))._memo.transient]
        loaded = load_program(on_dug, path)
        adopted = loaded.adopt()
        loaded.close()
    with adopted:
        assert look_at(adopted, on_dug) == expected
        on_dug.ran.clear()
        for call in known:
            on_dug.call(call)
        assert on_dug.ran == []
        with dug.Context(on_dug.tweaks(then)):
            for call in (*strategies.NODES, *third):
                assert on_dug.call(call) == oracle.ask(call, (Level(outer), Level(inner), Level(then))).outcome
        for call in third:
            assert on_dug.call(call) == oracle.ask(call, (Level(outer), Level(inner))).outcome


def test_a_file_is_adopted_inside_a_context_as_outside(saved, load):
    """What is in force where a file is adopted is not around the adopted context."""
    loaded = load(saved)
    with dug.Context() as ctx:
        adopted = loaded.adopt()

    assert len(adopted.cache) == len(loaded.adopt().cache) > 0
    assert len(ctx.cache) == 0
