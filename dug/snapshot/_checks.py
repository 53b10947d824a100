"""Check numbers of a file's rows: `Checks` makes them and compares rows with theirs; `FirstChecks` does so for format 1.

Each number is a digest of the columns of a row, the name of its table and the identity of the file, which differs for each save.
So a reader notices a row, a page or a table that was damaged, moved to another place or taken from another file.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any
from zlib import crc32

_BYTES = 8
"""The integers that SQLite can keep."""


class Checks:
    """Makes the check numbers of one file.

    Args:
        identity: hexadecimal digits that no other file has.

    Raises:
        ValueError: they are none, or too many.
    """

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self._key = bytes.fromhex(identity)
        self._begun = {table: self._begin(table) for table in ("nodes", "edges", "functions", "errors", "tweaks", "consulted")}

    def of(self, table: str, row: Sequence[Any]) -> int:
        """Returns the check number of a row of a table."""
        made = self._begun[table].copy()
        made.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
        return int.from_bytes(made.digest(), "big", signed=True)

    def checked(self, table: str, row: Sequence[Any]) -> tuple[Any, ...]:
        """Returns a row with its check number at the end."""
        return (*row, self.of(table, row))

    def is_intact(self, table: str, row: Sequence[Any]) -> bool:
        """True when the last column is the check number of the others."""
        return bool(self.of(table, row[:-1]) == row[-1])

    def of_edges(self, node: int, edges: Sequence[tuple[int, int]]) -> int:
        """Returns the check number of a node's edges, pairs of kind and dependency in their order."""
        return self.of("edges", (node, *edges))

    def of_info(self, said: Mapping[str, str]) -> str:
        """Returns the digest under ``check`` of everything that the file says about itself under other names."""
        made = self._begin("info")
        made.update(repr(sorted(item for item in said.items() if item[0] != "check")).encode("utf-8", "surrogatepass"))
        return str(made.hexdigest())

    def _begin(self, table: str) -> Any:
        return blake2b(table.encode(), digest_size=_BYTES, key=self._key)


class FirstChecks(Checks):
    """The check numbers of format 1: each covers one row, and nothing else."""

    def __init__(self) -> None:
        super().__init__("00")

    def of(self, table: str, row: Sequence[Any]) -> int:  # noqa: ARG002  a row is the same in any table
        """Returns the check number of a row."""
        return crc32(repr(tuple(row)).encode("utf-8", "surrogatepass"))

    def of_edges(self, node: int, edges: Sequence[tuple[int, int]]) -> int:  # noqa: ARG002  and edges of any node
        """Returns the check number of edges, whichever node has them."""
        return crc32(repr(tuple(edges)).encode("ascii"))
