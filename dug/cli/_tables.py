"""Prints rows: `print_rows`, as a table for a person or columns for a pipe; `print_json` for a program; `is_terminal`.

A pipe gets whole cells without colours, so that a search for a text finds it, in one line.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from ._output import echo, one_line, paint

Row = Sequence[Any]
_UNUSUAL = re.compile(r"[^\n -~]")

as_json = click.option("--json", "wants_json", is_flag=True, help="Print JSON instead of a table.")
"""The option of every command that prints a table."""


def print_rows(columns: Sequence[str], rows: Sequence[Row], *, title: str = "", wants_json: bool = False) -> None:
    """Prints rows under the names of their columns."""
    if wants_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif is_terminal():
        _print_table(columns, rows, title)
    else:
        _print_plain(columns, rows)


def print_json(value: Any) -> None:
    """Prints JSON; characters that would control a terminal, or that it cannot print, are escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=not encoding.lower().startswith("utf"))
    echo(_UNUSUAL.sub(lambda found: found[0] if found[0].isprintable() else _escape(found[0]), text))


def is_terminal() -> bool:
    """True when the standard output stream is one."""
    return sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()


def _escape(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"


def _cells(row: Row) -> list[str]:
    return ["" if cell is None else f"{cell:,}" if type(cell) is int else one_line(str(cell)) for cell in row]


def _print_plain(columns: Sequence[str], rows: Sequence[Row]) -> None:
    table = [list(columns), *map(_cells, rows)]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    for line in table:
        echo("  ".join([cell.ljust(width) for cell, width in zip(line, widths, strict=True)]).rstrip())


def _print_table(columns: Sequence[str], rows: Sequence[Row], title: str) -> None:
    from rich.console import Console  # takes a while, and a pipe needs none of it
    from rich.table import Table  # likewise
    from rich.text import Text  # likewise

    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell, style=_STYLES.get(cell, "")) for cell in _cells(row)])
    console = Console()
    with console.capture() as captured:
        console.print(table)
    paint(captured.get())


_STYLES = {
    "failed": "bold red",
    "tweaked": "yellow",
    "masked": "magenta",
    "code-changed": "cyan",
    "not-run": "dim",
    "inherited": "dim",
}
