"""The synchronous driver: `fetch` drives runs of plain functions in the asker's thread; `what_runs` says what is called.

`fetch` begins a run (`_begin`), calls the body, and files its error (`_fail`, `_clear_up`); `_complete` completes a check, asking
for the reads of an older memo one by one; `ThreadWait` is the wait of a thread for a run of another one.  `_wait` blocks until
that has ended.
"""

import sys
from _thread import allocate_lock
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .._core.drive import (
    PATIENCE_S,
    PUT,
    Check,
    DriverWait,
    Ended,
    abandon,
    begin,
    complete,
    fail,
    frame_to_ask,
    here,
    note,
    note_no_answer,
    verify,
)
from .._core.native import machine
from .._core.native.choose import compiled
from .._core.read import (
    BENEATH,
    COMPILED,
    DEFAULT_FRAME,
    IN_THREAD,
    CacheGroup,
    Frame,
    Function,
    Joined,
    Key,
    Memo,
    NodeMemos,
    Run,
    current,
    plain_key,
)
from . import stacks
from .stacks import continue_on_new_stack


def fetch(  # noqa: C901, PLR0912, PLR0915  as few frames of ours as can be in a traceback
    frame: Any, key: Key, known: NodeMemos | None = None
) -> Memo:
    """Returns the memo of a call made in `frame` (None: the one in force), after running nodes as needed, and records the read.

    Args:
        frame: where the call is made.
        key: what is called.
        known: the home of the node in the cache of the frame, if the caller has looked it up.

    Raises:
        Exception: the node's own exception, raised now or earlier in this outermost call.
    """
    found: Any = None
    before, token, started, handled = None, None, 0.0, None
    try:
        if frame is None or frame is DEFAULT_FRAME or not _is_open(frame):
            frame = frame_to_ask(frame, key)
            if frame.driver is not None:
                return frame.answer_from_driver(key)  # type: ignore[no-any-return]  # a memo
            if frame is DEFAULT_FRAME:
                _begin(frame, key)  # raises NoContextError
        place: Any = frame
        run: Any = place if type(place) is Run else place.run  # by the type: quicker in compiled code
        view = place.view
        if stacks.lacks_room(0 if run is None else run.depth + 1):
            return continue_on_new_stack(fetch, frame, key)
        is_answered = is_over = False
        try:  # by flags: where an error is caught and passed on, compiled code notes this function in its traceback once more
            try:  # all before the run is there: CPython 3.11 guards nothing while a trace function is told of this very line
                try:
                    found = _begin(frame, key, known)
                    if type(found) is not Run:
                        memo: Memo = found
                    else:
                        before = machine.get_variable(current)
                        token, started, handled = PUT[found], machine.now(), machine.handled()
                        own: Any = found
                        check = verify(own)
                        held = None if check is None else _complete(own, check)
                        if held is not None:
                            memo = held
                        else:
                            started = started if check is None else machine.now()
                            function = None
                            if not own.body and type(own.key) is tuple and not own.is_beneath:
                                function = machine.first(own.key)
                            if function is not None and function.is_simple:
                                args = own.key  # the common case
                                if len(args) == 2:
                                    value = function.body(args[1])
                                elif len(args) == 3:
                                    value = function.body(args[1], args[2])
                                else:
                                    value = function.body(*args[1:])
                            elif COMPILED and function is not None and function.named and len(own.key) == function.length:
                                value = machine.call_by_name(function.body, own.key, function.named)
                            else:
                                body, args, kwargs = what_runs(own)
                                if own.handle is None:
                                    started = machine.now()  # noting a function at its first run is no time of the node
                                value = body(*args, **kwargs)
                            memo = complete(own, value, machine.now() - started)
                        if run is not None and run.has_task and place is run and run.thread != own.thread:
                            memo.make_extra().read_starts = IN_THREAD
                    is_answered = True
                finally:
                    if not is_answered:
                        _note_failure(frame, view, before and _fail(found, machine.now() - started, handled))
            finally:
                if before is not None:
                    if COMPILED and token is not None:
                        machine.put_back(current, token)
                    else:  # which no interrupt keeps from being done
                        PUT[before]
            is_over = True
        finally:
            if not is_over:
                _clear_up(frame, found, before)
        note(frame, view, memo)
        if memo.extra is not None and memo.extra.failure is not None:
            with memo.extra.failure.serve(run, memo) as served:
                raise served.pop()
        return memo
    finally:
        frame = place = view = run = found = own = check = before = token = handled = None  # see `failure.empty_own_frames`


