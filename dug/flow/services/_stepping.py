"""Works on one step: `Stepping` calls the function of a processor on the streams that it reads, and writes what it gives.

Where the step goes on is that of its last checkpoint.  Values that are on its tapes already are passed over by their number.

`Processor` is a function that a service has, with its options.  `run` calls the body (`_work`) and `_cancel` cancels it; `_read`,
`_open` and `_read_item` read inputs, `_write_all` and `_write_and_skip` write; `record`, `recall`, `_take_point` are checkpoints;
`_note_progress`.  It begins behind a checkpoint (`_begin_behind`), and adds one (`_add_point`).
"""

import logging
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from contextvars import copy_context
from typing import Any

from attrs import frozen

from ..._contexts.context import Context
from ..._functions.async_driver import backend
from .._nodes import say
from .._notes import note_stage
from .._processors import Output, open_items
from ._checkpoints import recording
from ._claims import Checkpoint, Claim
from ._errors import ClaimLostError, RunCancelledError, RunGoneError, ServerLostError, ServicesError, StateLostError
from ._plan import ITEM, STREAM, VALUE
from ._raised import find_ending, is_of_run
from ._reading import Place, TapeStream, read_values
from ._skipping import Skipper, is_of_input
from ._writing import TapeWriter

_logger = logging.getLogger("dug")
_STOPPED = (RunGoneError, RunCancelledError, ClaimLostError, ServerLostError)
"""For these nothing can be written any more."""


FROM_START, VALUE_BY_VALUE, FROM_CHECKPOINT = "start", "value", "checkpoint"
MOST_POINTS = 64
"""So many checkpoints may wait; of more, every second one is forgotten."""


@frozen
class Processor:
    """A function that a service has, by a name."""

    name: str
    fn: Callable[..., Any]
    resume: str = "start"
    """Where it goes on when its process is gone: at the start of what it reads, at the next value, or at its last checkpoint."""
    skips_after: int = 0
    """After how many attempts a value that fails is skipped; 0: its error ends the tapes."""


