"""Frames and series of polars, for words about them: `describe` one; `differ`, where two of one length differ.

`_find_differing` finds the elements, `_find_move` the one that moved most.
"""

from typing import Any

import polars as pl

from .places import Alone, Described, Difference, Span, cut_label

_FEW = 6
"""How many elements are shown."""


def describe(value: object) -> Described | None:
    """Returns what polars says of a frame or a series; None for other objects of polars'."""
    if isinstance(value, pl.DataFrame):
        return Described(
            kind="polars DataFrame",
            shape=value.shape,
            columns=[(name, str(dtype)) for name, dtype in value.schema.items()],
            size_bytes=int(value.estimated_size()),
            is_least=any(dtype == pl.Object for dtype in value.dtypes),
        )
    if not isinstance(value, pl.Series):
        return None
    return Described(
        kind="polars Series",
        shape=(len(value),),
        dtype=str(value.dtype),
        name=value.name or None,
        size_bytes=int(value.estimated_size()),
        is_least=bool(value.dtype == pl.Object),
        elements=value.to_list() if len(value) <= _FEW and value.dtype.is_numeric() else [],
    )


def differ(old: Any, new: Any) -> Difference | None:
    """Returns where two frames or series of one length differ in their common columns; None for other objects."""
    is_frame = isinstance(old, pl.DataFrame)
    if isinstance(old, pl.Series):
        old, new = old.alias("").to_frame(), new.alias("").to_frame()
    if not isinstance(old, pl.DataFrame) or old.height != new.height:
        return None
    columns = [name for name in old.columns if name in new.columns]
    differing = {name: differs for name in columns if (differs := _find_differing(old[name], new[name])).any()}
    moves = [(*move, name) for name in differing if (move := _find_move(old[name], new[name], differing[name])) is not None]
    largest, row, column = max([move for move in moves if type(move[0]) is type(moves[0][0])], default=(None, None, ""))
    is_row = pl.any_horizontal(*differing) if differing else pl.lit(False)
    rows: Any = pl.DataFrame(differing).select(is_row).to_series().arg_true() if differing else ()
    return Difference(
        cells=sum(int(differs.sum()) for differs in differing.values()),
        total=old.height * len(columns),
        unit="cell" if is_frame else "value",
        columns=[(name, int(differs.sum())) for name, differs in differing.items()] if is_frame else (),
        rows=Span.of(rows),
        largest=largest,
        where="" if row is None else f"row {row}, {cut_label(column)}" if is_frame else f"row {row}",
        dtypes=[(name, str(old[name].dtype), str(new[name].dtype)) for name in columns if old[name].dtype != new[name].dtype],
        alone=[
            Alone("column", when, Span.of(names))
            for when, one, other in (("before", old, new), ("after", new, old))
            if (names := [name for name in one.columns if name not in other.columns])
        ],
    )


def _find_differing(one: Any, other: Any) -> Any:
    """Returns which elements of two series of one length differ; a missing element is no other missing element."""
    if pl.Object not in (one.dtype, other.dtype):
        try:
            return one.ne_missing(other)
        except (pl.exceptions.PolarsError, TypeError, ValueError):  # dtypes that polars does not compare
            pass
    pairs = zip(one.to_list(), other.to_list(), strict=True)
    return pl.Series([bool(was is not now and was != now) for was, now in pairs], dtype=pl.Boolean)


def _find_move(one: Any, other: Any, differs: Any) -> tuple[Any, int] | None:
    """Returns how far the element moved that moved most, and its row; None where there is no such thing."""
    is_number = one.dtype.is_numeric() and other.dtype.is_numeric()
    if not is_number and not (one.dtype == other.dtype and one.dtype.is_temporal() and one.dtype != pl.Time):
        return None
    was, now = (one.cast(pl.Float64), other.cast(pl.Float64)) if is_number else (one, other)
    moves = (now - was).abs().filter(differs)
    if is_number:
        moves = moves.fill_nan(None)
    place = moves.arg_max()
    return None if place is None else (moves[place], differs.arg_true()[place])