def _is_open(frame: Frame) -> bool:
    """True for a frame in which calls are made as usual."""
    return frame.driver is None and type(frame.homes) is not Ended  # type: ignore[comparison-overlap]  # see `refresh`


def _begin(frame: Any, key: Key, known: NodeMemos | None = None) -> Any:
    """Returns the memo that answers a call, or the run to drive, after waiting for runs of others."""
    try:
        found: Any = begin(frame, key, False, known)  # by place: compiled functions take no names
        while type(found) is Joined:
            found = _wait(frame, key, found) or begin(frame, key, found.is_optional)
        return found
    except BaseException as exc:
        note_no_answer(frame, exc)
        raise


def _fail(run: Run, seconds: float, handled: BaseException | None) -> Memo | None:
    """Files the exception that is on its way out of a run; None when nothing remembers it."""
    error: Any = machine.handled()
    try:
        return fail(run, error, seconds, machine.traceback_of(error), handled)
    finally:
        del run, error, handled  # see `failure.empty_own_frames`


def _note_failure(frame: Any, view: Any, failed: Memo | None) -> None:
    if failed is not None:
        note(frame, view, failed)


def _clear_up(frame: Any, run: Any, before: Any) -> None:
    """Cleans up after an interrupt in the middle of beginning or filing a run: leaves the run and wakes its waiters."""
    error: Any = machine.handled()
    if isinstance(error, KeyboardInterrupt):
        CacheGroup.free_locks()
    if run is None:
        note_no_answer(frame, error)
    elif type(run) is Run:
        if before is not None and current.get() is run:
            PUT[before]
        if not run.is_done or run.waits:
            abandon(run, error)


class ThreadWait(DriverWait):
    """A thread that blocks until a run has ended."""

    __slots__ = ("gate",)

    def __init__(self, frame: Frame, run: Run) -> None:
        super().__init__(frame, run, here())
        self.gate = allocate_lock()
        self.gate.acquire()

    def wake(self) -> None:
        """Lets the thread go on."""
        with suppress(RuntimeError):  # another thread has woken it
            self.gate.release()

    def sleep(self) -> None:
        """Returns when the run has ended or the loop that drives it is gone."""
        while not self.gate.acquire(timeout=PATIENCE_S) and not self.run.is_lost():
            pass


def _wait(frame: Frame, key: Key, joined: Joined) -> Memo | None:
    """Blocks this thread until another driver ends a run; returns its memo, if that answers here."""
    wait = ThreadWait(frame, joined.run)
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


def _complete(run: Run, check: Check) -> Memo | None:
    """Completes a check: asks for the reads that it wants, one after the other, and returns its result."""
    answer: Any = None
    try:
        read = check.begin_alone()
        while read is not None:
            try:
                key = check.key_of(read)
                function: Function = key[0] if key[0] is not BENEATH else plain_key(key)[0]
                if function.is_async:  # a loop that the body runs can await it, and nothing here
                    answer = None
                elif function.stream is not None:  # it may be a mark, which has a driver of its own
                    answer = function.fetch(run, key)
                else:
                    answer = fetch(run, key, read.home if run.handle is None else None)
            except Exception:  # noqa: BLE001  what cannot be had has changed; the run that follows meets the error itself
                answer = None
            except BaseException as exc:  # noqa: BLE001  the check keeps it for the body
                answer = exc
            read = check.go_on_alone(read, answer)
        return check.memo
    finally:
        answer = read = None
        del run, check  # see `failure.empty_own_frames`


def what_runs(run: Run) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Returns the callable and the arguments of a run: a bump's, a replacement's or the node's own.

    For a bump of a stream, what makes the bumped stream: the bump's function is called when somebody reads.
    """
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
        value = fetch(run, run.handle.key_beneath(key)).take_value()
        if function.stream is not None:
            return function.stream.make_bumped, (run, value), {}
        return spec.fn, (value, *spec.args), {}
    return spec.fn, *function.binding.arguments(key)


def has_room() -> bool:
    """True when this thread has most of its frames, and much of its stack, left, for a body that could run elsewhere as well."""
    return stacks.has_room()


if compiled is not None:
    compiled.set_driver(sys.modules[__name__])
