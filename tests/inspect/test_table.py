"""Tables: rows that print, and become a frame."""

import pytest
from support.program_with_source import file, total, twice, x

import dug
from dug._inspect.table import write_cell


def test_states_are_a_table():
    """``ctx.states()`` has a row for each node, prints as a table and becomes a frame."""
    with dug.Context() as ctx:
        total()
        table = ctx.states(total.node())
        text = str(table).splitlines()

    assert [fact.node for fact in table] == [x.node(), twice.node(), file.node(), total.node()]
    assert text[0].split() == ["node", "state", "took", "read", "error"]
    assert text[3].split()[:3] == ["g:file()", "computed,", "source"]
    assert len(table[1:]) == 3
    assert repr(table) == str(table)


def test_a_long_table_prints_its_beginning():
    """Of a long table the first rows are printed, and how many more there are."""
    leaf = dug.memoize(name="t:leaf")(lambda n: n)
    with dug.Context() as ctx:
        for n in range(1100):
            leaf(n)
        lines = str(ctx.states()).splitlines()

    assert len(lines) == 62
    assert lines[-1] == "... 1,040 more"


def test_a_table_becomes_a_frame():
    """The frame of a table has its rows and columns."""
    pytest.importorskip("pandas")
    with dug.Context() as ctx:
        total()
        frame = ctx.states(total.node()).to_frame()

    assert list(frame.columns) == ["node", "state", "seconds", "read", "error"]
    assert list(frame["read"]) == [2, 1, 1, 0]


def test_a_cell_is_cut_once():
    """A long text in a cell lacks its middle and keeps its end, where the name of a file stands."""
    cell = write_cell(f"FileNotFoundError: {'x' * 500}/prices.csv'")

    assert len(cell) == 72
    assert cell.count("…") == 1
    assert cell.startswith("FileNotFoundError: ")
    assert cell.endswith("x/prices.csv'")
