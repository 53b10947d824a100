"""`Table`, rows that print aligned or become a pandas frame (`make_frame`); `tabulate_states` makes one of a graph.

`make_rows` makes the rows from records, `write_cell` the text of a cell.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar, overload

from .._core.read import Node
from .._extras.packages import import_pandas
from .._text.sheet import Rows, Sheet
from .._text.shown import Shown
from .._text.values import drop_main, in_seconds, number_alike, shorten, show_whole, visible
from .graph import Fact, Graph

T = TypeVar("T")

_SHOWN = 60
"""How many rows are printed."""
_WIDTH = 72
"""How many characters of a cell are printed."""


class Table(Shown, Sequence[T], Generic[T]):
    """Rows, in order; ``print`` and a notebook show the first of them, `to_frame` makes a pandas frame of all."""

    def __init__(self, rows: Sequence[T], columns: Mapping[str, Callable[[T], object]], *, width: int = _WIDTH) -> None:
        self._rows = tuple(rows)
        self._columns = columns
        self._width = width
        """How many characters of a cell are printed."""

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> "Table[T]": ...
    def __getitem__(self, place: Any) -> Any:
        found = self._rows[place]
        return Table(found, self._columns, width=self._width) if isinstance(place, slice) else found

    def __len__(self) -> int:
        return len(self._rows)

    def to_frame(self) -> Any:
        """Returns a ``pandas.DataFrame`` with the same rows and columns.

        Raises:
            ImportError: pandas is not installed; the message says what to type.
        """
        pandas = import_pandas()
        columns = {name: [read(row) for row in self._rows] for name, read in self._columns.items()}
        return make_frame(lambda dtype: pandas.DataFrame(columns, dtype=dtype))

    def _sheet(self) -> Sheet:
        columns = ["took" if name == "seconds" else name for name in self._columns]
        rows = ([_tell(name, read(row)) for name, read in self._columns.items()] for row in self._rows)
        return Sheet([make_rows(columns, rows, len(self), self._width)])

    def __str__(self) -> str:
        return self._write_lines()

    def __repr__(self) -> str:
        return self._write_lines()


def make_rows(columns: Sequence[str], rows: Iterable[Sequence[object]], count: int, width: int = _WIDTH) -> Rows:
    """Returns the first of `count` rows as texts, each cell cut at `width`; nodes that have one text are numbered."""
    first = list(islice(rows, _SHOWN))
    nodes = list(dict.fromkeys([cell for row in first for cell in row if isinstance(cell, Node)]))
    names = dict(zip(nodes, number_alike([write_cell(str(node)) for node in nodes]), strict=True))
    shown = [[names[cell] if isinstance(cell, Node) else write_cell(cell, width) for cell in row] for row in first]
    return Rows(columns, shown, f"... {count - _SHOWN:,} more" if count > _SHOWN else "")


def tabulate_states(graph: "Graph[Node[Any]]") -> Table[Fact[Node[Any]]]:
    """Returns a table of the facts of a graph, in its order."""
    columns: dict[str, Callable[[Fact[Node[Any]]], object]] = {
        "node": lambda fact: fact.node,
        "state": lambda fact: f"{fact.state}, source" if fact.is_source else fact.state,
        "seconds": lambda fact: fact.seconds,
        "read": lambda fact: fact.times_read,
        "error": lambda fact: fact.error,
    }
    return Table([graph.fact(node) for node in graph], columns)


def make_frame(make: Callable[[Any], Any]) -> Any:
    """Returns the result of `make` with a dtype: None for the best there is, object if pandas cannot encode a text."""
    try:
        return make(None)
    except UnicodeEncodeError:  # half of a surrogate pair
        return make(object)


def _tell(name: str, cell: object) -> object:
    """Returns what is shown of a cell: of seconds a time with a unit, if it took any."""
    return cell if name != "seconds" else in_seconds(cell) if isinstance(cell, float) and cell else ""


def write_cell(value: object, width: int = _WIDTH) -> str:
    """Returns the text of a cell, in one line and bounded in length."""
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, str):
        return shorten(visible(shorten(drop_main(value), 2 * width)), width)
    text = "" if value is None else show_whole(value, width)
    return shorten(text, width)
