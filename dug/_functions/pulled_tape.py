"""The driver of synchronous streams: a `PulledTape` has no pump of its own; the reader that asks first for an item *pulls* it.

To pull is to run the generator, in the reader's thread, up to its next yield.  One thread pulls at a time; another that needs an
item waits for the run of the tape, as for any run in flight, so that a circle of such waits is found.  The generator runs in a
copy of the context variables of the reader that pulled first, in which the run of the tape is the frame in force: what it reads
is noted there, whoever pulls, and it stays in the scenario in which it began.

`find_tape` finds the tape of a node in the scenario in force, or makes it.  `_advance` runs the generator to its next yield,
`_take` and `_write` its item, `_finish` and `close` end it.
"""

import logging
from _thread import allocate_lock
from contextlib import suppress
from contextvars import copy_context
from sys import exception
from typing import TYPE_CHECKING, Any

from .._core.drive import INVALID, PUT, abandon, begin, complete, here
from .._core.read import Memo, Run, View
from ..errors import say_node
from .stream_driver import context_of, has_news, make_aside, make_mark, refuse_yield, tell_end
from .sync_driver import fetch
from .tape import CLOSED, ENDED, FAILED, OPEN, Tape
from .trimming import trim

if TYPE_CHECKING:
    from .stream_shape import StreamShape

_logger = logging.getLogger("dug")
_END: Any = object()
_left: list["PulledTape"] = []
"""Tapes that the garbage collector left inside the engine, to be closed when it is over."""


class PulledTape(Tape):
    """A tape that its readers write."""

    __slots__ = ("gate", "generator", "stream", "variables")

    def __init__(self, run: Run, stream: "StreamShape") -> None:
        super().__init__(run, 256, stream.keep)
        self.stream: Any = stream  # nothing once it has ended
        self.generator: Any = None
        self.variables: Any = None
        """Those in which the generator runs."""
        self.gate = allocate_lock()
        """Held by the thread that pulls; nobody waits for it."""

    def pull(self, position: int, puller: Run | None) -> bool:
        """Lets the generator give its next item, unless the tape has one at this place by now; False when another is at it.

        Args:
            position: the place of the item that is needed.
            puller: the run around the reader, which cannot go on before the generator does.
        """
        if not self.gate.acquire(blocking=False):
            return False
        try:
            if self.run is not None and self.state == OPEN and self.end <= position:
                if self.variables is None:
                    self.variables = copy_context()
                self.variables.run(self._write, self.run, puller, exception())
        finally:
            self.gate.release()
            self.wake()
            if self.state == CLOSED:
                self.close()
            del self, puller  # see `failure.empty_own_frames`
        return True

    def _write(self, run: Run, puller: Run | None, handled: BaseException | None) -> None:
        """Writes one item, or how the generator ended."""
        PUT[run]
        try:
            try:
                self._take(run, self._advance(run, puller))
            except Exception as exc:  # noqa: BLE001  each reader gets it
                self.error = exc
                make_mark(self.stream, run, self, error=exc, handled=handled)
                self.state = FAILED
                tell_end(run, self.stream, 0.0, exc)
        except BaseException:  # an interrupt: nobody knows what is missing, and whoever needs more begins again
            self.state = CLOSED
            raise
        finally:
            if self.state in {ENDED, FAILED}:
                self._finish()
            del self, run, puller, handled  # as above

    def _take(self, run: Run, value: Any) -> None:
        """Writes an item, or the end."""
        if value is _END:
            make_mark(self.stream, run, self, is_end=True)
            complete(run, self, 0.0)
            self.state = ENDED
            tell_end(run, self.stream, 0.0, is_held=self.is_held)
            return
        if run.entries:
            raise refuse_yield(self.stream)
        if (len(run.reads) > 1 or run.opened) and has_news(run, self):
            make_mark(self.stream, run, self)
        self.kept.values.append(value)
        trim(self.stream, run.view, self)

    def _advance(self, run: Run, puller: Run | None) -> Any:
        """Returns the next item; for as long as it takes, the run is inside the puller's, in this thread."""
        aside: Any = run.outer
        aside.run, run.thread, run.depth = puller, here(), 0 if puller is None else puller.depth + 1
        try:
            if self.generator is None:
                fetch(run, self.stream.node._key)
                make_mark(self.stream, run, self)
                self.generator = self.stream.make_items(run)
            return next(self.generator, _END)
        finally:
            aside.run, run.thread = None, 0
            del self, run, puller, aside  # as above

    def give_room(self) -> None:
        """Does nothing: its generator waits for nobody."""

    def close(self) -> None:
        """Closes the generator, at once; one that is pulled just now closes itself after that."""
        run = self.run
        if run is None:
            return
        if self.state == OPEN:
            self.state = CLOSED
            run.unfileable = INVALID
        if run.view.group.lock._is_owned():  # the collector runs inside the engine, where nothing may be asked for
            _left.append(self)
            return
        if self.gate.acquire(blocking=False):
            try:
                if self.run is not None:
                    variables = copy_context() if self.variables is None else self.variables
                    variables.run(self._finish)
            finally:
                self.gate.release()
                self.wake()

    def _finish(self) -> None:
        """Cleans up: closes the generator, and leaves the run; with the gate held, in the variables of the generator."""
        run, stream, generator = self.run, self.stream, self.generator
        if run is None:
            return
        try:
            if generator is not None:
                generator.close()
            for reader in tuple(self.opened):  # which the body has opened and left open
                reader.close()
        except Exception:
            _logger.exception("%s raised while it was closed, after its last reader had left.", say_node(stream.node))
        finally:
            stream.tapes.pop(run, None)
            if not run.is_done:
                abandon(run)
            self.run = self.stream = self.generator = self.variables = None
            self.known.clear()
            self.known_marks.clear()
            self.reached = None
            del run, stream, generator  # as above

    def wake(self) -> None:
        """Lets readers go on that wait for the thread which pulls; each is woken once, as the list stays the same."""
        while self.sleepers:
            with suppress(IndexError):  # another thread woke it
                wait = self.sleepers.pop()
                wait.leave_wait()
                wait.wake()


def find_tape(stream: "StreamShape", view: View, frame: Any, position: int) -> PulledTape:
    """Returns the tape of a stream in this very scenario: the one that is open, or ended, else a new one.

    A tape that is closed, or rests on something that was invalidated, is no one's to begin with: the next number has another.
    So it is with one that does not keep the item at `position`, unless the stream is a source, which is not begun twice.
    """
    if stream.is_source:
        position = -1
    while _left:
        _left.pop().close()
    aside = make_aside(view, frame.call, context_of(frame))
    number = 0
    while True:
        found: Any = begin(aside, (stream.pumps, number), True)  # by place: a pump of another scenario is not joined
        if type(found) is Memo:
            if found.value.state != CLOSED and (position < 0 or found.value.base <= position):
                return found.value  # type: ignore[no-any-return]  # a tape
            number += 1
            continue
        run: Run = found if type(found) is Run else found.run
        run.has_task = False  # while it runs, it is in the thread of its puller
        tape: PulledTape = stream.tapes.setdefault(run, PulledTape(run, stream))  # the same for all threads that come at once
        if run.is_done:  # it ended in between
            stream.tapes.pop(run, None)
        elif tape.state == OPEN and tape.is_true() and (position < 0 or tape.base <= position):
            return tape
        else:
            number += 1
