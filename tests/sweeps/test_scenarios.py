"""`ladder` and `grid` make the usual scenarios, lazily and with names."""

from itertools import count, islice

import pytest
from support.spots import rate, spot

import dug
from dug.scenarios import grid, ladder

A, B = spot.node("A"), spot.node("B")
UP, DOWN = dug.shift(1.0), dug.shift(-1.0)


def test_a_ladder_has_a_scenario_for_each_node_and_direction():
    """A ladder goes up and then down at each node, in the order of the nodes."""
    tweaks = [dict(scenario.tweaks) for scenario in ladder([A, B], UP, DOWN)]

    assert tweaks == [{A: UP}, {A: DOWN}, {B: UP}, {B: DOWN}]


def test_a_ladder_without_down_goes_up_only():
    """``down`` may be left out."""
    assert [dict(scenario.tweaks) for scenario in ladder([A, B], UP)] == [{A: UP}, {B: UP}]


def test_the_scenarios_of_a_ladder_are_named():
    """A scenario of a ladder is named after its node and direction."""
    names = [scenario.name for scenario in ladder([A, spot], UP, DOWN)]

    assert names == [f"{A} up", f"{A} down", "spots:spot up", "spots:spot down"]


def test_a_ladder_takes_plain_values():
    """The tweaks of a ladder need not be bumps."""
    assert [dict(scenario.tweaks) for scenario in ladder([A], 101.0, 99.0)] == [{A: 101.0}, {A: 99.0}]


def test_a_ladder_is_lazy():
    """A ladder takes a node when its scenario is asked for, so there may be endlessly many."""
    scenarios = ladder((spot.node(i) for i in count()), UP)

    assert [scenario.name for scenario in islice(scenarios, 2)] == [f"{spot.node(0)} up", f"{spot.node(1)} up"]


@pytest.mark.parametrize(("down", "length"), [(None, 2), (DOWN, 4)])
def test_a_ladder_has_a_length(down, length):
    """The length of a ladder is that of its nodes, times the directions."""
    assert len(ladder([A, B], UP, down)) == length


def test_a_ladder_of_a_generator_has_no_length():
    """A ladder of nodes without a length says so."""
    with pytest.raises(TypeError, match="list of nodes"):
        len(ladder(iter([A]), UP))


def test_a_ladder_of_something_else_is_refused():
    """Anything but a node or a function is a TweakError when its scenario is asked for."""
    with pytest.raises(dug.TweakError, match="cannot be tweaked"):
        list(ladder(["A"], UP))


def test_a_grid_has_all_combinations():
    """The last node of a grid changes first."""
    tweaks = [dict(scenario.tweaks) for scenario in grid({A: [1.0, 2.0], rate.node(): [0.1, 0.2]})]

    assert tweaks == [{A: a, rate.node(): r} for a in (1.0, 2.0) for r in (0.1, 0.2)]


def test_a_grid_takes_bumps_and_functions():
    """An axis of a grid may be a function, and its values anything a tweak may be."""
    assert [dict(scenario.tweaks) for scenario in grid({spot: [UP, dug.UNTWEAKED]})] == [{spot: UP}, {spot: dug.UNTWEAKED}]


def test_a_grid_knows_its_length_and_is_lazy():
    """A grid of a million million scenarios has a length and a first one."""
    scenarios = grid({spot.node(i): range(100) for i in range(6)})

    assert len(scenarios) == 10**12
    assert set(next(iter(scenarios)).tweaks.values()) == {0}


def test_a_grid_can_be_iterated_again():
    """A grid keeps its values, also those of a generator."""
    scenarios = grid({A: (float(i) for i in range(3))})

    assert len(list(scenarios)) == len(list(scenarios)) == 3


def test_a_grid_of_nothing_is_the_base():
    """A grid without axes has one scenario, which tweaks nothing."""
    assert [dict(scenario.tweaks) for scenario in grid({})] == [{}]


@pytest.mark.parametrize("axes", [[A], {A: 100.0}, {A: "up"}])
def test_a_grid_of_something_else_is_refused(axes):
    """An axis without several values is refused at once, and the message says what to type."""
    with pytest.raises(TypeError, match="Write"):
        grid(axes)


def test_scenario_makers_have_a_text():
    """``repr`` shows the arguments of a ladder or a grid."""
    assert repr(ladder([A], UP, DOWN)) == "ladder([<Node spots:spot('A')>], shift(1.0), shift(-1.0))"
    assert repr(ladder([A], UP)).endswith("shift(1.0))")
    assert repr(grid({A: [1]})) == "grid({<Node spots:spot('A')>: (1,)})"


def test_one_node_is_no_ladder():
    """Anything but a row of nodes is refused when the ladder is made."""
    for one in (rate.node(), "rate", b""):
        with pytest.raises(TypeError, match=r"Write ladder\(\[f.node\(x\)\], up\)"):
            ladder(one, dug.shift(1))


def test_one_value_is_no_axis_of_a_grid():
    """A text or bytes in the place of the values of a node is refused: its letters are no values."""
    for one in ("abc", b"abc", 3):
        with pytest.raises(TypeError, match=r"grid\(\) takes several values of spots:spot\('A'\), not b?'?(abc|3)'?. Write \["):
            grid({A: one})


def test_a_context_says_what_it_was_made_of():
    """The scenario of a context has its layers, and another context of it means the same."""
    layered = dug.Scenario({rate.node(): 1.0}) | dug.Scenario({rate: dug.scale(2)})
    ctx = dug.Context(layered)

    assert ctx.scenario == layered
    assert " | " in repr(ctx)
    with dug.Context(), ctx:
        assert rate() == 2.0
    with dug.Context(), dug.Context(ctx.scenario):
        assert rate() == 2.0


def test_a_scenario_takes_plain_mappings():
    """On either side of ``|``."""
    one = dug.Scenario({rate.node(): 1.0})

    assert one | {spot.node("A"): 2.0} == one | dug.Scenario({spot.node("A"): 2.0})
    assert {spot.node("A"): 2.0} | one == dug.Scenario({spot.node("A"): 2.0}) | one


@pytest.mark.parametrize("factor", ["2", b"2", [2], (2,), None])
def test_a_factor_is_a_number(factor):
    """A text that is multiplied is repeated, which nobody means."""
    with pytest.raises(dug.TweakError, match="takes a number"):
        dug.scale(factor)
