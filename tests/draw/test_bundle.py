"""A notebook shows a graph by itself."""

import shutil

import pytest
from support.sample_graphs import BOOK, sketch

from dug import draw

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="the program dot is not installed")


@needs_dot
def test_a_notebook_gets_svg_and_text():
    """If Graphviz is there, a graph is a picture, and text for programs that show none."""
    pytest.importorskip("graphviz")
    bundle = sketch(BOOK)._repr_mimebundle_()

    assert set(bundle) == {"image/svg+xml", "text/plain"}
    assert "<svg" in bundle["image/svg+xml"]


def test_without_graphviz_a_notebook_gets_mermaid(monkeypatch, tmp_path):
    """Where it is not, notebooks that know Mermaid draw that, and others show the tree."""
    monkeypatch.setenv("PATH", str(tmp_path))
    graph = sketch(BOOK)

    assert graph._repr_mimebundle_() == {"text/vnd.mermaid": draw.mermaid(graph), "text/plain": draw.tree(graph)}


def test_a_notebook_says_what_it_wants():
    """Only included and no excluded types are drawn."""
    graph = sketch(BOOK)

    assert set(graph._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(graph._repr_mimebundle_(exclude={"image/svg+xml", "text/plain"})) == {"text/vnd.mermaid"}
