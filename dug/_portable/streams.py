"""Streams outside their process: `content_of`, what is written of one; `Tapes`, which makes streams with tapes of what was read.

A stream is written as its items, where its marks begin, and its state, as far as its marks answer in the view.  The marks are
nodes like others, with what they rest on and no value.  A tape that came in has the items of the marks that came in, and is ended
once its last mark has; where it is not, whoever needs more runs the generator again.

`_ReadTape` is such a tape; `find_marks` gives the function of its marks; `is_mark`, `is_open_stream` and `is_left_out` tell what
belongs to a stream.  `_check` refuses items that were not written so.
"""

from collections.abc import Mapping
from typing import Any

from .._core.read import Function, Key, Memo, Tweak, View, find_answer
from .._functions.stream import AnyStream
from .._functions.tape import CLOSED, ENDED, Mark, Tape
from ..codec import Encoded, decode
from ..errors import CodecError
from .rows import NodeRow

STATES = frozenset({"open", "ended", "closed"})


def is_mark(key: Key) -> bool:
    """True for the key of a mark of a stream."""
    stream = getattr(key[0], "body", None)
    return isinstance(stream, AnyStream) and stream.items is None and key[0] is stream.marks


def is_open_stream(value: object) -> bool:
    """True for a stream whose items a generator gives."""
    return isinstance(value, AnyStream) and value.items is None


def is_left_out(view: View, key: Key) -> bool:
    """True for what belongs to a stream and is not written by itself: its pumps, and marks that do not answer in a view."""
    stream = getattr(key[0], "body", None)
    if not isinstance(stream, AnyStream):
        return False
    if not is_mark(key):
        return True
    now = find_answer(view, stream.node._key)
    return now is None or now.value is not stream or find_answer(view, key) is None


def content_of(stream: AnyStream[Any], view: View) -> Any:
    """Returns what is written of a stream: its state, where its marks begin, its items; a list of these for one without marks.

    Raises:
        CodecError: it does not keep its first items.
    """
    if stream.items is not None:
        return list(stream.items)
    items: list[Any] = []
    starts: list[int] = []
    state = CLOSED
    while (memo := find_answer(view, (stream.marks, len(starts)))) is not None and memo.failure is None:
        mark = memo.value
        kept = mark.tape.kept
        if kept.base or kept.first:
            raise CodecError(f"{stream.node} does not keep its first items (keep={stream.keep})")
        items[mark.start :] = kept.values[mark.start : kept.end_of(mark.number)]
        starts.append(mark.start)
        state = ENDED if mark.is_end else mark.tape.state if mark.tape.state in STATES - {ENDED} else CLOSED
    return state, tuple(starts), items


class _ReadTape(Tape):
    """A tape that came in: it grows as its marks do."""

    __slots__ = ("content",)

    def __init__(self, stream: AnyStream[Any], content: tuple[str, tuple[int, ...], list[Any]]) -> None:
        self._fill(None, stream.ahead, stream.keep)
        self.state = CLOSED
        self.content: Any = content

    def add(self, number: int, memo: Memo) -> bool:
        """Adds the next mark, with its items; False for one of which nothing was written."""
        state, starts, items = self.content
        if number != self.kept.count or number >= len(starts):
            return number < self.kept.count
        is_last = number + 1 == len(starts)
        self.kept.starts.append(starts[number])
        self.kept.marks.append(memo)
        self.kept.values.extend(items[starts[number] : None if is_last else starts[number + 1]])
        if is_last and state == ENDED:
            self.state = ENDED
        return True


class Tapes:
    """The streams that came in, with their tapes."""

    def __init__(self) -> None:
        self._tapes: dict[AnyStream[Any], _ReadTape] = {}

    def give_stream(self, key: Key, met: Tweak | None, memo: Memo, encoded: Encoded | None, *, trust: bool) -> str | None:
        """Gives the memo of a stream its value, with what was written of it (None: nothing); returns why it has none, if so."""
        function = key[0]
        if function.stream is None:
            return "its function gives no streams any more"
        try:
            content = (CLOSED, (0,), []) if encoded is None else _check(decode(encoded, trust=trust))
        except CodecError as exc:
            return str(exc)
        memo.value = stream = function.stream.make_loaded(function, key, met)
        self._tapes[stream] = _ReadTape(stream, content)
        return None

    def give_mark(self, key: Key, memo: Memo) -> str | None:
        """Gives the memo of a mark its value, and adds it to its tape; returns why it has none, if so."""
        tape = self._tapes.get(key[0].body) if is_mark(key) else None
        number: object = key[-1]
        if tape is None or type(number) is not int or number < 0:
            return "it is not a mark of a stream"
        if not tape.add(number, memo):
            return "nothing was written of the items that rest on it"
        state, starts, _ = tape.content
        memo.value = Mark(tape, number, starts[number], is_end=state == ENDED and number + 1 == len(starts))
        return None


def find_marks(row: NodeRow, memos: Mapping[int, Memo]) -> dict[int, Function]:
    """Returns the function of the marks of a stream that has come in, by the first of them, which has read the stream."""
    for number in row.reads:
        memo = memos.get(number)
        stream = None if memo is None or memo.is_stored else memo.value
        if isinstance(stream, AnyStream) and stream.items is None:
            return {row.function: stream.marks}
    return {}


def _check(content: Any) -> Any:
    """Returns what was read, if it may have been written here.

    Raises:
        CodecError: it was not.
    """
    if isinstance(content, tuple) and len(content) == 3:
        state, starts, items = content
        if state in STATES and isinstance(starts, tuple) and isinstance(items, list):
            places = [*starts, len(items)]
            if all(type(one) is int for one in starts) and places[0] == 0 and places == sorted(places):
                return content
    raise CodecError("it is not what is written of a stream")
