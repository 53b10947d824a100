"""`mermaid` writes a flowchart, whatever the nodes are called."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sample_graphs import BOOK, HOSTILE, sketch

from dug._text.values import visible
from dug.draw import mermaid
from dug.draw._mermaid import escape
from dug.draw._words import TIMES

LINE = re.compile(
    r"flowchart LR"
    r'|  n\d+(\("[^"<>&`%{}]*"\)|\[\("[^"<>&`%{}]*"\)\]|\[\["[^"<>&`%{}]*"\]\])'
    r'|  n\d+ -->(\|"[\d,]+"\|)? n\d+'
    r'|  subgraph legend \["[^"<>]*"\]|    legend\d+\("[\w ]+"\):::\w+|  end'
    r"|  classDef \w+ [\w#:, -]+|  class [n\d,]+ \w+|  style n\d+ stroke-width:[\d.]+px"
)


def unescape(text):
    """The text that Mermaid shows for a label."""
    return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), text)


def test_each_node_and_each_read_is_there():
    """A box for each node, and an arrow for each read."""
    text = mermaid(sketch(BOOK))

    assert re.findall(r'^  n\d+\("(.*)"\)$', text, re.MULTILINE) == ["spot()", "value(1)", "value(2)", "book()"]
    assert text.count(" --> ") == 4


def test_states_have_classes_and_a_legend():
    """A node has the class of its state, whose colours are defined and explained."""
    text = mermaid(sketch(BOOK, spot={"state": "code-changed"}, book={"state": "not-run"}))

    assert "  class n0 codechanged\n" in text
    assert re.search(r"^  classDef notrun fill:#FFFFFF,.*stroke-dasharray", text, re.MULTILINE)
    assert text.count(":::") == 3


def test_the_line_is_as_thick_as_the_time():
    """A slow node has a style of its own."""
    text = mermaid(sketch({"m:slow()": ["m:quick()"]}, slow={"own_seconds": 3.0}, quick={"own_seconds": 1e-6}))

    assert re.findall(r"style (n\d) stroke-width:(\S+)px", text) == [("n1", "6.0")]


def test_sources_and_groups_have_shapes():
    """A source is a cylinder; a box of many nodes has double sides."""
    text = mermaid(sketch(BOOK, spot={"is_source": True}), by="function")

    assert '[("spot()")]' in text
    assert f'[["value {TIMES}2"]]' in text


@given(st.text())
def test_a_label_says_what_it_was_given(text):
    """Nothing in a label but letters, digits and harmless marks; the rest by number, and nothing is lost."""
    escaped = escape(text)

    assert unescape(escaped) == visible(text)
    assert not set('"<>&`%{}|\\\n$@~') & set(escaped)


@pytest.mark.parametrize("label", HOSTILE)
def test_every_line_is_one_of_ours(label):
    """No name of a node and no error adds a line, a directive or an arrow."""
    name = f"m:{label}"
    text = mermaid(sketch({name: [], "m:top()": [name]}, top={"state": "failed", "error": label}))
    text = text.replace("<br/>", " ")

    assert [line for line in text.splitlines() if not LINE.fullmatch(line)] == []
