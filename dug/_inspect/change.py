"""What differs between two contexts or files at one node: `Change`, what changed; `Difference`, and where the walk goes on.

A change has its `kind`, `why`, `note`, `texts`, `numbers`, and how far it `moved`.
"""

import math
from collections.abc import Callable
from typing import Any, Generic

from attrs import define, field, frozen

from .._text.sheet import Line, Rows, Sheet
from .._text.shown import Shown
from .lazy_graph import Detail, K, N, P


@frozen(eq=False)
class Change(Shown, Generic[N, K]):
    """A node that has another value in the other context or file."""

    node: N
    before: K | None
    """Its record in this context or file (a `Record`, a `SavedNode`); None if there is none."""
    after: K | None
    """Its record in the other one; None if there is none."""
    tweak: str | None
    """Its tweaks on both sides, if they differ; None when it only followed."""
    because: str
    """The cause of the difference: a tweak, another code, a dependency, or the outside."""
    doubt: str
    """Why it may be unchanged, if that is not known; empty if it has changed for sure."""
    depth: int
    """How many changed nodes it is below a target."""
    is_last: bool = field(repr=False)
    """True when nothing that it read has changed."""
    _old: Detail[Any, N, K] = field(repr=False)
    _new: Detail[Any, N, K] = field(repr=False)
    _likeness: str = field(repr=False)
    _find_difference: Callable[[], str] = field(repr=False)

    @property
    def texts(self) -> tuple[str, str]:
        """Its old and its new value, as text; of two frames with one text, how they differ in the place of the new one."""
        before, after = _outcome(self._old), _outcome(self._new)
        return before, after if before != after else self.difference or after

    @property
    def difference(self) -> str:
        """How two frames or arrays differ, or containers of such: cells, columns, rows, the largest difference; else empty."""
        return self._find_difference()

    @property
    def moved(self) -> float:
        """How far a number moved; 0 for all else."""
        numbers = self.numbers
        return 0.0 if numbers is None else abs(numbers[1] - numbers[0])

    @property
    def numbers(self) -> tuple[float, float] | None:
        """The old and the new value where both are numbers with a difference; else None."""
        before, after = self._old.number, self._new.number
        return None if before is None or after is None or math.isnan(after - before) else (before, after)

    @property
    def name(self) -> str:
        """The text of its node; of one of the script or notebook itself, without the module."""
        return str(self._new)

    @property
    def function(self) -> str:
        """``module:qualname`` of its function, or the name that it was given."""
        return self._new.function

    @property
    def kind(self) -> str:
        """What happened to it, as a verb."""
        if self._new.error is not None:
            return "failed"
        if not self._old.answers:
            return "appeared"
        if not self._new.answers:
            return "vanished"
        return "changed" if self.numbers is None else "moved"

    @property
    def why(self) -> str:
        """Its tweak, or what else made it differ if nothing that it read did; empty for a node that followed."""
        return self.tweak or (self.because if self.is_last else "")

    @property
    def note(self) -> str:
        """What its texts do not say: how two frames of two shapes differ, or why the texts are the same."""
        before, after = self.texts
        return self._likeness if before == after else self.difference if after != self.difference else ""

    def _sheet(self) -> Sheet:
        before, after = _outcome(self._old), _outcome(self._new)
        said = [("before", before), ("after", after), ("difference", self.difference), ("because", self.why)]
        title = Line(f"{self.name} {self.kind}", is_title=True)
        return Sheet([title, Rows(["", ""], [[what, text] for what, text in said if text])])

    def __str__(self) -> str:
        before, after = self.texts
        return f"{self.name}: {before} -> {after}{''.join([f'  ({said})' for said in (self.note, self.why) if said])}"


@define(eq=False)
class Difference(Generic[P, N, K]):
    """A node on both sides."""

    change: Change[N, K] | None
    """None when it is the same."""
    changed: list[P]
    """Its dependencies that changed."""
    unchanged: int = 0
    """How many of its dependencies did not."""


def _outcome(detail: Detail[Any, Any, Any]) -> str:
    if detail.error is not None:
        return f"failed: {detail.error}"
    return detail.value if detail.answers else "not read" if detail.state == "not-run" else detail.state
