"""`Scan`, one pass over the nodes of a file for their `Columns`; their edges are read when they are asked for.

All rows of nodes are checked in that pass, and all edges when they are read, as `_rows` checks them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from .._inspect.columns import Columns
from .._portable import rows
from .._portable.rows import FunctionRow, NodeRow
from ._file import SavedFile
from ._rows import check_reads, check_state, pair_edges

_WANTED = itemgetter(0, 15, 3, 1, 4, 5, 6, 7, 8, 11)
"""Of a row: the number of the node, the check number of its edges, text, function, state, flags, times, times read, size."""


class Scan:
    """The nodes of a file, each after its dependencies.

    Args:
        file: the file.
        functions: its functions, by number.
        folded: its nodes without marks of streams, if it has some; then their edges are there already.
    """

    def __init__(self, file: SavedFile, functions: Mapping[int, FunctionRow], folded: Collection[NodeRow] | None) -> None:
        found = map(_WANTED, file.rows("nodes")) if folded is None else map(_pick, folded)
        columns: list[list[Any]] = [list(column) for column in zip(*found, strict=True)] or [[] for _ in range(10)]
        self._file = file
        self._folded = folded
        self._numbers: list[int] = columns[0]
        self._checks: list[int] = columns[1]
        self.texts: dict[int, str] = dict(zip(columns[0], columns[2], strict=True))
        """By the number of a node, its text."""
        self.columns = self._make_columns(functions, *columns[2:])

    def _make_columns(self, functions: Mapping[int, FunctionRow], *columns: list[Any]) -> Columns[str]:
        texts, numbers, states, flags, *rest = columns
        for state in set(states):
            check_state(self._file, self._numbers[states.index(state)], state)
        names = {number: functions[number].name for number in set(numbers) if number in functions}
        unknown = next((number for number in numbers if number not in names), None)
        if unknown is not None:
            raise self._file.damaged(f"function {unknown} is not there")
        return Columns(texts, [names[number] for number in numbers], states, [bool(flag & rows.SOURCE) for flag in flags], *rest)

    def read_edges(self) -> list[tuple[int, ...]]:
        """Returns by place the places of what a node read, in its order, and of what ran under contexts that it opened.

        Raises:
            SnapshotError: the edges are not as they were written.
        """
        places = {number: place for place, number in enumerate(self._numbers)}
        try:
            found = [[places[read] for _, read in edges if read != number] for number, edges in self._pair_edges()]
        except KeyError as exc:
            raise self._file.damaged(f"node {exc.args[0]} is not there") from None
        return [tuple(dict.fromkeys(reads)) for reads in found]

    def _pair_edges(self) -> Iterator[tuple[int, Sequence[tuple[int, int]]]]:
        if self._folded is not None:
            yield from [(row.number, row.edges) for row in self._folded]
            return
        nodes = zip(self._numbers, zip(self._numbers, self._checks, strict=True), strict=True)
        for (number, check), edges in pair_edges(self._file, nodes):
            check_reads(self._file, number, edges, check)
            yield number, edges


def _pick(row: NodeRow) -> tuple[Any, ...]:
    times = row.seconds, row.own_seconds, row.times_read
    return row.number, 0, row.text, row.function, row.state, row.flags, *times, row.content.size
