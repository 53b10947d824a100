"""Prints rows: `print_rows`, as a table for a person or columns for a pipe; `print_json` for a program; `is_terminal`.

A pipe gets whole cells without colours, so that a search for a text finds it, in one line.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from .._text.plain import align
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
    for line in align(columns, list(map(_cells, rows))):
        echo(line)


def _print_table(columns: Sequence[str], rows: Sequence[Row], title: str) -> None:
    from .._text._rich import write_table  # rich takes a while, and a pipe needs none of it

    paint(write_table(columns, list(map(_cells, rows)), title))
