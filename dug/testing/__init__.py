"""Tools to test memoised functions: they tell which nodes ran, and whether it was right to remember them; and a clock to set.

``tweaks_for`` needs Hypothesis, ``check_store`` the stores: they are imported when the names are first asked for, not before.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._clock import Clock
from ._event_log import EventLog
from ._isolated import isolated
from ._pure import assert_pure
from ._transparent import assert_transparent

if TYPE_CHECKING:
    from ._hypothesis import tweaks_for
    from ._store import check_store

__all__ = ["Clock", "EventLog", "assert_pure", "assert_transparent", "check_store", "isolated", "tweaks_for"]
_LATER = {"check_store": "_store", "tweaks_for": "_hypothesis"}
"""The modules of names that need more than the others."""


def __getattr__(name: str) -> Any:
    """Returns a name that needs an optional package, or all of the stores."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Hypothesis takes longer to import than dug: only callers that draw scenarios pay for it.
    return getattr(import_module(f".{_LATER[name]}", __name__), name)
