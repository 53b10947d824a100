"""Removes nodes of which a cache knows nothing more; `trim` evicts memos that waited too long; `fold` those that nobody wants.

`drop_empty` does so at once, after an invalidation or an eviction.  `drop_emptied` does so later, for nodes that a dropped tweak
has emptied (`Cache._emptied`): the next scenario is likely to compute them again.

Memos that are folded have others rest on them, which still rest on what they had read: an invalidation or a first tweak of that
must reach these.  Walks go from reader to reader, so one home in the place of theirs is noted as a reader of all that they read,
and has their readers.  A walk that comes by asks the memos of these readers themselves, which still refer to the folded ones.

`_fold` folds one memo, if `_list_read` finds that nothing else is read; `_take_out` and `_give_up` take out homes without memos.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from weakref import ref

from ..facts.binding import Key
from ..facts.homes import track_again
from ..facts.memo import DEAD, LIVE, Memo, NodeMemos, Noted
from ..facts.node import plain_key
from .stale import take_waiting

if TYPE_CHECKING:
    from .protocols import CacheShape


Emptied = dict[Noted, list[Noted]]
"""Nodes of which nothing was left when a tweak was dropped, each with the nodes that it had read."""


def drop_empty(cache: "CacheShape", homes: Iterable[NodeMemos], lost: Iterable[Memo] = ()) -> None:
    """Forgets nodes of which nothing is left: these, and those of `lost` memos; then nodes that only they had read."""
    read: dict[NodeMemos, list[Memo]] = {}
    for memo in lost:
        read.setdefault(memo.home, []).append(memo)
    pending = [*homes, *read]
    while pending:
        home = pending.pop()
        if _take_out(cache, home):
            for memo in [one for gone in read.pop(home, ()) for one in gone.dependencies if one.home.token is not None]:
                other = cache._home_here(memo.home)
                other.discard_reader(home)
                read.setdefault(other, []).append(memo)
                pending.append(other)


def drop_emptied(cache: "CacheShape", emptied: Emptied, taken: list[NodeMemos]) -> Emptied:
    """Forgets the nodes that are still empty, then the nodes that only they had read.

    A node may have been computed again in between: the nodes that it read before and does not read now lose it as a reader.

    Args:
        cache: holds the nodes.
        emptied: the nodes, each with those that it had read.
        taken: collects the forgotten nodes, to be released after the lock.

    Returns:
        The nodes that are being computed, for the caller to pass in again later.
    """
    pending = list(emptied)
    seen: set[Noted] = set()
    later: Emptied = {}
    while pending:
        noted = pending.pop()
        home = noted() if isinstance(noted, ref) else noted
        if home is None:
            continue
        before = emptied.get(noted, [])
        kept: set[NodeMemos] = set()
        if _take_out(cache, home):
            taken.append(home)
        elif home.open_runs:
            later[noted] = before
            continue
        elif not before or noted in seen or not _list_read(cache, home, kept):
            continue
        seen.add(noted)
        for one in before:
            read = one() if isinstance(one, ref) else one
            other = None if read is None else cache._home_here(read)
            if other is not None and other not in kept:
                other.discard_reader(home)
                pending.append(other.link or other)
    return later


def _list_read(cache: "CacheShape", home: NodeMemos, found: set[NodeMemos]) -> bool:
    """Collects the nodes that a node reads now; False when it may read others, or is gone."""
    memos = [memo for memo in (*home.memos(), home.newest, *(home.waiting or ())) if memo is not None]
    found.update(read.home for memo in memos for read in memo.dependencies)
    is_known = not home.has_lost and not any(memo.inner_nodes or memo.made for memo in memos if memo.extra is not None)
    return is_known and home.alive and all(read.token is cache._token and read.alive for read in found)


def _take_out(cache: "CacheShape", home: NodeMemos) -> bool:
    """Takes a node out of a cache that knows nothing of it any more; True when it did."""
    if not home.alive or home.token is not cache._token or not home.is_empty():
        return False
    homes_here = cache.homes_of(plain_key(home.key)[0])
    if homes_here.get(home.key) is not home:
        return False
    track_again((home,))  # first: nothing shows a home that is not in the table
    home.alive = False
    homes_here.take_out(home)
    cache.stale.discard(home)
    return True


def trim(cache: "CacheShape") -> list[Memo]:
    """Evicts the oldest memos that wait to be verified, if there are too many; returns the evicted ones."""
    taken = list[Memo]()
    for home in cache.stale.pop_excess():
        gone = take_waiting(home)
        for old in gone:
            old.status, home.has_lost = DEAD, True
            cache._unindex(old)
        track_again(gone)
        drop_empty(cache, (), gone)
        taken += gone
    return taken


def fold(cache: "CacheShape", place: Key, memos: Iterable[Memo]) -> NodeMemos:
    """Takes memos of one function out of a cache, and of those that share its group; no open run may have read one.

    Args:
        cache: the cache.
        place: the key of the home that takes the place of theirs: of the same function, which is a local one.
        memos: the memos; those that are not in force are left as they are.

    Returns:
        The home in their place.

    Complexity: O(their reads and readers).
    """
    group = cache.group
    with group.lock:
        caches = group.list_caches()
        for memo in memos:
            if memo.status == LIVE:
                _fold(caches, place, memo)
        home: NodeMemos = cache.home_of(place)
        return home


def _fold(caches: "Sequence[CacheShape]", place: Key, memo: Memo) -> None:
    key, token = memo.home.key, memo.home.token
    cache = next(cache for cache in caches if cache._token is token)
    here = cache.home_of(place)
    cache.remove(memo, DEAD)
    for home in [cache._home_here(read.home) for read in memo.dependencies if read.home.token is not None]:
        if home is not here:
            home.add_reader(here)
    for inner in memo.inner_nodes:
        cache.home_of(plain_key(inner)).add_reader(here)
    for other in caches:
        known = other.find_home(key)
        if known is not None:
            there = other.home_of(place)
            for reader in known.live_readers():
                if reader is not there:
                    there.add_reader(reader)
            _give_up(other, known)
    memo.home = here


def _give_up(cache: "CacheShape", home: NodeMemos) -> None:
    """Takes out a home without memos, whose readers have another one."""
    if home.open_runs or not home.is_new():
        return
    track_again((home,))
    home.alive = False
    cache.homes_of(plain_key(home.key)[0]).take_out(home)
    cache.stale.discard(home)
