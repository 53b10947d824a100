"""Frames and arrays in words: `describe`, their shape, columns or dtype, and memory; `in_bytes`, a size with its unit.

A look at numpy, pandas and polars objects that reads no element but the few of a short array.  Each package is asked by the file
that bears its name, and only about objects of its own: a subclass of a user's shows itself.

`find_package` gives the file of a package; `_say_columns` lists columns with their dtypes.
"""

from collections.abc import Sequence
from typing import Any

from .counts import count
from .places import Described, cut_label

_COLUMNS = 4
"""How many columns are named."""


def describe(value: object) -> str | None:
    """Returns a frame, a series, an index or an array in words, in angle brackets; None for other objects of its package."""
    said = find_package(type(value).__module__.partition(".")[0]).describe(value)
    return None if said is None else f"<{_say(said)}>"


def in_bytes(size: int) -> str:
    """Returns a size with three digits and a unit that suits it.

    >>> in_bytes(24), in_bytes(3_200_000)
    ('24 bytes', '3.2 MB')
    """
    for unit, bytes_each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= bytes_each:
            return f"{float(f'{size / bytes_each:.3g}'):,g} {unit}"
    return count(size, "byte")


def find_package(package: str) -> Any:
    """Returns the module that reads the objects of a package, which is loaded as there is one of them."""
    if package == "pandas":
        from . import _pandas  # imports an optional package

        return _pandas
    if package == "polars":
        from . import _polars  # likewise

        return _polars
    from . import _numpy  # likewise

    return _numpy


def _say(said: Described) -> str:
    name = "" if said.name is None else f" {cut_label(said.name)!r}"
    size = f"{in_bytes(said.size_bytes)}{' and its objects' if said.is_least else ''}"
    elements = f": {', '.join(map(repr, said.elements))}" if said.elements else ""
    return f"{said.kind}{name}: {_say_shape(said)}{_say_columns(said.columns)}, {size}{elements}"


def _say_shape(said: Described) -> str:
    if said.columns or said.kind.endswith("DataFrame"):
        rows, columns = said.shape
        return f"{rows:,} row{'' if rows == 1 else 's'} x {columns:,} column{'' if columns == 1 else 's'}"
    return f"{' x '.join([f'{length:,}' for length in said.shape]) or 'one'} of {said.dtype}"


def _say_columns(columns: Sequence[tuple[Any, str]]) -> str:
    """Returns the first columns with their dtypes; the dtype once where all of many have the same."""
    if not columns:
        return ""
    more = f", ... {len(columns) - _COLUMNS:,} more" if len(columns) > _COLUMNS else ""
    dtypes = {dtype for _, dtype in columns}
    is_one = len(dtypes) == 1 and len(columns) > 1
    named = ", ".join([f"{cut_label(label)}{'' if is_one else f' {dtype}'}" for label, dtype in columns[:_COLUMNS]])
    return f"{f' of {columns[0][1]}' if is_one else ''} ({named}{more})"
