"""dug: plain Python functions, what-if questions, and only the work that a question changes."""

from . import eq
from ._contexts.context import Context
from ._contexts.current import current_context
from ._contexts.kinds import UNTWEAKED, bump, scale, shift
from ._contexts.methods import ContextMethods as _ContextMethods
from ._contexts.scenario import Scenario
from ._core.read import COMPILED, Cache, Node
from ._functions.memoize import memoize, source
from ._sweeps.api import find_others as _find_others
from ._sweeps.api import sweep
from .errors import (
    CodecError,
    CodeDiffersError,
    ContextError,
    CycleError,
    DepthError,
    DroppedError,
    DugError,
    NoContextError,
    SnapshotError,
    StreamChangedError,
    TweakError,
    UnhashableArgumentError,
    WorkerLostError,
)
from .sources import file_source

__version__ = "0.1.0"

_ContextMethods._find_others = _find_others  # contexts stand below the processes that a batch may go to

__all__ = [
    "COMPILED",
    "UNTWEAKED",
    "Cache",
    "CodeDiffersError",
    "CodecError",
    "Context",
    "ContextError",
    "CycleError",
    "DepthError",
    "DroppedError",
    "DugError",
    "NoContextError",
    "Node",
    "Scenario",
    "SnapshotError",
    "StreamChangedError",
    "TweakError",
    "UnhashableArgumentError",
    "WorkerLostError",
    "__version__",
    "bump",
    "current_context",
    "eq",
    "file_source",
    "memoize",
    "scale",
    "shift",
    "source",
    "sweep",
]
