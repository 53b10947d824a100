"""Recordings: what the sources of a context gave, in a file, and replays of it that call no source.

`record` writes what sources give when they give it, and what every other node read; `open` gives a `Recording`.  Its `replay` is
a context in which sources give what they gave, here or in another process, with the same code or a changed one; its
`differences` name the nodes in which the change begins.
"""

from ._differences import Differences, Differing
from ._errors import RecordingError, UncoveredError
from ._plan import ReplayPlan, Step
from ._record import record
from ._recording import Recording
from ._recording import open_recording as open

__all__ = [
    "Differences",
    "Differing",
    "Recording",
    "RecordingError",
    "ReplayPlan",
    "Step",
    "UncoveredError",
    "open",
    "record",
]
