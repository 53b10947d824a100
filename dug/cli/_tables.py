"""How rows are printed: as a table for a person, as aligned columns for a pipe, as JSON for a program.

A pipe gets whole cells without colours, so that what it searches for is there, in one line.
"""

import json
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

Row = Sequence[Any]

as_json = click.option("--json", "wants_json", is_flag=True, help="Print JSON instead of a table.")
"""The option of every command that prints a table."""


def print_rows(columns: Sequence[str], rows: Sequence[Row], *, title: str = "", wants_json: bool = False) -> None:
    """Prints rows under the names of their columns."""
    if wants_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif sys.stdout.isatty():
        _print_table(columns, rows, title)
    else:
        _print_plain(columns, rows)


def print_json(value: Any) -> None:
    """Prints a value as JSON, and what JSON has no word for as text."""
    try:
        text = json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False)
    except (RecursionError, ValueError):  # it holds itself, or an integer of more digits than Python writes
        text = json.dumps(text_of(value, repr), ensure_ascii=False)
    click.echo(text)


def text_of(value: Any, show: Callable[[Any], str]) -> str:
    """Returns a value as text, or why it has none: that runs code of the user's."""
    try:
        return show(value)
    except Exception as exc:  # noqa: BLE001  it is the user's
        return f"<{type(value).__qualname__}, which cannot be shown: {type(exc).__name__}>"


def one_line(text: str) -> str:
    """Returns a text as it may stand in a cell: without line ends, and without what would move a terminal's cursor."""
    return text if text.isprintable() else "".join([char if char.isprintable() else repr(char)[1:-1] for char in text])


def lines_of(text: str) -> list[str]:
    """Returns the lines of a text, each as it may be printed on a terminal."""
    return [one_line(line.expandtabs()) for line in text.rstrip().splitlines()]


def _plain(value: Any) -> Any:
    """Returns a value in the words of JSON."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else _key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    is_word = value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return value if is_word else text_of(value, str)


def _key(key: Any) -> Any:
    """Returns a key that `json` writes: a tuple is text here."""
    return text_of(key, str) if isinstance(key, dict | list | tuple) else _plain(key)


def _cells(row: Row) -> list[str]:
    return ["" if cell is None else f"{cell:,}" if type(cell) is int else one_line(str(cell)) for cell in row]


def _print_plain(columns: Sequence[str], rows: Sequence[Row]) -> None:
    table = [list(columns), *map(_cells, rows)]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    for line in table:
        click.echo("  ".join([cell.ljust(width) for cell, width in zip(line, widths, strict=True)]).rstrip())


def _print_table(columns: Sequence[str], rows: Sequence[Row], title: str) -> None:
    from rich.console import Console  # takes a while, and a pipe needs none of it
    from rich.table import Table  # likewise
    from rich.text import Text  # likewise

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell, style=_STYLES.get(cell, "")) for cell in _cells(row)])
    Console().print(table)


_STYLES = {
    "failed": "bold red",
    "tweaked": "yellow",
    "masked": "magenta",
    "code-changed": "cyan",
    "not-run": "dim",
    "inherited": "dim",
}
