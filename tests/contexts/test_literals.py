"""`literals` reads words of the command line, and evaluates nothing."""

import doctest
import math
from datetime import date, datetime
from inspect import Parameter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug
from dug._contexts import literals as module
from dug._contexts.literals import Word, fit, parse_arguments, parse_literal, parse_tweak_value, split_call, split_tweak

texts, floats = st.text(max_size=20), st.floats(allow_nan=False, allow_infinity=False)
literals = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(literals)
def test_what_is_printed_is_read(value):
    """The repr of a literal is read as its value."""
    assert parse_literal(repr(value)) == value


@pytest.mark.parametrize("word", ["EMEA", "2024-01-31", "prices/emea.csv", "~/x", "a b", "50%", "x.y", "-v"])
def test_a_plain_word_is_text(word):
    """Names, dates and paths need no quotes."""
    assert parse_literal(word) == word


@pytest.mark.parametrize(
    "text", ["[1, 2", "'half", "f(1)", "__import__('os').system('true')", "{1: x}", "(lambda: 1)()", "a=b", "(" * 500, ""]
)
def test_what_looks_like_a_literal_and_is_none_is_an_error(text):
    """Half a list, a call or an expression is named, not run and not taken as text."""
    with pytest.raises(ValueError, match="not a literal"):
        parse_literal(text)


def test_floats_that_have_no_literal_are_read():
    """``nan`` and ``inf`` are read as ``repr`` prints them."""
    assert math.isnan(parse_literal("nan"))
    assert parse_literal("-inf") == -math.inf


def test_arguments_have_names_or_none():
    """``name=value`` is a keyword; anything else is positional."""
    args, kwargs = parse_arguments(("AAPL", "1", "years=2", "label='a=b'"))

    assert args == [Word("AAPL", "AAPL"), Word("1", 1)]
    assert kwargs == {"years": Word("2", 2), "label": Word("'a=b'", "a=b")}


def test_an_argument_behind_a_keyword_is_an_error():
    """As in Python, arguments without a name come first."""
    with pytest.raises(ValueError, match="'1' stands behind a keyword"):
        parse_arguments(("years=2", "1"))


@given(st.text(), literals)
def test_any_node_and_any_value_are_told_apart(argument, value):
    """The equals sign of a tweak is the one after the node, whatever the arguments and the value contain."""
    node = f"m:f({argument!r}, years={argument!r})"

    assert split_tweak(f"{node}={value!r}") == (node, repr(value).strip())


@pytest.mark.parametrize("text", ["m:f(1)", "m:f(1=2", "=1", "m:=1", "1:f=1", "m:f(x)+g(y)=1", "f(')=1", "f(]=1", "two words=1"])
def test_what_is_no_tweak_is_an_error(text):
    """Without a node or a function before the equals sign, the error says what to write."""
    with pytest.raises(ValueError, match=r"Write it as \"function\(arguments\)=value"):
        split_tweak(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("f()", []),
        ("f( )", []),
        ("f(1,)", ["1"]),
        ("f(AAPL, years=2)", ["AAPL", "years=2"]),
        ("f(2024-01-31)", ["2024-01-31"]),
        ("f('a,b(', (1, 2))", ["'a,b('", "(1, 2)"]),
        (r"f('it\'s')", [r"'it\'s'"]),
        ("f", None),
    ],
)
def test_a_call_is_split_into_its_words(text, words):
    """A comma parts the arguments where it stands in no quotes and no brackets."""
    assert split_call(text) == ("f", words)


@given(st.lists(literals))
def test_the_words_of_a_call_are_its_arguments(values):
    """Whatever literals a node has, its text is split where they end."""
    name, words = split_call(f"m:f({', '.join(map(repr, values))})")

    assert name == "m:f"
    assert [word.value for word in parse_arguments(words)[0]] == values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("scale(0.5)", dug.scale(0.5)),
        ("shift( -1 )", dug.shift(-1)),
        ("x0.5", dug.scale(0.5)),
        ("x 2", dug.scale(2)),
        ("x-1e-3", dug.scale(-1e-3)),
        ("+0.01", dug.shift(0.01)),
        ("+-1", dug.shift(-1)),
        ("-1", -1),
        ("xetra", "xetra"),
        ("x.y", "x.y"),
        ("+49 30 1234", "+49 30 1234"),
        ("'x86'", "x86"),
        ("UNTWEAKED", dug.UNTWEAKED),
        ("prices.csv", "prices.csv"),
        ("'scale(1)'", "scale(1)"),
    ],
)
def test_a_tweak_is_a_bump_or_a_literal(text, value):
    """``scale`` and ``shift`` are the only calls that mean something."""
    assert parse_tweak_value(text) == value


@pytest.mark.parametrize(("text", "meant"), [("0.5x", "x0.5"), ("*2", "x2"), ("2 x", "x2"), ("true", "True")])
def test_what_is_nearly_a_bump_is_no_text(text, meant):
    """Another way to write a factor is named, with the one that dug knows."""
    with pytest.raises(ValueError, match=f"Write {meant}, or"):
        parse_tweak_value(text)


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("600519", str, "600519"),
        ("600519", "str", "600519"),
        ("600519", str | None, "600519"),
        ("600519", int | str, 600519),
        ("600519", Parameter.empty, 600519),
        ("1.50", str, "1.50"),
        ("None", str, None),
        ("'96'", float, "96"),
        ("96", float, 96),
        ("AAPL", float, "AAPL"),
        ("2024-01-31", date, date(2024, 1, 31)),
        ("2024-01-31", "date", date(2024, 1, 31)),
        ("2024-01-31", date | str, "2024-01-31"),
        ("2024-01-31T12:00", datetime, datetime(2024, 1, 31, 12)),
        ("tomorrow", date, "tomorrow"),
    ],
)
def test_a_word_is_what_its_parameter_takes(text, annotation, value):
    """Digits are text where only text is taken, and a day is a date; elsewhere a word is what it looks like."""
    found = fit(Word(text, parse_literal(text)), annotation)

    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", ["bump(1)", "scale(", "scale(x y z)(1)", "scale(open('f'))"])
def test_no_other_call_is_a_value(text):
    """Nothing is called because somebody typed it."""
    with pytest.raises(ValueError, match="not a literal"):
        parse_tweak_value(text)


def test_the_examples_in_the_docstrings_pass():
    """The examples of a docstring are true."""
    results = doctest.testmod(module)

    assert results.attempted
    assert not results.failed


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("m:f(<Trade>)=5", ("m:f(<Trade>)", "5")),
        ("m:f(<Trade>) #2=5", ("m:f(<Trade>) #2", "5")),
        ("m:f(<int 0xab… of 16,610 bits, digest 1b>, 3) = 'a=b'", ("m:f(<int 0xab… of 16,610 bits, digest 1b>, 3)", "'a=b'")),
        ("m:f(Trade) #2=5", ("m:f(Trade) #2", "5")),
        ("m:C.f(<A x=1>, y=<B>)=scale(2)", ("m:C.f(<A x=1>, y=<B>)", "scale(2)")),
    ],
)
def test_a_node_is_typed_by_the_text_that_it_has_in_a_file(text, parts):
    """Arguments that are not literals, and a number where others have the text, belong to the node."""
    assert split_tweak(text) == parts
