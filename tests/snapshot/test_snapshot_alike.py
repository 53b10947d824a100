"""Nodes whose arguments have one text are different nodes of a file."""

from __future__ import annotations

import attrs
import pytest

import dug
from dug import Node, codec, snapshot


@codec.register(name="alike:Leg")
@attrs.frozen
class Leg:
    """One of several that say the same of themselves."""

    number: int

    def __repr__(self):
        return "<Leg>"


class Opaque:
    """Has no codec and the same text as others."""

    __hash__ = object.__hash__  # its identity is what counts

    def __repr__(self):
        return "<Opaque>"


@dug.memoize(name="alike:worth")
def worth(leg):
    """Return a key that tells legs apart."""
    return getattr(leg, "number", -1)


@dug.memoize(name="alike:total")
def total(*legs):
    """Return a sum of nodes with one text."""
    return sum(map(worth, legs))


LEGS = [Leg(number) for number in (5, 6, 7)]
NAMES = tuple(f"alike:worth(<Leg>) #{number}" for number in (1, 2, 3))


@pytest.fixture
def path(tmp_path):
    """A file with three nodes of one text, one that reads them, and two that cannot be written."""
    with dug.Context(tweaks={worth.node(LEGS[1]): 60}) as ctx:
        total(*LEGS)
        worth(Opaque()), worth(Opaque())
        worth(10**5_000), worth(10**5_000 + 1)
        report = snapshot.save(ctx, tmp_path / "x.dug")
    assert [one.what for one in report.absent] == ["alike:worth(<Opaque>) #1", "alike:worth(<Opaque>) #2"]
    return tmp_path / "x.dug"


def test_each_of_them_has_a_name_in_the_file(path):
    """Nobody's text is that of another: each has a number, the first too."""
    with snapshot.look(path) as looked:
        assert [looked[name].value for name in NAMES] == ["5", "60", "7"]
        assert looked["alike:total(<Leg>, <Leg>, <Leg>)"].dependencies == NAMES
        assert [one.target for one in looked.tweaks] == [NAMES[1]]
        assert len(set(looked.nodes())) == len(looked.nodes()) == len(looked.graph())


def test_the_text_that_they_share_is_an_error_that_lists_them(path):
    """The error for the shared text says what to write."""
    with snapshot.look(path) as looked:
        assert "alike:worth(<Leg>)" not in looked
        with pytest.raises(KeyError, match=r"3 nodes have the text .* Write one of: alike:worth\(<Leg>\) #1, "):
            looked["alike:worth(<Leg>)"]
    loaded = snapshot.load(path)
    with pytest.raises(LookupError, match="3 nodes have the text"):
        loaded.find("alike:worth(<Leg>)")
    loaded.close()


def test_a_node_is_found_by_itself(path):
    """A node leads to its own row, never to that of another with its text."""
    with snapshot.look(path) as looked:
        assert [looked[worth.node(leg)].value for leg in LEGS] == ["5", "60", "7"]
        assert worth.node(Leg(99)) not in looked
        assert worth.node(Opaque()) not in looked


def test_one_of_them_alone_is_not_taken_for_another(tmp_path):
    """A file with one node of a text does not know another node of that text."""
    with dug.Context() as ctx:
        worth(LEGS[0])
        snapshot.save(ctx, tmp_path / "x.dug")

    with snapshot.look(tmp_path / "x.dug") as looked:
        assert looked["alike:worth(<Leg>)"].value == "5"
        assert worth.node(LEGS[0]) in looked
        assert worth.node(LEGS[1]) not in looked


def test_each_of_them_is_served(path):
    """A loaded file gives each node its own value, and finds it by its name."""
    loaded = snapshot.load(path)
    with loaded:
        assert [worth(leg) for leg in LEGS] == [5, 60, 7]
        assert total(*LEGS) == 72
        assert [loaded.find(name) for name in NAMES] == [worth.node(leg) for leg in LEGS]
        assert loaded.find(str(worth.node(10**5_000))) == worth.node(10**5_000)
        assert loaded.find("alike:worth(<Opaque>) #1") is None
        worth(Leg(8)), worth(Leg(9))
        assert loaded.find("alike:worth(8)") is None
    loaded.close()


def test_a_name_that_a_node_has_by_itself_is_not_given_twice(tmp_path):
    """A text that happens to end like a number of ours stays unchanged."""

    class Numbered:
        __hash__ = object.__hash__  # its identity is what counts

        def __init__(self, text):
            self.text = text

        def __repr__(self):
            return self.text

    odd = dug.memoize(name="alike:odd")(lambda *values: 1)
    with dug.Context() as ctx:
        for text in ("<A>", "<A>) #1", "<A>", "<A>) #2"):
            odd(Numbered(text))
        snapshot.save(ctx, tmp_path / "x.dug")

    with snapshot.look(tmp_path / "x.dug") as looked:
        assert len(set(looked.nodes())) == 4


def test_literals_are_read_back_by_their_text(tmp_path):
    """Nodes that have a text of their own keep it without a number."""
    with dug.Context() as ctx:
        worth(1), worth("1"), worth((1,))
        snapshot.save(ctx, tmp_path / "x.dug")

    with snapshot.look(tmp_path / "x.dug") as looked:
        assert {Node.parse(text) for text in looked.nodes()} == {worth.node(1), worth.node("1"), worth.node((1,))}
