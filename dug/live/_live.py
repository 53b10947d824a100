"""`Live`: a context whose inputs tick, and the outputs that it shows; `LiveInput`, one node that is pushed to.

What a user says is checked here.  Pushes wait in a `Backlog` until whoever reads takes them as `Ticks`; any thread may push, make
outputs and freeze.

The verbs: `input`, `output`, `push`, `feed`, `freeze`, `step`, `updates`, `close`; what can be looked at is in its base,
`_state.LiveState`.  `_make_output`, `_start_feed`, `_push_waiting` and `_check_open` are behind these.
"""

import time
from collections.abc import AsyncIterable, Callable, Mapping
from functools import partial
from typing import Any, Generic, Self, TypeVar

from .._batch.call_site import check_executor
from .._contexts.context import Context
from .._contexts.scenario import Scenario
from .._contexts.tweaks import target_of
from .._core.read import Cache, Node
from .._functions.async_driver import backend
from .._text.sheet import Sheet
from .._text.values import show
from ..errors import ContextError
from ._backlog import POLICIES, Backlog, Change
from ._beside import TaskOutput, ThreadOutput
from ._context import LiveContext
from ._counters import InputCounters
from ._feeds import Feed, read_feed
from ._items import StreamOutput
from ._outputs import LiveOutput, Update
from ._state import LiveState
from ._ticks import Ticks
from ._updates import Updates

T = TypeVar("T")


