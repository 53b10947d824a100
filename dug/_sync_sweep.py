"""Asks nodes under many scenarios in the thread that iterates, or on an executor: `Sweep`."""

from typing import TypeVar

from ._caller import Caller, Executor, find_width
from ._progress import Reporter
from ._results import Result, Targets
from ._swept import Scenarios, Swept

V = TypeVar("V")


class Sweep(Swept[V]):
    """The results of a `sweep`."""

    def __init__(
        self, targets: Targets[V], scenarios: Scenarios, caller: Caller, executor: Executor | None, reporter: Reporter
    ) -> None:
        super().__init__(targets, scenarios, caller, reporter)
        self._executor = executor
        self._width = find_width(executor)

    @property
    def base(self) -> Result[V]:
        """What the targets give in the context around, with none of the scenarios; asked when it is first looked at, and kept."""
        if self._base is None:
            question = self._make_base_question()
            self._base = question.answer()
            question.close()
        return self._base

    def _make_next(self) -> Result[V] | None:
        self._reporter.begin(self._find_total())
        self._hand_newest()
        while len(self._drawn) < self._width and not self._is_drained:
            self._draw()
            self._hand_newest()
        if not self._drawn:
            return self._end()
        result = self._take_oldest().answer()
        self._hand_out()
        return result

    def _hand_newest(self) -> None:
        """Lets the executor, if there is one, work on what was drawn last; those before are with it already."""
        if self._drawn and self._executor is not None:
            self._drawn[-1].hand_to(self._executor)
