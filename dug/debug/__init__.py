"""Tools to debug an app: `check_mutation` finds who changes a value that others share; `Mut` hands one over to be changed."""

from ..flow._errors import MovedError
from ..flow._moving import Mut, hand_over
from ._change import Change
from ._check import MutationCheck, check_mutation
from ._errors import MutationError

__all__ = ["Change", "MovedError", "Mut", "MutationCheck", "MutationError", "check_mutation", "hand_over"]
