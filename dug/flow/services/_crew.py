"""`Crew` finds the steps that this process can work on, and works on them: of one run, or of all runs of a namespace.

It looks when the server says that something changed, and now and then without that, as a process that is gone says nothing.

`perform` works on one step to its end (by `_stepping`); `_find_first_error` finds why a step cannot.  `work_on` goes on,
`look_once` has all that can be worked on elsewhere done there, `_begin` and `_begin_free` begin steps, `_send` hands one to other
workers, `_give_up` ends inputs.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from ..._functions.async_driver import backend
from ._claims import Claim, Link, claim, name_owner
from ._errors import RunCancelledError, RunGoneError, ServicesError, TamperedError
from ._looking import FREE, RunState, StepState, find_error, look
from ._lost import give_up
from ._plan import Step
from ._stepping import Processor, Stepping
from ._writing import TapeWriter

if TYPE_CHECKING:
    from ._redis import Server  # it needs redis-py

_logger = logging.getLogger("dug")

LONGEST_PAUSE_S = 600.0
"""How long a step on which work fails again and again is left alone at most."""

Dispatch = Callable[[str, str], Awaitable[Any]]
"""Lets a processor, by its name, work on a run, by its id, somewhere."""


class Crew:
    """The work of this process on steps.

    Args:
        server: the server.
        processors: the functions that this process has, by name.
        find_links: returns the runs to work on; blocks.
        settle: called, in a thread, with a run in which a step ended.
        dispatch: lets steps be worked on elsewhere; None: they are worked on here.
        limit: how many steps are worked on at once, those of the oldest run not counted; None: any number.
    """

    def __init__(
        self,
        server: "Server",
        processors: dict[str, Processor],
        find_links: Callable[[], list[Link]],
        settle: Callable[[RunState], None],
        dispatch: Dispatch | None,
        *,
        limit: int | None = None,
    ) -> None:
        self._server, self._processors = server, processors
        self._find_links, self._settle, self._dispatch = find_links, settle, dispatch
        self._limit = limit
        self._tasks: dict[tuple[str, str], Any] = {}
        """Those that work on a step, by run and step."""
        self._pauses: dict[tuple[str, str], tuple[float, float]] = {}
        """When a step on which work failed, before its body had a say, may be begun again, and after which pause."""
        self._bell = server.listen(None)

    async def work(self) -> None:
        """Works until it is cancelled; gives back then what it has."""
        with self._bell:
            try:
                while True:
                    await self.look_once()
                    await self._bell.wait(self._server.lease_ms / 2000)
            finally:
                await backend().end([*self._tasks.values()])

    async def work_on(self) -> None:
        """Works until it is cancelled, or the services are closed; after an error of the server it goes on a while later."""
        while not self._server.is_closed:
            try:
                await self.work()
            except ServicesError as exc:  # readers and writers of the run say so, too
                _logger.warning("dug.flow.services looks for work again in a while. %s", exc)
                await backend().Sleep().last(self._server.lease_ms / 2000)

    async def look_once(self) -> None:
        """Lets all be worked on elsewhere that can be now."""
        found = await self._server.ask(self._look)
        open_runs = {link.run for link, _ in found}
        self._pauses = {key: pause for key, pause in self._pauses.items() if key[0] in open_runs}
        for number, (link, state) in enumerate(found):
            await self._begin_free(link, state, is_oldest=number == 0)

    def _look(self) -> list[tuple[Link, RunState]]:
        """Returns how far the runs are that go on; blocks."""
        found = []
        for link in self._find_links():
            try:
                state = look(link)
            except RunGoneError:
                continue
            except TamperedError as exc:  # the others go on
                self._server.leave(exc)
                continue
            self._settle(state)
            if state.state == "open":
                found.append((link, state))
        return found

    async def _begin_free(self, link: Link, state: RunState, *, is_oldest: bool) -> None:
        for step in link.plan.steps:
            known, key = state.find(step.name), (link.run, step.name)
            if known.state != FREE or key in self._tasks or time.monotonic() < self._pauses.get(key, (0.0, 0.0))[0]:
                continue
            if not step.processor:
                self._begin(link, step, self._give_up)
            elif self._dispatch is not None:
                await self._send(link, step, known, self._dispatch)
            elif step.processor in self._processors and self._has_room(is_oldest=is_oldest):
                self._begin(link, step, partial(perform, processor=self._processors[step.processor]))

    def _has_room(self, *, is_oldest: bool) -> bool:
        """Whether one more step may be begun; of the oldest run always, so that no two processes wait for each other's room."""
        return is_oldest or self._limit is None or len(self._tasks) < self._limit

    def _begin(self, link: Link, step: Step, work: Callable[..., Any]) -> None:
        key = link.run, step.name

        async def run() -> None:
            try:
                await work(link, step)
            except (RunGoneError, RunCancelledError) as exc:
                _logger.info("%s", exc)
            except Exception:
                pause = min(2 * self._pauses.get(key, (0.0, self._server.lease_ms / 2000))[1], LONGEST_PAUSE_S)
                self._pauses[key] = time.monotonic() + pause, pause
                _logger.exception(
                    "dug.flow.services cannot work on %r of the run %r, and tries again in %.0f s", step.name, link.run, pause
                )
            else:
                self._pauses.pop(key, None)

        self._tasks[key] = backend().start(run, copy_context(), lambda: self._note_over(key))

    def _note_over(self, key: tuple[str, str]) -> None:
        self._tasks.pop(key, None)
        if self._limit is not None:
            self._bell.ring()  # there is room, of which the server does not tell

    async def _send(self, link: Link, step: Step, known: StepState, dispatch: Dispatch) -> None:
        """Lets a step be worked on elsewhere; one of all who see that nobody does so does this."""
        if not await self._server.ask(_note_sent, link, step, known.epoch):
            return
        try:
            await dispatch(step.processor, link.run)
        except Exception:  # whatever the user's queue raises: it may take the step at the next look
            _logger.exception("dug.flow.services cannot send %r of the run %r", step.processor, link.run)
            key, client = link.names.step(step.name), self._server.client
            await self._server.ask(self._server.trip, client.hdel, key, "sent")

    async def _give_up(self, link: Link, step: Step) -> None:
        """Ends an input whose starter is gone for a lease, from when the server takes writes."""
        server = self._server
        await server.ask(server.trip, server.client.pexpire, link.names.run, server.ttl_ms)
        await backend().Sleep().last(server.lease_ms / 1000)
        await give_up(link, step)


