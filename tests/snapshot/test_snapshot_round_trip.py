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
from support.program_on_dug import Subject, add, fail
from support.programs import FUNCTIONS, Boom, likeness

import dug
from dug import codec, snapshot

worlds = st.tuples(strategies.programs, strategies.outsides)
some_tweaks = strategies.tweaks(FUNCTIONS)
some_nodes = st.lists(strategies.targets | strategies.nodes, max_size=5)

codec.register(Boom)


@contextmanager
def saved(subject, layers, asked) -> Iterator[tuple[dug.Context, Path]]:
    """Ask nodes in contexts inside each other, save the innermost, and give it and the file."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        for tweaks, nodes in zip(layers, asked, strict=True):
            ctx = stack.enter_context(dug.Context(subject.tweaks(tweaks)))
            for node in nodes:
                subject.call(node)
        name_replacements(subject)
        path = Path(folder) / "program.dug"
        snapshot.save(ctx, path)
        stack.close()
        yield ctx, path


def name_replacements(subject):
    """Give the replacements of a program names by which they can be found."""
    for number, replacement in enumerate(subject.replacements.values()):
        replacement.__module__, replacement.__qualname__ = "random_program", f"replacement{number}"


def load(subject, path):
    """Load a file whose tweaks are of a program."""
    return snapshot.load(path, functions=[add, fail, *subject.replacements.values()])


def look_at(ctx, subject):
    """Return all that can be seen of the nodes of a program in a context."""
    seen = {}
    for call in strategies.NODES:
        node = subject.node(call)
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
    (outer, inner, first, second), subject = drawn, Subject(*world)
    with saved(subject, [outer, inner], [first, second]) as (ctx, path):
        expected = look_at(ctx, subject)
        with load(subject, path) as loaded:
            assert look_at(loaded, subject) == expected
        loaded.close()


@pytest.mark.slow
@settings(max_examples=60)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_nodes, some_nodes))
def test_nothing_that_has_a_value_runs_again(world, drawn):
    """Asking a loaded snapshot for a node that had a value in the saved context runs nothing."""
    (outer, inner, first, second), subject = drawn, Subject(*world)
    with saved(subject, [outer, inner], [first, second]) as (ctx, path):
        known = [call for call in strategies.NODES if subject.node(call) in ctx and ctx.memo(subject.node(call)).error is None]
        known = [call for call in known if not ctx.memo(subject.node(call))._memo.transient]
        with load(subject, path) as loaded:
            subject.ran.clear()
            for call in known:
                subject.call(call)

            assert subject.ran == []
        loaded.close()


@pytest.mark.slow
@settings(max_examples=100)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_tweaks, some_nodes, some_nodes, some_nodes))
def test_what_is_tweaked_after_loading_is_as_the_oracle_says(world, drawn):
    """Calls under new tweaks over a loaded snapshot agree with a program without any cache."""
    outer, inner, then, first, second, third = drawn
    subject, oracle = Subject(*world), Oracle(*world)
    with saved(subject, [outer, inner], [first, second]) as (_, path):
        then = subject.tweaks(then), then
        with load(subject, path) as loaded:
            for call in third[:2]:
                assert subject.call(call) == oracle.ask(call, (Level(outer), Level(inner))).outcome
            with dug.Context(then[0]):
                for call in (*strategies.NODES, *third):
                    expected = oracle.ask(call, (Level(outer), Level(inner), Level(then[1]))).outcome
                    assert subject.call(call) == expected
            for call in third:
                assert subject.call(call) == oracle.ask(call, (Level(outer), Level(inner))).outcome
        loaded.close()


@pytest.mark.slow
@settings(max_examples=60)
@given(worlds, st.tuples(some_tweaks, some_tweaks, some_nodes, some_nodes, some_nodes))
def test_a_loaded_file_can_be_saved_again(world, drawn):
    """A snapshot of a tweaked snapshot agrees with the oracle, too."""
    (outer, then, first, second, third), subject, oracle = drawn, Subject(*world), Oracle(*world)
    with saved(subject, [outer], [first]) as (_, path):
        with load(subject, path) as loaded, dug.Context(subject.tweaks(then)) as ctx:
            name_replacements(subject)
            for call in second:
                subject.call(call)
            expected = look_at(ctx, subject)
            snapshot.save(ctx, path)
        loaded.close()
        with load(subject, path) as again:
            assert look_at(again, subject) == expected
            for call in third:
                assert subject.call(call) == oracle.ask(call, (Level(outer), Level(then))).outcome
        again.close()
