"""Makes row objects of a file's raw rows, references checked: `FileRows`, `read_nodes`; `find_node` finds a row by its text.

Reading: `read_functions`, `read_errors`, `read_tweaks`, `read_consulted`, `read_node`, `pair_edges`.  Checking: `check_reads`,
`check_state`.  Finding by a text: `find_alike`, `find_indexed`, `find_bare`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from .._portable import rows
from .._portable.rows import Content, ErrorRow, FunctionRow, NodeRow, TweakRow
from ..errors import SnapshotError
from ._file import SavedFile

if TYPE_CHECKING:
    from ..codec import Encoded

T = TypeVar("T")

_READS = (rows.READ, rows.ERROR_FROM)
"""The kinds of edges that lead to an earlier node."""


class FileRows:
    """A file as a `Carrier` of its rows."""

    def __init__(self, file: SavedFile) -> None:
        self.file = file
        self.shown = file.shown
        self.lock = file.lock

    def functions(self) -> dict[int, FunctionRow]:
        """Returns the functions, by number."""
        return read_functions(self.file)

    def nodes(self) -> Iterator[NodeRow]:
        """Yields all nodes, each after its dependencies."""
        return read_nodes(self.file)

    def node(self, number: int) -> NodeRow | None:
        """Returns the node with a number, or None."""
        return read_node(self.file, number)

    def errors(self) -> dict[int, ErrorRow]:
        """Returns how nodes failed, by their number."""
        return read_errors(self.file)

    def consulted(self) -> dict[int, list[tuple[int, int | None]]]:
        """Returns the nodes and functions that nodes which opened contexts consulted, by their number."""
        return read_consulted(self.file)

    def tweaks(self) -> list[TweakRow]:
        """Returns the tweaks, in the order in which they are entered."""
        return read_tweaks(self.file)

    def read(self, what: str, content: Content) -> "Encoded":
        """Returns the encoded form of a value, read from the file."""
        return self.file.read(what, content)

    def damaged(self, what: str) -> SnapshotError:
        """Returns the error that says that the file is damaged, and how."""
        return self.file.damaged(what)


def read_functions(file: SavedFile) -> dict[int, FunctionRow]:
    """Returns the functions, by number."""
    return {row[0]: FunctionRow(*row[:-1]) for row in file.rows("functions")}


def read_errors(file: SavedFile) -> dict[int, ErrorRow]:
    """Returns how nodes failed, by their number."""
    return {row[0]: ErrorRow(*row[:-1]) for row in file.rows("errors")}


def read_error(file: SavedFile, number: int) -> ErrorRow | None:
    """Returns how the node with a number failed, or None."""
    return next((ErrorRow(*row[:-1]) for row in list(file.rows("errors", "WHERE node = ?", (number,)))), None)


def read_tweaks(file: SavedFile) -> list[TweakRow]:
    """Returns the tweaks, in the order in which they are entered."""
    return [
        TweakRow(number, layer, function, node, kind, fn, Content(-number, *content), text)
        for number, layer, function, node, kind, fn, *content, text, _ in file.rows("tweaks")
    ]


def read_consulted(file: SavedFile) -> dict[int, list[tuple[int, int | None]]]:
    """Returns the nodes and functions that nodes which opened contexts consulted, by their number."""
    found: dict[int, list[tuple[int, int | None]]] = {}
    for _, node, function, target, _ in file.rows("consulted"):
        found.setdefault(node, []).append((function, target))
    return found


def read_nodes(file: SavedFile) -> Iterator[NodeRow]:
    """Yields all nodes with their edges, each after its dependencies."""
    for row, edges in pair_edges(file, ((row[0], row) for row in file.rows("nodes"))):
        yield _node(file, row, edges)


def pair_edges(file: SavedFile, nodes: Iterable[tuple[int, T]]) -> Iterator[tuple[T, list[tuple[int, int]]]]:
    """Yields something of each node with the edges of that node.

    Args:
        file: the file.
        nodes: the number of each node in it with that something, by number.
    """
    edges = file.edges()
    pending = next(edges, None)
    for number, what in nodes:
        own: list[tuple[int, int]] = []
        if pending is not None and pending[0] == number:
            own, pending = pending[1], next(edges, None)
        yield what, own
    if pending is not None:
        raise file.damaged("there are edges of a node that is not there")


def check_reads(file: SavedFile, number: int, edges: Sequence[tuple[int, int]], check: int) -> None:
    """Refuses edges that a node did not have when it was written, or that no node can have.

    Raises:
        SnapshotError: their check number is another one, or one leads to a later node.
    """
    file.check_edges(number, edges, check)
    if any(kind in _READS and not 0 < dependency < number for kind, dependency in edges):
        raise file.damaged(f"node {number} says what no node can say")


def read_node(file: SavedFile, number: int) -> NodeRow | None:
    """Returns the node with a number, or None."""
    for row in list(file.rows("nodes", "WHERE id = ?", (number,))):
        return _node(file, row, dict(file.edges(number)).get(number, []))
    return None


def find_node(file: SavedFile, text: str) -> NodeRow | None:
    """Returns the node with a text, or None; O(nodes) for None, as a damaged index must not hide one."""
    found = find_indexed(file, text)
    if found is not None:
        return found
    if any(row.text == text for row in read_nodes(file)):
        raise file.damaged("the index of its nodes does not lead to all of them")
    return None


def find_alike(file: SavedFile, text: str) -> list[str]:
    """Returns the names of the nodes that share a text: each has a number behind it."""
    alike: list[str] = []
    while find_indexed(file, name := f"{text} #{len(alike) + 1}") is not None:
        alike.append(name)
    return alike


def find_indexed(file: SavedFile, text: str) -> NodeRow | None:
    """Returns the node with a text, or None, as the index knows them."""
    for row in list(file.rows("nodes", "WHERE text = ?", (text,))):
        found = read_node(file, row[0])
        if found is not None and found.text == text:
            return found
    return None


def check_state(file: SavedFile, number: int, state: str) -> None:
    """Refuses a state that no node can have.

    Raises:
        SnapshotError: it is none of `rows.STATES`.
    """
    if state not in rows.STATES:
        raise file.damaged(f"node {number} says what no node can say")


def find_bare(file: SavedFile, text: str) -> NodeRow | None:
    """Returns the node with a text, without its edges, or None, as the index knows it."""
    for row in list(file.rows("nodes", "WHERE text = ?", (text,))):
        if row[3] == text:
            return _make(file, row, [])
    return None


def _node(file: SavedFile, row: tuple[Any, ...], edges: list[tuple[int, int]]) -> NodeRow:
    check_reads(file, row[0], edges, row[-2])
    return _make(file, row, edges)


def _make(file: SavedFile, row: tuple[Any, ...], edges: list[tuple[int, int]]) -> NodeRow:
    number, function, arguments, text, state, flags, seconds, own, times, *content, value, _, _ = row
    check_state(file, number, state)
    return NodeRow(number, function, arguments, text, state, flags, seconds, own, times, Content(number, *content), value, edges)
