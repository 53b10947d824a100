"""Two outcomes are the same when they are one value, or one error."""

import threading

import numpy as np
import pytest

from dug import DugError
from dug.errors import CycleError, NoContextError
from dug.testing._reference import Outcome
from dug.testing._sameness import is_same_outcome, is_same_value, show_outcome


class Tolerant:
    """Equal to any other of its kind, whatever is inside."""

    def __init__(self, inside):
        self.inside = inside

    def __eq__(self, other):
        return True

    __hash__ = None


class Plain:
    def __init__(self, inside):
        self.inside = inside


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1.5, 1.5),
        (float("nan"), float("nan")),
        (0.0, -0.0),
        ([1, (2, {"a": 3})], [1, (2, {"a": 3})]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (np.array([1.0, np.nan]), np.array([1.0, np.nan])),
        (Plain(1), Plain(1)),
        (Tolerant(1), Tolerant(2)),
    ],
)
def test_values_of_one_type_and_content_are_the_same(one, two):
    """Equal by `==`, or equal in all parts."""
    assert is_same_value(one, two, None)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        ([1], (1,)),
        (np.array([1.0]), np.array([2.0])),
        (np.array([1.0]), np.array([1.0, 1.0])),
        (Plain(1), Plain(2)),
    ],
)
def test_values_of_other_content_or_type_differ(one, two):
    """A type that differs is a difference, and so is any part."""
    assert not is_same_value(one, two, None)


def test_eq_decides_when_it_is_given():
    """With `eq`, nothing else is asked."""
    assert is_same_value(1.0, 1.1, lambda one, two: abs(one - two) < 0.5)
    assert not is_same_value(1, 1.0, lambda one, two: False)


def test_values_that_cannot_be_compared_are_refused():
    """Objects without `==` that do not pickle ask for eq=."""
    with pytest.raises(TypeError, match="eq="):
        is_same_value(threading.Lock(), threading.Lock(), None)


def test_errors_are_the_same_by_type_and_arguments():
    """Two errors compare as their types and arguments, and never as values."""
    error = Outcome(error=ValueError("a", 1))

    assert is_same_outcome(error, Outcome(error=ValueError("a", 1)), None)
    assert not is_same_outcome(error, Outcome(error=ValueError("a", 2)), None)
    assert not is_same_outcome(error, Outcome(error=KeyError("a", 1)), None)
    assert not is_same_outcome(error, Outcome(None), None)
    assert not is_same_outcome(Outcome(None), error, None)


def test_errors_of_dug_compare_by_type():
    """The message of dug's own errors describes how they arose, so the type is enough."""
    assert is_same_outcome(Outcome(error=CycleError(("a", "a"))), Outcome(error=CycleError(("b", "b"))), None)
    assert not is_same_outcome(Outcome(error=DugError()), Outcome(error=NoContextError()), None)


def test_an_outcome_is_shown_in_bounded_length():
    """A long value does not fill the screen, and an error is called one."""
    assert len(show_outcome(Outcome(list(range(10_000))))) < 200
    assert show_outcome(Outcome(error=ValueError("no"))) == "an error: ValueError('no')"
