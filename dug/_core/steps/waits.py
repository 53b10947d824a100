"""Waiting for a run in flight: `join` lets an asker wait, `wake_waiters` wakes them all; a circle of waits raises `CycleError`.

A run in flight is joined by `join`, with a `Wait` that can wake the asker; `wake_waiters` wakes all of them.  The waiting party
is a run (or the thread that drives it), so each wait is kept on the runs around the asker, up to the first that has a task of its
own: the runs around that one wait for it by a wait of their own.  A thread that blocks also holds up every task of the loop that
runs in it, so blocked threads are known by their number.

A wait closes a circle when its run already waits, directly or through others, for a run around the asker.  Waits are
added and searched under the group's lock, so two of them cannot close a circle together.

Cost: nothing for a run that nobody joins, but one attribute.  A wait costs O(runs around the asker, in one thread), and the
search O(waits that the joined run depends on).

`_enter` notes a wait, `leave_wait` ends one, `let_go` ends an optional one; `join_own` waits for the run that the asker has just
opened; `is_around`, `path_to` and `_find_circle` look for a circle.
"""

from collections.abc import Iterator
from typing import Any

from ...errors import CycleError
from ..facts.memo import Memo
from ..facts.node import Node
from .frame import Frame, Run, Wait

PATIENCE_S = 0.5
"""How often a waiter in another thread checks whether the loop that drives a run still exists."""


def join(wait: Wait, is_optional: bool) -> bool:  # noqa: FBT001  compiled functions are called by position
    """Begins the wait of an asker, which will be woken once; False when there is nothing to wait for.

    An optional wait is left out if it would close a circle, and ended if it would be part of one.

    Raises:
        CycleError: the run waits for the asker, directly or through others.
    """
    frame, run, thread = wait.frame, wait.run, wait.thread
    group = run.view.group
    with group.lock:
        while True:
            if run.is_done:
                return False
            path: list[Any] | None = None
            optional: tuple[Wait, ...] = ()
            if run.held_up or group.blocked or thread is not None:  # else it waits for nothing
                path, optional = _find_circle(frame, run, thread, group.blocked)
            if path is None:
                _enter(wait)
                return True
            if is_optional or not optional:
                break
            for other in optional:
                let_go(other)
    if is_optional:
        return False
    raise CycleError(tuple(map(Node._of, path)))


def join_own(wait: Wait) -> None:
    """`join` for the run that the asker has just opened, which cannot wait for anything yet."""
    with wait.run.view.group.lock:
        _enter(wait)


def let_go(wait: Wait) -> None:
    """Ends an optional wait for a run that goes on; under the lock."""
    waits = wait.run.waits
    if waits and wait in waits:  # else the run is done, or the wait is for no end of it
        waits.remove(wait)
    if not wait.run.is_done:
        _release(wait)
        wait.wake()


def _release(wait: Wait) -> None:
    for holder in wait.holders:
        if holder.held_up is not None:
            holder.held_up.discard(wait)
    if wait.thread is not None and wait.run.view.group.blocked.get(wait.thread) is wait:
        del wait.run.view.group.blocked[wait.thread]


def leave_wait(wait: Wait) -> bool:
    """Ends a wait, whether or not the run is done; True when nobody waits for it any more."""
    with wait.run.view.group.lock:
        _release(wait)
        waits = wait.run.waits
        if waits and wait in waits:
            waits.remove(wait)
        return not waits


def wake_waiters(run: Run, result: Memo | BaseException | None) -> None:
    """Wakes all waiters of a finished run with its result; a failure is theirs as well from now on.

    If an interrupt ends it in the middle, the waits are still noted, and the code that abandons the run wakes them all again.
    """
    failure = getattr(result, "failure", None)
    filed = run.memo if failure is not None else None
    for wait in tuple(run.waits or ()):  # a waiter that is cancelled removes itself from the list
        wait.result, wait.failure = result, failure
        call = wait.frame.call
        if filed is not None and call is not None and wait.frame.view.tweaks is run.view.tweaks and not filed.serves(call):
            call.adopt(filed)
        wait.wake()
    run.waits = None


def is_around(frame: Frame | None, run: Run) -> bool:
    """True when `run` is open around `frame`, or another run of its node in its scenario is.

    Complexity: O(frames around).
    """
    home, tweaks = run.home, run.view.tweaks
    while frame is not None:
        here = frame.run
        if here is run or (here is not None and here.home is home and here.view.tweaks is tweaks):
            return True
        frame = None if here is None else here.outer
    return False


def path_to(frame: Frame | None, run: Run) -> list[Any]:
    """Returns the keys of the runs from `run` down to `frame`."""
    path: list[Any] = []
    while frame is not None and frame.run is not None:
        here = frame.run
        path.append(here.key)
        if here is run or (here.home is run.home and here.view.tweaks is run.view.tweaks):
            break
        frame = here.outer
    return path[::-1]


def _enter(wait: Wait) -> None:
    """Notes a wait on its run, and on the runs that it holds up."""
    if wait.run.waits is None:
        wait.run.waits = []
    wait.run.waits.append(wait)
    if wait.thread is not None:
        wait.run.view.group.blocked[wait.thread] = wait
    holder = wait.frame.run
    while holder is not None:
        if holder.held_up is None:
            holder.held_up = set()
        holder.held_up.add(wait)
        wait.holders += (holder,)
        if holder.has_task or holder.outer is None:
            break
        holder = holder.outer.run


def _find_circle(
    frame: Frame, target: Run, thread: int | None, blocked: dict[int, object]
) -> tuple[list[Any] | None, tuple[Wait, ...]]:
    """Returns the keys along the circle that waiting for `target` would close, or None; and the optional waits along it."""
    ways: dict[Run, list[Any]] = {target: [target.key]}
    optional: dict[Run, tuple[Wait, ...]] = {target: ()}
    pending = [target]
    while pending:
        run = pending.pop()
        if is_around(frame, run):
            return [*path_to(frame, run), *ways[run]], optional[run]
        if thread is not None and run.thread == thread:
            asker = [frame.run.key] if frame.run is not None else []
            return [*asker, *ways[run], *(asker or [target.key])], optional[run]
        for wait in _waits_of(run, blocked):
            if wait.run not in ways and not wait.run.is_done:  # else the waiter is about to go on
                ways[wait.run] = [*ways[run], *path_to(wait.frame, run)[1:], wait.run.key]
                optional[wait.run] = (*optional[run], wait) if wait.is_optional else optional[run]
                pending.append(wait.run)
    return None, ()


def _waits_of(run: Run, blocked: dict[int, object]) -> Iterator[Wait]:
    yield from run.held_up or ()
    held = blocked.get(run.thread) if run.has_task else None
    if isinstance(held, Wait):
        yield held
