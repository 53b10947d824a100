"""One plain page around a picture: `html`, with tables of the failures and of the slowest nodes.

The page needs nothing but itself: no script, no font, no picture from elsewhere, and it forbids its reader to fetch any.

`_PAGE` is the page, `_failures` and `_slowest` are the tables.
"""

from collections.abc import Sequence

from .._text.markup import escape, write_table
from .._text.values import in_seconds, shorten
from ._drawable import Drawable
from ._picture import LIMIT, make_picture
from ._render import svg
from ._words import title_of

MAX_FAILURES = 200

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, Helvetica, Arial, sans-serif; color: #222; background: #fff; margin: 1.5rem; }}
h1 {{ font-size: 1.3rem; margin: 0 0 .2rem; }}
p {{ color: #555; margin: 0 0 1rem; }}
figure {{ margin: 0 0 1.5rem; overflow: auto; border: 1px solid #ddd; padding: .8rem; }}
figure svg {{ max-width: none; height: auto; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e5e5e5; }}
td {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .87rem; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
<figure>
{svg}
</figure>
{tables}
</body>
</html>
"""


def html(graph: Drawable, *, title: str = "dug", by: str | None = None, limit: int = LIMIT) -> str:
    """Returns a page of HTML that shows a graph: its picture, the failures, and where the time went.

    Args:
        graph: the graph to draw.
        title: the title of the page.
        by: what a box stands for: ``"node"``, ``"function"`` or ``"module"``; None for the finest that keeps to the limit.
        limit: how many boxes there may be.

    Raises:
        ImportError: the package graphviz is not installed; the message says what to type.
        RuntimeError: the program ``dot`` is not on this machine, or failed.
        ValueError: `by` or `limit` is not possible.
    """
    picture = svg(graph, by=by, limit=limit)
    return _PAGE.format(
        title=escape(title),
        summary=escape(title_of(make_picture(graph, by=by, limit=limit))),
        svg=picture[picture.index("<svg") :].rstrip(),
        tables=_failures(graph) + _slowest(graph),
    )


def _failures(graph: Drawable) -> str:
    failed = [fact for fact in graph.facts if fact.state == "failed"]
    rows = [(str(fact.node), fact.error or "") for fact in failed[:MAX_FAILURES]]
    if len(failed) > MAX_FAILURES:
        rows.append((f"and {len(failed) - MAX_FAILURES:,} more", ""))
    return _table("Failed", ("node", "error"), rows)


def _slowest(graph: Drawable) -> str:
    slowest = sorted(graph.facts, key=lambda fact: -fact.own_seconds)[:10]
    rows = [(str(fact.node), in_seconds(fact.own_seconds), in_seconds(fact.seconds)) for fact in slowest if fact.own_seconds > 0]
    return _table("Slowest", ("node", "by itself", "with what it called"), rows)


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    cells = [[shorten(cell, 500) for cell in row] for row in rows]
    return f"<h2>{escape(title)}</h2>\n{write_table(head, cells)}\n"
