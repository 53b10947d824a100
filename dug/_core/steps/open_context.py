"""Opens and closes entries (`open_context`, `close_context`); finds the frame of a call, and notes what it read (`note`).

Which is in force: `frame_here`, `frame_in_force`, `frame_to_ask`, `entries_in_force`, `open_entries`, `entries_around`,
`replacement_around`.  Leaving: `leave`, `step_back`, `take_back`, and entries of a run that has ended (`_leave_ended`,
`closing_unless_active`).  Reads that wait are settled in the frame around (`settle`, `settle_late`, `settle_within`,
`_LateReads`); `refresh` and `renew_within` give entries the scenario of a changed context.  A task that outlives its frame gets
another one (`_step_out`); runs under a closed context count for the frame around (`_pass_runs_on`, `_settle_outward`).
"""

from collections.abc import Iterator
from types import MethodType
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..facts.binding import Key
from ..facts.homes import NO_HOMES
from ..facts.memo import Memo
from ..facts.node import Node, plain_key
from ..native import machine
from ..state.group import CacheGroup
from ..state.lock import make_lock
from ..state.scenario import RunningReplacement
from ..state.view import View
from .frame import (
    DEFAULT_FRAME,
    LATE,
    PUT,
    Frame,
    OpenContext,
    Run,
    current,
    frame_or_default,
    make_aside,
    no_context,
)
from .leaving import Ended, watch
from .marks import INVALID, mark_unfileable
from .settle import move_reads
from .watch import ALL, look_at

if TYPE_CHECKING:
    from ..state.protocols import ScopeShape

MAKING = make_lock()
"""Held for the steps in which a scope gets a cache of its own or another scenario: threads may do so at the same time."""


def open_context(  # noqa: PLR0917  by position, as in `OpenContext`
    context: "ScopeShape",
    outer: Frame | None,
    view: View,
    openings: list[OpenContext],
    method: "ref[MethodType] | None",
    back: Any,
) -> OpenContext:
    """Opens an entry of a context inside `outer`, which is not in force yet; watches it, if a statement holds `method`."""
    entry = OpenContext(view, outer, None if outer is None else outer.call, context, openings)
    entry.back = back
    if method is not None:
        entry.watch = watch(method, entry)
    if entry.run is not None:
        entry.run.opened = True
        if entry.run.watched:
            look_at(entry.run, ALL)
    return entry


def frame_here() -> Any:
    """Returns the frame in force, after leaving entries whose ``with`` statement an interrupt ended.

    All code that asks which frame is in force calls this; only calls that are answered at once need not, as an entry whose
    statement has ended has no table to look in.
    """
    frame = machine.get_variable(current)
    while type(frame) is OpenContext:
        entry = frame
        if entry.watch is None or machine.follow(entry.watch) is not None or not _leave_ended(entry):
            break
        frame = machine.get_variable(current)
    return frame


def frame_in_force(what: object) -> Frame:
    """Returns the frame in force, or the entry of the default context; `what` was asked for there.

    Raises:
        NoContextError: there is none.
    """
    return frame_or_default(what, frame_here())


def open_entries() -> Iterator[OpenContext]:
    """Returns the open entries around the place of the call, the innermost first and that of the default context last."""
    return entries_around(outer_here())


def entries_in_force(what: object = None) -> Iterator[OpenContext]:
    """Yields the entries that the place of the call is in, the innermost first and that of the default context last.

    They are open, or were left since a task began in them: it goes on in the same scenario.

    Args:
        what: what was asked for there and needs an entry; None where there may be no entry.

    Raises:
        NoContextError: `what` is given, and there is no entry.
    """
    frame: Any = outer_here()
    while isinstance(frame, (OpenContext, Run)):
        if isinstance(frame, OpenContext) and frame.context is not None:
            yield frame
            what = None
        frame = frame.outer
    if what is not None:  # also within a node that dug.testing evaluates without any context
        raise no_context(what)


def outer_here() -> Frame | None:
    """Returns the frame around an entry made here: the frame in force, or the entry of the default context."""
    frame = machine.get_variable(current)
    if type(frame) is OpenContext:
        entry = frame
        if entry.watch is not None and machine.follow(entry.watch) is None:
            frame = frame_here()
    return DEFAULT_FRAME.entry if frame is DEFAULT_FRAME else frame  # type: ignore[no-any-return]


