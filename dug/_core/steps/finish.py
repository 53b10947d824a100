"""The second verb: closes a run by `complete` (its value), `file_verified` (an older one), `fail` (its error) or `abandon`.

The first three come to `finish`, which files the memo; `check_value` refuses values that can be read only once (`is_consumable`).
A memo is made (`_make_memo`, `_settle_made`), placed by its reads (`_place`, `_add_up`, `_place_beneath` a tweak), and restricted
if it failed (`_restrict_failure`); `note_no_answer` marks the frame of a call that got none.
"""

from collections.abc import Iterable
from functools import partial
from operator import attrgetter
from types import AsyncGeneratorType, CoroutineType, GeneratorType, TracebackType
from typing import Any

from ...errors import DugError
from ..facts.binding import SIMPLE_TYPES
from ..facts.equality import Fixed
from ..facts.failure import Failure, empty_own_frames, pass_on
from ..facts.memo import DEAD, FORGOTTEN, LIVE, NO_TWEAKS, Memo, NodeMemos, Origin, Restriction
from ..facts.node import Node, plain_key
from ..facts.sparse import BitSet, union
from ..native import machine
from ..state.group import CacheGroup
from ..state.view import own_bits
from .begin import serve, take_out
from .call import AWAITABLE
from .concurrent_reads import note_starts, read_starts
from .frame import DefaultFrame, Frame, OpenContext, Run, call_outside, here, tell
from .marks import CANCELLED, INVALID, mark_unfileable, raise_due, why_unfileable
from .open_context import close_context, frame_here, settle_late
from .waits import wake_waiters

_LONGEST = 200
"""How many characters, or bits, an argument has at most for which a source gets an early bit."""
_transient = attrgetter("transient")
# These mean that the program, not the node, is in trouble: they leave no memo, and neither do the nodes that they pass.
_UNREMEMBERED = (DugError, RecursionError, MemoryError)
CONSUMABLE = frozenset({GeneratorType, CoroutineType, AsyncGeneratorType, AWAITABLE})
"""Together with all iterators, the types whose content can be read only once: a second reader finds nothing."""


def finish(  # noqa: C901, PLR0912  one function: it is half of what a run costs
    run: Run, value: Any, seconds: float, failure: Failure | None = None, held: Memo | None = None
) -> Memo:
    """Files the value of a run, or of `held`, the older memo that it verified, if it is fileable; returns the memo for it."""
    view, call, home, group = run.view, run.call, run.home, run.view.group
    if run.opened:
        _close_left_open(run)
        settle_late(run)
    run.unfileable = INVALID if run.is_done else run.unfileable  # its loop was given up and came back
    place = home if home.alive else view.cache.home_of(run.key)
    reads = machine.keys_of(run.reads)
    outer: Any = run.outer
    group.lock.acquire()
    try:
        take_out(run)
        outer.runs += run.runs + (1 if held is None else 0)
        outer.child_seconds += seconds if held is None else run.child_seconds
        run.home = place
        below = _add_up(run, reads)
        memo = _make_memo(run, value, below, reads, held)
        memo.seconds, memo.own_seconds = seconds, seconds - run.child_seconds if held is None else held.own_seconds
        if failure is not None or run.transient or call.failures:
            _restrict_failure(run, memo, failure)
        if machine.overlap(below, FORGOTTEN) or (run.generation != group.generation and not _is_true_still(run, home, reads)):
            run.unfileable = INVALID
        if run.unfileable:
            memo.status = DEAD
        else:
            known, waiting = memo.home, memo.home.waiting  # noqa: F841  released after the lock
            displaced: Any = (*known.memos(), known.newest) if known.has_failed else known.newest  # noqa: F841  released after the lock
            memo = view.cache.file(memo, view.tweaks)
        run.memo = None if run.unfileable and run.unfileable == INVALID else memo
    finally:
        group.lock.release()
    if run.unfileable:
        mark_unfileable(run.outer, run.unfileable)
    elif memo.extra is None or memo.extra.call is None:
        serve(view, run.key, memo)
    if run.waits:
        wake_waiters(run, memo)
    if failure is not None:
        call.note(memo)
    if machine.any_in(view.listeners):
        kind = "reused" if held is not None else "computed" if failure is None else "failed"
        tell(view, kind, run.key, memo.seconds, failure.raised if failure else None)
    if view.cache.keeper is not None:
        view.cache.keeper.landed(run, memo, held)
    if call.failures and (run.is_outermost or call.is_closed):
        call.close()
    return memo


