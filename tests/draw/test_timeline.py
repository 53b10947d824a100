"""`timeline` lays the runs of a graph along a line of time, as trace events."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trace_events import read_trace

from dug._inspect.graph import Fact, Graph
from dug.draw import timeline


def sketch(reads, **took):
    """Return the graph of named nodes and what they read; `took` has seconds, with and without callees."""
    facts = [Fact(name, f"m:{name}", "m", "computed", False, *took.get(name, (0.0, 0.0))) for name in reads]
    return Graph(facts, reads)


def draw(reads, **took):
    """Return the bars of a sketch."""
    return read_trace(timeline(sketch(reads, **took)))


def test_a_run_lies_in_the_one_that_read_it():
    """A bar is as wide as its run took, and lies within that of its reader."""
    bars = draw({"a": (), "b": (), "top": ("a", "b")}, a=(1.0, 1.0), b=(2.0, 2.0), top=(4.0, 1.0))

    assert [(bar.name, bar.start, bar.end, bar.around) for bar in bars.values()] == [
        ("top", 0.0, 4e6, ()),
        ("a", 0.0, 1e6, ("top",)),
        ("b", 1e6, 3e6, ("top",)),
    ]


def test_hits_are_folded():
    """A node that three nodes read has one bar, which counts them."""
    bars = draw({"a": (), "x": ("a",), "y": ("a",), "z": ("a",)}, a=(1.0, 1.0), x=(1.5, 0.5))

    assert bars["a"].around == ("x",)
    assert bars["a"].said["read_by"] == 3


def test_a_run_lies_in_a_reader_that_had_time_for_it():
    """The first reader took less than the run: so it got the value from a memo, and the other one ran it."""
    bars = draw({"a": (), "x": ("a",), "y": ("a",)}, a=(1.0, 1.0), x=(0.5, 0.5), y=(1.5, 0.5))

    assert bars["a"].around == ("y",)


def test_a_run_for_which_no_reader_had_time_stands_by_itself():
    """It was asked for before its reader ran."""
    bars = draw({"a": (), "x": ("a",)}, a=(1.0, 1.0), x=(0.5, 0.5))

    assert bars["a"].around == bars["x"].around == ()


def test_runs_that_overlapped_have_rows_of_their_own():
    """Three runs of one second in a run of one second were in flight together."""
    bars = draw({"a": (), "b": (), "c": (), "top": "abc"}, a=(1.0, 1.0), b=(1.0, 1.0), c=(1.0, 1.0), top=(1.0, 0.0))

    assert {bars[name].start for name in "abc"} == {0.0}
    assert len({bars[name].row for name in "abc"}) == 3


def test_what_did_not_run_has_no_bar():
    """A node that is tweaked to a value, and one without a memo, took no time."""
    states = {"tweaked": (0.0, 0.0), "masked": (1.0, 1.0), "not-run": (0.0, 0.0), "failed": (1.0, 1.0)}
    graph = Graph([Fact(state, "m:f", "m", state, False, *took) for state, took in states.items()], {})

    assert list(read_trace(timeline(graph))) == ["failed"]


def test_the_text_says_that_it_is_reconstructed():
    """Who opens the file reads in the name of the process, and in the metadata, that start times are not known."""
    made = json.loads(timeline(sketch({"a": ()}), title="night.dug"))

    assert made["traceEvents"][0]["args"]["name"] == "night.dug (reconstructed: start times are not known)"
    assert made["otherData"]["layout"].startswith("reconstructed")


@given(st.data())
def test_any_graph_gives_valid_trace_events(data):
    """Whatever the seconds of nodes say, bars nest, are sorted, and each node has one."""
    count = data.draw(st.integers(1, 8))
    seconds = st.sampled_from([0.0, 1e-9, 1e-7, 1 / 3, 0.1, 0.3, 1.0, 1e5, -1.0, 1e300, float("inf"), float("nan"), "1", None])
    names = [f"n{i}" for i in range(count)]
    reads = {name: tuple(data.draw(st.sets(st.sampled_from(names[:i])))) if i else () for i, name in enumerate(names)}
    took = {name: (data.draw(seconds), data.draw(seconds)) for name in names}

    assert set(draw(reads, **took)) == set(names)


@pytest.mark.parametrize("text", ["<script>", '"\\\n', "\ud800", "\u202e", "\x00"])
def test_hostile_texts_are_only_strings(text):
    """Quotes, markup, marks of direction and half characters are in strings of plain ASCII."""
    graph = Graph([Fact(text, text, text, "failed", error=text)], {})

    made = timeline(graph, title=text)
    [bar] = read_trace(made).values()

    assert made.isascii()
    assert bar.name == bar.said["error"] == text.encode("utf-8", "replace").decode()


def test_a_long_text_is_cut():
    """A node whose argument is megabytes of text has a short name."""
    graph = Graph([Fact("x" * 10_000_000, "m:f", "m", "computed")], {})

    assert len(timeline(graph)) < 5_000


def test_a_long_chain_needs_no_stack():
    """A chain of 3,000 nodes is one bar in another."""
    count = 3_000
    reads = {f"n{i}": (f"n{i - 1}",) if i else () for i in range(count)}
    took = {f"n{i}": (i + 1.0, 1.0) for i in range(count)}

    bars = draw(reads, **took)

    assert len(bars["n0"].around) == count - 1


@pytest.mark.slow
def test_the_work_grows_with_the_nodes():
    """100,000 nodes that each read three others are looked at in a fixed number of steps for each."""
    looks = 0

    class Counting(Graph):
        def dependencies(self, node):
            nonlocal looks
            looks += 1
            return super().dependencies(node)

    count = 100_000
    facts = [Fact(f"n{i}", "m:f", "m", "computed", False, 1.0, 1.0) for i in range(count)]
    edges = {f"n{i}": [f"n{i // 2}", f"n{i // 3}", f"n{i // 5}"] for i in range(1, count)}

    made = timeline(Counting(facts, edges))

    assert (looks, made.count('"ph": "X"')) == (count, count)
