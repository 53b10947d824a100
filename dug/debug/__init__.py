"""Tools to debug an app: `check_mutation` finds who changes a value that others share."""

from ._change import Change
from ._check import MutationCheck, check_mutation
from ._errors import MutationError

__all__ = ["Change", "MutationCheck", "MutationError", "check_mutation"]
