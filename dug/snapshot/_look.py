"""Looks at a file without decoding or importing anything of it: `look`, and the texts that were captured at save time."""

from collections.abc import Iterator, Mapping
from os import PathLike
from types import TracebackType
from typing import Self

from attrs import frozen

from .._core.read import Node
from .._inspect.graph import Fact, Graph
from .._portable import rows
from .._portable.rows import Absent, ErrorRow, FunctionRow, NodeRow
from .._text.values import tell_error
from ._file import Info, SavedFile
from ._rows import (
    find_alike,
    find_node,
    read_error,
    read_errors,
    read_functions,
    read_node,
    read_nodes,
    read_tweaks,
)


@frozen
class SavedError:
    """How a node failed."""

    node: str
    type: str
    """``module:qualname`` of the exception's class."""
    text: str
    traceback: str

    @property
    def place(self) -> str:
        """The place of the raise, as the traceback ends with it: nodes that pass an error on have the same one."""
        return self.traceback[self.traceback.rfind('File "') :]

    def __str__(self) -> str:
        name = self.type.rpartition(":")[2]
        return f"{name}: {self.text}" if self.text else name


@frozen
class SavedFunction:
    """A function as it was when the file was saved."""

    name: str
    kind: str
    version: str | None
    source: str | None
    """Its text, for reading."""
    fingerprint: str | None
    parts: Mapping[str, str]
    """What it reached, by place, each as a short text; empty in files of format 1."""


@frozen
class SavedTweak:
    """A tweak that was in force, as text."""

    target: str
    text: str
    layer: int
    """0 for the outermost; a later one is over it."""
    kind: str
    """``value``, ``bump``, ``replacement`` or ``untweaked``."""


@frozen
class SavedNode:
    """What is known of one node."""

    node: str
    function: str
    state: str
    """``computed``, ``tweaked``, ``failed``, ``masked`` or ``not-run``."""
    is_source: bool
    value: str
    """The value as short text; empty when there is none."""
    size_bytes: int | None
    """How large the value is in the file; None when it is not there."""
    digest: str | None
    """What two values, in any files, share exactly when they were written down alike."""
    absent: str | None
    """Why the value is not in the file, if it has one and it is not."""
    seconds: float
    own_seconds: float
    times_read: int
    dependencies: tuple[str, ...]
    error: SavedError | None


