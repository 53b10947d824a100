"""How much work an answer of a page takes: a table needs no edges, and no question asks a file for each of them."""

from __future__ import annotations

from collections import Counter

import pytest

import dug
from dug import snapshot
from dug.snapshot._file import SavedFile
from dug.web._answers import Answers
from dug.web._subjects import ContextSubject, FileSubject
from dug.web._taken import Taken

MANY = 1_100
"""More than one look at a file is worth."""


@dug.memoize
def part(number):
    """One of many that one node reads."""
    if number == 3:
        raise ValueError(number)
    return number


@dug.memoize
def whole():
    """Reads many, and fails with one of them."""
    return sum(map(part, [*range(4, MANY), 0, 1, 2, 3]))


@dug.memoize
def inner():
    """Reads what read it, in another scenario."""
    return outer() + 1


@dug.memoize
def outer():
    """Reads the other one under a context of its own."""
    if pick() == 5:
        return 0
    with dug.Context({pick.node(): 5}):
        return inner()


@dug.memoize
def pick():
    """Says which of them ends it."""
    return 1


@dug.memoize
def choose():
    """Reads the part that is picked."""
    return part(pick())


@pytest.fixture(scope="module")
def ctx():
    """A context in which one node reads many."""
    with dug.Context() as made, pytest.raises(ValueError, match="3"):
        whole()
    return made


@pytest.fixture(scope="module")
def path(ctx, tmp_path_factory):
    """A file of it."""
    made = tmp_path_factory.mktemp("web") / "many.dug"
    snapshot.save(ctx, made)
    return made


@pytest.fixture
def of_file(path):
    """The answers about the file."""
    answers = Answers(FileSubject(path))
    yield answers
    answers.close()


@pytest.fixture(params=["file", "context"])
def answers(request, ctx):
    """The answers about the file, and about the context."""
    return Answers(ContextSubject(ctx)) if request.param == "context" else request.getfixturevalue("of_file")


def count_calls(monkeypatch, owner, name):
    """Return a list that grows with each call of a method."""
    calls, method = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args, **kwargs: (calls.append(args[1:]), method(*args, **kwargs))[1])
    return calls


def test_tables_and_failures_need_no_graph(answers, monkeypatch):
    """The head, the table, a search and the failures are answered before any edges are asked for; a picture needs them once."""
    graphs = count_calls(monkeypatch, type(answers.subject), "take_graph")
    columns = count_calls(monkeypatch, type(answers.subject), "take_columns")
    for query in ({}, {"text": "part(7"}, {"sort": "read"}, {"state": "failed"}):
        answers.answer("rows", query)
    for what in ("head", "failures"):
        answers.answer(what, {})
    assert (len(columns), graphs) == (1, [])

    for what in ("graph", "node", "around", "node"):
        answers.answer(what, {"name": "test_work_of_a_page:whole()"})
    assert (len(columns), len(graphs)) == (1, 1)


def test_the_table_of_a_file_reads_its_nodes_once_and_no_edges(of_file, monkeypatch):
    """One pass over the nodes gives the table; then each row that is sent is looked up by itself."""
    edges, tables = count_calls(monkeypatch, SavedFile, "edges"), count_calls(monkeypatch, SavedFile, "rows")
    of_file.answer("head", {})
    assert tables == [("nodes",)]
    of_file.answer("rows", {})
    assert Counter(asked[0] for asked in tables)["nodes"] == 1 + 200
    assert edges == []


def test_the_page_of_a_node_that_reads_many_asks_the_file_for_few(of_file, monkeypatch):
    """A node with thousands of reads has a page from a few passes over the file, and a look at each node that is listed."""
    of_file.answer("head", {})
    selects = count_calls(monkeypatch, SavedFile, "_select")

    node = of_file.answer("node", {"name": "test_work_of_a_page:whole()"})

    assert (node["reads_total"], len(node["reads"])) == (MANY, 200)
    assert len(selects) < 250


def test_a_failed_node_is_shown_without_all_failures(answers, monkeypatch):
    """The page of a node that failed follows the error of this node alone."""
    monkeypatch.setattr(type(answers.subject), "list_failures", lambda _: pytest.fail("all failures are listed"))

    node = answers.answer("node", {"name": "test_work_of_a_page:whole()"})

    assert node["origin"]["text"] == "test_work_of_a_page:part(3)"
    assert "ValueError: 3" in node["traceback"]


@pytest.mark.parametrize("is_file", [True, False])
def test_nodes_that_read_each_other_in_two_scenarios_are_drawn(tmp_path, is_file):
    """An edge that would close a circle is left out of the picture, of a file as of a context."""
    with dug.Context() as ctx:
        inner()
    snapshot.save(ctx, tmp_path / "circle.dug")
    answers = Answers(FileSubject(tmp_path / "circle.dug") if is_file else ContextSubject(ctx))

    drawn = answers.answer("graph", {})
    answers.close()

    assert sorted(box["text"].partition(":")[2] for box in drawn["boxes"]) == ["inner()", "outer()", "pick()"]
    between = [line for line in drawn["lines"] if "test_work_of_a_page:pick()" not in line]
    assert (len(drawn["lines"]), len(between)) == (2, 1)


def test_a_node_that_came_after_the_table_is_named_in_a_graph():
    """A graph that is asked for later than the table has a name for a node that the table does not have."""
    with dug.Context() as ctx:
        choose()
        taken = Taken(ContextSubject(ctx), 1)
        ctx.tweak(pick.node(), 2)
        choose()

    told = {one["text"].partition(":")[2]: one["state"] for one in map(taken.refer, taken.graph)}
    assert told == {"pick()": "computed", "part(1)": "computed", "part(2)": "computed", "choose()": "computed"}
