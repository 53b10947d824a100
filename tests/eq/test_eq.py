"""The ready-made equalities for arrays and frames, alone and as ``eq=`` of a function."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

import dug
from dug.testing import EventLog

numpy = pytest.importorskip("numpy", reason="dug.eq.array and dug.eq.frame are about numpy and pandas")


def array(*values, dtype=float):
    """Return an array of the values."""
    return numpy.array(values, dtype=dtype)


@pytest.mark.parametrize(
    "make",
    [
        lambda: array(1, 2, 3),
        array,
        lambda: array(1, float("nan")),
        lambda: numpy.zeros((2, 3)),
        lambda: numpy.array(5.0),
        lambda: array(1, 2, dtype=int),
        lambda: array("a", "b", dtype=str),
        lambda: array("2024-01-31", "1999-12-31", dtype="datetime64[D]"),
    ],
    ids="floats empty nan matrix scalar ints text dates".split(),
)
def test_equal_arrays_are_equal(make):
    """Two arrays of one type, shape and content are equal, NaN included."""
    assert dug.eq.array(make(), make()) is True


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (array(1, 2), array(1, 3)),
        (array(1, 2), array(1, 2, 3)),
        (array(), array(1)),
        (array(1, 2), array(1, 2, dtype=int)),
        (array(1, 1), numpy.ones((2, 1))),
        (array(1), array(1, 1)),
        (array(1, float("nan")), array(1, 2)),
        (array(1, 2), [1.0, 2.0]),
        (array(1, 2), None),
        (array("a", dtype=object), array(1, dtype=object)),
    ],
    ids="value shape empty dtype dimensions broadcast nan list none objects".split(),
)
def test_different_arrays_are_not_equal(a, b):
    """Arrays that differ in value, shape or type are not equal, and nothing raises."""
    assert dug.eq.array(a, b) is False
    assert dug.eq.array(b, a) is False


def test_zeros_of_other_sign_are_not_equal():
    """``-0.0`` in an array is not ``0.0``: one cannot replace the other."""
    assert dug.eq.array(array(0.0), array(-0.0)) is False


@pytest.mark.parametrize(("real", "imag"), [(float("nan"), 1.0), (1.0, float("nan"))], ids=["real", "imaginary"])
def test_complex_numbers_are_compared_by_their_parts(real, imag):
    """One part that is NaN does not hide the other."""
    other = complex(real + 1, imag + 1)

    assert dug.eq.array(array(complex(real, imag), dtype=complex), array(complex(real, imag), dtype=complex)) is True
    assert dug.eq.array(array(complex(real, imag), dtype=complex), array(other, dtype=complex)) is False


def run_reader_after(eq, old, new):
    """Return how often a reader runs when the value it reads goes from old to new."""
    changed = dug.memoize(lambda: False)
    value = dug.memoize(eq=eq)(lambda: new if changed() else old)
    reader = dug.memoize(lambda: len(value()))
    with dug.Context():
        reader()
        with dug.Context(tweaks={changed.node(): True}) as child, EventLog(child) as log:
            reader()
    return log.count(reader)


def test_an_equal_array_stops_the_change():
    """With ``eq=dug.eq.array`` an equal array does not run the dependents, another one does."""
    assert run_reader_after(dug.eq.array, array(1, 2), array(1, 2)) == 0
    assert run_reader_after(dug.eq.array, array(1, 2), array(1, 3)) == 1
    assert run_reader_after(None, array(1, 2), array(1, 2)) == 1


def test_the_package_does_not_load_them():
    """The equalities are there without numpy and pandas being loaded by them."""
    assert callable(dug.eq.array)
    assert callable(dug.eq.frame)


class Odd:
    """Compares with nothing."""

    def __eq__(self, other):
        raise AssertionError("== was called")

    __hash__ = object.__hash__


ODD = Odd()
ROW = [("number", int), ("price", float), ("word", object)]
MADE = {
    "objects": lambda: array("a", 1, None, float("nan"), (1, 2.5), Decimal("1.0"), date(2024, 1, 31), [1, "b"], dtype=object),
    "an object whose == raises": lambda: array(ODD, "a", dtype=object),
    "texts that are not the same objects": lambda: numpy.array([f"{number} of many" for number in range(5_000)], dtype=object),
    "rows": lambda: numpy.array([(1, float("nan"), "a"), (2, -0.0, "b")], dtype=ROW),
    "rows with arrays": lambda: numpy.array([((1, 2),)], dtype=[("pair", float, (2,))]),
    "records": lambda: numpy.rec.array([(1, 2.0)], dtype=[("number", int), ("price", float)]),
    "bytes without a meaning": lambda: numpy.zeros(3, dtype="V5"),
    "missing times": lambda: array("NaT", "2024-01-31", dtype="datetime64[ns]"),
    "missing durations": lambda: array("NaT", 3, dtype="timedelta64[s]"),
    "complex": lambda: array(complex(float("nan"), 1), complex(1, -0.0), dtype=complex),
    "long": lambda: array(float("nan"), -0.0, 1, dtype=numpy.longdouble),
    "short": lambda: array(float("nan"), -0.0, dtype=numpy.float16),
    "of the other byte order": lambda: array(1, float("nan"), dtype=">f8"),
    "masked": lambda: numpy.ma.MaskedArray([1.0, float("nan")], mask=[False, True]),
    "masked, nothing hidden": lambda: numpy.ma.array([1, 2]),
    "masked rows": lambda: numpy.ma.array([(1, 2.0)], mask=[(False, True)], dtype=[("number", int), ("price", float)]),
    "no dimension, an object": lambda: numpy.array(None, dtype=object),
    "no element, objects": lambda: numpy.zeros((0, 3), dtype=object),
    "columns first": lambda: numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
    "backwards": lambda: numpy.arange(6.0)[::-2],
    "flags": lambda: numpy.arange(24) % 3 == 0,
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_arrays_of_every_kind_are_compared(make):
    """Two arrays made in the same way are the same, whatever they hold, and ``==`` of their elements is not called."""
    assert dug.eq.array(make(), make()) is True


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (array(0.0, dtype=numpy.longdouble), array(-0.0, dtype=numpy.longdouble)),
        (array(0.0, dtype=">f8"), array(-0.0, dtype=">f8")),
        (array(0.0, dtype=object), array(-0.0, dtype=object)),
        (array(1, "a", dtype=object), array(True, "a", dtype=object)),
        (array(None, dtype=object), array(float("nan"), dtype=object)),
        (array(ODD, dtype=object), array(Odd(), dtype=object)),
        (array("2024", dtype="datetime64[Y]"), array("2024-01", dtype="datetime64[M]")),
        (numpy.array([(1, 0.0, "a")], dtype=ROW), numpy.array([(1, -0.0, "a")], dtype=ROW)),
        (numpy.array([(1,)], dtype=[("a", int)]), numpy.array([(1,)], dtype=[("b", int)])),
        (numpy.rec.array([(1,)], dtype=[("a", int)]), numpy.array([(1,)], dtype=[("a", int)])),
        (numpy.ma.array([1, 2], mask=[0, 1]), numpy.ma.array([1, 2], mask=[0, 0])),
        (numpy.ma.array([1, 2], mask=[0, 1]), numpy.ma.array([1, 3], mask=[0, 1])),
        (numpy.ma.array([1, 2], fill_value=3), numpy.ma.array([1, 2], fill_value=4)),
        (numpy.ma.array([1, 2]), numpy.array([1, 2])),
        (numpy.arange(16) % 2 == 0, numpy.arange(16) % 2 == 1),
    ],
    ids="long bytes boxed types missing odd unit field names records mask hidden fill plain flags".split(),
)
def test_arrays_that_a_reader_can_tell_apart_differ(old, new):
    """A sign, a type, a unit, a name, a mask or the data under it: one difference is enough."""
    assert dug.eq.array(old, new) is False
    assert dug.eq.array(new, old) is False


def test_an_array_that_repeats_one_element_is_read_once():
    """Arrays of more elements than there is memory for are compared where all of them are one number."""
    enormous = (10**6, 10**9)

    assert dug.eq.array(numpy.broadcast_to(1.5, enormous), numpy.broadcast_to(1.5, enormous)) is True
    assert dug.eq.array(numpy.broadcast_to(1.5, enormous), numpy.broadcast_to(2.5, enormous)) is False


def test_an_array_of_another_package_is_the_same_only_as_itself():
    """A subclass can hold more than its elements, and nobody but its author knows what."""

    class Priced(numpy.ndarray):
        """An array with a currency."""

    priced = numpy.zeros(2).view(Priced)

    assert dug.eq.array(priced, numpy.zeros(2).view(Priced)) is False
    assert dug.eq.array(priced, priced) is True
