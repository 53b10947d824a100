"""The ready-made equalities for arrays and frames, alone and as ``eq=`` of a function."""

from __future__ import annotations

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
    """``-0.0`` in an array is not ``0.0``: one cannot stand for the other."""
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


@pytest.fixture
def pandas():
    """The pandas module."""
    return pytest.importorskip("pandas", reason="needs pandas")


def test_equal_frames_are_equal(pandas):
    """Frames and series of one index, columns, types and content are equal, NaN included."""

    def make():
        return pandas.DataFrame({"a": [1, 2], "b": [1.5, float("nan")], "c": ["x", None]}, index=["i", "j"])

    assert dug.eq.frame(make(), make()) is True
    assert dug.eq.frame(make()["b"], make()["b"]) is True


def test_categories_in_another_order_are_not_equal(pandas):
    """The codes of what is categorical depend on the order of the categories, also where that has no meaning."""

    def make(categories):
        return pandas.Series(pandas.Categorical(["a", "b"], categories=categories))

    assert dug.eq.frame(make(["a", "b"]), make(["a", "b"])) is True
    assert dug.eq.frame(make(["a", "b"]), make(["b", "a"])) is False


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(a=[1, 3]),
        lambda frame: frame.rename(columns={"a": "z"}),
        lambda frame: frame.rename(index={"i": "z"}),
        lambda frame: frame.astype({"a": float}),
        lambda frame: frame[["b", "a"]],
        lambda frame: frame.iloc[:1],
        lambda frame: frame["a"],
        lambda frame: frame.to_numpy(),
        lambda frame: None,
    ],
    ids="value column index dtype order shape series array none".split(),
)
def test_different_frames_are_not_equal(pandas, change):
    """Frames that differ in value, labels, types or kind are not equal, and nothing raises."""
    frame = pandas.DataFrame({"a": [1, 2], "b": [1.5, 2.5]}, index=["i", "j"])

    assert dug.eq.frame(frame, change(frame)) is False


def test_an_equal_frame_stops_the_change(pandas):
    """With ``eq=dug.eq.frame`` an equal frame does not run the dependents, another one does."""

    def make(last):
        return pandas.DataFrame({"a": [1, last]})

    assert run_reader_after(dug.eq.frame, make(2), make(2)) == 0
    assert run_reader_after(dug.eq.frame, make(2), make(3)) == 1


def test_the_package_does_not_load_them():
    """The equalities are there without numpy and pandas being loaded by them."""
    assert callable(dug.eq.array)
    assert callable(dug.eq.frame)


def test_a_masked_array_is_the_same_only_as_itself():
    """A mask is part of a masked array, so two of them are never called the same."""
    np = pytest.importorskip("numpy")
    shown, hidden = np.ma.MaskedArray([1.0, 2.0], mask=[False, False]), np.ma.MaskedArray([1.0, 2.0], mask=[False, True])

    assert not dug.eq.array(shown, hidden)
    assert dug.eq.array(shown, shown)


def test_frames_that_differ_in_what_equals_does_not_see_are_not_the_same():
    """The sign of a zero, the type of an object and ``attrs`` tell two frames apart."""
    pd = pytest.importorskip("pandas")
    noted = pd.DataFrame({"a": [1]})
    noted.attrs["source"] = "desk"

    assert not dug.eq.frame(pd.DataFrame({"a": [0.0]}), pd.DataFrame({"a": [-0.0]}))
    assert not dug.eq.frame(pd.DataFrame({"a": [1]}, dtype=object), pd.DataFrame({"a": [True]}, dtype=object))
    assert not dug.eq.frame(pd.DataFrame({"a": [1]}), noted)
    assert dug.eq.frame(pd.DataFrame({"a": [1.0, float("nan")]}), pd.DataFrame({"a": [1.0, float("nan")]}))
