"""Looks at a file show streams as looks at a context do: with their items and what these rest on, and without marks."""

from __future__ import annotations

from contextlib import suppress

import kept_streams as kept
import pytest

import dug
from dug import snapshot


def _reads(graph):
    return {str(node): {str(read) for read in graph.dependencies(node)} for node in graph}


@pytest.fixture
def both(tmp_path):
    """Make a file of what some calls have computed, and the graphs, states and explanations of context and file."""

    def make(*calls):
        with dug.Context() as ctx:
            for node in calls:
                with suppress(OSError):
                    node()
            snapshot.save(ctx, tmp_path / "x.dug")
            return ctx, snapshot.look(tmp_path / "x.dug")

    return make


def _check(ctx, looked):
    live = ctx.graph()
    with looked:
        saved = looked.graph()
        assert _reads(saved) == _reads(live)
        assert {one.node: (one.state, one.times_read) for one in map(saved.fact, saved)} == {
            str(one.node): (one.state, one.times_read) for one in map(live.fact, live)
        }
        assert set(looked.nodes()) == set(_reads(live))
        assert {one.node for one in looked.known()} == set(_reads(live))
        for node in live:
            told = str(ctx.explain(node)).replace(" (", "(")
            assert str(looked.explain(node)).replace(" (", "(") == told


def test_a_file_shows_what_streams_rest_on(both):
    """The nodes of a file with streams, what they read, and their explanations are those of the context."""
    _check(*both(kept.total.node("a"), kept.head.node("a", 2)))


def test_a_file_shows_a_stream_that_failed(both):
    """A stream whose generator raised has failed in a file too, with its error."""
    ctx, looked = both(kept.broken_total.node("a"))

    with looked:
        live = ctx.graph()
        assert _reads(looked.graph()) == _reads(live)
        assert looked[kept.broken.node("a")].state == live.fact(kept.broken.node("a")).state == "failed"
        assert {failed.node for failed in looked.failures()} == {"kept_streams:broken('a')", "kept_streams:broken_total('a')"}


def test_each_node_comes_after_what_it_read(both):
    """In a file with streams too, nodes are in an order in which each comes after those that it read."""
    _, looked = both(kept.head.node("a", 2), kept.total.node("a"), kept.last.node("b"))

    with looked:
        done = set()
        for one in looked.known():
            assert done.issuperset(one.dependencies)
            done.add(one.node)
        assert set(looked.targets()) >= {"kept_streams:total('a')", "kept_streams:head('a', 2)", "kept_streams:last('b')"}
        assert not [text for text in looked.targets() if "mark" in text]


def test_streams_that_read_each_other_are_shown(run, tmp_path):
    """Streams of which each rests on items of the other are in the graph of a file, and reading it ends."""

    @dug.memoize(name="feedback:ups")
    async def ups():
        yield 1
        async for item in downs():
            yield item + 1

    @dug.memoize(name="feedback:downs")
    async def downs():
        async for item in ups():
            yield item * 2

    async def main():
        with dug.Context() as ctx:
            assert await ups().seek(3) == 15
            snapshot.save(ctx, tmp_path / "x.dug")

    run(main)

    with snapshot.look(tmp_path / "x.dug") as looked:
        assert set(looked.nodes()) == {"feedback:ups()", "feedback:downs()"}
        assert "feedback:downs()" in looked["feedback:ups()"].dependencies
        assert "feedback:ups()" in looked["feedback:downs()"].dependencies
