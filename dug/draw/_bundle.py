"""The representations of a graph for a notebook: `mimebundle`."""

from collections.abc import Callable, Container

from .._text import markup
from ._drawable import Drawable
from ._mermaid import mermaid
from ._sheet import make_sheet
from ._tree import tree


def mimebundle(graph: Drawable, include: Container[str] | None = None, exclude: Container[str] | None = None) -> dict[str, str]:
    """Returns a graph in the forms that a notebook can show, by type.

    HTML has the picture of Graphviz if that is there, else the tree; Mermaid is for tools that draw it, and text is for all.

    Args:
        graph: the graph to draw.
        include: the types that are asked for; None for all.
        exclude: the types that are not wanted.

    .. versionchanged:: 0.1.0
       HTML with the picture in it, in place of the picture alone.
    """
    drawn: dict[str, Callable[[Drawable], str]] = {
        "text/html": lambda graph: markup.write(make_sheet(graph)),
        "text/vnd.mermaid": mermaid,
        "text/plain": tree,
    }
    kinds = [kind for kind in drawn if (include is None or kind in include) and (exclude is None or kind not in exclude)]
    return {kind: drawn[kind](graph) for kind in kinds}
