"""`SweepSubject`, what a page shows of a sweep beside its results: the nodes of the place where it was begun."""

from .._core.read import View
from ._subjects import ViewSubject
from ._tally import SweepRun

_NAMED = 3
"""How many targets are named."""


class SweepSubject(ViewSubject):
    """A sweep of this process."""

    kind = "sweep"

    def __init__(self, sweep: SweepRun) -> None:
        self._sweep = sweep

    @property
    def view(self) -> View:
        return self._sweep._see_view()

    @property
    def title(self) -> str:
        labels = list(self._sweep._list_labels().values())
        more = f" and {len(labels) - _NAMED:,} more" if len(labels) > _NAMED else ""
        return f"sweep of {', '.join(labels[:_NAMED])}{more}"
