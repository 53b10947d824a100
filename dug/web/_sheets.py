"""Parts of a page as data for JSON: `tell_sheet` tells what any object of dug shows of itself; `tell_table`, `tell_text`.

A cell that is the text of a node of the page becomes a link to it.  The page's script draws the parts, by their ``kind``.

`Cell` is one that is a link or has a shade; `tell_line` and `tell_links` make the others.  `_tell_part` and `_tell_cell` tell a
part of any kind.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from .._text.sheet import Drawing, Folded, Line, Outline, Rows, Sheet
from ._texts import LONGEST_NAME, clean

Part = dict[str, Any]
FindName = Callable[[str], str | None]
"""Returns the name in an address of the node with a text; None where there is no such node."""

MOST_ROWS = 500
"""How many rows a table has."""


@frozen
class Cell:
    """A cell that leads to a view of the page, or that has a shade."""

    text: str
    view: str = ""
    query: Mapping[str, str] = {}
    shade: str = ""
    """A class of the style sheet."""


def tell_sheet(sheet: Sheet, find_name: FindName) -> list[Part]:
    """Returns the parts of a sheet."""
    return [_tell_part(part, find_name) for part in sheet.parts]


def tell_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    find_name: FindName,
    *,
    title: str = "",
    more: str = "",
    depths: Sequence[int] | None = None,
) -> Part:
    """Returns a table, of which the cells are texts, each a `Cell`, or nothing; `depths` indent the rows."""
    shown = list(rows)[:MOST_ROWS]
    told = [_tell_row(row, find_name, depth) for row, depth in zip(shown, depths or [0] * len(shown), strict=False)]
    return {"kind": "table", "title": title, "columns": list(columns), "rows": told, "more": clean(more)}


def tell_text(title: str, text: str) -> Part:
    """Returns a text of several lines under a title."""
    return {"kind": "text", "title": title, "text": clean(text)}


def tell_links(view: str, choices: Iterable[tuple[str, Mapping[str, str]]], query: Mapping[str, str]) -> Part:
    """Returns links to one view with different queries, of which `query` is the present one."""
    queries = [(clean(text, 100), dict(to)) for text, to in choices]
    links = [{"text": text, "view": view, "query": to, "is_current": to == dict(query)} for text, to in queries]
    return {"kind": "choices", "links": links}


def tell_line(text: str, depth: int = 0) -> Part:
    """Returns a line of text."""
    return {"kind": "line", "text": clean(text, LONGEST_NAME), "depth": depth}


def _tell_part(part: Any, find_name: FindName) -> Part:
    if isinstance(part, Line):
        return {**tell_line(part.text, part.depth), "is_title": part.is_title}
    if isinstance(part, Rows):
        return tell_table(part.columns, part.rows, find_name, more=part.more)
    if isinstance(part, Outline):
        rows = [_tell_row(entry.cells, find_name, entry.depth) for entry in part.entries[:MOST_ROWS]]
        return {"kind": "table", "title": "", "columns": list(part.columns), "rows": rows, "more": ""}
    if isinstance(part, Folded):
        return {"kind": "folded", "title": clean(part.title, LONGEST_NAME), "parts": tell_sheet(Sheet(part.parts), find_name)}
    assert isinstance(part, Drawing)  # noqa: S101  there are no others
    return tell_text("", part.text)


def _tell_row(cells: Sequence[Any], find_name: FindName, depth: int = 0) -> dict[str, Any]:
    return {"depth": min(depth, 12), "cells": [_tell_cell(cell, find_name) for cell in cells]}


def _tell_cell(cell: Any, find_name: FindName) -> dict[str, Any]:
    if isinstance(cell, Cell):
        leads = {"view": cell.view, "query": dict(cell.query)} if cell.view else {}
        return {"text": clean(cell.text, LONGEST_NAME), **leads, **({"class": cell.shade} if cell.shade else {})}
    text = "" if cell is None else str(cell)
    name = find_name(text)
    told = {"text": clean(text, LONGEST_NAME)}
    return told if name is None else {**told, "name": name}
