"""Frames and arrays in words: shape, columns or dtype, memory; and how two differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug
from dug._text.differences import tell_difference
from dug._text.frames import in_bytes
from dug._text.values import show, show_whole

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

PRICES = {"ticker": ["AAPL", "MSFT", "IBM", "SAP"], "price": [1.0, 2.0, 3.0, 4.0], "quantity": [5, 6, 7, 8]}
MANY = {f"S{number}": [0.0] * 3 for number in range(9)}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (pd.DataFrame(PRICES | {"ticker": 1}), "4 rows x 3 columns (ticker int64, price float64, quantity int64), "),
        (pd.DataFrame(MANY), "<pandas DataFrame: 3 rows x 9 columns of float64 (S0, S1, S2, S3, ... 5 more), "),
        (pd.DataFrame({"x": [object()]}), "<pandas DataFrame: 1 row x 1 column (x object), "),
        (pd.Series([1.5, 2.5], name="price"), "<pandas Series 'price': 2 of float64, 16 bytes: 1.5, 2.5>"),
        (pd.Series(range(1_000)), "<pandas Series: 1,000 of int64, 8 kB>"),
        (pd.Index([1, 2]), "<pandas Index: 2 of int64, 16 bytes: 1, 2>"),
        (pl.DataFrame({"a": [1, 2], "b": [0.5, 1]}), "<polars DataFrame: 2 rows x 2 columns (a Int64, b Float64), 32 bytes>"),
        (pl.Series("x", [1, 2]), "<polars Series 'x': 2 of Int64, 16 bytes: 1, 2>"),
        (np.zeros((1_000, 3)), "<numpy array: 1,000 x 3 of float64, 24 kB>"),
        (np.array([1.5, 2.0]), "<numpy array: 2 of float64, 16 bytes: 1.5, 2.0>"),
        (np.array(["a", None], object), "<numpy array: 2 of object, 16 bytes and its objects>"),
        (np.zeros(2, [("a", "i4"), ("b", "f8")]), "<numpy array: 2 of records (a int32, b float64), 24 bytes>"),
        (np.array(7), "<numpy array: one of int64, 8 bytes: 7>"),
        (np.ma.masked_array([1, 2], [0, 1]), "<numpy MaskedArray: 2 of int64, 16 bytes>"),
        (np.float64(1.5), "np.float64(1.5)"),
        (pd.Timestamp(2024, 1, 2), "Timestamp('2024-01-02 00:00:00')"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_frame_is_shown_in_words(value, words):
    """A frame or an array is its shape, its columns or its dtype, and its memory, also inside a container."""
    assert words in show(value)
    assert show(value) in show({"x": value})
    assert words[:30] in show_whole(value, 120)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=range(5)),
        pd.DataFrame([[1, 2.0]], columns=["a", "a"]),
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.Categorical(["u", "v"]), "d": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({("a", 1): pd.to_datetime(["2020-01-01"], utc=True)}, index=pd.MultiIndex.from_tuples([(1, 2)])),
        pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1])}),
    ],
    ids=lambda frame: f"{frame.shape}",
)
def test_the_size_of_a_frame_is_what_pandas_says(frame):
    """The bytes in the words are those of ``memory_usage()``."""
    assert in_bytes(int(frame.memory_usage(index=True, deep=False).sum())) in show(frame)


def test_a_frame_of_many_columns_is_not_asked_for_each(monkeypatch):
    """The words of a frame of 20,000 columns of numbers take no question for each column."""
    wide, asked = pd.DataFrame(np.zeros((2, 20_000))), []
    monkeypatch.setattr(pd.Series, "memory_usage", lambda *_args, **_options: asked.append(1) or 0)

    assert "320 kB" in show(wide)
    assert len(asked) <= 1


def test_a_class_of_a_user_shows_itself():
    """A subclass of a user's has the text that it gives itself."""

    class Own(pd.DataFrame):
        def __repr__(self):
            return "my own"

    assert show(Own(PRICES)) == "my own"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1 kB"), (3_214_000, "3.21 MB"), (2.5e12, "2,500 GB")],
)
def test_a_size_has_a_unit(size, text):
    """A size in bytes has three digits and a unit."""
    assert in_bytes(int(size)) == text


def change(frame, **columns):
    """Return a copy of a frame with other columns."""
    if isinstance(frame, pd.DataFrame):
        return frame.assign(**columns)
    return frame.with_columns(**{name: pl.Series(column) for name, column in columns.items()})


