"""Writes a sheet as lines of text: `write`; `align`, the one place where the columns of a table are aligned.

`list_lines` gives the lines of a part, `indent` the spaces before one.  `_list_lines` writes each kind of part.
"""

from collections.abc import Iterator, Sequence

from .sheet import Cells, Drawing, Line, Outline, Part, Rows, Sheet
from .values import visible

STEP = "  "
_DEEPEST = 12
"""How many steps a line is indented at most."""


def write(sheet: Sheet) -> str:
    """Returns the lines of a sheet, without an end after the last."""
    lines: list[str] = []
    for part in sheet.parts:
        before = STEP if lines and isinstance(part, Rows) else ""  # below what it is about
        lines += [f"{before}{line}" for line in list_lines(part)]
    return "\n".join(lines)


def align(columns: Cells, rows: Sequence[Cells]) -> list[str]:
    """Returns the lines of a table: the names of the columns, and the cells of each row below them."""
    table = [columns, *rows]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    return ["  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]).rstrip() for row in table]


def indent(depth: int) -> str:
    """Returns the spaces before a line; very deep ones are indented alike."""
    return STEP * min(depth, _DEEPEST)


def list_lines(part: Part) -> list[str]:
    """Returns the lines of a part; no text of it moves to another line."""
    return list(map(visible, _list_lines(part)))


def _list_lines(part: Part) -> Iterator[str]:
    if isinstance(part, Line):
        yield f"{indent(part.depth)}{part.text}"
    elif isinstance(part, Rows):
        yield from align(part.columns, part.rows)
        if part.more:
            yield part.more
    elif isinstance(part, Outline):
        yield from [f"{indent(entry.depth)}{entry.text}" for entry in part.entries]
    elif isinstance(part, Drawing):
        yield from part.text.splitlines()
