"""`_picture` decides the boxes and the lines."""

import pytest
from support.sample_graphs import BOOK, make_wide, sketch

from dug import draw
from dug.draw._picture import LIMIT, make_picture


def draw_by(graph, by=None, limit=LIMIT):
    """The picture of a graph."""
    return make_picture(graph, by=by, limit=limit)


def names(picture):
    """The boxes, each with its number of nodes."""
    return {box.name: box.count for box in picture.boxes}


def test_a_small_graph_has_a_box_for_each_node():
    """Where there is room, each node has its box, called by its text without the module."""
    picture = draw_by(sketch(BOOK))

    assert names(picture) == {"spot()": 1, "value(1)": 1, "value(2)": 1, "book()": 1}
    assert picture.grouping == "node"


def test_lines_run_from_what_was_read():
    """A line begins at the box of the dependency."""
    picture = draw_by(sketch({"m:top()": ["m:low()"]}))

    assert [(picture.boxes[start].name, picture.boxes[end].name) for start, end, _ in picture.lines] == [("low()", "top()")]


def test_a_large_graph_has_a_box_for_each_function():
    """Beyond the limit, the nodes of a function share a box, which counts them, and a line counts its reads."""
    picture = draw_by(sketch(BOOK), by="function")

    assert names(picture) == {"spot()": 1, "value": 2, "book()": 1}
    assert [count for _, _, count in picture.lines] == [2, 2]


def test_a_graph_of_many_functions_has_a_box_for_each_module():
    """Where the functions are too many, too, the modules have the boxes."""
    picture = draw_by(make_wide(300, functions=100))

    assert picture.grouping == "module"
    assert names(picture) == {"m0": 150, "m1": 150}


def test_the_limit_holds_whatever_has_the_boxes():
    """Nodes that have no room in a box of their own are counted in one of others."""
    picture = draw_by(make_wide(300), by="node", limit=20)

    assert len(picture.boxes) == 20
    assert names(picture)["others"] == 281


def test_a_tangle_is_drawn_together():
    """Few nodes that read each other very often are drawn by function."""
    nodes = [f"m:f{number % 3}({number})" for number in range(40)]
    graph = sketch({node: nodes[:number] for number, node in enumerate(nodes)})

    assert draw_by(graph).grouping == "function"
    assert draw_by(sketch({node: [] for node in nodes})).grouping == "node"


def test_what_failed_keeps_a_box_of_its_own():
    """A failed node among thousands is seen by its name."""
    picture = draw_by(make_wide(300, states={41: "failed", 57: "tweaked"}))

    assert {"f1(41)", "f7(57)"} <= set(names(picture))
    assert names(picture)["f1"] == 29


def test_very_many_failures_are_counted_instead():
    """Failed nodes that would fill the picture share the box of their function."""
    picture = draw_by(make_wide(300, states=dict.fromkeys(range(0, 300, 2), "failed")))
    box = next(box for box in picture.boxes if box.name == "f0")

    assert box.states == (("failed", 30),)
    assert len(picture.boxes) == 10


def test_a_box_of_many_is_of_the_state_that_one_looks_for():
    """Among states, failed comes before computed."""
    graph = make_wide(200, functions=1, states=dict.fromkeys(range(50), "failed"))
    picture = draw_by(graph, by="function")

    assert [box.state for box in picture.boxes] == ["failed"] * 2
    assert picture.states == (("failed", 50), ("computed", 150))


def test_names_that_two_modules_share_are_written_in_full():
    """Two functions of one name are told apart by their modules."""
    picture = draw_by(sketch({"a:load()": ["b:load()"]}))

    assert set(names(picture)) == {"a:load()", "b:load()"}


def test_a_share_is_a_part_of_all_the_time():
    """A box that took three of four seconds has three quarters."""
    picture = draw_by(sketch({"m:top()": ["m:low()"]}, top={"own_seconds": 3.0}, low={"own_seconds": 1.0}))

    assert [picture.share(box) for box in picture.boxes] == [0.25, 0.75]


def test_an_empty_graph_is_a_picture_of_nothing():
    """Nothing to draw is not an error."""
    assert draw_by(sketch({})).boxes == ()
    assert "0 nodes" in draw.tree(sketch({}))
    assert draw.dot(sketch({})).startswith("digraph")
    assert draw.mermaid(sketch({})) == "flowchart LR\n"


@pytest.mark.parametrize("make", [draw.dot, draw.mermaid, draw.tree])
def test_a_wrong_option_is_named(make):
    """An unknown grouping, and a limit that shows nothing, are errors that say what to write."""
    with pytest.raises(ValueError, match=r"by='colour' .* 'node', 'function', 'module'"):
        make(sketch(BOOK), by="colour")
    with pytest.raises(ValueError, match="limit=1 "):
        make(sketch(BOOK), limit=1)


@pytest.mark.slow
@pytest.mark.parametrize("make", [draw.dot, draw.mermaid, draw.tree])
def test_a_hundred_thousand_nodes_make_a_short_text(make):
    """The size of a picture follows from the limit, not from the graph."""
    text = make(make_wide(100_000, states={77: "failed"}))

    assert len(text) < 10_000
    assert "100,000 nodes" in text
    assert "f7" in text
    assert "(77)" in text
