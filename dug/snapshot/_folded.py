"""Streams of a file as looks at a context show them: `Folded` has no marks, and a stream has read what its marks rest on.

`_sort` puts rows after what they read.  `find_owner` and `_find_owners` find the stream of a mark, `fold_errors` gives errors to
the nodes that show them, `_count_readers` counts.
"""

from collections.abc import Iterable

from attrs import evolve

from .._portable import rows
from .._portable.rows import ErrorRow, NodeRow


class Folded:
    """The rows of a file in which marks stand for their streams, each after what it read, but where streams read each other."""

    def __init__(self, found: Iterable[NodeRow]) -> None:
        self._owners: dict[int, int] = {}
        """By the number of a mark, that of its stream."""
        known = {row.number: row for row in found}
        self._find_owners(known)
        marks: dict[int, list[NodeRow]] = {}
        for number, owner in self._owners.items():
            marks.setdefault(owner, []).append(known.pop(number))
        folded = {number: self._fold(row, marks.get(number, [])) for number, row in known.items()}
        self._count_readers(folded, marks)
        self.rows: dict[int, NodeRow] = _sort(folded)
        """By number."""

    def _find_owners(self, known: dict[int, NodeRow]) -> None:
        """Finds the stream of each mark: the first mark has read it; where that is not there, the text of a mark says which."""
        of_function: dict[int, int] = {}
        by_text = {row.text: row.number for row in known.values()}
        for row in known.values():
            if not row.flags & rows.MARK:
                continue
            owner = of_function.get(row.function)
            if owner is None:
                read = [number for number in row.reads if number in known and known[number].flags & rows.STREAM]
                owner = read[0] if read else by_text.get(row.text.rpartition(".mark(")[0])
            if owner is not None and owner != row.number:
                of_function[row.function] = self._owners[row.number] = owner

    def find_owner(self, number: int) -> int:
        """Returns the number of the stream of a mark, or that of another node itself."""
        return self._owners.get(number, number)

    def fold_errors(self, errors: dict[int, ErrorRow]) -> dict[int, ErrorRow]:
        """Returns errors by the numbers of the nodes that show them."""
        return {self.find_owner(number): row for number, row in errors.items()}

    def _fold(self, row: NodeRow, marks: list[NodeRow]) -> NodeRow:
        """Returns a row that has read streams in the place of their marks, and as a stream what its marks have read."""
        edges = [(kind, self.find_owner(number)) for one in (row, *marks) for kind, number in one.edges]
        own = [edge for edge in dict.fromkeys(edges) if edge[1] != row.number or not marks]
        is_failed = bool(marks) and marks[-1].state == rows.FAILED
        return evolve(row, edges=own, state=rows.FAILED if is_failed else row.state)

    def _count_readers(self, folded: dict[int, NodeRow], marks: dict[int, list[NodeRow]]) -> None:
        """Notes how often nodes were read that marks have read, or whose marks were."""
        readers: dict[int, set[int]] = {}
        for row in folded.values():
            for number in row.reads:
                readers.setdefault(number, set()).add(row.number)
        read = {self.find_owner(number) for found in marks.values() for one in found for number in one.reads}
        for number in read | set(marks):
            if number in folded:
                folded[number].times_read = len(readers.get(number, ()))


def _sort(found: dict[int, NodeRow]) -> dict[int, NodeRow]:
    """Returns rows each after what it read, in their own order where that is left open."""
    done: dict[int, NodeRow] = {}
    for first in found.values():
        path = {} if first.number in done else {first.number: iter(first.reads)}
        while path:
            number, left = next(reversed(path.items()))
            further = next((one for one in left if one in found and one not in done and one not in path), None)
            if further is not None:
                path[further] = iter(found[further].reads)
                continue
            done[number] = found[number]
            del path[number]
    return done
