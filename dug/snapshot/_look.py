"""Opens a file for its texts: `look`; `Look` makes each `SavedNode` and `Fact` of a row, and asks `_details` to explain.

Nothing of the file is decoded or imported; the texts were captured at save time.

`Look` has `nodes`, `tweaks`, `functions`, `failures`, `graph`, `compare`; a row is found by `_find_row`, read by `_saved`, and
made a `_fact`.  Also `info`, `targets`, `known`, `tabulate_failures`, `list_errors`; errors are found by `_find_error`, functions
by `_function`.
"""

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .._core.read import Node
from .._inspect.graph import Fact, Graph
from .._portable import rows
from .._portable.rows import Absent, ErrorRow, FunctionRow, NodeRow
from .._text.counts import count
from .._text.sheet import Line, Rows, Sheet
from .._text.shown import Shown
from .._text.values import drop_main, show, tell_error
from ._file import Info, SavedFile
from ._folded import Folded
from ._rows import (
    find_alike,
    find_bare,
    find_node,
    read_error,
    read_errors,
    read_functions,
    read_node,
    read_nodes,
    read_tweaks,
)
from ._saved import SavedError, SavedFunction, SavedNode, SavedTweak
from ._scan import Scan

if TYPE_CHECKING:
    from .._inspect.compare import Comparison
    from .._inspect.explain import Explanation
    from .._inspect.failures import Failed
    from .._inspect.table import Table


_SHOWN = 12
"""How many tweaks are shown."""


