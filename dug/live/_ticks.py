"""The ticks of a `Live`: `Ticks` takes them, asks for the outputs that are due, and keeps what there is to show.

One thread or task takes ticks at a time.  Each tick is one tweak of one context, in place.  The outputs in the tick are asked at
once, in one entry of that context; those beside it in a context of the scenario that the tick made.  What there is to show is
kept in one queue, so that a reader that is cancelled loses nothing.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

from .._batch.call_site import single_outer_call
from .._contexts.context import Context
from .._contexts.current import outermost
from .._core.read import Cache, Node
from ..errors import ContextError
from ._backlog import Backlog
from ._beside import Beside, TaskOutput
from ._outputs import LiveOutput, Update, ask


class Ticks:
    """The context that ticks, its outputs, and what these have to show."""

    def __init__(self, context: Context, cache: Cache, backlog: Backlog, clock: Callable[[], float], text: str) -> None:
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
        self._kept: Any = None
        """The view of the last tick: its memos go when the next one has its own, as the cache looks for what a node that has none
        leaves behind."""
        self._taking = Lock()

    def freeze(self) -> Context:
        """Returns a context of the last tick."""
        frozen = Context(cache=self._cache, name=f"{self.context.name}, frozen")
        frozen._scenario = self.context._scenario  # given as a value, it would state what can be changed in place once more
        return frozen

    def go_on(self) -> None:
        """Takes one tick, if one waits and may be taken, and asks for the outputs that are due.

        Raises:
            ContextError: another thread does so now, or a memoised function calls this.
        """
        if not self._taking.acquire(blocking=False):
            raise ContextError(f"Another thread takes a tick of {self.text} now. Let one thread or task take all of them.")
        try:
            self.context._check_changeable("take a tick of")
            self._collect()
            if not self._is_held_up():
                self._take()
            self._refresh()
            self._kept = self.context._last
            self._collect()
        finally:
            self._taking.release()

    def _take(self) -> None:
        change = self.backlog.take()
        if change is None:
            return
        try:
            self.context.tweak(change)
        except Exception as exc:  # noqa: BLE001  it became impossible since it was pushed
            self.show_error(next(iter(change)), exc)
            return
        except BaseException:
            self.backlog.put_back(change)
            raise
        self.number += 1
        self._at = self.clock()
        for output in tuple(self.outputs.values()):
            output.note_tick(self.number)

    def _refresh(self) -> None:
        """Asks for the outputs that are due: in the tick first, so that those beside it find what that has computed."""
        now = self.clock()
        due = [output for output in tuple(self.outputs.values()) if _is_over(output.find_due(), now)]
        inside = [output for output in due if not isinstance(output, Beside)]
        if inside:
            with outermost(self.context), single_outer_call():
                for output in inside:
                    answer = ask(output.node, self.number, self._at)
                    output.begin(now)
                    self._show(output.judge(answer, self.number))
        for output in due:
            if isinstance(output, Beside):
                output.begin(now)
                output.start(self.freeze(), self.number, self._at, self.wake)

    def _collect(self) -> None:
        """Shows the answers that came beside the ticks."""
        for output in tuple(self.outputs.values()):
            if isinstance(output, Beside):
                for answer in output.take_answers():
                    self._show(output.judge(answer, self.number))

    def _show(self, update: Update[Any] | None) -> None:
        if update is not None:
            self.ready.append(update)

    def show_error(self, node: Any, error: Exception) -> None:
        """Shows an error of a feed, or of a tick that could not be taken."""
        self.ready.append(Update(self.number, node, None, error, 0, self._at))
        self.wake()

    def wake(self) -> None:
        """Wakes the task that reads, from any thread."""
        sleep = self.sleep
        if sleep is not None:
            sleep.wake()

    def _is_held_up(self) -> bool:
        """True when the next tick must wait for one in flight: each tick is wanted, and the window of an output is full."""
        return self.backlog.policy != "latest" and any(
            isinstance(output, TaskOutput) and output.is_full and not output.every for output in tuple(self.outputs.values())
        )

    def has_work(self) -> bool:
        """True when `go_on` would do something, or there is something to show."""
        if self.ready or (len(self.backlog) and not self._is_held_up()):
            return True
        now, outputs = self.clock(), tuple(self.outputs.values())
        return any(_is_over(output.find_due(), now) or (isinstance(output, Beside) and output.has_answer) for output in outputs)

    def find_due(self) -> float | None:
        """Returns the next moment at which an output is due without a further tick."""
        return min((due for output in tuple(self.outputs.values()) if (due := output.find_due()) is not None), default=None)

    def is_settled(self) -> bool:
        """True when nothing waits, is in flight, or will be due without a further tick."""
        outputs = tuple(self.outputs.values())
        return not (
            self.ready or len(self.backlog) or any(output.is_in_flight or output.find_due() is not None for output in outputs)
        )

    def list_tasks(self) -> list[Any]:
        """Returns the tasks in flight."""
        outputs = tuple(self.outputs.values())
        return [task for output in outputs if isinstance(output, Beside) for task in output.list_tasks()]


def _is_over(due: float | None, now: float) -> bool:
    return due is not None and now >= due