class closing_unless_active:  # noqa: N801  used as a function is
    """Closes entries of default contexts after its body, except the one that is in force then."""

    def __init__(self, *others: OpenContext | None) -> None:
        self._others = others

    def __enter__(self) -> None:
        """Begins a section that may be interrupted."""

    def __exit__(self, *_: object) -> None:
        try:
            self._close()
        except BaseException:  # an interrupt
            self._close()
            raise

    def _close(self) -> None:
        for other in self._others:
            if other is not None and other is not DEFAULT_FRAME.entry:
                close_context(other)


def _leave_ended(entry: OpenContext) -> bool:
    """Leaves an entry whose statement has ended.

    False for a task or thread that only carries it in a copy of the context variables: that one goes on as it was.
    """
    token = entry.token
    if token is not None:
        try:
            current.reset(token)
        except (ValueError, RuntimeError):  # not its own variables, or it left already
            return False
        entry.token = None
    leave(entry)
    return True


def close_context(entry: OpenContext) -> None:
    """Closes an entry and hands its reads to the frame around it; completes the closing of one that was closed in part."""
    entry.closed = True
    for others in (entry.openings, None if entry.outer is None else entry.outer.entries):
        if others and entry in others:
            others.remove(entry)
    if entry.run is not None:  # a task may go on in it
        entry.homes, entry.driver = NO_HOMES, LATE
    if entry.runs or entry.run is not None:
        _settle_outward(entry)


def _settle_outward(entry: OpenContext) -> None:
    """Settles a closed entry, and those around it that were closed before, out of order."""
    closed: Any = entry
    while type(closed) is OpenContext:
        inner: OpenContext = closed
        if not inner.closed:
            break
        _pass_runs_on(inner)
        settle(inner)
        closed = inner.outer


def _pass_runs_on(entry: OpenContext) -> None:
    """Adds the runs under a context to the counts of the frame around it."""
    outer = entry.outer
    if entry.runs and outer is not None:
        group = entry.view.group
        group.lock.acquire()
        try:
            # First, so that nothing counts twice.
            runs, spent, entry.runs, entry.child_seconds = entry.runs, entry.child_seconds, 0, 0.0
            outer.runs += runs
            outer.child_seconds += spent
        finally:
            group.lock.release()


def leave(entry: OpenContext) -> None:
    """Closes the entry in force, and puts the nearest open one around it in force again."""
    try:
        close_context(entry)
        step_back(entry)
    except BaseException:  # an interrupt
        CacheGroup.free_locks()
        close_context(entry)
        step_back(entry)
        raise
    finally:
        entry.watch = entry.token = None
    homes: Any = entry.homes
    if homes.__class__ is Ended:  # a task that goes on in it is answered at once again
        entry.refresh(entry.run)


def take_back(entry: OpenContext | None) -> None:
    """Takes the opening of an entry back, after an interrupt; None when there is none yet."""
    if entry is None:
        return
    close_context(entry)
    if current.get() is entry:
        step_back(entry)
    entry.watch = entry.token = None


def step_back(entry: OpenContext) -> None:
    """Puts the nearest open entry or run around a closed entry in force again."""
    outer: Any = entry.outer if entry.back is None else entry.back
    while type(outer) is OpenContext:
        inner: OpenContext = outer
        if not inner.closed:
            break
        outer = inner.outer if inner.back is None else inner.back
    PUT[DEFAULT_FRAME if outer is None or outer is DEFAULT_FRAME.entry else outer]


def settle_late(run: Run) -> None:
    """Moves to a run the reads of its tasks under contexts after these were closed, or under contexts that they left open."""
    for entry in tuple(run.entries or ()):
        settle_within(entry)
    for entry in run.late_reads or ():
        frame: Frame | None = entry
        while isinstance(frame, OpenContext):
            settle(frame)
            frame = frame.outer


def settle(entry: OpenContext) -> None:
    """Moves the reads so far under a context that a run opened to the frame around it."""
    outer = entry.outer
    if outer is None or outer.reads is None or entry.reads is None:
        return
    fresh = _LateReads(entry) if entry.closed else {}
    try:
        with entry.view.group.lock:  # no target is given its first bit between the footprints that are added up here
            reads, entry.reads = entry.reads, fresh  # first, as threads may note reads in between; and released after the lock
            move_reads(entry, outer, reads)
    except BaseException:  # an interrupt: nobody knows which reads are missing
        mark_unfileable(outer, INVALID)
        raise


def note(frame: Frame, view: View, memo: Memo, start: int | None = None) -> None:
    """Notes a read that was asked for in `frame` when that had this view; a tweak of an open context gives a frame another."""
    then = frame if frame.view is view else frame_then(frame, view)
    if then.reads is None:
        return
    if start is None:
        then.reads[memo] = None
    else:
        then.reads.setdefault(memo, start)
    if type(then) is Run:
        run: Any = then
        if run.watched:
            look_at(run, memo.footprint)