class Look(Shown):
    """An open file to look at; close it, or use it in a ``with``.  Nodes are named by their text, or by themselves."""

    def __init__(self, file: SavedFile) -> None:
        self._file = file
        self._functions = read_functions(file)
        self._folded: Folded | None = None
        self._texts: Mapping[int, str] = {}
        """Texts of nodes by number, as far as they are known without asking the file."""

    @property
    def info(self) -> Info:
        """The description of the file: when it was saved, by which versions, how much there is."""
        return self._file.info

    @property
    def functions(self) -> tuple[SavedFunction, ...]:
        """The functions with their source text, as they were."""
        return tuple(
            SavedFunction(one.name, one.kind, one.version, one.source, one.fingerprint, one.reached, one.imported)
            for one in self._functions.values()
        )

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
        """Returns the nodes that failed, each after its dependencies; the nodes that did not fail cost no time."""
        return tuple(self._error(row, text) for text, row in self.list_errors().items())

    def tabulate_failures(self) -> "Table[Failed[str]]":
        """Returns the same as a table, as ``ctx.failures()`` does: those in which an error began first, and where others did.

        .. versionadded:: 0.1.0
        """
        from .._inspect.failures import list_failures  # a look at values alone starts sooner
        from ._details import SavedGraph  # likewise

        return list_failures(SavedGraph(self))

    def explain(self, node: object, *, full: bool = False) -> "Explanation":
        """Returns where the value of a node comes from, or why there is none, as ``ctx.explain`` does.

        Args:
            node: the node, or its text.
            full: whether every node that it read, and every tweaked node, has a line; else many of one function share one.

        Complexity: linear in the direct dependencies of the node; if the file has tweaks, in all its nodes.

        Raises:
            KeyError: it is not in the file.

        .. versionadded:: 0.1.0
        """
        from .._inspect.explain import explain  # a look at values alone starts sooner
        from ._details import SavedGraph  # likewise

        return explain(SavedGraph(self), self[node].node, full=full)

    def compare(self, other: "Look", *targets: object, full: bool = False) -> "Comparison[str, SavedNode]":
        """Returns which nodes have other values in another file, from the targets down to the cause of the difference.

        Args:
            other: the later file.
            targets: nodes that both have; by default all changed, new and missing nodes are listed, from those that nothing read.
            full: whether its text has a line for each node that changed, where it else fits a screen.

        Complexity: linear in the nodes of the two files.

        Raises:
            KeyError: one of the two files does not have a target.
            TypeError: the other is not an open file.

        .. versionadded:: 0.1.0
        """
        from .._inspect.compare import compare, compare_all  # a look at values alone starts sooner
        from ._details import SavedGraph  # likewise

        if not isinstance(other, Look):
            raise TypeError(f"{show(other)} is not an open file. Write look(path).compare(look(other_path)).")
        before, after = SavedGraph(self), SavedGraph(other)
        if targets:
            return compare(before, after, [(self[node], other[node])[1].node for node in targets], full=full)
        return compare_all(before, after, list(dict.fromkeys([*reversed(other.nodes()), *reversed(self.nodes())])), full=full)

    def nodes(self) -> tuple[str, ...]:
        """Returns the texts of all nodes, each after its dependencies."""
        return tuple(row.text for row in self._rows())

    def targets(self) -> tuple[str, ...]:
        """Returns the texts of the nodes that nothing in the file read."""
        if self._fold() is not None:
            return tuple(row.text for row in self._rows() if not row.times_read)
        return tuple(text for _, _, _, text, _, _, _, _, times_read, *_ in self._file.rows("nodes") if not times_read)

    def known(self) -> Iterator[SavedNode]:
        """Returns the record of each node, one by one, each after its dependencies; quicker than ``look[node]`` for many nodes.

        Raises:
            SnapshotError: the file was closed, or is damaged, which may show only on the way.
        """
        return self._read_known(self._errors())

    def _read_known(self, errors: dict[int, ErrorRow]) -> Iterator[SavedNode]:
        texts: dict[int, str] = {}
        for row in self._rows():
            texts[row.number] = row.text
            yield self._saved(row, errors.get(row.number), texts)

    def graph(self) -> Graph[str]:
        """Returns the graph of all nodes."""
        rows = list(self._rows())
        texts = {row.number: row.text for row in rows}
        errors = {number: self._error(row, texts.get(number, "?")) for number, row in self._errors().items()}
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
        return self._saved(row, self._find_error(row), {})

    def __contains__(self, node: object) -> bool:
        is_slip = hasattr(node, "_self_function")  # a function, which would never be in it
        return (is_slip or isinstance(node, (str, Node))) and self._find(node) is not None

    def __len__(self) -> int:
        return self.info.nodes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _sheet(self) -> Sheet:
        tweaks = self.tweaks
        rows = [[drop_main(one.target), one.text] for one in tweaks[:_SHOWN]]
        more = f"... {len(tweaks) - _SHOWN:,} more" if len(tweaks) > _SHOWN else ""
        said = Rows(["target", "tweak"], rows, more) if rows else Line("no tweaks were in force")
        return Sheet([*self.info._sheet().parts, said])

    def __repr__(self) -> str:
        return f"<dug.snapshot.Look {self._file.shown} of {self.info.created}, {count(self.info.nodes, 'node')}>"

    def _scan(self) -> Scan:
        """Returns the facts about all nodes without their edges; what is asked for later costs less then.

        Raises:
            SnapshotError: the file was closed, or its nodes are not as they were written.
        """
        folded = self._fold()
        found = Scan(self._file, self._functions, None if folded is None else folded.rows.values())
        self._texts = found.texts
        return found

    def _tell_outcome(self, text: str) -> str:
        """Returns the value or the error of a node of the file, as a table has it; its edges are not read."""
        row = find_bare(self._file, text) if self._fold() is None else self._find(text)
        if row is None:
            raise self._file.damaged("the index of its nodes does not lead to all of them")
        error = self._find_error(row)
        return row.value if error is None else tell_error(error.type, error.text)

    def _fold(self) -> Folded | None:
        """Returns all rows without marks of streams; None for a file that has none."""
        if self._folded is None and any(row.kind == rows.OF_MARKS for row in self._functions.values()):
            self._folded = Folded(read_nodes(self._file))
        return self._folded

    def _rows(self) -> Iterable[NodeRow]:
        folded = self._fold()
        return read_nodes(self._file) if folded is None else folded.rows.values()

    def _errors(self) -> dict[int, ErrorRow]:
        folded, errors = self._fold(), read_errors(self._file)
        return errors if folded is None else folded.fold_errors(errors)

    def _find_error(self, row: NodeRow) -> ErrorRow | None:
        if row.state != rows.FAILED:
            return None
        return read_error(self._file, row.number) if self._fold() is None else self._errors().get(row.number)

    def _find(self, node: object) -> NodeRow | None:
        """Returns a node as `_find_row` does; a stream with what its marks have read."""
        row = self._find_row(node)
        folded = None if row is None else self._fold()
        return row if folded is None or row is None else folded.rows.get(row.number, row)

    def _find_row(self, node: object) -> NodeRow | None:
        """Returns a node by its text or by itself; itself is enough also if other nodes have the same text.

        Raises:
            TypeError: it is neither a node nor a text.
        """
        if isinstance(node, str):
            return find_node(self._file, node)
        if not isinstance(node, Node):
            raise TypeError(f"{show(node)} is not a node. Write f.node(x), or the text of a node: look.nodes() lists them.")
        text = str(node)
        from .._portable.nodes import call_of  # a look by text needs no codec

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
        reads = [texts.get(number) or self._text(number) for _, number in row.edges if number != row.number]
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
            None if row.error_from is None else self._text(row.error_from),
        )

    def _function(self, number: int) -> str:
        row: FunctionRow | None = self._functions.get(number)
        if row is None:
            raise self._file.damaged(f"function {number} is not there")
        return row.name

    def _text(self, number: int) -> str:
        text = self._texts.get(number)
        if text is not None:
            return text
        row = read_node(self._file, number)
        if row is None:
            raise self._file.damaged(f"node {number} is not there")
        return row.text

    def list_errors(self) -> dict[str, ErrorRow]:
        """Returns the rows of the nodes that failed, by their text, each after its dependencies."""
        return {self._text(number): row for number, row in self._errors().items()}

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
        SnapshotError: the file is not a snapshot, needs a newer dug, or is damaged, which may show only when one looks there.
    """
    return Look(SavedFile(path))
