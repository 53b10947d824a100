"""Streams as looks show them: `see` gives what is known of one in a view, as a memo that rests on all that its marks rest on.

Marks and pumps are inner nodes: a look shows the node of their stream in their place (`record.seen_key`), with the items that are
known, and with what the generator has read.

`StreamMemo` is that memo; `_list_marks` finds the marks that answer, `show_seen` writes the items.  `may_stand_for` tells whether
two streams have one generator.
"""

from typing import Any

from .._core.read import Memo, View, is_same
from .._functions.stream import AnyStream
from .._functions.tape import CLOSED, ENDED, FAILED, OPEN, Kept, Tape
from .._text.values import show

_STATES = {OPEN: " so far, open", ENDED: ", ended", FAILED: ", then failed", CLOSED: " so far, closed"}


class StreamMemo(Memo):
    """What is known of a stream in a view."""

    __slots__ = ("count", "is_end", "kept", "text")
    kept: Kept
    """What the tape keeps of its items."""
    count: int
    """How many items there were."""
    is_end: bool
    """True when there are no more."""
    text: str

    def tell_difference(self, other: "StreamMemo") -> str:
        """Says in which of the items that are known of both another one differs; empty if in none."""
        old, new = self.kept, other.kept
        for number in range(max(old.base, new.base), min(self.count, other.count)):
            was, now = old.values[number - old.base], new.values[number - new.base]
            if not is_same(was, now, self.value.eq):
                return f"item {number}: {show(was)} -> {show(now)}"
        ends = [one.count for one in (self, other) if one.is_end]
        if ends and min(ends) < max(self.count, other.count):
            return "one ends sooner"
        return ""


def may_stand_for(old: Any, new: Any) -> bool:
    """False for two streams whose items come from other generators: what was read of one tells nothing of the other."""
    if not (isinstance(old, AnyStream) and isinstance(new, AnyStream)) or old is new:
        return True
    return old.items is not None or old.runs_as(new)


def see(view: View, memo: Memo) -> Memo:
    """Returns what a look shows for the memo that answers for a node in a view: of a stream, what is known of its items too.

    Complexity: O(what the marks of the stream have read).
    """
    stream: Any = memo.value
    if memo.home.find_function().stream is None or memo.failure is not None or stream.items is not None:
        return memo
    last = stream.find_last_mark(view)
    if last is None or stream.node._key != memo.home.key:
        return memo
    marks = _list_marks(stream, last)
    reads = dict.fromkeys(read for mark in reversed(marks) for read in mark.dependencies if _is_other(stream, read))
    footprint, below = Memo.bits_of([memo, last]), Memo.bits_of([last])
    seen = StreamMemo(memo.home, stream, memo.body, tuple(reads), footprint, below, memo.restriction | last.restriction)
    extra = seen.make_extra()
    extra.inner_nodes = tuple(dict.fromkeys(key for mark in marks for key in mark.inner_nodes))
    seen.seconds, seen.own_seconds = memo.seconds, memo.own_seconds
    extra.failure, extra.call = last.failure, last.call
    _count(seen, marks)
    return seen


def _list_marks(stream: Any, last: Memo) -> list[Memo]:
    """Returns a mark and those on which it rests, from the last one back, and what stands for those that were dropped."""
    marks, pending = {last: None}, [last]
    while pending:
        for read in pending.pop().dependencies:
            if read not in marks and read.home.key[0] is stream.marks:
                marks[read] = None
                pending.append(read)
    return list(marks)


def _is_other(stream: Any, read: Memo) -> bool:
    key = read.home.key
    return key[0] is not stream.marks and key != stream.node._key


def _count(seen: StreamMemo, marks: list[Memo]) -> None:
    """Notes which items are known."""
    value: Any = next((mark.value for mark in marks if mark.value is not None), None)
    tape: Tape = value.tape
    seen.kept = kept = tape.kept
    seen.is_end, seen.count = value.is_end, kept.end_of(value.number)
    is_last = value.number + 1 >= kept.count or seen.failure is not None
    how = _STATES[FAILED if seen.failure is not None else tape.state] if is_last else " so far"
    seen.text = f"<Stream {seen.value.node}: {seen.count:,} item{'' if seen.count == 1 else 's'}{how}>"


def show_seen(memo: Memo) -> str:
    """Returns the value of a memo as a look shows it."""
    return memo.text if isinstance(memo, StreamMemo) else show(memo.value)
