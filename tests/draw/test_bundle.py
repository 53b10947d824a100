"""A notebook shows a graph by itself."""

import shutil

import pytest
from support.sample_graphs import BOOK, sketch

from dug import draw

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


@needs_dot
def test_a_notebook_gets_a_picture_a_table_and_text():
    """If Graphviz is there, HTML has the picture and a table of the nodes; text is for programs that show none."""
    pytest.importorskip("graphviz")
    bundle = sketch(BOOK)._repr_mimebundle_()

    assert set(bundle) == {"text/html", "text/vnd.mermaid", "text/plain"}
    assert "<svg" in bundle["text/html"]
    assert "<td>m:value(1)</td>" in bundle["text/html"]


def test_without_graphviz_a_notebook_gets_the_tree(monkeypatch, tmp_path):
    """Where it is not, HTML has the tree of text, and notebooks that know Mermaid can draw that."""
    monkeypatch.setenv("PATH", str(tmp_path))
    graph = sketch(BOOK)
    bundle = graph._repr_mimebundle_()

    assert "<pre>book()\n├── value(1)\n" in bundle["text/html"]
    assert bundle["text/vnd.mermaid"] == draw.mermaid(graph)
    assert bundle["text/plain"] == draw.tree(graph)


def test_a_notebook_says_what_it_wants():
    """Only included and no excluded types are drawn."""
    graph = sketch(BOOK)

    assert set(graph._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(graph._repr_mimebundle_(exclude={"text/html", "text/plain"})) == {"text/vnd.mermaid"}
