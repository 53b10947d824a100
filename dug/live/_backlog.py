"""What was pushed and is in no tick yet: `Backlog`, with its policy, the pushes that wait for room, and its counters.

Any thread pushes; whoever takes ticks takes.  A push goes into a tick as a whole, or is refused as a whole.  Values are never
lost for good: a node has, in the tick that is taken last, the value that was pushed last.

`BacklogError` is a push that was refused.  Its verbs: `put`, `offer`, `wake_at_room`, `take`, `put_back`, `close`; `_add` folds
pushes, `_drop_oldest` and `_check_may_wait` are the policies.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable
from threading import Condition, Thread, active_count, current_thread
from typing import Any
from weakref import ref

from .._extras.packages import find_loaded
from .._text.counts import count
from .._text.values import show
from ..errors import ContextError, DugError
from ._counters import InputCounters

_logger = logging.getLogger("dug")
POLICIES = ("latest", "batch", "block", "drop_oldest", "error")
Change = dict[Any, Any]
"""Tweaks that are stated together, by node."""
Waiting = dict[Any, Change]
"""A tick that waits: by node, the push that said its value last."""


class BacklogError(DugError, BufferError):
    """A push was refused: as many ticks wait as may, and the policy is ``"error"``, or waiting for room would last for ever."""


class Backlog:
    """The ticks that wait to be taken, the oldest first."""

    def __init__(self, policy: str, size: int, name: str) -> None:
        self.policy, self.size, self._name = policy, size, name
        self._changed = Condition()
        self._ticks: deque[Waiting] = deque()
        self._is_closed = False
        self._has_warned = False
        self._taker: ref[Thread] | None = None
        """The thread that took the last tick, which must not wait for room; its number would be that of a later thread too."""
        self._room_wakers: list[Callable[[], object]] = []
        """Called once, when there is room again."""
        self._pushes = self._dropped_ticks = 0
        self._values, self._conflated, self._lost = Counter[Any](), Counter[Any](), Counter[Any]()

    def __len__(self) -> int:
        return len(self._ticks)

    def put(self, change: Change) -> None:
        """Adds a change, after a wait for room where the policy says so.

        Raises:
            BacklogError: there is no room, and there will be none while this waits.
            ContextError: it is closed.
        """
        with self._changed:
            while not self._add(change):
                self._check_may_wait(change)
                if not self._has_warned and self._taker is None:
                    self._has_warned = True
                    _logger.warning("A push to %s waits for room, and nobody has ever taken a tick of it.", self._name)
                self._changed.wait()

    def offer(self, change: Change) -> bool:
        """Adds a change, unless it has to wait for room.

        Raises:
            BacklogError: there is no room, and the policy refuses it.
            ContextError: it is closed.
        """
        with self._changed:
            return self._add(change)

    def wake_at_room(self, wake: Callable[[], object]) -> None:
        """Calls a function once, when there is room or it is closed; at once if that is so now."""
        with self._changed:
            if len(self._ticks) >= self.size and not self._is_closed:
                self._room_wakers.append(wake)
                return
        wake()

    def take(self) -> Waiting | None:
        """Returns the pushes of the next tick; None when none waits."""
        with self._changed:
            self._taker = ref(current_thread())
            if not self._ticks:
                return None
            tick = self._ticks.popleft()
            self._tell_room()
            return tick

    def put_back(self, tick: Waiting) -> None:
        """Makes a tick that was taken the next one again."""
        with self._changed:
            self._ticks.appendleft(tick)

    def close(self) -> None:
        """Refuses what is pushed from now on, and what waits for room."""
        with self._changed:
            self._is_closed = True
            self._tell_room()

    def count(self) -> tuple[int, int, dict[Any, InputCounters]]:
        """Returns how many pushes came, how many ticks were dropped, and what became of the values, by node."""
        with self._changed:  # nobody can push meanwhile, so that it is copied only
            pushes, dropped_ticks = self._pushes, self._dropped_ticks
            values, conflated, lost = self._values.copy(), self._conflated.copy(), self._lost.copy()
        return pushes, dropped_ticks, {key: InputCounters(number, conflated[key], lost[key]) for key, number in values.items()}

    def _tell_room(self) -> None:
        self._changed.notify_all()
        wakers, self._room_wakers = self._room_wakers, []
        for wake in wakers:
            wake()

    def _add(self, change: Change) -> bool:
        if self._is_closed:
            raise ContextError(f"{self._name} is closed, and takes no more pushes.")
        ticks, policy = self._ticks, self.policy
        if ticks and (policy == "latest" or (policy == "batch" and ticks[-1].keys().isdisjoint(change))):
            waiting = ticks[-1]
            self._conflated.update(key for key in change if key in waiting)
            waiting.update(dict.fromkeys(change, change))
        elif policy in ("latest", "drop_oldest") or len(ticks) < self.size:
            ticks.append(dict.fromkeys(change, change))
            if policy == "drop_oldest" and len(ticks) > self.size:
                self._drop_oldest()
        elif policy == "error":
            raise BacklogError(
                f"The push of {_name_change(change)} was refused: {self._say_waiting()}, which come faster than they "
                "are taken. Push less often, or write policy='latest'."
            )
        else:
            return False
        self._pushes += 1
        for key in change:  # as `Counter.update` does, which takes longer
            self._values[key] = self._values.get(key, 0) + 1
        return True

    def _say_waiting(self) -> str:
        """Returns how many ticks wait, as the middle of a sentence."""
        return f"{count(len(self._ticks), 'tick')} wait{'s' if len(self._ticks) == 1 else ''} in {self._name}"

    def _drop_oldest(self) -> None:
        """Drops the oldest tick; what it alone says goes into the next one."""
        oldest = self._ticks.popleft()
        after = self._ticks[0]
        replaced = oldest.keys() & after.keys()
        self._dropped_ticks += 1
        self._lost.update(replaced)
        self._conflated.update(replaced)
        for key, push in oldest.items():
            after.setdefault(key, push)

    def _check_may_wait(self, change: Change) -> None:
        """Refuses to wait in the thread that takes the ticks, in that of a loop, or in the only one.

        Raises:
            BacklogError: it is one of them.
        """
        if self._taker is not None and self._taker() is current_thread():
            reason = "this thread takes the ticks. Take one first: live.step()"
        elif _is_on_loop():
            reason = "this thread runs an event loop. Write live.feed(node, async_iterable), whose task waits, or use a thread"
        elif active_count() == 1:
            reason = "there is no other thread that could take one. Take them between the pushes: live.step()"
        else:
            return
        raise BacklogError(
            f"The push of {_name_change(change)} was refused: {self._say_waiting()}, and it would wait for room "
            f"for ever, as {reason}."
        )


def _name_change(change: Change) -> str:
    """Returns what is pushed, as text: the first node, and how many more there are."""
    more = f" and {len(change) - 1} more" if len(change) > 1 else ""
    return f"{show(next(iter(change)))}{more}"


def _is_on_loop() -> bool:
    """True in a thread in which an event loop runs."""
    find_asyncio, find_trio = find_loaded("asyncio", "_get_running_loop"), find_loaded("trio.lowlevel", "in_trio_run")
    return (find_asyncio is not None and find_asyncio() is not None) or (find_trio is not None and find_trio())
