"""Early cut-off: `verify` asks again for the reads of an older memo (`candidates`) until one differs (`find_changed`).

If all reads are the same, its value holds and no body runs.

A candidate is verified by asking for its reads, in their order, up to the first that has another value; when all hold, the
same value is filed with the present reads.  The driver does the asking, as only it can run a node: the walk is a generator,
which yields the keys to ask for and is sent the memos.  Reads that one run made together are yielded together.  While a function
is in doubt (`group.CacheGroup.doubt`), every read is asked for, as that settles it.
"""

import logging
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TypeVar

from attrs import define

from ..facts.binding import Key
from ..facts.equality import is_same
from ..facts.function import Function
from ..facts.memo import DEAD, IN_THREAD, LIVE, Memo, NodeMemos
from ..facts.node import BENEATH, plain_key
from ..state.cache import Cache
from ..state.scenario import Tweak
from ..state.view import View
from .concurrent_reads import batches
from .find import find, find_masked
from .finish import file_verified
from .frame import Run
from .watch import look_at

_logger = logging.getLogger("dug")


Asked = list[tuple[Key, bool]]
"""The keys that a driver must ask for in a run, each with whether to do so in a thread, because the loop must not block."""
Answers = Sequence[Memo | BaseException | None]
"""The answers, in the same order; an exception that is not remembered, or None for a node without an answer."""
T = TypeVar("T")
Walk = Generator[Asked, Answers, T]


def verify(run: Run) -> Walk[Memo | None] | None:
    """Returns the walk over the older memos of a node, which ends in the memo filed when one holds; None without any of them."""
    older = candidates(run)
    return _verify(run, older) if older else None


def _verify(run: Run, older: Iterable[Memo]) -> Walk[Memo | None]:
    for candidate in older:
        if run.told:
            look_at(run, candidate.footprint)
        changed = yield from find_changed(run, batches(candidate))
        if changed is None:
            return file_verified(run, candidate)
        forget_reads(run)
    return None


def find_changed(  # noqa: C901  one function: most of what a verification costs
    run: Run, groups: Iterable[Sequence[Memo]]
) -> Walk[Memo | None]:
    """Walks over the reads of an older run, and ends in the first read that no longer holds here, or None."""
    noted, handle, tweaks, cache = run.reads, run.handle, run.view.tweaks, run.view.cache
    open_mask = tweaks.open_mask
    for group in groups:
        start, asked = len(noted), list[tuple[Key, Memo, Memo | None]]()
        for read in group:
            if not read.open_footprint & open_mask and cache.quick is cache.homes:  # it read no tweak and meets none here
                noted.setdefault(read, start)
                continue
            if read.failure is not None:
                return read
            key = read.home.key if handle is None else key_asked(run, read)
            home = read.home if handle is None and read.home.token is cache._token else cache.find_home(key)
            memo = home.recall(tweaks) if home is not None and run.homes is cache.homes else None
            if memo is not None:
                noted.setdefault(memo, start)
            if memo is None or asked:
                asked.append((key, read, memo))
            elif not _is_unchanged(run, key, read, memo, start):
                return read
        if asked:
            answers = iter((yield [(key, read.read_starts is IN_THREAD) for key, read, memo in asked if memo is None]))
            for key, read, memo in asked:
                if not _is_unchanged(run, key, read, next(answers) if memo is None else memo, start):
                    return read
    return None


def _is_unchanged(run: Run, key: Key, read: Memo, answer: Memo | BaseException | None, start: int) -> bool:
    """True when the answer can replace the value that was read; an exception that is not remembered is kept for the body."""
    if answer is None:
        return False
    if isinstance(answer, BaseException):
        raise_later(run, key, answer)
        return False
    try:
        noted = run.reads.get(answer)
        if noted is not None and noted > start:  # asked for together with its batch, which has got ahead of it
            run.reads[answer] = start
        return answer is read or is_as_before(key, read, answer)
    except BaseException as exc:  # noqa: BLE001  an interrupt within `eq=`
        raise_later(run, key, exc)
        return False


@define(eq=False)
class Lookup:
    """A call that was looked up and runs nothing: the memo that answers, else the memos that its run would verify."""

    view: View
    key: Key
    handle: Tweak | None
    """The tweak whose function would run; None for the node's own body."""
    memo: Memo | None
    """The memo that answers; None also for a tweak to a value whose memo nobody made yet."""
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
        answers = (memo is not None and memo.status == LIVE) or (handle is not None and handle.spec.is_value)
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
    """Returns older memos of the node worth verifying, likeliest first.

    Memos that another body made, that failed, or whose run opened a context are not among them.
    """
    key, view, home = run.key, run.view, run.home
    plain, newest, cache = home.plain, home.newest, view.cache
    is_plain = not home.variants and cache.beneath is None and not cache.holds_beneath and key[0] is not BENEATH
    if is_plain and (plain is newest or plain is None):  # the common case: there is one memo
        return (newest,) if newest is not None and newest.verifies == run.body else ()
    found: list[Memo | None] = [find_masked(view, key), plain, newest]
    if cache.beneath is not None:
        found.extend(_known(cache.beneath, key))
    if key[0] is BENEATH:
        found.extend(_known(cache, key[1]))
    elif cache.holds_beneath:
        found.extend(_known(cache, (BENEATH, key, run.body)))
    return [memo for memo in dict.fromkeys(found) if memo is not None and memo.verifies == run.body and memo.status != DEAD]


def key_asked(run: Run | Lookup, read: Memo) -> Key:
    """Returns the key by which a run asks again for what an older run of its node read.

    If that is the node itself, the run asks for it beneath the tweak that runs.
    """
    key = read.home.key
    return run.handle.key_beneath(key) if run.handle is not None and key == plain_key(run.key) else key


def forget_reads(run: Run) -> None:
    """Starts again after a failed verification: its reads are not dependencies, and the run meets their errors itself."""
    run.failed_check_reads, run.reads, run.unfileable = run.reads, {}, 0


def is_as_before(key: Key, old: Memo, new: Memo) -> bool:
    """True when the present value of a node can replace the one it gave before.

    The value of one run is the same value, whatever it is: nobody said that a read of the run has changed.
    """
    if old is new or (old.origin is not None and old.origin is new.origin):
        return True
    function: Function = (key if key[0] is not BENEATH else plain_key(key))[0]
    try:
        return is_same(old.value, new.value, function.eq)
    except Exception:
        _logger.exception("The eq= of %s failed, so its value counts as changed.", function)
        return False


def raise_later(run: Run, key: Key, error: BaseException) -> None:
    """Keeps an exception of a node's verification for the body of the run, to be raised when it asks for the node."""
    if run.call.due is None:
        run.call.due = {}
    run.call.due[run] = (key, error)


def _known(cache: Cache | None, key: Key) -> Iterator[Memo | None]:
    """The memos of a node in a cache and in those beneath it, in force or not."""
    while cache is not None:
        home = cache.find_home(key)
        if home is not None:
            yield home.plain
            yield home.newest
        cache = cache.beneath
