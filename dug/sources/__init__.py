"""Sources that read files and notice when one was edited: `file`, `csv`, `parquet`, `json`; `file_source` decorates one's own.

Each file is a node, `file(path)`, that the readers read.  Before each outermost call dug asks the system for the time and size of
the files that were read in the context; where one has changed, its node is invalidated.

Parts are loaded when they are first asked for, so that ``import dug`` stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._decorator import file_source

if TYPE_CHECKING:
    from ._check import find_changed
    from ._file import file
    from ._readers import csv, json, parquet
    from ._stamp import File

__all__ = ["File", "csv", "file", "file_source", "find_changed", "json", "parquet"]

_HOMES = {
    "File": "._stamp",
    "csv": "._readers",
    "file": "._file",
    "find_changed": "._check",
    "json": "._readers",
    "parquet": "._readers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return __all__
