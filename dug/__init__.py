"""dug: plain Python functions, what-if questions, and only the work that a question changes."""

from . import eq
from ._contexts.context import Context
from ._contexts.current import current_context
from ._contexts.kinds import UNTWEAKED, bump, scale, shift
from ._contexts.scenario import Scenario
from ._core.read import COMPILED, Cache, Node
from ._functions.memoize import memoize, source
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
