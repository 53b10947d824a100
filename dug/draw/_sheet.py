"""What is shown of a graph: `make_sheet`, its title, its picture or tree, and a table of its nodes that a reader may open.

`_draw` draws the picture as SVG where Graphviz is there, `_tabulate` makes the table.
"""

from .._text.markup import escape
from .._text.sheet import Drawing, Folded, Line, Part, Rows, Sheet
from .._text.values import drop_main, in_seconds, shorten, visible
from ._drawable import Drawable
from ._picture import LIMIT, make_picture
from ._render import svg
from ._tree import tree
from ._words import title_of

_SHOWN = 60
"""How many nodes are listed."""
_CELL = 72
"""How many characters of a cell are shown."""


def make_sheet(graph: Drawable) -> Sheet:
    """Returns what is shown of a graph: a picture by Graphviz if it is there, else a tree of text."""
    written = tree(graph).partition("\n")[2].rstrip("\n")
    parts: list[Part] = [Line(title_of(make_picture(graph, by=None, limit=LIMIT)), is_title=True)]
    if len(graph):
        parts += [Drawing(_draw(graph) or f"<pre>{_escape_lines(written)}</pre>", written), _tabulate(graph)]
    return Sheet(parts)


def _draw(graph: Drawable) -> str | None:
    """Returns a picture as SVG, or None where there is no Graphviz."""
    try:
        picture = svg(graph)
    except (ImportError, RuntimeError):
        return None
    return picture[picture.index("<svg") :].rstrip()


def _escape_lines(text: str) -> str:
    return "\n".join(map(escape, text.splitlines()))


def _tabulate(graph: Drawable) -> Folded:
    rows = [
        [drop_main(str(fact.node)), fact.state, in_seconds(fact.own_seconds) if fact.own_seconds else "", fact.error or ""]
        for fact in graph.facts[:_SHOWN]
    ]
    more = f"... {len(graph) - _SHOWN:,} more" if len(graph) > _SHOWN else ""
    cells = [[shorten(visible(cell), _CELL) for cell in row] for row in rows]
    return Folded("the nodes", [Rows(["node", "state", "by itself", "error"], cells, more)])
