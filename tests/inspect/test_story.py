"""The story of a comparison fits a screen: nodes of one function share a line, and nothing is told twice."""

from contextlib import suppress
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug

TENORS = range(1, 49)


@dug.memoize(name="c:quote")
def quote(n):
    """What the market says."""
    if n == 99:
        raise KeyError(n)
    return 0.02 + 0.0005 * n


@dug.memoize(name="c:annuity")
def annuity(n):
    """Reads all discount factors before."""
    return sum(discount(k) for k in range(1, n + 1))


@dug.memoize(name="c:discount")
def discount(n):
    """Reads a quote and an annuity, and so all discount factors before."""
    return (1 - quote(n) * (annuity(n - 1) if n > 1 else 0)) / (1 + quote(n))


@dug.memoize(name="c:bond")
def bond():
    """Reads all discount factors."""
    return sum(0.05 * discount(n) for n in TENORS) + discount(48)


@dug.memoize(name="c:listed")
def listed(n):
    """Gives no number."""
    return [quote(n)]


@dug.memoize(name="c:all")
def everything():
    """Reads many that give no number, and takes an error for nothing."""
    found = []
    for n in (*TENORS, 99):
        with suppress(KeyError, ZeroDivisionError):
            found.append(listed(n))
    return found


def compare(tweaks, *nodes, full=False):
    """Compare a context that says nothing with one that says `tweaks`."""
    with dug.Context() as base:
        for node in nodes:
            node()
        with dug.Context(tweaks) as other:
            for node in nodes:
                node()
        return base.compare(other, *nodes, full=full)


def test_a_curve_fits_a_screen():
    """Of a curve of 144 nodes, all of which read all before them, there is a line for each function, and the movers by size."""
    found = compare({quote: dug.shift(0.0001)}, bond.node())
    lines = str(found).splitlines()

    assert len(found) == 144
    assert len(lines) == 10
    assert lines[1].startswith("  48 nodes of c:discount moved by -0.001118 to -9.601e-05")
    assert [line.split(": ")[1] for line in lines if "most: c:discount" in line] == [f"c:discount({n})" for n in (24, 23, 25)]
    assert "    48 nodes of c:quote moved by +0.0001 each  (shift(0.0001))" in lines
    assert "    47 nodes of c:annuity moved by -0.03895 to -9.601e-05" in lines


def test_full_has_a_line_for_every_node():
    """With ``full=True`` every node that changed is told once, with its values."""
    found = compare({quote: dug.shift(0.0001)}, bond.node(), full=True)
    told = [line.strip() for line in str(found).splitlines()]

    for change in found:
        assert told.count(str(change)) == 1
    assert not [line for line in told if " nodes of " in line]


def test_nodes_that_changed_in_other_ways_have_other_lines():
    """Nodes that failed, that are no numbers and that moved stand apart."""
    tweaked = {quote.node(n): "x" if n < 9 else float(n) for n in TENORS if n != 9}
    lines = str(compare(tweaked | {quote.node(9): dug.bump(lambda old: 1 / 0)}, everything.node())).splitlines()

    assert "  47 nodes of c:listed changed" in lines
    assert "    such as: c:listed(1): [0.0205] -> ['x']" in lines
    assert "    8 nodes of c:quote changed  (= 'x')" in lines
    assert "    39 nodes of c:quote moved by +9.975 to +47.96  (each tweaked in its own way)" in lines
    assert "  c:listed(9): [0.0245] -> failed: ZeroDivisionError: division by zero" in lines


def test_many_targets_fit_a_screen():
    """Targets of one function share lines, too, and so do those that are the same."""
    nodes = [quote.node(n) for n in TENORS]
    lines = str(compare({quote.node(n): dug.scale(2) for n in range(1, 25)}, *nodes)).splitlines()

    assert lines == [
        "24 nodes of c:quote moved by +100% each  (scale(2))",
        *[f"c:quote({n}): the same" for n in range(25, 49)],
    ]


def test_a_chain_of_many_functions_loses_its_middle():
    """Where each line is of another function, the targets and the causes stay, and the middle says how much is left out."""

    def follow(below, number):
        return dug.memoize(name=f"c:f{number}")(lambda n: below(n) + 1)

    top = reduce(follow, range(60), quote)
    lines = str(compare({quote: dug.shift(1)}, top.node(1))).splitlines()

    assert len(lines) == 30
    assert lines[0].startswith("c:f59(1): ")
    assert lines[19] == "... 32 more lines: full=True has them all"
    assert lines[-1].strip().startswith("c:quote(1): ")


