"""Facts about frames and arrays, before they are words: `Described`, one of them; `Difference`, where two differ; `cut_label`.

`Span` is a range of rows or places; `Alone` what one side alone has.
"""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

NAMED = 3
"""How many labels are named of many."""
_LONGEST = 24
"""How much of the name of a column is written."""


@frozen
class Described:
    """What a package says of one of its objects."""

    kind: str
    """Such as ``pandas DataFrame``."""
    shape: tuple[int, ...]
    columns: Sequence[tuple[Any, str]] = ()
    """The label and the dtype of each column, of an object that has columns."""
    dtype: str = ""
    """The dtype of an object that has no columns."""
    name: Any = None
    size_bytes: int = 0
    is_least: bool = False
    """True when what its elements refer to takes memory, too."""
    elements: Sequence[Any] = ()
    """The elements of a short one."""


@frozen
class Span:
    """Some rows, or places, of many."""

    count: int = 0
    first: Sequence[Any] = ()
    """The labels of the first few."""
    last: Any = None
    """The label of the last."""

    @classmethod
    def of(cls, labels: Any) -> "Span":
        """Returns the span of labels in an array, an index or a list."""
        first = [getattr(label, "item", lambda label=label: label)() for label in labels[:NAMED]]
        return cls(len(labels), first, labels[-1]) if len(labels) else cls()


@frozen
class Alone:
    """Rows or columns that one side alone has."""

    word: str
    when: str
    """``before`` or ``after``."""
    labels: Span


@frozen
class Difference:
    """How many cells of two frames or arrays differ, where, and by how much."""

    cells: int
    total: int
    """How many cells were compared."""
    unit: str = "cell"
    """What a cell is called."""
    columns: Sequence[tuple[Any, int]] = ()
    """The columns with cells that differ, and how many; empty where there are no columns."""
    rows: Span = Span()
    """The rows with cells that differ."""
    largest: Any = None
    """How far the number, or the time, moved that moved most; None when none did."""
    where: str = ""
    """Where that is."""
    dtypes: Sequence[tuple[Any, str, str]] = ()
    """The columns of another dtype, with the old and the new one."""
    alone: Sequence[Alone] = ()


def cut_label(label: Any) -> str:
    """Returns the label of a row or column as text, a long one cut."""
    text = str(label)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
