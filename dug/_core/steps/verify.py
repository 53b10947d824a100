"""Early cut-off: `verify` returns a `Check`, which keeps the value of an older memo if all that the memo read is as it was.

An *older* memo is any other of the node: one that an invalidation took out, or one that is in force in another scenario, such as
the memo that a tweak hides here.  So a node that was computed around a what-if need not run in it where its reads come out equal.

The older memos worth the work are the candidates (`find_candidates`).  One is verified by asking again for its reads, in their
order, up to the first that has another value.  That may run the nodes that were read, but not the body of the node itself.  When
all reads hold, the same value is filed with the present reads.  When one differs the next candidate is tried, and after the last
the body runs; what was asked for until then is at hand for it.

The driver does the asking, as only it can run a node: it gets keys to ask for from `Check.go_on`, and hands it the memos.  Reads
that one run made together are asked for together.  While a function is in doubt (`group.CacheGroup.doubt`), every read is asked
for, as that settles it.

`Lookup` is a call that was looked up and runs nothing; `is_as_before` tells whether a read has the same value, `forget_reads`
starts again after a check that failed, `raise_later` keeps an exception for the body.  `_is_unchanged` and `_is_alike` compare
two answers, `key_asked` is the key by which a read is asked for again.  A `Check` goes candidate by candidate (`_turn_to`,
`_turn_to_next`), read by read (`_look_on`, `_take`, `_walk_alone`), and files (`_file`).
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define

from ..facts.binding import Key
from ..facts.equality import is_same
from ..facts.extra import IN_THREAD
from ..facts.function import Function
from ..facts.homes import function_of
from ..facts.memo import DEAD, LIVE, Memo, NodeMemos
from ..facts.node import BENEATH, plain_key
from ..native import machine
from ..state.cache import Cache
from ..state.scenario import Tweak
from ..state.stale import find_waiting
from ..state.view import View
from .concurrent_reads import find_ends
from .find import find, find_masked
from .finish import file_verified
from .frame import Run
from .watch import look_at

_logger = logging.getLogger("dug")


Asked = list[tuple[Key, bool]]
"""The keys that a driver must ask for in a run, each with whether to do so in a thread, because the loop must not block."""
Answers = Sequence[Memo | BaseException | None]
"""The answers, in the same order; an exception that is not remembered, or None for a node without an answer."""


def verify(run: Run) -> "Check | None":
    """Returns the check of the older memos of a node; None without any of them."""
    older = find_candidates(run.key, run.view, run.home, run.body)
    if not older:
        found = None if run.view.cache.keeper is None else run.view.cache.keeper.recall(run)
        if found is None:
            return None
        older = (found,)
    check = Check.__new__(Check)
    check.begin(run, older)
    return check


_NOTHING: Asked = []
_NONE_WAITING: list[tuple[Memo, Memo | None]] = []


class Check:
    """A verification on its way: it asks for the reads of one older memo of a node after the other, until all of one hold.

    A task asks by `go_on`, a thread by `begin_alone` and `go_on_alone`.
    """

    __slots__ = ("_at", "_candidate", "_ends", "_number", "_older", "_reads", "_run", "_start", "_waiting", "memo")

    def begin(self, run: Run, older: Sequence[Memo]) -> None:
        """Fills in a new check."""
        self._run = run
        self._older = older
        self._number = 0
        self.memo: Memo | None = None
        """At the end: the memo that was filed, if one holds."""
        self._start: int | None = None
        """The start (`concurrent_reads`) of the reads that are being asked for; None in a thread, where reads have none."""
        self._waiting = _NONE_WAITING
        """The reads of the present batch of which one is asked for, each with the memo of the node if that is at hand."""
        self._turn_to(older[0])

    def _turn_to(self, candidate: Memo) -> None:
        self._candidate = candidate
        self._reads = candidate.dependencies
        self._at = 0
        starts = None if candidate.extra is None else candidate.extra.read_starts
        self._ends = find_ends(candidate) if starts is not None and starts else None
        """The places where batches end, the last one first; None where each read is one by itself."""
        if self._run.watched:
            look_at(self._run, candidate.footprint)

    def _turn_to_next(self) -> bool:
        """Turns to the next older memo, as a read of this one has changed; False when there is none."""
        forget_reads(self._run, len(self._reads))
        self._number += 1
        if self._number < len(self._older):
            self._turn_to(self._older[self._number])
            return True
        keeper = self._run.view.cache.keeper
        found = None if keeper is None else keeper.recall(self._run)
        if found is not None:
            self._turn_to(found)
        return found is not None

    def _file(self) -> bool:
        """Files the value of the older memo whose reads all hold; False when its keeper cannot give it."""
        if self._candidate.is_stored and not self._candidate.is_readable():
            return False
        self.memo = file_verified(self._run, self._candidate)
        return True

    def begin_alone(self) -> Memo | None:
        """Returns the first read whose node must be asked for, alone; None at the end."""
        return self._walk_alone(True)

    def go_on_alone(self, read: Memo, answer: Any) -> Memo | None:
        """Is given the answer for a read, as in `Answers`; returns the next read whose node must be asked for, or None."""
        holds = _is_unchanged(self._run, read, answer, self._start)
        if self._run.watched:  # maybe since it asked
            look_at(self._run, self._candidate.footprint)
        return self._walk_alone(holds)

    def _walk_alone(self, holds: bool) -> Memo | None:  # noqa: FBT001  compiled functions are called by position
        while True:
            reads = self._reads
            while holds and self._at < len(reads):
                read = reads[self._at]
                self._at += 1
                self._start = len(self._run.reads) if self._run.has_task else None
                has_failed = read.extra is not None and read.extra.failure is not None
                memo = None if has_failed else self._recall(read, self._start)
                if memo is None and not has_failed:
                    return read
                holds = memo is not None and _is_unchanged(self._run, read, memo, self._start)
            if (holds and self._file()) or not self._turn_to_next():
                return None
            holds = True

    def key_of(self, read: Memo) -> Key:
        """Returns the key by which the run asks for a read."""
        return _key_in(self._run, read)

    def go_on(self, answers: Answers | None) -> Asked | None:
        """Returns the keys to ask for next, and is given the answers in the next call; None at the end."""
        holds = answers is None or self._take(answers)
        if answers is not None and self._run.watched:  # maybe since it asked
            look_at(self._run, self._candidate.footprint)
        while True:
            asked = self._look_on() if holds else None
            if asked is None:
                if not self._turn_to_next():
                    return None
                holds = True
            elif asked:
                return asked
            elif self._file():
                return None
            else:
                holds = False

    def _recall(self, read: Memo, start: int | None) -> Memo | None:
        """Returns the memo at hand for a read, and notes that it was read; None for a node that must be asked for."""
        run = self._run
        tweaks, cache = run.view.tweaks, run.view.cache
        memo: Memo | None = read  # which answers itself if it read no tweak, and meets none here
        if cache.quick is not cache.homes or machine.overlap(read.open_footprint, tweaks.open_mask):
            home: NodeMemos | None = read.home
            if run.handle is not None or read.home.token is not cache._token:
                home = cache.find_home(_key_in(run, read))
            memo = home.recall(tweaks) if home is not None and run.homes is cache.homes else None
        if memo is not None:
            noted: dict[Memo, int | None] = run.reads
            noted.setdefault(memo, start)
        return memo

    def _look_on(self) -> Asked | None:
        """Looks at the next reads, up to those that must be asked for: these, none at the end; None when one has changed."""
        run, reads, at = self._run, self._reads, self._at
        asked: Asked = _NOTHING
        waiting: list[tuple[Memo, Memo | None]] = self._waiting
        while at < len(reads) and not asked:
            end = at + 1 if self._ends is None else self._ends.pop()
            start = len(run.reads) if run.has_task else None
            while at < end:
                read = reads[at]
                at += 1
                if read.extra is not None and read.extra.failure is not None:
                    return None
                memo = self._recall(read, start)
                if memo is not None:
                    if not asked and not _is_unchanged(run, read, memo, start):
                        return None
                elif not asked:
                    asked, waiting = [], []
                if asked is not _NOTHING:
                    waiting.append((read, memo))
                if memo is None:
                    asked.append((_key_in(run, read), read.read_starts is IN_THREAD))
            self._waiting, self._start = waiting, start
        self._at = at
        return asked

    def _take(self, answers: Answers) -> bool:
        """Takes the answers for the batch that was looked at; False when a read has changed."""
        number = 0
        for read, memo in self._waiting:
            answer: Any = memo
            if memo is None:
                answer = answers[number]
                number += 1
            if not _is_unchanged(self._run, read, answer, self._start):
                return False
        return True


def _is_unchanged(run: Run, read: Memo, answer: Any, start: int | None) -> bool:
    """True when the answer can replace the value that was read; an exception that is not remembered is kept for the body."""
    if answer is read:
        memo = read
    elif answer is None:
        return False
    elif isinstance(answer, BaseException):
        raise_later(run, _key_in(run, read), answer)
        return False
    else:
        memo = answer
    try:
        if start is not None:
            noted = run.reads.get(memo)
            if noted is not None and noted > start:  # asked for together with its batch, which has got ahead of it
                run.reads[memo] = start
        return memo is read or _is_alike(read.home.find_function(), read, memo)
    except BaseException as exc:  # noqa: BLE001  an interrupt within `eq=`
        raise_later(run, _key_in(run, read), exc)
        return False


@define(eq=False, repr=False)
class Lookup:
    """A call that was looked up and runs nothing: the memo that answers, else the memos that its run would verify."""

    view: View
    key: Key
    handle: Tweak | None
    """The tweak whose function would run; None for the node's own body."""
    memo: Memo | None
    """The memo that answers, if one does."""
    answers: bool
    home: NodeMemos
    older: Sequence[Memo] = ()
    """The memos worth verifying, likeliest first."""

    @classmethod
    def make(cls, view: View, key: Key) -> "Lookup":
        """Looks a node up as a call without listeners does."""
        try:
            handle = view.handle_of(key)
        except LookupError:  # beneath a tweak that is gone
            handle = None
        memo = find(view, key, handle, None)
        answers = memo is not None and memo.status == LIVE
        met = None if handle is not None and handle.spec.is_untweak else handle
        found = cls(view, key, met, memo if answers else None, answers, view.cache.find_home(key) or NodeMemos(key, None))
        found.older = () if answers else candidates(found)
        return found

    @property
    def body(self) -> int:
        """The serial of the tweak whose function would run, 0 for the node's own body."""
        return 0 if self.handle is None else self.handle.serial

    def key_of(self, read: Memo) -> Key:
        """Returns the key by which the run would ask for a read of one of the older memos."""
        return key_asked(self, read)


