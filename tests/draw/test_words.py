"""`_words` says the same in each kind of picture."""

import pytest
from support.sample_graphs import sketch

from dug._text.values import shorten, visible
from dug.draw._picture import LIMIT, make_picture
from dug.draw._shortening import MAX_NAME, tell_apart
from dug.draw._words import name_of, notes_on, title_of


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
    """The error follows the state."""
    assert notes_on(*only_box(state="failed", error="KeyError: 'IBM'")) == ["failed: KeyError: 'IBM'"]


def test_a_node_says_how_long_it_took_where_that_counts():
    """Times are told, except those of less than a hundredth of all."""
    slow, quick = {"own_seconds": 2.0}, {"own_seconds": 0.001}
    picture = make_picture(sketch({"m:slow()": ["m:quick()"]}, slow=slow, quick=quick), by=None, limit=LIMIT)

    assert {box.name: notes_on(picture, box) for box in picture.boxes} == {"slow()": ["2 s"], "quick()": []}


def test_the_title_counts_the_states():
    """The title gives the number of nodes, their states, and the time of all."""
    picture = make_picture(sketch({"m:top()": ["m:low()"]}, top={"state": "failed"}, low={"own_seconds": 1.5}), by=None, limit=9)

    assert title_of(picture) == "2 nodes (1 failed, 1 computed), 1.5 s"


def test_long_names_that_begin_and_end_alike_are_told_apart():
    """Each name shows its difference; names that do not fit are numbered."""
    names = [
        f"Option.pv(Option(underlying={ticker!r}, strike={strike}, quantity=10.0))"
        for ticker in ("AAPL", "MSFT")
        for strike in (1, 2)
    ]
    long = ["f(" + "a" * 100 + f"{end})" for end in "xy"]

    assert tell_apart(names, 40) == [
        "Option.pv(…'AAPL', strike=1, quantity=1…",
        "Option.pv(…'AAPL', strike=2, quantity=1…",
        "Option.pv(…'MSFT', strike=1, quantity=1…",
        "Option.pv(…'MSFT', strike=2, quantity=1…",
    ]
    assert tell_apart(long, 10) == ["f(aaaaa #1", "f(aaaaa #2"]


def test_no_two_boxes_have_one_name():
    """In a picture, a name says which node it is."""
    nodes = {f"m:f(Trade(ticker='T{number}', quantity=100.0, currency='EUR'))": [] for number in range(5)}
    picture = make_picture(sketch(nodes), by=None, limit=LIMIT)
    names = [name_of(box) for box in picture.boxes]

    assert len(set(names)) == 5
    assert all(len(name) <= MAX_NAME for name in names)
