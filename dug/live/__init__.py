"""Live inputs: values that are pushed from anywhere, the ticks in which they are taken, and outputs that show what came of them.

`Live` has them all.  Each tick is one change of one scenario, so that all outputs of a tick fit together; what takes long is
asked beside the ticks, in a context that is frozen at its tick.
"""

from ._backlog import BacklogError
from ._counters import Counters, InputCounters, OutputCounters
from ._live import Live, LiveInput
from ._outputs import LiveOutput, Update
from ._updates import Updates

__all__ = [
    "BacklogError",
    "Counters",
    "InputCounters",
    "Live",
    "LiveInput",
    "LiveOutput",
    "OutputCounters",
    "Update",
    "Updates",
]
