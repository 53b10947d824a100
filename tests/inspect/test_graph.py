"""Graphs of plain data: edges, and parts of a graph."""

import itertools
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dug
from dug._inspect.graph import Fact, Graph


def fact(node, **known):
    """Return the facts about a node that is named by a text."""
    return Fact(node, **{"function": "m:f", "module": "m", "state": "computed", **known})


def graph(edges, **facts):
    """Return the graph of nodes that are named by letters: ``{"a": "bc"}`` says that a read b and c."""
    return Graph([facts.get(node) or fact(node) for node in edges], {node: tuple(reads) for node, reads in edges.items()})


DIAMOND = {"top": ("left", "right"), "left": ("low",), "right": ("low",), "low": ()}


@st.composite
def dags(draw):
    """Edges without circles between at most eight numbers, named in any order."""
    names = draw(st.permutations(range(draw(st.integers(0, 8)))))
    return {name: tuple(draw(st.lists(st.sampled_from(names[:i]), unique=True))) if i else () for i, name in enumerate(names)}


def closure(edges, start):
    """All that can be reached from a node, by walking every path."""
    return {further for node in edges[start] for further in (node, *closure(edges, node))}


# Edges


def test_dependencies_are_in_the_order_that_they_were_read():
    """The dependencies of a node come back in their order, each once."""
    found = graph({"a": "cbc", "b": "", "c": ""})

    assert found.dependencies("a") == ("c", "b")


def test_dependents_are_the_nodes_that_read_it():
    """Dependents are the nodes that read a node."""
    found = graph(DIAMOND)

    assert found.dependents("low") == ("left", "right")
    assert found.dependents("top") == ()


@given(dags())
def test_ancestors_are_the_closure_of_dependencies(edges):
    """Ancestors of nodes are all that these read directly or through others, without themselves."""
    found = graph(edges)

    assert all(found.ancestors(node) == closure(edges, node) for node in edges)
    assert all(found.ancestors(a, b) == (closure(edges, a) | closure(edges, b)) - {a, b} for a, b in itertools.pairwise(edges))


@given(dags())
def test_descendants_are_the_ancestors_of_the_other_way(edges):
    """A is a descendant of b exactly when b is an ancestor of a."""
    found = graph(edges)

    assert all((a in found.descendants(b)) == (b in found.ancestors(a)) for a in edges for b in edges)


@given(dags())
def test_the_order_has_dependencies_first(edges):
    """In the order of a graph each node comes once, and after all that it read."""
    order = graph(edges).order

    assert sorted(order) == sorted(edges)
    assert all(order.index(read) < order.index(node) for node, reads in edges.items() for read in reads)


def test_iterating_gives_the_order():
    """Iterating over a graph gives its nodes, dependencies first and related ones side by side."""
    assert list(graph(DIAMOND)) == ["low", "left", "right", "top"]


@given(dags())
def test_roots_are_read_by_nobody_and_leaves_read_nothing(edges):
    """The roots are the nodes that nothing read, the leaves those that read nothing."""
    found = graph(edges)

    assert found.roots == tuple(node for node in edges if not any(node in reads for reads in edges.values()))
    assert found.leaves == tuple(node for node in edges if not edges[node])


def test_paths_run_from_dependency_to_dependent():
    """There is a path for each way in which a node reached another."""
    found = graph({**DIAMOND, "aside": ("low",)})

    assert sorted(found.paths("low", "top")) == [("low", "left", "top"), ("low", "right", "top")]
    assert list(found.paths("top", "low")) == []
    assert list(found.paths("low", "low")) == [("low",)]


@given(dags(), st.data())
def test_paths_are_all_that_there_are(edges, data):
    """Every chain of reads between two nodes is a path, once."""
    if not edges:
        return
    a, b = data.draw(st.sampled_from(sorted(edges))), data.draw(st.sampled_from(sorted(edges)))

    def chains(node):
        return [(node,)] if node == a else [(*chain, node) for read in edges[node] for chain in chains(read)]

    assert sorted(graph(edges).paths(a, b)) == sorted(chains(b))


def test_paths_are_found_one_by_one():
    """The first of very many paths comes without the others."""
    stairs = {(i, side): ((i - 1, 0), (i - 1, 1)) if i else () for i in range(60) for side in (0, 1)}

    assert len(next(graph(stairs).paths((0, 0), (59, 0)))) == 60


def test_paths_refuse_a_node_that_is_not_there_at_once():
    """A bad argument of `paths` raises at the call, and not where somebody asks for the first path."""
    for a, b in (("z", "top"), ("low", "z")):
        with pytest.raises(KeyError, match="z is not in"):
            graph(DIAMOND).paths(a, b)


# Parts


def test_a_subgraph_has_the_edges_between_its_nodes():
    """A subgraph keeps facts, order and edges of its nodes."""
    part = graph(DIAMOND).subgraph(["top", "left", "low"])

    assert part.order == ("low", "left", "top")
    assert part.dependencies("top") == ("left",)
    assert part.fact("low") == fact("low")


def test_a_filter_keeps_what_fits_all_that_is_given():
    """Functions, states and modules are given alone or several, and all must fit."""
    a, b, c = fact("a", state="failed"), fact("b", module="n", function="n:g"), fact("c", is_source=True)
    found = graph({"a": "b", "b": "c", "c": ""}, a=a, b=b, c=c)

    assert set(found.filter(state="failed")) == {"a"}
    assert set(found.filter(state=["failed", "source"])) == {"a", "c"}
    assert set(found.filter(module="m")) == {"a", "c"}
    assert set(found.filter(function="n:g")) == {"b"}
    assert set(found.filter(module="m", state="computed")) == {"c"}


