"""`_tables` prints rows for people, for pipes and for programs."""

import io
import json
import sys

import pytest

pytest.importorskip("click")

from dug.cli._tables import one_line, print_rows

ROWS = [["m:f('[bold]x[/bold]')", "failed", 1234], ["m:g()", None, 5]]
COLUMNS = ["node", "state", "bytes"]


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        return True


def open_terminal(monkeypatch):
    """Return a terminal of 100 columns that is put in the place of the standard output stream."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    return stream


def test_a_pipe_gets_aligned_columns(capsys):
    """Cells stand below their heads, whole, with nothing around them."""
    print_rows(COLUMNS, ROWS)

    assert capsys.readouterr().out.splitlines() == [
        "node                   state   bytes",
        "m:f('[bold]x[/bold]')  failed  1,234",
        "m:g()                          5",
    ]


def test_a_terminal_gets_a_table(monkeypatch):
    """On a terminal the table has lines and colours, and no cell is taken as markup."""
    pytest.importorskip("rich")
    terminal = open_terminal(monkeypatch)
    print_rows(COLUMNS, ROWS)
    text = terminal.getvalue()

    assert "[bold]x[/bold]" in text
    assert "┃" in text or "│" in text
    assert "\x1b[1;31mfailed" in text


def test_json_is_for_programs(capsys):
    """Every row is an object, with numbers as numbers and nothing as null."""
    print_rows(COLUMNS, ROWS, wants_json=True)

    assert json.loads(capsys.readouterr().out)[1] == {"node": "m:g()", "state": None, "bytes": 5}


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_cell_cannot_move_the_cursor(is_terminal, monkeypatch, capsys):
    """Escape sequences in a value arrive as text: a file cannot control the terminal of its reader."""
    terminal = open_terminal(monkeypatch) if is_terminal else None
    print_rows(["value"], [["\x1b[2Jgone\r\n\u202e"]])
    text = terminal.getvalue() if terminal else capsys.readouterr().out

    assert "\\x1b[2Jgone\\r\\n\\u202e" in text
    assert "\x1b[2J" not in text


def test_one_line_is_one_line():
    """Line ends are written as escape sequences."""
    assert one_line("a\nb") == "a\\nb"
    assert one_line("é 日") == "é 日"


def test_an_empty_table_has_its_heads(capsys):
    """No rows are not an error."""
    print_rows(COLUMNS, [])

    assert capsys.readouterr().out == "node  state  bytes\n"
