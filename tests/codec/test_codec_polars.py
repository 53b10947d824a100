"""Frames and series of polars, written down and read again."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug
from dug import codec, snapshot
from dug.codec import CodecError, Encoded

pl = pytest.importorskip("polars", reason="polars is an extra")

VALUES = [
    pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], [2, 3]], "d": [dt.date(2024, 1, 1), None]}),
    pl.DataFrame({"t": [dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], "s": [{"x": 1, "y": None}], "u": [dt.timedelta(1)]}),
    pl.DataFrame(),
    pl.DataFrame(schema={"a": pl.Int8, "b": pl.Datetime("ns", "Europe/Berlin")}),
    pl.Series("s", [1.5, float("nan"), None, -0.0]),
    pl.Series("c", ["a", "b", "a"], dtype=pl.Categorical),
    pl.Series("e", ["a"], dtype=pl.Enum(["a", "b"])),
    pl.Series("d", [Decimal("1.5"), None]),
    pl.Series("", [], dtype=pl.Int8),
    pl.Series("n", [None, None]),
    pl.Series("b", [b"\xff", b""]),
]


def same(one, other):
    """True when two frames or series are of one type, with the same names, dtypes and elements."""
    if type(one) is not type(other):
        return False
    named = (one.name, one.dtype) == (other.name, other.dtype) if isinstance(one, pl.Series) else one.schema == other.schema
    return named and one.equals(other)


@pytest.mark.parametrize("place", range(len(VALUES)))
def test_a_frame_or_series_comes_back_as_it_was(place):
    """Names, dtypes, elements and missing ones are kept, alone and inside other values."""
    value = VALUES[place]

    assert codec.encode(value).codec == "polars"
    assert same(codec.decode(codec.encode(value)), value)
    assert same(codec.decode(codec.encode({"x": (value,)}))["x"][0], value)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.one_of(
            st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2),
            st.lists(st.none() | st.floats(), min_size=2, max_size=2),
            st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2),
            st.lists(st.none() | st.dates(), min_size=2, max_size=2),
        ),
        max_size=4,
    )
)
def test_any_table_comes_back_as_it_was(columns):
    """A frame of any plain columns is read as it was."""
    frame = pl.DataFrame(columns)

    assert same(codec.decode(codec.encode(frame)), frame)


@pytest.mark.parametrize("value", [pl.Series([object()]), pl.DataFrame({"a": [1]}).lazy(), pl.DataFrame({"o": [object()]})])
def test_what_would_not_come_back_is_refused(value):
    """Python objects and frames that are not computed have no codec."""
    with pytest.raises(CodecError, match="codec"):
        codec.encode(value)


@pytest.mark.parametrize("data", [b"", b"F", b"Sxxxx", b"Fxxxxxxxxxxxxxxxxxxxxxxxxxxx"])
def test_what_is_damaged_is_an_error(data):
    """A file that polars did not write is a CodecError."""
    with pytest.raises(CodecError):
        codec.decode(Encoded("polars", (data,)))


@dug.memoize(name="polars_nodes:table")
def table():
    """Return a frame."""
    return VALUES[0]


def test_a_frame_is_served_from_a_file(tmp_path):
    """A value of a node is in the file, and is read as it was computed."""
    with dug.Context() as ctx:
        table()
        assert snapshot.save(ctx, tmp_path / "x.dug").absent == ()

    loaded = snapshot.load(tmp_path / "x.dug")
    with loaded:
        assert same(table(), VALUES[0])
    loaded.close()
