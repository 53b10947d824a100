"""`_words` says the same in each kind of picture."""

import pytest
from sketch import sketch

from dug.draw._picture import LIMIT, make_picture
from dug.draw._words import MAX_NAME, name_of, notes_on, shorten, title_of, visible


def only_box(**known):
    """The picture of one node, and its box."""
    picture = make_picture(sketch({"m:f()": []}, f=known), by=None, limit=LIMIT)
    return picture, picture.boxes[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain é 日", "plain é 日"), ("a\nb", "a\\nb"), ("\x00", "\\x00"), ("\u202e", "\\u202e"), ("\ud800", "\\ud800")],
)
def test_what_is_not_seen_is_spelled(text, shown):
    """Control characters, marks of direction and half pairs are written as escape sequences."""
    assert visible(text) == shown


def test_a_long_text_loses_its_middle():
    """Both ends of a long text are kept, and no more than there is room for."""
    text = shorten("a" * 100 + "z", 20)

    assert len(text) == 20
    assert text.startswith("aaa")
    assert text.endswith("az")
    assert shorten("short", 20) == "short"


def test_a_long_name_is_cut():
    """A node with many arguments does not stretch the picture."""
    picture = make_picture(sketch({f"m:f({'1, ' * 100})": []}), by=None, limit=LIMIT)

    assert len(name_of(picture.boxes[0])) == MAX_NAME


def test_a_computed_node_says_nothing_else():
    """The usual state is not worth a word."""
    assert notes_on(*only_box()) == []


def test_a_failed_node_says_why():
    """The error stands beside the state."""
    assert notes_on(*only_box(state="failed", error="KeyError: 'IBM'")) == ["failed: KeyError: 'IBM'"]


def test_a_node_says_how_long_it_took_where_that_counts():
    """Times are told, except those of less than a hundredth of all."""
    slow, quick = {"own_seconds": 2.0}, {"own_seconds": 0.001}
    picture = make_picture(sketch({"m:slow()": ["m:quick()"]}, slow=slow, quick=quick), by=None, limit=LIMIT)

    assert {box.name: notes_on(picture, box) for box in picture.boxes} == {"slow()": ["2 s"], "quick()": []}


def test_the_title_counts_the_states():
    """The title says how many nodes there are, of which states, and how long all took."""
    picture = make_picture(sketch({"m:top()": ["m:low()"]}, top={"state": "failed"}, low={"own_seconds": 1.5}), by=None, limit=9)

    assert title_of(picture) == "2 nodes (1 failed, 1 computed), 1.5 s"
