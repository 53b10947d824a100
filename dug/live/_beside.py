"""Outputs that are asked beside the ticks, in a context that is frozen at theirs: `ThreadOutput`, and `TaskOutput` on a loop.

Each question is a `Flight`.  A thread has one at a time; of a coroutine function so many ticks are in flight as the window
allows, and their answers are shown in the order of the ticks.

`Beside` is the base of both: in flight, due, answered.  `_ask_in_thread` and `_ask_in_task` ask.  `_start` and `_launch` ask,
`_take_answers` shows.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from .._contexts.current import outermost
from .._core.read import Node
from .._functions.async_driver import backend
from ._context import Place
from ._outputs import Answer, LiveOutput, ask, find_memo

T = TypeVar("T")


class Flight:
    """One question that is asked beside the ticks: its answer, once that is there."""

    __slots__ = ("answer", "at", "failure", "is_over", "task", "tick")

    def __init__(self, tick: int, at: float) -> None:
        self.tick, self.at = tick, at
        self.answer: Answer | None = None
        self.failure: BaseException | None = None
        """What was raised in its place that is no `Exception`."""
        self.is_over = False
        self.task: Any = None
        """What runs it on a loop."""


class Beside(LiveOutput[T]):
    """An output of which up to `window` ticks are in flight."""

    is_beside = True

    def __init__(self, node: Node[Any], every: float, *, changes_only: bool, window: int = 1) -> None:
        super().__init__(node, every, changes_only=changes_only)
        self._window = window
        self._flights: deque[Flight] = deque()

    @property
    def _is_in_flight(self) -> bool:  # type: ignore[override]  # a constant above
        """True while it is asked for beside the ticks."""
        return bool(self._flights)

    @property
    def _is_full(self) -> bool:
        """True when no further tick of it may be in flight."""
        return len(self._flights) >= self._window

    @property
    def _has_answer(self) -> bool:
        """True when the next one is there."""
        return bool(self._flights) and self._flights[0].is_over

    def _find_due(self) -> float | None:
        """Returns the moment from which on it may be asked; None when there is no reason to, or no room."""
        return None if self._is_full else super()._find_due()

    def _start(self, place: Place, tick: int, at: float, on_end: Callable[[], object]) -> None:
        """Asks in a frozen context; `on_end` is called when the answer is there, in any thread."""
        flight = Flight(tick, at)
        self._flights.append(flight)
        try:
            self._launch(flight, place, on_end)
        except Exception as exc:  # noqa: BLE001  such as a pool that was shut down: it is shown in the place of a value
            flight.answer, flight.is_over = Answer(tick, at, error=exc), True

    def _launch(self, flight: Flight, place: Place, on_end: Callable[[], object]) -> None:
        raise NotImplementedError

    def _take_answers(self) -> Iterator[Answer]:
        """Yields the answers that are there, in the order of the ticks; one of which the reader fails is yielded again.

        Raises:
            BaseException: a node raised something that is no `Exception`.
        """
        while self._flights and self._flights[0].is_over:
            flight = self._flights[0]
            if flight.failure is not None:
                self._flights.remove(flight)
                raise flight.failure
            if flight.answer is not None:
                yield flight.answer
            self._flights.remove(flight)


    def _list_tasks(self) -> list[Any]:
        """Returns the tasks in flight."""
        return []


class ThreadOutput(Beside[T]):
    """An output that an executor asks for, one tick at a time."""

    def __init__(self, node: Node[Any], every: float, executor: Any, *, changes_only: bool) -> None:
        super().__init__(node, every, changes_only=changes_only)
        self._executor = executor

    def _launch(self, flight: Flight, place: Place, on_end: Callable[[], object]) -> None:
        future = self._executor.submit(partial(_ask_in_thread, flight, place, self.node, on_end))
        if hasattr(future, "add_done_callback"):  # whoever shuts the executor down may cancel it
            future.add_done_callback(partial(_note_cancelled, flight, on_end))


def _ask_in_thread(flight: Flight, place: Place, node: Node[Any], on_end: Callable[[], object]) -> None:
    try:
        with outermost(place.outer), place.inner:
            flight.answer = ask(node, flight.tick, flight.at)
    except BaseException as exc:  # noqa: BLE001  it is raised where ticks are taken
        flight.failure = exc
    finally:
        flight.is_over = True
        on_end()


def _note_cancelled(flight: Flight, on_end: Callable[[], object], future: Any) -> None:
    if not flight.is_over:
        error = RuntimeError(f"its call was cancelled by the executor: {future!r}")
        flight.answer, flight.is_over = Answer(flight.tick, flight.at, error=error), True
        on_end()


class TaskOutput(Beside[T]):
    """An output of a coroutine function, which a task asks for."""

    _needs_loop = True

    def _launch(self, flight: Flight, place: Place, on_end: Callable[[], object]) -> None:
        call = partial(_ask_in_task, flight, place, self.node)
        flight.task = backend().start(call, copy_context(), partial(_note_end, flight, on_end))

    def _list_tasks(self) -> list[Any]:
        """Returns the tasks that are in flight."""
        tasks = [flight.task for flight in self._flights.copy()]  # each looked at once: it may end meanwhile, on its loop
        return [task for task in tasks if task is not None]


async def _ask_in_task(flight: Flight, place: Place, node: Node[Any]) -> None:
    try:
        with outermost(place.outer), place.inner:
            value = await node()
            flight.answer = Answer(flight.tick, flight.at, value, memo=find_memo(node, value))
    except Exception as exc:  # noqa: BLE001  it is shown in the place of a value
        flight.answer = Answer(flight.tick, flight.at, error=exc)
    except BaseException as exc:
        if isinstance(exc, (backend().CANCELLED, GeneratorExit)):  # of no matter when the output was closed
            error = RuntimeError(f"{node} was cancelled while it was asked for")
            flight.answer = Answer(flight.tick, flight.at, error=error)
            if isinstance(exc, backend().CANCELLED):
                raise
        else:
            flight.failure = exc
    finally:
        del place, node


def _note_end(flight: Flight, on_end: Callable[[], object]) -> None:
    flight.is_over, flight.task = True, None
    on_end()
