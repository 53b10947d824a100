"""What a `Live` shows: `Update`, and `LiveOutput`, which says when its node is asked for, and what of the answer is news.

An output is *due* when a tick has come that it was not asked for in, and ``every`` seconds are over since it was last asked: so
the first tick of a burst is shown at once, and the last one after ``every`` seconds at most.  `LiveOutput` itself is asked in the
tick, in the thread that takes it; those that are asked beside the ticks are in `_beside`.

`ask` asks for the node, `Answer` is what came of it, `find_memo` the memo that may change.  `_judge` decides whether an answer is
news, `_note_tick` and `_find_due` when to ask.
"""

from math import inf
from typing import Any, Generic, TypeVar

from attrs import frozen

from .._core.read import Memo, Node, find_answer, frame_in_force, is_immutable, is_same
from .._text.values import describe_error, show
from ._counters import OutputCounters

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

@frozen(repr=False, eq=False)
class Update(Generic[T_co]):
    """What an output has to show: a value, or the error that took its place."""

    tick: int
    """The number of the tick that it was made from; 0 before the first."""
    node: Any
    """The node of the output; for the error of a feed, the node that it feeds, or None."""
    value: T_co
    """The value; None if there is an error."""
    error: Exception | None = None
    """The error that was raised in the place of a value."""
    behind: int = 0
    """How many ticks had come since, when it was there."""
    at: float = 0.0
    """When that tick was taken, by the clock of the `Live`."""

    def __repr__(self) -> str:
        shown = show(self.value) if self.error is None else describe_error(self.error)
        behind = f", {self.behind} behind" if self.behind else ""
        return f"<Update {show(self.node)} = {shown} at tick {self.tick}{behind}>"


@frozen(eq=False)
class Answer:
    """What asking for the node of an output gave."""

    tick: int
    at: float
    value: Any = None
    error: Exception | None = None
    memo: Memo | None = None
    """That of a value in which something could be changed: whether it is another one shows there only."""


class LiveOutput(Generic[T]):
    """A node that a `Live` shows whenever it changes, in the tick that changed it; ``live.output(node)`` makes one."""

    is_beside = False
    """True when it is asked beside the ticks, in a frozen context."""
    _needs_loop = False
    """True when only a loop can ask for it."""
    _is_in_flight = False
    """True while it is asked for beside the ticks."""

    def __init__(self, node: Node[Any], every: float, *, changes_only: bool) -> None:
        self.node: Node[Any] = node
        """The node that it shows."""
        self.every = every
        """It is asked for at most once in so many seconds."""
        self.changes_only = changes_only
        """Whether it shows a value only when that is another one than the last."""
        self._due = -inf
        self._left_out: int | None = 0
        """The last tick that it was not asked for in, if there was one since it was asked."""
        self._answer: Answer | None = None
        """What it gave last."""
        self._refreshed = self._skipped = self._behind = 0

    @property
    def counters(self) -> OutputCounters:
        """How often it was asked for."""
        return OutputCounters(self._refreshed, self._skipped, self._behind)

    @property
    def last(self) -> "Update[T] | None":
        """The value or the error that it gave last, whether or not that was news; None before the first."""
        answer = self._answer
        return None if answer is None else _update(answer, self.node, self._behind)

    @property
    def state(self) -> str:
        """How its last value stands to the last tick.

        ``current`` if it is of that tick, ``waits`` if a tick has come that it was not asked for in, ``in flight`` while it is
        asked for beside the ticks; that of a stream ``reads`` while items may come.
        """
        return "in flight" if self._is_in_flight else "current" if self._left_out is None else "waits"

    def _note_tick(self, tick: int) -> None:
        """Notes that there is a new tick, which it will have to be asked for in."""
        if self._left_out:
            self._skipped += 1
        self._left_out = tick

    def _find_due(self) -> float | None:
        """Returns the moment from which on it may be asked; None when there is no reason to."""
        return None if self._left_out is None else self._due

    def _begin(self, now: float) -> None:
        """Notes that it is asked for now."""
        self._due = now + self.every
        self._left_out = None

    def _judge(self, answer: Answer, tick: int) -> "list[Update[T]]":
        """Returns what an answer that is there in a tick has to show, which is nothing when it is not new.

        A value that cannot be compared with the last one is shown, after the error of the comparison.
        """
        behind = tick - answer.tick
        errors = [] if answer.error is None else [answer.error]
        try:
            is_news = answer.error is not None or not self.changes_only or not self._has(answer)
        except Exception as exc:  # noqa: BLE001  it is shown
            is_news = True
            errors.append(exc)
        self._refreshed += 1
        self._behind, self._answer = behind, answer
        updates: list[Update[Any]] = [Update(answer.tick, self.node, None, exc, behind, answer.at) for exc in errors]
        if is_news and answer.error is None:
            updates.append(_update(answer, self.node, behind))
        return updates

    def _has(self, answer: Answer) -> bool:
        """True when an answer gives the value that was shown last."""
        last = self._answer
        if last is None or last.error is not None:
            return False
        if last.memo is not None and last.memo is answer.memo:
            return True
        return is_same(last.value, answer.value, self.node._function.eq)

    def __repr__(self) -> str:
        return f"<dug.live.{type(self).__name__} {self.node}>"


def _update(answer: Answer, node: Node[Any], behind: int) -> Update[Any]:
    return Update(answer.tick, node, answer.value, answer.error, behind, answer.at)


def ask(node: Node[Any], tick: int, at: float) -> Answer:
    """Returns what asking for a node gives in the context in force."""
    try:
        value = node()
        return Answer(tick, at, value, memo=find_memo(node, value))
    except Exception as exc:  # noqa: BLE001  it is shown in the place of a value
        return Answer(tick, at, error=exc)


def find_memo(node: Node[Any], value: object) -> Memo | None:
    """Returns the memo that a node has in the context in force, if something in its value can be changed."""
    return None if is_immutable(value) else find_answer(frame_in_force(node).view, node._key)
