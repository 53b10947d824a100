"""The rows of a file as objects, with what they say of each other checked: nodes with their edges, functions, tweaks, errors."""

import json
from collections.abc import Iterator
from typing import Any

from attrs import define, frozen

from . import _format as fmt
from ._file import SavedFile

_STATES = frozenset({fmt.COMPUTED, fmt.TWEAKED, fmt.FAILED, fmt.MASKED, fmt.NOT_RUN})


@frozen(eq=False)
class Content:
    """Where the bytes of a value are, and what they take to be read."""

    number: int
    codec: str | None
    needs: str | None
    size: int | None
    digest: bytes | None
    absent: str | None

    @property
    def reason(self) -> str | None:
        """Why there is no value; None when there is one."""
        if self.codec is None or self.size is None or self.digest is None:
            return self.absent or "nothing was written"
        return None


@define(eq=False)
class NodeRow:
    """One node."""

    number: int
    function: int
    arguments: str | None
    text: str
    state: str
    flags: int
    seconds: float
    own_seconds: float
    times_read: int
    content: Content
    value: str
    edges: list[tuple[int, int]]

    @property
    def reads(self) -> list[int]:
        """The numbers of the nodes that it read, in its order."""
        return [dependency for kind, dependency in self.edges if kind == fmt.READ]


@frozen(eq=False)
class FunctionRow:
    """One function."""

    number: int
    name: str
    kind: str
    version: str | None
    source: str | None
    fingerprint: str | None
    unreachable: str | None
    """Why no other process can find it by its name, if that is so."""
    parts: str | None
    """What it reached, as JSON: a short text by place; none in files of format 1."""

    @property
    def reached(self) -> dict[str, str]:
        """What it reached, by place; empty where that was not written."""
        try:
            said = json.loads(self.parts or "{}")
        except (ValueError, RecursionError):
            return {}
        return {place: one for place, one in said.items() if isinstance(one, str)} if isinstance(said, dict) else {}


@frozen(eq=False)
class TweakRow:
    """One tweak."""

    number: int
    layer: int
    function: int
    node: int | None
    kind: str
    fn: str | None
    content: Content
    text: str


@frozen(eq=False)
class ErrorRow:
    """How one node failed."""

    number: int
    type: str
    text: str
    traceback: str
    arguments: str | None


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
    """Returns what nodes that opened contexts looked at, by their number: function, and node or None."""
    found: dict[int, list[tuple[int, int | None]]] = {}
    for _, node, function, target, _ in file.rows("consulted"):
        found.setdefault(node, []).append((function, target))
    return found


def read_nodes(file: SavedFile) -> Iterator[NodeRow]:
    """Yields all nodes with their edges, each after what it read."""
    edges = file.edges()
    pending = next(edges, None)
    for row in file.rows("nodes"):
        own: list[tuple[int, int]] = []
        if pending is not None and pending[0] == row[0]:
            own, pending = pending[1], next(edges, None)
        yield _node(file, row, own)
    if pending is not None:
        raise file.damaged("there are edges of a node that is not there")


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
    """Returns what the nodes are called that have a text which they share: each has a number behind it."""
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


def _node(file: SavedFile, row: tuple[Any, ...], edges: list[tuple[int, int]]) -> NodeRow:
    number, function, arguments, text, state, flags, seconds, own, times, *content, value, check, _ = row
    file.check_edges(number, edges, check)
    if state not in _STATES or any(kind == fmt.READ and not 0 < dependency < number for kind, dependency in edges):
        raise file.damaged(f"node {number} says what no node can say")
    where = Content(number, *content)
    return NodeRow(number, function, arguments, text, state, flags, seconds, own, times, where, value, edges)
