"""Tweaks, scenarios, contexts, and the context in force."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._batch.other_processes import FindOthers

find_others: "FindOthers"
"""Finds the other processes of an executor.  The package sets it, as those stand above; it loads contexts only when asked."""
