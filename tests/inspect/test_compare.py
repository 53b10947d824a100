"""The differences between two contexts: the nodes that changed, from the targets down to the tweaks, and nothing else."""

from contextlib import suppress
from contextvars import Context as Variables

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.oracle import attempt
from support.program_on_dug import ProgramOnDug
from support.program_with_sign import sign, total, twice, x, y
from support.programs import FUNCTIONS
from support.strategies import outsides, programs, targets, tweaks

import dug
from dug.demo import book, market


@dug.memoize(name="d:choice")
def choice():
    """Reads twice or y."""
    return twice() if sign() else y()


def ask(tweaked, *nodes):
    """Return a context with these tweaks that knows the nodes."""
    ctx = dug.Context(tweaked)
    with ctx:
        for node in nodes:
            with suppress(ZeroDivisionError):
                node()
    return ctx


def test_only_what_changed_is_named():
    """From the target to the tweak every node that changed is named; unchanged nodes, and those that only these read, are not."""
    with dug.Context() as base:
        total()
        found = base.compare(ask({x.node(): 5}, total.node()), total.node())

    assert found.nodes == (total.node(), twice.node(), x.node())
    assert found.tweaks == (x.node(),)
    assert [(one.before.value, one.after.value) for one in found] == [(13, 21), (2, 10), (1, 5)]


def test_it_tells_a_story():
    """The text goes from the target down, with old and new values, and folds unchanged nodes."""
    with dug.Context() as base:
        total()
        text = str(base.compare(ask({x.node(): 5}, total.node()), total.node()))

    assert text.splitlines() == [
        "s:total(): 13 -> 21",
        "  s:twice(): 2 -> 10",
        "    s:x(): 1 -> 5  (= 5)",
        "  ... 2 unchanged",
    ]


def test_a_target_that_is_the_same_says_so():
    """A target that did not change is a line, and no change."""
    with dug.Context() as base:
        sign()
        found = base.compare(ask({x.node(): 5}, sign.node()), sign.node())

    assert len(found) == 0
    assert str(found) == "s:sign(): the same"


def test_below_a_node_tweaked_to_a_value_nothing_matters():
    """A dependency of a node that is tweaked to a value is not named, though it changed as well."""
    with dug.Context() as base:
        total()
        found = base.compare(ask({twice.node(): 7, x.node(): 5}, total.node(), x.node()), total.node())

    assert found.nodes == (total.node(), twice.node())


def test_below_a_bump_the_walk_goes_on():
    """A bumped node is named with its bump, and so are the changes beneath it."""
    with dug.Context() as base:
        total()
        found = base.compare(ask({twice.node(): dug.shift(1), x.node(): 5}, total.node()), total.node())

    assert found.nodes == (total.node(), twice.node(), x.node())
    assert found[1].tweak == "shift(1)"


def test_what_only_one_side_read_is_named_when_its_tweak_matters():
    """A node that only one side knows is named when it depends on a tweak of that side."""
    with dug.Context() as base:
        choice()
        found = base.compare(ask({x.node(): -1, y.node(): 3}, choice.node()), choice.node())

    assert y.node() in found.nodes
    assert "s:y(): not read -> 3  (= 3)" in map(str, found)


def test_what_only_one_side_read_is_not_named_without_a_tweak():
    """A node that only one side knows has not changed when it depends on no tweak of that side."""
    with dug.Context() as base:
        choice()
        other = dug.Context({x.node(): -1}, cache=dug.Cache())
        with other:
            choice()
        found = base.compare(other, choice.node())

    assert found.nodes == (choice.node(), sign.node(), x.node(), twice.node())


def test_failures_are_compared_too():
    """A node that failed on one side has changed, and shows the error; two equal failures are the same."""
    fails = dug.memoize(name="d:fails")(lambda: 1 / (x() - 5))
    with dug.Context() as base:
        fails()
        broken = ask({x.node(): 5}, fails.node())
        found = base.compare(broken, fails.node())
        again = broken.compare(ask({x.node(): 5, y.node(): 0}, fails.node()), fails.node())

    assert str(found[0]) == "d:fails(): -0.25 -> failed: ZeroDivisionError: division by zero"
    assert len(again) == 0


def test_contexts_that_share_nothing_can_be_compared():
    """Two contexts with caches of their own are compared by their values."""
    with dug.Context() as base:
        total()
    other = Variables().run(ask, {x.node(): 5}, total.node())

    assert base.compare(other, total.node()).nodes == (total.node(), twice.node(), x.node())


def test_many_changes_of_one_function_are_folded():
    """Nodes of one function that changed in the same way share a line with their number, and those that moved most are named."""
    leaf = dug.memoize(name="d:leaf")(lambda n: n * x())
    wide = dug.memoize(name="d:wide")(lambda: sum(map(leaf, range(100))))
    with dug.Context() as base:
        wide()
        found = base.compare(ask({x.node(): 2}, wide.node()), wide.node())
    lines = str(found).splitlines()

    assert len(found) == 101  # wide, x, and all leaves but the one of 0
    assert lines == [
        "d:wide(): 4950 -> 9900",
        "  99 nodes of d:leaf moved by +100% each",
        "    s:x(): 1 -> 2  (= 2)",
        "  ... 1 unchanged",
    ]