class Live(LiveState):
    """A context whose inputs tick, and outputs that show what comes of it.

    A *push* says new values of nodes, from any thread.  It waits until somebody takes ticks: ``live.step()``, or
    ``async for update in live.updates()``.  A *tick* changes the context in one go, so no output ever sees half of a push; what
    does not depend on it does not run.  A ``Live`` stands by itself, whatever context is in force where it is made or read; one
    that is made in a replay takes its ticks there, and asks the recording.

    Args:
        inputs: the tweaks to begin with: a mapping of nodes to values, or a `Scenario`.
        policy: what happens to pushes that come faster than ticks are taken.  ``"latest"``: all that wait are one tick, in which
            each node has its last value.  ``"batch"``: pushes that wait share a tick as long as no two say a value of the same
            node, so that each value is in a tick.  Otherwise each push is a tick, and when `size` of them wait, a push waits for
            room (``"block"``, and ``"batch"`` too), the oldest tick is dropped and what it alone says goes into the next one
            (``"drop_oldest"``), or the push is refused (``"error"``).
        size: how many ticks may wait; of no matter for ``"latest"``, where it is never more than one.
        window: how many ticks of the output of a coroutine function may be in flight.  Under every policy but ``"latest"`` the
            next tick waits until one of them is done.
        clock: returns the time in seconds; `dug.testing.Clock` is one for tests.
        name: shown in texts.

    Raises:
        TweakError: a tweak is not possible; the message names it.
        ValueError: there is no such policy, or `size` or `window` is not a whole number from 1 on.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        inputs: "Mapping[Any, Any] | Scenario | None" = None,
        *,
        policy: str = "latest",
        size: int = 1024,
        window: int = 1,
        clock: Callable[[], float] = time.monotonic,
        name: str = "live",
    ) -> None:
        if policy not in POLICIES:
            raise ValueError(f"policy must be one of {', '.join(map(repr, POLICIES))}, not {show(policy)}.")
        _check_number("size", size)
        _check_number("window", window)
        if not callable(clock):
            raise TypeError(f"clock must return the time in seconds when it is called, not {show(clock)}. Leave it out.")
        cache = Cache()
        self._context = LiveContext(inputs, cache=cache, name=name)
        self._window = window
        self._backlog = Backlog(policy, size, repr(self))
        self._ticks = Ticks(self._context, cache, self._backlog, clock, repr(self))
        self._feeds: list[Feed] = []
        """Those that have not ended."""
        self._loop: Any = None
        """That on which it is open; None outside of ``async with``."""

    # Inputs

    def push(self, key: Any, /, *value: Any) -> None:
        """Says the new value of a node, or those of several nodes, which change together; from any thread.

        Every tweak is possible: the value of any node, a bump, a replacement, and ``dug.UNTWEAKED`` to give a node back to its
        function.  A value must not be changed afterwards.

        Args:
            key: a node, or a mapping of nodes to values.
            value: the value of the node.

        Raises:
            TweakError: a tweak is not possible; nothing is pushed then.
            BacklogError: there is no room, and the policy is ``"error"``, or waiting for it here would last for ever.
            ContextError: it is closed.
        """
        change = _read_change("push", key, value)
        if change:
            self._backlog.put(change)
            self._ticks.wake()

    def input(self, node: Node[T]) -> "LiveInput[T]":
        """Returns a handle on one input, to push its values.

        Raises:
            TweakError: it is neither a node nor a memoised function.
        """
        target_of(node)
        return LiveInput(self, node)

    def feed(self, key: Any, /, *items: Any) -> None:
        """Pushes each item of an async iterable, in a task that runs while this is open in ``async with``.

        The items are read in the context in force here.  Where the policy says to wait for room, the task waits.  An error of the
        iterable, or an item that cannot be pushed, ends the feed, and is shown as an update.

        Args:
            key: a node, of which the items are values; or the async iterable itself, of mappings of nodes to values.
            items: the async iterable for the node.

        Raises:
            TweakError: it is neither a node nor a memoised function.
            TypeError: what should give the items is not an async iterable.
            ContextError: it is closed, or open on another loop than this one.
        """
        feed = read_feed(key, items)
        if items:
            target_of(key)
        self._check_open()
        if self._loop is not None and not _is_on(self._loop):
            raise ContextError(f"{self!r} is open on another event loop. Call feed() there.")
        self._feeds.append(feed)
        if self._loop is not None:
            self._start_feed(feed)

    def _start_feed(self, feed: Feed) -> None:
        feed.start(self._push_waiting, partial(self._ticks.show_failure, feed.node), partial(self._end_feed, feed))

    def _end_feed(self, feed: Feed) -> None:
        self._feeds.remove(feed)
        self._ticks.wake()

    async def _push_waiting(self, key: Any, *value: Any) -> None:
        """Pushes what a feed gives; waits for room in its task."""
        change = _read_change("push", key, value)
        while change and not self._ticks.is_closed and not self._backlog.offer(change):
            sleep = backend().Sleep()
            self._backlog.wake_at_room(sleep.wake)
            await sleep.last(None)
        self._ticks.wake()

    # Outputs

    def output(
        self, node: Node[T], *, every: float = 0.0, changes_only: bool = True, executor: Any = None
    ) -> LiveOutput[T]:
        """Shows a node from now on: its value at the next step, and then whenever a tick has changed it.

        The node of a function is asked for in the tick itself.  Beside the ticks, so that none has to wait for it, are asked: a
        node with an `executor`, one tick at a time; and the node of a coroutine function, up to `window` ticks at a time.  Those
        run in a context that is frozen at their tick, and their updates say how far behind they are.  The node of a stream shows
        each item; after a tick it goes on at the next one, in the scenario of the tick.

        Args:
            node: the node.
            every: ask at most once in so many seconds: the first tick of a burst at once, the last one when they are over.
            changes_only: False to show a value each time that it was asked for, even if it is the same.
            executor: anything with ``submit`` that runs calls in threads, such as a ``ThreadPoolExecutor``.

        Raises:
            TypeError: it is not a node, or the executor cannot run it.
            ValueError: `every` is not a number of seconds, or the node is an output already.
            ContextError: it is closed.
        """
        if not isinstance(node, Node):
            raise TypeError(f"output() takes a node, not {show(node)}. Write live.output(f.node(x)).")
        if not isinstance(every, (int, float)) or not every >= 0:
            raise ValueError(f"every must be a number of seconds for {node}, not {show(every)}. Write every=0.5, for example.")
        if node in self._ticks.outputs:
            raise ValueError(f"{node} is an output of {self!r} already.")
        check_executor(executor)
        self._check_open()
        self._ticks.outputs[node] = output = self._make_output(node, every, executor, changes_only=changes_only)
        self._ticks.wake()
        return output

    def _make_output(self, node: Node[T], every: float, executor: Any, *, changes_only: bool) -> LiveOutput[T]:
        function = node._function
        if function.stream is not None and not function.stream.is_async:
            raise TypeError(f"{node} is a stream that is read without a loop. Show a node that reads it.")
        if executor is not None and (function.is_async or function.stream is not None):
            raise TypeError(f"{node} runs on the loop, and not in threads. Leave the executor out.")
        if function.stream is not None:
            if every:
                raise ValueError(f"{node} is a stream, of which each item is shown. Leave every= out.")
            return StreamOutput(node)
        if function.is_async:
            return TaskOutput(node, every, changes_only=changes_only, window=self._window)
        if executor is not None:
            return ThreadOutput(node, every, executor, changes_only=changes_only)
        return LiveOutput(node, every, changes_only=changes_only)

    # Taking ticks

    def freeze(self) -> Context:
        """Returns a context of the last tick, in which nothing changes any more; from any thread.

        What it computes, and what the ticks compute, is shared wherever it is the same.
        """
        return self._ticks.freeze()

    def step(self) -> list[Update[Any]]:
        """Takes one tick, if one waits, and returns what there is to show.

        Raises:
            ContextError: somebody else takes ticks, such as a task that waits for `updates`, or the loop on which it is open; a
                memoised function calls this; it was not made in the replay in force; or it is closed.
            TypeError: an output is of a coroutine function, which only `updates` can ask for.
        """
        self._check_open()
        if self._ticks.is_read or (self._loop is not None and not _is_on(self._loop)):
            raise ContextError(f"step() would take from who reads updates() of {self!r}. Take ticks in one place, on its loop.")
        for output in tuple(self._ticks.outputs.values()):
            if output._needs_loop:
                raise TypeError(
                    f"{output.node} needs a loop. Write: async with live: async for update in live.updates(): ..."
                )
        self._ticks.go_on()
        ready = self._ticks.ready
        return [ready.popleft() for _ in range(len(ready))]

    def updates(self, *, until_fed: bool = False) -> Updates:
        """Returns an async iterator of what there is to show, which takes a tick whenever it has shown everything.

        Only one task at a time may ask it; one that is cancelled loses nothing.  It ends when this is closed, without the ticks
        that wait then.

        Args:
            until_fed: whether it also ends when all feeds have ended and everything that they gave was shown.

        Raises:
            ContextError: this is not open; the message says what to type.
        """
        if self._loop is None or self._ticks.is_closed:
            raise ContextError(f"{self!r} is not open. Write: async with live: async for update in live.updates(): ...")
        return Updates(self._ticks, self._is_fed if until_fed else bool)

    def _is_fed(self) -> bool:
        """True when all feeds have ended, and all that they gave was shown."""
        return not self._feeds and self._ticks.is_settled()

    # Opening and closing

    def close(self) -> None:
        """Ends it, from any thread: pushes are refused, and ticks that wait are dropped.

        `updates` ends when it has shown what was ready; feeds and outputs in flight are cancelled, and nobody waits for them.
        """
        self._ticks.is_closed = True
        self._backlog.close()
        for task in self._list_tasks():
            task.cancel_threadsafe()
        self._ticks.wake()

    async def aclose(self) -> None:
        """Ends it as `close` does, and returns when its tasks have ended."""
        self.close()
        loop, self._loop = self._loop, None
        if loop is not None and _is_on(loop):
            await backend().end(self._list_tasks())

    def _list_tasks(self) -> list[Any]:
        tasks = [feed.task for feed in tuple(self._feeds)]  # each looked at once: it may end meanwhile, on its loop
        return [task for task in tasks if task is not None] + self._ticks.list_tasks()

    async def __aenter__(self) -> Self:
        self._check_open()
        if self._loop is not None:
            raise ContextError(f"{self!r} is open already. Let one task open it.")
        self._loop = backend().find_loop()
        for feed in tuple(self._feeds):
            self._start_feed(feed)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._ticks.is_closed:
            raise ContextError(f"{self!r} is closed. Make another one: dug.live.Live(...).")

    def _sheet(self) -> Sheet:
        from ._sheet import show_live  # loaded when somebody looks

        return show_live(f"{repr(self)[1:-1]} at tick {self.tick:,}", self.inputs, self.outputs)

    def __repr__(self) -> str:
        return f"<dug.live.Live {show(self._context.name)}>"


class LiveInput(Generic[T]):
    """A handle on one input of a `Live`; ``live.input(node)`` makes one."""

    def __init__(self, live: Live, node: Node[T]) -> None:
        self._live = live
        self.node = node
        """The node that it changes."""

    def push(self, value: Any) -> None:
        """Says its new value: ``live.push(node, value)``."""
        self._live.push(self.node, value)

    def feed(self, items: AsyncIterable[Any]) -> None:
        """Pushes each item of an async iterable: ``live.feed(node, items)``."""
        self._live.feed(self.node, items)

    @property
    def counters(self) -> InputCounters:
        """What became of the values that were pushed for it."""
        return self._live.counters.inputs.get(self.node, InputCounters())

    def __repr__(self) -> str:
        return f"<dug.live.LiveInput {self.node} of {self._live!r}>"


def _read_change(verb: str, key: Any, value: tuple[Any, ...]) -> Change:
    """Returns what is pushed, checked as far as it can be before the tick.

    Raises:
        TweakError: a tweak is not possible.
    """
    if len(value) > 1 or bool(value) == isinstance(key, (Mapping, Scenario)):
        raise TypeError(f"Write live.{verb}(node, value) or live.{verb}({{node: value, ...}}).")
    change = {key: value[0]} if value else dict(key.tweaks if isinstance(key, Scenario) else key)
    Scenario(change)
    return change


def _is_on(loop: object) -> bool:
    """True in a task of a loop."""
    try:
        return backend().find_loop() is loop
    except RuntimeError:  # there is none in this thread
        return False


def _check_number(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {show(value)}. Write {name}=1, for example.")
