"""The door for drivers and services: hands on the engine's verbs, compiled or pure; also `DriverWait` and `make_fetch`.

It carries a call from the question to the memo, and changes the engine's state.

Nobody outside the engine imports another file of it than this one and `read`.  A driver of functions finds here: look a call up
(`begin`), verify older memos (`verify`), close the run (`finish`, `fail`, `abandon`), wait for the run of another asker
(`DriverWait`).  A context is a `Scope`, which enters, leaves and changes it; a decorator makes a function callable
(`make_class`, `install_call`); an owner of locks has them taken around a fork (`guard`).

Code that only looks imports `read`; all code does so for the data: nodes, memos, runs, frames, tweaks.

Not for importers are the files behind this one, and their data.  `finish` alone files a memo, `DriverWait` alone enters a wait,
and `Scope` alone gives an entry its view.  If the compiled call path is in use, `begin`, `finish` and the steps of a wait are
compiled, so a driver takes them from here, never from the file that specifies them.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from .facts.binding import Key
from .facts.failure import Serving
from .facts.function import Function
from .facts.memo import DEAD, IN_THREAD, LIVE, NO_HOMES, NO_TWEAKS, STALE, Memo, NodeMemos, OuterCall
from .facts.sparse import union
from .facts.tweak import VALUE
from .native.choose import compiled
from .state.scenario import NUMBERS, ActiveTweaks
from .state.view import View, own_bits
from .steps import waits
from .steps.begin import _in_full
from .steps.begin import begin as begin_any
from .steps.bypass import evaluate_without_cache
from .steps.call import install_call, make_class
from .steps.concurrent_reads import note_starts, read_starts
from .steps.find import match, value_memo
from .steps.finish import CONSUMABLE, abandon, check_value, fail, fail_from_native, file_verified, note_no_answer
from .steps.finish import finish as finish_any
from .steps.fork import guard
from .steps.frame import (
    DEFAULT_FRAME,
    INVALID,
    LATE,
    ORIGINS,
    PUT,
    DefaultFrame,
    Frame,
    Joined,
    OpenContext,
    Run,
    Wait,
    here,
    mark_unfileable,
    tell,
)
from .steps.leaving import Ended
from .steps.open_context import frame_here, frame_then, frame_to_ask, note
from .steps.scope import Alone, Scope, give_up
from .steps.verify import Walk, candidates, find_changed, is_as_before, raise_later, verify
from .steps.waits import PATIENCE_S
from .steps.watch import follow

__all__ = [
    "INVALID",
    "ORIGINS",
    "PATIENCE_S",
    "PUT",
    "Alone",
    "DriverWait",
    "Ended",
    "Scope",
    "Serving",
    "Walk",
    "abandon",
    "begin",
    "evaluate_without_cache",
    "fail",
    "finish",
    "frame_here",
    "frame_then",
    "frame_to_ask",
    "guard",
    "here",
    "install_call",
    "make_class",
    "make_fetch",
    "note",
    "note_no_answer",
    "verify",
]

Fetch = Callable[[Any, Key], Memo]


def _begin(frame: Frame | DefaultFrame, key: Key, *, has_waited: bool = False) -> Memo | Run | Joined:
    """`begin.begin`, compiled in the common case."""
    found: Memo | Run | Joined | None = None if has_waited else compiled.begin(frame, key)
    return begin_any(frame, key, has_waited=has_waited) if found is None else found


def finish(run: Run, value: Any, seconds: float) -> Memo:
    """Files the value of a run, notifies listeners, and returns the memo now in force; compiled in the common case.

    Raises:
        TypeError: the value can be consumed once only.
        BaseException: an exception that passed out of a node while this one was verified, when the body did not ask for it.
    """
    value = check_value(run, value)
    if run.task is not None and run.reads:  # it has waited, and may have asked for several nodes at once
        reads, starts = run.reads, read_starts(run.reads, run.failed_check_reads)
        memo = _finish(run, value, seconds)
        note_starts(memo, reads, starts)
        return memo
    return _finish(run, value, seconds)


def _compiled_finish(run: Run, value: Any, seconds: float) -> Memo:
    memo: Memo | None = compiled.finish(run, value, seconds)
    return finish_any(run, value, seconds) if memo is None else memo


begin = begin_any if compiled is None else _begin
_finish = finish_any if compiled is None else _compiled_finish

_join: Callable[[Wait, bool], bool] = waits.join if compiled is None else compiled.join
_join_own: Callable[[Wait], None] = waits.join_own if compiled is None else compiled.join_own
_leave_wait: Callable[[Wait], bool] = waits.leave_wait if compiled is None else compiled.leave_wait


class DriverWait(Wait):
    """The wait of an asker: joins a run that somebody drives, and takes its result; the driver says how to sleep."""

    __slots__ = ()
    has_room: Callable[[], bool] | None = None if compiled is None else compiled.has_room
    """True when this thread has most of its frames, and much of its stack, left; None where a driver must find out by itself."""

    def join(self, joined: Joined) -> bool:
        """Begins to wait; False when there is nothing to wait for, or for an optional wait that would close a circle.

        Raises:
            CycleError: the run waits for the asker, directly or through others.
        """
        self.is_optional, self.differs = joined.is_optional, joined.differs
        if not _join(self, joined.is_optional):
            return False
        try:
            follow(self)
        except BaseException:  # an interrupt
            self.end()
            raise
        return True

    def join_own(self) -> None:
        """Begins to wait for the run that the asker has just opened, which cannot wait for anything yet."""
        _join_own(self)

    def leave_wait(self) -> bool:
        """Ends the wait, whether or not it has begun and the run has ended; True when nobody waits for that any more."""
        return _leave_wait(self)

    def end(self) -> None:
        """Ends the wait; a run of another scenario that goes on though nobody waits for it any more is cancelled."""
        run = self.run
        if _leave_wait(self) and self.is_optional and run.task is not None and not run.is_done:
            run.unfileable = INVALID
            run.task.cancel_threadsafe()

    def abandon_if_lost(self) -> None:
        """Abandons the run when its loop is gone, so that its waiters can begin it again."""
        if self.run.is_lost():
            abandon(self.run)

    def outcome(self) -> Any:
        """Returns the result of the run for its first asker: a memo, or an exception that no memo holds (any more)."""
        failure = self.failure
        if failure is not None and self.frame.call is None:  # the call that it failed in has ended, and keeps a copy
            return failure.serve().pop()
        return self.result

    def take(self, key: Key) -> Memo | None:
        """Returns the memo of the run, when it answers a call of `key` made in the frame of the asker.

        Raises:
            Exception: the exception of the run, when the call is outside of every node: the memo may keep only a copy by now.
        """
        failure, self.failure, self.result = self.failure, None, None
        frame, run, memo = self.frame, self.run, self.run.memo
        if memo is None or self.is_optional:
            return None
        if run.unfileable:
            mark_unfileable(frame, run.unfileable)
        if failure is not None and frame.call is None:
            served, failure = failure.serve(), None  # the traceback holds this frame: a circle would keep the tweaks of the run
            with served:
                raise served.pop()
        if frame.call is not None and not memo.serves(frame.call):
            frame.call.adopt(memo)
        if any(frame.view.listeners):
            tell(frame.view, "hit", key)
        return memo


def make_fetch(
    fetch: Fetch,
    *,
    walk: Callable[[Run, Walk[Memo | None]], Memo | None],
    what_runs: Callable[[Run], Any],
    deeper: Callable[..., Any],
) -> Fetch:
    """Returns the synchronous driver: `fetch` itself or, if it is in use, the compiled one, which leaves the rest to `fetch`.

    Args:
        fetch: the driver.
        walk: completes a walk of `verify`, and returns its result.
        what_runs: returns the callable and the arguments of a run.
        deeper: returns the result of a call, made on a fresh stack.
    """
    if compiled is None:
        return fetch
    nowhere = NodeMemos((), None)
    models = {"run_model": _blank_run(), "memo_model": Memo(nowhere, None, 0), "home_model": nowhere}

    def holds(run: Run, read: Memo) -> bool:
        try:
            return walk(run, find_changed(run, [(read,)])) is None
        finally:
            del run  # see `failure.empty_own_frames`

    compiled.set_callbacks({**_CALLBACKS, **models, "fetch": fetch, "holds": holds, "what_runs": what_runs, "deeper": deeper})
    made: Fetch = compiled.fetch
    return made


def _blank_run() -> Run:
    """Returns the run that all compiled ones are copies of."""
    run = Run.__new__(Run)
    for kind in Run.__mro__[:-1]:
        for name in vars(kind)["__slots__"]:
            if name != "__weakref__":
                setattr(run, name, None)
    run.closed_footprint = run.runs = run.body = run.unfileable = run.depth = 0
    run.child_seconds = 0.0
    run.transient = run.opened = run.is_done = False
    del run.key  # its home has it
    return run


def _finish_in_full(run: Run, value: Any, seconds: float) -> Memo:
    return finish_any(run, check_value(run, value), seconds)


def _mark_in_thread(frame: Run, memo: Memo) -> None:
    """Marks a read made from a blocked worker thread, so that verification does not block the event loop."""
    if frame.thread != here():
        memo.read_starts = IN_THREAD


def _raise_failure(frame: Frame, memo: Memo) -> NoReturn:
    assert memo.failure is not None  # noqa: S101  the caller saw it
    with memo.failure.serve(frame.run, memo) as served:
        del frame  # see `failure.empty_own_frames`
        raise served.pop()


_NOWHERE = ActiveTweaks(None, NO_TWEAKS, {}, 0)
_CALLBACKS: dict[str, Any] = {
    "add_up": union,
    "match": match,
    "value_memo": value_memo,
    "in_full": _in_full,
    "own_bits": own_bits,
    "join_own": waits.join_own,
    "join": waits.join,
    "leave_wait": waits.leave_wait,
    "finish": _finish_in_full,
    "file_verified": file_verified,
    "fail": fail_from_native,
    "candidates": candidates,
    "is_as_before": is_as_before,
    "raise_later": raise_later,
    "mark_in_thread": _mark_in_thread,
    "note": note,
    "origins": ORIGINS,
    "raise_failure": _raise_failure,
    "outer_call_model": OuterCall(),
    "joined_class": Joined,
    "wait_class": Wait,
    "function_class": Function,
    "consumable": tuple(CONSUMABLE),
    "no_homes": NO_HOMES,
    "late": LATE,
    "no_tweaks": NO_TWEAKS,
    "live": LIVE,
    "stale": STALE,
    "dead": DEAD,
    "value_kind": VALUE,
    "entry_model": OpenContext(None, None, None, None, []),  # type: ignore[arg-type]  # it is there to be copied
    "ended_class": Ended,
    "default_frame": DEFAULT_FRAME,
    "view_model": View(None, (), _NOWHERE, None, None, 0, (), (), None, 0),  # type: ignore[arg-type]  # as above
    "tweaks_model": _NOWHERE,
    "give_up": give_up,
    "numbers": NUMBERS,
}
"""The functions that the compiled verbs leave to Python, and the objects that they recognise."""
