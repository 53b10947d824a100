"""Values written down and read again."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import pickle
import warnings
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dug import codec
from dug.codec import CodecError, Encoded

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
    | st.decimals()
    | st.fractions()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.times()
    | st.timedeltas()
    | st.uuids()
)
keys = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.dates()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
        | st.dictionaries(keys | st.sampled_from(["$tuple", "$"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@codec.register
@attrs.frozen(cache_hash=True)
class Trade:
    ticker: str = attrs.field(converter=str.upper)
    legs: tuple[int, ...] = ()


@codec.register
@dataclasses.dataclass(frozen=True, slots=True)
class Quote:
    bid: float


@codec.register
class Side(Enum):
    BUY = 1


@codec.register
class Right(Flag):
    READ = 1
    WRITE = 2


@codec.register
@dataclasses.dataclass
class Curve:
    points: list[float]

    @functools.cached_property
    def total(self):
        return sum(self.points)


@codec.register
class Refused(Exception):
    def __init__(self, what, code):
        super().__init__(what)
        self.code = code


@codec.register
class Point(NamedTuple):
    x: int
    y: list[int]


def again(value):
    """Return a value after writing and reading it."""
    return codec.decode(codec.encode(value))


def same(old, new):
    """True when two values have the same types all through, and the same text (NaN and -0.0 too)."""
    return type(old) is type(new) and repr(sort(old)) == repr(sort(new))


def sort(value):
    """Return a value with its sets in an order."""
    if isinstance(value, set | frozenset):
        return [type(value).__name__, *sorted(map(repr, value))]
    if isinstance(value, list | tuple):
        return type(value)(map(sort, value)) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return [(key, sort(item)) for key, item in value.items()]
    return value


@pytest.mark.slow
@given(values)
def test_plain_data_is_read_as_it_was_written(value):
    """Any nesting of plain data comes back with the same types, values and order."""
    assert same(value, again(value))


@pytest.mark.parametrize(
    "value",
    [
        -0.0,
        math.nan,
        10**4000,
        -(1 << 63) - 1,
        "lone \ud800",
        bytearray(b"x"),
        complex(-0.0, math.nan),
        Decimal("1.10"),
        Fraction(1, 3),
        datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Zurich")),
        datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=1), "own")),
        time(1, 2, tzinfo=UTC),
        date(1, 1, 1),
        range(3, 9, 2),
        UUID(int=7),
        Path("a/b.csv"),
        Trade("a", (1, 2)),
        Quote(1.5),
        Side.BUY,
        Right.READ,
        Right.READ | Right.WRITE,
        Right(0),
        Point(1, [2]),
        {"$tuple": 1},
        {(1, 2): {3}},
        np.float32(0.1),
        np.datetime64("2020-01-01"),
        np.str_(""),
        [np.arange(3)],
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_read_as_it_was_written(value):
    """Each type that has a codec comes back as it was."""
    assert same(value, again(value))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6).reshape(2, 3).T,
        np.arange(10)[::2],
        np.array(5),
        np.zeros((0, 3)),
        np.array(["2020"], dtype="M8[D]"),
        np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
        np.array(["ab", "c"]),
    ],
    ids=str,
)
def test_an_array_is_read_as_it_was_written(array):
    """Arrays of any layout come back with their type, shape and numbers, and can be written to."""
    read = again(array)

    assert read.dtype == array.dtype
    assert read.shape == array.shape
    assert read.tolist() == array.tolist()


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pd.DataFrame({"d": pd.date_range("2020", periods=3)}, index=list("abc")),
        pd.Series([1.0, 2.0], name="q"),
        pd.Series([1, 2]),
    ],
    ids=["columns", "dates", "named series", "series"],
)
def test_a_frame_is_read_as_it_was_written(frame):
    """Frames and series come back with their columns, types and index."""
    pytest.importorskip("pyarrow")
    read = again(frame)

    assert type(read) is type(frame)
    assert read.equals(frame)
    assert read.index.equals(frame.index)


def test_a_frame_that_neither_arrow_nor_its_parts_can_say_is_refused():
    """A column of objects that have no codec has none, and both reasons are told."""
    pytest.importorskip("pyarrow")

    with pytest.raises(CodecError, match=r"Arrow cannot hold .* Part by part it cannot be written either: .*object has no codec"):
        codec.encode(pd.DataFrame({"a": [object(), (3,)]}))


@pytest.mark.parametrize(
    "value",
    [object(), [object()], lambda: 0, OrderedDict(), np.array([object()]), np.ma.array([1]), type("Own", (int,), {})(1)],
    ids=["object", "nested", "function", "ordered dict", "objects", "masked", "own int"],
)
def test_what_has_no_codec_is_refused_by_its_type(value):
    """A value that would not come back unchanged is refused, and the message names the type without a codec."""
    with pytest.raises(CodecError, match=r"codec"):
        codec.encode(value)


def test_what_holds_itself_is_refused():
    """A list in itself is refused."""
    value = []
    value.append(value)

    with pytest.raises(CodecError, match="holds itself"):
        codec.encode(value)


def test_reading_a_registered_class_runs_no_init():
    """A class is filled field by field: a converter that would change the value does not run."""
    written = codec.encode(Trade("a"))
    read = codec.decode(Encoded("json", (written.parts[0].replace(b'"A"', b'"a"'),)))

    assert read.ticker == "a"
    assert {read: 1}[read] == 1  # a hash that is kept is made when it is first asked for


def test_a_registered_exception_keeps_its_arguments_and_attributes():
    """An exception comes back with its attributes, whatever its constructor takes."""
    read = again(Refused("no", 7))

    assert (type(read), read.args, read.code) == (Refused, ("no",), 7)


def test_a_class_is_looked_up_among_the_registered_ones_only():
    """A name in the data leads to no import, only to a registered class."""
    data = b'{"$object":["os:system","echo"]}'

    with pytest.raises(CodecError, match="no class is registered as 'os:system'"):
        codec.decode(Encoded("json", (data,)))


def test_fields_that_changed_are_refused():
    """A value written with other fields than its class has now is not read."""
    data = codec.encode(Quote(1.0)).parts[0].replace(b"bid", b"ask")

    with pytest.raises(CodecError, match="fields ask, and here it has bid"):
        codec.decode(Encoded("json", (data,)))


def test_a_class_that_cannot_be_taken_apart_is_not_registered():
    """Registering a plain class is an error that lists the suitable kinds."""
    with pytest.raises(TypeError, match="attrs class, a dataclass"):
        codec.register(type("Plain", (), {}))


def test_what_was_pickled_is_read_when_it_is_trusted_only():
    """A pickle is refused without ``trust=True``, and nothing of it runs."""
    encoded = codec.encode(OrderedDict(a=1), allow_pickle=True)

    assert encoded.codec == "pickle"
    with pytest.raises(CodecError, match="trust=True"):
        codec.decode(encoded)
    assert codec.decode(encoded, trust=True) == OrderedDict(a=1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"NaN",
        b'{"$no":1}',
        b'{"$tuple":1}',
        b'{"$int":"zz"}',
        b'{"$tuple":[],"a":1}',
        b'{"$date":5}',
        b'{"$datetime":["2020-01-01T00:00:00",0,"../../etc/passwd"]}',
        b'{"$timedelta":[1e30,0,0]}',
        b'{"$bytes":"*"}',
        b'{"$set":[[]]}',
        b'{"$fraction":["1e999999999"]}',
        b'{"$numpy":["|O8","AAAAAAAAAAA="]}',
        b'{"$numpy":"AAAA"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_typed_json_is_refused(data):
    """Damaged data raises CodecError and nothing else."""
    with pytest.raises(CodecError):
        codec.decode(Encoded("json", (data,)))


def test_an_array_whose_header_lies_is_refused():
    """A header that says more than there is does not allocate it."""
    header = codec.encode(np.zeros(4)).parts[0].replace(b"(4,), }            ", b"(4000000000000,), }")

    with pytest.raises(CodecError, match="bytes"):
        codec.decode(Encoded("npy", (header + bytes(32),)))


def test_an_array_of_objects_in_a_file_is_not_unpickled():
    """A ``.npy`` with pickled objects is refused before anything is unpickled."""
    header = codec.encode(np.zeros(1)).parts[0].replace(b"'<f8'", b"'|O' ")

    with pytest.raises(CodecError, match="objects"):
        codec.decode(Encoded("npy", (header + pickle.dumps([print]),)))


def test_equal_sets_are_written_alike():
    """The order of a set in this process does not show."""
    assert codec.encode({"a", "b", "c"}).parts == codec.encode({"c", "b", "a"}).parts
    assert json.loads(codec.encode({"b", "a"}).parts[0]) == {"$set": ["a", "b"]}


def test_an_array_can_be_written_to_when_it_is_read():
    """A function that works in place gets an array that it may change, as from the node that computed it."""
    array = again(np.zeros(2))
    array += 1

    assert array.tolist() == [1.0, 1.0]


def test_a_warning_that_is_an_error_refuses_an_array():
    """An error of numpy about a type never leaves `encode` as anything but a CodecError."""
    array = np.zeros(2, np.dtype("f8", metadata={"unit": "m"}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CodecError, match="metadata"):
            codec.encode(array)


def test_halves_of_a_character_are_refused():
    """JSON would read the character that they make together."""
    for value in ("\ud83d\ude00", {"\ud83d\ude00": 1}):
        with pytest.raises(CodecError, match="halves"):
            codec.encode(value)


@pytest.mark.parametrize("wrap", [lambda value: (value,), lambda value: [value], lambda value: {1: value}, Quote])
def test_what_is_nested_so_deeply_that_it_could_not_be_read_is_refused(wrap):
    """A value takes more of the stack to be read than to be written, and both are bounded."""
    value = None
    for _ in range(49):
        value = wrap(value)

    assert codec.encode(again(value)).parts == codec.encode(value).parts
    for _ in range(51):
        value = wrap(value)
    with pytest.raises(CodecError, match="nested too deeply"):
        codec.encode(value)


def test_what_is_more_than_its_fields_is_refused():
    """A value is never read without a part of it; the value of a cached property is computed again."""
    curve = Curve([1.0])
    assert curve.total == 1.0
    assert again(curve) == curve
    curve.label = "EUR"
    with pytest.raises(CodecError, match="label of Curve is not a field"):
        codec.encode(curve)


def test_a_class_that_is_built_on_another_container_is_not_registered():
    """Its fields are not all that it holds."""

    @dataclasses.dataclass
    class Named(dict):
        name: str

    with pytest.raises(TypeError, match="Named cannot be registered"):
        codec.register(Named)
