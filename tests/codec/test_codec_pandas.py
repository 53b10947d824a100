"""Types of pandas, written down and read again: scalars, indexes, and frames that Arrow would change."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from decimal import Decimal

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug
from dug import codec, snapshot
from dug.codec import CodecError, Encoded

BERLIN = "Europe/Berlin"
SCALARS = [
    pd.Timestamp("2024-01-01"),
    pd.Timestamp("2024-01-01 12:00:00.123456789"),
    pd.Timestamp("2024-01-01", tz=BERLIN),
    pd.Timestamp("2024-10-27 00:30", tz="UTC").tz_convert(BERLIN),
    pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert(BERLIN),
    pd.Timestamp("2024-01-01", tz=dt.timezone(dt.timedelta(hours=5, minutes=30))),
    pd.Timestamp("2024-01-01 00:00:00.5").replace(fold=1),
    *[pd.Timestamp("1812-06-24").as_unit(unit) for unit in ("s", "ms", "us", "ns")],
    pd.Timestamp("9999-12-31").as_unit("s"),
    pd.Timedelta("1D 3h"),
    pd.Timedelta(-5, "ns"),
    *[pd.Timedelta(5, "s").as_unit(unit) for unit in ("s", "ms", "us", "ns")],
    pd.Period("2024-01", "M"),
    pd.Period("2024Q1", "Q-MAR"),
    pd.Period("2024-01-01", "2D"),
    pd.Period("2024-01-01 05:00", "h"),
    *[pd.Interval(1, 2.5, closed=closed) for closed in ("left", "right", "both", "neither")],
    pd.Interval(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")),
    pd.Interval(pd.Timedelta(0), pd.Timedelta("1D"), closed="left"),
    pd.NaT,
    pd.NA,
]
INDEXES = [
    pd.Index([1, 2, 3], name="a"),
    pd.Index([], dtype="int8"),
    pd.Index([1.5, np.nan, -0.0]),
    pd.Index([1 + 2j]),
    pd.Index([True, False]),
    pd.Index(["a", "b"]),
    pd.Index(["a", None], dtype=object),
    pd.Index(["a", 1, None, (1, 2), dt.date(2024, 1, 1), pd.NaT], dtype=object, name=("x", 1)),
    pd.Index([1, None], dtype="Int64"),
    pd.Index(["a", None], dtype="string"),
    pd.Index(["a", None], dtype="string[python]"),
    pd.RangeIndex(0, 10, 3, name="r"),
    pd.date_range("2024", periods=4, freq="D"),
    pd.date_range("2024", periods=4, freq="MS", tz="America/New_York"),
    pd.date_range("2024", periods=4, freq="2B", unit="s"),
    pd.DatetimeIndex(["2024-01-01", None]),
    pd.timedelta_range("1D", periods=3, freq="2h"),
    pd.TimedeltaIndex([None, "1D"]),
    pd.period_range("2024", periods=3, freq="M", name="p"),
    pd.PeriodIndex(["2024-01-01", None], freq="W-TUE"),
    pd.interval_range(0, 5),
    pd.interval_range(pd.Timestamp("2024"), periods=3, closed="both"),
    pd.IntervalIndex([pd.Interval(0, 1), np.nan]),
    pd.MultiIndex.from_product([["a", "b"], [1, 2], pd.date_range("2024", periods=2)], names=["x", None, ("z", 2)]),
    pd.MultiIndex.from_tuples([("a", None), (np.nan, 1)]),
    pd.CategoricalIndex(["a", "b", None], categories=["b", "a", "c"], ordered=True, name="c"),
    pd.CategoricalIndex(pd.date_range("2024", periods=3, tz="UTC")),
]


@codec.register(name="docs:Trade")
@attrs.frozen
class Trade:
    """Something that a column holds."""

    ticker: str


def with_attrs(frame):
    """Return a frame with something beside its columns."""
    frame.attrs["source"] = ("bank", 1)
    return frame


FRAMES = [
    pd.DataFrame({"a": [dt.date(2024, 1, 1), None, (1, 2)], "b": [1, 2, 3]}),
    pd.DataFrame({"a": pd.Series([Decimal("1.50"), {"x": [1]}, pd.Timestamp("2024", tz="UTC")], dtype=object)}),
    pd.DataFrame({"t": [Trade("A"), Trade("B")], "c": pd.Categorical(["x", None])}),
    pd.DataFrame([[1, "x"], [2, (3,)]], columns=["d", "d"]),
    pd.DataFrame({("a", 1): [(1,)], ("b", 2): [{2}]}),
    pd.DataFrame({"o": [1, "x"], "p": pd.period_range("2024", periods=2, freq="M")}, index=pd.date_range("2024", periods=2)),
    pd.DataFrame({"o": [(1,), 2], "i": pd.array([1, None], dtype="Int64"), "s": ["a", None]}),
    pd.Series([{1, 2}, frozenset()], dtype=object, name=("t", 1)),
    pd.Series(pd.interval_range(0, 3), index=["x", "y", "z"]),
    pd.Series([(1,), 2], index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    pd.DataFrame(index=pd.RangeIndex(3)),
    with_attrs(pd.DataFrame({"o": [(1,), 2]})),
]


def again(value):
    """Return the value, written and read again."""
    return codec.decode(codec.encode(value))


def written(value):
    """Return the written form of a value."""
    return b"".join(map(bytes, codec.encode(value).parts))


@pytest.mark.parametrize("value", SCALARS, ids=repr)
def test_a_scalar_comes_back_as_it_was(value):
    """Type, moment, unit, zone, fold, frequency and closed side of a scalar are kept."""
    read = again(value)

    if value is pd.NaT or value is pd.NA:
        assert read is value
        return
    assert type(read) is type(value)
    assert (read, hash(read), repr(read)) == (value, hash(value), repr(value))
    for part in ("unit", "tz", "fold", "freq", "closed", "nanosecond"):
        assert getattr(read, part, None) == getattr(value, part, None)
    assert again({value: (value, [value])}) == {value: (value, [value])}


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: f"{type(index).__name__} {index.dtype}")
def test_an_index_comes_back_as_it_was(index):
    """Kind, dtype, elements, names and frequency of an index are kept."""
    read = again(index)

    pd.testing.assert_index_equal(read, index, exact=True)
    assert (read.dtype, list(read.names)) == (index.dtype, list(index.names))
    assert getattr(read, "freq", None) == getattr(index, "freq", None)
    assert written(read) == written(index)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: f"{type(frame).__name__} of {len(frame)}")
def test_a_frame_of_what_has_codecs_comes_back_as_it_was(frame):
    """A frame that Arrow cannot hold or would change is written part by part, inside other values too."""
    read = again(frame)

    check = pd.testing.assert_frame_equal if isinstance(frame, pd.DataFrame) else pd.testing.assert_series_equal
    check(read, frame, check_freq=True)
    assert read.attrs == frame.attrs
    assert written(read) == written(frame)
    check(again({"x": (frame,)})["x"][0], frame)


moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
columns = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=3, max_size=3),
    st.lists(st.floats(), min_size=3, max_size=3),
    st.lists(st.none() | st.text(), min_size=3, max_size=3),
    st.lists(st.none() | st.integers() | st.text() | st.dates() | st.tuples(st.floats(), st.text()), min_size=3, max_size=3).map(
        lambda items: pd.Series(items, dtype=object)
    ),
    st.lists(moments, min_size=3, max_size=3).map(lambda items: pd.DatetimeIndex(items, tz="UTC").tz_convert(BERLIN)),
    st.lists(st.sampled_from("abc"), min_size=3, max_size=3).map(pd.Categorical),
    st.lists(st.none() | st.booleans(), min_size=3, max_size=3).map(lambda items: pd.array(items, dtype="boolean")),
)


@given(st.dictionaries(st.text() | st.integers() | st.tuples(st.text(), st.integers()), columns, max_size=4))
def test_any_table_comes_back_as_it_was_or_is_refused(drawn):
    """A frame of any columns is read as it was; one whose texts cannot be written says so."""
    frame = pd.DataFrame({place: pd.Series(column) for place, column in enumerate(drawn.values())})
    frame.columns = pd.Index(list(drawn), dtype=object, tupleize_cols=False)
    try:
        read = again(frame)
    except CodecError as exc:
        assert "surrogate" in str(exc)  # noqa: PT017  most frames raise nothing
        return

    assert written(read) == written(frame)
    assert (list(read.dtypes), type(read.index), type(read.columns)) == (
        list(frame.dtypes),
        type(frame.index),
        type(frame.columns),
    )
    assert [list(map(type, read[name])) for name in read] == [list(map(type, frame[name])) for name in frame]


@pytest.mark.parametrize(
    "value",
    [
        pd.offsets.Day(2),
        pd.Index([object()]),
        pd.Series([object()]),
        pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        pd.Index([1]).array,
        pd.date_range("2024", periods=2, freq=pd.offsets.CustomBusinessDay(holidays=["2024-01-01"])),
    ],
    ids=["offset", "index", "series", "flags", "array", "holidays"],
)
def test_what_would_not_come_back_is_refused(value):
    """A type of pandas without a codec is refused with the reason."""
    with pytest.raises(CodecError, match="codec"):
        codec.encode([value])


@pytest.mark.parametrize(
    "value", [*SCALARS[:1], *SCALARS[11:12], *SCALARS[17:18], *INDEXES[:1], INDEXES[13], INDEXES[23], FRAMES[0]], ids=repr
)
def test_what_is_damaged_is_an_error_and_nothing_else(value):
    """Whatever replaces a part, a reader raises a CodecError or reads a value."""
    plain = json.loads(written(value))
    for damaged in damage(plain):
        try:
            codec.decode(Encoded("json", (json.dumps(damaged).encode(),)))
        except CodecError:
            continue


def damage(plain):
    """Yield copies of JSON, each with one part replaced."""
    yield from (None, "x", -1, [], {"$pandas": []})
    parts = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, part in parts:
        for changed in damage(part):
            copy = plain.copy()
            copy[key] = changed
            yield copy


@dug.memoize(name="pandas_nodes:value_at")
def value_at(moment):
    """Return a function that reads its argument."""
    return moment


def test_a_node_of_a_scalar_is_served_from_a_file(tmp_path):
    """A node whose argument is one of pandas' is found by an equal one, and tweaked."""
    path, tweaked = tmp_path / "x.dug", pd.Timestamp("2024-01-01", tz=BERLIN)
    with dug.Context(tweaks={value_at.node(tweaked): pd.Period("2024", "Y")}) as ctx:
        for value in SCALARS:
            value_at(value)
        report = snapshot.save(ctx, path)

    assert report.absent == ()
    loaded = snapshot.load(path)
    assert loaded.absent == ()
    with loaded:
        assert value_at(tweaked) == pd.Period("2024", "Y")
        assert all(value_at.node(value) in loaded for value in SCALARS)
    loaded.close()


@pytest.mark.slow
def test_who_reads_no_frame_loads_no_pandas(tmp_path):
    """Writing and reading of other values imports neither pandas nor polars."""
    code = (
        "import sys, dug; from dug import codec; codec.decode(codec.encode([1, {'a': (2.5, dug.Context)}])); "
        "print(sorted({'pandas', 'polars', 'numpy', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_value_that_takes_a_package_says_so(monkeypatch):
    """Where pandas is not installed the reason is known before the value is read."""
    encoded = codec.encode([pd.Timestamp("2024")])
    assert codec.find_missing(encoded.codec, encoded.needs) is None

    monkeypatch.setattr("dug.codec._values.is_there", lambda name: name != "pandas")
    assert codec.find_missing(encoded.codec, encoded.needs) == "it takes pandas to read it, which is not installed."
