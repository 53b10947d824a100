"""The equality of frames, series and indexes of pandas and polars, alone and as ``eq=`` of a function."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

import dug
from dug.testing import EventLog

numpy = pytest.importorskip("numpy", reason="dug.eq.frame is about what stands on numpy")
pd = pytest.importorskip("pandas", reason="dug.eq.frame is about pandas and polars")
pa = pytest.importorskip("pyarrow", reason="pandas keeps texts in Arrow's arrays")
NAN = float("nan")
DAYS = ["2024-01-31", None]


class Odd:
    """Compares with nothing."""

    def __eq__(self, other):
        raise AssertionError("== was called")

    __hash__ = object.__hash__


ODD = Odd()


def arrow(values, kind):
    """Return an array of pandas that keeps its elements in Arrow's."""
    return pd.arrays.ArrowExtensionArray(pa.array(values, kind))


COLUMNS = {
    "float": lambda: [1.0, NAN, -0.0],
    "int": lambda: [1, 2],
    "bool": lambda: [True, False],
    "complex": lambda: [1j, NAN],
    "object": lambda: pd.Series(["a", None, float("nan"), 1, (2, 2.5), Decimal("1.0"), ODD, [1, 2]], dtype=object),
    "scalars of pandas": lambda: pd.Series(
        [pd.Timestamp("2024", tz="UTC"), pd.Timedelta(1), pd.Period("2024-01"), pd.Interval(0, 1), pd.NA, pd.offsets.MonthEnd(2)],
        dtype=object,
    ),
    "text": lambda: ["a", None],
    "text, python": lambda: pd.array(["a", None], dtype="string[python]"),
    "text, pyarrow": lambda: pd.array(["a", None], dtype="string[pyarrow]"),
    "datetime": lambda: pd.to_datetime(DAYS),
    "datetime, a zone": lambda: pd.to_datetime(DAYS).tz_localize("Europe/Paris"),
    "timedelta": lambda: pd.to_timedelta([1, None]),
    "period": lambda: pd.PeriodIndex(["2024-01", None], freq="M"),
    "interval": lambda: pd.interval_range(0.0, 3.0),
    "interval of times": lambda: pd.interval_range(pd.Timestamp("2024", tz="UTC"), periods=3),
    "Int64": lambda: pd.array([1, None], dtype="Int64"),
    "UInt8": lambda: pd.array([1, None], dtype="UInt8"),
    "Float64": lambda: pd.array([1.5, None, -0.0], dtype="Float64"),
    "boolean": lambda: pd.array([True, None], dtype="boolean"),
    "category": lambda: pd.Categorical(["a", "b", None]),
    "category of times": lambda: pd.Categorical(pd.to_datetime(DAYS), ordered=True),
    "sparse": lambda: pd.arrays.SparseArray([0.0, 0.0, 1.0, NAN], fill_value=0.0),
    "sparse flags": lambda: pd.arrays.SparseArray([False, True]),
    "arrow double": lambda: arrow([1.5, None, -0.0], pa.float64()),
    "arrow decimal": lambda: arrow([Decimal("1.50"), None], pa.decimal128(10, 2)),
    "arrow time": lambda: arrow([datetime(2024, 1, 31), None], pa.timestamp("us", "UTC")),
    "arrow lists": lambda: arrow([[1.0, NAN], None], pa.list_(pa.float64())),
    "arrow rows": lambda: arrow([{"price": NAN}, None], pa.struct([("price", pa.float64())])),
}
INDEXED = [name for name in COLUMNS if name not in ("object", "arrow lists", "arrow rows")]  # those labels have no hash or order


@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
def test_columns_of_every_dtype_are_compared(make):
    """Frames, series and their arrays made in the same way are the same; another row, or one less, makes them differ."""
    first, second = pd.Series(make()), pd.Series(make())

    assert dug.eq.frame(first, second) is True
    assert dug.eq.frame(first.to_frame("a"), second.to_frame("a")) is True
    assert dug.eq.frame(first.array, second.array) is True
    assert dug.eq.frame(first, second.iloc[:-1]) is False
    assert dug.eq.frame(first, second.iloc[::-1].reset_index(drop=True)) is False


