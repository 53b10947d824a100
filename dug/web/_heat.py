"""`tell_heat`, a grid of two axes as a table of shaded cells: the first axis goes down, the second across, as in a heat map.

`_list_choices` lists which numbers can be shown, `_tabulate` makes the rows, `_find_shades` gives the shade of a number.
`_tell_cell` shades one.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from .._inspect.context_details import read_number
from .._text.values import show
from ._sheets import Cell, Part, tell_line, tell_links, tell_table
from ._tally import Tally

STEPS = 8
"""How many shades there are of each sign; the style sheet has them."""
_DOWN, _ACROSS = 60, 40
"""How many cells are shown."""
_TARGETS = 8
"""How many targets can be chosen."""

Query = Mapping[str, str]


def tell_heat(tally: Tally, grid: Any, target: int, query: Query) -> Iterator[Part]:
    """Yields the parts for one target of a sweep, by its number: its changes where the bases are known, else its values."""
    labels = list(tally.labels)
    wants_values = query.get("cells") == "values"
    places = {grid.place(result): number for number, result in enumerate(tally.results)}
    moves = {} if wants_values else {cell: tally.find_move(number, labels[target]) for cell, number in places.items()}
    is_change = any(move is not None for move in moves.values())
    numbers = moves if is_change else _read_values(tally, places, labels[target])
    known = {cell: number for cell, number in numbers.items() if number is not None}
    if not known:
        return
    text = tally.labels[labels[target]]
    yield {**tell_line(f"{'Change of ' if is_change else ''}{text}"), "is_title": True}
    yield tell_links("sweep", _list_choices(tally), {name: query[name] for name in ("target", "cells") if name in query})
    yield _tabulate(tally, grid, places, known, is_change=is_change)


def _read_values(tally: Tally, places: Mapping[tuple[int, ...], int], label: Any) -> dict[tuple[int, ...], float | None]:
    return {cell: read_number(tally.results[number].values.get(label)) for cell, number in places.items()}


def _list_choices(tally: Tally) -> Iterator[tuple[str, Query]]:
    texts = list(tally.labels.values())[:_TARGETS]
    for number, text in enumerate(texts):
        target = {"target": str(number)} if number else {}
        yield (f"Change of {text}" if len(texts) > 1 else "Change"), target
        yield (f"Value of {text}" if len(texts) > 1 else "Value"), {**target, "cells": "values"}


def _tabulate(
    tally: Tally, grid: Any, places: Mapping[Any, int], known: Mapping[Any, float], *, is_change: bool
) -> Part:
    (height, width), (down, across) = grid.sizes, grid.names
    heads = grid.values()
    shade = _find_shades(list(known.values()))
    rows = [
        [_tell_head(heads[0][row]), *(_tell_cell(tally, places, known, (row, column), shade, is_change=is_change)
                                      for column in range(min(width, _ACROSS)))]
        for row in range(min(height, _DOWN))
    ]  # fmt: skip
    is_cut = height > _DOWN or width > _ACROSS
    more = f"the first {min(height, _DOWN):,} x {min(width, _ACROSS):,} of {height:,} x {width:,}" if is_cut else ""
    columns = [f"{down} \\ {across}", *map(_tell_head, heads[1][:_ACROSS])]
    return tell_table(columns, rows, lambda _: None, more=more)


def _tell_head(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def _tell_cell(
    tally: Tally, places: Mapping[Any, int], known: Mapping[Any, float], cell: Any, shade: Any, *, is_change: bool
) -> Cell | str:
    place = places.get(cell)
    if place is None:  # it has no result yet
        return ""
    query = {"scenario": str(place)}
    number = known.get(cell)
    if number is None:
        return Cell("failed" if tally.results[place]._failures else "?", "sweep", query, "failed")
    return Cell(f"{number:+.4g}" if is_change and number else f"{number:.4g}", "sweep", query, shade(number))


def _find_shades(numbers: Sequence[float]) -> Any:
    """Returns what gives the shade of a number: by its size where there are both signs, else between the ends."""
    finite = [number for number in numbers if isfinite(number)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    largest = max(-low, high)

    def find(number: float) -> str:
        if not isfinite(number) or low == high:
            return "heat0"
        if low < 0:
            step = round(STEPS * abs(number) / largest)
            return f"cold{step}" if number < 0 and step else f"heat{step}"
        return f"heat{round(STEPS * (number - low) / (high - low))}"

    return find
