"""A value that a node is annotated not to have is refused where it is stated, and the message says what to type."""

import datetime
import enum
from fractions import Fraction
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug

DAY = datetime.date(2024, 1, 31)


class Side(enum.IntEnum):
    """Is an int, of a type of its own."""

    BUY = 1


class Price(float):
    """Is a float, of a type of its own."""


def node_of(annotation):
    """Return a node of a function that is annotated to return this."""

    def measure(x):
        return x

    measure.__annotations__["return"] = annotation
    return dug.memoize(name="desk:measure")(measure).node(1)


@pytest.mark.parametrize(
    ("annotation", "value", "meant"),
    [
        (float, "x", "desk:measure(1) is annotated -> float, and cannot be 'x', a str. Give it a float, or a bump."),
        (float, "96.0", "Write 96.0."),
        (float, None, "cannot be None. Give it a float, or a bump. If its function may give None too, write -> float | None."),
        (int, 2.5, "cannot be 2.5, a float. Give it an int, or a bump."),
        (bool, 1, "cannot be 1, an int."),
        (str, 5, "If its function may give an int too, write -> str | int."),
        (float | None, "x", "Give it a float or None, or a bump."),
        (Optional[float], "x", "Give it a float or None"),  # noqa: UP045  both spellings are in use
        (Union[int, str], 1.5, "Give it an int or a str"),  # noqa: UP007
        (list[float], (1.0,), "is annotated -> list[float], and cannot be (1.0,), a tuple."),
        (Annotated[float, "USD"], "x", "Give it a float"),
        (datetime.date, "2024-01-31", "Write datetime.date(2024, 1, 31)."),
        (datetime.datetime, "2024-01-31T12:00", "Write datetime.datetime(2024, 1, 31, 12, 0)."),
        (None, 1, "Give it None"),
        ("float", "x", "is annotated -> float, and cannot be 'x', a str."),
        ("float | None", "x", "Give it a float or None"),
        ("dict[str, float]", [1.0], "Give it a dict"),
    ],
)
def test_a_value_of_another_type_is_refused(annotation, value, meant):
    """The message names the node, its annotation, the value, and what to type."""
    node = node_of(annotation)

    with pytest.raises(dug.TweakError) as caught:
        dug.Context(tweaks={node: value})

    assert str(caught.value).startswith("desk:measure(1) is annotated -> ")
    assert meant in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (float, 1),
        (float, True),
        (complex, 1.0),
        (int, Side.BUY),
        (float, Price(1.0)),
        (float, Fraction(1, 3)),  # dug does not know what it can do
        (str | None, None),
        (Any, "x"),
        (object, "x"),
        (Literal["a"], 5),
        (Fraction, 0.5),
        ("Frame | None", 3),
        ("dict[str, int | None]", 3),
        ("list[", 3),
        ([float], 3),
        (datetime.date, DAY),
        (float, dug.shift(1)),
        (float, dug.UNTWEAKED),
    ],
)
def test_what_may_fit_is_taken(annotation, value):
    """A subclass, a wider number, a type that dug does not know, a bump, and any value where the annotation says little."""
    node = node_of(annotation)

    assert dug.Context(tweaks={node: value}).tweaks == {node: value}


def test_a_function_without_an_annotation_takes_any_value():
    """Who says nothing of types is told nothing of them."""

    @dug.memoize
    def spot(ticker):
        return 1.0

    with dug.Context(tweaks={spot.node("A"): "x"}):
        assert spot("A") == "x"


def test_every_way_to_state_a_tweak_checks_the_value():
    """A context, a scenario, a tweak of an open context and a coroutine function's node refuse the same value."""

    @dug.memoize
    async def quote(ticker: str) -> float:
        return 1.0

    node = quote.node("A")
    with dug.Context() as ctx:
        for state in (lambda: ctx.tweak(node, "x"), lambda: ctx.tweak({node: "x"}), lambda: dug.Scenario({node: "x"})):
            with pytest.raises(dug.TweakError, match="annotated -> float"):
                state()
        assert ctx.tweaks == {}


def test_a_name_that_means_something_else_where_the_function_is_is_believed():
    """A text is an annotation in the module of its function, where ``float`` may be another class."""
    namespace = {"dug": dug, "float": str}
    exec("@dug.memoize(name='odd:price')\ndef price(x) -> 'float': return x", namespace)

    node = namespace["price"].node(1)
    assert set(dug.Context(tweaks={node: "x"}).tweaks) == {node}


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3) | st.just([]))
def test_a_value_is_always_of_its_own_type(value):
    """Whatever a function is annotated with, a value of that very type is taken."""
    tweaks = {node_of(type(value)): value, node_of(type(value).__name__): value}
    assert set(dug.Context(tweaks=tweaks).tweaks) == set(tweaks)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("spot", "Write spot.node(...), or spot for all of its nodes, without quotes."),
        ("pricing:spot('A')", "Write dug.Node.parse(\"pricing:spot('A')\"), or the node itself: spot.node(...)."),
        (190.0, "Write f.node(x), the node, where f(x) is its value."),
        ("two words", "Write f.node(x)."),
    ],
)
def test_a_key_that_is_no_node_is_refused(key, meant):
    """The message shows the key, and what to type in its place."""
    with pytest.raises(dug.TweakError) as caught:
        dug.Context(tweaks={key: 1.0})

    assert str(caught.value).startswith(f"{key!r} cannot be tweaked")
    assert str(caught.value).endswith(meant)


@pytest.mark.parametrize(("function", "meant"), [(lambda: 0.05, "rate.node()"), (lambda year: 0.05, "rate.node(...)")])
def test_a_value_for_a_function_is_answered_with_its_node(function, meant):
    """Who gives a value where a function is tweaked reads what to type: the only node, where the function has no parameters."""
    rate = dug.memoize(name="value_for_function:rate")(function)
    with pytest.raises(dug.TweakError) as caught:
        dug.Context(tweaks={rate: 0.06})

    assert str(caught.value).endswith(f"Did you mean {meant}, a node of it?")


def test_a_cell_that_is_run_again_says_what_counts():
    """Who follows the message and writes ``| None`` behind the arrow is believed at once, and the memos stay."""
    cell = "@dug.memoize\ndef price(x) -> float{}: return 1.0"
    namespace = {"dug": dug, "__name__": "cell"}
    exec(cell.format(""), namespace)
    with pytest.raises(dug.TweakError, match=r"write -> float \| None"):
        dug.Context(tweaks={namespace["price"].node(1): None})
    exec(cell.format(" | None"), namespace)

    assert dug.Context(tweaks={namespace["price"].node(1): None})