def candidates(run: Run | Lookup) -> Sequence[Memo]:
    """Returns older memos of the node worth verifying, likeliest first."""
    return find_candidates(run.key, run.view, run.home, run.body)


def find_candidates(key: Key, view: View, home: NodeMemos, body: int) -> Sequence[Memo]:
    """Returns older memos of the node worth verifying, likeliest first.

    Memos that another body made, that failed, or whose run opened a context are not among them.
    """
    plain, newest, cache = home.plain, home.newest, view.cache
    is_alone = home.waiting is None and (home.variants is None or not home.variants) and cache.beneath is None
    is_plain = is_alone and not cache.holds_beneath and machine.first(key) is not BENEATH
    if is_plain and (plain is newest or plain is None):  # the common case: there is one memo
        return (newest,) if newest is not None and newest.verifies(body) else ()
    found: list[Memo | None] = [*find_waiting(home, view.tweaks), find_masked(view, key), home.here, plain, newest]
    if cache.beneath is not None:
        found.extend(_known(cache.beneath, key, view))
    if key[0] is BENEATH:
        found.extend(_known(cache, key[1], view))
    elif cache.holds_beneath:
        found.extend(_known(cache, (BENEATH, key, body), view))
    found += [memo for memo in home.waiting or () if not memo.restriction]
    return [memo for memo in dict.fromkeys(found) if memo is not None and memo.verifies(body) and memo.status != DEAD]


