"""The items of a stream as an output: `StreamOutput`, whose reader goes on in the scenario of each tick.

For each tick a task opens the stream at the first item that was not shown, in a context that is frozen at the tick, and only then
ends the one before it: so a generator that the tick does not concern has a reader all the time, and is not begun again.

`_start`, `_read` and `_take_over` are that task, `_take_answers` shows items.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from .._contexts.current import outermost
from .._core.read import Node
from .._functions.async_driver import backend
from ._beside import Beside
from ._context import Place
from ._outputs import Answer

T = TypeVar("T")

AHEAD = 16
"""How many items may wait to be shown, before the task that reads waits too."""


class StreamOutput(Beside[T]):
    """An output that shows each item of a stream."""

    _needs_loop = True

    def __init__(self, node: Node[Any]) -> None:
        super().__init__(node, 0.0, changes_only=False)
        self._position = 0
        """That of the first item that was not shown."""
        self._tasks: dict[int, Any] = {}
        """By tick: the tasks that read, or are about to."""
        self._reading = -1
        """The tick in whose scenario it reads."""
        self._answers: deque[Answer] = deque()
        self._room: Any = None
        """The sleep of the task that waits for room among the answers."""
        self._failure: BaseException | None = None

    @property
    def _is_in_flight(self) -> bool:  # type: ignore[override]  # as in `Beside`
        """True while an item may come without a further tick."""
        return bool(self._tasks)

    @property
    def state(self) -> str:
        return "reads" if self._is_in_flight else super().state

    @property
    def _has_answer(self) -> bool:
        """True when an item is there."""
        return bool(self._answers) or self._failure is not None

    def _start(self, place: Place, tick: int, at: float, on_end: Callable[[], object]) -> None:
        """Goes on in a frozen context; `on_end` is called when an item is there."""
        call = partial(self._read, place, tick, at, on_end)
        self._tasks[tick] = backend().start(call, copy_context(), partial(self._note_end, tick, on_end))

    async def _read(self, place: Place, tick: int, at: float, on_news: Callable[[], object]) -> None:
        try:
            with outermost(place.outer), place.inner:
                async with self.node().open(self._position) as reader:
                    self._take_over(tick)
                    async for item in reader:
                        while len(self._answers) >= AHEAD and self._reading == tick:
                            self._room = sleep = backend().Sleep()
                            await sleep.last(None)
                        if self._reading != tick:
                            break
                        self._position += 1
                        self._answers.append(Answer(tick, at, item))
                        on_news()
        except Exception as exc:  # noqa: BLE001  it is shown in the place of an item
            if self._reading <= tick:
                self._take_over(tick)
                self._answers.append(Answer(tick, at, error=exc))
        except BaseException as exc:
            if isinstance(exc, (backend().CANCELLED, GeneratorExit)):
                if self._reading == tick:  # by no later tick; of no matter when the output was closed
                    error = RuntimeError(f"{self.node} was cancelled while it was read")
                    self._answers.append(Answer(tick, at, error=error))
                if isinstance(exc, backend().CANCELLED):
                    raise
            else:
                self._failure = exc

    def _take_over(self, tick: int) -> None:
        """Lets the task of a tick read, unless that of a later one does, and ends those before it."""
        self._reading = max(self._reading, tick)
        for other, task in tuple(self._tasks.items()):
            if other < self._reading and other != tick:
                task.cancel_threadsafe()

    def _note_end(self, tick: int, on_end: Callable[[], object]) -> None:
        self._tasks.pop(tick, None)
        on_end()

    def _take_answers(self) -> Iterator[Answer]:
        """Yields the items that are there, and the error that took the place of one.

        Raises:
            BaseException: the stream raised something that is no `Exception`.
        """
        while self._answers:
            yield self._answers[0]
            self._answers.popleft()
        room, self._room = self._room, None
        if room is not None:
            room.wake()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _list_tasks(self) -> list[Any]:
        """Returns the tasks that read."""
        return list(self._tasks.values())
