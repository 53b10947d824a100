"""Asks nodes under many scenarios in the thread that iterates, or on an executor: `Sweep`."""

from typing import TypeVar

from .._batch.call_site import CallSite, Executor, find_width
from .._batch.progress import Reporter
from .results import Result, Targets
from .sweep import AnySweep, Scenarios
from .world import Base, World

V = TypeVar("V")


class Sweep(AnySweep[V]):
    """The results of a `sweep`."""

    def __init__(
        self, targets: Targets[V], scenarios: Scenarios, call_site: CallSite, executor: Executor | None, reporter: Reporter
    ) -> None:
        super().__init__(targets, scenarios, call_site, reporter)
        self._executor = executor
        self._width = find_width(executor)

    @property
    def base(self) -> Result[V]:
        """The result of the targets in the context around, with none of the scenarios; asked when it is first read, and kept.

        It is of the world in which the results were taken, also if the context around was tweaked since.

        Raises:
            ContextError: it is gone, because something was invalidated, cleared or redefined since; or the
                results are of several worlds. The message says what to type.
        """
        base = self._find_common_base()
        if base is None:
            view = self._call_site.view
            world = World(view, view.registry.generation)
            known = next((one for one in self._bases.known if one.note(world)), None)
            base = (known or self._take_base(None)).read(self._call_site)
        return base

    def _take_base(self, world: World | None) -> Base[V]:
        job = self._make_base_job(world)
        result = job.answer()
        assert job.world is not None  # noqa: S101  no tweaks are always possible
        base = self._bases.add(job.world, result)
        job.close()
        return base

    def _make_next(self) -> Result[V] | None:
        self._reporter.begin(self._find_total())
        self._hand_out_kept()
        self._hand_newest()
        while len(self._drawn) < self._width and not self._is_drained:
            self._draw()
            self._hand_newest()
        if not self._drawn:
            return self._end()
        return self._take_oldest().answer()

    def _hand_newest(self) -> None:
        """Submits the scenario that was drawn last to the executor, if there is one; the earlier ones are there already."""
        if self._drawn and self._executor is not None:
            self._drawn[-1].hand_to(self._executor)