def complete(run: Run, value: Any, seconds: float) -> Memo:
    """Files the value that the body of a run gave, notifies listeners, and returns the memo now in force.

    Raises:
        TypeError: the value can be consumed once only.
        BaseException: an exception that passed out of a node while this one was verified, when the body did not ask for it.
    """
    value = check_value(run, value)
    if machine.any_in(run.view.listeners) and run.view.takes_values():  # before anybody else has it
        call_outside(partial(run.view.hand_in, Node._of(run.key), value))
    if run.task is not None and run.reads:  # it has waited, and may have asked for several nodes at once
        reads, starts = run.reads, read_starts(run.reads, run.failed_check_reads)
        memo = finish(run, value, seconds)
        note_starts(memo, reads, starts)
        return memo
    return finish(run, value, seconds)


def file_verified(run: Run, candidate: Memo) -> Memo:
    """Files the value of a verified memo with the dependencies that verified it (early cut-off)."""
    reads, starts = run.reads, read_starts(run.reads, run.failed_check_reads) if run.has_task and run.reads else None
    memo = finish(run, candidate.take_value(), candidate.seconds, None, candidate)
    note_starts(memo, reads, starts)
    return memo


def fail(
    run: Run,
    error: BaseException,
    seconds: float,
    traceback: TracebackType | None,
    handled: BaseException | None = None,
    *,
    is_out: bool = True,
) -> Memo | None:
    """Files the user's exception of a run, for as long as its outermost call lasts; None when nothing remembers it.

    Args:
        run: the run.
        error: the exception.
        seconds: how long it took.
        traceback: that of the exception, from the body on.
        handled: the exception that the asker was handling when it asked.
        is_out: whether the driver raises the exception on; else the first asker gets it.
    """
    empty_own_frames(traceback)
    if not isinstance(error, Exception) or isinstance(error, _UNREMEMBERED):
        if isinstance(error, KeyboardInterrupt):
            CacheGroup.free_locks()
        abandon(run, error)
        return None
    failure = pass_on(error, traceback, _find_passed(run, error), handled, is_out=is_out)
    failure.calls.add(run.call)
    return finish(run, None, seconds, failure)


def _find_passed(run: Run, error: BaseException) -> Failure | None:
    """Returns the failure of the node that a run read and got an exception from; None if the exception is its own."""
    served = run.served or {}
    for read in tuple(run.reads):
        failure = read.failure
        if failure is not None and (failure.raised is error or served.get(read) is error):
            return failure
    return None


def abandon(run: Run, error: BaseException | None = None) -> None:
    """Closes a run that leaves no memo, because its exception must not be remembered; for None, it raised nothing."""
    if run.view.cache.keeper is not None:
        run.view.cache.keeper.dropped(run)
    if run.is_done:
        if run.view.tweaks.running.get(run.home) is run:
            with run.view.group.lock:
                take_out(run)
        if error is not None:
            mark_unfileable(run.outer, why_unfileable(error))
        wake_waiters(run, error)  # an interrupt may have hit between taking it out and this
        return
    run.unfileable = INVALID
    _close_left_open(run)
    mark_unfileable(run.outer, why_unfileable(error))
    with run.view.group.lock:
        take_out(run)
        if run.outer is not None:
            run.outer.runs += run.runs
            run.outer.child_seconds += run.child_seconds
            run.runs, run.child_seconds = 0, 0.0  # it may come back, see `finish`
    if run.waits:
        wake_waiters(run, error)
    if run.call.due:
        run.call.due.pop(run, None)
    if run.is_outermost:
        run.call.close()


def note_no_answer(frame: Frame | DefaultFrame, error: BaseException) -> None:
    """Notes that a call made in `frame` got no answer, so that the run around it leaves no memo.

    An interrupt may have hit between the opening of a run and its driver: a run that nobody drives is abandoned.  A cancellation
    comes only where a task waits, which is not between these two.

    Complexity: O(1), for an interrupt O(open runs).
    """
    how = why_unfileable(error)
    empty_own_frames(error.__traceback__)
    if isinstance(error, KeyboardInterrupt):
        CacheGroup.free_locks()
    mark_unfileable(frame, how)
    if isinstance(error, Exception) or isinstance(frame, DefaultFrame):
        return
    if how == CANCELLED and frame.run is not None and frame.run.task:
        return
    thread = here()
    for run in tuple(frame.view.tweaks.running.values()):
        if run.outer is frame and run.thread == thread and run.task is None:
            abandon(run)


