"""`tree` draws a graph in lines of text."""

import re

import pytest
from support.sample_graphs import BOOK, HOSTILE, make_wide, sketch

from dug.draw import tree
from dug.draw._words import TIMES


def lines(graph, **options):
    """The lines below the title."""
    return tree(graph, **options).splitlines()[1:]


def test_a_line_stands_below_what_read_it():
    """The target is at the top, and a node with two readers is written once."""
    assert lines(sketch(BOOK)) == [
        "book()",
        "├── value(1)",
        "│   └── spot()",
        "└── value(2)",
        "    └── also spot()",
    ]


def test_lines_say_what_is_unusual():
    """States, errors and times follow the name."""
    graph = sketch(BOOK, spot={"state": "failed", "error": "OSError: gone", "own_seconds": 2.0})

    assert lines(graph)[2] == "│   └── spot()  [failed: OSError: gone, 2 s]"


def test_the_title_says_what_it_is_of():
    """The first line counts the nodes."""
    assert tree(sketch(BOOK)).splitlines()[0] == "4 nodes (4 computed)"


def test_many_nodes_are_drawn_by_function():
    """Functions that read each other in a circle are drawn, each once."""
    counts = [re.search(rf"{TIMES}(\d+)$", line) for line in lines(make_wide(1000, functions=3)) if "also" not in line]

    assert len(counts) == 6
    assert sum(int(count[1]) for count in counts) == 1000


def test_a_function_that_calls_itself_is_one_line():
    """A box of many nodes that read each other is not written below itself."""
    assert lines(sketch({"m:f(2)": ["m:f(1)"], "m:f(1)": ["m:f(0)"]}), by="function") == [f"f {TIMES}3"]


def test_what_many_read_is_named_briefly():
    """A line names no more than six that are written elsewhere."""
    low = [f"m:low{number}()" for number in range(9)]
    text = lines(sketch({"m:top()": ["m:a()", "m:b()"], "m:a()": low, "m:b()": low}))

    assert text[-1].endswith("also low0(), low1(), low2(), low3(), low4(), low5() and 3 more")


def test_two_targets_are_two_trees():
    """Each node that nothing read begins a tree."""
    assert lines(sketch({"m:a()": [], "m:b()": []})) == ["b()", "a()"]


def test_ascii_is_ascii():
    """A terminal that knows nothing else gets nothing else."""
    text = tree(sketch({"m:top('é')": ["m:low()"], "m:low()": []}), charset="ascii")

    assert text.isascii()
    assert text.splitlines()[1:] == ["top('\\xe9')", "`-- low()"]


def test_a_charset_that_is_none_is_named():
    """A wrong charset is an error that says what to write."""
    with pytest.raises(ValueError, match="'unicode', 'ascii'"):
        tree(sketch(BOOK), charset="ebcdic")


@pytest.mark.parametrize("label", HOSTILE)
def test_a_name_is_one_line(label):
    """No name of a node adds a line or moves the text around it."""
    text = lines(sketch({f"m:{label}": []}))

    assert len(text) == 1
    assert text[0].isprintable()


def test_a_deep_chain_is_drawn():
    """Depth is bounded by the limit alone."""
    nodes = [f"m:f({number})" for number in range(1500)]
    graph = sketch({reader: [read] for reader, read in zip(nodes[1:], nodes, strict=False)})

    assert len(lines(graph, by="node", limit=1500)) == 1500
