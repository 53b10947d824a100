"""Writes a sheet in the colours of a terminal, with the package rich: `render`, what rich prints; `write_table`, one table.

`_render` and `_make_table` make what it prints of a part.
"""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from .palette import LOOKS
from .plain import indent, list_lines
from .sheet import Cells, Drawing, Entry, Line, Outline, Part, Rows, Sheet, find_state
from .values import visible


def render(sheet: Sheet) -> RenderableType:
    """Returns a sheet as rich prints it; no text of it is taken as markup of rich's."""
    return Group(*[one for part in sheet.parts for one in _render(part)])


def write_table(columns: Cells, rows: Sequence[Cells], title: str = "") -> str:
    """Returns a table for the terminal of this process, with the codes of its colours."""
    console = Console()
    with console.capture() as captured:
        console.print(_make_table(columns, rows, title))
    return captured.get()


def _render(part: Part) -> list[RenderableType]:
    if isinstance(part, Line):
        return [Text(f"{indent(part.depth)}{visible(part.text)}", style="bold" if part.is_title else "")]
    if isinstance(part, Rows):
        return [_make_visible(part.columns, part.rows), *([Text(visible(part.more), style="dim")] if part.more else [])]
    if isinstance(part, Outline):
        return [_make_visible(part.columns, [_fill(entry, part.columns) for entry in part.entries])]
    if isinstance(part, Drawing):
        return [Text(line) for line in list_lines(part)]
    return []


def _make_visible(columns: Cells, rows: Sequence[Cells]) -> Table:
    return _make_table(list(map(visible, columns)), [list(map(visible, row)) for row in rows])


def _fill(entry: Entry, columns: Cells) -> Cells:
    """Returns the cells of an entry, one for each column, the first indented."""
    first, *others = entry.cells
    return [f"{indent(entry.depth)}{first}", *others, *[""] * (len(columns) - len(entry.cells))]


def _make_table(columns: Cells, rows: Sequence[Cells], title: str = "") -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell, style=_find_style(column, cell)) for column, cell in zip(columns, row, strict=True)])
    return table


def _find_style(column: str, cell: str) -> str:
    look = LOOKS.get(find_state(column, cell) or "")
    return "" if look is None else look.style
