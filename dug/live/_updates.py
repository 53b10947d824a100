"""The async iterator over what a `Live` has to show: `Updates`, which takes ticks, and sleeps when there is nothing to do.

It takes ticks in the task that asks for an update, between two waits: a task that is cancelled was waiting, and has lost nothing.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

from .._functions.async_driver import backend
from ..errors import ContextError
from ._outputs import Update
from ._ticks import Ticks

UPDATES_A_TURN = 16
"""How many updates that are ready a task gets at most, before the other tasks of the loop have a turn."""


class Updates(AsyncIterator[Update[Any]]):
    """What a `Live` has to show, update by update; ``live.updates()`` makes one."""

    def __init__(self, ticks: Ticks, is_over: Callable[[], bool]) -> None:
        self._ticks, self._is_over = ticks, is_over
        self._shown = 0

    def __iter__(self) -> NoReturn:
        """Refuses it.

        Raises:
            TypeError: always; the message says what to type.
        """
        raise TypeError("Write: async for update in live.updates(). Without a loop: for update in live.step().")

    async def __anext__(self) -> Update[Any]:
        ticks = self._ticks
        if ticks.is_read:
            raise ContextError(f"Another task waits for the updates of {ticks.text}. Let one task read them.")
        ticks.is_read = True
        try:
            self._shown += 1
            if self._shown % UPDATES_A_TURN == 0:
                await backend().Sleep().last(0.0)
            while not ticks.ready:
                if ticks.has_work():
                    await backend().Sleep().last(0.0)  # a turn of the loop: ticks must not keep it from its other tasks
                elif self._is_over():
                    raise StopAsyncIteration
                else:
                    await self._wait()
                if ticks.is_closed:
                    raise StopAsyncIteration
                ticks.go_on()
            return ticks.ready.popleft()
        finally:
            ticks.is_read = False

    async def _wait(self) -> None:
        """Returns when there may be something to do, or an output is due."""
        ticks, timer = self._ticks, None
        ticks.sleep = sleep = backend().Sleep()
        try:
            if ticks.is_closed or ticks.has_work():  # since the last look
                return
            due, clock = ticks.find_due(), ticks.clock
            if due is None:
                await sleep.last(None)
            elif hasattr(clock, "call_at"):  # one for tests, whose time goes on when the test says so
                timer = clock.call_at(due, sleep.wake)
                await sleep.last(None)
            else:
                await sleep.last(max(0.0, due - clock()))
        finally:
            ticks.sleep = None
            if timer is not None:
                timer.cancel()
