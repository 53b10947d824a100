"""The driver of coroutine functions: `fetch_async` and `value_async` drive each run in a task; `backend` picks the loop's file.

An asker that finds no memo opens a run and lets a task drive it, on its own loop, or joins the run in flight, wherever that is
driven.  So cancelling one asker does not disturb the others, and the last asker to leave cancels the run.

`_drive` runs the body of one run; `_complete` completes a check, asking for several reads of an older memo at once (`_ask`);
`_wait` waits for a run that another task drives.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from inspect import isawaitable
from time import perf_counter
from types import CoroutineType
from typing import Any

from .._core.drive import (
    Check,
    Serving,
    abandon,
    begin,
    complete,
    fail,
    frame_to_ask,
    note,
    note_no_answer,
    verify,
)
from .._core.read import (
    BENEATH,
    DEFAULT_FRAME,
    Fixed,
    Frame,
    Joined,
    Key,
    Memo,
    Run,
    current,
    plain_key,
)
from .._extras.packages import find_loaded
from .sync_driver import what_runs


async def fetch_async(frame: Any, key: Key) -> Memo:  # noqa: C901  one coroutine: each that is awaited on the way costs as much as a hit
    """Returns the memo of a call made in `frame` (None: the one in force), after running nodes as needed, and records the read.

    Raises:
        Exception: the node's own exception, raised now or earlier in this outermost call.
    """
    found: Any = None
    wait: Any = None
    try:
        if frame is None or frame is DEFAULT_FRAME or frame.driver is not None:
            frame = frame_to_ask(frame, key)
            if frame.driver is not None:
                raise TypeError(f"{key[0]} is a coroutine function, and dug.testing evaluates synchronous functions only.")
        view = frame.view
        start = None if frame.reads is None else len(frame.reads)
        try:
            found = begin(frame, key)
            while type(found) is not Memo and not isinstance(found, Memo):  # one that was loaded is of a class of its own
                if type(found) is Joined:
                    found = await _wait(frame, key, found) or begin(frame, key, found.is_optional)
                    continue
                wait = backend().launch(frame, found, _drive)
                if not wait.is_over:
                    try:
                        await wait.sleep()
                    except BaseException as exc:
                        await wait.leave(exc)
                        raise
                wait.leave_wait()
                found, wait = wait.outcome(), None  # a failure there holds this frame
                if found is None:  # it was begun again elsewhere
                    found = begin(frame, key)
                elif isinstance(found, BaseException):  # nothing remembers it, or not as it was raised
                    with Serving(found) as served:
                        found = None  # its traceback holds this frame: a circle would keep the tweaks of the run
                        raise served.pop()  # noqa: TRY301  what went wrong in the task is raised here as if it had here
        except BaseException as exc:
            if type(found) is Run and found.task is None and not found.is_done:  # no loop took it: nobody must wait for it
                abandon(found)
            note_no_answer(frame, exc)
            raise
        memo: Memo = found
        note(frame, view, memo, start)
        if memo.failure is not None:
            with memo.failure.serve(frame.run, memo) as served:
                raise served.pop()
        return memo
    finally:
        frame = view = found = wait = None  # see `failure.empty_own_frames`


async def _wait(frame: Frame, key: Key, joined: Joined) -> Memo | None:
    """Waits for a run that another asker's task drives; returns its memo, if that answers here."""
    wait: Any = backend().TaskWait(frame, joined.run)
    if wait.join(joined):
        try:
            await wait.sleep()
        except BaseException as exc:
            await wait.leave(exc)
            raise
        wait.end()
        wait.abandon_if_lost()
    memo: Memo | None = wait.take(key)
    return memo


async def value_async(frame: Any, key: Key) -> Any:
    """Returns the value of a call made in `frame` (None: the one in force)."""
    return (await fetch_async(frame, key)).value


def is_awaited(value: object) -> bool:
    """True for what must be awaited; a stream is not, and says so to who awaits it."""
    return isawaitable(value) and not isinstance(value, Fixed)


