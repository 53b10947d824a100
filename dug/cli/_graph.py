"""``dug graph``: draws the graph of a file.

`_draw` makes it in the format asked for: dot, mermaid, a tree, SVG, PNG or HTML.  Its options: ``--format``, ``--node``,
``--by``, ``--limit``, ``--output``.
"""

import sys
from pathlib import Path
from typing import Any

import click

from .. import draw
from ._file import Command, complete_node, file_argument, open_file
from ._nodes import find_node
from ._output import reason_of, send
from ._tables import is_terminal

EPILOG = """\
\b
Examples:
  dug graph night.dug
  dug graph night.dug --node "pricing:book()" --format mermaid
  dug graph night.dug --format html --output night.html
"""


@click.command("graph", cls=Command, epilog=EPILOG)
@file_argument
@click.option("--format", "kind", type=click.Choice(["ascii", "dot", "mermaid", "svg", "png", "html"]), default="ascii",
              show_default=True, help="How it is drawn; svg, png and html need Graphviz.")  # fmt: skip
@click.option("--node", "nodes", multiple=True, metavar="NODE", shell_complete=complete_node,
              help="Draw only this node and what it read; may be given several times.")  # fmt: skip
@click.option("--by", type=click.Choice(["node", "function", "module"]), help="What has a box; by default what can be read.")
@click.option("--limit", type=click.IntRange(min=2), default=60, show_default=True, help="How many boxes there may be.")
@click.option("--output", type=click.Path(dir_okay=False), help="Write it to a file.")
def command(file: str, *, kind: str, nodes: tuple[str, ...], by: str | None, limit: int, output: str | None) -> None:
    """Draw the nodes of a file and what they read; many nodes are drawn by function or module."""
    with open_file(file) as saved:
        graph = saved.graph()
        wanted = [find_node(saved, node) for node in nodes]
    if wanted:
        graph = graph.subgraph([*wanted, *graph.ancestors(*wanted)])
    try:
        drawn = _draw(graph, kind, file, to_file=output is not None, by=by, limit=limit)
    except (ImportError, RuntimeError) as exc:
        raise click.ClickException(str(exc)) from exc
    if output is None:
        send(drawn)
        return
    try:
        Path(output).write_bytes(drawn)
    except OSError as exc:
        raise click.ClickException(f"{output} cannot be written: {exc.strerror or reason_of(exc)}") from exc


def _draw(graph: Any, kind: str, title: str, *, to_file: bool, by: str | None, limit: int) -> bytes:
    if kind == "png":
        if not to_file and is_terminal():
            raise click.UsageError("a terminal cannot show a PNG. Add --output graph.png")
        return draw.png(graph, by=by, limit=limit)
    if kind == "ascii":
        encoding = (not to_file and getattr(sys.stdout, "encoding", None)) or "utf-8"
        is_unicode = encoding.lower().startswith("utf")
        return draw.tree(graph, by=by, limit=limit, charset="unicode" if is_unicode else "ascii").encode(encoding)
    if kind == "html":
        return draw.html(graph, title=title, by=by, limit=limit).encode()
    made = {"dot": draw.dot, "mermaid": draw.mermaid, "svg": draw.svg}[kind]
    return made(graph, by=by, limit=limit).encode()
