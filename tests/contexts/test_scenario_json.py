"""Scenarios as JSON text."""

from __future__ import annotations

import functools
import json
import operator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug
from dug import CodecError, Scenario, streams


@dug.memoize
def rate(name="eur", *, day=None):
    """Return a number."""
    return 0.0625 if day is None else 0.125


@dug.memoize
def other(name="eur", *, day=None):
    """Return another number."""
    return 0.5


def at_least(value, low):
    """Bound a number from below."""
    return max(value, low)


@dug.memoize
def fixings(name="eur"):
    """Give numbers."""
    yield from (0.25, 0.75)


def half(name="eur", *, day=None):
    """Replace a rate."""
    return rate(name, day=day) / 2


def there_and_back(scenario, **options):
    """Write a scenario and read it."""
    return Scenario.from_json(scenario.to_json(), **options)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates(),
    lambda inner: st.tuples(inner, inner),  # other containers equal only themselves, as tweaks
    max_leaves=5,
)
TWEAKS = VALUES | st.builds(dug.shift, VALUES) | st.builds(dug.scale, st.floats(allow_nan=False)) | st.just(dug.UNTWEAKED)
NODES = st.builds(rate.node, VALUES, day=st.none() | st.dates())


@given(st.lists(st.dictionaries(NODES, TWEAKS, max_size=3), min_size=1, max_size=3), st.none() | st.text())
def test_any_scenario_comes_back_equal(layers, name):
    """Layers, nodes, values with their types, bumps and names come back as they were."""
    scenario = Scenario(layers[0])
    for layer in layers[1:]:
        scenario |= layer
    scenario = Scenario(scenario, name)

    back = there_and_back(scenario)

    assert back == scenario
    assert [list(layer.items()) for layer in back.layers] == [list(layer.items()) for layer in scenario.layers]


@pytest.mark.parametrize("value", [1, 1.0, True, (1, 2.5), float("inf"), date(2026, 1, 2), b"x"], ids=repr)
def test_a_value_keeps_its_type(value):
    """1, 1.0 and True are three values."""
    (back,) = there_and_back(Scenario({rate.node(): value})).tweaks.values()

    assert (back, type(back)) == (value, type(value))


def test_functions_go_by_their_names():
    """A bump by a module's function, a replacement, a memoised replacement and a bump of a function come back."""
    scenario = Scenario({rate.node("a"): dug.bump(at_least, 0.5), rate: half}) | {rate: dug.bump(operator.sub, 1)} | {rate: other}

    back = there_and_back(scenario, functions=[at_least, half])

    assert back == scenario
    with dug.Context({rate.node("a"): dug.bump(at_least, 0.5)}) as ctx:
        expected = ctx.run(rate, "a")
    with dug.Context(there_and_back(Scenario({rate.node("a"): dug.bump(at_least, 0.5)}), functions=[at_least])):
        assert rate("a") == expected == 0.5


def test_a_bump_of_each_item_goes_by_the_name_of_its_function():
    """What `dug.streams.each` made comes back, and bumps as before."""
    scenario = Scenario({fixings: streams.each(at_least, 0.5), rate.node(): 2})

    back = there_and_back(scenario, functions=[at_least])

    assert back == scenario
    assert repr(back) == repr(scenario)
    with dug.Context(back):
        assert fixings().list() == [0.5, 0.75]
    with pytest.raises(CodecError, match=r"at_least, which is not known here\. Give it: from_json"):
        there_and_back(scenario)
    with pytest.raises(CodecError, match=r"the tweak of .*fixings.* cannot be written: .*lambda.*Define it at the top"):
        Scenario({fixings: streams.each(lambda item: item)}).to_json()


def test_a_function_that_was_not_given_is_refused_by_name():
    """A text cannot make anybody call a function that was not given."""
    text = Scenario({rate.node(): dug.bump(at_least, 1)}).to_json()
    hostile = text.replace(f"{at_least.__module__}:at_least", "os:getenv")

    with pytest.raises(CodecError, match=r"at_least, which is not known here\. Give it: from_json"):
        Scenario.from_json(text)
    with pytest.raises(CodecError, match="os:getenv, which is not known"):
        Scenario.from_json(hostile, functions=[at_least])
    assert Scenario.from_json(text, trust=True) == Scenario({rate.node(): dug.bump(at_least, 1)})


def test_a_function_that_is_not_there_is_refused_by_name():
    """A target whose module is not imported says what to import; a trusted text that cannot be imported says why."""
    text = json.dumps({"scenario": 1, "name": None, "layers": [[{"kind": "value", "of": "nowhere:f", "value": 1}]]})

    with pytest.raises(CodecError, match=r"tweaks nowhere:f, which is not there\. Import nowhere before"):
        Scenario.from_json(text)
    with pytest.raises(CodecError, match="No module named 'nowhere'"):
        Scenario.from_json(text, trust=True)


def test_what_cannot_be_written_is_named():
    """A lambda, a local function, an object without a codec: the message names the tweak, and says what to type."""

    @dug.memoize
    def local():
        return 1

    with pytest.raises(CodecError, match=r"the tweak of .*rate.* cannot be written: .*lambda.*Define it at the top of a module"):
        Scenario({rate.node(): dug.bump(lambda value: value)}).to_json()
    with pytest.raises(CodecError, match=r"it is a local function\. Define it at the top of a module"):
        Scenario({local.node(): 2}).to_json()
    with pytest.raises(CodecError, match=r"the tweak of .*rate.* cannot be written: builtins.object has no codec"):
        Scenario({rate.node(): object()}).to_json()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"scenario": 2}', '{"scenario": 1, "layers": [[{}]]}', '{"scenario": 1, "layers": 5}', 5]
)
def test_another_text_is_refused(text):
    """A text that `to_json` did not write is a CodecError."""
    with pytest.raises(CodecError):
        Scenario.from_json(text)


def test_a_name_that_leads_elsewhere_is_refused():
    """A function that copied its name from another one would be that one where the text is read."""

    @functools.wraps(at_least)
    def dressed(value, low):
        return -at_least(value, low)

    with pytest.raises(CodecError, match=r"is not what its name .*at_least leads to\. Define it at the top of a module"):
        Scenario({rate.node(): dug.bump(dressed, 1)}).to_json()