def _key_in(run: Run, read: Memo) -> Key:
    """`key_asked` in a run."""
    return read.home.find_key() if run.handle is None else key_asked(run, read)


def key_asked(run: Run | Lookup, read: Memo) -> Key:
    """Returns the key by which a run asks again for what an older run of its node read.

    If that is the node itself, the run asks for it beneath the tweak that runs.
    """
    key = read.home.key
    if run.handle is None:
        return key
    return run.handle.key_beneath(key) if key == plain_key(run.key) else key


def forget_reads(run: Run, count: int = 0) -> None:
    """Starts again after a failed verification: what that read is no dependency, and the body meets the errors there itself.

    Args:
        run: the run.
        count: about how many nodes it will read.
    """
    run.failed_check_reads, run.reads, run.unfileable = run.reads, machine.make_table(count), 0
    if run.child_seconds:  # of no part of the body, which is timed by itself
        outer: Any = run.outer
        group = run.view.group
        group.lock.acquire()
        try:
            outer.child_seconds += run.child_seconds
            run.child_seconds = 0.0
        finally:
            group.lock.release()


def is_as_before(key: Key, old: Memo, new: Memo) -> bool:
    """True when the present value of a node can replace the one it gave before.

    The value of one run is the same value, whatever it is: nobody said that a read of the run has changed.
    """
    return old is new or _is_alike(function_of(key), old, new)


def _is_alike(named: Any, old: Memo, new: Memo) -> bool:
    """`is_as_before` for two memos of a function, or of a node beneath a tweak; an error of the user's `eq=` is logged."""
    if old.origin is not None and old.origin is new.origin:
        return True
    if old.is_stored:
        known = old.knows_same(new)
        if known is not None:
            return bool(known)
    function: Function = plain_key(old.home.key)[0] if named is BENEATH else named
    try:
        was, value = old.take_value(), new.take_value()
        same = machine.compare(was, value) if function.eq is None else -1
        return is_same(was, value, function.eq) if same < 0 else same > 0
    except Exception:
        _logger.exception("The eq= of %s failed, so its value counts as changed.", function)
        return False


def raise_later(run: Run, key: Key, error: BaseException) -> None:
    """Keeps an exception of a node's verification for the body of the run, to be raised when it asks for the node."""
    if run.call.due is None:
        run.call.due = {}
    run.call.due[run] = (key, error)


def _known(cache: Cache | None, key: Key, view: View) -> Iterator[Memo | None]:
    """The memos of a node in a cache and in those beneath it, in force or not, which are likely to hold in a view."""
    while cache is not None:
        home = cache.find_home(key)
        if home is not None:
            yield home.plain
            yield home.newest
            yield from find_waiting(home, view.tweaks)
        cache = cache.beneath
