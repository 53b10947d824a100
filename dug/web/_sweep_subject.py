"""`SweepSubject`, what a page shows of a sweep beside its results: the nodes of the place where it was begun."""

from typing import Any

from .._core.read import View
from .._sweeps.levels import target_label
from ._subjects import ViewSubject

_NAMED = 3
"""How many targets are named."""


class SweepSubject(ViewSubject):
    """A sweep of this process."""

    kind = "sweep"

    def __init__(self, sweep: Any) -> None:
        self._sweep = sweep

    @property
    def view(self) -> View:
        view: View = self._sweep._call_site.view
        return view

    @property
    def title(self) -> str:
        nodes = self._sweep._targets.nodes
        more = f" and {len(nodes) - _NAMED:,} more" if len(nodes) > _NAMED else ""
        return f"sweep of {', '.join(map(target_label, list(nodes)[:_NAMED]))}{more}"