@pytest.mark.parametrize("frame", [pd.DataFrame(PRICES), pl.DataFrame(PRICES)], ids=["pandas", "polars"])
@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"price": [1.0, 2.5, 3.0, 4.0]},
            "1 of 12 cells differs, in column price, in row 1; largest difference 0.5 at row 1, price",
        ),
        (
            {"price": [1.0, 2.5, 3.0, 3.0], "ticker": ["AAPL", "MSFT", "IBM", "X"]},
            "3 of 12 cells differ (2 in price, 1 in ticker), in rows 1, 3; largest difference 1 at row 3, price",
        ),
        ({"ticker": ["a", "b", "c", "d"]}, "4 of 12 cells differ, in column ticker, in 4 rows from 0 to 3"),
        ({"price": [None, 2.0, 3.0, 4.0]}, "1 of 12 cells differs, in column price, in row 0"),
    ],
)
def test_two_frames_differ_in_words(frame, columns, words):
    """The words say how many cells of which columns and rows differ, and the largest difference."""
    assert tell_difference(frame, change(frame, **columns)) == words


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_a_missing_text_is_no_other_missing_text(make):
    """Elements that are missing on both sides do not differ, those that are missing on one side do."""
    old, new = ({"x": ["a", None, last]} for last in ("b", None))

    assert tell_difference(make(old), make(new)) == "1 of 3 cells differs, in column x, in row 2"


def test_rows_and_columns_of_one_side_are_named():
    """Frames of other shapes are compared where both have a label, and the other labels are named."""
    frame = pd.DataFrame(PRICES).set_index("ticker")
    other = frame.drop("SAP").assign(price=[1.0, 2.0, 3.5], fee=0.0)

    assert tell_difference(frame, other) == (
        "1 of 6 cells differs, in column price, in row IBM; largest difference 0.5 at row IBM, price; "
        "1 column only after: fee; 1 row only before: SAP"
    )
    assert tell_difference(pl.DataFrame(PRICES), pl.DataFrame(PRICES).drop("price")) == "1 column only before: price"


def test_what_no_cell_shows_is_said():
    """Frames whose cells are equal differ in a dtype, a label or the sign of a zero."""
    frame = pd.DataFrame(PRICES)

    assert tell_difference(frame, frame.astype({"quantity": float})) == "quantity is float64, was int64"
    assert "the sign of a zero differs" in tell_difference(np.array([0.0]), np.array([-0.0]))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (np.zeros(3), np.array([0.0, 0, 2]), "1 of 3 elements differs, at 2; largest difference 2 at [2]"),
        (np.zeros(9), np.arange(9.0), "8 of 9 elements differ, from 1 to 8; largest difference 8 at [8]"),
        (
            np.zeros((2, 2)),
            np.array([[0.0, 1], [0, np.nan]]),
            "2 of 4 cells differ, in column 1, in rows 0, 1; largest difference 1 at [0, 1]",
        ),
        (np.zeros((1, 2, 2)), np.ones((1, 2, 2)), "4 of 4 elements differ; largest difference 1 at [0, 0, 0]"),
        (np.array([np.nan, 1]), np.array([np.nan, 2]), "1 of 2 elements differs, at 1; largest difference 1 at [1]"),
        (np.array(["a", "b"]), np.array(["a", "c"]), "1 of 2 elements differs, at 1"),
        (
            np.array(["2024-01-01"], "M8[D]"),
            np.array(["2024-01-03"], "M8[D]"),
            "1 of 1 element differs; largest difference 2 days, 0:00:00 at [0]",
        ),
        (np.zeros(2), np.zeros(3), ""),
        (
            {"a": np.zeros(2), "b": 1, "c": 3},
            {"a": np.ones(2), "b": 2, "c": 3},
            "'a': 2 of 2 elements differ, at 0, 1; largest difference 1 at [0]; 'b': 1 -> 2",
        ),
        ([1, 2], [1, 3], ""),
        (1, 2, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_two_arrays_differ_in_words(old, new, words):
    """Arrays of one shape differ in elements; arrays in containers, too; of other values nothing is said."""
    assert tell_difference(old, new) == words


def test_an_element_that_cannot_be_compared_spoils_nothing():
    """Elements of a user's whose comparison raises give no words, and no error."""

    class Odd:
        def __eq__(self, other):
            raise ZeroDivisionError

        __hash__ = None

    assert tell_difference(pd.Series([Odd()]), pd.Series([Odd()])) == ""
    assert tell_difference(np.array([Odd()]), np.array([Odd()])) == ""


cells = st.one_of(st.none(), st.floats(allow_subnormal=False, width=32), st.integers(-9, 9).map(float))


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=20))
def test_the_number_of_cells_is_right(pairs):
    """For random columns the number that the words begin with is that of the elements that differ, whichever the package."""
    count = sum(not is_same(was, now) for was, now in pairs)
    columns = [[pair[side] for pair in pairs] for side in (0, 1)]
    frames = [[make(column) for column in columns] for make in (to_pandas, to_polars, to_numpy)]

    for old, new in frames:
        words = tell_difference(old, new)
        assert words.startswith(f"{count} of {len(pairs)} ") or count == 0
        assert ("are equal" in words) == (count == 0)


