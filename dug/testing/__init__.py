"""Tools to test memoised functions: they tell which nodes ran, and whether it was right to remember them; and a clock to set.

``tweaks_for`` needs Hypothesis, which is imported when the name is first asked for, and not before.
"""

from typing import TYPE_CHECKING, Any

from ._clock import Clock
from ._event_log import EventLog
from ._isolated import isolated
from ._pure import assert_pure
from ._transparent import assert_transparent

if TYPE_CHECKING:
    from ._hypothesis import tweaks_for

__all__ = ["Clock", "EventLog", "assert_pure", "assert_transparent", "isolated", "tweaks_for"]


def __getattr__(name: str) -> Any:
    """Returns ``tweaks_for``, the one name that needs an optional package."""
    if name != "tweaks_for":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Hypothesis takes longer to import than dug: only callers that draw scenarios pay for it.
    from ._hypothesis import tweaks_for

    return tweaks_for
