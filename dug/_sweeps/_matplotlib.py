"""Draws the results of a sweep with matplotlib: `draw_heatmap` and `draw_tornado`; `drawn` collects the numbers.

A new figure is pyplot's, so that a notebook shows it; nothing else here touches pyplot.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from .._text.values import show
from .levels import DOWN, UP, GridLevels

_MOST_WRITTEN = 144
"""Up to so many cells have their value written in them."""
_SIDES = {UP: "tab:blue", DOWN: "tab:orange", "": "tab:blue"}
_LONGEST_LABEL = 60
_LONGEST_TICK = 8
"""Longer texts below the columns of a grid are slanted, so that none runs into the next."""
_SLANTED: Mapping[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}


def draw_heatmap(
    cells: Mapping[tuple[int, ...], float], levels: GridLevels, name: str, ax: Axes | None, options: Mapping[str, Any]
) -> Axes:
    """Returns axes with a cell for each value of a grid of two axes, by its places on both."""
    height, width = levels.sizes
    rows = [[cells.get((row, column), float("nan")) for column in range(width)] for row in range(height)]
    axes = _make_axes((3 + 0.8 * min(width, 20), 1.5 + 0.4 * min(height, 30))) if ax is None else ax
    image = axes.imshow(rows, **{"aspect": "auto", **_find_colours(cells), **options})
    down, across = levels.names
    values = levels.values()
    ticks = [_tick(value) for value in values[1]]
    is_tight = width > 8 or max(map(len, ticks), default=0) > _LONGEST_TICK
    axes.set_xticks(range(width), labels=ticks, **(_SLANTED if is_tight else {}))
    axes.set_yticks(range(height), labels=[_tick(value) for value in values[0]])
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    axes.figure.colorbar(image, ax=axes, label=name)
    if width * height <= _MOST_WRITTEN:
        for (row, column), value in cells.items():
            axes.text(column, row, _spell(value), ha="center", va="center", color=_find_ink(image, value))
    return axes


def draw_tornado(lines: Mapping[str, Mapping[str, float]], name: str, ax: Axes | None, most: int) -> Axes:
    """Returns axes with a horizontal line for each node or scenario, the largest change on top."""
    ordered = sorted(lines.items(), key=lambda item: -max(map(_size, item[1].values()), default=0.0))
    shown, more = ordered[:most], len(ordered[most:])
    axes = _make_axes((7, 1.2 + 0.35 * max(len(shown), 1))) if ax is None else ax
    sides = list(dict.fromkeys([side for _, line in shown for side in line]))
    for side in sides:
        places = [place for place, (_, line) in enumerate(shown) if side in line]
        axes.barh(places, [shown[place][1][side] for place in places], height=0.7, label=side, color=_SIDES[side])
    failed = [f"{label} (failed)" if not line else label for label, line in shown]
    axes.set_yticks(range(len(shown)), labels=[label[:_LONGEST_LABEL] for label in failed])
    axes.invert_yaxis()  # the first line is on top
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(f"{name} ({more:,} smaller not shown)" if more else name)
    if any(sides):
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))  # beside the bars, and over none of them
    return axes


def _make_axes(size: tuple[float, float]) -> Axes:
    return plt.subplots(figsize=size, layout="constrained")[1]


def _find_colours(cells: Mapping[tuple[int, ...], float]) -> dict[str, Any]:
    """Returns the colours of numbers: from one to the other end, or with white for zero where there are both signs."""
    finite = [value for value in cells.values() if isfinite(value)]
    if not finite or min(finite) >= 0 or max(finite) <= 0:
        return {"cmap": "viridis"}
    largest = max(map(abs, finite))
    return {"cmap": "RdBu", "vmin": -largest, "vmax": largest}


def _find_ink(image: Any, value: float) -> str:
    """Returns black or white, whichever can be read on the colour of a value."""
    if not isfinite(value):  # its cell has no colour
        return "black"
    red, green, blue, _ = image.cmap(image.norm(value))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _spell(value: float) -> str:
    """Returns a number that fits a cell: in digits while there are at most seven, else with an exponent."""
    return f"{value:,.0f}" if 10_000 <= abs(value) < 10_000_000 else f"{value:.4g}"


def _size(value: float) -> float:
    return abs(value) if isfinite(value) else 0.0


def _tick(value: Any) -> str:
    return value if isinstance(value, str) else show(value)
