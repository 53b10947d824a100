"""The spelling of fastdag: links by nodes and by ids, arguments by name and by position, contexts, threads, errors."""

import runpy
import threading
from pathlib import Path

import pytest

import dug
from dug.compat.fastdag import Graph, Node, add_child, add_parent
from dug.flow import DuplicateNameError, FlowError

EXAMPLE = Path(__file__).parents[2] / "examples" / "fastdag_profile.py"


class Give(Node):
    """A node that gives a dict of its id and what it read."""

    def load(self, context, *data, **named):
        return {self.id: (context, *data, *named.items())}


def test_the_example_prints_what_its_page_shows(capsys):
    """The program of the page runs, both decorators and both kinds of arguments included."""
    runpy.run_path(str(EXAMPLE), run_name="__main__")

    printed = capsys.readouterr().out.splitlines()
    page = (EXAMPLE.parents[1] / "docs" / "howto" / "coming-from-fastdag.rst").read_text(encoding="utf-8")
    assert len(printed) == 6
    assert [line for line in printed if f"   {line}\n" not in page] == []


def test_data_comes_by_position_or_by_name():
    """A parent without an argument name comes by position, in the order of adding; one with a name comes by it."""
    a, b, c, end = (Give(name) for name in ("a", "b", "c", "end"))
    end.add_parent(a).add_parent(b, "second")
    c.add_child(end)
    graph = Graph(roots=[a, b, c])

    node_data, merged = graph.run(5)
    assert node_data["end"] == {"end": (5, {"a": (5,)}, {"c": (5,)}, ("second", {"b": (5,)}))}
    assert merged == {key: value for data in node_data.values() for key, value in data.items()}


def test_the_data_is_in_topological_order_and_a_later_dict_wins():
    """Each node comes after its parents, in whatever order it was added; a later one's key wins; other values are not merged."""

    class Same(Node):
        def load(self, context, *data):
            return {"key": self.id}

    class Number(Node):
        def load(self, context, *data):
            return 5

    first, second, number = Same("first"), Same("second"), Number("number")
    second.add_parent(first)
    number.add_parent(second)
    graph = Graph()
    graph.add_root(number)

    node_data, merged = graph.run()
    assert list(node_data) == ["first", "second", "number"]
    assert (node_data["number"], merged) == (5, {"key": "second"})


@pytest.mark.parametrize("context", [None, 5, "text", [1], {"id": 1}, object(), len, dug.Context])
def test_any_object_is_a_context(context):
    """Every node gets the very object that the run was given, a function or a class too."""
    node_data, _ = Graph(roots=[Give("a").add_parent(Give("b"))]).run(context)

    assert node_data["b"]["b"][0] is context
    assert node_data["a"]["a"][0] is context


def test_decorators_link_by_ids():
    """A class says by ids what its nodes read and what reads them, from the top down; a subclass says more."""

    @add_parent("a", "first")
    @add_parent("b")
    class Middle(Give):
        pass

    @add_child("end", "more")
    class Lower(Middle):
        pass

    graph = Graph(roots=[Give("a"), Give("b"), Lower("middle"), Give("end")])

    node_data, _ = graph.run(0)
    assert node_data["middle"] == {"middle": (0, {"b": (0,)}, ("first", {"a": (0,)}))}
    assert node_data["end"] == {"end": (0, ("more", node_data["middle"]))}


def test_an_unknown_id_is_named():
    """An id that is not in the graph is refused with the node that names it and the ids that there are."""

    @add_parent("usr")
    class Orders(Give):
        pass

    with pytest.raises(FlowError, match=r"<Orders orders> names 'usr', which is not in 'graph'. Its nodes: user, orders."):
        Graph(roots=[Give("user"), Orders("orders")]).run()


@pytest.mark.parametrize("name", ["a", "context"])
def test_two_nodes_of_one_id_are_refused(name):
    """A second node of an id, and one that is called like the context, are refused by name."""
    with pytest.raises(DuplicateNameError, match=f"id '{name}'"):
        Graph(roots=[Give("a"), Give(name)]).run()


def test_a_circle_is_named():
    """A circle of nodes is an error with its path, and nothing loads."""
    loaded = []

    class Note(Node):
        def load(self, context, *data):
            loaded.append(self.id)

    a, b = Note("a"), Note("b")
    a.add_parent(b)
    b.add_parent(a)

    with pytest.raises(dug.CycleError, match=r"a -> b -> a|b -> a -> b"):
        Graph(roots=[Note("c"), a]).run()
    assert loaded == []


def test_nodes_load_at_the_same_time():
    """Two nodes that do not wait for each other load in threads: each waits in the middle for the other."""
    meeting = threading.Barrier(2, timeout=30)

    class Meet(Node):
        def load(self, context, data):
            meeting.wait()
            return {self.id: data["root"][0]}

    root = Give("root")
    for name in ("a", "b"):
        root.add_child(Meet(name))

    assert Graph(roots=[root]).run(3)[1] == {"root": (3,), "a": 3, "b": 3}


def test_every_run_loads_anew():
    """A second run with an equal context loads every node again: it is about what other services say now."""
    loaded = []

    class Note(Node):
        def load(self, context):
            loaded.append(context)

    graph = Graph(roots=[Note("a")])
    graph.run("same")
    graph.run("same")

    assert loaded == ["same", "same"]


def test_an_error_of_a_load_passes_through():
    """What a load raises comes out of the run as it is."""

    class Fail(Node):
        def load(self, context):
            raise OSError("no service")

    with pytest.raises(OSError, match="no service"):
        Graph(roots=[Fail("a").add_child(Give("b"))]).run()


def test_coroutine_loads_are_awaited(run):
    """A graph with a coroutine function is awaited; run() says so."""

    class Fetch(Node):
        async def load(self, context):
            return {"fetched": context}

    graph = Graph(roots=[Give("end").add_parent(Fetch("fetch"))])

    assert run(graph.arun, 4)[1] == {"fetched": 4, "end": (4, {"fetched": 4})}
    with pytest.raises(FlowError, match=r"await graph.arun"):
        graph.run(4)


def test_a_node_without_a_load_gives_nothing():
    """A plain node is there, with None; something else than a node is no root."""
    assert Graph(roots=[Node("plain")]).run() == ({"plain": None}, {})
    with pytest.raises(TypeError, match=r"add_root\(\) takes a Node, not 'plain'"):
        Graph().add_root("plain")


def test_the_flow_beneath_answers_what_if():
    """A graph is a flow: it is drawn, and asked what if."""
    flow = Graph(roots=[Give("a").add_child(Give("b"))]).flow
    with flow.what_if({"context": 1, "a": {"a": "other"}}):
        assert flow.compute("b") == {"b": (1, {"a": "other"})}

    assert "b" in flow.draw()
