"""A scan of a file says what its graph and its records say."""

from __future__ import annotations

from contextlib import suppress

import kept_streams as kept
import pytest
from attrs import evolve

import dug
from dug import snapshot


def check(path):
    """See that the facts, the edges and the outcomes of a scan are those of a look."""
    with snapshot.look(path) as looked, snapshot.look(path) as other:
        scan = other._scan()
        columns, graph = scan.columns, looked.graph()

        assert columns.list_facts() == [evolve(graph.fact(text), error=None) for text in columns.names]
        assert len(columns) == len(graph)
        for text, reads in zip(columns.names, scan.read_edges(), strict=True):
            known = looked[text]
            assert [columns.names[place] for place in reads] == list(known.dependencies)
            assert other._tell_outcome(text) == (known.value if known.error is None else graph.fact(text).error)
        return graph


def test_a_scan_says_what_a_look_says(saved):
    """Facts, edges and outcomes of plain nodes, sources, failures and tweaks are as a look has them."""
    assert "failed" in {fact.state for fact in check(saved).facts}


@pytest.mark.parametrize("function", [kept.total, kept.broken_total])
def test_a_scan_shows_streams_as_a_look_does(tmp_path, function):
    """Streams stand for their marks, also one that failed."""
    with dug.Context() as ctx:
        with suppress(OSError):
            function("a")
        snapshot.save(ctx, tmp_path / "streams.dug")

    assert len(check(tmp_path / "streams.dug")) >= 2


def test_a_scan_of_an_empty_file_has_no_nodes(tmp_path):
    """A context in which nothing ran has columns, too."""
    with dug.Context() as ctx:
        snapshot.save(ctx, tmp_path / "empty.dug")

    assert len(check(tmp_path / "empty.dug")) == 0
