"""The readers of files: `csv` and `parquet` make frames of pandas or polars, `json` plain data.

`_check_options` makes the options a part of the node, `_load` imports pandas or polars.
"""

import os
from typing import Any, Literal

from .. import eq
from .._extras.packages import import_extra
from .._text.values import show
from ..errors import UnhashableArgumentError
from ._decorator import file_source

Library = Literal["pandas", "polars"]
_BY_PATH = {"path": os.fsdecode}


def _check_options(options: Any) -> Any:
    """Returns the options of a call as they stand in the key of its node.

    Raises:
        UnhashableArgumentError: one has no hash; names it, and says what to type.
    """
    for name, value in options:
        try:
            hash(value)
        except TypeError as exc:
            raise UnhashableArgumentError(
                f"The option {name}={show(value)} has no hash, and cannot be part of a node ({exc}). Give a tuple where the "
                "library takes one, or write a function of the path under @dug.file_source(eq=dug.eq.frame) that calls pandas or "
                "polars with the option."
            ) from exc
    return options


_BY_PATH_AND_OPTIONS = {**_BY_PATH, "options": _check_options}


@file_source(name="dug.sources:csv", key=_BY_PATH_AND_OPTIONS, eq=eq.frame)
def csv(path: "str | os.PathLike[str]", *, library: Library = "pandas", **options: Any) -> Any:
    """Returns the frame in a CSV file, read again when the file was edited.

    What was computed from the frame is kept where the new one is equal (`dug.eq.frame`).

    Args:
        path: the file.
        library: ``"pandas"`` or ``"polars"``.
        options: passed on to ``pandas.read_csv`` or ``polars.read_csv``; each must have a hash, as an argument of a node.  For
            others write a function of your own under `dug.file_source`.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: the library is not installed; the message says what to type.
        UnhashableArgumentError: an option has no hash; likewise.
        ValueError: the library is neither of the two.
    """
    return _load(library, "csv").read_csv(path, **options)


@file_source(name="dug.sources:parquet", key=_BY_PATH_AND_OPTIONS, eq=eq.frame)
def parquet(path: "str | os.PathLike[str]", *, library: Library = "pandas", **options: Any) -> Any:
    """Returns the frame in a Parquet file, read again when the file was written again; as `csv`."""
    return _load(library, "parquet").read_parquet(path, **options)


@file_source(name="dug.sources:json", key=_BY_PATH, eq=lambda old, new: repr(old) == repr(new))
def json(path: "str | os.PathLike[str]") -> Any:
    """Returns the data in a JSON file, as ``json.load`` does, read again when the file was edited.

    What was computed from the data is kept where the new ones have the same text.
    """
    from json import loads  # this function has its name

    with open(path, "rb") as stream:  # noqa: PTH123  `path` may be a text
        return loads(stream.read())


def _load(library: str, what: str) -> Any:
    if library not in ("pandas", "polars"):
        raise ValueError(f"library must be 'pandas' or 'polars', not {show(library)}. Leave it out for pandas.")
    return import_extra(library, library, f"dug.sources.{what}()")
