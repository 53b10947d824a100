"""What dug shows of an object, before it is written: a `Sheet` of `Line`, `Rows` and `Outline` parts, the same for any medium.

`plain` writes a sheet as lines of text, `markup` as HTML, `_rich` in the colours of a terminal.  All texts of a sheet are in one
line and bounded in length, and nothing in them is escaped: a medium escapes what would mean something to it.

An `Outline` has an `Entry` for each line; `Drawing` is a picture, `Folded` what a reader may open; `find_state` finds the state
that a cell names.
"""

from collections.abc import Sequence

from attrs import frozen

Cells = Sequence[str]

STATE_COLUMNS = frozenset({"state", "kind"})
"""The columns whose cells begin with the state of a node, which has a colour."""


@frozen
class Line:
    """A line of text."""

    text: str
    depth: int = 0
    """How many steps it is indented."""
    is_title: bool = False
    """True for the line that says what is shown."""


@frozen
class Rows:
    """A table: rows of cells under the names of their columns."""

    columns: Cells
    rows: Sequence[Cells]
    more: str = ""
    """A line about rows that are left out; empty when there are none."""


@frozen
class Entry:
    """One entry of an `Outline`: a line of text, and the same in cells."""

    depth: int
    """How many steps it is indented."""
    text: str
    cells: Cells
    """One for each column, or one that goes over all of them."""


@frozen
class Outline:
    """Entries below each other that are lines where lines are written, and rows of a table where tables can be read."""

    columns: Cells
    entries: Sequence[Entry]


@frozen
class Drawing:
    """A picture: markup for a medium that can show it, and text for others."""

    markup: str
    text: str


@frozen
class Folded:
    """Parts that a reader may open: where nothing can be opened, they are left out."""

    title: str
    parts: "Sequence[Part]"


Part = Line | Rows | Outline | Drawing | Folded


@frozen
class Sheet:
    """The parts, in order."""

    parts: Sequence[Part]


def list_on_lines(lines: Sequence[str]) -> Sheet:
    """Returns a sheet of lines of which the first says what is shown."""
    return Sheet([Line(text, is_title=not place) for place, text in enumerate(lines)])


def find_state(column: str, cell: str) -> str | None:
    """Returns the state of a node that a cell names, if it stands in a column of states."""
    return cell.partition(",")[0] if column in STATE_COLUMNS else None