def is_consumable(value: object) -> bool:
    """True for a value whose content can be read only once: an iterator (an open file is one, and a cursor), or an awaitable."""
    if machine.is_simple(value):
        return False
    if type(value) in CONSUMABLE:
        return True
    try:
        # A stream is not asked: it would begin to be read.
        return machine.may_iterate(value) and not isinstance(value, Fixed) and iter(value) is value  # type: ignore[call-overload]  # not so a mock
    except Exception:  # noqa: BLE001  a closed file
        return True


def check_value(run: Run, value: Any) -> Any:
    """Returns the value of a run.

    Raises:
        TypeError: it can be consumed once only.
        BaseException: an exception that passed out of a node while this one was verified, when the body did not ask for it.
    """
    if is_consumable(value):
        stream = plain_key(run.key)[0].stream
        if stream is not None and type(value) is stream.generator_type:
            return stream.make(run)
        is_coroutine = type(value) in {CoroutineType, AWAITABLE}
        what, instead = ("coroutine", "Await it, in an async def,") if is_coroutine else (type(value).__name__, "Make it a tuple")
        raise TypeError(f"{Node._of(run.key)} returned a {what}, which can be consumed once. {instead} and return that.")
    if run.call.due is not None and run.call.due:
        raise_due(run.call, run, None)
    return value


def _give_early_bit(run: Run, home: NodeMemos) -> None:
    """Gives one of the first sources its bit, if its arguments are plain: a bit keeps them."""
    run.view.group.early -= 1
    if type(run.key) is tuple and not run.opened and not run.unfileable and all(map(_is_small, run.key[1:])):
        run.view.group.give_early_bit(home)


def _is_small(element: Any) -> bool:
    """True for a plain argument that may be kept for as long as a cache group lives."""
    if type(element) in {str, bytes}:
        return len(element) <= _LONGEST
    return type(element) in SIMPLE_TYPES and (type(element) is not int or element.bit_length() <= _LONGEST)


def _find_origin(held: Memo) -> object:
    """Returns the mark of the run that gave a value, for a memo that takes over the value of an older one; under the lock."""
    if held.origin is None:
        held.origin = Origin()
    return held.origin


def _restrict_failure(run: Run, memo: Memo, failure: Failure | None) -> None:
    """Has a memo that failed, or caught the failure of a source, answer only within its outermost call; it is never verified."""
    if any(read.status == DEAD for read in memo.dependencies):  # a later call took it out: no walk gives it a bit any more
        run.unfileable = INVALID
    is_source_error = failure is not None and plain_key(run.key)[0].is_source
    memo.transient = run.transient or is_source_error or any(map(_transient, memo.dependencies))
    if memo.transient or failure is not None:
        extra = memo.make_extra()
        extra.failure, extra.call, memo.must_run = failure, run.call, True


def _is_true_still(run: Run, home: NodeMemos, reads: Iterable[Memo]) -> bool:
    """True when nothing that a run read or ran itself was forgotten since it began."""
    if run.is_beneath or run.opened or home.forgotten > run.generation or not home.alive:
        return False
    return all(read.status == LIVE for read in reads)


def _add_up(run: Run, reads: tuple[Memo, ...]) -> BitSet:
    """Returns what the reads of a run bring to its footprint: `Memo.footprint_below`."""
    bits: BitSet = run.closed_footprint
    last: BitSet = 0
    others: list[BitSet] | None = None
    for read in reads:
        if read.footprint is not last:  # many of one object come one after the other
            last = read.footprint
            if type(last) is int:
                bits = machine.join(bits, last)
            elif others is None:
                others = [last]
            else:
                others.append(last)
    if others is not None:
        known = None if run.closed_footprint else run.home.find_sum(reads)
        bits = union([*others, bits]) if known is None else known
    return bits if len(reads) < 8 else _find_known(run, bits)


def _find_known(run: Run, bits: BitSet) -> BitSet:
    """Returns bits that a run read, in the object that the memo before has if they are the same."""
    before = run.home.newest  # most runs of a node read what it read before
    return before.footprint_below if before is not None and before.footprint_below == bits else bits


def _make_memo(run: Run, value: Any, below: BitSet, reads: tuple[Memo, ...], held: Memo | None) -> Memo:
    """Returns the memo of a run, or of a verified value, which is filed nowhere yet."""
    memo = _place(run, value, below, reads)
    if held is not None:
        memo.origin = _find_origin(held)
        if held.extra is not None and held.extra.made:
            memo.make_extra().made = held.extra.made
    if run.opened:
        memo.opened, memo.must_run, memo.make_extra().inner_nodes = True, True, tuple(run.inner_nodes or ())
    if run.made:
        _settle_made(run, memo)
    return memo


