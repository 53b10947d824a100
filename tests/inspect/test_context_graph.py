"""The graph of a context, and the states of its nodes."""

import gc
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from support.oracle import attempt
from support.program_on_dug import ProgramOnDug
from support.program_with_source import file, total, twice, x
from support.strategies import NODES, situations

import dug
from dug.testing import EventLog


@dug.memoize(name="g:fails")
def fails():
    """Reads x and fails."""
    return 1 / (x() - 1)


def states(ctx, *targets):
    """Return the state of each node of a graph."""
    graph = ctx.graph(*targets)
    return {node.function.__name__: graph.fact(node).state for node in graph}


def test_a_graph_has_what_a_node_read_dependencies_first():
    """The graph of a node has all that it read, directly or through others, and the edges in the order of the reads."""
    with dug.Context() as ctx:
        total()
        graph = ctx.graph(total.node())

    assert graph.order == (x.node(), twice.node(), file.node(), total.node())
    assert graph.dependencies(total.node()) == (twice.node(), x.node(), file.node())
    assert graph.roots == (total.node(),)


def test_a_fact_says_what_is_known():
    """A fact has the function, the module, the state, times, how often it was read here, and the size."""
    with dug.Context() as ctx:
        total()
        graph = ctx.graph(total.node())
        fact, record = graph.fact(x.node()), ctx.memo(x.node())

    assert (fact.function, fact.module, fact.state, fact.times_read) == ("g:x", "g", "computed", 2)
    assert (fact.seconds, fact.own_seconds) == (record.seconds, record.own_seconds)
    assert fact.size == (1).__sizeof__()
    assert not fact.is_source
    assert graph.fact(file.node()).is_source


def test_without_targets_it_is_all_that_is_known():
    """For no targets, the graph has every node that is known here, tweaked ones included."""
    with dug.Context() as ctx:
        twice(), file()
        with dug.Context({total.node(): 1.0}) as inner:
            assert set(ctx.graph()) == {x.node(), twice.node(), file.node()}
            assert set(inner.graph()) == {x.node(), twice.node(), file.node(), total.node()}


def test_a_node_that_read_a_tweak_of_a_context_is_computed_there_and_the_others_are_inherited():
    """A memo that answers here and around is inherited; one that read tweaks of this context is computed."""
    with dug.Context():
        total()
        with dug.Context({x.node(): 5}) as ctx:
            total()
            found = states(ctx, total.node())

    assert found == {"x": "tweaked", "twice": "computed", "file": "inherited", "total": "computed"}


def test_what_was_computed_inside_and_read_no_tweak_is_inherited():
    """It does not matter who asked first: a value that a context around answers with is inherited."""
    with dug.Context(), dug.Context({x.node(): 5}) as ctx:
        file()
        found = states(ctx, file.node())

    assert found == {"file": "inherited"}


def test_what_is_in_a_cache_of_its_own_is_computed_there():
    """A memo in a cache that the contexts around do not read is not theirs."""
    with dug.Context(), dug.Context(cache=dug.Cache()) as ctx:
        file()
        found = states(ctx, file.node())

    assert found == {"file": "computed"}


def test_what_is_masked_is_drawn_with_what_it_read_around():
    """A node that is known around and does not answer here is masked, and has the edges that it had there."""
    with dug.Context():
        total()
        with dug.Context({x.node(): 5}) as ctx:
            graph = ctx.graph(total.node())

    assert {node.function.__name__: graph.fact(node).state for node in graph} == {
        "x": "tweaked",
        "twice": "masked",
        "file": "inherited",
        "total": "masked",
    }
    assert graph.dependencies(total.node()) == (twice.node(), x.node(), file.node())


def test_a_node_that_failed_has_its_error():
    """A node that failed here says so, also after the call."""
    with dug.Context() as ctx:
        with suppress(ZeroDivisionError):
            fails()
        fact = ctx.graph(fails.node()).fact(fails.node())

    assert (fact.state, fact.error) == ("failed", "ZeroDivisionError: division by zero")


def test_a_node_that_never_ran_is_not_run():
    """An unknown node has no edges and is not-run; so is one that was invalidated."""
    with dug.Context() as ctx:
        before = states(ctx, twice.node())
        twice()
        ctx.invalidate(twice)
        after = states(ctx, twice.node())

    assert before == after == {"twice": "not-run"}


def test_a_redefinition_shows_as_code_changed():
    """A redefined function, and the nodes that ran the old one, are code-changed until they run again."""
    reader = dug.memoize(name="g:reader")(lambda: rate() + 1)
    rate = dug.memoize(name="g:rate")(lambda: 1)
    with dug.Context() as ctx:
        reader()
        rate = dug.memoize(name="g:rate")(lambda: 2)
        graph = ctx.graph(reader.node())
        changed = {node: graph.fact(node).state for node in graph}
        reader()
        fresh = {fact.state for fact in ctx.graph(reader.node()).facts}

    assert changed == {rate.node(): "code-changed", reader.node(): "code-changed"}
    assert fresh == {"computed"}


