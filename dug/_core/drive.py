"""The door for drivers and services: hands on the functions that change the engine's state; also `DriverWait`.

Nobody outside the engine imports another file of it than this one and `read`.  A driver of functions finds here: look a call up
(`begin`), verify older memos (`verify`), close the run (`complete`, `fail`, `abandon`), wait for the run of another asker
(`DriverWait`).  A context is a `Scope`, which enters, leaves and changes it; a decorator makes a function callable
(`make_class`, `install_call`); an owner of locks has them taken around a fork (`guard`).

Code that only looks imports `read`; all code does so for the data: nodes, memos, runs, frames, tweaks.

What enters contexts and what evaluates without a cache is loaded when it is first asked for: to define functions takes neither.

Not for importers are the files behind this one, and their data.  `complete`, `fail` and a `Check` file memos, `DriverWait` alone
enters a wait, and `Scope` alone gives an entry its view.  A wait has `join`, `take`, `outcome`, `end`, `abandon_if_lost`.
"""

from typing import TYPE_CHECKING, Any

from .facts.binding import Key
from .facts.failure import Serving
from .facts.memo import Memo
from .state.emptying import fold
from .steps.begin import begin
from .steps.call import install_call, make_class
from .steps.finish import abandon, complete, fail, note_no_answer
from .steps.fork import guard
from .steps.frame import ORIGINS, PUT, Joined, Wait, here, tell
from .steps.leaving import Ended
from .steps.marks import INVALID, mark_unfileable
from .steps.open_context import frame_then, frame_to_ask, note
from .steps.verify import Check, verify
from .steps.waits import PATIENCE_S, join, join_own, leave_wait
from .steps.watch import bits_read, follow

if TYPE_CHECKING:
    from .steps.bypass import evaluate_without_cache
    from .steps.scope import Alone, Scope
else:  # unseen by type checkers, for which any name would be there

    def __getattr__(name: str) -> Any:
        if name in {"Alone", "Scope"}:
            from .steps import scope as home  # loaded with the first context
        elif name == "evaluate_without_cache":
            from .steps import bypass as home  # loaded with the first node that is debugged or tested
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(home, name)
        return found

__all__ = [
    "INVALID",
    "ORIGINS",
    "PATIENCE_S",
    "PUT",
    "Alone",
    "Check",
    "DriverWait",
    "Ended",
    "Scope",
    "Serving",
    "abandon",
    "begin",
    "bits_read",
    "complete",
    "evaluate_without_cache",
    "fail",
    "fold",
    "frame_then",
    "frame_to_ask",
    "guard",
    "here",
    "install_call",
    "make_class",
    "note",
    "note_no_answer",
    "tell",
    "verify",
]


class DriverWait(Wait):
    """The wait of an asker: joins a run that somebody drives, and takes its result; the driver says how to sleep."""

    __slots__ = ()

    def join(self, joined: Joined) -> bool:
        """Begins to wait; False when there is nothing to wait for, or for an optional wait that would close a circle.

        Raises:
            CycleError: the run waits for the asker, directly or through others.
        """
        self.is_optional, self.differs = joined.is_optional, joined.differs
        if not join(self, joined.is_optional):
            return False
        try:
            follow(self)
        except BaseException:  # an interrupt
            self.end()
            raise
        return True

    def join_own(self) -> None:
        """Begins to wait for the run that the asker has just opened, which cannot wait for anything yet."""
        join_own(self)

    def leave_wait(self) -> bool:
        """Ends the wait, whether or not it has begun and the run has ended; True when nobody waits for that any more."""
        return leave_wait(self)

    def end(self) -> None:
        """Ends the wait; a run of another scenario that goes on though nobody waits for it any more is cancelled."""
        run = self.run
        if leave_wait(self) and self.is_optional and run.task is not None and not run.is_done:
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
        if memo.is_stored:
            memo.take_value()
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
