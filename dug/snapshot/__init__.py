"""Keeps a context in one file: `save` writes it, `load` makes it a context again, `look` reads it without running anything."""

from ..errors import SnapshotError
from ._file import Info
from ._load import Snapshot, load
from ._look import Look, SavedError, SavedFunction, SavedNode, SavedTweak, look
from ._report import Absent, Report
from ._save import save
from ._shelf import RecordedError

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
