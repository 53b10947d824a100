"""Writes values as JSON, without loss or with a tag that says what was lost: `words_of`, `words_of_error`.

The form is that of typed JSON (`codec`): JSON's own values are themselves, and all others an object with one key that begins with
``$`` and names the type.  Where a file has bytes, a program that reads the output wants numbers: arrays and frames are lists.
A value without a form is ``{"$text": {"type": ..., "text": ...}}``: nothing becomes text without saying so.

Invariant: two keys of a dict never become one; if a key is not a text, the dict is a list of pairs.

Containers, batches, numpy, pandas and polars have a function each (`_words_of_numpy`...).  `_words_of` goes through them.
`_words_of_batch` and `_words_of_other` do so for the members of a batch and for what is of no package.
"""

import json
from collections.abc import Callable
from typing import Any

from .._batch.batch import Batch
from .._text.values import STOPPING, name_type
from ..codec import _plain
from ..codec._classes import find_class
from ._output import text_by

_MOST_DEEP = 100


def words_of(value: Any) -> Any:
    """Returns a value of the user's in the words of JSON; one that holds itself, or is too deep, as text."""
    try:
        return _words_of(value, _MOST_DEEP)
    except RecursionError:
        return _as_text(value)


def words_of_error(error: BaseException) -> Any:
    """Returns the type and the message of an exception."""
    return {"type": name_type(error), "text": text_by(error, str)}


def _words_of(value: Any, room: int) -> Any:
    kind = type(value)
    if not room:
        raise RecursionError
    if kind is str:
        return value
    if kind is list:
        return [_words_of(item, room - 1) for item in value]
    if kind is dict:
        return _words_of_dict(value, room - 1)
    if kind is tuple:
        return {"$tuple": [_words_of(item, room - 1) for item in value]}
    if kind is set or kind is frozenset:
        items = [_words_of(item, room - 1) for item in value]
        return {f"${kind.__name__}": sorted(items, key=lambda item: json.dumps(item, sort_keys=True))}
    if kind is Batch:
        return {"$batch": _words_of_batch(value, room - 1)}
    try:
        return _words_of_other(value, room - 1)
    except (RecursionError, *STOPPING):
        raise
    except BaseException:  # noqa: BLE001  it has no codec, or is of a class or an array of the user's that raises
        return _as_text(value)


def _words_of_other(value: Any, room: int) -> Any:
    """Returns the JSON form of a value that is not a container of Python's own.

    Raises:
        CodecError: it has none.
    """
    kind = type(value)
    say = _PACKAGES.get(kind.__module__.partition(".")[0])
    found = None if say is None else say(value, room)
    if found is not None:
        return found
    known = find_class(kind)
    if known is not None:
        return {"$object": [known.name, _words_of(known.take_apart(value), room)]}
    return json.loads(_plain.dump(value)[0])


def _words_of_dict(value: dict[Any, Any], room: int) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _words_of(item, room) for key, item in value.items()}
    return {"$dict": [[_words_of(key, room), _words_of(item, room)] for key, item in value.items()]}


def _words_of_batch(batch: Any, room: int) -> Any:
    failed = {"failures": batch.failures, "not_run": batch.not_run}
    return {
        "values": [{"node": str(node), "value": _words_of(value, room)} for node, value in batch.values.items()],
        **{
            name: [{"node": str(node), "error": words_of_error(one.error)} for node, one in nodes.items()]
            for name, nodes in failed.items()
        },
    }


def _words_of_numpy(value: Any, room: int) -> Any:
    """Returns the elements of an array with their dtype, or the number that a scalar is; None for anything else."""
    is_array = type(value).__name__ == "ndarray"
    if not is_array and getattr(value, "shape", None) != ():
        return None
    kind = value.dtype.kind
    if not is_array and kind in "biuf" and value.dtype.itemsize <= 8:
        return _words_of(value.item(), room)
    listed = value.astype(str) if kind in "mM" or value.dtype.char in "gG" else value  # numpy has no object for these
    return {"$numpy": {"dtype": str(value.dtype), "shape": list(value.shape), "values": _words_of(listed.tolist(), room)}}


def _words_of_pandas(value: Any, room: int) -> Any:
    """Returns the content of a frame or a series of pandas, column by column; None for anything else."""
    name = type(value).__name__
    if name == "Series":
        return {"$series": {"name": _words_of(value.name, room), "dtype": str(value.dtype), **_words_of_column(value, room)}}
    if name != "DataFrame":
        return None
    columns = [
        {"name": _words_of(label, room), "dtype": str(column.dtype), "values": _words_of(column.tolist(), room)}
        for label, column in value.items()
    ]
    return {"$frame": {"index": _words_of(value.index.tolist(), room), "columns": columns}}


def _words_of_column(column: Any, room: int) -> Any:
    return {"index": _words_of(column.index.tolist(), room), "values": _words_of(column.tolist(), room)}


def _words_of_polars(value: Any, room: int) -> Any:
    """Returns the content of a frame or a series of polars; None for anything else."""
    name = type(value).__name__
    if name == "Series":
        return {"$series": {"name": value.name, "dtype": str(value.dtype), "values": _words_of(value.to_list(), room)}}
    if name != "DataFrame":
        return None
    columns = [{"name": one.name, "dtype": str(one.dtype), "values": _words_of(one.to_list(), room)} for one in value]
    return {"$frame": {"columns": columns}}


_PACKAGES: dict[str, Callable[[Any, int], Any]] = {
    "numpy": _words_of_numpy,
    "pandas": _words_of_pandas,
    "polars": _words_of_polars,
}


def _as_text(value: Any) -> Any:
    return {"$text": {"type": name_type(value), "text": text_by(value, str)}}
