"""Keeps a pool busy: `Dispatch` sends items in batches, collects answers in order, and asks again where a worker ended.

It knows messages and answers only as what `_remote` makes and reads; what an item is, and what an answer means for it, is for
its user to say.  A batch whose worker ended is sent again item by item; an item that was alone is sent again a few times, and
then is lost.  An item that took too long is not sent again, and those that were with it are.

`Sent` is a batch, `Collected` what became of it, `BatchSize` how many items go together; `cancel` cancels those not begun.
`send`, `collect` and `is_full` are the verbs of `Dispatch`; `_ask_again` follows a loss, `_go_on_without` an item that took too
long.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from attrs import define, field, frozen

from .._batch.call_site import AHEAD
from .._batch.progress import COMPUTED, RUNNING, WAITING
from ..errors import WorkerLostError
from ._pools import AnyPool, OverdueError
from ._remote import Answered, read_answer

_MOST = 256
"""How many items go together where nobody knows how many there are."""


@define(eq=False)
class Sent:
    """Items that were sent together."""

    items: Sequence[Any]
    make_message: Callable[[Sequence[Any]], dict[str, Any]]
    future: Any
    attempts: int
    losses: int
    """How many of the workers that had it have ended by themselves, at it or at what was sent with it."""


@frozen(eq=False)
class Collected:
    """What became of items that were sent together."""

    items: Sequence[Any]
    answers: list[Answered]
    """The answers of their message; none where they are lost."""
    worker: str | None
    attempts: int
    losses: int = 0
    """How many of their workers have ended by themselves, where they are lost."""
    reason: str = ""
    """Why there is no answer, as sentences."""

    @property
    def is_lost(self) -> bool:
        """True where there is no answer."""
        return bool(self.reason)

    def make_error(self, name: str) -> Exception:
        """Returns the error of an item without an answer; `name` is what a message calls it."""
        if not self.losses:
            return TimeoutError(f"{name} was given up. {self.reason}")
        many = f"all {self.losses} of its workers" if self.losses > 1 else "its worker"
        return WorkerLostError(f"{name} lost {many}. {self.reason}", self.losses)


class Dispatch:
    """The batches that are on their way, the oldest first."""

    def __init__(self, pool: AnyPool, size: "BatchSize", retries: int) -> None:
        self.pool, self.size, self._retries = pool, size, retries
        self.in_flight: deque[Sent] = deque()

    @property
    def is_full(self) -> bool:
        """True when each worker has a few batches ahead."""
        return len(self.in_flight) >= AHEAD * self.pool.workers

    def send(self, items: Sequence[Any], make_message: Callable[[Sequence[Any]], dict[str, Any]]) -> None:
        """Sends items together; `make_message` may be called again for some of them."""
        self.in_flight.append(self._send(items, make_message, 1, 0))

    def collect(self) -> Collected | None:
        """Waits for the oldest batch, and returns what became of it; None if its items are on their way again.

        Raises:
            CodeDiffersError: the workers have other code.
            BaseException: an interrupt, or the executor was shut down; the next caller waits again.
        """
        sent = self.in_flight[0]
        try:
            said = sent.future.result()
        except OverdueError as exc:
            self.in_flight.popleft()
            return self._go_on_without(sent, exc)
        except BaseException as exc:
            if not self.pool.is_loss(exc):
                raise
            self.in_flight.popleft()
            return self._ask_again(sent, exc)
        answers = read_answer(said)
        self.in_flight.popleft()
        self.size.note(len(sent.items), said["seconds"])
        return Collected(sent.items, answers, said["worker"], sent.attempts)

    def list_open(self) -> list[tuple[Any, str, int]]:
        """Returns each item that is on its way, how it stands, and to how many workers it was sent; called by any thread.

        All items of a batch that a worker has are ``running``; some executors do not tell which those are.
        """
        return [(item, _find_stage(sent.future), sent.attempts) for sent in self.in_flight.copy() for item in sent.items]

    def cancel(self) -> None:
        """Cancels what has not begun, and forgets the rest."""
        cancel(self.in_flight)
        self.in_flight.clear()

    def _send(
        self, items: Sequence[Any], make_message: Callable[[Sequence[Any]], dict[str, Any]], attempts: int, losses: int
    ) -> Sent:
        submit = self.pool.submit_alone if losses else self.pool.submit
        return Sent(items, make_message, submit(make_message(items)), attempts, losses)

    def _ask_again(self, sent: Sent, error: BaseException) -> Collected | None:
        losses = sent.losses + 1
        if self.pool.can_retry and (len(sent.items) > 1 or losses <= self._retries):
            again = [self._send([item], sent.make_message, sent.attempts + 1, losses) for item in sent.items]
            self.in_flight.extendleft(reversed(again))
            return None
        remedy = self.pool.remedy or "Nothing else is concerned. Compute it by itself, in a process that can be lost."
        return Collected(sent.items, [], None, sent.attempts, losses, f"{str(error).rstrip('.')}. {remedy}")

    def _go_on_without(self, sent: Sent, error: OverdueError) -> Collected:
        """Sends the items again that were with one that took too long."""
        others = [item for number, item in enumerate(sent.items) if number != error.number]
        if others:
            self.in_flight.appendleft(self._send(others, sent.make_message, sent.attempts + 1, sent.losses))
        late, said = sent.items[error.number], f"{error}. Nothing else is concerned. Say timeout= for more."
        return Collected([late], [], None, sent.attempts, reason=said)


def _find_stage(future: Any) -> str:
    if getattr(future, "done", bool)():
        return COMPUTED
    return RUNNING if getattr(future, "running", bool)() else WAITING


def cancel(batches: Iterable[Sent]) -> None:
    """Cancels the batches that have not begun."""
    for sent in tuple(batches):
        with suppress(Exception):  # the executor was shut down
            sent.future.cancel()


@define(eq=False)
class BatchSize:
    """How many items go together: as many as a batch is worth, and so few that all workers have some."""

    _fixed: int | None
    _total: int | None
    _pool: AnyPool
    _seconds: float | None = field(default=None, init=False)
    """How long an item took, in the newest batch."""

    def next(self) -> int:
        """Returns how many items the next batch has."""
        if self._fixed is not None:
            return self._fixed
        if self._seconds is None:
            return 1
        most = _MOST if self._total is None else max(1, self._total // (AHEAD * self._pool.workers))
        return max(1, min(most, int(self._pool.batch_seconds / max(self._seconds, 1e-9))))

    def note(self, count: int, seconds: float) -> None:
        """Notes how long a batch took."""
        self._seconds = seconds / count
