"""Writes a sheet as HTML for a notebook or a page: `write`; `write_table`, one table; `escape`, whatever a text contains.

The HTML sets no colour of text and no opaque background, so that it reads on the light and on the dark ground of whatever shows
it; the colours of the states are translucent.  It is complete by itself: no script, and nothing is fetched.  Each sheet brings
its style along, as nobody knows which of the outputs of a notebook are still there.

`_STYLE` is that style; outlines, entries, rows and cells are written by functions of their own.  `_list_markup` does so for the
parts of a sheet.
"""

import re
from collections.abc import Iterator, Sequence

from .palette import LOOKS
from .sheet import Cells, Drawing, Entry, Line, Outline, Part, Rows, Sheet, find_state
from .values import visible

_NUMBER = re.compile(r"[-+]?[\d.,]+(e[-+]\d+)?%?( (s|ms|us|bytes|[kMGT]B))?|[-+]?(nan|inf)")
"""The cells of a column of numbers, which is aligned to the right."""
_TITLE, _NUMERIC = ' class="dug-title"', ' class="dug-number"'
_STATES = "".join(
    [f".dug .dug-{state}{{background:{look.line}40;box-shadow:inset 0 0 0 1px {look.line}b0}}" for state, look in LOOKS.items()]
)
_STYLE = (
    ".dug{font-size:13px;line-height:1.45;overflow-x:auto;text-align:left}"
    ".dug p{margin:0;padding:1px 0;font-size:inherit;line-height:inherit;max-width:none;white-space:pre-wrap;"
    "overflow-wrap:anywhere}"
    ".dug .dug-title{font-weight:600}"
    ".dug .dug-more,.dug summary{opacity:.7}"
    ".dug summary{cursor:pointer}"
    ".dug .dug-table{border-collapse:collapse;border:0;margin:4px 0;width:auto;max-width:none;table-layout:auto;"
    "display:table;font-size:12px;line-height:inherit}"
    ".dug .dug-table tr:nth-child(n){background:none;border:0}"
    ".dug .dug-table th,.dug .dug-table td{text-align:left;vertical-align:top;padding:2px 12px 2px 0;border:0;"
    "border-bottom:1px solid #80808055;background:none;max-width:60ch;white-space:pre-wrap;overflow-wrap:break-word}"
    ".dug .dug-table th{font-weight:600;opacity:.7;white-space:nowrap}"
    ".dug .dug-table td{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}"
    ".dug .dug-table .dug-number{text-align:right;white-space:nowrap}"
    ".dug .dug-state{border-radius:3px;padding:0 5px;white-space:nowrap}"
    ".dug .dug-picture{margin:4px 0;max-width:100%;overflow-x:auto}"
    ".dug .dug-picture svg{background:#fff;border-radius:6px;padding:6px;max-width:none;height:auto}"
    f"{_STATES}"
)


def write(sheet: Sheet) -> str:
    """Returns a sheet as HTML; what would be mathematics for a notebook stays text."""
    parts = "".join([markup for part in sheet.parts for markup in _list_markup(part)])
    return f'<div class="dug tex2jax_ignore mathjax_ignore"><style>{_STYLE}</style>{parts}</div>'


def write_table(columns: Cells, rows: Sequence[Cells]) -> str:
    """Returns a table; a state has its colour, and numbers stand to the right."""
    return _frame(columns, [_write_row(columns, _find_numbers(columns, rows), row) for row in rows])


def escape(text: str) -> str:
    """Returns `text` quoted for HTML, for its attributes too, and for the labels of Graphviz between angle brackets."""
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _list_markup(part: Part) -> Iterator[str]:
    if isinstance(part, Line):
        yield f"<p{_TITLE if part.is_title else _indent(part.depth)}>{escape(part.text)}</p>"
    elif isinstance(part, Rows):
        yield write_table(part.columns, part.rows)
        if part.more:
            yield f'<p class="dug-more">{escape(part.more)}</p>'
    elif isinstance(part, Outline):
        yield _write_outline(part)
    elif isinstance(part, Drawing):
        yield f'<div class="dug-picture">{part.markup}</div>'
    else:
        inner = "".join([markup for one in part.parts for markup in _list_markup(one)])
        yield f"<details><summary>{escape(part.title)}</summary>{inner}</details>"


def _write_outline(outline: Outline) -> str:
    whole = [entry.cells for entry in outline.entries if len(entry.cells) == len(outline.columns)]
    numbers = _find_numbers(outline.columns, whole)
    return _frame(outline.columns, [_write_entry(outline.columns, numbers, entry) for entry in outline.entries])


def _write_entry(columns: Cells, numbers: Sequence[bool], entry: Entry) -> str:
    if len(entry.cells) == len(columns):
        return _write_row(columns, numbers, entry.cells, entry.depth)
    return f'<tr><td colspan="{len(columns)}"{_indent(entry.depth)}>{escape(entry.cells[0])}</td></tr>'


def _frame(columns: Cells, rows: Sequence[str]) -> str:
    heads = "".join([f"<th>{escape(column)}</th>" for column in columns])
    return f'<table class="dug-table"><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _write_row(columns: Cells, numbers: Sequence[bool], cells: Cells, depth: int = 0) -> str:
    looks = [_NUMERIC if is_number else "" for is_number in numbers]
    looks[0] += _indent(depth)
    written = [f"<td{look}>{_write_cell(column, cell)}</td>" for look, column, cell in zip(looks, columns, cells, strict=True)]
    return f"<tr>{''.join(written)}</tr>"


def _write_cell(column: str, cell: str) -> str:
    state = find_state(column, cell)
    return escape(cell) if state not in LOOKS else f'<span class="dug-state dug-{state}">{escape(cell)}</span>'


def _find_numbers(columns: Cells, rows: Sequence[Cells]) -> list[bool]:
    """Returns for each column whether it has numbers and nothing else."""
    return [
        any(row[place] for row in rows) and all(not row[place] or _NUMBER.fullmatch(row[place]) for row in rows)
        for place in range(len(columns))
    ]


def _indent(depth: int) -> str:
    return f' style="padding-left:{min(depth, 12) * 1.4:g}em"' if depth else ""
