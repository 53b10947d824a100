"""`Extra`, what few memos have; and `OuterCall`, one outermost call: what is remembered only until it ends."""

from typing import Any

from .binding import Key
from .failure import Failure, Keeper

IN_THREAD: tuple[int | None, ...] = ()
"""The `Extra.read_starts` of a function that blocked a thread of its own for a body which is a coroutine."""


class OuterCall:
    """One outermost call: the errors raised within it are remembered until it ends."""

    __slots__ = ("__weakref__", "adopted", "due", "failures", "is_closed")

    def __init__(self) -> None:
        self.failures: list[Any] | tuple[()] = ()
        """The memos that failed within it."""
        self.is_closed = False
        self.adopted: set[Any] | None = None
        """Memos that another call computed while this one waited for it, and that answer here as well."""
        self.due: dict[Any, tuple[Key, BaseException]] | None = None
        """By run: exceptions of its verification, each due when its body asks for that node."""

    def adopt(self, memo: Any) -> None:
        """Makes a memo of another call answer within this one too."""
        if self.adopted is None:
            self.adopted = set()
        self.adopted.add(memo)
        self.note(memo)
        failure = memo.failure
        if failure is not None:
            failure.calls.add(self)

    def note(self, memo: Any) -> None:
        """Notes a failure, to be kept as a copy when the call ends."""
        if not self.failures:
            self.failures = []
        self.failures.append(memo)

    def close(self) -> None:
        """Ends the call: its errors are kept from now on without frames, with their traceback as text."""
        self.is_closed = True
        keep = Keeper()
        for memo in reversed(self.failures):  # the outermost node is last, and its traceback tells the whole story
            failure = memo.failure
            if failure is not None:
                failure.calls.discard(self)
                if not failure.calls:
                    memo.make_extra().failure = keep.keep(failure)
        self.failures = ()


class Extra:
    """What nearly no memo has, so that the others need no room for it."""

    __slots__ = ("call", "failure", "inner_nodes", "made", "read_starts")

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.inner_nodes: tuple[Key, ...] = ()
        """The nodes that ran for it under contexts which it opened itself; see `steps/open_context`."""
        self.made: tuple[Any, ...] = ()
        """The marks of the functions which its run decorated and called; see `state/local`."""
        self.call: OuterCall | None = None
        """When set, the memo answers only within this outermost call."""
        self.read_starts: tuple[int | None, ...] | None = None
        """Of a coroutine function: which reads do not wait for each other (`steps/concurrent_reads`); else maybe `IN_THREAD`."""
