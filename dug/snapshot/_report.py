"""The result of `save`: `Report`, how much was written and what was left out."""

from pathlib import Path

from attrs import frozen

from .._portable.rows import Absent
from .._text.values import visible


@frozen
class Report:
    """The content of the saved file."""

    path: Path
    nodes: int
    """How many nodes there are in the file, with and without a memo."""
    values: int
    """How many of them have a value that can be read back."""
    failures: int
    size_bytes: int
    seconds: float
    absent: tuple[Absent, ...]
    """The parts that were left out, with the reason; a missing value is computed again when it is asked for."""

    def __str__(self) -> str:
        counts = f"{self.nodes:,} nodes, {self.values:,} values, {self.failures:,} failures, {self.size_bytes:,} bytes"
        lines = [f"{visible(str(self.path))}: {counts}"]
        if self.absent:
            lines.append(f"left out: {len(self.absent):,}")
        lines += [f"  {one}" for one in self.absent[:10]]
        lines += [f"  ... {len(self.absent) - 10:,} more"] if len(self.absent) > 10 else []
        return "\n".join(lines)
