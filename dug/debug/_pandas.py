"""Takes apart what pandas keeps values in: frames, series, indexes and the arrays inside, without the caches that reading fills.

`pickle` saves the caches of the arrays too, such as what the unit of dates is, so what it would save says nothing here.

`take_apart_pandas` does so; `_contents` does it for all else.
"""

from typing import Any

from .._extras.packages import find_loaded

_INSIDE = ("_ndarray", "_data", "_mask", "_left", "_right", "_pa_array", "_sparse_values", "_sparse_index")
"""Where the arrays of pandas keep their values."""


def take_apart_pandas(value: Any) -> tuple[object, list[tuple[str, Any]]] | None:
    """Returns the content of an object of pandas itself, and its parts with the steps that lead to them; None for another one."""
    kind = type(value)
    if kind is find_loaded("pandas", "DataFrame"):
        return (kind, value.shape), _list_columns(value)
    if kind is find_loaded("pandas", "Series"):
        return (kind, value.shape), [(".name", value.name), *_list_labels(value), ("", _array_of(value))]
    if str(kind.__module__).partition(".")[0] != "pandas":
        return None
    if _is_a(value, "pandas", "Index"):
        return (kind, len(value)), _list_index(value)
    if _is_a(value, "pandas.api.extensions", "ExtensionArray"):
        parts = [("" if number == 0 else f".{name}", part) for number, (name, part) in enumerate(_list_inside(value))]
        parts += [(".categories", value.categories)] if hasattr(value.dtype, "categories") else []
        return (kind, str(value.dtype), getattr(value.dtype, "ordered", None)), parts
    return None


def _is_a(value: Any, module: str, name: str) -> bool:
    kind = find_loaded(module, name)
    return kind is not None and isinstance(value, kind)


def _list_columns(frame: Any) -> list[tuple[str, Any]]:
    """Returns the columns of a frame, and not the blocks that they are in: looking at a frame may join these."""
    columns = [(f"[{name!r}]", _array_of(frame.iloc[:, i])) for i, name in enumerate(frame.columns)]
    return [(".columns", frame.columns), *_list_labels(frame), *columns]


def _list_labels(value: Any) -> list[tuple[str, Any]]:
    return [(".index", value.index), (".attrs", value.attrs)]


def _list_index(index: Any) -> list[tuple[str, Any]]:
    names = [(".names", list(index.names)), (".freq", str(getattr(index, "freq", None)))]
    if _is_a(index, "pandas", "MultiIndex"):
        return [*names, (".levels", list(index.levels)), (".codes", list(index.codes))]
    if _is_a(index, "pandas", "RangeIndex"):
        return [*names, ("", (index.start, index.stop, index.step))]
    return [*names, ("", _array_of(index))]


def _list_inside(array: Any) -> list[tuple[str, Any]]:
    return [(name.lstrip("_"), getattr(array, name)) for name in _INSIDE if hasattr(array, name)]


def _array_of(column: Any) -> Any:
    """Returns what a column of a frame, or an index, keeps its values in."""
    array = column.array
    return array.to_numpy(copy=False) if type(array).__name__ == "NumpyExtensionArray" else array