class Look:
    """An open file to look at; close it, or use it in a ``with``.  Nodes are named by their text, or by themselves."""

    def __init__(self, file: SavedFile) -> None:
        self._file = file
        self._functions = read_functions(file)

    @property
    def info(self) -> Info:
        """What the file says of itself: when it was saved, by which versions, how much there is."""
        return self._file.info

    @property
    def functions(self) -> tuple[SavedFunction, ...]:
        """The functions with their source text, as they were."""
        rows = self._functions.values()
        return tuple(SavedFunction(one.name, one.kind, one.version, one.source, one.fingerprint, one.reached) for one in rows)

    @property
    def tweaks(self) -> tuple[SavedTweak, ...]:
        """The tweaks that were in force, the outermost context's first."""
        return tuple(
            SavedTweak(self._function(row.function) if row.node is None else self._text(row.node), row.text, row.layer, row.kind)
            for row in read_tweaks(self._file)
        )

    @property
    def absent(self) -> tuple[Absent, ...]:
        """The nodes whose value is not in the file, with the reason."""
        rows = self._file.rows("nodes")  # all of them: a damaged one must not be passed over
        return tuple(Absent(row[3], row[13]) for row in rows if row[13] is not None)

    def failures(self) -> tuple[SavedError, ...]:
        """Returns the nodes that failed, each after what it read; takes no longer for the nodes that did not fail."""
        return tuple(self._error(row, self._text(row.number)) for row in read_errors(self._file).values())

    def nodes(self) -> tuple[str, ...]:
        """Returns the texts of all nodes, each after what it read."""
        return tuple(row.text for row in read_nodes(self._file))

    def targets(self) -> tuple[str, ...]:
        """Returns the texts of the nodes that nothing in the file read."""
        return tuple(text for _, _, _, text, _, _, _, _, times_read, *_ in self._file.rows("nodes") if not times_read)

    def known(self) -> Iterator[SavedNode]:
        """Yields what is known of each node, each after what it read; for many nodes quicker than one by one."""
        errors = read_errors(self._file)
        texts: dict[int, str] = {}
        for row in read_nodes(self._file):
            texts[row.number] = row.text
            yield self._saved(row, errors.get(row.number), texts)

    def graph(self) -> Graph[str]:
        """Returns all nodes and what they read."""
        rows = list(read_nodes(self._file))
        texts = {row.number: row.text for row in rows}
        errors = {number: self._error(row, texts.get(number, "?")) for number, row in read_errors(self._file).items()}
        facts = [self._fact(row, errors.get(row.number)) for row in rows]
        edges = {row.text: list(dict.fromkeys(texts[number] for number in row.reads)) for row in rows if row.edges}
        return Graph(facts, edges)

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes())

    def __getitem__(self, node: object) -> SavedNode:
        row = self._find(node)
        if row is None:
            alike = find_alike(self._file, str(node))
            if alike:
                raise KeyError(f"{len(alike)} nodes have the text {node}. Write one of: {', '.join(alike)}.")
            raise KeyError(f"{node} is not in {self._file.shown}. Its nodes are those of nodes().")
        return self._saved(row, read_error(self._file, row.number) if row.state == rows.FAILED else None, {})

    def __contains__(self, node: object) -> bool:
        return self._find(node) is not None

    def __len__(self) -> int:
        return self.info.nodes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __repr__(self) -> str:
        return f"<dug.snapshot.Look {self._file.shown} of {self.info.created}, {self.info.nodes:,} nodes>"

    def _find(self, node: object) -> NodeRow | None:
        """Returns a node by its text; by itself also where others have that text."""
        text = str(node)
        if not isinstance(node, Node):
            return find_node(self._file, text)
        from .._portable.nodes import call_of  # who looks by text needs no codec

        arguments = call_of(node._key)[1]
        alike = find_alike(self._file, text)
        if not alike:
            row = find_node(self._file, text)
            is_other = row is not None and None not in (row.arguments, arguments) and row.arguments != arguments
            return None if is_other else row
        rows = (find_node(self._file, name) for name in alike)
        return None if arguments is None else next((row for row in rows if row is not None and row.arguments == arguments), None)

    def _saved(self, row: NodeRow, error: ErrorRow | None, texts: dict[int, str]) -> SavedNode:
        content = row.content
        if error is None and row.state == rows.FAILED:
            raise self._file.damaged("a node that failed has no error")
        reads = [texts.get(number) or self._text(number) for _, number in row.edges]
        return SavedNode(
            row.text,
            self._function(row.function),
            row.state,
            bool(row.flags & rows.SOURCE),
            row.value,
            content.size,
            None if content.digest is None else content.digest.hex(),
            content.absent,
            row.seconds,
            row.own_seconds,
            row.times_read,
            tuple(dict.fromkeys(reads)),
            None if error is None or row.state != rows.FAILED else self._error(error, row.text),
        )

    def _function(self, number: int) -> str:
        row: FunctionRow | None = self._functions.get(number)
        if row is None:
            raise self._file.damaged(f"function {number} is not there")
        return row.name

    def _text(self, number: int) -> str:
        row = read_node(self._file, number)
        if row is None:
            raise self._file.damaged(f"node {number} is not there")
        return row.text

    def _error(self, row: ErrorRow, text: str) -> SavedError:
        return SavedError(text, row.type, row.text, row.traceback)

    def _fact(self, row: NodeRow, error: SavedError | None) -> Fact[str]:
        name = self._function(row.function)
        return Fact(
            row.text,
            name,
            name.partition(":")[0],
            row.state,
            bool(row.flags & rows.SOURCE),
            row.seconds,
            row.own_seconds,
            row.times_read,
            row.content.size,
            None if error is None else tell_error(error.type, error.text),
        )


def look(path: "str | PathLike[str]") -> Look:
    """Opens a file to look at: states, texts, failures and the graph, with nothing decoded, imported or run.

    Raises:
        SnapshotError: the file is no snapshot, needs a newer dug, or is damaged, which may show only when one looks there.
    """
    return Look(SavedFile(path))
