"""The ticks of a `Live`: `Ticks` takes them, asks for the outputs that are due, and keeps what there is to show.

One thread or task takes ticks at a time.  Each tick is one tweak of one context, in place.  The outputs in the tick are asked at
once, in one entry of that context; those beside it in a context of the scenario that the tick made.  What there is to show is
kept in one queue, so that a reader that is cancelled loses nothing.

`_find_impossible` refuses pushes as a whole.  `go_on` takes one (`_take`, `_change`) and shows it (`_refresh`, `_collect`);
`show_failure`; `find_due`, `has_work` and `is_settled` say what is left; `freeze`, `wake`, `cancel`.
"""

import logging
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

from .._batch.call_site import single_outer_call
from .._contexts.context import Context
from .._contexts.current import find_sealed, outermost
from .._contexts.scenario import Scenario
from .._core.read import Cache, Node
from ..errors import ContextError
from ._backlog import Backlog, Waiting
from ._beside import Beside, TaskOutput
from ._context import FrozenContext, LiveContext, Place
from ._feeds import is_cancellation
from ._outputs import LiveOutput, Update, ask

_logger = logging.getLogger("dug")


class Ticks:
    """The context that ticks, its outputs, and what these have to show."""

    def __init__(self, context: LiveContext, cache: Cache, backlog: Backlog, clock: Callable[[], float], text: str) -> None:
        self.context, self.backlog, self.clock = context, backlog, clock
        self._cache, self.text = cache, text
        self.outputs: dict[Node[Any], LiveOutput[Any]] = {}
        self.number, self._at = 0, clock()
        """The last tick, and when it was taken."""
        self.ready: deque[Update[Any]] = deque()
        """What there is to show."""
        self.sleep: Any = None
        """The sleep of the task that reads; whoever has something for it ends it, from any thread."""
        self.is_read = self.is_closed = False
        """Whether a task waits for an update, and whether there will be no more."""
        self._failure: BaseException | None = None
        """What a feed raised that is no `Exception`: whoever takes ticks raises it."""
        self._kept: Any = None
        """The view of the last tick: its memos go when the next one has its own, as the cache looks for what a node that has none
        leaves behind."""
        self._around = find_sealed()
        """The replay in which this was made, if any: it stands for the outside."""
        if self._around is not None:
            cache.bind(self._around.cache)
        self._group = cache.group  # to ask binds the cache, as an entry does: it is entered nowhere else
        self._taking = Lock()

    def freeze(self) -> Context:
        """Returns a context of the last tick."""
        frozen = FrozenContext(cache=self._cache, name=f"{self.context.name}, frozen")
        frozen._scenario = self.context._scenario  # given as a value, it would state what can be changed in place once more
        return frozen

    def go_on(self) -> None:
        """Takes one tick, if one waits and may be taken, and asks for the outputs that are due.

        Raises:
            BaseException: a node or a feed raised something that is no `Exception`.
            ContextError: another thread does so now, a memoised function calls this, or it was not made in the replay
                in force.
        """
        if not self._taking.acquire(blocking=False):
            raise ContextError(f"Another thread takes a tick of {self.text} now. Let one thread or task take all of them.")
        try:
            self.context._check_changeable("take a tick of")
            self._check_around()
            self._raise_failure()
            self._collect()
            if not self._is_held_up():
                self._take()
            self._refresh()
            self._kept = self.context._last
            self._collect()
        finally:
            self._taking.release()

    def _check_around(self) -> None:
        """Refuses to take a tick elsewhere than where this was made: sources would be asked that a replay stands for.

        Raises:
            ContextError: another replay is in force than there, or none.
        """
        if find_sealed() is self._around:
            return
        if self._around is None:
            raise ContextError(
                f"{self.text} was made outside of the replay in force, and would ask the sources. Make it in here."
            )
        raise ContextError(f"{self.text} was made in a replay, and would ask the sources outside of it. Take its ticks in there.")

    def _take(self) -> None:
        tick = self.backlog.take()
        if tick is None:
            return
        try:
            is_taken = self._change(tick)
        except BaseException:
            self.backlog.put_back(tick)
            raise
        if not is_taken:
            return
        self.number += 1
        self._at = self.clock()
        for output in tuple(self.outputs.values()):
            output._note_tick(self.number)

    def _change(self, tick: Waiting) -> bool:
        """Changes the context by the pushes of a tick; returns False where none of them can be made any more.

        A push became impossible when its function was defined anew: its nodes are told, and the other pushes are taken.
        """
        change = {key: push[key] for key, push in tick.items()}
        try:
            self.context.take(change)
        except Exception as exc:  # noqa: BLE001  it is shown
            failed = _find_impossible(tick)
            rest = {key: push for key, push in tick.items() if id(push) not in failed}
            for key in [key for key in tick if key not in rest] or tick:
                self._add_error(key, failed.get(id(tick[key]), exc))
            return 0 < len(rest) < len(tick) and self._change(rest)
        return True

    def _refresh(self) -> None:
        """Asks for the outputs that are due: in the tick first, so that those beside it find what that has computed."""
        now = self.clock()
        due = [output for output in tuple(self.outputs.values()) if _is_over(output._find_due(), now)]
        inside = [output for output in due if not isinstance(output, Beside)]
        if inside:
            place = Place(self.context, self._around)
            with outermost(place.outer), place.inner, single_outer_call():
                for output in inside:
                    updates = output._judge(ask(output.node, self.number, self._at), self.number)
                    self.ready.extend(updates)
                    output._begin(now)  # last: an interrupt lets it be asked again
        for output in due:
            if isinstance(output, Beside):
                output._begin(now)
                output._start(Place(self.freeze(), self._around), self.number, self._at, self.wake)
        if self.is_closed:  # in another thread, which has not seen what was started meanwhile
            self.cancel()

    def _collect(self) -> None:
        """Shows the answers that came beside the ticks."""
        for output in tuple(self.outputs.values()):
            if isinstance(output, Beside):
                for answer in output._take_answers():
                    self.ready.extend(output._judge(answer, self.number))

    def _add_error(self, node: Any, error: Exception) -> None:
        self.ready.append(Update(self.number, node, None, error, 0, self._at))

    def show_failure(self, node: Any, failure: BaseException) -> None:
        """Shows the error of a feed; what is no `Exception` is raised where ticks are taken."""
        is_cancelled = is_cancellation(failure)
        if self.is_closed:
            if not is_cancelled and not isinstance(failure, ContextError):  # which come of closing it
                _logger.error("A feed of %s failed while that was closed.", self.text, exc_info=failure)
        elif is_cancelled:
            self._add_error(node, RuntimeError("its feed was cancelled"))
        elif isinstance(failure, Exception):
            self._add_error(node, failure)
        else:
            self._failure = failure
        self.wake()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def wake(self) -> None:
        """Wakes the task that reads, from any thread."""
        sleep = self.sleep
        if sleep is not None:
            sleep.wake()

    def _is_held_up(self) -> bool:
        """True when the next tick must wait for one in flight: each tick is wanted, and the window of an output is full."""
        return self.backlog.policy != "latest" and any(
            isinstance(output, TaskOutput) and output._is_full and not output.every for output in tuple(self.outputs.values())
        )

    def has_work(self) -> bool:
        """True when `go_on` would do something, or there is something to show."""
        if self.ready or self._failure is not None or (len(self.backlog) and not self._is_held_up()):
            return True
        now, outputs = self.clock(), tuple(self.outputs.values())
        return any(_is_over(output._find_due(), now) or (isinstance(output, Beside) and output._has_answer) for output in outputs)

    def find_due(self) -> float | None:
        """Returns the next moment at which an output is due without a further tick."""
        return min((due for output in tuple(self.outputs.values()) if (due := output._find_due()) is not None), default=None)

    def is_settled(self) -> bool:
        """True when nothing waits, is in flight, or will be due without a further tick."""
        outputs = tuple(self.outputs.values())
        return not (
            self.ready or len(self.backlog) or any(output._is_in_flight or output._find_due() is not None for output in outputs)
        )

    def cancel(self) -> None:
        """Cancels the tasks in flight, from any thread."""
        for task in self.list_tasks():
            task.cancel_threadsafe()

    def list_tasks(self) -> list[Any]:
        """Returns the tasks in flight."""
        outputs = tuple(self.outputs.values())
        return [task for output in outputs if isinstance(output, Beside) for task in output._list_tasks()]


def _find_impossible(tick: Waiting) -> dict[int, Exception]:
    """Returns the errors of pushes that cannot be made any more, by identity: a push is taken as a whole, or not at all."""
    failed: dict[int, Exception] = {}
    for push in tick.values():
        try:
            Scenario({key: value for key, value in push.items() if tick.get(key) is push})
        except Exception as exc:  # noqa: BLE001  it is shown
            failed[id(push)] = exc
    return failed


def _is_over(due: float | None, now: float) -> bool:
    return due is not None and now >= due
