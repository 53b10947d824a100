"""`AnySweep` draws scenarios, finds bases, takes and shows differences; `Sweep` asks in its thread or on an executor.

An `AnySweep` owns the scenarios that it has drawn and not yet yielded, in their order, and the last one before these, whose memos
the next may share; only the iterating task or thread touches it.
`async_sweep` has the sweep that is awaited; `job` asks one scenario, `results` keeps the answers.

`Sweep` hands jobs to the executor and waits for the oldest; `_iterate` names the scenarios that a user gives.  Drawing: `_draw`,
`_take_next`, `_take_oldest`, `_hand_out_kept`, `_end`.  Bases: `base`, `_find_base`, `diff`, `central`.  Looking: `failed`,
`_stand`.  Of `Sweep`: `cancel`, `_withdraw`, `_hand_newest`.  `_find_common_base`, `_make_drawn`, `_begin_asking`, `_make_job`
and `_see_view` make what is asked.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, repeat
from time import perf_counter
from types import GeneratorType
from typing import Any, TypeVar

from .._batch.call_site import CallSite, Executor, find_width
from .._batch.progress import COMPUTED, RUNNING, WAITING, Reporter
from .._contexts.context import Context
from .._contexts.scenario import Scenario, title
from .._core.read import Failure, View
from .._text.values import number_alike
from ..errors import ContextError
from ..scenarios import Grid, Ladder
from .differences import CentralDifferences, Differences
from .job import Job, make_context
from .levels import GridLevels, find_length, levels_of, target_label
from .results import Result, Results, Targets
from .standing import Open, Standing
from .world import Base, BaseGoneError, Bases, World, are_live

V = TypeVar("V")

# A type checker takes a literal mapping of names to tweaks of different kinds for a mapping to objects, hence the Any.
Scenarios = Mapping[Any, Any] | Iterable[Mapping[Any, Any] | Scenario]


class AnySweep(Results[V]):
    """The results of a sweep, and how they differ."""

    def __init__(self, targets: Targets[V], scenarios: Scenarios, call_site: CallSite, reporter: Reporter) -> None:
        super().__init__(targets, levels_of(scenarios))
        self._scenarios = scenarios
        self._items = call_site.call(_iterate, scenarios)
        self._taken: tuple[Any, Any] | None = None
        self._taken_for = 0
        self._call_site = call_site
        self._reporter = reporter
        self._drawn: deque[Job[V]] = deque()
        self._answered: Job[V] | None = None
        self._is_drained = False
        self._broken: Failure | None = None
        self._refused: dict[int, Any] = {}
        """The scenarios whose tweaks are not possible, as they came, by their numbers."""
        self._bases: Bases[V] = Bases(targets)
        self._begun: float | None = None
        """When the first scenario was asked for."""
        self._latest: float | None = None
        """When the newest result came."""
        self._is_joined: set[int] = set()
        """The places of results in the same world as the result before them, although something was invalidated in between."""

    @property
    def base(self) -> Result[V]:
        """The result of the targets in the context around, with none of the scenarios, in the world of the results."""
        raise NotImplementedError

    def _find_common_base(self) -> Result[V] | None:
        """Returns the base of the results so far; None if there are none yet.

        Raises:
            ContextError: they are of several worlds.
        """
        base: Result[V] | None = None
        for result in self._kept:
            if result._world is not None:
                own = self._find_base(result)
                if base is not None and own is not base:
                    raise ContextError(
                        f"The results of {self!r} have no base in common: the context around it was changed before that of "
                        f"{result.name!r}. Use sweep.diff(), which compares each with the base of its own."
                    )
                base = own
        return base

    def _find_base(self, result: Result[V]) -> Result[V]:
        """Returns the base of the world in which a result was taken.

        Raises:
            ContextError: it is gone.
        """
        world: World = result._world
        base = self._bases.find(world)
        if base is None and world.generation is not None:
            base = self._take_base(world)
        if base is None or not base.serves(world):
            when = "while" if world.generation is None else "after"
            raise BaseGoneError(
                f"The base of {result.name!r} is gone: its world was changed, invalidated, cleared or redefined "
                f"{when} its result was taken. Look at sweep.base before such a change, or sweep again."
            )
        return base.read(self._call_site)

    def _knows_base(self, result: Result[V]) -> bool:
        """True when a difference to the base runs nothing."""
        return result._world is None or self._bases.find(result._world) is not None

    def _see_base(self, result: Result[V]) -> Result[V] | None:
        """Returns the base of a result for a look, which runs nothing and notes no read; None if it is not known."""
        base = None if result._world is None else self._bases.find(result._world)
        return None if base is None else base.look()

    def _take_base(self, world: World) -> Base[V] | None:
        """Asks for the base of a world, under the tweaks that are around there; None if that cannot be asked here."""
        raise NotImplementedError

    def diff(self) -> Results[Any]:
        """Returns the difference that each scenario makes: ``value - base value`` for each target.

        A target that failed, under the scenario or in the base, has its error in the place of a difference, and so has one whose
        values cannot be subtracted.  The numbers of runs and seconds are the scenario's.
        """
        return Differences(self, self._find_base, self._knows_base)

    def central(self) -> Results[Any]:
        """Returns the central difference for each node of a `ladder`: ``(value up - value down) / 2`` for each target.

        It is the change for one bump, in which the curvature cancels.  After ``shift(h)`` and ``shift(-h)``, divide it by h for a
        derivative.  A result is named after its node; its numbers of runs and seconds are the sums of both directions.

        Raises:
            TypeError: the scenarios are not a ladder with two directions.
        """
        ladder = self._scenarios
        if not isinstance(ladder, Ladder) or ladder.down is None:
            raise TypeError("central() needs a scenario up and one down for each node. Sweep over ladder(nodes, up, down).")
        return CentralDifferences(self, ladder, self._are_of_one_world)

    def _list_changes(self) -> Results[Any]:
        return self.diff()

    def failed(self) -> dict[Any, Any]:
        """Returns the scenarios in which a target failed, by their names, as the next sweep takes them; asks for all results.

        A scenario whose tweaks are not possible comes back as it was given.  After `cancel`, those that have no result are not
        among them.

        Raises:
            TypeError: the results must be awaited first.

        .. versionadded:: 0.1.0
        """
        failed = [result for result in self if result._failures]
        return {result.name: self._refused.get(result._number, result.scenario) for result in failed}

    def _find_total(self) -> int | None:
        return find_length(self._scenarios)

    def _has_numbers(self) -> bool:
        return isinstance(self._scenarios, Mapping) and any(hasattr(type(name), "__index__") for name in self._scenarios)

    def _begin_asking(self) -> None:
        if self._begun is None:
            self._begun = perf_counter()
        self._reporter.begin(self._find_total())

    def _announce(self) -> None:
        self._latest = perf_counter()
        self._reporter.tell(len(self._kept), self._find_total())

    def _stand(self, first: int = 0) -> Standing:
        """Returns how it stands, with its results from a place on; a look, in any thread: nothing is taken, or runs.

        Complexity: linear in these results and in the scenarios that are open.
        """
        is_over = self._is_complete or (self._is_drained and not self._drawn)  # first: what ends meanwhile is seen next time
        opened = self._list_open()
        results = self._kept[first:]
        done, total = first + len(results), self._find_total()
        begun, latest = self._begun, self._latest
        seconds = 0.0 if begun is None else ((latest or begun) if is_over else perf_counter()) - begun
        is_known = begun is not None and latest is not None and done and total is not None and not is_over
        left = (latest - begun) / done * max(0, total - done) if is_known else None  # type: ignore[operator]
        error = "" if self._broken is None else self._broken.text
        still = [one for number, one in opened if number >= done]
        grid = self._levels if isinstance(self._levels, GridLevels) else None
        return Standing(results, still, grid, total, seconds, left, is_over, error)

    def _list_labels(self) -> dict[Any, str]:
        """Returns the text of each target, by its label."""
        nodes = self._targets.nodes
        return dict(zip(nodes, number_alike(list(map(target_label, nodes))), strict=True))

    def _see_view(self) -> View:
        """Returns the scenario around it."""
        return self._call_site.view

    def _list_open(self) -> list[tuple[int, Open]]:
        """Returns the scenarios that were taken and not handed out, with their numbers; called by any thread."""
        return [(job.number, Open(job._name, _find_stage(job), 1)) for job in self._drawn.copy()]

    def _are_of_one_world(self, position: int) -> bool:
        """True when the result in a place and the next one were taken in one world."""
        one, other = self._kept[position]._world, self._kept[position + 1]._world
        if not one.is_around(other):
            return False
        return (one.generation is not None and one.generation == other.generation) or position + 1 in self._is_joined

    def _draw(self) -> Job[V] | None:
        """Takes the next scenario, if there is one; after an interrupt, that is the scenario which was taken and not asked."""
        number = len(self._kept) + len(self._drawn)
        try:
            if not self._take(number):
                self._is_drained = True
                return None
        except BaseException as exc:  # raised in its place, after the results of the scenarios before
            if not isinstance(exc, Exception) and not _has_ended(self._scenarios):
                self._begin_anew(number)
                raise
            self._is_drained, self._broken = True, Failure.of(exc, exc.__traceback__)
            return None
        return self._make_drawn(number)

    def _take(self, number: int) -> bool:
        """Takes the scenario with a number, unless it was taken already; False when there is none."""
        return (self._taken is not None and self._taken_for == number) or self._call_site.call(self._take_next, number)

    def _take_next(self, number: int) -> bool:
        self._taken, self._taken_for = None, number
        for self._taken in self._items:  # noqa: B020  no interrupt comes between taking it and keeping it
            return True
        return False

    def _begin_anew(self, number: int) -> None:
        """Restarts the iterator of scenarios at a given number, after an interrupt ended it in the middle."""
        if _has_ended(self._items):
            self._items = islice(self._call_site.call(_iterate, self._scenarios), number, None)

    def _make_drawn(self, number: int) -> Job[V]:
        assert self._taken is not None  # noqa: S101  it was taken just now
        name, tweaks = self._taken
        context = self._call_site.call(make_context, tweaks, name)
        name = self._find_unique(self._find_name(context) if name is None else name)
        job = self._make_job(name, context)
        job.number = number
        if isinstance(context, Failure):
            self._refused[number] = tweaks
        self._drawn.append(job)
        self._names.add(name)
        self._taken = None
        return job

    def _take_oldest(self) -> Job[V]:
        """Returns the job of the next result, and drops the one before if they share nothing."""
        job = self._drawn[0]
        if self._answered is not None and not job.is_akin(self._answered) and not self._is_pair():
            self._close_answered()  # nothing to find there, and it would be in the way
        return job

    def _keep(self, result: Result[V] | None) -> None:
        if result is not None:
            self._kept.append(result)
            self._hand_out_kept()
            self._announce()
        else:
            super()._keep(result)

    def _hand_out_kept(self) -> None:
        """Drops the jobs whose results are kept; not earlier, because an interrupted job is asked again."""
        while self._drawn and self._drawn[0].number < len(self._kept):
            job, before = self._drawn[0], self._answered
            if job.world is not None:
                self._bases.note(job.world)
                is_around = before is not None and before.world is not None and before.world.is_around(job.world)
                if before is not None and is_around and are_live((*before.memos, *job.memos)):
                    self._is_joined.add(job.number)
            self._close_answered()
            self._answered = self._drawn.popleft()
            self._lose(job)

    def _lose(self, job: Job[V]) -> None:
        """Forgets the answer of a job whose result is kept."""

    def _end(self) -> Result[V] | None:
        """Returns None, as there are no more scenarios.

        Raises:
            BaseException: the exception of the scenarios' iterator, in the place of the next scenario.
        """
        self._close_answered()
        self._reporter.close()
        if self._broken is not None:
            with self._broken.serve() as served:
                raise served.pop()
        return None

    def _is_pair(self) -> bool:
        """True when the next result is compared with the last one: both are needed to know whether they are of one world."""
        return isinstance(self._scenarios, Ladder) and self._scenarios.down is not None and len(self._kept) % 2 == 1

    def _make_base_job(self, world: World | None = None) -> Job[V]:
        call_site = self._call_site if world is None else self._call_site.then(world.view)
        return Job(call_site, self._targets, "base", call_site.call(Context))

    def _make_job(self, name: Any, context: Context | Failure) -> Job[V]:
        return Job(self._call_site, self._targets, name, context)

    def _close_answered(self) -> None:
        """Drops the scenario that was answered last, and the memos computed under its tweaks."""
        answered, self._answered = self._answered, None
        if answered is not None:
            answered.close()

    def _find_name(self, context: Context | Failure) -> str:
        if isinstance(context, Failure):
            return f"scenario {len(self._kept) + len(self._drawn) + 1}"
        return title(context._scenario)


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
            world = World(view, view.group.generation)
            known = next((one for one in self._bases.known if one.note(world)), None)
            base = (known or self._take_base(None)).read(self._call_site)
        return base

    def cancel(self) -> None:
        """Ends the sweep: what has not begun is cancelled, and there are no more results than those that were taken.

        .. versionadded:: 0.1.0
        """
        self._is_drained = True
        self._withdraw()
        self._drawn.clear()

    def _withdraw(self) -> None:
        """Cancels what the executor has not begun."""
        for job in self._drawn:
            job.withdraw()

    def _take_base(self, world: World | None) -> Base[V]:
        job = self._make_base_job(world)
        result = job.answer()
        assert job.world is not None  # noqa: S101  no tweaks are always possible
        base = self._bases.add(job.world, result)
        job.close()
        return base

    def _make_next(self) -> Result[V] | None:
        self._begin_asking()
        self._hand_out_kept()
        self._hand_newest()
        while len(self._drawn) < self._width and not self._is_drained:
            self._draw()
            self._hand_newest()
        return self._take_oldest().answer() if self._drawn else self._end()

    def _hand_newest(self) -> None:
        """Submits the scenario that was drawn last to the executor, if there is one; the earlier ones are there already."""
        if self._drawn and self._executor is not None:
            self._drawn[-1].hand_to(self._executor)


def _find_stage(job: Job[Any]) -> str:
    return COMPUTED if job.is_answered else RUNNING if job.is_running else WAITING


def _has_ended(items: Any) -> bool:
    """True for a generator that is exhausted, because it came to its end or raised."""
    return isinstance(items, GeneratorType) and items.gi_frame is None


def _iterate(scenarios: Scenarios) -> Iterator[tuple[Any, Any]]:
    """Returns pairs of a name (None: its own, or the text of its tweaks) and tweaks."""
    if isinstance(scenarios, (Ladder, Grid)):
        return scenarios.drafts()
    return iter(scenarios.items()) if isinstance(scenarios, Mapping) else zip(repeat(None), scenarios)
