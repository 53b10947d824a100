"""The driver of streams: `start_pump` runs an async generator in a task of its own, and writes its items and marks on a `Tape`.

A mark is an ordinary memo.  Mark 0 reads the stream's node; mark n + 1 reads mark n and whatever the body has read since.  One is
made only when the body has read something that no mark rests on, before the next item, and at the end.  So an item rests on the
last mark at or before it, and a source has two marks however many items it gives.

Starting: `find_pumped`, `_drive`, `context_of`.  Pumping: `_pump`, `_make_room` (a pump waits for its slowest reader with
``keep=``), `tell_end`.  Marks: `make_mark`, `_file_mark`, `has_news`.  `explain_keep` words a circle of such waits,
`_enter_room_wait` enters one, `_close` and `_end` close the generator.
"""

import logging
from contextvars import copy_context
from functools import partial
from threading import local
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import ref

from .._core.drive import INVALID, abandon, begin, complete, fail, tell
from .._core.read import LIVE, Joined, Memo, OpenContext, OuterCall, Run, View, current
from ..errors import CycleError, say_node
from .async_driver import backend
from .sync_driver import fetch
from .tape import CLOSED, ENDED, FAILED, OPEN, Mark, Tape, tape_of
from .trimming import leave_out_old, trim

if TYPE_CHECKING:
    from .stream_shape import StreamShape

_logger = logging.getLogger("dug")
_told = local()


def make_aside(view: View, call: OuterCall | None, context: Any = None) -> OpenContext:
    """Returns a frame of a view, which a context has there, that notes nothing."""
    aside = OpenContext(view, None, call, context, [])
    aside.refresh(None)
    return aside


def context_of(frame: Any) -> Any:
    """Returns the context that a frame is in; a generator is in that of the reader for whom it began."""
    while frame is not None and not (isinstance(frame, OpenContext) and frame.context is not None):
        frame = frame.outer
    return None if frame is None else frame.context


def find_pumped(stream: "StreamShape", view: View, frame: Any, position: int = -1) -> "Tape | Run":
    """Returns the tape of a stream in this very scenario; or a new run, for which nobody has started a pump yet.

    A tape that is closed, or rests on something that was invalidated, is no one's to begin with: the next number has another.
    So it is with one that does not keep the item at `position`, unless the stream is a source, which is not begun twice.

    Raises:
        CycleError: the body of the stream asks for the stream itself.
    """
    aside = make_aside(view, frame.call, context_of(frame))
    number = 0
    if stream.is_source:
        position = -1
    while True:
        found = begin(aside, (stream.pumps, number), True)  # by place: a pump of another scenario is not joined
        if type(found) is Memo:
            ended: Tape = found.value
            if position < 0 or ended.base <= position:
                return ended
            number += 1
            continue
        if type(found) is Joined:
            run = found.run
            if run.is_lost():
                _close(run, stream.tapes.get(run))
                continue
            tape: Tape | None = stream.tapes.get(run)
            if tape is not None and tape.state == OPEN and tape.is_true() and (position < 0 or tape.base <= position):
                return tape
            number += 1
            continue
        run_to_drive: Run = found  # type: ignore[assignment]  # there is nothing else
        return run_to_drive


def start_pump(stream: "StreamShape", run: Run, tape: Tape) -> None:
    """Begins to write a tape, in a task on this loop."""
    stream.tapes[run] = tape
    try:
        run.task = backend().start(partial(_drive, stream, run, tape), copy_context(), partial(_close, run, tape))
    except BaseException:  # the loop is about to end
        stream.tapes.pop(run, None)
        _close(run, tape)
        raise


def _close(run: Run, tape: Tape | None) -> None:
    """Cleans up after a pump: whether it ended, was cancelled before its first line, or its loop is gone."""
    if tape is not None:
        if tape.state == OPEN:
            tape.state = CLOSED
        tape.run = None
        tape.known.clear()
        tape.known_marks.clear()
        tape.reached = None
        tape.wake()
    if not run.is_done:
        abandon(run)


async def _drive(stream: "StreamShape", run: Run, tape: Tape) -> None:
    """Pumps one tape, in a task in which the run is the frame in force."""
    items: Any = None
    started = perf_counter()
    try:
        current.set(run)
        fetch(run, stream.node._key)
        make_mark(stream, run, tape)
        items = stream.make_items(run)
        await _pump(stream, run, tape, items)
        if tape.state == OPEN:
            make_mark(stream, run, tape, is_end=True)
            tape.state = ENDED  # last: a reader in another thread must not miss the mark
            complete(run, tape, 0.0)
            tell_end(run, stream, perf_counter() - started, is_held=tape.is_held)
    except BaseException as exc:
        if backend().is_stopped(run.task, exc):
            raise
        if tape.state == OPEN:  # every reader gets it
            tape.error = exc
            make_mark(stream, run, tape, error=exc)
            tape.state = FAILED  # as above
            tell_end(run, stream, perf_counter() - started, exc)
        else:
            _logger.exception("%s raised while it was closed, after its last reader had left.", say_node(stream.node))
    finally:
        if tape.state == OPEN:
            tape.state = CLOSED
        stream.tapes.pop(run, None)
        tape.wake()
        try:
            await _end(items, tape)
        finally:
            _close(run, tape)
            run.task = None
            del run, items, tape, stream  # see `failure.empty_own_frames`


