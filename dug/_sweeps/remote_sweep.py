"""A sweep whose scenarios are computed by other processes: `RemoteSweep`; `_BatchSize` says how many go together.

The base is asked here, once, and goes to the workers as a file (`executors/_remote`).  Scenarios go in batches, a few for each
worker ahead, and results come back in their order.  A batch whose worker ended is asked again scenario by scenario, so that only
the one that ends its worker is lost.  A result belongs to the world in which its batch was sent, and has the base of that.
"""

import os
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, TypeVar
from weakref import finalize

from attrs import define, field

from .._batch.call_site import AHEAD, CallSite
from .._batch.progress import Reporter
from .._contexts.context import Context
from .._core.read import Failure
from .._text.values import show
from ..errors import DugError, WorkerLostError
from ..executors import _remote
from ..executors._pools import AnyPool, has_session
from .job import Job
from .results import Result, Targets
from .sweep import Scenarios, Sweep
from .world import World

V = TypeVar("V")

BATCH_SECONDS = 0.05
"""A batch is worth so much work: a message costs a part of a millisecond here."""
_MOST = 256
"""How many scenarios go together where nobody knows how many there are."""


class RemoteSweep(Sweep[V]):
    """The results of a `sweep` on processes."""

    def __init__(  # noqa: PLR0917  in the order of `sweep`
        self,
        targets: Targets[V],
        scenarios: Scenarios,
        call_site: CallSite,
        pool: AnyPool,
        reporter: Reporter,
        batch: int | None = None,
        retries: int = 2,
    ) -> None:
        super().__init__(targets, scenarios, call_site, None, reporter)
        self._nodes = tuple(targets.nodes.values())
        for node in self._nodes:
            _remote.check_node(node)
        self._pool, self._retries = pool, retries
        self._size = _BatchSize(batch, self._find_total(), pool.workers)
        self._in_flight: deque[_Batch] = deque()
        self._answers: dict[int, _Answer] = {}
        self._folder: Path | None = None
        self._shipped: tuple[World, _remote.Base] | None = None
        self._stop = finalize(self, _cancel, self._in_flight)

    def _withdraw(self) -> None:
        _cancel(self._in_flight)
        self._in_flight.clear()
        self._answers.clear()

    def _make_next(self) -> Result[V] | None:
        self._reporter.begin(self._find_total())
        self._hand_out_kept()
        self._fill()
        if not self._drawn:
            return self._end()
        number = self._drawn[0].number
        while number not in self._answers:
            self._collect()
            self._fill()
        return self._make_result(self._drawn[0], self._answers.pop(number))

    # Sending

    def _fill(self) -> None:
        """Sends batches until each worker has a few ahead, or there are no more scenarios."""
        while len(self._in_flight) < AHEAD * self._pool.workers and not self._is_drained:
            jobs = self._draw_batch()
            if jobs:
                world, base = self._ship()
                for job, _ in jobs:
                    job.world, job.memos = world, (None,)  # nobody can see whether what a worker read still holds
                self._in_flight.append(self._send(base, jobs, 1))

    def _draw_batch(self) -> "list[tuple[Job[V], bytes | str]]":
        """Takes the next scenarios, those that are answered at once among them; returns what a worker is to be asked."""
        jobs: list[tuple[Job[V], bytes | str]] = []
        for _ in range(self._size.next()):
            job = self._draw()
            if job is None:
                break
            if isinstance(job._context, Failure):  # an impossible tweak
                self._answers[job.number] = _Answer({}, dict.fromkeys(range(len(self._nodes)), job._context))
                continue
            try:
                jobs.append((job, _remote.pack_scenario(job._context.scenario, pickles=self._pool.pickles)))
            except DugError as exc:  # raised in its place, after the results of the scenarios before
                self._drawn.pop().close()
                self._is_drained, self._broken = True, Failure.of(exc, exc.__traceback__)
                break
        return jobs

    def _send(self, base: _remote.Base, jobs: "list[tuple[Job[V], bytes | str]]", attempts: int) -> "_Batch":
        message = _remote.make_message(base, self._nodes, [packed for _, packed in jobs])
        return _Batch(base, jobs, self._pool.submit(message), attempts)

    def _ship(self) -> tuple[World, _remote.Base]:
        """Returns the world around and its base, asked and written now if nobody has since something changed there."""
        view = self._call_site.view
        if self._shipped is not None:
            world = self._shipped[0]
            if world.view.tweaks is view.tweaks and world.generation == view.group.generation:
                return self._shipped
        world = self._take_base(None).world
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix="dug-"))
            finalize(self, _remove, self._folder, os.getpid())
        path = self._folder / f"base{len(list(self._folder.iterdir()))}.dug"
        base = self._call_site.call(
            _remote.take_base,
            world.view,
            self._nodes,
            path,
            pickles=self._pool.pickles,
            ships=self._pool.ships,
            knows_session=self._pool.knows_session or not has_session(),
        )
        self._shipped = world, base
        return self._shipped

    # Taking answers

    def _collect(self) -> None:
        """Waits for the oldest batch, and takes its answers.

        Raises:
            CodeDiffersError: the workers have other code.
            BaseException: an interrupt, or the executor was shut down; the next caller waits again.
        """
        batch = self._in_flight[0]
        try:
            said = batch.future.result()
        except BaseException as exc:
            if not self._pool.is_loss(exc):
                raise
            self._in_flight.popleft()
            self._ask_again(batch, exc)
            return
        answers = _remote.read_answer(said)
        self._in_flight.popleft()
        self._size.note(len(answers), said["seconds"])
        for (job, _), one in zip(batch.jobs, answers, strict=True):
            self._answers[job.number] = _Answer(
                one.values, one.failures, one.recomputed, one.seconds, said["worker"], batch.attempts
            )

    def _ask_again(self, batch: "_Batch", error: BaseException) -> None:
        """Asks again for the scenarios of a lost batch, one by one; one that was alone too often is lost itself."""
        is_alone = len(batch.jobs) == 1
        if self._pool.can_retry and (not is_alone or batch.attempts <= self._retries):
            again = [self._send(batch.base, [job], batch.attempts + 1) for job in batch.jobs]
            self._in_flight.extendleft(reversed(again))
            return
        for job, _ in batch.jobs:
            lost = self._say_lost(job, error, batch.attempts)
            failures = dict.fromkeys(range(len(self._nodes)), Failure.of(lost, None))
            self._answers[job.number] = _Answer({}, failures, attempts=batch.attempts)

    def _say_lost(self, job: "Job[V]", error: BaseException, attempts: int) -> WorkerLostError:
        name, reason = show(job._name), str(error).rstrip(".")
        if not self._pool.can_retry:
            return WorkerLostError(f"No worker is left for the scenario {name}: {reason}. {self._pool.remedy}", attempts)
        many = f"all {attempts} of its workers" if attempts > 1 else "its worker"
        return WorkerLostError(
            f"The scenario {name} lost {many}, the last one so: {reason} The other scenarios are not concerned. Compute it by "
            "itself, in a process that can be lost, and look at its memory.",
            attempts,
        )

    def _make_result(self, job: "Job[V]", answer: "_Answer") -> Result[V]:
        labels = tuple(self._targets.nodes)
        scenario = job._context._scenario if isinstance(job._context, Context) else None
        return Result(
            job._name,
            scenario,
            {labels[number]: value for number, value in sorted(answer.values.items())},
            answer.recomputed,
            answer.seconds,
            {labels[number]: failure for number, failure in sorted(answer.failures.items())},
            self._targets,
            job.world,
            job.number,
            answer.worker,
            answer.attempts,
        )


