"""The JSON form of values in ``dug run --json``: JSON's own values, or a tag that names the type."""

import json
import math
from collections import OrderedDict
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

import pytest

pytest.importorskip("click")

import dug
from dug.cli._json import words_of
from dug.cli._tables import print_json


class Point(NamedTuple):
    """A tuple that is more than one."""

    x: int
    y: int


class Colour(Enum):
    """A class without a codec."""

    RED = 1


class Shy:
    """A value that has no text."""

    def __repr__(self):
        raise RuntimeError


def circle():
    """Return a list that holds itself."""
    found = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, None),
        (True, True),
        (-0.0, -0.0),
        (2**63 - 1, 2**63 - 1),
        ("é\x1b", "é\x1b"),
        ([1, [2]], [1, [2]]),
        ({"a": 1}, {"a": 1}),
        ({1: "a", "1": "b"}, {"$dict": [[1, "a"], ["1", "b"]]}),
        ({"1": "b", 1.0: "a"}, {"$dict": [["1", "b"], [1.0, "a"]]}),
        ({None: 1, "null": 2}, {"$dict": [[None, 1], ["null", 2]]}),
        ({True: 1, "true": 2}, {"$dict": [[True, 1], ["true", 2]]}),
        ({(1, 2): 3, "(1, 2)": 4}, {"$dict": [[{"$tuple": [1, 2]}, 3], ["(1, 2)", 4]]}),
        ({"$text": 1}, {"$dict": [["$text", 1]]}),
        (math.nan, {"$float": "nan"}),
        (-math.inf, {"$float": "-inf"}),
        (10**30, {"$int": hex(10**30)}),
        ((1, "a"), {"$tuple": [1, "a"]}),
        ({2, 1}, {"$set": [1, 2]}),
        (b"\x00", {"$bytes": "AA=="}),
        (Decimal("1.50"), {"$decimal": "1.50"}),
        (date(2024, 1, 31), {"$date": "2024-01-31"}),
        (1j, {"$complex": [0.0, 1.0]}),
    ],
)
def test_a_value_keeps_its_type_and_its_keys(value, words):
    """JSON's own values are themselves, all others have a tag: no value is text without saying so, and no two keys are one."""
    found = words_of(value)

    assert repr(found) == repr(words)
    assert json.loads(json.dumps(found, allow_nan=False)) == words


def test_an_integer_of_many_digits_is_written():
    """Python itself refuses to write so many as decimals."""
    assert int(words_of(-(10**5000))["$int"], 16) == -(10**5000)


@pytest.mark.parametrize("value", [Point(1, 2), OrderedDict(a=1), Colour.RED, Shy(), object(), circle(), dug.Context()])
def test_what_has_no_form_says_that_it_is_text(value):
    """The text comes with the type, also inside of other values."""
    kind = type(value)
    text = words_of({"in": [value]})["in"][0] if not isinstance(value, list) else words_of(value)

    assert text["$text"]["type"] == f"{kind.__module__}:{kind.__qualname__}"
    assert isinstance(text["$text"]["text"], str)


def test_a_batch_has_its_values_and_failures():
    """A program reads the values and the failures, node by node."""

    @dug.memoize(name="batch_in_json:double")
    def double(number):
        return 2 * number if number else 1 / 0

    with dug.Context() as ctx:
        batch = words_of(ctx.run_all(map(double.node, (0, 5))))["$batch"]

    assert batch["values"] == [{"node": "batch_in_json:double(5)", "value": 10}]
    assert batch["failures"][0]["node"] == "batch_in_json:double(0)"
    assert batch["failures"][0]["error"] == {"type": "builtins:ZeroDivisionError", "text": "division by zero"}
    assert batch["not_run"] == []


def test_arrays_are_lists_with_their_dtype():
    """A program gets numbers, and a scalar of numpy's that is a number is one."""
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    array = numpy.array([[1.5, numpy.nan]])

    assert words_of(array) == {"$numpy": {"dtype": "float64", "shape": [1, 2], "values": [[1.5, {"$float": "nan"}]]}}
    assert words_of([numpy.float64(1.5), numpy.int64(2), numpy.True_]) == [1.5, 2, True]
    assert words_of(numpy.array(["2024-01-31"], "datetime64[D]"))["$numpy"]["values"] == ["2024-01-31"]
    assert words_of(numpy.array([1], numpy.longdouble))["$numpy"]["values"] == ["1.0"]
    assert "$text" in words_of(numpy.ma.array([1], mask=[True]))


def test_frames_are_columns():
    """A frame is its index and its columns with their dtypes; duplicate names are two columns."""
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    frame = pandas.DataFrame([[1, 2.5]], columns=["a", "a"], index=["x"])
    words = words_of(frame)["$frame"]

    assert words["index"] == ["x"]
    assert [(one["name"], one["dtype"], one["values"]) for one in words["columns"]] == [
        ("a", "int64", [1]),
        ("a", "float64", [2.5]),
    ]
    assert words_of(frame.iloc[:, 1])["$series"]["values"] == [2.5]


def test_frames_of_polars_are_columns():
    """As those of pandas, without an index."""
    polars = pytest.importorskip("polars", reason="needs polars")
    frame = polars.DataFrame({"a": [1, None]})

    assert words_of(frame) == {"$frame": {"columns": [{"name": "a", "dtype": "Int64", "values": [1, None]}]}}


def test_json_is_printed_without_what_steers_a_terminal(capsys):
    """Control characters, those of the upper half included, are escapes of JSON's, and any program reads the same text."""
    text = "\x1b[2J\x7f\x9b1m\u202e é \ud800 \U000e0001"
    print_json({text: text})
    out = capsys.readouterr().out

    assert json.loads(out) == {text: text}
    assert "é" in out
    assert all(char == "\n" or char.isprintable() for char in out)
