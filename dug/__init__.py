"""dug: plain Python functions, what-if questions, and only the work that a question changes.

Decorators, nodes and errors are there at once; contexts, tweaks, sweeps, sources and equalities are loaded when they are first
asked for, so that a module which only defines memoised functions is imported quickly.
"""

import typing as _typing
from importlib import import_module as _import_module

from . import _contexts
from ._core.read import COMPILED, Cache, Node
from ._functions.memoize import memoize, source
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

_HOMES = {
    "Context": "._contexts.context",
    "Scenario": "._contexts.scenario",
    "UNTWEAKED": "._contexts.kinds",
    "bump": "._contexts.kinds",
    "current_context": "._contexts.current",
    "file_source": ".sources",
    "scale": "._contexts.kinds",
    "shift": "._contexts.kinds",
    "sweep": "._sweeps.api",
}
"""The modules of the names that are loaded when they are first asked for."""
_MODULES = {"eq", "sources"}
"""Those that are loaded so themselves."""

if _typing.TYPE_CHECKING:
    from . import eq
    from ._batch.other_processes import OtherProcesses as _OtherProcesses
    from ._contexts.context import Context
    from ._contexts.current import current_context
    from ._contexts.kinds import UNTWEAKED, bump, scale, shift
    from ._contexts.scenario import Scenario
    from ._sweeps.api import sweep
    from .sources import file_source
else:  # unseen by type checkers, for which any name would be there

    def __getattr__(name: str) -> _typing.Any:
        if name in _MODULES:
            return _import_module(f".{name}", __name__)
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(_import_module(_HOMES[name], __name__), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})


def _find_others(executor: _typing.Any) -> "_OtherProcesses | None":
    from .executors._nodes import find_others  # with all that other processes need

    return find_others(executor)


_contexts.find_others = _find_others  # contexts stand below the processes that a batch may go to