def test_invalidating_after_a_redefinition_is_no_change_of_code():
    """Only memos that a redefinition took away are code-changed; those invalidated later are not-run."""
    rate = dug.memoize(name="g:rate2")(lambda: 1)
    with dug.Context() as ctx:
        rate()
        rate = dug.memoize(name="g:rate2")(lambda: 2)
        rate()
        ctx.invalidate(rate.node())
        graph = ctx.graph(rate.node())

    assert graph.fact(rate.node()).state == "not-run"


def test_a_bump_is_drawn_with_what_it_read_beneath():
    """A bumped node has the edges of its own body, and none to itself."""
    with dug.Context({twice.node(): dug.shift(1)}) as ctx:
        twice()
        graph = ctx.graph(twice.node())

    assert graph.dependencies(twice.node()) == (x.node(),)
    assert graph.fact(twice.node()).state == "tweaked"


def test_an_edge_that_would_close_a_circle_is_left_out():
    """A node that asks for itself in another scenario, through one that reads it, is drawn without that edge."""

    @dug.memoize
    def inner():
        return outer() + 1

    @dug.memoize
    def outer():
        if x() == 5:
            return 0
        with dug.Context({x.node(): 5}):
            return inner()

    with dug.Context() as ctx:
        inner()
        graph = ctx.graph(inner.node())

    assert graph.dependencies(inner.node()) == (outer.node(),)
    assert graph.dependencies(outer.node()) == (x.node(),)


@pytest.mark.slow
@given(situations())
def test_a_graph_agrees_with_the_memos(situation):
    """On random programs: for nodes that answer, edges are those of their memos, and the order has dependencies first."""
    program, outside, levels, forgotten, _ = situation
    on_dug = ProgramOnDug(program, dict(outside))
    with dug.Context() as root:
        ctx = root
        for tweaked, asked in levels[:1]:
            ctx = dug.Context(on_dug.tweaks(tweaked))
            with ctx:
                for one in asked:
                    attempt(on_dug.node(one))
        ctx.invalidate(*map(on_dug.node, forgotten))
        with EventLog(ctx) as log:
            graph = ctx.graph(*map(on_dug.node, NODES))
            order = graph.order
        known = [node for node in graph if node in ctx]

        assert log.events == []
        assert all(graph.fact(node).state in ("masked", "not-run", "code-changed") for node in set(graph) - set(known))
        for node in known:
            reads = [read for read in ctx.memo(node).dependencies if read != node]
            missing = set(reads) - set(graph.dependencies(node))
            assert set(graph.dependencies(node)) <= set(reads)
            assert not missing or _closes_circle(graph, node, missing)
        assert all(order.index(read) < order.index(node) for node in graph for read in graph.dependencies(node))


def _closes_circle(graph, node, missing):
    """True when edges are left out that would close a circle."""
    return all(node == read or node in graph.ancestors(read) for read in missing)


def test_a_deep_graph_needs_no_recursion():
    """A chain of nodes is walked whatever the interpreter's recursion limit."""
    chain = dug.memoize(name="g:chain")(lambda n: chain(n - 1) + 1 if n else x())
    with dug.Context() as ctx:
        for n in range(0, 5000, 100):
            chain(n)
        graph = ctx.graph(chain.node(4900))

    assert len(graph) == 4902
    assert all(graph.dependencies(chain.node(b)) == (chain.node(a),) for a, b in pairwise(range(4900)))


def test_a_graph_holds_no_values():
    """A graph keeps nodes, not their values."""

    class Thing:
        pass

    make = dug.memoize(name="g:make")(lambda: [Thing()])
    with dug.Context() as ctx:
        make()
        graph = ctx.graph(make.node())
    ctx = None
    gc.collect()

    assert graph.fact(make.node()).size is None
    assert not [one for one in gc.get_objects() if type(one) is Thing]


def test_the_size_of_an_array_is_known():
    """The size of an array is that of its data; no size is given for objects that may run user code."""
    numpy = pytest.importorskip("numpy")
    array = dug.memoize(name="g:array")(lambda: numpy.zeros(1000))
    several = dug.memoize(name="g:several")(lambda: [1, 2])
    with dug.Context() as ctx:
        array(), several()

        assert ctx.graph(array.node()).fact(array.node()).size == 8000
        assert ctx.graph(several.node()).fact(several.node()).size is None
