"""Pictures of sweeps: the numbers, texts and places that matplotlib is given."""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO
from itertools import pairwise

import pytest
from support.spots import price, rate, spot

import dug
from dug.scenarios import grid, ladder

plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is in the plot extra")

A, B = spot.node("A"), spot.node("B")
CROSSED = {A: [1.0, 2.0, 3.0], rate.node(): [0.25, 0.5]}


@pytest.fixture(autouse=True)
def _no_window():
    """Draw without a screen, and close what was drawn."""
    before = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@dug.memoize
def product():
    """Reads two inputs, and fails for one pair of them."""
    if (spot("A"), rate()) == (2.0, 0.5):
        raise ValueError
    return spot("A") * rate()


def sweep(scenarios, target=None):
    """Sweep in a context of its own; the results can be looked at after it was left."""
    with dug.Context():
        return dug.sweep(target or product.node(), scenarios)


def read_bars(axes):
    """Return the labels of the lines from the top, and the length of each bar by its place and side."""
    labels = [label.get_text() for label in axes.get_yticklabels()]
    bars = {}
    for container in axes.containers:
        for bar in container:
            bars[round(bar.get_y() + bar.get_height() / 2), container.get_label()] = bar.get_width()
    return labels, bars


# Heat maps


def test_a_heatmap_has_the_first_axis_down_and_the_second_across():
    """The cells are the values of the grid, the ticks the values of its axes, the labels the nodes."""
    axes = sweep(grid(CROSSED)).heatmap()
    image = axes.images[0].get_array()

    assert image.tolist() == [[0.25, 0.5], [0.5, None], [0.75, 1.5]]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("spots:spot('A')", "spots:rate()")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["1.0", "2.0", "3.0"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.25", "0.5"]
    assert axes.images[0].colorbar.ax.get_ylabel().endswith(":product()")


def test_a_heatmap_writes_few_values_into_their_cells():
    """A small grid has its numbers in the cells, a failed cell none; a large grid has none at all."""
    named = sweep(grid({A: [1.0], rate.node(): [1e8, 123_456.7, 12.34567, -0.25]}), rate.node()).heatmap()
    small, large = sweep(grid(CROSSED)).heatmap(), sweep(grid({A: range(20), rate.node(): range(8)})).heatmap()

    assert [text.get_text() for text in small.texts] == ["0.25", "0.5", "0.5", "0.75", "1.5"]
    assert len(large.texts) == 0
    assert [text.get_text() for text in named.texts] == ["1e+08", "123,457", "12.35", "-0.25"]


@pytest.mark.parametrize("values", [[dug.shift(number / 8) for number in range(-2, 3)], range(5)], ids=str)
def test_the_texts_below_a_heatmap_leave_each_other_alone(values):
    """A text below a column does not run into the next one; short ones lie flat."""
    axes = sweep(grid({A: [1.0, 2.0], rate.node(): values}), spot.node("A")).heatmap()
    axes.figure.canvas.draw()
    texts = axes.get_xticklabels()
    ends = [text.get_window_extent() for text in texts]
    is_flat = {text.get_rotation() for text in texts} == {0.0}

    assert is_flat == (len(texts[0].get_text()) < 3)
    assert all(one.x1 < other.x0 for one, other in pairwise(ends)) or not is_flat


def test_a_heatmap_of_differences_is_white_at_zero():
    """Values with both signs have a scale that is as long on either side of zero; others have all of it."""
    swept = sweep(grid({A: [98.0, 103.0], rate.node(): [0.5, 0.25]}))
    changes, values = swept.diff().heatmap().images[0], swept.heatmap().images[0]

    assert changes.get_clim() == (-25.5, 25.5)
    assert values.get_clim() == (24.5, 51.5)


def test_a_heatmap_of_a_part_leaves_the_other_cells_empty():
    """The results of a slice are where they are in the whole grid."""
    axes = sweep(grid(CROSSED))[:3].heatmap()

    assert axes.images[0].get_array().tolist() == [[0.25, 0.5], [0.5, None], [None, None]]


def test_a_heatmap_draws_the_target_that_is_named():
    """Where there are several targets one is named, by its label or node; without a name the message says what to type."""
    swept = sweep(grid(CROSSED), {"product": product.node(), "price": price.node("A")})

    assert swept.heatmap("price").images[0].get_array()[:, 0].tolist() == [2.0, 4.0, 6.0]
    with pytest.raises(TypeError, match=r"heatmap\('product'\)"):
        swept.heatmap()
    with pytest.raises(KeyError, match="other is not a target of this sweep"):
        swept.heatmap("other")


def test_a_heatmap_is_drawn_where_the_user_says():
    """``ax=`` draws into axes of the user's and ``cmap=`` chooses the colours; the axes come back."""
    _, mine = plt.subplots()
    axes = sweep(grid(CROSSED)).heatmap(ax=mine, cmap="magma")

    assert axes is mine
    assert axes.images[0].get_cmap().name == "magma"


@pytest.mark.parametrize("scenarios", [[{}], grid({A: [1.0]}), grid({A: [1.0], B: [1.0], rate.node(): [1.0]}), ladder([A], 1.0)])
def test_a_heatmap_is_of_a_grid_of_two_axes(scenarios):
    """Other scenarios are a TypeError that says what to type."""
    with pytest.raises(TypeError, match=r"Sweep over grid\({"):
        sweep(scenarios).heatmap()


def test_a_heatmap_draws_numbers():
    """A value that is no number is a TypeError that names the target and the scenario."""
    with pytest.raises(TypeError, match=r"Only numbers can be drawn, and spots:spot\('A'\) is 'x' under .*= 'x'"):
        sweep(grid({A: ["x"], rate.node(): [1.0]}), A).heatmap()


def test_a_heatmap_of_nothing_is_empty():
    """Where every scenario failed, there are axes without a number."""
    axes = sweep(grid({A: [2.0], rate.node(): [0.5]})).heatmap()

    assert len(axes.texts) == 0
    axes.figure.savefig(BytesIO())


# Tornados


def test_a_tornado_has_a_line_for_each_node_the_largest_on_top():
    """The bars are the changes up and down, by node, and the label says of what."""
    axes = sweep(ladder([rate.node(), A], dug.shift(0.25), dug.shift(-0.125))).tornado()
    labels, bars = read_bars(axes)

    assert labels == ["spots:rate()", "spots:spot('A')"]
    assert bars == {(0, "up"): 25.0, (0, "down"): -12.5, (1, "up"): 0.125, (1, "down"): -0.0625}
    assert axes.yaxis_inverted()
    assert axes.get_xlabel().endswith("product()")
    assert axes.get_xlabel().startswith("change of ")


def test_a_tornado_of_named_scenarios_has_a_bar_for_each():
    """Scenarios that are no ladder have one bar each, by their names."""
    labels, bars = read_bars(sweep({"small": {A: 101.0}, "large": {A: 50.0}, "none": {}}).tornado())

    assert labels == ["large", "small", "none"]
    assert [bars[place, side] for place, side in sorted(bars)] == [-25.0, 0.5, 0.0]


def test_a_tornado_of_a_grid_has_a_bar_for_each_scenario():
    """The scenarios of a grid of two axes are lines, and not directions."""
    labels, _ = read_bars(sweep(grid({A: [1.0], rate.node(): [0.25, 0.5]})).tornado())

    assert labels == [f"spots:spot('A') = 1.0, spots:rate() = {value}" for value in (0.25, 0.5)]


def test_a_tornado_of_differences_draws_them_as_they_are():
    """The changes of ``diff()`` are the same picture as that of the sweep, and ``central()`` has a bar for each node."""
    swept = sweep(ladder([rate.node(), A], dug.shift(0.25), dug.shift(-0.125)))

    labels, bars = read_bars(swept.central().tornado())

    assert read_bars(swept.diff().tornado()) == read_bars(swept.tornado())
    assert labels == ["spots:rate()", "spots:spot('A')"]
    assert list(bars.values()) == [18.75, 0.09375]


def test_a_tornado_of_a_part_draws_its_changes():
    """A slice of a sweep draws the changes of its scenarios, and a slice of differences does."""
    swept = sweep({str(number): {A: 100.0 + number} for number in range(5)})
    labels, bars = read_bars(swept[1:3].tornado())

    assert (labels, list(bars.values())) == (["2", "1"], [1.0, 0.5])
    assert read_bars(swept.diff()[1:3].tornado()) == (labels, bars)


def test_a_tornado_says_what_it_leaves_out():
    """``most=`` keeps the largest lines, and the axes say how many others there are."""
    axes = sweep({str(number): {A: 100.0 + number} for number in range(5)}).tornado(most=2)

    assert read_bars(axes)[0] == ["4", "3"]
    assert axes.get_xlabel().endswith("(3 smaller not shown)")


def test_a_tornado_names_what_failed():
    """A scenario that failed has a label without a bar; a node that failed one way has the other bar."""
    failed, _ = read_bars(sweep({"bad": {A: 2.0, rate.node(): 0.5}}).tornado())
    labels, bars = read_bars(sweep(ladder([A], dug.shift(-98.0), dug.shift(1.0))).tornado())

    assert failed == ["bad (failed)"]
    assert (labels, bars) == (["spots:spot('A')"], {(0, "down"): 0.5})


def test_a_tornado_is_drawn_where_the_user_says():
    """``ax=`` draws into axes of the user's."""
    _, mine = plt.subplots()

    assert sweep(ladder([A], dug.shift(1.0))).tornado(ax=mine) is mine


def test_a_sweep_of_coroutine_functions_has_pictures_too():
    """After it was awaited, an asynchronous sweep draws like any other."""

    @dug.memoize
    async def later():
        return spot("A") * 2

    async def main():
        with dug.Context():
            return await dug.sweep(later.node(), ladder([A], dug.shift(1.0), dug.shift(-1.0)))

    assert read_bars(asyncio.run(main()).tornado())[1] == {(0, "up"): 2.0, (0, "down"): -2.0}


@pytest.mark.parametrize("method", ["heatmap", "tornado"])
def test_without_matplotlib_a_picture_says_what_to_type(method, monkeypatch):
    """Without matplotlib, a picture is an ImportError that names the extra, before anything is computed."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    swept = sweep(grid(CROSSED))

    with pytest.raises(ImportError, match=rf'{method}\(\) needs matplotlib. Type: pip install "dug\[plot\]"'):
        getattr(swept, method)()
    assert "0 of 6" in repr(swept)
