"""Groups of names: what they are drawn as, and what keeps them."""

from __future__ import annotations

import pytest

from dug.flow import Flow


def quoted(feed):
    """Reads an input."""
    return feed


def booked(quoted):
    """Reads the other function."""
    return quoted


@pytest.fixture
def flow():
    """Two functions in two groups, and an input in none."""
    flow = Flow(name="desk", values={"feed": 3})
    flow.add(quoted, group="market data")
    flow.add(group="book")(booked)
    return flow


def test_groups_list_their_names(flow):
    """`groups` has the names of each group, and a name that gets another group is in that one."""
    assert flow.groups() == {"market data": ["quoted"], "book": ["booked"]}

    flow.add("feed", group="market data")
    flow.add(booked, group="report")

    assert {group: sorted(names) for group, names in flow.groups().items()} == {
        "market data": ["feed", "quoted"],
        "report": ["booked"],
    }


def test_a_group_is_a_box(flow):
    """A picture by group has a box for each group of several names."""
    flow.add(lambda quoted: quoted, "smoothed", group="market data")
    picture = flow.draw(by="group")

    assert "market data" in picture
    assert "quoted" not in picture
    assert "booked" in picture
    assert "quoted" in flow.draw()


def test_another_function_keeps_the_group_of_its_name(flow):
    """A function that takes the place of another one, and a new name, keep the group; a deleted name has none any more."""
    flow.add(lambda quoted: -quoted, "booked")
    flow.rename("quoted", "quote")
    assert flow.groups() == {"market data": ["quote"], "book": ["booked"]}

    flow.delete("quote")
    flow.add(quoted, "quote")
    assert flow.groups() == {"book": ["booked"]}


def test_copies_files_and_blocks_have_the_groups(flow, tmp_path):
    """A copy, a file and a block have the groups of the flow; those of a block are under its path."""
    copy = flow.copy()
    copy.add("booked", group="copied")
    flow.save(tmp_path / "desk.dug")
    loaded = Flow.load(tmp_path / "desk.dug", [quoted, booked])
    whole = Flow()
    whole.add_block("eu", flow)

    assert copy.groups() == {"market data": ["quoted"], "copied": ["booked"]}
    assert flow.groups() == loaded.groups() == {"market data": ["quoted"], "book": ["booked"]}
    assert whole.groups() == {"eu/market data": ["eu/quoted"], "eu/book": ["eu/booked"]}