@pytest.mark.parametrize("name", INDEXED)
def test_labels_of_every_dtype_are_compared(name):
    """Rows may be labelled by anything that has a hash, in one level or several."""
    make = COLUMNS[name]

    assert dug.eq.frame(pd.Index(make()), pd.Index(make())) is True
    assert dug.eq.frame(pd.MultiIndex.from_arrays([make()] * 2), pd.MultiIndex.from_arrays([make()] * 2)) is True
    assert dug.eq.frame(pd.Index(make()), pd.Index(make()).rename("z")) is False
    assert dug.eq.frame(pd.MultiIndex.from_arrays([make()] * 2), pd.MultiIndex.from_arrays([make()] * 2)[::-1]) is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (pd.array([0.0], dtype="Float64"), pd.array([-0.0], dtype="Float64")),
        (arrow([0.0], pa.float64()), arrow([-0.0], pa.float64())),
        (arrow([[0.0]], pa.list_(pa.float64())), arrow([[-0.0]], pa.list_(pa.float64()))),
        (pd.Categorical([0.0]), pd.Categorical([-0.0])),
        (pd.arrays.SparseArray([0.0, 1.0]), pd.arrays.SparseArray([-0.0, 1.0])),
        (pd.arrays.SparseArray([0.0], fill_value=0.0), pd.arrays.SparseArray([-0.0], fill_value=-0.0)),
        (pd.IntervalIndex.from_tuples([(0.0, 1.0)]), pd.IntervalIndex.from_tuples([(-0.0, 1.0)])),
        (pd.Series([0.0], dtype=object), pd.Series([-0.0], dtype=object)),
        (pd.MultiIndex.from_arrays([[0.0], [1]]), pd.MultiIndex.from_arrays([[-0.0], [1]])),
        (pd.Index([0.0]), pd.Index([-0.0])),
    ],
    ids="nullable arrow nested category sparse fill interval object level index".split(),
)
def test_the_sign_of_a_zero_tells_columns_of_every_dtype_apart(old, new):
    """``-0.0`` is not ``0.0`` wherever numbers are stored."""
    column = pd.Series if not isinstance(old, pd.Index) else pd.Index

    assert dug.eq.frame(column(old), column(new)) is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (pd.Series(["a"], dtype="string[python]"), pd.Series(["a"], dtype="string[pyarrow]")),
        (pd.Series(["a"], dtype=object), pd.Series(["a"], dtype="string")),
        (pd.Series([1], dtype="Int64"), pd.Series([1], dtype="int64")),
        (pd.Series([1], dtype="Int8"), pd.Series([1], dtype="Int64")),
        (pd.Series([pd.NaT], dtype=object), pd.Series([None], dtype=object)),
        (pd.Series(pd.DatetimeIndex(DAYS).as_unit("s")), pd.Series(pd.DatetimeIndex(DAYS).as_unit("ns"))),
        (pd.DatetimeIndex(DAYS).tz_localize("UTC"), pd.DatetimeIndex(DAYS).tz_localize("Etc/UTC")),
        tuple(pd.DatetimeIndex(DAYS).tz_localize(zone) for zone in (UTC, ZoneInfo("UTC"))),
        tuple(pd.Series([pd.Timestamp("2024").as_unit(unit)], dtype=object) for unit in ("s", "ns")),
        (pd.Series([1], name="a"), pd.Series([1], name="b")),
        (pd.Series([1], name=1), pd.Series([1], name=True)),
        (pd.Series([1], index=pd.RangeIndex(1)), pd.Series([1], index=pd.Index([0]))),
        (pd.Series(pd.Categorical(["a"], ordered=True)), pd.Series(pd.Categorical(["a"], ordered=False))),
        (pd.interval_range(0, 2, closed="left"), pd.interval_range(0, 2, closed="right")),
        (pd.date_range("2024", periods=3), pd.DatetimeIndex(pd.date_range("2024", periods=3), freq=None)),
        (pd.MultiIndex.from_arrays([[1], [2]], names=["x", "y"]), pd.MultiIndex.from_arrays([[1], [2]], names=["x", "z"])),
        (pd.MultiIndex.from_arrays([[1], [2]]), pd.MultiIndex.from_arrays([[1], [2], [3]])),
        (pd.DataFrame([[1, 2.0]], columns=["x", "x"]), pd.DataFrame([[1, 3.0]], columns=["x", "x"])),
        (pd.DataFrame([[1, 0.0, "a"]]), pd.DataFrame([[1, -0.0, "a"]])),
        (pd.DataFrame(columns=["a"]), pd.DataFrame(columns=["b"])),
        (pd.Series([1]), pd.Series([1]).set_flags(allows_duplicate_labels=False)),
    ],
    ids=(
        "kind text null width missing unit zone utc stamp name label range order closed freq names levels twice mixed empty flag"
    ).split(),
)
def test_what_a_reader_can_tell_apart_differs(old, new):
    """A type, a unit, a zone, a name, a flag: one of them is enough, and nothing raises."""
    assert dug.eq.frame(old, new) is False
    assert dug.eq.frame(new, old) is False