def to_pandas(column):
    """Return a frame of pandas with one column."""
    return pd.DataFrame({"x": pd.Series([np.nan if one is None else one for one in column], dtype=float)})


def to_polars(column):
    """Return a frame of polars with one column."""
    return pl.DataFrame({"x": pl.Series([np.nan if one is None else one for one in column], dtype=pl.Float64)})


def to_numpy(column):
    """Return an array."""
    return np.array([np.nan if one is None else one for one in column], float)


def is_same(was, now):
    """Return whether two elements are one number, or both missing."""
    was, now = (np.nan if one is None else one for one in (was, now))
    return was == now or (was != was and now != now)


@dug.memoize(name="w:prices")
def prices():
    """Gives a frame."""
    return pd.DataFrame(PRICES)


@dug.memoize(name="w:shown")
def shown():
    """Reads a frame."""
    return prices().assign(price=lambda frame: 2 * frame["price"])


def test_looks_say_frames_in_words():
    """An explanation, a record and a comparison have frames in words, and a comparison says which cells differ."""
    words = "<pandas DataFrame: 4 rows x 3 columns (ticker "
    with dug.Context() as base:
        shown()
        other = pd.DataFrame(PRICES | {"price": [1.0, 2.0, 3.0, 4.25]})
        with dug.Context({prices.node(): other}) as changed:
            shown()
            told = str(base.compare(changed, shown.node())).splitlines()
        said, record = str(base.explain(shown.node())), repr(base.memo(shown.node()))

    assert told[0].startswith(f"w:shown(): {words}")
    assert told[0].endswith("-> 1 of 12 cells differs, in column price, in row 3; largest difference 0.5 at row 3, price")
    assert f"w:prices() = {words}" in said
    assert words in record


def test_a_comparison_of_frames_of_two_shapes_says_both():
    """Where the shapes differ both are shown, and the rows of one side are named."""
    with dug.Context() as base:
        prices()
        with dug.Context({prices.node(): pd.DataFrame(PRICES).head(3)}) as changed:
            prices()
            change = base.compare(changed, prices.node())[0]

    assert change.difference == "1 row only before: 3"
    assert "4 rows x 3" in change.texts[0]
    assert "3 rows x 3" in change.texts[1]
    assert "(1 row only before: 3)" in str(change)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: np.array([1.0, 2.0]), "equal, and made anew; eq=dug.eq.array would keep what read it"),
        (lambda: pd.DataFrame(PRICES), "equal, and made anew; eq=dug.eq.frame would keep what read it"),
        (lambda: pl.DataFrame(PRICES), "equal, and made anew; eq=dug.eq.frame would keep what read it"),
    ],
    ids=["numpy", "pandas", "polars"],
)
def test_a_comparison_says_which_equality_would_stop_an_equal_value(make, words):
    """A frame or an array that ran again and is equal is said to be so, with the equality that would see it."""
    switch = dug.memoize(name="w:switch")(lambda: 1)
    made = dug.memoize(name="w:made")(lambda: (switch(), make())[1])
    parts = dug.memoize(name="w:parts")(lambda: {"a": make(), "b": made(), "c": switch()})
    with dug.Context() as base:
        parts()
        with dug.Context({switch.node(): 2}) as changed:
            parts()
            found = base.compare(changed, parts.node())

    assert found[0].difference == "'c': 1 -> 2"
    assert [change.difference for change in found if change.node == made.node()] == [words]


def test_the_size_of_a_frame_is_a_fact():
    """A graph has the size of frames and arrays of each package."""
    polars = dug.memoize(name="w:polars")(lambda: pl.DataFrame({"x": [1.0, 2.0]}))
    with dug.Context() as ctx:
        prices(), polars()
        graph = ctx.graph()

    assert graph.fact(prices.node()).size > 100
    assert graph.fact(polars.node()).size == 16