def _note_sent(link: Link, step: Step, epoch: int) -> bool:
    """Returns True for the first who says that a step was sent after so many begins, or is sent again; blocks."""
    server = link.server
    return bool(server.run("send", [link.names.run, link.names.step(step.name)], [epoch, server.patience_ms]))


async def perform(link: Link, step: Step, processor: Processor) -> bool:
    """Works on a step to its end, if nobody else has it; returns whether this ended it.

    Raises:
        ServicesError: the server does not answer, or refuses.
    """
    server = link.server
    try:
        found = await server.ask(claim, link, step, name_owner())
        if not isinstance(found, Claim):
            return False
        error = found.error or (await server.ask(_find_first_error, link, step) if step.wait else None)
        if error is not None:
            writer = TapeWriter(found, lambda _: None, bool)
            await writer.end(error)
            found.release()
            return True
    except (RunGoneError, RunCancelledError) as exc:
        _logger.info("%s", exc)
        return False
    return await Stepping(found, processor).run()


def _find_first_error(link: Link, step: Step) -> BaseException | None:
    """Returns the first error with which what a step waited for ended; blocks."""
    steps: Iterable[Step] = [link.plan.step_of(tape) for tape in step.inputs]
    return next((error for one in steps if (error := find_error(link, one)) is not None), None)
