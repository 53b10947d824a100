"""A graph in the language of Mermaid, which notebooks, wikis and code hosts draw: `mermaid`.

`escape` quotes for Mermaid; shapes, classes, line widths and the legend have a function each.
"""

from math import sqrt

from .._text.palette import LOOKS, Look
from .._text.values import visible
from ._drawable import Drawable
from ._picture import LIMIT, Box, Picture, make_picture
from ._words import TIMES, legend_of, name_of, notes_on, title_of, word_on

PLAIN = frozenset(" _.,:()=+-/'…") | {TIMES}
"""The characters besides letters and digits that need no escape in a label: none that means something to Mermaid or HTML."""


def mermaid(graph: Drawable, *, by: str | None = None, limit: int = LIMIT) -> str:
    """Returns a graph as a Mermaid flowchart.

    Arrows run from a node to the nodes that read it, left to right.  A colour is a state, the thickness of a line around a box is
    its part of the time, and a cylinder is a source.

    Args:
        graph: the graph to draw.
        by: what a box stands for: ``"node"``, ``"function"`` or ``"module"``; None for the finest that keeps to the limit.
        limit: how many boxes there may be.

    Raises:
        ValueError: `by` or `limit` is not possible.
    """
    picture = make_picture(graph, by=by, limit=limit)
    states = [state for state, _ in picture.states]
    lines = [
        "flowchart LR",
        *[f"  n{number}{_shape(box, _label(picture, box))}" for number, box in enumerate(picture.boxes)],
        *[f"  n{start} -->{_quote(word_on(picture, start, end, count))} n{end}" for start, end, count in picture.lines],
        *_legend(picture),
        *[f"  classDef {_class(state)} {_style(LOOKS[state])}" for state in states],
        *[f"  class {','.join(_members(picture, state))} {_class(state)}" for state in states if _members(picture, state)],
        *[f"  style n{number} stroke-width:{width}px" for number, width in _widths(picture)],
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Returns `text` quoted for Mermaid, so that it is shown as it is: letters, and the rest by number."""
    return "".join([char if char.isalnum() or char in PLAIN else f"#{ord(char)};" for char in visible(text)])


def _label(picture: Picture, box: Box) -> str:
    return "<br/>".join([escape(name_of(box)), *map(escape, notes_on(picture, box))])


def _shape(box: Box, label: str) -> str:
    if box.is_source:
        return f'[("{label}")]'
    return f'[["{label}"]]' if box.is_group else f'("{label}")'


def _quote(word: str) -> str:
    return f'|"{escape(word)}"|' if word else ""


def _class(state: str) -> str:
    return state.replace("-", "")


def _style(look: Look) -> str:
    dashes = ",stroke-dasharray:4 3" if look.is_dashed else ""
    return f"fill:{look.fill},stroke:{look.line},color:#222{dashes}"


def _members(picture: Picture, state: str) -> list[str]:
    return [f"n{number}" for number, box in enumerate(picture.boxes) if box.state == state]


def _widths(picture: Picture) -> list[tuple[int, float]]:
    """Returns the boxes whose line is thicker than others, with its width in pixels."""
    widths = [(number, round(1 + 5 * sqrt(picture.share(box)), 1)) for number, box in enumerate(picture.boxes)]
    return [(number, width) for number, width in widths if width >= 1.5]


def _legend(picture: Picture) -> list[str]:
    entries = [f'    legend{number}("{escape(meaning)}"):::{_class(state)}' for number, (state, meaning) in _numbered(picture)]
    return [f'  subgraph legend ["{escape(title_of(picture))}"]', *entries, "  end"] if entries else []


def _numbered(picture: Picture) -> list[tuple[int, tuple[str, str]]]:
    return list(enumerate(legend_of(picture)))