async def _drive(run: Run) -> None:
    """Drives a run, in a task of its own in which it is the frame in force."""
    started = 0.0
    try:
        current.set(run)
        started = perf_counter()
        check = verify(run)
        held = None if check is None else await _complete(run, check)
        while held is None and run.view.cache.keeper is not None and (pause := run.view.cache.keeper.pause(run)):
            await backend().Sleep().last(pause)  # another process does this run
            check = verify(run)
            held = None if check is None else await _complete(run, check)
        if held is None:
            started = started if check is None else perf_counter()
            key = run.key
            if run.handle is None and type(key) is tuple and key[0] is not BENEATH and key[0].is_simple:
                value = key[0].body(*key[1:])  # the common case
            else:
                body, args, kwargs = what_runs(run) if run.handle is None else await _find_body(run)
                started = started if run.handle is not None else perf_counter()  # as `fetch` does
                value = body(*args, **kwargs)  # a plain function may take the place of a coroutine function
            value = await value if type(value) is CoroutineType or is_awaited(value) else value
            complete(run, value, perf_counter() - started)
    except BaseException as exc:
        fail(run, exc, perf_counter() - started, exc.__traceback__ and exc.__traceback__.tb_next, is_out=False)
        if isinstance(exc, backend().CANCELLED):
            raise
    finally:
        if not run.is_done or run.waits:  # an interrupt struck where its end was filed
            abandon(run)
        run.task = None  # its context refers to the run
        check = held = None  # which lead to the run as well; see `failure.empty_own_frames`
        del run


async def _find_body(run: Run) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Returns the callable and the arguments of a run that meets a tweak: a bump's or a replacement's."""
    assert run.handle is not None  # noqa: S101  the function's own body needs no search
    if not run.handle.spec.reads_beneath:
        return what_runs(run)
    fn, args = run.handle.spec.fn, run.handle.spec.args
    assert fn is not None  # noqa: S101  a bump has a function
    return fn, ((await fetch_async(run, run.handle.key_beneath(run.key))).value, *args), {}


async def _complete(run: Run, check: Check) -> Memo | None:
    """Completes a check: asks together for the keys that it wants together, and returns its result."""
    answers: list[Any] | None = None
    try:
        while (asked := check.go_on(answers)) is not None:
            questions = [_ask(run, key, is_aside) for key, is_aside in asked]
            answers = [await questions[0]] if len(questions) == 1 else await backend().gather(questions)
        return check.memo
    finally:
        answers = None
        del run, check  # see `failure.empty_own_frames`


async def _ask(run: Run, key: Key, is_aside: bool) -> Memo | BaseException | None:  # noqa: FBT001  as the walk yields it
    """Returns the memo that a walk asks for; None if asking failed, which counts as changed."""
    try:
        ask = plain_key(key)[0].fetch  # marks of streams have a driver of their own
        if plain_key(key)[0].is_async:
            return await ask(run, key)  # type: ignore[no-any-return]  # a memo
        if is_aside:  # the loop must not stand still for it now either
            return await backend().run_in_thread(ask, run, key)  # type: ignore[no-any-return]  # a memo
        return ask(run, key)  # type: ignore[no-any-return]  # a memo
    except (backend().CANCELLED, GeneratorExit):
        raise
    except Exception:  # noqa: BLE001  what cannot be had has changed; the run that follows meets the error itself
        return None
    except BaseException as exc:  # noqa: BLE001  the walk keeps it for the body
        return exc
    finally:
        del run  # see `failure.empty_own_frames`


def backend() -> Any:
    """Returns the backend of the loop that this task is on."""
    in_trio_task = find_loaded("trio.lowlevel", "in_trio_task")
    return _load("_trio" if in_trio_task is not None and in_trio_task() else "_asyncio")


@cache
def _load(name: str) -> Any:
    """Imports a backend when a task first needs it: by then its loop is running."""
    return import_module(f".loops.{name}", __package__)