class Stepping:
    """The work of this process on one step.

    Args:
        claim: the step.
        processor: its function.
    """

    def __init__(self, claim: Claim, processor: Processor) -> None:
        self._claim, self._processor = claim, processor
        self._link, self._step = claim.link, claim.step
        self._given = {tape: claim.checkpoint.counts.get(tape, 0) for tape in self._step.outputs}
        """How many values the body gave for each tape, those before the checkpoint included."""
        self._streams: dict[str, TapeStream] = {}
        self._points: deque[Checkpoint] = deque()
        """The checkpoints that were not written yet, the oldest first."""
        self._is_by_value = processor.resume == VALUE_BY_VALUE
        self._position = 0
        """How many values a body that goes value by value had taken when it last gave something, or waited."""
        self._done = -1
        """How many values it had taken when it last waited for the next one."""
        self._before = dict(self._given)
        """How many values it had given for each tape before it gave the first one for the value that it took last."""
        self._passed = dict(claim.counts)
        """How many values of each tape it gave in earlier attempts, also in other processes."""
        self._skipper = Skipper(claim, processor.skips_after) if processor.skips_after else None
        self._writer = TapeWriter(claim, self._take_point, self._cancel)
        self._task: Any = None
        self._is_over = False
        self._news = self._link.server.listen(self._link.run)

    async def run(self) -> bool:
        """Works on the step to its end; returns False if another process has taken it over, or the run is over.

        A cancelled caller gives the step back.
        """
        # A copy of the context variables: what the body sets is its own.
        self._task = backend().start(self._work, copy_context(), self._note_over)
        self._claim.on_lost = self._cancel
        self._claim.hold()
        try:
            with self._news:
                while not self._is_over:
                    await self._news.wait(None)
                    if not self._is_over:  # something about the run: was it cancelled?
                        await self._link.server.ask(self._link.server.trip, self._claim.prolong)
        except BaseException:
            await backend().end([self._task])
            raise
        finally:
            self._claim.release()
        return self._writer.failure is None

    def _note_over(self) -> None:
        self._is_over = True
        self._news.ring()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel_threadsafe()

    async def _work(self) -> None:
        self._writer.begin()
        try:
            try:
                await self._write_and_skip()
            except BaseException as exc:
                if isinstance(exc, _STOPPED) and self._is_own(exc):
                    self._note_stop(exc)
                    return
                ending = find_ending(exc, f"{self._step.name!r} of the run {self._link.run!r}", self._task)
                if ending is None:
                    raise
                note_stage(ending, say(self._link.plan.flow, self._step.name))
                await self._end(ending)
            else:
                await self._end(None)
        finally:
            await self._writer.close()

    async def _end(self, error: Exception | None) -> None:
        try:
            await self._writer.end(error)
        except ServicesError as exc:
            self._note_stop(exc)

    def _is_own(self, error: BaseException) -> bool:
        return is_of_run(error, self._link.run, self._link.server.shown)

    def _note_stop(self, error: ServicesError) -> None:
        self._writer.failure = self._writer.failure or error
        _logger.info("%s stops: %s", say(self._link.plan.flow, self._step.name), error)

    async def _write_and_skip(self) -> None:
        """Writes all, beginning again at or behind a value that fails, if the processor skips such values."""
        skipper = self._skipper
        if skipper is not None:
            await self._link.server.ask(skipper.forget_later, sum(self._claim.checkpoint.inputs.values()))
        while True:
            try:
                return await self._write_all()
            except Exception as exc:
                if skipper is None or self._is_own(exc) or not await self._begin_behind(exc, skipper):
                    raise

    async def _begin_behind(self, error: Exception, skipper: Skipper) -> bool:
        """Lets the body begin again after a value that failed; returns False where the error is not of a value."""
        [(tape, stream)] = self._streams.items()
        position = stream.find_position()
        if position in (self._done, self._claim.checkpoint.inputs.get(tape, 0)) or is_of_input(error, stream.failures):
            return False
        self._passed = {name: max(count, self._given[name]) for name, count in self._passed.items()}
        if await skipper.skips(tape, position - 1, error):
            self._add_point(Checkpoint({tape: position}, dict(self._given)))
            self._claim.checkpoint = Checkpoint({tape: position}, dict(self._given))
        else:
            if position == self._position:  # it gave something for the value before it failed
                self._given = dict(self._before)
            self._claim.checkpoint = Checkpoint({tape: position - 1}, dict(self._given))
        self._streams.clear()
        return True

    async def _write_all(self) -> None:
        args, kwargs = await self._read()
        recording.set(self)
        outputs = self._step.outputs if self._step.is_named else ()
        [only, *_] = self._step.outputs
        writer, given, passed = self._writer, self._given, self._passed
        with self._context:
            async with aclosing(open_items(self._processor.fn, args, kwargs, outputs)) as items:
                async for item in items:
                    tape, value = (item.name, item.value) if outputs and isinstance(item, Output) else (only, item)
                    if self._is_by_value:
                        self._note_progress()
                    number = given[tape]
                    given[tape] = number + 1
                    if number >= passed[tape] and writer.put(tape, value):
                        await writer.give_way()

    # What it reads

    async def _read(self) -> tuple[list[Any], dict[str, Any]]:
        """Returns the arguments of the function: streams that begin at the checkpoint, first items, and values."""
        self._context = Context(name=f"{self._step.name} of run {self._link.run}")
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for one in self._step.reads:
            if one.kind == STREAM:
                found: Any = self._open(one.source)
            elif one.kind == ITEM:
                found = await self._read_item(one.source)
            else:
                found = self._link.plan.value(one.source, self._link.sealing) if one.kind == VALUE else None
            if one.parameter is None:
                args.append(found)
            else:
                kwargs[one.parameter] = found
        if self._is_by_value and len(self._streams) != 1:
            raise ServicesError(
                f"{self._step.name!r} is registered with resume='value' and reads {len(self._streams)} streams. Let it read one, "
                "or register it with resume='checkpoint'."
            )
        return args, kwargs

    def _open(self, tape: str) -> TapeStream:
        known = self._streams.get(tape)
        if known is None:
            link = self._link
            is_waited_for = self._processor.resume == FROM_START and tape in link.plan.keep
            place = Place(
                tape,
                self._claim.checkpoint.inputs.get(tape, 0),
                self._step.name if is_waited_for else "",
                owner=self._claim.owner if is_waited_for else "",
                say_dropped=lambda _: StateLostError(link.run, self._step.name, link.plan.keep[tape]),
            )
            known = self._streams[tape] = TapeStream(link, place, self._context, keep=link.plan.keep.get(tape))
            known.on_sleep = self._note_all_done if self._is_by_value else None
            self._position = place.first
        return known

    async def _read_item(self, tape: str) -> Any:
        place = Place(tape, say_dropped=lambda _: StateLostError(self._link.run, self._step.name, None))
        async with aclosing(read_values(self._link, place)) as values:
            async for value in values:
                return value
        raise ServicesError(f"{tape!r} of the run {self._link.run!r} gave no value, which {self._step.name!r} reads.")

    # Checkpoints

    def record(self, state: Any) -> None:
        """Notes a state, with what was read and given so far."""
        if self._processor.resume != FROM_CHECKPOINT:
            raise ServicesError(
                f"{self._step.name!r} calls checkpoint(), and is registered with resume={self._processor.resume!r}. "
                "Register it with services.processor(resume='checkpoint')."
            )
        positions = {tape: stream.find_position() for tape, stream in self._streams.items()}
        self._add_point(Checkpoint(positions, dict(self._given), self._link.sealing.pack(state)))

    def recall(self, otherwise: Any) -> Any:
        """Returns the state of the last checkpoint."""
        state = self._claim.checkpoint.state
        return otherwise if state is None else self._link.sealing.unpack(state)

    def _note_progress(self) -> None:
        """Notes, before a body's value is counted, that all is given for the values before the last one that it took."""
        [(tape, stream)] = self._streams.items()
        position = stream.find_position()
        if position != self._position:
            self._position, self._before = position, dict(self._given)
            if stream.is_read_once and position:
                self._add_point(Checkpoint({tape: position - 1}, dict(self._given)))

    def _note_all_done(self) -> None:
        """Notes that all is given for the values that the body took, as it waits for the next one."""
        [(tape, stream)] = self._streams.items()
        self._done = stream.find_position()
        if stream.is_read_once and stream.find_position() > self._position:
            self._position = stream.find_position()
            self._add_point(Checkpoint({tape: self._position}, dict(self._given)))
        if tape in self._link.plan.keep:
            self._writer.kick()

    def _add_point(self, point: Checkpoint) -> None:
        if len(self._points) >= MOST_POINTS:
            self._points = deque([*self._points][1::2])
        self._points.append(point)

    def _take_point(self, reached: dict[str, int]) -> Checkpoint | None:
        """Returns the last checkpoint before which nothing was given but what will be in the server then."""
        found = None
        while self._points and all(count <= reached[tape] for tape, count in self._points[0].counts.items()):
            found = self._points.popleft()
        return found
