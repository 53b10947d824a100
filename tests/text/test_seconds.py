"""`in_seconds` writes times for people to read."""

import doctest

import pytest

from dug._text import values
from dug._text.values import in_seconds


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0 us"), (0.0015, "1.5 ms"), (1.0, "1 s"), (12345.6, "12,300 s")])
def test_a_time_has_a_unit_that_suits_it(seconds, text):
    """Three digits, and the largest unit that gives a whole one."""
    assert in_seconds(seconds) == text


def test_the_examples_in_the_docstrings_pass():
    """The examples of a docstring are true."""
    results = doctest.testmod(values)

    assert results.attempted
    assert not results.failed
