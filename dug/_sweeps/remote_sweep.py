"""A sweep whose scenarios are computed by other processes: `RemoteSweep`.

The base is asked here, once, and goes to the workers as a file (`executors/_remote`).  Scenarios go in batches, a few for each
worker ahead (`executors/_dispatch`), and results come back in their order.  A result belongs to the world in which its batch was
sent, and has the base of that.

`_Answer` is the answer to one scenario; `_find_store` and `_place_of` say which store the workers open.  `_draw_batch`, `_send`,
`_fill` and `_ship` send, `_collect` and `_take_answers` receive, `_bring` reads sources that workers lack, `_make_result`.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, TypeVar
from weakref import finalize

from attrs import define

from .._batch.call_site import CallSite
from .._batch.progress import COMPUTED, WAITING, Reporter
from .._contexts.context import Context
from .._core.read import Failure, Node
from .._text.values import show
from ..errors import ContextError, DugError
from ..executors import _remote
from ..executors._dispatch import BatchSize, Collected, Dispatch, cancel
from ..executors._pools import AnyPool, has_session
from ..executors._sources import MOST_ROUNDS
from .elsewhere import Elsewhere
from .job import Job
from .results import Result, Targets
from .standing import Open
from .sweep import Scenarios, Sweep
from .world import World

V = TypeVar("V")


class RemoteSweep(Sweep[V]):
    """The results of a `sweep` on processes."""

    def __init__(  # noqa: PLR0917  in the order of `sweep`
        self,
        targets: Targets[V],
        scenarios: Scenarios,
        call_site: CallSite,
        pool: AnyPool,
        reporter: Reporter,
        said: Elsewhere,
    ) -> None:
        super().__init__(targets, scenarios, call_site, None, reporter)
        self._nodes = tuple(targets.nodes.values())
        for node in self._nodes:
            _remote.check_node(node)
        self._pool = pool
        self._store = _find_store(call_site) if said.ship == "store" else None
        self._ships = said.ship if said.ship in ("path", "bytes") else pool.ships
        if said.timeout is not None:
            pool.limit(said.timeout)
        size = BatchSize(said.batch, self._find_total(), pool)
        self._dispatch = Dispatch(pool, size, 2 if said.retries is None else said.retries)
        self._answers: dict[int, _Answer | Result[V]] = {}
        self._rounds: dict[int, int] = {}
        """How often a scenario lacked a source, by its number."""
        self._lacking: list[tuple[Job[V], bytes | str, Any]] = []
        """The scenarios that came back because they lacked sources, and these."""
        self._folder: Path | None = None
        self._shipped: tuple[World, _remote.Base] | None = None
        finalize(self, cancel, self._dispatch.in_flight)

    def _withdraw(self) -> None:
        self._dispatch.cancel()
        self._answers.clear()
        self._lacking.clear()

    def _make_next(self) -> Result[V] | None:
        self._begin_asking()
        self._hand_out_kept()
        self._fill()
        if not self._drawn:
            return self._end()
        number = self._drawn[0].number
        while number not in self._answers:
            self._collect()
            self._fill()
        return self._make_result(self._drawn[0], self._answers.pop(number))

    def _list_open(self) -> list[tuple[int, Open]]:
        sent = {job.number: (stage, attempts) for (job, _), stage, attempts in self._dispatch.list_open()}
        stages = {**dict.fromkeys(self._answers.copy(), (COMPUTED, 1)), **sent}
        return [(job.number, Open(job._name, *stages.get(job.number, (WAITING, 1)))) for job in self._drawn.copy()]

    # Sending

    def _fill(self) -> None:
        """Sends batches until each worker has a few ahead, or there are no more scenarios."""
        while not self._dispatch.is_full and not self._is_drained:
            jobs = self._draw_batch()
            if jobs:
                self._send(jobs, *self._ship())

    def _send(self, jobs: "list[tuple[Job[V], bytes | str]]", world: World, base: _remote.Base) -> None:
        for job, _ in jobs:
            job.world, job.memos = world, (None,)  # nobody can see whether what a worker read still holds
        self._dispatch.send(jobs, partial(_make_message, base, self._nodes))

    def _draw_batch(self) -> "list[tuple[Job[V], bytes | str]]":
        """Takes the next scenarios, those that are answered at once among them; returns what a worker is to be asked."""
        jobs: list[tuple[Job[V], bytes | str]] = []
        for _ in range(self._dispatch.size.next()):
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
            ships=self._ships,
            knows_session=self._pool.knows_session or not has_session(),
            store=None if self._store is None else _place_of(self._store),
        )
        self._shipped = world, base
        return self._shipped

    # Taking answers

    def _collect(self) -> None:
        """Waits for the oldest batch, and takes its answers.

        Raises:
            BaseException: as for `Dispatch.collect`.
        """
        collected = None if self._lacking else self._dispatch.collect()
        if collected is not None:
            self._take_answers(collected)
        if self._lacking:
            self._bring()

    def _take_answers(self, collected: Collected) -> None:
        worker, attempts = collected.worker, collected.attempts
        for (job, packed), one in zip(collected.items, collected.answers, strict=not collected.is_lost):
            if one.lacking:
                self._lacking.append((job, packed, one.lacking))
            else:
                self._answers[job.number] = _Answer(one.values, one.failures, one.recomputed, one.seconds, worker, attempts)
        if collected.is_lost:
            for job, _ in collected.items:
                lost = Failure.of(collected.make_error(f"The scenario {show(job._name)}"), None)
                self._answers[job.number] = _Answer({}, dict.fromkeys(range(len(self._nodes)), lost), attempts=attempts)

    def _bring(self) -> None:
        """Reads the sources that scenarios lacked, and sends these again; a scenario that cannot go on so is computed here."""
        world, base = self._ship()
        again = []
        for job, packed, sources in self._lacking:  # after an interrupt all of them once more
            rounds = self._rounds[job.number] = self._rounds.get(job.number, 0) + 1
            if rounds <= MOST_ROUNDS and self._call_site.call(self._read, base, job, sources):
                again.append((job, packed))
            else:
                self._answers[job.number] = job.answer()
        if again:
            self._send(again, world, base)
        self._lacking.clear()

    @staticmethod
    def _read(base: _remote.Base, job: "Job[V]", sources: Any) -> bool:
        assert isinstance(job._context, Context)  # noqa: S101  it was sent
        with job._context:
            return base.sources.read(sources)

    def _make_result(self, job: "Job[V]", answer: "_Answer | Result[V]") -> Result[V]:
        if isinstance(answer, Result):
            return answer
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
class _Answer:
    """The answer to one scenario."""

    values: dict[int, Any]
    failures: dict[int, Failure]
    recomputed: int = 0
    seconds: float = 0.0
    worker: str | None = None
    attempts: int = 1


def _make_message(base: _remote.Base, nodes: Sequence[Node[Any]], items: Sequence[tuple[Any, bytes | str]]) -> dict[str, Any]:
    return _remote.make_message(base, nodes, [packed for _, packed in items])


def _find_store(call_site: CallSite) -> Any:
    """Returns the store of the context around a sweep, after a look whether workers can open it.

    Raises:
        ContextError: there is none.
        StoreError: they cannot.
    """
    keeper = call_site.view.cache.keeper
    if keeper is None:
        raise ContextError(
            'With ship="store" the workers use the store of the context, and this context has none. '
            'Write dug.Context(store="book.store").'
        )
    _place_of(keeper.store)
    return keeper.store


def _place_of(store: Any) -> dict[str, Any]:
    """Returns where the workers find all that has been kept in a store until now."""
    from ..executors._stores import place_of  # where there is a store

    store.flush()
    return place_of(store)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # and not a process that was forked
        rmtree(folder, ignore_errors=True)
