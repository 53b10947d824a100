"""The representations of a graph for a notebook: `mimebundle`."""

from collections.abc import Callable, Container

from ._drawable import Drawable
from ._mermaid import mermaid
from ._render import svg
from ._tree import tree


def mimebundle(graph: Drawable, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
    """Returns a graph in the forms that a notebook can show, by type: SVG if Graphviz is there, else Mermaid; and always text.

    Args:
        graph: the graph to draw.
        include: the types that are asked for; None for all.
        exclude: the types that are not wanted.
    """
    drawn: dict[str, Callable[[Drawable], str]] = {"image/svg+xml": svg, "text/vnd.mermaid": mermaid, "text/plain": tree}
    bundle: dict[str, str] = {}
    for kind, draw in drawn.items():
        if (include is not None and kind not in include) or (exclude is not None and kind in exclude):
            continue
        if kind == "text/vnd.mermaid" and "image/svg+xml" in bundle:
            continue
        try:
            bundle[kind] = draw(graph)
        except (ImportError, RuntimeError):  # no Graphviz: the next form needs none
            continue
    return bundle