@define(eq=False)
class _Batch:
    """Scenarios that were sent together."""

    base: _remote.Base
    jobs: list[tuple[Job[Any], bytes | str]]
    future: Any
    attempts: int


@define(eq=False)
class _Answer:
    """The answer to one scenario."""

    values: dict[int, Any]
    failures: dict[int, Failure]
    recomputed: int = 0
    seconds: float = 0.0
    worker: str | None = None
    attempts: int = 1


@define(eq=False)
class _BatchSize:
    """How many scenarios go together: as many as take `BATCH_SECONDS`, and so few that all workers have some."""

    _fixed: int | None
    _total: int | None
    _workers: int
    _seconds: float | None = field(default=None, init=False)
    """How long a scenario took, in the newest batch."""

    def next(self) -> int:
        """Returns how many scenarios the next batch has."""
        if self._fixed is not None:
            return self._fixed
        if self._seconds is None:
            return 1
        most = _MOST if self._total is None else max(1, self._total // (AHEAD * self._workers))
        return max(1, min(most, int(BATCH_SECONDS / max(self._seconds, 1e-9))))

    def note(self, count: int, seconds: float) -> None:
        """Notes how long a batch took."""
        self._seconds = seconds / count


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not a process that was forked
        rmtree(folder, ignore_errors=True)


def _cancel(batches: Iterable[_Batch]) -> None:
    for batch in tuple(batches):
        with suppress(Exception):  # the executor was shut down
            batch.future.cancel()
