"""What ``dug.eq.frame`` costs beside the ``equals`` of the frame: ``python -m benchmarks.equality [rows] [columns]``.

Two frames of one kind of column are equal, and no part of one is part of the other.  The two are timed in turn; a ratio is the
median over the rounds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import dug

from ._harness import Case, Contender, Effort, measure, time_calls

EFFORT = Effort(rounds=9, sample_s=0.02)
BAR = 3.0


def kinds(rows: int) -> dict[str, Callable[[], Any]]:
    """Return what makes a column of so many rows, by its kind."""
    numbers = np.arange(rows)
    floats = np.where(numbers % 10 == 3, np.nan, numbers / 7)
    words = [f"word {number % 1_000} of {number}" for number in range(rows)]
    plain = {
        "float": floats.copy,
        "int": numbers.copy,
        "bool": lambda: numbers % 2 == 0,
        "object, the same objects": lambda: pd.Series(words, dtype=object),
        "object, texts": lambda: pd.Series([word[:-1] + word[-1:] for word in words], dtype=object),
        "object, texts and NaN": lambda: pd.Series([*(word[:-1] + word[-1:] for word in words[1:]), float("nan")], dtype=object),
        "datetime64": lambda: pd.date_range("2000", periods=rows, freq="min"),
        "datetime64, a zone": lambda: pd.date_range("2000", periods=rows, freq="min", tz="Europe/Paris"),
        "timedelta64": lambda: pd.to_timedelta(numbers, unit="s"),
        "period": lambda: pd.period_range("2000", periods=rows, freq="h"),
        "interval": lambda: pd.interval_range(0, rows),
        "category": lambda: pd.Categorical(numbers % 100),
        "sparse": lambda: pd.arrays.SparseArray(np.where(numbers % 10, 0.0, floats), fill_value=0.0),
    }
    nullable = ("Int64", "Float64", "boolean")
    texts = ("string[python]", "string[pyarrow]", "str")
    gaps = [None if number % 10 == 3 else number % 2 for number in range(rows)]
    more = {dtype: lambda dtype=dtype: pd.array(gaps, dtype=dtype) for dtype in nullable}
    return plain | more | {dtype: lambda dtype=dtype: pd.array([f"{word}" for word in words], dtype=dtype) for dtype in texts}


def frames(rows: int, columns: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield what makes a frame, by what it is named in the report."""
    for name, make in kinds(rows).items():
        yield name, lambda make=make: pd.DataFrame({f"c{number}": make() for number in range(columns)})
    floats = np.arange(rows, dtype=float)
    labels = pd.MultiIndex.from_arrays([np.arange(rows) // 10, np.arange(rows) % 10])
    yield "rows of a MultiIndex", lambda: pd.DataFrame({"a": floats.copy()}, index=labels.copy(deep=True))
    yield "wide: 1,000 columns of floats", lambda: pd.DataFrame(np.ones((100, 1_000)))
    yield "wide: 1,000 columns, floats and ints", lambda: pd.DataFrame({n: np.full(100, (n, n / 2)[n % 2]) for n in range(1_000)})
    yield "wide: 1,000 columns of Int64", lambda: pd.DataFrame({n: pd.array([n] * 100, dtype="Int64") for n in range(1_000)})
    yield "polars, floats", lambda: pl.DataFrame({f"c{number}": floats.copy() for number in range(columns)})
    yield "polars, texts", lambda: pl.DataFrame({f"c{n}": [f"word {number}" for number in range(rows)] for n in range(columns)})


def main(rows: int, columns: int) -> None:
    """Print a line for each kind of frame."""
    for name, make in frames(rows, columns):
        old, new = make(), make()
        assert dug.eq.frame(old, new), name
        case = Case(
            name=name,
            unit="a comparison",
            contenders=(
                Contender("equals", time_calls(lambda old=old, new=new: old.equals(new))),
                Contender("dug.eq.frame", time_calls(lambda old=old, new=new: dug.eq.frame(old, new))),
            ),
        )
        yardstick, ours = measure(case, EFFORT)
        missed = "" if ours.ratio <= BAR else "  more than the bar"
        print(f"{name:40} {yardstick.median * 1e3:9.3f} ms {ours.median * 1e3:9.3f} ms {ours.ratio:7.2f}{missed}", flush=True)


if __name__ == "__main__":
    main(*[int(word) for word in sys.argv[1:]] if len(sys.argv) > 2 else (100_000, 4))
