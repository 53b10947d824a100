"""Words how two values differ of which each is a frame or an array, or a container of such: `tell_difference`.

`_tell_parts` goes into containers, `_say` and `_say_where` write where and how far: rows, columns, labels.  `_tell` asks the file
of a package whose objects they are.
"""

from collections.abc import Callable, Iterator
from operator import is_
from typing import Any

from .frames import find_package
from .places import NAMED, Difference, Span, cut_label
from .values import FRAMES, STOPPING, show

_LARGEST = 1_000
"""How many parts of a container are compared."""
_SCALARS = frozenset({int, float, str, bool, bytes, complex, type(None)})
_EQUAL = "equal, and made anew"


def tell_difference(old: object, new: object, is_same: Callable[[Any, Any], bool] = is_) -> str:
    """Returns how two frames or arrays differ: how many cells of which columns and rows, and the largest difference.

    Args:
        old: the value before.
        new: the value after.
        is_same: whether two frames or arrays are the same in all that can be read.

    Returns:
        The words; empty for other values, and where no cell of one can be found in the other.
    """
    try:
        return "; ".join(_tell(old, new, is_same))
    except STOPPING:
        raise
    except BaseException:  # noqa: BLE001  an element of the user's raises where it is compared
        return ""


def _tell(old: Any, new: Any, is_same: Callable[[Any, Any], bool]) -> Iterator[str]:
    if type(old) is not type(new):
        return
    if type(old) in (list, tuple, dict):
        yield from _tell_parts(old, new, is_same)
        return
    package = type(old).__module__.partition(".")[0]
    if package not in FRAMES:
        return
    if is_same(old, new):
        yield f"{_EQUAL}; eq=dug.eq.{'array' if package == 'numpy' else 'frame'} would keep what read it"
        return
    found = find_package(package).differ(old, new)
    if found is not None:
        yield _say(found)


def _tell_parts(old: Any, new: Any, is_same: Callable[[Any, Any], bool]) -> Iterator[str]:
    """Yields how the parts differ of two containers that have the same places, if a part is a frame or an array."""
    is_dict = type(old) is dict
    if len(old) != len(new) or len(old) > _LARGEST or (is_dict and old.keys() != new.keys()):
        return
    places: Any = list(old) if is_dict else range(len(old))
    told = [(place, "; ".join(_tell(old[place], new[place], is_same))) for place in places]
    if not any(words for _, words in told):
        return
    words = [f"{show(place)}: {said or _tell_scalars(old[place], new[place])}" for place, said in told]
    kept = [one for one in words if not one.endswith(": ") and f": {_EQUAL}" not in one]
    yield from kept[:NAMED]
    if len(kept) > NAMED:
        yield f"... {len(kept) - NAMED:,} more parts differ"


def _tell_scalars(old: Any, new: Any) -> str:
    is_known = type(old) in _SCALARS and type(new) in _SCALARS
    return f"{show(old)} -> {show(new)}" if is_known and old != new else ""


def _say(found: Difference) -> str:
    parts = [f"{_say_cells(found)}{_say_where(found)}"] if found.cells else []
    parts += [f"{_count(one.labels.count, one.word)} only {one.when}: {_name_labels(one.labels)}" for one in found.alone]
    parts += [f"{cut_label(label)} is {new}, was {old}" for label, old, new in found.dtypes[:NAMED]]
    return "; ".join(parts) or f"all {found.unit}s are equal, so a label, a type or the sign of a zero differs"


def _say_cells(found: Difference) -> str:
    return f"{found.cells:,} of {_count(found.total, found.unit)} {'differs' if found.cells == 1 else 'differ'}"


def _say_where(found: Difference) -> str:
    said = ""
    if len(found.columns) == 1:
        said += f", in column {cut_label(found.columns[0][0])}"
    elif found.columns:
        most = sorted(found.columns, key=lambda column: -column[1])
        counted = ", ".join([f"{count:,} in {_name_column(label)}" for label, count in most[:NAMED]])
        more = f", others in {len(most) - NAMED:,} more columns" if len(most) > NAMED else ""
        said += f" ({counted}{more})"
    if found.rows.count and found.total > 1:
        said += f", {_say_rows(found)}"
    if found.largest is not None:
        largest = f"{found.largest:.4g}" if isinstance(found.largest, float | int) else str(found.largest)
        said += f"; largest difference {largest}{f' at {found.where}' if found.where else ''}"
    return said


def _name_column(label: Any) -> str:
    return f"column {label}" if isinstance(label, int) else cut_label(label)


def _say_rows(found: Difference) -> str:
    rows = found.rows
    if found.unit == "element":
        return f"{'at' if rows.count <= NAMED else 'from'} {_name_labels(rows)}"
    if rows.count <= NAMED:
        return f"in row{'' if rows.count == 1 else 's'} {_name_labels(rows)}"
    return f"in {rows.count:,} rows from {_name_labels(rows)}"


def _name_labels(labels: Span) -> str:
    """Returns the labels, or of many the first and the last."""
    if labels.count <= NAMED:
        return ", ".join(map(cut_label, labels.first))
    return f"{cut_label(labels.first[0])} to {cut_label(labels.last)}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
