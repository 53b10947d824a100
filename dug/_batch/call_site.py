"""Where a batch or sweep asks: `CallSite`, its frame and context variables; `Executor` and its checks; `single_outer_call`.

`call_site_of` notes the frame of the caller, `check_executor` and `check_elsewhere` refuse what cannot be used as an executor,
and `find_width` says how many calls to take ahead.  Work is handed to the executor by `batch` and by `_sweeps/sweep`.  A site can
`call`, `then`, `note` and `check`.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import Context as Variables
from contextvars import copy_context
from typing import Any, ParamSpec, Protocol, TypeVar

from attrs import frozen

from .._core.drive import frame_then, note
from .._core.read import Frame, Memo, Node, OuterCall, View, current, entries_in_force, frame_in_force
from .._text.values import show
from ..errors import ContextError

P = ParamSpec("P")
R = TypeVar("R")

AHEAD = 4
"""How many calls are taken for each that can run before the first of them is handed out: none waits for a slow one."""


class Executor(Protocol):
    """Runs a call elsewhere: `submit` returns an object whose ``result()`` waits for the result of the call."""

    def submit(self, fn: Callable[[], Any], /) -> Any:
        """Schedules ``fn()``."""


@frozen(eq=False)
class CallSite:
    """The place where nodes are asked for: the frame in force there, and the context variables, which travel to any thread."""

    _frame: Frame
    _variables: Variables

    def call(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Returns the result of `fn`, called from the call site.

        Raises:
            ContextError: as for `variables`.
        """
        return self.variables().run(fn, *args, **kwargs)

    def then(self, view: View) -> "CallSite":
        """Returns this place as it was when calls from there were made in `view`: a context may have been tweaked since."""
        if self._frame.view.tweaks is view.tweaks:
            return self
        frame, variables = frame_then(self._frame, view), self.variables()
        variables.run(current.set, frame)
        return CallSite(frame, variables)

    def note(self, view: View, memos: Iterable[Memo | None]) -> None:
        """Notes there that memos were read in `view`.

        Raises:
            ContextError: as for `check`.
        """
        self.check()
        for memo in memos:
            if memo is not None:
                note(self._frame, view, memo)

    @property
    def view(self) -> View:
        """The scenario that is in force there now."""
        return self._frame.view

    def variables(self) -> Variables:
        """Returns the context variables for calls from the call site.

        Raises:
            ContextError: as for `check`.
        """
        self.check()
        return self._variables.copy()

    def check(self) -> None:
        """Refuses to go on where nothing can be noted any more.

        Raises:
            ContextError: the node that was running there has finished, so that it could not record the reads.
        """
        run = self._frame.run
        if run is not None and run.is_done:
            raise ContextError(
                f"{Node._of(run.key)!r} has finished, and the reads of its sweep can no longer be recorded. "
                "Take the results inside the function: tuple(dug.sweep(...)), or await dug.sweep(...)."
            )


def call_site_of(frame: Frame) -> CallSite:
    """Returns the call site of `frame`, which may be the default frame of an active context."""
    variables = copy_context()
    variables.run(current.set, frame)
    return CallSite(frame, variables)


@contextmanager
def single_outer_call() -> Iterator[None]:
    """Makes one outermost call of all calls that are made in the entry in force, unless a running node's call includes them."""
    entry = frame_in_force("run_all()")
    if entry.call is not None:
        yield
        return
    if entry.view.group.check is not None:
        entry.view.group.check(entry)
    call = entry.call = OuterCall()
    try:
        yield
    finally:
        call.close()


def check_executor(executor: Any) -> None:
    """Refuses an executor that cannot run calls here.

    Raises:
        TypeError: it has no ``submit``, or runs them in other processes.
    """
    if executor is not None and not hasattr(executor, "submit"):
        raise TypeError(f"{show(executor)} is not an executor, it has no submit(). Give a ThreadPoolExecutor() or a Processes().")
    if hasattr(executor, "_mp_context") or hasattr(executor, "_as_pool"):  # the pool of the standard library, and those of dug
        raise TypeError(f"{show(executor)} runs calls in other processes, which see no context. Give a ThreadPoolExecutor().")


def check_elsewhere(frame: Frame) -> None:
    """Refuses to have other processes compute what is asked in a frame.

    Raises:
        ContextError: a node is running, or a context around lets nobody ask the outside.
    """
    if frame.run is not None:
        raise ContextError(
            f"{Node._of(frame.run.key)!r} is running, and cannot record what other processes read for it. Sweep outside of "
            "nodes, or on threads: executor=concurrent.futures.ThreadPoolExecutor()."
        )
    sealed = next((entry.context for entry in entries_in_force() if entry.context and entry.context._is_sealed), None)
    if sealed is not None:
        raise ContextError(
            f"{sealed!r} is in force, and other processes would ask the outside. Compute in this process: leave executor= out."
        )


def find_width(executor: Any) -> int:
    """Returns how many calls to take before the first result is handed out: a few for each worker, or one without workers."""
    if executor is None:
        return 1
    workers = getattr(executor, "_max_workers", None)  # as the executors of the standard library call it
    return AHEAD * (workers if isinstance(workers, int) else os.cpu_count() or 1)