def test_a_level_is_compared_by_its_labels():
    """Labels that no row has any more, and how labels are numbered, make no difference."""
    rows = pd.MultiIndex.from_product([["a", "b"], [1, 2]])

    assert dug.eq.frame(rows[:2], rows[:2].remove_unused_levels()) is True


def test_attrs_are_compared_part_by_part():
    """``attrs`` may hold arrays, whose ``==`` has no single answer."""
    old, same, new = (pd.DataFrame({"a": [1]}) for _ in range(3))
    old.attrs, same.attrs, new.attrs = ({"weights": numpy.arange(length)} for length in (3, 3, 4))

    assert dug.eq.frame(old, same) is True
    assert dug.eq.frame(old, new) is False


def test_a_frame_of_another_package_is_the_same_only_as_itself():
    """A subclass can hold more than its columns, and nobody but its author knows what."""

    class Priced(pd.DataFrame):
        """A frame with a currency."""

    priced = Priced({"a": [1]})

    assert dug.eq.frame(priced, Priced({"a": [1]})) is False
    assert dug.eq.frame(priced, priced) is True


def count_calls(old, new):
    """Return how many functions, of Python or C, one comparison calls."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    assert dug.eq.frame(old, new)  # once before: imports and caches do not count
    sys.setprofile(count)
    try:
        dug.eq.frame(old, new)
    finally:
        sys.setprofile(None)
    return calls


LONG = {
    "float": lambda rows: numpy.arange(rows) / 7,
    "datetime, a zone": lambda rows: pd.date_range("2000", periods=rows, freq="min", tz="Europe/Paris"),
    "period": lambda rows: pd.period_range("2000", periods=rows, freq="h"),
    "interval": lambda rows: pd.interval_range(0, rows),
    "Int64": lambda rows: pd.array([None, *range(rows - 1)], dtype="Int64"),
    "boolean": lambda rows: pd.array([None, *[True] * (rows - 1)], dtype="boolean"),
    "category": lambda rows: pd.Categorical([n % 3 for n in range(rows)]),
    "sparse": lambda rows: pd.arrays.SparseArray([n % 3 for n in range(rows)]),
    "text, python": lambda rows: pd.array([f"word {n}" for n in range(rows)], dtype="string[python]"),
    "text, pyarrow": lambda rows: pd.array([f"word {n}" for n in range(rows)], dtype="string[pyarrow]"),
    "object": lambda rows: pd.Series([f"word {n}" for n in range(rows)], dtype=object),
    "object, two types": lambda rows: pd.Series([f"word {n}" if n % 2 else n / 7 for n in range(rows)], dtype=object),
}


@pytest.mark.parametrize("make", LONG.values(), ids=LONG)
def test_no_column_is_compared_element_by_element(make):
    """A comparison of ten times the rows calls the same functions, and objects are taken by the thousand."""
    few, many = (count_calls(*(pd.DataFrame({"a": make(rows)}) for _ in range(2))) for rows in (1_000, 10_000))

    assert many <= few + 300


def test_an_index_of_many_levels_is_not_compared_row_by_row():
    """The labels of a level are compared once, whatever the number of rows that have them."""

    def make(rows):
        numbers = numpy.arange(rows)
        return pd.DataFrame({"a": numbers}, index=pd.MultiIndex.from_arrays([numbers // 10, numbers % 10]))

    assert count_calls(make(10_000), make(10_000)) <= count_calls(make(1_000), make(1_000)) + 50


def test_an_equal_frame_stops_the_change():
    """With ``eq=dug.eq.frame`` an equal frame does not run the dependents, another one does."""

    def run_reader_after(old, new):
        changed = dug.memoize(lambda: False)
        value = dug.memoize(eq=dug.eq.frame)(lambda: new if changed() else old)
        reader = dug.memoize(lambda: len(value()))
        with dug.Context():
            reader()
            with dug.Context(tweaks={changed.node(): True}) as child, EventLog(child) as log:
                reader()
        return log.count(reader)

    assert run_reader_after(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})) == 0
    assert run_reader_after(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]})) == 1


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
def test_different_frames_are_not_equal(change):
    """Frames that differ in value, labels, types or kind are not equal, and nothing raises."""
    frame = pd.DataFrame({"a": [1, 2], "b": [1.5, 2.5]}, index=["i", "j"])

    assert dug.eq.frame(frame, change(frame)) is False


def test_categories_in_another_order_are_not_equal():
    """The codes of categorical data depend on the order of the categories, also if that has no meaning."""

    def make(categories):
        return pd.Series(pd.Categorical(["a", "b"], categories=categories))

    assert dug.eq.frame(make(["a", "b"]), make(["a", "b"])) is True
    assert dug.eq.frame(make(["a", "b"]), make(["b", "a"])) is False


def test_frames_that_differ_in_what_equals_does_not_see_are_not_the_same():
    """The sign of a zero, the type of an object and ``attrs`` make two frames differ."""
    noted = pd.DataFrame({"a": [1]})
    noted.attrs["source"] = "desk"

    assert not dug.eq.frame(pd.DataFrame({"a": [0.0]}), pd.DataFrame({"a": [-0.0]}))
    assert not dug.eq.frame(pd.DataFrame({"a": [1]}, dtype=object), pd.DataFrame({"a": [True]}, dtype=object))
    assert not dug.eq.frame(pd.DataFrame({"a": [1]}), noted)


@pytest.fixture
def pl():
    """The polars module."""
    return pytest.importorskip("polars", reason="needs polars")


POLARS = {
    "float": lambda pl: pl.Series([1.0, None, NAN, -0.0]),
    "text": lambda pl: pl.Series(["a", None]),
    "lists": lambda pl: pl.Series([[1.0, NAN], None, []]),
    "arrays": lambda pl: pl.Series([[1.0, NAN], None], dtype=pl.Array(pl.Float64, 2)),
    "rows": lambda pl: pl.Series([{"price": 1.0, "word": "a"}, None]),
    "category": lambda pl: pl.Series(["a", "b", None], dtype=pl.Categorical),
    "enum": lambda pl: pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
    "time": lambda pl: pl.Series([datetime(2024, 1, 31), None], dtype=pl.Datetime("us", "UTC")),
    "decimal": lambda pl: pl.Series([Decimal("1.5"), None]),
    "object": lambda pl: pl.Series([ODD, None], dtype=pl.Object),
    "nothing": lambda pl: pl.Series([None, None], dtype=pl.Null),
}


@pytest.mark.parametrize("make", POLARS.values(), ids=POLARS)
def test_polars_is_compared_too(pl, make):
    """Frames and series of polars made in the same way are the same; another name, or one row less, makes them differ."""
    first, second = make(pl).alias("a"), make(pl).alias("a")

    assert dug.eq.frame(first, second) is True
    assert dug.eq.frame(first.to_frame(), second.to_frame()) is True
    assert dug.eq.frame(first, second.alias("b")) is False
    assert dug.eq.frame(first.to_frame(), second[:-1].to_frame()) is False


@pytest.mark.parametrize(
    "make",
    [
        lambda pl: (pl.Series([0.0]), pl.Series([-0.0])),
        lambda pl: (pl.Series([0.0, None]), pl.Series([-0.0, None])),
        lambda pl: (pl.Series([[0.0]]), pl.Series([[-0.0]])),
        lambda pl: (pl.Series([{"a": [0.0]}]), pl.Series([{"a": [-0.0]}])),
        lambda pl: (pl.Series([NAN]), pl.Series([None], dtype=pl.Float64)),
        lambda pl: (pl.Series([1, 2]), pl.Series([1.0, 2.0])),
        lambda pl: (pl.Series([1], dtype=pl.Int8), pl.Series([1], dtype=pl.Int64)),
        lambda pl: (pl.Series(["a"], dtype=pl.Enum(["a", "b"])), pl.Series(["a"], dtype=pl.Enum(["b", "a"]))),
        lambda pl: (pl.Series([ODD], dtype=pl.Object), pl.Series([Odd()], dtype=pl.Object)),
        lambda pl: (pl.DataFrame({"a": [1], "b": [2]}), pl.DataFrame({"b": [2], "a": [1]})),
        lambda pl: (pl.LazyFrame({"a": [1]}), pl.LazyFrame({"a": [1]})),
    ],
    ids="zero zero-and-null list rows null dtype width enum object order lazy".split(),
)
def test_what_a_reader_of_polars_can_tell_apart_differs(pl, make):
    """``equals`` of polars takes one zero, one dtype or one object for another."""
    old, new = make(pl)

    assert dug.eq.frame(old, new) is False
    assert dug.eq.frame(new, old) is False
