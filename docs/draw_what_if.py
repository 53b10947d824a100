"""Draws the picture of the first page, with `dug.draw`: ``python docs/draw_what_if.py``.

It is the graph of the program on that page, in the context inside: what is tweaked, what runs again, and what the context around
has.  How long a node took differs from run to run and is left out.  A test checks that the picture in the repository says what
the script draws now.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs

import dug
from dug import draw

PAGE = Path(__file__).resolve().parent / "index.rst"
PICTURE = PAGE.parent / "what-if.svg"


def read_program() -> str:
    """Return the functions of the program on the first page: what is above its ``with``."""
    (block,) = re.findall(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return "\n".join(line.removeprefix("   ") for line in block.splitlines()).partition("\nwith ")[0]


def make_graph() -> Any:
    """Return the graph of the book when Apple has fallen."""
    space: dict[str, Any] = {"__name__": "first_page"}
    exec(read_program(), space)  # noqa: S102  our own page
    book, spot = space["book"], space["spot"]
    with dug.Context():
        book()
        with dug.Context(tweaks={spot.node("AAPL"): dug.scale(0.5)}) as fallen:
            book()
            return fallen.graph(book.node())


def drop_times(graph: Any) -> Any:
    """Return a graph of the same nodes, none of which took any time."""
    facts = [attrs.evolve(fact, seconds=0.0, own_seconds=0.0) for fact in graph.facts]
    return type(graph)(facts, {fact.node: graph.dependencies(fact.node) for fact in facts})


def main() -> str:
    """Return the picture as SVG."""
    return draw.svg(drop_times(make_graph()))


if __name__ == "__main__":
    PICTURE.write_text(main(), encoding="utf-8")
