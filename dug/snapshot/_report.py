"""The result of `save`: `Report`, how much was written and what was left out."""

from pathlib import Path

from attrs import frozen

from .._portable.rows import Absent
from .._text.counts import count, count_failures
from .._text.sheet import Line, Sheet
from .._text.shown import Shown
from .._text.values import visible


@frozen
class Report(Shown):
    """The content of the saved file."""

    path: Path
    nodes: int
    """How many nodes there are in the file, with and without a memo."""
    values: int
    """How many of them have a value that can be read back."""
    failures: int
    """How many of them failed."""
    errors: int
    """In how many of those an error began; the others passed one on.

    .. versionadded:: 0.1.0
    """
    size_bytes: int
    seconds: float
    absent: tuple[Absent, ...]
    """The parts that were left out, with the reason; a missing value is computed again when it is asked for."""

    def _sheet(self) -> Sheet:
        known = f"{count(self.nodes, 'node')}, {count(self.values, 'value')}, {count_failures(self.failures, self.errors)}"
        lines = [Line(f"{visible(str(self.path))}: {known}, {count(self.size_bytes, 'byte')}", is_title=True)]
        if self.absent:
            lines.append(Line(f"left out: {len(self.absent):,}"))
        lines += [Line(str(one), 1) for one in self.absent[:10]]
        lines += [Line(f"... {len(self.absent) - 10:,} more", 1)] if len(self.absent) > 10 else []
        return Sheet(lines)

    def __str__(self) -> str:
        return self._write_lines()
