"""The columns of a context say what its graph says, without its edges."""

from __future__ import annotations

import gc

import pytest
from attrs import evolve
from hypothesis import given, settings
from support.oracle import attempt
from support.program_on_dug import ProgramOnDug
from support.program_with_source import file, total, twice, x
from support.strategies import situations

import dug
from dug._inspect.columns import Columns
from dug._inspect.context_columns import list_columns
from dug._inspect.context_graph import build_graph, list_known
from dug._inspect.graph import Fact, Graph


@dug.memoize(name="c:fails")
def fails():
    """Reads x and fails."""
    return 1 / (x() - 1)


@dug.memoize(name="c:opens")
def opens():
    """Reads a node under a context of its own, and x twice."""
    with dug.Context({x.node(): 5}):
        other = twice()
    return other + x() + x()


@dug.memoize(name="c:ticks")
async def ticks():
    """Ten items."""
    for number in range(10):
        yield number


@dug.memoize(name="c:sums")
async def sums():
    """Reads a stream in part."""
    found = 0
    async for tick in ticks():
        found += tick + x()
        if tick == 3:
            break
    return found


@dug.memoize(name="c:parts")
def parts():
    """Reads a node in a cache that ends with the run."""
    with dug.Context(cache=dug.Cache()):
        return twice()


def tell(columns: Columns) -> dict[object, Fact]:
    """Return the facts of columns, by node."""
    facts = [evolve(fact, node=dug.Node._of(fact.node)) for fact in columns.list_facts()]
    assert len({fact.node for fact in facts}) == len(facts)
    return {fact.node: fact for fact in facts}


def facts_of(graph: Graph) -> dict[object, Fact]:
    """Return the facts of a graph, by node, without the texts of errors."""
    return {fact.node: evolve(fact, error=None) for fact in graph.facts}


def check(ctx):
    """See that columns and graph agree."""
    assert tell(list_columns(ctx._here())) == facts_of(ctx.graph())


def test_plain_nodes_sources_and_failures_are_as_in_the_graph():
    """Each fact is that of the graph: state, times, how often it was read, size."""
    with dug.Context() as ctx:
        total(), opens()
        with pytest.raises(ZeroDivisionError):
            fails()
        check(ctx)
        assert tell(list_columns(ctx._here()))[x.node()].times_read == 4


def test_tweaked_masked_and_inherited_nodes_are_as_in_the_graph():
    """What a scenario masks, inherits, bumps or sets is as in the graph, and so is what ran under a context of a node's own."""
    with dug.Context() as ctx:
        total(), opens()
        with dug.Context({twice.node(): dug.shift(1), file.node(): 3.0}) as inner:
            check(inner)
            total(), opens()
            check(inner)
        check(ctx)


def test_what_was_forgotten_is_as_in_the_graph():
    """A node that was read, and of which nothing is left, has a row too."""
    with dug.Context() as ctx:
        total(), opens()
        ctx.invalidate(x.node())
        check(ctx)
        x()
        check(ctx)


def test_what_ran_in_a_cache_that_is_gone_is_as_in_the_graph():
    """A node that ran inside another one, in a cache of its own, has a row without a value."""
    with dug.Context() as ctx:
        parts()
        check(ctx)
        assert tell(list_columns(ctx._here()))[twice.node()].times_read == 1


def test_streams_are_as_in_the_graph(run):
    """A stream is a node, read by those that read its marks."""

    async def main():
        with dug.Context() as ctx:
            await sums()
            check(ctx)

    run(main)


@pytest.mark.slow
@settings(max_examples=30)
@given(situations())
def test_columns_agree_with_the_graph(situation):
    """On random programs columns are the facts of the graph, but that this leaves out edges which would close a circle."""
    program, outside, levels, forgotten, _ = situation
    on_dug = ProgramOnDug(program, dict(outside))
    with dug.Context() as root:
        ctx = root
        for tweaked, asked in levels:
            ctx = dug.Context(on_dug.tweaks(tweaked))
            with ctx:
                for one in asked:
                    attempt(on_dug.node(one))
        ctx.invalidate(*map(on_dug.node, forgotten))
        for looked_at in (ctx, root):
            view = looked_at._here()
            columns, facts = tell(list_columns(view)), facts_of(build_graph(view, list_known(view)))
            assert all(columns[node].times_read >= fact.times_read for node, fact in facts.items())
            assert {node: evolve(fact, times_read=0) for node, fact in columns.items()} == {
                node: evolve(fact, times_read=0) for node, fact in facts.items()
            }


def test_columns_hold_no_values():
    """Columns keep no value alive."""

    class Value:
        pass

    with dug.Context() as ctx:
        dug.memoize(name="c:value")(lambda: [Value()])()
        columns = list_columns(ctx._here())
        ctx.clear()
    gc.collect()

    assert columns.functions == ["c:value"]
    assert not [one for one in gc.get_objects() if type(one) is Value]
