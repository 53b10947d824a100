"""Which objects prove by themselves that they are the same value: those in which nothing can be changed."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import operator
import pathlib
import re
import types
import uuid
from typing import NamedTuple

import attrs
import pytest

import dug
from dug._core.facts.equality import is_immutable, is_same


class Colour(enum.Enum):
    RED = 1


class Point(NamedTuple):
    x: object
    y: object = 0


class Tagged(tuple):  # noqa: SLOT001  which is the point
    """A tuple that has attributes."""


class Whole(int):
    """A number that has attributes."""


@attrs.frozen
class Fixed:
    held: object


@attrs.frozen(slots=False)
class FixedDict:
    held: object

    @functools.cached_property
    def doubled(self):
        return [self.held]


@attrs.define
class Loose:
    held: object


@dataclasses.dataclass(frozen=True)
class FixedData:
    held: object


@dataclasses.dataclass(frozen=True, slots=True)
class FixedSlots:
    held: object


@dataclasses.dataclass
class LooseData:
    held: object


class Derived(FixedData):
    """A plain class over a frozen one: its objects can be given more."""


@dataclasses.dataclass(frozen=True)
class FixedList(list):
    """Frozen by name; a list all the same."""


class Base:
    __slots__ = ("__note",)

    def note(self, note):
        object.__setattr__(self, "_Base__note", note)


@dataclasses.dataclass(frozen=True)
class Noted(Base):
    held: object = 0


class Feed:
    def __init__(self):
        self.last = 1.0

    def __call__(self):
        return self.last

    def read(self):
        return self.last

    @classmethod
    def make(cls):
        return cls()


@functools.lru_cache
def cached():
    """Return nothing."""


@dug.memoize
def memoised(x=0):
    """Return x."""
    return x


def noted(note):
    """Return an object with something in a slot that it does not show."""
    made = Noted()
    made.note(note)
    return made


def used(made):
    """Return an object whose cached property was read."""
    assert made.doubled
    return made


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 2**70, 1.5, 1j, "text", b"bytes", ..., NotImplemented, range(3), decimal.Decimal("1.5"),
        fractions.Fraction(1, 3), datetime.date(2024, 1, 31), datetime.timedelta(1),
        datetime.datetime(2024, 1, 31, tzinfo=datetime.UTC), uuid.UUID(int=1), re.compile("a"),
        pathlib.PurePosixPath("a"), pathlib.Path("a"),
        (1, "a", (2.0, None)), frozenset({1, (2, 3)}), Point(1, Point(2)), Colour.RED, (Colour.RED,),
        plain := lambda: [1], len, operator.add, str.join, dict, Feed, Feed.make, Feed.read, object.__init__, "a".join, cached,
        functools.partial(max, 1), functools.partial(print, sep=""), operator.itemgetter("a", 1),
        operator.methodcaller("get", "a", default=1), memoised, memoised.node(3), dug.shift(1),
        Fixed(1), Fixed((Fixed("a"), plain)), FixedDict(1), FixedData(Point(1)), FixedSlots(1), Noted(), noted("a"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_cannot_be_changed_is_the_same_value(value):
    """An object in which nothing can be changed stands in for itself."""
    assert is_immutable(value)
    assert is_same(value, value, None)


@pytest.mark.parametrize(
    "value",
    [
        [], {}, set(), bytearray(b"a"), collections.deque(), collections.Counter(), memoryview(b"a"), object(), Feed(),
        ([],), (1, (2, [3])), Point([]), Point(1, {}), Tagged((1,)), Whole(1), frozenset({Feed()}),
        types.MappingProxyType({}), types.SimpleNamespace(), types, ValueError(1), iter(()),
        [].append, {}.get, Feed().read, [].__len__, functools.partial(max, []), functools.partial(max, key=Feed()),
        functools.partial(Feed().read), operator.itemgetter(Feed()), operator.methodcaller("get", []),
        Fixed([]), Fixed(Fixed({})), FixedDict({}), used(FixedDict(1)), Loose(1), FixedData([]), FixedSlots({}), LooseData(1),
        Derived(1), FixedList(), noted([]), dug.shift([1]), dug.bump(Feed().read),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_can_be_changed_is_not_the_same_value(value):
    """An object in which something can be changed may be another value than it was, and does not stand in for itself."""
    assert not is_immutable(value)
    assert not is_same(value, value, None)


def test_arrays_and_frames_can_be_changed():
    """An array, a frame and a row can be changed, also as part of something; scalars of numpy and pandas cannot."""
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    row = numpy.zeros(1, dtype=[("rate", float)])[0]

    assert not any(map(is_immutable, [numpy.zeros(3), numpy.array(1.0), row, (numpy.zeros(1),)]))
    assert not any(map(is_immutable, [pandas.DataFrame(), pandas.Series([1]), (pandas.DataFrame(),)]))
    assert all(map(is_immutable, [numpy.float64(1), numpy.datetime64("2024-01-31"), numpy.sum, numpy.sin, (numpy.int8(1), "a")]))
    assert all(map(is_immutable, [pandas.Timestamp(0), pandas.Timedelta(1), pandas.Period("2024"), pandas.NaT, pandas.NA]))


def test_an_equality_decides_about_one_object_too():
    """``eq`` is asked about a mutable object and itself, and not about one that cannot be changed."""
    asked = []

    def eq(old, new):
        asked.append(new)
        return old == new

    held = [1]

    assert is_same(held, held, eq)
    assert is_same(float("nan"), float("nan"), None)
    nan = (float("nan"), 1)
    assert is_same(nan, nan, eq)
    assert asked == [held]


def test_a_deep_and_a_shared_value_are_looked_through_once():
    """A chain of a hundred thousand tuples and a lattice with 2**100 ways through it are looked through, and so is a circle."""
    chain = lattice = ()
    for _ in range(100_000):
        chain = (chain,)
    for _ in range(100):
        lattice = (lattice, lattice)
    circle = Fixed(1)
    object.__setattr__(circle, "held", (circle,))

    assert is_immutable(chain)
    assert is_immutable(lattice)
    assert is_immutable(circle)
    assert not is_immutable((chain, lattice, []))
