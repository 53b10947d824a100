"""Drops the items and marks that a tape with ``keep=`` need not keep: `trim`.

The marks go with the items that rest on them, all but those of which an open run has read one.  What the dropped ones had read is
kept in a few memos that answer nowhere (`Tape.rests`), on which the first mark that is left rests in their place.  So a tape
grows by one reference for each new node that its generator reads, and by nothing for one that it reads again.

`_drop` takes marks out, `_add_rest` and `leave_out_old` keep what they had read, `_pass_on` leaves a mark to another tape.
"""

from itertools import islice
from typing import TYPE_CHECKING, Any

from .._core.drive import fold
from .._core.read import DEAD, TWEAKED, Memo, NodeMemos, View
from .tape import Mark, Tape

if TYPE_CHECKING:
    from .stream_shape import StreamShape

_PLACE = -1
"""The number of the mark that has the readers of those that were dropped."""


def trim(stream: "StreamShape", view: View, tape: Tape) -> None:
    """Drops the items that neither `keep` nor a reader keeps, and their marks; in lots, so that it is O(1) for each item."""
    kept, keep = tape.kept, tape.keep
    if keep is None or len(kept.values) <= 2 * keep:
        return
    base = min([kept.end - keep, *(reader.position for reader in tape.list_readers())])
    if base <= kept.base:
        return
    tape.kept = left = kept.trim(base, _find_first_read(tape))
    own = [memo for memo in kept.marks[: left.first - kept.first] if memo is not None and _is_of(memo, tape)]
    _drop(stream, view, tape, [memo for memo in own if not _pass_on(stream, tape, memo)])


def _pass_on(stream: "StreamShape", tape: Tape, memo: Memo) -> bool:
    """Leaves a mark to another tape that keeps it, of a reader that came late; False when there is none."""
    for other in tuple(stream.tapes.values()):
        if other is not tape and memo in other.kept.marks:
            other.frames.update(tape.frames)
            memo.value.tape = other
            return True
    return False


def _is_of(memo: Memo, tape: Tape) -> bool:
    """True for a mark of a tape, if it has not passed to another one that was begun later."""
    return type(memo.value) is Mark and memo.value.tape is tape


def _find_first_read(tape: Tape) -> int:
    """Returns the number of the first mark that an open run has read; later than all if there is none."""
    tape.frames.difference_update([one for one in tuple(tape.frames) if _is_over(one())])
    found = [tape.kept.count]
    for frame in [frame for one in tuple(tape.frames) if (frame := one()) is not None]:
        found += islice((memo.value.number for memo in tuple(frame.reads or ()) if _is_of(memo, tape)), 1)
    return min(found)


def _is_over(frame: Any) -> bool:
    """True for a frame whose reads are in a memo by now, or in the frame around."""
    run = None if frame is None else frame.run
    return run is None or run.is_done or (frame is not run and frame.closed)


def _drop(stream: "StreamShape", view: View, tape: Tape, dropped: list[Memo]) -> None:
    """Takes marks out, and lets the first one that is left rest on what they had read."""
    if not dropped:
        return
    gone, first, rests = set(dropped), tape.kept.marks[0], set(tape.rests)
    read = [one for memo in dropped for one in memo.dependencies if one not in gone and one not in rests]
    home = fold(view.cache, (stream.marks, _PLACE), dropped)
    _add_rest(tape, home, read, dropped)
    with view.group.lock:
        if first is not None and not gone.isdisjoint(first.dependencies):
            first.dependencies = (*tape.rests, *(one for one in first.dependencies if one not in gone))


def _add_rest(tape: Tape, home: NodeMemos, read: list[Memo], dropped: list[Memo]) -> None:
    """Notes what dropped marks had read in a memo, together with those that have no more: so these stay few."""
    inner = [key for memo in dropped for key in memo.inner_nodes]
    made = [mark for memo in dropped for mark in memo.made]
    while tape.rests and len(tape.rests[-1].dependencies) <= len(read):
        before = tape.rests.pop()
        read, inner, made = [*before.dependencies, *read], [*before.inner_nodes, *inner], [*before.made, *made]
    rest = Memo(home, None, TWEAKED, tuple(leave_out_old(read)))
    rest.status = DEAD
    extra = rest.make_extra()
    extra.inner_nodes, extra.made = tuple(dict.fromkeys(inner)), tuple(dict.fromkeys(made))
    tape.rests.append(rest)


def leave_out_old(read: list[Memo]) -> list[Memo]:
    """Returns what was read, each once; of the marks of one stream the last one only, which rests on all before it."""
    newest: dict[object, int] = {}
    for memo in read:
        if type(memo.value) is Mark:
            function = memo.home.find_function()
            newest[function] = max(newest.get(function, 0), memo.value.number)
    return [
        memo
        for memo in dict.fromkeys(read)
        if type(memo.value) is not Mark or memo.value.number == newest[memo.home.find_function()]
    ]
