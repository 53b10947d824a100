"""Graphviz draws `svg`, `png` and `html`, and an error says what to type if it is missing."""

import re
import shutil
import sys
from html.parser import HTMLParser
from itertools import pairwise
from math import inf
from xml.etree import ElementTree

import pytest
from support.sample_graphs import BOOK, HOSTILE, make_wide, sketch

from dug import draw

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")
graphviz = pytest.importorskip("graphviz")


class Reader(HTMLParser):
    """The parts of a page that a browser would use: its tags, attributes and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= set(attrs)

    def handle_data(self, data):
        self.text.append(data)


@needs_dot
def test_svg_has_a_shape_for_each_node_and_each_read():
    """The picture has the boxes and lines of the graph, and is XML."""
    root = ElementTree.fromstring(draw.svg(sketch(BOOK)))
    kinds = [group.get("class") for group in root.iter("{http://www.w3.org/2000/svg}g")]

    assert (kinds.count("node"), kinds.count("edge")) == (4, 4)


@needs_dot
def test_png_is_a_png():
    """The bytes begin as those of a PNG do."""
    assert draw.png(sketch(BOOK)).startswith(b"\x89PNG\r\n")


@needs_dot
def test_html_stands_alone():
    """The page fetches nothing, runs nothing, and forbids both."""
    page = draw.html(sketch(BOOK, spot={"state": "failed"}), title="Tonight")
    reader = Reader(page)

    assert {"svg", "table", "title"} <= reader.tags
    assert not {"script", "img", "link", "iframe", "object"} & reader.tags
    assert not [value for name, value in reader.attributes if name in ("src", "href")]
    assert "default-src 'none'" in page
    assert "Tonight" in reader.text


@needs_dot
def test_html_tells_what_failed_and_what_was_slow():
    """Below the picture stand the failures with their errors, and where the time went."""
    text = Reader(draw.html(sketch(BOOK, spot={"state": "failed", "error": "OSError: gone"}, book={"own_seconds": 2.0}))).text

    assert "OSError: gone" in text
    assert text.index("Slowest") < text.index("m:book()") < text.index("2 s", text.index("m:book()"))


@needs_dot
@pytest.mark.parametrize("label", HOSTILE)
def test_html_shows_names_and_errors_as_text(label):
    """No name of a node, no error and no title is a tag or an attribute of the page."""
    plain = Reader(draw.html(sketch({"m:f()": []}, f={"state": "failed", "error": "no"}), title="plain"))
    name = f"m:{label}"
    hostile = Reader(draw.html(sketch({"m:f()": [name]}, f={"state": "failed", "error": label}), title=label))

    assert hostile.tags - {"g", "path", "polygon", "a"} == plain.tags - {"g", "path", "polygon", "a"}
    assert {name for name, _ in hostile.attributes} - {"d", "xlink:title"} <= {name for name, _ in plain.attributes} | {"id"}


@needs_dot
@pytest.mark.slow
def test_a_hundred_thousand_nodes_make_a_small_picture():
    """Graphviz is asked for a summary, not for every node."""
    svg = draw.svg(make_wide(100_000, states={77: "failed"}))

    assert len(re.findall('class="node"', svg)) < 60
    assert "(77)" in svg


def test_without_the_package_the_error_says_what_to_type(monkeypatch):
    """An ImportError names the extra."""
    monkeypatch.delitem(sys.modules, "dug.draw._graphviz", raising=False)
    monkeypatch.setitem(sys.modules, "graphviz", None)

    with pytest.raises(ImportError, match=r'pip install "dug\[draw\]"'):
        draw.svg(sketch(BOOK))


def test_without_the_program_the_error_says_what_to_type(monkeypatch, tmp_path):
    """A machine without ``dot`` is told how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RuntimeError, match="apt-get install graphviz"):
        draw.png(sketch(BOOK))


@needs_dot
def test_a_picture_that_dot_refuses_is_an_error(monkeypatch):
    """The message of ``dot`` is in ours."""
    monkeypatch.setattr("dug.draw._render.dot", lambda graph, **options: "no digraph")

    with pytest.raises(RuntimeError, match="syntax error"):
        draw.svg(sketch(BOOK))


SVG = "{http://www.w3.org/2000/svg}"
WIDE_LETTER = 6.6
"""Of a wide font, such as DejaVu Sans in bold, in 10 points."""


def find_rows(legend):
    """The rows of a legend: for each, where its texts and boxes begin, and where they end in a wide font, from left to right."""
    spans = []
    for text in legend.iter(f"{SVG}text"):
        if text.text.strip():
            left = float(text.get("x"))
            spans.append((float(text.get("y")), left, left + WIDE_LETTER * len(text.text.strip())))
    for box in legend.iter(f"{SVG}polygon"):
        corners = [tuple(map(float, corner.split(","))) for corner in box.get("points").split()]
        lefts, tops = zip(*corners, strict=True)
        if max(tops) - min(tops) < 20:  # the other one is the background
            spans.append((max(tops), min(lefts), max(lefts)))
    rows, before = [], -inf
    for bottom, left, right in sorted(set(spans)):
        if bottom > before + 10:
            rows.append([])
        rows[-1].append((left, right))
        before = bottom
    return [sorted(row) for row in rows]


@needs_dot
def test_nothing_in_a_legend_overlaps():
    """In the legend each text ends before the next begins, in a wide font, too."""
    states = ["computed", "tweaked", "masked", "inherited", "failed", "code-changed", "not-run"]
    facts = {f"f{n}": {"state": s, "own_seconds": 1.0} for n, s in enumerate(states)}
    graph = sketch({f"m:f{number}()": [] for number in range(7)}, **facts)
    picture = ElementTree.fromstring(draw.svg(graph)).find(f"{SVG}g")
    for group in picture.findall(f"{SVG}g"):  # the boxes and lines; a legend without an enclosing group stays
        if group.get("class") in {"node", "edge"}:
            picture.remove(group)
    rows = find_rows(picture)

    assert [len(row) for row in rows] == [1, 2 * 7, 1]
    assert [row for row in rows for (_, end), (start, _) in pairwise(row) if end > start] == []


@needs_dot
@pytest.mark.parametrize("seconds", [0.0, 3.0])
def test_a_lid_covers_no_text(seconds):
    """The text in a cylinder begins below its lid, however thick the line is."""
    graph = sketch({"m:low()": []}, low={"is_source": True, "own_seconds": seconds})
    (node,) = [one for one in ElementTree.fromstring(draw.svg(graph)).iter(f"{SVG}g") if one.get("class") == "node"]
    lid = node.findall(f".//{SVG}path")[-1]
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", lid.get("d"))]
    bottom = max(numbers[1::2]) + float(lid.get("stroke-width") or 1) / 2
    text = node.find(f".//{SVG}text")

    assert float(text.get("y")) - 0.75 * float(text.get("font-size")) > bottom
