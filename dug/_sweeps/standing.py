"""How a sweep stands while it is asked: `Standing`, and each `Open` scenario; data for looks, which `sweep` fills."""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from .levels import GridLevels
from .results import Result


@frozen(eq=False)
class Open:
    """A scenario that was taken, and whose result was not handed out yet."""

    name: Any
    stage: str
    """``running``; ``computed``, until the results before it are there; or ``waiting`` for a worker."""
    attempts: int = 1
    """How many workers it was sent to."""


@frozen(eq=False)
class Standing:
    """How far a sweep is."""

    results: Sequence[Result[Any]]
    """The results that are there, from the place on that was asked for."""
    open: Sequence[Open]
    grid: GridLevels | None
    """The axes, where the scenarios are a grid."""
    total: int | None
    """How many scenarios there are; None if that is unknown."""
    seconds: float
    """How long it has been since the first was asked for, up to the last result where there are no more."""
    seconds_left: float | None
    """How long the others take at the pace of those that are done; None where nobody can know."""
    is_over: bool
    """True when there will be no more results."""
    error: str
    """The traceback, where the iterator of the scenarios raised; empty where it did not."""
