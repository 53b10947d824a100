"""`tweaks_for` draws scenarios that tweak some of the nodes it is given."""

import subprocess
import sys

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import dug
from dug.testing import EventLog, assert_transparent, isolated, tweaks_for

TICKERS = ("A", "B", "C")


@dug.memoize
def spot(ticker):
    """One node for each ticker."""
    return 100.0


@dug.memoize
def rate():
    """One node."""
    return 0.05


@dug.memoize
def forward(ticker):
    """Reads spot and rate."""
    return spot(ticker) * (1 + rate())


@dug.memoize
def book():
    """Reads every forward."""
    return sum(map(forward, TICKERS))


@given(scenario=tweaks_for(book.node(), {spot: st.floats(1, 200), rate.node(): st.floats(0, 0.1)}))
@settings(max_examples=50)
@isolated()
def test_scenarios_tweak_only_what_they_are_given(scenario):
    """Each scenario tweaks some of the nodes, to values of their strategies."""
    allowed = {*map(spot.node, TICKERS), rate.node()}

    assert isinstance(scenario, dug.Scenario)
    assert set(scenario.tweaks) <= allowed
    assert all(0 <= tweak <= 200 for tweak in scenario.tweaks.values())


@given(scenario=tweaks_for(book.node(), {spot: st.floats(1, 200), forward: st.builds(dug.shift, st.floats(-1, 1))}))
@settings(max_examples=50)
@isolated()
def test_the_scenarios_suit_assert_transparent(scenario):
    """A drawn scenario can be given as tweaks; bumps may be drawn like values."""
    assert_transparent(book.node(), tweaks=scenario)


@pytest.mark.parametrize("count", range(4))
def test_any_number_of_nodes_is_tweaked(count):
    """There are scenarios with none, some and all of the nodes."""
    scenarios = tweaks_for(book.node(), {spot: st.just(1.0)})

    assert len(find(scenarios, lambda scenario: len(scenario.tweaks) == count).tweaks) == count


@pytest.mark.slow
def test_examples_shrink_to_few_tweaks():
    """The simplest scenario tweaks nothing."""
    assert find(tweaks_for(book.node(), {spot: st.floats(1, 200)}), lambda _: True) == dug.Scenario({})


def test_a_function_stands_for_the_nodes_that_are_read():
    """Nodes of the function that the target does not read are not tweaked."""
    scenarios = tweaks_for(forward.node("B"), {spot: st.just(1.0)})

    assert find(scenarios, lambda scenario: scenario.tweaks) == dug.Scenario({spot.node("B"): 1.0})


def test_a_node_comes_before_its_function():
    """The strategy of a node itself replaces that of its function."""
    scenarios = tweaks_for(book.node(), {spot: st.just(1.0), spot.node("A"): st.just(2.0)})
    full = find(scenarios, lambda scenario: len(scenario.tweaks) == 3)

    assert full.tweaks[spot.node("A")] == 2.0


def test_a_node_need_not_be_read():
    """A node is tweaked whether or not the target reads it."""
    scenarios = tweaks_for(book.node(), {spot.node("Z"): st.just(1.0)})

    assert find(scenarios, lambda scenario: scenario.tweaks) == dug.Scenario({spot.node("Z"): 1.0})


def test_what_a_failing_run_has_read_is_found():
    """A target that fails without tweaks is explored as far as it got."""

    @dug.memoize
    def fails():
        raise ValueError(spot("A"))

    scenarios = tweaks_for(fails.node(), {spot: st.just(1.0)})

    assert find(scenarios, lambda scenario: scenario.tweaks) == dug.Scenario({spot.node("A"): 1.0})


def test_the_target_runs_once_and_late():
    """Nothing runs when the strategy is made, and one run serves all examples."""
    runs = []

    @dug.memoize
    def target():
        runs.append(1)
        return spot("A")

    scenarios = tweaks_for(target.node(), {spot: st.just(1.0)})
    assert runs == []

    find(scenarios, lambda scenario: scenario.tweaks)
    assert runs == [1]


def test_the_exploring_run_leaves_nothing_behind():
    """The run that finds the nodes takes place in a context of its own."""
    with dug.Context() as ctx, EventLog(ctx) as log:
        find(tweaks_for(book.node(), {spot: st.just(1.0)}), lambda scenario: scenario.tweaks)

    assert log.computed == []


def test_a_function_that_is_not_read_is_refused():
    """A function without any read node is an error that names it."""
    with pytest.raises(ValueError, match=r"reads no node of .*book"):
        find(tweaks_for(spot.node("A"), {book: st.just(1.0)}), lambda _: True)


@pytest.mark.parametrize("key", ["spot", len])
def test_a_wrong_key_is_refused(key):
    """A key that cannot be tweaked is an error when the strategy is made."""
    with pytest.raises(dug.TweakError):
        tweaks_for(book.node(), {key: st.just(1.0)})


def test_a_wrong_value_is_refused():
    """A plain value in the place of a strategy is an error that says what to type."""
    with pytest.raises(TypeError, match=r"st\.just"):
        tweaks_for(book.node(), {spot: 1.0})


@pytest.mark.slow
def test_hypothesis_is_imported_late():
    """Neither dug nor dug.testing imports Hypothesis."""
    script = "import sys, dug.testing, dug.testing._plugin; assert 'hypothesis' not in sys.modules, 'imported'"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.slow
def test_without_hypothesis_the_error_says_what_to_type():
    """Asking for `tweaks_for` without Hypothesis names the extra to install."""
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "try:\n    from dug.testing import tweaks_for\n"
        "except ImportError as exc:\n    assert 'pip install \"dug[test]\"' in str(exc), exc\n"
        "else:\n    raise SystemExit('imported')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
