"""A fingerprint holds the state of a value, and says where two states differ."""

import functools
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import attrs
import numpy as np
import pandas as pd
import pytest

from dug.testing._fingerprint import find_difference, fingerprint, is_opaque


@dataclass
class Book:
    trades: list = field(default_factory=list)
    name: str = "book"

    @functools.cached_property
    def size(self):
        return len(self.trades)


@attrs.define
class Slotted:
    items: list


def find_change(value, change):
    """Returns where `change(value)` is seen."""
    before = fingerprint(value, "x")
    change(value)
    return find_difference(before, fingerprint(value, "x"))


EXAMPLES = [
    lambda: None,
    lambda: float("nan"),
    lambda: [1, 2.0, "three", None],
    lambda: ([1], {"a": (2, {3})}),
    lambda: {"one": [1], 2: {"three"}},
    lambda: Book([1, 2]),
    lambda: Slotted([1, 2]),
    lambda: deque([1, [2]]),
    lambda: OrderedDict(a=[1]),
    lambda: date(2024, 2, 29),
    lambda: Decimal("1.10"),
    lambda: ValueError("text", 1),
    lambda: np.array([1.0, float("nan")]),
    lambda: np.array([[1, 2], [3, 4]], dtype=object),
    lambda: pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}),
    lambda: pd.Series([1, 2], index=["x", "y"], name="s"),
    lambda: len,
    lambda: Book,
]


@pytest.mark.parametrize("make", EXAMPLES)
def test_two_values_made_alike_have_one_fingerprint(make):
    """Equal contents give equal fingerprints, though no object is shared."""
    assert find_difference(fingerprint(make()), fingerprint(make())) is None


@pytest.mark.parametrize(
    ("value", "change", "where"),
    [
        ([3, 1, 2], lambda x: x.sort(), "x"),
        ([[1], [2]], lambda x: x[1].append(3), "x[1]"),
        ({"a": [1]}, lambda x: x["a"].clear(), "x['a']"),
        ({"a": 1}, lambda x: x.update(b=2), "x"),
        ({1}, lambda x: x.add(2), "x"),
        (Book([1]), lambda x: x.trades.append(2), "x.trades"),
        (Book(), lambda x: setattr(x, "name", "new"), "x.name"),
        (Slotted([1]), lambda x: x.items.append(2), "x.items"),
        (deque([[1]]), lambda x: x[0].append(2), "x[0]"),
        ([Book([1])], lambda x: x[0].trades.append(2), "x[0].trades"),
    ],
)
def test_a_change_is_found_where_it_is(value, change, where):
    """The path leads to the innermost object that changed."""
    assert find_change(value, change) == where


@pytest.mark.parametrize(
    ("value", "change"),
    [
        (np.zeros(3), lambda x: x.fill(1)),
        (pd.DataFrame({"a": [1.0, 2.0]}), lambda x: x.insert(1, "b", 0)),
        (pd.Series([1.0, 2.0]), lambda x: x.update(pd.Series([3.0]))),
        (bytearray(b"ab"), lambda x: x.append(1)),
    ],
)
def test_a_change_inside_a_foreign_object_is_found(value, change):
    """A value that pickles is compared by its parts, whatever library it comes from."""
    assert find_change(value, change) is not None


def test_a_kept_property_is_no_change():
    """The value of a cached_property is not a part of the state."""
    assert find_change(Book([1]), lambda book: book.size) is None


def test_the_sign_of_zero_and_the_type_of_one_are_seen():
    """Values that `==` takes for equal have different fingerprints when they print differently."""
    assert find_difference(fingerprint(0.0), fingerprint(-0.0)) is not None
    assert find_difference(fingerprint([1]), fingerprint([True])) is not None


def test_a_value_that_holds_itself_has_a_fingerprint():
    """A walk through a circle ends."""
    circle = [1]
    circle.append(circle)

    assert find_change(circle, lambda x: x.append(2)) is not None


def test_sharing_makes_no_difference():
    """A list that holds one object twice looks like one that holds two equal objects."""
    shared = [1, [2]]

    assert find_difference(fingerprint([shared, shared]), fingerprint([[1, [2]], [1, [2]]])) is None


def test_a_long_chain_has_a_fingerprint():
    """Depth is bounded by memory, not by the recursion limit."""
    chain = None
    for _ in range(5_000):
        chain = [chain]

    assert find_difference(fingerprint(chain), fingerprint(chain)) is None


def test_what_does_not_pickle_is_opaque():
    """An object that cannot be looked into counts as its identity."""
    lock, other = threading.Lock(), threading.Lock()

    assert is_opaque(fingerprint([lock]))
    assert find_difference(fingerprint(lock), fingerprint(lock)) is None
    assert find_difference(fingerprint(lock), fingerprint(other)) == ""
