"""Flows: functions wired by the names of their parameters, computed, changed and asked what if on dug's engine.

``Flow(*functions)`` wires; `Depends` gives a function what no input gives, and closes it.
"""

from ._depends import Depends
from ._errors import DuplicateNameError, FloatingInputError, FlowError, MissingInputError
from ._flow import Flow

__all__ = [
    "Depends",
    "DuplicateNameError",
    "FloatingInputError",
    "Flow",
    "FlowError",
    "MissingInputError",
]