def frame_then(frame: Frame, view: View) -> Frame:
    """Returns a frame that hands on its reads as `frame` did when it had this view."""
    if frame.view is view or not isinstance(frame, OpenContext):
        return frame
    outer = frame.outer if frame.outer is None or view.parent is None else frame_then(frame.outer, view.parent)
    then = make_aside(view, outer, frame.call)
    then.closed, then.reads = True, _LateReads(then)
    return then


def frame_to_ask(frame: Any, key: Key) -> Any:
    """Returns the frame that a call is made in: the one in force for None and for an entry whose statement has ended.

    For a run that has ended it is one that notes nothing.
    """
    frame = frame_here() if frame is None or frame.homes.__class__ is Ended else frame
    frame = DEFAULT_FRAME.entry or frame if frame is DEFAULT_FRAME else frame
    return _step_out(frame, key) if frame.driver is LATE else frame


def _step_out(frame: Frame, key: Key) -> Frame:
    """Returns the frame for a call that a task makes after its own frame has ended: one in the same scenario.

    If only a context was closed, the run around it still notes what the task reads.  If the run has ended, nobody notes it.

    Warns:
        RuntimeWarning: the run has ended; names both nodes.
    """
    run = frame.run
    assert run is not None  # noqa: S101  what is closed outside of every run goes on as it was
    if isinstance(frame, OpenContext) and not run.is_done:
        return _late(frame, run)
    from warnings import warn  # imported only when there is something to say

    text = f"{Node._of(key)} was asked for by a task or thread that outlives {Node._of(run.key)}, which started it"
    warn(
        f"{text}; this dependency is not recorded. Wait for the tasks and threads that a memoised function starts.",
        RuntimeWarning,
        stacklevel=4,
    )
    return make_aside(frame.view, None, None)


def _late(entry: OpenContext, run: Run) -> OpenContext:
    """Returns the entry that notes reads under one that is closed, until the run around ends."""
    with entry.view.group.lock:  # it may have threads, too
        if entry.late_reads is None:
            entry.late_reads = make_aside(entry.view, entry.outer, entry.call)
            run.late_reads = [*(run.late_reads or ()), entry.late_reads]
        return entry.late_reads


def replacement_around(frame: Frame | None) -> RunningReplacement | None:
    """The node that a frame computes by a replacement, and that replacement."""
    run = None if frame is None else frame.run
    if run is None or run.handle is None or not run.handle.spec.replaces:
        return None
    key = plain_key(run.key)
    return RunningReplacement(key, run.view.tweaks.handle_of(key), run.handle)


def entries_around(frame: Any) -> Iterator[OpenContext]:
    """The open entries around a frame, the innermost first."""
    while isinstance(frame, (OpenContext, Run)):
        if isinstance(frame, OpenContext) and not frame.closed:
            yield frame
        frame = frame.outer


def settle_within(entry: OpenContext) -> None:
    """Settles an open entry and all entries inside it, the innermost first."""
    for inner in tuple(entry.entries or ()):
        settle_within(inner)
    settle(entry)


def refresh_within(entry: OpenContext) -> None:
    """Refreshes an open entry and all entries inside it."""
    refresh(entry)
    for inner in tuple(entry.entries or ()):
        refresh_within(inner)


def renew_within(entry: OpenContext) -> None:
    """Derives the views of an open entry and of all entries inside it again, the outermost first."""
    assert entry.context is not None  # noqa: S101  it is in the list of one
    entry.context._renew(entry)
    for inner in tuple(entry.entries or ()):
        renew_within(inner)


def refresh(entry: OpenContext) -> None:
    """Decides again whether calls in an entry are answered at once, after its view or its listeners changed."""
    entry.refresh(entry.run)
    if entry is DEFAULT_FRAME.entry:
        DEFAULT_FRAME.activate(entry)


class _LateReads(dict[Memo, int | None]):
    """The reads of a closed entry: a value asked for before it closed that comes later is noted outside at once."""

    __slots__ = ("_entry",)

    def __init__(self, entry: OpenContext) -> None:
        super().__init__()
        self._entry = ref(entry)  # the frame that notes something holds it

    def __setitem__(self, memo: Memo, start: int | None) -> None:
        super().__setitem__(memo, start)
        entry = self._entry()
        if entry is not None:
            _settle_outward(entry)

    def setdefault(self, memo: Memo, start: int | None = None) -> int | None:
        """Notes a read."""
        self[memo] = start
        return start
