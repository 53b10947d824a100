"""`count` writes numbers of things for people to read."""

import doctest

import pytest

import dug
from dug import replay
from dug._text import counts
from dug._text.counts import count, count_failures


@pytest.mark.parametrize(("number", "text"), [(0, "0 nodes"), (1, "1 node"), (2, "2 nodes"), (1000, "1,000 nodes")])
def test_one_is_singular(number, text):
    """Only one of a thing is one thing."""
    assert count(number, "node") == text


def test_failures_are_told_with_their_errors():
    """Nodes that failed and errors that began are two numbers; where nothing failed there is one."""
    assert count_failures(1, 1) == "1 failure from 1 error"
    assert count_failures(5, 2) == "5 failures from 2 errors"
    assert count_failures(0, 0) == "0 failures"


def test_the_examples_in_the_docstrings_pass():
    """The examples of a docstring are true."""
    results = doctest.testmod(counts)

    assert results.attempted
    assert not results.failed


def test_looks_count_one_in_the_singular(tmp_path):
    """A stream of one item, a file of one byte and a recording with one item say so."""

    @dug.source
    def given():
        yield 1

    (tmp_path / "a.txt").write_bytes(b"x")
    with replay.record(ctx := dug.Context(), tmp_path / "day.dugrec"), ctx:
        assert list(given()) == [1]
        with dug.Context({given.node(): [1]}):
            tweaked = repr(given())
        file = repr(dug.sources.file(tmp_path / "a.txt"))

    assert tweaked.endswith("() of 1 item>")
    assert "1 byte," in file
    assert "1 item\n" in str(replay.open(tmp_path / "day.dugrec").plan(given.node())) + "\n"