def tell_end(
    run: Run, stream: "StreamShape", seconds: float, error: BaseException | None = None, *, is_held: bool = False
) -> None:
    """Tells listeners that the generator of a stream has come to its end, or did not run because its items were kept."""
    if any(run.view.listeners):
        _told.is_end = True
        try:
            kind = "reused" if is_held else "computed" if error is None else "failed"
            tell(run.view, kind, stream.node._key, seconds, error)
        finally:
            _told.is_end = False


def is_end_told() -> bool:
    """True while listeners in this thread are told of the end of a generator, and not that its stream was made."""
    return getattr(_told, "is_end", False)


async def _end(items: Any, tape: Tape) -> None:
    """Closes a generator, and then the readers that its body has opened and left open."""
    try:
        if items is not None:
            await items.aclose()
    finally:
        for reader in tuple(tape.opened):
            await reader.aclose()


async def _pump(stream: "StreamShape", run: Run, tape: Tape, items: Any) -> None:
    append = tape.kept.values.append
    room = 0
    async for value in items:
        if tape.state != OPEN:  # it was cancelled, and the body went on
            return
        if run.entries:
            raise refuse_yield(stream)
        if (len(run.reads) > 1 or run.opened) and has_news(run, tape):
            make_mark(stream, run, tape)
        append(value)
        if tape.sleepers:
            tape.wake()
        room -= 1
        if room <= 0:
            room = await _make_room(stream, run, tape)
            append = tape.kept.values.append


async def _make_room(stream: "StreamShape", run: Run, tape: Tape) -> int:
    """Returns after how many items to look again, after waiting for readers."""
    while True:
        trim(stream, run.view, tape)
        bound = tape.find_bound()
        if bound is None:
            return 1
        if tape.end < bound:
            return bound - tape.end
        wait = _enter_room_wait(run, tape)
        if wait is not None:
            tape.room = [wait]
            tape.tell_awaited()
            try:
                if not (tape.urged or tape.has_room()):  # else another thread went on before it could see the wait
                    await wait.sleep()
            finally:
                tape.room, tape.awaited = [], None
                wait.leave_wait()
        if tape.urged:
            tape.urged = False
            return 1


def _enter_room_wait(run: Run, tape: Tape) -> Any:
    """Returns the wait of a pump for the reader that holds it back; None when there is nothing to wait for.

    If a run has the reader, the pump waits for that run.  Where that waits for the pump in turn, one that keeps all items is
    urged on, whoever of them was first: its wait is optional.

    Raises:
        CycleError: it does, directly or through others, and the pump must not drop what its slowest reader needs.
    """
    pacer = tape.find_pacer()
    tape.awaited = None if pacer is None else ref(pacer)
    holder = None if pacer is None else pacer.frame.run
    if holder is None:
        return backend().TaskWait(run, run)  # which is entered nowhere
    wait = backend().TaskWait(run, holder)
    try:
        if not wait.join(Joined(holder, is_optional=tape.keep is None)):
            tape.urged = not holder.is_done
            return None
    except CycleError as exc:
        explain_keep(exc, holder, tape)
        raise
    with holder.view.group.lock:  # it holds up the pump, and does not keep the run from being cancelled
        if holder.waits and wait in holder.waits:
            holder.waits.remove(wait)
    return wait


def explain_keep(error: CycleError, run: Run, tape: Tape | None = None) -> None:
    """Adds to a circle which of its streams wait for their slowest readers, if any do.

    Args:
        error: the circle.
        run: the one that was to be waited for; the circle goes through it and what it waits for.
        tape: one that is about to wait as well.
    """
    known, pending = {run}, [run]
    tapes = {} if tape is None else {tape: None}
    while pending:
        one = pending.pop()
        found = tape_of(one)
        if found is not None and found.keep is not None and found.room:
            tapes[found] = None
        pending += {wait.run for wait in tuple(one.held_up or ())} - known
        known.update(pending)
    for found in tapes:
        if found.run is not None:
            said = say_node(found.run.key[0].body.node)
            error.add_note(f"{said} has keep={found.keep} and waits for its slowest reader. Give it a larger keep=, or none.")


def refuse_yield(stream: "StreamShape") -> TypeError:
    """Returns the error of a generator that has left a context open."""
    return TypeError(f"{say_node(stream.node)} yields inside a context that it opened. Close the context before the yield.")


