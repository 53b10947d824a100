"""`dot` writes valid Graphviz input, whatever the nodes are called."""

import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_graphs import BOOK, HOSTILE, make_wide, sketch

from dug._text.values import shorten, visible
from dug.draw import dot
from dug.draw._dot import escape
from dug.draw._words import TIMES

QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def find_boxes(text):
    """The attributes of each box, by its first line."""
    boxes = [dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line)) for line in text.splitlines() if re.match(r"  n\d+ \[", line)]
    return {box["label"].split("\\n")[0]: box for box in boxes}


def test_each_node_and_each_read_is_there():
    """A box for each node, and an arrow for each read."""
    text = dot(sketch(BOOK))

    assert set(find_boxes(text)) == {"book()", "value(1)", "value(2)", "spot()"}
    assert text.count(" -> ") == 4


def test_states_have_colours_of_their_own():
    """No two states have the same colour, and those in the picture are in its legend."""
    states = ["computed", "tweaked", "masked", "inherited", "failed", "code-changed", "not-run"]
    text = dot(sketch({f"m:f{number}()": [] for number in range(7)}, **{f"f{n}": {"state": s} for n, s in enumerate(states)}))
    boxes = find_boxes(text)

    assert len({box["fillcolor"] for box in boxes.values()}) == 7
    assert all(f'BGCOLOR="{box["fillcolor"]}"' in text for box in boxes.values())
    assert "tweaked" not in dot(sketch(BOOK))


def test_the_line_is_as_thick_as_the_time():
    """The node that took longest has the thickest line."""
    text = dot(sketch({"m:slow()": ["m:quick()"]}, slow={"own_seconds": 3.0}, quick={"own_seconds": 0.5}))
    boxes = find_boxes(text)

    assert float(boxes["slow()"]["penwidth"]) > float(boxes["quick()"]["penwidth"]) > 1


def test_a_legend_explains_what_is_there():
    """The thickness of lines is explained where a node took time, and a lid where there is a source."""
    timed, lidded = sketch({"m:top()": []}, top={"own_seconds": 3.0}), sketch({"m:top()": []}, top={"is_source": True})

    assert ["thicker" in dot(graph) for graph in (timed, lidded)] == [True, False]
    assert ["lid" in dot(graph) for graph in (timed, lidded)] == [False, True]


def test_a_source_has_a_lid():
    """A node that reads the outside is drawn as a cylinder."""
    boxes = find_boxes(dot(sketch({"m:top()": ["m:low()"]}, low={"is_source": True})))

    assert boxes["low()"]["shape"] == "cylinder"
    assert "shape" not in boxes["top()"]


def test_a_box_of_several_states_has_stripes_of_each():
    """Three failures among many are a sliver that can be seen."""
    graph = make_wide(500, functions=1, states=dict.fromkeys(range(0, 100, 2), "failed"))
    stripes = find_boxes(dot(graph, by="function"))[f"m0:f0 {TIMES}250"]

    assert stripes["style"] == "striped"
    assert re.fullmatch(r"#\w{6};0\.2000:#\w{6}", stripes["fillcolor"])


@given(st.text())
def test_a_label_ends_where_it_should(text):
    """No text leaves its quotes, and only line ends that `dot` wrote itself break a line."""
    assert QUOTED.fullmatch(f'"{escape(text)}"')
    assert "\n" not in escape(text)


@pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")
def test_graphviz_shows_what_nodes_are_called():
    """Quotes, backslashes, markup, entities and control characters arrive in the picture as text."""
    text = dot(sketch({f"m:{label}": [] for label in HOSTILE}))
    drawn = subprocess.run(["dot", "-Tsvg"], input=text.encode(), capture_output=True, check=True)
    groups = ElementTree.fromstring(drawn.stdout).iter("{http://www.w3.org/2000/svg}g")
    shown = [
        "".join("".join(part.itertext()) for part in group.iter("{http://www.w3.org/2000/svg}text")).replace("\xa0", " ")
        for group in groups
        if group.get("class") == "node"
    ]

    assert drawn.stderr == b""
    assert sorted(shown) == sorted(shorten(visible(label), 40) for label in HOSTILE)
