"""The errors of flows: each names what is wrong and what to type.

`FlowError`, `DuplicateNameError`, `MovedError`, `MissingInputError`, `FloatingInputError`.
"""

from ..errors import DugError


class FlowError(DugError):
    """The parent of the errors that only flows raise."""


class DuplicateNameError(FlowError, ValueError):
    """Two functions of a flow have one name, or a name that is asked for is taken."""


class MovedError(FlowError, ValueError):
    """A value is handed over to two functions of a flow, or read by one after another has changed it."""


class MissingInputError(FlowError, LookupError):
    """A node that is asked for reads an input that has no value."""


class FloatingInputError(MissingInputError):
    """A node that is asked for reads a name that the flow does not have."""