def test_a_filter_takes_a_memoised_function():
    """A memoised function may be given for its name."""
    function = dug.memoize(name="m:g")(lambda: 1)
    found = graph({"a": "b", "b": ""}, a=fact("a", function="m:g"))

    assert set(found.filter(function=function)) == {"a"}
    assert set(found.filter(function=[function, "m:f"])) == {"a", "b"}


def test_a_state_that_does_not_exist_is_refused():
    """A filter for an unknown state says which there are."""
    with pytest.raises(ValueError, match=r"'broken' is not a state of a node. Write one of computed, tweaked"):
        graph({}).filter(state="broken")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"module": 3}, r"filter\(module=...\) takes a name or several, not 3. Write module='pricing'."),
        ({"module": itertools}, r"takes a name or several, not <module 'itertools'"),
        ({"module": ["m", None]}, "takes a name or several, not None"),
        ({"module": b"m"}, "takes a name or several, not b'm'"),
        ({"state": 3}, r"filter\(state=...\) takes a name or several, not 3. Write state='failed'."),
        ({"state": [["failed"]]}, r"takes a name or several, not \['failed'\]"),
        ({"function": 3}, r"3 is not a memoised function. Write filter\(function=f\), or its name."),
        ({"function": b"m:f"}, "b'm:f' is not a memoised function"),
    ],
)
def test_a_filter_of_another_type_selects_nothing_and_is_refused(chosen, said):
    """What can fit no node is a TypeError that says what to type."""
    with pytest.raises(TypeError, match=said):
        graph(DIAMOND).filter(**chosen)


# What cannot be


def test_an_edge_to_nothing_is_refused():
    """An edge from or to an unknown node is an error that names it."""
    with pytest.raises(ValueError, match="an edge names b"):
        graph({"a": "b"})
    with pytest.raises(ValueError, match="an edge names b"):
        Graph([fact("a")], {"b": ()})


def test_a_circle_is_refused():
    """A circle of edges names a node of it."""
    with pytest.raises(ValueError, match=r"[bc] reads itself"):
        graph({"a": "b", "b": "c", "c": "b"})
    with pytest.raises(ValueError, match="a reads itself"):
        graph({"a": "a"})


def test_two_facts_of_one_node_are_refused():
    """Two facts of one node name it."""
    with pytest.raises(ValueError, match="two facts are of one node: a"):
        Graph([fact("a"), fact("b"), fact("a")], {})


def test_a_node_that_is_not_there_is_named():
    """Asking for a node that is not there names it and says how to have it."""
    with pytest.raises(KeyError, match=r"z is not in <Graph of 4 nodes, 4 edges>. Ask for a graph of it"):
        graph(DIAMOND).dependencies("z")


def test_a_function_is_not_a_node_of_a_graph():
    """A memoised function in the place of a node is named, with what to type."""
    @dug.memoize
    def one():
        return 1

    with dug.Context() as ctx:
        one()
        with pytest.raises(TypeError, match=r"one> is a function, not a node. Write f.node\(x\)."):
            ctx.graph().dependencies(one)
        with pytest.raises(TypeError, match=r"one> is a function, not a node. Write f.node\(x\)."):
            assert one in ctx.graph()


def test_several_nodes_are_given_one_by_one():
    """A list in the place of a node, and a node in the place of a list, are refused with what to type."""
    with pytest.raises(TypeError, match=r"\['top'\] is not a node. Write each node by itself"):
        graph(DIAMOND).ancestors(["top"])
    with pytest.raises(TypeError, match=r"'top' is one. Write subgraph\(\[node\]\)"):
        graph(DIAMOND).subgraph("top")


def test_a_graph_is_a_collection():
    """A graph has a length, shows its content, and prints briefly."""
    found = graph(DIAMOND)

    assert len(found) == 4
    assert "low" in found
    assert "z" not in found
    assert list(found.nodes) == list(DIAMOND)
    assert repr(graph({"a": ""})) == "<Graph of 1 node, 0 edges>"


def test_a_deep_graph_needs_no_recursion():
    """A chain of 20,000 nodes is sorted, and walked in both directions."""
    chain = graph({i: (i - 1,) if i else () for i in range(20_000)})

    assert len(chain.ancestors(19_999)) == len(chain.descendants(0)) == 19_999


# Other packages


@given(dags())
def test_networkx_agrees(edges):
    """``networkx.ancestors`` of the converted graph equals `ancestors`."""
    networkx = pytest.importorskip("networkx")
    found = graph(edges)
    theirs = found.to_networkx()

    assert set(theirs) == set(edges)
    assert all(networkx.ancestors(theirs, node) == found.ancestors(node) for node in edges)
    assert all(theirs.nodes[node]["state"] == "computed" for node in edges)


def test_a_frame_has_a_row_for_each_node():
    """A frame has the nodes in topological order, and a column for each fact."""
    pytest.importorskip("pandas")
    frame = graph(DIAMOND, low=fact("low", seconds=2.0)).to_frame()

    assert list(frame.index) == ["low", "left", "right", "top"]
    assert frame.index.name == "node"
    assert frame.loc["low", "seconds"] == 2.0
    assert list(frame.columns) == [
        "function", "module", "state", "is_source", "seconds", "own_seconds", "times_read", "size", "error",
    ]  # fmt: skip


@pytest.mark.parametrize(("package", "make"), [("networkx", Graph.to_networkx), ("pandas", Graph.to_frame)])
def test_a_package_that_is_missing_is_named(package, make, monkeypatch):
    """Without networkx or pandas, the error says what to type."""
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ImportError, match=rf'Type: pip install "dug\[{package}\]"'):
        make(graph(DIAMOND))