def test_a_comparison_as_a_frame_and_as_a_graph():
    """A frame has a row for each change; a graph has the nodes that changed, and the edges between them."""
    pytest.importorskip("pandas")
    with dug.Context() as base:
        total()
        found = base.compare(ask({x.node(): 5}, total.node()), total.node())
        frame, graph = found.to_frame(), found.graph

    assert list(frame.columns) == ["node", "before", "after", "tweak"]
    assert list(frame["after"]) == [21, 10, 5]
    assert graph.order == (x.node(), twice.node(), total.node())
    assert graph.fact(x.node()).state == "tweaked"


def test_a_target_that_is_not_known_is_refused():
    """A target that one of the contexts does not know is an error that names both."""
    with dug.Context() as base, dug.Context({x.node(): 5}, name="other") as other:
        total()
        with pytest.raises(KeyError, match=r"has no memo in <dug.Context tweaks={}>"):
            base.compare(other, total.node())
        with pytest.raises(TypeError, match="Name at least one node"):
            base.compare(other)
        with pytest.raises(TypeError, match="3 is not a context"):
            base.compare(3, total.node())


@pytest.mark.parametrize("other", [3, None, "x", total, total.node()], ids=str)
def test_what_is_not_a_context_is_refused_before_the_targets(other):
    """Something else than a context is refused as such, also where no target is named."""
    with dug.Context() as base, pytest.raises(TypeError, match=r" is not a context. Write ctx.compare\(other_ctx, "):
        base.compare(other)


def test_on_the_demo_it_names_what_a_crash_changes():
    """Between the base of the demo and its crash, the nodes are those whose values differ when all is computed from scratch."""
    crash = {market.spot: dug.scale(0.7), market.volatility: dug.scale(1.5)}
    with dug.Context() as base:
        book.book_value()
        with dug.Context({market.rate.node(): dug.shift(0.01)}), dug.Context(crash) as crashed:
            book.book_value()
            found = base.compare(crashed, book.book_value.node())
    before, after = evaluate({}), evaluate({**crash, market.rate.node(): dug.shift(0.01)})

    assert set(found.nodes) == {node for node in before if before[node] != after[node]}
    assert set(found.tweaks) == {node for node in before if node.function in (market.spot, market.volatility, market.rate)}
    assert len(found.nodes) > 300
    assert len(str(found).splitlines()) <= 30


def evaluate(tweaked):
    """Compute the demo's book from scratch, and return the value of every node that ran or was read."""

    def compute():
        with dug.Context(tweaked) as ctx:
            book.book_value()
            return {node: ctx[node] for node in ctx.graph(book.book_value.node())}

    return Variables().run(compute)


@st.composite
def pairs(draw):
    """A program and two scenarios of it."""
    return draw(programs), draw(outsides), draw(tweaks(FUNCTIONS)), draw(tweaks(FUNCTIONS)), draw(targets)


@pytest.mark.slow
@given(pairs())
def test_what_is_named_has_changed(pair):
    """On random programs, the two values of every node that is named differ, and the target is named when it does."""
    program, outside, first, second, target = pair
    on_dug = ProgramOnDug(program, dict(outside))
    with dug.Context():
        one, other = (dug.Context(on_dug.tweaks(tweaked)) for tweaked in (first, second))
        with one:
            before = attempt(on_dug.node(target))
        with other:
            after = attempt(on_dug.node(target))
        found = one.compare(other, on_dug.node(target))

    assert (on_dug.node(target) in found.nodes) == (before != after)
    assert all(repr(content(change.before)) != repr(content(change.after)) for change in found)


def content(record):
    """Return the content of a record."""
    return record if record is None else (type(record.value), record.value, record.error)


@pytest.mark.slow
def test_a_chain_of_one_function_is_one_line():
    """Of many nodes of one function that changed one because of the other there is one line, and the cause stands below it."""
    chain = dug.memoize(name="d:chain")(lambda n: x() if n == 0 else chain(n - 1) + 1)
    with dug.Context() as base:
        chain(5_000)
        found = base.compare(ask({x.node(): 2}, chain.node(5_000)), chain.node(5_000))
    lines = str(found).splitlines()

    assert len(found) == 5_002
    assert lines == [
        "d:chain(5000): 5001 -> 5002",
        "  5,000 nodes of d:chain moved by +1 each",
        "    s:x(): 1 -> 2  (= 2)",
    ]


def test_a_value_that_cannot_be_shown_does_not_hide_the_others():
    """Values of many lines are on one, values without a text say so, and equal texts are marked as cut."""
    lines = dug.memoize(name="d:lines")(lambda: Lines(x()))
    huge = dug.memoize(name="d:huge")(lambda: 10**5_000 + x())
    many = dug.memoize(name="d:many")(lambda: [0] * 50 + [x()])
    targets = lines.node(), huge.node(), many.node()
    with dug.Context() as base:
        for target in targets:
            target()
        told = str(base.compare(ask({x.node(): 2}, *targets), *targets)).splitlines()

    assert told[0] == "d:lines(): one\\n1 -> one\\n2"
    was, now = next(line for line in told if line.startswith("d:huge()")).removeprefix("d:huge(): ").split(" -> ")
    assert was != now
    assert all(text.startswith("<int 0x") and "of 16,610 bits" in text for text in (was, now))
    assert any(line.startswith("d:many()") and line.endswith("(they differ where the text does not show it)") for line in told)


class Lines:
    """A value whose text has two lines."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"one\n{self.value}"