def has_news(run: Run, tape: Tape) -> bool:
    """True when the body has read something that no mark rests on; forgets what it read again.

    A mark that could not be filed, because something was invalidated, is the last one of a tape: nothing is filed that rests on
    it, and no reader of another scenario passes it.
    """
    if run.opened:
        return True
    last, known, known_marks = tape.kept.marks[-1], tape.known, tape.known_marks
    if tape.is_untrue or last is None:
        run.reads.clear()
        run.reads.update({} if last is None else {last: None})
        return False
    if len(run.reads) == 2:  # one thing more, as mostly
        first, read = run.reads
        if first is last and read not in known and type(read.value) is not Mark:
            return True
    starts = run.reads.copy()
    news = [memo for memo in starts if memo is not last and memo not in known]
    news = [memo for memo in leave_out_old(news) if not _is_known_mark(memo, known_marks)]
    run.reads.clear()
    run.reads.update({last: None, **{memo: starts[memo] for memo in news}})
    return bool(news)


def _is_known_mark(memo: Memo, known_marks: dict[object, int]) -> bool:
    return type(memo.value) is Mark and memo.value.number <= known_marks.get(memo.home.find_function(), -1)


def _note_known(tape: Tape, reads: "tuple[Memo, ...]") -> None:
    """Notes what the marks rest on."""
    for memo in reads:
        if type(memo.value) is Mark:
            tape.known_marks[memo.home.find_function()] = memo.value.number
        else:
            tape.known.add(memo)


def make_mark(
    stream: "StreamShape",
    run: Run,
    tape: Tape,
    *,
    is_end: bool = False,
    error: BaseException | None = None,
    handled: BaseException | None = None,
) -> None:
    """Files a mark: what the body read since the one before, as a memo that rests on that one; `handled` is that of `fail`.

    An older run may have filed one that answers here.  A body that reads in several tasks may have read other things by then: so
    another mark follows at the same place, until they rest on all that was read.
    """
    while _file_mark(stream, run, tape, is_end=is_end, error=error, handled=handled):
        pass


def _file_mark(
    stream: "StreamShape",
    run: Run,
    tape: Tape,
    *,
    is_end: bool,
    error: BaseException | None,
    handled: BaseException | None,
) -> bool:
    """Files the next mark, or takes one that answers; True when another must follow."""
    kept, reads = tape.kept, run.reads
    number, start = kept.count, kept.end
    is_sound = not run.unfileable and _all_live(reads)
    found: Any = begin(make_aside(run.view, run.call), (stream.marks, number), True)  # by place
    is_taken = type(found) is Memo
    if type(found) is Run:
        found.reads.update(reads)
        if run.opened:
            found.closed_footprint, found.inner_nodes, found.opened = run.closed_footprint, run.inner_nodes, True
        found.transient, found.unfileable, found.served, found.made = run.transient, run.unfileable, run.served, run.made
        if run.late_reads:
            found.unfileable = INVALID
        if error is None:
            found = complete(found, Mark(tape, number, start, is_end=is_end), 0.0)
        else:
            found = fail(found, error, 0.0, error.__traceback__, handled, is_out=False)
            if found is not None:
                found.value = Mark(tape, number, start, is_end=False)  # so that a reader comes to this tape, and to no other
    elif type(found) is Joined or not is_sound or (found.failure is not None and error is None):
        found, is_taken = None, False
    elif found.failure is None and found.value.tape.state == CLOSED:
        tape.frames.update(found.value.tape.frames)
        found.value.move(tape)
    left = _find_left(run, tape, found) if is_taken else {}
    _note_known(tape, found.dependencies if is_taken else tuple(run.reads))
    run.reads.clear()
    if found is None:
        run.unfileable = INVALID
    else:
        run.reads[found] = None
    tape.is_untrue = found is None or found.status != LIVE
    run.reads.update(left)
    kept.starts.append(start)
    kept.marks.append(found)
    if not is_taken or found.failure is not None:
        return False
    return bool(left) or error is not None or (is_end and not found.value.is_end)


def _all_live(reads: "dict[Memo, int | None]") -> bool:
    for read in reads:  # noqa: SIM110  it is quicker than `all` for two or three
        if read.status != LIVE:
            return False
    return True


def _find_left(run: Run, tape: Tape, taken: Memo) -> "dict[Memo, int | None]":
    """Returns what a run has read and neither a mark that it takes nor one before rests on."""
    rests = set(taken.dependencies)
    last = tape.kept.marks[-1] if tape.kept.marks else None
    known, known_marks = tape.known, tape.known_marks
    return {
        memo: start
        for memo, start in run.reads.items()
        if memo not in rests and (memo is last or not (memo in known or _is_known_mark(memo, known_marks)))
    }
