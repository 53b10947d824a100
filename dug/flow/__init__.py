"""Flows: functions wired by the names of their parameters, computed, changed and asked what if on dug's engine.

``Flow(*functions)`` wires; `Depends` gives a function what no input gives, and closes it.
`Flow.start` streams what its generator functions give.
"""

from ._depends import Depends
from ._errors import DuplicateNameError, FloatingInputError, FlowError, MissingInputError
from ._flow import Flow
from ._processors import Output
from ._running import RunningFlow

__all__ = [
    "Depends",
    "DuplicateNameError",
    "FloatingInputError",
    "Flow",
    "FlowError",
    "MissingInputError",
    "Output",
    "RunningFlow",
]
