"""Removes nodes of which a cache knows nothing more: `drop_empty`, `drop_emptied`; `trim` evicts memos that waited too long."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import ref

from ..facts.memo import DEAD, Memo, State
from ..facts.node import plain_key
from ..native.choose import track_again

if TYPE_CHECKING:
    from .protocols import CacheShape


Noted = State | ref[State]
"""The state of a node or, for one of a local function, the weak reference to it."""
Emptied = dict[Noted, list[Noted]]
"""Nodes of which nothing was left when a tweak was dropped, each with the nodes that it had read."""


def drop_empty(cache: "CacheShape", states: Iterable[State], lost: Iterable[Memo] = ()) -> None:
    """Forgets nodes of which nothing is left: these, and those of `lost` memos; then nodes that only they had read."""
    read: dict[State, list[Memo]] = {}
    for memo in lost:
        read.setdefault(memo.state, []).append(memo)
    pending = [*states, *read]
    while pending:
        state = pending.pop()
        if _take_out(cache, state):
            for memo in [one for gone in read.pop(state, ()) for one in gone.dependencies if one.state.home is not None]:
                home = cache._home(memo.state)
                home.discard_reader(state)
                read.setdefault(home, []).append(memo)
                pending.append(home)


def drop_emptied(cache: "CacheShape", emptied: Emptied, taken: list[State]) -> Emptied:
    """Forgets those nodes of which still nothing is left, then nodes that only they had read.

    A node that was computed again in between is no reader any more of those that it does not read now.

    Args:
        cache: holds the nodes.
        emptied: the nodes, each with those that it had read.
        taken: collects the forgotten nodes, to be released after the lock.

    Returns:
        Those that are being computed, to be looked at again.
    """
    pending, seen, later = list(emptied), set[Noted](), Emptied()
    while pending:
        noted = pending.pop()
        state = noted() if isinstance(noted, ref) else noted
        if state is None:
            continue
        before, kept = emptied.get(noted, []), set[State]()
        if _take_out(cache, state):
            taken.append(state)
        elif state.flights:
            later[noted] = before
            continue
        elif not before or noted in seen or not _list_read(cache, state, kept):
            continue
        seen.add(noted)
        for one in before:
            read = one() if isinstance(one, ref) else one
            home = None if read is None else cache._home(read)
            if home is not None and home not in kept:
                home.discard_reader(state)
                pending.append(home.link or home)
    return later


def _list_read(cache: "CacheShape", state: State, found: set[State]) -> bool:
    """Collects the nodes that a node reads now; False when it may read others, or is gone."""
    memos = [memo for memo in (*state.memos(), state.newest) if memo is not None]
    found.update(read.state for memo in memos for read in memo.dependencies)
    is_known = not any(memo.inner or memo.made for memo in memos)
    return is_known and state.alive and all(read.home is cache._token and read.alive for read in found)


def _take_out(cache: "CacheShape", state: State) -> bool:
    """Takes a node out of a cache that knows nothing of it any more; True when it did."""
    if not state.alive or state.home is not cache._token or not state.is_empty():
        return False
    states_here = cache.states_of(plain_key(state.key)[0])
    if states_here.get(state.key) is not state:
        return False
    track_again((state,))  # first: nothing shows a state that is not in the table
    state.alive = False
    del states_here[state.key]
    cache.stale.discard(state)
    return True


def trim(cache: "CacheShape") -> list[Memo]:
    """Evicts the oldest memos that wait to be verified, if there are too many; returns the evicted ones."""
    taken = []
    for state in cache.stale.pop_excess():
        old, state.newest = state.newest, state.plain
        assert old is not None  # noqa: S101  it is stale
        old.status, state.has_lost = DEAD, True
        cache._unindex(old)
        track_again((old,))
        drop_empty(cache, (), [old])
        taken.append(old)
    return taken
