"""A graph in the language of Graphviz: `dot` writes boxes, stripes, lines and a legend; `escape` quotes.

`_box`, `_stripes` (the states in a box), `_legend` and `_swatch` write the parts.
"""

from math import sqrt
from textwrap import wrap

from .._text import markup
from .._text.palette import FAINT, INK, LOOKS
from .._text.values import shorten, visible
from ._drawable import Drawable
from ._picture import LIMIT, Box, Picture, make_picture
from ._shortening import MAX_NAME
from ._words import legend_of, name_of, notes_on, title_of, word_on

FONT = "Helvetica,Arial,sans-serif"
SWATCH = 'BORDER="1" FIXEDSIZE="TRUE" WIDTH="20" HEIGHT="14"'
MAX_TOOLTIP = 400
LID_MARGIN = "0.12,0.16"
"""The margins within a box with a lid, which is drawn over its upper part, the wider the thicker the line is."""
WIDTH_OF_LETTER = 7
"""In points: a font that takes the place of ours may be wider than Graphviz thinks."""
LEAST_STRIPE = 0.06
"""How much of a box the rarest of its states colours, so that three failures among thousands are seen."""


def dot(graph: Drawable, *, by: str | None = None, limit: int = LIMIT) -> str:
    """Returns a graph as DOT, the language of Graphviz.

    Arrows run from a node to the nodes that read it, left to right.  A colour is a state, the thickness of a line around a box is
    its part of the time, and a box with a lid is a source.

    Args:
        graph: the graph to draw.
        by: what a box stands for: ``"node"``, ``"function"`` or ``"module"``; None for the finest that keeps to the limit.
        limit: how many boxes there may be.

    Raises:
        ValueError: `by` or `limit` is not possible.
    """
    picture = make_picture(graph, by=by, limit=limit)
    font = f'fontname="{FONT}", fontcolor="{INK}"'
    lines = [
        "digraph dug {",
        f'  graph [rankdir=LR, nodesep=0.18, ranksep=0.6, {font}, fontsize=10, labelloc=b, labeljust=l, tooltip=" "]',
        f"  graph [label=<{_legend(picture)}>]",
        f'  node [shape=box, {font}, fontsize=11, margin="0.12,0.06", height=0.3]',
        f'  edge [color="{FAINT}", {font}, fontsize=9, arrowsize=0.6]',
        *[f"  n{number} [{_box(picture, box)}]" for number, box in enumerate(picture.boxes)],
        *[f"  n{start} -> n{end}{_quote(word_on(picture, start, end, count))}" for start, end, count in picture.lines],
        "}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    r"""Returns `text` quoted for DOT, so that it is shown as it is.

    A backslash would begin an escape (``\N`` is the name of a box), and an ampersand an entity.
    """
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def _box(picture: Picture, box: Box) -> str:
    look = LOOKS[box.state]
    notes = "".join([f"\\n{escape(line)}" for note in notes_on(picture, box) for line in wrap(note, MAX_NAME)])
    tooltip = shorten(visible(box.full_name), MAX_TOOLTIP)
    attributes = {
        "label": f"{escape(name_of(box))}{notes}",
        "tooltip": escape(tooltip),
        "color": look.line,
        "penwidth": f"{0.8 + 5.2 * sqrt(picture.share(box)):.2f}",
    }
    striped = len(box.states) > 1
    styles = ["striped" if striped else "filled"]
    if look.is_dashed and not striped:
        styles.append("dashed")
    if box.is_source and not striped:
        attributes["shape"] = "cylinder"
        attributes["margin"] = LID_MARGIN
    elif not striped and not box.is_group:
        styles.append("rounded")
    attributes["style"] = ",".join(styles)
    attributes["fillcolor"] = _stripes(box) if striped else look.fill
    return ", ".join([f'{name}="{value}"' for name, value in attributes.items()])


def _stripes(box: Box) -> str:
    """Returns the colours of a box with as much of each as there are nodes of that state, and a sliver at least."""
    shares = [max(LEAST_STRIPE, count / box.count) for _, count in box.states]
    parts = [f"{LOOKS[state].fill};{share / sum(shares):.4f}" for (state, _), share in zip(box.states, shares, strict=True)]
    return ":".join([*parts[:-1], LOOKS[box.states[-1][0]].fill])  # the last takes the rest


def _quote(word: str) -> str:
    return f' [label="{escape(word)}"]' if word else ""


def _legend(picture: Picture) -> str:
    told = {
        "the thicker the line, the more time it took": picture.seconds > 0,
        "with a lid: a source": any(box.is_source for box in picture.boxes),
    }
    hints = "; ".join([hint for hint, is_told in told.items() if is_told])
    # Each text has room to its right, as a browser may have another font than Graphviz measured.
    title, looks = title_of(picture), legend_of(picture)
    rows = [f'<TD ALIGN="LEFT"><B>{markup.escape(title)}</B></TD>']
    if looks:
        width = sum([_width_of(meaning) + 30 for _, meaning in looks])
        rest = max(1, WIDTH_OF_LETTER * max(len(title), len(hints)) - width)  # else the row is stretched, and every cell with it
        rows.append("".join([*[_swatch(state, meaning) for state, meaning in looks], f'<TD WIDTH="{rest}"> </TD>']))
    if hints:
        rows.append(f'<TD ALIGN="LEFT">{markup.escape(hints)}</TD>')
    # A table for each row, so that the columns of one do not stretch those of the other.
    start = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="3" CELLPADDING="2">'
    cells = "".join([f'<TR><TD ALIGN="LEFT">{start}<TR>{row}</TR></TABLE></TD></TR>' for row in rows])
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{cells}</TABLE>'


def _swatch(state: str, meaning: str) -> str:
    look = LOOKS[state]
    text = f'<TD ALIGN="LEFT" FIXEDSIZE="TRUE" WIDTH="{_width_of(meaning)}" HEIGHT="16">{markup.escape(meaning)}</TD>'
    return f'<TD BGCOLOR="{look.fill}" COLOR="{look.line}" {SWATCH}></TD>{text}'


def _width_of(meaning: str) -> int:
    """Returns the width of a cell in points."""
    return WIDTH_OF_LETTER * len(meaning) + 8
