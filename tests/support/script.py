"""Scripts of concurrency tests: who asks for what, in which order, and what happens in between.

`play_tasks` plays a script with tasks of one loop, `play_threads` with threads; both in one context, step by step:

* ``ask(name, function, *args)`` starts a task or thread that makes a call; ``tweaks=`` makes it in a context of its own;
* ``cancel(name)`` cancels a task;
* ``until(signal)`` goes on when a body has set it, ``until_waiting(node, count)`` when so many wait for the run of a node,
  ``until_ended(*names)`` when these have their answers;
* a function is called: it opens a gate, sets a signal, changes the context; what it returns is kept in `Played.seen`;
* a list of steps is made at once, before anybody has a turn.

After each step every task goes on until it waits for something. Threads are not waited for: a script says where they stop.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from time import monotonic, sleep
from typing import Any

import anyio
import anyio.to_thread
from attrs import define, field, frozen

import dug

from .sync_points import PATIENCE_S, Signal, Worker, run_on, settle

CANCELLED = "cancelled"
"""The result of a task that was cancelled."""


@frozen
class Ask:
    """Start a task or thread that calls a function, and keeps the outcome under a name."""

    name: Hashable
    function: Callable[..., Any]
    args: tuple[Any, ...]
    tweaks: Mapping[Any, Any] | None


@frozen
class Cancel:
    """Cancel a task."""

    name: Hashable


@frozen
class Until:
    """Go on when a body has set a signal."""

    signal: Signal


@frozen
class UntilWaiting:
    """Go on when so many wait for the run of a node."""

    node: dug.Node
    count: int


@frozen
class UntilEnded:
    """Go on when these have their answers."""

    names: tuple[Hashable, ...]


Step = Ask | Cancel | Until | UntilWaiting | UntilEnded | Callable[[], Any] | list[Any]


def ask(name: Hashable, function: Callable[..., Any], *args: Any, tweaks: Mapping[Any, Any] | None = None) -> Ask:
    """Return the step that starts a call."""
    return Ask(name, function, args, tweaks)


def cancel(name: Hashable) -> Cancel:
    """Return the step that cancels a task."""
    return Cancel(name)


def until(signal: Signal) -> Until:
    """Return the step that waits for a signal."""
    return Until(signal)


def until_waiting(node: dug.Node, count: int) -> UntilWaiting:
    """Return the step that waits for the waiters of a run."""
    return UntilWaiting(node, count)


def until_ended(*names: Hashable) -> UntilEnded:
    """Return the step that waits for answers."""
    return UntilEnded(names)


@define
class Played:
    """What came of a script: the value or error of each call, in the order in which they ended, and what functions returned."""

    results: dict[Any, Any] = field(factory=dict)
    seen: list[Any] = field(factory=list)

    def look(self, step: Callable[[], Any]) -> None:
        """Call a function among the steps, and keep what it returns."""
        found = step()
        if found is not None:
            self.seen.append(found)


def play_tasks(backend: str, ctx: dug.Context, *steps: Step) -> Played:
    """Play a script with tasks of a new loop of `backend`, all in `ctx`, and wait for all of them."""

    async def main() -> Played:
        with ctx:
            async with anyio.create_task_group() as group:
                tasks = Tasks(group, ctx)
                for step in steps:
                    await tasks.make(step)
                    await settle()
        return tasks.played

    return run_on(backend, main)


@define
class Tasks:
    """The tasks of a script."""

    group: Any
    ctx: dug.Context
    played: Played = field(factory=Played)
    scopes: dict[Any, anyio.CancelScope] = field(factory=dict)
    ended: dict[Any, Signal] = field(factory=dict)

    async def make(self, step: Step) -> None:
        """Make one step."""
        match step:
            case list():
                for each in step:
                    await self.make(each)
            case Ask():
                self.scopes[step.name], self.ended[step.name] = anyio.CancelScope(), Signal()
                self.group.start_soon(self._ask, step)
            case Cancel(name):
                self.scopes[name].cancel()
            case Until(signal):
                await signal.wait_there()
            case UntilWaiting(node, count):
                await anyio.to_thread.run_sync(wait_until_waiting, self.ctx, node, count)
            case UntilEnded(names):
                for name in names:
                    await self.ended[name].wait_there()
            case _:
                self.played.look(step)

    async def _ask(self, step: Ask) -> None:
        with self.scopes[step.name]:
            try:
                self.played.results[step.name] = await self._call(step)
            except Exception as exc:  # noqa: BLE001  told to the test
                self.played.results[step.name] = exc
        if self.scopes[step.name].cancelled_caught:
            self.played.results[step.name] = CANCELLED
        self.ended[step.name].set()

    async def _call(self, step: Ask) -> Any:
        if step.tweaks is None:
            return await step.function(*step.args)
        with dug.Context(tweaks=step.tweaks):
            return await step.function(*step.args)


def play_threads(ctx: dug.Context, *steps: Step) -> Played:
    """Play a script with threads, each in `ctx`, and wait for all of them."""
    threads = Threads(ctx)
    for step in steps:
        threads.make(step)
    for worker in threads.workers.values():
        worker.end()
    return threads.played


@define
class Threads:
    """The threads of a script."""

    ctx: dug.Context
    played: Played = field(factory=Played)
    workers: dict[Any, Worker] = field(factory=dict)

    def make(self, step: Step) -> None:
        """Make one step."""
        match step:
            case list():
                for each in step:
                    self.make(each)
            case Ask():
                self.workers[step.name] = Worker(self._ask, step)
            case Until(signal):
                signal.wait_here()
            case UntilWaiting(node, count):
                wait_until_waiting(self.ctx, node, count)
            case UntilEnded(names):
                for name in names:
                    self.workers[name].end()
            case Cancel():
                raise TypeError("a thread cannot be cancelled")
            case _:
                self.played.look(step)

    def _ask(self, step: Ask) -> None:
        try:
            self.played.results[step.name] = self._call(step)
        except Exception as exc:  # noqa: BLE001  told to the test
            self.played.results[step.name] = exc

    def _call(self, step: Ask) -> Any:
        with self.ctx:
            if step.tweaks is None:
                return step.function(*step.args)
            with dug.Context(tweaks=step.tweaks):
                return step.function(*step.args)


def wait_until_waiting(ctx: dug.Context, node: dug.Node, count: int) -> None:
    """Return when so many wait for the run of a node in the cache of a context."""
    group, latest = ctx.cache.group, monotonic() + 2 * PATIENCE_S  # a busy machine may take long to come there
    while monotonic() < latest:
        with group.lock:
            home = ctx.cache.find_home(node._key)
            open_run = None if home is None else home.open_run
            if open_run is not None and len(open_run.waits or ()) >= count:
                return
        sleep(0)  # lets the others on
    raise AssertionError("too few wait for the run")
