"""Removes nodes of which a cache knows nothing any more; and, in `trim`, older memos that have waited too long."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import ref

from ._memo import DEAD, Memo, State
from ._node import plain_key

if TYPE_CHECKING:
    from ._protocols import CacheShape


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


def drop_emptied(cache: "CacheShape", emptied: Emptied) -> list[State]:
    """Forgets those nodes of which still nothing is left, then nodes that only they had read; returns them."""
    taken = []
    pending = list(emptied)
    while pending:
        noted = pending.pop()
        state = noted() if isinstance(noted, ref) else noted
        if state is not None and _take_out(cache, state):
            taken.append(state)
            for one in emptied.get(noted, ()):
                read = one() if isinstance(one, ref) else one
                if read is not None:
                    home = cache._home(read)
                    home.discard_reader(state)
                    pending.append(home.link or home)
    return taken


def _take_out(cache: "CacheShape", state: State) -> bool:
    """Takes a node out of a cache that knows nothing of it any more; True when it did."""
    if not state.alive or state.home is not cache._token or not state.is_empty():
        return False
    states_here = cache.states_of(plain_key(state.key)[0])
    if states_here.get(state.key) is not state:
        return False
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
        drop_empty(cache, (), [old])
        taken.append(old)
    return taken