def _settle_made(run: Run, memo: Memo) -> None:
    """Makes a memo depend on the reads of functions that its run decorated, in the place of their nodes.

    To invalidate or tweak such a function, while somebody holds it, still reaches the memo: by the mark; see `state/local`.

    Complexity: O(nodes of these functions that the run led to).
    """
    made: set[Any] = run.made or set()
    kept: dict[Memo, None] = {}
    own: dict[Memo, None] = {}
    pending = list(reversed(memo.dependencies))
    while pending:
        read = pending.pop()
        if plain_key(read.home.key)[0].mark not in made:
            kept[read] = None
        elif read not in own:
            own[read] = None
            pending.extend(reversed(read.dependencies))
    inner = dict.fromkeys([*memo.inner_nodes, *(key for read in own for key in read.inner_nodes)])
    ran = [key for key in inner if plain_key(key)[0].mark in made]
    memo.dependencies = tuple(kept)
    memo.make_extra().inner_nodes = tuple([key for key in inner if key not in ran])
    memo.opened = memo.opened or any(read.opened for read in own)
    run.transient = run.transient or any(read.transient for read in own)
    if any(read.status == DEAD for read in own):  # a later call took it out: no walk gives it a bit any more
        run.unfileable = INVALID
    memo.must_run = memo.must_run or not all(read.verifies(0) for read in own)
    keys = [*(read.home.key for read in own if read.home.token is not None), *ran]
    memo.make_extra().made = tuple({plain_key(key)[0].mark for key in keys})
    for key in keys:
        run.view.cache.home_of(plain_key(key)).add_reader(memo.home)


def _place(run: Run, value: Any, below: BitSet, reads: tuple[Memo, ...]) -> Memo:
    """Returns the memo of a run with its place: its home, footprint and restriction.

    The value of a run beneath a tweak is the value of the node wherever it meets just the tweak beneath, and is filed so if the
    restriction allows it (`_place_beneath`); else it is filed under its own key.
    """
    key, view, home = run.key, run.view, run.home
    if run.is_beneath:
        home, below, footprint, restriction = _place_beneath(run, below if run.handle is None else _add_up_beneath(run, reads))
        return _new_memo(home, value, run.body, reads, footprint, below, restriction)
    if run.handle is not None:
        below = _add_up_beneath(run, reads)
    elif not reads and view.group.early and machine.first(key).is_source:
        _give_early_bit(run, home)
    group = view.group
    footprint = below | own_bits(view, key) if group._function_bits and group.node_bits(machine.first(key)) else below
    restriction = view.tweaks.restrict(footprint) if machine.overlap(footprint, view.tweaks.mask) else NO_TWEAKS
    return _new_memo(home, value, run.body, reads, footprint, below, restriction)


def _new_memo(  # noqa: PLR0917  as in `Memo`
    home: NodeMemos, value: Any, body: int, reads: tuple[Memo, ...], footprint: BitSet, below: BitSet, restriction: Restriction
) -> Memo:
    memo = Memo.__new__(Memo)
    memo.fill(home, value, body, reads, footprint, below, restriction)
    return memo


def _place_beneath(run: Run, below: BitSet) -> tuple[NodeMemos, BitSet, BitSet, Restriction]:
    """`_place` for a node beneath a tweak: as if only `run.handle` tweaked it, unless its reads met its function otherwise."""
    key, handle = run.key, run.handle
    tweaks, cache, group = run.view.tweaks, run.view.cache, run.view.group
    plain = plain_key(key)
    read = met = tweaks.restrict(below)
    own = group.bit_of(plain) | group.bit_of(plain[0])
    if handle is None:
        is_free = not below & own & tweaks.mask
    else:
        own = own if handle.target is plain[0] else handle.bit
        is_free = not below & own or (below & own == handle.bit and handle.serial in read)
        met = read | {handle.serial}
    if is_free:
        return cache.home_of(plain), below, below | own, met
    return cache.home_of(key), below, below, read


def _add_up_beneath(run: Run, reads: tuple[Memo, ...]) -> BitSet:
    """`_add_up` for a bump or a replacement, whose own node is among its reads: of that, only what it read counts.

    Which tweak the own node met is the tweak beneath; the scenario and the bits of the node say so for the run itself.
    """
    below, plain = run.closed_footprint, plain_key(run.key)
    for read in reads:
        below |= read.footprint_below if read.home.key == plain else read.footprint
    return below


def _close_left_open(run: Run) -> None:
    """Closes the contexts that a body left open."""
    frame = frame_here()
    while isinstance(frame, OpenContext) and frame.run is run:
        if not frame.closed:
            close_context(frame)
        frame = frame.outer
