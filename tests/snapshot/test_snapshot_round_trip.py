"""Property: saved nodes answer as before, none of them runs again, and later tweaks agree with the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import strategies
from support.oracle import Level, Oracle
from support.program_on_dug import ProgramOnDug, add, fail
from support.programs import FUNCTIONS, Boom, likeness

import dug
from dug import codec, snapshot

worlds = st.tuples(strategies.programs, strategies.outsides)
some_tweaks = strategies.tweaks(FUNCTIONS)
some_nodes = st.lists(strategies.targets | strategies.nodes, max_size=5)

codec.register(Boom)


@contextmanager
def saved(on_dug, layers, asked) -> Iterator[tuple[dug.Context, Path]]:
    """Ask nodes in contexts inside each other, save the innermost, and give it and the file."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        for tweaks, nodes in zip(layers, asked, strict=True):
            ctx = stack.enter_context(dug.Context(on_dug.tweaks(tweaks)))
            for node in nodes:
                on_dug.call(node)
        name_replacements(on_dug)
        path = Path(folder) / "program.dug"
        snapshot.save(ctx, path)
        stack.close()
        yield ctx, path


def name_replacements(on_dug):
    """Give the replacements of a program names by which they can be found."""
    for number, replacement in enumerate(on_dug.replacements.values()):
        replacement.__module__, replacement.__qualname__ = "random_program", f"replacement{number}"


def load(on_dug, path):
    """Load a file whose tweaks are of a program."""
    return snapshot.load(path, functions=[add, fail, *on_dug.replacements.values()])


def look_at(ctx, on_dug):
    """Return all that can be seen of the nodes of a program in a context."""
    seen = {}
    for call in strategies.NODES:
        node = on_dug.node(call)
        if node in ctx:
            memo = ctx.memo(node)
            error = memo.error and (type(memo.error), tuple(map(likeness, memo.error.args)))
            seen[node] = memo.kind, likeness(memo.value), error, memo.traceback, memo.dependencies
            tweaks = set(memo.tweaks)
            if node in tweaks:  # a memo from before the node was untweaked read its function's tweak, too; a fresh run does not
                tweaks.discard(node.function)
            seen[node] += tweaks, memo.seconds, memo.own_seconds
    return seen


@pytest.mark.slow
@settings(max_examples=60)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_nodes, some_nodes))
def test_a_loaded_file_shows_what_the_context_showed(world, drawn):
    """Each look at a loaded snapshot gives the same as in the context that was saved."""
    (outer, inner, first, second), on_dug = drawn, ProgramOnDug(*world)
    with saved(on_dug, [outer, inner], [first, second]) as (ctx, path):
        expected = look_at(ctx, on_dug)
        with load(on_dug, path) as loaded:
            assert look_at(loaded, on_dug) == expected
        loaded.close()


@pytest.mark.slow
@settings(max_examples=60)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_nodes, some_nodes))
def test_nothing_that_has_a_value_runs_again(world, drawn):
    """Asking a loaded snapshot for a node that had a value in the saved context runs nothing."""
    (outer, inner, first, second), on_dug = drawn, ProgramOnDug(*world)
    with saved(on_dug, [outer, inner], [first, second]) as (ctx, path):
        known = [call for call in strategies.NODES if on_dug.node(call) in ctx and ctx.memo(on_dug.node(call)).error is None]
        known = [call for call in known if not ctx.memo(on_dug.node(call))._memo.transient]
        with load(on_dug, path) as loaded:
            on_dug.ran.clear()
            for call in known:
                on_dug.call(call)

            assert on_dug.ran == []
        loaded.close()


@pytest.mark.slow
@settings(max_examples=100)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_tweaks, some_nodes, some_nodes, some_nodes))
def test_what_is_tweaked_after_loading_is_as_the_oracle_says(world, drawn):
    """Calls under new tweaks over a loaded snapshot agree with a program without any cache."""
    outer, inner, then, first, second, third = drawn
    on_dug, oracle = ProgramOnDug(*world), Oracle(*world)
    with saved(on_dug, [outer, inner], [first, second]) as (_, path):
        then = on_dug.tweaks(then), then
        with load(on_dug, path) as loaded:
            for call in third[:2]:
                assert on_dug.call(call) == oracle.ask(call, (Level(outer), Level(inner))).outcome
            with dug.Context(then[0]):
                for call in (*strategies.NODES, *third):
                    expected = oracle.ask(call, (Level(outer), Level(inner), Level(then[1]))).outcome
                    assert on_dug.call(call) == expected
            for call in third:
                assert on_dug.call(call) == oracle.ask(call, (Level(outer), Level(inner))).outcome
        loaded.close()


@pytest.mark.slow
@settings(max_examples=60)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_nodes, some_nodes, some_nodes))
def test_a_loaded_file_can_be_saved_again(world, drawn):
    """A snapshot of a tweaked snapshot agrees with the oracle, too."""
    (outer, then, first, second, third), on_dug, oracle = drawn, ProgramOnDug(*world), Oracle(*world)
    with saved(on_dug, [outer], [first]) as (_, path):
        with load(on_dug, path) as loaded, dug.Context(on_dug.tweaks(then)) as ctx:
            name_replacements(on_dug)
            for call in second:
                on_dug.call(call)
            expected = look_at(ctx, on_dug)
            snapshot.save(ctx, path)
        loaded.close()
        with load(on_dug, path) as again:
            assert look_at(again, on_dug) == expected
            for call in third:
                assert on_dug.call(call) == oracle.ask(call, (Level(outer), Level(then))).outcome
        again.close()
