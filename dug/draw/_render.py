"""Pictures that Graphviz draws: `svg` and `png`.

`_pipe` hands the text of `_dot` to `_graphviz`.
"""

from ._dot import dot
from ._drawable import Drawable
from ._picture import LIMIT


def svg(graph: Drawable, *, by: str | None = None, limit: int = LIMIT) -> str:
    """Returns a picture of a graph as SVG.

    Args:
        graph: the graph to draw.
        by: what a box stands for: ``"node"``, ``"function"`` or ``"module"``; None for the finest that keeps to the limit.
        limit: how many boxes there may be.

    Raises:
        ImportError: the package graphviz is not installed; the message says what to type.
        RuntimeError: the program ``dot`` is not on this machine, or failed.
        ValueError: `by` or `limit` is not possible.
    """
    return _pipe(dot(graph, by=by, limit=limit), "svg").decode()


def png(graph: Drawable, *, by: str | None = None, limit: int = LIMIT) -> bytes:
    """Returns a picture of a graph as PNG; the arguments and errors are those of `svg`."""
    return _pipe(dot(graph, by=by, limit=limit), "png")


def _pipe(source: str, kind: str) -> bytes:
    from ._graphviz import pipe  # imports an optional package

    return pipe(source, kind)
