"""Frames, series and indexes of pandas, for words about them: `describe` one; `differ`, where two with common labels differ.

Rows and columns that one side alone has are set apart (`_find_common`); the others are compared at once where they have one
dtype, else column by column.  `_compare` and `_compare_columns` do so, and `_find_differing`.
"""

import warnings
from collections.abc import Sequence
from functools import cache, reduce
from operator import or_
from typing import Any

import pandas as pd

from ._numpy import find_differing, find_largest, measure_moves
from .places import Alone, Described, Difference, Span, cut_label

_FEW = 6
"""How many elements are shown."""


def describe(value: object) -> Described | None:
    """Returns what pandas says of a frame, a series or an index; None for other objects of pandas'."""
    if isinstance(value, pd.DataFrame):
        dtypes = value.dtypes.tolist()
        return Described(
            kind="pandas DataFrame",
            shape=value.shape,
            columns=list(zip(value.columns, map(cache(str), dtypes), strict=True)),
            size_bytes=_measure(value, dtypes),
            is_least=any(map(pd.api.types.is_object_dtype, dtypes)),
        )
    if not isinstance(value, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return None
    is_short = len(value) <= _FEW and not isinstance(value, pd.MultiIndex) and pd.api.types.is_numeric_dtype(value.dtype)
    return Described(
        kind=f"pandas {type(value).__name__}",
        shape=(len(value),),
        dtype=str(value.dtype),
        name=getattr(value, "name", None),
        size_bytes=int(value.nbytes),
        is_least=pd.api.types.is_object_dtype(value.dtype),
        elements=list(value) if is_short else [],
    )


def _measure(frame: Any, dtypes: Sequence[Any]) -> int:
    """Returns the bytes of a frame as ``memory_usage()`` does, which asks for each column, and takes a second for 20,000."""
    is_plain = [hasattr(dtype, "char") for dtype in dtypes]  # one of numpy's
    plain = sum(dtype.itemsize for dtype, is_it in zip(dtypes, is_plain, strict=True) if is_it) * len(frame)
    others = 0 if all(is_plain) else frame.loc[:, [not one for one in is_plain]].memory_usage(index=False).sum()
    return int(frame.index.memory_usage() + plain + others)


def differ(old: Any, new: Any) -> Difference | None:
    """Returns where two frames, series or indexes differ in their common rows and columns; None where these cannot be found."""
    is_frame = isinstance(old, pd.DataFrame)
    if isinstance(old, pd.Series):
        old, new = old.to_frame(0), new.to_frame(0)
    elif isinstance(old, pd.Index):
        old, new = pd.DataFrame({0: old}), pd.DataFrame({0: new})
    if not isinstance(old, pd.DataFrame) or not (old.columns.is_unique and new.columns.is_unique):
        return None
    alone: list[Alone] = []
    columns, index = _find_common("column", old.columns, new.columns, alone), old.index
    if not index.equals(new.index):
        if not (index.is_unique and new.index.is_unique):
            return None
        index = _find_common("row", index, new.index, alone)
        old, new = old.loc[index], new.loc[index]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of dtypes that pandas will compare in another way
        return _compare(old[columns], new[columns], alone, is_frame=is_frame)


def _find_common(word: str, old: Any, new: Any, alone: list[Alone]) -> Any:
    """Returns the labels that both have, and notes those of one side."""
    common = old.intersection(new, sort=False) if not old.equals(new) else old
    for when, labels in (("before", old), ("after", new)):
        if len(labels) > len(common):
            alone.append(Alone(word, when, Span.of(labels.difference(common, sort=False))))
    return common


def _compare(old: Any, new: Any, alone: Sequence[Alone], *, is_frame: bool) -> Difference:
    """Compares frames with the same rows and columns."""
    is_one = len({*old.dtypes, *new.dtypes}) == 1 and old.dtypes.iloc[0].kind in "fiu" and hasattr(old.dtypes.iloc[0], "char")
    counts, rows, largest, where = _compare_together(old, new) if is_one else _compare_columns(old, new)
    dtypes = zip(old.columns, old.dtypes, new.dtypes, strict=True)
    row = "" if where is None else cut_label(where[0])
    return Difference(
        cells=sum(count for _, count in counts),
        total=old.size,
        unit="cell" if is_frame else "value",
        columns=counts if is_frame else (),
        rows=Span.of(rows),
        largest=largest,
        where="" if where is None else f"row {row}, {cut_label(where[1])}" if is_frame else f"row {row}",
        dtypes=[(label, str(was), str(now)) for label, was, now in dtypes if was != now],
        alone=alone,
    )


def _compare_together(old: Any, new: Any) -> tuple[Any, ...]:
    """Compares all columns at once, which are numbers of one dtype of numpy's."""
    one, other = old.to_numpy(), new.to_numpy()
    differs = find_differing(one, other)
    largest, where = find_largest(one, other, differs)
    counts = [(label, int(count)) for label, count in zip(old.columns, differs.sum(axis=0), strict=True) if count]
    return counts, old.index[differs.any(axis=1)], largest, (old.index[where[0]], old.columns[where[1]]) if where else None


def _compare_columns(old: Any, new: Any) -> tuple[Any, ...]:
    """Compares column by column."""
    counts, found = [], []
    largest = where = None
    for label in old.columns:
        one, other = old[label].reset_index(drop=True), new[label].reset_index(drop=True)
        differs = _find_differing(one, other)
        if not differs.any():
            continue
        counts.append((label, int(differs.sum())))
        found.append(differs)
        moves = measure_moves(_to_numbers(one[differs]), _to_numbers(other[differs]))
        if moves is not None and (largest is None or _is_longer(moves.max().item(), largest)):
            largest, where = moves.max().item(), (old.index[differs][int(moves.argmax())], label)
    return counts, old.index[reduce(or_, found)] if found else (), largest, where


def _find_differing(one: Any, other: Any) -> Any:
    """Returns which elements of two series of one length differ; a missing element is no other missing element."""
    try:
        same = one == other
    except (TypeError, ValueError):  # dtypes that pandas does not compare
        same = one.astype(object) == other.astype(object)
    same = same.astype("boolean").fillna(False).to_numpy(bool)
    return ~(same | (one.isna() & other.isna()).to_numpy(bool))


def _to_numbers(values: Any) -> Any:
    """Returns the elements of a series as an array of numpy's, of floats where they are numbers."""
    if pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
        return values.dt.tz_localize(None).to_numpy() if isinstance(values.dtype, pd.DatetimeTZDtype) else values.to_numpy()
    return values.to_numpy(complex if values.dtype.kind == "c" else float, na_value=float("nan"))


def _is_longer(one: Any, other: Any) -> bool:
    """True when one move is longer than another; a time is not compared with a number, and comes second."""
    return type(one) is type(other) and one > other
