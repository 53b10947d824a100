"""Keeps a context in one file: `save` writes it, `load` makes it a context again, `look` reads it without running anything.

Parts are loaded when they are asked for: a command that looks at a file starts without codecs and the code that saves one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import SnapshotError

if TYPE_CHECKING:
    from .._portable.errors import RecordedError
    from .._portable.rows import Absent
    from ._file import Info
    from ._load import Snapshot, load
    from ._look import Look, look
    from ._report import Report
    from ._save import save
    from ._saved import SavedError, SavedFunction, SavedNode, SavedTweak

__all__ = [
    "Absent",
    "Info",
    "Look",
    "RecordedError",
    "Report",
    "SavedError",
    "SavedFunction",
    "SavedNode",
    "SavedTweak",
    "Snapshot",
    "SnapshotError",
    "load",
    "look",
    "save",
]

_HOMES = {
    "Info": "._file",
    "Snapshot": "._load",
    "load": "._load",
    "Look": "._look",
    "SavedError": "._saved",
    "SavedFunction": "._saved",
    "SavedNode": "._saved",
    "SavedTweak": "._saved",
    "look": "._look",
    "Absent": ".._portable.rows",
    "Report": "._report",
    "save": "._save",
    "RecordedError": ".._portable.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name], __name__), name)
    return found


def __dir__() -> list[str]:
    return __all__
