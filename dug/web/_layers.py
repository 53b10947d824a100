"""Where the boxes of a graph stand: `arrange` gives each a column, after all that it reads, and a row with few crossings."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def arrange(order: Sequence[T], reads: Mapping[T, Sequence[T]]) -> dict[T, tuple[int, float]]:
    """Returns the column and the row of each box.

    Args:
        order: the boxes, each after those that it reads; a read of a later box is drawn backwards.
        reads: for each box, those that it reads.

    Complexity: linear in the boxes and lines, up to sorting.

    Source: two sweeps of the barycentre method of Sugiyama, Tagawa and Toda, 1981.
    """
    columns: dict[T, int] = {}
    readers: dict[T, list[T]] = {box: [] for box in order}
    for box in order:
        known = [read for read in reads[box] if read in columns]
        columns[box] = 1 + max([columns[read] for read in known], default=-1)
        for read in known:
            readers[read].append(box)
    layers: dict[int, list[T]] = {}
    for box in order:
        layers.setdefault(columns[box], []).append(box)
    rows = {box: float(row) for layer in layers.values() for row, box in enumerate(layer)}
    for number in sorted(layers):
        _sort(layers[number], reads, rows)
    for number in sorted(layers, reverse=True):
        _sort(layers[number], readers, rows)
    tallest = max(map(len, layers.values()), default=0)
    for layer in layers.values():  # each column around one middle
        for row, box in enumerate(layer):
            rows[box] = row + (tallest - len(layer)) / 2
    return {box: (columns[box], rows[box]) for box in order}


def _sort(layer: list[T], beside: Mapping[T, Sequence[T]], rows: dict[T, float]) -> None:
    """Sorts a column by the middle of what each of its boxes is connected to."""
    middles = {}
    for box in layer:
        near = [rows[other] for other in beside[box] if other in rows]
        middles[box] = sum(near) / len(near) if near else rows[box]
    layer.sort(key=middles.__getitem__)
    for row, box in enumerate(layer):
        rows[box] = float(row)
