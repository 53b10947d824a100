"""`count` writes numbers of things for people to read."""

import doctest

import pytest

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
