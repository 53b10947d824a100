"""The numbers that pictures of a sweep show: `read_number`, of a heat map and a tornado; `list_lines`, the lines of a tornado."""

from collections.abc import Sequence
from typing import Any

from .._text.values import LONGEST, show, show_str
from .levels import Answered, LadderLevels, Levels, target_label


def read_number(result: Answered, label: Any) -> float:
    """Returns the value of a target as a number to draw.

    Raises:
        TypeError: it is none.
    """
    value = result.values[label]
    try:
        return float(value)
    except (TypeError, ValueError) as exc:
        raise TypeError(
            f"Only numbers can be drawn, and {target_label(label)} is {show(value)} under {show(result.name)}. "
            "Sweep a node that makes a number of it."
        ) from exc


def list_lines(changes: Sequence[Answered], levels: Levels, label: Any) -> dict[str, dict[str, float]]:
    """Returns what a tornado shows: for each node the changes by direction, for scenarios that are not a ladder one of each."""
    lines: dict[str, dict[str, float]] = {}
    is_ladder = isinstance(levels, LadderLevels)
    rows = levels.list_rows(changes) if is_ladder else [(result.name, "") for result in changes]
    for result, (name, direction) in zip(changes, rows, strict=True):
        line = lines.setdefault(show_str(name, LONGEST), {})
        if label in result.values:
            line[direction] = read_number(result, label)
    return lines
