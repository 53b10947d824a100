"""The frame of a grid or a ladder has a level for each axis, and labels leave out the module of the script itself."""

from __future__ import annotations

import types

import pytest
from support.spots import price, rate, spot

import dug
from dug.scenarios import grid, ladder

pandas = pytest.importorskip("pandas", reason="pandas is in the pandas extra")

A, B = spot.node("A"), spot.node("B")


def sweep(scenarios, target=None):
    """Sweep in a context of its own; the results can be looked at after it was left."""
    with dug.Context():
        return dug.sweep(target or price.node("A"), scenarios)


@dug.memoize
def joined():
    """Reads two inputs."""
    return spot("A") * rate()


def test_a_grid_has_a_level_for_each_axis():
    """The frame of a grid has the values of each axis in a level of its own, named after the node."""
    frame = sweep(grid({A: [1.0, 2.0], rate.node(): [0.25, 0.5]}), joined.node()).to_frame()

    assert frame.index.names == ["spots:spot('A')", "spots:rate()"]
    assert frame.index.tolist() == [(1.0, 0.25), (1.0, 0.5), (2.0, 0.25), (2.0, 0.5)]
    assert [level.dtype.kind for level in frame.index.levels] == ["f", "f"]
    assert frame.iloc[:, 0].unstack()[0.5].tolist() == [0.5, 1.0]


def test_a_grid_of_three_axes_has_three_levels():
    """The last axis of a grid changes first, in the frame as in the sweep."""
    frame = sweep(grid({A: [1.0, 2.0], B: [3.0], rate.node(): [0.25, 0.5, 0.75]})).to_frame()

    assert frame.index.nlevels == 3
    assert frame.index[4] == (2.0, 3.0, 0.5)


def test_a_grid_of_one_axis_has_a_plain_index():
    """The index of a grid of one axis is that axis."""
    frame = sweep(grid({A: [1.0, 2.0]})).to_frame()

    assert frame.index.tolist() == [1.0, 2.0]
    assert (frame.index.nlevels, frame.index.name) == (1, "spots:spot('A')")


def test_bumps_are_values_of_an_axis():
    """A bump is found in the frame by an equal bump."""
    frame = sweep(grid({A: [dug.shift(1.0), dug.UNTWEAKED], rate.node(): [0.5]})).to_frame()

    assert frame.loc[(dug.shift(1.0), 0.5), "spots:price('A')"] == 202.0
    assert frame.loc[(dug.UNTWEAKED, 0.5), "spots:price('A')"] == 200.0


def test_a_value_without_a_hash_is_in_the_index_as_its_text():
    """A list on an axis is its text in the frame, because an index needs a hash."""
    frame = sweep(grid({A: [1.0, 2.0], rate.node(): [[0.5, 0.5]]})).to_frame()

    assert frame.index.tolist() == [(1.0, "[0.5, 0.5]"), (2.0, "[0.5, 0.5]")]


def test_a_grid_without_axes_is_one_plain_scenario():
    """The one scenario of an empty grid is the base."""
    frame = sweep(grid({})).to_frame()

    assert (frame.index.tolist(), frame.index.name) == (["base"], "scenario")


def test_a_grid_with_an_empty_axis_has_its_levels():
    """A grid without scenarios is a frame without rows, with a level for each axis."""
    frame = sweep(grid({A: [], rate.node(): [0.5]})).to_frame()

    assert (len(frame), frame.index.names) == (0, ["spots:spot('A')", "spots:rate()"])


@pytest.mark.parametrize("down", [None, dug.shift(-1.0)])
def test_a_ladder_has_a_level_for_the_node_and_one_for_the_direction(down):
    """The frame of a ladder has two levels, whether or not it goes down."""
    frame = sweep(ladder(iter([A, B]), dug.shift(1.0), down)).to_frame()

    directions = ["up"] if down is None else ["up", "down"]
    assert frame.index.names == ["node", "direction"]
    assert frame.index.tolist() == [(node, way) for node in ("spots:spot('A')", "spots:spot('B')") for way in directions]


def test_a_ladder_numbers_a_node_that_comes_twice():
    """A node that comes twice has two labels, so that the frame can be unstacked."""
    frame = sweep(ladder([A, B, A], dug.shift(1.0), dug.shift(-1.0))).to_frame()

    assert list(dict.fromkeys(frame.index.get_level_values("node"))) == [
        "spots:spot('A')",
        "spots:spot('B')",
        "spots:spot('A') (2)",
    ]
    assert frame.iloc[:, 0].unstack("direction").shape == (3, 2)


def test_a_rung_that_is_not_possible_keeps_its_place():
    """A tweak that cannot be made is an error in the row of its node and direction."""
    frame = sweep(ladder([A, B], dug.bump(lambda: 1.0), dug.shift(-1.0))).to_frame()

    assert frame.loc[("spots:spot('A')", "down"), "error"] is None
    assert isinstance(frame.loc[("spots:spot('A')", "up"), "error"], dug.TweakError)


def test_differences_have_the_levels_of_their_sweep():
    """``diff`` has the index of the sweep, and ``central`` the nodes."""
    swept = sweep(ladder([A, B], dug.shift(1.0), dug.shift(-1.0)))

    assert swept.diff().to_frame().index.equals(swept.to_frame().index)
    assert swept.central().to_frame().index.tolist() == ["spots:spot('A')", "spots:spot('B')"]
    assert swept.central().to_frame().index.name == "node"


def test_a_part_of_a_grid_has_the_levels_of_its_places():
    """The frame of a slice has the rows that these results have in the whole."""
    swept = sweep(grid({A: [1.0, 2.0], rate.node(): [0.25, 0.5]}))

    assert swept[1::2].to_frame().index.tolist() == [(1.0, 0.5), (2.0, 0.5)]


def test_scenarios_of_a_list_have_their_names():
    """Scenarios that were taken out of a grid are scenarios like others."""
    frame = sweep([*grid({A: [1.0]}), {}]).to_frame()

    assert frame.index.tolist() == ["spots:spot('A') = 1.0", "base"]


# Labels


@pytest.fixture
def script():
    """Functions as a script or notebook has them, in the module ``__main__``."""
    made = types.SimpleNamespace()

    @dug.memoize(name="__main__:level")
    def level(x):
        return 1.0

    @dug.memoize(name="__main__:total")
    def total():
        return level(1) + level(2)

    made.level, made.total = level, total
    return made


def test_labels_leave_out_the_module_of_a_notebook(script):
    """Names of scenarios, columns and levels say ``level(1)``, and not ``__main__:level(1)``."""
    node, total = script.level.node(1), script.total.node()
    plain, rungs = sweep([{node: 2.0}, {script.level: dug.scale(2)}], total), sweep(ladder([node], dug.shift(1.0)), total)
    crossed = sweep(grid({node: [1.0], script.level.node(2): [2.0]}), total)

    assert [result.name for result in plain] == ["level(1) = 2.0", "level = scale(2)"]
    assert [result.name for result in rungs] == ["level(1) up"]
    assert rungs.to_frame().index.tolist() == [("level(1)", "up")]
    assert crossed.to_frame().index.names == ["level(1)", "level(2)"]
    assert next(iter(plain.to_frame().columns)) == "total()"


def test_a_label_that_the_user_gave_is_left_as_it_is(script):
    """A label of a mapping is a text of the user's, whatever it begins with."""
    frame = sweep({"__main__:mine": {}}, {"__main__:total": script.total.node()}).to_frame()

    assert (frame.index.tolist(), next(iter(frame.columns))) == (["__main__:mine"], "__main__:total")
