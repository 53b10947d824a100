"""The synchronous driver: `fetch_any` drives runs of plain functions in the asker's thread; `what_runs` says what is called."""

from _thread import allocate_lock
from collections.abc import Callable
from sys import exception
from time import perf_counter
from typing import Any

from .._core.drive import (
    PATIENCE_S,
    PUT,
    DriverWait,
    Ended,
    Walk,
    abandon,
    begin,
    fail,
    finish,
    frame_to_ask,
    here,
    make_fetch,
    note,
    note_no_answer,
    verify,
)
from .._core.read import (
    BENEATH,
    DEFAULT_FRAME,
    IN_THREAD,
    CacheGroup,
    Frame,
    Function,
    Joined,
    Key,
    Memo,
    Run,
    current,
    plain_key,
)
from .stack_room import frees_deep, small
from .stacks import continue_on_new_stack, is_deep

_NO_KEYWORDS: dict[str, Any] = {}


def fetch_any(frame: Any, key: Key) -> Memo:  # noqa: C901, PLR0912  one function, so that each node has two frames of ours in a traceback
    """Returns the memo of a call made in `frame` (None: the one in force), after running nodes as needed, and records the read.

    Raises:
        Exception: the node's own exception, raised now or earlier in this outermost call.
    """
    found: Any = None
    before, started, handled = None, 0.0, None
    try:
        if frame is None or frame is DEFAULT_FRAME or frame.driver is not None or frame.homes.__class__ is Ended:
            frame = frame_to_ask(frame, key)
            if frame.driver is not None:
                return frame.answer_from_driver(key)  # type: ignore[no-any-return]  # a memo
        run, view = frame.run, frame.view
        if (small and frees_deep()) if run is None else (not run.depth & 7 or small) and is_deep(run.depth):
            return continue_on_new_stack(fetch, frame, key)
        try:
            try:  # both before the run is there: CPython 3.11 guards nothing while a trace function is told of this very line
                memo: Any = (found := _begin(frame, key))
                if found.__class__ is Run:
                    before = current.get()
                    _, started, handled = PUT[found], perf_counter(), exception()
                    memo = (walk := verify(found)) and _verify(found, walk)
                    if memo is None:
                        started = started if walk is None else perf_counter()
                        body, args, kwargs = found.key[0], found.key[1:], _NO_KEYWORDS
                        if not found.body and type(found.key) is tuple and body is not BENEATH and body.binding.keywords == ():
                            body = body.body  # the common case
                        else:
                            body, args, kwargs = what_runs(found)
                        memo = finish(found, body(*args, **kwargs), perf_counter() - started)
                    if frame.__class__ is Run and frame.has_task and frame.thread != found.thread:
                        memo.read_starts = IN_THREAD
            except BaseException as exc:
                _note_failure(frame, view, before and fail(found, exc, perf_counter() - started, handled=handled))
                raise
            finally:
                if before is not None:
                    PUT[before]
        except BaseException as exc:
            _clear_up(frame, found, before, exc)
            raise
        note(frame, view, memo)
        if memo.failure is not None:
            with memo.failure.serve(run, memo) as served:
                raise served.pop()
        return memo  # type: ignore[no-any-return]  # no run any more
    finally:
        frame = view = run = found = walk = before = _ = handled = None  # see `failure.empty_own_frames`


def _begin(frame: Any, key: Key) -> Any:
    """Returns the memo that answers a call, or the run to drive, after waiting for runs of others."""
    try:
        found: Any = begin(frame, key)
        while type(found) is Joined:
            found = _wait(frame, key, found) or begin(frame, key, has_waited=found.is_optional)
        return found
    except BaseException as exc:
        note_no_answer(frame, exc)
        raise


def _note_failure(frame: Any, view: Any, failed: Memo | None) -> None:
    if failed is not None:
        note(frame, view, failed)


def _clear_up(frame: Any, run: Any, before: Any, error: BaseException) -> None:
    """Cleans up after an interrupt in the middle of beginning or filing a run: leaves the run and wakes its waiters."""
    if isinstance(error, KeyboardInterrupt):
        CacheGroup.free_locks()
    if run is None:
        note_no_answer(frame, error)
    elif run.__class__ is Run:
        if before is not None and current.get() is run:
            PUT[before]
        if not run.is_done or run.waits:
            abandon(run, error)


class _ThreadWait(DriverWait):
    """A thread that blocks until a run has ended."""

    __slots__ = ("gate",)

    def __init__(self, frame: Frame, run: Run) -> None:
        super().__init__(frame, run, here())
        self.gate = allocate_lock()
        self.gate.acquire()

    def wake(self) -> None:
        """Lets the thread go on."""
        if self.gate.locked():
            self.gate.release()

    def sleep(self) -> None:
        """Returns when the run has ended or the loop that drives it is gone."""
        while not self.gate.acquire(timeout=PATIENCE_S) and not self.run.is_lost():
            pass


def _wait(frame: Frame, key: Key, joined: Joined) -> Memo | None:
    """Blocks this thread until another driver ends a run; returns its memo, if that answers here."""
    wait = _ThreadWait(frame, joined.run)
    try:
        is_joined = wait.join(joined)
        if is_joined:
            wait.sleep()
    except BaseException:  # also one that comes before this thread knows that it waits
        wait.end()
        raise
    if is_joined:
        wait.end()
        wait.abandon_if_lost()
    return wait.take(key)


def _verify(run: Run, walk: Walk[Memo | None]) -> Memo | None:
    """Completes a walk: asks for the keys that it yields, one after the other, and returns its result."""
    answers: Any = None
    try:
        while True:
            try:
                asked = walk.send(answers)
            except StopIteration as end:
                answers = None  # the traceback of one holds this frame: a circle would keep the tweaks of the run
                memo: Memo | None = end.value
                return memo
            answers = []
            for key, _ in asked:
                try:
                    # A loop that the body runs can await a coroutine function, and nothing here.
                    answers.append(None if plain_key(key)[0].is_async else fetch(run, key))
                except Exception:  # noqa: BLE001  what cannot be had has changed; the run that follows meets the error itself
                    answers.append(None)
                except BaseException as exc:  # noqa: BLE001  the walk keeps it for the body
                    answers.append(exc)
    finally:
        del run, walk  # see `failure.empty_own_frames`


def what_runs(run: Run) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Returns the callable and the arguments of a run: a bump's, a replacement's or the node's own."""
    key = run.key if run.key[0] is not BENEATH else plain_key(run.key)
    function: Function = key[0]
    if run.handle is None:
        act = function.at_first_run  # read once: another thread may run the function, and disarm it
        if act is not None:
            act(function)
        return function.body, *function.binding.arguments(key)
    spec = run.handle.spec
    assert spec.fn is not None  # noqa: S101  a value does not run
    if spec.reads_beneath:
        return spec.fn, (fetch(run, run.handle.key_beneath(key)).value, *spec.args), {}
    return spec.fn, *function.binding.arguments(key)


fetch = make_fetch(fetch_any, walk=_verify, what_runs=what_runs, deeper=continue_on_new_stack)
