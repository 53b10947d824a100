"""The two verbs as the drivers call them: `begin` and `finish`, compiled where the compiled call path is in use.

The compiled ones take the common case: a plain node in an outermost cache, whose run meets no tweak of its own, listens to
nobody and is alone.  Whatever else there is they leave, before anything was changed, to those of `_begin` and `_finish`, which
are the specification.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from . import _flight
from ._accel import compiled
from ._begin import _in_full
from ._begin import begin as begin_any
from ._binding import Key
from ._entry import note
from ._find import match, value_memo
from ._finish import CONSUMABLE, check_value, fail_below, keep
from ._finish import finish as finish_any
from ._flight import Joined, Wait
from ._frame import LATE, NO_HITS, ORIGINS, Frame, Outside, Run, here
from ._memo import ASIDE, DEAD, LIVE, NO_TWEAKS, STALE, Call, Memo, State
from ._node import Function
from ._scenario import VALUE
from ._verify import candidates, is_as_before, raise_later
from ._view import own_bits

Fetch = Callable[[Any, Key], Memo]


def _begin(frame: Frame | Outside, key: Key, *, has_waited: bool = False) -> Memo | Run | Joined:
    """`_begin.begin`, compiled in the common case."""
    found: Memo | Run | Joined | None = None if has_waited else compiled.begin(frame, key)
    return begin_any(frame, key, has_waited=has_waited) if found is None else found


def _finish(run: Run, value: Any, seconds: float) -> Memo:
    """`_finish.finish`, compiled in the common case."""
    memo: Memo | None = compiled.finish(run, value, seconds)
    return finish_any(run, value, seconds) if memo is None else memo


begin = begin_any if compiled is None else _begin
finish = finish_any if compiled is None else _finish

join: Callable[[Wait, bool], bool] = _flight.join if compiled is None else compiled.join
join_own: Callable[[Wait], None] = _flight.join_own if compiled is None else compiled.join_own
part: Callable[[Wait], bool] = _flight.part if compiled is None else compiled.part


def make_fetch(
    fetch: Fetch, *, holds: Callable[[Run, Memo], bool], what_runs: Callable[[Run], Any], deeper: Callable[..., Any]
) -> Fetch:
    """Returns the synchronous driver: `fetch` itself or, where it is in use, the compiled one, which leaves to it the rest.

    Args:
        fetch: the driver.
        holds: true when asking again, in a run, for something that was read gives what it gave.
        what_runs: returns the callable and the arguments of a run.
        deeper: returns what a call gives, made on a fresh stack.
    """
    if compiled is None:
        return fetch
    nowhere = State((), None)
    models = {"run_model": _blank_run(), "memo_model": Memo(nowhere, None, 0), "state_model": nowhere}
    compiled.let_run({**_PARTS, **models, "fetch": fetch, "holds": holds, "what_runs": what_runs, "deeper": deeper})
    made: Fetch = compiled.fetch
    return made


def _blank_run() -> Run:
    """Returns the run that all compiled ones are copies of."""
    run = Run.__new__(Run)
    for kind in Run.__mro__[:-1]:
        for name in vars(kind)["__slots__"]:
            if name != "__weakref__":
                setattr(run, name, None)
    run.extra = run.runs = run.body = run.tainted = run.depth = 0
    run.spent = 0.0
    run.transient = run.opened = run.is_done = False
    return run


def _finish_checked(run: Run, value: Any, seconds: float) -> Memo:
    return finish_any(run, check_value(run, value), seconds)


def _mark_aside(frame: Run, memo: Memo) -> None:
    """Notes of what a blocked thread read for a run that has a task that the loop must not stand still for it."""
    if frame.thread != here():
        memo.starts = ASIDE


def _raise_failure(frame: Frame, memo: Memo) -> NoReturn:
    assert memo.failure is not None  # noqa: S101  the caller saw it
    with memo.failure.serve(frame.run, memo) as served:
        raise served.pop()


_PARTS: dict[str, Any] = {
    "match": match,
    "value_memo": value_memo,
    "in_full": _in_full,
    "own_bits": own_bits,
    "join_own": _flight.join_own,
    "join": _flight.join,
    "part": _flight.part,
    "finish": _finish_checked,
    "keep": keep,
    "fail": fail_below,
    "candidates": candidates,
    "is_as_before": is_as_before,
    "raise_later": raise_later,
    "mark_aside": _mark_aside,
    "note": note,
    "origins": ORIGINS,
    "raise_failure": _raise_failure,
    "call_class": Call,
    "joined_class": Joined,
    "wait_class": Wait,
    "function_class": Function,
    "consumable": tuple(CONSUMABLE),
    "no_hits": NO_HITS,
    "late": LATE,
    "no_tweaks": NO_TWEAKS,
    "live": LIVE,
    "stale": STALE,
    "dead": DEAD,
    "value_kind": VALUE,
}
"""What the compiled verbs leave to Python, and what they know things by."""