def explain(tweaks, node, *, full=False):
    """Explain a node in a context with these tweaks."""
    with dug.Context(tweaks) as ctx:
        node()
        return ctx.explain(node, full=full).lines


def test_a_tweaked_function_of_many_nodes_is_one_line():
    """A node that rests on a tweak of a function says so once, with the number of its nodes and one path."""
    lines = explain({quote: dug.shift(0.0001)}, bond.node())

    assert len(lines) == 9
    assert lines[-3:] == (
        "    ... 45 more of c:discount",
        "  rests on 48 nodes of c:quote, its function is tweaked by shift(0.0001) here",
        "    such as c:quote(1) by way of c:discount(1)",
    )


def test_many_tweaked_nodes_of_one_function_are_one_line():
    """Nodes that are tweaked one by one share a line as well; a few have a line each."""
    bumped = explain({quote.node(n): dug.shift(0.0001) for n in TENORS}, bond.node())
    apart = explain({quote.node(n): n / 100 for n in TENORS}, bond.node())
    few = explain({quote.node(n): n / 100 for n in (1, 2)}, bond.node())

    assert "  rests on 48 nodes of c:quote, bumped by shift(0.0001) here" in bumped
    assert "  rests on 48 nodes of c:quote, each tweaked in its own way here" in apart
    assert [line for line in few if "rests on" in line] == [
        "  rests on c:quote(1), tweaked to 0.01 here",
        "  rests on c:quote(2), tweaked to 0.02 here",
    ]


def test_a_full_explanation_has_every_node():
    """With ``full=True`` every read and every tweaked node has a line."""
    lines = explain({quote: dug.shift(0.0001)}, bond.node(), full=True)

    assert len([line for line in lines if line.startswith("    c:discount(")]) == 48
    assert len([line for line in lines if line.startswith("  rests on c:quote(")]) == 48


def test_a_context_in_between_is_told_apart():
    """Nodes that are tweaked in different contexts do not share a line."""
    with dug.Context({quote.node(n): 0.1 for n in range(1, 25)}, name="around"):
        lines = explain({quote.node(n): 0.1 for n in range(25, 49)}, bond.node())

    assert [line for line in lines if "rests on" in line] == [
        "  rests on 24 nodes of c:quote, tweaked to 0.1 in the context 'around'",
        "  rests on 24 nodes of c:quote, tweaked to 0.1 here",
    ]


def test_what_two_nodes_read_is_told_once():
    """A node below two others stands below the first, and the second refers to it."""
    left = dug.memoize(name="c:left")(lambda: quote(1) + 1)
    right = dug.memoize(name="c:right")(lambda: quote(1) + 2)
    both = dug.memoize(name="c:both")(lambda: quote(1) + left() + right())
    lines = str(compare({quote.node(1): 1.0}, both.node())).splitlines()

    assert [line.split(": ")[0] for line in lines] == [
        "c:both()",
        "  c:quote(1)",
        "  c:left()",
        "    see above",
        "  c:right()",
        "    see above",
    ]


@pytest.mark.slow
@given(st.data())
def test_every_story_fits_a_screen_and_repeats_nothing(data):
    """On random graphs of a few functions no story has more than 30 lines, and no node is told twice."""
    size = data.draw(st.integers(1, 60))
    reads = [data.draw(st.lists(st.integers(0, n - 1), max_size=4, unique=True)) if n else [] for n in range(size)]
    kinds = [data.draw(st.integers(0, 3)) for _ in range(size)]

    def body(n):
        return 1.0 + sum(functions[kinds[read]](read) * (read + 1) for read in reads[n])

    functions = [dug.memoize(name=f"c:kind{kind}")(body) for kind in range(4)]
    tweaked = data.draw(st.sets(st.integers(0, size - 1)))
    node = functions[kinds[size - 1]].node(size - 1)
    found = compare({functions[kinds[n]].node(n): dug.shift(n + 1) for n in tweaked}, node)
    full = compare({functions[kinds[n]].node(n): dug.shift(n + 1) for n in tweaked}, node, full=True)
    lines, told = ([line.strip() for line in str(one).splitlines()] for one in (found, full))

    assert len(lines) <= 30
    assert len(explain({functions[kinds[n]].node(n): dug.shift(n + 1) for n in tweaked}, node)) <= 30
    assert len({line for line in lines if " -> " in line}) == len([line for line in lines if " -> " in line])
    assert all(told.count(str(change)) == 1 for change in full)
